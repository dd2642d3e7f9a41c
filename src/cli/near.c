/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/near.h"

enum { WORD_MAX = 40 };

/* Edits (insert, remove, replace, swap of neighbours) between two short words. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (unsigned i = 0; i <= n; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			d[i][j] = MIN(d[i - 1][j] + 1, d[i][j - 1] + 1);
			d[i][j] = MIN(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

const char *near_miss(const char *typed, const struct strv *known)
{
	size_t len = strlen(typed);
	unsigned best = len <= 3 ? 2 : 3; /* distances below this count */
	const char *found = NULL;

	for (size_t i = 0; i < known->len; i++) {
		unsigned d = distance(typed, known->ptr[i]);

		if (d < best) {
			best = d;
			found = known->ptr[i];
		} else if (!found && len >= 3 && str_skip_prefix(known->ptr[i], typed)) {
			found = known->ptr[i];
		}
	}
	return found;
}

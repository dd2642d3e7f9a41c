/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "container/attach.h"

/* "a" is itself, "ctrl-x" a control character. */
static int parse_key(struct str key, unsigned char *ret)
{
	const char *punctuation = "@[\\]^_";
	const char *found;

	if (key.len == 1) {
		*ret = (unsigned char)key.ptr[0];
		return 0;
	}
	if (key.len != 6 || memcmp(key.ptr, "ctrl-", 5) != 0)
		return -1;
	if (key.ptr[5] >= 'a' && key.ptr[5] <= 'z') {
		*ret = (unsigned char)(key.ptr[5] - 'a' + 1);
		return 0;
	}
	found = key.ptr[5] ? strchr(punctuation, key.ptr[5]) : NULL;
	if (!found)
		return -1;
	*ret = found == punctuation ? 0 : (unsigned char)(26 + (found - punctuation));
	return 0;
}

int detach_parser_init(struct detach_parser *p, const char *keys, struct error *err)
{
	struct str rest = str_from(str_empty_or_null(keys) ? "ctrl-p,ctrl-q" : keys), key;

	*p = (struct detach_parser){ 0 };
	while (str_cut(&rest, ',', &key)) {
		if (p->n_keys == DETACH_KEYS_MAX || parse_key(key, &p->keys[p->n_keys]) < 0)
			return error_set(err, ERROR_INVALID, "Invalid detach keys (%s) provided",
			                 keys);
		p->n_keys++;
	}
	return 0;
}

/*
 * In place: keys held back from an earlier piece come out before this piece's bytes when they turn
 * out to be no sequence, so the output can be longer than the input by what was held. The caller's
 * buffer must have room: it reads no more than its size less DETACH_KEYS_MAX.
 */
bool detach_parser_feed(struct detach_parser *p, const char *in, size_t n, char *out, size_t *ret_n)
{
	AUTO_FREE char *copy = xmemdup(in, n ? n : 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)copy[i];

		if (c == p->keys[p->matched]) {
			if (++p->matched == p->n_keys) {
				p->matched = 0;
				*ret_n = len;
				return true;
			}
			continue;
		}
		memcpy(out + len, p->keys, p->matched);
		len += p->matched;
		p->matched = c == p->keys[0] && p->n_keys > 1 ? 1 : 0;
		if (!p->matched)
			out[len++] = (char)c;
	}
	*ret_n = len;
	return false;
}

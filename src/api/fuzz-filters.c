/* SPDX-License-Identifier: Apache-2.0 */
#include "api/filters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const allowed[] = { "label", "name", "until", NULL };
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_FILTERS f = { 0 };
	AUTO_STRMAP labels = { 0 };
	struct error err = { 0 };
	int64_t until;

	if (filters_parse(text, allowed, &f, &err) < 0)
		return 0;
	strmap_set(&labels, "a", "b");
	filters_labels(&f, &labels);
	filters_contains(&f, "name", "text");
	IGNORE_RESULT(filters_until(&f, &until, &err) < 0, "any answer will do");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "http/server.h"

#include "unit.h"

TEST(ranges)
{
	static const struct {
		const char *value;
		int64_t size;
		int n;
		const char *out;
	} cases[] = {
		{ NULL, 10, 0, "" },
		{ "bytes=0-4", 10, 1, "0-4 " },
		{ "bytes=5-", 10, 1, "5-9 " },
		{ "bytes=-3", 10, 1, "7-9 " },
		{ "bytes=-30", 10, 1, "0-9 " },
		{ "bytes=8-99", 10, 1, "8-9 " },
		{ "bytes=0-0,-1", 10, 2, "0-0 9-9 " },
		{ "bytes=8-9, 0-1 ,,4-5", 10, 3, "0-1 4-5 8-9 " },
		{ "bytes=0-5,3-7,7-8", 10, 1, "0-8 " },
		{ "bytes=10-", 10, -1, "" },
		{ "bytes=-0", 10, -1, "" },
		{ "bytes=0-0", 0, -1, "" },
		{ "bytes=10-,0-1", 10, 1, "0-1 " },
		{ "bytes=4-3", 10, 0, "" },
		{ "bytes=a-b", 10, 0, "" },
		{ "bytes=-", 10, 0, "" },
		{ "bytes=1", 10, 0, "" },
		{ "bytes=", 10, 0, "" },
		{ "lines=0-1", 10, 0, "" },
		{ "bytes=0-99999999999999999999", 10, 0, "" },
		{ "bytes=0-0,2-2,4-4,6-6,8-8", 10, 0, "" }, /* more than there is room for */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_range r[4];
		AUTO_STRBUF out = { 0 };
		int n = http_parse_range(cases[i].value, cases[i].size, r, ARRAY_SIZE(r));

		for (int k = 0; k < n; k++)
			strbuf_printf(&out, "%d-%d ", (int)r[k].first, (int)r[k].last);
		if (n != cases[i].n || strcmp(strbuf_cstr(&out), cases[i].out) != 0)
			fail_msg("%s: %d %s", cases[i].value, n, strbuf_cstr(&out));
	}
}

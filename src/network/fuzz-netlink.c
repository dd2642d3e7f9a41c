/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "network/netlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct str attrs, unsigned depth)
{
	struct nl_attr a;

	while (nl_next_attr(&attrs, &a)) {
		struct str text = nl_string(a.data);

		assert(text.len <= a.data.len);
		assert(nl_u32(a.data) == 0 || a.data.len == 4);
		if (depth < 4)
			walk(a.data, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_n((const char *)data, size);
	struct nl_message m;

	while (nl_next(&rest, &m)) {
		struct str attrs = m.payload;

		walk(attrs, 0);
		if (nl_skip(&attrs, 16))
			walk(attrs, 0);
	}
	return 0;
}

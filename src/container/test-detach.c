/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "container/attach.h"
#include "unit.h"

TEST(keys)
{
	struct detach_parser p;
	struct error err = { 0 };

	assert_int_equal(detach_parser_init(&p, NULL, &err), 0);
	assert_int_equal(p.n_keys, 2);
	assert_int_equal(p.keys[0], 16);
	assert_int_equal(p.keys[1], 17);
	assert_int_equal(detach_parser_init(&p, "a,ctrl-@,ctrl-_", &err), 0);
	assert_int_equal(p.keys[1], 0);
	assert_int_equal(p.keys[2], 31);
	assert_true(detach_parser_init(&p, "ctrl-A", &err) < 0);
	assert_true(detach_parser_init(&p, "shift-a", &err) < 0);
	assert_true(detach_parser_init(&p, "a,", &err) < 0);
}

static bool feed(struct detach_parser *p, const char *text, char *out)
{
	size_t n;
	bool found = detach_parser_feed(p, text, strlen(text), out, &n);

	out[n] = '\0';
	return found;
}

TEST(sequences)
{
	struct detach_parser p;
	struct error err = { 0 };
	char out[64];

	assert_int_equal(detach_parser_init(&p, NULL, &err), 0);
	assert_false(feed(&p, "abc", out));
	assert_string_equal(out, "abc");
	assert_false(feed(&p, "x\x10", out)); /* held back */
	assert_string_equal(out, "x");
	assert_false(feed(&p, "y", out));
	assert_string_equal(out, "\x10y");
	assert_false(feed(&p, "\x10\x10", out));
	assert_string_equal(out, "\x10");
	assert_true(feed(&p, "\x11rest", out));
	assert_string_equal(out, "");
}

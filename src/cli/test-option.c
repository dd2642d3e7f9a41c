/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option.h"

#include "unit.h"

static const struct cli_option table[] = {
	{ "interactive", 'i', OPTION_BOOL, "" },
	{ "tty", 't', OPTION_BOOL, "" },
	{ "rm", 0, OPTION_BOOL, "" },
	{ "name", 0, OPTION_STRING, "", .initial = "none" },
	{ "publish", 'p', OPTION_LIST, "" },
	{ "time", 'T', OPTION_INT, "" },
	{ "memory", 'm', OPTION_BYTES, "" },
	{ "subnet", 0, OPTION_STRINGS, "" },
	{ "filter", 'f', OPTION_FILTER, "" },
	{ NULL },
};

struct parsed {
	struct option_values v;
	struct strv args;
	struct error err;
	int used;
};

static void parse(struct parsed *p, bool stop_early, char *const *argv)
{
	*p = (struct parsed){ 0 };
	option_values_add(&p->v, table);
	p->used = options_parse(&p->v, argv, stop_early, &p->args, &p->err);
}

static void parsed_done(struct parsed *p)
{
	option_values_done(&p->v);
	strv_done(&p->args);
}

/* options_parse() takes argv as main() has it */
#define ARGV(...) ((char *const *)(uintptr_t)(const char *[]){ __VA_ARGS__, NULL })

TEST(takes_every_form_of_an_option)
{
	CLEANUP(parsed_done) struct parsed p;

	parse(&p, true,
	      ARGV("-it", "--rm=false", "-p80:80", "-p", "81:81", "-p=82:82", "--publish=83:83",
	           "--name", "x", "-m", "64m", "--subnet", "a,b", "image", "-i", "--nope"));
	assert_int_equal(p.used, 16);
	assert_true(option_bool(&p.v, "interactive"));
	assert_true(option_bool(&p.v, "tty"));
	assert_true(option_given(&p.v, "rm"));
	assert_false(option_bool(&p.v, "rm"));
	assert_int_equal(option_list(&p.v, "publish")->len, 4);
	assert_string_equal(option_list(&p.v, "publish")->ptr[2], "82:82");
	assert_string_equal(option_string(&p.v, "name"), "x");
	assert_int_equal(option_int(&p.v, "memory"), 64 << 20);
	assert_int_equal(option_list(&p.v, "subnet")->len, 2);
	assert_int_equal(p.args.len, 3);
	assert_string_equal(p.args.ptr[1], "-i");
}

TEST(options_and_operands_mix_unless_stopped)
{
	CLEANUP(parsed_done) struct parsed p;

	parse(&p, false, ARGV("a", "-t", "b", "--", "-i"));
	assert_true(option_bool(&p.v, "tty"));
	assert_false(option_bool(&p.v, "interactive"));
	assert_int_equal(p.args.len, 3);
	assert_string_equal(option_string(&p.v, "name"), "none");
}

TEST(refuses_in_words_that_people_know)
{
	static const struct {
		const char *argv[4];
		const char *message;
	} cases[] = {
		{ { "--zzzzzz" }, "unknown flag: --zzzzzz" },
		{ { "--nmae=x" }, "unknown flag: --nmae\nDid you mean --name?" },
		{ { "-ix" }, "unknown shorthand flag: 'x' in -ix" },
		{ { "--name" }, "flag needs an argument: --name" },
		{ { "-ip" }, "flag needs an argument: 'p' in -ip" },
		{ { "--=x" }, "bad flag syntax: --=x" },
		{ { "-T", "x" },
		  "invalid argument \"x\" for \"-T, --time\" flag: strconv.ParseInt: parsing \"x\": invalid syntax" },
		{ { "--rm=x" },
		  "invalid argument \"x\" for \"--rm\" flag: strconv.ParseBool: parsing \"x\": invalid syntax" },
		{ { "-m", "x" },
		  "invalid argument \"x\" for \"-m, --memory\" flag: invalid size: 'x'" },
		{ { "-f", "x" },
		  "invalid argument \"x\" for \"-f, --filter\" flag: bad format of filter (expected name=value)" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(parsed_done) struct parsed p;

		parse(&p, false, (char *const *)(uintptr_t)cases[i].argv);
		assert_true(p.used < 0);
		assert_string_equal(p.err.message, cases[i].message);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/template.h"

#include "json/json.h"
#include "unit.h"

static const char document[] =
	"{\"Name\":\"web\",\"Id\":\"abc\",\"Count\":3,\"Ratio\":1.5,\"Up\":true,\"Off\":false,\"None\":null,"
	"\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"List\":[\"x\",\"y\",\"z\"],\"Empty\":[],"
	"\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}],\"90/udp\":null},"
	"\"Nested\":{\"Deep\":{\"Leaf\":\"<&>\"}},\"Big\":9007199254740993}";

static int run(const char *text, struct strbuf *out, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *doc = NULL;
	CLEANUP(template_free_ptr) struct template *t = NULL;
	struct tvalue v;

	doc = json_parse(str_from(document), err);
	assert_non_null(doc);
	t = template_parse(text, err);
	if (!t)
		return -1;
	v = tvalue_from_json(doc);
	return template_execute(t, &v, 0, out, err);
}

/* What Go's text/template prints for the same text and value. */
TEST(prints_what_go_prints)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "plain", "plain" },
		{ "{{.Name}}", "web" },
		{ "a {{- .Name -}} b", "awebb" },
		{ "{{/* note */}}x", "x" },
		{ "{{.Count}} {{.Ratio}} {{.Up}} {{.Big}}", "3 1.5 true 9007199254740993" },
		{ "{{.Nested.Deep.Leaf}}", "<&>" },
		{ "{{json .Nested}}", "{\"Deep\":{\"Leaf\":\"<&>\"}}" },
		{ "{{.Labels}} {{.List}}", "map[a:1 b:2] [x y z]" },
		{ "{{range .List}}[{{.}}]{{end}}", "[x][y][z]" },
		{ "{{range $i, $e := .List}}{{$i}}={{$e}};{{end}}", "0=x;1=y;2=z;" },
		{ "{{range $k, $v := .Labels}}{{$k}}{{$v}}{{end}}", "a1b2" },
		{ "{{range .Empty}}x{{else}}none{{end}}", "none" },
		{ "{{range .List}}{{if eq . \"y\"}}{{continue}}{{end}}{{.}}{{end}}", "xz" },
		{ "{{range .List}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x" },
		{ "{{if .Off}}a{{else if .Up}}b{{else}}c{{end}}", "b" },
		{ "{{with .Nested.Deep}}{{.Leaf}}{{end}}", "<&>" },
		{ "{{with .Empty}}a{{else}}b{{end}}", "b" },
		{ "{{$n := .Name}}{{$n}}{{$.Id}}", "webabc" },
		{ "{{$n := 1}}{{range .List}}{{$n = 2}}{{end}}{{$n}}", "2" },
		{ "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
		{ "{{index .Labels \"a\"}}{{index .Labels \"no\"}}!", "1!" },
		{ "{{len .List}}{{len .Name}}{{len .Labels}}", "332" },
		{ "{{slice .Name 1}} {{slice .Name 0 1}}", "eb w" },
		{ "{{upper .Name}} {{lower \"ABC\"}} {{title \"ab cd\"}}", "WEB abc Ab Cd" },
		{ "{{join .List \",\"}} {{join (split \"a:b:c\" \":\") \"+\"}}", "x,y,z a+b+c" },
		{ "{{truncate .Id 2}}{{pad \"x\" 1 2}}|", "ab x  |" },
		{ "{{.Name | upper | printf \"%s!\"}}", "WEB!" },
		{ "{{printf \"%-5s|%5s|%05d|%q|%x|%.2f|%v|%%\" .Name .Id .Count .Name 255 .Ratio .Up}}",
		  "web  |  abc|00003|\"web\"|ff|1.50|true|%" },
		{ "{{printf \"%d\" .Name}}", "%!d(string=web)" },
		{ "{{print 1 2}}", "1 2" },
		{ "{{println .Name}}", "web\n" },
		{ "{{eq .Count 3}} {{ne .Name \"web\"}} {{lt 1 2}} {{ge 1.5 .Ratio}} {{eq .Name \"a\" \"web\"}}",
		  "true false true true true" },
		{ "{{and .Up .Name}} {{or .Off .Name}} {{not .Up}}", "web web false" },
		{ "{{and .Off (index .List 99)}}", "false" },
		{ "{{html \"<a>\"}} {{urlquery \"a b&c\"}} {{js \"it's\"}}",
		  "&lt;a&gt; a+b%26c it\\'s" },
		{ "{{\"a\\tb\\u00e9\"}} {{`raw\\n`}}", "a\tb\xc3\xa9 raw\\n" },
		{ "{{.name}}", "web" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_STRBUF out = { 0 };
		struct error err = { 0 };

		if (run(cases[i].text, &out, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.message);
		if (strcmp(strbuf_cstr(&out), cases[i].expected) != 0)
			fail_msg("%s: got '%s'", cases[i].text, strbuf_cstr(&out));
	}
}

TEST(says_where_it_is_wrong)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "{{.Name", "template: :1: unclosed action" },
		{ "a\n{{nosuch}}", "template: :2: function \"nosuch\" not defined" },
		{ "{{if .Up}}x", "template: :1: unexpected EOF" },
		{ "{{end}}", "template: :1: unexpected {{end}}" },
		{ "{{$x}}", "template: :1: undefined variable \"$x\"" },
		{ "{{define \"a\"}}{{end}}",
		  "template: :1: \"define\" is not supported in formats" },
		{ "{{.Nope}}",
		  "template: :1:2: executing \"\" at <.Nope>: map has no entry for key \"Nope\"" },
		{ "{{index .List 9}}",
		  "template: :1:2: executing \"\" at <index>: error calling index: reflect: slice index out of range" },
		{ "{{lt .Up 1}}",
		  "template: :1:2: executing \"\" at <lt>: error calling lt: incompatible types for comparison" },
		{ "{{break}}", "template: :1: {{break}} outside {{range}}" },
		{ "{{\"open}}", "template: :1: unterminated quoted string" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_STRBUF out = { 0 };
		struct error err = { 0 };

		assert_true(run(cases[i].text, &out, &err) < 0);
		assert_string_equal(err.message, cases[i].expected);
	}
}

TEST(ends_what_would_not_end)
{
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_true(run("{{range 99999}}{{range 99999}}{{range 99999}}{{end}}{{end}}{{end}}", &out,
	                &err) < 0);
	assert_non_null(strstr(err.message, "too many steps"));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* events: what happens, as it happens. */
#include <stdio.h>

#include "base/time.h"
#include "cli/attach.h"
#include "cli/commands.h"
#include "cli/json-text.h"
#include "cli/template.h"

static void print_event(const json_t *e)
{
	const json_t *attributes = item_at(e, "Actor.Attributes"), *value;
	AUTO_STRV all = { 0 };
	AUTO_STRBUF text = { 0 };
	int64_t nanos = item_int(e, "timeNano");
	char when[TIME_RFC3339_MAX];
	const char *key;

	if (!nanos)
		nanos = item_int(e, "time") * NSEC_PER_SEC;
	json_object_foreach ((json_t *)(uintptr_t)attributes, key, value)
		strv_printf(&all, "%s=%s", key,
		            json_is_string(value) ? json_string_value(value) : "");
	strv_sort(&all);
	strbuf_printf(&text, "%s %s %s %s", time_format_fixed(nanos, when), item_string(e, "Type"),
	              item_string(e, "Action"), item_string(e, "Actor.ID"));
	for (size_t i = 0; i < all.len; i++)
		strbuf_printf(&text, "%s%s", i ? ", " : " (", all.ptr[i]);
	if (all.len)
		strbuf_putc(&text, ')');
	cli_print_safe(stdout, strbuf_cstr(&text));
	putchar('\n');
}

static int print_one(const struct template *t, const json_t *e, struct error *err)
{
	AUTO_STRBUF out = { 0 };
	struct tvalue v = tvalue_from_json(e);

	if (!t) {
		print_event(e);
	} else {
		if (template_execute(t, &v, 0, &out, err) < 0)
			return error_errno(err);
		strbuf_putc(&out, '\n');
		if (cli_write(strbuf_cstr(&out), out.len, err) < 0)
			return error_errno(err);
	}
	if (fflush(stdout) != 0)
		return error_set(err, ERROR_CANCELLED, "standard output was closed");
	return 0;
}

static int events(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	CLEANUP(template_free_ptr) struct template *t = NULL;
	CLEANUP(json_stream_done) struct json_stream stream = { 0 };
	struct engine_request r = { .method = "GET" };
	struct http_response answer;
	const char *format = opt_string(cli, "format");
	json_t *event;
	int rc;

	strbuf_puts(&target, "/events");
	if (target_time(cli, &target, "since", err) < 0 ||
	    target_time(cli, &target, "until", err) < 0)
		return error_errno(err);
	target_filters(&target, opt_list(cli, "filter"));
	if (*format && !(t = template_parse(streq(format, "json") ? "{{json .}}" : format, err)))
		return error_prefix(err, "Error parsing format");
	r.target = strbuf_cstr(&target);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	stream.answer = &answer;
	while ((rc = json_stream_next(&stream, &event, err)) > 0) {
		rc = print_one(t, event, err);
		json_decref(event);
		if (rc < 0)
			break;
	}
	http_response_done(&answer);
	/* without --until the stream has no end of its own: the engine went away */
	if (!rc && !*opt_string(cli, "until"))
		return error_set(err, ERROR_UNAVAILABLE, "the engine ended the stream of events");
	return rc;
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "filter", 'f', OPTION_FILTER, "Only those that match, as event=die or container=web" },
	{ "format", 0, OPTION_STRING, FORMAT_HELP_INSPECT },
	{ "since", 0, OPTION_STRING, "From this time on, or so long ago (10m)" },
	{ "until", 0, OPTION_STRING, "Up to this time" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_events = {
	.name = "events",
	.brief = "Show what happens, as it happens",
	.options = options,
	.run = events,
	.group = CLI_GROUP_MORE,
};

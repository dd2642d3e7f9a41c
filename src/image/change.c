/* SPDX-License-Identifier: Apache-2.0 */
/* The Dockerfile lines that `commit` and `import` take with --change. */
#include "image/image-internal.h"

#include <ctype.h>

#include "base/alloc.h"

struct change {
	const char *keyword;
	int (*apply)(struct image_run_config *c, const char *keyword, const char *rest,
	             struct error *err);
};

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t\r\n\v\f");
}

/* 1 when rest is a JSON array of strings, 0 when it is a shell line. */
static int parse_exec_form(const char *rest, struct strv *ret)
{
	struct error ignored;
	size_t i;
	json_t *item;
	AUTO_JSON *doc = *rest == '[' ? json_parse(str_from(rest), &ignored) : NULL;

	if (!json_is_array(doc))
		return 0;
	json_array_foreach (doc, i, item) {
		if (!json_is_string(item)) {
			strv_clear(ret);
			return 0;
		}
		strv_add(ret, json_string_value(item));
	}
	return 1;
}

static void set_command(const struct image_run_config *c, const char *rest, struct strv *ret)
{
	strv_clear(ret);
	if (parse_exec_form(rest, ret))
		return;
	if (c->shell.len)
		strv_copy(ret, &c->shell);
	else {
		strv_add(ret, "/bin/sh");
		strv_add(ret, "-c");
	}
	strv_add(ret, rest);
}

static int apply_cmd(struct image_run_config *c, const char *keyword, const char *rest,
                     struct error *err)
{
	set_command(c, rest, &c->cmd);
	return 0;
}

static int apply_entrypoint(struct image_run_config *c, const char *keyword, const char *rest,
                            struct error *err)
{
	set_command(c, rest, &c->entrypoint);
	return 0;
}

static int apply_shell(struct image_run_config *c, const char *keyword, const char *rest,
                       struct error *err)
{
	AUTO_STRV words = { 0 };

	if (!parse_exec_form(rest, &words) || !words.len)
		return error_set(err, ERROR_INVALID,
		                 "SHELL requires the arguments to be in JSON form");
	strv_clear(&c->shell);
	strv_copy(&c->shell, &words);
	return 0;
}

/* The next word with quotes and backslashes resolved; false at the end. */
static bool next_word(const char **s, struct strbuf *out)
{
	char quote = 0;
	const char *p = skip_space(*s);

	strbuf_clear(out);
	if (!*p)
		return false;
	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == '\\' && quote != '\'' && p[1])
			strbuf_putc(out, *++p);
		else if (quote && *p == quote)
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else
			strbuf_putc(out, *p);
	}
	*s = p;
	return true;
}

typedef void (*pair_fn)(struct image_run_config *c, const char *key, const char *value);

static int each_pair(struct image_run_config *c, const char *keyword, const char *rest, pair_fn fn,
                     struct error *err)
{
	AUTO_STRBUF word = { 0 };
	size_t n = strcspn(rest, " \t=");

	/* The old form, "ENV key the whole rest". */
	if (rest[n] != '=' && rest[n]) {
		AUTO_FREE char *key = xstrndup(rest, n);
		fn(c, key, skip_space(rest + n));
		return 0;
	}
	while (next_word(&rest, &word)) {
		const char *equals = strchr(strbuf_cstr(&word), '=');
		if (!equals || equals == word.ptr)
			return error_set(
				err, ERROR_INVALID,
				"Syntax error - can't find = in \"%.200s\". Must be of the form: "
				"name=value",
				strbuf_cstr(&word));
		AUTO_FREE char *key = xstrndup(word.ptr, (size_t)(equals - word.ptr));
		fn(c, key, equals + 1);
	}
	return 0;
}

static void set_env(struct image_run_config *c, const char *key, const char *value)
{
	strv_env_set(&c->env, key, value);
}

static int apply_env(struct image_run_config *c, const char *keyword, const char *rest,
                     struct error *err)
{
	return each_pair(c, keyword, rest, set_env, err);
}

static void set_label(struct image_run_config *c, const char *key, const char *value)
{
	strmap_set(&c->labels, key, value);
}

static int apply_label(struct image_run_config *c, const char *keyword, const char *rest,
                       struct error *err)
{
	return each_pair(c, keyword, rest, set_label, err);
}

static int add_port(struct image_run_config *c, const char *word, struct error *err)
{
	struct str rest = str_from(word), port;
	uint64_t number;
	const char *protocol = strchr(word, '/');

	if (!str_cut(&rest, '/', &port) || parse_u64_str(port, 10, &number) < 0 || number < 1 ||
	    number > 65535)
		return error_set(err, ERROR_INVALID, "invalid containerPort: %.100s", word);
	if (protocol && !streq(protocol, "/tcp") && !streq(protocol, "/udp") &&
	    !streq(protocol, "/sctp"))
		return error_set(err, ERROR_INVALID, "invalid proto: %.100s", protocol + 1);
	AUTO_FREE char *text =
		xasprintf("%llu%s", (unsigned long long)number, protocol ? protocol : "/tcp");
	if (!strv_has(&c->exposed_ports, text))
		strv_add(&c->exposed_ports, text);
	return 0;
}

static int apply_expose(struct image_run_config *c, const char *keyword, const char *rest,
                        struct error *err)
{
	AUTO_STRBUF word = { 0 };
	int r = 0;
	while (r >= 0 && next_word(&rest, &word))
		r = add_port(c, strbuf_cstr(&word), err);
	return r;
}

static int apply_volume(struct image_run_config *c, const char *keyword, const char *rest,
                        struct error *err)
{
	AUTO_STRV paths = { 0 };
	AUTO_STRBUF word = { 0 };

	if (!parse_exec_form(rest, &paths)) {
		while (next_word(&rest, &word))
			strv_add(&paths, strbuf_cstr(&word));
	}
	vec_for_each (&paths, path) {
		if (!**path)
			return error_set(err, ERROR_INVALID,
			                 "VOLUME specified can not be an empty string");
		if (!strv_has(&c->volumes, *path))
			strv_add(&c->volumes, *path);
	}
	return 0;
}

static int apply_user(struct image_run_config *c, const char *keyword, const char *rest,
                      struct error *err)
{
	free(c->user);
	c->user = xstrdup(rest);
	return 0;
}

static int apply_workdir(struct image_run_config *c, const char *keyword, const char *rest,
                         struct error *err)
{
	char *path = *rest == '/' ? xstrdup(rest)
	                          : xasprintf("%s/%s",
	                                      c->working_dir && !streq(c->working_dir, "/")
	                                              ? c->working_dir
	                                              : "",
	                                      rest);
	free(c->working_dir);
	c->working_dir = path;
	return 0;
}

static int apply_stopsignal(struct image_run_config *c, const char *keyword, const char *rest,
                            struct error *err)
{
	free(c->stop_signal);
	c->stop_signal = xstrdup(rest);
	return 0;
}

static int apply_onbuild(struct image_run_config *c, const char *keyword, const char *rest,
                         struct error *err)
{
	strv_add(&c->on_build, rest);
	return 0;
}

static int apply_healthcheck(struct image_run_config *c, const char *keyword, const char *rest,
                             struct error *err)
{
	struct healthcheck *h = c->healthcheck ? c->healthcheck : NEW(struct healthcheck);
	const char *command = str_skip_prefix(rest, "CMD ");

	c->healthcheck = h;
	strv_clear(&h->test);
	if (streq(rest, "NONE")) {
		strv_add(&h->test, "NONE");
		return 0;
	}
	if (!command)
		return error_set(err, ERROR_INVALID,
		                 "HEALTHCHECK in a change takes \"NONE\" or \"CMD command\"");
	AUTO_STRV words = { 0 };
	command = skip_space(command);
	if (parse_exec_form(command, &words)) {
		strv_add(&h->test, "CMD");
		strv_copy(&h->test, &words);
	} else {
		strv_add(&h->test, "CMD-SHELL");
		strv_add(&h->test, command);
	}
	return 0;
}

static const struct change changes[] = {
	{ "CMD", apply_cmd },
	{ "ENTRYPOINT", apply_entrypoint },
	{ "ENV", apply_env },
	{ "EXPOSE", apply_expose },
	{ "HEALTHCHECK", apply_healthcheck },
	{ "LABEL", apply_label },
	{ "ONBUILD", apply_onbuild },
	{ "SHELL", apply_shell },
	{ "STOPSIGNAL", apply_stopsignal },
	{ "USER", apply_user },
	{ "VOLUME", apply_volume },
	{ "WORKDIR", apply_workdir },
};

int image_config_change(struct image_run_config *c, const char *line, struct error *err)
{
	line = skip_space(line);
	size_t n = strcspn(line, " \t");
	struct str keyword = str_n(line, n), rest = str_trim(str_from(line + n));
	AUTO_FREE char *argument = xstrndup(rest.ptr, rest.len);

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		if (!str_ieq_c(keyword, changes[i].keyword))
			continue;
		if (!*argument)
			return error_set(err, ERROR_INVALID, "%s requires at least one argument",
			                 changes[i].keyword);
		return changes[i].apply(c, changes[i].keyword, argument, err);
	}
	return error_set(err, ERROR_INVALID, "%.*s is not a valid change command",
	                 STR_ARG(keyword));
}

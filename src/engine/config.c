/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config.h"

#include <errno.h>
#include <limits.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/settings.h"

enum { CONFIG_FILE_MAX = 1024 * 1024 };

static void *place(struct engine_config *c, const struct setting *s)
{
	return (char *)c + s->offset;
}

static void set_string(char **at, const char *value)
{
	free(*at);
	*at = xstrdup(value);
}

static int parse_bool(const char *value, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "true", "True", "TRUE" };
	static const char *const no[] = { "0", "f", "F", "false", "False", "FALSE" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (streq(value, yes[i]))
			return *ret = true, 0;
		if (streq(value, no[i]))
			return *ret = false, 0;
	}
	return -EINVAL;
}

static int invalid(struct error *err, const struct setting *s, const char *value, const char *want)
{
	return error_set(err, ERROR_INVALID, "invalid value \"%s\" for --%s: %s", value, s->flag,
	                 want);
}

static int add_pair(struct strmap *to, const struct setting *s, const char *value,
                    struct error *err)
{
	const char *eq = strchr(value, '=');
	AUTO_FREE char *key = NULL;

	if (!eq || eq == value)
		return invalid(err, s, value, "key=value is expected");
	key = xstrndup(value, (size_t)(eq - value));
	strmap_set(to, key, eq + 1);
	return 0;
}

static int add_ulimit(struct ulimit_vec *to, const struct setting *s, const char *value,
                      struct error *err)
{
	const char *eq = strchr(value, '=');
	const char *colon = eq ? strchr(eq, ':') : NULL;
	AUTO_FREE char *soft = NULL;
	struct ulimit u = { 0 };

	if (!eq || eq == value)
		return invalid(err, s, value, "name=soft:hard is expected");
	soft = colon ? xstrndup(eq + 1, (size_t)(colon - eq - 1)) : xstrdup(eq + 1);
	if (parse_i64(soft, &u.soft) < 0 || parse_i64(colon ? colon + 1 : soft, &u.hard) < 0)
		return invalid(err, s, value, "name=soft:hard is expected");
	u.name = xstrndup(value, (size_t)(eq - value));
	ulimit_vec_push(to, u);
	return 0;
}

/* base=10.0.0.0/8,size=24 -> "10.0.0.0/8,24" */
static int add_pool(struct strv *to, const struct setting *s, const char *value, struct error *err)
{
	struct str rest = str_from(value), part;
	AUTO_FREE char *base = NULL, *size = NULL;

	while (str_cut(&rest, ',', &part)) {
		struct str key = { 0 };

		if (!str_cut(&part, '=', &key) || !part.ptr)
			return invalid(err, s, value, "base=CIDR,size=BITS is expected");
		if (str_eq_c(key, "base") && !base)
			base = xstrndup(part.ptr, part.len);
		else if (str_eq_c(key, "size") && !size)
			size = xstrndup(part.ptr, part.len);
		else
			return invalid(err, s, value, "base=CIDR,size=BITS is expected");
	}
	if (!base || !size)
		return invalid(err, s, value, "base=CIDR,size=BITS is expected");
	strv_printf(to, "%s,%s", base, size);
	return 0;
}

/* One value as text, from the command line or a default. */
static int set_text(struct engine_config *c, const struct setting *s, const char *value,
                    struct error *err)
{
	int64_t number;

	switch (s->type) {
	case SETTING_BOOL:
		if (parse_bool(value, place(c, s)) < 0)
			return invalid(err, s, value, "true or false is expected");
		return 0;
	case SETTING_STRING:
		set_string(place(c, s), value);
		return 0;
	case SETTING_LIST:
		strv_add(place(c, s), value);
		return 0;
	case SETTING_MAP:
	case SETTING_RUNTIMES:
		return add_pair(place(c, s), s, value, err);
	case SETTING_INT:
		return parse_i64(value, &number) < 0
		               ? invalid(err, s, value, "a number is expected")
		               : 0;
	case SETTING_ULIMITS:
		return add_ulimit(place(c, s), s, value, err);
	case SETTING_POOLS:
		return add_pool(place(c, s), s, value, err);
	case SETTING_ANY:
		return 0;
	}
	return 0;
}

/* A setting that we can't honour: a warning, or an error unless it is switched off. */
static int set_foreign(struct engine_config *c, const struct setting *s, const char *value,
                       struct error *err)
{
	bool on = true;

	if (s->type == SETTING_BOOL && parse_bool(value, &on) < 0)
		return invalid(err, s, value, "true or false is expected");
	if ((s->flags & SETTING_REFUSED) && on)
		return error_set(
			err, ERROR_INVALID,
			"the setting \"%s\" is not supported: remove it, or run with an engine that has it",
			setting_key(s));
	if (s->flags & SETTING_IGNORED)
		strv_printf(&c->warnings, "the setting \"%s\" has no effect here", setting_key(s));
	return 0;
}

static bool is_foreign(const struct setting *s)
{
	return s->flags & (SETTING_IGNORED | SETTING_REFUSED);
}

static const struct setting *find_flag(struct str name)
{
	for (size_t i = 0; i < engine_n_settings; i++)
		if (!(engine_settings[i].flags & SETTING_FILE_ONLY) &&
		    str_eq_c(name, engine_settings[i].flag))
			return &engine_settings[i];
	return NULL;
}

static const struct setting *find_letter(char letter)
{
	for (size_t i = 0; i < engine_n_settings; i++)
		if (letter && engine_settings[i].letter == letter)
			return &engine_settings[i];
	return NULL;
}

static int take_flag(struct engine_config *c, const struct setting *s, const char *value,
                     struct error *err)
{
	json_t *all = json_object_get(c->given, setting_key(s));

	if (!all) {
		all = json_array();
		json_object_set_new(c->given, setting_key(s), all);
	}
	json_array_append_new(all, json_string(value));
	return is_foreign(s) ? set_foreign(c, s, value, err) : set_text(c, s, value, err);
}

/* --name, --name=value, --name value. Returns how many arguments after the first were taken. */
static int parse_long(struct engine_config *c, const char *arg, const char *next, struct error *err)
{
	size_t n = strcspn(arg, "=");
	const struct setting *s = find_flag(str_n(arg, n));
	int r;

	if (!s)
		return error_set(err, ERROR_INVALID, "unknown flag: --%.*s\nSee 'coracled --help'.",
		                 (int)n, arg);
	if (arg[n] == '=')
		return take_flag(c, s, arg + n + 1, err);
	if (s->type == SETTING_BOOL)
		return take_flag(c, s, "true", err);
	if (!next)
		return error_set(err, ERROR_INVALID, "flag needs an argument: --%s", s->flag);
	r = take_flag(c, s, next, err);
	return r < 0 ? r : 1;
}

/* -D, -Dl debug, -H value, -Hvalue, -H=value */
static int parse_short(struct engine_config *c, const char *arg, const char *next,
                       struct error *err)
{
	for (const char *p = arg; *p; p++) {
		const struct setting *s = find_letter(*p);
		int r;

		if (!s)
			return error_set(
				err, ERROR_INVALID,
				"unknown shorthand flag: '%c' in -%s\nSee 'coracled --help'.", *p,
				arg);
		if (s->type == SETTING_BOOL && p[1] != '=') {
			r = take_flag(c, s, "true", err);
			if (r < 0)
				return r;
			continue;
		}
		if (p[1])
			return take_flag(c, s, p[1] == '=' ? p + 2 : p + 1, err);
		if (!next)
			return error_set(err, ERROR_INVALID, "flag needs an argument: '%c' in -%s",
			                 *p, arg);
		r = take_flag(c, s, next, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int parse_arguments(struct engine_config *c, int argc, char **argv, struct error *err)
{
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
		int r;

		if (arg[0] != '-' || !arg[1])
			return error_set(
				err, ERROR_INVALID,
				"\"coracled\" accepts no arguments.\nSee 'coracled --help'.");
		r = arg[1] == '-' ? parse_long(c, arg + 2, next, err)
		                  : parse_short(c, arg + 1, next, err);
		if (r < 0)
			return r;
		i += r;
	}
	return 0;
}

static int wrong_type(struct error *err, const struct setting *s, const char *want)
{
	return error_set(err, ERROR_INVALID, "the setting \"%s\" is not %s", setting_key(s), want);
}

static int file_string(struct engine_config *c, const struct setting *s, const json_t *v,
                       struct error *err)
{
	if (!json_is_string(v))
		return wrong_type(err, s, "a text");
	return set_text(c, s, json_string_value(v), err);
}

static int file_list(struct engine_config *c, const struct setting *s, const json_t *v,
                     struct error *err)
{
	size_t i;
	json_t *item;

	if (!json_is_array(v))
		return wrong_type(err, s, "a list of texts");
	json_array_foreach (v, i, item) {
		if (!json_is_string(item))
			return wrong_type(err, s, "a list of texts");
		strv_add(place(c, s), json_string_value(item));
	}
	return 0;
}

static int file_map(struct engine_config *c, const struct setting *s, json_t *v, struct error *err)
{
	const char *key;
	json_t *item;

	if (!json_is_object(v))
		return wrong_type(err, s, "an object of texts");
	json_object_foreach (v, key, item) {
		const char *text = s->type == SETTING_RUNTIMES ? json_member_string(item, "path")
		                                               : json_string_value(item);

		if (!text && s->type == SETTING_RUNTIMES)
			return error_set(err, ERROR_INVALID, "the runtime \"%s\" has no path", key);
		if (!text)
			return wrong_type(err, s, "an object of texts");
		strmap_set(place(c, s), key, text);
	}
	return 0;
}

static int file_ulimits(struct engine_config *c, const struct setting *s, json_t *v,
                        struct error *err)
{
	const char *key;
	json_t *item;

	if (!json_is_object(v))
		return wrong_type(err, s, "an object of limits");
	json_object_foreach (v, key, item) {
		struct ulimit u = { 0 };

		if (json_member_i64(item, "Soft", &u.soft) <= 0 ||
		    json_member_i64(item, "Hard", &u.hard) <= 0)
			return error_set(err, ERROR_INVALID, "the limit \"%s\" needs Soft and Hard",
			                 key);
		u.name = xstrdup(key);
		ulimit_vec_push(place(c, s), u);
	}
	return 0;
}

static int file_pools(struct engine_config *c, const struct setting *s, const json_t *v,
                      struct error *err)
{
	size_t i;
	json_t *item;

	if (!json_is_array(v))
		return wrong_type(err, s, "a list of pools");
	json_array_foreach (v, i, item) {
		const char *base = json_member_string(item, "base");
		int64_t size;

		if (!base || json_member_i64(item, "size", &size) <= 0)
			return wrong_type(err, s, "a list of {\"base\": CIDR, \"size\": BITS}");
		strv_printf(place(c, s), "%s,%lld", base, (long long)size);
	}
	return 0;
}

static int take_member(struct engine_config *c, const struct setting *s, json_t *v,
                       struct error *err)
{
	if (is_foreign(s))
		return set_foreign(c, s, json_is_false(v) ? "false" : "true", err);
	switch (s->type) {
	case SETTING_BOOL:
		if (!json_is_boolean(v))
			return wrong_type(err, s, "true or false");
		*(bool *)place(c, s) = json_is_true(v);
		return 0;
	case SETTING_STRING:
		return file_string(c, s, v, err);
	case SETTING_LIST:
		return file_list(c, s, v, err);
	case SETTING_MAP:
	case SETTING_RUNTIMES:
		return file_map(c, s, v, err);
	case SETTING_ULIMITS:
		return file_ulimits(c, s, v, err);
	case SETTING_POOLS:
		return file_pools(c, s, v, err);
	case SETTING_INT:
	case SETTING_ANY:
		return 0;
	}
	return 0;
}

static const struct setting *find_key(const char *key)
{
	for (size_t i = 0; i < engine_n_settings; i++)
		if (!(engine_settings[i].flags & SETTING_FLAG_ONLY) &&
		    streq(key, setting_key(&engine_settings[i])))
			return &engine_settings[i];
	return NULL;
}

/* Lists, as dockerd's, add up neither: a setting stands in one place. */
static int check_members(const struct engine_config *c, json_t *file, struct error *err)
{
	AUTO_STRBUF unknown = { 0 }, both = { 0 };
	const char *key;
	json_t *v;

	json_object_foreach (file, key, v) {
		if (!find_key(key)) {
			strbuf_printf(&unknown, "%s%s", unknown.len ? ", " : "", key);
		} else if (json_object_get(c->given, key)) {
			AUTO_FREE char *flag =
				json_dumps(json_object_get(c->given, key), JSON_ENCODE_ANY);
			AUTO_FREE char *text = json_dumps(v, JSON_ENCODE_ANY);

			strbuf_printf(&both, "%s%s: (from flag: %s, from file: %s)",
			              both.len ? ", " : "", key, flag, text);
		}
	}
	if (unknown.len)
		return error_set(
			err, ERROR_INVALID,
			"the following directives don't match any configuration option: %s",
			strbuf_cstr(&unknown));
	if (both.len)
		return error_set(
			err, ERROR_INVALID,
			"the following directives are specified both as a flag and in the configuration file: %s",
			strbuf_cstr(&both));
	return 0;
}

static int read_config_file(struct engine_config *c, struct error *err)
{
	const char *path = c->config_file ? c->config_file : ENGINE_DEFAULT_CONFIG_FILE;
	AUTO_STRBUF text = { 0 };
	AUTO_JSON *file = NULL;
	const char *key;
	json_t *v;
	int r = read_file(AT_FDCWD, path, CONFIG_FILE_MAX, &text, err);

	if (r < 0 && err->kind == ERROR_NOT_FOUND && !c->config_file) {
		error_clear(err);
		return 0;
	}
	if (r >= 0 && str_trim(strbuf_str(&text)).len == 0)
		return 0;
	if (r >= 0) {
		file = json_parse(strbuf_str(&text), err);
		r = !file ? -EINVAL
		    : json_is_object(file)
		            ? check_members(c, file, err)
		            : error_set(err, ERROR_INVALID, "the file is not a JSON object");
	}
	json_object_foreach (file, key, v) {
		if (r >= 0)
			r = take_member(c, find_key(key), v, err);
	}
	if (r < 0)
		return error_prefix(err, "unable to configure the engine with file %s", path);
	return 0;
}

/* Texts that neither the command line nor the file has given; booleans were preset, lists are
 * empty. */
static void fill_defaults(struct engine_config *c)
{
	for (size_t i = 0; i < engine_n_settings; i++) {
		const struct setting *s = &engine_settings[i];
		char **at = place(c, s);

		if (s->type == SETTING_STRING && s->def && !is_foreign(s) && !*at)
			*at = xstrdup(s->def);
	}
}

static int check_paths(const struct engine_config *c, struct error *err)
{
	const char *const paths[][2] = { { "data-root", c->data_root },
		                         { "exec-root", c->exec_root } };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i][1][0] != '/' || streq(paths[i][1], "/"))
			return error_set(err, ERROR_INVALID,
			                 "--%s \"%s\" must be an absolute path of a directory",
			                 paths[i][0], paths[i][1]);
	return 0;
}

static int check_values(struct engine_config *c, struct error *err)
{
	enum log_level level;

	if (log_level_parse(c->log_level, &level) < 0)
		return error_set(err, ERROR_INVALID, "invalid logging level: %s", c->log_level);
	if (!streq(c->log_format, "text") && !streq(c->log_format, "json"))
		return error_set(err, ERROR_INVALID, "invalid log format: %s", c->log_format);
	if (parse_size(c->default_shm_size, &c->shm_size) < 0 || c->shm_size <= 0)
		return error_set(err, ERROR_INVALID, "invalid default-shm-size: %s",
		                 c->default_shm_size);
	vec_for_each (&c->labels, l)
		if (!strchr(*l, '='))
			return error_set(err, ERROR_INVALID, "bad attribute format: %s", *l);
	vec_for_each (&c->registry_mirrors, m)
		if (!str_skip_prefix(*m, "http://") && !str_skip_prefix(*m, "https://"))
			return error_set(
				err, ERROR_INVALID,
				"invalid mirror: %s is not a URL that starts with http:// or https://",
				*m);
	if (!strmap_get(&c->runtimes, "crun"))
		strmap_set(&c->runtimes, "crun", "crun");
	if (!strmap_get(&c->runtimes, "runc"))
		strmap_set(&c->runtimes, "runc", "runc");
	if (!strmap_get(&c->runtimes, c->default_runtime))
		return error_set(err, ERROR_INVALID,
		                 "specified default runtime '%s' does not exist",
		                 c->default_runtime);
	return check_paths(c, err);
}

/* Booleans that are on by default get their default before anything is read. */
static void preset_booleans(struct engine_config *c)
{
	for (size_t i = 0; i < engine_n_settings; i++) {
		const struct setting *s = &engine_settings[i];

		if (s->type == SETTING_BOOL && s->def && !is_foreign(s))
			IGNORE_RESULT(parse_bool(s->def, place(c, s)), "our own default");
	}
}

static int load(struct engine_config *c, struct error *err)
{
	int r = read_config_file(c, err);

	if (r < 0)
		return r;
	fill_defaults(c);
	if (c->hosts.len == 0)
		strv_add(&c->hosts, ENGINE_DEFAULT_HOST);
	return check_values(c, err);
}

int engine_config_load(struct engine_config *c, int argc, char **argv, struct error *err)
{
	int r;

	*c = (struct engine_config){ .given = json_object() };
	preset_booleans(c);
	r = parse_arguments(c, argc, argv, err);
	if (r < 0 || c->help || c->version || c->api_coverage)
		return r;
	return load(c, err);
}

int engine_config_reload(const struct engine_config *old, struct engine_config *ret,
                         struct error *err)
{
	const char *key;
	json_t *values, *v;
	size_t i;
	int r = 0;

	*ret = (struct engine_config){ .given = json_object() };
	preset_booleans(ret);
	json_object_foreach (old->given, key, values) {
		for (size_t n = 0; n < engine_n_settings; n++) {
			if (!streq(setting_key(&engine_settings[n]), key))
				continue;
			json_array_foreach (values, i, v)
				if (r >= 0)
					r = take_flag(ret, &engine_settings[n],
					              json_string_value(v), err);
			break;
		}
	}
	if (r >= 0)
		r = load(ret, err);
	if (r < 0)
		engine_config_done(ret);
	return r;
}

static void free_setting(struct engine_config *c, const struct setting *s)
{
	struct ulimit_vec *limits;

	switch (s->type) {
	case SETTING_STRING:
		free(*(char **)place(c, s));
		break;
	case SETTING_LIST:
	case SETTING_POOLS:
		strv_done(place(c, s));
		break;
	case SETTING_MAP:
	case SETTING_RUNTIMES:
		strmap_done(place(c, s));
		break;
	case SETTING_ULIMITS:
		limits = place(c, s);
		vec_for_each (limits, u)
			free(u->name);
		ulimit_vec_done(limits);
		break;
	case SETTING_BOOL:
	case SETTING_INT:
	case SETTING_ANY:
		break;
	}
}

void engine_config_done(struct engine_config *c)
{
	for (size_t i = 0; i < engine_n_settings; i++)
		if (!is_foreign(&engine_settings[i]))
			free_setting(c, &engine_settings[i]);
	strv_done(&c->warnings);
	json_decref(c->given);
	*c = (struct engine_config){ 0 };
}

void engine_config_usage(struct strbuf *out)
{
	static const char *const value_names[] = {
		[SETTING_BOOL] = "",       [SETTING_STRING] = " string",
		[SETTING_LIST] = " list",  [SETTING_MAP] = " key=value",
		[SETTING_INT] = " int",    [SETTING_ULIMITS] = " ulimit",
		[SETTING_POOLS] = " pool", [SETTING_RUNTIMES] = " runtime",
		[SETTING_ANY] = "",
	};

	strbuf_puts(
		out,
		"\nUsage:  coracled [OPTIONS]\n\nThe engine: runs containers for clients of the Engine API.\n\nOptions:\n");
	for (size_t i = 0; i < engine_n_settings; i++) {
		const struct setting *s = &engine_settings[i];
		AUTO_FREE char *name = xasprintf("--%s%s", s->flag, value_names[s->type]);

		if (!s->help || (s->flags & SETTING_FILE_ONLY))
			continue;
		if (s->letter)
			strbuf_printf(out, "  -%c, %-42s %s", s->letter, name, s->help);
		else
			strbuf_printf(out, "      %-42s %s", name, s->help);
		if (s->def && !is_foreign(s))
			strbuf_printf(out, " (default %s)", s->def);
		strbuf_putc(out, '\n');
	}
}

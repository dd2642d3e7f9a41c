/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "registry/settings.h"

enum option_type {
	OPTION_STRING,
	OPTION_BOOL,
	OPTION_DURATION,
	OPTION_NUMBER,
	OPTION_SIZE,
	OPTION_LIST
};

static const struct option {
	const char *path;
	enum option_type type;
	size_t offset;
	const char *fallback; /* of the registry without any file */
} options[] = {
/* clang-format off */
#define OPTION(path, type, member, fallback) { path, OPTION_##type, offsetof(struct registry_config, member), fallback }
	OPTION("log.level", STRING, log_level, "info"),
	OPTION("log.formatter", STRING, log_formatter, "text"),
	OPTION("log.accesslog.disabled", BOOL, access_log_disabled, NULL),
	OPTION("storage.filesystem.rootdirectory", STRING, root, "/var/lib/registry"),
	OPTION("storage.delete.enabled", BOOL, delete_enabled, NULL),
	OPTION("storage.maintenance.readonly.enabled", BOOL, read_only, NULL),
	OPTION("storage.maintenance.uploadpurging.enabled", BOOL, upload_purging, "true"),
	OPTION("storage.maintenance.uploadpurging.age", DURATION, upload_age_ns, "168h"),
	OPTION("storage.maintenance.uploadpurging.interval", DURATION, upload_interval_ns, "24h"),
	OPTION("auth.htpasswd.realm", STRING, htpasswd_realm, "registry"),
	OPTION("auth.htpasswd.path", STRING, htpasswd_path, NULL),
	OPTION("catalog.maxentries", NUMBER, catalog_max, "1000"),
	OPTION("tags.maxtags", NUMBER, tags_max, "10000"),
	OPTION("http.addr", STRING, address, ":5000"),
	OPTION("http.host", STRING, host, NULL),
	OPTION("http.prefix", STRING, prefix, NULL),
	OPTION("http.draintimeout", DURATION, drain_ns, "10s"),
	OPTION("http.tls.certificate", STRING, tls_certificate, NULL),
	OPTION("http.tls.key", STRING, tls_key, NULL),
	OPTION("http.tls.clientcas", LIST, tls_client_cas, NULL),
	OPTION("http.tls.clientauth", STRING, tls_client_auth, NULL),
	OPTION("http.debug.addr", STRING, debug_address, NULL),
	OPTION("http.debug.prometheus.enabled", BOOL, metrics, NULL),
	OPTION("http.debug.prometheus.path", STRING, metrics_path, "/metrics"),
	OPTION("validation.manifests.indexes.platforms", STRING, indexes, "all"),
	OPTION("coracle.anonymouspull", BOOL, anonymous_pull, NULL),
	OPTION("coracle.lease", DURATION, lease_ns, "1h"),
	OPTION("coracle.gc.enabled", BOOL, gc_enabled, "true"),
	OPTION("coracle.gc.interval", DURATION, gc_interval_ns, "10m"),
	OPTION("coracle.gc.untagged", DURATION, untagged_ns, NULL),
	OPTION("coracle.gc.undelete", DURATION, undelete_ns, "24h"),
	OPTION("coracle.quota", SIZE, quota, NULL),
	OPTION("coracle.immutable", LIST, immutable, NULL),
#undef OPTION
	/* clang-format on */
};

/* Settings of Docker's registry that are not here. Fatal ones would leave the service other than
 * its owner believes: without a password, or with its images somewhere else. */
static const struct absent {
	const char *prefix;
	bool fatal;
	const char *why;
} absents[] = {
	/* clang-format off */
	{ "version", false, NULL },
	{ "log.fields", false, "log fields are not supported" },
	{ "log.hooks", false, "log hooks are not supported: read the log instead" },
	{ "loglevel", false, "use log.level" },
	{ "log.reportcaller", false, "not supported" },
	{ "storage.filesystem.maxthreads", false, NULL },
	{ "storage.cache", false, NULL },
	{ "storage.tag", false, NULL },
	{ "storage.redirect", false, NULL },
	{ "storage.maintenance.uploadpurging.dryrun", false, "not supported" },
	{ "storage.filesystem", false, NULL },
	{ "storage.", true, "only the filesystem driver is there" },
	{ "auth", true, "only auth.htpasswd is there" },
	{ "middleware", true, "middleware is not supported" },
	{ "http.secret", false, NULL },
	{ "http.relativeurls", false, NULL },
	{ "http.net", true, "only TCP is supported" },
	{ "http.tls.letsencrypt", true, "let a client such as certbot renew http.tls.certificate: it is read again on SIGHUP" },
	{ "http.tls.", false, "TLS 1.2 and 1.3 with their good ciphers are used always" },
	{ "http.http2", false, "HTTP/1.1 is spoken" },
	{ "http.h2c", false, "HTTP/1.1 is spoken" },
	{ "notifications", false, "notifications are not supported yet" },
	{ "redis", false, "no cache of its own is needed" },
	{ "health", false, "/healthz and /readyz check the store" },
	{ "proxy", true, "pull-through is not supported yet" },
	{ "validation.manifests.urls", false, "not supported" },
	{ "validation.disabled", false, "not supported" },
	/* clang-format on */
};

static void *member(struct registry_config *c, const struct option *o)
{
	return (char *)c + o->offset;
}

static void rules_done(struct registry_rule_vec *v)
{
	vec_for_each (v, it) {
		strv_done(&it->repositories);
		strv_done(&it->users);
	}
	registry_rule_vec_done(v);
}

void registry_config_done(struct registry_config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (options[i].type == OPTION_STRING)
			free(*(char **)member(c, &options[i]));
		else if (options[i].type == OPTION_LIST)
			strv_done(member(c, &options[i]));
	}
	strv_done(&c->headers);
	rules_done(&c->rules);
	*c = (struct registry_config){ 0 };
}

/* --- values --- */

/* Where a setting was made, for messages. */
static const char *origin(const char *name, const struct setting *s, char *buf, size_t n)
{
	if (s->line)
		snprintf(buf, n, "%s:%d", name, s->line);
	else
		snprintf(buf, n, "environment");
	return buf;
}

static int wrong(const char *name, const struct setting *s, const char *wanted, struct error *err)
{
	char where[300];

	return error_set(err, ERROR_INVALID, "%s: %s is \"%.100s\", but %s",
	                 origin(name, s, where, sizeof(where)), s->path, s->value, wanted);
}

static int parse_duration(const char *text, int64_t *ret)
{
	return streq(text, "0") ? (*ret = 0, 0) : duration_parse(text, ret);
}

static int set_value(void *to, enum option_type type, const char *text)
{
	uint64_t number;

	switch (type) {
	case OPTION_STRING:
		free(*(char **)to);
		*(char **)to = xstrdup(text);
		return 0;
	case OPTION_BOOL:
		if (!streq(text, "true") && !streq(text, "false"))
			return -1;
		*(bool *)to = streq(text, "true");
		return 0;
	case OPTION_DURATION:
		return parse_duration(text, to) < 0 || *(int64_t *)to < 0 ? -1 : 0;
	case OPTION_NUMBER:
		if (parse_u64(text, &number) < 0 || number == 0 || number > INT32_MAX)
			return -1;
		*(int64_t *)to = (int64_t)number;
		return 0;
	case OPTION_SIZE:
		return parse_size(text, to) < 0 || *(int64_t *)to < 0 ? -1 : 0;
	case OPTION_LIST:
		strv_add(to, text);
		return 0;
	}
	return -1;
}

static const char *const wanted[] = {
	[OPTION_BOOL] = "true or false is wanted",
	[OPTION_DURATION] = "a time such as 90s, 10m or 24h is wanted",
	[OPTION_NUMBER] = "a number from 1 on is wanted",
	[OPTION_SIZE] = "a size such as 500m or 20g is wanted",
};

static int apply_list(struct registry_config *c, const struct option *o, struct setting_vec *v)
{
	char path[200];

	for (unsigned i = 0; i < SETTINGS_COUNT_MAX; i++) {
		struct setting *s;

		snprintf(path, sizeof(path), "%s.%u", o->path, i);
		s = settings_get(v, path);
		if (!s)
			return 0;
		strv_add(member(c, o), s->value);
	}
	return 0;
}

static int apply_options(struct registry_config *c, struct setting_vec *v, const char *name,
                         struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		struct setting *s = settings_get(v, o->path);

		if (o->type == OPTION_LIST && !s)
			apply_list(c, o, v);
		else if (s && set_value(member(c, o), o->type, s->value) < 0)
			return wrong(name, s, wanted[o->type], err);
	}
	return 0;
}

/* --- lists of more than one member --- */

static int parse_right(const char *text, unsigned *rights)
{
	static const struct {
		const char *name;
		unsigned rights;
	} names[] = { { "pull", RIGHT_PULL },
		      { "push", RIGHT_PULL | RIGHT_PUSH },
		      { "delete", RIGHT_PULL | RIGHT_DELETE },
		      { "admin", RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE | RIGHT_ADMIN } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(text, names[i].name)) {
			*rights |= names[i].rights;
			return 0;
		}
	return -1;
}

/* "PREFIX" itself or "PREFIX.0", "PREFIX.1"... into out. */
static void get_strings(struct setting_vec *v, const char *prefix, struct strv *out)
{
	struct setting *s = settings_get(v, prefix);
	char path[300];

	if (s)
		strv_add(out, s->value);
	for (unsigned i = 0; !s && i < SETTINGS_COUNT_MAX; i++) {
		struct setting *item;

		snprintf(path, sizeof(path), "%s.%u", prefix, i);
		item = settings_get(v, path);
		if (!item)
			return;
		strv_add(out, item->value);
	}
}

/* One rule; 1 done, 0 there is none of that number. */
static int apply_rule(struct registry_config *c, struct setting_vec *v, unsigned i,
                      const char *name, struct error *err)
{
	struct registry_rule rule = { .rights = 0 };
	AUTO_STRV rights = { 0 };
	char path[100];
	int r = 1;

	snprintf(path, sizeof(path), "coracle.access.%u.repositories", i);
	get_strings(v, path, &rule.repositories);
	snprintf(path, sizeof(path), "coracle.access.%u.users", i);
	get_strings(v, path, &rule.users);
	snprintf(path, sizeof(path), "coracle.access.%u.allow", i);
	get_strings(v, path, &rights);
	if (!rule.repositories.len && !rule.users.len && !rights.len)
		return 0;
	if (!rule.repositories.len || !rule.users.len || !rights.len)
		r = error_set(err, ERROR_INVALID,
		              "%s: coracle.access.%u needs repositories, users and allow", name, i);
	for (size_t k = 0; k < rights.len && r > 0; k++)
		if (parse_right(rights.ptr[k], &rule.rights) < 0)
			r = error_set(
				err, ERROR_INVALID,
				"%s: coracle.access.%u.allow has \"%s\": pull, push, delete and admin are known",
				name, i, rights.ptr[k]);
	registry_rule_vec_push(&c->rules, rule); /* also when wrong: freed with the rest */
	return r;
}

static int apply_rules(struct registry_config *c, struct setting_vec *v, const char *name,
                       struct error *err)
{
	for (unsigned i = 0; i < SETTINGS_COUNT_MAX; i++) {
		int r = apply_rule(c, v, i, name, err);

		if (r <= 0)
			return r;
	}
	return 0;
}

static bool is_header_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* http.headers.NAME[.N]: the same on every answer. */
static int apply_headers(struct registry_config *c, struct setting_vec *v, const char *name,
                         struct error *err)
{
	vec_for_each (v, s) {
		const char *key = str_skip_prefix(s->path, "http.headers.");
		size_t n = key ? strcspn(key, ".") : 0;

		if (!key || !s->value)
			continue;
		s->used = true;
		if (n == 0 || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-") < n ||
		    !is_header_text(s->value))
			return wrong(name, s, "a header's name and one line of text are wanted",
			             err);
		strv_printf(&c->headers, "%.*s: %s", (int)n, key, s->value);
	}
	return 0;
}

/* --- the whole --- */

/* REGISTRY_AUTH=htpasswd and the like only name what the other settings set. */
static bool names_our_driver(const struct setting *s)
{
	return (streq(s->path, "auth") && streq(s->value, "htpasswd")) ||
	       (streq(s->path, "storage") && streq(s->value, "filesystem")) ||
	       (streq(s->path, "http.net") && streq(s->value, "tcp"));
}

static int check_rest(struct setting_vec *v, const char *name, struct strv *warnings,
                      struct error *err)
{
	char where[300];

	vec_for_each (v, s) {
		const struct absent *found = NULL;

		if (s->used || !s->value || names_our_driver(s))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(absents) && !found; i++)
			if (str_skip_prefix(s->path, absents[i].prefix))
				found = &absents[i];
		origin(name, s, where, sizeof(where));
		if (found && found->fatal)
			return error_set(err, ERROR_INVALID, "%s: %s is not possible: %s", where,
			                 s->path, found->why);
		if (found && found->why)
			strv_printf(warnings, "%s: %s has no effect: %s", where, s->path,
			            found->why);
		else if (!found)
			strv_printf(warnings, "%s: there is no setting %s", where, s->path);
	}
	return 0;
}

static int check_values(struct registry_config *c, struct strv *warnings, struct error *err)
{
	if (!c->tls_certificate != !c->tls_key)
		return error_set(err, ERROR_INVALID, "http.tls needs both certificate and key");
	if (c->tls_client_cas.len > 1)
		return error_set(
			err, ERROR_INVALID,
			"http.tls.clientcas: one file is possible, which may hold several certificates");
	if (c->prefix && (c->prefix[0] != '/' || c->prefix[strlen(c->prefix) - 1] != '/'))
		return error_set(err, ERROR_INVALID, "http.prefix must begin and end with /");
	if (c->rules.len > 0 && !c->htpasswd_path && !c->tls_client_cas.len)
		return error_set(
			err, ERROR_INVALID,
			"coracle.access has rules, but nobody can log in: set auth.htpasswd.path or http.tls.clientcas");
	if (c->anonymous_pull && !c->htpasswd_path)
		strv_add(
			warnings,
			"coracle.anonymouspull has no effect without auth.htpasswd: everybody may do everything");
	if (c->host && c->host[0] && c->host[strlen(c->host) - 1] == '/')
		c->host[strlen(c->host) - 1] = '\0';
	return 0;
}

static void set_defaults(struct registry_config *c, bool has_file)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].fallback)
			IGNORE_RESULT(set_value(member(c, &options[i]), options[i].type,
			                        options[i].fallback),
			              "our own table");
	/* as Docker's: off in a file that says nothing; the image without a file has it on */
	c->delete_enabled = !has_file;
}

/* REGISTRY_HTTP_ADDR -> http.addr */
static void apply_environment(struct setting_vec *v, char *const *environment)
{
	for (; *environment; environment++) {
		const char *name = str_skip_prefix(*environment, "REGISTRY_");
		const char *eq = name ? strchr(name, '=') : NULL;
		AUTO_FREE char *path = eq ? xstrndup(name, (size_t)(eq - name)) : NULL;

		if (!path || !*path)
			continue;
		for (char *p = path; *p; p++)
			*p = *p == '_' ? '.' : (char)tolower((unsigned char)*p);
		settings_set(v, path, eq + 1);
	}
}

static int load(struct setting_vec *v, const char *name, bool has_file, char *const *environment,
                struct registry_config *ret, struct strv *warnings, struct error *err)
{
	AUTO_REGISTRY_CONFIG c = { 0 };

	set_defaults(&c, has_file);
	apply_environment(v, environment);
	if (apply_options(&c, v, name, err) < 0 || apply_rules(&c, v, name, err) < 0 ||
	    apply_headers(&c, v, name, err) < 0 || check_rest(v, name, warnings, err) < 0 ||
	    check_values(&c, warnings, err) < 0)
		return error_errno(err);
	*ret = c;
	c = (struct registry_config){ 0 };
	return 0;
}

int registry_config_parse(struct str text, const char *name, char *const *environment,
                          struct registry_config *ret, struct strv *warnings, struct error *err)
{
	CLEANUP(settings_done) struct setting_vec v = { 0 };
	int r = settings_parse(text, name, &v, err);

	return r < 0 ? r : load(&v, name, true, environment, ret, warnings, err);
}

int registry_config_load(const char *path, char *const *environment, struct registry_config *ret,
                         struct strv *warnings, struct error *err)
{
	CLEANUP(settings_done) struct setting_vec v = { 0 };
	AUTO_STRBUF text = { 0 };

	if (!path)
		return load(&v, "environment", false, environment, ret, warnings, err);
	if (read_file(AT_FDCWD, path, SETTINGS_FILE_MAX, &text, err) < 0)
		return error_errno(err);
	return registry_config_parse(strbuf_str(&text), path, environment, ret, warnings, err);
}

bool registry_glob(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern != '*') {
			if (*pattern != *text)
				return false;
			continue;
		}
		bool across = pattern[1] == '*';

		pattern += across ? 2 : 1;
		for (;; text++) {
			if (registry_glob(pattern, text))
				return true;
			if (!*text || (!across && *text == '/'))
				return false;
		}
	}
	return !*text;
}

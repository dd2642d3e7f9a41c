/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/settings.h"

#include <ctype.h>
#include <yaml.h>

#include "base/strbuf.h"

void settings_done(struct setting_vec *v)
{
	vec_for_each (v, it) {
		free(it->path);
		free(it->value);
	}
	setting_vec_done(v);
}

static struct setting *find(struct setting_vec *v, const char *path)
{
	vec_for_each (v, it)
		if (streq(it->path, path))
			return it;
	return NULL;
}

void settings_set(struct setting_vec *v, const char *path, const char *value)
{
	struct setting *s = find(v, path);

	if (!s)
		s = setting_vec_push(v, (struct setting){ .path = xstrdup(path) });
	free(s->value);
	s->value = xstrdup(value);
	s->line = 0;
}

struct setting *settings_get(struct setting_vec *v, const char *path)
{
	struct setting *s = find(v, path);

	if (s)
		s->used = true;
	return s && s->value ? s : NULL;
}

struct reader {
	yaml_parser_t yaml;
	const char *name;
	struct strbuf path; /* of the value that comes next */
	struct setting_vec *out;
	struct error *err;
};

static int next(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->yaml, event))
		return 0;
	return error_set(r->err, ERROR_INVALID, "%s:%zu: %s", r->name,
	                 r->yaml.problem_mark.line + 1,
	                 r->yaml.problem ? r->yaml.problem : "not YAML");
}

static int line_of(const yaml_event_t *e)
{
	return (int)e->start_mark.line + 1;
}

static int refuse(struct reader *r, const yaml_event_t *e, const char *what)
{
	return error_set(r->err, ERROR_INVALID, "%s:%d: %s", r->name, line_of(e), what);
}

static bool is_null(const yaml_event_t *e)
{
	const char *v = (const char *)e->data.scalar.value;

	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*v || streq(v, "~") || streq(v, "null"));
}

static int scalar(struct reader *r, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;

	if (strlen(value) != e->data.scalar.length)
		return refuse(r, e, "a value with a NUL byte");
	if (find(r->out, strbuf_cstr(&r->path)))
		return refuse(r, e, "this key is here twice");
	if (r->out->len == SETTINGS_COUNT_MAX)
		return refuse(r, e, "too many settings");
	setting_vec_push(r->out, (struct setting){ .path = xstrdup(strbuf_cstr(&r->path)),
	                                           .value = is_null(e) ? NULL : xstrdup(value),
	                                           .line = line_of(e) });
	return 0;
}

static int node(struct reader *r, const yaml_event_t *e, unsigned depth);

/* Reads the next node below the path's present end. */
static int child(struct reader *r, const char *key, unsigned depth)
{
	size_t before = r->path.len;
	yaml_event_t e;
	int ret = next(r, &e);

	if (ret < 0)
		return ret;
	if (before)
		strbuf_putc(&r->path, '.');
	for (; *key; key++)
		strbuf_putc(&r->path, (char)tolower((unsigned char)*key));
	ret = node(r, &e, depth);
	yaml_event_delete(&e);
	strbuf_truncate(&r->path, before);
	return ret;
}

static int mapping(struct reader *r, unsigned depth)
{
	for (;;) {
		yaml_event_t e;
		int ret = next(r, &e);

		if (ret < 0)
			return ret;
		if (e.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&e);
			return 0;
		}
		if (e.type != YAML_SCALAR_EVENT || !e.data.scalar.length)
			ret = refuse(r, &e, "a key must be a word");
		else
			ret = child(r, (const char *)e.data.scalar.value, depth);
		yaml_event_delete(&e);
		if (ret < 0)
			return ret;
	}
}

static int sequence(struct reader *r, unsigned depth)
{
	size_t before = r->path.len;

	for (unsigned i = 0;; i++) {
		yaml_event_t e;
		int ret = next(r, &e);

		if (ret < 0)
			return ret;
		if (e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			return 0;
		}
		strbuf_printf(&r->path, "%s%u", before ? "." : "", i);
		ret = node(r, &e, depth);
		yaml_event_delete(&e);
		strbuf_truncate(&r->path, before);
		if (ret < 0)
			return ret;
	}
}

static int node(struct reader *r, const yaml_event_t *e, unsigned depth)
{
	if (depth == SETTINGS_DEPTH_MAX)
		return refuse(r, e, "nested too deeply");
	switch ((int)e->type) {
	case YAML_SCALAR_EVENT:
		return scalar(r, e);
	case YAML_MAPPING_START_EVENT:
		return mapping(r, depth + 1);
	case YAML_SEQUENCE_START_EVENT:
		return sequence(r, depth + 1);
	case YAML_ALIAS_EVENT:
		return refuse(r, e, "aliases (*name) are not supported: write the value out");
	}
	return refuse(r, e, "a value is missing");
}

/* Up to the first document's content, or its absence. 1 there is one. */
static int document(struct reader *r)
{
	for (;;) {
		yaml_event_t e;
		int ret = next(r, &e), type;

		if (ret < 0)
			return ret;
		type = (int)e.type;
		if (type == YAML_STREAM_END_EVENT)
			ret = 0;
		else if (type == YAML_MAPPING_START_EVENT)
			ret = mapping(r, 0);
		else if (type == YAML_SCALAR_EVENT && is_null(&e))
			ret = 0;
		else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
		         type != YAML_DOCUMENT_END_EVENT)
			ret = refuse(r, &e, "the file must hold settings, \"key: value\"");
		yaml_event_delete(&e);
		if (ret < 0 || type == YAML_STREAM_END_EVENT)
			return ret;
	}
}

int settings_parse(struct str text, const char *name, struct setting_vec *ret, struct error *err)
{
	struct reader r = { .name = name, .out = ret, .err = err };
	int result;

	if (!yaml_parser_initialize(&r.yaml))
		return error_set(err, ERROR_INTERNAL, "cannot start the YAML parser");
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text.ptr, text.len);
	result = document(&r);
	yaml_parser_delete(&r.yaml);
	strbuf_done(&r.path);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/list.h"

#include "json/writer.h"
#include "registry/registry-internal.h"

static void add_names(struct strbuf *out, const struct strv *names, size_t n, bool first)
{
	struct json_writer w;

	json_writer_init(&w, out);
	for (size_t i = 0; i < n; i++) {
		if (!first || i > 0)
			strbuf_putc(out, ',');
		json_writer_init(&w, out);
		jw_string(&w, names->ptr[i]);
	}
}

static void set_link(struct registry_call *c, const struct list_source *s, int64_t n,
                     const char *last)
{
	AUTO_STRBUF link = { 0 };

	strbuf_printf(&link, "<%s?last=", s->path);
	strbuf_add_urlencoded(&link, str_from(last), NULL);
	strbuf_printf(&link, "&n=%lld>; rel=\"next\"", (long long)n);
	http_set_header(c->http, "Link", strbuf_cstr(&link));
}

/* One page; one name more is asked for, to know whether there is another. */
static int respond_page(struct registry_call *c, const struct list_source *s, int64_t n,
                        const char *last, struct error *err)
{
	AUTO_STRBUF body = { 0 };
	AUTO_STRV names = { 0 };
	size_t shown;
	int r = s->page(c, last, n + 1, &names, err);

	if (r < 0)
		return r;
	shown = MIN(names.len, (size_t)n);
	if (n > 0 && names.len > shown)
		set_link(c, s, n, names.ptr[shown - 1]);
	strbuf_puts(&body, s->head);
	add_names(&body, &names, shown, true);
	strbuf_puts(&body, "]}\n");
	http_respond_json(c->http, 200, strbuf_str(&body));
	return 0;
}

static int write_buffer(struct registry_call *c, struct strbuf *b)
{
	int r = http_write(c->http, strbuf_cstr(b), b->len);

	strbuf_clear(b);
	return r;
}

/* The whole list in batches, so that its length costs no memory. */
static int respond_whole(struct registry_call *c, const struct list_source *s, const char *last,
                         struct error *err)
{
	AUTO_STRBUF body = { 0 };
	AUTO_STRV names = { 0 };
	bool first = true;
	int r = s->page(c, last, REGISTRY_LIST_BATCH, &names, err);

	if (r < 0)
		return r;
	strbuf_puts(&body, s->head);
	r = http_begin(c->http, 200, "application/json", -1);
	while (r >= 0 && names.len > 0) {
		AUTO_STRV next = { 0 };

		add_names(&body, &names, names.len, first);
		first = false;
		r = write_buffer(c, &body);
		if (r >= 0 && names.len == REGISTRY_LIST_BATCH)
			r = s->page(c, names.ptr[names.len - 1], REGISTRY_LIST_BATCH, &next, err);
		strv_clear(&names);
		strv_copy(&names, &next);
	}
	strbuf_puts(&body, "]}\n");
	if (r >= 0)
		r = write_buffer(c, &body);
	if (r >= 0)
		r = http_end(c->http);
	if (r < 0)
		http_request_abort(c->http);
	return 0;
}

int list_respond(struct registry_call *c, const struct list_source *s, struct error *err)
{
	const char *last;
	int64_t n;
	bool given;
	int r = call_page(c, &n, &given, &last, err);

	if (r < 0)
		return r;
	if (!given && s->whole_without_n)
		return respond_whole(c, s, last, err);
	if (!given)
		n = s->default_n;
	return respond_page(c, s, MIN(n, s->max_n), last, err);
}

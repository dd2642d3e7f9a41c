/* SPDX-License-Identifier: Apache-2.0 */
#include "json/writer.h"
#include "registry/list.h"
#include "registry/registry-internal.h"

static int tags_page(struct registry_call *c, const char *last, int64_t limit, struct strv *out,
                     struct error *err)
{
	int r = metadata_tags(c->registry->metadata, c->repo, last, limit, out, err);

	if (r == 0)
		return call_fail(c, CODE_NAME_UNKNOWN, err, "there is no repository %s here",
		                 c->repo);
	return r < 0 ? r : 0;
}

int tags_list(struct registry_call *c, struct error *err)
{
	AUTO_STRBUF head = { 0 }, path = { 0 };
	struct json_writer w;

	json_writer_init(&w, &head);
	strbuf_puts(&head, "{\"name\":");
	jw_string(&w, c->repo);
	strbuf_puts(&head, ",\"tags\":[");
	strbuf_printf(&path, "/v2/%s/tags/list", c->repo);
	return list_respond(c,
	                    &(struct list_source){ .head = strbuf_cstr(&head),
	                                           .path = strbuf_cstr(&path),
	                                           .page = tags_page,
	                                           .max_n = c->registry->config->tags_max,
	                                           .whole_without_n = true },
	                    err);
}

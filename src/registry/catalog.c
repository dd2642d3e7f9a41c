/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/list.h"
#include "registry/registry-internal.h"

enum { CATALOG_DEFAULT = 100 };

/* Names that the caller may not read are as good as absent: fills the page from what follows. */
static int catalog_page(struct registry_call *c, const char *last, int64_t limit, struct strv *out,
                        struct error *err)
{
	AUTO_STRV names = { 0 };

	do {
		const char *from = names.len > 0 ? names.ptr[names.len - 1] : last;
		AUTO_STRV next = { 0 };
		int r = metadata_repositories(c->registry->metadata, from, limit, &next, err);

		if (r < 0)
			return r;
		strv_clear(&names);
		strv_copy(&names, &next);
		for (size_t i = 0; i < names.len && (int64_t)out->len < limit; i++)
			if (access_visible(c, names.ptr[i]))
				strv_add(out, names.ptr[i]);
	} while ((int64_t)out->len < limit && (int64_t)names.len == limit);
	return 0;
}

int catalog_list(struct registry_call *c, struct error *err)
{
	return list_respond(c,
	                    &(struct list_source){ .head = "{\"repositories\":[",
	                                           .path = "/v2/_catalog",
	                                           .page = catalog_page,
	                                           .max_n = c->registry->config->catalog_max,
	                                           .default_n = CATALOG_DEFAULT },
	                    err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* /images: list, inspect, history, tag, remove, prune, search. Transfers are in image-transfer.c.
 */
#include "api/api-internal.h"
#include "base/time.h"
#include "snapshot/snapshot.h"

static void digest_or_empty(struct json_writer *w, const char *key, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	jw_kv_string(w, key, digest_is_set(d) ? digest_format(d, text) : "");
}

/* Before 1.43, images without a name carried one of <none>. */
static void names(struct json_writer *w, unsigned version, const char *key, const struct strv *list,
                  const char *none)
{
	jw_key(w, key);
	jw_array(w);
	vec_for_each (list, s)
		jw_string(w, *s);
	if (list->len == 0 && version < API(1, 43))
		jw_string(w, none);
	jw_array_end(w);
}

void api_image_summary(struct api_request *req, struct json_writer *w, const struct image *i,
                       int64_t containers, int64_t shared)
{
	jw_object(w);
	digest_or_empty(w, "Id", &i->id);
	digest_or_empty(w, "ParentId", &i->parent);
	names(w, req->version, "RepoTags", &i->repo_tags, "<none>:<none>");
	names(w, req->version, "RepoDigests", &i->repo_digests, "<none>@<none>");
	jw_kv_i64(w, "Created", i->config.created / NSEC_PER_SEC);
	jw_kv_i64(w, "Size", i->size);
	if (req->version < API(1, 44))
		jw_kv_i64(w, "VirtualSize", i->size);
	jw_kv_i64(w, "SharedSize", shared);
	jw_kv_strmap(w, "Labels", &i->config.config.labels);
	jw_kv_i64(w, "Containers", containers);
	jw_object_end(w);
}

/* The filters of `images`. */
struct list_filters {
	struct filters f;
	bool dangling, has_dangling;
	int64_t before, since, until;
};

static int created_of(struct api_request *req, const struct filters *f, const char *key,
                      int64_t *ret, struct error *err)
{
	const struct strv *values = filters_get(f, key);
	CLEANUP(image_free_ptr) struct image *image = NULL;
	int r;

	*ret = 0;
	if (!values)
		return 0;
	r = image_get(req->engine->images, values->ptr[0], &image, err);
	if (r >= 0)
		*ret = image->config.created;
	return r;
}

static int read_list_filters(struct api_request *req, struct list_filters *l, struct error *err)
{
	static const char *const allowed[] = { "before",    "dangling", "label", "label!",
		                               "reference", "since",    "until", NULL };
	int r = api_query_filters(req, allowed, &l->f, err);

	l->has_dangling = r >= 0 && filters_get(&l->f, "dangling");
	if (r >= 0)
		r = filters_bool(&l->f, "dangling", false, &l->dangling, err);
	if (r >= 0)
		r = filters_until(&l->f, &l->until, err);
	if (r >= 0)
		r = created_of(req, &l->f, "before", &l->before, err);
	if (r >= 0)
		r = created_of(req, &l->f, "since", &l->since, err);
	return r;
}

/* A shell pattern where * stops at '/', as Go's path.Match has it. */
static bool glob(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '*') {
			while (*pattern == '*')
				pattern++;
			for (;; text++) {
				if (glob(pattern, text))
					return true;
				if (!*text || *text == '/')
					return false;
			}
		}
		if (!*text || (*pattern == '?' ? *text == '/' : *pattern != *text))
			return false;
	}
	return !*text;
}

/* "busybox", "busy*:1.*", "*:latest" against familiar names with and without the tag. */
static bool match_reference(const struct strv *patterns, const char *name)
{
	const char *slash = strrchr(name, '/'), *colon = strrchr(name, ':');
	AUTO_FREE char *bare = colon && (!slash || colon > slash)
	                               ? xstrndup(name, (size_t)(colon - name))
	                               : xstrdup(name);

	vec_for_each (patterns, p)
		if (strlen(*p) < 512 && (glob(*p, name) || glob(*p, bare)))
			return true;
	return false;
}

/* Keeps the names that match; false when none does. */
static bool filter_names(const struct filters *f, struct image *i)
{
	const struct strv *patterns = filters_get(f, "reference");

	if (!patterns)
		return true;
	for (size_t n = i->repo_tags.len; n-- > 0;)
		if (!match_reference(patterns, i->repo_tags.ptr[n]))
			strv_remove(&i->repo_tags, n);
	for (size_t n = i->repo_digests.len; n-- > 0;) {
		const char *at = strchr(i->repo_digests.ptr[n], '@');
		AUTO_FREE char *name = xstrndup(i->repo_digests.ptr[n],
		                                at ? (size_t)(at - i->repo_digests.ptr[n]) : 0);

		if (!match_reference(patterns, name))
			strv_remove(&i->repo_digests, n);
	}
	return i->repo_tags.len + i->repo_digests.len > 0;
}

static bool has_child(const struct image_ptr_vec *all, const struct image *image)
{
	vec_for_each (all, i)
		if (digest_is_set(&(*i)->parent) && digest_equal(&(*i)->parent, &image->id))
			return true;
	return false;
}

static bool is_dangling(const struct image *i)
{
	return i->repo_tags.len == 0;
}

static bool match(const struct list_filters *l, const struct image_ptr_vec *images, struct image *i,
                  bool all)
{
	if (l->has_dangling && l->dangling != is_dangling(i))
		return false;
	/* what a build left between its steps is shown with all=1 only */
	if (is_dangling(i) && i->repo_digests.len == 0 && !all && has_child(images, i))
		return false;
	if ((l->before && i->config.created >= l->before) ||
	    (l->since && i->config.created <= l->since) ||
	    (l->until && i->config.created > l->until))
		return false;
	return filters_labels(&l->f, &i->config.config.labels) && filter_names(&l->f, i);
}

static void list_filters_done(struct list_filters *l)
{
	filters_done(&l->f);
}

static int image_list_handler(struct api_request *req, struct error *err)
{
	CLEANUP(list_filters_done) struct list_filters l = { 0 };
	CLEANUP(image_list_done) struct image_ptr_vec images = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = read_list_filters(req, &l, err);

	if (r >= 0)
		r = image_list(req->engine->images, &images, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_array(&w);
	vec_for_each (&images, i)
		if (match(&l, &images, *i, api_query_bool(req, "all", false)))
			api_image_summary(req, &w, *i, -1, -1);
	jw_array_end(&w);
	return api_respond_json(req, 200, &out);
}

static void write_layers(struct api_request *req, struct json_writer *w, const struct image *i)
{
	char text[DIGEST_TEXT_MAX];

	jw_key(w, "RootFS");
	jw_object(w);
	jw_kv_string(w, "Type", "layers");
	if (i->config.diff_ids.len) {
		jw_key(w, "Layers");
		jw_array(w);
		vec_for_each (&i->config.diff_ids, d)
			jw_string(w, digest_format(d, text));
		jw_array_end(w);
	}
	jw_object_end(w);
}

static void write_image_driver(struct api_request *req, struct json_writer *w,
                               const struct image *i)
{
	AUTO_STRV paths = { 0 };
	AUTO_STRBUF lower = { 0 };
	struct error ignored = { 0 };

	jw_key(w, "GraphDriver");
	jw_object(w);
	jw_key(w, "Data");
	if (digest_is_set(&i->chain_id) &&
	    layer_paths(req->engine->snapshots, &i->chain_id, &paths, &ignored) >= 0 && paths.len) {
		for (size_t n = 1; n < paths.len; n++)
			strbuf_printf(&lower, "%s%s", n > 1 ? ":" : "", paths.ptr[n]);
		jw_object(w);
		if (lower.len)
			jw_kv_string(w, "LowerDir", strbuf_cstr(&lower));
		jw_kv_string(w, "UpperDir", paths.ptr[0]);
		jw_object_end(w);
	} else {
		jw_null(w);
	}
	jw_kv_string(w, "Name", "overlay2");
	jw_object_end(w);
}

static void write_old_fields(struct api_request *req, struct json_writer *w, const struct image *i)
{
	if (req->version < API(1, 44))
		jw_kv_i64(w, "VirtualSize", i->size);
	if (req->version < API(1, 45)) {
		jw_kv_string(w, "Container", "");
		jw_key(w, "ContainerConfig");
		json_fields_encode(w, image_run_config_fields, &i->config.config);
	}
}

static void write_image(struct api_request *req, struct json_writer *w, const struct image *i)
{
	const struct image_config *c = &i->config;
	const char *comment = c->history.len ? c->history.ptr[c->history.len - 1].comment : NULL;

	jw_object(w);
	digest_or_empty(w, "Id", &i->id);
	jw_kv_strv(w, "RepoTags", &i->repo_tags);
	jw_kv_strv(w, "RepoDigests", &i->repo_digests);
	digest_or_empty(w, "Parent", &i->parent);
	jw_kv_string(w, "Comment", comment);
	jw_kv_time(w, "Created", c->created);
	jw_kv_string(w, "DockerVersion", "");
	jw_kv_string(w, "Author", c->author);
	jw_key(w, "Config");
	json_fields_encode(w, image_run_config_fields, &c->config);
	jw_kv_string(w, "Architecture", c->architecture);
	if (!str_empty_or_null(c->variant))
		jw_kv_string(w, "Variant", c->variant);
	jw_kv_string(w, "Os", c->os);
	if (!str_empty_or_null(c->os_version))
		jw_kv_string(w, "OsVersion", c->os_version);
	jw_kv_i64(w, "Size", i->size);
	write_old_fields(req, w, i);
	write_image_driver(req, w, i);
	write_layers(req, w, i);
	jw_key(w, "Metadata");
	jw_object(w);
	jw_kv_time(w, "LastTagTime", i->last_tagged);
	jw_object_end(w);
	jw_object_end(w);
}

static int image_inspect_handler(struct api_request *req, struct error *err)
{
	CLEANUP(image_free_ptr) struct image *image = NULL;
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = image_get(req->engine->images, api_param(req, "name"), &image, err);

	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	write_image(req, &w, image);
	return api_respond_json(req, 200, &out);
}

static int64_t layer_size(struct api_request *req, const struct image *i, size_t layers)
{
	struct error ignored = { 0 };
	struct digest chain;
	int64_t size = 0;

	image_chain_id(i->config.diff_ids.ptr, layers, &chain);
	return layer_exists(req->engine->snapshots, &chain, &size, &ignored) > 0 ? size : 0;
}

/* Newest first; sizes belong to the entries that made a layer, names to the top. */
static int image_history_handler(struct api_request *req, struct error *err)
{
	CLEANUP(image_free_ptr) struct image *image = NULL;
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	size_t layers;
	int r = image_get(req->engine->images, api_param(req, "name"), &image, err);

	if (r < 0)
		return r;
	layers = image->config.diff_ids.len;
	json_writer_init(&w, &out);
	jw_array(&w);
	for (size_t n = image->config.history.len; n-- > 0;) {
		const struct image_history *h = &image->config.history.ptr[n];
		bool top = n + 1 == image->config.history.len;
		char id[DIGEST_TEXT_MAX];

		jw_object(&w);
		jw_kv_string(&w, "Id", top ? digest_format(&image->id, id) : "<missing>");
		jw_kv_i64(&w, "Created", h->created / NSEC_PER_SEC);
		jw_kv_string(&w, "CreatedBy", h->created_by);
		jw_key(&w, "Tags");
		if (top && image->repo_tags.len) {
			jw_array(&w);
			vec_for_each (&image->repo_tags, t)
				jw_string(&w, *t);
			jw_array_end(&w);
		} else {
			jw_null(&w);
		}
		jw_kv_i64(&w, "Size",
		          h->empty_layer || layers == 0 ? 0 : layer_size(req, image, layers--));
		jw_kv_string(&w, "Comment", h->comment);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	return api_respond_json(req, 200, &out);
}

static int image_tag_handler(struct api_request *req, struct error *err)
{
	const char *repo = api_query(req, "repo");
	AUTO_REFERENCE to = { 0 };
	int r = api_reference(repo ? repo : "", api_query(req, "tag"), &to, err);

	if (r >= 0 && digest_is_set(&to.digest))
		return error_set(err, ERROR_INVALID,
		                 "refusing to create a tag with a digest reference");
	if (r >= 0) {
		reference_default_tag(&to);
		r = image_tag(req->engine->images, api_param(req, "name"), &to, err);
	}
	return r < 0 ? r : api_respond_empty(req, 201);
}

static void write_removed(struct json_writer *w, const struct image_removed *removed)
{
	vec_for_each (&removed->untagged, u) {
		jw_object(w);
		jw_kv_string(w, "Untagged", *u);
		jw_object_end(w);
	}
	vec_for_each (&removed->deleted, d) {
		jw_object(w);
		jw_kv_string(w, "Deleted", *d);
		jw_object_end(w);
	}
}

static int image_remove_handler(struct api_request *req, struct error *err)
{
	CLEANUP(image_removed_done) struct image_removed removed = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = image_remove(req->engine->images, api_param(req, "name"),
	                     api_query_bool(req, "force", false),
	                     api_query_bool(req, "noprune", false), containers_image_in_use,
	                     req->engine->containers, &removed, err);

	if (r < 0)
		return r;
	engine_collect_soon(req->engine);
	json_writer_init(&w, &out);
	jw_array(&w);
	write_removed(&w, &removed);
	jw_array_end(&w);
	return api_respond_json(req, 200, &out);
}

/* One name after the other, then the image; what containers use stays. */
static void prune_image(struct api_request *req, const struct image *i, struct json_writer *w)
{
	AUTO_STRV list = { 0 };
	char id[DIGEST_TEXT_MAX];

	strv_copy(&list, &i->repo_tags);
	if (list.len == 0)
		strv_copy(&list, &i->repo_digests);
	if (list.len == 0)
		strv_add(&list, digest_format(&i->id, id));
	vec_for_each (&list, name) {
		CLEANUP(image_removed_done) struct image_removed removed = { 0 };
		struct error ignored = { 0 };

		if (image_remove(req->engine->images, *name, false, false, containers_image_in_use,
		                 req->engine->containers, &removed, &ignored) >= 0)
			write_removed(w, &removed);
	}
}

static bool in_use(struct api_request *req, const struct image *i)
{
	AUTO_FREE char *container = NULL;

	return containers_image_in_use(req->engine->containers, &i->id, &container) != 0;
}

static int image_prune_handler(struct api_request *req, struct error *err)
{
	static const char *const allowed[] = { "dangling", "label", "label!", "until", NULL };
	CLEANUP(image_list_done) struct image_ptr_vec images = { 0 };
	AUTO_FILTERS filters = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int64_t until, bytes = 0;
	bool dangling;
	size_t empty;
	int r = api_query_filters(req, allowed, &filters, err);

	if (r >= 0)
		r = filters_bool(&filters, "dangling", true, &dangling, err);
	if (r >= 0)
		r = filters_until(&filters, &until, err);
	if (r >= 0)
		r = image_list(req->engine->images, &images, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "ImagesDeleted");
	jw_array(&w);
	empty = out.len;
	vec_for_each (&images, i)
		if ((!dangling || is_dangling(*i)) && !in_use(req, *i) &&
		    !(until && (*i)->config.created > until) &&
		    filters_labels(&filters, &(*i)->config.config.labels))
			prune_image(req, *i, &w);
	if (out.len == empty) { /* null when there was nothing */
		strbuf_clear(&out);
		json_writer_init(&w, &out);
		jw_object(&w);
		jw_key(&w, "ImagesDeleted");
		jw_null(&w);
	} else {
		jw_array_end(&w);
		r = engine_collect_now(req->engine, &bytes, err);
		if (r < 0)
			return r;
	}
	jw_kv_i64(&w, "SpaceReclaimed", bytes);
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

/* Docker Hub's search is no part of the registry API: a registry's catalogue is what can be
 * searched. */
static int image_search_handler(struct api_request *req, struct error *err)
{
	static const char *const allowed[] = { "is-automated", "is-official", "stars", NULL };
	const char *term = api_query(req, "term"), *slash;
	AUTO_FILTERS filters = { 0 };
	AUTO_STRBUF answer = { 0 }, out = { 0 };
	AUTO_FREE char *domain = NULL;
	AUTO_JSON *catalog = NULL;
	struct json_writer w;
	int64_t limit = 25;
	json_t *name;
	size_t i;
	int r = api_query_filters(req, allowed, &filters, err);

	if (r >= 0)
		r = api_query_i64(req, "limit", &limit, err);
	if (r < 0)
		return r;
	if (!term)
		return error_set(err, ERROR_INVALID, "invalid search term: \"\"");
	if (limit < 1 || limit > 100)
		return error_set(err, ERROR_INVALID, "limit %lld is outside the range of [1, 100]",
		                 (long long)limit);
	slash = strchr(term, '/');
	if (slash &&
	    (memchr(term, '.', (size_t)(slash - term)) ||
	     memchr(term, ':', (size_t)(slash - term)) || strncmp(term, "localhost/", 10) == 0)) {
		domain = xstrndup(term, (size_t)(slash - term));
		term = slash + 1;
	}
	r = remote_list(&req->engine->remote, domain ? domain : "docker.io", "/v2/_catalog?n=1000",
	                &answer, err);
	if (r < 0)
		return error_prefix(err, "searching %s", domain ? domain : "Docker Hub");
	catalog = json_parse(strbuf_str(&answer), err);
	if (!catalog)
		return error_errno(err);
	json_writer_init(&w, &out);
	jw_array(&w);
	json_array_foreach (json_object_get(catalog, "repositories"), i, name) {
		if (!json_is_string(name) || !strstr(json_string_value(name), term) || limit-- <= 0)
			continue;
		jw_object(&w);
		jw_kv_i64(&w, "star_count", 0);
		jw_kv_bool(&w, "is_official", false);
		jw_kv_string(&w, "name", json_string_value(name));
		jw_kv_bool(&w, "is_automated", false);
		jw_kv_string(&w, "description", "");
		jw_object_end(&w);
	}
	jw_array_end(&w);
	return api_respond_json(req, 200, &out);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { GET,    "/images/json" },              image_list_handler, .note = "partly: no shared-size, no manifests" },
	{ { GET,    "/images/search" },            image_search_handler, .note = "partly: a registry's catalogue" },
	{ { POST,   "/images/prune" },             image_prune_handler, .min_api = API(1, 25) },
	{ { GET,    "/images/{name...}/json" },    image_inspect_handler, .note = "partly: no manifests" },
	{ { GET,    "/images/{name...}/history" }, image_history_handler },
	{ { POST,   "/images/{name...}/tag" },     image_tag_handler },
	{ { DELETE, "/images/{name...}" },         image_remove_handler },
};
/* clang-format on */
API_TABLE(api_image_routes, routes);

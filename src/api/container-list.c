/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/json with its filters. */
#include <stdio.h>

#include "api/api-internal.h"

/* The filters of `ps`, parsed once for all containers. */
struct list_filters {
	struct filters f;
	bool all;
	const struct container_info *before, *since; /* borrowed */
	struct strv ancestors;                       /* image ids and names */
};

static const struct container_info *find_info(const struct container_info_vec *v, const char *name)
{
	if (*name == '/')
		name++;
	vec_for_each (v, i)
		if (streq((*i)->name, name) || strncmp((*i)->id, name, strlen(name)) == 0)
			return *i;
	return NULL;
}

static int list_bounds(struct list_filters *l, const struct container_info_vec *infos,
                       struct error *err)
{
	const struct strv *before = filters_get(&l->f, "before"),
			  *since = filters_get(&l->f, "since");

	if (before && !(l->before = find_info(infos, before->ptr[0])))
		return error_set(err, ERROR_NOT_FOUND, "No such container: %s", before->ptr[0]);
	if (since && !(l->since = find_info(infos, since->ptr[0])))
		return error_set(err, ERROR_NOT_FOUND, "No such container: %s", since->ptr[0]);
	return 0;
}

static int check_list_values(struct list_filters *l, struct error *err)
{
	static const char *const health[] = { "none", "starting", "healthy", "unhealthy" };
	const struct strv *statuses = filters_get(&l->f, "status"),
			  *exits = filters_get(&l->f, "exited");
	const struct strv *healths = filters_get(&l->f, "health");

	for (size_t i = 0; statuses && i < statuses->len; i++) {
		bool known = false;

		for (unsigned s = 0; s < CONTAINER_STATUS_COUNT; s++)
			known = known || streq(statuses->ptr[i], container_status_name(s));
		if (!known)
			return error_set(err, ERROR_INVALID, "invalid filter 'status=%s'",
			                 statuses->ptr[i]);
		l->all = true;
	}
	for (size_t i = 0; healths && i < healths->len; i++) {
		bool known = false;

		for (size_t h = 0; h < ARRAY_SIZE(health); h++)
			known = known || streq(healths->ptr[i], health[h]);
		if (!known)
			return error_set(err, ERROR_INVALID,
			                 "unrecognised filter value for health: %s",
			                 healths->ptr[i]);
	}
	for (size_t i = 0; exits && i < exits->len; i++) {
		int64_t code;

		if (parse_i64(exits->ptr[i], &code) < 0)
			return error_set(err, ERROR_INVALID, "invalid filter 'exited=%s'",
			                 exits->ptr[i]);
		l->all = true;
	}
	return 0;
}

/* ancestor=: the image by name or id, and what was built on it by its layers; names are resolved
 * here once. */
static void resolve_ancestors(struct api_request *req, struct list_filters *l)
{
	const struct strv *names = filters_get(&l->f, "ancestor");

	for (size_t i = 0; names && i < names->len; i++) {
		CLEANUP(image_free_ptr) struct image *image = NULL;
		struct error ignored = { 0 };
		char text[DIGEST_TEXT_MAX];

		strv_add(&l->ancestors, names->ptr[i]);
		if (image_get(req->engine->images, names->ptr[i], &image, &ignored) >= 0)
			strv_add(&l->ancestors, digest_format(&image->id, text));
	}
}

static bool match_name(const struct filters *f, const char *name)
{
	const struct strv *values = filters_get(f, "name");
	AUTO_FREE char *slashed = xasprintf("/%s", name);

	if (!values)
		return true;
	vec_for_each (values, v) {
		bool anchored = (*v)[0] == '^';
		const char *want = *v + anchored;
		size_t n = strlen(want);
		bool ends = n > 0 && want[n - 1] == '$';
		AUTO_FREE char *text = xstrndup(want, n - ends);
		const char *in = text[0] == '/' ? slashed : name;
		const char *at = anchored ? (strncmp(in, text, strlen(text)) == 0 ? in : NULL)
		                          : strstr(in, text);

		if (at && (!ends || str_has_suffix(in, text)))
			return true;
	}
	return false;
}

static bool match_network(const struct filters *f, const struct container_info *i)
{
	const struct strv *values = filters_get(f, "network");

	if (!values)
		return true;
	vec_for_each (&i->endpoints, e)
		vec_for_each (values, v)
			if (streq(*v, e->network) || streq_null(*v, e->network_id) ||
			    (e->network_id && strlen(*v) >= 12 &&
			     strncmp(*v, e->network_id, strlen(*v)) == 0))
				return true;
	return false;
}

static bool match_volume(const struct filters *f, const struct container_info *i)
{
	const struct strv *values = filters_get(f, "volume");

	if (!values)
		return true;
	vec_for_each (&i->mounts, m)
		if (strv_has(values, m->destination) || (m->name && strv_has(values, m->name)) ||
		    (m->source && strv_has(values, m->source)))
			return true;
	return false;
}

/* "80", "80/tcp", "8000-8010/tcp" against "80/tcp" */
static bool port_in(const char *want, const char *port)
{
	unsigned first, last, have;
	const char *slash = strchr(want, '/'), *proto = strchr(port, '/');

	if (sscanf(port, "%u", &have) != 1 || sscanf(want, "%u", &first) != 1)
		return false;
	if (sscanf(want, "%u-%u", &first, &last) != 2)
		last = first;
	return have >= first && have <= last &&
	       streq(slash ? slash : "/tcp", proto ? proto : "/tcp");
}

static bool match_ports(const struct filters *f, const struct container_info *i)
{
	const struct strv *publish = filters_get(f, "publish"), *expose = filters_get(f, "expose");
	bool published = !publish, exposed = !expose;

	for (size_t p = 0; publish && p < i->ports.len; p++)
		vec_for_each (publish, v)
			published = published || port_in(*v, i->ports.ptr[p].port);
	for (size_t p = 0; expose && p < i->config.exposed_ports.len; p++)
		vec_for_each (expose, v)
			exposed = exposed || port_in(*v, i->config.exposed_ports.ptr[p]);
	return published && exposed;
}

static bool match_state(const struct filters *f, const struct container_info *i)
{
	static const char *const health[] = { "none", "starting", "healthy", "unhealthy" };
	const struct strv *exits = filters_get(f, "exited");
	char code[16];

	snprintf(code, sizeof(code), "%d", i->exit_code);
	if (exits && (i->status == CONTAINER_RUNNING || i->status == CONTAINER_CREATED ||
	              !strv_has(exits, code)))
		return false;
	return filters_match(f, "status", container_status_name(i->status)) &&
	       filters_match(f, "health", health[i->health]);
}

static bool match(const struct list_filters *l, const struct container_info *i)
{
	const struct strv *ids = filters_get(&l->f, "id");
	bool id = !ids;

	if (!l->all && i->status != CONTAINER_RUNNING && i->status != CONTAINER_PAUSED &&
	    i->status != CONTAINER_RESTARTING)
		return false;
	for (size_t n = 0; ids && n < ids->len; n++)
		id = id || strncmp(i->id, ids->ptr[n], strlen(ids->ptr[n])) == 0;
	if (!id || (l->before && i->created >= l->before->created) ||
	    (l->since && i->created <= l->since->created))
		return false;
	if (l->ancestors.len && !strv_has(&l->ancestors, i->image_id) &&
	    !strv_has(&l->ancestors, i->image_name))
		return false;
	return match_state(&l->f, i) && match_name(&l->f, i->name) &&
	       filters_labels(&l->f, &i->config.labels) && match_network(&l->f, i) &&
	       match_volume(&l->f, i) && match_ports(&l->f, i);
}

static void list_filters_done(struct list_filters *l)
{
	filters_done(&l->f);
	strv_done(&l->ancestors);
}

int api_container_list(struct api_request *req, struct error *err)
{
	static const char *const allowed[] = { "ancestor", "before",  "expose",    "exited",
		                               "health",   "id",      "is-task",   "label",
		                               "name",     "network", "publish",   "since",
		                               "status",   "volume",  "isolation", NULL };
	CLEANUP(list_filters_done)
	struct list_filters l = { .all = api_query_bool(req, "all", false) };
	AUTO_CONTAINER_INFOS infos = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int64_t limit = 0;
	int r = api_query_i64(req, "limit", &limit, err);

	if (r >= 0)
		r = api_query_filters(req, allowed, &l.f, err);
	if (r >= 0)
		r = check_list_values(&l, err);
	if (r < 0)
		return r;
	l.all = l.all || limit > 0;
	api_container_infos(req, api_query_bool(req, "size", false), &infos);
	r = list_bounds(&l, &infos, err);
	if (r < 0)
		return r;
	resolve_ancestors(req, &l);
	json_writer_init(&w, &out);
	jw_array(&w);
	vec_for_each (&infos, i) {
		if (!match(&l, *i))
			continue;
		api_container_summary(req, &w, *i);
		if (limit > 0 && --limit == 0)
			break;
	}
	jw_array_end(&w);
	return api_respond_json(req, 200, &out);
}

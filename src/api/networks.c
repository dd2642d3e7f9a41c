/* SPDX-License-Identifier: Apache-2.0 */
/* /networks. Connecting a container goes through its room, which keeps the endpoints. */
#include "api/api-internal.h"
#include "base/time.h"

static void write_pool(struct json_writer *w, const struct ipam_pool *p)
{
	jw_object(w);
	jw_kv_string(w, "Subnet", p->subnet);
	if (!str_empty_or_null(p->ip_range))
		jw_kv_string(w, "IPRange", p->ip_range);
	if (!str_empty_or_null(p->gateway))
		jw_kv_string(w, "Gateway", p->gateway);
	if (p->auxiliary.len)
		jw_kv_strmap(w, "AuxiliaryAddresses", &p->auxiliary);
	jw_object_end(w);
}

static void write_ipam(struct json_writer *w, const struct network_info *n)
{
	jw_key(w, "IPAM");
	jw_object(w);
	jw_kv_string(w, "Driver", n->ipam_driver ? n->ipam_driver : "default");
	if (n->ipam_options.len) {
		jw_kv_strmap(w, "Options", &n->ipam_options);
	} else {
		jw_key(w, "Options");
		jw_null(w);
	}
	jw_key(w, "Config");
	if (n->pools.len) {
		jw_array(w);
		vec_for_each (&n->pools, p)
			write_pool(w, p);
		jw_array_end(w);
	} else {
		jw_null(w);
	}
	jw_object_end(w);
}

static void write_containers(struct json_writer *w, const struct network_info *n)
{
	jw_key(w, "Containers");
	jw_object(w);
	vec_for_each (&n->endpoints, e) {
		jw_key(w, e->container_id);
		jw_object(w);
		jw_kv_string(w, "Name", e->name);
		jw_kv_string(w, "EndpointID", e->endpoint_id);
		jw_kv_string(w, "MacAddress", e->mac_address);
		jw_kv_string(w, "IPv4Address", e->ipv4_address);
		jw_kv_string(w, "IPv6Address", e->ipv6_address);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void write_network(struct api_request *req, struct json_writer *w,
                          const struct network_info *n, bool containers)
{
	jw_object(w);
	jw_kv_string(w, "Name", n->name);
	jw_kv_string(w, "Id", n->id);
	jw_kv_time(w, "Created", n->created);
	jw_kv_string(w, "Scope", n->scope ? n->scope : "local");
	jw_kv_string(w, "Driver", n->driver);
	if (req->version >= API(1, 48))
		jw_kv_bool(w, "EnableIPv4", n->enable_ipv4);
	jw_kv_bool(w, "EnableIPv6", n->enable_ipv6);
	write_ipam(w, n);
	jw_kv_bool(w, "Internal", n->internal);
	jw_kv_bool(w, "Attachable", n->attachable);
	jw_kv_bool(w, "Ingress", n->ingress);
	jw_key(w, "ConfigFrom");
	jw_object(w);
	jw_kv_string(w, "Network", "");
	jw_object_end(w);
	jw_kv_bool(w, "ConfigOnly", false);
	if (containers) {
		write_containers(w, n);
	} else {
		jw_key(w, "Containers");
		jw_object(w);
		jw_object_end(w);
	}
	jw_kv_strmap(w, "Options", &n->options);
	jw_kv_strmap(w, "Labels", &n->labels);
	jw_object_end(w);
}

static bool is_predefined(const struct network_info *n)
{
	return streq(n->name, "bridge") || streq(n->name, "host") || streq(n->name, "none");
}

static bool match_ids(const struct filters *f, const char *id)
{
	const struct strv *values = filters_get(f, "id");

	if (!values)
		return true;
	vec_for_each (values, v)
		if (strncmp(id, *v, strlen(*v)) == 0)
			return true;
	return false;
}

struct list_filters {
	struct filters f;
	bool dangling, has_dangling;
};

static bool match(const struct list_filters *l, const struct network_info *n)
{
	const struct strv *types = filters_get(&l->f, "type");
	bool custom = !is_predefined(n);

	if (l->has_dangling && l->dangling != (custom && n->endpoints.len == 0))
		return false;
	if (types && !strv_has(types, custom ? "custom" : "builtin"))
		return false;
	return match_ids(&l->f, n->id) && filters_contains(&l->f, "name", n->name) &&
	       filters_match(&l->f, "driver", n->driver) &&
	       filters_match(&l->f, "scope", n->scope ? n->scope : "local") &&
	       filters_labels(&l->f, &n->labels);
}

static int read_list_filters(struct api_request *req, struct list_filters *l, struct error *err)
{
	static const char *const allowed[] = { "dangling", "driver", "id",   "label",
		                               "name",     "scope",  "type", NULL };
	const struct strv *types;
	int r = api_query_filters(req, allowed, &l->f, err);

	if (r < 0)
		return r;
	types = filters_get(&l->f, "type");
	for (size_t i = 0; types && i < types->len; i++)
		if (!streq(types->ptr[i], "custom") && !streq(types->ptr[i], "builtin"))
			return error_set(err, ERROR_INVALID, "invalid filter: 'type'='%s'",
			                 types->ptr[i]);
	l->has_dangling = filters_get(&l->f, "dangling") != NULL;
	return filters_bool(&l->f, "dangling", false, &l->dangling, err);
}

static void list_filters_done(struct list_filters *l)
{
	filters_done(&l->f);
}

static int network_list_handler(struct api_request *req, struct error *err)
{
	CLEANUP(list_filters_done) struct list_filters l = { 0 };
	CLEANUP(network_list_done) struct network_info_vec networks = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = read_list_filters(req, &l, err);

	if (r >= 0)
		r = network_list(req->engine->networks, &networks, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_array(&w);
	vec_for_each (&networks, n)
		if (match(&l, n))
			write_network(req, &w, n, req->version < API(1, 28));
	jw_array_end(&w);
	return api_respond_json(req, 200, &out);
}

static int network_inspect_handler(struct api_request *req, struct error *err)
{
	CLEANUP(network_info_done) struct network_info n = { 0 };
	const char *scope = api_query(req, "scope");
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = network_inspect(req->engine->networks, api_param(req, "id"), &n, err);

	if (r < 0)
		return r;
	if (scope && !streq(scope, "local"))
		return error_set(err, ERROR_NOT_FOUND, "network %s not found",
		                 api_param(req, "id"));
	json_writer_init(&w, &out);
	write_network(req, &w, &n, true);
	return api_respond_json(req, 200, &out);
}

#define POOL(member, wire, kind) JSON_FIELD(struct ipam_pool, member, wire, kind)
static const struct json_field pool_fields[] = {
	POOL(subnet, "Subnet", JSON_F_STRING),
	POOL(ip_range, "IPRange", JSON_F_STRING),
	POOL(gateway, "Gateway", JSON_F_STRING),
	POOL(auxiliary, "AuxiliaryAddresses", JSON_F_STRMAP),
	JSON_FIELDS_END,
};

struct create_body {
	struct network_info spec;
	enum tristate ipv4;
	bool config_only;
};

#define BODY(member, wire, kind, ...)                                                              \
	JSON_FIELD(struct create_body, member, wire, kind, ##__VA_ARGS__)
static const struct json_field ipam_fields[] = {
	BODY(spec.ipam_driver, "Driver", JSON_F_STRING),
	BODY(spec.ipam_options, "Options", JSON_F_STRMAP),
	BODY(spec.pools, "Config", JSON_F_LIST, .fields = pool_fields,
	     .size = sizeof(struct ipam_pool)),
	JSON_FIELDS_END,
};

static const struct json_field create_fields[] = {
	BODY(spec.name, "Name", JSON_F_STRING),
	BODY(spec.driver, "Driver", JSON_F_STRING),
	BODY(spec.scope, "Scope", JSON_F_STRING),
	BODY(ipv4, "EnableIPv4", JSON_F_TRISTATE),
	BODY(spec.enable_ipv6, "EnableIPv6", JSON_F_BOOL),
	BODY(spec.internal, "Internal", JSON_F_BOOL),
	BODY(spec.attachable, "Attachable", JSON_F_BOOL),
	BODY(spec.ingress, "Ingress", JSON_F_BOOL),
	BODY(config_only, "ConfigOnly", JSON_F_BOOL),
	BODY(spec.options, "Options", JSON_F_STRMAP),
	BODY(spec.labels, "Labels", JSON_F_STRMAP),
	{ .name = "IPAM", .type = JSON_F_OBJECT, .offset = 0, .fields = ipam_fields },
	JSON_FIELDS_END,
};

static int check_create(const struct create_body *b, struct error *err)
{
	if (str_empty_or_null(b->spec.name))
		return error_set(err, ERROR_INVALID, "invalid network name: a name is needed");
	if (b->config_only)
		return error_set(err, ERROR_NOT_IMPLEMENTED,
		                 "configuration-only networks are not supported");
	if (b->spec.ingress || streq_null(b->spec.scope, "swarm"))
		return error_set(
			err, ERROR_UNAVAILABLE,
			"This node is not a swarm manager. Use \"docker swarm init\" or "
			"\"docker swarm join\" to connect this node to swarm and try again.");
	return 0;
}

static int network_create_handler(struct api_request *req, struct error *err)
{
	struct create_body body = { 0 };
	AUTO_STRV warnings = { 0 };
	AUTO_FREE char *id = NULL;
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = api_decode(req, create_fields, &body, err);

	body.spec.enable_ipv4 = body.ipv4 != TRISTATE_FALSE;
	if (r >= 0)
		r = check_create(&body, err);
	if (r >= 0 && str_empty_or_null(body.spec.driver)) {
		free(body.spec.driver);
		body.spec.driver = xstrdup("bridge");
	}
	if (r >= 0)
		r = network_create(req->engine->networks, &body.spec, &warnings, &id, err);
	json_fields_clear(create_fields, &body);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_string(&w, "Id", id);
	jw_kv_string(&w, "Warning", warnings.len ? warnings.ptr[0] : "");
	jw_object_end(&w);
	return api_respond_json(req, 201, &out);
}

static int network_remove_handler(struct api_request *req, struct error *err)
{
	int r = network_remove(req->engine->networks, api_param(req, "id"), err);

	return r < 0 ? r : api_respond_empty(req, 204);
}

struct connect_body {
	char *container;
	struct endpoint endpoint;
	bool force;
};

static const struct json_field connect_fields[] = {
	JSON_FIELD(struct connect_body, container, "Container", JSON_F_STRING),
	JSON_FIELD(struct connect_body, endpoint, "EndpointConfig", JSON_F_OBJECT,
	           .fields = endpoint_fields),
	JSON_FIELD(struct connect_body, force, "Force", JSON_F_BOOL),
	JSON_FIELDS_END,
};

static int network_connect_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct connect_body body = { 0 };
	int r = api_decode(req, connect_fields, &body, err);

	if (r >= 0)
		r = container_find(req->engine->containers, body.container ? body.container : "",
		                   &c, err);
	if (r >= 0)
		r = container_network_connect(c, api_param(req, "id"), &body.endpoint, err);
	json_fields_clear(connect_fields, &body);
	return r < 0 ? r : api_respond_empty(req, 200);
}

static int network_disconnect_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct connect_body body = { 0 };
	int r = api_decode(req, connect_fields, &body, err);

	if (r >= 0)
		r = container_find(req->engine->containers, body.container ? body.container : "",
		                   &c, err);
	if (r >= 0)
		r = container_network_disconnect(c, api_param(req, "id"), body.force, err);
	json_fields_clear(connect_fields, &body);
	return r < 0 ? r : api_respond_empty(req, 200);
}

/* Stopped containers keep their networks, too. */
static bool is_used(const struct container_info_vec *infos, const struct network_info *n)
{
	if (n->endpoints.len > 0)
		return true;
	vec_for_each (infos, i)
		vec_for_each (&(*i)->endpoints, e)
			if (streq(e->network, n->name) || streq(e->network, n->id) ||
			    streq_null(e->network_id, n->id))
				return true;
	return false;
}

static int network_prune_handler(struct api_request *req, struct error *err)
{
	static const char *const allowed[] = { "label", "label!", "until", NULL };
	CLEANUP(network_list_done) struct network_info_vec networks = { 0 };
	AUTO_CONTAINER_INFOS infos = { 0 };
	AUTO_FILTERS filters = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int64_t until;
	int r = api_query_filters(req, allowed, &filters, err);

	if (r >= 0)
		r = filters_until(&filters, &until, err);
	if (r >= 0)
		r = network_list(req->engine->networks, &networks, err);
	if (r < 0)
		return r;
	api_container_infos(req, false, &infos);
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "NetworksDeleted");
	jw_array(&w);
	vec_for_each (&networks, n) {
		struct error ignored = { 0 };

		if (is_predefined(n) || is_used(&infos, n) || (until && n->created > until) ||
		    !filters_labels(&filters, &n->labels))
			continue;
		if (network_remove(req->engine->networks, n->id, &ignored) >= 0)
			jw_string(&w, n->name);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { GET,    "/networks" },                 network_list_handler },
	{ { POST,   "/networks/create" },          network_create_handler, .note = "partly: driver bridge; no configuration-only networks" },
	{ { POST,   "/networks/prune" },           network_prune_handler, .min_api = API(1, 25) },
	{ { GET,    "/networks/{id}" },            network_inspect_handler },
	{ { DELETE, "/networks/{id}" },            network_remove_handler },
	{ { POST,   "/networks/{id}/connect" },    network_connect_handler },
	{ { POST,   "/networks/{id}/disconnect" }, network_disconnect_handler },
};
/* clang-format on */
API_TABLE(api_network_routes, routes);

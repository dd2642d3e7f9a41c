/* SPDX-License-Identifier: Apache-2.0 */
/* /plugins: there are none. */
#include "api/api-internal.h"

static int plugin_list_handler(struct api_request *req, struct error *err)
{
	AUTO_STRBUF out = { 0 };

	strbuf_puts(&out, "[]");
	return api_respond_json(req, 200, &out);
}

static int plugin_absent_handler(struct api_request *req, struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND, "plugin \"%s\" not found", api_param(req, "name"));
}

static int plugin_refused_handler(struct api_request *req, struct error *err)
{
	return error_set(err, ERROR_NOT_IMPLEMENTED, "this engine has no managed plugins");
}

#define NONE .note = "answers as an engine without plugins"
/* clang-format off */
static const struct api_route routes[] = {
	{ { GET,    "/plugins" },                   plugin_list_handler, NONE },
	{ { GET,    "/plugins/privileges" },        plugin_refused_handler, NONE },
	{ { POST,   "/plugins/pull" },              plugin_refused_handler, NONE },
	{ { POST,   "/plugins/create" },            plugin_refused_handler, NONE },
	{ { GET,    "/plugins/{name...}/json" },    plugin_absent_handler, NONE },
	{ { POST,   "/plugins/{name...}/enable" },  plugin_absent_handler, NONE },
	{ { POST,   "/plugins/{name...}/disable" }, plugin_absent_handler, NONE },
	{ { POST,   "/plugins/{name...}/upgrade" }, plugin_absent_handler, NONE },
	{ { POST,   "/plugins/{name...}/push" },    plugin_absent_handler, NONE },
	{ { POST,   "/plugins/{name...}/set" },     plugin_absent_handler, NONE },
	{ { DELETE, "/plugins/{name...}" },         plugin_absent_handler, NONE },
};
/* clang-format on */
API_TABLE(api_plugin_routes, routes);

/* SPDX-License-Identifier: Apache-2.0 */
/* Swarm's resources, answered as a node that is in none. */
#include "api/api-internal.h"

static int no_swarm_handler(struct api_request *req, struct error *err)
{
	return error_set(
		err, ERROR_UNAVAILABLE,
		"This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to "
		"connect this node to swarm and try again.");
}

static int no_init_handler(struct api_request *req, struct error *err)
{
	return error_set(err, ERROR_NOT_IMPLEMENTED, "this engine has no swarm mode");
}

static int leave_handler(struct api_request *req, struct error *err)
{
	return error_set(err, ERROR_UNAVAILABLE, "This node is not part of a swarm");
}

#define NO_SWARM(methods, pattern)                                                                 \
	{                                                                                          \
		{ methods, pattern }, no_swarm_handler,                                            \
			.note = "answers as a node without a swarm"                                \
	}
/* clang-format off */
static const struct api_route routes[] = {
	{ { POST, "/swarm/init" },  no_init_handler, .note = "answers 501: no swarm mode" },
	{ { POST, "/swarm/join" },  no_init_handler, .note = "answers 501: no swarm mode" },
	{ { POST, "/swarm/leave" }, leave_handler, .note = "answers as a node without a swarm" },
	NO_SWARM(GET,          "/swarm"),
	NO_SWARM(POST,         "/swarm/update"),
	NO_SWARM(GET,          "/swarm/unlockkey"),
	NO_SWARM(POST,         "/swarm/unlock"),
	NO_SWARM(GET,          "/nodes"),
	NO_SWARM(GET | DELETE, "/nodes/{id}"),
	NO_SWARM(POST,         "/nodes/{id}/update"),
	NO_SWARM(GET,          "/services"),
	NO_SWARM(POST,         "/services/create"),
	NO_SWARM(GET | DELETE, "/services/{id}"),
	NO_SWARM(POST,         "/services/{id}/update"),
	NO_SWARM(GET,          "/services/{id}/logs"),
	NO_SWARM(GET,          "/tasks"),
	NO_SWARM(GET,          "/tasks/{id}"),
	NO_SWARM(GET,          "/tasks/{id}/logs"),
	NO_SWARM(GET,          "/secrets"),
	NO_SWARM(POST,         "/secrets/create"),
	NO_SWARM(GET | DELETE, "/secrets/{id}"),
	NO_SWARM(POST,         "/secrets/{id}/update"),
	NO_SWARM(GET,          "/configs"),
	NO_SWARM(POST,         "/configs/create"),
	NO_SWARM(GET | DELETE, "/configs/{id}"),
	NO_SWARM(POST,         "/configs/{id}/update"),
};
/* clang-format on */
API_TABLE(api_swarm_routes, routes);

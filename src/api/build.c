/* SPDX-License-Identifier: Apache-2.0 */
/* /build, and BuildKit's /session and /grpc, which are refused so that clients fall back. */
#include "api/api-internal.h"

static int build_handler(struct api_request *req, struct error *err)
{
	return error_set(
		err, ERROR_NOT_IMPLEMENTED,
		"this engine cannot build images yet: build elsewhere, then load or pull the image");
}

static int build_prune_handler(struct api_request *req, struct error *err)
{
	AUTO_STRBUF out = { 0 };

	strbuf_puts(&out, "{\"CachesDeleted\":null,\"SpaceReclaimed\":0}");
	return api_respond_json(req, 200, &out);
}

static int session_handler(struct api_request *req, struct error *err)
{
	return error_set(
		err, ERROR_NOT_IMPLEMENTED,
		"this engine has no BuildKit: use the classic builder (DOCKER_BUILDKIT=0)");
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { POST, "/build" },        build_handler, .note = "not yet: answers 501" },
	{ { POST, "/build/prune" },  build_prune_handler, .note = "partly: there is no build cache yet" },
	{ { POST, "/build/cancel" }, build_handler, .note = "not yet: answers 501" },
	{ { POST, "/session" },      session_handler, .note = "refused with 501: no BuildKit" },
	{ { POST, "/grpc" },         session_handler, .note = "refused with 501: no BuildKit" },
};
/* clang-format on */
API_TABLE(api_build_routes, routes);

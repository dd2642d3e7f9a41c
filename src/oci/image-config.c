/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image-config.h"

#include <string.h>

#include "base/alloc.h"

#define HEALTH(member, wire, type)                                                                 \
	JSON_FIELD(struct healthcheck, member, wire, type, .flags = JSON_OMIT_EMPTY)

const struct json_field healthcheck_fields[] = {
	HEALTH(test, "Test", JSON_F_STRV),
	HEALTH(interval, "Interval", JSON_F_I64),
	HEALTH(timeout, "Timeout", JSON_F_I64),
	HEALTH(start_period, "StartPeriod", JSON_F_I64),
	HEALTH(start_interval, "StartInterval", JSON_F_I64),
	HEALTH(retries, "Retries", JSON_F_INT),
	JSON_FIELDS_END,
};

#define RUN(member, wire, type, ...)                                                               \
	JSON_FIELD(struct image_run_config, member, wire, type, .flags = JSON_OMIT_EMPTY,          \
	           ##__VA_ARGS__)

const struct json_field image_run_config_fields[] = {
	RUN(user, "User", JSON_F_STRING),
	RUN(exposed_ports, "ExposedPorts", JSON_F_SET),
	RUN(env, "Env", JSON_F_STRV),
	RUN(entrypoint, "Entrypoint", JSON_F_STRING_OR_LIST),
	RUN(cmd, "Cmd", JSON_F_STRING_OR_LIST),
	RUN(volumes, "Volumes", JSON_F_SET),
	RUN(working_dir, "WorkingDir", JSON_F_STRING),
	RUN(labels, "Labels", JSON_F_STRMAP),
	RUN(stop_signal, "StopSignal", JSON_F_STRING),
	RUN(args_escaped, "ArgsEscaped", JSON_F_BOOL),
	RUN(healthcheck, "Healthcheck", JSON_F_OBJECT_PTR, .fields = healthcheck_fields,
	    .size = sizeof(struct healthcheck)),
	RUN(on_build, "OnBuild", JSON_F_STRV),
	RUN(shell, "Shell", JSON_F_STRING_OR_LIST),
	JSON_FIELDS_END,
};

#define HISTORY(member, wire, type)                                                                \
	JSON_FIELD(struct image_history, member, wire, type, .flags = JSON_OMIT_EMPTY)

static const struct json_field history_fields[] = {
	HISTORY(created, "created", JSON_F_TIME),
	HISTORY(created_by, "created_by", JSON_F_STRING),
	HISTORY(author, "author", JSON_F_STRING),
	HISTORY(comment, "comment", JSON_F_STRING),
	HISTORY(empty_layer, "empty_layer", JSON_F_BOOL),
	JSON_FIELDS_END,
};

/* Digests travel as text. */
struct wire_rootfs {
	char *type;
	struct strv diff_ids;
};

struct wire_config {
	struct image_config c;
	struct wire_rootfs rootfs;
};

static const struct json_field rootfs_fields[] = {
	JSON_FIELD(struct wire_rootfs, type, "type", JSON_F_STRING),
	JSON_FIELD(struct wire_rootfs, diff_ids, "diff_ids", JSON_F_STRV),
	JSON_FIELDS_END,
};

#define CONFIG(member, wire, type, ...)                                                            \
	JSON_FIELD(struct wire_config, c.member, wire, type, .flags = JSON_OMIT_EMPTY,             \
	           ##__VA_ARGS__)

/* In the order of the alphabet, as Docker writes them. */
static const struct json_field config_fields[] = {
	JSON_FIELD(struct wire_config, c.architecture, "architecture", JSON_F_STRING),
	CONFIG(author, "author", JSON_F_STRING),
	JSON_FIELD(struct wire_config, c.config, "config", JSON_F_OBJECT,
	           .fields = image_run_config_fields, .size = sizeof(struct image_run_config)),
	CONFIG(created, "created", JSON_F_TIME),
	CONFIG(history, "history", JSON_F_LIST, .fields = history_fields,
	       .size = sizeof(struct image_history)),
	JSON_FIELD(struct wire_config, c.os, "os", JSON_F_STRING),
	CONFIG(os_version, "os.version", JSON_F_STRING),
	JSON_FIELD(struct wire_config, rootfs, "rootfs", JSON_F_OBJECT, .fields = rootfs_fields,
	           .size = sizeof(struct wire_rootfs)),
	CONFIG(variant, "variant", JSON_F_STRING),
	JSON_FIELDS_END,
};

static void wire_done(struct wire_config *w)
{
	digest_vec_done(&w->c.diff_ids);
	json_fields_clear(config_fields, w);
}

void image_config_done(struct image_config *c)
{
	struct wire_config w = { .c = *c };

	wire_done(&w);
	*c = (struct image_config){ 0 };
}

static int take_diff_ids(struct wire_config *w, struct error *err)
{
	if (w->rootfs.type && *w->rootfs.type && !streq(w->rootfs.type, "layers"))
		return error_set(err, ERROR_INVALID,
		                 "the image has a root file system of unknown type \"%.50s\"",
		                 w->rootfs.type);
	if (w->rootfs.diff_ids.len > IMAGE_DIFF_IDS_MAX)
		return error_set(err, ERROR_INVALID, "the image has %zu layers, more than %d",
		                 w->rootfs.diff_ids.len, IMAGE_DIFF_IDS_MAX);
	for (size_t i = 0; i < w->rootfs.diff_ids.len; i++) {
		struct digest d;

		if (digest_parse(str_from(w->rootfs.diff_ids.ptr[i]), &d) < 0)
			return error_set(err, ERROR_INVALID,
			                 "the image's diff_ids have the bad digest \"%.100s\"",
			                 w->rootfs.diff_ids.ptr[i]);
		digest_vec_push(&w->c.diff_ids, d);
	}
	return 0;
}

int image_config_parse(struct str json, struct image_config *ret, struct error *err)
{
	static const struct json_decode_options options = { .case_insensitive = true };
	CLEANUP(wire_done) struct wire_config w = { 0 };
	AUTO_JSON *root = NULL;
	int r;

	if (json.len > IMAGE_CONFIG_SIZE_MAX)
		return error_set(err, ERROR_TOO_LARGE,
		                 "the image configuration has %zu bytes, more than %d", json.len,
		                 IMAGE_CONFIG_SIZE_MAX);
	root = json_parse(json, err);
	if (!root)
		return error_prefix(err, "image configuration invalid");
	if (!json_is_object(root))
		return error_set(err, ERROR_INVALID,
		                 "image configuration invalid: it is no JSON object");
	r = json_fields_decode(root, config_fields, &w, &options, err);
	if (r == 0)
		r = take_diff_ids(&w, err);
	if (r < 0)
		return error_prefix(err, "image configuration invalid");
	*ret = w.c;
	w.c = (struct image_config){ 0 };
	return 0;
}

void image_config_encode(struct strbuf *out, const struct image_config *c)
{
	char layers[] = "layers", text[DIGEST_TEXT_MAX];
	struct wire_config w = { .c = *c, .rootfs = { .type = layers } };
	struct json_writer writer;

	for (size_t i = 0; i < c->diff_ids.len; i++)
		strv_add(&w.rootfs.diff_ids, digest_format(&c->diff_ids.ptr[i], text));
	json_writer_init(&writer, out);
	json_fields_encode(&writer, config_fields, &w);
	strv_done(&w.rootfs.diff_ids);
}

void image_config_copy(const struct image_config *from, struct image_config *ret)
{
	struct wire_config w = { .c = *from }, copy = { 0 };

	json_fields_copy(config_fields, &w, &copy);
	copy.c.diff_ids = (struct digest_vec){ 0 };
	for (size_t i = 0; i < from->diff_ids.len; i++)
		digest_vec_push(&copy.c.diff_ids, from->diff_ids.ptr[i]);
	*ret = copy.c;
}

void image_chain_id(const struct digest *diff_ids, size_t n, struct digest *ret)
{
	struct digest chain = diff_ids[0];

	for (size_t i = 1; i < n; i++)
		chain = image_chain_next(&chain, &diff_ids[i]);
	*ret = chain;
}

struct digest image_chain_next(const struct digest *parent, const struct digest *diff_id)
{
	char text[2 * DIGEST_TEXT_MAX];
	struct digest chain;
	size_t n;

	digest_format(parent, text);
	n = strlen(text);
	text[n] = ' ';
	digest_format(diff_id, text + n + 1);
	digest_of(DIGEST_SHA256, text, strlen(text), &chain);
	return chain;
}

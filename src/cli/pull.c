/* SPDX-License-Identifier: Apache-2.0 */
/* pull, push: images from and to registries, with progress. */
#include "cli/pull.h"

#include <stdio.h>

#include "cli/auth.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/image-name.h"
#include "cli/progress.h"
#include "cli/table.h"

static int post_with_auth(struct cli *cli, const char *target, const char *domain,
                          const struct progress_options *o, struct error *err)
{
	AUTO_STRBUF header = { 0 };
	const char *headers[] = { NULL, NULL };
	struct engine_request r = {
		.method = "POST", .target = target, .headers = headers, .content_type = "text/plain"
	};
	struct http_response answer;
	int rc;

	if (auth_header(cli, domain, &header, err) < 0)
		return error_errno(err);
	headers[0] = strbuf_cstr(&header);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	rc = progress_show(&answer, o, err);
	http_response_done(&answer);
	return rc;
}

int image_pull(struct cli *cli, const char *name, const struct pull_options *o, struct error *err)
{
	AUTO_REFERENCE r = { 0 };
	AUTO_STRBUF target = { 0 };
	AUTO_FREE char *repo = NULL;
	char digest[DIGEST_TEXT_MAX];
	struct progress_options show = { .to_stderr = o->to_stderr, .quiet = o->quiet };

	if (image_name_parse(name, &r, err) < 0)
		return error_errno(err);
	if (o->all_tags && (r.tag || digest_is_set(&r.digest)))
		return error_set(err, ERROR_INVALID, "tag can't be used with --all-tags/-a");
	repo = reference_full_name(&r);
	strbuf_puts(&target, "/images/create");
	target_arg(&target, "fromImage", repo);
	if (!o->all_tags) {
		reference_default_tag(&r);
		target_arg(&target, "tag",
		           digest_is_set(&r.digest) ? digest_format(&r.digest, digest) : r.tag);
	}
	if (!str_empty_or_null(o->platform))
		target_arg(&target, "platform", o->platform);
	return post_with_auth(cli, strbuf_cstr(&target), r.domain, &show, err);
}

static int pull(struct cli *cli, struct error *err)
{
	const char *platform = opt_string(cli, "platform"),
		   *env = getenv("DOCKER_DEFAULT_PLATFORM");
	struct pull_options o = { .platform = *platform ? platform : env,
		                  .quiet = opt_bool(cli, "quiet"),
		                  .all_tags = opt_bool(cli, "all-tags") };
	AUTO_REFERENCE r = { 0 };
	AUTO_FREE char *full = NULL;

	if (image_name_parse(cli->args.ptr[0], &r, err) < 0)
		return error_errno(err);
	if (!r.tag && !digest_is_set(&r.digest) && !o.all_tags) {
		reference_default_tag(&r);
		if (!o.quiet)
			printf("Using default tag: %s\n", r.tag);
	}
	fflush(stdout);
	if (image_pull(cli, cli->args.ptr[0], &o, err) < 0)
		return error_errno(err);
	full = reference_full(&r);
	printf("%s\n", full);
	return 0;
}

static int push(struct cli *cli, struct error *err)
{
	AUTO_REFERENCE r = { 0 };
	AUTO_STRBUF target = { 0 };
	AUTO_FREE char *name = NULL, *full = NULL;
	bool quiet = opt_bool(cli, "quiet"), all = opt_bool(cli, "all-tags");
	struct progress_options show = { .quiet = quiet };

	if (image_name_parse(cli->args.ptr[0], &r, err) < 0)
		return error_errno(err);
	if (all && r.tag)
		return error_set(err, ERROR_INVALID, "tag can't be used with --all-tags/-a");
	if (digest_is_set(&r.digest))
		return error_set(err, ERROR_INVALID, "cannot push a digest reference");
	if (!all && !r.tag) {
		reference_default_tag(&r);
		if (!quiet)
			printf("Using default tag: %s\n", r.tag);
	}
	fflush(stdout);
	name = reference_familiar_name(&r);
	target_path(&target, "/images/{}/push", name);
	if (!all)
		target_arg(&target, "tag", r.tag);
	if (post_with_auth(cli, strbuf_cstr(&target), r.domain, &show, err) < 0)
		return error_errno(err);
	full = reference_full(&r);
	if (quiet)
		printf("%s\n", full);
	return 0;
}

/* clang-format off */
static const struct cli_option pull_options[] = {
	{ "all-tags", 'a', OPTION_BOOL, "All tags of the repository" },
	{ "disable-content-trust", 0, OPTION_BOOL, "", .initial = "true", .flags = OPTION_HIDDEN },
	{ "platform", 0, OPTION_STRING, "Platform of the image, as linux/arm64" },
	{ "quiet", 'q', OPTION_BOOL, "Only the name, at the end" },
	{ NULL },
};
static const struct cli_option push_options[] = {
	{ "all-tags", 'a', OPTION_BOOL, "All tags of the repository" },
	{ "disable-content-trust", 0, OPTION_BOOL, "", .initial = "true", .flags = OPTION_HIDDEN },
	{ "platform", 0, OPTION_STRING, "", .flags = OPTION_HIDDEN },
	{ "quiet", 'q', OPTION_BOOL, "Only the name, at the end" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_pull = {
	.name = "pull",
	.usage = "NAME[:TAG|@DIGEST]",
	.brief = "Download an image from a registry",
	.options = pull_options,
	.min_args = 1,
	.max_args = 1,
	.run = pull,
	.complete = "@images",
	.group = CLI_GROUP_COMMON,
};
const struct cli_command command_push = {
	.name = "push",
	.usage = "NAME[:TAG]",
	.brief = "Upload an image to a registry",
	.options = push_options,
	.min_args = 1,
	.max_args = 1,
	.run = push,
	.complete = "@images",
	.group = CLI_GROUP_COMMON,
};

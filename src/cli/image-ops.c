/* SPDX-License-Identifier: Apache-2.0 */
/* rmi, tag, save, load, import, export, image prune. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/each.h"
#include "cli/image-name.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/transfer.h"

static int remove_image(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	CLEANUP(json_decref_ptr) json_t *removed = NULL;
	const json_t *one;
	size_t i;

	target_path(&target, "/images/{}", name);
	target_flag(&target, "force", opt_bool(cli, "force"));
	if (opt_bool(cli, "no-prune"))
		target_arg(&target, "noprune", "1");
	removed = engine_json(cli, "DELETE", strbuf_cstr(&target), NULL, err);
	if (!removed) {
		if (err->kind != ERROR_NOT_FOUND || !opt_bool(cli, "force"))
			return error_errno(err);
		cli_say("%s", err->message);
		return 0;
	}
	json_array_foreach (removed, i, one) {
		bool untagged = *item_string(one, "Untagged");

		printf("%s: %s\n", untagged ? "Untagged" : "Deleted",
		       item_string(one, untagged ? "Untagged" : "Deleted"));
	}
	return 0;
}

static int remove_images(struct cli *cli, struct error *err)
{
	return each_operand(cli, remove_image, false);
}

static int tag(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_REFERENCE r = { 0 };
	AUTO_FREE char *repo = NULL;

	if (image_name_parse(cli->args.ptr[1], &r, err) < 0)
		return error_prefix(err,
		                    "Error parsing reference: \"%s\" is not a valid repository/tag",
		                    cli->args.ptr[1]);
	if (digest_is_set(&r.digest))
		return error_set(err, ERROR_INVALID,
		                 "refusing to create a tag with a digest reference");
	reference_default_tag(&r);
	repo = reference_familiar_name(&r);
	target_path(&target, "/images/{}/tag", cli->args.ptr[0]);
	target_arg(&target, "repo", repo);
	target_arg(&target, "tag", r.tag);
	return engine_do(cli, "POST", strbuf_cstr(&target), NULL, err);
}

static int save(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	strbuf_puts(&target, "/images/get");
	for (size_t i = 0; i < cli->args.len; i++)
		target_arg(&target, "names", cli->args.ptr[i]);
	if (*opt_string(cli, "platform"))
		target_arg(&target, "platform", opt_string(cli, "platform"));
	return download(cli, strbuf_cstr(&target), opt_string(cli, "output"), err);
}

static int export(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/export", cli->args.ptr[0]);
	return download(cli, strbuf_cstr(&target), opt_string(cli, "output"), err);
}

static int post_file(struct cli *cli, const char *target, const char *path, bool quiet,
                     struct error *err)
{
	AUTO_CLOSE int fd = -1;
	struct engine_request r = { .method = "POST",
		                    .target = target,
		                    .content_type = "application/x-tar" };
	struct progress_options show = { .quiet = quiet };
	struct http_response answer;
	int rc;

	if (path) {
		fd = upload_open(path, err);
		if (fd < 0)
			return error_errno(err);
		r.body_read = upload_read;
		r.body_ctx = &fd;
	}
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	rc = progress_show(&answer, &show, err);
	http_response_done(&answer);
	return rc;
}

static int load(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	/* elsewhere than on a terminal only the names matter */
	bool quiet = opt_bool(cli, "quiet") || !terminal_is(STDOUT_FILENO);

	strbuf_puts(&target, "/images/load");
	target_arg(&target, "quiet", quiet ? "1" : "0");
	if (*opt_string(cli, "platform"))
		target_arg(&target, "platform", opt_string(cli, "platform"));
	return post_file(cli, strbuf_cstr(&target), opt_string(cli, "input"), false, err);
}

static int import(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	const char *source = cli->args.ptr[0];
	const struct strv *changes = opt_list(cli, "change");
	bool url = str_skip_prefix(source, "http://") || str_skip_prefix(source, "https://");

	strbuf_puts(&target, "/images/create");
	target_arg(&target, "fromSrc", url ? source : "-");
	if (cli->args.len > 1) {
		AUTO_FREE char *repo = NULL, *tag_name = NULL;

		if (image_name_split(cli->args.ptr[1], &repo, &tag_name, err) < 0)
			return error_errno(err);
		target_arg(&target, "repo", repo);
		if (*tag_name)
			target_arg(&target, "tag", tag_name);
	}
	if (*opt_string(cli, "message"))
		target_arg(&target, "message", opt_string(cli, "message"));
	if (*opt_string(cli, "platform"))
		target_arg(&target, "platform", opt_string(cli, "platform"));
	for (size_t i = 0; i < changes->len; i++)
		target_arg(&target, "changes", changes->ptr[i]);
	return post_file(cli, strbuf_cstr(&target), url ? NULL : source, false, err);
}

/* clang-format off */
static const struct cli_option rm_options[] = {
	{ "force", 'f', OPTION_BOOL, "Remove it though containers use it" },
	{ "no-prune", 0, OPTION_BOOL, "Keep untagged parents" },
	{ "platform", 0, OPTION_STRING, "", .flags = OPTION_HIDDEN },
	{ NULL },
};
static const struct cli_option save_options[] = {
	{ "output", 'o', OPTION_STRING, "Write to a file, not to standard output", .complete = "@files" },
	{ "platform", 0, OPTION_STRING, "Only this platform" },
	{ NULL },
};
static const struct cli_option export_options[] = {
	{ "output", 'o', OPTION_STRING, "Write to a file, not to standard output", .complete = "@files" },
	{ NULL },
};
static const struct cli_option load_options[] = {
	{ "input", 'i', OPTION_STRING, "Read from a file, not from standard input", .complete = "@files" },
	{ "platform", 0, OPTION_STRING, "Only this platform" },
	{ "quiet", 'q', OPTION_BOOL, "No progress" },
	{ NULL },
};
static const struct cli_option import_options[] = {
	{ "change", 'c', OPTION_LIST, "Dockerfile instruction to apply to the image" },
	{ "message", 'm', OPTION_STRING, "Message of the import" },
	{ "platform", 0, OPTION_STRING, "Platform of the image, as linux/arm64" },
	{ NULL },
};
/* clang-format on */

#define RM_COMMAND                                                                                 \
	.usage = "IMAGE [IMAGE...]", .brief = "Remove images", .options = rm_options,              \
	.min_args = 1, .max_args = CLI_ARGS_ANY, .run = remove_images, .complete = "@images"

const struct cli_command command_rmi = { .name = "rmi", RM_COMMAND, .group = CLI_GROUP_MORE };
const struct cli_command command_image_rm = { .name = "rm", RM_COMMAND, .aliases = "remove" };
const struct cli_command command_tag = {
	.name = "tag",
	.usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.brief = "Give an image one more name",
	.min_args = 2,
	.max_args = 2,
	.run = tag,
	.complete = "@images",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_save = {
	.name = "save",
	.usage = "IMAGE [IMAGE...]",
	.brief = "Write images to a tar archive",
	.options = save_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = save,
	.complete = "@images",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_export = {
	.name = "export",
	.usage = "CONTAINER",
	.brief = "Write a container's file system to a tar archive",
	.options = export_options,
	.min_args = 1,
	.max_args = 1,
	.run = export,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_load = {
	.name = "load",
	.brief = "Read images from a tar archive",
	.options = load_options,
	.run = load,
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_import = {
	.name = "import",
	.usage = "file|URL|- [REPOSITORY[:TAG]]",
	.brief = "Make an image from a tar archive of a file system",
	.options = import_options,
	.min_args = 1,
	.max_args = 2,
	.run = import,
	.complete = "@files",
	.group = CLI_GROUP_MORE,
};

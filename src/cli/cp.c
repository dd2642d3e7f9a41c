/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cp: between a container and our files. Where the copy ends up follows cp(1): into a directory
 * that is there, else under the new name; "SRC/." copies the contents alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/table.h"
#include "cli/tar.h"
#include "cli/terminal.h"
#include "cli/transfer.h"

#define GO_MODE_DIR (UINT64_C(1) << 31)
#define GO_MODE_SYMLINK (UINT64_C(1) << 27)

/* "web:/etc" -> container and path; a path of ours begins with / or . or has no colon. */
static bool split_operand(const char *s, char **ret_container, const char **ret_path)
{
	const char *colon = strchr(s, ':');

	*ret_container = NULL;
	*ret_path = s;
	if (s[0] == '/' || s[0] == '.' || !colon || colon == s)
		return false;
	*ret_container = xstrndup(s, (size_t)(colon - s));
	*ret_path = colon[1] ? colon + 1 : "/";
	return true;
}

static bool is_contents(const char *path)
{
	size_t n = strlen(path);

	return (n >= 2 && streq(path + n - 2, "/.")) || streq(path, ".");
}

static char *base_name(const char *path)
{
	size_t n = strlen(path), start;

	while (n > 1 && path[n - 1] == '/')
		n--;
	for (start = n; start > 0 && path[start - 1] != '/'; start--)
		;
	return n == 1 && *path == '/' ? xstrdup("/") : xstrndup(path + start, n - start);
}

static char *dir_name(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	return n ? xstrndup(path, n) : xstrdup(".");
}

/* The stat header of an archive answer. NULL with err when it can't be read. */
static json_t *path_stat(const struct http_response *answer, struct error *err)
{
	const char *header = http_response_header(answer, "X-Docker-Container-Path-Stat");
	AUTO_STRBUF text = { 0 };

	if (!header || base64_decode(str_from(header), &text) < 0) {
		error_set(err, ERROR_INTERNAL, "the engine's answer says nothing about the path");
		return NULL;
	}
	return json_parse(strbuf_str(&text), err);
}

static void report_copy(struct cli *cli, uint64_t bytes, const char *to)
{
	AUTO_STRBUF size = { 0 };

	if (opt_bool(cli, "quiet") || !terminal_is(STDERR_FILENO))
		return;
	human_size((double)bytes, 3, &size);
	cli_say("Successfully copied %s to %s", strbuf_cstr(&size), to);
}

static ssize_t read_answer(void *ctx, void *buf, size_t n)
{
	return http_response_read(ctx, buf, n);
}

/* Where what comes goes: a directory of ours, and the name in it (NULL: the contents alone). */
static int choose_place(const char *to, const char *source, bool source_is_dir, int *ret_dir,
                        char **ret_name, struct error *err)
{
	size_t n = strlen(to);
	bool slash = n > 0 && to[n - 1] == '/';
	AUTO_FREE char *parent = NULL;
	struct stat st;

	if (stat(to, &st) == 0 && S_ISDIR(st.st_mode)) {
		*ret_dir = open(to, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
		*ret_name = is_contents(source) ? NULL : base_name(source);
		if (*ret_name && streq(*ret_name, "/"))
			*ret_name = NULL;
	} else {
		if (stat(to, &st) == 0 && (source_is_dir || slash))
			return error_set(err, ERROR_INVALID,
			                 source_is_dir ? "cannot copy directory to file %s"
			                               : "%s is not a directory",
			                 to);
		if (slash && !source_is_dir)
			return error_set(err, ERROR_NOT_FOUND,
			                 "destination directory %s does not exist", to);
		parent = dir_name(to);
		*ret_dir = open(parent, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
		*ret_name = base_name(to);
	}
	return *ret_dir < 0 ? error_set_errno(err, errno, "cannot open the directory of %s", to)
	                    : 0;
}

/* A link's target stands for it with -L. */
static char *follow(struct cli *cli, const char *container, const char *path, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	CLEANUP(json_decref_ptr) json_t *st = NULL;
	struct engine_request r = { .method = "HEAD" };
	struct http_response answer;
	const char *link;

	target_path(&target, "/containers/{}/archive", container);
	target_arg(&target, "path", path);
	r.target = strbuf_cstr(&target);
	if (engine_send(cli, &r, &answer, err) < 0)
		return NULL;
	st = path_stat(&answer, err);
	http_response_done(&answer);
	if (!st)
		return NULL;
	link = item_string(st, "linkTarget");
	if (!((uint64_t)item_int(st, "mode") & GO_MODE_SYMLINK) || !*link)
		return xstrdup(path);
	if (*link == '/')
		return xstrdup(link);
	AUTO_FREE char *dir = dir_name(path);

	return xasprintf("%s/%s", dir, link);
}

static int from_container(struct cli *cli, const char *container, const char *path, const char *to,
                          struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_FREE char *followed = NULL, *name = NULL;
	const char *named = path; /* the copy is called as what was asked for */
	CLEANUP(json_decref_ptr) json_t *st = NULL;
	struct engine_request r = { .method = "GET" };
	struct tar_extract_options o = { .dirfd = -1, .keep_ids = opt_bool(cli, "archive") };
	struct http_response answer;
	uint64_t bytes = 0;
	int rc;

	if (opt_bool(cli, "follow-link")) {
		followed = follow(cli, container, path, err);
		if (!followed)
			return error_errno(err);
		path = followed;
	}
	target_path(&target, "/containers/{}/archive", container);
	target_arg(&target, "path", path);
	if (streq(to, "-"))
		return download(cli, strbuf_cstr(&target), "", err);
	r.target = strbuf_cstr(&target);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	st = path_stat(&answer, err);
	rc = st ? choose_place(to, named, (uint64_t)item_int(st, "mode") & GO_MODE_DIR, &o.dirfd,
	                       &name, err)
	        : error_errno(err);
	o.rename = name;
	if (!rc)
		rc = tar_extract(read_answer, &answer, &o, &bytes, err);
	http_response_done(&answer);
	if (o.dirfd >= 0)
		close(o.dirfd);
	if (!rc)
		report_copy(cli, bytes, to);
	return rc;
}

/* Is the path in the container a directory? 1 yes, 0 something else, -1 not there (err unset). */
static int container_path_kind(struct cli *cli, const char *container, const char *path,
                               struct error *err)
{
	AUTO_STRBUF target = { 0 };
	CLEANUP(json_decref_ptr) json_t *st = NULL;
	AUTO_FREE char *dotted = NULL;
	struct engine_request r = { .method = "HEAD" };
	struct http_response answer;
	uint64_t mode;

	target_path(&target, "/containers/{}/archive", container);
	target_arg(&target, "path", path);
	r.target = strbuf_cstr(&target);
	if (engine_send(cli, &r, &answer, err) < 0) {
		if (err->kind == ERROR_NOT_FOUND)
			error_clear(err);
		return -1;
	}
	st = path_stat(&answer, err);
	http_response_done(&answer);
	if (!st)
		return -1;
	mode = (uint64_t)item_int(st, "mode");
	if (!(mode & GO_MODE_SYMLINK) || is_contents(path))
		return mode & GO_MODE_DIR ? 1 : 0;
	dotted = xasprintf("%s/.", path); /* through the link: a directory, or not there */
	return container_path_kind(cli, container, dotted, err) == 1 ? 1 : 0;
}

static int put_archive(struct cli *cli, const char *container, const char *dir, tar_read_fn body,
                       void *ctx, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	struct engine_request r = { .method = "PUT",
		                    .content_type = "application/x-tar",
		                    .body_read = body,
		                    .body_ctx = ctx };
	struct http_response answer;

	target_path(&target, "/containers/{}/archive", container);
	target_arg(&target, "path", dir);
	target_arg(&target, "noOverwriteDirNonDir", "true");
	if (opt_bool(cli, "archive"))
		target_arg(&target, "copyUIDGID", "true");
	r.target = strbuf_cstr(&target);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	http_response_done(&answer);
	return 0;
}

static int to_container(struct cli *cli, const char *from, const char *container, const char *to,
                        struct error *err)
{
	CLEANUP(tar_source_free_ptr) struct tar_source *source = NULL;
	AUTO_FREE char *dir = NULL, *name = NULL;
	AUTO_FREE char *label = xasprintf("%s:%s", container, to);
	size_t n = strlen(to);
	struct stat st;
	int kind;

	if (streq(from, "-")) {
		AUTO_CLOSE int fd = upload_open("-", err);

		return fd < 0 ? error_errno(err)
		              : put_archive(cli, container, to, upload_read, &fd, err);
	}
	if (fstatat(AT_FDCWD, from, &st, opt_bool(cli, "follow-link") ? 0 : AT_SYMLINK_NOFOLLOW) <
	    0)
		return error_set_errno(err, errno, "lstat %s", from);
	kind = container_path_kind(cli, container, to, err);
	if (kind < 0 && err->kind)
		return error_errno(err);
	if (kind == 1) {
		dir = xstrdup(to);
		name = is_contents(from) ? xstrdup(".") : base_name(from);
	} else {
		if (kind == 0 && S_ISDIR(st.st_mode))
			return error_set(err, ERROR_INVALID, "cannot copy directory to file %s",
			                 label);
		if (kind < 0 && n && to[n - 1] == '/' && !S_ISDIR(st.st_mode))
			return error_set(err, ERROR_NOT_FOUND,
			                 "destination directory %s does not exist", label);
		dir = dir_name(to);
		name = base_name(to);
	}
	struct tar_source_options o = { .path = from,
		                        .root = name,
		                        .keep_ids = opt_bool(cli, "archive"),
		                        .follow_link = opt_bool(cli, "follow-link") };
	source = tar_source_new(&o, err);
	if (!source)
		return error_errno(err);
	if (put_archive(cli, container, dir, tar_source_read, source, err) < 0) {
		if (tar_source_error(source)->kind)
			*err = *tar_source_error(source);
		return error_errno(err);
	}
	report_copy(cli, (uint64_t)st.st_size, label);
	return 0;
}

static int cp(struct cli *cli, struct error *err)
{
	AUTO_FREE char *from_container_name = NULL, *to_container_name = NULL;
	const char *from, *to;
	bool is_from = split_operand(cli->args.ptr[0], &from_container_name, &from);
	bool is_to = split_operand(cli->args.ptr[1], &to_container_name, &to);

	if (is_from && is_to)
		return error_set(err, ERROR_INVALID, "copying between containers is not supported");
	if (!is_from && !is_to)
		return error_set(err, ERROR_INVALID, "must specify at least one container source");
	if (is_from)
		return from_container(cli, from_container_name, from, to, err);
	return to_container(cli, from, to_container_name, to, err);
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "archive", 'a', OPTION_BOOL, "Keep user and group ids" },
	{ "follow-link", 'L', OPTION_BOOL, "Copy what SRC_PATH, a link, points to" },
	{ "quiet", 'q', OPTION_BOOL, "No report" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_cp = {
	.name = "cp",
	.usage = "CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
	.brief = "Copy files between a container and here",
	.details =
		"\n\"-\" as the source reads a tar archive from standard input; as the destination it\n"
		"writes one to standard output.",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = cp,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};

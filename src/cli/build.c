/* SPDX-License-Identifier: Apache-2.0 */
/* build: sends the context as a tar, shows what the engine says. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/auth.h"
#include "cli/commands.h"
#include "cli/env-file.h"
#include "cli/ignore.h"
#include "cli/kv.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/tar.h"
#include "cli/transfer.h"

enum { IGNORE_FILE_MAX = 4 * 1024 * 1024, DOCKERFILE_MAX = 16 * 1024 * 1024 };

/* A body out of memory. */
struct strbuf_reader {
	struct str left;
};

static ssize_t strbuf_reader_read(void *ctx, void *buf, size_t n)
{
	struct strbuf_reader *r = ctx;

	n = MIN(n, r->left.len);
	memcpy(buf, r->left.ptr, n);
	r->left = str_n(r->left.ptr + n, r->left.len - n);
	return (ssize_t)n;
}

struct built {
	char *id; /* owned */
};

static void take_aux(void *ctx, const json_t *aux)
{
	struct built *b = ctx;

	if (!*item_string(aux, "ID"))
		return;
	free(b->id);
	b->id = xstrdup(item_string(aux, "ID"));
}

static void json_arg(struct strbuf *target, const char *name, const struct strv *v, bool map)
{
	AUTO_STRBUF text = { 0 };
	struct json_writer w;

	if (!v->len)
		return;
	json_writer_init(&w, &text);
	if (map) {
		AUTO_STRBUF wrapped = { 0 };
		struct json_writer outer;

		/* kv_write() writes a member: take its value */
		json_writer_init(&outer, &wrapped);
		jw_object(&outer);
		kv_write(&outer, "x", v);
		jw_object_end(&outer);
		strbuf_add(&text, wrapped.ptr + strlen("{\"x\":"),
		           wrapped.len - strlen("{\"x\":}"));
	} else {
		jw_array(&w);
		for (size_t i = 0; i < v->len; i++)
			jw_string(&w, v->ptr[i]);
		jw_array_end(&w);
	}
	target_arg(target, name, strbuf_cstr(&text));
}

static void number_arg(struct cli *cli, struct strbuf *target, const char *option, const char *name)
{
	char text[32];

	if (!opt_given(cli, option))
		return;
	snprintf(text, sizeof(text), "%lld", (long long)opt_int(cli, option));
	target_arg(target, name, text);
}

static int make_target(struct cli *cli, const char *dockerfile, struct strbuf *t, struct error *err)
{
	const struct strv *tags = opt_list(cli, "tag"), *hosts = opt_list(cli, "add-host");
	AUTO_STRV labels = { 0 }, args = { 0 };
	const char *platform = opt_string(cli, "platform"),
		   *env = getenv("DOCKER_DEFAULT_PLATFORM");
	const struct strv none = { 0 };

	if (env_collect(&none, opt_list(cli, "build-arg"), &args, err) < 0 ||
	    labels_collect(&none, opt_list(cli, "label"), &labels, err) < 0)
		return error_errno(err);
	strbuf_puts(t, "/build");
	target_arg(t, "version", "1");
	target_arg(t, "dockerfile", dockerfile);
	for (size_t i = 0; i < tags->len; i++)
		target_arg(t, "t", tags->ptr[i]);
	for (size_t i = 0; i < hosts->len; i++)
		target_arg(t, "extrahosts", hosts->ptr[i]);
	json_arg(t, "buildargs", &args, true);
	json_arg(t, "labels", &labels, true);
	json_arg(t, "cachefrom", opt_list(cli, "cache-from"), false);
	target_flag(t, "nocache", opt_bool(cli, "no-cache"));
	target_flag(t, "pull", opt_bool(cli, "pull"));
	target_arg(t, "rm", opt_bool(cli, "rm") ? "1" : "0");
	target_flag(t, "forcerm", opt_bool(cli, "force-rm"));
	target_flag(t, "squash", opt_bool(cli, "squash"));
	if (*opt_string(cli, "target"))
		target_arg(t, "target", opt_string(cli, "target"));
	if (*opt_string(cli, "network"))
		target_arg(t, "networkmode", opt_string(cli, "network"));
	if (*platform || env)
		target_arg(t, "platform", *platform ? platform : env);
	if (*opt_string(cli, "cgroup-parent"))
		target_arg(t, "cgroupparent", opt_string(cli, "cgroup-parent"));
	number_arg(cli, t, "memory", "memory");
	number_arg(cli, t, "memory-swap", "memswap");
	number_arg(cli, t, "cpu-shares", "cpushares");
	number_arg(cli, t, "cpu-period", "cpuperiod");
	number_arg(cli, t, "cpu-quota", "cpuquota");
	number_arg(cli, t, "shm-size", "shmsize");
	if (*opt_string(cli, "cpuset-cpus"))
		target_arg(t, "cpusetcpus", opt_string(cli, "cpuset-cpus"));
	if (*opt_string(cli, "cpuset-mems"))
		target_arg(t, "cpusetmems", opt_string(cli, "cpuset-mems"));
	return 0;
}

/* X-Registry-Config: the credentials of every server in config.json, for FROM. */
static void registry_config(struct cli *cli, struct strbuf *out)
{
	AUTO_STRBUF json = { 0 };
	const json_t *auth;
	const char *server;
	struct json_writer w;

	json_writer_init(&w, &json);
	jw_object(&w);
	json_object_foreach (json_object_get(cli->config, "auths"), server, auth) {
		CLEANUP(credentials_done) struct credentials c = { 0 };
		struct error ignored = { 0 };

		if (auth_load(cli, server, &c, &ignored) < 0 || (!c.username && !c.identity_token))
			continue;
		jw_key(&w, server);
		jw_object(&w);
		if (c.identity_token) {
			jw_kv_string(&w, "identitytoken", c.identity_token);
		} else {
			jw_kv_string(&w, "username", c.username);
			jw_kv_string(&w, "password", c.password);
		}
		jw_kv_string(&w, "serveraddress", server);
		jw_object_end(&w);
	}
	jw_object_end(&w);
	strbuf_puts(out, "X-Registry-Config: ");
	strbuf_add_base64(out, strbuf_cstr(&json), json.len, true);
}

static int send(struct cli *cli, const char *target, tar_read_fn body, void *ctx,
                struct built *built, struct error *err)
{
	AUTO_STRBUF header = { 0 };
	const char *headers[] = { NULL, NULL };
	struct engine_request r = { .method = "POST",
		                    .target = target,
		                    .headers = headers,
		                    .body_read = body,
		                    .body_ctx = ctx,
		                    .content_type = "application/x-tar" };
	struct progress_options show = { .quiet = opt_bool(cli, "quiet"),
		                         .on_aux = take_aux,
		                         .ctx = built };
	struct http_response answer;
	int rc;

	registry_config(cli, &header);
	headers[0] = strbuf_cstr(&header);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	rc = progress_show(&answer, &show, err);
	http_response_done(&answer);
	return rc;
}

struct context_filter {
	struct ignore ignore;
	const char *dockerfile; /* never left out */
};

static bool leave_out(void *ctx, const char *name, bool is_dir, bool *ret_walk)
{
	const struct context_filter *f = ctx;

	if (streq(name, f->dockerfile) || streq(name, ".dockerignore"))
		return false;
	if (!ignore_matches(&f->ignore, name, ret_walk))
		return false;
	/* the directory that the Dockerfile is in must be walked */
	if (is_dir && str_skip_prefix(f->dockerfile, name))
		*ret_walk = true;
	return true;
}

static int load_ignore(const char *dir, const char *dockerfile, struct ignore *ret,
                       struct error *err)
{
	const char *names[] = { NULL, ".dockerignore" };
	AUTO_FREE char *own = xasprintf("%s.dockerignore", dockerfile);

	names[0] = own;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);
		AUTO_STRBUF text = { 0 };

		if (read_file(AT_FDCWD, path, IGNORE_FILE_MAX, &text, err) == 0) {
			ignore_add(ret, strbuf_str(&text));
			return 0;
		}
		if (err->kind != ERROR_NOT_FOUND)
			return error_errno(err);
		error_clear(err);
	}
	return 0;
}

/* The Dockerfile's name within the context: -f is relative to us first, then to the context. */
static int dockerfile_name(struct cli *cli, const char *dir, char **ret, struct error *err)
{
	const char *file = opt_string(cli, "file");
	AUTO_FREE char *real_dir = realpath(dir, NULL), *real_file = NULL, *inside = NULL;
	const char *rest;

	if (!real_dir)
		return error_set_errno(err, errno, "unable to prepare context: path \"%s\"", dir);
	if (!*file)
		file = "Dockerfile";
	inside = xasprintf("%s/%s", real_dir, file);
	if (opt_given(cli, "file") && (real_file = realpath(file, NULL))) {
		rest = str_skip_prefix(real_file, real_dir);
		if (rest && *rest == '/') {
			*ret = xstrdup(rest + 1);
			return 0;
		}
		if (access(inside, F_OK) < 0)
			return error_set(
				err, ERROR_INVALID,
				"unable to prepare context: the Dockerfile (%s) must be within the build "
				"context",
				file);
	}
	if (access(inside, F_OK) < 0)
		return error_set(
			err, ERROR_NOT_FOUND,
			"unable to prepare context: unable to evaluate symlinks in Dockerfile path: "
			"lstat %s: no such file or directory",
			inside);
	*ret = xstrdup(file);
	return 0;
}

static int build_directory(struct cli *cli, const char *dir, struct built *built, struct error *err)
{
	AUTO_FREE char *dockerfile = NULL;
	AUTO_STRBUF target = { 0 };
	struct context_filter filter = { 0 };
	CLEANUP(tar_source_free_ptr) struct tar_source *source = NULL;
	struct tar_source_options o = {
		.path = dir, .root = ".", .follow_link = true, .skip = leave_out, .ctx = &filter
	};
	int rc;

	if (dockerfile_name(cli, dir, &dockerfile, err) < 0 ||
	    make_target(cli, dockerfile, &target, err) < 0)
		return error_errno(err);
	filter.dockerfile = dockerfile;
	rc = load_ignore(dir, dockerfile, &filter.ignore, err);
	if (!rc && !(source = tar_source_new(&o, err)))
		rc = error_errno(err);
	if (!rc)
		rc = send(cli, strbuf_cstr(&target), tar_source_read, source, built, err);
	if (rc < 0 && source && tar_source_error(source)->kind)
		*err = *tar_source_error(source);
	ignore_done(&filter.ignore);
	return rc;
}

/* "-": an archive, or a Dockerfile alone, which is put into one. */
static int build_stdin(struct cli *cli, struct built *built, struct error *err)
{
	AUTO_CLOSE int fd = upload_open("-", err);
	AUTO_STRBUF target = { 0 }, text = { 0 };
	char dir[] = "/tmp/coracle-build-XXXXXX";
	AUTO_FREE char *path = NULL;
	int rc;

	if (fd < 0 || read_fd(fd, (size_t)1 << 31, &text, err) < 0)
		return error_errno(err);
	if (text.len > 262 &&
	    (!memcmp(text.ptr + 257, "ustar", 5) || !memcmp(text.ptr, "\x1f\x8b", 2) ||
	     !memcmp(text.ptr, "BZh", 3) || !memcmp(text.ptr, "\x28\xb5\x2f\xfd", 4) ||
	     !memcmp(text.ptr, "\xfd\x37zXZ", 5))) {
		struct strbuf_reader reader = { strbuf_str(&text) };

		if (make_target(cli,
		                *opt_string(cli, "file") ? opt_string(cli, "file") : "Dockerfile",
		                &target, err) < 0)
			return error_errno(err);
		return send(cli, strbuf_cstr(&target), strbuf_reader_read, &reader, built, err);
	}
	if (!mkdtemp(dir))
		return error_set_errno(err, errno, "cannot make a directory in /tmp");
	path = xasprintf("%s/Dockerfile", dir);
	rc = write_file(AT_FDCWD, path, strbuf_cstr(&text), text.len, 0644, err);
	if (!rc)
		rc = build_directory(cli, dir, built, err);
	IGNORE_RESULT(remove_tree(AT_FDCWD, dir) < 0, "a leftover of ours in /tmp");
	return rc;
}

static int build(struct cli *cli, struct error *err)
{
	const char *context = cli->args.ptr[0];
	AUTO_STRBUF target = { 0 };
	struct built built = { 0 };
	AUTO_FREE char *id = NULL;
	int rc;

	if (engine_open(cli, err) < 0)
		return error_errno(err);
	if (streq(context, "-")) {
		rc = build_stdin(cli, &built, err);
	} else if (str_skip_prefix(context, "http://") || str_skip_prefix(context, "https://") ||
	           str_skip_prefix(context, "git@") || str_skip_prefix(context, "git://") ||
	           str_skip_prefix(context, "github.com/")) {
		rc = make_target(cli,
		                 *opt_string(cli, "file") ? opt_string(cli, "file") : "Dockerfile",
		                 &target, err);
		target_arg(&target, "remote", context);
		if (!rc)
			rc = send(cli, strbuf_cstr(&target), NULL, NULL, &built, err);
	} else {
		rc = build_directory(cli, context, &built, err);
	}
	id = built.id;
	if (rc < 0)
		return rc;
	if (id && opt_bool(cli, "quiet"))
		printf("%s\n", id);
	if (id && *opt_string(cli, "iidfile"))
		return write_file(AT_FDCWD, opt_string(cli, "iidfile"), id, strlen(id), 0644, err);
	return 0;
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "add-host", 0, OPTION_LIST, "Add a line to /etc/hosts, as name:address" },
	{ "build-arg", 0, OPTION_LIST, "Value of an ARG" },
	{ "cache-from", 0, OPTION_STRINGS, "Images to take steps from" },
	{ "cgroup-parent", 0, OPTION_STRING, "Control group above the steps'" },
	{ "compress", 0, OPTION_BOOL, "", .flags = OPTION_HIDDEN },
	{ "cpu-period", 0, OPTION_INT, "Period of the CPU quota, in microseconds" },
	{ "cpu-quota", 0, OPTION_INT, "CPU time per period, in microseconds" },
	{ "cpu-shares", 'c', OPTION_INT, "CPU weight" },
	{ "cpuset-cpus", 0, OPTION_STRING, "CPUs the steps may use" },
	{ "cpuset-mems", 0, OPTION_STRING, "Memory nodes the steps may use" },
	{ "disable-content-trust", 0, OPTION_BOOL, "", .initial = "true", .flags = OPTION_HIDDEN },
	{ "file", 'f', OPTION_STRING, "The Dockerfile (default CONTEXT/Dockerfile)", .complete = "@files" },
	{ "force-rm", 0, OPTION_BOOL, "Remove the steps' containers also after a failure" },
	{ "iidfile", 0, OPTION_STRING, "Write the image's id to this file", .complete = "@files" },
	{ "label", 0, OPTION_LIST, "Label of the image, as key=value" },
	{ "memory", 'm', OPTION_BYTES, "Memory limit of the steps" },
	{ "memory-swap", 0, OPTION_BYTES, "Limit of memory and swap together; -1: unlimited swap" },
	{ "network", 0, OPTION_STRING, "Network of the steps", .complete = "@networks" },
	{ "no-cache", 0, OPTION_BOOL, "Run every step again" },
	{ "platform", 0, OPTION_STRING, "Platform of the image, as linux/arm64" },
	{ "progress", 0, OPTION_STRING, "", .flags = OPTION_HIDDEN },
	{ "pull", 0, OPTION_BOOL, "Look for newer images to build FROM" },
	{ "quiet", 'q', OPTION_BOOL, "Only the image's id, at the end" },
	{ "rm", 0, OPTION_BOOL, "Remove the steps' containers", .initial = "true" },
	{ "shm-size", 0, OPTION_BYTES, "Size of /dev/shm" },
	{ "squash", 0, OPTION_BOOL, "", .flags = OPTION_HIDDEN },
	{ "tag", 't', OPTION_LIST, "Name of the image, as app:1.0" },
	{ "target", 0, OPTION_STRING, "Stop at this stage" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_build = {
	.name = "build",
	.usage = "PATH | URL | -",
	.brief = "Build an image from a Dockerfile",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = build,
	.complete = "@files",
	.group = CLI_GROUP_COMMON,
};

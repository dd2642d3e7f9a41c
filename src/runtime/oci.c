/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of OCI runtimes, for what the engine does itself; and their complaints. */
#include <fcntl.h>
#include <string.h>

#include "base/process.h"
#include "base/vec.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"

enum { OUTPUT_MAX = 4096 };

/* Debian's crun must not see a hybrid host's cgroup2 (src/shim/runtime-oci.c): unshare(1) and
 * umount(8) do here, where nobody waits, what the shim does by system calls. */
static void add_prefix(const struct runtime *r, struct strv *args)
{
	if (cgroup_host()->hide_mount) {
		strv_add(args, "unshare");
		strv_add(args, "--mount");
		strv_add(args, "--propagation");
		strv_add(args, "slave");
		strv_add(args, "sh");
		strv_add(args, "-c");
		strv_printf(args, "umount -l %s; exec \"$@\"", cgroup_host()->hide_mount);
		strv_add(args, "sh");
	}
	strv_add(args, r->path);
	strv_add(args, "--root");
	strv_add(args, r->root);
}

static int run(const struct strv *args, struct strbuf *output, struct error *err)
{
	struct spawn_options o = {
		.path = args->ptr[0],
		.argv = strv_argv(args),
		.stdio = { -1, -1, -1 },
	};

	return process_run(&o, OUTPUT_MAX, output, err);
}

static void oci_delete(const struct runtime *r, const char *id)
{
	AUTO_STRV args = { 0 };
	AUTO_STRBUF output = { 0 };
	struct error err = { 0 };

	add_prefix(r, &args);
	strv_add(&args, "delete");
	strv_add(&args, "--force");
	strv_add(&args, id);
	IGNORE_RESULT(run(&args, &output, &err) < 0, "the caller also empties the control group");
}

static int oci_update(const struct runtime *r, const char *id, const char *resources_file,
                      struct error *err)
{
	AUTO_STRV args = { 0 };
	AUTO_STRBUF output = { 0 };
	int status;

	add_prefix(r, &args);
	strv_add(&args, "update");
	strv_add(&args, "--resources");
	strv_add(&args, resources_file);
	strv_add(&args, id);
	status = run(&args, &output, err);
	if (status < 0)
		return status;
	if (status > 0)
		return error_set(err, ERROR_INTERNAL, "%s cannot update container %s: %s", r->name,
		                 id, strbuf_cstr(&output));
	return 0;
}

const struct runtime_ops runtime_oci_ops = {
	.delete = oci_delete,
	.update = oci_update,
};

static bool contains(const char *message, const char *what)
{
	return strcasestr(message, what) != NULL;
}

/* The runtimes word it differently; the kinds of failure are few. Clients take exit codes from the
 * text. */
void runtime_translate_error(const char *message, bool exec, const char *program, struct error *err)
{
	const char *prefix =
		exec ? "OCI runtime exec failed: exec failed: unable to start container process"
		     : "failed to create task for container: failed to create shim task: OCI runtime "
		       "create failed: unable to start container process";

	if (contains(message, "chdir") || contains(message, "cwd"))
		error_set(err, ERROR_INVALID, "%s: %s: unknown", prefix, message);
	else if (contains(message, "executable file") || contains(message, "exec:")) {
		if (contains(message, "permission denied"))
			error_set(err, ERROR_INVALID,
			          "%s: exec: \"%s\": permission denied: unknown", prefix, program);
		else if (contains(message, "is a directory"))
			error_set(err, ERROR_INVALID, "%s: exec: \"%s\": is a directory: unknown",
			          prefix, program);
		else if (strchr(program, '/'))
			error_set(err, ERROR_INVALID,
			          "%s: exec: \"%s\": stat %s: no such file or directory: unknown",
			          prefix, program, program);
		else
			error_set(err, ERROR_INVALID,
			          "%s: exec: \"%s\": executable file not found in $PATH: unknown",
			          prefix, program);
	} else if ((contains(message, "open executable") || contains(message, program)) &&
	           (contains(message, "not permitted") || contains(message, "permission denied")))
		error_set(err, ERROR_INVALID, "%s: exec: \"%s\": permission denied: unknown",
		          prefix, program);
	else
		error_set(
			err, ERROR_INTERNAL, "%s: %s: unknown",
			exec ? "OCI runtime exec failed: exec failed"
			     : "failed to create task for container: failed to create shim task: OCI runtime create "
			       "failed",
			message);
}

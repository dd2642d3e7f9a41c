/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the engine itself asks of a runtime. Making, starting and exec belong to the shim, which is the
 * container's parent (src/shim/runtime-oci.c); here is what must also work when the shim is gone.
 */
#include "base/error.h"
#include "base/str.h"

struct runtime {
	const struct runtime_ops *ops;
	const char *name, *path; /* borrowed */
	const char *root;        /* where it keeps its state */
};

struct runtime_ops {
	/* Kills what runs of the container and forgets it. Fine when it is not known. */
	void (*delete)(const struct runtime *r, const char *id);
	/* Changes the limits of a running container; resources is JSON of linux.resources in a file. */
	int (*update)(const struct runtime *r, const char *id, const char *resources_file, struct error *err);
};

/* crun, runc, and what takes their command line. */
extern const struct runtime_ops runtime_oci_ops;

/* A runtime's complaint in the words of Docker's engine, which clients look into: sets err's kind and message from
 * what it says. exec: of `docker exec`. program: args[0]. */
void runtime_translate_error(const char *message, bool exec, const char *program, struct error *err);

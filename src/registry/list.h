/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Lists of names, in pages by key: what tags/list and _catalog have in common. */
#include "base/vec.h"

struct registry_call;
struct error;

struct list_source {
	const char *head; /* JSON up to the names */
	const char *path; /* for Link */
	/* At most limit names after last. */
	int (*page)(struct registry_call *c, const char *last, int64_t limit, struct strv *out,
		    struct error *err);
	int64_t default_n, max_n;
	bool whole_without_n; /* the whole list, streamed, when n is not given */
};

int list_respond(struct registry_call *c, const struct list_source *s, struct error *err) MUST_USE;

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One line of a json-file log, read back. */
#include "base/error.h"
#include "base/strbuf.h"

struct log_record {
	int stream; /* 1 stdout, 2 stderr */
	int64_t time;
	struct strbuf text; /* reused from record to record */
};

/* 0, or -EINVAL for what is no record (a line cut by a full disk). Members in any order. */
int log_record_parse(struct str line, struct log_record *ret) MUST_USE;

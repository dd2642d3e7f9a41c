/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A container's log as Docker's json-file driver writes it: one {"log","stream","time"} object a line, rotated by
 * size into path.1, path.2, ... A line longer than LOG_LINE_MAX is cut into records without a newline
 * at their end. What can't be written (disk full) is dropped: a log never stops a container. One thread.
 */
#include "base/error.h"
#include "base/strbuf.h"

enum { LOG_LINE_MAX = 16384 };

struct log_file;

/* max_size 0: never rotated. path is kept with max_files - 1 older ones. */
int log_file_open(const char *path, int64_t max_size, unsigned max_files, struct log_file **ret, struct error *err) MUST_USE;
/* Bytes of stream 1 (stdout) or 2 (stderr) that came at wall time now. */
void log_file_add(struct log_file *l, int stream, const void *data, size_t n, int64_t now);
/* Writes out what is complete. */
void log_file_flush(struct log_file *l);
/* Also the unfinished lines. */
void log_file_close(struct log_file *l, int64_t now);
/* One record; exported for tests and the reader's fuzzer. */
void log_record_encode(struct strbuf *out, int stream, struct str line, int64_t time);

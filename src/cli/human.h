/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sizes, times and ids as people read them, in docker's words. */
#include "base/strbuf.h"

/* "2 minutes", "About an hour", "3 weeks". */
void human_duration(int64_t ns, struct strbuf *out);
/* "77.9MB": steps of 1000, so many significant digits (docker: 4, in lists 3). */
void human_size(double bytes, int digits, struct strbuf *out);
/* "1.5GiB": steps of 1024, 4 digits. */
void human_size_binary(double bytes, struct strbuf *out);
/* Twelve characters of an id, "sha256:" taken off; all of it with no_trunc. */
void print_id(const char *id, bool no_trunc, struct strbuf *out);
/* "2026-11-24 20:36:57 +0000 UTC" in local time from unix seconds. */
void print_unix_time(int64_t seconds, struct strbuf *out);
/* At most n characters, the last an ellipsis. */
void print_ellipsis(const char *s, size_t n, struct strbuf *out);

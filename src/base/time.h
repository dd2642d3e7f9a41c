/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Times are int64_t nanoseconds: since 1970 (wall) or since boot (monotonic). 0 wall = "never". */
#include "base/str.h"

#define NSEC_PER_SEC INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)

enum { TIME_RFC3339_MAX = 40 };

int64_t time_now(void);       /* wall */
int64_t time_monotonic(void);
/* RFC 3339 with nanoseconds and trailing zeros cut as Go's RFC3339Nano, in UTC ("…Z").
 * 0 gives Go's zero time, 0001-01-01T00:00:00Z. buf has TIME_RFC3339_MAX bytes. */
const char *time_format(int64_t wall, char *buf);
/* The same with all nine digits, as log timestamps have them. */
const char *time_format_fixed(int64_t wall, char *buf);
/* RFC 3339 with any fraction and offset. 0 or -EINVAL. Year 1 parses as 0. */
int time_parse(const char *s, int64_t *ret) MUST_USE;
/* A client's --since/--until: unix seconds[.nanos], RFC 3339 or a prefix of it, or a Go duration
 * ("10m", before now). 0 or -EINVAL. */
int time_parse_query(const char *s, int64_t now, int64_t *ret) MUST_USE;
/* Go duration text ("1h30m", "1.5s", "100ms") to nanoseconds. 0 or -EINVAL. */
int duration_parse(const char *s, int64_t *ret) MUST_USE;

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t time_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static void split(int64_t wall, struct tm *tm, long *nsec)
{
	time_t sec = wall / NSEC_PER_SEC;

	*nsec = (long)(wall % NSEC_PER_SEC);
	if (*nsec < 0) {
		*nsec += NSEC_PER_SEC;
		sec--;
	}
	gmtime_r(&sec, tm);
}

const char *time_format_fixed(int64_t wall, char *buf)
{
	struct tm tm;
	long nsec;
	size_t n;

	split(wall, &tm, &nsec);
	n = strftime(buf, TIME_RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_RFC3339_MAX - n, ".%09ldZ", nsec);
	return buf;
}

const char *time_format(int64_t wall, char *buf)
{
	char *end;

	if (wall == 0)
		return memcpy(buf, "0001-01-01T00:00:00Z", sizeof("0001-01-01T00:00:00Z"));
	time_format_fixed(wall, buf);
	end = buf + strlen(buf) - 1; /* the Z */
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	memcpy(end, "Z", 2);
	return buf;
}

static bool digits(const char **s, int n, int *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return false;
		*ret = *ret * 10 + (**s - '0');
	}
	return true;
}

static int64_t parse_fraction(const char **s)
{
	int64_t scale = NSEC_PER_SEC / 10, nsec = 0;

	for (; isdigit((unsigned char)**s); (*s)++) {
		nsec += (**s - '0') * scale;
		scale /= 10;
	}
	return nsec;
}

/* Parses a date with the later parts optional when `partial`. */
static int parse_date(const char *s, bool partial, int64_t *ret)
{
	int year, month, day = 1, hour = 0, minute = 0, second = 0, oh = 0, om = 0, sign = 0;
	int64_t nsec = 0;
	struct tm tm;

	if (!digits(&s, 4, &year) || *s++ != '-' || !digits(&s, 2, &month) || *s++ != '-' ||
	    !digits(&s, 2, &day))
		return -EINVAL;
	if (*s == 'T' || *s == 't') {
		s++;
		if (!digits(&s, 2, &hour))
			return -EINVAL;
		if (*s == ':') {
			s++;
			if (!digits(&s, 2, &minute))
				return -EINVAL;
		} else if (!partial) {
			return -EINVAL;
		}
		if (*s == ':') {
			s++;
			if (!digits(&s, 2, &second))
				return -EINVAL;
			if (*s == '.') {
				s++;
				nsec = parse_fraction(&s);
			}
		} else if (!partial) {
			return -EINVAL;
		}
		if (*s == 'Z' || *s == 'z') {
			s++;
		} else if (*s == '+' || *s == '-') {
			sign = *s++ == '-' ? -1 : 1;
			if (!digits(&s, 2, &oh) || *s++ != ':' || !digits(&s, 2, &om))
				return -EINVAL;
		} else if (!partial) {
			return -EINVAL;
		}
	} else if (!partial) {
		return -EINVAL;
	}
	if (*s || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
	    second > 60)
		return -EINVAL;
	if (year == 1) {
		*ret = 0;
		return 0;
	}
	if (year < 1678 || year > 2261) /* what int64 nanoseconds hold */
		return -EINVAL;
	tm = (struct tm){ .tm_year = year - 1900,
		          .tm_mon = month - 1,
		          .tm_mday = day,
		          .tm_hour = hour,
		          .tm_min = minute,
		          .tm_sec = second };
	*ret = ((int64_t)timegm(&tm) - sign * (oh * 3600 + om * 60)) * NSEC_PER_SEC + nsec;
	return 0;
}

int time_parse(const char *s, int64_t *ret)
{
	return parse_date(s, false, ret);
}

int duration_parse(const char *s, int64_t *ret)
{
	static const struct {
		const char *name;
		double nsec;
	} units[] = { { "ns", 1 },  { "us", 1e3 }, { "\xc2\xb5s", 1e3 }, { "ms", 1e6 },
		      { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
	bool negative = *s == '-';
	double total = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (streq(s, "0")) {
		*ret = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		const char *unit_end;
		double value = 0, scale = 1;
		bool any = false, known = false;

		for (; isdigit((unsigned char)*s); s++, any = true)
			value = value * 10 + (*s - '0');
		if (*s == '.')
			for (s++; isdigit((unsigned char)*s); s++, any = true)
				value += (*s - '0') * (scale /= 10);
		if (!any)
			return -EINVAL;
		for (unit_end = s;
		     *unit_end && *unit_end != '.' && !isdigit((unsigned char)*unit_end);)
			unit_end++;
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			if (str_eq_c(str_n(s, (size_t)(unit_end - s)), units[i].name)) {
				total += value * units[i].nsec;
				known = true;
			}
		if (!known || total > 9.2e18)
			return -EINVAL;
		s = unit_end;
	}
	*ret = (int64_t)(negative ? -total : total);
	return 0;
}

int time_parse_query(const char *s, int64_t now, int64_t *ret)
{
	const char *p = s;
	int64_t sec = 0, duration;

	if (parse_date(s, true, ret) == 0)
		return 0;
	if (isdigit((unsigned char)*p)) {
		for (; isdigit((unsigned char)*p); p++)
			if (ckd_mul(&sec, sec, (int64_t)10) ||
			    ckd_add(&sec, sec, (int64_t)(*p - '0')))
				return -EINVAL;
		if (!*p || (*p == '.' && strspn(p + 1, "0123456789") == strlen(p + 1))) {
			if (*p)
				p++;
			if (ckd_mul(ret, sec, NSEC_PER_SEC) ||
			    ckd_add(ret, *ret, parse_fraction(&p)))
				return -EINVAL;
			return 0;
		}
	}
	if (duration_parse(s, &duration) < 0)
		return -EINVAL;
	*ret = now - duration;
	return 0;
}

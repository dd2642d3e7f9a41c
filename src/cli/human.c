/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/human.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/time.h"

void human_duration(int64_t ns, struct strbuf *out)
{
	int64_t s = ns / NSEC_PER_SEC, m = s / 60,
		h = (ns + 30 * 60 * NSEC_PER_SEC) / (3600 * NSEC_PER_SEC);

	if (s < 1)
		strbuf_puts(out, "Less than a second");
	else if (s == 1)
		strbuf_puts(out, "1 second");
	else if (s < 60)
		strbuf_printf(out, "%lld seconds", (long long)s);
	else if (m == 1)
		strbuf_puts(out, "About a minute");
	else if (m < 60)
		strbuf_printf(out, "%lld minutes", (long long)m);
	else if (h == 1)
		strbuf_puts(out, "About an hour");
	else if (h < 48)
		strbuf_printf(out, "%lld hours", (long long)h);
	else if (h < 24 * 7 * 2)
		strbuf_printf(out, "%lld days", (long long)h / 24);
	else if (h < 24 * 30 * 2)
		strbuf_printf(out, "%lld weeks", (long long)h / 24 / 7);
	else if (h < 24 * 365 * 2)
		strbuf_printf(out, "%lld months", (long long)h / 24 / 30);
	else
		strbuf_printf(out, "%lld years", (long long)(s / 3600 / 24 / 365));
}

static void size_in(double v, double base, const char *const *units, int digits, struct strbuf *out)
{
	int i = 0;

	while (v >= base && i < 8) {
		v /= base;
		i++;
	}
	strbuf_printf(out, "%.*g%s", digits, v, units[i]);
}

void human_size(double bytes, int digits, struct strbuf *out)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" };

	size_in(bytes, 1000, units, digits, out);
}

void human_size_binary(double bytes, struct strbuf *out)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB", "TiB",
		                             "PiB", "EiB", "ZiB", "YiB" };

	size_in(bytes, 1024, units, 4, out);
}

void print_id(const char *id, bool no_trunc, struct strbuf *out)
{
	const char *hex = strchr(id, ':');

	if (no_trunc)
		strbuf_puts(out, id);
	else
		strbuf_printf(out, "%.12s", hex ? hex + 1 : id);
}

void print_unix_time(int64_t seconds, struct strbuf *out)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[64];

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	strbuf_puts(out, text);
}

void print_ellipsis(const char *s, size_t n, struct strbuf *out)
{
	size_t chars = 0, cut = 0, i = 0;

	for (; s[i]; i++) {
		if (((unsigned char)s[i] & 0xc0) == 0x80)
			continue;
		if (chars == n - 1)
			cut = i;
		chars++;
	}
	if (chars <= n) {
		strbuf_puts(out, s);
		return;
	}
	strbuf_add(out, s, cut);
	strbuf_puts(out, "…");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/strbuf.h"
#include "base/time.h"

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static atomic_int current_level = LOG_LEVEL_INFO;
static atomic_bool as_json;

int log_level_parse(const char *name, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = { { "debug", LOG_LEVEL_DEBUG },     { "trace", LOG_LEVEL_DEBUG },
		      { "info", LOG_LEVEL_INFO },       { "warn", LOG_LEVEL_WARNING },
		      { "warning", LOG_LEVEL_WARNING }, { "error", LOG_LEVEL_ERROR },
		      { "fatal", LOG_LEVEL_ERROR },     { "panic", LOG_LEVEL_ERROR } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i].name, name)) {
			*ret = names[i].level;
			return 0;
		}
	return -EINVAL;
}

void log_set_level(enum log_level level)
{
	current_level = (int)level;
}

void log_set_json(bool json)
{
	as_json = json;
}

bool log_enabled(enum log_level level)
{
	return (int)level <= current_level;
}

/* Control characters would let a name forge a line or drive a terminal. */
static void add_escaped(struct strbuf *line, const char *s, bool json)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			strbuf_printf(line, json ? "\\u%04x" : "\\x%02x", c);
		else if (json && (c == '"' || c == '\\'))
			strbuf_printf(line, "\\%c", c);
		else
			strbuf_putc(line, (char)c);
	}
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char stamp[TIME_RFC3339_MAX];
	AUTO_STRBUF message = { .limit = 8192 };
	AUTO_STRBUF line = { 0 };
	bool json = as_json;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	strbuf_vprintf(&message, fmt, ap);
	va_end(ap);
	time_format_fixed(time_now(), stamp);
	if (json)
		strbuf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":\"", stamp,
		              level_names[level]);
	else
		strbuf_printf(&line, "%s %s ", stamp, level_names[level]);
	add_escaped(&line, strbuf_cstr(&message), json);
	strbuf_puts(&line, json ? "\"}\n" : "\n");
	IGNORE_RESULT(write(STDERR_FILENO, line.ptr, line.len) < 0,
	              "there is no other place to say so");
}

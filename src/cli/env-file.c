/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/env-file.h"

#include <ctype.h>

#include "base/fs.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

static int add_variable(const char *s, struct strv *ret, struct error *err)
{
	const char *value;

	if (!*s || *s == '=')
		return error_set(err, ERROR_INVALID, "invalid environment variable: %s", s);
	if (strchr(s, '=')) {
		strv_add(ret, s);
		return 0;
	}
	value = getenv(s);
	if (value)
		strv_printf(ret, "%s=%s", s, value);
	return 0;
}

static int add_label(const char *s, struct strv *ret, struct error *err)
{
	if (!*s || *s == '=')
		return error_set(err, ERROR_INVALID, "invalid label '%s': empty name", s);
	strv_add(ret, s);
	return 0;
}

typedef int (*add_fn)(const char *s, struct strv *ret, struct error *err);

static int add_line(struct str line, const char *path, add_fn add, struct strv *ret,
                    struct error *err)
{
	AUTO_FREE char *text = NULL;

	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	while (line.len && isspace((unsigned char)line.ptr[0]))
		line = str_n(line.ptr + 1, line.len - 1);
	if (!line.len || line.ptr[0] == '#')
		return 0;
	if (memchr(line.ptr, 0, line.len))
		return error_set(err, ERROR_INVALID, "%s has a NUL byte in it", path);
	text = xstrndup(line.ptr, line.len);
	if (strcspn(text, " \t") < strcspn(text, "="))
		return error_set(err, ERROR_INVALID,
		                 "invalid env file (%s): variable '%.*s' contains whitespaces",
		                 path, (int)strcspn(text, "="), text);
	return add(text, ret, err);
}

static int collect(const struct strv *files, const struct strv *given, add_fn add, struct strv *ret,
                   struct error *err)
{
	for (size_t i = 0; i < files->len; i++) {
		AUTO_STRBUF text = { 0 };
		struct str rest, line;

		if (read_file(AT_FDCWD, files->ptr[i], FILE_MAX, &text, err) < 0)
			return error_errno(err);
		rest = strbuf_str(&text);
		if (str_skip_prefix(rest.ptr, "\xef\xbb\xbf"))
			rest = str_n(rest.ptr + 3, rest.len - 3);
		while (str_cut(&rest, '\n', &line))
			if (add_line(line, files->ptr[i], add, ret, err) < 0)
				return error_errno(err);
	}
	for (size_t i = 0; i < given->len; i++)
		if (add(given->ptr[i], ret, err) < 0)
			return error_errno(err);
	return 0;
}

int env_collect(const struct strv *files, const struct strv *given, struct strv *ret,
                struct error *err)
{
	return collect(files, given, add_variable, ret, err);
}

int labels_collect(const struct strv *files, const struct strv *given, struct strv *ret,
                   struct error *err)
{
	return collect(files, given, add_label, ret, err);
}

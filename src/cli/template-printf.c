/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/template-printf.h"

#include <ctype.h>
#include <stdio.h>

enum { WIDTH_MAX = 10000 };

struct verb {
	bool left, plus, zero, alternate, space;
	int width, precision; /* -1: none */
	char letter;
};

static int number(struct str fmt, size_t *i)
{
	int v = 0;

	while (*i < fmt.len && isdigit((unsigned char)fmt.ptr[*i]) && v < WIDTH_MAX)
		v = v * 10 + (fmt.ptr[(*i)++] - '0');
	return MIN(v, WIDTH_MAX);
}

static struct verb parse_verb(struct str fmt, size_t *i)
{
	struct verb v = { .width = -1, .precision = -1 };

	for (; *i < fmt.len && fmt.ptr[*i] && strchr("-+# 0", fmt.ptr[*i]); (*i)++) {
		v.left |= fmt.ptr[*i] == '-';
		v.plus |= fmt.ptr[*i] == '+';
		v.zero |= fmt.ptr[*i] == '0';
		v.alternate |= fmt.ptr[*i] == '#';
		v.space |= fmt.ptr[*i] == ' ';
	}
	if (*i < fmt.len && isdigit((unsigned char)fmt.ptr[*i]))
		v.width = number(fmt, i);
	if (*i < fmt.len && fmt.ptr[*i] == '.') {
		(*i)++;
		v.precision = number(fmt, i);
	}
	v.letter = *i < fmt.len ? fmt.ptr[(*i)++] : '\0';
	return v;
}

static const char *type_name(const struct tvalue *v)
{
	static const char *const names[] = {
		[TVALUE_NIL] = "<nil>",     [TVALUE_BOOL] = "bool",     [TVALUE_INT] = "int",
		[TVALUE_FLOAT] = "float64", [TVALUE_STRING] = "string", [TVALUE_LIST] = "[]string",
		[TVALUE_JSON] = "map",      [TVALUE_ROW] = "row",       [TVALUE_MISSING] = "<nil>",
		[TVALUE_EMPTY_MAP] = "map",
	};

	return names[v->kind];
}

static void bad_verb(const struct verb *v, const struct tvalue *arg, struct strbuf *out)
{
	strbuf_printf(out, "%%!%c(%s=", v->letter, type_name(arg));
	tvalue_print(arg, out);
	strbuf_putc(out, ')');
}

static size_t runes(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static void print_padded(const struct verb *v, struct str s, bool zeros, struct strbuf *out)
{
	size_t n = runes(s), pad = v->width > 0 && (size_t)v->width > n ? (size_t)v->width - n : 0;
	size_t sign = zeros && s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');

	if (sign)
		strbuf_putc(out, s.ptr[0]);
	for (size_t i = 0; !v->left && i < pad; i++)
		strbuf_putc(out, zeros ? '0' : ' ');
	strbuf_add(out, s.ptr + sign, s.len - sign);
	for (size_t i = 0; v->left && i < pad; i++)
		strbuf_putc(out, ' ');
}

static void print_int(const struct verb *v, int64_t value, struct strbuf *out)
{
	char text[80];
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	const char *sign = value < 0 ? "-" : v->plus ? "+" : v->space ? " " : "";
	int n = snprintf(text, sizeof(text), "%s", sign);

	if (v->letter == 'b') {
		int bits = 64 - __builtin_clzll(magnitude | 1);

		while (bits-- > 0)
			text[n++] = (char)('0' + (magnitude >> bits & 1));
	} else if (v->letter == 'x' || v->letter == 'X') {
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		              v->letter == 'x' ? "%s%llx" : "%s%llX", v->alternate ? "0x" : "",
		              (unsigned long long)magnitude);
	} else if (v->letter == 'o') {
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%llo",
		              (unsigned long long)magnitude);
	} else {
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%llu",
		              (unsigned long long)magnitude);
	}
	print_padded(v, str_n(text, (size_t)n), v->zero && !v->left, out);
}

static void print_float(const struct verb *v, double value, struct strbuf *out)
{
	char text[512];
	int precision = v->precision < 0 ? 6 : MIN(v->precision, 100), n;

	if (v->letter == 'e')
		n = snprintf(text, sizeof(text), v->plus ? "%+.*e" : "%.*e", precision, value);
	else if (v->letter == 'g')
		n = snprintf(text, sizeof(text), "%.*g", v->precision < 0 ? 17 : precision, value);
	else
		n = snprintf(text, sizeof(text), v->plus ? "%+.*f" : "%.*f", precision, value);
	print_padded(v, str_n(text, (size_t)n), v->zero && !v->left, out);
}

static void print_text(const struct verb *v, const struct tvalue *arg, struct strbuf *out)
{
	AUTO_STRBUF text = { 0 }, quoted = { 0 };
	struct str s;
	size_t limit = (size_t)v->precision, i = 0;

	tvalue_print(arg, &text);
	s = strbuf_str(&text);
	if (v->precision >= 0) {
		for (; i < s.len; i++)
			if (((unsigned char)s.ptr[i] & 0xc0) != 0x80 && limit-- == 0)
				break;
		s.len = i;
	}
	if (v->letter == 'q') {
		go_quote(s, &quoted);
		s = strbuf_str(&quoted);
	}
	print_padded(v, s, false, out);
}

static void print_hex(const struct verb *v, struct str s, struct strbuf *out)
{
	AUTO_STRBUF text = { 0 };

	for (size_t i = 0; i < s.len; i++)
		strbuf_printf(&text, v->letter == 'x' ? "%02x" : "%02X", (unsigned char)s.ptr[i]);
	print_padded(v, strbuf_str(&text), false, out);
}

static void print_arg(const struct verb *v, const struct tvalue *arg, struct strbuf *out)
{
	char c = v->letter;

	if (c == 'v' && arg->kind == TVALUE_INT)
		print_int(v, arg->integer, out);
	else if (c == 'v' ||
	         (c == 's' && arg->kind != TVALUE_INT && arg->kind != TVALUE_BOOL &&
	          arg->kind != TVALUE_FLOAT) ||
	         (c == 'q' && arg->kind == TVALUE_STRING) || (c == 't' && arg->kind == TVALUE_BOOL))
		print_text(v, arg, out);
	else if (c == 'c' && arg->kind == TVALUE_INT && arg->integer > 0 && arg->integer < 128)
		strbuf_putc(out, (char)arg->integer);
	else if (c && strchr("dxXob", c) && arg->kind == TVALUE_INT)
		print_int(v, arg->integer, out);
	else if ((c == 'x' || c == 'X') && arg->kind == TVALUE_STRING)
		print_hex(v, arg->string, out);
	else if (c && strchr("feg", c) && arg->kind == TVALUE_FLOAT)
		print_float(v, arg->number, out);
	else
		bad_verb(v, arg, out);
}

void template_printf(struct str fmt, const struct tvalue *args, size_t n, struct strbuf *out)
{
	size_t used = 0;

	for (size_t i = 0; i < fmt.len;) {
		struct verb v;

		if (fmt.ptr[i] != '%') {
			strbuf_putc(out, fmt.ptr[i++]);
			continue;
		}
		i++;
		v = parse_verb(fmt, &i);
		if (v.letter == '%')
			strbuf_putc(out, '%');
		else if (!v.letter)
			strbuf_puts(out, "%!(NOVERB)");
		else if (used >= n)
			strbuf_printf(out, "%%!%c(MISSING)", v.letter);
		else
			print_arg(&v, &args[used++], out);
	}
	if (used >= n)
		return;
	strbuf_puts(out, "%!(EXTRA ");
	for (size_t i = used; i < n; i++) {
		strbuf_printf(out, "%s%s=", i > used ? ", " : "", type_name(&args[i]));
		tvalue_print(&args[i], out);
	}
	strbuf_putc(out, ')');
}

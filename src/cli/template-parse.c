/* SPDX-License-Identifier: Apache-2.0 */
/* Template source to nodes: a scanner by hand, then recursive descent with a bounded depth. */
#include "cli/template-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum token_kind {
	TOKEN_END_ACTION, /* }} */
	TOKEN_PIPE,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_DECLARE,
	TOKEN_ASSIGN,
	TOKEN_DOT,
	TOKEN_FIELD,    /* .Name */
	TOKEN_VARIABLE, /* $name */
	TOKEN_NAME,
	TOKEN_CONSTANT,
};

struct token {
	enum token_kind kind;
	size_t at, end;
	struct str text; /* name without dot or dollar */
	struct tvalue value;
	bool after_space;
};

struct parser {
	struct template *t;
	const char *s;
	size_t pos, len;
	struct token tok;
	unsigned depth;
	unsigned loops;   /* open ranges */
	bool trim_next;   /* the last action ended in -}} */
	struct strv vars; /* names in scope */
	struct error *err;
};

int template_syntax_error(const struct template *t, size_t at, struct error *err, const char *fmt,
                          ...)
{
	unsigned line = 1;
	char text[512];
	va_list ap;

	for (size_t i = 0; i < at && t->source[i]; i++)
		line += t->source[i] == '\n';
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(err, ERROR_INVALID, "template: :%u: %s", line, text);
}

#define FAIL(p, ...) template_syntax_error((p)->t, (p)->tok.at, (p)->err, __VA_ARGS__)

static struct tnode *node_new(struct parser *p, enum tnode_kind kind)
{
	struct tnode *n = arena_alloc(&p->t->arena, sizeof(*n));

	n->kind = kind;
	n->at = p->tok.at;
	n->end = p->tok.end;
	return n;
}

static const char *keep(struct parser *p, struct str s)
{
	return arena_strndup(&p->t->arena, s.ptr, s.len);
}

static void add_name(struct parser *p, struct tnode *n, const char *name)
{
	const char **names = arena_alloc(&p->t->arena, (n->n_names + 1) * sizeof(*names));

	if (n->n_names)
		memcpy(names, n->names, n->n_names * sizeof(*names));
	names[n->n_names++] = name;
	n->names = names;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* One escape after a backslash at p->pos, as Go's string literals have them. */
static int scan_escape(struct parser *p, struct strbuf *out)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	char c = p->s[p->pos++], digits[9] = "";
	const char *known = c ? strchr(from, c) : NULL;
	size_t n = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint64_t v;

	if (known)
		return strbuf_putc(out, to[known - from]);
	if (!n || p->pos + n > p->len)
		return FAIL(p, "bad escape in a quoted string");
	memcpy(digits, p->s + p->pos, n);
	p->pos += n;
	if (parse_u64_str(str_n(digits, n), 16, &v) < 0 || v > 0x10ffff)
		return FAIL(p, "bad escape in a quoted string");
	if (c == 'x' || v < 0x80)
		return strbuf_putc(out, (char)v);
	if (v >= 0x10000) {
		strbuf_putc(out, (char)(0xf0 | v >> 18));
		strbuf_putc(out, (char)(0x80 | (v >> 12 & 63)));
	} else if (v >= 0x800) {
		strbuf_putc(out, (char)(0xe0 | v >> 12));
	}
	if (v < 0x800)
		strbuf_putc(out, (char)(0xc0 | v >> 6));
	else
		strbuf_putc(out, (char)(0x80 | (v >> 6 & 63)));
	return strbuf_putc(out, (char)(0x80 | (v & 63)));
}

static int scan_quoted(struct parser *p)
{
	AUTO_STRBUF text = { 0 };
	char quote = p->s[p->pos++];

	while (p->pos < p->len && p->s[p->pos] != quote) {
		char c = p->s[p->pos++];

		if (c == '\n' && quote != '`')
			return FAIL(p, "unterminated quoted string");
		if (c == '\\' && quote != '`') {
			if (scan_escape(p, &text) < 0)
				return -EINVAL;
		} else {
			strbuf_putc(&text, c);
		}
	}
	if (p->pos >= p->len)
		return FAIL(p, "unterminated %squoted string", quote == '`' ? "raw " : "");
	p->pos++;
	p->tok.kind = TOKEN_CONSTANT;
	if (quote == '\'') {
		if (text.len != 1)
			return FAIL(p, "malformed character constant");
		p->tok.value = tvalue_int((unsigned char)text.ptr[0]);
	} else {
		p->tok.value = tvalue_string(
			str_n(arena_strndup(&p->t->arena, strbuf_cstr(&text), text.len), text.len));
	}
	return 0;
}

static int scan_number(struct parser *p)
{
	size_t start = p->pos;
	char text[64];
	char *end;

	if (p->s[p->pos] == '+' || p->s[p->pos] == '-')
		p->pos++;
	while (p->pos < p->len && (is_name_char(p->s[p->pos]) || p->s[p->pos] == '.'))
		p->pos++;
	if (p->pos - start >= sizeof(text))
		return FAIL(p, "number is too long");
	memcpy(text, p->s + start, p->pos - start);
	text[p->pos - start] = '\0';
	p->tok.kind = TOKEN_CONSTANT;
	errno = 0;
	p->tok.value = tvalue_int(strtoll(text, &end, 0));
	if (!errno && !*end && end != text)
		return 0;
	errno = 0;
	p->tok.value = (struct tvalue){ .kind = TVALUE_FLOAT, .number = strtod(text, &end) };
	if (errno || *end || end == text)
		return FAIL(p, "bad number syntax: \"%s\"", text);
	return 0;
}

static void scan_name(struct parser *p, enum token_kind kind)
{
	size_t start = p->pos;

	while (p->pos < p->len && is_name_char(p->s[p->pos]))
		p->pos++;
	p->tok.kind = kind;
	p->tok.text = str_n(p->s + start, p->pos - start);
}

static void name_or_constant(struct parser *p)
{
	if (str_eq_c(p->tok.text, "true") || str_eq_c(p->tok.text, "false"))
		p->tok.value = tvalue_bool(p->tok.text.ptr[0] == 't');
	else if (str_eq_c(p->tok.text, "nil"))
		p->tok.value = (struct tvalue){ .kind = TVALUE_NIL };
	else
		return;
	p->tok.kind = TOKEN_CONSTANT;
}

static bool at_text(const struct parser *p, const char *what)
{
	size_t n = strlen(what);

	return p->len - p->pos >= n && !memcmp(p->s + p->pos, what, n);
}

static void skip_space(struct parser *p)
{
	while (p->pos < p->len && isspace((unsigned char)p->s[p->pos]))
		p->pos++;
}

static int scan_punctuation(struct parser *p)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} all[] = {
		{ "}}", TOKEN_END_ACTION }, { "|", TOKEN_PIPE },  { "(", TOKEN_OPEN },
		{ ")", TOKEN_CLOSE },       { ",", TOKEN_COMMA }, { ":=", TOKEN_DECLARE },
		{ "=", TOKEN_ASSIGN },      { ".", TOKEN_DOT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!at_text(p, all[i].text))
			continue;
		p->tok.kind = all[i].kind;
		p->pos += strlen(all[i].text);
		return 0;
	}
	return FAIL(p, "unexpected \"%.*s\" in template", 1, p->s + p->pos);
}

/* The next token inside an action into p->tok. */
static int scan(struct parser *p)
{
	size_t before = p->pos;
	int r = 0;
	char c;

	skip_space(p);
	p->tok = (struct token){ .at = p->pos, .after_space = p->pos > before };
	if (p->pos >= p->len)
		return FAIL(p, "unclosed action");
	c = p->s[p->pos];
	if (p->tok.after_space && at_text(p, "-}}")) {
		p->pos += 3;
		p->trim_next = true;
		p->tok.kind = TOKEN_END_ACTION;
	} else if (c == '"' || c == '`' || c == '\'') {
		r = scan_quoted(p);
	} else if (isdigit((unsigned char)c) || ((c == '-' || c == '+' || c == '.') &&
	                                         isdigit((unsigned char)p->s[p->pos + 1]))) {
		r = scan_number(p);
	} else if (c == '.' && is_name_char(p->s[p->pos + 1])) {
		p->pos++;
		scan_name(p, TOKEN_FIELD);
	} else if (c == '$') {
		p->pos++;
		scan_name(p, TOKEN_VARIABLE);
	} else if (is_name_char(c)) {
		scan_name(p, TOKEN_NAME);
		name_or_constant(p);
	} else {
		r = scan_punctuation(p);
	}
	p->tok.end = p->pos;
	return r;
}

static int parse_pipe(struct parser *p, enum token_kind until, struct tnode **ret);

static int term_variable(struct parser *p, struct tnode **ret)
{
	const char *name = keep(p, p->tok.text);

	if (*name && !strv_has(&p->vars, name))
		return FAIL(p, "undefined variable \"$%s\"", name);
	*ret = node_new(p, TNODE_VARIABLE);
	add_name(p, *ret, name);
	return scan(p);
}

static int term_function(struct parser *p, struct tnode **ret)
{
	const char *name = keep(p, p->tok.text);

	if (!tfunction_find(name) && !streq(name, "and") && !streq(name, "or"))
		return FAIL(p, "function \"%s\" not defined", name);
	*ret = node_new(p, TNODE_FUNCTION);
	add_name(p, *ret, name);
	return scan(p);
}

/* An operand without its fields. *ret stays NULL when none begins here. */
static int parse_term(struct parser *p, struct tnode **ret)
{
	switch (p->tok.kind) {
	case TOKEN_NAME:
		return term_function(p, ret);
	case TOKEN_VARIABLE:
		return term_variable(p, ret);
	case TOKEN_DOT:
		*ret = node_new(p, TNODE_DOT);
		return scan(p);
	case TOKEN_FIELD:
		*ret = node_new(p, TNODE_FIELD);
		add_name(p, *ret, keep(p, p->tok.text));
		return scan(p);
	case TOKEN_CONSTANT:
		*ret = node_new(p, TNODE_CONSTANT);
		(*ret)->value = p->tok.value;
		return scan(p);
	case TOKEN_OPEN:
		if (scan(p) < 0 || parse_pipe(p, TOKEN_CLOSE, ret) < 0)
			return -EINVAL;
		return scan(p);
	case TOKEN_END_ACTION:
	case TOKEN_PIPE:
	case TOKEN_CLOSE:
	case TOKEN_COMMA:
	case TOKEN_DECLARE:
	case TOKEN_ASSIGN:
		break;
	}
	return 0;
}

static int parse_operand(struct parser *p, struct tnode **ret)
{
	struct tnode *n = NULL;

	if (parse_term(p, &n) < 0)
		return -EINVAL;
	if (n && p->tok.kind == TOKEN_FIELD && !p->tok.after_space) {
		if (n->kind == TNODE_PIPE || n->kind == TNODE_FUNCTION ||
		    n->kind == TNODE_CONSTANT) {
			struct tnode *chain = node_new(p, TNODE_CHAIN);

			chain->at = n->at;
			chain->children = n;
			n = chain;
		}
		while (p->tok.kind == TOKEN_FIELD && !p->tok.after_space) {
			add_name(p, n, keep(p, p->tok.text));
			n->end = p->tok.end;
			if (scan(p) < 0)
				return -EINVAL;
		}
	}
	*ret = n;
	return 0;
}

static int parse_command(struct parser *p, struct tnode **ret)
{
	struct tnode *cmd = node_new(p, TNODE_COMMAND), **tail = &cmd->children;

	for (;;) {
		struct tnode *operand = NULL;

		if (parse_operand(p, &operand) < 0)
			return -EINVAL;
		if (!operand)
			break;
		*tail = operand;
		tail = &operand->next;
		cmd->end = operand->end;
	}
	if (!cmd->children)
		return FAIL(p, "missing value for command");
	*ret = cmd;
	return 0;
}

/* "$x :=", "$x =", or in a range "$i, $e :=": looks ahead and goes back when it is none of them. */
static int parse_declaration(struct parser *p, struct tnode *pipe)
{
	struct parser before = *p;
	struct str names[2];
	unsigned n = 0;

	while (p->tok.kind == TOKEN_VARIABLE && n < 2) {
		names[n++] = p->tok.text;
		if (scan(p) < 0)
			return -EINVAL;
		if (p->tok.kind == TOKEN_DECLARE || p->tok.kind == TOKEN_ASSIGN) {
			pipe->assign = p->tok.kind == TOKEN_ASSIGN;
			pipe->n_vars = n;
			for (unsigned i = 0; i < n; i++)
				pipe->vars[i] = keep(p, names[i]);
			return scan(p);
		}
		if (p->tok.kind != TOKEN_COMMA)
			break;
		if (scan(p) < 0)
			return -EINVAL;
	}
	p->pos = before.pos;
	p->tok = before.tok;
	p->trim_next = before.trim_next;
	return 0;
}

static int declare(struct parser *p, const struct tnode *pipe)
{
	for (unsigned i = 0; i < pipe->n_vars; i++) {
		if (!pipe->assign)
			strv_add(&p->vars, pipe->vars[i]);
		else if (!strv_has(&p->vars, pipe->vars[i]))
			return FAIL(p, "undefined variable \"$%s\"", pipe->vars[i]);
	}
	return 0;
}

static int parse_pipe(struct parser *p, enum token_kind until, struct tnode **ret)
{
	struct tnode *pipe = node_new(p, TNODE_PIPE), **tail = &pipe->children;

	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return FAIL(p, "nested too deeply");
	if (parse_declaration(p, pipe) < 0)
		return -EINVAL;
	for (;;) {
		if (parse_command(p, tail) < 0)
			return -EINVAL;
		tail = &(*tail)->next;
		if (p->tok.kind != TOKEN_PIPE)
			break;
		if (scan(p) < 0)
			return -EINVAL;
	}
	pipe->end = p->tok.at;
	if (p->tok.kind != until)
		return FAIL(p, "unexpected \"%.*s\" in command", (int)(p->tok.end - p->tok.at),
		            p->s + p->tok.at);
	if (declare(p, pipe) < 0)
		return -EINVAL;
	p->depth--;
	*ret = pipe;
	return 0;
}

enum list_end { LIST_EOF, LIST_END, LIST_ELSE };

static int parse_list(struct parser *p, struct tnode **ret, enum list_end *ret_end);

static bool at_word(const struct parser *p, const char *word)
{
	return p->tok.kind == TOKEN_NAME && str_eq_c(p->tok.text, word);
}

static int end_of_action(struct parser *p)
{
	if (p->tok.kind != TOKEN_END_ACTION)
		return FAIL(p, "unexpected \"%.*s\" in action", (int)(p->tok.end - p->tok.at),
		            p->s + p->tok.at);
	return 0;
}

/* if, range, with: the keyword was read. "else if" and "else with" nest in the otherwise branch. */
static int parse_control(struct parser *p, enum tnode_kind kind, const char *word,
                         struct tnode **ret)
{
	struct tnode *n = node_new(p, kind);
	size_t n_vars = p->vars.len;
	enum list_end end;

	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return FAIL(p, "nested too deeply");
	if (parse_pipe(p, TOKEN_END_ACTION, &n->pipe) < 0)
		return -EINVAL;
	if (kind != TNODE_RANGE && n->pipe->n_vars > 1)
		return FAIL(p, "too many declarations in command");
	p->loops += kind == TNODE_RANGE;
	if (parse_list(p, &n->body, &end) < 0)
		return -EINVAL;
	p->loops -= kind == TNODE_RANGE;
	if (end == LIST_ELSE && kind != TNODE_RANGE && at_word(p, word)) {
		if (scan(p) < 0 || parse_control(p, kind, word, &n->otherwise) < 0)
			return -EINVAL;
		end = LIST_END;
	} else if (end == LIST_ELSE) {
		if (end_of_action(p) < 0 || parse_list(p, &n->otherwise, &end) < 0)
			return -EINVAL;
		if (end == LIST_ELSE)
			return FAIL(p, "expected end; found {{else}}");
	}
	if (end == LIST_EOF)
		return FAIL(p, "unexpected EOF");
	while (p->vars.len > n_vars)
		strv_remove(&p->vars, p->vars.len - 1);
	p->depth--;
	*ret = n;
	return 0;
}

static int parse_keyword(struct parser *p, bool *ret_known, struct tnode **ret)
{
	static const struct {
		const char *word;
		enum tnode_kind kind;
	} words[] = { { "if", TNODE_IF },
		      { "range", TNODE_RANGE },
		      { "with", TNODE_WITH },
		      { "break", TNODE_BREAK },
		      { "continue", TNODE_CONTINUE } };

	*ret_known = true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!at_word(p, words[i].word))
			continue;
		if (words[i].kind == TNODE_BREAK || words[i].kind == TNODE_CONTINUE) {
			if (!p->loops)
				return FAIL(p, "{{%s}} outside {{range}}", words[i].word);
			*ret = node_new(p, words[i].kind);
			return scan(p) < 0 ? -EINVAL : end_of_action(p);
		}
		return scan(p) < 0 ? -EINVAL : parse_control(p, words[i].kind, words[i].word, ret);
	}
	if (at_word(p, "define") || at_word(p, "template") || at_word(p, "block"))
		return FAIL(p, "\"%.*s\" is not supported in formats", STR_ARG(p->tok.text));
	*ret_known = false;
	return 0;
}

/* Inside {{ … }}: *ret is the node, or *ret_end says that the list ended here. */
static int parse_action(struct parser *p, struct tnode **ret, enum list_end *ret_end)
{
	bool known;

	if (scan(p) < 0)
		return -EINVAL;
	if (at_word(p, "end") || at_word(p, "else")) {
		*ret_end = at_word(p, "end") ? LIST_END : LIST_ELSE;
		if (scan(p) < 0)
			return -EINVAL;
		return *ret_end == LIST_END ? end_of_action(p) : 0;
	}
	if (parse_keyword(p, &known, ret) < 0)
		return -EINVAL;
	if (known)
		return 0;
	*ret = node_new(p, TNODE_ACTION);
	return parse_pipe(p, TOKEN_END_ACTION, &(*ret)->pipe);
}

/* Text up to the next action, trimmed on the sides that "-" asks for. */
static struct tnode *parse_text(struct parser *p)
{
	size_t start = p->pos, end;
	const char *open = memmem(p->s + p->pos, p->len - p->pos, "{{", 2);
	struct tnode *n;

	end = open ? (size_t)(open - p->s) : p->len;
	p->pos = end;
	if (p->trim_next)
		while (start < end && isspace((unsigned char)p->s[start]))
			start++;
	p->trim_next = false;
	if (open && open[2] == '-' && isspace((unsigned char)open[3]))
		while (end > start && isspace((unsigned char)p->s[end - 1]))
			end--;
	if (start == end)
		return NULL;
	p->tok = (struct token){ .at = start, .end = end };
	n = node_new(p, TNODE_TEXT);
	n->text = str_n(p->s + start, end - start);
	return n;
}

/* Past "{{", "{{- " and comments: true when a comment took the whole action. */
static int open_action(struct parser *p, bool *ret_comment)
{
	const char *close;

	p->tok.at = p->pos;
	p->pos += 2;
	if (p->pos + 1 < p->len && p->s[p->pos] == '-' && isspace((unsigned char)p->s[p->pos + 1]))
		p->pos += 2;
	*ret_comment = at_text(p, "/*");
	if (!*ret_comment)
		return 0;
	close = memmem(p->s + p->pos + 2, p->len - p->pos - 2, "*/", 2);
	if (!close)
		return FAIL(p, "unclosed comment");
	p->pos = (size_t)(close - p->s) + 2;
	if (at_text(p, " -}}")) {
		p->trim_next = true;
		p->pos += 4;
		return 0;
	}
	if (!at_text(p, "}}"))
		return FAIL(p, "comment ends before closing delimiter");
	p->pos += 2;
	return 0;
}

static int parse_list(struct parser *p, struct tnode **ret, enum list_end *ret_end)
{
	struct tnode **tail = ret;
	enum list_end end = LIST_EOF;
	bool comment;

	while (p->pos < p->len) {
		struct tnode *n = parse_text(p);

		if (!n && p->pos < p->len) {
			if (open_action(p, &comment) < 0)
				return -EINVAL;
			if (comment)
				continue;
			if (parse_action(p, &n, &end) < 0)
				return -EINVAL;
			if (end != LIST_EOF)
				break;
		}
		if (!n)
			continue;
		*tail = n;
		tail = &n->next;
	}
	*ret_end = end;
	return 0;
}

struct template *template_parse(const char *text, struct error *err)
{
	CLEANUP(template_free_ptr) struct template *t = NEW(struct template);
	struct parser p = { .t = t, .err = err, .len = strlen(text) };
	enum list_end end;
	int r;

	if (p.len > TEMPLATE_TEXT_MAX) {
		error_set(err, ERROR_INVALID, "template: longer than %d bytes", TEMPLATE_TEXT_MAX);
		return NULL;
	}
	t->source = p.s = arena_strdup(&t->arena, text);
	r = parse_list(&p, &t->body, &end);
	if (!r && end != LIST_EOF)
		r = FAIL(&p, "unexpected {{%s}}", end == LIST_END ? "end" : "else");
	strv_done(&p.vars);
	return r < 0 ? NULL : TAKE_PTR(t);
}

void template_free(struct template *t)
{
	if (!t)
		return;
	arena_done(&t->arena);
	free(t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a parsed template. Work is bounded by counted steps and by the output's limit, since a
 * short text can nest loops over large documents.
 */
#include "cli/template-internal.h"

#include <stdio.h>

struct variable {
	const char *name;
	struct tvalue value;
};

DEFINE_VEC(variables, struct variable);

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct run {
	struct texec x;
	struct variables vars;
	struct tvalue dot, root;
	struct error *err;
};

static int fail(struct run *r, const struct tnode *n, const char *fmt, ...) PRINTF_FORMAT(3, 4);

static int fail(struct run *r, const struct tnode *n, const char *fmt, ...)
{
	const char *source = r->x.t->source;
	unsigned line = 1, column = 0;
	char text[512];
	va_list ap;

	for (size_t i = 0; i < n->at; i++) {
		line += source[i] == '\n';
		column = source[i] == '\n' ? 0 : column + 1;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(r->err, ERROR_INVALID, "template: :%u:%u: executing \"\" at <%.*s>: %s",
	                 line, column, (int)(n->end - n->at), source + n->at, text);
}

static int step(struct run *r, const struct tnode *n)
{
	if (++r->x.steps > TEMPLATE_STEPS_MAX)
		return fail(r, n, "takes too many steps");
	if (r->x.out->overflow)
		return fail(r, n, "prints too much");
	return 0;
}

/* Members that Go's structs leave out when empty: reading them is no mistake. */
static bool member_may_lack(const char *name)
{
	static const char *const names[] = {
		"Health",     "Healthcheck", "Annotations",  "Mounts",      "SizeRw", "SizeRootFs",
		"StopSignal", "StopTimeout", "ExposedPorts", "MacAddress",  "Shell",  "OnBuild",
		"UsageData",  "CreatedAt",   "Tmpfs",        "Sysctls",     "Init",   "Variant",
		"Dead",       "Platform",    "StorageOpt",   "ConsoleSize",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], name))
			return true;
	return false;
}

/* What null stands for: Go prints an empty list or map where the engine writes null for it. */
static struct tvalue null_member(const char *name)
{
	static const char *const maps[] = { "Volumes",    "ExposedPorts", "Labels",
		                            "Options",    "Ports",        "PortBindings",
		                            "DriverOpts", "Sysctls",      "Tmpfs" };
	static const char *const pointers[] = { "Health",    "Healthcheck", "OomKillDisable",
		                                "PidsLimit", "IPAMConfig",  "MemorySwappiness",
		                                "Init",      "UsageData",   "StopTimeout" };

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++)
		if (streq(pointers[i], name))
			return (struct tvalue){ .kind = TVALUE_NIL };
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (streq(maps[i], name))
			return (struct tvalue){ .kind = TVALUE_EMPTY_MAP };
	return (struct tvalue){ .kind = TVALUE_LIST };
}

static const json_t *json_field(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name), *member;
	const char *key;

	if (v)
		return v;
	json_object_foreach ((json_t *)(uintptr_t)object, key, member)
		if (str_ieq_c(str_from(key), name))
			return member;
	return NULL;
}

static int row_field(struct run *r, const struct tnode *n, const struct tvalue *from,
                     const char *name, const struct tvalue *arg, struct tvalue *ret)
{
	AUTO_STRBUF text = { 0 }, arg_text = { 0 };
	int found;

	if (arg)
		tvalue_print(arg, &arg_text);
	found = from->ops->get(from->row, name, arg ? strbuf_cstr(&arg_text) : NULL, &text);
	if (!found)
		return fail(r, n, "can't evaluate field %s in type %s", name, from->ops->type_name);
	*ret = tvalue_string(
		str_n(arena_strndup(r->x.arena, strbuf_cstr(&text), text.len), text.len));
	return 0;
}

static int field_of(struct run *r, const struct tnode *n, const struct tvalue *from,
                    const char *name, const struct tvalue *arg, struct tvalue *ret)
{
	const json_t *member;

	if (from->kind == TVALUE_ROW)
		return row_field(r, n, from, name, arg, ret);
	if (arg)
		return fail(r, n, "%s has arguments but cannot be invoked as function", name);
	if (from->kind == TVALUE_NIL || from->kind == TVALUE_MISSING)
		return fail(r, n, "nil pointer evaluating interface {}.%s", name);
	if (from->kind != TVALUE_JSON || !json_is_object(from->json))
		return fail(r, n, "can't evaluate field %s in a value that has no fields", name);
	member = json_field(from->json, name);
	if (!member) {
		if (!member_may_lack(name))
			return fail(r, n, "map has no entry for key \"%s\"", name);
		*ret = (struct tvalue){ .kind = TVALUE_NIL };
		return 0;
	}
	*ret = json_is_null(member) ? null_member(name) : tvalue_from_json(member);
	return 0;
}

static int fields_of(struct run *r, const struct tnode *n, size_t first, struct tvalue from,
                     const struct tvalue *arg, struct tvalue *ret)
{
	for (size_t i = first; i < n->n_names; i++) {
		struct tvalue next = { 0 };

		if (field_of(r, n, &from, n->names[i], i + 1 == n->n_names ? arg : NULL, &next) < 0)
			return -EINVAL;
		from = next;
	}
	*ret = from;
	return 0;
}

static struct variable *variable_find(struct run *r, const char *name)
{
	for (size_t i = r->vars.len; i-- > 0;)
		if (streq(r->vars.ptr[i].name, name))
			return &r->vars.ptr[i];
	return NULL;
}

static int eval_pipe(struct run *r, const struct tnode *pipe, struct tvalue *ret);

static int eval_variable(struct run *r, const struct tnode *n, const struct tvalue *arg,
                         struct tvalue *ret)
{
	const struct variable *v;

	if (!*n->names[0])
		return fields_of(r, n, 1, r->root, arg, ret);
	v = variable_find(r, n->names[0]);
	if (!v)
		return fail(r, n, "undefined variable: $%s", n->names[0]);
	return fields_of(r, n, 1, v->value, arg, ret);
}

static int call_function(struct run *r, const struct tnode *n, const struct tvalue *args,
                         size_t n_args, struct tvalue *ret)
{
	const struct tfunction *f = tfunction_find(n->names[0]);
	struct error inner = { 0 };

	if (n_args < (size_t)f->min_args)
		return fail(r, n, "wrong number of args for %s: want %s%d got %zu", f->name,
		            f->max_args < 0 ? "at least " : "", f->min_args, n_args);
	if (f->max_args >= 0 && n_args > (size_t)f->max_args)
		return fail(r, n, "wrong number of args for %s: want %d got %zu", f->name,
		            f->max_args, n_args);
	if (f->call(&r->x, args, n_args, ret, &inner) < 0)
		return fail(r, n, "error calling %s: %s", f->name, inner.message);
	return 0;
}

static int eval_operand(struct run *r, const struct tnode *n, struct tvalue *ret)
{
	struct tvalue base;

	if (step(r, n) < 0)
		return -EINVAL;
	switch (n->kind) {
	case TNODE_CONSTANT:
		*ret = n->value;
		return 0;
	case TNODE_DOT:
		*ret = r->dot;
		return 0;
	case TNODE_FIELD:
		return fields_of(r, n, 0, r->dot, NULL, ret);
	case TNODE_VARIABLE:
		return eval_variable(r, n, NULL, ret);
	case TNODE_PIPE:
		return eval_pipe(r, n, ret);
	case TNODE_CHAIN:
		if (eval_operand(r, n->children, &base) < 0)
			return -EINVAL;
		return fields_of(r, n, 0, base, NULL, ret);
	case TNODE_FUNCTION:
		return call_function(r, n, NULL, 0, ret);
	case TNODE_TEXT:
	case TNODE_ACTION:
	case TNODE_IF:
	case TNODE_RANGE:
	case TNODE_WITH:
	case TNODE_BREAK:
	case TNODE_CONTINUE:
	case TNODE_COMMAND:
		break;
	}
	return fail(r, n, "can't be evaluated");
}

/* and, or: evaluate no more operands than they need. */
static int eval_short_circuit(struct run *r, const struct tnode *cmd, const struct tvalue *last,
                              struct tvalue *ret)
{
	bool stop_at = streq(cmd->children->names[0], "or");
	const struct tnode *n = cmd->children->next;

	if (!n && !last)
		return fail(r, cmd->children, "wrong number of args for %s: want at least 1 got 0",
		            cmd->children->names[0]);
	for (; n; n = n->next) {
		if (eval_operand(r, n, ret) < 0)
			return -EINVAL;
		if (tvalue_true(ret) == stop_at)
			return 0;
	}
	if (last)
		*ret = *last;
	return 0;
}

/* The operands behind the first, and the piped value last. */
static int eval_args(struct run *r, const struct tnode *cmd, const struct tvalue *last,
                     struct tvalue **ret_args, size_t *ret_n)
{
	size_t n = last ? 1 : 0;
	struct tvalue *args;

	for (const struct tnode *a = cmd->children->next; a; a = a->next)
		n++;
	args = arena_alloc(r->x.arena, (n + 1) * sizeof(*args));
	*ret_args = args;
	*ret_n = n;
	for (const struct tnode *a = cmd->children->next; a; a = a->next)
		if (eval_operand(r, a, args++) < 0)
			return -EINVAL;
	if (last)
		*args = *last;
	return 0;
}

static int eval_command(struct run *r, const struct tnode *cmd, const struct tvalue *last,
                        struct tvalue *ret)
{
	const struct tnode *first = cmd->children;
	struct tvalue *args;
	size_t n;

	if (first->kind == TNODE_FUNCTION &&
	    (streq(first->names[0], "and") || streq(first->names[0], "or")))
		return eval_short_circuit(r, cmd, last, ret);
	if (!first->next && !last)
		return eval_operand(r, first, ret);
	if (step(r, cmd) < 0 || eval_args(r, cmd, last, &args, &n) < 0)
		return -EINVAL;
	if (first->kind == TNODE_FUNCTION)
		return call_function(r, first, args, n, ret);
	if (n > 1 || (first->kind != TNODE_FIELD && first->kind != TNODE_VARIABLE))
		return fail(r, first, "can't give argument to non-function %.*s",
		            (int)(first->end - first->at), r->x.t->source + first->at);
	if (first->kind == TNODE_VARIABLE)
		return eval_variable(r, first, &args[0], ret);
	return fields_of(r, first, 0, r->dot, &args[0], ret);
}

static int bind(struct run *r, const struct tnode *pipe, const char *name, struct tvalue value)
{
	struct variable *v;

	if (!pipe->assign) {
		variables_push(&r->vars, (struct variable){ .name = name, .value = value });
		return 0;
	}
	v = variable_find(r, name);
	if (!v)
		return fail(r, pipe, "undefined variable: $%s", name);
	v->value = value;
	return 0;
}

static int eval_commands(struct run *r, const struct tnode *pipe, struct tvalue *ret)
{
	struct tvalue value = { 0 }, last;

	for (const struct tnode *c = pipe->children; c; c = c->next) {
		last = value;
		if (eval_command(r, c, c == pipe->children ? NULL : &last, &value) < 0)
			return -EINVAL;
	}
	*ret = value;
	return 0;
}

static int eval_pipe(struct run *r, const struct tnode *pipe, struct tvalue *ret)
{
	if (eval_commands(r, pipe, ret) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < pipe->n_vars; i++)
		if (bind(r, pipe, pipe->vars[i], *ret) < 0)
			return -EINVAL;
	return 0;
}

static int run_list(struct run *r, const struct tnode *list, enum flow *flow);

static int range_once(struct run *r, const struct tnode *n, struct tvalue key, struct tvalue item,
                      enum flow *flow)
{
	size_t n_vars = r->vars.len;
	struct tvalue dot = r->dot;
	const struct tnode *pipe = n->pipe;
	int rc = step(r, n);

	if (!rc && pipe->n_vars == 1)
		rc = bind(r, pipe, pipe->vars[0], item);
	if (!rc && pipe->n_vars == 2) {
		rc = bind(r, pipe, pipe->vars[0], key);
		if (!rc)
			rc = bind(r, pipe, pipe->vars[1], item);
	}
	r->dot = item;
	if (!rc)
		rc = run_list(r, n->body, flow);
	r->dot = dot;
	r->vars.len = n_vars;
	return rc;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go walks maps in the order of their keys. */
static const char **sorted_keys(struct arena *arena, const json_t *object, size_t *ret_n)
{
	const char **keys = arena_alloc(arena, (json_object_size(object) + 1) * sizeof(*keys));
	const char *key;
	const json_t *member;
	size_t n = 0;

	json_object_foreach ((json_t *)(uintptr_t)object, key, member)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ret_n = n;
	return keys;
}

static int range_object(struct run *r, const struct tnode *n, const json_t *object, enum flow *flow)
{
	size_t n_keys;
	const char **keys = sorted_keys(r->x.arena, object, &n_keys);

	for (size_t i = 0; i < n_keys && *flow != FLOW_BREAK; i++) {
		struct tvalue item = tvalue_from_json(json_object_get(object, keys[i]));

		*flow = FLOW_ON;
		if (range_once(r, n, tvalue_string(str_from(keys[i])), item, flow) < 0)
			return -EINVAL;
	}
	return 0;
}

static int run_range(struct run *r, const struct tnode *n)
{
	enum flow flow = FLOW_ON;
	struct tvalue over;
	int64_t len;

	if (eval_commands(r, n->pipe, &over) < 0)
		return -EINVAL;
	if (over.kind == TVALUE_JSON && json_is_object(over.json) && json_object_size(over.json))
		return range_object(r, n, over.json, &flow);
	if (over.kind == TVALUE_INT)
		len = over.integer;
	else if (tvalue_is_list(&over))
		len = tvalue_len(&over);
	else if (tvalue_true(&over))
		return fail(r, n->pipe, "range can't iterate over it");
	else
		len = 0;
	if (len <= 0)
		return run_list(r, n->otherwise, &flow);
	for (int64_t i = 0; i < len && flow != FLOW_BREAK; i++) {
		struct tvalue item =
			over.kind == TVALUE_INT ? tvalue_int(i) : tvalue_at(&over, (size_t)i);

		flow = FLOW_ON;
		if (range_once(r, n, tvalue_int(i), item, &flow) < 0)
			return -EINVAL;
	}
	return 0;
}

static int run_branch(struct run *r, const struct tnode *n, enum flow *flow)
{
	size_t n_vars = r->vars.len;
	struct tvalue value, dot = r->dot;
	int rc = eval_pipe(r, n->pipe, &value);

	if (!rc && tvalue_true(&value)) {
		if (n->kind == TNODE_WITH)
			r->dot = value;
		rc = run_list(r, n->body, flow);
		r->dot = dot;
	} else if (!rc) {
		rc = run_list(r, n->otherwise, flow);
	}
	r->vars.len = n_vars;
	return rc;
}

static int run_node(struct run *r, const struct tnode *n, enum flow *flow)
{
	struct tvalue value;

	if (step(r, n) < 0)
		return -EINVAL;
	switch (n->kind) {
	case TNODE_TEXT:
		strbuf_add_str(r->x.out, n->text);
		return 0;
	case TNODE_ACTION:
		if (eval_pipe(r, n->pipe, &value) < 0)
			return -EINVAL;
		if (!n->pipe->n_vars)
			tvalue_print(&value, r->x.out);
		return 0;
	case TNODE_IF:
	case TNODE_WITH:
		return run_branch(r, n, flow);
	case TNODE_RANGE:
		return run_range(r, n);
	case TNODE_BREAK:
		*flow = FLOW_BREAK;
		return 0;
	case TNODE_CONTINUE:
		*flow = FLOW_CONTINUE;
		return 0;
	case TNODE_PIPE:
	case TNODE_COMMAND:
	case TNODE_CONSTANT:
	case TNODE_DOT:
	case TNODE_FIELD:
	case TNODE_VARIABLE:
	case TNODE_CHAIN:
	case TNODE_FUNCTION:
		break;
	}
	return fail(r, n, "can't be executed");
}

static int run_list(struct run *r, const struct tnode *list, enum flow *flow)
{
	for (const struct tnode *n = list; n && *flow == FLOW_ON; n = n->next)
		if (run_node(r, n, flow) < 0)
			return -EINVAL;
	return 0;
}

int template_execute(const struct template *t, const struct tvalue *data, unsigned flags,
                     struct strbuf *out, struct error *err)
{
	AUTO_ARENA arena = { 0 };
	struct run r = { .x = { .t = t, .arena = &arena, .out = out, .flags = flags },
		         .dot = *data,
		         .root = *data,
		         .err = err };
	enum flow flow = FLOW_ON;
	size_t limit = out->limit;
	int rc;

	if (!out->limit)
		out->limit = TEMPLATE_OUTPUT_MAX;
	rc = run_list(&r, t->body, &flow);
	if (!rc && out->overflow)
		rc = error_set(err, ERROR_INVALID, "template: prints too much");
	out->limit = limit;
	variables_done(&r.vars);
	return rc;
}

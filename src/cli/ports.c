/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ports.h"

#include <arpa/inet.h>
#include <stdio.h>

struct range {
	uint64_t first, last;
};

void port_mappings_free(struct port_mappings *m)
{
	vec_for_each (m, p) {
		free(p->container);
		free(p->ip);
		free(p->host);
	}
	port_mappings_done(m);
}

static int parse_range(struct str s, struct range *ret)
{
	struct str rest = s, first;

	str_cut(&rest, '-', &first);
	if (parse_u64_str(first, 10, &ret->first) < 0)
		return -1;
	ret->last = ret->first;
	if (rest.ptr && parse_u64_str(rest, 10, &ret->last) < 0)
		return -1;
	return ret->first > 65535 || ret->last > 65535 || ret->last < ret->first ? -1 : 0;
}

static int parse_protocol(struct str *s, char *proto, size_t n, struct error *err)
{
	const char *slash = memrchr(s->ptr, '/', s->len);
	struct str p = slash ? str_n(slash + 1, (size_t)(s->ptr + s->len - slash - 1)) : STR("tcp");

	if (slash)
		s->len = (size_t)(slash - s->ptr);
	if (!p.len)
		p = STR("tcp");
	if (!str_ieq_c(p, "tcp") && !str_ieq_c(p, "udp") && !str_ieq_c(p, "sctp"))
		return error_set(err, ERROR_INVALID, "invalid proto: %.*s", STR_ARG(p));
	snprintf(proto, n, "%.*s", STR_ARG(p));
	for (char *c = proto; *c; c++)
		*c |= 0x20;
	return 0;
}

/* Cuts "ip:" off the front, brackets around an IPv6 address too. */
static int parse_ip(struct str *s, char *ip, size_t n, struct error *err)
{
	unsigned char bytes[16];
	const char *close = s->ptr[0] == '[' ? memchr(s->ptr, ']', s->len) : NULL, *colon;
	struct str text;

	*ip = '\0';
	if (s->ptr[0] == '[') {
		if (!close || close + 1 == s->ptr + s->len || close[1] != ':')
			return error_set(err, ERROR_INVALID, "invalid IP address: %.*s",
			                 STR_ARG(*s));
		text = str_n(s->ptr + 1, (size_t)(close - s->ptr - 1));
		close++;
	} else {
		/* the address is what stands before the second colon from the right */
		colon = memrchr(s->ptr, ':', s->len);
		close = colon ? memrchr(s->ptr, ':', (size_t)(colon - s->ptr)) : NULL;
		if (!close)
			return 0;
		text = str_n(s->ptr, (size_t)(close - s->ptr));
	}
	snprintf(ip, n, "%.*s", STR_ARG(text));
	if (*ip && inet_pton(AF_INET, ip, bytes) != 1 && inet_pton(AF_INET6, ip, bytes) != 1)
		return error_set(err, ERROR_INVALID, "invalid IP address: %s", ip);
	s->len -= (size_t)(close + 1 - s->ptr);
	s->ptr = close + 1;
	return 0;
}

static char *host_port(const struct range *host, const struct range *container, uint64_t i)
{
	if (host->last - host->first == container->last - container->first)
		return xasprintf("%llu", (unsigned long long)(host->first + i));
	return xasprintf("%llu-%llu", (unsigned long long)host->first,
	                 (unsigned long long)host->last);
}

int port_spec_parse(const char *spec, struct port_mappings *ret, struct error *err)
{
	struct str s = str_from(spec), host = { 0 };
	struct range c, h = { 0 };
	char ip[64], proto[8];
	const char *colon;

	if (!s.len)
		return error_set(err, ERROR_INVALID, "no port specified: <empty>");
	if (parse_protocol(&s, proto, sizeof(proto), err) < 0 ||
	    parse_ip(&s, ip, sizeof(ip), err) < 0)
		return error_errno(err);
	colon = memrchr(s.ptr, ':', s.len);
	if (colon) {
		host = str_n(s.ptr, (size_t)(colon - s.ptr));
		s = str_n(colon + 1, (size_t)(s.ptr + s.len - colon - 1));
	}
	if (!s.len)
		return error_set(err, ERROR_INVALID, "no port specified: %s", spec);
	if (parse_range(s, &c) < 0)
		return error_set(err, ERROR_INVALID, "invalid containerPort: %.*s", STR_ARG(s));
	if (host.len && parse_range(host, &h) < 0)
		return error_set(err, ERROR_INVALID, "invalid hostPort: %.*s", STR_ARG(host));
	if (host.len && h.last - h.first != c.last - c.first && c.first != c.last)
		return error_set(
			err, ERROR_INVALID,
			"invalid ranges specified for container and host Ports: %.*s and %.*s",
			STR_ARG(s), STR_ARG(host));
	for (uint64_t i = 0; i <= c.last - c.first; i++)
		port_mappings_push(
			ret, (struct port_mapping){
				     .container = xasprintf(
					     "%llu/%s", (unsigned long long)(c.first + i), proto),
				     .ip = xstrdup(ip),
				     .host = host.len ? host_port(&h, &c, i) : xstrdup("") });
	return 0;
}

int expose_parse(const char *spec, struct strv *ret, struct error *err)
{
	struct str s = str_from(spec);
	struct range r;
	char proto[8];

	if (strchr(spec, ':'))
		return error_set(err, ERROR_INVALID, "invalid port format for --expose: %s", spec);
	if (parse_protocol(&s, proto, sizeof(proto), err) < 0 || parse_range(s, &r) < 0)
		return error_set(err, ERROR_INVALID, "invalid range format for --expose: %s", spec);
	for (uint64_t p = r.first; p <= r.last; p++)
		strv_printf(ret, "%llu/%s", (unsigned long long)p, proto);
	return 0;
}

struct shown {
	const char *ip, *type;
	int64_t private, public;
};

static int compare_shown(const void *x, const void *y)
{
	const struct shown *a = x, *b = y;
	int c;

	if (a->private != b->private)
		return a->private < b->private ? -1 : 1;
	if ((c = strcmp(a->ip, b->ip)) != 0)
		return c;
	if (a->public != b->public)
		return a->public < b->public ? -1 : 1;
	return strcmp(a->type, b->type);
}

static void print_run(const struct shown *first, const struct shown *last, struct strbuf *out)
{
	char range[32];

	if (first->private == last->private)
		snprintf(range, sizeof(range), "%lld", (long long)first->private);
	else
		snprintf(range, sizeof(range), "%lld-%lld", (long long)first->private,
		         (long long)last->private);
	if (!first->public) {
		strbuf_printf(out, "%s/%s", range, first->type);
		return;
	}
	if (*first->ip)
		strbuf_printf(out, strchr(first->ip, ':') ? "[%s]:" : "%s:", first->ip);
	if (first->private == last->private)
		strbuf_printf(out, "%lld->%s/%s", (long long)first->public, range, first->type);
	else
		strbuf_printf(out, "%lld-%lld->%s/%s", (long long)first->public,
		              (long long)last->public, range, first->type);
}

/* Ports of one address and protocol that follow each other, so far. */
struct run {
	struct shown first, last;
};

DEFINE_VEC(runs, struct run);

static void add(struct strv *to, const struct shown *first, const struct shown *last)
{
	AUTO_STRBUF text = { 0 };

	print_run(first, last, &text);
	strv_add(to, strbuf_cstr(&text));
}

/* Ends the run that p does not continue, and begins another with it. */
static void extend(struct runs *open, const struct shown *p, struct strv *done)
{
	vec_for_each (open, r) {
		if (!streq(r->first.ip, p->ip) || !streq(r->first.type, p->type) ||
		    !r->first.public != !p->public)
			continue;
		if (r->last.private + 1 != p->private) {
			add(done, &r->first, &r->last);
			r->first = *p;
		}
		r->last = *p;
		return;
	}
	runs_push(open, (struct run){ *p, *p });
}

void ports_display(const json_t *ports, struct strbuf *out)
{
	size_t n = json_array_size(ports), i;
	AUTO_FREE struct shown *all = xcalloc(n + 1, sizeof(*all));
	struct runs open = { 0 };
	AUTO_STRV done = { 0 }, mapped = { 0 };
	const json_t *port;

	json_array_foreach (ports, i, port) {
		const char *ip = json_string_value(json_object_get(port, "IP"));
		const char *type = json_string_value(json_object_get(port, "Type"));

		all[i] = (struct shown){
			.ip = ip ? ip : "",
			.type = type ? type : "",
			.private = json_integer_value(json_object_get(port, "PrivatePort")),
			.public = json_integer_value(json_object_get(port, "PublicPort"))
		};
	}
	qsort(all, n, sizeof(*all), compare_shown);
	for (i = 0; i < n; i++) {
		if (all[i].public && all[i].public != all[i].private)
			add(&mapped, &all[i], &all[i]);
		else
			extend(&open, &all[i], &done);
	}
	vec_for_each (&open, r)
		add(&done, &r->first, &r->last);
	strv_copy(&done, &mapped);
	for (i = 0; i < done.len; i++)
		strbuf_printf(out, "%s%s", i ? ", " : "", done.ptr[i]);
	runs_done(&open);
}

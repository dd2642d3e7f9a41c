/* SPDX-License-Identifier: Apache-2.0 */
/* A container's resolv.conf, made of the host's and of what was asked for. */
#include <errno.h>

#include "base/fs.h"
#include "base/log.h"
#include "network/address.h"
#include "network/dns-internal.h"

enum { RESOLV_CONF_MAX = 64 * 1024 };

static const char system_file[] = "/etc/resolv.conf";
/* Where systemd-resolved keeps the real servers when the system's file names its own stub. */
static const char resolved_file[] = "/run/systemd/resolve/resolv.conf";
static const char stub_server[] = "127.0.0.53";
static const char embedded_server[] = "127.0.0.11";
/* Docker's, when the host's servers are all on its loopback, which no container reaches. */
static const char *const last_resort[] = { "8.8.8.8", "8.8.4.4" };

struct resolv {
	struct strv servers, search, options;
};

static void resolv_done(struct resolv *r)
{
	strv_done(&r->servers);
	strv_done(&r->search);
	strv_done(&r->options);
}

static bool next_word(struct str *rest, struct str *ret)
{
	while (rest->len && (*rest->ptr == ' ' || *rest->ptr == '\t' || *rest->ptr == '\r'))
		*rest = str_n(rest->ptr + 1, rest->len - 1);
	*ret = str_n(rest->ptr, 0);
	while (rest->len && *rest->ptr != ' ' && *rest->ptr != '\t' && *rest->ptr != '\r') {
		ret->len++;
		*rest = str_n(rest->ptr + 1, rest->len - 1);
	}
	return ret->len > 0;
}

static void parse_line(struct str line, struct resolv *ret)
{
	struct str keyword, word;

	if (!next_word(&line, &keyword) || keyword.ptr[0] == '#' || keyword.ptr[0] == ';')
		return;
	if (str_eq_c(keyword, "nameserver") && next_word(&line, &word))
		strv_add_n(&ret->servers, word.ptr, word.len);
	if (str_eq_c(keyword, "search") || str_eq_c(keyword, "domain")) {
		strv_clear(&ret->search); /* the last one counts */
		while (next_word(&line, &word))
			strv_add_n(&ret->search, word.ptr, word.len);
	}
	if (str_eq_c(keyword, "options"))
		while (next_word(&line, &word))
			strv_add_n(&ret->options, word.ptr, word.len);
}

static int parse_file(const char *path, struct resolv *ret, struct error *err)
{
	AUTO_STRBUF text = { 0 };
	struct str rest, line;
	int r = read_file(AT_FDCWD, path, RESOLV_CONF_MAX, &text, err);

	if (r < 0 && err->kind == ERROR_NOT_FOUND) {
		error_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	rest = strbuf_str(&text);
	while (str_cut(&rest, '\n', &line))
		parse_line(line, ret);
	return 0;
}

static int parse_system(struct resolv *ret, struct error *err)
{
	int r = parse_file(system_file, ret, err);

	if (r < 0 || ret->servers.len != 1 || !streq(ret->servers.ptr[0], stub_server))
		return r;
	strv_clear(&ret->servers);
	return parse_file(resolved_file, ret, err);
}

static bool is_reachable(const char *server)
{
	struct ip ip;
	AUTO_FREE char *plain = xstrndup(server, strcspn(server, "%"));

	return ip_parse(plain, &ip) == 0 && !ip_is_loopback(&ip) && !strchr(server, '%');
}

static void keep_reachable(struct strv *servers)
{
	for (size_t i = servers->len; i-- > 0;)
		if (!is_reachable(servers->ptr[i]))
			strv_remove(servers, i);
	if (servers->len)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(last_resort); i++)
		strv_add(servers, last_resort[i]);
}

static void replace(struct strv *list, const struct strv *with)
{
	if (!with || !with->len)
		return;
	strv_clear(list);
	strv_copy(list, with);
}

static bool has_ndots(const struct strv *options)
{
	for (size_t i = 0; i < options->len; i++)
		if (str_skip_prefix(options->ptr[i], "ndots:"))
			return true;
	return false;
}

static void write_list(struct strbuf *out, const char *keyword, const struct strv *words)
{
	if (!words->len)
		return;
	strbuf_puts(out, keyword);
	for (size_t i = 0; i < words->len; i++)
		strbuf_printf(out, " %s", words->ptr[i]);
	strbuf_putc(out, '\n');
}

static int check_servers(const struct strv *dns, struct error *err)
{
	for (size_t i = 0; dns && i < dns->len; i++) {
		struct ip ip;

		if (ip_parse(dns->ptr[i], &ip) < 0)
			return error_set(err, ERROR_INVALID, "bad nameserver address %s",
			                 dns->ptr[i]);
	}
	return 0;
}

static int gather(const struct resolv_options *o, struct resolv *ret, struct error *err)
{
	int r = check_servers(o->dns, err);

	if (r < 0)
		return r;
	r = parse_system(ret, err);
	if (r < 0)
		return r;
	if (o->default_dns && o->default_dns[0]) {
		strv_clear(&ret->servers);
		for (const char *const *s = o->default_dns; *s; s++)
			strv_add(&ret->servers, *s);
	}
	replace(&ret->servers, o->dns);
	replace(&ret->search, o->search);
	replace(&ret->options, o->options);
	if (ret->search.len == 1 && streq(ret->search.ptr[0], "."))
		strv_clear(&ret->search); /* --dns-search=. : none */
	return 0;
}

int network_resolv_conf(const struct resolv_options *o, struct strbuf *out, struct error *err)
{
	CLEANUP(resolv_done) struct resolv r = { 0 };
	int ret = gather(o, &r, err);

	if (ret < 0)
		return ret;
	if (o->embedded) {
		strv_clear(&r.servers);
		strv_add(&r.servers, embedded_server);
		if (!has_ndots(&r.options))
			strv_add(&r.options, "ndots:0");
	} else if (!o->dns || !o->dns->len) {
		keep_reachable(&r.servers);
	}
	for (size_t i = 0; i < r.servers.len; i++)
		strbuf_printf(out, "nameserver %s\n", r.servers.ptr[i]);
	write_list(out, "search", &r.search);
	write_list(out, "options", &r.options);
	return 0;
}

void dns_system_servers(struct strv *ret)
{
	CLEANUP(resolv_done) struct resolv r = { 0 };
	struct error err = { 0 };

	if (parse_system(&r, &err) < 0)
		log_warning("cannot read the host's name servers: %s", err.message);
	strv_copy(ret, &r.servers);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* --network and its relatives: the mode, and an endpoint for each network. */
#include "cli/create-options.h"
#include "cli/engine.h"
#include "json/writer.h"

/* Fields of the long form "name=x,alias=y,ip=…". */
struct attachment {
	char *name; /* owned */
	struct strv aliases, links, link_local, options;
	char *ip, *ip6, *mac, *priority; /* owned */
};

static void attachment_done(struct attachment *a)
{
	free(a->name);
	free(a->ip);
	free(a->ip6);
	free(a->mac);
	free(a->priority);
	strv_done(&a->aliases);
	strv_done(&a->links);
	strv_done(&a->link_local);
	strv_done(&a->options);
}

static void replace(char **to, const char *s)
{
	free(*to);
	*to = xstrdup(s);
}

static int set_field(struct attachment *a, const char *f, struct error *err)
{
	const char *v;

	if ((v = str_skip_prefix(f, "name=")))
		replace(&a->name, v);
	else if ((v = str_skip_prefix(f, "alias=")))
		strv_add(&a->aliases, v);
	else if ((v = str_skip_prefix(f, "ip=")))
		replace(&a->ip, v);
	else if ((v = str_skip_prefix(f, "ip6=")))
		replace(&a->ip6, v);
	else if ((v = str_skip_prefix(f, "mac-address=")))
		replace(&a->mac, v);
	else if ((v = str_skip_prefix(f, "link-local-ip=")))
		strv_add(&a->link_local, v);
	else if ((v = str_skip_prefix(f, "driver-opt=")))
		strv_add(&a->options, v);
	else if ((v = str_skip_prefix(f, "gw-priority=")))
		replace(&a->priority, v);
	else
		return error_set(err, ERROR_INVALID, "invalid field key %.*s", (int)strcspn(f, "="),
		                 f);
	return 0;
}

/* A plain name, or the long form. */
static int parse(const char *s, struct attachment *a, struct error *err)
{
	AUTO_STRV fields = { 0 };

	if (!strchr(s, '=')) {
		replace(&a->name, s);
		return 0;
	}
	csv_split(s, &fields);
	for (size_t i = 0; i < fields.len; i++)
		if (set_field(a, fields.ptr[i], err) < 0)
			return error_prefix(err, "invalid argument \"%s\" for \"--network\" flag",
			                    s);
	if (!a->name)
		return error_set(err, ERROR_INVALID, "network name/id is not specified");
	return 0;
}

static const struct strv *networks_of(struct cli *cli)
{
	const struct strv *v = opt_list(cli, "network");

	return v->len ? v : opt_list(cli, "net");
}

int create_network_mode(struct cli *cli, struct json_writer *host, struct error *err)
{
	const struct strv *v = networks_of(cli), *links = opt_list(cli, "link");
	CLEANUP(attachment_done) struct attachment a = { 0 };

	if (v->len && parse(v->ptr[0], &a, err) < 0)
		return error_errno(err);
	jw_kv_string(host, "NetworkMode", a.name ? a.name : "default");
	if (links->len) {
		jw_key(host, "Links");
		jw_array(host);
		for (size_t i = 0; i < links->len; i++)
			jw_string(host, links->ptr[i]);
		jw_array_end(host);
	}
	return 0;
}

/* The options beside --network speak about the first one. */
static int add_flat_options(struct cli *cli, struct attachment *a, struct error *err)
{
	bool user_defined = a->name && !streq(a->name, "bridge") && !streq(a->name, "default") &&
	                    !streq(a->name, "host") && !streq(a->name, "none") &&
	                    !str_skip_prefix(a->name, "container:");

	strv_copy(&a->aliases, opt_list(cli, "network-alias"));
	strv_copy(&a->aliases, opt_list(cli, "net-alias"));
	strv_copy(&a->link_local, opt_list(cli, "link-local-ip"));
	if (user_defined)
		strv_copy(&a->links, opt_list(cli, "link"));
	if (opt_given(cli, "ip"))
		replace(&a->ip, opt_string(cli, "ip"));
	if (opt_given(cli, "ip6"))
		replace(&a->ip6, opt_string(cli, "ip6"));
	if (opt_given(cli, "mac-address"))
		replace(&a->mac, opt_string(cli, "mac-address"));
	return 0;
}

static void write_endpoint(const struct attachment *a, bool priority, struct json_writer *w)
{
	jw_key(w, a->name ? a->name : "default");
	jw_object(w);
	if (a->ip || a->ip6 || a->link_local.len) {
		jw_key(w, "IPAMConfig");
		jw_object(w);
		if (a->ip)
			jw_kv_string(w, "IPv4Address", a->ip);
		if (a->ip6)
			jw_kv_string(w, "IPv6Address", a->ip6);
		if (a->link_local.len)
			jw_kv_strv(w, "LinkLocalIPs", &a->link_local);
		jw_object_end(w);
	}
	if (a->aliases.len)
		jw_kv_strv(w, "Aliases", &a->aliases);
	if (a->links.len)
		jw_kv_strv(w, "Links", &a->links);
	if (a->mac)
		jw_kv_string(w, "MacAddress", a->mac);
	if (a->priority && priority)
		jw_kv_i64(w, "GwPriority", strtol(a->priority, NULL, 10));
	if (a->options.len) {
		jw_key(w, "DriverOpts");
		jw_object(w);
		for (size_t i = 0; i < a->options.len; i++) {
			size_t n = strcspn(a->options.ptr[i], "=");
			AUTO_FREE char *key = xstrndup(a->options.ptr[i], n);

			jw_kv_string(w, key, a->options.ptr[i][n] ? a->options.ptr[i] + n + 1 : "");
		}
		jw_object_end(w);
	}
	jw_object_end(w);
}

int create_endpoints_write(struct cli *cli, struct json_writer *w, struct error *err)
{
	const struct strv *v = networks_of(cli);

	jw_key(w, "NetworkingConfig");
	jw_object(w);
	jw_key(w, "EndpointsConfig");
	jw_object(w);
	for (size_t i = 0; i < MAX(v->len, (size_t)1); i++) {
		CLEANUP(attachment_done) struct attachment a = { 0 };

		if (v->len && parse(v->ptr[i], &a, err) < 0)
			return error_errno(err);
		if (i == 0 && add_flat_options(cli, &a, err) < 0)
			return error_errno(err);
		/* before 1.44 the engine takes one endpoint only; the caller connects the rest */
		if (i == 0 || engine_api_at_least(cli, 44))
			write_endpoint(&a, engine_api_at_least(cli, 48), w);
	}
	jw_object_end(w);
	jw_object_end(w);
	return 0;
}

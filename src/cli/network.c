/* SPDX-License-Identifier: Apache-2.0 */
/* network create, ls, rm, connect, disconnect. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/kv.h"
#include "cli/table.h"
#include "json/writer.h"

/* True when address (maybe "a/bits") lies in the subnet. */
static bool subnet_has(const char *subnet, const char *address)
{
	unsigned char net[16], ip[16];
	char text[64], other[64];
	const char *slash = strchr(subnet, '/');
	int family = strchr(subnet, ':') ? AF_INET6 : AF_INET;
	long bits = slash ? strtol(slash + 1, NULL, 10) : 0;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(subnet, "/"), subnet);
	snprintf(other, sizeof(other), "%.*s", (int)strcspn(address, "/"), address);
	if (!slash || inet_pton(family, text, net) != 1 || inet_pton(family, other, ip) != 1)
		return false;
	for (long i = 0; i < bits && i < 128; i++)
		if ((net[i / 8] ^ ip[i / 8]) & (0x80 >> (i % 8)))
			return false;
	return true;
}

/* Each of the given must lie in one of the subnets; the one in this subnet is its member. */
static void write_member(struct json_writer *w, const char *member, const struct strv *all,
                         const char *subnet)
{
	for (size_t i = 0; i < all->len; i++)
		if (subnet_has(subnet, all->ptr[i])) {
			jw_kv_string(w, member, all->ptr[i]);
			return;
		}
}

static void write_auxiliary(struct json_writer *w, const struct strv *all, const char *subnet)
{
	AUTO_STRV mine = { 0 };

	for (size_t i = 0; i < all->len; i++) {
		const char *eq = strchr(all->ptr[i], '=');

		if (eq && subnet_has(subnet, eq + 1))
			strv_add(&mine, all->ptr[i]);
	}
	if (mine.len)
		kv_write(w, "AuxiliaryAddresses", &mine);
}

static int check_in_subnets(const struct strv *given, const struct strv *subnets, const char *what,
                            struct error *err)
{
	for (size_t i = 0; i < given->len; i++) {
		bool found = false;

		for (size_t k = 0; k < subnets->len; k++)
			found |= subnet_has(subnets->ptr[k], given->ptr[i]);
		if (!found)
			return error_set(err, ERROR_INVALID, "no matching subnet for %s %s", what,
			                 given->ptr[i]);
	}
	return 0;
}

static int write_ipam(struct cli *cli, struct json_writer *w, struct error *err)
{
	const struct strv *subnets = opt_list(cli, "subnet"), *ranges = opt_list(cli, "ip-range");
	const struct strv *gateways = opt_list(cli, "gateway");

	if (!subnets->len && (ranges->len || gateways->len))
		return error_set(err, ERROR_INVALID,
		                 "every ip-range or gateway must have a corresponding subnet");
	if (check_in_subnets(ranges, subnets, "range", err) < 0 ||
	    check_in_subnets(gateways, subnets, "gateway", err) < 0)
		return error_errno(err);
	jw_key(w, "IPAM");
	jw_object(w);
	jw_kv_string(w, "Driver", opt_string(cli, "ipam-driver"));
	kv_write(w, "Options", opt_list(cli, "ipam-opt"));
	jw_key(w, "Config");
	jw_array(w);
	for (size_t i = 0; i < subnets->len; i++) {
		jw_object(w);
		jw_kv_string(w, "Subnet", subnets->ptr[i]);
		write_member(w, "IPRange", ranges, subnets->ptr[i]);
		write_member(w, "Gateway", gateways, subnets->ptr[i]);
		write_auxiliary(w, opt_list(cli, "aux-address"), subnets->ptr[i]);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
	return 0;
}

static int create(struct cli *cli, struct error *err)
{
	AUTO_STRBUF body = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	struct json_writer w;

	if (engine_open(cli, err) < 0)
		return error_errno(err);
	json_writer_init(&w, &body);
	jw_object(&w);
	jw_kv_string(&w, "Name", cli->args.ptr[0]);
	jw_kv_string(&w, "Driver", opt_string(cli, "driver"));
	if (!engine_api_at_least(cli, 44))
		jw_kv_bool(&w, "CheckDuplicate", true);
	jw_kv_string(&w, "Scope", opt_string(cli, "scope"));
	if (opt_given(cli, "ipv4"))
		jw_kv_bool(&w, "EnableIPv4", opt_bool(cli, "ipv4"));
	if (opt_given(cli, "ipv6"))
		jw_kv_bool(&w, "EnableIPv6", opt_bool(cli, "ipv6"));
	if (write_ipam(cli, &w, err) < 0)
		return error_errno(err);
	jw_kv_bool(&w, "Internal", opt_bool(cli, "internal"));
	jw_kv_bool(&w, "Attachable", opt_bool(cli, "attachable"));
	jw_kv_bool(&w, "Ingress", opt_bool(cli, "ingress"));
	jw_kv_bool(&w, "ConfigOnly", opt_bool(cli, "config-only"));
	if (*opt_string(cli, "config-from")) {
		jw_key(&w, "ConfigFrom");
		jw_object(&w);
		jw_kv_string(&w, "Network", opt_string(cli, "config-from"));
		jw_object_end(&w);
	}
	kv_write(&w, "Options", opt_list(cli, "opt"));
	kv_write(&w, "Labels", opt_list(cli, "label"));
	jw_object_end(&w);
	answer = engine_json(cli, "POST", "/networks/create", &body, err);
	if (!answer)
		return error_errno(err);
	if (*item_string(answer, "Warning"))
		cli_say("WARNING: %s", item_string(answer, "Warning"));
	printf("%s\n", item_string(answer, "Id"));
	return 0;
}

static int remove_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/networks/{}", name);
	if (engine_do(cli, "DELETE", strbuf_cstr(&target), NULL, err) == 0)
		return 0;
	if (opt_bool(cli, "force") && err->kind == ERROR_NOT_FOUND) {
		error_clear(err);
		return 0;
	}
	return error_errno(err);
}

static int remove_all(struct cli *cli, struct error *err)
{
	return each_operand(cli, remove_one, true);
}

static int connect_container(struct cli *cli, struct error *err)
{
	AUTO_STRBUF body = { 0 }, target = { 0 };
	struct json_writer w;

	json_writer_init(&w, &body);
	jw_object(&w);
	jw_kv_string(&w, "Container", cli->args.ptr[1]);
	jw_key(&w, "EndpointConfig");
	jw_object(&w);
	jw_key(&w, "IPAMConfig");
	jw_object(&w);
	if (*opt_string(cli, "ip"))
		jw_kv_string(&w, "IPv4Address", opt_string(cli, "ip"));
	if (*opt_string(cli, "ip6"))
		jw_kv_string(&w, "IPv6Address", opt_string(cli, "ip6"));
	if (opt_list(cli, "link-local-ip")->len)
		jw_kv_strv(&w, "LinkLocalIPs", opt_list(cli, "link-local-ip"));
	jw_object_end(&w);
	jw_kv_strv(&w, "Links", opt_list(cli, "link"));
	jw_kv_strv(&w, "Aliases", opt_list(cli, "alias"));
	kv_write(&w, "DriverOpts", opt_list(cli, "driver-opt"));
	if (opt_given(cli, "gw-priority"))
		jw_kv_i64(&w, "GwPriority", opt_int(cli, "gw-priority"));
	jw_object_end(&w);
	jw_object_end(&w);
	target_path(&target, "/networks/{}/connect", cli->args.ptr[0]);
	return engine_do(cli, "POST", strbuf_cstr(&target), &body, err);
}

static int disconnect(struct cli *cli, struct error *err)
{
	AUTO_STRBUF body = { 0 }, target = { 0 };
	struct json_writer w;

	json_writer_init(&w, &body);
	jw_object(&w);
	jw_kv_string(&w, "Container", cli->args.ptr[1]);
	jw_kv_bool(&w, "Force", opt_bool(cli, "force"));
	jw_object_end(&w);
	target_path(&target, "/networks/{}/disconnect", cli->args.ptr[0]);
	return engine_do(cli, "POST", strbuf_cstr(&target), &body, err);
}

static void print_network_id(const struct row *row, const char *arg, struct strbuf *out)
{
	print_id(item_string(row->item, "Id"), row->no_trunc, out);
}

#define DEFINE_TEXT(name, member)                                                                  \
	static void print_##name(const struct row *row, const char *arg, struct strbuf *out)       \
	{                                                                                          \
		strbuf_puts(out, item_string(row->item, member));                                  \
	}
#define DEFINE_BOOL(name, member)                                                                  \
	static void print_##name(const struct row *row, const char *arg, struct strbuf *out)       \
	{                                                                                          \
		strbuf_puts(out, item_bool(row->item, member) ? "true" : "false");                 \
	}

DEFINE_TEXT(name, "Name")
DEFINE_TEXT(driver, "Driver")
DEFINE_TEXT(scope, "Scope")
DEFINE_BOOL(ipv6, "EnableIPv6")
DEFINE_BOOL(internal, "Internal")

/* Engines before 1.48 don't say; there every network had it. */
static void print_ipv4(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, item_at(row->item, "EnableIPv4") && item_bool(row->item, "EnableIPv4")
	                         ? "true"
	                         : "false");
}

static void print_row_labels(const struct row *row, const char *arg, struct strbuf *out)
{
	print_labels(item_at(row->item, "Labels"), out);
}

static void print_row_label(const struct row *row, const char *arg, struct strbuf *out)
{
	print_label(item_at(row->item, "Labels"), arg, out);
}

/* As Go prints a time: "2026-11-24 20:36:57.124 +0000 UTC". */
static void print_created(const struct row *row, const char *arg, struct strbuf *out)
{
	const char *s = item_string(row->item, "Created"), *zone;
	int64_t t;

	if (time_parse(s, &t) < 0) {
		strbuf_puts(out, s);
		return;
	}
	zone = s + strcspn(s, "Z+");
	strbuf_printf(out, "%.10s %.*s %s", s, (int)MAX(zone - s - 11, 0), s + 11,
	              *zone == 'Z' ? "+0000 UTC" : zone);
}

static const struct row_field fields[] = {
	{ "ID", "NETWORK ID", print_network_id },
	{ "Name", "NAME", print_name },
	{ "Driver", "DRIVER", print_driver },
	{ "Scope", "SCOPE", print_scope },
	{ "IPv4", "IPV4", print_ipv4 },
	{ "IPv6", "IPV6", print_ipv6 },
	{ "Internal", "INTERNAL", print_internal },
	{ "Labels", "LABELS", print_row_labels },
	{ "Label", NULL, print_row_label, .takes_arg = true },
	{ "CreatedAt", "CREATED AT", print_created },
	{ NULL },
};

static int compare_names(const void *a, const void *b)
{
	return strverscmp(item_string(*(json_t *const *)a, "Name"),
	                  item_string(*(json_t *const *)b, "Name"));
}

static int list(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_TABLE table = { 0 };
	CLEANUP(json_decref_ptr) json_t *all = NULL;
	AUTO_FREE const json_t **sorted = NULL;
	const char *format = opt_string(cli, "format");
	const char *saved = json_string_value(json_object_get(cli->config, "networksFormat"));
	size_t n;

	if (!*format)
		format = opt_bool(cli, "quiet") ? "{{.ID}}" : saved ? saved : "";
	strbuf_puts(&target, "/networks");
	target_filters(&target, opt_list(cli, "filter"));
	if (table_begin(&table, fields, format, "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
	                err) < 0)
		return error_errno(err);
	all = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!all)
		return error_errno(err);
	n = json_array_size(all);
	sorted = xcalloc(n + 1, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(all, i);
	qsort(sorted, n, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < n; i++) {
		struct row row = { .fields = fields,
			           .item = sorted[i],
			           .no_trunc = opt_bool(cli, "no-trunc") };

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

/* clang-format off */
static const struct cli_option create_options[] = {
	{ "attachable", 0, OPTION_BOOL, "Containers may be attached by hand" },
	{ "aux-address", 0, OPTION_MAP, "Addresses the driver keeps for itself" },
	{ "config-from", 0, OPTION_STRING, "Network to copy the configuration from" },
	{ "config-only", 0, OPTION_BOOL, "Only a configuration for others" },
	{ "driver", 'd', OPTION_STRING, "Driver", .initial = "bridge", .complete = "bridge host none macvlan ipvlan" },
	{ "gateway", 0, OPTION_STRINGS, "Gateway of a subnet" },
	{ "ingress", 0, OPTION_BOOL, "", .flags = OPTION_HIDDEN },
	{ "internal", 0, OPTION_BOOL, "No way out" },
	{ "ip-range", 0, OPTION_STRINGS, "Give addresses from this part of a subnet" },
	{ "ipam-driver", 0, OPTION_STRING, "Driver of the addresses", .initial = "default" },
	{ "ipam-opt", 0, OPTION_MAP, "Option of that driver" },
	{ "ipv4", 0, OPTION_BOOL, "IPv4 addresses", .initial = "true" },
	{ "ipv6", 0, OPTION_BOOL, "IPv6 addresses" },
	{ "label", 0, OPTION_LIST, "Label, as key=value" },
	{ "opt", 'o', OPTION_MAP, "Option of the driver" },
	{ "scope", 0, OPTION_STRING, "Scope" },
	{ "subnet", 0, OPTION_STRINGS, "Subnet, as 10.5.0.0/16" },
	{ NULL },
};
static const struct cli_option ls_options[] = {
	{ "filter", 'f', OPTION_FILTER, "Only those that match, as driver=bridge" },
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "no-trunc", 0, OPTION_BOOL, "Cut nothing short" },
	{ "quiet", 'q', OPTION_BOOL, "Ids only" },
	{ NULL },
};
static const struct cli_option rm_options[] = {
	{ "force", 'f', OPTION_BOOL, "No failure when it is not there" },
	{ NULL },
};
static const struct cli_option connect_options[] = {
	{ "alias", 0, OPTION_STRINGS, "One more name in the network" },
	{ "driver-opt", 0, OPTION_STRINGS, "Option of the driver" },
	{ "gw-priority", 0, OPTION_INT, "The highest one's network is the way out" },
	{ "ip", 0, OPTION_STRING, "IPv4 address" },
	{ "ip6", 0, OPTION_STRING, "IPv6 address" },
	{ "link", 0, OPTION_LIST, "Link to another container, as name:alias" },
	{ "link-local-ip", 0, OPTION_STRINGS, "Link-local address" },
	{ NULL },
};
static const struct cli_option disconnect_options[] = {
	{ "force", 'f', OPTION_BOOL, "By force" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_network_create = {
	.name = "create",
	.usage = "NETWORK",
	.brief = "Create a network",
	.options = create_options,
	.min_args = 1,
	.max_args = 1,
	.run = create,
};
const struct cli_command command_network_ls = {
	.name = "ls",
	.brief = "List networks",
	.options = ls_options,
	.run = list,
	.aliases = "list",
};
const struct cli_command command_network_rm = {
	.name = "rm",
	.usage = "NETWORK [NETWORK...]",
	.brief = "Remove networks",
	.options = rm_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = remove_all,
	.complete = "@networks",
	.aliases = "remove",
};
const struct cli_command command_network_connect = {
	.name = "connect",
	.usage = "NETWORK CONTAINER",
	.brief = "Connect a container to a network",
	.options = connect_options,
	.min_args = 2,
	.max_args = 2,
	.run = connect_container,
	.complete = "@networks",
};
const struct cli_command command_network_disconnect = {
	.name = "disconnect",
	.usage = "NETWORK CONTAINER",
	.brief = "Disconnect a container from a network",
	.options = disconnect_options,
	.min_args = 2,
	.max_args = 2,
	.run = disconnect,
	.complete = "@networks",
};

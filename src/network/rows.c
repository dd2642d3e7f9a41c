/* SPDX-License-Identifier: Apache-2.0 */
/* The rows: what should be, as JSON by the field tables, with the columns that SQL needs. */
#include "network/networks-internal.h"

/* clang-format off: tables */
const struct json_field net_endpoint_fields[] = {
	JSON_FIELD(struct net_endpoint, container_id, "Container", JSON_F_STRING),
	JSON_FIELD(struct net_endpoint, container_name, "Name", JSON_F_STRING),
	JSON_FIELD(struct net_endpoint, endpoint_id, "Id", JSON_F_STRING),
	JSON_FIELD(struct net_endpoint, netns_path, "Netns", JSON_F_STRING,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, interface, "Interface", JSON_F_STRING,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, host_interface, "HostInterface", JSON_F_STRING,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, ipv4, "IPv4", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, ipv6, "IPv6", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, mac, "MAC", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, names, "Names", JSON_F_STRV, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, dns, "DNS", JSON_F_STRV, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct net_endpoint, gw_priority, "GatewayPriority", JSON_F_INT),
	JSON_FIELD(struct net_endpoint, has_gateway, "HasGateway", JSON_F_BOOL),
	JSON_FIELDS_END
};
/* clang-format on */

static const char *const migrations[] = {
	"CREATE TABLE network(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" user_subnet INTEGER NOT NULL, spec TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE network_endpoint(id TEXT PRIMARY KEY,"
	" network TEXT NOT NULL REFERENCES network(id), container TEXT NOT NULL,"
	" spec TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE network_port(container TEXT NOT NULL, port TEXT NOT NULL,"
	" protocol INTEGER NOT NULL, host_ip TEXT NOT NULL, host_port INTEGER NOT NULL,"
	" to_ip TEXT NOT NULL, to_port INTEGER NOT NULL,"
	" PRIMARY KEY(protocol, host_ip, host_port)) WITHOUT ROWID;",
	NULL,
};

static int decode(const char *text, const struct json_field *fields, void *out, struct error *err)
{
	static const struct json_decode_options options;
	AUTO_JSON *json = json_parse(str_from(text), err);

	if (!json)
		return error_errno(err);
	return json_fields_decode(json, fields, out, &options, err);
}

static void encode(const struct json_field *fields, const void *in, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_fields_encode(&w, fields, in);
}

static int load_networks(struct networks *n, struct db_conn *c, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err, "SELECT spec, user_subnet FROM network", "");
	int r;

	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0) {
		struct network_info info = { 0 };
		struct net *net;

		r = decode(db_text(q, 0), network_row_fields, &info, err);
		if (r < 0)
			return r;
		r = net_restore(&info, &net, err);
		json_fields_clear(network_row_fields, &info);
		if (r < 0)
			return r;
		net->user_subnet = db_i64(q, 1);
		net_vec_push(&n->nets, net);
	}
	return r;
}

/* An address in a row was taken from the pool before, so it is free now. */
static void take_again(struct ipam *pool, const char *text)
{
	struct error ignored = { 0 };
	struct ip ip;

	if (text && pool->used && ip_parse(text, &ip) == 0)
		IGNORE_RESULT(ipam_take(pool, &ip, &ip, &ignored) < 0,
		              "two rows with one address: the container that has it keeps it");
}

static int load_endpoints(struct networks *n, struct db_conn *c, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err, "SELECT network, spec FROM network_endpoint", "");
	int r;

	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0) {
		struct net *net = net_find(n, db_text(q, 0), err);
		struct net_endpoint e = { 0 };

		if (!net)
			return error_errno(err);
		r = decode(db_text(q, 1), net_endpoint_fields, &e, err);
		if (r < 0)
			return r;
		take_again(&net->pool4, e.ipv4);
		take_again(&net->pool6, e.ipv6);
		net_endpoint_vec_push(&net->endpoints, e);
	}
	return r;
}

static int load_publications(struct networks *n, struct db_conn *c, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = db_query(c, err,
	                                            "SELECT container, port, protocol, host_ip,"
	                                            " host_port, to_ip, to_port FROM network_port",
	                                            "");
	int r;

	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0) {
		struct publication p = { .fd = -1 };

		p.fw.protocol = (uint8_t)db_i64(q, 2);
		p.fw.host_port = (uint16_t)db_i64(q, 4);
		p.fw.to_port = (uint16_t)db_i64(q, 6);
		if (ip_parse(db_text(q, 3), &p.fw.host) < 0 ||
		    ip_parse(db_text(q, 5), &p.fw.to) < 0)
			return error_set(err, ERROR_INTERNAL, "a published port's row is damaged");
		p.container_id = xstrdup(db_text(q, 0));
		p.port = xstrdup(db_text(q, 1));
		publication_vec_push(&n->publications, p);
	}
	return r;
}

int rows_load(struct networks *n, struct error *err)
{
	static const struct db_migrations m = { .room = "network", .sql = migrations };
	AUTO_DB_READER struct db_conn *c = NULL;
	int r = db_migrate(n->db, &m, err);

	if (r < 0)
		return r;
	c = db_reader(n->db, err);
	if (!c)
		return error_errno(err);
	r = load_networks(n, c, err);
	if (r < 0)
		return error_prefix(err, "cannot load the networks");
	r = load_endpoints(n, c, err);
	if (r < 0)
		return error_prefix(err, "cannot load the endpoints");
	return load_publications(n, c, err);
}

int rows_add_network(struct networks *n, const struct net *net, struct error *err)
{
	AUTO_STRBUF spec = { 0 };

	encode(network_row_fields, &net->info, &spec);
	return db_run(n->db, DB_DURABLE, NULL, err,
	              "INSERT INTO network(id, name, user_subnet, spec) VALUES(?,?,?,?)"
	              " ON CONFLICT(id) DO UPDATE SET spec = excluded.spec",
	              "ssis", net->info.id, net->info.name, (int64_t)net->user_subnet,
	              strbuf_cstr(&spec));
}

int rows_remove_network(struct networks *n, const char *id, struct error *err)
{
	return db_run(n->db, DB_DURABLE, NULL, err, "DELETE FROM network WHERE id = ?", "s", id);
}

/* Endpoints and ports end with the power, so these commits need not outlive it. */
int rows_set_endpoint(struct networks *n, const struct net *net, const struct net_endpoint *e,
                      struct error *err)
{
	AUTO_STRBUF spec = { 0 };

	encode(net_endpoint_fields, e, &spec);
	return db_run(n->db, DB_RELAXED, NULL, err,
	              "INSERT OR REPLACE INTO network_endpoint(id, network, container, spec)"
	              " VALUES(?,?,?,?)",
	              "ssss", e->endpoint_id, net->info.id, e->container_id, strbuf_cstr(&spec));
}

int rows_remove_endpoint(struct networks *n, const struct net_endpoint *e, struct error *err)
{
	return db_run(n->db, DB_RELAXED, NULL, err, "DELETE FROM network_endpoint WHERE id = ?",
	              "s", e->endpoint_id);
}

int rows_add_publication(struct networks *n, const struct publication *p, struct error *err)
{
	char host[IP_TEXT_MAX], to[IP_TEXT_MAX];

	return db_run(
		n->db, DB_RELAXED, NULL, err,
		"INSERT INTO network_port(container, port, protocol, host_ip, host_port, to_ip,"
		" to_port) VALUES(?,?,?,?,?,?,?)",
		"ssisisi", p->container_id, p->port, (int64_t)p->fw.protocol,
		ip_format(&p->fw.host, host), (int64_t)p->fw.host_port, ip_format(&p->fw.to, to),
		(int64_t)p->fw.to_port);
}

int rows_move_publication(struct networks *n, const struct publication *p, struct error *err)
{
	char host[IP_TEXT_MAX], to[IP_TEXT_MAX];

	return db_run(n->db, DB_RELAXED, NULL, err,
	              "UPDATE network_port SET to_ip = ? WHERE protocol = ? AND host_ip = ?"
	              " AND host_port = ?",
	              "sisi", ip_format(&p->fw.to, to), (int64_t)p->fw.protocol,
	              ip_format(&p->fw.host, host), (int64_t)p->fw.host_port);
}

int rows_remove_publications(struct networks *n, const char *container_id, struct error *err)
{
	return db_run(n->db, DB_RELAXED, NULL, err, "DELETE FROM network_port WHERE container = ?",
	              "s", container_id);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as `ps` and `inspect` show them. */
#include <stdio.h>

#include "api/api-internal.h"
#include "base/time.h"

/* "5 minutes", as people say it. */
static const char *human_duration(int64_t ns, char *buf, size_t size)
{
	long long s = ns / NSEC_PER_SEC, m = s / 60, h = (s + 1800) / 3600;

	if (s < 1)
		snprintf(buf, size, "Less than a second");
	else if (s == 1)
		snprintf(buf, size, "1 second");
	else if (s < 60)
		snprintf(buf, size, "%lld seconds", s);
	else if (m == 1)
		snprintf(buf, size, "About a minute");
	else if (m < 60)
		snprintf(buf, size, "%lld minutes", m);
	else if (h == 1)
		snprintf(buf, size, "About an hour");
	else if (h < 48)
		snprintf(buf, size, "%lld hours", h);
	else if (h < 24 * 7 * 2)
		snprintf(buf, size, "%lld days", h / 24);
	else if (h < 24 * 30 * 2)
		snprintf(buf, size, "%lld weeks", h / 24 / 7);
	else if (h < 24 * 365 * 2)
		snprintf(buf, size, "%lld months", h / 24 / 30);
	else
		snprintf(buf, size, "%lld years", h / 24 / 365);
	return buf;
}

static const char *const health_suffix[] = {
	[HEALTH_NONE] = "",
	[HEALTH_STARTING] = " (health: starting)",
	[HEALTH_HEALTHY] = " (healthy)",
	[HEALTH_UNHEALTHY] = " (unhealthy)",
};
static const char *const health_names[] = {
	[HEALTH_NONE] = "none",
	[HEALTH_STARTING] = "starting",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_UNHEALTHY] = "unhealthy",
};

static char *status_text(const struct container_info *i)
{
	char since[64];
	int64_t now = time_now();

	switch (i->status) {
	case CONTAINER_RUNNING:
		return xasprintf("Up %s%s",
		                 human_duration(now - i->started_at, since, sizeof(since)),
		                 health_suffix[i->health]);
	case CONTAINER_PAUSED:
		return xasprintf("Up %s (Paused)",
		                 human_duration(now - i->started_at, since, sizeof(since)));
	case CONTAINER_RESTARTING:
		return xasprintf("Restarting (%d) %s ago", i->exit_code,
		                 human_duration(now - i->finished_at, since, sizeof(since)));
	case CONTAINER_REMOVING:
		return xstrdup("Removal In Progress");
	case CONTAINER_EXITED:
		return xasprintf("Exited (%d) %s ago", i->exit_code,
		                 human_duration(now - i->finished_at, since, sizeof(since)));
	case CONTAINER_DEAD:
		return xstrdup("Dead");
	case CONTAINER_CREATED:
	case CONTAINER_STATUS_COUNT:
		break;
	}
	return xstrdup("Created");
}

static char *command_text(const struct container_info *i)
{
	AUTO_STRBUF b = { 0 };

	strbuf_puts(&b, i->path ? i->path : "");
	vec_for_each (&i->args, arg)
		strbuf_printf(&b, strchr(*arg, ' ') ? " '%s'" : " %s", *arg);
	return strbuf_steal(&b);
}

/* "80/tcp" apart. */
static unsigned port_number(const char *port, const char **ret_proto)
{
	unsigned n = 0;
	const char *slash = strchr(port, '/');

	*ret_proto = slash ? slash + 1 : "tcp";
	return sscanf(port, "%u", &n) == 1 ? n : 0;
}

static bool is_published(const struct container_info *i, const char *port)
{
	vec_for_each (&i->ports, p)
		if (streq(p->port, port))
			return true;
	return false;
}

static void summary_port(struct json_writer *w, const char *port, const char *ip, int public_port)
{
	const char *proto;
	unsigned private_port = port_number(port, &proto);

	jw_object(w);
	if (ip)
		jw_kv_string(w, "IP", ip);
	jw_kv_i64(w, "PrivatePort", private_port);
	if (public_port)
		jw_kv_i64(w, "PublicPort", public_port);
	jw_kv_string(w, "Type", proto);
	jw_object_end(w);
}

static bool is_up(const struct container_info *i)
{
	return i->status == CONTAINER_RUNNING || i->status == CONTAINER_PAUSED;
}

static void summary_ports(struct json_writer *w, const struct container_info *i)
{
	jw_key(w, "Ports");
	jw_array(w);
	if (is_up(i)) {
		vec_for_each (&i->ports, p)
			summary_port(w, p->port, p->host_ip, p->host_port);
		vec_for_each (&i->config.exposed_ports, p)
			if (!is_published(i, *p))
				summary_port(w, *p, NULL, 0);
	}
	jw_array_end(w);
}

static void write_mounts(struct json_writer *w, const struct container_info *i)
{
	jw_key(w, "Mounts");
	jw_array(w);
	vec_for_each (&i->mounts, m) {
		jw_object(w);
		jw_kv_string(w, "Type", m->type);
		if (!str_empty_or_null(m->name))
			jw_kv_string(w, "Name", m->name);
		jw_kv_string(w, "Source", m->source);
		jw_kv_string(w, "Destination", m->destination);
		if (!str_empty_or_null(m->driver))
			jw_kv_string(w, "Driver", m->driver);
		jw_kv_string(w, "Mode", m->mode);
		jw_kv_bool(w, "RW", m->rw);
		jw_kv_string(w, "Propagation", m->propagation);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void write_endpoints(struct json_writer *w, const struct container_info *i)
{
	jw_key(w, "Networks");
	jw_object(w);
	vec_for_each (&i->endpoints, e) {
		jw_key(w, e->network);
		json_fields_encode(w, endpoint_fields, e);
	}
	jw_object_end(w);
}

/* The name it was made from, as long as that still means the same image. */
static const char *summary_image(struct api_request *req, const struct container_info *i)
{
	CLEANUP(image_free_ptr) struct image *image = NULL;
	struct error ignored = { 0 };
	char id[DIGEST_TEXT_MAX];

	if (image_get(req->engine->images, i->image_name, &image, &ignored) >= 0 &&
	    streq(digest_format(&image->id, id), i->image_id))
		return i->image_name;
	return i->image_id;
}

void api_container_summary(struct api_request *req, struct json_writer *w,
                           const struct container_info *i)
{
	AUTO_FREE char *command = command_text(i), *status = status_text(i),
		       *name = xasprintf("/%s", i->name);

	jw_object(w);
	jw_kv_string(w, "Id", i->id);
	jw_key(w, "Names");
	jw_array(w);
	jw_string(w, name);
	jw_array_end(w);
	jw_kv_string(w, "Image", summary_image(req, i));
	jw_kv_string(w, "ImageID", i->image_id);
	jw_kv_string(w, "Command", command);
	jw_kv_i64(w, "Created", i->created / NSEC_PER_SEC);
	summary_ports(w, i);
	if (i->has_rw_size) {
		jw_kv_i64(w, "SizeRw", i->rw_size);
		jw_kv_i64(w, "SizeRootFs", i->root_size);
	}
	jw_kv_strmap(w, "Labels", &i->config.labels);
	jw_kv_string(w, "State", container_status_name(i->status));
	jw_kv_string(w, "Status", status);
	jw_key(w, "HostConfig");
	jw_object(w);
	jw_kv_string(w, "NetworkMode", i->host_config.network_mode);
	if (i->host_config.annotations.len && req->version >= API(1, 46))
		jw_kv_strmap(w, "Annotations", &i->host_config.annotations);
	jw_object_end(w);
	jw_key(w, "NetworkSettings");
	jw_object(w);
	write_endpoints(w, i);
	jw_object_end(w);
	write_mounts(w, i);
	jw_object_end(w);
}

static void write_health(struct json_writer *w, const struct container_info *i)
{
	if (i->health == HEALTH_NONE)
		return;
	jw_key(w, "Health");
	jw_object(w);
	jw_kv_string(w, "Status", health_names[i->health]);
	jw_kv_i64(w, "FailingStreak", i->health_failing_streak);
	jw_key(w, "Log");
	jw_array(w);
	vec_for_each (&i->health_log, p) {
		jw_object(w);
		jw_kv_time(w, "Start", p->start);
		jw_kv_time(w, "End", p->end);
		jw_kv_i64(w, "ExitCode", p->exit_code);
		jw_kv_string(w, "Output", p->output);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}

static void write_state(struct json_writer *w, const struct container_info *i)
{
	jw_key(w, "State");
	jw_object(w);
	jw_kv_string(w, "Status", container_status_name(i->status));
	jw_kv_bool(w, "Running", is_up(i) || i->status == CONTAINER_RESTARTING);
	jw_kv_bool(w, "Paused", i->status == CONTAINER_PAUSED);
	jw_kv_bool(w, "Restarting", i->status == CONTAINER_RESTARTING);
	jw_kv_bool(w, "OOMKilled", i->oom_killed);
	jw_kv_bool(w, "Dead", i->dead);
	jw_kv_i64(w, "Pid", i->pid);
	jw_kv_i64(w, "ExitCode", i->exit_code);
	jw_kv_string(w, "Error", i->error);
	jw_kv_time(w, "StartedAt", i->started_at);
	jw_kv_time(w, "FinishedAt", i->finished_at);
	write_health(w, i);
	jw_object_end(w);
}

static void write_graph_driver(struct json_writer *w, const struct container_info *i)
{
	const char *slash = i->upper_path ? strrchr(i->upper_path, '/') : NULL;

	jw_key(w, "GraphDriver");
	jw_object(w);
	jw_key(w, "Data");
	if (slash) {
		AUTO_FREE char *work =
			xasprintf("%.*s/work", (int)(slash - i->upper_path), i->upper_path);

		jw_object(w);
		jw_kv_string(w, "ID", i->id);
		jw_kv_string(w, "MergedDir", i->merged_path);
		jw_kv_string(w, "UpperDir", i->upper_path);
		jw_kv_string(w, "WorkDir", work);
		jw_object_end(w);
	} else {
		jw_null(w);
	}
	jw_kv_string(w, "Name", "overlay2");
	jw_object_end(w);
}

static void binding(struct json_writer *w, const struct port_assignment *p)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", p->host_port);
	jw_object(w);
	jw_kv_string(w, "HostIp", p->host_ip);
	jw_kv_string(w, "HostPort", number);
	jw_object_end(w);
}

/* {"80/tcp": [bindings], "443/tcp": null}: each port once, though its bindings may stand apart. */
static void write_port_map(struct json_writer *w, const struct container_info *i)
{
	jw_key(w, "Ports");
	jw_object(w);
	for (size_t n = 0; is_up(i) && n < i->ports.len; n++) {
		const char *port = i->ports.ptr[n].port;
		bool seen = false;

		for (size_t k = 0; k < n; k++)
			seen = seen || streq(i->ports.ptr[k].port, port);
		if (seen)
			continue;
		jw_key(w, port);
		jw_array(w);
		for (size_t k = n; k < i->ports.len; k++)
			if (streq(i->ports.ptr[k].port, port))
				binding(w, &i->ports.ptr[k]);
		jw_array_end(w);
	}
	for (size_t n = 0; is_up(i) && n < i->config.exposed_ports.len; n++) {
		if (is_published(i, i->config.exposed_ports.ptr[n]))
			continue;
		jw_key(w, i->config.exposed_ports.ptr[n]);
		jw_null(w);
	}
	jw_object_end(w);
}

/* The default bridge's endpoint stands at the top as well: scripts read .NetworkSettings.IPAddress.
 */
static void write_top_endpoint(struct json_writer *w, const struct container_info *i)
{
	static const struct endpoint none;
	const struct endpoint *e = &none;

	vec_for_each (&i->endpoints, it)
		if (streq(it->network, "bridge"))
			e = it;
	jw_kv_string(w, "EndpointID", e->endpoint_id);
	jw_kv_string(w, "Gateway", e->gateway);
	jw_kv_string(w, "GlobalIPv6Address", e->global_ipv6_address);
	jw_kv_i64(w, "GlobalIPv6PrefixLen", e->global_ipv6_prefix_len);
	jw_kv_string(w, "IPAddress", e->ip_address);
	jw_kv_i64(w, "IPPrefixLen", e->ip_prefix_len);
	jw_kv_string(w, "IPv6Gateway", e->ipv6_gateway);
	jw_kv_string(w, "MacAddress", e->mac_address);
}

static void write_network_settings(struct json_writer *w, const struct container_info *i)
{
	jw_key(w, "NetworkSettings");
	jw_object(w);
	jw_kv_string(w, "Bridge", "");
	jw_kv_string(w, "SandboxID", i->sandbox_id);
	jw_kv_string(w, "SandboxKey", i->sandbox_key);
	write_port_map(w, i);
	jw_kv_bool(w, "HairpinMode", false);
	jw_kv_string(w, "LinkLocalIPv6Address", "");
	jw_kv_i64(w, "LinkLocalIPv6PrefixLen", 0);
	jw_key(w, "SecondaryIPAddresses");
	jw_null(w);
	jw_key(w, "SecondaryIPv6Addresses");
	jw_null(w);
	write_top_endpoint(w, i);
	write_endpoints(w, i);
	jw_object_end(w);
}

void api_container_inspect(struct api_request *req, struct json_writer *w,
                           const struct container_info *i)
{
	AUTO_FREE char *name = xasprintf("/%s", i->name);

	jw_object(w);
	jw_kv_string(w, "Id", i->id);
	jw_kv_time(w, "Created", i->created);
	jw_kv_string(w, "Path", i->path);
	jw_kv_strv(w, "Args", &i->args);
	write_state(w, i);
	jw_kv_string(w, "Image", i->image_id);
	jw_kv_string(w, "ResolvConfPath", i->resolv_conf_path);
	jw_kv_string(w, "HostnamePath", i->hostname_path);
	jw_kv_string(w, "HostsPath", i->hosts_path);
	jw_kv_string(w, "LogPath", i->log_path);
	jw_kv_string(w, "Name", name);
	jw_kv_i64(w, "RestartCount", i->restart_count);
	jw_kv_string(w, "Driver", "overlay2");
	jw_kv_string(w, "Platform", "linux");
	jw_kv_string(w, "MountLabel", "");
	jw_kv_string(w, "ProcessLabel", "");
	jw_kv_string(w, "AppArmorProfile", "");
	if (i->exec_ids.len) {
		jw_kv_strv(w, "ExecIDs", &i->exec_ids);
	} else {
		jw_key(w, "ExecIDs");
		jw_null(w);
	}
	jw_key(w, "HostConfig");
	json_fields_encode(w, host_config_fields, &i->host_config);
	write_graph_driver(w, i);
	if (i->has_rw_size) {
		jw_kv_i64(w, "SizeRw", i->rw_size);
		jw_kv_i64(w, "SizeRootFs", i->root_size);
	}
	write_mounts(w, i);
	jw_key(w, "Config");
	json_fields_encode(w, container_config_fields, &i->config);
	write_network_settings(w, i);
	jw_object_end(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* /_ping, /version, /info, /auth, /system/df. */
#include <stdio.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "api/api-internal.h"
#include "base/fs.h"
#include "base/time.h"
#include "content/store.h"
#include "snapshot/snapshot.h"

static const char *architecture(const struct utsname *u)
{
	return streq(u->machine, "x86_64")    ? "amd64"
	       : streq(u->machine, "aarch64") ? "arm64"
	                                      : u->machine;
}

static int ping_handler(struct api_request *req, struct error *err)
{
	http_set_header(req->http, "Cache-Control", "no-cache, no-store, must-revalidate");
	http_set_header(req->http, "Pragma", "no-cache");
	http_set_header(req->http, "Builder-Version", "1");
	http_set_header(req->http, "Swarm", "inactive");
	if (req->http->method == HTTP_HEAD)
		http_respond(req->http, 200, "text/plain; charset=utf-8", NULL, 0);
	else
		http_respond(req->http, 200, "text/plain; charset=utf-8", "OK", 2);
	return 0;
}

static int version_handler(struct api_request *req, struct error *err)
{
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	struct utsname u;

	uname(&u);
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "Platform");
	jw_object(&w);
	jw_kv_string(&w, "Name", "Coracle");
	jw_object_end(&w);
	jw_key(&w, "Components");
	jw_array(&w);
	jw_object(&w);
	jw_kv_string(&w, "Name", "Engine");
	jw_kv_string(&w, "Version", CORACLE_VERSION);
	jw_key(&w, "Details");
	jw_object(&w);
	jw_kv_string(&w, "ApiVersion", API_VERSION_MAX);
	jw_kv_string(&w, "Arch", architecture(&u));
	jw_kv_string(&w, "BuildTime", "");
	jw_kv_string(&w, "Experimental", "false");
	jw_kv_string(&w, "GitCommit", "");
	jw_kv_string(&w, "GoVersion", "");
	jw_kv_string(&w, "KernelVersion", u.release);
	jw_kv_string(&w, "MinAPIVersion", API_VERSION_MIN);
	jw_kv_string(&w, "Os", "linux");
	jw_object_end(&w);
	jw_object_end(&w);
	jw_array_end(&w);
	jw_kv_string(&w, "Version", CORACLE_VERSION);
	jw_kv_string(&w, "ApiVersion", API_VERSION_MAX);
	jw_kv_string(&w, "MinAPIVersion", API_VERSION_MIN);
	jw_kv_string(&w, "GitCommit", "");
	jw_kv_string(&w, "GoVersion", "");
	jw_kv_string(&w, "Os", "linux");
	jw_kv_string(&w, "Arch", architecture(&u));
	jw_kv_string(&w, "KernelVersion", u.release);
	jw_kv_string(&w, "BuildTime", "");
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

static void info_containers(struct api_request *req, struct json_writer *w)
{
	AUTO_CONTAINER_INFOS infos = { 0 };
	int64_t running = 0, paused = 0;

	api_container_infos(req, false, &infos);
	vec_for_each (&infos, i) {
		running +=
			(*i)->status == CONTAINER_RUNNING || (*i)->status == CONTAINER_RESTARTING;
		paused += (*i)->status == CONTAINER_PAUSED;
	}
	jw_kv_i64(w, "Containers", (int64_t)infos.len);
	jw_kv_i64(w, "ContainersRunning", running);
	jw_kv_i64(w, "ContainersPaused", paused);
	jw_kv_i64(w, "ContainersStopped", (int64_t)infos.len - running - paused);
}

static int info_images(struct api_request *req, struct json_writer *w, struct error *err)
{
	struct image_ptr_vec images = { 0 };
	int r = image_list(req->engine->images, &images, err);

	jw_kv_i64(w, "Images", (int64_t)images.len);
	image_list_done(&images);
	return r;
}

static void string_list(struct json_writer *w, const char *key, const char *const *list)
{
	jw_key(w, key);
	jw_array(w);
	for (; list && *list; list++)
		jw_string(w, *list);
	jw_array_end(w);
}

static void info_plugins(struct json_writer *w)
{
	static const char *const volume[] = { "local", NULL };
	static const char *const network[] = { "bridge", "host", "null", NULL };
	static const char *const logs[] = { "json-file", "local", "none", NULL };

	jw_key(w, "Plugins");
	jw_object(w);
	string_list(w, "Volume", volume);
	string_list(w, "Network", network);
	jw_key(w, "Authorization");
	jw_null(w);
	string_list(w, "Log", logs);
	jw_object_end(w);
}

/* PRETTY_NAME and VERSION_ID of the host's os-release. */
static char *os_release(const char *key)
{
	AUTO_STRBUF text = { 0 };
	struct error ignored = { 0 };
	struct str rest, line;

	if (read_file(AT_FDCWD, "/etc/os-release", 65536, &text, &ignored) < 0)
		return NULL;
	rest = strbuf_str(&text);
	while (str_cut(&rest, '\n', &line)) {
		size_t n = strlen(key);

		if (line.len <= n || strncmp(line.ptr, key, n) != 0 || line.ptr[n] != '=')
			continue;
		line = str_n(line.ptr + n + 1, line.len - n - 1);
		if (line.len >= 2 && line.ptr[0] == '"')
			line = str_n(line.ptr + 1, line.len - 2);
		return xstrndup(line.ptr, line.len);
	}
	return NULL;
}

static bool ip_forwarding(void)
{
	AUTO_STRBUF text = { 0 };
	struct error ignored = { 0 };

	return read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 16, &text, &ignored) >= 0 &&
	       strbuf_cstr(&text)[0] == '1';
}

static bool cgroup_unified(void)
{
	return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

static void info_host(struct api_request *req, struct json_writer *w)
{
	AUTO_FREE char *os = os_release("PRETTY_NAME"), *version = os_release("VERSION_ID");
	struct sysinfo memory;
	struct utsname u;

	uname(&u);
	sysinfo(&memory);
	jw_kv_string(w, "KernelVersion", u.release);
	jw_kv_string(w, "OperatingSystem", os ? os : "Linux");
	jw_kv_string(w, "OSVersion", version);
	jw_kv_string(w, "OSType", "linux");
	jw_kv_string(w, "Architecture", u.machine);
	jw_kv_i64(w, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
	jw_kv_i64(w, "MemTotal", (int64_t)memory.totalram * memory.mem_unit);
	jw_kv_string(w, "Name", u.nodename);
}

static void info_registry(struct api_request *req, struct json_writer *w)
{
	const char *const *mirrors = req->engine->remote.mirrors, *const *insecure =
									  req->engine->remote
										  .insecure;
	const char *const *it;

	jw_kv_string(w, "IndexServerAddress", "https://index.docker.io/v1/");
	jw_key(w, "RegistryConfig");
	jw_object(w);
	jw_key(w, "InsecureRegistryCIDRs");
	jw_array(w);
	for (it = insecure; *it; it++)
		if (strchr(*it, '/'))
			jw_string(w, *it);
	jw_string(w, "::1/128");
	jw_string(w, "127.0.0.0/8");
	jw_array_end(w);
	jw_key(w, "IndexConfigs");
	jw_object(w);
	jw_key(w, "docker.io");
	jw_object(w);
	jw_kv_string(w, "Name", "docker.io");
	string_list(w, "Mirrors", mirrors);
	jw_kv_bool(w, "Secure", true);
	jw_kv_bool(w, "Official", true);
	jw_object_end(w);
	for (it = insecure; *it; it++) {
		if (strchr(*it, '/'))
			continue;
		jw_key(w, *it);
		jw_object(w);
		jw_kv_string(w, "Name", *it);
		string_list(w, "Mirrors", NULL);
		jw_kv_bool(w, "Secure", false);
		jw_kv_bool(w, "Official", false);
		jw_object_end(w);
	}
	jw_object_end(w);
	if (*mirrors) {
		string_list(w, "Mirrors", mirrors);
	} else {
		jw_key(w, "Mirrors");
		jw_null(w);
	}
	jw_object_end(w);
}

static void info_runtimes(struct api_request *req, struct json_writer *w)
{
	const struct engine_config *c = &req->engine->config;

	jw_key(w, "Runtimes");
	jw_object(w);
	vec_for_each (&c->runtimes, r) {
		jw_key(w, r->key);
		jw_object(w);
		jw_kv_string(w, "path", r->value);
		jw_object_end(w);
	}
	jw_object_end(w);
	jw_kv_string(w, "DefaultRuntime", c->default_runtime);
}

/* What Docker's `info` prints sections for, and we have none of. */
static void info_absent(struct json_writer *w)
{
	static const char *const commits[] = { "ContainerdCommit", "RuncCommit", "InitCommit" };

	jw_key(w, "GenericResources");
	jw_null(w);
	jw_kv_string(w, "HttpProxy", getenv("HTTP_PROXY"));
	jw_kv_string(w, "HttpsProxy", getenv("HTTPS_PROXY"));
	jw_kv_string(w, "NoProxy", getenv("NO_PROXY"));
	jw_key(w, "Swarm");
	jw_object(w);
	jw_kv_string(w, "NodeID", "");
	jw_kv_string(w, "NodeAddr", "");
	jw_kv_string(w, "LocalNodeState", "inactive");
	jw_kv_bool(w, "ControlAvailable", false);
	jw_kv_string(w, "Error", "");
	jw_key(w, "RemoteManagers");
	jw_null(w);
	jw_object_end(w);
	jw_kv_string(w, "Isolation", "");
	jw_kv_string(w, "InitBinary", "");
	for (size_t i = 0; i < ARRAY_SIZE(commits); i++) {
		jw_key(w, commits[i]);
		jw_object(w);
		jw_kv_string(w, "ID", "");
		jw_object_end(w);
	}
}

static void info_limits(struct json_writer *w)
{
	static const char *const has[] = { "MemoryLimit", "SwapLimit", "CpuCfsPeriod",
		                           "CpuCfsQuota", "CPUShares", "CPUSet",
		                           "PidsLimit" };

	for (size_t i = 0; i < ARRAY_SIZE(has); i++)
		jw_kv_bool(w, has[i], true);
	jw_kv_bool(w, "OomKillDisable", !cgroup_unified());
	jw_kv_bool(w, "IPv4Forwarding", ip_forwarding());
	jw_kv_string(w, "CgroupDriver", "cgroupfs");
	jw_kv_string(w, "CgroupVersion", cgroup_unified() ? "2" : "1");
}

static void info_security(struct json_writer *w)
{
	jw_key(w, "SecurityOptions");
	jw_array(w);
	jw_string(w, "name=seccomp,profile=builtin");
	if (cgroup_unified())
		jw_string(w, "name=cgroupns");
	jw_array_end(w);
}

static int info_handler(struct api_request *req, struct error *err)
{
	const struct engine_config *c = &req->engine->config;
	char now[TIME_RFC3339_MAX];
	AUTO_STRV labels = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r;

	engine_labels(req->engine, &labels);
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_string(&w, "ID", req->engine->id);
	info_containers(req, &w);
	r = info_images(req, &w, err);
	if (r < 0)
		return r;
	jw_kv_string(&w, "Driver", "overlay2");
	jw_key(&w, "DriverStatus");
	jw_raw(&w, STR("[[\"Supports d_type\",\"true\"],[\"Native Overlay Diff\",\"true\"]]"));
	jw_kv_string(&w, "DockerRootDir", c->data_root);
	info_plugins(&w);
	info_limits(&w);
	jw_kv_bool(&w, "Debug", c->debug);
	jw_kv_i64(&w, "NFd", 0);
	jw_kv_i64(&w, "NGoroutines", 0);
	jw_kv_string(&w, "SystemTime", time_format(time_now(), now));
	jw_kv_string(&w, "LoggingDriver", c->log_driver);
	jw_kv_i64(&w, "NEventsListener", atomic_load(&req->engine->event_listeners));
	info_host(req, &w);
	info_registry(req, &w);
	jw_kv_strv(&w, "Labels", &labels);
	jw_kv_bool(&w, "ExperimentalBuild", false);
	jw_kv_string(&w, "ServerVersion", CORACLE_VERSION);
	info_runtimes(req, &w);
	jw_kv_bool(&w, "LiveRestoreEnabled", true);
	info_absent(&w);
	info_security(&w);
	jw_key(&w, "CDISpecDirs");
	jw_raw(&w, STR("[]"));
	jw_key(&w, "Warnings");
	jw_null(&w);
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

/* docker login: {"username","password","serveraddress","identitytoken"} */
static int auth_handler(struct api_request *req, struct error *err)
{
	AUTO_JSON *body = NULL;
	AUTO_FREE char *token = NULL;
	AUTO_STRBUF out = { 0 };
	struct remote_credentials c = { 0 };
	struct json_writer w;
	const char *server;
	int r = api_read_json(req, false, &body, err);

	if (r < 0)
		return r;
	c.username = json_string_value(json_member(body, "username", true));
	c.password = json_string_value(json_member(body, "password", true));
	c.identity_token = json_string_value(json_member(body, "identitytoken", true));
	server = json_string_value(json_member(body, "serveraddress", true));
	r = remote_login(&req->engine->remote, str_empty_or_null(server) ? "docker.io" : server, &c,
	                 &token, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_string(&w, "IdentityToken", token);
	jw_kv_string(&w, "Status", "Login Succeeded");
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

/* type=: whether this part was asked for; all when none was. */
static bool df_wants(const struct api_request *req, const char *type)
{
	bool any = false;

	for (size_t i = 0; i < req->http->n_query; i++) {
		if (!streq(req->http->query[i].name, "type"))
			continue;
		any = true;
		if (streq(req->http->query[i].value, type))
			return true;
	}
	return !any;
}

static int64_t users_of(const struct container_info_vec *infos, const char *image_id)
{
	int64_t n = 0;

	vec_for_each (infos, i)
		n += streq((*i)->image_id, image_id);
	return n;
}

/* Layers that two images have in common are counted with both, and once as shared. */
static int64_t shared_bytes(struct api_request *req, const struct image_ptr_vec *images,
                            const struct image *image)
{
	int64_t shared = 0, size;
	size_t n = image->config.diff_ids.len;
	struct error ignored = { 0 };
	struct digest chain, other;

	for (; n > 0; n--) {
		bool found = false;

		image_chain_id(image->config.diff_ids.ptr, n, &chain);
		vec_for_each (images, it) {
			if (*it == image || (*it)->config.diff_ids.len < n || found)
				continue;
			image_chain_id((*it)->config.diff_ids.ptr, n, &other);
			found = digest_equal(&chain, &other);
		}
		if (found && layer_exists(req->engine->snapshots, &chain, &size, &ignored) > 0)
			shared += size;
	}
	return shared;
}

static int df_images(struct api_request *req, struct json_writer *w,
                     const struct container_info_vec *infos, struct error *err)
{
	struct image_ptr_vec images = { 0 };
	int64_t total = 0;
	int r = image_list(req->engine->images, &images, err);

	if (r < 0)
		return r;
	jw_key(w, "Images");
	jw_array(w);
	vec_for_each (&images, i) {
		char id[DIGEST_TEXT_MAX];
		int64_t shared = shared_bytes(req, &images, *i);

		api_image_summary(req, w, *i, users_of(infos, digest_format(&(*i)->id, id)),
		                  shared);
		total += (*i)->size - shared;
	}
	jw_array_end(w);
	image_list_done(&images);
	jw_kv_i64(w, "LayersSize", total);
	return 0;
}

static int64_t volume_size(const struct volume_info *v)
{
	AUTO_CLOSE int fd = open(v->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -1 : snapshot_tree_size(fd, ".");
}

static int df_volumes(struct api_request *req, struct json_writer *w, struct error *err)
{
	struct volume_info_vec volumes = { 0 };
	int r = volume_list(req->engine->volumes, &volumes, err);

	if (r < 0)
		return r;
	jw_key(w, "Volumes");
	jw_array(w);
	vec_for_each (&volumes, v)
		api_volume(w, v, volume_size(v));
	jw_array_end(w);
	volume_list_done(&volumes);
	return 0;
}

static int df_handler(struct api_request *req, struct error *err)
{
	AUTO_CONTAINER_INFOS infos = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = 0;

	api_container_infos(req, df_wants(req, "container"), &infos);
	json_writer_init(&w, &out);
	jw_object(&w);
	if (df_wants(req, "image"))
		r = df_images(req, &w, &infos, err);
	if (r >= 0 && df_wants(req, "container")) {
		jw_key(&w, "Containers");
		jw_array(&w);
		vec_for_each (&infos, i)
			api_container_summary(req, &w, *i);
		jw_array_end(&w);
	}
	if (r >= 0 && df_wants(req, "volume"))
		r = df_volumes(req, &w, err);
	if (r < 0)
		return r;
	if (df_wants(req, "build-cache")) {
		jw_key(&w, "BuildCache");
		jw_raw(&w, STR("[]"));
	}
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { GET | HEAD, "/_ping" },     ping_handler },
	{ { GET,        "/version" },   version_handler },
	{ { GET,        "/info" },      info_handler },
	{ { POST,       "/auth" },      auth_handler },
	{ { GET,        "/system/df" }, df_handler, .min_api = API(1, 25) },
};
/* clang-format on */
API_TABLE(api_system_routes, routes);

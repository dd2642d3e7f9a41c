/* SPDX-License-Identifier: Apache-2.0 */
/* -v, --mount, --tmpfs, --device and what belongs to devices, as members of HostConfig. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/create-options.h"
#include "cli/kv.h"
#include "json/writer.h"

/* "./src:/dst" is about our directory, which the engine does not know. */
static char *absolute_bind(const char *spec)
{
	AUTO_FREE char *cwd = NULL;

	if (spec[0] != '.' || (spec[1] != '/' && spec[1] != ':' && spec[1] != '.'))
		return xstrdup(spec);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return xstrdup(spec);
	size_t n = strcspn(spec, ":");
	AUTO_FREE char *path = xasprintf("%s/%.*s", cwd, (int)n, spec);
	AUTO_FREE char *real = realpath(path, NULL);

	return xasprintf("%s%s", real ? real : path, spec + n);
}

void create_volumes_write(struct cli *cli, struct json_writer *w)
{
	const struct strv *v = opt_list(cli, "volume");

	jw_key(w, "Volumes");
	jw_object(w);
	for (size_t i = 0; i < v->len; i++) {
		if (strchr(v->ptr[i], ':'))
			continue;
		jw_key(w, v->ptr[i]);
		jw_object(w);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void write_binds(struct cli *cli, struct json_writer *w)
{
	const struct strv *v = opt_list(cli, "volume");

	jw_key(w, "Binds");
	jw_array(w);
	for (size_t i = 0; i < v->len; i++) {
		AUTO_FREE char *bind = NULL;

		if (!strchr(v->ptr[i], ':'))
			continue;
		bind = absolute_bind(v->ptr[i]);
		jw_string(w, bind);
	}
	jw_array_end(w);
}

static void write_tmpfs(struct cli *cli, struct json_writer *w)
{
	const struct strv *v = opt_list(cli, "tmpfs");

	if (!v->len)
		return;
	jw_key(w, "Tmpfs");
	jw_object(w);
	for (size_t i = 0; i < v->len; i++) {
		size_t n = strcspn(v->ptr[i], ":");
		AUTO_FREE char *path = xstrndup(v->ptr[i], n);

		jw_kv_string(w, path, v->ptr[i][n] ? v->ptr[i] + n + 1 : "");
	}
	jw_object_end(w);
}

/* One --mount, taken apart. All borrowed from the strv it was split into. */
struct mount_spec {
	const char *type, *source, *target, *consistency;
	const char *propagation, *driver, *subpath, *tmpfs_size, *tmpfs_mode;
	bool readonly, nocopy, create_source, non_recursive;
	const char *bind_recursive;
	struct strv labels, options; /* owned */
};

static int mount_flag(const char *value, bool *ret, struct error *err, const char *key)
{
	static const char *const yes[] = { "", "1", "true", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "0", "false", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!value || streq(value, yes[i])) {
			*ret = true;
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (streq(value, no[i])) {
			*ret = false;
			return 0;
		}
	return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
}

/* clang-format off */
static const struct {
	const char *key;
	size_t offset;
} mount_strings[] = {
	{ "type", offsetof(struct mount_spec, type) },
	{ "source", offsetof(struct mount_spec, source) },
	{ "src", offsetof(struct mount_spec, source) },
	{ "target", offsetof(struct mount_spec, target) },
	{ "destination", offsetof(struct mount_spec, target) },
	{ "dst", offsetof(struct mount_spec, target) },
	{ "consistency", offsetof(struct mount_spec, consistency) },
	{ "bind-propagation", offsetof(struct mount_spec, propagation) },
	{ "bind-recursive", offsetof(struct mount_spec, bind_recursive) },
	{ "volume-driver", offsetof(struct mount_spec, driver) },
	{ "volume-subpath", offsetof(struct mount_spec, subpath) },
	{ "image-subpath", offsetof(struct mount_spec, subpath) },
	{ "tmpfs-size", offsetof(struct mount_spec, tmpfs_size) },
	{ "tmpfs-mode", offsetof(struct mount_spec, tmpfs_mode) },
};
static const struct {
	const char *key;
	size_t offset;
	bool inverse;
} mount_flags[] = {
	{ "readonly", offsetof(struct mount_spec, readonly) },
	{ "ro", offsetof(struct mount_spec, readonly) },
	{ "volume-nocopy", offsetof(struct mount_spec, nocopy) },
	{ "bind-nonrecursive", offsetof(struct mount_spec, non_recursive) },
	{ "bind-create-src", offsetof(struct mount_spec, create_source) },
};
/* clang-format on */

static int mount_field(struct mount_spec *m, const char *key, const char *value, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_flags); i++)
		if (streq(key, mount_flags[i].key))
			return mount_flag(value, (bool *)((char *)m + mount_flags[i].offset), err,
			                  key);
	if (!value)
		return error_set(err, ERROR_INVALID, "invalid field '%s' must be a key=value pair",
		                 key);
	for (size_t i = 0; i < ARRAY_SIZE(mount_strings); i++)
		if (streq(key, mount_strings[i].key)) {
			*(const char **)((char *)m + mount_strings[i].offset) = value;
			return 0;
		}
	if (streq(key, "volume-label"))
		strv_add(&m->labels, value);
	else if (streq(key, "volume-opt"))
		strv_add(&m->options, value);
	else
		return error_set(err, ERROR_INVALID, "unexpected key '%s' in '%s=%s'", key, key,
		                 value);
	return 0;
}

/* Fields between commas; quotes as in CSV keep a comma. */
void csv_split(const char *s, struct strv *ret)
{
	AUTO_STRBUF field = { 0 };
	bool quoted = false;

	for (; *s; s++) {
		if (*s == '"' && quoted && s[1] == '"') {
			strbuf_putc(&field, *s++);
		} else if (*s == '"') {
			quoted = !quoted;
		} else if (*s == ',' && !quoted) {
			strv_take(ret, strbuf_steal(&field));
		} else {
			strbuf_putc(&field, *s);
		}
	}
	strv_take(ret, strbuf_steal(&field));
}

static int mount_parse(struct strv *fields, struct mount_spec *m, struct error *err)
{
	for (size_t i = 0; i < fields->len; i++) {
		char *eq = strchr(fields->ptr[i], '=');

		if (eq)
			*eq = '\0';
		for (char *c = fields->ptr[i]; *c; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
		if (mount_field(m, fields->ptr[i], eq ? eq + 1 : NULL, err) < 0)
			return error_errno(err);
	}
	if (!m->type)
		m->type = "volume";
	if (!m->target)
		return error_set(err, ERROR_INVALID, "target is required");
	return 0;
}

static void write_volume_options(const struct mount_spec *m, struct json_writer *w)
{
	if (!m->nocopy && !m->labels.len && !m->driver && !m->options.len && !m->subpath)
		return;
	jw_key(w, "VolumeOptions");
	jw_object(w);
	if (m->nocopy)
		jw_kv_bool(w, "NoCopy", true);
	if (m->labels.len)
		kv_write(w, "Labels", &m->labels);
	if (m->subpath)
		jw_kv_string(w, "Subpath", m->subpath);
	if (m->driver || m->options.len) {
		jw_key(w, "DriverConfig");
		jw_object(w);
		jw_kv_string(w, "Name", m->driver ? m->driver : "");
		kv_write(w, "Options", &m->options);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void write_bind_options(const struct mount_spec *m, struct json_writer *w)
{
	const char *r = m->bind_recursive;

	if (!m->propagation && !m->non_recursive && !m->create_source && !r)
		return;
	jw_key(w, "BindOptions");
	jw_object(w);
	if (m->propagation)
		jw_kv_string(w, "Propagation", m->propagation);
	if (m->non_recursive || (r && streq(r, "disabled")))
		jw_kv_bool(w, "NonRecursive", true);
	if (m->create_source)
		jw_kv_bool(w, "CreateMountpoint", true);
	if (r && streq(r, "writable"))
		jw_kv_bool(w, "ReadOnlyNonRecursive", true);
	if (r && streq(r, "readonly"))
		jw_kv_bool(w, "ReadOnlyForceRecursive", true);
	jw_object_end(w);
}

static int write_tmpfs_options(const struct mount_spec *m, struct json_writer *w, struct error *err)
{
	int64_t size = 0;
	uint64_t mode = 0;

	if (!m->tmpfs_size && !m->tmpfs_mode)
		return 0;
	if (m->tmpfs_size && parse_size(m->tmpfs_size, &size) < 0)
		return error_set(err, ERROR_INVALID, "invalid value for tmpfs-size: %s",
		                 m->tmpfs_size);
	if (m->tmpfs_mode && parse_u64_str(str_from(m->tmpfs_mode), 8, &mode) < 0)
		return error_set(err, ERROR_INVALID, "invalid value for tmpfs-mode: %s",
		                 m->tmpfs_mode);
	jw_key(w, "TmpfsOptions");
	jw_object(w);
	if (m->tmpfs_size)
		jw_kv_i64(w, "SizeBytes", size);
	if (m->tmpfs_mode)
		jw_kv_i64(w, "Mode", (int64_t)mode);
	jw_object_end(w);
	return 0;
}

static int write_mount(const struct mount_spec *m, struct json_writer *w, struct error *err)
{
	AUTO_FREE char *source = m->source && streq(m->type, "bind") ? absolute_bind(m->source)
	                                                             : xstrdup_null(m->source);

	jw_object(w);
	jw_kv_string(w, "Type", m->type);
	if (source)
		jw_kv_string(w, "Source", source);
	jw_kv_string(w, "Target", m->target);
	if (m->readonly)
		jw_kv_bool(w, "ReadOnly", true);
	if (m->consistency)
		jw_kv_string(w, "Consistency", m->consistency);
	if (streq(m->type, "bind"))
		write_bind_options(m, w);
	if (streq(m->type, "volume"))
		write_volume_options(m, w);
	if (streq(m->type, "image") && m->subpath) {
		jw_key(w, "ImageOptions");
		jw_object(w);
		jw_kv_string(w, "Subpath", m->subpath);
		jw_object_end(w);
	}
	if (streq(m->type, "tmpfs") && write_tmpfs_options(m, w, err) < 0)
		return error_errno(err);
	jw_object_end(w);
	return 0;
}

int create_mounts_write(struct cli *cli, struct json_writer *host, struct error *err)
{
	const struct strv *v = opt_list(cli, "mount");
	int r = 0;

	write_binds(cli, host);
	write_tmpfs(cli, host);
	if (!v->len)
		return 0;
	jw_key(host, "Mounts");
	jw_array(host);
	for (size_t i = 0; i < v->len && !r; i++) {
		AUTO_STRV fields = { 0 };
		struct mount_spec m = { 0 };

		csv_split(v->ptr[i], &fields);
		r = mount_parse(&fields, &m, err);
		if (!r)
			r = write_mount(&m, host, err);
		strv_done(&m.labels);
		strv_done(&m.options);
		if (r < 0)
			return error_prefix(err, "invalid argument \"%s\" for \"--mount\" flag",
			                    v->ptr[i]);
	}
	jw_array_end(host);
	return r;
}

static bool is_device_mode(const char *s)
{
	return *s && strspn(s, "rwm") == strlen(s) && strlen(s) <= 3;
}

/* "/dev/a", "/dev/a:/dev/b", "/dev/a:rw", "/dev/a:/dev/b:rw"; a name with '=' is a CDI device. */
static int write_device(const char *spec, struct json_writer *w, struct error *err)
{
	AUTO_STRV parts = { 0 };
	struct str rest = str_from(spec), piece;
	const char *inside, *mode = "rwm";

	while (str_cut(&rest, ':', &piece))
		strv_add_n(&parts, piece.ptr, piece.len);
	if (parts.len > 3 || !*parts.ptr[0])
		return error_set(err, ERROR_INVALID, "invalid device specification: %s", spec);
	inside = parts.ptr[0];
	if (parts.len == 3) {
		if (!is_device_mode(parts.ptr[2]))
			return error_set(err, ERROR_INVALID, "invalid device mode: %s",
			                 parts.ptr[2]);
		mode = parts.ptr[2];
	}
	if (parts.len == 2 && is_device_mode(parts.ptr[1]))
		mode = parts.ptr[1];
	else if (parts.len >= 2)
		inside = parts.ptr[1];
	if (*inside != '/')
		return error_set(err, ERROR_INVALID, "%s is not an absolute path", inside);
	jw_object(w);
	jw_kv_string(w, "PathOnHost", parts.ptr[0]);
	jw_kv_string(w, "PathInContainer", inside);
	jw_kv_string(w, "CgroupPermissions", mode);
	jw_object_end(w);
	return 0;
}

/* path:number lists of the block IO limits. */
static int write_throttles(struct cli *cli, struct json_writer *w, const char *option,
                           const char *member, const char *number, bool bytes, struct error *err)
{
	const struct strv *v = opt_list(cli, option);

	if (!v->len)
		return 0;
	jw_key(w, member);
	jw_array(w);
	for (size_t i = 0; i < v->len; i++) {
		const char *colon = strrchr(v->ptr[i], ':');
		AUTO_FREE char *path = NULL;
		int64_t n = 0;

		if (!colon || v->ptr[i][0] != '/' ||
		    (bytes ? parse_size(colon + 1, &n) : parse_i64(colon + 1, &n)) < 0 || n < 0)
			return error_set(err, ERROR_INVALID,
			                 "invalid argument \"%s\" for \"--%s\" flag: the form is "
			                 "<device-path>:<number>%s",
			                 v->ptr[i], option, bytes ? "[<unit>]" : "");
		path = xstrndup(v->ptr[i], (size_t)(colon - v->ptr[i]));
		jw_object(w);
		jw_kv_string(w, "Path", path);
		jw_kv_i64(w, number, n);
		jw_object_end(w);
	}
	jw_array_end(w);
	return 0;
}

/* --gpus all | N | device=ID,…: a request to the driver "nvidia". */
static int write_gpus(struct cli *cli, struct json_writer *w, struct error *err)
{
	const struct strv *v = opt_list(cli, "gpus");

	if (!v->len)
		return 0;
	jw_key(w, "DeviceRequests");
	jw_array(w);
	for (size_t i = 0; i < v->len; i++) {
		AUTO_STRV fields = { 0 };
		const char *devices = NULL, *driver = "";
		int64_t count = -1;

		csv_split(v->ptr[i], &fields);
		for (size_t k = 0; k < fields.len; k++) {
			const char *f = fields.ptr[k];
			const char *n = str_skip_prefix(f, "count=") ? f + 6 : f;

			if (str_skip_prefix(f, "device="))
				devices = f + 7;
			else if (str_skip_prefix(f, "driver="))
				driver = f + 7;
			else if (!streq(n, "all") && parse_i64(n, &count) < 0)
				return error_set(
					err, ERROR_INVALID,
					"invalid argument \"%s\" for \"--gpus\" flag: unexpected "
					"field '%s'",
					v->ptr[i], f);
		}
		jw_object(w);
		jw_kv_string(w, "Driver", driver);
		jw_kv_i64(w, "Count", devices ? 0 : count);
		jw_key(w, "DeviceIDs");
		if (devices) {
			jw_array(w);
			jw_string(w, devices);
			jw_array_end(w);
		} else {
			jw_null(w);
		}
		jw_key(w, "Capabilities");
		jw_raw(w, STR("[[\"gpu\"]]"));
		jw_object_end(w);
	}
	jw_array_end(w);
	return 0;
}

int create_devices_write(struct cli *cli, struct json_writer *host, struct error *err)
{
	const struct strv *v = opt_list(cli, "device");

	if (v->len) {
		jw_key(host, "Devices");
		jw_array(host);
		for (size_t i = 0; i < v->len; i++)
			if (write_device(v->ptr[i], host, err) < 0)
				return error_errno(err);
		jw_array_end(host);
	}
	if (write_gpus(cli, host, err) < 0 ||
	    write_throttles(cli, host, "blkio-weight-device", "BlkioWeightDevice", "Weight", false,
	                    err) < 0 ||
	    write_throttles(cli, host, "device-read-bps", "BlkioDeviceReadBps", "Rate", true, err) <
	            0 ||
	    write_throttles(cli, host, "device-write-bps", "BlkioDeviceWriteBps", "Rate", true,
	                    err) < 0 ||
	    write_throttles(cli, host, "device-read-iops", "BlkioDeviceReadIOps", "Rate", false,
	                    err) < 0 ||
	    write_throttles(cli, host, "device-write-iops", "BlkioDeviceWriteIOps", "Rate", false,
	                    err) < 0)
		return error_errno(err);
	return 0;
}

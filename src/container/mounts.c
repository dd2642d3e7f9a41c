/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's mounts: `--volume`, `--mount`, VOLUME of the image and `--volumes-from` become
 * mount points when it is created, and entries of the runtime's list when it is started. The
 * runtime resolves destinations inside the root file system; sources on the host are the caller's
 * to name, but for volumes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "container/container-internal.h"

/* Without "..", doubled and trailing slashes. */
static char *clean_path(const char *path)
{
	AUTO_STRBUF out = { 0 };
	struct str rest = str_from(path), piece;

	while (str_cut(&rest, '/', &piece)) {
		if (!piece.len || str_eq_c(piece, "."))
			continue;
		if (str_eq_c(piece, "..")) {
			const char *slash = out.len ? strrchr(out.ptr, '/') : NULL;

			strbuf_truncate(&out, slash ? (size_t)(slash - out.ptr) : 0);
			continue;
		}
		strbuf_putc(&out, '/');
		strbuf_add_str(&out, piece);
	}
	if (!out.len)
		strbuf_putc(&out, '/');
	return strbuf_steal(&out);
}

static struct mount_point *find_point(struct container *c, const char *destination)
{
	vec_for_each (&c->info.mounts, m)
		if (streq(m->destination, destination))
			return m;
	return NULL;
}

static int check_destination(const char *destination, struct error *err)
{
	AUTO_FREE char *clean = NULL;

	if (str_empty_or_null(destination) || destination[0] != '/')
		return error_set(
			err, ERROR_INVALID,
			"invalid mount config: invalid mount path: '%s' mount path must be absolute",
			destination ? destination : "");
	clean = clean_path(destination);
	if (streq(clean, "/"))
		return error_set(
			err, ERROR_INVALID,
			"invalid volume specification: invalid mount config: destination can't be '/'");
	return 0;
}

static int add_volume(struct container *c, const char *name, const char *destination,
                      const char *mode, bool rw, const struct volume_options *o, struct error *err)
{
	struct volume_info v = { 0 };
	int r = volume_create(c->cs->volumes, name,
	                      o ? o->driver_name : c->info.host_config.volume_driver,
	                      o ? &o->driver_options : NULL, o ? &o->labels : NULL, &v, err);

	if (r < 0)
		return r;
	r = volume_reference(c->cs->volumes, v.name, c->info.id, err);
	if (r >= 0)
		mount_point_vec_push(&c->info.mounts,
		                     (struct mount_point){
					     .type = xstrdup("volume"),
					     .name = xstrdup(v.name),
					     .source = xstrdup(v.mountpoint),
					     .destination = clean_path(destination),
					     .driver = xstrdup(v.driver ? v.driver : "local"),
					     .mode = xstrdup(mode),
					     .propagation = xstrdup(""),
					     .rw = rw,
				     });
	volume_info_done(&v);
	return r;
}

static void add_bind(struct container *c, const char *source, const char *destination,
                     const char *mode, const char *propagation, bool rw)
{
	mount_point_vec_push(&c->info.mounts, (struct mount_point){
						      .type = xstrdup("bind"),
						      .source = clean_path(source),
						      .destination = clean_path(destination),
						      .mode = xstrdup(mode),
						      .propagation = xstrdup(propagation),
						      .rw = rw,
					      });
}

/* "ro,z,rslave": what the third part of a bind may be. */
static int parse_mode(const char *bind, const char *mode, bool *rw, bool *no_copy,
                      char *propagation, struct error *err)
{
	/* clang-format off */
	static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave" };
	static const char *const fine[] = { "", "rw", "z", "Z", "cached", "delegated", "consistent", "rbind" };
	/* clang-format on */
	struct str rest = str_from(mode), o;

	memcpy(propagation, "rprivate", sizeof("rprivate"));
	*rw = true;
	*no_copy = false;
	while (str_cut(&rest, ',', &o)) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
			known = known || str_eq_c(o, fine[i]);
		for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
			if (str_eq_c(o, propagations[i])) {
				snprintf(propagation, 16, "%s", propagations[i]);
				known = true;
			}
		if (str_eq_c(o, "ro"))
			*rw = false;
		else if (str_eq_c(o, "nocopy"))
			*no_copy = true;
		else if (!known)
			return error_set(err, ERROR_INVALID, "invalid mode: %s", mode);
	}
	return 0;
}

static int plan_bind(struct container *c, const char *bind, struct error *err)
{
	struct str rest = str_from(bind), source, destination;
	AUTO_FREE char *from = NULL;
	AUTO_FREE char *to = NULL;
	AUTO_FREE char *mode = NULL;
	char propagation[16];
	bool rw, no_copy;
	int r;

	if (!str_cut(&rest, ':', &source) || !rest.ptr || !str_cut(&rest, ':', &destination) ||
	    !source.len)
		return error_set(err, ERROR_INVALID, "invalid volume specification: '%s'", bind);
	from = xstrndup(source.ptr, source.len);
	to = xstrndup(destination.ptr, destination.len);
	mode = rest.ptr ? xstrndup(rest.ptr, rest.len) : xstrdup("");
	r = check_destination(to, err);
	if (r < 0)
		return error_set(
			err, ERROR_INVALID,
			"invalid volume specification: '%s': invalid mount config: invalid mount path: '%s' mount path "
			"must be absolute",
			bind, to);
	r = parse_mode(bind, mode, &rw, &no_copy, propagation, err);
	if (r < 0)
		return r;
	AUTO_FREE char *clean = clean_path(to);
	if (find_point(c, clean))
		return error_set(err, ERROR_INVALID, "Duplicate mount point: %s", clean);
	if (from[0] == '/') {
		/* as Docker: a missing source of -v is a directory to be */
		int made = mkdir_parents(AT_FDCWD, from, 0755);

		if (made < 0 && made != -EEXIST && made != -ENOTDIR)
			return error_set_errno(err, -made,
			                       "error while creating mount source path '%s'", from);
		add_bind(c, from, to, mode, propagation, rw);
		return 0;
	}
	if (!is_safe_name(from))
		return error_set(
			err, ERROR_INVALID,
			"create %s: \"%s\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use "
			"absolute path",
			from, from);
	return add_volume(c, from, to, no_copy ? "nocopy" : mode, rw, NULL, err);
}

static int plan_mount(struct container *c, const struct mount_spec *m, struct error *err)
{
	int r = check_destination(m->target, err);
	AUTO_FREE char *clean = NULL;
	struct stat st;

	if (r < 0)
		return r;
	clean = clean_path(m->target);
	if (find_point(c, clean))
		return error_set(err, ERROR_INVALID, "Duplicate mount point: %s", clean);
	if (streq_null(m->type, "tmpfs"))
		return 0; /* made at the start */
	if (streq_null(m->type, "volume")) {
		const char *mode = m->volume && m->volume->no_copy ? "nocopy" : "z";

		return add_volume(c, m->source, m->target, mode, !m->read_only, m->volume, err);
	}
	if (!streq_null(m->type, "bind"))
		return error_set(err, ERROR_INVALID,
		                 "invalid mount config: mount type unknown: \"%s\"",
		                 m->type ? m->type : "");
	if (str_empty_or_null(m->source) || m->source[0] != '/')
		return error_set(
			err, ERROR_INVALID,
			"invalid mount config for type \"bind\": invalid mount path: '%s' mount path must be absolute",
			m->source ? m->source : "");
	if (stat(m->source, &st) < 0) {
		if (!m->bind || !m->bind->create_mountpoint)
			return error_set(
				err, ERROR_INVALID,
				"invalid mount config for type \"bind\": bind source path does not exist: %s",
				m->source);
		IGNORE_RESULT(mkdir_parents(AT_FDCWD, m->source, 0755) < 0,
		              "the runtime then says so");
	}
	add_bind(c, m->source, m->target, "",
	         m->bind && !str_empty_or_null(m->bind->propagation) ? m->bind->propagation
	                                                             : "rprivate",
	         !m->read_only);
	return 0;
}

static int plan_from(struct container *c, const char *spec, struct error *err)
{
	AUTO_FREE char *name = xstrndup(spec, strcspn(spec, ":"));
	const char *mode = strchr(spec, ':');
	CLEANUP(container_unref_ptr) struct container *other = NULL;
	CLEANUP(container_info_free_ptr) struct container_info *info = NULL;
	int r = container_find(c->cs, name, &other, err);

	if (r < 0)
		return r;
	info = container_inspect(other, false);
	vec_for_each (&info->mounts, m) {
		bool rw = m->rw && !(mode && streq(mode, ":ro"));

		if (find_point(c, m->destination))
			continue;
		if (streq(m->type, "volume"))
			r = add_volume(c, m->name, m->destination, m->mode, rw, NULL, err);
		else
			add_bind(c, m->source, m->destination, m->mode, m->propagation, rw);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_tmpfs(const struct container *c, const char *destination)
{
	if (strmap_get(&c->info.host_config.tmpfs, destination))
		return true;
	vec_for_each (&c->info.host_config.mounts, m)
		if (streq_null(m->type, "tmpfs") && streq_null(m->target, destination))
			return true;
	return false;
}

int container_plan_mounts(struct container *c, const struct strv *image_volumes, struct error *err)
{
	const struct host_config *h = &c->info.host_config;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < h->binds.len; i++)
		r = plan_bind(c, h->binds.ptr[i], err);
	for (size_t i = 0; r >= 0 && i < h->mounts.len; i++)
		r = plan_mount(c, &h->mounts.ptr[i], err);
	for (size_t i = 0; r >= 0 && i < h->volumes_from.len; i++)
		r = plan_from(c, h->volumes_from.ptr[i], err);
	for (size_t i = 0; r >= 0 && i < c->info.config.volumes.len; i++) {
		AUTO_FREE char *destination = clean_path(c->info.config.volumes.ptr[i]);

		r = check_destination(destination, err);
		if (r >= 0 && !find_point(c, destination) && !is_tmpfs(c, destination))
			r = add_volume(c, NULL, destination, "", true, NULL, err);
	}
	return r;
}

static int copy_up(struct container *c, int rootfd, const struct mount_point *m, struct error *err)
{
	AUTO_CLOSE int from = -1;

	if (streq_null(m->mode, "nocopy"))
		return 0;
	from = open_in_root(rootfd, m->destination, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return from < 0 ? 0 : volume_copy_up(c->cs->volumes, m->name, from, err);
}

static const char *volume_subpath(const struct container *c, const struct mount_point *m)
{
	vec_for_each (&c->info.host_config.mounts, s)
		if (s->volume && !str_empty_or_null(s->volume->subpath) &&
		    streq_null(s->target, m->destination))
			return s->volume->subpath;
	return NULL;
}

static int volume_source(struct container *c, int rootfd, const struct mount_point *m, char **ret,
                         struct error *err)
{
	AUTO_CLOSE int dir = volume_open(c->cs->volumes, m->name, err);
	const char *subpath = volume_subpath(c, m);
	int r;

	if (dir < 0)
		return dir;
	r = copy_up(c, rootfd, m, err);
	if (r < 0)
		return r;
	*ret = subpath ? xasprintf("%s/%s", m->source, subpath) : xstrdup(m->source);
	if (subpath) {
		AUTO_CLOSE int sub = open_beneath(dir, subpath, O_PATH | O_CLOEXEC, 0);

		if (sub < 0) {
			free(*ret);
			return error_set_errno(err, -sub, "cannot use subpath %s of volume %s",
			                       subpath, m->name);
		}
	}
	return 0;
}

static bool is_recursive(const struct container *c, const struct mount_point *m)
{
	vec_for_each (&c->info.host_config.mounts, s)
		if (s->bind && s->bind->non_recursive && streq_null(s->target, m->destination))
			return false;
	return true;
}

static int add_point(struct container *c, int rootfd, const struct mount_point *m,
                     struct runtime_spec *spec, struct error *err)
{
	AUTO_FREE char *source = NULL;
	AUTO_FREE char *options = NULL;
	struct stat st;
	int r = 0;

	if (m->name)
		r = volume_source(c, rootfd, m, &source, err);
	else
		source = xstrdup(m->source);
	if (r < 0)
		return r;
	if (!m->name && stat(source, &st) < 0)
		return error_set(
			err, ERROR_INVALID,
			"invalid mount config for type \"bind\": bind source path does not exist: %s",
			source);
	options = xasprintf("%s,%s,%s", is_recursive(c, m) ? "rbind" : "bind", m->rw ? "rw" : "ro",
	                    str_empty_or_null(m->propagation) ? "rprivate" : m->propagation);
	runtime_mount_add(&spec->mounts, m->destination, "bind", source, options);
	if (m->propagation && (strstr(m->propagation, "shared") || strstr(m->propagation, "slave")))
		spec->rootfs_propagation = strstr(m->propagation, "shared") ? "rshared" : "rslave";
	return 0;
}

static void add_tmpfs(const struct container *c, struct runtime_spec *spec)
{
	const struct host_config *h = &c->info.host_config;

	vec_for_each (&h->tmpfs, t) {
		AUTO_FREE char *options =
			xasprintf("noexec,nosuid,nodev%s%s", *t->value ? "," : "", t->value);

		runtime_mount_add(&spec->mounts, t->key, "tmpfs", "tmpfs", options);
	}
	vec_for_each (&h->mounts, m) {
		AUTO_STRBUF options = { 0 };

		if (!streq_null(m->type, "tmpfs"))
			continue;
		strbuf_puts(&options, "noexec,nosuid,nodev");
		if (m->read_only)
			strbuf_puts(&options, ",ro");
		if (m->tmpfs && m->tmpfs->size_bytes > 0)
			strbuf_printf(&options, ",size=%lld", (long long)m->tmpfs->size_bytes);
		if (m->tmpfs && m->tmpfs->mode > 0)
			strbuf_printf(&options, ",mode=%o", (unsigned)m->tmpfs->mode);
		runtime_mount_add(&spec->mounts, m->target, "tmpfs", "tmpfs", options.ptr);
	}
}

static unsigned depth_of(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Parents before what is in them. */
static int by_depth(const void *a, const void *b)
{
	const struct runtime_mount *x = a, *y = b;
	unsigned dx = depth_of(x->destination), dy = depth_of(y->destination);

	return dx != dy ? (dx < dy ? -1 : 1) : strcmp(x->destination, y->destination);
}

int container_add_mounts(struct container *c, int rootfd, struct runtime_spec *spec,
                         struct error *err)
{
	size_t first = spec->mounts.len;

	vec_for_each (&c->info.mounts, m) {
		int r = add_point(c, rootfd, m, spec, err);

		if (r < 0)
			return r;
	}
	add_tmpfs(c, spec);
	if (spec->mounts.len > first)
		qsort(spec->mounts.ptr + first, spec->mounts.len - first, sizeof(*spec->mounts.ptr),
		      by_depth);
	return 0;
}

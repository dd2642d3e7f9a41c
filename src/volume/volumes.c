/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "base/time.h"
#include "json/fields.h"
#include "volume/copy.h"
#include "volume/driver.h"

static const char data_name[] = "_data";
/* Removed volumes are renamed to this before their files go; is_safe_name() forbids the dot. */
static const char trash_prefix[] = ".removed-";

struct volumes {
	pthread_mutex_t lock; /* creation, removal, mounts and first copies happen one at a time */
	char *path;
	int directory;
	struct db *db;            /* borrowed */
	struct event_bus *events; /* borrowed */
};

static const char *const migrations[] = {
	"CREATE TABLE volume(name TEXT PRIMARY KEY, driver TEXT NOT NULL, created INTEGER NOT NULL,"
	" anonymous INTEGER NOT NULL, spec TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE volume_use(volume TEXT NOT NULL REFERENCES volume(name),"
	" container TEXT NOT NULL, PRIMARY KEY(volume, container)) WITHOUT ROWID;",
	NULL,
};

static const struct json_field spec_fields[] = {
	JSON_FIELD(struct volume_info, labels, "Labels", JSON_F_STRMAP),
	JSON_FIELD(struct volume_info, options, "Options", JSON_F_STRMAP), JSON_FIELDS_END
};

void volume_info_done(struct volume_info *i)
{
	free(i->name);
	free(i->driver);
	free(i->mountpoint);
	free(i->scope);
	strmap_done(&i->labels);
	strmap_done(&i->options);
	*i = (struct volume_info){ 0 };
}

void volume_list_done(struct volume_info_vec *v)
{
	vec_for_each (v, i)
		volume_info_done(i);
	volume_info_vec_done(v);
}

/* What an engine that died left of removed volumes. */
static void empty_trash(struct volumes *v)
{
	int fd = openat(v->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir));)
		if (str_skip_prefix(e->d_name, trash_prefix) &&
		    remove_tree(v->directory, e->d_name) < 0)
			log_warning("cannot remove what is left of a volume: %s/%s", v->path,
			            e->d_name);
	closedir(dir);
}

struct volumes *volumes_new(const char *directory, struct db *db, struct event_bus *events,
                            struct error *err)
{
	static const struct db_migrations m = { .room = "volume", .sql = migrations };
	struct volumes *v;
	int fd;

	if (db_migrate(db, &m, err) < 0)
		return NULL;
	fd = open_or_make_dir(AT_FDCWD, directory, 0701, err);
	if (fd < 0)
		return NULL;
	v = NEW(struct volumes);
	pthread_mutex_init(&v->lock, NULL);
	v->path = xstrdup(directory);
	v->directory = fd;
	v->db = db;
	v->events = events;
	empty_trash(v);
	return v;
}

void volumes_close(struct volumes *v)
{
	if (!v)
		return;
	close(v->directory);
	free(v->path);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static void publish(struct volumes *v, const char *action, const char *name, const char *driver)
{
	AUTO_STRMAP attributes = { 0 };
	struct event e = { .type = "volume", .action = action, .id = name };

	strmap_set(&attributes, "driver", driver);
	e.attributes = attributes;
	event_publish(v->events, &e);
}

static int decode_spec(const char *text, struct volume_info *ret, struct error *err)
{
	static const struct json_decode_options options;
	AUTO_JSON *json = json_parse(str_from(text), err);

	if (!json)
		return error_errno(err);
	return json_fields_decode(json, spec_fields, ret, &options, err);
}

/* The row under the cursor of the query below. */
static int read_row(struct volumes *v, struct db_query *q, struct volume_info *ret,
                    struct error *err)
{
	struct volume_info i = { 0 };
	int r = decode_spec(db_text(q, 4), &i, err);

	if (r < 0)
		return error_prefix(err, "volume %s", db_text(q, 0));
	i.name = xstrdup(db_text(q, 0));
	i.driver = xstrdup(db_text(q, 1));
	i.created = db_i64(q, 2);
	i.anonymous = db_i64(q, 3);
	i.ref_count = db_i64(q, 5);
	i.scope = xstrdup("local");
	i.mountpoint = xasprintf("%s/%s/%s", v->path, i.name, data_name);
	*ret = i;
	return 0;
}

#define SELECT_VOLUME                                                                              \
	"SELECT name, driver, created, anonymous, spec,"                                           \
	" (SELECT count(*) FROM volume_use WHERE volume = name)"                                   \
	" FROM volume"

/* 1 found, 0 not. */
static int find(struct volumes *v, const char *name, struct volume_info *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(v->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (!c)
		return error_errno(err);
	q = db_query(c, err, SELECT_VOLUME " WHERE name = ?", "s", name);
	if (!q)
		return error_errno(err);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	r = read_row(v, q, ret, err);
	return r < 0 ? r : 1;
}

int volume_inspect(struct volumes *v, const char *name, struct volume_info *ret, struct error *err)
{
	int r = find(v, name, ret, err);

	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "get %s: no such volume", name);
	return r < 0 ? r : 0;
}

int volume_list(struct volumes *v, struct volume_info_vec *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(v->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	struct volume_info_vec all = { 0 };
	int r;

	if (!c)
		return error_errno(err);
	q = db_query(c, err, SELECT_VOLUME " ORDER BY name", "");
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0) {
		struct volume_info i;

		r = read_row(v, q, &i, err);
		if (r < 0)
			break;
		volume_info_vec_push(&all, i);
	}
	if (r < 0) {
		volume_list_done(&all);
		return r;
	}
	*ret = all;
	return 0;
}

static int check_name(const char *name, struct error *err)
{
	if (is_safe_name(name) && strlen(name) > 1)
		return 0;
	if (strlen(name) == 1 && is_safe_name(name))
		return error_set(
			err, ERROR_INVALID,
			"create %s: volume name is too short, names should be at least two "
			"alphanumeric characters",
			name);
	return error_set(
		err, ERROR_INVALID,
		"create %s: \"%s\" includes invalid characters for a local volume name, only "
		"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
		"directory, use absolute path",
		name, name);
}

/* Renames the volume's directory away and removes it. A missing one is fine. */
static void discard(struct volumes *v, const char *name)
{
	char random[17], trash[64];

	random_hex(random, 8);
	snprintf(trash, sizeof(trash), "%s%s", trash_prefix, random);
	if (renameat(v->directory, name, v->directory, trash) == 0 &&
	    remove_tree(v->directory, trash) < 0)
		log_warning("cannot remove the files of volume %s, the next start tries again",
		            name);
}

static int make_directory(struct volumes *v, const char *name, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", name, data_name);
	int r;

	discard(v, name); /* without a row, what is there belonged to a removed volume */
	/* the volume's own directory keeps other users out; what is inside is the container's */
	if (mkdirat(v->directory, name, 0701) < 0)
		return error_set_errno(err, errno, "cannot make the directory of volume %s", name);
	if (mkdirat(v->directory, path, 0755) < 0)
		return error_set_errno(err, errno, "cannot make the directory of volume %s", name);
	r = fsync_dir(v->directory, name);
	if (r >= 0)
		r = fsync_dir(v->directory, ".");
	return r < 0 ? error_set_errno(err, -r, "cannot sync the directory of volume %s", name) : 0;
}

static int add_row(struct volumes *v, const struct volume_info *i, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(v->db, DB_DURABLE, err);
	AUTO_STRBUF spec = { 0 };
	struct json_writer w;
	int r;

	if (!tx)
		return error_errno(err);
	json_writer_init(&w, &spec);
	json_fields_encode(&w, spec_fields, i);
	r = db_exec(tx->conn, err,
	            "INSERT INTO volume(name, driver, created, anonymous, spec) VALUES(?,?,?,?,?)",
	            "ssiis", i->name, i->driver, i->created, (int64_t)i->anonymous,
	            strbuf_cstr(&spec));
	if (r < 0)
		return r;
	return db_commit(&tx, err);
}

static int create(struct volumes *v, struct volume_info *i, struct error *err)
{
	int r = driver_check(&i->options, err);

	if (r < 0)
		return error_prefix(err, "create %s", i->name);
	r = make_directory(v, i->name, err);
	if (r < 0)
		return r;
	r = add_row(v, i, err);
	if (r < 0)
		return r;
	publish(v, "create", i->name, i->driver);
	return 0;
}

int volume_create(struct volumes *v, const char *name, const char *driver,
                  const struct strmap *options, const struct strmap *labels,
                  struct volume_info *ret, struct error *err)
{
	CLEANUP(volume_info_done) struct volume_info i = { .created = time_now() };
	char random[65];
	int r;

	i.anonymous = str_empty_or_null(name);
	if (i.anonymous) {
		random_hex(random, 32);
		name = random;
	}
	driver = str_empty_or_null(driver) ? "local" : driver;
	r = check_name(name, err);
	if (r < 0)
		return r;
	if (!streq(driver, "local"))
		return error_set(err, ERROR_NOT_FOUND,
		                 "error looking up volume plugin %s: plugin \"%s\" not found",
		                 driver, driver);
	i.name = xstrdup(name);
	i.driver = xstrdup(driver);
	if (options)
		strmap_copy(&i.options, options);
	if (labels)
		strmap_copy(&i.labels, labels);
	WITH_LOCK(&v->lock);
	r = find(v, name, ret, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = create(v, &i, err);
	if (r < 0)
		return r;
	return volume_inspect(v, name, ret, err);
}

static int check_unused(struct volumes *v, const char *name, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(v->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	AUTO_STRBUF users = { 0 };
	int r;

	if (!c)
		return error_errno(err);
	q = db_query(c, err, "SELECT container FROM volume_use WHERE volume = ?", "s", name);
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0)
		strbuf_printf(&users, "%s%s", users.len ? ", " : "", db_text(q, 0));
	if (r < 0)
		return r;
	if (users.len)
		return error_set(err, ERROR_CONFLICT, "remove %s: volume is in use - [%s]", name,
		                 users.ptr);
	return 0;
}

static int remove_row(struct volumes *v, const char *name, struct error *err)
{
	return db_run(v->db, DB_DURABLE, NULL, err, "DELETE FROM volume WHERE name = ?", "s", name);
}

int volume_remove(struct volumes *v, const char *name, bool force, struct error *err)
{
	CLEANUP(volume_info_done) struct volume_info i = { 0 };
	int r;

	WITH_LOCK(&v->lock);
	r = find(v, name, &i, err);
	if (r < 0)
		return r;
	if (r == 0)
		return force ? 0 : error_set(err, ERROR_NOT_FOUND, "get %s: no such volume", name);
	r = check_unused(v, name, err);
	if (r < 0)
		return r;
	driver_unmount(i.mountpoint);
	/* the row goes first: files without a name are swept up when the name is used again */
	r = remove_row(v, name, err);
	if (r < 0)
		return r;
	discard(v, name);
	publish(v, "destroy", name, i.driver);
	return 0;
}

int volume_reference(struct volumes *v, const char *name, const char *container_id,
                     struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(v->db, DB_DURABLE, err);
	int64_t one;
	int r;

	if (!tx)
		return error_errno(err);
	r = db_get_i64(tx->conn, &one, err, "SELECT 1 FROM volume WHERE name = ?", "s", name);
	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "get %s: no such volume", name);
	if (r > 0)
		r = db_exec(tx->conn, err,
		            "INSERT OR IGNORE INTO volume_use(volume, container) VALUES(?,?)", "ss",
		            name, container_id);
	if (r < 0)
		return r;
	return db_commit(&tx, err);
}

static int drop_use(struct volumes *v, const char *name, const char *container_id,
                    struct error *err)
{
	return db_run(v->db, DB_DURABLE, NULL, err,
	              "DELETE FROM volume_use WHERE volume = ? AND container = ?", "ss", name,
	              container_id);
}

int volume_unreference(struct volumes *v, const char *name, const char *container_id,
                       struct error *err)
{
	CLEANUP(volume_info_done) struct volume_info i = { 0 };
	int r;

	WITH_LOCK(&v->lock);
	r = drop_use(v, name, container_id, err);
	if (r < 0)
		return r;
	r = find(v, name, &i, err);
	if (r > 0 && i.ref_count == 0 && driver_mounts(&i.options))
		driver_unmount(i.mountpoint);
	return r < 0 ? r : 0;
}

static int open_data(struct volumes *v, const char *name, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", name, data_name);
	int fd = openat(v->directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open volume %s", name);
	return fd;
}

static int open_volume(struct volumes *v, const char *name, struct error *err)
{
	CLEANUP(volume_info_done) struct volume_info i = { 0 };
	AUTO_CLOSE int below = -1;
	int r = volume_inspect(v, name, &i, err);

	if (r < 0)
		return r;
	below = open_data(v, name, err);
	if (below < 0 || !driver_mounts(&i.options))
		return TAKE_FD(below);
	r = driver_mount(below, &i.options, err);
	if (r < 0)
		return error_prefix(err, "volume %s", name);
	return open_data(v, name, err); /* now what is mounted there */
}

int volume_open(struct volumes *v, const char *name, struct error *err)
{
	WITH_LOCK(&v->lock);
	return open_volume(v, name, err);
}

static void empty(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir));)
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			IGNORE_RESULT(remove_tree(directory, e->d_name) < 0,
			              "the copy's own error is the one to tell");
	closedir(dir);
}

int volume_copy_up(struct volumes *v, const char *name, int from, struct error *err)
{
	AUTO_CLOSE int to = -1;
	int r;

	WITH_LOCK(&v->lock);
	to = open_volume(v, name, err);
	if (to < 0)
		return to;
	r = dir_is_empty(to, err);
	if (r <= 0)
		return r;
	r = copy_tree(from, to, err);
	if (r < 0) {
		empty(to); /* or the next container would take half of it for all */
		return error_prefix(err, "cannot fill volume %s from the image", name);
	}
	return 0;
}

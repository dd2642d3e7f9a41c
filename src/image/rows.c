/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image-internal.h"

#include "base/alloc.h"
#include "base/fs.h"

static const char *const migrations[] = {
	"CREATE TABLE image("
	" id TEXT PRIMARY KEY, config BLOB NOT NULL, manifest BLOB, manifest_digest TEXT,"
	" manifest_type TEXT, chain_id TEXT, parent TEXT, size INTEGER NOT NULL,"
	" created_local INTEGER NOT NULL, last_tagged INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX image_by_parent ON image(parent);"
	"CREATE TABLE image_tag("
	" name TEXT NOT NULL, tag TEXT NOT NULL, image TEXT NOT NULL REFERENCES image(id),"
	" PRIMARY KEY(name, tag)) WITHOUT ROWID;"
	"CREATE INDEX image_tag_by_image ON image_tag(image);"
	"CREATE TABLE image_digest("
	" name TEXT NOT NULL, digest TEXT NOT NULL, image TEXT NOT NULL REFERENCES image(id),"
	" PRIMARY KEY(name, digest)) WITHOUT ROWID;"
	"CREATE INDEX image_digest_by_image ON image_digest(image);"
	"CREATE TABLE image_layer("
	" image TEXT NOT NULL REFERENCES image(id), position INTEGER NOT NULL, diff_id TEXT NOT NULL,"
	" chain_id TEXT NOT NULL, PRIMARY KEY(image, position)) WITHOUT ROWID;"
	"CREATE INDEX image_layer_by_chain ON image_layer(chain_id);"
	"CREATE INDEX image_layer_by_diff ON image_layer(diff_id);"
	"CREATE TABLE image_layer_blob("
	" diff_id TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, media_type TEXT NOT NULL,"
	" PRIMARY KEY(diff_id, digest)) WITHOUT ROWID;"
	"CREATE INDEX image_layer_blob_by_digest ON image_layer_blob(digest);"
	"CREATE TABLE image_origin("
	" digest TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(digest, name)) WITHOUT ROWID;"
	"CREATE TABLE image_blob("
	" image TEXT NOT NULL REFERENCES image(id), digest TEXT NOT NULL,"
	" PRIMARY KEY(image, digest)) WITHOUT ROWID;"
	"CREATE INDEX image_blob_by_digest ON image_blob(digest);",
	NULL,
};

const struct db_migrations image_migrations = { .room = "image", .sql = migrations };

const char image_content_referenced_sql[] =
	"(EXISTS (SELECT 1 FROM image_layer_blob b JOIN image_layer l ON l.diff_id = b.diff_id"
	" WHERE b.digest = blob.digest)"
	" OR EXISTS (SELECT 1 FROM image_blob b WHERE b.digest = blob.digest))";

const char image_layer_referenced_sql[] =
	"EXISTS (SELECT 1 FROM image_layer l WHERE l.chain_id = layer.chain_id)";

struct image_store *image_store_open(struct db *db, struct content_store *content,
                                     struct snapshot_store *snapshots,
                                     const struct remote_config *remote, struct event_bus *events,
                                     struct error *err)
{
	enum { DOWNLOADS_DEFAULT = 3, UPLOADS_DEFAULT = 5 };

	if (db_migrate(db, &image_migrations, err) < 0)
		return NULL;
	struct image_store *s = NEW(struct image_store);
	s->db = db;
	s->content = content;
	s->snapshots = snapshots;
	s->events = events;
	s->remote = *remote;
	s->shared = remote_shared_new();
	if (!s->remote.shared)
		s->remote.shared = s->shared;
	s->max_downloads = DOWNLOADS_DEFAULT;
	s->max_uploads = UPLOADS_DEFAULT;
	flights_init(&s->flights);
	return s;
}

void image_store_close(struct image_store *s)
{
	if (!s)
		return;
	flights_done(&s->flights);
	remote_shared_free(s->shared);
	free(s);
}

void image_store_set_concurrency(struct image_store *s, unsigned downloads, unsigned uploads)
{
	if (downloads)
		s->max_downloads = downloads;
	if (uploads)
		s->max_uploads = uploads;
}

const struct remote_config *image_store_remote(struct image_store *s)
{
	return &s->remote;
}

void image_free(struct image *i)
{
	if (!i)
		return;
	free(i->manifest_media_type);
	image_config_done(&i->config);
	strv_done(&i->repo_tags);
	strv_done(&i->repo_digests);
	free(i);
}

static int read_digest(const char *text, struct digest *ret, struct error *err)
{
	if (!text)
		return 0;
	if (digest_parse(str_from(text), ret) < 0)
		return error_set(err, ERROR_INTERNAL, "image table: \"%.100s\" is not a digest",
		                 text);
	return 0;
}

static int read_image(struct db_conn *c, const char *id, struct image *i, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err,
		"SELECT id, config, manifest_digest, manifest_type, chain_id, parent, size,"
		" created_local, last_tagged FROM image WHERE id = ?",
		"s", id);
	int r = q ? db_step(q, err) : error_errno(err);
	if (r <= 0)
		return r;
	r = image_config_parse(db_blob(q, 1), &i->config, err);
	if (r < 0)
		return error_prefix(err, "configuration of image %s", id);
	struct digest *const digests[] = { &i->id, &i->manifest_digest, &i->chain_id, &i->parent };
	static const int columns[] = { 0, 2, 4, 5 };
	for (size_t n = 0; n < ARRAY_SIZE(digests); n++) {
		r = read_digest(db_text(q, columns[n]), digests[n], err);
		if (r < 0)
			return r;
	}
	i->manifest_media_type = xstrdup_null(db_text(q, 3));
	i->size = db_i64(q, 6);
	i->created_local = db_i64(q, 7);
	i->last_tagged = db_i64(q, 8);
	return 1;
}

/* What people call the name that the table has: "docker.io/library/ubuntu" is "ubuntu". Owned. */
static char *familiar(const char *name)
{
	AUTO_REFERENCE ref = { 0 };
	struct error ignored;

	if (reference_parse(name, &ref, &ignored) < 0)
		return xstrdup(name);
	return reference_familiar_name(&ref);
}

static int add_names(struct db_query *q, char separator, struct strv *ret, struct error *err)
{
	int r;

	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0) {
		AUTO_FREE char *name = familiar(db_text(q, 0));
		strv_printf(ret, "%s%c%s", name, separator, db_text(q, 1));
	}
	strv_sort(ret);
	return r;
}

static int read_names(struct db_conn *c, const char *id, struct image *i, struct error *err)
{
	AUTO_DB_QUERY struct db_query *tags =
		db_query(c, err, "SELECT name, tag FROM image_tag WHERE image = ?", "s", id);
	int r = add_names(tags, ':', &i->repo_tags, err);
	if (r < 0)
		return r;
	AUTO_DB_QUERY struct db_query *digests =
		db_query(c, err, "SELECT name, digest FROM image_digest WHERE image = ?", "s", id);
	return add_names(digests, '@', &i->repo_digests, err);
}

static int load_from(struct db_conn *c, const char *id, struct image **ret, struct error *err)
{
	CLEANUP(image_free_ptr) struct image *i = NEW(struct image);
	int r = read_image(c, id, i, err);
	if (r <= 0)
		return r;
	r = read_names(c, id, i, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(i);
	return 1;
}

int image_load_row(struct image_store *s, const char *id, struct image **ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	return c ? load_from(c, id, ret, err) : error_errno(err);
}

void image_list_done(struct image_ptr_vec *v)
{
	vec_for_each (v, i)
		image_free(*i);
	image_ptr_vec_done(v);
}

static int all_ids(struct db_conn *c, struct strv *ret, struct error *err)
{
	int r;
	AUTO_DB_QUERY struct db_query *q = db_query(c, err, "SELECT id FROM image", "");
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0)
		strv_add(ret, db_text(q, 0));
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;
	return (x->config.created < y->config.created) - (x->config.created > y->config.created);
}

int image_list(struct image_store *s, struct image_ptr_vec *ret, struct error *err)
{
	AUTO_STRV ids = { 0 };
	CLEANUP(image_list_done) struct image_ptr_vec v = { 0 };
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	int r = all_ids(c, &ids, err);
	for (size_t n = 0; r >= 0 && n < ids.len; n++) {
		struct image *i;
		r = load_from(c, ids.ptr[n], &i, err);
		/* 0: it has gone since */
		if (r > 0)
			image_ptr_vec_push(&v, i);
	}
	if (r < 0)
		return r;
	if (v.len)
		qsort(v.ptr, v.len, sizeof(*v.ptr), newest_first);
	*ret = v;
	v = (struct image_ptr_vec){ 0 };
	return 0;
}

int image_config_bytes(struct image_store *s, const struct digest *id, struct strbuf *ret,
                       struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	AUTO_DB_QUERY struct db_query *q = db_query(c, err, "SELECT config FROM image WHERE id = ?",
	                                            "s", digest_format(id, text));
	int r = q ? db_step(q, err) : error_errno(err);
	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "No such image: %s", text);
	if (r > 0)
		strbuf_add_str(ret, db_blob(q, 0));
	return r < 0 ? r : 0;
}

int image_manifest_bytes(struct image_store *s, const struct digest *id, struct strbuf *ret,
                         struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err, "SELECT manifest FROM image WHERE id = ? AND manifest IS NOT NULL",
	                 "s", digest_format(id, text));
	int r = q ? db_step(q, err) : error_errno(err);
	if (r > 0)
		strbuf_add_str(ret, db_blob(q, 0));
	return r;
}

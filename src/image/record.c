/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction that makes an image known. It comes last: what it names is on disk already. */
#include "image/image-internal.h"

#include "base/alloc.h"
#include "base/time.h"

void image_event(struct image_store *s, const char *action, const char *id, const char *name)
{
	struct event e = { .type = "image", .action = action, .id = id };

	if (name)
		strmap_set(&e.attributes, "name", name);
	event_publish(s->events, &e);
	strmap_done(&e.attributes);
}

/* The sum of the layers' sizes; all must be there. Extends their leases until the rows keep them.
 */
static int layers_size(struct image_store *s, const struct image_config *c, int64_t *ret,
                       struct error *err)
{
	*ret = 0;
	for (size_t n = 1; n <= c->diff_ids.len; n++) {
		char text[DIGEST_TEXT_MAX];
		struct digest chain;
		int64_t size = 0;

		image_chain_id(c->diff_ids.ptr, n, &chain);
		int r = layer_exists(s->snapshots, &chain, &size, err);
		if (r < 0)
			return r;
		if (r == 0)
			return error_set(err, ERROR_NOT_FOUND,
			                 "layer %s (of %zu) is not in the store",
			                 digest_format(&chain, text), c->diff_ids.len);
		*ret += size;
	}
	return 0;
}

static int insert_image(struct db_conn *c, const struct image_record *r, int64_t size,
                        struct error *err)
{
	char id[DIGEST_TEXT_MAX], manifest[DIGEST_TEXT_MAX], chain[DIGEST_TEXT_MAX],
		parent[DIGEST_TEXT_MAX];
	const struct digest_vec *diffs = &r->parsed->diff_ids;
	struct digest top;

	if (diffs->len)
		image_chain_id(diffs->ptr, diffs->len, &top);
	int rc = db_exec(
		c, err,
		"INSERT OR IGNORE INTO image(id, config, chain_id, parent, size, created_local,"
		" last_tagged) VALUES(?,?,?,?,?,?,0)",
		"sbssii", digest_format(&r->id, id), r->config,
		diffs->len ? digest_format(&top, chain) : NULL,
		r->parent && digest_is_set(r->parent) ? digest_format(r->parent, parent) : NULL,
		size, time_now());
	if (rc < 0 || !r->manifest.len)
		return rc;
	return db_exec(
		c, err,
		"UPDATE image SET manifest = ?, manifest_digest = ?, manifest_type = ? WHERE id = ?",
		"bsss", r->manifest, digest_format(r->manifest_digest, manifest),
		r->manifest_media_type, id);
}

int image_add_archive(struct db_conn *c, const struct digest *diff_id,
                      const struct image_archive *a, struct error *err)
{
	char diff[DIGEST_TEXT_MAX], digest[DIGEST_TEXT_MAX];

	digest_format(&a->digest, digest);
	int r = db_exec(c, err,
	                "INSERT OR IGNORE INTO image_layer_blob(diff_id, digest, size, media_type)"
	                " VALUES(?,?,?,?)",
	                "ssis", digest_format(diff_id, diff), digest, a->size, a->media_type);
	if (r < 0 || !a->origin)
		return r;
	return db_exec(c, err, "INSERT OR IGNORE INTO image_origin(digest, name) VALUES(?,?)", "ss",
	               digest, a->origin);
}

static int insert_layers(struct db_conn *c, const struct image_record *r, const char *id,
                         struct error *err)
{
	const struct digest_vec *diffs = &r->parsed->diff_ids;

	for (size_t n = 0; n < diffs->len; n++) {
		char diff[DIGEST_TEXT_MAX], text[DIGEST_TEXT_MAX];
		struct digest chain;

		image_chain_id(diffs->ptr, n + 1, &chain);
		int rc = db_exec(
			c, err,
			"INSERT OR IGNORE INTO image_layer(image, position, diff_id, chain_id)"
			" VALUES(?,?,?,?)",
			"siss", id, (int64_t)n, digest_format(&diffs->ptr[n], diff),
			digest_format(&chain, text));
		if (rc >= 0 && r->archives && r->archives[n].media_type)
			rc = image_add_archive(c, &diffs->ptr[n], &r->archives[n], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int image_note_digest(struct db_conn *c, const char *name, const struct digest *d,
                      const struct digest *id, struct error *err)
{
	char digest[DIGEST_TEXT_MAX], image[DIGEST_TEXT_MAX];

	return db_exec(c, err,
	               "INSERT OR REPLACE INTO image_digest(name, digest, image) VALUES(?,?,?)",
	               "sss", name, digest_format(d, digest), digest_format(id, image));
}

/* 1 when the tag is new or moved. */
static int set_tag(struct db_conn *c, const struct reference *ref, const char *id,
                   struct error *err)
{
	AUTO_FREE char *name = reference_full_name(ref);
	const char *tag = ref->tag ? ref->tag : "latest";
	int64_t same;
	int r = db_get_i64(c, &same, err,
	                   "SELECT 1 FROM image_tag WHERE name = ? AND tag = ? AND image = ?",
	                   "sss", name, tag, id);
	if (r != 0)
		return r < 0 ? r : 0;
	r = db_exec(c, err, "INSERT OR REPLACE INTO image_tag(name, tag, image) VALUES(?,?,?)",
	            "sss", name, tag, id);
	if (r >= 0)
		r = db_exec(c, err, "UPDATE image SET last_tagged = ? WHERE id = ?", "is",
		            time_now(), id);
	return r < 0 ? r : 1;
}

static int insert_names(struct db_conn *c, const struct image_record *r, const char *id,
                        struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	int64_t known = 0;
	int changed = 0;

	if (r->digest_name) {
		int rc = db_get_i64(
			c, &known, err,
			"SELECT 1 FROM image_digest WHERE name = ? AND digest = ? AND image = ?",
			"sss", r->digest_name, digest_format(r->digest, text), id);
		if (rc >= 0)
			rc = image_note_digest(c, r->digest_name, r->digest, &r->id, err);
		if (rc < 0)
			return rc;
		changed = !known;
	}
	if (r->kept_blob) {
		int rc = db_exec(c, err,
		                 "INSERT OR IGNORE INTO image_blob(image, digest) VALUES(?,?)",
		                 "ss", id, digest_format(r->kept_blob, text));
		if (rc < 0)
			return rc;
	}
	return r->tag ? set_tag(c, r->tag, id, err) : changed;
}

int image_record(struct image_store *s, const struct image_record *r, struct error *err)
{
	char id[DIGEST_TEXT_MAX];
	int64_t size;

	digest_format(&r->id, id);
	int rc = layers_size(s, r->parsed, &size, err);
	if (rc < 0)
		return error_prefix(err, "image %s", id);
	/* One sync for all layers and blobs; what is durable already costs nothing. */
	rc = content_sync(s->content, err);
	if (rc >= 0)
		rc = snapshot_sync(s->snapshots, err);
	if (rc < 0)
		return rc;
	AUTO_DB_TX struct db_tx *tx = db_begin(s->db, DB_DURABLE, err);
	if (!tx)
		return error_errno(err);
	rc = insert_image(tx->conn, r, size, err);
	if (rc < 0)
		return rc;
	rc = insert_layers(tx->conn, r, id, err);
	if (rc < 0)
		return rc;
	int changed = insert_names(tx->conn, r, id, err);
	if (changed < 0)
		return changed;
	rc = db_commit(&tx, err);
	return rc < 0 ? rc : changed;
}

int image_create(struct image_store *s, const struct image_config *config,
                 const struct digest *parent, const struct reference *tag, struct digest *ret_id,
                 struct error *err)
{
	AUTO_STRBUF bytes = { 0 };
	struct image_record record = { .parsed = config, .parent = parent, .tag = tag };

	image_config_encode(&bytes, config);
	record.config = strbuf_str(&bytes);
	digest_of(DIGEST_SHA256, bytes.ptr, bytes.len, &record.id);
	int r = image_record(s, &record, err);
	if (r < 0)
		return r;
	if (tag) {
		char id[DIGEST_TEXT_MAX];
		AUTO_REFERENCE ref = { 0 };
		reference_copy(tag, &ref);
		reference_default_tag(&ref);
		AUTO_FREE char *name = reference_familiar(&ref);
		image_event(s, "tag", digest_format(&record.id, id), name);
	}
	*ret_id = record.id;
	return 0;
}

int image_tag(struct image_store *s, const char *name, const struct reference *to,
              struct error *err)
{
	char id[DIGEST_TEXT_MAX];
	CLEANUP(image_free_ptr) struct image *i = NULL;
	AUTO_REFERENCE ref = { 0 };

	if (digest_is_set(&to->digest))
		return error_set(err, ERROR_INVALID,
		                 "refusing to create a tag with a digest reference");
	int r = image_get(s, name, &i, err);
	if (r < 0)
		return r;
	reference_copy(to, &ref);
	reference_default_tag(&ref);
	digest_format(&i->id, id);
	AUTO_DB_TX struct db_tx *tx = db_begin(s->db, DB_DURABLE, err);
	if (!tx)
		return error_errno(err);
	r = set_tag(tx->conn, &ref, id, err);
	if (r >= 0)
		r = db_commit(&tx, err);
	if (r < 0)
		return r;
	AUTO_FREE char *familiar = reference_familiar(&ref);
	image_event(s, "tag", id, familiar);
	return 0;
}

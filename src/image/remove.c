/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing, by Docker's rules. A name that isn't the last one is only untagged. With the last
 * name, or by id, the image goes, unless children or containers need it: hard conflicts (children,
 * running containers) can't be forced, soft ones (several names, stopped containers) can.
 * Everything happens in one transaction; layers and blobs that nothing names any more are left to
 * the collectors.
 */
#include "image/image-internal.h"

#include <stdio.h>

#include "base/alloc.h"

struct removal {
	struct image_store *store;
	struct db_conn *c; /* the transaction's */
	image_in_use_fn in_use;
	void *ctx;
	bool force, prune;
	struct image_removed *ret;
	struct strv events; /* "untag <id>", "delete <id>": published after the commit */
};

/* A name of an image. */
struct name {
	char *full; /* "docker.io/library/ubuntu" */
	char *tag;  /* or digest text, when by_digest */
	bool by_digest;
};

DEFINE_VEC(name_vec, struct name);

static void names_done(struct name_vec *v)
{
	vec_for_each (v, n) {
		free(n->full);
		free(n->tag);
	}
	name_vec_done(v);
}

#define AUTO_NAMES CLEANUP(names_done) struct name_vec

static int add_names(struct db_query *q, bool by_digest, struct name_vec *ret, struct error *err)
{
	int r;

	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0)
		name_vec_push(ret, (struct name){ xstrdup(db_text(q, 0)), xstrdup(db_text(q, 1)),
		                                  by_digest });
	return r;
}

static int list_names(struct removal *m, const char *id, struct name_vec *ret, struct error *err)
{
	AUTO_DB_QUERY struct db_query *tags =
		db_query(m->c, err, "SELECT name, tag FROM image_tag WHERE image = ? ORDER BY 1, 2",
	                 "s", id);
	int r = add_names(tags, false, ret, err);
	if (r < 0)
		return r;
	AUTO_DB_QUERY struct db_query *digests = db_query(
		m->c, err, "SELECT name, digest FROM image_digest WHERE image = ? ORDER BY 1, 2",
		"s", id);
	return add_names(digests, true, ret, err);
}

/* At most one tag, and all names in one repository. */
static bool is_single(const struct name_vec *v)
{
	const struct name *tag = NULL;

	if (v->len <= 1)
		return true;
	for (size_t i = 0; i < v->len; i++) {
		if (v->ptr[i].by_digest)
			continue;
		if (tag)
			return false;
		tag = &v->ptr[i];
	}
	const struct name *first = tag ? tag : &v->ptr[0];
	for (size_t i = 0; i < v->len; i++) {
		if (!streq(v->ptr[i].full, first->full))
			return false;
	}
	return true;
}

static char *familiar_name(const struct name *n)
{
	AUTO_REFERENCE ref = { 0 };
	struct error ignored;

	if (reference_parse(n->full, &ref, &ignored) < 0)
		return xasprintf("%s%c%s", n->full, n->by_digest ? '@' : ':', n->tag);
	AUTO_FREE char *name = reference_familiar_name(&ref);
	return xasprintf("%s%c%s", name, n->by_digest ? '@' : ':', n->tag);
}

static int untag(struct removal *m, const char *id, const struct name *n, struct error *err)
{
	int r = n->by_digest
	                ? db_exec(m->c, err,
	                          "DELETE FROM image_digest WHERE name = ? AND digest = ?", "ss",
	                          n->full, n->tag)
	                : db_exec(m->c, err, "DELETE FROM image_tag WHERE name = ? AND tag = ?",
	                          "ss", n->full, n->tag);
	if (r < 0)
		return r;
	strv_take(&m->ret->untagged, familiar_name(n));
	strv_printf(&m->events, "untag %s", id);
	return 0;
}

enum conflicts {
	CONFLICT_CHILD = 1 << 0,
	CONFLICT_RUNNING = 1 << 1,
	CONFLICT_NAMES = 1 << 2,
	CONFLICT_STOPPED = 1 << 3,
	CONFLICTS_HARD = CONFLICT_CHILD | CONFLICT_RUNNING,
	CONFLICTS_SOFT = CONFLICT_NAMES | CONFLICT_STOPPED,
};

static int conflict(const struct digest *id, bool hard, const char *why, struct error *err)
{
	char text[SHORT_ID_MAX];
	return error_set(err, ERROR_CONFLICT, "conflict: unable to delete %s (%s) - %s",
	                 short_id(id, text), hard ? "cannot be forced" : "must be forced", why);
}

/* 0 free, 1 stopped containers, 2 running ones; *ret_container is cut to twelve digits. */
static int usage(struct removal *m, const struct digest *id, char **ret_container)
{
	char *container = NULL;
	int r = m->in_use ? m->in_use(m->ctx, id, &container) : 0;

	*ret_container = container ? xstrndup(container, 12) : xstrdup("");
	free(container);
	return r;
}

/* 0 when nothing of the mask is in the way; else the conflict as an error. */
static int check_conflicts(struct removal *m, const struct digest *id, unsigned mask,
                           struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	int64_t one;
	AUTO_FREE char *container = NULL;
	AUTO_NAMES names = { 0 };

	digest_format(id, text);
	int r = db_get_i64(m->c, &one, err, "SELECT 1 FROM image WHERE parent = ?", "s", text);
	if (r < 0)
		return r;
	if (r > 0 && mask & CONFLICT_CHILD)
		return conflict(id, true, "image has dependent child images", err);
	int use = usage(m, id, &container);
	if (use == 2 && mask & CONFLICT_RUNNING) {
		AUTO_FREE char *why =
			xasprintf("image is being used by running container %s", container);
		return conflict(id, true, why, err);
	}
	r = list_names(m, text, &names, err);
	if (r < 0)
		return r;
	if (names.len && mask & CONFLICT_NAMES)
		return conflict(id, false, "image is referenced in multiple repositories", err);
	if (use == 1 && mask & CONFLICT_STOPPED) {
		AUTO_FREE char *why =
			xasprintf("image is being used by stopped container %s", container);
		return conflict(id, false, why, err);
	}
	return 0;
}

/* The chains that only this image has, for the answer: topmost first. */
static int list_own_chains(struct removal *m, const char *id, struct strv *ret, struct error *err)
{
	int r;
	AUTO_DB_QUERY struct db_query *q = db_query(
		m->c, err,
		"SELECT chain_id FROM image_layer l WHERE image = ? AND NOT EXISTS"
		" (SELECT 1 FROM image_layer o WHERE o.chain_id = l.chain_id AND o.image <> l.image)"
		" ORDER BY position DESC",
		"s", id);
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0)
		strv_add(ret, db_text(q, 0));
	return r;
}

static int delete_rows(struct removal *m, const char *id, struct error *err)
{
	int r = db_exec(m->c, err, "DELETE FROM image_layer WHERE image = ?", "s", id);
	if (r >= 0)
		r = db_exec(m->c, err, "DELETE FROM image_blob WHERE image = ?", "s", id);
	if (r >= 0)
		r = db_exec(m->c, err, "DELETE FROM image WHERE id = ?", "s", id);
	if (r >= 0)
		r = db_exec(
			m->c, err,
			"DELETE FROM image_layer_blob WHERE NOT EXISTS (SELECT 1 FROM image_layer l"
			" WHERE l.diff_id = image_layer_blob.diff_id)",
			"");
	if (r >= 0)
		r = db_exec(
			m->c, err,
			"DELETE FROM image_origin WHERE NOT EXISTS (SELECT 1 FROM image_layer_blob b"
			" WHERE b.digest = image_origin.digest)",
			"");
	return r < 0 ? r : 0;
}

static int read_parent(struct removal *m, const char *id, struct digest *ret, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = db_query(
		m->c, err, "SELECT parent FROM image WHERE id = ? AND parent IS NOT NULL", "s", id);
	int r = q ? db_step(q, err) : error_errno(err);
	if (r > 0 && digest_parse(str_from(db_text(q, 0)), ret) < 0)
		return 0;
	return r;
}

/* Deletes one image without conflicts, with all its names. */
static int delete_image(struct removal *m, const char *id, struct error *err)
{
	AUTO_NAMES names = { 0 };
	AUTO_STRV chains = { 0 };
	int r = list_names(m, id, &names, err);

	for (size_t i = 0; r >= 0 && i < names.len; i++)
		r = untag(m, id, &names.ptr[i], err);
	if (r >= 0)
		r = list_own_chains(m, id, &chains, err);
	if (r >= 0)
		r = delete_rows(m, id, err);
	if (r < 0)
		return r;
	strv_add(&m->ret->deleted, id);
	strv_copy(&m->ret->deleted, &chains);
	strv_printf(&m->events, "delete %s", id);
	return 0;
}

/* The image, then its ancestors that nothing holds. quiet: conflicts end it without an error. */
static int delete_chain(struct removal *m, const struct digest *first, bool quiet,
                        struct error *err)
{
	struct digest id = *first, parent;
	bool force = m->force;

	for (;;) {
		char text[DIGEST_TEXT_MAX];

		digest_format(&id, text);
		int r = check_conflicts(m, &id, CONFLICTS_HARD | (force ? 0 : CONFLICTS_SOFT), err);
		if (r < 0)
			return err->kind == ERROR_CONFLICT && quiet ? 0 : r;
		int has_parent = read_parent(m, text, &parent, err);
		if (has_parent < 0)
			return has_parent;
		r = delete_image(m, text, err);
		if (r < 0 || !m->prune || !has_parent)
			return r;
		id = parent;
		force = false;
		quiet = true;
	}
}

/* Name n goes, and the digests of the same repository when no tag is left in it. Gives the number
 * of names left. */
static int untag_name(struct removal *m, const char *id, const struct name *n, size_t *ret_left,
                      struct error *err)
{
	AUTO_NAMES left = { 0 };
	bool has_tag = false;
	int r = untag(m, id, n, err);
	if (r >= 0)
		r = list_names(m, id, &left, err);
	if (r < 0)
		return r;
	*ret_left = left.len;
	for (size_t i = 0; i < left.len; i++)
		has_tag = has_tag || (!left.ptr[i].by_digest && streq(left.ptr[i].full, n->full));
	for (size_t i = 0; !n->by_digest && !has_tag && i < left.len; i++) {
		if (!streq(left.ptr[i].full, n->full))
			continue;
		r = untag(m, id, &left.ptr[i], err);
		if (r < 0)
			return r;
		--*ret_left;
	}
	return 0;
}

static int remove_by_name(struct removal *m, const struct image *i, const char *id,
                          const char *given, const struct name_vec *names, struct error *err)
{
	char digest[DIGEST_TEXT_MAX], short_text[SHORT_ID_MAX];
	AUTO_REFERENCE ref = { 0 };
	AUTO_FREE char *container = NULL;
	size_t left;

	int r = reference_parse(given, &ref, err);
	if (r < 0)
		return r;
	if (!m->force && is_single(names) && usage(m, &i->id, &container) > 0)
		return error_set(
			err, ERROR_CONFLICT,
			"conflict: unable to remove repository reference \"%.300s\" (must force) - "
			"container %s is using its referenced image %s",
			given, container, short_id(&i->id, short_text));
	AUTO_FREE char *full = reference_full_name(&ref);
	bool by_digest = digest_is_set(&ref.digest);
	reference_default_tag(&ref);
	char *tag = by_digest ? digest : ref.tag;
	if (by_digest)
		digest_format(&ref.digest, digest);
	struct name n = { full, tag, by_digest };
	r = untag_name(m, id, &n, &left, err);
	if (r < 0 || left)
		return r;
	return delete_chain(m, &i->id, true, err);
}

static int remove_by_id(struct removal *m, const struct image *i, const char *id,
                        const struct name_vec *names, struct error *err)
{
	if (is_single(names)) {
		unsigned mask = CONFLICTS_HARD | (m->force ? 0 : CONFLICT_STOPPED);
		int r = check_conflicts(m, &i->id, mask, err);
		for (size_t n = 0; r >= 0 && n < names->len; n++)
			r = untag(m, id, &names->ptr[n], err);
		if (r < 0)
			return r;
	}
	return delete_chain(m, &i->id, false, err);
}

static int remove_in_tx(struct removal *m, const struct image *i, const char *given,
                        struct error *err)
{
	char id[DIGEST_TEXT_MAX];
	AUTO_NAMES names = { 0 };
	int r = list_names(m, digest_format(&i->id, id), &names, err);
	if (r < 0)
		return r;
	return image_name_is_id(given, &i->id) ? remove_by_id(m, i, id, &names, err)
	                                       : remove_by_name(m, i, id, given, &names, err);
}

static void publish(struct removal *m)
{
	vec_for_each (&m->events, e) {
		char *id = strchr(*e, ' ');
		*id++ = '\0';
		image_event(m->store, *e, id, id);
	}
}

int image_remove(struct image_store *s, const char *name, bool force, bool no_prune,
                 image_in_use_fn in_use, void *ctx, struct image_removed *ret, struct error *err)
{
	CLEANUP(image_free_ptr) struct image *i = NULL;
	CLEANUP(image_removed_done) struct image_removed removed = { 0 };
	struct removal m = { .store = s,
		             .in_use = in_use,
		             .ctx = ctx,
		             .force = force,
		             .prune = !no_prune,
		             .ret = &removed };

	int r = image_get(s, name, &i, err);
	if (r < 0)
		return r;
	AUTO_DB_TX struct db_tx *tx = db_begin(s->db, DB_DURABLE, err);
	if (!tx)
		return error_errno(err);
	m.c = tx->conn;
	r = remove_in_tx(&m, i, name, err);
	if (r >= 0)
		r = db_commit(&tx, err);
	if (r >= 0) {
		publish(&m);
		*ret = removed;
		removed = (struct image_removed){ 0 };
	}
	strv_done(&m.events);
	return r < 0 ? r : 0;
}

void image_removed_done(struct image_removed *r)
{
	strv_done(&r->untagged);
	strv_done(&r->deleted);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's order of looking: a whole id; a name with its tag or digest; and only then the
 * beginning of an id, so that a name made of hexadecimal digits is never hidden by an id.
 */
#include "image/image-internal.h"

#include "base/alloc.h"

static bool is_hex(const char *s)
{
	return *s && s[strspn(s, "0123456789abcdef")] == '\0';
}

static int not_found(const char *name, struct error *err)
{
	AUTO_REFERENCE ref = { 0 };
	struct error ignored;

	if (reference_parse(name, &ref, &ignored) < 0)
		return error_set(err, ERROR_NOT_FOUND, "No such image: %.300s", name);
	reference_default_tag(&ref);
	AUTO_FREE char *text = reference_familiar(&ref);
	return error_set(err, ERROR_NOT_FOUND, "No such image: %.600s", text);
}

/* The one text that the query gives: 1 and *ret owned, 0 for none. */
static int one_text(struct db_query *q, char **ret, struct error *err)
{
	int r = q ? db_step(q, err) : error_errno(err);
	if (r > 0)
		*ret = xstrdup(db_text(q, 0));
	return r;
}

int image_find_reference(struct image_store *s, const struct reference *ref, char **ret,
                         struct error *err)
{
	char digest[DIGEST_TEXT_MAX];
	AUTO_FREE char *name = reference_full_name(ref);
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	if (digest_is_set(&ref->digest)) {
		AUTO_DB_QUERY struct db_query *q = db_query(
			c, err, "SELECT image FROM image_digest WHERE name = ? AND digest = ?",
			"ss", name, digest_format(&ref->digest, digest));
		return one_text(q, ret, err);
	}
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err, "SELECT image FROM image_tag WHERE name = ? AND tag = ?", "ss",
	                 name, ref->tag ? ref->tag : "latest");
	return one_text(q, ret, err);
}

/* The only image whose id begins so: 1, or 0 when there is none or more than one. */
static int find_prefix(struct image_store *s, const char *hex, char **ret, struct error *err)
{
	AUTO_FREE char *from = xasprintf("sha256:%s", hex);
	AUTO_FREE char *to = xasprintf("sha256:%sg", hex);
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err, "SELECT id FROM image WHERE id >= ? AND id < ? LIMIT 2", "ss", from, to);
	AUTO_FREE char *id = NULL;
	int r = one_text(q, &id, err);
	if (r <= 0)
		return r;
	r = db_step(q, err);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret = TAKE_PTR(id);
	return 1;
}

/* The id that name means: 1 and *ret owned, 0. */
static int find(struct image_store *s, const char *name, char **ret, struct error *err)
{
	AUTO_REFERENCE ref = { 0 };
	const char *hex = str_skip_prefix(name, "sha256:");
	if (!hex)
		hex = name;
	if (strlen(hex) == 64 && is_hex(hex))
		return find_prefix(s, hex, ret, err);
	int r = reference_parse(name, &ref, err);
	if (r < 0)
		return r;
	r = image_find_reference(s, &ref, ret, err);
	if (r != 0)
		return r;
	return is_hex(hex) && strlen(hex) < 64 ? find_prefix(s, hex, ret, err) : 0;
}

int image_get(struct image_store *s, const char *name, struct image **ret, struct error *err)
{
	AUTO_FREE char *id = NULL;
	int r = find(s, name, &id, err);
	if (r > 0)
		r = image_load_row(s, id, ret, err);
	if (r < 0)
		return r;
	return r ? 0 : not_found(name, err);
}

int image_get_by_id(struct image_store *s, const struct digest *id, struct image **ret,
                    struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	int r = image_load_row(s, digest_format(id, text), ret, err);
	if (r < 0)
		return r;
	return r ? 0 : error_set(err, ERROR_NOT_FOUND, "No such image: %s", text);
}

bool image_name_is_id(const char *name, const struct digest *id)
{
	char hex[DIGEST_TEXT_MAX];
	const char *rest = str_skip_prefix(name, "sha256:");
	return str_skip_prefix(digest_hex(id, hex), rest ? rest : name);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An image made here of a written directory: packed again for each save, the same bytes each time.
 */
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "image/test-support.h"
#include "unit.h"

/* What `commit` does: a directory with one more file becomes a layer on the image's own. */
static struct digest commit_on(struct world *w, const struct digest *base, const char *tag)
{
	CLEANUP(image_free_ptr) struct image *parent = NULL;
	AUTO_IMAGE_CONFIG config = { 0 };
	AUTO_REFERENCE ref = parse_ref(tag);
	struct digest diff, chain, id;
	int64_t size;
	struct error err = { 0 };
	AUTO_FREE char *upper = xasprintf("%s/upper", unit_scratch());

	IGNORE_RESULT(remove_tree(AT_FDCWD, upper), "of an earlier test");
	assert_int_equal(mkdir(upper, 0755), 0);
	AUTO_CLOSE int dir = open(upper, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	expect_ok(write_file(dir, "added", "more", 4, 0644, &err), &err);
	expect_ok(image_get_by_id(w->images, base, &parent, &err), &err);
	expect_ok(layer_commit_upper(w->snapshots, AT_FDCWD, upper, true, &parent->chain_id, &diff,
	                             &chain, &size, &err),
	          &err);
	image_config_copy(&parent->config, &config);
	digest_vec_push(&config.diff_ids, diff);
	expect_ok(image_create(w->images, &config, base, &ref, &id, &err), &err);
	return id;
}

static struct strbuf save(struct world *w, const char *name)
{
	AUTO_STRV names = { 0 };
	AUTO_CLOSE int fd = memfd_create("saved", MFD_CLOEXEC);
	struct strbuf out = { 0 };
	struct error err = { 0 };

	strv_add(&names, name);
	expect_ok(image_save(w->images, &names, fd, &w->job, &err), &err);
	lseek(fd, 0, SEEK_SET);
	expect_ok(read_fd(fd, 1 << 20, &out, &err), &err);
	return out;
}

TEST(a_committed_layer_is_saved_as_its_diff_id_says)
{
	AUTO_WORLD from, to;
	struct error err = { 0 };
	AUTO_CLOSE int fd = memfd_create("saved", MFD_CLOEXEC);
	CLEANUP(image_free_ptr) struct image *i = NULL;

	world_open(&from);
	world_open(&to);
	struct digest base = import_image(&from, "base", "one");
	struct digest id = commit_on(&from, &base, "made:1");
	AUTO_STRBUF first = save(&from, "made:1"), second = save(&from, "made:1");
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.ptr, second.ptr, first.len);
	assert_int_equal(write_full(fd, first.ptr, first.len), 0);
	lseek(fd, 0, SEEK_SET);
	expect_ok(image_load(to.images, fd, false, &to.job, &err), &err);
	expect_ok(image_get(to.images, "made:1", &i, &err), &err);
	assert_true(digest_equal(&i->id, &id));
	assert_int_equal(i->config.diff_ids.len, 2);
}

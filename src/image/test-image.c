/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/mman.h>

#include "archive/tar.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "image/test-support.h"
#include "unit.h"

static struct image *get(struct world *w, const char *name)
{
	struct image *i = NULL;
	struct error err = { 0 };
	expect_ok(image_get(w->images, name, &i, &err), &err);
	return i;
}

static void expect_missing(struct world *w, const char *name, const char *message)
{
	struct image *i;
	struct error err = { 0 };
	assert_true(image_get(w->images, name, &i, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_string_equal(err.message, message);
}

static void tag(struct world *w, const char *name, const char *to)
{
	AUTO_REFERENCE ref = parse_ref(to);
	struct error err = { 0 };
	expect_ok(image_tag(w->images, name, &ref, &err), &err);
}

TEST(imports_and_finds)
{
	AUTO_WORLD w;
	char text[DIGEST_TEXT_MAX];

	world_open(&w);
	struct digest id = import_image(&w, "busybox:1", "one");
	digest_format(&id, text);
	AUTO_FREE char *hex = xstrdup(text + 7);
	AUTO_FREE char *prefix = xstrndup(hex, 5);
	AUTO_FREE char *long_prefix = xstrndup(text, 15);
	const char *const names[] = { "busybox:1", "docker.io/library/busybox:1", text, hex, prefix,
		                      long_prefix };
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		CLEANUP(image_free_ptr) struct image *i = get(&w, names[n]);
		assert_true(digest_equal(&i->id, &id));
		assert_string_equal(i->repo_tags.ptr[0], "busybox:1");
		assert_int_equal(i->config.diff_ids.len, 1);
		assert_true(i->size > 0);
	}
	expect_missing(&w, "busybox", "No such image: busybox:latest");
	expect_missing(&w, "other/x:2", "No such image: other/x:2");
	assert_true(log_has(&w, text));
}

TEST(names_come_before_ids)
{
	AUTO_WORLD w;
	char text[DIGEST_TEXT_MAX];

	world_open(&w);
	struct digest a = import_image(&w, "a", "one"), b = import_image(&w, "b", "two");
	digest_format(&b, text);
	AUTO_FREE char *prefix = xstrndup(text + 7, 4);
	tag(&w, "a", prefix);
	CLEANUP(image_free_ptr) struct image *i = get(&w, prefix);
	assert_true(digest_equal(&i->id, &a));
}

TEST(lists_with_all_tags)
{
	AUTO_WORLD w;
	struct error err = { 0 };
	CLEANUP(image_list_done) struct image_ptr_vec v = { 0 };

	world_open(&w);
	import_image(&w, "a:1", "one");
	import_image(&w, NULL, "two");
	tag(&w, "a:1", "localhost:5000/b");
	expect_ok(image_list(w.images, &v, &err), &err);
	assert_int_equal(v.len, 2);
	CLEANUP(image_free_ptr) struct image *i = get(&w, "a:1");
	assert_int_equal(i->repo_tags.len, 2);
	assert_string_equal(i->repo_tags.ptr[1], "localhost:5000/b:latest");
	assert_true(i->last_tagged > 0);
}

static int in_use(void *ctx, const struct digest *id, char **ret_container)
{
	*ret_container = xstrdup("0123456789abcdef");
	return *(int *)ctx;
}

static int use_nothing = 0, use_stopped = 1, use_running = 2;

static void expect_conflict(struct world *w, const char *name, bool force, int *use,
                            const char *message)
{
	CLEANUP(image_removed_done) struct image_removed removed = { 0 };
	struct error err = { 0 };
	assert_true(image_remove(w->images, name, force, false, in_use, use, &removed, &err) < 0);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	if (!strstr(err.message, message))
		fail_msg("%s", err.message);
}

static void expect_removed(struct world *w, const char *name, bool force, int *use, size_t untagged,
                           size_t deleted)
{
	CLEANUP(image_removed_done) struct image_removed removed = { 0 };
	struct error err = { 0 };
	expect_ok(image_remove(w->images, name, force, false, in_use, use, &removed, &err), &err);
	assert_int_equal(removed.untagged.len, untagged);
	assert_int_equal(removed.deleted.len, deleted);
}

TEST(removing_untags_until_the_last_name)
{
	AUTO_WORLD w;

	world_open(&w);
	import_image(&w, "a:1", "one");
	tag(&w, "a:1", "b:2");
	expect_removed(&w, "a:1", false, &use_running, 1, 0);
	/* the image and its one layer */
	expect_removed(&w, "b:2", false, &use_nothing, 1, 2);
	expect_missing(&w, "b:2", "No such image: b:2");
}

TEST(removing_heeds_containers)
{
	AUTO_WORLD w;
	char text[DIGEST_TEXT_MAX], message[256];

	world_open(&w);
	struct digest id = import_image(&w, "a:1", "one");
	digest_format(&id, text);
	snprintf(
		message, sizeof(message),
		"conflict: unable to remove repository reference \"a:1\" (must force) - container 0123456789ab "
		"is using its referenced image %.12s",
		text + 7);
	expect_conflict(&w, "a:1", false, &use_stopped, message);
	snprintf(
		message, sizeof(message),
		"conflict: unable to delete %.12s (cannot be forced) - image is being used by running container "
		"0123456789ab",
		text + 7);
	expect_conflict(&w, text, true, &use_running, message);
	expect_conflict(&w, text, false, &use_stopped,
	                "(must be forced) - image is being used by stopped container");
	/* by force: the name goes, the image stays for the one that runs */
	expect_removed(&w, "a:1", true, &use_running, 1, 0);
	expect_removed(&w, text, true, &use_stopped, 0, 2);
}

TEST(an_id_with_several_names_needs_force)
{
	AUTO_WORLD w;
	char text[DIGEST_TEXT_MAX];

	world_open(&w);
	struct digest id = import_image(&w, "a:1", "one");
	tag(&w, "a:1", "b:1");
	digest_format(&id, text);
	expect_conflict(&w, text, false, &use_nothing,
	                "(must be forced) - image is referenced in multiple repositories");
	expect_removed(&w, text, true, &use_nothing, 2, 2);
}

static struct digest make_child(struct world *w, const struct image *parent, const char *tag_)
{
	AUTO_IMAGE_CONFIG config = { 0 };
	AUTO_REFERENCE ref = parse_ref(tag_);
	struct digest id;
	struct error err = { 0 };

	image_config_copy(&parent->config, &config);
	strv_add(&config.config.cmd, tag_);
	expect_ok(image_create(w->images, &config, &parent->id, &ref, &id, &err), &err);
	return id;
}

TEST(children_keep_their_parents)
{
	AUTO_WORLD w;
	char text[DIGEST_TEXT_MAX];

	world_open(&w);
	struct digest id = import_image(&w, NULL, "one");
	CLEANUP(image_free_ptr) struct image *parent = get(&w, digest_format(&id, text));
	make_child(&w, parent, "child");
	expect_conflict(&w, text, true, &use_nothing,
	                "(cannot be forced) - image has dependent child images");
	/* child, then the untagged parent with its layer */
	expect_removed(&w, "child", false, &use_nothing, 1, 3);
}

TEST(creating_needs_the_layers)
{
	AUTO_WORLD w;
	AUTO_IMAGE_CONFIG config = { .architecture = xstrdup("amd64"), .os = xstrdup("linux") };
	struct digest d, id;
	struct error err = { 0 };

	world_open(&w);
	digest_of(DIGEST_SHA256, "x", 1, &d);
	digest_vec_push(&config.diff_ids, d);
	assert_true(image_create(w.images, &config, NULL, NULL, &id, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static int save(struct world *w, const char *name)
{
	AUTO_STRV names = { 0 };
	struct error err = { 0 };
	int fd = memfd_create("saved", MFD_CLOEXEC);

	strv_add(&names, name);
	expect_ok(image_save(w->images, &names, fd, &w->job, &err), &err);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

TEST(what_is_saved_loads_elsewhere)
{
	AUTO_WORLD from, to;
	struct error err = { 0 };

	world_open(&from);
	world_open(&to);
	struct digest id = import_image(&from, "team/app:1", "one");
	AUTO_CLOSE int fd = save(&from, "team/app");
	expect_ok(image_load(to.images, fd, false, &to.job, &err), &err);
	CLEANUP(image_free_ptr) struct image *i = get(&to, "team/app:1");
	assert_true(digest_equal(&i->id, &id));
	assert_true(log_has(&to, "||Loaded image: team/app:1\n"));
	assert_true(log_has(&to, "|Loading layer|"));
	/* and from there once more, with the same bytes */
	AUTO_CLOSE int again = save(&to, "team/app:1");
	AUTO_STRBUF a = { 0 }, b = { 0 };
	lseek(fd, 0, SEEK_SET);
	expect_ok(read_fd(fd, 1 << 20, &a, &err), &err);
	expect_ok(read_fd(again, 1 << 20, &b, &err), &err);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.ptr, b.ptr, a.len);
}

TEST(the_saved_archive_is_laid_out_as_dockers)
{
	AUTO_WORLD w;
	struct byte_source_fd source;
	CLEANUP(tar_reader_free_ptr) struct tar_reader *tar = NULL;
	const struct tar_entry *e;
	AUTO_STRV names = { 0 };
	struct error err = { 0 };
	char text[DIGEST_TEXT_MAX];

	world_open(&w);
	struct digest id = import_image(&w, "app:1", "one");
	AUTO_CLOSE int fd = save(&w, "app:1");
	byte_source_fd_init(&source, fd);
	expect_ok(tar_reader_open(&source.base, &tar, &err), &err);
	while (tar_next(tar, &e, &err) > 0)
		strv_add(&names, e->name);
	AUTO_FREE char *config = xasprintf("blobs/sha256/%s", digest_format(&id, text) + 7);
	assert_true(strv_has(&names, config));
	assert_true(strv_has(&names, "manifest.json"));
	assert_true(strv_has(&names, "index.json"));
	assert_true(strv_has(&names, "oci-layout"));
	assert_int_equal(names.len, 8);
}

struct old_archive {
	int fd;
	struct tar_writer *tar;
};

static int to_fd(void *ctx, const void *data, size_t n, struct error *err)
{
	const int *fd = ctx;
	return write_full(*fd, data, n);
}

/* Docker 20.10's form: layer.tar per directory, one of them a link. Layers and config as given. */
static int make_old_archive(const char *config, const char *layers, const char *link_target)
{
	struct error err = { 0 };
	AUTO_STRBUF layer = { 0 };
	AUTO_CLOSE int source = make_tar("file", "one");
	int fd = memfd_create("old", MFD_CLOEXEC);
	CLEANUP(tar_writer_free_ptr) struct tar_writer *tar = tar_writer_new(to_fd, &fd);
	char name[] = "l2/layer.tar";
	AUTO_FREE char *target = xstrdup(link_target);
	struct tar_entry link = { .type = TAR_SYMLINK, .name = name, .link = target, .mode = 0777 };
	AUTO_FREE char *manifest = xasprintf(
		"[{\"Config\":\"c.json\",\"RepoTags\":[\"old:1\"],\"Layers\":%s}]", layers);

	expect_ok(read_fd(source, 1 << 20, &layer, &err), &err);
	expect_ok(tar_write_file(tar, "l1/VERSION", "1.0", 3, 0, &err), &err);
	expect_ok(tar_write_file(tar, "l1/layer.tar", layer.ptr, layer.len, 0, &err), &err);
	expect_ok(tar_write_header(tar, &link, &err), &err);
	expect_ok(tar_write_file(tar, "c.json", config, strlen(config), 0, &err), &err);
	expect_ok(tar_write_file(tar, "manifest.json", manifest, strlen(manifest), 0, &err), &err);
	expect_ok(tar_writer_finish(tar, &err), &err);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static char *two_layer_config(void)
{
	struct error err = { 0 };
	AUTO_STRBUF layer = { 0 };
	AUTO_CLOSE int source = make_tar("file", "one");
	struct digest d;
	char text[DIGEST_TEXT_MAX];

	expect_ok(read_fd(source, 1 << 20, &layer, &err), &err);
	digest_of(DIGEST_SHA256, layer.ptr, layer.len, &d);
	digest_format(&d, text);
	return xasprintf(
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[\"%s\",\"%s\"]}}",
		text, text);
}

TEST(loads_the_old_form_with_links)
{
	AUTO_WORLD w;
	AUTO_FREE char *config = two_layer_config();
	AUTO_CLOSE int fd =
		make_old_archive(config, "[\"l1/layer.tar\",\"l2/layer.tar\"]", "../l1/layer.tar");
	struct error err = { 0 };

	world_open(&w);
	expect_ok(image_load(w.images, fd, true, &w.job, &err), &err);
	CLEANUP(image_free_ptr) struct image *i = get(&w, "old:1");
	assert_int_equal(i->config.diff_ids.len, 2);
	assert_false(log_has(&w, "Loading layer"));
}

TEST(bad_archives_leave_nothing)
{
	AUTO_FREE char *config = two_layer_config();
	static const char good[] = "[\"l1/layer.tar\",\"l2/layer.tar\"]";
	const struct {
		const char *config, *layers, *link, *says;
	} cases[] = {
		{ config, good, "../../etc/passwd", "outside of the archive" },
		{ config, good, "/etc/passwd", "missing" },
		{ config, good, "../l2/layer.tar", "missing" },
		{ config, "[\"l1/layer.tar\"]", "x", "1 layers, but the configuration has 2" },
		{ config, "[\"c.json\",\"c.json\"]", "x", "layer" },
		{ "null", good, "../l1/layer.tar", "c.json" },
		{ "[]", good, "../l1/layer.tar", "c.json" },
	};
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		AUTO_WORLD w;
		CLEANUP(image_list_done) struct image_ptr_vec v = { 0 };
		AUTO_CLOSE int fd =
			make_old_archive(cases[n].config, cases[n].layers, cases[n].link);
		struct error err = { 0 };

		world_open(&w);
		assert_true(image_load(w.images, fd, false, &w.job, &err) < 0);
		if (err.kind != ERROR_INVALID || !strstr(err.message, cases[n].says))
			fail_msg("%zu: %s", n, err.message);
		expect_ok(image_list(w.images, &v, &err), &err);
		assert_int_equal(v.len, 0);
	}
}

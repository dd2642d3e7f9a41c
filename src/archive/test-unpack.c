/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attacks on unpackers, row by row (docs on attacks: U1..U15), against the unpacker without its
 * jail: links and names alone must not lead out. test-confined.c has it inside.
 */
#include "archive/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "archive/tar-test.h"
#include "base/fs.h"
#include "base/thread.h"
#include "base/vec.h"
#include "unit.h"

/* <scratch>/<n>/root is unpacked into; <scratch>/<n>/victim must stay as it is. */
struct place {
	int top, root, victim;
	struct archive_request spec;
	struct unpack_result result;
	struct error err;
};

static void place_close(struct place *p)
{
	close(p->top);
	close(p->root);
	close(p->victim);
}

#define PLACE CLEANUP(place_close) struct place

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct place make_place(enum unpack_style style)
{
	static int n;
	struct place p = {
		.spec = { .unpack_style = style, .max_bytes = 1 << 20, .max_entries = 1000 }
	};
	AUTO_FREE char *path = xasprintf("%s/%d", unit_scratch(), n++);

	assert_int_equal(mkdir(path, 0755), 0);
	p.top = open_dir(AT_FDCWD, path);
	assert_int_equal(mkdirat(p.top, "root", 0755), 0);
	assert_int_equal(mkdirat(p.top, "victim", 0755), 0);
	p.root = open_dir(p.top, "root");
	p.victim = open_dir(p.top, "victim");
	assert_int_equal(write_file(p.victim, "hello", "victim", 6, 0600, &p.err), 0);
	return p;
}

static int unpack(struct place *p, struct strbuf *archive)
{
	struct memory_source from;

	tar_test_end(archive);
	from = memory_source(archive);
	p->result = (struct unpack_result){ 0 };
	p->err = (struct error){ 0 };
	return unpack_run(p->root, &p->spec, &from.base, &p->result, &p->err);
}

static void assert_unpacks(struct place *p, struct strbuf *archive)
{
	if (unpack(p, archive) < 0)
		fail_msg("%s", p->err.message);
}

static void assert_refused(struct place *p, struct strbuf *archive)
{
	assert_true(unpack(p, archive) < 0);
	if (p->err.kind != ERROR_INVALID)
		fail_msg("kind %d: %s", p->err.kind, p->err.message);
}

static struct stat stat_at(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s: %s", name, strerror(errno));
	return st;
}

static bool exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_file(int dir, const char *name, const char *content)
{
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };

	if (read_file(dir, name, 1000, &text, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(strbuf_cstr(&text), content);
}

/* Nothing beside root changed. */
static void assert_contained(const struct place *p)
{
	struct stat st = stat_at(p->victim, "hello");
	int entries = 0;

	assert_file(p->victim, "hello", "victim");
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(stat_at(p->top, "victim").st_mode, S_IFDIR | 0755);
	assert_int_equal(stat_at(p->top, "victim").st_nlink, 2);
	assert_int_equal(stat_at(p->top, ".").st_nlink, 4);
	assert_false(exists(p->victim, "x"));
	assert_false(exists(p->top, "x"));
	assert_int_equal(entries, 0);
}

TEST(a_layer_becomes_files)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };
	struct tar_header h = tar_test_header('0', "d/suid", NULL, 5);
	char link[10] = { 0 };

	tar_test_entry(&a, '5', "./d/", NULL, NULL);
	memcpy(h.mode, "0004755", 7);
	memcpy(h.uid, "0001750", 7);
	tar_test_block(&a, &h);
	tar_test_body(&a, "hello", 5);
	tar_test_entry(&a, '2', "d/sym", "/abs", NULL);
	tar_test_entry(&a, '1', "hard", "d/suid", NULL);
	tar_test_entry(&a, '6', "d/fifo", NULL, NULL);
	tar_test_entry(&a, '0', "made/on/the/way", NULL, "x");
	assert_unpacks(&p, &a);
	assert_int_equal(stat_at(p.root, "d/suid").st_mode, S_IFREG | 04755);
	assert_int_equal(stat_at(p.root, "d/suid").st_uid, 01750);
	assert_int_equal(stat_at(p.root, "d/suid").st_nlink, 2);
	assert_int_equal(stat_at(p.root, "d/suid").st_mtim.tv_sec, 1000);
	assert_int_equal(stat_at(p.root, "d").st_mtim.tv_sec, 1000);
	assert_int_equal(stat_at(p.root, "d/sym").st_mtim.tv_sec, 1000);
	assert_int_equal(readlinkat(p.root, "d/sym", link, sizeof(link)), 4);
	assert_true(S_ISFIFO(stat_at(p.root, "d/fifo").st_mode));
	assert_int_equal(stat_at(p.root, "made/on").st_mode, S_IFDIR | 0755);
	assert_file(p.root, "made/on/the/way", "x");
	assert_int_equal(p.result.entries, 6);
	assert_int_equal(p.result.bytes, 6);
}

TEST(later_entries_replace_earlier_ones)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '0', "x", NULL, "1");
	tar_test_entry(&a, '0', "x", NULL, "2");
	tar_test_entry(&a, '5', "d/", NULL, NULL);
	tar_test_entry(&a, '0', "d/deep/f", NULL, "gone");
	tar_test_entry(&a, '0', "d", NULL, "file now");
	tar_test_entry(&a, '2', "s", "x", NULL);
	tar_test_entry(&a, '5', "s/", NULL, NULL);
	tar_test_entry(&a, '5', "m/", NULL, NULL);
	tar_test_entry(&a, '0', "m/kept", NULL, "kept");
	tar_test_entry(&a, '5', "m/", NULL, NULL);
	assert_unpacks(&p, &a);
	assert_file(p.root, "x", "2");
	assert_file(p.root, "d", "file now");
	assert_true(S_ISDIR(stat_at(p.root, "s").st_mode));
	assert_file(p.root, "m/kept", "kept");
}

TEST(U1_names_that_lead_out)
{
	static const char *const names[] = { "..",
		                             "../victim/x",
		                             "/../victim/x",
		                             "a/../../x",
		                             "a/../../victim/x",
		                             "./../victim/x",
		                             "a/b/../../../x" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (int pax = 0; pax < 2; pax++) {
			PLACE p = make_place(UNPACK_LAYER);
			AUTO_STRBUF a = { 0 };

			if (pax)
				tar_test_pax(&a, "path", names[i], strlen(names[i]));
			tar_test_entry(&a, '0', pax ? "innocent" : names[i], NULL, "x");
			assert_refused(&p, &a);
			assert_contained(&p);
		}
}

TEST(U1_harmless_names_are_cleaned)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '0', "/abs", NULL, "1");
	tar_test_entry(&a, '0', "a//b/./../c", NULL, "2");
	assert_unpacks(&p, &a);
	assert_file(p.root, "abs", "1");
	assert_file(p.root, "a/c", "2");
}

TEST(U2_symlink_then_write_through)
{
	static const char *const targets[] = { "../victim", "/victim", "/../victim",
		                               "../../../../../../victim" };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };

		tar_test_entry(&a, '2', "s", targets[i], NULL);
		tar_test_entry(&a, '0', "s/x", NULL, "evil");
		IGNORE_RESULT(unpack(&p, &a) < 0, "contained is as good as refused");
		assert_contained(&p);
	}
}

TEST(U2_two_hop_chain)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '5', "in/", NULL, NULL);
	tar_test_entry(&a, '2', "in/up", "..", NULL);
	tar_test_entry(&a, '2', "in/up/esc", "../victim", NULL);
	tar_test_entry(&a, '0', "in/up/esc/x", NULL, "evil");
	IGNORE_RESULT(unpack(&p, &a) < 0, "contained is as good as refused");
	assert_contained(&p);
	assert_true(exists(p.root, "esc"));
}

TEST(U2_write_to_the_symlink_itself)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '2', "s", "../victim/hello", NULL);
	tar_test_entry(&a, '0', "s", NULL, "evil");
	assert_unpacks(&p, &a);
	assert_contained(&p);
	assert_file(p.root, "s", "evil");
}

TEST(U2_the_root_as_a_symlink)
{
	static const char *const names[] = { ".", "./", "/" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };

		tar_test_entry(&a, '2', names[i], "../victim", NULL);
		tar_test_entry(&a, '0', "x", NULL, "evil");
		assert_refused(&p, &a);
		assert_contained(&p);
	}
}

TEST(U2_over_two_layers)
{
	PLACE p = make_place(UNPACK_PLAIN);
	AUTO_STRBUF a = { 0 };
	AUTO_STRBUF b = { 0 };

	tar_test_entry(&a, '2', "s", "../victim", NULL);
	assert_unpacks(&p, &a);
	tar_test_entry(&b, '0', "s/x", NULL, "evil");
	IGNORE_RESULT(unpack(&p, &b) < 0, "contained is as good as refused");
	assert_contained(&p);
}

TEST(U3_hardlinks_to_the_outside)
{
	static const char *const targets[] = { "../victim/hello", "/../victim/hello",
		                               "a/../../victim/hello" };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };

		tar_test_entry(&a, '1', "h", targets[i], NULL);
		assert_refused(&p, &a);
		assert_contained(&p);
	}
}

TEST(U3_hardlinks_through_symlinks)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '2', "s", "../victim", NULL);
	tar_test_entry(&a, '1', "h", "s/hello", NULL);
	assert_refused(&p, &a);
	assert_contained(&p);
}

TEST(U3_hardlink_to_a_symlink_links_the_symlink)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '2', "s", "../victim/hello", NULL);
	tar_test_entry(&a, '1', "h", "s", NULL);
	tar_test_entry(&a, '0', "h", NULL, "evil");
	assert_unpacks(&p, &a);
	assert_contained(&p);
	assert_file(p.root, "h", "evil");
}

TEST(U3_hardlinks_to_directories_and_themselves)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF dir = { 0 };
	AUTO_STRBUF self = { 0 };
	AUTO_STRBUF again = { 0 };
	AUTO_STRBUF top = { 0 };

	tar_test_entry(&dir, '5', "d/", NULL, NULL);
	tar_test_entry(&dir, '1', "h", "d", NULL);
	assert_refused(&p, &dir);
	tar_test_entry(&self, '1', "new", "new", NULL);
	assert_refused(&p, &self);
	tar_test_entry(&top, '1', "h", ".", NULL);
	assert_refused(&p, &top);
	tar_test_entry(&again, '0', "f", NULL, "kept");
	tar_test_entry(&again, '1', "f", "f", NULL);
	assert_unpacks(&p, &again);
	assert_file(p.root, "f", "kept");
}

TEST(U3_absolute_hardlinks_resolve_in_the_root)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '0', "usr/bin/a", NULL, "x");
	tar_test_entry(&a, '1', "usr/bin/b", "/usr/bin/a", NULL);
	tar_test_entry(&a, '2', "bin", "/usr/bin", NULL);
	tar_test_entry(&a, '1', "c", "bin/a", NULL);
	assert_unpacks(&p, &a);
	assert_int_equal(stat_at(p.root, "c").st_nlink, 3);
}

TEST(U4_attributes_do_not_follow_links)
{
	static const char types[] = { '0', '5', '3', '6' };

	for (size_t i = 0; i < sizeof(types); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };
		struct tar_header h =
			tar_test_header(types[i], types[i] == '5' ? "s/" : "s", NULL, 0);

		tar_test_entry(&a, '2', "s", types[i] == '5' ? "../victim" : "../victim/hello",
		               NULL);
		memcpy(h.mode, "0000777", 7);
		memcpy(h.uid, "0001750", 7);
		memcpy(h.major, "0000001", 7);
		memcpy(h.minor, "0000003", 7);
		tar_test_block(&a, &h);
		assert_unpacks(&p, &a);
		assert_contained(&p);
	}
}

TEST(U4_link_attributes_are_the_links_own)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };
	struct tar_header h = tar_test_header('2', "s", "../victim/hello", 0);

	memcpy(h.mode, "0000777", 7);
	memcpy(h.uid, "0001750", 7);
	tar_test_pax(&a, "SCHILY.xattr.user.x", "y", 1);
	tar_test_block(&a, &h);
	assert_unpacks(&p, &a);
	assert_contained(&p);
	assert_int_equal(stat_at(p.root, "s").st_uid, 01750);
}

TEST(whiteouts_become_overlayfs_form)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };
	AUTO_CLOSE int d = -1;
	char value[2] = { 0 };

	tar_test_entry(&a, '0', "d/.wh.gone", "stale link name", NULL);
	tar_test_entry(&a, '0', "d/.wh..wh..opq", NULL, NULL);
	tar_test_entry(&a, '0', "d/new", NULL, "x");
	assert_unpacks(&p, &a);
	assert_true(S_ISCHR(stat_at(p.root, "d/gone").st_mode));
	assert_int_equal(stat_at(p.root, "d/gone").st_rdev, makedev(0, 0));
	assert_false(exists(p.root, "d/.wh.gone"));
	d = open_dir(p.root, "d");
	assert_int_equal(fgetxattr(d, "trusted.overlay.opaque", value, 2), 1);
	assert_int_equal(value[0], 'y');
}

TEST(a_whiteout_beside_a_directory_of_its_name_makes_it_opaque)
{
	static const bool orders[] = { false, true };

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };
		AUTO_CLOSE int d = -1;
		char value[2] = { 0 };

		if (orders[i])
			tar_test_entry(&a, '0', ".wh.d", NULL, NULL);
		tar_test_entry(&a, '5', "d/", NULL, NULL);
		tar_test_entry(&a, '0', "d/f", NULL, "x");
		if (!orders[i])
			tar_test_entry(&a, '0', ".wh.d", NULL, NULL);
		assert_unpacks(&p, &a);
		d = open_dir(p.root, "d");
		assert_int_equal(fgetxattr(d, "trusted.overlay.opaque", value, 2), 1);
		assert_file(p.root, "d/f", "x");
	}
}

TEST(U5_invalid_whiteouts)
{
	static const struct {
		char type;
		const char *name;
	} bad[] = {
		{ '0', ".wh." },         { '0', ".wh.." },          { '0', ".wh..." },
		{ '0', ".wh...." },      { '0', "d/.wh..." },       { '0', ".wh..wh.plnk" },
		{ '0', ".wh..wh.aufs" }, { '0', ".wh..wh." },       { '0', ".wh.x/y" },
		{ '0', ".wh../x" },      { '5', ".wh.d/" },         { '2', ".wh.s" },
		{ '3', ".wh.c" },        { '0', ".wh..wh..opq/x" }, { '5', ".wh..wh..opq/" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };

		tar_test_entry(&a, bad[i].type, bad[i].name, "x", NULL);
		assert_refused(&p, &a);
		assert_contained(&p);
	}
}

TEST(U5_whiteouts_through_links)
{
	static const char *const names[] = { "s/.wh.hello", "s/.wh..wh..opq" };
	char value[2];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };

		tar_test_entry(&a, '2', "s", "../victim", NULL);
		tar_test_entry(&a, '0', names[i], NULL, NULL);
		IGNORE_RESULT(unpack(&p, &a) < 0, "contained is as good as refused");
		assert_contained(&p);
		assert_true(fgetxattr(p.victim, "trusted.overlay.opaque", value, 2) < 0);
	}
}

TEST(U5_whiteouts_are_just_names_elsewhere)
{
	PLACE p = make_place(UNPACK_PLAIN);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '0', ".wh.x", NULL, "1");
	assert_unpacks(&p, &a);
	assert_file(p.root, ".wh.x", "1");
}

TEST(U6_overlay_attributes_are_not_taken)
{
	static const char *const names[] = { "trusted.overlay.opaque",
		                             "trusted.overlay.redirect",
		                             "trusted.overlay.metacopy",
		                             "user.overlay.opaque",
		                             "trusted.x",
		                             "security.selinux" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		PLACE p = make_place(UNPACK_LAYER);
		AUTO_STRBUF a = { 0 };
		AUTO_FREE char *key = xasprintf("SCHILY.xattr.%s", names[i]);
		AUTO_CLOSE int d = -1;
		char value[10];

		tar_test_pax(&a, key, "y", 1);
		tar_test_entry(&a, '5', "d/", NULL, NULL);
		assert_unpacks(&p, &a);
		d = open_dir(p.root, "d");
		assert_true(fgetxattr(d, names[i], value, sizeof(value)) < 0);
	}
}

TEST(U6_literal_whiteout_devices)
{
	static const enum unpack_style styles[] = { UNPACK_LAYER, UNPACK_PLAIN };

	for (size_t i = 0; i < ARRAY_SIZE(styles); i++) {
		PLACE p = make_place(styles[i]);
		AUTO_STRBUF a = { 0 };

		tar_test_entry(&a, '3', "x", NULL, NULL);
		assert_refused(&p, &a);
		assert_false(exists(p.root, "x"));
	}
}

TEST(U6_whiteouts_are_not_linked_elsewhere)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '0', ".wh.x", NULL, NULL);
	tar_test_entry(&a, '1', "y", "x", NULL);
	assert_refused(&p, &a);
}

TEST(U7_devices_capabilities_and_user_attributes)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };
	struct tar_header h = tar_test_header('4', "sda", NULL, 0);
	static const char cap[20] = { 1, 0, 0, 2, 0, 4 };
	char value[30];
	AUTO_CLOSE int f = -1;

	memcpy(h.major, "0000010", 7);
	tar_test_block(&a, &h);
	tar_test_pax(&a, "SCHILY.xattr.security.capability", cap, sizeof(cap));
	tar_test_pax(&a, "SCHILY.xattr.user.k", "v", 1);
	tar_test_entry(&a, '0', "f", NULL, "x");
	assert_unpacks(&p, &a);
	assert_true(S_ISBLK(stat_at(p.root, "sda").st_mode));
	assert_int_equal(stat_at(p.root, "sda").st_rdev, makedev(8, 0));
	f = openat(p.root, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(f, "security.capability", value, sizeof(value)), 20);
	assert_memory_equal(value, cap, 20);
}

TEST(U8_content_is_bounded)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };
	struct tar_header h = tar_test_header('0', "big", NULL, (size_t)1 << 40);

	tar_test_block(&a, &h);
	assert_true(unpack(&p, &a) < 0);
	assert_int_equal(p.err.kind, ERROR_TOO_LARGE);
	assert_false(exists(p.root, "big"));
}

TEST(U11_entries_and_depth_are_bounded)
{
	PLACE many = make_place(UNPACK_LAYER);
	PLACE deep = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };
	AUTO_STRBUF b = { 0 };
	AUTO_STRBUF name = { 0 };

	for (int i = 0; i < 1001; i++)
		tar_test_entry(&a, '0', "same", NULL, NULL);
	assert_true(unpack(&many, &a) < 0);
	assert_int_equal(many.err.kind, ERROR_TOO_LARGE);
	for (int i = 0; i < 1500; i++)
		strbuf_puts(&name, "d/");
	tar_test_pax(&b, "path", name.ptr, name.len);
	tar_test_entry(&b, '5', "x/", NULL, NULL);
	assert_refused(&deep, &b);
}

TEST(U11_links_do_not_make_it_deeper)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };
	AUTO_STRBUF name = { 0 };
	AUTO_STRBUF name2 = { 0 };

	for (int i = 0; i < 600; i++)
		strbuf_puts(&name, "d/");
	strbuf_printf(&name2, "s/%s", name.ptr);
	tar_test_pax(&a, "path", name.ptr, name.len);
	tar_test_entry(&a, '5', "x/", NULL, NULL);
	tar_test_pax(&a, "linkpath", name.ptr, name.len);
	tar_test_entry(&a, '2', "s", "x", NULL);
	tar_test_pax(&a, "path", name2.ptr, name2.len);
	tar_test_entry(&a, '5', "x/", NULL, NULL);
	assert_refused(&p, &a);
}

TEST(U13_messages_carry_no_control_characters)
{
	PLACE p = make_place(UNPACK_LAYER);
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '0', "../a\nb\033[31m", NULL, NULL);
	assert_refused(&p, &a);
	for (const char *c = p.err.message; *c; c++)
		assert_true((uint8_t)*c >= 0x20);
}

struct swapper {
	int root;
	atomic_bool stop;
};

/* Exchanges a directory and a link to the victim as fast as it can. */
static void *swap(void *arg)
{
	struct swapper *s = arg;

	while (!s->stop)
		renameat2(s->root, "d", s->root, "l", RENAME_EXCHANGE);
	return NULL;
}

TEST(U15_somebody_swaps_directories_meanwhile)
{
	PLACE p = make_place(UNPACK_PLAIN);
	AUTO_STRBUF a = { 0 };
	struct swapper s = { .root = p.root };
	struct error err = { 0 };
	pthread_t thread;

	assert_int_equal(mkdirat(p.root, "d", 0755), 0);
	assert_int_equal(symlinkat("../victim", p.root, "l"), 0);
	for (int i = 0; i < 200; i++) {
		tar_test_entry(&a, '0', "d/x", NULL, "evil");
		tar_test_entry(&a, '0', "other", NULL, "");
		tar_test_entry(&a, '1', "d/h", "other", NULL);
	}
	assert_int_equal(thread_start(&thread, swap, &s, &err), 0);
	for (int i = 0; i < 20; i++) {
		AUTO_STRBUF copy = { 0 };

		strbuf_add_str(&copy, strbuf_str(&a));
		IGNORE_RESULT(unpack(&p, &copy) < 0, "it may fail, but must not get out");
	}
	s.stop = true;
	pthread_join(thread, NULL);
	assert_contained(&p);
	assert_false(exists(p.victim, "h"));
}

TEST(plain_unpacking_for_cp)
{
	PLACE p = make_place(UNPACK_PLAIN);
	AUTO_STRBUF a = { 0 };
	AUTO_STRBUF up = { 0 };
	AUTO_STRBUF over = { 0 };
	AUTO_STRBUF under = { 0 };

	assert_int_equal(mkdir_parents(p.root, "usr/lib", 0755), 0);
	assert_int_equal(symlinkat("/usr/lib", p.root, "lib"), 0);
	memcpy(p.spec.path, "lib", 4);
	p.spec.uid = 5;
	p.spec.gid = 6;
	p.spec.no_overwrite_dir_non_dir = true;
	tar_test_entry(&a, '5', "./", NULL, NULL);
	tar_test_entry(&a, '0', "f", NULL, "x");
	tar_test_entry(&a, '5', "sub/", NULL, NULL);
	assert_unpacks(&p, &a);
	assert_file(p.root, "usr/lib/f", "x");
	assert_int_equal(stat_at(p.root, "usr/lib/f").st_uid, 5);
	assert_int_equal(stat_at(p.root, "usr/lib/f").st_gid, 6);
	assert_int_equal(stat_at(p.root, "usr/lib").st_uid, 0);
	tar_test_entry(&up, '0', "../x", NULL, "x");
	assert_refused(&p, &up);
	tar_test_entry(&over, '0', "sub", NULL, "x");
	assert_refused(&p, &over);
	assert_non_null(strstr(p.err.message, "cannot overwrite directory"));
	tar_test_entry(&under, '5', "f/", NULL, NULL);
	assert_refused(&p, &under);
	assert_non_null(strstr(p.err.message, "cannot overwrite non-directory"));
}

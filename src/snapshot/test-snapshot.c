/* SPDX-License-Identifier: Apache-2.0 */
/* Needs root, as mounting does; runs in a mount namespace of its own. */
#include "snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "archive/tar-test.h"
#include "base/fs.h"
#include "base/time.h"
#include "oci/image-config.h"
#include "unit.h"

struct fixture {
	char *path, *db_path;
	struct db *db;
	struct snapshot_store *store;
	struct digest chain;
	struct snapshot_mount mount;
};

static void open_again(struct fixture *f)
{
	static const char *const sql[] = { "CREATE TABLE used(chain_id TEXT PRIMARY KEY)", NULL };
	static const struct db_migrations m = { .room = "test", .sql = sql };
	static const struct snapshot_options o = {
		.referenced_sql = "EXISTS (SELECT 1 FROM used u WHERE u.chain_id = layer.chain_id)"
	};
	struct error err = { 0 };

	f->db = db_open(f->db_path, &err);
	if (!f->db || db_migrate(f->db, &m, &err) < 0)
		fail_msg("%s", err.message);
	f->store = snapshot_open(f->path, f->db, &o, &err);
	if (!f->store)
		fail_msg("%s", err.message);
}

static void fixture_open(struct fixture *f, const char *name)
{
	static bool apart;

	if (!apart) {
		signal(SIGPIPE, SIG_IGN);
		assert_int_equal(unshare(CLONE_NEWNS), 0);
		assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
		apart = true;
	}
	f->path = xasprintf("%s/%s", unit_scratch(), name);
	f->db_path = xasprintf("%s.db", f->path);
	open_again(f);
}

static void close_store(struct fixture *f)
{
	snapshot_close(f->store);
	f->store = NULL;
	db_close(f->db);
	f->db = NULL;
}

static void fixture_close(struct fixture *f)
{
	struct error err = { 0 };

	if (f->mount.directory) {
		assert_int_equal(snapshot_unmount(f->mount.directory, &err), 0);
		free((char *)(uintptr_t)f->mount.directory);
	}
	if (f->store)
		close_store(f);
	free(f->path);
	free(f->db_path);
}

#define FIXTURE CLEANUP(fixture_close) struct fixture

static void run_sql(struct fixture *f, const char *sql)
{
	struct error err = { 0 };
	AUTO_DB_TX struct db_tx *tx = db_begin(f->db, DB_RELAXED, &err);

	assert_non_null(tx);
	if (db_exec(tx->conn, &err, sql, "") < 0 || db_commit(&tx, &err) < 0)
		fail_msg("%s", err.message);
}

static struct layer_unpack *begin(struct fixture *f, struct strbuf *archive)
{
	struct layer_unpack *u;
	struct error err = { 0 };

	tar_test_end(archive);
	if (layer_unpack_begin(f->store, &u, &err) < 0 ||
	    layer_unpack_write(u, archive->ptr, archive->len, &err) < 0)
		fail_msg("%s", err.message);
	return u;
}

/* Unpacks archive on parent. */
static struct digest add_layer(struct fixture *f, struct strbuf *archive,
                               const struct digest *parent)
{
	struct layer_unpack *u = begin(f, archive);
	struct error err = { 0 };
	struct digest diff_id, chain, want;

	digest_of(DIGEST_SHA256, archive->ptr, archive->len, &want);
	if (layer_unpack_finish(u, &want, &diff_id, &err) < 0 ||
	    layer_unpack_commit_relaxed(u, parent, &chain, &err) < 0)
		fail_msg("%s", err.message);
	want = parent ? image_chain_next(parent, &want) : want;
	assert_true(digest_equal(&chain, &want));
	return chain;
}

/* Two layers: what the lower has, the upper changes. */
static void add_image(struct fixture *f)
{
	AUTO_STRBUF lower = { 0 };
	AUTO_STRBUF upper = { 0 };
	struct digest first;

	tar_test_entry(&lower, '5', "etc/", NULL, NULL);
	tar_test_entry(&lower, '0', "etc/passwd", NULL, "root");
	tar_test_entry(&lower, '0', "etc/gone", NULL, "x");
	tar_test_entry(&lower, '2', "etc/hosts", "/victim/hosts", NULL);
	tar_test_entry(&lower, '2', "proc", "/victim", NULL);
	tar_test_entry(&lower, '5', "old/", NULL, NULL);
	tar_test_entry(&lower, '0', "old/hidden", NULL, "x");
	first = add_layer(f, &lower, NULL);
	tar_test_entry(&upper, '5', "etc/", NULL, NULL);
	tar_test_entry(&upper, '0', "etc/.wh.gone", NULL, NULL);
	tar_test_entry(&upper, '0', "etc/new", NULL, "new");
	tar_test_entry(&upper, '5', "old/", NULL, NULL);
	tar_test_entry(&upper, '0', "old/.wh..wh..opq", NULL, NULL);
	tar_test_entry(&upper, '0', "old/fresh", NULL, "x");
	f->chain = add_layer(f, &upper, &first);
}

static int mount_container(struct fixture *f, const char *name)
{
	struct error err = { 0 };
	AUTO_FREE char *merged = NULL;
	int fd;

	f->mount.directory = xasprintf("%s/%s", unit_scratch(), name);
	f->mount.chain_id = digest_is_set(&f->chain) ? &f->chain : NULL;
	assert_int_equal(mkdir(f->mount.directory, 0755), 0);
	if (snapshot_prepare(f->store, &f->mount, &err) < 0 ||
	    snapshot_mount(f->store, &f->mount, &err) < 0 ||
	    snapshot_mount(f->store, &f->mount, &err) < 0)
		fail_msg("%s", err.message);
	merged = xasprintf("%s/merged", f->mount.directory);
	fd = open(merged, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static bool exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put(int dir, const char *name, const char *text)
{
	struct error err = { 0 };

	if (write_file(dir, name, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.message);
}

static int add_change(void *ctx, char kind, const char *path)
{
	strbuf_printf(ctx, "%c %s\n", kind, path);
	return 0;
}

TEST(a_container_sees_its_image)
{
	FIXTURE f = { 0 };
	AUTO_CLOSE int root = -1;
	struct stat st;

	fixture_open(&f, "sees");
	add_image(&f);
	root = mount_container(&f, "sees-c");
	assert_true(exists(root, "etc/passwd"));
	assert_true(exists(root, "etc/new"));
	assert_false(exists(root, "etc/gone"));
	assert_true(exists(root, "old/fresh"));
	assert_false(exists(root, "old/hidden"));
	/* links where a runtime mounts are covered */
	assert_int_equal(fstatat(root, "proc", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fstatat(root, "etc/hosts", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(fstatat(root, "etc", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	put(root, "written", "x");
	assert_true(exists(root, "written"));
}

TEST(changes_as_docker_diff_tells_them)
{
	FIXTURE f = { 0 };
	AUTO_CLOSE int root = -1;
	AUTO_STRBUF changes = { 0 };
	struct error err = { 0 };

	fixture_open(&f, "changes");
	add_image(&f);
	root = mount_container(&f, "changes-c");
	assert_int_equal(snapshot_changes(f.store, &f.mount, add_change, &changes, &err), 0);
	assert_string_equal(strbuf_cstr(&changes), "");
	put(root, "etc/passwd", "changed");
	assert_int_equal(unlinkat(root, "etc/new", 0), 0);
	put(root, "etc/added", "x");
	assert_int_equal(mkdirat(root, "newdir", 0755), 0);
	put(root, "newdir/f", "x");
	assert_int_equal(fchmodat(root, "old", 0700, 0), 0);
	assert_int_equal(snapshot_changes(f.store, &f.mount, add_change, &changes, &err), 0);
	assert_string_equal(strbuf_cstr(&changes),
	                    "C /etc\nA /etc/added\nD /etc/new\nC /etc/passwd\n"
	                    "A /newdir\nA /newdir/f\nC /old\n");
}

static void commit(struct fixture *f, bool keep, struct digest *ret_chain)
{
	AUTO_CLOSE int dir = open(f->mount.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err = { 0 };
	struct digest diff_id, want;
	int64_t size;

	if (layer_commit_upper(f->store, dir, "upper", keep, &f->chain, &diff_id, ret_chain, &size,
	                       &err) < 0)
		fail_msg("%s", err.message);
	want = image_chain_next(&f->chain, &diff_id);
	assert_true(digest_equal(ret_chain, &want));
	assert_int_equal(size, 7);
}

TEST(committed_changes_are_a_layer)
{
	static const bool keeps[] = { true, false };
	struct digest chains[2];
	FIXTURE f = { 0 };
	AUTO_CLOSE int root = -1;
	struct error err = { 0 };
	AUTO_FREE char *pack = NULL;
	AUTO_CLOSE int out = -1;
	struct digest diff_id, want;
	AUTO_STRBUF archive = { 0 };
	AUTO_STRV paths = { 0 };

	fixture_open(&f, "commit");
	add_image(&f);
	root = mount_container(&f, "commit-c");
	put(root, "etc/passwd", "changed");
	assert_int_equal(unlinkat(root, "etc/new", 0), 0);
	assert_int_equal(snapshot_unmount(f.mount.directory, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keeps); i++)
		commit(&f, keeps[i], &chains[i]);
	assert_true(digest_equal(&chains[0], &chains[1]));
	assert_int_equal(layer_exists(f.store, &chains[0], NULL, &err), 1);
	assert_int_equal(layer_paths(f.store, &chains[0], &paths, &err), 0);
	assert_int_equal(paths.len, 3);
	/* its archive is the one that its name was made of */
	pack = xasprintf("%s/packed.tar", unit_scratch());
	out = open(pack, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (layer_pack(f.store, &chains[0], out, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(read_file(AT_FDCWD, pack, SIZE_MAX, &archive, &err), 0);
	digest_of(DIGEST_SHA256, archive.ptr, archive.len, &diff_id);
	want = image_chain_next(&f.chain, &diff_id);
	assert_true(digest_equal(&want, &chains[0]));
}

TEST(U12_a_layer_must_be_what_the_image_says)
{
	FIXTURE f = { 0 };
	AUTO_STRBUF archive = { 0 };
	struct error err = { 0 };
	struct digest other;
	struct layer_unpack *u;
	AUTO_FREE char *tmp = NULL;

	fixture_open(&f, "lies");
	tar_test_entry(&archive, '0', "f", NULL, "x");
	u = begin(&f, &archive);
	digest_of(DIGEST_SHA256, "other", 5, &other);
	assert_true(layer_unpack_finish(u, &other, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	tmp = xasprintf("%s/tmp", f.path);
	assert_int_equal(rmdir(tmp), 0); /* nothing was left in it */
}

TEST(hostile_layers_are_refused_and_say_why)
{
	FIXTURE f = { 0 };
	AUTO_STRBUF archive = { 0 };
	struct error err = { 0 };
	struct layer_unpack *u;

	fixture_open(&f, "hostile");
	tar_test_entry(&archive, '0', "../x", NULL, "x");
	u = begin(&f, &archive);
	assert_true(layer_unpack_finish(u, NULL, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.message, "../x"));
}

TEST(a_layer_needs_its_parent)
{
	FIXTURE f = { 0 };
	AUTO_STRBUF archive = { 0 };
	struct error err = { 0 };
	struct digest nobody;
	struct layer_unpack *u;

	fixture_open(&f, "orphan");
	tar_test_entry(&archive, '0', "f", NULL, "x");
	u = begin(&f, &archive);
	digest_of(DIGEST_SHA256, "nobody", 6, &nobody);
	assert_int_equal(layer_unpack_finish(u, NULL, NULL, &err), 0);
	assert_true(layer_unpack_commit(u, &nobody, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

TEST(the_same_layer_twice_is_kept_once)
{
	FIXTURE f = { 0 };
	AUTO_STRBUF a = { 0 };
	AUTO_STRBUF b = { 0 };
	AUTO_STRV paths = { 0 };
	struct error err = { 0 };
	struct digest first, second;
	struct layer_unpack *u;

	fixture_open(&f, "twice");
	tar_test_entry(&a, '0', "f", NULL, "x");
	tar_test_entry(&b, '0', "f", NULL, "x");
	first = add_layer(&f, &a, NULL);
	u = begin(&f, &b);
	assert_int_equal(layer_unpack_finish(u, NULL, NULL, &err), 0);
	assert_int_equal(layer_unpack_commit(u, NULL, &second, &err), 0);
	assert_true(digest_equal(&first, &second));
	assert_int_equal(layer_paths(f.store, &second, &paths, &err), 0);
	assert_int_equal(access(paths.ptr[0], F_OK), 0);
}

static void use(struct fixture *f, const struct digest *chain)
{
	struct error err = { 0 };
	AUTO_DB_TX struct db_tx *tx = db_begin(f->db, DB_RELAXED, &err);
	char text[DIGEST_TEXT_MAX];

	assert_non_null(tx);
	assert_int_equal(db_exec(tx->conn, &err, "INSERT INTO used(chain_id) VALUES(?)", "s",
	                         digest_format(chain, text)),
	                 0);
	assert_int_equal(db_commit(&tx, &err), 0);
}

TEST(collecting_takes_children_before_parents)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	int64_t bytes = 0;

	fixture_open(&f, "collect");
	add_image(&f);
	assert_int_equal(layer_collect(f.store, time_now(), 10, &bytes, &err), 0);
	assert_int_equal(layer_exists(f.store, &f.chain, NULL, &err), 1); /* leased */
	use(&f, &f.chain);
	run_sql(&f, "UPDATE layer_lease SET until = 1");
	assert_int_equal(layer_collect(f.store, time_now(), 10, &bytes, &err), 0);
	run_sql(&f, "DELETE FROM used");
	assert_int_equal(layer_collect(f.store, time_now(), 10, &bytes, &err), 1);
	assert_int_equal(layer_collect(f.store, time_now(), 10, &bytes, &err), 1);
	assert_int_equal(layer_collect(f.store, time_now(), 10, &bytes, &err), 0);
	assert_int_equal(bytes, 4 + 1 + 1 + 3 + 1);
	assert_int_equal(layer_exists(f.store, &f.chain, NULL, &err), 0);
}

TEST(unsynced_layers_do_not_outlive_the_machine)
{
	FIXTURE f = { 0 };
	AUTO_STRBUF a = { 0 };
	struct error err = { 0 };
	struct digest kept;
	AUTO_STRV paths = { 0 };

	fixture_open(&f, "power");
	tar_test_entry(&a, '0', "kept", NULL, "x");
	kept = add_layer(&f, &a, NULL);
	assert_int_equal(snapshot_sync(f.store, &err), 0);
	add_image(&f);
	assert_int_equal(layer_paths(f.store, &f.chain, &paths, &err), 0);
	close_store(&f);
	open_again(&f); /* a new process of the same boot finds all */
	assert_int_equal(layer_exists(f.store, &f.chain, NULL, &err), 1);
	run_sql(&f, "UPDATE layer_boot SET boot_id = 'another'");
	close_store(&f);
	open_again(&f);
	assert_int_equal(layer_exists(f.store, &kept, NULL, &err), 1);
	assert_int_equal(layer_exists(f.store, &f.chain, NULL, &err), 0);
	close_store(&f); /* waits for the sweeper */
	assert_int_equal(access(paths.ptr[0], F_OK), -1);
}

TEST(containers_without_layers)
{
	FIXTURE f = { 0 };
	AUTO_CLOSE int root = -1;

	fixture_open(&f, "scratch");
	root = mount_container(&f, "scratch-c");
	assert_true(exists(root, "etc/hosts"));
	assert_true(exists(root, "dev/pts"));
	put(root, "x", "x");
}

TEST(many_layers_are_mounted)
{
	enum { LAYERS = 140 };
	FIXTURE f = { 0 };
	AUTO_CLOSE int root = -1;

	fixture_open(&f, "many");
	for (int i = 0; i < LAYERS; i++) {
		AUTO_STRBUF a = { 0 };
		char name[20];

		snprintf(name, sizeof(name), "file%d", i);
		tar_test_entry(&a, '0', name, NULL, "x");
		f.chain = add_layer(&f, &a, i ? &f.chain : NULL);
	}
	root = mount_container(&f, "many-c");
	assert_true(exists(root, "file0"));
	assert_true(exists(root, "file139"));
}

TEST(tree_sizes_count_hard_links_once)
{
	AUTO_FREE char *path = xasprintf("%s/size", unit_scratch());
	AUTO_CLOSE int dir = -1;

	assert_int_equal(mkdir(path, 0755), 0);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "d", 0755), 0);
	put(dir, "d/a", "12345");
	assert_int_equal(linkat(dir, "d/a", dir, "b", 0), 0);
	put(dir, "c", "12");
	assert_int_equal(snapshot_tree_size(dir, "."), 7);
}

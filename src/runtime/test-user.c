/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/user.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "unit.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"
			     "0:x:77:77::/x:\nshort:x\n65534:x:1000:0::/evil:\n";
static const char group[] = "root:x:0:\napp:x:1001:\nwheel:x:10:root,app\ndisk:x:6:app\n";

TEST(users_and_groups)
{
	static const struct {
		const char *spec;
		int uid, gid, n_groups;
		const char *home; /* NULL: an error */
	} cases[] = {
		{ "", 0, 0, 2, "/root" },
		{ "app", 1000, 1001, 3, "/home/app" },
		{ "1000", 1000, 1001, 3, "/home/app" },
		{ "app:wheel", 1000, 10, 1, "/home/app" },
		{ "5:6", 5, 6, 1, "/" },
		{ "7", 7, 0, 1, "/" },
		{ "0", 0, 0, 2, "/root" },
		{ "65534", 65534, 0, 1, "/" },
		{ "nobody", 0, 0, 0, NULL },
		{ "app:none", 0, 0, 0, NULL },
		{ "4294967296", 0, 0, 0, NULL },
		{ "-1", 0, 0, 0, NULL },
		{ "4294967295", 0, 0, 0, NULL },
		{ ":wheel", 0, 10, 1, "/root" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct runtime_user u = { 0 };
		struct error err = { 0 };
		int r = runtime_user_resolve_text(str_from(passwd), str_from(group), cases[i].spec,
		                                  NULL, &u, &err);

		if (!cases[i].home) {
			assert_true(r < 0);
			assert_int_equal(err.kind, ERROR_INVALID);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(u.uid, cases[i].uid);
		assert_int_equal(u.gid, cases[i].gid);
		assert_int_equal(u.groups.len, cases[i].n_groups);
		assert_string_equal(u.home, cases[i].home);
		runtime_user_done(&u);
	}
}

TEST(texts_clients_look_for)
{
	struct runtime_user u = { 0 };
	struct error err = { 0 };

	assert_true(runtime_user_resolve_text(STR(""), STR(""), "x", NULL, &u, &err) < 0);
	assert_string_equal(err.message,
	                    "unable to find user x: no matching entries in passwd file");
	assert_true(runtime_user_resolve_text(STR(""), STR(""), "0:y", NULL, &u, &err) < 0);
	assert_string_equal(err.message,
	                    "unable to find group y: no matching entries in group file");
}

TEST(hostile_files_are_not_opened)
{
	AUTO_FREE char *root = xasprintf("%s/root", unit_scratch());
	AUTO_FREE char *etc = xasprintf("%s/etc", root);
	AUTO_FREE char *file = xasprintf("%s/passwd", etc);
	struct runtime_user u = { 0 };
	struct error err = { 0 };

	assert_int_equal(mkdir_parents(AT_FDCWD, etc, 0755), 0);
	assert_int_equal(mkfifo(file, 0644), 0);
	AUTO_CLOSE int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(runtime_user_resolve(fd, "app", NULL, &u, &err) < 0);
	assert_string_equal(err.message, "/etc/passwd in the image is not a regular file");
	/* a link out of the root leads nowhere */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/../../../../etc/passwd", file), 0);
	assert_true(runtime_user_resolve(fd, "daemon", NULL, &u, &err) < 0);
	assert_non_null(strstr(err.message, "unable to find user daemon"));
}

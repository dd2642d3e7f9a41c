/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/user.h"

#include <errno.h>
#include <stdio.h>

#include "base/fs.h"

/* Ids are 31 bits wide, as Docker has them: (uid_t)-1 means "no change" to the kernel. */
enum { ID_MAX = INT32_MAX };

struct passwd_line {
	struct str name, home;
	uid_t uid;
	gid_t gid;
};

struct group_line {
	struct str name, members;
	gid_t gid;
};

void runtime_user_done(struct runtime_user *u)
{
	gid_vec_done(&u->groups);
	free(u->home);
	free(u->name);
	*u = (struct runtime_user){ 0 };
}

static bool parse_id(struct str s, uint32_t *ret)
{
	uint64_t n;

	if (s.len == 0 || parse_u64_str(s, 10, &n) < 0 || n > ID_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool parse_passwd(struct str line, struct passwd_line *ret)
{
	struct str uid, gid, ignored;

	return str_cut(&line, ':', &ret->name) && str_cut(&line, ':', &ignored) &&
	       str_cut(&line, ':', &uid) && str_cut(&line, ':', &gid) && parse_id(uid, &ret->uid) &&
	       parse_id(gid, &ret->gid) &&
	       (str_cut(&line, ':', &ignored),
	        str_cut(&line, ':', &ret->home) || (ret->home = STR(""), true)) &&
	       ret->name.len > 0;
}

static bool parse_group(struct str line, struct group_line *ret)
{
	struct str gid, ignored;

	ret->members = STR("");
	return str_cut(&line, ':', &ret->name) && str_cut(&line, ':', &ignored) &&
	       str_cut(&line, ':', &gid) && parse_id(gid, &ret->gid) &&
	       (str_cut(&line, ':', &ret->members), ret->name.len > 0);
}

/* By name first; a number is also matched as an id. A line named like a number is a name only for
 * what it spells. */
static bool find_user(struct str passwd, struct str who, struct passwd_line *ret)
{
	struct str line, rest = passwd;
	uint32_t id;
	bool numeric = parse_id(who, &id);

	while (str_cut(&rest, '\n', &line))
		if (parse_passwd(line, ret) && (numeric ? ret->uid == id : str_eq(ret->name, who)))
			return true;
	return false;
}

static bool find_group(struct str group, struct str who, struct group_line *ret)
{
	struct str line, rest = group;
	uint32_t id;
	bool numeric = parse_id(who, &id);

	while (str_cut(&rest, '\n', &line))
		if (parse_group(line, ret) && (numeric ? ret->gid == id : str_eq(ret->name, who)))
			return true;
	return false;
}

static void add_group(struct runtime_user *u, gid_t gid)
{
	for (size_t i = 0; i < u->groups.len; i++)
		if (u->groups.ptr[i] == gid)
			return;
	if (u->groups.len < USER_GROUPS_MAX)
		gid_vec_push(&u->groups, gid);
}

static void add_memberships(struct runtime_user *u, struct str group, struct str name)
{
	struct str line, rest = group, member;
	struct group_line g;

	while (str_cut(&rest, '\n', &line)) {
		if (!parse_group(line, &g))
			continue;
		while (str_cut(&g.members, ',', &member))
			if (str_eq(str_trim(member), name))
				add_group(u, g.gid);
	}
}

static int resolve_group(struct str group, struct str who, gid_t *ret, struct error *err)
{
	struct group_line g;
	uint32_t id;

	if (find_group(group, who, &g)) {
		*ret = g.gid;
		return 0;
	}
	if (!parse_id(who, &id))
		return error_set(err, ERROR_INVALID,
		                 "unable to find group %.*s: no matching entries in group file",
		                 STR_ARG(who));
	*ret = id;
	return 0;
}

static int resolve_user(struct str passwd, struct str who, struct runtime_user *ret, bool *known,
                        struct error *err)
{
	struct passwd_line line;
	uint32_t id = 0;

	*known = find_user(passwd, who, &line);
	if (*known) {
		ret->uid = line.uid;
		ret->gid = line.gid;
		ret->name = xstrndup(line.name.ptr, line.name.len);
		ret->home = line.home.len ? xstrndup(line.home.ptr, line.home.len) : xstrdup("/");
		return 0;
	}
	if (who.len && !parse_id(who, &id))
		return error_set(err, ERROR_INVALID,
		                 "unable to find user %.*s: no matching entries in passwd file",
		                 STR_ARG(who));
	ret->uid = id;
	ret->home = xstrdup("/");
	return 0;
}

int runtime_user_resolve_text(struct str passwd, struct str group, const char *spec,
                              const struct strv *group_add, struct runtime_user *ret,
                              struct error *err)
{
	CLEANUP(runtime_user_done) struct runtime_user u = { 0 };
	struct str rest = str_from(spec ? spec : ""), who, which;
	bool known;
	int r;

	if (!str_cut(&rest, ':', &who))
		who = STR("");
	which = rest.ptr ? rest : STR("");
	r = resolve_user(passwd, who.len ? who : STR("0"), &u, &known, err);
	if (r < 0)
		return r;
	if (which.len) {
		r = resolve_group(group, which, &u.gid, err);
		if (r < 0)
			return r;
		add_group(&u, u.gid);
	} else {
		add_group(&u, u.gid);
		if (known)
			add_memberships(&u, group, str_from(u.name));
	}
	for (size_t i = 0; group_add && i < group_add->len; i++) {
		gid_t gid = 0;

		r = resolve_group(group, str_from(group_add->ptr[i]), &gid, err);
		if (r < 0)
			return r;
		add_group(&u, gid);
	}
	*ret = u;
	u = (struct runtime_user){ 0 };
	return 0;
}

/* Looked at before it is opened for reading: opening a device may already do something. A missing
 * file is an empty one. */
static int read_image_file(int rootfd, const char *path, struct strbuf *out, struct error *err)
{
	AUTO_CLOSE int handle =
		rootfd < 0 ? -ENOENT : open_in_root(rootfd, path, O_PATH | O_CLOEXEC, 0);
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char self[64];

	if (handle < 0)
		return 0;
	if (fstat(handle, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, ERROR_INVALID, "%s in the image is not a regular file", path);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot read %s of the image", path);
	return read_fd(fd, USER_FILE_MAX, out, err);
}

int runtime_user_resolve(int rootfd, const char *spec, const struct strv *group_add,
                         struct runtime_user *ret, struct error *err)
{
	AUTO_STRBUF passwd = { 0 };
	AUTO_STRBUF group = { 0 };
	int r = read_image_file(rootfd, "/etc/passwd", &passwd, err);

	if (r >= 0)
		r = read_image_file(rootfd, "/etc/group", &group, err);
	return r < 0 ? r
	             : runtime_user_resolve_text(strbuf_str(&passwd), strbuf_str(&group), spec,
	                                         group_add, ret, err);
}

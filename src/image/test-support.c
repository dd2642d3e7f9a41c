/* SPDX-License-Identifier: Apache-2.0 */
#include "image/test-support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#include "archive/tar.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "unit.h"

static void note(void *ctx, const struct progress *p)
{
	struct world *w = ctx;
	strbuf_printf(&w->log, "%s|%s|%s|%s\n", p->id ? p->id : "", p->status ? p->status : "",
	              p->stream ? p->stream : "", p->aux_json ? p->aux_json : "");
}

void expect_ok(int r, const struct error *err)
{
	if (r < 0)
		fail_msg("%s", err->message);
}

void world_open(struct world *w)
{
	static unsigned count;
	static const struct content_options options = { .referenced_sql =
		                                                image_content_referenced_sql };
	static const struct snapshot_options layer_options = { .referenced_sql =
		                                                       image_layer_referenced_sql };
	static const struct remote_config remote = { .user_agent = "test/1" };
	struct error err = { 0 };
	AUTO_FREE char *dir = xasprintf("%s/%u", unit_scratch(), count++);
	AUTO_FREE char *db = xasprintf("%s/db", dir);
	AUTO_FREE char *content = xasprintf("%s/content", dir);

#ifdef REAL_SNAPSHOTS
	signal(SIGPIPE, SIG_IGN);
	if (geteuid() != 0)
		skip();
#endif
	assert_int_equal(mkdir(dir, 0700), 0);
	memset(w, 0, sizeof(*w));
	w->db = db_open(db, &err);
	expect_ok(w->db ? 0 : -1, &err);
	w->content = content_open(content, w->db, &options, &err);
	expect_ok(w->content ? 0 : -1, &err);
	AUTO_FREE char *layers = xasprintf("%s/layers", dir);
	w->snapshots = snapshot_open(layers, w->db, &layer_options, &err);
	expect_ok(w->snapshots ? 0 : -1, &err);
	w->events = event_bus_new();
	w->images = image_store_open(w->db, w->content, w->snapshots, &remote, w->events, &err);
	expect_ok(w->images ? 0 : -1, &err);
	w->job = (struct job){ .cancel = &w->cancel, .progress = note, .ctx = w };
}

void world_close(struct world *w)
{
	image_store_close(w->images);
	event_bus_free(w->events);
	snapshot_close(w->snapshots);
	content_close(w->content);
	db_close(w->db);
	strbuf_done(&w->log);
}

static int to_fd(void *ctx, const void *data, size_t n, struct error *err)
{
	const int *fd = ctx;
	return write_full(*fd, data, n);
}

int make_tar(const char *name, const char *text)
{
	struct error err = { 0 };
	int fd = memfd_create("tar", MFD_CLOEXEC);
	CLEANUP(tar_writer_free_ptr) struct tar_writer *w = tar_writer_new(to_fd, &fd);

	assert_true(fd >= 0);
	expect_ok(tar_write_file(w, name, text, strlen(text), 0, &err), &err);
	expect_ok(tar_writer_finish(w, &err), &err);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

struct digest import_image(struct world *w, const char *tag, const char *text)
{
	AUTO_CLOSE int fd = make_tar("file", text);
	AUTO_REFERENCE ref = { 0 };
	struct digest id = { 0 };
	struct error err = { 0 };

	if (tag)
		ref = parse_ref(tag);
	expect_ok(image_import(w->images, fd, tag ? &ref : NULL, "made by a test", NULL, NULL,
	                       &w->job, &id, &err),
	          &err);
	return id;
}

struct reference parse_ref(const char *s)
{
	struct reference ref = { 0 };
	struct error err = { 0 };
	expect_ok(reference_parse(s, &ref, &err), &err);
	return ref;
}

bool log_has(struct world *w, const char *text)
{
	return strstr(strbuf_cstr(&w->log), text);
}

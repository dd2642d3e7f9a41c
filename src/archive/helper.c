/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/helper.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "archive/feed.h"
#include "archive/jail.h"
#include "archive/pack.h"
#include "archive/unpack.h"
#include "base/fs.h"

/* Headers and padding come on top of the content that is allowed. */
enum { UNPACK_OVERHEAD_PER_ENTRY = 2048 };

static int hear(struct archive_request *ret, struct error *err)
{
	ssize_t n = recv(ARCHIVE_SOCKET_FD, ret, sizeof(*ret), MSG_WAITALL);

	if (n != (ssize_t)sizeof(*ret) || ret->magic != ARCHIVE_MAGIC || ret->size != sizeof(*ret))
		return error_set(
			err, ERROR_INTERNAL,
			"coracle-archive is of another version than the program that runs it");
	ret->path[sizeof(ret->path) - 1] = '\0';
	ret->rename_base[sizeof(ret->rename_base) - 1] = '\0';
	return 0;
}

static int64_t stream_limit(const struct archive_request *q)
{
	int64_t overhead, limit;

	if (ckd_mul(&overhead, q->max_entries, UNPACK_OVERHEAD_PER_ENTRY) ||
	    ckd_add(&limit, q->max_bytes, overhead))
		return INT64_MAX;
	return limit;
}

static int unpack(const struct archive_request *q, struct unpack_result *ret, struct error *err)
{
	enum jail_use use = q->unpack_style == UNPACK_LAYER ? JAIL_UNPACK_LAYER : JAIL_UNPACK_PLAIN;
	struct feed *feed;
	int r = jail_enter(ARCHIVE_ROOT_FD, ARCHIVE_SOCKET_FD, use, q->max_bytes, err);

	if (r == 0)
		r = feed_open(STDIN_FILENO, stream_limit(q), &feed, err);
	if (r == 0)
		r = jail_lock(err);
	if (r < 0)
		return r;
	feed_start(feed);
	r = unpack_run(ARCHIVE_ROOT_FD, q, feed_source(feed), ret, err);
	if (r == 0)
		feed_result(feed, &ret->diff_id, &ret->diff_size);
	return r;
}

static int pack(const struct archive_request *q, struct unpack_result *ret, struct error *err)
{
	int r = jail_enter(ARCHIVE_ROOT_FD, ARCHIVE_SOCKET_FD, JAIL_PACK, 0, err);

	if (r == 0)
		r = jail_lock(err);
	return r < 0 ? r : pack_run(ARCHIVE_ROOT_FD, q, STDOUT_FILENO, ret, err);
}

int archive_helper_main(void)
{
	struct archive_reply reply = { .magic = ARCHIVE_MAGIC };
	static struct archive_request request;
	struct error err = { 0 };
	int r = hear(&request, &err);

	if (r == 0)
		r = request.operation == ARCHIVE_UNPACK ? unpack(&request, &reply.result, &err)
		                                        : pack(&request, &reply.result, &err);
	if (r < 0) {
		reply.kind = err.kind;
		memcpy(reply.message, err.message, sizeof(reply.message));
	}
	r = write_full(ARCHIVE_SOCKET_FD, &reply, sizeof(reply));
	return r < 0;
}

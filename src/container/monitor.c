/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that hears all shims. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"

struct ending {
	struct container *c;
	struct shim_exited e;
};

static void *handle_ending(void *arg)
{
	struct ending *ending = arg;

	container_ended(ending->c, &ending->e);
	free(ending);
	return NULL;
}

static void begin_ending(struct container *c, const struct shim_exited *e)
{
	struct ending *ending = NEW(struct ending);
	struct error err = { 0 };

	*ending = (struct ending){ .c = c, .e = *e };
	if (container_work(c, handle_ending, ending, &err) < 0) {
		log_error("cannot handle the end of container=%s: %s", c->info.id, err.message);
		free(ending);
	}
}

/* The shim is gone without a word: its exit file speaks for it, or it was killed, and so is what it
 * left behind. */
static void shim_is_gone(struct container *c)
{
	AUTO_FREE char *bundle = container_bundle(c);
	struct shim_exited e = { .code = 137, .time = time_now() };

	if (shim_read_exit(bundle, &e) == 0)
		log_warning("the shim ended without telling: the container is killed container=%s",
		            c->info.id);
	begin_ending(c, &e);
}

static void unwatch(struct containers *cs, struct container *c)
{
	epoll_ctl(cs->epoll_fd, EPOLL_CTL_DEL, c->monitor_fd, NULL);
	c->watched = false;
}

static void ready(struct containers *cs, struct container *c)
{
	struct shim_exited e;
	int r = 0;

	while (c->monitor_fd >= 0 && (r = shim_read_event(c->monitor_fd, false, &e)) == 1) {
		if (e.process[0]) {
			exec_ended(c, &e);
			continue;
		}
		/* the exit's thread reads on until the shim is gone */
		unwatch(cs, c);
		begin_ending(c, &e);
		container_unref(c);
		return;
	}
	if (r < 0) {
		unwatch(cs, c);
		shim_is_gone(c);
		container_unref(c);
	}
}

static void *monitor(void *arg)
{
	struct containers *cs = arg;
	struct epoll_event events[32];

	while (!atomic_load(&cs->closing)) {
		int n = epoll_wait(cs->epoll_fd, events, ARRAY_SIZE(events), -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr)
				ready(cs, events[i].data.ptr);
	}
	return NULL;
}

int monitor_start(struct containers *cs, struct error *err)
{
	struct epoll_event e = { .events = EPOLLIN };
	int r;

	if (cs->epoll_fd < 0 || cs->wake_fd < 0 ||
	    epoll_ctl(cs->epoll_fd, EPOLL_CTL_ADD, cs->wake_fd, &e) < 0)
		return error_set_errno(err, errno, "cannot watch containers");
	r = thread_start(&cs->monitor, monitor, cs, err);
	cs->monitoring = r >= 0;
	return r;
}

/* Those that go on running are nobody's then, until the next start of the engine. */
static void drop_watched(struct containers *cs)
{
	struct container_ptr_vec all = { 0 };

	container_list(cs, &all);
	vec_for_each (&all, c)
		if ((*c)->watched) {
			unwatch(cs, *c);
			container_unref(*c);
		}
	container_list_done(&all);
}

void monitor_stop(struct containers *cs)
{
	if (!cs->monitoring)
		return;
	IGNORE_RESULT(eventfd_write(cs->wake_fd, 1) < 0, "a counter does not fail");
	pthread_join(cs->monitor, NULL);
	cs->monitoring = false;
	drop_watched(cs);
}

/* The set's references to containers it watches are dropped where it stops to. */
int monitor_add(struct container *c, int fd, struct error *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	c->monitor_fd = fd;
	c->watched = true;
	container_ref(c);
	if (epoll_ctl(c->cs->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	c->watched = false;
	container_unref(c);
	return error_set_errno(err, errno, "cannot watch the container's shim");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/loop.h"

#include <errno.h>
#include <sys/epoll.h>

int loop_init(struct loop *l)
{
	*l = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return l->epoll_fd < 0 ? -errno : 0;
}

void loop_done(struct loop *l)
{
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	l->epoll_fd = -1;
}

int source_add(struct loop *l, struct source *s, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	s->fd = fd;
	s->events = events;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	s->fd = -1;
	close(fd);
	return -errno;
}

void source_set_events(struct loop *l, struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	if (s->fd < 0 || s->events == events)
		return;
	/* a descriptor without interest leaves the set: EPOLLHUP would be reported for ever */
	if (!events)
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	else
		epoll_ctl(l->epoll_fd, s->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->fd, &e);
	s->events = events;
}

void source_remove(struct loop *l, struct source *s)
{
	if (s->fd < 0)
		return;
	if (s->events)
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->fd = -1;
	s->events = 0;
	for (int i = 0; i < l->n_pending; i++)
		if (l->pending[i] == s)
			l->pending[i] = NULL;
}

void loop_once(struct loop *l, int timeout_ms)
{
	struct epoll_event events[ARRAY_SIZE(l->pending)];
	int n = epoll_wait(l->epoll_fd, events, ARRAY_SIZE(events), timeout_ms);

	if (n < 0)
		return;
	l->n_pending = n;
	for (int i = 0; i < n; i++)
		l->pending[i] = events[i].data.ptr;
	for (int i = 0; i < n; i++) {
		struct source *s = l->pending[i];

		if (s)
			s->ready(s, events[i].events);
	}
	l->n_pending = 0;
}

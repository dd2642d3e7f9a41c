/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/thread.h"
#include "base/time.h"

/*
 * An event is copied once, when it is published; the ring and all queues share that copy and
 * count it, and event_next() gives out a copy of its own that needs no lock.
 */
struct shared_event {
	struct event e;  /* owns its strings */
	unsigned n_refs; /* bus->lock */
};

/* The most recent events, oldest overwritten first: item i is at (first + i) % cap. */
struct ring {
	struct shared_event **items;
	size_t first, len, cap;
};

struct event_bus {
	pthread_mutex_t lock; /* everything below, and all subscriptions */
	struct ring past;
	struct list subscriptions;
	bool woken;
};

struct event_subscription {
	struct list link;
	struct event_bus *bus; /* borrowed; outlives its subscriptions */
	pthread_cond_t more;
	struct ring queue;
	uint64_t n_lost; /* since the last event given out */
};

static void copy_event(struct event *to, const struct event *from)
{
	*to = (struct event){ .time = from->time ? from->time : time_now(),
		              .type = xstrdup_null(from->type),
		              .action = xstrdup_null(from->action),
		              .id = xstrdup_null(from->id) };
	strmap_copy(&to->attributes, &from->attributes);
}

static void clear_event(struct event *e)
{
	free((char *)(uintptr_t)e->type);
	free((char *)(uintptr_t)e->action);
	free((char *)(uintptr_t)e->id);
	strmap_done(&e->attributes);
}

void event_free(struct event *e)
{
	if (!e)
		return;
	clear_event(e);
	free(e);
}

static void shared_unref(struct shared_event *s)
{
	if (--s->n_refs)
		return;
	clear_event(&s->e);
	free(s);
}

static struct shared_event *ring_at(const struct ring *r, size_t i)
{
	return r->items[(r->first + i) % r->cap];
}

static struct shared_event *ring_take_first(struct ring *r)
{
	struct shared_event *s = ring_at(r, 0);

	r->first = (r->first + 1) % r->cap;
	r->len--;
	return s;
}

static void ring_grow(struct ring *r, size_t max)
{
	size_t cap = MIN(MAX(r->cap * 2, (size_t)16), max);
	struct shared_event **items = xcalloc(cap, sizeof(struct shared_event *));

	for (size_t i = 0; i < r->len; i++)
		items[i] = ring_at(r, i);
	free(r->items);
	*r = (struct ring){ .items = items, .len = r->len, .cap = cap };
}

/* Takes a reference. true when the oldest had to go for it. */
static bool ring_append(struct ring *r, struct shared_event *s, size_t max)
{
	bool full = r->len == max;

	if (full)
		shared_unref(ring_take_first(r));
	else if (r->len == r->cap)
		ring_grow(r, max);
	s->n_refs++;
	r->items[(r->first + r->len++) % r->cap] = s;
	return full;
}

static void ring_done(struct ring *r)
{
	while (r->len)
		shared_unref(ring_take_first(r));
	free(r->items);
}

struct event_bus *event_bus_new(void)
{
	struct event_bus *b = NEW(struct event_bus);

	pthread_mutex_init(&b->lock, NULL);
	list_init(&b->subscriptions);
	return b;
}

void event_bus_free(struct event_bus *b)
{
	if (!b)
		return;
	ring_done(&b->past);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static void queue_append(struct event_subscription *s, struct shared_event *e)
{
	if (ring_append(&s->queue, e, EVENT_QUEUE_MAX))
		s->n_lost++;
}

void event_publish(struct event_bus *b, const struct event *e)
{
	struct shared_event *shared;

	if (!b)
		return;
	shared = NEW(struct shared_event);
	copy_event(&shared->e, e);
	WITH_LOCK(&b->lock);
	ring_append(&b->past, shared, EVENT_RING);
	list_for_each (&b->subscriptions, it) {
		struct event_subscription *s = container_of(it, struct event_subscription, link);

		queue_append(s, shared);
		pthread_cond_signal(&s->more);
	}
}

struct event_subscription *event_subscribe(struct event_bus *b, int64_t since)
{
	struct event_subscription *s = NEW(struct event_subscription);
	pthread_condattr_t attr;

	s->bus = b;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->more, &attr);
	pthread_condattr_destroy(&attr);
	WITH_LOCK(&b->lock);
	for (size_t i = 0; since && i < b->past.len; i++)
		if (ring_at(&b->past, i)->e.time >= since)
			queue_append(s, ring_at(&b->past, i));
	list_append(&b->subscriptions, &s->link);
	return s;
}

void event_unsubscribe(struct event_subscription *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->bus->lock);
	list_remove(&s->link);
	ring_done(&s->queue);
	pthread_mutex_unlock(&s->bus->lock);
	pthread_cond_destroy(&s->more);
	free(s);
}

/* 0 when the time is up. */
static int wait_for_more(struct event_subscription *s, int64_t until)
{
	struct timespec t = { .tv_sec = (time_t)(until / NSEC_PER_SEC),
		              .tv_nsec = (long)(until % NSEC_PER_SEC) };

	if (until == 0)
		return 0;
	if (until == INT64_MAX)
		return pthread_cond_wait(&s->more, &s->bus->lock) == 0;
	return pthread_cond_timedwait(&s->more, &s->bus->lock, &t) != ETIMEDOUT;
}

/* Tells a subscriber that was too slow, before the events that are left. */
static struct event *lost_event(uint64_t n)
{
	struct event *e = NEW(struct event);
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	copy_event(e, &(struct event){ .type = "daemon", .action = "events-lost", .id = "" });
	strmap_set(&e->attributes, "count", text);
	return e;
}

int event_next(struct event_subscription *s, int64_t until, struct event **ret)
{
	struct shared_event *first;

	WITH_LOCK(&s->bus->lock);
	while (!s->queue.len && !s->bus->woken)
		if (!wait_for_more(s, until))
			break;
	if (s->bus->woken)
		return -ECANCELED;
	if (!s->queue.len)
		return 0;
	if (s->n_lost) {
		*ret = lost_event(s->n_lost);
		s->n_lost = 0;
		return 1;
	}
	first = ring_take_first(&s->queue);
	*ret = NEW(struct event);
	copy_event(*ret, &first->e);
	shared_unref(first);
	return 1;
}

void event_bus_wake(struct event_bus *b)
{
	WITH_LOCK(&b->lock);
	b->woken = true;
	list_for_each (&b->subscriptions, it)
		pthread_cond_broadcast(&container_of(it, struct event_subscription, link)->more);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The engine's events: published by any room, kept in a ring of EVENT_RING for `since`, and
 * handed to subscribers, each with a queue of its own that is bounded (a subscriber that does not
 * read loses the oldest and is told how many: type "daemon", action "events-lost", attribute
 * "count"). Any thread.
 */
#include "base/strmap.h"

enum { EVENT_RING = 1024, EVENT_QUEUE_MAX = 4096 };

struct event {
	int64_t time;            /* wall, ns */
	const char *type;        /* "container", "image", "network", "volume", "daemon", "builder" */
	const char *action;      /* "start", "exec_create: ls", ...; borrowed during publish, owned in copies */
	const char *id;          /* actor */
	struct strmap attributes;
};

struct event_bus;
struct event_subscription;

struct event_bus *event_bus_new(void) MUST_USE;
void event_bus_free(struct event_bus *b);
/* Copies e; time 0 becomes now. b may be NULL (tests): then nothing happens. */
void event_publish(struct event_bus *b, const struct event *e);

/* Past events with since <= time come first (since 0: none). */
struct event_subscription *event_subscribe(struct event_bus *b, int64_t since) MUST_USE;
void event_unsubscribe(struct event_subscription *s);
/* Next event: 1 and *ret (free with event_free), 0 when until (monotonic ns, 0 = no wait,
 * INT64_MAX = for ever) has passed, -ECANCELED after event_bus_wake(). */
int event_next(struct event_subscription *s, int64_t until, struct event **ret) MUST_USE;
void event_free(struct event *e);
/* Makes every waiting event_next() return -ECANCELED: shutdown. */
void event_bus_wake(struct event_bus *b);

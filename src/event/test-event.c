/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <errno.h>
#include <stdio.h>

#include "base/thread.h"
#include "base/time.h"

#include "unit.h"

DEFINE_CLEANUP(struct event_bus *, event_bus_free)
DEFINE_CLEANUP(struct event_subscription *, event_unsubscribe)
DEFINE_CLEANUP(struct event *, event_free)
#define AUTO_BUS CLEANUP(event_bus_free_ptr) struct event_bus
#define AUTO_SUBSCRIPTION CLEANUP(event_unsubscribe_ptr) struct event_subscription
#define AUTO_EVENT CLEANUP(event_free_ptr) struct event

static void publish(struct event_bus *b, int64_t at, const char *id)
{
	struct event e = { .time = at, .type = "container", .action = "start", .id = id };

	strmap_set(&e.attributes, "image", "busybox");
	event_publish(b, &e);
	strmap_done(&e.attributes);
}

static void assert_next(struct event_subscription *s, const char *id)
{
	AUTO_EVENT *e = NULL;

	assert_int_equal(event_next(s, 0, &e), 1);
	assert_string_equal(e->id, id);
	assert_string_equal(e->type, "container");
	assert_string_equal(strmap_get(&e->attributes, "image"), "busybox");
}

static void assert_nothing(struct event_subscription *s)
{
	struct event *e;

	assert_int_equal(event_next(s, 0, &e), 0);
}

TEST(every_subscriber_gets_every_event)
{
	AUTO_BUS *b = event_bus_new();
	AUTO_SUBSCRIPTION *one = event_subscribe(b, 0);
	AUTO_SUBSCRIPTION *two = event_subscribe(b, 0);

	publish(b, 1, "a");
	publish(b, 2, "b");
	assert_next(one, "a");
	assert_next(two, "a");
	assert_next(one, "b");
	assert_nothing(one);
	assert_next(two, "b");
	event_publish(NULL, &(struct event){ 0 });
}

TEST(the_past_comes_first_when_asked_for)
{
	AUTO_BUS *b = event_bus_new();

	for (int i = 1; i <= 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "e%d", i);
		publish(b, i, id);
	}
	AUTO_SUBSCRIPTION *some = event_subscribe(b, 2);
	AUTO_SUBSCRIPTION *none = event_subscribe(b, 0);
	publish(b, 4, "e4");
	assert_next(some, "e2");
	assert_next(some, "e3");
	assert_next(some, "e4");
	assert_nothing(some);
	assert_next(none, "e4");
}

TEST(the_ring_keeps_the_last)
{
	AUTO_BUS *b = event_bus_new();

	for (int i = 1; i <= EVENT_RING + 10; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		publish(b, i, id);
	}
	AUTO_SUBSCRIPTION *s = event_subscribe(b, 1);
	for (int i = 11; i <= EVENT_RING + 10; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		assert_next(s, id);
	}
	assert_nothing(s);
}

TEST(a_slow_subscriber_is_told_what_it_lost)
{
	AUTO_BUS *b = event_bus_new();
	AUTO_SUBSCRIPTION *s = event_subscribe(b, 0);
	AUTO_EVENT *e = NULL;

	for (int i = 1; i <= EVENT_QUEUE_MAX + 3; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		publish(b, i, id);
	}
	assert_int_equal(event_next(s, 0, &e), 1);
	assert_string_equal(e->action, "events-lost");
	assert_string_equal(strmap_get(&e->attributes, "count"), "3");
	assert_next(s, "4");
}

static void *wait_for_one(void *arg)
{
	struct event *e = NULL;
	int r = event_next(arg, INT64_MAX, &e);

	event_free(e);
	return (void *)(intptr_t)r;
}

TEST(waiting_ends_with_an_event_a_wake_or_the_time)
{
	struct error err = { 0 };
	AUTO_BUS *b = event_bus_new();
	AUTO_SUBSCRIPTION *s = event_subscribe(b, 0);
	pthread_t t;
	void *r;
	struct event *e;

	assert_int_equal(thread_start(&t, wait_for_one, s, &err), 0);
	publish(b, 0, "now");
	pthread_join(t, &r);
	assert_int_equal((intptr_t)r, 1);

	assert_int_equal(event_next(s, time_monotonic() + 1000, &e), 0);

	assert_int_equal(thread_start(&t, wait_for_one, s, &err), 0);
	event_bus_wake(b);
	pthread_join(t, &r);
	assert_int_equal((intptr_t)r, -ECANCELED);
}

enum { PUBLISHERS = 4, EACH = 100 };

static void *publish_many(void *arg)
{
	for (int i = 0; i < EACH; i++)
		publish(arg, 0, "x");
	return NULL;
}

TEST(many_publishers)
{
	struct error err = { 0 };
	AUTO_BUS *b = event_bus_new();
	AUTO_SUBSCRIPTION *s = event_subscribe(b, 0);
	pthread_t threads[PUBLISHERS];

	for (int i = 0; i < PUBLISHERS; i++)
		assert_int_equal(thread_start(&threads[i], publish_many, b, &err), 0);
	for (int i = 0; i < PUBLISHERS * EACH; i++) {
		struct event *e = NULL;

		assert_int_equal(event_next(s, INT64_MAX, &e), 1);
		event_free(e);
	}
	for (int i = 0; i < PUBLISHERS; i++)
		pthread_join(threads[i], NULL);
	assert_nothing(s);
}

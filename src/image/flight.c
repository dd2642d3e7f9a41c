/* SPDX-License-Identifier: Apache-2.0 */
#include "image/flight.h"

#include <errno.h>
#include <time.h>

enum { WAIT_MS = 100 };

void flights_init(struct flights *f)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &attr);
	pthread_condattr_destroy(&attr);
	f->keys = map_new();
}

void flights_done(struct flights *f)
{
	map_free(f->keys);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
}

bool flight_take(struct flights *f, const char *key)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	WITH_LOCK(&f->lock);
	while (map_get(f->keys, key)) {
		/* The caller looks at its cancel flag between waits. */
		if (pthread_cond_timedwait(&f->changed, &f->lock, &until) == ETIMEDOUT)
			return false;
	}
	map_set(f->keys, key, f);
	return true;
}

void flight_end(struct flights *f, const char *key)
{
	WITH_LOCK(&f->lock);
	map_remove(f->keys, key);
	pthread_cond_broadcast(&f->changed);
}

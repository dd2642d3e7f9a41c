/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Thread helpers: scoped locks, small-stack threads, counted references. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"

/* Locks m until the end of the scope. */
#define WITH_LOCK(m) \
	CLEANUP(scoped_unlock) UNUSED pthread_mutex_t *scoped_lock_ = (pthread_mutex_lock(m), (m))

static inline void scoped_unlock(pthread_mutex_t **m)
{
	pthread_mutex_unlock(*m);
}

/* Starts fn(arg) with a stack of 256 KiB. Detached when ret is NULL. */
int thread_start(pthread_t *ret, void *(*fn)(void *), void *arg, struct error *err) MUST_USE;

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Work in flight, by key: whoever comes first does it, the others wait for the end and then look
 * whether it was done or has to be done by them. Any thread.
 */
#include "base/map.h"
#include "base/thread.h"

struct flights {
	pthread_mutex_t lock; /* keys */
	pthread_cond_t changed;
	struct map *keys;
};

void flights_init(struct flights *f);
void flights_done(struct flights *f);
/* Takes the key when nobody has it; false when someone does, after waiting a moment for it. */
bool flight_take(struct flights *f, const char *key);
void flight_end(struct flights *f, const char *key);

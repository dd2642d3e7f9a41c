/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The filters= parameter: {"key":["value"]}, or {"key":{"value":true}} as older clients and
 * docker's CLI send it. Empty text is no filter.
 */
#include "base/error.h"
#include "base/strmap.h"
#include "oci/image-config.h"

struct filter {
	char *key;
	struct strv values;
};
DEFINE_VEC(filter_vec, struct filter);

struct filters {
	struct filter_vec list;
};
#define AUTO_FILTERS CLEANUP(filters_done) struct filters

void filters_done(struct filters *f);
/* INVALID for broken JSON and, naming it, for a key outside allowed (NULL-terminated). */
int filters_parse(const char *text, const char *const *allowed, struct filters *ret, struct error *err) MUST_USE;
/* The values of a key; NULL when it was not given. */
const struct strv *filters_get(const struct filters *f, const char *key);
/* True when the key was not given or one value equals text. */
bool filters_match(const struct filters *f, const char *key, const char *text);
/* The same, one value being contained in text. */
bool filters_contains(const struct filters *f, const char *key, const char *text);
/* True when every value of "label" ("k" or "k=v") holds for labels, and none of "label!" does. */
bool filters_labels(const struct filters *f, const struct strmap *labels);
/* A boolean key: 1 or 0, def when not given, INVALID for other texts. */
int filters_bool(const struct filters *f, const char *key, bool def, bool *ret, struct error *err) MUST_USE;
/* "until" of a prune as a wall time; 0 when not given. */
int filters_until(const struct filters *f, int64_t *ret, struct error *err) MUST_USE;

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An archive being decoded and hashed by one thread while another unpacks it: a ring of buffers
 * between them. The reader of the source is the only one that touches the codec and the digest.
 */
#include "archive/codec.h"
#include "oci/digest.h"

struct feed;

/* Reads the possibly compressed archive from fd (borrowed); the thread waits for feed_start(). */
int feed_open(int fd, int64_t limit, struct feed **ret, struct error *err) MUST_USE;
void feed_start(struct feed *f);
struct byte_source *feed_source(struct feed *f);
/* After the source gave its end. */
void feed_result(struct feed *f, struct digest *ret_diff_id, int64_t *ret_size);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rows that more than one command lists. */
#include "cli/table.h"

extern const struct row_field container_fields[], image_fields[], volume_fields[];

/* What a row of image_fields has in .extra: the name it is listed under. */
struct image_name {
	const char *repository, *tag, *digest;
};

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The ustar header as it lies in a block, for reader and writer. */
#include <assert.h>

#include "archive/tar.h"

struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

#define TAR_XATTR_PREFIX "SCHILY.xattr."

/* Sum of the block's bytes with the checksum field as spaces. */
unsigned tar_checksum(const struct tar_header *h);

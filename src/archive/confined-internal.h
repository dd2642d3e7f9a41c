/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the engine's side and coracle-archive say to each other, once each way, over a socket pair.
 * The child has the archive as descriptor 0 (unpacking) or 1 (packing), the directory that becomes
 * its root as 3, the socket as 4. Both are of one build: the structs travel as they are.
 */
#include "archive/confined.h"
#include "archive/tar.h"

enum { ARCHIVE_MAGIC = 0x63617231, ARCHIVE_ROOT_FD = 3, ARCHIVE_SOCKET_FD = 4, ARCHIVE_BASE_MAX = 256 };

enum archive_operation { ARCHIVE_UNPACK, ARCHIVE_PACK };

struct archive_request {
	uint32_t magic;
	uint32_t size;
	enum archive_operation operation;
	enum unpack_style unpack_style;
	enum pack_style pack_style;
	bool no_overwrite_dir_non_dir;
	bool copy_uid_gid;
	bool has_rename_base;
	uid_t uid;
	gid_t gid;
	int64_t max_bytes;
	int64_t max_entries;
	int64_t clamp_mtime;
	char path[TAR_NAME_MAX + 1]; /* the subdirectory, or what to pack; "" is the root */
	char rename_base[ARCHIVE_BASE_MAX];
};

struct archive_reply {
	uint32_t magic;
	enum error_kind kind; /* ERROR_NONE: result holds */
	struct unpack_result result;
	char message[ERROR_MESSAGE_MAX];
};

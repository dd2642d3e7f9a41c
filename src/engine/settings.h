/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of settings behind config.h; only this folder needs it. */
#include "engine/config.h"

enum setting_type {
	SETTING_BOOL,
	SETTING_STRING,
	SETTING_LIST,     /* struct strv; the flag may be repeated */
	SETTING_MAP,      /* struct strmap; key=value */
	SETTING_INT,      /* accepted as a number, kept nowhere */
	SETTING_ULIMITS,  /* name=soft:hard; {"name":{"Name","Soft","Hard"}} */
	SETTING_POOLS,    /* base=10.0.0.0/8,size=24; [{"base","size"}] */
	SETTING_RUNTIMES, /* name=path; {"name":{"path"}} */
	SETTING_ANY,      /* any JSON; kept nowhere */
};

enum setting_flags {
	SETTING_IGNORED = 1 << 0,   /* known to dockerd, without effect here: a warning */
	SETTING_REFUSED = 1 << 1,   /* others would rely on it: an error unless it is off */
	SETTING_FLAG_ONLY = 1 << 2, /* not in daemon.json */
	SETTING_FILE_ONLY = 1 << 3,
};

struct setting {
	const char *flag; /* without dashes */
	const char *key;  /* in daemon.json; NULL: the same */
	char letter;      /* 0: none */
	enum setting_type type;
	size_t offset; /* in struct engine_config; not for IGNORED and REFUSED */
	const char *def;
	const char *help;
	unsigned flags;
};

extern const struct setting engine_settings[];
extern const size_t engine_n_settings;

static inline const char *setting_key(const struct setting *s)
{
	return s->key ? s->key : s->flag;
}

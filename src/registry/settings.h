/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A configuration file as a flat list: "http.tls.clientcas.0" = "/ca.pem", with the line it came
 * from. YAML by libyaml's events; anchors, aliases, tags and duplicate keys are refused, since
 * nobody's registry configuration needs them and each of them hides what is set.
 */
#include "base/error.h"
#include "base/str.h"
#include "base/vec.h"

enum { SETTINGS_DEPTH_MAX = 16, SETTINGS_COUNT_MAX = 10000, SETTINGS_FILE_MAX = 1024 * 1024 };

struct setting {
	char *path;  /* owned; lower case */
	char *value; /* owned; NULL when the file says null */
	int line;    /* 0: from the environment */
	bool used;
};

DEFINE_VEC(setting_vec, struct setting);

void settings_done(struct setting_vec *v);
/* INVALID names the line. name is for messages. */
int settings_parse(struct str text, const char *name, struct setting_vec *ret, struct error *err) MUST_USE;
/* Sets or replaces path. */
void settings_set(struct setting_vec *v, const char *path, const char *value);
/* NULL when absent or null. Marks it used. */
struct setting *settings_get(struct setting_vec *v, const char *path);

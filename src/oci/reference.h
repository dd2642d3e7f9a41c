/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Image references as Docker reads them: [domain/]path[:tag][@digest]. "ubuntu" is
 * docker.io/library/ubuntu; the familiar form is what people are shown.
 */
#include "oci/digest.h"

enum { REFERENCE_NAME_MAX = 255, REFERENCE_TAG_MAX = 128 };

struct reference {
	char *domain; /* "docker.io", "localhost:5000" */
	char *path;   /* "library/ubuntu" */
	char *tag;    /* or NULL */
	struct digest digest;
};

#define AUTO_REFERENCE CLEANUP(reference_done) struct reference

void reference_done(struct reference *r);
/* Docker's normalised form. ERROR_INVALID in Docker's wording ("invalid reference format..."). No tag is
 * added: see reference_default_tag(). */
int reference_parse(const char *s, struct reference *ret, struct error *err) MUST_USE;
void reference_default_tag(struct reference *r); /* "latest" when neither tag nor digest */
void reference_copy(const struct reference *from, struct reference *ret);
/* "docker.io/library/ubuntu:22.04"; owned. */
char *reference_full(const struct reference *r) MUST_USE;
char *reference_full_name(const struct reference *r) MUST_USE; /* domain/path */
/* "ubuntu:22.04"; owned. */
char *reference_familiar(const struct reference *r) MUST_USE;
char *reference_familiar_name(const struct reference *r) MUST_USE; /* without tag and digest */
/* Grammars of the distribution specification. */
bool reference_is_path(struct str s); /* repository name without domain */
bool reference_is_tag(struct str s);

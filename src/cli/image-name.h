/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of images as the user types them, to what the API wants. */
#include "base/error.h"
#include "oci/reference.h"

/* Parses; ERROR_INVALID in docker's wording. */
int image_name_parse(const char *s, struct reference *ret, struct error *err) MUST_USE;
/* "ubuntu:22.04" -> "ubuntu", "22.04" (familiar; tag "" without one). Both owned. */
int image_name_split(const char *s, char **ret_repo, char **ret_tag, struct error *err) MUST_USE;

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Go's Printf over template values: %s %v %q %d %x %X %o %b %c %t %f %e %g %%, with flags, width and
 * precision. What does not fit prints as Go's "%!d(string=…)". */
#include "cli/template-internal.h"

void template_printf(struct str fmt, const struct tvalue *args, size_t n, struct strbuf *out);

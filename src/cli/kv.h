/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* KEY=VALUE texts as a JSON object; the last of a key wins. */
#include "base/vec.h"
#include "json/writer.h"

void kv_write(struct json_writer *w, const char *member, const struct strv *pairs);

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kv.h"

#include "base/strmap.h"

void kv_write(struct json_writer *w, const char *member, const struct strv *pairs)
{
	AUTO_STRMAP map = { 0 };

	for (size_t i = 0; i < pairs->len; i++) {
		size_t n = strcspn(pairs->ptr[i], "=");
		AUTO_FREE char *key = xstrndup(pairs->ptr[i], n);

		strmap_set(&map, key, pairs->ptr[i][n] ? pairs->ptr[i] + n + 1 : "");
	}
	jw_key(w, member);
	jw_object(w);
	vec_for_each (&map, pair)
		jw_kv_string(w, pair->key, pair->value);
	jw_object_end(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and writing are inverse: what the writer makes of a document parses as the same. */
#include <assert.h>
#include <math.h>

#include "json/json.h"
#include "json/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	AUTO_JSON *doc = json_parse(str_n((const char *)data, size), &err);
	AUTO_JSON *again = NULL;
	AUTO_STRBUF first = { 0 };
	AUTO_STRBUF second = { 0 };
	struct json_writer w;

	if (!doc) {
		assert(err.kind == ERROR_INVALID && err.message[0]);
		return 0;
	}
	json_writer_init(&w, &first);
	w.indent = size % 3;
	jw_value(&w, doc);
	again = json_parse(strbuf_str(&first), &err);
	assert(again);
	json_writer_init(&w, &second);
	w.indent = size % 3;
	jw_value(&w, again);
	assert(str_eq(strbuf_str(&first), strbuf_str(&second)));
	return 0;
}

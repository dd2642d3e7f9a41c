/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must encode to something that parses. */
#include <assert.h>

#include "oci/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MANIFEST m = { 0 };
	AUTO_MANIFEST again = { 0 };
	AUTO_STRBUF out = { 0 };
	CLEANUP(platform_done) struct platform host = { 0 };
	struct error err = { 0 };
	struct json_writer w;

	if (manifest_parse(str_n((const char *)data, size), NULL, &m, &err) < 0)
		return 0;
	platform_host(&host);
	(void)manifest_select(&m, &host);
	json_writer_init(&w, &out);
	manifest_encode(&w, &m);
	assert(manifest_parse(strbuf_str(&out), NULL, &again, &err) == 0);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must encode to something that parses and encodes the same. */
#include <assert.h>

#include "base/strbuf.h"
#include "oci/image-config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_IMAGE_CONFIG c = { 0 };
	AUTO_IMAGE_CONFIG again = { 0 };
	AUTO_STRBUF out = { 0 };
	AUTO_STRBUF out_again = { 0 };
	struct error err = { 0 };

	if (image_config_parse(str_n((const char *)data, size), &c, &err) < 0)
		return 0;
	image_config_encode(&out, &c);
	assert(image_config_parse(strbuf_str(&out), &again, &err) == 0);
	image_config_encode(&out_again, &again);
	assert(str_eq(strbuf_str(&out), strbuf_str(&out_again)));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "oci/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	char printed[DIGEST_TEXT_MAX];
	struct digest d;

	if (digest_parse(text, &d) == 0)
		assert(str_eq_c(text, digest_format(&d, printed)));
	return 0;
}

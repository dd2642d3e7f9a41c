/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must print to something that parses to the same. */
#include <assert.h>

#include "base/alloc.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_FREE char *full = NULL, *again_full = NULL;
	AUTO_REFERENCE r = { 0 };
	AUTO_REFERENCE again = { 0 };
	struct error err = { 0 };

	if (reference_parse(text, &r, &err) < 0)
		return 0;
	full = reference_full(&r);
	assert(reference_parse(full, &again, &err) == 0);
	again_full = reference_full(&again);
	assert(streq(full, again_full));
	return 0;
}

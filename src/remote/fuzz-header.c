/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	AUTO_CHALLENGES v = { 0 };
	AUTO_FREE char *next = NULL;
	struct error err;

	IGNORE_RESULT(challenges_parse(text, &v, &err), "only crashes count");
	IGNORE_RESULT(link_next(text, &next, &err), "only crashes count");
	return 0;
}

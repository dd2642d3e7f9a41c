/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *const none[] = { NULL };
	AUTO_REGISTRY_CONFIG c = { 0 };
	AUTO_STRV warnings = { 0 };
	struct error err = { 0 };

	IGNORE_RESULT(registry_config_parse(str_n((const char *)data, size), "fuzz", none, &c,
	                                    &warnings, &err),
	              "only crashes count");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_IMAGE_CONFIG config = { 0 };
	AUTO_FREE char *line = xstrndup((const char *)data, size);
	struct error err;

	IGNORE_RESULT(image_config_change(&config.config, line, &err), "only crashes count");
	return 0;
}

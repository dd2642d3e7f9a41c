/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "container/log-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_record r = { 0 };

	IGNORE_RESULT(log_record_parse(str_n((const char *)data, size), &r) < 0, "either is fine");
	strbuf_done(&r.text);
	return 0;
}

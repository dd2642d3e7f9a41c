/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "registry/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct token_key key = { { 1 } };
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	struct token t = { 0 };
	struct error err = { 0 };

	IGNORE_RESULT(token_verify(&key, TOKEN_ACCESS, text, 1, &t, &err), "only crashes count");
	token_done(&t);
	return 0;
}

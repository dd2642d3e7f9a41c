/* SPDX-License-Identifier: Apache-2.0 */
/* Percent encoding: what was encoded decodes to itself; decoding never makes a NUL. */
#include <assert.h>

#include "base/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_n((const char *)data, size);
	AUTO_STRBUF decoded = { 0 };
	AUTO_STRBUF encoded = { 0 };
	AUTO_STRBUF back = { 0 };

	if (url_decode(in, size % 2, &decoded) == 0)
		assert(decoded.len <= size &&
		       (!size || !memchr(strbuf_cstr(&decoded), '\0', decoded.len)));
	strbuf_add_urlencoded(&encoded, in, size % 3 ? "/:" : NULL);
	if (size && memchr(data, '\0', size))
		return 0;
	assert(url_decode(strbuf_str(&encoded), false, &back) == 0);
	assert(str_eq(strbuf_str(&back), str_n(size ? in.ptr : "", size)));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An image's /etc/passwd and /etc/group, and the user asked for: three parts, each ended by a NUL.
 */
#include <stdint.h>
#include <string.h>

#include "runtime/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_n((const char *)data, size), passwd, group;
	AUTO_FREE char *spec = NULL;
	struct runtime_user user = { 0 };
	struct error err = { 0 };

	if (!str_cut(&rest, '\0', &passwd) || !str_cut(&rest, '\0', &group) || !rest.ptr)
		return 0;
	spec = xstrndup(rest.ptr, rest.len);
	if (runtime_user_resolve_text(passwd, group, spec, NULL, &user, &err) == 0)
		runtime_user_done(&user);
	return 0;
}

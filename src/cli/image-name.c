/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image-name.h"

#include "base/alloc.h"

int image_name_parse(const char *s, struct reference *ret, struct error *err)
{
	return reference_parse(s, ret, err);
}

int image_name_split(const char *s, char **ret_repo, char **ret_tag, struct error *err)
{
	AUTO_REFERENCE r = { 0 };

	if (reference_parse(s, &r, err) < 0)
		return error_errno(err);
	*ret_repo = reference_familiar_name(&r);
	*ret_tag = xstrdup(r.tag ? r.tag : "");
	return 0;
}

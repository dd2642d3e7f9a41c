/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what. */
#include "registry/registry-internal.h"

static int check_read_only(struct registry_call *c, enum access_action action, struct error *err)
{
	if (!c->registry->config->read_only || (action != ACCESS_PUSH && action != ACCESS_DELETE))
		return 0;
	return call_fail(
		c, CODE_UNSUPPORTED, err,
		"this registry is read-only (storage.maintenance.readonly.enabled): try again later");
}

bool access_allowed(struct registry_call *c, const char *repo, enum access_action action)
{
	return true;
}

int access_check(struct registry_call *c, const char *repo, enum access_action action,
                 struct error *err)
{
	int r = check_read_only(c, action, err);

	if (r < 0)
		return r;
	if (action == ACCESS_DELETE && !c->registry->config->delete_enabled)
		return call_fail(
			c, CODE_UNSUPPORTED, err,
			"deleting is switched off: set storage.delete.enabled: true to allow it");
	if (!access_allowed(c, repo, action))
		return call_fail(c, CODE_DENIED, err, "access denied");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/config.h"

#include <string.h>

#include "base/alloc.h"
#include "base/time.h"

void registry_config_done(struct registry_config *c)
{
	free(c->address);
	free(c->host);
	free(c->root);
	free(c->log_level);
	*c = (struct registry_config){ 0 };
}

static void set_defaults(struct registry_config *c)
{
	c->address = xstrdup(":5000");
	c->root = xstrdup("/var/lib/registry");
	c->log_level = xstrdup("info");
	c->delete_enabled = true;
	c->drain_ms = 10000;
	c->lease_ns = 3600 * NSEC_PER_SEC;
	c->upload_age_ns = 168 * 3600 * NSEC_PER_SEC;
	c->catalog_max = 1000;
}

static int parse_bool(const char *text, bool *ret)
{
	if (!streq(text, "true") && !streq(text, "false"))
		return -1;
	*ret = streq(text, "true");
	return 0;
}

static void replace(char **to, const char *value)
{
	free(*to);
	*to = xstrdup(value);
}

static int apply(struct registry_config *c, const char *name, const char *value, struct error *err)
{
	int r = 0;

	if (streq(name, "REGISTRY_HTTP_ADDR"))
		replace(&c->address, value);
	else if (streq(name, "REGISTRY_HTTP_HOST"))
		replace(&c->host, value);
	else if (streq(name, "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"))
		replace(&c->root, value);
	else if (streq(name, "REGISTRY_LOG_LEVEL"))
		replace(&c->log_level, value);
	else if (streq(name, "REGISTRY_STORAGE_DELETE_ENABLED"))
		r = parse_bool(value, &c->delete_enabled);
	if (r < 0)
		return error_set(err, ERROR_INVALID, "%s=%s: true or false is wanted", name, value);
	return 0;
}

int registry_config_load(const char *path, char *const *environment, struct registry_config *ret,
                         struct error *err)
{
	AUTO_REGISTRY_CONFIG c = { 0 };

	if (path)
		return error_set(
			err, ERROR_NOT_IMPLEMENTED,
			"configuration files are not supported yet: use REGISTRY_* variables");
	set_defaults(&c);
	for (; *environment; environment++) {
		const char *eq = strchr(*environment, '=');
		AUTO_FREE char *name =
			eq ? xstrndup(*environment, (size_t)(eq - *environment)) : NULL;

		if (name && apply(&c, name, eq + 1, err) < 0)
			return error_errno(err);
	}
	*ret = c;
	c = (struct registry_config){ 0 };
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "registry/registry.h"

extern char **environ;

static int fail(const struct error *err)
{
	fprintf(stderr, "coracle-registry: %s\n", err->message);
	return 1;
}

static int serve(const char *path)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct error err = { 0 };
	enum log_level level;

	if (registry_config_load(path, environ, &config, &err) < 0)
		return fail(&err);
	if (log_level_parse(config.log_level, &level) == 0)
		log_set_level(level);
	CLEANUP(registry_close_ptr) struct registry *registry = registry_open(&config, &err);
	if (!registry || registry_serve(registry, &err) < 0)
		return fail(&err);
	return 0;
}

static int usage(FILE *to)
{
	fputs("usage: coracle-registry serve [CONFIG]\n"
	      "       coracle-registry --version\n\n"
	      "Serves images on :5000 from /var/lib/registry unless CONFIG or REGISTRY_* variables say else.\n",
	      to);
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && argc <= 3 && streq(argv[1], "serve"))
		return serve(argc == 3 ? argv[2] : NULL);
	if (argc == 2 && (streq(argv[1], "--help") || streq(argv[1], "help")))
		return usage(stdout);
	if (argc == 2 && (streq(argv[1], "--version") || streq(argv[1], "-v"))) {
		puts("coracle-registry " CORACLE_VERSION);
		return 0;
	}
	return usage(stderr);
}

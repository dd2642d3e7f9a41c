/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/vec.h"
#include "registry/registry.h"

extern char **environ;

static int fail(const struct error *err)
{
	fprintf(stderr, "coracle-registry: %s\n", err->message);
	return 1;
}

static int load_config(const char *path, struct registry_config *ret, struct error *err)
{
	AUTO_STRV warnings = { 0 };
	enum log_level level;
	int r = registry_config_load(path, environ, ret, &warnings, err);

	if (r < 0)
		return r;
	if (log_level_parse(ret->log_level, &level) < 0)
		return error_set(err, ERROR_INVALID,
		                 "log.level is \"%s\": error, warn, info or debug is wanted",
		                 ret->log_level);
	log_set_level(level);
	log_set_json(!streq(ret->log_formatter, "text"));
	for (size_t i = 0; i < warnings.len; i++)
		log_warning("configuration: %s", warnings.ptr[i]);
	return 0;
}

static int serve(int argc, char **argv)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct error err = { 0 };

	if (load_config(argc ? argv[0] : NULL, &config, &err) < 0)
		return fail(&err);
	CLEANUP(registry_close_ptr) struct registry *registry = registry_open(&config, false, &err);
	if (!registry || registry_serve(registry, &err) < 0)
		return fail(&err);
	return 0;
}

static int check_config(int argc, char **argv)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct error err = { 0 };

	if (load_config(argc ? argv[0] : NULL, &config, &err) < 0)
		return fail(&err);
	printf("the configuration is fine: serving on %s from %s\n", config.address, config.root);
	return 0;
}

/* Opens the store that the configuration names beside a server that may be running. */
static struct registry *open_guest(const char *path, struct registry_config *config,
                                   struct error *err)
{
	AUTO_FREE char *database = NULL;

	if (load_config(path, config, err) < 0)
		return NULL;
	database = xasprintf("%s/registry.db", config->root);
	if (access(database, F_OK) < 0) {
		error_set_errno(err, errno, "there is no registry in %s", config->root);
		return NULL;
	}
	return registry_open(config, true, err);
}

static int gc(int argc, char **argv)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct registry_collected sum;
	struct error err = { 0 };
	bool explain = false, now = false;

	for (; argc > 0 && argv[0][0] == '-'; argc--, argv++) {
		explain = explain || streq(argv[0], "--explain");
		now = now || streq(argv[0], "--now");
		if (!streq(argv[0], "--explain") && !streq(argv[0], "--now"))
			return fprintf(stderr, "coracle-registry gc: unknown option %s\n", argv[0]),
			       2;
	}
	CLEANUP(registry_close_ptr)
	struct registry *r = open_guest(argc ? argv[0] : NULL, &config, &err);
	if (!r)
		return fail(&err);
	if (explain)
		return registry_explain(r, &err) < 0 ? fail(&err) : 0;
	if (registry_collect(r, now, &sum, &err) < 0)
		return fail(&err);
	printf("collected %lld manifests, %lld blobs, %lld bytes, %lld uploads\n",
	       (long long)sum.manifests, (long long)sum.blobs, (long long)sum.bytes,
	       (long long)sum.uploads);
	return 0;
}

static int why(int argc, char **argv)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct error err = { 0 };
	CLEANUP(registry_close_ptr)
	struct registry *r = open_guest(argc > 1 ? argv[1] : NULL, &config, &err);

	return !r || registry_why(r, argv[0], &err) < 0 ? fail(&err) : 0;
}

static int du(int argc, char **argv)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct error err = { 0 };
	CLEANUP(registry_close_ptr)
	struct registry *r = open_guest(argc ? argv[0] : NULL, &config, &err);

	return !r || registry_usage(r, &err) < 0 ? fail(&err) : 0;
}

static int scrub(int argc, char **argv)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct error err = { 0 };
	CLEANUP(registry_close_ptr)
	struct registry *r = open_guest(argc ? argv[0] : NULL, &config, &err);
	int damaged = r ? registry_scrub(r, &err) : -1;

	return damaged < 0 ? fail(&err) : damaged;
}

static int import(int argc, char **argv)
{
	AUTO_REGISTRY_CONFIG config = { 0 };
	struct registry_adopted sum;
	struct error err = { 0 };

	if (load_config(argc > 1 ? argv[1] : NULL, &config, &err) < 0)
		return fail(&err);
	CLEANUP(registry_close_ptr) struct registry *r = registry_open(&config, true, &err);
	if (!r || registry_adopt(r, argv[0], true, &sum, &err) < 0)
		return fail(&err);
	printf("took over %lld repositories, %lld blobs, %lld manifests, %lld tags; left out %lld damaged objects\n",
	       (long long)sum.repositories, (long long)sum.blobs, (long long)sum.manifests,
	       (long long)sum.tags, (long long)sum.skipped);
	return sum.skipped > 0;
}

static const struct verb {
	const char *words[2]; /* the second may be NULL */
	const char *arguments, *help;
	int min, max;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ { "serve" },
	  "[CONFIG]",
	  "serve images; on :5000 from /var/lib/registry unless told otherwise",
	  0,
	  1,
	  serve },
	{ { "config", "check" },
	  "[CONFIG]",
	  "read the configuration, and say what is wrong with it",
	  0,
	  1,
	  check_config },
	{ { "gc" },
	  "[--explain] [--now] [CONFIG]",
	  "collect what nothing needs, beside a running server; --explain only says\n        what would go, --now takes deleted images that could still be restored",
	  0,
	  3,
	  gc },
	{ { "why" }, "DIGEST [CONFIG]", "say who keeps a blob or manifest", 1, 2, why },
	{ { "du" },
	  "[CONFIG]",
	  "bytes that each repository shows, and that it alone does",
	  0,
	  1,
	  du },
	{ { "import" },
	  "DIRECTORY [CONFIG]",
	  "take over the tree of Docker's registry in DIRECTORY, by links, every blob verified",
	  1,
	  2,
	  import },
	{ { "scrub" },
	  "[CONFIG]",
	  "read every blob again, and put damaged ones aside",
	  0,
	  1,
	  scrub },
};

static int usage(FILE *to)
{
	fputs("usage: coracle-registry COMMAND\n\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(to, "  %s%s%s %s\n        %s\n", verbs[i].words[0],
		        verbs[i].words[1] ? " " : "", verbs[i].words[1] ? verbs[i].words[1] : "",
		        verbs[i].arguments, verbs[i].help);
	fputs("  --version\n\nCONFIG is a configuration file of Docker's registry; REGISTRY_* variables win over it.\n",
	      to);
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const struct verb *v = &verbs[i];
		int words = v->words[1] ? 2 : 1;

		if (argc < words + 1 || !streq(argv[1], v->words[0]) ||
		    (words == 2 && !streq(argv[2], v->words[1])))
			continue;
		argc -= words + 1;
		if (argc < v->min || argc > v->max)
			return usage(stderr);
		return v->run(argc, argv + words + 1);
	}
	if (argc == 2 && (streq(argv[1], "--help") || streq(argv[1], "help")))
		return usage(stdout);
	if (argc == 2 && (streq(argv[1], "--version") || streq(argv[1], "-v"))) {
		puts("coracle-registry " CORACLE_VERSION);
		return 0;
	}
	return usage(stderr);
}

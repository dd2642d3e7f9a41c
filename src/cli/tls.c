/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tls.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>

static bool verify_is_wanted(const struct cli *cli)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY");

	return option_bool(&cli->globals, "tlsverify") || !str_empty_or_null(verify) ||
	       cli->tls_dir;
}

/* A context that has certificates speaks TLS. */
static bool context_has_certificates(const struct cli *cli)
{
	AUTO_FREE char *dir = cli->tls_dir ? xasprintf("%s/docker", cli->tls_dir) : NULL;

	return dir && access(dir, F_OK) == 0;
}

bool tls_is_wanted(const struct cli *cli)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY");

	return option_bool(&cli->globals, "tls") || option_bool(&cli->globals, "tlsverify") ||
	       !str_empty_or_null(verify) || context_has_certificates(cli);
}

/* The file of an option, else the one in the usual place when it is there; NULL when neither. */
static char *certificate_path(const struct cli *cli, const char *option, const char *name)
{
	const char *given = option_string(&cli->globals, option), *env = getenv("DOCKER_CERT_PATH");
	AUTO_FREE char *path = NULL;

	if (*given)
		return xstrdup(given);
	if (context_has_certificates(cli))
		path = xasprintf("%s/docker/%s", cli->tls_dir, name);
	else
		path = xasprintf("%s/%s", str_empty_or_null(env) ? cli->config_dir : env, name);
	return access(path, F_OK) == 0 ? TAKE_PTR(path) : NULL;
}

/* Beside the program in a build tree, below libexec when installed. */
static void *load_module(struct error *err)
{
	static const char *const places[] = { "", "/../libexec/coracle", "/../lib/coracle" };
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	void *module = NULL;

	exe[MAX(n, (ssize_t)0)] = '\0';
	dirname(exe);
	for (size_t i = 0; i < ARRAY_SIZE(places) && !module; i++) {
		char path[PATH_MAX + 64];

		snprintf(path, sizeof(path), "%s%s/coracle-tls.so", exe, places[i]);
		if (access(path, F_OK) == 0)
			module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	}
	if (!module)
		error_set(
			err, ERROR_NOT_IMPLEMENTED,
			"TLS is not available: coracle-tls.so is not beside %s or in ../libexec/coracle. "
			"Install it, or reach the engine with ssh://",
			exe);
	return module;
}

struct http_stream *tls_connect(const struct cli *cli, int fd, const char *host, struct error *err)
{
	AUTO_CLOSE int owned = fd;
	AUTO_FREE char *ca = certificate_path(cli, "tlscacert", "ca.pem");
	AUTO_FREE char *certificate = certificate_path(cli, "tlscert", "cert.pem");
	AUTO_FREE char *key = certificate_path(cli, "tlskey", "key.pem");
	void *module = load_module(err);
	tls_connect_fn connect;
	struct http_stream *s;

	if (!module)
		return NULL;
	connect = (tls_connect_fn)dlsym(module, "coracle_tls_connect");
	if (!connect) {
		error_set(err, ERROR_INTERNAL,
		          "coracle-tls.so is of another version; install both anew");
		return NULL;
	}
	s = connect(TAKE_FD(owned), host, ca, certificate, key, verify_is_wanted(cli), err);
	if (!s)
		error_prefix(err, "Cannot connect to the engine at %s", cli->host);
	return s;
}

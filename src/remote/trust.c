/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/trust.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>

#include "base/alloc.h"
#include "base/fs.h"

enum { CERTIFICATES_SIZE_MAX = 1024 * 1024 };

struct block {
	int family;
	uint8_t address[16];
	unsigned bits;
};

static int block_parse(const char *s, struct block *ret)
{
	const char *slash = strchr(s, '/');
	uint64_t bits;

	if (!slash || parse_u64(slash + 1, &bits) < 0)
		return -EINVAL;
	AUTO_FREE char *address = xstrndup(s, (size_t)(slash - s));
	struct block b = { .family = strchr(address, ':') ? AF_INET6 : AF_INET };
	if (bits > (b.family == AF_INET ? 32U : 128U) ||
	    inet_pton(b.family, address, b.address) != 1)
		return -EINVAL;
	b.bits = (unsigned)bits;
	*ret = b;
	return 0;
}

static bool block_has(const struct block *b, int family, const uint8_t *address)
{
	unsigned whole = b->bits / 8, rest = b->bits % 8;

	if (family != b->family || memcmp(b->address, address, whole) != 0)
		return false;
	return !rest || (b->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static bool block_has_name(const struct block *b, const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	bool inside = false;
	size_t n = strlen(host);
	bool bracketed = host[0] == '[' && n > 2;
	AUTO_FREE char *name = bracketed ? xstrndup(host + 1, n - 2) : xstrdup(host);

	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *a = found; a && !inside; a = a->ai_next) {
		const void *address = a->ai_addr;
		if (a->ai_family == AF_INET) {
			const struct sockaddr_in *in = address;
			inside = block_has(b, AF_INET, (const uint8_t *)&in->sin_addr);
		} else if (a->ai_family == AF_INET6) {
			const struct sockaddr_in6 *in = address;
			inside = block_has(b, AF_INET6, (const uint8_t *)&in->sin6_addr);
		}
	}
	freeaddrinfo(found);
	return inside;
}

static bool entry_names(const char *entry, const struct origin *o)
{
	size_t n = strlen(o->host);

	if (strncasecmp(entry, o->host, n) != 0)
		return false;
	if (!entry[n])
		return o->port == 443 || o->port == 80;
	uint64_t port;
	return entry[n] == ':' && parse_u64(entry + n + 1, &port) == 0 && port == o->port;
}

bool trust_is_insecure(const struct remote_config *config, const struct origin *o)
{
	struct block block;

	if (host_is_loopback(o->host))
		return true;
	for (const char *const *e = config->insecure; e && *e; e++) {
		if (entry_names(*e, o))
			return true;
		if (block_parse(*e, &block) == 0 && block_has_name(&block, o->host))
			return true;
	}
	return false;
}

void trust_files_done(struct trust_files *f)
{
	strbuf_done(&f->authorities);
	free(f->certificate);
	free(f->key);
	*f = (struct trust_files){ 0 };
}

static int add_file(DIR *dir, const char *path, const char *name, struct trust_files *f,
                    struct error *err)
{
	if (str_has_suffix(name, ".crt")) {
		int r = read_file(dirfd(dir), name, CERTIFICATES_SIZE_MAX, &f->authorities, err);
		strbuf_putc(&f->authorities, '\n');
		return r;
	}
	if (!str_has_suffix(name, ".cert") || f->certificate)
		return 0;
	AUTO_FREE char *stem = xstrndup(name, strlen(name) - strlen(".cert"));
	f->certificate = xasprintf("%s/%s", path, name);
	f->key = xasprintf("%s/%s.key", path, stem);
	if (access(f->key, R_OK) < 0)
		return error_set_errno(err, errno, "key %s of the client certificate", f->key);
	return 0;
}

static int read_directory(const char *path, struct trust_files *f, struct error *err)
{
	int r = 0;
	DIR *dir = opendir(path);
	if (!dir)
		return 0;
	for (struct dirent *e; r >= 0 && (e = readdir(dir));)
		r = add_file(dir, path, e->d_name, f, err);
	closedir(dir);
	return r;
}

int trust_files_read(const struct remote_config *config, const struct origin *o,
                     struct trust_files *ret, struct error *err)
{
	AUTO_FREE char *authority = origin_authority(o);

	if (!config->certs_directory || o->host[0] == '.')
		return 0;
	AUTO_FREE char *path = xasprintf("%s/%s", config->certs_directory, authority);
	int r = read_directory(path, ret, err);
	if (r < 0 || ret->certificate || ret->authorities.len)
		return r;
	AUTO_FREE char *with_port =
		xasprintf("%s/%s:%u", config->certs_directory, o->host, o->port);
	return read_directory(with_port, ret, err);
}

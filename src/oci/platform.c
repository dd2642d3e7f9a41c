/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "oci/manifest.h"

/* Other names of the same thing, as people and kernels write them. */
static const struct {
	const char *given, *architecture, *variant;
} aliases[] = {
	{ "x86_64", "amd64", NULL }, { "x86-64", "amd64", NULL },        { "i386", "386", NULL },
	{ "i686", "386", NULL },     { "aarch64", "arm64", NULL },       { "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },    { "armv7l", "arm", "v7" },          { "armv6l", "arm", "v6" },
	{ "armv5tel", "arm", "v5" }, { "loongarch64", "loong64", NULL },
};

static const char *const architectures[] = { "386",    "amd64",    "arm",     "arm64",   "loong64",
	                                     "mips64", "mips64le", "ppc64le", "riscv64", "s390x" };

static const char *const systems[] = { "linux", "windows", "darwin", "freebsd" };

void platform_done(struct platform *p)
{
	free(p->os);
	free(p->architecture);
	free(p->variant);
	free(p->os_version);
	*p = (struct platform){ 0 };
}

static void set(char **to, const char *value)
{
	free(*to);
	*to = xstrdup_null(value);
}

static void normalise(struct platform *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (!streq(p->architecture, aliases[i].given))
			continue;
		set(&p->architecture, aliases[i].architecture);
		if (!p->variant)
			set(&p->variant, aliases[i].variant);
		break;
	}
	if (streq(p->architecture, "arm")) {
		if (!p->variant)
			set(&p->variant, "v7");
		else if (isdigit((unsigned char)p->variant[0])) {
			char *v = xasprintf("v%s", p->variant);

			free(p->variant);
			p->variant = v;
		}
	}
	/* v8 is what arm64 means, v1 what amd64 means */
	if (p->variant && ((streq(p->architecture, "arm64") &&
	                    (streq(p->variant, "v8") || streq(p->variant, "8"))) ||
	                   (streq(p->architecture, "amd64") && streq(p->variant, "v1"))))
		set(&p->variant, NULL);
}

void platform_host(struct platform *ret)
{
	struct utsname u;

	*ret = (struct platform){ .os = xstrdup("linux") };
	ret->architecture = xstrdup(uname(&u) == 0 ? u.machine : "unknown");
	normalise(ret);
}

static bool listed(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(s, list[i]))
			return true;
	return false;
}

static bool is_word(const char *s)
{
	if (!isalnum((unsigned char)*s) || strlen(s) > 64)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_-.", *s))
			return false;
	return true;
}

static bool is_known_architecture(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (streq(s, aliases[i].given))
			return true;
	return listed(s, architectures, ARRAY_SIZE(architectures));
}

/* One word is an operating system or an architecture; the host gives the other. */
static int complete(const char *word, struct platform *p, struct error *err)
{
	struct platform host;

	platform_host(&host);
	if (listed(word, systems, ARRAY_SIZE(systems))) {
		p->os = xstrdup(word);
		p->architecture = TAKE_PTR(host.architecture);
		p->variant = TAKE_PTR(host.variant);
	} else if (is_known_architecture(word)) {
		p->os = TAKE_PTR(host.os);
		p->architecture = xstrdup(word);
	}
	platform_done(&host);
	if (!p->os)
		return error_set(
			err, ERROR_INVALID,
			"\"%.100s\": unknown operating system or architecture: give a platform as "
			"os/architecture[/variant], for example linux/arm64",
			word);
	return 0;
}

int platform_parse(const char *s, struct platform *ret, struct error *err)
{
	CLEANUP(platform_done) struct platform p = { 0 };
	AUTO_STRV parts = { 0 };
	struct str rest = str_from(s), piece;

	while (str_cut(&rest, '/', &piece)) {
		char *word = xstrndup(piece.ptr, piece.len);

		for (char *c = word; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		strv_take(&parts, word);
	}
	for (size_t i = 0; i < parts.len; i++)
		if (parts.len > 3 || !is_word(parts.ptr[i]))
			return error_set(
				err, ERROR_INVALID,
				"\"%.100s\" is no platform: expected os/architecture[/variant]", s);
	if (parts.len == 1) {
		int r = complete(parts.ptr[0], &p, err);

		if (r < 0)
			return r;
	} else {
		p.os = xstrdup(streq(parts.ptr[0], "macos") ? "darwin" : parts.ptr[0]);
		p.architecture = xstrdup(parts.ptr[1]);
		p.variant = parts.len == 3 ? xstrdup(parts.ptr[2]) : NULL;
	}
	normalise(&p);
	*ret = p;
	p = (struct platform){ 0 };
	return 0;
}

char *platform_format(const struct platform *p)
{
	return xasprintf("%s/%s%s%s", p->os ? p->os : "unknown",
	                 p->architecture ? p->architecture : "unknown", p->variant ? "/" : "",
	                 p->variant ? p->variant : "");
}

/* "v7" -> 7; no variant is the lowest. */
static int variant_number(const char *v)
{
	return v && v[0] == 'v' && isdigit((unsigned char)v[1]) ? v[1] - '0' : 0;
}

/* How well an entry suits: 0 not at all, more is better. Machines run older variants of their own.
 */
static int rank(const struct platform *have, const struct platform *want)
{
	CLEANUP(platform_done) struct platform h = { 0 };
	int r = 0, have_v, want_v;

	if (!have->os || !have->architecture || !streq(have->os, want->os))
		return 0;
	h.architecture = xstrdup(have->architecture);
	h.variant = have->variant && *have->variant ? xstrdup(have->variant) : NULL;
	normalise(&h);
	if (!streq(h.architecture, want->architecture))
		return 0;
	have_v = variant_number(h.variant);
	want_v = variant_number(want->variant);
	if (streq_null(h.variant, want->variant))
		r = 100;
	else if (have_v < want_v && (!h.variant || have_v > 0))
		r = 10 + have_v;
	return r;
}

const struct descriptor *manifest_select(const struct manifest *index, const struct platform *want)
{
	const struct descriptor *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < index->manifests.len; i++) {
		const struct descriptor *d = &index->manifests.ptr[i];
		int r = rank(&d->platform, want);

		if (r > best_rank) {
			best = d;
			best_rank = r;
		}
	}
	/* an entry that says nothing suits when nothing else does */
	for (size_t i = 0; !best && i < index->manifests.len; i++)
		if (!index->manifests.ptr[i].platform.os &&
		    media_type_is_manifest(index->manifests.ptr[i].media_type))
			best = &index->manifests.ptr[i];
	return best;
}

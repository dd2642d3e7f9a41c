/* SPDX-License-Identifier: Apache-2.0 */
/* Against tests/remote/fake-registry.py, which misbehaves as the repository's name says. */
#include "remote/remote.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "remote/test-fake.h"
#include "unit.h"

enum { BLOB_SIZE = 256 * 2048, LOG_MAX = 1 << 20 };

static struct strbuf read_log(void)
{
	struct strbuf log = { 0 };
	struct error err = { 0 };
	assert_int_equal(read_file(AT_FDCWD, fake.log, LOG_MAX, &log, &err), 0);
	return log;
}

static const struct remote_credentials alice = { .username = "alice", .password = "s3cret" };

static struct remote *open_repo(const char *repo, const struct remote_credentials *c,
                                enum remote_action action)
{
	static const struct remote_config config = { .user_agent = "test/1", .stall_timeout_s = 1 };
	AUTO_REFERENCE ref = { 0 };
	struct remote *r = NULL;
	struct error err = { 0 };

	need_fake();
	AUTO_FREE char *name = xasprintf("%s/%s:latest", fake.registry, repo);
	assert_int_equal(reference_parse(name, &ref, &err), 0);
	int rc = remote_open(&config, &ref, c, action, NULL, &r, &err);
	if (rc < 0)
		fail_msg("%s", err.message);
	return r;
}

static void make_blob(uint8_t *out, struct digest *d)
{
	for (size_t i = 0; i < BLOB_SIZE; i++)
		out[i] = (uint8_t)i;
	digest_of(DIGEST_SHA256, out, BLOB_SIZE, d);
}

static int collect(void *ctx, const void *data, size_t n, struct error *err)
{
	strbuf_add(ctx, data, n);
	return 0;
}

/* The blob of a repository, or the error. */
static int fetch(const char *repo, const struct remote_credentials *c, int64_t size,
                 struct error *err)
{
	CLEANUP(remote_free_ptr) struct remote *r = open_repo(repo, c, REMOTE_PULL);
	AUTO_STRBUF got = { 0 };
	AUTO_FREE uint8_t *blob = xmalloc(BLOB_SIZE);
	struct digest d;

	make_blob(blob, &d);
	int rc = remote_get_blob(r, &d, size, collect, &got, err);
	if (rc >= 0) {
		assert_int_equal(got.len, BLOB_SIZE);
		assert_memory_equal(got.ptr, blob, BLOB_SIZE);
	}
	return rc;
}

static void expect_fetched(const char *repo, const struct remote_credentials *c)
{
	struct error err = { 0 };
	if (fetch(repo, c, BLOB_SIZE, &err) < 0)
		fail_msg("%s: %s", repo, err.message);
}

static void expect_no_secret_at_evil(void)
{
	AUTO_STRBUF log = read_log();
	assert_null(strstr(strbuf_cstr(&log), "evil GET /blob Basic"));
	assert_null(strstr(strbuf_cstr(&log), "evil PUT /upload?digest Basic"));
	for (const char *p = strbuf_cstr(&log); (p = strstr(p, "evil ")); p++) {
		const char *end = strchr(p, '\n');
		AUTO_FREE char *line = xstrndup(p, (size_t)(end - p));
		assert_null(strstr(line, "Basic_"));
		assert_null(strstr(line, "Bearer_"));
	}
}

TEST(downloads_and_resumes)
{
	expect_fetched("plain", NULL);
	expect_fetched("cut", NULL);
	expect_fetched("ignores-range", NULL);
	AUTO_STRBUF log = read_log();
	assert_non_null(strstr(strbuf_cstr(&log), "bytes=100000-"));
	assert_non_null(strstr(strbuf_cstr(&log), "bytes=200000-"));
}

TEST(gives_up_on_bodies_that_lie)
{
	static const struct {
		const char *repo, *says;
		enum error_kind kind;
	} cases[] = {
		{ "wrong-range", "asked for the bytes from 100000", ERROR_INVALID },
		{ "long", "sends more than", ERROR_INVALID },
		{ "short", "unexpected EOF", ERROR_UNAVAILABLE },
		{ "always-cut", "", ERROR_UNAVAILABLE },
		{ "stalls", "", ERROR_TIMEOUT },
		{ "loops", "more than 10 redirects", ERROR_INVALID },
		{ "file", "not http", ERROR_INVALID },
		{ "many-headers", "headers", ERROR_INVALID },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = { 0 };
		assert_true(fetch(cases[i].repo, NULL, BLOB_SIZE, &err) < 0);
		if (err.kind != cases[i].kind || !strstr(err.message, cases[i].says))
			fail_msg("%s: %s: %s", cases[i].repo, error_kind_name(err.kind),
			         err.message);
	}
}

TEST(stops_at_the_promised_size)
{
	struct error err = { 0 };
	assert_true(fetch("plain", NULL, 10, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
}

TEST(redirects_leave_credentials_behind)
{
	expect_fetched("away", &alice);
	expect_no_secret_at_evil();
	/* but keep them on the same origin */
	expect_fetched("moved", &alice);
}

TEST(uploads_to_another_origin_leave_credentials_behind)
{
	CLEANUP(remote_free_ptr) struct remote *r = open_repo("away", &alice, REMOTE_PUSH);
	AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct digest d;
	struct error err = { 0 };

	digest_of(DIGEST_SHA256, "", 0, &d);
	assert_int_equal(remote_put_blob(r, &d, fd, 0, NULL, NULL, &err), 0);
	expect_no_secret_at_evil();
}

TEST(uploads)
{
	CLEANUP(remote_free_ptr) struct remote *r = open_repo("plain", NULL, REMOTE_PUSH);
	AUTO_FREE char *path = xasprintf("%s/upload", unit_scratch());
	struct digest good, bad;
	struct error err = { 0 };

	assert_int_equal(write_file(AT_FDCWD, path, "content", 7, 0600, &err), 0);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	digest_of(DIGEST_SHA256, "content", 7, &good);
	digest_of(DIGEST_SHA256, "other", 5, &bad);
	assert_int_equal(remote_put_blob(r, &good, fd, 7, NULL, NULL, &err), 0);
	assert_true(remote_put_blob(r, &bad, fd, 7, NULL, NULL, &err) < 0);
	assert_string_equal(err.message, "digest invalid: wrong digest");
	assert_int_equal(remote_has_blob(r, &bad, &err), 0);
}

TEST(tokens_are_fetched_once_per_scope)
{
	struct remote_credentials refresh = { .identity_token = "long-lived" };

	expect_fetched("token", &alice);
	expect_fetched("token", &refresh);
	AUTO_STRBUF log = read_log();
	assert_non_null(strstr(strbuf_cstr(&log), "account=alice"));
	assert_non_null(strstr(strbuf_cstr(&log), "token POST /token - -"));
}

TEST(a_realm_elsewhere_gets_no_password)
{
	struct error err = { 0 };
	assert_true(fetch("evil-realm", &alice, BLOB_SIZE, &err) < 0);
	assert_non_null(strstr(err.message, "your credentials were not sent"));
	expect_no_secret_at_evil();
	/* without credentials it may be asked */
	assert_true(fetch("evil-realm", NULL, BLOB_SIZE, &err) < 0);
	assert_int_equal(err.kind, ERROR_UNAUTHORIZED);
}

static void expect_manifest_error(const char *repo, const char *what, const char *says)
{
	CLEANUP(remote_free_ptr) struct remote *r = open_repo(repo, NULL, REMOTE_PULL);
	AUTO_STRBUF body = { 0 };
	struct digest d;
	struct error err = { 0 };

	assert_true(remote_get_manifest(r, what, &body, NULL, &d, &err) < 0);
	if (!strstr(err.message, says))
		fail_msg("%s: %s", repo, err.message);
}

TEST(manifests_come_with_dockers_errors)
{
	char text[512];

	expect_manifest_error(
		"denied", "latest",
		"/denied, repository does not exist or may require 'docker login': denied: "
		"requested access to the resource is denied");
	snprintf(text, sizeof(text),
	         "manifest for %s/unknown:latest not found: manifest unknown: manifest unknown",
	         fake.registry);
	expect_manifest_error("unknown", "latest", text);
	expect_manifest_error("nameless", "latest",
	                      "/nameless not found: name unknown: repository name");
	expect_manifest_error("basic", "latest", "no basic auth credentials");
	expect_manifest_error("not-json", "latest", "unexpected HTTP status: 418");
	expect_manifest_error("lies", "latest", "manifest verification failed");
	expect_manifest_error("bad-digest", "latest", "Docker-Content-Digest");
	expect_manifest_error("huge", "latest", "longer than 4194304 bytes");
	expect_manifest_error(
		"altered",
		"sha256:0000000000000000000000000000000000000000000000000000000000000000",
		"manifest verification failed");
}

TEST(manifests_and_tags)
{
	CLEANUP(remote_free_ptr) struct remote *r = open_repo("flaky", NULL, REMOTE_PULL);
	AUTO_STRBUF body = { 0 };
	AUTO_STRV tags = { 0 };
	AUTO_FREE char *type = NULL;
	struct digest d;
	struct error err = { 0 };

	assert_int_equal(remote_get_manifest(r, "latest", &body, &type, &d, &err), 0);
	assert_string_equal(type, "application/vnd.oci.image.manifest.v1+json");
	assert_int_equal(remote_tags(r, &tags, &err), 0);
	assert_int_equal(tags.len, 3);
	assert_string_equal(tags.ptr[2], "c");
}

TEST(cancelling_ends_the_call)
{
	static const struct remote_config config = { .user_agent = "test/1" };
	AUTO_REFERENCE ref = { 0 };
	atomic_bool cancel = true;
	struct remote *r = NULL;
	struct error err = { 0 };

	need_fake();
	AUTO_FREE char *name = xasprintf("%s/plain", fake.registry);
	assert_int_equal(reference_parse(name, &ref, &err), 0);
	assert_true(remote_open(&config, &ref, NULL, REMOTE_PULL, &cancel, &r, &err) < 0);
	assert_int_equal(err.kind, ERROR_CANCELLED);
}

TEST(a_registry_that_is_not_there)
{
	static const struct remote_config config = { .user_agent = "test/1" };
	AUTO_REFERENCE ref = { 0 };
	struct remote *r = NULL;
	struct error err = { 0 };

	assert_int_equal(reference_parse("127.0.0.1:1/x:y", &ref, &err), 0);
	assert_true(remote_open(&config, &ref, NULL, REMOTE_PULL, NULL, &r, &err) < 0);
	assert_string_equal(err.message,
	                    "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: "
	                    "connection refused");
}

TEST(mirrors_come_first_and_get_no_credentials)
{
	AUTO_REFERENCE ref = { 0 };
	AUTO_STRBUF body = { 0 };
	struct digest d;
	struct error err = { 0 };

	need_fake();
	AUTO_FREE char *mirror = xasprintf("http://%s", fake.registry);
	const char *mirrors[] = { "http://127.0.0.1:1", mirror, NULL };
	struct remote_config config = { .user_agent = "test/1", .mirrors = mirrors };
	CLEANUP(remote_free_ptr) struct remote *r = NULL;
	assert_int_equal(reference_parse("library/plain:latest", &ref, &err), 0);
	int rc = remote_open(&config, &ref, &alice, REMOTE_PULL, NULL, &r, &err);
	if (rc < 0)
		fail_msg("%s", err.message);
	assert_string_equal(remote_endpoint(r), mirror);
	assert_int_equal(remote_get_manifest(r, "latest", &body, NULL, &d, &err), 0);
	AUTO_STRBUF log = read_log();
	assert_non_null(strstr(strbuf_cstr(&log), "GET /v2/library/plain/manifests/latest - -"));
}

/* Opens repository plain at 0.0.0.0 and that server's port: this machine, but no loopback address.
 */
static int open_outside(const struct remote_config *config, const char *server, struct error *err)
{
	AUTO_REFERENCE ref = { 0 };
	CLEANUP(remote_free_ptr) struct remote *r = NULL;
	AUTO_FREE char *name = xasprintf("0.0.0.0%s/outside", strchr(server, ':'));

	assert_int_equal(reference_parse(name, &ref, err), 0);
	return remote_open(config, &ref, &alice, REMOTE_PULL, NULL, &r, err);
}

TEST(others_are_never_spoken_to_without_tls)
{
	struct error err = { 0 };

	need_fake();
	AUTO_FREE char *listed = xasprintf("0.0.0.0%s", strchr(fake.registry, ':'));
	const char *const insecure[] = { listed, NULL };
	struct remote_config config = { .user_agent = "test/1" };
	assert_true(open_outside(&config, fake.registry, &err) < 0);
	assert_non_null(strstr(err.message, "Get \"https://0.0.0.0"));
	config.insecure = insecure;
	assert_int_equal(open_outside(&config, fake.registry, &err), 0);
}

TEST(certificates_are_verified_by_the_hosts_own_authority)
{
	struct error err = { 0 };
	AUTO_STRBUF pem = { 0 };

	need_fake();
	AUTO_FREE char *certs = xasprintf("%s/certs.d", unit_scratch());
	AUTO_FREE char *dir = xasprintf("%s/0.0.0.0%s", certs, strchr(fake.secure, ':'));
	AUTO_FREE char *from = xasprintf("%s.crt", fake.log);
	struct remote_config config = { .user_agent = "test/1", .certs_directory = certs };
	assert_true(open_outside(&config, fake.secure, &err) < 0);
	assert_non_null(strstr(err.message, "tls: failed to verify certificate"));

	assert_int_equal(mkdir_parents(AT_FDCWD, dir, 0755), 0);
	AUTO_CLOSE int fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_file(AT_FDCWD, from, 65536, &pem, &err), 0);
	assert_int_equal(write_file(fd, "ca.crt", pem.ptr, pem.len, 0644, &err), 0);
	int rc = open_outside(&config, fake.secure, &err);
	if (rc < 0)
		fail_msg("%s", err.message);
}

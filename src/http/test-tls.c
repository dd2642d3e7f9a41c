/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tls.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "http/client.h"
#include "http/test-server-support.h"

static const char *file(const char *name)
{
	static char paths[8][200];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", unit_scratch(), name);
	return path;
}

static void write_key(const char *name, EVP_PKEY *key)
{
	FILE *f = fopen(file(name), "we");

	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

/* A certificate that signs itself, for subject CN=name and host localhost. */
static void make_certificate(const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	FILE *f;
	char path[64];

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
	                           (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	snprintf(path, sizeof(path), "%s.pem", name);
	f = fopen(file(path), "we");
	PEM_write_X509(f, cert);
	fclose(f);
	snprintf(path, sizeof(path), "%s.key", name);
	write_key(path, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void handle(struct http_request *req, void *ctx)
{
	struct error err = { 0 };

	if (streq(req->path, "/hijack")) {
		CLEANUP(http_stream_close_ptr)
		struct http_stream *s = http_hijack(req, "HTTP/1.1 101 UPGRADED\r\n\r\n", 25, &err);
		char buf[16];
		ssize_t n;

		while ((n = http_stream_read(s, buf, sizeof(buf))) > 0)
			if (http_stream_write(s, buf, (size_t)n) < 0)
				return;
		IGNORE_RESULT(http_stream_write(s, "bye", 3) < 0, "the test reads it");
		return;
	}
	if (streq(req->path, "/file")) {
		AUTO_CLOSE int fd = open(file("big"), O_RDONLY | O_CLOEXEC);

		http_respond_file(req, fd, 300000, NULL, NULL);
		return;
	}
	const char *subject = req->peer.tls_subject ? req->peer.tls_subject : "nobody";
	http_respond(req, 200, "text/plain", subject, strlen(subject));
}

struct dial {
	struct test_server *server;
	const char *host, *ca, *certificate, *key;
	bool verify;
};

static struct http_stream *dial(void *ctx, struct error *err)
{
	struct dial *d = ctx;
	int fd = unix_connect(d->server->path, err);

	if (fd < 0)
		return NULL;
	return http_tls_connect(fd, d->host, d->ca, d->certificate, d->key, d->verify, err);
}

DEFINE_CLEANUP(struct http_tls *, http_tls_unref)
#define AUTO_CLIENT CLEANUP(http_client_free_ptr) struct http_client

static int get(struct dial *d, const char *target, struct strbuf *out, struct error *err)
{
	AUTO_CLIENT *c = http_client_new(dial, d, d->host);
	struct http_response res;
	int r = http_client_send(
		c, &(struct http_client_request){ .method = "GET", .target = target }, &res, err);

	if (r < 0)
		return r;
	r = http_response_read_all(&res, 1 << 20, out, err);
	http_response_done(&res);
	return r;
}

static struct test_server *start(const struct http_tls_options *o)
{
	struct error err = { 0 };
	CLEANUP(http_tls_unref_ptr) struct http_tls *tls = http_tls_server(o, &err);

	if (!tls)
		fail_msg("%s", err.message);
	return test_server_start_tls((struct http_server_options){ .handler = handle }, tls);
}

TEST(a_request_over_tls)
{
	struct error err = { 0 };
	AUTO_STRBUF out = { 0 };
	AUTO_STRBUF big = { 0 };
	AUTO_STRBUF got = { 0 };

	make_certificate("server");
	AUTO_SERVER *t = start(&(struct http_tls_options){ .certificate = file("server.pem"),
	                                                   .key = file("server.key") });
	struct dial d = {
		.server = t, .host = "localhost", .ca = file("server.pem"), .verify = true
	};
	assert_int_equal(get(&d, "/", &out, &err), 0);
	assert_string_equal(strbuf_cstr(&out), "nobody");

	for (int i = 0; i < 300000; i++)
		strbuf_putc(&big, (char)('a' + i % 23));
	assert_int_equal(write_file(AT_FDCWD, file("big"), big.ptr, big.len, 0600, &err), 0);
	assert_int_equal(get(&d, "/file", &got, &err), 0);
	assert_int_equal(got.len, big.len);
	assert_memory_equal(got.ptr, big.ptr, big.len);
}

TEST(the_server_is_verified)
{
	struct error err = { 0 };
	AUTO_STRBUF out = { 0 };

	make_certificate("server");
	make_certificate("other");
	AUTO_SERVER *t = start(&(struct http_tls_options){ .certificate = file("server.pem"),
	                                                   .key = file("server.key") });
	struct dial wrong_ca = {
		.server = t, .host = "localhost", .ca = file("other.pem"), .verify = true
	};
	struct dial wrong_host = {
		.server = t, .host = "example.org", .ca = file("server.pem"), .verify = true
	};
	struct dial lax = { .server = t, .host = "example.org" };
	struct dial address = {
		.server = t, .host = "127.0.0.1", .ca = file("server.pem"), .verify = true
	};

	assert_true(get(&wrong_ca, "/", &out, &err) < 0);
	assert_int_equal(err.kind, ERROR_UNAUTHORIZED);
	assert_true(get(&wrong_host, "/", &out, &err) < 0);
	assert_non_null(strstr(err.message, "example.org: TLS handshake failed"));
	assert_int_equal(get(&lax, "/", &out, &err), 0);
	assert_int_equal(get(&address, "/", &out, &err), 0);
}

TEST(clients_are_known_by_their_certificate)
{
	struct error err = { 0 };
	AUTO_STRBUF out = { 0 };

	make_certificate("server");
	make_certificate("alice");
	make_certificate("mallory");
	AUTO_SERVER *t = start(&(struct http_tls_options){ .certificate = file("server.pem"),
	                                                   .key = file("server.key"),
	                                                   .client_ca = file("alice.pem"),
	                                                   .require_client = true });
	struct dial alice = { .server = t,
		              .host = "localhost",
		              .ca = file("server.pem"),
		              .verify = true,
		              .certificate = file("alice.pem"),
		              .key = file("alice.key") };
	struct dial mallory = { .server = t,
		                .host = "localhost",
		                .certificate = file("mallory.pem"),
		                .key = file("mallory.key") };
	struct dial nobody = { .server = t, .host = "localhost" };

	assert_int_equal(get(&alice, "/", &out, &err), 0);
	assert_string_equal(strbuf_cstr(&out), "/CN=alice");
	assert_true(get(&mallory, "/", &out, &err) < 0);
	assert_true(get(&nobody, "/", &out, &err) < 0);
}

TEST(a_hijacked_tls_connection_half_closes)
{
	struct error err = { 0 };
	struct http_response res;
	char buf[64] = "";
	size_t n = 0;

	make_certificate("server");
	AUTO_SERVER *t = start(&(struct http_tls_options){ .certificate = file("server.pem"),
	                                                   .key = file("server.key") });
	struct dial d = { .server = t, .host = "localhost" };
	AUTO_CLIENT *c = http_client_new(dial, &d, d.host);
	assert_int_equal(http_client_send(c,
	                                  &(struct http_client_request){ .method = "POST",
	                                                                 .target = "/hijack",
	                                                                 .upgrade = true },
	                                  &res, &err),
	                 0);
	assert_int_equal(res.status, 101);
	CLEANUP(http_stream_close_ptr) struct http_stream *s = http_response_hijack(&res);
	http_response_done(&res);
	assert_int_equal(http_stream_write(s, "hello ", 6), 0);
	assert_int_equal(s->ops->shutdown_write(s), 0);
	for (ssize_t r; (r = http_stream_read(s, buf + n, sizeof(buf) - 1 - n)) > 0;)
		n += (size_t)r;
	assert_string_equal(buf, "hello bye");
}

TEST(reloading_takes_new_files_and_keeps_the_old_when_they_are_bad)
{
	struct error err = { 0 };
	AUTO_STRBUF out = { 0 };

	make_certificate("server");
	struct http_tls_options o = { .certificate = file("server.pem"),
		                      .key = file("server.key") };
	CLEANUP(http_tls_unref_ptr) struct http_tls *tls = http_tls_server(&o, &err);
	AUTO_SERVER *t =
		test_server_start_tls((struct http_server_options){ .handler = handle }, tls);

	make_certificate("server");
	struct dial d = {
		.server = t, .host = "localhost", .ca = file("server.pem"), .verify = true
	};
	assert_true(get(&d, "/", &out, &err) < 0);
	assert_int_equal(http_tls_reload(tls, &err), 0);
	assert_int_equal(get(&d, "/", &out, &err), 0);
	assert_int_equal(write_file(AT_FDCWD, file("server.key"), "junk", 4, 0600, &err), 0);
	assert_true(http_tls_reload(tls, &err) < 0);
	assert_non_null(strstr(err.message, "server.key"));
	assert_int_equal(get(&d, "/", &out, &err), 0);
}

static void hello(struct http_request *req, void *ctx)
{
	http_respond(req, 200, NULL, "hello", 5);
}

TEST(slow_handshakes_hold_no_thread)
{
	struct error err = { 0 };
	AUTO_STRBUF out = { 0 };
	int slow[6];

	make_certificate("server");
	struct http_tls_options o = { .certificate = file("server.pem"),
		                      .key = file("server.key") };
	CLEANUP(http_tls_unref_ptr) struct http_tls *tls = http_tls_server(&o, &err);
	AUTO_SERVER *t = test_server_start_tls(
		(struct http_server_options){ .handler = hello, .max_threads = 2 }, tls);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		slow[i] = test_connect(t);
		assert_int_equal(send(slow[i], "\x16\x03\x01\x02", 4, MSG_NOSIGNAL), 4);
	}
	struct dial d = { .server = t, .host = "localhost" };
	assert_int_equal(get(&d, "/", &out, &err), 0);
	assert_string_equal(strbuf_cstr(&out), "hello");
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++)
		close(slow[i]);
}

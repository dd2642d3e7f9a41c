/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL under our streams. The socket is non-blocking and an SSL object has no locks, so every
 * call into it is made under the stream's own lock and never waits there: one thread may wait for
 * bytes while another writes. Bytes go through a BIO of our own, because OpenSSL's writes without
 * MSG_NOSIGNAL and a peer that went away would kill us.
 */
#include "http/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "http/tls-internal.h"

enum { WRITE_PIECE = 16384 };

struct http_tls {
	struct http_tls_base base;
	atomic_uint n_refs;
	pthread_mutex_t lock;
	SSL_CTX *ctx; /* lock; counted by OpenSSL */
	char *certificate, *key, *client_ca;
	bool require_client;
};

struct tls_stream {
	struct http_stream base;
	pthread_mutex_t lock; /* ssl */
	SSL *ssl;
	bool write_closed;
};

static struct tls_stream *tls_of(const struct http_stream *s)
{
	return container_of((struct http_stream *)(uintptr_t)s, struct tls_stream, base);
}

/* OpenSSL's newest reason, for messages; empties its queue. */
static const char *why(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text ? text : "no reason given";
}

static int bio_fd(BIO *b)
{
	return (int)(intptr_t)BIO_get_data(b);
}

static int bio_read(BIO *b, char *buf, int n)
{
	ssize_t r;

	BIO_clear_retry_flags(b);
	do
		r = recv(bio_fd(b), buf, (size_t)n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		BIO_set_retry_read(b);
	return (int)r;
}

static int bio_write(BIO *b, const char *buf, int n)
{
	ssize_t r;

	BIO_clear_retry_flags(b);
	do
		r = send(bio_fd(b), buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		BIO_set_retry_write(b);
	return (int)r;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method;

static void make_socket_method(void)
{
	socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
	if (!socket_method)
		abort();
	BIO_meth_set_read(socket_method, bio_read);
	BIO_meth_set_write(socket_method, bio_write);
	BIO_meth_set_ctrl(socket_method, bio_ctrl);
}

static BIO *socket_bio(int fd)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *b;

	pthread_once(&once, make_socket_method);
	b = BIO_new(socket_method);
	if (!b)
		abort();
	BIO_set_data(b, (void *)(intptr_t)fd);
	BIO_set_init(b, 1);
	return b;
}

/* What an SSL call's failure means: the events to wait for, 0 for the end, -errno. */
static int outcome(struct tls_stream *t, int r)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return POLLIN;
	case SSL_ERROR_WANT_WRITE:
		return POLLOUT;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		return -ECONNRESET; /* also an end without close_notify: possibly a cut */
	}
}

static ssize_t read_once(struct tls_stream *t, void *buf, size_t n, int *events)
{
	size_t got = 0;
	int r;

	WITH_LOCK(&t->lock);
	ERR_clear_error();
	r = SSL_read_ex(t->ssl, buf, n, &got);
	if (r > 0)
		return (ssize_t)got;
	*events = outcome(t, r);
	return *events > 0 ? -EAGAIN : *events;
}

static ssize_t tls_try_read(struct http_stream *s, void *buf, size_t n)
{
	int events = 0;

	return read_once(tls_of(s), buf, n, &events);
}

static ssize_t tls_read(struct http_stream *s, void *buf, size_t n)
{
	for (;;) {
		int events = 0, w;
		ssize_t r = read_once(tls_of(s), buf, n, &events);

		if (r != -EAGAIN)
			return r;
		w = http_stream_wait(s, (short)events);
		if (w < 0)
			return w;
	}
}

static ssize_t write_once(struct tls_stream *t, const void *buf, size_t n, int *events)
{
	size_t done = 0;
	int r;

	WITH_LOCK(&t->lock);
	if (t->write_closed)
		return -EPIPE;
	ERR_clear_error();
	r = SSL_write_ex(t->ssl, buf, n, &done);
	if (r > 0)
		return (ssize_t)done;
	*events = outcome(t, r);
	return *events > 0 ? -EAGAIN : -EPIPE;
}

static ssize_t tls_write(struct http_stream *s, const void *buf, size_t n)
{
	n = MIN(n, (size_t)WRITE_PIECE); /* OpenSSL wants the same bytes again after WANT_WRITE */
	for (;;) {
		int events = 0, w;
		ssize_t r = n ? write_once(tls_of(s), buf, n, &events) : 0;

		if (r != -EAGAIN)
			return r;
		w = http_stream_wait(s, (short)events);
		if (w < 0)
			return w;
	}
}

/* Small pieces become one record. */
static ssize_t tls_writev(struct http_stream *s, const struct iovec *iov, int n, bool more)
{
	char joined[WRITE_PIECE];
	size_t len = 0;

	if (n == 1 || iov[0].iov_len >= sizeof(joined))
		return tls_write(s, iov[0].iov_base, iov[0].iov_len);
	for (int i = 0; i < n && len < sizeof(joined); i++) {
		size_t part = MIN(iov[i].iov_len, sizeof(joined) - len);

		if (part)
			memcpy(joined + len, iov[i].iov_base, part);
		len += part;
	}
	return tls_write(s, joined, len);
}

static int tls_shutdown_write(struct http_stream *s)
{
	struct tls_stream *t = tls_of(s);

	WITH_LOCK(&t->lock);
	if (t->write_closed)
		return 0;
	t->write_closed = true;
	if (SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
	return shutdown(s->fd, SHUT_WR) < 0 ? -errno : 0;
}

static void tls_close(struct http_stream *s)
{
	struct tls_stream *t = tls_of(s);

	if (!t->write_closed && SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
	SSL_free(t->ssl);
	close(s->fd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static bool tls_pending(const struct http_stream *s)
{
	WITH_LOCK(&tls_of(s)->lock);
	return SSL_has_pending(tls_of(s)->ssl);
}

static const struct http_stream_ops tls_stream_ops = {
	.read = tls_read,
	.try_read = tls_try_read,
	.write = tls_write,
	.writev = tls_writev,
	.shutdown_write = tls_shutdown_write,
	.close = tls_close,
	.pending = tls_pending,
};

/* Owns fd in any case. */
static struct tls_stream *new_stream(SSL_CTX *ctx, int fd, struct error *err)
{
	struct tls_stream *t;
	SSL *ssl = SSL_new(ctx);
	BIO *bio;

	if (!ssl) {
		close(fd);
		error_set(err, ERROR_INTERNAL, "cannot start TLS: %s", why());
		return NULL;
	}
	bio = socket_bio(fd);
	SSL_set_bio(ssl, bio, bio);
	t = NEW(struct tls_stream);
	t->base = (struct http_stream){ .ops = &tls_stream_ops, .fd = fd };
	t->ssl = ssl;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static int handshake(struct http_stream *s, int *events, struct error *err)
{
	struct tls_stream *t = tls_of(s);
	long verified;
	int r;

	WITH_LOCK(&t->lock);
	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	if (r == 1)
		return 1;
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		return 0;
	default:
		verified = SSL_get_verify_result(t->ssl);
		if (verified != X509_V_OK) {
			ERR_clear_error();
			return error_set(err, ERROR_UNAUTHORIZED, "TLS handshake failed: %s",
			                 X509_verify_cert_error_string(verified));
		}
		return error_set(err, ERROR_UNAVAILABLE, "TLS handshake failed: %s", why());
	}
}

static int handshake_to_end(struct http_stream *s, struct error *err)
{
	for (;;) {
		int events = 0;
		int r = handshake(s, &events, err);

		if (r != 0)
			return r < 0 ? r : 0;
		r = http_stream_wait(s, (short)events);
		if (r < 0)
			return error_set(err, ERROR_TIMEOUT, "the TLS handshake took too long");
	}
}

static int load_pair(SSL_CTX *ctx, const char *certificate, const char *key, struct error *err)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return error_set(err, ERROR_INVALID, "cannot load the TLS certificate %s: %s",
		                 certificate, why());
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return error_set(err, ERROR_INVALID, "cannot load the TLS key %s: %s", key, why());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return error_set(err, ERROR_INVALID,
		                 "the TLS key %s does not belong to the certificate %s", key,
		                 certificate);
	return 0;
}

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

static SSL_CTX *new_context(const SSL_METHOD *method, struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx) {
		error_set(err, ERROR_INTERNAL, "cannot set up TLS: %s", why());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                              SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	return ctx;
}

static int load_client_ca(SSL_CTX *ctx, const char *path, bool require, struct error *err)
{
	if (SSL_CTX_load_verify_file(ctx, path) != 1)
		return error_set(err, ERROR_INVALID,
		                 "cannot load the client certificates' authority %s: %s", path,
		                 why());
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(path));
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
	                   NULL);
	return 0;
}

static SSL_CTX *server_context(const struct http_tls *t, struct error *err)
{
	CLEANUP(SSL_CTX_free_ptr) SSL_CTX *ctx = new_context(TLS_server_method(), err);

	if (!ctx || load_pair(ctx, t->certificate, t->key, err) < 0)
		return NULL;
	if (t->client_ca && load_client_ca(ctx, t->client_ca, t->require_client, err) < 0)
		return NULL;
	/* resumed sessions would skip the check of the client's certificate */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (t->client_ca)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	return TAKE_PTR(ctx);
}

struct http_tls *http_tls_ref(struct http_tls *t)
{
	atomic_fetch_add(&t->n_refs, 1);
	return t;
}

void http_tls_unref(struct http_tls *t)
{
	if (!t || atomic_fetch_sub(&t->n_refs, 1) != 1)
		return;
	SSL_CTX_free(t->ctx);
	pthread_mutex_destroy(&t->lock);
	free(t->certificate);
	free(t->key);
	free(t->client_ca);
	free(t);
}
DEFINE_CLEANUP(struct http_tls *, http_tls_unref)

static struct http_stream *server_start(struct http_tls *t, int fd, struct error *err)
{
	struct tls_stream *s;
	SSL_CTX *ctx;

	pthread_mutex_lock(&t->lock);
	ctx = t->ctx;
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&t->lock);
	s = new_stream(ctx, fd, err);
	SSL_CTX_free(ctx);
	if (!s)
		return NULL;
	SSL_set_accept_state(s->ssl);
	return &s->base;
}

static int server_handshake(struct http_stream *s, struct error *err)
{
	int events = 0;
	int r = handshake(s, &events, err);

	/* the answer's few bytes fit into any socket's buffer; if not, a moment's wait is in order
	 */
	while (r == 0 && events == POLLOUT) {
		if (http_stream_wait(s, POLLOUT) < 0)
			return error_set(err, ERROR_TIMEOUT, "the TLS handshake took too long");
		r = handshake(s, &events, err);
	}
	return r;
}

static char *peer_subject(struct http_stream *s)
{
	struct tls_stream *t = tls_of(s);
	X509 *peer = SSL_get0_peer_certificate(t->ssl);
	char text[512];

	if (!peer || SSL_get_verify_result(t->ssl) != X509_V_OK)
		return NULL;
	X509_NAME_oneline(X509_get_subject_name(peer), text, sizeof(text));
	return xstrdup(text);
}

static const struct http_tls_ops server_ops = {
	.ref = http_tls_ref,
	.unref = http_tls_unref,
	.start = server_start,
	.handshake = server_handshake,
	.subject = peer_subject,
};

struct http_tls *http_tls_server(const struct http_tls_options *o, struct error *err)
{
	CLEANUP(http_tls_unref_ptr) struct http_tls *t = NEW(struct http_tls);

	t->base.ops = &server_ops;
	atomic_init(&t->n_refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	t->certificate = xstrdup_null(o->certificate);
	t->key = xstrdup_null(o->key);
	t->client_ca = xstrdup_null(o->client_ca);
	t->require_client = o->require_client;
	if (!t->certificate || !t->key || (o->require_client && !o->client_ca)) {
		error_set(
			err, ERROR_INVALID,
			"TLS needs a certificate and a key, and an authority to require client certificates");
		return NULL;
	}
	t->ctx = server_context(t, err);
	return t->ctx ? TAKE_PTR(t) : NULL;
}

int http_tls_reload(struct http_tls *t, struct error *err)
{
	SSL_CTX *fresh = server_context(t, err), *old;

	if (!fresh)
		return error_errno(err);
	pthread_mutex_lock(&t->lock);
	old = t->ctx;
	t->ctx = fresh;
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old);
	return 0;
}

static bool is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static int set_up_verification(SSL_CTX *ctx, SSL *ssl, const char *host, const char *ca,
                               struct error *err)
{
	int ok;

	ok = ca ? SSL_CTX_load_verify_file(ctx, ca) : SSL_CTX_set_default_verify_paths(ctx);
	if (ok != 1)
		return error_set(err, ERROR_INVALID, "cannot load the certificate authority %s: %s",
		                 ca ? ca : "of the system", why());
	ok = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
	                      : SSL_set1_host(ssl, host);
	if (ok != 1)
		return error_set(err, ERROR_INVALID, "cannot verify the host name \"%s\"", host);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return 0;
}

static struct http_stream *connect_with(SSL_CTX *ctx, int fd, const char *host, const char *ca,
                                        bool verify, struct error *err)
{
	struct tls_stream *t = new_stream(ctx, fd, err);
	CLEANUP(http_stream_close_ptr) struct http_stream *s = t ? &t->base : NULL;

	if (!s)
		return NULL;
	SSL_set_connect_state(t->ssl);
	if (!is_address(host))
		SSL_set_tlsext_host_name(t->ssl, host);
	if (verify && set_up_verification(ctx, t->ssl, host, ca, err) < 0)
		return NULL;
	if (handshake_to_end(s, err) < 0) {
		error_prefix(err, "%s", host);
		return NULL;
	}
	return TAKE_PTR(s);
}

struct http_stream *http_tls_connect(int fd, const char *host, const char *ca,
                                     const char *certificate, const char *key, bool verify,
                                     struct error *err)
{
	CLEANUP(SSL_CTX_free_ptr) SSL_CTX *ctx = new_context(TLS_client_method(), err);

	if (!ctx ||
	    (certificate && load_pair(ctx, certificate, key ? key : certificate, err) < 0)) {
		close(fd);
		return NULL;
	}
	return connect_with(ctx, fd, host, ca, verify, err);
}

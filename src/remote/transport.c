/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/transport.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "remote/shared.h"
#include "remote/trust.h"

enum {
	CONNECT_TIMEOUT_S = 15,
	STALL_TIMEOUT_S = 60,
	STALL_BYTES_PER_S = 64,
	RECEIVE_BUFFER = 256 * 1024,
	IDLE_HANDLES_MAX = 8,
};

struct handle {
	struct list link;
	CURL *curl;
};

/* What libcurl's callbacks work on during one exchange. */
struct exchange {
	struct transport *transport;
	const struct http_request *request;
	struct http_response *response;
	struct curl_slist *headers;
	struct trust_files files;
	struct error *err;
	bool failed; /* err is set by a callback */
	size_t header_bytes;
	int64_t sent;
	struct sockaddr_storage peer; /* the last address tried */
	char message[CURL_ERROR_SIZE];
};

void transport_init(struct transport *t, const struct remote_config *config,
                    struct remote_shared *shared, atomic_bool *cancel)
{
	t->config = config;
	t->shared = shared;
	t->cancel = cancel;
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->idle);
}

static void handle_free(struct handle *h)
{
	curl_easy_cleanup(h->curl);
	free(h);
}

void transport_done(struct transport *t)
{
	list_for_each (&t->idle, it) {
		list_remove(it);
		handle_free(container_of(it, struct handle, link));
	}
	pthread_mutex_destroy(&t->lock);
}

void http_response_done(struct http_response *r)
{
	strmap_done(&r->headers);
	strbuf_done(&r->body);
}

static struct handle *take_handle(struct transport *t)
{
	WITH_LOCK(&t->lock);
	if (!list_empty(&t->idle)) {
		struct handle *h = container_of(t->idle.next, struct handle, link);
		list_remove(&h->link);
		return h;
	}
	struct handle *h = NEW(struct handle);
	list_init(&h->link);
	h->curl = shared_handle_new();
	return h;
}

static void give_handle(struct transport *t, struct handle *h)
{
	/* Keeps connections and caches. */
	curl_easy_reset(h->curl);
	WITH_LOCK(&t->lock);
	list_append(&t->idle, &h->link);
}

bool transport_cancelled(struct transport *t)
{
	return atomic_load(&t->stopped) || (t->cancel && atomic_load(t->cancel));
}

/* What a callback returns to stop the transfer: fewer bytes than it was given. */
static size_t fail_callback(struct exchange *x)
{
	x->failed = true;
	return 0;
}

static void add_header(struct strmap *headers, struct str name, struct str value)
{
	AUTO_FREE char *key = xstrndup(name.ptr, name.len);
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	const char *before = strmap_get(headers, key);
	AUTO_FREE char *text = before ? xasprintf("%s, %.*s", before, STR_ARG(value))
	                              : xstrndup(value.ptr, value.len);
	strmap_set(headers, key, text);
}

/* Of "HTTP/1.1 200 OK". */
static long head_status(struct str line)
{
	struct str word;
	uint64_t status;

	if (!str_cut(&line, ' ', &word) || !str_cut(&line, ' ', &word) ||
	    parse_u64_str(word, 10, &status) < 0)
		return 0;
	return (long)status;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	struct str line = str_n(data, n), name;

	x->header_bytes += n;
	if (x->header_bytes > RESPONSE_HEADERS_MAX) {
		error_set(x->err, ERROR_INVALID, "the answer's headers are longer than %d bytes",
		          RESPONSE_HEADERS_MAX);
		return fail_callback(x);
	}
	while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
		line.len--;
	if (line.len > 5 && memcmp(line.ptr, "HTTP/", 5) == 0) {
		/* A 100 Continue came before: only the last head counts. */
		strmap_done(&x->response->headers);
		x->response->status = head_status(line);
		return n;
	}
	if (memchr(line.ptr, ':', line.len) && str_cut(&line, ':', &name))
		add_header(&x->response->headers, str_trim(name), str_trim(line));
	return n;
}

static int keep_body(struct exchange *x, const char *data, size_t n)
{
	size_t limit = x->request->body_limit ? x->request->body_limit : RESPONSE_BODY_MAX;

	if (x->response->body.len + n > limit)
		return error_set(x->err, ERROR_TOO_LARGE,
		                 "the answer to %s \"%s\" is longer than %zu bytes",
		                 x->request->method, x->request->url, limit);
	strbuf_add(&x->response->body, data, n);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	int r;

	if (x->request->sink && (x->response->status == 200 || x->response->status == 206)) {
		r = x->request->sink(x->request->sink_ctx, data, n, x->err);
		x->response->sink_failed = r < 0;
	} else {
		r = keep_body(x, data, n);
	}
	return r < 0 ? fail_callback(x) : n;
}

static size_t on_send(char *out, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	const struct http_request *q = x->request;

	if (!q->fd) {
		size_t part = MIN(n * size, q->body.len - (size_t)x->sent);
		memcpy(out, q->body.ptr + x->sent, part);
		x->sent += (int64_t)part;
		return part;
	}
	size_t part = (size_t)MIN((int64_t)(n * size), q->fd_size - x->sent);
	ssize_t got = pread_full(*q->fd, out, part, x->sent);
	if (got < 0 || (size_t)got != part) {
		error_set_errno(x->err, got < 0 ? (int)-got : EIO,
		                "reading what is to be uploaded");
		x->response->sink_failed = true;
		fail_callback(x);
		return CURL_READFUNC_ABORT;
	}
	x->sent += got;
	if (q->sent)
		q->sent(q->sent_ctx, x->sent);
	return part;
}

/* A connection that was idle may turn out dead after the first bytes: libcurl starts over. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct exchange *x = ctx;
	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                       curl_off_t ulnow)
{
	const struct exchange *x = ctx;
	return transport_cancelled(x->transport);
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct exchange *x = ctx;
	if (a->addrlen <= sizeof(x->peer))
		memcpy(&x->peer, &a->addr, a->addrlen);
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void add_request_header(struct exchange *x, const char *name, const char *value)
{
	AUTO_FREE char *line = value ? xasprintf("%s: %s", name, value) : xasprintf("%s:", name);
	struct curl_slist *more = curl_slist_append(x->headers, line);
	if (!more)
		abort();
	x->headers = more;
}

static void set_headers(struct exchange *x, CURL *c, const char *authorization)
{
	const struct http_request *q = x->request;

	if (q->accept)
		add_request_header(x, "Accept", q->accept);
	if (q->content_type)
		add_request_header(x, "Content-Type", q->content_type);
	else if (q->fd || streq(q->method, "POST"))
		add_request_header(x, "Content-Type", "application/octet-stream");
	if (authorization)
		add_request_header(x, "Authorization", authorization);
	/* Waiting for "100 Continue" costs a second with servers that don't send it. */
	add_request_header(x, "Expect", NULL);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers);
}

static void set_method(struct exchange *x, CURL *c)
{
	const struct http_request *q = x->request;

	if (streq(q->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (streq(q->method, "PUT") || streq(q->method, "POST")) {
		int64_t size = q->fd ? q->fd_size : (int64_t)q->body.len;
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
		curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)RECEIVE_BUFFER);
	}
	if (!streq(q->method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	if (q->range_from > 0) {
		char range[32];
		snprintf(range, sizeof(range), "%lld-", (long long)q->range_from);
		curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
}

static int set_tls(struct exchange *x, CURL *c, const struct origin *o)
{
	struct trust_files *f = &x->files;

	if (trust_is_insecure(x->transport->config, o)) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	int r = trust_files_read(x->transport->config, o, f, x->err);
	if (r < 0)
		return r;
	if (f->authorities.len) {
		/* Beside the system's, which stay in CAPATH. */
		struct curl_blob blob = { .data = f->authorities.ptr, .len = f->authorities.len };
		curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
		curl_easy_setopt(c, CURLOPT_CAPATH, "/etc/ssl/certs");
	}
	if (f->certificate) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, f->certificate);
		curl_easy_setopt(c, CURLOPT_SSLKEY, f->key);
	}
	return 0;
}

static void set_limits(struct exchange *x, CURL *c)
{
	const struct remote_config *k = x->transport->config;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
	                 (long)(k->connect_timeout_s ? k->connect_timeout_s : CONNECT_TIMEOUT_S));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
	                 (long)(k->stall_timeout_s ? k->stall_timeout_s : STALL_TIMEOUT_S));
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
}

static int set_up(struct exchange *x, CURL *c, const char *authorization)
{
	struct origin o;
	int r = origin_parse(x->request->url, &o, x->err);
	if (r < 0)
		return r;
	shared_attach(x->transport->shared, c);
	curl_easy_setopt(c, CURLOPT_URL, x->request->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, x->transport->config->user_agent);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->message);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	/* The environment's proxy is for others than this machine. */
	if (host_is_loopback(o.host))
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	set_limits(x, c);
	set_method(x, c);
	set_headers(x, c, authorization);
	return origin_is_https(&o) ? set_tls(x, c, &o) : 0;
}

static void describe_peer(const struct exchange *x, char *out, size_t size)
{
	char host[64], port[8];
	socklen_t len = x->peer.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                              : sizeof(struct sockaddr_in);
	const void *peer = &x->peer;

	if (!x->peer.ss_family || getnameinfo(peer, len, host, sizeof(host), port, sizeof(port),
	                                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(out, size, "tcp");
	else
		snprintf(out, size, x->peer.ss_family == AF_INET6 ? "tcp [%s]:%s" : "tcp %s:%s",
		         host, port);
}

/* What went wrong on the way, in the words of Go's net package. */
static void describe_failure(const struct exchange *x, CURL *c, CURLcode code, char *out,
                             size_t size)
{
	char peer[128];
	long number = 0;
	struct origin o = { 0 };
	struct error ignored;

	describe_peer(x, peer, sizeof(peer));
	curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &number);
	IGNORE_RESULT(origin_parse(x->request->url, &o, &ignored), "only its host is wanted");
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		snprintf(out, size, "dial tcp: lookup %s: no such host", o.host);
	else if (code == CURLE_COULDNT_CONNECT && number)
		snprintf(out, size, "dial %s: connect: %s", peer,
		         number == ECONNREFUSED ? "connection refused"
		                                : strerrordesc_np((int)number));
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		snprintf(out, size, "tls: failed to verify certificate: x509: %s", x->message);
	else if (code == CURLE_OPERATION_TIMEDOUT && !x->header_bytes && !x->sent)
		snprintf(out, size, "dial %s: i/o timeout", peer);
	else if (code == CURLE_GOT_NOTHING)
		snprintf(out, size, "EOF");
	else
		snprintf(out, size, "%s", x->message[0] ? x->message : curl_easy_strerror(code));
}

static int fail(struct exchange *x, CURL *c, CURLcode code)
{
	char why[512], verb[16];

	if (transport_cancelled(x->transport))
		return error_set(x->err, ERROR_CANCELLED, "context canceled");
	if (x->failed)
		return error_errno(x->err);
	describe_failure(x, c, code, why, sizeof(why));
	snprintf(verb, sizeof(verb), "%c", x->request->method[0]);
	for (size_t i = 1; i + 1 < sizeof(verb) && x->request->method[i]; i++) {
		verb[i] = (char)tolower((unsigned char)x->request->method[i]);
		verb[i + 1] = '\0';
	}
	return error_set(x->err,
	                 code == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_UNAVAILABLE,
	                 "%s \"%.300s\": %s", verb, x->request->url, why);
}

int transport_exchange(struct transport *t, const struct http_request *q, const char *authorization,
                       struct http_response *ret, struct error *err)
{
	*ret = (struct http_response){ 0 };
	struct exchange x = { .transport = t, .request = q, .response = ret, .err = err };
	if (transport_cancelled(t))
		return error_set(err, ERROR_CANCELLED, "context canceled");

	struct handle *h = take_handle(t);
	int r = set_up(&x, h->curl, authorization);
	if (r >= 0) {
		CURLcode code = curl_easy_perform(h->curl);
		curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &ret->status);
		if (code)
			r = fail(&x, h->curl, code);
	}
	curl_slist_free_all(x.headers);
	trust_files_done(&x.files);
	give_handle(t, h);
	return r;
}

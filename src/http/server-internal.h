/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How the server's parts fit.
 *
 * The thread in http_server_run() (server.c) accepts, and waits with epoll for all connections
 * on which no request is active ("parked"). When one becomes readable it goes to the queue of the
 * worker pool (pool.c). A worker (conn.c) reads what is there into its own buffer, without
 * waiting. A whole head is served; of an incomplete one the bytes are kept with the connection,
 * which is parked again under its deadline, so that slow clients hold no thread. After an answer
 * the worker goes on with pipelined bytes or parks the connection. A parked connection owns no
 * buffer.
 *
 * A connection is in exactly one of the server's lists; moving between them, and closing, is done
 * under the server's lock. Only the epoll thread takes connections out of the parked lists.
 */
#include <poll.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/thread.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/server.h"
#include "http/tls-internal.h"

enum {
	HTTP_IN_SIZE = 16384,       /* a worker's read buffer; grows for large heads */
	HTTP_OUT_SIZE = 16384,      /* written bytes are gathered up to this */
	HTTP_DRAIN_MAX = 262144,    /* of an unread body, to keep the connection */
	HTTP_DRAIN_TIMEOUT_MS = 1000,
	HTTP_LINGER_MS = 5000,      /* for a client that still sends after its answer */
	HTTP_NEXT_REQUEST_MS = 1,   /* a worker's wait for the next request before it parks */
	HTTP_RESPONSE_HEADERS_MAX = 64,
};

enum http_parked {
	HTTP_PARKED_IDLE,   /* between requests: ordered by deadline */
	HTTP_PARKED_HEAD,   /* some bytes of a head, or of a TLS handshake, or nothing yet */
	HTTP_PARKED_LINGER, /* answered and shut down; reads the rest so that the answer arrives */
	HTTP_PARKED_KINDS,
};

struct http_listener {
	struct list link;
	int fd;
	struct http_tls *tls; /* counted, or NULL */
	void *tag;
	bool is_unix;
};

struct http_conn {
	struct list link; /* server->lock */
	struct http_server *server;
	struct http_listener *listener;
	struct http_stream *stream; /* owned; NULL once hijacked */
	enum http_parked parked;
	bool handshaking;
	int64_t deadline; /* monotonic ns; while parked */
	struct strbuf partial; /* of a head */
	char *tls_subject;
	union {
		struct {
			pid_t pid;
			uid_t uid;
			gid_t gid;
		} cred;
		struct {
			unsigned char bytes[28]; /* a sockaddr_in6 at most */
		} address;
	} peer;
	struct http_conn *next_job; /* pool->lock */
};

struct http_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_cond_t gone;
	struct http_conn *first_job, **last_job;
	unsigned n_threads, n_idle, max_threads;
	atomic_uint n_jobs; /* written with the lock */
	bool stopping;
};

struct http_server {
	struct http_server_options o;
	char *server_name;
	int epoll_fd;
	int wake_fd;
	int spare_fd;
	pthread_mutex_t lock;
	struct list listeners;
	struct list parked[HTTP_PARKED_KINDS];
	struct list active;
	unsigned n_conns;         /* lock */
	bool accepting;           /* the epoll thread's */
	int64_t accept_again;     /* monotonic ns, after descriptors ran out; the epoll thread's */
	atomic_bool stopping;
	atomic_uint drain_ms;
	struct http_pool pool;
};

/* A worker's own memory, lent to the request it serves. */
struct http_worker {
	struct http_server *server;
	char *in; /* bytes [in_at, in_end) are read but not used */
	size_t in_at, in_end, in_cap;
	struct strbuf head; /* of the answer */
	struct strbuf out;  /* bytes of its body, gathered */
	int64_t date_second;
	char date[32];
};

enum http_answer {
	HTTP_ANSWER_NONE,
	HTTP_ANSWER_BEGUN, /* http_begin() was called */
	HTTP_ANSWER_DONE,
	HTTP_ANSWER_HIJACKED,
};

enum http_framing { HTTP_FRAMING_LENGTH, HTTP_FRAMING_CHUNKED, HTTP_FRAMING_CLOSE, HTTP_FRAMING_NONE };

/* One request being served: lives on the worker's stack. */
struct http_exchange {
	struct http_request req;
	struct http_conn *conn;
	struct http_worker *worker;
	int minor;
	/* the request's body */
	bool expects_continue;
	bool body_done;
	bool body_failed;
	int64_t body_left; /* with a length */
	struct http_chunked chunked;
	/* the answer */
	enum http_answer answer;
	enum http_framing framing;
	struct http_header set[HTTP_RESPONSE_HEADERS_MAX]; /* in the arena */
	size_t n_set;
	int status;
	bool head_sent;
	bool close_after;
	int write_error;
	int64_t length, n_sent; /* body bytes: promised, and given to us */
	atomic_bool aborted;
};

static inline struct http_exchange *http_exchange_of(const struct http_request *req)
{
	return container_of((struct http_request *)(uintptr_t)req, struct http_exchange, req);
}

/* pool.c */
void http_pool_init(struct http_pool *p, unsigned max_threads);
/* Takes the connection; its owner is a worker from now on. */
void http_pool_submit(struct http_server *s, struct http_conn *c);
void http_pool_done(struct http_pool *p); /* waits for the workers */

/* conn.c: what a worker does with a connection */
void http_conn_serve(struct http_worker *w, struct http_conn *c);

/* server.c */
void http_server_park(struct http_server *s, struct http_conn *c, enum http_parked kind, int64_t deadline);
/* Closes, unless hijacked, and frees a connection that is in no parked list. */
void http_server_drop(struct http_server *s, struct http_conn *c);

/* body.c */
/* Reads off what is left of the body, within bounds: false when the connection must be closed. */
bool http_body_drain(struct http_exchange *x);
/* Whether http_body_drain() is worth trying. */
bool http_body_drainable(const struct http_exchange *x);

/* response.c */
/* Completes the answer of a handler that has returned; false when the connection must be closed. */
bool http_response_finish(struct http_exchange *x);
const char *http_reason(int status);

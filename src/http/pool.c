/* SPDX-License-Identifier: Apache-2.0 */
/* The workers: threads that start when jobs wait and none is idle, and end after idle seconds. */
#include <errno.h>
#include <time.h>

#include "base/alloc.h"
#include "http/server-internal.h"

enum { IDLE_SECONDS = 10 };

void http_pool_init(struct http_pool *p, unsigned max_threads)
{
	pthread_condattr_t attr;

	*p = (struct http_pool){ .max_threads = max_threads };
	p->last_job = &p->first_job;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->work, &attr);
	pthread_cond_init(&p->gone, NULL);
	pthread_condattr_destroy(&attr);
}

/* The next job, or NULL when this thread should end. Called and left with the lock held. */
static struct http_conn *next_job(struct http_pool *p)
{
	struct http_conn *c;
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	while (!p->first_job && !p->stopping && r != ETIMEDOUT) {
		p->n_idle++;
		r = pthread_cond_timedwait(&p->work, &p->lock, &until);
		p->n_idle--;
	}
	c = p->first_job;
	if (!c)
		return NULL;
	p->first_job = c->next_job;
	if (!p->first_job)
		p->last_job = &p->first_job;
	atomic_fetch_sub(&p->n_jobs, 1);
	return c;
}

static void *work(void *arg)
{
	struct http_worker w = { .server = arg };
	struct http_pool *p = &w.server->pool;
	struct http_conn *c;

	w.in_cap = HTTP_IN_SIZE;
	w.in = xmalloc(w.in_cap);
	pthread_mutex_lock(&p->lock);
	while ((c = next_job(p))) {
		pthread_mutex_unlock(&p->lock);
		http_conn_serve(&w, c);
		pthread_mutex_lock(&p->lock);
	}
	free(w.in);
	strbuf_done(&w.head);
	strbuf_done(&w.out);
	p->n_threads--;
	pthread_cond_signal(&p->gone);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void http_pool_submit(struct http_server *s, struct http_conn *c)
{
	struct http_pool *p = &s->pool;
	struct error ignored = { 0 };

	c->next_job = NULL;
	WITH_LOCK(&p->lock);
	*p->last_job = c;
	p->last_job = &c->next_job;
	/* an idle thread that was woken but does not run yet still counts, and so does its job */
	if (atomic_fetch_add(&p->n_jobs, 1) < p->n_idle) {
		pthread_cond_signal(&p->work);
		return;
	}
	/* when no thread can be had the job waits for one that is busy */
	if (p->n_threads < p->max_threads && thread_start(NULL, work, s, &ignored) == 0)
		p->n_threads++;
}

void http_pool_done(struct http_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->work);
	while (p->n_threads)
		pthread_cond_wait(&p->gone, &p->lock);
	pthread_mutex_unlock(&p->lock);
	pthread_cond_destroy(&p->gone);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches over our table: the kernel tells of every change to nf_tables, and when our rules are
 * not all there any more (somebody flushed them) the table is replaced. A firewall that another
 * program reloads is thus whole again within GUARD_DELAY.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/log.h"
#include "network/networks-internal.h"

#include <linux/netfilter/nfnetlink.h>

enum { GUARD_DELAY_MS = 200, CHANGE_MAX = 8192 };

struct guard {
	struct networks *n; /* borrowed */
	pthread_t thread;
	int changes; /* netlink, subscribed */
	int stop;    /* eventfd */
};

static int subscribe(struct guard *g, struct error *err)
{
	/* bound, not only subscribed: the kernel tells a socket without a port nothing */
	struct sockaddr_nl own = { .nl_family = AF_NETLINK,
		                   .nl_groups = 1U << (NFNLGRP_NFTABLES - 1) };
	struct netlink nl;
	int r = netlink_open(&nl, NETLINK_NETFILTER, err);

	if (r < 0)
		return r;
	g->changes = nl.fd;
	if (bind(nl.fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		return error_set_errno(err, errno, "cannot watch the firewall");
	return 0;
}

/* Reads what is there; only that there was something counts. */
static void drain(struct guard *g)
{
	char buf[CHANGE_MAX];
	ssize_t n;

	do
		n = recv(g->changes, buf, sizeof(buf), MSG_DONTWAIT);
	while (n >= 0 || errno == ENOBUFS || errno == EINTR);
}

static void check(struct guard *g)
{
	struct error err = { 0 };
	int r;

	WITH_LOCK(&g->n->lock);
	r = firewall_stands(&g->n->firewall, &err);
	if (r == 0) {
		log_warning("our firewall rules were removed by another program: restored "
		            "table=%s",
		            g->n->firewall.table);
		r = firewall_replace(&g->n->firewall, &err);
	}
	if (r < 0)
		log_error("the firewall may be open: %s", err.message);
}

static void *watch(void *arg)
{
	struct guard *g = arg;
	struct pollfd fds[] = { { .fd = g->stop, .events = POLLIN },
		                { .fd = g->changes, .events = POLLIN } };

	for (;;) {
		poll(fds, ARRAY_SIZE(fds), -1);
		if (fds[0].revents)
			return NULL;
		/* changes come in bursts: look once, when it is over */
		if (poll(fds, 1, GUARD_DELAY_MS) > 0)
			return NULL;
		drain(g);
		check(g);
	}
}

int guard_new(struct networks *n, struct guard **ret, struct error *err)
{
	struct guard *g;
	int r;

	if (n->firewall.disabled)
		return 0;
	g = NEW(struct guard);
	g->n = n;
	g->changes = -1;
	g->stop = eventfd(0, EFD_CLOEXEC);
	r = subscribe(g, err);
	if (r >= 0)
		r = thread_start(&g->thread, watch, g, err);
	if (r < 0) {
		if (g->changes >= 0)
			close(g->changes);
		close(g->stop);
		free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void guard_free(struct guard *g)
{
	uint64_t one = 1;

	if (!g)
		return;
	IGNORE_RESULT(write(g->stop, &one, sizeof(one)) < 0, "an eventfd takes it");
	pthread_join(g->thread, NULL);
	close(g->changes);
	close(g->stop);
	free(g);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A host of its own for the tests: the process moves into fresh network and mount namespaces, so
 * that nothing of the machine's is touched, and all goes with the process. "Outside" is another
 * namespace, a neighbour at 192.0.2.1 of the host's 192.0.2.2. Skips loudly without root.
 */
#include "network/networks-internal.h"

#include "unit.h"

struct world {
	struct db *db;
	struct networks *networks;
	int outside; /* the neighbour's network namespace */
	int home;    /* ours */
};

/* Made at the first call; skips the test when it can't be. */
struct world *world(void);
/* Closes the networks and opens them again, as after the engine's death. */
void world_restart(struct world *w, const struct strv *live);

struct box { /* a container, as far as the network knows */
	char id[65];
	char *path; /* owned */
	int netns;
	struct endpoint endpoint;
};
void box_start(struct world *w, struct box *b, const char *network);
/* With a name and name servers of its own (NULL: the host's). */
void box_start_named(struct world *w, struct box *b, const char *network, const char *name,
		     const struct strv *dns);
/* The network's id, which is the caller's. subnet may be NULL. */
char *world_network(struct world *w, const char *name, bool internal, bool icc, const char *subnet);
void box_stop(struct world *w, struct box *b);
/* A listener on 0.0.0.0:port in the box, or a UDP socket. */
int box_listen(const struct box *b, int type, uint16_t port);
int box_listen_at(const struct box *b, int type, const char *address, uint16_t port);

/* Whether a TCP connection from the namespace (-1: ours) to address:port ends at the listener;
 * ret_from (may be NULL) gets the address that the listener saw. */
bool reaches(int netns, const char *address, uint16_t port, int listener, char *ret_from);
/* The same for one datagram to a UDP socket and its answer. */
bool reaches_udp(int netns, const char *address, uint16_t port, int server);
/* Whether it is refused at once or after waiting; only for what must not get through. */
bool is_blocked(int netns, const char *address, uint16_t port);

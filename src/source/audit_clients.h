/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected to the web hook, and for how long they may say nothing. Those that have not yet
 * sent a request must, soon; others may stay for longer between two; a request must come to its
 * end. Where connections run out, those that came first and never asked make room.
 *
 * A connection is ended by shutting its socket down; the server, which owns it, then closes it.
 */
#ifndef SAKER_SOURCE_AUDIT_CLIENTS_H
#define SAKER_SOURCE_AUDIT_CLIENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	CLIENT_MS_FIRST = 20000, /* for a first request, from the connection on */
	CLIENT_MS_IDLE = 120000, /* between requests */
	CLIENT_MS_REQUEST = 60000,
};

struct audit_client {
	struct audit_client *next, *previous;
	int fd;
	uint64_t since; /* ms, CLOCK_MONOTONIC: it came, ended a request, or began one */
	bool is_asking; /* a request is under way */
	bool is_known;  /* has sent one that was accepted */
	bool is_shut;
};

struct audit_clients {
	pthread_mutex_t lock;
	struct audit_client ring; /* those that began to wait first come first */
	unsigned most;
	_Atomic uint64_t count;
	uint64_t look_at;
};

void audit_clients_init(struct audit_clients *c, unsigned most);
void audit_clients_release(struct audit_clients *c);

/* Of the server's thread. A client is the server's until it is removed; NULL without memory. */
struct audit_client *audit_clients_add(struct audit_clients *c, int fd);
void audit_clients_remove(struct audit_clients *c, struct audit_client *client);
/* A request begins or has ended; was_accepted counts at its end. client may be NULL. */
void audit_client_begin(struct audit_clients *c, struct audit_client *client);
void audit_client_end(struct audit_clients *c, struct audit_client *client, bool was_accepted);

/* Ends what has taken too long; looks about once a second, however often it is called. */
void audit_clients_look(struct audit_clients *c);

#endif

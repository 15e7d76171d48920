/* SPDX-License-Identifier: Apache-2.0 */
#include "source/audit_clients.h"

#include "base/clock.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { MS_LOOK = 1000 };

void audit_clients_init(struct audit_clients *c, unsigned most)
{
	pthread_mutex_init(&c->lock, NULL);
	c->ring.next = c->ring.previous = &c->ring;
	c->most = most;
}

void audit_clients_release(struct audit_clients *c)
{
	pthread_mutex_destroy(&c->lock);
}

static void unlink_client(struct audit_client *client)
{
	client->next->previous = client->previous;
	client->previous->next = client->next;
}

static void append_client(struct audit_clients *c, struct audit_client *client)
{
	client->since = clock_monotonic_ms();
	client->next = &c->ring;
	client->previous = c->ring.previous;
	client->next->previous = client->previous->next = client;
}

static void shut(struct audit_client *client)
{
	if (!client->is_shut)
		shutdown(client->fd, SHUT_RDWR);
	client->is_shut = true;
}

static void make_room(struct audit_clients *c)
{
	for (struct audit_client *client = c->ring.next; client != &c->ring;
	     client = client->next) {
		if (client->is_asking || client->is_known || client->is_shut)
			continue;
		shut(client);
		break;
	}
}

struct audit_client *audit_clients_add(struct audit_clients *c, int fd)
{
	struct audit_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->fd = fd;
	pthread_mutex_lock(&c->lock);
	append_client(c, client);
	if (atomic_fetch_add(&c->count, 1) >= c->most - c->most / 4)
		make_room(c);
	pthread_mutex_unlock(&c->lock);
	return client;
}

void audit_clients_remove(struct audit_clients *c, struct audit_client *client)
{
	pthread_mutex_lock(&c->lock);
	unlink_client(client);
	pthread_mutex_unlock(&c->lock);
	atomic_fetch_sub(&c->count, 1);
	free(client);
}

static void turn(struct audit_clients *c, struct audit_client *client, bool is_asking,
		 bool is_known)
{
	if (!client)
		return;
	pthread_mutex_lock(&c->lock);
	unlink_client(client);
	append_client(c, client);
	client->is_asking = is_asking;
	client->is_known |= is_known;
	pthread_mutex_unlock(&c->lock);
}

void audit_client_begin(struct audit_clients *c, struct audit_client *client)
{
	turn(c, client, true, false);
}

void audit_client_end(struct audit_clients *c, struct audit_client *client, bool was_accepted)
{
	turn(c, client, false, was_accepted);
}

static bool has_waited_enough(const struct audit_client *client, uint64_t now)
{
	uint64_t most = client->is_asking  ? CLIENT_MS_REQUEST
			: client->is_known ? CLIENT_MS_IDLE
					   : CLIENT_MS_FIRST;

	return now - client->since > most;
}

void audit_clients_look(struct audit_clients *c)
{
	uint64_t now = clock_monotonic_ms();

	if (now < c->look_at)
		return;
	c->look_at = now + MS_LOOK;
	pthread_mutex_lock(&c->lock);
	for (struct audit_client *client = c->ring.next; client != &c->ring;
	     client = client->next) {
		/* None of those behind it has waited for longer. */
		if (now - client->since <= CLIENT_MS_FIRST)
			break;
		if (has_waited_enough(client, now))
			shut(client);
	}
	pthread_mutex_unlock(&c->lock);
}

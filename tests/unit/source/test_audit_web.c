/* SPDX-License-Identifier: Apache-2.0 */
/* The web hook's threads: what is accepted is given out once, also when it closes meanwhile. */
#include "../unit.h"
#include "source/audit_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 4, REQUESTS = 50, EVENTS = 20 };

struct client {
	uint16_t port;
	int id;
	unsigned accepted, refused;
};

static int connect_to(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The status of the answer; 0: there was none. */
static int post(int fd, const char *body, size_t size)
{
	char head[256], answer[1024];
	int n = snprintf(head, sizeof(head),
			 "POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 size);
	ssize_t got;

	if (send(fd, head, (size_t)n, MSG_NOSIGNAL | MSG_MORE) != n ||
	    send(fd, body, size, MSG_NOSIGNAL) != (ssize_t)size)
		return 0;
	got = recv(fd, answer, sizeof(answer) - 1, 0);
	return got > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static void *run_client(void *argument)
{
	struct client *c = argument;
	int fd = connect_to(c->port);

	for (int r = 0; fd >= 0 && r < REQUESTS; r++) {
		char body[EVENTS * 80];
		size_t n = 0;

		body[n++] = '[';
		for (int e = 0; e < EVENTS; e++)
			n += (size_t)sprintf(body + n, "%s{\"kind\":\"Event\",\"auditID\":\"%d\"}",
					     e ? "," : "", (c->id * REQUESTS + r) * EVENTS + e);
		body[n++] = ']';
		if (post(fd, body, n) != 200)
			break;
		c->accepted++;
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static unsigned char seen[CLIENTS * REQUESTS * EVENTS];
static size_t count;

static void take(void *context, struct event *e)
{
	struct str id = tape_raw(e->tape, tape_get(e->tape, e->tape->nodes, STR("auditID")));
	uint64_t n = 0;

	(void)context;
	assert_true(str_to_u64(id, &n));
	assert_true(n < sizeof(seen));
	seen[n]++;
	count++;
}

static struct source *open_hook(void)
{
	struct audit_options o;
	struct error err = {0};
	struct source *s;

	if (audit_options_read(&o, "http://127.0.0.1:0/k8s-audit", "", &err) < 0)
		fail_msg("%s", err.message);
	s = source_audit_new(&o, &err);
	if (!s)
		fail_msg("%s", err.message);
	memset(seen, 0, sizeof(seen));
	count = 0;
	return s;
}

static void start_clients(struct source *s, struct client *clients, pthread_t *threads)
{
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.port = source_audit_port(s), .id = i};
		assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
	}
}

static unsigned join_clients(struct client *clients, pthread_t *threads)
{
	unsigned accepted = 0;

	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		accepted += clients[i].accepted;
	}
	return accepted;
}

static void each_accepted_event_is_given_out_once(void **state)
{
	struct client clients[CLIENTS];
	pthread_t threads[CLIENTS];
	struct source *s = open_hook();
	struct audit_counters c;

	(void)state;
	start_clients(s, clients, threads);
	for (int i = 0; i < 1000 && count < sizeof(seen); i++)
		if (source_poll(s, 10, take, NULL) < 0)
			fail();
	check_i64(join_clients(clients, threads), CLIENTS * REQUESTS, "accepted");
	check_i64(count, sizeof(seen), "events");
	for (size_t i = 0; i < sizeof(seen); i++)
		check_i64(seen[i], 1, "times");
	c = source_audit_counters(s);
	check_i64(c.accepted, CLIENTS * REQUESTS, "requests");
	check_i64(c.queued_bytes, 0, "held");
	source_free(s);
}

static void what_was_accepted_before_it_closes_is_still_given_out(void **state)
{
	struct client clients[CLIENTS];
	pthread_t threads[CLIENTS];
	struct source *s = open_hook();
	unsigned accepted;
	uint64_t queued;

	(void)state;
	start_clients(s, clients, threads);
	/* Nobody polls: all of it waits. */
	for (int i = 0; i < 1000 && source_audit_counters(s).accepted < 20; i++)
		usleep(1000);
	source_close(s);
	accepted = join_clients(clients, threads);
	queued = source_audit_counters(s).accepted;
	while (source_poll(s, 0, take, NULL) > 0)
		;
	/* An answer may have been on its way when the connection was closed. */
	assert_in_range(queued, accepted, accepted + CLIENTS);
	check_i64(count, queued * EVENTS, "events");
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_true(seen[i] <= 1);
	source_close(s);
	source_free(s);
}

static void what_waits_is_freed_with_the_source(void **state)
{
	struct client c = {0};
	struct source *s = open_hook();

	(void)state;
	c.port = source_audit_port(s);
	run_client(&c);
	check_i64(c.accepted, REQUESTS, "accepted");
	assert_true(source_audit_counters(s).queued_bytes > 0);
	source_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_accepted_event_is_given_out_once),
	    cmocka_unit_test(what_was_accepted_before_it_closes_is_still_given_out),
	    cmocka_unit_test(what_waits_is_freed_with_the_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

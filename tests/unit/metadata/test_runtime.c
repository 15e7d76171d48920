/* SPDX-License-Identifier: Apache-2.0 */
/* The clients, against a stand-in for a runtime that behaves in every way it should not. */
#include "../unit.h"
#include "metadata/metadata.h"
#include "state/container_set.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NEW_ID "1111111111abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { CONNECTIONS = 32, PATIENCE_MS = 8000 };

enum manner {
	GOOD,
	NEVER_ANSWERS,
	TOO_LARGE,
	BROKEN_JSON,
	LIES_ABOUT_IDS,
	HANGS_UP,
	KNOWS_NOTHING,
};

struct server {
	char directory[64], path[96];
	int listener;
	pthread_t thread, peers[CONNECTIONS];
	int fds[CONNECTIONS];
	_Atomic int peer_count;
	_Atomic enum manner manner;
	_Atomic bool is_over;
	_Atomic bool tells_of_new;
};

static void send_text(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		n -= (size_t)sent;
	}
}

static void answer(int fd, int status, const char *body)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 status, strlen(body));

	send_text(fd, head, (size_t)n);
	send_text(fd, body, strlen(body));
}

static void answer_too_large(int fd)
{
	static char block[65536];
	static const char head[] = "HTTP/1.1 200 X\r\nContent-Length: 100000000\r\n\r\n";

	memset(block, ' ', sizeof(block));
	send_text(fd, head, sizeof(head) - 1);
	for (int i = 0; i < 1600; i++)
		send_text(fd, block, sizeof(block));
}

static void answer_events(struct server *s, int fd)
{
	static const char head[] = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char event[] =
	    "{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"" NEW_ID "\"}}\n";
	char chunk[512];

	send_text(fd, head, sizeof(head) - 1);
	while (!atomic_load(&s->is_over) && !atomic_load(&s->tells_of_new))
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	if (atomic_load(&s->is_over))
		return;
	snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", sizeof(event) - 1, event);
	send_text(fd, chunk, strlen(chunk));
}

static void answer_container(int fd, const char *id, const char *name)
{
	char body[1024];

	snprintf(body, sizeof(body),
		 "{\"Id\":\"%s\",\"Name\":\"/%s\",\"Image\":\"sha256:ab\",\"Config\":{\"Image\":"
		 "\"box:v1\",\"Labels\":{\"a\":\"b\"}},\"HostConfig\":{\"NetworkMode\":\"host\"},"
		 "\"Mounts\":[]}",
		 id, name);
	answer(fd, 200, body);
}

static void handle(struct server *s, int fd, const char *request)
{
	enum manner manner = atomic_load(&s->manner);

	if (strstr(request, "/events?")) {
		answer_events(s, fd);
	} else if (manner == NEVER_ANSWERS) {
		return;
	} else if (manner == TOO_LARGE) {
		answer_too_large(fd);
	} else if (manner == HANGS_UP) {
		shutdown(fd, SHUT_RDWR);
	} else if (manner == BROKEN_JSON) {
		answer(fd, 200, "[{\"Id\":");
	} else if (strstr(request, "/images/")) {
		answer(fd, 200,
		       "{\"RepoDigests\":[\"r/box@sha256:11\"],\"RepoTags\":[\"r/box:v1\"]}");
	} else if (strstr(request, "/containers/json")) {
		answer(fd, 200, manner == KNOWS_NOTHING ? "[]" : "[{\"Id\":\"" ID "\"}]");
	} else if (manner == KNOWS_NOTHING) {
		answer(fd, 404, "{}");
	} else if (manner == LIES_ABOUT_IDS) {
		answer_container(fd, "ffff", "liar");
	} else {
		answer_container(fd, strstr(request, NEW_ID) ? NEW_ID : ID,
				 strstr(request, NEW_ID) ? "new" : "old");
	}
}

struct peer {
	struct server *server;
	int fd;
};

static void *serve_peer(void *context)
{
	struct peer peer = *(struct peer *)context;
	char request[4096];
	size_t n = 0;
	ssize_t got;

	free(context);
	while ((got = recv(peer.fd, request + n, sizeof(request) - n - 1, 0)) > 0) {
		n += (size_t)got;
		request[n] = '\0';
		if (!strstr(request, "\r\n\r\n"))
			continue;
		handle(peer.server, peer.fd, request);
		n = 0;
	}
	return NULL;
}

static void *serve(void *context)
{
	struct server *s = context;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		int i = atomic_load(&s->peer_count);
		struct peer *peer = malloc(sizeof(*peer));

		if (i == CONNECTIONS || atomic_load(&s->is_over)) {
			free(peer);
			close(fd);
			continue;
		}
		*peer = (struct peer){s, fd};
		s->fds[i] = fd;
		pthread_create(&s->peers[i], NULL, serve_peer, peer);
		atomic_store(&s->peer_count, i + 1);
	}
	return NULL;
}

static void server_listen(struct server *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s->listener, 16), 0);
	atomic_store(&s->is_over, false);
	atomic_store(&s->peer_count, 0);
	pthread_create(&s->thread, NULL, serve, s);
}

static struct server *server_new(enum manner manner)
{
	struct server *s = calloc(1, sizeof(*s));

	snprintf(s->directory, sizeof(s->directory), "/tmp/saker-runtime-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	snprintf(s->path, sizeof(s->path), "%s/sock", s->directory);
	atomic_store(&s->manner, manner);
	return s;
}

static void server_end(struct server *s)
{
	atomic_store(&s->is_over, true);
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
	unlink(s->path);
	for (int i = 0; i < atomic_load(&s->peer_count); i++) {
		shutdown(s->fds[i], SHUT_RDWR);
		pthread_join(s->peers[i], NULL);
		close(s->fds[i]);
	}
}

static void server_free(struct server *s)
{
	rmdir(s->directory);
	free(s);
}

struct scene {
	struct server *server;
	struct container_set *set;
	struct metadata *metadata;
};

static struct scene *scene_new_of(enum metadata_engine engine, enum manner manner, bool is_there)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct metadata_options options = {.host_root = ""};
	const char *socket;
	struct error err;

	s->server = server_new(manner);
	if (is_there)
		server_listen(s->server);
	s->set = container_set_new();
	socket = s->server->path;
	for (int e = 0; e < METADATA_ENGINES; e++)
		options.engines[e].is_disabled = e != (int)engine;
	options.engines[engine].sockets = &socket;
	options.engines[engine].socket_count = 1;
	s->metadata = metadata_start(&options, container_set_inbox(s->set), &err);
	assert_non_null(s->metadata);
	container_set_ask(s->set, &(struct container_asker){s->metadata, metadata_ask, NULL});
	return s;
}

static struct scene *scene_new(enum manner manner, bool is_there)
{
	return scene_new_of(METADATA_DOCKER, manner, is_there);
}

static void scene_free(struct scene *s, bool is_there)
{
	metadata_stop(s->metadata);
	container_set_free(s->set);
	if (is_there)
		server_end(s->server);
	server_free(s->server);
	free(s);
}

static const struct container *take(struct scene *s, const char *id)
{
	struct container c = {.type = CONTAINER_DOCKER, .full_id = str_from(id)};

	c.id = container_short_id(c.full_id);
	return container_set_take(s->set, &c);
}

static struct metadata_counters counters(const struct scene *s)
{
	struct metadata_counters c = {0};

	metadata_counters(s->metadata, &c, 1);
	return c;
}

#define WAIT_UNTIL(s, condition)                                                                   \
	for (int round_ = 0; !(condition); round_++) {                                             \
		if (round_ == PATIENCE_MS)                                                         \
			fail_msg("never: %s", #condition);                                         \
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                           \
		container_set_update((s)->set);                                                    \
	}

static void existing_and_new_containers_are_told_of(void **state)
{
	struct scene *s = scene_new(GOOD, true);
	const struct container_info *info;

	(void)state;
	WAIT_UNTIL(s, (info = container_set_info(s->set, STR(ID))));
	check_str(info->name, "old", "name");
	check_str(info->image, "box:v1", "image");
	check_str(info->image_repository, "r/box", "repository");
	check_str(info->image_digest, "sha256:11", "digest");
	check_i64(info->is_host_network, true, "network");
	atomic_store(&s->server->tells_of_new, true);
	WAIT_UNTIL(s, (info = container_set_info(s->set, STR(NEW_ID))));
	check_str(info->name, "new", "name");
	check_i64(counters(s).errors, 0, "errors");
	scene_free(s, true);
}

static void what_was_not_told_of_is_asked_for(void **state)
{
	struct scene *s = scene_new(GOOD, true);
	const struct container *c;

	(void)state;
	WAIT_UNTIL(s, counters(s).is_up);
	c = take(s, NEW_ID);
	check_i64(c->metadata, CONTAINER_ASKED, "asked");
	WAIT_UNTIL(s, c->metadata == CONTAINER_TOLD);
	check_str(c->info->name, "new", "name");
	container_set_give(s->set, c);
	scene_free(s, true);
}

static void a_runtime_that_does_not_know_says_so(void **state)
{
	struct scene *s = scene_new(KNOWS_NOTHING, true);
	const struct container *c;

	(void)state;
	WAIT_UNTIL(s, counters(s).is_up);
	c = take(s, NEW_ID);
	WAIT_UNTIL(s, c->metadata == CONTAINER_UNTOLD);
	container_set_give(s->set, c);
	scene_free(s, true);
}

static void bad_runtimes_are_counted_and_nobody_waits_for_them(void **state)
{
	static const enum manner manners[] = {NEVER_ANSWERS, TOO_LARGE, BROKEN_JSON, LIES_ABOUT_IDS,
					      HANGS_UP};

	(void)state;
	for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++) {
		struct scene *s = scene_new(manners[i], true);
		const struct container *c = take(s, ID);

		WAIT_UNTIL(s, counters(s).errors > 0);
		WAIT_UNTIL(s, c->metadata != CONTAINER_ASKED);
		check_i64(counters(s).is_up, false, "is up");
		assert_null(container_set_info(s->set, STR(ID)));
		container_set_give(s->set, c);
		scene_free(s, true);
	}
}

/* To who speaks HTTP/2 all that the stand-in says is broken. */
static void so_are_those_that_should_speak_grpc(void **state)
{
	static const enum metadata_engine engines[] = {METADATA_CRI, METADATA_CONTAINERD};
	static const enum manner manners[] = {NEVER_ANSWERS, TOO_LARGE, BROKEN_JSON, HANGS_UP};

	(void)state;
	for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++) {
		struct scene *s = scene_new_of(engines[i % 2], manners[i], true);

		WAIT_UNTIL(s, counters(s).errors > 0);
		check_i64(counters(s).is_up, false, "is up");
		scene_free(s, true);
	}
}

static void a_runtime_that_comes_and_comes_back_is_found(void **state)
{
	struct scene *s = scene_new(GOOD, false);
	const struct container *c = take(s, ID);

	(void)state;
	check_i64(c->metadata, CONTAINER_UNASKED, "nobody is there");
	server_listen(s->server);
	WAIT_UNTIL(s, c->metadata == CONTAINER_TOLD);
	server_end(s->server);
	WAIT_UNTIL(s, !counters(s).is_up);
	server_listen(s->server);
	WAIT_UNTIL(s, counters(s).is_up);
	container_set_give(s->set, c);
	scene_free(s, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(existing_and_new_containers_are_told_of),
	    cmocka_unit_test(what_was_not_told_of_is_asked_for),
	    cmocka_unit_test(a_runtime_that_does_not_know_says_so),
	    cmocka_unit_test(bad_runtimes_are_counted_and_nobody_waits_for_them),
	    cmocka_unit_test(so_are_those_that_should_speak_grpc),
	    cmocka_unit_test(a_runtime_that_comes_and_comes_back_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/runtime.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/wake.h"
#include "metadata/sockets.h"
#include "metadata/users_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 1000, /* how often it is looked whether a socket has come */
	BACKOFF_LEAST_MS = 100,
	BACKOFF_MOST_MS = 5000,
	STACK_SIZE = 1024 * 1024,
};

struct metadata {
	struct users_reader *users;
	size_t count;
	struct runtime *runtimes[METADATA_CLIENTS_MOST];
};

static const struct runtime_type *const types[METADATA_ENGINES] = {
    [METADATA_DOCKER] = &runtime_docker,
    [METADATA_PODMAN] = &runtime_podman,
    [METADATA_CONTAINERD] = &runtime_containerd,
    [METADATA_CRI] = &runtime_cri,
};

bool runtime_must_stop(const struct runtime *r)
{
	return atomic_load_explicit(&r->must_stop, memory_order_relaxed);
}

void runtime_awake(struct runtime *r)
{
	wake_take(r->wake_fd);
}

bool runtime_sleep(struct runtime *r, int ms)
{
	uint64_t end = clock_monotonic_ms() + (uint64_t)ms, now;

	while (!runtime_must_stop(r) && (now = clock_monotonic_ms()) < end) {
		struct pollfd p = {.fd = r->wake_fd, .events = POLLIN};

		if (poll(&p, 1, (int)(end - now)) > 0)
			runtime_awake(r);
	}
	return !runtime_must_stop(r);
}

void runtime_is_up(struct runtime *r)
{
	atomic_store(&r->state, RUNTIME_UP);
	r->last_error[0] = '\0';
	log_info("containers: %s answers at %s", r->type->name, r->socket);
}

static void tell_error(struct runtime *r, const struct error *err)
{
	atomic_fetch_add_explicit(&r->errors, 1, memory_order_relaxed);
	if (strcmp(r->last_error, err->message) == 0)
		return;
	snprintf(r->last_error, sizeof(r->last_error), "%s", err->message);
	log_warning("containers: %s at %s: %s", r->type->name, r->socket, err->message);
}

static void *client(void *context)
{
	struct runtime *r = context;
	int backoff = BACKOFF_LEAST_MS;

	pthread_setname_np(pthread_self(), "containers");
	while (!runtime_must_stop(r)) {
		struct error err = {0};
		bool was_up;

		if (access(r->socket, F_OK) < 0) {
			atomic_store(&r->state, RUNTIME_DOWN);
			runtime_refuse_all(r);
			runtime_sleep(r, LOOK_MS);
			continue;
		}
		if (r->type->run(r, &err) == 0)
			continue;
		was_up = atomic_exchange(&r->state, RUNTIME_DOWN) == RUNTIME_UP;
		if (was_up)
			backoff = BACKOFF_LEAST_MS;
		if (!runtime_must_stop(r))
			tell_error(r, &err);
		runtime_refuse_all(r);
		runtime_sleep(r, backoff);
		backoff = backoff * 2 < BACKOFF_MOST_MS ? backoff * 2 : BACKOFF_MOST_MS;
	}
	runtime_refuse_all(r);
	return NULL;
}

/* Of a metadata's sockets, as they are found. */
struct adding {
	struct metadata *m;
	const struct metadata_options *options;
	struct container_inbox *inbox;
};

static int add_runtime(void *context, enum metadata_engine engine, const char *socket,
		       struct error *err)
{
	struct adding *a = context;
	const struct metadata_options *o = a->options;
	struct metadata *m = a->m;
	struct runtime *r;
	int status;

	if (m->count == sizeof(m->runtimes) / sizeof(*m->runtimes))
		return error_set(err, -E2BIG, "there are too many sockets of runtimes");
	r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->type = types[engine];
	r->inbox = a->inbox;
	r->label_max = o->label_max ? o->label_max : METADATA_LABEL_MAX;
	r->skip_create = o->skip_create;
	r->with_start = o->with_start;
	r->skip_kubernetes = !o->engines[METADATA_CRI].is_disabled;
	r->wake_fd = wake_open();
	status = snprintf(r->socket, sizeof(r->socket), "%s", socket);
	if (r->wake_fd < 0 || status >= (int)sizeof(r->socket)) {
		status = r->wake_fd < 0 ? -errno : -ENAMETOOLONG;
		error_set(err, status, "containers: socket %s: %s", socket, strerror(-status));
		if (r->wake_fd >= 0)
			close(r->wake_fd);
		free(r);
		return status;
	}
	if (access(r->socket, F_OK) == 0)
		atomic_store(&r->state, RUNTIME_STARTING);
	m->runtimes[m->count++] = r;
	return 0;
}

static int start_threads(struct metadata *m, struct error *err)
{
	pthread_attr_t attributes;
	int status = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	for (size_t i = 0; i < m->count && status == 0; i++) {
		status =
		    pthread_create(&m->runtimes[i]->thread, &attributes, client, m->runtimes[i]);
		if (status == 0)
			continue;
		error_set(err, -status, "containers: no thread: %s", strerror(status));
		while (m->count > i) {
			close(m->runtimes[--m->count]->wake_fd);
			free(m->runtimes[m->count]);
		}
	}
	pthread_attr_destroy(&attributes);
	return -status;
}

struct metadata *metadata_start(const struct metadata_options *o, struct container_inbox *inbox,
				struct error *err)
{
	struct metadata *m = calloc(1, sizeof(*m));
	int status;

	if (!m)
		abort();
	status = sockets_each(o, add_runtime, &(struct adding){m, o, inbox}, err);
	if (status == 0 && !(m->users = users_reader_start(o->host_root, inbox, err)))
		status = -EINVAL;
	if (status == 0)
		status = start_threads(m, err);
	if (status == 0)
		return m;
	metadata_stop(m);
	return NULL;
}

void metadata_stop(struct metadata *m)
{
	if (!m)
		return;
	users_reader_stop(m->users);
	for (size_t i = 0; i < m->count; i++) {
		atomic_store(&m->runtimes[i]->must_stop, true);
		wake_send(m->runtimes[i]->wake_fd);
	}
	for (size_t i = 0; i < m->count; i++) {
		if (m->runtimes[i]->thread)
			pthread_join(m->runtimes[i]->thread, NULL);
		close(m->runtimes[i]->wake_fd);
		VEC_FREE(&m->runtimes[i]->named);
		free(m->runtimes[i]);
	}
	free(m);
}

static bool ask(struct runtime *r, const struct container *c)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	struct runtime_request *q = &r->requests[tail % RUNTIME_REQUESTS];

	if (!(r->type->asked_about & 1u << c->type) ||
	    atomic_load_explicit(&r->state, memory_order_acquire) == RUNTIME_DOWN)
		return false;
	if (tail - atomic_load_explicit(&r->head, memory_order_acquire) == RUNTIME_REQUESTS ||
	    c->full_id.n > RUNTIME_ID_MAX)
		return false;
	q->n = (uint16_t)c->full_id.n;
	memcpy(q->id, c->full_id.p, c->full_id.n);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	atomic_fetch_add_explicit(&r->asked, 1, memory_order_relaxed);
	wake_send(r->wake_fd);
	return true;
}

uint32_t metadata_ask(void *metadata, const struct container *c)
{
	struct metadata *m = metadata;
	uint32_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += ask(m->runtimes[i], c);
	return n;
}

bool metadata_ask_users(void *metadata, const struct container *c, bool is_young)
{
	struct metadata *m = metadata;

	return users_reader_ask(m->users, c, is_young);
}

size_t metadata_counters(const struct metadata *m, struct metadata_counters *out, size_t room)
{
	for (size_t i = 0; i < m->count && i < room; i++) {
		const struct runtime *r = m->runtimes[i];

		out[i] = (struct metadata_counters){
		    .engine = r->type->name,
		    .socket = r->socket,
		    .is_up = atomic_load(&r->state) == RUNTIME_UP,
		    .asked = atomic_load(&r->asked),
		    .answered = atomic_load(&r->answered),
		    .events = atomic_load(&r->events),
		    .errors = atomic_load(&r->errors),
		};
	}
	return m->count;
}

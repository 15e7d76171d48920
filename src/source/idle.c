/* SPDX-License-Identifier: Apache-2.0 */
/* A source without events: what runs where system calls are not watched. */
#include "source/source.h"

#include "source/source_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { WATCHED_MAX = 8 };

struct idle_source {
	struct source source; /* first: the interface's functions get this */
	struct pollfd watched[WATCHED_MAX];
	nfds_t count;
};

static int idle_poll(struct source *source, int timeout_ms, source_event_fn *handle, void *context)
{
	struct idle_source *s = (struct idle_source *)source;
	int ready;

	(void)handle, (void)context;
	ready = poll(s->watched, s->count, timeout_ms);
	if (ready < 0)
		return -errno;
	return ready > 0 ? -EINTR : 0;
}

static int idle_fd(const struct source *source)
{
	(void)source;
	return -1;
}

static int idle_watch(struct source *source, int fd, struct error *err)
{
	struct idle_source *s = (struct idle_source *)source;

	if (s->count == WATCHED_MAX)
		return error_set(err, -ENOSPC, "too many descriptors to wait for");
	s->watched[s->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return 0;
}

static struct source_counters idle_counters(const struct source *source)
{
	(void)source;
	return (struct source_counters){0};
}

static void idle_free(struct source *source)
{
	free((struct idle_source *)source);
}

static const struct source_ops ops = {
    .poll = idle_poll,
    .fd = idle_fd,
    .watch = idle_watch,
    .counters = idle_counters,
    .free = idle_free,
};

struct source *source_idle_new(struct error *err)
{
	struct idle_source *s = calloc(1, sizeof(*s));

	if (!s) {
		error_set(err, -ENOMEM, "no memory for the event source");
		return NULL;
	}
	s->source.ops = &ops;
	return &s->source;
}

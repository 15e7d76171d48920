/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live source: the probe's rings, merged.
 *
 * Waiting. While records come we look for them every LOOK_AGAIN_MS, so that an alert is out within
 * 5 ms, and the probe wakes us only where a ring fills. Where a look found nothing we say that we
 * wait, look once more, for what came meanwhile wakes nobody, and sleep until a record comes.
 *
 * Only wakes count, not that there is something in a ring (edges, not levels): where events come
 * all the time there always is, and we would run after every few of them.
 */
#include "source/source_internal.h"

#include "base/clock.h"
#include "base/vec.h"
#include "probe/probe.h"
#include "source/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_AGAIN_MS = 3,
	SLEEP_MS = 500, /* some records wake nobody: RECORD_SAMPLED */
	RINGS_MAX = 512,
	WATCHED = 1u << 31, /* mark of descriptors that are no rings, in epoll's data */
};
#define CLOCK_CHECK_NS UINT64_C(1000000000)

struct syscalls_source {
	struct source source; /* first */
	struct probe *probe;
	int epoll_fd;
	bool is_quiet; /* the last look found nothing */
	struct ring *rings;
	size_t ring_count;
	int64_t boot_shift;       /* of our clock of the time since boot: base/clock.h */
	uint64_t epoch_offset;    /* what makes a time since boot one since the epoch */
	uint64_t offset_taken_at; /* since boot */
	uint64_t number;
	struct source_counters counters;
	source_event_fn *handle; /* of the poll that runs */
	void *context;
};

static bool time_of_record(const struct ring *r, uint64_t payload, uint32_t size, uint64_t *time)
{
	if (size < sizeof(struct record) + sizeof(struct event_header))
		return false;
	ring_copy(r, payload + sizeof(struct record) + offsetof(struct event_header, ts), time,
		  sizeof(*time));
	return true;
}

static void hand_over(void *context, const void *record, uint32_t size)
{
	struct syscalls_source *s = context;
	struct event e;

	/* Every record has a number, whether we can read it or not. */
	s->number++;
	if (event_decode(&e, record, size, NULL) < 0) {
		s->counters.damaged++;
		return;
	}
	e.time = e.header->ts + s->epoch_offset;
	e.number = s->number;
	s->counters.events++;
	s->handle(s->context, &e);
}

static size_t read_rings(struct syscalls_source *s)
{
	/* First the time, then (in ring_merge) the producers' positions: see source/ring.h. */
	uint64_t now = clock_boot_ns(s->boot_shift);

	if (s->offset_taken_at == 0 || now - s->offset_taken_at > CLOCK_CHECK_NS) {
		s->epoch_offset = clock_boot_epoch_ns(s->boot_shift);
		s->offset_taken_at = now;
	}
	return ring_merge(s->rings, s->ring_count, now, time_of_record, hand_over, s);
}

/* Says that we wait; false where there is something to read, so that we must not. */
static bool begin_to_wait(struct syscalls_source *s)
{
	probe_reader_waits(s->probe, true);
	for (size_t i = 0; i < s->ring_count; i++) {
		if (ring_is_empty(&s->rings[i]))
			continue;
		probe_reader_waits(s->probe, false);
		return false;
	}
	return true;
}

static int syscalls_poll(struct source *source, int timeout_ms, source_event_fn *handle,
			 void *context)
{
	struct syscalls_source *s = (struct syscalls_source *)source;
	uint64_t end =
	    timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000;

	s->handle = handle;
	s->context = context;
	for (;;) {
		struct epoll_event ready[16];
		bool sleeps = s->is_quiet && begin_to_wait(s);
		int wait = sleeps ? SLEEP_MS : LOOK_AGAIN_MS;

		if (timeout_ms >= 0) {
			uint64_t now = clock_monotonic_ns();
			int left = now >= end ? 0 : (int)((end - now + 999999) / 1000000);

			if (wait < 0 || left < wait)
				wait = left;
		}

		int n = epoll_wait(s->epoll_fd, ready, 16, wait);
		int status = n < 0 ? -errno : 0;

		if (sleeps)
			probe_reader_waits(s->probe, false);
		if (status < 0)
			return status;
		size_t handed = read_rings(s);

		s->is_quiet = handed == 0;
		for (int i = 0; i < n; i++)
			if (ready[i].data.u32 & WATCHED)
				return -EINTR;
		if (handed > 0)
			return handed > INT32_MAX ? INT32_MAX : (int)handed;
		if (n == 0 && timeout_ms >= 0 && clock_monotonic_ns() >= end)
			return 0;
	}
}

static int syscalls_fd(const struct source *source)
{
	return ((const struct syscalls_source *)source)->epoll_fd;
}

static int add_fd(struct syscalls_source *s, int fd, uint32_t events, uint32_t mark,
		  struct error *err)
{
	struct epoll_event event = {.events = events, .data.u32 = mark};

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return error_set(err, -errno, "cannot wait for descriptor %d: %s", fd,
				 strerror(errno));
	return 0;
}

static int syscalls_watch(struct source *source, int fd, struct error *err)
{
	return add_fd((struct syscalls_source *)source, fd, EPOLLIN, WATCHED, err);
}

static struct source_counters syscalls_counters(const struct source *source)
{
	const struct syscalls_source *s = (const struct syscalls_source *)source;
	struct source_counters counters = s->counters;
	struct probe_counters probe = probe_counters(s->probe);

	for (size_t i = 0; i < s->ring_count; i++)
		counters.damaged += s->rings[i].damaged;
	for (int i = 0; i < DROP_CAUSE_COUNT; i++)
		counters.dropped += probe.drops[i];
	return counters;
}

static void syscalls_free(struct source *source)
{
	struct syscalls_source *s = (struct syscalls_source *)source;

	for (size_t i = 0; i < s->ring_count; i++)
		ring_unmap(&s->rings[i]);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s->rings);
	free(s);
}

static const struct source_ops ops = {
    .poll = syscalls_poll,
    .fd = syscalls_fd,
    .watch = syscalls_watch,
    .counters = syscalls_counters,
    .free = syscalls_free,
};

struct source *source_syscalls_new(struct probe *probe, struct error *err)
{
	struct probe_ring rings[RINGS_MAX];
	size_t count = probe_rings(probe, rings, RINGS_MAX);
	struct syscalls_source *s = calloc(1, sizeof(*s));

	if (!s || !(s->rings = calloc(count ? count : 1, sizeof(*s->rings)))) {
		free(s);
		error_set(err, -ENOMEM, "no memory for the event source");
		return NULL;
	}
	s->source.ops = &ops;
	s->probe = probe;
	s->boot_shift = clock_boot_shift_ns();
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0) {
		error_set(err, -errno, "epoll_create1: %s", strerror(errno));
		syscalls_free(&s->source);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (ring_map(&s->rings[i], rings[i].fd, rings[i].bytes, err) < 0) {
			syscalls_free(&s->source);
			return NULL;
		}
		s->ring_count++;
		if (add_fd(s, rings[i].fd, EPOLLIN | EPOLLET, (uint32_t)i, err) < 0) {
			syscalls_free(&s->source);
			return NULL;
		}
	}
	return &s->source;
}

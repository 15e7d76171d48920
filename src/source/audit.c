/* SPDX-License-Identifier: Apache-2.0 */
#include "source/audit_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "event/names.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CODE_PLUGINEVENT = 322,
	PLUGIN_ID = 1,
	SECOND = 1000000000,
};
#define TELL_NS (UINT64_C(10) * SECOND) /* between two complaints */

static const char *const refusal_names[AUDIT_REFUSAL_COUNT] = {
    [AUDIT_NOT_JSON] = "not_json",
    [AUDIT_WRONG_KIND] = "wrong_kind",
    [AUDIT_EVENT_TOO_BIG] = "event_too_big",
    [AUDIT_BODY_TOO_BIG] = "body_too_big",
    [AUDIT_NO_ROOM] = "no_room",
    [AUDIT_BAD_REQUEST] = "bad_request",
    [AUDIT_NO_CERTIFICATE] = "no_certificate",
    [AUDIT_CUT_SHORT] = "cut_short",
};

const char *audit_refusal_name(enum audit_refusal refusal)
{
	return refusal_names[refusal];
}

void audit_refuse(struct audit_source *s, enum audit_refusal why, uint64_t count,
		  const char *detail)
{
	uint64_t now = clock_monotonic_ns(), told_at = atomic_load(&s->told_at);
	uint64_t sum = atomic_fetch_add(&s->refused[why], count) + count;

	/* The rest is in the counters. */
	if (now < told_at || !atomic_compare_exchange_strong(&s->told_at, &told_at, now + TELL_NS))
		return;
	log_warning("k8s_audit: refused: %s%s%s (%llu so far)", audit_refusal_name(why),
		    *detail ? ": " : "", detail, (unsigned long long)sum);
}

int audit_source_init(struct audit_source *s, const struct source_ops *ops,
		      const struct audit_options *options, struct error *err)
{
	s->source.ops = ops;
	s->options = *options;
	s->tape = tape_new(options->max_event_size);
	if (!s->tape)
		return error_set(err, -ENOMEM, "no memory for events of %llu bytes",
				 (unsigned long long)options->max_event_size);
	s->record = (struct record){
	    .size = sizeof(struct record),
	    .annex_offset = sizeof(struct record),
	    .cpu = UINT16_MAX,
	    .syscall_nr = UINT16_MAX,
	};
	return 0;
}

void audit_source_release(struct audit_source *s)
{
	tape_free(s->tape);
}

/* Of older versions some are missing; what has no time at all happens now. */
static uint64_t time_of(const struct tape *t)
{
	static const char *const names[] = {"stageTimestamp", "requestReceivedTimestamp",
					    "timestamp"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct tape_node *node = tape_get(t, t->nodes, str_from(names[i]));

		if (node && node->kind == TAPE_STRING && audit_time_read(tape_raw(t, node), &ns))
			return ns;
	}
	return clock_realtime_ns();
}

bool audit_give(struct audit_source *s, struct str text, source_event_fn *handle, void *context)
{
	static const uint32_t plugin_id = PLUGIN_ID;
	struct error err = {0};
	struct event e;

	if (text.n > s->options.max_event_size) {
		audit_refuse(s, AUDIT_EVENT_TOO_BIG, 1, "maxEventSize says how large one may be");
		return false;
	}
	if (tape_read(s->tape, text, &err) < 0) {
		audit_refuse(s, AUDIT_NOT_JSON, 1, err.message);
		return false;
	}
	e = (struct event){
	    .record = &s->record,
	    .header = &s->header,
	    .schema = event_schema_get(CODE_PLUGINEVENT),
	    .time = time_of(s->tape),
	    .number = ++s->number,
	    .cpu = s->record.cpu,
	    .nparams = 2,
	    .params = {{(const char *)&plugin_id, sizeof(plugin_id)}, text},
	    .tape = s->tape,
	    .fd = {.num = -1},
	};
	e.kind = e.schema->kind;
	s->header = (struct event_header){
	    .ts = e.time, .type = CODE_PLUGINEVENT, .tid = UINT64_MAX, .nparams = e.nparams};
	atomic_fetch_add_explicit(&s->events, 1, memory_order_relaxed);
	handle(context, &e);
	return true;
}

int audit_watch(struct source *source, int fd, struct error *err)
{
	struct audit_source *s = (struct audit_source *)source;

	/* One place is the source's own. */
	if (s->watched_count + 1 >= AUDIT_WATCHED_MAX)
		return error_set(err, -ENOSPC, "too many descriptors to wait for");
	s->watched[s->watched_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return 0;
}

const struct error *audit_error(const struct source *source)
{
	return &((const struct audit_source *)source)->error;
}

int audit_wait(struct audit_source *s, int own_fd, int timeout_ms)
{
	nfds_t count = s->watched_count;
	int ready;

	if (own_fd >= 0)
		s->watched[count++] = (struct pollfd){.fd = own_fd, .events = POLLIN};
	ready = poll(s->watched, count, timeout_ms);
	if (ready < 0)
		return -errno;
	for (nfds_t i = 0; i < s->watched_count; i++)
		if (s->watched[i].revents)
			return -EINTR;
	return ready > 0;
}

/* The interface */

struct source *source_audit_new(const struct audit_options *options, struct error *err)
{
	return options->way == AUDIT_WAY_WEB ? audit_web_new(options, err)
					     : audit_files_new(options, err);
}

struct audit_counters source_audit_counters(const struct source *source)
{
	const struct audit_source *s = (const struct audit_source *)source;
	struct audit_counters c = {.events = atomic_load(&s->events)};

	for (int i = 0; i < AUDIT_REFUSAL_COUNT; i++)
		c.refused[i] = atomic_load(&s->refused[i]);
	if (audit_web_is(source))
		audit_web_counters(source, &c);
	return c;
}

uint16_t source_audit_port(const struct source *s)
{
	return audit_web_is(s) ? audit_web_port(s) : 0;
}

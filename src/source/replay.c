/* SPDX-License-Identifier: Apache-2.0 */
#include "source/replay.h"
#include "base/bitset.h"
#include "source/capture_format.h"
#include "source/convert.h"
#include "source/source_internal.h"
#include "state/snapshot.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum {
	CODE_GENERIC_EXIT = 1,
	EVENTS_AT_ONCE = 1024, /* then whoever polls may look at its watched descriptors */
	WATCHED_MAX = 8,
	HOSTNAME_MAX = 128,
};

struct capture_source {
	struct source source; /* first */
	struct capture *capture;
	struct converter *converter;
	struct state *state;
	struct capture_machine machine;
	char hostname[HOSTNAME_MAX];
	uint64_t number;
	bool has_begun; /* events came that are not of the lists at the start */
	struct source_counters counters;
	struct error error;
	int status; /* what source_poll answers from now on; 0: there may be more */
	struct pollfd watched[WATCHED_MAX];
	size_t watched_count;
	source_pass_fn *pass;  /* NULL: all events are handed out */
	const uint64_t *kinds; /* that are handed out in any case */
	uint8_t *may_pass;     /* by code; see set_passes */
	struct record record;  /* before each event, which stands elsewhere */
	/* Our own recordings: facts of threads by their slot, which also says that it is one. */
	struct record *slots;
	bool is_restored; /* all processes of the recording's beginning are there */
	_Alignas(8) uint8_t annex[RECORD_SIZE_MAX];
};

static void set_machine(struct capture_source *s, const struct capture_machine *m)
{
	size_t n = m->hostname.n < HOSTNAME_MAX ? m->hostname.n : HOSTNAME_MAX - 1;

	s->machine = *m;
	memcpy(s->hostname, m->hostname.p, n);
	s->machine.hostname = (struct str){s->hostname, n};
	state_set_boot_time(s->state, m->boot_time);
}

/* Users, groups and containers that come before the first event are part of the lists. */
static bool is_list_event(const struct event_schema *schema)
{
	static const char *const names[] = {"container",  "useradded",    "userdeleted",
					    "groupadded", "groupdeleted", "asyncevent"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], schema->name) == 0)
			return true;
	return false;
}

/* event_result, the short way. 0 for what is no call. */
static int64_t result_of(const struct event *e)
{
	const uint16_t flags = EVENT_SYSCALL | EVENT_ENTER;
	int64_t result = 0;

	if ((e->schema->flags & flags) == EVENT_SYSCALL && e->schema->code != 1 && e->nparams &&
	    e->params[0].n == sizeof(result))
		memcpy(&result, e->params[0].p, sizeof(result));
	else
		event_result(e, &result);
	return result;
}

/*
 * Which events pass depends on how the state follows the capture. Those of the generic codes have
 * their kind in their parameters.
 */
static void set_passes(struct capture_source *s)
{
	if (!s->pass)
		return;
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		s->may_pass[code] =
		    state_may_pass(s->state, code) &&
		    (code <= CODE_GENERIC_EXIT || !bitset_has(s->kinds, schema->kind));
	}
}

static bool is_generic_wanted(const struct capture_source *s, struct str event)
{
	struct event_header h;
	uint16_t length, scap_nr;
	size_t data;

	memcpy(&h, event.p, sizeof(h));
	data = sizeof(h) + (size_t)h.nparams * sizeof(length);
	if (!h.nparams || event.n < data + sizeof(scap_nr))
		return true;
	memcpy(&length, event.p + sizeof(h), sizeof(length));
	memcpy(&scap_nr, event.p + data, sizeof(scap_nr));
	/* Number 0 is named by another parameter. */
	return length != sizeof(scap_nr) || !scap_nr ||
	       bitset_has(s->kinds, event_kind_of_generic(scap_nr));
}

/* Passes over an event of today's form, if nobody wants it. */
static inline bool pass(struct capture_source *s, struct str event, void *context)
{
	const struct event_header *h = (const struct event_header *)event.p;

	if (!s->pass || event.n < sizeof(*h) || h->type >= event_code_count ||
	    !s->may_pass[h->type] || (h->type <= CODE_GENERIC_EXIT && is_generic_wanted(s, event)))
		return false;
	s->number++;
	s->counters.events++;
	s->pass(context, h);
	return true;
}

/* 1: handed out, 0: nothing to hand out. */
static int take_event(struct capture_source *s, const struct capture_event *in,
		      source_event_fn *handle, void *context)
{
	struct record *r = &s->record;
	struct event e;
	struct str event;
	int got = converter_event(s->converter, in, &event, NULL);

	if (got < 0) {
		s->counters.damaged++;
		return 0;
	}
	if (got != CONVERT_EVENT) {
		s->number += got == CONVERT_NUMBERED;
		s->has_begun = true;
		return 0;
	}
	if (s->has_begun && pass(s, event, context))
		return 1;
	r->cpu = in->cpu;
	r->flags = 0;
	if (event_decode_apart(&e, r, event, NULL) < 0) {
		s->counters.damaged++;
		return 0;
	}
	e.enter = converter_enter(s->converter);
	r->ret = result_of(&e);
	if (!s->has_begun && is_list_event(e.schema))
		r->flags |= RECORD_STATE_ONLY;
	else
		s->has_begun = true;
	e.number = ++s->number;
	s->counters.events++;
	handle(context, &e);
	return 1;
}

/* Another capture begins. */
static void begin_section(struct capture_source *s)
{
	state_forget(s->state);
	free(s->slots);
	s->slots = NULL;
	s->is_restored = false;
	set_passes(s);
}

static void begin_recording(struct capture_source *s)
{
	if (s->slots)
		return;
	s->slots = calloc(RECORDED_SLOT_LIMIT, sizeof(*s->slots));
	if (!s->slots)
		return;
	state_become_recorded(s->state);
	set_passes(s);
}

/* Gives an event the parameters that do not stand in it. False: they are damaged. */
static bool take_rest(struct event *e, const struct capture_recorded *recorded)
{
	size_t at = recorded->rest_count * sizeof(uint16_t);

	if (recorded->rest_count && recorded->rest_first < e->nparams)
		e->nparams = recorded->rest_first;
	if (e->header->type == 1 &&
	    recorded->rest_first + recorded->rest_count > e->schema->nparams)
		e->schema = event_schema_of_generic(e->kind);
	for (uint16_t i = 0; i < recorded->rest_count; i++) {
		uint16_t length;

		memcpy(&length, recorded->rest.p + i * sizeof(length), sizeof(length));
		if (length > recorded->rest.n - at)
			return false;
		if (e->nparams < e->schema->nparams)
			e->params[e->nparams++] = (struct str){recorded->rest.p + at, length};
		at += length;
	}
	return true;
}

/*
 * Whether a recorded event tells nothing of its task that was not known: only then may it pass, so
 * that processes are what they were when it was recorded.
 */
static bool is_task_known(const struct capture_recorded *recorded)
{
	struct annex_item item;

	if (recorded->task.n)
		return false;
	for (size_t at = 0; at + sizeof(item) <= recorded->annex.n;
	     at += sizeof(item) + ((item.size + 7u) & ~(size_t)7)) {
		memcpy(&item, recorded->annex.p + at, sizeof(item));
		if (item.subject == ANNEX_OF_TASK)
			return false;
	}
	return true;
}

/* An event with all that it had live. */
static int take_recorded(struct capture_source *s, const struct capture_event *in,
			 source_event_fn *handle, void *context)
{
	const struct capture_recorded *recorded = &in->recorded;
	struct record *r = &s->slots[recorded->slot];
	struct task_facts *task = &r->task;
	struct str event = {(const char *)in->bytes, in->size};
	struct event e;

	if (!s->is_restored)
		state_restored(s->state);
	s->is_restored = true;
	if (recorded->boot_time)
		state_set_boot_time(s->state, recorded->boot_time);
	if (recorded->task.n) {
		*task = (struct task_facts){0};
		memcpy(task, recorded->task.p,
		       recorded->task.n < sizeof(*task) ? recorded->task.n : sizeof(*task));
	}
	if (!(in->flags & EVENT_BLOCK_STATE_ONLY) && is_task_known(recorded) &&
	    pass(s, event, context))
		return 1;
	r->cpu = in->cpu;
	r->flags = recorded->flags;
	if (in->flags & EVENT_BLOCK_STATE_ONLY)
		r->flags |= RECORD_STATE_ONLY;
	r->ret = recorded->ret;
	r->syscall_nr = recorded->syscall_nr;
	if (recorded->annex.n > sizeof(s->annex) || event_decode_apart(&e, r, event, NULL) < 0 ||
	    !take_rest(&e, recorded)) {
		s->counters.damaged++;
		return 0;
	}
	if (recorded->annex.n) {
		memcpy(s->annex, recorded->annex.p, recorded->annex.n);
		e.annex = s->annex;
		e.annex_end = s->annex + recorded->annex.n;
	}
	e.number = ++s->number;
	s->counters.events++;
	handle(context, &e);
	return 1;
}

static int take_item(struct capture_source *s, const struct capture_item *item,
		     source_event_fn *handle, void *context)
{
	switch (item->kind) {
	case CAPTURE_EVENT:
		/* Enter events were written for other readers. */
		if (s->slots)
			return item->event.recorded.is_there
				   ? take_recorded(s, &item->event, handle, context)
				   : 0;
		return take_event(s, &item->event, handle, context);
	case CAPTURE_MACHINE:
		set_machine(s, &item->machine);
		break;
	case CAPTURE_PROCESS:
		state_list_process(s->state, &item->process);
		break;
	case CAPTURE_FD:
		state_list_fd(s->state, &item->fd);
		break;
	case CAPTURE_USER:
		user_table_add_user(state_users(s->state),
				    &(struct user){.uid = item->user.uid,
						   .gid = item->user.gid,
						   .name = item->user.name,
						   .home = item->user.home,
						   .shell = item->user.shell});
		break;
	case CAPTURE_GROUP:
		user_table_add_group(
		    state_users(s->state),
		    &(struct group){.gid = item->user.gid, .name = item->user.name});
		break;
	case CAPTURE_INTERFACE:
		state_list_interface(s->state, &item->interface);
		break;
	case CAPTURE_RECORDING:
		begin_recording(s);
		break;
	case CAPTURE_SNAPSHOT:
		if (s->slots && state_restore(s->state, item->snapshot) < 0)
			s->counters.damaged++;
		break;
	case CAPTURE_SECTION:
		begin_section(s);
		break;
	}
	return 0;
}

static bool is_watched_ready(struct capture_source *s)
{
	return s->watched_count && poll(s->watched, (nfds_t)s->watched_count, 0) > 0;
}

static int capture_source_poll(struct source *source, int timeout_ms, source_event_fn *handle,
			       void *context)
{
	struct capture_source *s = (struct capture_source *)source;
	int handed = 0;

	if (is_watched_ready(s))
		return -EINTR;
	/* A file is always ready; what comes through a pipe is waited for. */
	capture_wait(s->capture, s->watched, s->watched_count, timeout_ms);
	while (!s->status && handed < EVENTS_AT_ONCE) {
		struct capture_item item;
		int got = capture_next(s->capture, &item, &s->error);

		if (got == -EINTR || got == -EAGAIN)
			return handed || got == -EAGAIN ? handed : got;
		if (got == 0)
			s->status = -ENODATA;
		else if (got < 0)
			s->status = got;
		else
			handed += take_item(s, &item, handle, context);
		if (handed == 1)
			capture_wait(s->capture, s->watched, s->watched_count, 0);
	}
	return handed ? handed : s->status;
}

static int capture_source_fd(const struct source *source)
{
	(void)source;
	return -1;
}

static int capture_source_watch(struct source *source, int fd, struct error *err)
{
	struct capture_source *s = (struct capture_source *)source;

	if (s->watched_count == WATCHED_MAX)
		return error_set(err, -ENOSPC, "more than %d descriptors to watch", WATCHED_MAX);
	s->watched[s->watched_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return 0;
}

static struct source_counters capture_source_counters(const struct source *source)
{
	return ((const struct capture_source *)source)->counters;
}

static const struct error *capture_source_error(const struct source *source)
{
	return &((const struct capture_source *)source)->error;
}

static void capture_source_free(struct source *source)
{
	struct capture_source *s = (struct capture_source *)source;

	capture_close(s->capture);
	converter_free(s->converter);
	free(s->slots);
	free(s->may_pass);
	free(s);
}

static const struct source_ops ops = {
    .poll = capture_source_poll,
    .fd = capture_source_fd,
    .watch = capture_source_watch,
    .counters = capture_source_counters,
    .error = capture_source_error,
    .free = capture_source_free,
};

struct source *source_capture_over(struct capture *capture, struct state *state, struct error *err)
{
	struct capture_source *s = calloc(1, sizeof(*s));

	if (s)
		s->converter = converter_new();
	if (!s || !s->converter) {
		error_set(err, -ENOMEM, "no memory for reading a capture");
		capture_close(capture);
		free(s);
		return NULL;
	}
	s->source.ops = &ops;
	s->capture = capture;
	s->state = state;
	s->record.syscall_nr = UINT16_MAX;
	return &s->source;
}

void source_capture_pass(struct source *source, const uint64_t *kinds, source_pass_fn *pass_event)
{
	struct capture_source *s = (struct capture_source *)source;

	if (!s->may_pass)
		s->may_pass = malloc(event_code_count);
	/* Without memory all are handed out, as without this call. */
	s->pass = s->may_pass ? pass_event : NULL;
	s->kinds = kinds;
	set_passes(s);
}

struct source *source_capture_new(const char *path, struct state *state, struct error *err)
{
	struct capture *capture = capture_open(path, err);

	return capture ? source_capture_over(capture, state, err) : NULL;
}

const struct capture_machine *source_capture_machine(const struct source *s)
{
	return &((const struct capture_source *)s)->machine;
}

struct capture_counters source_capture_counters(const struct source *s)
{
	return capture_counters(((const struct capture_source *)s)->capture);
}

struct capture_position source_capture_position(const struct source *s)
{
	return capture_position(((const struct capture_source *)s)->capture);
}

uint64_t source_capture_duration(const struct source *s)
{
	return converter_duration(((const struct capture_source *)s)->converter);
}

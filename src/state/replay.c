/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the events of captures to what is known: the thread, its process, its descriptor. */
#include "state/replay_process.h"

struct str replay_enter_bytes(const struct replaying *r, unsigned index)
{
	const struct event_enter *enter = r->e->enter;

	return enter && index < enter->nparams ? enter->params[index] : (struct str){"", 0};
}

struct str replay_enter_text(const struct replaying *r, unsigned index)
{
	struct str s = replay_enter_bytes(r, index);

	return s.n ? str_slice(s, 0, str_find_byte(s, '\0', 0)) : STR("<NA>");
}

uint64_t replay_enter_u64(const struct replaying *r, unsigned index, uint64_t otherwise)
{
	struct str s = replay_enter_bytes(r, index);
	uint64_t v = 0;

	if (!s.n || s.n > sizeof(v))
		return otherwise;
	memcpy(&v, s.p, s.n);
	return v;
}

static void finish_close(struct state *s)
{
	struct replay *r = s->replay;
	struct fd_entry *fd;

	if (!r->closing)
		return;
	fd = fd_table_find(&r->closing->fds, r->closing_num);
	if (fd)
		fd_table_remove(process_table_fds(s->processes), &r->closing->fds, fd);
	r->closing = NULL;
}

void replay_finish_last(struct state *s)
{
	if (s->exiting)
		replay_finish_exit(s);
	finish_close(s);
}

static void add_handlers(struct replay *r, const struct replay_handler *h)
{
	for (; h->event; h++) {
		int code = event_code_by_name(str_from(h->event));

		if (code < 0)
			continue;
		r->events[code].apply = h->apply;
		r->events[code].show = h->show;
		r->events[code].detail = h->detail;
	}
}

/* The first descriptor among the parameters behind the result; splice has its source first. */
static int8_t fd_param(const struct event_schema *schema)
{
	int first = strcmp(schema->name, "splice") == 0 ? 2 : 1;

	if (!(schema->flags & EVENT_USES_FD) || schema->flags & EVENT_ENTER)
		return -1;
	for (int i = first; i < schema->nparams; i++)
		if (schema->params[i].type == PARAM_FD || schema->params[i].type == PARAM_FD32)
			return (int8_t)i;
	return -1;
}

static enum replay_actor actor_of(const struct event_schema *schema)
{
	static const char *const makes_none[] = {"clone", "clone3", "fork",
						 "vfork", "switch", "procexit"};

	/* The monitor's own events have no thread, but for one that tells of a thread's time. */
	if (schema->flags & EVENT_META && strcmp(schema->name, "procinfo") != 0)
		return ACTOR_NONE;
	for (size_t i = 0; i < sizeof(makes_none) / sizeof(makes_none[0]); i++)
		if (strcmp(schema->name, makes_none[i]) == 0)
			return ACTOR_KNOWN;
	return schema->flags & EVENT_SKIP_RESET ? ACTOR_KNOWN : ACTOR_ANY;
}

struct replay *replay_new(void)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (r)
		r->events = calloc(event_code_count, sizeof(*r->events));
	if (!r || !r->events)
		abort();
	add_handlers(r, replay_process_handlers);
	add_handlers(r, replay_fact_handlers);
	add_handlers(r, replay_fd_handlers);
	add_handlers(r, replay_socket_handlers);
	add_handlers(r, replay_container_handlers);
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);
		struct replay_event *event = &r->events[code];

		event->fd_param = fd_param(schema);
		event->actor = (uint8_t)actor_of(schema);
		event->is_about_fd =
		    schema->flags & (EVENT_CREATES_FD | EVENT_USES_FD | EVENT_DESTROYS_FD);
		event->is_activity = strcmp(schema->name, "switch") != 0;
	}
	return r;
}

void replay_free(struct state *s, struct replay *r)
{
	if (!r)
		return;
	fd_table_clear(process_table_fds(s->processes), &r->server_ports);
	VEC_FREE(&r->addresses);
	pod_story_free(r->pods);
	free(r->events);
	free(r);
}

void state_forget(struct state *s)
{
	if (!s->replay)
		return;
	replay_free(s, s->replay);
	s->replay = NULL;
	s->counters.fds_full += process_table_fds(s->processes)->refused;
	process_table_free(s->processes);
	user_table_free(s->users);
	s->processes = process_table_new(s->max_threads);
	s->users = user_table_new();
	s->other_process.program = program_unknown(s->processes);
	s->exiting = NULL;
	s->replay = replay_new();
}

static struct thread *find_actor(struct state *s, enum replay_actor actor, uint64_t tid)
{
	if (actor == ACTOR_NONE || tid > INT32_MAX)
		return NULL;
	return actor == ACTOR_ANY ? replay_thread_or_unknown(s, (int64_t)tid)
				  : replay_thread(s, (int64_t)tid);
}

static void begin_event(struct state *s, uint64_t time)
{
	s->replay->last_time = time;
	replay_finish_last(s);
	if (!s->replay->is_listed)
		state_listed(s);
}

bool replay_may_pass(const struct state *s, uint16_t code)
{
	return !s->replay->events[code].apply;
}

void replay_pass(struct state *s, const struct event_header *header)
{
	const struct replay_event *event = &s->replay->events[header->type];
	struct thread *th;

	begin_event(s, header->ts);
	th = find_actor(s, (enum replay_actor)event->actor, header->tid);
	if (th && event->is_activity)
		th->last_event_time = header->ts;
}

void replay_bind(struct state *s, struct event *e)
{
	const struct replay_event *event = &s->replay->events[e->schema->code];
	struct replaying r = {
	    .s = s, .e = e, .detail = event->detail, .res = e->record->ret, .num = -1};

	begin_event(s, e->time);
	r.th = find_actor(s, (enum replay_actor)event->actor, e->header->tid);
	r.p = r.th ? r.th->process : NULL;
	if (r.th && event->fd_param >= 0)
		replay_use_fd(&r, replay_i64(&r, (unsigned)event->fd_param, -1));
	if (event->apply)
		event->apply(&r);
	e->thread = r.th;
	e->process = r.p;
	if (r.th && event->is_about_fd)
		replay_show_fd(&r, event->show);
	if (r.old_name)
		fd_text_release(process_table_fds(s->processes), r.old_name);
	if (!r.th)
		return;
	process_refresh_scope(s->processes, r.p);
	if (event->is_activity)
		r.th->last_event_time = e->time;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/waiting.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { ALIGNMENT = 16, LOOK_NS = 2000000 };

/* One that waits, before its copy. They stand in memory in the order in which they came. */
struct held {
	size_t size; /* with the copy */
	uint64_t first, previous;
	struct kept_event *kept; /* NULL: judged, or only there to fill the end of the memory */
};
#define HELD_SIZE ((sizeof(struct held) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

struct waiting {
	struct state *state;
	waiting_judged_fn *judged;
	void *context;
	uint64_t patience;
	uint64_t generation; /* of the containers, when it was last looked who can be judged */
	char *memory;
	size_t room;
	size_t head, used; /* a ring: from head on, so many bytes are taken */
	uint32_t count;    /* that wait */
	bool is_judging;
	_Atomic uint64_t waited, incomplete, full;
};

struct waiting *waiting_new(struct state *state, size_t bytes, waiting_judged_fn *judged,
			    void *context)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->state = state;
	w->judged = judged;
	w->context = context;
	w->room = bytes / ALIGNMENT * ALIGNMENT;
	w->memory = mmap(NULL, w->room, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->memory != MAP_FAILED)
		return w;
	free(w);
	return NULL;
}

void waiting_set_patience(struct waiting *w, uint64_t ns)
{
	w->patience = ns;
}

static struct held *held_at(const struct waiting *w, size_t at)
{
	return (struct held *)(w->memory + at % w->room);
}

/* Gives back what is judged at the front. */
static void trim(struct waiting *w)
{
	while (w->used && !held_at(w, w->head)->kept) {
		size_t size = held_at(w, w->head)->size;

		w->used -= size;
		w->head = w->used ? (w->head + size) % w->room : 0;
	}
}

void waiting_free(struct waiting *w)
{
	if (!w)
		return;
	for (size_t at = 0; at < w->used; at += held_at(w, w->head + at)->size)
		if (held_at(w, w->head + at)->kept)
			state_release_kept(w->state, held_at(w, w->head + at)->kept);
	munmap(w->memory, w->room);
	free(w);
}

/* A place of that size in one piece; NULL: there is none. */
static struct held *place(struct waiting *w, size_t size)
{
	size_t tail = (w->head + w->used) % w->room, to_end = w->room - tail;
	struct held *h;

	/* No rest at the end is too small for a header of its own: such a rest is taken as well. */
	if (size > to_end) {
		if (w->used + to_end + size > w->room)
			return NULL;
		*held_at(w, tail) = (struct held){.size = to_end};
		w->used += to_end;
		tail = 0;
	}
	if (w->used + size > w->room)
		return NULL;
	h = held_at(w, tail);
	w->used += size;
	return h;
}

static bool hold(struct waiting *w, struct judge *j, struct event *e)
{
	size_t size = HELD_SIZE + state_keep_size(w->state, e);
	size_t rest = w->room - (w->head + w->used) % w->room;
	struct field_context *ctx = evaluator_context(judge_evaluator(j));
	struct held *h;

	if (rest > size && rest - size < HELD_SIZE)
		size = rest;
	h = place(w, size);
	if (!h) {
		judge_count(&w->full, 1);
		return false;
	}
	/* The others' times go on as if it had been judged. */
	evaluator_pass(judge_evaluator(j), e->schema, e->time);
	*h = (struct held){
	    .size = size,
	    .first = ctx->first_event_time,
	    .previous = ctx->previous_event_time,
	    .kept = state_keep(w->state, e, (char *)h + HELD_SIZE),
	};
	w->count++;
	judge_count(&w->waited, 1);
	return true;
}

static const struct container *container_of(const struct event *e)
{
	return e->process ? e->process->container : NULL;
}

static void judge_held(struct waiting *w, struct judge *j, struct held *h)
{
	struct kept_event *kept = h->kept;

	judge_late(j, &kept->event, h->first, h->previous);
	if (container_of(&kept->event)->metadata == CONTAINER_LATE ||
	    container_pod_is_late(container_of(&kept->event)))
		judge_count(&w->incomplete, 1);
	if (w->judged)
		w->judged(w->context, j, &kept->event);
	state_release_kept(w->state, kept);
	h->kept = NULL;
	w->count--;
}

/* Judges those whose containers are settled, in their order. */
static void release(struct waiting *w, struct judge *j)
{
	uint64_t generation = container_set_generation(state_containers(w->state));

	if (generation == w->generation || w->is_judging)
		return;
	w->generation = generation;
	w->is_judging = true;
	for (size_t at = 0; w->count && at < w->used; at += held_at(w, w->head + at)->size) {
		struct held *h = held_at(w, w->head + at);

		if (h->kept && !container_is_awaited(container_of(&h->kept->event)))
			judge_held(w, j, h);
	}
	trim(w);
	j->match_count = 0;
	w->is_judging = false;
}

bool waiting_take(struct waiting *w, struct judge *j, struct event *e)
{
	const struct container *c = container_of(e);
	struct match match;

	release(w, j);
	if (!c || !container_is_awaited(c))
		return false;
	if (evaluator_judge(j->terms->perhaps, e, &match, 1))
		return hold(w, j, e);
	evaluator_pass(judge_evaluator(j), e->schema, e->time);
	return true;
}

void waiting_look(struct waiting *w, struct judge *j)
{
	state_expire_containers(w->state, w->patience);
	release(w, j);
}

bool waiting_has_any(const struct waiting *w)
{
	return w->count;
}

void waiting_finish(struct waiting *w, struct judge *j)
{
	while (w->count) {
		struct timespec pause = {.tv_nsec = LOOK_NS};

		nanosleep(&pause, NULL);
		waiting_look(w, j);
	}
}

struct waiting_counters waiting_counters(const struct waiting *w)
{
	return (struct waiting_counters){w->waited, w->incomplete, w->full};
}

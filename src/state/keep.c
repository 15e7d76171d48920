/* SPDX-License-Identifier: Apache-2.0 */
#include "state/keep.h"

#include "state/state_internal.h"

enum { ALIGNMENT = 16 };

static size_t aligned(size_t n)
{
	return (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Of a capture: the event does not stand behind its record, nor does the annex. */
static bool is_apart(const struct event *e)
{
	return (const void *)e->header != (const void *)(e->record + 1);
}

static size_t annex_size(const struct event *e)
{
	return e->annex ? aligned((size_t)(e->annex_end - e->annex)) : 0;
}

static uint32_t count_processes(struct state *s, const struct event *e)
{
	uint32_t n = 0;

	for (struct process *p = e->process; p && n < KEPT_ANCESTORS_MOST;
	     p = process_parent(s->processes, p))
		n++;
	return n;
}

/* Texts that may lie anywhere: of the descriptor, and parameters of an event apart. */
static size_t text_size(const struct event *e)
{
	size_t n = e->fd.path.n + e->fd.path_raw.n + e->fd.path_resolved.n;

	for (uint32_t i = 0; is_apart(e) && i < e->nparams; i++)
		n += e->params[i].n;
	return n;
}

/* Of the record with the event and the annex. */
static size_t record_size(const struct event *e)
{
	if (!is_apart(e))
		return aligned(e->record->size);
	return aligned(sizeof(*e->record) + sizeof(*e->header)) + annex_size(e);
}

size_t state_keep_size(struct state *s, const struct event *e)
{
	return aligned(sizeof(struct kept_event) + count_processes(s, e) * sizeof(struct process)) +
	       record_size(e) + aligned(text_size(e));
}

/* What the copy refers to is counted; what links it to the table is cut. */
static void copy_process(struct process *to, const struct process *from)
{
	*to = *from;
	to->program->references++;
	if (to->cwd_text)
		to->cwd_text->references++;
	if (to->cgroups_text)
		to->cgroups_text->references++;
	to->parent = to->first_child = to->next_sibling = to->prev_sibling = to->older = NULL;
	to->threads = NULL;
	/* Its parent is the copy behind it; a last one's is looked up, and not linked to it. */
	to->is_unlisted = false;
}

static struct str moved(struct str s, const void *from, size_t size, const void *to)
{
	uintptr_t at = (uintptr_t)s.p - (uintptr_t)from;

	return s.p && at <= size ? (struct str){(const char *)to + at, s.n} : (struct str){"", 0};
}

static struct str put(char **at, struct str s)
{
	struct str copy = {*at, s.n};

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static void copy_record(struct kept_event *k, const struct event *e, char *record)
{
	size_t size = e->record->size;

	memcpy(record, e->record, size);
	k->event.record = (const struct record *)record;
	k->event.header = (const struct event_header *)(record + ((const char *)e->header -
								  (const char *)e->record));
	for (uint32_t i = 0; i < e->nparams; i++)
		k->event.params[i] = moved(e->params[i], e->record, size, record);
	if (e->annex) {
		k->event.annex = (const uint8_t *)record + (e->annex - (const uint8_t *)e->record);
		k->event.annex_end =
		    (const uint8_t *)record + (e->annex_end - (const uint8_t *)e->record);
	}
}

static void copy_apart(struct kept_event *k, const struct event *e, char *record, char **text)
{
	char *header = record + sizeof(*e->record);
	char *annex = record + aligned(sizeof(*e->record) + sizeof(*e->header));

	memcpy(record, e->record, sizeof(*e->record));
	memcpy(header, e->header, sizeof(*e->header));
	k->event.record = (const struct record *)record;
	k->event.header = (const struct event_header *)header;
	for (uint32_t i = 0; i < e->nparams; i++)
		k->event.params[i] = put(text, e->params[i]);
	if (e->annex) {
		memcpy(annex, e->annex, (size_t)(e->annex_end - e->annex));
		k->event.annex = (const uint8_t *)annex;
		k->event.annex_end = (const uint8_t *)annex + (e->annex_end - e->annex);
	}
}

struct kept_event *state_keep(struct state *s, const struct event *e, void *memory)
{
	struct kept_event *k = memory;
	uint32_t count = count_processes(s, e), n = 0;
	size_t head = aligned(sizeof(*k) + count * sizeof(struct process));
	char *record = (char *)memory + head, *text = record + record_size(e);

	k->event = *e;
	k->bytes = head + record_size(e) + aligned(text_size(e));
	k->process_count = count;
	for (struct process *p = e->process; n < count; p = process_parent(s->processes, p))
		copy_process(&k->processes[n++], p);
	for (uint32_t i = 0; i + 1 < count; i++)
		k->processes[i].parent = &k->processes[i + 1];
	if (count)
		k->processes[count - 1].is_unlisted = true;

	if (is_apart(e))
		copy_apart(k, e, record, &text);
	else
		copy_record(k, e, record);
	k->event.fd.path = put(&text, e->fd.path);
	k->event.fd.path_raw = put(&text, e->fd.path_raw);
	k->event.fd.path_resolved = put(&text, e->fd.path_resolved);
	k->event.enter = NULL;
	k->event.process = count ? k->processes : NULL;
	k->event.thread = NULL;
	if (e->thread && count) {
		k->thread = *e->thread;
		k->thread.process = k->processes;
		k->thread.scope_memory = NULL;
		k->thread.scope_serial = 0;
		k->thread.next = NULL;
		k->event.thread = &k->thread;
	}
	return k;
}

void state_release_kept(struct state *s, struct kept_event *k)
{
	for (uint32_t i = 0; i < k->process_count; i++)
		process_release_copy(s->processes, &k->processes[i]);
}

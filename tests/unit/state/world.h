/* SPDX-License-Identifier: Apache-2.0 */
/* Records as the probe would send them, and a state that they are bound to. */
#ifndef SAKER_TESTS_WORLD_H
#define SAKER_TESTS_WORLD_H

#include "../unit.h"
#include "state/path.h"
#include "state/state.h"

#define SECOND UINT64_C(1000000000)

/* A parameter by name: text with its length (n > 0) or a number. */
struct arg {
	const char *name;
	const char *text;
	size_t n;
	int64_t number;
};

#define TEXT(parameter, string)                                                                    \
	(struct arg)                                                                               \
	{                                                                                          \
		.name = (parameter), .text = (string), .n = strlen(string) + 1                     \
	}
#define BYTES(parameter, literal)                                                                  \
	(struct arg)                                                                               \
	{                                                                                          \
		.name = (parameter), .text = (literal), .n = sizeof(literal) - 1                   \
	}
#define NUMBER(parameter, value)                                                                   \
	(struct arg)                                                                               \
	{                                                                                          \
		.name = (parameter), .number = (value)                                             \
	}

struct note {
	int kind; /* enum annex_kind */
	uint8_t subject;
	const void *bytes;
	size_t n;
};
/* The kind of a note whose item has ANNEX_* flags. */
#define FLAGGED(kind, flags) ((int)(kind) | (int)(flags) << 16)

struct world {
	struct state *state;
	struct event event;
	uint64_t time;
	uint64_t number;
	uint16_t flags; /* added to the next record's */
	_Alignas(8) uint8_t memory[RECORD_SIZE_MAX];
};

static inline struct world *world_new(uint32_t max_threads)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err;

	assert_non_null(w);
	w->state = state_new(&(struct state_options){.max_threads = max_threads}, &err);
	assert_non_null(w->state);
	state_set_boot_time(w->state, 1000 * SECOND);
	w->time = 5000 * SECOND;
	return w;
}

static inline void world_free(struct world *w)
{
	state_free(w->state);
	free(w);
}

/* A process that started at second `start`; exec_id 1, all ids alike in and out of namespaces. */
static inline struct task_facts task(int32_t pid, uint64_t start, int32_t ppid,
				     uint64_t parent_start, const char *comm)
{
	struct task_facts f = {
	    .pid = pid,
	    .tid = pid,
	    .vpid = pid,
	    .vtid = pid,
	    .ppid = ppid,
	    .start_time = start * SECOND + 123456789,
	    .parent_start_time = parent_start ? parent_start * SECOND + 123456789 : 0,
	    .exec_id = 1,
	    .loginuid = UINT32_MAX,
	    .pidns = 4026531836,
	};

	snprintf(f.comm, sizeof(f.comm), "%s", comm);
	return f;
}

static inline struct event *world_send(struct world *w, const char *name,
				       const struct task_facts *f, const struct arg *args,
				       size_t nargs, const struct note *notes, size_t nnotes)
{
	struct record_builder b;
	struct error err = {0};
	int code = event_code_by_name(str_from(name));

	assert_true(code >= 0);
	record_begin(&b, w->memory, sizeof(w->memory), (uint16_t)code, w->time += 1000, f, 0);
	for (unsigned i = 0; i < b.schema->nparams; i++) {
		const struct arg *found = NULL;

		for (size_t a = 0; a < nargs; a++)
			if (strcmp(args[a].name, b.schema->params[i].name) == 0)
				found = &args[a];
		if (found && found->text)
			record_param(&b, (struct str){found->text, found->n});
		else if (found)
			record_param_int(&b, found->number);
		else
			record_param(&b, (struct str){NULL, 0});
	}
	for (size_t i = 0; i < nnotes; i++) {
		record_annex(&b, notes[i].kind & 0xffff, notes[i].subject,
			     (struct str){notes[i].bytes, notes[i].n});
		size_t payload = (notes[i].n + 7) & ~(size_t)7;
		struct annex_item *item =
		    (struct annex_item *)(b.memory + b.size - payload - sizeof(*item));
		if (!b.is_full)
			item->flags = (uint8_t)(notes[i].kind >> 16);
	}

	size_t size = record_end(&b);
	assert_true(size > 0);
	((struct record *)w->memory)->flags |= w->flags;
	w->flags = 0;
	assert_int_equal(event_decode(&w->event, w->memory, size, &err), 0);
	w->event.number = ++w->number;
	state_bind(w->state, &w->event);
	return &w->event;
}

#define SEND(w, name, f, ...)                                                                      \
	world_send((w), (name), (f), (const struct arg[]){__VA_ARGS__},                            \
		   sizeof((const struct arg[]){__VA_ARGS__}) / sizeof(struct arg), NULL, 0)
#define SEND_NOTED(w, name, f, notes, ...)                                                         \
	world_send((w), (name), (f), (const struct arg[]){__VA_ARGS__},                            \
		   sizeof((const struct arg[]){__VA_ARGS__}) / sizeof(struct arg), (notes),        \
		   sizeof(notes) / sizeof((notes)[0]))

static inline struct event *world_exec(struct world *w, struct task_facts *f, const char *path)
{
	struct str name = path_basename(str_from(path));

	f->exec_id++;
	memset(f->comm, 0, sizeof(f->comm));
	memcpy(f->comm, name.p, name.n < sizeof(f->comm) ? name.n : sizeof(f->comm) - 1);
	return SEND(w, "execve", f, NUMBER("res", 0), TEXT("exe", path),
		    BYTES("args", "-a\0two words\0"), TEXT("trusted_exepath", path),
		    BYTES("env", "PATH=/bin\0HOME=/root\0"), TEXT("cwd", "/tmp"),
		    BYTES("cgroups", "cpu=/\0memory=/\0"), NUMBER("flags", 1),
		    NUMBER("exe_ino", 77));
}

/* Forks f: the child's own record. */
static inline struct task_facts world_fork(struct world *w, const struct task_facts *f, int32_t pid,
					   uint64_t start)
{
	struct task_facts child = task(pid, start, f->pid, 0, f->comm);

	child.parent_start_time = f->start_time;
	child.exec_id = f->exec_id;
	child.uid = f->uid;
	SEND(w, "clone", &child, NUMBER("res", 0), NUMBER("tid", pid), NUMBER("pid", pid));
	return child;
}

/* Any event that changes nothing. */
static inline struct event *world_touch(struct world *w, const struct task_facts *f)
{
	return SEND(w, "close", f, NUMBER("res", 0), NUMBER("fd", 3));
}

static inline struct event *world_exit(struct world *w, const struct task_facts *f)
{
	return SEND(w, "procexit", f, NUMBER("status", 0));
}

#endif

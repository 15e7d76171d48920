/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A history of a few processes: each step is four bytes that choose an event, who does it and what
 * its facts say, then a length and bytes for its text parameters and annex. Whatever the order,
 * nothing may be lost, leak or go round in circles, and all fields must have an answer.
 */
#include "fields/field.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIDS = 12, THREADS_MAX = 8, STEPS_MAX = 300 };

static const char *const events[] = {
    "execve", "clone",    "procexit", "chdir",  "fchdir",  "openat",  "close", "setsid",
    "prctl",  "execveat", "clone3",   "capset", "connect", "accept4", "pipe2", "memfd_create"};

static const struct {
	enum annex_kind kind;
	uint8_t subject;
} notes[] = {
    {ANNEX_CWD, ANNEX_OF_TASK},
    {ANNEX_PATH_RESOLVED, 0},
    {ANNEX_PATH_BASE, 2},
    {ANNEX_CGROUPS, ANNEX_OF_TASK},
    {ANNEX_FILE, 0},
    {ANNEX_SOCKET, 0},
    {ANNEX_UNIX_PATH, 2},
    {ANNEX_EXE, ANNEX_OF_TASK},
    {ANNEX_CREATOR, ANNEX_OF_TASK},
};

static struct task_facts facts(const uint8_t *step)
{
	struct task_facts f = {
	    .pid = 1 + step[1] % PIDS,
	    .ppid = (step[1] / PIDS) % (PIDS + 1),
	    .start_time = 1 + step[2] % 4,
	    .parent_start_time = (step[2] / 4) % 5,
	    .exec_id = 1 + (step[2] / 32),
	    .cgroup_id = step[3] % 3,
	    .uid = step[3] % 5 ? 0 : 1000,
	    .loginuid = UINT32_MAX,
	    .pidns = 1 + step[3] % 2,
	};

	/* Far thread ids too, and those of other processes. */
	f.tid = step[3] & 0x80   ? f.pid
		: step[3] & 0x40 ? 5000000 + step[3] % 4
				 : 1 + step[3] % PIDS;
	f.vpid = f.pid;
	f.sid = f.pgid = f.vpgid = 1 + step[3] % PIDS;
	snprintf(f.comm, sizeof(f.comm), "c%u%s", step[2] % 8, step[3] % 3 ? "" : "sh");
	return f;
}

static size_t build(void *memory, size_t room, const uint8_t *step, struct str text)
{
	const char *name = events[step[0] % (sizeof(events) / sizeof(events[0]))];
	struct task_facts f = facts(step);
	struct record_builder b;

	record_begin(&b, memory, room, (uint16_t)event_code_by_name(str_from(name)), 1000, &f, 0);
	for (unsigned i = 0; i < b.schema->nparams; i++) {
		const struct param_schema *p = &b.schema->params[i];

		if (p->type == PARAM_CHARBUF || p->type == PARAM_FSPATH ||
		    p->type == PARAM_FSRELPATH)
			record_param_str(&b, str_slice(text, 0, str_find_byte(text, 0, 0)));
		else if (p->type == PARAM_BYTEBUF || p->type == PARAM_SOCKTUPLE)
			record_param(&b, text);
		else
			record_param_int(&b, i == 0 ? (int8_t)(step[0] & 0xf0) >> 6 : step[3]);
	}
	const size_t n = step[0] >> 4 & 7;
	record_annex(&b, notes[n].kind, notes[n].subject, text);
	return record_end(&b);
}

static void extract_all(struct state *s, struct event *e, struct arena *scratch, char *start)
{
	struct field_context ctx = {.event = e, .state = s, .scratch = scratch, .hostname = "host"};

	for (size_t i = 0; i < field_count; i++) {
		const struct field *field = &field_catalogue[i];
		struct field_use use = {.field = field, .type = field->type};
		struct value v;

		if (field->argument == ARGUMENT_REQUIRED || !(field->sources & 1))
			continue;
		arena_reset_to(scratch, start);
		field_extract(&ctx, &use, &v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(8) uint8_t memory[RECORD_SIZE_MAX];
	static _Alignas(16) char scratch_memory[1 << 16];
	struct state *s = state_new(&(struct state_options){.max_threads = THREADS_MAX}, NULL);
	struct arena scratch;
	struct event e;

	arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
	for (unsigned steps = 0; size >= 5 && steps < STEPS_MAX; steps++) {
		size_t n = data[4] < size - 5 ? data[4] : size - 5;
		size_t built =
		    build(memory, sizeof(memory), data, (struct str){(const char *)data + 5, n});

		if (event_decode(&e, memory, built, NULL) == 0) {
			state_bind(s, &e);
			if (!e.process || !e.thread || !e.process->program)
				abort();
			process_ancestor(state_processes(s), e.process, 2000);
			extract_all(s, &e, &scratch, scratch_memory);
		}
		data += 5 + n;
		size -= 5 + n;
	}
	if (state_counters(s).threads > THREADS_MAX ||
	    state_counters(s).processes > 2 * THREADS_MAX)
		abort();
	state_free(s);
	return 0;
}

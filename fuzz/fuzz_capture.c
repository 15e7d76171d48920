/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a capture: its lists and events through the reader, the converter and the state. */
#include "fields/expression.h"
#include "source/replay.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 2000, SCRATCH_SIZE = 1 << 20 };

static const char *const asked[] = {
    "evt.num",         "evt.args",     "evt.info",       "fd.name",     "fd.nameraw",
    "fd.types",        "fd.lip",       "fd.sport",       "fd.cip",      "fd.containername",
    "fdlist.names",    "fs.path.name", "fs.path.target", "proc.name",   "proc.pname",
    "proc.aname",      "proc.cwd",     "proc.cmdline",   "proc.env",    "proc.exepath",
    "proc.tty",        "user.name",    "group.name",     "thread.vtid", "proc.sid.exepath",
    "proc.vpgid.name",
};
enum { ASKED = sizeof(asked) / sizeof(asked[0]) };

struct run {
	struct state *state;
	struct expression fields[ASKED];
	size_t events;
	uint64_t previous_time;
	char *scratch;
};

static void ask(void *context, struct event *e)
{
	struct run *r = context;
	struct arena scratch;
	struct field_context ctx = {
	    .event = e,
	    .state = r->state,
	    .scratch = &scratch,
	    .previous_event_time = r->previous_time,
	    .hostname = "",
	};

	state_bind(r->state, e);
	r->events++;
	r->previous_time = e->time;
	for (size_t i = 0; i < ASKED; i++) {
		const struct field_use *use = &r->fields[i].use;
		struct value v;

		arena_fixed(&scratch, r->scratch, SCRATCH_SIZE);
		v = (struct value){.type = use->type};
		use->field->extract(&ctx, use, &v);
	}
}

static void pass(void *context, const struct event_header *header)
{
	struct run *r = context;

	state_pass(r->state, header);
	r->events++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	static const uint64_t no_kinds[64];
	struct error err = {0};
	struct capture *capture = capture_open_bytes((struct str){(const char *)data, size}, &err);
	struct arena *arena;
	struct source *source;

	if (!capture)
		return 0;
	arena = arena_new();
	run.events = 0;
	run.previous_time = 0;
	if (!run.scratch)
		run.scratch = malloc(SCRATCH_SIZE);
	for (size_t i = 0; i < ASKED; i++) {
		size_t offset = 0;

		if (expression_parse(str_from(asked[i]), &offset, SOURCE_BIT(SOURCE_SYSCALL), arena,
				     &run.fields[i], &err) < 0)
			abort();
	}
	run.state = state_new(&(struct state_options){.max_threads = 64}, &err);
	source = source_capture_over(capture, run.state, &err);
	/* Of every other file nothing is wanted but what the state needs. */
	if (size % 2 && source)
		source_capture_pass(source, no_kinds, pass);
	while (run.events < EVENTS_MAX && source_poll(source, 0, ask, &run) > 0)
		;
	source_free(source);
	state_free(run.state);
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record: decoded, every parameter and annex item read, every field of it printed.
 * The bytes stand for the record from its first to its last; sizes in it may lie.
 */
#include "fields/field.h"
#include "fields/param_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_annex(const struct event *e)
{
	volatile uint8_t last;

	for (const struct annex_item *i = event_annex_next(e, NULL); i;
	     i = event_annex_next(e, i)) {
		struct str payload = annex_str(i);

		if (payload.n)
			last = (uint8_t)payload.p[payload.n - 1];
	}
	(void)last;
}

static void read_params(const struct event *e)
{
	for (unsigned i = 0; i < RECORD_PARAMS_MAX + 2; i++) {
		struct str text;
		uint64_t bits;
		int64_t number;

		event_param_i64(e, i, &number);
		event_param_u64(e, i, &bits);
		event_param_str(e, i, &text);
	}
}

static void print_fields(struct field_context *ctx, char *mark)
{
	static char memory[4096];

	for (size_t i = 0; i < field_count; i++) {
		const struct field *field = &field_catalogue[i];
		struct field_use use = {
		    .field = field, .type = field->type, .type_name = field->type_name};
		struct buffer out = BUFFER(memory);
		struct value value;

		if (field->argument == ARGUMENT_REQUIRED)
			continue;
		arena_reset_to(ctx->scratch, mark);
		if (field_extract(ctx, &use, &value))
			value_print(&value, field, &out);
	}
}

static struct state *empty_state(void)
{
	static struct state *state;
	const struct state_options options = {.host_root = "", .max_threads = 16};

	if (!state)
		state = state_new(&options, NULL);
	return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(16) char scratch[64 * 1024];
	struct process process = {.cwd = STR("/tmp/")};
	struct program program = {.references = 1};
	struct thread thread = {.tid = 1, .process = &process};
	struct arena arena;
	struct event e;
	void *record;

	if (size == 0)
		return 0;
	/* A block of its own, so that one byte too far is noticed. */
	record = malloc(size);
	if (!record)
		return 0;
	memcpy(record, data, size);
	if (event_decode(&e, record, size, NULL) == 0) {
		struct field_context ctx = {
		    .event = &e, .state = empty_state(), .scratch = &arena, .hostname = "host"};
		const struct annex_item *path = event_annex_find(&e, ANNEX_PATH_RESOLVED, -1);

		process.program = &program;
		arena_fixed(&arena, scratch, sizeof(scratch));
		e.thread = &thread;
		e.process = &process;
		/* A descriptor of whatever kind the first bytes say. */
		e.fd.num = e.record->ret;
		e.fd.is_known = e.record->cpu & 1;
		e.fd.is_server = e.record->cpu & 2;
		e.fd.type = (uint8_t)e.record->syscall_nr;
		e.fd.path = path ? annex_str(path) : STR("/etc/passwd");
		e.fd.path_raw = e.fd.path;
		e.fd.local.size = e.record->cpu & 4 ? 16 : 4;
		e.fd.remote.size = e.fd.local.size;
		read_params(&e);
		read_annex(&e);
		print_fields(&ctx, arena.next);
		e.name_view = NAME_RESOLVED;
		print_fields(&ctx, arena.next);
	}
	free(record);
	return 0;
}

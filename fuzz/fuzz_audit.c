/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes posted to the web hook: what is found in them are values that can be read, every field
 * can be asked of each, and what is printed of them means the same to another JSON library. What
 * that takes is taken, as long as it is not nested too deeply.
 */
#include "fields/extractors.h"
#include "source/audit_internal.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MAX_HERE = 64 * 1024, SCRATCH = 4 * 1024 * 1024 };

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static json_t *load(struct str text)
{
	return json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static bool is_too_deep(struct str text)
{
	size_t depth = 0, most = 0;

	/* Brackets in strings make this larger, which is as well. */
	for (size_t i = 0; i < text.n; i++) {
		depth += text.p[i] == '[' || text.p[i] == '{';
		most = depth > most ? depth : most;
	}
	return most > TAPE_DEPTH_MAX;
}

static void check_printed(const struct tape *t, struct str text, char *memory)
{
	json_t *whole = load(text), *printed;

	for (unsigned indent = 0; indent <= 2; indent += 2) {
		struct buffer out = {.p = memory, .room = SCRATCH};

		tape_print(t, t->nodes, indent, &out);
		require(indent || out.n <= text.n, "longer than it was written");
		printed = out.is_truncated ? NULL : load(buffer_str(&out));
		if (whole && !out.is_truncated)
			require(printed && json_equal(whole, printed), "printed as something else");
		json_decref(printed);
	}
	json_decref(whole);
}

static void ask_all_fields(const struct tape *t, char *memory)
{
	static struct field_use uses[1024];
	static size_t count;
	static struct arena *arena;
	struct event e = {.schema = event_schema_get(322), .tape = t, .fd = {.num = -1}};
	struct arena scratch;

	if (!arena) {
		arena = arena_new();
		for (size_t i = 0; i < field_count && count < 1022; i++) {
			const struct field *f = &field_catalogue[i];
			char text[256];

			if (f->extract != field_audit)
				continue;
			snprintf(text, sizeof(text), "%s%s", f->name,
				 f->argument == ARGUMENT_REQUIRED ? "[/a~1*/0]" : "");
			require(field_resolve(str_from(text), 0, arena, &uses[count++], NULL) == 0,
				text);
			snprintf(text, sizeof(text), "%s[1]", f->name);
			if (f->argument == ARGUMENT_OPTIONAL)
				field_resolve(str_from(text), 0, arena, &uses[count++], NULL);
		}
	}
	for (size_t i = 0; i < count; i++) {
		struct field_context ctx = {
		    .event = &e, .scratch = &scratch, .source = SOURCE_K8S_AUDIT};
		struct buffer out = {.p = memory, .room = SCRATCH};
		struct value v;

		arena_fixed(&scratch, memory + SCRATCH, SCRATCH);
		if (field_extract(&ctx, &uses[i], &v))
			value_print(&v, uses[i].field, &out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *memory;
	struct str text = {(const char *)data, size};
	struct audit_batch b = {0};
	struct tape *tape;
	json_t *value;
	size_t end = 0;
	uint64_t ns;
	int status;

	if (size > SIZE_MAX_HERE)
		return 0;
	if (!memory)
		memory = malloc(2 * (size_t)SCRATCH);
	tape = tape_new(size);
	require(memory && tape, "memory");
	status = tape_read(tape, text, NULL);
	value = load(text);
	/* To the other a NUL is an end. */
	if (value && !is_too_deep(text) && !memchr(text.p, '\0', text.n))
		require(status == 0, "what is JSON was refused");
	json_decref(value);
	if (status == 0) {
		check_printed(tape, text, memory);
		ask_all_fields(tape, memory);
	}
	status = audit_batch_read(&b, text, 0, &end, NULL);
	require(status == 0 || status == -EPROTO || status == -EBADMSG || status == -ENODATA,
		"another error");
	for (size_t i = 0; status == 0 && i < b.items.count; i++) {
		struct audit_item item = b.items.items[i];

		require(item.at + item.size <= end && end <= size, "beyond the text");
		require(tape_read(tape, (struct str){text.p + item.at, item.size}, NULL) == 0,
			"an event cannot be read");
		ask_all_fields(tape, memory);
	}
	audit_time_read(text, &ns);
	VEC_FREE(&b.items);
	tape_free(tape);
	return 0;
}

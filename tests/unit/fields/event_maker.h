/* SPDX-License-Identifier: Apache-2.0 */
/* Events for tests of fields, made from a line of text a parameter. */
#ifndef SAKER_TESTS_EVENT_MAKER_H
#define SAKER_TESTS_EVENT_MAKER_H

#include "../unit.h"
#include "fields/field.h"

struct made {
	_Alignas(8) uint8_t memory[16384];
	_Alignas(16) char scratch[65536];
	struct arena arena;
	struct record_builder builder;
	struct event event;
	struct thread thread;
	struct process process;
	struct field_context ctx;
};

static inline char *hex_bytes(const char *hex, char *out, size_t *n)
{
	for (*n = 0; hex[0] && hex[1]; hex += 2) {
		unsigned byte;

		sscanf(hex, "%2x", &byte);
		out[(*n)++] = (char)byte;
	}
	return out;
}

/*
 * Parameters, separated by |: "-" none, =TEXT a string, #HEX bytes, else a number. Annex items may
 * be added with record_annex before made_event.
 */
static inline void made_begin(struct made *m, const char *name, const char *params)
{
	static const struct task_facts task = {.pid = 100, .tid = 101, .comm = "cat"};
	int code = event_code_by_name(str_from(name));
	char copy[2048], bytes[1024];
	char *rest = copy;
	size_t n;

	if (code < 0)
		fail_msg("no event is named %s", name);
	record_begin(&m->builder, m->memory, sizeof(m->memory), (uint16_t)code, 1795552044950918593,
		     &task, 0);
	snprintf(copy, sizeof(copy), "%s", params);
	for (char *p; params[0] && (p = strsep(&rest, "|"));) {
		if (strcmp(p, "-") == 0)
			record_param(&m->builder, (struct str){NULL, 0});
		else if (p[0] == '=')
			record_param_str(&m->builder, str_from(p + 1));
		else if (p[0] == '#')
			record_param(&m->builder, (struct str){hex_bytes(p + 1, bytes, &n), n});
		else
			record_param_int(&m->builder, strtoll(p, NULL, 0));
	}
}

static inline void made_event(struct made *m)
{
	size_t size = record_end(&m->builder);
	struct error err = {0};

	if (size == 0 || event_decode(&m->event, m->memory, size, &err) != 0)
		fail_msg("%s", err.message);
	m->thread = (struct thread){.tid = 101, .process = &m->process};
	m->process = (struct process){.cwd = STR("/tmp/wa/")};
	m->event.thread = &m->thread;
	m->event.process = &m->process;
	arena_fixed(&m->arena, m->scratch, sizeof(m->scratch));
	m->ctx = (struct field_context){.event = &m->event,
					.scratch = &m->arena,
					.hostname = "host",
					.first_event_time = 1795552042950918590,
					.previous_event_time = 1795552044950918590};
}

static inline void make_event(struct made *m, const char *name, const char *params)
{
	made_begin(m, name, params);
	made_event(m);
}

/* The field as text; "(absent)" where it is. */
static inline struct str field_text(struct made *m, const char *text)
{
	static char memory[65536];
	struct buffer out = BUFFER(memory);
	struct arena *arena = arena_new();
	struct error err = {0};
	struct field_use use;
	struct value value;

	if (field_resolve(str_from(text), 0, arena, &use, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	if (field_extract(&m->ctx, &use, &value))
		value_print(&value, use.field, &out);
	else
		buffer_put(&out, STR("(absent)"));
	arena_free(arena);
	return buffer_str(&out);
}

struct expectation {
	const char *field;
	const char *want;
};

static inline void check_fields(struct made *m, const struct expectation *e, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_str(field_text(m, e[i].field), e[i].want, e[i].field);
}
#define CHECK_FIELDS(m, ...)                                                                       \
	check_fields((m), (const struct expectation[]){__VA_ARGS__},                               \
		     sizeof((const struct expectation[]){__VA_ARGS__}) /                           \
			 sizeof(struct expectation))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A process in a container, and the values of fields of it. */
#ifndef SAKER_TESTS_CONTAINER_SCENE_H
#define SAKER_TESTS_CONTAINER_SCENE_H

#include "../state/world.h"
#include "fields/field.h"

struct scene {
	struct world *w;
	_Alignas(16) char scratch_memory[65536];
	struct arena scratch;
	struct arena *arena;
	struct field_context ctx;
};

static inline struct scene *scene_new(const char *cgroups, size_t n)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct task_facts sh = task(40, 70, 1, 0, "sh");

	s->w = world_new(100);
	SEND(s->w, "execve", &sh, NUMBER("res", 0), TEXT("exe", "sh"),
	     (struct arg){.name = "cgroups", .text = cgroups, .n = n});
	s->arena = arena_new();
	arena_fixed(&s->scratch, s->scratch_memory, sizeof(s->scratch_memory));
	s->ctx = (struct field_context){.event = &s->w->event,
					.state = s->w->state,
					.scratch = &s->scratch,
					.source = SOURCE_SYSCALL};
	return s;
}

static inline void scene_free(struct scene *s)
{
	arena_free(s->arena);
	world_free(s->w);
	free(s);
}

static inline void check_field(struct scene *s, const char *name, const char *want)
{
	struct field_use use;
	struct value v;
	struct error err = {0};
	char memory[8192];
	struct buffer text = BUFFER(memory);

	if (field_resolve(str_from(name), 0, s->arena, &use, &err) < 0)
		fail_msg("%s: %s", name, err.message);
	if (field_extract(&s->ctx, &use, &v))
		value_print(&v, use.field, &text);
	else
		buffer_put(&text, STR("<absent>"));
	check_str(buffer_str(&text), want, name);
}

struct row {
	const char *field, *want;
};

static inline void check_rows(struct scene *s, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_field(s, rows[i].field, rows[i].want);
}
#define CHECK(s, rows) check_rows((s), (rows), sizeof(rows) / sizeof(*(rows)))

#endif

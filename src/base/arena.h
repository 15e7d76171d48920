/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: memory that is given out piece by piece and freed at once.
 *
 * Two uses. A growing arena (arena_new) owns a rule set, a plan or a configuration. A scratch arena
 * of fixed size (arena_fixed) serves the event path: it never calls malloc, arena_reset makes it
 * empty again, and where it is full arena_alloc answers NULL and counts it in overflow_count.
 * An arena belongs to one thread at a time.
 */
#ifndef SAKER_BASE_ARENA_H
#define SAKER_BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	char *next;
	char *end;
	bool is_fixed;
	struct arena_release *releases;
	uint64_t overflow_count; /* requests that a fixed arena could not serve */
	size_t bytes;            /* taken from the system so far */
};

/* A growing arena; aborts the program with a message where the system has no memory left. */
struct arena *arena_new(void);
void arena_free(struct arena *a);

/*
 * Has release(object) called by arena_free, before the memory goes: for what an arena's objects
 * hold outside it. Last registered, first released. Growing arenas only.
 */
void arena_on_free(struct arena *a, void (*release)(void *object), void *object);

/* A scratch arena over memory that the caller owns. */
void arena_fixed(struct arena *a, void *memory, size_t size);
static inline void arena_reset_to(struct arena *a, char *mark)
{
	a->next = mark;
}

/* Zeroed, aligned to 8 bytes: for any type but long double. A growing arena never answers NULL. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_alloc_array(struct arena *a, size_t count, size_t size);

/* Not zeroed, no alignment: for bytes on the event path. */
char *arena_bytes(struct arena *a, size_t size);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_alloc_array((a), (count), sizeof(type)))

/* Copies; the copy is also NUL-terminated (the NUL is not counted). */
struct str arena_str(struct arena *a, struct str s);
const char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void cleanup_free_arena(struct arena **a)
{
	arena_free(*a);
}
#define CLEANUP_ARENA __attribute__((cleanup(cleanup_free_arena)))

#endif

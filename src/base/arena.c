/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	BLOCK_SIZE = 16 * 1024,
	BLOCK_SIZE_LARGEST = 1024 * 1024,
	ALIGNMENT = 8, /* of all types that the program has; 16 would only be for long double */
};

struct arena_block {
	struct arena_block *older;
	_Alignas(ALIGNMENT) char memory[];
};

struct arena_release {
	struct arena_release *older;
	void (*release)(void *object);
	void *object;
};

static void *system_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		fprintf(stderr, "saker: out of memory (%zu bytes wanted)\n", size);
		abort();
	}
	return p;
}

struct arena *arena_new(void)
{
	return system_alloc(sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct arena_release *r = a->releases; r; r = r->older)
		r->release(r->object);
	for (struct arena_block *b = a->blocks, *older; b; b = older) {
		older = b->older;
		free(b);
	}
	free(a);
}

void arena_on_free(struct arena *a, void (*release)(void *object), void *object)
{
	struct arena_release *r = arena_alloc(a, sizeof(*r));

	*r = (struct arena_release){a->releases, release, object};
	a->releases = r;
}

void arena_fixed(struct arena *a, void *memory, size_t size)
{
	*a = (struct arena){.next = memory, .end = (char *)memory + size, .is_fixed = true};
}

static bool arena_grow(struct arena *a, size_t size)
{
	if (a->is_fixed) {
		a->overflow_count++;
		return false;
	}
	/* Blocks grow with the arena, so that small arenas stay small and large ones have few. */
	size_t block_size = a->bytes < BLOCK_SIZE           ? BLOCK_SIZE
			    : a->bytes < BLOCK_SIZE_LARGEST ? a->bytes
							    : (size_t)BLOCK_SIZE_LARGEST;
	if (block_size < size)
		block_size = size;

	struct arena_block *b = system_alloc(sizeof(*b) + block_size);

	b->older = a->blocks;
	a->blocks = b;
	a->next = b->memory;
	a->end = b->memory + block_size;
	a->bytes += block_size;
	return true;
}

char *arena_bytes(struct arena *a, size_t size)
{
	if (size > (size_t)(a->end - a->next) && !arena_grow(a, size))
		return NULL;
	char *p = a->next;
	a->next += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t misaligned = (uintptr_t)a->next % ALIGNMENT;
	size_t padding = misaligned ? ALIGNMENT - misaligned : 0;

	if (size > SIZE_MAX / 2) {
		a->overflow_count++;
		return NULL;
	}
	if (!a->next || size + padding > (size_t)(a->end - a->next)) {
		if (!arena_grow(a, size))
			return NULL;
		padding = 0;
	}
	char *p = a->next + padding;
	a->next = p + size;
	return size ? memset(p, 0, size) : p;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		total = SIZE_MAX;
	return arena_alloc(a, total);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.n + 1);

	if (!p)
		return (struct str){"", 0};
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){p, s.n};
}

const char *arena_cstr(struct arena *a, struct str s)
{
	return arena_str(a, s).p;
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);

	char *p = n < 0 ? NULL : arena_bytes(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	return p ? (struct str){p, (size_t)n} : (struct str){"", 0};
}

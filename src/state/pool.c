/* SPDX-License-Identifier: Apache-2.0 */
#include "state/pool.h"

#include <stdio.h>
#include <string.h>

/* Lets the address sanitizer see uses of what was given back. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifdef IS_SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum {
	SLAB_ITEMS = 64,
	BLOCK_SMALLEST = 64,
	BLOCKS_KEPT_MAX = 4 * 1024 * 1024, /* bytes that wait in free lists */
};

/* Before each block; keeps what follows aligned for any type. */
struct block_head {
	_Alignas(16) uint32_t size_class;
};

/* All but the link to the next free one. */
static void hide(void *free_item, size_t size)
{
	ASAN_POISON_MEMORY_REGION((char *)free_item + sizeof(void *), size - sizeof(void *));
}

static void show(void *item, size_t size)
{
	ASAN_UNPOISON_MEMORY_REGION(item, size);
}

static void *have(void *p, size_t size)
{
	if (!p) {
		fprintf(stderr, "out of memory: %zu bytes for process state\n", size);
		abort();
	}
	return p;
}

void *pool_take(struct pool *p)
{
	if (!p->free) {
		/* SLAB_ITEMS makes it whole cache lines; items that are begin at one. */
		size_t size = p->item_size * SLAB_ITEMS;
		char *slab = have(aligned_alloc(CACHE_LINE, size), size);

		for (size_t i = SLAB_ITEMS; i-- > 0;) {
			void **item = (void **)(slab + i * p->item_size);

			*item = p->free;
			p->free = item;
		}
		VEC_PUSH(&p->slabs, slab);
	}
	void *item = p->free;
	p->free = *(void **)item;
	p->count++;
	show(item, p->item_size);
	return memset(item, 0, p->item_size);
}

void pool_give(struct pool *p, void *item)
{
	*(void **)item = p->free;
	p->free = item;
	p->count--;
	hide(item, p->item_size);
}

void pool_release(struct pool *p)
{
	VEC_FOREACH (slab, &p->slabs)
		free(*slab);
	VEC_FREE(&p->slabs);
	p->free = NULL;
}

static size_t class_size(uint32_t class)
{
	return (size_t)BLOCK_SMALLEST << class;
}

void *block_take(struct block_pool *p, size_t size)
{
	uint32_t class = 0;

	size += sizeof(struct block_head);
	while (class < BLOCK_CLASSES && class_size(class) < size)
		class ++;

	struct block_head *head = class < BLOCK_CLASSES ? p->free[class] : NULL;
	if (head) {
		p->free[class] = *(void **)(head + 1);
		p->kept -= class_size(class);
		show(head, class_size(class));
	} else {
		size_t room = class < BLOCK_CLASSES ? class_size(class) : size;

		head = have(malloc(room), room);
		head->size_class = class;
	}
	return head + 1;
}

void block_give(struct block_pool *p, void *block)
{
	struct block_head *head = (struct block_head *)block - 1;

	if (head->size_class >= BLOCK_CLASSES ||
	    p->kept + class_size(head->size_class) > BLOCKS_KEPT_MAX) {
		free(head);
		return;
	}
	*(void **)block = p->free[head->size_class];
	p->free[head->size_class] = head;
	p->kept += class_size(head->size_class);
	hide(block, class_size(head->size_class) - sizeof(*head));
}

void block_pool_release(struct block_pool *p)
{
	for (size_t class = 0; class < BLOCK_CLASSES; class ++) {
		while (p->free[class]) {
			struct block_head *head = p->free[class];

			p->free[class] = *(void **)(head + 1);
			free(head);
		}
	}
}

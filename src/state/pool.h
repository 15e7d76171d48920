/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the process table: items of one size from slabs, and blocks of any size from free lists
 * by powers of two. What is given back is given out again; one thread at a time. The program ends
 * with a message where the system has no memory left.
 */
#ifndef SAKER_STATE_POOL_H
#define SAKER_STATE_POOL_H

#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>

enum { CACHE_LINE = 64 };

struct pool {
	size_t item_size;
	void *free;
	size_t count; /* given out */
	VEC(void *) slabs;
};

void *pool_take(struct pool *p); /* zeroed */
void pool_give(struct pool *p, void *item);
void pool_release(struct pool *p);

enum { BLOCK_CLASSES = 12 }; /* 64 bytes to 128 KiB; larger ones go to the system */

struct block_pool {
	void *free[BLOCK_CLASSES];
	size_t kept; /* bytes in the free lists; bounded */
};

void *block_take(struct block_pool *p, size_t size); /* not zeroed */
void block_give(struct block_pool *p, void *block);
void block_pool_release(struct block_pool *p);

#endif

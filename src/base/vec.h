/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing arrays. VEC(type) declares one; zero-initialised it is empty. Items move when it grows,
 * so no pointer to an item outlives the next VEC_PUSH. Owned by whoever declares it: VEC_FREE.
 */
#ifndef SAKER_BASE_VEC_H
#define SAKER_BASE_VEC_H

#include <stddef.h>

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
		size_t room;                                                                       \
	}

/* Grows *items to hold one more; aborts where the system has no memory left. */
void *vec_grow(void *items, size_t *room, size_t item_size);

#define VEC_PUSH(v, ...)                                                                           \
	do {                                                                                       \
		if ((v)->count == (v)->room)                                                       \
			(v)->items = vec_grow((v)->items, &(v)->room, sizeof(*(v)->items));        \
		(v)->items[(v)->count++] = (__VA_ARGS__);                                          \
	} while (0)

#define VEC_FREE(v)                                                                                \
	do {                                                                                       \
		free((v)->items);                                                                  \
		(v)->items = NULL;                                                                 \
		(v)->count = (v)->room = 0;                                                        \
	} while (0)

/* Of an empty vector items may be NULL, to which not even 0 may be added. */
#define VEC_FOREACH(item, v)                                                                       \
	for (__typeof__(&*(v)->items) item = (v)->items,                                           \
				      item##_end = (v)->count ? item + (v)->count : item;          \
	     item < item##_end; item++)

#endif

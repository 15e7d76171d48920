/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one thread takes what others leave it: a list that any thread may put to and one takes, all
 * at once, the oldest first. Neither waits for the other. Items begin with a struct inbox_item.
 */
#ifndef SAKER_BASE_INBOX_H
#define SAKER_BASE_INBOX_H

#include <stdatomic.h>
#include <stddef.h>

struct inbox_item {
	struct inbox_item *next;
};

struct inbox {
	_Atomic(struct inbox_item *) newest;
};

static inline void inbox_put(struct inbox *inbox, struct inbox_item *item)
{
	struct inbox_item *newest = atomic_load_explicit(&inbox->newest, memory_order_relaxed);

	do
		item->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&inbox->newest, &newest, item,
						      memory_order_release, memory_order_relaxed));
}

/* NULL, and cheap, where there is nothing. */
static inline struct inbox_item *inbox_take(struct inbox *inbox)
{
	struct inbox_item *oldest = NULL, *item, *next;

	if (!atomic_load_explicit(&inbox->newest, memory_order_relaxed))
		return NULL;
	item = atomic_exchange_explicit(&inbox->newest, NULL, memory_order_acquire);
	for (; item; item = next) {
		next = item->next;
		item->next = oldest;
		oldest = item;
	}
	return oldest;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of unknown length composed in an event's scratch arena: scratch_text gives a buffer over all
 * that is left of it, scratch_keep takes what was written for good and answers it. Nothing else may
 * be allocated from the arena between the two.
 */
#ifndef SAKER_FIELDS_SCRATCH_H
#define SAKER_FIELDS_SCRATCH_H

#include "base/arena.h"
#include "base/buffer.h"

enum { SCRATCH_TEXT_MAX = 128 * 1024 };

static inline struct buffer scratch_text(struct arena *a)
{
	struct buffer b = {.p = a->next, .room = (size_t)(a->end - a->next)};

	if (b.room > SCRATCH_TEXT_MAX)
		b.room = SCRATCH_TEXT_MAX;
	if (!a->is_fixed) {
		b.room = SCRATCH_TEXT_MAX;
		b.p = arena_bytes(a, b.room);
	}
	return b;
}

static inline struct str scratch_keep(struct arena *a, const struct buffer *b)
{
	if (a->is_fixed)
		arena_bytes(a, b->n);
	if (b->is_truncated)
		a->overflow_count++;
	return buffer_str(b);
}

#endif

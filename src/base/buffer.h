/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text written into memory of fixed size: what does not fit is cut, and is_truncated says so.
 * For alert lines, field texts and anything else that is composed on the event path.
 */
#ifndef SAKER_BASE_BUFFER_H
#define SAKER_BASE_BUFFER_H

#include "base/str.h"

struct buffer {
	char *p;
	size_t n;    /* written so far */
	size_t room; /* size of p */
	bool is_truncated;
};

#define BUFFER(memory) ((struct buffer){.p = (memory), .room = sizeof(memory)})

static inline struct str buffer_str(const struct buffer *b)
{
	return (struct str){b->p, b->n};
}

void buffer_put(struct buffer *b, struct str s);
void buffer_putc(struct buffer *b, char c);
void buffer_put_u64(struct buffer *b, uint64_t v);
void buffer_put_i64(struct buffer *b, int64_t v);
void buffer_put_hex(struct buffer *b, uint64_t v); /* upper case, no prefix, as Falco prints it */
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

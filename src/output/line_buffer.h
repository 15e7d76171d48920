/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are written together. */
#ifndef SAKER_OUTPUT_LINE_BUFFER_H
#define SAKER_OUTPUT_LINE_BUFFER_H

#include "base/str.h"

struct line_buffer {
	size_t lines, n;
	char bytes[64 * 1024];
};

static inline bool line_buffer_fits(const struct line_buffer *b, struct str line)
{
	return line.n <= sizeof(b->bytes) - b->n;
}

static inline void line_buffer_add(struct line_buffer *b, struct str line)
{
	memcpy(b->bytes + b->n, line.p, line.n);
	b->n += line.n;
	b->lines++;
}

static inline struct str line_buffer_str(const struct line_buffer *b)
{
	return (struct str){b->bytes, b->n};
}

static inline void line_buffer_clear(struct line_buffer *b)
{
	b->lines = b->n = 0;
}

/* Complete lines in s. */
static inline size_t count_lines(struct str s)
{
	size_t lines = 0;

	for (size_t at = 0; (at = str_find_byte(s, '\n', at)) < s.n; at++)
		lines++;
	return lines;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

void buffer_put(struct buffer *b, struct str s)
{
	size_t left = b->room - b->n;

	if (s.n > left) {
		b->is_truncated = true;
		s.n = left;
	}
	if (s.n)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void buffer_putc(struct buffer *b, char c)
{
	if (b->n < b->room)
		b->p[b->n++] = c;
	else
		b->is_truncated = true;
}

static void put_digits(struct buffer *b, uint64_t v, unsigned base)
{
	char digits[24], *p = digits + sizeof(digits);

	do {
		*--p = "0123456789ABCDEF"[v % base];
		v /= base;
	} while (v);
	buffer_put(b, (struct str){p, (size_t)(digits + sizeof(digits) - p)});
}

void buffer_put_u64(struct buffer *b, uint64_t v)
{
	put_digits(b, v, 10);
}

void buffer_put_i64(struct buffer *b, int64_t v)
{
	if (v < 0)
		buffer_putc(b, '-');
	put_digits(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

void buffer_put_hex(struct buffer *b, uint64_t v)
{
	put_digits(b, v, 16);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text)) {
		n = sizeof(text) - 1;
		b->is_truncated = true;
	}
	buffer_put(b, (struct str){text, (size_t)n});
}

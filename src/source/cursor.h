/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the fields of a capture's blocks one after the other, never beyond their end. */
#ifndef SAKER_SOURCE_CURSOR_H
#define SAKER_SOURCE_CURSOR_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A cursor over bytes that refuses to leave them: after a short read everything reads as zero. */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool is_short;
};

static inline void read_bytes(struct cursor *c, void *out, size_t n)
{
	if (n > c->left) {
		c->is_short = true;
		c->left = 0;
		memset(out, 0, n);
		return;
	}
	memcpy(out, c->p, n);
	c->p += n;
	c->left -= n;
}

static inline uint8_t read_u8(struct cursor *c)
{
	uint8_t v;

	read_bytes(c, &v, sizeof(v));
	return v;
}

static inline uint16_t read_u16(struct cursor *c)
{
	uint16_t v;

	read_bytes(c, &v, sizeof(v));
	return v;
}

static inline uint32_t read_u32(struct cursor *c)
{
	uint32_t v;

	read_bytes(c, &v, sizeof(v));
	return v;
}

static inline uint64_t read_u64(struct cursor *c)
{
	uint64_t v;

	read_bytes(c, &v, sizeof(v));
	return v;
}

static inline struct str read_view(struct cursor *c, size_t n)
{
	struct str s = {(const char *)c->p, n};

	if (n > c->left) {
		c->is_short = true;
		c->left = 0;
		n = 0;
	}
	if (!n)
		return (struct str){"", 0};
	c->p += n;
	c->left -= n;
	return s;
}

/* A string as the format has it: a 16-bit length, then the bytes without a NUL. */
static inline struct str read_string(struct cursor *c)
{
	return read_view(c, read_u16(c));
}

/* An entry of its own length, where the block's version gives entries one. */
static inline struct cursor read_entry(struct cursor *block)
{
	struct cursor entry = {0};
	uint32_t n = read_u32(block);

	/* The length counts itself. */
	if (block->is_short || n < sizeof(n)) {
		block->is_short = true;
		return entry;
	}
	struct str view = read_view(block, n - sizeof(n));
	entry.p = (const uint8_t *)view.p;
	entry.left = view.n;
	return entry;
}

/* The same where the length counts but what follows it. */
static inline struct cursor read_entry_body(struct cursor *block)
{
	struct str view = read_view(block, read_u32(block));

	return (struct cursor){.p = (const uint8_t *)view.p, .left = view.n};
}

#endif

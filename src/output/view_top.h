/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums by key: which values of a field have the most events, bytes or time. For people and their
 * terminals: adding allocates where a key is new. Keys beyond VIEW_TOP_KEYS_MAX are added up as one
 * row of others, so that memory stays bounded whatever file names there are.
 */
#ifndef SAKER_OUTPUT_VIEW_TOP_H
#define SAKER_OUTPUT_VIEW_TOP_H

#include "base/buffer.h"

#include <stdio.h>

enum { VIEW_TOP_KEYS_MAX = 1 << 20, VIEW_TOP_KEY_SIZE = 4096 };

enum view_by { VIEW_BY_COUNT, VIEW_BY_BYTES, VIEW_BY_TIME, VIEW_BY_COUNT_OF };

struct view_amount {
	uint64_t of[VIEW_BY_COUNT_OF]; /* events, bytes, ns */
};

struct view_top;

/* name: what the keys are, for the head of the table and the JSON keys; must stay. */
struct view_top *view_top_new(const char *name, enum view_by by);
void view_top_free(struct view_top *t);

/* "count", "bytes", "time"; false: none of them. */
bool view_by_name(const char *name, enum view_by *out);

/* The key is copied, what is longer than VIEW_TOP_KEY_SIZE is cut. */
void view_top_add(struct view_top *t, struct str key, const struct view_amount *amount);

/* The rows with most, highest first, with their share of all: as a table, or a JSON object each. */
void view_top_print(struct view_top *t, size_t rows, FILE *out);
void view_top_print_json(struct view_top *t, size_t rows, FILE *out);

/* "1.2M", "17.3ms": short forms of bytes and ns. */
void view_put_bytes(struct buffer *out, uint64_t bytes);
void view_put_ns(struct buffer *out, uint64_t ns);

#endif

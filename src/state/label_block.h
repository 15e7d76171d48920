/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts and labels in one block of memory with what they are of: they are put twice, at first to be
 * counted, then to be copied into memory of that size.
 */
#ifndef SAKER_STATE_LABEL_BLOCK_H
#define SAKER_STATE_LABEL_BLOCK_H

#include "state/container_info.h"

struct label_block {
	/* NULL: it is counted only. */
	struct container_label *labels;
	char *texts;
	size_t label_count, text_bytes; /* so far */
	size_t text_max;                /* longer texts are cut */
};

/* Of what was counted. */
size_t label_block_size(const struct label_block *b);
/* The same block once more, to be copied to that memory. */
struct label_block label_block_begin(const struct label_block *counted, void *memory);

struct str label_block_put(struct label_block *b, struct str s);
/* Sorted by key, each of which stays once. */
void label_block_put_labels(struct label_block *b, const struct container_label *from,
			    uint32_t count, const struct container_label **to, uint32_t *to_count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "state/label_block.h"

#include <stdlib.h>

size_t label_block_size(const struct label_block *b)
{
	return b->label_count * sizeof(*b->labels) + b->text_bytes;
}

struct label_block label_block_begin(const struct label_block *counted, void *memory)
{
	struct container_label *labels = memory;

	return (struct label_block){
	    .labels = labels,
	    .texts = (char *)(labels + counted->label_count),
	    .text_max = counted->text_max,
	};
}

struct str label_block_put(struct label_block *b, struct str s)
{
	struct str copy = {b->texts ? b->texts + b->text_bytes : NULL,
			   s.n < b->text_max ? s.n : b->text_max};

	if (b->texts && copy.n)
		memcpy(b->texts + b->text_bytes, s.p, copy.n);
	b->text_bytes += copy.n;
	return copy;
}

static int compare(const void *a, const void *b)
{
	return str_compare(((const struct container_label *)a)->key,
			   ((const struct container_label *)b)->key);
}

void label_block_put_labels(struct label_block *b, const struct container_label *from,
			    uint32_t count, const struct container_label **to, uint32_t *to_count)
{
	struct container_label *labels = b->labels ? b->labels + b->label_count : NULL;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct container_label label = {label_block_put(b, from[i].key),
						label_block_put(b, from[i].value)};

		if (labels)
			labels[i] = label;
	}
	b->label_count += count;
	*to = labels;
	*to_count = count;
	if (!labels || !count)
		return;
	qsort(labels, count, sizeof(*labels), compare);
	for (uint32_t i = 0; i < count; i++)
		if (kept == 0 || !str_equal(labels[kept - 1].key, labels[i].key))
			labels[kept++] = labels[i];
	*to_count = kept;
}

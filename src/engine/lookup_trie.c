/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"
#include "engine/lookup_internal.h"

#include <stdlib.h>

/*
 * A node stands for the bytes up to `end`; those since its parent's end are its label, which is
 * read from any key below it. Children are indexed by their first byte, from `low` on.
 */
struct trie_node {
	struct str key;
	uint32_t end;
	uint32_t children; /* in lookup_trie.children; entries of 0 have no child */
	uint16_t child_count;
	uint8_t low;
	struct lookup_slice outputs;
	struct lookup_slice wholes; /* hold where the value ends here */
};

struct lookup_trie {
	const struct trie_node *nodes; /* 0: the root */
	const uint32_t *children;
	const uint32_t *outputs;
	bool is_reversed; /* suffixes, read from the end */
	bool is_path;     /* keys end where a component ends */
};

/* The i-th byte in the trie's reading direction. */
static inline uint8_t byte_at(struct str s, size_t i, bool is_reversed)
{
	return (uint8_t)s.p[is_reversed ? s.n - 1 - i : i];
}

static int compare_forward(const void *a, const void *b)
{
	return str_compare(((const struct lookup_key *)a)->text,
			   ((const struct lookup_key *)b)->text);
}

static int compare_backward(const void *a, const void *b)
{
	struct str x = ((const struct lookup_key *)a)->text;
	struct str y = ((const struct lookup_key *)b)->text;
	size_t n = x.n < y.n ? x.n : y.n;

	for (size_t i = 0; i < n; i++) {
		int d = (int)byte_at(x, i, true) - (int)byte_at(y, i, true);

		if (d)
			return d;
	}
	return (x.n > y.n) - (x.n < y.n);
}

static size_t common_length(struct str a, struct str b, size_t from, bool is_reversed)
{
	size_t n = a.n < b.n ? a.n : b.n;
	size_t i = from;

	while (i < n && byte_at(a, i, is_reversed) == byte_at(b, i, is_reversed))
		i++;
	return i;
}

/* Keys [from, to) share their first `depth` bytes and become the node. */
struct trie_work {
	size_t from, to;
	uint32_t node;
	uint32_t depth;
};

const struct lookup_trie *lookup_trie_build(struct lookup_key *keys, size_t count,
					    enum lookup_kind kind, struct arena *arena)
{
	const bool is_reversed = kind == LOOKUP_SUFFIX;
	VEC(struct trie_node) nodes = {0};
	VEC(uint32_t) children = {0};
	VEC(uint32_t) outputs = {0};
	VEC(struct trie_work) work = {0};

	qsort(keys, count, sizeof(*keys), is_reversed ? compare_backward : compare_forward);
	VEC_PUSH(&nodes, (struct trie_node){0});
	if (count)
		VEC_PUSH(&work, (struct trie_work){.to = count});
	while (work.count) {
		struct trie_work w = work.items[--work.count];
		struct str first = keys[w.from].text;
		struct trie_node node = {.key = first};
		size_t end = common_length(first, keys[w.to - 1].text, w.depth, is_reversed);
		size_t at = w.from;

		/* The root's label stays empty, so that it needs no comparison of its own. */
		if (w.node == 0)
			end = 0;
		node.end = (uint32_t)end;
		node.outputs.first = (uint32_t)outputs.count;
		for (; at < w.to && keys[at].text.n == end; at++)
			if (!keys[at].is_whole)
				VEC_PUSH(&outputs, keys[at].atom);
		node.outputs.count = (uint32_t)outputs.count - node.outputs.first;
		node.wholes.first = (uint32_t)outputs.count;
		for (size_t i = w.from; i < at; i++)
			if (keys[i].is_whole)
				VEC_PUSH(&outputs, keys[i].atom);
		node.wholes.count = (uint32_t)outputs.count - node.wholes.first;
		if (at < w.to) {
			uint8_t low = byte_at(keys[at].text, end, is_reversed);
			uint8_t high = byte_at(keys[w.to - 1].text, end, is_reversed);

			node.low = low;
			node.child_count = (uint16_t)(high - low + 1);
			node.children = (uint32_t)children.count;
			for (unsigned i = 0; i < node.child_count; i++)
				VEC_PUSH(&children, 0);
		}
		while (at < w.to) {
			uint8_t byte = byte_at(keys[at].text, end, is_reversed);
			size_t to = at;

			while (to < w.to && byte_at(keys[to].text, end, is_reversed) == byte)
				to++;
			children.items[node.children + byte - node.low] = (uint32_t)nodes.count;
			VEC_PUSH(&work,
				 (struct trie_work){at, to, (uint32_t)nodes.count, (uint32_t)end});
			VEC_PUSH(&nodes, (struct trie_node){0});
			at = to;
		}
		nodes.items[w.node] = node;
	}

	struct lookup_trie *t = ARENA_NEW(arena, struct lookup_trie);
	struct trie_node *n = ARENA_ARRAY(arena, struct trie_node, nodes.count);
	uint32_t *c = ARENA_ARRAY(arena, uint32_t, children.count);
	uint32_t *o = ARENA_ARRAY(arena, uint32_t, outputs.count);

	memcpy(n, nodes.items, nodes.count * sizeof(*n));
	if (children.count)
		memcpy(c, children.items, children.count * sizeof(*c));
	if (outputs.count)
		memcpy(o, outputs.items, outputs.count * sizeof(*o));
	*t = (struct lookup_trie){n, c, o, is_reversed, kind == LOOKUP_PATH};
	VEC_FREE(&nodes);
	VEC_FREE(&children);
	VEC_FREE(&outputs);
	VEC_FREE(&work);
	return t;
}

void lookup_trie_find(const struct lookup_trie *t, struct str value, struct lookup_hits *hits)
{
	const struct trie_node *node = t->nodes;
	const bool is_reversed = t->is_reversed;
	size_t done = 0;

	for (;;) {
		size_t end = node->end;

		if (value.n < end)
			return;
		if (end > done) {
			const char *want = node->key.p + (is_reversed ? node->key.n - end : done);
			const char *got = value.p + (is_reversed ? value.n - end : done);

			if (memcmp(want, got, end - done))
				return;
		}
		done = end;
		if (!t->is_path || done == value.n || value.p[done] == '/')
			for (uint32_t i = 0; i < node->outputs.count; i++)
				lookup_hit(hits, t->outputs[node->outputs.first + i]);
		if (done == value.n) {
			for (uint32_t i = 0; i < node->wholes.count; i++)
				lookup_hit(hits, t->outputs[node->wholes.first + i]);
			return;
		}

		unsigned slot = byte_at(value, done, is_reversed) - (unsigned)node->low;

		if (slot >= node->child_count)
			return;

		uint32_t child = t->children[node->children + slot];

		if (!child)
			return;
		node = &t->nodes[child];
	}
}

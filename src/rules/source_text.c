/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/loader.h"

#include <stdlib.h>

static void put_bytes(struct text_builder *b, struct str text)
{
	while (b->bytes.room - b->bytes.count < text.n)
		b->bytes.items = vec_grow(b->bytes.items, &b->bytes.room, 1);
	if (text.n)
		memcpy(b->bytes.items + b->bytes.count, text.p, text.n);
	b->bytes.count += text.n;
}

static void put_piece(struct text_builder *b, struct str text, struct written at, bool is_verbatim)
{
	VEC_PUSH(&b->pieces, (struct text_piece){.from = (uint32_t)b->bytes.count,
						 .is_verbatim = is_verbatim,
						 .at = at});
	put_bytes(b, text);
}

void text_glue(struct text_builder *b, struct str text)
{
	put_bytes(b, text);
}

void text_verbatim(struct text_builder *b, struct written scalar)
{
	put_piece(b, scalar.node->text, scalar, true);
}

void text_for(struct text_builder *b, struct str text, struct written scalar)
{
	put_piece(b, text, scalar, false);
}

struct source_text *text_finish(struct text_builder *b, struct loader *l, const struct item *item,
				const char *part, struct str part_name)
{
	struct source_text *t = ARENA_NEW(l->arena, struct source_text);

	t->text = arena_str(l->set->arena, (struct str){b->bytes.items, b->bytes.count});
	t->pieces = ARENA_ARRAY(l->arena, struct text_piece, b->pieces.count);
	if (b->pieces.count)
		memcpy(t->pieces, b->pieces.items, b->pieces.count * sizeof(*t->pieces));
	t->piece_count = b->pieces.count;
	t->item = item;
	t->part = part;
	t->part_name = part_name;
	VEC_FREE(&b->bytes);
	VEC_FREE(&b->pieces);
	return t;
}

struct source_text *text_of(struct written scalar, struct loader *l, const struct item *item,
			    const char *part)
{
	struct source_text *t = ARENA_NEW(l->arena, struct source_text);

	t->pieces = ARENA_NEW(l->arena, struct text_piece);
	t->pieces[0] = (struct text_piece){.is_verbatim = true, .at = scalar};
	t->piece_count = 1;
	t->text = scalar.node->text;
	t->item = item;
	t->part = part;
	return t;
}

struct source_text *text_join(const written_vec *scalars, struct loader *l, const struct item *item,
			      const char *part)
{
	struct text_builder b = {0};

	for (size_t i = 0; i < scalars->count; i++) {
		if (i)
			text_glue(&b, STR(" "));
		text_verbatim(&b, scalars->items[i]);
	}
	return text_finish(&b, l, item, part, STR(""));
}

struct place source_text_place(const struct source_text *t, size_t offset)
{
	struct place p = {
	    .file = t->item->at.file,
	    .offset = t->item->at.node->offset,
	    .item = t->item,
	    .part = t->part,
	    .part_name = t->part_name,
	};
	const struct text_piece *piece;
	size_t low = 0, high = t->piece_count;

	if (!t->piece_count)
		return p;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (t->pieces[middle].from <= offset)
			low = middle;
		else
			high = middle;
	}
	piece = &t->pieces[low];
	p.file = piece->at.file;
	p.offset = piece->is_verbatim
		       ? yaml_scalar_offset(p.file, piece->at.node,
					    offset > piece->from ? offset - piece->from : 0)
		       : piece->at.node->offset;
	return p;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as it stands in an event: read once into a tape, a row of nodes in the order of the text,
 * that extractors walk. Nothing is copied: nodes point into the text, which must outlive the tape.
 * Numbers are never converted, so that one of any size is what it was written as.
 *
 * Strict as RFC 8259: one value and nothing behind it, no comments, no trailing commas, text in
 * well-formed UTF-8. Nesting deeper than TAPE_DEPTH_MAX is refused; nothing here recurses, nothing
 * allocates but tape_new, and the time is linear in the text.
 */
#ifndef SAKER_EVENT_TAPE_H
#define SAKER_EVENT_TAPE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

enum { TAPE_DEPTH_MAX = 512 };

enum tape_kind {
	TAPE_NULL,
	TAPE_FALSE,
	TAPE_TRUE,
	TAPE_NUMBER,
	TAPE_STRING,
	TAPE_ARRAY,
	TAPE_OBJECT, /* its members: a string and a value, in turns */
};

struct tape_node {
	uint32_t at;   /* of its text in the tape's; of strings without the quotes */
	uint32_t size; /* of that text, in bytes */
	uint32_t next; /* index of the node behind this one and all that it holds */
	uint8_t kind;
	bool is_escaped; /* a string that holds a backslash */
	uint16_t reserved;
};

struct tape {
	struct str text;
	struct tape_node *nodes; /* the first is the whole value */
	uint32_t count, room;
};

/* A tape for texts of up to size bytes, whatever stands in them. NULL without memory. */
struct tape *tape_new(size_t size);
void tape_free(struct tape *t);

/*
 * Reads text. -EBADMSG with the offset of what is wrong, -E2BIG where the text is longer than what
 * the tape was made for; it is empty then.
 */
int tape_read(struct tape *t, struct str text, struct error *err);

/*
 * The end of the value that begins at or after `from` (blanks are passed over), checked as by
 * tape_read but not kept. -EBADMSG likewise; -ENODATA where the text ends before the value does:
 * what is there so far is well-formed, and there may be more to come. *start is where it begins.
 */
int tape_skip(struct str text, size_t from, size_t *start, size_t *end, struct error *err);
/* The first offset from `from` on that holds no blank. */
size_t tape_skip_blanks(struct str text, size_t from);
/* Whether the string at `at`, which holds a quote there, is that one. It has been read before. */
bool tape_string_is(struct str text, size_t at, struct str wanted);

/* The member of an object of that name, the first of several; NULL: it is no object or has none. */
const struct tape_node *tape_get(const struct tape *t, const struct tape_node *object,
				 struct str name);
/* By RFC 6901; a first '/' may be missing. NULL: there is none. */
const struct tape_node *tape_pointer(const struct tape *t, struct str pointer);

/* The first item of an array or name of an object; NULL where it has none, or is neither. */
static inline const struct tape_node *tape_first(const struct tape *t, const struct tape_node *node)
{
	const struct tape_node *first = node + 1;

	if ((node->kind != TAPE_ARRAY && node->kind != TAPE_OBJECT) ||
	    node->next == first - t->nodes)
		return NULL;
	return first;
}
/* The one behind it in `parent`, or NULL. Of an object's name that is its value. */
static inline const struct tape_node *tape_next(const struct tape *t, const struct tape_node *node,
						const struct tape_node *parent)
{
	return node->next < parent->next ? t->nodes + node->next : NULL;
}

static inline struct str tape_raw(const struct tape *t, const struct tape_node *node)
{
	return (struct str){t->text.p + node->at, node->size};
}

/*
 * A value as text: strings as what they mean, everything else as compact JSON. A view on the
 * tape's text where that can be, else made in the arena. False where the arena is full.
 */
bool tape_text(const struct tape *t, const struct tape_node *node, struct arena *scratch,
	       struct str *out);
/* The value as JSON; indent 0: compact, else a line a member, as deep as it is nested. */
void tape_print(const struct tape *t, const struct tape_node *node, unsigned indent,
		struct buffer *out);

#endif

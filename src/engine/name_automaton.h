/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of file names → deterministic automata over bytes, which go through a name once and then
 * have the answers to all of them.
 *
 * A pattern belongs to a label; several may belong to one. It is put together from its parts, from
 * left to right, and matches whole names. There are two automata, one of the patterns that say how
 * a name begins and one of those that do not ("any bytes, then ..."): one of both would have to be
 * as large as their product. Each ends in one of few sets of labels, and what both sets say
 * together is the caller's to find out.
 *
 * Beside the patterns that are given there are those of names that are not normal: relative, empty,
 * with "//", "/." or "/.." in them, or a slash at the end. And that a text was *somewhere* in the
 * name is not remembered to its end. Such names end in the set NAME_SET_ANY: nothing is said of
 * them.
 */
#ifndef SAKER_ENGINE_NAME_AUTOMATON_H
#define SAKER_ENGINE_NAME_AUTOMATON_H

#include "base/str.h"

struct name_patterns;

struct name_patterns *name_patterns_new(void);
void name_patterns_free(struct name_patterns *p);

/* Begins a pattern of a label, and ends it. Between them its parts. */
void name_pattern_begin(struct name_patterns *p, uint32_t label);
void name_pattern_end(struct name_patterns *p);
void name_pattern_text(struct name_patterns *p, struct str text);
/* One byte, or any number of them; any, or any but a slash. */
enum name_bytes { NAME_BYTES_ANY, NAME_BYTES_NO_SLASH };
void name_pattern_one(struct name_patterns *p, enum name_bytes bytes);
void name_pattern_some(struct name_patterns *p, enum name_bytes bytes);
/* The parts of a glob that has nothing but * ? and plain bytes. */
bool name_glob_is_plain(struct str glob);
void name_pattern_glob(struct name_patterns *p, struct str glob, enum name_bytes bytes);

/* Bytes between which no pattern makes a difference are one class; answers how many there are. */
uint32_t name_patterns_classes(const struct name_patterns *p, uint8_t classes[256]);

enum { NAME_SET_ANY = 0 };
enum name_automaton_kind { NAME_ANCHORED, NAME_FLOATING };
struct name_automaton {
	/* The caller's: classes as above, and room. */
	const uint8_t *classes;
	uint32_t class_count;
	uint16_t *next; /* [state * class_count + class]; state 0 is the start */
	uint8_t *sets;  /* [state]: number of the set in which a name ends there */
	uint32_t state_room;
	uint32_t set_room; /* at most 256 */
	/* Filled. */
	uint32_t state_count, set_count;
	uint32_t label_words;
	uint64_t *labels; /* [set * label_words]: which labels it has; the caller frees it */
};

/* Labels lie below label_count. -E2BIG where there is not room enough. */
int name_automaton_build(const struct name_patterns *p, enum name_automaton_kind kind,
			 uint32_t label_count, struct name_automaton *a);

#endif

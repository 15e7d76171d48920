/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML files as trees whose every node knows where it stands, for rules files and configuration.
 *
 * A layer over libyaml (YAML 1.1) that adds what a reader of people's files needs: byte-exact
 * positions of keys, values and of any character inside a scalar (also a folded or quoted one);
 * limits, so that no input costs more than time and memory linear in its size; all documents of
 * the file; a list of duplicate keys. Aliases share the node of their anchor, and the number of
 * nodes that a walk over all of them would meet is limited; a node never contains itself.
 *
 * Text must be UTF-8. Everything lives in the arena that was given.
 */
#ifndef SAKER_BASE_YAML_H
#define SAKER_BASE_YAML_H

#include "base/arena.h"
#include "base/error.h"

enum {
	YAML_DEPTH_MAX = 64,               /* levels of sequences and mappings in each other */
	YAML_SIZE_MAX = 256 * 1024 * 1024, /* bytes of a file */
	YAML_ALIASED_NODES_MAX = 1000000,  /* nodes met a second time through aliases */
};

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };
enum yaml_style {
	YAML_PLAIN,
	YAML_SINGLE_QUOTED,
	YAML_DOUBLE_QUOTED,
	YAML_LITERAL, /* | */
	YAML_FOLDED,  /* > */
};

struct yaml_node {
	uint8_t kind;    /* enum yaml_kind */
	uint8_t style;   /* enum yaml_style, of scalars */
	bool has_tag;    /* an explicit one, as in !!str null */
	uint32_t offset; /* of its first byte in the file, behind any anchor or tag */
	uint32_t end;    /* behind its last byte */
	uint32_t count;  /* items of a sequence, pairs of a mapping */
	union {
		struct str text; /* of a scalar, also NUL-terminated */
		struct yaml_node **items;
		struct yaml_pair *pairs; /* in the file's order, duplicates included */
	};
};

struct yaml_pair {
	struct yaml_node *key;
	struct yaml_node *value;
};

struct yaml_file {
	const char *name;
	struct str text;              /* whole file, a view of what was given */
	struct yaml_node **documents; /* roots; an empty document is a null scalar */
	size_t document_count;
	bool is_broken;                /* yaml_parse failed; documents hold what came before */
	struct yaml_node **duplicates; /* keys that stand a second time in the same mapping */
	size_t duplicate_count;
	uint32_t *lines; /* offset of each line's start */
	size_t line_count;
};

/*
 * Reads all documents of a text; name is for messages and, like text, must stay. 0, or a negative
 * errno with what is wrong where. After an error the file is still usable (name, text, lines), and
 * the last document, where its root is a sequence, holds the items that were complete before the
 * error: so that a file's other problems can be told in the same run.
 */
int yaml_parse(struct yaml_file *file, const char *name, struct str text, struct arena *arena,
	       struct error *err);

/* Reads a file into the arena; *text stays valid as long as it. */
int yaml_read_file(const char *path, struct arena *arena, struct str *text, struct error *err);

/* Line and column (both from 1, the column in bytes) of an offset in the file's text. */
struct yaml_position {
	uint32_t line, column;
};
struct yaml_position yaml_locate(const struct yaml_file *file, size_t offset);
/* A line without its end, from 1; empty where there is none. */
struct str yaml_line(const struct yaml_file *file, uint32_t line);

/*
 * The offset in the file of a byte of a scalar's text: through quotes, escapes, folded and indented
 * lines. An offset at or behind the end of the text answers a place at the scalar's end. Takes time
 * linear in the scalar's length: for messages.
 */
size_t yaml_scalar_offset(const struct yaml_file *file, const struct yaml_node *scalar,
			  size_t text_offset);

/* The value of a key; the first one where the key is duplicated. NULL: none, or no mapping. */
struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);
/* The same pair, for the position of the key; NULL: none. */
struct yaml_pair *yaml_find(const struct yaml_node *mapping, const char *key);

/* A plain scalar that says nothing: empty, ~, null. */
bool yaml_is_null(const struct yaml_node *node);
/*
 * Scalars as values, however they are quoted; false where they are none. Booleans are y, yes, true,
 * on and their opposites, in lower case, upper case or capitalised.
 */
bool yaml_bool(const struct yaml_node *node, bool *out);
bool yaml_u64(const struct yaml_node *node, uint64_t *out);
/* Decimal, with or without a point and an exponent; finite. */
bool yaml_real(const struct yaml_node *node, double *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions: a field, or a field wrapped in transformers: `tolower(proc.name)`,
 * `basename(fd.name)`, `join(":", ka.user.groups)`, as they stand on both sides of an operator and
 * in outputs after %.
 *
 *   expression  = field | transformer "(" argument { "," argument } ")" [ "[" option "]" ]
 *   argument    = expression | "quoted text" | number | "(" [ element { "," element } ] ")"
 *   element     = expression | "quoted text" | number
 *
 *   tolower toupper   text to text, ASCII letters only
 *   basename          text after the last slash
 *   b64               decodes base64; absent where it is none
 *   len               bytes of a text or buffer, items of a list
 *   join(sep, list)   the items with sep between them
 *   concat(a, b...)   texts one behind the other; absent where one of them is
 *   getopt(list, s)   what getopt(3) with the option string s finds in a list of arguments: option
 *                     characters and their values, "?" for unknown ones; with [c] the last value
 *                     of option c (or c itself), absent where it was not given
 *   val               the field itself; only where a field would be taken for a constant
 *
 * Transformers of text applied to a list transform each item.
 */
#ifndef SAKER_FIELDS_EXPRESSION_H
#define SAKER_FIELDS_EXPRESSION_H

#include "base/map.h"
#include "fields/field.h"
#include "fields/scan.h"

/* Nesting of transformers; deeper text is an error. */
enum { EXPRESSION_DEPTH_MAX = 64 };

enum transformer {
	TRANSFORM_NONE, /* the field itself, or a literal */
	TRANSFORM_TOUPPER,
	TRANSFORM_TOLOWER,
	TRANSFORM_B64, /* decodes */
	TRANSFORM_BASENAME,
	TRANSFORM_LEN,
	TRANSFORM_JOIN,
	TRANSFORM_CONCAT,
	TRANSFORM_GETOPT, /* a third argument, a literal, is the option in brackets */
	TRANSFORM_VAL,
	TRANSFORM_LIST, /* not a name: a list in brackets; its arguments are the items */
	TRANSFORM_COUNT
};

struct expression {
	enum transformer transformer;
	enum value_type type;  /* of the result */
	const char *type_name; /* the same as --list prints it: CHARBUF, UINT64, PORT ... */
	bool is_list;          /* of the result */
	bool is_literal; /* TRANSFORM_NONE with a constant: a string argument of join and such */
	struct field_use use; /* TRANSFORM_NONE, not literal */
	struct str literal;
	const struct expression **arguments; /* of other transformers */
	uint16_t argument_count;
	uint32_t offset; /* in the text it was parsed from */
	uint32_t length;
};

/*
 * Parses the expression at the start of text (from *offset, which is moved behind it), resolves its
 * fields and checks what each transformer accepts.
 */
int expression_parse(struct str text, size_t *offset, uint32_t sources, struct arena *arena,
		     struct expression *out, struct error *err);

/*
 * Expressions by their text, so that the many conditions and outputs of a rule set share those that
 * are equal. Zero-initialised it is empty; the texts and expressions live in the arena. A shared
 * expression's offset is that of its first use.
 */
struct expression_pool {
	struct strmap by_text;
};
void expression_pool_free(struct expression_pool *pool);

/* The expression that the whole text is; *out is NULL where it is none. pool may be NULL. */
int expression_shared(struct expression_pool *pool, struct str text, uint32_t sources,
		      struct arena *arena, struct expression **out, struct error *err);
/* The one that the pool has of that text, or NULL. */
struct expression *expression_pooled(const struct expression_pool *pool, struct str text);
/* Gives the pool one that it does not have yet. pool may be NULL. */
void expression_pool_add(struct expression_pool *pool, struct str text, struct expression *x);

/* Only looks where the expression at *offset ends: unknown fields are none of its business. */
int expression_skip(struct str text, size_t *offset, struct arena *arena, struct error *err);

/*
 * The transformer whose name and opening bracket stand at the scanner's position, which is moved
 * behind the bracket; TRANSFORM_NONE where there is none.
 */
enum transformer expression_scan_transformer(struct scanner *s);

/* False: absent. Results live in ctx->scratch. */
bool expression_evaluate(struct field_context *ctx, const struct expression *x, struct value *out);

/* The same for an output, where buffers may be wanted as base64. */
bool expression_evaluate_printed(struct field_context *ctx, const struct expression *x,
				 struct value *out);

/*
 * The field under transformers of one argument: evt.type of tolower(evt.type); NULL where there
 * is no single one. has_transformer (may be NULL) says whether there was one that is not val.
 */
const struct field_use *expression_field(const struct expression *x, bool *has_transformer);

/* Adds up what all fields in it need (FACT_*) and are (the widest-changing scope). */
uint32_t expression_facts(const struct expression *x);
enum field_scope expression_scope(const struct expression *x);
/* Calls visit for every field in it. */
void expression_visit(const struct expression *x,
		      void (*visit)(const struct field_use *use, void *context), void *context);

const char *transformer_name(enum transformer t);

#endif

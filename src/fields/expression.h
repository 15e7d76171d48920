/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions: a field, or a field wrapped in transformers: `tolower(proc.name)`,
 * `basename(fd.name)`, `join(":", proc.aname...)`, as they stand on both sides of an operator and
 * in outputs after %.
 */
#ifndef SAKER_FIELDS_EXPRESSION_H
#define SAKER_FIELDS_EXPRESSION_H

#include "fields/field.h"

enum transformer {
	TRANSFORM_NONE, /* the field itself, or a literal */
	TRANSFORM_TOUPPER,
	TRANSFORM_TOLOWER,
	TRANSFORM_B64, /* decodes */
	TRANSFORM_BASENAME,
	TRANSFORM_LEN,
	TRANSFORM_JOIN,
	TRANSFORM_CONCAT,
	TRANSFORM_GETOPT,
	TRANSFORM_VAL,
	TRANSFORM_STORAGE,
	TRANSFORM_COUNT
};

struct expression {
	enum transformer transformer;
	enum value_type type; /* of the result */
	bool is_list;         /* of the result */
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

/* False: absent. Results live in ctx->scratch. */
bool expression_evaluate(struct field_context *ctx, const struct expression *x, struct value *out);

/* Adds up what all fields in it need (FACT_*) and are (the widest-changing scope). */
uint32_t expression_facts(const struct expression *x);
enum field_scope expression_scope(const struct expression *x);
/* Calls visit for every field in it. */
void expression_visit(const struct expression *x,
		      void (*visit)(const struct field_use *use, void *context), void *context);

const char *transformer_name(enum transformer t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions whose fields have values that a test chose, by an extractor of its own for all. */
#ifndef SAKER_TESTS_REPLACE_H
#define SAKER_TESTS_REPLACE_H

#include "condition/condition.h"

static inline void replace_extractors(const struct expression *x, field_extract_fn *extract,
				      struct arena *a)
{
	if (x->transformer == TRANSFORM_NONE && !x->is_literal) {
		struct field *field = ARENA_NEW(a, struct field);

		*field = *x->use.field;
		field->extract = extract;
		((struct expression *)x)->use.field = field;
	}
	for (unsigned i = 0; i < x->argument_count; i++)
		replace_extractors(x->arguments[i], extract, a);
}

static inline void replace_all_extractors(const struct condition *c, field_extract_fn *extract,
					  struct arena *a)
{
	if (c->kind == CONDITION_COMPARE) {
		replace_extractors(c->comparison->left, extract, a);
		if (c->comparison->right)
			replace_extractors(c->comparison->right, extract, a);
	} else if (c->kind <= CONDITION_NOT) {
		for (size_t i = 0; i < c->child_count; i++)
			replace_all_extractors(c->children[i], extract, a);
	}
}

#endif

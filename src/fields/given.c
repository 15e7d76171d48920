/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/given.h"

const struct given_field *given_find(const struct given_fields *given, const struct field_use *use)
{
	for (size_t i = 0; i < given->count; i++) {
		const struct given_field *g = &given->items[i];

		if (g->field == use->field && str_equal(g->key, use->key))
			return g;
	}
	return NULL;
}

bool field_extract_given(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct given_field *g = given_find(ctx->given, use);

	if (!g)
		return use->field->extract(ctx, use, out);
	if (g->has_value)
		*out = g->value;
	return g->has_value;
}

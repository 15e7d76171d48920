/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output templates: text with %field, %field[arg], %tolower(field) and %% in it, as rules' outputs
 * have it. A leading asterisk tolerates absent values; without it they print as <NA> too (in alert
 * texts), the asterisk is only dropped.
 */
#ifndef SAKER_FIELDS_TEMPLATE_H
#define SAKER_FIELDS_TEMPLATE_H

#include "fields/expression.h"

struct template_part {
	struct str literal; /* where expression is NULL */
	struct expression *expression;
	struct str name; /* "proc.aname[2]": the key in JSON's output_fields */
};

struct template
{
	struct template_part *parts;
	size_t count;
};

/* Lives in the arena. Errors carry the offset in text. */
int template_parse(struct str text, uint32_t sources, struct arena *arena, struct template *out,
		   struct error *err);

/* Text form; absent values print <NA>. */
void template_render(const struct template *t, struct field_context *ctx, struct buffer *out);

#endif

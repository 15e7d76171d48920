/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output templates: text with %field, %field[arg], %tolower(field) and %% in it, as rules' outputs
 * have it. A leading asterisk tolerates absent values; without it they print as <NA> too (in alert
 * texts), the asterisk is only dropped.
 *
 * %20proc.name pads or cuts the value to 20 bytes. A field ends where no longer name would be one:
 * "%proc.name." and "%proc.pid%proc.name" mean what they look like; %% is a percent sign.
 */
#ifndef SAKER_FIELDS_TEMPLATE_H
#define SAKER_FIELDS_TEMPLATE_H

#include "fields/expression.h"

struct template_part {
	struct str literal; /* where expression is NULL */
	struct expression *expression;
	struct str name; /* "proc.aname[2]", "toupper(proc.name)" */
	uint16_t width;  /* pad or cut to that many bytes; 0: as it is */
};

struct template;

/*
 * A field that stands in it, once, those inside transformers included: JSON's output_fields. The
 * configuration may have added texts under names of their own.
 */
struct template_field {
	struct str name;                     /* "proc.aname[2]" */
	const struct expression *expression; /* NULL: a text */
	const struct template *text;
	struct str added; /* how the configuration gave it; NULL: it stands in the template */
};

struct template
{
	struct template_part *parts;
	size_t count;
	struct template_field
	    *fields; /* in the order in which they stand in the text; then others */
	size_t field_count;
};

/* Lives in the arena. Errors carry the offset in text. */
int template_parse(struct str text, uint32_t sources, struct arena *arena, struct template *out,
		   struct error *err);

/* The same, with expressions that are shared with other texts of the same sources and arena. */
int template_parse_shared(struct str text, uint32_t sources, struct arena *arena,
			  struct expression_pool *pool, struct template *out, struct error *err);

/* Calls visit for every field in it, added ones included. */
void template_visit(const struct template *t,
		    void (*visit)(const struct field_use *use, void *context), void *context);

/* Text form; absent values print <NA>, lists as (a,b), what several ancestors say with blanks. */
void expression_print_value(const struct expression *x, const struct value *v, struct buffer *out);
void template_render(const struct template *t, struct field_context *ctx, struct buffer *out);

#endif

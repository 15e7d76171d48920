/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/template.h"

#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>

enum { WIDTH_MAX = 4096 };

struct builder {
	struct str text;
	uint32_t sources;
	struct arena *arena;
	struct expression_pool *pool; /* NULL: none */
	struct error *err;
	VEC(struct template_part) parts;
	VEC(struct template_field) fields;
};

static void add_literal(struct builder *b, struct str literal)
{
	if (literal.n)
		VEC_PUSH(&b->parts, (struct template_part){.literal = literal});
}

/*
 * Of all ancestors only a condition asks; printed, these two are the process' own.
 */
static void print_own(const struct field_use *seen, void *context)
{
	static const char *const names[] = {"proc.apid", "proc.aenv"};
	struct field_use *use = (struct field_use *)(uintptr_t)seen;

	(void)context;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (use->has_argument || strcmp(use->field->name, names[i]) != 0)
			continue;
		use->has_argument = use->is_index = true;
		use->index = 0;
	}
}

static void add_field(const struct field_use *use, void *context)
{
	struct builder *b = context;

	VEC_FOREACH (f, &b->fields) {
		if (str_equal(f->name, use->text))
			return;
	}

	struct expression *x = expression_pooled(b->pool, use->text);

	if (!x) {
		x = ARENA_NEW(b->arena, struct expression);
		*x = (struct expression){.type = use->type,
					 .type_name = use->type_name,
					 .is_list = use->field->flags & FIELD_LIST,
					 .use = *use};
		expression_pool_add(b->pool, use->text, x);
	}
	VEC_PUSH(&b->fields, (struct template_field){.name = use->text, .expression = x});
}

struct filter_only {
	const struct field *field;
};

static void find_filter_only(const struct field_use *use, void *context)
{
	struct filter_only *found = context;

	if (use->field->flags & FIELD_FILTER_ONLY)
		found->field = use->field;
}

/*
 * A field name that is none may still begin with one, with text behind it that a name could also
 * be made of: "%evt.time.", "%proc.aname[2" without its end. Tries shorter and shorter.
 */
static bool parse_shorter(struct builder *b, size_t start, size_t *end, struct expression *x)
{
	struct scanner s = {b->text, start};
	struct str name;

	if (!scan_field_name(&s, &name))
		return false;
	for (size_t n = name.n; n > 0; n--) {
		size_t at = 0;

		if (!field_find(str_slice(name, 0, n)))
			continue;
		if (expression_parse(str_slice(name, 0, n), &at, b->sources, b->arena, x, NULL) < 0)
			continue;
		*end = start + n;
		return true;
	}
	return false;
}

static int parse_expression(struct builder *b, size_t start, size_t *end, struct expression *x)
{
	struct scanner look = {b->text, start};
	size_t at = start;
	struct error err = {0};

	if (expression_scan_transformer(&look) == TRANSFORM_VAL)
		return error_set_at(b->err, -EINVAL, start, "val() has no meaning in an output");

	int r = expression_parse(b->text, &at, b->sources, b->arena, x, &err);

	if (r == 0)
		*end = at;
	else if (!parse_shorter(b, start, end, x))
		return error_set_at(b->err, r, err.offset < start ? start : err.offset, "%s",
				    err.message);

	struct filter_only found = {0};

	expression_visit(x, find_filter_only, &found);
	if (found.field)
		return error_set_at(b->err, -EINVAL, start,
				    "%s may stand in conditions only, not in an output",
				    found.field->name);
	return 0;
}

/*
 * The pool's expression of the field at start, with its argument where it has one; NULL where it
 * has none, or where a transformer stands here.
 */
static struct expression *find_pooled(const struct builder *b, size_t start, size_t *end)
{
	struct scanner s = {b->text, start};
	struct expression *x;
	struct str name;

	if (!b->pool || !scan_field_name(&s, &name))
		return NULL;
	if (scan_text(&s, "[") && !(scan_bare_argument(&s, &name) && scan_text(&s, "]")))
		return NULL;
	x = expression_pooled(b->pool, str_slice(b->text, start, s.at));
	if (x && x->transformer == TRANSFORM_NONE && x->use.field->flags & FIELD_FILTER_ONLY)
		return NULL;
	if (x)
		*end = s.at;
	return x;
}

/* At a %, which *at is moved behind with all that belongs to it. */
static int parse_percent(struct builder *b, size_t *at)
{
	size_t start = *at + 1;
	uint32_t width = 0;

	while (start < b->text.n && b->text.p[start] >= '0' && b->text.p[start] <= '9') {
		width = width * 10 + (uint32_t)(b->text.p[start++] - '0');
		if (width > WIDTH_MAX)
			return error_set_at(b->err, -EINVAL, *at, "a width above %d", WIDTH_MAX);
	}
	if (start == b->text.n)
		return error_set_at(b->err, -EBADMSG, *at,
				    "expected a field after %%, found the end of the output; a "
				    "percent sign is written %%%%");

	size_t end = start;
	struct expression *x = find_pooled(b, start, &end);

	if (!x) {
		x = ARENA_NEW(b->arena, struct expression);
		int r = parse_expression(b, start, &end, x);

		if (r < 0)
			return r;
		expression_visit(x, print_own, NULL);
		expression_pool_add(b->pool, str_slice(b->text, start, end), x);
	}
	VEC_PUSH(&b->parts, (struct template_part){.expression = x,
						   .name = str_slice(b->text, start, end),
						   .width = (uint16_t)width});
	expression_visit(x, add_field, b);
	*at = end;
	return 0;
}

static int parse_all(struct builder *b)
{
	size_t literal = b->text.n > 0 && b->text.p[0] == '*' ? 1 : 0;

	for (size_t at = literal; at < b->text.n;) {
		at = str_find_byte(b->text, '%', at);
		if (at == b->text.n) {
			break;
		} else if (at + 1 < b->text.n && b->text.p[at + 1] == '%') {
			add_literal(b, str_slice(b->text, literal, at + 1));
			literal = at += 2;
		} else {
			add_literal(b, str_slice(b->text, literal, at));
			int r = parse_percent(b, &at);
			if (r < 0)
				return r;
			literal = at;
		}
	}
	add_literal(b, str_slice(b->text, literal, b->text.n));
	return 0;
}

int template_parse(struct str text, uint32_t sources, struct arena *arena, struct template *out,
		   struct error *err)
{
	return template_parse_shared(text, sources, arena, NULL, out, err);
}

int template_parse_shared(struct str text, uint32_t sources, struct arena *arena,
			  struct expression_pool *pool, struct template *out, struct error *err)
{
	struct builder b = {
	    .text = text, .sources = sources, .arena = arena, .pool = pool, .err = err};
	int r = parse_all(&b);

	*out = (struct template){0};
	if (r == 0) {
		out->count = b.parts.count;
		out->parts = ARENA_ARRAY(arena, struct template_part, b.parts.count);
		if (b.parts.count)
			memcpy(out->parts, b.parts.items, b.parts.count * sizeof(*out->parts));
		out->field_count = b.fields.count;
		out->fields = ARENA_ARRAY(arena, struct template_field, b.fields.count);
		if (b.fields.count)
			memcpy(out->fields, b.fields.items, b.fields.count * sizeof(*out->fields));
	}
	VEC_FREE(&b.parts);
	VEC_FREE(&b.fields);
	return r;
}

void template_visit(const struct template *t,
		    void (*visit)(const struct field_use *use, void *context), void *context)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->parts[i].expression)
			expression_visit(t->parts[i].expression, visit, context);
	for (size_t i = 0; i < t->field_count; i++) {
		if (t->fields[i].text)
			template_visit(t->fields[i].text, visit, context);
		else
			expression_visit(t->fields[i].expression, visit, context);
	}
}

static void print_single(const struct expression *x, const struct value *v, struct buffer *out)
{
	bool has_transformer;
	const struct field_use *use = expression_field(x, &has_transformer);

	if (v->type == VALUE_STRING)
		buffer_put(out, v->str);
	else if (x->transformer == TRANSFORM_LEN)
		buffer_put_u64(out, v->u64);
	else if (use)
		value_print(v, use->field, out);
	else
		buffer_put(out, v->str);
}

void expression_print_value(const struct expression *x, const struct value *v, struct buffer *out)
{
	if (x->transformer == TRANSFORM_NONE && !x->is_literal) {
		value_print(v, x->use.field, out);
	} else if (v->is_list) {
		buffer_putc(out, '(');
		for (uint32_t i = 0; i < v->count; i++) {
			if (i > 0)
				buffer_putc(out, ',');
			print_single(x, &v->list[i], out);
		}
		buffer_putc(out, ')');
	} else {
		print_single(x, v, out);
	}
}

void template_render(const struct template *t, struct field_context *ctx, struct buffer *out)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct template_part *part = &t->parts[i];
		size_t start = out->n;
		struct value v;

		if (!part->expression)
			buffer_put(out, part->literal);
		else if (expression_evaluate_printed(ctx, part->expression, &v))
			expression_print_value(part->expression, &v, out);
		else
			buffer_put(out, STR("<NA>"));
		if (part->width) {
			if (out->n - start > part->width)
				out->n = start + part->width;
			while (out->n - start < part->width && !out->is_truncated)
				buffer_putc(out, ' ');
		}
	}
}

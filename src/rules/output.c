/* SPDX-License-Identifier: Apache-2.0 */
/* A rule's output: as it is written, with what the configuration appends. */
#include "rules/compilation.h"

#include <errno.h>
#include <stdlib.h>

static bool is_append_for(const struct rules_append *a, const struct rule_definition *d)
{
	if (a->rule && !str_equal_c(d->item.name, a->rule))
		return false;
	if (a->source && !str_equal_c(d->source, a->source))
		return false;
	for (size_t i = 0; i < a->tag_count; i++)
		if (!definition_has_tag(d, a->tags[i]))
			return false;
	return true;
}

/* Fields that say nothing any more since events are exits only. */
static void warn_of_deprecated_fields(struct loader *l, const struct rule_definition *d,
				      const struct template *output, struct str text)
{
	for (size_t i = 0; i < output->count; i++) {
		const struct expression *x = output->parts[i].expression;

		if (!x || x->transformer != TRANSFORM_NONE || x->is_literal ||
		    !(x->use.field->flags & FIELD_DEPRECATED))
			continue;

		struct place at =
		    source_text_place(d->output_text, (size_t)(output->parts[i].name.p - text.p));

		warn(l, "LOAD_DEPRECATED_ITEM", &at,
		     "the field '%s' is deprecated: events are completed calls, so it says nothing",
		     x->use.field->name);
	}
}

/* Outputs are often alike: rules with equal ones share what was made of it. */
struct shared_output {
	struct str text;
	struct template output;
};

/*
 * The scalars of the output as they are written. A single one is not copied: what the set keeps is
 * the text without %container.info, which stood for fields that are named since.
 */
static struct source_text *output_text(struct compilation *c)
{
	static const char info[] = "%container.info";
	struct rule_definition *d = c->definition;
	struct loader *l = c->l;
	struct source_text *t = d->output.count == 1
				    ? text_of(d->output.items[0], l, &d->item, "rule output")
				    : text_join(&d->output, l, &d->item, "rule output");
	const char *hit = t->text.n ? memmem(t->text.p, t->text.n, info, sizeof(info) - 1) : NULL;

	if (hit) {
		struct place at = source_text_place(t, (size_t)(hit - t->text.p));

		warn(l, "LOAD_DEPRECATED_ITEM", &at,
		     "%%container.info is deprecated and stands for nothing: name the fields");
	}
	return t;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '[';
}

/* The text that is parsed: %container.info left out, what the configuration appends added. */
static void put_final_output(struct compilation *c, const struct source_text *text,
			     struct text_builder *b)
{
	static const char info[] = "%container.info";
	const struct rules_options *o = c->l->options;
	struct str s = str_trim(text->text);

	for (size_t i = 0; i < s.n;) {
		struct str rest = str_slice(s, i, s.n);

		if (str_starts_with(rest, STR("%container.info")) &&
		    !(rest.n >= sizeof(info) && is_name_byte(rest.p[sizeof(info) - 1]))) {
			i += sizeof(info) - 1;
			continue;
		}
		size_t next = str_find_byte(s, '%', i + 1);

		text_glue(b, str_slice(s, i, next));
		i = next;
	}
	if (o->append_output && o->append_output[0]) {
		text_glue(b, STR(" "));
		text_glue(b, str_from(o->append_output));
	}
	for (size_t i = 0; i < o->append_count; i++)
		if (o->appends[i].format && is_append_for(&o->appends[i], c->definition)) {
			text_glue(b, STR(" "));
			text_glue(b, str_from(o->appends[i].format));
		}
}

/* What is added to output_fields alone: `extra_fields` of one entry of append_output. */
static int add_extra_fields(struct loader *l, const struct rules_append *append,
			    struct template *output, struct error *err)
{
	struct arena *arena = l->set->arena;
	struct template_field *fields = ARENA_ARRAY(
	    arena, struct template_field, output->field_count + append->extra_field_count);
	size_t n = output->field_count;

	if (n)
		memcpy(fields, output->fields, n * sizeof(*fields));
	for (size_t i = 0; i < append->extra_field_count; i++) {
		const struct rules_extra_field *extra = &append->extra_fields[i];
		struct template_field f = {.name = arena_str(arena, str_from(extra->name))};
		bool is_new = true;
		int r;

		if (extra->format) {
			struct template *text = ARENA_NEW(arena, struct template);

			f.added = arena_str(arena, str_from(extra->format));
			r = template_parse_shared(f.added, SOURCES_ALL, arena, &l->expressions,
						  text, err);
			f.text = text;
		} else {
			struct expression *x;

			r = expression_shared(&l->expressions, f.name, SOURCES_ALL, arena, &x, err);
			f.expression = x;
			f.added = arena_printf(arena, "%%%.*s", STR_ARG(f.name));
		}
		if (r < 0)
			return r;
		for (size_t k = 0; k < n && is_new; k++)
			is_new = !str_equal(fields[k].name, f.name);
		if (is_new)
			fields[n++] = f;
	}
	output->fields = fields;
	output->field_count = n;
	return 0;
}

/* Which entries add fields is part of what makes outputs equal. */
static void put_extra_key(struct compilation *c, struct text_builder *b)
{
	const struct rules_options *o = c->l->options;

	for (size_t i = 0; i < o->append_count; i++)
		if (o->appends[i].extra_field_count && is_append_for(&o->appends[i], c->definition))
			text_glue(b, (struct str){(const char *)&i, sizeof(i)});
}

static int add_all_extra_fields(struct compilation *c, struct template *output, struct error *err)
{
	const struct rules_options *o = c->l->options;
	int r = 0;

	for (size_t i = 0; i < o->append_count && r == 0; i++)
		if (o->appends[i].extra_field_count && is_append_for(&o->appends[i], c->definition))
			r = add_extra_fields(c->l, &o->appends[i], output, err);
	return r;
}

/* Sets the rule's output and its text; a negative errno where it has an error. */
static int parse_output(struct compilation *c, struct error *err)
{
	struct loader *l = c->l;
	struct text_builder b = {0};
	struct shared_output *shared;
	struct str key;
	size_t length;
	int r = 0;

	put_final_output(c, c->definition->output_text, &b);
	length = b.bytes.count;
	put_extra_key(c, &b);
	key = (struct str){b.bytes.items, b.bytes.count};
	shared = strmap_get(&l->outputs, key);
	if (!shared) {
		shared = ARENA_NEW(l->arena, struct shared_output);
		key = arena_str(l->set->arena, key);
		shared->text = str_slice(key, 0, length);
		r = template_parse_shared(shared->text, SOURCES_ALL, l->set->arena, &l->expressions,
					  &shared->output, err);
		if (r == 0) {
			r = add_all_extra_fields(c, &shared->output, err);
			err->offset = 0;
		}
		if (r == 0)
			strmap_put(&l->outputs, key, shared);
	}
	c->rule->output_text = shared->text;
	c->rule->output = shared->output;
	VEC_FREE(&b.bytes);
	return r;
}

enum output_result check_output(struct compilation *c)
{
	struct rule_definition *d = c->definition;
	struct error err = {0};
	int r;

	d->output_text = output_text(c);
	r = parse_output(c, &err);
	if (r == 0) {
		warn_of_deprecated_fields(c->l, d, &c->rule->output, c->rule->output_text);
		return OUTPUT_GOOD;
	}

	/* Where something was cut out before it the place is that of the text as a whole. */
	bool is_same = c->rule->output_text.n == d->output_text->text.n ||
		       memcmp(c->rule->output_text.p, d->output_text->text.p,
			      err.offset < d->output_text->text.n ? err.offset : 0) == 0;
	struct place at = source_text_place(d->output_text, is_same ? err.offset : 0);

	/* Any field that is not understood counts as unknown here, but not a % without one. */
	if (d->skip_if_unknown_filter && r != -EBADMSG) {
		warn(c->l, "LOAD_UNKNOWN_FILTER", &at, "%s; the rule is not loaded", err.message);
		return OUTPUT_SKIPS;
	}
	fail(c->l, "LOAD_ERR_COMPILE_OUTPUT", &at, "%s", err.message);
	return OUTPUT_BAD;
}

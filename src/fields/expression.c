/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/expression.h"

#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>

enum argument_rule {
	TAKES_TEXT, /* one argument, text */
	TAKES_TEXT_OR_BYTES,
	TAKES_LENGTH, /* one argument, text, bytes or any list */
	TAKES_SEVERAL,
	TAKES_FIELD, /* val */
};

static const struct {
	const char *name;
	enum argument_rule rule;
} transformers[TRANSFORM_COUNT] = {
    [TRANSFORM_NONE] = {"", TAKES_FIELD},
    [TRANSFORM_TOUPPER] = {"toupper", TAKES_TEXT},
    [TRANSFORM_TOLOWER] = {"tolower", TAKES_TEXT},
    [TRANSFORM_B64] = {"b64", TAKES_TEXT_OR_BYTES},
    [TRANSFORM_BASENAME] = {"basename", TAKES_TEXT},
    [TRANSFORM_LEN] = {"len", TAKES_LENGTH},
    [TRANSFORM_JOIN] = {"join", TAKES_SEVERAL},
    [TRANSFORM_CONCAT] = {"concat", TAKES_SEVERAL},
    [TRANSFORM_GETOPT] = {"getopt", TAKES_SEVERAL},
    [TRANSFORM_VAL] = {"val", TAKES_FIELD},
    [TRANSFORM_LIST] = {"", TAKES_SEVERAL},
};

const char *transformer_name(enum transformer t)
{
	return transformers[t].name;
}

enum transformer expression_scan_transformer(struct scanner *s)
{
	struct scanner look = *s;
	struct str name;

	if (!scan_identifier(&look, &name) || !scan_text(&look, "("))
		return TRANSFORM_NONE;
	for (enum transformer t = TRANSFORM_NONE + 1; t < TRANSFORM_LIST; t++) {
		if (str_equal_c(name, transformers[t].name)) {
			*s = look;
			return t;
		}
	}
	return TRANSFORM_NONE;
}

/*
 * One pass over the text. Where `skips` is set nothing is resolved or checked and the expressions
 * are not filled in.
 */
struct parser {
	struct scanner s;
	uint32_t sources;
	struct arena *arena;
	struct error *err;
	bool skips;
	unsigned depth;
	/* Arguments of the transformers that are open; each takes its own off the end. */
	VEC(const struct expression *) arguments;
};

static int fail(struct parser *p, const char *expected)
{
	struct str found = scan_found(&p->s);

	return error_set_at(p->err, -EINVAL, p->s.at, "expected %s, found %s%.*s%s", expected,
			    found.n ? "'" : "", found.n ? (int)found.n : 12,
			    found.n ? found.p : "the end here", found.n ? "'" : "");
}

static int parse_argument_text(struct parser *p, struct str *out, bool *found)
{
	*found = scan_text(&p->s, "[");
	if (!*found)
		return 0;

	int r = scan_quoted(&p->s, p->arena, out, p->err);

	if (r < 0)
		return r;
	if (r == 0 && !scan_bare_argument(&p->s, out))
		return fail(p, "a field's argument after '['");
	if (!scan_text(&p->s, "]"))
		return fail(p, "']' after the argument");
	return 0;
}

static int parse_field(struct parser *p, struct expression *x)
{
	size_t start = p->s.at;
	struct str name, argument;
	bool has_argument;

	scan_field_name(&p->s, &name);
	int r = parse_argument_text(p, &argument, &has_argument);
	if (r < 0 || p->skips)
		return r;

	struct str text = str_slice(p->s.text, start, p->s.at);
	if (has_argument &&
	    (argument.p < text.p || argument.p >= text.p + text.n || argument.p[-1] != '['))
		text = arena_printf(p->arena, "%.*s[%.*s]", STR_ARG(name), STR_ARG(argument));
	r = field_resolve(text, p->sources, p->arena, &x->use, p->err);
	if (r < 0) {
		if (p->err)
			p->err->offset = start;
		return r;
	}

	x->type = x->use.type;
	x->type_name = x->use.type_name;
	x->is_list = x->use.field->flags & FIELD_LIST;
	return 0;
}

static void make_literal(struct expression *x, struct str text)
{
	x->is_literal = true;
	x->literal = text;
	x->type = VALUE_STRING;
	x->type_name = "CHARBUF";
}

static int parse_transformer(struct parser *p, enum transformer t, struct expression *x);
static int parse_list(struct parser *p, struct expression *x);

/* A field, transformer, quoted text, number or (where allowed) list; a new expression of it. */
static int parse_argument(struct parser *p, bool allows_list)
{
	struct expression *x = ARENA_NEW(p->arena, struct expression);
	struct str text;
	struct scanner look = p->s;
	enum transformer t;
	int r = scan_quoted(&p->s, p->arena, &text, p->err);

	if (r < 0)
		return r;
	x->offset = (uint32_t)look.at;
	if (r > 0 || scan_number(&p->s, &text))
		make_literal(x, text);
	else if (allows_list && scan_text(&p->s, "("))
		r = parse_list(p, x);
	else if ((t = expression_scan_transformer(&p->s)) != TRANSFORM_NONE && t != TRANSFORM_VAL)
		r = parse_transformer(p, t, x);
	else if (scan_field_name(&look, NULL))
		r = parse_field(p, x);
	else
		return fail(p, allows_list
				   ? "a field, transformer, quoted text, number or list in brackets"
				   : "a field, transformer, quoted text or number");
	if (r < 0)
		return r;
	x->length = (uint32_t)(p->s.at - x->offset);
	VEC_PUSH(&p->arguments, x);
	return 0;
}

/* Moves the arguments from `first` on from the stack to x. */
static int take_arguments(struct parser *p, size_t first, struct expression *x)
{
	size_t n = p->arguments.count - first;

	if (n > UINT16_MAX - 1)
		return error_set_at(p->err, -E2BIG, x->offset, "more than %d arguments",
				    UINT16_MAX - 1);
	/* Room for one more: the option of getopt. */
	x->arguments = ARENA_ARRAY(p->arena, const struct expression *, n + 1);
	if (n)
		memcpy(x->arguments, p->arguments.items + first, n * sizeof(*x->arguments));
	x->argument_count = (uint16_t)n;
	p->arguments.count = first;
	return 0;
}

static int parse_list(struct parser *p, struct expression *x)
{
	size_t first = p->arguments.count;

	x->transformer = TRANSFORM_LIST;
	x->type = VALUE_STRING;
	x->type_name = "CHARBUF";
	x->is_list = true;
	scan_blank(&p->s);
	if (!scan_text(&p->s, ")")) {
		do {
			scan_blank(&p->s);
			int r = parse_argument(p, false);
			if (r < 0)
				return r;
			scan_blank(&p->s);
		} while (scan_text(&p->s, ","));
		if (!scan_text(&p->s, ")"))
			return fail(p, "',' or ')' in the list");
	}
	return take_arguments(p, first, x);
}

const struct field_use *expression_field(const struct expression *x, bool *has_transformer)
{
	if (has_transformer)
		*has_transformer = false;
	while (x->transformer != TRANSFORM_NONE) {
		if (x->argument_count != 1 || transformers[x->transformer].rule == TAKES_SEVERAL)
			return NULL;
		if (has_transformer && x->transformer != TRANSFORM_VAL)
			*has_transformer = true;
		x = x->arguments[0];
	}
	return x->is_literal ? NULL : &x->use;
}

/* What a transformer of one argument makes of its argument's type. */
static int check_single(struct parser *p, struct expression *x)
{
	const char *name = transformer_name(x->transformer);
	const struct expression *inner = x->arguments[0];
	enum argument_rule rule = transformers[x->transformer].rule;
	bool is_text = inner->type == VALUE_STRING;
	bool is_bytes = inner->type == VALUE_BYTES && str_equal_c(STR("BYTEBUF"), inner->type_name);

	if (x->argument_count != 1)
		return error_set_at(p->err, -EINVAL, x->offset, "%s() takes one argument, found %u",
				    name, x->argument_count);
	const struct field_use *use = expression_field(inner, NULL);
	if (use && use->field->flags & FIELD_NO_TRANSFORMER)
		return error_set_at(p->err, -EINVAL, inner->offset,
				    "%s may not be wrapped in a transformer", use->field->name);
	x->type = inner->type;
	x->type_name = inner->type_name;
	x->is_list = inner->is_list;
	if (rule == TAKES_LENGTH && (inner->is_list || is_text || is_bytes)) {
		x->type = VALUE_U64;
		x->type_name = "UINT64";
		x->is_list = false;
		return 0;
	}
	if (is_text || (is_bytes && rule == TAKES_TEXT_OR_BYTES))
		return 0;
	return error_set_at(p->err, -EINVAL, inner->offset,
			    "%s() takes %s, found an expression of type %s", name,
			    rule == TAKES_LENGTH          ? "text, a buffer or a list"
			    : rule == TAKES_TEXT_OR_BYTES ? "text or a buffer"
							  : "text",
			    inner->type_name);
}

static int wrong_argument(struct parser *p, const struct expression *x, unsigned i,
			  const char *wanted)
{
	const struct expression *a = x->arguments[i];

	return error_set_at(p->err, -EINVAL, a->offset,
			    "argument %u of %s() must be %s, found %s of type %s", i + 1,
			    transformer_name(x->transformer), wanted,
			    a->is_list ? "a list" : "one value", a->type_name);
}

static int check_several(struct parser *p, struct expression *x)
{
	const char *name = transformer_name(x->transformer);
	bool is_concat = x->transformer == TRANSFORM_CONCAT;
	unsigned list_at = is_concat ? UINT16_MAX : x->transformer == TRANSFORM_JOIN ? 1 : 0;

	if (is_concat ? x->argument_count < 2 : x->argument_count != 2)
		return error_set_at(p->err, -EINVAL, x->offset, "%s() takes %s, found %u", name,
				    is_concat ? "two arguments or more" : "two arguments",
				    x->argument_count);
	for (unsigned i = 0; i < x->argument_count; i++) {
		const struct expression *a = x->arguments[i];

		if (a->is_list != (i == list_at) || a->type != VALUE_STRING)
			return wrong_argument(p, x, i, i == list_at ? "a list of texts" : "a text");
	}
	x->type = VALUE_STRING;
	x->type_name = "CHARBUF";
	x->is_list = x->transformer == TRANSFORM_GETOPT;
	return 0;
}

static int take_option(struct parser *p, struct expression *x, struct str option)
{
	if (x->transformer != TRANSFORM_GETOPT)
		return error_set_at(p->err, -EINVAL, x->offset, "%s() takes no [argument]",
				    transformer_name(x->transformer));
	if (option.n != 1)
		return error_set_at(p->err, -EINVAL, x->offset,
				    "the argument of getopt()[...] must be one option character");

	struct expression *selected = ARENA_NEW(p->arena, struct expression);

	make_literal(selected, option);
	x->arguments[x->argument_count++] = selected;
	x->is_list = false;
	return 0;
}

/* Behind "name(". */
static int parse_transformer(struct parser *p, enum transformer t, struct expression *x)
{
	size_t first = p->arguments.count;
	struct str option;
	bool has_option;
	int r;

	if (++p->depth > EXPRESSION_DEPTH_MAX)
		return error_set_at(p->err, -E2BIG, p->s.at, "transformers nest deeper than %d",
				    EXPRESSION_DEPTH_MAX);
	x->transformer = t;
	do {
		scan_blank(&p->s);
		struct scanner look = p->s;
		if (t == TRANSFORM_VAL && !scan_field_name(&look, NULL))
			return fail(p, "a field within val()");
		if ((r = parse_argument(p, true)) < 0)
			return r;
		scan_blank(&p->s);
	} while (t != TRANSFORM_VAL && scan_text(&p->s, ","));
	if (!scan_text(&p->s, ")"))
		return fail(p, t == TRANSFORM_VAL ? "')' after the field"
						  : "',' or ')' after the argument");
	if ((r = take_arguments(p, first, x)) < 0 ||
	    (r = parse_argument_text(p, &option, &has_option)) < 0)
		return r;
	p->depth--;
	if (p->skips)
		return 0;
	if (t == TRANSFORM_VAL) {
		x->type = x->arguments[0]->type;
		x->type_name = x->arguments[0]->type_name;
		x->is_list = x->arguments[0]->is_list;
	} else {
		r = transformers[t].rule == TAKES_SEVERAL ? check_several(p, x)
							  : check_single(p, x);
	}
	if (r == 0 && has_option)
		r = take_option(p, x, option);
	return r;
}

static int parse(struct parser *p, struct expression *out)
{
	struct scanner look = p->s;
	enum transformer t = expression_scan_transformer(&p->s);
	int r;

	*out = (struct expression){.offset = (uint32_t)look.at};
	if (t != TRANSFORM_NONE)
		r = parse_transformer(p, t, out);
	else if (scan_field_name(&look, NULL))
		r = parse_field(p, out);
	else
		r = fail(p, "a field or a transformer");
	out->length = (uint32_t)(p->s.at - out->offset);
	VEC_FREE(&p->arguments);
	return r;
}

int expression_parse(struct str text, size_t *offset, uint32_t sources, struct arena *arena,
		     struct expression *out, struct error *err)
{
	struct parser p = {
	    .s = {text, *offset}, .sources = sources, .arena = arena, .err = err, .skips = false};
	int r = parse(&p, out);

	*offset = p.s.at;
	return r;
}

void expression_pool_free(struct expression_pool *pool)
{
	strmap_free(&pool->by_text);
}

struct expression *expression_pooled(const struct expression_pool *pool, struct str text)
{
	return pool ? strmap_get(&pool->by_text, text) : NULL;
}

void expression_pool_add(struct expression_pool *pool, struct str text, struct expression *x)
{
	if (pool)
		strmap_put(&pool->by_text, text, x);
}

int expression_shared(struct expression_pool *pool, struct str text, uint32_t sources,
		      struct arena *arena, struct expression **out, struct error *err)
{
	struct expression *x = expression_pooled(pool, text);
	size_t end = 0;
	int r;

	*out = x;
	if (x)
		return 0;
	x = ARENA_NEW(arena, struct expression);
	r = expression_parse(text, &end, sources, arena, x, err);
	if (r < 0)
		return r;
	if (end != text.n)
		return error_set_at(err, -EINVAL, end, "'%.*s' is no field", STR_ARG(text));
	expression_pool_add(pool, text, x);
	*out = x;
	return 0;
}

int expression_skip(struct str text, size_t *offset, struct arena *arena, struct error *err)
{
	struct parser p = {.s = {text, *offset}, .arena = arena, .err = err, .skips = true};
	struct expression ignored;
	int r = parse(&p, &ignored);

	*offset = p.s.at;
	return r;
}

uint32_t expression_facts(const struct expression *x)
{
	uint32_t facts = 0;

	if (x->transformer == TRANSFORM_NONE)
		return x->is_literal ? 0 : x->use.facts;
	for (unsigned i = 0; i < x->argument_count; i++)
		facts |= expression_facts(x->arguments[i]);
	return facts;
}

enum field_scope expression_scope(const struct expression *x)
{
	enum field_scope scope = SCOPE_HOST;

	if (x->transformer == TRANSFORM_NONE)
		return x->is_literal ? SCOPE_HOST : x->use.field->scope;
	for (unsigned i = 0; i < x->argument_count; i++) {
		enum field_scope of_argument = expression_scope(x->arguments[i]);

		if (of_argument < scope)
			scope = of_argument;
	}
	return scope;
}

void expression_visit(const struct expression *x,
		      void (*visit)(const struct field_use *use, void *context), void *context)
{
	if (x->transformer == TRANSFORM_NONE) {
		if (!x->is_literal)
			visit(&x->use, context);
		return;
	}
	for (unsigned i = 0; i < x->argument_count; i++)
		expression_visit(x->arguments[i], visit, context);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to tree, by recursive descent:
 *
 *   or       = and { "or" and }
 *   and      = not { "and" not }
 *   not      = { "not" } primary
 *   primary  = "(" or ")" | comparison | macro's name
 *   comparison = expression operator [ right side ]
 *
 * What the right side may be depends on the operator: see `operators`.
 */
#include "base/vec.h"
#include "condition/condition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum right_side {
	RIGHT_NONE,
	RIGHT_NUMBER, /* a number, or an expression with a transformer */
	RIGHT_TEXT,   /* a value, a modifier and a list, or an expression with a transformer */
	RIGHT_LIST,   /* a list, a list's name, or an expression with a transformer */
};

/* In the order in which they are tried: a word before those that begin it. */
static const struct {
	const char *text;
	enum operator operator;
	enum right_side right;
	bool needs_blank; /* behind it, to be taken for the operator */
} operators[] = {
    {"exists", OP_EXISTS, RIGHT_NONE, false},
    {"<=", OP_LE, RIGHT_NUMBER, false},
    {"<", OP_LT, RIGHT_NUMBER, false},
    {">=", OP_GE, RIGHT_NUMBER, false},
    {">", OP_GT, RIGHT_NUMBER, false},
    {"==", OP_EQ, RIGHT_TEXT, false},
    {"=", OP_EQ, RIGHT_TEXT, false},
    {"!=", OP_NE, RIGHT_TEXT, false},
    {"glob", OP_GLOB, RIGHT_TEXT, true},
    {"iglob", OP_IGLOB, RIGHT_TEXT, true},
    {"contains", OP_CONTAINS, RIGHT_TEXT, true},
    {"icontains", OP_ICONTAINS, RIGHT_TEXT, true},
    {"bcontains", OP_BCONTAINS, RIGHT_TEXT, true},
    {"startswith", OP_STARTSWITH, RIGHT_TEXT, true},
    {"bstartswith", OP_BSTARTSWITH, RIGHT_TEXT, true},
    {"endswith", OP_ENDSWITH, RIGHT_TEXT, true},
    {"regex", OP_REGEX, RIGHT_TEXT, true},
    {"intersects", OP_INTERSECTS, RIGHT_LIST, false},
    {"in", OP_IN, RIGHT_LIST, false},
    {"pmatch", OP_PMATCH, RIGHT_LIST, false},
};
enum { OPERATOR_COUNT = sizeof(operators) / sizeof(operators[0]) };

static const char *const modifiers[MODIFIER_COUNT] = {"", "oneof", "anyof", "allof"};

const char *operator_name(enum operator op)
{
	if (op == OP_EQ)
		return "=";
	for (size_t i = 0; i < OPERATOR_COUNT; i++)
		if (operators[i].operator== op)
			return operators[i].text;
	return "?";
}

const char *modifier_name(enum comparison_modifier modifier)
{
	return modifiers[modifier];
}

struct parsed {
	struct condition *node;
	uint32_t height; /* of the tree under it */
};

struct parser {
	struct scanner s;
	struct arena *arena;
	struct error *err;
	uint32_t depth; /* of brackets */
	size_t end;     /* behind the last word that was read, without blanks */
	/* Stacks of what is not yet complete: each node takes its own off the end. */
	VEC(struct parsed) nodes;
	VEC(struct operand) operands;
};

static int fail(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct parser *p, const char *format, ...)
{
	char expected[256];
	struct str found = scan_found(&p->s);
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	if (found.n == 0 && scan_at_end(&p->s))
		return error_set_at(p->err, -EINVAL, p->s.at,
				    "expected %s, found the end of the condition", expected);
	return error_set_at(p->err, -EINVAL, p->s.at, "expected %s, found '%.*s'", expected,
			    STR_ARG(found));
}

static struct condition *new_node(struct parser *p, enum condition_kind kind, size_t start)
{
	struct condition *c = ARENA_NEW(p->arena, struct condition);

	c->kind = kind;
	c->offset = (uint32_t)start;
	c->length = (uint32_t)(p->end - start);
	return c;
}

/* A node over the last nodes of the stack, which it takes. */
static int finish_node(struct parser *p, enum condition_kind kind, size_t start, size_t first,
		       struct parsed *out)
{
	size_t n = p->nodes.count - first;
	struct condition *c = new_node(p, kind, start);
	uint32_t height = 0;

	c->children = ARENA_ARRAY(p->arena, struct condition *, n);
	c->child_count = n;
	for (size_t i = 0; i < n; i++) {
		const struct parsed *child = &p->nodes.items[first + i];

		c->children[i] = child->node;
		if (child->height > height)
			height = child->height;
	}
	p->nodes.count = first;
	*out = (struct parsed){c, height + 1};
	if (out->height > CONDITION_DEPTH_MAX)
		return error_set_at(p->err, -E2BIG, start, "the condition nests deeper than %d",
				    CONDITION_DEPTH_MAX);
	return 0;
}

static int parse_sequence(struct parser *p, bool is_or, struct parsed *out);

static int parse_brackets(struct parser *p, struct parsed *out)
{
	size_t open = p->s.at;

	if (++p->depth > CONDITION_DEPTH_MAX)
		return error_set_at(p->err, -E2BIG, open, "brackets nest deeper than %d",
				    CONDITION_DEPTH_MAX);
	p->s.at++;

	int r = parse_sequence(p, true, out);

	if (r < 0)
		return r;
	if (!scan_text(&p->s, ")"))
		return fail(p, "'and', 'or' or the ')' for the '(' at offset %zu", open);
	p->depth--;
	p->end = p->s.at;
	return 0;
}

static void push_operand(struct parser *p, size_t start, struct str text, bool is_quoted,
			 bool may_name_list)
{
	VEC_PUSH(&p->operands, (struct operand){.text = text,
						.offset = (uint32_t)start,
						.is_quoted = is_quoted,
						.is_list_name = may_name_list});
}

static int parse_value(struct parser *p, const char *expected)
{
	size_t start = p->s.at;
	struct str text;
	int r = scan_quoted(&p->s, p->arena, &text, p->err);

	if (r < 0)
		return r;
	if (r == 0 && !scan_bare(&p->s, &text))
		return fail(p, "%s", expected);
	push_operand(p, start, text, r > 0, r == 0);
	return 0;
}

/*
 * Words with blanks between them are no value, but may be the name of a list: as such they become
 * one operand, and an error where no list is called so.
 */
static void scan_phrase(struct parser *p)
{
	struct operand *o = &p->operands.items[p->operands.count - 1];
	size_t end = 0;

	while (o->is_list_name && scan_bare(&p->s, NULL)) {
		end = p->s.at;
		scan_blank(&p->s);
	}
	if (end) {
		o->text = str_slice(p->s.text, o->offset, end);
		o->is_phrase = true;
	}
}

/* In brackets, or the name of one. */
static int parse_list(struct parser *p, struct comparison *c)
{
	size_t start = p->s.at;
	struct str name;

	c->is_list = true;
	if (!scan_text(&p->s, "(")) {
		if (!scan_identifier(&p->s, &name))
			return fail(p, "a list in brackets or a list's name after '%s'",
				    operator_name(c->operator));
		push_operand(p, start, name, false, true);
		return 0;
	}
	scan_blank(&p->s);
	if (scan_text(&p->s, ")"))
		return 0;
	do {
		scan_blank(&p->s);
		int r = parse_value(p, "a value in the list");
		if (r < 0)
			return r;
		scan_blank(&p->s);
		scan_phrase(p);
	} while (scan_text(&p->s, ","));
	if (!scan_text(&p->s, ")"))
		return fail(p, "',' or ')' in the list");
	return 0;
}

/* An expression on the right, which a transformer makes known as one. */
static int parse_right_expression(struct parser *p, struct comparison *c, bool *found)
{
	size_t start = p->s.at;
	struct scanner look = p->s;

	*found = expression_scan_transformer(&look) != TRANSFORM_NONE;
	if (!*found)
		return 0;

	int r = expression_skip(p->s.text, &p->s.at, p->arena, p->err);

	c->right_text = str_slice(p->s.text, start, p->s.at);
	return r;
}

static bool is_keyword(struct str word)
{
	return str_equal_c(word, "and") || str_equal_c(word, "or") || str_equal_c(word, "not");
}

static bool keyword_follows(const struct scanner *s)
{
	struct scanner look = *s;
	struct str word;

	return scan_identifier(&look, &word) && is_keyword(word);
}

static bool scan_modifier(struct parser *p, struct comparison *c)
{
	for (unsigned m = MODIFIER_NONE + 1; m < MODIFIER_COUNT; m++) {
		struct scanner look = p->s;

		if (!scan_text(&look, modifiers[m]) || !scan_blank(&look))
			continue;
		if (keyword_follows(&look))
			continue;
		struct scanner list = look;
		if (scan_peek(&look) != '(' && !scan_identifier(&list, NULL))
			continue;
		p->s = look;
		c->modifier = m;
		return true;
	}
	return false;
}

static int parse_right(struct parser *p, struct comparison *c, enum right_side kind, bool had_blank)
{
	struct str text;
	bool found;

	had_blank |= scan_blank(&p->s);
	c->right_offset = (uint32_t)p->s.at;
	if (kind == RIGHT_NONE)
		return 0;
	if (kind == RIGHT_TEXT && had_blank && scan_modifier(p, c))
		return parse_list(p, c);

	size_t start = p->s.at;
	int r = parse_right_expression(p, c, &found);

	if (r < 0 || found)
		return r;
	switch (kind) {
	case RIGHT_LIST:
		return parse_list(p, c);
	case RIGHT_NUMBER:
		if (!scan_number(&p->s, &text))
			return fail(p, "a number or an expression with a transformer after '%s'",
				    operator_name(c->operator));
		push_operand(p, start, text, false, false);
		return 0;
	default:
		return parse_value(p, "a value or an expression with a transformer");
	}
}

/* Index in operators, or OPERATOR_COUNT; *had_blank: a blank behind it was read too. */
static size_t scan_operator(struct scanner *s, bool *had_blank)
{
	for (size_t i = 0; i < OPERATOR_COUNT; i++) {
		struct scanner look = *s;

		if (!scan_text(&look, operators[i].text))
			continue;
		*had_blank = operators[i].needs_blank && scan_blank(&look);
		if (operators[i].needs_blank && !*had_blank)
			continue;
		*s = look;
		return i;
	}
	return OPERATOR_COUNT;
}

static int fail_operator(struct parser *p, struct str left)
{
	char all[200];
	struct buffer b = BUFFER(all);

	for (size_t i = 0; i < OPERATOR_COUNT; i++)
		buffer_printf(&b, "%s%s", i ? " " : "", operators[i].text);
	return fail(p, "an operator (%.*s) after '%.*s'", STR_ARG(buffer_str(&b)),
		    (int)(left.n > 40 ? 40 : left.n), left.p);
}

static int parse_comparison(struct parser *p, struct parsed *out)
{
	struct comparison *c = ARENA_NEW(p->arena, struct comparison);
	size_t start = p->s.at;
	size_t first = p->operands.count;
	int r = expression_skip(p->s.text, &p->s.at, p->arena, p->err);

	if (r < 0)
		return r;
	c->left_text = str_slice(p->s.text, start, p->s.at);
	scan_blank(&p->s);
	c->operator_offset = (uint32_t)p->s.at;

	bool had_blank = false;
	size_t op = scan_operator(&p->s, &had_blank);

	if (op == OPERATOR_COUNT)
		return fail_operator(p, c->left_text);
	c->operator= operators[op].operator;
	c->is_double_equal = strcmp(operators[op].text, "==") == 0;

	size_t end = p->s.at;

	if ((r = parse_right(p, c, operators[op].right, had_blank)) < 0)
		return r;
	if (c->operator== OP_EXISTS)
		p->s.at = end;
	c->operand_count = p->operands.count - first;
	c->operands = ARENA_ARRAY(p->arena, struct operand, c->operand_count);
	if (c->operand_count)
		memcpy(c->operands, p->operands.items + first,
		       c->operand_count * sizeof(*c->operands));
	p->operands.count = first;
	p->end = p->s.at;
	*out = (struct parsed){new_node(p, CONDITION_COMPARE, start), 1};
	out->node->comparison = c;
	return 0;
}

/* A macro may have a keyword's name where one can stand; elsewhere a part was left out. */
static bool is_misplaced_keyword(const struct scanner *behind, struct str word)
{
	struct scanner look = *behind;

	if (!is_keyword(word))
		return false;
	scan_blank(&look);
	return !scan_at_end(&look) && scan_peek(&look) != ')' && !scan_text(&look, "and") &&
	       !scan_text(&look, "or");
}

static int parse_name(struct parser *p, struct parsed *out)
{
	struct scanner before = p->s;
	struct str name;

	if (!scan_identifier(&p->s, &name) || is_misplaced_keyword(&p->s, name)) {
		p->s = before;
		return fail(p, "'(', a comparison or a macro's name");
	}
	if (scan_peek(&p->s) == '(') {
		static const char *names[TRANSFORM_LIST];
		size_t n = 0;

		for (enum transformer t = TRANSFORM_NONE + 1; t < TRANSFORM_VAL; t++)
			names[n++] = transformer_name(t);
		const char *nearest = str_nearest(name, names, n);
		return error_set_at(p->err, -EINVAL, before.at, "unknown transformer '%.*s'%s%s%s",
				    STR_ARG(name), nearest ? "; did you mean '" : "",
				    nearest ? nearest : "", nearest ? "'?" : "");
	}
	p->end = p->s.at;
	*out = (struct parsed){new_node(p, CONDITION_NAME, before.at), 1};
	out->node->name = name;
	return 0;
}

static int parse_primary(struct parser *p, struct parsed *out)
{
	struct scanner look = p->s;
	enum transformer t;

	if (scan_peek(&p->s) == '(')
		return parse_brackets(p, out);
	if (scan_field_name(&look, NULL) ||
	    ((t = expression_scan_transformer(&look)) != TRANSFORM_NONE && t != TRANSFORM_VAL))
		return parse_comparison(p, out);
	return parse_name(p, out);
}

/* "not" counts as the word only before a blank or a bracket: not_a_word is a macro. */
static bool scan_not(struct scanner *s)
{
	struct scanner look = *s;

	if (!scan_text(&look, "not"))
		return false;
	if (!scan_blank(&look) && scan_peek(&look) != '(')
		return false;
	*s = look;
	return true;
}

static int parse_not(struct parser *p, struct parsed *out)
{
	bool is_not = false;

	scan_blank(&p->s);

	size_t start = p->s.at;
	size_t first = p->nodes.count;

	while (scan_not(&p->s))
		is_not = !is_not;

	int r = parse_primary(p, out);

	if (r < 0 || !is_not)
		return r;
	VEC_PUSH(&p->nodes, *out);
	return finish_node(p, CONDITION_NOT, start, first, out);
}

static int parse_sequence(struct parser *p, bool is_or, struct parsed *out)
{
	const char *word = is_or ? "or" : "and";
	size_t first = p->nodes.count;

	scan_blank(&p->s);

	size_t start = p->s.at;

	for (;;) {
		int r = is_or ? parse_sequence(p, false, out) : parse_not(p, out);

		if (r < 0)
			return r;
		VEC_PUSH(&p->nodes, *out);
		scan_blank(&p->s);
		if (!scan_text(&p->s, word))
			break;
		if (!scan_blank(&p->s) && scan_peek(&p->s) != '(')
			return fail(p, "a blank or '(' after '%s'", word);
	}
	if (p->nodes.count == first + 1) {
		p->nodes.count = first;
		return 0;
	}
	return finish_node(p, is_or ? CONDITION_OR : CONDITION_AND, start, first, out);
}

int condition_parse(struct str text, struct arena *arena, struct condition **out, struct error *err)
{
	struct parser p = {.s = {text, 0}, .arena = arena, .err = err};
	struct parsed all = {NULL, 0};
	int r;

	if (text.n > UINT32_MAX)
		return error_set(err, -E2BIG, "the condition is longer than 4 GiB");
	r = parse_sequence(&p, true, &all);
	if (r == 0 && !scan_at_end(&p.s))
		r = fail(&p, "'and', 'or' or the end of the condition");
	*out = r == 0 ? all.node : NULL;
	VEC_FREE(&p.nodes);
	VEC_FREE(&p.operands);
	return r;
}

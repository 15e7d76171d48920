/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions as trees that people read, and what of them holds for an event. */
#include "base/cleanup.h"
#include "base/utf8.h"
#include "rules/loader.h"

#include <jansson.h>

enum {
	TEXT_SHORT = 100, /* bytes of a comparison, where not all is wanted */
	TEXT_MAX = 64 * 1024,
	INDENT = 2,
};

struct explanation {
	FILE *out;
	struct field_context *ctx; /* NULL: no event */
	bool in_full;
	char *text; /* TEXT_MAX bytes to compose a line in */
};

static bool has_children(const struct condition *c)
{
	return c->kind == CONDITION_AND || c->kind == CONDITION_OR || c->kind == CONDITION_NOT;
}

static bool holds(const struct explanation *x, const struct condition *c)
{
	char *mark = x->ctx->scratch->next;
	bool answer = condition_holds(c, x->ctx);

	arena_reset_to(x->ctx->scratch, mark);
	return answer;
}

static void put_cut(struct explanation *x, struct str text)
{
	if (!x->in_full && text.n > TEXT_SHORT)
		fprintf(x->out, "%.*s...", TEXT_SHORT, text.p);
	else
		fwrite(text.p, 1, text.n, x->out);
}

static void print_text(struct explanation *x, const struct condition *c)
{
	struct buffer text = {.p = x->text, .room = TEXT_MAX};

	condition_print(c, &text);
	put_cut(x, buffer_str(&text));
	if (c->kind == CONDITION_COMPARE && c->comparison->operand_count > 1 &&
	    (text.is_truncated || (!x->in_full && text.n > TEXT_SHORT)))
		fprintf(x->out, " (%zu values)", c->comparison->operand_count);
}

/* What the left side was: " -- it is /etc/shadow". */
static void print_value(struct explanation *x, const struct condition *c)
{
	char *mark = x->ctx->scratch->next;
	struct buffer text = {.p = x->text, .room = TEXT_MAX};
	struct value v;

	if (!c->comparison->left)
		return;
	if (expression_evaluate(x->ctx, c->comparison->left, &v)) {
		expression_print_value(c->comparison->left, &v, &text);
		fputs("   # it is ", x->out);
		if (text.n)
			put_cut(x, buffer_str(&text));
		else
			fputs("empty", x->out);
	} else {
		fputs("   # it is absent", x->out);
	}
	arena_reset_to(x->ctx->scratch, mark);
}

static bool is_within(const struct source_text *text, const char *part)
{
	return text && text->part && strcmp(text->part, part) == 0;
}

/* Where a subtree comes from, where that is another text than what surrounds it. */
static void print_origin(struct explanation *x, const struct condition *c, const void *outer)
{
	const struct source_text *text = c->origin;

	if (!text || c->origin == outer || !text->item)
		return;
	if (is_within(text, "macro condition"))
		fprintf(x->out, "   [macro %.*s]", STR_ARG(text->item->name));
	else if (text->part_name.n)
		fprintf(x->out, "   [exception %.*s]", STR_ARG(text->part_name));
}

static void print_node(struct explanation *x, const struct condition *c, const void *outer,
		       int depth)
{
	static const char *const headings[] = {
	    [CONDITION_AND] = "all of", [CONDITION_OR] = "any of", [CONDITION_NOT] = "not"};
	/* A negated comparison reads best in one line, as it is written. */
	bool is_line =
	    !has_children(c) || (c->kind == CONDITION_NOT && !has_children(c->children[0]));
	const struct condition *leaf = c->kind == CONDITION_NOT ? c->children[0] : c;

	if (x->ctx)
		fprintf(x->out, "%-7s", holds(x, c) ? "true" : "false");
	fprintf(x->out, "%*s", depth * INDENT, "");
	if (is_line)
		print_text(x, c);
	else
		fprintf(x->out, "%s:", headings[c->kind]);
	print_origin(x, c, outer);
	if (is_line && c->kind == CONDITION_NOT)
		print_origin(x, leaf, c->origin);
	if (is_line && x->ctx && leaf->kind == CONDITION_COMPARE)
		print_value(x, leaf);
	fputc('\n', x->out);
	if (is_line)
		return;
	for (size_t i = 0; i < c->child_count; i++)
		print_node(x, c->children[i], c->origin, depth + 1);
}

void rules_explain_condition(const struct rule *rule, struct field_context *ctx, bool in_full,
			     FILE *out)
{
	struct explanation x = {.out = out, .ctx = ctx, .in_full = in_full};
	CLEANUP_FREE char *text = malloc(TEXT_MAX);

	if (!text)
		return;
	x.text = text;
	print_node(&x, rule->condition, rule->condition->origin, 1);
}

static json_t *json_text(struct str s)
{
	return json_stringn(s.p ? s.p : "", utf8_valid_prefix(s));
}

/* Null where it is absent. */
static json_t *json_value(struct explanation *x, const struct condition *c)
{
	char *mark = x->ctx->scratch->next;
	struct buffer text = {.p = x->text, .room = TEXT_MAX};
	json_t *json = json_null();
	struct value v;

	if (c->comparison->left && expression_evaluate(x->ctx, c->comparison->left, &v)) {
		expression_print_value(c->comparison->left, &v, &text);
		json = json_text(buffer_str(&text));
	}
	arena_reset_to(x->ctx->scratch, mark);
	return json;
}

static void set_origin(json_t *json, const struct condition *c, const void *outer)
{
	const struct source_text *text = c->origin;

	if (!text || c->origin == outer || !text->item)
		return;
	if (is_within(text, "macro condition"))
		json_object_set_new(json, "macro", json_text(text->item->name));
	else if (text->part_name.n)
		json_object_set_new(json, "exception", json_text(text->part_name));
}

static json_t *json_node(struct explanation *x, const struct condition *c, const void *outer)
{
	static const char *const words[] = {
	    [CONDITION_AND] = "and", [CONDITION_OR] = "or", [CONDITION_NOT] = "not"};
	json_t *json = json_object(), *children;
	struct buffer text = {.p = x->text, .room = TEXT_MAX};

	if (x->ctx)
		json_object_set_new(json, "holds", json_boolean(holds(x, c)));
	if (has_children(c)) {
		children = json_array();
		json_object_set_new(json, "operator", json_string(words[c->kind]));
		for (size_t i = 0; i < c->child_count; i++)
			json_array_append_new(children, json_node(x, c->children[i], c->origin));
		json_object_set_new(json, "of", children);
	} else {
		condition_print(c, &text);
		json_object_set_new(json, "comparison", json_text(buffer_str(&text)));
		if (text.is_truncated)
			json_object_set_new(json, "truncated", json_true());
		if (x->ctx && c->kind == CONDITION_COMPARE)
			json_object_set_new(json, "value", json_value(x, c));
	}
	set_origin(json, c, outer);
	return json;
}

json_t *rules_explain_json(const struct rule *rule, struct field_context *ctx)
{
	struct explanation x = {.ctx = ctx, .in_full = true};
	CLEANUP_FREE char *text = malloc(TEXT_MAX);

	if (!text)
		return NULL;
	x.text = text;
	return json_node(&x, rule->condition, rule->condition->origin);
}

/* How many comparisons would have to come out otherwise for a part that does not hold. */
static size_t count_failures(const struct explanation *x, const struct condition *c)
{
	size_t n = 0, one;

	if (holds(x, c))
		return 0;
	if (c->kind != CONDITION_AND && c->kind != CONDITION_OR)
		return 1;
	for (size_t i = 0; i < c->child_count; i++) {
		one = count_failures(x, c->children[i]);
		if (c->kind == CONDITION_AND)
			n += one;
		else if (!i || one < n)
			n = one;
	}
	return n;
}

/* Of alternatives none of which holds: the one that lacks least. */
static const struct condition *nearest_alternative(const struct explanation *x,
						   const struct condition *c)
{
	const struct condition *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < c->child_count; i++) {
		size_t n = count_failures(x, c->children[i]);

		if (n < least) {
			least = n;
			nearest = c->children[i];
		}
	}
	return nearest;
}

static void print_failure(struct explanation *x, const struct condition *c, const char *indent)
{
	if (c->kind == CONDITION_OR && c->child_count) {
		print_failure(x, nearest_alternative(x, c), indent);
		return;
	}
	if (c->kind == CONDITION_AND) {
		for (size_t i = 0; i < c->child_count; i++)
			if (!holds(x, c->children[i]))
				print_failure(x, c->children[i], indent);
		return;
	}
	fputs(indent, x->out);
	print_text(x, c);
	if (c->kind == CONDITION_COMPARE)
		print_value(x, c);
	else if (c->kind == CONDITION_NOT && c->children[0]->kind == CONDITION_COMPARE)
		print_value(x, c->children[0]);
	fputc('\n', x->out);
}

void rules_explain_failure(const struct rule *rule, struct field_context *ctx, const char *indent,
			   FILE *out)
{
	struct explanation x = {.out = out, .ctx = ctx};
	CLEANUP_FREE char *text = malloc(TEXT_MAX);

	if (!text)
		return;
	x.text = text;
	if (!holds(&x, rule->condition))
		print_failure(&x, rule->condition, indent);
}

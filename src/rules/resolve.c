/* SPDX-License-Identifier: Apache-2.0 */
/* What names mean, once all files are read: lists' values, macros' trees. */
#include "rules/loader.h"

#include <stdlib.h>

enum { SUGGESTIONS_UNTIL = 100 }; /* diagnostics: looking for near names takes time */

static bool is_in_quotes(struct str s)
{
	return s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0];
}

/* An item that has quotes of its own, as in '"a b"', is read as the condition language would. */
static struct list_value list_value(struct loader *l, struct str item)
{
	struct list_value v = {.text = item, .is_quoted = is_in_quotes(item)};

	if (!v.is_quoted)
		return v;
	v.text = str_slice(item, 1, item.n - 1);
	if (str_find_byte(v.text, '\\', 0) == v.text.n)
		return v;

	char *out = arena_bytes(l->set->arena, v.text.n);
	size_t n = 0;

	for (size_t i = 0; i < v.text.n; i++) {
		char c = v.text.p[i];

		if (c == '\\' && i + 1 < v.text.n) {
			static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
			const char *known;

			c = v.text.p[++i];
			known = strchr(from, c);
			if (known)
				c = to[known - from];
			else if (c == ' ')
				c = '\\';
		}
		out[n++] = c;
	}
	v.text = (struct str){out, n};
	return v;
}

static struct list_definition *list_in_item(struct loader *l, const struct list_definition *list,
					    struct str item)
{
	/* An item of the list's own name is that word: lists are often named for their first. */
	if (is_in_quotes(item) || str_equal(item, list->item.name))
		return NULL;
	return strmap_get(&l->lists_by_name, item);
}

static struct place place_item(const struct list_definition *list, size_t i)
{
	struct place at =
	    place_node(list->items.items[i].file, list->items.items[i].node, &list->item);

	at.part = "list item";
	return at;
}

static void resolve_list(struct loader *l, struct list_definition *list, int depth);

/* Resolves the lists named in it; answers how many values there will be. */
static size_t resolve_inner_lists(struct loader *l, struct list_definition *list, int depth)
{
	size_t count = 0;

	for (size_t i = 0; i < list->items.count; i++) {
		struct list_definition *inner =
		    list_in_item(l, list, list->items.items[i].node->text);
		struct place at = place_item(list, i);

		if (!inner) {
			count++;
			continue;
		}
		inner->is_used = true;
		if (inner->state == RESOLVE_ACTIVE) {
			fail(l, "LOAD_ERR_VALIDATE", &at,
			     "the list '%.*s' contains itself by way of '%.*s'",
			     STR_ARG(inner->item.name), STR_ARG(list->item.name));
			list->is_broken = true;
			continue;
		}
		if (depth == LIST_DEPTH_MAX) {
			fail(l, "LOAD_ERR_VALIDATE", &at, "lists are nested deeper than %d",
			     LIST_DEPTH_MAX);
			list->is_broken = true;
			continue;
		}
		resolve_list(l, inner, depth + 1);
		list->is_broken |= inner->is_broken;
		count += inner->value_count;
	}
	return count;
}

static bool take_values(struct loader *l, size_t count)
{
	if (count > RESOLVED_VALUES_MAX - l->resolved_values)
		return false;
	l->resolved_values += count;
	return true;
}

static void fail_of_values(struct loader *l, const struct place *at)
{
	fail(l, "LOAD_ERR_VALIDATE", at, "lists expand to more than %d values",
	     RESOLVED_VALUES_MAX);
}

static void resolve_list(struct loader *l, struct list_definition *list, int depth)
{
	struct place at;

	if (list->state != RESOLVE_NEW)
		return;
	list->state = RESOLVE_ACTIVE;

	size_t count = resolve_inner_lists(l, list, depth), n = 0;

	list->state = RESOLVE_DONE;
	if (list->is_broken)
		return;
	if (!take_values(l, count)) {
		at = place_node(list->item.at.file, list->item.at.node, &list->item);
		fail_of_values(l, &at);
		list->is_broken = true;
		return;
	}
	list->values = ARENA_ARRAY(l->set->arena, struct list_value, count);
	for (size_t i = 0; i < list->items.count; i++) {
		struct str text = list->items.items[i].node->text;
		struct list_definition *inner = list_in_item(l, list, text);

		if (!inner) {
			list->values[n++] = list_value(l, arena_str(l->set->arena, text));
		} else if (inner->value_count) {
			memcpy(&list->values[n], inner->values,
			       inner->value_count * sizeof(*inner->values));
			n += inner->value_count;
		}
	}
	list->value_count = n;
}

void resolve_lists(struct loader *l)
{
	VEC_FOREACH (list, &l->lists)
		resolve_list(l, *list, 0);
}

static void set_origin(struct condition *c, const struct source_text *text)
{
	c->origin = text;
	if (c->kind == CONDITION_AND || c->kind == CONDITION_OR || c->kind == CONDITION_NOT)
		for (size_t i = 0; i < c->child_count; i++)
			set_origin(c->children[i], text);
}

struct condition *parse_text(struct loader *l, const struct source_text *text)
{
	struct condition *tree = NULL;
	struct error err = {0};

	if (condition_parse(text->text, l->set->arena, &tree, &err) < 0) {
		struct place at = source_text_place(text, err.offset);

		fail(l, "LOAD_ERR_COMPILE_CONDITION", &at, "%s", err.message);
		return NULL;
	}
	set_origin(tree, text);
	return tree;
}

static struct list_definition *list_of_operand(struct loader *l, const struct operand *o)
{
	return o->is_list_name ? strmap_get(&l->lists_by_name, o->text) : NULL;
}

/* Of a comparison whose values are not known only the left side can be looked at further. */
static bool forget_values(struct comparison *c)
{
	c->operator= OP_EXISTS;
	c->modifier = MODIFIER_NONE;
	c->operand_count = 0;
	return false;
}

/* Lists' names among the values of a comparison are replaced by what they stand for. */
static bool resolve_operands(struct loader *l, struct condition *node)
{
	struct comparison *c = node->comparison;
	size_t count = 0, n = 0, names = 0;

	for (size_t i = 0; i < c->operand_count; i++) {
		struct list_definition *list = list_of_operand(l, &c->operands[i]);

		if (!list) {
			count++;
			continue;
		}
		list->is_used = true;
		if (list->is_broken)
			return forget_values(c);
		names++;
		count += list->value_count;
		if (!c->is_list && list->value_count != 1) {
			struct place at = source_text_place(node->origin, c->operands[i].offset);

			fail(l, "LOAD_ERR_COMPILE_CONDITION", &at,
			     "'%.*s' is a list of %zu values, but %s wants a single one",
			     STR_ARG(list->item.name), list->value_count,
			     operator_name(c->operator));
			return forget_values(c);
		}
	}
	if (!names)
		return true;

	if (!take_values(l, count)) {
		struct place at = source_text_place(node->origin, node->offset);

		fail_of_values(l, &at);
		return forget_values(c);
	}

	struct operand *operands = ARENA_ARRAY(l->set->arena, struct operand, count);
	for (size_t i = 0; i < c->operand_count; i++) {
		struct list_definition *list = list_of_operand(l, &c->operands[i]);

		if (!list) {
			operands[n++] = c->operands[i];
			continue;
		}
		for (size_t k = 0; k < list->value_count; k++)
			operands[n++] = (struct operand){.text = list->values[k].text,
							 .offset = c->operands[i].offset,
							 .is_quoted = list->values[k].is_quoted};
	}
	c->operands = operands;
	c->operand_count = n;
	return true;
}

static bool fail_of_depth(struct loader *l, const struct condition *node, struct tree_size *size)
{
	struct place at = source_text_place(node->origin, node->offset);

	fail(l, "LOAD_ERR_COMPILE_CONDITION", &at,
	     "with its macros the condition nests deeper than %d", CONDITION_DEPTH_MAX);
	size->is_too_deep = true;
	return false;
}

/* Macros in it are resolved already. depth: levels above it. */
static bool resolve_node(struct loader *l, struct condition **slot, uint32_t depth,
			 struct tree_size *size)
{
	struct condition *node = *slot;
	bool is_good = true;

	if (depth >= CONDITION_DEPTH_MAX)
		return fail_of_depth(l, node, size);
	switch (node->kind) {
	case CONDITION_AND:
	case CONDITION_OR:
	case CONDITION_NOT:
		*size = (struct tree_size){.nodes = 1};
		for (size_t i = 0; i < node->child_count; i++) {
			struct tree_size child = {0};

			is_good &= resolve_node(l, &node->children[i], depth + 1, &child);
			size->nodes += child.nodes;
			size->is_too_deep |= child.is_too_deep;
			if (child.height > size->height)
				size->height = child.height;
		}
		size->height++;
		break;
	case CONDITION_NAME: {
		struct macro_definition *macro = strmap_get(&l->macros_by_name, node->name);

		if (!macro || !macro->tree || macro->state != RESOLVE_DONE)
			return false;
		macro->is_used = true;
		is_good = !macro->is_broken;
		*slot = macro->tree;
		*size = macro->size;
		break;
	}
	case CONDITION_COMPARE:
		is_good = resolve_operands(l, node);
		*size =
		    (struct tree_size){.height = 1, .nodes = 1 + node->comparison->operand_count};
		break;
	default:
		*size = (struct tree_size){.height = 1, .nodes = 1};
	}
	if (is_good && depth + size->height > CONDITION_DEPTH_MAX)
		return fail_of_depth(l, node, size);
	return is_good;
}

static void fail_of_unknown_macro(struct loader *l, const struct condition *node)
{
	struct place at = source_text_place(node->origin, node->offset);
	VEC(const char *) names = {0};
	const char *nearest = NULL;

	if (l->diagnostics.count < SUGGESTIONS_UNTIL) {
		VEC_FOREACH (m, &l->macros)
			VEC_PUSH(&names, arena_cstr(l->arena, (*m)->item.name));
		nearest = str_nearest(node->name, names.items, names.count);
		VEC_FREE(&names);
	}
	if (strmap_get(&l->lists_by_name, node->name))
		fail(l, "LOAD_ERR_VALIDATE", &at,
		     "'%.*s' is a list, not a macro; a list stands behind an operator, as in "
		     "'proc.name in (%.*s)'",
		     STR_ARG(node->name), STR_ARG(node->name));
	else
		fail(l, "LOAD_ERR_VALIDATE", &at, "undefined macro '%.*s'%s%s%s",
		     STR_ARG(node->name), nearest ? "; did you mean '" : "", nearest ? nearest : "",
		     nearest ? "'?" : "");
}

/* All the names that stand in a tree as it was parsed. */
static void collect_names(struct macro_definition *into, const struct condition *c)
{
	if (c->kind == CONDITION_NAME)
		VEC_PUSH(&into->names, c);
	else if (c->kind == CONDITION_AND || c->kind == CONDITION_OR || c->kind == CONDITION_NOT)
		for (size_t i = 0; i < c->child_count; i++)
			collect_names(into, c->children[i]);
}

/* Tells of undefined macros in a tree; false where there are any or a macro in it is broken. */
static bool check_names(struct loader *l, const struct condition *c)
{
	bool is_good = true;

	if (c->kind == CONDITION_NAME) {
		struct macro_definition *macro = strmap_get(&l->macros_by_name, c->name);

		if (!macro && !l->is_incomplete)
			fail_of_unknown_macro(l, c);
		if (macro)
			macro->is_used = true;
		return macro && macro->tree && !macro->is_broken;
	}
	if (c->kind == CONDITION_AND || c->kind == CONDITION_OR || c->kind == CONDITION_NOT)
		for (size_t i = 0; i < c->child_count; i++)
			is_good &= check_names(l, c->children[i]);
	return is_good;
}

static void parse_macro(struct loader *l, struct macro_definition *macro)
{
	if (macro->is_broken)
		return;
	macro->text = text_join(&macro->condition, l, &macro->item, "macro condition");
	macro->tree = parse_text(l, macro->text);
	macro->is_broken = macro->tree == NULL;
	if (macro->tree)
		collect_names(macro, macro->tree);
}

/* Its names are resolved: the macro itself. */
static void finish_macro(struct loader *l, struct macro_definition *macro)
{
	if (!macro->tree) {
		macro->state = RESOLVE_DONE;
		return;
	}

	bool is_good = check_names(l, macro->tree);

	/* What can be resolved is, so that rules look for further problems in it. */
	is_good &= resolve_node(l, &macro->tree, 0, &macro->size);
	macro->state = RESOLVE_DONE; /* only now: it may name itself */
	macro->is_broken |= !is_good;
	if (macro->size.nodes > RESOLVED_NODES_MAX) {
		struct place at = source_text_place(macro->text, 0);

		fail(l, "LOAD_ERR_COMPILE_CONDITION", &at,
		     "the macro expands to more than %d comparisons and values",
		     RESOLVED_NODES_MAX);
	}
	if (macro->size.nodes > RESOLVED_NODES_MAX || macro->size.is_too_deep) {
		macro->tree = NULL;
		macro->is_broken = true;
	}
}

/* Depth first, with a stack of its own: chains of macros may be as long as files are. */
static void resolve_macro(struct loader *l, struct macro_definition *macro)
{
	struct visit {
		struct macro_definition *macro;
		size_t next; /* name */
	};
	VEC(struct visit) stack = {0};

	if (macro->state != RESOLVE_NEW)
		return;
	macro->state = RESOLVE_ACTIVE;
	VEC_PUSH(&stack, (struct visit){macro, 0});
	while (stack.count) {
		struct visit *top = &stack.items[stack.count - 1];

		if (top->next == top->macro->names.count) {
			finish_macro(l, top->macro);
			stack.count--;
			continue;
		}

		const struct condition *name = top->macro->names.items[top->next++];
		struct macro_definition *inner = strmap_get(&l->macros_by_name, name->name);

		if (!inner || inner->state == RESOLVE_DONE)
			continue;
		if (inner->state == RESOLVE_ACTIVE) {
			struct place at = source_text_place(name->origin, name->offset);

			if (inner == top->macro)
				fail(l, "LOAD_ERR_VALIDATE", &at,
				     "the macro '%.*s' refers to itself",
				     STR_ARG(inner->item.name));
			else
				fail(l, "LOAD_ERR_VALIDATE", &at,
				     "the macro '%.*s' refers to itself by way of '%.*s'",
				     STR_ARG(inner->item.name), STR_ARG(top->macro->item.name));
			top->macro->is_broken = true;
			continue;
		}
		inner->state = RESOLVE_ACTIVE;
		VEC_PUSH(&stack, (struct visit){inner, 0});
	}
	VEC_FREE(&stack);
}

void resolve_macros(struct loader *l)
{
	VEC_FOREACH (macro, &l->macros)
		parse_macro(l, *macro);
	VEC_FOREACH (macro, &l->macros)
		resolve_macro(l, *macro);
}

bool resolve_condition(struct loader *l, struct condition **tree)
{
	const struct condition *before = *tree;
	struct tree_size size = {0};

	bool is_good = check_names(l, *tree);

	/* What can be resolved is, so that further problems are found in it. */
	is_good &= resolve_node(l, tree, 0, &size);
	l->resolved_nodes += size.nodes;
	if (size.is_too_deep)
		*tree = NULL;
	if (l->resolved_nodes <= RESOLVED_NODES_MAX)
		return is_good;

	struct place at = source_text_place(before->origin, before->offset);

	fail(l, "LOAD_ERR_COMPILE_CONDITION", &at,
	     "the rules expand to more than %d comparisons and values", RESOLVED_NODES_MAX);
	*tree = NULL;
	return false;
}

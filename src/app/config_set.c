/* SPDX-License-Identifier: Apache-2.0 */
/* Assignments of the command line, key=value, put into the tree. */
#include "app/config_schema.h"
#include "app/config_tree.h"

#include <errno.h>

/* The place of a key's value in a map, made where there is none. */
static struct yaml_pair *slot_of_key(struct config *c, struct yaml_node *map, struct str key)
{
	struct yaml_pair *pair = config_find_pair(map, key), *pairs;

	if (pair)
		return pair;
	pairs = ARENA_ARRAY(c->arena, struct yaml_pair, map->count + 1);
	if (map->count)
		memcpy(pairs, map->pairs, map->count * sizeof(*pairs));
	map->pairs = pairs;
	pair = &pairs[map->count++];
	pair->key = ARENA_NEW(c->arena, struct yaml_node);
	pair->key->text = arena_str(c->arena, key);
	pair->value = ARENA_NEW(c->arena, struct yaml_node); /* null, for now */
	return pair;
}

/*
 * One step of an assignment's key: a name (with \. \[ \] \\ for what would end it), or an index.
 * What is left of the key is in *rest.
 */
struct step {
	bool is_index, is_next; /* [] */
	struct str name;
	uint64_t index;
};

static int take_step(struct config *c, const char *assignment, struct str *rest, struct step *step,
		     struct error *err)
{
	struct str key = *rest;
	size_t end = 0;
	char *name;
	size_t n = 0;

	*step = (struct step){.is_index = key.p[0] == '['};
	if (step->is_index) {
		struct str digits;

		end = str_find_byte(key, ']', 0);
		digits = str_slice(key, 1, end);
		step->is_next = digits.n == 0;
		if (end == key.n || (!step->is_next && (!str_to_u64(digits, &step->index) ||
							step->index > UINT32_MAX)))
			return error_set(err, -EINVAL, "-o %s: expected [number] or [] at \"%.*s\"",
					 assignment, STR_ARG(key));
		end++;
		if (end < key.n && key.p[end] != '.' && key.p[end] != '[')
			return error_set(err, -EINVAL, "-o %s: expected . or [ at \"%.*s\"",
					 assignment, STR_ARG(str_slice(key, end, key.n)));
	} else {
		name = arena_bytes(c->arena, key.n + 1);
		for (; end < key.n && key.p[end] != '.' && key.p[end] != '['; end++) {
			if (key.p[end] == '\\') {
				if (++end == key.n || !strchr(".[]\\", key.p[end]))
					return error_set(
					    err, -EINVAL,
					    "-o %s: after \\ comes one of . [ ] \\ in a key",
					    assignment);
			}
			name[n++] = key.p[end];
		}
		if (end == 0)
			return error_set(err, -EINVAL, "-o %s: a name is missing at \"%.*s\"",
					 assignment, STR_ARG(key));
		name[n] = '\0';
		step->name = (struct str){name, n};
	}
	if (end < key.n && key.p[end] == '.' && ++end == key.n)
		return error_set(err, -EINVAL, "-o %s: a name is missing at the end", assignment);
	*rest = str_slice(key, end, key.n);
	return 0;
}

/* The place of an item; NULL where the list is too short for that index. */
static struct yaml_node **slot_of_index(struct config *c, struct yaml_node *list, uint64_t index)
{
	struct yaml_node **items;

	if (index < list->count)
		return &list->items[index];
	if (index > list->count)
		return NULL;
	items = ARENA_ARRAY(c->arena, struct yaml_node *, list->count + 1);
	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
	items[list->count] = ARENA_NEW(c->arena, struct yaml_node);
	return &items[list->count++];
}

static struct yaml_node *value_of_assignment(struct config *c, const char *assignment,
					     const char *row_key, struct str text)
{
	const struct config_row *row = config_row_find(str_from(row_key));
	struct yaml_node *node = NULL;

	/* A program's command line is full of what YAML takes for its own. */
	if (!row || row->type != CONFIG_STRING ||
	    (text.n > 1 && (text.p[0] == '"' || text.p[0] == '\'') &&
	     text.p[text.n - 1] == text.p[0]))
		node = config_parse_value(c, assignment, text);
	if (!node && text.n > 0 && strchr("{[", text.p[0]) && (!row || row->type != CONFIG_STRING))
		return NULL;
	if (!node) {
		node = ARENA_NEW(c->arena, struct yaml_node);
		node->text = arena_str(c->arena, text);
	}
	return node;
}

int config_set(struct config *c, const char *assignment, struct error *err)
{
	const char *text = arena_cstr(c->arena, str_from(assignment));
	const char *equals = strchr(text, '=');
	struct yaml_node **slot = &c->root, *value;
	struct str rest, row_key = {0};
	unsigned depth = 0;

	if (!equals)
		return error_set(err, -EINVAL, "-o %s: expected key=value", assignment);
	rest = str_trim((struct str){text, (size_t)(equals - text)});
	if (rest.n == 0)
		return error_set(err, -EINVAL, "-o %s: expected key=value", assignment);
	while (rest.n > 0) {
		struct yaml_node **next;
		struct step step;
		enum yaml_kind kind;
		struct str here = rest;
		int status = take_step(c, assignment, &rest, &step, err);

		if (status < 0)
			return status;
		if (++depth > YAML_DEPTH_MAX)
			return error_set(err, -EINVAL, "-o %s: too many levels", assignment);
		kind = step.is_index ? YAML_SEQUENCE : YAML_MAPPING;
		if (yaml_is_null(*slot)) {
			*slot = ARENA_NEW(c->arena, struct yaml_node);
			(*slot)->kind = kind;
			config_mark_assigned(c, *slot, text);
		}
		if (kind == YAML_SEQUENCE && (*slot)->kind == YAML_SCALAR)
			*slot = config_as_list(c, *slot);
		if ((*slot)->kind != kind)
			return error_set(err, -EINVAL, "-o %s: \"%.*s\" does not fit: %s",
					 assignment, STR_ARG(here),
					 step.is_index ? "there is no list" : "there is no map");
		if (step.is_index) {
			next = slot_of_index(c, *slot, step.is_next ? (*slot)->count : step.index);
			if (!next)
				return error_set(err, -EINVAL, "-o %s: the list has only %u items",
						 assignment, (*slot)->count);
			row_key = arena_printf(c->arena, "%.*s[]", STR_ARG(row_key));
		} else {
			bool is_new = !config_find_pair(*slot, step.name);
			struct yaml_pair *pair = slot_of_key(c, *slot, step.name);

			if (is_new)
				config_mark_assigned(c, pair->key, text);
			next = &pair->value;
			row_key = arena_printf(c->arena, "%.*s%s%.*s", STR_ARG(row_key),
					       row_key.n ? "." : "", STR_ARG(step.name));
		}
		slot = next;
	}
	value = value_of_assignment(c, text, row_key.p, str_trim(str_from(equals + 1)));
	if (!value)
		return error_set(err, -EINVAL, "-o %s: the value is no YAML", assignment);
	*slot = value;
	config_mark_assigned(c, value, text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and assignments make one tree, in which later ones replace earlier ones; config_finish
 * walks it along the table.
 */
#include "app/config.h"

#include "app/config_schema.h"
#include "base/vec.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

__attribute__((format(printf, 4, 5))) static void
say(struct config *c, enum severity severity, const struct yaml_node *node, const char *format, ...)
{
	char text[1024], place[512] = "";
	const char *assignment = u64map_get(&c->assigned, (uintptr_t)node);
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (assignment) {
		snprintf(place, sizeof(place), "-o %s: ", assignment);
	} else if (node && c->file) {
		struct yaml_position at = yaml_locate(c->file, node->offset);

		snprintf(place, sizeof(place), "%s:%u:%u: ", c->file->name, at.line, at.column);
	}
	if (c->message_count == c->message_room)
		c->messages = vec_grow(c->messages, &c->message_room, sizeof(*c->messages));
	c->messages[c->message_count++] =
	    (struct config_message){severity, arena_printf(c->arena, "%s%s", place, text)};
	if (severity <= SEVERITY_ERROR)
		c->error_count++;
}

static void say_expected(struct config *c, const struct config_row *row,
			 const struct yaml_node *node, const char *expected)
{
	if (node->kind == YAML_SCALAR)
		say(c, SEVERITY_ERROR, node, "%s: found \"%.*s\", expected %s", row->key,
		    STR_ARG(node->text), expected);
	else
		say(c, SEVERITY_ERROR, node, "%s: found a %s, expected %s", row->key,
		    node->kind == YAML_MAPPING ? "map" : "list", expected);
}

static void take_strings(struct config *c, const struct config_row *row,
			 const struct yaml_node *node, struct string_list *out)
{
	struct string_list list = {0};

	if (node->kind == YAML_SCALAR && !yaml_is_null(node)) {
		list.items = ARENA_ARRAY(c->arena, const char *, 1);
		list.items[list.count++] = arena_cstr(c->arena, node->text);
	} else if (node->kind == YAML_SEQUENCE) {
		list.items = ARENA_ARRAY(c->arena, const char *, node->count + 1);
		for (uint32_t i = 0; i < node->count; i++) {
			if (node->items[i]->kind == YAML_SCALAR)
				list.items[list.count++] =
				    arena_cstr(c->arena, node->items[i]->text);
			else
				say_expected(c, row, node->items[i], "a string");
		}
	} else if (node->kind == YAML_MAPPING) {
		say_expected(c, row, node, "a list of strings");
		return;
	}
	if (out)
		*out = list;
}

static void take_number(struct config *c, const struct config_row *row,
			const struct yaml_node *node, uint64_t *out)
{
	char expected[96];
	uint64_t v;

	if (row->most == UINT64_MAX)
		snprintf(expected, sizeof(expected), "a number");
	else
		snprintf(expected, sizeof(expected), "a number from %llu to %llu",
			 (unsigned long long)row->least, (unsigned long long)row->most);
	if (!yaml_u64(node, &v) || v < row->least || v > row->most)
		say_expected(c, row, node, expected);
	else if (out)
		*out = v;
}

static void take_choice(struct config *c, const struct config_row *row,
			const struct yaml_node *node, unsigned *out)
{
	char expected[256] = "one of";
	size_t n = strlen(expected);

	for (unsigned i = 0; row->choices[i]; i++) {
		if (node->kind == YAML_SCALAR &&
		    str_equal_nocase(node->text, str_from(row->choices[i]))) {
			if (out)
				*out = row->type == CONFIG_SEVERITY
					   ? (unsigned)severity_by_name(node->text)
					   : i;
			return;
		}
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s %s", i ? "," : "",
				      row->choices[i]);
	}
	say_expected(c, row, node, expected);
}

static void take_real(struct config *c, const struct config_row *row, const struct yaml_node *node,
		      double *out)
{
	char expected[96];
	double v;

	snprintf(expected, sizeof(expected), "a number from %llu to %llu",
		 (unsigned long long)row->least, (unsigned long long)row->most);
	if (!yaml_real(node, &v) || !(v >= (double)row->least && v <= (double)row->most))
		say_expected(c, row, node, expected);
	else if (out)
		*out = v;
}

/* Units largest first, each at most once: 1d12h, 500ms. */
static bool duration_from(struct str text, uint64_t *out)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"y", 31536000000}, {"w", 604800000}, {"d", 86400000}, {"h", 3600000},
		     {"m", 60000},       {"s", 1000},      {"ms", 1}};
	size_t next = 0, count = sizeof(units) / sizeof(*units), i = 0;
	uint64_t sum = 0, part;

	if (str_to_u64(text, out))
		return true;
	while (i < text.n) {
		size_t from = i, unit;

		while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
			i++;
		unit = i;
		while (i < text.n && (text.p[i] < '0' || text.p[i] > '9'))
			i++;
		while (next < count && !str_equal_c(str_slice(text, unit, i), units[next].unit))
			next++;
		if (next == count || unit == from || unit - from > 10 ||
		    __builtin_mul_overflow(strtoull(text.p + from, NULL, 10), units[next].ms,
					   &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return false;
		next++;
	}
	*out = sum;
	return text.n > 0;
}

static void take_duration(struct config *c, const struct config_row *row,
			  const struct yaml_node *node, uint64_t *out)
{
	uint64_t v;

	if (node->kind != YAML_SCALAR || !duration_from(node->text, &v))
		say_expected(c, row, node, "a duration, as in 30s or 1h30m");
	else if (v < row->least)
		say(c, SEVERITY_ERROR, node, "%s: found \"%.*s\", expected at least %llums",
		    row->key, STR_ARG(node->text), (unsigned long long)row->least);
	else if (out)
		*out = v;
}

static void take_choices(struct config *c, const struct config_row *row,
			 const struct yaml_node *node, unsigned *out)
{
	const struct yaml_node *alone[] = {node};
	const struct yaml_node *const *items =
	    node->kind == YAML_SEQUENCE ? (const struct yaml_node *const *)node->items : alone;
	uint32_t count = node->kind == YAML_SEQUENCE ? node->count : !yaml_is_null(node);
	struct config_row one = *row;
	unsigned bits = 0;

	one.type = CONFIG_CHOICE;
	for (uint32_t i = 0; i < count; i++) {
		unsigned index = UINT_MAX;

		take_choice(c, &one, items[i], &index);
		if (index != UINT_MAX)
			bits |= 1u << index;
	}
	if (out)
		*out = bits;
}

/* Checks a value and, unless the key has no effect, stores it. */
static void take(struct config *c, const struct config_row *row, const struct yaml_node *node)
{
	/* Nothing that is set lies at the start: rows without a place have the offset 0. */
	void *at = row->offset ? (char *)c + row->offset : NULL;
	bool flag;

	switch (row->type) {
	case CONFIG_BOOL:
		if (!yaml_bool(node, &flag))
			say_expected(c, row, node, "true or false");
		else if (at)
			*(bool *)at = flag;
		break;
	case CONFIG_NUMBER:
		take_number(c, row, node, at);
		break;
	case CONFIG_REAL:
		take_real(c, row, node, at);
		break;
	case CONFIG_DURATION:
		take_duration(c, row, node, at);
		break;
	case CONFIG_CHOICES:
		take_choices(c, row, node, at);
		break;
	case CONFIG_STRING:
		/* Those without a place of their own belong to lists, which are read as a whole. */
		if (node->kind != YAML_SCALAR)
			say_expected(c, row, node, "a string");
		else if (at)
			*(const char **)at = arena_cstr(c->arena, node->text);
		break;
	case CONFIG_STRINGS:
		take_strings(c, row, node, at);
		break;
	case CONFIG_CHOICE:
	case CONFIG_SEVERITY:
		take_choice(c, row, node, at);
		break;
	case CONFIG_MAP:
	case CONFIG_LIST:
		break;
	}
}

static const char *text_of(struct config *c, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);

	if (!node || node->kind != YAML_SCALAR || yaml_is_null(node))
		return NULL;
	return arena_cstr(c->arena, node->text);
}

static void take_selections(struct config *c, const struct yaml_node *list)
{
	c->selections = ARENA_ARRAY(c->arena, struct rules_selection, 2 * list->count);
	c->selection_count = 0;
	for (uint32_t i = 0; i < list->count; i++) {
		for (int enable = 1; enable >= 0; enable--) {
			const char *key = enable ? "enable" : "disable";
			const struct yaml_node *what = yaml_get(list->items[i], key);
			struct rules_selection selection = {.enable = enable};

			if (!what)
				continue;
			selection.rule = text_of(c, what, "rule");
			selection.tag = text_of(c, what, "tag");
			if (selection.rule || selection.tag)
				c->selections[c->selection_count++] = selection;
			else
				say(c, SEVERITY_ERROR, what,
				    "rules[].%s: expected `rule: NAME` or `tag: TAG`", key);
		}
	}
}

/* Entries are names of fields, or maps of a name to a text with fields. */
static void take_extra_fields(struct config *c, const struct yaml_node *list,
			      struct rules_append *append)
{
	struct rules_extra_field *fields;
	size_t most = 0, n = 0;

	if (!list || yaml_is_null(list))
		return;
	for (uint32_t i = 0; list->kind == YAML_SEQUENCE && i < list->count; i++)
		most += list->items[i]->kind == YAML_MAPPING ? list->items[i]->count : 1;
	fields = ARENA_ARRAY(c->arena, struct rules_extra_field, most);
	for (uint32_t i = 0; list->kind == YAML_SEQUENCE && i < list->count; i++) {
		const struct yaml_node *item = list->items[i];

		if (item->kind == YAML_SCALAR)
			fields[n++].name = arena_cstr(c->arena, item->text);
		for (uint32_t k = 0; item->kind == YAML_MAPPING && k < item->count; k++) {
			const struct yaml_pair *pair = &item->pairs[k];

			if (pair->key->kind == YAML_SCALAR && pair->value->kind == YAML_SCALAR)
				fields[n++] = (struct rules_extra_field){
				    arena_cstr(c->arena, pair->key->text),
				    arena_cstr(c->arena, pair->value->text)};
			else
				say(c, SEVERITY_ERROR, pair->value,
				    "append_output[].extra_fields: expected `NAME: TEXT`");
		}
		if (item->kind == YAML_SEQUENCE)
			say(c, SEVERITY_ERROR, item,
			    "append_output[].extra_fields: expected a field, or `NAME: TEXT`");
	}
	if (list->kind != YAML_SEQUENCE)
		say(c, SEVERITY_ERROR, list, "append_output[].extra_fields: expected a list");
	append->extra_fields = fields;
	append->extra_field_count = n;
}

static void take_appends(struct config *c, const struct yaml_node *list)
{
	c->appends = ARENA_ARRAY(c->arena, struct rules_append, list->count);
	c->append_count = 0;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct yaml_node *match = yaml_get(list->items[i], "match"), *tags;
		struct rules_append append = {.format = text_of(c, list->items[i], "extra_output")};

		if (match) {
			struct string_list wanted = {0};

			append.rule = text_of(c, match, "rule");
			append.source = text_of(c, match, "source");
			tags = yaml_get(match, "tags");
			if (tags)
				take_strings(c, config_row_find(STR("append_output[].match")), tags,
					     &wanted);
			append.tags = wanted.items;
			append.tag_count = wanted.count;
		}
		take_extra_fields(c, yaml_get(list->items[i], "extra_fields"), &append);
		if (append.format || append.extra_field_count)
			c->appends[c->append_count++] = append;
	}
}

static bool has_keys_below(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < config_row_count; i++)
		if (strncmp(config_rows[i].key, key, n) == 0 && config_rows[i].key[n] == '.')
			return true;
	return false;
}

static void say_unknown(struct config *c, const struct yaml_node *node, const char *key)
{
	const char **names = ARENA_ARRAY(c->arena, const char *, config_row_count);
	const char *nearest;

	for (size_t i = 0; i < config_row_count; i++)
		names[i] = config_rows[i].key;
	nearest = str_nearest(str_from(key), names, config_row_count);
	if (nearest)
		say(c, SEVERITY_WARNING, node, "%s: no such key; did you mean %s?", key, nearest);
	else
		say(c, SEVERITY_WARNING, node, "%s: no such key", key);
}

static void walk(struct config *c, const char *prefix, const struct yaml_node *map, unsigned depth);

static void walk_list(struct config *c, const struct config_row *row, const struct yaml_node *list,
		      unsigned depth)
{
	const char *key = arena_printf(c->arena, "%s[]", row->key).p;

	if (yaml_is_null(list))
		return;
	if (list->kind != YAML_SEQUENCE) {
		say_expected(c, row, list, "a list of maps");
		return;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i]->kind != YAML_MAPPING)
			say_expected(c, row, list->items[i], "a map");
		else
			walk(c, key, list->items[i], depth + 1);
	}
	if (str_equal_c(STR("rules"), row->key))
		take_selections(c, list);
	else if (str_equal_c(STR("append_output"), row->key))
		take_appends(c, list);
}

static void walk(struct config *c, const char *prefix, const struct yaml_node *map, unsigned depth)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct yaml_node *key = map->pairs[i].key, *value = map->pairs[i].value;
		const struct config_row *row;
		const char *path;

		if (key->kind != YAML_SCALAR) {
			say(c, SEVERITY_ERROR, key, "a key must be a word");
			continue;
		}
		path = arena_printf(c->arena, "%s%s%.*s", prefix, *prefix ? "." : "",
				    STR_ARG(key->text))
			   .p;
		row = config_row_find(str_from(path));
		if (row && row->type == CONFIG_LIST)
			walk_list(c, row, value, depth);
		else if (row && (!yaml_is_null(value) || row->type == CONFIG_STRINGS))
			take(c, row, value);
		else if (row)
			continue;
		else if (!has_keys_below(path))
			say_unknown(c, key, path);
		else if (value->kind == YAML_MAPPING)
			walk(c, path, value, depth + 1);
		else if (!yaml_is_null(value))
			say(c, SEVERITY_ERROR, value, "%s: expected a map", path);
	}
}

/* Parses a fallback or a value of -o; NULL where it is no YAML. */
static struct yaml_node *parse_value(struct config *c, const char *name, struct str text)
{
	struct yaml_file file;
	struct error err;

	if (yaml_parse(&file, name, arena_str(c->arena, text), c->arena, &err) < 0 ||
	    file.document_count != 1)
		return NULL;
	return file.documents[0];
}

struct config *config_new(void)
{
	struct arena *arena = arena_new();
	struct config *c = ARENA_NEW(arena, struct config);

	c->arena = arena;
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!row->offset || row->current)
			continue;
		if (row->type == CONFIG_STRING) {
			*(const char **)((char *)c + row->offset) = row->fallback;
			continue;
		}
		struct yaml_node *value = parse_value(c, row->key, str_from(row->fallback));

		if (value)
			take(c, row, value);
	}
	c->root = ARENA_NEW(arena, struct yaml_node);
	c->root->kind = YAML_MAPPING;
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	u64map_free(&c->assigned);
	free(c->messages);
	arena_free(c->arena);
}

/* The place of a key's value in a map, made where there is none. */
static struct yaml_node **slot_of_key(struct config *c, struct yaml_node *map, struct str key)
{
	struct yaml_pair *pairs;

	for (uint32_t i = 0; i < map->count; i++)
		if (map->pairs[i].key->kind == YAML_SCALAR &&
		    str_equal(map->pairs[i].key->text, key))
			return &map->pairs[i].value;
	pairs = ARENA_ARRAY(c->arena, struct yaml_pair, map->count + 1);
	if (map->count)
		memcpy(pairs, map->pairs, map->count * sizeof(*pairs));
	map->pairs = pairs;
	pairs[map->count].key = ARENA_NEW(c->arena, struct yaml_node);
	pairs[map->count].key->text = arena_str(c->arena, key);
	pairs[map->count].value = ARENA_NEW(c->arena, struct yaml_node); /* null, for now */
	return &pairs[map->count++].value;
}

/* Likewise of an item; NULL where the list is too short for that index. */
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

int config_read_text(struct config *c, const char *name, struct str text, struct error *err)
{
	struct yaml_file *file = ARENA_NEW(c->arena, struct yaml_file);
	int status = yaml_parse(file, arena_cstr(c->arena, str_from(name)), text, c->arena, err);

	if (status < 0)
		return status;
	c->file = file;
	if (file->document_count > 1)
		say(c, SEVERITY_WARNING, file->documents[1],
		    "only the first document of the file is read");
	for (size_t i = 0; i < file->duplicate_count; i++)
		say(c, SEVERITY_WARNING, file->duplicates[i], "%.*s: stands here a second time",
		    STR_ARG(file->duplicates[i]->text));
	if (file->document_count == 0 || yaml_is_null(file->documents[0]))
		return 0;
	if (file->documents[0]->kind != YAML_MAPPING) {
		error_set(err, -EINVAL, "a configuration is a map of keys and values");
		error_locate(err, name, 1, 1);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < file->documents[0]->count; i++) {
		struct yaml_pair *pair = &file->documents[0]->pairs[i];

		if (pair->key->kind == YAML_SCALAR) {
			struct yaml_node **slot = slot_of_key(c, c->root, pair->key->text);

			*slot = pair->value;
			for (uint32_t k = 0; k < c->root->count; k++)
				if (&c->root->pairs[k].value == slot)
					c->root->pairs[k].key = pair->key;
		}
	}
	return 0;
}

int config_read(struct config *c, const char *path, struct error *err)
{
	struct str text;
	int status = yaml_read_file(path, c->arena, &text, err);

	if (status < 0)
		return status;
	c->path = arena_cstr(c->arena, str_from(path));
	return config_read_text(c, path, text, err);
}

/* "plugins[2].name" → "plugins[].name": as rows are named. */
static const char *row_name(struct config *c, struct str key)
{
	char *out = (char *)arena_cstr(c->arena, key), *to = out;

	for (size_t i = 0; i < key.n; i++) {
		*to++ = key.p[i];
		if (key.p[i] == '[')
			i = str_find_byte(key, ']', i) - 1;
	}
	*to = '\0';
	return out;
}

static struct yaml_node *value_of_assignment(struct config *c, const char *assignment,
					     struct str key, struct str text)
{
	const struct config_row *row = config_row_find(str_from(row_name(c, key)));
	struct yaml_node *node = NULL;

	/* A program's command line is full of what YAML takes for its own. */
	if (!row || row->type != CONFIG_STRING ||
	    (text.n > 1 && (text.p[0] == '"' || text.p[0] == '\'') &&
	     text.p[text.n - 1] == text.p[0]))
		node = parse_value(c, assignment, text);
	if (!node) {
		node = ARENA_NEW(c->arena, struct yaml_node);
		node->text = arena_str(c->arena, text);
	}
	return node;
}

/* Everything in a value of -o, so that messages name the assignment instead of a file. */
static void mark_assigned(struct config *c, struct yaml_node *node, const char *assignment,
			  unsigned depth)
{
	if (depth > YAML_DEPTH_MAX)
		return;
	u64map_put(&c->assigned, (uintptr_t)node, (void *)(uintptr_t)assignment);
	for (uint32_t i = 0; node->kind != YAML_SCALAR && i < node->count; i++) {
		if (node->kind == YAML_SEQUENCE) {
			mark_assigned(c, node->items[i], assignment, depth + 1);
		} else {
			mark_assigned(c, node->pairs[i].key, assignment, depth + 1);
			mark_assigned(c, node->pairs[i].value, assignment, depth + 1);
		}
	}
}

int config_set(struct config *c, const char *assignment, struct error *err)
{
	const char *text = arena_cstr(c->arena, str_from(assignment));
	const char *equals = strchr(text, '=');
	struct yaml_node **slot = &c->root;
	struct str key, rest;

	if (!equals)
		return error_set(err, -EINVAL, "-o %s: expected key=value", assignment);
	key = rest = str_trim((struct str){text, (size_t)(equals - text)});
	while (rest.n > 0) {
		bool is_index = rest.p[0] == '[';
		enum yaml_kind kind = is_index ? YAML_SEQUENCE : YAML_MAPPING;
		struct yaml_node **next;

		if (yaml_is_null(*slot)) {
			*slot = ARENA_NEW(c->arena, struct yaml_node);
			(*slot)->kind = kind;
			mark_assigned(c, *slot, text, 0);
		}
		/* One rules file may be written without a list. */
		if (kind == YAML_SEQUENCE && (*slot)->kind == YAML_SCALAR) {
			struct yaml_node *list = ARENA_NEW(c->arena, struct yaml_node);

			list->kind = YAML_SEQUENCE;
			*slot_of_index(c, list, 0) = *slot;
			*slot = list;
		}
		if ((*slot)->kind != kind)
			return error_set(err, -EINVAL, "-o %s: \"%.*s\" does not fit: %s",
					 assignment, STR_ARG(rest),
					 is_index ? "there is no list" : "there is no map");
		if (is_index) {
			size_t end = str_find_byte(rest, ']', 0);
			struct str digits = str_slice(rest, 1, end);
			uint64_t index = (*slot)->count;

			if (end == rest.n ||
			    (digits.n > 0 && (!str_to_u64(digits, &index) || index > UINT32_MAX)))
				return error_set(err, -EINVAL,
						 "-o %s: expected [number] or [] at \"%.*s\"",
						 assignment, STR_ARG(rest));
			next = slot_of_index(c, *slot, index);
			if (!next)
				return error_set(err, -EINVAL, "-o %s: the list has only %u items",
						 assignment, (*slot)->count);
			rest = str_slice(rest, end + 1, rest.n);
		} else {
			size_t end = 0;

			while (end < rest.n && rest.p[end] != '.' && rest.p[end] != '[')
				end++;
			if (end == 0)
				return error_set(err, -EINVAL,
						 "-o %s: a name is missing at \"%.*s\"", assignment,
						 STR_ARG(rest));
			next = slot_of_key(c, *slot, str_slice(rest, 0, end));
			for (uint32_t k = 0; k < (*slot)->count; k++)
				if (&(*slot)->pairs[k].value == next && yaml_is_null(*next))
					mark_assigned(c, (*slot)->pairs[k].key, text, 0);
			rest = str_slice(rest, end, rest.n);
		}
		slot = next;
		if (rest.n > 0 && rest.p[0] == '.') {
			rest = str_slice(rest, 1, rest.n);
			if (rest.n == 0)
				return error_set(err, -EINVAL,
						 "-o %s: a name is missing at the end", assignment);
		}
	}
	if (slot == &c->root)
		return error_set(err, -EINVAL, "-o %s: expected key=value", assignment);
	*slot = value_of_assignment(c, text, key, str_trim(str_from(equals + 1)));
	mark_assigned(c, *slot, text, 0);
	return 0;
}

static const struct yaml_node *find_value(const struct yaml_node *node, const char *key)
{
	while (node && *key) {
		size_t n = strcspn(key, ".");
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)n, key);
		node = yaml_get(node, name);
		key += n + (key[n] == '.');
	}
	return node;
}

/* Scalars by their text, whatever the case; collections by whether there is anything in them. */
static bool is_default(struct config *c, const struct config_row *row, const struct yaml_node *node)
{
	const struct yaml_node *fallback;

	if (yaml_is_null(node))
		return true;
	fallback =
	    row->type == CONFIG_STRING ? NULL : parse_value(c, row->key, str_from(row->fallback));
	if (!fallback)
		return node->kind == YAML_SCALAR &&
		       str_equal_nocase(node->text, str_from(row->fallback));
	if (node->kind != fallback->kind)
		return false;
	if (node->kind == YAML_SCALAR)
		return str_equal_nocase(node->text, fallback->text);
	if (node->count != fallback->count)
		return false;
	for (uint32_t i = 0; node->kind == YAML_SEQUENCE && i < node->count; i++)
		if (node->items[i]->kind != YAML_SCALAR ||
		    !str_equal(node->items[i]->text, fallback->items[i]->text))
			return false;
	return true;
}

static void say_what_has_no_effect(struct config *c)
{
	char list[900] = "";
	size_t n = 0;

	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		const struct yaml_node *node;

		/* Plugins that are described, but not in load_plugins, do nothing anyway. */
		if (!(row->is_later || row->why) || strchr(row->key, '['))
			continue;
		node = find_value(c->root, row->key);
		if (!node || is_default(c, row, node))
			continue;
		if (n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
					      row->key);
	}
	if (n)
		say(c, SEVERITY_WARNING, NULL, "these settings have no effect in this version: %s",
		    list);
}

size_t config_finish(struct config *c)
{
	walk(c, "", c->root, 0);
	if (c->engine_kind == ENGINE_KMOD || c->engine_kind == ENGINE_EBPF)
		say(c, SEVERITY_WARNING, NULL,
		    "engine.kind: there is no such driver; modern_ebpf is used");
	else if (c->engine_kind == ENGINE_REPLAY && !(c->capture_file && *c->capture_file))
		say(c, SEVERITY_ERROR, find_value(c->root, "engine.kind"),
		    "engine.kind: to replay a capture, engine.replay.capture_file must name it");
	else if (c->engine_kind == ENGINE_NODRIVER)
		say(c, SEVERITY_ERROR, find_value(c->root, "engine.kind"),
		    "engine.kind: without a driver there is nothing to watch in this version");
	say_what_has_no_effect(c);
	return c->error_count;
}

uint32_t config_ring_bytes(const struct config *c)
{
	return UINT32_C(1) << (19 + c->buf_size_preset);
}

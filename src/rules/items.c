/* SPDX-License-Identifier: Apache-2.0 */
/* The items of rules files but rules themselves: lists, macros, required versions. */
#include "rules/loader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct place at_item(const struct reading *r)
{
	return place_node(r->file, r->node, r->item);
}

static struct place at_value(const struct reading *r, const struct yaml_node *value)
{
	return place_node(r->file, value, r->item);
}

static bool check_text(const struct reading *r, const char *key, const struct yaml_node *value)
{
	struct place at = at_value(r, value);

	if (yaml_is_null(value))
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "the key '%s' has no value", key);
	else if (value->kind != YAML_SCALAR)
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "the value of '%s' is a %s where a text is wanted", key,
		     value->kind == YAML_SEQUENCE ? "list" : "mapping");
	else if (value->text.n == 0)
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "the value of '%s' is empty", key);
	else
		return true;
	return false;
}

bool read_text(const struct reading *r, const char *key, struct yaml_node **out)
{
	*out = yaml_get(r->node, key);
	if (*out && !check_text(r, key, *out)) {
		*out = NULL;
		return false;
	}
	return true;
}

bool read_bool(const struct reading *r, const char *key, bool *out)
{
	struct yaml_node *value;

	if (!read_text(r, key, &value))
		return false;
	if (value && !yaml_bool(value, out)) {
		struct place at = at_value(r, value);

		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "the value of '%s' is '%.*s' where true or false is wanted", key,
		     STR_ARG(value->text));
		return false;
	}
	return true;
}

bool read_override(const struct reading *r, const struct override_key *keys, size_t count,
		   uint32_t *appended, uint32_t *replaced)
{
	struct yaml_node *override = yaml_get(r->node, "override");
	bool is_good = true;

	if (!override || yaml_is_null(override))
		return true;
	if (override->kind != YAML_MAPPING) {
		struct place at = at_value(r, override);

		/* Upstream takes a text for nothing, but stumbles over a list. */
		if (override->kind == YAML_SCALAR) {
			warn_of_schema(r->l, &at,
				       "'override' is ignored: it wants a mapping from keys to "
				       "'append' or 'replace'");
			return true;
		}
		fail(r->l, "LOAD_ERR_VALIDATE", &at,
		     "'override' wants a mapping from keys to 'append' or 'replace'");
		return false;
	}
	for (uint32_t i = 0; i < override->count; i++) {
		const struct yaml_node *name = override->pairs[i].key;
		const struct yaml_node *what = override->pairs[i].value;
		struct place at = at_value(r, name), at_what = at_value(r, what);
		struct str name_text = name->kind == YAML_SCALAR ? name->text : STR("");
		struct str what_text = what->kind == YAML_SCALAR ? what->text : STR("");
		bool is_append = str_equal_c(what_text, "append");
		size_t k = 0;

		at.part = at_what.part = "overrides";
		while (k < count && !str_equal_c(name_text, keys[k].name))
			k++;
		if (!is_append && !str_equal_c(what_text, "replace")) {
			fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at_what,
			     "the override of '%.*s' is '%.*s'; it can be %s", STR_ARG(name_text),
			     STR_ARG(what_text),
			     k < count && !keys[k].can_append ? "'replace'"
							      : "'append' or 'replace'");
			is_good = false;
		} else if (k == count) {
			fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
			     "the key '%.*s' of a %s cannot be overridden", STR_ARG(name_text),
			     r->item->type);
			is_good = false;
		} else if (is_append && !keys[k].can_append) {
			at.is_beyond_schema = true;
			fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
			     "the key '%.*s' cannot be appended to, only replaced",
			     STR_ARG(name_text));
			is_good = false;
		} else {
			*(is_append ? appended : replaced) |= 1u << k;
		}
	}
	return is_good;
}

bool read_append(const struct reading *r, bool has_override, bool *append)
{
	struct place at = at_item(r);

	if (!read_bool(r, "append", append))
		return false;
	if (!*append)
		return true;

	struct place at_key = at_value(r, yaml_find(r->node, "append")->key);

	warn(r->l, "LOAD_DEPRECATED_ITEM", &at_key,
	     "'append' is deprecated: name the key under 'override' instead, as in "
	     "'override: {%s: append}'",
	     strcmp(r->item->type, "list") == 0 ? "items" : "condition");
	if (!has_override)
		return true;
	at.is_beyond_schema = true;
	fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
	     "'override' and 'append: true' cannot stand together: say 'append' under 'override'");
	return false;
}

/* The item's name, "" (and an error) where it has none that can be used. */
static struct str item_name(struct loader *l, const struct yaml_file *file,
			    const struct yaml_node *node, const char *type)
{
	struct item item = {.type = type, .at = {file, node}};
	struct reading r = {l, file, node, &item};
	struct yaml_node *name;

	return read_text(&r, type, &name) && name ? name->text : STR("");
}

static bool is_identifier(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = (char)(c | 0x20);
		bool is_letter = lower >= 'a' && lower <= 'z';

		if (!is_letter && !(i && ((c >= '0' && c <= '9') || c == '_')))
			return false;
	}
	return s.n > 0;
}

static bool is_bare_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("()\"'=, \t\r\n\v\f", s.p[i]))
			return false;
	return s.n > 0;
}

static struct list_definition *list_named(struct loader *l, struct str name)
{
	struct list_definition *list = strmap_get(&l->lists_by_name, name);

	if (!list) {
		list = ARENA_NEW(l->arena, struct list_definition);
		list->item = (struct item){.type = "list", .name = name};
		strmap_put(&l->lists_by_name, name, list);
		VEC_PUSH(&l->lists, list);
	}
	return list;
}

static void read_list(struct loader *l, struct rules_file *counts, const struct yaml_file *file,
		      const struct yaml_node *node)
{
	static const struct override_key overridable[] = {{"items", true}};
	struct str name = item_name(l, file, node, "list");
	struct item item = {.type = "list", .name = name, .at = {file, node}};
	struct reading r = {l, file, node, &item};
	struct place at = at_item(&r);
	struct yaml_node *items = yaml_get(node, "items");
	uint32_t appended = 0, replaced = 0;
	bool append = false, is_good = true;

	if (!name.n)
		return;
	if (!is_bare_word(name))
		warn(l, "LOAD_INVALID_LIST_NAME", &at,
		     "a list's name should have no blanks, quotes, commas, brackets or equals "
		     "signs");
	if (!items) {
		at.is_beyond_schema = true;
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at, "the list lacks the key 'items'");
		is_good = false;
	} else if (items->kind != YAML_SEQUENCE) {
		at = at_value(&r, items);
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at, "the value of 'items' is not a list");
		is_good = false;
	}
	is_good &= read_override(&r, overridable, 1, &appended, &replaced);
	is_good &= read_append(&r, appended || replaced, &append);
	append |= appended != 0;
	if (append && !strmap_get(&l->lists_by_name, name)) {
		at = at_item(&r);
		fail(l, "LOAD_ERR_VALIDATE", &at,
		     "there is no list '%.*s' before this that could be appended to",
		     STR_ARG(name));
		is_good = false;
	}
	warn_of_unknown_keys(&r, KEYS_OF_LIST);

	struct list_definition *list = list_named(l, name);

	if (!append) {
		counts->lists += list->item.at.file == NULL;
		list->item.at = (struct written){file, node};
		list->items.count = 0;
		list->is_broken = false;
	}
	if (!list->item.at.file)
		list->item.at = (struct written){file, node};
	list->is_broken |= !is_good;
	if (!is_good)
		return;
	for (uint32_t i = 0; i < items->count; i++) {
		if (items->items[i]->kind != YAML_SCALAR || yaml_is_null(items->items[i])) {
			at = at_value(&r, items->items[i]);
			at.part = "list item";
			fail(l, "LOAD_ERR_YAML_VALIDATE", &at, "an item of a list must be a text");
			list->is_broken = true;
			continue;
		}
		VEC_PUSH(&list->items, (struct written){file, items->items[i]});
	}
}

static struct macro_definition *macro_named(struct loader *l, struct str name)
{
	struct macro_definition *macro = strmap_get(&l->macros_by_name, name);

	if (!macro) {
		macro = ARENA_NEW(l->arena, struct macro_definition);
		macro->item = (struct item){.type = "macro", .name = name};
		strmap_put(&l->macros_by_name, name, macro);
		VEC_PUSH(&l->macros, macro);
	}
	return macro;
}

static void read_macro(struct loader *l, struct rules_file *counts, const struct yaml_file *file,
		       const struct yaml_node *node)
{
	static const struct override_key overridable[] = {{"condition", true}};
	struct str name = item_name(l, file, node, "macro");
	struct item item = {.type = "macro", .name = name, .at = {file, node}};
	struct reading r = {l, file, node, &item};
	struct place at = at_item(&r);
	struct yaml_node *condition;
	uint32_t appended = 0, replaced = 0;
	bool append = false, is_good = true;

	if (!name.n)
		return;
	if (!is_identifier(name))
		warn(l, "LOAD_INVALID_MACRO_NAME", &at,
		     "no condition can name this macro: a macro's name is a letter and then "
		     "letters, "
		     "digits and underscores");
	if (!yaml_get(node, "condition")) {
		at.is_beyond_schema = true;
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at, "the macro lacks the key 'condition'");
		is_good = false;
	}
	is_good &= read_text(&r, "condition", &condition);
	is_good &= read_override(&r, overridable, 1, &appended, &replaced);
	is_good &= read_append(&r, appended || replaced, &append);
	append |= appended != 0;
	if (append && !strmap_get(&l->macros_by_name, name)) {
		fail(l, "LOAD_ERR_VALIDATE", &at,
		     "there is no macro '%.*s' before this that could be appended to",
		     STR_ARG(name));
		is_good = false;
	}
	warn_of_unknown_keys(&r, KEYS_OF_MACRO);

	struct macro_definition *macro = macro_named(l, name);

	if (!append) {
		counts->macros += macro->item.at.file == NULL;
		macro->item.at = (struct written){file, node};
		macro->condition.count = 0;
		macro->is_broken = false;
	}
	if (!macro->item.at.file)
		macro->item.at = (struct written){file, node};
	macro->is_broken |= !is_good;
	if (is_good)
		VEC_PUSH(&macro->condition, (struct written){file, condition});
}

/* "1.2.3"; what follows is ignored, as upstream does. */
static bool parse_version(struct str text, uint32_t version[3])
{
	char copy[64];

	if (text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return copy[0] >= '0' && copy[0] <= '9' &&
	       sscanf(copy, "%" SCNu32 ".%" SCNu32 ".%" SCNu32, &version[0], &version[1],
		      &version[2]) == 3;
}

static int compare_versions(const uint32_t a[3], const uint32_t b[3])
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static void read_engine_version(struct loader *l, const struct yaml_file *file,
				const struct yaml_node *node)
{
	static const char key[] = "required_engine_version";
	static const uint32_t ours[3] = {ENGINE_VERSION_MAJOR, ENGINE_VERSION_MINOR,
					 ENGINE_VERSION_PATCH};
	struct item item = {.type = key, .at = {file, node}};
	struct reading r = {l, file, node, &item};
	struct yaml_node *value;
	uint32_t wanted[3] = {0};
	uint64_t number;

	warn_of_unknown_keys(&r, KEYS_OF_ENGINE_VERSION);
	if (!read_text(&r, key, &value) || !value)
		return;

	struct place at = at_value(&r, value);

	/* A bare number N is the form that rules had before versions had dots: 0.N.0. */
	if (yaml_u64(value, &number) && number <= UINT32_MAX) {
		wanted[1] = (uint32_t)number;
	} else if (!parse_version(value->text, wanted)) {
		at.is_beyond_schema = true;
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "'%.*s' is no version: a number or the form x.y.z is wanted",
		     STR_ARG(value->text));
		return;
	}
	if (wanted[0] != ours[0] || compare_versions(wanted, ours) > 0)
		fail(l, "LOAD_ERR_VALIDATE", &at,
		     "the rules want engine version %u.%u.%u, this is version %u.%u.%u", wanted[0],
		     wanted[1], wanted[2], ours[0], ours[1], ours[2]);
	else if (compare_versions(wanted, l->engine_version) > 0)
		memcpy(l->engine_version, wanted, sizeof(wanted));
}

/* Plugins whose work is built in, by the major version that rules are written for. */
static const struct {
	const char *name;
	uint32_t major;
} built_in_plugins[] = {{"container", 0}, {"k8saudit", 0}, {"json", 0}, {"k8smeta", 0}};

struct plugin_check {
	bool is_good;      /* well-formed */
	bool is_satisfied; /* by what is built in */
};

static struct plugin_check read_plugin(struct loader *l, const struct item *item,
				       const struct yaml_file *file, const struct yaml_node *node,
				       uint32_t keys, struct plugin_requirement *out)
{
	struct reading r = {l, file, node, item};
	struct place at = at_item(&r);
	struct yaml_node *name, *version;
	struct plugin_check check = {0};
	uint32_t v[3];

	if (node->kind != YAML_MAPPING) {
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "a required plugin wants a mapping with 'name' and 'version'");
		return check;
	}
	warn_of_unknown_keys(&r, keys);
	if (!read_text(&r, "name", &name) || !read_text(&r, "version", &version))
		return check;
	if (!name || !version) {
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at, "the required plugin lacks the key '%s'",
		     name ? "version" : "name");
		return check;
	}
	if (!parse_version(version->text, v)) {
		at = at_value(&r, version);
		fail(l, "LOAD_ERR_VALIDATE", &at, "'%.*s' is no version: the form x.y.z is wanted",
		     STR_ARG(version->text));
		return check;
	}
	*out = (struct plugin_requirement){name->text, version->text, 0};
	check.is_good = true;
	for (size_t i = 0; i < sizeof(built_in_plugins) / sizeof(built_in_plugins[0]); i++)
		check.is_satisfied |= str_equal_c(name->text, built_in_plugins[i].name) &&
				      v[0] == built_in_plugins[i].major;
	return check;
}

static void read_plugin_with_alternatives(struct loader *l, const struct item *item,
					  const struct yaml_file *file,
					  const struct yaml_node *node)
{
	struct reading r = {l, file, node, item};
	size_t first = l->plugins.count;
	struct plugin_requirement p;
	struct plugin_check check = read_plugin(l, item, file, node, KEYS_OF_PLUGIN, &p);
	struct place at = at_item(&r);

	if (!check.is_good)
		return;
	VEC_PUSH(&l->plugins, p);

	struct yaml_node *others = yaml_get(node, "alternatives");

	if (others && others->kind != YAML_SEQUENCE) {
		at = at_value(&r, others);
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at, "the value of 'alternatives' is not a list");
		return;
	}
	for (uint32_t i = 0; others && i < others->count; i++) {
		struct plugin_requirement other;
		struct plugin_check c =
		    read_plugin(l, item, file, others->items[i], KEYS_OF_ALTERNATIVE, &other);

		if (!c.is_good)
			return;
		for (size_t k = first; k < l->plugins.count; k++)
			if (str_equal(l->plugins.items[k].name, other.name)) {
				struct place at_other = at_value(&r, others->items[i]);

				fail(l, "LOAD_ERR_VALIDATE", &at_other,
				     "the plugin '%.*s' stands twice among the alternatives",
				     STR_ARG(other.name));
				return;
			}
		check.is_satisfied |= c.is_satisfied;
		VEC_PUSH(&l->plugins, other);
		l->plugins.items[first].alternative_count++;
	}
	if (!check.is_satisfied)
		fail(l, "LOAD_ERR_VALIDATE", &at,
		     "the rules need the plugin '%.*s' %.*s, which there is not", STR_ARG(p.name),
		     STR_ARG(p.version));
}

static void read_plugin_versions(struct loader *l, const struct yaml_file *file,
				 const struct yaml_node *node)
{
	static const char key[] = "required_plugin_versions";
	struct item item = {.type = "required plugin versions", .at = {file, node}};
	struct reading r = {l, file, node, &item};
	struct yaml_node *value = yaml_get(node, key);
	struct place at = at_value(&r, value);

	warn_of_unknown_keys(&r, KEYS_OF_PLUGIN_VERSIONS);
	if (value->kind != YAML_SEQUENCE) {
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "the value of 'required_plugin_versions' is not a list");
		return;
	}
	for (uint32_t i = 0; i < value->count; i++)
		read_plugin_with_alternatives(l, &item, file, value->items[i]);
}

static void read_item(struct loader *l, struct rules_file *counts, const struct yaml_file *file,
		      const struct yaml_node *node)
{
	static const char *const types[] = {"rule", "macro", "list", "required_engine_version",
					    "required_plugin_versions"};
	struct place at = place_node(file, node, NULL);

	if (yaml_is_null(node))
		return;
	if (node->kind != YAML_MAPPING) {
		fail(l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "an item of a rules file is a mapping: '- rule: ...', '- macro: ...' or "
		     "'- list: ...'");
		return;
	}
	if (yaml_get(node, "required_engine_version")) {
		read_engine_version(l, file, node);
	} else if (yaml_get(node, "required_plugin_versions")) {
		read_plugin_versions(l, file, node);
	} else if (yaml_get(node, "list")) {
		read_list(l, counts, file, node);
	} else if (yaml_get(node, "macro")) {
		read_macro(l, counts, file, node);
	} else if (yaml_get(node, "rule")) {
		read_rule(l, counts, file, node);
	} else {
		const struct yaml_node *key = node->count ? node->pairs[0].key : NULL;
		struct str name = key && key->kind == YAML_SCALAR ? key->text : STR("");
		const char *nearest = str_nearest(name, types, sizeof(types) / sizeof(types[0]));

		warn(l, "LOAD_UNKNOWN_ITEM", &at, "an unknown item%s%.*s%s is ignored%s%s%s",
		     name.n ? " '" : "", STR_ARG(name), name.n ? "'" : "",
		     nearest ? "; did you mean '" : "", nearest ? nearest : "",
		     nearest ? "'?" : "");
	}
}

static void warn_of_duplicates(struct loader *l, const struct yaml_file *file)
{
	for (size_t i = 0; i < file->duplicate_count; i++) {
		struct place at = place_node(file, file->duplicates[i], NULL);

		warn_of_schema(l, &at, "the key '%.*s' stands here a second time and is ignored",
			       STR_ARG(file->duplicates[i]->text));
	}
}

void read_items(struct loader *l, struct rules_file *counts, const struct yaml_file *file)
{
	warn_of_duplicates(l, file);
	for (size_t d = 0; d < file->document_count; d++) {
		const struct yaml_node *root = file->documents[d];

		if (yaml_is_null(root))
			continue;
		if (root->kind != YAML_SEQUENCE) {
			struct place at = place_node(file, root, NULL);

			fail(l, "LOAD_ERR_YAML_VALIDATE", &at,
			     "a rules file is a list of items, each beginning with '- '");
			continue;
		}
		for (uint32_t i = 0; i < root->count; i++)
			read_item(l, counts, file, root->items[i]);
	}
}

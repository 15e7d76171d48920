/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of items, once: what is known where, and of which form. The loader warns of others by
 * this table, and the JSON schema that editors check rules files with is printed from it.
 */
#include "rules/loader.h"

#include <jansson.h>
#include <stdio.h>

enum { RULE = KEYS_OF_RULE, MACRO = KEYS_OF_MACRO, LIST = KEYS_OF_LIST };

static const struct item_key {
	const char *name;
	uint32_t of; /* enum item_keys */
	const char *form;
} keys[] = {
    {"required_engine_version", KEYS_OF_ENGINE_VERSION, "Version"},
    {"required_plugin_versions", KEYS_OF_PLUGIN_VERSIONS, "RequiredPluginVersion[]"},
    {"macro", MACRO, "text"},
    {"list", LIST, "text"},
    {"rule", RULE, "text"},
    {"condition", RULE | MACRO, "text"},
    {"items", LIST, "Item[]"},
    {"desc", RULE, "text"},
    {"output", RULE, "text"},
    {"priority", RULE, "Priority"},
    {"source", RULE, "string"},
    {"enabled", RULE, "boolean"},
    {"capture", RULE, "boolean"},
    {"capture_duration", RULE, "integer"},
    {"warn_evttypes", RULE, "boolean"},
    {"skip-if-unknown-filter", RULE, "boolean"},
    {"tags", RULE, "string[]"},
    {"exceptions", RULE, "Exception[]"},
    {"append", RULE | MACRO | LIST, "boolean"},
    {"override", RULE | MACRO | LIST, "Override"},
    {"name", KEYS_OF_EXCEPTION | KEYS_OF_PLUGIN | KEYS_OF_ALTERNATIVE, "text"},
    {"fields", KEYS_OF_EXCEPTION, "any"},
    {"comps", KEYS_OF_EXCEPTION, "any"},
    {"values", KEYS_OF_EXCEPTION, "any"},
    {"version", KEYS_OF_PLUGIN | KEYS_OF_ALTERNATIVE, "text"},
    {"alternatives", KEYS_OF_PLUGIN, "Alternative[]"},
};
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };

static const char *const priorities[] = {"EMERGENCY", "ALERT", "CRITICAL",      "ERROR", "WARNING",
					 "NOTICE",    "INFO",  "INFORMATIONAL", "DEBUG"};

static const struct item_key *key_named(struct str name)
{
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (str_equal_c(name, keys[i].name))
			return &keys[i];
	return NULL;
}

/* Of the items of a file upstream's loader warns, of what is in them its schema. */
static enum diagnostic_level level_of(uint32_t of)
{
	return of & KEYS_OF_ITEMS ? DIAGNOSTIC_WARNING : DIAGNOSTIC_SCHEMA;
}

static const char *code_of(uint32_t of)
{
	return of & KEYS_OF_ITEMS ? "LOAD_UNKNOWN_KEY" : "";
}

static void warn_of_key(const struct reading *r, uint32_t of, const struct yaml_node *key)
{
	struct place at = place_node(r->file, key, r->item);
	const struct item_key *known = key_named(key->text);
	const char *names[KEY_COUNT], *nearest;
	size_t count = 0;

	if (known) {
		/* The schema has one form for all items of a file. */
		at.is_beyond_schema = of & KEYS_OF_ITEMS;
		diagnose(r->l, level_of(of), code_of(of), &at,
			 "the key '%s' is ignored: it means nothing in this item", known->name);
		return;
	}
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (keys[i].of & of)
			names[count++] = keys[i].name;
	nearest = str_nearest(key->text, names, count);
	diagnose(r->l, level_of(of), code_of(of), &at, "the unknown key '%.*s' is ignored%s%s%s",
		 STR_ARG(key->text), nearest ? "; did you mean '" : "", nearest ? nearest : "",
		 nearest ? "'?" : "");
}

void warn_of_unknown_keys(const struct reading *r, uint32_t of)
{
	for (uint32_t i = 0; i < r->node->count; i++) {
		const struct yaml_node *key = r->node->pairs[i].key;
		const struct item_key *known;
		struct place at = place_node(r->file, key, r->item);

		if (key->kind != YAML_SCALAR) {
			if (of & KEYS_OF_ITEMS)
				fail(r->l, "LOAD_ERR_VALIDATE", &at, "a key must be a text");
			else
				warn_of_schema(r->l, &at, "a key that is no text is ignored");
			continue;
		}
		known = key_named(key->text);
		if (!known || !(known->of & of))
			warn_of_key(r, of, key);
	}
}

static json_t *reference(const char *definition, size_t length)
{
	char path[80];

	snprintf(path, sizeof(path), "#/definitions/%.*s", (int)length, definition);
	return json_pack("{s:s}", "$ref", path);
}

static json_t *schema_of_form(const char *form)
{
	size_t n = strlen(form);

	if (strcmp(form, "any") == 0)
		return json_object();
	if (strcmp(form, "text") == 0)
		return json_pack("{s:s, s:i}", "type", "string", "minLength", 1);
	if (strcmp(form, "string[]") == 0)
		return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
	if (n > 2 && strcmp(form + n - 2, "[]") == 0)
		return json_pack("{s:s, s:o}", "type", "array", "items", reference(form, n - 2));
	if (form[0] >= 'A' && form[0] <= 'Z')
		return reference(form, n);
	return json_pack("{s:s}", "type", form);
}

static json_t *schema_of_keys(const char *title, uint32_t of, const char *const *required,
			      size_t required_count)
{
	json_t *properties = json_object(), *must = json_array();

	for (size_t i = 0; i < KEY_COUNT; i++)
		if (keys[i].of & of)
			json_object_set_new(properties, keys[i].name, schema_of_form(keys[i].form));
	for (size_t i = 0; i < required_count; i++)
		json_array_append_new(must, json_string(required[i]));
	return json_pack("{s:s, s:s, s:b, s:o, s:o}", "title", title, "type", "object",
			 "additionalProperties", 0, "properties", properties, "required", must);
}

static json_t *schema_of_override(void)
{
	json_t *properties = json_object();
	const struct override_key *overridable;
	size_t count = rule_override_keys(&overridable);

	json_object_set_new(properties, "items", reference("OverriddenItem", 14));
	for (size_t i = 0; i < count; i++)
		json_object_set_new(properties, overridable[i].name,
				    reference("OverriddenItem", 14));
	return json_pack("{s:s, s:s, s:b, s:i, s:o}", "title", "Override", "type", "object",
			 "additionalProperties", 0, "minProperties", 1, "properties", properties);
}

static json_t *schema_of_choice(const char *title, const char *const *choices, size_t count)
{
	json_t *all = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(all, json_string(choices[i]));
	return json_pack("{s:s, s:s, s:o}", "title", title, "type", "string", "enum", all);
}

/* The names for completion, and a pattern for the other ways of writing them. */
static json_t *schema_of_priority(void)
{
	json_t *names = json_array();
	char pattern[512];
	struct buffer b = BUFFER(pattern);

	buffer_put(&b, STR("^("));
	for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++) {
		json_array_append_new(names, json_string(priorities[i]));
		if (i)
			buffer_putc(&b, '|');
		for (const char *c = priorities[i]; *c; c++)
			buffer_printf(&b, "[%c%c]", *c, *c | 0x20);
	}
	buffer_put(&b, STR(")$"));
	return json_pack("{s:s, s:s, s:[{s:o}, {s:s%}]}", "title", "Priority", "type", "string",
			 "anyOf", "enum", names, "pattern", b.p, b.n);
}

static json_t *schema_of_number_or_text(const char *title)
{
	return json_pack("{s:s, s:[{s:s}, {s:s}]}", "title", title, "anyOf", "type", "integer",
			 "type", "string");
}

char *rules_schema_json(void)
{
	static const char *const name[] = {"name"}, *const plugin[] = {"name", "version"};
	static const char *const overrides[] = {"append", "replace"};
	json_t *d = json_object(), *schema;
	char *text;

	json_object_set_new(d, "FalcoRule", schema_of_keys("FalcoRule", KEYS_OF_ITEMS, NULL, 0));
	json_object_set_new(d, "Item", schema_of_number_or_text("Item"));
	json_object_set_new(d, "Version", schema_of_number_or_text("Version"));
	json_object_set_new(d, "Exception",
			    schema_of_keys("Exception", KEYS_OF_EXCEPTION, name, 1));
	json_object_set_new(d, "Priority", schema_of_priority());
	json_object_set_new(d, "OverriddenItem", schema_of_choice("OverriddenItem", overrides, 2));
	json_object_set_new(d, "Override", schema_of_override());
	json_object_set_new(d, "RequiredPluginVersion",
			    schema_of_keys("RequiredPluginVersion", KEYS_OF_PLUGIN, plugin, 2));
	json_object_set_new(d, "Alternative",
			    schema_of_keys("Alternative", KEYS_OF_ALTERNATIVE, plugin, 2));
	schema =
	    json_pack("{s:s, s:s, s:o, s:o}", "$schema", "http://json-schema.org/draft-06/schema#",
		      "type", "array", "items", reference("FalcoRule", 9), "definitions", d);
	text = json_dumps(schema, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(schema);
	return text;
}

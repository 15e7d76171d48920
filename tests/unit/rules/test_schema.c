/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON schema and the loader say the same of every key and of every form of value. */
#include "rules_unit.h"

#include "base/yaml.h"

#include <jansson.h>
#include <regex.h>

static json_t *load_schema(void)
{
	char *text = rules_schema_json();
	json_t *schema = json_loads(text, 0, NULL);

	free(text);
	assert_non_null(schema);
	return schema;
}

static bool is_of_type(const struct yaml_node *node, const char *type)
{
	uint64_t number;
	bool truth;

	if (strcmp(type, "array") == 0)
		return node->kind == YAML_SEQUENCE;
	if (strcmp(type, "object") == 0)
		return node->kind == YAML_MAPPING;
	if (node->kind != YAML_SCALAR || yaml_is_null(node))
		return false;
	if (strcmp(type, "boolean") == 0)
		return yaml_bool(node, &truth);
	return strcmp(type, "integer") != 0 || yaml_u64(node, &number);
}

static bool fits_pattern(struct str text, const char *pattern)
{
	char copy[256];
	regex_t regex;
	bool fits;

	snprintf(copy, sizeof(copy), "%.*s", STR_ARG(text));
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	fits = regexec(&regex, copy, 0, NULL, 0) == 0;
	regfree(&regex);
	return fits;
}

/*
 * As much of a validator as the schema needs. Scalars of YAML have no type of their own: a text may
 * look like a number.
 */
static bool fits(json_t *whole, json_t *schema, const struct yaml_node *node)
{
	json_t *value = json_object_get(schema, "$ref"), *one;
	bool is_good;
	size_t i;

	if (value) {
		const char *name = strrchr(json_string_value(value), '/') + 1;

		schema = json_object_get(json_object_get(whole, "definitions"), name);
		assert_non_null(schema);
	}
	if ((value = json_object_get(schema, "type")) &&
	    !is_of_type(node, json_string_value(value)))
		return false;
	if (json_integer_value(json_object_get(schema, "minLength")) > (int)node->text.n)
		return false;
	if ((value = json_object_get(schema, "pattern")) &&
	    !fits_pattern(node->text, json_string_value(value)))
		return false;
	if ((value = json_object_get(schema, "anyOf"))) {
		is_good = false;
		json_array_foreach(value, i, one) is_good |= fits(whole, one, node);
		if (!is_good)
			return false;
	}
	if ((value = json_object_get(schema, "enum"))) {
		is_good = false;
		json_array_foreach(value, i, one) is_good |=
		    str_equal_c(node->text, json_string_value(one));
		if (!is_good)
			return false;
	}
	json_array_foreach(json_object_get(schema, "required"), i,
			   one) if (!yaml_get(node, json_string_value(one))) return false;
	if (json_integer_value(json_object_get(schema, "minProperties")) > node->count)
		return false;
	for (uint32_t k = 0; k < node->count; k++) {
		if (node->kind == YAML_SEQUENCE && (value = json_object_get(schema, "items"))) {
			if (!fits(whole, value, node->items[k]))
				return false;
		} else if (node->kind == YAML_MAPPING) {
			char key[64];

			snprintf(key, sizeof(key), "%.*s", STR_ARG(node->pairs[k].key->text));
			value = json_object_get(json_object_get(schema, "properties"), key);
			if (value ? !fits(whole, value, node->pairs[k].value)
				  : json_is_false(json_object_get(schema, "additionalProperties")))
				return false;
		}
	}
	return true;
}

static bool text_fits(json_t *schema, const char *text)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct yaml_file file;
	struct error err = {0};

	assert_int_equal(yaml_parse(&file, "t.yaml", str_from(text), arena, &err), 0);
	return fits(schema, schema, file.documents[0]);
}

/* Nothing is told that a schema could tell: forms of values and unknown keys. */
static bool is_told_fit(const char *text)
{
	struct rule_set *set = load_text(text);
	bool is_good = true;

	for (size_t i = 0; i < set->diagnostic_count; i++) {
		const struct diagnostic *d = &set->diagnostics[i];

		is_good &= d->level != DIAGNOSTIC_SCHEMA &&
			   strcmp(d->code, "LOAD_ERR_YAML_VALIDATE") != 0 &&
			   strcmp(d->code, "LOAD_UNKNOWN_KEY") != 0;
	}
	rules_free(set);
	return is_good;
}

/* Items around the value that is tried, which %s stands for. */
static const struct position {
	const char *key; /* the loader reads it there */
	const char *text;
} positions[] = {
#define R "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: INFO\n"
    {"rule", "- rule: %s\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: INFO\n"},
    {"desc", "- rule: r\n  desc: %s\n  condition: evt.type=open\n  output: o\n  priority: INFO\n"},
    {"condition", "- rule: r\n  desc: d\n  condition: %s\n  output: o\n  priority: INFO\n"},
    {"output",
     "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: %s\n  priority: INFO\n"},
    {"priority", "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: %s\n"},
    {"enabled", R "  enabled: %s\n"},
    {"capture", R "  capture: %s\n"},
    {"capture_duration", R "  capture_duration: %s\n"},
    {"warn_evttypes", R "  warn_evttypes: %s\n"},
    {"skip-if-unknown-filter", R "  skip-if-unknown-filter: %s\n"},
    {"tags", R "  tags: %s\n"},
    {"append", R R "  append: %s\n"},
    {"macro", "- macro: %s\n  condition: evt.type=open\n"},
    {"condition", "- macro: m\n  condition: %s\n"},
    {"list", "- list: %s\n  items: []\n"},
    {"items", "- list: l\n  items: %s\n"},
    {"required_engine_version", "- required_engine_version: %s\n"},
    {"required_plugin_versions", "- required_plugin_versions: %s\n"},
    {"name", R "  exceptions: [{name: %s, fields: [proc.name]}]\n"},
    {"nothing", R "  nothing: %s\n"},
    {"nothing", R "  exceptions: [{name: e, fields: [proc.name], nothing: %s}]\n"},
    {"version", "- required_plugin_versions: [{name: json, version: %s}]\n"},
    {"name", "- required_plugin_versions: [{name: %s, version: 0.1.0}]\n"},
    {"alternatives",
     "- required_plugin_versions: [{name: json, version: 0.1.0, alternatives: %s}]\n"},
    {"override", R "- rule: r\n  desc: e\n  override: {desc: %s}\n"},
    {"override", "- list: l\n  items: []\n  override: {items: %s}\n"},
#undef R
};

static const char *const values[] = {
    "evt.type=open",
    "5",
    "0.1.0",
    "true",
    "no",
    "~",
    "''",
    "[]",
    "[a]",
    "[5, x]",
    "[[a]]",
    "[~]",
    "{}",
    "{a: b}",
    "append",
    "replace",
    "prepend",
    "-3",
    "1.5",
    "info",
    "INFO",
    "Warning",
    "eMeRgEnCy",
    "LOUD",
    "WARNING ",
    "informational",
    "[{}]",
    "[{name: x}]",
    "[{name: json, version: 0.1.0}]",
    "[{name: json, version: 0.1.0, more: x}]",
};

/* Where the schema, which has one form for all items, cannot say what the loader says. */
static bool is_beyond_schema(const struct position *p, const char *value)
{
	/* The form of a version is told by the loader alone. */
	return strcmp(p->key, "required_engine_version") == 0 && value[0] != '[' &&
	       value[0] != '{' && value[0] != '~';
}

static void test_the_loader_agrees_with_the_schema(void **state)
{
	(void)state;
	json_t *schema = load_schema();
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++)
		for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
			char text[1024];
			const char *before = positions[i].text, *at = strstr(before, "%s");

			if (is_beyond_schema(&positions[i], values[k]))
				continue;
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - before), before,
				 values[k], at + 2);

			bool by_schema = text_fits(schema, text), by_loader = is_told_fit(text);

			if (by_schema == by_loader)
				continue;
			fprintf(stderr, "%sfits by the schema: %d, by the loader: %d\n", text,
				by_schema, by_loader);
			bad++;
		}
	json_decref(schema);
	check_i64(bad, 0, "disagreements");
}

static void test_the_schema_knows_the_keys_of_the_loader(void **state)
{
	(void)state;
	json_t *schema = load_schema(), *properties, *value;
	const char *key;

	properties = json_object_get(
	    json_object_get(json_object_get(schema, "definitions"), "FalcoRule"), "properties");
	json_object_foreach(properties, key, value)
	{
		static const char *const elsewhere[] = {"source", "exceptions", "override"};
		bool is_tried = false;

		for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++)
			is_tried |= strcmp(positions[i].key, key) == 0;
		for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
			is_tried |= strcmp(elsewhere[i], key) == 0;
		if (!is_tried)
			fail_msg("the key %s is not tried", key);
	}
	json_decref(schema);
}

static void test_priorities_are_read_in_every_case(void **state)
{
	(void)state;
	json_t *schema = load_schema(), *priority, *names, *one;
	size_t i;

	priority = json_object_get(json_object_get(schema, "definitions"), "Priority");
	names = json_object_get(json_array_get(json_object_get(priority, "anyOf"), 0), "enum");
	check_i64(json_array_size(names), SEVERITY_COUNT + 1, "with INFO");
	json_array_foreach(names, i, one)
	{
		struct str name = str_from(json_string_value(one));
		char mixed[32];

		for (int form = 0; form < 3; form++) {
			for (size_t k = 0; k <= name.n; k++)
				mixed[k] =
				    (char)(name.p[k] | (form + k > 1 && k < name.n ? 0x20 : 0));
			assert_true(severity_by_name(str_from(mixed)) >= 0);
			assert_true(text_fits(priority, mixed));
		}
	}
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_loader_agrees_with_the_schema),
	    cmocka_unit_test(test_the_schema_knows_the_keys_of_the_loader),
	    cmocka_unit_test(test_priorities_are_read_in_every_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

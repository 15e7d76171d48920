/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON schema and the loader say the same of every key and form of value. */
#include "rules_unit.h"

#include <jansson.h>

/* A value of a form, and one that is not. */
static const struct form {
	const char *type; /* in the schema */
	const char *good, *bad;
} forms[] = {
    {"string", "evt.type=open", "[a]"},
    {"boolean", "true", "maybe"},
    {"integer", "5", "x"},
    {"array", "[]", "x"},
    {"#/definitions/Priority", "ERROR", "LOUD"},
    {"#/definitions/Override", "{desc: replace}", "x"},
};

static const char *form_of(json_t *schema)
{
	json_t *type = json_object_get(schema, "type");

	return json_string_value(type ? type : json_object_get(schema, "$ref"));
}

/* The rule r with the key set to the value. */
static size_t count_in_rule(const char *key, const char *value, const char *code)
{
	static const char *const usual[][2] = {
	    {"desc", "d"}, {"condition", "evt.type=open"}, {"output", "o"}, {"priority", "INFO"}};
	char text[1024];
	struct buffer b = BUFFER(text);
	bool is_override = strcmp(key, "override") == 0 || strcmp(key, "append") == 0;

	buffer_put(&b, STR(RULE_R "- rule: r\n"));
	for (size_t i = 0; i < 4; i++)
		if (strcmp(usual[i][0], key) != 0 && !(is_override && i != 0 && key[0] == 'o') &&
		    strcmp(key, "rule") != 0)
			buffer_printf(&b, "  %s: %s\n", usual[i][0], usual[i][1]);
	if (strcmp(key, "rule") == 0) {
		b.n = 0;
		buffer_printf(&b,
			      "- rule: %s\n  desc: d\n  condition: evt.type=open\n  output: o\n"
			      "  priority: INFO\n",
			      value);
	} else if (strcmp(key, "source") == 0 && value[0] != '[') {
		buffer_put(&b, STR("  source: syscall\n"));
	} else {
		buffer_printf(&b, "  %s: %s\n", key, value);
	}

	const struct rules_text one = {"t.yaml", buffer_str(&b)};
	struct rule_set *set = rules_load_texts(&one, 1, &all_rules);
	size_t n = count_code(set, code);

	rules_free(set);
	return n;
}

static void test_the_loader_agrees_with_the_schema(void **state)
{
	(void)state;
	/* Keys of other items are tried there. */
	static const char *const of_others[] = {"items", "list", "macro", "required_engine_version",
						"required_plugin_versions"};
	char *text = rules_schema_json();
	json_t *schema = json_loads(text, 0, NULL), *properties, *value;
	const char *key;
	size_t tried = 0;

	assert_non_null(schema);
	properties = json_object_get(
	    json_object_get(json_object_get(schema, "definitions"), "FalcoRule"), "properties");
	json_object_foreach(properties, key, value)
	{
		bool is_of_rule = true;

		for (size_t i = 0; i < sizeof(of_others) / sizeof(of_others[0]); i++)
			is_of_rule &= strcmp(of_others[i], key) != 0;
		for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]) && is_of_rule; f++) {
			if (strcmp(forms[f].type, form_of(value)) != 0)
				continue;
			tried++;
			check_i64(count_in_rule(key, forms[f].good, "LOAD_UNKNOWN_KEY"), 0, key);
			check_i64(count_in_rule(key, forms[f].good, "LOAD_ERR_YAML_VALIDATE"), 0,
				  key);
			check_i64(count_in_rule(key, forms[f].bad, "LOAD_ERR_YAML_VALIDATE"), 1,
				  key);
		}
	}
	check_i64(tried, json_object_size(properties) - 5, "keys of rules");
	check_i64(count_in_rule("nothing", "x", "LOAD_UNKNOWN_KEY"), 1, "unknown key");
	json_decref(schema);
	free(text);
}

static void test_priorities_of_the_schema_are_read(void **state)
{
	(void)state;
	char *text = rules_schema_json();
	json_t *schema = json_loads(text, 0, NULL), *all, *one;
	size_t i;

	all = json_object_get(json_object_get(json_object_get(schema, "definitions"), "Priority"),
			      "enum");
	check_i64(json_array_size(all), SEVERITY_COUNT + 1, "with INFO");
	json_array_foreach(all, i, one)
	    assert_true(severity_by_name(str_from(json_string_value(one))) >= 0);
	json_decref(schema);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_loader_agrees_with_the_schema),
	    cmocka_unit_test(test_priorities_of_the_schema_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

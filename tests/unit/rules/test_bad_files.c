/* SPDX-License-Identifier: Apache-2.0 */
/* Every broken file gives an error that points. */
#include "rules_unit.h"

#include <jansson.h>

#define HEAD "- rule: r\n  desc: d\n  output: o %proc.name\n  priority: INFO\n"

struct bad {
	const char *text;
	const char *code;
	uint32_t line, column;
	const char *says; /* a part of the message */
};

static const struct bad errors[] = {
    /* YAML */
    {"- rule: r\n\tdesc: d\n", "LOAD_ERR_YAML_PARSE", 2, 1, "tab"},
    {"- rule: \"r\n", "LOAD_ERR_YAML_PARSE", 2, 1, "end of stream"},
    {"- rule: r\n  desc: \xfe\n", "LOAD_ERR_YAML_PARSE", 2, 9, "UTF-8"},
    {"- &a [*a]\n", "LOAD_ERR_YAML_PARSE", 1, 7, "own anchor"},
    /* shape of the file */
    {"rule: r\n", "LOAD_ERR_YAML_VALIDATE", 1, 1, "list of items"},
    {"just text\n", "LOAD_ERR_YAML_VALIDATE", 1, 1, "list of items"},
    {"- a\n", "LOAD_ERR_YAML_VALIDATE", 1, 3, "mapping"},
    {"- - a\n", "LOAD_ERR_YAML_VALIDATE", 1, 3, "mapping"},
    {RULE_R "---\nfoo: bar\n", "LOAD_ERR_YAML_VALIDATE", 7, 1, "list of items"},
    /* rules */
    {"- rule:\n  desc: d\n", "LOAD_ERR_YAML_VALIDATE", 1, 8, "no value"},
    {"- rule: [a]\n  desc: d\n", "LOAD_ERR_YAML_VALIDATE", 1, 9, "text is wanted"},
    {"- rule: ''\n", "LOAD_ERR_YAML_VALIDATE", 1, 9, "empty"},
    {"- rule: r\n  desc: d\n", "LOAD_ERR_YAML_VALIDATE", 1, 3, "'condition', 'output', 'priority'"},
    {"- rule: r\n", "LOAD_ERR_YAML_VALIDATE", 1, 3, "'enabled'"},
    {HEAD "  condition:\n", "LOAD_ERR_YAML_VALIDATE", 5, 13, "no value"},
    {HEAD "  condition: [a]\n", "LOAD_ERR_YAML_VALIDATE", 5, 14, "list"},
    {HEAD "  condition: evt.type=open\n  enabled: maybe\n", "LOAD_ERR_YAML_VALIDATE", 6, 12,
     "true or false"},
    {HEAD "  condition: evt.type=open\n  capture_duration: long\n", "LOAD_ERR_YAML_VALIDATE", 6, 21,
     "milliseconds"},
    {HEAD "  condition: evt.type=open\n  capture_duration: -1\n", "LOAD_ERR_YAML_VALIDATE", 6, 21,
     "milliseconds"},
    {HEAD "  condition: evt.type=open\n  tags: x\n", "LOAD_ERR_YAML_VALIDATE", 6, 9, "list"},
    {HEAD "  condition: evt.type=open\n  tags: [a, [b]]\n", "LOAD_ERR_YAML_VALIDATE", 6, 13, "tag"},
    {HEAD "  condition: evt.type=open\n  exceptions: x\n", "LOAD_ERR_YAML_VALIDATE", 6, 15, "list"},
    {"- rule: r\n  desc: d\n  output: o\n  priority: warming\n  condition: evt.type=open\n",
     "LOAD_ERR_YAML_VALIDATE", 4, 13, "did you mean Warning?"},
    /* override and append */
    {RULE_R "- rule: r\n  condition: x\n  override: [condition]\n", "LOAD_ERR_VALIDATE", 8, 13,
     "mapping"},
    {RULE_R "- rule: r\n  priority: INFO\n  override:\n    priority: append\n",
     "LOAD_ERR_YAML_VALIDATE", 9, 5, "cannot be appended"},
    {RULE_R "- rule: r\n  source: syscall\n  override:\n    source: replace\n",
     "LOAD_ERR_YAML_VALIDATE", 9, 5, "cannot be overridden"},
    {RULE_R "- rule: r\n  desc: INFO\n  override:\n    desc: prepend\n", "LOAD_ERR_YAML_VALIDATE",
     9, 11, "'append' or 'replace'"},
    {RULE_R "- rule: r\n  override:\n    desc: append\n", "LOAD_ERR_YAML_VALIDATE", 6, 3,
     "no key 'desc'"},
    {RULE_R "- rule: r\n  desc: e\n  output: p\n  override:\n    desc: append\n",
     "LOAD_ERR_YAML_VALIDATE", 8, 3, "no entry under 'override'"},
    {RULE_R "- rule: r\n  append: true\n  desc: e\n", "LOAD_ERR_VALIDATE", 6, 3, "exceptions"},
    {RULE_R "- rule: rr\n  append: true\n  condition: and x\n", "LOAD_ERR_VALIDATE", 6, 3,
     "did you mean 'r'"},
    {"- list: l\n  items: [a]\n  override:\n    items: append\n", "LOAD_ERR_VALIDATE", 1, 3,
     "no list 'l'"},
    {"- macro: m\n  condition: proc.name=a\n  override:\n    items: append\n",
     "LOAD_ERR_YAML_VALIDATE", 4, 5, "macro cannot be overridden"},
    {RULE_R "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: INFO\n"
	    "  source: k8s_audit\n",
     "LOAD_ERR_VALIDATE", 11, 11, "source"},
    /* lists and macros */
    {"- list: l\n  items: a\n", "LOAD_ERR_YAML_VALIDATE", 2, 10, "not a list"},
    {"- list: l\n  items: [a, [b]]\n", "LOAD_ERR_YAML_VALIDATE", 2, 14, "item of a list"},
    {"- list: l\n  items: [a, ~]\n", "LOAD_ERR_YAML_VALIDATE", 2, 14, "item of a list"},
    {"- macro: m\n", "LOAD_ERR_YAML_VALIDATE", 1, 3, "condition"},
    {"- list: a\n  items: [b]\n- list: b\n  items: [x, a]\n", "LOAD_ERR_VALIDATE", 4, 14,
     "contains itself"},
    {"- macro: m\n  condition: proc.name=a and m\n", "LOAD_ERR_VALIDATE", 2, 30,
     "refers to itself"},
    {"- macro: a\n  condition: b\n- macro: b\n  condition: not a\n", "LOAD_ERR_VALIDATE", 4, 18,
     "by way of 'b'"},
    {"- macro: mine\n  condition: proc.name=a\n- macro: b\n  condition: mime\n",
     "LOAD_ERR_VALIDATE", 4, 14, "did you mean 'mine'"},
    {"- list: l\n  items: [a]\n" HEAD "  condition: evt.type=open and l\n", "LOAD_ERR_VALIDATE", 7,
     32, "is a list"},
    {"- list: l\n  items: [a, b]\n" HEAD "  condition: evt.type=open and proc.name=l\n",
     "LOAD_ERR_COMPILE_CONDITION", 7, 42, "list of 2 values"},
    /* versions */
    {"- required_engine_version: 9999\n", "LOAD_ERR_VALIDATE", 1, 28, "0.9999.0"},
    {"- required_engine_version: 1.0.0\n", "LOAD_ERR_VALIDATE", 1, 28, "1.0.0"},
    {"- required_engine_version: new\n", "LOAD_ERR_YAML_VALIDATE", 1, 28, "no version"},
    {"- required_plugin_versions: x\n", "LOAD_ERR_YAML_VALIDATE", 1, 29, "list"},
    {"- required_plugin_versions: [x]\n", "LOAD_ERR_YAML_VALIDATE", 1, 30, "mapping"},
    {"- required_plugin_versions:\n  - name: container\n", "LOAD_ERR_YAML_VALIDATE", 2, 5,
     "'version'"},
    {"- required_plugin_versions:\n  - name: container\n    version: 7\n", "LOAD_ERR_VALIDATE", 3,
     14, "x.y.z"},
    {"- required_plugin_versions:\n  - name: okta\n    version: 0.1.0\n", "LOAD_ERR_VALIDATE", 2, 5,
     "okta"},
    {"- required_plugin_versions:\n  - name: okta\n    version: 0.1.0\n    alternatives:\n"
     "    - name: okta\n      version: 0.2.0\n",
     "LOAD_ERR_VALIDATE", 5, 7, "twice"},
    /* conditions, pointed at through all ways of writing them */
    {HEAD "  condition: evt.type=open and foo.bar=1\n", "LOAD_ERR_COMPILE_CONDITION", 5, 32,
     "foo.bar"},
    {HEAD "  condition: >\n    evt.type=open\n    and proc.nme=x\n", "LOAD_ERR_COMPILE_CONDITION",
     7, 9, "proc.name"},
    {HEAD "  condition: |\n    evt.type=open\n\n    and\n      proc.nme=x\n",
     "LOAD_ERR_COMPILE_CONDITION", 9, 7, "proc.name"},
    {HEAD "  condition: \"evt.type=open and\n    \\\"\\\"\"\n", "LOAD_ERR_COMPILE_CONDITION", 6, 5,
     "expected"},
    {HEAD "  condition: evt.type=open\n    and\n    proc.nme=x\n", "LOAD_ERR_COMPILE_CONDITION", 7,
     5, "proc.name"},
    {HEAD "  condition: 'evt.type=open and\n    proc.name=''a'' and proc.nme=x'\n",
     "LOAD_ERR_COMPILE_CONDITION", 6, 25, "proc.name"},
    {RULE_R "- rule: r\n  condition: and foo.bar=1\n  override:\n    condition: append\n",
     "LOAD_ERR_COMPILE_CONDITION", 7, 18, "foo.bar"},
    {"- macro: m\n  condition: proc.nme=x\n" HEAD "  condition: evt.type=open and m\n",
     "LOAD_ERR_COMPILE_CONDITION", 2, 14, "proc.name"},
    {HEAD "  condition: evt.type=open and (proc.name=a\n", "LOAD_ERR_COMPILE_CONDITION", 5, 44,
     "end of the condition"},
    /* outputs */
    {"- rule: r\n  desc: d\n  condition: evt.type=open\n  priority: INFO\n  output: >\n    a\n"
     "    %foo.bar\n",
     "LOAD_ERR_COMPILE_OUTPUT", 7, 6, "foo.bar"},
    {RULE_R "- rule: r\n  output: \"%foo.bar\"\n  override: {output: append}\n",
     "LOAD_ERR_COMPILE_OUTPUT", 7, 13, "foo.bar"},
    /* sources */
    {HEAD "  condition: evt.type=open and ka.verb=x\n", "LOAD_ERR_COMPILE_CONDITION", 5, 32,
     "k8s_audit"},
    {"- rule: r\n  desc: d\n  condition: evt.type=open\n  output: '%ka.verb'\n  priority: INFO\n",
     "LOAD_ERR_COMPILE_OUTPUT", 4, 12, "ka.verb"},
};

static void test_each_broken_file_gives_one_error_that_points(void **state)
{
	(void)state;
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct bad *want = &errors[i];
		struct rule_set *set = load_text(want->text);
		const struct diagnostic *d = NULL;

		for (size_t k = 0; k < set->diagnostic_count && !d; k++)
			if (set->diagnostics[k].level == DIAGNOSTIC_ERROR)
				d = &set->diagnostics[k];
		if (set->error_count != 1 || !d || strcmp(d->code, want->code) != 0 ||
		    d->line != want->line || d->column != want->column ||
		    !memmem(d->message.p, d->message.n, want->says, strlen(want->says)) ||
		    set->rule_count != 0) {
			fprintf(stderr, "%s\nwant %s %u:%u \"%s\", got %zu errors:\n", want->text,
				want->code, want->line, want->column, want->says, set->error_count);
			print_diagnostics(set);
			bad++;
		}
		rules_free(set);
	}
	if (bad)
		fail_msg("%zu files told of otherwise", bad);
}

static const struct bad warnings[] = {
    {"- foo: bar\n", "LOAD_UNKNOWN_ITEM", 1, 3, "'foo'"},
    {"- rules: bar\n", "LOAD_UNKNOWN_ITEM", 1, 3, "did you mean 'rule'"},
    {RULE_R "  tag: [a]\n", "LOAD_UNKNOWN_KEY", 6, 3, "did you mean 'tags'"},
    {RULE_R "  items: [a]\n", "LOAD_UNKNOWN_KEY", 6, 3, "in this item"},
    {RULE_R "  exceptions: [{name: e, fields: [proc.name], value: []}]\n", "", 6, 47,
     "did you mean 'values'"},
    {"- required_plugin_versions: [{name: container, version: 0.1.0, foo: x}]\n", "", 1, 64,
     "'foo'"},
    {RULE_R "  desc: e\n", "", 6, 3, "second time"},
    {"- list: l\n  items: [a]\n  foo: b\n", "LOAD_UNKNOWN_KEY", 3, 3, "'foo'"},
    {RULE_R "  source: k8s_audut\n", "LOAD_UNKNOWN_SOURCE", 6, 11, "did you mean 'k8s_audit'"},
    {RULE_R "  source: k8s_audit\n", "LOAD_UNKNOWN_SOURCE", 6, 11, "loaded for that"},
    {"- list: 'a b'\n  items: [a]\n", "LOAD_INVALID_LIST_NAME", 1, 3, "name"},
    {"- macro: a-b\n  condition: proc.name=x\n", "LOAD_INVALID_MACRO_NAME", 1, 3, "name"},
    {RULE_R "- rule: r\n  enabled: false\n", "LOAD_DEPRECATED_ITEM", 6, 3, "'enabled'"},
    {RULE_R "- rule: r\n  append: true\n  condition: and proc.name=x\n", "LOAD_DEPRECATED_ITEM", 7,
     3, "override"},
    {RULE_R
     "  exceptions:\n  - {name: a, fields: [proc.name]}\n  - {name: a, fields: [proc.name]}\n",
     "LOAD_EXCEPTION_NAME_NOT_UNIQUE", 8, 5, "'a'"},
    {RULE_R "  exceptions: [{name: a, fields: [proc.name]}]\n- rule: r\n  exceptions: [{name: a}]\n"
	    "  override: {exceptions: append}\n",
     "LOAD_APPEND_NO_VALUES", 8, 16, "nothing is appended"},
    {"- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o %container.info\n"
     "  priority: INFO\n",
     "LOAD_DEPRECATED_ITEM", 4, 13, "container.info"},
    {"- rule: r\n  desc: d\n  condition: evt.type=open and foo.bar=1\n  output: o\n"
     "  priority: INFO\n  skip-if-unknown-filter: true\n",
     "LOAD_UNKNOWN_FILTER", 3, 32, "not loaded"},
    {"- rule: r\n  desc: d\n  condition: evt.type=opeen\n  output: o\n  priority: INFO\n"
     "  skip-if-unknown-filter: true\n",
     "LOAD_UNKNOWN_FILTER", 3, 23, "opeen"},
    {"- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o %evt.latency\n"
     "  priority: INFO\n",
     "LOAD_DEPRECATED_ITEM", 4, 14, "evt.latency"},
    {"- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o %foo.bar\n"
     "  priority: INFO\n  skip-if-unknown-filter: true\n",
     "LOAD_UNKNOWN_FILTER", 4, 14, "not loaded"},
};

static void test_what_is_doubtful_is_warned_of(void **state)
{
	(void)state;
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
		const struct bad *want = &warnings[i];
		struct rule_set *set = load_text(want->text);
		bool found = false;

		for (size_t k = 0; k < set->diagnostic_count; k++) {
			const struct diagnostic *d = &set->diagnostics[k];

			found |=
			    d->level == (want->code[0] ? DIAGNOSTIC_WARNING : DIAGNOSTIC_SCHEMA) &&
			    strcmp(d->code, want->code) == 0 && d->line == want->line &&
			    d->column == want->column &&
			    memmem(d->message.p, d->message.n, want->says, strlen(want->says));
		}
		if (!found || set->error_count) {
			fprintf(stderr, "%s\nwant %s %u:%u \"%s\", got:\n", want->text, want->code,
				want->line, want->column, want->says);
			print_diagnostics(set);
			bad++;
		}
		rules_free(set);
	}
	if (bad)
		fail_msg("%zu files warned of otherwise", bad);
}

static void test_all_problems_of_all_files_are_told_in_one_go(void **state)
{
	(void)state;
	static const struct rules_text texts[] = {
	    {"a.yaml", STR("- rule: a\n  desc: d\n- rule: b\n  desc: d\n  condition: foo.bar=1\n"
			   "  output: '%foo.baz'\n  priority: LOUD\n")},
	    {"b.yaml", STR("- list: l\n- rule: c\n  desc: d\n  condition: foo.bar=1\n"
			   "  output: '%foo.baz'\n  priority: INFO\n")},
	    {"c.yaml", STR(RULE_R "- rule: x\n  desc: [\n")},
	};
	static const struct {
		const char *file;
		uint32_t line;
	} want[] = {{"a.yaml", 1}, {"a.yaml", 7}, {"b.yaml", 1},
		    {"c.yaml", 8}, {"b.yaml", 5}, {"b.yaml", 4}};
	struct rule_set *set = rules_load_texts(texts, 3, &all_rules);

	if (set->error_count != sizeof(want) / sizeof(want[0]))
		print_diagnostics(set);
	check_i64(set->error_count, sizeof(want) / sizeof(want[0]), "errors");
	for (size_t i = 0; i < set->error_count; i++) {
		check_str(str_from(set->diagnostics[i].file), want[i].file, "file");
		check_i64(set->diagnostics[i].line, want[i].line, want[i].file);
	}
	check_i64(set->rule_count, 0, "nothing is half loaded");
	rules_free(set);
}

static void test_a_mistake_in_a_macro_is_told_once(void **state)
{
	(void)state;
	struct rule_set *set = load_text("- macro: m\n  condition: proc.nme=x\n" RULE_R
					 "- rule: a\n  condition: m\n  desc: d\n  output: o\n"
					 "  priority: INFO\n"
					 "- rule: b\n  condition: m\n  desc: d\n  output: o\n"
					 "  priority: INFO\n");

	check_i64(set->error_count, 1, "errors");
	check_str(str_from(set->diagnostics[0].item_type), "macro", "item");
	rules_free(set);
}

static void test_a_broken_macro_makes_no_second_error_where_it_is_used(void **state)
{
	(void)state;
	struct rule_set *set =
	    load_text("- macro: m\n  condition: proc.name=\n- list: l\n  items: x\n" HEAD
		      "  condition: evt.type=open and m and proc.name in (l)\n");

	check_i64(set->error_count, 2, "errors");
	rules_free(set);
}

static void test_a_file_that_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	static const char *const paths[] = {"/nonexistent/rules.yaml", "/"};
	struct rule_set *set = rules_load(paths, 2, &all_rules);

	check_i64(set->error_count, 2, "errors");
	check_str(str_from(set->diagnostics[0].code), "LOAD_ERR_FILE_READ", "code");
	check_str(str_from(set->diagnostics[0].file), paths[0], "file");
	check_i64(set->diagnostics[0].line, 0, "line");
	rules_free(set);
}

static void test_a_diagnostic_reads_well(void **state)
{
	(void)state;
	struct rule_set *set =
	    load_text(HEAD "  condition: proc.name=\"\xc3\xa4\" and foo.bar=1\n");
	char memory[1024];
	struct buffer b = BUFFER(memory);

	check_i64(set->error_count, 1, "errors");
	diagnostic_print(&set->diagnostics[0], &b);
	check_str(buffer_str(&b),
		  "t.yaml:5:33: error: unknown field 'foo.bar' [LOAD_ERR_COMPILE_CONDITION]\n"
		  "  in rule 'r', rule condition\n"
		  "      condition: proc.name=\"\xc3\xa4\" and foo.bar=1\n"
		  "                                   ^\n",
		  "text");
	rules_free(set);
}

static void test_long_lines_are_shown_around_the_place(void **state)
{
	(void)state;
	static char text[20000];
	size_t n = (size_t)sprintf(text, "- list: l\n  items: [");

	for (int i = 0; i < 2000; i++)
		n += (size_t)sprintf(text + n, "a%d, ", i);
	sprintf(text + n, "[x], b, c]\n");

	struct rule_set *set = load_text(text);
	const struct diagnostic *d = &set->diagnostics[0];

	check_i64(set->error_count, 1, "errors");
	assert_true(d->snippet.n < 200);
	check_i64(d->snippet.p[d->snippet_caret], '[', "caret");
	assert_true(str_starts_with(d->snippet, STR("...")));
	rules_free(set);
}

/* "schema_valid" is of the form of the file alone. */
static void test_the_json_report_tells_of_the_schema(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_valid, is_successful;
	} cases[] = {
	    {RULE_R, true, true},
	    {RULE_R "  tags: x\n", false, false},
	    {RULE_R "  nothing: x\n", false, true},
	    {RULE_R "  exceptions: [{name: e, fields: [proc.name], nothing: x}]\n", false, true},
	    {"- list: l\n  items: []\n  priority: INFO\n", true, true},
	    {"- rule: r\n  desc: d\n", true, false},
	    {"- required_engine_version: seven\n", true, false},
	    {RULE_R "- rule: r\n  priority: INFO\n  override: {priority: append}\n", true, false},
	    {RULE_R "- rule: r\n  desc: d\n  override: {desc: prepend}\n", false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_set *set = load_text(cases[i].text);
		char *text = rules_report_json(set);
		json_t *all = json_loads(text, 0, NULL), *one = json_array_get(all, 0);

		check_i64(json_is_true(json_object_get(one, "schema_valid")), cases[i].is_valid,
			  cases[i].text);
		check_i64(json_is_true(json_object_get(one, "successful")), cases[i].is_successful,
			  cases[i].text);
		json_decref(all);
		free(text);
		rules_free(set);
	}
}

static void test_the_json_report_has_upstreams_shape(void **state)
{
	(void)state;
	struct rule_set *set = load_text(HEAD "  condition: evt.type=open and foo.bar=1\n");
	char *json = rules_report_json(set);
	static const char *const parts[] = {
	    "[{\"errors\":[{\"code\":\"LOAD_ERR_COMPILE_CONDITION\"",
	    "\"codedesc\":\"Error compiling condition\"",
	    "\"context\":{\"locations\":[{\"item_name\":\"\",\"item_type\":\"rules content\"",
	    "{\"item_name\":\"r\",\"item_type\":\"rule\",\"position\":{\"column\":3,\"line\":1,"
	    "\"name\":\"t.yaml\",\"offset\":2}}",
	    "\"item_type\":\"rule condition\",\"position\":{\"column\":32,\"line\":5,",
	    "\"snippet\":\"  condition: evt.type=open and foo.bar=1\\n",
	    "\"name\":\"t.yaml\",\"schema_valid\":true,\"schema_warnings\":[],"
	    "\"successful\":false,\"warnings\":[]}]",
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(json, parts[i]))
			fail_msg("%s\nlacks %s", json, parts[i]);
	free(json);
	rules_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_broken_file_gives_one_error_that_points),
	    cmocka_unit_test(test_what_is_doubtful_is_warned_of),
	    cmocka_unit_test(test_all_problems_of_all_files_are_told_in_one_go),
	    cmocka_unit_test(test_a_mistake_in_a_macro_is_told_once),
	    cmocka_unit_test(test_a_broken_macro_makes_no_second_error_where_it_is_used),
	    cmocka_unit_test(test_a_file_that_cannot_be_read_is_an_error),
	    cmocka_unit_test(test_a_diagnostic_reads_well),
	    cmocka_unit_test(test_long_lines_are_shown_around_the_place),
	    cmocka_unit_test(test_the_json_report_has_upstreams_shape),
	    cmocka_unit_test(test_the_json_report_tells_of_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

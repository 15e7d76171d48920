/* SPDX-License-Identifier: Apache-2.0 */
#include "rules_unit.h"

#include <jansson.h>

static void test_a_rule_has_what_its_item_says(void **state)
{
	(void)state;
	struct rule_set *set = load_good("- rule: My rule\n"
					 "  desc: what it is\n"
					 "  condition: evt.type=open and proc.name=x\n"
					 "  output: o %proc.name\n"
					 "  priority: warning\n"
					 "  tags: [host, T1059, host]\n"
					 "  enabled: no\n"
					 "  warn_evttypes: off\n"
					 "  skip-if-unknown-filter: true\n"
					 "  capture: true\n"
					 "  capture_duration: 1500\n");
	const struct rule *r = &set->rules[0];

	check_i64(set->rule_count, 1, "rules");
	check_str(r->name, "My rule", "name");
	check_str(r->desc, "what it is", "desc");
	check_str(r->output_text, "o %proc.name", "output");
	check_str(r->condition_text, "evt.type=open and proc.name=x", "condition");
	check_i64(r->priority, SEVERITY_WARNING, "priority");
	check_i64(r->source, SOURCE_SYSCALL, "source");
	check_i64(r->tag_count, 2, "tags");
	check_str(r->tags[0], "T1059", "tags are sorted");
	check_i64(r->is_enabled, false, "enabled");
	check_i64(r->warn_evttypes, false, "warn_evttypes");
	check_i64(r->skip_if_unknown_filter, true, "skip");
	check_i64(r->is_capture, true, "capture");
	check_i64(r->capture_duration_ms, 1500, "duration");
	check_i64(r->position.line, 1, "line");
	check_i64(set->files[0].rules, 1, "file's rules");
	rules_free(set);
}

/* What stands after RULE_R, and how the rule reads then. */
static void test_later_items_override_and_extend_earlier_ones(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *condition, *output, *desc;
		int priority;
		bool is_enabled;
	} cases[] = {
	    {"", "evt.type = open", "o %proc.name", "d", SEVERITY_INFORMATIONAL, true},
	    {"- rule: r\n  condition: and proc.name=x\n  override: {condition: append}\n",
	     "evt.type = open and proc.name = x", "o %proc.name", "d", SEVERITY_INFORMATIONAL,
	     true},
	    {"- rule: r\n  append: true\n  condition: or evt.type=close\n",
	     "evt.type = open or evt.type = close", "o %proc.name", "d", SEVERITY_INFORMATIONAL,
	     true},
	    {"- rule: r\n  output: p\n  desc: e\n  override: {output: append, desc: append}\n",
	     "evt.type = open", "o %proc.name p", "d e", SEVERITY_INFORMATIONAL, true},
	    {"- rule: r\n  output: p\n  desc: e\n  priority: ERROR\n  enabled: false\n"
	     "  condition: evt.type=close\n"
	     "  override: {output: replace, desc: replace, priority: replace, enabled: replace,\n"
	     "    condition: replace}\n",
	     "evt.type = close", "p", "e", SEVERITY_ERROR, false},
	    {"- rule: r\n  enabled: false\n", "evt.type = open", "o %proc.name", "d",
	     SEVERITY_INFORMATIONAL, false},
	    {"- rule: r\n  enabled: false\n- rule: r\n  enabled: true\n", "evt.type = open",
	     "o %proc.name", "d", SEVERITY_INFORMATIONAL, true},
	    {"- rule: r\n  desc: n\n  condition: evt.type=close\n  output: n\n  priority: DEBUG\n",
	     "evt.type = close", "n", "n", SEVERITY_DEBUG, true},
	    {"- rule: r\n  condition: and proc.name=x\n  output: n\n"
	     "  override: {condition: append, output: replace}\n",
	     "evt.type = open and proc.name = x", "n", "d", SEVERITY_INFORMATIONAL, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%s%s", RULE_R, cases[i].text);

		struct rule_set *set = load_good(text);
		const struct rule *r = rule_named(set, "r");

		check_i64(set->rule_count, 1, cases[i].text);
		check_condition(r, cases[i].condition);
		check_str(r->output_text, cases[i].output, cases[i].text);
		check_str(r->desc, cases[i].desc, cases[i].text);
		check_i64(r->priority, cases[i].priority, cases[i].text);
		check_i64(r->is_enabled, cases[i].is_enabled, cases[i].text);
		rules_free(set);
	}
}

static void test_names_mean_what_the_last_file_says(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *condition;
	} cases[] = {
	    {"- macro: m\n  condition: proc.name=a\n- list: l\n  items: [x, y]\n",
	     "evt.type = open and proc.name = a and proc.name in (x, y)"},
	    {"- macro: m\n  condition: proc.name=a\n- macro: m\n  condition: proc.name=b\n"
	     "- list: l\n  items: [x]\n- list: l\n  items: [z]\n",
	     "evt.type = open and proc.name = b and proc.name in (z)"},
	    {"- macro: m\n  condition: n or n\n- macro: n\n  condition: proc.name=b\n"
	     "- list: l\n  items: [k, x]\n- list: k\n  items: [1, '\"a b\"', \"c d\"]\n",
	     "evt.type = open and (proc.name = b or proc.name = b) and "
	     "proc.name in (1, \"a b\", \"c d\", x)"},
	    {"- macro: m\n  condition: proc.name=a\n- macro: m\n  append: true\n"
	     "  condition: or proc.name=b\n- list: l\n  items: [x]\n- list: l\n  items: [y]\n"
	     "  override: {items: append}\n",
	     "evt.type = open and (proc.name = a or proc.name = b) and proc.name in (x, y)"},
	    {"- macro: m\n  condition: proc.name=a\n- list: l\n  items: []\n",
	     "evt.type = open and proc.name = a and proc.name in ()"},
	    {"- macro: m\n  condition: proc.name=one\n- list: one\n  items: [z]\n- list: l\n"
	     "  items: [l, one]\n",
	     "evt.type = open and proc.name = z and proc.name in (l, z)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rules_text texts[] = {
		    {"a.yaml", STR("- rule: r\n  desc: d\n  output: o\n  priority: INFO\n"
				   "  condition: evt.type=open and m and proc.name in (l)\n")},
		    {"b.yaml", str_from(cases[i].text)},
		};
		struct rule_set *set = rules_load_texts(texts, 2, &all_rules);

		if (set->error_count)
			print_diagnostics(set);
		check_i64(set->error_count, 0, cases[i].text);
		check_condition(rule_named(set, "r"), cases[i].condition);
		rules_free(set);
	}
}

static void test_rules_keep_the_place_of_their_first_definition(void **state)
{
	(void)state;
	struct rule_set *set = load_good(RULE_R "- rule: s\n  desc: d\n  condition: evt.type=open\n"
						"  output: o\n  priority: INFO\n" RULE_R);

	check_i64(set->rule_count, 2, "rules");
	check_str(set->rules[0].name, "r", "first");
	check_str(set->rules[1].name, "s", "second");
	check_i64(set->rules[1].id, 1, "id");
	rules_free(set);
}

static void test_options_decide_what_is_loaded_and_enabled(void **state)
{
	(void)state;
	static const char text[] = "- rule: Read a file\n  desc: d\n  condition: evt.type=open\n"
				   "  output: o\n  priority: INFO\n  tags: [files]\n"
				   "- rule: Read a key\n  desc: d\n  condition: evt.type=open\n"
				   "  output: o\n  priority: ERROR\n  tags: [keys]\n"
				   "- rule: Audit\n  desc: d\n  condition: ka.verb=x\n"
				   "  output: o\n  priority: ERROR\n  source: k8s_audit\n";
	static const char *const keys[] = {"keys"};
	static const struct rules_selection off_all[] = {{false, "*", NULL}, {true, NULL, "keys"}};
	static const struct rules_selection by_name[] = {{false, "Read a*", NULL},
							 {true, "*file", NULL}};
	static const struct rules_append appends[] = {
	    {.format = "x", .rule = "Read a file"},
	    {.format = "y", .source = "syscall", .tags = keys, .tag_count = 1},
	};
	static const struct {
		struct rules_options options;
		const char *want; /* name:enabled:output, ... */
	} cases[] = {
	    {{.least_priority = SEVERITY_DEBUG, .sources = SOURCES_ALL},
	     "Read a file:1:o,Read a key:1:o,Audit:1:o,"},
	    {{.least_priority = SEVERITY_WARNING, .sources = SOURCES_ALL},
	     "Read a key:1:o,Audit:1:o,"},
	    {{.least_priority = SEVERITY_DEBUG, .sources = SOURCE_BIT(SOURCE_K8S_AUDIT)},
	     "Audit:1:o,"},
	    {{.least_priority = SEVERITY_DEBUG,
	      .sources = SOURCE_BIT(SOURCE_SYSCALL),
	      .selections = off_all,
	      .selection_count = 2},
	     "Read a file:0:o,Read a key:1:o,"},
	    {{.least_priority = SEVERITY_DEBUG,
	      .sources = SOURCE_BIT(SOURCE_SYSCALL),
	      .selections = by_name,
	      .selection_count = 2},
	     "Read a file:1:o,Read a key:0:o,"},
	    {{.least_priority = SEVERITY_DEBUG,
	      .sources = SOURCES_ALL,
	      .append_output = "z",
	      .appends = appends,
	      .append_count = 2},
	     "Read a file:1:o z x,Read a key:1:o z y,Audit:1:o z,"},
	};
	const struct rules_text one = {"t.yaml", str_from(text)};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_set *set = rules_load_texts(&one, 1, &cases[i].options);
		char memory[512];
		struct buffer b = BUFFER(memory);

		for (size_t k = 0; k < set->rule_count; k++) {
			check_i64(set->rules[k].id, k, "id");
			buffer_printf(&b, "%.*s:%d:%.*s,", STR_ARG(set->rules[k].name),
				      set->rules[k].is_enabled, STR_ARG(set->rules[k].output_text));
		}
		check_str(buffer_str(&b), cases[i].want, "rules");
		rules_free(set);
	}
}

static void test_a_rule_is_loaded_for_the_source_of_its_fields(void **state)
{
	(void)state;
	static const struct {
		const char *declared, *condition;
		enum event_source want;
		size_t warnings;
	} cases[] = {
	    {"syscall", "evt.type=open", SOURCE_SYSCALL, 0},
	    {"k8s_audit", "container.id=x and evt.type=open", SOURCE_SYSCALL, 1},
	    {"k8s_audit", "ka.verb=x", SOURCE_K8S_AUDIT, 0},
	    {"syscall", "ka.verb=x", SOURCE_K8S_AUDIT, 1},
	    {"k8s_audit", "evt.num=1", SOURCE_K8S_AUDIT, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "- rule: r\n  desc: d\n  condition: %s\n  output: o\n  priority: INFO\n"
			 "  source: %s\n",
			 cases[i].condition, cases[i].declared);

		struct rule_set *set = load_good(text);

		check_i64(rule_named(set, "r")->source, cases[i].want, cases[i].condition);
		check_i64(count_code(set, "LOAD_UNKNOWN_SOURCE"), cases[i].warnings,
			  cases[i].condition);
		rules_free(set);
	}
}

static void test_files_without_items_load(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "# nothing\n", "---\n---\n", "[]\n", "- ~\n-\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rule_set *set = load_good(texts[i]);

		check_i64(set->rule_count, 0, texts[i]);
		check_i64(set->warning_count, 0, texts[i]);
		rules_free(set);
	}
}

static void test_files_written_elsewhere_load(void **state)
{
	(void)state;
	struct rule_set *set = load_good(
	    "\xef\xbb\xbf- rule: r\r\n  desc: d\r\n  condition: >\r\n    evt.type=open\r\n"
	    "    and proc.name=x\r\n  output: o\r\n  priority: INFO\r\n---\r\n"
	    "- rule: s\r\n  desc: &d d\r\n  condition: evt.type=close\r\n"
	    "  output: *d\r\n  priority: INFO\r\n");

	check_condition(rule_named(set, "r"), "evt.type = open and proc.name = x");
	check_str(rule_named(set, "s")->output_text, "d", "alias");
	rules_free(set);
}

static void test_sources_can_be_forgotten(void **state)
{
	(void)state;
	struct rule_set *set =
	    load_good("- macro: m\n  condition: proc.name in (l, \"a\\\"b\")\n- list: l\n"
		      "  items: ['\"x\\ny\"', z]\n- rule: r\n  desc: d\n"
		      "  condition: evt.type=open and m\n  output: o %proc.name\n"
		      "  priority: INFO\n  exceptions:\n  - name: e\n    fields: [proc.name]\n"
		      "    values: [[q]]\n");

	rules_forget_sources(set);
	check_condition(rule_named(set, "r"),
			"evt.type = open and proc.name in (\"x\\x0ay\", z, \"a\\\"b\") and not "
			"proc.name = q");
	check_str(rule_named(set, "r")->output_text, "o %proc.name", "output");
	rules_free(set);
}

static void test_patterns_match_names(void **state)
{
	(void)state;
	static const struct {
		const char *name, *pattern;
		bool want;
	} cases[] = {
	    {"abc", "abc", true},   {"abc", "ab", false},    {"abc", "*", true},
	    {"", "*", true},        {"", "", true},          {"abc", "a*c", true},
	    {"abc", "a*b", false},  {"abcbc", "a*bc", true}, {"abc", "*b*", true},
	    {"abc", "**c", true},   {"abc", "?bc", false},   {"a*c", "a*c", true},
	    {"aaab", "*a*b", true}, {"aaa", "*b", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_i64(rule_name_matches(str_from(cases[i].name), str_from(cases[i].pattern)),
			  cases[i].want, cases[i].pattern);
}

static void test_rules_macros_and_lists_are_described(void **state)
{
	(void)state;
	static const struct {
		const char *rule;
		const char *parts[8];
	} cases[] = {
	    {"r",
	     {"{\"rules\":[{\"details\":{\"condition_compiled\":\"((evt.type = open and "
	      "(proc.name in (a, b) or not fd.name exists)) and not proc.name = q)\"",
	      "\"condition_fields\":[\"evt.type\",\"fd.name\",\"proc.name\"]",
	      "\"condition_operators\":[\"=\",\"exists\",\"in\"]", "\"exception_names\":[\"e\"]",
	      "\"exception_operators\":[\"=\"]", "\"macros\":[\"m\"]", "\"lists\":[]",
	      "\"output_fields\":[\"proc.aname[2]\"]"}},
	    {NULL,
	     {"\"required_engine_version\":\"0.30.0\"",
	      "\"required_plugin_versions\":[{\"alternatives\":[{\"name\":\"x\",\"version\":\"1.0."
	      "0\"}],"
	      "\"name\":\"container\",\"version\":\"0.1.0\"}]",
	      "\"items\":[\"a\"],\"name\":\"l\"", "\"items_compiled\":[\"a\",\"b\"]",
	      "\"lists\":[\"k\"],\"plugins\":[],\"used\":true",
	      "\"condition\":\"proc.name in (l) or not fd.name exists\",\"name\":\"m\"",
	      "\"lists\":[\"l\"],\"macros\":[]"}},
	};
	struct rule_set *set =
	    load_good("- required_engine_version: 30\n- required_plugin_versions:\n"
		      "  - name: container\n    version: 0.1.0\n"
		      "    alternatives: [{name: x, version: 1.0.0}]\n"
		      "- list: k\n  items: [b]\n- list: l\n  items: [a, k]\n"
		      "- macro: m\n  condition: proc.name in (l) or not fd.name exists\n"
		      "- rule: r\n  desc: one two\n  condition: evt.type=open and m\n"
		      "  output: o %proc.aname[2]\n  priority: INFO\n"
		      "  exceptions: [{name: e, fields: [proc.name], values: [[q]]}]\n");
	struct error err = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *json = rules_describe_json(set, cases[i].rule, &err);

		for (size_t k = 0; k < 8 && cases[i].parts[k]; k++)
			if (!strstr(json, cases[i].parts[k]))
				fail_msg("%s\nlacks %s", json, cases[i].parts[k]);
		free(json);
	}
	assert_null(rules_describe_json(set, "q", &err));
	check_str(str_from(err.message), "Rule \"q\" is not loaded", "error");

	char *text = rules_describe_text(set, "r", &err);

	assert_true(str_ends_with(str_from(text), STR("\nr                                       "
						      "           one two\n\n")));
	free(text);
	rules_free(set);
}

static void test_what_the_configuration_adds_to_outputs_is_described(void **state)
{
	(void)state;
	static const struct rules_extra_field extra[] = {{"key", "is %proc.name"},
							 {"evt.cpu", NULL}};
	const struct rules_append append = {
	    .format = "n=%evt.num", .rule = "r", .extra_fields = extra, .extra_field_count = 2};
	const struct rules_options options = {.least_priority = SEVERITY_DEBUG,
					      .sources = SOURCES_ALL,
					      .appends = &append,
					      .append_count = 1};
	static const struct {
		const char *rule, *fields, *formatted;
	} cases[] = {
	    {"r", "\"output_fields\":[\"is %proc.name\",\"%evt.cpu\",\"fd.name\",\"evt.num\"]",
	     "\"extra_output_formatted_fields\":{\"key\":\"is %proc.name\"}"},
	    {"s", "\"output_fields\":[\"fd.num\"]", NULL},
	};
	const struct rules_text text = {
	    "t.yaml",
	    STR("- rule: r\n  desc: d\n  condition: evt.type = open\n  output: o %fd.name\n"
		"  priority: INFO\n"
		"- rule: s\n  desc: d\n  condition: evt.type = open\n  output: o %fd.num\n"
		"  priority: INFO\n")};
	struct rule_set *set = rules_load_texts(&text, 1, &options);
	struct error err = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *json = rules_describe_json(set, cases[i].rule, &err);

		if (!json || !strstr(json, cases[i].fields))
			fail_msg("%s\nlacks %s", json, cases[i].fields);
		if (cases[i].formatted ? !strstr(json, cases[i].formatted)
				       : !!strstr(json, "extra_output"))
			fail_msg("%s: formatted fields", json);
		free(json);
	}
	rules_free(set);
}

static void test_conditions_are_described_as_they_are_written(void **state)
{
	(void)state;
	static const struct {
		const char *condition, *compiled, *operators;
	} cases[] = {
	    {"evt.type==open", "evt.type == open", "[\"==\"]"},
	    {"evt.type=\"open\"", "evt.type = open", "[\"=\"]"},
	    {"proc.name contains anyof (a, \"b c\")", "proc.name contains anyof (a, \"b c\")",
	     "[\"contains anyof\"]"},
	    {"proc.name = oneof (a, b, c)", "proc.name = oneof (a, b, c)", "[\"= oneof\"]"},
	    {"proc.name = anyof (a)", "proc.name = anyof (a)", "[\"= anyof\"]"},
	    {"not proc.name startswith allof ()", "not proc.name startswith allof ()",
	     "[\"startswith allof\"]"},
	    {"tolower( proc.name ) = a", "tolower(proc.name) = a", "[\"=\"]"},
	    {"proc.name = val( proc.pname )", "proc.name = val(proc.pname)", "[\"=\"]"},
	    {"proc.name = 'a\\\\b'", "proc.name = \"a\\\\b\"", "[\"=\"]"},
	    {"proc.name exists and (proc.pid<5 or proc.pid>9)",
	     "(proc.name exists and (proc.pid < 5 or proc.pid > 9))", "[\"<\",\">\",\"exists\"]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "- rule: r\n  desc: d\n  condition: %s\n  output: o\n  priority: INFO\n",
			 cases[i].condition);

		struct rule_set *set = load_good(text);
		char *json = rules_describe_json(set, "r", NULL);
		json_t *all = json_loads(json, 0, NULL);
		json_t *details =
		    json_object_get(json_array_get(json_object_get(all, "rules"), 0), "details");
		char *operators =
		    json_dumps(json_object_get(details, "condition_operators"), JSON_COMPACT);

		check_str(
		    str_from(json_string_value(json_object_get(details, "condition_compiled"))),
		    cases[i].compiled, cases[i].condition);
		check_str(str_from(operators), cases[i].operators, cases[i].condition);
		free(operators);
		json_decref(all);
		free(json);
		rules_free(set);
	}
}

static void test_severities_have_names(void **state)
{
	(void)state;
	check_i64(severity_by_name(STR("INFO")), SEVERITY_INFORMATIONAL, "INFO");
	check_i64(severity_by_name(STR("informational")), SEVERITY_INFORMATIONAL, "informational");
	check_i64(severity_by_name(STR("Emergency")), SEVERITY_EMERGENCY, "Emergency");
	check_i64(severity_by_name(STR("loud")), -1, "loud");
	check_str(str_from(severity_name(SEVERITY_WARNING)), "Warning", "name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_rule_has_what_its_item_says),
	    cmocka_unit_test(test_later_items_override_and_extend_earlier_ones),
	    cmocka_unit_test(test_names_mean_what_the_last_file_says),
	    cmocka_unit_test(test_rules_keep_the_place_of_their_first_definition),
	    cmocka_unit_test(test_options_decide_what_is_loaded_and_enabled),
	    cmocka_unit_test(test_a_rule_is_loaded_for_the_source_of_its_fields),
	    cmocka_unit_test(test_files_without_items_load),
	    cmocka_unit_test(test_files_written_elsewhere_load),
	    cmocka_unit_test(test_sources_can_be_forgotten),
	    cmocka_unit_test(test_patterns_match_names),
	    cmocka_unit_test(test_rules_macros_and_lists_are_described),
	    cmocka_unit_test(test_what_the_configuration_adds_to_outputs_is_described),
	    cmocka_unit_test(test_conditions_are_described_as_they_are_written),
	    cmocka_unit_test(test_severities_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

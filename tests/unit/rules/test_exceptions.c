/* SPDX-License-Identifier: Apache-2.0 */
#include "rules_unit.h"

#define EXCEPTIONS RULE_R "  exceptions:\n"
#define BASE "evt.type = open"

static void test_exceptions_become_conditions(void **state)
{
	(void)state;
	static const struct {
		const char *text; /* after the rule */
		const char *condition;
	} cases[] = {
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n", BASE " and not proc.name = a"},
	    {"  - {name: e, fields: [proc.name, fd.name], comps: [=, startswith],\n"
	     "     values: [[a, /b], [c, /d]]}\n",
	     BASE " and not (proc.name = a and fd.name startswith /b or proc.name = c and "
		  "fd.name startswith /d)"},
	    {"  - {name: e, fields: [proc.name, fd.name], comps: [in, =],\n"
	     "     values: [[[a, b c], /b]]}\n",
	     BASE " and not (proc.name in (a, \"b c\") and fd.name = /b)"},
	    {"  - {name: e, fields: proc.name, comps: in, values: [a, b]}\n",
	     BASE " and not proc.name in (a, b)"},
	    {"  - {name: e, fields: proc.name, values: [a]}\n", BASE " and not proc.name in (a)"},
	    {"  - {name: e, fields: fd.name, comps: pmatch, values: [/a, /b]}\n",
	     BASE " and not fd.name pmatch (/a, /b)"},
	    /* several exceptions, and none of a name that has no values */
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n"
	     "  - {name: f, fields: [proc.name]}\n"
	     "  - {name: g, fields: proc.name, values: [b]}\n",
	     BASE " and not proc.name = a and not proc.name in (b)"},
	    /* operators that want a list get one */
	    {"  - {name: e, fields: [proc.name], comps: [in], values: [[a]]}\n",
	     BASE " and not proc.name in (a)"},
	    {"  - {name: e, fields: [proc.name], comps: [in], values: [['(a, b)']]}\n",
	     BASE " and not proc.name in (a, b)"},
	    {"  - {name: e, fields: [proc.name], comps: [in], values: [[a b]]}\n",
	     BASE " and not proc.name in (\"a b\")"},
	    /* values keep every character */
	    {"  - {name: e, fields: [proc.cmdline], values: [['a=(b, \"c\")']]}\n",
	     BASE " and not proc.cmdline = \"a=(b, \\\"c\\\")\""},
	    {"  - {name: e, fields: [proc.cmdline], values: [['\"a b\"']]}\n",
	     BASE " and not proc.cmdline = \"a b\""},
	    {"  - {name: e, fields: [proc.cmdline], comps: [contains], values: [['a\\b c']]}\n",
	     BASE " and not proc.cmdline contains \"a\\\\b c\""},
	    {"  - {name: e, fields: [proc.name], comps: [' = '], values: [[7]]}\n",
	     BASE " and not proc.name = 7"},
	    /* names of lists stand for their values */
	    {"  - {name: e, fields: [proc.name, fd.name], comps: [in, =], values: [[l, /b]]}\n"
	     "- {list: l, items: [x, y]}\n",
	     BASE " and not (proc.name in (x, y) and fd.name = /b)"},
	    {"  - {name: e, fields: proc.name, values: [l, z]}\n- {list: l, items: [x, y]}\n",
	     BASE " and not proc.name in (x, y, z)"},
	    /* a transformer may stand as a field */
	    {"  - {name: e, fields: ['toupper(proc.name)'], values: [[A]]}\n",
	     BASE " and not toupper(proc.name) = A"},
	    /* appended and replaced */
	    {"  - {name: e, fields: [proc.name]}\n- rule: r\n  exceptions:\n"
	     "  - {name: e, values: [[a]]}\n  override: {exceptions: append}\n",
	     BASE " and not proc.name = a"},
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n- rule: r\n  append: true\n"
	     "  exceptions:\n  - {name: e, values: [[b], [c]]}\n"
	     "  - {name: f, fields: fd.name, values: [/d]}\n",
	     BASE " and not (proc.name = a or proc.name = b or proc.name = c) and not fd.name in "
		  "(/d)"},
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n- rule: r\n  exceptions:\n"
	     "  - {name: f, fields: [fd.name], values: [[/b]]}\n"
	     "  override: {exceptions: replace}\n",
	     BASE " and not fd.name = /b"},
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n- rule: r\n  exceptions: []\n"
	     "  override: {exceptions: replace}\n",
	     BASE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%s%s", EXCEPTIONS, cases[i].text);

		struct rule_set *set = load_good(text);

		check_condition(rule_named(set, "r"), cases[i].condition);
		rules_free(set);
	}
}

static void test_a_condition_with_or_is_negated_as_a_whole(void **state)
{
	(void)state;
	struct rule_set *set = load_good(
	    "- rule: r\n  desc: d\n  condition: evt.type=open or evt.type=close\n  output: o\n"
	    "  priority: INFO\n  exceptions:\n  - {name: e, fields: [proc.name], values: [[a]]}\n");

	check_condition(rule_named(set, "r"),
			"(evt.type = open or evt.type = close) and not proc.name = a");
	rules_free(set);
}

static void test_a_condition_cannot_leave_its_exceptions_by_brackets(void **state)
{
	(void)state;
	struct rule_set *set =
	    load_text("- rule: r\n  desc: d\n  condition: evt.type=open) or (evt.type=close\n"
		      "  output: o\n  priority: INFO\n  exceptions:\n"
		      "  - {name: e, fields: [proc.name], values: [[a]]}\n");

	check_i64(set->error_count, 1, "errors");
	check_i64(set->diagnostics[0].line, 3, "line");
	check_i64(set->diagnostics[0].column, 27, "column");
	rules_free(set);
}

static void test_bad_exceptions_are_refused_where_they_are_bad(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *code;
		uint32_t line, column;
	} cases[] = {
	    {"  - x\n", "LOAD_ERR_YAML_VALIDATE", 7, 5},
	    {"  - {fields: [proc.name]}\n", "LOAD_ERR_YAML_VALIDATE", 7, 5},
	    {"  - {name: e}\n", "LOAD_ERR_YAML_VALIDATE", 7, 5},
	    {"  - {name: e, values: [[a]]}\n", "LOAD_ERR_YAML_VALIDATE", 7, 5},
	    {"  - {name: e, fields: {a: b}}\n", "LOAD_ERR_VALIDATE", 7, 23},
	    {"  - {name: e, fields: [proc.name, [x]]}\n", "LOAD_ERR_VALIDATE", 7, 35},
	    {"  - {name: e, fields: [proc.name], values: x}\n", "LOAD_ERR_YAML_VALIDATE", 7, 44},
	    {"  - {name: e, fields: [proc.name], comps: [=, =]}\n", "LOAD_ERR_VALIDATE", 7, 43},
	    {"  - {name: e, fields: [proc.name], comps: in}\n", "LOAD_ERR_VALIDATE", 7, 43},
	    {"  - {name: e, fields: proc.name, comps: [in]}\n", "LOAD_ERR_VALIDATE", 7, 41},
	    {"  - {name: e, fields: proc.name, comps: =}\n", "LOAD_ERR_VALIDATE", 7, 41},
	    {"  - {name: e, fields: [proc.name], comps: [near]}\n", "LOAD_ERR_VALIDATE", 7, 44},
	    {"  - {name: e, fields: [proc.nme]}\n", "LOAD_ERR_VALIDATE", 7, 24},
	    {"  - {name: e, fields: ['proc.name) or (evt.num']}\n", "LOAD_ERR_VALIDATE", 7, 24},
	    {"  - {name: e, fields: [proc.name], values: [a]}\n", "LOAD_ERR_VALIDATE", 7, 45},
	    {"  - {name: e, fields: [proc.name], values: [[a, b]]}\n", "LOAD_ERR_VALIDATE", 7, 45},
	    {"  - {name: e, fields: proc.name, values: [a, [b]]}\n", "LOAD_ERR_VALIDATE", 7, 46},
	    {"  - {name: e, fields: [proc.name], values: [[~]]}\n", "LOAD_ERR_VALIDATE", 7, 46},
	    {"  - {name: e, fields: [fd.num], comps: ['>'], values: [[a]]}\n",
	     "LOAD_ERR_COMPILE_CONDITION", 7, 57},
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n- rule: r\n"
	     "  exceptions: [{name: e, fields: [fd.name], values: [[b]]}]\n"
	     "  override: {exceptions: append}\n",
	     "LOAD_ERR_VALIDATE", 9, 34},
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n- rule: r\n"
	     "  exceptions: [{name: e, comps: [=], values: [[b]]}]\n"
	     "  override: {exceptions: append}\n",
	     "LOAD_ERR_VALIDATE", 9, 33},
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n- rule: r\n"
	     "  exceptions: [{name: f, values: [[b]]}]\n  override: {exceptions: append}\n",
	     "LOAD_ERR_VALIDATE", 9, 16},
	    {"  - {name: e, fields: [proc.name], values: [[a]]}\n- rule: r\n"
	     "  exceptions: [{name: e, values: [[b]]}]\n  override: {exceptions: replace}\n",
	     "LOAD_ERR_YAML_VALIDATE", 9, 16},
	};
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%s%s", EXCEPTIONS, cases[i].text);

		struct rule_set *set = load_text(text);
		const struct diagnostic *d = set->diagnostics;

		if (set->error_count != 1 || strcmp(d->code, cases[i].code) != 0 ||
		    d->line != cases[i].line || d->column != cases[i].column) {
			fprintf(stderr, "%swant %s %u:%u, got %zu errors:\n", cases[i].text,
				cases[i].code, cases[i].line, cases[i].column, set->error_count);
			print_diagnostics(set);
			bad++;
		}
		rules_free(set);
	}
	if (bad)
		fail_msg("%zu exceptions told of otherwise", bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exceptions_become_conditions),
	    cmocka_unit_test(test_a_condition_with_or_is_negated_as_a_whole),
	    cmocka_unit_test(test_a_condition_cannot_leave_its_exceptions_by_brackets),
	    cmocka_unit_test(test_bad_exceptions_are_refused_where_they_are_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

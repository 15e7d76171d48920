/* SPDX-License-Identifier: Apache-2.0 */
/* All that is wrong with a rule is told at once, and nothing that only follows from it. */
#include "rules_unit.h"

#define HEAD "- rule: r\n  desc: d\n  output: o %proc.name\n  priority: INFO\n"

/* What is told, as "line:column" in the order of telling. */
static const struct {
	const char *text;
	const char *places;
} cases[] = {
    /* comparisons */
    {HEAD "  condition: foo.bar=1 and evt.type=opeen and fd.sport=abc\n", "5:14 5:37 5:56"},
    {HEAD "  condition: not (foo.bar=1 or not bar.foo=2)\n", "5:19 5:36"},
    {HEAD "  condition: evt.type in (opeen, open, clos)\n", "5:27 5:40"},
    {HEAD "  condition: fd.sport in (a b)\n", "5:29"},
    {HEAD "  condition: proc.name > 5 and evt.type = val(foo.bar)\n", "5:47"},
    {HEAD "  condition: foo.bar = val(bar.foo)\n", "5:14 5:28"},
    {HEAD "  condition: proc.pid contains x and proc.name[1]=a\n", "5:23 5:38"},
    {HEAD "  condition: proc.name regex '(' or proc.name regex '['\n", "5:30 5:53"},
    {HEAD "  condition: proc.name regex anyof ('(', '[')\n", "5:37 5:42"},
    /* names */
    {HEAD "  condition: nothing and foo.bar=1 and nobody\n", "5:14 5:40 5:26"},
    {"- macro: m\n  condition: nothing and foo.bar=1\n" HEAD "  condition: m and bar.foo=1\n",
     "2:14 2:26 7:20"},
    {"- macro: m\n  condition: m or foo.bar=1\n" HEAD "  condition: m and bar.foo=1\n",
     "2:14 2:19 7:20"},
    {"- macro: a\n  condition: b\n- macro: b\n  condition: a or foo.bar=1\n" HEAD
     "  condition: b\n",
     "4:14 4:19"},
    /* a list that is broken says nothing of its values */
    {"- list: l\n  items: [[a]]\n" HEAD "  condition: evt.type in (l) and foo.bar=1\n",
     "2:11 7:34"},
    {"- list: l\n  items: [a, b]\n" HEAD "  condition: proc.name = l and foo.bar=1\n", "7:26 7:32"},
    /* parts of a rule */
    {"- rule: r\n  desc: d\n  output: o %foo.bar\n  priority: INFO\n  condition: bar.foo=1\n"
     "  exceptions:\n  - name: e\n    fields: [fd.sport]\n    values: [[abc]]\n  - name: f\n"
     "    fields: [proc.name]\n    values: [[a, b]]\n",
     "3:14 12:14 5:14 9:15"},
    {HEAD "  condition: evt.type=\n  exceptions:\n  - name: e\n    fields: [fd.sport]\n"
	  "    values: [[abc]]\n",
     "5:23 9:15"},
    /* with skip-if-unknown-filter the first decides */
    {HEAD "  condition: foo.bar=1 and fd.sport=abc\n  skip-if-unknown-filter: true\n", "5:14"},
    {HEAD "  condition: fd.sport=abc and foo.bar=1\n  skip-if-unknown-filter: true\n", "5:23 5:31"},
    {"- rule: r\n  desc: d\n  output: o %foo.bar\n  priority: INFO\n  condition: bar.foo=1\n"
     "  skip-if-unknown-filter: true\n",
     "3:14"},
};

static void test_all_problems_of_a_rule_are_told(void **state)
{
	(void)state;
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_set *set = load_text(cases[i].text);
		char got[512] = "";
		struct buffer b = BUFFER(got);

		for (size_t k = 0; k < set->diagnostic_count; k++)
			buffer_printf(&b, "%s%u:%u", k ? " " : "", set->diagnostics[k].line,
				      set->diagnostics[k].column);
		if (!str_equal_c(buffer_str(&b), cases[i].places)) {
			print_diagnostics(set);
			fprintf(stderr, "got %.*s, want %s:\n%s\n", STR_ARG(buffer_str(&b)),
				cases[i].places, cases[i].text);
			bad++;
		}
		rules_free(set);
	}
	check_i64(bad, 0, "cases");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_problems_of_a_rule_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

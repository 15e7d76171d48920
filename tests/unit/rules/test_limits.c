/* SPDX-License-Identifier: Apache-2.0 */
/* Files of any size and shape take time linear in their size, or end in an error. */
#include "base/vec.h"
#include "rules_unit.h"

#include <stdarg.h>
#include <time.h>

struct text {
	VEC(char) bytes;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
	char piece[256];
	va_list args;

	va_start(args, format);
	vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	for (const char *p = piece; *p; p++)
		VEC_PUSH(&t->bytes, *p);
}

static void repeat(struct text *t, const char *piece, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(t, "%s", piece);
}

static struct rule_set *load(struct text *t)
{
	const struct rules_text one = {"t.yaml", {t->bytes.items, t->bytes.count}};
	struct rule_set *set = rules_load_texts(&one, 1, &all_rules);

	VEC_FREE(&t->bytes);
	return set;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_list(struct text *t, size_t n)
{
	put(t, "- list: l\n  items: [x");
	for (size_t i = 0; i < n; i++)
		put(t, ", n%zu", i);
	put(t, "]\n- rule: r\n  desc: d\n  condition: evt.type=open and proc.name in (l)\n"
	       "  output: o\n  priority: INFO\n");
}

static void many_lists(struct text *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(t, "- list: l%zu\n  items: [x]\n", i);
}

static void many_rules(struct text *t, size_t n)
{
	put(t, "- macro: m\n  condition: (evt.type=open)\n");
	for (size_t i = 0; i < n; i++)
		put(t,
		    "- rule: r%zu\n  desc: d\n  condition: m and proc.name=x%zu\n"
		    "  output: o %%proc.name\n  priority: INFO\n",
		    i, i);
}

static void many_values(struct text *t, size_t n)
{
	put(t, "%s", RULE_R);
	put(t, "  exceptions:\n  - name: e\n    fields: [proc.name]\n    values:\n");
	for (size_t i = 0; i < n; i++)
		put(t, "    - [x%zu]\n", i);
}

static void many_appends(struct text *t, size_t n)
{
	put(t, "%s", RULE_R);
	for (size_t i = 0; i < n; i++)
		put(t,
		    "- rule: r\n  condition: and proc.name!=x%zu\n  override: {condition: "
		    "append}\n",
		    i);
}

static void many_errors(struct text *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(t,
		    "- rule: r%zu\n  desc: d\n  condition: undefined%zu\n  output: '%%foo.bar'\n"
		    "  priority: INFO\n",
		    i, i);
}

/* The mistakes in a macro are met with every rule that uses it. */
static void a_shared_macro_of_mistakes(struct text *t, size_t n)
{
	put(t, "- macro: m\n  condition: evt.type=open");
	for (size_t i = 0; i < 200; i++)
		put(t, " and foo.bar%zu=1", i);
	put(t, "\n");
	for (size_t i = 0; i < n / 20; i++)
		put(t, "- rule: r%zu\n  desc: d\n  condition: m\n  output: o\n  priority: INFO\n",
		    i);
}

static void a_chain_of_macros(struct text *t, size_t n)
{
	put(t, "- macro: m0\n  condition: proc.name=x\n");
	for (size_t i = 1; i < n; i++)
		put(t, "- macro: m%zu\n  condition: m%zu\n", i, i - 1);
}

static double seconds_for(void (*write)(struct text *t, size_t n), size_t n)
{
	struct text t = {0};

	write(&t, n);

	double from = seconds();

	rules_free(load(&t));
	return seconds() - from;
}

static void test_time_grows_with_the_size_alone(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		void (*write)(struct text *t, size_t n);
	} cases[] = {
	    {"a list", a_list},
	    {"lists", many_lists},
	    {"rules", many_rules},
	    {"values of an exception", many_values},
	    {"appends", many_appends},
	    {"errors", many_errors},
	    {"macros", a_chain_of_macros},
	    {"mistakes in a macro", a_shared_macro_of_mistakes},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double small = seconds_for(cases[i].write, 2000);
		double large = seconds_for(cases[i].write, 16000);

		/* 8 times the size: 64 times the time would be quadratic. */
		if (large > 32 * small + 0.1)
			fail_msg("%s: %.3f s for 2,000, %.3f s for 16,000", cases[i].name, small,
				 large);
	}
}

static void test_a_list_of_a_million_loads(void **state)
{
	(void)state;
	struct text t = {0};

	a_list(&t, 1000000);

	struct rule_set *set = load(&t);

	check_i64(set->error_count, 0, "errors");
	check_i64(set->rule_count, 1, "rules");
	rules_free(set);
}

static void brackets_in_yaml(struct text *t)
{
	put(t, "- list: l\n  items: ");
	repeat(t, "[", 10000);
}

static void brackets_in_condition(struct text *t)
{
	put(t, "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: ");
	repeat(t, "(", 10000);
	put(t, "evt.type=open");
	repeat(t, ")", 10000);
	put(t, "\n");
}

static void nots_in_condition(struct text *t)
{
	put(t, "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: ");
	repeat(t, "not (", 10000);
	put(t, "evt.type=open");
	repeat(t, ")", 10000);
	put(t, "\n");
}

static void macros_that_double(struct text *t)
{
	put(t, "- macro: m0\n  condition: proc.name=x\n");
	for (int i = 1; i < 60; i++)
		put(t, "- macro: m%d\n  condition: m%d and m%d\n", i, i - 1, i - 1);
	put(t, "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: m59\n");
}

static void macros_that_nest(struct text *t)
{
	put(t, "- macro: m0\n  condition: proc.name=x\n");
	for (int i = 1; i < 2000; i++)
		put(t, "- macro: m%d\n  condition: not m%d\n", i, i - 1);
}

static void lists_that_double(struct text *t)
{
	put(t, "- list: l0\n  items: [x, y]\n");
	for (int i = 1; i < 60; i++)
		put(t, "- list: l%d\n  items: [l%d, l%d]\n", i, i - 1, i - 1);
}

static void lists_that_nest(struct text *t)
{
	put(t, "- list: l0\n  items: [x, y]\n");
	for (int i = 20000; i > 0; i--)
		put(t, "- list: l%d\n  items: [l%d]\n", i, i - 1);
}

static void aliases_that_multiply(struct text *t)
{
	put(t, "- a: &a [x,x,x,x,x,x,x,x,x,x]\n");
	for (char c = 'b'; c < 'j'; c++)
		put(t, "  %c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1,
		    c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
}

static void test_hostile_shapes_end_in_an_error(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		void (*write)(struct text *t);
		const char *code;
	} cases[] = {
	    {"brackets in YAML", brackets_in_yaml, "LOAD_ERR_YAML_PARSE"},
	    {"brackets in a condition", brackets_in_condition, "LOAD_ERR_COMPILE_CONDITION"},
	    {"nots in a condition", nots_in_condition, "LOAD_ERR_COMPILE_CONDITION"},
	    {"macros that double", macros_that_double, "LOAD_ERR_COMPILE_CONDITION"},
	    {"macros that nest", macros_that_nest, "LOAD_ERR_COMPILE_CONDITION"},
	    {"lists that double", lists_that_double, "LOAD_ERR_VALIDATE"},
	    {"lists that nest", lists_that_nest, "LOAD_ERR_VALIDATE"},
	    {"aliases that multiply", aliases_that_multiply, "LOAD_ERR_YAML_PARSE"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text t = {0};

		cases[i].write(&t);

		double from = seconds();
		struct rule_set *set = load(&t);

		if (!count_code(set, cases[i].code)) {
			print_diagnostics(set);
			fail_msg("%s: no %s", cases[i].name, cases[i].code);
		}
		if (seconds() - from > 20)
			fail_msg("%s: %.1f s", cases[i].name, seconds() - from);
		rules_free(set);
	}
}

static void test_the_number_of_told_problems_is_bounded(void **state)
{
	(void)state;
	struct text t = {0};

	many_errors(&t, 5000);

	struct rule_set *set = load(&t);

	check_i64(set->error_count, 10000, "errors");
	check_i64(set->diagnostic_count, 1000, "told");
	rules_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_time_grows_with_the_size_alone),
	    cmocka_unit_test(test_a_list_of_a_million_loads),
	    cmocka_unit_test(test_hostile_shapes_end_in_an_error),
	    cmocka_unit_test(test_the_number_of_told_problems_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

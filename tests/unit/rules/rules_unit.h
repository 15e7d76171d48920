/* SPDX-License-Identifier: Apache-2.0 */
/* Loading rules from a text, and looking at what came of it. */
#ifndef SAKER_TESTS_UNIT_RULES_H
#define SAKER_TESTS_UNIT_RULES_H

#include "../unit.h"
#include "rules/ruleset.h"

#define RULE_R                                                                                     \
	"- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o %proc.name\n  priority: "   \
	"INFO\n"

static const struct rules_options all_rules = {.least_priority = SEVERITY_DEBUG,
					       .sources = SOURCES_ALL};

static inline struct rule_set *load_text(const char *text)
{
	const struct rules_text one = {"t.yaml", str_from(text)};

	return rules_load_texts(&one, 1, &all_rules);
}

static inline void print_diagnostics(const struct rule_set *set)
{
	char *text = rules_report_text(set, true);

	fprintf(stderr, "%s", text);
	free(text);
}

static inline struct rule_set *load_good(const char *text)
{
	struct rule_set *set = load_text(text);

	if (set->error_count) {
		fprintf(stderr, "%s\n", text);
		print_diagnostics(set);
		fail_msg("%zu errors", set->error_count);
	}
	return set;
}

static inline const struct rule *rule_named(const struct rule_set *set, const char *name)
{
	for (size_t i = 0; i < set->rule_count; i++)
		if (str_equal_c(set->rules[i].name, name))
			return &set->rules[i];
	fail_msg("no rule %s", name);
	return NULL;
}

static inline void check_condition_at(const struct rule *rule, const char *want, const char *file,
				      int line)
{
	char memory[4096];
	struct buffer b = BUFFER(memory);

	condition_print(rule->condition, &b);
	check_str_at(buffer_str(&b), want, "condition", file, line);
}
#define check_condition(rule, want) check_condition_at((rule), (want), __FILE__, __LINE__)

static inline size_t count_code(const struct rule_set *set, const char *code)
{
	size_t n = 0;

	for (size_t i = 0; i < set->diagnostic_count; i++)
		n += strcmp(set->diagnostics[i].code, code) == 0;
	return n;
}

#endif

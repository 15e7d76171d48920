/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a rules file (or, split at a form feed, as several): to a rule set and its report. */
#include "rules/ruleset.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rules_options options = {.least_priority = SEVERITY_DEBUG,
						     .sources = SOURCES_ALL,
						     .append_output = "%proc.name"};
	enum { FILES_MAX = 4 };
	struct rules_text texts[FILES_MAX];
	struct str rest = {(const char *)data, size};
	size_t count = 0;

	while (count < FILES_MAX) {
		size_t end = count + 1 < FILES_MAX ? str_find_byte(rest, '\f', 0) : rest.n;

		texts[count++] = (struct rules_text){"fuzz.yaml", str_slice(rest, 0, end)};
		if (end == rest.n)
			break;
		rest = str_slice(rest, end + 1, rest.n);
	}

	struct rule_set *set = rules_load_texts(texts, count, &options);
	char memory[65536];

	/* What cannot be judged must not be loaded; what is loaded must print. */
	if (set->error_count && set->rule_count)
		abort();
	for (size_t i = 0; i < set->rule_count; i++) {
		struct buffer b = BUFFER(memory);

		condition_print(set->rules[i].condition, &b);
	}
	free(rules_report_json(set));
	free(rules_report_text(set, true));
	rules_forget_sources(set);
	rules_free(set);
	return 0;
}

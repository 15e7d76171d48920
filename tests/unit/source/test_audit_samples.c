/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that users have for audit events, on events as API servers sent them. Both lie beside
 * the project.
 */
#include "../rules/samples.h"
#include "../unit.h"
#include "engine/plan.h"
#include "source/audit.h"

#include <errno.h>
#include <unistd.h>

/* File and rules; test_audit.py of the program tests reads the same table. */
static FILE *open_table(void)
{
	const char *source = getenv("SAKER_SOURCE");
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/source/audit_samples.tsv",
		 source ? source : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s cannot be read", path);
	return f;
}

struct judge {
	struct evaluator *evaluator;
	char names[1024];
	size_t n, events;
};

static void judge(void *context, struct event *e)
{
	struct judge *j = context;
	struct match matches[16];
	size_t count = evaluator_judge(j->evaluator, e, matches, 16);

	j->events++;
	for (size_t i = 0; i < count; i++)
		j->n += (size_t)snprintf(j->names + j->n, sizeof(j->names) - j->n, "%s%.*s",
					 j->n ? ", " : "", STR_ARG(matches[i].rule->name));
}

static void every_sample_raises_what_its_name_tells(void **state)
{
	static const struct rules_options options = {.least_priority = SEVERITY_DEBUG,
						     .sources = SOURCE_BIT(SOURCE_K8S_AUDIT)};
	static const struct plan_options all = {.all_matches = true};
	char path[512];
	const char *one = path;
	struct error err = {0};

	(void)state;
	snprintf(path, sizeof(path), "%s/upstream/rules/k8s_audit_rules.yaml", shared_folder());
	need_samples(path);

	struct rule_set *set = rules_load(&one, 1, &options);

	check_i64(set->error_count, 0, "errors");
	check_i64(set->warning_count, 0, "warnings");

	struct plan *plan = plan_compile(set, &all, &err);
	struct state *s = state_new(&(struct state_options){.max_threads = 64}, &err);
	struct judge j = {.evaluator = evaluator_new(plan, s, "host")};

	assert_non_null(j.evaluator);
	evaluator_context(j.evaluator)->source = SOURCE_K8S_AUDIT;
	FILE *table = open_table();
	char line[1024];
	size_t count = 0;

	for (fgets(line, sizeof(line), table); fgets(line, sizeof(line), table); count++) {
		char *rules = line, *file = strsep(&rules, "\t");
		struct audit_options o;
		struct source *source;

		rules[strcspn(rules, "\n")] = '\0';
		snprintf(path, sizeof(path), "%s/upstream/audit/%s.json", shared_folder(), file);
		if (audit_options_read(&o, path, "", &err) < 0)
			fail_msg("%s", err.message);
		source = source_audit_new(&o, &err);
		if (!source)
			fail_msg("%s", err.message);
		j.n = j.events = 0;
		j.names[0] = '\0';
		while (source_poll(source, 0, judge, &j) >= 0)
			;
		check_i64(j.events, 1, file);
		check_str(str_from(j.names), rules, file);
		source_free(source);
	}
	check_i64(count, 24, "samples");
	fclose(table);
	evaluator_free(j.evaluator);
	state_free(s);
	plan_free(plan);
	rules_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_sample_raises_what_its_name_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

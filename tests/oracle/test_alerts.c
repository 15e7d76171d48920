/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts of a replayed capture, through rules, engine and output: each line to the byte what Falco
 * printed, in as many forms as alert_samples.txt has.
 */
#include "oracle.h"

#include "base/cleanup.h"
#include "output/alert.h"
#include "rules/ruleset.h"

#include <time.h>

/* As it can be told from the samples. */
static const char rule_text[] =
    "- rule: Symlink created\n"
    "  desc: of the samples\n"
    "  condition: evt.type in (symlink, symlinkat) and evt.rawres = 0\n"
    "  output: Link made | user=%user.name proc=%proc.name parent=%proc.pname args=%evt.args "
    "fd=%fd.name num=%evt.num tty=%proc.tty anc=%proc.aname[2]\n"
    "  priority: WARNING\n"
    "  tags: [host, filesystem, T1036]\n";

struct comparison_run {
	FILE *samples;
	char *line;
	size_t room;
	struct alert_options options;
	struct rule_set *plain, *appended;
	const struct rule *rule;
	char *made;
	size_t lines, sections, differed;
};

static struct rule_set *load(const struct rules_append *append)
{
	struct rules_text text = {"samples.yaml", STR(rule_text)};
	struct rules_options options = {.least_priority = SEVERITY_DEBUG,
					.sources = SOURCES_ALL,
					.appends = append,
					.append_count = append != NULL};
	struct rule_set *set = rules_load_texts(&text, 1, &options);

	for (size_t i = 0; i < set->diagnostic_count; i++)
		if (set->diagnostics[i].level == DIAGNOSTIC_ERROR)
			fail_msg("%.*s", STR_ARG(set->diagnostics[i].message));
	return set;
}

static void set_options(struct comparison_run *r)
{
	const char *line = r->line;

	r->options = (struct alert_options){
	    .hostname = "vm",
	    .is_json = strstr(line, "json_output=true"),
	    .include_output = !strstr(line, "include_output_property=false"),
	    .include_message = strstr(line, "include_message_property=true"),
	    .include_tags = !strstr(line, "include_tags_property=false"),
	    .include_output_fields = !strstr(line, "include_output_fields_property=false"),
	    .iso_8601 = strstr(line, "iso_8601=true"),
	};
	r->rule = &(strstr(line, "append_output") ? r->appended : r->plain)->rules[0];
	r->sections++;
}

static void compare_alert(void *context, struct state *state, struct event *e)
{
	struct comparison_run *r = context;
	static char scratch_memory[1 << 20];
	struct arena scratch;
	struct field_context ctx = {
	    .event = e, .state = state, .scratch = &scratch, .hostname = ""};
	struct buffer made = {.p = r->made, .room = ALERT_LINE_MAX};
	struct str want;

	arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
	if (!condition_holds(r->rule->condition, &ctx))
		return;
	assert_true(getline(&r->line, &r->room, r->samples) > 0);
	want = str_trim(str_from(r->line));
	alert_format(&r->options, r->rule, &ctx, &made);
	r->lines++;
	if (str_equal(buffer_str(&made), want))
		return;
	r->differed++;
	fprintf(stderr, "got  %.*s\nwant %.*s\n", STR_ARG(buffer_str(&made)), STR_ARG(want));
}

static void alerts_are_those_of_falco(void **state)
{
	static const struct rules_extra_field exepath[] = {{"proc.exepath", NULL}};
	static const struct rules_append append = {
	    .format = "extra:%proc.pid", .extra_fields = exepath, .extra_field_count = 1};
	ORACLE_CLOSE FILE *samples = oracle_open("../alert_samples.txt", "cat");
	CLEANUP_FREE char *made = malloc(ALERT_LINE_MAX);
	struct comparison_run r = {.samples = samples, .made = made};

	(void)state;
	r.plain = load(NULL);
	r.appended = load(&append);
	while (getline(&r.line, &r.room, samples) > 0) {
		assert_int_equal(r.line[0], '#');
		set_options(&r);
		oracle_replay("host_activity.scap", compare_alert, &r);
	}
	rules_free(r.plain);
	rules_free(r.appended);
	free(r.line);
	check_i64(r.differed, 0, "alerts that differ");
	check_i64(r.sections, 9, "forms");
	check_i64(r.lines, 18, "alerts");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(alerts_are_those_of_falco),
	};
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

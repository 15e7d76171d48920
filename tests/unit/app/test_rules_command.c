/* SPDX-License-Identifier: Apache-2.0 */
/* rules test and rules explain: exit status and what they say, to the letter. */
#include "../unit.h"
#include "app/rule_test.h"
#include "app/rules_command.h"
#include "base/cleanup.h"

#include <jansson.h>
#include <unistd.h>

static const char rules_text[] =
    "- list: trusted\n"
    "  items: [sshd, sudo]\n"
    "- macro: opened\n"
    "  condition: evt.type in (open, openat)\n"
    "- rule: Secret opened\n"
    "  desc: d\n"
    "  condition: opened and (fd.name startswith /srv/ or fd.name = /x)\n"
    "    and not proc.name in (trusted)\n"
    "  exceptions:\n"
    "    - name: backup\n"
    "      fields: [proc.name, proc.pname]\n"
    "      values: [[restic, cron]]\n"
    "  output: o\n"
    "  priority: WARNING\n"
    "- rule: Any open\n"
    "  desc: d\n"
    "  condition: opened\n"
    "  output: o\n"
    "  priority: INFO\n"
    "- rule: Old\n"
    "  desc: d\n"
    "  condition: opened\n"
    "  enabled: false\n"
    "  output: o\n"
    "  priority: INFO\n";

/* Files in a directory of their own; names of tests' files are "t.yaml", of rules "r.yaml". */
static char directory[] = "/tmp/saker-rules-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[8][128];
	static int next;
	char *out = path[next++ % 8];

	snprintf(out, sizeof(path[0]), "%s/%s", directory, name);
	return out;
}

static void write_file(const char *name, const char *text)
{
	CLEANUP_FCLOSE FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	fputs(text, f);
}

/* The output with the directory's name left out of it. */
static char *without_directory(char *text)
{
	size_t n = strlen(directory) + 1;

	for (char *p; (p = strstr(text, directory));)
		memmove(p, p + n, strlen(p + n) + 1);
	return text;
}

#define DEFAULTS "defaults: {evt.type: openat, proc.name: cat}\n"
#define TEST(fields) "tests:\n- name: t\n  event: {" fields "}\n"

static const struct {
	const char *text;
	int status;
	const char *output;
} cases[] = {
    {DEFAULTS TEST("fd.name: /srv/a") "  fires: [Secret opened, Any open]\n  silent: '*'\n", 0,
     "t.yaml: 1 passed, 0 failed\n"},
    {DEFAULTS TEST("fd.name: /srv/a") "  silent: [Old]\n", 0, "t.yaml: 1 passed, 0 failed\n"},
    {DEFAULTS TEST("fd.name: /srv/a, proc.name: restic, proc.pname: cron") "  silent: Secret*\n", 0,
     "t.yaml: 1 passed, 0 failed\n"},
    {DEFAULTS TEST("fd.name: /srv/a, proc.name: sshd") "  fires: Secret opened\n", 1,
     "FAILED  t (t.yaml:3:3)\n"
     "  - Secret opened   (must fire, did not)\n"
     "      not true: not proc.name in (sshd, sudo)   # it is sshd\n"
     "    Any open\n"
     "t.yaml: 0 passed, 1 failed\n"},
    {DEFAULTS TEST("fd.name: /tmp/a") "  fires: Secret opened\n", 1,
     "FAILED  t (t.yaml:3:3)\n"
     "  - Secret opened   (must fire, did not)\n"
     "      not true: fd.name startswith /srv/   # it is /tmp/a\n"
     "    Any open\n"
     "t.yaml: 0 passed, 1 failed\n"},
    {DEFAULTS TEST("fd.name: /srv/a") "  fires: Secret opened\n  silent: '*'\n", 1,
     "FAILED  t (t.yaml:3:3)\n"
     "    Secret opened\n"
     "  + Any open   (must not fire, did)\n"
     "t.yaml: 0 passed, 1 failed\n"},
    {DEFAULTS TEST("fd.name: /srv/a") "  fires: Old\n", 1,
     "FAILED  t (t.yaml:3:3)\n"
     "    Secret opened\n"
     "    Any open\n"
     "  - Old   (must fire, did not)\n"
     "      it is not enabled\n"
     "t.yaml: 0 passed, 1 failed\n"},
    {"tests:\n- name: t\n  events: [{evt.type: close}, {evt.type: open}]\n  fires: Any open\n", 0,
     "t.yaml: 1 passed, 0 failed\n"},
    {"tests:\n- name: t\n  events: [{evt.type: close}, {evt.type: read}]\n  fires: Any open\n", 1,
     "FAILED  t (t.yaml:2:3)\n"
     "  - Any open   (must fire, did not)\n"
     "t.yaml: 0 passed, 1 failed\n"},
    {DEFAULTS TEST("fd.name: /srv/a") "  fires: Secrets opened\n", 2,
     "t.yaml:5:10: there is no rule 'Secrets opened'; did you mean 'Secret opened'?\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {DEFAULTS TEST("fd.name: /srv/a") "  silent: Nothing*\n", 2,
     "t.yaml:5:11: there is no rule 'Nothing*'\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {DEFAULTS TEST("fd.name: /srv/a") "  fires: Old\n  silent: Old\n", 2,
     "t.yaml:6:11: 'Old' stands under fires, too\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {DEFAULTS TEST("fd.name: /srv/a"), 2,
     "t.yaml:3:3: a test says which rules fire or are silent: fires, silent\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {DEFAULTS TEST("fd.name: /srv/a") "  fire: Old\n", 2,
     "t.yaml:5:3: unknown key 'fire'; did you mean 'fires'?\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {"tests:\n- name: t\n  silent: Old\n", 2,
     "t.yaml:2:3: a test has one of 'event', 'events' and 'capture'\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {"tests:\n- name: t\n  capture: no.scap\n  silent: Old\n", 2, NULL},
    {"tests:\n- event: {evt.type: open}\n  silent: Old\n", 2,
     "t.yaml:2:3: a test needs a name\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {"tests: []\n", 2,
     "t.yaml:1:8: expected 'tests', a list\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {"[]\n", 2,
     "t.yaml:1:1: expected 'tests' and what they are of: 'rules'\n"
     "t.yaml: 0 passed, 0 failed, and the file has an error\n"},
    {"a: [\n", 2, NULL},
    {"", 2, NULL},
};

static char *run(const char *text, bool is_json, int *status)
{
	const char *rules[] = {path_of("r.yaml")}, *files[] = {path_of("t.yaml")};
	const struct rule_test_options options = {
	    .rules = {rules, 1},
	    .rules_options = {.least_priority = SEVERITY_DEBUG,
			      .sources = SOURCE_BIT(SOURCE_SYSCALL)},
	    .is_json = is_json,
	};
	char *output = NULL;
	size_t size;
	FILE *out = open_memstream(&output, &size);

	write_file("t.yaml", text);
	*status = rule_test_run(&(struct string_list){files, 1}, &options, out);
	fclose(out);
	return without_directory(output);
}

static void tests_say_what_differs_and_end_with_a_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int status;
		CLEANUP_FREE char *output = run(cases[i].text, false, &status);

		if (status != cases[i].status ||
		    (cases[i].output && strcmp(output, cases[i].output) != 0))
			fail_msg("%s\ngave %d and\n%s\nexpected %d and\n%s", cases[i].text, status,
				 output, cases[i].status,
				 cases[i].output ? cases[i].output : "anything");
	}
}

static void tests_report_in_json(void **state)
{
	int status;
	CLEANUP_FREE char *output =
	    run(DEFAULTS TEST("fd.name: /srv/a, proc.name: sudo") "  fires: Secret opened\n"
								  "  silent: '*'\n",
		true, &status);

	(void)state;
	assert_int_equal(status, 1);
	assert_string_equal(output,
			    "{\"files\":[{\"file\":\"t.yaml\",\"passed\":0,\"failed\":1,\"tests\":["
			    "{\"name\":\"t\",\"line\":3,\"passed\":false,\"fired\":[\"Any open\"],"
			    "\"missing\":[\"Secret opened\"],\"unexpected\":[\"Any open\"]}]}],"
			    "\"passed\":0,\"failed\":1}\n");
}

static void rules_stand_beside_the_tests(void **state)
{
	const char *files[] = {path_of("t.yaml")};
	const struct rule_test_options options = {
	    .rules_options = {.least_priority = SEVERITY_DEBUG,
			      .sources = SOURCE_BIT(SOURCE_SYSCALL)},
	};
	char *output = NULL;
	size_t size;
	FILE *out = open_memstream(&output, &size);

	(void)state;
	write_file("t.yaml", "rules: r.yaml\n" TEST("evt.type: open") "  fires: Any open\n");
	assert_int_equal(rule_test_run(&(struct string_list){files, 1}, &options, out), 0);
	fclose(out);
	free(output);
}

static void a_capture_is_judged_event_by_event(void **state)
{
	const char *shared = getenv("SAKER_SHARED");
	char text[1024], capture[512];
	int status;

	(void)state;
	snprintf(capture, sizeof(capture), "%s/upstream/captures/cat_write.scap",
		 shared ? shared : "../shared");
	if (access(capture, R_OK) != 0) {
		if (getenv("CI"))
			fail_msg("%s is not there: set SAKER_SHARED", capture);
		fprintf(stderr, "# SKIP: %s is not there\n", capture);
		skip();
	}
	snprintf(text, sizeof(text),
		 "tests:\n- name: t\n  capture: %s\n  fires: Any open\n  silent: Secret opened\n",
		 capture);

	CLEANUP_FREE char *output = run(text, false, &status);

	assert_string_equal(output, "t.yaml: 1 passed, 0 failed\n");
	assert_int_equal(status, 0);
}

static const char explained[] =
    "Rule: Secret opened\n"
    "  r.yaml:5:3, priority Warning\n"
    "Events: open, openat\n"
    "Condition, with macros and exceptions, and what is true for the event:\n"
    "false    all of:\n"
    "true       all of:\n"
    "true         evt.type in (open, openat)   [macro opened]   # it is openat\n"
    "true         any of:\n"
    "true           fd.name startswith /srv/   # it is /srv/a\n"
    "false          fd.name = /x   # it is /srv/a\n"
    "true         not proc.name in (sshd, sudo)   # it is restic\n"
    "false      not:   [exception backup]\n"
    "true         all of:\n"
    "true           proc.name = restic   # it is restic\n"
    "true           proc.pname = cron   # it is cron\n";

/* The value at a path of keys and indexes: "condition.of.0.holds". */
static json_t *json_at(json_t *json, const char *path)
{
	char key[64];
	int n = 0;

	for (; json && sscanf(path, "%63[^.]%n", key, &n) == 1; path += n + (path[n] == '.'))
		json = json_is_array(json) ? json_array_get(json, strtoul(key, NULL, 10))
					   : json_object_get(json, key);
	return json;
}

static void explanations_are_told_to_programs(void **state)
{
	static const struct {
		const char *path, *want;
	} facts[] = {
	    {"rule", "\"Secret opened\""},
	    {"position.line", "5"},
	    {"priority", "\"Warning\""},
	    {"enabled", "true"},
	    {"events", "[\"open\",\"openat\"]"},
	    {"holds", "true"},
	    {"condition.operator", "\"and\""},
	    {"condition.of.0.of.0.comparison", "\"evt.type in (open, openat)\""},
	    {"condition.of.0.of.0.macro", "\"opened\""},
	    {"condition.of.0.of.0.value", "\"openat\""},
	    {"condition.of.0.of.0.holds", "true"},
	    {"condition.of.0.of.1.of.1.holds", "false"},
	    {"condition.of.1.operator", "\"not\""},
	    {"condition.of.1.exception", "\"backup\""},
	    {"condition.of.1.of.0.of.1.value", "null"},
	    {"cost.0.events", "[\"open\",\"openat\"]"},
	    {"cost.0.always_visited", "false"},
	};
	const char *paths[] = {path_of("r.yaml")};
	const struct rules_options rules_options = {.least_priority = SEVERITY_DEBUG,
						    .sources = SOURCE_BIT(SOURCE_SYSCALL)};
	struct rule_set *set = rules_load(paths, 1, &rules_options);
	struct explain_options options = {
	    .rule = "Secret opened", .event_file = path_of("e.yaml"), .is_json = true};
	struct error err = {0};
	char *output = NULL;
	size_t size;
	FILE *out = open_memstream(&output, &size);
	json_t *json;

	(void)state;
	write_file("e.yaml", "{evt.type: openat, fd.name: /srv/a, proc.name: restic}\n");
	assert_int_equal(rules_explain(set, &options, out, &err), 0);
	fclose(out);
	json = json_loads(output, 0, NULL);
	assert_non_null(json);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		char *got =
		    json_dumps(json_at(json, facts[i].path), JSON_ENCODE_ANY | JSON_COMPACT);

		check_str(str_from(got ? got : "nothing"), facts[i].want, facts[i].path);
		free(got);
	}
	json_decref(json);
	free(output);
	rules_free(set);
}

static void explanations_show_what_is_true(void **state)
{
	const char *paths[] = {path_of("r.yaml")};
	const struct rules_options rules_options = {.least_priority = SEVERITY_DEBUG,
						    .sources = SOURCE_BIT(SOURCE_SYSCALL)};
	struct rule_set *set = rules_load(paths, 1, &rules_options);
	struct explain_options options = {.rule = "Secret opened", .event_file = path_of("e.yaml")};
	struct error err = {0};
	char *output = NULL;
	size_t size;
	FILE *out = open_memstream(&output, &size);

	(void)state;
	write_file("e.yaml", "{evt.type: openat, fd.name: /srv/a, proc.name: restic, "
			     "proc.pname: cron}\n");
	assert_int_equal(set->error_count, 0);
	assert_int_equal(rules_explain(set, &options, out, &err), 0);
	fflush(out);
	without_directory(output);
	if (strncmp(output, explained, strlen(explained)) != 0)
		fail_msg("got\n%s\nexpected\n%s", output, explained);
	assert_non_null(strstr(output, "guard: "));
	assert_non_null(strstr(output, "For this event the rule does not hold.\n"));

	options.rule = "Secret opned";
	assert_true(rules_explain(set, &options, out, &err) < 0);
	assert_string_equal(err.message,
			    "there is no rule 'Secret opned'; did you mean 'Secret opened'?");
	fclose(out);
	free(output);
	rules_free(set);
}

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	write_file("r.yaml", rules_text);
	return 0;
}

static int end(void **state)
{
	static const char *const names[] = {"r.yaml", "t.yaml", "e.yaml"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path_of(names[i]));
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tests_say_what_differs_and_end_with_a_status),
	    cmocka_unit_test(tests_report_in_json),
	    cmocka_unit_test(rules_stand_beside_the_tests),
	    cmocka_unit_test(a_capture_is_judged_event_by_event),
	    cmocka_unit_test(explanations_show_what_is_true),
	    cmocka_unit_test(explanations_are_told_to_programs),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

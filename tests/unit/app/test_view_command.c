/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of the command line, the messages about them, and a capture's progress. */
#include "../unit.h"
#include "app/replay_command.h"
#include "app/view_filter.h"

#include <unistd.h>

static struct rule_set *load(const char *filter, const char *rules_file, struct rule **rule,
			     struct error *err)
{
	struct string_list rules = {&rules_file, rules_file ? 1 : 0};

	*err = (struct error){0};
	return view_filter_load(str_from(filter), &rules, rule, err);
}

static void filters_are_conditions(void **state)
{
	static const char *const rows[] = {
	    "",
	    "  ",
	    "evt.type = open",
	    "fd.name = '/a b' and proc.name in (x, \"y\")",
	    "evt.type = open\n\tand proc.name startswith 'it'",
	};
	struct error err;
	struct rule *rule;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rule_set *set = load(rows[i], NULL, &rule, &err);

		if (!set)
			fail_msg("%s: %s", rows[i], err.message);
		check_i64(set->rule_count, 1, rows[i]);
		rules_free(set);
	}
}

static void mistakes_have_their_place_in_the_filter(void **state)
{
	static const struct {
		const char *filter;
		size_t offset;
		const char *message;
	} rows[] = {
	    {"evt.type = open and proc.nam = x", 20, "proc.nam"},
	    {"proc.name = 'a' and proc.nam = 'b'", 20, "proc.nam"},
	    {"evt.type = open and", 19, "expected"},
	    {"evt.type = opne", 11, "opne"},
	    {"no_such_macro", 0, "no_such_macro"},
	};
	struct error err;
	struct rule *rule;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_null(load(rows[i].filter, NULL, &rule, &err));
		if (!strstr(err.message, rows[i].message))
			fail_msg("%s: %s", rows[i].filter, err.message);
		check_i64(err.offset, rows[i].offset, err.message);
		check_str(str_from(err.file), "", rows[i].filter);
	}
}

static void filters_may_name_macros_of_rules_files(void **state)
{
	static const char text[] = "- macro: opened\n  condition: evt.type = open\n"
				   "- rule: r\n  desc: d\n  condition: opened\n  output: o\n"
				   "  priority: INFO\n";
	char path[] = "/tmp/saker-view-XXXXXX";
	int fd = mkstemp(path);
	struct error err;
	struct rule *rule;
	struct rule_set *set;

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	set = load("opened and proc.name = x", path, &rule, &err);
	if (!set)
		fail_msg("%s", err.message);
	assert_true(rule->is_enabled);
	rules_free(set);
	/* An error in the file is told with the file's place. */
	assert_int_equal(ftruncate(fd, 30), 0);
	assert_null(load("proc.name = x", path, &rule, &err));
	check_str(str_from(err.file), path, "file");
	assert_null(load("proc.name = x", "/nonexistent", &rule, &err));
	close(fd);
	unlink(path);
}

static void messages_point_at_the_place(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *want;
	} rows[] = {
	    {"a = b", 4, "saker: filter:5: bad\n    a = b\n        ^\n"},
	    {"", 0, "saker: filter:1: bad\n    \n    ^\n"},
	    {"x\nyz\nw", 3, "saker: filter:4: bad\n    yz\n     ^\n"},
	    {"ab", 9, "saker: filter:3: bad\n    ab\n      ^\n"},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		FILE *out = fmemopen(text, sizeof(text), "w");
		struct error err = {0};

		error_set_at(&err, -1, rows[i].offset, "bad");
		view_print_error("filter", str_from(rows[i].text), &err, out);
		fclose(out);
		check_str(str_from(text), rows[i].want, rows[i].text);
	}
}

static void progress_is_a_share_or_an_amount(void **state)
{
	static const struct {
		struct capture_position position;
		const char *want;
	} rows[] = {
	    {{0, 10}, "f: 0 %"},           {{5, 10}, "f: 50 %"}, {{12, 10}, "f: 100 %"},
	    {{123456789, 0}, "f: 123 MB"}, {{0, 0}, "f: 0 MB"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		replay_progress_text("f", rows[i].position, text, sizeof(text));
		check_str(str_from(text), rows[i].want, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(filters_are_conditions),
	    cmocka_unit_test(mistakes_have_their_place_in_the_filter),
	    cmocka_unit_test(filters_may_name_macros_of_rules_files),
	    cmocka_unit_test(messages_point_at_the_place),
	    cmocka_unit_test(progress_is_a_share_or_an_amount),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

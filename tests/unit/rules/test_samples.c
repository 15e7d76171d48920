/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Falco itself says of small rules files, and the rules files that users have. The samples
 * lie beside the project.
 */
#include "rules_unit.h"
#include "samples.h"

#include <jansson.h>

/* Where this loader says something else on purpose. */
static const struct difference {
	const char *name;
	const char *reason;
	bool is_ok;
	const char *errors; /* "CODE:line ..." */
	const char *warnings;
} differences[] = {
/* Upstream counts the line of the key and that within the text both from one. */
#define LINE "the condition's own line, where upstream is one too far"
    {"unknown_field_cond", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"syntax_error3", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"bad_evttype", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"macro_syntax", LINE, false, "LOAD_ERR_COMPILE_CONDITION:2", ""},
    {"cmp_bool", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"cmp_ip", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"cmp_hex", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"arg_missing", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"arg_unneeded", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"regex_bad", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"transf_bad", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"oneof", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"case_ops", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"evttype_star", LINE, false, "LOAD_ERR_COMPILE_CONDITION:3", ""},
    {"unknown_macro",
     "the line that names the macro, where upstream says the line after the rule's", false,
     "LOAD_ERR_VALIDATE:3", ""},
    {"macro_after", "names are settled after the last file is read", true, "", ""},
    {"exc_badcomp", "the operator itself is pointed at, not the exception that it is in", false,
     "LOAD_ERR_VALIDATE:9", ""},
    {"plug_missing", "what the json plugin does is built in", true, "", ""},
    {"plug_alt", "what the json plugin does is built in", true, "", ""},
    {"out_percent", "%% is a percent sign, which upstream lacks", true, "", ""},
};

static const struct difference *difference_of(const char *name)
{
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
		if (strcmp(differences[i].name, name) == 0)
			return &differences[i];
	return NULL;
}

static void describe_expected(json_t *sample, char *errors, char *warnings, size_t size)
{
	json_t *item;
	size_t i;

	errors[0] = warnings[0] = '\0';
	json_array_foreach(json_object_get(sample, "errors"), i, item)
	{
		size_t n = strlen(errors);

		snprintf(errors + n, size - n, "%s%s:%d", n ? " " : "",
			 json_string_value(json_object_get(item, "code")),
			 (int)json_integer_value(json_object_get(item, "line")));
	}
	json_array_foreach(json_object_get(sample, "warnings"), i, item)
	{
		size_t n = strlen(warnings);

		snprintf(warnings + n, size - n, "%s%s", n ? " " : "", json_string_value(item));
	}
}

static void describe_got(const struct rule_set *set, char *errors, char *warnings, size_t size)
{
	errors[0] = warnings[0] = '\0';
	for (size_t i = 0; i < set->diagnostic_count; i++) {
		const struct diagnostic *d = &set->diagnostics[i];
		char *to = d->level == DIAGNOSTIC_ERROR ? errors : warnings;
		size_t n = strlen(to);

		if (d->level == DIAGNOSTIC_ERROR)
			snprintf(to + n, size - n, "%s%s:%u", n ? " " : "", d->code, d->line);
		else
			snprintf(to + n, size - n, "%s%s", n ? " " : "", d->code);
	}
}

static bool is_as_expected(json_t *sample)
{
	const char *name = json_string_value(json_object_get(sample, "case"));
	const char *rules = json_string_value(json_object_get(sample, "rules"));
	const struct difference *difference = difference_of(name);
	bool want_ok = json_is_true(json_object_get(sample, "ok"));
	char want_errors[512], want_warnings[512], got_errors[512], got_warnings[512];
	bool is_good;

	describe_expected(sample, want_errors, want_warnings, sizeof(want_errors));
	if (difference) {
		want_ok = difference->is_ok;
		snprintf(want_errors, sizeof(want_errors), "%s", difference->errors);
		snprintf(want_warnings, sizeof(want_warnings), "%s", difference->warnings);
	}

	struct rule_set *set = load_text(rules);

	describe_got(set, got_errors, got_warnings, sizeof(got_errors));
	is_good = (set->error_count == 0) == want_ok && strcmp(got_errors, want_errors) == 0 &&
		  strcmp(got_warnings, want_warnings) == 0;
	if (!is_good) {
		fprintf(stderr, "%s: got %s [%s] [%s], want %s [%s] [%s]\n", name,
			set->error_count ? "bad" : "ok", got_errors, got_warnings,
			want_ok ? "ok" : "bad", want_errors, want_warnings);
		print_diagnostics(set);
	}
	rules_free(set);
	return is_good;
}

static void test_small_files_load_as_falco_says(void **state)
{
	(void)state;
	char path[512], line[65536];
	size_t bad = 0, all = 0;

	snprintf(path, sizeof(path), "%s/upstream/rules_results.jsonl", shared_folder());
	need_samples(path);

	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		json_t *sample = json_loads(line, 0, NULL);

		assert_non_null(sample);
		bad += !is_as_expected(sample);
		all++;
		json_decref(sample);
	}
	fclose(f);
	if (bad)
		fail_msg("%zu of %zu samples load otherwise", bad, all);
	assert_true(all > 50);
}

static void test_files_that_users_have_load_without_error(void **state)
{
	(void)state;
	static const struct {
		const char *files[3];
		size_t least_rules;
	} cases[] = {
	    {{"falco_rules.yaml"}, 20},
	    {{"falco-incubating_rules.yaml"}, 20},
	    {{"falco-sandbox_rules.yaml"}, 20},
	    {{"k8s_audit_rules.yaml"}, 20},
	    {{"falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"}, 80},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char paths[3][512];
		const char *list[3];
		size_t count = 0;

		for (; count < 3 && cases[i].files[count]; count++) {
			snprintf(paths[count], sizeof(paths[count]), "%s/upstream/rules/%s",
				 shared_folder(), cases[i].files[count]);
			need_samples(paths[count]);
			list[count] = paths[count];
		}

		struct rule_set *set = rules_load(list, count, &all_rules);

		if (set->error_count) {
			print_diagnostics(set);
			fail_msg("%s: %zu errors", cases[i].files[0], set->error_count);
		}
		if (set->rule_count < cases[i].least_rules)
			fail_msg("%s: %zu rules", cases[i].files[0], set->rule_count);
		rules_free(set);
	}
}

/* Arrays whose order means nothing are compared as sets. */
static bool is_same(json_t *got, json_t *want, const char *where)
{
	const char *key;
	json_t *value;
	size_t i, k;
	bool is_good = true;

	if (json_is_object(want)) {
		json_object_foreach(want, key, value) is_good &=
		    is_same(json_object_get(got, key), value, key);
		return is_good && json_object_size(got) == json_object_size(want);
	}
	if (json_is_array(want) && json_array_size(want) > 1 &&
	    json_array_size(want) == json_array_size(got)) {
		for (i = 0; i < json_array_size(want); i++) {
			bool found = false;

			for (k = 0; k < json_array_size(got); k++)
				found |=
				    json_equal(json_array_get(want, i), json_array_get(got, k));
			is_good &= found;
		}
	} else if (json_is_array(want) && json_array_size(want) == 1) {
		is_good = json_array_size(got) == 1 &&
			  is_same(json_array_get(got, 0), json_array_get(want, 0), where);
	} else {
		is_good = json_equal(got, want);
	}
	if (!is_good) {
		char *g = json_dumps(got, JSON_ENCODE_ANY), *w = json_dumps(want, JSON_ENCODE_ANY);

		fprintf(stderr, "%s: got %s, want %s\n", where, g ? g : "nothing", w);
		free(g);
		free(w);
	}
	return is_good;
}

static void test_a_rule_is_described_as_falco_does(void **state)
{
	(void)state;
	char path[512];

	snprintf(path, sizeof(path), "%s/upstream/describe_sample.json", shared_folder());
	need_samples(path);

	json_t *want = json_load_file(path, 0, NULL);
	struct rule_set *set =
	    load_good("- rule: Symlink created\n  desc: sample\n"
		      "  condition: evt.type in (symlink, symlinkat) and evt.res=SUCCESS\n"
		      "  output: Link made | user=%user.name proc=%proc.name parent=%proc.pname "
		      "args=%evt.args fd=%fd.name num=%evt.num tty=%proc.tty anc=%proc.aname[2]\n"
		      "  priority: WARNING\n  tags: [filesystem, host, T1036]\n");
	char *text = rules_describe_json(set, NULL, NULL);
	json_t *got = json_loads(text, 0, NULL);

	assert_non_null(want);
	assert_non_null(got);
	assert_true(is_same(got, want, "all"));
	json_decref(got);
	json_decref(want);
	free(text);
	rules_free(set);
}

static void test_all_of_users_files_can_be_described(void **state)
{
	(void)state;
	static const char *const names[] = {"falco_rules.yaml", "k8s_audit_rules.yaml"};

	for (size_t i = 0; i < 2; i++) {
		char path[512];
		const char *one = path;

		snprintf(path, sizeof(path), "%s/upstream/rules/%s", shared_folder(), names[i]);
		need_samples(path);

		struct rule_set *set = rules_load(&one, 1, &all_rules);
		char *json = rules_describe_json(set, NULL, NULL);
		char *text = rules_describe_text(set, NULL, NULL);
		json_t *parsed = json_loads(json, 0, NULL);

		check_i64(json_array_size(json_object_get(parsed, "rules")), set->rule_count,
			  names[i]);
		check_i64(json_array_size(json_object_get(parsed, "macros")), set->macro_count,
			  names[i]);
		check_i64(json_array_size(json_object_get(parsed, "lists")), set->list_count,
			  names[i]);
		assert_true(str_starts_with(str_from(text), STR("Rule  ")));
		json_decref(parsed);
		free(json);
		free(text);
		rules_free(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_small_files_load_as_falco_says),
	    cmocka_unit_test(test_files_that_users_have_load_without_error),
	    cmocka_unit_test(test_a_rule_is_described_as_falco_does),
	    cmocka_unit_test(test_all_of_users_files_can_be_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rule_test.h"

#include "app/made_event.h"
#include "app/rules_paths.h"
#include "base/bitset.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "engine/plan.h"
#include "source/replay.h"

#include <errno.h>
#include <jansson.h>
#include <libgen.h>
#include <stdlib.h>

enum { MATCHES_MAX = 1024, THREADS_MAX = 262144 };

/* One file with its rules, ready to judge. */
struct test_file {
	const struct rule_test_options *options;
	struct arena *arena;
	struct yaml_file yaml;
	const struct yaml_node *defaults, *tests;
	struct rule_set *set;
	struct plan *plan;
	struct evaluator *evaluator;
	struct made_event *made;
	struct match *matches; /* MATCHES_MAX */
};

/* What one test asks and what came of it; sets of rules by their ids. */
struct outcome {
	struct str name;
	struct yaml_position at;
	size_t event_count;
	uint64_t *must_fire, *must_not, *fired;
	size_t failures;
};

struct totals {
	size_t passed, failed;
	bool is_broken;
};

static int fail_at(const struct test_file *f, const struct yaml_node *node, struct error *err,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

static int fail_at(const struct test_file *f, const struct yaml_node *node, struct error *err,
		   const char *format, ...)
{
	struct yaml_position at = yaml_locate(&f->yaml, node->offset);
	char text[sizeof(err->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_set(err, -EINVAL, "%s", text);
	error_locate(err, f->yaml.name, at.line, at.column);
	return -EINVAL;
}

/* All keys of a mapping are known ones. */
static int check_keys(const struct test_file *f, const struct yaml_node *node,
		      const char *const *keys, size_t count, struct error *err)
{
	for (uint32_t i = 0; i < node->count; i++) {
		const struct yaml_node *key = node->pairs[i].key;
		const char *nearest;
		bool is_known = false;

		for (size_t k = 0; k < count; k++)
			is_known |= key->kind == YAML_SCALAR && str_equal_c(key->text, keys[k]);
		if (is_known)
			continue;
		if (key->kind != YAML_SCALAR)
			return fail_at(f, key, err, "expected a key");
		nearest = str_nearest(key->text, keys, count);
		if (nearest)
			return fail_at(f, key, err, "unknown key '%.*s'; did you mean '%s'?",
				       STR_ARG(key->text), nearest);
		return fail_at(f, key, err, "unknown key '%.*s'", STR_ARG(key->text));
	}
	if (f->yaml.duplicate_count)
		return fail_at(f, f->yaml.duplicates[0], err, "the key '%.*s' stands twice",
			       STR_ARG(f->yaml.duplicates[0]->text));
	return 0;
}
#define CHECK_KEYS(f, node, keys, err)                                                             \
	check_keys((f), (node), (keys), sizeof(keys) / sizeof(*(keys)), (err))

/* One scalar or a list of them. */
static size_t item_count(const struct yaml_node *node)
{
	return !node || yaml_is_null(node) ? 0 : node->kind == YAML_SEQUENCE ? node->count : 1;
}

static const struct yaml_node *item_at(const struct yaml_node *node, size_t i)
{
	return node->kind == YAML_SEQUENCE ? node->items[i] : node;
}

static int beside(const struct test_file *f, struct str path, const char **out)
{
	char *copy = (char *)(uintptr_t)arena_cstr(f->arena, str_from(f->yaml.name));

	if (path.n && path.p[0] == '/')
		*out = arena_cstr(f->arena, path);
	else
		*out = arena_printf(f->arena, "%s/%.*s", dirname(copy), STR_ARG(path)).p;
	return 0;
}

/* Rules */

static int find_rules(struct test_file *f, struct string_list *paths, struct error *err)
{
	const struct yaml_node *node = yaml_get(f->yaml.documents[0], "rules");
	const struct string_list *given = &f->options->rules;

	if (!given->count && !item_count(node))
		given = &f->options->default_rules;
	if (given->count) {
		*paths = *given;
		return 0;
	}
	for (size_t i = 0; i < item_count(node); i++) {
		const struct yaml_node *item = item_at(node, i);
		const char *path;

		if (item->kind != YAML_SCALAR)
			return fail_at(f, item, err, "expected the name of a rules file");
		beside(f, item->text, &path);
		if (rules_paths_add(paths, path, false, f->arena, err) < 0)
			return -EINVAL;
	}
	if (!paths->count)
		return fail_at(f, f->yaml.documents[0], err,
			       "there are no rules: name them with -r, or in the file with "
			       "'rules: FILE'");
	return 0;
}

static int load_rules(struct test_file *f, struct error *err)
{
	struct plan_options plan_options = {.all_matches = true};
	struct string_list paths = {0};

	if (find_rules(f, &paths, err) < 0)
		return -EINVAL;
	f->set = rules_load(paths.items, paths.count, &f->options->rules_options);
	if (f->set->error_count) {
		CLEANUP_FREE char *report = rules_report_text(f->set, false);

		fputs(report, stderr);
		error_set(err, -EINVAL, "the rules have errors");
		error_locate(err, f->yaml.name, 0, 0);
		return -EINVAL;
	}
	f->plan = plan_compile(f->set, &plan_options, err);
	if (!f->plan)
		return -EINVAL;
	f->made = made_event_new(err);
	if (!f->made)
		return -ENOMEM;
	f->evaluator = evaluator_new(f->plan, made_event_state(f->made), "localhost");
	f->matches = ARENA_ARRAY(f->arena, struct match, MATCHES_MAX);
	return 0;
}

static const struct rule *find_rule(const struct test_file *f, struct str name)
{
	for (size_t i = 0; i < f->set->rule_count; i++)
		if (str_equal(f->set->rules[i].name, name))
			return &f->set->rules[i];
	return NULL;
}

static int unknown_rule(const struct test_file *f, const struct yaml_node *node, struct error *err)
{
	const char **names = ARENA_ARRAY(f->arena, const char *, f->set->rule_count + 1);
	const char *nearest;

	for (size_t i = 0; i < f->set->rule_count; i++)
		names[i] = arena_cstr(f->arena, f->set->rules[i].name);
	nearest = str_nearest(node->text, names, f->set->rule_count);
	if (nearest)
		return fail_at(f, node, err, "there is no rule '%.*s'; did you mean '%s'?",
			       STR_ARG(node->text), nearest);
	return fail_at(f, node, err, "there is no rule '%.*s'", STR_ARG(node->text));
}

static int read_expected(const struct test_file *f, const struct yaml_node *test, struct outcome *o,
			 struct error *err)
{
	const struct yaml_node *fires = yaml_get(test, "fires"), *silent = yaml_get(test, "silent");

	if (!item_count(fires) && !item_count(silent))
		return fail_at(f, test, err,
			       "a test says which rules fire or are silent: fires, silent");
	for (size_t i = 0; i < item_count(fires); i++) {
		const struct yaml_node *item = item_at(fires, i);
		const struct rule *rule =
		    item->kind == YAML_SCALAR ? find_rule(f, item->text) : NULL;

		if (item->kind != YAML_SCALAR)
			return fail_at(f, item, err, "expected the name of a rule");
		if (!rule)
			return unknown_rule(f, item, err);
		bitset_add(o->must_fire, rule->id);
	}
	for (size_t i = 0; i < item_count(silent); i++) {
		const struct yaml_node *item = item_at(silent, i);
		bool is_any = false;

		if (item->kind != YAML_SCALAR)
			return fail_at(f, item, err, "expected the name of a rule, or a pattern");
		for (size_t r = 0; r < f->set->rule_count; r++) {
			if (!rule_name_matches(f->set->rules[r].name, item->text))
				continue;
			is_any = true;
			if (!bitset_has(o->must_fire, r))
				bitset_add(o->must_not, r);
			else if (str_equal(f->set->rules[r].name, item->text))
				return fail_at(f, item, err, "'%.*s' stands under fires, too",
					       STR_ARG(item->text));
		}
		if (!is_any)
			return unknown_rule(f, item, err);
	}
	return 0;
}

/* Events */

static int judge_fields(struct test_file *f, const struct yaml_node *fields, struct outcome *o,
			struct error *err)
{
	struct field_context *ctx = evaluator_context(f->evaluator);
	size_t count;

	if (made_event_make(f->made, &f->yaml, fields, f->defaults, err) < 0)
		return -EINVAL;
	evaluator_forget(f->evaluator);
	ctx->given = made_event_given(f->made);
	ctx->source = made_event_source(f->made);
	count = evaluator_judge(f->evaluator, made_event_get(f->made), f->matches, MATCHES_MAX);
	for (size_t i = 0; i < count && i < MATCHES_MAX; i++)
		bitset_add(o->fired, f->matches[i].rule->id);
	o->event_count++;
	return 0;
}

/* A capture's events, each with what the state knew of its process then. */
struct capture_run {
	struct test_file *file;
	struct state *state;
	struct source *source;
	struct evaluator *evaluator;
	struct outcome *outcome;
};

static void release_capture(struct capture_run *run)
{
	evaluator_free(run->evaluator);
	if (run->source)
		source_free(run->source);
	state_free(run->state);
}

static void judge_captured(void *context, struct event *e)
{
	struct capture_run *run = context;
	struct match *matches = run->file->matches;
	size_t count;

	state_bind(run->state, e);
	if (e->record->flags & RECORD_STATE_ONLY)
		return;
	count = evaluator_judge(run->evaluator, e, matches, MATCHES_MAX);
	for (size_t i = 0; i < count && i < MATCHES_MAX; i++)
		bitset_add(run->outcome->fired, matches[i].rule->id);
	run->outcome->event_count++;
}

static int judge_capture(struct test_file *f, const struct yaml_node *node, struct outcome *o,
			 struct error *err)
{
	__attribute__((cleanup(release_capture))) struct capture_run run = {.file = f,
									    .outcome = o};
	struct state_options options = {.host_root = "", .max_threads = THREADS_MAX};
	struct error why = {0};
	const char *path;
	int status;

	if (node->kind != YAML_SCALAR)
		return fail_at(f, node, err, "expected the name of a capture");
	beside(f, node->text, &path);
	run.state = state_new(&options, err);
	if (!run.state)
		return -ENOMEM;
	run.source = source_capture_new(path, run.state, &why);
	if (!run.source)
		return fail_at(f, node, err, "%s", why.message);
	run.evaluator = evaluator_new(f->plan, run.state, "localhost");
	do {
		status = source_poll(run.source, -1, judge_captured, &run);
	} while (status >= 0 || status == -EINTR);
	if (status != -ENODATA)
		return fail_at(f, node, err, "%s", source_error(run.source)->message);
	return 0;
}

static int judge(struct test_file *f, const struct yaml_node *test, struct outcome *o,
		 struct error *err)
{
	const struct yaml_node *event = yaml_get(test, "event"), *events = yaml_get(test, "events");
	const struct yaml_node *capture = yaml_get(test, "capture");

	if (!!event + !!events + !!capture != 1)
		return fail_at(f, test, err, "a test has one of 'event', 'events' and 'capture'");
	if (event)
		return judge_fields(f, event, o, err);
	if (capture)
		return judge_capture(f, capture, o, err);
	if (events->kind != YAML_SEQUENCE || !events->count)
		return fail_at(f, events, err, "expected a list of events");
	for (uint32_t i = 0; i < events->count; i++)
		if (judge_fields(f, events->items[i], o, err) < 0)
			return -EINVAL;
	return 0;
}

static int run_test(struct test_file *f, const struct yaml_node *test, struct outcome *o,
		    struct error *err)
{
	static const char *const keys[] = {"name", "event", "events", "capture", "fires", "silent"};
	const struct yaml_node *name;
	size_t words = BITSET_WORDS(f->set->rule_count);

	if (test->kind != YAML_MAPPING)
		return fail_at(f, test, err, "expected a test: name, event, fires, silent");
	if (CHECK_KEYS(f, test, keys, err) < 0)
		return -EINVAL;
	name = yaml_get(test, "name");
	if (!name || name->kind != YAML_SCALAR)
		return fail_at(f, test, err, "a test needs a name");
	*o = (struct outcome){.name = name->text, .at = yaml_locate(&f->yaml, test->offset)};
	o->must_fire = ARENA_ARRAY(f->arena, uint64_t, words + 1);
	o->must_not = ARENA_ARRAY(f->arena, uint64_t, words + 1);
	o->fired = ARENA_ARRAY(f->arena, uint64_t, words + 1);
	if (read_expected(f, test, o, err) < 0 || judge(f, test, o, err) < 0)
		return -EINVAL;
	for (size_t r = 0; r < f->set->rule_count; r++)
		o->failures += (bitset_has(o->must_fire, r) && !bitset_has(o->fired, r)) ||
			       (bitset_has(o->must_not, r) && bitset_has(o->fired, r));
	return 0;
}

/* Reports */

static void print_outcome(struct test_file *f, const struct outcome *o, FILE *out)
{
	struct field_context *ctx = evaluator_context(f->evaluator);

	if (!o->failures) {
		if (f->options->is_verbose)
			fprintf(out, "passed  %.*s\n", STR_ARG(o->name));
		return;
	}
	fprintf(out, "FAILED  %.*s (%s:%u:%u)\n", STR_ARG(o->name), f->yaml.name, o->at.line,
		o->at.column);
	for (size_t r = 0; r < f->set->rule_count; r++) {
		const struct rule *rule = &f->set->rules[r];
		bool has_fired = bitset_has(o->fired, r);

		if (bitset_has(o->must_fire, r) && !has_fired) {
			fprintf(out, "  - %.*s   (must fire, did not)\n", STR_ARG(rule->name));
			if (!rule->is_enabled)
				fputs("      it is not enabled\n", out);
			else if (o->event_count == 1)
				rules_explain_failure(rule, ctx, "      not true: ", out);
		} else if (bitset_has(o->must_not, r) && has_fired) {
			fprintf(out, "  + %.*s   (must not fire, did)\n", STR_ARG(rule->name));
		} else if (has_fired) {
			fprintf(out, "    %.*s\n", STR_ARG(rule->name));
		}
	}
}

static json_t *json_text(struct str s)
{
	return json_stringn(s.p ? s.p : "", utf8_valid_prefix(s));
}

static json_t *outcome_json(const struct test_file *f, const struct outcome *o)
{
	json_t *test = json_object(), *fired = json_array(), *missing = json_array(),
	       *unexpected = json_array();

	for (size_t r = 0; r < f->set->rule_count; r++) {
		json_t *name = json_text(f->set->rules[r].name);

		if (bitset_has(o->fired, r))
			json_array_append(fired, name);
		if (bitset_has(o->must_fire, r) && !bitset_has(o->fired, r))
			json_array_append(missing, name);
		if (bitset_has(o->must_not, r) && bitset_has(o->fired, r))
			json_array_append(unexpected, name);
		json_decref(name);
	}
	json_object_set_new(test, "name", json_text(o->name));
	json_object_set_new(test, "line", json_integer(o->at.line));
	json_object_set_new(test, "passed", json_boolean(!o->failures));
	json_object_set_new(test, "fired", fired);
	json_object_set_new(test, "missing", missing);
	json_object_set_new(test, "unexpected", unexpected);
	return test;
}

static void error_json(json_t *file, const struct error *err)
{
	json_t *error = json_object();

	json_object_set_new(error, "message", json_text(str_from(err->message)));
	json_object_set_new(error, "line", json_integer(err->line));
	json_object_set_new(error, "column", json_integer(err->column));
	json_object_set_new(file, "error", error);
}

static int open_file(struct test_file *f, const char *path, struct error *err)
{
	static const char *const keys[] = {"rules", "defaults", "tests"};
	const struct yaml_node *root;
	struct str text;

	if (yaml_read_file(path, f->arena, &text, err) < 0 ||
	    yaml_parse(&f->yaml, path, text, f->arena, err) < 0)
		return -EINVAL;
	if (f->yaml.document_count != 1) {
		error_set(err, -EINVAL, "expected one document, found %zu", f->yaml.document_count);
		error_locate(err, path, 0, 0);
		return -EINVAL;
	}
	root = f->yaml.documents[0];
	if (root->kind != YAML_MAPPING)
		return fail_at(f, root, err, "expected 'tests' and what they are of: 'rules'");
	if (CHECK_KEYS(f, root, keys, err) < 0)
		return -EINVAL;
	f->defaults = yaml_get(root, "defaults");
	f->tests = yaml_get(root, "tests");
	if (!f->tests || f->tests->kind != YAML_SEQUENCE || !f->tests->count)
		return fail_at(f, f->tests ? f->tests : root, err, "expected 'tests', a list");
	return load_rules(f, err);
}

static void close_file(struct test_file *f)
{
	evaluator_free(f->evaluator);
	made_event_free(f->made);
	plan_free(f->plan);
	rules_free(f->set);
	arena_free(f->arena);
}

static void print_error(const struct error *err, FILE *out)
{
	if (err->file[0] && err->line)
		fprintf(out, "%s:%u:%u: %s\n", err->file, err->line, err->column, err->message);
	else if (err->file[0])
		fprintf(out, "%s: %s\n", err->file, err->message);
	else
		fprintf(out, "%s\n", err->message);
}

static void run_file(const char *path, const struct rule_test_options *options,
		     struct totals *totals, json_t *files, FILE *out)
{
	__attribute__((cleanup(close_file))) struct test_file f = {.options = options,
								   .arena = arena_new()};
	json_t *file = json_object(), *tests = json_array();
	size_t passed = 0, failed = 0;
	struct error err = {0};
	int status = open_file(&f, path, &err);

	for (uint32_t i = 0; status == 0 && i < f.tests->count; i++) {
		struct outcome o = {0};

		status = run_test(&f, f.tests->items[i], &o, &err);
		if (status < 0)
			break;
		o.failures ? failed++ : passed++;
		json_array_append_new(tests, outcome_json(&f, &o));
		if (!options->is_json)
			print_outcome(&f, &o, out);
	}
	totals->passed += passed;
	totals->failed += failed;
	totals->is_broken |= status < 0;
	json_object_set_new(file, "file", json_text(str_from(path)));
	json_object_set_new(file, "passed", json_integer((json_int_t)passed));
	json_object_set_new(file, "failed", json_integer((json_int_t)failed));
	json_object_set_new(file, "tests", tests);
	if (status < 0)
		error_json(file, &err);
	json_array_append_new(files, file);
	if (options->is_json)
		return;
	if (status < 0)
		print_error(&err, out);
	fprintf(out, "%s: %zu passed, %zu failed%s\n", path, passed, failed,
		status < 0 ? ", and the file has an error" : "");
}

int rule_test_run(const struct string_list *files, const struct rule_test_options *options,
		  FILE *out)
{
	json_t *all = json_object(), *list = json_array();
	struct totals totals = {0};

	for (size_t i = 0; i < files->count; i++)
		run_file(files->items[i], options, &totals, list, out);
	json_object_set_new(all, "files", list);
	json_object_set_new(all, "passed", json_integer((json_int_t)totals.passed));
	json_object_set_new(all, "failed", json_integer((json_int_t)totals.failed));
	if (options->is_json) {
		CLEANUP_FREE char *text = json_dumps(all, JSON_COMPACT);

		fprintf(out, "%s\n", text);
	}
	json_decref(all);
	return totals.is_broken ? 2 : totals.failed ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rules_command.h"

#include "app/made_event.h"
#include "base/bitset.h"
#include "base/cleanup.h"
#include "engine/plan.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

enum { KINDS_SHOWN = 40 };

static const struct rule *find_rule(const struct rule_set *set, const char *name, struct error *err)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	const char **names = ARENA_ARRAY(arena, const char *, set->rule_count + 1);
	const char *nearest;

	for (size_t i = 0; i < set->rule_count; i++) {
		if (str_equal_c(set->rules[i].name, name))
			return &set->rules[i];
		names[i] = arena_cstr(arena, set->rules[i].name);
	}
	nearest = str_nearest(str_from(name), names, set->rule_count);
	error_set(err, -ENOENT,
		  nearest ? "there is no rule '%s'; did you mean '%s'?" : "there is no rule '%s'",
		  name, nearest);
	return NULL;
}

static void print_rule(const struct rule *rule, FILE *out)
{
	fprintf(out, "Rule: %.*s\n", STR_ARG(rule->name));
	fprintf(out, "  %s:%u:%u, priority %s%s\n", rule->position.file, rule->position.line,
		rule->position.column, severity_name(rule->priority),
		rule->is_enabled ? "" : ", not enabled");
}

static void print_kinds(const struct rule *rule, FILE *out)
{
	size_t count = 0;

	fputs("Events:", out);
	for (uint16_t kind = 0; kind < event_kind_count; kind++) {
		if (!bitset_has(rule->event_kinds, kind))
			continue;
		if (++count <= KINDS_SHOWN)
			fprintf(out, "%s %s", count > 1 ? "," : "", event_kind_name(kind));
	}
	if (count == event_kind_count)
		fputs(" ... all of them", out);
	else if (count > KINDS_SHOWN)
		fprintf(out, " and %zu more", count - KINDS_SHOWN);
	fputs(count ? "\n" : " none\n", out);
}

struct made_context {
	struct made_event *made;
	struct arena *arena;
	struct yaml_file file;
	struct evaluator *evaluator;
};

static void release(struct made_context *c)
{
	evaluator_free(c->evaluator);
	made_event_free(c->made);
	arena_free(c->arena);
}

/* Judges the event of a file; answers the context in which it was judged. */
static struct field_context *judge(struct made_context *c, const struct plan *plan,
				   const char *path, struct error *err)
{
	struct match matches[1];
	struct field_context *ctx;
	struct str text;

	c->made = made_event_new(err);
	if (!c->made || yaml_read_file(path, c->arena, &text, err) < 0 ||
	    yaml_parse(&c->file, path, text, c->arena, err) < 0)
		return NULL;
	if (c->file.document_count != 1) {
		error_set(err, -EINVAL, "expected the fields of one event");
		error_locate(err, path, 0, 0);
		return NULL;
	}
	if (made_event_make(c->made, &c->file, c->file.documents[0], NULL, err) < 0)
		return NULL;
	c->evaluator = evaluator_new(plan, made_event_state(c->made), "localhost");
	ctx = evaluator_context(c->evaluator);
	ctx->given = made_event_given(c->made);
	ctx->source = made_event_source(c->made);
	evaluator_judge(c->evaluator, made_event_get(c->made), matches, 1);
	made_event_get(c->made)->name_view = NAME_GIVEN;
	return ctx;
}

/* Whether it holds for the event of the context. */
static bool is_match(const struct rule *rule, struct field_context *ctx)
{
	return condition_holds(rule->condition, ctx) &&
	       bitset_has(rule->event_kinds, ctx->event->kind);
}

static void print_explanation(const struct rule *rule, const struct plan *plan,
			      struct field_context *ctx, bool in_full, FILE *out)
{
	print_rule(rule, out);
	print_kinds(rule, out);
	fprintf(out, "Condition, with macros and exceptions%s:\n",
		ctx ? ", and what is true for the event" : "");
	rules_explain_condition(rule, ctx, in_full, out);
	fputs("Cost:\n", out);
	plan_describe_rule(plan, rule, out);
	if (ctx)
		fprintf(out, "For this event the rule %s.\n",
			is_match(rule, ctx) ? "holds" : "does not hold");
}

static json_t *json_text(struct str s)
{
	json_t *text = json_stringn(s.p ? s.p : "", s.n);

	return text ? text : json_string("");
}

static json_t *json_questions(const struct rule_question *questions, size_t count)
{
	json_t *all = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *one = json_object();

		json_object_set_new(one, "comparison", json_text(questions[i].text));
		if (questions[i].lookup)
			json_object_set_new(one, "lookup", json_string(questions[i].lookup));
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *json_cost(const struct rule_cost *cost)
{
	json_t *events = json_array(), *shared = json_object();

	for (size_t i = 0; i < cost->kind_count; i++)
		json_array_append_new(events, json_string(event_kind_name(cost->kinds[i])));
	for (size_t i = 0; i < cost->shared_count; i++)
		json_object_set_new(shared, cost->shared[i].lookup,
				    json_integer(cost->shared[i].count));
	return json_pack("{s:o, s:i, s:b, s:o, s:o, s:i, s:i, s:o}", "events", events, "rules",
			 (int)cost->rule_count, "always_visited", cost->is_always_visited, "guards",
			 json_questions(cost->guards, cost->guard_count), "shared_lookups", shared,
			 "in_place", (int)cost->in_place, "kept_with_process",
			 (int)cost->kept_with_process, "one_by_one",
			 json_questions(cost->alone, cost->alone_count));
}

static void print_json(const struct rule *rule, const struct plan *plan, struct field_context *ctx,
		       FILE *out)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	json_t *events = json_array(), *costs = json_array(), *all;
	struct rule_cost *cost;
	size_t count = plan_rule_costs(plan, rule, arena, &cost);

	for (uint16_t kind = 0; kind < event_kind_count; kind++)
		if (bitset_has(rule->event_kinds, kind))
			json_array_append_new(events, json_string(event_kind_name(kind)));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(costs, json_cost(&cost[i]));
	all = json_pack("{s:o, s:{s:s, s:i, s:i}, s:s, s:b, s:o, s:o, s:o}", "rule",
			json_text(rule->name), "position", "name", rule->position.file, "line",
			(int)rule->position.line, "column", (int)rule->position.column, "priority",
			severity_name(rule->priority), "enabled", rule->is_enabled, "events",
			events, "condition", rules_explain_json(rule, ctx), "cost", costs);
	if (ctx)
		json_object_set_new(all, "holds", json_boolean(is_match(rule, ctx)));
	json_dumpf(all, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(all);
}

int rules_explain(struct rule_set *set, const struct explain_options *options, FILE *out,
		  struct error *err)
{
	__attribute__((cleanup(release))) struct made_context made = {.arena = arena_new()};
	const struct rule *rule = find_rule(set, options->rule, err);
	struct plan_options plan_options = {.all_matches = true, .want_discards = true};
	struct field_context *ctx = NULL;
	struct plan *plan;
	int status = 0;

	if (!rule)
		return -ENOENT;
	plan = plan_compile(set, &plan_options, err);
	if (!plan)
		return -EINVAL;
	if (options->event_file) {
		ctx = judge(&made, plan, options->event_file, err);
		status = ctx ? 0 : -EINVAL;
	}
	if (status == 0 && options->is_json)
		print_json(rule, plan, ctx, out);
	else if (status == 0)
		print_explanation(rule, plan, ctx, options->in_full, out);
	evaluator_free(made.evaluator);
	made.evaluator = NULL;
	plan_free(plan);
	return status;
}

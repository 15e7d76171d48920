/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rules_command.h"

#include "app/made_event.h"
#include "base/bitset.h"
#include "base/cleanup.h"
#include "engine/plan.h"

#include <errno.h>
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
	evaluator_judge(c->evaluator, made_event_get(c->made), matches, 1);
	made_event_get(c->made)->name_view = NAME_GIVEN;
	return ctx;
}

int rules_explain(struct rule_set *set, const struct explain_options *options, FILE *out,
		  struct error *err)
{
	__attribute__((cleanup(release))) struct made_context made = {.arena = arena_new()};
	const struct rule *rule = find_rule(set, options->rule, err);
	struct plan_options plan_options = {.all_matches = true};
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
	if (status == 0) {
		print_rule(rule, out);
		print_kinds(rule, out);
		fprintf(out, "Condition, with macros and exceptions%s:\n",
			ctx ? ", and what is true for the event" : "");
		rules_explain_condition(rule, ctx, options->in_full, out);
		fputs("Cost:\n", out);
		plan_describe_rule(plan, rule, out);
		if (ctx)
			fprintf(
			    out, "For this event the rule %s.\n",
			    condition_holds(rule->condition, ctx) &&
				    bitset_has(rule->event_kinds, made_event_get(made.made)->kind)
				? "holds"
				: "does not hold");
	}
	evaluator_free(made.evaluator);
	made.evaluator = NULL;
	plan_free(plan);
	return status;
}

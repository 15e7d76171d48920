/* SPDX-License-Identifier: Apache-2.0 */
#include "app/judge.h"

#include "app/discards.h"
#include "app/waiting.h"
#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MATCHES_MAX = 1024 };

struct judge *judge_new(enum event_source source, struct state *state, const char *hostname)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->source = source;
	j->state = state;
	j->hostname = hostname;
	j->matches = calloc(MATCHES_MAX, sizeof(*j->matches));
	j->line = malloc(ALERT_LINE_MAX);
	if (j->matches && j->line)
		return j;
	judge_free(j);
	return NULL;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	judge_terms_free(atomic_load(&j->next));
	judge_terms_free(atomic_load(&j->old));
	judge_terms_free(j->terms);
	free(j->matches);
	free(j->line);
	free(j);
}

struct judge_terms *judge_terms_new(const struct judge *j, struct policy *policy,
				    struct outputs *outputs, const char *hostname,
				    struct error *err)
{
	const struct config *c = policy->config;
	struct judge_terms *t = calloc(1, sizeof(*t));

	if (t)
		t->evaluator = evaluator_new(policy->plan, j->state, j->hostname);
	if (!t || !t->evaluator) {
		free(t);
		error_set(err, -ENOMEM, "no memory for the evaluator");
		return NULL;
	}
	evaluator_context(t->evaluator)->source = j->source;
	if (j->waiting) {
		t->perhaps = evaluator_new_sized(policy->perhaps_plan, j->state, j->hostname, true);
		t->late = evaluator_new_sized(policy->plan, j->state, j->hostname, true);
		evaluator_context(t->perhaps)->source = j->source;
		evaluator_context(t->late)->source = j->source;
	}
	if (c->metrics.enabled && c->metrics.rules_time_sample)
		evaluator_time_rules(t->evaluator, (uint32_t)c->metrics.rules_time_sample);
	t->policy = policy_keep(policy);
	t->outputs = outputs;
	t->match_room = c->rule_matching == MATCH_ALL ? MATCHES_MAX : 1;
	t->alert_options = (struct alert_options){
	    .is_json = c->json_output,
	    .include_output = c->json_include_output,
	    .include_message = c->json_include_message,
	    .include_output_fields = c->json_include_output_fields,
	    .include_tags = c->json_include_tags,
	    .iso_8601 = c->time_iso_8601,
	    .buffers_base64 = c->buffer_base64,
	    .hostname = hostname,
	};
	return t;
}

void judge_terms_free(struct judge_terms *t)
{
	if (!t)
		return;
	evaluator_free(t->evaluator);
	evaluator_free(t->perhaps);
	evaluator_free(t->late);
	policy_release(t->policy);
	free(t);
}

void judge_leave_terms(struct judge *j, struct judge_terms *terms)
{
	atomic_store(&j->next, terms);
}

struct judge_terms *judge_fetch_old_terms(struct judge *j)
{
	return atomic_exchange(&j->old, NULL);
}

void judge_renew(struct judge *j)
{
	struct judge_terms *next;

	if (__builtin_expect(!atomic_load_explicit(&j->next, memory_order_relaxed), 1))
		return;
	next = atomic_exchange(&j->next, NULL);
	evaluator_follow(next->evaluator, j->terms->evaluator);
	atomic_store(&j->old, j->terms);
	j->terms = next;
}

size_t judge_event(struct judge *j, struct event *e)
{
	size_t count;

	judge_renew(j);
	judge_count(&j->counters.judged, 1);
	j->match_count = 0;
	if (j->waiting && waiting_take(j->waiting, j, e))
		return 0;
	count = evaluator_judge(j->terms->evaluator, e, j->matches, j->terms->match_room);
	j->match_count = count < j->terms->match_room ? count : j->terms->match_room;
	if (j->discards)
		discards_judged(j->discards, j->terms->policy->plan, j->terms->evaluator, e);
	if (__builtin_expect(count > 0, 0) && j->discards)
		discards_matched(j->discards, e, j->matches[0].rule);
	return count;
}

static void send(struct judge *j, const struct match *match, struct evaluator *evaluator)
{
	const struct judge_terms *t = j->terms;
	const struct rule *rule = match->rule;
	struct buffer line = {.p = j->line, .room = ALERT_LINE_MAX};
	struct alert alert = {
	    .time = j->is_live ? evaluator_context(evaluator)->event->time : 0,
	    .priority = rule->priority,
	    .rule = rule->name,
	    .source = str_from(alert_source_name(rule->source)),
	    .tags = rule->tags,
	    .tag_count = rule->tag_count,
	};

	alert_format(&t->alert_options, rule, evaluator_context(evaluator), &line);
	alert.line = buffer_str(&line);
	outputs_send(t->outputs, &alert);
	judge_count(&j->counters.alerts, 1);
	judge_count(&j->counters.alerts_by_priority[rule->priority], 1);
}

void judge_alert(struct judge *j, struct event *e)
{
	for (size_t i = 0; i < j->match_count; i++) {
		e->name_view = j->matches[i].name_view;
		send(j, &j->matches[i], j->terms->evaluator);
	}
}

void judge_late(struct judge *j, struct event *e, uint64_t first, uint64_t previous)
{
	struct evaluator *ev = j->terms->late;
	size_t count;

	evaluator_forget(ev);
	evaluator_pass(ev, e->schema, previous);
	evaluator_context(ev)->first_event_time = first;
	count = evaluator_judge(ev, e, j->matches, j->terms->match_room);
	j->match_count = count < j->terms->match_room ? count : j->terms->match_room;
	if (count > 0 && j->discards)
		discards_matched(j->discards, e, j->matches[0].rule);
	for (size_t i = 0; i < j->match_count; i++) {
		e->name_view = j->matches[i].name_view;
		send(j, &j->matches[i], ev);
		evaluator_count_match(j->terms->evaluator, j->matches[i].rule);
	}
}

void judge_alert_internal(struct judge *j, enum severity priority, struct str rule,
			  struct str message, struct alert_fact *facts, size_t count)
{
	struct buffer line = {.p = j->line, .room = ALERT_LINE_MAX};
	struct alert alert = {.priority = priority, .rule = rule, .source = STR("internal")};

	if (!j->terms->outputs)
		return;
	alert_format_internal(&j->terms->alert_options, clock_realtime_ns(), priority, rule,
			      message, facts, count, &line);
	alert.line = buffer_str(&line);
	outputs_send(j->terms->outputs, &alert);
}

void judge_handle(void *judge, struct event *e)
{
	struct judge *j = judge;

	if (__builtin_expect(judge_event(j, e) > 0, 0))
		judge_alert(j, e);
}

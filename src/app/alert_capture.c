/* SPDX-License-Identifier: Apache-2.0 */
#include "app/alert_capture.h"

#include "app/view_filter.h"
#include "app/wants.h"
#include "base/bitset.h"
#include "state/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#define MILLION UINT64_C(1000000)

struct alert_capture {
	const struct config_capture *config;
	const struct config *all;
	struct capture_ring *ring; /* NULL: not started */
	struct state *state;
	/* The stop filter; NULL: none. */
	struct rule_set *stop_rules;
	struct plan *stop_plan;
	struct evaluator *stop_evaluator;
	char hostname[256];
	char host_root[512];
	uint64_t dropped_told, failed_told;
	_Alignas(8) uint8_t annex[RECORD_SIZE_MAX];
};

bool alert_capture_is_wanted(const struct config *c, const struct rule_set *rules)
{
	size_t count = 0;

	for (size_t i = 0; i < rules->rule_count; i++)
		count += rules->rules[i].is_enabled &&
			 (rules->rules[i].is_capture || c->capture.mode == CAPTURE_ALL_RULES);
	return count > 0;
}

static int compile_stop(struct alert_capture *a, struct error *err)
{
	struct plan_options options = {.all_matches = false};
	struct string_list no_rules = {0};
	struct rule *rule = NULL;
	struct error why = {0};

	a->stop_rules = view_filter_load(str_from(a->config->stop_filter), &no_rules, &rule, &why);
	if (!a->stop_rules)
		return error_set(err, -EINVAL, "capture.stop_filter: %s", why.message);
	a->stop_plan = plan_compile(a->stop_rules, &options, err);
	return a->stop_plan ? 0 : -EINVAL;
}

int alert_capture_new(const struct config *config, const struct rule_set *rules,
		      struct alert_capture **out, struct error *err)
{
	struct alert_capture *a;
	int status = 0;

	*out = NULL;
	if (!config->capture.enabled)
		return 0;
	if (!alert_capture_is_wanted(config, rules)) {
		log_warning("capture: no rule has `capture: true`, so there is nothing to capture; "
			    "capture.mode=all_rules takes the alerts of all");
		return 0;
	}
	a = aligned_alloc(_Alignof(struct alert_capture), sizeof(*a));
	if (!a)
		return error_set(err, -ENOMEM, "no memory for captures");
	memset(a, 0, sizeof(*a));
	a->config = &config->capture;
	a->all = config;
	if (a->config->stop_filter[0])
		status = compile_stop(a, err);
	if (status < 0)
		alert_capture_free(a);
	else
		*out = a;
	return status;
}

void alert_capture_free(struct alert_capture *a)
{
	if (!a)
		return;
	capture_ring_free(a->ring);
	evaluator_free(a->stop_evaluator);
	plan_free(a->stop_plan);
	rules_free(a->stop_rules);
	free(a);
}

void alert_capture_wants(const struct alert_capture *a, struct probe_wants *wants)
{
	struct probe_wants stop = {0};

	if (a->stop_plan)
		wants_of_plan(plan_needs(a->stop_plan), a->all, NULL, &stop);
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		wants->wanted[nr] |= stop.wanted[nr];
		wants->facts[nr] |= stop.facts[nr];
		/* Code 1 is the generic event: nothing but the number. */
		if (a->config->collect == CAPTURE_COLLECT_ALL)
			wants->wanted[nr] |= s && s->code != 1;
		if (wants->wanted[nr])
			wants->facts[nr] |= WANTS_ALL_FACTS;
	}
	if (a->config->collect == CAPTURE_COLLECT_ALL)
		wants->signals = true;
}

int alert_capture_start(struct alert_capture *a, struct state *state,
			const struct capture_host *host, struct error *err)
{
	struct capture_ring_options options = {
	    .path_prefix = a->config->path_prefix,
	    .before_bytes = a->config->before_mb * MILLION,
	    .max_file_bytes = a->config->max_file_size_mb * MILLION,
	    .max_files = a->config->max_files,
	    .max_bytes = a->config->max_total_size_mb * MILLION,
	    .max_threads = (uint32_t)a->all->thread_table_size,
	};

	snprintf(a->hostname, sizeof(a->hostname), "%.*s", STR_ARG(host->hostname));
	snprintf(a->host_root, sizeof(a->host_root), "%s", host->host_root);
	options.host = (struct capture_host){
	    .host_root = a->host_root,
	    .hostname = str_from(a->hostname),
	};
	a->state = state;
	if (a->stop_plan) {
		a->stop_evaluator = evaluator_new(a->stop_plan, state, a->hostname);
		if (!a->stop_evaluator)
			return error_set(err, -ENOMEM, "no memory for capture.stop_filter");
	}
	a->ring = capture_ring_new(&options, state, err);
	if (!a->ring)
		return -ENOMEM;
	log_info("capture: alerts of %s are captured with %llu MB before and %llu ms after them, "
		 "in %s_*.scap",
		 a->config->mode == CAPTURE_ALL_RULES ? "all rules" : "rules that say so",
		 (unsigned long long)a->config->before_mb,
		 (unsigned long long)a->config->default_duration_ms, a->config->path_prefix);
	return 0;
}

void alert_capture_event(struct alert_capture *a, const struct event *e)
{
	size_t room = e->record->size < sizeof(a->annex) ? sizeof(a->annex) - e->record->size : 0;
	struct str annex = {(const char *)a->annex, state_lookup_annex(a->state, a->annex, room)};

	capture_ring_push(a->ring, e, annex, state_boot_time(a->state));
}

void alert_capture_container(struct alert_capture *a, const struct record *container)
{
	if (a->ring)
		capture_ring_push_record(a->ring, container, state_boot_time(a->state));
}

void alert_capture_match(struct alert_capture *a, const struct rule *rule, const struct event *e)
{
	uint64_t duration_ms = rule->capture_duration_ms;

	if (!rule->is_capture && a->config->mode != CAPTURE_ALL_RULES)
		return;
	if (duration_ms == 0)
		duration_ms = a->config->default_duration_ms;
	capture_ring_alert(a->ring, e, duration_ms * MILLION);
}

void alert_capture_judged(struct alert_capture *a, struct event *e)
{
	struct match match;

	if (!a->stop_evaluator || !capture_ring_is_active(a->ring, e))
		return;
	if (evaluator_judge(a->stop_evaluator, e, &match, 1))
		capture_ring_end(a->ring, e);
}

void alert_capture_look(struct alert_capture *a)
{
	struct capture_ring_counters c = capture_ring_counters(a->ring);

	if (c.dropped + c.lost == a->dropped_told)
		return;
	log_warning("capture: %llu events are missing in captures (%llu in all): the disk is too "
		    "slow or full",
		    (unsigned long long)(c.dropped + c.lost - a->dropped_told),
		    (unsigned long long)(c.dropped + c.lost));
	a->dropped_told = c.dropped + c.lost;
}

void alert_capture_stop(struct alert_capture *a)
{
	struct capture_ring_counters c;

	if (!a->ring)
		return;
	capture_ring_stop(a->ring);
	c = capture_ring_counters(a->ring);
	fprintf(stderr, "Captures: %llu with %llu events\n", (unsigned long long)c.captures,
		(unsigned long long)c.events);
	if (c.failed)
		fprintf(stderr, "  that could not be made: %llu\n", (unsigned long long)c.failed);
	if (c.dropped || c.lost)
		fprintf(stderr,
			"  events that were not written: %llu, the disk was too slow; "
			"%llu, it did not take them\n",
			(unsigned long long)c.dropped, (unsigned long long)c.lost);
}

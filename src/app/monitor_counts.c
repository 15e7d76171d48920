/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others are told of the monitor: the main thread gathers the counts, other threads read a
 * copy of them, so that nobody waits on the way of an event.
 */
#include "app/monitor_internal.h"
#include "base/clock.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Half a millisecond each: how long counts are waited for. */
enum { ANSWER_TRIES = 100 };

void monitor_take_counts(struct monitor *m)
{
	struct counts c = {0};
	struct source_counters source = {0};

	atomic_store_explicit(&m->wants_counts, false, memory_order_relaxed);
	if (m->is_replay)
		source = replay_counters(&m->replay, m->source, &c.blocks_skipped);
	else
		source = source_counters(m->source);
	counts_add_source(&c, m->judge, source);
	event_sources_add_counts(m->others, &c);
	if (m->probe)
		c.probe = probe_counters(m->probe);
	c.discards_wrong = atomic_load(&m->discards.wrong);
	c.tasks_told = m->tasks_told;
	c.state = state_counters(m->state);
	if (m->containers) {
		containers_count(m->containers, &c.containers);
		c.kube = containers_kubernetes(m->containers);
		c.pods = pod_set_counters(container_set_pods(state_containers(m->state)));
	}
	c.is_blind = m->heart.is_blind;
	c.heartbeats = m->heart.beats;
	c.heartbeats_lost = m->heart.lost;
	c.held_up = m->heart.held_up;
	if (!regime_add_counts(&m->regime, m->judge->terms->outputs, &c))
		return;
	if (pthread_mutex_trylock(&m->lock) != 0)
		return;
	m->counts = c;
	m->counted_at = clock_monotonic_ns();
	pthread_mutex_unlock(&m->lock);
}

/* The main thread counts when it is asked to; where nothing happens it sleeps, and is woken. */
uint64_t monitor_silence(struct monitor *m)
{
	const struct timespec pause = {.tv_nsec = 500000};
	uint64_t asked_at = clock_monotonic_ns(), age = 0, one = 1;

	for (int tries = 0; tries < ANSWER_TRIES; tries++) {
		pthread_mutex_lock(&m->lock);
		age = m->counted_at >= asked_at ? 0 : asked_at - m->counted_at;
		pthread_mutex_unlock(&m->lock);
		if (age == 0)
			break;
		if (tries % 16 == 0) {
			atomic_store(&m->wants_counts, true);
			if (write(m->wake_fd, &one, sizeof(one)) < 0)
				break;
		}
		nanosleep(&pause, NULL);
	}
	return age;
}

struct monitor_facts monitor_facts(const struct monitor *m)
{
	return (struct monitor_facts){
	    .probe = m->probe,
	    .hostname = m->hostname,
	    .host_root = m->host_root,
	    .started_at = m->options->started_at,
	};
}

struct policy *monitor_policy(struct monitor *m)
{
	return regime_policy(&m->regime);
}

void monitor_send(struct monitor *m, const struct alert *alert)
{
	regime_send(&m->regime, alert);
}

void monitor_read_counts(struct monitor *m, struct counts *out)
{
	monitor_silence(m);
	pthread_mutex_lock(&m->lock);
	*out = m->counts;
	pthread_mutex_unlock(&m->lock);
}

void monitor_each_rule(struct monitor *m, rule_counts_fn *visit, void *context)
{
	regime_each_rule(&m->regime, visit, context);
}

struct matches {
	uint64_t *of; /* by rule id */
};

static void keep_matches(void *context, const struct rule *rule, const struct rule_counts *counts)
{
	struct matches *matches = context;

	matches->of[rule->id] = counts->matches;
}

void monitor_print_counts(struct monitor *m)
{
	const struct rule_set *rules = m->regime.policy->rules;
	struct matches matches = {calloc(rules->rule_count + 1, sizeof(*matches.of))};

	if (!matches.of)
		return;
	monitor_take_counts(m);
	monitor_each_rule(m, keep_matches, &matches);
	counts_print(&m->counts, rules, matches.of);
	if (m->probe)
		counts_print_drops(m->probe);
	if (m->probe)
		counts_print_discards(m->probe);
	if (m->containers)
		containers_print(m->containers);
	free(matches.of);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/counts.h"

#include <stdatomic.h>
#include <stdio.h>

static uint64_t of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void counts_add_source(struct counts *c, const struct judge *j, struct source_counters source)
{
	struct source_counts *s = &c->sources[c->source_count++];

	*s = (struct source_counts){
	    .source = j->source,
	    .read = source.events,
	    .judged = of(&j->counters.judged),
	    .damaged = source.damaged,
	    .dropped = source.dropped,
	};
	c->all.read += s->read;
	c->all.judged += s->judged;
	c->all.damaged += s->damaged;
	c->all.dropped += s->dropped;
	c->alerts += of(&j->counters.alerts);
	for (int i = 0; i < SEVERITY_COUNT; i++)
		c->alerts_by_priority[i] += of(&j->counters.alerts_by_priority[i]);
}

static const char *drop_cause_name(int cause)
{
	static const char *const names[DROP_CAUSE_COUNT] = {
	    [DROP_RING_FULL] = "ring full",
	    [DROP_TOO_LARGE] = "too large",
	    [DROP_NESTED] = "no scratch memory",
	    [DROP_COLLECTOR] = "collector not entered",
	    [DROP_REQUESTS] = "too many requests of io_uring",
	};

	return names[cause] ? names[cause] : "other";
}

/* A line where there is something to say. */
static void print_some(const char *what, uint64_t count, const char *unit)
{
	if (count)
		fprintf(stderr, "%s: %llu%s\n", what, (unsigned long long)count, unit);
}

static void print_alerts(const struct counts *c, const struct rule_set *rules,
			 const uint64_t *matches)
{
	fprintf(stderr, "Alerts: %llu\n", (unsigned long long)c->alerts);
	for (int i = 0; i < SEVERITY_COUNT; i++)
		if (c->alerts_by_priority[i])
			fprintf(stderr, "  %s: %llu\n", severity_name((enum severity)i),
				(unsigned long long)c->alerts_by_priority[i]);
	if (c->alerts)
		fprintf(stderr, "Alerts by rule:\n");
	for (size_t i = 0; i < rules->rule_count; i++)
		if (matches[i])
			fprintf(stderr, "  %.*s: %llu\n", STR_ARG(rules->rules[i].name),
				(unsigned long long)matches[i]);
}

static void print_channel(const struct channel_counters *channel)
{
	fprintf(stderr, "Output %s: %llu sent, %llu dropped, %llu failed", channel->name,
		(unsigned long long)channel->sent, (unsigned long long)channel->dropped,
		(unsigned long long)channel->failed);
	if (channel->retries)
		fprintf(stderr, ", %llu retries", (unsigned long long)channel->retries);
	fputc('\n', stderr);
	for (int why = 0; why < OUTPUT_DROP_COUNT; why++)
		if (channel->drops[why])
			fprintf(stderr, "  %s: %llu\n", outputs_drop_name((enum outputs_drop)why),
				(unsigned long long)channel->drops[why]);
	if (channel->dropped_urgent)
		fprintf(stderr, "  of priority Critical or above: %llu\n",
			(unsigned long long)channel->dropped_urgent);
}

static void print_drop(void *context, uint16_t code, enum drop_cause cause, unsigned cpu,
		       uint64_t count)
{
	const struct event_schema *schema = event_schema_get(code);
	bool *has_begun = context;

	if (!*has_begun)
		fprintf(stderr, "Drops by event, cause and CPU:\n");
	*has_begun = true;
	fprintf(stderr, "  %s, %s, CPU %u: %llu\n", schema ? schema->name : "other",
		drop_cause_name(cause), cpu, (unsigned long long)count);
}

void counts_print_drops(const struct probe *probe)
{
	bool has_begun = false;

	probe_each_drop(probe, print_drop, &has_begun);
}

void counts_print_discards(const struct probe *probe)
{
	bool has_begun = false;

	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);
		uint64_t count = probe_discards_of(probe, code, -1);

		if (!count)
			continue;
		if (!has_begun)
			fprintf(stderr, "Events discarded in the kernel, by event:\n");
		has_begun = true;
		fprintf(stderr, "  %s: %llu\n", schema ? schema->name : "other",
			(unsigned long long)count);
	}
}

void counts_print(const struct counts *c, const struct rule_set *rules, const uint64_t *matches)
{
	fprintf(stderr, "Events: %llu read, %llu judged\n", (unsigned long long)c->all.read,
		(unsigned long long)c->all.judged);
	print_alerts(c, rules, matches);
	fprintf(stderr, "Drops: %llu\n", (unsigned long long)c->all.dropped);
	for (int i = 0; i < DROP_CAUSE_COUNT; i++)
		if (c->probe.drops[i])
			fprintf(stderr, "  %s: %llu\n", drop_cause_name(i),
				(unsigned long long)c->probe.drops[i]);
	print_some("Events discarded in the kernel", c->probe.discarded, "");
	print_some("Discards that were wrong", c->discards_wrong, "");
	print_some("Events that could not be decoded", c->all.damaged, "");
	print_some("Threads that could not be remembered", c->state.table_full, " events");
	print_some("Processes whose arguments did not come in time", c->state.proc_given_up, "");
	print_some("Descriptors or their names that could not be remembered", c->state.fds_full,
		   "");
	print_some("Blocks of the captures that are not known", c->blocks_skipped, "");
	print_some("Heartbeats that did not arrive", c->heartbeats_lost, "");
	print_some("Times that it was held up", c->held_up, "");
	print_some("Reloads", c->reloads, "");
	print_some("Reloads that failed", c->reloads_failed, "");
	for (size_t i = 0; i < c->channel_count; i++)
		print_channel(&c->channels[i]);
}

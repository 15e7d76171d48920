/* SPDX-License-Identifier: Apache-2.0 */
#include "app/event_drops.h"

#include "base/log.h"

#include <inttypes.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)
#define RULE "Falco internal: syscall event drop"

enum { FACTS_MOST = 24, VALUE_MOST = 24 };

/* Fields of the alert. Their values are texts, as Falco's are. */
struct facts {
	struct alert_fact all[FACTS_MOST];
	char names[FACTS_MOST][48], values[FACTS_MOST][VALUE_MOST];
	size_t count;
};

__attribute__((format(printf, 3, 4))) static void add(struct facts *f, uint64_t value,
						      const char *name, ...)
{
	size_t i = f->count++;
	va_list args;

	va_start(args, name);
	vsnprintf(f->names[i], sizeof(f->names[i]), name, args);
	va_end(args);
	snprintf(f->values[i], sizeof(f->values[i]), "\"%" PRIu64 "\"", value);
	f->all[i] = (struct alert_fact){str_from(f->names[i]), str_from(f->values[i])};
}

static uint64_t take_difference(uint64_t *last, uint64_t now)
{
	uint64_t difference = now - *last;

	*last = now;
	return difference;
}

void event_drops_init(struct event_drops *d, const struct probe *probe, const struct config *config)
{
	*d = (struct event_drops){.probe = probe, .tokens = config->drops.max_burst};
}

/* Falco's bucket: it fills with the rate, up to the burst; an action takes one. */
static bool take_token(struct event_drops *d, const struct config_drops *config, uint64_t passed)
{
	d->tokens += config->rate * (double)passed / (double)SECOND;
	if (d->tokens > config->max_burst)
		d->tokens = config->max_burst;
	if (d->tokens < 1)
		return false;
	d->tokens -= 1;
	return true;
}

static void send_alert(struct event_drops *d, struct judge *judge, const struct probe_counters *now,
		       uint64_t events, uint64_t dropped, struct str message)
{
	const struct probe_counters *was = &d->counters;
	uint64_t full = now->drops[DROP_RING_FULL] - was->drops[DROP_RING_FULL];
	struct facts f = {.count = 0};

	add(&f, events, "n_evts");
	add(&f, dropped, "n_drops");
	add(&f, full, "n_drops_buffer_total");
	for (size_t i = 0; i < DROP_GROUP_COUNT; i++)
		add(&f, full ? take_difference(&d->groups[i], drop_group_count(d->probe, i)) : 0,
		    "n_drops_buffer_%s_exit", drop_group_name(i));
	add(&f, now->drops[DROP_NESTED] - was->drops[DROP_NESTED], "n_drops_scratch_map");
	/* What cannot be read of user memory costs a parameter here, not the event. */
	add(&f, 0, "n_drops_page_faults");
	add(&f,
	    now->drops[DROP_TOO_LARGE] - was->drops[DROP_TOO_LARGE] + now->drops[DROP_COLLECTOR] -
		was->drops[DROP_COLLECTOR],
	    "n_drops_bug");
	add(&f, 1, "ebpf_enabled");
	judge_alert_internal(judge, SEVERITY_DEBUG, STR(RULE), message, f.all, f.count);
}

/* Whatever was lost is told of, if it is not to be ignored. */
static void log_dropped(struct event_drops *d, uint64_t dropped)
{
	if (dropped <= d->told)
		return;
	log_warning("%llu events were lost (%llu in all): the rings are full; a larger "
		    "engine.modern_ebpf.buf_size_preset may help",
		    (unsigned long long)(dropped - d->told), (unsigned long long)dropped);
	d->told = dropped;
}

static bool act(struct event_drops *d, struct judge *judge, const struct config_drops *config,
		const struct probe_counters *now, uint64_t events, uint64_t dropped)
{
	char text[128];
	size_t n = (size_t)snprintf(
	    text, sizeof(text), RULE ". %" PRIu64 " system calls dropped in last second.", dropped);

	if (config->actions & DROP_LOG)
		log_debug("%s", text);
	if (config->actions & DROP_ALERT)
		send_alert(d, judge, now, events, dropped, (struct str){text, n});
	if (config->actions & DROP_EXIT) {
		log_line(SEVERITY_CRITICAL, "%s", text);
		log_line(SEVERITY_CRITICAL, "syscall_event_drops.actions has exit: that was it");
		return false;
	}
	return true;
}

bool event_drops_look(struct event_drops *d, struct judge *judge, const struct counts *counts,
		      uint64_t now)
{
	const struct config_drops *config = &judge->terms->policy->config->drops;
	uint64_t passed = d->at ? now - d->at : SECOND, events, dropped;
	double threshold = config->simulate_drops ? 0 : config->threshold;
	struct probe_counters counters;
	bool goes_on = true;

	if (passed < SECOND)
		return true;
	counters = counts->probe;
	dropped = take_difference(&d->dropped, counts->sources[0].dropped);
	/* Falco's count of events has those among it that were lost. */
	events = take_difference(&d->events, counts->sources[0].read) + dropped;
	if (!(config->actions & DROP_IGNORE))
		log_dropped(d, d->dropped);
	if (config->simulate_drops) {
		log_info("syscall_event_drops.simulate_drops: one more lost event is told than "
			 "there was");
		dropped++;
	}
	if (dropped && (double)dropped > threshold * (double)events &&
	    take_token(d, config, passed))
		goes_on = act(d, judge, config, &counters, events, dropped);
	d->counters = counters;
	d->at = now;
	return goes_on;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics. Getters stand above the table, which is in the order in which they are printed. */
#include "app/metrics.h"

#include "app/drop_groups.h"
#include "app/list.h"
#include "app/versions.h"

#include <math.h>
#include <stdlib.h>

static struct metric_value number(uint64_t n)
{
	return (struct metric_value){.number = n};
}

static struct metric_value real(double r)
{
	return (struct metric_value){.real = r};
}

static struct metric_value text(const char *t)
{
	return (struct metric_value){.text = str_from(t)};
}

/* One sample whose only label has that value. */
static void put_labelled(const struct metric *m, struct metrics_sink *s, const char *label,
			 uint64_t value)
{
	const struct metric_label l = {m->labels, str_from(label)};

	metrics_put(s, m, &l, 1, number(value));
}

static void get_real(const struct metric *m, struct metrics_sink *s)
{
	double value;

	memcpy(&value, (const char *)metrics_of(s) + m->offset, sizeof(value));
	metrics_put(s, m, NULL, 0, real(value));
}

/* A text: as a field its value, for Prometheus a label. */
static void put_info(const struct metric *m, struct metrics_sink *s, const char *value)
{
	const struct metric_label l = {m->labels, str_from(value)};

	metrics_put(s, m, &l, 1, text(value));
}

static void get_text(const struct metric *m, struct metrics_sink *s)
{
	const char *value;

	memcpy(&value, (const char *)metrics_of(s) + m->offset, sizeof(value));
	put_info(m, s, value);
}

static void get_falco_version(const struct metric *m, struct metrics_sink *s)
{
	put_info(m, s, FALCO_VERSION);
}

static void get_saker_version(const struct metric *m, struct metrics_sink *s)
{
	put_info(m, s, program_version());
}

static void get_engine(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);

	for (size_t i = 0; i < in->counts.source_count; i++) {
		enum event_source source = in->counts.sources[i].source;
		const struct metric_label labels[] = {
		    {"engine_name",
		     str_from(source != SOURCE_SYSCALL ? "source_plugin" : in->engine)},
		    {"evt_source", str_from(event_source_name((int)source))},
		};

		/* As a field it is the first source's. */
		metrics_put(s, m, labels, 2, (struct metric_value){.text = labels[0].value});
	}
}

static void put_files(const struct metric *m, struct metrics_sink *s, bool of_rules)
{
	const struct metrics_snapshot *in = metrics_of(s);

	for (size_t i = 0; i < in->file_count; i++) {
		const struct metric_label labels[] = {
		    {"file_name", str_from(in->files[i].name)},
		    {"sha256", str_from(in->files[i].sha256)},
		};

		if (in->files[i].is_rules == of_rules)
			metrics_put(s, m, labels, 2, text(in->files[i].sha256));
	}
}

static void get_rules_files(const struct metric *m, struct metrics_sink *s)
{
	put_files(m, s, true);
}

static void get_config_files(const struct metric *m, struct metrics_sink *s)
{
	put_files(m, s, false);
}

struct interface_visit {
	const struct metric *m;
	struct metrics_sink *s;
};

static void put_interface(void *context, const char *interface, const char *family,
			  const char *addresses)
{
	const struct interface_visit *v = context;
	char name[128];
	struct metric_label l = {.key = NULL};

	snprintf(name, sizeof(name), "%s.protocols.%s", interface, family);
	l.value = str_from(name);
	metrics_put(v->s, v->m, &l, 1, text(addresses));
}

static void get_interfaces(const struct metric *m, struct metrics_sink *s)
{
	struct interface_visit visit = {m, s};

	metrics_host_each_interface(put_interface, &visit);
}

enum { RULE_TAGS_MAX = 64 };

/* Each tag of a rule is a label: the name is the sink's to make one that is allowed. */
static void get_rules(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);

	for (size_t i = 0; i < in->rule_count; i++) {
		const struct metrics_rule *rule = &in->rules[i];
		char priority[4], keys[RULE_TAGS_MAX][128];
		struct metric_label labels[RULE_TAGS_MAX + 3] = {
		    {"rule_name", rule->name},
		    {"source", str_from(rule->source)},
		};
		size_t n = 2;

		snprintf(priority, sizeof(priority), "%d", rule->priority);
		labels[n++] = (struct metric_label){"priority", str_from(priority)};
		for (size_t k = 0; k < rule->tag_count && k < RULE_TAGS_MAX; k++) {
			snprintf(keys[k], sizeof(keys[k]), "tag_%.*s", STR_ARG(rule->tags[k]));
			labels[n++] = (struct metric_label){keys[k], STR("true")};
		}
		metrics_put(s, m, labels, n, number(rule->matches));
	}
}

static void get_rule_times(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);

	for (size_t i = 0; i < in->rule_count; i++) {
		const struct metric_label l = {m->labels, in->rules[i].name};

		if (in->rules[i].ns > 0)
			metrics_put(s, m, &l, 1, real((double)in->rules[i].ns / 1e9));
	}
}

static void get_drop_groups(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);
	bool has_any = in->probe && in->counts.probe.drops[DROP_RING_FULL];

	for (size_t i = 0; i < DROP_GROUP_COUNT; i++) {
		const struct metric_label labels[] = {{"drop", str_from(drop_group_name(i))},
						      {"dir", STR("exit")}};

		metrics_put(s, m, labels, 2, number(has_any ? drop_group_count(in->probe, i) : 0));
	}
}

/* Falco's count of what its probe was called for: lost ones are among it. */
static uint64_t all_drops(const struct probe_counters *p)
{
	uint64_t sum = 0;

	for (int i = 0; i < DROP_CAUSE_COUNT; i++)
		sum += p->drops[i];
	return sum;
}

uint64_t metrics_kernel_drops(const struct counts *c)
{
	return all_drops(&c->probe);
}

uint64_t metrics_kernel_events(const struct counts *c)
{
	return c->probe.events + all_drops(&c->probe);
}

static void get_kernel_events(const struct metric *m, struct metrics_sink *s)
{
	metrics_put(s, m, NULL, 0, number(metrics_kernel_events(&metrics_of(s)->counts)));
}

static void get_kernel_drops(const struct metric *m, struct metrics_sink *s)
{
	metrics_put(s, m, NULL, 0, number(metrics_kernel_drops(&metrics_of(s)->counts)));
}

static void put_per_cpu(const struct metric *m, struct metrics_sink *s, bool are_drops)
{
	const struct metrics_snapshot *in = metrics_of(s);
	struct probe_counters counters;

	for (unsigned cpu = 0; in->probe && probe_counters_of_cpu(in->probe, cpu, &counters);
	     cpu++) {
		uint64_t drops = all_drops(&counters);
		char name[16];

		snprintf(name, sizeof(name), "%u", cpu);
		put_labelled(m, s, name, are_drops ? drops : counters.events + drops);
	}
}

static void get_events_per_cpu(const struct metric *m, struct metrics_sink *s)
{
	put_per_cpu(m, s, false);
}

static void get_drops_per_cpu(const struct metric *m, struct metrics_sink *s)
{
	put_per_cpu(m, s, true);
}

/* Those of one CPU, -1: of all; with a label of its own where a CPU is told. */
static void put_discards(const struct metric *m, struct metrics_sink *s, int cpu)
{
	const struct probe *probe = metrics_of(s)->probe;
	char name[16];

	snprintf(name, sizeof(name), "%d", cpu);
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);
		const struct metric_label labels[] = {
		    {"evt_type", schema ? str_from(schema->name) : STR("other")},
		    {"cpu", str_from(name)}};
		uint64_t count = probe_discards_of(probe, code, cpu);

		if (count)
			metrics_put(s, m, labels, cpu < 0 ? 1 : 2, number(count));
	}
}

static void get_discards(const struct metric *m, struct metrics_sink *s)
{
	if (metrics_of(s)->probe)
		put_discards(m, s, -1);
}

static void get_discards_per_cpu(const struct metric *m, struct metrics_sink *s)
{
	struct probe_counters counters;
	const struct probe *probe = metrics_of(s)->probe;

	for (unsigned cpu = 0; probe && probe_counters_of_cpu(probe, cpu, &counters); cpu++)
		put_discards(m, s, (int)cpu);
}

static void get_drop_causes(const struct metric *m, struct metrics_sink *s)
{
	static const char *const names[DROP_CAUSE_COUNT] = {
	    [DROP_RING_FULL] = "ring_full",
	    [DROP_TOO_LARGE] = "too_large",
	    [DROP_NESTED] = "no_scratch_memory",
	    [DROP_COLLECTOR] = "collector_not_entered",
	};

	for (int i = 0; i < DROP_CAUSE_COUNT; i++)
		put_labelled(m, s, names[i] ? names[i] : "other",
			     metrics_of(s)->counts.probe.drops[i]);
}

/* Of the probe's programs. Nothing where the kernel does not count. */
static void put_runs(const struct metric *m, struct metrics_sink *s,
		     uint64_t (*value)(const struct probe_run *run))
{
	const struct metrics_snapshot *in = metrics_of(s);
	struct probe_run run;

	for (size_t i = 0; in->probe && probe_run(in->probe, i, &run); i++)
		if (run.count > 0)
			put_labelled(m, s, run.name, value(&run));
}

static uint64_t run_count(const struct probe_run *run)
{
	return run->count;
}

static uint64_t run_time(const struct probe_run *run)
{
	return run->ns;
}

static uint64_t run_average(const struct probe_run *run)
{
	return run->ns / run->count;
}

static void get_run_counts(const struct metric *m, struct metrics_sink *s)
{
	put_runs(m, s, run_count);
}

static void get_run_times(const struct metric *m, struct metrics_sink *s)
{
	put_runs(m, s, run_time);
}

static void get_run_averages(const struct metric *m, struct metrics_sink *s)
{
	put_runs(m, s, run_average);
}

/* Of each source the number at the offset in struct source_counts. */
static void get_by_source(const struct metric *m, struct metrics_sink *s)
{
	const struct counts *c = &metrics_of(s)->counts;

	for (size_t i = 0; i < c->source_count; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&c->sources[i] + m->offset, sizeof(value));
		put_labelled(m, s, event_source_name((int)c->sources[i].source), value);
	}
}

static bool has_source(const struct counts *c, enum event_source source)
{
	for (size_t i = 0; i < c->source_count; i++)
		if (c->sources[i].source == source)
			return true;
	return false;
}

/* Of the audit source the number at the offset in the snapshot. */
static void get_of_audit(const struct metric *m, struct metrics_sink *s)
{
	uint64_t value;

	memcpy(&value, (const char *)metrics_of(s) + m->offset, sizeof(value));
	if (has_source(&metrics_of(s)->counts, SOURCE_K8S_AUDIT))
		metrics_put(s, m, NULL, 0, number(value));
}

static void get_of_containers(const struct metric *m, struct metrics_sink *s)
{
	uint64_t value;

	memcpy(&value, (const char *)metrics_of(s) + m->offset, sizeof(value));
	if (metrics_of(s)->counts.containers.is_watched)
		metrics_put(s, m, NULL, 0, number(value));
}

static void get_of_kubernetes(const struct metric *m, struct metrics_sink *s)
{
	uint64_t value;

	memcpy(&value, (const char *)metrics_of(s) + m->offset, sizeof(value));
	if (metrics_of(s)->counts.kube.server)
		metrics_put(s, m, NULL, 0, number(value));
}

static void get_kubernetes_up(const struct metric *m, struct metrics_sink *s)
{
	const struct kube_counters *kube = &metrics_of(s)->counts.kube;

	if (kube->server)
		metrics_put(s, m, NULL, 0, number(kube->is_up));
}

static void get_audit_refusals(const struct metric *m, struct metrics_sink *s)
{
	const struct counts *c = &metrics_of(s)->counts;

	for (int i = 0; i < AUDIT_REFUSAL_COUNT && has_source(c, SOURCE_K8S_AUDIT); i++)
		put_labelled(m, s, audit_refusal_name((enum audit_refusal)i), c->audit.refused[i]);
}

static void get_alerts(const struct metric *m, struct metrics_sink *s)
{
	for (int i = 0; i < SEVERITY_COUNT; i++)
		put_labelled(m, s, severity_name((enum severity)i),
			     metrics_of(s)->counts.alerts_by_priority[i]);
}

/* Of each output the number at the offset in struct channel_counters. */
static void get_by_output(const struct metric *m, struct metrics_sink *s)
{
	const struct counts *c = &metrics_of(s)->counts;

	for (size_t i = 0; i < c->channel_count; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&c->channels[i] + m->offset, sizeof(value));
		put_labelled(m, s, c->channels[i].name, value);
	}
}

static void get_output_drops(const struct metric *m, struct metrics_sink *s)
{
	const struct counts *c = &metrics_of(s)->counts;

	for (size_t i = 0; i < c->channel_count; i++) {
		for (int why = 0; why < OUTPUT_DROP_COUNT; why++) {
			const char *name = outputs_drop_name((enum outputs_drop)why);
			const struct metric_label labels[] = {
			    {"output", str_from(c->channels[i].name)}, {"cause", str_from(name)}};

			metrics_put(s, m, labels, 2, number(c->channels[i].drops[why]));
		}
	}
}

static void get_latency(const struct metric *m, struct metrics_sink *s)
{
	const struct counts *c = &metrics_of(s)->counts;

	for (size_t i = 0; i < c->channel_count; i++) {
		const struct metric_label l = {m->labels, str_from(c->channels[i].name)};

		metrics_put(s, m, &l, 1, (struct metric_value){.latency = &c->channels[i].latency});
	}
}

/* The bound below which all but a hundredth of them are. */
static void get_latency_quantile(const struct metric *m, struct metrics_sink *s)
{
	const struct counts *c = &metrics_of(s)->counts;

	for (size_t i = 0; i < c->channel_count; i++) {
		const struct metric_label l = {m->labels, str_from(c->channels[i].name)};
		uint64_t ns = latency_quantile(&c->channels[i].latency, 0.99);

		metrics_put(s, m, &l, 1, real(ns == UINT64_MAX ? INFINITY : (double)ns / 1e6));
	}
}

static void get_outputs_dropped(const struct metric *m, struct metrics_sink *s)
{
	const struct counts *c = &metrics_of(s)->counts;
	uint64_t sum = 0;

	for (size_t i = 0; i < c->channel_count; i++)
		sum += c->channels[i].dropped;
	metrics_put(s, m, NULL, 0, number(sum));
}

static void get_blindness(const struct metric *m, struct metrics_sink *s)
{
	metrics_put(s, m, NULL, 0, number(metrics_of(s)->counts.is_blind));
}

static void get_reloads(const struct metric *m, struct metrics_sink *s)
{
	put_labelled(m, s, "done", metrics_of(s)->counts.reloads);
	put_labelled(m, s, "failed", metrics_of(s)->counts.reloads_failed);
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

static void get_event_rate(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);

	if (in->events_before && in->seconds_between > 0)
		metrics_put(
		    s, m, NULL, 0,
		    real(per_second(in->counts.all.read, in->events_before, in->seconds_between)));
}

static void get_kernel_event_rate(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);

	metrics_put(s, m, NULL, 0,
		    real(per_second(metrics_kernel_events(&in->counts), in->kernel_events_before,
				    in->seconds_between)));
}

static void get_drop_rate(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);

	metrics_put(s, m, NULL, 0,
		    real(per_second(metrics_kernel_drops(&in->counts), in->drops_before,
				    in->seconds_between)));
}

static void get_drop_share(const struct metric *m, struct metrics_sink *s)
{
	const struct metrics_snapshot *in = metrics_of(s);
	uint64_t events = metrics_kernel_events(&in->counts) - in->kernel_events_before,
		 drops = metrics_kernel_drops(&in->counts) - in->drops_before;

	metrics_put(s, m, NULL, 0, real(events ? 100.0 * (double)drops / (double)events : 0));
}

/* clang-format off */

#define AT(member) .offset = offsetof(struct metrics_snapshot, member)
#define OF_SOURCE(member) .offset = offsetof(struct source_counts, member), .get = get_by_source
#define OF_OUTPUT(member) .offset = offsetof(struct channel_counters, member), .get = get_by_output
#define COUNTER(n, f, g) .name = n, .field = f, .type = METRIC_COUNTER, .group = METRICS_##g
#define GAUGE(n, f, g) .name = n, .field = f, .type = METRIC_GAUGE, .group = METRICS_##g
#define INFO(n, f, l) .name = n, .field = f, .type = METRIC_INFO, .unit = UNIT_TEXT, .labels = l, .is_kept = true
/* Fields alone. */
#define FIELD(f, u, g) .field = f, .type = METRIC_GAUGE, .unit = u, .group = METRICS_##g, .is_kept = true
#define ROW(...) {__VA_ARGS__}

const struct metric metrics_table[] = {
    ROW(INFO("falcosecurity_falco_version_info", "falco.version", "version"), .get = get_falco_version,
	.help = "The Falco whose rules, configuration and outputs are understood."),
    ROW(INFO("saker_version_info", "saker.version", "version"), .get = get_saker_version,
	.help = "The program's version."),
    ROW(INFO("falcosecurity_falco_sha256_rules_files_info", "falco.sha256_rules_file.*", "file_name,sha256"),
	.get = get_rules_files, .help = "Rules files in use, and the SHA-256 of what they hold."),
    ROW(INFO("falcosecurity_falco_sha256_config_files_info", "falco.sha256_config_file.*", "file_name,sha256"),
	.get = get_config_files, .help = "Configuration files in use, and the SHA-256 of what they hold."),
    ROW(INFO("falcosecurity_scap_engine_name_info", "scap.engine_name", "engine_name,evt_source"),
	.get = get_engine, .help = "Where events of each source come from."),
    ROW(INFO("falcosecurity_falco_kernel_release_info", "falco.kernel_release", "kernel_release"),
	AT(kernel_release), .get = get_text, .help = "The kernel's release."),
    ROW(INFO("falcosecurity_evt_hostname_info", "evt.hostname", "hostname"),
	AT(hostname), .get = get_text, .help = "The machine's name, or what FALCO_HOSTNAME says."),
    ROW(FIELD("falco.host_netinfo.interfaces.*.addresses", UNIT_TEXT, ALWAYS), .is_star_verbatim = true,
	.get = get_interfaces, .help = "Addresses of a network interface: * is its name, .protocols. and ipv4 or ipv6."),
    ROW(FIELD("evt.source", UNIT_TEXT, ALWAYS), AT(source), .get = get_text, .help = "The first event source that runs."),
    ROW(FIELD("evt.time", UNIT_NUMBER, ALWAYS), AT(time), .help = "Time of the snapshot."),

    ROW(COUNTER("falcosecurity_falco_rules_matches_total", "falco.rules.*", RULES),
	.labels = "priority,rule_name,source,tag_*", .has_no_zeros = true, .get = get_rules,
	.help = "Alerts of a rule; priority is its number, 0 is Emergency. Rules without alerts are left out."),
    ROW(FIELD("falco.rules.matches_total", UNIT_NUMBER, RULES), AT(matches), .help = "Alerts of all rules."),
    ROW(COUNTER("saker_rules_cpu_seconds_total", "saker.rules_cpu_sec.*", RULES), .unit = UNIT_SECONDS, .labels = "rule_name",
	.get = get_rule_times, .help = "Time that judging a rule took, from samples: where metrics.rules_time_sample asks for them."),
    ROW(COUNTER("saker_alerts_total", "saker.alerts.*", RULES), .labels = "priority", .get = get_alerts,
	.help = "Alerts by priority."),

    ROW(COUNTER("falcosecurity_falco_outputs_queue_num_drops_total", "falco.outputs_queue_num_drops", ALWAYS),
	.is_kept = true, .get = get_outputs_dropped, .help = "Alerts that found an output's queue full, of all outputs."),
    ROW(GAUGE("falcosecurity_falco_reload_timestamp_nanoseconds", "falco.reload_ts", ALWAYS), .is_kept = true,
	AT(reload_time), .help = "When configuration and rules in use were loaded."),
    ROW(GAUGE("falcosecurity_falco_start_timestamp_nanoseconds", "falco.start_ts", ALWAYS), .is_kept = true,
	AT(start_time), .help = "When the program was started."),
    ROW(COUNTER("falcosecurity_falco_duration_seconds_total", "falco.duration_sec", ALWAYS), .is_kept = true,
	AT(duration), .help = "Seconds since then."),
    ROW(GAUGE("falcosecurity_falco_host_boot_timestamp_nanoseconds", "falco.host_boot_ts", ALWAYS), .is_kept = true,
	AT(boot_time), .help = "When the machine was started."),
    ROW(GAUGE("falcosecurity_falco_host_num_cpus_total", "falco.host_num_cpus", ALWAYS), .is_kept = true,
	AT(cpus), .help = "The machine's CPUs."),

    ROW(FIELD("falco.num_evts", UNIT_NUMBER, ALWAYS), AT(counts.all.read), .help = "Events that were read."),
    ROW(FIELD("falco.num_evts_prev", UNIT_NUMBER, ALWAYS), AT(events_before), .help = "The same, one snapshot before."),
    ROW(FIELD("falco.evts_rate_sec", UNIT_REAL, ALWAYS), .get = get_event_rate, .help = "The same, per second between both."),
    ROW(COUNTER("saker_events_read_total", NULL, ALWAYS), .labels = "evt_source", OF_SOURCE(read),
	.help = "Events that were read."),
    ROW(COUNTER("saker_events_judged_total", NULL, ALWAYS), .labels = "evt_source", OF_SOURCE(judged),
	.help = "Events that were judged by rules; others only change what is known of processes."),
    ROW(COUNTER("saker_events_damaged_total", "saker.events_damaged.*", ALWAYS), .labels = "evt_source", OF_SOURCE(damaged),
	.help = "Events that could not be decoded."),
    ROW(COUNTER("saker_events_lost_total", "saker.events_lost.*", ALWAYS), .labels = "evt_source", OF_SOURCE(dropped),
	.help = "Events that were lost before they were read."),

    ROW(COUNTER("falcosecurity_scap_n_evts_total", "scap.n_evts", KERNEL), .is_kept = true,
	.get = get_kernel_events, .help = "Events for which the probe had something to tell, lost ones among them."),
    ROW(FIELD("scap.n_evts_prev", UNIT_NUMBER, KERNEL), AT(kernel_events_before), .help = "The same, one snapshot before."),
    ROW(FIELD("scap.evts_rate_sec", UNIT_REAL, KERNEL), .get = get_kernel_event_rate, .help = "The same, per second between both."),
    ROW(COUNTER("falcosecurity_scap_n_drops_buffer_total", "scap.n_drops_buffer_*_exit", KERNEL), .is_kept = true,
	.labels = "dir,drop", .get = get_drop_groups,
	.help = "Events lost because a ring was full, by what the call is about. Calls of no group are in none."),
    ROW(FIELD("scap.n_drops_buffer_total", UNIT_NUMBER, KERNEL), AT(counts.probe.drops[DROP_RING_FULL]),
	.help = "The same, of all calls."),
    ROW(COUNTER("falcosecurity_scap_n_drops_scratch_map_total", "scap.n_drops_scratch_map", KERNEL), .is_kept = true,
	AT(counts.probe.drops[DROP_NESTED]), .help = "Events lost because the probe had no memory to put them together."),
    ROW(COUNTER("falcosecurity_scap_n_drops_max_event_size_total", "scap.n_drops_max_event_size", KERNEL), .is_kept = true,
	AT(counts.probe.drops[DROP_TOO_LARGE]), .help = "Events lost because they were too large."),
    ROW(COUNTER("falcosecurity_scap_n_drops_total", "scap.n_drops", KERNEL), .is_kept = true,
	.get = get_kernel_drops, .help = "Events lost in the kernel, for whatever cause."),
    ROW(FIELD("scap.n_drops_prev", UNIT_NUMBER, KERNEL), AT(drops_before), .help = "The same, one snapshot before."),
    ROW(FIELD("scap.evts_drop_rate_sec", UNIT_REAL, KERNEL), .get = get_drop_rate, .help = "The same, per second between both."),
    ROW(FIELD("scap.n_drops_perc", UNIT_REAL, KERNEL), .get = get_drop_share,
	.help = "Share of lost events between both, in percent."),
    ROW(COUNTER("falcosecurity_scap_n_evts_cpu_total", "scap.n_evts_cpu_*", KERNEL_PER_CPU), .is_kept = true,
	.labels = "cpu", .get = get_events_per_cpu, .help = "falcosecurity_scap_n_evts_total by CPU."),
    ROW(COUNTER("falcosecurity_scap_n_drops_cpu_total", "scap.n_drops_cpu_*", KERNEL_PER_CPU), .is_kept = true,
	.labels = "cpu", .get = get_drops_per_cpu, .help = "falcosecurity_scap_n_drops_total by CPU."),
    ROW(COUNTER("saker_kernel_drops_total", "saker.kernel_drops.*", KERNEL), .labels = "cause", .get = get_drop_causes,
	.help = "Events lost in the kernel, by cause."),
    ROW(COUNTER("saker_kernel_faults_total", "saker.kernel_faults", KERNEL), AT(counts.probe.faults),
	.help = "Arguments of calls that could not be read from user memory; the event comes without them."),
    ROW(COUNTER("saker_kernel_discarded_total", "saker.kernel_discarded", KERNEL), AT(counts.probe.discarded),
	.help = "Events that the kernel did not report because no rule could hold for them."),
    ROW(COUNTER("saker_kernel_discarded_by_event_total", "saker.kernel_discarded_by_event.*", KERNEL), .labels = "evt_type",
	.get = get_discards, .help = "The same by what was called; samples are not among them."),
    ROW(COUNTER("saker_kernel_discarded_cpu_total", NULL, KERNEL_PER_CPU), .labels = "cpu,evt_type",
	.get = get_discards_per_cpu, .help = "The same by CPU, too."),
    ROW(COUNTER("saker_kernel_discards_sampled_total", "saker.kernel_discards_sampled", KERNEL), AT(counts.probe.sampled),
	.help = "Events of that kind that were reported all the same, as samples."),
    ROW(COUNTER("saker_kernel_discards_wrong_total", "saker.kernel_discards_wrong", KERNEL), AT(counts.discards_wrong),
	.help = "Samples for which a rule held: must be 0. The kernel then discards no more events of that call."),

    ROW(COUNTER("falcosecurity_scap_n_evts_task_total", "scap.n_evts_task", ITERATORS), AT(counts.tasks_told),
	.help = "Threads that the kernel's iterator told of at the start."),
    ROW(COUNTER("falcosecurity_scap_*_run_cnt_total", "scap.*.run_cnt", LIBBPF), .get = get_run_counts,
	.help = "Runs of each of the probe's programs; where kernel.bpf_stats_enabled is on."),
    ROW(COUNTER("falcosecurity_scap_*_run_time_nanoseconds_total", "scap.*.run_time_ns", LIBBPF), .get = get_run_times,
	.help = "Time that they took."),
    ROW(GAUGE("falcosecurity_scap_*_avg_time_nanoseconds", "scap.*.avg_time_ns", LIBBPF), .get = get_run_averages,
	.help = "Time that a run took on average."),

    ROW(GAUGE("falcosecurity_falco_cpu_usage_ratio", "falco.cpu_usage_perc", RESOURCES), .unit = UNIT_PERCENT,
	AT(host.cpu_percent), .get = get_real, .help = "The program's use of one CPU since its start."),
    ROW(GAUGE("falcosecurity_falco_memory_rss_bytes", "falco.memory_rss", RESOURCES), .unit = UNIT_KIB,
	AT(host.rss_kib), .help = "The program's resident memory."),
    ROW(GAUGE("falcosecurity_falco_memory_vsz_bytes", "falco.memory_vsz", RESOURCES), .unit = UNIT_KIB,
	AT(host.vsz_kib), .help = "The program's virtual memory."),
    ROW(GAUGE("falcosecurity_falco_memory_pss_bytes", "falco.memory_pss", RESOURCES), .unit = UNIT_KIB,
	AT(host.pss_kib), .help = "The program's resident memory, what it shares with others in proportion."),
    ROW(GAUGE("falcosecurity_falco_container_memory_used_bytes", "falco.container_memory_used", RESOURCES), .unit = UNIT_BYTES,
	AT(host.container_memory), .help = "Memory of the control group; FALCO_CGROUP_MEM_PATH names another file that tells it."),
    ROW(GAUGE("falcosecurity_falco_host_cpu_usage_ratio", "falco.host_cpu_usage_perc", RESOURCES), .unit = UNIT_PERCENT,
	AT(host.host_cpu_percent), .get = get_real, .help = "The machine's use of its CPUs since its start."),
    ROW(GAUGE("falcosecurity_falco_host_memory_used_bytes", "falco.host_memory_used", RESOURCES), .unit = UNIT_KIB,
	AT(host.host_memory_kib), .help = "The machine's memory in use, without what files are cached in."),
    ROW(GAUGE("falcosecurity_falco_host_procs_running_total", "falco.host_procs_running", RESOURCES),
	AT(host.host_procs_running), .help = "Threads on the machine that run or could."),
    ROW(GAUGE("falcosecurity_falco_host_open_fds_total", "falco.host_open_fds", RESOURCES),
	AT(host.host_open_fds), .help = "Open files on the machine."),

    ROW(GAUGE("saker_event_path_blind", "saker.event_path_blind", ALWAYS), .is_kept = true, .get = get_blindness,
	.help = "1 while events do not arrive although calls happen: the heartbeat is not heard."),
    ROW(COUNTER("saker_heartbeats_total", "saker.heartbeats", ALWAYS), AT(counts.heartbeats),
	.help = "Calls of the program's own that must come back as events."),
    ROW(COUNTER("saker_heartbeats_lost_total", "saker.heartbeats_lost", ALWAYS), AT(counts.heartbeats_lost),
	.help = "Those of them that did not."),
    ROW(COUNTER("saker_held_up_total", "saker.held_up", ALWAYS), AT(counts.held_up),
	.help = "Times that the program did not run for ten seconds or more: it was stopped, frozen or traced."),

    ROW(GAUGE("falcosecurity_scap_n_threads_total", "falco.n_threads", STATE), AT(counts.state.threads),
	.help = "Threads that are remembered."),
    ROW(GAUGE("saker_processes", "saker.processes", STATE), AT(counts.state.processes),
	.help = "Processes that are remembered."),
    ROW(COUNTER("falcosecurity_scap_n_added_threads_total", "falco.n_added_threads", STATE), AT(counts.state.added),
	.help = "Threads that were remembered so far."),
    ROW(COUNTER("falcosecurity_scap_n_removed_threads_total", "falco.n_removed_threads", STATE), AT(counts.state.removed),
	.help = "Threads that were forgotten so far."),
    ROW(COUNTER("falcosecurity_scap_n_drops_full_threadtable_total", "falco.n_drops_full_threadtable", STATE),
	AT(counts.state.table_full), .help = "Events of threads for which the table had no room."),
    ROW(COUNTER("saker_processes_healed_total", "saker.processes_healed", STATE), AT(counts.state.healed),
	.help = "Times that what was remembered was wrong, or missing, and put right by an event."),
    ROW(COUNTER("saker_processes_looked_up_total", "saker.processes_looked_up", STATE), AT(counts.state.proc_lookups),
	.help = "Processes that were unknown and looked up in /proc."),
    ROW(COUNTER("saker_processes_given_up_total", "saker.processes_given_up", STATE), AT(counts.state.proc_given_up),
	.help = "Processes whose arguments and environment did not come out of /proc in time: something in them keeps readers waiting."),

    ROW(COUNTER("saker_audit_accepted_total", "saker.audit_accepted", ALWAYS), AT(counts.audit.accepted),
	.get = get_of_audit, .help = "Requests with Kubernetes audit events that were answered with 200."),
    ROW(COUNTER("saker_audit_refused_total", "saker.audit_refused.*", ALWAYS), .labels = "cause", .get = get_audit_refusals,
	.help = "Requests and events that were refused, by cause; no_room: the API server sends it again."),
    ROW(GAUGE("saker_audit_queued_bytes", "saker.audit_queued", ALWAYS), .unit = UNIT_BYTES, AT(counts.audit.queued_bytes),
	.get = get_of_audit, .help = "Requests that wait to be judged."),
    ROW(GAUGE("saker_audit_connections", "saker.audit_connections", ALWAYS), AT(counts.audit.connections),
	.get = get_of_audit, .help = "Connections of API servers."),

    ROW(GAUGE("saker_runtimes_up", "saker.runtimes_up", ALWAYS), AT(counts.containers.runtimes_up),
	.get = get_of_containers, .help = "Sockets of container runtimes that answer."),
    ROW(COUNTER("saker_runtime_errors_total", "saker.runtime_errors", ALWAYS), AT(counts.containers.runtime_errors),
	.get = get_of_containers, .help = "Times that a container runtime could not be talked to, or answered nonsense."),
    ROW(COUNTER("saker_containers_asked_total", "saker.containers_asked", ALWAYS), AT(counts.containers.asked),
	.get = get_of_containers, .help = "Containers of which events came before their runtime had told of them."),
    ROW(COUNTER("saker_containers_untold_total", "saker.containers_untold", ALWAYS), AT(counts.containers.untold),
	.get = get_of_containers, .help = "Those of them that no runtime knows."),
    ROW(COUNTER("saker_containers_late_total", "saker.containers_late", ALWAYS), AT(counts.containers.late),
	.get = get_of_containers, .help = "Those of them that were not told of in time."),
    ROW(COUNTER("saker_containers_refused_total", "saker.containers_refused", ALWAYS), AT(counts.containers.refused),
	.get = get_of_containers, .help = "Containers, or their users, that there was no room to remember."),
    ROW(COUNTER("saker_events_waited_total", "saker.events_waited", ALWAYS), AT(counts.containers.waited),
	.get = get_of_containers, .help = "Events that waited for what is told of their container."),
    ROW(COUNTER("saker_events_incomplete_total", "saker.events_incomplete", ALWAYS), AT(counts.containers.incomplete),
	.get = get_of_containers, .help = "Those of them that were judged without."),
    ROW(COUNTER("saker_events_not_waited_total", "saker.events_not_waited", ALWAYS), AT(counts.containers.full),
	.get = get_of_containers, .help = "Events that could not wait for want of memory, and were judged at once."),

    ROW(GAUGE("saker_kubernetes_up", "saker.kubernetes_up", ALWAYS), .is_kept = true, .get = get_kubernetes_up,
	.help = "1 while the API server, or the kubelet, tells of this node's pods."),
    ROW(COUNTER("saker_kubernetes_requests_total", "saker.kubernetes_requests", ALWAYS), AT(counts.kube.requests),
	.get = get_of_kubernetes, .help = "Requests to them."),
    ROW(COUNTER("saker_kubernetes_errors_total", "saker.kubernetes_errors", ALWAYS), AT(counts.kube.errors),
	.get = get_of_kubernetes, .help = "Requests that failed, and answers that could not be understood."),
    ROW(COUNTER("saker_kubernetes_events_total", "saker.kubernetes_events", ALWAYS), AT(counts.kube.events),
	.get = get_of_kubernetes, .help = "Events of watches: what became of pods, and bookmarks."),
    ROW(COUNTER("saker_kubernetes_lists_total", "saker.kubernetes_lists", ALWAYS), AT(counts.kube.lists),
	.get = get_of_kubernetes, .help = "Lists of all pods that were asked for."),
    ROW(COUNTER("saker_kubernetes_watches_total", "saker.kubernetes_watches", ALWAYS), AT(counts.kube.watches),
	.get = get_of_kubernetes, .help = "Watches that were begun."),
    ROW(COUNTER("saker_kubernetes_gone_total", "saker.kubernetes_gone", ALWAYS), AT(counts.kube.gone),
	.get = get_of_kubernetes, .help = "Times that the server had forgotten where a watch was, so that all was listed again."),
    ROW(GAUGE("saker_kubernetes_pods", "saker.kubernetes_pods", ALWAYS), AT(counts.pods.known),
	.get = get_of_kubernetes, .help = "Pods that are known."),
    ROW(GAUGE("saker_kubernetes_remembered_bytes", "saker.kubernetes_remembered", ALWAYS), .unit = UNIT_BYTES,
	AT(counts.kube.bytes), .get = get_of_kubernetes, .help = "What is kept of pods and of what they belong to."),
    ROW(COUNTER("saker_kubernetes_refused_total", "saker.kubernetes_refused", ALWAYS), AT(counts.kube.refused),
	.get = get_of_kubernetes, .help = "Pods and objects that there was no room to remember."),
    ROW(COUNTER("saker_pods_asked_total", "saker.pods_asked", ALWAYS), AT(counts.pods.asked),
	.get = get_of_kubernetes, .help = "Pods of which events came before they were known."),
    ROW(COUNTER("saker_pods_late_total", "saker.pods_late", ALWAYS), AT(counts.pods.late),
	.get = get_of_kubernetes, .help = "Those of them that were not told of in time."),

    ROW(COUNTER("saker_output_sent_total", "saker.output_sent.*", ALWAYS), .labels = "output", OF_OUTPUT(sent),
	.help = "Alerts that were delivered."),
    ROW(COUNTER("saker_output_dropped_total", "saker.output_dropped.*", ALWAYS), .labels = "output", OF_OUTPUT(dropped),
	.help = "Alerts that found the output's queue full."),
    ROW(COUNTER("saker_output_dropped_by_cause_total", NULL, ALWAYS), .labels = "output,cause", .get = get_output_drops,
	.help = "The same by cause: as many waited as may, they were too large together, they made room for others, or no memory."),
    ROW(COUNTER("saker_output_dropped_urgent_total", "saker.output_dropped_urgent.*", ALWAYS), .labels = "output", OF_OUTPUT(dropped_urgent),
	.help = "Those of them whose priority was Critical or above."),
    ROW(COUNTER("saker_output_failed_total", "saker.output_failed.*", ALWAYS), .labels = "output", OF_OUTPUT(failed),
	.help = "Alerts that the output could not deliver."),
    ROW(COUNTER("saker_output_retries_total", "saker.output_retries.*", ALWAYS), .labels = "output", OF_OUTPUT(retries),
	.help = "Times that a delivery was tried again."),
    ROW(GAUGE("saker_output_queue_length", "saker.output_queue_length.*", ALWAYS), .labels = "output", OF_OUTPUT(queued),
	.help = "Alerts that wait for the output."),
    ROW(GAUGE("saker_output_queue_capacity", NULL, ALWAYS), .labels = "output", OF_OUTPUT(capacity),
	.help = "Alerts that may wait for the output."),

    ROW(.name = "saker_alert_latency_seconds", .type = METRIC_HISTOGRAM, .unit = UNIT_SECONDS, .labels = "output",
	.get = get_latency, .help = "From a system call to the delivery of its alert."),
    ROW(.field = "saker.alert_latency_p99_ms.*", .type = METRIC_GAUGE, .unit = UNIT_REAL, .labels = "output",
	.get = get_latency_quantile, .help = "The same, up to which ms all but a hundredth of them take; null: more than a minute."),

    ROW(COUNTER("saker_web_requests_total", "saker.web_requests", ALWAYS), AT(web.requests),
	.help = "Requests that the web server answered."),
    ROW(COUNTER("saker_web_refused_total", "saker.web_refused", ALWAYS), AT(web.refused),
	.help = "Those of them that were answered with a status of 400 or more."),
    ROW(COUNTER("saker_web_connections_ended_total", "saker.web_connections_ended", ALWAYS), AT(web.ended),
	.help = "Connections that were ended because they said nothing, or for others when there were too many."),
    ROW(GAUGE("saker_web_connections", "saker.web_connections", ALWAYS), AT(web.connections),
	.help = "Connections to the web server."),

    ROW(COUNTER("saker_reloads_total", "saker.reloads.*", ALWAYS), .labels = "result", .get = get_reloads,
	.help = "Reloads of configuration and rules: done, or failed so that the old ones stayed."),
};

/* clang-format on */

const size_t metrics_count = sizeof(metrics_table) / sizeof(metrics_table[0]);

/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "app/metrics.h"

#include <jansson.h>

/* Snapshots that differ in what a test is about. */
static struct metrics_snapshot snapshot_of(struct config *config)
{
	config->metrics = (struct config_metrics){
	    .enabled = true,
	    .rules_counters = true,
	    .resource_utilization = true,
	    .state_counters = true,
	    .kernel_event_counters = true,
	    .kernel_event_counters_per_cpu = true,
	    .libbpf_stats = true,
	    .kernel_iter_event_counters = true,
	    .convert_memory_to_mb = true,
	};
	return (struct metrics_snapshot){
	    .config = config,
	    .hostname = "host",
	    .kernel_release = "6.1",
	    .source = "syscall",
	    .engine = "modern_bpf",
	};
}

static void check_has(const char *text, const char *want)
{
	if (strstr(text, want))
		return;
	fail_msg("\"%s\" is not in:\n%s", want, text);
}

static void check_has_not(const char *text, const char *unwanted)
{
	if (strstr(text, unwanted))
		fail_msg("\"%s\" is in:\n%s", unwanted, text);
}

/* Freed by the caller. */
static char *text_of(const struct metrics_snapshot *s)
{
	size_t size;
	char *text = metrics_text(s, &size);

	assert_non_null(text);
	check_i64(strlen(text), size, "size");
	return text;
}

static json_t *fields_of(const struct metrics_snapshot *s)
{
	struct metrics_fields fields = metrics_fields(s);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_error_t err;
	json_t *json;

	metrics_fields_print(&fields, out);
	fclose(out);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &err);
	if (!json)
		fail_msg("%s in %s", err.text, text);
	metrics_fields_free(&fields);
	free(text);
	return json;
}

static void rows_are_whole_and_unlike(void **state)
{
	(void)state;
	for (size_t i = 0; i < metrics_count; i++) {
		const struct metric *m = &metrics_table[i];
		const char *name = m->name ? m->name : m->field;

		assert_non_null(name);
		assert_non_null(m->help);
		assert_true(m->get || m->labels == NULL);
		if (m->help[strlen(m->help) - 1] != '.')
			fail_msg("%s: its help is no sentence", name);
		/* As Prometheus asks for; Falco's gauges may end in _total all the same. */
		if (m->name && m->type == METRIC_COUNTER)
			assert_true(str_ends_with(str_from(m->name), STR("_total")));
		if (m->name && strncmp(m->name, "saker_", 6) != 0)
			assert_true(str_starts_with(str_from(m->name), STR("falcosecurity_")));
		for (size_t k = 0; k < i; k++) {
			const struct metric *other = &metrics_table[k];

			if ((m->name && other->name && strcmp(m->name, other->name) == 0) ||
			    (m->field && other->field && strcmp(m->field, other->field) == 0))
				fail_msg("%s stands there twice", name);
		}
	}
}

static void units_are_falcos(void **state)
{
	struct config config = {0};
	struct metrics_snapshot s = snapshot_of(&config);
	char *text;
	json_t *json;

	(void)state;
	s.host.cpu_percent = 13.6;
	s.host.rss_kib = 57672;
	s.host.container_memory = 584007680;
	s.duration = 5;
	text = text_of(&s);
	check_has(text, "\nfalcosecurity_falco_cpu_usage_ratio 0.136000\n");
	check_has(text, "\nfalcosecurity_falco_memory_rss_bytes 59056128\n");
	check_has(text, "\nfalcosecurity_falco_container_memory_used_bytes 584007680\n");
	check_has(text, "# TYPE falcosecurity_falco_duration_seconds_total counter\n"
			"falcosecurity_falco_duration_seconds_total 5\n");
	free(text);
	json = fields_of(&s);
	assert_true(json_real_value(json_object_get(json, "falco.cpu_usage_perc")) == 13.6);
	assert_true(json_real_value(json_object_get(json, "falco.memory_rss_mb")) == 56.3);
	assert_true(json_real_value(json_object_get(json, "falco.container_memory_used_mb")) ==
		    557.0);
	json_decref(json);
	config.metrics.convert_memory_to_mb = false;
	json = fields_of(&s);
	check_i64(json_integer_value(json_object_get(json, "falco.memory_rss_kb")), 57672, "rss");
	check_i64(json_integer_value(json_object_get(json, "falco.container_memory_used_bytes")),
		  584007680, "container");
	json_decref(json);
}

static void rates_are_between_two_snapshots(void **state)
{
	struct config config = {0};
	struct metrics_snapshot s = snapshot_of(&config);
	json_t *json;

	(void)state;
	s.counts.all.read = 300;
	s.counts.probe.events = 400;
	s.counts.probe.drops[DROP_RING_FULL] = 100;
	json = fields_of(&s);
	assert_null(json_object_get(json, "falco.evts_rate_sec"));
	assert_true(json_real_value(json_object_get(json, "scap.evts_rate_sec")) == 0);
	assert_true(json_real_value(json_object_get(json, "scap.n_drops_perc")) == 20);
	json_decref(json);
	s.seconds_between = 2;
	s.events_before = 100;
	s.kernel_events_before = 300;
	s.drops_before = 50;
	json = fields_of(&s);
	assert_true(json_real_value(json_object_get(json, "falco.evts_rate_sec")) == 100);
	assert_true(json_real_value(json_object_get(json, "scap.evts_rate_sec")) == 100);
	assert_true(json_real_value(json_object_get(json, "scap.evts_drop_rate_sec")) == 25);
	assert_true(json_real_value(json_object_get(json, "scap.n_drops_perc")) == 25);
	check_i64(json_integer_value(json_object_get(json, "scap.n_evts")), 500, "lost ones, too");
	json_decref(json);
}

#define TEXT(literal)                                                                              \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

static const struct str tags[] = {{"T1036", 5}, {"a-b", 3}, {"a_b", 3}, {"9 lives", 7}};
static const struct metrics_rule rules[] = {
    {TEXT("Symlink created"), SEVERITY_WARNING, "syscall", tags, 2, 3, 0},
    {TEXT("a \"b\" \\ c\n\xff."), SEVERITY_EMERGENCY, "k8s_audit", tags, 4, 1, 2500000},
    {TEXT("Symlink  created!"), SEVERITY_DEBUG, "syscall", NULL, 0, 7, 0},
    {TEXT("Never"), SEVERITY_DEBUG, "syscall", NULL, 0, 0, 0},
};

static void rules_are_labels_whatever_they_are_called(void **state)
{
	struct config config = {0};
	struct metrics_snapshot s = snapshot_of(&config);
	char *text;
	json_t *json;

	(void)state;
	s.rules = rules;
	s.rule_count = 4;
	s.matches = 11;
	text = text_of(&s);
	check_has(text, "\nfalcosecurity_falco_rules_matches_total{priority=\"4\","
			"rule_name=\"Symlink created\",source=\"syscall\",tag_T1036=\"true\","
			"tag_a_b=\"true\"} 3\n");
	/* Two tags that are the same as labels are one. */
	check_has(text, "{priority=\"0\",rule_name=\"a \\\"b\\\" \\\\ c\\n\xef\xbf\xbd.\","
			"source=\"k8s_audit\",tag_9_lives=\"true\",tag_T1036=\"true\","
			"tag_a_b=\"true\"} 1\n");
	check_has(text,
		  "# TYPE saker_rules_cpu_seconds_total counter\n"
		  "saker_rules_cpu_seconds_total{rule_name=\"a \\\"b\\\" \\\\ c\\n\xef\xbf\xbd.\"} "
		  "0.002500000\n");
	check_has_not(text, "Never");
	free(text);
	json = fields_of(&s);
	/* Names that are the same as fields are one, of which one is told. */
	assert_non_null(json_object_get(json, "falco.rules.Symlink_created"));
	check_i64(json_integer_value(json_object_get(json, "falco.rules.a_b_c")), 1, "odd name");
	check_i64(json_integer_value(json_object_get(json, "falco.rules.matches_total")), 11,
		  "all");
	assert_null(json_object_get(json, "falco.rules.Never"));
	json_decref(json);
	config.metrics.include_empty_values = true;
	json = fields_of(&s);
	assert_non_null(json_object_get(json, "falco.rules.Never"));
	json_decref(json);
}

static void groups_are_switched_off(void **state)
{
	static const struct {
		size_t member; /* of struct config_metrics, a bool */
		const char *metric, *field;
	} cases[] = {
	    {offsetof(struct config_metrics, rules_counters), "saker_alerts_total",
	     "falco.rules.matches_total"},
	    {offsetof(struct config_metrics, resource_utilization), "memory_rss",
	     "falco.memory_rss_mb"},
	    {offsetof(struct config_metrics, state_counters), "n_threads", "falco.n_threads"},
	    {offsetof(struct config_metrics, kernel_event_counters), "scap_n_evts_total",
	     "scap.n_evts"},
	    {offsetof(struct config_metrics, kernel_iter_event_counters), "n_evts_task",
	     "scap.n_evts_task"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config = {0};
		struct metrics_snapshot s = snapshot_of(&config);
		char *text = text_of(&s);
		json_t *json;

		config.metrics.include_empty_values = true;
		json = fields_of(&s);
		check_has(text, cases[i].metric);
		assert_non_null(json_object_get(json, cases[i].field));
		free(text);
		json_decref(json);
		*((bool *)((char *)&config.metrics + cases[i].member)) = false;
		text = text_of(&s);
		json = fields_of(&s);
		check_has_not(text, cases[i].metric);
		assert_null(json_object_get(json, cases[i].field));
		free(text);
		json_decref(json);
	}
}

static void histograms_add_up(void **state)
{
	struct config config = {0};
	struct metrics_snapshot s = snapshot_of(&config);
	struct channel_counters *channel = &s.counts.channels[0];
	char *text;

	(void)state;
	s.counts.channel_count = 1;
	channel->name = "file";
	latency_add(&channel->latency, 50000);
	latency_add(&channel->latency, 1500000);
	latency_add(&channel->latency, UINT64_C(3600000000000));
	text = text_of(&s);
	check_has(text, "# TYPE saker_alert_latency_seconds histogram\n"
			"saker_alert_latency_seconds_bucket{output=\"file\",le=\"0.0001\"} 1\n");
	check_has(text, "_bucket{output=\"file\",le=\"0.002\"} 2\n");
	check_has(text, "_bucket{output=\"file\",le=\"60\"} 2\n");
	check_has(text, "_bucket{output=\"file\",le=\"+Inf\"} 3\n");
	check_has(text, "_sum{output=\"file\"} 3600.001550000\n");
	check_has(text, "_count{output=\"file\"} 3\n");
	free(text);
}

static void sources_and_outputs_have_samples_of_their_own(void **state)
{
	struct config config = {0};
	struct metrics_snapshot s = snapshot_of(&config);
	char *text;

	(void)state;
	s.counts.source_count = 2;
	s.counts.sources[0] = (struct source_counts){.source = SOURCE_SYSCALL, .read = 5};
	s.counts.sources[1] = (struct source_counts){.source = SOURCE_K8S_AUDIT, .read = 6};
	s.counts.channel_count = 2;
	s.counts.channels[0] = (struct channel_counters){.name = "stdout", .dropped = 1};
	s.counts.channels[1] = (struct channel_counters){.name = "http",
							 .dropped = 2,
							 .queued = 9,
							 .drops = {[OUTPUT_DROP_BYTES] = 2},
							 .dropped_urgent = 1};
	text = text_of(&s);
	check_has(text, "saker_events_read_total{evt_source=\"syscall\"} 5\n"
			"saker_events_read_total{evt_source=\"k8s_audit\"} 6\n");
	check_has(text, "{engine_name=\"modern_bpf\",evt_source=\"syscall\"} 1\n"
			"falcosecurity_scap_engine_name_info{engine_name=\"source_plugin\","
			"evt_source=\"k8s_audit\"} 1\n");
	check_has(text, "falcosecurity_falco_outputs_queue_num_drops_total 3\n");
	check_has(text, "saker_output_queue_length{output=\"http\"} 9\n");
	check_has(
	    text,
	    "saker_output_dropped_by_cause_total{cause=\"queue_too_large\",output=\"http\"} 2\n");
	check_has(text, "saker_output_dropped_urgent_total{output=\"http\"} 1\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_whole_and_unlike),
	    cmocka_unit_test(units_are_falcos),
	    cmocka_unit_test(rates_are_between_two_snapshots),
	    cmocka_unit_test(rules_are_labels_whatever_they_are_called),
	    cmocka_unit_test(groups_are_switched_off),
	    cmocka_unit_test(histograms_add_up),
	    cmocka_unit_test(sources_and_outputs_have_samples_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: one table (metrics_table.c) says which there are. It drives the text that Prometheus
 * reads, the fields of the alert "Falco internal: metrics snapshot" and the page of documentation.
 * To add one is to add a row, and a member of the snapshot where its value is a new one.
 *
 * Names, labels and units are Falco's where the meaning is the same; those that begin with saker_
 * (as fields: saker.) are ours.
 */
#ifndef SAKER_APP_METRICS_H
#define SAKER_APP_METRICS_H

#include "app/counts.h"
#include "app/metrics_host.h"
#include "app/web.h"
#include "output/latency.h"

#include <stdio.h>

/* Which key of `metrics` a metric goes by. */
enum metric_group {
	METRICS_ALWAYS,
	METRICS_RULES,          /* rules_counters_enabled */
	METRICS_RESOURCES,      /* resource_utilization_enabled */
	METRICS_STATE,          /* state_counters_enabled */
	METRICS_KERNEL,         /* kernel_event_counters_enabled */
	METRICS_KERNEL_PER_CPU, /* kernel_event_counters_per_cpu_enabled, too */
	METRICS_LIBBPF,         /* libbpf_stats_enabled */
	METRICS_ITERATORS,      /* kernel_iter_event_counters_enabled */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_INFO, METRIC_HISTOGRAM };

/* What a value counts, and so how it is told. */
enum metric_unit {
	UNIT_NUMBER,
	UNIT_TEXT,    /* fields alone */
	UNIT_REAL,    /* likewise */
	UNIT_PERCENT, /* for Prometheus a ratio */
	UNIT_BYTES,   /* fields: name_bytes, or name_mb */
	UNIT_KIB,     /* the same: name_kb, or name_mb; Prometheus has bytes */
	UNIT_SECONDS, /* a real number, or a histogram */
};

struct metric_value {
	union {
		uint64_t number;
		double real;
		struct str text;
		const struct latency *latency;
	};
};

/* What is told at once. */
struct metrics_snapshot {
	const struct config *config;
	const struct probe *probe; /* NULL: there is none */
	struct counts counts;
	struct metrics_host host;
	struct web_counters web; /* zeros where nothing is served */
	/* Of the rules in use. */
	const struct metrics_rule {
		struct str name;
		enum severity priority;
		const char *source;
		const struct str *tags;
		size_t tag_count;
		uint64_t matches, ns;
	} * rules;
	size_t rule_count;
	uint64_t matches; /* of all rules */
	const struct metrics_file {
		bool is_rules;    /* a rules file; else one of the configuration */
		const char *name; /* without its folder */
		char sha256[65];
	} * files;
	size_t file_count;
	const char *hostname, *kernel_release, *source, *engine;
	uint64_t time, start_time, reload_time, boot_time; /* ns since the epoch */
	uint64_t cpus;
	uint64_t duration; /* since the start, s */

	/* Where there was a snapshot before this one; else zeros. */
	double seconds_between;
	uint64_t events_before, kernel_events_before, drops_before;
};

struct metrics_sink;

struct metric {
	/* For Prometheus; NULL: a field alone. Of the alert; NULL: for Prometheus alone. In both *
	 * stands for the value of the first label that a sample has. */
	const char *name, *field;
	enum metric_type type;
	enum metric_unit unit;
	enum metric_group group;
	const char *labels; /* keys, with commas between them */
	bool is_kept;       /* as a field even if it is 0 */
	bool has_no_zeros;  /* for Prometheus: samples of 0 are left out */
	bool is_star_verbatim;
	const char *help;
	/* Gives its samples to metrics_put. NULL: the number at the offset in the snapshot. */
	void (*get)(const struct metric *m, struct metrics_sink *s);
	size_t offset;
};

extern const struct metric metrics_table[];
extern const size_t metrics_count;

struct metric_label {
	const char *key;
	struct str value;
};

/* Of all CPUs: what the probe had to tell, lost ones among it; and what was lost. */
uint64_t metrics_kernel_events(const struct counts *c);
uint64_t metrics_kernel_drops(const struct counts *c);

/* For the table's getters. */
const struct metrics_snapshot *metrics_of(const struct metrics_sink *s);
void metrics_put(struct metrics_sink *s, const struct metric *m, const struct metric_label *labels,
		 size_t label_count, struct metric_value value);

/* In Prometheus' text format, version 0.0.4. malloc()ed; NULL without memory. */
#define METRICS_TEXT_TYPE "text/plain; version=0.0.4"
char *metrics_text(const struct metrics_snapshot *snapshot, size_t *size);

/* As fields: a name, and a value as JSON has it. All of them are freed at once. */
struct metrics_fields {
	struct arena *arena;
	struct alert_fact *facts;
	size_t count;
};
struct metrics_fields metrics_fields(const struct metrics_snapshot *snapshot);
/* As a JSON object. */
void metrics_fields_print(const struct metrics_fields *fields, FILE *out);
void metrics_fields_free(struct metrics_fields *fields);

/* The table: names and what they mean; and as a page of documentation. */
void metrics_print(FILE *out);
void metrics_print_markdown(FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metrics.h"

#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "output/json.h"

#include <math.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 256, LABELS_MAX = 80 };

struct metrics_sink {
	const struct metrics_snapshot *in;
	/* For Prometheus. */
	FILE *out;
	const struct metric *begun; /* whose head stands there */
	/* For fields. */
	struct arena *arena;
	VEC(struct alert_fact) facts;
};

const struct metrics_snapshot *metrics_of(const struct metrics_sink *s)
{
	return s->in;
}

static bool is_wanted(const struct config_metrics *c, enum metric_group group)
{
	switch (group) {
	case METRICS_ALWAYS:
		return true;
	case METRICS_RULES:
		return c->rules_counters;
	case METRICS_RESOURCES:
		return c->resource_utilization;
	case METRICS_STATE:
		return c->state_counters;
	case METRICS_KERNEL:
		return c->kernel_event_counters;
	case METRICS_KERNEL_PER_CPU:
		return c->kernel_event_counters && c->kernel_event_counters_per_cpu;
	case METRICS_LIBBPF:
		return c->libbpf_stats;
	case METRICS_ITERATORS:
		return c->kernel_iter_event_counters;
	}
	return false;
}

static void walk_table(struct metrics_sink *s)
{
	for (size_t i = 0; i < metrics_count; i++) {
		const struct metric *m = &metrics_table[i];
		struct metric_value value;

		if (!is_wanted(&s->in->config->metrics, m->group) || (s->out && !m->name) ||
		    (!s->out && !m->field))
			continue;
		if (m->get) {
			m->get(m, s);
			continue;
		}
		memcpy(&value.number, (const char *)s->in + m->offset, sizeof(value.number));
		metrics_put(s, m, NULL, 0, value);
	}
}

/* A name of letters, digits and underscores (no two of them in a row) like that text. */
static size_t put_name(char *to, size_t room, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n + 1 < room; i++) {
		char c = name.p[i];
		bool is_fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			      (c >= '0' && c <= '9') || c == ':';

		if (is_fit || n == 0 || to[n - 1] != '_')
			to[n++] = is_fit ? c : '_';
	}
	to[n] = '\0';
	return n;
}

static void put_label_value(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = utf8_character(str_slice(s, i, s.n));

		if (n == 0)
			fputs("\xef\xbf\xbd", out);
		else if (s.p[i] == '\n')
			fputs("\\n", out);
		else if (s.p[i] == '"' || s.p[i] == '\\')
			fprintf(out, "\\%c", s.p[i]);
		else
			fwrite(s.p + i, 1, n, out);
		i += n ? n : 1;
	}
}

struct printed_label {
	char key[NAME_MAX_BYTES];
	struct str value;
};

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct printed_label *)a)->key,
		      ((const struct printed_label *)b)->key);
}

/* In the order of their keys, each once; more is a text to stand behind them. */
static void put_labels(FILE *out, const struct metric_label *labels, size_t count, const char *more)
{
	struct printed_label sorted[LABELS_MAX];
	bool is_first = true;

	if (count > LABELS_MAX)
		count = LABELS_MAX;
	for (size_t i = 0; i < count; i++) {
		put_name(sorted[i].key, sizeof(sorted[i].key), str_from(labels[i].key));
		for (char *c = sorted[i].key; (c = strchr(c, ':'));)
			*c = '_';
		sorted[i].value = labels[i].value;
	}
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && strcmp(sorted[i].key, sorted[i - 1].key) == 0)
			continue;
		fprintf(out, "%c%s=\"", is_first ? '{' : ',', sorted[i].key);
		put_label_value(out, sorted[i].value);
		fputc('"', out);
		is_first = false;
	}
	if (more)
		fprintf(out, "%c%s", is_first ? '{' : ',', more);
	if (!is_first || more)
		fputc('}', out);
	fputc(' ', out);
}

static const char *type_name(enum metric_type type)
{
	static const char *const names[] = {
	    [METRIC_COUNTER] = "counter",
	    [METRIC_GAUGE] = "gauge",
	    [METRIC_INFO] = "gauge",
	    [METRIC_HISTOGRAM] = "histogram",
	};

	return names[type];
}

static void put_head(FILE *out, const char *name, const struct metric *m)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, m->help, name, type_name(m->type));
}

static void put_histogram(FILE *out, const struct metric *m, const struct metric_label *labels,
			  size_t count, const struct latency *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i <= LATENCY_BUCKETS; i++) {
		char bound[48] = "le=\"+Inf\"";

		sum += l->counts[i];
		if (i < LATENCY_BUCKETS)
			snprintf(bound, sizeof(bound), "le=\"%g\"", (double)latency_bound(i) / 1e9);
		fprintf(out, "%s_bucket", m->name);
		put_labels(out, labels, count, bound);
		fprintf(out, "%llu\n", (unsigned long long)sum);
	}
	fprintf(out, "%s_sum", m->name);
	put_labels(out, labels, count, NULL);
	fprintf(out, "%.9f\n%s_count", (double)l->sum / 1e9, m->name);
	put_labels(out, labels, count, NULL);
	fprintf(out, "%llu\n", (unsigned long long)sum);
}

static void put_sample(struct metrics_sink *s, const struct metric *m,
		       const struct metric_label *labels, size_t count, struct metric_value value)
{
	const char *star = strchr(m->name, '*');
	char name[NAME_MAX_BYTES * 2], part[NAME_MAX_BYTES];

	if (star) {
		/* The label is part of the name, which makes it a metric of its own. */
		put_name(part, sizeof(part), labels[0].value);
		snprintf(name, sizeof(name), "%.*s%s%s", (int)(star - m->name), m->name, part,
			 star + 1);
		put_head(s->out, name, m);
		fprintf(s->out, "%s %llu\n", name, (unsigned long long)value.number);
		return;
	}
	if (s->begun != m)
		put_head(s->out, m->name, m);
	s->begun = m;
	if (m->type == METRIC_HISTOGRAM) {
		put_histogram(s->out, m, labels, count, value.latency);
		return;
	}
	fputs(m->name, s->out);
	put_labels(s->out, labels, count, NULL);
	if (m->type == METRIC_INFO)
		fputs("1\n", s->out);
	else if (m->unit == UNIT_PERCENT)
		fprintf(s->out, "%f\n", value.real / 100);
	else if (m->unit == UNIT_SECONDS)
		fprintf(s->out, "%.9f\n", value.real);
	else
		fprintf(
		    s->out, "%llu\n",
		    (unsigned long long)(m->unit == UNIT_KIB ? value.number * 1024 : value.number));
}

/* The field's name, with what a label says in place of the star. */
static struct str field_name(struct metrics_sink *s, const struct metric *m,
			     const struct metric_label *labels, const char *suffix)
{
	const char *star = strchr(m->field, '*');
	char part[NAME_MAX_BYTES];
	size_t n;

	if (!star)
		return arena_printf(s->arena, "%s%s", m->field, suffix);
	if (m->is_star_verbatim)
		return arena_printf(s->arena, "%.*s%.*s%s", (int)(star - m->field), m->field,
				    STR_ARG(labels[0].value), star + 1);
	n = put_name(part, sizeof(part), labels[0].value);
	if (n > 0 && part[n - 1] == '_')
		part[n - 1] = '\0';
	return arena_printf(s->arena, "%.*s%s%s%s", (int)(star - m->field), m->field, part,
			    star + 1, suffix);
}

static struct str json_of_real(struct metrics_sink *s, double value)
{
	char text[64];
	struct buffer out = BUFFER(text);

	json_put_double(&out, round(value * 10) / 10);
	return arena_str(s->arena, buffer_str(&out));
}

static struct str json_of_text(struct metrics_sink *s, struct str value)
{
	size_t room = value.n * 6 + 3;
	struct buffer out = {.p = arena_bytes(s->arena, room), .room = room};

	json_put_string(&out, value, SIZE_MAX);
	return buffer_str(&out);
}

static bool is_empty(const struct metric *m, struct metric_value value)
{
	return m->unit == UNIT_TEXT ? value.text.n == 0
	       : m->unit == UNIT_REAL || m->unit == UNIT_PERCENT || m->unit == UNIT_SECONDS
		   ? value.real == 0
		   : value.number == 0;
}

static void put_field(struct metrics_sink *s, const struct metric *m,
		      const struct metric_label *labels, struct metric_value value)
{
	const struct config_metrics *c = &s->in->config->metrics;
	const char *suffix = "";
	struct alert_fact fact;

	if (!m->is_kept && !c->include_empty_values && is_empty(m, value))
		return;
	switch (m->unit) {
	case UNIT_TEXT:
		fact.json = json_of_text(s, value.text);
		break;
	case UNIT_REAL:
	case UNIT_PERCENT:
		fact.json = json_of_real(s, value.real);
		break;
	case UNIT_SECONDS:
		fact.json = arena_printf(s->arena, "%.9f", value.real);
		break;
	case UNIT_KIB:
	case UNIT_BYTES:
		if (c->convert_memory_to_mb) {
			double bytes = (double)value.number * (m->unit == UNIT_KIB ? 1024 : 1);

			suffix = "_mb";
			fact.json = json_of_real(s, bytes / 1024 / 1024);
			break;
		}
		suffix = m->unit == UNIT_KIB ? "_kb" : "_bytes";
		/* fall through */
	default:
		fact.json = arena_printf(s->arena, "%llu", (unsigned long long)value.number);
	}
	fact.name = field_name(s, m, labels, suffix);
	VEC_PUSH(&s->facts, fact);
}

void metrics_put(struct metrics_sink *s, const struct metric *m, const struct metric_label *labels,
		 size_t label_count, struct metric_value value)
{
	if (!s->out)
		put_field(s, m, labels, value);
	else if (!m->has_no_zeros || value.number != 0)
		put_sample(s, m, labels, label_count, value);
}

char *metrics_text(const struct metrics_snapshot *snapshot, size_t *size)
{
	struct metrics_sink s = {.in = snapshot};
	char *text = NULL;

	s.out = open_memstream(&text, size);
	if (!s.out)
		return NULL;
	walk_table(&s);
	if (fclose(s.out) == 0)
		return text;
	free(text);
	return NULL;
}

static int compare_facts(const void *a, const void *b)
{
	return str_compare(((const struct alert_fact *)a)->name,
			   ((const struct alert_fact *)b)->name);
}

struct metrics_fields metrics_fields(const struct metrics_snapshot *snapshot)
{
	struct metrics_sink s = {.in = snapshot, .arena = arena_new()};
	struct metrics_fields fields = {.arena = s.arena};

	walk_table(&s);
	fields.facts = ARENA_ARRAY(s.arena, struct alert_fact, s.facts.count);
	if (s.facts.count)
		qsort(s.facts.items, s.facts.count, sizeof(*s.facts.items), compare_facts);
	/* Names of rules may differ in what a field's name cannot have. */
	VEC_FOREACH (fact, &s.facts)
		if (fields.count == 0 ||
		    !str_equal(fields.facts[fields.count - 1].name, fact->name))
			fields.facts[fields.count++] = *fact;
	VEC_FREE(&s.facts);
	return fields;
}

void metrics_fields_print(const struct metrics_fields *fields, FILE *out)
{
	fputc('{', out);
	for (size_t i = 0; i < fields->count; i++)
		fprintf(out, "%s\"%.*s\":%.*s", i ? "," : "", STR_ARG(fields->facts[i].name),
			STR_ARG(fields->facts[i].json));
	fputc('}', out);
}

void metrics_fields_free(struct metrics_fields *fields)
{
	arena_free(fields->arena);
	*fields = (struct metrics_fields){0};
}

/* What decides whether it is told. */
static const char *group_key(enum metric_group group)
{
	static const char *const keys[] = {
	    [METRICS_ALWAYS] = "",
	    [METRICS_RULES] = "rules_counters_enabled",
	    [METRICS_RESOURCES] = "resource_utilization_enabled",
	    [METRICS_STATE] = "state_counters_enabled",
	    [METRICS_KERNEL] = "kernel_event_counters_enabled",
	    [METRICS_KERNEL_PER_CPU] = "kernel_event_counters_per_cpu_enabled",
	    [METRICS_LIBBPF] = "libbpf_stats_enabled",
	    [METRICS_ITERATORS] = "kernel_iter_event_counters_enabled",
	};

	return keys[group];
}

/* Falco's own where it is one. */
static bool is_ours(const struct metric *m)
{
	return strncmp(m->name ? m->name : m->field, "saker", 5) == 0;
}

static void put_field_name(FILE *out, const struct metric *m)
{
	if (m->field)
		fprintf(out, "`%s%s`", m->field,
			m->unit == UNIT_KIB || m->unit == UNIT_BYTES ? "_mb" : "");
}

static void print_part(FILE *out, bool ours)
{
	fputs("| metric | type | labels | field of the alert | key | meaning |\n"
	      "|---|---|---|---|---|---|\n",
	      out);
	for (size_t i = 0; i < metrics_count; i++) {
		const struct metric *m = &metrics_table[i];

		if (is_ours(m) != ours)
			continue;
		fputs("| ", out);
		if (m->name)
			fprintf(out, "`%s` | %s", m->name, type_name(m->type));
		else
			fputs("| ", out);
		fprintf(out, " | %s | ", m->labels && m->name ? m->labels : "");
		put_field_name(out, m);
		fprintf(out, " | %s | %s |\n", group_key(m->group), m->help);
	}
}

void metrics_print_markdown(FILE *out)
{
	fputs("# Metrics\n\nMade by `make docs` from the program's own table; "
	      "[how they are told](../metrics.md). A `*` stands for a name; rows without a metric "
	      "are fields of the alert alone. `key` is the key of `metrics` that switches them "
	      "off.\n\n## Falco's\n\n",
	      out);
	print_part(out, false);
	fputs("\n## Our own\n\n", out);
	print_part(out, true);
}

void metrics_print(FILE *out)
{
	for (size_t i = 0; i < metrics_count; i++) {
		const struct metric *m = &metrics_table[i];

		fprintf(out, "%s%s%s%s\n    %s\n", m->name ? m->name : m->field,
			m->name && m->labels ? " {" : "", m->name && m->labels ? m->labels : "",
			m->name && m->labels ? "}" : "", m->help);
	}
}

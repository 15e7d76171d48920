/* SPDX-License-Identifier: Apache-2.0 */
#include "output/alert.h"

#include "output/json.h"

#include <stdlib.h>
#include <time.h>

enum { NS = 1000000000 };

/* Limits of one string in JSON, tried until the line fits. */
static const size_t string_limits[] = {SIZE_MAX, 8192, 1024, 128, 16};

/*
 * Fields that print as a time of day are numbers in JSON: the event's time in nanoseconds, whatever
 * part of it they show.
 */
static const char *const time_fields[] = {
    "evt.time",     "evt.time.s",     "evt.time.iso8601",
    "evt.datetime", "evt.datetime.s", "evt.outputtime",
};

static void put_digits(struct buffer *out, uint64_t v, unsigned digits)
{
	char text[9];

	for (unsigned i = digits; i-- > 0; v /= 10)
		text[i] = (char)('0' + v % 10);
	buffer_put(out, (struct str){text, digits});
}

static void put_day(struct buffer *out, const struct tm *tm)
{
	put_digits(out, (uint64_t)tm->tm_year + 1900, 4);
	buffer_putc(out, '-');
	put_digits(out, (uint64_t)tm->tm_mon + 1, 2);
	buffer_putc(out, '-');
	put_digits(out, (uint64_t)tm->tm_mday, 2);
	buffer_putc(out, 'T');
}

static void put_time(struct buffer *out, const struct tm *tm, uint64_t ns)
{
	put_digits(out, (uint64_t)tm->tm_hour, 2);
	buffer_putc(out, ':');
	put_digits(out, (uint64_t)tm->tm_min, 2);
	buffer_putc(out, ':');
	put_digits(out, (uint64_t)tm->tm_sec, 2);
	buffer_putc(out, '.');
	put_digits(out, ns, 9);
}

/* "20:27:24.956449687", or with the day and the offset from UTC. */
static void put_local_time(struct buffer *out, uint64_t time, bool iso_8601)
{
	time_t seconds = (time_t)(time / NS);
	struct tm tm;

	localtime_r(&seconds, &tm);
	if (iso_8601)
		put_day(out, &tm);
	put_time(out, &tm, time % NS);
	if (iso_8601) {
		long minutes = labs(tm.tm_gmtoff) / 60;

		buffer_putc(out, tm.tm_gmtoff < 0 ? '-' : '+');
		put_digits(out, (uint64_t)(minutes / 60), 2);
		put_digits(out, (uint64_t)(minutes % 60), 2);
	}
}

static void put_utc_time(struct buffer *out, uint64_t time)
{
	time_t seconds = (time_t)(time / NS);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	put_day(out, &tm);
	put_time(out, &tm, time % NS);
	buffer_putc(out, 'Z');
}

void alert_put_visible(struct buffer *out, struct str s)
{
	size_t plain = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		buffer_put(out, str_slice(s, plain, i));
		if (c == '\n')
			buffer_put(out, STR("\\n"));
		else if (c == '\r')
			buffer_put(out, STR("\\r"));
		else
			buffer_printf(out, "\\x%02x", c);
		plain = i + 1;
	}
	buffer_put(out, str_slice(s, plain, s.n));
}

bool alert_is_time_field(struct str name)
{
	for (size_t i = 0; i < sizeof(time_fields) / sizeof(*time_fields); i++)
		if (str_equal_c(name, time_fields[i]))
			return true;
	return false;
}

/* One value; prints by the field's own form what has no JSON form of its own. */
void alert_put_json_value(struct buffer *out, const struct expression *x, const struct value *v,
			  const struct buffer *scratch, size_t most)
{
	const struct field *field = x->transformer == TRANSFORM_NONE ? x->use.field : NULL;
	struct buffer text = *scratch;
	struct value single = *v;

	if (value_is_joined(v, field)) {
		expression_print_value(x, v, &text);
		json_put_string(out, buffer_str(&text), most);
		return;
	}
	/* As upstream: a list without items is there for conditions, but nothing to show. */
	if (v->is_list && v->count == 0) {
		buffer_put(out, STR("null"));
		return;
	}
	if (v->is_list) {
		buffer_putc(out, '[');
		for (uint32_t i = 0; i < v->count; i++) {
			if (i > 0)
				buffer_putc(out, ',');
			alert_put_json_value(out, x, &v->list[i], scratch, most);
		}
		buffer_putc(out, ']');
		return;
	}
	switch (v->type) {
	case VALUE_STRING:
		json_put_string(out, v->str, most);
		return;
	case VALUE_BOOL:
		buffer_put(out, v->u64 ? STR("true") : STR("false"));
		return;
	case VALUE_DOUBLE:
		json_put_double(out, v->real);
		return;
	case VALUE_I64:
		if (field && field->flags & (FIELD_HEX | FIELD_OCT))
			break;
		buffer_put_i64(out, v->i64);
		return;
	case VALUE_U64:
	case VALUE_RELTIME:
	case VALUE_ABSTIME:
		if (field && field->flags & (FIELD_HEX | FIELD_OCT))
			break;
		buffer_put_u64(out, v->u64);
		return;
	default:
		break;
	}
	expression_print_value(x, &single, &text);
	json_put_string(out, buffer_str(&text), most);
}

static void put_text(struct buffer *out, const struct template *t, struct field_context *ctx,
		     const struct buffer *scratch, size_t most)
{
	struct buffer text = *scratch;

	template_render(t, ctx, &text);
	json_put_string(out, buffer_str(&text), most);
}

struct field_entry {
	struct str name;
	const struct template_field *field; /* NULL: the event's time */
};

static int compare_entries(const void *a, const void *b)
{
	return str_compare(((const struct field_entry *)a)->name,
			   ((const struct field_entry *)b)->name);
}

enum { FIELDS_MAX = 256 }; /* of one output; more are left out */

static void put_output_fields(struct buffer *out, const struct rule *rule,
			      struct field_context *ctx, bool iso_8601,
			      const struct buffer *scratch, size_t most)
{
	struct str time_name = iso_8601 ? STR("evt.time.iso8601") : STR("evt.time");
	struct field_entry entries[FIELDS_MAX + 1] = {{.name = time_name}};
	size_t count = 1;

	for (size_t i = 0; i < rule->output.field_count && count <= FIELDS_MAX; i++)
		if (!str_equal(rule->output.fields[i].name, time_name))
			entries[count++] = (struct field_entry){rule->output.fields[i].name,
								&rule->output.fields[i]};
	qsort(entries, count, sizeof(*entries), compare_entries);

	buffer_putc(out, '{');
	for (size_t i = 0; i < count; i++) {
		struct value v;

		if (i > 0)
			buffer_putc(out, ',');
		json_put_string(out, entries[i].name, SIZE_MAX);
		buffer_putc(out, ':');
		if (!entries[i].field || alert_is_time_field(entries[i].name))
			buffer_put_u64(out, ctx->event->time);
		else if (entries[i].field->text)
			put_text(out, entries[i].field->text, ctx, scratch, most);
		else if (expression_evaluate_printed(ctx, entries[i].field->expression, &v))
			alert_put_json_value(out, entries[i].field->expression, &v, scratch, most);
		else
			buffer_put(out, STR("null"));
	}
	buffer_putc(out, '}');
}

static int compare_tags(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

enum { TAGS_MAX = 128 };

static void put_tags(struct buffer *out, const struct rule *rule)
{
	struct str tags[TAGS_MAX];
	size_t count = rule->tag_count < TAGS_MAX ? rule->tag_count : TAGS_MAX;

	for (size_t i = 0; i < count; i++)
		tags[i] = rule->tags[i];
	qsort(tags, count, sizeof(*tags), compare_tags);
	buffer_putc(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && str_equal(tags[i], tags[i - 1]))
			continue;
		if (i > 0)
			buffer_putc(out, ',');
		json_put_string(out, tags[i], SIZE_MAX);
	}
	buffer_putc(out, ']');
}

const char *alert_source_name(enum event_source source)
{
	static const char *const names[SOURCE_COUNT] = {"syscall", "k8s_audit"};

	return names[source];
}

/* text: the output; its message starts at message_start. */
static void put_json(struct buffer *out, const struct alert_options *options,
		     const struct rule *rule, struct field_context *ctx, struct str text,
		     size_t message_start, const struct buffer *scratch, size_t most)
{
	buffer_put(out, STR("{\"hostname\":"));
	json_put_string(out, str_from(options->hostname), SIZE_MAX);
	if (options->include_message) {
		buffer_put(out, STR(",\"message\":"));
		json_put_string(out, str_slice(text, message_start, text.n), most);
	}
	if (options->include_output) {
		buffer_put(out, STR(",\"output\":"));
		json_put_string(out, text, most);
	}
	if (options->include_output_fields) {
		buffer_put(out, STR(",\"output_fields\":"));
		put_output_fields(out, rule, ctx, options->iso_8601, scratch, most);
	}
	buffer_put(out, STR(",\"priority\":"));
	json_put_string(out, str_from(severity_name(rule->priority)), SIZE_MAX);
	buffer_put(out, STR(",\"rule\":"));
	json_put_string(out, rule->name, SIZE_MAX);
	buffer_put(out, STR(",\"source\":"));
	json_put_string(out, str_from(alert_source_name(rule->source)), SIZE_MAX);
	if (options->include_tags) {
		buffer_put(out, STR(",\"tags\":"));
		put_tags(out, rule);
	}
	buffer_put(out, STR(",\"time\":\""));
	put_utc_time(out, ctx->event->time);
	buffer_put(out, STR("\"}"));
}

/* What was asked for, of a runtime or of Kubernetes, and was not told in time. */
static void put_incomplete(const struct field_context *ctx, struct buffer *text)
{
	const struct process *p = ctx->event->process;

	if (!p || !p->container)
		return;
	if (container_is_late(p->container))
		buffer_put(text, STR(" container_metadata=incomplete"));
	if (container_pod_is_late(p->container))
		buffer_put(text, STR(" pod_metadata=incomplete"));
}

void alert_format(const struct alert_options *options, const struct rule *rule,
		  struct field_context *ctx, struct buffer *out)
{
	size_t free_room = out->room - out->n, start = out->n;
	/* The text is made in the third quarter; values that need printing use the fourth. */
	struct buffer text = {.p = out->p + out->n + free_room / 2, .room = free_room / 4};
	struct buffer scratch = {.p = text.p + text.room, .room = free_room / 4};
	struct buffer line = {.p = out->p, .n = out->n, .room = out->n + free_room / 2};
	size_t message_start;

	ctx->buffers_base64 = options->buffers_base64;
	put_local_time(&text, ctx->event->time, options->iso_8601);
	buffer_put(&text, STR(": "));
	buffer_put(&text, str_from(severity_name(rule->priority)));
	buffer_putc(&text, ' ');
	message_start = text.n;
	template_render(&rule->output, ctx, &text);
	put_incomplete(ctx, &text);

	if (options->is_json) {
		for (size_t i = 0; i < sizeof(string_limits) / sizeof(*string_limits); i++) {
			line.n = start;
			line.is_truncated = false;
			put_json(&line, options, rule, ctx, buffer_str(&text), message_start,
				 &scratch, string_limits[i]);
			if (!line.is_truncated)
				break;
		}
		/* Half a JSON object is worse than none. */
		if (line.is_truncated)
			line.n = start;
	} else {
		alert_put_visible(&line, buffer_str(&text));
	}
	ctx->buffers_base64 = false;
	out->n = line.n;
	out->is_truncated |= line.is_truncated || text.is_truncated;
}

static int compare_facts(const void *a, const void *b)
{
	return str_compare(((const struct alert_fact *)a)->name,
			   ((const struct alert_fact *)b)->name);
}

static void put_internal_json(struct buffer *out, const struct alert_options *options,
			      uint64_t time, enum severity priority, struct str rule,
			      struct str message, const struct alert_fact *facts, size_t count)
{
	buffer_put(out, STR("{\"hostname\":"));
	json_put_string(out, str_from(options->hostname), SIZE_MAX);
	buffer_put(out, STR(",\"output\":"));
	json_put_string(out, message, SIZE_MAX);
	buffer_put(out, STR(",\"output_fields\":{"));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buffer_putc(out, ',');
		json_put_string(out, facts[i].name, SIZE_MAX);
		buffer_putc(out, ':');
		buffer_put(out, facts[i].json);
	}
	buffer_put(out, STR("},\"priority\":"));
	json_put_string(out, str_from(severity_name(priority)), SIZE_MAX);
	buffer_put(out, STR(",\"rule\":"));
	json_put_string(out, rule, SIZE_MAX);
	buffer_put(out, STR(",\"source\":\"internal\",\"time\":\""));
	put_utc_time(out, time);
	buffer_put(out, STR("\"}"));
}

void alert_format_internal(const struct alert_options *options, uint64_t time,
			   enum severity priority, struct str rule, struct str message,
			   struct alert_fact *facts, size_t count, struct buffer *out)
{
	size_t start = out->n;

	if (count > 0)
		qsort(facts, count, sizeof(*facts), compare_facts);
	if (options->is_json) {
		struct buffer line = *out;

		line.is_truncated = false;
		put_internal_json(&line, options, time, priority, rule, message, facts, count);
		out->is_truncated |= line.is_truncated;
		/* Half a JSON object is worse than none. */
		out->n = line.is_truncated ? start : line.n;
		return;
	}
	put_local_time(out, time, options->iso_8601);
	buffer_put(out, STR(": "));
	buffer_put(out, str_from(severity_name(priority)));
	buffer_putc(out, ' ');
	alert_put_visible(out, message);
	buffer_put(out, STR(" ("));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buffer_putc(out, ' ');
		buffer_put(out, facts[i].name);
		buffer_putc(out, '=');
		alert_put_visible(out, facts[i].json);
	}
	buffer_putc(out, ')');
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "output/view.h"

#include "output/alert.h"
#include "output/json.h"

enum { NS = 1000000000 };

/* Colours by the beginning of a field's name; the first that fits. */
static const struct {
	const char *prefix, *start;
} colours[] = {
    {"evt.num", "\033[2m"},   {"evt.cpu", "\033[2m"},    {"evt.dir", "\033[2m"},
    {"evt.type", "\033[33m"}, {"syscall.", "\033[33m"},  {"evt.time", "\033[2m"},
    {"evt.out", "\033[2m"},   {"evt.date", "\033[2m"},   {"evt.raw", "\033[2m"},
    {"evt.rel", "\033[2m"},   {"thread.tid", "\033[2m"}, {"proc.", "\033[36m"},
    {"thread.", "\033[36m"},  {"fd.", "\033[32m"},       {"fs.", "\033[32m"},
    {"user.", "\033[35m"},    {"group.", "\033[35m"},    {"container.", "\033[34m"},
    {"k8s.", "\033[34m"},
};
static const char failed_start[] = "\033[1;31m", colour_end[] = "\033[0m";

int view_parse(struct view *v, struct str format, struct arena *arena, struct error *err)
{
	*v = (struct view){.keeps_absent = format.n && format.p[0] == '*'};
	return template_parse(format, SOURCE_BIT(SOURCE_SYSCALL), arena, &v->format, err);
}

bool view_time_by_letter(const char *letter, enum view_time *out)
{
	static const struct {
		const char *letter;
		enum view_time time;
	} rows[] = {
	    {"h", VIEW_TIME_OF_DAY}, {"a", VIEW_TIME_ABSOLUTE}, {"r", VIEW_TIME_RELATIVE},
	    {"d", VIEW_TIME_DELTA},  {"D", VIEW_TIME_DURATION},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].letter, letter) == 0) {
			*out = rows[i].time;
			return true;
		}
	}
	return false;
}

/* Failed calls stand out, wherever their name is shown. */
static const char *colour_of(const struct template_part *part, const struct event *e)
{
	int64_t result;

	if (str_starts_with(part->name, STR("evt.type")) && event_result(e, &result) && result < 0)
		return failed_start;
	for (size_t i = 0; i < sizeof(colours) / sizeof(*colours); i++)
		if (str_starts_with(part->name, str_from(colours[i].prefix)))
			return colours[i].start;
	return NULL;
}

static void put_seconds(struct buffer *out, uint64_t ns)
{
	buffer_printf(out, "%llu.%09llu", (unsigned long long)(ns / NS),
		      (unsigned long long)(ns % NS));
}

/* False: the form is the one that the field itself has. */
static bool put_time(const struct view *v, const struct field_context *ctx, uint64_t duration,
		     struct buffer *out)
{
	uint64_t now = ctx->event->time, since = 0;

	switch (v->time) {
	case VIEW_TIME_OF_DAY:
		return false;
	case VIEW_TIME_ABSOLUTE:
		break;
	case VIEW_TIME_RELATIVE:
		since = ctx->first_event_time;
		break;
	case VIEW_TIME_DELTA:
		since = v->previous_time ? v->previous_time : now;
		break;
	case VIEW_TIME_DURATION:
		now = duration;
		break;
	}
	put_seconds(out, now > since ? now - since : 0);
	return true;
}

/* A part's text as the format wants it; false: it has none. */
static bool put_part(const struct view *v, const struct template_part *part,
		     struct field_context *ctx, uint64_t duration, struct buffer *out)
{
	struct value value;

	if (!part->expression)
		buffer_put(out, part->literal);
	else if (str_equal(part->name, STR("evt.outputtime")) && put_time(v, ctx, duration, out))
		;
	else if (expression_evaluate(ctx, part->expression, &value))
		expression_print_value(part->expression, &value, out);
	else if (v->keeps_absent)
		buffer_put(out, STR("<NA>"));
	else
		return false;
	if (part->width && out->n > part->width)
		out->n = part->width;
	while (out->n < part->width && !out->is_truncated)
		buffer_putc(out, ' ');
	return true;
}

static bool put_text(const struct view *v, struct field_context *ctx, uint64_t duration,
		     const struct buffer *scratch, struct buffer *out)
{
	for (size_t i = 0; i < v->format.count; i++) {
		const struct template_part *part = &v->format.parts[i];
		const char *start =
		    v->is_coloured && part->expression ? colour_of(part, ctx->event) : NULL;
		struct buffer text = *scratch;

		if (!put_part(v, part, ctx, duration, &text))
			return false;
		buffer_put(out, str_from(start));
		alert_put_visible(out, buffer_str(&text));
		if (start)
			buffer_put(out, str_from(colour_end));
	}
	return true;
}

static bool put_json(const struct view *v, struct field_context *ctx, const struct buffer *scratch,
		     struct buffer *out)
{
	/* So long that no value is cut, but a line of many such ones is left whole. */
	size_t most = out->room / (2 * (v->format.field_count + 1));

	buffer_putc(out, '{');
	for (size_t i = 0; i < v->format.field_count; i++) {
		const struct template_field *f = &v->format.fields[i];
		struct value value;

		if (i)
			buffer_putc(out, ',');
		json_put_string(out, f->name, SIZE_MAX);
		buffer_putc(out, ':');
		if (alert_is_time_field(f->name))
			buffer_put_u64(out, ctx->event->time);
		else if (expression_evaluate(ctx, f->expression, &value))
			alert_put_json_value(out, f->expression, &value, scratch, most);
		else if (v->keeps_absent)
			buffer_put(out, STR("null"));
		else
			return false;
	}
	buffer_putc(out, '}');
	return true;
}

bool view_format(struct view *v, struct field_context *ctx, uint64_t duration, struct buffer *out)
{
	size_t free_room = out->room - out->n, start = out->n;
	struct buffer line = {.p = out->p, .n = out->n, .room = out->n + free_room / 2 - 1};
	struct buffer scratch = {.p = out->p + out->n + free_room / 2, .room = free_room / 2};
	bool is_shown = v->is_json ? put_json(v, ctx, &scratch, &line)
				   : put_text(v, ctx, duration, &scratch, &line);

	if (!is_shown || (v->is_json && line.is_truncated)) {
		out->n = start;
		return false;
	}
	out->n = line.n;
	buffer_putc(out, '\n');
	v->previous_time = ctx->event->time;
	return true;
}

bool view_key(const struct view *v, struct field_context *ctx, struct buffer *out)
{
	size_t start = out->n;

	for (size_t i = 0; i < v->format.count; i++) {
		const struct expression *x = v->format.parts[i].expression;
		struct value value;

		if (!x)
			continue;
		if (!expression_evaluate(ctx, x, &value))
			return false;
		if (out->n > start)
			buffer_put(out, STR(", "));
		expression_print_value(x, &value, out);
	}
	return true;
}

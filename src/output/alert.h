/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: a verdict made into text or JSON, and the way to the channels. An alert is copied out of
 * the event before it goes into a queue: one line, no pointers into the event.
 *
 * Formats, keys and time forms are Falco's. JSON keys stand in alphabetical order, tags too; fields
 * are numbers, booleans, strings, lists or null as they are there. Two things are added, because
 * whoever is watched chooses file names: bytes that are no UTF-8 become U+FFFD in JSON, and in text
 * control characters are escaped (\n, \x1b), so that one alert is one line and terminals are safe.
 */
#ifndef SAKER_OUTPUT_ALERT_H
#define SAKER_OUTPUT_ALERT_H

#include "base/buffer.h"
#include "base/log.h"
#include "engine/plan.h"

/* Room for a line; any alert fits into as much, values that are very long are cut. */
enum { ALERT_LINE_MAX = 256 * 1024 };

struct alert_options {
	bool is_json;
	bool include_output, include_message, include_output_fields,
	    include_tags; /* JSON properties */
	bool iso_8601;
	bool buffers_base64;
	const char *hostname;
};

/*
 * One line without its line end, appended to out. The event of ctx is the one that matched; times
 * are those of the local time zone (tzset() by the caller, once). JSON is always whole: where it
 * would not fit, long strings are cut. The upper half of out's free room is used as scratch.
 */
void alert_format(const struct alert_options *options, const struct rule *rule,
		  struct field_context *ctx, struct buffer *out);

/* What the program tells of itself in an alert: a name, and a value as JSON has it. */
struct alert_fact {
	struct str name, json;
};

/*
 * The same for what no event gave: lost events, metrics. Its source is "internal", and there are no
 * tags; in text the facts stand behind the message in brackets, as Falco prints them. time: ns of
 * CLOCK_REALTIME. Facts are sorted in place.
 */
void alert_format_internal(const struct alert_options *options, uint64_t time,
			   enum severity priority, struct str rule, struct str message,
			   struct alert_fact *facts, size_t count, struct buffer *out);

/* Its parts, for lines of other kinds. Text with its control characters made visible; tabs stay. */
void alert_put_visible(struct buffer *out, struct str s);
/* A value as JSON has it; scratch's free room is used, strings are cut to `most` bytes. */
void alert_put_json_value(struct buffer *out, const struct expression *x, const struct value *v,
			  const struct buffer *scratch, size_t most);
/* Fields that print as a time of day and are the event's time in ns in JSON. */
bool alert_is_time_field(struct str name);

const char *alert_source_name(enum event_source source);

#endif

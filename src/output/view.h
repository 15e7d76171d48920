/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as lines for people: a template's text with colours by what its fields are about, or its
 * fields as a JSON object. Control characters are escaped as in alerts, so that one event is one
 * line and no name can trick a terminal.
 */
#ifndef SAKER_OUTPUT_VIEW_H
#define SAKER_OUTPUT_VIEW_H

#include "base/buffer.h"
#include "fields/template.h"

/* What evt.outputtime shows. */
enum view_time {
	VIEW_TIME_OF_DAY,
	VIEW_TIME_ABSOLUTE, /* seconds since the epoch, as all below with nanoseconds */
	VIEW_TIME_RELATIVE, /* since the first event */
	VIEW_TIME_DELTA,    /* since the event that was shown before */
	VIEW_TIME_DURATION, /* of the call */
};

/* The line of an event where nobody said what it is to be. */
#define VIEW_USUAL_FORMAT                                                                          \
	"*%evt.num %evt.outputtime %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info"

struct view {
	struct template format;
	bool keeps_absent; /* a field without a value is <NA>, else such events have no line */
	bool is_json;
	bool is_coloured;
	enum view_time time;
	uint64_t previous_time; /* of the event shown last */
};

/*
 * Parses a format, whose leading asterisk means keeps_absent. What is not said otherwise is zero.
 * Errors carry the offset in the text, which must stay.
 */
int view_parse(struct view *v, struct str format, struct arena *arena, struct error *err);

/* "h", "a", "r", "d", "D" of a command line; false: none of them. */
bool view_time_by_letter(const char *letter, enum view_time *out);

/*
 * Appends the line with its end. duration: of the call in ns, 0: not known. False: the event has no
 * line. The upper half of out's free room is used as scratch.
 */
bool view_format(struct view *v, struct field_context *ctx, uint64_t duration, struct buffer *out);

/* The values of the format's fields alone, with commas between them: a key to count by. False: one
 * is absent. */
bool view_key(const struct view *v, struct field_context *ctx, struct buffer *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of old captures → events as they are today.
 *
 * Once a system call was two events, one at its enter with the arguments and one at its exit with
 * the results; today it is one, at the exit, with both. Parameters were added to events over time,
 * and some events were replaced by others of the same name. A converter remembers each thread's
 * enter event and gives the exit event what it lacks: parameters are matched by their names, first
 * in the old exit event, then in the enter event.
 */
#ifndef SAKER_SOURCE_CONVERT_H
#define SAKER_SOURCE_CONVERT_H

#include "base/error.h"
#include "source/capture.h"

struct converter;
struct event_enter;

enum convert_result {
	CONVERT_EVENT,      /* out holds today's event */
	CONVERT_REMEMBERED, /* an enter event, or one of no use: nothing to hand out */
	CONVERT_NUMBERED,   /* likewise, but it has a number of its own in evt.num */
};

struct converter *converter_new(void);
void converter_free(struct converter *c);

/* A larger event is refused. */
enum { CONVERTED_SIZE_MAX = 2 * 64 * 1024 };

/*
 * Gives *out the event in today's form (header with nparams, lengths, data); it lives until the
 * next call, and as long as what came in, for that is where an event stands that needed nothing:
 * its parameters are then unchecked, and it may be unaligned, which is what event_decode_apart is
 * for. Negative errno: the event is damaged or of an unknown type.
 */
int converter_event(struct converter *c, const struct capture_event *in, struct str *out,
		    struct error *err);

/* Of the last event handed out: ns from its enter event to it, 0 where there was none. */
uint64_t converter_duration(const struct converter *c);
/*
 * The enter event of the call whose event was handed out last, where it is one that is worth
 * keeping (CONVERT_NUMBERED); NULL: there was none. Lives until the next call.
 */
const struct event_enter *converter_enter(const struct converter *c);

#endif

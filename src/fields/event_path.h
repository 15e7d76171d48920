/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that are parameters of events, made absolute. */
#ifndef SAKER_FIELDS_EVENT_PATH_H
#define SAKER_FIELDS_EVENT_PATH_H

#include "fields/field.h"

enum { SCAP_AT_FDCWD = -100 };
#define PATH_UNKNOWN "<UNKNOWN>"

/*
 * The directory that a relative path starts from: what the kernel said with the event, else the
 * process' working directory, else, for a directory descriptor that is not known, "<UNKNOWN>".
 */
struct str event_path_base(const struct event *e, unsigned param);

/* name joined to base and normalised; behind an unknown base it stands as it is. */
void event_path_print(struct str base, struct str name, struct buffer *out);

/* Joined to that directory and normalised; a view of name itself where it is so already. */
bool event_path_join(struct field_context *ctx, unsigned param, struct str name, struct str *out);

/* Where the kernel found what the parameter names; false where it did not say. */
bool event_path_resolved(const struct event *e, unsigned param, struct str *out);

/*
 * The same where a judgement is to see that: under the resolved name, and under the given one where
 * the kernel found it to be another file's.
 */
bool event_path_instead(const struct event *e, unsigned param, struct str *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What --list and --list-events print, in the three forms that Falco knows: text, Markdown, JSON.
 * The Markdown is the reference page.
 */
#ifndef SAKER_APP_LIST_H
#define SAKER_APP_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum list_format { LIST_TEXT, LIST_MARKDOWN, LIST_JSON };

/* Of the scap format that the events are those of. */
#define EVENT_SCHEMA_VERSION "4.5.1"

struct list_options {
	uint32_t sources; /* SOURCE_BIT()s; a field is listed where one of them has it */
	bool names_only;
	bool is_verbose; /* fields with their types */
	enum list_format format;
};

void list_fields(FILE *out, const struct list_options *options);
void list_events(FILE *out, const struct list_options *options);
/* -i: system calls that are not collected unless asked for. */
void list_ignored_events(FILE *out);

const char *event_source_name(int source); /* of enum event_source */

#endif

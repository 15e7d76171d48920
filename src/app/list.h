/* SPDX-License-Identifier: Apache-2.0 */
/* What --list and its like print: the catalogue of fields, the events, the configuration's keys. */
#ifndef SAKER_APP_LIST_H
#define SAKER_APP_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct list_options {
	uint32_t sources; /* SOURCE_BIT()s; a field is listed where one of them has it */
	bool names_only;
	bool markdown;
};

void list_fields(FILE *out, const struct list_options *options);
void list_events(FILE *out, const struct list_options *options);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enter event that once came before an exit event, made from the exit event's parameters of
 * the same names.
 */
#ifndef SAKER_SOURCE_ENTER_EVENT_H
#define SAKER_SOURCE_ENTER_EVENT_H

#include "event/event.h"

struct enter_rules;

struct enter_rules *enter_rules_new(void);
void enter_rules_free(struct enter_rules *r);

/*
 * Writes the enter event of a decoded exit event to out and answers its size; 0 where readers
 * understand the exit event without one, or where there is no room.
 */
size_t enter_event_make(const struct enter_rules *r, const struct event *e, uint64_t time,
			uint8_t *out, size_t room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as they were in March 2022, in the schema of the scap library that Debian 12's sysdig
 * comes with: an enter event, made from the exit event's parameters of the same names, and an exit
 * event with fewer of them. Codes that it does not know it passes over.
 */
#ifndef SAKER_SOURCE_ENTER_EVENT_H
#define SAKER_SOURCE_ENTER_EVENT_H

#include "event/event.h"

struct enter_rules;

/*
 * How many parameters of an exit event readers of that time know; UINT8_MAX: there is no limit.
 * For those that have more today, an enter event is made.
 */
uint8_t enter_known_params(const struct enter_rules *r, uint16_t code);

/* Whether it knows the system call that the generic event names by scap's own number. */
bool enter_knows_syscall(uint64_t scap_nr);

struct enter_rules *enter_rules_new(void);
void enter_rules_free(struct enter_rules *r);

/*
 * Writes the enter event of a decoded exit event to out and answers its size; 0 where readers
 * understand the exit event without one, or where there is no room.
 */
size_t enter_event_make(const struct enter_rules *r, const struct event *e, uint64_t time,
			uint8_t *out, size_t room);

#endif

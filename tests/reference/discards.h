/* SPDX-License-Identifier: Apache-2.0 */
/* One round of comparing what the kernel would discard with what the reference says, from one seed.
 */
#ifndef SAKER_TESTS_REFERENCE_DISCARDS_H
#define SAKER_TESTS_REFERENCE_DISCARDS_H

#include "event/discard_table.h"
#include "event/event.h"

struct discards_counts {
	uint64_t events, discarded, by_name, by_process, by_argument;
};

/* The number that the probe would find for an event that is bound; false: it would find none. */
bool discards_number(const struct event *e, uint16_t *nr, uint32_t *number);

/* False where an event would be discarded for which a rule holds; the message tells which. */
bool discards_check(uint64_t seed, struct discards_counts *counts, char *message, size_t room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a container as a record of an event, for recordings. */
#ifndef SAKER_SOURCE_CONTAINER_RECORD_H
#define SAKER_SOURCE_CONTAINER_RECORD_H

#include "event/record.h"
#include "state/container_set.h"

/* For the state of who replays it alone. The caller frees it; NULL: it would be too large. */
struct record *container_record_new(const struct container *c, uint64_t time);

#endif

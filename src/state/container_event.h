/* SPDX-License-Identifier: Apache-2.0 */
/* What events of captures tell of containers, and what recordings put there. */
#ifndef SAKER_STATE_CONTAINER_EVENT_H
#define SAKER_STATE_CONTAINER_EVENT_H

#include "state/container_set.h"

#define CONTAINER_EVENT "container" /* the events' name */

/* The first reference is the caller's; NULL where it is no JSON of a container. */
struct container_info *container_info_from_event(struct str json);

/*
 * Recordings: what is known of a container, as JSON that other readers know, too; what is but ours
 * (whether it was told in time, its users) stands beside it. Of more than `most` bytes the users,
 * and then the labels and mounts, are left out. The caller frees it; NULL: not even so.
 */
char *container_event_text(const struct container *c, size_t most);
/* Takes over what such an event, or one of others, tells; false: nothing that can be understood. */
bool container_event_take(struct container_set *set, struct str json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What events of captures tell of containers. */
#ifndef SAKER_STATE_CONTAINER_EVENT_H
#define SAKER_STATE_CONTAINER_EVENT_H

#include "state/container_info.h"

/* The first reference is the caller's; NULL where it is no JSON of a container. */
struct container_info *container_info_from_event(struct str json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Events that were lost because a ring was full, by what the call was about: Falco's groups. */
#ifndef SAKER_APP_DROP_GROUPS_H
#define SAKER_APP_DROP_GROUPS_H

#include "probe/probe.h"

/* In the order in which Falco tells them. */
enum { DROP_GROUP_COUNT = 8 };

const char *drop_group_name(size_t group);
/* System calls of its own: not for the way of an event. */
uint64_t drop_group_count(const struct probe *probe, size_t group);

#endif

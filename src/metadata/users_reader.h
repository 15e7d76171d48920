/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users and groups that a container's processes know: its own /etc/passwd and /etc/group, read
 * through the root of one of its processes, on a thread of its own. Ids are told as the host knows
 * them, where the container is in a user namespace. The files are whoever's who is in the
 * container: links lead nowhere out of it, only plain files of limited size are read.
 */
#ifndef SAKER_METADATA_USERS_READER_H
#define SAKER_METADATA_USERS_READER_H

#include "base/error.h"
#include "state/container_info.h"

struct users_reader;

/* The inbox outlives it. NULL with the reason. */
struct users_reader *users_reader_start(const char *host_root, struct container_inbox *inbox,
					struct error *err);
void users_reader_stop(struct users_reader *u);
/*
 * Asks for those of c->pid's container; false: too many are asked for. Never waits. Each question
 * has its answer; of a young process that has the host's root it comes when it has left that, or
 * ended, or not done so in half a second.
 */
bool users_reader_ask(struct users_reader *u, const struct container *c, bool is_young);

#endif

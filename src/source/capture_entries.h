/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a capture's lists: processes, descriptors, users, groups, network interfaces, and
 * the machine's facts. Each takes one entry off its block; false: it is damaged, and what follows
 * in the block cannot be found. Views point into the block.
 */
#ifndef SAKER_SOURCE_CAPTURE_ENTRIES_H
#define SAKER_SOURCE_CAPTURE_ENTRIES_H

#include "source/capture.h"
#include "source/cursor.h"

/* How much of a process' entry a block of this type has; 0: it is no list of processes. */
unsigned entry_processes_version(uint32_t block_type);

bool entry_read_process(struct cursor *block, unsigned version, struct listed_process *p);
/* has_length, here and below: the block's version gives entries a length of their own. */
bool entry_read_fd(struct cursor *block, bool has_length, int64_t owner, struct listed_fd *fd);
/* Users and groups share a block; *is_group tells which the entry was. */
bool entry_read_user(struct cursor *block, bool has_length, struct capture_user *u, bool *is_group);
bool entry_read_interface(struct cursor *block, bool has_length, struct listed_interface *i);
bool entry_read_machine(struct cursor *block, struct capture_machine *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a recording before its events: the machine, its network interfaces, users and
 * groups, and the processes that the state knows with their descriptors. Reads /proc: not for the
 * event path.
 */
#ifndef SAKER_SOURCE_CAPTURE_LISTS_H
#define SAKER_SOURCE_CAPTURE_LISTS_H

#include "source/capture_write.h"
#include "state/state.h"

struct capture_host {
	const char *host_root; /* "" or the prefix under which the host's files are */
	struct str hostname;
	uint64_t boot_time; /* ns since the epoch */
};

/* The state is a live one, or one that became recorded; users are the table's. */
void capture_write_lists(struct capture_writer *w, struct state *state,
			 const struct user_table *users, const struct capture_host *host);

#endif

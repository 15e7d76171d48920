/* SPDX-License-Identifier: Apache-2.0 */
/* The host's files of users and groups, read again when they have changed. Of the main thread. */
#ifndef SAKER_APP_USERS_WATCH_H
#define SAKER_APP_USERS_WATCH_H

#include "state/state.h"

#include <time.h>

struct users_watch {
	const char *host_root;
	struct timespec changed[2];
};

/* Reads them into the state where they are not as they were; at first they are not. True: it did.
 * Where that fails the log says why. */
bool users_watch_look(struct users_watch *w, struct state *state);

#endif

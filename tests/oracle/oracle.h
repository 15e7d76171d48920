/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Falco says of captures, for tests that demand the same: captures and values are read where
 * they are (SAKER_SHARED), a checkout without them skips.
 */
#ifndef SAKER_TESTS_ORACLE_H
#define SAKER_TESTS_ORACLE_H

#include "../unit/unit.h"
#include "source/replay.h"
#include "state/state.h"

/* A file of the captures' folder; skips the test, or fails it where CI is true, if it is missing.
 */
void oracle_path(const char *name, char *path, size_t room);
/* Reads it through a command that takes its path last: "cat", "gzip -dc". */
FILE *oracle_open(const char *name, const char *filter);
void oracle_close(FILE **f);
#define ORACLE_CLOSE __attribute__((cleanup(oracle_close)))

/* Called with each event bound to the state. */
typedef void oracle_event_fn(void *context, struct state *state, struct event *e);
/* Replays a capture from its start to its end; fails the test where it does not come to that. */
void oracle_replay(const char *name, oracle_event_fn *handle, void *context);

#endif

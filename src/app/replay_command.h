/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures one after the other as the monitor's source, and how far it is with them. What can be
 * read of a damaged capture is judged; then the error is logged with its place, and the next one
 * has its turn.
 */
#ifndef SAKER_APP_REPLAY_COMMAND_H
#define SAKER_APP_REPLAY_COMMAND_H

#include "app/config.h"
#include "source/replay.h"

struct replay {
	struct string_list paths;
	struct state *state;
	int watched_fd; /* ends a source_poll */
	size_t next;    /* index in paths */
	size_t failed;  /* captures that could not be read to their end */
	/* Of those that have been read. */
	struct source_counters counters;
	uint64_t blocks_skipped;
	/* Progress goes to stderr where that is a terminal and is_quiet is not set. */
	bool is_quiet;
	uint64_t progress_at; /* when it is due, ns of CLOCK_MONOTONIC */
	bool has_progress;    /* a line without its end stands on the terminal */
};

/*
 * Puts what `done` (NULL at the first time) counted aside and frees it; opens the next capture that
 * can be opened. NULL: there is none.
 */
struct source *replay_next(struct replay *r, struct source *done);
/* A capture's poll answered a negative errno but -EINTR: logs why, unless it is its end. */
void replay_end_of(struct replay *r, const struct source *s, int status);
/* What was counted, with the capture that is being read (may be NULL). */
struct source_counters replay_counters(const struct replay *r, const struct source *s,
				       uint64_t *blocks_skipped);

/* For a terminal, several times a second: "FILE: 42 %", of a pipe "-: 120 MB". */
void replay_progress(struct replay *r, const struct source *s);
void replay_progress_end(struct replay *r);
/* The text of it. */
void replay_progress_text(const char *path, struct capture_position position, char *text,
			  size_t room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of captures, for the sources of state/ that keep their tables. */
#ifndef SAKER_STATE_REPLAY_FD_H
#define SAKER_STATE_REPLAY_FD_H

#include "base/buffer.h"
#include "state/replay.h"

/* A new descriptor, which the event is about from now on. NULL: the table is full. */
struct fd_entry *replay_make_fd(struct replaying *r, int64_t num, enum fd_type type);

/* replay_socket.c */
void replay_swap_ends(struct fd_entry *fd);
/* Puts the address in that an unbound socket leaves open, as the kernel will choose it. */
void replay_complete_ends(const struct replay *replay, struct fd_entry *fd);

static inline struct fd_store *replay_store(const struct replaying *r)
{
	return process_table_fds(r->s->processes);
}

/* Where a name is put together; one at a time. */
static inline struct buffer replay_name_buffer(struct replaying *r)
{
	return (struct buffer){.p = r->s->name_memory, .room = sizeof(r->s->name_memory)};
}

static inline void replay_set_fd_name(struct replaying *r, struct buffer *name)
{
	fd_set_name(replay_store(r), r->fd, buffer_str(name));
}

#endif

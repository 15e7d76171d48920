/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a pipe, a socket or a terminal, plain or compressed with gzip (which their first two
 * bytes tell). What is there is given at once, not when a buffer is full, and a wait for more ends
 * when something else wants attention: so a capture can be followed while it is written.
 */
#ifndef SAKER_SOURCE_STREAM_H
#define SAKER_SOURCE_STREAM_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;

/* Owns fd from then on, which may be a non-blocking one; NULL: no memory. */
struct stream *stream_new(int fd);
void stream_free(struct stream *s);

/* From now on reads wait up to timeout_ms (-1: for ever) or until a watched one is readable. */
void stream_wait(struct stream *s, const struct pollfd *watched, size_t count, int timeout_ms);

/*
 * Bytes that were read, at most room; 0: the end, of compressed bytes the damaged ones too;
 * -EAGAIN: nothing came in time; -EINTR: a watched descriptor is readable; another negative errno.
 */
ssize_t stream_read(struct stream *s, void *out, size_t room);

/* Bytes that came, as they came. */
uint64_t stream_position(const struct stream *s);

#endif

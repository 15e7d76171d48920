/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptors that processes have open, from /proc: live no table of them is kept, but who
 * reads a capture needs their names. Some system calls a descriptor: not for the event path.
 *
 * Sockets are looked up in /proc/PID/net, which is read once for each network namespace.
 */
#ifndef SAKER_SOURCE_HOST_FDS_H
#define SAKER_SOURCE_HOST_FDS_H

#include "base/error.h"
#include "state/listed.h"

struct host_fds;

/* proc_fd is a descriptor of /proc, or of the host's; not owned. */
struct host_fds *host_fds_new(int proc_fd);
void host_fds_free(struct host_fds *h);

/*
 * Gives every descriptor of a process to visit; views live until it returns. Answers how many, or
 * a negative errno where there is no such process or it may not be looked into.
 */
typedef void host_fd_fn(void *context, const struct listed_fd *fd);
int host_fds_visit(struct host_fds *h, int32_t pid, host_fd_fn *visit, void *context);

/* Parts of it, for tests. A line of /proc/net/tcp and its kin, without the heading. */
bool host_fds_parse_socket(struct str line, uint8_t l4proto, struct listed_fd *fd);
/* A line of /proc/net/unix. */
bool host_fds_parse_unix(struct str line, struct listed_fd *fd);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc/PID tells of a process' memory and file, read by a thread that may be left behind.
 *
 * Arguments, environment and the executed file are in the process' own hands: a page of its memory
 * or a file system of its own that never answers makes whoever reads them wait for ever, and in the
 * kernel, where nothing but the reader's end stops it. So a thread reads them, is waited for only
 * so long, and left where it hangs; that process is known without them. A few threads may hang at a
 * time, then nothing is read any more until one comes back.
 *
 * Belongs to one thread.
 */
#ifndef SAKER_STATE_PROC_WAIT_H
#define SAKER_STATE_PROC_WAIT_H

#include <stddef.h>
#include <stdint.h>

struct proc_wait;

/* What is read; the worker's own. */
struct proc_told {
	size_t cmdline_size, environ_size;
	int is_cmdline_cut, is_environ_cut;
	size_t link_size;
	int has_stat; /* of the executed file: */
	uint64_t ino, ctime, mtime;
	uint32_t dev, mode, uid, gid, links;
	char cmdline[16 * 1024];
	char environ[16 * 1024];
	char link[4096];
};

struct proc_wait *proc_wait_new(void);
void proc_wait_free(struct proc_wait *w);

/*
 * Reads of /proc/PID, whose directory is open as dir. NULL: it did not come in time, or too many
 * hang. What is answered holds until the next call.
 */
const struct proc_told *proc_wait_read(struct proc_wait *w, int dir);
/* How often it did not come. */
uint64_t proc_wait_given_up(const struct proc_wait *w);

#endif

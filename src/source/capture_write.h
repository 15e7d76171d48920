/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing scap captures (source/capture_format.h) that this program, Falco, Stratoshark and sysdig
 * read: version 1.2, and of what grew over time (entries of processes, types of descriptors) the
 * form that the oldest reader in use, Debian 12's sysdig, still understands.
 *
 * Blocks are gathered in memory and written as one chunk; compressed, each chunk is a gzip stream
 * of its own, which readers take for one. So the file always ends with a whole block: what a full
 * disk does not take is cut off again, counted as lost, and the next chunk is tried anew.
 *
 * A writer belongs to one thread at a time.
 */
#ifndef SAKER_SOURCE_CAPTURE_WRITE_H
#define SAKER_SOURCE_CAPTURE_WRITE_H

#include "event/event.h"
#include "source/capture.h"
#include "state/user.h"

struct capture_writer;

struct capture_write_options {
	bool is_compressed;
	/*
	 * Write an enter event before those that other readers understand only with one: sysdig
	 * takes the descriptor and the names of most calls from it.
	 */
	bool has_enter_events;
};

struct capture_write_counters {
	uint64_t events;    /* written; enter events not counted */
	uint64_t for_state; /* of them those that are there for the state alone */
	uint64_t lost;      /* events that the disk did not take */
	uint64_t bytes;     /* in the file */
};

/* path "-" is stdout; a file is made anew, readable by its owner alone. */
struct capture_writer *capture_writer_open(const char *path,
					   const struct capture_write_options *options,
					   struct error *err);
/* Over a descriptor, which the writer owns from then on. */
struct capture_writer *capture_writer_over(int fd, const struct capture_write_options *options,
					   struct error *err);
/* Writes what is left first; 0, or what the last write answered. */
int capture_writer_close(struct capture_writer *w);

/* Lists; all before the first event. Entries of one kind that follow each other share a block. */
void capture_write_header(struct capture_writer *w); /* once, first: says that records follow */
void capture_write_machine(struct capture_writer *w, const struct capture_machine *m);
void capture_write_interface(struct capture_writer *w, const struct listed_interface *i);
void capture_write_user(struct capture_writer *w, const struct user *u);
void capture_write_group(struct capture_writer *w, const struct group *g);
void capture_write_snapshot(struct capture_writer *w, struct str process);
void capture_write_process(struct capture_writer *w, const struct listed_process *p);
void capture_write_fd(struct capture_writer *w, const struct listed_fd *fd);

/* Times of processes in the records that follow are since then, ns since the epoch. */
void capture_write_boot_time(struct capture_writer *w, uint64_t boot_time);
/*
 * A record of the live source; time is the event's, in ns since the epoch. is_for_state: readers
 * need it for what they know of processes, and do not show it.
 */
void capture_write_record(struct capture_writer *w, const struct record *r, uint64_t time,
			  bool is_for_state);

/*
 * Chunks are written when they are full, and here. 0, or the negative errno of a write that failed:
 * what it should have written is lost and counted.
 */
int capture_writer_flush(struct capture_writer *w);
struct capture_write_counters capture_writer_counters(const struct capture_writer *w);

#endif

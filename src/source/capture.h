/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading scap captures: the framing and the blocks of machine facts, processes, descriptors,
 * users, groups, network interfaces and events, plain or compressed with gzip, from a file, a pipe
 * or stdin.
 *
 * The framing is pcapng's (section header, blocks with their length at both ends); block types and
 * their layouts are those of the scap format up to version 1.2, in all versions that are found in
 * captures. Files in the other byte order are refused. Nothing here knows what an event means:
 * old events come out as they stand in the file.
 *
 * Damaged and truncated files give what is readable, then an error with the offset.
 */
#ifndef SAKER_SOURCE_CAPTURE_H
#define SAKER_SOURCE_CAPTURE_H

#include "base/error.h"
#include "base/str.h"
#include "event/record.h"
#include "state/listed.h"

#include <poll.h>

enum capture_kind {
	CAPTURE_EVENT,
	CAPTURE_MACHINE,
	CAPTURE_PROCESS,
	CAPTURE_FD,
	CAPTURE_USER,
	CAPTURE_GROUP,
	CAPTURE_INTERFACE,
	CAPTURE_RECORDING, /* a recording of ours: its events have what live ones have */
	CAPTURE_SNAPSHOT,  /* a process of it, for state_restore */
	CAPTURE_SECTION,   /* another capture begins here: what was known of the last one is void */
};

/* Of events of our own recordings: what a live record has beside the event. */
struct capture_recorded {
	bool is_there;
	int64_t ret;
	uint16_t flags, syscall_nr;
	uint16_t slot;      /* below RECORDED_SLOT_LIMIT */
	uint64_t boot_time; /* ns since the epoch; 0: as before */
	struct str task; /* of struct task_facts; empty: those of the last event with that slot */
	uint16_t rest_first, rest_count; /* see source/capture_format.h */
	struct str rest;
	struct str annex;
};

/* Views point into the reader's buffer and live until the next call. */
struct capture_event {
	const uint8_t *bytes; /* struct event_header, lengths, data; not aligned */
	size_t size;
	uint32_t flags;
	uint16_t cpu;
	bool has_nparams; /* false: a header without its last field, as before version 1.2 */
	struct capture_recorded recorded;
};

struct capture_machine {
	uint32_t cpu_count;
	uint64_t memory_bytes;
	uint64_t max_pid;
	struct str hostname;
	uint64_t boot_time; /* ns since the epoch, 0 where the file does not say */
};

struct capture_user {
	uint32_t uid, gid;
	struct str name, home, shell;
};

struct capture_item {
	enum capture_kind kind;
	union {
		struct capture_event event;
		struct capture_machine machine;
		struct listed_process process;
		struct listed_fd fd;
		struct listed_interface interface;
		struct capture_user user; /* groups: gid and name */
		struct str snapshot;
	};
};

struct capture_counters {
	uint64_t bytes;          /* read, after decompression */
	uint64_t blocks_skipped; /* of types that are not known, or of no use */
};

struct capture;

/*
 * path "-" is stdin. The header of the section is read and checked here, of what is no file with
 * the first item.
 */
struct capture *capture_open(const char *path, struct error *err);
/* The same over bytes in memory that stay put, for tests and fuzzing; not decompressed. */
struct capture *capture_open_bytes(struct str bytes, struct error *err);
void capture_close(struct capture *c);

/*
 * 1: *item is filled; 0: the end of the file; -EINTR, -EAGAIN: of what comes through a pipe nothing
 * is there (see capture_wait), and it may be asked again; another negative errno: damaged here
 * (offset in err).
 */
int capture_next(struct capture *c, struct capture_item *item, struct error *err);

/*
 * How long capture_next waits for what comes through a pipe: timeout_ms (-1, as at the beginning:
 * for ever), or until a watched descriptor is readable.
 */
void capture_wait(struct capture *c, const struct pollfd *watched, size_t count, int timeout_ms);

struct capture_counters capture_counters(const struct capture *c);

/* How far the file has been read, in its own bytes, which may be compressed ones. */
struct capture_position {
	uint64_t at;
	uint64_t size; /* 0: not known, as of a pipe */
};
struct capture_position capture_position(const struct capture *c);

#endif

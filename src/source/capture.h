/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading scap captures: the framing and the blocks of machine facts, processes, descriptors,
 * users, groups and events, plain or compressed with gzip, from a file, a pipe or stdin.
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

enum capture_kind {
	CAPTURE_EVENT,
	CAPTURE_MACHINE,
	CAPTURE_PROCESS,
	CAPTURE_FD,
	CAPTURE_USER,
	CAPTURE_GROUP,
};

/* Views point into the reader's buffer and live until the next call. */
struct capture_event {
	const uint8_t *bytes; /* struct event_header, lengths, data; not aligned */
	size_t size;
	uint32_t flags;
	uint16_t cpu;
	bool has_nparams; /* false: a header without its last field, as before version 1.2 */
};

struct capture_machine {
	uint32_t cpu_count;
	uint64_t memory_bytes;
	uint64_t max_pid;
	struct str hostname;
	uint64_t boot_time; /* ns since the epoch, 0 where the file does not say */
};

struct capture_process {
	int64_t tid, pid, ptid, sid, vpgid, pgid, vtid, vpid; /* -1: not in the file */
	struct str comm, exe, exepath, args, cwd, env, cgroups, root;
	uint64_t fdlimit;
	uint32_t flags; /* clone_flags table */
	uint32_t uid, gid, loginuid, tty;
	uint32_t vm_size_kb, vm_rss_kb, vm_swap_kb;
	uint64_t pgft_maj, pgft_min;
	uint64_t pidns_start_time;
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	uint64_t exe_ino, exe_ctime, exe_mtime;
	bool exe_writable, exe_upper_layer, exe_lower_layer, exe_from_memfd;
};

/* Values of the type byte of a descriptor's entry. */
enum capture_fd_type {
	CAPTURE_FD_UNKNOWN,
	CAPTURE_FD_FILE,
	CAPTURE_FD_DIRECTORY,
	CAPTURE_FD_IPV4,
	CAPTURE_FD_IPV6,
	CAPTURE_FD_IPV4_SERVER,
	CAPTURE_FD_IPV6_SERVER,
	CAPTURE_FD_FIFO,
	CAPTURE_FD_UNIX,
	CAPTURE_FD_EVENT,
	CAPTURE_FD_UNSUPPORTED,
	CAPTURE_FD_SIGNALFD,
	CAPTURE_FD_EVENTPOLL,
	CAPTURE_FD_INOTIFY,
	CAPTURE_FD_TIMERFD,
	CAPTURE_FD_NETLINK,
	CAPTURE_FD_FILE_V2,
	CAPTURE_FD_BPF,
	CAPTURE_FD_USERFAULTFD,
	CAPTURE_FD_IO_URING,
	CAPTURE_FD_MEMFD,
	CAPTURE_FD_PIDFD,
	CAPTURE_FD_TYPE_COUNT
};

struct capture_fd {
	int64_t tid; /* whose table it is in */
	int64_t num;
	uint64_t ino;
	uint8_t type;    /* enum capture_fd_type */
	uint8_t l4proto; /* 0 unknown, 1 none, 2 TCP, 3 UDP, 4 ICMP, 5 raw */
	struct str name;
	uint32_t open_flags, dev;         /* files: file_flags table, kernel device number */
	uint8_t local[16], remote[16];    /* sockets: source and destination, 4 bytes for IPv4 */
	uint16_t local_port, remote_port; /* of a server socket only local */
	uint64_t unix_source, unix_destination;
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
		struct capture_process process;
		struct capture_fd fd;
		struct capture_user user; /* groups: gid and name */
	};
};

struct capture_counters {
	uint64_t bytes;          /* read, after decompression */
	uint64_t blocks_skipped; /* of types that are not known, or of no use */
};

struct capture;

/* path "-" is stdin. The header of the section is read and checked here. */
struct capture *capture_open(const char *path, struct error *err);
/* The same over bytes in memory that stay put, for tests and fuzzing; not decompressed. */
struct capture *capture_open_bytes(struct str bytes, struct error *err);
void capture_close(struct capture *c);

/* 1: *item is filled; 0: the end of the file; negative errno: damaged here (offset in err). */
int capture_next(struct capture *c, struct capture_item *item, struct error *err);

struct capture_counters capture_counters(const struct capture *c);

#endif

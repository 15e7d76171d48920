/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a capture lists before its events: processes, descriptors and network interfaces of the
 * moment in which recording began. Read by source/capture, remembered by state/replay.
 */
#ifndef SAKER_STATE_LISTED_H
#define SAKER_STATE_LISTED_H

#include "base/str.h"

/* One thread. */
struct listed_process {
	int64_t tid, pid, ptid, sid, vpgid, pgid, vtid, vpid; /* -1: not in the file */
	struct str comm, exe, exepath, args, cwd, env, cgroups, root;
	uint64_t fdlimit;
	uint32_t flags; /* clone_flags table */
	uint32_t uid, gid, loginuid, tty;
	uint32_t vm_size_kb, vm_rss_kb, vm_swap_kb;
	uint64_t pgft_maj, pgft_min;
	uint64_t pidns_start_time; /* ns since the epoch, 0: not in the file */
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	uint64_t exe_ino, exe_ctime, exe_mtime;
	bool exe_writable, exe_upper_layer, exe_lower_layer, exe_from_memfd;
};

/* Values of the type byte of a descriptor's entry. */
enum listed_fd_type {
	LISTED_FD_UNKNOWN,
	LISTED_FD_FILE,
	LISTED_FD_DIRECTORY,
	LISTED_FD_IPV4,
	LISTED_FD_IPV6,
	LISTED_FD_IPV4_SERVER,
	LISTED_FD_IPV6_SERVER,
	LISTED_FD_FIFO,
	LISTED_FD_UNIX,
	LISTED_FD_EVENT,
	LISTED_FD_UNSUPPORTED,
	LISTED_FD_SIGNALFD,
	LISTED_FD_EVENTPOLL,
	LISTED_FD_INOTIFY,
	LISTED_FD_TIMERFD,
	LISTED_FD_NETLINK,
	LISTED_FD_FILE_V2,
	LISTED_FD_BPF,
	LISTED_FD_USERFAULTFD,
	LISTED_FD_IO_URING,
	LISTED_FD_MEMFD,
	LISTED_FD_PIDFD,
	LISTED_FD_TYPE_COUNT
};

struct listed_fd {
	int64_t tid; /* whose table it is in */
	int64_t num;
	uint64_t ino;
	uint8_t type;    /* enum listed_fd_type */
	uint8_t l4proto; /* 0 unknown, 1 none, 2 TCP, 3 UDP, 4 ICMP, 5 raw */
	struct str name;
	uint32_t open_flags, dev;         /* files: file_flags table, kernel device number */
	uint8_t local[16], remote[16];    /* sockets: source and destination, 4 bytes for IPv4 */
	uint16_t local_port, remote_port; /* of a server socket only local */
	uint64_t unix_source, unix_destination;
};

/* An address of a network interface; network byte order, IPv4 in the first four bytes. */
struct listed_interface {
	uint8_t size; /* of the address: 4 or 16 */
	uint8_t address[16], netmask[16];
	struct str name;
};

#endif

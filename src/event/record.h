/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The record: how an event travels from its source to the engine. Shared by the probe (eBPF) and
 * user space, so it includes nothing but fixed-width types that the includer provides.
 *
 *   struct record        fixed prefix: sizes, flags, task facts          (sizeof, multiple of 8)
 *   event                scap's own block layout, byte for byte:
 *                          struct event_header, nparams lengths (uint16, or uint32 for types
 *                          with the large-payload flag), parameter data back to back
 *   padding to 8
 *   annex                items of facts that the kernel resolved, each a struct annex_item
 *                        header and its payload, padded to 8
 *
 * Recording a capture is writing the middle part; replay reads it back and builds a prefix and an
 * annex from the capture's own state. All integers are in host byte order. Times are nanoseconds.
 */
#ifndef SAKER_EVENT_RECORD_H
#define SAKER_EVENT_RECORD_H

#ifndef __bpf__
#include <stdint.h>
#else
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __s32 int32_t;
typedef __s64 int64_t;
#endif

enum {
	RECORD_COMM_SIZE = 16,           /* the kernel's TASK_COMM_LEN, with the NUL */
	RECORD_PATH_MAX = 4096,          /* longest path that is carried, without a NUL */
	RECORD_PARAMS_MAX = 32,          /* no event type has more parameters */
	RECORD_SIZE_MAX = 64 * 1024 - 8, /* a larger event is cut by its collector */
};

/* Bits of record.flags. */
enum {
	RECORD_COMPAT = 1 << 0,     /* a 32-bit system call */
	RECORD_IO_URING = 1 << 1,   /* done by io_uring for the task, not by a system call */
	RECORD_ARGS_CUT = 1 << 2,   /* a parameter was longer than what is carried */
	RECORD_USER_FAULT = 1 << 3, /* user memory of a parameter could not be read */
	RECORD_KERNEL_THREAD = 1 << 4,
	RECORD_SAMPLED = 1 << 5,    /* the kernel half would have discarded it */
	RECORD_HAS_TASK = 1 << 6,   /* the task facts are filled in (captures have none) */
	RECORD_STATE_ONLY = 1 << 7, /* feeds the state; no rule asked for it */
};

/*
 * Who did it, as of the time of the event. Ids are those of the initial namespaces unless said
 * otherwise; start times are ns since boot (CLOCK_BOOTTIME), which with the pid name a process for
 * ever.
 */
struct task_facts {
	uint64_t start_time;        /* of the process (thread group leader) */
	uint64_t parent_start_time; /* of the parent process */
	uint64_t cgroup_id; /* kernfs id of the cgroup in the default (v2) hierarchy, 0: none */
	uint64_t exec_id;   /* counts the execs of the process, inherited by fork: tells an
			       event before an exec from one after it */
	int32_t pid;        /* thread group id */
	int32_t tid;
	int32_t ppid; /* thread group id of the real parent */
	int32_t sid;
	int32_t pgid;
	int32_t vpid; /* in the task's own pid namespace */
	int32_t vtid;
	int32_t vsid;
	int32_t vpgid;
	uint32_t uid; /* effective, as user.uid means it */
	uint32_t gid; /* effective */
	uint32_t ruid;
	uint32_t rgid;
	uint32_t loginuid; /* UINT32_MAX: not set */
	uint32_t tty;      /* device number of the controlling terminal, as proc.tty; 0: none */
	uint32_t pidns;    /* inode numbers of namespaces */
	uint32_t mntns;
	uint32_t userns;
	char comm[RECORD_COMM_SIZE]; /* of the thread, NUL-padded */
};

struct record {
	uint32_t size;         /* of the whole record */
	uint32_t event_size;   /* of the middle part, without padding */
	uint32_t annex_offset; /* from the start of the record; equal to size: no annex */
	uint16_t cpu;
	uint16_t flags;
	int64_t ret;         /* of the system call */
	uint16_t syscall_nr; /* native number after compat mapping; UINT16_MAX: no system call */
	uint16_t reserved[3];
	struct task_facts task;
};

/* The header of a scap event, at record + 1. Unaligned fields, as in the file. */
struct event_header {
	uint64_t ts; /* ns since the epoch in captures; since boot (CLOCK_BOOTTIME) in the ring: the
			live source makes it epoch time before anybody else sees it */
	uint64_t tid;
	uint32_t len; /* header, lengths and data */
	uint16_t type;
	uint32_t nparams;
} __attribute__((packed));

/*
 * Annex items. `subject` says what an item is about: the index of the event's parameter that holds
 * the descriptor or path, or ANNEX_OF_TASK.
 */
enum annex_kind {
	ANNEX_PATH_RESOLVED = 1, /* bytes: where the kernel says the file is, in the task's root */
	ANNEX_PATH_BASE,         /* bytes: directory that a relative path parameter starts from */
	ANNEX_CWD,               /* bytes: the task's working directory */
	ANNEX_FILE,              /* struct annex_file */
	ANNEX_SOCKET,            /* struct annex_socket */
	ANNEX_UNIX_PATH,         /* bytes: sun_path of a unix socket, without the family */
	ANNEX_EXE,               /* struct annex_exe, with exec events */
	ANNEX_PARENT_COMM,       /* bytes */
	ANNEX_CGROUPS,           /* bytes: "subsystem=path\0" ... as the cgroups parameter */
	ANNEX_PROC,              /* recordings alone: what /proc told of the process when the event
				    was bound, see state/snapshot.h */
	ANNEX_CALL,              /* struct annex_call, of calls that have no event of their own */
	ANNEX_PATH_ORIGIN,       /* bytes: of a descriptor whose file has another path than the
				    task sees (chroot, bind mount, overlay): from the root of the
				    mount namespace */
	ANNEX_CREATOR,           /* struct annex_creator, with a new process whose parent is not the
				    one that made it (CLONE_PARENT) */
};

enum { ANNEX_OF_TASK = 0xff };

struct annex_item {
	uint16_t kind;
	uint16_t size; /* of the payload, without padding */
	uint8_t subject;
	uint8_t flags; /* ANNEX_CUT ... */
	uint16_t reserved;
};

enum {
	ANNEX_CUT = 1 << 0,     /* the path was longer than RECORD_PATH_MAX: its beginning and its
				   end, whole components, with nothing to show where the rest was */
	ANNEX_DELETED = 1 << 1, /* the file has no name any more */
	ANNEX_UNREACHED =
	    1 << 2, /* outside the task's root: the path is from the mount's own root */
	ANNEX_NOT_GIVEN = 1 << 3, /* of an opened file: the name that the event has as its argument
				     does not lead there. It was changed while the call ran */
};

/* What a descriptor is; the letters are those of fd.typechar. */
enum fd_type {
	FD_UNKNOWN = 0,
	FD_FILE,
	FD_DIRECTORY,
	FD_IPV4,
	FD_IPV6,
	FD_UNIX,
	FD_PIPE,
	FD_EVENT,
	FD_EVENTPOLL,
	FD_INOTIFY,
	FD_SIGNALFD,
	FD_TIMERFD,
	FD_NETLINK,
	FD_BPF,
	FD_USERFAULTFD,
	FD_IO_URING,
	FD_MEMFD,
	FD_PIDFD,
	FD_PACKET,
	FD_OTHER,
	FD_TYPE_COUNT
};

struct annex_file {
	uint64_t ino;
	uint32_t dev;  /* as the dev parameter of open events: major << 8 | minor (kernel form) */
	uint32_t mode; /* st_mode */
	uint32_t o_flags; /* f_flags, kernel values */
	uint32_t nlink;
	int32_t fd;    /* descriptor number, -1: none */
	uint8_t type;  /* enum fd_type */
	uint8_t layer; /* overlayfs: 1 upper, 2 lower, 0 no overlay */
	uint16_t reserved;
};

struct annex_socket {
	uint16_t family;
	uint16_t type;
	uint16_t protocol;
	uint16_t local_port; /* host byte order */
	uint16_t remote_port;
	uint8_t state;     /* TCP state, kernel values */
	uint8_t is_server; /* 1: accepted or listening; 2: connected by us; 0: not known */
	uint8_t local[16]; /* 4 bytes for AF_INET, network byte order */
	uint8_t remote[16];
	uint64_t unix_peer; /* kernel addresses, as scap's unix tuples have them */
	uint64_t unix_self;
	uint64_t ino;
	int32_t fd;
	uint32_t netns;
};

enum { CALL_ARGUMENTS = 6 };
struct annex_call {
	uint64_t arguments[CALL_ARGUMENTS]; /* as they were passed; of 32-bit calls widened */
};

struct annex_exe {
	uint64_t ino;
	uint64_t ctime; /* ns since the epoch */
	uint64_t mtime;
	uint32_t dev;
	uint32_t mode;
	uint32_t nlink;
	uint32_t
	    flags; /* the execve_flags table: EXE_WRITABLE, EXE_UPPER_LAYER, EXE_FROM_MEMFD ... */
};

struct annex_creator {
	uint64_t start_time; /* as those of task_facts */
	int32_t pid;
	uint32_t reserved;
};

/* Events that ring of their own, so that a flood of others cannot push them out. */
enum ring_kind { RING_COMMON, RING_CRITICAL, RING_KIND_COUNT };

/*
 * Facts that the probe must add to an event for a field to have a value; what no loaded rule or
 * output needs is not collected. Bits of a plan's per-syscall facts.
 */
enum fact {
	FACT_RESOLVED_PATH = 1 << 0, /* the kernel's path of the event's file */
	FACT_BASE_PATH = 1 << 1,     /* the directory that relative arguments start from */
	FACT_CWD = 1 << 2,
	FACT_FD = 1 << 3,      /* file or socket of the descriptor that the event uses */
	FACT_BUFFER = 1 << 4,  /* bytes read or written */
	FACT_FD_PATH = 1 << 5, /* the path of the descriptor that the event uses */
	FACT_CALL = 1 << 6,    /* the arguments of a call that has no event of its own */
};

/* Why an event was lost, counted per CPU and event type. */
enum drop_cause {
	DROP_RING_FULL,
	DROP_TOO_LARGE,
	DROP_NESTED,    /* no scratch memory left on this CPU */
	DROP_COLLECTOR, /* the collector could not be entered (tail call failed) */
	DROP_REQUESTS,  /* of io_uring: more under way than can be remembered */
	DROP_CAUSE_COUNT
};

#endif

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What the eBPF programs and their loader agree on: the collection table's form, bounds, and the
 * layout of the memory that both see.
 */
#ifndef SAKER_PROBE_SHARED_H
#define SAKER_PROBE_SHARED_H

#ifdef __bpf__
#include "event/record.h"
#include <linux/types.h>
#else
#include "event/record.h"
#include "event/schema.h"
#endif

enum {
	PROBE_SYSCALLS = 512,  /* native numbers lie below; SYSCALL_NR_LIMIT of the schema */
	PROBE_CPUS = 1024,     /* counters exist for so many */
	PROBE_RINGS = 256,     /* common rings at most */
	PROBE_CODES = 512,     /* event codes lie below */
	PROBE_ROW_PARAMS = 18, /* parameters of a call that the table collects */
	PROBE_SLOTS = 4,       /* events that may be under construction on one CPU */
	PROBE_MEM_BYTES = 128, /* user structure that a row may fetch */
	PROBE_ARGS_MAX = 4096, /* bytes of a process's arguments, and of its environment */
	PROBE_UNIX_PATH = 108,
	PROBE_POS_LIMIT = 60000, /* no parameter or annex item starts behind it */
};

/* Events that no row of the table makes: their codes, and how many parameters they have. */
enum {
	CODE_GENERIC = 1,
	CODE_SWITCH = 152,
	CODE_PROCEXIT = 186,
	CODE_CLONE = 223,
	CODE_FORK = 225,
	CODE_VFORK = 227,
	CODE_SIGNAL = 232,
	CODE_PAGE_FAULT = 290,
	CODE_EXECVE = 293,
	CODE_EXECVEAT = 331,
	CODE_CLONE3 = 335,
	CODE_PRCTL = 401,

	SWITCH_PARAMS = 6,
	SIGNAL_PARAMS = 3,
	FAULT_PARAMS = 3,
	EXEC_PARAMS = 31,
	EXECVEAT_PARAMS = 30,
	CLONE_PARAMS = 21,
	EXIT_PARAMS = 5,
	PRCTL_PARAMS = 4,
};

/* Whole programs that collect; the numbers index the tail-call map. */
enum collect_family {
	FAMILY_PLAIN,    /* numbers, strings, opened files */
	FAMILY_OPEN,     /* open, openat, openat2 */
	FAMILY_NET,      /* and addresses, tuples, buffers */
	FAMILY_MISC,     /* and what few calls have */
	FAMILY_FORK,     /* the parent's side of clone, fork, vfork */
	FAMILY_EXEC,     /* an execve or execveat that failed */
	FAMILY_NAMES,    /* after plain: where the names of a call lead */
	FAMILY_MESSAGES, /* sendmmsg, recvmmsg and io_submit: an event for each message, or request */
	FAMILY_WANTED,   /* before the others: calls whose number is wanted */
	FAMILY_OPENED,   /* before that: openings of files that are known */
	FAMILY_DISCARD,  /* between: is the event wanted at all? */
	FAMILY_DISCARD_OPENS,
	FAMILY_COUNT
};

/*
 * Functions of the kernel that are told, within a call, what file its name has led to: the hooks
 * of security modules; and what is done to files. Bits of `hooked`; src/probe/hooks.c has their
 * names.
 */
enum probe_hook {
	HOOK_UNLINK,
	HOOK_RMDIR,
	HOOK_MKDIR,
	HOOK_MKNOD,
	HOOK_RENAME,
	HOOK_LINK,
	HOOK_SYMLINK,
	HOOK_CHMOD,
	HOOK_CHOWN,
	HOOK_CHROOT,
	HOOK_MOUNT,
	HOOK_UMOUNT,
	HOOK_STAT,
	HOOK_TRUNCATE,
	HOOK_MOVE_MOUNT,
	HOOK_PIVOT_ROOT,
	HOOK_REBOOT, /* of the call itself, not of its names: the kernel tells its own parts */
	HOOK_COPY,   /* what a call was given: src/probe/given.bpf.h */
	HOOK_COUNT,

	/* What a call does to inodes whose times of change tell of it: src/probe/changes.bpf.h. */
	CHANGE_AT = HOOK_COUNT, /* what the name is of */
	CHANGE_REMOVES,
	CHANGE_MOVES,
	CHANGE_MAKES,
	CHANGE_LINKS,
	PROBE_HOOKS
};

/*
 * How a parameter is made. `src` names a value (enum collect_source), `aux` a second one, `table`
 * a translation of flags.
 */
enum collect_kind {
	KIND_EMPTY,
	KIND_S32, /* a 32-bit signed number, widened to 64 bits: fd, pid, errno */
	KIND_U64,
	KIND_U32,
	KIND_U16,
	KIND_U8,
	KIND_FLAGS32, /* translated by table */
	KIND_FLAGS16,
	KIND_FLAGS8,
	KIND_STR,    /* user memory, NUL-terminated */
	KIND_STR_OK, /* the same, only where the call succeeded */
	KIND_SCAP_NR,
	KIND_NATIVE_NR,
	KIND_OPEN_FLAGS, /* and whether the file was created, and its overlay layer */
	KIND_OPEN_MODE,  /* src: mode, aux: flags */
	KIND_CREAT_MODE,
	KIND_CREAT_FLAGS,
	KIND_DEV, /* of the call's file */
	KIND_INO,
	KIND_FD_INO,   /* of the descriptor src */
	KIND_DEV_ARG,  /* a device number as user space writes it */
	KIND_TIME,     /* src: seconds, aux: nanoseconds */
	KIND_USER_U32, /* what src points to */
	KIND_USER_U64,
	KIND_FILE_PATH,  /* of the call's file */
	KIND_MEMFD_NAME, /* user memory; the name of descriptor ret where there is one */
	KIND_HALVES,     /* src: the upper 32 bits, aux: the lower */
	KIND_PLAIN_END,

	KIND_SOCKADDR = KIND_PLAIN_END, /* src: address, aux: its length */
	KIND_BOUND,                     /* the same of bind, where it succeeded the socket's */
	KIND_TUPLE_CONNECT,             /* as TUPLE_OUT, for a call that may be in progress */
	KIND_TUPLE_OUT,                 /* src: descriptor, aux: user's address or SOURCE_ZERO */
	KIND_TUPLE_IN,
	KIND_TUPLE_MSG_OUT, /* aux: msghdr, whose name is the address */
	KIND_TUPLE_MSG_IN,
	KIND_BUF_OUT, /* src: user buffer that the call filled with ret bytes */
	KIND_BUF_IN,  /* aux: length; ret bytes of it where the call succeeded */
	KIND_IOV_OUT, /* src: iovec, aux: count */
	KIND_IOV_IN,
	KIND_IOV_SIZE,
	KIND_MSG_OUT, /* src: msghdr */
	KIND_MSG_IN,
	KIND_MSG_SIZE,
	KIND_MSG_CONTROL,
	KIND_RET_SIZE,  /* ret where positive, else 0 */
	KIND_QUEUE_PCT, /* src: listening descriptor */
	KIND_QUEUE_LEN,
	KIND_QUEUE_MAX,
	KIND_SOCK_SELF, /* kernel address of the call's socket */
	KIND_SOCK_PEER,
	KIND_SOCKOPT_NAME, /* src: option, of the level in argument 1 */
	KIND_SOCKOPT,      /* src: value, aux: its size */
	KIND_NET_END,

	KIND_PTRACE_ADDR = KIND_NET_END,
	KIND_PTRACE_DATA,
	KIND_KEYCTL, /* src: the argument, aux: its place, 2 to 5 */
	KIND_PRCTL_STR,
	KIND_PRCTL_INT,
	KIND_CAPS, /* src: 0 inheritable, 1 permitted, 2 effective, of the task */
	KIND_MOUNT_FLAGS,
	KIND_VM_SIZE,
	KIND_VM_RSS,
	KIND_VM_SWAP,
	KIND_BLOB, /* src: pointer, aux: length; bounded by PROBE_ARGS_MAX */
	KIND_FSCONFIG_BYTES,
	KIND_FSCONFIG_TEXT,
	KIND_POLL,      /* src: struct pollfd, aux: count */
	KIND_SETVAL,    /* src: semctl's value, aux: its command */
	KIND_OLD_LIMIT, /* src: struct rlimit that the call wrote, aux: 64-bit word of it */
	KIND_SEMBUF,    /* src: struct sembuf, aux: 16-bit word of it, zero if the call failed */
	KIND_QUOTA,     /* aux: enum quota_param */
	KIND_COUNT
};

/* What quotactl's parameters are made of. Whether a value is there depends on the command. */
enum quota_param {
	QUOTA_FILE,
	QUOTA_LIMIT, /* + index: 64-bit word of struct if_dqblk, and then of struct if_dqinfo */
	QUOTA_INFO = QUOTA_LIMIT + 8,
	QUOTA_INFO_FLAGS = QUOTA_INFO + 2,
	QUOTA_FORMAT_OUT,
	QUOTA_COMMAND,
	QUOTA_TYPE,
	QUOTA_ID,
	QUOTA_FORMAT,
};

enum collect_source {
	SOURCE_ARG0, /* to 5 */
	SOURCE_RET = 6,
	SOURCE_ZERO = 7,
	SOURCE_MEM64 = 8,   /* + index: 64-bit word of the fetched user structure */
	SOURCE_MEM32 = 128, /* + byte offset: 32-bit word of it */
};

enum collect_row_flag {
	ROW_OPENS = 1 << 0,       /* ret is a descriptor of a file that the call opened */
	ROW_FETCH_OK = 1 << 1,    /* the user structure is written by the call: fetch it on success;
				     all ones otherwise */
	ROW_CRITICAL = 1 << 2,    /* travels by the critical ring */
	ROW_STATE = 1 << 3,       /* a success changes what state/ keeps: always collected */
	ROW_NEW_CWD = 1 << 4,     /* after a success the annex holds the working directory */
	ROW_FETCH_LONGS = 1 << 5, /* the structure is two of the caller's longs */
	ROW_UNUSED = 1 << 7,      /* no such syscall */
	ROW_IMPORTANT = 1 << 9, /* travels by the critical ring while that is not half full, as all
				   failures of critical ones do: the rest is for what nobody can
				   do without end, and succeed */
	ROW_FOLLOWS = 1 << 8, /* of a symbolic link at the end of its name it takes the target, but
				 where follow_arg has AT_SYMLINK_NOFOLLOW */
	ROW_ASKED = 1 << 10,  /* of its first name it does so where follow_arg has
				 AT_SYMLINK_FOLLOW */
};

enum { COLLECT_NONE = 0xff };

struct collect_param {
	uint8_t kind, src, aux, table;
};

/* A syscall. Rows stand at their native number. */
struct collect_row {
	uint16_t code;
	uint16_t scap_nr;
	uint16_t flags; /* ROW_* */
	uint8_t nparams;
	uint8_t family;
	uint8_t fetch_arg;  /* argument that points to the user structure; COLLECT_NONE: no fetch */
	uint8_t fetch_size; /* bytes of it */
	uint8_t fd_src;     /* source of the descriptor that the call is about; COLLECT_NONE */
	uint8_t fd_param;   /* parameter that holds it */
	uint8_t fd2_src;    /* a second one: where bytes come from or go to */
	uint8_t fd2_param;
	uint8_t follow_arg; /* argument of flags about links, COLLECT_NONE: there is none */
	uint8_t name_param; /* parameter that holds the opened file's name; COLLECT_NONE */
	/* Paths that may be relative: parameter, and source of the directory's descriptor,
	 * COLLECT_NONE for the working directory. */
	uint8_t path_param[2];
	uint8_t path_dir[2];
	struct collect_param params[PROBE_ROW_PARAMS];
};

/* Bits of a syscall's entry in the wants array; the high byte is for the same index read as a
 * 32-bit number. WANT_MAY_BE_OUT comes with WANT_RULES: WANT_UNLESS_OPENED of calls that open
 * files, WANT_UNLESS_DISCARDED of others. */
enum {
	WANT_RULES = 1,
	WANT_STATE = 2,
	WANT_UNLESS_DISCARDED = 4,
	WANT_UNLESS_OPENED = 8,
	WANT_PARTS = 16, /* of io_submit: what it asks for is wanted */
	WANT_MAY_BE_OUT = WANT_UNLESS_DISCARDED | WANT_UNLESS_OPENED,
	WANT_COMPAT_SHIFT = 8,
};

/* One for each CPU, written by the programs without locks. */
struct probe_cpu_counters {
	uint64_t discarded; /* events that no rule could hold for, those of the next among them */
	uint64_t sampled;
	uint64_t since_sample; /* so many were discarded; of the programs alone, as the next */
	uint64_t sample_of;    /* whose event the next sample is */
	uint64_t events;
	uint64_t faults;
	uint64_t drops[DROP_CAUSE_COUNT];
} __attribute__((aligned(64)));

#endif

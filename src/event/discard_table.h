/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The kernel half of a plan: which events no rule can hold for, as tables that the probe looks into
 * before it collects anything. Made by the compiler (engine/discard.h), read by eBPF programs, so
 * it includes nothing but fixed-width types that the includer provides.
 *
 * Of each system call a few facts are cheap to know when it returns. Together they are a number;
 * what its *shape* says which facts these are. What the rules ask of such an event beside its facts
 * is a set of *clauses*, bits of a word: each is something of the file's name and something of who
 * did it. An event is kept where for one of its clauses both may hold.
 *
 *   verdicts   facts → a set of clauses (none: discard), or DISCARD_KEEP
 *   answers    a name → the clauses whose part of the name may hold. Two automata go through the
 *              name byte by byte; the sets in which they end say where the word stands
 *   processes  a thread → the clauses whose part of the process may hold: struct discard_process,
 *              told by the program of threads that come again; good while what the kernel knows of
 *              the thread is what it was then
 *
 * The tables are never narrower than the rules: what neither facts nor name nor process tell is
 * taken to hold.
 */
#ifndef SAKER_EVENT_DISCARD_TABLE_H
#define SAKER_EVENT_DISCARD_TABLE_H

#ifdef __bpf__
#include <linux/types.h>
#endif

#include "event/record.h"

enum {
	DISCARD_CALLS = 512, /* native numbers lie below */
	DISCARD_VERDICTS = 8192,
	DISCARD_STATES = 8192,   /* of both automata of names */
	DISCARD_STEPS = 1 << 18, /* states times classes of bytes */
	DISCARD_ANSWERS = 1 << 13,
	DISCARD_CLAUSES = 64,
	DISCARD_SETS = 256,
	DISCARD_NAME_MAX = 256,   /* events of longer names are kept */
	DISCARD_PROCESSES = 4096, /* a power of two */
};

enum { DISCARD_KEEP = 0 }; /* the verdict of what is not to be discarded */

/* Which facts a call's number is made of, beside enum discard_result; what a shape doesn't name is
 * 0 in it. */
enum discard_shape {
	DISCARD_NEVER,       /* the call has no verdicts */
	DISCARD_BY_ARGUMENT, /* enum discard_mark, and of what is marked DISCARD_OF_IP */
	DISCARD_OPEN,        /* of what succeeded DISCARD_OPEN_* and enum discard_file */
	DISCARD_SOCKET,      /* enum discard_socket, of the call's descriptor */
	DISCARD_COPY,        /* of what succeeded, whether it is DISCARD_SOCKET_NONE */
	DISCARD_SHAPE_COUNT
};

enum { DISCARD_RESULT_BITS = 2 };
enum discard_result {
	DISCARD_LOW,       /* 0, 1 or 2: where a descriptor is made, a standard stream */
	DISCARD_HIGH,      /* 3 or more */
	DISCARD_FAILED,    /* negative, but for: */
	DISCARD_UNDER_WAY, /* -EINPROGRESS */
	DISCARD_RESULTS
};

enum {
	DISCARD_MARK_SHIFT = 2,
	DISCARD_OF_IP = 1 << 4, /* the descriptor that was given is of an IPv4 or IPv6 socket */
	DISCARD_OPEN_READ = 1 << 2,
	DISCARD_OPEN_WRITE = 1 << 3,
	DISCARD_OPEN_MAY_CREATE = 1 << 4, /* O_CREAT; O_DIRECTORY, which is shown as O_TMPFILE */
	DISCARD_OPEN_CREATED = 1 << 5,    /* likewise */
	DISCARD_FILE_SHIFT = 6,
	DISCARD_SOCKET_SHIFT = 2,
	DISCARD_SOCKET_LOW = 1 << 5, /* the descriptor that was given is 0, 1 or 2 */
	DISCARD_FACTS_LIMIT = 1 << 8,
};

/* What of the values of one argument rules tell from all others. */
enum discard_mark {
	DISCARD_UNMARKED,
	DISCARD_MARKED, /* fcntl F_DUPFD, F_DUPFD_CLOEXEC; socket AF_PACKET; bpf BPF_PROG_LOAD */
	DISCARD_MARKED_SECOND, /* fcntl F_SETFL */
	DISCARD_MARKS
};

enum discard_file { DISCARD_FILE_OTHER, DISCARD_FILE_PLAIN, DISCARD_FILE_DIRECTORY };

/* Both ends have a loopback address: 127.0.0.0/8 (IPv4, also as IPv6), ::1. */
enum discard_socket {
	DISCARD_SOCKET_OTHER,
	DISCARD_SOCKET_TCP4,
	DISCARD_SOCKET_UDP4,
	DISCARD_SOCKET_TCP6,
	DISCARD_SOCKET_UDP6,
	DISCARD_SOCKET_UNIX, /* a unix socket, whatever its ends */
	DISCARD_SOCKET_NONE, /* what is no socket */
	DISCARD_SOCKETS
};

struct discard_table {
	uint32_t number;               /* set by the loader: which of those that were ever in use */
	uint16_t first[DISCARD_CALLS]; /* verdict of number 0 of a native system call */
	uint8_t shape[DISCARD_CALLS];
	uint8_t verdicts[DISCARD_VERDICTS]; /* index in clauses; DISCARD_KEEP */
	uint64_t clauses[DISCARD_SETS];
	uint64_t named;      /* clauses that ask something of the name */
	uint64_t of_process; /* and of the process */
	/* The automata: of patterns that say how a name begins, and of others. Both go by classes
	 * of bytes; a state's next ones stand at state * class_count, and those of the second
	 * automaton are numbered on from the first one's. A name's answers stand where the numbers
	 * of the sets in which both end point to. */
	uint32_t class_count;
	uint32_t floating;  /* start of the second automaton; the first one's is 0 */
	uint32_t set_count; /* of the second one */
	uint8_t classes[256];
	uint16_t next[DISCARD_STEPS];
	uint8_t sets[DISCARD_STATES];
	uint64_t answers[DISCARD_ANSWERS]; /* [set of the first * set_count + set of the second] */
};

/*
 * Of a thread; what it is compared with is as in task_facts. It stands at its number, from which
 * one that has the same lower bits drives it. Written while it is read: `seal` is the clauses,
 * mixed with the rest, so that no reader takes those of one thread for another's, or old ones for
 * new.
 */
struct discard_process {
	uint64_t start_time;
	uint64_t exec_id;
	uint64_t cgroup_id;
	uint64_t comm[2];
	uint32_t tid;
	uint32_t number; /* of the table that the clauses are of */
	uint64_t clauses;
	uint64_t seal;
};

static inline uint64_t discard_seal(const struct discard_process *p, uint64_t clauses)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	uint64_t mixed = p->start_time * odd;

	mixed = (mixed ^ p->exec_id) * odd;
	mixed = (mixed ^ p->cgroup_id) * odd;
	mixed = (mixed ^ p->comm[0]) * odd;
	mixed = (mixed ^ p->comm[1]) * odd;
	mixed = (mixed ^ p->tid ^ (uint64_t)p->number << 32) * odd;
	return mixed ^ clauses;
}

#endif

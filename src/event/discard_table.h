/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The kernel half of a plan: which events no rule can hold for, as tables that the probe looks into
 * before it collects anything. Made by the compiler (engine/discard.h), read by eBPF programs, so
 * it includes nothing but fixed-width types that the includer provides.
 *
 * Of each system call a few facts are cheap to know when it returns. Together they are a number;
 * what its *shape* says which facts these are. For each number there is a verdict: keep the event,
 * discard it, or ask a question of the file's name. Two automata go through a name byte by byte;
 * where they end stands the answer, a bit for each question: 1, keep.
 *
 * The tables are never narrower than the rules: an event is discarded only where no rule can hold
 * for it, whatever the things are that the facts do not tell.
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
	DISCARD_STATES = 4096,   /* of both automata of names */
	DISCARD_STEPS = 1 << 17, /* states times classes of bytes */
	DISCARD_ANSWERS = 1 << 13,
	DISCARD_QUESTIONS = 62,
	DISCARD_NAME_MAX = 256, /* events of longer names are kept */
};

enum discard_verdict {
	DISCARD_NO,
	DISCARD_YES,
	DISCARD_ASK, /* + number of the question */
};

/* Which facts a call's number is made of; what a shape doesn't name is 0 in it. */
enum discard_shape {
	DISCARD_NEVER,     /* the call has no verdicts */
	DISCARD_BY_RESULT, /* enum discard_result, as in all others */
	DISCARD_OPEN,      /* and of what succeeded DISCARD_OPEN_* and enum discard_file */
	DISCARD_SOCKET,    /* and enum discard_socket, of the call's descriptor */
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
	DISCARD_OPEN_READ = 1 << 2,
	DISCARD_OPEN_WRITE = 1 << 3,
	DISCARD_OPEN_MAY_CREATE = 1 << 4, /* O_CREAT */
	DISCARD_OPEN_CREATED = 1 << 5,
	DISCARD_FILE_SHIFT = 6,
	DISCARD_SOCKET_SHIFT = 2,
	DISCARD_SOCKET_LOW = 1 << 5, /* the descriptor that was given is 0, 1 or 2 */
	DISCARD_FACTS_LIMIT = 1 << 8,
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
	DISCARD_SOCKETS
};

struct discard_table {
	uint32_t number;               /* set by the loader: which of those that were ever in use */
	uint16_t first[DISCARD_CALLS]; /* verdict of number 0 of a native system call */
	uint8_t shape[DISCARD_CALLS];
	uint8_t verdicts[DISCARD_VERDICTS];
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

#endif

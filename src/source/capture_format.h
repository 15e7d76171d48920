/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of the scap capture format that its reader and its writer share. The framing is pcapng's:
 * every block is its type, its length, its body, padding to 4 and its length again.
 */
#ifndef SAKER_SOURCE_CAPTURE_FORMAT_H
#define SAKER_SOURCE_CAPTURE_FORMAT_H

#include "event/record.h"

enum {
	BLOCK_FRAME = 12, /* type, length, ..., length again */
	SECTION_MAGIC = 0x1A2B3C4D,
	SECTION_MAGIC_SWAPPED = 0x4D3C2B1A,
	SECTION_VERSION_MAJOR = 1,
	SECTION_VERSION_MINOR = 2,
	MACHINE_HOSTNAME_SIZE = 128,
};

/* Block types; those above 0x80000000 are what the first writers used for the same contents. */
#define BLOCK_SECTION 0x0A0D0D0Au
#define BLOCK_MACHINE 0x201u
#define BLOCK_MACHINE_INT 0x8002ABCDu
#define BLOCK_PROCESSES_V1 0x202u
#define BLOCK_PROCESSES_V1_INT 0x8000ABCDu
#define BLOCK_INTERFACES 0x205u
#define BLOCK_INTERFACES_INT 0x8011ABCDu
#define BLOCK_FDS 0x203u
#define BLOCK_FDS_INT 0x8001ABCDu
#define BLOCK_EVENT 0x204u
#define BLOCK_EVENT_INT 0x8010ABCDu
#define BLOCK_USERS 0x206u
#define BLOCK_USERS_INT 0x8012ABCDu
#define BLOCK_PROCESSES_V2 0x207u
#define BLOCK_PROCESSES_V2_INT 0x8013ABCDu
#define BLOCK_EVENT_FLAGS 0x208u
#define BLOCK_PROCESSES_V3 0x209u
#define BLOCK_PROCESSES_V3_INT 0x8014ABCDu
#define BLOCK_PROCESSES_V4 0x210u
#define BLOCK_PROCESSES_V5 0x211u
#define BLOCK_PROCESSES_V6 0x212u
#define BLOCK_PROCESSES_V7 0x213u
#define BLOCK_PROCESSES_V8 0x214u
#define BLOCK_PROCESSES_V9 0x215u
#define BLOCK_EVENT_V2 0x216u
#define BLOCK_EVENT_FLAGS_V2 0x217u
#define BLOCK_FDS_V2 0x218u
#define BLOCK_INTERFACES_V2 0x219u
#define BLOCK_USERS_V2 0x220u
#define BLOCK_EVENT_V2_LARGE 0x221u
#define BLOCK_EVENT_FLAGS_V2_LARGE 0x222u

/* Flags of an event's block: the event is there for who follows processes, not to be shown. */
enum { EVENT_BLOCK_STATE_ONLY = 1 };

/* Types of an interface's entry; those that say so lack the link's speed. */
enum { INTERFACE_IPV4 = 1, INTERFACE_IPV6, INTERFACE_IPV4_SHORT, INTERFACE_IPV6_SHORT };

/*
 * What our own recordings hold beside what scap has a place for, so that an event means the same
 * when it is replayed. Other readers pass it over: pcapng sets types and codes with the topmost bit
 * aside for local use.
 *
 * Before all lists one block of BLOCK_RECORDED says that this is a recording of ours: struct
 * recorded_header. Further ones hold a process each, as state/snapshot.h makes them, with what
 * was known of it when recording began.
 *
 * Behind an event, padded to 4 as counted from the block's start, stands an option as pcapng has
 * them: code OPTION_RECORDED and the length of its value (16 bits each), the value, padding to 4.
 * The value is a struct recorded_event, the time of boot where that was told anew, task facts where
 * they are not those of the last event with that slot, the last parameters where the event lacks
 * them, and the annex.
 *
 * Which it does for the oldest reader's sake: Debian 12's sysdig fails at events with more
 * parameters than it knows. So events stand as they were written in its time, an enter event with
 * the arguments and an exit event with the results, from which today's Falco makes one, as from all
 * old captures; what neither had then is in the option alone. Enter events have no option.
 */
#define BLOCK_RECORDED 0x80534B52u
enum { OPTION_RECORDED = 0x8534, RECORDED_VERSION = 1 };

enum recorded_kind { RECORDED_HEADER = 1, RECORDED_PROCESS = 2 };

struct recorded_header {
	uint32_t kind;    /* RECORDED_HEADER; a process' block has RECORDED_PROCESS there */
	uint32_t version; /* RECORDED_VERSION */
};

enum { RECORDED_SLOT_LIMIT = 16384 };

struct recorded_event {
	int64_t ret;
	uint16_t flags; /* of the record */
	uint16_t syscall_nr;
	uint16_t slot;      /* of the thread, below RECORDED_SLOT_LIMIT */
	uint16_t task_size; /* of struct task_facts, behind this; 0: as last time */
	/* The event's parameters from rest_first on, which it lacks or has otherwise: so many
	   lengths of 16 bits, then their data; in all of that size. */
	uint16_t rest_first;
	uint16_t rest_count;
	uint16_t rest_size;
	uint16_t boot_time_size; /* of the time of boot, ns since the epoch; 0: as last time */
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event schema: every event type once, with its parameters, and the tables of flags that
 * parameters name. Generated at build time from src/event/events.tsv, flags.tsv and syscalls.tsv
 * (codes, names and order are those of the scap format, schema of Falco libs of July 2026).
 *
 * Two numberings. The *code* is what stands in a record and in captures; codes of a syscall's
 * enter and exit and of old versions differ. The *kind* is what rules select by: one number per
 * name in evt.type, whatever the version, and one per syscall that has no event of its own.
 */
#ifndef SAKER_EVENT_SCHEMA_H
#define SAKER_EVENT_SCHEMA_H

#include "base/str.h"
#include "event/record.h"

enum param_type {
	PARAM_NONE,
	PARAM_INT8,
	PARAM_INT16,
	PARAM_INT32,
	PARAM_INT64,
	PARAM_UINT8,
	PARAM_UINT16,
	PARAM_UINT32,
	PARAM_UINT64,
	PARAM_CHARBUF, /* NUL-terminated string */
	PARAM_BYTEBUF,
	PARAM_ERRNO,    /* int64 */
	PARAM_SOCKADDR, /* family byte, then address as the scap format packs it */
	PARAM_SOCKTUPLE,
	PARAM_FD,  /* int64 */
	PARAM_PID, /* int64 */
	PARAM_FDLIST,
	PARAM_FSPATH,
	PARAM_SYSCALLID, /* uint16, scap's own syscall number */
	PARAM_SIGTYPE,   /* uint8 */
	PARAM_RELTIME,   /* uint64 ns */
	PARAM_ABSTIME,   /* uint64 ns since the epoch */
	PARAM_PORT,
	PARAM_L4PROTO,
	PARAM_SOCKFAMILY,
	PARAM_BOOL,
	PARAM_IPV4ADDR,
	PARAM_IPV6ADDR,
	PARAM_IPADDR,
	PARAM_IPNET,
	PARAM_DYN, /* one byte that chooses a variant, then the value */
	PARAM_FLAGS8,
	PARAM_FLAGS16,
	PARAM_FLAGS32,
	PARAM_ENUMFLAGS8,
	PARAM_ENUMFLAGS16,
	PARAM_ENUMFLAGS32,
	PARAM_UID,
	PARAM_GID,
	PARAM_DOUBLE,
	PARAM_SIGSET,
	PARAM_CHARBUFARRAY,
	PARAM_CHARBUFPAIRARRAY,
	PARAM_FSRELPATH,
	PARAM_MODE, /* uint32 */
	PARAM_FD32,
	PARAM_PID32,
	PARAM_TYPE_COUNT
};

enum param_format { FORMAT_NA, FORMAT_DEC, FORMAT_HEX, FORMAT_OCT };

struct flag_name {
	const char *name;
	uint32_t value;
};

struct flag_table {
	const char *name;
	const struct flag_name *flags; /* in the table's order */
	uint16_t count;
};

struct param_schema {
	const char *name;
	enum param_type type;
	enum param_format format;
	const struct flag_table *flags; /* NULL: none */
	int8_t
	    dirfd; /* FSRELPATH: index of the parameter that holds the directory's descriptor; -1 */
};

enum event_flag {
	EVENT_CREATES_FD = 1 << 0,
	EVENT_DESTROYS_FD = 1 << 1,
	EVENT_USES_FD = 1 << 2,
	EVENT_READS_FD = 1 << 3,
	EVENT_WRITES_FD = 1 << 4,
	EVENT_MODIFIES_STATE = 1 << 5,
	EVENT_WAITS = 1 << 6,
	EVENT_SKIP_RESET = 1 << 7,
	EVENT_UNUSED = 1 << 8,
	EVENT_OLD_VERSION = 1 << 9,
	EVENT_CONVERTED = 1 << 10,
	EVENT_LARGE_PAYLOAD = 1 << 11,
	EVENT_ENTER = 1 << 12,   /* direction '>' */
	EVENT_SYSCALL = 1 << 13, /* of a system call, not of a tracepoint or the program itself */
	EVENT_META = 1 << 14,    /* made by the monitor, not by a process */
};

enum event_category {
	CATEGORY_UNKNOWN,
	CATEGORY_OTHER,
	CATEGORY_FILE,
	CATEGORY_NET,
	CATEGORY_IPC,
	CATEGORY_WAIT,
	CATEGORY_SIGNAL,
	CATEGORY_SLEEP,
	CATEGORY_TIME,
	CATEGORY_PROCESS,
	CATEGORY_SCHEDULER,
	CATEGORY_MEMORY,
	CATEGORY_USER,
	CATEGORY_SYSTEM,
	CATEGORY_INTERNAL,
	CATEGORY_IO_READ,
	CATEGORY_IO_WRITE,
	CATEGORY_IO_OTHER,
};

struct event_schema {
	const char *name;
	const struct param_schema *params;
	uint16_t code;
	uint16_t kind; /* see event_kind_* below */
	uint16_t flags;
	uint8_t nparams;
	uint8_t category; /* enum event_category */
};

/* The row of a code, or NULL for a code that does not exist. Rows of unused codes exist. */
const struct event_schema *event_schema_get(uint16_t code);
/* The code of today's exit (or tracepoint) event of that name; -1 where there is none. */
int event_code_by_name(struct str name);
extern const uint16_t event_code_count;
/*
 * The generic event as a call has it that has none of its own: with the call's name and, where we
 * say what the call is about, its descriptor or its names, with more parameters than the two that
 * scap knows. Our own records have those; captures of others do not.
 */
const struct event_schema *event_schema_of_generic(uint16_t kind);
/* Index of the parameter with that name, or -1. */
int event_schema_param(const struct event_schema *schema, struct str name);

/*
 * Kinds are dense, from 0. Those of events with a name come first; then one for each syscall that
 * has no event of its own, which travels as the generic `syscall` event and is named by its number.
 */
extern const uint16_t event_kind_count;
const char *event_kind_name(uint16_t kind);
/* -1 where no event or syscall has that name. */
int event_kind_by_name(struct str name);
/* The kind of a generic syscall event by its scap syscall number; kind of "syscall" if unknown. */
uint16_t event_kind_of_generic(uint16_t scap_syscall);
/* Of a call by its number on x86-64, whatever this machine is; -1: none has it. */
int event_kind_of_x86_64(uint16_t nr);
enum event_category event_kind_category(uint16_t kind);
uint16_t event_kind_flags(uint16_t kind);

/*
 * Syscalls of the running architecture. A row exists for every number that has a name; scap_nr is
 * what the ID parameter of the generic event holds.
 */
struct syscall_schema {
	const char *name;
	uint16_t nr;
	uint16_t scap_nr;
	uint16_t code; /* of the exit event; 1 is the generic one */
	uint16_t kind;
};
const struct syscall_schema *syscall_schema_get(uint16_t nr);
const struct syscall_schema *syscall_schema_by_scap_nr(uint16_t scap_nr);
/* Numbers that syscall_schema_get may know lie below. */
enum { SYSCALL_NR_LIMIT = 512 };

const struct flag_table *flag_table_get(const char *name);
const char *event_category_name(enum event_category category);

#endif

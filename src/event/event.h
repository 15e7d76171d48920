/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event: a view on a record (event/record.h) with what it is bound to. Made by a source, bound
 * by state/, judged by engine/, gone when the source goes on: nothing in it outlives that.
 *
 * Nothing behind the source knows which source an event came from. Parameters are decoded here and
 * nowhere else.
 */
#ifndef SAKER_EVENT_EVENT_H
#define SAKER_EVENT_EVENT_H

#include "base/error.h"
#include "base/str.h"
#include "event/record.h"
#include "event/schema.h"

struct process;
struct tape;
struct thread;

/* Which name of a file a judgement sees; see architecture, "kernel truth". */
enum name_view { NAME_GIVEN, NAME_RESOLVED };

struct ip_address {
	uint8_t bytes[16]; /* network byte order; IPv4 in the first four */
	uint8_t size;      /* 4 or 16; 0: none */
};

/* The descriptor that an event is about: live from the annex, in replay from the fd table. */
struct event_fd {
	bool is_known;  /* something but num is known */
	bool is_server; /* our end accepted, or listens */
	bool is_role_known;
	bool is_server_local; /* the server's end is this machine's: what fd.is_server says */
	bool is_listed;       /* of a capture's table: path is all of the name, whatever the type */
	bool is_connected;
	bool name_changed;
	bool is_registered; /* no descriptor: a file in a table of io_uring, and num is negative */
	uint8_t type;    /* enum fd_type */
	uint8_t layer;   /* as annex_file.layer */
	uint8_t l4proto; /* IPPROTO_*, 0: none */
	uint16_t family; /* AF_*, for sockets */
	int64_t num;     /* -1: no descriptor */
	struct str path; /* given name: of files joined and normalised; of unix sockets sun_path,
			    unless is_listed */
	struct str path_raw;
	struct str path_resolved; /* the kernel's, empty: not known */
	struct ip_address local, remote;
	uint16_t local_port, remote_port;
	uint64_t ino;
	uint32_t dev;
	uint32_t open_flags; /* scap's file_flags values */
	uint64_t unix_self, unix_peer;
};

/*
 * The event at the enter of a call, of captures that hold it: unlike what the event at its exit
 * says of its arguments, no other thread could change it meanwhile. It lives as long as the event.
 */
struct event_enter {
	const struct event_schema *schema;
	uint32_t nparams;
	const struct str *params; /* raw bytes */
};

struct event {
	const struct record *record;
	const struct event_header *header;
	const struct event_schema *schema;
	uint64_t time;   /* ns since the epoch */
	uint64_t number; /* from 1, counts all events of the source */
	uint16_t kind;
	uint16_t cpu;
	uint32_t nparams;
	struct str params[RECORD_PARAMS_MAX]; /* raw bytes; see event_param_* */
	const uint8_t *annex;                 /* first item, NULL: none */
	const uint8_t *annex_end;
	const struct tape *tape; /* what the event says, where that is JSON (event/tape.h) */

	/* Bound by state/ before the engine sees it. */
	struct thread *thread;
	struct process *process;
	struct event_fd fd;
	const struct event_enter *enter; /* captures: what the call was given; NULL: not told */
	enum name_view name_view;        /* set by the engine for each judgement */
	bool has_second_name;            /* a file's resolved name differs from the given one */
};

/*
 * Makes the view. record points to `size` readable bytes, aligned to 8, that stay put; every length
 * in it is checked, so that any bytes may be given. Unknown event codes are an error (-ENOENT),
 * damaged records another (-EBADMSG). Leaves the bound part zeroed and fd.num at -1.
 */
int event_decode(struct event *e, const void *record, size_t size, struct error *err);
/*
 * The same of an event that does not stand behind its record, as in a capture, where it may be
 * unaligned. Of the record only cpu, flags, ret, syscall_nr and task count; there is no annex.
 */
int event_decode_apart(struct event *e, const struct record *record, struct str event,
		       struct error *err);

/* Bytes of a number of that type, 0 for types that are no numbers of a fixed size. */
size_t param_number_size(enum param_type type);

/*
 * Values of parameters. False (and *out untouched) where the index is out of range, the parameter
 * is empty, or its type is not of that form. Integers of all sizes are widened by their type's
 * signedness.
 */
bool event_param_i64(const struct event *e, unsigned index, int64_t *out);
bool event_param_u64(const struct event *e, unsigned index, uint64_t *out);
/* CHARBUF, FSPATH, FSRELPATH without the NUL; BYTEBUF whole. */
bool event_param_str(const struct event *e, unsigned index, struct str *out);

/*
 * Annex items in order: the one after `after` (NULL: the first), or NULL. Items whose payload is
 * too small for the struct of their kind are passed over, so that it may be read as one.
 * event_annex_find answers the first of a kind and subject (-1: any).
 */
static inline size_t annex_size_least(uint16_t kind)
{
	switch (kind) {
	case ANNEX_FILE:
		return sizeof(struct annex_file);
	case ANNEX_SOCKET:
		return sizeof(struct annex_socket);
	case ANNEX_EXE:
		return sizeof(struct annex_exe);
	case ANNEX_CREATOR:
		return sizeof(struct annex_creator);
	default:
		return 0;
	}
}
static inline const struct annex_item *event_annex_next(const struct event *e,
							const struct annex_item *after)
{
	const uint8_t *p = e->annex;

	if (after)
		p = (const uint8_t *)(after + 1) + ((after->size + 7u) & ~7u);
	while (p && (size_t)(e->annex_end - p) >= sizeof(struct annex_item)) {
		const struct annex_item *item = (const struct annex_item *)p;
		size_t padded = (item->size + 7u) & ~7u;

		if (padded > (size_t)(e->annex_end - p) - sizeof(*item))
			return NULL;
		if (item->size >= annex_size_least(item->kind))
			return item;
		p += sizeof(*item) + padded;
	}
	return NULL;
}
const struct annex_item *event_annex_find(const struct event *e, enum annex_kind kind, int subject);
static inline struct str annex_str(const struct annex_item *item)
{
	return (struct str){(const char *)(item + 1), item->size};
}

/*
 * What the call answered: the first parameter of a completed system call, whatever its name. False
 * for events that are no calls, and for calls without parameters or an event of their own.
 */
bool event_result(const struct event *e, int64_t *out);

/*
 * Encoding, for tests, benchmarks, the capture reader and generated events: builds a record in
 * memory that the caller owns. record_begin starts it, one record_param_* per parameter in schema
 * order (record_param with no bytes for an absent one), then any number of record_annex, then
 * record_end answers the size. Where the memory is too small record_end answers 0.
 */
struct record_builder {
	uint8_t *memory;
	size_t room;
	size_t size;
	const struct event_schema *schema;
	uint32_t params_done;
	bool is_full;
};
void record_begin(struct record_builder *b, void *memory, size_t room, uint16_t code, uint64_t ts,
		  const struct task_facts *task, int64_t ret);
void record_param(struct record_builder *b, struct str bytes);
void record_param_str(struct record_builder *b, struct str text); /* adds the NUL */
void record_param_int(struct record_builder *b, int64_t value);   /* sized by the schema */
void record_annex(struct record_builder *b, enum annex_kind kind, uint8_t subject,
		  struct str bytes);
size_t record_end(struct record_builder *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptors of a process, as captures and their events tell them. Live, events bring the
 * facts of their descriptor along and no table is kept.
 *
 * A table hands its entries out in the order of the hash tables that Falco keeps them in, so that
 * lists (fd.types) have the order in which users know them.
 *
 * Entries come from a store that all tables share. Their texts are immutable and counted; a clone
 * of a table shares them.
 */
#ifndef SAKER_STATE_FD_TABLE_H
#define SAKER_STATE_FD_TABLE_H

#include "event/event.h"
#include "state/pool.h"

/* Descriptors that are remembered: of one process and of all; and bytes of all their names. */
enum { FD_TABLE_MAX = 4096, FD_STORE_MAX = 1 << 20, FD_TEXTS_MAX = 256 * 1024 * 1024 };

struct fd_text {
	uint32_t references;
	struct str text; /* also NUL-terminated */
	char bytes[];
};

/* What a socket's end is to the other. Both may be set of sockets that changed sides. */
enum fd_role { FD_ROLE_NONE = 0, FD_ROLE_CLIENT = 1, FD_ROLE_SERVER = 2 };

/* Transport protocols, as the scap format numbers them. */
enum fd_l4 { FD_L4_UNKNOWN, FD_L4_NONE, FD_L4_TCP, FD_L4_UDP, FD_L4_ICMP, FD_L4_RAW };

/*
 * What is known of a socket, laid out as Falco has it: the forms share their memory, and a socket
 * that changes its form (a bound one that sends, an IPv6 one whose peer is an IPv4 address) finds
 * there what the other form left, which shows in the values of fields. Addresses are in network
 * order, ports in the host's.
 */
union fd_socket {
	struct {
		uint8_t source[4], destination[4]; /* the client's end and the server's */
		uint16_t source_port, destination_port;
		uint8_t l4; /* enum fd_l4 */
	} ipv4;
	struct {
		uint8_t ip[4];
		uint16_t port;
		uint8_t l4;
	} ipv4_bound;
	struct {
		uint8_t source[16], destination[16];
		uint16_t source_port, destination_port;
		uint8_t l4;
	} ipv6;
	struct {
		uint8_t ip[16];
		uint16_t port;
		uint8_t l4;
	} ipv6_bound;
	struct {
		uint64_t source, destination;
	} unix_ends;
};

/* Both ends of an IP socket; of one that is but bound the destination alone. */
struct fd_ends {
	struct ip_address source, destination;
	uint16_t source_port, destination_port;
};

struct fd_link {
	struct fd_link *next;
};

struct fd_entry {
	struct fd_link link; /* the table's own; first */
	int64_t num;
	struct fd_text *name;     /* the name that fd.name shows; NULL: empty */
	struct fd_text *name_raw; /* a file's name as it was given */
	uint64_t ino;
	uint32_t dev;
	uint32_t open_flags; /* file_flags table; of memfd and epoll their own */
	uint8_t type;        /* enum fd_type */
	uint8_t layer;       /* as annex_file.layer */
	uint8_t roles;       /* FD_ROLE_* bits */
	bool is_bound;       /* an IP socket with but its own end */
	bool is_connected;
	uint32_t bucket; /* the table's own */
	union fd_socket socket;
	int64_t pid; /* of a pidfd */
};

/* Memory of all tables of a state. */
struct fd_store {
	struct pool entries;
	struct block_pool *blocks;
	size_t count;
	size_t text_bytes;
	uint64_t refused; /* descriptors, and names of descriptors, that were not remembered */
};

struct fd_table {
	struct fd_link before_first;
	struct fd_link **buckets; /* of each the link before its first entry, NULL: empty */
	struct fd_entry **low;    /* by number; numbers from low_count on are in buckets alone */
	uint32_t bucket_count, low_count;
	uint32_t count;
};

void fd_store_init(struct fd_store *s, struct block_pool *blocks);
void fd_store_release(struct fd_store *s);

struct fd_entry *fd_table_find_high(const struct fd_table *t, int64_t num);
/* NULL where the table has none of that number. */
static inline struct fd_entry *fd_table_find(const struct fd_table *t, int64_t num)
{
	return (uint64_t)num < t->low_count ? t->low[num] : fd_table_find_high(t, num);
}
/* In the table's order: the one after `after`, NULL: the first. */
static inline struct fd_entry *fd_table_next(const struct fd_table *t, const struct fd_entry *after)
{
	const struct fd_link *link = after ? &after->link : &t->before_first;

	return (struct fd_entry *)(uintptr_t)link->next;
}
/*
 * An entry of that number with nothing known of it, in the place of one that was there; NULL where
 * the table is full.
 */
struct fd_entry *fd_table_add(struct fd_store *s, struct fd_table *t, int64_t num);
/* The same with everything that is known of another one, but for the number. */
struct fd_entry *fd_table_add_copy(struct fd_store *s, struct fd_table *t, int64_t num,
				   const struct fd_entry *from);
void fd_table_remove(struct fd_store *s, struct fd_table *t, struct fd_entry *e);
/* Empties `to` and fills it with copies, as fork does. */
void fd_table_clone(struct fd_store *s, struct fd_table *to, const struct fd_table *from);
void fd_table_clear(struct fd_store *s, struct fd_table *t);

void fd_set_name(struct fd_store *s, struct fd_entry *e, struct str name);
void fd_set_name_raw(struct fd_store *s, struct fd_entry *e, struct str name);

static inline struct fd_text *fd_text_keep(struct fd_text *text)
{
	if (text)
		text->references++;
	return text;
}
void fd_text_free(struct fd_store *s, struct fd_text *text);
static inline void fd_text_release(struct fd_store *s, struct fd_text *text)
{
	if (text && --text->references == 0)
		fd_text_free(s, text);
}
static inline struct str fd_text_str(const struct fd_text *text)
{
	return text ? text->text : (struct str){"", 0};
}

/* Of sockets of the types FD_IPV4 and FD_IPV6. */
struct fd_ends fd_entry_ends(const struct fd_entry *e);
enum fd_l4 fd_entry_l4(const struct fd_entry *e);
/* The protocol as users see it: of a socket without a role none but raw. IPPROTO_*, 0: none. */
uint8_t fd_entry_l4proto(const struct fd_entry *e);
/* The kernel's flags of open(2) as the file_flags table has them. */
uint32_t fd_open_flags(uint32_t flags);
/* Closed by exec. */
bool fd_entry_is_cloexec(const struct fd_entry *e);
void fd_entry_set_cloexec(struct fd_entry *e, bool is_set);

#endif

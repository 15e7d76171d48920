/* SPDX-License-Identifier: Apache-2.0 */
/* The generated tables; for event/schema.c alone, which gives them their meaning. */
#ifndef SAKER_EVENT_SCHEMA_TABLES_H
#define SAKER_EVENT_SCHEMA_TABLES_H

#include "event/schema.h"

struct schema_kind {
	const char *name;
	uint16_t flags;
	uint8_t category;
	int16_t code; /* of today's event of that name; -1: none */
};

extern const struct flag_table *const schema_flag_tables[]; /* by name */
extern const uint16_t schema_flag_table_count;
extern const struct event_schema schema_events[]; /* by code */
extern const struct event_schema schema_generic[];
extern const uint8_t schema_generic_by_kind[]; /* indexes into these plus one */
extern const struct schema_kind schema_kinds[];
extern const uint16_t schema_kinds_by_name[];
extern const struct syscall_schema schema_syscalls[];
/* Indexes into schema_syscalls plus one; 0: no such number. */
extern const uint16_t schema_syscalls_by_nr[SYSCALL_NR_LIMIT];
extern const uint16_t schema_syscalls_by_scap_nr[];
/* Kinds plus one. */
extern const uint16_t schema_kinds_by_x86_64_nr[SYSCALL_NR_LIMIT];
extern const uint16_t schema_scap_nr_count;

#endif

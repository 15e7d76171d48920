/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs that discard are told, and what they count. The table of what is discarded is
 * in a map of maps, replaced as a whole: a program sees one table or another, never a half. What is
 * told of processes, and counts, are read and written where they lie: system calls would be too
 * many.
 */
#ifndef SAKER_PROBE_DISCARD_MAP_H
#define SAKER_PROBE_DISCARD_MAP_H

#include "base/error.h"
#include "event/discard_table.h"

/* A map of a table; an empty one gives the map of maps its form. A descriptor, or an errno. */
int discard_map_make(const struct discard_table *table, uint32_t number);

/* The table that is in use from now on, NULL: none. The number differs from all before it. */
int discard_map_enter(int map, const struct discard_table *table, uint32_t number,
		      struct error *err);

struct probe;

/* Maps the memory of counts and processes; what cannot be mapped is not counted, or not known. */
void discards_map(struct probe *p);
void discards_unmap(struct probe *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of maps in which the programs find the table of what is discarded. It is replaced as a
 * whole: a program sees one table or another, never a half.
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

#endif

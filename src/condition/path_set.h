/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of path prefixes, as `pmatch` asks them: a path is in the set where the components of one
 * of the prefixes are its first components. Components are what stands between slashes; empty ones
 * count for nothing, so "/usr//bin/" and "usr/bin" are the same prefix, and "/" is one of all
 * paths. A component with * ? or [ is a shell pattern for one component.
 */
#ifndef SAKER_CONDITION_PATH_SET_H
#define SAKER_CONDITION_PATH_SET_H

#include "base/arena.h"

struct path_set;

struct path_set *path_set_new(struct arena *arena, const struct str *prefixes, size_t count);
/* Linear in the path, but for prefixes that are patterns: those are tried one by one. */
bool path_set_covers(const struct path_set *set, struct str path);

/* Whether the components of prefix are the first of path. */
bool path_is_prefix(struct str prefix, struct str path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* File names as programs give them, made comparable. */
#ifndef SAKER_STATE_PATH_H
#define SAKER_STATE_PATH_H

#include "base/buffer.h"

/*
 * Joins name to base (where name is relative) and normalises: no empty, "." or ".." components, one
 * slash between components, none at the end but for "/" itself. ".." at the root stays there.
 * A relative name with an empty base is normalised as it is, and keeps leading "..".
 */
void path_join(struct buffer *out, struct str base, struct str name);

/* True where path_join(any, path) would give path itself: absolute and normal already. */
bool path_is_normal(struct str path);
bool path_has_double_slash(struct str path);

struct str path_directory(struct str path); /* "/etc" of "/etc/shadow", "/" of "/x" */
struct str path_basename(struct str path);

#endif

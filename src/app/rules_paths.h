/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules files there are: names of files and directories made into a list of files. */
#ifndef SAKER_APP_RULES_PATHS_H
#define SAKER_APP_RULES_PATHS_H

#include "app/config.h"

/*
 * Adds a path to the list: a file as it is, of a directory its *.yaml and *.yml files in
 * alphabetical order. What does not exist is left out where it may, else added, so that reading it
 * says so. The strings live in the arena.
 */
int rules_paths_add(struct string_list *list, const char *path, bool may_be_missing,
		    struct arena *arena, struct error *err);

#endif

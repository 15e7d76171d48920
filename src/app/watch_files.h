/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are watched for changes, whichever way they are made: written in place, replaced by
 * renaming another over them (editors, package managers), or by a swap of a symbolic link on the
 * way to them (Kubernetes' ..data). So directories are watched, for the names in them: of a file,
 * the one that it lies in and each that a symbolic link on its way lies in. What does not exist is
 * watched for where it would appear.
 */
#ifndef SAKER_APP_WATCH_FILES_H
#define SAKER_APP_WATCH_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct watch_files;

/* NULL with the reason. */
struct watch_files *watch_files_new(struct error *err);
void watch_files_free(struct watch_files *w); /* NULL is fine */

/* Readable when something has happened. */
int watch_files_fd(const struct watch_files *w);

/*
 * What is watched from now on: begin, then each file and directory, then end, which forgets what
 * was not named again. Nothing that happens meanwhile to what was watched before goes unseen. What
 * cannot be watched is an error, and the others are.
 */
void watch_files_begin(struct watch_files *w);
int watch_files_add(struct watch_files *w, const char *path, struct error *err);
/* Also what is in it: everything that appears, goes or changes. */
int watch_files_add_directory(struct watch_files *w, const char *path, struct error *err);
void watch_files_end(struct watch_files *w);

/* Takes what has happened: whether it concerns what is watched. Does not wait. */
bool watch_files_take(struct watch_files *w);

/*
 * Whether a file or what is in a directory was changed at or after a time (ns of
 * CLOCK_REALTIME_COARSE): for what was read before it was watched.
 */
bool watch_files_has_changed(const struct watch_files *w, uint64_t since);

#endif

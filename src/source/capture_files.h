/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of captures around alerts: PREFIX_TIME_NUMBER.scap, time and number of the alert's
 * event in 20 digits each, as Falco names them, so that the order of names is that of time.
 */
#ifndef SAKER_SOURCE_CAPTURE_FILES_H
#define SAKER_SOURCE_CAPTURE_FILES_H

#include "base/str.h"

#include <stddef.h>

/* False where it does not fit. */
bool capture_file_name(char *out, size_t room, const char *prefix, uint64_t time, uint64_t number);

/*
 * Removes the oldest files of that prefix until there are at most max_files with at most
 * max_bytes (0: no limit). Answers how many were removed.
 */
size_t capture_files_limit(const char *prefix, size_t max_files, uint64_t max_bytes);

#endif

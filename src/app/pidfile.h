/* SPDX-License-Identifier: Apache-2.0 */
/* The file that tells others the program's process id. */
#ifndef SAKER_APP_PIDFILE_H
#define SAKER_APP_PIDFILE_H

#include "base/error.h"

/*
 * Writes it, over what a program that is gone may have left. -EEXIST where the file names another
 * running process of this program.
 */
int pidfile_write(const char *path, struct error *err);
/* Removes it, unless it is another's by now. */
void pidfile_remove(const char *path);

#endif

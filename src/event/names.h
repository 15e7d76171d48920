/* SPDX-License-Identifier: Apache-2.0 */
/* Names of numbers that are the same on every architecture: errors and signals. */
#ifndef SAKER_EVENT_NAMES_H
#define SAKER_EVENT_NAMES_H

#include <stdint.h>

/* "ENOENT" of 2 and of -2; NULL where the number is no error. */
const char *errno_name(int64_t code);
/* "SIGKILL" of 9; NULL for real-time signals and what is none. */
const char *signal_name(uint64_t number);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Least privilege: of what the program was started with it keeps what it needs to run and reload.
 * See docs/operations.md for the table of who needs what.
 *
 * Capabilities belong to threads, so they are given up before there is a second one.
 */
#ifndef SAKER_APP_PRIVILEGES_H
#define SAKER_APP_PRIVILEGES_H

#include "app/config.h"

struct privileges_options {
	const struct config *config;
	bool has_probe;            /* the probe is loaded, and processes of others are looked at */
	const char *const *writes; /* files that are written to, NULL or empty ones included */
	size_t write_count;
};

/*
 * Programs of program_output run with what the service was given: where it is enabled, what
 * children can gain is left as it was, otherwise nobody can gain anything any more (no_new_privs,
 * bounding set, securebits). Logs what is kept. What cannot be given up is logged, too.
 */
void privileges_drop(const struct privileges_options *options);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* `saker record -w FILE [FILTER]`: the system's events into a capture until a signal comes. */
#ifndef SAKER_APP_RECORD_COMMAND_H
#define SAKER_APP_RECORD_COMMAND_H

#include "app/cli.h"
#include "app/config.h"

/* Answers the exit status; errors have been printed. rules: files with macros and lists. */
int record_run(const struct cli *cli, struct config *config, const struct string_list *rules);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The viewer: `saker read FILE [FILTER]` prints a capture's events, `saker watch [FILTER]` those of
 * the system, both as a rule with that condition would see them; with --top which values of a field
 * come up most.
 */
#ifndef SAKER_APP_VIEW_COMMAND_H
#define SAKER_APP_VIEW_COMMAND_H

#include "app/cli.h"
#include "app/config.h"

/* Answers the exit status; errors have been printed. rules: files with macros and lists. */
int view_run(const struct cli *cli, struct config *config, const struct string_list *rules);

#endif

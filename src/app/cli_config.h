/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration that a command line asks for: its file or the default one, the files that it
 * names, -o, and the flags that stand for keys. A start makes one, and so does every reload, aside
 * from the one that is in use.
 */
#ifndef SAKER_APP_CLI_CONFIG_H
#define SAKER_APP_CLI_CONFIG_H

#include "app/cli.h"
#include "app/config.h"

/*
 * NULL, with the reason, where something cannot be read or flags do not fit what was read. Values
 * that do not fit are among the messages, which the caller tells: look at error_count.
 */
struct config *cli_config_new(const struct cli *cli, struct error *err);

/* Says which files were read, and what was set on the command line. */
void cli_config_log(const struct cli *cli, const struct config *config);

#endif

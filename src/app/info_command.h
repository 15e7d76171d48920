/* SPDX-License-Identifier: Apache-2.0 */
/* --support, --list-plugins, --plugin-info: what the program knows of how it is set up. */
#ifndef SAKER_APP_INFO_COMMAND_H
#define SAKER_APP_INFO_COMMAND_H

#include "app/config.h"

/*
 * One JSON object, as Falco's: version, engine_info, system_info, cmdline, config, rules_files with
 * their contents.
 */
void print_support(const struct config *c, int argc, char **argv,
		   const struct string_list *rules_files, FILE *out);

void print_plugins(const struct config *c, FILE *out);
/* By its name or its library_path; false where there is none of that name. */
bool print_plugin_info(const struct config *c, const char *name, FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, as --version, --support and the web server tell them. */
#ifndef SAKER_APP_VERSIONS_H
#define SAKER_APP_VERSIONS_H

#include <jansson.h>
#include <stdio.h>

/* That Falco whose rules, configuration, captures and outputs are understood. */
#define FALCO_VERSION "0.44.0"

const char *program_version(void);
void versions_print(FILE *out);
/* Under the names that Falco's have, and `saker_version`. Caller owns it. */
json_t *versions_json(void);

#endif

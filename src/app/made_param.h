/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of made events from their text: "O_RDONLY|O_CREAT", "EACCES", "SIGKILL", numbers. */
#ifndef SAKER_APP_MADE_PARAM_H
#define SAKER_APP_MADE_PARAM_H

#include "event/event.h"

/* False, and nothing added: the text is not of the parameter's form, or the form has no text. */
bool made_param_put(struct record_builder *b, const struct param_schema *param, struct str text);

#endif

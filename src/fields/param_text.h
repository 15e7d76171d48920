/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters as text, in the forms that users of scap tools know. A parameter has up to two forms:
 * plain (a number, a path as it was given) and resolved (names of flags, errors, users; an absolute
 * path). evt.args shows "plain(resolved)", evt.arg the resolved form where there is one.
 */
#ifndef SAKER_FIELDS_PARAM_TEXT_H
#define SAKER_FIELDS_PARAM_TEXT_H

#include "fields/field.h"

/* Writes the plain form. False where there is no parameter of that index. */
bool param_print_plain(struct field_context *ctx, unsigned index, struct buffer *out);
/* Writes the resolved form, or nothing where there is none. */
void param_print_resolved(struct field_context *ctx, unsigned index, struct buffer *out);
/* "name=plain(resolved)" of all parameters, with blanks between them. */
void params_print(struct field_context *ctx, struct buffer *out);

/* Names of the bits that are set with | between them, or of the one value of an enumeration. */
void flags_print(const struct flag_table *table, uint32_t value, bool is_enumeration,
		 struct buffer *out);

#endif

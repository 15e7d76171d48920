/* SPDX-License-Identifier: Apache-2.0 */
/* JSON written straight into a buffer, for lines that are made where nothing may be allocated. */
#ifndef SAKER_OUTPUT_JSON_H
#define SAKER_OUTPUT_JSON_H

#include "base/buffer.h"

/*
 * A string in quotes: quotes, backslashes and control characters escaped, everything else as it
 * is, ill-formed UTF-8 replaced by U+FFFD (one for each maximal part of a character). Of longer
 * strings the first `most` bytes are written.
 */
void json_put_string(struct buffer *out, struct str s, size_t most);

/* The shortest decimal that reads back as the same number; null where it is not finite. */
void json_put_double(struct buffer *out, double v);

#endif

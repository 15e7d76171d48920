/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAKER_BASE_UTF8_H
#define SAKER_BASE_UTF8_H

#include "base/str.h"

/*
 * Length in bytes (1 to 4) of the well-formed UTF-8 character at the start of s (Unicode table
 * 3-7: no overlong forms, no surrogates, nothing above U+10FFFF), or 0 where there is none.
 */
size_t utf8_character(struct str s);

/* Offset of the first byte that is not part of well-formed UTF-8; s.n where all is. */
size_t utf8_valid_prefix(struct str s);

#endif

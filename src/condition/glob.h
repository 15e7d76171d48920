/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell patterns as `glob` and `iglob` have them, and the components of `pmatch`: fnmatch(3)'s in
 * the C locale without flags. * is any run of bytes, slashes too; ? one byte; [a-z] [!a-z] [^a-z]
 * and [[:alpha:]] one byte of a set; a backslash takes the next byte's meaning away.
 *
 * Time is bounded by the value's length times the pattern's: no backtracking beyond the last star.
 */
#ifndef SAKER_CONDITION_GLOB_H
#define SAKER_CONDITION_GLOB_H

#include "base/str.h"

/* folds: letters of ASCII match in either case. */
bool glob_matches(struct str pattern, struct str text, bool folds);

/* Whether it has any of the characters that make it more than a text. */
bool glob_is_pattern(struct str text);

#endif

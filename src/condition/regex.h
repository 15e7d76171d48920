/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions of RE2's POSIX syntax, as `regex` has them: matched against the whole value,
 * in time linear in it whatever the pattern. The engine is the library RE2, behind a C interface.
 */
#ifndef SAKER_CONDITION_REGEX_H
#define SAKER_CONDITION_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct regex;

/* NULL where the pattern is none; message (of that size) says why then. */
struct regex *regex_new(const char *pattern, size_t size, char *message, size_t message_size);
void regex_free(void *regex);

/* The text must be well-formed UTF-8: other bytes match nothing. Safe from any thread. */
bool regex_matches(const struct regex *regex, const char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, told to a person: what was found, what was expected, where. Functions that can
 * fail for a reason a person must hear take `struct error *err` last, fill it once and answer a
 * negative errno or NULL. err may be NULL where the caller does not care. Errors are printed by
 * the app alone.
 */
#ifndef SAKER_BASE_ERROR_H
#define SAKER_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct error {
	char message[512];
	char file[256];  /* empty: no file is concerned */
	uint32_t line;   /* from 1; 0: unknown */
	uint32_t column; /* from 1, in bytes; 0: unknown */
	size_t offset;   /* in the text that was parsed, in bytes from 0 */
};

/* Sets the message and answers code, so that `return error_set(err, -EINVAL, ...)` reads well. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the offset in the parsed text. */
int error_set_at(struct error *err, int code, size_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Fills in where the error is, keeping its message. */
void error_locate(struct error *err, const char *file, uint32_t line, uint32_t column);

#endif

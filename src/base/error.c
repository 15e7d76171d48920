/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>

__attribute__((format(printf, 3, 0))) static void error_fill(struct error *err, size_t offset,
							     const char *format, va_list args)
{
	if (!err)
		return;
	*err = (struct error){.offset = offset};
	vsnprintf(err->message, sizeof(err->message), format, args);
}

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_fill(err, 0, format, args);
	va_end(args);
	return code;
}

int error_set_at(struct error *err, int code, size_t offset, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_fill(err, offset, format, args);
	va_end(args);
	return code;
}

void error_locate(struct error *err, const char *file, uint32_t line, uint32_t column)
{
	if (!err)
		return;
	snprintf(err->file, sizeof(err->file), "%s", file ? file : "");
	err->line = line;
	err->column = column;
}

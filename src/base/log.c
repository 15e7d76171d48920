/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static struct {
	enum severity least;
	int to_stderr;
	log_sink *sink;
} log_settings = {SEVERITY_INFORMATIONAL, 1, NULL};

void log_configure(enum severity least, int to_stderr, log_sink *sink)
{
	log_settings.least = least;
	log_settings.to_stderr = to_stderr;
	log_settings.sink = sink;
}

void log_line(enum severity severity, const char *format, ...)
{
	char text[2048], when[64];
	va_list args;

	if (severity > log_settings.least)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (log_settings.to_stderr) {
		time_t now = time(NULL);
		struct tm local;

		localtime_r(&now, &local);
		strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &local);
		fprintf(stderr, "%s: %s\n", when, text);
	}
	if (log_settings.sink)
		log_settings.sink(severity, text);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* A reload may change them while other threads log. */
static struct {
	_Atomic(enum severity) least;
	atomic_int to_stderr;
	_Atomic(log_sink *) sink;
	atomic_int is_iso_8601;
} log_settings = {.least = SEVERITY_INFORMATIONAL, .to_stderr = 1};

void log_configure(enum severity least, int to_stderr, log_sink *sink)
{
	log_settings.least = least;
	log_settings.to_stderr = to_stderr;
	log_settings.sink = sink;
}

void log_times_iso_8601(int enabled)
{
	log_settings.is_iso_8601 = enabled;
}

static void print_time(char *text, size_t room)
{
	time_t now = time(NULL);
	struct tm t;

	if (log_settings.is_iso_8601)
		strftime(text, room, "%FT%T%z", gmtime_r(&now, &t));
	else
		strftime(text, room, "%a %b %e %H:%M:%S %Y", localtime_r(&now, &t));
}

void log_line(enum severity severity, const char *format, ...)
{
	char text[2048], when[64];
	log_sink *sink;
	va_list args;

	if (severity > log_settings.least)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (log_settings.to_stderr) {
		print_time(when, sizeof(when));
		fprintf(stderr, "%s: %s\n", when, text);
	}
	sink = log_settings.sink;
	if (sink)
		sink(severity, text);
}

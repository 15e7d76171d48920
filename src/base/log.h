/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own log lines (not alerts): one line each, to stderr, with time and severity, as
 * users of Falco know them: "Tue Nov 24 20:27:24 2026: text". Safe from any thread.
 */
#ifndef SAKER_BASE_LOG_H
#define SAKER_BASE_LOG_H

/* The severities of syslog(3) and of alert priorities, highest first. */
enum severity {
	SEVERITY_EMERGENCY,
	SEVERITY_ALERT,
	SEVERITY_CRITICAL,
	SEVERITY_ERROR,
	SEVERITY_WARNING,
	SEVERITY_NOTICE,
	SEVERITY_INFORMATIONAL,
	SEVERITY_DEBUG,
	SEVERITY_COUNT
};

/* Where log lines go beside stderr; text has neither time nor line end. NULL: nowhere. */
typedef void log_sink(enum severity severity, const char *text);

void log_configure(enum severity least, int to_stderr, log_sink *sink);
/* Times as 2026-11-24T20:27:24+0000, of UTC as Falco has them there, instead of local time. */
void log_times_iso_8601(int enabled);
void log_line(enum severity severity, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(SEVERITY_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(SEVERITY_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(SEVERITY_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(SEVERITY_INFORMATIONAL, __VA_ARGS__)
#define log_debug(...) log_line(SEVERITY_DEBUG, __VA_ARGS__)

#endif

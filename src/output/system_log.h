/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for /dev/log, in the form in which syslog(3) writes them. syslog(3) itself is not used: it
 * waits without end, and under a lock, for a service that has stopped reading.
 */
#ifndef SAKER_OUTPUT_SYSTEM_LOG_H
#define SAKER_OUTPUT_SYSTEM_LOG_H

#include "base/buffer.h"
#include "base/log.h"

#define SYSTEM_LOG_SOCKET "/dev/log"
#define SYSTEM_LOG_NAME "saker"
enum { SYSTEM_LOG_FACILITY = 3 }; /* daemon */

/* "<28>Nov 25 02:30:55 saker[17]: text" */
void system_log_format(struct buffer *out, enum severity severity, struct str text);

/* One line for a log of datagrams, from any thread. Where it would have to wait, the line is not
 * sent: 0 or a negative errno. */
int system_log_send(const char *socket_path, enum severity severity, struct str text);

#endif

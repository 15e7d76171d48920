/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service manager is told (systemd's sd_notify(3) protocol: datagrams to $NOTIFY_SOCKET,
 * https://www.freedesktop.org/software/systemd/man/sd_notify.html): that the monitor is ready,
 * reloads, stops, what it does, and at intervals that its event loop goes on, so that one that
 * hangs is restarted. Without a service manager that asks for it nothing is sent. From any thread.
 */
#ifndef SAKER_APP_NOTIFY_H
#define SAKER_APP_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd; /* -1: nobody asks */
	/* The event loop must be heard of within this time, ns; 0: nobody asks. */
	uint64_t watchdog_ns;
};

/* Reads the environment and takes the variables out of it: they are not for our children. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* "READY=1" and the like, one assignment a line. */
void notify_send(const struct notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void notify_reloading(const struct notify *n);

#endif

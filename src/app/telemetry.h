/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running monitor tells of itself: the web server (health, versions, metrics), and at
 * intervals the alert "Falco internal: metrics snapshot" and a line of a file. On threads of its
 * own, which ask the monitor by the functions of app/monitor.h: no event waits for it.
 */
#ifndef SAKER_APP_TELEMETRY_H
#define SAKER_APP_TELEMETRY_H

#include "app/monitor.h"

struct telemetry;

/*
 * For a monitor of the system that is about to read events, until telemetry_stop, which comes
 * before anything of the monitor ends. A port that is taken is told and tried again now and then;
 * NULL with the reason where the configuration cannot work.
 */
struct telemetry *telemetry_start(struct monitor *m, struct error *err);
void telemetry_stop(struct telemetry *t); /* NULL is fine */

#endif

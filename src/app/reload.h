/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reloads: on request (SIGHUP), and where watch_config_files asks for it, when files have changed
 * that the policy in force came from. A thread of its own, of low priority, reads and compiles, and
 * puts the result in force (app/regime.h). Where anything has errors what is in force stays.
 */
#ifndef SAKER_APP_RELOAD_H
#define SAKER_APP_RELOAD_H

#include "app/cli.h"
#include "app/notify.h"
#include "app/regime.h"

struct reload;

/*
 * cli, regime and notify outlive it. read_at: when the files of the policy in force were read, ns
 * of CLOCK_REALTIME_COARSE, by which files are stamped. NULL with the reason.
 */
struct reload *reload_start(const struct cli *cli, struct regime *regime,
			    const struct notify *notify, uint64_t read_at, struct error *err);
/* From any thread. Requests that come before one has begun are one. */
void reload_request(struct reload *r);
/* Waits until what is under way has come to its end. NULL is fine. */
void reload_stop(struct reload *r);

#endif

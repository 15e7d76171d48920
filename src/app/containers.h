/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers of a live monitor: the clients of runtimes and of Kubernetes, as the configuration has
 * them, and the events that wait for what they tell. Of the judge's thread.
 */
#ifndef SAKER_APP_CONTAINERS_H
#define SAKER_APP_CONTAINERS_H

#include "app/config.h"
#include "app/counts.h"
#include "app/kubernetes.h"
#include "app/waiting.h"
#include "metadata/metadata.h"

struct containers;

/* judged: see waiting_new; may be NULL. NULL with the reason. */
struct containers *containers_new(const struct config *config, struct state *state,
				  waiting_judged_fn *judged, void *context, struct error *err);
/* Starts the clients; the judge is the one whose `waiting` is containers_waiting(). */
int containers_start(struct containers *c, const struct config *config, const char *host_root,
		     const char *hostname, struct error *err);
/* Instead: of a recording, whose events tell what was told, however long that takes. */
void containers_await_recording(struct containers *c);
struct waiting *containers_waiting(const struct containers *c);
/* Between events: judges what has waited; how long it may be until the next look, ms; -1: any. */
int containers_look(struct containers *c, struct judge *j);
/* Judges all that waits. */
void containers_finish(struct containers *c, struct judge *j);
void containers_free(struct containers *c);

void containers_count(const struct containers *c, struct container_counts *out);
/* Zeros where Kubernetes is not asked. */
struct kube_counters containers_kubernetes(const struct containers *c);

/* Goes to stderr, as counts_print's. Nothing where no container was asked for. */
void containers_print(const struct containers *c);

#endif

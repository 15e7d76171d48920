/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of Kubernetes of a live monitor, as the configuration has it: `kubernetes_metadata`,
 * or the entry of the plugin k8smeta.
 */
#ifndef SAKER_APP_KUBERNETES_H
#define SAKER_APP_KUBERNETES_H

#include "app/config.h"
#include "metadata/kube.h"
#include "state/pod_set.h"

struct kubernetes;

/*
 * *out is NULL where it is not wanted, or no server is known, which the log tells. The pods outlive
 * it.
 */
int kubernetes_start(const struct config *config, const char *hostname, struct pod_set *pods,
		     struct kubernetes **out, struct error *err);
void kubernetes_stop(struct kubernetes *k); /* NULL is fine */

/* Zeros where there is none. Of the thread of the pods. */
struct kube_counters kubernetes_counters(const struct kubernetes *k);
/* Goes to stderr, as counts_print's. */
void kubernetes_print(const struct kubernetes *k);

/*
 * The options of the configuration; strings are of the arena. 0 with is_wanted false where nothing
 * asks for them; a negative errno with the reason where they cannot be understood.
 */
struct kubernetes_options {
	bool is_wanted;
	bool names_collector; /* that of Falco's plugin, which is not needed */
	struct kube_options kube;
};
int kubernetes_options(const struct config *config, const char *hostname, struct arena *arena,
		       struct kubernetes_options *out, struct error *err);

#endif

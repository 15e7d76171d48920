/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of Kubernetes remembers: the pods of the node, and the objects that they belong to.
 * It says which objects are still to be asked for, puts pods and objects together, and tells the
 * inbox of each pod that has become another one. Of the client's thread; times are CLOCK_MONOTONIC,
 * ms.
 */
#ifndef SAKER_METADATA_KUBE_PODS_H
#define SAKER_METADATA_KUBE_PODS_H

#include "metadata/kube_json.h"

enum {
	KUBE_SERVICES = KUBE_KINDS, /* all of a namespace */
	KUBE_PODS_MOST = 4096,
	KUBE_PODS_BYTES_MOST = 4 * 1024 * 1024,
	KUBE_TOLD_BYTES_MOST = 8 * 1024 * 1024, /* of pods with all that they belong to */
	KUBE_OBJECTS_MOST = 8192,
	KUBE_OBJECTS_BYTES_MOST = 4 * 1024 * 1024,
};

/* An object that is to be asked for. Its texts live until the next kube_pods_forget_unused. */
struct kube_need {
	unsigned kind;  /* enum kube_kind, or KUBE_SERVICES */
	const char *ns; /* "" of a namespace */
	const char *name;
};

struct kube_pods_counters {
	uint64_t pods, objects, bytes; /* now */
	uint64_t refused;              /* that there was no room for */
};

struct kube_pods;

struct kube_pods *kube_pods_new(struct inbox *inbox);
void kube_pods_free(struct kube_pods *p); /* NULL is fine */

/* A pod as kube_pod made it; takes over the reference. */
void kube_pods_put(struct kube_pods *p, struct pod_info *pod);
void kube_pods_remove(struct kube_pods *p, struct str key);
/* Between the two all pods of the node are put; those that are not are gone. */
void kube_pods_begin_list(struct kube_pods *p);
void kube_pods_end_list(struct kube_pods *p);

/* Somebody waits for it: what it needs goes first. False: there is no such pod. */
bool kube_pods_ask(struct kube_pods *p, struct str key);
/* The next object that a pod lacks; false: there is none. */
bool kube_pods_next(struct kube_pods *p, struct kube_need *out);
/* The next that may have changed since it was asked for so long ago; false: there is none. */
bool kube_pods_stale(struct kube_pods *p, uint64_t now, uint64_t age_ms, struct kube_need *out);

/*
 * What was answered: the object, or the namespace's services; nothing: it is not there, or nobody
 * may know. Takes over the list's items.
 */
void kube_pods_found(struct kube_pods *p, const struct kube_need *need, struct kube_kept **items,
		     size_t count, uint64_t now);
/* Drops objects that no pod belongs to any more. */
void kube_pods_forget_unused(struct kube_pods *p);

struct kube_pods_counters kube_pods_counters(const struct kube_pods *p);

#endif

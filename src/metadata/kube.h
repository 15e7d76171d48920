/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kubernetes says of the pods of this node: one client, on a thread of its own, that leaves
 * what it learns in an inbox (state/pod_info.h). Either the API server is asked, which lists the
 * node's pods and is watched for what becomes of them; or the kubelet, which is asked again and
 * again, and at once where a pod is not known. What pods belong to (owners, namespace, services) is
 * asked of the API server, kept, and asked again now and then. Requests are limited to a rate.
 *
 * Servers are not trusted: answers have a size and a time that they may take, what is remembered
 * has bounds, and an error is logged once and counted. Pods that are known stay so while a server
 * cannot be reached; then nobody waits for another.
 */
#ifndef SAKER_METADATA_KUBE_H
#define SAKER_METADATA_KUBE_H

#include "base/error.h"
#include "state/pod_info.h"

struct kube_options {
	bool from_kubelet;
	const char *api_server; /* "https://10.0.0.1:443"; "": only what the kubelet tells */
	const char *kubelet;    /* "https://127.0.0.1:10250" */
	const char *node_name;
	const char *token_file, *ca_file; /* "": none */
	const char *kubelet_ca_file;
	bool is_insecure; /* certificates are not checked */
	uint32_t requests_per_second;
	uint32_t refresh_s; /* after which owners, namespaces and services are asked for again */
	uint32_t poll_s;    /* after which the kubelet is */
};

struct kube_counters {
	const char *server;
	bool is_up;
	uint64_t requests, errors;
	uint64_t events;               /* of watches */
	uint64_t lists, watches;       /* that were begun */
	uint64_t gone;                 /* lists because the server had forgotten where we were */
	uint64_t bookmarks;            /* of watches */
	uint64_t pods, objects, bytes; /* that are remembered */
	uint64_t refused;              /* for want of room */
};

struct kube;

/* Strings are copied. The inbox outlives it. NULL with the reason. */
struct kube *kube_start(const struct kube_options *options, struct inbox *inbox, struct error *err);
/* Ends the thread, and at once what it waits for. */
void kube_stop(struct kube *k); /* NULL is fine */

/* A pod_asker's: false where the server cannot be reached. */
bool kube_ask(void *kube, struct str key);

/* From any thread. */
struct kube_counters kube_counters(const struct kube *k);

#endif

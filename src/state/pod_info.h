/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kubernetes says of a pod: immutable once made, one block of memory, shared by reference, as
 * state/container_info.h has it of containers. A client of Kubernetes (metadata/kube.h) makes it on
 * a thread of its own and leaves it in an inbox.
 */
#ifndef SAKER_STATE_POD_INFO_H
#define SAKER_STATE_POD_INFO_H

#include "base/inbox.h"
#include "state/container_info.h"

/* What a pod belongs to; of each there is one at most. */
enum kube_kind {
	KUBE_NAMESPACE,
	KUBE_REPLICA_SET,
	KUBE_DEPLOYMENT,
	KUBE_REPLICATION_CONTROLLER,
	KUBE_DAEMON_SET,
	KUBE_STATEFUL_SET,
	KUBE_JOB,
	KUBE_CRON_JOB,
	KUBE_KINDS,
};

/* As Kubernetes writes them: "ReplicaSet". */
const char *kube_kind_name(enum kube_kind kind);
/* KUBE_KINDS: none of them. */
enum kube_kind kube_kind_by_name(struct str name);

struct kube_object {
	struct str name, uid;
	const struct container_label *labels; /* sorted by key */
	uint32_t label_count;
};

struct pod_info {
	/*
	 * The uid that the kubelet names cgroups and containers by. That of a static pod is the
	 * hash of its file, and not the uid that the API server gave its mirror.
	 */
	struct str key;
	struct str uid, name, ns, node, service_account, ip;
	struct str owner_kind; /* of whatever controls it in the end: "Deployment" */
	struct kube_object owner;
	const struct container_label *labels; /* sorted by key */
	uint32_t label_count;
	struct kube_object related[KUBE_KINDS]; /* without a name: none */
	const struct kube_object *services;
	uint32_t service_count;
	bool is_complete; /* else there is more to come */
	/* The owners' alone. */
	_Atomic uint32_t references;
	size_t bytes;
};

enum {
	/* More than that of one pod is cut. Names and labels of Kubernetes are shorter. */
	POD_TEXT_MAX = 512,
	POD_LABELS_MAX = 128,
	POD_SERVICES_MAX = 64,
	POD_KEY_MAX = 63,
};

/*
 * Copies a draft, whose texts and lists are the caller's; labels are sorted. The first reference is
 * the caller's. Aborts without memory.
 */
struct pod_info *pod_info_new(const struct pod_info *draft);
struct pod_info *pod_info_keep(struct pod_info *info);
void pod_info_release(struct pod_info *info); /* NULL is fine */
/* Whether they say the same. */
bool pod_info_equal(const struct pod_info *a, const struct pod_info *b);

struct pod_news {
	struct inbox_item item; /* first */
	struct pod_info *info;  /* NULL: the pod is gone */
	struct str key;         /* of one that is gone */
	char bytes[];
};

/* Takes over the caller's reference. */
void pod_inbox_put(struct inbox *inbox, struct pod_info *info);
void pod_inbox_put_gone(struct inbox *inbox, struct str key);
/* The oldest, with those behind it in item.next; each is freed with pod_news_free. */
struct pod_news *pod_inbox_take(struct inbox *inbox);
void pod_news_free(struct pod_news *news);

#endif

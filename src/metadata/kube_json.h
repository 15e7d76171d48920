/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the Kubernetes API, as JSON: pods, and the metadata of what they belong to.
 * Formats: the API's reference, v1, apps/v1, batch/v1; meta.k8s.io/v1 for lists, watches and
 * metadata alone.
 */
#ifndef SAKER_METADATA_KUBE_JSON_H
#define SAKER_METADATA_KUBE_JSON_H

#include "base/error.h"
#include "state/pod_info.h"

/* Of what controls an object: kind "Job"; of a group that is not Kubernetes' own "Job.GROUP". */
struct kube_reference {
	struct str kind, name, uid;
};

/*
 * A pod. Its owner is what it names itself, and of what it belongs to names and uids are there as
 * far as it tells them; it is not complete. *is_over: its containers have ended for good.
 * NULL: it is none.
 */
struct pod_info *kube_pod(struct str json, bool *is_over, struct error *err);

/* Any object's metadata; selector: of a service. One block, freed with free. */
struct kube_kept {
	struct kube_object object;
	struct str ns;
	struct kube_reference owner;
	const struct container_label *selector;
	uint32_t selector_count;
	size_t bytes;
};
struct kube_kept *kube_kept(struct str json, struct error *err);
bool kube_kept_equal(const struct kube_kept *a, const struct kube_kept *b);

enum kube_change { KUBE_OTHER, KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED, KUBE_BOOKMARK, KUBE_ERROR };

enum { KUBE_VERSION_MAX = 128, KUBE_CONTINUE_MAX = 2048 };

/* A line of a watch. */
struct kube_event {
	enum kube_change change;
	char version[KUBE_VERSION_MAX]; /* resourceVersion; empty: none */
	struct pod_info *pod;           /* of the first three: the caller's reference */
	bool is_over;
	int code; /* of an error: 410: gone */
	char message[256];
};
int kube_event(struct str json, struct kube_event *out, struct error *err);

/* What stands around a list's items; continuing: empty where nothing follows. */
struct kube_list {
	char version[KUBE_VERSION_MAX];
	char continuing[KUBE_CONTINUE_MAX];
};
int kube_list(struct str rest, struct kube_list *out, struct error *err);

/* A Status' message, cut to room; empty: it has none. */
void kube_status_message(struct str json, char *out, size_t room);

#endif

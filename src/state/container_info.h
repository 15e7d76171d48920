/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a runtime says of a container: immutable once made, one block of memory, shared by
 * reference. Whoever asks runtimes makes it on a thread of its own and leaves it in an inbox; the
 * thread that reads events takes it from there. Neither waits for the other.
 */
#ifndef SAKER_STATE_CONTAINER_INFO_H
#define SAKER_STATE_CONTAINER_INFO_H

#include "base/inbox.h"
#include "base/str.h"
#include "state/container.h"

struct container_label {
	struct str key, value;
};

struct container_mount {
	struct str source, dest, mode, propagation;
	bool is_writable;
};

struct container_info {
	enum container_type type;
	struct str full_id, id; /* id: as container.id prints it */
	struct str name;
	struct str image, image_id, image_repository, image_tag, image_digest;
	struct str ip;
	struct str cni_json;
	struct str sandbox_id; /* of the pod, whole; empty: no pod */
	bool is_privileged, is_host_pid, is_host_network, is_host_ipc;
	bool is_sandbox;
	/* Sorted by key, which stands once. */
	const struct container_label *labels, *pod_labels;
	uint32_t label_count, pod_label_count;
	const struct container_mount *mounts;
	uint32_t mount_count;
	/* The owners' alone. */
	_Atomic uint32_t references;
	size_t bytes;
};

enum {
	/* More than that of one container is cut; nobody's labels may fill the memory. */
	CONTAINER_TEXT_MAX = 4096, /* bytes of a text */
	CONTAINER_ITEMS_MAX = 512, /* labels, or mounts */
};

/* The first 12 of an id as OCI engines make them up; others whole. */
struct str container_short_id(struct str full_id);

/*
 * Copies a draft, whose texts and lists are the caller's; labels are sorted. The first reference is
 * the caller's. Texts are cut to CONTAINER_TEXT_MAX, and end with a NUL that is not counted. Aborts
 * without memory.
 */
struct container_info *container_info_new(const struct container_info *draft);
struct container_info *container_info_keep(struct container_info *info);
void container_info_release(struct container_info *info); /* NULL is fine */

/* By these a kubelet marks the containers that it starts. */
#define LABEL_POD_NAME "io.kubernetes.pod.name"
#define LABEL_POD_NAMESPACE "io.kubernetes.pod.namespace"
#define LABEL_POD_UID "io.kubernetes.pod.uid"

/* The value of a label; false: there is none. */
bool container_label_find(const struct container_label *labels, uint32_t count, struct str key,
			  struct str *out);

/* "repository:tag@digest" taken apart; a colon before the last slash is a registry's port. */
void container_image_split(struct str image, struct str *repository, struct str *tag);

/* One thing that a runtime said. */
enum container_news_kind {
	CONTAINER_KNOWN,    /* info is there */
	CONTAINER_NOT_HERE, /* asked for, and not known to that runtime */
	CONTAINER_GONE,
	CONTAINER_USERS, /* of a container's processes; see enum container_users */
};

struct container_news {
	struct inbox_item item; /* first */
	enum container_news_kind kind;
	bool is_answer;              /* to a question; else it was told unasked */
	struct container_info *info; /* of CONTAINER_KNOWN */
	struct str id;               /* full, of the others */
	/* Of CONTAINER_USERS. */
	enum container_type type;
	enum container_users users;
	struct user_table *own_users;
	size_t users_bytes; /* of the files that they are from */
	char bytes[];
};

/* Any thread puts news in; one takes them out. */
struct container_inbox {
	struct inbox inbox;
};

/* Takes over the caller's reference. */
void container_inbox_put_info(struct container_inbox *inbox, struct container_info *info,
			      bool is_answer);
void container_inbox_put(struct container_inbox *inbox, enum container_news_kind kind,
			 struct str id);
/* Takes over the users, which may be NULL; bytes: of the files that they are from. */
void container_inbox_put_users(struct container_inbox *inbox, const struct container *c,
			       enum container_users users, struct user_table *own_users,
			       size_t bytes);
/* The oldest, with those behind it; the caller frees each with container_news_free. */
struct container_news *container_inbox_take(struct container_inbox *inbox);
struct container_news *container_news_next(const struct container_news *news);
void container_news_free(struct container_news *news); /* one, and its reference */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers, told by the cgroup of their processes. What their runtimes say of them
 * (state/container_info.h) comes later, and is linked here by the set that they are of
 * (state/container_set.h).
 */
#ifndef SAKER_STATE_CONTAINER_H
#define SAKER_STATE_CONTAINER_H

#include "base/str.h"

enum container_type {
	CONTAINER_NONE,
	CONTAINER_DOCKER,
	CONTAINER_CONTAINERD,
	CONTAINER_CRIO,
	CONTAINER_CRI,
	CONTAINER_PODMAN,
	CONTAINER_LXC,
	CONTAINER_LIBVIRT_LXC,
	CONTAINER_BPM,
	CONTAINER_NSPAWN,
	CONTAINER_STATIC, /* configured: the one that everything is in */
	CONTAINER_RUNC,   /* a bare OCI runtime, told by nothing but its cgroup */
};

struct container_info;
struct pod;
struct user_table;

enum container_metadata {
	CONTAINER_UNASKED, /* there is nobody to ask */
	CONTAINER_ASKED,   /* somebody may yet answer */
	CONTAINER_TOLD,    /* info is what there is to know */
	CONTAINER_UNTOLD,  /* all have answered that they do not know it */
	CONTAINER_LATE,    /* nobody has answered in time; one may later */
};

/* Whose names the users and groups of its processes have. */
enum container_users {
	CONTAINER_USERS_HOSTS,   /* the host's, and those that captures tell of */
	CONTAINER_USERS_ASKED,   /* its own, which are being read */
	CONTAINER_USERS_UNKNOWN, /* its own, which could not be read */
	CONTAINER_USERS_OWN,
};

struct container {
	struct str full_id;
	struct str id; /* as container.id prints it: the first 12 of a 64-digit id */
	enum container_type type;
	enum container_metadata metadata;
	struct container_info *info; /* NULL: nothing is known */
	struct str pod_uid;          /* as the cgroup writes it; empty: of no pod */
	struct pod *pod;             /* state/pod_set.h; NULL: of none, as far as is known */
	enum container_users users;
	const struct user_table *own_users; /* of CONTAINER_USERS_OWN; its, and its alone */
	int32_t pid; /* of one of its processes, the newest that was looked at */
};

/*
 * The container of a process by its cgroups: `cgroups` is "subsystem=path\0"... (the cgroups
 * parameter), or one path. Cgroup v1, hybrid and v2, systemd and cgroupfs drivers. False: none.
 * The views in *out point into cgroups.
 */
bool container_from_cgroups(struct str cgroups, struct container *out);
const char *container_type_name(enum container_type type);

#endif

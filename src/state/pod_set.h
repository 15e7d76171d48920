/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pods that containers are of, and what Kubernetes said of any pod of this node. Part of the
 * set of containers (state/container_set.h), and like it of the thread that reads events.
 */
#ifndef SAKER_STATE_POD_SET_H
#define SAKER_STATE_POD_SET_H

#include "state/container.h"
#include "state/pod_info.h"

/* One that containers are of. Stays where it is as long as one of them refers to it. */
struct pod {
	struct str key;                   /* of pod_info; "" is nobody's */
	enum container_metadata metadata; /* asked, told, late */
	struct pod_info *info;            /* NULL: nothing is known */
};

/* Asks about a pod; false: nobody will answer. Once a pod, on the way of events: no waiting. */
struct pod_asker {
	void *context;
	bool (*ask)(void *context, struct str key);
};

struct pod_counters {
	uint64_t asked, told, late; /* pods */
	uint64_t refused;           /* infos that there was no room for */
	uint64_t known, known_bytes;
};

struct pod_set;

struct pod_set *pod_set_new(void);
void pod_set_free(struct pod_set *s);
void pod_set_ask(struct pod_set *s, const struct pod_asker *asker);
struct inbox *pod_set_inbox(struct pod_set *s);

/*
 * The pod of that uid, counted; it may be written as in a cgroup's path, with low lines for dashes.
 * NULL: it is no uid.
 */
struct pod *pod_set_take(struct pod_set *s, struct str uid);
void pod_set_give(struct pod_set *s, struct pod *pod); /* NULL is fine */

/* Takes over the reference. */
bool pod_set_learn(struct pod_set *s, struct pod_info *info);
/* The pod goes; what is known of it stays for a while, for events that come late. */
void pod_set_forget(struct pod_set *s, struct str key);

/* Reads the inbox; true: a pod that containers are of is another than before. */
bool pod_set_update(struct pod_set *s);
/* Gives up pods that were asked for longer than that ago; true: there were some. */
bool pod_set_expire(struct pod_set *s, uint64_t patience_ns);
/* Changes with each answer. */
uint64_t pod_set_generation(const struct pod_set *s);
struct pod_counters pod_set_counters(const struct pod_set *s);

#endif

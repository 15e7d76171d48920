/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers that processes are in, one of each, and what runtimes said of any container. Of
 * the thread that reads events; others reach it by its inbox alone.
 *
 * A container that was not seen before is asked for, once; for its users again, where they could
 * not be read, or do not have one who has been seen. What has been said of it before, by a runtime
 * that tells of containers as they are made, is there at once.
 */
#ifndef SAKER_STATE_CONTAINER_SET_H
#define SAKER_STATE_CONTAINER_SET_H

#include "state/container_info.h"
#include "state/pod_set.h"

/*
 * Asks about a container: answers how many will answer, by the inbox, with what they know or
 * CONTAINER_NOT_HERE. Once a container, on the way of events: it must not wait.
 */
struct container_asker {
	void *context;
	uint32_t (*ask)(void *context, const struct container *c);
	/*
	 * Asks for its users, by the process c->pid; false: nobody answers. is_young: it may still
	 * have to leave the host's root. May be NULL.
	 */
	bool (*ask_users)(void *context, const struct container *c, bool is_young);
};

struct container_counters {
	uint64_t asked, told, untold, late; /* containers */
	uint64_t refused;                   /* infos, or users, that there was no room for */
	uint64_t known, known_bytes;        /* now */
};

struct container_set;

struct container_set *container_set_new(void);
void container_set_free(struct container_set *s);
void container_set_ask(struct container_set *s, const struct container_asker *asker);
struct container_inbox *container_set_inbox(struct container_set *s);
/* The pods that they are of, which are updated and expire with them. */
struct pod_set *container_set_pods(struct container_set *s);
/* Whether something that was asked for may yet be told: of the container, or of its pod. */
bool container_is_awaited(const struct container *c);
/* Whether it was not told in time. */
bool container_is_late(const struct container *c);
bool container_pod_is_late(const struct container *c);

/*
 * Who wants to hear of each container as it is seen first, and of what becomes known of it: of
 * those that are asked for, when they are answered for or given up, and if they are asked for once
 * more. NULL: nobody.
 */
typedef void container_told(void *context, const struct container *c);
void container_set_listen(struct container_set *s, container_told *told, void *context);
/* All that are seen now. */
void container_set_each(const struct container_set *s, container_told *visit, void *context);
/*
 * Recordings: what was told of a container (type, full_id) then: its metadata and users, which are
 * taken over; or that it was asked for once more.
 */
void container_set_retell(struct container_set *s, const struct container *c);

/* 1 << enum container_type: processes in cgroups of such containers are in none. */
void container_set_ignore(struct container_set *s, uint32_t types);
/* All processes are in this container, whatever their cgroups. Takes over the reference. */
void container_set_fix(struct container_set *s, struct container_info *info);
/* The container of a process by its cgroups (container_from_cgroups); false: none. */
bool container_set_find(const struct container_set *s, struct str cgroups, struct container *out);

/* The one of that type and id, counted; a copy of c if it is new. */
const struct container *container_set_take(struct container_set *s, const struct container *c);
void container_set_give(struct container_set *s, const struct container *c); /* NULL is fine */

/* A process of the container was made, or has executed something, as that user. Cheap, mostly. */
void container_set_made(struct container_set *s, const struct container *c, int32_t pid);
void container_set_executed(struct container_set *s, const struct container *c, int32_t pid,
			    uint32_t uid);

/* Takes over the reference. For captures, whose events tell of containers. */
void container_set_learn(struct container_set *s, struct container_info *info);
/* The container goes; what is known of it stays for a while, for events that come late. */
void container_set_forget(struct container_set *s, struct str id);

/* Reads the inbox; true: something is known now that was not before. Cheap where it is empty. */
bool container_set_update(struct container_set *s);
/* Gives up containers that were asked for longer than that ago; true: there were some. */
bool container_set_expire(struct container_set *s, uint64_t patience_ns);
/* How many of them may yet be answered for. */
uint32_t container_set_pending(const struct container_set *s);
/* Changes with each answer. */
uint64_t container_set_generation(const struct container_set *s);

/* What is known of the container of that id, such as a pod's sandbox; NULL: nothing. */
const struct container_info *container_set_info(const struct container_set *s, struct str id);
struct container_counters container_set_counters(const struct container_set *s);

#endif

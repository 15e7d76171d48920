/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What container runtimes say of containers: a client for each socket, on a thread of its own. A
 * client waits for its socket to be there, tells of all containers that exist, then of new ones as
 * the runtime makes them, and answers what it is asked; it tries again, later and later, where
 * anything fails. All that it says goes into an inbox (state/container_info.h); nothing here is on
 * the way of an event.
 *
 * Runtimes are not trusted: answers have a size and a time that they may take, what is broken or
 * names another id is an error, and an error is logged once and counted.
 */
#ifndef SAKER_METADATA_METADATA_H
#define SAKER_METADATA_METADATA_H

#include "base/error.h"
#include "state/container_info.h"

enum metadata_engine {
	METADATA_DOCKER,
	METADATA_PODMAN,
	METADATA_CONTAINERD,
	METADATA_CRI,
	METADATA_ENGINES,
};

enum {
	METADATA_SOCKETS_MOST = 16, /* of an engine, that are configured */
	METADATA_USERS_MOST = 32,   /* whose own Podman is asked */
	METADATA_CLIENTS_MOST = METADATA_ENGINES * METADATA_SOCKETS_MOST + METADATA_USERS_MOST,
	METADATA_LABEL_MAX = 100,
};

struct metadata_engine_options {
	bool is_disabled;
	const char *const *sockets; /* paths without the host's root */
	size_t socket_count;        /* 0: where they usually are */
};

struct metadata_options {
	const char *host_root; /* "" or the prefix under which the host's files are */
	struct metadata_engine_options engines[METADATA_ENGINES];
	uint32_t label_max;           /* bytes; longer labels are left out. 0: METADATA_LABEL_MAX */
	bool skip_create, with_start; /* which of a container's events are listened to */
};

struct metadata_counters {
	const char *engine;
	const char *socket;
	bool is_up;
	uint64_t asked, answered, events, errors;
};

/* Whether there is a socket of another user, to whose runtime nobody without CAP_DAC_OVERRIDE can
 * speak. */
bool metadata_needs_override(const struct metadata_options *options);

struct metadata;

/* Strings of the options are copied. The inbox outlives it. NULL with the reason. */
struct metadata *metadata_start(const struct metadata_options *options,
				struct container_inbox *inbox, struct error *err);
/* Ends the threads, at the latest when the requests that are under way have taken their time. */
void metadata_stop(struct metadata *m);

/* A container_asker's: asks all runtimes that are there and may know such a container. */
uint32_t metadata_ask(void *metadata, const struct container *c);
/* Its ask_users: see metadata/users_reader.h. */
bool metadata_ask_users(void *metadata, const struct container *c, bool is_young);

size_t metadata_counters(const struct metadata *m, struct metadata_counters *out, size_t room);

#endif

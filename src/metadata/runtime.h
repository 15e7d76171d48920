/* SPDX-License-Identifier: Apache-2.0 */
/* One client of one runtime's socket, for the sources of metadata/ alone. */
#ifndef SAKER_METADATA_RUNTIME_H
#define SAKER_METADATA_RUNTIME_H

#include "base/vec.h"
#include "metadata/metadata.h"

#include <pthread.h>

enum {
	RUNTIME_ID_MAX = 255,
	RUNTIME_REQUESTS = 256,     /* that wait at once; more are not asked */
	RUNTIME_PATIENCE_MS = 2000, /* for an answer */
	RUNTIME_ANSWER_MAX = 8 * 1024 * 1024,
	RUNTIME_RETRY_MS = 30, /* a container may be running before its runtime says so */
	RUNTIME_TRIES = 15,
	RUNTIME_SCOPE_MAX = 76,    /* a namespace's name of containerd */
	RUNTIME_NAMED_MOST = 4096, /* of the list or of events, not looked up yet */
};

struct runtime;

struct runtime_type {
	const char *name;
	uint32_t asked_about; /* 1 << enum container_type, by what cgroups say */
	/*
	 * Talks to the runtime until it must stop (0), or something fails (a negative errno with
	 * the reason).
	 */
	int (*run)(struct runtime *r, struct error *err);
};

struct runtime_request {
	uint16_t n;
	char id[RUNTIME_ID_MAX];
};

struct runtime_retry {
	struct runtime_request request;
	unsigned tries;
	uint64_t at; /* ms, CLOCK_MONOTONIC */
};

struct runtime_named {
	bool is_gone;
	char scope[RUNTIME_SCOPE_MAX + 1];
	char id[RUNTIME_ID_MAX + 1];
};

enum runtime_state { RUNTIME_DOWN, RUNTIME_STARTING, RUNTIME_UP };

struct runtime {
	const struct runtime_type *type;
	char socket[108]; /* with the host's root */
	uint32_t label_max;
	bool skip_create, with_start;
	bool skip_kubernetes; /* another client tells of its containers */
	struct container_inbox *inbox;
	pthread_t thread;
	int wake_fd; /* an eventfd: there are requests, or it must stop */
	_Atomic bool must_stop;
	_Atomic int state;
	/* Requests: the asker writes tail, the client head. */
	_Atomic uint32_t head, tail;
	struct runtime_request requests[RUNTIME_REQUESTS];
	_Atomic uint64_t asked, answered, events, errors;
	/* The client's own. */
	struct runtime_retry retries[RUNTIME_REQUESTS];
	size_t retry_count;
	VEC(struct runtime_named) named;
	char last_error[sizeof(((struct error *)NULL)->message)];
};

extern const struct runtime_type runtime_docker, runtime_podman, runtime_cri, runtime_containerd;

/*
 * Looks up one container: 1 with *out (a reference), 0 where it is not known (yet), or a negative
 * errno where the runtime cannot be talked to. scope: where runtime_name said that it is; empty:
 * it may be anywhere.
 */
typedef int runtime_look_up(void *context, struct str scope, struct str id,
			    struct container_info **out, struct error *err);

/* How one kind of runtime is talked to. 0, or a negative errno where it cannot be. */
struct runtime_client {
	/* Opens the stream of events, and names the containers that exist. */
	int (*begin)(void *context, struct error *err);
	runtime_look_up *look_up;
	/*
	 * Waits that long for events, which name containers, or until there is something to read
	 * from wake_fd.
	 */
	int (*wait)(void *context, int wake_fd, int timeout_ms, struct error *err);
};

/* A type's run, once there is a connection. */
int runtime_talk(struct runtime *r, const struct runtime_client *client, void *context,
		 struct error *err);
/* A container that a list or an event tells of, to be looked up, or that is gone. */
void runtime_name(struct runtime *r, struct str scope, struct str id, bool is_gone);

/* It is connected, and has told of all containers. */
void runtime_is_up(struct runtime *r);
bool runtime_must_stop(const struct runtime *r);
/* What was asked of a runtime that is gone. */
void runtime_refuse_all(struct runtime *r);
/* Takes the wake-up off wake_fd. */
void runtime_awake(struct runtime *r);
/* Waits that long, or until it must stop: false. */
bool runtime_sleep(struct runtime *r, int ms);

#endif

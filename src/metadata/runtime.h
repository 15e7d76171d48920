/* SPDX-License-Identifier: Apache-2.0 */
/* One client of one runtime's socket, for the sources of metadata/ alone. */
#ifndef SAKER_METADATA_RUNTIME_H
#define SAKER_METADATA_RUNTIME_H

#include "metadata/metadata.h"

#include <pthread.h>

enum {
	RUNTIME_ID_MAX = 255,
	RUNTIME_REQUESTS = 256,     /* that wait at once; more are not asked */
	RUNTIME_PATIENCE_MS = 2000, /* for an answer */
	RUNTIME_ANSWER_MAX = 8 * 1024 * 1024,
	RUNTIME_RETRY_MS = 30, /* a container may be running before its runtime says so */
	RUNTIME_TRIES = 15,
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
	char last_error[sizeof(((struct error *)NULL)->message)];
};

extern const struct runtime_type runtime_docker, runtime_podman, runtime_cri, runtime_containerd;

/* What a client calls. It is connected, and has told of all containers. */
void runtime_is_up(struct runtime *r);
bool runtime_must_stop(const struct runtime *r);
/* Takes over the reference. */
void runtime_tell(struct runtime *r, struct container_info *info);
void runtime_tell_gone(struct runtime *r, struct str id);

/*
 * Looks up one container: 1 with *out (a reference), 0 where it is not known (yet), or a negative
 * errno where the runtime cannot be talked to.
 */
typedef int runtime_look_up(void *context, struct str id, struct container_info **out,
			    struct error *err);
/* Answers what was asked and what is due again; a negative errno as above. */
int runtime_answer(struct runtime *r, runtime_look_up *look_up, void *context, struct error *err);
/* How long the client may wait for events until something is due, ms. */
int runtime_wait_ms(const struct runtime *r);
/* Takes the wake-up off wake_fd. */
void runtime_awake(struct runtime *r);
/* Waits that long, or until it must stop: false. */
bool runtime_sleep(struct runtime *r, int ms);

uint64_t runtime_now_ms(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of Kubernetes from the inside, for its sources alone: kube.c (its life, its rate),
 * kube_watch.c (the node's pods), kube_objects.c (what they belong to). Of the client's thread.
 */
#ifndef SAKER_METADATA_KUBE_CLIENT_H
#define SAKER_METADATA_KUBE_CLIENT_H

#include "base/arena.h"
#include "metadata/kube.h"
#include "metadata/kube_http.h"
#include "metadata/kube_pods.h"
#include "metadata/kube_split.h"

#include <pthread.h>

enum {
	KUBE_REQUESTS = 256, /* pods that are asked for at once */
	KUBE_PAGE = 200,     /* items of one answer */
	KUBE_PAGES_MOST = 100,
	KUBE_URL_ROOM = 8000,
};

struct kube_backoff {
	int ms; /* of the last one; 0: none */
	uint64_t until;
};

struct kube {
	struct kube_options options;
	struct arena *arena;
	struct inbox *inbox;
	struct kube_server api, kubelet;
	pthread_t thread;
	int wake_fd;
	_Atomic bool must_stop, is_up;
	/* Pods that are asked for: the asker writes tail, the client head. */
	_Atomic uint32_t head, tail;
	struct {
		uint8_t n;
		char key[POD_KEY_MAX];
	} asked[KUBE_REQUESTS];
	/* The client's own. */
	struct kube_http *http;
	struct kube_pods *pods;
	char version[KUBE_VERSION_MAX]; /* of what is known; empty: nothing is */
	bool must_be_newest;
	uint32_t stale_in_a_row; /* watches that the server had forgotten, and nothing since */
	struct kube_backoff server, objects;
	uint64_t forbidden_until[KUBE_SERVICES + 1];
	double tokens;
	uint64_t tokens_at, sweep_at, poll_at;
	bool is_asked_for_unknown;
	struct kube_text line;
	char last_error[sizeof(((struct error *)NULL)->message)];
	char last_pod_error[sizeof(((struct error *)NULL)->message)];
	char last_object_error[sizeof(((struct error *)NULL)->message)];
	/* Counters. */
	_Atomic uint64_t requests, errors, events, lists, watches, gone, bookmarks;
	_Atomic uint64_t pod_count, object_count, bytes, refused;
};

/* Waits for a request to be allowed, and counts it; false: it is the end. */
bool kube_may_request(struct kube *k);
/* How long until one may be made, ms. */
int kube_until_request(struct kube *k);
bool kube_must_stop(const struct kube *k);
void kube_count(_Atomic uint64_t *counter);
/* Each error is told once, until all is well again; last: where it is remembered. */
void kube_tell_error(struct kube *k, char *last, const struct error *err);
void kube_back_off(struct kube_backoff *b, uint32_t least_s);
void kube_renew_counters(struct kube *k);
/* Waits so long, or until it must stop or is woken. */
void kube_pause(struct kube *k, int ms);
/* What is due between two looks at a watch; until when nothing else is, ms. */
int kube_do_chores(struct kube *k);

/* A status that is no success, as an error. */
int kube_refused(const char *what, int status, const struct kube_refusal *refusal,
		 struct error *err);
/* Appends a plain text and one that is escaped. */
void kube_url_append(char *url, size_t room, const char *plain, const char *escaped);
/* One answer of a list; items go to take. 200 with *out, or as kube_http_get. */
int kube_get_list(struct kube *k, const struct kube_server *server, const char *path,
		  kube_take_item *take, void *context, struct kube_list *out,
		  struct kube_refusal *refusal, struct error *err);

/* Asks for an object and leaves it with the pods, or that there is none. */
void kube_ask_for(struct kube *k, const struct kube_need *need);

/* Follows the API server's pods, or the kubelet's, until something fails, or a watch has ended. */
int kube_run_api(struct kube *k, struct error *err);
int kube_run_kubelet(struct kube *k, struct error *err);

#endif

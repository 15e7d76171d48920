/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP to an API server or a kubelet: requests one after the other, and one answer that never ends,
 * a watch. TLS is verified unless it is said not to be; the token is read from its file for every
 * request, because the kubelet renews it, and goes over TLS alone. No redirect is followed.
 */
#ifndef SAKER_METADATA_KUBE_HTTP_H
#define SAKER_METADATA_KUBE_HTTP_H

#include "base/error.h"
#include "base/str.h"

#include <stdatomic.h>

struct kube_server {
	const char *url;                  /* without a slash at the end */
	const char *token_file, *ca_file; /* "": none */
	bool is_insecure;
};

struct kube_http;

/* Ends what is under way when there is something to read from wake_fd and must_stop is set. */
struct kube_http *kube_http_new(int wake_fd, const _Atomic bool *must_stop);
void kube_http_free(struct kube_http *h); /* NULL is fine */

/* What an answer that is no success says of itself. */
struct kube_refusal {
	uint32_t retry_after_s; /* 0: not told */
	char message[256];
};

/* Takes a part of a body; a negative errno with the reason ends the request with it. */
typedef int kube_take(void *context, const char *bytes, size_t n, struct error *err);

/*
 * GET; the body of a 200 goes to take. Answers the status, or a negative errno: of take, or where
 * there was no whole answer in time. accept: the types of content.
 */
int kube_http_get(struct kube_http *h, const struct kube_server *server, const char *path,
		  const char *accept, uint32_t timeout_ms, kube_take *take, void *context,
		  struct kube_refusal *refusal, struct error *err);

/* The same, of an answer that goes on; kube_http_wait reads it. */
int kube_http_watch(struct kube_http *h, const struct kube_server *server, const char *path,
		    uint32_t timeout_ms, kube_take *take, void *context, struct error *err);
/*
 * Waits for more of it, or until there is something to read from wake_fd: 0 while it goes on; 200
 * when it has ended as it should; or another status, or a negative errno, as above.
 */
int kube_http_wait(struct kube_http *h, int timeout_ms, struct kube_refusal *refusal,
		   struct error *err);
/* Whether the server has begun to answer. */
bool kube_http_is_watching(const struct kube_http *h);
void kube_http_end_watch(struct kube_http *h);

#endif

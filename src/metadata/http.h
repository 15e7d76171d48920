/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over a unix socket: requests one after the other, and one answer that never ends. */
#ifndef SAKER_METADATA_HTTP_H
#define SAKER_METADATA_HTTP_H

#include "base/error.h"
#include "base/str.h"

struct http_client;

/* NULL without memory. */
struct http_client *http_open(const char *socket_path);
void http_close(struct http_client *c);

/*
 * GET: answers the status with the body in *body, which is good until the next request; a negative
 * errno with the reason where there is no answer in time, or one of more than `most` bytes.
 */
int http_get(struct http_client *c, const char *path, size_t most, int timeout_ms, struct str *body,
	     struct error *err);

/*
 * Opens the stream of an endless answer, and waits for its lines: each is handed to take. Waits at
 * most that long, or until there is something to read from wake_fd. 0, or a negative errno where
 * the stream has ended, a status other than 200 included, or a line is longer than line_max.
 */
typedef void http_take_line(void *context, struct str line);
int http_stream(struct http_client *c, const char *path, size_t line_max, http_take_line *take,
		void *context, struct error *err);
int http_stream_wait(struct http_client *c, int wake_fd, int timeout_ms, struct error *err);

#endif

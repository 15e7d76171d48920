/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC over a unix socket (grpc/grpc: doc/PROTOCOL-HTTP2.md), as much as runtimes need: calls one
 * after the other, and one stream of messages beside them. Messages are not compressed.
 */
#ifndef SAKER_METADATA_GRPC_H
#define SAKER_METADATA_GRPC_H

#include "base/error.h"
#include "base/str.h"

struct grpc_client;

/* NULL with the reason. */
struct grpc_client *grpc_open(const char *socket_path, struct error *err);
void grpc_close(struct grpc_client *c);

/* Statuses of calls that matter here; others are numbers up to 16. */
enum { GRPC_OK = 0, GRPC_NOT_FOUND = 5, GRPC_UNIMPLEMENTED = 12 };

/* containerd's namespace, which it takes from a header; NULL: none is sent. */
void grpc_set_namespace(struct grpc_client *c, const char *name);

/*
 * Calls "/service/method": answers the status (of the call, above) with the message in *out, good
 * until the next call; a negative errno with the reason where the other end cannot be talked to,
 * does not answer in time, or with more than `most` bytes. The client is of no use then.
 */
int grpc_call(struct grpc_client *c, const char *path, struct str request, size_t most,
	      int timeout_ms, struct str *out, struct error *err);

/* Keeps the last answer while more calls are made: until the next one is kept. */
struct str grpc_keep(struct grpc_client *c, struct str answer);

/*
 * Opens the stream; each of its messages, of at most `most` bytes, is handed to take, which must
 * not call. 0, or a negative errno.
 */
typedef void grpc_take_message(void *context, struct str message);
int grpc_stream(struct grpc_client *c, const char *path, struct str request, size_t most,
		grpc_take_message *take, void *context, struct error *err);
/* Whether the stream still is; its status if it has ended. */
bool grpc_is_streaming(const struct grpc_client *c, int *status);
/* Waits at most that long, or until there is something to read from wake_fd or of the stream. */
int grpc_wait(struct grpc_client *c, int wake_fd, int timeout_ms, struct error *err);

#endif

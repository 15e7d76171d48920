/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes audit events: posted by an API server to a web hook, or read from files.
 *
 * What comes is one JSON value: an Event, an EventList, or an array of them (audit.k8s.io/v1, older
 * versions alike); in files there are any number of them. Each event is checked, read to a tape and
 * given out as a pluginevent, with the time of its stageTimestamp. What cannot be read is counted,
 * by cause, and told in the log, now and then.
 *
 * The web hook has a thread of its own. It answers 200 to a request when all that it brings has
 * its place in a queue, from where it is given out exactly once; 429 when there is no place, after
 * which API servers try again; and 4xx to what is no audit event.
 */
#ifndef SAKER_SOURCE_AUDIT_H
#define SAKER_SOURCE_AUDIT_H

#include "source/source.h"

/* Why something was refused. */
enum audit_refusal {
	AUDIT_NOT_JSON,
	AUDIT_WRONG_KIND,    /* JSON, but no audit event */
	AUDIT_EVENT_TOO_BIG, /* longer than maxEventSize */
	AUDIT_BODY_TOO_BIG,  /* longer than webhookMaxBatchSize */
	AUDIT_NO_ROOM,       /* 429: it comes again */
	AUDIT_BAD_REQUEST,   /* method, path, type or encoding */
	AUDIT_NO_CERTIFICATE,
	AUDIT_CUT_SHORT, /* the client went, or was too slow */
	AUDIT_REFUSAL_COUNT
};

/* Readable from any thread. */
struct audit_counters {
	uint64_t events;   /* given out */
	uint64_t accepted; /* requests that were answered with 200 */
	uint64_t refused[AUDIT_REFUSAL_COUNT];
	uint64_t queued_bytes; /* bodies that wait now */
	uint64_t connections;  /* now */
};

/* "not_json": for logs and metrics. */
const char *audit_refusal_name(enum audit_refusal refusal);

/* What is to be read, and how. The strings belong to whoever made it. */
enum audit_way {
	AUDIT_WAY_FILES,  /* a file or all files of a directory, oldest first, and then the end */
	AUDIT_WAY_FOLLOW, /* what is added to a file from now on */
	AUDIT_WAY_WEB,
};

struct audit_options {
	enum audit_way way;
	char path[4096];   /* of files; of the web hook's requests */
	char address[256]; /* empty: all */
	uint16_t port;
	bool is_tls;
	char certificate[4096]; /* PEM with key and certificate */
	char client_ca[4096];   /* PEM; empty: clients need no certificate */
	uint64_t max_event_size, max_batch_size;
};

/*
 * From what users of the k8saudit plugin write: open_params (http://:9765/k8s-audit, https://...,
 * file:///path, a path) and init_config, an object as JSON or empty. Unknown keys of the latter are
 * passed over, as there. -EINVAL with the reason.
 */
int audit_options_read(struct audit_options *o, const char *open_params, const char *init_config,
		       struct error *err);

/*
 * Opens files, or listens: from then on requests are taken in. NULL with the reason. It cannot go
 * on where a file cannot be read; a web hook has no end and no errors.
 */
struct source *source_audit_new(const struct audit_options *options, struct error *err);
struct audit_counters source_audit_counters(const struct source *s);
/* Where it listens: for port 0. */
uint16_t source_audit_port(const struct source *s);

#endif

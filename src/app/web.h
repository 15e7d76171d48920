/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web server: a few pages that are made when they are asked for, over HTTP or HTTPS. It has
 * threads of its own and nothing to do with the way of an event.
 *
 * It is meant to be reached by anybody: a connection has WEB_REQUEST_MS to say what it wants and
 * WEB_HEADER_BYTES to say it in, there are WEB_CONNECTIONS_MAX of them at most, and where there are
 * many the oldest one that waits is ended for a new one, so that those who only keep connections
 * open keep nobody else out.
 */
#ifndef SAKER_APP_WEB_H
#define SAKER_APP_WEB_H

#include "base/error.h"
#include "base/str.h"

#include <stdatomic.h>

enum {
	WEB_CONNECTIONS_MAX = 512,
	WEB_HEADER_BYTES = 16 * 1024,
	WEB_REQUEST_MS = 5000, /* for a request */
	WEB_IDLE_S = 60,       /* between two of them */
	WEB_THREADS_MAX = 64,
};

/* What a page says. The text is malloc()ed and is the server's from then on. */
struct web_answer {
	unsigned status; /* 200 ... */
	char *text;      /* NULL: there was no memory */
	size_t size;
	const char *type; /* of its content */
};

struct web_page {
	const char *path;
	/* From any of the server's threads, several at a time. */
	struct web_answer (*make)(void *context);
	void *context;
};

struct web_options {
	const char *address; /* IPv4 or IPv6 */
	uint16_t port;       /* 0: any that is free, see web_port */
	unsigned threads;    /* 0: one for each CPU, four at most */
	bool is_tls;
	const char *certificate; /* file with certificate and key */
	const struct web_page *pages;
	size_t page_count;
};

struct web;

/* -EADDRINUSE where the port is taken. Pages are the caller's and outlive the server. */
int web_start(struct web **web, const struct web_options *options, struct error *err);
void web_stop(struct web *w); /* NULL is fine */
uint16_t web_port(const struct web *w);

struct web_counters {
	uint64_t requests;    /* answered */
	uint64_t refused;     /* of them: with a status of 400 or more */
	uint64_t ended;       /* connections that were ended for others, or were too slow */
	uint64_t connections; /* now */
};
struct web_counters web_counters(struct web *w);

/*
 * What becomes of a request: 200 with the page, 404, or 405 where there is such a page but not by
 * that method (GET and HEAD are the ones).
 */
unsigned web_route(const struct web_page *pages, size_t count, const char *method, const char *path,
		   const struct web_page **page);

#endif

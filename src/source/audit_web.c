/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web hook. One thread speaks HTTP, checks bodies and finds the events in them; the source's
 * own thread takes whole bodies from the queue between them and gives their events out.
 *
 * Everything that a client can make us hold is bounded: headers by the pool of a connection, bodies
 * by webhookMaxBatchSize each and by `most_held` together, connections by their number and by time
 * (source/audit_clients.h).
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/wake.h"
#include "source/audit_clients.h"
#include "source/audit_internal.h"
#include "source/audit_listen.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum {
	MS_LOOK = 1000,        /* between looks at the clients */
	HELD_LEAST = 64 << 20, /* bodies, those on their way and those in the queue */
	HELD_SMALL = 32 << 20, /* more, for small ones */
	BODY_SMALL = 1 << 20,
	CONNECTION_POOL = 8192, /* bytes, for a request's head */
	CONNECTIONS_MOST = 20000,
	DESCRIPTORS_KEPT = 256, /* for everything else */
	BODY_FIRST = 16 * 1024,
	GZIP_WINDOW = 15 + 16,
};

/* What has been accepted. */
struct body {
	struct body *next;
	char *text;
	size_t held; /* bytes, of the bound */
	struct audit_batch batch;
};

struct request {
	struct audit_client *client;
	char *text;
	size_t size, room;
	unsigned status; /* HTTP's; 0: nothing is wrong so far */
	bool is_gzip, is_unpacked;
	bool is_answered, is_accepted;
	z_stream gzip;
};

struct web {
	struct audit_source audit; /* first */
	struct MHD_Daemon *daemon;
	int listen_fd, ready_fd;
	uint16_t port;
	size_t most_held;
	_Atomic size_t held;
	_Atomic uint64_t accepted;
	pthread_mutex_t queue_lock;
	struct body *first, **last;
	struct audit_clients clients;
};

/* Room for bodies */

/* What is small finds room although large bodies have taken all, finished or not. */
static bool hold(struct web *w, size_t bytes, bool is_small)
{
	size_t most = w->most_held + (is_small ? HELD_SMALL : 0);

	if (atomic_fetch_add(&w->held, bytes) + bytes <= most)
		return true;
	atomic_fetch_sub(&w->held, bytes);
	return false;
}

static void let_go(struct web *w, size_t bytes)
{
	atomic_fetch_sub(&w->held, bytes);
}

static void body_free(struct web *w, struct body *b)
{
	let_go(w, b->held);
	free(b->text);
	VEC_FREE(&b->batch.items);
	free(b);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
			  enum MHD_ConnectionNotificationCode code)
{
	struct web *w = context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*slot = audit_clients_add(
		    &w->clients,
		    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd);
	} else if (*slot) {
		audit_clients_remove(&w->clients, *slot);
		*slot = NULL;
	}
}

/* Requests */

struct answer {
	unsigned status;
	enum audit_refusal refusal;
	const char *text;
};

static const struct answer answers[] = {
    {MHD_HTTP_BAD_REQUEST, AUDIT_NOT_JSON, "no JSON\n"},
    {MHD_HTTP_FORBIDDEN, AUDIT_NO_CERTIFICATE, "a client certificate is required\n"},
    {MHD_HTTP_NOT_FOUND, AUDIT_BAD_REQUEST, "there is nothing of that path\n"},
    {MHD_HTTP_METHOD_NOT_ALLOWED, AUDIT_BAD_REQUEST, "only POST is answered\n"},
    {MHD_HTTP_CONTENT_TOO_LARGE, AUDIT_BODY_TOO_BIG, "too large\n"},
    {MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, AUDIT_BAD_REQUEST,
     "JSON is expected, plain or compressed by gzip\n"},
    {MHD_HTTP_UNPROCESSABLE_CONTENT, AUDIT_WRONG_KIND,
     "an Event or EventList of audit.k8s.io is expected\n"},
    {MHD_HTTP_TOO_MANY_REQUESTS, AUDIT_NO_ROOM, "too much waits already\n"},
};

/* detail NULL: what is wrong has been counted. */
static enum MHD_Result answer(struct web *w, struct MHD_Connection *connection, unsigned status,
			      const char *detail)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	const char *text = "";

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		if (answers[i].status != status)
			continue;
		text = answers[i].text;
		if (detail)
			audit_refuse(&w->audit, answers[i].refusal, 1, detail);
	}
	response = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
						   MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	if (*text)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
	if (status == MHD_HTTP_TOO_MANY_REQUESTS)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool has_certificate(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned problems = 0;

	return info && gnutls_certificate_verify_peers3(info->tls_session, NULL, &problems) == 0 &&
	       problems == 0;
}

/* What the head alone says is wrong; 0: nothing. */
static unsigned check_head(struct web *w, struct MHD_Connection *connection, const char *url,
			   const char *method)
{
	const char *type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *encoding = header(connection, MHD_HTTP_HEADER_CONTENT_ENCODING);
	const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t size;

	if (w->audit.options.client_ca[0] && !has_certificate(connection))
		return MHD_HTTP_FORBIDDEN;
	if (strcmp(url, w->audit.options.path) != 0)
		return MHD_HTTP_NOT_FOUND;
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	if (type && !strcasestr(type, "application/json"))
		return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	if (encoding && strcasecmp(encoding, "gzip") != 0 && strcasecmp(encoding, "identity") != 0)
		return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	if (length && str_to_u64(str_from(length), &size) && size > w->audit.options.max_batch_size)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return 0;
}

static bool is_gzip(struct MHD_Connection *connection)
{
	const char *encoding = header(connection, MHD_HTTP_HEADER_CONTENT_ENCODING);

	return encoding && strcasecmp(encoding, "gzip") == 0;
}

static struct request *request_new(struct web *w, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->client = info ? info->socket_context : NULL;
	r->is_gzip = is_gzip(connection);
	if (r->is_gzip && inflateInit2(&r->gzip, GZIP_WINDOW) != Z_OK) {
		free(r);
		return NULL;
	}
	audit_client_begin(&w->clients, r->client);
	return r;
}

/* Room for `more` bytes behind what is there. False: the request has a status then. */
static bool make_place(struct web *w, struct request *r, size_t more)
{
	size_t most = w->audit.options.max_batch_size;
	size_t room = r->room ? r->room : BODY_FIRST;
	char *grown;

	if (r->size + more <= r->room)
		return true;
	while (room < r->size + more)
		room *= 2;
	if (r->size + more > most) {
		r->status = MHD_HTTP_CONTENT_TOO_LARGE;
		return false;
	}
	if (room > most)
		room = most;
	if (!hold(w, room - r->room, room <= BODY_SMALL)) {
		r->status = MHD_HTTP_TOO_MANY_REQUESTS;
		return false;
	}
	grown = realloc(r->text, room);
	if (!grown) {
		let_go(w, room - r->room);
		r->status = MHD_HTTP_TOO_MANY_REQUESTS;
		return false;
	}
	r->text = grown;
	r->room = room;
	return true;
}

/* Nothing of it is of use any more. */
static void drop_text(struct web *w, struct request *r)
{
	let_go(w, r->room);
	free(r->text);
	r->text = NULL;
	r->size = r->room = 0;
}

static void unpack(struct web *w, struct request *r, const char *data, size_t size)
{
	int status = Z_OK;

	r->gzip.next_in = (Bytef *)(uintptr_t)data;
	r->gzip.avail_in = (uInt)size;
	while (r->gzip.avail_in && status == Z_OK) {
		size_t free_room;

		/* What follows the end is none of it. */
		if (r->is_unpacked) {
			r->status = MHD_HTTP_BAD_REQUEST;
			return;
		}
		if (!make_place(w, r, r->room > r->size ? 0 : 1))
			return;
		free_room = r->room - r->size;
		r->gzip.next_out = (Bytef *)r->text + r->size;
		r->gzip.avail_out = (uInt)free_room;
		status = inflate(&r->gzip, Z_NO_FLUSH);
		r->size += free_room - r->gzip.avail_out;
		if (status == Z_STREAM_END) {
			r->is_unpacked = true;
			status = Z_OK;
		} else if (status == Z_BUF_ERROR && r->gzip.avail_out == 0) {
			status = Z_OK;
		}
	}
	if (status != Z_OK)
		r->status = MHD_HTTP_BAD_REQUEST;
}

/* What inflate has still in itself when all input has been given. */
static void unpack_rest(struct web *w, struct request *r)
{
	while (!r->is_unpacked && !r->status) {
		size_t free_room;
		int status;

		if (!make_place(w, r, r->room > r->size ? 0 : 1))
			return;
		free_room = r->room - r->size;
		r->gzip.next_out = (Bytef *)r->text + r->size;
		r->gzip.avail_out = (uInt)free_room;
		r->gzip.avail_in = 0;
		status = inflate(&r->gzip, Z_NO_FLUSH);
		r->size += free_room - r->gzip.avail_out;
		if (status == Z_STREAM_END)
			r->is_unpacked = true;
		else if (status != Z_OK)
			r->status = MHD_HTTP_BAD_REQUEST;
	}
}

static void take(struct web *w, struct request *r, const char *data, size_t size)
{
	if (!r->status) {
		if (r->is_gzip) {
			unpack(w, r, data, size);
		} else if (make_place(w, r, size)) {
			memcpy(r->text + r->size, data, size);
			r->size += size;
		}
	}
	if (r->status && r->text)
		drop_text(w, r);
}

static void enqueue(struct web *w, struct body *b)
{
	pthread_mutex_lock(&w->queue_lock);
	*w->last = b;
	w->last = &b->next;
	pthread_mutex_unlock(&w->queue_lock);
	wake_send(w->ready_fd);
}

/* Those that could never be given out; the others stay in their order. */
static uint32_t drop_too_big(struct audit_batch *b, uint64_t most)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->items.count; i++)
		if (b->items.items[i].size <= most)
			b->items.items[kept++] = b->items.items[i];
	uint32_t dropped = (uint32_t)(b->items.count - kept);

	b->items.count = kept;
	return dropped;
}

/* A whole body: the status of its answer. 200: it is in the queue. */
static unsigned accept_body(struct web *w, struct request *r, bool *is_counted, struct error *err)
{
	struct body *b;
	uint32_t too_big;
	size_t end, items;
	int status;

	if (r->is_gzip)
		unpack_rest(w, r);
	if (r->status)
		return r->status;
	b = calloc(1, sizeof(*b));
	if (!b)
		return MHD_HTTP_TOO_MANY_REQUESTS;
	struct str text = {r->text ? r->text : "", r->size};

	status = audit_batch_read(&b->batch, text, 0, &end, err);
	if (status == 0 && tape_skip_blanks(text, end) < text.n)
		status = error_set(err, -EBADMSG, "more follows the JSON, from byte %zu on", end);
	too_big = status == 0 ? drop_too_big(&b->batch, w->audit.options.max_event_size) : 0;
	items = b->batch.items.room * sizeof(struct audit_item);
	if (status < 0 || !hold(w, items, items <= BODY_SMALL)) {
		VEC_FREE(&b->batch.items);
		free(b);
		return status == -EPROTO ? MHD_HTTP_UNPROCESSABLE_CONTENT
		       : status < 0      ? MHD_HTTP_BAD_REQUEST
					 : MHD_HTTP_TOO_MANY_REQUESTS;
	}
	b->text = r->text;
	b->held = r->room + items;
	r->text = NULL;
	r->size = r->room = 0;
	if (b->batch.bad)
		audit_refuse(&w->audit, AUDIT_WRONG_KIND, b->batch.bad, "in a list of others");
	if (too_big)
		audit_refuse(&w->audit, AUDIT_EVENT_TOO_BIG, too_big,
			     "maxEventSize says how large one may be");
	if (too_big && b->batch.items.count == 0) {
		body_free(w, b);
		*is_counted = true;
		return MHD_HTTP_CONTENT_TOO_LARGE;
	}
	atomic_fetch_add(&w->accepted, 1);
	r->is_accepted = true;
	enqueue(w, b);
	return MHD_HTTP_OK;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **slot)
{
	struct web *w = context;
	struct request *r = *slot;
	struct error err = {0};
	bool is_counted = false;
	unsigned status;

	(void)version;
	if (!r) {
		r = *slot = request_new(w, connection);
		if (!r)
			return MHD_NO;
		status = check_head(w, connection, url, method);
		if (!status)
			return MHD_YES;
		r->is_answered = true;
		return answer(w, connection, status, "");
	}
	if (*size) {
		take(w, r, data, *size);
		*size = 0;
		return MHD_YES;
	}
	r->is_answered = true;
	status = accept_body(w, r, &is_counted, &err);
	return answer(w, connection, status, is_counted ? NULL : err.message);
}

static void on_request_end(void *context, struct MHD_Connection *connection, void **slot,
			   enum MHD_RequestTerminationCode code)
{
	struct web *w = context;
	struct request *r = *slot;

	(void)connection, (void)code;
	if (!r)
		return;
	if (!r->is_answered)
		audit_refuse(&w->audit, AUDIT_CUT_SHORT, 1, "");
	if (r->is_gzip)
		inflateEnd(&r->gzip);
	drop_text(w, r);
	audit_client_end(&w->clients, r->client, r->is_accepted);
	free(r);
	*slot = NULL;
}

/* The source */

static struct body *dequeue(struct web *w)
{
	struct body *b;

	pthread_mutex_lock(&w->queue_lock);
	b = w->first;
	if (b) {
		w->first = b->next;
		if (!w->first)
			w->last = &w->first;
	}
	pthread_mutex_unlock(&w->queue_lock);
	return b;
}

static int web_poll(struct source *source, int timeout_ms, source_event_fn *handle, void *context)
{
	struct web *w = (struct web *)source;
	uint64_t until = timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ms() + (uint64_t)timeout_ms;

	for (;;) {
		struct body *b = dequeue(w);
		uint64_t now, count;
		int status, given = 0;

		audit_clients_look(&w->clients);
		if (b) {
			for (size_t i = 0; i < b->batch.items.count; i++) {
				struct audit_item item = b->batch.items.items[i];

				given += audit_give(&w->audit,
						    (struct str){b->text + item.at, item.size},
						    handle, context);
			}
			body_free(w, b);
			if (given)
				return given;
			continue;
		}
		now = clock_monotonic_ms();
		if (now > until)
			return 0;
		status = audit_wait(&w->audit, w->ready_fd,
				    until - now > MS_LOOK ? MS_LOOK : (int)(until - now));
		if (status < 0)
			return status;
		if (status == 0 && until <= now)
			return 0;
		if (status > 0 && read(w->ready_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			return error_set(&w->audit.error, -errno, "eventfd: %s", strerror(errno));
	}
}

static int web_fd(const struct source *source)
{
	return ((const struct web *)source)->ready_fd;
}

static struct source_counters web_counters(const struct source *source)
{
	const struct audit_source *s = (const struct audit_source *)source;
	struct source_counters c = {.events = atomic_load(&s->events)};

	/* What was refused for want of room comes again. */
	for (int i = 0; i < AUDIT_REFUSAL_COUNT; i++)
		if (i != AUDIT_NO_ROOM && i != AUDIT_CUT_SHORT)
			c.damaged += atomic_load(&s->refused[i]);
	return c;
}

/* At the end, for whoever reads the log; while it runs there are the metrics. */
static void tell_counts(struct web *w)
{
	char memory[512];
	struct buffer text = BUFFER(memory);

	log_info("k8s_audit: accepted: %llu requests",
		 (unsigned long long)atomic_load(&w->accepted));
	for (int i = 0; i < AUDIT_REFUSAL_COUNT; i++) {
		uint64_t count = atomic_load(&w->audit.refused[i]);

		if (count)
			buffer_printf(&text, "%s%s %llu", text.n ? ", " : "", audit_refusal_name(i),
				      (unsigned long long)count);
	}
	if (text.n)
		log_warning("k8s_audit: refused: %.*s", STR_ARG(buffer_str(&text)));
}

static void web_close(struct source *source)
{
	struct web *w = (struct web *)source;
	MHD_socket fd;

	if (!w->daemon)
		return;
	fd = MHD_quiesce_daemon(w->daemon);
	MHD_stop_daemon(w->daemon);
	w->daemon = NULL;
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
	tell_counts(w);
}

static void web_free(struct source *source)
{
	struct web *w = (struct web *)source;

	if (w->daemon)
		web_close(source);
	else if (w->listen_fd >= 0)
		close(w->listen_fd);
	for (struct body *b = dequeue(w); b; b = dequeue(w))
		body_free(w, b);
	if (w->ready_fd >= 0)
		close(w->ready_fd);
	pthread_mutex_destroy(&w->queue_lock);
	audit_clients_release(&w->clients);
	audit_source_release(&w->audit);
	free(w);
}

static const struct source_ops ops = {
    .poll = web_poll,
    .fd = web_fd,
    .watch = audit_watch,
    .counters = web_counters,
    .error = audit_error,
    .close = web_close,
    .free = web_free,
};

bool audit_web_is(const struct source *s)
{
	return s->ops == &ops;
}

void audit_web_counters(const struct source *s, struct audit_counters *c)
{
	const struct web *w = (const struct web *)s;

	c->accepted = atomic_load(&w->accepted);
	c->queued_bytes = atomic_load(&w->held);
	c->connections = atomic_load(&w->clients.count);
}

uint16_t audit_web_port(const struct source *s)
{
	return ((const struct web *)s)->port;
}

/* As many connections as descriptors may be had for; the usual 1024 are few. */
static unsigned raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 512;
	if (limit.rlim_cur < CONNECTIONS_MOST + DESCRIPTORS_KEPT) {
		rlim_t wanted = CONNECTIONS_MOST + DESCRIPTORS_KEPT;

		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < 2 * DESCRIPTORS_KEPT)
		return (unsigned)limit.rlim_cur / 2;
	limit.rlim_cur -= DESCRIPTORS_KEPT;
	return limit.rlim_cur < CONNECTIONS_MOST ? (unsigned)limit.rlim_cur : CONNECTIONS_MOST;
}

static int start(struct web *w, struct error *err)
{
	const struct audit_options *o = &w->audit.options;
	char *certificate = NULL, *ca = NULL;
	struct MHD_OptionItem tls[8] = {{0}};
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, n = 0;
	int status = 0;

	if (o->is_tls) {
		status = audit_read_pem(o->certificate, "sslCertificate", &certificate, err);
		if (status == 0 && o->client_ca[0])
			status = audit_read_pem(o->client_ca, "sslClientCA", &ca, err);
		flags |= MHD_USE_TLS;
		tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, certificate};
		tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, certificate};
		tls[n++] =
		    (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
					    (void *)(uintptr_t) "NORMAL:-VERS-TLS1.0:"
								"-VERS-TLS1.1:-VERS-DTLS-ALL"};
		if (ca)
			tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, ca};
	}
	tls[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	if (status == 0)
		w->daemon = MHD_start_daemon(
		    flags, w->port, NULL, NULL, on_request, w, MHD_OPTION_LISTEN_SOCKET,
		    w->listen_fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
		    MHD_OPTION_NOTIFY_COMPLETED, on_request_end, w, MHD_OPTION_CONNECTION_LIMIT,
		    w->clients.most, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_POOL,
		    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(CLIENT_MS_IDLE / 1000),
		    MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (status == 0 && !w->daemon)
		status = error_set(err, -EINVAL, "%s: the web hook cannot be started%s", o->path,
				   o->is_tls ? ": is there a key and a certificate in the file of "
					       "sslCertificate?"
					     : "");
	free(certificate);
	free(ca);
	return status;
}

struct source *audit_web_new(const struct audit_options *options, struct error *err)
{
	struct web *w = calloc(1, sizeof(*w));
	int status;

	if (!w) {
		error_set(err, -ENOMEM, "no memory for the web hook");
		return NULL;
	}
	w->last = &w->first;
	w->listen_fd = -1;
	pthread_mutex_init(&w->queue_lock, NULL);
	audit_clients_init(&w->clients, raise_descriptors());
	w->most_held =
	    options->max_batch_size > HELD_LEAST / 4 ? 4 * options->max_batch_size : HELD_LEAST;
	w->ready_fd = wake_open();
	status = audit_source_init(&w->audit, &ops, options, err);
	if (status == 0 && w->ready_fd < 0)
		status = error_set(err, -errno, "eventfd: %s", strerror(errno));
	if (status == 0) {
		w->listen_fd = audit_listen(options->address, options->port, &w->port, err);
		status = w->listen_fd < 0 ? w->listen_fd : start(w, err);
	}
	if (status == 0)
		log_info("k8s_audit: %s at %s%s%s:%u%s", options->is_tls ? "https" : "http",
			 strchr(options->address, ':') ? "[" : "", options->address,
			 strchr(options->address, ':') ? "]" : "", w->port, options->path);
	if (status < 0) {
		web_free(&w->audit.source);
		return NULL;
	}
	return &w->audit.source;
}

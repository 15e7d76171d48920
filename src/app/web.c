/* SPDX-License-Identifier: Apache-2.0 */
#include "app/web.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CERTIFICATE_BYTES_MAX = 1024 * 1024,
	/* From so many on the oldest is ended for a new one; the rest of the room is for those
	   whose end takes a moment. */
	CONNECTIONS_FULL = WEB_CONNECTIONS_MAX / 4 * 3,
	THREADS_DEFAULT_MAX = 4,
};

/* A connection. Those that wait longest are ended first. */
struct visitor {
	struct visitor *older, *newer;
	int fd;
	uint64_t waits_since; /* ms */
	bool is_known;        /* has had an answer */
	bool is_ended;        /* by us */
};

struct web {
	struct MHD_Daemon *daemon;
	const struct web_page *pages;
	size_t page_count;
	int fd; /* that listens */
	uint16_t port;
	char *certificate;

	pthread_mutex_t lock; /* of what follows */
	struct visitor *oldest, *newest;
	size_t visitor_count;
	uint64_t requests, refused, ended;
};

unsigned web_route(const struct web_page *pages, size_t count, const char *method, const char *path,
		   const struct web_page **page)
{
	*page = NULL;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(pages[i].path, path) != 0)
			continue;
		if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
			return MHD_HTTP_METHOD_NOT_ALLOWED;
		*page = &pages[i];
		return MHD_HTTP_OK;
	}
	return MHD_HTTP_NOT_FOUND;
}

static void unlink_visitor(struct web *w, struct visitor *v)
{
	*(v->older ? &v->older->newer : &w->oldest) = v->newer;
	*(v->newer ? &v->newer->older : &w->newest) = v->older;
	v->older = v->newer = NULL;
}

static void add_newest(struct web *w, struct visitor *v)
{
	v->older = w->newest;
	*(w->newest ? &w->newest->newer : &w->oldest) = v;
	w->newest = v;
	v->waits_since = clock_monotonic_ms();
}

/* Its descriptor is closed by its own thread, after visit() has heard of that: it is valid here. */
static void end_visitor(struct web *w, struct visitor *v)
{
	v->is_ended = true;
	shutdown(v->fd, SHUT_RDWR);
	unlink_visitor(w, v);
	w->ended++;
}

/* A new one has come: the others are looked after. */
static void make_room(struct web *w)
{
	uint64_t now = clock_monotonic_ms();
	size_t waiting = 0;

	for (struct visitor *v = w->oldest; v; v = v->newer)
		waiting++;
	for (struct visitor *v = w->oldest, *next; v; v = next) {
		bool is_slow = !v->is_known && now - v->waits_since > WEB_REQUEST_MS;

		next = v->newer;
		if (!is_slow && waiting < CONNECTIONS_FULL)
			continue;
		end_visitor(w, v);
		waiting--;
	}
}

static void visit(void *context, struct MHD_Connection *connection, void **of_connection,
		  enum MHD_ConnectionNotificationCode code)
{
	struct web *w = context;
	struct visitor *v = *of_connection;

	pthread_mutex_lock(&w->lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
		    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		v = info ? calloc(1, sizeof(*v)) : NULL;
		if (v) {
			v->fd = info->connect_fd;
			make_room(w);
			add_newest(w, v);
		}
		w->visitor_count++;
		*of_connection = v;
	} else {
		if (v && !v->is_ended)
			unlink_visitor(w, v);
		free(v);
		w->visitor_count--;
		*of_connection = NULL;
	}
	pthread_mutex_unlock(&w->lock);
}

/* It asks, so it has its turn anew. */
static void note_request(struct web *w, struct MHD_Connection *connection, unsigned status)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct visitor *v = info ? info->socket_context : NULL;

	pthread_mutex_lock(&w->lock);
	w->requests++;
	w->refused += status >= MHD_HTTP_BAD_REQUEST;
	if (v && !v->is_ended) {
		unlink_visitor(w, v);
		add_newest(w, v);
		v->is_known = true;
	}
	pthread_mutex_unlock(&w->lock);
}

static struct web_answer plain(unsigned status)
{
	struct web_answer answer = {.status = status, .type = "text/plain"};

	answer.text = strdup(status == MHD_HTTP_NOT_FOUND ? "not found\n" : "not allowed\n");
	answer.size = answer.text ? strlen(answer.text) : 0;
	return answer;
}

static enum MHD_Result answer_request(void *context, struct MHD_Connection *connection,
				      const char *path, const char *method, const char *version,
				      const char *body, size_t *body_size, void **of_request)
{
	static char seen;
	struct web *w = context;
	const struct web_page *page;
	struct web_answer answer;
	struct MHD_Response *response;
	enum MHD_Result result;
	unsigned status;

	(void)version;
	(void)body;
	/* A body is of no interest, but what asks with one is answered behind it. */
	if (!*of_request || *body_size) {
		*of_request = &seen;
		*body_size = 0;
		return MHD_YES;
	}
	status = web_route(w->pages, w->page_count, method, path, &page);
	answer = page ? page->make(page->context) : plain(status);
	if (!answer.text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(answer.size, answer.text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(answer.text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.type);
	if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, answer.status, response);
	MHD_destroy_response(response);
	note_request(w, connection, answer.status);
	return result;
}

/* What it has to say concerns single visitors. */
static void ignore_message(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

static int open_socket(const struct web_options *o, uint16_t *port, struct error *err)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	socklen_t size = sizeof(*v4);
	const int yes = 1;
	int fd, status;

	if (inet_pton(AF_INET, o->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(o->port);
	} else if (inet_pton(AF_INET6, o->address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(o->port);
		size = sizeof(*v6);
	} else {
		return error_set(err, -EINVAL, "webserver.listen_address: %s is no address",
				 o->address);
	}
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "webserver: socket: %s", strerror(errno));
	/* A restart must not wait for the last run's connections to be forgotten. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		status = error_set(err, -errno, "webserver: cannot listen on %s port %u: %s",
				   o->address, o->port, strerror(errno));
		close(fd);
		return status;
	}
	*port = ntohs(address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
	return fd;
}

/* Both the certificate and its key, as text. */
static char *read_certificate(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *text = NULL;
	char *result;
	size_t n = 0;

	if (fd >= 0)
		text = malloc(CERTIFICATE_BYTES_MAX + 1);
	while (text && n < CERTIFICATE_BYTES_MAX) {
		ssize_t got = read(fd, text + n, CERTIFICATE_BYTES_MAX - n);

		if (got < 0) {
			free(text);
			text = NULL;
		}
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (!text) {
		error_set(err, -errno, "webserver.ssl_certificate: %s: %s", path, strerror(errno));
		return NULL;
	}
	text[n] = '\0';
	result = text;
	text = NULL;
	return result;
}

static unsigned thread_count(const struct web_options *o)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = o->threads;

	if (n == 0)
		n = cpus < 1                     ? 1
		    : cpus > THREADS_DEFAULT_MAX ? THREADS_DEFAULT_MAX
						 : (unsigned)cpus;
	return n > WEB_THREADS_MAX ? (unsigned)WEB_THREADS_MAX : n;
}

static struct MHD_Daemon *start_daemon(struct web *w, const struct web_options *o)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC;
	unsigned threads = thread_count(o);
	struct MHD_OptionItem options[16] = {
	    {MHD_OPTION_LISTEN_SOCKET, w->fd, NULL},
	    {MHD_OPTION_CONNECTION_LIMIT, WEB_CONNECTIONS_MAX, NULL},
	    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, WEB_HEADER_BYTES, NULL},
	    {MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_S, NULL},
	    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)visit, w},
	};
	size_t n = 5;

	if (threads > 1)
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, threads, NULL};
	if (o->is_tls) {
		flags |= MHD_USE_TLS;
		options[n++] =
		    (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, w->certificate};
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, w->certificate};
		options[n++] = (struct MHD_OptionItem){
		    MHD_OPTION_HTTPS_PRIORITIES, 0,
		    (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
	}
	options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	return MHD_start_daemon(flags, o->port, NULL, NULL, answer_request, w,
				MHD_OPTION_EXTERNAL_LOGGER, ignore_message, NULL, MHD_OPTION_ARRAY,
				options, MHD_OPTION_END);
}

int web_start(struct web **web, const struct web_options *options, struct error *err)
{
	struct web *w = calloc(1, sizeof(*w));
	sigset_t all, before;
	int status;

	*web = NULL;
	if (!w)
		return error_set(err, -ENOMEM, "webserver: no memory");
	pthread_mutex_init(&w->lock, NULL);
	w->fd = -1;
	if (options->is_tls) {
		w->certificate = read_certificate(options->certificate, err);
		if (!w->certificate) {
			web_stop(w);
			return -EINVAL;
		}
	}
	w->pages = options->pages;
	w->page_count = options->page_count;
	w->fd = open_socket(options, &w->port, err);
	if (w->fd < 0) {
		status = w->fd;
		web_stop(w);
		return status;
	}
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	w->daemon = start_daemon(w, options);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!w->daemon) {
		web_stop(w);
		return error_set(err, -EINVAL,
				 options->is_tls ? "webserver: cannot start; %s must hold a "
						   "certificate and its key in PEM form"
						 : "webserver: cannot start",
				 options->certificate);
	}
	*web = w;
	return 0;
}

void web_stop(struct web *w)
{
	if (!w)
		return;
	if (w->daemon)
		MHD_stop_daemon(w->daemon); /* closes the socket, too */
	else if (w->fd >= 0)
		close(w->fd);
	if (w->certificate)
		explicit_bzero(w->certificate, strlen(w->certificate)); /* a key */
	free(w->certificate);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

uint16_t web_port(const struct web *w)
{
	return w->port;
}

struct web_counters web_counters(struct web *w)
{
	struct web_counters c;

	pthread_mutex_lock(&w->lock);
	c = (struct web_counters){w->requests, w->refused, w->ended, w->visitor_count};
	pthread_mutex_unlock(&w->lock);
	return c;
}

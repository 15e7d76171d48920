/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/grpc.h"

#include "base/clock.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PREFIX = 5, /* before a message: whether it is compressed, its size */
	REQUEST_MAX = 2048,
	MESSAGE_MAX = 256,
	NAMESPACE_MAX = 128,
	READ_SIZE = 64 * 1024,
	WINDOW = 8 * 1024 * 1024,
	STATUS_NONE = -1, /* a stream that ended without saying how */
};

/* A request with what has come of its answer. */
struct exchange {
	int32_t id; /* 0: none is under way */
	char request[PREFIX + REQUEST_MAX];
	size_t request_n, sent;
	char *bytes; /* received, not handed on yet */
	size_t n, room, most;
	int http_status, status;
	char message[MESSAGE_MAX];
	bool is_over, is_too_large;
	grpc_take_message *take; /* NULL: a call */
	void *context;
};

struct grpc_client {
	int fd;
	nghttp2_session *session;
	char namespace[NAMESPACE_MAX];
	struct exchange call, stream;
	char *kept;
	size_t kept_room;
};

static struct exchange *exchange_of(struct grpc_client *c, int32_t id)
{
	return id == 0              ? NULL
	       : id == c->call.id   ? &c->call
	       : id == c->stream.id ? &c->stream
				    : NULL;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
		     void *context)
{
	struct exchange *x = exchange_of(context, frame->hd.stream_id);
	struct str key = {(const char *)name, name_n}, text = {(const char *)value, value_n};
	uint64_t number;

	(void)session;
	(void)flags;
	if (!x)
		return 0;
	if (str_equal_c(key, ":status") && str_to_u64(text, &number) && number < 1000)
		x->http_status = (int)number;
	else if (str_equal_c(key, "grpc-status") && str_to_u64(text, &number) && number < 100)
		x->status = (int)number;
	else if (str_equal_c(key, "grpc-message"))
		snprintf(x->message, sizeof(x->message), "%.*s",
			 (int)(value_n < 200 ? value_n : 200), (const char *)value);
	return 0;
}

static uint32_t message_size(const struct exchange *x)
{
	const uint8_t *p = (const uint8_t *)x->bytes;

	return (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
}

/* Hands on the messages of a stream that are whole. */
static void take_messages(struct exchange *x)
{
	size_t at = 0;

	while (x->n - at >= PREFIX) {
		struct exchange rest = {.bytes = x->bytes + at};
		size_t size = message_size(&rest);

		if (size > x->most - PREFIX) {
			x->is_too_large = true;
			return;
		}
		if (x->n - at - PREFIX < size)
			break;
		x->take(x->context, (struct str){x->bytes + at + PREFIX, size});
		at += PREFIX + size;
	}
	memmove(x->bytes, x->bytes + at, x->n - at);
	x->n -= at;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t n, void *context)
{
	struct exchange *x = exchange_of(context, id);
	size_t room;
	char *bigger;

	(void)session;
	(void)flags;
	if (!x || x->is_too_large)
		return 0;
	if (n > x->most - x->n) {
		x->is_too_large = true;
		return 0;
	}
	for (room = x->room ? x->room : 16 * 1024; room < x->n + n;)
		room *= 2;
	if (room != x->room) {
		bigger = realloc(x->bytes, room);
		if (!bigger) {
			x->is_too_large = true;
			return 0;
		}
		x->bytes = bigger;
		x->room = room;
	}
	memcpy(x->bytes + x->n, bytes, n);
	x->n += n;
	if (x->take)
		take_messages(x);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct exchange *x = exchange_of(context, id);

	(void)session;
	if (!x)
		return 0;
	x->is_over = true;
	if (code != NGHTTP2_NO_ERROR && x->status < 0)
		snprintf(x->message, sizeof(x->message), "HTTP/2: %s",
			 nghttp2_http2_strerror(code));
	return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
			    uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct exchange *x = source->ptr;
	size_t n = x->request_n - x->sent;

	(void)session;
	(void)id;
	(void)context;
	if (n > room)
		n = room;
	memcpy(out, x->request + x->sent, n);
	x->sent += n;
	if (x->sent == x->request_n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int connect_to(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, status;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "the socket's path is too long");
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	status = error_set(err, -errno, "connect: %s", strerror(errno));
	close(fd);
	return status;
}

static int open_session(struct grpc_client *c)
{
	const nghttp2_settings_entry settings[] = {
	    {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, READ_SIZE},
	};
	nghttp2_session_callbacks *callbacks;
	int status = nghttp2_session_callbacks_new(&callbacks);

	if (status)
		return status;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	status = nghttp2_session_client_new(&c->session, callbacks, c);
	nghttp2_session_callbacks_del(callbacks);
	if (status == 0)
		status = nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
						 sizeof(settings) / sizeof(*settings));
	return status;
}

struct grpc_client *grpc_open(const char *socket_path, struct error *err)
{
	struct grpc_client *c = calloc(1, sizeof(*c));

	if (!c) {
		error_set(err, -ENOMEM, "no memory for a client");
		return NULL;
	}
	c->fd = connect_to(socket_path, err);
	if (c->fd >= 0 && open_session(c) == 0)
		return c;
	if (c->fd >= 0)
		error_set(err, -ENOMEM, "no memory for an HTTP/2 session");
	grpc_close(c);
	return NULL;
}

void grpc_close(struct grpc_client *c)
{
	if (!c)
		return;
	nghttp2_session_del(c->session);
	if (c->fd >= 0)
		close(c->fd);
	free(c->call.bytes);
	free(c->stream.bytes);
	free(c->kept);
	free(c);
}

void grpc_set_namespace(struct grpc_client *c, const char *name)
{
	snprintf(c->namespace, sizeof(c->namespace), "%s", name ? name : "");
}

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
			    .namelen = strlen(name),
			    .value = (uint8_t *)(uintptr_t)value,
			    .valuelen = strlen(value)};
}

static int begin(struct grpc_client *c, struct exchange *x, const char *path, struct str request,
		 size_t most, struct error *err)
{
	nghttp2_data_provider body = {.source.ptr = x, .read_callback = read_request};
	nghttp2_nv headers[] = {
	    header(":method", "POST"),
	    header(":scheme", "http"),
	    header(":path", path),
	    header(":authority", "localhost"),
	    header("content-type", "application/grpc"),
	    header("te", "trailers"),
	    header("user-agent", "saker"),
	    header("containerd-namespace", c->namespace),
	};
	size_t count = sizeof(headers) / sizeof(*headers) - !c->namespace[0];

	if (request.n > REQUEST_MAX)
		return error_set(err, -E2BIG, "%s: the request is too long", path);
	x->request[0] = 0;
	x->request[1] = x->request[2] = 0;
	x->request[3] = (char)(request.n >> 8);
	x->request[4] = (char)request.n;
	if (request.n)
		memcpy(x->request + PREFIX, request.p, request.n);
	x->request_n = PREFIX + request.n;
	x->sent = x->n = 0;
	x->most = most + PREFIX;
	x->http_status = 0;
	x->status = STATUS_NONE;
	x->message[0] = '\0';
	x->is_over = x->is_too_large = false;
	x->id = nghttp2_submit_request(c->session, NULL, headers, count, &body, NULL);
	if (x->id < 0)
		return error_set(err, -EPROTO, "%s: %s", path, nghttp2_strerror(x->id));
	return 0;
}

static int send_all(struct grpc_client *c, struct error *err)
{
	const uint8_t *bytes;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &bytes)) > 0)
		for (ssize_t at = 0; at < n;) {
			ssize_t sent = send(c->fd, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
			struct pollfd p = {.fd = c->fd, .events = POLLOUT};

			if (sent > 0)
				at += sent;
			else if (errno == EAGAIN && poll(&p, 1, 1000) > 0)
				continue;
			else
				return error_set(err, -EPIPE, "sending: %s", strerror(errno));
		}
	if (n < 0)
		return error_set(err, -EPROTO, "HTTP/2: %s", nghttp2_strerror((int)n));
	return 0;
}

static int receive(struct grpc_client *c, struct error *err)
{
	uint8_t bytes[READ_SIZE];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0), taken;

	if (n == 0)
		return error_set(err, -ECONNRESET, "the runtime has hung up");
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			   ? 0
			   : error_set(err, -errno, "receiving: %s", strerror(errno));
	taken = nghttp2_session_mem_recv(c->session, bytes, (size_t)n);
	if (taken < 0)
		return error_set(err, -EPROTO, "HTTP/2: %s", nghttp2_strerror((int)taken));
	if (!nghttp2_session_want_read(c->session) && !nghttp2_session_want_write(c->session))
		return error_set(err, -ECONNRESET, "the runtime has ended the connection");
	return 0;
}

/* Sends what is there, waits that long at most for the other end, and takes what it sent. */
static int step(struct grpc_client *c, int wake_fd, int timeout_ms, struct error *err)
{
	struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	int status = send_all(c, err);

	if (status < 0)
		return status;
	status = poll(p, wake_fd >= 0 ? 2 : 1, timeout_ms);
	if (status > 0 && p[0].revents)
		status = receive(c, err);
	if (status >= 0 && p[0].revents)
		status = send_all(c, err); /* acknowledgements, windows */
	return status < 0 && status != -EINTR ? status : 0;
}

static int finish(struct exchange *x, const char *path, struct str *out, struct error *err)
{
	if (x->http_status && x->http_status != 200)
		return error_set(err, -EPROTO, "%s: HTTP status %d", path, x->http_status);
	if (x->status < 0)
		return error_set(err, -EPROTO, "%s: %s", path,
				 x->message[0] ? x->message : "an answer without a status");
	*out = (struct str){"", 0};
	if (x->status != GRPC_OK)
		return x->status;
	if (x->n < PREFIX || x->bytes[0] || message_size(x) > x->n - PREFIX)
		return error_set(err, -EBADMSG, "%s: a broken message", path);
	*out = (struct str){x->bytes + PREFIX, message_size(x)};
	return GRPC_OK;
}

int grpc_call(struct grpc_client *c, const char *path, struct str request, size_t most,
	      int timeout_ms, struct str *out, struct error *err)
{
	struct exchange *x = &c->call;
	uint64_t end = clock_monotonic_ms() + (uint64_t)timeout_ms, now;
	int status = begin(c, x, path, request, most, err);

	while (status == 0 && !x->is_over && !x->is_too_large) {
		now = clock_monotonic_ms();
		if (now >= end)
			return error_set(err, -ETIMEDOUT, "%s: no answer in %d ms", path,
					 timeout_ms);
		status = step(c, -1, (int)(end - now), err);
	}
	if (status < 0)
		return status;
	if (x->is_too_large)
		return error_set(err, -EMSGSIZE, "the answer to %s is larger than %zu bytes", path,
				 most);
	x->id = 0;
	return finish(x, path, out, err);
}

struct str grpc_keep(struct grpc_client *c, struct str answer)
{
	char *spare = c->kept;
	size_t room = c->kept_room;

	c->kept = c->call.bytes;
	c->kept_room = c->call.room;
	c->call.bytes = spare;
	c->call.room = room;
	return answer;
}

int grpc_stream(struct grpc_client *c, const char *path, struct str request, size_t most,
		grpc_take_message *take, void *context, struct error *err)
{
	c->stream.take = take;
	c->stream.context = context;
	return begin(c, &c->stream, path, request, most, err);
}

bool grpc_is_streaming(const struct grpc_client *c, int *status)
{
	*status = c->stream.status;
	return c->stream.id && !c->stream.is_over;
}

int grpc_wait(struct grpc_client *c, int wake_fd, int timeout_ms, struct error *err)
{
	int status = step(c, wake_fd, timeout_ms, err);

	if (status == 0 && c->stream.is_too_large)
		return error_set(err, -EMSGSIZE, "an event is larger than %zu bytes",
				 c->stream.most - PREFIX);
	return status;
}

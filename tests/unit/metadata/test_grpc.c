/* SPDX-License-Identifier: Apache-2.0 */
/* The gRPC client, against a server that speaks HTTP/2 and does with it what it should not. */
#include "../unit.h"
#include "metadata/grpc.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 * 1024, TIMEOUT_MS = 300, ENDLESS = 100 * 1000 * 1000 };

enum manner {
	GOOD,
	NOT_FOUND,
	WITHOUT_STATUS,
	WITHOUT_MESSAGE,
	CUT_MESSAGE,
	COMPRESSED,
	HTTP_ERROR,
	RESET,
	GOES_AWAY,
	NEVER_ANSWERS,
	ENDLESS_ANSWER,
	ENDLESS_HEADERS,
	BROKEN_FRAMES,
};

struct server {
	enum manner manner;
	char directory[64], path[96];
	int listener, fd;
	pthread_t thread;
	nghttp2_session *session;
	size_t sent;
};

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
			    .namelen = strlen(name),
			    .value = (uint8_t *)(uintptr_t)value,
			    .valuelen = strlen(value)};
}

/* "hello" behind its prefix, or what comes instead. */
static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
			 uint32_t *flags, nghttp2_data_source *source, void *context)
{
	static const uint8_t message[] = {0, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};
	nghttp2_nv good = header("grpc-status", "0"), bad = header("grpc-status", "5");
	struct server *s = context;
	size_t n = s->manner == NOT_FOUND || s->manner == WITHOUT_MESSAGE ? 0 : sizeof(message);

	(void)source;
	if (s->manner == ENDLESS_ANSWER && s->sent < ENDLESS) {
		memset(out, 0x7f, room);
		s->sent += room;
		return (ssize_t)room;
	}
	memcpy(out, message, n);
	out[0] = s->manner == COMPRESSED;
	out[1] = s->manner == CUT_MESSAGE ? 0x7f : 0;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->manner == WITHOUT_STATUS)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	nghttp2_submit_trailer(session, id, s->manner == NOT_FOUND ? &bad : &good, 1);
	return (ssize_t)n;
}

static void answer(struct server *s, int32_t id)
{
	nghttp2_data_provider body = {.read_callback = give_body};
	nghttp2_nv ok[] = {header(":status", "200"), header("content-type", "application/grpc")};
	nghttp2_nv error = header(":status", "503");

	switch (s->manner) {
	case NEVER_ANSWERS:
		break;
	case HTTP_ERROR:
		nghttp2_submit_response(s->session, id, &error, 1, NULL);
		break;
	case RESET:
		nghttp2_submit_rst_stream(s->session, NGHTTP2_FLAG_NONE, id,
					  NGHTTP2_REFUSED_STREAM);
		break;
	case GOES_AWAY:
		nghttp2_session_terminate_session(s->session, NGHTTP2_ENHANCE_YOUR_CALM);
		break;
	default:
		nghttp2_submit_response(s->session, id, ok, 2, &body);
	}
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	(void)session;
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		answer(context, frame->hd.stream_id);
	return 0;
}

static bool send_all(struct server *s, const uint8_t *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(s->fd, bytes, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Frames of headers that never end, or of no kind that there is. */
static void send_raw(struct server *s)
{
	static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
	uint8_t frame[9 + 16000] = {0x00, 0x3e, 0x80, 1, 0, 0, 0, 0, 1};

	if (!send_all(s, settings, sizeof(settings)))
		return;
	memset(frame + 9, s->manner == ENDLESS_HEADERS ? 0x82 : 0xff, sizeof(frame) - 9);
	for (int i = 0; i < 5000 && send_all(s, frame, sizeof(frame)); i++)
		frame[3] = s->manner == ENDLESS_HEADERS ? 9 : 1; /* CONTINUATION */
}

static void *serve(void *context)
{
	struct server *s = context;
	nghttp2_session_callbacks *callbacks;
	uint8_t bytes[16384];
	const uint8_t *out;
	ssize_t n;

	s->fd = accept(s->listener, NULL, NULL);
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_server_new(&s->session, callbacks, s);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(s->session, NGHTTP2_FLAG_NONE, NULL, 0);
	if (s->manner == ENDLESS_HEADERS || s->manner == BROKEN_FRAMES)
		send_raw(s);
	else
		while ((n = recv(s->fd, bytes, sizeof(bytes), 0)) > 0 &&
		       nghttp2_session_mem_recv(s->session, bytes, (size_t)n) >= 0)
			while ((n = nghttp2_session_mem_send(s->session, &out)) > 0)
				if (!send_all(s, out, (size_t)n))
					break;
	nghttp2_session_del(s->session);
	close(s->fd);
	return NULL;
}

static struct server *server_new(enum manner manner)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	s->manner = manner;
	snprintf(s->directory, sizeof(s->directory), "/tmp/saker-grpc-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	snprintf(s->path, sizeof(s->path), "%s/sock", s->directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	pthread_create(&s->thread, NULL, serve, s);
	return s;
}

static void server_free(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
	unlink(s->path);
	rmdir(s->directory);
	free(s);
}

/* What a call answers: a status, or an error with the part of its message. */
static const struct {
	const char *what;
	enum manner manner;
	int want;
	const char *message;
} rows[] = {
    {"a good one", GOOD, GRPC_OK, ""},
    {"not found", NOT_FOUND, GRPC_NOT_FOUND, ""},
    {"no status", WITHOUT_STATUS, -EPROTO, "without a status"},
    {"no message", WITHOUT_MESSAGE, -EBADMSG, "a broken message"},
    {"a message longer than what comes", CUT_MESSAGE, -EBADMSG, "a broken message"},
    {"a compressed message", COMPRESSED, -EBADMSG, "a broken message"},
    {"an HTTP error", HTTP_ERROR, -EPROTO, "HTTP status 503"},
    {"a reset stream", RESET, -EPROTO, "REFUSED_STREAM"},
    {"the end of the connection", GOES_AWAY, -1, ""},
    {"silence", NEVER_ANSWERS, -ETIMEDOUT, "no answer in"},
    {"100 MB", ENDLESS_ANSWER, -EMSGSIZE, "is larger than 65536 bytes"},
    {"headers without an end", ENDLESS_HEADERS, -1, ""},
    {"broken frames", BROKEN_FRAMES, -1, ""},
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void every_answer_is_an_answer_or_an_error_in_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server *s = server_new(rows[i].manner);
		struct error err = {0};
		struct grpc_client *c = grpc_open(s->path, &err);
		struct str out = {"", 0};
		uint64_t start = now_ms();
		int status;

		assert_non_null(c);
		status = grpc_call(c, "/a/b", STR("request"), MOST, TIMEOUT_MS, &out, &err);
		if (rows[i].want == -1 ? status >= 0 : status != rows[i].want)
			fail_msg("%s: status %d, want %d: %s", rows[i].what, status, rows[i].want,
				 err.message);
		if (!strstr(err.message, rows[i].message))
			fail_msg("%s: \"%s\" has no \"%s\"", rows[i].what, err.message,
				 rows[i].message);
		if (status == GRPC_OK)
			check_str(out, "hello", rows[i].what);
		assert_true(now_ms() - start < 10 * TIMEOUT_MS);
		grpc_close(c);
		server_free(s);
	}
}

static void an_answer_is_kept_beside_the_next(void **state)
{
	struct server *s = server_new(GOOD);
	struct error err = {0};
	struct grpc_client *c = grpc_open(s->path, &err);
	struct str first, second;

	(void)state;
	for (int i = 0; i < 3; i++) {
		check_i64(grpc_call(c, "/a/b", STR(""), MOST, 5000, &first, &err), GRPC_OK, "one");
		first = grpc_keep(c, first);
		check_i64(grpc_call(c, "/a/b", STR(""), MOST, 5000, &second, &err), GRPC_OK, "two");
		assert_ptr_not_equal(first.p, second.p);
		check_str(first, "hello", "kept");
		check_str(second, "hello", "the next");
	}
	grpc_close(c);
	server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_answer_is_an_answer_or_an_error_in_time),
	    cmocka_unit_test(an_answer_is_kept_beside_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

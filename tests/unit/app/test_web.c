/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "app/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static struct web_answer say(void *context)
{
	return (struct web_answer){
	    .status = 200, .text = strdup(context), .size = strlen(context), .type = "text/plain"};
}

static struct web_answer say_nothing(void *context)
{
	(void)context;
	return (struct web_answer){.status = 200, .type = "text/plain"};
}

static char hello[] = "hello\n";

static const struct web_page pages[] = {{"/hello", say, hello}, {"/nothing", say_nothing, NULL}};

static void requests_find_their_pages(void **state)
{
	static const struct {
		const char *method, *path;
		unsigned status;
	} cases[] = {
	    {"GET", "/hello", 200},    {"HEAD", "/hello", 200}, {"POST", "/hello", 405},
	    {"get", "/hello", 405},    {"", "/hello", 405},     {"GET", "/hello/", 404},
	    {"GET", "/Hello", 404},    {"GET", "", 404},        {"POST", "/other", 404},
	    {"GET", "/../hello", 404}, {"GET", "hello", 404},   {"GET", "/nothing", 200},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct web_page *page;

		check_i64(web_route(pages, 2, cases[i].method, cases[i].path, &page),
			  cases[i].status, cases[i].path);
		assert_true((page != NULL) == (cases[i].status == 200));
	}
}

static struct web *start(void)
{
	struct web_options options = {
	    .address = "127.0.0.1", .threads = 2, .pages = pages, .page_count = 2};
	struct error err = {0};
	struct web *w;

	if (web_start(&w, &options, &err) < 0)
		fail_msg("%s", err.message);
	return w;
}

static int visit(const struct web *w)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons(web_port(w))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What is answered until the other end closes, or all of a page is there. */
static void hear(int fd, const char *until, char *text, size_t room)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	text[0] = '\0';
	while (!strstr(text, until) && n + 1 < room && poll(&wait, 1, PATIENCE_MS) > 0) {
		ssize_t got = recv(fd, text + n, room - n - 1, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
		text[n] = '\0';
	}
}

static void tell(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void check_answers(const struct web *w)
{
	char text[4096];
	int fd = visit(w);

	tell(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(fd, hello, text, sizeof(text));
	assert_non_null(strstr(text, "200 OK"));
	assert_non_null(strstr(text, hello));
	/* Once more over the same connection. */
	tell(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(fd, hello, text, sizeof(text));
	assert_non_null(strstr(text, "200 OK"));
	close(fd);
}

static void requests_are_counted(void **state)
{
	struct web *w = start();
	struct web_counters counters;
	char text[4096];
	int fd;

	(void)state;
	check_answers(w);
	fd = visit(w);
	tell(fd, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(fd, "not found\n", text, sizeof(text));
	counters = web_counters(w);
	check_i64(counters.requests, 3, "requests");
	check_i64(counters.refused, 1, "refused");
	check_i64(counters.ended, 0, "ended");
	/* A page without memory ends the connection and nothing else. */
	tell(fd, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(fd, "200 OK", text, sizeof(text));
	check_str(str_from(text), "", "no answer");
	close(fd);
	check_answers(w);
	web_stop(w);
}

/* More of them than there may be connections. */
static void who_only_stays_is_ended_for_others(void **state)
{
	enum { VISITORS = WEB_CONNECTIONS_MAX + 88 };
	struct web *w = start();
	int fds[VISITORS];

	(void)state;
	for (int i = 0; i < VISITORS; i++) {
		fds[i] = visit(w);
		if (i % 3 == 0)
			send(fds[i], "GET /hel", 8, MSG_NOSIGNAL);
		if (i % 150 == 0)
			check_answers(w);
	}
	check_answers(w);
	assert_true(web_counters(w).ended > 0);
	assert_true(web_counters(w).connections <= WEB_CONNECTIONS_MAX);
	for (int i = 0; i < VISITORS; i++)
		close(fds[i]);
	check_answers(w);
	web_stop(w);
}

static void what_cannot_be_listened_on_is_told(void **state)
{
	struct web *w = start(), *other;
	struct web_options taken = {.address = "127.0.0.1", .port = web_port(w)};
	struct web_options no_address = {.address = "here"};
	struct web_options no_certificate = {
	    .address = "127.0.0.1", .is_tls = true, .certificate = "/dev/null"};
	struct error err = {0};

	(void)state;
	check_i64(web_start(&other, &taken, &err), -EADDRINUSE, "a port that is taken");
	assert_non_null(strstr(err.message, "Address already in use"));
	check_i64(web_start(&other, &no_address, &err), -EINVAL, "no address");
	check_i64(web_start(&other, &no_certificate, &err), -EINVAL, "no certificate");
	assert_non_null(strstr(err.message, "/dev/null"));
	assert_null(other);
	web_stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_find_their_pages),
	    cmocka_unit_test(requests_are_counted),
	    cmocka_unit_test(who_only_stays_is_ended_for_others),
	    cmocka_unit_test(what_cannot_be_listened_on_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

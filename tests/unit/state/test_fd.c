/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <netinet/in.h>
#include <sys/socket.h>

static struct world *with_shell(struct task_facts *f)
{
	struct world *w = world_new(100);

	*f = task(10, 100, 0, 0, "sh");
	world_exec(w, f, "/bin/sh");
	return w;
}

/* openat(dirfd, name) with what the kernel says of it; NULL: no such item. */
static void opened_files_have_the_name_that_was_given(void **state)
{
	static const struct {
		const char *name;
		int64_t fd, dirfd;
		const char *base, *resolved;
		const char *path;
		bool has_second_name;
	} cases[] = {
	    {"/etc/shadow", 3, -100, NULL, "/etc/shadow", "/etc/shadow", false},
	    {"/etc//./shadow", 3, -100, NULL, "/etc/shadow", "/etc/shadow", false},
	    {"/tmp/link", 3, -100, NULL, "/etc/shadow", "/tmp/link", true},
	    {"link", 3, -100, NULL, "/etc/shadow", "/tmp/link", true},
	    {"link", 3, -100, "/home", "/etc/shadow", "/home/link", true},
	    {"../etc/shadow", 3, -100, NULL, "/etc/shadow", "/etc/shadow", false},
	    {"shadow", 3, 5, "/etc", "/etc/shadow", "/etc/shadow", false},
	    {"shadow", 3, 5, NULL, NULL, "<UNKNOWN>shadow", false},
	    {"/none", -2, -100, NULL, NULL, "/none", false},
	    {"none", -2, -100, NULL, NULL, "/tmp/none", false},
	};
	struct task_facts f;
	struct world *w = with_shell(&f);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct annex_file file = {.ino = 7, .dev = 0xfe00, .type = FD_FILE, .layer = 1};
		struct note notes[3];
		size_t n = 0;
		const struct arg args[] = {NUMBER("fd", cases[i].fd),
					   NUMBER("dirfd", cases[i].dirfd),
					   TEXT("name", cases[i].name), NUMBER("flags", 1)};

		if (cases[i].fd >= 0)
			notes[n++] = (struct note){ANNEX_FILE, 0, &file, sizeof(file)};
		if (cases[i].resolved)
			notes[n++] = (struct note){ANNEX_PATH_RESOLVED, 0, cases[i].resolved,
						   strlen(cases[i].resolved)};
		if (cases[i].base)
			notes[n++] =
			    (struct note){ANNEX_PATH_BASE, 2, cases[i].base, strlen(cases[i].base)};
		struct event *e = world_send(w, "openat", &f, args, 4, notes, n);
		check_str(e->fd.path, cases[i].path, cases[i].name);
		check_str(e->fd.path_raw, cases[i].name, cases[i].name);
		check_str(e->fd.path_resolved, cases[i].resolved ? cases[i].resolved : "",
			  cases[i].name);
		check_i64(e->has_second_name, cases[i].has_second_name, cases[i].name);
		check_i64(e->fd.num, cases[i].fd < 0 ? -1 : cases[i].fd, cases[i].name);
		check_i64(e->fd.is_known, true, cases[i].name);
		check_i64(e->fd.type, cases[i].fd < 0 ? FD_UNKNOWN : FD_FILE, cases[i].name);
		check_i64(e->fd.ino, cases[i].fd < 0 ? 0 : 7, cases[i].name);
		check_i64(e->fd.layer, cases[i].fd < 0 ? 0 : 1, cases[i].name);
		check_i64(e->fd.open_flags, 1, cases[i].name);
	}
	world_free(w);
}

static void used_files_have_the_kernels_name(void **state)
{
	struct task_facts f;
	struct world *w = with_shell(&f);
	const struct annex_file file = {.type = FD_FILE, .ino = 9};
	const struct note notes[] = {{ANNEX_FILE, 2, &file, sizeof(file)},
				     {ANNEX_PATH_RESOLVED, 2, "/var/log/syslog", 15},
				     {ANNEX_PATH_RESOLVED, 1, "/not/this", 9}};

	(void)state;
	struct event *e = SEND_NOTED(w, "write", &f, notes, NUMBER("res", 1), NUMBER("fd", 4));
	check_str(e->fd.path, "/var/log/syslog", "path");
	check_i64(e->fd.num, 4, "num");
	check_i64(e->fd.ino, 9, "ino");
	assert_false(e->has_second_name);
	e = SEND(w, "write", &f, NUMBER("res", 1), NUMBER("fd", 4));
	check_i64(e->fd.num, 4, "num of what is not known");
	assert_false(e->fd.is_known);
	e = SEND(w, "getuid", &f);
	world_free(w);
}

/* Another thread wrote another name while the call ran: the given name is no name of the file. */
static void names_that_were_not_the_calls_are_not_shown(void **state)
{
	struct task_facts f;
	struct world *w = with_shell(&f);
	const struct note notes[] = {
	    {FLAGGED(ANNEX_PATH_RESOLVED, ANNEX_NOT_GIVEN), 0, "/etc/shadow", 11}};

	(void)state;
	struct event *e = SEND_NOTED(w, "openat", &f, notes, NUMBER("fd", 3), NUMBER("dirfd", -100),
				     TEXT("name", "/tmp/other"));
	check_str(e->fd.path, "/etc/shadow", "path");
	check_str(e->fd.path_raw, "/tmp/other", "the argument");
	assert_false(e->has_second_name);
	world_free(w);
}

/* As from a chroot: a rule may mean either. */
static void used_files_have_the_origins_name_too(void **state)
{
	struct task_facts f;
	struct world *w = with_shell(&f);
	const struct note notes[] = {{ANNEX_PATH_RESOLVED, 2, "/shadow", 7},
				     {ANNEX_PATH_ORIGIN, 2, "/etc/shadow", 11}};

	(void)state;
	struct event *e = SEND_NOTED(w, "write", &f, notes, NUMBER("res", 1), NUMBER("fd", 4));
	check_str(e->fd.path, "/shadow", "path");
	check_str(e->fd.path_resolved, "/etc/shadow", "origin");
	assert_true(e->has_second_name);
	world_free(w);
}

static void ipv4_in_ipv6_is_ipv4(void **state)
{
	static const struct {
		const char *local, *remote;
		int type;
	} cases[] = {
	    {"\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4",
	     FD_IPV4},
	    {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", FD_IPV4},
	    {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\x20\1\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", FD_IPV6},
	};
	struct task_facts f;
	struct world *w = with_shell(&f);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct annex_socket a = {.family = AF_INET6,
					 .type = SOCK_STREAM,
					 .local_port = 4000,
					 .remote_port = 443,
					 .state = 1,
					 .is_server = 2};
		const struct note notes[] = {{ANNEX_SOCKET, 2, &a, sizeof(a)}};

		memcpy(a.local, cases[i].local, 16);
		memcpy(a.remote, cases[i].remote, 16);
		struct event *e =
		    SEND_NOTED(w, "connect", &f, notes, NUMBER("res", 0), NUMBER("fd", 3));
		check_i64(e->fd.type, cases[i].type, "type");
		check_i64(e->fd.remote.size, cases[i].type == FD_IPV4 ? 4 : 16, "size");
		check_i64(e->fd.remote.bytes[e->fd.remote.size - 1], 4, "last byte");
	}
	world_free(w);
}

static struct annex_socket tcp(const char *local, uint16_t lport, const char *remote,
			       uint16_t rport, uint8_t is_server)
{
	struct annex_socket a = {.family = AF_INET,
				 .type = SOCK_STREAM,
				 .protocol = IPPROTO_TCP,
				 .local_port = lport,
				 .remote_port = rport,
				 .state = 1,
				 .is_server = is_server,
				 .ino = 5};

	memcpy(a.local, local, 4);
	memcpy(a.remote, remote, 4);
	return a;
}

static void sockets_know_both_ends_and_their_role(void **state)
{
	struct task_facts f;
	struct world *w = with_shell(&f);
	struct annex_socket a = tcp("\x7f\0\0\1", 4000, "\x08\x08\x08\x08", 443, 2);
	const struct note connected[] = {{ANNEX_SOCKET, 2, &a, sizeof(a)}};
	const struct note accepted[] = {{ANNEX_SOCKET, 0, &a, sizeof(a)}};

	(void)state;
	struct event *e =
	    SEND_NOTED(w, "connect", &f, connected, NUMBER("res", 0), NUMBER("fd", 3));
	check_i64(e->fd.type, FD_IPV4, "type");
	check_i64(e->fd.l4proto, IPPROTO_TCP, "protocol");
	check_i64(e->fd.local_port, 4000, "local port");
	check_i64(e->fd.remote_port, 443, "remote port");
	check_i64(e->fd.remote.bytes[0], 8, "remote address");
	check_i64(e->fd.remote.size, 4, "size");
	assert_true(e->fd.is_role_known && !e->fd.is_server && e->fd.is_connected);
	assert_true(e->fd.name_changed);

	a.is_server = 1;
	e = SEND_NOTED(w, "accept4", &f, accepted, NUMBER("fd", 6));
	check_i64(e->fd.num, 6, "accepted");
	assert_true(e->fd.is_role_known && e->fd.is_server && e->fd.is_connected);

	/* A datagram's peer stands in the tuple alone. */
	a = tcp("\x7f\0\0\1", 5000, "\0\0\0\0", 0, 0);
	a.type = SOCK_DGRAM;
	a.protocol = IPPROTO_UDP;
	e = SEND_NOTED(w, "sendto", &f, connected, NUMBER("res", 1), NUMBER("fd", 3),
		       BYTES("tuple", "\x02\x7f\0\0\1\x88\x13\x01\x02\x03\x04\x35\0"));
	check_i64(e->fd.l4proto, IPPROTO_UDP, "udp");
	check_i64(e->fd.remote.bytes[3], 4, "remote by tuple");
	check_i64(e->fd.remote_port, 53, "remote port by tuple");
	check_i64(e->fd.local_port, 5000, "local port by tuple");
	assert_true(e->fd.is_role_known && !e->fd.is_server && e->fd.name_changed);

	/* Who binds to a port serves it, where that succeeded. */
	e = SEND_NOTED(w, "bind", &f, connected, NUMBER("res", -98), NUMBER("fd", 3));
	assert_false(e->fd.is_role_known);
	e = SEND_NOTED(w, "bind", &f, connected, NUMBER("res", 0), NUMBER("fd", 3));
	assert_true(e->fd.is_role_known && e->fd.is_server && !e->fd.is_connected);

	/* Without the kernel's word, tuples tell: source first, which accept has the other way. */
	e = SEND(w, "connect", &f, NUMBER("res", 0), NUMBER("fd", 3),
		 BYTES("tuple", "\x02\x7f\0\0\1\x88\x13\x01\x02\x03\x04\x35\0"));
	check_i64(e->fd.remote_port, 53, "connect");
	e = SEND(w, "accept4", &f, NUMBER("fd", 3),
		 BYTES("tuple", "\x02\x7f\0\0\1\x88\x13\x01\x02\x03\x04\x35\0"));
	check_i64(e->fd.local_port, 53, "accept");
	e = SEND(w, "connect", &f, NUMBER("res", -111), NUMBER("fd", 3));
	assert_false(e->fd.is_connected);
	world_free(w);
}

static void unix_sockets_have_paths(void **state)
{
	struct task_facts f;
	struct world *w = with_shell(&f);
	const struct annex_socket a = {
	    .family = AF_UNIX, .type = SOCK_STREAM, .unix_peer = 0x10, .unix_self = 0x20};
	const struct note notes[] = {{ANNEX_SOCKET, 2, &a, sizeof(a)},
				     {ANNEX_UNIX_PATH, 2, "/run/docker.sock", 16}};

	(void)state;
	struct event *e = SEND_NOTED(w, "connect", &f, notes, NUMBER("res", 0), NUMBER("fd", 3));
	check_i64(e->fd.type, FD_UNIX, "type");
	check_str(e->fd.path, "/run/docker.sock", "path");
	check_i64(e->fd.unix_peer, 0x10, "peer");
	e = SEND(w, "connect", &f, NUMBER("res", 0), NUMBER("fd", 3),
		 BYTES("tuple", "\x01\0\0\0\0\0\0\0\x20\x10\0\0\0\0\0\0\0/run/x\0"));
	check_str(e->fd.path, "/run/x", "path by tuple");
	check_i64(e->fd.unix_peer, 0x10, "peer by tuple");
	world_free(w);
}

static void calls_that_make_descriptors_tell_their_kind(void **state)
{
	static const struct {
		const char *event, *parameter;
		enum fd_type type;
	} cases[] = {
	    {"pipe2", "fd2", FD_PIPE},
	    {"eventfd2", "res", FD_EVENT},
	    {"epoll_create1", "res", FD_EVENTPOLL},
	    {"memfd_create", "fd", FD_MEMFD},
	    {"inotify_init1", "res", FD_INOTIFY},
	    {"signalfd4", "res", FD_SIGNALFD},
	    {"timerfd_create", "res", FD_TIMERFD},
	    {"pidfd_open", "fd", FD_PIDFD},
	    {"bpf", "fd", FD_BPF},
	    {"creat", "fd", FD_FILE},
	};
	struct task_facts f;
	struct world *w = with_shell(&f);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event *e = SEND(w, cases[i].event, &f, NUMBER(cases[i].parameter, 8));

		check_i64(e->fd.num, 8, cases[i].event);
		check_i64(e->fd.type, cases[i].type, cases[i].event);
		e = SEND(w, cases[i].event, &f, NUMBER("res", -1), NUMBER(cases[i].parameter, -1));
		check_i64(e->fd.num, -1, cases[i].event);
	}
	struct event *e = SEND(w, "socket", &f, NUMBER("fd", 8), NUMBER("domain", AF_INET6));
	check_i64(e->fd.type, FD_IPV6, "socket");
	e = SEND(w, "memfd_create", &f, NUMBER("fd", 8), TEXT("name", "payload"));
	check_str(e->fd.path, "payload", "memfd");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opened_files_have_the_name_that_was_given),
	    cmocka_unit_test(used_files_have_the_kernels_name),
	    cmocka_unit_test(names_that_were_not_the_calls_are_not_shown),
	    cmocka_unit_test(used_files_have_the_origins_name_too),
	    cmocka_unit_test(ipv4_in_ipv6_is_ipv4),
	    cmocka_unit_test(sockets_know_both_ends_and_their_role),
	    cmocka_unit_test(unix_sockets_have_paths),
	    cmocka_unit_test(calls_that_make_descriptors_tell_their_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

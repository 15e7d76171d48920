/* SPDX-License-Identifier: Apache-2.0 */
#include "made_capture.h"

static struct capture *open_made(const struct made_capture *m)
{
	struct error err = {0};
	struct capture *c = capture_open_bytes((struct str){(const char *)m->bytes, m->n}, &err);

	if (!c)
		fprintf(stderr, "%s\n", err.message);
	assert_non_null(c);
	return c;
}

static struct capture_item next(struct capture *c, enum capture_kind kind)
{
	struct capture_item item;
	struct error err = {0};
	int got = capture_next(c, &item, &err);

	if (got < 0)
		fprintf(stderr, "%s\n", err.message);
	assert_int_equal(got, 1);
	assert_int_equal(item.kind, kind);
	return item;
}

static void at_end(struct capture *c)
{
	struct capture_item item;

	assert_int_equal(capture_next(c, &item, NULL), 0);
	capture_close(c);
}

static void processes_have_all_that_is_written(void **state)
{
	struct made_capture *m = made_new();
	struct listed_process p = {
	    .tid = 5,
	    .pid = 4,
	    .ptid = 3,
	    .sid = 2,
	    .vpgid = 6,
	    .pgid = 7,
	    .vtid = 8,
	    .vpid = 9,
	    .comm = STR("c"),
	    .exe = STR("./c"),
	    .exepath = STR("/bin/c"),
	    .args = {"a\0b\0", 4},
	    .cwd = STR("/root"),
	    .env = {"X=1\0", 4},
	    .cgroups = STR("cpu=/x"),
	    .root = STR("/"),
	    .fdlimit = 1024,
	    .flags = 1,
	    .uid = 1000,
	    .gid = 1001,
	    .loginuid = 1002,
	    .tty = 34816,
	    .vm_size_kb = 10,
	    .vm_rss_kb = 11,
	    .vm_swap_kb = 12,
	    .pgft_maj = 13,
	    .pgft_min = 14,
	    .pidns_start_time = 15,
	    .cap_inheritable = 16,
	    .cap_permitted = 17,
	    .cap_effective = 18,
	    .exe_ino = 19,
	    .exe_ctime = 20,
	    .exe_mtime = 21,
	    .exe_writable = true,
	    .exe_lower_layer = true,
	};

	(void)state;
	made_process(m, &p);

	struct capture *c = open_made(m);
	struct listed_process got = next(c, CAPTURE_PROCESS).process;
	check_i64(got.tid, 5, "tid");
	check_i64(got.pid, 4, "pid");
	check_i64(got.ptid, 3, "ptid");
	check_i64(got.sid, 2, "sid");
	check_i64(got.vpgid, 6, "vpgid");
	check_i64(got.pgid, 7, "pgid");
	check_i64(got.vtid, 8, "vtid");
	check_i64(got.vpid, 9, "vpid");
	check_str(got.comm, "c", "comm");
	check_str(got.exe, "./c", "exe");
	check_str(got.exepath, "/bin/c", "exepath");
	check_i64(got.args.n, 4, "args");
	check_str(got.cwd, "/root", "cwd");
	check_i64(got.env.n, 4, "env");
	check_str(got.cgroups, "cpu=/x", "cgroups");
	check_i64(got.uid, 1000, "uid");
	check_i64(got.gid, 1001, "gid");
	check_i64(got.loginuid, 1002, "loginuid");
	check_i64(got.tty, 34816, "tty");
	check_i64(got.vm_swap_kb, 12, "vm_swap_kb");
	check_i64(got.pgft_min, 14, "pgft_min");
	check_i64(got.pidns_start_time, 15, "pidns_start_time");
	check_i64(got.cap_effective, 18, "cap_effective");
	check_i64(got.exe_mtime, 21, "exe_mtime");
	assert_true(got.exe_writable && got.exe_lower_layer);
	assert_false(got.exe_upper_layer || got.exe_from_memfd);
	at_end(c);
	free(m);
}

/* The first form of the list: nothing but what every version has. */
static void old_lists_of_processes_are_read(void **state)
{
	struct made_capture *m = made_new();

	(void)state;
	made_begin(m, 0x8000ABCD);
	for (uint64_t pid = 1; pid <= 2; pid++) {
		made_u64(m, pid);
		made_u64(m, pid);
		made_u64(m, 0);
		made_str(m, STR("init"));
		made_str(m, STR("/sbin/init"));
		made_str(m, STR(""));
		made_str(m, STR("/"));
		made_u64(m, 64);
		made_u32(m, 0);
		made_u32(m, 10);
		made_u32(m, 20);
	}
	made_end(m);

	struct capture *c = open_made(m);
	for (int64_t pid = 1; pid <= 2; pid++) {
		struct listed_process got = next(c, CAPTURE_PROCESS).process;

		check_i64(got.pid, pid, "pid");
		check_str(got.exe, "/sbin/init", "exe");
		check_i64(got.gid, 20, "gid");
		check_i64(got.sid, -1, "sid");
		check_i64(got.vpid, -1, "vpid");
		check_i64(got.loginuid, UINT32_MAX, "loginuid");
	}
	at_end(c);
	free(m);
}

static void descriptors_of_all_types_are_read(void **state)
{
	struct made_capture *m = made_new();
	struct listed_fd connection = {.tid = 7,
				       .num = 3,
				       .type = LISTED_FD_IPV4,
				       .local = {10, 0, 0, 1},
				       .remote = {10, 0, 0, 2},
				       .local_port = 5000,
				       .remote_port = 80,
				       .l4proto = 2};
	struct listed_fd server = {.tid = 7,
				   .num = 4,
				   .type = LISTED_FD_IPV6_SERVER,
				   .local = {[15] = 1},
				   .local_port = 443,
				   .l4proto = 2};
	struct listed_fd file = {.tid = 7,
				 .num = 5,
				 .type = LISTED_FD_FILE_V2,
				 .name = STR("/etc/passwd"),
				 .open_flags = 1,
				 .dev = 8,
				 .ino = 99};

	(void)state;
	made_fd(m, &connection);
	made_fd(m, &server);
	made_fd(m, &file);
	made_fd(m, &(struct listed_fd){.tid = 7,
				       .num = 6,
				       .type = LISTED_FD_UNIX,
				       .name = STR("/run/s"),
				       .unix_source = 1});
	for (int type = LISTED_FD_FIFO; type < LISTED_FD_TYPE_COUNT; type++)
		if (type != LISTED_FD_UNIX && type != LISTED_FD_FILE_V2)
			made_fd(
			    m, &(struct listed_fd){
				   .tid = 7, .num = type, .type = (uint8_t)type, .name = STR("n")});

	struct capture *c = open_made(m);
	struct listed_fd got = next(c, CAPTURE_FD).fd;
	check_i64(got.tid, 7, "owner");
	assert_memory_equal(got.local, connection.local, 4);
	assert_memory_equal(got.remote, connection.remote, 4);
	check_i64(got.local_port, 5000, "local port");
	check_i64(got.remote_port, 80, "remote port");
	got = next(c, CAPTURE_FD).fd;
	assert_memory_equal(got.local, server.local, 16);
	check_i64(got.local_port, 443, "server's port");
	got = next(c, CAPTURE_FD).fd;
	check_str(got.name, "/etc/passwd", "file");
	check_i64(got.dev, 8, "dev");
	check_i64(got.ino, 99, "ino");
	got = next(c, CAPTURE_FD).fd;
	check_str(got.name, "/run/s", "unix socket");
	for (int type = LISTED_FD_FIFO; type < LISTED_FD_TYPE_COUNT; type++) {
		if (type == LISTED_FD_UNIX || type == LISTED_FD_FILE_V2)
			continue;
		got = next(c, CAPTURE_FD).fd;
		check_i64(got.type, type, "type");
		check_str(got.name, "n", "name");
	}
	at_end(c);
	free(m);
}

static void what_is_not_known_is_skipped_and_counted(void **state)
{
	struct made_capture *m = made_new();

	(void)state;
	made_begin(m, 0x7777);
	made_u64(m, 1);
	made_end(m);
	made_user(m, 1000, 1000, "tester");

	struct capture *c = open_made(m);
	struct capture_user user = next(c, CAPTURE_USER).user;
	check_str(user.name, "tester", "name");
	check_i64(user.uid, 1000, "uid");
	check_i64(capture_counters(c).blocks_skipped, 1, "skipped");
	check_i64(capture_counters(c).bytes, m->n, "bytes");
	at_end(c);
	free(m);
}

static void events_have_their_bytes_and_processor(void **state)
{
	struct made_capture *m = made_new();

	(void)state;
	MADE(m, "close", 7, NUMBER("res", 0), NUMBER("fd", 3));

	struct capture *c = open_made(m);
	struct capture_event e = next(c, CAPTURE_EVENT).event;
	check_i64(e.cpu, 3, "cpu");
	assert_true(e.has_nparams);
	assert_true(e.size > sizeof(struct event_header));
	at_end(c);
	free(m);
}

/* Every shorter file, and the whole with any one byte changed: an error or an end, never more. */
static void damage_is_told_with_its_place(void **state)
{
	struct made_capture *m = made_new();
	size_t section = m->n;
	struct error err;

	(void)state;
	made_user(m, 1000, 1000, "tester");
	made_simple_process(m, 7, 1, "/bin/a");
	for (size_t n = 0; n < m->n; n++) {
		struct capture *c =
		    capture_open_bytes((struct str){(const char *)m->bytes, n}, &err);
		struct capture_item item;
		int got;

		assert_true(!c == (n < section));
		if (!c)
			continue;
		err = (struct error){0};
		while ((got = capture_next(c, &item, &err)) > 0)
			;
		if (got < 0)
			assert_non_null(strstr(err.message, " at byte "));
		capture_close(c);
	}
	for (size_t i = 0; i < m->n; i++) {
		struct capture *c;
		struct capture_item item;
		unsigned count = 0;

		m->bytes[i] ^= 0xff;
		c = capture_open_bytes((struct str){(const char *)m->bytes, m->n}, &err);
		while (c && count < 100 && capture_next(c, &item, &err) != 0)
			count++;
		assert_true(count < 100);
		capture_close(c);
		m->bytes[i] ^= 0xff;
	}
	free(m);
}

static void other_files_are_refused(void **state)
{
	struct made_capture *m = made_new();
	struct error err = {0};

	(void)state;
	assert_null(capture_open_bytes(STR("#!/bin/sh\nexit 0\n"), &err));
	assert_non_null(strstr(err.message, "no scap capture"));
	m->bytes[12] = 2; /* the major version */
	assert_null(capture_open_bytes((struct str){(const char *)m->bytes, m->n}, &err));
	assert_non_null(strstr(err.message, "version 2"));
	assert_null(capture_open("/nonexistent/file.scap", &err));
	assert_non_null(strstr(err.message, "/nonexistent/file.scap"));
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(processes_have_all_that_is_written),
	    cmocka_unit_test(old_lists_of_processes_are_read),
	    cmocka_unit_test(descriptors_of_all_types_are_read),
	    cmocka_unit_test(what_is_not_known_is_skipped_and_counted),
	    cmocka_unit_test(events_have_their_bytes_and_processor),
	    cmocka_unit_test(damage_is_told_with_its_place),
	    cmocka_unit_test(other_files_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of events, descriptors and paths: each has a value here, for some event. */
#include "event_maker.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

static struct made made;

static void set_file(enum fd_type type, const char *path, const char *resolved)
{
	made.event.fd = (struct event_fd){.is_known = true,
					  .type = (uint8_t)type,
					  .num = 3,
					  .path = str_from(path),
					  .path_raw = str_from(path),
					  .path_resolved = str_from(resolved),
					  .dev = 0xfe00,
					  .ino = 409614,
					  .layer = 1};
}

static struct ip_address ipv4(uint8_t last)
{
	return (struct ip_address){.size = 4, .bytes = {10, 0, 0, last}};
}

static void set_connection(bool is_server)
{
	made.event.fd = (struct event_fd){.is_known = true,
					  .is_server = is_server,
					  .is_role_known = true,
					  .is_connected = true,
					  .type = FD_IPV4,
					  .family = AF_INET,
					  .l4proto = IPPROTO_TCP,
					  .num = 4,
					  .local = ipv4(1),
					  .remote = ipv4(2),
					  .local_port = 4000,
					  .remote_port = 443};
}

static void events_tell_what_they_are(void **state)
{
	(void)state;
	make_event(&made, "openat", "3|-100|=x|16391|0755|0xfe00|1");
	made.event.number = 7;
	made.event.cpu = 2;
	CHECK_FIELDS(&made, {"evt.num", "7"}, {"evt.cpu", "2"}, {"evt.type", "openat"},
		     {"syscall.type", "openat"}, {"evt.dir", "<"}, {"evt.category", "file"},
		     {"evt.type.is.openat", "1"}, {"evt.type.is.open", "0"}, {"evt.res", "SUCCESS"},
		     {"evt.rawres", "3"}, {"evt.failed", "false"}, {"evt.is_io", "false"},
		     {"evt.io_dir", "(absent)"}, {"evt.is_wait", "false"}, {"evt.count", "1"},
		     {"evt.count.error", "0"}, {"evt.count.exit", "1"}, {"evt.source", "syscall"},
		     {"evt.is_async", "false"}, {"evt.asynctype", "(absent)"},
		     {"evt.hostname", "host"}, {"evt.latency", "0"}, {"evt.latency.human", "0ns"},
		     {"evt.wait_latency", "0"}, {"evt.is_open_read", "true"},
		     {"evt.is_open_write", "true"}, {"evt.is_open_exec", "true"},
		     {"evt.is_open_create", "true"}, {"evt.is_io_uring", "false"},
		     {"evt.is_compat", "false"}, {"evt.args_truncated", "false"},
		     {"evt.pluginname", "(absent)"}, {"evt.abspath", "/tmp/wa/x"});
	make_event(&made, "openat", "-13|-100|=x|1|0|0|0");
	CHECK_FIELDS(&made, {"evt.res", "EACCES"}, {"evt.rawres", "-13"}, {"evt.failed", "true"},
		     {"evt.count.error", "1"}, {"evt.count.error.file", "1"},
		     {"evt.count.error.net", "(absent)"}, {"evt.is_open_read", "true"},
		     {"evt.is_open_write", "false"}, {"evt.is_open_create", "false"});
	make_event(&made, "creat", "3|=x|0755|0|0|0");
	CHECK_FIELDS(&made, {"evt.is_open_exec", "true"}, {"evt.is_open_write", "false"});
	make_event(&made, "munmap", "-22|1|1|1|0|0");
	CHECK_FIELDS(&made, {"evt.count.error.memory", "1"}, {"evt.category", "memory"},
		     {"evt.res", "EINVAL"});
	make_event(&made, "mkdir", "-9999|=x|0");
	CHECK_FIELDS(&made, {"evt.res", "-9999"});
	make_event(&made, "syscall", "41|110");
	CHECK_FIELDS(&made, {"evt.type", "getppid"}, {"syscall.type", "getppid"},
		     {"evt.res", "(absent)"}, {"evt.failed", "(absent)"},
		     {"evt.category", "other"});
	make_event(&made, "procexit", "0|0|0|0|0");
	CHECK_FIELDS(&made, {"syscall.type", "(absent)"}, {"evt.type", "procexit"},
		     {"evt.rawres", "(absent)"}, {"evt.count.exit", "(absent)"});
	make_event(&made, "asyncevent", "0|=container|-");
	CHECK_FIELDS(&made, {"evt.type", "container"}, {"evt.is_async", "true"},
		     {"evt.asynctype", "container"});
	made_begin(&made, "openat", "3|-100|=x|1|0|0|0");
	((struct record *)made.memory)->flags |= RECORD_IO_URING | RECORD_COMPAT | RECORD_ARGS_CUT;
	made_event(&made);
	CHECK_FIELDS(&made, {"evt.is_io_uring", "true"}, {"evt.is_compat", "true"},
		     {"evt.args_truncated", "true"});
}

static void reads_and_writes_have_buffers(void **state)
{
	(void)state;
	make_event(&made, "write", "5|#6869210a00|3|5");
	set_file(FD_FILE, "/dev/log", "");
	CHECK_FIELDS(&made, {"evt.buffer", "hi!.."}, {"evt.buflen", "5"}, {"evt.is_io", "true"},
		     {"evt.is_io_write", "true"}, {"evt.is_io_read", "false"},
		     {"evt.io_dir", "write"}, {"evt.is_syslog", "true"}, {"evt.category", "file"});
	make_event(&made, "read", "-11|-|3|5");
	CHECK_FIELDS(&made, {"evt.buffer", ""}, {"evt.buflen", "(absent)"}, {"evt.io_dir", "read"},
		     {"evt.is_syslog", "false"}, {"evt.category", "unknown"});
	set_connection(false);
	CHECK_FIELDS(&made, {"evt.category", "net"}, {"evt.count.error.net", "1"});
	make_event(&made, "poll", "1|#020004000000000000004000070000000000000001000000|0");
	CHECK_FIELDS(&made, {"fdlist.nums", "4,7"}, {"fdlist.names", "(absent)"},
		     {"evt.is_wait", "true"}, {"evt.buffer", "(absent)"});
}

static void times_have_many_forms(void **state)
{
	(void)state;
	setenv("TZ", "UTC-1", 1);
	tzset();
	make_event(&made, "close", "0|3");
	CHECK_FIELDS(&made, {"evt.time", "21:27:24.950918593"}, {"evt.time.s", "21:27:24"},
		     {"evt.datetime", "2026-11-24 21:27:24.950918593"},
		     {"evt.datetime.s", "2026-11-24 21:27:24"},
		     {"evt.time.iso8601", "2026-11-24T20:27:24.950918593+0000"},
		     {"evt.rawtime", "1795552044950918593"}, {"evt.rawtime.s", "1795552044"},
		     {"evt.rawtime.ns", "950918593"}, {"evt.reltime", "2000000003"},
		     {"evt.reltime.s", "2"}, {"evt.reltime.ns", "000000003"},
		     {"evt.deltatime", "3"}, {"evt.deltatime.s", "0"},
		     {"evt.deltatime.ns", "000000003"});
}

static void files_have_two_names(void **state)
{
	(void)state;
	make_event(&made, "openat", "3|-100|=x|1|0|0xfe00|409614");
	set_file(FD_FILE, "/tmp/wa/link", "/etc/shadow");
	CHECK_FIELDS(&made, {"fd.name", "/tmp/wa/link"}, {"fd.directory", "/tmp/wa"},
		     {"fd.filename", "link"}, {"fd.name.given", "/tmp/wa/link"},
		     {"fd.name.resolved", "/etc/shadow"}, {"fd.containername", ":/tmp/wa/link"},
		     {"fd.containerdirectory", ":/tmp/wa"});
	made.event.name_view = NAME_RESOLVED;
	CHECK_FIELDS(&made, {"fd.name", "/etc/shadow"}, {"fd.directory", "/etc"},
		     {"fd.filename", "shadow"}, {"fd.name.given", "/tmp/wa/link"},
		     {"fd.name.resolved", "/etc/shadow"}, {"fd.nameraw", "/tmp/wa/link"});
}

static void files_tell_what_they_are(void **state)
{
	(void)state;
	make_event(&made, "openat", "3|-100|=x|1|0|0xfe00|409614");
	set_file(FD_FILE, "/x", "");
	made.event.fd.path_raw = STR("..///x");
	CHECK_FIELDS(&made, {"fd.num", "3"}, {"fd.type", "file"}, {"fd.typechar", "f"},
		     {"fd.types", "(file)"}, {"fd.types[3]", "(file)"}, {"fd.types[4]", "(absent)"},
		     {"fd.uid", "1013"}, {"fd.dev", "FE00"}, {"fd.dev.major", "254"},
		     {"fd.dev.minor", "0"}, {"fd.ino", "409614"}, {"fd.nameraw", "../x"},
		     {"fd.is_upper_layer", "true"}, {"fd.is_lower_layer", "false"},
		     {"fd.l4proto", "<NA>"}, {"fd.sockfamily", "(absent)"},
		     {"fd.is_server", "false"}, {"fd.connected", "false"},
		     {"fd.name_changed", "false"}, {"fd.directory", "/"}, {"fd.filename", "x"},
		     {"fd.sip", "(absent)"}, {"fd.sport", "(absent)"}, {"fd.ip", "()"});
	set_file(FD_DIRECTORY, "/usr/lib", "");
	CHECK_FIELDS(&made, {"fd.type", "directory"}, {"fd.typechar", "d"},
		     {"fd.directory", "/usr/lib"}, {"fd.filename", "(absent)"});
	set_file(FD_PIPE, "", "");
	CHECK_FIELDS(&made, {"fd.name", ""}, {"fd.type", "pipe"}, {"fd.directory", "(absent)"});
	made.event.fd.dev = 0x12340567;
	CHECK_FIELDS(&made, {"fd.dev.major", "1029"}, {"fd.dev.minor", "74599"});
}

static void failed_calls_still_name_what_they_meant(void **state)
{
	(void)state;
	make_event(&made, "openat", "-2|-100|=/etc/none|1|0|0|0");
	made.event.fd.path = made.event.fd.path_raw = STR("/etc/none");
	made.event.fd.is_known = true;
	CHECK_FIELDS(&made, {"fd.num", "-1"}, {"fd.name", "/etc/none"}, {"fd.nameraw", "/etc/none"},
		     {"fd.directory", "/etc"}, {"fd.filename", "(absent)"}, {"fd.type", "(absent)"},
		     {"fd.typechar", "f"}, {"fd.dev", "(absent)"}, {"fd.uid", "101-1"});
	make_event(&made, "close", "-9|-1");
	CHECK_FIELDS(&made, {"fd.name", ""}, {"fd.directory", "/"}, {"fd.typechar", "o"});
	/* Events without a descriptor have none of its fields. */
	make_event(&made, "mkdir", "0|=/x|0");
	CHECK_FIELDS(&made, {"fd.num", "(absent)"}, {"fd.name", "(absent)"},
		     {"fd.typechar", "(absent)"}, {"fd.uid", "(absent)"});
}

static void connections_have_a_client_and_a_server(void **state)
{
	(void)state;
	make_event(&made, "connect", "0|-|4|-");
	set_connection(false);
	CHECK_FIELDS(&made, {"fd.name", "10.0.0.1:4000->10.0.0.2:443"}, {"fd.cip", "10.0.0.1"},
		     {"fd.sip", "10.0.0.2"}, {"fd.lip", "10.0.0.1"}, {"fd.rip", "10.0.0.2"},
		     {"fd.cport", "4000"}, {"fd.sport", "443"}, {"fd.lport", "4000"},
		     {"fd.rport", "443"}, {"fd.cproto", "4000"}, {"fd.sproto", "443"},
		     {"fd.lproto", "4000"}, {"fd.rproto", "443"}, {"fd.l4proto", "tcp"},
		     {"fd.sockfamily", "ip"}, {"fd.is_server", "false"}, {"fd.connected", "true"},
		     {"fd.type", "ipv4"}, {"fd.ip", "(10.0.0.1,10.0.0.2)"},
		     {"fd.port", "(4000,443)"}, {"fd.snet", "10.0.0.2/32"},
		     {"fd.net", "(10.0.0.1/32,10.0.0.2/32)"}, {"fd.sip.name", "(absent)"},
		     {"evt.arg.fd", "<4t>10.0.0.1:4000->10.0.0.2:443"});
	set_connection(true);
	CHECK_FIELDS(&made, {"fd.name", "10.0.0.2:443->10.0.0.1:4000"}, {"fd.cip", "10.0.0.2"},
		     {"fd.sip", "10.0.0.1"}, {"fd.lip", "10.0.0.1"}, {"fd.rip", "10.0.0.2"},
		     {"fd.cport", "443"}, {"fd.sport", "4000"}, {"fd.is_server", "true"});
	made.event.fd.is_role_known = false;
	CHECK_FIELDS(&made, {"fd.sip", "(absent)"}, {"fd.cport", "(absent)"},
		     {"fd.lip", "10.0.0.1"});
	/* A socket that listens has one end. */
	set_connection(true);
	made.event.fd.remote.size = 0;
	CHECK_FIELDS(&made, {"fd.name", "10.0.0.1:4000"}, {"fd.sip", "10.0.0.1"},
		     {"fd.sport", "4000"}, {"fd.cip", "(absent)"}, {"fd.lip", "(absent)"},
		     {"fd.ip", "(10.0.0.1)"});
	/* One that is neither bound nor connected has no name. */
	made.event.fd.local = (struct ip_address){.size = 4};
	made.event.fd.local_port = 0;
	CHECK_FIELDS(&made, {"fd.name", ""});
	made.event.fd.type = FD_IPV6;
	made.event.fd.local = (struct ip_address){.size = 16, .bytes = {[15] = 1}};
	made.event.fd.local_port = 80;
	made.event.fd.l4proto = IPPROTO_UDP;
	CHECK_FIELDS(&made, {"fd.name", "::1:80"}, {"fd.type", "ipv6"}, {"fd.l4proto", "udp"});
}

static void unix_sockets_have_a_path(void **state)
{
	(void)state;
	make_event(&made, "connect", "0|-|4|-");
	made.event.fd = (struct event_fd){.is_known = true,
					  .type = FD_UNIX,
					  .num = 4,
					  .path = STR("/run/x"),
					  .unix_self = 0xffff888109c18480};
	CHECK_FIELDS(&made, {"fd.name", "/run/x"}, {"fd.sockfamily", "unix"}, {"fd.type", "unix"},
		     {"fd.directory", "(absent)"});
	made.event.fd.unix_peer = 0xffff888109c18900;
	CHECK_FIELDS(&made, {"fd.name", "ffff888109c18480->ffff888109c18900 /run/x"});
}

static void paths_are_those_of_calls_that_succeeded(void **state)
{
	static const struct {
		const char *event, *params, *name, *source, *target, *nameraw;
	} cases[] = {
	    {"mkdir", "0|=d|0", "/tmp/wa/d", "(absent)", "(absent)", "d"},
	    {"mkdir", "-17|=d|0", "(absent)", "(absent)", "(absent)", "(absent)"},
	    {"unlinkat", "0|-100|=/a/../b|0", "/b", "(absent)", "(absent)", "/a/../b"},
	    {"unlinkat", "0|9|=b|0", "<UNKNOWN>b", "(absent)", "(absent)", "b"},
	    {"rename", "0|=a|=/b", "(absent)", "/tmp/wa/a", "/b", "(absent)"},
	    {"link", "0|=/old|=new", "(absent)", "/tmp/wa/new", "/old", "(absent)"},
	    {"symlink", "0|=/old|=new", "(absent)", "/tmp/wa/new", "/old", "(absent)"},
	    {"mount", "0|=none|=/mnt|=tmpfs|0", "(absent)", "/tmp/wa/none", "/mnt", "(absent)"},
	    {"umount2", "0|=/mnt|0", "/mnt", "(absent)", "(absent)", "/mnt"},
	    {"openat", "3|-100|=x|1|0|0|0", "/tmp/wa/x", "(absent)", "(absent)", "x"},
	    {"openat", "-2|-100|=x|1|0|0|0", "/tmp/wa/x", "(absent)", "(absent)", "x"},
	    {"chmod", "0|=/x|0755", "/x", "(absent)", "(absent)", "/x"},
	    {"fchmod", "0|3|0755", "(absent)", "(absent)", "(absent)", "(absent)"},
	    {"close", "0|3", "(absent)", "(absent)", "(absent)", "(absent)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_event(&made, cases[i].event, cases[i].params);
		CHECK_FIELDS(
		    &made, {"fs.path.name", cases[i].name}, {"fs.path.source", cases[i].source},
		    {"fs.path.target", cases[i].target}, {"fs.path.nameraw", cases[i].nameraw});
	}
	make_event(&made, "rename", "0|=a|=/x/../b");
	CHECK_FIELDS(&made, {"fs.path.sourceraw", "a"}, {"fs.path.targetraw", "/x/../b"});
	make_event(&made, "fchmod", "0|3|0755");
	set_file(FD_FILE, "/tmp/link", "/etc/shadow");
	CHECK_FIELDS(&made, {"fs.path.name", "/tmp/link"},
		     {"fs.path.name.resolved", "/etc/shadow"});
}

static void the_kernels_path_shows_in_the_resolved_view(void **state)
{
	(void)state;
	made_begin(&made, "chmod", "0|=link|0755");
	record_annex(&made.builder, ANNEX_PATH_RESOLVED, 1, STR("/etc/shadow"));
	made_event(&made);
	CHECK_FIELDS(&made, {"fs.path.name", "/tmp/wa/link"},
		     {"fs.path.name.resolved", "/etc/shadow"}, {"fs.path.nameraw", "link"});
	made.event.name_view = NAME_RESOLVED;
	CHECK_FIELDS(&made, {"fs.path.name", "/etc/shadow"}, {"fs.path.nameraw", "link"});
}

static void two_paths_of_a_call_are_told_apart(void **state)
{
	(void)state;
	make_event(&made, "renameat", "0|-100|=a|-100|=b");
	CHECK_FIELDS(&made, {"evt.abspath", "/tmp/wa/a"}, {"evt.abspath.src", "/tmp/wa/a"},
		     {"evt.abspath.dst", "/tmp/wa/b"});
	make_event(&made, "mkdir", "0|=a|0");
	CHECK_FIELDS(&made, {"evt.abspath", "(absent)"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events_tell_what_they_are),
	    cmocka_unit_test(reads_and_writes_have_buffers),
	    cmocka_unit_test(times_have_many_forms),
	    cmocka_unit_test(files_have_two_names),
	    cmocka_unit_test(files_tell_what_they_are),
	    cmocka_unit_test(failed_calls_still_name_what_they_meant),
	    cmocka_unit_test(connections_have_a_client_and_a_server),
	    cmocka_unit_test(unix_sockets_have_a_path),
	    cmocka_unit_test(paths_are_those_of_calls_that_succeeded),
	    cmocka_unit_test(the_kernels_path_shows_in_the_resolved_view),
	    cmocka_unit_test(two_paths_of_a_call_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

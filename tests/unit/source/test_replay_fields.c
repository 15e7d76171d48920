/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields on events of captures that were made here: each field has an event and its exact
 * value, also of what no recorded capture at hand shows. A field that no event gives a value is a
 * row of a table, with its reason.
 */
#include "made_capture.h"

#include "fields/field.h"
#include "source/replay.h"

#include <time.h>

enum { SHELL = 100, TOOL = 200, EXPECTED_MAX = 512 };
#define ABSENT "(absent)"

struct expectation {
	size_t event; /* in the order in which they are handed out */
	const char *field, *want;
};

struct scene {
	struct made_capture *made;
	struct state *state;
	struct expectation expected[EXPECTED_MAX];
	size_t count; /* of expectations */
	size_t made_events, seen_events, checked, wrong;
	uint64_t first_time, previous_time;
};

/* Fields that had a value somewhere. */
static bool is_covered[1024];

static void note_covered(const struct field *field)
{
	is_covered[field - field_catalogue] = true;
}

static void check_expectation(struct scene *s, struct event *e, const struct expectation *x)
{
	static _Alignas(16) char scratch_memory[1 << 20], text[1 << 16];
	struct arena scratch;
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct buffer out = BUFFER(text);
	struct field_use use;
	struct error err = {0};
	struct value v;
	struct field_context ctx = {.event = e,
				    .state = s->state,
				    .scratch = &scratch,
				    .hostname = "host",
				    .first_event_time = s->first_time,
				    .previous_event_time = s->previous_time};

	arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
	if (field_resolve(str_from(x->field), 0, arena, &use, &err) < 0)
		fail_msg("%s: %s", x->field, err.message);
	if (field_extract(&ctx, &use, &v)) {
		value_print(&v, use.field, &out);
		note_covered(use.field);
	} else {
		buffer_put(&out, STR(ABSENT));
	}
	s->checked++;
	if (str_equal_c(buffer_str(&out), x->want))
		return;
	s->wrong++;
	fprintf(stderr, "event %zu (%s): %s: got \"%.*s\", want \"%s\"\n", x->event,
		event_kind_name(e->kind), x->field, STR_ARG(buffer_str(&out)), x->want);
}

static void look(void *context, struct event *e)
{
	struct scene *s = context;

	state_bind(s->state, e);
	if (!s->first_time)
		s->first_time = e->time;
	for (size_t i = 0; i < s->count; i++)
		if (s->expected[i].event == s->seen_events)
			check_expectation(s, e, &s->expected[i]);
	s->previous_time = e->time;
	s->seen_events++;
}

/* What the event that was made last must show. */
static void expect(struct scene *s, const struct expectation *rows, size_t count)
{
	assert_true(s->count + count <= EXPECTED_MAX && s->made_events > 0);
	for (size_t i = 0; i < count; i++) {
		s->expected[s->count] = rows[i];
		s->expected[s->count++].event = s->made_events - 1;
	}
}
#define IS(field, want)                                                                            \
	{                                                                                          \
		0, field, want                                                                     \
	}
#define EXPECT(s, ...)                                                                             \
	expect((s), (const struct expectation[]){__VA_ARGS__},                                     \
	       sizeof((const struct expectation[]){__VA_ARGS__}) / sizeof(struct expectation))
#define EVENT(s, name, tid, ...) ((s)->made_events++, MADE((s)->made, name, (tid), __VA_ARGS__))

static struct scene *scene_new(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->made = made_new();
	made_simple_process(s->made, 1, 0, "/sbin/init");
	made_simple_process(s->made, SHELL, 1, "/bin/sh");
	made_interface(s->made, (const uint8_t[]){10, 0, 0, 1});
	made_user(s->made, 1000, 1000, "ann");
	return s;
}

static void scene_play(struct scene *s)
{
	struct error err = {0};
	struct capture *capture =
	    capture_open_bytes((struct str){(const char *)s->made->bytes, s->made->n}, &err);
	struct source *source;

	assert_non_null(capture);
	s->state = state_new(&(struct state_options){.max_threads = 64}, &err);
	source = source_capture_over(capture, s->state, &err);
	assert_non_null(source);
	while (source_poll(source, -1, look, s) > 0)
		;
	check_i64(s->seen_events, s->made_events, "events");
	check_i64(s->checked, s->count, "expectations that were looked at");
	check_i64(s->wrong, 0, "values that differ");
	source_free(source);
	state_free(s->state);
	free(s->made);
	free(s);
}

#define SOCKET(s, num, family, kind)                                                               \
	EVENT(s, "socket", SHELL, NUMBER("fd", num), NUMBER("domain", family),                     \
	      NUMBER("type", kind), NUMBER("proto", 0))

/* Addresses and tuples as events carry them. */
#define IP4(last, port) "\x0a\0\0" last port
#define IP6(last, port) "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0" last port
#define MAPPED(last, port) "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0" last port
#define ANY6 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define PORT_53 "\x35\0"
#define PORT_4000 "\xa0\x0f"
#define PORT_443 "\xbb\x01"

static void a_server_that_is_told_by_its_datagrams(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	SOCKET(s, 3, 2, 2);
	EXPECT(s, IS("fd.type", "ipv4"), IS("fd.typechar", "4"), IS("fd.l4proto", "<NA>"),
	       IS("fd.sockfamily", "ip"), IS("fd.name", ""), IS("fd.connected", "false"));
	EVENT(s, "bind", SHELL, NUMBER("res", 0), BYTES("addr", "\x02\0\0\0\0" PORT_53),
	      NUMBER("fd", 3));
	EXPECT(s, IS("fd.name", "0.0.0.0:53"), IS("fd.is_server", "true"), IS("fd.l4proto", "udp"),
	       IS("fd.sip", "0.0.0.0"), IS("fd.sport", "53"), IS("fd.sproto", ""),
	       IS("fd.cproto", ""), IS("fd.cip", ABSENT), IS("fd.cport", ABSENT),
	       IS("fd.lip", ABSENT), IS("fd.name_changed", "true"));
	EVENT(s, "recvfrom", SHELL, NUMBER("res", 5), BYTES("data", "hello"),
	      BYTES("tuple", "\x02" IP4("\x09", PORT_4000) IP4("\x01", PORT_53)), NUMBER("fd", 3));
	EXPECT(s, IS("fd.name", "10.0.0.9:4000->10.0.0.1:53"), IS("fd.cip", "10.0.0.9"),
	       IS("fd.cport", "4000"), IS("fd.cproto", "4000"), IS("fd.sip", "10.0.0.1"),
	       IS("fd.sport", "53"), IS("fd.sproto", "53"), IS("fd.lip", "10.0.0.1"),
	       IS("fd.rip", "10.0.0.9"), IS("fd.lport", "53"), IS("fd.rport", "4000"),
	       IS("fd.lproto", "53"), IS("fd.rproto", "4000"),
	       IS("fd.net", "(10.0.0.1/32,10.0.0.9/32)"), IS("fd.cnet", "10.0.0.9/32"),
	       IS("fd.snet", "10.0.0.1/32"), IS("fd.lnet", "10.0.0.1/32"),
	       IS("fd.rnet", "10.0.0.9/32"), IS("fd.is_server", "true"), IS("fd.l4proto", "udp"),
	       IS("fd.connected", "false"), IS("evt.buffer", "hello"), IS("evt.buflen", "5"),
	       IS("evt.category", "net"), IS("fd.ip", "(10.0.0.1,10.0.0.9)"),
	       IS("fd.port", "(53,4000)"), IS("fd.proto", "(53,4000)"), IS("evt.io_dir", "read"),
	       IS("evt.arg.fd", "<4u>10.0.0.9:4000->10.0.0.1:53"));
	scene_play(s);
}

static void ipv6_sockets_with_ipv4_peers(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	SOCKET(s, 3, 10, 1);
	EXPECT(s, IS("fd.type", "ipv6"));
	EVENT(s, "connect", SHELL, NUMBER("res", -115),
	      BYTES("tuple", "\x0a" MAPPED("\x01", PORT_4000) MAPPED("\x07", PORT_443)),
	      NUMBER("fd", 3));
	/* The protocol of one form is not where the other one has it. */
	EXPECT(s, IS("fd.type", "ipv4"), IS("fd.l4proto", "<NA>"), IS("fd.name", "<unknown>"),
	       IS("fd.cip", "10.0.0.1"), IS("fd.sip", "10.0.0.7"), IS("fd.sport", "443"),
	       IS("evt.res", "EINPROGRESS"), IS("evt.arg.tuple", "10.0.0.1:4000->10.0.0.7:443"));
	SOCKET(s, 4, 10, 2);
	/* The address of no host is an IPv4 one. */
	EVENT(s, "bind", SHELL, NUMBER("res", 0), BYTES("addr", "\x0a" ANY6 PORT_53),
	      NUMBER("fd", 4));
	EXPECT(s, IS("fd.name", ":::53"), IS("fd.type", "ipv4"), IS("fd.sip", "0.0.0.0"));
	SOCKET(s, 5, 10, 2);
	EVENT(s, "bind", SHELL, NUMBER("res", 0), BYTES("addr", "\x0a" IP6("\x01", PORT_53)),
	      NUMBER("fd", 5));
	EXPECT(s, IS("fd.name", "fd00::1:53"), IS("fd.sip", "fd00::1"), IS("fd.sport", "53"),
	       IS("fd.is_server", "true"), IS("fd.l4proto", "udp"), IS("fd.type", "ipv6"));
	EVENT(s, "recvfrom", SHELL, NUMBER("res", 1), BYTES("data", "x"),
	      BYTES("tuple", "\x0a" IP6("\x09", PORT_4000) IP6("\x01", PORT_53)), NUMBER("fd", 5));
	/* It stays a bound socket, whose address is the peer's. */
	EXPECT(s, IS("fd.name", "fd00::9:4000->fd00::1:53"), IS("fd.type", "ipv6"),
	       IS("fd.sip", "fd00::9"), IS("fd.cip", ABSENT), IS("fd.is_server", "true"));
	scene_play(s);
}

static void addresses_are_told_at_the_enter(void **state)
{
	enum { CONNECT_ENTER = 22, OPENAT_ENTER = 306 };
	struct scene *s = scene_new();

	(void)state;
	SOCKET(s, 3, 2, 1);
	MADE_CODE(s->made, CONNECT_ENTER, SHELL, NUMBER("fd", 3),
		  BYTES("addr", "\x02" IP4("\x07", PORT_443)));
	EVENT(s, "connect", SHELL, NUMBER("res", 0),
	      BYTES("tuple", "\x02" IP4("\x01", PORT_4000) IP4("\x08", PORT_53)), NUMBER("fd", 3),
	      BYTES("addr", "\x02" IP4("\x08", PORT_53)));
	EXPECT(s, IS("fd.name", "10.0.0.1:4000->10.0.0.7:443"), IS("evt.arg.addr", "10.0.0.8:53"),
	       IS("fd.l4proto", "tcp"));
	MADE_CODE(s->made, OPENAT_ENTER, SHELL, NUMBER("dirfd", -100), TEXT("name", "told"),
		  NUMBER("flags", 1));
	EVENT(s, "openat", SHELL, NUMBER("fd", 5), NUMBER("dirfd", -100), TEXT("name", "/changed"),
	      NUMBER("flags", 0x4003), NUMBER("mode", 0644), NUMBER("dev", 0xfd00a1),
	      NUMBER("ino", 77));
	EXPECT(
	    s, IS("fd.name", "/tmp/told"), IS("fd.nameraw", "told"), IS("evt.arg.name", "/changed"),
	    IS("fd.filename", "told"), IS("fd.directory", "/tmp"), IS("fd.dev", "FD00A1"),
	    IS("fd.dev.major", "3328"), IS("fd.dev.minor", "4001"), IS("fd.ino", "77"),
	    IS("fd.num", "5"), IS("evt.is_open_create", "true"), IS("evt.is_open_write", "true"),
	    IS("evt.is_open_read", "true"), IS("evt.is_open_exec", "false"), IS("fd.uid", "1005"),
	    IS("fd.is_upper_layer", "false"), IS("fd.is_lower_layer", "false"),
	    IS("fd.containername", ":/tmp/told"), IS("fd.containerdirectory", ":/tmp"),
	    IS("fd.types", "(file,ipv4)"), IS("fd.types[3]", "(ipv4)"),
	    IS("fd.name.given", "/tmp/told"), IS("evt.abspath", "/changed"),
	    IS("fs.path.name", "/changed"), IS("fs.path.nameraw", "/changed"));
	scene_play(s);
}

static void numbers_print_as_falco_prints_them(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	EVENT(s, "close_range", SHELL, NUMBER("res", 0), NUMBER("first", 3),
	      NUMBER("last", UINT32_MAX), NUMBER("flags", 4));
	EXPECT(s, IS("evt.arg.last", "-1"), IS("evt.arg.flags", "CLOSE_RANGE_CLOEXEC"));
	EVENT(
	    s, "poll", SHELL, NUMBER("res", 0),
	    BYTES("fds", "\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\x04\0\0\0\0\0\0\0\x08\x80"),
	    NUMBER("timeout", -1));
	EXPECT(s, IS("evt.arg.fds", "18446744073709551615:?1 4:?ffff8008"),
	       IS("fdlist.nums", "-1,4"), IS("fdlist.names", "<NA>,<NA>"),
	       IS("evt.is_wait", "true"), IS("evt.category", "wait"));
	scene_play(s);
}

/* The names of threads that make processes, and where threads go. */
static void threads_are_not_their_processes(void **state)
{
	enum { THREAD = 101, CHILD = 300, CLONE_THREAD_BIT = 0x2000 };
	struct scene *s = scene_new();

	(void)state;
	EVENT(s, "clone", SHELL, NUMBER("res", THREAD), TEXT("exe", "/bin/sh"),
	      NUMBER("tid", SHELL), NUMBER("pid", SHELL), NUMBER("ptid", 1), TEXT("comm", "worker"),
	      NUMBER("flags", CLONE_THREAD_BIT), NUMBER("uid", 0), NUMBER("gid", 0),
	      NUMBER("vtid", SHELL), NUMBER("vpid", SHELL));
	EVENT(s, "clone", THREAD, NUMBER("res", CHILD), TEXT("exe", "/bin/sh"),
	      NUMBER("tid", THREAD), NUMBER("pid", SHELL), NUMBER("ptid", 1),
	      TEXT("comm", "worker"), NUMBER("uid", 0), NUMBER("gid", 0), NUMBER("vtid", THREAD),
	      NUMBER("vpid", SHELL));
	EXPECT(s, IS("proc.name", "worker"), IS("thread.ismain", "false"), IS("proc.nthreads", "2"),
	       IS("proc.nchilds", "1"), IS("proc.pid", "100"));
	EVENT(s, "getcwd", CHILD, NUMBER("res", -2));
	EXPECT(s, IS("proc.pname", "sh"), IS("proc.aname", "worker init"),
	       IS("proc.ppid.ts", "5000000001000"), IS("proc.ppid", "100"));
	EVENT(s, "chdir", THREAD, NUMBER("res", 0), TEXT("path", "here"));
	EXPECT(s, IS("proc.cwd", "here/"));
	EVENT(s, "chdir", SHELL, NUMBER("res", 0), TEXT("path", "/a"));
	EVENT(s, "chdir", SHELL, NUMBER("res", 0), TEXT("path", "../b/./c"));
	EXPECT(s, IS("proc.cwd", "/b/c/"));
	EVENT(s, "procexit", THREAD, NUMBER("status", 0));
	EVENT(s, "getcwd", CHILD, NUMBER("res", -2));
	EXPECT(s, IS("proc.aname", "sh init"), IS("proc.ppid.ts", "0"));
	/* What a thread made may have ended before that thread goes on. */
	EVENT(s, "clone", CHILD + 1, NUMBER("res", 0), TEXT("exe", "/bin/sh"),
	      NUMBER("tid", CHILD + 1), NUMBER("pid", CHILD + 1), NUMBER("ptid", SHELL),
	      TEXT("comm", "sh"), NUMBER("vtid", CHILD + 1), NUMBER("vpid", CHILD + 1));
	EVENT(s, "procexit", CHILD + 1, NUMBER("status", 0));
	EVENT(s, "clone", SHELL, NUMBER("res", CHILD + 1), TEXT("exe", "/bin/sh"),
	      NUMBER("tid", SHELL), NUMBER("pid", SHELL), NUMBER("ptid", 1), TEXT("comm", "sh"),
	      NUMBER("vtid", SHELL), NUMBER("vpid", SHELL));
	EVENT(s, "getcwd", CHILD + 1, NUMBER("res", -2));
	EXPECT(s, IS("proc.name", "<NA>"));
	scene_play(s);
}

/* A process that was there when recording began, with everything that lists tell. */
static void list_tool(struct scene *s)
{
	made_process(s->made, &(struct listed_process){
				  .tid = TOOL,
				  .pid = TOOL,
				  .ptid = SHELL,
				  .sid = SHELL,
				  .vpgid = TOOL,
				  .pgid = TOOL,
				  .vtid = TOOL,
				  .vpid = TOOL,
				  .comm = STR("tool"),
				  .exe = STR("./tool"),
				  .exepath = STR("/opt/tool (deleted)"),
				  .args = {"-a\0two words\0", 13},
				  .env = {"PATH=/bin:/opt \0EMPTY=\0PATH=x\0", 30},
				  .cwd = STR("/srv/data"),
				  .cgroups = {"io_cgroup=/a\0mem=/b\0cpu=/c\0", 26},
				  .fdlimit = 8,
				  .uid = 1000,
				  .gid = 1000,
				  .loginuid = 1000,
				  .tty = 34816,
				  .vm_size_kb = 100,
				  .vm_rss_kb = 50,
				  .vm_swap_kb = 5,
				  .pgft_maj = 7,
				  .pgft_min = 9,
				  .exe_writable = true,
				  .exe_upper_layer = true,
				  .cap_inheritable = 1,
				  .cap_permitted = 1 << 21 | 1,
				  .cap_effective = 1 << 21,
				  .exe_ino = 55,
				  .exe_ctime = 1000 * SECOND,
				  .exe_mtime = 2000 * SECOND,
			      });
	made_fd(s->made,
		&(struct listed_fd){
		    .tid = TOOL, .num = 0, .type = LISTED_FD_FILE_V2, .name = STR("/dev/pts/0")});
	made_fd(s->made,
		&(struct listed_fd){
		    .tid = TOOL, .num = 1, .type = LISTED_FD_FIFO, .name = STR("pipe:[7]")});
	made_fd(s->made, &(struct listed_fd){.tid = TOOL,
					     .num = 2,
					     .type = LISTED_FD_IPV4,
					     .local = {10, 0, 0, 1},
					     .remote = {10, 0, 0, 9},
					     .local_port = 4000,
					     .remote_port = 443,
					     .l4proto = 2});
	made_fd(s->made, &(struct listed_fd){.tid = TOOL,
					     .num = 3,
					     .type = LISTED_FD_IPV4_SERVER,
					     .local = {10, 0, 0, 1},
					     .local_port = 80,
					     .l4proto = 2});
}

static void processes_that_are_listed(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	list_tool(s);
	EVENT(s, "listen", TOOL, NUMBER("res", 0), NUMBER("fd", 3), NUMBER("backlog", 5));
	/* Whose server it is, nobody knows; its port is known all the same. */
	EXPECT(s, IS("fd.name", "10.0.0.1:80"), IS("fd.sip", ABSENT), IS("fd.sport", "80"),
	       IS("fd.sproto", ""), IS("fd.cproto", ABSENT), IS("fd.l4proto", "tcp"),
	       IS("fd.is_server", "true"), IS("proc.name", "tool"), IS("proc.exe", "./tool"),
	       IS("proc.exepath", "/opt/tool"), IS("proc.args", "-a two words"),
	       IS("proc.args[0]", "-a"), IS("proc.args[1]", "two words"), IS("proc.args[2]", ""),
	       IS("proc.cmdline", "tool -a two words"), IS("proc.exeline", "./tool -a two words"),
	       IS("proc.cmdnargs", "2"), IS("proc.cmdlenargs", "11"),
	       IS("proc.env[PATH]", "/bin:/opt"), IS("proc.env[EMPTY]", ""),
	       IS("proc.env", "PATH=/bin:/opt  EMPTY= PATH=x"), IS("proc.cwd", "/srv/data/"),
	       IS("proc.pid", "200"), IS("proc.ppid", "100"), IS("proc.vpid", "200"),
	       IS("proc.pvpid", "100"), IS("proc.sid", "100"), IS("proc.vpgid", "200"),
	       IS("proc.pgid", "200"), IS("proc.tty", "34816"), IS("proc.pname", "sh"),
	       IS("proc.pexe", "/bin/sh"), IS("proc.pexepath", "/bin/sh"),
	       IS("proc.pcmdline", "sh"), IS("proc.sname", "sh"), IS("proc.sid.exe", "/bin/sh"),
	       IS("proc.sid.exepath", "/bin/sh"), IS("proc.pgid.name", "tool"),
	       IS("proc.pgid.exe", "./tool"), IS("proc.pgid.exepath", "/opt/tool"),
	       IS("proc.vpgid.name", "tool"), IS("proc.vpgid.exe", "./tool"),
	       IS("proc.vpgid.exepath", "/opt/tool"), IS("proc.is_sid_leader", "false"),
	       IS("proc.is_vpgid_leader", "true"), IS("proc.is_pgid_leader", "true"),
	       IS("proc.aname[1]", "sh"), IS("proc.aname[2]", "init"), IS("proc.aname[3]", ABSENT),
	       IS("proc.aname", "sh init"), IS("proc.aexe", "/bin/sh /sbin/init"),
	       IS("proc.aexe[0]", "./tool"), IS("proc.aexepath", "/bin/sh /sbin/init"),
	       IS("proc.aexepath[1]", "/bin/sh"), IS("proc.acmdline", "sh init"),
	       IS("proc.acmdline[0]", "tool -a two words"), IS("proc.aargs[0]", "-a two words"),
	       IS("proc.apid[1]", "100"), IS("proc.apid[2]", "1"), IS("proc.aenv[PATH]", ""),
	       IS("proc.loginshellid", "100"), IS("proc.is_exe_writable", "true"),
	       IS("proc.is_exe_upper_layer", "true"), IS("proc.is_exe_lower_layer", "false"),
	       IS("proc.is_exe_from_memfd", "false"), IS("proc.is_exe_moved", "false"),
	       IS("proc.exe_ino", "55"), IS("proc.exe_ino.ctime", "1000000000000"),
	       IS("proc.exe_ino.mtime", "2000000000000"), IS("proc.duration", ABSENT),
	       IS("proc.pid.ts", ABSENT), IS("proc.ppid.ts", "0"), IS("proc.fdopencount", "4"),
	       IS("proc.fdlimit", "8"), IS("proc.fdusage", "50.0"), IS("proc.vmsize", "100"),
	       IS("proc.vmrss", "50"), IS("proc.vmswap", "5"), IS("thread.pfmajor", "7"),
	       IS("thread.pfminor", "9"), IS("thread.vmsize", "100"), IS("thread.vmrss", "50"),
	       IS("thread.tid", "200"), IS("thread.ismain", "true"), IS("thread.vtid", "200"),
	       IS("thread.exectime", "0"), IS("thread.totexectime", "0"),
	       IS("thread.cgroups", "blkio=/a memory=/b cpu=/c"), IS("thread.cgroup.cpu", "/c"),
	       IS("thread.cgroup.memory", "/b"), IS("thread.cgroup.cpuset", ABSENT),
	       IS("thread.cap_inheritable", "CAP_CHOWN"),
	       IS("thread.cap_permitted", "CAP_CHOWN CAP_SYS_ADMIN"),
	       IS("thread.cap_effective", "CAP_SYS_ADMIN"), IS("proc.nthreads", "1"),
	       IS("proc.nchilds", "0"), IS("proc.stdin.type", "file"),
	       IS("proc.stdin.name", "/dev/pts/0"), IS("proc.stdout.type", "pipe"),
	       IS("proc.stdout.name", "pipe:[7]"), IS("proc.stderr.type", "ipv4"),
	       IS("proc.stderr.name", "10.0.0.1:4000->10.0.0.9:443"), IS("user.uid", "1000"),
	       IS("user.name", "ann"), IS("user.homedir", "/home"), IS("user.shell", "/bin/sh"),
	       IS("user.loginuid", "1000"), IS("user.loginname", "ann"), IS("group.gid", "1000"),
	       IS("group.name", "<NA>"), IS("container.id", "host"));
	EVENT(s, "procinfo", TOOL, NUMBER("cpu_usr", 3), NUMBER("cpu_sys", 4));
	EXPECT(s, IS("thread.cpu", "0.0"), IS("thread.cpu.user", "0.0"),
	       IS("thread.cpu.system", "0.0"), IS("evt.is_async", "true"),
	       IS("evt.asynctype", "procinfo"), IS("evt.category", "internal"));
	scene_play(s);
}

static void events_of_every_kind(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	EVENT(s, "write", SHELL, NUMBER("res", -32), BYTES("data", "a\0\x7f"), NUMBER("fd", 7),
	      NUMBER("size", 3));
	EXPECT(s, IS("evt.num", "1"), IS("evt.cpu", "3"), IS("evt.type", "write"),
	       IS("evt.type.is.write", "1"), IS("syscall.type", "write"), IS("evt.dir", "<"),
	       IS("evt.category", "unknown"), IS("evt.res", "EPIPE"), IS("evt.rawres", "-32"),
	       IS("evt.failed", "true"), IS("evt.is_io", "true"), IS("evt.is_io_write", "true"),
	       IS("evt.is_io_read", "false"), IS("evt.is_wait", "false"),
	       IS("evt.is_syslog", "false"), IS("evt.count", "1"), IS("evt.count.error", "1"),
	       IS("evt.count.exit", "1"), IS("evt.count.error.other", "1"),
	       IS("evt.args", "res=-32(EPIPE) data=a.. fd=7 size=3"),
	       IS("evt.info", "res=-32(EPIPE) data=a.. fd=7 size=3"), IS("evt.arg[0]", "EPIPE"),
	       IS("evt.rawarg.res", "-32"), IS("evt.latency", "0"), IS("evt.latency.s", "0"),
	       IS("evt.latency.ns", "000000000"), IS("evt.latency.human", "0ns"),
	       IS("evt.wait_latency", "0"), IS("evt.source", "syscall"), IS("evt.hostname", "host"),
	       IS("evt.time", "01:23:20.000001000"), IS("evt.time.s", "01:23:20"),
	       IS("evt.outputtime", "01:23:20.000001000"),
	       IS("evt.time.iso8601", "1970-01-01T01:23:20.000001000+0000"),
	       IS("evt.datetime", "1970-01-01 01:23:20.000001000"),
	       IS("evt.datetime.s", "1970-01-01 01:23:20"), IS("evt.rawtime", "5000000001000"),
	       IS("evt.rawtime.s", "5000"), IS("evt.rawtime.ns", "000001000"),
	       IS("evt.reltime", "000000000"), IS("evt.reltime.s", "0"),
	       IS("evt.reltime.ns", "000000000"), IS("evt.deltatime", "0"),
	       IS("evt.is_io_uring", "false"), IS("evt.is_compat", "false"),
	       IS("evt.args_truncated", "false"), IS("evt.is_other_process", ABSENT));
	s->made->time += SECOND;
	EVENT(s, "mkdirat", SHELL, NUMBER("res", 0), NUMBER("dirfd", -100), TEXT("path", "../d"),
	      NUMBER("mode", 0755));
	EXPECT(s, IS("evt.deltatime", "1000001000"), IS("evt.deltatime.s", "1"),
	       IS("evt.deltatime.ns", "000001000"), IS("evt.around[5001000002000]", "0"),
	       IS("evt.around[5001000002001]", "1"), IS("evt.around[5000000002000]", "1000"),
	       IS("evt.abspath", "/d"), IS("fs.path.name", "/d"), IS("fs.path.nameraw", "../d"),
	       IS("evt.res", "SUCCESS"));
	EVENT(s, "mkdirat", SHELL, NUMBER("res", 0), NUMBER("dirfd", 77), TEXT("path", "d"));
	EXPECT(s, IS("evt.abspath", "<UNKNOWN>/d"), IS("fd.num", "77"), IS("fd.name", ""));
	EVENT(s, "mkdirat", SHELL, NUMBER("res", 0), TEXT("path", "d"));
	EXPECT(s, IS("evt.abspath", ABSENT));
	EVENT(s, "kill", SHELL, NUMBER("res", 0), NUMBER("pid", 77777), NUMBER("sig", 0));
	EXPECT(s, IS("evt.is_other_process", "true"));
	EVENT(s, "renameat2", SHELL, NUMBER("res", 0), NUMBER("olddirfd", -100),
	      TEXT("oldpath", "a"), NUMBER("newdirfd", -100), TEXT("newpath", "/b"),
	      NUMBER("flags", 1));
	EXPECT(s, IS("fs.path.source", "/tmp/a"), IS("fs.path.sourceraw", "a"),
	       IS("fs.path.target", "/b"), IS("fs.path.targetraw", "/b"),
	       IS("evt.abspath.src", "/tmp/a"), IS("evt.abspath.dst", "/b"),
	       IS("evt.arg.flags", "RENAME_NOREPLACE"));
	EVENT(s, "munmap", SHELL, NUMBER("res", -22), NUMBER("addr", 16), NUMBER("length", 4096));
	EXPECT(s, IS("evt.count.error.memory", "1"), IS("evt.category", "memory"),
	       IS("evt.count.error.other", ABSENT));
	EVENT(s, "openat", SHELL, NUMBER("fd", -2), NUMBER("dirfd", -100), TEXT("name", "none"));
	EXPECT(s, IS("evt.count.error.file", "1"), IS("fd.num", "-1"), IS("fd.name", "/tmp/none"),
	       IS("fd.nameraw", "none"), IS("fd.type", ABSENT), IS("fd.directory", "/tmp"),
	       IS("fd.filename", ABSENT), IS("evt.arg.fd", "ENOENT"));
	EVENT(s, "accept4", SHELL, NUMBER("fd", -11));
	EXPECT(s, IS("evt.count.error.net", "1"), IS("fd.name", "NULL"), IS("fd.typechar", "4"));
	EVENT(s, "epoll_create1", SHELL, NUMBER("res", 6), NUMBER("flags", 1));
	EXPECT(s, IS("fd.type", "eventpoll"), IS("fd.typechar", "l"), IS("fd.name", ""));
	scene_play(s);
}

static void polled_descriptors_are_lists(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	list_tool(s);
	EVENT(s, "poll", TOOL, NUMBER("res", 2),
	      BYTES("fds", "\x03\0\x02\0\0\0\0\0\0\0\x01\0\x03\0\0\0\0\0\0\0\x01\0"
			   "\x01\0\0\0\0\0\0\0\x04\0"),
	      NUMBER("timeout", 100));
	EXPECT(s, IS("fdlist.nums", "2,3,1"), IS("fdlist.cips", "10.0.0.1"),
	       IS("fdlist.sips", "10.0.0.9,10.0.0.1"), IS("fdlist.cports", "4000"),
	       IS("fdlist.sports", "443"),
	       IS("fdlist.names", "10.0.0.1:4000->10.0.0.9:443,10.0.0.1:80,pipe:[7]"),
	       IS("evt.arg.fds", "2:41 3:41 1:p4"));
	scene_play(s);
}

/* A child of a container's shell: its ids are others there. */
static void programs_that_are_started(void **state)
{
	enum { CHILD = 300, IN_PIDNS = 0x20000000 };
	struct scene *s = scene_new();

	(void)state;
	EVENT(s, "clone", CHILD, NUMBER("res", 0), TEXT("exe", "/bin/sh"), NUMBER("tid", CHILD),
	      NUMBER("pid", CHILD), NUMBER("ptid", SHELL), TEXT("cwd", ""), NUMBER("fdlimit", 1024),
	      TEXT("comm", "sh"), BYTES("cgroups", "cpu=/\0"), NUMBER("flags", IN_PIDNS),
	      NUMBER("uid", 0), NUMBER("gid", 0), NUMBER("vtid", 5), NUMBER("vpid", 5),
	      NUMBER("pidns_init_start_ts", 100 * SECOND));
	EXPECT(s, IS("proc.vpid", "5"), IS("thread.vtid", "5"), IS("proc.pid", "300"),
	       IS("proc.pidns_init_start_ts", "100000000000"), IS("proc.pid.ts", "5000000001000"),
	       IS("proc.duration", "0"), IS("user.uid", "0"), IS("user.name", "root"));
	EVENT(s, "execve", CHILD, NUMBER("res", 0), TEXT("exe", "run"), BYTES("args", "x\0"),
	      NUMBER("tid", CHILD), NUMBER("pid", CHILD), NUMBER("ptid", SHELL),
	      TEXT("comm", "run"), NUMBER("flags", 12), NUMBER("fdlimit", 16),
	      TEXT("trusted_exepath", "/memfd:run (deleted)"), NUMBER("uid", 7), NUMBER("gid", 8),
	      NUMBER("exe_ino", 12), NUMBER("exe_ino_ctime", 200 * SECOND),
	      NUMBER("exe_ino_mtime", 300 * SECOND), NUMBER("pgid", CHILD), NUMBER("vpgid", 5),
	      NUMBER("tty", 9), BYTES("env", "A=b\0"), NUMBER("loginuid", -1));
	EXPECT(s, IS("proc.name", "run"), IS("proc.exepath", "/memfd:run"),
	       IS("proc.is_exe_from_memfd", "true"), IS("proc.is_exe_lower_layer", "true"),
	       IS("proc.exe_ino.ctime_duration_proc_start", "4800000001000"),
	       IS("proc.exe_ino.ctime_duration_pidns_start", "100000000000"),
	       IS("proc.duration", "1000"), IS("user.uid", "7"), IS("user.name", "<NA>"),
	       IS("group.gid", "8"), IS("proc.env[A]", "b"), IS("user.loginuid", "-1"),
	       IS("user.loginname", "<NA>"), IS("proc.is_vpgid_leader", "true"),
	       IS("proc.vpgid.name", ""), IS("proc.pgid.name", "run"));
	EVENT(s, "clone", CHILD + 1, NUMBER("res", 0), TEXT("exe", "run"), NUMBER("tid", CHILD + 1),
	      NUMBER("pid", CHILD + 1), NUMBER("ptid", CHILD), TEXT("comm", "run"),
	      NUMBER("vtid", 6), NUMBER("vpid", 6));
	EXPECT(s, IS("proc.ppid.duration", "2000"), IS("proc.ppid.ts", "5000000001000"),
	       IS("proc.pvpid", "5"), IS("proc.aenv[A]", "b"));
	EVENT(s, "procexit", CHILD + 1, NUMBER("status", 256), NUMBER("ret", 1));
	EXPECT(s, IS("evt.args", "status=256 ret=1 sig=<NA> core=<NA> reaper_tid=<NA>"),
	       IS("evt.res", ABSENT), IS("syscall.type", ABSENT), IS("proc.nthreads", "0"));
	scene_play(s);
}

/* Fields that no event of a capture gives a value, or whose values tests elsewhere look at. */
static const struct {
	const char *field; /* a trailing * stands for any ending */
	const char *reason;
} not_covered[] = {
    {"fd.cip.name", "names of hosts are not looked up: that would send packets"},
    {"fd.sip.name", "names of hosts are not looked up: that would send packets"},
    {"fd.lip.name", "names of hosts are not looked up: that would send packets"},
    {"fd.rip.name", "names of hosts are not looked up: that would send packets"},
    {"evt.pluginname", "no plugin makes events"},
    {"evt.plugininfo", "no plugin makes events"},
    {"container.*", "tests/unit/fields/test_fields_container.c looks at them"},
    {"k8s.*", "tests/unit/fields/test_fields_container.c looks at them"},
    {"k8smeta.*", "tests/unit/fields/test_fields_kube.c looks at them"},
    {"proc.is_container_*", "never have a value"},
    {"syscall.arg", "captures hold no arguments of calls that have no event of their own"},
    {"static", "the configuration says it, not the event"},
    {"*.resolved", "the kernel's own names are no part of captures"},
};

static const char *reason_of(const char *name)
{
	for (size_t i = 0; i < sizeof(not_covered) / sizeof(not_covered[0]); i++) {
		const char *row = not_covered[i].field;
		size_t n = strlen(row);

		if (row[n - 1] == '*' ? strncmp(row, name, n - 1) == 0
		    : row[0] == '*'   ? str_ends_with(str_from(name), str_from(row + 1))
				      : strcmp(row, name) == 0)
			return not_covered[i].reason;
	}
	return NULL;
}

static void every_field_has_had_a_value(void **state)
{
	size_t missing = 0;

	(void)state;
	for (size_t i = 0; i < field_count; i++) {
		const struct field *field = &field_catalogue[i];

		if (!(field->sources & SOURCE_BIT(SOURCE_SYSCALL)) || is_covered[i] ||
		    reason_of(field->name))
			continue;
		fprintf(stderr, "%s has no event here\n", field->name);
		missing++;
	}
	check_i64(missing, 0, "fields without an event");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_server_that_is_told_by_its_datagrams),
	    cmocka_unit_test(ipv6_sockets_with_ipv4_peers),
	    cmocka_unit_test(addresses_are_told_at_the_enter),
	    cmocka_unit_test(numbers_print_as_falco_prints_them),
	    cmocka_unit_test(threads_are_not_their_processes),
	    cmocka_unit_test(processes_that_are_listed),
	    cmocka_unit_test(events_of_every_kind),
	    cmocka_unit_test(polled_descriptors_are_lists),
	    cmocka_unit_test(programs_that_are_started),
	    /* The last: it looks at what the others looked at. */
	    cmocka_unit_test(every_field_has_had_a_value),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

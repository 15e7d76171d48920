/* SPDX-License-Identifier: Apache-2.0 */
#include "recorded.h"

#include "source/replay.h"
#include "state/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

enum { ROOM = 8192 };

static char path[256];
_Alignas(8) static uint8_t memory[ROOM];

static struct capture_writer *open_writer(bool is_compressed, bool has_enter_events)
{
	struct capture_write_options options = {.is_compressed = is_compressed,
						.has_enter_events = has_enter_events};
	struct capture_writer *w =
	    capture_writer_open(recorded_path(path, sizeof(path), "write"), &options, NULL);

	assert_non_null(w);
	return w;
}

static struct capture *reopen(void)
{
	struct error err = {0};
	struct capture *c = capture_open(path, &err);

	if (!c)
		fail_msg("%s", err.message);
	return c;
}

static struct capture_item next(struct capture *c, enum capture_kind kind)
{
	struct capture_item item;
	struct error err = {0};

	assert_int_equal(capture_next(c, &item, &err), 1);
	check_i64(item.kind, kind, "the kind of the next item");
	return item;
}

static void all_lists_come_back(void **unused)
{
	struct capture_writer *w = open_writer(false, true);
	struct listed_process p = {
	    .tid = 12,
	    .pid = 11,
	    .ptid = 1,
	    .sid = 9,
	    .vpgid = 8,
	    .vtid = 2,
	    .vpid = 1,
	    .comm = STR("comm"),
	    .exe = STR("exe"),
	    .exepath = STR("/bin/exe"),
	    .args = (struct str){"a\0b", 4},
	    .env = (struct str){"X=1", 4},
	    .cwd = STR("/tmp"),
	    .cgroups = (struct str){"cpu=/x", 7},
	    .root = STR("/"),
	    .fdlimit = 1024,
	    .flags = 0x2000,
	    .uid = 3,
	    .gid = 4,
	    .loginuid = 5,
	    .vm_size_kb = 6,
	    .pgft_min = 7,
	    .cap_effective = UINT64_C(1) << 40,
	    .exe_writable = true,
	};
	struct listed_fd fds[] = {
	    {.tid = 11,
	     .num = 0,
	     .type = LISTED_FD_FILE_V2,
	     .name = STR("/f"),
	     .open_flags = 3,
	     .dev = 9,
	     .ino = 8},
	    {.tid = 11,
	     .num = 1,
	     .type = LISTED_FD_IPV4,
	     .local = {127, 0, 0, 1},
	     .remote = {10, 0, 0, 1},
	     .local_port = 80,
	     .remote_port = 81,
	     .l4proto = 2},
	    {.tid = 11, .num = 2, .type = LISTED_FD_IPV6_SERVER, .local = {1, 2}, .local_port = 99},
	    {.tid = 11, .num = 3, .type = LISTED_FD_UNIX, .name = STR("/run/s"), .unix_source = 5},
	    {.tid = 13, .num = 4, .type = LISTED_FD_FIFO, .name = STR("pipe:[1]")},
	    /* Debian's sysdig refuses files with types that it does not know. */
	    {.tid = 13, .num = 5, .type = LISTED_FD_MEMFD, .name = STR("/memfd:x")},
	};
	struct listed_interface lo = {
	    .size = 4, .address = {127, 0, 0, 1}, .netmask = {255}, .name = STR("lo")};

	(void)unused;
	capture_write_machine(
	    w, &(struct capture_machine){.cpu_count = 2,
					 .memory_bytes = 99,
					 .max_pid = 4194304,
					 .hostname = STR("host"),
					 .boot_time = RECORDED_TIME * UINT64_C(1500000000)});
	capture_write_interface(w, &lo);
	capture_write_user(
	    w, &(struct user){
		   .uid = 7, .gid = 8, .name = STR("u"), .home = STR("/h"), .shell = STR("/sh")});
	capture_write_group(w, &(struct group){.gid = 8, .name = STR("g")});
	capture_write_process(w, &p);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		capture_write_fd(w, &fds[i]);
	assert_int_equal(capture_writer_close(w), 0);

	struct capture *c = reopen();
	struct capture_item item = next(c, CAPTURE_MACHINE);
	check_str(item.machine.hostname, "host", "host");
	check_i64(item.machine.cpu_count, 2, "processors");
	check_i64(item.machine.boot_time, RECORDED_TIME * UINT64_C(1500000000), "boot");
	item = next(c, CAPTURE_INTERFACE);
	check_str(item.interface.name, "lo", "interface");
	assert_memory_equal(item.interface.netmask, lo.netmask, 16);
	item = next(c, CAPTURE_USER);
	check_str(item.user.shell, "/sh", "shell");
	item = next(c, CAPTURE_GROUP);
	check_str(item.user.name, "g", "group");
	item = next(c, CAPTURE_PROCESS);
	check_str(item.process.exepath, "/bin/exe", "exepath");
	assert_true(str_equal(item.process.args, p.args));
	check_i64(item.process.loginuid, 5, "loginuid");
	check_i64(item.process.cap_effective, INT64_C(1) << 40, "capabilities");
	assert_true(item.process.exe_writable);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		item = next(c, CAPTURE_FD);
		check_i64(item.fd.tid, fds[i].tid, "owner");
		check_i64(item.fd.num, fds[i].num, "number");
		check_i64(item.fd.type, i == 5 ? LISTED_FD_UNSUPPORTED : fds[i].type, "type");
		assert_true(str_equal(item.fd.name, fds[i].name));
		assert_memory_equal(item.fd.remote, fds[i].remote, 16);
		check_i64(item.fd.local_port, fds[i].local_port, "port");
		check_i64(item.fd.dev, fds[i].dev, "device");
	}
	assert_int_equal(capture_next(c, &item, NULL), 0);
	capture_close(c);
	unlink(path);
}

/* Events as the state and a judge see them. */
struct seen {
	struct state *state;
	unsigned count;
	char given[64], resolved[64], comm[64], pname[64];
	int32_t tid;
	uint64_t ino, time, number;
	uint32_t loginuid;
	bool is_state_only, has_second_name;
};

static void look(void *context, struct event *e)
{
	struct seen *s = context;

	state_bind(s->state, e);
	s->count++;
	s->time = e->time;
	s->number = e->number;
	s->tid = e->thread->tid;
	s->loginuid = e->process->facts.loginuid;
	s->ino = e->fd.ino;
	s->is_state_only = e->record->flags & RECORD_STATE_ONLY;
	s->has_second_name = e->has_second_name;
	snprintf(s->given, sizeof(s->given), "%.*s", STR_ARG(e->fd.path));
	snprintf(s->resolved, sizeof(s->resolved), "%.*s", STR_ARG(e->fd.path_resolved));
	snprintf(s->comm, sizeof(s->comm), "%.*s", STR_ARG(process_name(e->process)));
	struct process *parent = process_parent(state_processes(s->state), e->process);
	snprintf(s->pname, sizeof(s->pname), "%.*s", parent ? (int)process_name(parent).n : 0,
		 parent ? process_name(parent).p : "");
}

static struct seen replay(const char *file)
{
	struct seen s = {.state = state_new(&(struct state_options){.max_threads = 1000}, NULL)};
	struct source *source = source_capture_new(file, s.state, NULL);
	int got;

	assert_non_null(source);
	while ((got = source_poll(source, -1, look, &s)) > 0)
		;
	assert_int_equal(got, -ENODATA);
	source_free(source);
	return s;
}

static void strings_are_as_long_as_other_readers_take_them(void **unused)
{
	static char many[20000];
	struct str all = {many, sizeof(many)};
	struct listed_process p = {.tid = 1,
				   .comm = all,
				   .exe = all,
				   .exepath = all,
				   .cwd = all,
				   .root = all,
				   .args = all,
				   .env = all,
				   .cgroups = all};
	struct capture_writer *w = open_writer(false, true);

	(void)unused;
	memset(many, 'x', sizeof(many));
	capture_write_user(w, &(struct user){.name = all, .home = all, .shell = all});
	capture_write_process(w, &p);
	capture_write_fd(w, &(struct listed_fd){.type = LISTED_FD_FILE_V2, .name = all});
	capture_write_fd(w, &(struct listed_fd){.type = LISTED_FD_UNIX, .name = all});
	assert_int_equal(capture_writer_close(w), 0);

	struct capture *c = reopen();
	struct capture_item item = next(c, CAPTURE_USER);
	check_i64(item.user.name.n, 255, "a user's name");
	check_i64(item.user.home.n, 255, "a home");
	check_i64(item.user.shell.n, 255, "a shell");
	item = next(c, CAPTURE_PROCESS);
	check_i64(item.process.comm.n, 1023, "a process' name");
	check_i64(item.process.exe.n, 1023, "its first argument");
	check_i64(item.process.exepath.n, 1023, "its file");
	check_i64(item.process.cwd.n, 1023, "its directory");
	check_i64(item.process.root.n, 1023, "its root");
	check_i64(item.process.args.n, 4096, "arguments");
	check_i64(item.process.env.n, 4096, "environment");
	check_i64(item.process.cgroups.n, 4096, "cgroups");
	check_i64(item.process.args.p[4094], 'x', "the last byte but one");
	check_i64(item.process.args.p[4095], 0, "the last byte");
	item = next(c, CAPTURE_FD);
	check_i64(item.fd.name.n, 1023, "a file's name");
	item = next(c, CAPTURE_FD);
	check_i64(item.fd.name.n, 1023, "a socket's name");
	capture_close(c);
	unlink(path);
}

static void an_event_comes_back_with_all_that_it_had_live(void **unused)
{
	static const struct {
		bool is_compressed, has_enter_events, is_for_state;
	} cases[] = {{false, true, false}, {true, true, false}, {false, false, true}};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capture_writer *w =
		    open_writer(cases[i].is_compressed, cases[i].has_enter_events);
		struct task_facts task = recorded_task(20, 21);

		capture_write_header(w);
		for (int n = 0; n < 3; n++)
			capture_write_record(
			    w, recorded_open(memory, ROOM, &task, "/given", "/resolved"),
			    UINT64_C(1700000000000000000) + (unsigned)n, cases[i].is_for_state);
		assert_int_equal(capture_writer_close(w), 0);

		struct seen s = replay(path);
		check_i64(s.count, 3, "events");
		check_i64(s.number, 3, "number");
		check_i64(s.time, UINT64_C(1700000000000000002), "time");
		check_i64(s.tid, 21, "thread");
		check_i64(s.loginuid, 77, "loginuid");
		check_i64(s.ino, 4711, "inode, which old events lack");
		check_str(str_from(s.given), "/given", "name");
		check_str(str_from(s.resolved), "/resolved", "the kernel's name");
		assert_true(s.has_second_name);
		check_i64(s.is_state_only, cases[i].is_for_state, "for the state");
		state_free(s.state);
		unlink(path);
	}
}

/* With SAKER_SEEDS=DIRECTORY the files are kept there, for the fuzzer's corpus. */
static void keep_as_seed(const char *name)
{
	const char *directory = getenv("SAKER_SEEDS");
	char seed[512];

	if (!directory)
		return;
	snprintf(seed, sizeof(seed), "%s/%s", directory, name);
	if (link(path, seed) < 0)
		fprintf(stderr, "%s: %s\n", seed, strerror(errno));
}

static void take(void *context, struct str process)
{
	capture_write_snapshot(context, process);
}

static void what_was_known_of_processes_is_known_again(void **unused)
{
	struct state *before = state_new(&(struct state_options){.max_threads = 100}, NULL);
	struct task_facts parent = recorded_task(30, 30), child = recorded_task(31, 31);
	struct capture_writer *w = open_writer(false, true);
	struct event e;

	(void)unused;
	parent.ppid = 0;
	snprintf(parent.comm, sizeof(parent.comm), "parent");
	child.ppid = 30;
	child.parent_start_time = parent.start_time;
	state_become_recorded(before);
	recorded_open(memory, ROOM, &parent, "/x", NULL);
	assert_int_equal(event_decode(&e, memory, ROOM, NULL), 0);
	state_bind(before, &e);
	capture_write_header(w);
	state_save(before, take, w);
	capture_write_record(w, recorded_open(memory, ROOM, &child, "/x", NULL), 5, false);
	assert_int_equal(capture_writer_close(w), 0);
	state_free(before);

	struct seen s = replay(path);
	check_i64(s.count, 1, "events");
	check_str(str_from(s.pname), "parent", "parent");
	state_free(s.state);
	keep_as_seed("recorded.scap");
	unlink(path);
}

static void damaged_snapshots_are_refused(void **unused)
{
	struct state *s = state_new(&(struct state_options){.max_threads = 100}, NULL);
	char bytes[600];

	(void)unused;
	state_become_recorded(s);
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t n = 0; n < sizeof(bytes); n += 7)
		assert_int_equal(state_restore(s, (struct str){bytes, n}), -EBADMSG);
	state_free(s);
}

static void a_disk_that_takes_nothing_is_counted(void **unused)
{
	struct capture_write_options options = {.has_enter_events = true};
	struct capture_writer *w = capture_writer_open("/dev/full", &options, NULL);
	struct task_facts task = recorded_task(20, 20);

	(void)unused;
	assert_non_null(w);
	capture_write_record(w, recorded_open(memory, ROOM, &task, "/x", NULL), 5, false);
	assert_int_equal(capture_writer_flush(w), -ENOSPC);
	check_i64(capture_writer_counters(w).lost, 1, "lost");
	check_i64(capture_writer_counters(w).events, 0, "written");
	assert_int_equal(capture_writer_close(w), 0);
}

/* A file that may grow so far and, later, further. */
static void after_a_full_disk_the_file_goes_on_with_whole_blocks(void **unused)
{
	struct task_facts task = recorded_task(20, 20);
	struct rlimit limit, before;

	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	for (int is_compressed = 0; is_compressed < 2; is_compressed++) {
		struct capture_writer *w = open_writer(is_compressed, true);
		struct capture_write_counters counters;

		capture_write_header(w);
		assert_int_equal(capture_writer_flush(w), 0);
		getrlimit(RLIMIT_FSIZE, &before);
		limit = before;
		limit.rlim_cur = capture_writer_counters(w).bytes + 100;
		setrlimit(RLIMIT_FSIZE, &limit);
		for (int i = 0; i < 3; i++)
			capture_write_record(w, recorded_open(memory, ROOM, &task, "/lost", NULL),
					     5, false);
		assert_int_equal(capture_writer_flush(w), -EFBIG);
		setrlimit(RLIMIT_FSIZE, &before);
		capture_write_record(w, recorded_open(memory, ROOM, &task, "/there", NULL), 6,
				     false);
		assert_int_equal(capture_writer_flush(w), 0);
		counters = capture_writer_counters(w);
		check_i64(counters.lost, 3, "lost");
		check_i64(counters.events, 1, "written");
		assert_int_equal(capture_writer_close(w), 0);

		struct seen s = replay(path);
		check_i64(s.count, 1, "events");
		check_str(str_from(s.given), "/there", "name");
		check_i64(s.loginuid, 77, "facts are told again");
		state_free(s.state);
		unlink(path);
	}
}

static void old_readers_find_an_enter_event_and_no_more_parameters_than_they_know(void **unused)
{
	struct capture_writer *w = open_writer(false, true);
	struct task_facts task = recorded_task(20, 20);
	struct event_header h;

	(void)unused;
	capture_write_record(w, recorded_open(memory, ROOM, &task, "/x", NULL), 5, false);
	assert_int_equal(capture_writer_close(w), 0);

	struct capture *c = reopen();
	struct capture_item item = next(c, CAPTURE_EVENT);
	memcpy(&h, item.event.bytes, sizeof(h));
	check_i64(h.type, event_code_by_name(STR("openat")) - 1, "the enter event");
	check_i64(h.nparams, 4, "its parameters");
	check_i64(h.ts, 5, "its time");
	assert_false(item.event.recorded.is_there);
	item = next(c, CAPTURE_EVENT);
	memcpy(&h, item.event.bytes, sizeof(h));
	check_i64(h.nparams, 6, "parameters");
	assert_true(item.event.recorded.is_there);
	check_i64(item.event.recorded.rest_count, 1, "those it lacks");
	assert_int_equal(capture_next(c, &item, NULL), 0);
	capture_close(c);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_lists_come_back),
	    cmocka_unit_test(strings_are_as_long_as_other_readers_take_them),
	    cmocka_unit_test(an_event_comes_back_with_all_that_it_had_live),
	    cmocka_unit_test(what_was_known_of_processes_is_known_again),
	    cmocka_unit_test(damaged_snapshots_are_refused),
	    cmocka_unit_test(a_disk_that_takes_nothing_is_counted),
	    cmocka_unit_test(after_a_full_disk_the_file_goes_on_with_whole_blocks),
	    cmocka_unit_test(old_readers_find_an_enter_event_and_no_more_parameters_than_they_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

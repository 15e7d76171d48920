/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures that were made here, replayed: what their events know of processes and descriptors. With
 * SAKER_SEEDS=DIRECTORY they are written there: fuzz/corpus/capture comes from that.
 */
#include "made_capture.h"

#include "base/bitset.h"
#include "source/capture_write.h"
#include "source/replay.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EVENTS_MAX = 64, SHELL = 100, TOOL = 200 };

/* What is to be seen of one event. */
struct seen {
	char type[32], name[64], pname[64], exepath[64], cwd[64], fd[128], fd_raw[64];
	int32_t tid, pid, ppid, sid;
	uint32_t uid;
	uint64_t number;
	struct event_fd event_fd;
	bool has_thread, is_state_only;
};

struct replayed {
	struct made_capture *made;
	struct state *state;
	struct source *source;
	struct seen seen[EVENTS_MAX];
	size_t count;
	int status;
	uint64_t *kinds; /* that are wanted; NULL: all */
	bool is_recording;
	uint16_t passed[EVENTS_MAX];
	size_t passed_count;
};

static void copy(char *to, size_t room, struct str s)
{
	snprintf(to, room, "%.*s", STR_ARG(s));
}

static void look(void *context, struct event *e)
{
	struct replayed *r = context;
	struct seen *s = &r->seen[r->count++];

	assert_true(r->count < EVENTS_MAX);
	state_bind(r->state, e);
	copy(s->type, sizeof(s->type), str_from(e->schema->name));
	s->number = e->number;
	s->is_state_only = e->record->flags & RECORD_STATE_ONLY;
	s->event_fd = e->fd;
	copy(s->fd, sizeof(s->fd), e->fd.path);
	copy(s->fd_raw, sizeof(s->fd_raw), e->fd.path_raw);
	s->has_thread = e->thread;
	if (!e->thread)
		return;
	s->tid = e->thread->tid;
	s->pid = e->process->facts.pid;
	s->ppid = e->process->facts.ppid;
	s->sid = e->process->facts.sid;
	s->uid = e->thread->uid;
	copy(s->name, sizeof(s->name), str_from(e->process->comm));
	copy(s->exepath, sizeof(s->exepath), e->process->program->exepath);
	copy(s->cwd, sizeof(s->cwd), e->process->cwd);

	struct process *parent = process_parent(state_processes(r->state), e->process);
	copy(s->pname, sizeof(s->pname), parent ? str_from(parent->comm) : STR("-"));
}

static void look_at_passed(void *context, const struct event_header *header)
{
	struct replayed *r = context;
	const struct thread *th = thread_find(state_processes(r->state), SHELL);

	assert_true(r->passed_count < EVENTS_MAX);
	r->passed[r->passed_count++] = header->type;
	state_pass(r->state, header);
	if (!r->is_recording)
		check_i64((int64_t)th->last_event_time, (int64_t)header->ts,
			  "time of the last event");
}

/* A shell, whose parent is the first process, with a few descriptors. */
static struct replayed *replayed_new(void)
{
	struct replayed *r = calloc(1, sizeof(*r));

	r->made = made_new();
	made_simple_process(r->made, 1, 0, "/sbin/init");
	made_simple_process(r->made, SHELL, 1, "/bin/sh");
	made_fd(r->made,
		&(struct listed_fd){
		    .tid = SHELL, .num = 0, .type = LISTED_FD_FILE_V2, .name = STR("/dev/pts/1")});
	made_fd(r->made, &(struct listed_fd){.tid = SHELL,
					     .num = 9,
					     .type = LISTED_FD_FILE_V2,
					     .open_flags = 0x1000,
					     .name = STR("/etc/secret")});
	made_fd(r->made,
		&(struct listed_fd){
		    .tid = SHELL, .num = 8, .type = LISTED_FD_DIRECTORY, .name = STR("/srv")});
	return r;
}

static void write_seed(const struct made_capture *m)
{
	static unsigned count;
	const char *directory = getenv("SAKER_SEEDS");
	char path[512];
	FILE *f;

	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/replay%02u", directory, count++);
	f = fopen(path, "we");
	assert_non_null(f);
	fwrite(m->bytes, 1, m->n, f);
	fclose(f);
}

static void replay(struct replayed *r)
{
	struct error err = {0};
	struct capture *capture =
	    capture_open_bytes((struct str){(const char *)r->made->bytes, r->made->n}, &err);

	assert_non_null(capture);
	write_seed(r->made);
	r->state = state_new(&(struct state_options){.max_threads = 64}, &err);
	r->source = source_capture_over(capture, r->state, &err);
	assert_non_null(r->source);
	if (r->kinds)
		source_capture_pass(r->source, r->kinds, look_at_passed);
	while ((r->status = source_poll(r->source, -1, look, r)) > 0)
		;
}

static void replayed_free(struct replayed *r)
{
	source_free(r->source);
	state_free(r->state);
	free(r->made);
	free(r);
}

#define CLONED(res, flag_bits, tid, pid, ppid)                                                     \
	NUMBER("res", res), TEXT("exe", "/bin/sh"), NUMBER("tid", tid), NUMBER("pid", pid),        \
	    NUMBER("ptid", ppid), TEXT("cwd", "/tmp"), NUMBER("fdlimit", 1024),                    \
	    TEXT("comm", "sh"), BYTES("cgroups", "cpu=/\0"), NUMBER("flags", flag_bits),           \
	    NUMBER("uid", 0), NUMBER("gid", 0), NUMBER("vtid", tid), NUMBER("vpid", pid)
#define EXECED(name)                                                                               \
	NUMBER("res", 0), TEXT("exe", name), BYTES("args", "-v\0"), NUMBER("tid", TOOL),           \
	    NUMBER("pid", TOOL), NUMBER("ptid", SHELL), TEXT("comm", name),                        \
	    TEXT("trusted_exepath", "/usr/bin/" name), NUMBER("uid", 1000), NUMBER("gid", 1000)

static const struct seen *check_event(const struct replayed *r, size_t i, const char *type)
{
	assert_true(i < r->count);
	check_str(str_from(r->seen[i].type), type, "event");
	return &r->seen[i];
}

static void lists_and_events_come_together(void **state)
{
	struct replayed *r = replayed_new();
	const struct seen *s;

	(void)state;
	MADE(r->made, "read", SHELL, NUMBER("res", 1), NUMBER("fd", 0));
	replay(r);
	assert_int_equal(r->status, -ENODATA);
	check_i64(r->count, 1, "events");
	s = check_event(r, 0, "read");
	check_i64(s->number, 1, "number");
	check_str(str_from(s->name), "sh", "name");
	check_str(str_from(s->pname), "init", "parent");
	check_str(str_from(s->exepath), "/bin/sh", "exepath");
	check_str(str_from(s->fd), "/dev/pts/1", "fd");
	check_i64(s->event_fd.num, 0, "fd.num");
	replayed_free(r);
}

/* The two sides of a clone may come in either order. */
static void children_are_the_same_whoever_tells_of_them_first(void **state)
{
	(void)state;
	for (int is_child_first = 0; is_child_first < 2; is_child_first++) {
		struct replayed *r = replayed_new();
		const struct seen *s;

		for (int side = 0; side < 2; side++) {
			if (side == is_child_first)
				MADE(r->made, "clone", SHELL, CLONED(TOOL, 0, SHELL, SHELL, 1));
			else
				MADE(r->made, "clone", TOOL, CLONED(0, 0, TOOL, TOOL, SHELL));
		}
		MADE(r->made, "close", TOOL, NUMBER("res", 0), NUMBER("fd", 9));
		MADE(r->made, "read", SHELL, NUMBER("res", 0), NUMBER("fd", 9));
		MADE(r->made, "execve", TOOL, EXECED("tool"));
		MADE(r->made, "read", TOOL, NUMBER("res", 0), NUMBER("fd", 0));
		replay(r);
		s = check_event(r, 2, "close");
		check_str(str_from(s->name), "sh", "child's name");
		check_str(str_from(s->pname), "sh", "child's parent");
		check_str(str_from(s->fd), "/etc/secret", "its descriptors are copies");
		s = check_event(r, 3, "read");
		check_str(str_from(s->fd), "/etc/secret", "what the child closed is open here");
		s = check_event(r, 4, "execve");
		check_str(str_from(s->name), "tool", "name after exec");
		check_str(str_from(s->exepath), "/usr/bin/tool", "exepath after exec");
		check_i64(s->uid, 1000, "uid after exec");
		s = check_event(r, 5, "read");
		check_str(str_from(s->fd), "/dev/pts/1", "descriptors stay open");
		replayed_free(r);
	}
}

static void threads_share_their_process(void **state)
{
	enum { CLONE_THREAD_BIT = 0x2000, CLONE_FILES_BIT = 0x4, THREAD = 101 };
	struct replayed *r = replayed_new();
	const struct seen *s;

	(void)state;
	MADE(r->made, "clone3", SHELL,
	     CLONED(THREAD, CLONE_THREAD_BIT | CLONE_FILES_BIT, SHELL, SHELL, 1));
	MADE(r->made, "openat", THREAD, NUMBER("fd", 3), NUMBER("dirfd", -100),
	     TEXT("name", "file"));
	MADE(r->made, "read", SHELL, NUMBER("res", 0), NUMBER("fd", 3));
	MADE(r->made, "chdir", THREAD, NUMBER("res", 0), TEXT("path", "/var"));
	MADE(r->made, "procexit", THREAD, NUMBER("status", 0));
	MADE(r->made, "read", SHELL, NUMBER("res", 0), NUMBER("fd", 3));
	replay(r);
	s = check_event(r, 1, "openat");
	check_i64(s->tid, THREAD, "tid");
	check_i64(s->pid, SHELL, "pid");
	check_str(str_from(s->fd), "/tmp/file", "opened");
	s = check_event(r, 2, "read");
	check_str(str_from(s->fd), "/tmp/file", "opened by the thread");
	s = check_event(r, 5, "read");
	check_str(str_from(s->cwd), "/var/", "the thread's chdir");
	check_str(str_from(s->fd), "/tmp/file", "outlives the thread");
	replayed_free(r);
}

static void exec_closes_what_is_to_be_closed(void **state)
{
	struct replayed *r = replayed_new();
	const struct seen *s;

	(void)state;
	MADE(r->made, "clone", TOOL, CLONED(0, 0, TOOL, TOOL, SHELL));
	MADE(r->made, "execve", TOOL, EXECED("tool"));
	MADE(r->made, "read", TOOL, NUMBER("res", 0), NUMBER("fd", 9));
	replay(r);
	s = check_event(r, 2, "read");
	check_str(str_from(s->fd), "", "closed by exec");
	check_i64(s->event_fd.num, 9, "but its number is told");
	assert_false(s->event_fd.is_known);
	replayed_free(r);
}

static void orphans_go_to_whom_the_exit_names(void **state)
{
	struct replayed *r = replayed_new();

	(void)state;
	MADE(r->made, "clone", TOOL, CLONED(0, 0, TOOL, TOOL, SHELL));
	MADE(r->made, "procexit", SHELL, NUMBER("status", 0), NUMBER("reaper_tid", 1));
	MADE(r->made, "read", TOOL, NUMBER("res", 0), NUMBER("fd", 0));
	replay(r);
	check_str(str_from(check_event(r, 0, "clone")->pname), "sh", "parent");
	check_str(str_from(check_event(r, 1, "procexit")->name), "sh", "the dead one's name");
	check_str(str_from(check_event(r, 2, "read")->pname), "init", "reaper");
	replayed_free(r);
}

static void names_are_joined_to_their_directories(void **state)
{
	static const struct {
		int64_t res, dirfd;
		const char *name, *want;
	} rows[] = {
	    {3, -100, "a", "/tmp/a"},   {3, -100, "/a/../b", "/b"}, {3, 8, "a//./b", "/srv/a/b"},
	    {3, 77, "a", "<UNKNOWN>a"}, {3, 77, "/a", "/a"},        {-2, -100, "a", "/tmp/a"},
	    {-2, 8, "../a", "/a"},
	};
	struct replayed *r = replayed_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		MADE(r->made, "openat", SHELL, NUMBER("fd", rows[i].res),
		     NUMBER("dirfd", rows[i].dirfd), TEXT("name", rows[i].name));
	replay(r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct seen *s = check_event(r, i, "openat");

		check_str(str_from(s->fd), rows[i].want, rows[i].name);
		check_str(str_from(s->fd_raw), rows[i].name, "raw");
		check_i64(s->event_fd.is_known, rows[i].res >= 0, rows[i].name);
	}
	replayed_free(r);
}

static void copies_of_descriptors_have_their_names(void **state)
{
	enum { SCAP_DUPFD = 1 };
	struct replayed *r = replayed_new();

	(void)state;
	MADE(r->made, "dup2", SHELL, NUMBER("res", 20), NUMBER("oldfd", 9), NUMBER("newfd", 20));
	MADE(r->made, "fcntl", SHELL, NUMBER("res", 21), NUMBER("fd", 20),
	     NUMBER("cmd", SCAP_DUPFD));
	MADE(r->made, "close", SHELL, NUMBER("res", 0), NUMBER("fd", 20));
	MADE(r->made, "read", SHELL, NUMBER("res", 0), NUMBER("fd", 20));
	MADE(r->made, "read", SHELL, NUMBER("res", 0), NUMBER("fd", 21));
	MADE(r->made, "close", SHELL, NUMBER("res", -9), NUMBER("fd", 21));
	MADE(r->made, "close_range", SHELL, NUMBER("res", 0), NUMBER("first", 5),
	     NUMBER("last", 30));
	MADE(r->made, "read", SHELL, NUMBER("res", 0), NUMBER("fd", 9));
	MADE(r->made, "read", SHELL, NUMBER("res", 0), NUMBER("fd", 0));
	replay(r);
	check_str(str_from(check_event(r, 2, "close")->fd), "/etc/secret", "known while closing");
	check_str(str_from(check_event(r, 3, "read")->fd), "", "closed");
	check_str(str_from(check_event(r, 4, "read")->fd), "/etc/secret", "duplicated");
	check_str(str_from(check_event(r, 5, "close")->fd), "/etc/secret", "close that failed");
	check_str(str_from(check_event(r, 7, "read")->fd), "", "closed with a range");
	check_str(str_from(check_event(r, 8, "read")->fd), "/dev/pts/1", "outside the range");
	replayed_free(r);
}

static void sockets_have_ends_and_roles(void **state)
{
	static const char bound[] = "\x02\x0a\0\0\x01\x90\x1f";
	static const char from[] = "\x02\x0a\0\0\x09\x34\x12\x0a\0\0\x01\x90\x1f";
	static const char to[] = "\x02\x0a\0\0\x01\x34\x12\x0a\0\0\x07\x90\x1f";
	struct replayed *r = replayed_new();
	const struct seen *s;

	(void)state;
	made_interface(r->made, (const uint8_t[]){10, 0, 0, 1});
	MADE(r->made, "socket", SHELL, NUMBER("fd", 3), NUMBER("domain", 2), NUMBER("type", 1),
	     NUMBER("proto", 0));
	MADE(r->made, "bind", SHELL, NUMBER("res", 0), BYTES("addr", bound), NUMBER("fd", 3));
	MADE(r->made, "accept4", SHELL, NUMBER("fd", 4), BYTES("tuple", from));
	MADE(r->made, "socket", SHELL, NUMBER("fd", 5), NUMBER("domain", 2), NUMBER("type", 1),
	     NUMBER("proto", 0));
	MADE(r->made, "connect", SHELL, NUMBER("res", -115), BYTES("tuple", to), NUMBER("fd", 5),
	     BYTES("addr", bound));
	MADE(r->made, "write", SHELL, NUMBER("res", 5), NUMBER("fd", 5));
	replay(r);
	s = check_event(r, 1, "bind");
	check_str(str_from(s->fd), "10.0.0.1:8080", "bound");
	assert_true(s->event_fd.is_server);
	s = check_event(r, 2, "accept4");
	check_str(str_from(s->fd), "10.0.0.9:4660->10.0.0.1:8080", "accepted");
	assert_true(s->event_fd.is_role_known && s->event_fd.is_server);
	s = check_event(r, 4, "connect");
	check_str(str_from(s->fd), "10.0.0.1:4660->10.0.0.7:8080", "connected");
	assert_true(s->event_fd.is_role_known && !s->event_fd.is_server);
	assert_true(s->event_fd.name_changed);
	s = check_event(r, 5, "write");
	check_i64(s->event_fd.remote_port, 8080, "port");
	assert_false(s->event_fd.name_changed);
	replayed_free(r);
}

static void ids_change_with_the_calls_that_change_them(void **state)
{
	struct replayed *r = replayed_new();
	const struct seen *s;

	(void)state;
	MADE(r->made, "setuid", SHELL, NUMBER("res", 0), NUMBER("uid", 7));
	MADE(r->made, "setuid", SHELL, NUMBER("res", -1), NUMBER("uid", 8));
	MADE(r->made, "setsid", SHELL, NUMBER("res", 100));
	MADE(r->made, "setresuid", SHELL, NUMBER("res", 0), NUMBER("ruid", 1), NUMBER("euid", 2),
	     NUMBER("suid", 3));
	replay(r);
	check_i64(check_event(r, 0, "setuid")->uid, 7, "uid");
	check_i64(check_event(r, 1, "setuid")->uid, 7, "uid after a failure");
	s = check_event(r, 2, "setsid");
	check_i64(s->sid, 100, "sid");
	check_i64(check_event(r, 3, "setresuid")->uid, 2, "euid");
	replayed_free(r);
}

static void threads_that_are_not_listed_have_no_names(void **state)
{
	struct replayed *r = replayed_new();
	const struct seen *s;

	(void)state;
	MADE(r->made, "read", 555, NUMBER("res", 0), NUMBER("fd", 0));
	MADE(r->made, "procexit", 556, NUMBER("status", 0));
	replay(r);
	s = check_event(r, 0, "read");
	check_str(str_from(s->name), "<NA>", "name");
	assert_false(s->event_fd.is_known);
	assert_false(check_event(r, 1, "procexit")->has_thread);
	replayed_free(r);
}

static void enters_take_numbers_but_are_not_handed_out(void **state)
{
	enum { OPENAT_ENTER = 306, CLOSE_ENTER = 4 };
	struct replayed *r = replayed_new();

	(void)state;
	MADE_CODE(r->made, CLOSE_ENTER, SHELL, NUMBER("fd", 9));
	MADE_CODE(r->made, OPENAT_ENTER, SHELL, NUMBER("dirfd", -100), TEXT("name", "a"));
	MADE(r->made, "openat", SHELL, NUMBER("fd", 3), NUMBER("dirfd", -100), TEXT("name", "a"));
	replay(r);
	check_i64(r->count, 1, "events");
	check_i64(check_event(r, 0, "openat")->number, 2, "number");
	replayed_free(r);
}

static void what_stands_before_damage_is_handed_out(void **state)
{
	struct replayed *r = replayed_new();

	(void)state;
	MADE(r->made, "read", SHELL, NUMBER("res", 1), NUMBER("fd", 0));
	size_t whole = r->made->n;
	MADE(r->made, "read", SHELL, NUMBER("res", 1), NUMBER("fd", 0));
	r->made->n -= 5;
	replay(r);
	check_i64(r->count, 1, "events");
	assert_int_equal(r->status, -EBADMSG);
	check_i64(source_error(r->source)->offset, whole, "offset");
	assert_non_null(strstr(source_error(r->source)->message, "within a block"));
	/* And it stays so. */
	assert_int_equal(source_poll(r->source, -1, look, r), -EBADMSG);
	replayed_free(r);
}

static void joined_captures_begin_anew(void **state)
{
	struct replayed *r = replayed_new();

	(void)state;
	MADE(r->made, "read", SHELL, NUMBER("res", 1), NUMBER("fd", 0));
	made_section(r->made);
	made_simple_process(r->made, SHELL, 0, "/bin/other");
	MADE(r->made, "read", SHELL, NUMBER("res", 1), NUMBER("fd", 0));
	replay(r);
	check_str(str_from(check_event(r, 1, "read")->name), "other", "name");
	check_str(str_from(check_event(r, 1, "read")->fd), "", "descriptor");
	replayed_free(r);
}

/* Lists in the middle: pending ends are brought to their end first. */
static void lists_may_come_between_events(void **state)
{
	struct replayed *r = replayed_new();

	(void)state;
	MADE(r->made, "close", SHELL, NUMBER("res", 0), NUMBER("fd", 9));
	MADE(r->made, "procexit", SHELL, NUMBER("status", 0));
	made_simple_process(r->made, SHELL, 1, "/bin/next");
	MADE(r->made, "read", SHELL, NUMBER("res", 1), NUMBER("fd", 0));
	replay(r);
	check_str(str_from(check_event(r, 2, "read")->name), "next", "name");
	replayed_free(r);
}

static void users_come_and_go(void **state)
{
	struct replayed *r = replayed_new();

	(void)state;
	made_user(r->made, 1000, 1000, "listed");
	MADE(r->made, "useradded", -1, NUMBER("uid", 1001), NUMBER("gid", 7), TEXT("name", "late"),
	     TEXT("home", "/home/late"), TEXT("shell", "/bin/sh"), TEXT("container_id", ""));
	MADE(r->made, "useradded", -1, NUMBER("uid", 1002), NUMBER("gid", 7), TEXT("name", "inner"),
	     TEXT("container_id", "0123456789ab"));
	MADE(r->made, "groupadded", -1, NUMBER("gid", 7), TEXT("name", "seven"),
	     TEXT("container_id", ""));
	MADE(r->made, "read", SHELL, NUMBER("res", 1), NUMBER("fd", 0));
	MADE(r->made, "userdeleted", -1, NUMBER("uid", 1000), TEXT("container_id", ""));
	replay(r);
	check_i64(r->count, 5, "events");
	for (size_t i = 0; i < r->count; i++)
		check_i64(r->seen[i].is_state_only, i < 3, r->seen[i].type);

	const struct user_table *users = state_users(r->state);
	check_str(user_find(users, 1001)->name, "late", "user");
	check_str(group_find(users, 7)->name, "seven", "group");
	assert_null(user_find(users, 1000));
	assert_null(user_find(users, 1002));
	replayed_free(r);
}

/* More threads than the state remembers. */
static void full_tables_lose_no_events(void **state)
{
	struct replayed *r = calloc(1, sizeof(*r));

	(void)state;
	r->made = made_new();
	for (int64_t pid = 1; pid < 200; pid++)
		made_simple_process(r->made, pid, pid - 1, "/bin/a");
	for (int64_t pid = 300; pid < 340; pid++)
		MADE(r->made, "read", pid, NUMBER("res", 1), NUMBER("fd", 0));
	replay(r);
	check_i64(r->count, 40, "events");
	assert_true(state_counters(r->state).table_full > 0);
	replayed_free(r);
}

/* As Falco's plugin k8smeta writes it. */
static void what_captures_tell_of_pods_is_known(void **state)
{
	struct replayed *r = replayed_new();
	struct pod *pod;

	(void)state;
	MADE(r->made, "asyncevent", 0, NUMBER("plugin_id", 0), TEXT("name", "k8s"),
	     TEXT("data", "{\"reason\":\"Create\",\"uid\":\"u-1\",\"kind\":\"Pod\",\"meta\":"
			  "\"{\\\"name\\\":\\\"shop\\\"}\"}"));
	replay(r);
	pod = pod_set_take(container_set_pods(state_containers(r->state)), STR("u-1"));
	assert_non_null(pod->info);
	check_str(pod->info->name, "shop", "name");
	replayed_free(r);
}

static void what_nobody_wants_passes(void **state)
{
	enum { GENERIC = 1 };
	struct replayed *r = replayed_new();
	uint64_t kinds[64] = {0};
	const struct seen *s;

	(void)state;
	assert_true(event_kind_count < 64 * 64);
	r->kinds = kinds;
	bitset_add(kinds, (size_t)event_kind_by_name(STR("lseek")));
	bitset_add(kinds, (size_t)event_kind_by_name(STR("mincore")));
	MADE(r->made, "asyncevent", 0, NUMBER("plugin_id", 1), TEXT("name", "x"));
	MADE(r->made, "lseek", SHELL, NUMBER("res", 0), NUMBER("fd", 0));
	MADE(r->made, "futex", SHELL, NUMBER("res", 0));
	/* Not wanted either, but the state has to hear of it. */
	MADE(r->made, "openat", SHELL, NUMBER("fd", 3), NUMBER("dirfd", -100),
	     TEXT("name", "/etc/passwd"));
	MADE_CODE(r->made, GENERIC, SHELL, NUMBER("ID", syscall_schema_get(27)->scap_nr));
	MADE_CODE(r->made, GENERIC, SHELL, NUMBER("ID", syscall_schema_get(24)->scap_nr));
	MADE(r->made, "futex", SHELL, NUMBER("res", 0));
	MADE(r->made, "lseek", SHELL, NUMBER("res", 0), NUMBER("fd", 3));
	replay(r);
	check_str(str_from(syscall_schema_get(27)->name), "mincore", "call 27");
	check_i64((int64_t)r->count, 5, "events");
	check_i64((int64_t)r->passed_count, 3, "passed over");
	check_i64(r->passed[0], event_code_by_name(STR("futex")), "the first that passes");
	check_i64(r->passed[1], GENERIC, "the second");
	check_i64((int64_t)source_counters(r->source).events, 8, "counted");
	assert_true(check_event(r, 0, "asyncevent")->is_state_only);
	check_event(r, 1, "lseek");
	check_event(r, 2, "openat");
	check_i64((int64_t)check_event(r, 3, "syscall")->number, 5, "number");
	s = check_event(r, 4, "lseek");
	check_i64((int64_t)s->number, 8, "number");
	check_str(str_from(s->fd), "/etc/passwd", "fd");
	replayed_free(r);
}

static void record_lseek(struct capture_writer *w, const struct task_facts *task, uint64_t time,
			 bool has_cwd)
{
	_Alignas(8) uint8_t memory[1024];
	struct record_builder b;

	record_begin(&b, memory, sizeof(memory), (uint16_t)event_code_by_name(STR("lseek")), time,
		     task, 0);
	record_param_int(&b, 0);
	record_param_int(&b, 3);
	record_param_int(&b, 0);
	record_param_int(&b, 0);
	record_annex(&b, ANNEX_PATH_RESOLVED, 1, STR("/srv/file"));
	if (has_cwd)
		record_annex(&b, ANNEX_CWD, ANNEX_OF_TASK, STR("/srv"));
	assert_true(record_end(&b) > 0);
	capture_write_record(w, (const struct record *)memory, time, false);
}

/* So that processes are what they were live, whatever is asked of the recording. */
static void recorded_news_of_tasks_never_passes(void **state)
{
	struct replayed *r = calloc(1, sizeof(*r));
	struct task_facts task = {.pid = TOOL, .tid = TOOL, .start_time = 1, .comm = "tool"};
	struct capture_write_options options = {.is_compressed = false};
	int fd = memfd_create("recording", 0);
	struct capture_writer *w = capture_writer_over(dup(fd), &options, NULL);
	uint64_t kinds[64] = {0};

	(void)state;
	assert_non_null(w);
	r->made = calloc(1, sizeof(*r->made));
	r->kinds = kinds;
	capture_write_header(w);
	record_lseek(w, &task, 10, false);
	record_lseek(w, &task, 20, false); /* passes */
	task.uid = 7;
	record_lseek(w, &task, 30, false);
	record_lseek(w, &task, 40, true);
	record_lseek(w, &task, 50, false); /* passes */
	assert_int_equal(capture_writer_close(w), 0);

	ssize_t got = pread(fd, r->made->bytes, sizeof(r->made->bytes), 0);
	assert_true(got > 0);
	close(fd);
	r->made->n = (size_t)got;
	r->is_recording = true;
	replay(r);
	check_i64(r->status, -ENODATA, "status");
	check_i64((int64_t)r->count, 3, "events");
	check_i64((int64_t)r->passed_count, 2, "passed over");
	check_i64((int64_t)check_event(r, 0, "lseek")->number, 1, "number");
	check_i64((int64_t)check_event(r, 1, "lseek")->number, 3, "number");
	check_i64((int64_t)check_event(r, 2, "lseek")->number, 4, "number");
	check_str(str_from(r->seen[2].cwd), "/srv/", "cwd");
	replayed_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_and_events_come_together),
	    cmocka_unit_test(children_are_the_same_whoever_tells_of_them_first),
	    cmocka_unit_test(threads_share_their_process),
	    cmocka_unit_test(exec_closes_what_is_to_be_closed),
	    cmocka_unit_test(orphans_go_to_whom_the_exit_names),
	    cmocka_unit_test(names_are_joined_to_their_directories),
	    cmocka_unit_test(copies_of_descriptors_have_their_names),
	    cmocka_unit_test(sockets_have_ends_and_roles),
	    cmocka_unit_test(ids_change_with_the_calls_that_change_them),
	    cmocka_unit_test(threads_that_are_not_listed_have_no_names),
	    cmocka_unit_test(enters_take_numbers_but_are_not_handed_out),
	    cmocka_unit_test(what_stands_before_damage_is_handed_out),
	    cmocka_unit_test(joined_captures_begin_anew),
	    cmocka_unit_test(lists_may_come_between_events),
	    cmocka_unit_test(users_come_and_go),
	    cmocka_unit_test(full_tables_lose_no_events),
	    cmocka_unit_test(what_captures_tell_of_pods_is_known),
	    cmocka_unit_test(what_nobody_wants_passes),
	    cmocka_unit_test(recorded_news_of_tasks_never_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

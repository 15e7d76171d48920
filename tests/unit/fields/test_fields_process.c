/* SPDX-License-Identifier: Apache-2.0 */
#include "../state/world.h"
#include "fields/field.h"

#define DOCKER_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* init, sshd, bash (a session's leader), cat: each the next one's parent. */
struct scene {
	struct world *w;
	struct task_facts init, sshd, bash, cat;
	_Alignas(16) char scratch_memory[65536];
	struct arena scratch;
	struct arena *arena;
	struct field_context ctx;
};

static struct scene *scene_new(void)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct world *w = world_new(1000);
	struct user_table *users = state_users(w->state);

	assert_non_null(s);
	s->w = w;
	user_table_add_user(
	    users, &(struct user){1000, 1000, STR("ann"), STR("/home/ann"), STR("/bin/bash")});
	user_table_add_group(users, &(struct group){1000, STR("staff")});

	s->init = task(1, 1, 0, 0, "systemd");
	SEND(w, "execve", &s->init, NUMBER("res", 0), TEXT("exe", "/sbin/init"));
	s->sshd = world_fork(w, &s->init, 20, 50);
	world_exec(w, &s->sshd, "/usr/sbin/sshd");
	s->bash = world_fork(w, &s->sshd, 30, 60);
	s->bash.sid = s->bash.pgid = s->bash.vsid = s->bash.vpgid = 30;
	s->bash.exec_id++;
	snprintf(s->bash.comm, sizeof(s->bash.comm), "bash");
	SEND(w, "execve", &s->bash, NUMBER("res", 0), TEXT("exe", "-bash"),
	     TEXT("trusted_exepath", "/usr/bin/bash"), BYTES("env", "A=of bash\0ONLY=here\0"));
	s->cat = world_fork(w, &s->bash, 40, 70);
	s->cat.sid = s->cat.vsid = 30;
	s->cat.pgid = s->cat.vpgid = 40;
	s->cat.vpid = 4;
	s->cat.vtid = 4;
	s->cat.vpgid = 4;
	s->cat.tty = 34816;
	s->cat.uid = 1000;
	s->cat.gid = 1000;
	s->cat.loginuid = 1000;
	s->cat.exec_id++;
	snprintf(s->cat.comm, sizeof(s->cat.comm), "cat");
	SEND(w, "execve", &s->cat, NUMBER("res", 0), TEXT("exe", "cat"),
	     BYTES("args", "-n\0my file\0\0"), BYTES("env", "A=1\0PATH=/bin\0EMPTY=\0"),
	     TEXT("cwd", "/home/ann"), TEXT("trusted_exepath", "/usr/bin/cat"),
	     BYTES("cgroups", "cpu=/docker/" DOCKER_ID "\0io=/docker/" DOCKER_ID "\0"),
	     NUMBER("flags", 1 | 4), NUMBER("cap_permitted", 0x3),
	     NUMBER("cap_effective", 0x1ffffffffff), NUMBER("exe_ino", 77),
	     NUMBER("exe_ino_ctime", 1069 * SECOND), NUMBER("exe_ino_mtime", 1000 * SECOND),
	     NUMBER("fdlimit", 1024), NUMBER("vm_size", 100), NUMBER("vm_rss", 50),
	     NUMBER("vm_swap", 2), NUMBER("pgft_maj", 3), NUMBER("pgft_min", 4));

	s->arena = arena_new();
	arena_fixed(&s->scratch, s->scratch_memory, sizeof(s->scratch_memory));
	s->ctx = (struct field_context){.event = &w->event,
					.state = w->state,
					.scratch = &s->scratch,
					.source = SOURCE_SYSCALL};
	return s;
}

static void scene_free(struct scene *s)
{
	arena_free(s->arena);
	world_free(s->w);
	free(s);
}

/* A value as text that shows its type: "text", 12, -1u, true, [a, b], <absent>. */
static void print_value(const struct value *v, struct buffer *out)
{
	if (v->is_list) {
		buffer_putc(out, '[');
		for (uint32_t i = 0; i < v->count; i++) {
			if (i)
				buffer_putc(out, '|');
			print_value(&v->list[i], out);
		}
		buffer_putc(out, ']');
		return;
	}
	switch (v->type) {
	case VALUE_STRING:
		buffer_put(out, v->str);
		break;
	case VALUE_I64:
		buffer_put_i64(out, v->i64);
		break;
	case VALUE_BOOL:
		buffer_put(out, v->u64 ? STR("true") : STR("false"));
		break;
	default:
		buffer_put_u64(out, v->u64);
		break;
	}
}

static void check_field(struct scene *s, const char *text, const char *want)
{
	static char memory[8192];
	struct buffer out = BUFFER(memory);
	struct field_use use;
	struct error err = {0};
	struct value v;

	arena_reset_to(&s->scratch, s->scratch_memory);
	if (field_resolve(str_from(text), 0, s->arena, &use, &err) < 0) {
		fprintf(stderr, "%s: %s\n", text, err.message);
		fail();
	}
	if (!field_extract(&s->ctx, &use, &v)) {
		buffer_put(&out, STR("<absent>"));
	} else {
		check_i64(v.type, use.field->type, text);
		print_value(&v, &out);
	}
	check_str(buffer_str(&out), want, text);
}

struct row {
	const char *field, *want;
};

static void check_rows(struct scene *s, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_field(s, rows[i].field, rows[i].want);
}

static void fields_tell_of_the_process(void **state)
{
	static const struct row rows[] = {
	    {"proc.name", "cat"},
	    {"proc.exe", "cat"},
	    {"proc.exepath", "/usr/bin/cat"},
	    {"proc.args", "-n my file "},
	    {"proc.args[0]", "-n"},
	    {"proc.args[1]", "my file"},
	    {"proc.args[2]", ""},
	    {"proc.args[9]", ""},
	    {"proc.cmdline", "cat -n my file "},
	    {"proc.exeline", "cat -n my file "},
	    {"proc.cmdnargs", "3"},
	    {"proc.cmdlenargs", "9"},
	    {"proc.env", "A=1 PATH=/bin EMPTY="},
	    {"proc.env[A]", "1"},
	    {"proc.env[PATH]", "/bin"},
	    {"proc.env[EMPTY]", ""},
	    {"proc.env[PAT]", ""},
	    {"proc.env[NONE]", ""},
	    {"proc.cwd", "/home/ann/"},
	    {"proc.tty", "34816"},
	    {"proc.pid", "40"},
	    {"proc.vpid", "4"},
	    {"proc.sid", "30"},
	    {"proc.pgid", "40"},
	    {"proc.vpgid", "4"},
	    {"proc.is_sid_leader", "false"},
	    {"proc.is_pgid_leader", "true"},
	    {"proc.is_vpgid_leader", "true"},
	    {"proc.is_exe_writable", "true"},
	    {"proc.is_exe_upper_layer", "false"},
	    {"proc.is_exe_lower_layer", "false"},
	    {"proc.is_exe_from_memfd", "true"},
	    {"proc.exe_ino", "77"},
	    {"proc.exe_ino.ctime", "1069000000000"},
	    {"proc.exe_ino.mtime", "1000000000000"},
	    {"proc.exe_ino.ctime_duration_proc_start", "1123456789"},
	    {"proc.exe_ino.ctime_duration_pidns_start", "67876543211"},
	    {"proc.pidns_init_start_ts", "1001123456789"},
	    {"proc.pid.ts", "1070123456789"},
	    {"proc.ppid.ts", "1060123456789"},
	    {"proc.loginshellid", "30"},
	    {"proc.fdlimit", "1024"},
	    {"proc.vmsize", "100"},
	    {"proc.vmrss", "50"},
	    {"proc.vmswap", "2"},
	    {"proc.nthreads", "1"},
	    {"proc.nchilds", "0"},
	    {"thread.pfmajor", "3"},
	    {"thread.pfminor", "4"},
	    {"thread.vmsize", "100"},
	    {"thread.vmrss", "50"},
	    {"thread.tid", "40"},
	    {"thread.vtid", "4"},
	    {"thread.ismain", "true"},
	    {"thread.exectime", "0"},
	    {"thread.totexectime", "0"},
	    {"thread.cap_permitted", "CAP_CHOWN CAP_DAC_OVERRIDE"},
	    {"thread.cap_inheritable", ""},
	    {"thread.cgroups", "cpu=/docker/" DOCKER_ID " blkio=/docker/" DOCKER_ID},
	    {"thread.cgroup[blkio]", "/docker/" DOCKER_ID},
	    {"thread.cgroup[mem]", "<absent>"},
	    {"container.id", "0123456789ab"},
	    {"container.full_id", DOCKER_ID},
	    {"container.type", "docker"},
	    {"user.uid", "1000"},
	    {"user.name", "ann"},
	    {"user.homedir", "/home/ann"},
	    {"user.shell", "/bin/bash"},
	    {"user.loginuid", "1000"},
	    {"user.loginname", "ann"},
	    {"group.gid", "1000"},
	    {"group.name", "staff"},
	};
	struct scene *s = scene_new();

	(void)state;
	check_rows(s, rows, sizeof(rows) / sizeof(rows[0]));
	scene_free(s);
}

static void fields_tell_of_relatives(void **state)
{
	static const struct row rows[] = {
	    {"proc.pname", "bash"},
	    {"proc.pexe", "-bash"},
	    {"proc.pexepath", "/usr/bin/bash"},
	    {"proc.pcmdline", "bash"},
	    {"proc.ppid", "30"},
	    {"proc.pvpid", "30"},
	    {"proc.aname[0]", "cat"},
	    {"proc.aname[1]", "bash"},
	    {"proc.aname[2]", "sshd"},
	    {"proc.aname[3]", "systemd"},
	    {"proc.aname[4]", "<absent>"},
	    {"proc.aname[99999999]", "<absent>"},
	    {"proc.aname", "[bash|sshd|systemd]"},
	    {"proc.aexe[3]", "/sbin/init"},
	    {"proc.aexe", "[-bash|/usr/sbin/sshd|/sbin/init]"},
	    {"proc.aexepath[2]", "/usr/sbin/sshd"},
	    {"proc.acmdline[2]", "sshd -a two words"},
	    {"proc.acmdline", "[bash|sshd -a two words|systemd]"},
	    {"proc.aargs[2]", "-a two words"},
	    {"proc.aargs", "-a two words "},
	    {"proc.apid[2]", "20"},
	    {"proc.apid", "[30|20|1]"},
	    {"proc.aenv[1]", "A=of bash ONLY=here"},
	    {"proc.aenv[A]", "of bash"},
	    {"proc.aenv[HOME]", "/root"},
	    {"proc.aenv[NONE]", ""},
	    {"proc.sname", "bash"},
	    {"proc.sid.exe", "-bash"},
	    {"proc.sid.exepath", "/usr/bin/bash"},
	    {"proc.pgid.name", "cat"},
	    {"proc.pgid.exe", "cat"},
	    {"proc.vpgid.exepath", "/usr/bin/cat"},
	};
	struct scene *s = scene_new();

	(void)state;
	check_rows(s, rows, sizeof(rows) / sizeof(rows[0]));
	scene_free(s);
}

static void durations_count_to_the_event(void **state)
{
	struct scene *s = scene_new();
	char want[32];

	(void)state;
	snprintf(want, sizeof(want), "%llu",
		 (unsigned long long)(s->w->event.time - 1070123456789));
	check_field(s, "proc.duration", want);
	snprintf(want, sizeof(want), "%llu",
		 (unsigned long long)(s->w->event.time - 1060123456789));
	check_field(s, "proc.ppid.duration", want);
	scene_free(s);
}

static void the_host_and_unknown_users_have_their_words(void **state)
{
	static const struct row rows[] = {
	    {"container.id", "host"},
	    {"container.full_id", "host"},
	    {"container.type", "host"},
	    {"user.uid", "0"},
	    {"user.name", "root"},
	    {"user.homedir", "/root"},
	    {"user.shell", "<NA>"},
	    {"user.loginuid", "-1"},
	    {"user.loginname", "<NA>"},
	    {"group.name", "root"},
	    {"proc.pname", "<absent>"},
	    {"proc.ppid", "<absent>"},
	    {"proc.aname", "<absent>"},
	    {"proc.sname", ""},
	    {"proc.args", ""},
	    {"proc.args[0]", ""},
	    {"proc.cmdline", "systemd"},
	    {"proc.exeline", "/sbin/init "},
	    {"proc.cmdnargs", "0"},
	    {"proc.loginshellid", "<absent>"},
	    {"proc.exe_ino", "<absent>"},
	};
	struct scene *s = scene_new();
	struct task_facts f = s->init;

	(void)state;
	world_touch(s->w, &f);
	check_rows(s, rows, sizeof(rows) / sizeof(rows[0]));
	f.uid = f.gid = 4242;
	world_touch(s->w, &f);
	check_field(s, "user.name", "<NA>");
	check_field(s, "user.homedir", "<NA>");
	check_field(s, "user.shell", "<NA>");
	check_field(s, "group.name", "<NA>");
	scene_free(s);
}

static void threads_have_names_of_their_own(void **state)
{
	struct scene *s = scene_new();
	struct task_facts thread = s->cat;

	(void)state;
	thread.tid = thread.vtid = 41;
	memset(thread.comm, 0, sizeof(thread.comm));
	snprintf(thread.comm, sizeof(thread.comm), "worker");
	SEND(s->w, "clone3", &thread, NUMBER("res", 0), NUMBER("tid", 41));
	check_field(s, "proc.name", "worker");
	check_field(s, "proc.aname[0]", "cat");
	check_field(s, "proc.nthreads", "2");
	check_field(s, "proc.nchilds", "1");
	check_field(s, "thread.tid", "41");
	check_field(s, "thread.ismain", "false");
	check_field(s, "thread.vmsize", "0");
	world_exit(s->w, &thread);
	check_field(s, "proc.nthreads", "1");
	world_exit(s->w, &s->cat);
	check_field(s, "proc.nthreads", "0");
	check_field(s, "proc.name", "cat");
	scene_free(s);
}

static void a_dead_sessions_leader_is_its_eldest_heir(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	struct task_facts child = world_fork(s->w, &s->cat, 50, 80);
	child.sid = 30;
	child.pgid = 40;
	world_exit(s->w, &s->bash);
	s->cat.ppid = 1;
	s->cat.parent_start_time = s->init.start_time;
	world_touch(s->w, &s->cat);
	check_field(s, "proc.sname", "");
	check_field(s, "proc.pname", "systemd");
	world_touch(s->w, &child);
	check_field(s, "proc.sname", "cat");
	scene_free(s);
}

static void events_of_nobody_have_no_process(void **state)
{
	static const struct row rows[] = {
	    {"proc.name", "<absent>"},   {"proc.pname", "<absent>"}, {"proc.aname", "<absent>"},
	    {"user.uid", "<absent>"},    {"group.gid", "<absent>"},  {"container.id", "<absent>"},
	    {"thread.vtid", "<absent>"}, {"thread.exectime", "0"},
	};
	struct scene *s = scene_new();

	(void)state;
	SEND(s->w, "drop", NULL, NUMBER("ratio", 1));
	check_rows(s, rows, sizeof(rows) / sizeof(rows[0]));
	scene_free(s);
}

/* Of captures, where all that an event tells is a thread's id. */
static void threads_that_were_never_heard_of_are_not_available(void **state)
{
	static const struct row rows[] = {
	    {"proc.name", "<NA>"},      {"proc.exe", "<NA>"},
	    {"proc.pname", "<absent>"}, {"proc.pid", "-1"},
	    {"proc.vpid", "<absent>"},  {"thread.vtid", "<absent>"},
	    {"thread.ismain", "false"}, {"proc.cwd", "./"},
	    {"user.uid", "4294967295"}, {"user.name", "<NA>"},
	    {"proc.nthreads", "0"},     {"proc.fdlimit", "0"},
	    {"proc.sname", ""},         {"proc.is_sid_leader", "true"},
	    {"proc.aname", "<absent>"}, {"proc.fdopencount", "0"},
	};
	struct scene *s = scene_new();

	(void)state;
	SEND(s->w, "close", NULL, NUMBER("res", 0), NUMBER("fd", 1));
	check_rows(s, rows, sizeof(rows) / sizeof(rows[0]));
	scene_free(s);
}

static void full_scratch_memory_is_an_absent_value(void **state)
{
	struct scene *s = scene_new();

	(void)state;
	arena_fixed(&s->scratch, s->scratch_memory, 4);
	s->scratch.end = s->scratch_memory + 4;
	check_field(s, "proc.cmdline", "<absent>");
	check_field(s, "thread.cap_effective", "<absent>");
	check_field(s, "proc.aname", "<absent>");
	check_field(s, "proc.name", "cat");
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_tell_of_the_process),
	    cmocka_unit_test(fields_tell_of_relatives),
	    cmocka_unit_test(durations_count_to_the_event),
	    cmocka_unit_test(the_host_and_unknown_users_have_their_words),
	    cmocka_unit_test(threads_have_names_of_their_own),
	    cmocka_unit_test(a_dead_sessions_leader_is_its_eldest_heir),
	    cmocka_unit_test(events_of_nobody_have_no_process),
	    cmocka_unit_test(threads_that_were_never_heard_of_are_not_available),
	    cmocka_unit_test(full_scratch_memory_is_an_absent_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

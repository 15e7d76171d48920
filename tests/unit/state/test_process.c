/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

static void exec_replaces_the_program(void **state)
{
	struct world *w = world_new(100);
	struct task_facts f = task(10, 100, 1, 1, "sh");

	(void)state;
	struct event *e = world_exec(w, &f, "/usr/bin/cat");
	assert_non_null(e->process);
	check_str(process_name(e->process), "cat", "comm");
	check_str(e->process->program->exe, "/usr/bin/cat", "exe");
	check_str(e->process->program->exepath, "/usr/bin/cat", "exepath");
	check_i64(e->process->program->args.n, sizeof("-a\0two words"), "args");
	check_str(e->process->cwd, "/tmp/", "cwd");
	check_i64(e->process->program->exe_flags, 1, "flags");
	check_i64(e->process->program->exe_ino, 77, "ino");
	check_i64(e->process->clone_time, 1100 * SECOND + 123456789, "clone time");
	check_i64(e->process->exec_time, e->time, "exec time");
	assert_false(e->process->is_partial);
	assert_null(e->process->container);

	uint64_t generation = e->process->scope_generation;
	e = world_touch(w, &f);
	check_i64(e->process->scope_generation, generation, "nothing changed");
	e = world_exec(w, &f, "/bin/id");
	check_str(e->process->program->exe, "/bin/id", "second exec");
	assert_true(e->process->scope_generation != generation);
	world_free(w);
}

static void a_failed_exec_changes_nothing(void **state)
{
	struct world *w = world_new(100);
	struct task_facts f = task(10, 100, 1, 1, "sh");

	(void)state;
	world_exec(w, &f, "/bin/sh");
	struct event *e = SEND(w, "execve", &f, NUMBER("res", -2), TEXT("exe", "/bin/none"));
	check_str(e->process->program->exe, "/bin/sh", "exe");
	world_free(w);
}

static void fork_shares_the_program_until_exec(void **state)
{
	struct world *w = world_new(100);
	struct task_facts parent = task(10, 100, 1, 1, "sh");

	(void)state;
	struct process *p = world_exec(w, &parent, "/bin/sh")->process;
	struct task_facts child = world_fork(w, &parent, 11, 101);
	struct process *c = w->event.process;
	assert_ptr_equal(c->program, p->program);
	check_i64(p->program->references, 2, "shared");
	check_str(c->cwd, "/tmp/", "cwd");
	check_i64(p->child_count, 1, "children");
	assert_ptr_equal(process_parent(state_processes(w->state), c), p);

	world_exec(w, &child, "/bin/ls");
	check_i64(p->program->references, 1, "no longer shared");
	check_str(p->program->exe, "/bin/sh", "the parent's is unchanged");
	check_str(c->program->exe, "/bin/ls", "the child's");
	/* The parent's side of the call answers the child's pid. */
	struct event *e = SEND(w, "clone", &parent, NUMBER("res", 11));
	assert_ptr_equal(e->process, p);
	check_i64(state_counters(w->state).threads, 2, "threads");
	world_free(w);
}

static void an_exited_process_stays_for_the_event_and_for_its_children(void **state)
{
	struct world *w = world_new(100);
	struct process_table *t = state_processes(w->state);
	struct task_facts a = task(10, 100, 0, 0, "a");

	(void)state;
	world_exec(w, &a, "/bin/a");
	struct task_facts b = world_fork(w, &a, 11, 101);
	world_exec(w, &b, "/bin/b");
	struct task_facts c = world_fork(w, &b, 12, 102);
	world_exec(w, &c, "/bin/c");

	struct event *e = world_exit(w, &b);
	check_str(process_name(e->process), "b", "readable with its last event");
	e = world_touch(w, &c);
	check_str(process_name(process_ancestor(t, e->process, 1)), "b", "kept for its child");
	check_str(process_name(process_ancestor(t, e->process, 2)), "a", "and its parent");
	assert_null(process_ancestor(t, e->process, 3));
	assert_true(process_find(t, 11, b.start_time)->is_exited);
	check_i64(state_counters(w->state).processes, 3, "processes");
	check_i64(state_counters(w->state).threads, 2, "threads");

	world_exit(w, &c);
	world_touch(w, &a);
	assert_null(process_find(t, 12, 0));
	assert_null(process_find(t, 11, 0));
	check_i64(state_counters(w->state).processes, 1, "all freed");
	world_free(w);
}

static void a_record_after_the_exit_brings_nothing_back(void **state)
{
	struct world *w = world_new(100);
	struct task_facts f = task(10, 100, 0, 0, "a");

	(void)state;
	world_exec(w, &f, "/bin/a");
	world_exit(w, &f);
	struct event *e = world_touch(w, &f);
	check_str(process_name(e->process), "a", "by the record's facts");
	check_i64(state_counters(w->state).threads, 0, "threads");
	check_i64(state_counters(w->state).table_full, 0, "not for want of room");
	world_free(w);
}

static void a_reused_pid_is_another_process(void **state)
{
	struct world *w = world_new(100);
	struct process_table *t = state_processes(w->state);
	struct task_facts old = task(10, 100, 0, 0, "old");

	(void)state;
	world_exec(w, &old, "/bin/old");
	struct task_facts child = world_fork(w, &old, 11, 101);
	/* The exit of `old` is lost; its pid comes back. */
	struct task_facts new = task(10, 200, 0, 0, "new");
	struct event *e = world_exec(w, &new, "/bin/new");
	check_str(process_name(e->process), "new", "new");
	e = world_touch(w, &child);
	check_str(process_name(process_parent(t, e->process)), "old", "not the pid's new owner");
	check_str(process_name(process_find(t, 10, 0)), "new", "who has the pid now");
	check_str(process_name(process_find(t, 10, old.start_time)), "old", "by start time");
	world_exit(w, &child);
	world_touch(w, &new);
	assert_null(process_find(t, 10, old.start_time));
	check_i64(state_counters(w->state).processes, 1, "freed");
	world_free(w);
}

static void a_lost_exec_is_not_told_as_the_old_program(void **state)
{
	struct world *w = world_new(100);
	struct task_facts f = task(10, 100, 0, 0, "sh");

	(void)state;
	world_exec(w, &f, "/bin/sh");
	f.exec_id++;
	snprintf(f.comm, sizeof(f.comm), "evil");
	struct event *e = world_touch(w, &f);
	check_str(process_name(e->process), "evil", "name");
	check_str(e->process->program->exe, "", "exe is not known");
	assert_true(e->process->is_partial);
	check_i64(state_counters(w->state).healed, 1, "healed");
	world_touch(w, &f);
	check_i64(state_counters(w->state).healed, 1, "once");

	/* A late record from before the exec does not bring the old name back. */
	struct task_facts late = f;
	late.exec_id--;
	snprintf(late.comm, sizeof(late.comm), "sh");
	e = world_touch(w, &late);
	check_str(process_name(e->process), "evil", "late record");
	world_free(w);
}

static void a_lost_fork_is_healed_from_the_parent(void **state)
{
	struct world *w = world_new(100);
	struct process_table *t = state_processes(w->state);
	struct task_facts parent = task(10, 100, 0, 0, "sh");

	(void)state;
	world_exec(w, &parent, "/bin/sh");
	struct task_facts child = task(11, 101, 10, 100, "sh");
	child.exec_id = parent.exec_id;
	struct event *e = world_touch(w, &child);
	check_str(e->process->program->exe, "/bin/sh", "inherited");
	check_str(process_name(process_parent(t, e->process)), "sh", "parent");

	struct task_facts other = task(12, 101, 10, 100, "ls");
	other.exec_id = parent.exec_id + 1;
	e = world_touch(w, &other);
	check_str(e->process->program->exe, "", "forked and executed: not known");
	check_str(process_name(e->process), "ls", "name");
	world_free(w);
}

static void reparenting_follows_the_kernel(void **state)
{
	struct world *w = world_new(100);
	struct process_table *t = state_processes(w->state);
	struct task_facts init = task(1, 1, 0, 0, "init");

	(void)state;
	world_exec(w, &init, "/sbin/init");
	struct task_facts a = world_fork(w, &init, 10, 100);
	world_exec(w, &a, "/bin/a");
	struct task_facts b = world_fork(w, &a, 11, 101);
	world_exec(w, &b, "/bin/b");
	struct task_facts c = world_fork(w, &b, 12, 102);
	world_exec(w, &c, "/bin/c");

	/* By a record of the child ... */
	world_exit(w, &a);
	struct event *e = world_touch(w, &c);
	uint64_t generation = e->process->scope_generation;
	b.ppid = 1;
	b.parent_start_time = init.start_time;
	e = world_touch(w, &b);
	check_str(process_name(process_parent(t, e->process)), "init", "new parent");
	assert_null(process_find(t, 10, 0));
	e = world_touch(w, &c);
	assert_true(e->process->scope_generation != generation);

	/* ... or by the exit that names the reaper. */
	SEND(w, "procexit", &b, NUMBER("reaper_tid", 1));
	struct process *p = process_find(t, 12, 0);
	check_str(process_name(process_parent(t, p)), "init", "reaper");
	world_touch(w, &init);
	assert_null(process_find(t, 11, 0));
	world_free(w);
}

static void threads_belong_to_their_process(void **state)
{
	struct world *w = world_new(100);
	struct task_facts f = task(10, 100, 0, 0, "main");

	(void)state;
	world_exec(w, &f, "/bin/main");
	struct task_facts thread = f;
	thread.tid = thread.vtid = 15;
	snprintf(thread.comm, sizeof(thread.comm), "worker");
	struct event *e = SEND(w, "clone3", &thread, NUMBER("res", 0), NUMBER("tid", 15));
	check_i64(e->thread->tid, 15, "tid");
	check_i64(e->process->facts.pid, 10, "pid");
	check_i64(e->process->thread_count, 2, "threads");
	check_str(str_from(e->thread->comm), "worker", "the thread's name");
	check_str(process_name(e->process), "main", "the process' name");

	/* The main thread may end first. */
	world_exit(w, &f);
	e = world_touch(w, &thread);
	check_i64(e->process->thread_count, 1, "one left");
	assert_false(e->process->is_exited);

	/* Exec by another thread: it becomes the main one. */
	struct task_facts after = f;
	after.exec_id++;
	e = world_exec(w, &after, "/bin/next");
	check_i64(e->thread->tid, 10, "tid after exec");
	check_i64(e->process->thread_count, 1, "threads after exec");
	assert_null(thread_find(state_processes(w->state), 15));
	world_exit(w, &after);
	struct task_facts other = task(20, 300, 0, 0, "x");
	world_touch(w, &other);
	check_i64(state_counters(w->state).processes, 1, "only the other");
	world_free(w);
}

/* The list of what runs at the start has an entry for each thread, but one program for all. */
static void threads_that_are_listed_take_no_program_away(void **state)
{
	struct world *w = world_new(64);
	struct task_facts f = task(100, 10, 1, 1, "java"), thread;
	struct event *e;

	(void)state;
	f.exec_id--;
	w->flags = RECORD_STATE_ONLY;
	world_exec(w, &f, "/usr/bin/java");
	thread = f;
	thread.tid = thread.vtid = 101;
	w->flags = RECORD_STATE_ONLY;
	SEND(w, "execve", &thread, NUMBER("res", 0));
	e = world_touch(w, &thread);
	check_str(e->process->program->exepath, "/usr/bin/java", "exepath");
	check_str(e->process->program->exe, "/usr/bin/java", "exe");
	check_i64(e->process->facts.pid, 100, "pid");
	world_free(w);
}

static void ancestors_are_found_however_many(void **state)
{
	enum { DEPTH = 300 };
	struct world *w = world_new(1000);
	struct process_table *t = state_processes(w->state);
	struct task_facts f = task(1, 1, 0, 0, "p0");

	(void)state;
	world_exec(w, &f, "/bin/p0");
	for (int i = 1; i <= DEPTH; i++) {
		char path[32];
		struct task_facts parent = f;

		f = world_fork(w, &f, 1 + i, (uint64_t)(1 + i));
		snprintf(path, sizeof(path), "/bin/p%d", i);
		world_exec(w, &f, path);
		if (i % 2)
			world_exit(w, &parent);
	}
	struct event *e = world_touch(w, &f);
	for (unsigned i = 0; i <= DEPTH; i++) {
		char want[16];
		struct process *p = process_ancestor(t, e->process, i);

		snprintf(want, sizeof(want), "p%u", DEPTH - i);
		assert_non_null(p);
		check_str(process_name(p), want, "ancestor");
	}
	assert_null(process_ancestor(t, e->process, DEPTH + 1));
	assert_null(process_ancestor(t, e->process, UINT32_MAX));
	world_free(w);
}

static void damaged_families_make_no_circles(void **state)
{
	struct world *w = world_new(100);
	struct process_table *t = state_processes(w->state);
	struct task_facts a = task(10, 100, 11, 101, "a");
	struct task_facts b = task(11, 101, 10, 100, "b");
	struct task_facts self = task(12, 102, 12, 102, "self");

	(void)state;
	world_touch(w, &a);
	world_touch(w, &b);
	world_touch(w, &a);
	world_touch(w, &self);
	for (unsigned n = 0; n < 2000; n += 100)
		process_ancestor(t, process_find(t, 10, 0), n);
	assert_null(process_parent(t, process_find(t, 12, 0)));
	world_exit(w, &a);
	world_exit(w, &b);
	world_exit(w, &self);
	struct task_facts other = task(20, 300, 0, 0, "x");
	world_touch(w, &other);
	check_i64(state_counters(w->state).processes, 1, "all freed");
	world_free(w);
}

static void changes_of_directory_are_followed(void **state)
{
	struct world *w = world_new(100);
	struct task_facts f = task(10, 100, 0, 0, "sh");
	const struct note note[] = {{ANNEX_CWD, ANNEX_OF_TASK, "/var/lib", 8}};

	(void)state;
	world_exec(w, &f, "/bin/sh");
	struct event *e = SEND(w, "chdir", &f, NUMBER("res", 0), TEXT("path", "a/../b"));
	check_str(e->process->cwd, "/tmp/b/", "relative");
	e = SEND(w, "chdir", &f, NUMBER("res", -2), TEXT("path", "/none"));
	check_str(e->process->cwd, "/tmp/b/", "failed");
	e = SEND(w, "chdir", &f, NUMBER("res", 0), TEXT("path", "/"));
	check_str(e->process->cwd, "/", "root");
	struct task_facts child = world_fork(w, &f, 11, 101);
	SEND(w, "chdir", &f, NUMBER("res", 0), TEXT("path", "/etc"));
	e = world_touch(w, &child);
	check_str(e->process->cwd, "/", "the child's own");
	e = SEND_NOTED(w, "chdir", &f, note, NUMBER("res", 0), TEXT("path", "link"));
	check_str(e->process->cwd, "/var/lib/", "the kernel's word");
	world_free(w);
}

static void a_child_goes_on_with_the_program_of_who_made_it(void **state)
{
	struct world *w = world_new(100);
	struct task_facts server = task(10, 100, 0, 0, "server");
	struct task_facts liar = task(11, 101, 10, 100, "liar");
	struct task_facts child = task(12, 102, 10, 100, "liar");
	const struct annex_creator creator = {.pid = 11, .start_time = liar.start_time};
	const struct annex_creator gone = {.pid = 99, .start_time = liar.start_time};
	const struct note made_by[] = {{ANNEX_CREATOR, ANNEX_OF_TASK, &creator, sizeof(creator)}};
	const struct note by_unknown[] = {{ANNEX_CREATOR, ANNEX_OF_TASK, &gone, sizeof(gone)}};

	(void)state;
	world_exec(w, &server, "/usr/sbin/server");
	world_exec(w, &liar, "/tmp/liar");
	child.exec_id = liar.exec_id;
	struct event *e = SEND_NOTED(w, "clone", &child, made_by, NUMBER("res", 0),
				     TEXT("exe", "/usr/sbin/server"));
	check_str(e->process->program->exepath, "/tmp/liar", "of who made it");
	child = task(13, 103, 10, 100, "liar");
	e = SEND_NOTED(w, "clone", &child, by_unknown, NUMBER("res", 0),
		       TEXT("exe", "/usr/sbin/server"));
	check_str(e->process->program->exepath, "", "nobody knows");
	child = task(14, 104, 11, 101, "liar");
	child.exec_id = liar.exec_id;
	e = SEND(w, "clone", &child, NUMBER("res", 0), TEXT("exe", "overwritten"));
	check_str(e->process->program->exepath, "/tmp/liar", "whatever the arguments are by now");
	world_free(w);
}

static void containers_come_with_cgroups(void **state)
{
#define DOCKER "/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	struct world *w = world_new(100);
	struct task_facts f = task(10, 100, 0, 0, "runc");
	const struct note note[] = {{ANNEX_CGROUPS, ANNEX_OF_TASK, "cpu=" DOCKER "\0memory=" DOCKER,
				     2 * sizeof(DOCKER) + 11}};

	(void)state;
	f.cgroup_id = 1;
	struct event *e = world_exec(w, &f, "/usr/bin/runc");
	assert_null(e->process->container);
	f.cgroup_id = 99;
	e = SEND_NOTED(w, "close", &f, note, NUMBER("res", 0), NUMBER("fd", 3));
	assert_non_null(e->process->container);
	check_str(e->process->container->id, "0123456789ab", "moved into the container");
	struct task_facts child = world_fork(w, &f, 11, 101);
	e = world_touch(w, &child);
	check_str(e->process->container->id, "0123456789ab", "inherited");
	world_exit(w, &f);
	e = SEND(w, "execve", &child, NUMBER("res", 0), TEXT("exe", "/bin/sh"),
		 BYTES("cgroups", "cpu=/\0memory=/\0"));
	assert_null(e->process->container);
	world_free(w);
}

static void a_full_table_judges_by_the_record(void **state)
{
	struct world *w = world_new(2);
	struct task_facts a = task(10, 100, 0, 0, "a");
	struct task_facts b = task(11, 100, 10, 100, "b");
	struct task_facts c = task(12, 100, 10, 100, "c");

	(void)state;
	world_exec(w, &a, "/bin/a");
	world_exec(w, &b, "/bin/b");
	for (int i = 0; i < 3; i++) {
		struct event *e = world_exec(w, &c, "/bin/c");

		check_str(process_name(e->process), "c", "name");
		check_i64(e->process->facts.pid, 12, "pid");
		check_str(process_name(process_parent(state_processes(w->state), e->process)), "a",
			  "parent");
	}
	check_i64(state_counters(w->state).table_full, 3, "counted");
	check_i64(state_counters(w->state).threads, 2, "threads");
	world_exit(w, &b);
	struct event *e = world_exec(w, &c, "/bin/c");
	check_str(e->process->program->exe, "/bin/c", "room again");
	world_free(w);
}

/* Forks, execs and exits at random: whatever happens, nothing stays behind. */
static void nothing_leaks_in_a_long_run(void **state)
{
	enum { STEPS = 20000, PROCESSES = 64 };
	struct world *w = world_new(PROCESSES / 2);
	static struct task_facts known[PROCESSES];
	unsigned seed = 7;
	int32_t pid = 100;

	(void)state;
	for (int i = 0; i < PROCESSES; i++)
		known[i] = task(pid++, 1, 0, 0, "first");
	for (int step = 0; step < STEPS; step++) {
		struct task_facts *f = &known[rand_r(&seed) % PROCESSES];
		struct task_facts *other = &known[rand_r(&seed) % PROCESSES];

		switch (rand_r(&seed) % 6) {
		case 0:
			world_exec(w, f, rand_r(&seed) % 2 ? "/bin/one" : "/usr/bin/another");
			break;
		case 1:
			world_exit(w, f);
			*f = world_fork(w, other, 100 + (int32_t)(rand_r(&seed) % 200),
					(uint64_t)step);
			break;
		case 2:
			f->tid = f->tid == f->pid ? (int32_t)(5000000 + rand_r(&seed) % 9) : f->pid;
			world_touch(w, f);
			break;
		case 3: /* lost exec */
			f->exec_id++;
			world_touch(w, f);
			break;
		case 4: /* lost exit and fork */
			*f = task(100 + (int32_t)(rand_r(&seed) % 200), (uint64_t)step, other->pid,
				  0, "lost");
			f->parent_start_time = other->start_time;
			world_touch(w, f);
			break;
		default:
			f->ppid = other->pid;
			f->parent_start_time = other->start_time;
			world_touch(w, f);
			break;
		}
		assert_non_null(w->event.process);
		assert_non_null(w->event.process->program);
		process_ancestor(state_processes(w->state), w->event.process, 50);
	}
	assert_true(state_counters(w->state).threads <= PROCESSES / 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exec_replaces_the_program),
	    cmocka_unit_test(a_failed_exec_changes_nothing),
	    cmocka_unit_test(fork_shares_the_program_until_exec),
	    cmocka_unit_test(an_exited_process_stays_for_the_event_and_for_its_children),
	    cmocka_unit_test(a_record_after_the_exit_brings_nothing_back),
	    cmocka_unit_test(a_reused_pid_is_another_process),
	    cmocka_unit_test(a_lost_exec_is_not_told_as_the_old_program),
	    cmocka_unit_test(a_lost_fork_is_healed_from_the_parent),
	    cmocka_unit_test(reparenting_follows_the_kernel),
	    cmocka_unit_test(threads_belong_to_their_process),
	    cmocka_unit_test(threads_that_are_listed_take_no_program_away),
	    cmocka_unit_test(ancestors_are_found_however_many),
	    cmocka_unit_test(damaged_families_make_no_circles),
	    cmocka_unit_test(changes_of_directory_are_followed),
	    cmocka_unit_test(a_child_goes_on_with_the_program_of_who_made_it),
	    cmocka_unit_test(containers_come_with_cgroups),
	    cmocka_unit_test(a_full_table_judges_by_the_record),
	    cmocka_unit_test(nothing_leaks_in_a_long_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

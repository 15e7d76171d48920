/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells of real processes: this one and a child of it. */
#include "../unit.h"
#include "state/state.h"
#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct state *live(void)
{
	struct error err;
	struct state *s =
	    state_new(&(struct state_options){.is_live = true, .max_threads = 100000}, &err);

	assert_non_null(s);
	return s;
}

/* A child that says when it is ready and waits to be killed. */
static pid_t start_child(const char *name)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void stop_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_scan_finds_all_processes_and_their_families(void **state)
{
	struct state *s = live();
	struct error err;
	pid_t child = start_child("odd ) name");

	(void)state;
	check_i64(state_scan_proc(s, &err), 0, "scan");

	struct process *p = process_find(state_processes(s), child, 0);
	assert_non_null(p);
	check_str(process_name(p), "odd ) name", "comm");
	check_i64(p->facts.ppid, getpid(), "ppid");
	check_i64(p->facts.uid, geteuid(), "uid");
	check_i64(p->facts.ruid, getuid(), "ruid");
	check_i64(p->facts.gid, getegid(), "gid");
	check_i64(p->facts.sid, getsid(0), "sid");
	check_i64(p->facts.pgid, getpgid(0), "pgid");
	check_i64(p->thread_count, 1, "threads");
	assert_true(p->cgroups.n > 0);
	assert_true(p->fdlimit > 0);
	assert_true(p->clone_time > 0);
	struct process *parent = process_parent(state_processes(s), p);
	assert_non_null(parent);
	check_i64(parent->facts.pid, getpid(), "parent");
	check_str(path_basename(p->program->exepath), "test_live", "exepath");
	assert_true(p->program->exe_ino > 0 && p->program->exe_ctime > 0);
	assert_true(p->program->env.n > 0);

	char cwd[4096];
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	check_str(str_slice(p->cwd, 0, p->cwd.n - 1), cwd, "cwd");

	/* Nothing is read twice. */
	uint64_t before = state_counters(s).threads;
	check_i64(state_scan_proc(s, &err), 0, "second scan");
	assert_true(process_find(state_processes(s), child, 0) == p);
	stop_child(child);
	assert_true(state_counters(s).threads < before + 100);
	state_free(s);
}

/* The start time as a record has it: ns, of which /proc knows but the ticks. */
static struct task_facts facts_of(struct state *s, pid_t pid)
{
	struct task_facts f = process_find(state_processes(s), pid, 0)->facts;

	f.start_time += 1234567;
	f.exec_id = 5;
	return f;
}

static void the_first_record_makes_scanned_times_exact(void **state)
{
	struct world *w = world_new(1000);
	struct error err;
	pid_t child = start_child("child");

	(void)state;
	state_free(w->state);
	w->state = live();
	check_i64(state_scan_proc(w->state, &err), 0, "scan");
	struct process *p = process_find(state_processes(w->state), child, 0);
	struct task_facts f = facts_of(w->state, child);
	struct event *e = world_touch(w, &f);
	assert_ptr_equal(e->process, p);
	check_i64(p->facts.start_time, f.start_time, "exact");
	check_i64(state_counters(w->state).proc_lookups, 0, "no lookup");
	/* From now on the tick alone is not enough: this is another process. */
	uint64_t added = state_counters(w->state).added;
	world_touch(w, &f);
	check_i64(state_counters(w->state).added, added, "the same");
	f.start_time += 1;
	world_touch(w, &f);
	check_i64(state_counters(w->state).added, added + 1, "another");
	world_free(w);
	stop_child(child);
}

static void who_has_ended_is_forgotten_when_its_events_have_come(void **state)
{
	struct world *w = world_new(1000);
	struct error err;
	pid_t child = start_child("child"), other = start_child("other");

	(void)state;
	state_free(w->state);
	w->state = live();
	check_i64(state_scan_proc(w->state, &err), 0, "scan");
	struct task_facts f = facts_of(w->state, child), g = facts_of(w->state, other);
	stop_child(child);

	/* It ended long ago, but what it did before is still on its way. */
	uint64_t seen_at = w->time + 10 * SECOND;
	for (int i = 0; i < 3; i++) {
		state_sweep(w->state, 100000, seen_at + (uint64_t)i * SECOND);
		check_str(path_basename(world_touch(w, &f)->process->program->exepath), "test_live",
			  "exepath");
		assert_non_null(process_find(state_processes(w->state), other, 0));
	}
	check_i64(state_counters(w->state).proc_lookups, 0, "lookups");
	w->time = seen_at;
	world_touch(w, &g);
	state_sweep(w->state, 100000, seen_at + 10 * SECOND);
	assert_null(process_find(state_processes(w->state), child, 0));
	assert_non_null(process_find(state_processes(w->state), other, 0));
	world_free(w);
	stop_child(other);
}

static void unknown_processes_are_looked_up_once(void **state)
{
	struct world *w = world_new(1000);
	struct state *scanned = live();
	struct error err;
	pid_t child = start_child("child");

	(void)state;
	state_scan_proc(scanned, &err);
	state_free(w->state);
	w->state = live();
	struct task_facts f = facts_of(scanned, child);
	for (int i = 0; i < 3; i++) {
		struct event *e = world_touch(w, &f);

		check_str(path_basename(e->process->program->exepath), "test_live", "exepath");
		assert_false(e->process->is_partial);
	}
	check_i64(state_counters(w->state).proc_lookups, 1, "lookups");

	/* An exec that was lost: once again. */
	f.exec_id++;
	for (int i = 0; i < 3; i++)
		world_touch(w, &f);
	check_i64(state_counters(w->state).proc_lookups, 2, "lookups after exec");

	/* Who started at another time is another process: nothing of /proc's is taken for it. */
	f.start_time += 100 * SECOND;
	for (int i = 0; i < 3; i++) {
		struct event *e = world_touch(w, &f);

		check_str(e->process->program->exepath, "", "exepath of a reused pid");
		assert_true(e->process->is_partial);
	}
	check_i64(state_counters(w->state).proc_lookups, 3, "lookups of a reused pid");
	state_free(scanned);
	world_free(w);
	stop_child(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_scan_finds_all_processes_and_their_families),
	    cmocka_unit_test(the_first_record_makes_scanned_times_exact),
	    cmocka_unit_test(who_has_ended_is_forgotten_when_its_events_have_come),
	    cmocka_unit_test(unknown_processes_are_looked_up_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

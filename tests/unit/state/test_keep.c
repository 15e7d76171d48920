/* SPDX-License-Identifier: Apache-2.0 */
/* Events that are kept tell of their own time, whatever becomes of who did them. */
#include "state/keep.h"
#include "world.h"

static void a_kept_event_stays_as_it_was(void **state)
{
	struct world *w = world_new(100);
	struct task_facts parent = task(10, 5, 1, 0, "parent"), child;
	struct kept_event *kept;
	struct event *e;
	struct str text;
	void *memory;
	size_t size;

	(void)state;
	world_exec(w, &parent, "/bin/parent");
	child = world_fork(w, &parent, 20, 6);
	world_exec(w, &child, "/bin/child");
	e = SEND(w, "openat", &child, NUMBER("fd", 3), NUMBER("dirfd", -100),
		 TEXT("name", "/etc/shadow"), NUMBER("flags", 1));
	size = state_keep_size(w->state, e);
	memory = aligned_alloc(16, size);
	kept = state_keep(w->state, e, memory);
	check_i64(kept->bytes, size, "size");

	/* All of it changes, and goes. */
	world_exec(w, &child, "/bin/other");
	world_exec(w, &parent, "/bin/another");
	world_exit(w, &child);
	world_exit(w, &parent);
	world_touch(w, &(struct task_facts){.pid = 99, .tid = 99, .start_time = 1});
	memset(w->memory, 0xee, sizeof(w->memory));

	check_str(process_name(kept->event.process), "child", "name");
	check_str(kept->event.process->program->exepath, "/bin/child", "exepath");
	check_str(kept->event.process->cwd, "/tmp/", "cwd");
	assert_ptr_equal(kept->event.thread->process, kept->event.process);
	check_str(process_name(process_parent(state_processes(w->state), kept->event.process)),
		  "parent", "parent");
	check_str(kept->event.fd.path, "/etc/shadow", "fd");
	assert_true(event_param_str(&kept->event, 2, &text));
	check_str(text, "/etc/shadow", "name");
	state_release_kept(w->state, kept);
	free(memory);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_kept_event_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "state/discover.h"
#include "state/proc.h"
#include "state/snapshot.h"

#include <stdlib.h>

struct thread *state_add_thread(struct state *s, struct process *p, int32_t tid)
{
	struct thread *th = thread_find(s->processes, tid);

	if (th && th->process == p)
		return th;
	th = thread_add(s->processes, p, tid);
	if (th) {
		s->counters.added++;
		memcpy(th->comm, p->facts.comm, sizeof(p->facts.comm));
	}
	return th;
}

void state_know_pidns(struct state *s, struct process *p)
{
	if (!p->facts.pidns)
		return;
	if (p->facts.vpid == 1 && p->clone_time)
		u64map_put(&s->pidns_starts, p->facts.pidns, (void *)(uintptr_t)p->clone_time);
	p->pidns_start_time = (uintptr_t)u64map_get(&s->pidns_starts, p->facts.pidns);
}

struct process *state_add_process(struct state *s, const struct task_facts *f)
{
	struct process *p = process_add(s->processes, f);

	if (!p)
		return NULL;
	p->clone_time = f->start_time ? f->start_time + s->boot_time : 0;
	p->thread_count = 0;
	state_know_pidns(s, p);
	return p;
}

struct program *state_make_program(struct state *s, const struct program_strings *strings,
				   bool args_cut, bool env_cut)
{
	struct program *program = program_new(s->processes, strings);

	program->args_cut = args_cut;
	program->env_cut = env_cut;
	s->counters.args_cut += args_cut;
	return program;
}

void state_take_proc(struct state *s, struct process *p, const struct proc_process *read)
{
	struct program *program =
	    state_make_program(s, &read->strings, read->args_cut, read->env_cut);

	program->exe_ino = read->exe_ino;
	program->exe_ctime = read->exe_ctime;
	program->exe_mtime = read->exe_mtime;
	program->exe_dev = read->exe_dev;
	program->exe_flags = read->exe_flags;
	program->exe_ctime_age = program_ctime_age(p, program);
	process_give_program(s->processes, p, program);
	process_set_cwd(s->processes, p, read->cwd);
	process_set_cgroups(s->processes, p, read->cgroups);
	p->cap_inheritable = read->cap_inheritable;
	p->cap_permitted = read->cap_permitted;
	p->cap_effective = read->cap_effective;
	p->fdlimit = read->fdlimit;
	p->vm_size_kb = read->vm_size_kb;
	p->vm_rss_kb = read->vm_rss_kb;
	p->vm_swap_kb = read->vm_swap_kb;
	p->pgft_maj = read->pgft_maj;
	p->pgft_min = read->pgft_min;
	if (read->thread_count > p->thread_count)
		p->thread_count = read->thread_count;
	p->is_partial = false;
}

/* Its start is what the kernel's own records say, in whole ticks. */
bool state_read_process(struct state *s, int32_t pid)
{
	struct task_facts *f = &s->reading->facts;

	if (proc_read_process(s->proc_fd, s->proc_wait, s->is_own_proc, pid, s->reading) < 0)
		return false;
	f->start_time -= (uint64_t)s->boot_shift;
	return true;
}

bool state_look_up(struct state *s, const struct event *e, const struct task_facts *f)
{
	const struct annex_item *told;

	if (s->proc_fd < 0) {
		told = s->reading ? annex_first(e, ANNEX_PROC) : NULL;
		return told && proc_restore(annex_str(told), s->reading) == 0;
	}
	s->counters.proc_lookups++;
	if (!state_read_process(s, f->pid) ||
	    !start_time_equal(s->reading->facts.start_time, f->start_time))
		return false;
	s->read_of = READ_PROCESS;
	return true;
}

void state_heal_program(struct state *s, struct event *e, struct process *p,
			const struct task_facts *f)
{
	s->counters.healed++;
	if (state_look_up(s, e, f)) {
		state_take_proc(s, p, s->reading);
	} else {
		struct program_strings strings = {
		    .comm = {f->comm, strnlen(f->comm, sizeof(f->comm))}};

		process_give_program(s->processes, p,
				     state_make_program(s, &strings, false, false));
		p->is_partial = true;
	}
	p->program_exec_id = f->exec_id;
	p->is_exec_id_known = true;
}

struct process *state_discover(struct state *s, struct event *e, const struct task_facts *f)
{
	struct process *p = state_add_process(s, f);

	if (!p)
		return NULL;
	s->counters.healed++;
	if (state_look_up(s, e, f))
		state_take_proc(s, p, s->reading);
	else if (p->parent && p->parent->is_exec_id_known &&
		 p->parent->program_exec_id == f->exec_id)
		process_inherit(s->processes, p, p->parent); /* forked, and no exec since */
	p->program_exec_id = f->exec_id;
	p->is_exec_id_known = true;
	return p;
}

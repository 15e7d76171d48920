/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event does to the state: its record's facts find its thread and process, and change them
 * where they say something new; then the call itself does, where it is one that begins, alters or
 * ends processes. One file, so that what each event runs through is compiled as a whole.
 */
#include "state/container_event.h"
#include "state/discover.h"
#include "state/path.h"
#include "state/proc.h"
#include "state/replay.h"
#include "state/state_internal.h"

/* What an event does to processes, by its code. */
enum action {
	ACTION_NONE,
	ACTION_EXEC,
	ACTION_CLONE,
	ACTION_EXIT,
	ACTION_CHDIR,
	ACTION_FCHDIR,
	ACTION_CAPSET,
};

/* Codes and the places of parameters never change in the scap format: a new form gets a new code.
 */
static const struct {
	uint16_t code;
	enum action action;
} actions[] = {
    {293, ACTION_EXEC},  /* execve */
    {331, ACTION_EXEC},  /* execveat */
    {223, ACTION_CLONE}, /* clone */
    {225, ACTION_CLONE}, /* fork */
    {227, ACTION_CLONE}, /* vfork */
    {335, ACTION_CLONE}, /* clone3 */
    {186, ACTION_EXIT},  /* procexit */
    {95, ACTION_CHDIR},  /* chdir */
    {97, ACTION_FCHDIR}, /* fchdir */
    {353, ACTION_CAPSET},
};

/* Of other events. */
enum { POS_EXIT_REAPER = 4, POS_CHDIR_PATH = 1, POS_CAPSET_INHERITABLE = 1 };

void bind_actions_make(uint8_t *made)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		made[actions[i].code] = (uint8_t)actions[i].action;
}

/* Facts of a record */

/* Everything but which thread it was: tid, vtid, and its name. Called for each event. */
static bool facts_equal(const struct task_facts *a, const struct task_facts *b)
{
#define RANGE_EQUAL(first, behind)                                                                 \
	(memcmp(&a->first, &b->first,                                                              \
		offsetof(struct task_facts, behind) - offsetof(struct task_facts, first)) == 0)
	return RANGE_EQUAL(start_time, tid) && RANGE_EQUAL(ppid, vtid) && RANGE_EQUAL(vsid, comm);
#undef RANGE_EQUAL
}

static void refresh_cgroups(struct state *s, struct event *e, struct process *p)
{
	const struct annex_item *item = annex_first(e, ANNEX_CGROUPS);

	if (item) {
		process_set_cgroups(s->processes, p, annex_str(item));
	} else if (s->proc_fd >= 0) {
		s->counters.proc_lookups++;
		if (proc_read_cgroups(s->proc_fd, p->facts.pid, s->reading) == 0) {
			process_set_cgroups(s->processes, p, s->reading->cgroups);
			s->read_of = READ_CGROUPS;
		}
	}
}

static void change_facts(struct state *s, struct event *e, struct process *p,
			 const struct task_facts *f, enum action action)
{
	struct task_facts old = p->facts;

	p->facts = *f;
	process_changed(p);
	if (old.ppid != f->ppid || old.parent_start_time != f->parent_start_time)
		process_find_parent(s->processes, p);
	if (old.start_time != f->start_time)
		p->clone_time = f->start_time + s->boot_time;
	if (old.pidns != f->pidns || !p->pidns_start_time)
		state_know_pidns(s, p);
	if (old.cgroup_id && f->cgroup_id && old.cgroup_id != f->cgroup_id &&
	    action != ACTION_EXEC && action != ACTION_CLONE)
		refresh_cgroups(s, e, p);
}

/* Threads have names of their own; the main one's is its process', which descendants may see. */
static void set_name(struct state *s, struct thread *th, const struct task_facts *f)
{
	struct process *p = th->process;

	if (memcmp(th->comm, f->comm, sizeof(f->comm)) != 0) {
		memcpy(th->comm, f->comm, sizeof(f->comm));
		thread_changed(th);
	}
	if (f->tid == f->pid && memcmp(p->comm, f->comm, sizeof(f->comm)) != 0) {
		memcpy(p->comm, f->comm, sizeof(f->comm));
		process_lineage_changed(s->processes, p);
	}
}

/* Events */

static uint64_t param_u64(const struct event *e, unsigned index, uint64_t otherwise)
{
	uint64_t v = otherwise;

	event_param_u64(e, index, &v);
	return v;
}

static struct str param_str(const struct event *e, unsigned index)
{
	struct str s = {"", 0};

	event_param_str(e, index, &s);
	return s;
}

/* What exec and clone events tell alike. */
static void take_common(struct state *s, struct event *e, struct process *p)
{
	p->fdlimit = param_u64(e, POS_FDLIMIT, p->fdlimit);
	p->pgft_maj = param_u64(e, POS_PGFT_MAJ, p->pgft_maj);
	p->pgft_min = param_u64(e, POS_PGFT_MIN, p->pgft_min);
	p->vm_size_kb = param_u64(e, POS_VM_SIZE, p->vm_size_kb);
	p->vm_rss_kb = param_u64(e, POS_VM_RSS, p->vm_rss_kb);
	p->vm_swap_kb = param_u64(e, POS_VM_SWAP, p->vm_swap_kb);
	process_set_cgroups(s->processes, p, param_str(e, POS_CGROUPS));
	process_set_cwd(s->processes, p, param_str(e, POS_CWD));
}

/* Of the list that the probe's iterator makes at the start. */
static bool is_of_list(const struct state *s, const struct event *e)
{
	return s->proc_fd >= 0 && e->record->flags & RECORD_STATE_ONLY &&
	       e->record->syscall_nr == UINT16_MAX && !(e->record->flags & RECORD_KERNEL_THREAD);
}

static void apply_exec(struct state *s, struct event *e, struct process *p, struct thread *th)
{
	bool args_cut = e->record->flags & RECORD_ARGS_CUT, env_cut = args_cut;
	const struct annex_item *item = annex_first(e, ANNEX_EXE);
	struct program_strings strings = {
	    .exe = param_str(e, POS_EXE),
	    .exepath = param_str(e, POS_EXEC_TRUSTED_EXEPATH),
	    .args = param_str(e, POS_ARGS),
	    .env = param_str(e, POS_EXEC_ENV),
	    .comm = {th->comm, strnlen(th->comm, sizeof(th->comm))},
	};
	struct annex_exe exe;

	/* The kernel's list of what runs leaves out what is in the processes' memory. */
	if (is_of_list(s, e) &&
	    proc_read_told(s->proc_fd, s->proc_wait, p->facts.pid, s->reading) == 0) {
		strings.exe = s->reading->strings.exe;
		strings.args = s->reading->strings.args;
		strings.env = s->reading->strings.env;
		args_cut = s->reading->args_cut;
		env_cut = s->reading->env_cut;
	}
	struct program *program = state_make_program(s, &strings, args_cut, env_cut);

	program->exe_flags = (uint32_t)param_u64(e, POS_EXEC_FLAGS, 0);
	program->exe_ino = param_u64(e, POS_EXEC_INO, 0);
	program->exe_ctime = param_u64(e, POS_EXEC_CTIME, 0);
	program->exe_mtime = param_u64(e, POS_EXEC_MTIME, 0);
	if (item && item->size >= sizeof(exe)) {
		memcpy(&exe, item + 1, sizeof(exe));
		program->exe_ino = exe.ino;
		program->exe_ctime = exe.ctime;
		program->exe_mtime = exe.mtime;
		program->exe_dev = exe.dev;
		program->exe_flags |= exe.flags;
	}
	item = event_annex_find(e, ANNEX_PATH_ORIGIN, POS_EXEC_TRUSTED_EXEPATH);
	if (item && !str_equal(annex_str(item), strings.exepath))
		program->exe_flags |= EXE_MOVED;
	program->exe_ctime_age = program_ctime_age(p, program);
	if (p->pidns_start_time && program->exe_ctime > p->pidns_start_time)
		p->exe_ctime_in_pidns = program->exe_ctime - p->pidns_start_time;
	process_give_program(s->processes, p, program);
	take_common(s, e, p);
	p->cap_inheritable = param_u64(e, POS_EXEC_CAP_INHERITABLE, p->cap_inheritable);
	p->cap_permitted = param_u64(e, POS_EXEC_CAP_PERMITTED, p->cap_permitted);
	p->cap_effective = param_u64(e, POS_EXEC_CAP_EFFECTIVE, p->cap_effective);
	p->is_partial = false;

	/* The probe's list of what runs already has the form of execs that nobody asked for. */
	bool is_listed = e->record->flags & RECORD_STATE_ONLY &&
			 !(p->is_exec_id_known && e->record->task.exec_id > p->program_exec_id);
	p->program_exec_id = e->record->task.exec_id;
	p->is_exec_id_known = true;
	if (is_listed)
		return;
	p->exec_time = e->time;
	if (p->container)
		container_set_executed(process_table_containers(s->processes), p->container,
				       p->facts.pid, p->facts.uid);
	p->is_main_gone = false;
	/* Exec ends all other threads, and the one that goes on becomes the main one. */
	process_remove_threads(s->processes, p, th);
}

/* Whose program a new process goes on with; NULL: not known. */
static const struct process *creator_of(const struct state *s, const struct event *e,
					const struct process *p)
{
	const struct annex_item *item = annex_first(e, ANNEX_CREATOR);
	struct annex_creator creator;

	if (!item)
		return p->parent;
	memcpy(&creator, item + 1, sizeof(creator));
	return process_find(s->processes, creator.pid, creator.start_time);
}

/*
 * It has executed nothing else since that program was told. Then the memory in which the arguments
 * stand says nothing: processes write there what they like.
 */
static bool has_program_of(const struct process *creator, const struct task_facts *f)
{
	return creator && creator->is_exec_id_known && creator->program_exec_id == f->exec_id;
}

/* What a child was forked with differs from what is known. */
static bool is_other_program(const struct event *e, const struct program *program)
{
	struct str exe = param_str(e, POS_EXE);
	struct str args = param_str(e, POS_ARGS);

	return exe.n && (!str_equal(exe, program->exe) || !str_equal(args, program->args));
}

static struct process *apply_clone(struct state *s, struct event *e, const struct task_facts *f)
{
	struct process *p = state_add_process(s, f);

	if (!p)
		return NULL;
	const struct process *creator = creator_of(s, e, p);

	if (creator)
		process_inherit(s->processes, p, creator);
	if (p->is_partial || (!has_program_of(creator, f) && is_other_program(e, p->program))) {
		if (state_look_up(s, e, f)) {
			state_take_proc(s, p, s->reading);
		} else if (param_str(e, POS_EXE).n) {
			struct program_strings strings = {
			    .exe = param_str(e, POS_EXE),
			    .args = param_str(e, POS_ARGS),
			    .comm = {f->comm, strnlen(f->comm, sizeof(f->comm))},
			};

			process_give_program(s->processes, p,
					     state_make_program(s, &strings, false, false));
			p->is_partial = false;
		}
	}
	take_common(s, e, p);
	if (p->container)
		container_set_made(process_table_containers(s->processes), p->container, f->pid);
	if (!p->pidns_start_time)
		p->pidns_start_time = param_u64(e, POS_CLONE_PIDNS_START, 0);
	p->program_exec_id = f->exec_id;
	p->is_exec_id_known = true;
	return p;
}

static void apply_exit(struct state *s, struct event *e, struct process *p, struct thread *th)
{
	int64_t reaper = 0;

	s->exiting = th;
	if (p->thread_count > 1 || !event_param_i64(e, POS_EXIT_REAPER, &reaper) || reaper <= 0)
		return;
	struct thread *to = thread_find(s->processes, (int32_t)reaper);
	if (to)
		process_reparent_children(s->processes, p, to->process);
}

static void apply_chdir(struct state *s, struct event *e, struct process *p, enum action action)
{
	struct buffer path = BUFFER(s->name_memory);
	const struct annex_item *item;
	int64_t res;

	if (!event_param_i64(e, POS_RES, &res) || res < 0 || annex_first(e, ANNEX_CWD))
		return;
	item = annex_first(e, ANNEX_PATH_RESOLVED);
	if (item) {
		process_set_cwd(s->processes, p, annex_str(item));
	} else if (action == ACTION_CHDIR) {
		path_join(&path, p->cwd, param_str(e, POS_CHDIR_PATH));
		process_set_cwd(s->processes, p, buffer_str(&path));
	}
}

static void apply_capset(struct event *e, struct process *p)
{
	int64_t res;

	if (!event_param_i64(e, POS_RES, &res) || res < 0)
		return;
	p->cap_inheritable = param_u64(e, POS_CAPSET_INHERITABLE, p->cap_inheritable);
	p->cap_permitted = param_u64(e, POS_CAPSET_INHERITABLE + 1, p->cap_permitted);
	p->cap_effective = param_u64(e, POS_CAPSET_INHERITABLE + 2, p->cap_effective);
	process_changed(p);
}

/* Exec and the child's side of clone answer 0; the parent's side, and failures, change nothing. */
static enum action action_of(const struct state *s, const struct event *e)
{
	enum action action = s->actions[e->header->type];
	int64_t res;

	if ((action == ACTION_EXEC || action == ACTION_CLONE) &&
	    (!event_param_i64(e, POS_RES, &res) || res != 0))
		return ACTION_NONE;
	/* What runs already is listed thread by thread; of all but the main one without a program.
	 */
	if (action == ACTION_EXEC && e->record->flags & RECORD_STATE_ONLY &&
	    e->record->task.tid != e->record->task.pid)
		return ACTION_NONE;
	return action;
}

static bool is_ended(const struct state *s, const struct task_facts *f)
{
	for (size_t i = 0; i < ENDED_REMEMBERED; i++)
		if (s->ended[i].pid == f->pid && s->ended[i].start_time == f->start_time)
			return true;
	return false;
}

void state_finish_exit(struct state *s)
{
	struct process *p = s->exiting ? s->exiting->process : NULL;

	if (!p)
		return;
	if (p->thread_count <= 1) {
		s->ended[s->ended_next % ENDED_REMEMBERED].pid = p->facts.pid;
		s->ended[s->ended_next++ % ENDED_REMEMBERED].start_time = p->facts.start_time;
		if (p->facts.vpid == 1)
			u64map_remove(&s->pidns_starts, p->facts.pidns);
	}
	p->is_main_gone |= s->exiting->tid == p->facts.pid;
	thread_remove(s->processes, s->exiting);
	s->exiting = NULL;
}

/* The thread of a record that the table does not have, or has for another process. */
static struct thread *find_or_make(struct state *s, struct event *e, const struct task_facts *f,
				   enum action action)
{
	struct process *p = process_find(s->processes, f->pid, f->start_time);

	if (is_ended(s, f))
		return NULL;
	if (p && action == ACTION_CLONE && f->tid != f->pid)
		p->thread_count++;
	if (!p && action == ACTION_EXEC)
		p = state_add_process(s, f);
	else if (!p && action == ACTION_CLONE && f->tid == f->pid)
		p = apply_clone(s, e, f);
	else if (!p)
		p = state_discover(s, e, f);
	struct thread *th = p ? state_add_thread(s, p, f->tid) : NULL;
	if (th && action == ACTION_CLONE)
		th->clone_time = e->time;
	if (!th)
		s->counters.table_full++;
	if (p && !p->threads)
		process_remove_threads(s->processes, p, NULL);
	return th;
}

/*
 * The table is full, or the process has ended: what is still known of it, or else the record's own
 * facts, have to do.
 */
static void bind_other(struct state *s, struct event *e, const struct task_facts *f)
{
	struct process *p = &s->other_process;
	struct process *ended = process_find(s->processes, f->pid, f->start_time);
	uint64_t generation = p->scope_generation + 1;

	s->other_thread.tid = f->tid;
	memcpy(s->other_thread.comm, f->comm, sizeof(f->comm));
	s->other_thread.process = ended ? ended : p;
	thread_changed(&s->other_thread);
	e->thread = &s->other_thread;
	e->process = s->other_thread.process;
	if (ended)
		return;
	*p = (struct process){
	    .facts = *f,
	    .program = program_unknown(s->processes),
	    .cwd = STR(""),
	    .cgroups = STR(""),
	    .clone_time = f->start_time ? f->start_time + s->boot_time : 0,
	    .thread_count = 1,
	    .is_partial = true,
	    .is_unlisted = true,
	    .scope_generation = generation,
	};
	memcpy(p->comm, f->comm, sizeof(f->comm));
	s->other_thread.clone_time = p->clone_time;
}

static void bind_task(struct state *s, struct event *e, const struct task_facts *f)
{
	enum action action = action_of(s, e);
	struct thread *th = thread_find(s->processes, f->tid);
	struct process *p = th ? th->process : NULL;

	if (!p || p->facts.pid != f->pid || !start_time_equal(p->facts.start_time, f->start_time))
		th = find_or_make(s, e, f, action);
	if (!th) {
		bind_other(s, e, f);
		return;
	}
	p = th->process;
	e->thread = th;
	e->process = p;
	__builtin_prefetch(th->scope_memory);
	/* A record that was overtaken by one from after an exec tells nothing new. */
	bool is_late = p->is_exec_id_known && f->exec_id < p->program_exec_id;

	if (!is_late && !facts_equal(&p->facts, f))
		change_facts(s, e, p, f, action);
	p->facts.tid = f->tid;
	p->facts.vtid = f->vtid;
	if (!is_late)
		set_name(s, th, f);
	if (action == ACTION_EXEC && !is_late) {
		apply_exec(s, e, p, th);
	} else if (!p->is_exec_id_known) {
		p->program_exec_id = f->exec_id;
		p->is_exec_id_known = true;
	} else if (f->exec_id > p->program_exec_id) {
		state_heal_program(s, e, p, f);
	}
	if (action == ACTION_EXIT)
		apply_exit(s, e, p, th);
	else if (action == ACTION_CHDIR || action == ACTION_FCHDIR)
		apply_chdir(s, e, p, action);
	else if (action == ACTION_CAPSET)
		apply_capset(e, p);
	process_refresh_scope(s->processes, p);
}

bool state_may_pass(const struct state *s, uint16_t code)
{
	return s->replay ? replay_may_pass(s, code)
			 : s->actions[code] == ACTION_NONE &&
			       strcmp(event_schema_get(code)->name, CONTAINER_EVENT) != 0;
}

void state_pass(struct state *s, const struct event_header *header)
{
	/* Of a recording each event tells of its thread anew. */
	if (s->replay)
		replay_pass(s, header);
}

/* Of a recording: the only events that are not a task's. */
static void take_recorded_container(struct state *s, const struct event *e)
{
	struct str json;

	if (strcmp(e->schema->name, CONTAINER_EVENT) == 0 && event_param_str(e, 0, &json) &&
	    container_event_take(state_containers(s), json))
		process_table_changed(s->processes);
}

void state_bind(struct state *s, struct event *e)
{
	s->read_of = READ_NOTHING;
	if (container_set_update(process_table_containers(s->processes)))
		process_table_changed(s->processes);
	if (!(e->record->flags & RECORD_HAS_TASK)) {
		if (s->replay)
			replay_bind(s, e);
		else
			take_recorded_container(s, e);
		return;
	}
	const struct fd_rule *rule =
	    e->header->type == 1 ? &s->generic_fd_rules[e->kind] : &s->fd_rules[e->header->type];
	struct annex_facts facts;

	if (s->exiting)
		state_finish_exit(s);
	s->newest_event = e->header->ts;
	bind_task(s, e, &e->record->task);
	annex_gather(rule, e, &facts);
	if (facts.has_cwd && e->process && e->process != &s->other_process)
		process_set_cwd(s->processes, e->process, facts.cwd);
	fd_bind(rule, e, &facts, e->process, s->name_memory, sizeof(s->name_memory));
	/*
	 * A call that acts on names, of which one leads elsewhere than it says: the kernel tells
	 * that only where links or bind mounts do so.
	 */
	if (facts.has_resolved_name && (rule->use != FD_USE_OPENS || !e->fd.path_resolved.n))
		e->has_second_name = true;
	if (e->thread)
		e->thread->last_event_time = e->time;
}

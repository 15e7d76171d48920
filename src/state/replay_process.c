/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes, becomes and ends whom in captures: clone, exec and exit. */
#include "state/replay_process.h"
#include "state/path.h"

/* How long a thread that its maker's event told of is taken for the one whose own event comes. */
#define CLONE_STALE_NS UINT64_C(2000000000)

static bool is_in_pidns(const struct process *p, const struct thread *th)
{
	return p->is_in_pidns || (th->vtid >= 0 && th->vtid != th->tid);
}

static bool has_recently_exited(const struct replay *r, int64_t tid, int64_t ptid, uint64_t now)
{
	const struct exited_threads *x = &r->exited;
	uint64_t number = x->newest[(uint64_t)tid % RECENTLY_EXITED];

	for (;;) {
		const struct exited_thread *t = &x->threads[number % RECENTLY_EXITED];

		/* The last of the chain, or overwritten since. */
		if (!number || t->number != number)
			return false;
		if (t->tid == tid && t->ptid == ptid && now >= t->time &&
		    now - t->time < CLONE_STALE_NS)
			return true;
		number = t->before;
	}
}

static void take_memory(struct replaying *r, struct thread *th)
{
	if (!replay_has(r, POS_VM_SWAP))
		return;
	th->pgft_maj = replay_u64(r, POS_PGFT_MAJ, 0);
	th->pgft_min = replay_u64(r, POS_PGFT_MIN, 0);
	th->vm_size_kb = replay_u64(r, POS_VM_SIZE, 0);
	th->vm_rss_kb = replay_u64(r, POS_VM_RSS, 0);
	th->vm_swap_kb = replay_u64(r, POS_VM_SWAP, 0);
}

/* What a new thread has to itself, as the event of either side tells it. */
static void take_own(struct replaying *r, struct thread *th)
{
	th->clone_time = r->e->time;
	th->uid = replay_u32(r, POS_CLONE_UID, UINT32_MAX);
	th->gid = replay_u32(r, POS_CLONE_GID, UINT32_MAX);
	take_memory(r, th);
}

static struct str comm_of(const struct replaying *r)
{
	return replay_has(r, POS_COMM) ? replay_text(r, POS_COMM) : replay_text(r, POS_EXE);
}

/* The program of a new process: its maker's, but for the words that the event tells. */
static void take_program(struct replaying *r, struct process *p, const struct process *from)
{
	struct program_strings strings = {
	    .exe = replay_text(r, POS_EXE),
	    .args = replay_strings_of(replay_bytes(r, POS_ARGS)),
	    .comm = comm_of(r),
	};
	const struct program *old = from && !from->is_unknown ? from->program : NULL;

	if (old && str_equal(old->exe, strings.exe) && str_equal(old->args, strings.args)) {
		process_set_program(r->s->processes, p, from->program);
		return;
	}
	if (old) {
		strings.exepath = old->exepath;
		strings.env = old->env;
	}

	struct program *program = program_new(r->s->processes, &strings);
	if (old) {
		program->exe_ino = old->exe_ino;
		program->exe_ctime = old->exe_ctime;
		program->exe_mtime = old->exe_mtime;
		program->exe_flags = old->exe_flags;
		program->exe_ctime_age = old->exe_ctime_age;
	}
	process_give_program(r->s->processes, p, program);
}

/* A new process; from: who made it. is_copy: what that one has is known, and taken over. */
static struct process *clone_process(struct replaying *r, int32_t tid, const struct process *from,
				     int64_t ptid, bool is_copy)
{
	struct task_facts facts = from->facts;
	struct process *p;

	facts.pid = facts.tid = tid;
	facts.ppid = 0;
	facts.uid = replay_u32(r, POS_CLONE_UID, UINT32_MAX);
	facts.gid = replay_u32(r, POS_CLONE_GID, UINT32_MAX);
	p = replay_add_process(r->s, &facts);
	if (!p)
		return NULL;
	p->is_partial = false;
	take_program(r, p, from);
	if (is_copy) {
		process_set_cwd(r->s->processes, p, from->cwd);
		p->cap_inheritable = from->cap_inheritable;
		p->cap_permitted = from->cap_permitted;
		p->cap_effective = from->cap_effective;
		/* Copies, whatever CLONE_FILES says: the two tables go their own ways from here on,
		   as they do in Falco. */
		fd_table_clone(process_table_fds(r->s->processes), &p->fds, &from->fds);
	}
	p->fdlimit = replay_u64(r, POS_FDLIMIT, (uint64_t)-1);
	process_set_cgroups(r->s->processes, p, replay_bytes(r, POS_CGROUPS));
	p->clone_time = r->e->time;
	replay_set_parent(r->s, p, ptid);
	return p;
}

static void clone_seen_by_maker(struct replaying *r)
{
	struct state *s = r->s;
	struct thread *child = replay_thread(s, r->res);
	uint32_t flags = replay_u32(r, POS_CLONE_FLAGS, 0);
	struct process *from;
	bool is_copy;

	if (!r->th)
		r->th = replay_thread_or_unknown(s, (int64_t)r->e->header->tid);
	if (!r->th)
		return;
	from = r->th->process;
	is_copy = !from->is_unknown;
	if (from->is_unknown) {
		int64_t vpid = replay_i64(r, POS_CLONE_VPID, -1);

		r->th = replay_make_known(
		    s, r->th, replay_i64(r, POS_PID, -1), replay_i64(r, POS_PTID, -1),
		    vpid < 0 ? r->th->tid : replay_i64(r, POS_CLONE_VTID, r->th->tid), vpid);
		if (!r->th)
			return;
		from = r->th->process;
		take_program(r, from, NULL);
		replay_set_comm(r, from, r->th, comm_of(r));
	}
	r->p = from;
	/* The id that it knows its child by may be another namespace's; and what vfork made may
	   have come to its end before it goes on itself. */
	if (flags & (SCAP_CLONE_CHILD_IN_PIDNS | SCAP_CLONE_NEWPID | SCAP_CLONE_PARENT |
		     SCAP_CLONE_VFORK) ||
	    is_in_pidns(from, r->th) || strcmp(r->e->schema->name, "vfork") == 0 ||
	    r->res > INT32_MAX || has_recently_exited(s->replay, r->res, r->th->tid, r->e->time))
		return;
	if (child && (child->is_inverted || child == r->th))
		return;

	int32_t tid = (int32_t)r->res;
	struct process *p = from;
	if (flags & SCAP_CLONE_THREAD) {
		if (child)
			thread_remove(s->processes, child);
	} else {
		p = clone_process(r, tid, from, r->th->tid, is_copy);
	}
	child = p ? replay_add_thread(s, p, tid) : NULL;
	/* Making room may have taken the event's own thread. */
	r->th = replay_thread(s, (int64_t)r->e->header->tid);
	r->p = r->th ? r->th->process : NULL;
	if (!child)
		return;
	child->vtid = tid;
	if (p != from)
		p->facts.vpid = p->facts.vtid = tid;
	take_own(r, child);
	replay_set_comm(r, p, child, comm_of(r));
}

static void clone_seen_by_child(struct replaying *r)
{
	struct state *s = r->s;
	uint64_t now = r->e->time;
	int32_t tid = (int32_t)r->e->header->tid;
	uint32_t flags = replay_u32(r, POS_CLONE_FLAGS, 0);
	int64_t pid = replay_i64(r, POS_PID, tid), ptid = replay_i64(r, POS_PTID, -1);
	bool is_thread = flags & SCAP_CLONE_THREAD;
	struct thread *from_thread;
	struct process *from, *p;

	if (r->e->header->tid > INT32_MAX || pid < 0 || pid > INT32_MAX)
		return;
	if (r->th && r->th->clone_time && now - r->th->clone_time < CLONE_STALE_NS)
		return;
	if (r->th)
		thread_remove(s->processes, r->th);
	r->th = NULL;
	r->p = NULL;

	/* A thread is told by its process' main one, a process by its parent. */
	from = replay_process_of(s, is_thread ? pid : ptid);
	if (!from) {
		from_thread = replay_thread_or_unknown(s, is_thread ? pid : ptid);
		if (!from_thread)
			return;
		from = from_thread->process;
	}
	if (is_thread) {
		p = from;
		if (from->is_unknown && from->threads) {
			int64_t vpid = replay_i64(r, POS_CLONE_VPID, -1);

			replay_make_known(s, from->threads, pid, ptid, vpid, vpid);
			take_program(r, p, NULL);
			replay_set_comm(r, p, from->threads, comm_of(r));
		}
	} else {
		p = clone_process(r, tid, from, ptid, !from->is_unknown);
	}
	r->th = p ? replay_add_thread(s, p, tid) : NULL;
	if (!r->th)
		return;
	r->p = p;
	r->th->is_inverted = true;

	int64_t vpid = replay_i64(r, POS_CLONE_VPID, -1);
	r->th->vtid = vpid < 0 ? tid : (int32_t)replay_i64(r, POS_CLONE_VTID, tid);
	if (!is_thread) {
		p->facts.vpid = (int32_t)vpid;
		p->facts.vtid = r->th->vtid;
		p->is_in_pidns = flags & SCAP_CLONE_CHILD_IN_PIDNS || r->th->vtid != tid;
		p->is_reaper = vpid == 1;
		if (p->is_in_pidns || flags & SCAP_CLONE_NEWPID)
			p->pidns_start_time =
			    replay_has(r, POS_CLONE_PIDNS_START)
				? replay_u64(r, POS_CLONE_PIDNS_START, 0) + s->boot_time
				: 0;
	}
	take_own(r, r->th);
	replay_set_comm(r, p, r->th, comm_of(r));
}

static void do_clone(struct replaying *r)
{
	if (r->res > 0)
		clone_seen_by_maker(r);
	else if (r->res == 0)
		clone_seen_by_child(r);
}

/* Exec */

/*
 * The file of an execveat, from the arguments at its enter: a path from a directory, or the
 * descriptor itself.
 */
static void execveat_path(struct replaying *r, struct buffer *out)
{
	enum { AT_EMPTY_PATH_BIT = 1 };
	struct str name = replay_enter_text(r, 1);
	bool is_fd = replay_enter_u64(r, 2, 0) & AT_EMPTY_PATH_BIT;
	struct str directory = name.n && name.p[0] == '/'
				   ? STR("")
				   : replay_directory(r->p, (int64_t)replay_enter_u64(r, 0, 0));

	if ((!is_fd && str_equal(name, STR("<NA>"))) || str_equal(directory, STR("<UNKNOWN>")))
		buffer_put(out, STR("<NA>"));
	else if (is_fd)
		path_join(out, STR(""), directory);
	else
		path_join(out, directory, name);
}

/* Captures that do not hold the kernel's path of the executed file have the name that was given. */
static struct str exepath_of(struct replaying *r, struct str otherwise)
{
	struct buffer path = BUFFER(r->s->name_memory);

	if (replay_has(r, POS_EXEC_TRUSTED_EXEPATH))
		return replay_path_of_exe(replay_text(r, POS_EXEC_TRUSTED_EXEPATH));
	if (!r->e->enter || !replay_enter_bytes(r, 0).n)
		return otherwise;
	if (strcmp(r->e->enter->schema->name, "execveat") == 0)
		execveat_path(r, &path);
	else if (str_equal(replay_enter_text(r, 0), STR("<NA>")))
		buffer_put(&path, STR("<NA>"));
	else
		path_join(&path, r->p->cwd, replay_enter_text(r, 0));
	return replay_path_of_exe(buffer_str(&path));
}

static void close_on_exec(struct replaying *r)
{
	struct fd_store *store = process_table_fds(r->s->processes);
	struct fd_entry *e = fd_table_next(&r->p->fds, NULL), *next;

	for (; e; e = next) {
		next = fd_table_next(&r->p->fds, e);
		if (fd_entry_is_cloexec(e))
			fd_table_remove(store, &r->p->fds, e);
	}
}

static void take_exec_facts(struct replaying *r, struct process *p)
{
	p->facts.tty = replay_u32(r, POS_EXEC_TTY, p->facts.tty);
	p->facts.vpgid = (int32_t)replay_i64(r, POS_EXEC_VPGID, p->facts.vpgid);
	p->facts.loginuid = replay_u32(r, POS_EXEC_LOGINUID, p->facts.loginuid);
	p->facts.uid = replay_u32(r, POS_EXEC_UID, r->th->uid);
	p->facts.gid = replay_u32(r, POS_EXEC_GID, r->th->gid);
	p->facts.pgid = (int32_t)replay_i64(r, POS_EXEC_PGID, -1);
	p->fdlimit = replay_u64(r, POS_FDLIMIT, (uint64_t)-1);
	p->cap_inheritable = replay_u64(r, POS_EXEC_CAP_INHERITABLE, p->cap_inheritable);
	p->cap_permitted = replay_u64(r, POS_EXEC_CAP_PERMITTED, p->cap_permitted);
	p->cap_effective = replay_u64(r, POS_EXEC_CAP_EFFECTIVE, p->cap_effective);
	process_set_cgroups(r->s->processes, p, replay_bytes(r, POS_CGROUPS));
}

static void do_exec(struct replaying *r)
{
	struct process *p = r->p;
	uint64_t clone_time;

	if (r->res < 0 || !r->th)
		return;
	if (p->is_unknown) {
		r->th = replay_make_known(r->s, r->th, replay_i64(r, POS_PID, r->th->tid),
					  replay_i64(r, POS_PTID, -1), r->th->tid,
					  replay_i64(r, POS_PID, r->th->tid));
		if (!r->th)
			return;
		p = r->p = r->th->process;
	}

	const struct program *old = p->program;
	struct program_strings strings = {
	    .exe = replay_text(r, POS_EXE),
	    .exepath = exepath_of(r, old->exepath),
	    .args = replay_strings_of(replay_bytes(r, POS_ARGS)),
	    .env = replay_has(r, POS_EXEC_ENV) ? replay_strings_of(replay_bytes(r, POS_EXEC_ENV))
					       : old->env,
	    .comm = comm_of(r),
	};
	struct program *program = program_new(r->s->processes, &strings);

	program->exe_flags = replay_u32(r, POS_EXEC_FLAGS, old->exe_flags);
	program->exe_ino = old->exe_ino;
	program->exe_ctime = old->exe_ctime;
	program->exe_mtime = old->exe_mtime;
	program->exe_ctime_age = old->exe_ctime_age;
	if (replay_has(r, POS_EXEC_MTIME)) {
		program->exe_ino = replay_u64(r, POS_EXEC_INO, 0);
		program->exe_ctime = replay_u64(r, POS_EXEC_CTIME, 0);
		program->exe_mtime = replay_u64(r, POS_EXEC_MTIME, 0);
		clone_time = r->th->clone_time;
		if (clone_time)
			program->exe_ctime_age = clone_time - program->exe_ctime;
		if (p->pidns_start_time && program->exe_ctime > p->pidns_start_time)
			p->exe_ctime_in_pidns = program->exe_ctime - p->pidns_start_time;
	}
	process_give_program(r->s->processes, p, program);
	replay_set_comm(r, p, r->th, comm_of(r));
	take_exec_facts(r, p);
	r->th->uid = p->facts.uid;
	r->th->gid = p->facts.gid;
	take_memory(r, r->th);
	p->exec_time = r->e->time;
	p->is_main_gone = false;
	close_on_exec(r);
	process_remove_threads(r->s->processes, p, r->th);
}

/* Exits */

static void do_exit(struct replaying *r)
{
	enum { POS_EXIT_REAPER = 4 };

	if (!r->th)
		return;
	r->s->exiting = r->th;
	r->s->exiting_reaper = r->p->first_child ? replay_i64(r, POS_EXIT_REAPER, -1) : -1;
}

/* The nearest ancestor that takes orphans; a namespace's are never given to one outside. */
static struct process *find_reaper(struct state *s, const struct process *p)
{
	struct process *ancestor = process_parent(s->processes, p);

	for (unsigned n = 0; ancestor && n < 1024; n++) {
		if (ancestor->is_in_pidns != p->is_in_pidns)
			return NULL;
		if (ancestor->is_reaper && !ancestor->is_exited)
			return ancestor;
		ancestor = process_parent(s->processes, ancestor);
	}
	return NULL;
}

/* The thread that made a process, as long as it lives. */
static int32_t parent_tid(struct state *s, const struct process *p)
{
	const struct thread *th = p->parent_tid ? replay_thread(s, p->parent_tid) : NULL;

	return th && th->process == p->parent ? th->tid : p->facts.ppid;
}

static void remember_exit(struct exited_threads *x, int32_t tid, int32_t ptid, uint64_t time)
{
	uint64_t *newest = &x->newest[(uint32_t)tid % RECENTLY_EXITED];
	uint64_t number = ++x->count;

	x->threads[number % RECENTLY_EXITED] = (struct exited_thread){
	    .number = number, .before = *newest, .time = time, .tid = tid, .ptid = ptid};
	*newest = number;
}

void replay_finish_exit(struct state *s)
{
	struct thread *th = s->exiting;
	struct process *p = th ? th->process : NULL;
	struct replay *r = s->replay;

	s->exiting = NULL;
	if (!p)
		return;
	remember_exit(&r->exited, th->tid, parent_tid(s, p), r->last_time);

	if (p->thread_count <= 1 && p->first_child) {
		struct thread *reaper =
		    s->exiting_reaper > 0 ? replay_thread_or_unknown(s, s->exiting_reaper) : NULL;
		struct process *to = reaper ? reaper->process : NULL;

		/* Making the unknown one may have ended this one. */
		if (replay_thread(s, th->tid) != th)
			return;
		if (!to || to->is_unknown)
			to = find_reaper(s, p);
		if (to && to != p)
			to->is_reaper = true;
		process_reparent_children(s->processes, p, to == p ? NULL : to);
	}
	p->is_main_gone |= th->tid == p->facts.pid;
	thread_remove(s->processes, th);
}

const struct replay_handler replay_process_handlers[] = {
    {"clone", do_clone, NULL, NULL},   {"clone3", do_clone, NULL, NULL},
    {"fork", do_clone, NULL, NULL},    {"vfork", do_clone, NULL, NULL},
    {"execve", do_exec, NULL, NULL},   {"execveat", do_exec, NULL, NULL},
    {"procexit", do_exit, NULL, NULL}, {NULL, NULL, NULL, NULL},
};

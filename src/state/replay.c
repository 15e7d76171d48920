/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of captures. */
#include "state/replay.h"
#include "state/path.h"

/* How long a thread that its maker's event told of is taken for the one whose own event comes. */
#define CLONE_STALE_NS UINT64_C(2000000000)

/* Bits of the clone_flags table. */
enum {
	SCAP_CLONE_NEWPID = 0x40,
	SCAP_CLONE_PARENT = 0x100,
	SCAP_CLONE_THREAD = 0x2000,
	SCAP_CLONE_INVERTED = 0x10000,
	SCAP_CLONE_VFORK = 0x8000000,
	SCAP_CLONE_CHILD_IN_PIDNS = 0x20000000,
};

/* Bits of the execve_flags table. */
enum { EXE_WRITABLE = 1, EXE_UPPER_LAYER = 2, EXE_FROM_MEMFD = 4, EXE_LOWER_LAYER = 8 };

struct str replay_text(const struct replaying *r, unsigned index)
{
	struct str s = STR("<NA>");

	event_param_str(r->e, index, &s);
	return s;
}

/* An argument list that is but one empty string is none. */
static struct str strings_of(struct str list)
{
	return list.n == 1 && list.p[0] == '\0' ? (struct str){"", 0} : list;
}

static void set_name(char *to, struct str name)
{
	size_t n = name.n < PROCESS_NAME_SIZE ? name.n : PROCESS_NAME_SIZE - 1;

	memset(to, 0, PROCESS_NAME_SIZE);
	if (n)
		memcpy(to, name.p, n);
}

static void set_comm(struct replaying *r, struct process *p, struct thread *th, struct str name)
{
	set_name(th->comm, name);
	if (th->tid != p->facts.pid)
		return;
	set_name(p->comm, name);
	process_lineage_changed(r->s->processes, p);
}

static struct str without_deleted(struct str path)
{
	static const char suffix[] = " (deleted)";

	if (path.n > sizeof(suffix) - 1 && str_ends_with(path, STR(suffix)))
		path.n -= sizeof(suffix) - 1;
	return path;
}

/* Threads and processes */

static struct thread *add_thread(struct state *s, struct process *p, int32_t tid)
{
	struct thread *th = thread_add(s->processes, p, tid);

	if (!th) {
		s->counters.table_full++;
		if (!p->threads)
			process_remove_threads(s->processes, p, NULL);
		return NULL;
	}
	s->counters.added++;
	th->has_own = true;
	th->vtid = tid;
	th->uid = p->facts.uid;
	th->gid = p->facts.gid;
	memcpy(th->comm, p->comm, sizeof(th->comm));
	return th;
}

static struct process *add_process(struct state *s, const struct task_facts *facts)
{
	struct process *p = process_add(s->processes, facts);

	if (!p) {
		s->counters.table_full++;
		return NULL;
	}
	p->thread_count = 0;
	return p;
}

/* A thread of which nothing is known: it does not belong anywhere. */
static struct thread *add_unknown(struct state *s, int32_t tid)
{
	struct task_facts facts = {
	    .pid = tid,
	    .tid = tid,
	    .ppid = 0,
	    .sid = -1,
	    .pgid = -1,
	    .vpid = -1,
	    .vtid = -1,
	    .vsid = -1,
	    .vpgid = -1,
	    .uid = UINT32_MAX,
	    .gid = UINT32_MAX,
	    .loginuid = UINT32_MAX,
	};
	struct process *p = add_process(s, &facts);
	struct program_strings strings = {.exe = STR("<NA>"), .comm = STR("<NA>")};

	if (!p)
		return NULL;
	p->is_unknown = true;
	set_name(p->comm, STR("<NA>"));
	process_give_program(s->processes, p, program_new(s->processes, &strings));

	struct thread *th = add_thread(s, p, tid);
	if (th)
		th->vtid = -1;
	return th;
}

struct thread *replay_thread(struct state *s, int64_t tid)
{
	return tid >= 0 && tid <= INT32_MAX ? thread_find(s->processes, (int32_t)tid) : NULL;
}

struct thread *replay_thread_or_unknown(struct state *s, int64_t tid)
{
	struct thread *th = replay_thread(s, tid);

	return th || tid < 0 || tid > INT32_MAX ? th : add_unknown(s, (int32_t)tid);
}

/* A thread's process; of a main thread that has exited while others live, too. */
static struct process *process_of(struct state *s, int64_t tid)
{
	struct thread *th = replay_thread(s, tid);
	struct process *p = NULL;

	if (th)
		return th->process;
	if (tid >= 0 && tid <= INT32_MAX)
		p = process_find(s->processes, (int32_t)tid, 0);
	return p && !p->is_exited ? p : NULL;
}

/* Finds the parent by the id of one of its threads; without one that is known there is none. */
static void set_parent(struct state *s, struct process *p, int64_t ptid)
{
	struct process *parent = p->facts.pid == 1 ? NULL : process_of(s, ptid);

	p->facts.ppid = parent && !parent->is_unknown && parent != p ? parent->facts.pid : 0;
	process_find_parent(s->processes, p);
}

/* A thread that was unknown turns out to be of that process. */
static struct thread *make_known(struct state *s, struct thread *th, int64_t pid, int64_t ptid,
				 int64_t vtid, int64_t vpid)
{
	struct process *p = th->process;

	if (pid < 0 || pid > INT32_MAX)
		return th;
	if (pid != th->tid) {
		struct task_facts facts = p->facts;
		struct process *group = process_of(s, pid);
		struct thread *moved;

		facts.pid = (int32_t)pid;
		if (!group)
			group = add_process(s, &facts);
		if (!group)
			return th;
		moved = add_thread(s, group, th->tid);
		if (!moved)
			return NULL;
		th = moved;
		p = group;
	}
	p->is_unknown = false;
	th->vtid = (int32_t)vtid;
	p->facts.vpid = (int32_t)vpid;
	p->is_in_pidns = vtid >= 0 && vtid != th->tid;
	set_parent(s, p, ptid);
	process_changed(p);
	return th;
}

static bool is_in_pidns(const struct process *p, const struct thread *th)
{
	return p->is_in_pidns || (th->vtid >= 0 && th->vtid != th->tid);
}

/* Lists */

static void finish_last(struct state *s);

static struct process *list_main(struct state *s, const struct listed_process *l)
{
	struct task_facts facts = {
	    .pid = (int32_t)l->pid,
	    .tid = (int32_t)l->tid,
	    .ppid = (int32_t)l->ptid,
	    .sid = (int32_t)l->sid,
	    .vsid = (int32_t)l->sid,
	    .pgid = (int32_t)l->pgid,
	    .vpgid = (int32_t)l->vpgid,
	    .vpid = (int32_t)l->vpid,
	    .vtid = (int32_t)l->vtid,
	    .uid = l->uid,
	    .gid = l->gid,
	    .loginuid = l->loginuid,
	    .tty = l->tty,
	};
	struct program_strings strings = {
	    .exe = l->exe,
	    .exepath = without_deleted(l->exepath),
	    .args = strings_of(l->args),
	    .env = strings_of(l->env),
	    .comm = l->comm,
	};
	struct process *p = process_find(s->processes, facts.pid, 0);
	struct buffer cwd = BUFFER(s->name_memory);

	/* Its threads may have been listed before it. */
	if (!p || p->is_exited || replay_thread(s, l->pid))
		p = add_process(s, &facts);
	if (!p)
		return NULL;
	p->facts = facts;
	p->is_partial = false;
	p->is_in_pidns =
	    l->flags & SCAP_CLONE_CHILD_IN_PIDNS || (l->vpid >= 0 && l->vpid != l->pid);
	p->is_reaper = l->pid == 1 || l->vpid == 1;
	set_name(p->comm, l->comm);

	struct program *program = program_new(s->processes, &strings);
	program->exe_ino = l->exe_ino;
	program->exe_ctime = l->exe_ctime;
	program->exe_mtime = l->exe_mtime;
	program->exe_flags =
	    (l->exe_writable ? EXE_WRITABLE : 0) | (l->exe_upper_layer ? EXE_UPPER_LAYER : 0) |
	    (l->exe_lower_layer ? EXE_LOWER_LAYER : 0) | (l->exe_from_memfd ? EXE_FROM_MEMFD : 0);
	process_give_program(s->processes, p, program);
	path_join(&cwd, STR(""), l->cwd);
	process_set_cwd(s->processes, p, cwd.n ? buffer_str(&cwd) : STR("/"));
	process_set_cgroups(s->processes, p, l->cgroups);
	p->fdlimit = l->fdlimit;
	p->cap_inheritable = l->cap_inheritable;
	p->cap_permitted = l->cap_permitted;
	p->cap_effective = l->cap_effective;
	p->pidns_start_time = l->pidns_start_time;
	return p;
}

void state_list_process(struct state *s, const struct listed_process *l)
{
	struct process *p = NULL;
	struct thread *th;

	if (!s->replay || l->tid < 0 || l->tid > INT32_MAX || l->pid < 0 || l->pid > INT32_MAX)
		return;
	finish_last(s);
	if (l->tid == l->pid) {
		p = list_main(s, l);
	} else {
		p = process_find(s->processes, (int32_t)l->pid, 0);
		if (!p || p->is_exited)
			p = add_process(
			    s, &(struct task_facts){.pid = (int32_t)l->pid, .vpid = -1, .ppid = 0});
	}
	th = p ? add_thread(s, p, (int32_t)l->tid) : NULL;
	if (!th)
		return;
	set_name(th->comm, l->comm);
	th->vtid = (int32_t)l->vtid;
	th->uid = l->uid;
	th->gid = l->gid;
	th->vm_size_kb = l->vm_size_kb;
	th->vm_rss_kb = l->vm_rss_kb;
	th->vm_swap_kb = l->vm_swap_kb;
	th->pgft_maj = l->pgft_maj;
	th->pgft_min = l->pgft_min;
	th->is_inverted = l->flags & SCAP_CLONE_INVERTED;
	if (s->replay->is_listed && th->tid == p->facts.pid)
		set_parent(s, p, l->ptid);
}

void state_list_fd(struct state *s, const struct listed_fd *fd)
{
	struct process *p = s->replay ? process_of(s, fd->tid) : NULL;

	if (p)
		replay_list_fd(s, p, fd);
}

void state_list_interface(struct state *s, const struct listed_interface *i)
{
	struct local_address a = {{.size = i->size}, {.size = i->size}};

	if (!s->replay || i->size > sizeof(a.ip.bytes))
		return;
	memcpy(a.ip.bytes, i->address, i->size);
	memcpy(a.netmask.bytes, i->netmask, i->size);
	VEC_PUSH(&s->replay->addresses, a);
}

void state_listed(struct state *s)
{
	uint32_t next = 0;

	if (!s->replay || s->replay->is_listed)
		return;
	s->replay->is_listed = true;
	for (struct process *p; (p = process_next(s->processes, next));) {
		next = (uint32_t)p->facts.pid + 1;
		set_parent(s, p, p->facts.ppid);
	}
	replay_fix_sockets(s);
}

void state_forget(struct state *s)
{
	if (!s->replay)
		return;
	replay_free(s, s->replay);
	s->replay = NULL;
	process_table_free(s->processes);
	user_table_free(s->users);
	s->processes = process_table_new(s->max_threads);
	s->users = user_table_new();
	s->other_process.program = program_unknown(s->processes);
	s->exiting = NULL;
	s->replay = replay_new();
}

/* Clones */

static bool has_recently_exited(const struct replay *r, int64_t tid, int64_t ptid, uint64_t now)
{
	for (size_t i = 0; i < RECENTLY_EXITED; i++)
		if (r->exited[i].tid == tid && r->exited[i].ptid == ptid &&
		    now >= r->exited[i].time && now - r->exited[i].time < CLONE_STALE_NS)
			return true;
	return false;
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
	th->uid = (uint32_t)replay_u64(r, POS_CLONE_UID, UINT32_MAX);
	th->gid = (uint32_t)replay_u64(r, POS_CLONE_GID, UINT32_MAX);
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
	    .args = strings_of(replay_bytes(r, POS_ARGS)),
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

/* A new process; from: whose copy it is. */
static struct process *clone_process(struct replaying *r, int32_t tid, const struct process *from,
				     int64_t ptid)
{
	struct task_facts facts = from->facts;
	struct process *p;

	facts.pid = facts.tid = tid;
	facts.ppid = 0;
	facts.uid = (uint32_t)replay_u64(r, POS_CLONE_UID, UINT32_MAX);
	facts.gid = (uint32_t)replay_u64(r, POS_CLONE_GID, UINT32_MAX);
	p = add_process(r->s, &facts);
	if (!p)
		return NULL;
	p->is_partial = false;
	take_program(r, p, from);
	if (!from->is_unknown) {
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
	set_parent(r->s, p, ptid);
	return p;
}

static void clone_seen_by_maker(struct replaying *r)
{
	struct state *s = r->s;
	struct thread *child = replay_thread(s, r->res);
	uint32_t flags = (uint32_t)replay_u64(r, POS_CLONE_FLAGS, 0);
	struct process *from;

	if (!r->th)
		r->th = replay_thread_or_unknown(s, (int64_t)r->e->header->tid);
	if (!r->th)
		return;
	from = r->th->process;
	if (from->is_unknown) {
		int64_t vpid = replay_i64(r, POS_CLONE_VPID, -1);

		r->th = make_known(
		    s, r->th, replay_i64(r, POS_PID, -1), replay_i64(r, POS_PTID, -1),
		    vpid < 0 ? r->th->tid : replay_i64(r, POS_CLONE_VTID, r->th->tid), vpid);
		if (!r->th)
			return;
		from = r->th->process;
		take_program(r, from, NULL);
		set_comm(r, from, r->th, comm_of(r));
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
		p = clone_process(r, tid, from, r->th->tid);
	}
	child = p ? add_thread(s, p, tid) : NULL;
	/* Making room may have taken the event's own thread. */
	r->th = replay_thread(s, (int64_t)r->e->header->tid);
	r->p = r->th ? r->th->process : NULL;
	if (!child)
		return;
	child->vtid = tid;
	if (p != from)
		p->facts.vpid = p->facts.vtid = tid;
	take_own(r, child);
	set_comm(r, p, child, comm_of(r));
}

static void clone_seen_by_child(struct replaying *r)
{
	struct state *s = r->s;
	uint64_t now = r->e->time;
	int32_t tid = (int32_t)r->e->header->tid;
	uint32_t flags = (uint32_t)replay_u64(r, POS_CLONE_FLAGS, 0);
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
	from = process_of(s, is_thread ? pid : ptid);
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

			make_known(s, from->threads, pid, ptid, vpid, vpid);
			take_program(r, p, NULL);
			set_comm(r, p, from->threads, comm_of(r));
		}
	} else {
		p = clone_process(r, tid, from, ptid);
	}
	r->th = p ? add_thread(s, p, tid) : NULL;
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
	set_comm(r, p, r->th, comm_of(r));
}

static void do_clone(struct replaying *r)
{
	if (r->res > 0)
		clone_seen_by_maker(r);
	else if (r->res == 0)
		clone_seen_by_child(r);
}

/* Exec */

/* Where captures do not hold the kernel's path of the executed file: the name that was given. */
static struct str exepath_of(struct replaying *r, struct str otherwise)
{
	struct buffer path = BUFFER(r->s->name_memory);

	if (replay_has(r, POS_EXEC_TRUSTED_EXEPATH))
		return without_deleted(replay_text(r, POS_EXEC_TRUSTED_EXEPATH));
	if (!replay_has(r, POS_EXEC_FILENAME))
		return otherwise;

	struct str name = replay_text(r, POS_EXEC_FILENAME);
	if (str_equal(name, STR("<NA>")))
		return name;
	path_join(&path, r->p->cwd, name);
	return without_deleted(buffer_str(&path));
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
	p->facts.tty = (uint32_t)replay_u64(r, POS_EXEC_TTY, p->facts.tty);
	p->facts.vpgid = (int32_t)replay_i64(r, POS_EXEC_VPGID, p->facts.vpgid);
	p->facts.loginuid = (uint32_t)replay_u64(r, POS_EXEC_LOGINUID, p->facts.loginuid);
	p->facts.uid = (uint32_t)replay_u64(r, POS_EXEC_UID, r->th->uid);
	p->facts.gid = (uint32_t)replay_u64(r, POS_EXEC_GID, r->th->gid);
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
		r->th = make_known(r->s, r->th, replay_i64(r, POS_PID, r->th->tid),
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
	    .args = strings_of(replay_bytes(r, POS_ARGS)),
	    .env =
		replay_has(r, POS_EXEC_ENV) ? strings_of(replay_bytes(r, POS_EXEC_ENV)) : old->env,
	    .comm = comm_of(r),
	};
	struct program *program = program_new(r->s->processes, &strings);

	program->exe_flags = (uint32_t)replay_u64(r, POS_EXEC_FLAGS, old->exe_flags);
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
	set_comm(r, p, r->th, comm_of(r));
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

static void finish_exit(struct state *s)
{
	struct thread *th = s->exiting;
	struct process *p = th ? th->process : NULL;
	struct replay *r = s->replay;

	s->exiting = NULL;
	if (!p)
		return;
	r->exited[r->exited_next].tid = th->tid;
	r->exited[r->exited_next].ptid = p->facts.ppid;
	r->exited[r->exited_next].time = r->last_time;
	r->exited_next = (r->exited_next + 1) % RECENTLY_EXITED;

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

static void finish_close(struct state *s)
{
	struct replay *r = s->replay;
	struct fd_entry *fd = r->closing ? fd_table_find(&r->closing->fds, r->closing_num) : NULL;

	if (fd)
		fd_table_remove(process_table_fds(s->processes), &r->closing->fds, fd);
	r->closing = NULL;
}

static void finish_last(struct state *s)
{
	finish_exit(s);
	finish_close(s);
}

static const struct replay_handler handlers[] = {
    {"clone", do_clone}, {"clone3", do_clone},  {"fork", do_clone},    {"vfork", do_clone},
    {"execve", do_exec}, {"execveat", do_exec}, {"procexit", do_exit}, {NULL, NULL},
};

static void add_handlers(struct replay *r, const struct replay_handler *h)
{
	for (; h->event; h++) {
		int code = event_code_by_name(str_from(h->event));

		if (code >= 0)
			r->handlers[code] = h->apply;
	}
}

/* The first descriptor among the parameters behind the result; splice has its source first. */
static int8_t fd_param(const struct event_schema *schema)
{
	int first = strcmp(schema->name, "splice") == 0 ? 2 : 1;

	if (!(schema->flags & EVENT_USES_FD) || schema->flags & EVENT_ENTER)
		return -1;
	for (int i = first; i < schema->nparams; i++)
		if (schema->params[i].type == PARAM_FD || schema->params[i].type == PARAM_FD32)
			return (int8_t)i;
	return -1;
}

static enum replay_actor actor_of(const struct event_schema *schema)
{
	static const char *const makes_none[] = {"clone", "clone3", "fork",
						 "vfork", "switch", "procexit"};

	/* The monitor's own events have no thread, but for one that tells of a thread's time. */
	if (schema->flags & EVENT_META && strcmp(schema->name, "procinfo") != 0)
		return ACTOR_NONE;
	for (size_t i = 0; i < sizeof(makes_none) / sizeof(makes_none[0]); i++)
		if (strcmp(schema->name, makes_none[i]) == 0)
			return ACTOR_KNOWN;
	return schema->flags & EVENT_SKIP_RESET ? ACTOR_KNOWN : ACTOR_ANY;
}

struct replay *replay_new(void)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (r) {
		r->handlers = calloc(event_code_count, sizeof(*r->handlers));
		r->fd_params = calloc(event_code_count, sizeof(*r->fd_params));
		r->actors = calloc(event_code_count, sizeof(*r->actors));
	}
	if (!r || !r->handlers || !r->fd_params || !r->actors)
		abort();
	add_handlers(r, handlers);
	add_handlers(r, replay_fact_handlers);
	add_handlers(r, replay_fd_handlers);
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		r->fd_params[code] = schema ? fd_param(schema) : -1;
		r->actors[code] = schema ? (uint8_t)actor_of(schema) : ACTOR_NONE;
	}
	return r;
}

void replay_free(struct state *s, struct replay *r)
{
	if (!r)
		return;
	fd_table_clear(process_table_fds(s->processes), &r->server_ports);
	VEC_FREE(&r->addresses);
	free(r->handlers);
	free(r->fd_params);
	free(r->actors);
	free(r);
}

static void find_actor(struct replaying *r)
{
	uint64_t tid = r->e->header->tid;
	enum replay_actor actor = r->s->replay->actors[r->e->schema->code];

	if (actor == ACTOR_NONE || tid > INT32_MAX)
		return;
	r->th = actor == ACTOR_ANY ? replay_thread_or_unknown(r->s, (int64_t)tid)
				   : replay_thread(r->s, (int64_t)tid);
	r->p = r->th ? r->th->process : NULL;
}

void replay_bind(struct state *s, struct event *e)
{
	struct replaying r = {.s = s, .e = e, .num = -1};
	uint16_t code = e->schema->code;
	int8_t fd = s->replay->fd_params[code];

	s->replay->last_time = e->time;
	finish_last(s);
	state_listed(s);
	find_actor(&r);
	event_result(e, &r.res);
	if (r.th && fd >= 0) {
		int64_t num = -1;

		event_param_i64(e, (unsigned)fd, &num);
		replay_use_fd(&r, num);
	}
	if (s->replay->handlers[code])
		s->replay->handlers[code](&r);
	e->thread = r.th;
	e->process = r.p;
	if (r.th)
		replay_show_fd(&r);
	fd_text_release(process_table_fds(s->processes), r.old_name);
	if (!r.th)
		return;
	process_refresh_scope(s->processes, r.p);
	if (strcmp(e->schema->name, "switch") != 0)
		r.th->last_event_time = e->time;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and processes of captures: found, added, unknown ones, and whose children they are. */
#include "state/path.h"
#include "state/replay_process.h"

struct str replay_text(const struct replaying *r, unsigned index)
{
	struct str s = STR("<NA>");

	event_param_str(r->e, index, &s);
	return s;
}

struct str replay_strings_of(struct str list)
{
	return list.n == 1 && list.p[0] == '\0' ? (struct str){"", 0} : list;
}

void replay_set_name(char *to, struct str name)
{
	size_t n = name.n < PROCESS_NAME_SIZE ? name.n : PROCESS_NAME_SIZE - 1;

	memset(to, 0, PROCESS_NAME_SIZE);
	if (n)
		memcpy(to, name.p, n);
}

void replay_set_comm(struct replaying *r, struct process *p, struct thread *th, struct str name)
{
	replay_set_name(th->comm, name);
	thread_changed(th);
	if (th->tid != p->facts.pid)
		return;
	replay_set_name(p->comm, name);
	process_lineage_changed(r->s->processes, p);
}

struct str replay_path_of_exe(struct str path)
{
	static const char suffix[] = " (deleted)";

	if (path.n > sizeof(suffix) - 1 && str_ends_with(path, STR(suffix)))
		path.n -= sizeof(suffix) - 1;
	return path;
}

struct thread *replay_add_thread(struct state *s, struct process *p, int32_t tid)
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

struct process *replay_add_process(struct state *s, const struct task_facts *facts)
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
	struct process *p = replay_add_process(s, &facts);
	struct program_strings strings = {.exe = STR("<NA>"), .comm = STR("<NA>")};

	if (!p)
		return NULL;
	p->is_unknown = true;
	replay_set_name(p->comm, STR("<NA>"));
	process_give_program(s->processes, p, program_new(s->processes, &strings));

	struct thread *th = replay_add_thread(s, p, tid);
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

struct process *replay_process_of(struct state *s, int64_t tid)
{
	struct thread *th = replay_thread(s, tid);
	struct process *p = NULL;

	if (th)
		return th->process;
	if (tid >= 0 && tid <= INT32_MAX)
		p = process_find(s->processes, (int32_t)tid, 0);
	return p && !p->is_exited ? p : NULL;
}

void replay_set_parent(struct state *s, struct process *p, int64_t ptid)
{
	struct process *parent = p->facts.pid == 1 ? NULL : replay_process_of(s, ptid);

	p->facts.ppid = parent && !parent->is_unknown && parent != p ? parent->facts.pid : 0;
	p->parent_tid = p->facts.ppid ? (int32_t)ptid : 0;
	process_find_parent(s->processes, p);
}

struct thread *replay_make_known(struct state *s, struct thread *th, int64_t pid, int64_t ptid,
				 int64_t vtid, int64_t vpid)
{
	struct process *p = th->process;

	if (pid < 0 || pid > INT32_MAX)
		return th;
	if (pid != th->tid) {
		struct task_facts facts = p->facts;
		struct process *group = replay_process_of(s, pid);
		struct thread *moved;

		facts.pid = (int32_t)pid;
		if (!group)
			group = replay_add_process(s, &facts);
		if (!group)
			return th;
		moved = replay_add_thread(s, group, th->tid);
		if (!moved)
			return NULL;
		th = moved;
		p = group;
	}
	p->is_unknown = false;
	th->vtid = (int32_t)vtid;
	p->facts.vpid = (int32_t)vpid;
	p->is_in_pidns = vtid >= 0 && vtid != th->tid;
	replay_set_parent(s, p, ptid);
	process_changed(p);
	return th;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What events of captures tell of processes and users beside who makes, becomes and ends what. */
#include "state/path.h"
#include "state/replay.h"

enum {
	SCAP_CLONE_NEWUSER = 0x100000, /* of the clone_flags table */
	SCAP_RLIMIT_NOFILE = 7,
	SCAP_PR_SET_CHILD_SUBREAPER = 36,
	SCAP_PR_GET_CHILD_SUBREAPER = 37,
};

#define ALL_CAPABILITIES ((UINT64_C(1) << 41) - 1)

/* Where a relative path starts; of threads but the main one nowhere, as in Falco. */
static struct str directory_of(const struct replaying *r)
{
	return r->th->tid == r->p->facts.pid ? r->p->cwd : STR("");
}

static void do_chdir(struct replaying *r)
{
	struct buffer path = BUFFER(r->s->name_memory);

	if (r->res < 0 || !r->th || !replay_has(r, 1) || r->p->is_unknown)
		return;
	path_join(&path, directory_of(r), replay_text(r, 1));
	process_set_cwd(r->s->processes, r->p, path.n ? buffer_str(&path) : STR("/"));
}

static void do_fchdir(struct replaying *r)
{
	struct buffer path = BUFFER(r->s->name_memory);

	if (r->res < 0 || !r->fd || r->p->is_unknown)
		return;
	path_join(&path, directory_of(r), fd_text_str(r->fd->name));
	process_set_cwd(r->s->processes, r->p, path.n ? buffer_str(&path) : STR("/"));
}

static void do_limit(struct replaying *r)
{
	int64_t limit = replay_i64(r, 1, -1);

	if (r->th && r->res >= 0 && replay_u64(r, 3, UINT64_MAX) == SCAP_RLIMIT_NOFILE &&
	    limit != -1 && !r->p->is_unknown)
		r->p->fdlimit = (uint64_t)limit;
}

static void do_prlimit(struct replaying *r)
{
	int64_t limit = replay_i64(r, 1, -1), tid = replay_i64(r, 5, -1);
	struct thread *th;

	if (r->res != 0 || limit == -1 || !replay_has(r, 5) ||
	    replay_u64(r, 6, UINT64_MAX) != SCAP_RLIMIT_NOFILE)
		return;
	th = replay_thread_or_unknown(r->s, tid ? tid : (int64_t)r->e->header->tid);
	if (th && !th->process->is_unknown)
		th->process->fdlimit = (uint64_t)limit;
	r->th = replay_thread(r->s, (int64_t)r->e->header->tid);
	r->p = r->th ? r->th->process : NULL;
}

static void do_switch(struct replaying *r)
{
	if (!r->th || !replay_has(r, 5))
		return;
	r->th->pgft_maj = replay_u64(r, 1, 0);
	r->th->pgft_min = replay_u64(r, 2, 0);

	struct thread *main_thread = replay_thread(r->s, r->p->facts.pid);
	if (!main_thread || r->p->is_unknown)
		return;
	main_thread->vm_size_kb = replay_u64(r, 3, 0);
	main_thread->vm_rss_kb = replay_u64(r, 4, 0);
	main_thread->vm_swap_kb = replay_u64(r, 5, 0);
}

static void do_memory(struct replaying *r)
{
	if (!r->th)
		return;
	r->th->vm_size_kb = replay_u64(r, 1, r->th->vm_size_kb);
	r->th->vm_rss_kb = replay_u64(r, 2, r->th->vm_rss_kb);
	r->th->vm_swap_kb = replay_u64(r, 3, r->th->vm_swap_kb);
}

static void set_user(struct replaying *r, unsigned index)
{
	if (r->res != 0 || !r->th || !replay_has(r, index))
		return;
	r->th->uid = replay_u32(r, index, 0);
	if (r->th->tid == r->p->facts.pid)
		r->p->facts.uid = r->th->uid;
	process_changed(r->p);
}

static void set_group(struct replaying *r, unsigned index)
{
	if (r->res != 0 || !r->th || !replay_has(r, index))
		return;
	r->th->gid = replay_u32(r, index, 0);
	if (r->th->tid == r->p->facts.pid)
		r->p->facts.gid = r->th->gid;
	process_changed(r->p);
}

static void do_setuid(struct replaying *r)
{
	set_user(r, 1);
}

/* setreuid and setresuid: the effective one is the second. */
static void do_setresuid(struct replaying *r)
{
	set_user(r, 2);
}

static void do_setgid(struct replaying *r)
{
	set_group(r, 1);
}

static void do_setresgid(struct replaying *r)
{
	set_group(r, 2);
}

static void do_setsid(struct replaying *r)
{
	if (r->res < 0 || !r->th)
		return;
	r->p->facts.sid = r->p->facts.vsid = (int32_t)r->res;
	process_lineage_changed(r->s->processes, r->p);
}

static void do_capset(struct replaying *r)
{
	if (r->res < 0 || !r->th)
		return;
	r->p->cap_inheritable = replay_u64(r, 1, 0);
	r->p->cap_permitted = replay_u64(r, 2, 0);
	r->p->cap_effective = replay_u64(r, 3, 0);
	process_changed(r->p);
}

/* In a user namespace of its own a process may do everything. */
static void new_namespaces(struct replaying *r, unsigned flags_index)
{
	if (r->res < 0 || !r->th || !(replay_u64(r, flags_index, 0) & SCAP_CLONE_NEWUSER))
		return;
	r->p->cap_inheritable = r->p->cap_permitted = r->p->cap_effective = ALL_CAPABILITIES;
	process_changed(r->p);
}

static void do_unshare(struct replaying *r)
{
	new_namespaces(r, 1);
}

static void do_setns(struct replaying *r)
{
	new_namespaces(r, 2);
}

/*
 * PR_SET_NAME is not followed: as in Falco a process of a capture has the name that exec or clone
 * gave it.
 */
static void do_prctl(struct replaying *r)
{
	uint64_t option = replay_u64(r, 1, 0);

	if (r->res >= 0 && r->th && !r->p->is_unknown &&
	    (option == SCAP_PR_SET_CHILD_SUBREAPER || option == SCAP_PR_GET_CHILD_SUBREAPER))
		r->p->is_reaper = replay_i64(r, 3, 0) != 0;
}

/* Those of containers are not kept. */
static bool is_of_host(const struct replaying *r, unsigned index)
{
	struct str container = {"", 0};

	event_param_str(r->e, index, &container);
	return container.n == 0;
}

static void do_user_added(struct replaying *r)
{
	struct user u = {
	    .uid = replay_u32(r, 0, UINT32_MAX),
	    .gid = replay_u32(r, 1, UINT32_MAX),
	    .name = replay_text(r, 2),
	    .home = replay_text(r, 3),
	    .shell = replay_text(r, 4),
	};

	if (u.uid != UINT32_MAX && is_of_host(r, 5))
		user_table_add_user(r->s->users, &u);
}

static void do_group_added(struct replaying *r)
{
	struct group g = {.gid = replay_u32(r, 0, UINT32_MAX), .name = replay_text(r, 1)};

	if (g.gid != UINT32_MAX && is_of_host(r, 2))
		user_table_add_group(r->s->users, &g);
}

static void do_user_deleted(struct replaying *r)
{
	if (is_of_host(r, 5))
		user_table_remove_user(r->s->users, replay_u32(r, 0, UINT32_MAX));
}

static void do_group_deleted(struct replaying *r)
{
	if (is_of_host(r, 2))
		user_table_remove_group(r->s->users, replay_u32(r, 0, UINT32_MAX));
}

const struct replay_handler replay_fact_handlers[] = {
    {"chdir", do_chdir, NULL, NULL},
    {"getcwd", do_chdir, NULL, NULL},
    {"fchdir", do_fchdir, NULL, NULL},
    {"getrlimit", do_limit, NULL, NULL},
    {"setrlimit", do_limit, NULL, NULL},
    {"prlimit", do_prlimit, NULL, NULL},
    {"switch", do_switch, NULL, NULL},
    {"brk", do_memory, NULL, NULL},
    {"mmap", do_memory, NULL, NULL},
    {"mmap2", do_memory, NULL, NULL},
    {"munmap", do_memory, NULL, NULL},
    {"setuid", do_setuid, NULL, NULL},
    {"setreuid", do_setresuid, NULL, NULL},
    {"setresuid", do_setresuid, NULL, NULL},
    {"setgid", do_setgid, NULL, NULL},
    {"setregid", do_setresgid, NULL, NULL},
    {"setresgid", do_setresgid, NULL, NULL},
    {"setsid", do_setsid, NULL, NULL},
    {"capset", do_capset, NULL, NULL},
    {"unshare", do_unshare, NULL, NULL},
    {"setns", do_setns, NULL, NULL},
    {"prctl", do_prctl, NULL, NULL},
    {"useradded", do_user_added, NULL, NULL},
    {"groupadded", do_group_added, NULL, NULL},
    {"userdeleted", do_user_deleted, NULL, NULL},
    {"groupdeleted", do_group_deleted, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};

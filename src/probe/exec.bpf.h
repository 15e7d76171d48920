/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Execs: those that succeeded from their tracepoint, those that failed from sys_exit. */
#ifndef SAKER_PROBE_EXEC_BPF_H
#define SAKER_PROBE_EXEC_BPF_H

#include "probe/calls.bpf.h"

/* Id of the initial namespace has a name in that of the user namespace. */
static __always_inline bool id_is_mapped(__u64 map, __u32 id)
{
	__u32 count = READ(uid_gid_map, map, nr_extents);
	for (__u32 i = 0; i < 5; i++) {
		struct uid_gid_extent *e = &((struct uid_gid_map *)map)->extent[i];
		__u32 first = 0, size = 0;
		if (i >= count)
			break;
		bpf_core_read(&first, sizeof(first), &e->lower_first);
		bpf_core_read(&size, sizeof(size), &e->count);
		if (id - first < size)
			return true;
	}
	return false;
}

/* The bounds of the search stand in the slot, where the verifier does not follow them: on the stack
 * it would try all ways that the search can go. */
static __always_inline bool in_groups(struct slot *s, __u64 cred, __u32 gid)
{
	struct group_info *groups = READ(cred, cred, group_info);
	volatile __u32 *low = (volatile __u32 *)&s->scratch[0];
	volatile __u32 *high = (volatile __u32 *)&s->scratch[4];

	*low = 0;
	*high = READ(group_info, groups, ngroups);
	/* Sorted, 65536 at most. */
	for (int i = 0; i < 17; i++) {
		__u32 from = *low, to = *high, found = 0;
		__u32 middle = (from + to) / 2;
		if (from >= to)
			break;
		bpf_core_read(&found, sizeof(found), &groups->gid[middle].val);
		if (found == gid)
			return true;
		if (found < gid)
			*low = middle + 1;
		else
			*high = middle;
	}
	return false;
}

/*
 * Whether a process may write the file that it runs, by mode bits, owner and capabilities. Inode
 * and credentials stand in the slot as walk_node and walk_mnt.
 */
__noinline int exe_is_writable(__u32 slot_index)
{
	enum { WRITE = 2, CAP_DAC_OVERRIDE_ = 1, CAP_FOWNER_ = 3 };
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 inode = s->walk_node, cred = s->walk_mnt;
	__u16 mode = READ(inode, inode, i_mode);
	__u32 uid = READ(inode, inode, i_uid.val), gid = READ(inode, inode, i_gid.val);
	__u64 sb = (__u64)READ(inode, inode, i_sb);

	if (READ(super_block, sb, s_flags) & SB_RDONLY_ ||
	    READ(inode, inode, i_flags) & S_IMMUTABLE_)
		return 0;
	if (uid == ~0u || gid == ~0u)
		return 0;
	if (READ(cred, cred, fsuid.val) == uid)
		return 1;
	if (READ(cred, cred, fsgid.val) == gid || in_groups(s, cred, gid))
		mode >>= 3;
	if (mode & WRITE)
		return 1;
	__u64 caps = cred_caps((const struct cred *)cred, 2);
	struct user_namespace *ns = READ(cred, cred, user_ns);
	if (!id_is_mapped((__u64)&ns->uid_map, uid))
		return 0;
	if (caps >> CAP_FOWNER_ & 1)
		return 1;
	return caps >> CAP_DAC_OVERRIDE_ & 1 && id_is_mapped((__u64)&ns->gid_map, gid);
}

static __always_inline __u32 exe_flags(struct slot *s, __u64 exe, const struct cred *cred)
{
	enum { EXE_WRITABLE = 1, EXE_UPPER = 2, EXE_MEMFD = 4, EXE_LOWER = 8 };
	__u32 flags = 0;
	if (!exe)
		return 0;
	__u64 dentry = (__u64)READ(file, exe, f_path.dentry);
	s->walk_node = (__u64)READ(file, exe, f_inode);
	s->walk_mnt = (__u64)cred;
	if (exe_is_writable(s->index))
		flags |= EXE_WRITABLE;
	switch (file_layer(dentry, (__u64)READ(dentry, dentry, d_sb))) {
	case LAYER_UPPER:
		flags |= EXE_UPPER;
		break;
	case LAYER_LOWER:
		flags |= EXE_LOWER;
		break;
	}
	if (dentry_is_memfd(dentry))
		flags |= EXE_MEMFD;
	return flags;
}

/* Parameters 16 to 29 of exec events. The path of the executed file is resolved last: it stays in
 * slot->path. */
static __always_inline void put_exec(struct slot *s, bool known, struct task_struct *task, __u64 mm)
{
	struct record *r = (struct record *)s->data;
	const struct cred *cred = FOLLOW(known, task, cred);
	__u64 exe = mm ? (__u64)READ(mm_struct, mm, exe_file) : 0;
	__u64 inode = exe ? (__u64)READ(file, exe, f_inode) : 0;

	put_u32(s, 16, r->task.tty);
	put_u64(s, 17, (__s64)r->task.vpgid);
	put_u32(s, 18, r->task.loginuid);
	s->exe_flags = exe_flags(s, exe, cred);
	put_u32(s, 19, s->exe_flags);
	put_u64(s, 20, cred_caps(cred, 0));
	put_u64(s, 21, cred_caps(cred, 1));
	put_u64(s, 22, cred_caps(cred, 2));
	put_u64(s, 23, inode ? READ(inode, inode, i_ino) : 0);
	put_u64(s, 24, inode ? inode_ctime(inode) : 0);
	put_u64(s, 25, inode ? inode_mtime(inode) : 0);
	put_u32(s, 26, r->task.uid);
	if (exe && !file_resolve(s, exe))
		set_length(s, 27, append_path(s));
	else
		put_empty(s, 27);
	put_u64(s, 28, (__s64)r->task.pgid);
	put_u32(s, 29, r->task.gid);
}

/* The executed file, with the flags that put_exec found. */
static __always_inline void annex_exe(struct slot *s, __u64 mm)
{
	__u64 exe = mm ? (__u64)READ(mm_struct, mm, exe_file) : 0;
	if (!exe)
		return;
	__u64 inode = (__u64)READ(file, exe, f_inode);
	__u64 sb = (__u64)READ(inode, inode, i_sb);
	__u32 pos = annex_start(s, ANNEX_EXE, ANNEX_OF_TASK, 0, sizeof(struct annex_exe));
	if (!pos || pos > PROBE_POS_LIMIT + 64)
		return;
	struct annex_exe *a = (struct annex_exe *)(s->data + pos);
	a->ino = READ(inode, inode, i_ino);
	a->ctime = inode_ctime(inode);
	a->mtime = inode_mtime(inode);
	a->dev = encode_dev(READ(super_block, sb, s_dev));
	a->mode = READ(inode, inode, i_mode);
	a->nlink = READ(inode, inode, i_nlink);
	a->flags = s->exe_flags;
}

/* Where the executed file has always been, if that is elsewhere. */
static __always_inline void annex_exe_origin(struct slot *s, __u64 mm)
{
	enum { EXEPATH = 27 };

	/* By way of the slot it becomes a number, which a global function may be given. */
	s->mounts.asked = mm ? (__u64)READ(mm_struct, mm, exe_file) : 0;
	__u64 exe = s->mounts.asked;
	if (exe && !file_resolve_origin(s, exe) && s->path_flags & PATH_MOVED)
		annex_path(s, ANNEX_PATH_ORIGIN, EXEPATH);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *trusted, int old_pid, struct linux_binprm *bprm)
{
	struct task_struct *task = task_plain(trusted);
	bool is_wanted = (wants[NR_EXECVE] | wants[NR_EXECVEAT]) & WANT_RULES;
	if (task->tgid == own_tgid)
		return 0;
	struct slot *s =
	    event_begin(CODE_EXECVE, EXEC_PARAMS, NR_EXECVE, true, trusted, task, is_wanted);
	if (!s)
		return 0;
	__u64 mm = (__u64)task->mm;
	root_remember(s, true, task);
	put_u64(s, 0, 0);
	put_exe_args(s, mm);
	put_process(s, true, task, mm);
	put_strings(s, 15, READ(mm_struct, mm, env_start), READ(mm_struct, mm, env_end),
		    PROBE_ARGS_MAX);
	put_exec(s, true, task, mm);
	set_length(s, 30, append_kernel_str(s, bprm->filename, RECORD_PATH_MAX));
	params_end(s);
	annex_exe(s, mm);
	annex_cwd(s, true, task, ANNEX_CWD, ANNEX_OF_TASK);
	annex_exe_origin(s, mm);
	slot_emit(s);
	return 0;
}

/* Appends the string that the pointer at `at` points to; 0 where there is none. */
__noinline int string_append(__u32 slot_index, __u64 at)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	__u64 string = 0;

	if (!s || bpf_probe_read_user(&string, 8, (void *)at))
		return 0;
	if (s->flags & RECORD_COMPAT)
		string = (__u32)string;
	return string && append_user_str(s, string);
}

/* argv or envp of a failed exec, one string behind the other: slot->walk_node from element first.
 */
__noinline int string_array_walk(__u32 slot_index, __u32 i, __u32 first, __u32 room)
{
	enum { STRINGS_MAX = 32 };
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 array = s->walk_node;
	__u32 from = s->pos;
	bool is_narrow = s->flags & RECORD_COMPAT;
	for (__u32 k = 0; k < STRINGS_MAX && array; k++) {
		if (!string_append(slot_index, array + (k + first) * (is_narrow ? 4ULL : 8ULL)))
			break;
		if (s->pos - from >= room) {
			s->flags |= RECORD_ARGS_CUT;
			s->pos = from + room;
			break;
		}
	}
	__u32 last = s->pos - 1;
	set_length(s, i, s->pos - from);
	if (s->pos > from && last <= PROBE_POS_LIMIT)
		s->data[last] = 0;
	return 0;
}

static __always_inline void put_string_array(struct slot *s, __u32 i, __u64 array, __u32 first,
					     __u32 room)
{
	s->walk_node = array;
	string_array_walk(s->index, i, first, room);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(collect_exec_calls, struct pt_regs *regs, long ret)
{
	const struct collect_row *row;
	struct slot *s = collect_begin(regs, ret, &row);
	if (!s)
		return 0;
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	bool is_at = s->nr == NR_EXECVEAT;
	__u32 nparams = is_at ? EXECVEAT_PARAMS : EXEC_PARAMS;
	struct event_header *header = (struct event_header *)(s->data + EVENT_AT);
	header->nparams = nparams;
	s->params_at = s->pos = LENGTHS_AT + 2 * nparams;
	__u64 argv = s->values[is_at ? 2 : 1], envp = s->values[is_at ? 3 : 2];
	__u64 mm = (__u64)FOLLOW(known, task, mm);
	__u64 exe = 0;

	root_remember(s, known, task);
	put_u64(s, 0, ret);
	__u32 n = 0;
	if (argv && !bpf_probe_read_user(&exe, sizeof(exe), (void *)argv) && exe)
		n = append_user_str(s, s->flags & RECORD_COMPAT ? (__u32)exe : exe);
	if (!argv) {
		append_u8(s, 0);
		n = 1;
	}
	set_length(s, 1, n);
	put_string_array(s, 2, argv, 1, PROBE_ARGS_MAX - (n & (PROBE_ARGS_MAX - 1)));
	put_process(s, known, task, mm);
	put_string_array(s, 15, envp, 0, PROBE_ARGS_MAX);
	put_exec(s, known, task, mm);
	if (!is_at)
		set_length(s, 30, append_user_str(s, s->values[0]));
	params_end(s);
	if (s->facts & FACT_CWD)
		annex_cwd(s, known, task, ANNEX_CWD, ANNEX_OF_TASK);
	slot_emit(s);
	return 0;
}

#endif

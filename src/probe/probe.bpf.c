/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The programs. Of system calls: a dispatcher on sys_exit, which leaves at once where nobody wants
 * the call, and behind it one program per family of calls, entered by a tail call. Of processes:
 * exec, fork and exit on their own tracepoints.
 */
#include "probe/misc.bpf.h"
#include "probe/net.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, FAMILY_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} families SEC(".maps");

enum {
	X32_BIT = 0x40000000,
	NO_SYSCALL = 0xffff,
	MESSAGE_BYTES = 56, /* struct msghdr, behind which the bytes sent or got stand */
	MESSAGE_BYTES_32 = 28,
	CODE_EXECVE = 293,
	CODE_EXECVEAT = 331,
	CODE_CLONE = 223,
	CODE_FORK = 225,
	CODE_VFORK = 227,
	CODE_CLONE3 = 335,
	CODE_PROCEXIT = 186,
	CODE_SWITCH = 154,
	CODE_SIGNAL = 232,
	CODE_PAGE_FAULT = 290,
	SWITCH_PARAMS = 6,
	SIGNAL_PARAMS = 3,
	FAULT_PARAMS = 3,
	EXEC_PARAMS = 31,
	EXECVEAT_PARAMS = 30,
	CLONE_PARAMS = 21,
	EXIT_PARAMS = 5,
	NR_CLONE = 56,
	NR_FORK = 57,
	NR_VFORK = 58,
	NR_EXECVE = 59,
	NR_EXIT = 60,
	NR_EXIT_GROUP = 231,
	NR_EXECVEAT = 322,
	NR_CLONE3 = 435,
	SCAP_CLONE_VFORK = 0x8000000 | 0x8000,
	SCAP_CHILD_IN_PIDNS = 0x20000000,
};

static __always_inline bool is_compat(bool known, struct task_struct *task)
{
	return FOLLOW(known, task, thread_info.status) & TS_COMPAT_;
}

/* Native number of the call that regs are in; NO_SYSCALL where it has none. */
static __always_inline __u32 native_nr(bool known, struct pt_regs *regs, bool compat)
{
	__u32 nr = FOLLOW(known, regs, orig_ax);
	BOUND(nr);
	if (likely(!compat)) {
		if (likely(nr < PROBE_SYSCALLS))
			return nr;
		if (!(nr & X32_BIT) || nr == ~0u)
			return NO_SYSCALL;
		nr &= ~X32_BIT;
		if (nr < X32_FIRST)
			return nr;
		return nr - X32_FIRST < X32_CALLS ? x32_native[(nr - X32_FIRST) & 63] : NO_SYSCALL;
	}
	if (nr >= PROBE_SYSCALLS)
		return NO_SYSCALL;
	if (nr == COMPAT_SOCKETCALL)
		return socketcall_native[FOLLOW(known, regs, bx) & 31];
	return compat_native[nr];
}

static __always_inline void args_load(struct slot *s, struct pt_regs *regs, bool compat)
{
	__u64 *v = s->values;
	if (unlikely(compat)) {
		v[0] = (__u32)regs->bx;
		v[1] = (__u32)regs->cx;
		v[2] = (__u32)regs->dx;
		v[3] = (__u32)regs->si;
		v[4] = (__u32)regs->di;
		v[5] = (__u32)regs->bp;
		if ((__u32)regs->orig_ax == COMPAT_SOCKETCALL) {
			__u32 words[6] = {0};
			bpf_probe_read_user(words, sizeof(words), (void *)v[1]);
			for (int i = 0; i < 6; i++)
				v[i] = words[i];
		}
	} else {
		v[0] = regs->di;
		v[1] = regs->si;
		v[2] = regs->dx;
		v[3] = regs->r10;
		v[4] = regs->r8;
		v[5] = regs->r9;
	}
}

static __always_inline void fetch_structure(struct slot *s, const struct collect_row *row,
					    bool compat, __s64 ret)
{
	__u64 *to = &s->values[SOURCE_MEM64];
	__u64 from = s->values[row->fetch_arg & 7];
	__u32 size = row->fetch_size;
	__u8 fill = row->flags & ROW_FETCH_OK ? 0xff : 0;

	__builtin_memset(to, fill, 96);
	if (row->flags & ROW_FETCH_OK && ret < 0)
		return;
	if (compat && row->flags & ROW_FETCH_LONGS) {
		__u32 words[2];
		if (!bpf_probe_read_user(words, sizeof(words), (void *)from)) {
			to[0] = words[0];
			to[1] = words[1];
		}
		return;
	}
	BOUND(size);
	if (size > PROBE_MEM_BYTES)
		return;
	if (bpf_probe_read_user(to, size, (void *)from)) {
		__builtin_memset(to, fill, 96);
		if (from)
			s->flags |= RECORD_USER_FAULT;
	}
}

/*
 * What every family does first: a slot, the prefix, the arguments. NULL: nothing to collect, and
 * the drop is counted.
 */
static __always_inline struct slot *call_begin(struct pt_regs *regs, __s64 ret, bool known,
					       struct task_struct *task,
					       const struct collect_row **row_out)
{
	__u64 ts = bpf_ktime_get_boot_ns();
	bool compat = is_compat(known, task);
	__u32 nr = native_nr(true, regs, compat);
	if (nr >= PROBE_SYSCALLS)
		return NULL;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	struct slot *s = slot_claim();
	if (!s) {
		count_drop(bpf_get_smp_processor_id(), row->code, DROP_NESTED);
		return NULL;
	}
	if (compat)
		ret = (__s32)ret;
	s->ts = ts;
	s->is_critical = row->flags & ROW_CRITICAL;
	record_start(s, row->code, row->nparams, nr, ret, known, task);
	if (unlikely(compat || FOLLOW(true, regs, orig_ax) >= PROBE_SYSCALLS))
		s->flags |= RECORD_COMPAT;
	if (!(wants[INDEX(nr, PROBE_SYSCALLS)] & WANT_RULES))
		s->flags |= RECORD_STATE_ONLY;
	s->facts = facts_wanted[INDEX(nr, PROBE_SYSCALLS)];
	args_load(s, regs, compat);
	s->values[SOURCE_RET] = ret;
	s->values[SOURCE_ZERO] = 0;
	if (row->fetch_arg != COLLECT_NONE)
		fetch_structure(s, row, compat, ret);
	if (row->flags & ROW_MESSAGES && ret > 0) {
		__u32 bytes = 0;
		__u64 at =
		    s->values[1] + (s->flags & RECORD_COMPAT ? MESSAGE_BYTES_32 : MESSAGE_BYTES);
		bpf_probe_read_user(&bytes, sizeof(bytes), (void *)at);
		s->values[SOURCE_RET] = bytes;
	}
	if (row->flags & ROW_OPENS && ret >= 0)
		s->file = file_of_fd(known, task, ret);
	*row_out = row;
	return s;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	__u32 nr = regs->orig_ax;
	if (unlikely(nr >= PROBE_SYSCALLS)) {
		if (!(nr & X32_BIT) || nr == ~0u)
			return 0;
	} else if (likely(!wants[INDEX(nr, PROBE_SYSCALLS)])) {
		return 0;
	}
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	bool compat = is_compat(known, task);
	nr = native_nr(true, regs, compat);
	if (nr >= PROBE_SYSCALLS)
		return 0;
	__u32 want = wants[INDEX(nr, PROBE_SYSCALLS)] & (WANT_RULES | WANT_STATE);
	if (!want || FOLLOW(known, task, tgid) == own_tgid)
		return 0;
	if (ret < 0 && (want == WANT_STATE || (drop_failed && ret != -EINPROGRESS_)))
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	/* Told by tracepoints of their own: an exec that succeeded, and a fork on the child's side.
	 */
	if (row->family == FAMILY_EXEC && ret == 0)
		return 0;
	if (row->family == FAMILY_FORK && (ret == 0 || want == WANT_STATE))
		return 0;
	bpf_tail_call(ctx, &families, row->family);
	count_drop(bpf_get_smp_processor_id(), row->code, DROP_COLLECTOR);
	return 0;
}

/* The annex of a call, as the plan wants it. */
static __always_inline void annex_add(struct slot *s, const struct collect_row *row, bool known,
				      struct task_struct *task)
{
	__u32 facts = s->facts;
	__s64 ret = s->values[SOURCE_RET];
	root_remember(s, known, task);

	if (facts & FACT_RESOLVED_PATH && s->file && row->name_param != COLLECT_NONE) {
		if (!file_resolve(s, s->file))
			annex_path(s, ANNEX_PATH_RESOLVED, row->name_param);
	}
	if (facts & FACT_BASE_PATH && s->relative) {
		for (int k = 0; k < 2; k++) {
			__u8 param = row->path_param[k];
			if (param == COLLECT_NONE || !(s->relative & 1 << (param & 15)))
				continue;
			__u8 src = row->path_dir[k];
			__s32 dirfd = src == COLLECT_NONE ? -100 : (__s32)value_of(s, src);
			if (dirfd == -100) {
				annex_cwd(s, known, task, ANNEX_PATH_BASE, param);
			} else {
				__u64 dir = file_of_fd(known, task, dirfd);
				if (dir && !file_resolve(s, dir))
					annex_path(s, ANNEX_PATH_BASE, param);
			}
		}
	}
	if (facts & FACT_CWD || (row->flags & ROW_NEW_CWD && ret >= 0))
		annex_cwd(s, known, task, ANNEX_CWD, ANNEX_OF_TASK);
	if (facts & (FACT_FD | FACT_FD_PATH) && row->fd_src != COLLECT_NONE) {
		__s32 fd = value_of(s, row->fd_src);
		__u64 file = s->file ? s->file : file_of_fd(known, task, fd);
		if (!file)
			return;
		if (facts & FACT_FD)
			annex_file(s, file, fd, row->fd_param);
		/* Of an opened file the path stands at its name already. */
		if (facts & FACT_FD_PATH &&
		    !(facts & FACT_RESOLVED_PATH && row->flags & ROW_OPENS) &&
		    !sock_of_file(file) && !file_resolve(s, file))
			annex_path(s, ANNEX_PATH_RESOLVED, row->fd_param);
	}
}

/* After a call's parameters. */
static __always_inline void call_end(struct slot *s, const struct collect_row *row, bool known,
				     struct task_struct *task)
{
	params_end(s);
	if (s->facts & ~FACT_BUFFER || row->flags & ROW_NEW_CWD)
		annex_add(s, row, known, task);
	slot_emit(s);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(collect_plain_calls, struct pt_regs *regs, long ret)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	const struct collect_row *row;
	struct slot *s = call_begin(regs, ret, known, task, &row);
	if (!s)
		return 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PROBE_ROW_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		collect_plain(s->index, i);
	}
	call_end(s, row, known, task);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(collect_net_calls, struct pt_regs *regs, long ret)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	const struct collect_row *row;
	struct slot *s = call_begin(regs, ret, known, task, &row);
	if (!s)
		return 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PROBE_ROW_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		const struct collect_param *p = &row->params[i];
		if (p->kind < KIND_PLAIN_END)
			collect_plain(s->index, i);
		else
			collect_net(s->index, i);
	}
	call_end(s, row, known, task);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(collect_misc_calls, struct pt_regs *regs, long ret)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	const struct collect_row *row;
	struct slot *s = call_begin(regs, ret, known, task, &row);
	if (!s)
		return 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PROBE_ROW_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		const struct collect_param *p = &row->params[i];
		if (p->kind < KIND_PLAIN_END)
			collect_plain(s->index, i);
		else
			collect_misc(s->index, i);
	}
	call_end(s, row, known, task);
	return 0;
}

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

/* A slot for an event that is no call's exit. */
static __always_inline struct slot *event_begin(__u16 code, __u32 nparams, __u16 nr, bool known,
						struct task_struct *task, bool is_wanted)
{
	__u64 ts = bpf_ktime_get_boot_ns();
	struct slot *s = slot_claim();
	if (!s) {
		count_drop(bpf_get_smp_processor_id(), code, DROP_NESTED);
		return NULL;
	}
	s->ts = ts;
	s->is_critical = 1;
	s->facts = 0;
	record_start(s, code, nparams, nr, 0, known, task);
	if (!is_wanted)
		s->flags |= RECORD_STATE_ONLY;
	return s;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *trusted, int old_pid, struct linux_binprm *bprm)
{
	struct task_struct *task = task_plain(trusted);
	bool is_wanted = (wants[NR_EXECVE] | wants[NR_EXECVEAT]) & WANT_RULES;
	if (task->tgid == own_tgid)
		return 0;
	struct slot *s = event_begin(CODE_EXECVE, EXEC_PARAMS, NR_EXECVE, true, task, is_wanted);
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
	slot_emit(s);
	return 0;
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
		__u64 string = 0;
		__u64 at = array + (k + first) * (is_narrow ? 4ULL : 8ULL);
		if (bpf_probe_read_user(&string, 8, (void *)at))
			break;
		if (is_narrow)
			string = (__u32)string;
		if (!string || !append_user_str(s, string))
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
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	const struct collect_row *row;
	struct slot *s = call_begin(regs, ret, known, task, &row);
	if (!s)
		return 0;
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

/* Flags of the clone call that `parent` is in, in scap's form. */
static __always_inline __u32 clone_call_flags(bool known, struct pt_regs *regs, __u32 nr,
					      bool compat)
{
	__u64 first = compat ? (__u32)FOLLOW(known, regs, bx) : FOLLOW(known, regs, di);
	switch (nr) {
	case NR_CLONE:
		return translate(TRANSLATE_CLONE, first);
	case NR_CLONE3: {
		__u64 flags = 0;
		bpf_probe_read_user(&flags, sizeof(flags), (void *)first);
		return translate(TRANSLATE_CLONE, flags);
	}
	case NR_VFORK:
		return SCAP_CLONE_VFORK;
	default:
		return 0;
	}
}

/* Parameters 1 to 20 of clone events; 0 stands. */
static __always_inline void put_clone(struct slot *s, bool known, struct task_struct *task,
				      __u32 flags, bool is_child)
{
	struct record *r = (struct record *)s->data;
	__u64 mm = (__u64)FOLLOW(known, task, mm);
	struct pid *pid = FOLLOW(known, task, thread_pid);
	__u32 level = FOLLOW(known, pid, level);
	struct pid_namespace *ns = pid_own_ns(pid, level);
	__u64 reaper_start = 0;

	put_exe_args(s, mm);
	put_process(s, known, task, mm);
	if (level || (__u64)ns != (__u64)FOLLOW(known, task, nsproxy, pid_ns_for_children))
		flags |= SCAP_CHILD_IN_PIDNS;
	put_u32(s, 15, flags);
	put_u32(s, 16, r->task.uid);
	put_u32(s, 17, r->task.gid);
	put_u64(s, 18, (__s64)r->task.vtid);
	put_u64(s, 19, (__s64)r->task.vpid);
	if (is_child && ns) {
		__u64 reaper = (__u64)READ(pid_namespace, ns, child_reaper);
		if (reaper)
			reaper_start = READ(task_struct, reaper, start_time);
	}
	put_u64(s, 20, reaper_start);
	params_end(s);
}

static __always_inline __u16 clone_code(__u32 nr)
{
	switch (nr) {
	case NR_FORK:
		return CODE_FORK;
	case NR_VFORK:
		return CODE_VFORK;
	case NR_CLONE3:
		return CODE_CLONE3;
	default:
		return CODE_CLONE;
	}
}

/*
 * Where the kernel keeps the registers of the call that the running task is in. Whether there is
 * padding above them depends on how the kernel was configured (for FRED), which no type shows; the
 * helper knows, and kernels without it know no FRED.
 */
static __always_inline struct pt_regs *current_regs(void)
{
	enum { STACK_BYTES = 16384 };

	if (HAS_TASK_REGS)
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 top = (__u64)READ(task_struct, task, stack) + STACK_BYTES;
	return (struct pt_regs *)(top - bpf_core_type_size(struct pt_regs));
}

/* The child's event, before it can run. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *trusted, struct task_struct *trusted_child)
{
	struct task_struct *parent = task_plain(trusted), *child = task_plain(trusted_child);
	if (child->flags & PF_KTHREAD_ || parent->tgid == own_tgid)
		return 0;
	struct pt_regs *regs = current_regs();
	bool compat = is_compat(true, parent);
	__u32 nr = native_nr(false, regs, compat);
	if (nr != NR_FORK && nr != NR_VFORK && nr != NR_CLONE3)
		nr = NR_CLONE;
	struct slot *s = event_begin(clone_code(nr), CLONE_PARAMS, nr, true, child,
				     wants[INDEX(nr, PROBE_SYSCALLS)] & WANT_RULES);
	if (!s)
		return 0;
	put_u64(s, 0, 0);
	put_clone(s, true, child, clone_call_flags(false, regs, nr, compat), true);
	slot_emit(s);
	return 0;
}

/* The parent's side. */
SEC("tp_btf/sys_exit")
int BPF_PROG(collect_fork_calls, struct pt_regs *regs, long ret)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	const struct collect_row *row;
	struct slot *s = call_begin(regs, ret, known, task, &row);
	if (!s)
		return 0;
	struct event_header *header = (struct event_header *)(s->data + EVENT_AT);
	header->nparams = CLONE_PARAMS;
	s->params_at = s->pos = LENGTHS_AT + 2 * CLONE_PARAMS;
	put_u64(s, 0, ret);
	put_clone(s, known, task, clone_call_flags(true, regs, s->nr, s->flags & RECORD_COMPAT),
		  false);
	slot_emit(s);
	return 0;
}

/* The thread that inherits a dying one's children: a live one of its group, else a subreaper. */
static __always_inline __s64 reaper_of(struct task_struct *task)
{
	struct list_head *children = BPF_CORE_READ(task, children.next);
	if ((__u64)children == (__u64)task + bpf_core_field_offset(struct task_struct, children))
		return 0; /* no children, no reaper */
	struct pid *pid = task->thread_pid;
	struct pid_namespace *ns = pid_own_ns(pid, pid->level);
	__u64 init = ns ? (__u64)READ(pid_namespace, ns, child_reaper) : 0;
	return init ? (__s64)READ(task_struct, init, pid) : 1;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *trusted)
{
	struct task_struct *task = task_plain(trusted);
	if (task->flags & PF_KTHREAD_ || task->tgid == own_tgid)
		return 0;
	struct slot *s = event_begin(CODE_PROCEXIT, EXIT_PARAMS, NO_SYSCALL, true, task,
				     (wants[NR_EXIT] | wants[NR_EXIT_GROUP]) & WANT_RULES);
	if (!s)
		return 0;
	__u32 status = task->exit_code;
	__u32 signal = status & 0x7f;
	put_u64(s, 0, (__s64)(__s32)status);
	put_u64(s, 1, status >> 8 & 0xff);
	put_u8(s, 2, signal == 0x7f ? 0 : signal);
	put_u8(s, 3, status >> 7 & 1);
	put_u64(s, 4, reaper_of(task));
	params_end(s);
	slot_emit(s);
	return 0;
}

/* What has no call: attached only where it is wanted. */
static __always_inline struct slot *tracepoint_begin(__u16 code, __u32 nparams,
						     struct task_struct *task)
{
	if (task->tgid == own_tgid)
		return NULL;
	struct slot *s = event_begin(code, nparams, NO_SYSCALL, true, task, true);
	if (s)
		s->is_critical = 0;
	return s;
}

/* Who sent a signal; only some say. */
static __always_inline __s32 signal_sender(__u32 signal, struct kernel_siginfo *info)
{
	enum { HUP = 1, INT = 2, QUIT = 3, KILL = 9, TERM = 15, CHLD = 17, TSTP = 20, RT_MIN = 32 };
	switch (signal) {
	case HUP:
	case INT:
	case QUIT:
	case TERM:
	case TSTP:
		if (BPF_CORE_READ(info, si_code) > 0)
			return 0;
		/* fall through */
	case KILL:
		return BPF_CORE_READ(info, _sifields._kill._pid);
	case CHLD:
		return BPF_CORE_READ(info, _sifields._sigchld._pid);
	default:
		return signal >= RT_MIN ? BPF_CORE_READ(info, _sifields._rt._pid) : 0;
	}
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_delivered, int signal, struct kernel_siginfo *info)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	if (FOLLOW(known, task, tgid) == own_tgid)
		return 0;
	struct slot *s = event_begin(CODE_SIGNAL, SIGNAL_PARAMS, NO_SYSCALL, known, task, true);
	if (!s)
		return 0;
	s->is_critical = 0;
	put_u64(s, 0, (__s64)signal_sender(signal, info));
	put_u64(s, 1, (__s64)((struct record *)s->data)->task.tid);
	put_u8(s, 2, signal);
	params_end(s);
	slot_emit(s);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(task_switched, bool preempt, struct task_struct *trusted, struct task_struct *next)
{
	struct task_struct *task = task_plain(trusted);
	struct slot *s = tracepoint_begin(CODE_SWITCH, SWITCH_PARAMS, task);
	if (!s)
		return 0;
	__u64 mm = (__u64)task->mm;
	put_u64(s, 0, (__s64)next->pid);
	put_u64(s, 1, task->maj_flt);
	put_u64(s, 2, task->min_flt);
	put_u32(s, 3, vm_size(mm));
	put_u32(s, 4, vm_rss(mm));
	put_u32(s, 5, vm_swap(mm));
	params_end(s);
	slot_emit(s);
	return 0;
}

static __always_inline int page_fault(__u64 address, __u64 ip, __u64 error)
{
	enum { NOT_PRESENT = 0x2, READ_ACCESS = 0x8, SUPERVISOR = 0x20 };
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	if (FOLLOW(known, task, tgid) == own_tgid)
		return 0;
	struct slot *s = event_begin(CODE_PAGE_FAULT, FAULT_PARAMS, NO_SYSCALL, known, task, true);
	if (!s)
		return 0;
	s->is_critical = 0;
	put_u64(s, 0, address);
	put_u64(s, 1, ip);
	/* Some of scap's bits say that the processor's bit is not set. */
	put_u32(s, 2,
		translate(TRANSLATE_FAULT, error) | (error & 1 ? 0 : NOT_PRESENT) |
		    (error & 2 ? 0 : READ_ACCESS) | (error & 4 ? 0 : SUPERVISOR));
	params_end(s);
	slot_emit(s);
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(fault_user, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return page_fault(address, regs->ip, error);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(fault_kernel, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return page_fault(address, regs->ip, error);
}

/* Tells the loader its process's number in the initial namespace: run once, by hand. */
SEC("raw_tp")
int identify(void *ctx)
{
	own_tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

/*
 * Every task there is, as if it had just been executed. Reads of another process's memory may
 * sleep, which this program may where the kernel lets it; where not, args and environment are
 * empty.
 */
static __always_inline __u32 append_task_memory(struct slot *s, struct task_struct *task,
						__u64 start, __u64 end, __u32 room)
{
	__u32 pos = s->pos;
	__u64 size = end > start ? end - start : 0;
	if (pos > PROBE_POS_LIMIT || !start)
		return 0;
	if (size > room) {
		size = room;
		s->flags |= RECORD_ARGS_CUT;
	}
	BOUND(size);
	if (!size || size > PROBE_ARGS_MAX)
		return 0;
	if (bpf_copy_from_user_task(s->data + pos, size, (void *)start, task, 0))
		return 0;
	__u64 last = pos + size - 1;
	s->pos = last + 1;
	BOUND(last);
	if (last < PROBE_POS_LIMIT + PROBE_ARGS_MAX)
		s->data[last] = 0;
	return size;
}

static __always_inline int task_dump(struct bpf_iter__task *ctx, bool can_sleep)
{
	struct task_struct *trusted = ctx->task;
	if (!trusted)
		return 0;
	struct task_struct *task = task_plain(trusted);
	struct slot *s = event_begin(CODE_EXECVE, EXEC_PARAMS, NO_SYSCALL, true, task, false);
	if (!s)
		return 0;
	bool is_leader = task->pid == task->tgid;
	__u64 mm = is_leader ? (__u64)task->mm : 0;

	root_remember(s, true, task);
	put_u64(s, 0, 0);
	put_empty(s, 1);
	put_empty(s, 2);
	if (can_sleep && mm) {
		/* The first string is exe, the rest is args. */
		__u32 from = s->pos;
		__u32 size = append_task_memory(s, trusted, READ(mm_struct, mm, arg_start),
						READ(mm_struct, mm, arg_end), PROBE_ARGS_MAX);
		if (size && from <= PROBE_POS_LIMIT) {
			long n =
			    bpf_probe_read_kernel_str(s->path, RECORD_PATH_MAX, s->data + from);
			if (n < 0 || n > size)
				n = size;
			set_length(s, 1, n);
			set_length(s, 2, size - n);
		}
	}
	put_process(s, true, task, mm);
	put_empty(s, 15);
	if (can_sleep && mm)
		set_length(s, 15,
			   append_task_memory(s, trusted, READ(mm_struct, mm, env_start),
					      READ(mm_struct, mm, env_end), PROBE_ARGS_MAX));
	put_exec(s, true, task, mm);
	put_empty(s, 30);
	params_end(s);
	if (mm)
		annex_exe(s, mm);
	if (is_leader)
		annex_cwd(s, true, task, ANNEX_CWD, ANNEX_OF_TASK);

	struct record *r = (struct record *)s->data;
	__u32 size = (s->pos + 7) & ~7u;
	r->size = size;
	r->event_size = s->event_size;
	r->flags = s->flags;
	((struct event_header *)(s->data + EVENT_AT))->len = s->event_size;
	if (!r->annex_offset)
		r->annex_offset = size;
	BOUND(size);
	if (size <= RECORD_SIZE_MAX)
		bpf_seq_write(ctx->meta->seq, s->data, size);
	slot_release(s);
	return 0;
}

SEC("iter.s/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	return task_dump(ctx, true);
}

SEC("iter/task")
int dump_tasks_plain(struct bpf_iter__task *ctx)
{
	return task_dump(ctx, false);
}

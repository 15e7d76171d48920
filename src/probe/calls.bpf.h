/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * System calls: the dispatcher on sys_exit, which leaves at once where nobody wants the call, and
 * the programs behind it that collect what the table says.
 */
#ifndef SAKER_PROBE_CALLS_BPF_H
#define SAKER_PROBE_CALLS_BPF_H

#include "probe/arch.bpf.h"
#include "probe/misc.bpf.h"
#include "probe/net.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, FAMILY_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} families SEC(".maps");

/* Threads whose call has been told already: see early.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u32);
} calls_told SEC(".maps");

enum {
	ERRORS_FROM = -4095,
	MESSAGE_BYTES = 64, /* struct mmsghdr: a msghdr, then the bytes sent or got */
	MESSAGE_BYTES_32 = 32,
	MESSAGE_LENGTH_AT = 56,
	MESSAGE_LENGTH_AT_32 = 28,
	/* Messages of a call; the kernel takes no more. In blocks, because verifiers bound the
	   jumps of one function. */
	MESSAGES_MAX = 1024,
	MESSAGES_BLOCK = 32,
	MESSAGE_PARAMS = 6,
	SCAP_CLONE_VFORK = 0x8000000 | 0x8000,
	SCAP_CHILD_IN_PIDNS = 0x20000000,
};

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

/* Of 32 bits, where they are no error: an address may have the highest one set. */
static __always_inline __s64 call_result_32(__s64 ret)
{
	return (__s32)ret >= ERRORS_FROM && (__s32)ret < 0 ? (__s64)(__s32)ret : (__s64)(__u32)ret;
}

static __always_inline bool is_interrupted(__s64 ret)
{
	return ret == -ERESTARTSYS_ || ret == -EINTR_;
}

/* Whether this event is one that discard_verdict.bpf.h lets through to be looked at. */
static __always_inline bool sample_take(__u32 cpu)
{
	BOUND(cpu);
	if (cpu >= PROBE_CPUS || likely(!counters[cpu].sample_of))
		return false;
	__u64 whose = counters[cpu].sample_of;
	counters[cpu].sample_of = 0;
	return whose == (bpf_get_current_pid_tgid() | (1ULL << 63));
}

/*
 * What every family does first: a slot, the prefix, the arguments. NULL: nothing to collect, and
 * the drop is counted.
 */
static __always_inline struct slot *call_begin(struct pt_regs *regs, __s64 ret, bool known,
					       struct task_struct *trusted,
					       struct task_struct *task,
					       const struct collect_row **row_out)
{
	__u64 ts = bpf_ktime_get_boot_ns();
	bool compat = is_compat(known, trusted);
	__u32 nr = native_nr(true, regs, compat);
	if (nr >= PROBE_SYSCALLS)
		return NULL;
	struct slot *s = slot_claim();
	if (!s) {
		count_drop(bpf_get_smp_processor_id(), collect_rows[INDEX(nr, PROBE_SYSCALLS)].code,
			   DROP_NESTED);
		return NULL;
	}
	if (compat)
		ret = call_result_32(ret);
	/* The ways that lead here are the same from now on, to the verifier, too: numbers that were
	 * stored may be any. */
	s->begun.compat = compat;
	s->begun.nr = nr;
	s->begun.ret = ret;
	nr = s->begun.nr;
	ret = s->begun.ret;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	s->ts = ts;
	s->is_critical = row->flags & (ROW_CRITICAL | ROW_IMPORTANT);
	/* Anybody can fail, as often as they like. */
	if (s->is_critical && ret < 0)
		s->is_critical = ROW_IMPORTANT;
	record_start(s, row->code, row->nparams, nr, ret, known, trusted, task);
	compat = s->begun.compat;
	if (unlikely(compat || CALL_NUMBER(true, regs) >= PROBE_SYSCALLS))
		s->flags |= RECORD_COMPAT;
	if (!(wants[INDEX(nr, PROBE_SYSCALLS)] & WANT_RULES))
		s->flags |= RECORD_STATE_ONLY;
	if (unlikely(sample_take(s->cpu)))
		s->flags |= RECORD_SAMPLED;
	s->facts = facts_wanted[INDEX(nr, PROBE_SYSCALLS)];
	args_load(s, regs, s->begun.compat);
	s->values[SOURCE_RET] = ret;
	s->values[SOURCE_ZERO] = 0;
	if (row->fetch_arg != COLLECT_NONE)
		fetch_structure(s, row, s->begun.compat, ret);
	if (row->flags & ROW_OPENS && ret >= 0)
		s->file = file_of_fd(known, task, ret);
	*row_out = row;
	return s;
}

/* The same for the task that runs, as a program on sys_exit does it. */
static __always_inline struct slot *collect_begin(struct pt_regs *regs, __s64 ret,
						  const struct collect_row **row_out)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();

	return call_begin(regs, ret, known, trusted, known ? task_plain(trusted) : trusted,
			  row_out);
}

/* Its program is not there. */
static __noinline void call_lost(void)
{
	count_drop(bpf_get_smp_processor_id(), CODE_GENERIC, DROP_COLLECTOR);
}

/*
 * The dispatcher, which runs at every call of everybody: so short that it takes a few lines of the
 * processor's caches.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	__u32 nr = CALL_NUMBER(true, regs), want;
	if (likely(nr < PROBE_SYSCALLS))
		want = wants[INDEX(nr, PROBE_SYSCALLS)];
	else
		want = is_x32(nr) ? WANT_RULES : 0;
	if (likely(!want))
		return 0;
	/* Apart: a jump to where a constant points the kernel makes a jump. */
	if (want & WANT_UNLESS_OPENED)
		bpf_tail_call(ctx, &families, FAMILY_OPENED);
	else
		bpf_tail_call(ctx, &families, FAMILY_WANTED);
	call_lost();
	return 0;
}

__noinline int hook_forget(void); /* hooks.bpf.h */

/* Calls whose number is wanted: which of them are. */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_wanted, struct pt_regs *regs, long ret)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_trusted();
	bool compat = is_compat(known, task);
	__u32 nr = native_nr(true, regs, compat);
	if (nr >= PROBE_SYSCALLS)
		return 0;
	__u32 want = wants[INDEX(nr, PROBE_SYSCALLS)] &
		     (WANT_RULES | WANT_STATE | WANT_MAY_BE_OUT | WANT_PARTS);
	if (!want || (FOLLOW(known, task, tgid) == own_tgid && !reports_own))
		return 0;
	if (ret < 0 && (want == WANT_STATE || (drop_failed && ret != -EINPROGRESS_ &&
					       !(nr == CALL_connect && is_interrupted(ret))))) {
		if (unlikely(routes_in_use) && is_sending(nr))
			sent_forget();
		if (has_hooks && unlikely(hooked[INDEX(nr, PROBE_SYSCALLS)]))
			hook_forget();
		return 0;
	}
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	/* Told by tracepoints of their own: an exec that succeeded, and a fork on the child's side.
	 */
	if (row->family == FAMILY_EXEC && ret == 0)
		return 0;
	if (row->family == FAMILY_FORK && (ret == 0 || want == WANT_STATE))
		return 0;
	if (want & WANT_UNLESS_OPENED)
		bpf_tail_call(ctx, &families, FAMILY_DISCARD_OPENS);
	else if (want & WANT_UNLESS_DISCARDED)
		bpf_tail_call(ctx, &families, FAMILY_DISCARD);
	else
		bpf_tail_call(ctx, &families, row->family);
	count_drop(bpf_get_smp_processor_id(), row->code, DROP_COLLECTOR);
	return 0;
}

/* Sockets and pipes that no file system holds have none. */
static __always_inline bool has_path(__u64 file)
{
	__u64 inode = (__u64)READ(file, file, f_inode);
	__u64 sb = (__u64)READ(inode, inode, i_sb);
	__u64 magic = READ(super_block, sb, s_magic);
	return magic != SOCKFS_MAGIC_ && magic != PIPEFS_MAGIC_;
}

struct place {
	__u64 dentry, mnt;
};

/* Where relative name k of a call starts: the working directory, or what a descriptor is of. */
static __always_inline bool name_base(struct slot *s, const struct collect_row *row, __u32 k,
				      bool known, struct task_struct *task, struct place *base)
{
	__u8 src = row->path_dir[k & 1];

	if (src == COLLECT_NONE || (__s32)value_of(s, src) == -100) {
		struct fs_struct *fs = FOLLOW(known, task, fs);
		if (!fs)
			return false;
		base->dentry = (__u64)FOLLOW(known, fs, pwd.dentry);
		base->mnt = (__u64)FOLLOW(known, fs, pwd.mnt);
		return true;
	}
	__u64 dir = file_of_fd(known, task, value_of(s, src));
	if (!dir)
		return false;
	base->dentry = (__u64)READ(file, dir, f_path.dentry);
	base->mnt = (__u64)READ(file, dir, f_path.mnt);
	return true;
}

/* The directory above the last so many bytes of a path that ends there; 0: none is. */
static __always_inline __u64 climb(__u64 dentry, __u32 size)
{
	enum { CLIMB_MAX = 16 };
	__u32 climbed = 0;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < CLIMB_MAX; i++) {
		climbed += READ(dentry, dentry, d_name.len) + 1;
		dentry = (__u64)READ(dentry, dentry, d_parent);
		if (climbed > size)
			break;
	}
	return climbed == size + 1 ? dentry : 0;
}

/* Eight bytes at a time, of two places in a slot's record. What changes stands in the slot, as that
 * of a walk does. */
static long compare_step(__u32 step, void *context)
{
	struct name_search *search = context;
	struct slot *s = bpf_map_lookup_elem(&slots, &search->slot_index);
	if (!s)
		return 1;
	__u64 path = s->same.at, given = s->same.other;
	__u32 left = s->same.left;

	BOUND(path);
	BOUND(given);
	if (!left || path > PROBE_POS_LIMIT + RECORD_PATH_MAX || given > PROBE_POS_LIMIT)
		return 1;
	__u64 differs = *(__u64 *)(s->data + path) ^ *(__u64 *)(s->data + given);
	if (left < 8)
		differs &= (1ULL << left * 8) - 1;
	s->same.differs = differs != 0;
	s->same.at = path + 8;
	s->same.other = given + 8;
	s->same.left = left < 8 ? 0 : left - 8;
	return differs != 0;
}

#ifndef PROBE_WITHOUT_LOOP
/*
 * Whether an opened file's path in the annex is, letter by letter, the name that was given:
 * absolute, or from the directory that it starts from. What is left has to be followed
 * (names.bpf.h): over links, or because another thread changed the name. The name stands behind one
 * or two numbers of eight bytes.
 */
__noinline int name_is_opened(__u32 slot_index)
{
	enum { GIVEN_LIMIT = 1024, SHORT_NAME = 48 };
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	/* What io_uring was given it copied before: nobody could change that any more. */
	if (!s || s->flags & RECORD_IO_URING)
		return 1;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u32 param = row->name_param & 3;
	__u64 given = s->params_at + 8 * param, path = s->opened_at;
	__u32 size = *(__u16 *)(s->data + LENGTHS_AT + 2 * param);

	BOUND(path);
	if (path > PROBE_POS_LIMIT || given > GIVEN_LIMIT || size <= 1 || size > RECORD_PATH_MAX)
		return 0;
	const struct annex_item *item = (const struct annex_item *)(s->data + path);
	__u32 length = item->size;
	bool is_relative = s->relative;

	size--;
	if (is_relative ? length <= size + 1 : length != size)
		return 0;
	path += sizeof(*item) + length - size;
	BOUND(path);
	BOUND(given);
	if (path > PROBE_POS_LIMIT || path < 1 || given > GIVEN_LIMIT)
		return 0;
	if (is_relative && s->data[path - 1] != '/')
		return 0;
		/* Most names end within these, and a loop's steps are calls. */
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < SHORT_NAME; i += 8) {
		__u64 differs = *(__u64 *)(s->data + path + i) ^ *(__u64 *)(s->data + given + i);
		if (i + 8 > size)
			differs &= i < size ? (1ULL << (size - i) * 8) - 1 : 0;
		if (differs)
			return 0;
	}
	if (size > SHORT_NAME) {
		struct name_search search = {slot_index};
		s->same.at = path + SHORT_NAME;
		s->same.other = given + SHORT_NAME;
		s->same.left = size - SHORT_NAME;
		s->same.differs = 0;
		bpf_loop(RECORD_PATH_MAX / 8, compare_step, &search, 0);
		if (s->same.differs)
			return 0;
	}
	if (!is_relative)
		return 1;
	__u64 above = climb((__u64)READ(file, s->file, f_path.dentry), size);
	struct place base = {0};
	return name_base(s, row, 0, HAS_TASK_BTF, current_task(), &base) && above &&
	       above == base.dentry;
}
#else
static __always_inline int name_is_opened(__u32 slot_index)
{
	return 1;
}
#endif

/* Whether what stands in the slot as the task's root is not that of its mount namespace. */
static __always_inline bool root_is_own(struct slot *s)
{
	return (s->origin_mnt || origin_find(s->index)) &&
	       (s->origin_mnt != s->root_mnt || s->origin_dentry != s->root_dentry);
}

/* Whether the file is of an overlay that is not the task's root. */
static __always_inline bool file_layer_is_shown(struct slot *s, __u64 file)
{
	__u64 inode = (__u64)READ(file, file, f_inode);
	__u64 sb = (__u64)READ(inode, inode, i_sb);
	return READ(super_block, sb, s_magic) == OVERLAYFS_MAGIC_ &&
	       sb != (__u64)READ(vfsmount, s->root_mnt, mnt_sb);
}

/* The arguments, of calls that have no event of their own. */
static __always_inline void annex_call(struct slot *s)
{
	__u32 pos = annex_start(s, ANNEX_CALL, ANNEX_OF_TASK, 0, sizeof(struct annex_call));

	if (pos && pos <= PROBE_POS_LIMIT + 64)
		__builtin_memcpy(s->data + pos, s->values, sizeof(struct annex_call));
}

/*
 * The annex of a call, as the plan wants it. A global function: the verifier looks at it once, and
 * not again for each way on which a program can come to it.
 */
__noinline int annex_collect(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	bool known = HAS_TASK_BTF;
	struct task_struct *task = slot_task(s);
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u32 facts = s->facts;
	__s64 ret = s->values[SOURCE_RET];
	root_remember(s, known, task);

	if (facts & FACT_CALL && s->code == CODE_GENERIC)
		annex_call(s);
	if (facts & FACT_BASE_PATH && s->relative) {
/* Kernels of 6.1 refuse loops that end in a call. */
#pragma clang loop unroll(full)
		for (int k = 0; k < 2; k++) {
			__u8 param = row->path_param[k];
			if (param == COLLECT_NONE || !(s->relative & 1 << (param & 15)))
				continue;
			__u8 src = row->path_dir[k];
			__s32 dirfd = src == COLLECT_NONE ? -100 : (__s32)value_of(s, src);
			if (dirfd == -100) {
				annex_cwd(s, known, task, ANNEX_PATH_BASE, param);
			} else {
				__u64 dir = file_of_slot_fd(s, dirfd);
				if (dir && !file_resolve(s, dir))
					annex_path(s, ANNEX_PATH_BASE, param);
			}
		}
	}
	if (facts & FACT_CWD || (row->flags & ROW_NEW_CWD && ret >= 0))
		annex_cwd(s, known, task, ANNEX_CWD, ANNEX_OF_TASK);
	if (facts & (FACT_FD | FACT_FD_PATH) && row->fd_src != COLLECT_NONE) {
		__s32 fd = value_of(s, row->fd_src);
		__u64 file = s->file ? s->file : file_of_slot_fd(s, fd);
		if (!file)
			return 0;
		if (facts & FACT_FD)
			annex_file(s, file, fd, row->fd_param);
		/* Of an opened file the path stands at its name already. */
		if (facts & FACT_FD_PATH &&
		    !(facts & FACT_RESOLVED_PATH && row->flags & ROW_OPENS) && has_path(file) &&
		    !file_resolve(s, file)) {
			annex_path(s, ANNEX_PATH_RESOLVED, row->fd_param);
			if (s->path_flags & (PATH_PARTIAL | ANNEX_UNREACHED) ||
			    file_layer_is_shown(s, file) || root_is_own(s))
				s->origin_file = file;
		}
	}
	return 0;
}

/*
 * After that the paths of origins: of an opened file always, of another descriptor's where
 * annex_collect saw that it may be elsewhere. Apart, because of the stack.
 */
__noinline int annex_origin(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u64 file = s->origin_file;
	bool is_opened =
	    s->facts & FACT_RESOLVED_PATH && s->file && row->name_param != COLLECT_NONE;

	if (is_opened)
		file = s->file;
	if (!file || file_resolve_origin(s, file))
		return 0;
	if (is_opened) {
		s->opened_at = (s->pos + 7) & ~7u;
		annex_path(s, ANNEX_PATH_RESOLVED, row->name_param);
	} else if (s->path_flags & PATH_MOVED) {
		annex_path(s, ANNEX_PATH_ORIGIN, row->fd_param);
	}
	return 0;
}

/* The second descriptor of calls that have one; apart for the same reason. */
__noinline int annex_second(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	if (row->fd2_src == COLLECT_NONE || !(s->facts & (FACT_FD | FACT_FD_PATH)))
		return 0;
	__s32 fd = value_of(s, row->fd2_src);
	__u64 file = file_of_slot_fd(s, fd);
	if (!file)
		return 0;
	annex_file(s, file, fd, row->fd2_param);
	if (has_path(file) && !file_resolve(s, file))
		annex_path(s, ANNEX_PATH_RESOLVED, row->fd2_param);
	return 0;
}

static __always_inline void annex_all(struct slot *s)
{
	annex_collect(s->index);
	annex_second(s->index);
	annex_origin(s->index);
}

/* After the parameters of a call that opens: is the name that was given the file's? */
static __always_inline void call_end_opened(void *ctx, void *programs, struct slot *s)
{
	params_end(s);
	if (s->facts & ~FACT_BUFFER)
		annex_all(s);
	else
		s->opened_at = 0;
	if (HAS_LOOP && s->file && s->opened_at && !name_is_opened(s->index)) {
		bpf_tail_call(ctx, programs, FAMILY_NAMES);
		count_drop(s->cpu, s->code, DROP_COLLECTOR);
		slot_release(s);
		return;
	}
	slot_emit(s);
}

/* After a call's parameters. */
static __always_inline void call_end(struct slot *s, const struct collect_row *row)
{
	params_end(s);
	if (s->facts & ~FACT_BUFFER || row->flags & ROW_NEW_CWD)
		annex_all(s);
	slot_emit(s);
}

/*
 * The same for calls whose names lead to no file that could be looked at: names.bpf.h follows them
 * first.
 */
static __always_inline void call_end_named(void *ctx, void *programs, struct slot *s,
					   const struct collect_row *row)
{
	if ((HAS_LOOP || has_hooks) && s->facts & FACT_RESOLVED_PATH && !s->file &&
	    row->path_param[0] != COLLECT_NONE) {
		params_end(s);
		annex_all(s);
		bpf_tail_call(ctx, programs, FAMILY_NAMES);
		count_drop(s->cpu, s->code, DROP_COLLECTOR);
		slot_release(s);
		return;
	}
	/* creat: the name stands where those of the other opens do. */
	if (s->file && row->path_param[0] != COLLECT_NONE) {
		call_end_opened(ctx, programs, s);
		return;
	}
	call_end(s, row);
}

static __always_inline bool is_module_call(__u32 nr)
{
	return nr == CALL_finit_module || nr == CALL_init_module;
}

/* Whether the running thread's call, of which this is the end, was a success and has been told. */
__noinline int call_was_told(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	__u64 who = bpf_get_current_pid_tgid();

	return s && !bpf_map_delete_elem(&calls_told, &who) && !s->values[SOURCE_RET];
}

/*
 * A connect that a signal interrupted goes on: the caller is told so by EINTR, and waits as after
 * EINPROGRESS, which is what it is to whoever looks for connections.
 */
__noinline int connect_goes_on(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 file = file_of_slot_fd(s, s->values[SOURCE_ARG0]);
	__u64 socket = sock_of_file(file) ? (__u64)READ(file, file, private_data) : 0;
	if (!socket || READ(socket, socket, state) != SOCKET_CONNECTING)
		return 0;
	s->values[SOURCE_RET] = -EINPROGRESS_;
	((struct record *)s->data)->ret = -EINPROGRESS_;
	return 1;
}

/*
 * All that the table describes: one program, because the verifier looks at what families share once
 * for each program that has it.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(collect_calls, struct pt_regs *regs, long ret)
{
	const struct collect_row *row;
	struct slot *s = collect_begin(regs, ret, &row);
	if (!s) {
		if (routes_in_use)
			sent_forget();
		return 0;
	}
	if (unlikely(routes_in_use) && is_sending(s->nr))
		sent_begin(s->index, 1);
	if (unlikely(is_module_call(s->nr) || s->nr == CALL_reboot) && call_was_told(s->index)) {
		slot_release(s);
		return 0;
	}
	if (unlikely(s->nr == CALL_connect && is_interrupted(s->begun.ret)) &&
	    !connect_goes_on(s->index) && drop_failed) {
		slot_release(s);
		return 0;
	}
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PROBE_ROW_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		__u8 kind = row->params[i].kind;
		if (kind < KIND_PLAIN_END)
			collect_plain(s->index, i);
		else if (kind < KIND_NET_END)
			collect_net(s->index, i);
		else
			collect_misc(s->index, i);
	}
	call_end_named(ctx, &families, s, row);
	return 0;
}

/*
 * Opens are the most frequent of all that rules want, so their rows are filled without a call for
 * each parameter: number, directory (not open), name, flags, mode, resolve (openat2), device,
 * inode.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(collect_open_calls, struct pt_regs *regs, long ret)
{
	const struct collect_row *row;
	struct slot *s = collect_begin(regs, ret, &row);
	if (!s)
		return 0;
	__u32 i = 0;
	put_u64(s, i++, s->values[SOURCE_RET]);
	if (row->path_dir[0] != COLLECT_NONE)
		put_u64(s, i++, (__s64)(__s32)s->values[SOURCE_ARG0]);
	const struct collect_param *p = &row->params[i];
	__u32 flags = value_of(s, p[1].src), mode = value_of(s, p[2].src);
	bool is_structure = p[3].kind == KIND_FLAGS32;
	if (is_structure) {
		flags = opened_flags(s, flags);
		mode = opened_mode(s, mode);
	}
	put_path(s, i++, value_of(s, p[0].src));
	put_u32(s, i++, scap_open_flags(s, flags));
	put_u32(s, i++, scap_open_mode(mode, flags));
	if (is_structure)
		put_u32(s, i++, translate(TRANSLATE_OPENAT2, value_of(s, p[3].src)));
	put_u32(s, i++, opened_dev(s));
	put_u64(s, i++, opened_ino(s));
	call_end_opened(ctx, &families, s);
	return 0;
}

/*
 * The event of one part of a call, whose arguments stand in the slot; who did it stays from one to
 * the next. A global function, which the verifier looks at once however many parts there may be.
 */
__noinline int part_send(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];

	s->pos = s->params_at;
	((struct record *)s->data)->annex_offset = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MESSAGE_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		if (row->params[i].kind < KIND_PLAIN_END)
			collect_plain(slot_index, i);
		else
			collect_net(slot_index, i);
	}
	params_end(s);
	if (s->facts & ~FACT_BUFFER)
		annex_collect(slot_index);
	slot_send(s);
	return 0;
}

/* What differs from message to message. */
__noinline int message_begin(__u32 slot_index, __u64 pointer)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	__u32 bytes = 0;

	if (!s)
		return 0;
	if (pointer) {
		__u64 at = s->flags & RECORD_COMPAT ? MESSAGE_LENGTH_AT_32 : MESSAGE_LENGTH_AT;
		bpf_probe_read_user(&bytes, sizeof(bytes), (void *)(pointer + at));
		s->values[SOURCE_RET] = bytes;
	}
	s->values[1] = pointer;
	return 0;
}

/* At most a block of them. */
__noinline int messages_send(__u32 slot_index, __u64 pointer, __u32 stride, __u32 count)
{
	for (__u32 k = 0; k < MESSAGES_BLOCK; k++) {
		if (k >= count)
			break;
		message_begin(slot_index, pointer + k * stride);
		part_send(slot_index);
	}
	return 0;
}

/* struct iocb of the kernel's linux/aio_abi.h. */
struct asked_io {
	__u64 data;
	__u32 words[2];
	__u16 operation;
	__s16 priority;
	__u32 fd;
	__u64 buffer, size, offset, reserved;
	__u32 flags, eventfd;
};

/*
 * What io_submit was asked for, as the call that it stands for, once it has been taken up: a
 * success with result 0, since what became of it is heard elsewhere, if at all. Answers whether it
 * is wanted.
 */
__noinline int asked_begin(__u32 slot_index, __u64 at)
{
	enum { READ, WRITE, READ_PARTS = 7, WRITE_PARTS };
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	__u32 nr;

	if (!s || bpf_probe_read_user(s->scratch, sizeof(struct asked_io), (void *)at))
		return 0;
	/* Not on the stack, of which calls within calls have little. */
	struct asked_io *asked = (struct asked_io *)s->scratch;
	s->values[SOURCE_ARG0] = asked->fd;
	s->values[1] = asked->buffer;
	s->values[2] = asked->size;
	s->values[SOURCE_RET] = 0;
	switch (asked->operation) {
	case READ:
		nr = CALL_read;
		break;
	case WRITE:
		nr = CALL_write;
		break;
	case READ_PARTS:
		nr = CALL_readv;
		break;
	case WRITE_PARTS:
		nr = CALL_writev;
		break;
	default:
		return 0;
	}
	if (!(wants[nr] & WANT_RULES))
		return 0;
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	const struct collect_row *row = &collect_rows[nr];

	record_start(s, row->code, row->nparams, nr, 0, known, trusted,
		     known ? task_plain(trusted) : trusted);
	if (s->begun.compat)
		s->flags |= RECORD_COMPAT;
	s->is_critical = 0;
	s->facts = facts_wanted[nr];
	return 1;
}

/* At most a block of them: their addresses stand in an array. */
__noinline int block_asked_send(__u32 slot_index, __u64 array, __u32 count)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u32 size = s->begun.compat ? 4 : 8;
	for (__u32 k = 0; k < MESSAGES_BLOCK; k++) {
		__u64 at = 0;
		if (k >= count)
			break;
		if (!bpf_probe_read_user(&at, size, (void *)(array + k * size)) &&
		    asked_begin(slot_index, at))
			part_send(slot_index);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(collect_messages, struct pt_regs *regs, long ret)
{
	const struct collect_row *row;
	struct slot *s = collect_begin(regs, ret, &row);
	if (!s) {
		if (routes_in_use)
			sent_forget();
		return 0;
	}
	__u32 index = s->index;
	__s64 left = s->values[SOURCE_RET];
	__u64 pointer = s->values[1];
	if (s->nr == CALL_io_submit) {
		__u64 array = s->values[2];
		__u32 block = MESSAGES_BLOCK * (s->begun.compat ? 4 : 8);
		for (__u32 k = 0; k < MESSAGES_MAX / MESSAGES_BLOCK; k++) {
			if (left <= 0)
				break;
			block_asked_send(index, array, left);
			array += block;
			left -= MESSAGES_BLOCK;
		}
		if (left > 0)
			count_drop(s->cpu, collect_rows[CALL_write].code, DROP_TOO_LARGE);
		slot_release(s);
		if (wants[CALL_io_submit] & WANT_RULES)
			bpf_tail_call(ctx, &families, FAMILY_PLAIN);
		return 0;
	}
	__u32 stride = s->flags & RECORD_COMPAT ? MESSAGE_BYTES_32 : MESSAGE_BYTES;
	if (routes_in_use && is_sending(s->nr))
		sent_begin(index, left);
	/* A call that moved none has one event, without a message. */
	if (left <= 0) {
		message_begin(index, 0);
		part_send(index);
	}
	for (__u32 k = 0; k < MESSAGES_MAX / MESSAGES_BLOCK; k++) {
		if (left <= 0)
			break;
		messages_send(index, pointer, stride, left);
		pointer += (__u64)stride * MESSAGES_BLOCK;
		left -= MESSAGES_BLOCK;
	}
	sent_end(index);
	slot_release(s);
	return 0;
}

/* A slot for an event that is no call's exit. */
static __always_inline struct slot *event_begin(__u16 code, __u32 nparams, __u16 nr, bool known,
						struct task_struct *trusted,
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
	record_start(s, code, nparams, nr, 0, known, trusted, task);
	if (!is_wanted)
		s->flags |= RECORD_STATE_ONLY;
	return s;
}

#endif

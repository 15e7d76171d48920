/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where a file is: the path from its dentry up to the task's root, over mount points, as d_path
 * makes it; and the annex items that hold paths.
 */
#ifndef SAKER_PROBE_PATH_BPF_H
#define SAKER_PROBE_PATH_BPF_H

#include "probe/mounts.bpf.h"

enum {
	/* Components and mount points on the way. Without bpf_loop the verifier counts with. */
	PATH_STEPS_LOOP = 1 << 17,
	PATH_STEPS_PLAIN = 256,
	PATH_HALF = RECORD_PATH_MAX / 2,
	NAME_BYTES_MAX = 255,
	ORIGIN_STACKED =
	    2, /* mounts on the namespace's first one: the root that systems start from */
};

/* Bits of slot->path_flags beside ANNEX_*. */
enum {
	PATH_MOVED = 0x100,   /* the origin is not where the task sees it */
	PATH_PARTIAL = 0x200, /* a mount is on the way by which the origin does not lead */
};

/*
 * By which mount the way leads on from the root of one: where the file system belongs. The root's
 * own is what the way ends at. 0: that is not known, or (mounts.next) not yet.
 */
static __always_inline __u64 path_own_mount(struct slot *s, __u64 mnt)
{
	__u64 sb = (__u64)READ(vfsmount, mnt, mnt_sb), end = s->walk_end_mnt;

	if (!end)
		return 0;
	if (sb == (__u64)READ(vfsmount, end, mnt_sb))
		return end;
	if (s->mounts.asked != mnt)
		mounts_ask(s, mnt, sb, end);
	return s->mounts.found ? s->mounts.found + bpf_core_field_offset(struct mount, mnt) : 0;
}

/*
 * What the kernel shows of itself (proc, sysfs) is the same wherever it is mounted, and each mount
 * of it is a file system of its own. It belongs to /proc and /sys. Answers how many bytes of that
 * name stand in place of a mount that is elsewhere; 0: it is none, or is where it belongs.
 */
static __always_inline __u32 kernel_view_elsewhere(struct slot *s, __u64 mnt)
{
	enum { SYSFS_MAGIC = 0x62656572, STACKED = 2 };
	enum { PROC = 0x636f7270, SYS = 0x737973, LENGTH_PROC = 4, LENGTH_SYS = 3 };
	__u64 sb = (__u64)READ(vfsmount, mnt, mnt_sb), magic = READ(super_block, sb, s_magic);

	if (magic != PROC_MAGIC_ && magic != SYSFS_MAGIC)
		return 0;
	if (READ(vfsmount, mnt, mnt_root) != READ(super_block, sb, s_root) || !s->walk_end_mnt)
		return 0;
	__u64 offset = bpf_core_field_offset(struct mount, mnt);
	__u64 mount = mnt - offset;
	/* One may be mounted on another. */
#pragma clang loop unroll(full)
	for (int i = 0; i < STACKED; i++) {
		__u64 below = (__u64)READ(mount, mount, mnt_parent);
		if (below == mount ||
		    READ(mount, mount, mnt_mountpoint) != READ(mount, below, mnt.mnt_root))
			break;
		mount = below;
	}
	__u64 at = (__u64)READ(mount, mount, mnt_mountpoint);
	__u32 length = magic == PROC_MAGIC_ ? LENGTH_PROC : LENGTH_SYS, name = 0;

	bpf_probe_read_kernel(&name, length, READ(dentry, at, d_name.name));
	bool is_there = (__u64)READ(mount, mount, mnt_parent) + offset == s->walk_end_mnt &&
			(__u64)READ(dentry, at, d_parent) == s->walk_end_dentry &&
			READ(dentry, at, d_name.len) == length &&
			name == (magic == PROC_MAGIC_ ? PROC : SYS);
	return is_there ? 0 : length;
}

/* The name of proc or sysfs ends the way. */
static __always_inline void kernel_view_end(struct slot *s, __u32 length)
{
	enum { LENGTH_PROC = 4 };
	__u32 at = s->path_at - length - 1;

	s->walk_is_done = 1;
	s->path_flags |= PATH_MOVED;
	BOUND(at);
	if (at > RECORD_PATH_MAX) {
		s->path_flags |= ANNEX_CUT;
		return;
	}
	const char *name = length == LENGTH_PROC ? "/proc" : "/sys";
	bpf_probe_read_kernel(s->path + at, length == LENGTH_PROC ? 5 : 4, name);
	s->path_at = at;
}

/*
 * One component or one mount point of the way in the slot; 1 ends it. All that changes stands in
 * the slot, where it is any number to the verifier: it need not follow each value that it could
 * have.
 */
static long path_step(__u32 step, void *context)
{
	struct slot *s = *(struct slot **)context;
	__u64 dentry = s->walk_dentry, mnt = s->walk_mnt;

	if (s->mounts.next) {
		mounts_search(s);
		return 0;
	}
	if (dentry == s->walk_end_dentry && mnt == s->walk_end_mnt) {
		s->walk_is_done = 1;
		return 1;
	}
	__u64 parent = (__u64)READ(dentry, dentry, d_parent);
	if (dentry == (__u64)READ(vfsmount, mnt, mnt_root)) {
		__u64 own = path_own_mount(s, mnt);
		if (s->mounts.next)
			return 0;
		if (own && own != mnt) {
			s->path_flags |= PATH_PARTIAL;
			if (s->walk_to_origin) {
				s->walk_mnt = own;
				s->path_flags |= PATH_MOVED;
				return 0;
			}
		}
		__u32 view = kernel_view_elsewhere(s, mnt);
		if (view) {
			s->path_flags |= PATH_PARTIAL;
			if (s->walk_to_origin) {
				kernel_view_end(s, view);
				return 1;
			}
		}
		__u64 mount = mnt - bpf_core_field_offset(struct mount, mnt);
		__u64 above = (__u64)READ(mount, mount, mnt_parent);
		if (above == mount || !above) {
			/* The top, and not the task's root: seen from outside. */
			s->path_flags |= ANNEX_UNREACHED;
			s->walk_is_done = 1;
			return 1;
		}
		s->walk_dentry = (__u64)READ(mount, mount, mnt_mountpoint);
		s->walk_mnt = above + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	__u32 size = READ(dentry, dentry, d_name.len);
	const void *name = READ(dentry, dentry, d_name.name);
	if (size > NAME_BYTES_MAX)
		size = NAME_BYTES_MAX;
	__u32 slash = dentry != parent;
	if (!slash) {
		/* A file without a place: pipe, socket, memfd. Its name stands alone. */
		s->path_flags |= ANNEX_UNREACHED;
		s->walk_is_done = 1;
	}
	__u32 at = s->path_at - size - slash;
	if (at > RECORD_PATH_MAX) { /* wrapped: no room left */
		s->path_flags |= ANNEX_CUT;
		at = s->path_joint - size - slash;
	}
	if (!(s->path_flags & ANNEX_CUT) && at >= PATH_HALF)
		s->path_joint = at;
	BOUND(at);
	BOUND(size);
	if (at > RECORD_PATH_MAX || size > NAME_BYTES_MAX) {
		s->walk_is_done = 1;
		return 1;
	}
	if (slash)
		s->path[at] = '/';
	bpf_probe_read_kernel(s->path + at + slash, size, name);
	s->path_at = at;
	s->walk_dentry = parent;
	return !slash;
}

/* For kernels without bpf_loop: a global function is looked at once, however often it is called. */
__noinline int path_step_alone(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	return !s || path_step(0, &s);
}

/*
 * Leaves the path in slot->path from slot->path_at to RECORD_PATH_MAX, and its ANNEX_* flags in
 * slot->path_flags. Start and task's root must stand in the slot. A global function of its own, so
 * that the verifier looks at it once a program and not once a call.
 */
__noinline int path_walk(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return -1;
	__u64 dentry = s->walk_dentry;

	s->walk_end_dentry = s->walk_to_origin ? s->origin_dentry : s->root_dentry;
	s->walk_end_mnt = s->walk_to_origin ? s->origin_mnt : s->root_mnt;
	s->walk_is_done = 0;
	s->path_at = RECORD_PATH_MAX;
	s->path_flags = 0;
	s->path_joint = RECORD_PATH_MAX;
	s->mounts.asked = s->mounts.next = 0;
	if (!READ(dentry, dentry, d_hash.pprev) && dentry != (__u64)READ(dentry, dentry, d_parent))
		s->path_flags = ANNEX_DELETED;
	if (HAS_LOOP) {
		bpf_loop(PATH_STEPS_LOOP, path_step, &s, 0);
	} else {
		for (__u32 i = 0; i < PATH_STEPS_PLAIN; i++)
			if (path_step_alone(slot_index))
				break;
	}
	if (!s->walk_is_done)
		s->path_flags |= ANNEX_CUT;
	if (s->path_at >= RECORD_PATH_MAX) {
		s->path_at = RECORD_PATH_MAX - 1;
		s->path[RECORD_PATH_MAX - 1] = '/';
	}
	return 0;
}

static __always_inline int path_resolve(struct slot *s, __u64 dentry, __u64 mnt)
{
	s->walk_dentry = dentry;
	s->walk_mnt = mnt;
	s->walk_to_origin = 0;
	return path_walk(s->index);
}

static __always_inline void root_remember(struct slot *s, bool known, struct task_struct *task)
{
	struct fs_struct *fs = FOLLOW(known, task, fs);
	s->root_dentry = s->root_mnt = s->origin_mnt = s->origin_file = 0;
	s->opened_at = 0;
	if (fs) {
		s->root_dentry = (__u64)FOLLOW(known, fs, root.dentry);
		s->root_mnt = (__u64)FOLLOW(known, fs, root.mnt);
	}
}

/* Whether the mount shows all of its file system. */
static __always_inline bool is_whole(__u64 mnt)
{
	return READ(vfsmount, mnt, mnt_root) ==
	       READ(super_block, READ(vfsmount, mnt, mnt_sb), s_root);
}

/*
 * Where the paths of origins start: the root of the task's mount namespace, whatever the task made
 * its own root. Where that is but a part of a file system (pivot_root to a bind mount), of tasks
 * outside of containers the root of init. Answers the mount, whose root it is; 0: there is neither.
 */
static __always_inline __u64 origin_mount(bool known, struct task_struct *task)
{
	__u64 offset = bpf_core_field_offset(struct mount, mnt);
	struct nsproxy *nsproxy = FOLLOW(known, task, nsproxy);
	if (!nsproxy)
		return 0;
	__u64 ns = (__u64)FOLLOW(known, nsproxy, mnt_ns);
	__u64 top = NUMBER_AT(ns + bpf_core_field_offset(struct mnt_namespace, root));
	if (!top)
		return 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < ORIGIN_STACKED; i++) {
		__u64 mnt = top + offset;
		__u64 next = NUMBER_AT(top + bpf_core_field_offset(struct mount, mnt_mounts.next));
		__u64 above = next - bpf_core_field_offset(struct mount, mnt_child);
		if (next == top + bpf_core_field_offset(struct mount, mnt_mounts) ||
		    READ(mount, above, mnt_mountpoint) != READ(vfsmount, mnt, mnt_root))
			break;
		top = above;
	}
	__u64 mnt = top + offset;
	if (is_whole(mnt))
		return mnt;
	struct pid *pid = FOLLOW(known, task, thread_pid);
	if (FOLLOW(known, pid, level))
		return 0;
	__u64 init = (__u64)READ(pid_namespace, pid_own_ns(pid, 0), child_reaper);
	__u64 fs = (__u64)READ(task_struct, init, fs);
	if (!fs)
		return 0;
	mnt = NUMBER_AT(fs + bpf_core_field_offset(struct fs_struct, root.mnt));
	return is_whole(mnt) ? mnt : 0;
}

/* Leaves it in the slot, and answers whether there is one. */
__noinline int origin_find(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 mnt = origin_mount(HAS_TASK_BTF, current_task());
	if (!mnt)
		return 0;
	s->origin_mnt = mnt;
	s->origin_dentry = (__u64)READ(vfsmount, mnt, mnt_root);
	return 1;
}

/* Goes from what stands in the slot as the start. */
static __always_inline int path_walk_origin(struct slot *s)
{
	int answer = path_walk(s->index);

	if (s->walk_to_origin &&
	    (s->origin_mnt != s->root_mnt || s->origin_dentry != s->root_dentry))
		s->path_flags |= PATH_MOVED;
	return answer;
}

/*
 * The same, but where the file has always been: from the root of the mount namespace and not from
 * one that the task gave itself (chroot), and through mounts of parts of the root's own file system
 * elsewhere (bind mounts). PATH_MOVED: that may be another path than the task's own.
 */
static __always_inline int path_resolve_origin(struct slot *s, __u64 dentry, __u64 mnt)
{
	s->walk_dentry = dentry;
	s->walk_mnt = mnt;
	s->walk_to_origin = s->origin_mnt || origin_find(s->index);
	return path_walk_origin(s);
}

/* Appends the resolved path and a NUL; answers the bytes, NUL included. */
static __always_inline __u32 append_path(struct slot *s)
{
	__u32 pos = s->pos;
	__u32 at = s->path_at;
	if (pos > PROBE_POS_LIMIT) {
		s->overflow = 1;
		return 0;
	}
	if (at > RECORD_PATH_MAX)
		return 0;
	__u32 size = RECORD_PATH_MAX - at;
	BOUND(at);
	BOUND(size);
	if (at > RECORD_PATH_MAX || size > RECORD_PATH_MAX)
		return 0;
	bpf_probe_read_kernel(s->data + pos, size, s->path + at);
	s->data[pos + size] = 0;
	s->pos = pos + size + 1;
	return size + 1;
}

/* Starts an annex item and answers where its payload goes; 0 where there is no room. */
static __always_inline __u32 annex_start(struct slot *s, enum annex_kind kind, __u8 subject,
					 __u8 flags, __u32 size)
{
	__u32 pos = (s->pos + 7) & ~7u;
	if (pos > PROBE_POS_LIMIT) {
		s->overflow = 1;
		return 0;
	}
	struct record *r = (struct record *)s->data;
	struct annex_item *item = (struct annex_item *)(s->data + pos);
	if (!r->annex_offset)
		r->annex_offset = pos;
	item->kind = kind;
	item->size = size;
	item->subject = subject;
	item->flags = flags;
	item->reserved = 0;
	/* Items end padded. */
	s->pos = pos + sizeof(*item) + ((size + 7) & ~7u);
	return pos + sizeof(*item);
}

static __always_inline void annex_path(struct slot *s, enum annex_kind kind, __u8 subject)
{
	__u32 at = s->path_at;
	if (at > RECORD_PATH_MAX)
		return;
	__u32 size = RECORD_PATH_MAX - at;
	__u32 pos = annex_start(s, kind, subject, s->path_flags, size);
	if (!pos || pos > PROBE_POS_LIMIT + 64)
		return;
	BOUND(at);
	BOUND(size);
	if (at > RECORD_PATH_MAX || size > RECORD_PATH_MAX)
		return;
	bpf_probe_read_kernel(s->data + pos, size, s->path + at);
}

static __always_inline void annex_cwd(struct slot *s, bool known, struct task_struct *task,
				      enum annex_kind kind, __u8 subject)
{
	struct fs_struct *fs = FOLLOW(known, task, fs);
	if (!fs)
		return;
	if (path_resolve(s, (__u64)FOLLOW(known, fs, pwd.dentry),
			 (__u64)FOLLOW(known, fs, pwd.mnt)))
		return;
	annex_path(s, kind, subject);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where a file is: the path from its dentry up to the task's root, over mount points, as d_path
 * makes it; and the annex items that hold paths.
 */
#ifndef SAKER_PROBE_PATH_BPF_H
#define SAKER_PROBE_PATH_BPF_H

#include "probe/facts.bpf.h"

enum {
	/* Components and mount points on the way. Without bpf_loop the verifier counts with. */
	PATH_STEPS_LOOP = 2048 + 64,
	PATH_STEPS_PLAIN = 256,
	NAME_BYTES_MAX = 255,
};

/* Bits of slot->path_flags beside ANNEX_*: a bind mount was seen through. */
enum { PATH_MOVED = 0x100 };

/* Kept as numbers: the kernel's pointers don't survive in a callback's context. */
struct walk {
	struct slot *slot;
	__u64 dentry, mnt;
	__u64 root_dentry, root_mnt;
	__u32 at;
	__u32 flags;
	__u32 is_done;
	__u32 to_origin;
};

/* One component or one mount point; 1 ends the walk. */
static long path_step(__u32 step, void *context)
{
	struct walk *w = context;
	__u64 dentry = w->dentry, mnt = w->mnt;

	if (dentry == w->root_dentry && mnt == w->root_mnt) {
		w->is_done = 1;
		return 1;
	}
	__u64 parent = (__u64)READ(dentry, dentry, d_parent);
	if (dentry == (__u64)READ(vfsmount, mnt, mnt_root)) {
		__u64 sb = (__u64)READ(vfsmount, mnt, mnt_sb);
		if (w->to_origin && dentry != (__u64)READ(super_block, sb, s_root) &&
		    sb == (__u64)READ(vfsmount, w->root_mnt, mnt_sb)) {
			/* A part of the root's own file system, mounted once more elsewhere. */
			w->mnt = w->root_mnt;
			w->flags |= PATH_MOVED;
			return 0;
		}
		__u64 mount = mnt - bpf_core_field_offset(struct mount, mnt);
		__u64 above = (__u64)READ(mount, mount, mnt_parent);
		if (above == mount || !above) {
			/* The top, and not the task's root: seen from outside. */
			w->flags |= ANNEX_UNREACHED;
			w->is_done = 1;
			return 1;
		}
		w->dentry = (__u64)READ(mount, mount, mnt_mountpoint);
		w->mnt = above + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	__u32 size = READ(dentry, dentry, d_name.len);
	const void *name = READ(dentry, dentry, d_name.name);
	if (size > NAME_BYTES_MAX)
		size = NAME_BYTES_MAX;
	__u32 slash = 1;
	if (dentry == parent) {
		/* A file without a place: pipe, socket, memfd. Its name stands alone. */
		w->flags |= ANNEX_UNREACHED;
		w->is_done = 1;
		slash = 0;
	}
	__u32 at = w->at - size - slash;
	if (at > RECORD_PATH_MAX) { /* wrapped: no room left */
		w->flags |= ANNEX_CUT;
		w->is_done = 1;
		return 1;
	}
	struct slot *s = w->slot;
	BOUND(at);
	BOUND(size);
	if (at > RECORD_PATH_MAX || size > NAME_BYTES_MAX) {
		w->is_done = 1;
		return 1;
	}
	if (slash)
		s->path[at] = '/';
	bpf_probe_read_kernel(s->path + at + slash, size, name);
	w->at = at;
	w->dentry = parent;
	return w->is_done != 0;
}

static __always_inline void walk_load(struct walk *w, struct slot *s)
{
	w->slot = s;
	w->dentry = s->walk_dentry;
	w->mnt = s->walk_mnt;
	w->root_dentry = s->root_dentry;
	w->root_mnt = s->root_mnt;
	w->at = s->path_at;
	w->flags = s->path_flags;
	w->is_done = 0;
	w->to_origin = s->walk_to_origin;
}

/* For kernels without bpf_loop: a global function is looked at once, however often it is called. */
__noinline int path_step_alone(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct walk w;
	if (!s)
		return 1;
	walk_load(&w, s);
	path_step(0, &w);
	s->walk_dentry = w.dentry;
	s->walk_mnt = w.mnt;
	s->path_at = w.at;
	s->path_flags = w.flags;
	return w.is_done;
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
	bool is_done = false;

	s->path_at = RECORD_PATH_MAX;
	s->path_flags = 0;
	if (!READ(dentry, dentry, d_hash.pprev) && dentry != (__u64)READ(dentry, dentry, d_parent))
		s->path_flags = ANNEX_DELETED;
	if (HAS_LOOP) {
		struct walk w;
		walk_load(&w, s);
		bpf_loop(PATH_STEPS_LOOP, path_step, &w, 0);
		s->path_at = w.at;
		s->path_flags = w.flags;
		is_done = w.is_done;
	} else {
		for (__u32 i = 0; i < PATH_STEPS_PLAIN && !is_done; i++)
			is_done = path_step_alone(slot_index);
	}
	if (!is_done)
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

/*
 * The same, but a bind mount of a part of the root's own file system is seen through: the path is
 * where the file has always been. Only for tasks whose root is that file system's: for others
 * (containers, chroots) there may be no such path.
 */
static __always_inline int path_resolve_origin(struct slot *s, __u64 dentry, __u64 mnt)
{
	__u64 sb = (__u64)READ(vfsmount, s->root_mnt, mnt_sb);

	s->walk_dentry = dentry;
	s->walk_mnt = mnt;
	s->walk_to_origin = s->root_dentry == (__u64)READ(super_block, sb, s_root);
	return path_walk(s->index);
}

static __always_inline void root_remember(struct slot *s, bool known, struct task_struct *task)
{
	struct fs_struct *fs = FOLLOW(known, task, fs);
	s->root_dentry = s->root_mnt = 0;
	if (fs) {
		s->root_dentry = (__u64)FOLLOW(known, fs, root.dentry);
		s->root_mnt = (__u64)FOLLOW(known, fs, root.mnt);
	}
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

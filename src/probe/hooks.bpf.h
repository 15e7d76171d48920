/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where the names of calls that open nothing have led, from the kernel itself: it asks its security
 * modules before it removes, makes, renames, ... a file, and says which by where it is. A program
 * at the start of such a question (fentry; no module need be there) makes the path while the call
 * holds on to it, and keeps it until the call returns. So it is the file of the deed, over links of
 * any kind, whatever a second thread does to the name meanwhile.
 *
 * Not on every kernel: see src/probe/hooks.c. Where it is not, where a call failed before it came
 * to the question, and of requests of io_uring, names.bpf.h follows the name instead.
 */
#ifndef SAKER_PROBE_HOOKS_BPF_H
#define SAKER_PROBE_HOOKS_BPF_H

#include "probe/calls.bpf.h"

enum {
	/* Names that are kept at a time: of calls under way. Most are short, and memory for those
	 * is there from the start; the loader takes it away where there are no hooks. */
	HOOKED_CALLS = 4096,
	HOOKED_SHORT = 224,
	HOOKED_NAMES = 4, /* of a thread's call */
	SAME_STEPS = 32,  /* of eight bytes */
	/* Bits beside those of slot->path_flags. */
	HOOK_SECOND = 0x1000,  /* the call's second name */
	HOOK_BELOW = 0x2000,   /* a name in a directory, not what the name is of */
	HOOK_CHANGES = 0x4000, /* afterwards the name leads elsewhere, because of the call */
	/* See changes.bpf.h. */
	HOOK_OF_INODE = 0x8000, /* known by the inode: that may have other names, too */
	HOOK_OF_NAME = 0x10000, /* known by the name of an inode that was removed, moved or made */
	HOOK_UNSURE = 0x20000,  /* it may be another name in the same directory */
	HOOK_PLACES = 0x1ff00000, /* number of the name by which it is kept */
	HOOK_PLACE_SHIFT = 20,
};

/* By thread and name: see hook_key. */
struct hooked_name {
	__u64 dentry; /* of what the call acts on */
	__u64 directory;
	__u64 inode;
	__u32 hash; /* of the last component */
	__u32 flags;
	__u16 nr;
	__u16 size; /* of the path */
	__u16 last; /* of its last component */
	__u16 reserved;
};
struct hooked_short {
	struct hooked_name name;
	char path[HOOKED_SHORT];
};
struct hooked_long {
	struct hooked_name name;
	char path[RECORD_PATH_MAX];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HOOKED_CALLS);
	__type(key, __u64);
	__type(value, struct hooked_short);
} hooked_short SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HOOKED_CALLS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct hooked_long);
} hooked_long SEC(".maps");

/* By thread: what changes.bpf.h cannot say before the call is done. */
struct changed {
	__u64 made;      /* inode that is new, or has a new name */
	__u64 directory; /* dentry of where, locked by the thread */
	__u64 nr;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, HOOKED_CALLS);
	__type(key, __u64);
	__type(value, struct changed);
} changed SEC(".maps");

static __always_inline __u64 hook_key(__u32 k)
{
	return bpf_get_current_pid_tgid() << 2 | k;
}

/* A slot, where the call that the running task is in wants to know what one of these hooks says. */
static __always_inline struct slot *hooks_begin(__u32 hooks)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	__u32 nr = native_nr(false, current_regs(), is_compat(known, trusted));

	if (nr >= PROBE_SYSCALLS || !(hooked[INDEX(nr, PROBE_SYSCALLS)] & hooks))
		return NULL;
	if (FOLLOW(known, trusted, tgid) == own_tgid && !reports_own)
		return NULL;
	struct slot *s = slot_claim();
	if (!s)
		return NULL;
	s->nr = nr;
	s->task = (__u64)trusted;
	root_remember(s, known, slot_task(s));
	return s;
}

static __always_inline struct slot *hook_begin(enum probe_hook hook)
{
	return hooks_begin(1u << hook);
}

/* Keeps the path of what stands in the slot as the start of a walk; flags: HOOK_*. */
__noinline int hook_keep(__u32 slot_index, __u32 flags)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u32 number = (flags & HOOK_PLACES) >> HOOK_PLACE_SHIFT;
	__u64 dentry = s->walk_dentry, mnt = s->walk_mnt;
	__u64 key = hook_key(number | !!(flags & HOOK_SECOND));
	struct hooked_long *kept = (struct hooked_long *)s->data;

	if (path_resolve_origin(s, dentry, mnt))
		return 0;
	__u32 at = s->path_at, size = RECORD_PATH_MAX - at;
	__u32 seen = s->path_flags;
	/* What has no place yet is not deleted. */
	if (flags & HOOK_BELOW)
		seen &= ~ANNEX_DELETED;
	BOUND(at);
	BOUND(size);
	if (at > RECORD_PATH_MAX || size > RECORD_PATH_MAX)
		return 0;
	bpf_probe_read_kernel(kept->path, size, s->path + at);
	kept->name.dentry = dentry;
	kept->name.directory = (__u64)READ(dentry, dentry, d_parent);
	kept->name.inode = (__u64)READ(dentry, dentry, d_inode);
	kept->name.hash = READ(dentry, dentry, d_name.hash);
	kept->name.last = READ(dentry, dentry, d_name.len);
	kept->name.nr = s->nr;
	kept->name.size = size;
	kept->name.flags = seen | (flags & ~(HOOK_SECOND | HOOK_PLACES));
	kept->name.reserved = 0;
	if (size <= HOOKED_SHORT) {
		bpf_map_delete_elem(&hooked_long, &key);
		bpf_map_update_elem(&hooked_short, &key, kept, BPF_ANY);
	} else {
		bpf_map_delete_elem(&hooked_short, &key);
		bpf_map_update_elem(&hooked_long, &key, kept, BPF_ANY);
	}
	return 0;
}

/* By way of the slot the pointers are numbers. */
static __always_inline void hook_note(struct slot *s, __u64 dentry, __u64 mnt, __u32 flags)
{
	s->walk_dentry = dentry;
	s->walk_mnt = mnt;
	hook_keep(s->index, flags);
}

/* A name in a directory, to be made or removed. */
static __always_inline int hook_below(enum probe_hook hook, struct path *directory,
				      struct dentry *dentry)
{
	struct slot *s = hook_begin(hook);
	if (!s)
		return 0;
	hook_note(s, (__u64)dentry, (__u64)READ(path, directory, mnt), HOOK_BELOW);
	slot_release(s);
	return 0;
}

/* What the name is of. */
static __always_inline int hook_at(enum probe_hook hook, struct path *path, __u32 flags)
{
	struct slot *s = hook_begin(hook);
	if (!s)
		return 0;
	hook_note(s, (__u64)READ(path, path, dentry), (__u64)READ(path, path, mnt), flags);
	slot_release(s);
	return 0;
}

SEC("fentry/security_path_unlink")
int BPF_PROG(hook_unlink, struct path *directory, struct dentry *dentry)
{
	return hook_below(HOOK_UNLINK, directory, dentry);
}

SEC("fentry/security_path_rmdir")
int BPF_PROG(hook_rmdir, struct path *directory, struct dentry *dentry)
{
	return hook_below(HOOK_RMDIR, directory, dentry);
}

SEC("fentry/security_path_mkdir")
int BPF_PROG(hook_mkdir, struct path *directory, struct dentry *dentry)
{
	return hook_below(HOOK_MKDIR, directory, dentry);
}

SEC("fentry/security_path_mknod")
int BPF_PROG(hook_mknod, struct path *directory, struct dentry *dentry)
{
	return hook_below(HOOK_MKNOD, directory, dentry);
}

SEC("fentry/security_path_symlink")
int BPF_PROG(hook_symlink, struct path *directory, struct dentry *dentry)
{
	return hook_below(HOOK_SYMLINK, directory, dentry);
}

SEC("fentry/security_path_rename")
int BPF_PROG(hook_rename, struct path *from, struct dentry *old, struct path *to,
	     struct dentry *new)
{
	struct slot *s = hook_begin(HOOK_RENAME);
	if (!s)
		return 0;
	hook_note(s, (__u64)old, (__u64)READ(path, from, mnt), HOOK_BELOW);
	hook_note(s, (__u64) new, (__u64)READ(path, to, mnt), HOOK_BELOW | HOOK_SECOND);
	slot_release(s);
	return 0;
}

/* Both names are in the same mount. */
SEC("fentry/security_path_link")
int BPF_PROG(hook_link, struct dentry *old, struct path *to, struct dentry *new)
{
	struct slot *s = hook_begin(HOOK_LINK);
	if (!s)
		return 0;
	hook_note(s, (__u64)old, (__u64)READ(path, to, mnt), 0);
	hook_note(s, (__u64) new, (__u64)READ(path, to, mnt), HOOK_BELOW | HOOK_SECOND);
	slot_release(s);
	return 0;
}

SEC("fentry/security_path_chmod")
int BPF_PROG(hook_chmod, struct path *path)
{
	return hook_at(HOOK_CHMOD, path, 0);
}

SEC("fentry/security_path_chown")
int BPF_PROG(hook_chown, struct path *path)
{
	return hook_at(HOOK_CHOWN, path, 0);
}

SEC("fentry/security_path_chroot")
int BPF_PROG(hook_chroot, struct path *path)
{
	return hook_at(HOOK_CHROOT, path, HOOK_CHANGES);
}

SEC("fentry/security_inode_getattr")
int BPF_PROG(hook_stat, struct path *path)
{
	return hook_at(HOOK_STAT, path, 0);
}

SEC("fentry/security_path_truncate")
int BPF_PROG(hook_truncate, struct path *path)
{
	return hook_at(HOOK_TRUNCATE, path, 0);
}

/* Two files whose names lead elsewhere afterwards. */
static __always_inline int hook_moved(enum probe_hook hook, struct path *first, struct path *second)
{
	struct slot *s = hook_begin(hook);
	if (!s)
		return 0;
	hook_note(s, (__u64)READ(path, first, dentry), (__u64)READ(path, first, mnt), HOOK_CHANGES);
	hook_note(s, (__u64)READ(path, second, dentry), (__u64)READ(path, second, mnt),
		  HOOK_CHANGES | HOOK_SECOND);
	slot_release(s);
	return 0;
}

SEC("fentry/security_move_mount")
int BPF_PROG(hook_move_mount, struct path *from, struct path *to)
{
	return hook_moved(HOOK_MOVE_MOUNT, from, to);
}

/* The hook is given them the other way round. */
SEC("fentry/security_sb_pivotroot")
int BPF_PROG(hook_pivot_root, struct path *put_old, struct path *new_root)
{
	return hook_moved(HOOK_PIVOT_ROOT, new_root, put_old);
}

SEC("fentry/security_sb_mount")
int BPF_PROG(hook_mount, const char *source, struct path *path)
{
	return hook_at(HOOK_MOUNT, path, HOOK_CHANGES);
}

SEC("fentry/security_sb_umount")
int BPF_PROG(hook_umount, struct vfsmount *mnt)
{
	struct slot *s = hook_begin(HOOK_UMOUNT);
	if (!s)
		return 0;
	hook_note(s, (__u64)READ(vfsmount, mnt, mnt_root), (__u64)mnt, HOOK_CHANGES);
	slot_release(s);
	return 0;
}

SEC("fentry/putname")
int BPF_PROG(hook_given, struct filename *copy)
{
	struct slot *s = hook_begin(HOOK_COPY);
	if (!s)
		return 0;
	args_read(s, current_regs(), is_compat(HAS_TASK_BTF, current_trusted()));
	given_keep(s->index, (__u64)copy);
	slot_release(s);
	return 0;
}

/* Of a call whose end is not told, and of a thread that ends. */
__noinline int hook_forget(void)
{
	__u64 who = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&changed, &who);
	if (has_names)
		given_forget();
	for (__u32 k = 0; k < HOOKED_NAMES; k++) {
		__u64 key = hook_key(k);
		bpf_map_delete_elem(&hooked_short, &key);
		bpf_map_delete_elem(&hooked_long, &key);
	}
	return 0;
}

/* For kernels without bpf_loop: the verifier looks at a global function once. */
__noinline int compare_alone(__u32 slot_index)
{
	struct name_search search = {slot_index};

	return compare_step(0, &search) != 0;
}

/* Whether bytes of the record at one place are those at another. */
__noinline int bytes_are_same(__u32 slot_index, __u32 at, __u32 other, __u32 size)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	s->same.at = at;
	s->same.other = other;
	s->same.left = size;
	s->same.differs = 0;
#ifdef PROBE_WITHOUT_LOOP
	/* Of longer ones it is not known. */
	for (int i = 0; i < SAME_STEPS; i++)
		if (compare_alone(slot_index))
			break;
#else
	struct name_search search = {slot_index};
	bpf_loop(RECORD_PATH_MAX / 8 + 1, compare_step, &search, 0);
#endif
	return !s->same.differs && !s->same.left;
}

enum hook_answer {
	HOOK_SILENT, /* nothing is known */
	HOOK_GIVEN,  /* the name that was given says the same */
	HOOK_OTHER,  /* another path, which is in the annex now */
	HOOK_FALSE,  /* and the name of the event's parameter cannot lead there */
};

/*
 * What the path of slot->hook is to name k: the same where the name is absolute, or the path's end
 * below the directory where it starts. A name to be made or removed ends in what it is called.
 */
__noinline int hook_compare(__u32 slot_index, __u32 k)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return HOOK_OTHER;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u32 param = row->path_param[k & 1] & 15;
	__u32 size = *(__u16 *)(s->data + LENGTHS_AT + 2 * param);
	__u32 end = s->hook.at + s->hook.size, last = s->hook.last;
	__u32 given = param_start(slot_index, param);
	struct place base = {0};

	if (size <= 1)
		return HOOK_OTHER;
	size--;
	if (size > s->hook.size || !bytes_are_same(slot_index, end - size, given, size)) {
		__u32 behind = given + size - 1;
		bool ends_in_slash = s->data[INDEX(behind, 1 << 16)] == '/';

		/* Of a directory's name slashes behind it do not count. */
		if (!(s->hook.flags & HOOK_BELOW) || s->hook.flags & HOOK_UNSURE || ends_in_slash ||
		    (size >= last &&
		     bytes_are_same(slot_index, end - last, given + size - last, last)))
			return HOOK_OTHER;
		return HOOK_FALSE;
	}
	if (size == s->hook.size)
		return HOOK_GIVEN;
	if (size < last || !(s->relative & 1 << param) ||
	    s->data[INDEX(end - size - 1, 1 << 16)] != '/' ||
	    !name_base(s, row, k, HAS_TASK_BTF, current_task(), &base))
		return HOOK_OTHER;
	__u64 from = s->hook.directory;
	if (size > last)
		from = climb(from, size - last - 1);
	return from == base.dentry ? HOOK_GIVEN : HOOK_OTHER;
}

/* The annex item of what was kept; false where there is no room. */
static __always_inline bool hook_annex(struct slot *s, const struct hooked_name *name,
				       const char *path, __u32 limit, __u8 param)
{
	__u32 size = name->size;
	__u32 pos = annex_start(s, ANNEX_PATH_RESOLVED, param, name->flags, size);

	BOUND(pos);
	BOUND(size);
	if (!pos || pos > PROBE_POS_LIMIT || size > limit)
		return false;
	bpf_probe_read_kernel(s->data + pos, size, path);
	s->hook.at = pos;
	s->hook.size = size;
	s->hook.last = name->last;
	s->hook.flags = name->flags;
	s->hook.dentry = name->dentry;
	s->hook.directory = name->directory;
	s->hook.inode = name->inode;
	return true;
}

/* What the event has as the name is not what the call was given. */
static __always_inline void hook_deny(struct slot *s)
{
	__u32 at = s->hook.at - sizeof(struct annex_item);

	BOUND(at);
	if (at <= PROBE_POS_LIMIT)
		((struct annex_item *)(s->data + at))->flags |= ANNEX_NOT_GIVEN;
}

/* What was kept under that number, as the path of name k; it is kept no longer. */
__noinline int hook_take(__u32 slot_index, __u32 number, __u32 k)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 key = hook_key(number & (HOOKED_NAMES - 1));
	__u32 param = collect_rows[INDEX(s->nr, PROBE_SYSCALLS)].path_param[k & 1];
	bool is_told = false;
	struct hooked_short *brief = bpf_map_lookup_elem(&hooked_short, &key);

	if (brief) {
		is_told = brief->name.nr == s->nr &&
			  hook_annex(s, &brief->name, brief->path, HOOKED_SHORT, param);
		bpf_map_delete_elem(&hooked_short, &key);
	} else {
		struct hooked_long *full = bpf_map_lookup_elem(&hooked_long, &key);
		if (!full)
			return 0;
		is_told = full->name.nr == s->nr &&
			  hook_annex(s, &full->name, full->path, RECORD_PATH_MAX, param);
		bpf_map_delete_elem(&hooked_long, &key);
	}
	return is_told;
}

/* Takes back the annex item of what was said. */
static __always_inline void hook_take_back(struct slot *s)
{
	struct record *r = (struct record *)s->data;

	s->pos = s->hook.pos_before;
	r->annex_offset = s->hook.annex_before;
}

#endif

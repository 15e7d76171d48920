/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Which files calls that open nothing have changed, where no hook tells (hooks.bpf.h): since 6.13
 * the kernel has tracepoints where it sets an inode's time of change, whatever its file system, and
 * they come within the call that changes it. So the inode of the deed is known, and by its dentry
 * what it is called; a second thread that rewrites the caller's memory changes nothing in that.
 *
 * An inode can have several names. Of what is removed or moved the right one is that in a directory
 * which the running task has locked. Where the name that was given leads to the inode, it is the
 * one that counts, and nothing is said here.
 *
 * Of calls that fail, and of those that change nothing (access, mount, chdir, ...), nothing is
 * known. Nor is it where file systems set those times for other reasons, such as what a server
 * told: only the file systems that are listed here are believed.
 */
#ifndef SAKER_PROBE_CHANGES_BPF_H
#define SAKER_PROBE_CHANGES_BPF_H

#include "probe/hooks.bpf.h"

enum {
	CHANGED_ALIASES = 16, /* names of one inode that are looked at */
	CHANGED_MOUNTS = 256,
	RWSEM_BITS = 7, /* of the lock's owner; the rest is who it is */
	HOOK_OF_CHANGE = HOOK_OF_INODE | HOOK_OF_NAME,
	CHANGES = ~((1u << HOOK_COUNT) - 1),
};

static __always_inline bool is_change(__u32 kinds, enum probe_hook kind)
{
	return kinds >> kind & 1;
}

/* Whether the file system sets times for what calls do, and for nothing else. */
static __always_inline bool changes_are_told(__u32 magic)
{
	return magic == EXT4_MAGIC_ || magic == TMPFS_MAGIC_ || magic == XFS_MAGIC_ ||
	       magic == BTRFS_MAGIC_ || magic == F2FS_MAGIC_ || magic == OVERLAYFS_MAGIC_;
}

static __always_inline bool is_locked_by(__u64 inode, __u64 task)
{
	if (!bpf_core_field_exists(struct rw_semaphore, owner))
		return false;
	return ((__u64)READ(inode, inode, i_rwsem.owner.counter) & ~RWSEM_BITS) == task;
}

static __always_inline __u64 alias_of(__u64 node)
{
	return node ? node - bpf_core_field_offset(struct dentry, d_u.d_alias) : 0;
}

/*
 * Of the names of an inode, s->hook.inode, the first one in the directory s->hook.directory (a
 * dentry), or where that is 0 in one that the task has locked: s->hook.dentry, 0 where there is
 * none. Answers how many there are.
 */
__noinline int alias_find(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 inode = s->hook.inode, directory = s->hook.directory, task = s->task;

	s->hook.dentry = 0;
	s->hook.names = 0;
	/* In the slot it is any number to the verifier. */
	s->hook.node = (__u64)READ(inode, inode, i_dentry.first);
#pragma clang loop unroll(disable)
	for (int i = 0; i < CHANGED_ALIASES; i++) {
		__u64 alias = alias_of(s->hook.node);
		if (!alias)
			break;
		__u64 parent = (__u64)READ(dentry, alias, d_parent);
		bool is_there = directory
				    ? parent == directory
				    : is_locked_by((__u64)READ(dentry, parent, d_inode), task);
		if (parent != alias && is_there) {
			if (!s->hook.names)
				s->hook.dentry = alias;
			s->hook.names++;
		}
		s->hook.node = (__u64)READ(dentry, alias, d_u.d_alias.next);
	}
	return s->hook.names;
}

#ifndef PROBE_WITHOUT_LOOP
static long mount_whole_step(__u32 step, void *context)
{
	struct name_search *search = context;
	struct slot *s = bpf_map_lookup_elem(&slots, &search->slot_index);

	if (!s || !s->mounts.next)
		return 1;
	mounts_search(s);
	return 0;
}

static long mount_any_step(__u32 step, void *context)
{
	struct name_search *search = context;
	struct slot *s = bpf_map_lookup_elem(&slots, &search->slot_index);

	if (!s || !s->mounts.next)
		return 1;
	__u64 mount = s->mounts.next;
	if ((__u64)READ(mount, mount, mnt_ns) == s->mounts.ns) {
		s->mounts.found = mount;
		return 1;
	}
	s->mounts.next = (__u64)READ(mount, mount, mnt_next_for_sb);
	return 0;
}

/*
 * A mount by which the dentry s->walk_dentry is seen, into s->walk_mnt: an inode does not say by
 * which one the call came to it. That of all of its file system in the task's mount namespace, or
 * else any there, or else the last one anywhere.
 */
__noinline int change_mount(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct name_search search = {slot_index};
	if (!s)
		return 0;
	__u64 dentry = s->walk_dentry, offset = bpf_core_field_offset(struct mount, mnt);
	__u64 of = s->origin_mnt || origin_find(slot_index) ? s->origin_mnt : s->root_mnt;
	__u64 sb = (__u64)READ(dentry, dentry, d_sb);

	s->walk_mnt = of;
	if (sb == (__u64)READ(vfsmount, of, mnt_sb))
		return 0;
	mounts_ask(s, sb, sb, of);
	bpf_loop(MOUNTS_SEARCHED, mount_whole_step, &search, 0);
	if (!s->mounts.found && !mounts_are_listed()) {
		__u64 first = (__u64)READ(super_block, sb, s_mounts);
		s->mounts.next = first;
		bpf_loop(CHANGED_MOUNTS, mount_any_step, &search, 0);
		if (!s->mounts.found)
			s->mounts.found = first;
	}
	__u64 found = s->mounts.found;
	if (found)
		s->walk_mnt = found + offset;
	return 0;
}
#else
static __always_inline int change_mount(__u32 slot_index)
{
	return 0;
}
#endif

/* Keeps a name, as hooks do. */
static __always_inline void change_note(struct slot *s, __u64 dentry, __u32 flags)
{
	s->walk_dentry = dentry;
	change_mount(s->index);
	hook_keep(s->index, flags);
}

/*
 * Place of a name among those that a rename may have moved: its own, or a free one; HOOKED_NAMES:
 * there is none.
 */
__noinline int moved_place(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return HOOKED_NAMES;
	__u64 dentry = s->hook.dentry;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < HOOKED_NAMES; i++) {
		__u64 key = hook_key(i);
		struct hooked_short *brief = bpf_map_lookup_elem(&hooked_short, &key);
		struct hooked_name *name =
		    brief ? &brief->name : bpf_map_lookup_elem(&hooked_long, &key);
		if (!name || name->nr != s->nr || name->dentry == dentry)
			return i;
	}
	return HOOKED_NAMES;
}

static __always_inline void changed_note(struct slot *s, __u64 made, __u64 directory)
{
	__u64 who = bpf_get_current_pid_tgid();
	struct changed *c = bpf_map_lookup_elem(&changed, &who);
	struct changed first = {made, directory, s->nr};

	if (!c || c->nr != s->nr) {
		bpf_map_update_elem(&changed, &who, &first, BPF_ANY);
		return;
	}
	if (made)
		c->made = made;
	if (directory)
		c->directory = directory;
}

/* An inode's time of change is set: s->hook.inode. */
__noinline int change_keep(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u32 kinds = hooked[INDEX(s->nr, PROBE_SYSCALLS)];
	__u64 inode = s->hook.inode, alias = alias_of((__u64)READ(inode, inode, i_dentry.first));
	bool is_directory = (READ(inode, inode, i_mode) & MODE_TYPE) == MODE_DIR;

	/* One that is new has no name yet; nor has one that was just read from a disk. */
	if (!alias) {
		if (is_change(kinds, CHANGE_MAKES))
			changed_note(s, inode, 0);
		return 0;
	}
	if ((is_change(kinds, CHANGE_MAKES) || is_change(kinds, CHANGE_LINKS)) && is_directory) {
		if (is_locked_by(inode, s->task))
			changed_note(s, 0, alias);
		return 0;
	}
	if (is_change(kinds, CHANGE_AT) || is_change(kinds, CHANGE_LINKS)) {
		if (is_change(kinds, CHANGE_LINKS))
			changed_note(s, inode, 0);
		change_note(s, alias, HOOK_OF_INODE);
		return 0;
	}
	bool moves = is_change(kinds, CHANGE_MOVES);
	if (!moves && !is_change(kinds, CHANGE_REMOVES))
		return 0;
	s->hook.directory = 0;
	int names = alias_find(slot_index);
	if (!names)
		return 0;
	int place = moves ? moved_place(slot_index) : 0;
	if (place < HOOKED_NAMES)
		change_note(s, s->hook.dentry,
			    HOOK_BELOW | HOOK_OF_NAME | (names > 1 ? HOOK_UNSURE : 0) |
				(__u32)place << HOOK_PLACE_SHIFT);
	return 0;
}

/* Of tracepoints of several names, whose first argument is the inode. */
SEC("raw_tp/inode_set_ctime_to_ts")
int change_told(__u64 *ctx)
{
	bool known = HAS_TASK_BTF;
	struct slot *s = hooks_begin(CHANGES);
	if (!s)
		return 0;
	struct task_struct *task = slot_task(s);
	__u64 inode = ctx[0];
	__u64 sb = (__u64)READ(inode, inode, i_sb);
	__u32 magic = READ(super_block, sb, s_magic);
	/* File systems above others work there in another's name. */
	bool is_below = FOLLOW(known, task, cred) != FOLLOW(known, task, real_cred);

	if (changes_are_told(magic) && (!is_below || magic == OVERLAYFS_MAGIC_)) {
		s->hook.inode = inode;
		change_keep(s->index);
	}
	slot_release(s);
	return 0;
}

/* The path of a name as it is by now, s->hook.dentry, for name k. */
__noinline int change_place(__u32 slot_index, __u32 k)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 dentry = s->hook.dentry;
	__u32 param = collect_rows[INDEX(s->nr, PROBE_SYSCALLS)].path_param[k & 1];

	s->walk_dentry = dentry;
	change_mount(slot_index);
	if (path_resolve_origin(s, dentry, s->walk_mnt))
		return 0;
	__u32 before = s->pos, size = RECORD_PATH_MAX - s->path_at;
	s->path_flags &= ~ANNEX_DELETED;
	annex_path(s, ANNEX_PATH_RESOLVED, param);
	if (s->pos == before)
		return 0;
	s->hook.at = ((before + 7) & ~7u) + sizeof(struct annex_item);
	s->hook.size = size;
	s->hook.last = READ(dentry, dentry, d_name.len);
	s->hook.directory = (__u64)READ(dentry, dentry, d_parent);
	return 1;
}

/* Of a rename: the name that is elsewhere now than it was. */
__noinline int moved_find(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return HOOKED_NAMES;
	s->hook.moved = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < HOOKED_NAMES; i++) {
		__u64 key = hook_key(i);
		struct hooked_short *brief = bpf_map_lookup_elem(&hooked_short, &key);
		struct hooked_name *name =
		    brief ? &brief->name : bpf_map_lookup_elem(&hooked_long, &key);
		if (!name || name->nr != s->nr)
			break;
		__u64 dentry = name->dentry;
		if ((__u64)READ(dentry, dentry, d_inode) == name->inode &&
		    ((__u64)READ(dentry, dentry, d_parent) != name->directory ||
		     READ(dentry, dentry, d_name.hash) != name->hash)) {
			s->hook.moved = dentry;
			return i;
		}
	}
	return HOOKED_NAMES;
}

/* The name that the call made: of its inode, in its directory. */
__noinline int made_place(__u32 slot_index, __u32 k)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	__u64 who = bpf_get_current_pid_tgid();
	struct changed *c = bpf_map_lookup_elem(&changed, &who);
	if (!s || !c)
		return 0;
	bool is_mine = c->nr == s->nr && c->made && c->directory;
	s->hook.inode = c->made;
	s->hook.directory = c->directory;
	bpf_map_delete_elem(&changed, &who);
	if (!is_mine)
		return 0;
	int names = alias_find(slot_index);
	s->hook.flags = HOOK_BELOW | HOOK_OF_NAME | (names > 1 ? HOOK_UNSURE : 0);
	return names && change_place(slot_index, k);
}

/* The path of name k by what the call changed, in the annex; false where nothing is known. */
__noinline int change_tell(__u32 slot_index, __u32 k)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u32 kinds = hooked[INDEX(s->nr, PROBE_SYSCALLS)];
	__u32 param = collect_rows[INDEX(s->nr, PROBE_SYSCALLS)].path_param[k & 1] & 15;
	int is_told = 0;

	if (is_change(kinds, CHANGE_MOVES) && !k) {
		int place = moved_find(slot_index);
		is_told = place < HOOKED_NAMES && hook_take(slot_index, place, k);
	} else if (is_change(kinds, CHANGE_MOVES)) {
		hook_forget();
		s->hook.dentry = s->hook.moved;
		s->hook.flags = HOOK_BELOW | HOOK_OF_NAME;
		is_told = s->hook.moved && change_place(slot_index, k);
	} else if (is_change(kinds, CHANGE_MAKES) || (is_change(kinds, CHANGE_LINKS) && k)) {
		is_told = made_place(slot_index, k);
	} else {
		is_told = hook_take(slot_index, 0, k);
	}
	/* No name was given, but a descriptor alone: that is told elsewhere. */
	if (is_told && !*(__u16 *)(s->data + LENGTHS_AT + 2 * param) &&
	    !(s->flags & RECORD_USER_FAULT)) {
		hook_take_back(s);
		return 0;
	}
	return is_told;
}

/* What a hook said of name k of the slot's call; nothing is kept of it. */
__noinline int hook_tell(__u32 slot_index, __u32 k)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s || s->flags & RECORD_IO_URING || !hooked[INDEX(s->nr, PROBE_SYSCALLS)])
		return HOOK_SILENT;
	struct record *r = (struct record *)s->data;
	bool of_changes = hooked[INDEX(s->nr, PROBE_SYSCALLS)] & CHANGES;

	if (collect_rows[INDEX(s->nr, PROBE_SYSCALLS)].path_param[k & 1] == COLLECT_NONE)
		return HOOK_SILENT;
	s->hook.pos_before = s->pos;
	s->hook.annex_before = r->annex_offset;
	/* What is kept may be of a call before. */
	if (of_changes && (__s64)s->values[SOURCE_RET] < 0) {
		hook_forget();
		return HOOK_SILENT;
	}
	if (!(of_changes ? change_tell(slot_index, k) : hook_take(slot_index, k & 1, k)))
		return HOOK_SILENT;
	int answer = hook_compare(slot_index, k);
	if (answer == HOOK_GIVEN)
		hook_take_back(s);
	else if (answer == HOOK_FALSE)
		hook_deny(s);
	return answer;
}

#endif

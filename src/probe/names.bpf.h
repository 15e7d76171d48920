/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where the names that a call was given lead. A call that opens a file leaves the file to look at;
 * one that removes, renames or makes a name leaves nothing, and where no hook told it (hooks.bpf.h)
 * nothing is known. So its name is followed once more, from
 * the task's root, its working directory or the directory's descriptor, down the kernel's cache of
 * names, over symbolic links and mount points: the way that the call itself went a moment ago, by
 * what the kernel knows and not by what the program says.
 *
 * Needs bpf_loop (5.17). Where a step is not in the cache (evicted since, or a link whose target
 * only its file system knows) there is no answer, and the event has the given name alone. Of the
 * last component only its directory is resolved, but where the call follows links there.
 *
 * Links of /proc have no text to be followed: they lead to what a task has, its root, its working
 * directory or the file of a descriptor, and are followed there.
 */
#ifndef SAKER_PROBE_NAMES_BPF_H
#define SAKER_PROBE_NAMES_BPF_H

#include "probe/changes.bpf.h"

enum {
	/* Memory for the rest of the name, behind any record that has names: it starts in the
	 * middle, and targets of links are put before what is left of it. */
	NAME_AT = 32768,
	NAME_SIZE = 8192,
	NAME_START = NAME_SIZE / 2,
	NAME_CANDIDATE = 256, /* in the slot's scratch, behind the component that is looked for */
	NAME_STEPS = 512,
	NAME_CHILDREN = 8192, /* names of one directory that are looked at */
	NAME_MOUNTS = 4096,
	NAME_STACKED = 4,
	NAME_SLASHES = 64, /* in a row; more are no way to write a name */
	NAME_LINKS = 40,   /* as many as the kernel follows */
	NAME_CACHE = 4096,
	MODE_LINK = 0xa000,
	DIGITS_MAX = 10,
	AT_NOFOLLOW = 0x100,
	AT_FOLLOW = 0x400,
	O_UNNAMED = 0x400000, /* of O_TMPFILE */
	DCACHE_MOUNTED_BEFORE_6_10 = 0x10000,
};

/* A flag that was a macro before it became an enumerator, with another value. */
enum dentry_flags___probe {
	DCACHE_MOUNTED___probe = 1,
};

struct dentry___until_6_7 {
	struct list_head d_child, d_subdirs;
} KERNEL_STRUCT;

/*
 * Where a name was found last. Entries are hints: what they point to is compared with the name and
 * its directory before it is believed, so that races and evictions do no harm.
 */
struct name_hint {
	__u64 directory, dentry;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NAME_CACHE);
	__type(key, __u32);
	__type(value, struct name_hint);
} name_hints SEC(".maps");

enum name_state { NAME_GOES_ON, NAME_ENDED, NAME_LOST };

#define NAME_BYTE(s, i) (s)->data[NAME_AT + INDEX(i, NAME_SIZE)]

/* Without bpf_loop nothing here is ever run, but a callback must not even be named. */
#ifdef PROBE_WITHOUT_LOOP
#define LOOP(count, step, context) ((void)(context))
#else
#define LOOP(count, step, context) bpf_loop(count, step, context, 0)
#endif

/* From here on each step is a global function: the verifier looks at it once. */

static __always_inline struct slot *slot_at(__u32 index)
{
	return bpf_map_lookup_elem(&slots, &index);
}

/* Eight bytes of the candidate's name and of the component at hand. */
static long name_compare_step(__u32 step, void *context)
{
	struct name_search *search = context;
	struct slot *s = slot_at(search->slot_index);
	__u64 i = INDEX(step * 8, 256);

	if (!s)
		return 1;
	__u32 left = s->same.left;
	__u64 differs = *(__u64 *)(s->scratch + i) ^ *(__u64 *)(s->scratch + NAME_CANDIDATE + i);
	if (left < 8)
		differs &= (1ULL << left * 8) - 1;
	s->same.differs = differs != 0;
	s->same.left = left - 8;
	return differs || left <= 8;
}

/* Whether the candidate is of the component at hand. */
__noinline int name_matches(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	struct name_search search = {slot_index};
	if (!s)
		return 0;
	__u32 size = s->name.size;
	__u64 dentry = s->name.candidate;
	if (READ(dentry, dentry, d_name.len) != size)
		return 0;
	__u64 n = INDEX(size, 256);
	bpf_probe_read_kernel(s->scratch + NAME_CANDIDATE, n, READ(dentry, dentry, d_name.name));
	s->same.left = n;
	s->same.differs = !HAS_LOOP;
	LOOP(256 / 8, name_compare_step, &search);
	if (s->same.differs)
		return 0;
	/* Names that nobody can find any more, and names that are known not to exist, are none. */
	return READ(dentry, dentry, d_hash.pprev) && READ(dentry, dentry, d_inode);
}

static __always_inline __u32 skip_slashes(struct slot *s, __u32 at)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < NAME_SLASHES; i++) {
		if (NAME_BYTE(s, at) != '/')
			break;
		at++;
	}
	return at;
}

enum name_component { COMPONENT_NONE, COMPONENT_DIRECTORY, COMPONENT_LAST };

static long name_take_step(__u32 step, void *context)
{
	struct name_search *search = context;
	struct slot *s = slot_at(search->slot_index);

	if (!s)
		return 1;
	__u8 byte = NAME_BYTE(s, s->name.at + step);
	if (!byte || byte == '/')
		return 1;
	s->scratch[INDEX(step, 256)] = byte;
	s->name.size = step + 1;
	return 0;
}

/*
 * Takes the next component: its bytes into the slot's scratch, zeros behind it up to a multiple of
 * eight.
 */
__noinline int name_take(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	struct name_search search = {slot_index};
	if (!s)
		return COMPONENT_NONE;
	s->name.at = skip_slashes(s, s->name.at);
	if (!NAME_BYTE(s, s->name.at))
		return COMPONENT_NONE;
	s->name.size = 0;
	LOOP(255, name_take_step, &search);
	__u32 size = s->name.size;
	s->name.at += size;
	for (int i = 0; i < 8; i++)
		s->scratch[INDEX(size + i, 512)] = 0;
	return NAME_BYTE(s, skip_slashes(s, s->name.at)) ? COMPONENT_DIRECTORY : COMPONENT_LAST;
}

/* Place of the component at hand among the hints. */
__noinline int name_hash(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 0;
	__u64 hash = s->name.dentry * 0x9e3779b97f4a7c15ULL;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 256; i += 8) {
		if (i >= s->name.size)
			break;
		hash = (hash ^ *(__u64 *)(s->scratch + i)) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return (hash >> 33) & (NAME_CACHE - 1);
}

#ifndef PROBE_WITHOUT_LOOP
static long name_child_step(__u32 step, void *context)
{
	struct name_search *search = context;
	struct slot *s = slot_at(search->slot_index);
	struct dentry___until_6_7 *old = NULL;

	if (!s || !s->name.next || s->name.next == s->name.head)
		return 1;
	if (bpf_core_field_exists(old->d_child))
		s->name.candidate =
		    s->name.next - bpf_core_field_offset(struct dentry___until_6_7, d_child);
	else
		s->name.candidate = s->name.next - bpf_core_field_offset(struct dentry, d_sib);
	if (name_matches(search->slot_index)) {
		s->name.found = s->name.candidate;
		return 1;
	}
	__u64 dentry = s->name.candidate;
	if (bpf_core_field_exists(old->d_child)) {
		old = (void *)dentry;
		s->name.next = (__u64)BPF_CORE_READ(old, d_child.next);
	} else {
		s->name.next = (__u64)READ(dentry, dentry, d_sib.next);
	}
	return 0;
}

/* The component at hand in the directory at hand: name.found, 0 where it is not in the cache. */
__noinline int name_find(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 0;
	__u64 directory = s->name.dentry;
	struct dentry___until_6_7 *old = (void *)directory;
	__u32 index = name_hash(slot_index);
	struct name_hint *hint = bpf_map_lookup_elem(&name_hints, &index);

	s->name.found = 0;
	if (hint && hint->directory == directory) {
		s->name.candidate = hint->dentry;
		__u64 dentry = s->name.candidate;
		if ((__u64)READ(dentry, dentry, d_parent) == directory &&
		    name_matches(slot_index)) {
			s->name.found = dentry;
			return 1;
		}
	}
	if (bpf_core_field_exists(old->d_subdirs)) {
		s->name.next = (__u64)BPF_CORE_READ(old, d_subdirs.next);
		s->name.head =
		    directory + bpf_core_field_offset(struct dentry___until_6_7, d_subdirs);
	} else {
		s->name.next = (__u64)READ(dentry, directory, d_children.first);
		s->name.head = 0;
	}
	struct name_search search = {slot_index};
	if (bpf_loop(NAME_CHILDREN, name_child_step, &search, 0) == NAME_CHILDREN)
		s->name.is_blind = 1;
	if (hint && s->name.found) {
		hint->directory = directory;
		hint->dentry = s->name.found;
	}
	return s->name.found != 0;
}

static long name_mount_step(__u32 step, void *context)
{
	struct name_search *search = context;
	struct slot *s = slot_at(search->slot_index);

	if (!s || !s->name.next || s->name.next == s->name.head)
		return 1;
	__u64 mount = s->name.next - bpf_core_field_offset(struct mount, mnt_child);
	if ((__u64)READ(mount, mount, mnt_mountpoint) == s->name.dentry) {
		s->name.found = mount;
		return 1;
	}
	s->name.next = (__u64)READ(mount, mount, mnt_child.next);
	return 0;
}

/* Onto what is mounted at the directory, and on top of that. */
__noinline int name_descend(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	struct name_search search = {slot_index};
	__u32 mounted =
	    bpf_core_enum_value_exists(enum dentry_flags___probe, DCACHE_MOUNTED___probe)
		? bpf_core_enum_value(enum dentry_flags___probe, DCACHE_MOUNTED___probe)
		: DCACHE_MOUNTED_BEFORE_6_10;

	if (!s)
		return 0;
	for (int i = 0; i < NAME_STACKED; i++) {
		__u64 dentry = s->name.dentry;
		if (!(READ(dentry, dentry, d_flags) & mounted))
			return 0;
		__u64 mount = s->name.mnt - bpf_core_field_offset(struct mount, mnt);
		s->name.found = 0;
		s->name.next = (__u64)READ(mount, mount, mnt_mounts.next);
		s->name.head = mount + bpf_core_field_offset(struct mount, mnt_mounts);
		bpf_loop(NAME_MOUNTS, name_mount_step, &search, 0);
		if (!s->name.found)
			return 0;
		s->name.mnt = s->name.found + bpf_core_field_offset(struct mount, mnt);
		__u64 mnt = s->name.mnt;
		s->name.dentry = (__u64)READ(vfsmount, mnt, mnt_root);
	}
	return 0;
}

/* "..": over the mount point, and not above the task's root. */
__noinline int name_ascend(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 0;
	for (int i = 0; i < NAME_STACKED; i++) {
		__u64 dentry = s->name.dentry, mnt = s->name.mnt;
		if (dentry == s->root_dentry && mnt == s->root_mnt)
			return 0;
		if (dentry != (__u64)READ(vfsmount, mnt, mnt_root))
			break;
		__u64 mount = mnt - bpf_core_field_offset(struct mount, mnt);
		__u64 above = (__u64)READ(mount, mount, mnt_parent);
		if (above == mount)
			return 0;
		s->name.dentry = (__u64)READ(mount, mount, mnt_mountpoint);
		s->name.mnt = above + bpf_core_field_offset(struct mount, mnt);
	}
	__u64 dentry = s->name.dentry;
	s->name.dentry = (__u64)READ(dentry, dentry, d_parent);
	return 0;
}

/* Puts a number before what is left of the name. */
__noinline int name_prepend_number(__u32 slot_index, __u32 number)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 0;
	__u32 at = s->name.at;
#pragma clang loop unroll(disable)
	for (int i = 0; i < DIGITS_MAX; i++) {
		at--;
		NAME_BYTE(s, at) = '0' + number % 10;
		number /= 10;
		if (!number)
			break;
	}
	s->name.at = at;
	return 0;
}

static __always_inline void name_prepend(struct slot *s, const char *text, __u32 size)
{
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < size; i++)
		NAME_BYTE(s, s->name.at - size + i) = text[i];
	s->name.at -= size;
}

/* Number of a pid in the namespace, 0: it has none there. */
static __always_inline __u32 pid_nr_in(__u64 pid, __u64 ns)
{
	__u32 level = READ(pid_namespace, ns, level);
	if (level > READ(pid, pid, level) || (__u64)pid_own_ns((struct pid *)pid, level) != ns)
		return 0;
	void *entry = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		      INDEX(level, PID_LEVELS) * bpf_core_type_size(struct upid);
	__s32 nr = 0;
	bpf_core_read(&nr, sizeof(nr), &((struct upid *)entry)->nr);
	return nr;
}

/* /proc/self and /proc/thread-self: the number of who asks, and the rest of the name behind it. */
__noinline int name_follow_self(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 0;
	struct task_struct *task = current_task();
	bool known = HAS_TASK_BTF;
	__u64 dentry = s->name.found;
	__u64 info = (__u64)READ(super_block, READ(dentry, dentry, d_sb), s_fs_info);
	__u64 ns = (__u64)READ(proc_fs_info, info, pid_ns);
	struct signal_struct *signal = FOLLOW(known, task, signal);
	__u32 pid = pid_nr_in((__u64)FOLLOW(known, signal, pids[PIDTYPE_TGID_]), ns);
	__u32 tid = pid_nr_in((__u64)FOLLOW(known, task, thread_pid), ns);

	if (!pid || !tid || s->name.at < NAME_SIZE / 4)
		return 0;
	if (s->name.size == 11) {
		name_prepend_number(slot_index, tid);
		name_prepend(s, "/task/", 6);
	} else if (s->name.size != 4) {
		return 0;
	}
	name_prepend_number(slot_index, pid);
	s->name.links++;
	return 1;
}

/* A link of /proc: onto what the task has that it is of. */
__noinline int name_follow_task(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 0;
	__u64 dentry = s->name.found;
	__u64 proc = (__u64)READ(dentry, dentry, d_inode) -
		     bpf_core_field_offset(struct proc_inode, vfs_inode);
	__u64 pid = (__u64)READ(proc_inode, proc, pid);
	if (!pid)
		return name_follow_self(slot_index);
	__u64 link = (__u64)READ(pid, pid, tasks[0].first);
	if (!link)
		return 0;
	__u64 task = link - bpf_core_field_offset(struct task_struct, pid_links);
	__u64 fs = (__u64)READ(task_struct, task, fs);
	__u64 name = *(__u64 *)s->scratch;
	__u64 file = 0;

	/* Links to what is mapped begin with a digit, too. */
	__u64 above = (__u64)READ(dentry, dentry, d_parent), place = 0;
	bpf_probe_read_kernel(&place, 3, READ(dentry, above, d_name.name));
	if (place == EIGHT('f', 'd', 0, 0, 0, 0, 0, 0)) {
		file = file_of_fd(false, (struct task_struct *)task, READ(proc_inode, proc, fd));
	} else if (name == EIGHT('e', 'x', 'e', 0, 0, 0, 0, 0)) {
		__u64 mm = (__u64)READ(task_struct, task, mm);
		file = mm ? (__u64)READ(mm_struct, mm, exe_file) : 0;
	} else if (fs && name == EIGHT('r', 'o', 'o', 't', 0, 0, 0, 0)) {
		s->name.dentry = (__u64)READ(fs_struct, fs, root.dentry);
		s->name.mnt = (__u64)READ(fs_struct, fs, root.mnt);
		s->name.links++;
		return 1;
	} else if (fs && name == EIGHT('c', 'w', 'd', 0, 0, 0, 0, 0)) {
		s->name.dentry = (__u64)READ(fs_struct, fs, pwd.dentry);
		s->name.mnt = (__u64)READ(fs_struct, fs, pwd.mnt);
		s->name.links++;
		return 1;
	}
	if (!file) {
		/* A namespace, or what a page of memory is of. */
		s->name.is_blind = 1;
		return 0;
	}
	s->name.dentry = (__u64)READ(file, file, f_path.dentry);
	s->name.mnt = (__u64)READ(file, file, f_path.mnt);
	s->name.links++;
	return 1;
}

/* Puts the target of the link that was found before what is left of the name. */
__noinline int name_follow(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 0;
	__u64 dentry = s->name.found;
	__u64 inode = (__u64)READ(dentry, dentry, d_inode);
	const void *target = READ(inode, inode, i_link);

	if (s->name.links >= NAME_LINKS)
		return 0;
	if (!target && READ(super_block, READ(inode, inode, i_sb), s_magic) == PROC_MAGIC_)
		return name_follow_task(slot_index);
	if (!target) {
		s->name.is_blind = 1;
		return 0;
	}
	/* First behind the name's memory: to learn the length. */
	long size =
	    bpf_probe_read_kernel_str(s->data + NAME_AT + NAME_SIZE, RECORD_PATH_MAX, target);
	if (size <= 1 || size > s->name.at)
		return 0;
	size--;
	__u32 at = s->name.at - size;
	__u64 to = INDEX(at, NAME_SIZE), n = INDEX(size, RECORD_PATH_MAX);
	bpf_probe_read_kernel(s->data + NAME_AT + to, n, s->data + NAME_AT + NAME_SIZE);
	s->name.at = at;
	s->name.links++;
	if (NAME_BYTE(s, at) == '/') {
		s->name.dentry = s->root_dentry;
		s->name.mnt = s->root_mnt;
	}
	return 1;
}

/* One component; 1 ends the walk. */
__noinline int name_advance(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s)
		return 1;
	int component = name_take(slot_index);

	s->name.state = NAME_ENDED;
	if (component == COMPONENT_NONE)
		return 1;
	bool is_last = component == COMPONENT_LAST;
	__u32 size = s->name.size;
	s->name.state = NAME_GOES_ON;
	if (s->scratch[0] == '.' && size == 1)
		return 0;
	if (s->scratch[0] == '.' && size == 2 && s->scratch[1] == '.') {
		name_ascend(slot_index);
		return 0;
	}
	if ((is_last && !s->name.follows_last) || !name_find(slot_index)) {
		s->name.last = s->name.at - size;
		s->name.state = is_last ? NAME_ENDED : NAME_LOST;
		return 1;
	}
	__u64 dentry = s->name.found;
	__u64 inode = (__u64)READ(dentry, dentry, d_inode);
	if ((READ(inode, inode, i_mode) & MODE_TYPE) == MODE_LINK) {
		if (name_follow(slot_index))
			return 0;
		s->name.state = NAME_LOST;
		return 1;
	}
	s->name.dentry = dentry;
	name_descend(slot_index);
	return 0;
}

static long name_step(__u32 step, void *context)
{
	struct name_search *search = context;

	return name_advance(search->slot_index) != 0;
}
#endif

/* Copies a path parameter to where it is walked; false where it is empty or there is no room. */
static __always_inline bool name_load(struct slot *s, __u32 param)
{
	__u32 at = param_start(s->index, param);
	__u32 size = *(__u16 *)(s->data + LENGTHS_AT + 2 * (param & 15));

	if (s->pos > NAME_AT)
		return false;
	BOUND(at);
	BOUND(size);
	if (!size || size > RECORD_PATH_MAX || at > NAME_AT)
		return false;
	if (bpf_probe_read_kernel(s->data + NAME_AT + NAME_START, size, s->data + at))
		return false;
	s->data[NAME_AT + NAME_START + size] = 0;
	return true;
}

/* The annex item: the directory's path in the slot, and the component that was not followed. */
static __always_inline void annex_name(struct slot *s, __u32 param, __u32 at, __u32 size)
{
	__u32 from = s->path_at, length = RECORD_PATH_MAX - from;
	bool is_root = length == 1;
	__u32 slash = size && !is_root;
	__u32 pos =
	    annex_start(s, ANNEX_PATH_RESOLVED, param, s->path_flags, length + slash + size);

	BOUND(from);
	BOUND(length);
	BOUND(pos);
	if (!pos || pos > NAME_AT - 2 * RECORD_PATH_MAX || from > RECORD_PATH_MAX ||
	    length > RECORD_PATH_MAX)
		return;
	bpf_probe_read_kernel(s->data + pos, length, s->path + from);
	pos += length;
	if (slash)
		s->data[pos++] = '/';
	if (size) {
		__u64 n = INDEX(size, 256), start = INDEX(at, NAME_SIZE);
		bpf_probe_read_kernel(s->data + pos, n, s->data + NAME_AT + start);
	}
}

/* Whether of a link at the end of name k the call takes the target. */
static __always_inline bool name_is_followed(struct slot *s, const struct collect_row *row, __u32 k)
{
	__u64 flags = row->follow_arg == COLLECT_NONE ? 0 : value_of(s, row->follow_arg);

	if (row->flags & ROW_ASKED)
		return !k && flags & AT_FOLLOW;
	return row->flags & (ROW_FOLLOWS | ROW_OPENS) && !(flags & AT_NOFOLLOW);
}

/* Follows name k as far as it leads; false where it cannot be begun. */
static __always_inline bool name_walk_start(struct slot *s, const struct collect_row *row, __u32 k,
					    bool known, struct task_struct *task, bool follows_last)
{
#ifndef PROBE_WITHOUT_LOOP
	__u32 param = row->path_param[k & 1];
	struct name_search search = {s->index};
	struct place start = {s->root_dentry, s->root_mnt};

	if (param == COLLECT_NONE || !name_load(s, param))
		return false;
	/* An empty name is the descriptor itself (AT_EMPTY_PATH). */
	if (s->relative & 1 << (param & 15) || !NAME_BYTE(s, NAME_START)) {
		if (!name_base(s, row, k, known, task, &start))
			return false;
	}
	s->name.dentry = start.dentry;
	s->name.mnt = start.mnt;
	s->name.at = NAME_START;
	s->name.last = 0;
	s->name.links = 0;
	s->name.is_blind = 0;
	s->name.follows_last = follows_last;
	s->name.state = NAME_GOES_ON;
	bpf_loop(NAME_STEPS, name_step, &search, 0);
	return true;
#else
	return false;
#endif
}

/*
 * An opened file's given name: where it leads elsewhere, or nowhere although the call found it, it
 * is not the one that the call had.
 */
static __always_inline void name_confirm(struct slot *s, const struct collect_row *row, bool known,
					 struct task_struct *task)
{
	__u64 file = s->file, dentry = (__u64)READ(file, file, f_path.dentry);
	__u32 flags = READ(file, file, f_flags);
	__u64 at = s->opened_at;

	if (!name_walk_start(s, row, 0, known, task, !(flags & O_NOFOLLOW_)))
		return;
	if (s->name.dentry == dentry && !s->name.last)
		return;
	if (s->name.is_blind)
		return;
	/* Of the last component the name is compared: the file itself is at hand. */
	if (s->name.state == NAME_ENDED &&
	    (__u64)READ(dentry, dentry, d_parent) == s->name.dentry) {
		s->name.candidate = dentry;
		if ((s->name.last && name_matches(s->index)) || flags & O_UNNAMED)
			return;
	}
	BOUND(at);
	if (at > PROBE_POS_LIMIT)
		return;
	((struct annex_item *)(s->data + at))->flags |= ANNEX_NOT_GIVEN;
}

/* Whether the walk ended at what a hook said, or where one says the inode, at a name of that. */
__noinline int hook_agrees(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s || s->name.state != NAME_ENDED)
		return 0;
	__u64 end = s->name.dentry;

	if (s->hook.flags & HOOK_OF_INODE) {
#ifndef PROBE_WITHOUT_LOOP
		if (s->name.last)
			end = name_find(slot_index) ? s->name.found : 0;
#endif
		return end && (__u64)READ(dentry, end, d_inode) == s->hook.inode;
	}
	if (!s->name.last)
		return end == s->hook.dentry;
	__u32 at = s->hook.at, last = s->hook.last, size = s->name.size;
	if (end != s->hook.directory)
		return 0;
	return s->hook.flags & HOOK_UNSURE ||
	       (size == last &&
		bytes_are_same(slot_index, at + s->hook.size - last, NAME_AT + s->name.last, last));
}

/*
 * A name of which a hook said another path: where the name that the event has leads elsewhere than
 * what the call acted on, it is not the one that the call had. Answers whether the hook's word is
 * not needed: what was said of an inode may be another one of its names.
 */
__noinline int hook_confirm(__u32 slot_index)
{
	struct slot *s = slot_at(slot_index);
	if (!s || s->name.is_blind || s->hook.flags & HOOK_CHANGES)
		return 0;
	if (!hook_agrees(slot_index)) {
		hook_deny(s);
		return 0;
	}
	return s->hook.flags & HOOK_OF_CHANGE;
}

static __always_inline void name_resolve(struct slot *s, const struct collect_row *row, __u32 k,
					 bool known, struct task_struct *task)
{
	__u32 param = row->path_param[k & 1];
	int said = has_hooks ? hook_tell(s->index, k) : HOOK_SILENT;

	if (said == HOOK_GIVEN || said == HOOK_FALSE ||
	    !name_walk_start(s, row, k, known, task, name_is_followed(s, row, k)))
		return;
	if (said == HOOK_OTHER) {
		if (!hook_confirm(s->index))
			return;
		hook_take_back(s);
	}
	if (s->name.state != NAME_ENDED)
		return;
	path_resolve_origin(s, s->name.dentry, s->name.mnt);
	/* Without a link on the way the given name says the same. */
	if (s->name.links || s->path_flags & PATH_MOVED || !NAME_BYTE(s, NAME_START))
		annex_name(s, param, s->name.last, s->name.last ? s->name.size : 0);
}

static __always_inline int names_end(void)
{
	bool known = HAS_TASK_BTF;
	struct slot *s = slot_find();
	if (!s)
		return 0;
	struct task_struct *task = slot_task(s);
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	if (s->file) {
		name_confirm(s, row, known, task);
	} else {
		name_resolve(s, row, 0, known, task);
		name_resolve(s, row, 1, known, task);
	}
	slot_emit(s);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(resolve_names, struct pt_regs *regs, long ret)
{
	return names_end();
}

#endif

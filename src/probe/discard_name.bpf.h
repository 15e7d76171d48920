/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Whether a rule may hold for one of an opened file's names: the one that was given and the one
 * that the kernel says. The automata of event/discard_table.h go through them.
 *
 * Of a file in a known directory (known.bpf.h) they have but its own name left.
 *
 * Each step is a global function, which the verifier looks at once. So it has to get the table
 * again, and to see that it is still the one that asked.
 */
#ifndef SAKER_PROBE_DISCARD_NAME_BPF_H
#define SAKER_PROBE_DISCARD_NAME_BPF_H

#include "probe/discard_verdict.bpf.h"
#include "probe/known.bpf.h"

enum {
	GIVEN_AT = 0, /* in the slot's path, at whose end the resolved one stands */
	NAME_WORDS = DISCARD_NAME_MAX / WORD,
};

/* The automata */

/* Of the slot's name: from where they are to its end. 0: done. */
__noinline int name_run(__u32 slot_index, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct discard_table *t = discard_table_again(number);
	if (!s || !t)
		return 1;
	__u32 at = s->run.at, left = s->run.left, classes = t->class_count;
	__u32 first = s->run.first, second = s->run.second;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < DISCARD_NAME_MAX; i++) {
		if (i >= left)
			break;
		__u32 class = t->classes[s->path[INDEX(at + i, RECORD_PATH_MAX)]];
		first = t->next[INDEX(first * classes + class, DISCARD_STEPS)];
		second = t->next[INDEX(second * classes + class, DISCARD_STEPS)];
	}
	s->run.first = first;
	s->run.second = second;
	return 0;
}

static __always_inline void name_begin(struct slot *s, const struct discard_table *t, __u32 at,
				       __u32 size)
{
	s->run.at = at;
	s->run.left = size;
	s->run.first = 0;
	s->run.second = t->floating;
}

/* The clauses that may hold for a name that brought the automata to where they are. */
static __always_inline __u64 name_clauses(struct slot *s, const struct discard_table *t)
{
	__u32 sets = t->sets[INDEX(s->run.first, DISCARD_STATES)] * t->set_count +
		     t->sets[INDEX(s->run.second, DISCARD_STATES)];
	return t->answers[INDEX(sets, DISCARD_ANSWERS)];
}

/* Those that may hold for the given name, to the ones that may hold. 0: done. */
__noinline int given_clauses(__u32 slot_index, __u32 size, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct discard_table *t = discard_table_again(number);
	if (!s || !t)
		return 1;
	name_begin(s, t, GIVEN_AT, size);
	if (name_run(slot_index, number))
		return 1;
	s->run.may_hold |= name_clauses(s, t);
	return 0;
}

/* From a directory */

/*
 * Where the directory of the file that the slot's walk starts from is known, the path stands in the
 * slot as path_walk leaves it, and the automata are at its end. 0: it is not known.
 */
__noinline int path_by_dir(__u32 slot_index, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 dentry = s->start_dentry, dir = s->start_dir, mnt = s->start_mnt;
	struct known_path *path = known_get(dir, KNOWN_DIR);

	if (!path)
		return 0;
	__u32 version = known_version(path), size = path->size;
	__u32 name = READ(dentry, dentry, d_name.len);
	if (version & 1 || path->dentry != dir || path->mnt != mnt || path->number != number ||
	    name > NAME_BYTES_MAX || size > KNOWN_TEXT || !READ(dentry, dentry, d_hash.pprev) ||
	    !known_is_there(known_index(dir, KNOWN_DIR), dir, mnt,
			    s->walk_to_origin ? s->origin_dentry : s->root_dentry,
			    s->walk_to_origin ? s->origin_mnt : s->root_mnt))
		return 0;
	__u32 at = RECORD_PATH_MAX - name - 1 - size;
	bpf_probe_read_kernel(s->path + INDEX(at, RECORD_PATH_MAX), INDEX(size, KNOWN_TEXT_ROOM),
			      path->text);
	s->path[INDEX(at + size, RECORD_PATH_MAX)] = '/';
	bpf_probe_read_kernel(s->path + INDEX(at + size + 1, RECORD_PATH_MAX),
			      INDEX(name, NAME_BYTES_MAX + 1), READ(dentry, dentry, d_name.name));
	s->path_at = at;
	s->path_flags = 0;
	s->run.first = path->first;
	s->run.second = path->second;
	s->run.at = at + size;
	s->run.left = name + 1;
	return version == path->version && !name_run(slot_index, number);
}

/* The directory, which the first bytes of the slot's path are; the automata are behind it. */
static __always_inline void dir_learn(struct slot *s, __u32 size, __u32 number)
{
	struct known_path *path = known_learn(s, size, number, KNOWN_DIR);

	if (!path)
		return;
	path->first = s->run.first;
	path->second = s->run.second;
	known_learnt(path);
}

/* The file, where it comes for the second time. */
static __always_inline void file_learn(struct slot *s, __u32 number, __u64 may_hold)
{
	__u64 dentry = s->start_dentry;
	struct known_path *path = known_get(dentry, KNOWN_FILE);

	if (path && path->seen != dentry) {
		path->seen = dentry;
		return;
	}
	path = known_learn(s, RECORD_PATH_MAX - s->path_at, number, KNOWN_FILE);
	if (!path)
		return;
	path->may_hold = may_hold;
	known_learnt(path);
}

/* By walking, with the same result; the directory is known from now on. 0: it is not certain. */
__noinline int path_by_walk(__u32 slot_index, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct discard_table *t = discard_table_again(number);
	if (!s || !t)
		return 0;
	path_walk(slot_index);
	if (s->path_flags & (ANNEX_CUT | ANNEX_DELETED | ANNEX_UNREACHED) ||
	    s->path_at >= RECORD_PATH_MAX)
		return 0;
	__u32 at = s->path_at, length = RECORD_PATH_MAX - at;
	__u32 name = READ(dentry, s->start_dentry, d_name.len) + 1;

	if (length > DISCARD_NAME_MAX)
		return 0;
	name_begin(s, t, at, length);
	if (!s->path_flags && name <= length && length - name <= KNOWN_TEXT &&
	    s->start_dentry != (__u64)READ(vfsmount, s->start_mnt, mnt_root)) {
		s->run.left = length - name;
		if (name_run(slot_index, number))
			return 0;
		dir_learn(s, length - name, number);
		s->run.at = at + length - name;
		s->run.left = name;
	}
	return !name_run(slot_index, number);
}

/* The clauses that may hold for where the opened file is; the path stands in the slot. 0: that is
 * not certain. */
__noinline int path_clauses(__u32 slot_index, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct discard_table *t = discard_table_again(number);
	if (!s || !t)
		return 0;
	bool is_below = file_find_origin(slot_index, s->file);

	s->start_dentry = s->walk_dentry;
	s->start_mnt = s->walk_mnt;
	s->start_dir = (__u64)READ(dentry, s->walk_dentry, d_parent);
	if (!path_by_dir(slot_index, number) && !path_by_walk(slot_index, number))
		return 0;
	if (is_below || (s->walk_to_origin &&
			 (s->origin_mnt != s->root_mnt || s->origin_dentry != s->root_dentry)))
		s->path_flags |= PATH_MOVED;
	s->run.may_hold = name_clauses(s, t);
	if (!s->path_flags)
		file_learn(s, number, s->run.may_hold);
	return 1;
}

/* Both names */

/* Whether the given name's bytes are the last ones of the path. */
__noinline int name_ends_path(__u32 slot_index, __u32 size)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u32 path = RECORD_PATH_MAX - size;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < NAME_WORDS; i++) {
		__u32 done = i * WORD;
		if (done >= size)
			break;
		__u64 differs = *(__u64 *)(s->path + INDEX(path + done, RECORD_PATH_MAX)) ^
				*(__u64 *)(s->path + INDEX(GIVEN_AT + done, RECORD_PATH_MAX));
		if (differs & word_mask(size - done))
			return 0;
	}
	return 1;
}

/*
 * Whether the path is what a relative name says, whose bytes end it: the directory that the name
 * starts from lies so many bytes higher, in the same mount. Then its own path begins the file's.
 */
__noinline int name_is_below_base(__u32 slot_index, __u32 size)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u64 file = s->file;
	__u64 above = climb((__u64)READ(file, file, f_path.dentry), size);
	struct place base = {0};

	return name_base(s, row, 0, HAS_TASK_BTF, slot_task(s), &base) && above &&
	       above == base.dentry && (__u64)READ(file, file, f_path.mnt) == base.mnt;
}

/* Takes the given name to the slot. 0: it is not one that is looked at. */
__noinline int given_read(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u64 pointer = s->values[row->path_dir[0] != COLLECT_NONE];
	long size = bpf_probe_read_user_str(s->path + GIVEN_AT, DISCARD_NAME_MAX + 1,
					    (const void *)pointer);

	if (size <= 1 || size > DISCARD_NAME_MAX)
		return 0;
	s->run.given = size - 1;
	s->run.may_hold = 0;
	return 1;
}

/* To the clauses that may hold by the path those by the given name. 0: that is not certain. */
__noinline int names_clauses(__u32 slot_index, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u32 size = s->run.given;
	bool is_relative = s->path[GIVEN_AT] != '/';
	if (!s->file)
		return !is_relative && !given_clauses(slot_index, size, number);
	__u32 length = RECORD_PATH_MAX - s->path_at;
	bool is_end = size <= length && name_ends_path(slot_index, size);
	if (!is_relative)
		return (is_end && size == length) || !given_clauses(slot_index, size, number);
	return is_end && size < length && !s->path_flags && !root_is_own(s) &&
	       s->path[INDEX(RECORD_PATH_MAX - size - 1, RECORD_PATH_MAX)] == '/' &&
	       name_is_below_base(slot_index, size);
}

/*
 * Whether for the slot's call none but run.may_hold of the clauses can hold, by both its names. One
 * step after the other: in one another they would need more stack than there is.
 */
static __always_inline bool name_is_looked_at(struct slot *s, __u32 number)
{
	if (!given_read(s->index))
		return false;
	if (s->file) {
		root_remember(s, HAS_TASK_BTF, slot_task(s));
		if (!path_clauses(s->index, number))
			return false;
	}
	return names_clauses(s->index, number);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Paths of files and directories that came last, and what the automata of event/discard_table.h say
 * of them. Most files are opened in few directories, and many again and again.
 *
 * What is remembered is never believed: the kernel's structures are compared with it, up to the
 * root, at every use, which is much quicker than to copy them and to go through the copy.
 */
#ifndef SAKER_PROBE_KNOWN_BPF_H
#define SAKER_PROBE_KNOWN_BPF_H

#include "event/discard_table.h"
#include "probe/path.bpf.h"

enum {
	WORD = 8,          /* bytes that are compared at once */
	KNOWN_PATHS = 128, /* of each kind, a CPU */
	KNOWN_TEXT = 120,  /* bytes */
	KNOWN_TEXT_ROOM = 128,
	KNOWN_WORDS = KNOWN_TEXT_ROOM / WORD,
	KNOWN_LEVELS = 16, /* directories and mount points on the way up */
	INLINE_NAME = 32,  /* bytes that stand in a dentry itself, at least */
	INLINE_WORDS = INLINE_NAME / WORD,
};

enum known_kind { KNOWN_DIR, KNOWN_FILE };

struct known_path {
	volatile __u32 version; /* odd: it is being written */
	__u32 number;           /* of the table that all this is of */
	__u64 dentry, mnt;
	__u32 size;          /* of the root it is empty */
	__u32 first, second; /* of a directory: where the automata are after it */
	__u64 may_hold;      /* of a file: clauses */
	__u64 seen;          /* a file that came once; those that come again are remembered */
	__u8 text[KNOWN_TEXT_ROOM +
		  INLINE_NAME]; /* ends with a zero; as far as names are compared */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * KNOWN_PATHS);
	__type(key, __u32);
	__type(value, struct known_path);
} known_paths SEC(".maps");

static __always_inline __u32 known_index(__u64 dentry, enum known_kind kind)
{
	/* Dentries are 192 bytes apart. */
	return INDEX(dentry >> 6 ^ dentry >> 13, KNOWN_PATHS) + kind * KNOWN_PATHS;
}

static __always_inline struct known_path *known_get(__u64 dentry, enum known_kind kind)
{
	__u32 index = known_index(dentry, kind);
	return bpf_map_lookup_elem(&known_paths, &index);
}

/*
 * Before anything of it is read, and again at the end: where the number is the same nothing was
 * written meanwhile, by somebody who came between.
 */
static __always_inline __u32 known_version(const struct known_path *path)
{
	__u32 version = path->version;

	asm volatile("" ::: "memory");
	return version;
}

/* The bits of a word that belong to `left` bytes, of which there may be more. */
static __always_inline __u64 word_mask(__u32 left)
{
	return left < WORD ? (1ULL << INDEX(left, WORD) * 8) - 1 : ~0ULL;
}

/* Where short names stand in the dentry itself. */
static __always_inline __u64 inline_name(__u64 dentry)
{
	struct dentry___6_14 *new = (void *)dentry;
	return bpf_core_field_exists(new->d_shortname)
		   ? dentry + bpf_core_field_offset(struct dentry___6_14, d_shortname)
		   : dentry + bpf_core_field_offset(struct dentry, d_iname);
}

/* A word of the inline name; `copy` has all where they had to be copied. */
static __always_inline __u64 inline_word(__u64 dentry, const __u64 *copy, __u32 i)
{
	if (!HAS_RDONLY_CAST)
		return copy[i];
	const char *typed =
	    bpf_rdonly_cast((const void *)dentry, bpf_core_type_id_kernel(struct dentry));
	return *(const __u64 *)(typed + inline_name(0) + i * WORD);
}

/* Whether the dentry's name, of so many bytes, is what stands there. */
static __always_inline bool name_is(__u64 dentry, __u32 size, const struct known_path *path,
				    __u32 at)
{
	__u64 copy[INLINE_WORDS] = {0};

	if (size > INLINE_NAME || (__u64)READ(dentry, dentry, d_name.name) != inline_name(dentry))
		return false;
	if (!HAS_RDONLY_CAST)
		bpf_probe_read_kernel(copy, sizeof(copy), (const void *)inline_name(dentry));
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < INLINE_WORDS; i++) {
		if (i * WORD >= size)
			break;
		__u64 text = *(const __u64 *)(path->text + INDEX(at + i * WORD, KNOWN_TEXT_ROOM));
		if ((inline_word(dentry, copy, i) ^ text) & word_mask(size - i * WORD))
			return false;
	}
	return true;
}

/*
 * Whether the path at this index is that of its dentry in its mount, as a walk to this end would
 * make it: each name on the way, and each mount point. Ways that would set a flag of the path are
 * left to path_walk. A global function, which the verifier looks at once.
 */
__noinline int known_is_there(__u32 index, __u64 dentry, __u64 mnt, __u64 end_dentry, __u64 end_mnt)
{
	const struct known_path *path = bpf_map_lookup_elem(&known_paths, &index);
	if (!path)
		return 0;
	__u64 mnt_root = NUMBER_AT(mnt + bpf_core_field_offset(struct vfsmount, mnt_root));
	__u32 at = path->size;

#pragma clang loop unroll(disable)
	for (int i = 0; i < KNOWN_LEVELS; i++) {
		if (dentry == end_dentry && mnt == end_mnt)
			return !at;
		if (dentry == mnt_root) {
			__u64 mount = mnt - bpf_core_field_offset(struct mount, mnt);
			__u64 above =
			    NUMBER_AT(mount + bpf_core_field_offset(struct mount, mnt_parent));

			if (!is_whole(mnt) || above == mount || !above)
				return 0;
			dentry =
			    NUMBER_AT(mount + bpf_core_field_offset(struct mount, mnt_mountpoint));
			mnt = above + bpf_core_field_offset(struct mount, mnt);
			mnt_root =
			    NUMBER_AT(mnt + bpf_core_field_offset(struct vfsmount, mnt_root));
			continue;
		}
		__u64 parent = NUMBER_AT(dentry + bpf_core_field_offset(struct dentry, d_parent));
		__u32 length = READ(dentry, dentry, d_name.len);

		if (parent == dentry || at > KNOWN_TEXT || length >= at)
			return 0;
		at = ANY_NUMBER(at - length - 1);
		if (path->text[INDEX(at, KNOWN_TEXT_ROOM)] != '/' ||
		    !name_is(dentry, length, path, at + 1))
			return 0;
		dentry = parent;
	}
	return 0;
}

/*
 * Begins to remember the first `size` bytes of the slot's path, or does not where NULL is answered.
 * known_learnt ends it.
 */
static __always_inline struct known_path *known_learn(struct slot *s, __u32 size, __u32 number,
						      enum known_kind kind)
{
	__u64 dentry = kind == KNOWN_FILE ? s->start_dentry : s->start_dir;
	struct known_path *path = known_get(dentry, kind);
	__u32 at = s->path_at;

	if (!path || path->version & 1 || size > KNOWN_TEXT)
		return NULL;
	path->version++;
	path->dentry = dentry;
	path->mnt = s->start_mnt;
	path->number = number;
	path->size = size;
	bpf_probe_read_kernel(path->text, INDEX(size, KNOWN_TEXT_ROOM),
			      s->path + INDEX(at, RECORD_PATH_MAX));
	path->text[INDEX(size, KNOWN_TEXT_ROOM)] = 0;
	return path;
}

static __always_inline void known_learnt(struct known_path *path)
{
	path->version++;
}

#endif

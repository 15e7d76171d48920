/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where a file system belongs: of its mounts in a mount namespace the first one that shows all of
 * it. A later mount, of the whole or of a part, gives its files other names, which hide nothing if
 * the way to the root leads by the first one.
 *
 * A file system knows its mounts in all namespaces. They are looked through once, step by step as
 * the path is walked (path_step), and what was found is remembered until the namespace changes.
 * Nothing is locked: what is read may be of the next moment, so it is compared before it is used.
 */
#ifndef SAKER_PROBE_MOUNTS_BPF_H
#define SAKER_PROBE_MOUNTS_BPF_H

#include "probe/facts.bpf.h"

enum {
	MOUNT_HINTS = 1024,
#ifdef PROBE_WITHOUT_LOOP
	MOUNTS_SEARCHED = 64, /* of one file system; steps are few there */
#else
	MOUNTS_SEARCHED = 16384,
#endif
};

struct super_block___until_6_17 {
	struct list_head s_mounts;
} KERNEL_STRUCT;
struct mount___until_6_17 {
	struct list_head mnt_instance;
} KERNEL_STRUCT;
struct mnt_namespace___until_6_17 {
	__u64 seq;
} KERNEL_STRUCT;

/* Two words, written without a lock: valid where the second is the first and whose it is. */
struct mount_hint {
	__u64 mount; /* 0: there is none */
	__u64 check;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MOUNT_HINTS);
	__type(key, __u32);
	__type(value, struct mount_hint);
} mount_hints SEC(".maps");

static __always_inline bool mounts_are_listed(void)
{
	struct mount___until_6_17 *old = NULL;
	return bpf_core_field_exists(old->mnt_instance);
}

/* Names the file system, the namespace and its state: another number after each change. */
static __always_inline __u64 mounts_tag(__u64 sb, __u64 ns)
{
	struct mnt_namespace___until_6_17 *old = (void *)ns;
	__u64 id = 0;

	if (bpf_core_field_exists(old->seq))
		id = BPF_CORE_READ(old, seq);
	else if (bpf_core_field_exists(struct mnt_namespace, ns.ns_id))
		id = READ(mnt_namespace, ns, ns.ns_id);
	__u64 hash = sb * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ id ^ hash >> 29) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ READ(mnt_namespace, ns, event) ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static __always_inline bool mount_shows_all(__u64 mount, __u64 sb, __u64 ns)
{
	return (__u64)READ(mount, mount, mnt.mnt_sb) == sb &&
	       (__u64)READ(mount, mount, mnt_ns) == ns &&
	       READ(mount, mount, mnt.mnt_root) == READ(super_block, sb, s_root);
}

/* One mount of the file system; the search ends where walk_next becomes 0. */
static __always_inline void mounts_search(struct slot *s)
{
	__u64 sb = s->mounts.sb, mount = s->mounts.next;
	struct super_block___until_6_17 *old = (void *)sb;
	struct mount___until_6_17 *listed = (void *)mount;
	bool is_found = mount_shows_all(mount, sb, s->mounts.ns);

	if (is_found)
		s->mounts.found = mount;
	s->mounts.searched++;
	if (mounts_are_listed()) {
		/* The first ones stand first. */
		__u64 head = sb + bpf_core_field_offset(old->s_mounts);
		__u64 next = (__u64)BPF_CORE_READ(listed, mnt_instance.next);
		s->mounts.next = is_found || next == head
				     ? 0
				     : next - bpf_core_field_offset(listed->mnt_instance);
	} else {
		s->mounts.next = (__u64)READ(mount, mount, mnt_next_for_sb);
	}
	if (s->mounts.searched >= MOUNTS_SEARCHED)
		s->mounts.next = 0;
	if (s->mounts.next)
		return;
	__u32 index = INDEX(s->mounts.tag >> 40, MOUNT_HINTS);
	struct mount_hint *hint = bpf_map_lookup_elem(&mount_hints, &index);
	if (hint) {
		hint->mount = s->mounts.found;
		hint->check = s->mounts.tag ^ s->mounts.found;
	}
}

/*
 * Looks where the mount's file system belongs, in the namespace of another mount; the answer stands
 * in mounts.found (0: nowhere) as soon as mounts.next is 0.
 */
static __always_inline void mounts_ask(struct slot *s, __u64 mnt, __u64 sb, __u64 of)
{
	__u64 offset = bpf_core_field_offset(struct mount, mnt);
	__u64 ns = (__u64)READ(mount, of - offset, mnt_ns);
	struct super_block___until_6_17 *old = (void *)sb;

	s->mounts.asked = mnt;
	s->mounts.found = 0;
	s->mounts.next = 0;
	s->mounts.searched = 0;
	s->mounts.sb = sb;
	s->mounts.ns = ns;
	if (!ns)
		return;
	/* From the slot they are numbers, which may be reckoned with. */
	sb = s->mounts.sb;
	ns = s->mounts.ns;
	__u64 tag = mounts_tag(sb, ns);
	__u32 index = INDEX(tag >> 40, MOUNT_HINTS);
	struct mount_hint *hint = bpf_map_lookup_elem(&mount_hints, &index);
	if (hint) {
		__u64 found = hint->mount;
		if (hint->check == (tag ^ found) && (!found || mount_shows_all(found, sb, ns))) {
			s->mounts.found = found;
			return;
		}
	}
	s->mounts.tag = tag;
	if (mounts_are_listed())
		s->mounts.next = (__u64)BPF_CORE_READ(old, s_mounts.next) -
				 bpf_core_field_offset(struct mount___until_6_17, mnt_instance);
	else
		s->mounts.next = (__u64)READ(super_block, sb, s_mounts);
}

#endif

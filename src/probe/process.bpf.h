/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Parameters of execve, clone and their kin, which tell all of a process. */
#ifndef SAKER_PROBE_PROCESS_BPF_H
#define SAKER_PROBE_PROCESS_BPF_H

#include "probe/file.bpf.h"

#include "collect_table.h"

enum { CGROUP_STEPS = 24, RSS_FILE = 0, RSS_ANON, RSS_SWAP, RSS_SHMEM };

struct node_walk {
	struct slot *slot;
	__u64 node;
	__u32 at;
};

static long cgroup_step(__u32 step, void *context)
{
	struct node_walk *w = context;
	__u64 node = w->node;
	__u64 parent;

	if (bpf_core_field_exists(struct kernfs_node, parent))
		parent = (__u64)READ(kernfs_node, node, parent);
	else
		parent = (__u64)READ(kernfs_node___6_15, node, __parent);
	if (!parent)
		return 1; /* the root has no name */
	struct slot *s = w->slot;
	/* Names are bounded by NAME_MAX, but only their NUL tells their size. */
	long n = bpf_probe_read_kernel_str(s->scratch, 256, READ(kernfs_node, node, name));
	if (n <= 1 || n > 256)
		return 1;
	__u32 size = n - 1;
	__u32 at = w->at - size - 1;
	if (at > RECORD_PATH_MAX)
		return 1;
	BOUND(at);
	BOUND(size);
	if (at > RECORD_PATH_MAX || size > NAME_BYTES_MAX)
		return 1;
	s->path[at] = '/';
	bpf_probe_read_kernel(s->path + at + 1, size, s->scratch);
	w->at = at;
	w->node = parent;
	return 0;
}

/* For kernels without bpf_loop, as path_step_alone. */
__noinline int cgroup_step_alone(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 1;
	struct node_walk w = {.slot = s, .node = s->walk_node, .at = s->path_at};
	int is_done = cgroup_step(0, &w);
	s->walk_node = w.node;
	s->path_at = w.at;
	return is_done;
}

/* As path_walk: the node's path in slot->path. */
__noinline int cgroup_walk(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return -1;
	s->path_at = RECORD_PATH_MAX;
	if (HAS_LOOP) {
		struct node_walk w = {.slot = s, .node = s->walk_node, .at = RECORD_PATH_MAX};
		bpf_loop(CGROUP_STEPS, cgroup_step, &w, 0);
		s->path_at = w.at;
	} else {
		for (__u32 i = 0; i < CGROUP_STEPS; i++)
			if (cgroup_step_alone(slot_index))
				break;
	}
	if (s->path_at >= RECORD_PATH_MAX) {
		s->path_at = RECORD_PATH_MAX - 1;
		s->path[RECORD_PATH_MAX - 1] = '/';
	}
	return 0;
}

/* "name=path\0" of one controller's cgroup. */
#define APPEND_CGROUP(s, known, task, controller, name)                                            \
	do {                                                                                       \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, controller)) {               \
			struct css_set *set_ = FOLLOW(known, task, cgroups);                       \
			__u64 state_ = 0;                                                          \
			bpf_core_read(&state_, sizeof(state_),                                     \
				      &set_->subsys[bpf_core_enum_value(enum cgroup_subsys_id,     \
									controller)]);             \
			if (state_) {                                                              \
				__u64 cgroup_ = (__u64)READ(cgroup_subsys_state, state_, cgroup);  \
				append_kernel_str(s, name "=", 16);                                \
				s->pos--; /* the NUL */                                            \
				s->walk_node = (__u64)READ(cgroup, cgroup_, kn);                   \
				cgroup_walk(s->index);                                             \
				append_path(s);                                                    \
			}                                                                          \
		}                                                                                  \
	} while (0)

/*
 * That of version 2, where it says more than the controllers do: they may all be of version 1, or
 * belong to a cgroup further up. "unified=path\0", as what is read from /proc calls it.
 */
static __always_inline void append_unified_cgroup(struct slot *s, bool known,
						  struct task_struct *task)
{
	struct css_set *set = FOLLOW(known, task, cgroups);
	__u64 cgroup = (__u64)FOLLOW(known, task, cgroups, dfl_cgrp);
	__u64 state = 0;
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		bpf_core_read(
		    &state, sizeof(state),
		    &set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]);
	if (!cgroup || (state && (__u64)READ(cgroup_subsys_state, state, cgroup) == cgroup))
		return;
	s->walk_node = (__u64)READ(cgroup, cgroup, kn);
	cgroup_walk(s->index);
	if (s->path_at >= RECORD_PATH_MAX - 1)
		return; /* the root */
	append_kernel_str(s, "unified=", 16);
	s->pos--; /* the NUL */
	append_path(s);
}

static __always_inline void put_cgroups(struct slot *s, __u32 i, bool known,
					struct task_struct *task)
{
	__u32 from = s->pos;
	APPEND_CGROUP(s, known, task, cpuset_cgrp_id, "cpuset");
	APPEND_CGROUP(s, known, task, cpu_cgrp_id, "cpu");
	APPEND_CGROUP(s, known, task, cpuacct_cgrp_id, "cpuacct");
	APPEND_CGROUP(s, known, task, io_cgrp_id, "io");
	APPEND_CGROUP(s, known, task, memory_cgrp_id, "memory");
	append_unified_cgroup(s, known, task);
	set_length(s, i, s->pos - from);
}

static __always_inline __u64 rss_count(__u64 mm, __u32 which)
{
	struct mm_struct___until_6_1 *old = (void *)mm;
	__s64 count = 0;
	if (bpf_core_field_exists(old->rss_stat.count))
		bpf_core_read(&count, sizeof(count), &old->rss_stat.count[which].counter);
	else
		/* Only the kernel knows how large an element is. */
		bpf_probe_read_kernel(
		    &count, sizeof(count),
		    (void *)(mm + bpf_core_field_offset(struct mm_struct, rss_stat) +
			     which * bpf_core_type_size(struct percpu_counter) +
			     bpf_core_field_offset(struct percpu_counter, count)));
	return count > 0 ? count : 0;
}

/* Kilobytes. */
static __always_inline __u32 vm_size(__u64 mm)
{
	return mm ? READ(mm_struct, mm, total_vm) * page_kb : 0;
}
static __always_inline __u32 vm_rss(__u64 mm)
{
	if (!mm)
		return 0;
	return (rss_count(mm, RSS_FILE) + rss_count(mm, RSS_ANON) + rss_count(mm, RSS_SHMEM)) *
	       page_kb;
}
static __always_inline __u32 vm_swap(__u64 mm)
{
	return mm ? rss_count(mm, RSS_SWAP) * page_kb : 0;
}

/*
 * Bytes [start, end) of user memory that hold strings one behind the other, at most room of them
 * and then with a NUL at the cut.
 */
static __always_inline void put_strings(struct slot *s, __u32 i, __u64 start, __u64 end, __u64 room)
{
	__u64 size = end > start ? end - start : 0;
	if (size > room) {
		size = room;
		s->flags |= RECORD_ARGS_CUT;
	}
	__u32 n = append_user(s, start, size);
	set_length(s, i, n);
	__u32 last = s->pos - 1;
	if (n && last <= PROBE_POS_LIMIT + 4096)
		s->data[last] = 0;
}

/* Parameters 1 and 2, exe and args, from the strings at the process's start. */
static __always_inline void put_exe_args(struct slot *s, __u64 mm)
{
	__u64 start = 0, end = 0;
	if (mm) {
		start = READ(mm_struct, mm, arg_start);
		end = READ(mm_struct, mm, arg_end);
	}
	__u32 exe = start ? append_user_str(s, start) : 0;
	set_length(s, 1, exe);
	put_strings(s, 2, start + exe, end, PROBE_ARGS_MAX - (exe & (PROBE_ARGS_MAX - 1)));
}

/* Parameters 3 to 14, the same in all of these events. */
static __always_inline void put_process(struct slot *s, bool known, struct task_struct *task,
					__u64 mm)
{
	struct record *r = (struct record *)s->data;
	struct task_struct *parent = FOLLOW(known, task, real_parent);

	put_u64(s, 3, (__s64)r->task.tid);
	put_u64(s, 4, (__s64)r->task.pid);
	put_u64(s, 5, (__s64)FOLLOW(known, parent, pid));
	put_empty(s, 6); /* cwd: an annex item here, as in the scap format of today */
	put_u64(s, 7, FOLLOW(known, task, signal, rlim[7].rlim_cur)); /* RLIMIT_NOFILE */
	put_u64(s, 8, FOLLOW(known, task, maj_flt));
	put_u64(s, 9, FOLLOW(known, task, min_flt));
	put_u32(s, 10, vm_size(mm));
	put_u32(s, 11, vm_rss(mm));
	put_u32(s, 12, vm_swap(mm));
	set_length(s, 13, append_kernel_str(s, r->task.comm, RECORD_COMM_SIZE));
	put_cgroups(s, 14, known, task);
}

/* From the kernel's capability bits to scap's, one higher each, with bit 0 for all's sake unused:
 * see the generated translation. */
static __always_inline __u64 cred_caps(const struct cred *cred, __u32 which)
{
	__u64 caps = 0;
	switch (which) {
	case 0:
		bpf_core_read(&caps, sizeof(caps), &cred->cap_inheritable);
		break;
	case 1:
		bpf_core_read(&caps, sizeof(caps), &cred->cap_permitted);
		break;
	default:
		bpf_core_read(&caps, sizeof(caps), &cred->cap_effective);
		break;
	}
	return caps & CAPS_KNOWN;
}

#endif

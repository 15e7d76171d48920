/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What every program builds on: reading kernel memory the fastest way that this kernel has, the
 * memory in which an event is built, and what the loader sets.
 *
 * What the loader decides is constant to the verifier, so that branches on it cost nothing and the
 * code of features that this kernel lacks is never looked at.
 */
#ifndef SAKER_PROBE_CORE_BPF_H
#define SAKER_PROBE_CORE_BPF_H

#include "probe/kernel.h"
#include "probe/shared.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/*
 * Features of the running kernel, by the helpers that it knows. libbpf makes each a constant when
 * it loads the programs. bpf_rdonly_cast is no helper; it came with the one that is named.
 */
enum bpf_func_id___probe {
	BPF_FUNC_get_current_task_btf___probe = 1, /* 5.11 */
	BPF_FUNC_task_pt_regs___probe,             /* 5.15 */
	BPF_FUNC_loop___probe,                     /* 5.17 */
	BPF_FUNC_cgrp_storage_get___probe,         /* 6.2 */
};

/*
 * PROBE_NEW: built for kernels that have them all, without a word on others: what is not there need
 * not be relocated, verified and removed when the programs are loaded, a quarter of the whole
 * start. PROBE_OLD: built to try on a new kernel what an old one would run.
 */
#if defined(PROBE_NEW)
#define HAS_HELPER(name) (1)
#elif defined(PROBE_OLD)
#define HAS_HELPER(name) (0)
#else
#define HAS_HELPER(name) bpf_core_enum_value_exists(enum bpf_func_id___probe, name##___probe)
#endif
#define HAS_TASK_BTF HAS_HELPER(BPF_FUNC_get_current_task_btf)
#define HAS_TASK_REGS HAS_HELPER(BPF_FUNC_task_pt_regs)
/*
 * Kernels before 5.13 refuse a program that so much as names a callback, whether it is ever reached
 * or not; so there is a build without.
 */
#ifdef PROBE_WITHOUT_LOOP
#define HAS_LOOP 0
#else
#define HAS_LOOP HAS_HELPER(BPF_FUNC_loop)
#endif
/* Kernels that have it run the first build. Of others it must not be named: where a function is not
 * the kernel's, libbpf looks through its modules, for which privileges may be lacking. */
#ifdef PROBE_NEW
#define HAS_RDONLY_CAST HAS_HELPER(BPF_FUNC_cgrp_storage_get)
#else
#define HAS_RDONLY_CAST 0
#endif

/*
 * Of a task that may have ended, members are gone. A load of a known type by way of one faults and
 * gives 0, if the kernel finds it in its table of loads that may; until 6.4 (and corrections of
 * before) it could look into a table that was not there, for programs with global functions, and
 * crash. Such tasks are read by calls there.
 */
#define HAS_SURE_LOADS HAS_RDONLY_CAST

/* Options. */

const volatile __u32 cpus_per_ring; /* 0: one ring for all */
const volatile __u32 snaplen;
const volatile __u32 slots_per_cpu;
const volatile bool drop_failed;
const volatile __u32 page_kb;
const volatile bool has_hooks; /* see hooks.bpf.h */
const volatile bool has_names; /* see given.bpf.h */

/* Changed while running; see probe_set_wants. */
__u32 own_tgid;     /* set by `identify` */
__u32 exits_wanted; /* not 0: rules ask for ends of processes */
__u32 reports_own;  /* not 0: calls of our own are reported, too */
__u16 wants[PROBE_SYSCALLS];
__u32 facts_wanted[PROBE_SYSCALLS];
__u32 hooks_in_use;           /* not 0: hooked has any */
__u32 hooked[PROBE_SYSCALLS]; /* which hooks tell of a call's names: bits of enum probe_hook */
__u32 routes_in_use;          /* not 0: see sent.bpf.h */
struct probe_cpu_counters counters[PROBE_CPUS];
__u32 reader_waits;               /* until the next record: see probe.h */
__u64 last_look[2 * PROBE_RINGS]; /* at how full each ring is; the critical one is PROBE_RINGS */
volatile __u32 always_zero;       /* see ANY_NUMBER */
__u32 discard_sample;             /* one in so many discarded events is let through; 0: none */

/* The kernel's function, weak because older ones lack it. */
extern void *bpf_rdonly_cast(const void *pointer, __u32 type_id) __ksym __weak;

/*
 * READ(file, pointer, f_inode): a member of a kernel structure whose address is but a number.
 * FOLLOW(task, cred, euid.val): a chain of members from a pointer that the verifier knows.
 */
#define READ(type, pointer, member)                                                                \
	({                                                                                         \
		__u64 from_ = (__u64)(pointer);                                                    \
		typeof(((struct type *)0)->member) value_ = {0};                                   \
		if (HAS_RDONLY_CAST) {                                                             \
			struct type *typed_ = bpf_rdonly_cast(                                     \
			    (const void *)from_, bpf_core_type_id_kernel(struct type));            \
			value_ = typed_->member;                                                   \
		} else {                                                                           \
			bpf_core_read(&value_, sizeof(value_), &((struct type *)from_)->member);   \
		}                                                                                  \
		value_;                                                                            \
	})
/* A pointer or word of the kernel's as a number, with which one may calculate: what READ gives is a
 * pointer to the verifier. By way of a structure that begins with a number of eight bytes. */
#define NUMBER_AT(address) ((__u64)READ(timespec64, address, tv_sec))
#define FOLLOW(known, pointer, ...)                                                                \
	((known) ? ___arrow(pointer, __VA_ARGS__) : BPF_CORE_READ(pointer, __VA_ARGS__))

/* The same number, of which the verifier knows nothing: else it would try what follows once for
 * each that it can be. */
#define ANY_NUMBER(x) ((x) ^ always_zero)

#define unlikely(x) __builtin_expect(!!(x), 0)
/* What is checked from here on is the very register that is used: the verifier follows registers,
 * and the compiler likes to check a copy. */
#define BOUND(x) asm volatile("" : "+r"(x))
#define likely(x) __builtin_expect(!!(x), 1)
/* An index into an array of `size` (a power of two) elements. The and is kept where the compiler
 * knows it to change nothing: the verifier of older kernels does not know. */
#define INDEX(x, size)                                                                             \
	({                                                                                         \
		__u64 index_ = (x);                                                                \
		asm volatile("%0 &= %1" : "+r"(index_) : "i"((size)-1));                           \
		index_;                                                                            \
	})

/*
 * A name that is followed (names.bpf.h). Volatile and in a map's memory, not on a stack: a value
 * that was stored is any number to the verifier, which would try each one that it can be.
 */
struct name_walk {
	volatile __u64 dentry, mnt;
	volatile __u64 candidate; /* of a search: what is compared */
	volatile __u64 found;
	volatile __u64 next; /* where a search goes on */
	volatile __u64 head; /* where it ends */
	volatile __u32 at;   /* next byte of the name */
	volatile __u32 size; /* of the component at hand */
	volatile __u32
	    last; /* start of the last component, where it was not followed; 0: all was */
	volatile __u32 links; /* followed */
	volatile __u32 follows_last;
	volatile __u32 is_blind; /* lost where the way could not be seen, though it may be there */
	volatile __u32 state;
};

/* A search for where a file system belongs (mounts.bpf.h); volatile as what name_walk holds. */
struct mount_search {
	volatile __u64 asked; /* the mount that it was about */
	volatile __u64 found;
	volatile __u64 next; /* 0: it is over */
	volatile __u64 sb, ns, tag;
	volatile __u32 searched;
};

/* Of the call that is begun; volatile as what name_walk holds. */
struct begun {
	volatile __s64 ret;
	volatile __u16 nr;
	volatile __u8 compat;
};

/* Bytes of a record that are compared with others of it. */
struct comparison {
	volatile __u32 at, other; /* where the next ones stand */
	volatile __u32 left;
	volatile __u32 differs;
};

/* A name on its way through the automata: see discard_name.bpf.h. */
struct name_progress {
	volatile __u32 at, left;
	volatile __u32 first, second; /* states */
	volatile __u64 may_hold;      /* clauses */
	volatile __u32 given;         /* bytes of the given name */
};

/* What a hook said of a name (hooks.bpf.h), and where that stands in the record. */
struct hook_said {
	volatile __u64 dentry, directory, inode;
	volatile __u64 moved; /* of a rename: the name that is elsewhere now, 0: none is */
	volatile __u64 node;  /* of a search among an inode's names, of which there are */
	volatile __u32 names;
	volatile __u32 at, size, last, flags;
	volatile __u32 pos_before, annex_before; /* of the record, to take it back */
};

/* An address as the kernel's interface writes it, of IPv4 and IPv6. */
struct user_in {
	__u16 family;
	__u16 port;
	__u32 address;
};
struct user_in6 {
	__u16 family;
	__u16 port;
	__u32 flow;
	__u8 address[16];
};

/* Of a call that sends: where its messages went, as far as that is known (sent.bpf.h). */
struct sent_progress {
	volatile __u32 count;    /* destinations that are known */
	volatile __u32 next;     /* of these */
	volatile __u32 messages; /* that are yet to be told */
	struct user_in6 to;      /* of the message at hand */
};

/* What the steps of a search need to know: the rest is in the slot. */
struct name_search {
	__u32 slot_index;
};

/*
 * Where one event is built. A CPU has a few slots, because programs of ours may meet on it: an
 * interrupt's within a call's today, and two calls' where a kernel lets tracing programs be
 * preempted. See slot_take.
 */
struct slot {
	volatile __u64 claimant; /* who tried last: see slot_take */
	volatile __u64 owner;    /* who has it; 0: free */
	__u32 index;             /* of the slot, for programs that look it up again */
	__u32 pos;               /* where the next bytes go */
	__u32 event_size;
	__u32 params_at; /* where the first parameter's bytes stand */
	__u16 code;
	__u16 nr;
	__u16 flags;    /* RECORD_* */
	__u16 relative; /* bit per parameter: a path that doesn't start with a slash */
	__u32 facts;
	__u32 overflow;
	__u32 is_critical; /* ROW_CRITICAL, ROW_IMPORTANT, IS_URGENT, 0 */
	__u32 exe_flags;   /* of an exec event */
	__u32 cpu;
	__u64 ts;
	__u64 file; /* struct file of the call, 0: none */
	__u64 task; /* who did it; of io_uring's requests not always the current one */
	/* Of a request of io_uring: its address, its file, and the descriptor that this has; 0:
	 * none. */
	__u64 request;
	__u64 request_file;
	__s32 request_fd;
	__u32 request_how; /* see uring.bpf.h */
	/* Arguments of path_resolve and cgroup_resolve, here to be numbers and no pointers. */
	__u64 walk_dentry;
	__u64 walk_mnt;
	__u64 walk_end_dentry;
	__u64 walk_end_mnt;
	__u32 walk_is_done; /* the end was reached */
	__u64 walk_node;
	__u32 walk_to_origin; /* see path_resolve_origin */
	/* Where a walk began, and the directory of that. */
	volatile __u64 start_dentry;
	volatile __u64 start_mnt;
	volatile __u64 start_dir;
	struct begun begun;
	struct name_walk name;
	struct mount_search mounts;
	struct comparison same;
	struct hook_said hook;
	struct name_progress run;
	struct sent_progress sent;
	__u64 root_dentry; /* of the task */
	__u64 root_mnt;
	__u64 origin_dentry; /* see path_resolve_origin */
	__u64 origin_mnt;
	__u64 origin_file; /* of a descriptor whose file's origin is to be told, 0: none */
	__u32 path_at;     /* start of the last resolved path in path[] */
	__u32 path_flags;
	/* Of a path that is too long the beginning counts as well as the end: where the upper half
	 * of the memory is full, which starts at this component, the rest is written below it over
	 * and over, until the root is reached. */
	__u32 path_joint;
	__u32 opened_at; /* annex item of the opened file's path, 0: none */
	/* Arguments, ret, zero; then the fetched user structure. The order is enum
	 * collect_source's. */
	__u64 values[SOURCE_MEM64 + PROBE_MEM_BYTES / 8];
	__u8 path[RECORD_PATH_MAX + 512]; /* filled from the end of the first RECORD_PATH_MAX */
	__u8 scratch[1024];
	__u8 data[PROBE_POS_LIMIT + 2 * 4096]; /* the record */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROBE_SLOTS); /* the loader makes it slots times CPUs */
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROBE_CODES *DROP_CAUSE_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} drops_by_code SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32); /* ring buffers, made by the loader */
} rings SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_critical SEC(".maps");

enum {
	NO_SLOT = -1,   /* beyond the end of `slots` */
	IS_URGENT = -1, /* critical, and the reader is woken: there is no time to lose */
	EVENT_AT = sizeof(struct record),
	LENGTHS_AT = EVENT_AT + sizeof(struct event_header),
	/* How often it is looked whether a ring is a quarter full, which wakes the reader. */
	LOOK_NS = 100 * 1000,
};

/*
 * The same task as a pointer that the verifier trusts less. Newer kernels look at every pointer
 * that is followed from a trusted one for milliseconds when they load us, so those go by this one;
 * plain members are read from the trusted one, which costs no check of the address.
 */
static __always_inline struct task_struct *task_plain(struct task_struct *task)
{
	if (HAS_RDONLY_CAST)
		return bpf_rdonly_cast(task, bpf_core_type_id_kernel(struct task_struct));
	return task;
}

/* Where `known` is false everywhere, a mere number. */
static __always_inline struct task_struct *current_trusted(void)
{
	if (HAS_TASK_BTF)
		return bpf_get_current_task_btf();
	return (void *)bpf_get_current_task();
}

static __always_inline struct task_struct *current_task(void)
{
	struct task_struct *trusted = current_trusted();
	return HAS_TASK_BTF ? task_plain(trusted) : trusted;
}

static __always_inline void count_drop(__u32 cpu, __u32 code, enum drop_cause cause)
{
	BOUND(cpu);
	if (cpu < PROBE_CPUS)
		counters[INDEX(cpu, PROBE_CPUS)].drops[cause]++;
	__u32 key = code * DROP_CAUSE_COUNT + cause;
	__u64 *count = bpf_map_lookup_elem(&drops_by_code, &key);
	if (count)
		++*count;
}

/*
 * Whether the free slot is ours now: of all that try at a time one gets it, whatever interrupts or
 * preempts whom. Kernels that may have no exchange for eBPF get Lamport's splitter, of plain loads
 * and stores: in the worst case (a preemption between two of its lines, by somebody who tries as
 * well) nobody gets the slot and it is lost. No event is ever built in memory that another one
 * uses.
 */
static __always_inline bool slot_take(struct slot *s, __u64 me)
{
#ifdef PROBE_WITHOUT_LOOP
	s->claimant = me;
	if (s->owner)
		return false;
	s->owner = me;
	return s->claimant == me;
#else
	return !s->owner && !__sync_val_compare_and_swap(&s->owner, 0, me);
#endif
}

/*
 * Takes a free slot of this CPU and answers its index, or NO_SLOT. A global function, so that the
 * verifier need not go through what follows once for each slot that may have been taken.
 */
__noinline int slot_claim_index(void)
{
	__u64 me = bpf_get_current_pid_tgid() | (1ULL << 63);
	__u32 cpu = bpf_get_smp_processor_id();
	for (__u32 i = 0; i < PROBE_SLOTS; i++) {
		if (i >= slots_per_cpu)
			break;
		__u32 index = cpu * slots_per_cpu + i;
		struct slot *s = bpf_map_lookup_elem(&slots, &index);
		if (!s)
			break;
		if (!slot_take(s, me))
			continue;
		s->index = index;
		s->cpu = cpu;
		return index;
	}
	return NO_SLOT;
}

static __always_inline struct slot *slot_claim(void)
{
	__u32 index = slot_claim_index();
	return bpf_map_lookup_elem(&slots, &index);
}

/* The slot that this task claimed in the program before this one, or NO_SLOT. */
__noinline int slot_find_index(void)
{
	__u64 me = bpf_get_current_pid_tgid() | (1ULL << 63);
	__u32 cpu = bpf_get_smp_processor_id();
	for (__u32 i = 0; i < PROBE_SLOTS; i++) {
		if (i >= slots_per_cpu)
			break;
		__u32 index = cpu * slots_per_cpu + i;
		struct slot *s = bpf_map_lookup_elem(&slots, &index);
		if (!s)
			break;
		if (s->owner == me)
			return index;
	}
	return NO_SLOT;
}

static __always_inline struct slot *slot_find(void)
{
	__u32 index = slot_find_index();
	return bpf_map_lookup_elem(&slots, &index);
}

static __always_inline void slot_release(struct slot *s)
{
	s->owner = 0;
}

/*
 * Wakes the reader where it waits. After a record was committed, which is a full barrier, as is
 * what stands between the reader's word that it waits and its last look at the rings: so one of us
 * sees what the other did. What wakes is a record that is thrown away.
 */
static __always_inline void reader_wake(void *ring)
{
	if (likely(!reader_waits))
		return;
	void *nothing = bpf_ringbuf_reserve(ring, 8, 0);
	/* Full: somebody has written meanwhile, and woke it. */
	if (!nothing)
		return;
	reader_waits = 0;
	bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
}

/* Ends the event: fills in the sizes and sends it. */
static __always_inline void slot_send(struct slot *s)
{
	__u32 size = (s->pos + 7) & ~7u;
	__u32 cpu = s->cpu;
	struct record *r = (struct record *)s->data;
	struct event_header *header = (struct event_header *)(s->data + EVENT_AT);

	if (s->overflow || size > RECORD_SIZE_MAX) {
		count_drop(cpu, s->code, DROP_TOO_LARGE);
		return;
	}
	r->size = size;
	r->event_size = s->event_size;
	r->flags = s->flags;
	header->len = s->event_size;
	if (!r->annex_offset)
		r->annex_offset = size;
	BOUND(cpu);
	if (s->flags & RECORD_USER_FAULT && cpu < PROBE_CPUS)
		counters[INDEX(cpu, PROBE_CPUS)].faults++;

	void *ring = &ring_critical;
	__u32 index = PROBE_RINGS;
	bool is_critical = s->is_critical;
	if (s->is_critical == ROW_IMPORTANT)
		is_critical = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) * 2 <
			      bpf_ringbuf_query(ring, BPF_RB_RING_SIZE);
	if (!is_critical) {
		index = cpus_per_ring ? cpu / cpus_per_ring : 0;
		ring = bpf_map_lookup_elem(&rings, &index);
		if (!ring)
			return;
	}
	BOUND(index);
	/* Waking the reader costs an interrupt. It comes by itself while there is much to read. */
	__u64 *look = &last_look[index & (2 * PROBE_RINGS - 1)];
	__u64 flags = s->is_critical == (__u32)IS_URGENT ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	if (unlikely(s->ts - *look > LOOK_NS)) {
		*look = s->ts;
		if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) * 4 >
		    bpf_ringbuf_query(ring, BPF_RB_RING_SIZE))
			flags = BPF_RB_FORCE_WAKEUP;
	}
	BOUND(size);
	if (size > RECORD_SIZE_MAX || bpf_ringbuf_output(ring, s->data, size, flags)) {
		count_drop(cpu, s->code, DROP_RING_FULL);
	} else {
		BOUND(cpu);
		if (cpu < PROBE_CPUS)
			counters[INDEX(cpu, PROBE_CPUS)].events++;
		/* What is but looked at can wait until the reader comes by itself. */
		if (!(s->flags & RECORD_SAMPLED))
			reader_wake(ring);
	}
}

/* And frees the slot. */
static __always_inline void slot_emit(struct slot *s)
{
	slot_send(s);
	slot_release(s);
}

#endif

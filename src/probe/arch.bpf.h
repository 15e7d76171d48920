/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What differs by architecture: where a call's number and arguments stand, and other numberings. */
#ifndef SAKER_PROBE_ARCH_BPF_H
#define SAKER_PROBE_ARCH_BPF_H

#include "probe/core.bpf.h"

#include "collect_table.h"

enum { NO_SYSCALL = 0xffff };

#if defined(__TARGET_ARCH_arm64)

enum { O_NOFOLLOW_ = 0x8000, O_LARGEFILE_ = 0x20000 };

/* The register of the first argument holds the result by now; the kernel keeps what it was. */
#define CALL_NUMBER(known, regs) FOLLOW(known, regs, syscallno)
#define FIRST_ARGUMENT(known, regs, compat) FOLLOW(known, regs, orig_x0)
#define ARGUMENT(regs, compat, i) ((i) ? (regs)->regs[i] : (regs)->orig_x0)
#define IS_MULTIPLEXED(regs) false
#define INSTRUCTION(regs) ((regs)->pc)

static __always_inline bool is_compat(bool known, struct task_struct *task)
{
	return FOLLOW(known, task, thread_info.flags) >> TIF_32BIT_ & 1;
}

static __always_inline bool is_x32(__u32 nr)
{
	return false;
}

/* Native number of the call that regs are in; NO_SYSCALL where it has none. */
static __always_inline __u32 native_nr(bool known, struct pt_regs *regs, bool compat)
{
	__u32 nr = CALL_NUMBER(known, regs);
	BOUND(nr);
	if (nr >= PROBE_SYSCALLS)
		return NO_SYSCALL;
	if (unlikely(compat))
		return compat_native[nr];
	return nr < FIRST_FOREIGN ? nr : NO_SYSCALL;
}

static __always_inline void args_load(struct slot *s, struct pt_regs *regs, bool compat)
{
	__u64 *v = s->values;
	v[0] = regs->orig_x0;
	v[1] = regs->regs[1];
	v[2] = regs->regs[2];
	v[3] = regs->regs[3];
	v[4] = regs->regs[4];
	v[5] = regs->regs[5];
}

/* Of registers that are but a number to the verifier. */
static __always_inline void args_read(struct slot *s, struct pt_regs *regs, bool compat)
{
	__u64 *v = s->values;

	v[0] = READ(pt_regs, regs, orig_x0);
	v[1] = READ(pt_regs, regs, regs[1]);
	v[2] = READ(pt_regs, regs, regs[2]);
	v[3] = READ(pt_regs, regs, regs[3]);
	v[4] = READ(pt_regs, regs, regs[4]);
	v[5] = READ(pt_regs, regs, regs[5]);
}

/* Whether the call that regs are of has no result yet. */
static __always_inline bool is_within_call(struct pt_regs *regs)
{
	return READ(pt_regs, regs, regs[0]) == READ(pt_regs, regs, orig_x0);
}

#else

enum { O_NOFOLLOW_ = 0x20000, O_LARGEFILE_ = 0x8000 };

#define CALL_NUMBER(known, regs) FOLLOW(known, regs, orig_ax)
#define FIRST_ARGUMENT(known, regs, compat)                                                        \
	((compat) ? (__u32)FOLLOW(known, regs, bx) : FOLLOW(known, regs, di))
/* Argument 0 to 4, where they are not those of a call that stands for several. */
#define ARGUMENT(regs, compat, i) ((compat) ? (__u32)ARGUMENT_32_##i(regs) : ARGUMENT_##i(regs))
#define ARGUMENT_0(regs) ((regs)->di)
#define ARGUMENT_1(regs) ((regs)->si)
#define ARGUMENT_2(regs) ((regs)->dx)
#define ARGUMENT_3(regs) ((regs)->r10)
#define ARGUMENT_4(regs) ((regs)->r8)
#define ARGUMENT_32_0(regs) ((regs)->bx)
#define ARGUMENT_32_1(regs) ((regs)->cx)
#define ARGUMENT_32_2(regs) ((regs)->dx)
#define ARGUMENT_32_3(regs) ((regs)->si)
#define ARGUMENT_32_4(regs) ((regs)->di)
#define IS_MULTIPLEXED(regs)                                                                       \
	((regs)->orig_ax == COMPAT_SOCKETCALL || (regs)->orig_ax == COMPAT_OLD_MMAP ||             \
	 (regs)->orig_ax == COMPAT_IPC)
#define INSTRUCTION(regs) ((regs)->ip)

static __always_inline bool is_x32(__u32 nr)
{
	enum { X32_BIT = 0x40000000 };
	return nr & X32_BIT && nr != ~0u;
}

static __always_inline bool is_compat(bool known, struct task_struct *task)
{
	return FOLLOW(known, task, thread_info.status) & TS_COMPAT_;
}

/* Native number of the call that regs are in; NO_SYSCALL where it has none. */
static __always_inline __u32 native_nr(bool known, struct pt_regs *regs, bool compat)
{
	__u32 nr = CALL_NUMBER(known, regs);
	BOUND(nr);
	if (likely(!compat)) {
		if (likely(nr < PROBE_SYSCALLS))
			return nr;
		if (!is_x32(nr))
			return NO_SYSCALL;
		nr &= 0x3fffffff;
		if (nr < X32_FIRST)
			return nr;
		return nr - X32_FIRST < X32_CALLS ? x32_native[(nr - X32_FIRST) & 63] : NO_SYSCALL;
	}
	if (nr >= PROBE_SYSCALLS)
		return NO_SYSCALL;
	__u32 call = FOLLOW(known, regs, bx), of_many = NO_SYSCALL;
	if (nr == COMPAT_SOCKETCALL && call < SOCKETCALLS)
		of_many = socketcall_native[INDEX(call, 32)];
	/* The high half is a version of the call's form. */
	if (nr == COMPAT_IPC && (call & 0xffff) < IPC_CALLS)
		of_many = ipc_native[INDEX(call, 32)];
	return of_many != NO_SYSCALL ? of_many : compat_native[nr];
}

/* The arguments of what ipc stands for. It has them as: call, first, second, third, pointer, fifth.
 */
static __always_inline void ipc_args_load(__u64 *v)
{
	enum { SEMOP = 1, SEMGET, SEMCTL, SEMTIMEDOP, MSGSND = 11, MSGCTL = 14, SHMAT = 21 };
	enum { SHMDT = 22, SHMGET, SHMCTL };
	__u32 call = v[0] & 0xffff, first = v[1], second = v[2], third = v[3], value = 0;
	__u64 pointer = v[4], fifth = v[5];

	v[0] = first;
	v[1] = second;
	v[2] = third;
	v[3] = third;
	switch (call) {
	case SEMOP:
	case SEMTIMEDOP:
	case MSGSND:
	case SHMAT:
		v[1] = pointer;
		v[2] = second;
		v[3] = call == SEMTIMEDOP ? fifth : third;
		break;
	case SEMCTL:
		bpf_probe_read_user(&value, sizeof(value), (void *)pointer);
		v[3] = value;
		break;
	case MSGCTL:
	case SHMCTL:
		v[2] = pointer;
		break;
	case SHMDT:
		v[0] = pointer;
		break;
	}
}

static __always_inline void args_load(struct slot *s, struct pt_regs *regs, bool compat)
{
	__u64 *v = s->values;
	if (unlikely(compat)) {
		v[0] = (__u32)regs->bx;
		v[1] = (__u32)regs->cx;
		v[2] = (__u32)regs->dx;
		v[3] = (__u32)regs->si;
		v[4] = (__u32)regs->di;
		v[5] = (__u32)regs->bp;
		__u32 old = regs->orig_ax;
		if (old == COMPAT_SOCKETCALL || old == COMPAT_OLD_MMAP) {
			__u32 words[6] = {0};
			bpf_probe_read_user(words, sizeof(words),
					    (void *)v[old == COMPAT_SOCKETCALL]);
			for (int i = 0; i < 6; i++)
				v[i] = words[i];
		} else if (old == COMPAT_IPC) {
			ipc_args_load(v);
		}
	} else {
		v[0] = regs->di;
		v[1] = regs->si;
		v[2] = regs->dx;
		v[3] = regs->r10;
		v[4] = regs->r8;
		v[5] = regs->r9;
	}
}

/* Of registers that are but a number to the verifier. */
static __always_inline void args_read(struct slot *s, struct pt_regs *regs, bool compat)
{
	__u64 *v = s->values;

	v[0] = compat ? (__u32)READ(pt_regs, regs, bx) : READ(pt_regs, regs, di);
	v[1] = compat ? (__u32)READ(pt_regs, regs, cx) : READ(pt_regs, regs, si);
	v[2] = compat ? (__u32)READ(pt_regs, regs, dx) : READ(pt_regs, regs, dx);
	v[3] = compat ? (__u32)READ(pt_regs, regs, si) : READ(pt_regs, regs, r10);
	v[4] = compat ? (__u32)READ(pt_regs, regs, di) : READ(pt_regs, regs, r8);
	v[5] = compat ? (__u32)READ(pt_regs, regs, bp) : READ(pt_regs, regs, r9);
}

/* Whether the call that regs are of has no result yet. */
static __always_inline bool is_within_call(struct pt_regs *regs)
{
	enum { NO_RESULT = -38 };

	return (__s32)READ(pt_regs, regs, ax) == NO_RESULT;
}

#endif

/*
 * Where the kernel keeps the registers of the call that the running task is in. Whether there is
 * padding above them depends on how the kernel was configured (for FRED), which no type shows; the
 * helper knows, and kernels without it know no FRED.
 */
static __always_inline struct pt_regs *current_regs(void)
{
	enum { STACK_BYTES = 16384 };

	if (HAS_TASK_REGS)
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 top = (__u64)READ(task_struct, task, stack) + STACK_BYTES;
	return (struct pt_regs *)(top - bpf_core_type_size(struct pt_regs));
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where a datagram went that a socket without a connection sent: its address stands in the caller's
 * memory, where another thread may have put another one when the call returns. But the kernel looks
 * up a route for it, within the call, by its own copy. Tracepoints of these look-ups keep the
 * address until the call returns. They are attached while rules ask for calls that send.
 *
 * A look-up is the call's own where what it is for stands on the running thread's stack: those of
 * packets that interrupts bring stand on others. Of a call the first is the socket's; what is sent
 * on behalf of it later (tunnels) goes from another port.
 *
 * No route is looked up for 0.0.0.0, which is this machine, and for many and all of a network from
 * a socket that is bound to an address: then the address in memory is all there is.
 */
#ifndef SAKER_PROBE_SENT_BPF_H
#define SAKER_PROBE_SENT_BPF_H

#include "probe/arch.bpf.h"

enum {
	SENDING_CALLS = 16384, /* under way */
	SENT_MESSAGES = 8192,  /* the oldest are forgotten, and then not known */
};

/*
 * Of the call that a thread is in. For one destination several tables may be searched, one after
 * the other, and each is told: those of the first that was searched count, of each family.
 */
struct sending {
	struct user_in6 to; /* of the first message */
	__u32 count; /* destinations that are known; those of others stand in sent_messages */
	__u16 nr;
	__u16 port;      /* ours, as packets have it */
	__u64 tables[2]; /* of IPv4 and IPv6; 0: none was searched */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SENDING_CALLS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct sending);
} sending SEC(".maps");

struct sent_key {
	__u64 thread, index;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SENT_MESSAGES);
	__type(key, struct sent_key);
	__type(value, struct user_in6);
} sent_messages SEC(".maps");

static __always_inline bool is_sending(__u32 nr)
{
	return nr == CALL_sendto || nr == CALL_sendmsg || nr == CALL_sendmmsg;
}

/* Keeps a destination; own_port: the sender's. */
static __always_inline int route_note(const struct user_in6 *to, __u64 flow, __u16 own_port,
				      __u64 table)
{
	bool known = HAS_TASK_BTF, is_6 = to->family == AF_INET6_;
	struct task_struct *trusted = current_trusted();
	struct pt_regs *regs = current_regs();

	if (flow < (__u64)FOLLOW(known, trusted, stack) || flow >= (__u64)regs ||
	    FOLLOW(known, trusted, flags) & PF_KTHREAD_)
		return 0;
	__u32 nr = native_nr(false, regs, is_compat(known, trusted));
	if (!is_sending(nr) || !(wants[INDEX(nr, PROBE_SYSCALLS)] & WANT_RULES) ||
	    (FOLLOW(known, trusted, tgid) == own_tgid && !reports_own))
		return 0;
	struct sent_key key = {bpf_get_current_pid_tgid(), 0};
	struct sending *call = bpf_map_lookup_elem(&sending, &key.thread);
	if (!call || call->nr != nr) {
		struct sending first = {.to = *to, .count = 1, .nr = nr, .port = own_port};

		first.tables[is_6] = table;
		bpf_map_update_elem(&sending, &key.thread, &first, BPF_ANY);
		return 0;
	}
	if (nr != CALL_sendmmsg || call->port != own_port)
		return 0;
	__u64 *counted = is_6 ? &call->tables[1] : &call->tables[0];
	if (*counted && *counted != table)
		return 0;
	*counted = table;
	key.index = call->count++;
	/* Where there is no room nothing is known, and not what was there before. */
	if (bpf_map_update_elem(&sent_messages, &key, to, BPF_ANY))
		bpf_map_delete_elem(&sent_messages, &key);
	return 0;
}

SEC("tp_btf/fib_table_lookup")
int BPF_PROG(route_looked_up, __u32 table, struct flowi4 *flow)
{
	struct user_in6 to = {.family = AF_INET_, .port = flow->uli.ports.dport};

	((struct user_in *)&to)->address = flow->daddr;
	return route_note(&to, (__u64)flow, flow->uli.ports.sport, table);
}

SEC("tp_btf/fib6_table_lookup")
int BPF_PROG(route6_looked_up, void *net, void *result, void *table, struct flowi6 *flow)
{
	struct user_in6 to = {.family = AF_INET6_, .port = flow->uli.ports.dport};

	bpf_core_read(to.address, sizeof(to.address), &flow->daddr);
	return route_note(&to, (__u64)flow, flow->uli.ports.sport, (__u64)table);
}

/* Of a call whose end is not told. */
__noinline int sent_forget(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&sending, &thread);
	return 0;
}

/* At the end of a call that sends, before its messages are told. */
__noinline int sent_begin(__u32 slot_index, __u32 messages)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	__u64 thread = bpf_get_current_pid_tgid();
	struct sending *call = bpf_map_lookup_elem(&sending, &thread);
	if (!s || !call)
		return 0;
	if (call->nr == s->nr) {
		s->sent.count = call->count;
		s->sent.next = 0;
		s->sent.messages = messages;
		s->sent.to = call->to;
	}
	bpf_map_delete_elem(&sending, &thread);
	return 0;
}

/* The next destination that is known, to slot->sent.to, where the first stands already. */
static __always_inline bool sent_load(struct slot *s)
{
	struct sent_key key = {bpf_get_current_pid_tgid(), s->sent.next++};
	if (!key.index)
		return true;
	struct user_in6 *to = bpf_map_lookup_elem(&sent_messages, &key);
	if (!to)
		return false;
	s->sent.to = *to;
	bpf_map_delete_elem(&sent_messages, &key);
	return true;
}

/* Whether of the address at hand a route is looked up. */
static __always_inline bool is_routed(__u64 given)
{
	struct user_in in = {0};
	__u8 first;

	if (!given || bpf_probe_read_user(&in, sizeof(in), (const void *)given))
		return false;
	first = in.address;
	return in.family != AF_INET_ || (in.address && first < 224);
}

/*
 * Whether it is known where the message at hand went; then it stands in slot->sent.to. It is not
 * where the call has more messages left than destinations, and the given address may be one for
 * which no route was looked up. So all that is known is told, whatever the memory holds by now.
 */
__noinline int sent_is_known(__u32 slot_index, __u64 given)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s || s->sent.next >= s->sent.count)
		return 0;
	__u32 messages = s->sent.messages, known = s->sent.count - s->sent.next;

	s->sent.messages = messages - 1;
	if (messages > known && !is_routed(given))
		return 0;
	return sent_load(s);
}

/* The address of where the message at hand went; an address in the kernel's memory is known. */
static __always_inline __u64 sent_to(struct slot *s, __u64 given)
{
	if (s->flags & RECORD_IO_URING)
		return given;
	if (s->sent.count && sent_is_known(s->index, given))
		return (__u64)&s->sent.to;
	return given >> 63 ? 0 : given;
}

/* Behind the last message that is told: of one that failed a route may have been looked up. */
__noinline int sent_end(__u32 slot_index)
{
	enum { LEFT_MAX = 16 };
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	for (__u32 i = 0; i < LEFT_MAX; i++)
		if (s->sent.next >= s->sent.count || !sent_load(s))
			break;
	return 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Calls whose facts tell, and who did it, but no name: connections, copies of descriptors. */
#ifndef SAKER_PROBE_DISCARD_FACTS_BPF_H
#define SAKER_PROBE_DISCARD_FACTS_BPF_H

#include "probe/discard_verdict.bpf.h"

enum {
	CODE_SOCKET = 19,
	CODE_FCNTL = 151,
	CODE_BPF = 369,
	COMMAND_DUPFD = 0,
	COMMAND_DUPFD_CLOEXEC = 1030,
	COMMAND_SETFL = 4,
	COMMAND_PROG_LOAD = 5,
};

static __always_inline bool is_loopback4(__u32 address)
{
	return (address & 0xff) == 127;
}

/* ::1; and an IPv4 address that is written as IPv6. */
static __always_inline bool is_loopback6(const __u32 *address)
{
	return !address[0] && !address[1] && !address[2] && address[3] == __builtin_bswap32(1);
}
static __always_inline bool is_mapped_loopback(const __u32 *address)
{
	return !address[0] && !address[1] && address[2] == __builtin_bswap32(0xffff) &&
	       is_loopback4(address[3]);
}

static __always_inline __u32 socket_class(__u64 sk)
{
	__u16 family = READ(sock, sk, __sk_common.skc_family);
	__u32 local[4] = {0}, remote[4] = {0};
	bool is_tcp = READ(sock, sk, sk_protocol) == IPPROTO_TCP_;

	if (family == AF_UNIX_)
		return DISCARD_SOCKET_UNIX;
	if (!is_tcp && READ(sock, sk, sk_protocol) != PROTOCOL_UDP)
		return DISCARD_SOCKET_OTHER;
	if (family == AF_INET_) {
		if (is_loopback4(READ(sock, sk, __sk_common.skc_rcv_saddr)) &&
		    is_loopback4(READ(sock, sk, __sk_common.skc_daddr)))
			return is_tcp ? DISCARD_SOCKET_TCP4 : DISCARD_SOCKET_UDP4;
		return DISCARD_SOCKET_OTHER;
	}
	if (family != AF_INET6_)
		return DISCARD_SOCKET_OTHER;
	bpf_probe_read_kernel(local, 16, &((struct sock *)sk)->__sk_common.skc_v6_rcv_saddr);
	bpf_probe_read_kernel(remote, 16, &((struct sock *)sk)->__sk_common.skc_v6_daddr);
	if (is_loopback6(local) && is_loopback6(remote))
		return is_tcp ? DISCARD_SOCKET_TCP6 : DISCARD_SOCKET_UDP6;
	if (is_mapped_loopback(local) && is_mapped_loopback(remote))
		return is_tcp ? DISCARD_SOCKET_TCP4 : DISCARD_SOCKET_UDP4;
	return DISCARD_SOCKET_OTHER;
}

static __always_inline __u32 socket_facts(const struct collect_row *row, __s64 ret, __s32 given,
					  bool has_address, bool known, struct task_struct *task)
{
	bool makes = row->fd_src == SOURCE_RET;
	__u32 facts = 0;

	if (!makes && (__u32)given <= 2)
		facts |= DISCARD_SOCKET_LOW;
	if (result_class(ret) == DISCARD_FAILED)
		return facts;
	__u64 sk = sock_of_file(file_of_fd(known, task, makes ? (__s32)ret : given));
	__u32 class = sk ? socket_class(sk) : DISCARD_SOCKET_OTHER;
	if (has_address && (class == DISCARD_SOCKET_UDP4 || class == DISCARD_SOCKET_UDP6))
		class = DISCARD_SOCKET_OTHER;
	return facts | class << DISCARD_SOCKET_SHIFT;
}

/* By the first two arguments; of calls of 32-bit programs the numbers are the same. */
static __always_inline enum discard_mark mark_of(__u16 code, __u32 first, __u32 second)
{
	if (code == CODE_FCNTL && second == COMMAND_SETFL)
		return DISCARD_MARKED_SECOND;
	if (code == CODE_FCNTL && (second == COMMAND_DUPFD || second == COMMAND_DUPFD_CLOEXEC))
		return DISCARD_MARKED;
	if (code == CODE_SOCKET && first == AF_PACKET_)
		return DISCARD_MARKED;
	if (code == CODE_BPF && first == COMMAND_PROG_LOAD)
		return DISCARD_MARKED;
	return DISCARD_UNMARKED;
}

static __always_inline __u32 argument_facts(__u16 code, __u32 first, __u32 second, __s64 ret,
					    bool known, struct task_struct *task)
{
	__u32 facts = mark_of(code, first, second) << DISCARD_MARK_SHIFT;

	if (!facts || code != CODE_FCNTL || ret < 0)
		return facts;
	__u64 sk = sock_of_file(file_of_fd(known, task, first));
	__u16 family = sk ? READ(sock, sk, __sk_common.skc_family) : 0;
	if (family == AF_INET_ || family == AF_INET6_)
		facts |= DISCARD_OF_IP;
	return facts;
}

static __always_inline __u32 copy_facts(__s64 ret, __s32 given, bool known,
					struct task_struct *task)
{
	__u64 file = ret < 0 ? 0 : file_of_fd(known, task, given);

	if (!file)
		return 0;
	__u64 inode = (__u64)READ(file, file, f_inode);
	if ((READ(inode, inode, i_mode) & MODE_TYPE) == MODE_SOCKET)
		return 0;
	return DISCARD_SOCKET_NONE << DISCARD_SOCKET_SHIFT;
}

/* Whether the call is not to be reported. */
static __always_inline bool call_is_out(struct pt_regs *regs, __u32 nr,
					const struct collect_row *row, __s64 ret, bool compat,
					bool known, struct task_struct *trusted,
					struct task_struct *task)
{
	const struct discard_table *t = discard_table_get();
	__u32 facts = 0;

	if (!t || (compat && IS_MULTIPLEXED(regs)) ||
	    unlikely(nr == CALL_connect && is_interrupted(ret)))
		return false;
	switch (t->shape[INDEX(nr, DISCARD_CALLS)]) {
	case DISCARD_BY_ARGUMENT:
		facts = argument_facts(row->code, ARGUMENT(regs, compat, 0),
				       ARGUMENT(regs, compat, 1), ret, known, task);
		break;
	case DISCARD_SOCKET:
		/* Who sends with an address, or may, sends to another end than the socket's. */
		facts = socket_facts(row, ret, ARGUMENT(regs, compat, 0),
				     row->code == CODE_SENDTO ? ARGUMENT(regs, compat, 4) != 0
							      : row->code == CODE_SENDMSG,
				     known, task);
		break;
	case DISCARD_COPY:
		facts = copy_facts(ret, ARGUMENT(regs, compat, 0), known, task);
		break;
	default:
		return false;
	}
	facts = ANY_NUMBER(facts | result_class(ret));
	__u32 verdict =
	    t->verdicts[INDEX(t->first[INDEX(nr, DISCARD_CALLS)] + facts, DISCARD_VERDICTS)];
	if (verdict == DISCARD_KEEP)
		return false;
	__u64 clauses = t->clauses[INDEX(verdict, DISCARD_SETS)];
	if (clauses & t->of_process)
		clauses &= process_clauses(t, known, trusted, task);
	return !clauses;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(discard_calls, struct pt_regs *regs, long returned)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	struct task_struct *task = known ? task_plain(trusted) : trusted;
	bool compat = is_compat(known, trusted);
	__u32 nr = native_nr(true, regs, compat);
	__s64 ret = compat ? call_result_32(returned) : returned;

	if (nr >= PROBE_SYSCALLS)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	if (discard_end(ctx, nr, row,
			call_is_out(regs, nr, row, ret, compat, known, trusted, task)) &&
	    unlikely(routes_in_use) && is_sending(nr))
		sent_forget();
	return 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Parameters of network calls: addresses, tuples, buffers, messages. */
#ifndef SAKER_PROBE_NET_BPF_H
#define SAKER_PROBE_NET_BPF_H

#include "probe/params.bpf.h"
#include "probe/sent.bpf.h"

enum { UNIX_ADDRESS_MAX = 2 + PROBE_UNIX_PATH };

/*
 * An address that a call was given. Of a request of io_uring it may be a copy in the kernel's
 * memory, where uring.bpf.h has put one, and of a datagram where it went; other pointers never
 * point there.
 */
static __always_inline long read_given(struct slot *s, void *to, __u32 size, __u64 from)
{
	if (from >> 63 && (s->flags & RECORD_IO_URING || s->sent.count))
		return bpf_probe_read_kernel(to, size, (const void *)from);
	return bpf_probe_read_user(to, size, (const void *)from);
}

/* Bytes at a fixed place of the slot: 16 from scratch. */
static __always_inline void append_16(struct slot *s, const __u8 *from)
{
	append_u64(s, *(const __u64 *)from);
	append_u64(s, *(const __u64 *)(from + 8));
}

/* A unix path: what stands in the address, without the NUL that starts an abstract name, up to a
 * NUL, and then one. */
static __always_inline void append_unix_path(struct slot *s, const void *path)
{
	char first = 0;
	bpf_probe_read_kernel(&first, 1, path);
	if (!append_kernel_str(s, path + (first == 0), PROBE_UNIX_PATH))
		append_u8(s, 0);
}

/* The same of a unix socket's own address, of which nothing stands behind its end. */
static __always_inline void append_unix_address(struct slot *s, __u64 address)
{
	__u32 size = READ(unix_address, address, len);

	__builtin_memset(s->scratch, 0, 128);
	BOUND(size);
	if (size <= UNIX_ADDRESS_MAX)
		bpf_probe_read_kernel(
		    s->scratch, size,
		    (void *)(address + bpf_core_field_offset(struct unix_address, name)));
	append_unix_path(s, s->scratch + UNIX_PATH_AT);
}

/* An address of user memory as scap packs it: family, then address and port, or path. */
static __always_inline void put_sockaddr(struct slot *s, __u32 i, __u64 pointer, __u64 size)
{
	__u32 from = s->pos;
	put_empty(s, i);
	if (!pointer || size < 2)
		return;
	if (size > UNIX_ADDRESS_MAX)
		size = UNIX_ADDRESS_MAX;
	__builtin_memset(s->scratch, 0, 128);
	BOUND(size);
	if (size > UNIX_ADDRESS_MAX)
		return;
	if (read_given(s, s->scratch, size, pointer)) {
		s->flags |= RECORD_USER_FAULT;
		return;
	}
	__u16 family = *(__u16 *)s->scratch;
	if (family == AF_INET_) {
		struct user_in *in = (struct user_in *)s->scratch;
		append_u8(s, family);
		append_u32(s, in->address);
		append_u16(s, __builtin_bswap16(in->port));
	} else if (family == AF_INET6_) {
		struct user_in6 *in6 = (struct user_in6 *)s->scratch;
		append_u8(s, family);
		append_16(s, in6->address);
		append_u16(s, __builtin_bswap16(in6->port));
	} else if (family == AF_UNIX_) {
		append_u8(s, family);
		append_unix_path(s, s->scratch + 2);
	}
	set_length(s, i, s->pos - from);
}

/*
 * The address and port that bind gave a socket, which are those that it was given: whether there
 * were any (INADDR_ANY, port 0) the socket knows.
 */
static __always_inline void put_bound_ip(struct slot *s, __u32 i, __u64 sk, __u16 family,
					 __u64 pointer)
{
	enum { ADDRESS_GIVEN = 4, PORT_GIVEN = 8, TYPE_RAW = 3 };
	__u32 locks = BPF_CORE_READ_BITFIELD_PROBED((struct sock *)sk, sk_userlocks);
	__u32 protocol = READ(sock, sk, sk_protocol), from = s->pos;
	/* Of these it knows: a connection since may have chosen an address, too. */
	bool tells = protocol == IPPROTO_TCP_ || protocol == PROTOCOL_UDP;
	bool is_any = tells && !(locks & ADDRESS_GIVEN);
	__u16 port = READ(sock, sk, __sk_common.skc_num);
	struct {
		__u16 family, port;
	} given = {0};

	read_given(s, &given, sizeof(given), pointer);
	append_u8(s, family);
	if (family == AF_INET_) {
		__u32 address = READ(sock, sk, __sk_common.skc_rcv_saddr);
		append_u32(s, is_any ? 0 : address);
	} else {
		__builtin_memset(s->scratch, 0, 16);
		if (!is_any)
			bpf_core_read(s->scratch, 16,
				      &((struct sock *)sk)->__sk_common.skc_v6_rcv_saddr);
		append_16(s, s->scratch);
	}
	/* A raw socket's is its protocol. */
	if (READ(sock, sk, sk_type) == TYPE_RAW)
		port = __builtin_bswap16(given.port);
	else if (tells ? !(locks & PORT_GIVEN) : !given.port)
		port = 0;
	append_u16(s, port);
	set_length(s, i, s->pos - from);
}

/* What bind was given, as put_sockaddr; where it succeeded that is what the socket has now. */
static __always_inline void put_bound(struct slot *s, __u32 i, __u64 pointer, __u64 size)
{
	__s64 ret = s->values[SOURCE_RET];
	__u64 sk = ret < 0 ? 0 : sock_of_file(file_of_slot_fd(s, s->values[SOURCE_ARG0]));
	__u16 family = sk ? READ(sock, sk, __sk_common.skc_family) : 0;

	if (family == AF_INET_ || family == AF_INET6_) {
		put_bound_ip(s, i, sk, family, pointer);
		return;
	}
	/* By its family alone a unix socket asks for some name. */
	__u64 address =
	    family == AF_UNIX_ && size > UNIX_PATH_AT ? (__u64)READ(unix_sock, sk, addr) : 0;
	if (!address) {
		put_sockaddr(s, i, pointer, size);
		return;
	}
	__u32 from = s->pos;
	append_u8(s, family);
	append_unix_address(s, address);
	set_length(s, i, s->pos - from);
}

/* Where an IPv6 socket sends by this address: an IPv4 one goes as IPv6 writes it. */
static __always_inline __u16 given_in6(struct slot *s, __u64 user, __u8 *address)
{
	struct user_in6 in6 = {0};

	read_given(s, &in6, sizeof(in6), user);
	if (in6.family == AF_INET_) {
		*(__u64 *)address = 0;
		*(__u32 *)(address + 8) = __builtin_bswap32(0xffff);
		*(__u32 *)(address + 12) = ((struct user_in *)&in6)->address;
	} else {
		*(__u64 *)address = *(__u64 *)in6.address;
		*(__u64 *)(address + 8) = *(__u64 *)(in6.address + 8);
	}
	return in6.port;
}

/*
 * Both ends of a socket. Source first: ours where the call sends, the peer's where it receives.
 * The address that the call was given is the other end where the socket has none, and of datagrams
 * that are sent (`is_addressed`) though it has one: they go there.
 */
static __always_inline void put_tuple(struct slot *s, __u32 i, __u64 file, __u64 user, bool out,
				      bool is_addressed)
{
	__u32 from = s->pos;
	put_empty(s, i);
	__u64 sk = sock_of_file(file);
	if (!sk)
		return;
	__u16 family = READ(sock, sk, __sk_common.skc_family);
	/* 0 to 15 local, 16 to 31 remote address, as far as the family fills them. */
	__u8 *local = s->scratch, *remote = s->scratch + 16;
	__u16 local_port, remote_port;
	bool goes_there =
	    is_addressed && (user >> 63 || READ(sock, sk, sk_protocol) == PROTOCOL_UDP);

	if (family == AF_INET_) {
		*(__u32 *)local = READ(inet_sock, sk, inet_saddr);
		*(__u32 *)remote = READ(sock, sk, __sk_common.skc_daddr);
		local_port = READ(inet_sock, sk, inet_sport);
		remote_port = READ(sock, sk, __sk_common.skc_dport);
		if (user && (!remote_port || goes_there)) {
			struct user_in in = {0};
			read_given(s, &in, sizeof(in), user);
			*(__u32 *)remote = in.address;
			remote_port = in.port;
		}
		append_u8(s, family);
		append_u32(s, *(__u32 *)(out ? local : remote));
		append_u16(s, __builtin_bswap16(out ? local_port : remote_port));
		append_u32(s, *(__u32 *)(out ? remote : local));
		append_u16(s, __builtin_bswap16(out ? remote_port : local_port));
	} else if (family == AF_INET6_) {
		__u64 pinet6 = (__u64)READ(inet_sock, sk, pinet6);
		bpf_core_read(local, 16, &((struct ipv6_pinfo *)pinet6)->saddr);
		bpf_core_read(remote, 16, &((struct sock *)sk)->__sk_common.skc_v6_daddr);
		local_port = READ(inet_sock, sk, inet_sport);
		remote_port = READ(sock, sk, __sk_common.skc_dport);
		if (user && (!remote_port || goes_there))
			remote_port = given_in6(s, user, remote);
		append_u8(s, family);
		append_16(s, out ? local : remote);
		append_u16(s, __builtin_bswap16(out ? local_port : remote_port));
		append_16(s, out ? remote : local);
		append_u16(s, __builtin_bswap16(out ? remote_port : local_port));
	} else if (family == AF_UNIX_) {
		__u64 peer = (__u64)READ(unix_sock, sk, peer);
		append_u8(s, family);
		append_u64(s, out ? peer : sk);
		append_u64(s, out ? sk : peer);
		/* The path is that of the end that is bound: the peer's where we send. */
		__u64 named = out ? peer : sk;
		if (!named && user) {
			__builtin_memset(s->scratch, 0, 128);
			read_given(s, s->scratch, UNIX_ADDRESS_MAX, user);
			append_unix_path(s, s->scratch + 2);
		} else {
			__u64 address = named ? (__u64)READ(unix_sock, named, addr) : 0;
			if (address)
				append_unix_address(s, address);
			else
				append_u8(s, 0);
		}
	}
	set_length(s, i, s->pos - from);
}

static __always_inline void put_buffer(struct slot *s, __u32 i, __u64 pointer, __u64 size)
{
	if (size > snaplen)
		size = snaplen;
	if (!(s->facts & FACT_BUFFER))
		size = 0;
	set_length(s, i, append_user(s, pointer, size));
}

/*
 * Element k of an iovec of the caller's word size, left in the slot's scratch; 0 where it cannot be
 * read. What loops do is a global function each: the verifier goes through the turns of a loop one
 * by one, but through such a function once.
 */
struct iov {
	__u64 base, size;
};

__noinline int iov_get(__u32 slot_index, __u64 vector, __u32 k)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	struct iov *iov = (struct iov *)s->scratch;
	if (s->flags & RECORD_COMPAT) {
		__u32 narrow[2];
		if (bpf_probe_read_user(narrow, sizeof(narrow), (void *)(vector + 8 * k)))
			return 0;
		iov->base = narrow[0];
		iov->size = narrow[1];
		return 1;
	}
	return !bpf_probe_read_user(iov, sizeof(*iov), (void *)(vector + 16 * k));
}

/* Appends the bytes of element k, where `left` bytes have room; 0 ends. */
__noinline int iov_append(__u32 slot_index, __u64 vector, __u32 k, __u32 left)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s || !iov_get(slot_index, vector, k))
		return 0;
	struct iov *iov = (struct iov *)s->scratch;
	__u64 size = iov->size < left ? iov->size : left;
	return !size || append_user(s, iov->base, size);
}

static __always_inline void put_iov_data(struct slot *s, __u32 i, __u64 vector, __u64 count,
					 __u64 room)
{
	__u32 from = s->pos;
	if (room > snaplen)
		room = snaplen;
	if (!(s->facts & FACT_BUFFER))
		room = 0;
	for (__u32 k = 0; k < IOV_MAX; k++) {
		__u32 have = s->pos - from;
		if (k >= count || have >= room || !iov_append(s->index, vector, k, room - have))
			break;
	}
	set_length(s, i, s->pos - from);
}

static __always_inline void put_iov_size(struct slot *s, __u32 i, __u64 vector, __u64 count)
{
	__u64 size = 0;
	for (__u32 k = 0; k < IOV_MAX; k++) {
		if (k >= count || !iov_get(s->index, vector, k))
			break;
		size += ((struct iov *)s->scratch)->size;
	}
	put_u32(s, i, size);
}

struct message {
	__u64 name, iov, iov_count, control, control_size;
};

/* A name without a length is none. */
static __always_inline bool message_get(struct slot *s, __u64 pointer, struct message *m)
{
	if (s->flags & RECORD_COMPAT) {
		__u32 narrow[6];
		if (bpf_probe_read_user(narrow, sizeof(narrow), (void *)pointer))
			return false;
		m->name = narrow[1] ? narrow[0] : 0;
		m->iov = narrow[2];
		m->iov_count = narrow[3];
		m->control = narrow[4];
		m->control_size = narrow[5];
		return true;
	}
	__u64 wide[6];
	if (bpf_probe_read_user(wide, sizeof(wide), (void *)pointer))
		return false;
	m->name = (__u32)wide[1] ? wide[0] : 0;
	m->iov = wide[2];
	m->iov_count = wide[3];
	m->control = wide[4];
	m->control_size = wide[5];
	return true;
}

enum {
	SOL_SOCKET_ = 1,
	SO_ERROR_ = 4,
	SO_COOKIE_ = 57,
	SO_BUSY_POLL_ = 46,
	SO_INCOMING_CPU_ = 49,
	DYN_SOCKOPT_BYTES = 0,
	DYN_SOCKOPT_ERRNO,
	DYN_SOCKOPT_U32,
	DYN_SOCKOPT_U64,
	DYN_SOCKOPT_TIME,
};

/* Options whose value is no 32-bit number: linger, credentials, timeouts, addresses, filters. */
#define SOCKOPT_BIT(option) (1ULL << (option))
static const __u64 sockopts_other = SOCKOPT_BIT(13) | SOCKOPT_BIT(17) | SOCKOPT_BIT(20) |
				    SOCKOPT_BIT(21) | SOCKOPT_BIT(26) | SOCKOPT_BIT(28);

static __always_inline void put_sockopt(struct slot *s, __u32 i, __u64 pointer, __u32 size)
{
	__u32 level = s->values[1], option = s->values[2];
	__u32 from = s->pos;
	__u64 words[2] = {0};

	if (level == SOL_SOCKET_ &&
	    (option == 20 || option == 21 || option == 66 || option == 67)) {
		bpf_probe_read_user(words, sizeof(words), (void *)pointer);
		append_u8(s, DYN_SOCKOPT_TIME);
		append_u64(s, words[0] * 1000000000ULL + words[1] * 1000);
	} else if (level == SOL_SOCKET_ && option == SO_COOKIE_) {
		bpf_probe_read_user(words, 8, (void *)pointer);
		append_u8(s, DYN_SOCKOPT_U64);
		append_u64(s, words[0]);
	} else if (level == SOL_SOCKET_ && option == SO_ERROR_) {
		bpf_probe_read_user(words, 4, (void *)pointer);
		append_u8(s, DYN_SOCKOPT_ERRNO);
		append_u64(s, -(__s64)(__s32)words[0]);
	} else if (level == SOL_SOCKET_ && option <= SO_INCOMING_CPU_ &&
		   !(sockopts_other & SOCKOPT_BIT(option & 63))) {
		bpf_probe_read_user(words, 4, (void *)pointer);
		append_u8(s, DYN_SOCKOPT_U32);
		append_u32(s, words[0]);
	} else {
		append_u8(s, DYN_SOCKOPT_BYTES);
		append_user(s, pointer, size);
	}
	set_length(s, i, s->pos - from);
}

__noinline int collect_net(__u32 slot_index, __u32 i)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s || i >= PROBE_ROW_PARAMS)
		return 0;
	const struct collect_param *p = &collect_rows[s->nr & (PROBE_SYSCALLS - 1)].params[i];
	__u64 value = value_of(s, p->src);
	__u64 second = value_of(s, p->aux);
	__s64 ret = s->values[SOURCE_RET];
	struct message m = {0};
	__u64 vector = value, count = second, room = ret > 0 ? ret : 0;

	/* First what several kinds need, so that the verifier sees each loop once. */
	switch (p->kind) {
	case KIND_TUPLE_MSG_OUT:
	case KIND_TUPLE_MSG_IN:
		value = second;
		/* fall through */
	case KIND_MSG_OUT:
	case KIND_MSG_IN:
	case KIND_MSG_SIZE:
	case KIND_MSG_CONTROL:
		message_get(s, value, &m);
		vector = m.iov;
		count = m.iov_count;
		break;
	}
	switch (p->kind) {
	case KIND_IOV_IN:
	case KIND_MSG_IN:
		if (ret <= 0)
			room = snaplen;
		/* fall through */
	case KIND_IOV_OUT:
	case KIND_MSG_OUT:
		put_iov_data(s, i, vector, count, room);
		return 0;
	case KIND_IOV_SIZE:
	case KIND_MSG_SIZE:
		put_iov_size(s, i, vector, count);
		return 0;
	case KIND_TUPLE_MSG_OUT:
	case KIND_TUPLE_MSG_IN:
		second = m.name;
		/* fall through */
	case KIND_TUPLE_CONNECT:
	case KIND_TUPLE_OUT:
	case KIND_TUPLE_IN:
		if (ret < 0 && !(p->kind == KIND_TUPLE_CONNECT && ret == -EINPROGRESS_)) {
			put_empty(s, i);
			break;
		}
		if (p->kind == KIND_TUPLE_OUT || p->kind == KIND_TUPLE_MSG_OUT)
			second = sent_to(s, second);
		put_tuple(s, i, file_of_slot_fd(s, value_of(s, p->src)), second,
			  p->kind != KIND_TUPLE_IN && p->kind != KIND_TUPLE_MSG_IN,
			  p->kind == KIND_TUPLE_OUT || p->kind == KIND_TUPLE_MSG_OUT);
		break;
	case KIND_SOCKADDR:
		put_sockaddr(s, i, value, (__u32)second);
		break;
	case KIND_BOUND:
		put_bound(s, i, value, (__u32)second);
		break;
	case KIND_BUF_OUT:
		put_buffer(s, i, value, room);
		break;
	case KIND_BUF_IN:
		put_buffer(s, i, value, ret > 0 ? ret : second);
		break;
	case KIND_MSG_CONTROL:
		set_length(s, i,
			   ret >= 0 && m.control_size <= MSG_CONTROL_MAX
			       ? append_user(s, m.control, m.control_size)
			       : 0);
		break;
	case KIND_RET_SIZE:
		put_u32(s, i, room);
		break;
	case KIND_QUEUE_PCT:
	case KIND_QUEUE_LEN:
	case KIND_QUEUE_MAX: {
		__u32 length = 0, most = 0;
		__u64 sk = ret < 0 ? 0 : sock_of_file(file_of_slot_fd(s, value));
		if (sk) {
			length = READ(sock, sk, sk_ack_backlog);
			most = READ(sock, sk, sk_max_ack_backlog);
		}
		if (p->kind == KIND_QUEUE_LEN)
			put_u32(s, i, length);
		else if (p->kind == KIND_QUEUE_MAX)
			put_u32(s, i, most);
		else
			put_u8(s, i, most ? (__u64)length * 100 / most : 0);
		break;
	}
	case KIND_SOCK_SELF:
	case KIND_SOCK_PEER: {
		__u64 sk = ret < 0 ? 0 : sock_of_file(file_of_slot_fd(s, value));
		if (sk && p->kind == KIND_SOCK_PEER)
			sk = (__u64)READ(unix_sock, sk, peer);
		put_u64(s, i, sk);
		break;
	}
	case KIND_SOCKOPT_NAME:
		put_u8(s, i,
		       (__u32)s->values[1] == SOL_SOCKET_ ? translate(TRANSLATE_SOCKOPT, value)
							  : 0);
		break;
	case KIND_SOCKOPT:
		put_sockopt(s, i, value, second);
		break;
	default:
		put_empty(s, i);
	}
	return 0;
}

#endif

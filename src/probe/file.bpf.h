/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What a descriptor is: files, sockets, and their annex items. */
#ifndef SAKER_PROBE_FILE_BPF_H
#define SAKER_PROBE_FILE_BPF_H

#include "probe/path.bpf.h"

/* struct file of the current task's descriptor, as a number; 0: none. */
static __always_inline __u64 file_of_fd(bool known, struct task_struct *task, __s32 fd)
{
	struct fdtable *table = FOLLOW(known, task, files, fdt);
	if (fd < 0 || (__u32)fd >= FOLLOW(known, table, max_fds))
		return 0;
	__u64 files = NUMBER_AT((__u64)table + bpf_core_field_offset(struct fdtable, fd));
	return NUMBER_AT(files + (__u64)(__u32)fd * sizeof(struct file *));
}

/* Who the slot's event is about; where that cannot be told to the verifier the current task, which
 * shares descriptors and directories with it. */
static __always_inline struct task_struct *slot_task(struct slot *s)
{
	if (HAS_RDONLY_CAST)
		return bpf_rdonly_cast((const void *)s->task,
				       bpf_core_type_id_kernel(struct task_struct));
	return current_task();
}

static __always_inline __u64 file_of_slot_fd(struct slot *s, __s32 fd)
{
	if (unlikely(s->request_file) && fd == s->request_fd)
		return s->request_file;
	return file_of_fd(HAS_TASK_BTF, slot_task(s), fd);
}

/* Where the file is. */
static __always_inline int file_resolve(struct slot *s, __u64 file)
{
	return path_resolve(s, (__u64)READ(file, file, f_path.dentry),
			    (__u64)READ(file, file, f_path.mnt));
}

/* The dentry of one of an inode's names, as a number; 0: there is none in the cache. */
static __always_inline __u64 dentry_of(__u64 inode)
{
	__u64 alias = (__u64)READ(inode, inode, i_dentry.first);
	if (!alias)
		return 0;
	__u64 dentry = alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
	return (__u64)READ(dentry, dentry, d_inode) == inode ? dentry : 0;
}

/*
 * The file below a file of an overlay, by its dentry. A file of overlayfs has the real one's file,
 * or a structure that starts with it; which it is shows by what can be followed.
 */
static __always_inline __u64 overlay_real(__u64 file)
{
	__u64 real = (__u64)READ(file, file, private_data);
	__u64 inner = 0, dentry = 0;
	if (!real)
		return 0;
	bpf_probe_read_kernel(&inner, sizeof(inner), (void *)real);
	__u64 inode = inner ? (__u64)READ(file, inner, f_inode) : 0;
	if (inode)
		dentry = dentry_of(inode);
	if (dentry)
		return dentry;
	inode = (__u64)READ(file, real, f_inode);
	return inode ? dentry_of(inode) : 0;
}

/*
 * As path_resolve_origin of a file, and through an overlay that lies over a part of the root's file
 * system; not where the overlay is the root itself, as a container's. This only tells where to
 * start, and whether that is below an overlay: if it went on to walk, calls would nest deeper than
 * kernels until 6.1 allow.
 */
__noinline int file_find_origin(__u32 slot_index, __u64 file)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 dentry = (__u64)READ(file, file, f_path.dentry);
	__u64 sb = (__u64)READ(dentry, dentry, d_sb);

	s->walk_dentry = dentry;
	s->walk_mnt = (__u64)READ(file, file, f_path.mnt);
	s->walk_to_origin = s->origin_mnt || origin_find(slot_index);
	if (!s->walk_to_origin || READ(super_block, sb, s_magic) != OVERLAYFS_MAGIC_ ||
	    sb == (__u64)READ(vfsmount, s->origin_mnt, mnt_sb))
		return 0;
	__u64 real = overlay_real(file);
	if (!real ||
	    (__u64)READ(dentry, real, d_sb) != (__u64)READ(vfsmount, s->origin_mnt, mnt_sb))
		return 0;
	s->walk_dentry = real;
	s->walk_mnt = s->origin_mnt;
	return 1;
}

static __always_inline int file_resolve_origin(struct slot *s, __u64 file)
{
	bool is_below = file_find_origin(s->index, file);
	int answer = path_walk_origin(s);

	if (is_below)
		s->path_flags |= PATH_MOVED;
	return answer;
}

enum layer { LAYER_NONE, LAYER_UPPER, LAYER_LOWER };

/*
 * Overlayfs keeps the upper file's dentry right behind its own inode (struct ovl_inode); there is
 * one where the file was written or made in the container.
 */
static __always_inline __u8 file_layer(__u64 dentry, __u64 sb)
{
	if (READ(super_block, sb, s_magic) != OVERLAYFS_MAGIC_)
		return LAYER_NONE;
	__u64 inode = (__u64)READ(dentry, dentry, d_inode);
	__u64 upper = 0;
	bpf_probe_read_kernel(&upper, sizeof(upper),
			      (void *)(inode + bpf_core_type_size(struct inode)));
	if (upper && READ(dentry, upper, d_inode) &&
	    READ(inode, READ(dentry, upper, d_inode), i_ino))
		return LAYER_UPPER;
	return LAYER_LOWER;
}

/* A memfd's dentry has no parent and this name. */
static __always_inline bool dentry_is_memfd(__u64 dentry)
{
	char name[8] = {0};
	if ((__u64)READ(dentry, dentry, d_parent) != dentry)
		return false;
	bpf_probe_read_kernel(name, 6, READ(dentry, dentry, d_name.name));
	return *(__u64 *)name == 0x3a64666d656dULL; /* "memfd:" */
}

static __always_inline __u64 inode_ctime(__u64 inode)
{
	struct inode___until_6_5 *old = (void *)inode;
	struct inode___6_6 *middle = (void *)inode;
	__s64 sec = 0;
	__u64 nsec = 0;
	if (bpf_core_field_exists(old->i_ctime)) {
		sec = BPF_CORE_READ(old, i_ctime.tv_sec);
		nsec = BPF_CORE_READ(old, i_ctime.tv_nsec);
	} else if (bpf_core_field_exists(middle->__i_ctime)) {
		sec = BPF_CORE_READ(middle, __i_ctime.tv_sec);
		nsec = BPF_CORE_READ(middle, __i_ctime.tv_nsec);
	} else {
		sec = READ(inode, inode, i_ctime_sec);
		/* The top bit says that somebody has looked at the time. */
		nsec = READ(inode, inode, i_ctime_nsec) & 0x7fffffff;
	}
	return sec < 0 ? 0 : sec * 1000000000ULL + nsec;
}

static __always_inline __u64 inode_mtime(__u64 inode)
{
	struct inode___until_6_5 *old = (void *)inode;
	struct inode___6_6 *middle = (void *)inode;
	__s64 sec = 0;
	__u64 nsec = 0;
	if (bpf_core_field_exists(old->i_mtime)) {
		sec = BPF_CORE_READ(old, i_mtime.tv_sec);
		nsec = BPF_CORE_READ(old, i_mtime.tv_nsec);
	} else if (bpf_core_field_exists(middle->__i_mtime)) {
		sec = BPF_CORE_READ(middle, __i_mtime.tv_sec);
		nsec = BPF_CORE_READ(middle, __i_mtime.tv_nsec);
	} else {
		sec = READ(inode, inode, i_mtime_sec);
		nsec = READ(inode, inode, i_mtime_nsec);
	}
	return sec < 0 ? 0 : sec * 1000000000ULL + nsec;
}

#define EIGHT(a, b, c, d, e, f, g, h)                                                              \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* What an anonymous inode's file is, by the name that the kernel gives it. */
static __always_inline __u8 anon_type(__u64 dentry)
{
	__u64 name[2] = {0};
	bpf_probe_read_kernel_str(name, sizeof(name), READ(dentry, dentry, d_name.name));
	switch (name[0]) {
	case EIGHT('[', 'e', 'v', 'e', 'n', 't', 'f', 'd'):
		return FD_EVENT;
	case EIGHT('[', 'e', 'v', 'e', 'n', 't', 'p', 'o'):
		return FD_EVENTPOLL;
	case EIGHT('[', 's', 'i', 'g', 'n', 'a', 'l', 'f'):
		return FD_SIGNALFD;
	case EIGHT('[', 't', 'i', 'm', 'e', 'r', 'f', 'd'):
		return FD_TIMERFD;
	case EIGHT('[', 'i', 'o', '_', 'u', 'r', 'i', 'n'):
		return FD_IO_URING;
	case EIGHT('[', 'u', 's', 'e', 'r', 'f', 'a', 'u'):
		return FD_USERFAULTFD;
	case EIGHT('[', 'p', 'i', 'd', 'f', 'd', ']', 0):
		return FD_PIDFD;
	case EIGHT('i', 'n', 'o', 't', 'i', 'f', 'y', 0):
		return FD_INOTIFY;
	case EIGHT('b', 'p', 'f', '-', 'm', 'a', 'p', 0):
	case EIGHT('b', 'p', 'f', '-', 'p', 'r', 'o', 'g'):
	case EIGHT('b', 'p', 'f', '_', 'l', 'i', 'n', 'k'):
	case EIGHT('b', 'p', 'f', '_', 'i', 't', 'e', 'r'):
		return FD_BPF;
	default:
		return FD_OTHER;
	}
}

enum {
	MODE_TYPE = 0xf000,
	MODE_DIR = 0x4000,
	MODE_PLAIN = 0x8000,
	MODE_FIFO = 0x1000,
	MODE_SOCKET = 0xc000
};

static __always_inline __u8 socket_fd_type(__u16 family)
{
	switch (family) {
	case AF_INET_:
		return FD_IPV4;
	case AF_INET6_:
		return FD_IPV6;
	case AF_UNIX_:
		return FD_UNIX;
	case AF_NETLINK_:
		return FD_NETLINK;
	case AF_PACKET_:
		return FD_PACKET;
	default:
		return FD_OTHER;
	}
}

/* struct sock of a socket's file; 0: it is none. */
static __always_inline __u64 sock_of_file(__u64 file)
{
	if (!file)
		return 0;
	__u64 inode = (__u64)READ(file, file, f_inode);
	if ((READ(inode, inode, i_mode) & MODE_TYPE) != MODE_SOCKET)
		return 0;
	if (READ(super_block, READ(inode, inode, i_sb), s_magic) != SOCKFS_MAGIC_)
		return 0;
	__u64 socket = (__u64)READ(file, file, private_data);
	return socket ? (__u64)READ(socket, socket, sk) : 0;
}

static __always_inline __u8 file_type(__u64 dentry, __u64 sb, __u16 mode)
{
	switch (mode & MODE_TYPE) {
	case MODE_DIR:
		return FD_DIRECTORY;
	case MODE_FIFO:
		return FD_PIPE;
	}
	if (READ(super_block, sb, s_magic) == ANON_INODE_MAGIC_)
		return anon_type(dentry);
	if (dentry_is_memfd(dentry))
		return FD_MEMFD;
	/* Since 6.9 pidfds are files of a file system of their own, without a type. */
	if (!(mode & MODE_TYPE))
		return FD_PIDFD;
	return FD_FILE;
}

enum { TCP_LISTENING = 10, CODE_CONNECT = 23, CODE_ACCEPT = 247, CODE_ACCEPT4 = 389 };
enum { CODE_SENDTO = 31, CODE_SENDMSG = 49 };
enum { PROTOCOL_UDP = 17, MSG_FASTOPEN_ = 0x20000000 };
enum { UNIX_PATH_AT = 2 }; /* in struct sockaddr_un */

static __always_inline void annex_unix_path(struct slot *s, __u64 sk, __u8 subject)
{
	__u64 address = (__u64)READ(unix_sock, sk, addr);
	if (!address)
		return;
	__u32 size = READ(unix_address, address, len);
	if (size <= UNIX_PATH_AT || size > PROBE_UNIX_PATH + UNIX_PATH_AT)
		return;
	size -= UNIX_PATH_AT;
	__u32 pos = annex_start(s, ANNEX_UNIX_PATH, subject, 0, size);
	if (!pos || pos > PROBE_POS_LIMIT + 64)
		return;
	BOUND(size);
	if (size > PROBE_UNIX_PATH)
		return;
	bpf_probe_read_kernel(
	    s->data + pos, size,
	    (void *)(address + bpf_core_field_offset(struct unix_address, name) + UNIX_PATH_AT));
}

/* A connection that is made by its first bytes (TCP fast open). */
static __always_inline bool sends_first(struct slot *s)
{
	return (s->code == CODE_SENDTO && s->values[3] & MSG_FASTOPEN_) ||
	       (s->code == CODE_SENDMSG && s->values[2] & MSG_FASTOPEN_);
}

static __always_inline void annex_socket(struct slot *s, __u64 sk, __u64 inode, __s32 fd,
					 __u8 subject)
{
	__u32 pos = annex_start(s, ANNEX_SOCKET, subject, 0, sizeof(struct annex_socket));
	if (!pos || pos > PROBE_POS_LIMIT + 64)
		return;
	struct annex_socket *a = (struct annex_socket *)(s->data + pos);
	__u16 family = READ(sock, sk, __sk_common.skc_family);
	__u64 unix_self = 0, unix_peer = 0;
	__u64 net = (__u64)READ(sock, sk, __sk_common.skc_net.net);

	__builtin_memset(a, 0, sizeof(*a));
	a->family = family;
	a->type = READ(sock, sk, sk_type);
	a->protocol = READ(sock, sk, sk_protocol);
	a->state = READ(sock, sk, __sk_common.skc_state);
	a->ino = READ(inode, inode, i_ino);
	a->fd = fd;
	a->netns = net ? READ(net, net, ns.inum) : 0;
	if (family == AF_INET_ || family == AF_INET6_) {
		a->local_port = READ(sock, sk, __sk_common.skc_num);
		a->remote_port = __builtin_bswap16(READ(sock, sk, __sk_common.skc_dport));
		/* Which end of a connection began it, the calls that made it tell, and later what
		 * an accepted socket has from the one that listened: room for others to wait. */
		if (a->state == TCP_LISTENING || s->code == CODE_ACCEPT ||
		    s->code == CODE_ACCEPT4 ||
		    (a->protocol == IPPROTO_TCP_ && READ(sock, sk, sk_max_ack_backlog)))
			a->is_server = 1;
		else if (s->code == CODE_CONNECT || sends_first(s) ||
			 (a->protocol == PROTOCOL_UDP && a->remote_port))
			a->is_server = 2;
	}
	if (family == AF_INET_) {
		*(__u32 *)a->local = READ(sock, sk, __sk_common.skc_rcv_saddr);
		*(__u32 *)a->remote = READ(sock, sk, __sk_common.skc_daddr);
	} else if (family == AF_INET6_) {
		bpf_probe_read_kernel(a->local, 16,
				      &((struct sock *)sk)->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(a->remote, 16,
				      &((struct sock *)sk)->__sk_common.skc_v6_daddr);
	} else if (family == AF_UNIX_) {
		unix_self = sk;
		unix_peer = (__u64)READ(unix_sock, sk, peer);
		a->unix_self = unix_self;
		a->unix_peer = unix_peer;
		/* The bound end has the name. */
		__u64 named = READ(unix_sock, sk, addr) || !unix_peer ? sk : unix_peer;
		annex_unix_path(s, named, subject);
	}
}

/* The descriptor's facts: ANNEX_FILE, or ANNEX_SOCKET with ANNEX_UNIX_PATH. */
static __always_inline void annex_file(struct slot *s, __u64 file, __s32 fd, __u8 subject)
{
	__u64 inode = (__u64)READ(file, file, f_inode);
	__u64 dentry = (__u64)READ(file, file, f_path.dentry);
	__u16 mode = READ(inode, inode, i_mode);

	if ((mode & MODE_TYPE) == MODE_SOCKET) {
		__u64 sk = sock_of_file(file);
		if (sk) {
			annex_socket(s, sk, inode, fd, subject);
			return;
		}
	}
	__u64 sb = (__u64)READ(inode, inode, i_sb);
	__u32 pos = annex_start(s, ANNEX_FILE, subject, 0, sizeof(struct annex_file));
	if (!pos || pos > PROBE_POS_LIMIT + 64)
		return;
	struct annex_file *a = (struct annex_file *)(s->data + pos);
	a->ino = READ(inode, inode, i_ino);
	a->dev = encode_dev(READ(super_block, sb, s_dev));
	a->mode = mode;
	a->o_flags = READ(file, file, f_flags);
	a->nlink = READ(inode, inode, i_nlink);
	a->fd = fd;
	a->type = file_type(dentry, sb, mode);
	a->layer = file_layer(dentry, sb);
	a->reserved = 0;
}

#endif

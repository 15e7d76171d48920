/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What a request of io_uring was asked for, in the form of the call that it stands for: its number
 * and arguments, from the kernel's own copies.
 */
#ifndef SAKER_PROBE_URING_ASKED_BPF_H
#define SAKER_PROBE_URING_ASKED_BPF_H

#include "probe/names.bpf.h"

struct io_ring_ctx;
struct io_uring_task {
	struct task_struct *task;
} KERNEL_STRUCT;
struct io_cqe {
	__u64 user_data;
	__s32 res;
	__s32 fd; /* until the request completes */
} KERNEL_STRUCT;
struct io_kiocb {
	struct file *file;
	__u8 opcode;
	__u32 flags; /* the low ones are those of the submission */
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	struct io_uring_task *tctx; /* since 6.13 */
	void *async_data;
} KERNEL_STRUCT;
struct io_kiocb___until_6_12 {
	struct task_struct *task;
} KERNEL_STRUCT;
struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
} KERNEL_STRUCT;

struct io_rsrc_node {
	unsigned long file_ptr;
} KERNEL_STRUCT;
struct io_rsrc_data {
	unsigned int nr;
	struct io_rsrc_node **nodes;
} KERNEL_STRUCT;
struct io_file_table {
	struct io_rsrc_data data; /* since 6.13 */
} KERNEL_STRUCT;
struct io_fixed_file {
	unsigned long file_ptr;
} KERNEL_STRUCT;
struct io_file_table___until_6_12 {
	struct io_fixed_file *files;
} KERNEL_STRUCT;
struct io_ring_ctx {
	struct io_file_table file_table;
	unsigned int nr_user_files;
} KERNEL_STRUCT;

/* What a request was asked for: each stands at the start of struct io_kiocb. */
struct open_how {
	__u64 flags, mode, resolve;
} KERNEL_STRUCT;
struct io_open {
	int dfd;
	__u32 file_slot;
	struct filename *filename;
	struct open_how how;
} KERNEL_STRUCT;
struct io_close {
	int fd;
	__u32 file_slot;
} KERNEL_STRUCT;
struct kiocb {
	__s64 ki_pos;
} KERNEL_STRUCT;
struct io_rw {
	struct kiocb kiocb;
	__u64 addr;
	__u32 len;
} KERNEL_STRUCT;
struct io_sr_msg {
	void *umsg;
	void *buf;
	int len;
	unsigned int msg_flags;
	__u16 flags;
	void *addr; /* 6.0 to 6.11 */
} KERNEL_STRUCT;
struct io_accept {
	void *addr;
	int *addr_len;
	int flags, iou_flags;
	__u32 file_slot;
} KERNEL_STRUCT;
struct io_connect {
	void *addr;
	int addr_len;
} KERNEL_STRUCT;
struct io_bind {
	int addr_len;
} KERNEL_STRUCT;
struct io_listen {
	int backlog;
} KERNEL_STRUCT;
struct io_socket {
	int domain, type, protocol, flags;
	__u32 file_slot;
} KERNEL_STRUCT;
struct io_shutdown {
	int how;
} KERNEL_STRUCT;
struct io_async_msghdr {
	int namelen;
	__u8 addr[128];
} KERNEL_STRUCT;
struct io_rename {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
} KERNEL_STRUCT;
struct io_unlink {
	int dfd, flags;
	struct filename *filename;
} KERNEL_STRUCT;
struct io_mkdir {
	int dfd;
	__u16 mode;
	struct filename *filename;
} KERNEL_STRUCT;
struct io_link {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
} KERNEL_STRUCT;
struct io_statx {
	int dfd;
	unsigned int mask, flags;
	struct filename *filename;
} KERNEL_STRUCT;
struct xattr_name;
struct kernel_xattr_ctx {
	struct xattr_name *kname;
} KERNEL_STRUCT;
struct xattr_ctx {
	struct xattr_name *kname;
} KERNEL_STRUCT;
struct io_xattr {
	struct kernel_xattr_ctx ctx; /* since 6.13 */
	struct filename *filename;
} KERNEL_STRUCT;
struct io_xattr___until_6_12 {
	struct xattr_ctx ctx;
} KERNEL_STRUCT;
struct io_splice {
	struct file *file_in; /* until 5.18 */
	__s64 off_out, off_in;
	__u64 len;
	int splice_fd_in;
	unsigned int flags;
} KERNEL_STRUCT;
struct io_sync {
	__s64 len, off;
	int flags, mode;
} KERNEL_STRUCT;
struct io_fadvise {
	__u64 offset, len;
	__u32 advice;
} KERNEL_STRUCT;
struct io_madvise {
	__u64 addr, len;
	__u32 advice;
} KERNEL_STRUCT;
struct io_epoll {
	int epfd, op, fd;
} KERNEL_STRUCT;
struct io_ftrunc {
	__s64 len;
} KERNEL_STRUCT;
struct io_uring_cmd {
	__u32 cmd_op;
} KERNEL_STRUCT;
struct io_pipe {
	int *fds;
	int flags;
} KERNEL_STRUCT;
struct io_rsrc_update {
	__u64 arg;
	__u32 nr_args;
} KERNEL_STRUCT;

/* include/uapi/linux/io_uring.h; numbers never change. */
enum {
	OP_READV = 1,
	OP_WRITEV = 2,
	OP_FSYNC = 3,
	OP_READ_FIXED = 4,
	OP_WRITE_FIXED = 5,
	OP_SYNC_FILE_RANGE = 8,
	OP_SENDMSG = 9,
	OP_RECVMSG = 10,
	OP_ACCEPT = 13,
	OP_CONNECT = 16,
	OP_FALLOCATE = 17,
	OP_OPENAT = 18,
	OP_CLOSE = 19,
	OP_FILES_UPDATE = 20,
	OP_STATX = 21,
	OP_READ = 22,
	OP_WRITE = 23,
	OP_FADVISE = 24,
	OP_MADVISE = 25,
	OP_SEND = 26,
	OP_RECV = 27,
	OP_OPENAT2 = 28,
	OP_EPOLL_CTL = 29,
	OP_SPLICE = 30,
	OP_TEE = 33,
	OP_SHUTDOWN = 34,
	OP_RENAMEAT = 35,
	OP_UNLINKAT = 36,
	OP_MKDIRAT = 37,
	OP_SYMLINKAT = 38,
	OP_LINKAT = 39,
	OP_FSETXATTR = 41,
	OP_SETXATTR = 42,
	OP_FGETXATTR = 43,
	OP_GETXATTR = 44,
	OP_SOCKET = 45,
	OP_URING_CMD = 46,
	OP_SEND_ZC = 47,
	OP_SENDMSG_ZC = 48,
	OP_READ_MULTISHOT = 49,
	OP_WAITID = 50,
	OP_FUTEX_WAIT = 51,
	OP_FUTEX_WAKE = 52,
	OP_FUTEX_WAITV = 53,
	OP_FIXED_FD_INSTALL = 54,
	OP_FTRUNCATE = 55,
	OP_BIND = 56,
	OP_LISTEN = 57,
	OP_RECV_ZC = 58,
	OP_EPOLL_WAIT = 59,
	OP_READV_FIXED = 60,
	OP_WRITEV_FIXED = 61,
	OP_PIPE = 62,

	REQUEST_FIXED_FILE = 1 << 0,
	REQUEST_SKIPS_SUCCESS = 1 << 6,
	ACCEPT_MULTISHOT = 1 << 0,
	RECV_MULTISHOT = 1 << 1,
	FSYNC_DATASYNC = 1,
	SPLICE_IN_FIXED = 1u << 31,
	SLOT_ANY = ~0u,
	FILE_POINTER_FLAGS = 7, /* low bits of a registered file's entry */
	REGISTER_FILES_UPDATE = 6,
	PF_IO_WORKER_ = 0x10,

	URING_REQUESTS = 32768, /* under way, of wanted kinds */
	URING_NAMES = 8192,
	URING_REPEATED = 8192,
	URING_ADDRESS = 128,
};

/* Of one completion. */
enum { REQUEST_ENDS = 1 << 0, REQUEST_IS_TOLD_EARLY = 1 << 1 };

/* A request under way. */
struct uring_request {
	__u64 values[6]; /* as the call's arguments; of names nothing */
	__u64 how[3];    /* what openat2's third argument points to */
	__u64 task;      /* who submitted it */
	__u64 ring;
	__u64 user_data;
	__u32 target; /* entry of the ring's table that the opened file goes to, from 1; 0: none */
	__s32 fd;     /* that the file of the request has; -1: it is a registered one */
	__u32 registered; /* its place in the ring's table */
	__u16 nr;
	__u8 is_registered;
	__u8 is_repeated; /* completes more than once */
	__u8 has_file;    /* works on a file that was there before */
	__u8 name_at[2];  /* arguments that are names; COLLECT_NONE */
	__u8 address_at;  /* argument that is an address, which stands in `address` */
	__u8 memory;      /* bit per argument that is a pointer to user memory */
	__u8 address_size;
	__u8 address[URING_ADDRESS];
};

/* A member of what the request was asked for; 0 where this kernel has none. */
#define ASKED(type, request, member)                                                               \
	({                                                                                         \
		typeof(((struct type *)0)->member) asked_ = {0};                                   \
		if (bpf_core_field_exists(struct type, member))                                    \
			asked_ = READ(type, request, member);                                      \
		asked_;                                                                            \
	})

static __always_inline struct task_struct *task_at(__u64 task)
{
	if (HAS_RDONLY_CAST)
		return bpf_rdonly_cast((const void *)task,
				       bpf_core_type_id_kernel(struct task_struct));
	return (void *)task;
}

static __always_inline __u64 request_task(__u64 request)
{
	struct io_kiocb___until_6_12 *old = (void *)request;
	__u64 task = 0;
	if (bpf_core_field_exists(old->task)) {
		bpf_core_read(&task, sizeof(task), &old->task);
	} else {
		__u64 context = (__u64)ASKED(io_kiocb, request, tctx);
		task = (__u64)ASKED(io_uring_task, context, task);
	}
	/* The polling thread is one of the submitter's process. */
	if (READ(task_struct, task, flags) & PF_IO_WORKER_)
		task = (__u64)READ(task_struct, task, group_leader);
	return task;
}

/* A registered file, by its place in the ring's table. */
static __always_inline __u64 registered_file(__u64 ring, __u32 index)
{
	__u64 entry = 0;
	struct io_file_table___until_6_12 *old =
	    (void *)(ring + bpf_core_field_offset(struct io_ring_ctx, file_table));

	if (bpf_core_field_exists(struct io_file_table, data.nodes)) {
		if (index >= READ(io_ring_ctx, ring, file_table.data.nr))
			return 0;
		__u64 nodes = (__u64)READ(io_ring_ctx, ring, file_table.data.nodes);
		__u64 node = 0;
		bpf_probe_read_kernel(&node, sizeof(node), (void *)(nodes + 8ULL * index));
		if (node)
			entry = READ(io_rsrc_node, node, file_ptr);
	} else if (bpf_core_field_exists(old->files)) {
		if (index >= ASKED(io_ring_ctx, ring, nr_user_files))
			return 0;
		__u64 files = 0;
		bpf_core_read(&files, sizeof(files), &old->files);
		if (files)
			bpf_probe_read_kernel(
			    &entry, sizeof(entry),
			    (void *)(files +
				     (__u64)index * bpf_core_type_size(struct io_fixed_file)));
	}
	return entry & ~(__u64)FILE_POINTER_FLAGS;
}

static __always_inline void take_file_name(struct uring_request *q, __u32 k, __u32 at)
{
	q->name_at[k] = at;
}

/* One of the process's pointers: such as point into the kernel are none. */
static __always_inline void take_memory(struct uring_request *q, __u32 at, __u64 pointer)
{
	q->values[at] = pointer >> 63 ? 0 : pointer;
	q->memory |= 1 << at;
}

/* What the requests of each family of operations ask for; 0: no call stands for it. */

static __always_inline __u32 asked_io(struct uring_request *q, __u64 request, __u8 opcode)
{
	__u32 nr = 0;
	switch (opcode) {
	case OP_READ:
	case OP_READ_FIXED:
	case OP_READ_MULTISHOT:
		nr = CALL_read;
		break;
	case OP_WRITE:
	case OP_WRITE_FIXED:
		nr = CALL_write;
		break;
	case OP_READV:
	case OP_READV_FIXED:
		nr = CALL_readv;
		break;
	default:
		nr = CALL_writev;
		break;
	}
	q->values[0] = (__s64)q->fd;
	take_memory(q, 1, ASKED(io_rw, request, addr));
	q->values[2] = ASKED(io_rw, request, len);
	return nr;
}

static __always_inline __u32 asked_message(struct uring_request *q, __u64 request, __u8 opcode)
{
	q->values[0] = (__s64)q->fd;
	switch (opcode) {
	case OP_SENDMSG:
	case OP_SENDMSG_ZC:
	case OP_RECVMSG:
		take_memory(q, 1, (__u64)ASKED(io_sr_msg, request, umsg));
		q->values[2] = ASKED(io_sr_msg, request, msg_flags);
		return opcode == OP_RECVMSG ? CALL_recvmsg : CALL_sendmsg;
	}
	take_memory(q, 1, (__u64)ASKED(io_sr_msg, request, buf));
	q->values[2] = (__u32)ASKED(io_sr_msg, request, len);
	q->values[3] = ASKED(io_sr_msg, request, msg_flags);
	if (opcode == OP_SEND || opcode == OP_SEND_ZC) {
		take_memory(q, 4, (__u64)ASKED(io_sr_msg, request, addr));
		return CALL_sendto;
	}
	return CALL_recvfrom;
}

/* An address: the kernel's copy where it has made one, else the process's. */
static __always_inline void take_address(struct uring_request *q, __u64 request, __u64 user,
					 __u32 size)
{
	__u64 message = (__u64)READ(io_kiocb, request, async_data);
	if (size > URING_ADDRESS)
		size = URING_ADDRESS;
	BOUND(size);
	if (!size || size > URING_ADDRESS)
		return;
	q->address_at = 1;
	q->address_size = size;
	q->values[2] = size;
	if (!message) {
		bpf_probe_read_user(q->address, size, (void *)user);
		return;
	}
	/* Some kernels keep bind's alone, others each in a message, which starts with a pointer or
	 * with none. */
	__u64 start = 0;
	bpf_probe_read_kernel(&start, sizeof(start), (void *)message);
	if (bpf_core_field_exists(struct io_async_msghdr, addr) &&
	    (!start || (start >> 56 == 0xff && !(start & 7))))
		message += bpf_core_field_offset(struct io_async_msghdr, addr);
	bpf_probe_read_kernel(q->address, size, (void *)message);
}

static __always_inline __u32 asked_socket(struct uring_request *q, __u64 request, __u8 opcode)
{
	q->values[0] = (__s64)q->fd;
	switch (opcode) {
	case OP_ACCEPT:
		take_memory(q, 1, (__u64)ASKED(io_accept, request, addr));
		q->values[3] = (__u32)ASKED(io_accept, request, flags);
		q->target = ASKED(io_accept, request, file_slot);
		return q->values[3] ? CALL_accept4 : CALL_accept;
	case OP_CONNECT:
		take_address(q, request, (__u64)ASKED(io_connect, request, addr),
			     ASKED(io_connect, request, addr_len));
		return CALL_connect;
	case OP_BIND:
		take_address(q, request, 0, ASKED(io_bind, request, addr_len));
		return CALL_bind;
	case OP_LISTEN:
		q->values[1] = (__u32)ASKED(io_listen, request, backlog);
		return CALL_listen;
	case OP_SHUTDOWN:
		q->values[1] = (__u32)ASKED(io_shutdown, request, how);
		return CALL_shutdown;
	default:
		q->has_file = 0;
		q->values[0] = (__u32)ASKED(io_socket, request, domain);
		q->values[1] = (__u32)ASKED(io_socket, request, type) |
			       (__u32)ASKED(io_socket, request, flags);
		q->values[2] = (__u32)ASKED(io_socket, request, protocol);
		q->target = ASKED(io_socket, request, file_slot);
		return CALL_socket;
	}
}

/* Where names are: those of files in first and second, another's text. */
struct asked_names {
	__u64 first, second;
	__u64 text;
};

/* The kernel's copy of an attribute's name. */
static __always_inline __u64 asked_attribute(__u64 request)
{
	struct io_xattr___until_6_12 *old = (void *)request;
	if (bpf_core_field_exists(struct xattr_ctx, kname) && bpf_core_field_exists(old->ctx))
		return (__u64)BPF_CORE_READ(old, ctx.kname);
	return (__u64)ASKED(io_xattr, request, ctx.kname);
}

static __always_inline __u32 asked_names(struct uring_request *q, __u64 request, __u8 opcode,
					 struct asked_names *names)
{
	q->has_file = 0;
	take_file_name(q, 0, 1);
	switch (opcode) {
	case OP_OPENAT:
	case OP_OPENAT2:
		q->values[0] = (__s64)ASKED(io_open, request, dfd);
		names->first = (__u64)ASKED(io_open, request, filename);
		q->how[0] = ASKED(io_open, request, how.flags);
		q->how[1] = ASKED(io_open, request, how.mode);
		q->how[2] = ASKED(io_open, request, how.resolve);
		q->target = ASKED(io_open, request, file_slot);
		if (opcode == OP_OPENAT2)
			return CALL_openat2;
		/* That one the kernel has added. */
		q->values[2] = q->how[0] & ~(__u64)O_LARGEFILE_;
		q->values[3] = q->how[1];
		return CALL_openat;
	case OP_STATX:
		q->values[0] = (__s64)ASKED(io_statx, request, dfd);
		names->first = (__u64)ASKED(io_statx, request, filename);
		q->values[2] = ASKED(io_statx, request, flags);
		q->values[3] = ASKED(io_statx, request, mask);
		return CALL_statx;
	case OP_UNLINKAT:
		q->values[0] = (__s64)ASKED(io_unlink, request, dfd);
		names->first = (__u64)ASKED(io_unlink, request, filename);
		q->values[2] = (__u32)ASKED(io_unlink, request, flags);
		return CALL_unlinkat;
	case OP_MKDIRAT:
		q->values[0] = (__s64)ASKED(io_mkdir, request, dfd);
		names->first = (__u64)ASKED(io_mkdir, request, filename);
		q->values[2] = ASKED(io_mkdir, request, mode);
		return CALL_mkdirat;
	case OP_RENAMEAT:
		q->values[0] = (__s64)ASKED(io_rename, request, old_dfd);
		q->values[2] = (__s64)ASKED(io_rename, request, new_dfd);
		q->values[4] = (__u32)ASKED(io_rename, request, flags);
		names->first = (__u64)ASKED(io_rename, request, oldpath);
		names->second = (__u64)ASKED(io_rename, request, newpath);
		take_file_name(q, 1, 3);
		return q->values[4] ? CALL_renameat2 : CALL_renameat;
	case OP_SETXATTR:
	case OP_GETXATTR:
		names->first = (__u64)ASKED(io_xattr, request, filename);
		names->text = asked_attribute(request);
		take_file_name(q, 0, 0);
		take_file_name(q, 1, 1);
		return opcode == OP_SETXATTR ? CALL_setxattr : CALL_getxattr;
	case OP_FSETXATTR:
	case OP_FGETXATTR:
		q->has_file = 1;
		q->values[0] = (__s64)q->fd;
		names->text = asked_attribute(request);
		return opcode == OP_FSETXATTR ? CALL_fsetxattr : CALL_fgetxattr;
	case OP_LINKAT:
		q->values[0] = (__s64)ASKED(io_link, request, old_dfd);
		q->values[2] = (__s64)ASKED(io_link, request, new_dfd);
		q->values[4] = (__u32)ASKED(io_link, request, flags);
		names->first = (__u64)ASKED(io_link, request, oldpath);
		names->second = (__u64)ASKED(io_link, request, newpath);
		take_file_name(q, 1, 3);
		return CALL_linkat;
	default:
		q->values[1] = (__s64)ASKED(io_link, request, new_dfd);
		names->first = (__u64)ASKED(io_link, request, oldpath);
		names->second = (__u64)ASKED(io_link, request, newpath);
		take_file_name(q, 0, 0);
		take_file_name(q, 1, 2);
		return CALL_symlinkat;
	}
}

static __always_inline __u32 asked_other(struct uring_request *q, __u64 request, __u8 opcode)
{
	q->values[0] = (__s64)q->fd;
	switch (opcode) {
	case OP_CLOSE:
		q->has_file = 0;
		q->values[0] = (__s64)ASKED(io_close, request, fd);
		if (ASKED(io_close, request, file_slot))
			q->values[0] = -1;
		return CALL_close;
	case OP_FSYNC:
		return ASKED(io_sync, request, flags) & FSYNC_DATASYNC ? CALL_fdatasync
								       : CALL_fsync;
	case OP_SYNC_FILE_RANGE:
		q->values[1] = ASKED(io_sync, request, off);
		q->values[2] = ASKED(io_sync, request, len);
		q->values[3] = (__u32)ASKED(io_sync, request, flags);
		return CALL_sync_file_range;
	case OP_FALLOCATE:
		q->values[1] = (__u32)ASKED(io_sync, request, mode);
		q->values[2] = ASKED(io_sync, request, off);
		q->values[3] = ASKED(io_sync, request, len);
		return CALL_fallocate;
	case OP_FTRUNCATE:
		q->values[1] = ASKED(io_ftrunc, request, len);
		return CALL_ftruncate;
	case OP_FADVISE:
		q->values[1] = ASKED(io_fadvise, request, offset);
		q->values[2] = ASKED(io_fadvise, request, len);
		q->values[3] = ASKED(io_fadvise, request, advice);
		return CALL_fadvise64;
	case OP_MADVISE:
		q->has_file = 0;
		q->values[0] = ASKED(io_madvise, request, addr);
		q->values[1] = ASKED(io_madvise, request, len);
		q->values[2] = ASKED(io_madvise, request, advice);
		return CALL_madvise;
	case OP_EPOLL_CTL:
		q->has_file = 0;
		q->values[0] = (__s64)ASKED(io_epoll, request, epfd);
		q->values[1] = (__s64)ASKED(io_epoll, request, op);
		q->values[2] = (__s64)ASKED(io_epoll, request, fd);
		return CALL_epoll_ctl;
	case OP_SPLICE:
	case OP_TEE: {
		__u32 flags = ASKED(io_splice, request, flags);
		/* What the call is about is where it takes from. */
		q->has_file = 0;
		q->values[2] = q->values[0];
		q->values[0] =
		    flags & SPLICE_IN_FIXED ? -1 : (__s64)ASKED(io_splice, request, splice_fd_in);
		q->values[4] = ASKED(io_splice, request, len);
		q->values[5] = flags & ~SPLICE_IN_FIXED;
		if (opcode == OP_SPLICE)
			return CALL_splice;
		q->values[1] = q->values[2];
		q->values[2] = q->values[4];
		q->values[3] = q->values[5];
		return CALL_tee;
	}
	case OP_URING_CMD:
		q->values[1] = ASKED(io_uring_cmd, request, cmd_op);
		return CALL_ioctl;
	case OP_FIXED_FD_INSTALL:
		return CALL_dup;
	case OP_FILES_UPDATE:
		q->has_file = 0;
		q->values[0] = -1;
		q->values[1] = REGISTER_FILES_UPDATE;
		q->values[2] = ASKED(io_rsrc_update, request, arg);
		q->values[3] = ASKED(io_rsrc_update, request, nr_args);
		return CALL_io_uring_register;
	case OP_EPOLL_WAIT:
		return CALL_epoll_wait;
	case OP_WAITID:
		q->has_file = 0;
		return CALL_waitid;
	case OP_FUTEX_WAIT:
		q->has_file = 0;
		return CALL_futex_wait;
	case OP_FUTEX_WAKE:
		q->has_file = 0;
		return CALL_futex_wake;
	case OP_FUTEX_WAITV:
		q->has_file = 0;
		return CALL_futex_waitv;
	case OP_PIPE:
		q->has_file = 0;
		take_memory(q, 0, (__u64)ASKED(io_pipe, request, fds));
		q->values[1] = (__u32)ASKED(io_pipe, request, flags);
		return CALL_pipe2;
	}
	return PROBE_SYSCALLS;
}

/* The call that a request stands for, with its arguments; PROBE_SYSCALLS: none. */
static __always_inline __u32 asked(struct uring_request *q, __u64 request, __u8 opcode,
				   struct asked_names *names)
{
	switch (opcode) {
	case OP_READV:
	case OP_WRITEV:
	case OP_READ_FIXED:
	case OP_WRITE_FIXED:
	case OP_READ:
	case OP_WRITE:
	case OP_READ_MULTISHOT:
	case OP_READV_FIXED:
	case OP_WRITEV_FIXED:
		return asked_io(q, request, opcode);
	case OP_SENDMSG:
	case OP_RECVMSG:
	case OP_SEND:
	case OP_RECV:
	case OP_SEND_ZC:
	case OP_SENDMSG_ZC:
	case OP_RECV_ZC:
		return asked_message(q, request, opcode);
	case OP_ACCEPT:
	case OP_CONNECT:
	case OP_SHUTDOWN:
	case OP_SOCKET:
	case OP_BIND:
	case OP_LISTEN:
		return asked_socket(q, request, opcode);
	case OP_OPENAT:
	case OP_OPENAT2:
	case OP_STATX:
	case OP_RENAMEAT:
	case OP_UNLINKAT:
	case OP_MKDIRAT:
	case OP_SYMLINKAT:
	case OP_LINKAT:
	case OP_SETXATTR:
	case OP_GETXATTR:
	case OP_FSETXATTR:
	case OP_FGETXATTR:
		return asked_names(q, request, opcode, names);
	default:
		return asked_other(q, request, opcode);
	}
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* One parameter of a call, as its row in the collection table says. */
#ifndef SAKER_PROBE_PARAMS_BPF_H
#define SAKER_PROBE_PARAMS_BPF_H

#include "probe/arch.bpf.h"
#include "probe/given.bpf.h"

enum {
	OPEN_ACCESS = 3,
#if defined(__TARGET_ARCH_arm64)
	OPEN_CREATES = 0x40 | 0x404000, /* O_CREAT | O_TMPFILE */
#else
	OPEN_CREATES = 0x40 | 0x410000,
#endif
	SCAP_O_CREATED = 0x4000,
	SCAP_UPPER_LAYER = 0x8000,
	SCAP_LOWER_LAYER = 0x10000,
	OPEN_CREAT_ = 0x40,
	OPEN_EXEC_ = 0x20, /* of programs that the kernel opens */
	MODE_BITS = 07777,
	EINTR_ = 4,
	MODE_SPECIAL = 07000,
	EINPROGRESS_ = 115,
	ERESTARTSYS_ = 512, /* what a signal's handler makes EINTR, or the call again */
	IOV_MAX = 16,
	MSG_CONTROL_MAX = 4096,
	SCAP_FAMILY_UNIX = 1,
};

static __always_inline void put_dyn(struct slot *s, __u32 i, __u8 variant, __u64 value)
{
	append_u8(s, variant);
	append_u64(s, value);
	set_length(s, i, 9);
}

/*
 * Flags and mode of an open that has them in the caller's memory (openat2), where another thread
 * may write others. The file keeps most flags; those that it does not are the given ones. Of a file
 * that the call made the mode has none of who may do what that was not given, and all of the
 * others.
 */
static __always_inline __u32 opened_flags(struct slot *s, __u32 given)
{
	enum { NOT_KEPT = OPEN_CREAT_ | 0x80 | 0x100 | 0x200 | O_LARGEFILE_ | OPEN_EXEC_ };
	if (!s->file)
		return given;
	__u32 flags = (given & NOT_KEPT) | (READ(file, s->file, f_flags) & ~NOT_KEPT);
	return READ(file, s->file, f_mode) & FMODE_CREATED_ ? flags | OPEN_CREAT_ : flags;
}

static __always_inline __u32 opened_mode(struct slot *s, __u32 given)
{
	if (!s->file || !(READ(file, s->file, f_mode) & FMODE_CREATED_))
		return given;
	__u32 mode = READ(inode, (__u64)READ(file, s->file, f_inode), i_mode) & MODE_BITS;
	return (mode & ~given & ~MODE_SPECIAL) ? mode
					       : (mode & MODE_SPECIAL) | (given & ~MODE_SPECIAL);
}

static __always_inline __u32 scap_open_flags(struct slot *s, __u32 flags)
{
	__u32 access = flags & OPEN_ACCESS;
	__u32 out = translate(TRANSLATE_OPEN, flags) | (access == 3 ? 1 : access + 1);
	if (!s->file)
		return out;
	if (READ(file, s->file, f_mode) & FMODE_CREATED_)
		out |= SCAP_O_CREATED;
	__u64 dentry = (__u64)READ(file, s->file, f_path.dentry);
	switch (file_layer(dentry, (__u64)READ(dentry, dentry, d_sb))) {
	case LAYER_UPPER:
		return out | SCAP_UPPER_LAYER;
	case LAYER_LOWER:
		return out | SCAP_LOWER_LAYER;
	}
	return out;
}

static __always_inline __u32 scap_open_mode(__u32 mode, __u32 flags)
{
	return flags & OPEN_CREATES ? mode & MODE_BITS : 0;
}

/* A string of user memory; where it is a path, whether it is relative. */
static __always_inline void put_path(struct slot *s, __u32 i, __u64 pointer)
{
	__u32 pos = s->pos, size = 0;
	if (has_names && hooked[INDEX(s->nr, PROBE_SYSCALLS)] >> HOOK_COPY & 1 &&
	    !(s->flags & RECORD_IO_URING))
		size = given_take(s->index, i);
	/* Of a request of io_uring it is the kernel's copy. */
	if (!size)
		size = s->flags & RECORD_IO_URING
			   ? append_kernel_str(s, (const void *)pointer, RECORD_PATH_MAX)
			   : append_user_str(s, pointer);
	set_length(s, i, size);
	if (pos <= PROBE_POS_LIMIT && s->pos > pos && s->data[pos] != '/')
		s->relative |= 1 << (i & 15);
}

static __always_inline __u32 opened_dev(struct slot *s)
{
	if (!s->file)
		return 0;
	__u64 inode = (__u64)READ(file, s->file, f_inode);
	__u64 sb = (__u64)READ(inode, inode, i_sb);
	return encode_dev(READ(super_block, sb, s_dev));
}

static __always_inline __u64 opened_ino(struct slot *s)
{
	return s->file ? READ(inode, (__u64)READ(file, s->file, f_inode), i_ino) : 0;
}

/*
 * Of this and the other families' function: one parameter. Global functions, which the
 * verifier looks at once, and not again for every parameter of every kind before it.
 */
__noinline int collect_plain(__u32 slot_index, __u32 i)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s || i >= PROBE_ROW_PARAMS)
		return 0;
	const struct collect_param *p = &collect_rows[s->nr & (PROBE_SYSCALLS - 1)].params[i];
	__u64 value = value_of(s, p->src);
	__s64 ret = s->values[SOURCE_RET];

	switch (p->kind) {
	case KIND_S32:
		put_u64(s, i, (__s64)(__s32)value);
		break;
	case KIND_U64:
		put_u64(s, i, value);
		break;
	case KIND_U32:
		put_u32(s, i, value);
		break;
	case KIND_U16:
		put_u16(s, i, value);
		break;
	case KIND_U8:
		put_u8(s, i, value);
		break;
	case KIND_FLAGS32:
		put_u32(s, i, translate(p->table, value));
		break;
	case KIND_FLAGS16:
		put_u16(s, i, translate(p->table, value));
		break;
	case KIND_FLAGS8:
		put_u8(s, i, translate(p->table, value));
		break;
	case KIND_STR_OK:
		if (ret < 0) {
			put_empty(s, i);
			break;
		}
		/* fall through */
	case KIND_STR:
		put_path(s, i, value);
		break;
	case KIND_SCAP_NR:
		put_u16(s, i, collect_rows[s->nr & (PROBE_SYSCALLS - 1)].scap_nr);
		break;
	case KIND_NATIVE_NR:
		put_u16(s, i, s->nr);
		break;
	case KIND_OPEN_FLAGS:
		put_u32(s, i, scap_open_flags(s, value));
		break;
	case KIND_OPEN_MODE:
		put_u32(s, i, scap_open_mode(value, value_of(s, p->aux)));
		break;
	case KIND_CREAT_MODE:
		put_u32(s, i, value & MODE_BITS);
		break;
	case KIND_CREAT_FLAGS:
		put_u16(s, i, scap_open_flags(s, 0) >> 15);
		break;
	case KIND_DEV:
		put_u32(s, i, opened_dev(s));
		break;
	case KIND_INO:
		put_u64(s, i, opened_ino(s));
		break;
	case KIND_FD_INO: {
		__u64 file = file_of_slot_fd(s, value);
		__u64 ino = 0;
		if (file)
			ino = READ(inode, (__u64)READ(file, file, f_inode), i_ino);
		put_u64(s, i, ino);
		break;
	}
	case KIND_DEV_ARG:
		put_u32(s, i, encode_dev(value));
		break;
	case KIND_TIME:
		put_u64(s, i, value * 1000000000ULL + value_of(s, p->aux));
		break;
	case KIND_USER_U32: {
		__u32 word = 0;
		bpf_probe_read_user(&word, sizeof(word), (void *)value);
		put_u32(s, i, word);
		break;
	}
	case KIND_USER_U64: {
		__u64 word = 0;
		if (value)
			bpf_probe_read_user(&word, sizeof(word), (void *)value);
		put_u64(s, i, word);
		break;
	}
	case KIND_HALVES:
		put_u64(s, i, value << 32 | (__u32)value_of(s, p->aux));
		break;
	case KIND_MEMFD_NAME: {
		enum { BEFORE_NAME = 6 }; /* "memfd:" */
		__u64 file = ret < 0 ? 0 : file_of_slot_fd(s, ret);
		__u64 dentry = file ? (__u64)READ(file, file, f_path.dentry) : 0;
		if (!dentry || !dentry_is_memfd(dentry)) {
			put_path(s, i, value);
			break;
		}
		set_length(s, i,
			   append_kernel_str(s, READ(dentry, dentry, d_name.name) + BEFORE_NAME,
					     NAME_BYTES_MAX));
		break;
	}
	case KIND_FILE_PATH:
		root_remember(s, HAS_TASK_BTF, slot_task(s));
		set_length(s, i, s->file && !file_resolve(s, s->file) ? append_path(s) : 0);
		break;
	default:
		put_empty(s, i);
	}
	return 0;
}

#endif

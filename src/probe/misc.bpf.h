/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Parameters that only one or two calls have. */
#ifndef SAKER_PROBE_MISC_BPF_H
#define SAKER_PROBE_MISC_BPF_H

#include "probe/params.bpf.h"

enum {
	DYN_PTRACE_U64,
	DYN_PTRACE_SIGNAL,
	DYN_KEYCTL_S64 = 0,
	DYN_KEYCTL_STRING,
	PR_SET_NAME_ = 15,
	PR_GET_NAME_ = 16,
	PR_GET_CHILD_SUBREAPER_ = 37,
	MS_MGC_VALUE = 0xc0ed0000,
	SETVAL_ = 16,
	IPC_64_ = 0x100, /* of 32-bit programs' commands */
	FSCONFIG_STRING = 1,
	FSCONFIG_BINARY = 2,
	FSCONFIG_PATH = 3,
	FSCONFIG_PATH_EMPTY = 4,
};

/* Kernel numbers of ptrace requests whose data is something else than a number. */
enum {
	PTRACE_PEEKTEXT_ = 1,
	PTRACE_PEEKUSR_ = 3,
	PTRACE_CONT_ = 7,
	PTRACE_SINGLESTEP_ = 9,
	PTRACE_DETACH_ = 17,
	PTRACE_SYSCALL_ = 24,
};

static __always_inline void put_ptrace_data(struct slot *s, __u32 i, __u64 request, __u64 data,
					    __s64 ret)
{
	if (ret < 0) {
		put_dyn(s, i, DYN_PTRACE_U64, 0);
	} else if (request >= PTRACE_PEEKTEXT_ && request <= PTRACE_PEEKUSR_) {
		__u64 word = 0;
		bpf_probe_read_user(&word, sizeof(word), (void *)data);
		put_dyn(s, i, DYN_PTRACE_U64, word);
	} else if (request == PTRACE_CONT_ || request == PTRACE_SINGLESTEP_ ||
		   request == PTRACE_DETACH_ || request == PTRACE_SYSCALL_) {
		append_u8(s, DYN_PTRACE_SIGNAL);
		append_u8(s, data);
		set_length(s, i, 2);
	} else {
		put_dyn(s, i, DYN_PTRACE_U64, data);
	}
}

/*
 * Which of keyctl's arguments 2 to 5 are used by each operation (low bits, argument 2 first) and
 * which of them are strings (high bits). See keyctl(2).
 */
enum { KEYCTL_OPERATIONS = 33 };
#define USES(n) ((1 << (n)) - 1)
#define STRING(argument) (16 << ((argument)-2))
static const __u8 keyctl_arguments[KEYCTL_OPERATIONS] = {
    [0] = USES(2),                          /* get_keyring_ID */
    [1] = USES(1) | STRING(2),              /* join_session_keyring */
    [2] = USES(3),                          /* update */
    [3] = USES(1),                          /* revoke */
    [4] = USES(3),                          /* chown */
    [5] = USES(2),                          /* setperm */
    [6] = USES(3),                          /* describe */
    [7] = USES(1),                          /* clear */
    [8] = USES(2),                          /* link */
    [9] = USES(2),                          /* unlink */
    [10] = USES(4) | STRING(3) | STRING(4), /* search */
    [11] = USES(3),                         /* read */
    [12] = USES(4),                         /* instantiate */
    [13] = USES(3),                         /* negate */
    [14] = USES(1),                         /* set_reqkey_keyring */
    [15] = USES(2),                         /* set_timeout */
    [16] = USES(1),                         /* assume_authority */
    [17] = USES(3),                         /* get_security */
    [19] = USES(4),                         /* reject */
    [20] = USES(4),                         /* instantiate_iov */
    [21] = USES(1),                         /* invalidate */
    [22] = USES(2),                         /* get_persistent */
    [23] = USES(4),                         /* dh_compute */
    [24] = USES(3) | STRING(4),             /* pkey_query */
    [25] = USES(4) | STRING(3),             /* pkey_encrypt */
    [26] = USES(4) | STRING(3),             /* pkey_decrypt */
    [27] = USES(4) | STRING(3),             /* pkey_sign */
    [28] = USES(4) | STRING(3),             /* pkey_verify */
    [29] = USES(3) | STRING(3) | STRING(4), /* restrict_keyring */
    [30] = USES(4),                         /* move */
    [31] = USES(2),                         /* capabilities */
    [32] = USES(3),                         /* watch_key */
};

static __always_inline void put_keyctl(struct slot *s, __u32 i, __u32 operation, __u64 value,
				       __u32 place)
{
	__u32 arguments = 0;
	if (operation < KEYCTL_OPERATIONS)
		arguments = keyctl_arguments[operation];
	__u32 bit = 1 << ((place - 2) & 3);
	if (arguments & (bit << 4)) {
		append_u8(s, DYN_KEYCTL_STRING);
		set_length(s, i, 1 + (value ? append_user_str(s, value) : 0));
	} else {
		put_dyn(s, i, DYN_KEYCTL_S64, arguments & bit ? value : 0);
	}
}

/* A name for the thread: what it has become, where the memory holds another one by now. */
static __always_inline void put_thread_name(struct slot *s, __u32 i, __u64 pointer, bool is_set)
{
	const __u64 *name = (const __u64 *)((struct record *)s->data)->task.comm;
	__u32 pos = s->pos;
	__u32 size = append_user_str(s, pointer);

	BOUND(pos);
	if (is_set && pos <= PROBE_POS_LIMIT) {
		__u64 *given = (__u64 *)s->scratch;
		given[0] = given[1] = 0;
		if (size)
			bpf_probe_read_kernel_str(given, RECORD_COMM_SIZE, s->data + pos);
		if (given[0] != name[0] || given[1] != name[1]) {
			s->pos = pos;
			size = append_kernel_str(s, name, RECORD_COMM_SIZE);
		}
	}
	set_length(s, i, size);
}

struct user_pollfd {
	__s32 fd;
	__u16 events, revents;
};

__noinline int poll_append(__u32 slot_index, __u64 pointer)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct user_pollfd polled;

	if (!s)
		return 0;
	if (bpf_probe_read_user(&polled, sizeof(polled), (void *)pointer))
		polled.fd = -1, polled.revents = 0;
	append_u64(s, (__s64)polled.fd);
	append_u16(s, translate(TRANSLATE_POLL, polled.revents));
	return 0;
}

/* A count of 16 bits, then descriptor and events that came of each. */
static __always_inline void put_poll(struct slot *s, __u32 i, __u64 pointer, __u32 count)
{
	enum { POLL_MAX = 16 };
	__u32 from = s->pos;

	if (count > POLL_MAX)
		count = POLL_MAX;
	append_u16(s, count);
	for (__u32 k = 0; k < POLL_MAX; k++) {
		if (k >= count)
			break;
		poll_append(s->index, pointer + k * sizeof(struct user_pollfd));
	}
	set_length(s, i, s->pos - from);
}

enum {
	QUOTA_BYTES = 72,      /* struct if_dqblk */
	QUOTA_INFO_BYTES = 24, /* struct if_dqinfo */
	QUOTA_VALID_AT = 8,    /* index of the 64-bit word with the valid bits */
	QUOTA_INFO_VALID = 2,
	SCAP_QUOTA_ON = 0x1,
	SCAP_QUOTA_FORMAT_GET = 0x4,
	SCAP_QUOTA_INFO = 0x8 | 0x10,
	SCAP_QUOTA_LIMITS = 0x20 | 0x40,
	SCAP_QUOTA_OF_ID = SCAP_QUOTA_LIMITS | 0x400 | 0x800,
	SCAP_QUOTA_FORMAT_NONE = 1,
};

/*
 * Bit of the structure's valid member that says whether a word of it holds something, a byte for
 * each word. (As an array it would land in a section of mergeable constants, which libbpf takes for
 * part of .rodata.)
 */
#define QUOTA_VALID 0x2010080404020101ULL

/* A 64-bit word of the structure that the call read or wrote; 0 where it does not hold. */
static __always_inline __u64 quota_word(__u64 pointer, __u32 command, __u32 which)
{
	__u64 words[QUOTA_BYTES / 8] = {0};

	if (which < QUOTA_INFO) {
		which = INDEX(which - QUOTA_LIMIT, 8);
		if (!(command & SCAP_QUOTA_LIMITS) ||
		    bpf_probe_read_user(words, QUOTA_BYTES, (void *)pointer) ||
		    !(words[QUOTA_VALID_AT] & (QUOTA_VALID >> (8 * which) & 0xff)))
			return 0;
		return words[which];
	}
	if (!(command & SCAP_QUOTA_INFO) ||
	    bpf_probe_read_user(words, QUOTA_INFO_BYTES, (void *)pointer))
		return 0;
	__u32 flags = words[QUOTA_INFO_VALID], valid = words[QUOTA_INFO_VALID] >> 32;
	if (which == QUOTA_INFO)
		return valid & 1 ? words[0] : 0;
	if (which == QUOTA_INFO + 1)
		return valid & 2 ? words[1] : 0;
	/* 1: none, 2: root squash */
	return valid & 4 ? (flags & 1 ? 2 : 1) : 0;
}

/* One of quotactl's: command, special, id, address. */
__noinline int collect_quota(__u32 slot_index, __u32 i, __u32 which)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 pointer = s->values[3];
	__u32 id = s->values[2];
	__u32 native = s->values[0];
	__u32 command = translate(TRANSLATE_QUOTA_COMMAND, native >> 8);
	__u32 format = SCAP_QUOTA_FORMAT_NONE;

	switch (which) {
	case QUOTA_FILE:
		set_length(s, i, command == SCAP_QUOTA_ON ? append_user_str(s, pointer) : 0);
		break;
	case QUOTA_INFO_FLAGS:
		put_u8(s, i, quota_word(pointer, command, which));
		break;
	case QUOTA_FORMAT_OUT:
		if (command == SCAP_QUOTA_FORMAT_GET) {
			bpf_probe_read_user(&format, sizeof(format), (void *)pointer);
			format = translate(TRANSLATE_QUOTA_FORMAT, format);
		}
		put_u8(s, i, format);
		break;
	case QUOTA_COMMAND:
		put_u16(s, i, command);
		break;
	case QUOTA_TYPE:
		put_u8(s, i, translate(TRANSLATE_QUOTA_TYPE, native & 0xff));
		break;
	case QUOTA_ID:
		put_u32(s, i, command & SCAP_QUOTA_OF_ID ? id : 0);
		break;
	case QUOTA_FORMAT:
		put_u8(s, i,
		       command == SCAP_QUOTA_ON ? translate(TRANSLATE_QUOTA_FORMAT, id) : format);
		break;
	default:
		put_u64(s, i, quota_word(pointer, command, which));
	}
	return 0;
}

__noinline int collect_misc(__u32 slot_index, __u32 i)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s || i >= PROBE_ROW_PARAMS)
		return 0;
	const struct collect_param *p = &collect_rows[s->nr & (PROBE_SYSCALLS - 1)].params[i];
	__u64 value = value_of(s, p->src);
	__s64 ret = s->values[SOURCE_RET];

	switch (p->kind) {
	case KIND_PTRACE_ADDR:
		put_dyn(s, i, DYN_PTRACE_U64, ret < 0 ? 0 : value);
		break;
	case KIND_PTRACE_DATA:
		put_ptrace_data(s, i, s->values[SOURCE_ARG0], value, ret);
		break;
	case KIND_KEYCTL:
		put_keyctl(s, i, s->values[SOURCE_ARG0], value, p->aux);
		break;
	case KIND_PRCTL_STR: {
		__u32 option = s->values[SOURCE_ARG0];
		if (option == PR_SET_NAME_ || option == PR_GET_NAME_)
			put_thread_name(s, i, value, option == PR_SET_NAME_ && !ret);
		else
			put_empty(s, i);
		break;
	}
	case KIND_PRCTL_INT: {
		__u32 option = s->values[SOURCE_ARG0];
		if (option == PR_SET_NAME_ || option == PR_GET_NAME_) {
			value = 0;
		} else if (option == PR_GET_CHILD_SUBREAPER_) {
			__s32 flag = 0;
			bpf_probe_read_user(&flag, sizeof(flag), (void *)value);
			value = (__s64)flag;
		}
		put_u64(s, i, value);
		break;
	}
	case KIND_CAPS:
		put_u64(s, i, cred_caps(FOLLOW(HAS_TASK_BTF, current_task(), cred), p->src));
		break;
	case KIND_MOUNT_FLAGS:
		if ((value & 0xffff0000) == MS_MGC_VALUE)
			value &= 0xffff;
		put_u32(s, i, value);
		break;
	case KIND_VM_SIZE:
		put_u32(s, i, vm_size((__u64)FOLLOW(HAS_TASK_BTF, current_task(), mm)));
		break;
	case KIND_VM_RSS:
		put_u32(s, i, vm_rss((__u64)FOLLOW(HAS_TASK_BTF, current_task(), mm)));
		break;
	case KIND_VM_SWAP:
		put_u32(s, i, vm_swap((__u64)FOLLOW(HAS_TASK_BTF, current_task(), mm)));
		break;
	case KIND_BLOB:
		set_length(s, i,
			   append_user(s, value,
				       value_of(s, p->aux) > PROBE_ARGS_MAX ? PROBE_ARGS_MAX
									    : value_of(s, p->aux)));
		break;
	case KIND_FSCONFIG_BYTES: {
		__u32 size = s->values[4];
		set_length(s, i,
			   ret >= 0 && (__u32)s->values[1] == FSCONFIG_BINARY
			       ? append_user(s, value, size)
			       : 0);
		break;
	}
	case KIND_FSCONFIG_TEXT: {
		__u32 command = s->values[1];
		set_length(s, i,
			   ret >= 0 && (command == FSCONFIG_STRING || command == FSCONFIG_PATH ||
					command == FSCONFIG_PATH_EMPTY)
			       ? append_user_str(s, value)
			       : 0);
		break;
	}
	case KIND_POLL:
		put_poll(s, i, value, value_of(s, p->aux));
		break;
	case KIND_SETVAL:
		put_u32(s, i, ((__u16)value_of(s, p->aux) & ~IPC_64_) == SETVAL_ ? value : 0);
		break;
	case KIND_SEMBUF: {
		enum { SEMBUF_WORDS = 3, SEMBUF_FLAGS = 2 };
		__u32 word = p->aux;
		__u16 content = 0;
		if (!ret && word < SEMBUF_WORDS * (__u32)s->values[2])
			bpf_probe_read_user(&content, sizeof(content), (void *)(value + 2 * word));
		if (word % SEMBUF_WORDS == SEMBUF_FLAGS)
			content = translate(TRANSLATE_SEMOP, content);
		put_u16(s, i, content);
		break;
	}
	case KIND_QUOTA:
		collect_quota(slot_index, i, p->aux);
		break;
	case KIND_OLD_LIMIT: {
		__u64 word = 0;
		if (ret)
			word = ~0ULL;
		else if (value)
			bpf_probe_read_user(&word, sizeof(word), (void *)(value + 8 * p->aux));
		put_u64(s, i, word);
		break;
	}
	default:
		put_empty(s, i);
	}
	return 0;
}

#endif

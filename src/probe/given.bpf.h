/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The names that calls were given, as the kernel copied them. It copies a name from the caller's
 * memory once, and lets go of the copy when it is done (putname), within the call, even if that
 * fails. With the copy stands the address that it was made from, which tells the argument. So a
 * program there (hook_given in hooks.bpf.h) keeps the name until the call returns, whatever a
 * second thread writes into the caller's memory meanwhile.
 *
 * Of calls that open a file nothing is kept: what they are for is the file (name_is_opened), and
 * they are too many. Where nothing was kept names are read from the caller's memory.
 */
#ifndef SAKER_PROBE_GIVEN_BPF_H
#define SAKER_PROBE_GIVEN_BPF_H

#include "probe/process.bpf.h"

enum {
	/* Calls under way. Most names are short, and memory for those is there from the start; the
	 * loader takes it away where there are no hooks. */
	GIVEN_CALLS = 4096,
	GIVEN_LONG_CALLS = 1024,
	GIVEN_SHORT = 224,
	GIVEN_PARAMS = 8, /* no name is a later parameter */
	EFAULT_ = 14,
	ENAMETOOLONG_ = 36,
};

struct given_name {
	__u64 pointer;
	__u16 nr;
	__u16 size; /* with the NUL */
	__u32 reserved;
};
struct given_short {
	struct given_name name;
	char text[GIVEN_SHORT];
};
struct given_long {
	struct given_name name;
	char text[RECORD_PATH_MAX];
};
/* By thread and parameter: see given_key. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GIVEN_CALLS);
	__type(key, __u64);
	__type(value, struct given_short);
} given_short SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GIVEN_LONG_CALLS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct given_long);
} given_long SEC(".maps");

static __always_inline __u64 given_key(__u32 param)
{
	return bpf_get_current_pid_tgid() << 3 | (param & (GIVEN_PARAMS - 1));
}

static __always_inline __u64 value_of(struct slot *s, __u8 src)
{
	if (src & SOURCE_MEM32)
		return *(__u32 *)((char *)&s->values[SOURCE_MEM64] + (src & (PROBE_MEM_BYTES - 4)));
	return s->values[src & 15];
}

static __always_inline bool given_is_kept(__u64 key)
{
	return bpf_map_lookup_elem(&given_short, &key) || bpf_map_lookup_elem(&given_long, &key);
}

/*
 * The parameter of the slot's call that was given by that pointer; GIVEN_PARAMS: none was. Where
 * two were, the kernel lets go of the first one first.
 */
__noinline int given_param(__u32 slot_index, __u64 pointer)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return GIVEN_PARAMS;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u32 found = GIVEN_PARAMS;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < GIVEN_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		/* The source of a mount, say, is no file's name to the kernel. */
		if (row->params[i].kind != KIND_STR ||
		    (row->family != FAMILY_PLAIN && i != row->path_param[0]) ||
		    value_of(s, row->params[i].src) != pointer)
			continue;
		found = i;
		if (!given_is_kept(given_key(i)))
			break;
	}
	return found;
}

/* Keeps the kernel's copy of a name for the slot's call, whose arguments stand there. */
__noinline int given_keep(__u32 slot_index, __u64 copy)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u64 pointer = (__u64)READ(filename, copy, uptr);
	if (!pointer)
		return 0;
	__u32 param = given_param(slot_index, pointer);
	if (param >= GIVEN_PARAMS)
		return 0;
	struct given_long *kept = (struct given_long *)s->data;
	long size =
	    bpf_probe_read_kernel_str(kept->text, RECORD_PATH_MAX, READ(filename, copy, name));
	if (size <= 0)
		return 0;
	__u64 key = given_key(param);
	kept->name.pointer = pointer;
	kept->name.nr = s->nr;
	kept->name.size = size;
	kept->name.reserved = 0;
	if (size <= GIVEN_SHORT) {
		bpf_map_delete_elem(&given_long, &key);
		bpf_map_update_elem(&given_short, &key, kept, BPF_ANY);
	} else {
		bpf_map_delete_elem(&given_short, &key);
		bpf_map_update_elem(&given_long, &key, kept, BPF_ANY);
	}
	return 0;
}

static __always_inline __u32 given_append(struct slot *s, const struct given_name *name,
					  const char *text, __u32 limit, __u64 pointer)
{
	__u32 pos = s->pos, size = name->size;

	if (name->nr != s->nr || name->pointer != pointer)
		return 0;
	BOUND(pos);
	BOUND(size);
	if (pos > PROBE_POS_LIMIT || size > limit)
		return 0;
	bpf_probe_read_kernel(s->data + pos, size, text);
	s->pos = pos + size;
	return size;
}

/* Appends the name of a parameter as it was kept; answers its bytes, 0: none was. */
__noinline int given_take(__u32 slot_index, __u32 param)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s || param >= GIVEN_PARAMS)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u64 pointer = value_of(s, row->params[param].src), key = given_key(param);
	__s64 ret = s->values[SOURCE_RET];
	struct given_short *brief = bpf_map_lookup_elem(&given_short, &key);
	__u32 size = 0;

	/* Then there was no copy, and what was kept is of a call before. */
	bool is_mine = ret != -EFAULT_ && ret != -ENAMETOOLONG_;
	if (brief) {
		if (is_mine)
			size = given_append(s, &brief->name, brief->text, GIVEN_SHORT, pointer);
		bpf_map_delete_elem(&given_short, &key);
		return size;
	}
	struct given_long *full = bpf_map_lookup_elem(&given_long, &key);
	if (!full)
		return 0;
	if (is_mine)
		size = given_append(s, &full->name, full->text, RECORD_PATH_MAX, pointer);
	bpf_map_delete_elem(&given_long, &key);
	return size;
}

/* Of a call whose end is not told, and of a thread that ends. */
__noinline int given_forget(void)
{
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < GIVEN_PARAMS; i++) {
		__u64 key = given_key(i);
		bpf_map_delete_elem(&given_short, &key);
		bpf_map_delete_elem(&given_long, &key);
	}
	return 0;
}

#endif

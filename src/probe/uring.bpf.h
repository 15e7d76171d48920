/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * io_uring: what it does for a process without a system call, told as the call that it stands for.
 *
 * Two tracepoints. When a request is taken from the ring, the kernel has copied what it was asked
 * for: names, flags, addresses. That is kept by the request's address, in the form of the call's
 * arguments, because nothing of it may be left when the request completes. The completion brings
 * the result and, in the request, the file that it worked on; there the event is made, by the same
 * rows of the table as the call's. Who did it is who submitted the request, whoever runs this: a
 * worker, the kernel's polling thread, or the task itself.
 *
 * User memory is read only where the memory at hand is the submitter's.
 */
#ifndef SAKER_PROBE_URING_BPF_H
#define SAKER_PROBE_URING_BPF_H

#include "probe/uring_asked.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, URING_REQUESTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct uring_request);
} uring_requests SEC(".maps");

/*
 * Names as the kernel has them, by the request's address; second ones have a map of their own. What
 * the kernel takes their memory from has a few elements at a time; where it preempts everything the
 * loader makes these maps with all their memory (configure_uring_maps).
 */
struct uring_name {
	char text[RECORD_PATH_MAX];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, URING_NAMES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct uring_name);
} uring_names SEC(".maps"), uring_second_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, FAMILY_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} uring_families SEC(".maps");

static __always_inline const char *name_of(__u64 filename)
{
	return READ(filename, filename, name);
}

static __always_inline bool name_keep(void *map, struct slot *s, __u64 request, const char *text)
{
	if (bpf_probe_read_kernel_str(s->path, RECORD_PATH_MAX, text) <= 0)
		s->path[0] = 0;
	return !bpf_map_update_elem(map, &request, s->path, BPF_ANY);
}

/* Requests that complete more than once, by what their completions bear. */
struct uring_mark {
	__u64 ring, user_data;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, URING_REPEATED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct uring_mark);
	__type(value, __u64);
} uring_repeated SEC(".maps");

/* Where a kernel keeps it in bits that have no fixed place, any may. */
static __always_inline bool completes_often(__u64 request, __u8 opcode)
{
	switch (opcode) {
	case OP_ACCEPT:
		return !bpf_core_field_exists(struct io_accept, iou_flags) ||
		       ASKED(io_accept, request, iou_flags) & ACCEPT_MULTISHOT;
	case OP_RECV:
	case OP_RECVMSG:
	case OP_RECV_ZC:
		return !bpf_core_field_exists(struct io_sr_msg, flags) ||
		       ASKED(io_sr_msg, request, flags) & RECV_MULTISHOT;
	default:
		return opcode == OP_READ_MULTISHOT;
	}
}

/* Hands a request over to the program that makes its event. */
static __always_inline void request_tell(void *ctx, __u64 request, __s64 ret, __u16 nr, __u32 how)
{
	struct slot *s = slot_claim();

	if (!s) {
		count_drop(bpf_get_smp_processor_id(), collect_rows[INDEX(nr, PROBE_SYSCALLS)].code,
			   DROP_NESTED);
		return;
	}
	s->request = request;
	s->request_how = how;
	s->values[SOURCE_RET] = ret;
	bpf_tail_call(ctx, &uring_families, FAMILY_PLAIN);
	count_drop(s->cpu, collect_rows[INDEX(nr, PROBE_SYSCALLS)].code, DROP_COLLECTOR);
	slot_release(s);
}

/* A request is taken from the ring. */
static __always_inline int request_submitted(void *ctx, __u64 request)
{
	__u8 opcode = READ(io_kiocb, request, opcode);
	__u32 flags = READ(io_kiocb, request, flags);
	struct asked_names names = {0};
	struct uring_request q;

	__builtin_memset(&q, 0, sizeof(q));
	q.name_at[0] = q.name_at[1] = q.address_at = COLLECT_NONE;
	q.has_file = 1;
	q.fd = READ(io_kiocb, request, cqe.fd);
	if (flags & REQUEST_FIXED_FILE) {
		q.registered = q.fd;
		q.is_registered = 1;
		q.fd = -1;
	}
	__u32 nr = asked(&q, request, opcode, &names);
	BOUND(nr);
	if (nr >= PROBE_SYSCALLS || !(wants[INDEX(nr, PROBE_SYSCALLS)] & WANT_RULES))
		return 0;
	q.nr = nr;
	q.task = request_task(request);
	if (READ(task_struct, q.task, tgid) == own_tgid)
		return 0;
	q.ring = (__u64)READ(io_kiocb, request, ctx);
	q.user_data = READ(io_kiocb, request, cqe.user_data);
	bool is_kept = true;
	/* Asked of what is a number: a pointer may not be or-ed with another. */
	if (q.name_at[0] != COLLECT_NONE) {
		struct slot *s = slot_claim();
		is_kept = s != NULL;
		if (s) {
			const char *second = names.second  ? name_of(names.second)
					     : names.first ? (const char *)names.text
							   : NULL;

			is_kept = name_keep(&uring_names, s, request,
					    names.first ? name_of(names.first)
							: (const char *)names.text);
			if (second)
				is_kept =
				    name_keep(&uring_second_names, s, request, second) && is_kept;
			slot_release(s);
		}
	}
	if (completes_often(request, opcode)) {
		struct uring_mark mark = {q.ring, q.user_data};
		is_kept =
		    !bpf_map_update_elem(&uring_repeated, &mark, &request, BPF_ANY) && is_kept;
		q.is_repeated = 1;
	}
	if (bpf_map_update_elem(&uring_requests, &request, &q, BPF_ANY) || !is_kept) {
		count_drop(bpf_get_smp_processor_id(), collect_rows[INDEX(nr, PROBE_SYSCALLS)].code,
			   DROP_REQUESTS);
		if (names.first)
			bpf_map_delete_elem(&uring_names, &request);
		if (names.second)
			bpf_map_delete_elem(&uring_second_names, &request);
		return 0;
	}
	/* Of a success nothing will be heard any more. */
	if (flags & REQUEST_SKIPS_SUCCESS)
		request_tell(ctx, request, 0, nr, REQUEST_IS_TOLD_EARLY | REQUEST_ENDS);
	return 0;
}

SEC("raw_tp/io_uring_submit_req")
int uring_submitted(__u64 *ctx)
{
	return request_submitted(ctx, ctx[0]);
}

/* Whether the tracepoint of completions gives what is posted as a structure. */
const volatile bool uring_posts_structure;

SEC("raw_tp/io_uring_complete")
int uring_completed(__u64 *ctx)
{
	__u64 request = ctx[1];
	struct uring_request *q;

	if (request) {
		q = bpf_map_lookup_elem(&uring_requests, &request);
		if (q)
			request_tell(ctx, request, (__s64)READ(io_kiocb, request, cqe.res), q->nr,
				     REQUEST_ENDS);
		return 0;
	}
	/* One of several completions. */
	struct uring_mark mark = {ctx[0], ctx[2]};
	__s64 ret;
	if (uring_posts_structure) {
		mark.user_data = READ(io_uring_cqe, ctx[2], user_data);
		ret = READ(io_uring_cqe, ctx[2], res);
	} else {
		ret = (__s32)ctx[3];
	}
	__u64 *found = bpf_map_lookup_elem(&uring_repeated, &mark);
	if (!found)
		return 0;
	request = *found;
	q = bpf_map_lookup_elem(&uring_requests, &request);
	if (q && q->ring == mark.ring && q->user_data == mark.user_data)
		request_tell(ctx, request, ret, q->nr, 0);
	return 0;
}

#ifndef PROBE_WITHOUT_LOOP
struct uring_search {
	__u64 ring, user_data;
	__s64 ret;
	__u64 found;
	__u32 how;
	__u16 nr;
};

static long uring_search_step(void *map, __u64 *request, struct uring_request *q,
			      struct uring_search *search)
{
	if (q->ring != search->ring || q->user_data != search->user_data)
		return 0;
	/* What is posted was put into the request before, but where there is more to come. */
	__u64 candidate = *request;
	bool is_result = READ(io_kiocb, candidate, cqe.res) == search->ret;
	if (!is_result && !q->is_repeated)
		return 0;
	search->found = candidate;
	search->nr = q->nr;
	search->how = q->is_repeated ? 0 : REQUEST_ENDS;
	return is_result;
}

/* A completion for which the ring had no room: it tells not whose it is. */
SEC("raw_tp/io_uring_cqe_overflow")
int uring_overflowed(__u64 *ctx)
{
	struct uring_search search = {
	    .ring = ctx[0], .user_data = ctx[1], .ret = (__s32)ctx[2], .found = 0};

	bpf_for_each_map_elem(&uring_requests, uring_search_step, &search, 0);
	if (search.found)
		request_tell(ctx, search.found, search.ret, search.nr, search.how);
	return 0;
}
#else
SEC("raw_tp/io_uring_cqe_overflow")
int uring_overflowed(__u64 *ctx)
{
	return 0;
}
#endif

/* As call_begin, in the slot that request_tell has claimed. */
static __always_inline void request_begin(struct slot *s, const struct uring_request *q,
					  const struct collect_row *row)
{
	struct task_struct *task = task_at(q->task);
	__u64 request = s->request;
	__s64 ret = s->values[SOURCE_RET];

	s->ts = bpf_ktime_get_boot_ns();
	s->is_critical = row->flags & (ROW_CRITICAL | ROW_IMPORTANT);
	record_start(s, row->code, row->nparams, q->nr, ret, HAS_RDONLY_CAST, task, task);
	s->flags |= RECORD_IO_URING;
	s->facts = facts_wanted[INDEX(q->nr, PROBE_SYSCALLS)];
	bool has_memory = (__u64)READ(task_struct, q->task, mm) ==
			  (__u64)READ(task_struct, bpf_get_current_task(), mm);
#pragma clang loop unroll(full)
	for (int i = 0; i < 6; i++)
		s->values[i] = !has_memory && q->memory & 1 << i ? 0 : q->values[i];
	s->values[SOURCE_ZERO] = 0;
	s->values[SOURCE_MEM64] = q->how[0];
	s->values[SOURCE_MEM64 + 1] = q->how[1];
	s->values[SOURCE_MEM64 + 2] = q->how[2];
	bool is_early = s->request_how & REQUEST_IS_TOLD_EARLY;
	if (q->nr == CALL_pipe2)
		fetch_structure(s, row, false, has_memory && !is_early ? ret : -1);
	if (q->has_file) {
		s->request_fd = q->fd;
		if (!is_early)
			s->request_file = (__u64)READ(io_kiocb, request, file);
		else if (q->is_registered)
			s->request_file = registered_file(q->ring, q->registered);
	}
	if (is_early && row->fd_src == SOURCE_RET) {
		/* The new descriptor is not known. */
		s->facts &= ~(FACT_FD | FACT_FD_PATH);
		return;
	}
	if (ret >= 0 && q->target) {
		s->file =
		    registered_file(q->ring, q->target == SLOT_ANY ? (__u32)ret : q->target - 1);
	} else if (ret >= 0 && row->flags & ROW_OPENS) {
		s->file = file_of_fd(HAS_RDONLY_CAST, task, ret);
	}
}

static __always_inline void request_names(struct slot *s, const struct uring_request *q,
					  __u64 request)
{
	struct uring_name *name;

	if (q->name_at[0] == COLLECT_NONE)
		return;
	name = bpf_map_lookup_elem(&uring_names, &request);
	s->values[q->name_at[0] & 7] = (__u64)name;
	if (q->name_at[1] == COLLECT_NONE)
		return;
	name = bpf_map_lookup_elem(&uring_second_names, &request);
	s->values[q->name_at[1] & 7] = (__u64)name;
}

static __always_inline void request_forget(const struct uring_request *q, __u64 request)
{
	struct uring_mark mark = {q->ring, q->user_data};

	if (q->name_at[0] != COLLECT_NONE)
		bpf_map_delete_elem(&uring_names, &request);
	if (q->name_at[1] != COLLECT_NONE)
		bpf_map_delete_elem(&uring_second_names, &request);
	if (q->is_repeated)
		bpf_map_delete_elem(&uring_repeated, &mark);
	bpf_map_delete_elem(&uring_requests, &request);
}

SEC("raw_tp")
int uring_collect(__u64 *ctx)
{
	struct slot *s = slot_find();
	if (!s)
		return 0;
	__u64 request = s->request;
	__s64 ret = s->values[SOURCE_RET];
	bool ends = s->request_how & REQUEST_ENDS;
	struct uring_request *q = bpf_map_lookup_elem(&uring_requests, &request);
	if (!q) {
		slot_release(s);
		return 0;
	}
	if (ret < 0 && drop_failed && ret != -EINPROGRESS_) {
		if (ends)
			request_forget(q, request);
		slot_release(s);
		return 0;
	}
	const struct collect_row *row = &collect_rows[INDEX(q->nr, PROBE_SYSCALLS)];
	request_begin(s, q, row);
	request_names(s, q, request);
	if (q->address_at != COLLECT_NONE)
		s->values[q->address_at & 7] = (__u64)q->address;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PROBE_ROW_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		__u8 kind = row->params[i].kind;
		if (kind < KIND_PLAIN_END)
			collect_plain(s->index, i);
		else if (kind < KIND_NET_END)
			collect_net(s->index, i);
		else
			put_empty(s, i);
	}
	if (ends)
		request_forget(q, request);
	/* Of a failed open no other name is looked for, as of the call. */
	if (row->flags & ROW_OPENS && ret < 0)
		call_end(s, row);
	else
		call_end_named(ctx, &uring_families, s, row);
	return 0;
}

SEC("raw_tp")
int uring_resolve_names(__u64 *ctx)
{
	return names_end();
}

#endif

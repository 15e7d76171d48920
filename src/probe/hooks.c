/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks.h"

#include "base/cleanup.h"
#include "probe/load.h"
#include "probe/tracepoint.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "collect_table.h"

enum { CALLS_MAX = 4, CHANGE_CALLS_MAX = 6, CHANGES_AT_ONCE = 1024 };

/* A program is named after its hook, and its section after the function. */
static const struct hook_row {
	const char *function, *program;
	const char *calls[CALLS_MAX];
} table[HOOK_COUNT] = {
    [HOOK_UNLINK] = {"security_path_unlink", "hook_unlink", {"unlink", "unlinkat"}},
    [HOOK_RMDIR] = {"security_path_rmdir", "hook_rmdir", {"rmdir", "unlinkat"}},
    [HOOK_MKDIR] = {"security_path_mkdir", "hook_mkdir", {"mkdir", "mkdirat"}},
    [HOOK_MKNOD] = {"security_path_mknod", "hook_mknod", {"mknod", "mknodat"}},
    [HOOK_RENAME] = {"security_path_rename", "hook_rename", {"rename", "renameat", "renameat2"}},
    [HOOK_LINK] = {"security_path_link", "hook_link", {"link", "linkat"}},
    [HOOK_SYMLINK] = {"security_path_symlink", "hook_symlink", {"symlink", "symlinkat"}},
    [HOOK_CHMOD] = {"security_path_chmod", "hook_chmod", {"chmod", "fchmodat", "fchmodat2"}},
    [HOOK_CHOWN] = {"security_path_chown", "hook_chown", {"chown", "lchown", "fchownat"}},
    [HOOK_CHROOT] = {"security_path_chroot", "hook_chroot", {"chroot"}},
    [HOOK_MOUNT] = {"security_sb_mount", "hook_mount", {"mount"}},
    [HOOK_UMOUNT] = {"security_sb_umount", "hook_umount", {"umount", "umount2"}},
    [HOOK_STAT] = {"security_inode_getattr", "hook_stat", {"stat", "lstat", "newfstatat", "statx"}},
    [HOOK_TRUNCATE] = {"security_path_truncate", "hook_truncate", {"truncate"}},
    [HOOK_MOVE_MOUNT] = {"security_move_mount", "hook_move_mount", {"move_mount"}},
    [HOOK_PIVOT_ROOT] = {"security_sb_pivotroot", "hook_pivot_root", {"pivot_root"}},
    [HOOK_REBOOT] = {"blocking_notifier_call_chain", "hook_reboot", {"reboot"}},
    /* Of all calls that have names: see is_given. */
    [HOOK_COPY] = {"putname", "hook_given", {NULL}},
};

/* What calls do to inodes: see enum probe_hook. */
static const struct change_row {
	enum probe_hook kind;
	bool is_looking; /* at an inode's times; all others set them */
	const char *calls[CHANGE_CALLS_MAX];
} changes[] = {
    {CHANGE_REMOVES, false, {"unlink", "unlinkat", "rmdir"}},
    {CHANGE_MOVES, false, {"rename", "renameat", "renameat2"}},
    {CHANGE_MAKES, false, {"mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat"}},
    {CHANGE_LINKS, false, {"link", "linkat"}},
    {CHANGE_AT, false, {"chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat"}},
    {CHANGE_AT, false, {"truncate", "utime", "utimes", "futimesat", "utimensat", "file_setattr"}},
    {CHANGE_AT, false, {"setxattr", "lsetxattr", "setxattrat"}},
    {CHANGE_AT, false, {"removexattr", "lremovexattr", "removexattrat"}},
    {CHANGE_AT, true, {"stat", "lstat", "newfstatat", "statx"}},
};

/* The last one is told of looks. */
static const char *const change_tracepoints[CHANGE_TRACEPOINTS] = {
    "inode_set_ctime_to_ts",
    "ctime_ns_xchg",
    "ctime_xchg_skip",
    "fill_mg_cmtime",
};
#define CHANGE_PROGRAM "change_told"

/* A program that does nothing there: its descriptor, or a negative errno. */
static int load_nothing(int type_id)
{
	const struct bpf_insn nothing[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	    {.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = (__u32)type_id);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "hook_try", "GPL", nothing,
			     sizeof(nothing) / sizeof(*nothing), &options);
}

/* Some functions have arguments that no program can be given: structures, before 6.1. */
void hooks_look(struct hooks *h, const void *btf, size_t size)
{
	const char *names[HOOK_COUNT];

	for (size_t i = 0; i < HOOK_COUNT; i++)
		names[i] = table[i].function;
	kernel_functions(btf, size, names, h->functions, HOOK_COUNT);
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		if (!h->functions[i])
			continue;

		CLEANUP_CLOSE int program = load_nothing(h->functions[i]);

		h->can_be_used |= program >= 0;
		if (program < 0) {
			h->functions[i] = 0;
			h->refusal = -program;
		}
	}
	h->has_changes = true;
	for (size_t i = 0; i < CHANGE_TRACEPOINTS; i++)
		h->has_changes &= tracepoint_arguments(btf, size, change_tracepoints[i]) > 0;
}

bool hooks_have_names(const struct hooks *h)
{
	return h->can_be_used && h->functions[HOOK_COPY];
}

void hooks_prepare(const struct hooks *h, struct bpf_object *object, struct load *load)
{
	/* From a change to the call's end it is not long. */
	const struct {
		const char *map;
		uint32_t entries; /* 0: as many as it was made for */
	} rooms[] = {
	    {"changed", h->has_changes ? CHANGES_AT_ONCE : 1},
	    {"hooked_short", h->can_be_used   ? 0
			     : h->has_changes ? CHANGES_AT_ONCE
					      : 1},
	    {"given_short", hooks_have_names(h) ? 0 : 1},
	};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
		if (rooms[i].entries)
			bpf_map__set_max_entries(bpf_object__find_map_by_name(object, rooms[i].map),
						 rooms[i].entries);
	bpf_program__set_autoload(bpf_object__find_program_by_name(object, CHANGE_PROGRAM),
				  h->has_changes);
	for (size_t i = 0; i < HOOK_COUNT; i++) {
		struct bpf_program *program =
		    bpf_object__find_program_by_name(object, table[i].program);
		bool is_loaded = h->can_be_used && h->functions[i];

		bpf_program__set_autoload(program, is_loaded);
		if (is_loaded)
			load_set_function(load, program, (uint32_t)h->functions[i]);
	}
}

void hooks_give_up(struct hooks *h, int refusal)
{
	h->can_be_used = false;
	h->refusal = refusal;
}

static bool is_among(const char *const *calls, size_t room, const char *call)
{
	for (size_t i = 0; i < room && calls[i]; i++)
		if (strcmp(calls[i], call) == 0)
			return true;
	return false;
}

/* Whether the kernel makes a copy of some text that the call is given, as of file names. */
static bool is_given(uint16_t nr)
{
	const struct collect_row *row = &collect_rows[nr];

	if (row->flags & (ROW_UNUSED | ROW_OPENS))
		return false;
	for (size_t i = 0; i < row->nparams && i < PROBE_ROW_PARAMS; i++)
		if (row->params[i].kind == KIND_STR)
			return true;
	return false;
}

static void attach(struct hooks *h, size_t i, struct bpf_object *object)
{
	h->links[i] =
	    bpf_program__attach_trace(bpf_object__find_program_by_name(object, table[i].program));
	/* One that cannot be where others are: its names are followed. */
	if (!h->links[i]) {
		h->functions[i] = 0;
		h->refusal = errno;
	}
}

static bool is_any_attached(const struct hooks *h)
{
	for (size_t i = 0; i < HOOK_COUNT; i++)
		if (h->links[i])
			return true;
	return false;
}

static const struct change_row *change_of(const char *call)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		if (is_among(changes[i].calls, CHANGE_CALLS_MAX, call))
			return &changes[i];
	return NULL;
}

/* Attaches, once, those that tell of changes, or of looks. */
static bool attach_changes(struct hooks *h, struct bpf_object *object, bool is_looking)
{
	const struct bpf_program *program =
	    bpf_object__find_program_by_name(object, CHANGE_PROGRAM);
	size_t looks = CHANGE_TRACEPOINTS - 1;

	for (size_t i = is_looking ? looks : 0; i < (is_looking ? looks + 1 : looks); i++) {
		if (!h->changes[i])
			h->changes[i] =
			    bpf_program__attach_raw_tracepoint(program, change_tracepoints[i]);
		if (!h->changes[i])
			return false;
	}
	return true;
}

bool hooks_want(struct hooks *h, struct bpf_object *object, const struct probe_wants *wants,
		uint32_t hooked[PROBE_SYSCALLS])
{
	uint32_t of_call[PROBE_SYSCALLS] = {0};
	unsigned wanted = 0, attached = 0, any = 0;

	for (uint16_t nr = 0; h->can_be_used && nr < PROBE_SYSCALLS; nr++) {
		const struct syscall_schema *call = syscall_schema_get(nr);

		if (!call || !wants->wanted[nr])
			continue;
		if (h->functions[HOOK_COPY] && is_given(nr))
			of_call[nr] |= 1u << HOOK_COPY;
		for (size_t i = 0; i < HOOK_COUNT; i++)
			if (h->functions[i] && is_among(table[i].calls, CALLS_MAX, call->name) &&
			    (i == HOOK_REBOOT || wants->facts[nr] & FACT_RESOLVED_PATH))
				of_call[nr] |= 1u << i;
		wanted |= of_call[nr];
	}
	for (size_t i = 0; i < HOOK_COUNT && h->can_be_used; i++) {
		if (wanted >> i & 1 && !h->links[i])
			attach(h, i, object);
		attached |= h->links[i] ? 1u << i : 0;
		/* Where the first cannot be, none can. */
		h->can_be_used = h->links[i] || !(wanted >> i & 1) || attached;
	}
	for (uint16_t nr = 0; nr < PROBE_SYSCALLS; nr++) {
		const struct syscall_schema *call = syscall_schema_get(nr);
		const struct change_row *change = call ? change_of(call->name) : NULL;
		uint32_t bits = of_call[nr] & attached;

		if (!(bits & ~(1u << HOOK_COPY)) && change && h->has_changes && wants->wanted[nr] &&
		    wants->facts[nr] & FACT_RESOLVED_PATH &&
		    attach_changes(h, object, change->is_looking))
			bits |= 1u << change->kind;
		any |= bits;
		__atomic_store_n(&hooked[nr], bits, __ATOMIC_RELAXED);
	}
	return any;
}

bool hooks_work(struct hooks *h)
{
	for (size_t i = 0; h->can_be_used && !is_any_attached(h) && i < HOOK_COUNT; i++) {
		if (!h->functions[i])
			continue;

		CLEANUP_CLOSE int program = load_nothing(h->functions[i]);
		CLEANUP_CLOSE int link =
		    program < 0 ? program : bpf_raw_tracepoint_open(NULL, program);

		if (link < 0)
			hooks_give_up(h, -link);
		break;
	}
	return h->can_be_used;
}

size_t hooks_attached(const struct hooks *h, const char **names, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < HOOK_COUNT; i++) {
		if (!h->links[i])
			continue;
		if (count < room)
			names[count] = table[i].function;
		count++;
	}
	for (size_t i = 0; i < CHANGE_TRACEPOINTS; i++) {
		if (!h->changes[i])
			continue;
		if (count < room)
			names[count] = change_tracepoints[i];
		count++;
	}
	return count;
}

void hooks_close(struct hooks *h)
{
	for (size_t i = 0; i < HOOK_COUNT; i++)
		bpf_link__destroy(h->links[i]);
	for (size_t i = 0; i < CHANGE_TRACEPOINTS; i++)
		bpf_link__destroy(h->changes[i]);
}

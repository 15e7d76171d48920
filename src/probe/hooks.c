/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks.h"

#include "base/cleanup.h"
#include "probe/load.h"
#include "probe/tracepoint.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

enum { CALLS_MAX = 4 };

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
};

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
}

void hooks_prepare(const struct hooks *h, struct bpf_object *object, struct load *load)
{
	if (!h->can_be_used)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "hooked_short"), 1);
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

static bool is_of_call(const struct hook_row *row, const char *call)
{
	for (size_t i = 0; i < CALLS_MAX && row->calls[i]; i++)
		if (strcmp(row->calls[i], call) == 0)
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
	return hooks_attached(h, NULL, 0) > 0;
}

bool hooks_want(struct hooks *h, struct bpf_object *object, const struct probe_wants *wants,
		uint16_t hooked[PROBE_SYSCALLS])
{
	uint16_t of_call[PROBE_SYSCALLS] = {0};
	unsigned wanted = 0, attached = 0;

	for (uint16_t nr = 0; h->can_be_used && nr < PROBE_SYSCALLS; nr++) {
		const struct syscall_schema *call = syscall_schema_get(nr);

		if (!call || !wants->wanted[nr] || !(wants->facts[nr] & FACT_RESOLVED_PATH))
			continue;
		for (size_t i = 0; i < HOOK_COUNT; i++)
			if (h->functions[i] && is_of_call(&table[i], call->name))
				of_call[nr] |= (uint16_t)(1u << i);
		wanted |= of_call[nr];
	}
	for (size_t i = 0; i < HOOK_COUNT && h->can_be_used; i++) {
		if (wanted >> i & 1 && !h->links[i])
			attach(h, i, object);
		attached |= h->links[i] ? 1u << i : 0;
		/* Where the first cannot be, none can. */
		h->can_be_used = h->links[i] || !(wanted >> i & 1) || attached;
	}
	for (int nr = 0; nr < PROBE_SYSCALLS; nr++)
		__atomic_store_n(&hooked[nr], (uint16_t)(of_call[nr] & attached), __ATOMIC_RELAXED);
	return attached;
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
	return count;
}

void hooks_close(struct hooks *h)
{
	for (size_t i = 0; i < HOOK_COUNT; i++)
		bpf_link__destroy(h->links[i]);
}

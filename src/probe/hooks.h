/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: programs at functions of the kernel that are told, within a call, which file its name has
 * led to (src/probe/hooks.bpf.h). Whether programs can be there depends on the kernel: how it was
 * built, for which processor, and whether it lets anybody. So that is tried, and where they cannot
 * be, tracepoints that name the inodes which a call changes serve in their place, or names are
 * followed after the call; nothing is an error.
 *
 * Belongs to the thread of its probe.
 */
#ifndef SAKER_PROBE_HOOKS_H
#define SAKER_PROBE_HOOKS_H

#include "probe/probe.h"
#include "probe/shared.h"

#include <stdbool.h>

struct bpf_link;
struct bpf_object;
struct load;

enum { CHANGE_TRACEPOINTS = 4 };

struct hooks {
	bool can_be_used;          /* programs were loaded; that they can be attached shows then */
	int refusal;               /* errno of why not, 0: the kernel has no such functions */
	int functions[HOOK_COUNT]; /* type ids in the kernel's BTF; 0: none that can be used */
	struct bpf_link *links[HOOK_COUNT];
	bool has_changes; /* tracepoints say which inodes a call changes (changes.bpf.h) */
	struct bpf_link *changes[CHANGE_TRACEPOINTS];
};

/* What begins the names of all their programs. */
#define HOOKS_PREFIX "hook_"
#define CHANGES_PREFIX "change_"

/* Looks for the functions; btf is the content of /sys/kernel/btf/vmlinux. */
void hooks_look(struct hooks *h, const void *btf, size_t size);

/* Before the object is loaded: chooses its programs, and says what they are for. */
void hooks_prepare(const struct hooks *h, struct bpf_object *object, struct load *load);

/* Whether the kernel may say what names calls are given. */
bool hooks_have_names(const struct hooks *h);

/* When the object is loaded: some program was refused. */
void hooks_give_up(struct hooks *h, int refusal);

/*
 * Attaches those that the calls ask for, and fills `hooked`, by number of the call, as the programs
 * read it. What is attached stays so until the end: to detach one takes kernels a tenth of a
 * second, in which nobody would read the rings. False: none is attached.
 */
bool hooks_want(struct hooks *h, struct bpf_object *object, const struct probe_wants *wants,
		uint32_t hooked[PROBE_SYSCALLS]);

/* Whether one is attached, or can be: tries. */
bool hooks_work(struct hooks *h);

/* The function or tracepoint of each that is attached. */
size_t hooks_attached(const struct hooks *h, const char **names, size_t room);

void hooks_close(struct hooks *h);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/wants.h"

#include "app/discards.h"
#include "base/bitset.h"

/*
 * Calls that change what is remembered of a process and that no later record of the process tells
 * (ids, names and groups are in every record): programs, parents and working directories.
 */
static const char *const state_syscalls[] = {
    "clone", "clone3", "fork", "vfork", "execve", "execveat", "chdir", "fchdir", "chroot",
};

static bool is_kind_wanted(const struct plan_needs *needs, const char *name)
{
	int kind = event_kind_by_name(str_from(name));

	return kind >= 0 && bitset_has(needs->kinds, (size_t)kind);
}

static bool set_by_name(struct probe_wants *wants, const char *name, uint8_t wanted)
{
	bool is_known = false;

	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		if (!s || strcmp(s->name, name) != 0)
			continue;
		wants->wanted[nr] = wanted;
		is_known = true;
	}
	return is_known;
}

size_t wants_count(const struct probe_wants *wants)
{
	size_t count = 0;

	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++)
		count += wants->wanted[nr];
	return count;
}

void wants_add(struct probe_wants *wants, const struct probe_wants *more)
{
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		wants->wanted[nr] |= more->wanted[nr];
		wants->facts[nr] |= more->facts[nr];
	}
	/* What one discards the other may want. */
	discards_none(wants);
	wants->page_faults |= more->page_faults;
	wants->switches |= more->switches;
	wants->signals |= more->signals;
	wants->exits |= more->exits;
}

size_t wants_of_plan(const struct plan_needs *needs, const struct config *config,
		     void (*unknown)(const char *name), struct probe_wants *wants)
{
	*wants = (struct probe_wants){0};
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		if (!s)
			continue;
		/* Code 1 is the generic event: nothing but the number. */
		wants->wanted[nr] = bitset_has(needs->kinds, s->kind) ||
				    (config->base_syscalls_all && s->code != 1);
		wants->facts[nr] = needs->facts[s->kind];
	}
	for (size_t i = 0; i < config->base_syscalls.count; i++) {
		const char *name = config->base_syscalls.items[i];
		bool is_left_out = *name == '!';

		if (!set_by_name(wants, name + is_left_out, !is_left_out) && unknown)
			unknown(name);
	}
	for (size_t i = 0; i < sizeof(state_syscalls) / sizeof(*state_syscalls); i++)
		set_by_name(wants, state_syscalls[i], 1);
	wants->page_faults = is_kind_wanted(needs, "page_fault");
	wants->switches = is_kind_wanted(needs, "switch");
	wants->signals = is_kind_wanted(needs, "signaldeliver");
	wants->exits = is_kind_wanted(needs, "procexit");
	return wants_count(wants);
}

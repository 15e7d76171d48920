/* SPDX-License-Identifier: Apache-2.0 */
#include "app/drop_groups.h"

#include "event/event.h"

#include <string.h>

enum { EVENTS_MOST = 24 };

static const struct {
	const char *name;
	const char *events[EVENTS_MOST];
} groups[DROP_GROUP_COUNT] = {
    {"clone_fork", {"clone", "clone3", "fork", "vfork"}},
    {"execve", {"execve", "execveat"}},
    {"connect", {"connect"}},
    {"open", {"open", "creat", "openat", "openat2", "open_by_handle_at"}},
    {"dir_file",
     {"dup",      "chmod",     "fchmod", "fchmodat", "chown",     "lchown", "fchown",  "fchownat",
      "link",     "linkat",    "mkdir",  "mkdirat",  "mount",     "umount", "umount2", "rename",
      "renameat", "renameat2", "rmdir",  "symlink",  "symlinkat", "unlink", "unlinkat"}},
    {"other_interest",
     {"bpf", "setpgid", "ptrace", "seccomp", "setns", "setresgid", "setresuid", "setsid", "unshare",
      "capset", "keyctl"}},
    {"close", {"close"}},
    {"proc", {"procexit"}},
};

const char *drop_group_name(size_t group)
{
	return groups[group].name;
}

static bool is_of_group(size_t group, const char *event)
{
	for (size_t i = 0; i < EVENTS_MOST && groups[group].events[i]; i++)
		if (strcmp(groups[group].events[i], event) == 0)
			return true;
	return false;
}

uint64_t drop_group_count(const struct probe *probe, size_t group)
{
	uint64_t sum = 0;

	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		if (schema && is_of_group(group, schema->name))
			sum += probe_drops_of(probe, code, DROP_RING_FULL);
	}
	return sum;
}

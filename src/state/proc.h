/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process as /proc/PID tells it (proc(5)). A handful of system calls; what a process that just
 * ended, or the lack of privilege, hides is left empty.
 */
#ifndef SAKER_STATE_PROC_H
#define SAKER_STATE_PROC_H

#include "base/error.h"
#include "state/proc_wait.h"
#include "state/process.h"
#include "state/table.h"

enum {
	PROC_TEXT_MAX = sizeof(((struct proc_told *)0)->cmdline)
}; /* of arguments, of environment; longer ones are cut */

struct proc_process {
	struct task_facts facts; /* start times in whole clock ticks; no exec_id, no cgroup_id, no
				    namespaces but pidns */
	struct program_strings strings;
	struct str cwd;
	struct str cgroups;
	uint64_t exe_ino, exe_ctime, exe_mtime;
	uint32_t exe_dev;
	uint32_t exe_flags;
	bool args_cut, env_cut;
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	uint64_t fdlimit;
	uint64_t vm_size_kb, vm_rss_kb, vm_swap_kb;
	uint64_t pgft_maj, pgft_min;
	uint32_t thread_count;

	/* The strings' bytes. */
	char cmdline[PROC_TEXT_MAX];
	char environ[PROC_TEXT_MAX];
	char cgroup_file[4096];
	char cgroup_text[4096 + 256];
	char exe_link[RECORD_PATH_MAX];
	char cwd_link[RECORD_PATH_MAX];
};

/* Opens host_root/proc: a directory's descriptor, or a negative errno. */
int proc_open(const char *host_root, struct error *err);
/*
 * 0, or a negative errno where there is no such process. is_own_proc: the pids in it are those that
 * this program's own system calls take, as they are not where the host's /proc is looked at from a
 * container. Never waits for the process itself: see state/proc_wait.h.
 */
int proc_read_process(int proc_fd, struct proc_wait *wait, bool is_own_proc, int32_t pid,
		      struct proc_process *out);
/* Arguments, environment and executed file alone. */
int proc_read_told(int proc_fd, struct proc_wait *wait, int32_t pid, struct proc_process *out);
/* The cgroups alone. */
int proc_read_cgroups(int proc_fd, int32_t pid, struct proc_process *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at /proc unasked by events: all processes at the start, and later, a few at a time, whether
 * those that are remembered still exist, in case their end was lost.
 */
#include "state/discover.h"
#include "state/proc.h"
#include "state/state_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void scan_process(struct state *s, int32_t pid)
{
	struct process *p = process_find(s->processes, pid, 0);

	if (p && !p->is_exited && !p->is_partial)
		return;
	if (!state_read_process(s, pid))
		return;
	const struct task_facts *f = &s->reading->facts;
	p = process_find(s->processes, pid, f->start_time);
	if (!p)
		p = state_add_process(s, f);
	if (!p || !state_add_thread(s, p, pid)) {
		if (p)
			process_remove_threads(s->processes, p, NULL);
		s->counters.table_full++;
		return;
	}
	state_take_proc(s, p, s->reading);
}

/* Parents have to be known before they are found: a second pass over what the first one added. */
static void scan_family(struct state *s, int32_t pid)
{
	struct process *p = process_find(s->processes, pid, 0);
	struct process *parent =
	    p && !p->parent ? process_find(s->processes, p->facts.ppid, 0) : NULL;

	if (!parent || parent == p)
		return;
	if (!p->facts.parent_start_time)
		p->facts.parent_start_time = parent->facts.start_time;
	process_find_parent(s->processes, p);
}

static void scan_pidns(struct state *s, int32_t pid)
{
	struct process *p = process_find(s->processes, pid, 0);

	if (p && !p->pidns_start_time)
		state_know_pidns(s, p);
}

static void for_each_pid(DIR *dir, struct state *s, void (*visit)(struct state *s, int32_t pid))
{
	struct dirent *entry;

	rewinddir(dir);
	while ((entry = readdir(dir))) {
		uint64_t pid;

		if (str_to_u64(str_from(entry->d_name), &pid) && pid > 0 && pid <= INT32_MAX)
			visit(s, (int32_t)pid);
	}
}

int state_scan_proc(struct state *s, struct error *err)
{
	int fd = s->proc_fd >= 0 ? openat(s->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir) {
		int code = s->proc_fd >= 0 ? -errno : -EBADF;

		if (fd >= 0)
			close(fd);
		return error_set(err, code, "cannot list processes: %s", strerror(-code));
	}
	for_each_pid(dir, s, scan_process);
	for_each_pid(dir, s, scan_family);
	for_each_pid(dir, s, scan_pidns);
	closedir(dir);
	return 0;
}

static void sweep_process(struct state *s, struct process *p, uint64_t now)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", p->facts.pid);
	if (p->is_exited)
		return;
	if (faccessat(s->proc_fd, name, F_OK, 0) == 0 || errno != ENOENT)
		p->missing_since = 0;
	else if (!p->missing_since)
		p->missing_since = now;
	else if (s->newest_event > p->missing_since)
		process_remove_threads(s->processes, p, NULL);
}

void state_sweep(struct state *s, uint32_t count, uint64_t now)
{
	if (s->replay)
		return;
	state_finish_exit(s);
	while (s->proc_fd >= 0 && count--) {
		struct process *p = process_next(s->processes, s->sweep_at);

		s->sweep_at = p ? (uint32_t)p->facts.pid + 1 : 0;
		if (!p)
			return;
		sweep_process(s, p, now);
	}
}

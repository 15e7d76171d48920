/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capture_lists.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "source/container_record.h"
#include "source/host_fds.h"
#include "state/proc.h"
#include "state/snapshot.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

struct lists {
	struct capture_writer *writer;
	struct host_fds *fds;
};

static uint64_t max_pid(const char *host_root)
{
	char path[512];
	unsigned long long n = 0;

	snprintf(path, sizeof(path), "%s/proc/sys/kernel/pid_max", host_root);
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	return f && fscanf(f, "%llu", &n) == 1 ? n : 0;
}

static void write_machine(struct capture_writer *w, const struct capture_host *host)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES),
	     page = sysconf(_SC_PAGESIZE);

	capture_write_machine(
	    w, &(struct capture_machine){
		   .cpu_count = cpus > 0 ? (uint32_t)cpus : 0,
		   .memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0,
		   .max_pid = max_pid(host->host_root),
		   .hostname = host->hostname,
		   .boot_time = host->boot_time,
	       });
}

static void write_interfaces(struct capture_writer *w)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct listed_interface out = {.name = str_from(i->ifa_name)};
		const void *address, *mask;

		if (!i->ifa_addr || !i->ifa_netmask)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			address =
			    &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
			mask =
			    &((const struct sockaddr_in *)(const void *)i->ifa_netmask)->sin_addr;
			out.size = 4;
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			address =
			    &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
			mask =
			    &((const struct sockaddr_in6 *)(const void *)i->ifa_netmask)->sin6_addr;
			out.size = 16;
		} else {
			continue;
		}
		memcpy(out.address, address, out.size);
		memcpy(out.netmask, mask, out.size);
		capture_write_interface(w, &out);
	}
	freeifaddrs(all);
}

static void write_user(void *context, const struct user *u)
{
	capture_write_user(context, u);
}

static void write_group(void *context, const struct group *g)
{
	capture_write_group(context, g);
}

static void write_snapshot(void *context, struct str bytes)
{
	capture_write_snapshot(context, bytes);
}

/* Without the slash that the state keeps behind it. */
static struct str directory(struct str cwd)
{
	return cwd.n > 1 && cwd.p[cwd.n - 1] == '/' ? str_slice(cwd, 0, cwd.n - 1) : cwd;
}

/* Bits of the clone_flags and execve_flags tables. */
enum { SCAP_CLONE_THREAD = 0x2000, SCAP_EXE_WRITABLE = 1 };

static void write_thread(struct capture_writer *w, const struct process *p, const struct thread *th)
{
	const struct program *program = p->program;
	const struct task_facts *f = &p->facts;
	bool is_main = !th || th->tid == f->pid;
	int32_t tid = th ? th->tid : f->pid;
	const char *comm = th ? th->comm : p->comm;

	capture_write_process(
	    w, &(struct listed_process){
		   .tid = tid,
		   .pid = f->pid,
		   .ptid = f->ppid,
		   .sid = f->sid,
		   .vpgid = f->vpgid,
		   .pgid = f->pgid,
		   /* Of threads in a namespace of their own only the main one's is remembered. */
		   .vtid = is_main || f->vpid != f->pid ? f->vpid : tid,
		   .vpid = f->vpid,
		   .comm = {comm, strnlen(comm, PROCESS_NAME_SIZE)},
		   .exe = program->exe,
		   .exepath = program->exepath,
		   .args = program->args,
		   .env = program->env,
		   .cwd = directory(p->cwd),
		   .cgroups = p->cgroups,
		   .root = STR("/"),
		   .fdlimit = p->fdlimit,
		   .flags = is_main ? 0 : SCAP_CLONE_THREAD,
		   .uid = f->uid,
		   .gid = f->gid,
		   .loginuid = f->loginuid,
		   .tty = f->tty,
		   .vm_size_kb = (uint32_t)p->vm_size_kb,
		   .vm_rss_kb = (uint32_t)p->vm_rss_kb,
		   .vm_swap_kb = (uint32_t)p->vm_swap_kb,
		   .pgft_maj = p->pgft_maj,
		   .pgft_min = p->pgft_min,
		   .cap_inheritable = p->cap_inheritable,
		   .cap_permitted = p->cap_permitted,
		   .cap_effective = p->cap_effective,
		   .exe_writable = program->exe_flags & SCAP_EXE_WRITABLE,
	       });
}

static void write_process(void *context, const struct process *p)
{
	struct lists *l = context;

	if (p->is_exited)
		return;
	/* The main one first: readers take the others' facts from it. */
	for (const struct thread *th = p->threads; th; th = th->next)
		if (th->tid == p->facts.pid)
			write_thread(l->writer, p, th);
	for (const struct thread *th = p->threads; th; th = th->next)
		if (th->tid != p->facts.pid)
			write_thread(l->writer, p, th);
}

static void write_fd(void *context, const struct listed_fd *fd)
{
	capture_write_fd(context, fd);
}

static void write_fds(void *context, const struct process *p)
{
	struct lists *l = context;

	/* An entry for a thread that is not listed makes Debian's sysdig refuse the file. */
	for (const struct thread *th = p->threads; th && !p->is_exited; th = th->next)
		if (th->tid == p->facts.pid)
			host_fds_visit(l->fds, p->facts.pid, write_fd, l->writer);
}

static void write_container(void *context, const struct container *c)
{
	struct record *r =
	    c->metadata == CONTAINER_ASKED ? NULL : container_record_new(c, clock_realtime_ns());

	if (r)
		capture_write_record(context, r, clock_realtime_ns(), true);
	free(r);
}

void capture_write_lists(struct capture_writer *w, struct state *state,
			 const struct user_table *users, const struct capture_host *host)
{
	CLEANUP_CLOSE int proc_fd = proc_open(host->host_root, NULL);
	struct lists lists = {.writer = w, .fds = host_fds_new(proc_fd)};

	capture_write_header(w);
	write_machine(w, host);
	write_interfaces(w);
	user_table_each_user(users, write_user, w);
	user_table_each_group(users, write_group, w);
	state_save(state, write_snapshot, w);
	state_each_process(state, write_process, &lists);
	if (lists.fds && proc_fd >= 0)
		state_each_process(state, write_fds, &lists);
	host_fds_free(lists.fds);
	container_set_each(state_containers(state), write_container, w);
}

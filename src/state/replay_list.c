/* SPDX-License-Identifier: Apache-2.0 */
/* What a capture lists at its start: processes, descriptors, addresses. */
#include "event/address.h"
#include "state/path.h"
#include "state/replay_fd.h"
#include "state/replay_process.h"

/* Bits of the execve_flags table. */
enum { EXE_WRITABLE = 1, EXE_UPPER_LAYER = 2, EXE_FROM_MEMFD = 4, EXE_LOWER_LAYER = 8 };

/* Descriptors */

static const uint8_t listed_types[LISTED_FD_TYPE_COUNT] = {
    [LISTED_FD_UNKNOWN] = FD_UNKNOWN,
    [LISTED_FD_FILE] = FD_FILE,
    [LISTED_FD_DIRECTORY] = FD_DIRECTORY,
    [LISTED_FD_IPV4] = FD_IPV4,
    [LISTED_FD_IPV6] = FD_IPV6,
    [LISTED_FD_IPV4_SERVER] = FD_IPV4,
    [LISTED_FD_IPV6_SERVER] = FD_IPV6,
    [LISTED_FD_FIFO] = FD_PIPE,
    [LISTED_FD_UNIX] = FD_UNIX,
    [LISTED_FD_EVENT] = FD_EVENT,
    [LISTED_FD_UNSUPPORTED] = FD_OTHER,
    [LISTED_FD_SIGNALFD] = FD_SIGNALFD,
    [LISTED_FD_EVENTPOLL] = FD_EVENTPOLL,
    [LISTED_FD_INOTIFY] = FD_INOTIFY,
    [LISTED_FD_TIMERFD] = FD_TIMERFD,
    [LISTED_FD_NETLINK] = FD_NETLINK,
    [LISTED_FD_FILE_V2] = FD_FILE,
    [LISTED_FD_BPF] = FD_BPF,
    [LISTED_FD_USERFAULTFD] = FD_USERFAULTFD,
    [LISTED_FD_IO_URING] = FD_IO_URING,
    [LISTED_FD_MEMFD] = FD_MEMFD,
    [LISTED_FD_PIDFD] = FD_PIDFD,
};

static void print_ends(const struct fd_entry *fd, struct buffer *name)
{
	struct fd_ends ends = fd_entry_ends(fd);

	if (!fd->is_bound) {
		ip_endpoint_print(&ends.source, ends.source_port, name);
		buffer_put(name, STR("->"));
	}
	ip_endpoint_print(&ends.destination, ends.destination_port, name);
}

static struct ip_address ip(const uint8_t *bytes)
{
	struct ip_address a = {.size = 16};

	memcpy(a.bytes, bytes, 16);
	return a;
}

static void list_connection(struct state *s, struct fd_entry *fd, const struct listed_fd *l)
{
	union fd_socket *to = &fd->socket;
	struct ip_address local = ip(l->local), remote = ip(l->remote);
	size_t at = 0; /* of an IPv4 address */

	fd->is_connected = l->l4proto == FD_L4_TCP;
	if (fd->type == FD_IPV6) {
		if (!ip_address_is_mapped(&local) || !ip_address_is_mapped(&remote)) {
			memcpy(to->ipv6.source, l->local, 16);
			memcpy(to->ipv6.destination, l->remote, 16);
			to->ipv6.source_port = l->local_port;
			to->ipv6.destination_port = l->remote_port;
			to->ipv6.l4 = l->l4proto;
			return;
		}
		fd->type = FD_IPV4;
		at = 12;
	}
	memcpy(to->ipv4.source, l->local + at, 4);
	memcpy(to->ipv4.destination, l->remote + at, 4);
	to->ipv4.source_port = l->local_port;
	to->ipv4.destination_port = l->remote_port;
	to->ipv4.l4 = l->l4proto;
	replay_complete_ends(s->replay, fd);
}

static void list_bound(struct state *s, struct fd_entry *fd, const struct listed_fd *l)
{
	fd->is_bound = true;
	if (fd->type == FD_IPV4) {
		memcpy(fd->socket.ipv4_bound.ip, l->local, 4);
		fd->socket.ipv4_bound.port = l->local_port;
		fd->socket.ipv4_bound.l4 = l->l4proto;
	} else {
		memcpy(fd->socket.ipv6_bound.ip, l->local, 16);
		fd->socket.ipv6_bound.port = l->local_port;
		fd->socket.ipv6_bound.l4 = l->l4proto;
	}
	fd_table_add(process_table_fds(s->processes), &s->replay->server_ports, l->local_port);
}

static void list_fd(struct state *s, struct process *p, const struct listed_fd *l)
{
	struct fd_store *fds = process_table_fds(s->processes);
	struct buffer name = BUFFER(s->name_memory);
	struct fd_entry *fd;

	if (l->type == LISTED_FD_UNKNOWN || l->type >= LISTED_FD_TYPE_COUNT)
		return;
	fd = fd_table_add(fds, &p->fds, l->num);
	if (!fd)
		return;
	fd->type = listed_types[l->type];
	fd->ino = l->ino;
	switch (l->type) {
	case LISTED_FD_IPV4:
	case LISTED_FD_IPV6:
		list_connection(s, fd, l);
		print_ends(fd, &name);
		fd_set_name(fds, fd, buffer_str(&name));
		break;
	case LISTED_FD_IPV4_SERVER:
	case LISTED_FD_IPV6_SERVER:
		list_bound(s, fd, l);
		print_ends(fd, &name);
		fd_set_name(fds, fd, buffer_str(&name));
		break;
	case LISTED_FD_UNIX:
		fd->socket.unix_ends.source = l->unix_source;
		fd->socket.unix_ends.destination = l->unix_destination;
		fd->roles = l->name.n ? FD_ROLE_SERVER : FD_ROLE_CLIENT;
		fd_set_name(fds, fd, l->name);
		break;
	default:
		fd->open_flags = l->open_flags;
		fd->dev = l->dev;
		fd_set_name(fds, fd, l->name);
		break;
	}
}

/* A connection to a port that someone here listened on is a server's. IPv4 only, as in Falco. */
static void fix_sockets(struct state *s)
{
	struct fd_store *fds = process_table_fds(s->processes);
	uint32_t next = 0;

	for (struct process *p; (p = process_next(s->processes, next));) {
		next = (uint32_t)p->facts.pid + 1;
		for (struct fd_entry *fd = fd_table_next(&p->fds, NULL); fd;
		     fd = fd_table_next(&p->fds, fd)) {
			struct buffer name = BUFFER(s->name_memory);

			if (fd->type != FD_IPV4 || fd->is_bound)
				continue;
			if (!fd_table_find(&s->replay->server_ports, fd->socket.ipv4.source_port)) {
				fd->roles |= FD_ROLE_CLIENT;
				continue;
			}
			replay_swap_ends(fd);
			print_ends(fd, &name);
			fd_set_name(fds, fd, buffer_str(&name));
			fd->roles |= FD_ROLE_SERVER;
		}
	}
	fd_table_clear(fds, &s->replay->server_ports);
}

/* Processes */

static struct process *list_main(struct state *s, const struct listed_process *l)
{
	struct task_facts facts = {
	    .pid = (int32_t)l->pid,
	    .tid = (int32_t)l->tid,
	    .ppid = (int32_t)l->ptid,
	    .sid = (int32_t)l->sid,
	    .vsid = (int32_t)l->sid,
	    .pgid = (int32_t)l->pgid,
	    .vpgid = (int32_t)l->vpgid,
	    .vpid = (int32_t)l->vpid,
	    .vtid = (int32_t)l->vtid,
	    .uid = l->uid,
	    .gid = l->gid,
	    .loginuid = l->loginuid,
	    .tty = l->tty,
	};
	struct program_strings strings = {
	    .exe = l->exe,
	    .exepath = replay_path_of_exe(l->exepath),
	    .args = replay_strings_of(l->args),
	    .env = replay_strings_of(l->env),
	    .comm = l->comm,
	};
	struct process *p = process_find(s->processes, facts.pid, 0);
	struct buffer cwd = BUFFER(s->name_memory);

	/* Its threads may have been listed before it. */
	if (!p || p->is_exited || replay_thread(s, l->pid))
		p = replay_add_process(s, &facts);
	if (!p)
		return NULL;
	p->facts = facts;
	p->is_partial = false;
	p->is_in_pidns =
	    l->flags & SCAP_CLONE_CHILD_IN_PIDNS || (l->vpid >= 0 && l->vpid != l->pid);
	p->is_reaper = l->pid == 1 || l->vpid == 1;
	replay_set_name(p->comm, l->comm);

	struct program *program = program_new(s->processes, &strings);
	program->exe_ino = l->exe_ino;
	program->exe_ctime = l->exe_ctime;
	program->exe_mtime = l->exe_mtime;
	program->exe_flags =
	    (l->exe_writable ? EXE_WRITABLE : 0) | (l->exe_upper_layer ? EXE_UPPER_LAYER : 0) |
	    (l->exe_lower_layer ? EXE_LOWER_LAYER : 0) | (l->exe_from_memfd ? EXE_FROM_MEMFD : 0);
	process_give_program(s->processes, p, program);
	path_join(&cwd, STR(""), l->cwd);
	process_set_cwd(s->processes, p, cwd.n ? buffer_str(&cwd) : STR("/"));
	process_set_cgroups(s->processes, p, l->cgroups);
	p->fdlimit = l->fdlimit;
	p->cap_inheritable = l->cap_inheritable;
	p->cap_permitted = l->cap_permitted;
	p->cap_effective = l->cap_effective;
	p->pidns_start_time = l->pidns_start_time;
	return p;
}

void state_list_process(struct state *s, const struct listed_process *l)
{
	struct process *p = NULL;
	struct thread *th;

	if (!s->replay || l->tid < 0 || l->tid > INT32_MAX || l->pid < 0 || l->pid > INT32_MAX)
		return;
	replay_finish_last(s);
	if (l->tid == l->pid) {
		p = list_main(s, l);
	} else {
		p = process_find(s->processes, (int32_t)l->pid, 0);
		if (!p || p->is_exited)
			p = replay_add_process(
			    s, &(struct task_facts){.pid = (int32_t)l->pid, .vpid = -1, .ppid = 0});
	}
	th = p ? replay_add_thread(s, p, (int32_t)l->tid) : NULL;
	if (!th)
		return;
	replay_set_name(th->comm, l->comm);
	thread_changed(th);
	th->vtid = (int32_t)l->vtid;
	th->uid = l->uid;
	th->gid = l->gid;
	th->vm_size_kb = l->vm_size_kb;
	th->vm_rss_kb = l->vm_rss_kb;
	th->vm_swap_kb = l->vm_swap_kb;
	th->pgft_maj = l->pgft_maj;
	th->pgft_min = l->pgft_min;
	th->is_inverted = l->flags & SCAP_CLONE_INVERTED;
	if (s->replay->is_listed && th->tid == p->facts.pid)
		replay_set_parent(s, p, l->ptid);
}

void state_list_fd(struct state *s, const struct listed_fd *fd)
{
	struct process *p = s->replay ? replay_process_of(s, fd->tid) : NULL;

	if (p)
		list_fd(s, p, fd);
}

void state_list_interface(struct state *s, const struct listed_interface *i)
{
	struct local_address a = {{.size = i->size}, {.size = i->size}};

	if (!s->replay || i->size > sizeof(a.ip.bytes))
		return;
	memcpy(a.ip.bytes, i->address, i->size);
	memcpy(a.netmask.bytes, i->netmask, i->size);
	VEC_PUSH(&s->replay->addresses, a);
}

void state_listed(struct state *s)
{
	uint32_t next = 0;

	if (!s->replay || s->replay->is_listed)
		return;
	s->replay->is_listed = true;
	for (struct process *p; (p = process_next(s->processes, next));) {
		next = (uint32_t)p->facts.pid + 1;
		replay_set_parent(s, p, p->facts.ppid);
	}
	fix_sockets(s);
}

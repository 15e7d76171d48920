/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of captures: what events do to a process' table, and what they show of it. */
#include "state/replay_fd.h"
#include "event/address.h"
#include "state/path.h"

#include <sys/socket.h>

/* Bits of the file_flags table. */
enum {
	SCAP_O_DIRECTORY = 0x400,
	SCAP_O_CLOEXEC = 0x1000,
	SCAP_O_F_CREATED = 0x4000,
	SCAP_FD_UPPER_LAYER = 0x8000,
	SCAP_FD_LOWER_LAYER = 0x10000,
};

enum { CREAT_UPPER_LAYER = 1, CREAT_LOWER_LAYER = 2 };
enum { LAYER_UPPER = 1, LAYER_LOWER = 2 };
enum { SCAP_CLOSE_RANGE_CLOEXEC = 4 };
enum { SCAP_EPOLL_CLOEXEC = 1 };
enum { SCAP_AT_FDCWD = -100 };

/* Of the fcntl_commands table. */
enum { SCAP_F_DUPFD = 1, SCAP_F_SETFD = 3, SCAP_F_DUPFD_CLOEXEC = 0x1a };

static void set_fd(struct replaying *r, struct fd_entry *fd)
{
	struct fd_text *old = r->old_name;

	r->fd = fd;
	r->old_name = fd ? fd_text_keep(fd->name) : NULL;
	fd_text_release(replay_store(r), old);
}

void replay_use_fd(struct replaying *r, int64_t num)
{
	r->num = num;
	set_fd(r, fd_table_find(&r->p->fds, num));
}

struct fd_entry *replay_make_fd(struct replaying *r, int64_t num, enum fd_type type)
{
	struct fd_entry *fd = fd_table_add(replay_store(r), &r->p->fds, num);

	r->num = num;
	set_fd(r, fd);
	if (fd)
		fd->type = (uint8_t)type;
	return fd;
}

/* The same as a copy of the event's descriptor. */
static struct fd_entry *make_copy(struct replaying *r, int64_t num, bool is_cloexec)
{
	struct fd_entry copy = *r->fd;
	struct fd_text *name = fd_text_keep(copy.name), *raw = fd_text_keep(copy.name_raw);
	struct fd_entry *fd = fd_table_add_copy(replay_store(r), &r->p->fds, num, &copy);

	fd_text_release(replay_store(r), name);
	fd_text_release(replay_store(r), raw);
	r->num = num;
	set_fd(r, fd);
	if (fd)
		fd_entry_set_cloexec(fd, is_cloexec);
	return fd;
}

/* Files */

struct str replay_directory(const struct process *p, int64_t dirfd)
{
	const struct fd_entry *fd;

	if (dirfd == SCAP_AT_FDCWD)
		return p->cwd;
	fd = fd_table_find(&p->fds, dirfd);
	return fd ? fd_text_str(fd->name) : STR("<UNKNOWN>");
}

/* A name as fd.name has it. Behind a directory that is not known it stands as it was given. */
static void join(struct str directory, struct str name, struct buffer *out)
{
	if (str_equal(directory, STR("<UNKNOWN>"))) {
		buffer_put(out, directory);
		buffer_put(out, name);
	} else {
		path_join(out, directory, name);
	}
}

/* What open events say: places of parameters, and of those of the event at the enter; -1: none. */
struct open_event {
	int8_t dirfd, name, flags, dev, ino;
	int8_t enter_dirfd, enter_name, enter_flags;
};

static const struct open_event open_event = {-1, 1, 2, 4, 5, -1, 0, 1},
			       creat_event = {-1, 1, -1, 3, 4, -1, 0, -1},
			       openat_event = {1, 2, 3, 5, 6, 0, 1, 2},
			       openat2_event = {1, 2, 3, 6, 7, 0, 1, 2},
			       open_by_handle_event = {-1, 3, 2, 4, 5, -1, -1, -1};

/* The full name of what was to be opened; false where the event does not hold it. */
static bool opened_name(struct replaying *r, const struct open_event *o, struct str name,
			struct buffer *out)
{
	int64_t dirfd = SCAP_AT_FDCWD;

	if (o->dirfd >= 0 && !event_param_i64(r->e, (unsigned)o->dirfd, &dirfd))
		return false;
	if (name.n && name.p[0] == '/')
		path_join(out, STR(""), name);
	else
		join(replay_directory(r->p, dirfd), name, out);
	return true;
}

/*
 * What was to be opened, as it was told when the call began: meanwhile another thread may have
 * changed what the exit event tells. False where that event is all there is.
 */
static bool entered_name(struct replaying *r, const struct open_event *o, struct str *given,
			 uint32_t *flags, struct buffer *out)
{
	const uint32_t of_exit = ~(uint32_t)(SCAP_O_F_CREATED - 1);
	int64_t dirfd = SCAP_AT_FDCWD;

	if (!r->e->enter || o->enter_name < 0 || !replay_enter_bytes(r, 0).n)
		return false;
	*given = replay_enter_text(r, (unsigned)o->enter_name);
	if (str_equal(*given, STR("<NA>")))
		return false;
	*flags &= of_exit;
	if (o->enter_flags >= 0)
		*flags |= (uint32_t)replay_enter_u64(r, (unsigned)o->enter_flags, 0);
	if (o->enter_dirfd >= 0)
		dirfd = (int64_t)replay_enter_u64(r, (unsigned)o->enter_dirfd, 0);
	if (given->n && given->p[0] == '/')
		path_join(out, STR(""), *given);
	else
		join(replay_directory(r->p, dirfd), *given, out);
	return true;
}

static void do_open(struct replaying *r)
{
	enum { POS_CREAT_FLAGS = 5 };
	const struct open_event *o = r->detail;
	struct buffer name = replay_name_buffer(r);
	struct str given;
	struct fd_entry *fd;
	uint32_t flags = 0;

	if (!r->th || r->res < 0)
		return;
	if (o->flags >= 0)
		flags = replay_u32(r, (unsigned)o->flags, 0);
	if (!entered_name(r, o, &given, &flags, &name)) {
		given = replay_text(r, (unsigned)o->name);
		if (!opened_name(r, o, given, &name))
			path_join(&name, STR(""), given);
	}
	fd = replay_make_fd(r, r->res, flags & SCAP_O_DIRECTORY ? FD_DIRECTORY : FD_FILE);
	if (!fd)
		return;
	fd->open_flags = flags;
	fd->dev = replay_u32(r, (unsigned)o->dev, 0);
	fd->ino = replay_u64(r, (unsigned)o->ino, 0);
	if (o->flags < 0) {
		uint64_t creat_flags = replay_u64(r, POS_CREAT_FLAGS, 0);

		flags |= creat_flags & CREAT_UPPER_LAYER ? SCAP_FD_UPPER_LAYER : 0;
		flags |= creat_flags & CREAT_LOWER_LAYER ? SCAP_FD_LOWER_LAYER : 0;
	}
	fd->layer = flags & SCAP_FD_UPPER_LAYER   ? LAYER_UPPER
		    : flags & SCAP_FD_LOWER_LAYER ? LAYER_LOWER
						  : 0;
	replay_set_fd_name(r, &name);
	fd_set_name_raw(replay_store(r), fd, given);
}

/* The name that the event would have given a descriptor, had it succeeded. */
static void show_open(struct replaying *r)
{
	const struct open_event *o = r->detail;
	struct event_fd *fd = &r->e->fd;
	struct buffer text = replay_name_buffer(r);
	struct str raw = replay_text(r, (unsigned)o->name);

	if (!opened_name(r, o, raw, &text))
		return;
	fd->path = buffer_str(&text);
	fd->path_raw = raw;
	if (o->flags >= 0)
		fd->open_flags = replay_u32(r, (unsigned)o->flags, 0);
}

static void do_close(struct replaying *r)
{
	if (r->res < 0 || !r->fd)
		return;
	/* It is known until the next event. */
	r->s->replay->closing = r->p;
	r->s->replay->closing_num = r->num;
}

static void do_close_range(struct replaying *r)
{
	uint64_t first = replay_u64(r, 1, 0), last = replay_u64(r, 2, 0);
	bool is_cloexec = replay_u64(r, 3, 0) & SCAP_CLOSE_RANGE_CLOEXEC;
	struct fd_entry *fd, *next;

	if (r->res < 0 || !r->th)
		return;
	for (fd = fd_table_next(&r->p->fds, NULL); fd; fd = next) {
		next = fd_table_next(&r->p->fds, fd);
		if ((uint64_t)fd->num < first || (uint64_t)fd->num > last)
			continue;
		if (is_cloexec)
			fd->open_flags |= SCAP_O_CLOEXEC;
		else
			fd_table_remove(replay_store(r), &r->p->fds, fd);
	}
}

/* Copies of descriptors */

static void do_dup(struct replaying *r)
{
	if (r->res >= 0 && r->fd)
		make_copy(r, r->res, false);
}

static void do_dup3(struct replaying *r)
{
	if (r->res >= 0 && r->fd)
		make_copy(r, r->res, replay_u64(r, 3, 0) & SCAP_O_CLOEXEC);
}

static void do_fcntl(struct replaying *r)
{
	uint64_t command = replay_u64(r, 2, 0);

	if (r->res < 0 || !r->fd)
		return;
	if (command == SCAP_F_SETFD)
		fd_entry_set_cloexec(r->fd, replay_u64(r, 3, 0) & 1);
	else if (command == SCAP_F_DUPFD || command == SCAP_F_DUPFD_CLOEXEC)
		make_copy(r, r->res, command == SCAP_F_DUPFD_CLOEXEC);
}

static void do_pidfd_getfd(struct replaying *r)
{
	const struct fd_entry *pidfd, *from;
	struct process *p;

	if (!r->th || r->res < 0)
		return;
	pidfd = fd_table_find(&r->p->fds, replay_i64(r, 1, -1));
	if (!pidfd || pidfd->type != FD_PIDFD || pidfd->pid < 0 || pidfd->pid > INT32_MAX)
		return;
	p = process_find(r->s->processes, (int32_t)pidfd->pid, 0);
	from = p ? fd_table_find(&p->fds, replay_i64(r, 2, -1)) : NULL;
	if (!from)
		return;
	r->fd = (struct fd_entry *)(uintptr_t)from;
	make_copy(r, r->res, true);
}

/* Others that a number is all about */

struct made_event {
	enum fd_type type;
	int8_t flags; /* index of the parameter, -1: none */
};

static const struct made_event eventfd_event = {FD_EVENT, -1}, eventfd2_event = {FD_EVENT, 1},
			       signalfd_event = {FD_SIGNALFD, -1},
			       signalfd4_event = {FD_SIGNALFD, 1}, timerfd_event = {FD_TIMERFD, 2},
			       inotify_event = {FD_INOTIFY, -1}, inotify1_event = {FD_INOTIFY, 1},
			       bpf_event = {FD_BPF, -1}, userfaultfd_event = {FD_USERFAULTFD, -1},
			       io_uring_event = {FD_IO_URING, -1}, epoll_event = {FD_EVENTPOLL, -1};

static void do_make(struct replaying *r)
{
	const struct made_event *made = r->detail;
	struct fd_entry *fd;

	if (!r->th || r->res < 0)
		return;
	fd = replay_make_fd(r, r->res, made->type);
	if (fd && made->flags >= 0)
		fd->open_flags = replay_u32(r, (unsigned)made->flags, 0);
}

static void do_epoll_create1(struct replaying *r)
{
	do_make(r);
	if (r->fd && replay_u64(r, 1, 0) & SCAP_EPOLL_CLOEXEC)
		r->fd->open_flags |= SCAP_O_CLOEXEC;
}

static void do_memfd_create(struct replaying *r)
{
	struct fd_entry *fd = r->th && r->res >= 0 ? replay_make_fd(r, r->res, FD_MEMFD) : NULL;

	if (!fd)
		return;
	fd_set_name(replay_store(r), fd, replay_text(r, 1));
	fd->open_flags = replay_u32(r, 2, 0);
}

static void do_pidfd_open(struct replaying *r)
{
	struct fd_entry *fd = r->th && r->res >= 0 ? replay_make_fd(r, r->res, FD_PIDFD) : NULL;
	struct buffer name = replay_name_buffer(r);

	if (!fd)
		return;
	fd->pid = replay_i64(r, 1, -1);
	fd->open_flags = replay_u32(r, 2, 0);
	buffer_printf(&name, "/proc/%lld", (long long)fd->pid);
	replay_set_fd_name(r, &name);
}

static void make_pipe(struct replaying *r, uint32_t flags)
{
	if (r->res < 0 || !r->th)
		return;
	for (unsigned i = 1; i <= 2; i++) {
		struct fd_entry *fd = replay_make_fd(r, replay_i64(r, i, -1), FD_PIPE);

		if (!fd)
			continue;
		fd->ino = replay_u64(r, 3, 0);
		fd->open_flags = flags;
	}
}

static void do_pipe(struct replaying *r)
{
	make_pipe(r, 0);
}

static void do_pipe2(struct replaying *r)
{
	make_pipe(r, replay_u32(r, 4, 0));
}

const struct replay_handler replay_fd_handlers[] = {
    {"open", do_open, show_open, &open_event},
    {"creat", do_open, show_open, &creat_event},
    {"openat", do_open, show_open, &openat_event},
    {"openat2", do_open, show_open, &openat2_event},
    {"open_by_handle_at", do_open, show_open, &open_by_handle_event},
    {"close", do_close, NULL, NULL},
    {"close_range", do_close_range, NULL, NULL},
    {"dup", do_dup, NULL, NULL},
    {"dup2", do_dup, NULL, NULL},
    {"dup3", do_dup3, NULL, NULL},
    {"fcntl", do_fcntl, NULL, NULL},
    {"pipe", do_pipe, NULL, NULL},
    {"pipe2", do_pipe2, NULL, NULL},
    {"eventfd", do_make, NULL, &eventfd_event},
    {"eventfd2", do_make, NULL, &eventfd2_event},
    {"signalfd", do_make, NULL, &signalfd_event},
    {"signalfd4", do_make, NULL, &signalfd4_event},
    {"timerfd_create", do_make, NULL, &timerfd_event},
    {"inotify_init", do_make, NULL, &inotify_event},
    {"inotify_init1", do_make, NULL, &inotify1_event},
    {"bpf", do_make, NULL, &bpf_event},
    {"userfaultfd", do_make, NULL, &userfaultfd_event},
    {"io_uring_setup", do_make, NULL, &io_uring_event},
    {"epoll_create", do_make, NULL, &epoll_event},
    {"epoll_create1", do_epoll_create1, NULL, &epoll_event},
    {"memfd_create", do_memfd_create, NULL, NULL},
    {"pidfd_open", do_pidfd_open, NULL, NULL},
    {"pidfd_getfd", do_pidfd_getfd, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};

/* What an event shows */

static bool is_local(const struct replay *replay, const struct ip_address *ip_address)
{
	VEC_FOREACH (a, &replay->addresses) {
		if (a->ip.size != ip_address->size)
			continue;
		/* Of IPv6 the first half, as for networks. */
		if (memcmp(a->ip.bytes, ip_address->bytes, ip_address->size == 4 ? 4 : 8) == 0)
			return true;
	}
	return false;
}

static void show_ip(const struct replay *replay, const struct fd_entry *entry, struct event_fd *fd)
{
	struct fd_ends ends = fd_entry_ends(entry);

	fd->family = entry->type == FD_IPV4 ? AF_INET : AF_INET6;
	fd->l4proto = fd_entry_l4proto(entry);
	if (entry->is_bound) {
		fd->local = ends.destination;
		fd->local_port = ends.destination_port;
		fd->is_server = fd->is_server_local = true;
		return;
	}
	fd->is_server_local = is_local(replay, &ends.destination);
	/* Ours is the end whose address this machine has; of two such the client's. */
	if (is_local(replay, &ends.source)) {
		fd->local = ends.source;
		fd->local_port = ends.source_port;
		fd->remote = ends.destination;
		fd->remote_port = ends.destination_port;
	} else {
		fd->is_server = true;
		fd->local = ends.destination;
		fd->local_port = ends.destination_port;
		fd->remote = ends.source;
		fd->remote_port = ends.source_port;
	}
}

static void show_entry(struct replaying *r)
{
	const struct fd_entry *entry = r->fd;
	struct event_fd *fd = &r->e->fd;

	fd->is_known = true;
	fd->type = entry->type;
	fd->layer = entry->layer;
	fd->ino = entry->ino;
	fd->dev = entry->dev;
	fd->open_flags = entry->open_flags;
	fd->is_connected = entry->is_connected;
	fd->path = fd_text_str(entry->name);
	fd->path_raw = fd_text_str(entry->name_raw);
	fd->name_changed =
	    entry->name != r->old_name && !str_equal(fd->path, fd_text_str(r->old_name));
	fd->is_role_known = entry->roles;
	if (entry->type == FD_IPV4 || entry->type == FD_IPV6)
		show_ip(r->s->replay, entry, fd);
	if (entry->type == FD_UNIX) {
		fd->family = AF_UNIX;
		fd->unix_self = entry->socket.unix_ends.source;
		fd->unix_peer = entry->socket.unix_ends.destination;
	}
}

void replay_show_fd(struct replaying *r, replay_fn *show_unknown)
{
	r->e->fd.num = r->num;
	r->e->fd.is_listed = true;
	if (r->fd)
		show_entry(r);
	else if (show_unknown)
		show_unknown(r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of captures: what events do to a process' table, and what they show of it. */
#include "event/address.h"
#include "state/path.h"
#include "state/replay.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Bits of the file_flags table. */
enum {
	SCAP_O_DIRECTORY = 0x400,
	SCAP_O_CLOEXEC = 0x1000,
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

enum { SOCK_KIND_MASK = 0xff }; /* of socket(2)'s type, without SOCK_CLOEXEC and the like */

static struct fd_store *store(const struct replaying *r)
{
	return process_table_fds(r->s->processes);
}

static struct buffer name_buffer(struct replaying *r)
{
	return (struct buffer){.p = r->s->name_memory, .room = sizeof(r->s->name_memory)};
}

static void set_fd(struct replaying *r, struct fd_entry *fd)
{
	struct fd_text *old = r->old_name;

	r->fd = fd;
	r->old_name = fd ? fd_text_keep(fd->name) : NULL;
	fd_text_release(store(r), old);
}

void replay_use_fd(struct replaying *r, int64_t num)
{
	r->num = num;
	set_fd(r, fd_table_find(&r->p->fds, num));
}

/* A new descriptor, which the event is about from now on. NULL: the table is full. */
static struct fd_entry *make_fd(struct replaying *r, int64_t num, enum fd_type type)
{
	struct fd_entry *fd = fd_table_add(store(r), &r->p->fds, num);

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
	struct fd_entry *fd = fd_table_add_copy(store(r), &r->p->fds, num, &copy);

	fd_text_release(store(r), name);
	fd_text_release(store(r), raw);
	r->num = num;
	set_fd(r, fd);
	if (fd)
		fd_entry_set_cloexec(fd, is_cloexec);
	return fd;
}

static void set_name(struct replaying *r, struct buffer *name)
{
	fd_set_name(store(r), r->fd, buffer_str(name));
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
	if (str_equal(directory, STR("<UNKNOWN>")) && !(name.n && name.p[0] == '/')) {
		buffer_put(out, directory);
		buffer_put(out, name);
	} else {
		path_join(out, directory, name);
	}
}

/* What open events say, in the order of their parameters. */
struct open_event {
	const char *event;
	int8_t dirfd, name, flags, dev, ino; /* -1: none */
};

static const struct open_event open_events[] = {
    {"open", -1, 1, 2, 4, 5},
    {"creat", -1, 1, -1, 3, 4},
    {"openat", 1, 2, 3, 5, 6},
    {"openat2", 1, 2, 3, 6, 7},
    {"open_by_handle_at", -1, 3, 2, 4, 5},
};

static const struct open_event *open_event_of(const struct event *e)
{
	for (size_t i = 0; i < sizeof(open_events) / sizeof(open_events[0]); i++)
		if (strcmp(open_events[i].event, e->schema->name) == 0)
			return &open_events[i];
	return NULL;
}

/* The full name of what was to be opened; false where the event does not hold it. */
static bool opened_name(struct replaying *r, const struct open_event *o, struct buffer *out)
{
	struct str name = replay_text(r, (unsigned)o->name);
	int64_t dirfd = SCAP_AT_FDCWD;

	if (o->dirfd >= 0 && !event_param_i64(r->e, (unsigned)o->dirfd, &dirfd))
		return false;
	join(name.n && name.p[0] == '/' ? STR("") : replay_directory(r->p, dirfd), name, out);
	return true;
}

static void do_open(struct replaying *r)
{
	enum { POS_CREAT_FLAGS = 5 };
	const struct open_event *o = open_event_of(r->e);
	struct buffer name = name_buffer(r);
	struct fd_entry *fd;
	uint32_t flags = 0;

	if (!r->th || !o || r->res < 0)
		return;
	if (o->flags >= 0)
		flags = (uint32_t)replay_u64(r, (unsigned)o->flags, 0);
	if (!opened_name(r, o, &name))
		join(STR(""), replay_text(r, (unsigned)o->name), &name);
	fd = make_fd(r, r->res, flags & SCAP_O_DIRECTORY ? FD_DIRECTORY : FD_FILE);
	if (!fd)
		return;
	fd->open_flags = flags;
	fd->dev = (uint32_t)replay_u64(r, (unsigned)o->dev, 0);
	fd->ino = replay_u64(r, (unsigned)o->ino, 0);
	if (o->flags < 0) {
		uint64_t creat_flags = replay_u64(r, POS_CREAT_FLAGS, 0);

		flags |= creat_flags & CREAT_UPPER_LAYER ? SCAP_FD_UPPER_LAYER : 0;
		flags |= creat_flags & CREAT_LOWER_LAYER ? SCAP_FD_LOWER_LAYER : 0;
	}
	fd->layer = flags & SCAP_FD_UPPER_LAYER   ? LAYER_UPPER
		    : flags & SCAP_FD_LOWER_LAYER ? LAYER_LOWER
						  : 0;
	set_name(r, &name);
	fd_set_name_raw(store(r), fd, replay_text(r, (unsigned)o->name));
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
			fd_table_remove(store(r), &r->p->fds, fd);
	}
}

/* Copies of descriptors */

static void do_dup(struct replaying *r)
{
	bool is_dup3 = strcmp(r->e->schema->name, "dup3") == 0;

	if (r->res >= 0 && r->fd)
		make_copy(r, r->res, is_dup3 && replay_u64(r, 3, 0) & SCAP_O_CLOEXEC);
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

static const struct {
	const char *event;
	enum fd_type type;
	int8_t flags; /* index of the parameter, -1: none */
} made[] = {
    {"eventfd", FD_EVENT, -1},           {"eventfd2", FD_EVENT, 1},
    {"signalfd", FD_SIGNALFD, -1},       {"signalfd4", FD_SIGNALFD, 1},
    {"timerfd_create", FD_TIMERFD, 2},   {"inotify_init", FD_INOTIFY, -1},
    {"inotify_init1", FD_INOTIFY, 1},    {"bpf", FD_BPF, -1},
    {"userfaultfd", FD_USERFAULTFD, -1}, {"io_uring_setup", FD_IO_URING, -1},
    {"epoll_create", FD_EVENTPOLL, -1},  {"epoll_create1", FD_EVENTPOLL, -1},
};

static void do_make(struct replaying *r)
{
	struct fd_entry *fd;

	for (size_t i = 0; r->th && r->res >= 0 && i < sizeof(made) / sizeof(made[0]); i++) {
		if (strcmp(made[i].event, r->e->schema->name) != 0)
			continue;
		fd = make_fd(r, r->res, made[i].type);
		if (fd && made[i].flags >= 0)
			fd->open_flags = (uint32_t)replay_u64(r, (unsigned)made[i].flags, 0);
		if (fd && made[i].type == FD_EVENTPOLL &&
		    strcmp(r->e->schema->name, "epoll_create1") == 0 &&
		    replay_u64(r, 1, 0) & SCAP_EPOLL_CLOEXEC)
			fd->open_flags |= SCAP_O_CLOEXEC;
		return;
	}
}

static void do_memfd_create(struct replaying *r)
{
	struct fd_entry *fd = r->th && r->res >= 0 ? make_fd(r, r->res, FD_MEMFD) : NULL;

	if (!fd)
		return;
	fd_set_name(store(r), fd, replay_text(r, 1));
	fd->open_flags = (uint32_t)replay_u64(r, 2, 0);
}

static void do_pidfd_open(struct replaying *r)
{
	struct fd_entry *fd = r->th && r->res >= 0 ? make_fd(r, r->res, FD_PIDFD) : NULL;
	struct buffer name = name_buffer(r);

	if (!fd)
		return;
	fd->pid = replay_i64(r, 1, -1);
	fd->open_flags = (uint32_t)replay_u64(r, 2, 0);
	buffer_printf(&name, "/proc/%lld", (long long)fd->pid);
	set_name(r, &name);
}

static void do_pipe(struct replaying *r)
{
	uint32_t flags = 0;

	if (r->res < 0 || !r->th)
		return;
	if (strcmp(r->e->schema->name, "pipe2") == 0)
		flags = (uint32_t)replay_u64(r, 4, 0);
	for (unsigned i = 1; i <= 2; i++) {
		struct fd_entry *fd = make_fd(r, replay_i64(r, i, -1), FD_PIPE);

		if (!fd)
			continue;
		fd->ino = replay_u64(r, 3, 0);
		fd->open_flags = flags;
	}
}

/* Sockets */

static bool is_ip(const struct fd_entry *fd)
{
	return fd->type == FD_IPV4 || fd->type == FD_IPV6;
}

static bool is_connection(const struct fd_entry *fd)
{
	return is_ip(fd) && !fd->is_bound;
}

static bool is_tcp(const struct fd_entry *fd)
{
	return fd->type == FD_IPV4 && !fd->is_bound && fd->l4 == FD_L4_TCP;
}

/* Gives both ends the family; what was an address of another one is none any more. */
static void set_family(struct fd_entry *fd, uint8_t size)
{
	fd->type = size == 4 ? FD_IPV4 : FD_IPV6;
	fd->is_bound = false;
	if (fd->source.size != size)
		fd->source = (struct ip_address){.size = size};
	if (fd->destination.size != size)
		fd->destination = (struct ip_address){.size = size};
}

static uint8_t l4_of(uint64_t kind, uint64_t protocol)
{
	bool is_raw = kind == SOCK_RAW;

	switch (protocol) {
	case IPPROTO_TCP:
		return is_raw ? FD_L4_RAW : FD_L4_TCP;
	case IPPROTO_UDP:
		return is_raw ? FD_L4_RAW : FD_L4_UDP;
	case IPPROTO_IP:
		switch (kind & SOCK_KIND_MASK) {
		case SOCK_STREAM:
			return FD_L4_TCP;
		case SOCK_DGRAM:
			return FD_L4_UDP;
		default:
			return FD_L4_UNKNOWN;
		}
	case IPPROTO_ICMP:
		return is_raw ? FD_L4_RAW : FD_L4_ICMP;
	case IPPROTO_RAW:
		return FD_L4_RAW;
	default:
		return FD_L4_UNKNOWN;
	}
}

static void make_socket(struct replaying *r, int64_t num, uint64_t domain, uint64_t kind,
			uint64_t protocol, uint32_t flags)
{
	struct fd_entry *fd = make_fd(r, num, FD_UNKNOWN);

	if (!fd)
		return;
	fd->open_flags = flags;
	switch (domain) {
	case AF_UNIX:
		fd->type = FD_UNIX;
		break;
	case AF_INET:
	case AF_INET6:
		set_family(fd, domain == AF_INET ? 4 : 16);
		fd->l4 = l4_of(kind, protocol);
		break;
	case AF_NETLINK:
		fd->type = FD_NETLINK;
		break;
	default:
		break;
	}
}

static void do_socket(struct replaying *r)
{
	if (r->th && r->res >= 0)
		make_socket(r, r->res, replay_u64(r, 1, 0), replay_u64(r, 2, 0),
			    replay_u64(r, 3, 0), (uint32_t)replay_u64(r, 4, 0));
}

static void do_socketpair(struct replaying *r)
{
	int64_t nums[2] = {replay_i64(r, 1, -1), replay_i64(r, 2, -1)};

	if (r->res < 0 || !r->th || nums[0] == nums[1])
		return;
	for (int i = 0; i < 2; i++) {
		struct fd_entry *fd = make_fd(r, nums[i], FD_UNIX);

		if (!fd)
			continue;
		fd->unix_source = replay_u64(r, 3, 0);
		fd->unix_destination = replay_u64(r, 4, 0);
	}
}

static void do_bind(struct replaying *r)
{
	struct buffer name = name_buffer(r);
	struct socket_address a;

	if (!r->fd || r->res < 0 || !socket_address_read(replay_bytes(r, 1), &a))
		return;
	if (a.ip.size && a.port) {
		if (ip_address_is_mapped(&a.ip))
			ip_address_unmap(&a.ip);
		set_family(r->fd, a.ip.size);
		r->fd->is_bound = true;
		r->fd->destination = a.ip;
		r->fd->destination_port = a.port;
		r->fd->roles |= FD_ROLE_SERVER;
	}
	socket_address_print(replay_bytes(r, 1), &name);
	set_name(r, &name);
}

static void swap_ends(struct fd_entry *fd)
{
	struct ip_address ip = fd->source;
	uint16_t port = fd->source_port;

	fd->source = fd->destination;
	fd->source_port = fd->destination_port;
	fd->destination = ip;
	fd->destination_port = port;
}

/* Takes the ends of a tuple over; false where they were known already, whichever way round. */
static bool set_ends(struct fd_entry *fd, const struct socket_tuple *t)
{
	bool is_same_family =
	    fd->type == (t->source.size == 4 ? FD_IPV4 : FD_IPV6) && !fd->is_bound;

	if (is_same_family && fd->source_port == t->source_port &&
	    fd->destination_port == t->destination_port &&
	    ip_address_equal(&fd->source, &t->source) &&
	    ip_address_equal(&fd->destination, &t->destination))
		return false;
	if (is_same_family && fd->source_port == t->destination_port &&
	    fd->destination_port == t->source_port &&
	    ip_address_equal(&fd->source, &t->destination) &&
	    ip_address_equal(&fd->destination, &t->source))
		return false;
	set_family(fd, t->source.size);
	fd->source = t->source;
	fd->source_port = t->source_port;
	fd->destination = t->destination;
	fd->destination_port = t->destination_port;
	return true;
}

/* The name of a connection: both ends as they are now. */
static void name_ends(struct replaying *r)
{
	const struct fd_entry *fd = r->fd;
	struct buffer name = name_buffer(r);

	switch (fd->l4) {
	case FD_L4_TCP:
	case FD_L4_UDP:
		ip_endpoint_print(&fd->source, fd->source_port, &name);
		buffer_put(&name, STR("->"));
		ip_endpoint_print(&fd->destination, fd->destination_port, &name);
		break;
	case FD_L4_RAW:
	case FD_L4_ICMP:
		if (fd->type == FD_IPV6 && fd->l4 == FD_L4_RAW) {
			buffer_put(&name, STR("<unknown>"));
			break;
		}
		ip_address_print(&fd->source, &name);
		buffer_put(&name, STR("->"));
		ip_address_print(&fd->destination, &name);
		break;
	default:
		buffer_put(&name, STR("<unknown>"));
		break;
	}
	set_name(r, &name);
}

static void set_unix_ends(struct fd_entry *fd, const struct socket_tuple *t)
{
	fd->unix_source = t->unix_source;
	fd->unix_destination = t->unix_destination;
}

/* Nothing but the address that the call was given: a connection that begins with its data. */
static void connect_to_address(struct replaying *r, const struct socket_address *a)
{
	struct socket_address to = *a;
	struct buffer name = name_buffer(r);

	if (!to.ip.size) {
		socket_address_print(replay_bytes(r, 3), &name);
		set_name(r, &name);
		return;
	}
	if (ip_address_is_mapped(&to.ip))
		ip_address_unmap(&to.ip);
	set_family(r->fd, to.ip.size);
	r->fd->destination = to.ip;
	r->fd->destination_port = to.port;
}

static void do_connect(struct replaying *r)
{
	struct str tuple = replay_bytes(r, 1);
	struct socket_address a;
	struct socket_tuple t;
	struct buffer name;

	if (!r->fd || (r->res < 0 && r->res != -EINPROGRESS))
		return;
	r->fd->is_connected = true;
	if (!tuple.n) {
		if (socket_address_read(replay_bytes(r, 3), &a))
			connect_to_address(r, &a);
		return;
	}
	if (!socket_tuple_read(tuple, &t))
		return;
	if (t.source.size) {
		bool is_changed = set_ends(r->fd, &t);

		set_family(r->fd, t.source.size);
		/* A UDP server that connects to its client. */
		if (is_changed && r->fd->roles & FD_ROLE_SERVER && r->fd->l4 == FD_L4_UDP &&
		    r->fd->type == FD_IPV4)
			swap_ends(r->fd);
		name_ends(r);
	} else {
		if (r->fd->type != FD_UNIX)
			return;
		set_unix_ends(r->fd, &t);
		name = name_buffer(r);
		unix_tuple_print(t.unix_source, t.unix_destination, t.path, &name);
		set_name(r, &name);
	}
	if (!r->fd->roles)
		r->fd->roles = FD_ROLE_CLIENT;
}

static void do_accept(struct replaying *r)
{
	struct str tuple = replay_bytes(r, 1);
	struct buffer name = name_buffer(r);
	struct socket_tuple t;
	struct fd_entry *fd;

	if (!r->th || r->res < 0)
		return;
	r->num = r->res;
	if (!socket_tuple_read(tuple, &t) || (!t.source.size && t.family != AF_UNIX))
		return;
	fd = make_fd(r, r->res, FD_UNIX);
	if (!fd)
		return;
	if (t.source.size) {
		set_ends(fd, &t);
		set_family(fd, t.source.size);
		fd->l4 = FD_L4_TCP;
	} else {
		set_unix_ends(fd, &t);
	}
	socket_tuple_print(tuple, &name);
	set_name(r, &name);
	if (strcmp(r->e->schema->name, "accept4") == 0)
		fd->open_flags = (uint32_t)replay_u64(r, 5, 0) & SCAP_O_CLOEXEC;
	fd->roles = FD_ROLE_SERVER;
	fd->is_connected = true;
}

/* An end that an unbound socket leaves open is the address of the interface it would go out by. */
static struct ip_address infer_address(const struct replay *replay, const struct ip_address *to)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct ip_address none = {.size = to->size};

	VEC_FOREACH (a, &replay->addresses)
		if (ip_address_equal(&a->ip, to))
			return a->ip;
	VEC_FOREACH (a, &replay->addresses) {
		bool is_near = a->ip.size == to->size;
		/* Of IPv6 networks the first half counts, whatever their mask. */
		size_t n = to->size == 4 ? 4 : 8;

		for (size_t i = 0; is_near && i < n; i++) {
			uint8_t mask = to->size == 4 ? a->netmask.bytes[i] : 0xff;

			is_near = ((a->ip.bytes[i] ^ to->bytes[i]) & mask) == 0;
		}
		if (is_near)
			return a->ip;
	}
	VEC_FOREACH (a, &replay->addresses) {
		struct ip_address lo = {.bytes = {[15] = 1}, .size = 16};

		if (a->ip.size == 4 && to->size == 4 && memcmp(a->ip.bytes, loopback, 4) != 0)
			return a->ip;
		if (a->ip.size == 16 && to->size == 16 && !ip_address_equal(&a->ip, &lo))
			return a->ip;
	}
	return none;
}

static bool is_any(const struct ip_address *ip)
{
	static const struct ip_address any;

	return memcmp(ip->bytes, any.bytes, sizeof(any.bytes)) == 0;
}

static void complete_ends(const struct replay *replay, struct fd_entry *fd)
{
	struct ip_address *open = is_any(&fd->source) ? &fd->source : &fd->destination;
	const struct ip_address *other = open == &fd->source ? &fd->destination : &fd->source;
	struct ip_address found;

	if (!is_connection(fd) || (!is_any(&fd->source) && !is_any(&fd->destination)))
		return;
	found = infer_address(replay, other);
	if (ip_address_equal(&found, other) && fd->source_port == fd->destination_port)
		return;
	*open = found;
}

/* The tuple of a datagram, or of a connection whose making was missed. */
static bool take_tuple(struct replaying *r, struct str tuple)
{
	struct socket_tuple t;

	if (!socket_tuple_read(tuple, &t))
		return false;
	if (t.source.size) {
		bool is_new = set_ends(r->fd, &t);

		set_family(r->fd, t.source.size);
		if (!is_new)
			return false;
	} else if (t.family == AF_UNIX) {
		r->fd->type = FD_UNIX;
		set_unix_ends(r->fd, &t);
		return true;
	}
	if (is_connection(r->fd) && r->fd->l4 == FD_L4_UNKNOWN)
		r->fd->l4 = FD_L4_UDP;
	complete_ends(r->s->replay, r->fd);
	return true;
}

static bool has_server_port(const struct process *p, uint16_t port)
{
	for (const struct fd_entry *fd = fd_table_next(&p->fds, NULL); fd;
	     fd = fd_table_next(&p->fds, fd))
		if (fd->type == FD_IPV4 && fd->destination_port == port)
			return true;
	return false;
}

static bool has_client_port(const struct process *p, uint16_t port)
{
	for (const struct fd_entry *fd = fd_table_next(&p->fds, NULL); fd;
	     fd = fd_table_next(&p->fds, fd))
		if (fd->type == FD_IPV4 && !fd->is_bound && fd->source_port == port)
			return true;
	return false;
}

/* Who owns the server's port is the server. Of IPv6 sockets nobody knows and all are clients. */
static void guess_role(struct replaying *r, bool is_incoming)
{
	struct fd_entry *fd = r->fd;

	if (fd->type != FD_IPV4 || !has_server_port(r->p, fd->destination_port))
		fd->roles |= FD_ROLE_CLIENT;
	else if (!has_client_port(r->p, fd->source_port))
		fd->roles |= FD_ROLE_SERVER;
	else
		fd->roles |= is_incoming ? FD_ROLE_SERVER : FD_ROLE_CLIENT;
}

static int tuple_param(const struct event *e)
{
	return event_schema_param(e->schema, STR("tuple"));
}

/* What a transfer tells of its socket. */
static void transfer(struct replaying *r, bool is_incoming)
{
	int tuple = tuple_param(r->e);
	struct buffer name;

	if (!r->fd || r->res < 0)
		return;
	if (is_connection(r->fd))
		r->fd->is_connected = true;
	if (tuple < 0 || (r->fd->name && is_tcp(r->fd)) ||
	    !take_tuple(r, replay_bytes(r, (unsigned)tuple)))
		return;
	if (!is_connection(r->fd)) {
		name = name_buffer(r);
		socket_tuple_print(replay_bytes(r, (unsigned)tuple), &name);
		set_name(r, &name);
		return;
	}
	if (!r->fd->roles)
		guess_role(r, is_incoming);
	if (r->fd->roles & (is_incoming ? FD_ROLE_CLIENT : FD_ROLE_SERVER))
		swap_ends(r->fd);
	name_ends(r);
}

static void do_receive(struct replaying *r)
{
	transfer(r, true);
}

static void do_send(struct replaying *r)
{
	enum { POS_FD = 2, POS_TUPLE = 4 };
	const char *name = r->e->schema->name;
	struct str tuple = replay_bytes(r, POS_TUPLE);

	/* A socket whose making was missed sends datagrams, most likely. */
	if (!r->fd && r->th && r->res >= 0 && tuple.n &&
	    (tuple.p[0] == AF_INET || tuple.p[0] == AF_INET6) &&
	    (strcmp(name, "send") == 0 || strcmp(name, "sendto") == 0 ||
	     strcmp(name, "sendmsg") == 0))
		make_socket(r, replay_i64(r, POS_FD, -1), (uint8_t)tuple.p[0], SOCK_DGRAM,
			    IPPROTO_UDP, 0);
	transfer(r, false);
}

const struct replay_handler replay_fd_handlers[] = {
    {"open", do_open},
    {"creat", do_open},
    {"openat", do_open},
    {"openat2", do_open},
    {"open_by_handle_at", do_open},
    {"close", do_close},
    {"close_range", do_close_range},
    {"dup", do_dup},
    {"dup2", do_dup},
    {"dup3", do_dup},
    {"fcntl", do_fcntl},
    {"pipe", do_pipe},
    {"pipe2", do_pipe},
    {"socket", do_socket},
    {"socketpair", do_socketpair},
    {"bind", do_bind},
    {"connect", do_connect},
    {"accept", do_accept},
    {"accept4", do_accept},
    {"eventfd", do_make},
    {"eventfd2", do_make},
    {"signalfd", do_make},
    {"signalfd4", do_make},
    {"timerfd_create", do_make},
    {"inotify_init", do_make},
    {"inotify_init1", do_make},
    {"bpf", do_make},
    {"userfaultfd", do_make},
    {"io_uring_setup", do_make},
    {"epoll_create", do_make},
    {"epoll_create1", do_make},
    {"memfd_create", do_memfd_create},
    {"pidfd_open", do_pidfd_open},
    {"pidfd_getfd", do_pidfd_getfd},
    {"read", do_receive},
    {"readv", do_receive},
    {"pread", do_receive},
    {"preadv", do_receive},
    {"recv", do_receive},
    {"recvfrom", do_receive},
    {"recvmsg", do_receive},
    {"recvmmsg", do_receive},
    {"write", do_send},
    {"writev", do_send},
    {"pwrite", do_send},
    {"pwritev", do_send},
    {"send", do_send},
    {"sendto", do_send},
    {"sendmsg", do_send},
    {"sendmmsg", do_send},
    {NULL, NULL},
};

/* Lists */

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

static struct ip_address ip(const uint8_t *bytes, uint8_t size)
{
	struct ip_address a = {.size = size};

	memcpy(a.bytes, bytes, size);
	return a;
}

static void print_ends(const struct fd_entry *fd, struct buffer *name)
{
	if (!fd->is_bound) {
		ip_endpoint_print(&fd->source, fd->source_port, name);
		buffer_put(name, STR("->"));
	}
	ip_endpoint_print(&fd->destination, fd->destination_port, name);
}

static void list_connection(struct state *s, struct fd_entry *fd, const struct listed_fd *l)
{
	uint8_t size = fd->type == FD_IPV4 ? 4 : 16;

	fd->source = ip(l->local, size);
	fd->destination = ip(l->remote, size);
	fd->source_port = l->local_port;
	fd->destination_port = l->remote_port;
	if (ip_address_is_mapped(&fd->source) && ip_address_is_mapped(&fd->destination)) {
		ip_address_unmap(&fd->source);
		ip_address_unmap(&fd->destination);
		fd->type = FD_IPV4;
	}
	fd->is_connected = fd->l4 == FD_L4_TCP;
	if (fd->type == FD_IPV4)
		complete_ends(s->replay, fd);
}

static void list_server(struct state *s, struct fd_entry *fd, const struct listed_fd *l)
{
	fd->is_bound = true;
	fd->destination = ip(l->local, fd->type == FD_IPV4 ? 4 : 16);
	fd->destination_port = l->local_port;
	fd_table_add(process_table_fds(s->processes), &s->replay->server_ports, l->local_port);
}

void replay_list_fd(struct state *s, struct process *p, const struct listed_fd *l)
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
		fd->l4 = l->l4proto;
		list_connection(s, fd, l);
		print_ends(fd, &name);
		fd_set_name(fds, fd, buffer_str(&name));
		break;
	case LISTED_FD_IPV4_SERVER:
	case LISTED_FD_IPV6_SERVER:
		fd->l4 = l->l4proto;
		list_server(s, fd, l);
		print_ends(fd, &name);
		fd_set_name(fds, fd, buffer_str(&name));
		break;
	case LISTED_FD_UNIX:
		fd->unix_source = l->unix_source;
		fd->unix_destination = l->unix_destination;
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
void replay_fix_sockets(struct state *s)
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
			if (!fd_table_find(&s->replay->server_ports, fd->source_port)) {
				fd->roles |= FD_ROLE_CLIENT;
				continue;
			}
			swap_ends(fd);
			print_ends(fd, &name);
			fd_set_name(fds, fd, buffer_str(&name));
			fd->roles |= FD_ROLE_SERVER;
		}
	}
	fd_table_clear(fds, &s->replay->server_ports);
}

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
	fd->family = entry->type == FD_IPV4 ? AF_INET : AF_INET6;
	fd->l4proto = fd_entry_l4proto(entry);
	if (entry->is_bound) {
		fd->local = entry->destination;
		fd->local_port = entry->destination_port;
		fd->is_server = fd->is_role_known = fd->is_server_local = true;
		return;
	}
	fd->is_role_known = entry->roles;
	fd->is_server_local = is_local(replay, &entry->destination);
	/* Ours is the end whose address this machine has; of two such the client's. */
	if (is_local(replay, &entry->source)) {
		fd->local = entry->source;
		fd->local_port = entry->source_port;
		fd->remote = entry->destination;
		fd->remote_port = entry->destination_port;
	} else {
		fd->is_server = true;
		fd->local = entry->destination;
		fd->local_port = entry->destination_port;
		fd->remote = entry->source;
		fd->remote_port = entry->source_port;
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
	fd->name_changed = !str_equal(fd->path, fd_text_str(r->old_name));
	fd->is_role_known = entry->roles;
	if (entry->type == FD_IPV4 || entry->type == FD_IPV6)
		show_ip(r->s->replay, entry, fd);
	if (entry->type == FD_UNIX) {
		fd->family = AF_UNIX;
		fd->unix_self = entry->unix_source;
		fd->unix_peer = entry->unix_destination;
	}
}

/* The name that the event would have given a descriptor, had it succeeded. */
static void show_name(struct replaying *r)
{
	const struct open_event *o = open_event_of(r->e);
	struct event_fd *fd = &r->e->fd;
	const char *name = r->e->schema->name;
	struct buffer text = name_buffer(r);

	if (o && (r->e->schema->flags & EVENT_CREATES_FD)) {
		if (!opened_name(r, o, &text))
			return;
		fd->path_raw = replay_text(r, (unsigned)o->name);
		if (o->flags >= 0)
			fd->open_flags = (uint32_t)replay_u64(r, (unsigned)o->flags, 0);
	} else if (strcmp(name, "accept") == 0 || strcmp(name, "accept4") == 0 ||
		   strcmp(name, "connect") == 0) {
		if (replay_bytes(r, 1).n)
			socket_tuple_print(replay_bytes(r, 1), &text);
		else
			buffer_put(&text, STR("NULL"));
		fd->path_raw = buffer_str(&text);
	}
	fd->path = buffer_str(&text);
}

void replay_show_fd(struct replaying *r)
{
	const uint16_t about_fd = EVENT_CREATES_FD | EVENT_USES_FD | EVENT_DESTROYS_FD;

	if (!(r->e->schema->flags & about_fd))
		return;
	r->e->fd.num = r->num;
	r->e->fd.is_listed = true;
	if (r->fd)
		show_entry(r);
	else
		show_name(r);
}

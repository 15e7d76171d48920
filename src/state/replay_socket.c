/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of captures: whom they talk to, who of the two is the server, how they are called. */
#include "event/address.h"
#include "state/replay_fd.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
	SCAP_O_CLOEXEC = 0x1000, /* of the file_flags table */
	SOCK_KIND_MASK = 0xff,   /* of socket(2)'s type, without SOCK_CLOEXEC and the like */
};

static bool is_ip(const struct fd_entry *fd)
{
	return fd->type == FD_IPV4 || fd->type == FD_IPV6;
}

static bool is_connection(const struct fd_entry *fd)
{
	return is_ip(fd) && !fd->is_bound;
}

static bool is_ipv4_of(const struct fd_entry *fd, enum fd_l4 l4)
{
	return fd->type == FD_IPV4 && !fd->is_bound && fd->socket.ipv4.l4 == l4;
}

static void become(struct fd_entry *fd, enum fd_type type)
{
	fd->type = (uint8_t)type;
	fd->is_bound = false;
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
	struct fd_entry *fd = replay_make_fd(r, num, FD_UNKNOWN);

	if (!fd)
		return;
	fd->open_flags = flags;
	switch (domain) {
	case AF_UNIX:
		fd->type = FD_UNIX;
		break;
	case AF_INET:
	case AF_INET6:
		become(fd, domain == AF_INET ? FD_IPV4 : FD_IPV6);
		if (domain == AF_INET)
			fd->socket.ipv4.l4 = l4_of(kind, protocol);
		else
			fd->socket.ipv6.l4 = l4_of(kind, protocol);
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
			    replay_u64(r, 3, 0), replay_u32(r, 4, 0));
}

static void do_socketpair(struct replaying *r)
{
	int64_t nums[2] = {replay_i64(r, 1, -1), replay_i64(r, 2, -1)};

	if (r->res < 0 || !r->th || nums[0] == nums[1])
		return;
	for (int i = 0; i < 2; i++) {
		struct fd_entry *fd = replay_make_fd(r, nums[i], FD_UNIX);

		if (!fd)
			continue;
		fd->socket.unix_ends.source = replay_u64(r, 3, 0);
		fd->socket.unix_ends.destination = replay_u64(r, 4, 0);
	}
}

static void bind_ip(struct fd_entry *fd, struct socket_address *a)
{
	union fd_socket *to = &fd->socket;

	fd->is_bound = true;
	if (a->ip.size == 4) {
		fd->type = FD_IPV4;
		memcpy(to->ipv4_bound.ip, a->ip.bytes, 4);
		to->ipv4_bound.port = a->port;
		to->ipv4_bound.l4 = to->ipv4.l4;
	} else if (ip_address_is_mapped(&a->ip)) {
		fd->type = FD_IPV4;
		to->ipv4_bound.l4 = to->ipv6.l4;
		ip_address_unmap(&a->ip);
		memcpy(to->ipv4_bound.ip, a->ip.bytes, 4);
		to->ipv4_bound.port = a->port;
	} else {
		fd->type = FD_IPV6;
		to->ipv6_bound.port = a->port;
		memcpy(to->ipv6_bound.ip, a->ip.bytes, 16);
		to->ipv6_bound.l4 = to->ipv6.l4;
	}
}

static void do_bind(struct replaying *r)
{
	struct buffer name = replay_name_buffer(r);
	struct socket_address a;

	if (!r->fd || r->res < 0 || !socket_address_read(replay_bytes(r, 1), &a))
		return;
	if (a.ip.size && a.port) {
		bind_ip(r->fd, &a);
		r->fd->roles |= FD_ROLE_SERVER;
	}
	socket_address_print(replay_bytes(r, 1), &name);
	replay_set_fd_name(r, &name);
}

static void swap(void *a, void *b, size_t n)
{
	uint8_t kept[16];

	memcpy(kept, a, n);
	memcpy(a, b, n);
	memcpy(b, kept, n);
}

void replay_swap_ends(struct fd_entry *fd)
{
	union fd_socket *s = &fd->socket;

	if (fd->type == FD_IPV4 && !fd->is_bound) {
		swap(s->ipv4.source, s->ipv4.destination, 4);
		swap(&s->ipv4.source_port, &s->ipv4.destination_port, 2);
	} else {
		swap(s->ipv6.source, s->ipv6.destination, 16);
		swap(&s->ipv6.source_port, &s->ipv6.destination_port, 2);
	}
}

/* The ends of one form of a socket, and those that are to be there. */
struct ends_at {
	uint8_t *source, *destination;
	uint16_t *source_port, *destination_port;
	size_t size;
};

static bool are_ends(const struct ends_at *at, const struct ip_address *source,
		     uint16_t source_port, const struct ip_address *destination,
		     uint16_t destination_port)
{
	return *at->source_port == source_port && *at->destination_port == destination_port &&
	       memcmp(at->source, source->bytes, at->size) == 0 &&
	       memcmp(at->destination, destination->bytes, at->size) == 0;
}

/* Takes the ends of a tuple over; false where they were known already, whichever way round. */
static bool set_ends(const struct ends_at *at, bool is_form, const struct socket_tuple *t)
{
	if (is_form &&
	    (are_ends(at, &t->source, t->source_port, &t->destination, t->destination_port) ||
	     are_ends(at, &t->destination, t->destination_port, &t->source, t->source_port)))
		return false;
	bool is_same =
	    are_ends(at, &t->source, t->source_port, &t->destination, t->destination_port);

	memcpy(at->source, t->source.bytes, at->size);
	memcpy(at->destination, t->destination.bytes, at->size);
	*at->source_port = t->source_port;
	*at->destination_port = t->destination_port;
	return !is_same;
}

static bool set_ipv4_ends(struct fd_entry *fd, const struct socket_tuple *t)
{
	union fd_socket *s = &fd->socket;
	struct ends_at at = {s->ipv4.source, s->ipv4.destination, &s->ipv4.source_port,
			     &s->ipv4.destination_port, 4};

	return set_ends(&at, fd->type == FD_IPV4 && !fd->is_bound, t);
}

static bool set_ipv6_ends(struct fd_entry *fd, const struct socket_tuple *t)
{
	union fd_socket *s = &fd->socket;
	struct ends_at at = {s->ipv6.source, s->ipv6.destination, &s->ipv6.source_port,
			     &s->ipv6.destination_port, 16};

	return set_ends(&at, fd->type == FD_IPV6 && !fd->is_bound, t);
}

/* The name of a connection: both ends as they are now. */
static void name_ends(struct replaying *r)
{
	struct fd_ends ends = fd_entry_ends(r->fd);
	enum fd_l4 l4 = fd_entry_l4(r->fd);
	struct buffer name = replay_name_buffer(r);

	switch (l4) {
	case FD_L4_TCP:
	case FD_L4_UDP:
		ip_endpoint_print(&ends.source, ends.source_port, &name);
		buffer_put(&name, STR("->"));
		ip_endpoint_print(&ends.destination, ends.destination_port, &name);
		break;
	case FD_L4_RAW:
	case FD_L4_ICMP:
		if (r->fd->type == FD_IPV6 && l4 == FD_L4_RAW) {
			buffer_put(&name, STR("<unknown>"));
			break;
		}
		ip_address_print(&ends.source, &name);
		buffer_put(&name, STR("->"));
		ip_address_print(&ends.destination, &name);
		break;
	default:
		buffer_put(&name, STR("<unknown>"));
		break;
	}
	replay_set_fd_name(r, &name);
}

static void set_unix_ends(struct fd_entry *fd, const struct socket_tuple *t)
{
	fd->socket.unix_ends.source = t->unix_source;
	fd->socket.unix_ends.destination = t->unix_destination;
}

/* Nothing but the address that the call was given: a connection that begins with its data. */
static void connect_to_address(struct replaying *r, const struct socket_address *a)
{
	struct socket_address to = *a;
	union fd_socket *socket = &r->fd->socket;
	struct buffer name = replay_name_buffer(r);

	if (!to.ip.size) {
		/* The text of the tuple that is not there. */
		buffer_put(&name, STR("NULL"));
		replay_set_fd_name(r, &name);
		return;
	}
	if (ip_address_is_mapped(&to.ip))
		ip_address_unmap(&to.ip);
	become(r->fd, to.ip.size == 4 ? FD_IPV4 : FD_IPV6);
	if (to.ip.size == 4) {
		memcpy(socket->ipv4.destination, to.ip.bytes, 4);
		socket->ipv4.destination_port = to.port;
	} else {
		socket->ipv6.destination_port = to.port;
		memcpy(socket->ipv6.destination, to.ip.bytes, 16);
	}
}

static bool read_end(struct str bytes, uint8_t size, struct socket_address *out)
{
	if (!socket_address_read(bytes, out))
		return false;
	if (size == 4 && ip_address_is_mapped(&out->ip))
		ip_address_unmap(&out->ip);
	return out->ip.size == size;
}

/*
 * A tuple whose destination is what the exit event has as the call's argument was read from the
 * caller's memory: then the argument as it was at the enter counts, which nobody could change.
 */
static void trust_enter(struct replaying *r, struct socket_tuple *t)
{
	struct socket_address told, entered;

	if (!read_end(replay_bytes(r, 3), t->destination.size, &told) ||
	    !read_end(replay_enter_bytes(r, 1), t->destination.size, &entered))
		return;
	if (!t->destination.size) {
		if (told.family == AF_UNIX && entered.family == AF_UNIX &&
		    str_equal(told.path, t->path))
			t->path = entered.path;
		return;
	}
	if (told.port != t->destination_port || !ip_address_equal(&told.ip, &t->destination))
		return;
	t->destination = entered.ip;
	t->destination_port = entered.port;
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
		if (socket_address_read(replay_enter_bytes(r, 1), &a))
			connect_to_address(r, &a);
		return;
	}
	if (!socket_tuple_read(tuple, &t))
		return;
	trust_enter(r, &t);
	if (t.source.size) {
		bool is_changed;

		become(r->fd, t.source.size == 4 ? FD_IPV4 : FD_IPV6);
		is_changed =
		    t.source.size == 4 ? set_ipv4_ends(r->fd, &t) : set_ipv6_ends(r->fd, &t);
		/* A UDP server that connects to its client. */
		if (is_changed && r->fd->roles & FD_ROLE_SERVER && is_ipv4_of(r->fd, FD_L4_UDP))
			replay_swap_ends(r->fd);
		name_ends(r);
	} else {
		if (r->fd->type != FD_UNIX)
			return;
		set_unix_ends(r->fd, &t);
		name = replay_name_buffer(r);
		unix_tuple_print(t.unix_source, t.unix_destination, t.path, &name);
		replay_set_fd_name(r, &name);
	}
	if (!r->fd->roles)
		r->fd->roles = FD_ROLE_CLIENT;
}

static void do_accept(struct replaying *r)
{
	struct str tuple = replay_bytes(r, 1);
	struct buffer name = replay_name_buffer(r);
	struct socket_tuple t;
	struct fd_entry *fd;

	if (!r->th || r->res < 0)
		return;
	r->num = r->res;
	if (!socket_tuple_read(tuple, &t) || (!t.source.size && t.family != AF_UNIX))
		return;
	fd = replay_make_fd(r, r->res, FD_UNIX);
	if (!fd)
		return;
	if (t.source.size == 4) {
		set_ipv4_ends(fd, &t);
		become(fd, FD_IPV4);
		fd->socket.ipv4.l4 = FD_L4_TCP;
	} else if (t.source.size) {
		set_ipv6_ends(fd, &t);
		become(fd, FD_IPV6);
		fd->socket.ipv6.l4 = FD_L4_TCP;
	} else {
		set_unix_ends(fd, &t);
	}
	socket_tuple_print(tuple, &name);
	replay_set_fd_name(r, &name);
	fd->roles = FD_ROLE_SERVER;
	fd->is_connected = true;
}

static void do_accept4(struct replaying *r)
{
	enum { POS_FLAGS = 5 };

	do_accept(r);
	if (r->fd)
		r->fd->open_flags = replay_u32(r, POS_FLAGS, 0) & SCAP_O_CLOEXEC;
}

/* The ends as a call told them whose descriptor is not known. */
static void show_tuple(struct replaying *r)
{
	struct buffer text = replay_name_buffer(r);

	if (replay_bytes(r, 1).n)
		socket_tuple_print(replay_bytes(r, 1), &text);
	else
		buffer_put(&text, STR("NULL"));
	r->e->fd.path = r->e->fd.path_raw = buffer_str(&text);
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

static void complete(const struct replay *replay, const struct ends_at *at)
{
	static const uint8_t any[16];
	struct ip_address other = {.size = (uint8_t)at->size}, found;
	uint8_t *open = at->source, *given = at->destination;

	if (memcmp(at->source, any, at->size) != 0) {
		if (memcmp(at->destination, any, at->size) != 0)
			return;
		open = at->destination;
		given = at->source;
	}
	memcpy(other.bytes, given, at->size);
	found = infer_address(replay, &other);
	if (ip_address_equal(&found, &other) && *at->source_port == *at->destination_port)
		return;
	memcpy(open, found.bytes, at->size);
}

void replay_complete_ends(const struct replay *replay, struct fd_entry *fd)
{
	union fd_socket *s = &fd->socket;

	if (fd->type == FD_IPV4 && !fd->is_bound)
		complete(replay,
			 &(struct ends_at){s->ipv4.source, s->ipv4.destination,
					   &s->ipv4.source_port, &s->ipv4.destination_port, 4});
	else if (fd->type == FD_IPV6 && !fd->is_bound)
		complete(replay,
			 &(struct ends_at){s->ipv6.source, s->ipv6.destination,
					   &s->ipv6.source_port, &s->ipv6.destination_port, 16});
}

/* The tuple of a datagram, or of a connection whose making was missed. */
static bool take_tuple(struct replaying *r, struct str tuple)
{
	struct fd_entry *fd = r->fd;
	union fd_socket *s = &fd->socket;
	struct socket_tuple t;

	if (!socket_tuple_read(tuple, &t))
		return false;
	if (t.source.size == 4) {
		if (t.family == AF_INET && fd->type == FD_IPV4 && fd->is_bound)
			s->ipv4.l4 = s->ipv4_bound.l4;
		become(fd, FD_IPV4);
		if (!set_ipv4_ends(fd, &t))
			return false;
	} else if (t.source.size) {
		/* What it was, it stays: a bound one too. */
		if (!set_ipv6_ends(fd, &t))
			return false;
	} else if (t.family == AF_UNIX) {
		become(fd, FD_UNIX);
		set_unix_ends(fd, &t);
		return true;
	}
	if (is_ipv4_of(fd, FD_L4_UNKNOWN))
		s->ipv4.l4 = FD_L4_UDP;
	else if (fd->type == FD_IPV6 && !fd->is_bound && s->ipv6.l4 == FD_L4_UNKNOWN)
		s->ipv6.l4 = FD_L4_UDP;
	replay_complete_ends(r->s->replay, fd);
	return true;
}

static bool has_server_port(const struct process *p, uint16_t port)
{
	for (const struct fd_entry *fd = fd_table_next(&p->fds, NULL); fd;
	     fd = fd_table_next(&p->fds, fd))
		if (fd->type == FD_IPV4 &&
		    port == (fd->is_bound ? fd->socket.ipv4_bound.port
					  : fd->socket.ipv4.destination_port))
			return true;
	return false;
}

static bool has_client_port(const struct process *p, uint16_t port)
{
	for (const struct fd_entry *fd = fd_table_next(&p->fds, NULL); fd;
	     fd = fd_table_next(&p->fds, fd))
		if (fd->type == FD_IPV4 && !fd->is_bound && fd->socket.ipv4.source_port == port)
			return true;
	return false;
}

/* Who owns the server's port is the server; ports are where an IPv4 socket has them. */
static void guess_role(struct replaying *r, bool is_incoming)
{
	struct fd_entry *fd = r->fd;

	if (!has_server_port(r->p, fd->socket.ipv4.destination_port))
		fd->roles |= FD_ROLE_CLIENT;
	else if (!has_client_port(r->p, fd->socket.ipv4.source_port))
		fd->roles |= FD_ROLE_SERVER;
	else
		fd->roles |= is_incoming ? FD_ROLE_SERVER : FD_ROLE_CLIENT;
}

/* Calls for any file, which tell nothing of the other end. */
static void do_read_or_write(struct replaying *r)
{
	if (r->fd && r->res >= 0 && is_connection(r->fd))
		r->fd->is_connected = true;
}

/* What events of calls that are for sockets alone have. */
struct transfer_event {
	uint8_t tuple;    /* index of the parameter */
	bool is_datagram; /* a socket whose making was missed sends datagrams, most likely */
};

static const struct transfer_event send_event = {4, true}, sendmmsg_event = {4, false},
				   recv_event = {4, false}, recvfrom_event = {2, false},
				   recvmsg_event = {3, false};

/* What a transfer tells of its socket. */
static void transfer(struct replaying *r, bool is_incoming)
{
	const struct transfer_event *t = r->detail;
	struct buffer name;

	if (!r->fd || r->res < 0)
		return;
	if (is_connection(r->fd))
		r->fd->is_connected = true;
	if ((r->fd->name && is_ipv4_of(r->fd, FD_L4_TCP)) ||
	    !take_tuple(r, replay_bytes(r, t->tuple)))
		return;
	if (!is_connection(r->fd)) {
		name = replay_name_buffer(r);
		socket_tuple_print(replay_bytes(r, t->tuple), &name);
		replay_set_fd_name(r, &name);
		return;
	}
	if (!r->fd->roles)
		guess_role(r, is_incoming);
	if (r->fd->roles & (is_incoming ? FD_ROLE_CLIENT : FD_ROLE_SERVER))
		replay_swap_ends(r->fd);
	name_ends(r);
}

static void do_receive(struct replaying *r)
{
	transfer(r, true);
}

static void do_send(struct replaying *r)
{
	enum { POS_FD = 2 };
	const struct transfer_event *t = r->detail;
	struct str tuple = replay_bytes(r, t->tuple);

	if (!r->fd && t->is_datagram && r->th && r->res >= 0 && tuple.n &&
	    (tuple.p[0] == AF_INET || tuple.p[0] == AF_INET6))
		make_socket(r, replay_i64(r, POS_FD, -1), (uint8_t)tuple.p[0], SOCK_DGRAM,
			    IPPROTO_UDP, 0);
	transfer(r, false);
}

const struct replay_handler replay_socket_handlers[] = {
    {"socket", do_socket, NULL, NULL},
    {"socketpair", do_socketpair, NULL, NULL},
    {"bind", do_bind, NULL, NULL},
    {"connect", do_connect, show_tuple, NULL},
    {"accept", do_accept, show_tuple, NULL},
    {"accept4", do_accept4, show_tuple, NULL},
    {"read", do_read_or_write, NULL, NULL},
    {"readv", do_read_or_write, NULL, NULL},
    {"pread", do_read_or_write, NULL, NULL},
    {"preadv", do_read_or_write, NULL, NULL},
    {"write", do_read_or_write, NULL, NULL},
    {"writev", do_read_or_write, NULL, NULL},
    {"pwrite", do_read_or_write, NULL, NULL},
    {"pwritev", do_read_or_write, NULL, NULL},
    {"recv", do_receive, NULL, &recv_event},
    {"recvfrom", do_receive, NULL, &recvfrom_event},
    {"recvmsg", do_receive, NULL, &recvmsg_event},
    {"recvmmsg", do_receive, NULL, &recv_event},
    {"send", do_send, NULL, &send_event},
    {"sendto", do_send, NULL, &send_event},
    {"sendmsg", do_send, NULL, &send_event},
    {"sendmmsg", do_send, NULL, &sendmmsg_event},
    {NULL, NULL, NULL, NULL},
};

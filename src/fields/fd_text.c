/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/fd_text.h"

#include <netinet/in.h>

static const struct {
	const char *name;
	char letter;
} types[] = {
    [FD_UNKNOWN] = {"<NA>", 'o'},
    [FD_FILE] = {"file", 'f'},
    [FD_DIRECTORY] = {"directory", 'd'},
    [FD_IPV4] = {"ipv4", '4'},
    [FD_IPV6] = {"ipv6", '6'},
    [FD_UNIX] = {"unix", 'u'},
    [FD_PIPE] = {"pipe", 'p'},
    [FD_EVENT] = {"event", 'e'},
    [FD_EVENTPOLL] = {"eventpoll", 'l'},
    [FD_INOTIFY] = {"inotify", 'i'},
    [FD_SIGNALFD] = {"signalfd", 's'},
    [FD_TIMERFD] = {"timerfd", 't'},
    [FD_NETLINK] = {"netlink", 'n'},
    [FD_BPF] = {"bpf", 'b'},
    [FD_USERFAULTFD] = {"userfaultfd", 'u'},
    [FD_IO_URING] = {"io_uring", 'r'},
    [FD_MEMFD] = {"memfd", 'm'},
    [FD_PIDFD] = {"pidfd", 'P'},
    [FD_PACKET] = {"<NA>", 'X'},
    [FD_OTHER] = {"<NA>", 'X'},
};

const char *fd_type_name(enum fd_type type)
{
	return type < sizeof(types) / sizeof(types[0]) ? types[type].name : "<NA>";
}

char fd_type_letter(enum fd_type type)
{
	return type < sizeof(types) / sizeof(types[0]) ? types[type].letter : '?';
}

const char *fd_l4proto_name(uint8_t l4proto)
{
	switch (l4proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	case IPPROTO_RAW:
		return "raw";
	default:
		return "<NA>";
	}
}

/* A socket that is neither bound nor connected has an end of zeros, and no name. */
static bool has_end(const struct event_fd *fd)
{
	static const struct ip_address any;

	if (fd->remote.size || fd->local_port)
		return true;
	return fd->local.size && memcmp(fd->local.bytes, any.bytes, fd->local.size) != 0;
}

bool fd_name_view(const struct event_fd *fd, enum name_view view, struct str *out)
{
	if (!fd->is_listed && fd_is_ip(fd) && has_end(fd))
		return false;
	if (!fd->is_listed && fd->type == FD_UNIX && fd->unix_peer)
		return false;
	*out = view == NAME_RESOLVED && fd->path_resolved.n ? fd->path_resolved : fd->path;
	return true;
}

/* The client's end stands first; a socket without a peer has one end. */
static void print_connection(const struct event_fd *fd, struct buffer *out)
{
	if (!fd->remote.size) {
		ip_endpoint_print(&fd->local, fd->local_port, out);
	} else if (fd->is_server) {
		ip_endpoint_print(&fd->remote, fd->remote_port, out);
		buffer_put(out, STR("->"));
		ip_endpoint_print(&fd->local, fd->local_port, out);
	} else {
		ip_endpoint_print(&fd->local, fd->local_port, out);
		buffer_put(out, STR("->"));
		ip_endpoint_print(&fd->remote, fd->remote_port, out);
	}
}

void fd_name_print(const struct event_fd *fd, enum name_view view, struct buffer *out)
{
	struct str name;

	if (fd_name_view(fd, view, &name)) {
		buffer_put(out, name);
	} else if (fd_is_ip(fd)) {
		print_connection(fd, out);
	} else {
		uint64_t client = fd->is_server ? fd->unix_peer : fd->unix_self;
		uint64_t server = fd->is_server ? fd->unix_self : fd->unix_peer;

		unix_tuple_print(client, server, fd->path, out);
	}
}

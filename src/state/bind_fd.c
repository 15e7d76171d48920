/* SPDX-License-Identifier: Apache-2.0 */
#include "state/bind_fd.h"
#include "event/address.h"
#include "state/path.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Bits of the file_flags table. */
enum {
	SCAP_O_RDONLY = 1 << 0,
	SCAP_O_WRONLY = 1 << 1,
	SCAP_O_CREAT = 1 << 2,
	SCAP_O_APPEND = 1 << 3,
	SCAP_O_TRUNC = 1 << 8,
	SCAP_O_DIRECTORY = 1 << 10,
};

enum { SCAP_AT_FDCWD = -100 };

static const struct {
	const char *event;
	enum fd_type type;
} types_made[] = {
    {"open", FD_FILE},
    {"openat", FD_FILE},
    {"openat2", FD_FILE},
    {"creat", FD_FILE},
    {"open_by_handle_at", FD_FILE},
    {"pipe", FD_PIPE},
    {"pipe2", FD_PIPE},
    {"eventfd", FD_EVENT},
    {"eventfd2", FD_EVENT},
    {"epoll_create", FD_EVENTPOLL},
    {"epoll_create1", FD_EVENTPOLL},
    {"inotify_init", FD_INOTIFY},
    {"inotify_init1", FD_INOTIFY},
    {"signalfd", FD_SIGNALFD},
    {"signalfd4", FD_SIGNALFD},
    {"timerfd_create", FD_TIMERFD},
    {"bpf", FD_BPF},
    {"userfaultfd", FD_USERFAULTFD},
    {"io_uring_setup", FD_IO_URING},
    {"memfd_create", FD_MEMFD},
    {"pidfd_open", FD_PIDFD},
    {"socketpair", FD_UNIX},
};

static int8_t param_named(const struct event_schema *schema, const char *name)
{
	return (int8_t)event_schema_param(schema, str_from(name));
}

static bool is_fd_param(const struct event_schema *schema, int i)
{
	return schema->params[i].type == PARAM_FD || schema->params[i].type == PARAM_FD32;
}

/* The first parameter at or after from that holds a descriptor, or the last one. */
static int8_t fd_param(const struct event_schema *schema, int from, bool is_last)
{
	int8_t found = -1;

	for (int i = from; i < schema->nparams; i++)
		if (is_fd_param(schema, i) && (found < 0 || is_last))
			found = (int8_t)i;
	return found;
}

static bool is_named(const struct event_schema *schema, const char *name)
{
	return strcmp(schema->name, name) == 0;
}

static struct fd_rule rule_make(const struct event_schema *schema)
{
	struct fd_rule r = {
	    .fd = -1,
	    .twin = strncmp(schema->name, "dup", 3) == 0 ? param_named(schema, "oldfd") : -1,
	    .name = -1,
	    .dirfd = -1,
	    .tuple = param_named(schema, "tuple"),
	    .flags = param_named(schema, "flags"),
	    .dev = param_named(schema, "dev"),
	    .ino = param_named(schema, "ino"),
	    .domain = param_named(schema, "domain"),
	    .is_accept = is_named(schema, "accept") || is_named(schema, "accept4"),
	    .is_connect = is_named(schema, "connect"),
	    .is_bind = is_named(schema, "bind"),
	    .is_send = schema->flags & EVENT_WRITES_FD,
	};

	if (schema->flags & (EVENT_ENTER | EVENT_UNUSED) || schema->nparams == 0)
		return r;
	if (schema->flags & EVENT_CREATES_FD && is_fd_param(schema, 0)) {
		r.use = FD_USE_CREATES;
		r.fd = 0;
	} else if (schema->flags & EVENT_CREATES_FD) {
		/* pipe and socketpair make two: the second counts */
		r.fd = fd_param(schema, 1, true);
		r.use = r.fd < 0 ? FD_USE_RESULT : FD_USE_CREATES;
	} else if (schema->flags & EVENT_USES_FD) {
		r.fd = fd_param(schema, is_named(schema, "fcntl") ? 1 : 0, false);
		r.use = r.fd < 0 ? FD_USE_NONE : FD_USE_USES;
	}
	for (size_t i = 0; i < sizeof(types_made) / sizeof(types_made[0]); i++)
		if (schema->flags & EVENT_CREATES_FD && is_named(schema, types_made[i].event))
			r.type = (uint8_t)types_made[i].type;
	if (r.type == FD_MEMFD)
		r.name = param_named(schema, "name");
	if (r.type == FD_FILE) {
		r.use = FD_USE_OPENS;
		r.name = param_named(schema, "name");
		if (r.name < 0)
			r.name = param_named(schema, "path");
		r.dirfd = param_named(schema, "dirfd");
	}
	return r;
}

void fd_rules_make(struct fd_rule *rules)
{
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		if (schema)
			rules[code] = rule_make(schema);
	}
}

void fd_rules_make_generic(struct fd_rule *rules)
{
	for (uint16_t kind = 0; kind < event_kind_count; kind++)
		rules[kind] = rule_make(event_schema_of_generic(kind));
}

uint32_t fd_open_flags(uint32_t flags)
{
	uint32_t out = 0;

	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		out = SCAP_O_RDONLY;
		break;
	case O_WRONLY:
		out = SCAP_O_WRONLY;
		break;
	default:
		out = SCAP_O_RDONLY | SCAP_O_WRONLY;
		break;
	}
	out |= flags & O_CREAT ? SCAP_O_CREAT : 0;
	out |= flags & O_APPEND ? SCAP_O_APPEND : 0;
	out |= flags & O_TRUNC ? SCAP_O_TRUNC : 0;
	out |= flags & O_DIRECTORY ? SCAP_O_DIRECTORY : 0;
	return out;
}

/* Annex items are aligned, and as large as the struct of their kind. */
static void take_file(struct event_fd *fd, const struct annex_item *item)
{
	const struct annex_file *a = (const struct annex_file *)(item + 1);

	fd->is_known = true;
	fd->type = a->type;
	fd->layer = a->layer;
	fd->ino = a->ino;
	fd->dev = a->dev;
	fd->open_flags = fd_open_flags(a->o_flags);
}

static struct ip_address address(const uint8_t *bytes, uint8_t size)
{
	struct ip_address ip = {.size = size};

	memcpy(ip.bytes, bytes, size);
	return ip;
}

static bool is_any(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static uint8_t l4proto(const struct annex_socket *a)
{
	if (a->protocol && a->protocol <= UINT8_MAX)
		return (uint8_t)a->protocol;
	switch (a->type) {
	case SOCK_STREAM:
		return IPPROTO_TCP;
	case SOCK_DGRAM:
		return IPPROTO_UDP;
	default:
		return 0;
	}
}

static uint8_t type_of_family(uint16_t family)
{
	switch (family) {
	case AF_INET:
		return FD_IPV4;
	case AF_INET6:
		return FD_IPV6;
	case AF_UNIX:
		return FD_UNIX;
	case AF_NETLINK:
		return FD_NETLINK;
	case AF_PACKET:
		return FD_PACKET;
	default:
		return FD_OTHER;
	}
}

static void take_socket(struct event_fd *fd, const struct annex_item *item)
{
	enum { TCP_STATE_ESTABLISHED = 1, TCP_STATE_SYN_SENT = 2, TCP_STATE_LISTEN = 10 };
	const struct annex_socket *a = (const struct annex_socket *)(item + 1);

	fd->is_known = true;
	fd->family = a->family;
	fd->type = type_of_family(a->family);
	fd->ino = a->ino;
	fd->is_role_known = a->is_server != 0;
	fd->is_server = a->is_server == 1;
	fd->unix_self = a->unix_self;
	fd->unix_peer = a->unix_peer;
	if (a->family != AF_INET && a->family != AF_INET6) {
		fd->is_connected = a->unix_peer != 0;
		return;
	}
	uint8_t size = a->family == AF_INET ? 4 : 16;
	bool has_remote = a->remote_port || !is_any(a->remote, size);

	fd->l4proto = l4proto(a);
	fd->local = address(a->local, size);
	fd->local_port = a->local_port;
	if (has_remote) {
		fd->remote = address(a->remote, size);
		fd->remote_port = a->remote_port;
	}
	fd->is_connected =
	    has_remote && (fd->l4proto != IPPROTO_TCP || a->state == TCP_STATE_ESTABLISHED ||
			   a->state == TCP_STATE_SYN_SENT);
}

/*
 * A socket tuple as the scap format packs it: the family, then source and destination, each an
 * address and a port; of unix sockets two kernel addresses and the path.
 */
static void take_tuple(struct event_fd *fd, struct str tuple, bool is_source_ours)
{
	const uint8_t *p = (const uint8_t *)tuple.p;
	uint8_t size = 0;

	if (tuple.n < 1)
		return;
	/* Families as the socket_families table numbers them: those of Linux. */
	if (p[0] == AF_UNIX && tuple.n >= 17) {
		struct str path = {tuple.p + 17, tuple.n - 17};

		memcpy(is_source_ours ? &fd->unix_self : &fd->unix_peer, p + 1, 8);
		memcpy(is_source_ours ? &fd->unix_peer : &fd->unix_self, p + 9, 8);
		if (!fd->path.n)
			fd->path = str_slice(path, 0, str_find_byte(path, '\0', 0));
	} else if (p[0] == AF_INET && tuple.n >= 1 + 2 * (4 + 2)) {
		size = 4;
	} else if (p[0] == AF_INET6 && tuple.n >= 1 + 2 * (16 + 2)) {
		size = 16;
	} else {
		return;
	}
	fd->is_known = true;
	if (fd->type == FD_UNKNOWN)
		fd->type = type_of_family(p[0]);
	fd->family = p[0];
	if (size == 0)
		return;
	const uint8_t *source = p + 1;
	const uint8_t *destination = source + size + 2;
	const uint8_t *ours = is_source_ours ? source : destination;
	const uint8_t *theirs = is_source_ours ? destination : source;

	fd->local = address(ours, size);
	fd->remote = address(theirs, size);
	memcpy(&fd->local_port, ours + size, 2);
	memcpy(&fd->remote_port, theirs + size, 2);
}

static bool is_path(const struct event *e, unsigned param)
{
	enum param_type type = param < e->nparams ? e->schema->params[param].type : PARAM_NONE;

	return type == PARAM_FSPATH || type == PARAM_FSRELPATH;
}

/* In one passage, since each costs about as much as the rest of the binding. */
void annex_gather(const struct fd_rule *r, const struct event *e, struct annex_facts *facts)
{
	facts->file = facts->socket = NULL;
	facts->cwd = facts->unix_path = facts->resolved = facts->base = (struct str){"", 0};
	facts->origin = (struct str){"", 0};
	facts->is_name_false = false;
	facts->has_cwd = facts->has_resolved = facts->has_base = facts->has_resolved_name = false;
	for (const struct annex_item *i = event_annex_next(e, NULL); i;
	     i = event_annex_next(e, i)) {
		bool is_ours =
		    i->subject == r->fd || i->subject == r->twin ||
		    (r->use == FD_USE_OPENS && (i->subject == r->name || i->subject == r->dirfd));

		switch (i->kind) {
		case ANNEX_CWD:
			if (!facts->has_cwd)
				facts->cwd = annex_str(i);
			facts->has_cwd = true;
			break;
		case ANNEX_FILE:
			if (is_ours)
				facts->file = i;
			break;
		case ANNEX_SOCKET:
			if (is_ours)
				facts->socket = i;
			break;
		case ANNEX_UNIX_PATH:
			if (is_ours)
				facts->unix_path = annex_str(i);
			break;
		case ANNEX_PATH_RESOLVED:
			facts->has_resolved_name |= is_path(e, i->subject);
			if (is_ours) {
				facts->resolved = annex_str(i);
				facts->has_resolved = true;
				facts->is_name_false = i->flags & ANNEX_NOT_GIVEN;
			}
			break;
		case ANNEX_PATH_ORIGIN:
			if (is_ours)
				facts->origin = annex_str(i);
			break;
		case ANNEX_PATH_BASE:
			if (is_ours) {
				facts->base = annex_str(i);
				facts->has_base = true;
			}
			break;
		default:
			break;
		}
	}
}

/* The name as given, made absolute; the memory is needed only where it is not so already. */
static struct str given_path(const struct fd_rule *r, const struct event *e,
			     const struct process *p, const struct annex_facts *facts,
			     struct str name, char *memory, size_t room)
{
	struct buffer out = {.p = memory, .room = room};
	struct str base = facts->base;
	int64_t dirfd = SCAP_AT_FDCWD;

	if (path_is_normal(name))
		return name;
	if (r->dirfd >= 0)
		event_param_i64(e, (unsigned)r->dirfd, &dirfd);
	if (!facts->has_base && dirfd == SCAP_AT_FDCWD && p)
		base = p->cwd;
	if (base.n == 0 && name.p[0] != '/') {
		buffer_put(&out, dirfd == SCAP_AT_FDCWD ? STR("") : STR("<UNKNOWN>"));
		buffer_put(&out, name);
		return buffer_str(&out);
	}
	path_join(&out, base, name);
	return buffer_str(&out);
}

static void bind_open(const struct fd_rule *r, struct event *e, const struct process *p,
		      const struct annex_facts *facts, char *memory, size_t room)
{
	struct event_fd *fd = &e->fd;
	struct str name = {NULL, 0};
	uint64_t v;

	if (r->name >= 0)
		event_param_str(e, (unsigned)r->name, &name);
	if (name.n) {
		fd->path_raw = name;
		fd->path = facts->is_name_false ? facts->resolved
						: given_path(r, e, p, facts, name, memory, room);
	}
	if (r->flags >= 0 && event_param_u64(e, (unsigned)r->flags, &v))
		fd->open_flags = (uint32_t)v;
	if (fd->num >= 0 && fd->type == FD_UNKNOWN)
		fd->type = fd->open_flags & SCAP_O_DIRECTORY ? FD_DIRECTORY : FD_FILE;
	if (!fd->ino && r->ino >= 0 && event_param_u64(e, (unsigned)r->ino, &v))
		fd->ino = v;
	if (!fd->dev && r->dev >= 0 && event_param_u64(e, (unsigned)r->dev, &v))
		fd->dev = (uint32_t)v;
	fd->is_known = true;
	fd->name_changed = fd->num >= 0;
}

/* A new descriptor of which only the call tells. */
static void bind_made(const struct fd_rule *r, struct event *e)
{
	uint64_t domain;

	if (r->domain >= 0 && event_param_u64(e, (unsigned)r->domain, &domain)) {
		e->fd.family = (uint16_t)domain;
		e->fd.type = type_of_family((uint16_t)domain);
	} else {
		e->fd.type = r->type;
	}
	e->fd.is_known = e->fd.type != FD_UNKNOWN;
}

static bool is_done(const struct event *e)
{
	int64_t res;

	return event_result(e, &res) && (res >= 0 || res == -EINPROGRESS);
}

static bool is_mapped(const uint8_t *bytes)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

/*
 * What an IPv6 socket talks to an IPv4 address is IPv4: no rule on addresses is escaped by the
 * longer way to write them.
 */
static void unmap(struct event_fd *fd)
{
	bool is_local_any = fd->local.size == 16 && is_any(fd->local.bytes, 16);

	if (fd->remote.size != 16 || !is_mapped(fd->remote.bytes) ||
	    (fd->local.size && !is_local_any && !is_mapped(fd->local.bytes)))
		return;
	fd->remote = address(fd->remote.bytes + 12, 4);
	if (fd->local.size)
		fd->local = address(fd->local.bytes + 12, 4);
	fd->family = AF_INET;
	fd->type = FD_IPV4;
}

static void bind_socket(const struct fd_rule *r, struct event *e, bool is_live)
{
	struct event_fd *fd = &e->fd;
	struct str tuple = {NULL, 0};
	bool is_unconnected = !fd->remote.size;
	struct ip_address peer = fd->remote;
	uint16_t peer_port = fd->remote_port;

	if (r->tuple >= 0 && (unsigned)r->tuple < e->nparams)
		tuple = e->params[r->tuple];
	/* An unconnected socket's peer stands in the call's own arguments only. */
	if (tuple.n && (fd->type == FD_UNKNOWN || is_unconnected ||
			(is_live && r->is_send && fd->l4proto == IPPROTO_UDP)))
		take_tuple(fd, tuple, r->is_connect || r->is_send);
	/* Sent elsewhere than to whom it is connected: as without a connection. */
	if (is_live && !is_unconnected && r->is_send &&
	    (!ip_address_equal(&peer, &fd->remote) || peer_port != fd->remote_port)) {
		is_unconnected = true;
		fd->is_connected = false;
	}
	if (r->is_accept || (r->is_connect && is_done(e))) {
		fd->name_changed = tuple.n || fd->is_known;
		fd->is_connected = fd->is_known;
	}
	if (r->is_accept && fd->is_known) {
		fd->is_server = true;
		fd->is_role_known = true;
	}
	if (r->is_connect && fd->is_known && is_done(e)) {
		fd->is_server = false;
		fd->is_role_known = true;
	}
	/* As replay has it, and Falco: who asks for a port is going to serve. */
	if (r->is_bind && fd->local_port && is_done(e)) {
		fd->is_server = true;
		fd->is_role_known = true;
	}
	/* Who sends with an address, without a connection, is the client of that. */
	if (r->is_send && is_unconnected && fd->remote.size && fd->remote_port && is_done(e)) {
		fd->is_server = false;
		fd->is_role_known = true;
		fd->name_changed = true;
	}
	/* What is left in a socket whose connect failed is half an address; arguments have it. */
	if (r->is_connect && !is_done(e) && !fd->remote_port) {
		fd->local = fd->remote = (struct ip_address){0};
		fd->local_port = 0;
	}
	unmap(fd);
}

bool fd_other(const struct event *e, unsigned param, struct event_fd *out)
{
	const struct annex_item *file = event_annex_find(e, ANNEX_FILE, (int)param);
	const struct annex_item *socket = event_annex_find(e, ANNEX_SOCKET, (int)param);
	const struct annex_item *path = event_annex_find(e, ANNEX_UNIX_PATH, (int)param);

	*out = (struct event_fd){.num = -1};
	event_param_i64(e, param, &out->num);
	if (file)
		take_file(out, file);
	if (socket)
		take_socket(out, socket);
	if (path)
		out->path = annex_str(path);
	unmap(out);
	return file || socket;
}

void fd_bind(const struct fd_rule *r, struct event *e, const struct annex_facts *facts,
	     const struct process *p, char *memory, size_t room)
{
	struct event_fd *fd = &e->fd;
	int64_t num = -1;

	if (r->use == FD_USE_NONE)
		return;
	if (r->use == FD_USE_RESULT)
		event_result(e, &num);
	else if (r->fd >= 0)
		event_param_i64(e, (unsigned)r->fd, &num);
	/* A failed call's errno stands where the new descriptor would. */
	fd->num = num < 0 && r->use != FD_USE_USES ? -1 : num;
	if (facts->file)
		take_file(fd, facts->file);
	if (facts->socket)
		take_socket(fd, facts->socket);
	fd->is_registered = num < 0 && r->use == FD_USE_USES && (facts->file || facts->socket);
	if (facts->has_resolved)
		fd->path_resolved = facts->origin.n ? facts->origin : facts->resolved;
	if (r->use == FD_USE_OPENS) {
		bind_open(r, e, p, facts, memory, room);
	} else {
		if (facts->unix_path.n)
			fd->path = facts->unix_path;
		else if (facts->has_resolved)
			fd->path = facts->resolved;
		else if (r->name >= 0 && fd->num >= 0)
			event_param_str(e, (unsigned)r->name, &fd->path);
		bind_socket(r, e, facts->socket != NULL);
		if (r->use != FD_USE_USES && fd->num >= 0 && !fd->is_known)
			bind_made(r, e);
	}
	e->has_second_name =
	    fd->path_resolved.n && fd->path.n && !str_equal(fd->path, fd->path_resolved);
}

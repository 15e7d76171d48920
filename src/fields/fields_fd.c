/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the descriptor that an event is about (fd.*), and of lists of them (fdlist.*). */
#include "fields/event_path.h"
#include "fields/extractors.h"
#include "fields/fd_text.h"
#include "fields/scratch.h"
#include "state/path.h"

static bool answer(struct value *out, struct value v)
{
	*out = v;
	return true;
}

/* Only events that make, use or close a descriptor have fields of one. */
static bool is_about_fd(const struct event *e)
{
	return e->thread &&
	       e->schema->flags & (EVENT_CREATES_FD | EVENT_USES_FD | EVENT_DESTROYS_FD);
}

static enum name_view view_of(const struct field_context *ctx, const struct field_use *use)
{
	if (use->field->extract == field_fd && use->field->selector == FDV_NAME_RESOLVED)
		return NAME_RESOLVED;
	return use->field->flags & FIELD_PATH ? ctx->event->name_view : NAME_GIVEN;
}

/*
 * The name; of a failed call what it would have been: the path that could not be opened, the
 * addresses that could not be connected.
 */
static bool fd_name(struct field_context *ctx, enum name_view view, struct str *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	struct buffer text;

	if (fd_name_view(fd, view, out))
		return true;
	text = scratch_text(ctx->scratch);
	fd_name_print(fd, view, &text);
	*out = scratch_keep(ctx->scratch, &text);
	return true;
}

bool field_fd_name(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	struct str name;

	if (!is_about_fd(ctx->event) || !fd_name(ctx, view_of(ctx, use), &name))
		return false;
	return answer_str(out, name);
}

/* 0: there is none. */
static size_t behind_last_slash(struct str path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return slash ? (size_t)(slash - path.p) + 1 : 0;
}

static bool fd_directory(struct field_context *ctx, const struct field_use *use, struct str *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	size_t slash;

	if (fd_is_known(fd) && fd->type != FD_FILE && fd->type != FD_DIRECTORY)
		return false;
	if (!fd_name(ctx, view_of(ctx, use), out))
		return false;
	if (fd_is_known(fd) && fd->type == FD_DIRECTORY)
		return true;
	slash = behind_last_slash(*out);
	if (slash <= 1)
		*out = STR("/");
	else if (slash < out->n)
		*out = str_slice(*out, 0, slash - 1);
	return true;
}

static bool fd_filename(struct field_context *ctx, const struct field_use *use, struct str *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	size_t slash;

	if (!fd_is_known(fd) || fd->type != FD_FILE || !fd_name(ctx, view_of(ctx, use), out))
		return false;
	slash = behind_last_slash(*out);
	if (slash == 0)
		*out = STR("/");
	else if (slash < out->n)
		*out = str_slice(*out, slash, out->n);
	return true;
}

/* With the container's id before it, as the fd.container* fields have it. */
static bool with_container(struct field_context *ctx, struct str name, struct value *out)
{
	const struct process *p = ctx->event->process;
	struct buffer text = scratch_text(ctx->scratch);

	/* The name may stand right where the buffer begins, but only when it was kept. */
	if (p && p->container)
		buffer_put(&text, p->container->id);
	buffer_putc(&text, ':');
	buffer_put(&text, name);
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

struct endpoint {
	const struct ip_address *ip;
	uint16_t port;
};

/*
 * One end of a connection. A socket that listens or is only bound has but a server's end; one
 * whose role is not known has neither client nor server.
 */
static bool fd_endpoint(const struct event_fd *fd, char which, struct endpoint *out)
{
	bool is_local;

	if (!fd_is_known(fd) || !fd_is_ip(fd))
		return false;
	switch (which) {
	case 'c':
	case 's':
		if (!fd->is_role_known || (which == 'c' && !fd->remote.size))
			return false;
		is_local = fd->is_server == (which == 's');
		break;
	default:
		if (!fd->remote.size || (fd->is_listed && !fd->is_role_known))
			return false;
		is_local = which == 'l';
		break;
	}
	*out = is_local ? (struct endpoint){&fd->local, fd->local_port}
			: (struct endpoint){&fd->remote, fd->remote_port};
	return out->ip->size != 0;
}

static bool answer_ip(const struct field_use *use, const struct ip_address *ip, struct value *out)
{
	if (use->field->type == VALUE_NET) {
		value_begin(out, VALUE_NET);
		out->net.address = *ip;
		out->net.prefix = (uint8_t)(ip->size * 8u);
	} else {
		value_begin(out, VALUE_IP);
		out->ip = *ip;
	}
	return true;
}

/* Host names are not looked up: that would send packets for every event. */
static bool fd_ip(struct field_context *ctx, const struct field_use *use, char which,
		  struct value *out)
{
	struct endpoint end;

	if (use->field->type == VALUE_STRING || !fd_endpoint(&ctx->event->fd, which, &end))
		return false;
	return answer_ip(use, end.ip, out);
}

/* Of captures a bound socket's own port is the server's, also where its role is not known. */
static bool is_listed_bound(const struct event_fd *fd)
{
	return fd->is_listed && fd_is_known(fd) && fd_is_ip(fd) && !fd->remote.size;
}

static bool fd_port(const struct event_fd *fd, char which, struct value *out)
{
	struct endpoint end;

	if (which == 's' && is_listed_bound(fd))
		return answer_u64(out, fd->local_port);
	return fd_endpoint(fd, which, &end) && answer_u64(out, end.port);
}

static bool fd_proto(struct field_context *ctx, char which, struct value *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	struct endpoint end;

	/* A client's protocol is empty of sockets that have no ports, or but their own. */
	if (which == 'c' && fd_is_known(fd) && fd->is_role_known &&
	    (!fd_is_ip(fd) || is_listed_bound(fd)))
		return answer_str(out, STR(""));
	/* That of a bound socket's port, too. */
	if (which == 's' && is_listed_bound(fd))
		return answer_str(out, STR(""));
	if (!fd_endpoint(fd, which, &end))
		return false;
	return answer_str(out, arena_printf(ctx->scratch, "%u", end.port));
}

/* Both ends as a list: fd.ip, fd.net, fd.port, fd.proto. */
static bool fd_both(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	struct value *ends;
	uint32_t count = 0;

	if (!fd_is_known(fd))
		return false;
	ends = ARENA_ARRAY(ctx->scratch, struct value, 2);
	if (!ends)
		return false;
	/* A descriptor that is no connection has no ends, but `exists` holds for it. */
	if (fd_is_ip(fd) && fd->local.size) {
		if (use->field->selector == FDV_IP)
			answer_ip(use, &fd->local, &ends[count++]);
		else
			ends[count++] = value_u64(fd->local_port);
	}
	if (fd_is_ip(fd) && fd->remote.size) {
		if (use->field->selector == FDV_IP)
			answer_ip(use, &fd->remote, &ends[count++]);
		else
			ends[count++] = value_u64(fd->remote_port);
	}
	return answer(out,
		      (struct value){
			  .type = use->field->type, .is_list = true, .count = count, .list = ends});
}

/* The letter of a descriptor that does not exist: of what the call was to make. */
static char letter_of_event(const struct event *e)
{
	static const struct {
		const char *event;
		char letter;
	} letters[] = {
	    {"openat", 'f'},         {"openat2", 'f'},      {"creat", 'f'},
	    {"socket", '4'},         {"accept", '4'},       {"accept4", '4'},
	    {"pipe", 'p'},           {"pipe2", 'p'},        {"eventfd", 'e'},
	    {"eventfd2", 'e'},       {"signalfd", 's'},     {"signalfd4", 's'},
	    {"timerfd_create", 't'}, {"inotify_init", 'i'}, {"inotify_init1", 'i'},
	};

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (strcmp(letters[i].event, e->schema->name) == 0)
			return letters[i].letter;
	}
	return 'o';
}

static bool fd_typechar(struct field_context *ctx, struct value *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	char *letter = arena_bytes(ctx->scratch, 1);

	if (!letter)
		return false;
	*letter = fd_is_known(fd) ? fd_type_letter(fd->type) : letter_of_event(ctx->event);
	return answer_str(out, (struct str){letter, 1});
}

/* Kernel device numbers: the minor's low byte, the major, and the minor's other bits above. */
static uint32_t device_major(uint32_t dev)
{
	return dev >> 8 & 0xfff;
}

static uint32_t device_minor(uint32_t dev)
{
	return (dev & 0xff) | (dev >> 12 & 0xfff00);
}

static bool fd_nameraw(struct field_context *ctx, struct value *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	struct buffer text;
	char last = '\0';

	if (!path_has_double_slash(fd->path_raw))
		return answer_str(out, fd->path_raw);
	/* Doubled slashes are taken out even here. */
	text = scratch_text(ctx->scratch);
	for (size_t i = 0; i < fd->path_raw.n; i++) {
		if (fd->path_raw.p[i] != '/' || last != '/')
			buffer_putc(&text, fd->path_raw.p[i]);
		last = fd->path_raw.p[i];
	}
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

/* Values of descriptors that exist; *out is left alone where there is none. */
static bool fd_known_value(struct field_context *ctx, enum fd_value which, struct value *out)
{
	const struct event_fd *fd = &ctx->event->fd;

	switch (which) {
	case FDV_TYPE:
		return answer_str(out, str_from(fd_type_name(fd->type)));
	case FDV_L4PROTO:
		return answer_str(out, str_from(fd_l4proto_name(fd->l4proto)));
	case FDV_SOCKFAMILY:
		if (!fd_is_ip(fd) && fd->type != FD_UNIX)
			return false;
		return answer_str(out, fd_is_ip(fd) ? STR("ip") : STR("unix"));
	case FDV_IS_SERVER:
		return answer_bool(out, fd_is_ip(fd) &&
					    (fd->is_listed ? fd->is_server_local : fd->is_server));
	case FDV_CONNECTED:
		return answer_bool(out, (fd->is_listed || fd_is_ip(fd)) && fd->is_connected);
	case FDV_NAME_CHANGED:
		return answer_bool(out, fd->name_changed);
	case FDV_DEV:
		return answer_i64(out, fd->dev);
	case FDV_DEV_MAJOR:
		return answer_i64(out, device_major(fd->dev));
	case FDV_DEV_MINOR:
		return answer_i64(out, device_minor(fd->dev));
	case FDV_INO:
		return answer_i64(out, (int64_t)fd->ino);
	case FDV_IS_UPPER_LAYER:
		return answer_bool(out, fd->layer == 1);
	case FDV_IS_LOWER_LAYER:
		return answer_bool(out, fd->layer == 2);
	default:
		return false;
	}
}

bool field_fd(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	const struct event_fd *fd = &e->fd;
	enum fd_value which = use->field->selector;
	struct str text;

	if (!is_about_fd(e))
		return false;
	switch (which) {
	case FDV_NUM:
		return answer_i64(out, fd->num);
	case FDV_TYPECHAR:
		return fd_typechar(ctx, out);
	case FDV_DIRECTORY:
		return fd_directory(ctx, use, &text) && answer_str(out, text);
	case FDV_FILENAME:
		return fd_filename(ctx, use, &text) && answer_str(out, text);
	case FDV_CONTAINERNAME:
		return fd_name(ctx, view_of(ctx, use), &text) && with_container(ctx, text, out);
	case FDV_CONTAINERDIRECTORY:
		return fd_directory(ctx, use, &text) && with_container(ctx, text, out);
	case FDV_NAME_GIVEN:
	case FDV_NAME_RESOLVED:
		return fd_name(ctx, view_of(ctx, use), &text) && answer_str(out, text);
	case FDV_NAMERAW:
		return fd_nameraw(ctx, out);
	case FDV_UID:
		return answer_str(
		    out, arena_printf(ctx->scratch, "%d%lld", e->thread->tid, (long long)fd->num));
	case FDV_IP:
	case FDV_PORT:
	case FDV_PROTO:
		return fd_both(ctx, use, out);
	case FDV_CIP:
	case FDV_SIP:
	case FDV_LIP:
	case FDV_RIP:
		return fd_ip(ctx, use, "cslr"[which - FDV_CIP], out);
	case FDV_CPORT:
	case FDV_SPORT:
	case FDV_LPORT:
	case FDV_RPORT:
		return fd_port(fd, "cslr"[which - FDV_CPORT], out);
	case FDV_CPROTO:
	case FDV_SPROTO:
	case FDV_LPROTO:
	case FDV_RPROTO:
		return fd_proto(ctx, "cslr"[which - FDV_CPROTO], out);
	default:
		return fd_is_known(fd) && fd_known_value(ctx, which, out);
	}
}

/* The types of all descriptors in the process' table, each once; of an empty one an empty list. */
static bool all_types(struct field_context *ctx, const struct process *p, struct value *out)
{
	struct value *types = ARENA_ARRAY(ctx->scratch, struct value, FD_TYPE_COUNT);
	uint32_t seen = 0, count = 0;

	if (!types)
		return false;
	for (const struct fd_entry *fd = fd_table_next(&p->fds, NULL); fd;
	     fd = fd_table_next(&p->fds, fd)) {
		/* Types without a name are one. */
		unsigned bit = fd_type_name(fd->type)[0] == '<' ? 0 : fd->type;

		if (seen & 1u << bit)
			continue;
		seen |= 1u << bit;
		types[count++] = value_str(str_from(fd_type_name(fd->type)));
	}
	*out = (struct value){.type = VALUE_STRING, .is_list = true, .count = count, .list = types};
	return true;
}

/* Live only the event's own descriptor is known: no table of them is kept. */
bool field_fd_types(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event_fd *fd = &ctx->event->fd;
	const struct fd_entry *other;
	struct value *type;

	if (!is_about_fd(ctx->event))
		return false;
	if (fd->is_listed && !use->has_argument)
		return all_types(ctx, ctx->event->process, out);
	if (fd->is_listed && use->index != fd->num) {
		other = process_fd(ctx->event->process, use->index);
		type = other ? ARENA_NEW(ctx->scratch, struct value) : NULL;
		if (!type)
			return false;
		*type = value_str(str_from(fd_type_name(other->type)));
		return answer(out,
			      (struct value){
				  .type = VALUE_STRING, .is_list = true, .count = 1, .list = type});
	}
	if (!fd_is_known(fd))
		return false;
	if (use->has_argument && use->index != fd->num)
		return false;
	type = ARENA_NEW(ctx->scratch, struct value);
	if (!type)
		return false;
	*type = value_str(str_from(fd_type_name(fd->type)));
	return answer(
	    out, (struct value){.type = VALUE_STRING, .is_list = true, .count = 1, .list = type});
}

/* What a list of descriptors shows of one of them; false: nothing. */
static bool print_listed(const struct fd_entry *fd, enum fdlist_value which, struct buffer *out)
{
	bool is_ip = fd && (fd->type == FD_IPV4 || fd->type == FD_IPV6);
	struct fd_ends ends = is_ip ? fd_entry_ends(fd) : (struct fd_ends){.source_port = 0};

	switch (which) {
	case FDLIST_NAMES:
		buffer_put(out, fd && fd->name ? fd_text_str(fd->name) : STR("<NA>"));
		return true;
	case FDLIST_SIPS:
		if (is_ip)
			ip_address_print(&ends.destination, out);
		return is_ip;
	case FDLIST_CIPS:
		if (is_ip && !fd->is_bound)
			ip_address_print(&ends.source, out);
		return is_ip && !fd->is_bound;
	case FDLIST_CPORTS:
	case FDLIST_SPORTS:
		if (!is_ip || fd->is_bound)
			return false;
		buffer_put_u64(out,
			       which == FDLIST_CPORTS ? ends.source_port : ends.destination_port);
		return true;
	default:
		return false;
	}
}

/* Of poll events. Whatever descriptors have nothing to show is left out, but for numbers and names.
 */
bool field_fdlist(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	enum { ITEM_SIZE = sizeof(int64_t) + sizeof(int16_t) };
	const struct event *e = ctx->event;
	enum fdlist_value which = use->field->selector;
	int i = event_schema_param(e->schema, STR("fds"));
	uint16_t count;
	size_t at = sizeof(count);
	struct buffer text;
	struct str bytes;

	if (i < 0 || (unsigned)i >= e->nparams || !e->thread)
		return false;
	/* Live no table is kept that would have more than the numbers. */
	if (e->record->flags & RECORD_HAS_TASK && which != FDLIST_NUMS)
		return false;
	bytes = e->params[i];
	if (bytes.n < sizeof(count))
		return false;
	memcpy(&count, bytes.p, sizeof(count));
	text = scratch_text(ctx->scratch);
	for (unsigned n = 0; n < count && bytes.n - at >= ITEM_SIZE; n++, at += ITEM_SIZE) {
		size_t start = text.n;
		int64_t fd;

		memcpy(&fd, bytes.p + at, sizeof(fd));
		if (start)
			buffer_putc(&text, ',');
		if (which == FDLIST_NUMS)
			buffer_put_i64(&text, fd);
		else if (!print_listed(process_fd(e->process, fd), which, &text))
			text.n = start;
	}
	if (text.n == 0)
		return false;
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

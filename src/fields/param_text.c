/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/param_text.h"

#include "event/names.h"
#include "fields/event_path.h"
#include "fields/fd_text.h"
#include "state/bind_fd.h"

#include <time.h>

/* How a parameter is to be read: its schema, or the variant that a dyn parameter chose. */
struct param_view {
	enum param_type type;
	enum param_format format;
	struct str bytes;
};

/*
 * Variants of dyn parameters by the byte that stands first in them; which list is meant, no flag
 * says but the event's name.
 */
static const struct {
	const char *event;
	enum param_type variants[5];
} dyn_types[] = {
    {"setsockopt", {PARAM_BYTEBUF, PARAM_ERRNO, PARAM_UINT32, PARAM_UINT64, PARAM_RELTIME}},
    {"getsockopt", {PARAM_BYTEBUF, PARAM_ERRNO, PARAM_UINT32, PARAM_UINT64, PARAM_RELTIME}},
    {"ptrace", {PARAM_UINT64, PARAM_SIGTYPE}},
    {"bpf", {PARAM_FD, PARAM_ERRNO}},
    {"keyctl", {PARAM_INT64, PARAM_CHARBUF}},
};

static struct param_view dyn_variant(const struct event *e, struct param_view view)
{
	uint8_t variant;

	if (view.bytes.n == 0)
		return view;
	variant = (uint8_t)view.bytes.p[0];
	for (size_t i = 0; i < sizeof(dyn_types) / sizeof(dyn_types[0]); i++) {
		if (strcmp(dyn_types[i].event, e->schema->name) != 0)
			continue;
		if (variant < 5 && dyn_types[i].variants[variant] != PARAM_NONE) {
			view.type = dyn_types[i].variants[variant];
			view.bytes = str_slice(view.bytes, 1, view.bytes.n);
		}
		break;
	}
	return view;
}

static struct param_view view_of(const struct event *e, unsigned index)
{
	const struct param_schema *schema = &e->schema->params[index];
	struct param_view view = {schema->type, schema->format, e->params[index]};

	return schema->type == PARAM_DYN ? dyn_variant(e, view) : view;
}

static bool is_signed(enum param_type type)
{
	switch (type) {
	case PARAM_INT8:
	case PARAM_INT16:
	case PARAM_INT32:
	case PARAM_INT64:
	case PARAM_ERRNO:
	case PARAM_FD:
	case PARAM_PID:
	case PARAM_FD32:
	case PARAM_PID32:
		return true;
	default:
		return false;
	}
}

/* Little-endian machines only, as the format itself. */
static uint64_t read_integer(struct param_view view)
{
	uint64_t v = 0;
	size_t n = view.bytes.n < sizeof(v) ? view.bytes.n : sizeof(v);

	if (n)
		memcpy(&v, view.bytes.p, n);
	if (is_signed(view.type) && n > 0 && n < sizeof(v) && v >> (n * 8 - 1) & 1)
		v |= ~UINT64_C(0) << (n * 8);
	return v;
}

static void print_integer(struct param_view view, struct buffer *out)
{
	uint64_t v = read_integer(view);

	switch (view.format) {
	case FORMAT_OCT:
		buffer_printf(out, "%#llo", (unsigned long long)v);
		break;
	case FORMAT_HEX:
		/* At least 32 bits: -1 of 16 is FFFFFFFF, too. */
		if (view.bytes.n < sizeof(v))
			v &= UINT32_MAX;
		buffer_put_hex(out, v);
		break;
	default:
		/* Of wide numbers the highest bit is a sign, whatever their type says:
		   close_range's last descriptor is -1. */
		if (view.type == PARAM_UINT32)
			buffer_put_i64(out, (int32_t)v);
		else if (is_signed(view.type) || view.type == PARAM_UINT64)
			buffer_put_i64(out, (int64_t)v);
		else
			buffer_put_u64(out, v);
		break;
	}
}

static void print_buffer(struct str bytes, struct buffer *out)
{
	for (size_t i = 0; i < bytes.n; i++)
		buffer_putc(out, bytes.p[i] >= ' ' && bytes.p[i] <= '~' ? bytes.p[i] : '.');
}

static bool read_address(struct str bytes, size_t at, uint8_t size, struct ip_address *out)
{
	if (bytes.n < at + size)
		return false;
	*out = (struct ip_address){.size = size};
	memcpy(out->bytes, bytes.p + at, size);
	return true;
}

/* uint16 count, then an int64 descriptor and int16 poll flags each: "4:64" is 4, IPv6, POLLOUT. */
static void print_fdlist(const struct event *e, struct str bytes, struct buffer *out)
{
	enum { ITEM_SIZE = sizeof(int64_t) + sizeof(int16_t) };
	uint16_t count = 0;
	size_t at = sizeof(count);

	if (bytes.n < sizeof(count))
		return;
	memcpy(&count, bytes.p, sizeof(count));
	for (unsigned i = 0; i < count && bytes.n - at >= ITEM_SIZE; i++, at += ITEM_SIZE) {
		int64_t fd;
		int16_t flags;
		char letter = '?';

		memcpy(&fd, bytes.p + at, sizeof(fd));
		memcpy(&flags, bytes.p + at + sizeof(fd), sizeof(flags));
		if (e->process && process_fd(e->process, fd))
			letter = fd_type_letter(process_fd(e->process, fd)->type);
		else if (e->fd.num == fd && fd_is_known(&e->fd))
			letter = fd_type_letter(e->fd.type);
		/* Numbers below 0, which poll passes over, are large ones here. */
		buffer_printf(out, "%s%llu:%c%x", i ? " " : "", (unsigned long long)fd, letter,
			      (unsigned)flags);
	}
}

static void print_sigset(uint64_t set, struct buffer *out)
{
	bool is_first = true;

	for (unsigned i = 0; i < 32; i++) {
		const char *name = set >> i & 1 ? signal_name(i + 1) : NULL;

		if (!name)
			continue;
		if (!is_first)
			buffer_putc(out, ' ');
		buffer_put(out, str_from(name));
		is_first = false;
	}
}

/* Local time. */
static void print_abstime(uint64_t ns, struct buffer *out)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[40];

	if (!localtime_r(&seconds, &tm))
		return;
	buffer_put(out, (struct str){text, strftime(text, sizeof(text), "%F %T", &tm)});
	buffer_printf(out, ".%09llu", (unsigned long long)(ns % 1000000000));
}

/* What an empty parameter prints as; which of both, tells its type. */
static struct str empty_text(enum param_type type)
{
	switch (type) {
	case PARAM_BYTEBUF:
	case PARAM_SOCKTUPLE:
	case PARAM_FDLIST:
	case PARAM_CHARBUFARRAY:
	case PARAM_CHARBUFPAIRARRAY:
	case PARAM_DYN:
		return STR("NULL");
	default:
		return STR("<NA>");
	}
}

bool param_print_plain(struct field_context *ctx, unsigned index, struct buffer *out)
{
	const struct event *e = ctx->event;
	struct param_view view;

	if (index >= e->nparams)
		return false;
	if (e->params[index].n == 0) {
		buffer_put(out, empty_text(e->schema->params[index].type));
		return true;
	}
	view = view_of(e, index);
	switch (view.type) {
	case PARAM_CHARBUF:
	case PARAM_FSPATH:
	case PARAM_FSRELPATH:
		buffer_put(out, str_slice(view.bytes, 0, str_find_byte(view.bytes, '\0', 0)));
		break;
	case PARAM_BYTEBUF:
		if (ctx->buffers_base64) {
			buffer_put(out, value_base64(ctx->scratch, view.bytes));
			break;
		}
		/* fall through */
	case PARAM_CHARBUFARRAY:
	case PARAM_CHARBUFPAIRARRAY:
		print_buffer(view.bytes, out);
		break;
	case PARAM_SOCKADDR:
		socket_address_print(view.bytes, out);
		break;
	case PARAM_SOCKTUPLE:
		socket_tuple_print(view.bytes, out);
		break;
	case PARAM_FDLIST:
		print_fdlist(e, view.bytes, out);
		break;
	case PARAM_SIGSET:
		print_sigset(read_integer(view), out);
		break;
	case PARAM_ABSTIME:
		print_abstime(read_integer(view), out);
		break;
	case PARAM_RELTIME:
		if (read_integer(view) == UINT64_MAX)
			buffer_put(out, STR("none"));
		else
			buffer_put_u64(out, read_integer(view));
		break;
	case PARAM_UID:
	case PARAM_GID:
		buffer_put_i64(out, (int32_t)read_integer(view));
		break;
	case PARAM_BOOL:
		buffer_put(out, read_integer(view) ? STR("true") : STR("false"));
		break;
	case PARAM_IPV4ADDR:
	case PARAM_IPV6ADDR:
	case PARAM_IPADDR: {
		struct ip_address ip;

		if (read_address(view.bytes, 0, view.bytes.n >= 16 ? 16 : 4, &ip))
			ip_address_print(&ip, out);
		break;
	}
	case PARAM_ERRNO:
	case PARAM_FD:
	case PARAM_PID:
	case PARAM_FLAGS8:
	case PARAM_FLAGS16:
	case PARAM_FLAGS32:
	case PARAM_ENUMFLAGS8:
	case PARAM_ENUMFLAGS16:
	case PARAM_ENUMFLAGS32:
	case PARAM_SIGTYPE:
	case PARAM_SYSCALLID:
		view.format = FORMAT_DEC;
		print_integer(view, out);
		break;
	case PARAM_NONE:
	case PARAM_DYN:
	case PARAM_IPNET:
	case PARAM_DOUBLE:
		print_buffer(view.bytes, out);
		break;
	default:
		print_integer(view, out);
		break;
	}
	return true;
}

void flags_print(const struct flag_table *table, uint32_t value, bool is_enumeration,
		 struct buffer *out)
{
	uint32_t left = value;
	bool is_first = true;

	for (unsigned i = 0; i < table->count; i++) {
		const struct flag_name *flag = &table->flags[i];
		bool is_set;

		/* A flag takes its bits away from those that follow: O_RDWR from O_RDONLY. */
		if (is_enumeration)
			is_set = flag->value == value;
		else if (flag->value == 0)
			is_set = value == 0;
		else
			is_set = left && (left & flag->value) == flag->value;
		if (!is_set)
			continue;
		if (!is_first)
			buffer_putc(out, '|');
		buffer_put(out, str_from(flag->name));
		is_first = false;
		left &= ~flag->value;
		if (!is_enumeration && flag->value == value)
			break;
	}
}

/* As flags, but a name for the whole value (or what it is from there on) ends the list. */
static void print_mode(const struct flag_table *table, uint32_t value, struct buffer *out)
{
	uint32_t left = value;
	bool is_first = true;

	for (unsigned i = 0; i < table->count; i++) {
		const struct flag_name *flag = &table->flags[i];
		bool is_whole = flag->value == value;

		if (!is_whole && !(flag->value && left && (left & flag->value) == flag->value))
			continue;
		if (!is_first)
			buffer_putc(out, '|');
		buffer_put(out, str_from(flag->name));
		is_first = false;
		left &= ~flag->value;
		if (is_whole)
			break;
	}
}

static void print_fd_of(uint8_t type, uint8_t l4proto, struct buffer *out)
{
	const char *protocol = fd_l4proto_name(l4proto);

	buffer_printf(out, "<%c", fd_type_letter(type));
	if ((type == FD_IPV4 || type == FD_IPV6) && protocol[0] != '<')
		buffer_putc(out, protocol[0]);
	buffer_putc(out, '>');
}

/* A descriptor parameter that is not the event's own, a directory's for one: from the annex. */
static void print_other_fd(const struct event *e, unsigned index, struct buffer *out)
{
	const struct annex_item *file = event_annex_find(e, ANNEX_FILE, (int)index);
	struct str path;
	enum fd_type type = FD_DIRECTORY;
	struct event_fd other;

	if (!file && fd_other(e, index, &other)) {
		print_fd_of(other.type, other.l4proto, out);
		fd_name_print(&other, NAME_GIVEN, out);
		return;
	}
	if (file)
		type = ((const struct annex_file *)(file + 1))->type;
	if (!event_path_resolved(e, index, &path)) {
		const struct annex_item *base;
		int used_by = -1;

		if (!file) {
			/* The base of the path that starts from this descriptor says it, too. */
			for (int i = 0; i < e->schema->nparams; i++) {
				if (e->schema->params[i].dirfd == (int)index)
					used_by = i;
			}
			base = used_by < 0 ? NULL : event_annex_find(e, ANNEX_PATH_BASE, used_by);
			if (!base)
				return;
			path = annex_str(base);
		} else {
			path = STR("");
		}
	}
	buffer_printf(out, "<%c>", fd_type_letter(type));
	buffer_put(out, path);
}

static void resolve_fd(const struct event *e, unsigned index, int64_t fd, struct buffer *out)
{
	const struct fd_entry *entry = e->process ? process_fd(e->process, fd) : NULL;
	const char *name;

	if (fd == SCAP_AT_FDCWD) {
		buffer_put(out, STR("AT_FDCWD"));
	} else if (e->fd.num == fd && fd_is_known(&e->fd)) {
		print_fd_of(e->fd.type, e->fd.l4proto, out);
		fd_name_print(&e->fd, NAME_GIVEN, out);
	} else if (fd < 0) {
		name = errno_name(fd);
		if (name)
			buffer_put(out, str_from(name));
	} else if (entry) {
		print_fd_of(entry->type, fd_entry_l4proto(entry), out);
		buffer_put(out, fd_text_str(entry->name));
	} else {
		print_other_fd(e, index, out);
	}
}

static void resolve_pid(struct field_context *ctx, int64_t pid, struct buffer *out)
{
	struct thread *thread = NULL;

	if (!ctx->state || pid <= 0 || pid > INT32_MAX)
		return;
	thread = thread_find(state_processes(ctx->state), (int32_t)pid);
	if (thread)
		buffer_put(out, str_from(thread->comm));
}

/* Of a container whose files could not be read: there, 0 is root as everywhere. */
static bool are_users_unknown(const struct field_context *ctx, uint32_t id)
{
	const struct process *p = ctx->event->process;

	return id == 0 && p && p->container && p->container->users != CONTAINER_USERS_HOSTS &&
	       !p->container->own_users;
}

static void resolve_user(struct field_context *ctx, uint32_t uid, struct buffer *out)
{
	const struct user *user;

	if (uid == UINT32_MAX) {
		buffer_put(out, STR("<NONE>"));
		return;
	}
	user = ctx->state ? state_user_of(ctx->state, ctx->event->process, uid) : NULL;
	buffer_put(out, user && user->name.n          ? user->name
			: are_users_unknown(ctx, uid) ? STR("root")
						      : STR("<NA>"));
}

static void resolve_group(struct field_context *ctx, uint32_t gid, struct buffer *out)
{
	const struct group *group;

	if (gid == UINT32_MAX) {
		buffer_put(out, STR("<NONE>"));
		return;
	}
	group = ctx->state ? state_group_of(ctx->state, ctx->event->process, gid) : NULL;
	buffer_put(out, group && group->name.n        ? group->name
			: are_users_unknown(ctx, gid) ? STR("root")
						      : STR("<NA>"));
}

static void resolve_path(struct field_context *ctx, unsigned index, struct str name,
			 struct buffer *out)
{
	name = str_slice(name, 0, str_find_byte(name, '\0', 0));
	if (name.n == 0 || name.p[0] == '/' || str_equal_c(name, "<NA>"))
		return;
	struct str base = event_path_base(ctx->event, index);
	/* Of captures a name whose directory is not known stands alone. */
	if (ctx->event->fd.is_listed && str_equal_c(base, PATH_UNKNOWN))
		base = STR("");
	event_path_print(base, name, out);
}

static const char *syscall_name(uint64_t scap_nr)
{
	const struct syscall_schema *call =
	    scap_nr <= UINT16_MAX ? syscall_schema_by_scap_nr((uint16_t)scap_nr) : NULL;

	return call ? call->name : "unknown";
}

void param_print_resolved(struct field_context *ctx, unsigned index, struct buffer *out)
{
	const struct event *e = ctx->event;
	const struct flag_table *flags;
	struct param_view view;
	const char *name = NULL;
	uint64_t v;

	if (index >= e->nparams || e->params[index].n == 0)
		return;
	view = view_of(e, index);
	flags = e->schema->params[index].flags;
	v = read_integer(view);
	switch (view.type) {
	case PARAM_FD:
	case PARAM_FD32:
		resolve_fd(e, index, (int64_t)v, out);
		break;
	case PARAM_PID:
	case PARAM_PID32:
		resolve_pid(ctx, (int64_t)v, out);
		break;
	case PARAM_ERRNO:
		name = (int64_t)v < 0 ? errno_name((int64_t)v) : NULL;
		break;
	case PARAM_SIGTYPE:
		name = signal_name(v);
		break;
	case PARAM_SYSCALLID:
		name = syscall_name(v);
		break;
	case PARAM_RELTIME:
		if (v != UINT64_MAX)
			buffer_printf(out, "%gs", (double)v / 1e9);
		break;
	case PARAM_FLAGS8:
	case PARAM_FLAGS16:
	case PARAM_FLAGS32:
		if (flags)
			flags_print(flags, (uint32_t)v, false, out);
		break;
	case PARAM_ENUMFLAGS8:
	case PARAM_ENUMFLAGS16:
	case PARAM_ENUMFLAGS32:
		if (flags)
			flags_print(flags, (uint32_t)v, true, out);
		break;
	case PARAM_MODE:
		if (flags)
			print_mode(flags, (uint32_t)v, out);
		break;
	case PARAM_UID:
		resolve_user(ctx, (uint32_t)v, out);
		break;
	case PARAM_GID:
		resolve_group(ctx, (uint32_t)v, out);
		break;
	case PARAM_FSPATH:
	case PARAM_FSRELPATH:
		resolve_path(ctx, index, view.bytes, out);
		break;
	default:
		break;
	}
	if (name)
		buffer_put(out, str_from(name));
}

void params_print(struct field_context *ctx, struct buffer *out)
{
	const struct event *e = ctx->event;
	/* The generic event's own parameters are numbers that its name says already. */
	unsigned first = e->schema->code <= 1 ? 2 : 0;

	for (unsigned i = first; i < e->nparams; i++) {
		size_t bracket, start;

		if (i > first)
			buffer_putc(out, ' ');
		buffer_put(out, str_from(e->schema->params[i].name));
		buffer_putc(out, '=');
		param_print_plain(ctx, i, out);
		bracket = out->n;
		buffer_putc(out, '(');
		start = out->n;
		param_print_resolved(ctx, i, out);
		if (out->n == start)
			out->n = bracket;
		else
			buffer_putc(out, ')');
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that every event has (evt.*), and those of its arguments. */
#include "event/names.h"
#include "event/tape.h"
#include "fields/event_path.h"
#include "fields/extractors.h"
#include "fields/fd_text.h"
#include "fields/param_text.h"
#include "fields/scratch.h"
#include "state/path.h"

#include <time.h>

enum { NS_PER_SECOND = 1000000000 };
enum { CODE_ASYNCEVENT = 402 }; /* whose name is its second parameter */

/* Of the file_flags table. */
enum {
	SCAP_O_RDONLY = 1 << 0,
	SCAP_O_WRONLY = 1 << 1,
	SCAP_O_CREAT = 1 << 2,
	SCAP_O_TMPFILE = 1 << 13,
	SCAP_O_F_CREATED = 1 << 14,
};

enum { MODE_EXEC_BITS = 0111 };

static bool answer(struct value *out, struct value v)
{
	*out = v;
	return true;
}

static bool answer_text(struct value *out, const char *text)
{
	return answer_str(out, str_from(text));
}

bool field_event_type(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	struct str name;

	/* selector 1: syscall.type */
	if (use->field->extract == field_event_type && use->field->selector &&
	    !(e->schema->flags & EVENT_SYSCALL))
		return false;
	if (e->schema->code == CODE_ASYNCEVENT && event_param_str(e, 1, &name))
		return answer_str(out, name);
	return answer_text(out, event_kind_name(e->kind));
}

static const char *category_name(const struct event *e)
{
	enum event_category category = e->schema->category;

	if (category < CATEGORY_IO_READ)
		return event_category_name(category);
	if (!fd_is_known(&e->fd))
		return "unknown";
	switch (e->fd.type) {
	case FD_FILE:
	case FD_DIRECTORY:
		return "file";
	case FD_IPV4:
	case FD_IPV6:
		return "net";
	case FD_PIPE:
	case FD_UNIX:
	case FD_EVENT:
	case FD_SIGNALFD:
	case FD_INOTIFY:
	case FD_USERFAULTFD:
		return "ipc";
	default:
		return "unknown";
	}
}

static bool event_args(struct field_context *ctx, struct value *out)
{
	struct buffer text = scratch_text(ctx->scratch);

	params_print(ctx, &text);
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

static bool event_res(struct field_context *ctx, struct value *out)
{
	const char *name;
	int64_t res;

	if (!event_result(ctx->event, &res))
		return false;
	if (res >= 0)
		return answer_text(out, "SUCCESS");
	name = errno_name(res);
	if (name)
		return answer_text(out, name);
	return answer_str(out, arena_printf(ctx->scratch, "%lld", (long long)res));
}

static bool event_failed(const struct event *e, bool *failed)
{
	int64_t res;

	if (!event_result(e, &res))
		return false;
	*failed = res < 0;
	return true;
}

/* What a failed call was about. */
static enum event_value error_class(const struct event *e)
{
	static const char *const opens[] = {"open", "creat", "openat", "openat2",
					    "open_by_handle_at"};
	static const char *const connects[] = {"accept", "accept4", "connect"};

	if (fd_is_known(&e->fd)) {
		switch (e->fd.type) {
		case FD_FILE:
		case FD_DIRECTORY:
			return EVT_COUNT_ERROR_FILE;
		case FD_IPV4:
		case FD_IPV6:
		case FD_UNIX:
			return EVT_COUNT_ERROR_NET;
		default:
			return EVT_COUNT_ERROR_OTHER;
		}
	}
	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
		if (strcmp(e->schema->name, opens[i]) == 0)
			return EVT_COUNT_ERROR_FILE;
	}
	for (size_t i = 0; i < sizeof(connects) / sizeof(connects[0]); i++) {
		if (strcmp(e->schema->name, connects[i]) == 0)
			return EVT_COUNT_ERROR_NET;
	}
	if (e->schema->category == CATEGORY_MEMORY)
		return EVT_COUNT_ERROR_MEMORY;
	return EVT_COUNT_ERROR_OTHER;
}

static bool count_error(const struct event *e, enum event_value which, struct value *out)
{
	bool failed, is_of_class = which == EVT_COUNT_ERROR;

	if (which == EVT_COUNT_ERROR_MEMORY)
		is_of_class = e->schema->category == CATEGORY_MEMORY;
	else if (!is_of_class)
		is_of_class = error_class(e) == which;
	if (!is_of_class || !event_failed(e, &failed))
		return false;
	return answer_u64(out, failed);
}

/* Where opens have their flags and mode, -1: not; by code, in which places never change. */
static bool find_open_params(uint16_t code, int *flags, int *mode)
{
	enum { OPEN = 3, CREAT = 59, OPENAT = 307, OPENAT2 = 327, OPEN_BY_HANDLE_AT = 337 };

	switch (code) {
	case OPEN:
		*flags = 2;
		*mode = 3;
		return true;
	case OPENAT:
	case OPENAT2:
		*flags = 3;
		*mode = 4;
		return true;
	case OPEN_BY_HANDLE_AT:
		*flags = 2;
		*mode = -1;
		return true;
	case CREAT:
		*flags = -1;
		*mode = 2;
		return true;
	default:
		return false;
	}
}

static bool is_open(const struct event *e, enum event_value which, struct value *out)
{
	bool holds = false;
	uint64_t flags = 0, mode = 0;
	int64_t res;
	int flags_at, mode_at;

	if (!find_open_params(e->schema->code, &flags_at, &mode_at))
		return answer_bool(out, false);
	if (mode_at >= 0 && which == EVT_IS_OPEN_EXEC)
		event_param_u64(e, (unsigned)mode_at, &mode);
	if (flags_at < 0)
		return answer_bool(out, which == EVT_IS_OPEN_EXEC && mode & MODE_EXEC_BITS);
	event_param_u64(e, (unsigned)flags_at, &flags);
	switch (which) {
	case EVT_IS_OPEN_READ:
		holds = flags & SCAP_O_RDONLY;
		break;
	case EVT_IS_OPEN_WRITE:
		holds = flags & SCAP_O_WRONLY;
		break;
	case EVT_IS_OPEN_CREATE:
		holds = flags & SCAP_O_F_CREATED ||
			(flags & SCAP_O_TMPFILE && event_result(e, &res) && res >= 0);
		break;
	default:
		holds = flags & (SCAP_O_CREAT | SCAP_O_TMPFILE) && mode & MODE_EXEC_BITS;
		break;
	}
	return answer_bool(out, holds);
}

static bool event_buffer(const struct event *e, struct value *out)
{
	int i = event_schema_param(e->schema, STR("data"));

	if (i < 0 || (unsigned)i >= e->nparams || e->schema->params[i].type != PARAM_BYTEBUF)
		return false;
	return answer(out, (struct value){.type = VALUE_BYTES, .str = e->params[i]});
}

static bool event_buflen(const struct event *e, struct value *out)
{
	int64_t res;

	if (!fd_is_known(&e->fd) || e->schema->category < CATEGORY_IO_READ)
		return false;
	if (!event_result(e, &res) || res < 0)
		return false;
	return answer_u64(out, (uint64_t)res);
}

static bool is_syslog(const struct event *e)
{
	return e->schema->flags & EVENT_WRITES_FD && fd_is_known(&e->fd) && e->fd.path.n &&
	       memmem(e->fd.path.p, e->fd.path.n, "/dev/log", strlen("/dev/log"));
}

static const char *source_name(enum event_source source)
{
	return source == SOURCE_K8S_AUDIT ? "k8s_audit" : "syscall";
}

/* What the source says of the event: all of it. */
static bool event_info(struct field_context *ctx, struct value *out)
{
	const struct tape *t = ctx->event->tape;
	struct str text;

	return t && t->count && tape_text(t, t->nodes, ctx->scratch, &text) &&
	       answer_str(out, text);
}

static uint64_t distance_ms(uint64_t a, uint64_t b)
{
	enum { NS_PER_MS = 1000000 };
	uint64_t ns = a > b ? a - b : b - a;

	return ns / NS_PER_MS + (ns % NS_PER_MS != 0);
}

/* The number is one of the caller's own pid namespace. */
static bool is_other_process(const struct event *e, bool *is_other)
{
	static const char *const calls[] = {"kill", "tgkill", "ptrace", "process_vm_readv",
					    "process_vm_writev"};
	int64_t pid;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int index = strcmp(e->schema->name, calls[i]) == 0
				? event_schema_param(e->schema, STR("pid"))
				: -1;

		if (index < 0 || !e->process || !event_param_i64(e, (unsigned)index, &pid))
			continue;
		*is_other = pid != e->process->facts.vpid;
		return true;
	}
	return false;
}

bool field_event(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	enum event_value which = use->field->selector;
	uint16_t flags = e->schema->flags;
	bool failed, is_other;
	int64_t res;

	switch (which) {
	case EVT_TYPE_IS:
		return answer_u64(out, e->kind == (uint16_t)use->param[0]);
	case EVT_CATEGORY:
		return answer_text(out, category_name(e));
	case EVT_CPU:
		return answer_i64(out, (int16_t)e->cpu);
	case EVT_ARGS:
	case EVT_INFO:
		return event_args(ctx, out);
	case EVT_BUFFER:
		return event_buffer(e, out);
	case EVT_BUFLEN:
		return event_buflen(e, out);
	case EVT_RES:
		return event_res(ctx, out);
	case EVT_RAWRES:
		return event_result(e, &res) && answer_i64(out, res);
	case EVT_FAILED:
		return event_failed(e, &failed) && answer_bool(out, failed);
	case EVT_IS_IO:
		return answer_bool(out, flags & (EVENT_READS_FD | EVENT_WRITES_FD));
	case EVT_IS_IO_READ:
		return answer_bool(out, flags & EVENT_READS_FD);
	case EVT_IS_IO_WRITE:
		return answer_bool(out, flags & EVENT_WRITES_FD);
	case EVT_IO_DIR:
		if (!(flags & (EVENT_READS_FD | EVENT_WRITES_FD)))
			return false;
		return answer_text(out, flags & EVENT_WRITES_FD ? "write" : "read");
	case EVT_IS_WAIT:
		return answer_bool(out, flags & EVENT_WAITS);
	case EVT_IS_SYSLOG:
		return answer_bool(out, is_syslog(e));
	case EVT_COUNT:
		return answer_u64(out, 1);
	case EVT_COUNT_ERROR:
	case EVT_COUNT_ERROR_FILE:
	case EVT_COUNT_ERROR_NET:
	case EVT_COUNT_ERROR_MEMORY:
	case EVT_COUNT_ERROR_OTHER:
		return count_error(e, which, out);
	case EVT_COUNT_EXIT:
		return !(flags & EVENT_ENTER) && answer_u64(out, 1);
	case EVT_DIR:
		return answer_text(out, flags & EVENT_ENTER ? ">" : "<");
	case EVT_IS_OPEN_READ:
	case EVT_IS_OPEN_WRITE:
	case EVT_IS_OPEN_EXEC:
	case EVT_IS_OPEN_CREATE:
		return is_open(e, which, out);
	case EVT_NUM:
		return answer_u64(out, e->number);
	case EVT_SOURCE:
		return answer_text(out, source_name(ctx->source));
	case EVT_IS_ASYNC:
		return answer_bool(out, flags & EVENT_META);
	case EVT_ASYNCTYPE:
		return flags & EVENT_META && field_event_type(ctx, use, out);
	case EVT_HOSTNAME:
		return answer_text(out, ctx->hostname ? ctx->hostname : "");
	case EVT_LATENCY:
	case EVT_LATENCY_S:
		return answer(out, (struct value){.type = VALUE_RELTIME});
	case EVT_LATENCY_HUMAN:
		return answer_text(out, "0ns");
	case EVT_PLUGINNAME:
		return e->tape && answer_text(out, "k8saudit");
	case EVT_PLUGININFO:
		return event_info(ctx, out);
	case EVT_IS_IO_URING:
		return answer_bool(out, e->record->flags & RECORD_IO_URING);
	case EVT_IS_COMPAT:
		return answer_bool(out, e->record->flags & RECORD_COMPAT);
	case EVT_IS_OTHER_PROCESS:
		return is_other_process(e, &is_other) && answer_bool(out, is_other);
	case EVT_AROUND:
		return answer(out, value_u64(distance_ms(e->time, (uint64_t)use->index)));
	case EVT_ARGS_TRUNCATED:
		return answer_bool(out, e->record->flags & (RECORD_ARGS_CUT | RECORD_USER_FAULT));
	}
	return false;
}

/* The local time of day, or date and time, in the scratch arena. */
static bool local_time(struct field_context *ctx, bool with_date, bool with_ns, struct value *out)
{
	time_t seconds = (time_t)(ctx->event->time / NS_PER_SECOND);
	struct buffer text;
	char clock[40];
	struct tm tm;

	if (!localtime_r(&seconds, &tm))
		return false;
	text = scratch_text(ctx->scratch);
	if (with_date)
		buffer_put(&text, (struct str){clock, strftime(clock, sizeof(clock), "%F ", &tm)});
	buffer_put(&text, (struct str){clock, strftime(clock, sizeof(clock), "%T", &tm)});
	if (with_ns)
		buffer_printf(&text, ".%09llu",
			      (unsigned long long)(ctx->event->time % NS_PER_SECOND));
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

static bool iso8601(struct field_context *ctx, struct value *out)
{
	time_t seconds = (time_t)(ctx->event->time / NS_PER_SECOND);
	struct buffer text;
	char clock[40];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		return false;
	text = scratch_text(ctx->scratch);
	buffer_put(&text, (struct str){clock, strftime(clock, sizeof(clock), "%FT%T", &tm)});
	buffer_printf(&text, ".%09llu+0000",
		      (unsigned long long)(ctx->event->time % NS_PER_SECOND));
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

bool field_event_time(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	enum event_time_value which = use->field->selector;
	uint64_t time = ctx->event->time;
	uint64_t ns = time;

	switch (which) {
	case TIME_TEXT:
	case TIME_TEXT_S:
		return local_time(ctx, false, which == TIME_TEXT, out);
	case TIME_DATETIME:
	case TIME_DATETIME_S:
		return local_time(ctx, true, which == TIME_DATETIME, out);
	case TIME_ISO8601:
		return iso8601(ctx, out);
	case TIME_RELATIVE:
	case TIME_RELATIVE_S:
	case TIME_RELATIVE_NS:
		ns = time - ctx->first_event_time;
		break;
	case TIME_DELTA:
	case TIME_DELTA_S:
	case TIME_DELTA_NS:
		ns = time - (ctx->previous_event_time ? ctx->previous_event_time : time);
		break;
	default:
		break;
	}
	switch (which) {
	case TIME_RAW_S:
	case TIME_RELATIVE_S:
	case TIME_DELTA_S:
		ns /= NS_PER_SECOND;
		break;
	case TIME_RAW_NS:
	case TIME_RELATIVE_NS:
	case TIME_DELTA_NS:
		ns %= NS_PER_SECOND;
		break;
	default:
		break;
	}
	return answer(out, (struct value){.type = use->field->type, .u64 = ns});
}

/* Of calls without an event of their own, which would name them. */
bool field_call_argument(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct annex_item *item = event_annex_find(ctx->event, ANNEX_CALL, -1);
	struct annex_call call;

	if (!item || item->size < sizeof(call) || use->index < 0 || use->index >= CALL_ARGUMENTS)
		return false;
	memcpy(&call, item + 1, sizeof(call));
	return answer_u64(out, call.arguments[use->index]);
}

bool field_argument(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	int i = use->is_index ? (int)use->index : event_schema_param(e->schema, use->key);
	struct buffer text;

	if (i < 0 || (unsigned)i >= e->nparams)
		return false;
	text = scratch_text(ctx->scratch);
	param_print_resolved(ctx, (unsigned)i, &text);
	if (text.n == 0)
		param_print_plain(ctx, (unsigned)i, &text);
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

/*
 * The argument as it was passed, in the type that the field resolved to: another event's parameter
 * of the same name may be of another, which is no value then.
 */
bool field_raw_argument(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	int i = event_schema_param(e->schema, use->key);
	uint64_t bits;

	if (i < 0 || (unsigned)i >= e->nparams || e->params[i].n == 0)
		return false;
	out->is_list = false;
	switch (use->type) {
	case VALUE_STRING:
		if (!event_param_str(e, (unsigned)i, &out->str))
			return false;
		break;
	case VALUE_BYTES:
		out->str = e->params[i];
		break;
	case VALUE_IP:
		out->ip = (struct ip_address){.size = e->params[i].n >= 16 ? 16 : 4};
		if (e->params[i].n < out->ip.size)
			return false;
		memcpy(out->ip.bytes, e->params[i].p, out->ip.size);
		break;
	default:
		if (!event_param_u64(e, (unsigned)i, &bits))
			return false;
		out->u64 = bits;
		break;
	}
	out->type = use->type;
	return true;
}

/* The parameters of calls that take paths relative to directories; two: source and destination. */
static const struct {
	const char *event;
	const char *paths[2];
} abspaths[] = {
    {"renameat", {"oldpath", "newpath"}},
    {"renameat2", {"oldpath", "newpath"}},
    {"linkat", {"oldpath", "newpath"}},
    {"symlinkat", {"linkpath", "linkpath"}},
    {"openat", {"name", "name"}},
    {"openat2", {"name", "name"}},
    {"open_by_handle_at", {"path", "path"}},
    {"unlinkat", {"name", "name"}},
    {"mkdirat", {"path", "path"}},
    {"fchmodat", {"filename", "filename"}},
    {"fchownat", {"pathname", "pathname"}},
};

bool field_abspath(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	struct str name, path;
	int64_t res;

	for (size_t i = 0; i < sizeof(abspaths) / sizeof(abspaths[0]); i++) {
		int index, dirfd;

		if (strcmp(abspaths[i].event, e->schema->name) != 0)
			continue;
		index = event_schema_param(e->schema, str_from(abspaths[i].paths[use->param[0]]));
		if (index < 0 || !event_param_str(e, (unsigned)index, &name))
			return false;
		if (strcmp(e->schema->name, "open_by_handle_at") == 0 &&
		    !(event_result(e, &res) && res > 0))
			return false;
		if (event_path_instead(e, (unsigned)index, &path))
			return answer_str(out, path);
		dirfd = e->schema->params[index].dirfd;
		if (dirfd >= 0 && e->params[dirfd].n == 0)
			return false;
		if (name.n && name.p[0] != '/' &&
		    str_equal_c(event_path_base(e, (unsigned)index), PATH_UNKNOWN))
			return answer_str(
			    out, arena_printf(ctx->scratch, PATH_UNKNOWN "/%.*s", STR_ARG(name)));
		return event_path_join(ctx, (unsigned)index, name, &path) && answer_str(out, path);
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/convert.h"

#include "base/map.h"
#include "event/event.h"

#include <errno.h>
#include <stdlib.h>

/* An event taken apart. Parameters point into the bytes it was read from. */
struct parts {
	const struct event_schema *schema;
	uint64_t ts, tid;
	uint32_t count;
	struct str params[RECORD_PARAMS_MAX];
};

struct remembered {
	struct parts parts;
	size_t room;
	uint8_t *bytes;
};

struct converter {
	struct u64map enters; /* tid → struct remembered */
};

/* Codes whose successor does not bear their name: accept4 was once named accept. */
static const struct {
	uint16_t old, today;
} successors[] = {{57, 389}, {249, 389}};

/* Parameters that changed their name, by today's event. */
static const struct {
	const char *event, *today, *old;
} renamed[] = {
    {"dup", "oldfd", "fd"},
    {"brk", "vm_size", "size"},
    {"bpf", "fd", "res_or_fd"},
};

/*
 * Events whose added parameters stay empty where neither the old event nor its enter event has
 * them; numbers of all others become zero.
 */
static const char *const left_empty[] = {
    "bpf",      "brk",     "clone",   "clone3",   "creat",     "dup",       "execve",
    "execveat", "fchdir",  "fork",    "link",     "linkat",    "mkdir",     "open",
    "openat",   "openat2", "prlimit", "procexit", "ptrace",    "recvmmsg",  "rmdir",
    "sendmmsg", "setgid",  "setns",   "setpgid",  "setresgid", "setresuid", "setuid",
    "switch",   "syscall", "unlink",  "unlinkat", "vfork",
};

static bool is_left_empty(const struct parts *old, const struct event_schema *today, unsigned index)
{
	/* The result of calls of which nothing was recorded once. */
	if (index == 0 &&
	    (strcmp(today->name, "recvmmsg") == 0 || strcmp(today->name, "sendmmsg") == 0))
		return false;
	/* Its first form had fewer arguments. */
	if (strcmp(today->name, "ioctl") == 0)
		return old->schema != today;
	for (size_t i = 0; i < sizeof(left_empty) / sizeof(left_empty[0]); i++)
		if (strcmp(left_empty[i], today->name) == 0)
			return true;
	return false;
}

/* Enter events that still count in evt.num: those that were read for their arguments' sake. */
static bool is_numbered(const struct event_schema *schema)
{
	static const char *const names[] = {"open",    "creat",  "openat",  "openat2",
					    "connect", "execve", "execveat"};
	/* Of openat the first form did not. */
	enum { CODE_FIRST_OPENAT = 102 };

	if (schema->code == CODE_FIRST_OPENAT)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], schema->name) == 0)
			return true;
	return false;
}

struct converter *converter_new(void)
{
	return calloc(1, sizeof(struct converter));
}

void converter_free(struct converter *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->enters.size; i++) {
		struct remembered *r = c->enters.entries[i].value;

		if (r)
			free(r->bytes);
		free(r);
	}
	u64map_free(&c->enters);
	free(c);
}

static int take_apart(const uint8_t *bytes, size_t size, bool has_nparams, struct parts *out,
		      struct error *err)
{
	struct event_header h = {0};
	size_t at = sizeof(h) - (has_nparams ? 0 : sizeof(h.nparams));

	if (size < at)
		return error_set(err, -EBADMSG, "an event of %zu bytes is too short", size);
	memcpy(&h, bytes, at);
	out->schema = event_schema_get(h.type);
	if (!out->schema)
		return error_set(err, -ENOENT, "event type %u is not known", h.type);
	out->ts = h.ts;
	out->tid = h.tid;

	size_t width =
	    out->schema->flags & EVENT_LARGE_PAYLOAD ? sizeof(uint32_t) : sizeof(uint16_t);
	size_t count = has_nparams ? h.nparams : out->schema->nparams;

	if (!has_nparams) {
		/* Written when the event had fewer parameters than today: as many as fill its
		 * length. */
		size_t total = 0, n = 0;

		for (; n < count && at + (n + 1) * width + total <= size; n++) {
			uint16_t length;

			memcpy(&length, bytes + at + n * width, sizeof(length));
			if (at + (n + 1) * width + total + length > size)
				break;
			total += length;
			if (at + (n + 1) * width + total == size) {
				n++;
				break;
			}
		}
		count = n;
	}
	if (count > (size - at) / width)
		return error_set(err, -EBADMSG,
				 "an event names more parameters than it has room for");

	const uint8_t *lengths = bytes + at;
	size_t data = at + count * width;

	/* Parameters that today's schema does not know are of a newer writer: left out. */
	out->count = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t length = 0;

		memcpy(&length, lengths + i * width, width);
		if (length > size - data)
			return error_set(err, -EBADMSG,
					 "parameter %zu of %s is longer than the event", i,
					 out->schema->name);
		if (i < out->schema->nparams && i < RECORD_PARAMS_MAX)
			out->params[out->count++] =
			    (struct str){(const char *)bytes + data, length};
		data += length;
	}
	return 0;
}

static int remember(struct converter *c, const struct parts *parts)
{
	struct remembered *r = u64map_get(&c->enters, parts->tid);
	size_t size = 0, at = 0;

	for (uint32_t i = 0; i < parts->count; i++)
		size += parts->params[i].n;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		u64map_put(&c->enters, parts->tid, r);
	}
	if (r->room < size) {
		uint8_t *bigger = realloc(r->bytes, size);

		if (!bigger)
			return -ENOMEM;
		r->bytes = bigger;
		r->room = size;
	}
	r->parts = *parts;
	for (uint32_t i = 0; i < parts->count; i++) {
		if (parts->params[i].n)
			memcpy(r->bytes + at, parts->params[i].p, parts->params[i].n);
		r->parts.params[i].p = (const char *)r->bytes + at;
		at += parts->params[i].n;
	}
	return 0;
}

static void forget(struct converter *c, uint64_t tid)
{
	struct remembered *r = u64map_remove(&c->enters, tid);

	if (r)
		free(r->bytes);
	free(r);
}

static const struct event_schema *successor(const struct event_schema *old)
{
	if (!(old->flags & EVENT_OLD_VERSION))
		return old;
	for (size_t i = 0; i < sizeof(successors) / sizeof(successors[0]); i++)
		if (successors[i].old == old->code)
			return event_schema_get(successors[i].today);

	int code = event_code_by_name(str_from(old->name));
	return code < 0 ? old : event_schema_get((uint16_t)code);
}

static const struct str *find_param(const struct parts *parts, const char *name)
{
	for (uint32_t i = 0; i < parts->count; i++)
		if (strcmp(parts->schema->params[i].name, name) == 0)
			return &parts->params[i];
	return NULL;
}

static const char *old_name(const char *event, const char *name)
{
	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (strcmp(renamed[i].event, event) == 0 && strcmp(renamed[i].today, name) == 0)
			return renamed[i].old;
	return name;
}

/* Where the value of a parameter of today's event comes from. */
static struct str convert_param(const struct parts *old, const struct parts *enter,
				const struct event_schema *today, unsigned index)
{
	static const char zeros[8];
	const struct param_schema *param = &today->params[index];
	const char *name = old_name(today->name, param->name);
	const struct str *found = find_param(old, param->name);

	if (!found && enter)
		found = find_param(enter, param->name);
	if (!found)
		found = find_param(old, name);
	if (!found && enter)
		found = find_param(enter, name);
	if (found)
		return *found;
	if (is_left_empty(old, today, index))
		return (struct str){"", 0};
	return (struct str){zeros, param_number_size(param->type)};
}

static int put_together(const struct parts *parts, uint8_t *out, size_t room, size_t *out_size,
			struct error *err)
{
	size_t width =
	    parts->schema->flags & EVENT_LARGE_PAYLOAD ? sizeof(uint32_t) : sizeof(uint16_t);
	size_t at = sizeof(struct event_header) + parts->count * width;
	struct event_header h = {.ts = parts->ts,
				 .tid = parts->tid,
				 .type = parts->schema->code,
				 .nparams = parts->count};

	for (uint32_t i = 0; i < parts->count; i++) {
		uint32_t length = (uint32_t)parts->params[i].n;

		if (at + length > room)
			return error_set(err, -EMSGSIZE, "a %s event is too large",
					 parts->schema->name);
		memcpy(out + sizeof(h) + i * width, &length, width);
		if (length)
			memcpy(out + at, parts->params[i].p, length);
		at += length;
	}
	h.len = (uint32_t)at;
	memcpy(out, &h, sizeof(h));
	*out_size = at;
	return CONVERT_EVENT;
}

int converter_event(struct converter *c, const struct capture_event *in, uint8_t *out, size_t room,
		    size_t *out_size, struct error *err)
{
	struct parts old;
	int e = take_apart(in->bytes, in->size, in->has_nparams, &old, err);

	if (e < 0)
		return e;

	uint16_t flags = old.schema->flags;
	bool is_syscall_enter = (flags & EVENT_ENTER) && (flags & EVENT_SYSCALL);

	if (is_syscall_enter) {
		if (remember(c, &old) < 0)
			return error_set(err, -ENOMEM, "out of memory");
		return is_numbered(old.schema) ? CONVERT_NUMBERED : CONVERT_REMEMBERED;
	}
	/* Of no use to anybody. */
	if (flags & EVENT_UNUSED)
		return CONVERT_REMEMBERED;

	const struct event_schema *today = successor(old.schema);
	struct remembered *r = u64map_get(&c->enters, old.tid);
	struct parts new = {.schema = today, .ts = old.ts, .tid = old.tid, .count = today->nparams};

	/* Events that never had another form stand as they were written, parameters missing or not.
	 */
	if (today == old.schema && !(flags & EVENT_CONVERTED))
		new.count = old.count;

	/* An enter event serves one exit of the same call; of another call it is stale. */
	const struct parts *enter = NULL;
	if (r && r->parts.schema && strcmp(r->parts.schema->name, old.schema->name) == 0)
		enter = &r->parts;
	for (unsigned i = 0; i < new.count; i++)
		new.params[i] = convert_param(&old, enter, today, i);
	e = put_together(&new, out, room, out_size, err);
	if (r && strcmp(today->name, "procexit") == 0)
		forget(c, old.tid);
	else if (r && !(flags & EVENT_ENTER))
		r->parts.schema = NULL;
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/convert.h"

#include "base/buffer.h"
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

/* What there is to do about events of a code. */
enum way {
	WAY_AS_IS,    /* it never had another form: it stands as it was written */
	WAY_IF_WHOLE, /* it is of today if it has all parameters */
	WAY_REMEMBER, /* an enter event */
	WAY_NUMBER,   /* the same, with a number of its own */
	WAY_PASS,     /* of no use to anybody */
	WAY_CONVERT,
};

/* Where the parameters of today's event come from: indices, -1 where there is none. */
struct sources {
	int8_t by_name[RECORD_PARAMS_MAX];
	int8_t by_old_name[RECORD_PARAMS_MAX];
};

struct conversion {
	const struct event_schema *today; /* NULL: not made yet */
	const struct event_schema *enter; /* whose parameters from_enter tells; NULL: none yet */
	bool is_as_written;               /* parameters that are missing stay so */
	struct sources from_old, from_enter;
	uint8_t enter_asks[RECORD_PARAMS_MAX]; /* parameters that the exit event must have */
	uint8_t zeros[RECORD_PARAMS_MAX];      /* bytes of a parameter that nobody has */
};

/* Enter events are waited for by so many threads, in so many bytes; then all are forgotten. */
enum { REMEMBERED_MAX = 1 << 17, REMEMBERED_BYTES_MAX = 64 * 1024 * 1024 };

/* The first container events had a parameter for each of a few values; those of today a JSON text.
 */
enum { CODE_FIRST_CONTAINER = 228, CONTAINER_SIZE_MAX = 8192 };

struct converter {
	struct u64map enters; /* tid → struct remembered */
	size_t remembered_bytes;
	uint64_t duration;               /* see converter_duration */
	uint8_t *ways;                   /* by code: enum way */
	uint8_t *counts;                 /* by code: parameters of today */
	struct conversion **conversions; /* by code, NULL: not made yet */
	uint16_t procexit;
	uint16_t execve_kind, execveat_kind;
	struct event_enter enter;           /* of the last event; schema NULL: none */
	char container[CONTAINER_SIZE_MAX]; /* of old container events, as JSON */
	_Alignas(8) uint8_t out[CONVERTED_SIZE_MAX];
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
 * Parameters that the enter event has, too, but that are taken from there only where the exit event
 * has so many parameters of its own: the flags of an execveat are others than those of the program
 * that it starts.
 */
static const struct {
	const char *event, *param;
	uint8_t count;
} held_back[] = {{"execveat", "flags", UINT8_MAX}, {"connect", "addr", 3}};

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

static bool is_left_empty(const struct event_schema *old, const struct event_schema *today,
			  unsigned index)
{
	/* The result of calls of which nothing was recorded once. */
	if (index == 0 &&
	    (strcmp(today->name, "recvmmsg") == 0 || strcmp(today->name, "sendmmsg") == 0))
		return false;
	/* Its first form had fewer arguments. */
	if (strcmp(today->name, "ioctl") == 0)
		return old != today;
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

static enum way way_of(const struct event_schema *schema)
{
	uint16_t flags = schema->flags;

	if (flags & EVENT_ENTER && flags & EVENT_SYSCALL)
		return is_numbered(schema) ? WAY_NUMBER : WAY_REMEMBER;
	if (flags & EVENT_UNUSED)
		return WAY_PASS;
	if (flags & EVENT_OLD_VERSION)
		return WAY_CONVERT;
	return flags & EVENT_CONVERTED ? WAY_IF_WHOLE : WAY_AS_IS;
}

static uint16_t kind_of(const char *event)
{
	int code = event_code_by_name(str_from(event));

	return code < 0 ? 0 : event_schema_get((uint16_t)code)->kind;
}

struct converter *converter_new(void)
{
	struct converter *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	/* All but the room for what comes out. */
	memset(c, 0, offsetof(struct converter, out));
	c->ways = malloc(event_code_count);
	c->counts = malloc(event_code_count);
	c->conversions = calloc(event_code_count, sizeof(struct conversion *));
	if (!c->ways || !c->counts || !c->conversions) {
		converter_free(c);
		return NULL;
	}
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		c->ways[code] = (uint8_t)way_of(schema);
		c->counts[code] = schema->nparams;
	}
	c->procexit = (uint16_t)event_code_by_name(STR("procexit"));
	c->execve_kind = kind_of("execve");
	c->execveat_kind = kind_of("execveat");
	return c;
}

static void forget_all(struct converter *c)
{
	for (size_t i = 0; i < c->enters.size; i++) {
		struct remembered *r = c->enters.entries[i].value;

		if (r)
			free(r->bytes);
		free(r);
	}
	u64map_free(&c->enters);
	c->remembered_bytes = 0;
}

void converter_free(struct converter *c)
{
	if (!c)
		return;
	forget_all(c);
	for (uint16_t code = 0; c->conversions && code < event_code_count; code++)
		free(c->conversions[code]);
	free(c->conversions);
	free(c->ways);
	free(c->counts);
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

static void forget(struct converter *c, uint64_t tid)
{
	struct remembered *r = u64map_remove(&c->enters, tid);

	if (!r)
		return;
	c->remembered_bytes -= r->room;
	free(r->bytes);
	free(r);
}

static struct remembered *remembered_of(struct converter *c, uint64_t tid, size_t size)
{
	struct remembered *r = u64map_get(&c->enters, tid);

	if (r && r->room >= size)
		return r;
	if ((!r && c->enters.count >= REMEMBERED_MAX) ||
	    c->remembered_bytes + size > REMEMBERED_BYTES_MAX) {
		forget_all(c);
		r = NULL;
	}
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return NULL;
		u64map_put(&c->enters, tid, r);
	}
	if (r->room < size) {
		uint8_t *bigger = realloc(r->bytes, size);

		if (!bigger)
			return NULL;
		c->remembered_bytes += size - r->room;
		r->bytes = bigger;
		r->room = size;
	}
	return r;
}

static int remember(struct converter *c, const struct parts *parts)
{
	struct remembered *r;
	size_t size = 0, at = 0;

	for (uint32_t i = 0; i < parts->count; i++)
		size += parts->params[i].n;
	r = remembered_of(c, parts->tid, size);
	if (!r)
		return -ENOMEM;
	r->parts.schema = parts->schema;
	r->parts.ts = parts->ts;
	r->parts.count = parts->count;
	for (uint32_t i = 0; i < parts->count; i++) {
		size_t n = parts->params[i].n;

		r->parts.params[i] = n ? (struct str){(const char *)r->bytes + at, n} : STR("");
		if (n)
			memcpy(r->bytes + at, parts->params[i].p, n);
		at += n;
	}
	return 0;
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

static const char *old_name(const char *event, const char *name)
{
	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (strcmp(renamed[i].event, event) == 0 && strcmp(renamed[i].today, name) == 0)
			return renamed[i].old;
	return name;
}

static int8_t param_index(const struct event_schema *schema, const char *name)
{
	return (int8_t)event_schema_param(schema, str_from(name));
}

static void find_sources(const struct event_schema *today, const struct event_schema *in,
			 struct sources *out)
{
	for (unsigned i = 0; i < today->nparams; i++) {
		const char *name = today->params[i].name;

		out->by_name[i] = param_index(in, name);
		out->by_old_name[i] = param_index(in, old_name(today->name, name));
	}
}

static uint8_t asked_of(const struct event_schema *today, unsigned index)
{
	for (size_t i = 0; i < sizeof(held_back) / sizeof(held_back[0]); i++)
		if (strcmp(held_back[i].event, today->name) == 0 &&
		    strcmp(held_back[i].param, today->params[index].name) == 0)
			return held_back[i].count;
	return 0;
}

static struct conversion *conversion_of(struct converter *c, const struct event_schema *old)
{
	struct conversion *v = c->conversions[old->code];

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	c->conversions[old->code] = v;
	v->today = successor(old);
	v->is_as_written = v->today == old && !(old->flags & EVENT_CONVERTED);
	find_sources(v->today, old, &v->from_old);
	for (unsigned i = 0; i < v->today->nparams; i++)
		v->enter_asks[i] = asked_of(v->today, i);
	for (unsigned i = 0; i < v->today->nparams; i++)
		if (!is_left_empty(old, v->today, i))
			v->zeros[i] = (uint8_t)param_number_size(v->today->params[i].type);
	return v;
}

static const struct str *param_at(const struct parts *parts, int8_t index)
{
	return index >= 0 && (uint32_t)index < parts->count ? &parts->params[index] : NULL;
}

/* By its name today before its former one; in the old event before its enter event. */
static const struct str *find_param(const struct conversion *v, const struct parts *old,
				    const struct parts *enter, unsigned index)
{
	const struct str *found = param_at(old, v->from_old.by_name[index]);

	if (old->count < v->enter_asks[index])
		enter = NULL;
	if (!found && enter)
		found = param_at(enter, v->from_enter.by_name[index]);
	if (!found)
		found = param_at(old, v->from_old.by_old_name[index]);
	if (!found && enter)
		found = param_at(enter, v->from_enter.by_old_name[index]);
	return found;
}

static struct str without_nul(const struct parts *parts, unsigned index)
{
	struct str s = index < parts->count ? parts->params[index] : (struct str){"", 0};

	return str_slice(s, 0, str_find_byte(s, '\0', 0));
}

/* Empty where the values are too long. */
static struct str container_json(struct converter *c, const struct parts *old)
{
	struct buffer json = BUFFER(c->container);
	uint32_t type = 0;

	if (old->count > 1 && old->params[1].n == sizeof(type))
		memcpy(&type, old->params[1].p, sizeof(type));
	buffer_put(&json, STR("{\"id\":\""));
	buffer_put(&json, without_nul(old, 0));
	buffer_printf(&json, "\",\"type\":%u,\"name\":\"", type);
	buffer_put(&json, without_nul(old, 2));
	buffer_put(&json, STR("\",\"image\":\""));
	buffer_put(&json, without_nul(old, 3));
	buffer_put(&json, STR("\"}"));
	buffer_putc(&json, '\0');
	return json.n < sizeof(c->container) ? buffer_str(&json) : (struct str){"", 0};
}

static int put_together(struct converter *c, const struct parts *parts, struct str *out,
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

		if (at + length > sizeof(c->out))
			return error_set(err, -EMSGSIZE, "a %s event is too large",
					 parts->schema->name);
		memcpy(c->out + sizeof(h) + i * width, &length, width);
		if (length)
			memcpy(c->out + at, parts->params[i].p, length);
		at += length;
	}
	h.len = (uint32_t)at;
	memcpy(c->out, &h, sizeof(h));
	*out = (struct str){(const char *)c->out, at};
	return CONVERT_EVENT;
}

/* An enter event serves one exit, which came at ts, if that is of the same call. */
static void use_up(struct converter *c, uint64_t tid, struct remembered *r,
		   const struct event_schema *old, const struct event_schema *today, uint64_t ts)
{
	const struct event_schema *enter = r->parts.schema;

	if (enter && enter->kind == old->kind && ts > r->parts.ts)
		c->duration = ts - r->parts.ts;
	if (today->code == c->procexit) {
		forget(c, tid);
		return;
	}
	if (today->flags & EVENT_ENTER || !enter)
		return;
	r->parts.schema = NULL;
	/* An execveat that succeeds may end as an execve. */
	if (c->ways[enter->code] == WAY_NUMBER &&
	    (enter->kind == today->kind ||
	     (enter->kind == c->execveat_kind && today->kind == c->execve_kind)))
		c->enter = (struct event_enter){enter, r->parts.count, r->parts.params};
}

static int convert(struct converter *c, const struct parts *old, struct str *out, struct error *err)
{
	static const char zeros[8];
	struct conversion *v = conversion_of(c, old->schema);
	struct remembered *r = u64map_get(&c->enters, old->tid);
	const struct parts *enter = NULL;
	struct parts new;
	int e;

	if (!v)
		return error_set(err, -ENOMEM, "out of memory");
	/* Of another call it is stale. */
	if (r && r->parts.schema && r->parts.schema->kind == old->schema->kind)
		enter = &r->parts;
	if (enter && v->enter != enter->schema) {
		find_sources(v->today, enter->schema, &v->from_enter);
		v->enter = enter->schema;
	}
	new.schema = v->today;
	new.ts = old->ts;
	new.tid = old->tid;
	new.count = v->is_as_written ? old->count : v->today->nparams;
	for (unsigned i = 0; i < new.count; i++) {
		const struct str *found = find_param(v, old, enter, i);

		new.params[i] = found ? *found : (struct str){zeros, v->zeros[i]};
	}
	if (old->schema->code == CODE_FIRST_CONTAINER && new.count)
		new.params[0] = container_json(c, old);
	e = put_together(c, &new, out, err);
	if (r)
		use_up(c, old->tid, r, old->schema, v->today, old->ts);
	return e;
}

/* Most events of today's captures need nothing. */
static bool is_of_today(const struct converter *c, const struct capture_event *in,
			const struct event_header *h)
{
	return in->has_nparams && in->size >= sizeof(*h) && h->type < event_code_count &&
	       ((c->ways[h->type] == WAY_AS_IS && h->nparams <= c->counts[h->type]) ||
		(c->ways[h->type] == WAY_IF_WHOLE && h->nparams == c->counts[h->type]));
}

/* Apart from the short way, which needs none of what this keeps on the stack. */
static __attribute__((noinline)) int event_of_old(struct converter *c,
						  const struct capture_event *in, struct str *out,
						  struct error *err)
{
	struct parts old;
	int e = take_apart(in->bytes, in->size, in->has_nparams, &old, err);

	if (e < 0)
		return e;

	enum way way = (enum way)c->ways[old.schema->code];
	if (way == WAY_PASS)
		return CONVERT_REMEMBERED;
	if (way != WAY_REMEMBER && way != WAY_NUMBER)
		return convert(c, &old, out, err);
	if (remember(c, &old) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return way == WAY_NUMBER ? CONVERT_NUMBERED : CONVERT_REMEMBERED;
}

static __attribute__((noinline)) void use_up_enter(struct converter *c,
						   const struct event_header *h)
{
	const struct event_schema *schema = event_schema_get(h->type);
	struct remembered *r = u64map_get(&c->enters, h->tid);

	if (r)
		use_up(c, h->tid, r, schema, schema, h->ts);
}

int converter_event(struct converter *c, const struct capture_event *in, struct str *out,
		    struct error *err)
{
	const struct event_header *h = (const struct event_header *)in->bytes;

	c->duration = 0;
	c->enter.schema = NULL;
	if (!is_of_today(c, in, h))
		return event_of_old(c, in, out, err);
	if (in->size > sizeof(c->out))
		return error_set(err, -EMSGSIZE, "an event of %zu bytes is too large", in->size);
	if (c->enters.count)
		use_up_enter(c, h);
	*out = (struct str){(const char *)in->bytes, in->size};
	return CONVERT_EVENT;
}

uint64_t converter_duration(const struct converter *c)
{
	return c->duration;
}

const struct event_enter *converter_enter(const struct converter *c)
{
	return c->enter.schema ? &c->enter : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes of a value of fixed size, 0 for other types; negative: signed. */
static const int8_t param_sizes[PARAM_TYPE_COUNT] = {
    [PARAM_INT8] = -1,       [PARAM_INT16] = -2,      [PARAM_INT32] = -4,  [PARAM_INT64] = -8,
    [PARAM_UINT8] = 1,       [PARAM_UINT16] = 2,      [PARAM_UINT32] = 4,  [PARAM_UINT64] = 8,
    [PARAM_ERRNO] = -8,      [PARAM_FD] = -8,         [PARAM_PID] = -8,    [PARAM_SYSCALLID] = 2,
    [PARAM_SIGTYPE] = 1,     [PARAM_RELTIME] = 8,     [PARAM_ABSTIME] = 8, [PARAM_PORT] = 2,
    [PARAM_L4PROTO] = 1,     [PARAM_SOCKFAMILY] = 1,  [PARAM_BOOL] = 1,    [PARAM_IPV4ADDR] = 4,
    [PARAM_FLAGS8] = 1,      [PARAM_FLAGS16] = 2,     [PARAM_FLAGS32] = 4, [PARAM_ENUMFLAGS8] = 1,
    [PARAM_ENUMFLAGS16] = 2, [PARAM_ENUMFLAGS32] = 4, [PARAM_UID] = 4,     [PARAM_GID] = 4,
    [PARAM_SIGSET] = 4,      [PARAM_MODE] = 4,        [PARAM_FD32] = -4,   [PARAM_PID32] = -4,
};

size_t param_number_size(enum param_type type)
{
	return (size_t)abs(param_sizes[type]);
}

static size_t length_size(const struct event_schema *schema)
{
	return schema->flags & EVENT_LARGE_PAYLOAD ? sizeof(uint32_t) : sizeof(uint16_t);
}

static uint32_t read_length(const uint8_t *lengths, size_t size, uint32_t index)
{
	uint16_t small;
	uint32_t large;

	if (size == sizeof(large)) {
		memcpy(&large, lengths + index * size, sizeof(large));
		return large;
	}
	memcpy(&small, lengths + index * size, sizeof(small));
	return small;
}

/* each: length_size; a constant where it is called, so that there is one loop for either size. */
static inline __attribute__((always_inline)) int decode_params(struct event *e, size_t each,
							       size_t size, struct error *err)
{
	const uint8_t *lengths = (const uint8_t *)(e->header + 1);
	uint32_t nparams = e->header->nparams;
	size_t room = size - sizeof(*e->header);
	const char *bytes;

	if (nparams > RECORD_PARAMS_MAX)
		return error_set(err, -EBADMSG, "%s event with %u parameters", e->schema->name,
				 nparams);
	if (room < nparams * each)
		return error_set(err, -EBADMSG, "%s event too short for its %u parameters",
				 e->schema->name, nparams);
	bytes = (const char *)lengths + nparams * each;
	room -= nparams * each;
	/* Newer writers may have added parameters at the end, older ones lack some. */
	e->nparams = nparams < e->schema->nparams ? nparams : e->schema->nparams;
	for (uint32_t i = 0; i < e->nparams; i++) {
		uint32_t length = read_length(lengths, each, i);

		if (length > room)
			return error_set(err, -EBADMSG,
					 "%s event: parameter %s is longer than the event",
					 e->schema->name, e->schema->params[i].name);
		e->params[i] = (struct str){bytes, length};
		bytes += length;
		room -= length;
	}
	return 0;
}

/*
 * The kind of a generic event. A writer that did not know the call yet gave it number 0; the native
 * number names it then. A capture does not say of which architecture that is; those that have such
 * events are of x86-64.
 */
static uint16_t generic_kind(const struct event *e)
{
	uint64_t scap_nr = 0, nr;
	int kind;

	event_param_u64(e, 0, &scap_nr);
	if (scap_nr == 0 && event_param_u64(e, 1, &nr) && nr < SYSCALL_NR_LIMIT) {
		kind = event_kind_of_x86_64((uint16_t)nr);
		if (kind >= 0)
			return (uint16_t)kind;
	}
	return event_kind_of_generic((uint16_t)scap_nr);
}

/*
 * The bound part; not the parameters, which are as large as all the rest. In pieces that compilers
 * make a few stores of: of the whole they make a `rep stos`, which took a quarter of decoding.
 */
static void zero_bound_part(struct event *e)
{
	e->annex = e->annex_end = NULL;
	e->tape = NULL;
	e->thread = NULL;
	e->process = NULL;
	e->enter = NULL;
	memset(&e->fd, 0, offsetof(struct event_fd, local));
	memset(&e->fd.local, 0, sizeof(e->fd) - offsetof(struct event_fd, local));
	e->fd.num = -1;
	e->name_view = NAME_GIVEN;
	e->has_second_name = false;
}

/*
 * Records follow each other, in rings as in files: what comes next is fetched while this event is
 * judged. Without that a sixth of the time to the verdict was waiting for the record.
 */
static void prefetch_next(const void *record, size_t size)
{
	enum { LINE = 64, LINES = 6 };
	const char *next = (const char *)record + size;

	for (int i = 0; i < LINES; i++)
		__builtin_prefetch(next + i * LINE);
}

static int decode(struct event *e, const struct record *r, const struct event_header *header,
		  size_t size, struct error *err)
{
	size_t event_size = header->len;

	zero_bound_part(e);
	e->record = r;
	e->header = header;
	e->schema = event_schema_get(header->type);
	if (!e->schema)
		return error_set(err, -ENOENT, "event of unknown type %u", header->type);
	if (event_size > size || event_size < sizeof(*header))
		return error_set(err, -EBADMSG, "%s event whose length is wrong", e->schema->name);
	e->time = header->ts;
	e->number = 0;
	e->cpu = r->cpu;
	e->kind = e->schema->kind;
	if (length_size(e->schema) == sizeof(uint16_t)
		? decode_params(e, sizeof(uint16_t), event_size, err)
		: decode_params(e, sizeof(uint32_t), event_size, err))
		return -EBADMSG;
	if (e->schema->code > 1)
		return 0;
	e->kind = generic_kind(e);
	if (header->type != 1 || header->nparams <= e->nparams)
		return 0;
	e->schema = event_schema_of_generic(e->kind);
	return decode_params(e, sizeof(uint16_t), event_size, err);
}

int event_decode(struct event *e, const void *record, size_t size, struct error *err)
{
	const struct record *r = record;

	if ((uintptr_t)record % 8 != 0)
		return error_set(err, -EBADMSG, "record that is not aligned to 8 bytes");
	if (size < sizeof(*r) + sizeof(struct event_header) || r->size > size)
		return error_set(err, -EBADMSG, "record of %zu bytes that is cut short", size);
	if (r->annex_offset > r->size || r->annex_offset % 8 != 0 || r->annex_offset < sizeof(*r) ||
	    r->event_size > r->annex_offset - sizeof(*r) ||
	    r->event_size < sizeof(struct event_header))
		return error_set(err, -EBADMSG, "record whose parts do not fit in its size");

	prefetch_next(record, size);
	int status = decode(e, r, (const struct event_header *)(r + 1), r->event_size, err);
	if (status < 0)
		return status;
	if (r->annex_offset < r->size) {
		e->annex = (const uint8_t *)r + r->annex_offset;
		e->annex_end = (const uint8_t *)r + r->size;
	}
	return 0;
}

int event_decode_apart(struct event *e, const struct record *r, struct str event, struct error *err)
{
	if (event.n < sizeof(struct event_header))
		return error_set(err, -EBADMSG, "event of %zu bytes that is cut short", event.n);
	prefetch_next(event.p, event.n);
	return decode(e, r, (const struct event_header *)event.p, event.n, err);
}

/* The integer at a parameter, whatever its size; negative sizes in the table are signed. */
static bool param_integer(const struct event *e, unsigned index, uint64_t *out)
{
	struct str bytes;
	int size;

	if (index >= e->nparams)
		return false;
	size = param_sizes[e->schema->params[index].type];
	bytes = e->params[index];
	if (size == 0)
		return false;
	/* Captures of other versions hold some values in another size than the schema says. */
	switch (bytes.n) {
	case 1: {
		uint8_t v;

		memcpy(&v, bytes.p, 1);
		*out = size < 0 ? (uint64_t)(int64_t)(int8_t)v : v;
		return true;
	}
	case 2: {
		uint16_t v;

		memcpy(&v, bytes.p, 2);
		*out = size < 0 ? (uint64_t)(int64_t)(int16_t)v : v;
		return true;
	}
	case 4: {
		uint32_t v;

		memcpy(&v, bytes.p, 4);
		*out = size < 0 ? (uint64_t)(int64_t)(int32_t)v : v;
		return true;
	}
	case 8:
		memcpy(out, bytes.p, 8);
		return true;
	default:
		return false;
	}
}

bool event_param_i64(const struct event *e, unsigned index, int64_t *out)
{
	uint64_t bits;

	if (!param_integer(e, index, &bits))
		return false;
	*out = (int64_t)bits;
	return true;
}

bool event_param_u64(const struct event *e, unsigned index, uint64_t *out)
{
	return param_integer(e, index, out);
}

bool event_param_str(const struct event *e, unsigned index, struct str *out)
{
	struct str bytes;

	if (index >= e->nparams || e->params[index].n == 0)
		return false;
	bytes = e->params[index];
	switch (e->schema->params[index].type) {
	case PARAM_BYTEBUF:
		*out = bytes;
		return true;
	case PARAM_CHARBUF:
	case PARAM_FSPATH:
	case PARAM_FSRELPATH:
		*out = (struct str){bytes.p, strnlen(bytes.p, bytes.n)};
		return true;
	default:
		return false;
	}
}

const struct annex_item *event_annex_find(const struct event *e, enum annex_kind kind, int subject)
{
	const struct annex_item *item = NULL;

	while ((item = event_annex_next(e, item))) {
		if (item->kind == kind && (subject < 0 || item->subject == subject))
			return item;
	}
	return NULL;
}

bool event_result(const struct event *e, int64_t *out)
{
	uint16_t flags = e->schema->flags;

	if (!(flags & EVENT_SYSCALL) || flags & EVENT_ENTER)
		return false;
	/* The generic event has no parameter for it, but what the probe sends says it. */
	if (e->schema->code == 1) {
		*out = e->record->ret;
		return e->record->flags & RECORD_HAS_TASK && e->record->syscall_nr != UINT16_MAX;
	}
	return event_param_i64(e, 0, out);
}

static void *take(struct record_builder *b, size_t size)
{
	void *p = b->memory + b->size;

	if (b->is_full || size > b->room - b->size) {
		b->is_full = true;
		return NULL;
	}
	b->size += size;
	return p;
}

void record_begin(struct record_builder *b, void *memory, size_t room, uint16_t code, uint64_t ts,
		  const struct task_facts *task, int64_t ret)
{
	struct event_header *header;
	struct record *r;
	uint8_t *lengths;
	size_t lengths_size;

	*b = (struct record_builder){.memory = memory, .room = room};
	b->schema = event_schema_get(code);
	if (!b->schema) {
		b->is_full = true;
		return;
	}
	lengths_size = b->schema->nparams * length_size(b->schema);
	r = take(b, sizeof(*r));
	header = take(b, sizeof(*header));
	lengths = take(b, lengths_size);
	if (b->is_full)
		return;
	memset(r, 0, sizeof(*r));
	r->ret = ret;
	r->syscall_nr = UINT16_MAX;
	if (task) {
		r->task = *task;
		r->flags = RECORD_HAS_TASK;
	}
	*header = (struct event_header){.ts = ts,
					.tid = task ? (uint64_t)task->tid : 0,
					.type = code,
					.nparams = b->schema->nparams};
	memset(lengths, 0, lengths_size);
}

void record_param(struct record_builder *b, struct str bytes)
{
	uint8_t *lengths;
	size_t each;
	void *to;

	if (b->is_full)
		return;
	each = length_size(b->schema);
	if (b->params_done >= b->schema->nparams ||
	    (each == sizeof(uint16_t) && bytes.n > UINT16_MAX)) {
		b->is_full = true;
		return;
	}
	to = take(b, bytes.n);
	if (!to)
		return;
	if (bytes.n)
		memcpy(to, bytes.p, bytes.n);
	lengths = b->memory + sizeof(struct record) + sizeof(struct event_header);
	if (each == sizeof(uint32_t)) {
		uint32_t n = (uint32_t)bytes.n;

		memcpy(lengths + b->params_done * each, &n, each);
	} else {
		uint16_t n = (uint16_t)bytes.n;

		memcpy(lengths + b->params_done * each, &n, each);
	}
	b->params_done++;
}

void record_param_str(struct record_builder *b, struct str text)
{
	char *to;

	record_param(b, text);
	to = take(b, 1);
	if (to) {
		uint8_t *lengths = b->memory + sizeof(struct record) + sizeof(struct event_header);
		size_t each = length_size(b->schema);
		uint32_t n = read_length(lengths, each, b->params_done - 1) + 1;

		*to = '\0';
		/* Little and big lengths alike: the text was checked to be shorter. */
		if (each == sizeof(uint32_t)) {
			memcpy(lengths + (b->params_done - 1) * each, &n, each);
		} else if (n <= UINT16_MAX) {
			uint16_t small = (uint16_t)n;

			memcpy(lengths + (b->params_done - 1) * each, &small, each);
		} else {
			b->is_full = true;
		}
	}
}

void record_param_int(struct record_builder *b, int64_t value)
{
	size_t size;

	if (b->is_full || b->params_done >= b->schema->nparams) {
		b->is_full = true;
		return;
	}
	size = param_number_size(b->schema->params[b->params_done].type);
	if (size == 0)
		size = 8;
	switch (size) {
	case 1:
		record_param(b, (struct str){(char *)&(uint8_t){(uint8_t)value}, 1});
		break;
	case 2:
		record_param(b, (struct str){(char *)&(uint16_t){(uint16_t)value}, 2});
		break;
	case 4:
		record_param(b, (struct str){(char *)&(uint32_t){(uint32_t)value}, 4});
		break;
	default:
		record_param(b, (struct str){(char *)&value, 8});
		break;
	}
}

/* Pads to a multiple of 8. */
static void pad(struct record_builder *b)
{
	size_t padding = -b->size & 7u;
	void *to = take(b, padding);

	if (to)
		memset(to, 0, padding);
}

/* The event ends where the first annex item, or the end, comes. */
static void end_event(struct record_builder *b)
{
	struct record *r = (struct record *)b->memory;
	struct event_header *header = (struct event_header *)(r + 1);

	if (b->is_full || r->annex_offset)
		return;
	r->event_size = (uint32_t)(b->size - sizeof(*r));
	header->len = r->event_size;
	pad(b);
	r->annex_offset = (uint32_t)b->size;
}

void record_annex(struct record_builder *b, enum annex_kind kind, uint8_t subject, struct str bytes)
{
	struct annex_item *item;
	void *to;

	if (bytes.n > UINT16_MAX)
		b->is_full = true;
	end_event(b);
	item = take(b, sizeof(*item));
	to = take(b, bytes.n);
	pad(b);
	if (b->is_full)
		return;
	*item = (struct annex_item){
	    .kind = (uint16_t)kind, .size = (uint16_t)bytes.n, .subject = subject};
	if (bytes.n)
		memcpy(to, bytes.p, bytes.n);
}

size_t record_end(struct record_builder *b)
{
	end_event(b);
	if (b->is_full)
		return 0;
	((struct record *)b->memory)->size = (uint32_t)b->size;
	return b->size;
}

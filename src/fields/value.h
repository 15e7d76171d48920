/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields: what extractors answer, conditions compare and outputs print.
 *
 * A value is a view: its bytes belong to the event, the state or the event's scratch arena. Absent
 * is not a value: extractors answer false.
 */
#ifndef SAKER_FIELDS_VALUE_H
#define SAKER_FIELDS_VALUE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "event/event.h"

/* The types of the condition language. */
enum value_type {
	VALUE_STRING,
	VALUE_BYTES,
	VALUE_I64,     /* all signed sizes, pids, fds, errno */
	VALUE_U64,     /* all unsigned sizes, flags, modes, uids, ports */
	VALUE_BOOL,    /* in u64 */
	VALUE_RELTIME, /* ns, in u64 */
	VALUE_ABSTIME, /* ns since the epoch, in u64 */
	VALUE_DOUBLE,
	VALUE_IP,
	VALUE_NET, /* filter only */
	VALUE_TYPE_COUNT
};

struct ip_network {
	struct ip_address address; /* host bits zero */
	uint8_t prefix;
};

struct value {
	enum value_type type : 8;
	bool is_list; /* `list` holds count values of that type */
	uint32_t count;
	union {
		struct str str;
		int64_t i64;
		uint64_t u64;
		double real;
		struct ip_address ip;
		struct ip_network net;
		const struct value *list;
	};
};

static inline struct value value_str(struct str s)
{
	return (struct value){.type = VALUE_STRING, .str = s};
}
static inline struct value value_i64(int64_t v)
{
	return (struct value){.type = VALUE_I64, .i64 = v};
}
static inline struct value value_u64(uint64_t v)
{
	return (struct value){.type = VALUE_U64, .u64 = v};
}
static inline struct value value_bool(bool v)
{
	return (struct value){.type = VALUE_BOOL, .u64 = v};
}

/*
 * For extractors, which answer true with a value: written member by member, because a whole value
 * is made on the stack and copied at once, which has to wait for what it was made of. That was a
 * twentieth of the time to a verdict.
 */
static inline void value_begin(struct value *out, enum value_type type)
{
	out->type = type;
	out->is_list = false;
	out->count = 0;
}
static inline bool answer_str(struct value *out, struct str s)
{
	value_begin(out, VALUE_STRING);
	out->str = s;
	return true;
}
static inline bool answer_number(struct value *out, enum value_type type, uint64_t v)
{
	value_begin(out, type);
	out->u64 = v;
	return true;
}
static inline bool answer_i64(struct value *out, int64_t v)
{
	return answer_number(out, VALUE_I64, (uint64_t)v);
}
static inline bool answer_u64(struct value *out, uint64_t v)
{
	return answer_number(out, VALUE_U64, v);
}
static inline bool answer_bool(struct value *out, bool v)
{
	return answer_number(out, VALUE_BOOL, v);
}

/* Bytes, with padding; in scratch. Empty where that is full. */
struct str value_base64(struct arena *scratch, struct str bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol Buffers' wire format (protobuf.dev, "Encoding"): a walk through the fields of a message,
 * by number, as views into its bytes; and messages of a few short fields. Lengths are checked, so
 * any bytes may be given; groups, which nobody sends any more, end the walk as broken bytes do.
 */
#ifndef SAKER_METADATA_PROTOBUF_H
#define SAKER_METADATA_PROTOBUF_H

#include "base/str.h"

struct protobuf_field {
	uint32_t number;
	uint64_t integer; /* of varints and fixed sizes */
	struct str bytes; /* of strings, bytes and messages */
};

/* The next field of *message, which is cut off it; false at the end, and where it is broken. */
bool protobuf_next(struct str *message, struct protobuf_field *out);
/* The last of that number, as the format has it for fields that are not repeated; empty: none. */
struct str protobuf_bytes(struct str message, uint32_t number);
uint64_t protobuf_integer(struct str message, uint32_t number);

enum { PROTOBUF_MESSAGE_MAX = 1024 };

struct protobuf_message {
	char bytes[PROTOBUF_MESSAGE_MAX];
	size_t n;
	bool is_full; /* something did not fit */
};
void protobuf_put_bytes(struct protobuf_message *m, uint32_t number, struct str bytes);
void protobuf_put_integer(struct protobuf_message *m, uint32_t number, uint64_t v);
static inline struct str protobuf_str(const struct protobuf_message *m)
{
	return (struct str){m->bytes, m->n};
}

#endif

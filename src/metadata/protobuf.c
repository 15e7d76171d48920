/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/protobuf.h"

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static bool take_varint(struct str *s, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 10 && i < s->n; i++) {
		uint8_t byte = (uint8_t)s->p[i];

		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		*s = str_slice(*s, i + 1, s->n);
		*out = v;
		return true;
	}
	return false;
}

static bool take_fixed(struct str *s, size_t n, uint64_t *out)
{
	if (s->n < n)
		return false;
	*out = 0;
	for (size_t i = n; i-- > 0;)
		*out = *out << 8 | (uint8_t)s->p[i];
	*s = str_slice(*s, n, s->n);
	return true;
}

bool protobuf_next(struct str *message, struct protobuf_field *out)
{
	uint64_t key, n;

	*out = (struct protobuf_field){.bytes = {"", 0}};
	if (!take_varint(message, &key))
		return false;
	out->number = (uint32_t)(key >> 3);
	switch (key & 7) {
	case WIRE_VARINT:
		return take_varint(message, &out->integer);
	case WIRE_FIXED64:
		return take_fixed(message, 8, &out->integer);
	case WIRE_FIXED32:
		return take_fixed(message, 4, &out->integer);
	case WIRE_BYTES:
		if (!take_varint(message, &n) || n > message->n)
			return false;
		out->bytes = str_slice(*message, 0, n);
		*message = str_slice(*message, n, message->n);
		return true;
	default:
		return false;
	}
}

struct str protobuf_bytes(struct str message, uint32_t number)
{
	struct str found = {"", 0};
	struct protobuf_field f;

	while (protobuf_next(&message, &f))
		if (f.number == number)
			found = f.bytes;
	return found;
}

uint64_t protobuf_integer(struct str message, uint32_t number)
{
	uint64_t found = 0;
	struct protobuf_field f;

	while (protobuf_next(&message, &f))
		if (f.number == number)
			found = f.integer;
	return found;
}

static void put_varint(struct protobuf_message *m, uint64_t v)
{
	do {
		if (m->n == sizeof(m->bytes)) {
			m->is_full = true;
			return;
		}
		m->bytes[m->n++] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v);
}

void protobuf_put_bytes(struct protobuf_message *m, uint32_t number, struct str bytes)
{
	put_varint(m, (uint64_t)number << 3 | WIRE_BYTES);
	put_varint(m, bytes.n);
	if (bytes.n > sizeof(m->bytes) - m->n) {
		m->is_full = true;
		return;
	}
	if (bytes.n)
		memcpy(m->bytes + m->n, bytes.p, bytes.n);
	m->n += bytes.n;
}

void protobuf_put_integer(struct protobuf_message *m, uint32_t number, uint64_t v)
{
	put_varint(m, (uint64_t)number << 3 | WIRE_VARINT);
	put_varint(m, v);
}

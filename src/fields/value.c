/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/fd_text.h"
#include "fields/field.h"

static void print_number(uint64_t v, bool is_signed, const struct field *field, struct buffer *out)
{
	if (field && field->flags & FIELD_HEX)
		buffer_put_hex(out, v);
	else if (field && field->flags & FIELD_OCT)
		buffer_printf(out, "%#llo", (unsigned long long)v);
	else if (field && field->flags & FIELD_NINE_DIGITS)
		buffer_printf(out, "%09llu", (unsigned long long)v);
	else if (is_signed)
		buffer_put_i64(out, (int64_t)v);
	else
		buffer_put_u64(out, v);
}

static void print_one(const struct value *v, const struct field *field, struct buffer *out)
{
	switch (v->type) {
	case VALUE_STRING:
		buffer_put(out, v->str);
		break;
	case VALUE_BYTES:
		for (size_t i = 0; i < v->str.n; i++) {
			char c = v->str.p[i];

			buffer_putc(out, c >= ' ' && c <= '~' ? c : '.');
		}
		break;
	case VALUE_I64:
		print_number((uint64_t)v->i64, true, field, out);
		break;
	case VALUE_U64:
	case VALUE_RELTIME:
	case VALUE_ABSTIME:
		print_number(v->u64, false, field, out);
		break;
	case VALUE_BOOL:
		buffer_put(out, v->u64 ? STR("true") : STR("false"));
		break;
	case VALUE_DOUBLE:
		buffer_printf(out, "%.1f", v->real);
		break;
	case VALUE_IP:
		ip_address_print(&v->ip, out);
		break;
	case VALUE_NET:
		ip_address_print(&v->net.address, out);
		buffer_putc(out, '/');
		buffer_put_u64(out, v->net.prefix);
		break;
	case VALUE_TYPE_COUNT:
		break;
	}
}

struct str value_base64(struct arena *scratch, struct str bytes)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = (bytes.n + 2) / 3 * 4;
	char *text = arena_bytes(scratch, n);

	if (!text)
		return (struct str){NULL, 0};
	for (size_t i = 0, at = 0; i < bytes.n; i += 3, at += 4) {
		size_t left = bytes.n - i;
		uint32_t bits = (uint32_t)(uint8_t)bytes.p[i] << 16;

		if (left > 1)
			bits |= (uint32_t)(uint8_t)bytes.p[i + 1] << 8;
		if (left > 2)
			bits |= (uint8_t)bytes.p[i + 2];
		text[at] = digits[bits >> 18];
		text[at + 1] = digits[bits >> 12 & 63];
		text[at + 2] = left > 1 ? digits[bits >> 6 & 63] : '=';
		text[at + 3] = left > 2 ? digits[bits & 63] : '=';
	}
	return (struct str){text, n};
}

void value_print(const struct value *v, const struct field *field, struct buffer *out)
{
	if (!v->is_list) {
		print_one(v, field, out);
		return;
	}
	bool is_text = value_is_joined(v, field);

	if (!is_text)
		buffer_putc(out, '(');
	for (uint32_t i = 0; i < v->count; i++) {
		if (i)
			buffer_putc(out, is_text ? ' ' : ',');
		print_one(&v->list[i], field, out);
	}
	if (!is_text)
		buffer_putc(out, ')');
}

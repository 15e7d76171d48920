/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/tracepoint.h"

#include <linux/btf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct types {
	const uint8_t *at, *end;
	uint32_t id; /* of the type at `at` */
};

/* Bytes behind a type's head; SIZE_MAX: no kind that is known. */
static size_t extra_size(const struct btf_type *type)
{
	size_t n = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	default:
		return SIZE_MAX;
	}
}

/* The next type, or false at the end. */
static bool types_next(struct types *t, struct btf_type *type)
{
	size_t left = (size_t)(t->end - t->at), extra;

	if (left < sizeof(*type))
		return false;
	memcpy(type, t->at, sizeof(*type));
	extra = extra_size(type);
	if (extra > left - sizeof(*type))
		return false;
	t->at += sizeof(*type) + extra;
	t->id++;
	return true;
}

static bool types_find(struct types t, uint32_t id, struct btf_type *type)
{
	while (types_next(&t, type))
		if (t.id == id)
			return true;
	return false;
}

struct sections {
	struct types types;
	const char *strings;
	size_t strings_size;
};

static bool sections_find(const void *btf, size_t size, struct sections *out)
{
	struct btf_header header;

	if (!btf || size < sizeof(header))
		return false;
	memcpy(&header, btf, sizeof(header));
	if (header.magic != BTF_MAGIC || header.hdr_len > size ||
	    header.type_off > size - header.hdr_len ||
	    header.type_len > size - header.hdr_len - header.type_off ||
	    header.str_off > size - header.hdr_len ||
	    header.str_len > size - header.hdr_len - header.str_off)
		return false;
	const uint8_t *start = (const uint8_t *)btf + header.hdr_len;
	*out = (struct sections){
	    .types = {start + header.type_off, start + header.type_off + header.type_len, 0},
	    .strings = (const char *)start + header.str_off,
	    .strings_size = header.str_len,
	};
	return true;
}

int tracepoint_arguments(const void *btf, size_t size, const char *name)
{
	struct sections sections;
	struct btf_type type;
	char whole[64] = "";
	int n = snprintf(whole + 1, sizeof(whole) - 1, "btf_trace_%s", name);

	if (n < 0 || (size_t)n + 2 > sizeof(whole) || !sections_find(btf, size, &sections))
		return -1;
	const char *strings = sections.strings;
	const char *found = memmem(strings, sections.strings_size, whole, (size_t)n + 2);
	struct types all = sections.types;

	if (!found)
		return -1;
	uint32_t offset = (uint32_t)(found + 1 - strings);

	/* A name for a pointer to the prototype, whose first parameter is not the tracepoint's. */
	for (struct types t = all; types_next(&t, &type);)
		if (BTF_INFO_KIND(type.info) == BTF_KIND_TYPEDEF && type.name_off == offset)
			return types_find(all, type.type, &type) &&
				       BTF_INFO_KIND(type.info) == BTF_KIND_PTR &&
				       types_find(all, type.type, &type) &&
				       BTF_INFO_KIND(type.info) == BTF_KIND_FUNC_PROTO &&
				       BTF_INFO_VLEN(type.info) > 0
				   ? (int)BTF_INFO_VLEN(type.info) - 1
				   : -1;
	return -1;
}

void kernel_functions(const void *btf, size_t size, const char *const *names, int *ids,
		      size_t count)
{
	struct sections sections;
	struct btf_type type;

	memset(ids, 0, count * sizeof(*ids));
	if (!sections_find(btf, size, &sections))
		return;
	for (struct types t = sections.types; types_next(&t, &type);) {
		if (BTF_INFO_KIND(type.info) != BTF_KIND_FUNC ||
		    type.name_off >= sections.strings_size)
			continue;
		const char *name = sections.strings + type.name_off;
		size_t room = sections.strings_size - type.name_off;

		for (size_t i = 0; i < count; i++) {
			size_t n = strlen(names[i]) + 1;

			if (!ids[i] && n <= room && memcmp(name, names[i], n) == 0)
				ids[i] = (int)t.id;
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/made_param.h"

#include "event/names.h"

enum { ERRNO_LIMIT = 134, SIGNAL_LIMIT = 32 };

/* "O_RDONLY|O_CREAT", or a number. */
static bool read_flags(const struct flag_table *table, struct str text, uint64_t *out)
{
	*out = 0;
	if (str_to_u64(text, out))
		return true;
	for (size_t from = 0; from < text.n;) {
		size_t to = str_find_byte(text, '|', from);
		struct str name = str_slice(text, from, to);
		bool found = false;

		for (uint16_t i = 0; i < table->count && !found; i++) {
			found = str_equal_c(name, table->flags[i].name);
			if (found)
				*out |= table->flags[i].value;
		}
		if (!found)
			return false;
		from = to + 1;
	}
	return true;
}

static bool read_named_number(struct str text, int64_t limit, const char *(*name_of)(int64_t),
			      int64_t *out)
{
	for (int64_t i = 1; i < limit; i++) {
		const char *name = name_of(i);

		if (name && str_equal_c(text, name)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static const char *signal_of(int64_t number)
{
	return signal_name((uint64_t)number);
}

bool made_param_put(struct record_builder *b, const struct param_schema *param, struct str text)
{
	uint64_t number = 0;
	int64_t signed_number = 0;

	switch (param->type) {
	case PARAM_CHARBUF:
	case PARAM_FSPATH:
	case PARAM_FSRELPATH:
		record_param_str(b, text);
		return true;
	case PARAM_BYTEBUF:
		record_param(b, text);
		return true;
	case PARAM_INT8:
	case PARAM_INT16:
	case PARAM_INT32:
	case PARAM_INT64:
	case PARAM_FD:
	case PARAM_FD32:
	case PARAM_PID:
	case PARAM_PID32:
		if (!str_to_i64(text, &signed_number))
			return false;
		record_param_int(b, signed_number);
		return true;
	case PARAM_ERRNO:
		if (str_to_i64(text, &signed_number))
			record_param_int(b, signed_number);
		else if (read_named_number(text, ERRNO_LIMIT, errno_name, &signed_number))
			record_param_int(b, -signed_number);
		else
			return false;
		return true;
	case PARAM_SIGTYPE:
		if (!str_to_i64(text, &signed_number) &&
		    !read_named_number(text, SIGNAL_LIMIT, signal_of, &signed_number))
			return false;
		record_param_int(b, signed_number);
		return true;
	case PARAM_UINT8:
	case PARAM_UINT16:
	case PARAM_UINT32:
	case PARAM_UINT64:
	case PARAM_SYSCALLID:
	case PARAM_FLAGS8:
	case PARAM_FLAGS16:
	case PARAM_FLAGS32:
	case PARAM_ENUMFLAGS8:
	case PARAM_ENUMFLAGS16:
	case PARAM_ENUMFLAGS32:
	case PARAM_MODE:
	case PARAM_UID:
	case PARAM_GID:
	case PARAM_PORT:
	case PARAM_RELTIME:
	case PARAM_ABSTIME:
		if (param->flags ? !read_flags(param->flags, text, &number)
				 : !str_to_u64(text, &number))
			return false;
		record_param_int(b, (int64_t)number);
		return true;
	default:
		return false;
	}
}

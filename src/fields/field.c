/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/field.h"

#include "base/map.h"
#include "fields/extractors.h"

#include <errno.h>
#include <pthread.h>

/* The catalogue by name. Built once, at the first lookup, and constant from then on. */
static struct strmap by_name;
static pthread_once_t by_name_once = PTHREAD_ONCE_INIT;

static void index_catalogue(void)
{
	for (size_t i = 0; i < field_count; i++)
		strmap_put(&by_name, str_from(field_catalogue[i].name),
			   (void *)(uintptr_t)&field_catalogue[i]);
}

const struct field *field_find(struct str name)
{
	pthread_once(&by_name_once, index_catalogue);
	return strmap_get(&by_name, name);
}

/*
 * The row of a name, which may have its argument behind a dot: "evt.arg.flags" is evt.arg with
 * "flags". The longest name wins.
 */
static const struct field *find_with_key(struct str name, struct str *key)
{
	const struct field *field = field_find(name);

	*key = (struct str){NULL, 0};
	for (size_t end = name.n; !field && end > 0; end--) {
		if (name.p[end - 1] != '.')
			continue;
		field = field_find(str_slice(name, 0, end - 1));
		if (field &&
		    (field->argument == ARGUMENT_NONE || field->argument_form == ARGUMENT_INDEX))
			return NULL;
		*key = str_slice(name, end, name.n);
	}
	return field;
}

static int unknown_field(struct str name, uint32_t sources, struct error *err)
{
	unsigned best = name.n < 4 ? 1 : name.n < 8 ? 2 : 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < field_count; i++) {
		const struct field *field = &field_catalogue[i];
		unsigned distance;

		if (sources && !(field->sources & sources))
			continue;
		distance = str_distance(name, str_from(field->name), best);
		if (distance > best || (nearest && distance == best))
			continue;
		best = distance;
		nearest = field->name;
	}
	if (nearest)
		return error_set(err, -ENOENT, "unknown field '%.*s'; did you mean '%s'?",
				 STR_ARG(name), nearest);
	return error_set(err, -ENOENT, "unknown field '%.*s'", STR_ARG(name));
}

/* What the text form of a parameter of that type is made from. */
static uint32_t param_facts(const struct param_schema *param)
{
	switch (param->type) {
	case PARAM_FD:
	case PARAM_FD32:
	case PARAM_FDLIST:
		return FACT_FD | FACT_FD_PATH;
	case PARAM_FSPATH:
	case PARAM_FSRELPATH:
		return FACT_BASE_PATH;
	case PARAM_BYTEBUF:
		return FACT_BUFFER;
	default:
		return 0;
	}
}

/* Types of parameters: as conditions compare them, and as they are called. */
static const struct {
	const char *name;
	enum value_type type;
} param_types[PARAM_TYPE_COUNT] = {
    [PARAM_NONE] = {"NONE", VALUE_BYTES},
    [PARAM_INT8] = {"INT8", VALUE_I64},
    [PARAM_INT16] = {"INT16", VALUE_I64},
    [PARAM_INT32] = {"INT32", VALUE_I64},
    [PARAM_INT64] = {"INT64", VALUE_I64},
    [PARAM_UINT8] = {"UINT8", VALUE_U64},
    [PARAM_UINT16] = {"UINT16", VALUE_U64},
    [PARAM_UINT32] = {"UINT32", VALUE_U64},
    [PARAM_UINT64] = {"UINT64", VALUE_U64},
    [PARAM_CHARBUF] = {"CHARBUF", VALUE_STRING},
    [PARAM_BYTEBUF] = {"BYTEBUF", VALUE_BYTES},
    [PARAM_ERRNO] = {"ERRNO", VALUE_I64},
    [PARAM_SOCKADDR] = {"SOCKADDR", VALUE_BYTES},
    [PARAM_SOCKTUPLE] = {"SOCKTUPLE", VALUE_BYTES},
    [PARAM_FD] = {"FD", VALUE_I64},
    [PARAM_PID] = {"PID", VALUE_I64},
    [PARAM_FDLIST] = {"FDLIST", VALUE_BYTES},
    [PARAM_FSPATH] = {"FSPATH", VALUE_STRING},
    [PARAM_SYSCALLID] = {"SYSCALLID", VALUE_U64},
    [PARAM_SIGTYPE] = {"SIGTYPE", VALUE_U64},
    [PARAM_RELTIME] = {"RELTIME", VALUE_RELTIME},
    [PARAM_ABSTIME] = {"ABSTIME", VALUE_ABSTIME},
    [PARAM_PORT] = {"PORT", VALUE_U64},
    [PARAM_L4PROTO] = {"L4PROTO", VALUE_U64},
    [PARAM_SOCKFAMILY] = {"SOCKFAMILY", VALUE_U64},
    [PARAM_BOOL] = {"BOOL", VALUE_BOOL},
    [PARAM_IPV4ADDR] = {"IPV4ADDR", VALUE_IP},
    [PARAM_IPV6ADDR] = {"IPV6ADDR", VALUE_IP},
    [PARAM_IPADDR] = {"IPADDR", VALUE_IP},
    [PARAM_IPNET] = {"IPNET", VALUE_NET},
    [PARAM_DYN] = {"DYNAMIC", VALUE_BYTES},
    [PARAM_FLAGS8] = {"FLAGS8", VALUE_U64},
    [PARAM_FLAGS16] = {"FLAGS16", VALUE_U64},
    [PARAM_FLAGS32] = {"FLAGS32", VALUE_U64},
    [PARAM_ENUMFLAGS8] = {"ENUMFLAGS8", VALUE_U64},
    [PARAM_ENUMFLAGS16] = {"ENUMFLAGS16", VALUE_U64},
    [PARAM_ENUMFLAGS32] = {"ENUMFLAGS32", VALUE_U64},
    [PARAM_UID] = {"UID", VALUE_U64},
    [PARAM_GID] = {"GID", VALUE_U64},
    [PARAM_DOUBLE] = {"DOUBLE", VALUE_DOUBLE},
    [PARAM_SIGSET] = {"SIGSET", VALUE_BYTES},
    [PARAM_CHARBUFARRAY] = {"CHARBUFARRAY", VALUE_BYTES},
    [PARAM_CHARBUFPAIRARRAY] = {"CHARBUFPAIRARRAY", VALUE_BYTES},
    [PARAM_FSRELPATH] = {"FSRELPATH", VALUE_STRING},
    [PARAM_MODE] = {"MODE", VALUE_U64},
    [PARAM_FD32] = {"FD", VALUE_I64},
    [PARAM_PID32] = {"PID", VALUE_I64},
};

const char *param_type_name(enum param_type type)
{
	return param_types[type].name;
}

/*
 * evt.arg and evt.rawarg: some event has a parameter of that name. Its type is that of the first
 * event that is made today, or of the first that once was.
 */
static int resolve_param(struct field_use *use, struct error *err)
{
	bool is_raw = use->field->extract == field_raw_argument;
	const struct param_schema *first = NULL;
	bool is_first_old = true;

	if (use->is_index && is_raw)
		return error_set(err, -EINVAL,
				 "'evt.rawarg' needs the argument's name: evt.rawarg.res");
	if (use->is_index)
		return 0;
	use->facts = 0;
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);
		int i = event_schema_param(schema, use->key);

		if (i < 0)
			continue;
		bool is_old = schema->flags & (EVENT_OLD_VERSION | EVENT_UNUSED);
		if (!first || (is_first_old && !is_old)) {
			first = &schema->params[i];
			is_first_old = is_old;
		}
		if (!is_old && !is_raw)
			use->facts |= param_facts(&schema->params[i]);
	}
	if (!first)
		return error_set(err, -EINVAL, "no event has an argument named '%.*s'",
				 STR_ARG(use->key));
	if (is_raw) {
		use->type = param_types[first->type].type;
		use->type_name = param_types[first->type].name;
		use->facts = use->type == VALUE_BYTES ? FACT_BUFFER : 0;
	}
	return 0;
}

/* evt.around: index is the time. */
static int resolve_time(struct field_use *use, struct error *err)
{
	uint64_t time;

	if (!str_to_u64(use->key, &time))
		return error_set(err, -EINVAL,
				 "'evt.around' takes a time in nanoseconds, as evt.rawtime has it, "
				 "not '%.*s'",
				 STR_ARG(use->key));
	use->index = (int64_t)time;
	return 0;
}

bool field_is_around(const struct field *field)
{
	return field->extract == field_event && field->selector == EVT_AROUND;
}

/* evt.type.is: param[0] is the kind. */
static int resolve_event_type(struct field_use *use, struct error *err)
{
	uint64_t code;
	int kind = event_kind_by_name(use->key);

	if (kind < 0 && str_to_u64(use->key, &code) && code < event_code_count)
		kind = event_schema_get((uint16_t)code)->kind;
	if (kind < 0)
		return error_set(err, -ENOENT, "no event has the type '%.*s'", STR_ARG(use->key));
	use->param[0] = (int16_t)kind;
	return 0;
}

/* evt.abspath: param[0] is 1 for the second path of a call. */
static int resolve_abspath(struct field_use *use, struct error *err)
{
	if (use->has_argument && !str_equal_c(use->key, "src") && !str_equal_c(use->key, "dst"))
		return error_set(err, -EINVAL, "'evt.abspath' takes 'src' or 'dst', not '%.*s'",
				 STR_ARG(use->key));
	use->param[0] = use->has_argument && str_equal_c(use->key, "dst");
	return 0;
}

static int check_argument(struct field_use *use, struct error *err)
{
	const struct field *field = use->field;
	uint64_t index;

	if (!use->has_argument) {
		if (field->argument == ARGUMENT_REQUIRED)
			return error_set(err, -EINVAL, "field '%s' needs an argument: %s[%s]",
					 field->name, field->name,
					 field->argument_form == ARGUMENT_INDEX ? "0" : "name");
		return 0;
	}
	/* Upstream says that there is no such field: rules that allow that are left out. */
	if (field->argument == ARGUMENT_NONE)
		return error_set(err, -ENOENT, "field '%s' takes no argument", field->name);
	if (use->key.n == 0)
		return error_set(err, -EINVAL, "field '%s' has an empty argument", field->name);
	if (field->argument_form != ARGUMENT_KEY && str_to_u64(use->key, &index) &&
	    index <= INT32_MAX) {
		use->is_index = true;
		use->index = (int64_t)index;
	} else if (field->argument_form == ARGUMENT_INDEX) {
		return error_set(err, -ENOENT, "field '%s' takes a number in brackets, not '%.*s'",
				 field->name, STR_ARG(use->key));
	}
	return 0;
}

/* Parts of names are written behind a dot: evt.arg.flags; in brackets stand numbers. */
static int check_brackets(const struct field_use *use, struct error *err)
{
	bool is_part = use->field->extract == field_raw_argument || field_is_static(use->field) ||
		       use->field->extract == field_abspath ||
		       (use->field->extract == field_event && use->field->selector == EVT_TYPE_IS);
	uint64_t index;

	if (!use->has_argument)
		return 0;
	if (use->field->extract == field_argument && str_starts_with(use->key, STR("-")))
		return error_set(err, -EINVAL, "'evt.arg' takes a position from 0 on, not '%.*s'",
				 STR_ARG(use->key));
	if (is_part ||
	    (use->field->extract == field_argument && use->key.n && !str_to_u64(use->key, &index)))
		return error_set(
		    err, -EINVAL, "'%s' takes %s behind a dot, as in '%s.%s'", use->field->name,
		    use->field->extract == field_abspath ? "'src' or 'dst'" : "a name",
		    use->field->name, use->field->extract == field_abspath ? "src" : "name");
	return 0;
}

int field_resolve(struct str text, uint32_t sources, struct arena *arena, struct field_use *use,
		  struct error *err)
{
	size_t bracket = str_find_byte(text, '[', 0);
	struct str name = str_slice(text, 0, bracket);
	int r;

	*use = (struct field_use){0};
	use->text = arena_str(arena, text);
	text = use->text;
	name.p = text.p;
	if (bracket < text.n) {
		if (text.p[text.n - 1] != ']')
			return error_set_at(err, -EINVAL, text.n,
					    "expected ']' at the end of '%.*s'", STR_ARG(text));
		use->has_argument = true;
		use->key = str_slice(text, bracket + 1, text.n - 1);
	}
	use->field = use->has_argument ? field_find(name) : find_with_key(name, &use->key);
	if (!use->field)
		return unknown_field(name, sources, err);
	if ((r = check_brackets(use, err)) < 0)
		return r;
	if (use->key.n)
		use->has_argument = true;
	if (sources && !(use->field->sources & sources))
		return error_set(err, -EXDEV, "field '%s' is not one of this rule's source",
				 use->field->name);
	use->type = use->field->type;
	use->type_name = use->field->type_name;
	use->facts = use->field->facts;
	r = check_argument(use, err);
	if (r < 0)
		return r;
	if (use->field->extract == field_argument || use->field->extract == field_raw_argument)
		return resolve_param(use, err);
	if (use->field->extract == field_abspath)
		return resolve_abspath(use, err);
	if (use->field->extract == field_event && use->field->selector == EVT_TYPE_IS)
		return resolve_event_type(use, err);
	if (field_is_around(use->field))
		return resolve_time(use, err);
	return 0;
}

bool field_is_static(const struct field *field)
{
	return field->extract == field_static;
}

bool field_static(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	(void)ctx;
	return use->constant.p && answer_str(out, use->constant);
}

bool field_absent(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	(void)ctx;
	(void)use;
	(void)out;
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../tsv.h"
#include "fields/extractors.h"

#include <ctype.h>

/* Rows that are another way on purpose. */
static const struct {
	const char *name;
	const char *reason;
} differences[] = {
    {"evt.abspath", "stands without an argument, too, as it does in rules"},
};

static const char *difference(const char *name)
{
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
		if (strcmp(differences[i].name, name) == 0)
			return differences[i].reason;
	}
	return NULL;
}

static const struct field *row(const char *name)
{
	const struct field *field = field_find(str_from(name));

	if (!field)
		fail_msg("no field is named %s", name);
	return field;
}

static void check_flag(const struct field *field, uint32_t flag, const char *list, const char *name)
{
	if (!(field->flags & flag) != !strstr(list, name))
		fail_msg("%s: %s is %s", field->name, name,
			 field->flags & flag ? "set" : "not set");
}

static void syscall_fields_are_those_of_rules_in_use(void **state)
{
	struct tsv t;

	(void)state;
	tsv_open(&t, "fields.tsv");
	while (tsv_next(&t, "field")) {
		const struct field *field = row(t.cells[0]);

		assert_true(str_equal_nocase(str_from(field->type_name), str_from(t.cells[1])));
		check_flag(field, FIELD_LIST, t.cells[2], "list");
		check_flag(field, FIELD_FILTER_ONLY, t.cells[4], "filter_only");
		check_flag(field, FIELD_PRINT_ONLY, t.cells[4], "print_only");
		check_flag(field, FIELD_NO_RHS, t.cells[4], "no_rhs");
		check_flag(field, FIELD_NO_TRANSFORMER, t.cells[4], "no_transformer");
		check_flag(field, FIELD_DEPRECATED, t.cells[4], "deprecated");
		assert_true(field->sources & SOURCE_BIT(SOURCE_SYSCALL));
		assert_false(field->flags & FIELD_OURS);
		if (difference(field->name))
			continue;
		check_i64(field->argument,
			  strcmp(t.cells[3], "required") == 0   ? ARGUMENT_REQUIRED
			  : strcmp(t.cells[3], "optional") == 0 ? ARGUMENT_OPTIONAL
								: ARGUMENT_NONE,
			  field->name);
	}
	tsv_close(&t);
}

static enum value_type type_of(const char *name)
{
	return strcmp(name, "string") == 0    ? VALUE_STRING
	       : strcmp(name, "bool") == 0    ? VALUE_BOOL
	       : strcmp(name, "abstime") == 0 ? VALUE_ABSTIME
	       : strcmp(name, "reltime") == 0 ? VALUE_RELTIME
					      : VALUE_U64;
}

static void container_fields_are_known(void **state)
{
	struct tsv t;

	(void)state;
	tsv_open(&t, "container_fields.tsv");
	while (tsv_next(&t, "field")) {
		const struct field *field = row(t.cells[0]);

		check_i64(field->type, type_of(t.cells[1]), field->name);
		check_flag(field, FIELD_DEPRECATED, t.cells[2], "deprecated");
		/* How long it has been there depends on when it is asked. */
		check_i64(field->scope,
			  strcmp(field->name, "container.duration") == 0 ? SCOPE_EVENT
									 : SCOPE_CONTAINER,
			  field->name);
	}
	tsv_close(&t);
}

static void audit_fields_are_known(void **state)
{
	struct tsv t;

	(void)state;
	tsv_open(&t, "audit_fields.tsv");
	while (tsv_next(&t, "field")) {
		const struct field *field = row(t.cells[0]);
		bool is_required = strncmp(t.cells[3], "required", 8) == 0;
		bool is_optional = strncmp(t.cells[3], "optional", 8) == 0;

		check_i64(field->type, type_of(t.cells[1]), field->name);
		check_flag(field, FIELD_LIST, t.cells[2], "list");
		check_flag(field, FIELD_DEPRECATED, t.cells[4], "deprecated");
		check_i64(field->argument,
			  is_required   ? ARGUMENT_REQUIRED
			  : is_optional ? ARGUMENT_OPTIONAL
					: ARGUMENT_NONE,
			  field->name);
		if (is_required || is_optional)
			check_i64(field->argument_form,
				  strstr(t.cells[3], "key") ? ARGUMENT_KEY : ARGUMENT_INDEX,
				  field->name);
		check_i64(field->sources, SOURCE_BIT(SOURCE_K8S_AUDIT), field->name);
	}
	tsv_close(&t);
}

static void every_row_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < field_count; i++) {
		const struct field *field = &field_catalogue[i];
		size_t n = strlen(field->description);

		assert_ptr_equal(field_find(str_from(field->name)), field);
		assert_non_null(field->extract);
		assert_true(field->sources && field->sources <= SOURCES_ALL);
		assert_true(n > 3 && field->description[n - 1] == '.');
		for (const char *p = field->type_name; *p; p++)
			assert_true(isupper((unsigned char)*p) || isdigit((unsigned char)*p));
		/* What shows the kernel's name needs the kernel to tell it. */
		if (field->flags & FIELD_PATH)
			assert_true(field->facts & FACT_RESOLVED_PATH);
	}
}

struct use_case {
	const char *text;
	const char *field;
	const char *key; /* NULL: no argument */
	int index;       /* -1: the key is no index */
};

static void arguments_are_read_in_brackets_and_behind_dots(void **state)
{
	static const struct use_case cases[] = {
	    {"proc.name", "proc.name", NULL, -1},
	    {"proc.aname", "proc.aname", NULL, -1},
	    {"proc.aname[2]", "proc.aname", "2", 2},
	    {"proc.apid[0]", "proc.apid", "0", 0},
	    {"proc.env[HOME]", "proc.env", "HOME", -1},
	    {"proc.env[a.b c]", "proc.env", "a.b c", -1},
	    {"evt.arg.flags", "evt.arg", "flags", -1},
	    {"evt.arg[3]", "evt.arg", "3", 3},
	    {"evt.rawarg.res", "evt.rawarg", "res", -1},
	    {"evt.type.is.openat", "evt.type.is", "openat", -1},
	    {"evt.abspath", "evt.abspath", NULL, -1},
	    {"evt.abspath.src", "evt.abspath", "src", -1},
	    {"evt.abspath.dst", "evt.abspath", "dst", -1},
	    {"thread.cgroup.cpuset", "thread.cgroup", "cpuset", -1},
	    {"container.label[app.kubernetes.io/name]", "container.label", "app.kubernetes.io/name",
	     -1},
	    {"k8s.pod.label.app", "k8s.pod.label", "app", -1},
	    {"fd.types[1]", "fd.types", "1", 1},
	    {"fd.name.resolved", "fd.name.resolved", NULL, -1},
	    {"jevt.value[/user/name]", "jevt.value", "/user/name", -1},
	    {"ka.req.pod.containers.image[0]", "ka.req.pod.containers.image", "0", 0},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct use_case *c = &cases[i];
		struct error err = {0};
		struct field_use use;

		if (field_resolve(str_from(c->text), 0, arena, &use, &err) < 0)
			fail_msg("%s: %s", c->text, err.message);
		check_str(str_from(use.field->name), c->field, c->text);
		check_str(use.text, c->text, c->text);
		check_i64(use.has_argument, c->key != NULL, c->text);
		check_i64(use.is_index, c->index >= 0, c->text);
		if (c->key)
			check_str(use.key, c->key, c->text);
		if (c->index >= 0)
			check_i64(use.index, c->index, c->text);
	}
	arena_free(arena);
}

static void what_is_no_field_is_told_so(void **state)
{
	static const struct {
		const char *text;
		const char *message; /* part of it */
	} cases[] = {
	    {"proc.nam", "did you mean 'proc.name'?"},
	    {"fd.nmae", "did you mean 'fd.name'?"},
	    {"evt.typ", "did you mean 'evt.type'?"},
	    {"something.else.entirely", "unknown field 'something.else.entirely'"},
	    {"", "unknown field ''"},
	    {"proc.name[1]", "takes no argument"},
	    {"proc.name.x", "unknown field 'proc.name.x'"},
	    {"proc.aname[x]", "takes a number in brackets, not 'x'"},
	    {"proc.aname[-1]", "takes a number in brackets, not '-1'"},
	    {"proc.aname[99999999999]", "takes a number"},
	    {"proc.aname[]", "empty argument"},
	    {"proc.aname[1", "expected ']'"},
	    {"evt.arg", "needs an argument"},
	    {"evt.arg.no_such_argument", "no event has an argument named"},
	    {"evt.arg[flags]", "behind a dot, as in 'evt.arg.name'"},
	    {"evt.rawarg[1]", "behind a dot, as in 'evt.rawarg.name'"},
	    {"evt.abspath[src]", "behind a dot, as in 'evt.abspath.src'"},
	    {"evt.type.is[open]", "behind a dot"},
	    {"evt.type.is.no_such", "no event has the type"},
	    {"evt.abspath.middle", "takes 'src' or 'dst'"},
	    {"container.label", "needs an argument"},
	    {"[1]", "unknown field"},
	    {".", "unknown field"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		struct field_use use;

		assert_true(field_resolve(str_from(cases[i].text), 0, arena, &use, &err) < 0);
		if (!strstr(err.message, cases[i].message))
			fail_msg("%s: got \"%s\", want \"%s\"", cases[i].text, err.message,
				 cases[i].message);
	}
	arena_free(arena);
}

static void fields_of_other_sources_are_refused(void **state)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	struct field_use use;

	(void)state;
	assert_int_equal(
	    field_resolve(STR("ka.verb"), SOURCE_BIT(SOURCE_K8S_AUDIT), arena, &use, &err), 0);
	assert_true(field_resolve(STR("ka.verb"), SOURCE_BIT(SOURCE_SYSCALL), arena, &use, &err) <
		    0);
	assert_true(
	    field_resolve(STR("proc.name"), SOURCE_BIT(SOURCE_K8S_AUDIT), arena, &use, &err) < 0);
	assert_int_equal(
	    field_resolve(STR("evt.time"), SOURCE_BIT(SOURCE_K8S_AUDIT), arena, &use, &err), 0);
	arena_free(arena);
}

static void a_use_needs_no_more_than_its_argument(void **state)
{
	static const struct {
		const char *text;
		uint32_t facts;
	} cases[] = {
	    {"evt.type", 0},
	    {"evt.arg.flags", 0},
	    {"evt.arg.mode", 0},
	    {"evt.arg.data", FACT_BUFFER},
	    {"evt.arg.fd", FACT_FD | FACT_FD_PATH},
	    {"evt.arg.path", FACT_BASE_PATH},
	    {"evt.rawarg.path", 0},
	    {"fd.num", 0},
	    {"fd.sip", FACT_FD},
	    {"fd.name", FACT_FD | FACT_FD_PATH | FACT_BASE_PATH | FACT_RESOLVED_PATH},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct field_use use;

		assert_int_equal(field_resolve(str_from(cases[i].text), 0, arena, &use, NULL), 0);
		check_i64(use.facts, cases[i].facts, cases[i].text);
	}
	arena_free(arena);
}

static void raw_arguments_have_the_type_of_their_parameter(void **state)
{
	static const struct {
		const char *text;
		enum value_type type;
		const char *type_name;
	} cases[] = {
	    {"evt.rawarg.res", VALUE_I64, "ERRNO"},     {"evt.rawarg.name", VALUE_STRING, "FSPATH"},
	    {"evt.rawarg.mode", VALUE_U64, "UINT32"},   {"evt.rawarg.data", VALUE_BYTES, "BYTEBUF"},
	    {"evt.rawarg.flags", VALUE_U64, "FLAGS32"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct field_use use;

		assert_int_equal(field_resolve(str_from(cases[i].text), 0, arena, &use, NULL), 0);
		check_i64(use.type, cases[i].type, cases[i].text);
		check_str(str_from(use.type_name), cases[i].type_name, cases[i].text);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(syscall_fields_are_those_of_rules_in_use),
	    cmocka_unit_test(container_fields_are_known),
	    cmocka_unit_test(audit_fields_are_known),
	    cmocka_unit_test(every_row_is_whole),
	    cmocka_unit_test(arguments_are_read_in_brackets_and_behind_dots),
	    cmocka_unit_test(what_is_no_field_is_told_so),
	    cmocka_unit_test(fields_of_other_sources_are_refused),
	    cmocka_unit_test(a_use_needs_no_more_than_its_argument),
	    cmocka_unit_test(raw_arguments_have_the_type_of_their_parameter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

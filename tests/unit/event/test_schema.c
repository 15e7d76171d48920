/* SPDX-License-Identifier: Apache-2.0 */
#include "../tsv.h"
#include "event/event.h"

static const char *const type_names[PARAM_TYPE_COUNT] = {
    "none",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "charbuf",
    "bytebuf",
    "errno",
    "sockaddr",
    "socktuple",
    "fd",
    "pid",
    "fdlist",
    "fspath",
    "syscallid",
    "sigtype",
    "reltime",
    "abstime",
    "port",
    "l4proto",
    "sockfamily",
    "bool",
    "ipv4addr",
    "ipv6addr",
    "ipaddr",
    "ipnet",
    "dyn",
    "flags8",
    "flags16",
    "flags32",
    "enumflags8",
    "enumflags16",
    "enumflags32",
    "uid",
    "gid",
    "double",
    "sigset",
    "charbufarray",
    "charbufpairarray",
    "fsrelpath",
    "mode",
    "fd32",
    "pid32",
};
static const char *const format_names[] = {"na", "dec", "hex", "oct"};

static const struct {
	const char *name;
	uint16_t flag;
} flags[] = {
    {"creates_fd", EVENT_CREATES_FD}, {"destroys_fd", EVENT_DESTROYS_FD},
    {"uses_fd", EVENT_USES_FD},       {"reads_fd", EVENT_READS_FD},
    {"writes_fd", EVENT_WRITES_FD},   {"modifies_state", EVENT_MODIFIES_STATE},
    {"waits", EVENT_WAITS},           {"skip_reset", EVENT_SKIP_RESET},
    {"unused", EVENT_UNUSED},         {"old_version", EVENT_OLD_VERSION},
    {"converted", EVENT_CONVERTED},   {"large_payload", EVENT_LARGE_PAYLOAD},
};

/* "name:type:format[:table]", as the reference writes a parameter; of dyn ones without the table.
 */
static void describe_param(const struct param_schema *p, char *out, size_t room)
{
	int n =
	    snprintf(out, room, "%s:%s:%s", p->name, type_names[p->type], format_names[p->format]);

	if (p->flags)
		snprintf(out + n, room - (size_t)n, ":%s", p->flags->name);
	else if (p->dirfd >= 0)
		snprintf(out + n, room - (size_t)n, ":dirfd=%d", p->dirfd);
}

static void check_params(const struct event_schema *schema, char *want, const char *what)
{
	unsigned i = 0;

	for (char *param; (param = strsep(&want, " "));) {
		char got[200], *dyn;

		if (!*param)
			continue;
		dyn = strstr(param, ":dyn2");
		dyn = dyn ? dyn : strstr(param, ":dyn5");
		if (dyn)
			*dyn = '\0';
		assert_true(i < schema->nparams);
		describe_param(&schema->params[i], got, sizeof(got));
		check_str(str_from(got), param, what);
		i++;
	}
	check_i64(schema->nparams, i, what);
}

static void every_event_is_as_the_format_has_it(void **state)
{
	struct tsv t;
	int rows = 0;

	(void)state;
	tsv_open(&t, "events.tsv");
	for (; tsv_next(&t, "code"); rows++) {
		const struct event_schema *schema = event_schema_get((uint16_t)atoi(t.cells[0]));
		char what[100], *want;

		snprintf(what, sizeof(what), "%s %s %s", t.cells[0], t.cells[1], t.cells[2]);
		assert_non_null(schema);
		check_i64(schema->code, atoi(t.cells[0]), what);
		check_str(str_from(schema->name), t.cells[2], what);
		check_i64(!!(schema->flags & EVENT_ENTER), t.cells[1][0] == '>', what);
		check_i64(!!(schema->flags & EVENT_SYSCALL), strcmp(t.cells[4], "syscall") == 0,
			  what);
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			check_i64(!!(schema->flags & flags[i].flag),
				  !!strstr(t.cells[5], flags[i].name), what);
		if (strncmp(t.cells[3], "io_", 3) == 0)
			assert_true(schema->category >= CATEGORY_IO_READ);
		else
			assert_true(str_equal_nocase(
			    str_from(event_category_name(schema->category)), str_from(t.cells[3])));
		want = strdup(t.cells[7]);
		check_params(schema, want, what);
		free(want);
	}
	check_i64(rows, event_code_count, "rows");
	tsv_close(&t);
}

static void every_flag_has_its_name_and_value(void **state)
{
	struct tsv t;
	char table_name[64] = "";
	int position = 0;

	(void)state;
	tsv_open(&t, "flags.tsv");
	while (tsv_next(&t, "table")) {
		const struct flag_table *table = flag_table_get(t.cells[0]);

		assert_non_null(table);
		if (strcmp(table_name, t.cells[0]) != 0)
			position = 0;
		snprintf(table_name, sizeof(table_name), "%s", t.cells[0]);
		assert_true(position < table->count);
		check_str(str_from(table->flags[position].name), t.cells[1], t.cells[0]);
		check_i64(table->flags[position].value, strtoul(t.cells[2], NULL, 0), t.cells[1]);
		position++;
	}
	assert_null(flag_table_get("no_such_table"));
	tsv_close(&t);
}

static void every_syscall_has_its_numbers(void **state)
{
	struct tsv t;

	(void)state;
	tsv_open(&t, "syscalls.tsv");
	while (tsv_next(&t, "x86_64 number")) {
		uint16_t scap_nr = (uint16_t)atoi(t.cells[4]);
		const struct syscall_schema *call = syscall_schema_by_scap_nr(scap_nr);
		int code = atoi(t.cells[3]) ? atoi(t.cells[3]) : 1;

		assert_non_null(call);
		check_str(str_from(call->name), t.cells[1], t.cells[1]);
		check_i64(call->scap_nr, scap_nr, t.cells[1]);
		check_i64(call->code, code, t.cells[1]);
#ifdef __x86_64__
		check_i64(call->nr, atoi(t.cells[0]), t.cells[1]);
		assert_ptr_equal(syscall_schema_get((uint16_t)atoi(t.cells[0])), call);
#endif
		/* Its name is its own, or its event's. */
		check_str(str_from(event_kind_name(call->kind)),
			  code == 1 ? t.cells[1] : t.cells[5], t.cells[1]);
		check_i64(event_kind_by_name(str_from(event_kind_name(call->kind))), call->kind,
			  t.cells[1]);
	}
	assert_null(syscall_schema_get(SYSCALL_NR_LIMIT));
	assert_null(syscall_schema_get(UINT16_MAX));
	assert_null(syscall_schema_by_scap_nr(UINT16_MAX));
	tsv_close(&t);
}

static void names_lead_to_todays_events(void **state)
{
	static const struct {
		const char *name;
		int code;
	} cases[] = {
	    {"open", 3},     {"openat", 307},      {"execve", 293},
	    {"clone", 223},  {"accept", 247},      {"procexit", 186},
	    {"brk", 159},    {"dup", 367},         {"umount", 387},
	    {"switch", 152}, {"ioctl", 171},       {"container", 324},
	    {"bpf", 369},    {"pluginevent", 322}, {"syscall", 1},
	    {"getppid", -1}, {"no_such", -1},      {"", -1},
	    {"NA", -1},      {"page_fault", 290},  {"asyncevent", 402},
	    {"connect", 23},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_i64(event_code_by_name(str_from(cases[i].name)), cases[i].code,
			  cases[i].name);
}

static void versions_of_an_event_are_of_one_kind(void **state)
{
	(void)state;
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		assert_true(schema->kind < event_kind_count);
		check_str(str_from(event_kind_name(schema->kind)), schema->name, schema->name);
		assert_true(schema->nparams <= RECORD_PARAMS_MAX);
	}
	check_i64(event_schema_get(13)->kind, event_schema_get(293)->kind, "execve");
	assert_null(event_kind_name(event_kind_count));
	assert_null(event_schema_get(event_code_count));
	/* Generic syscalls of numbers that nobody knows are just that. */
	check_str(str_from(event_kind_name(event_kind_of_generic(60000))), "syscall", "60000");
	check_str(str_from(event_kind_name(event_kind_of_generic(41))), "getppid", "41");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_event_is_as_the_format_has_it),
	    cmocka_unit_test(every_flag_has_its_name_and_value),
	    cmocka_unit_test(every_syscall_has_its_numbers),
	    cmocka_unit_test(names_lead_to_todays_events),
	    cmocka_unit_test(versions_of_an_event_are_of_one_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

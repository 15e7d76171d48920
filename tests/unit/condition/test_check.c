/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "base/bitset.h"
#include "condition/condition.h"

static int check_text(const char *text, uint32_t sources, struct arena *a, condition_warn_fn *warn,
		      void *context, struct condition **c, const struct condition **failed,
		      struct error *err)
{
	int r = condition_parse(str_from(text), a, c, err);

	return r < 0 ? r : condition_check(*c, sources, a, warn, context, failed, err);
}

/* Rows of the table of differences in docs/writing-rules.md, and what upstream takes as well. */
static void what_authors_mean_is_taken(void **state)
{
	static const char *const cases[] = {
	    "len(evt.type) = 4",
	    "fd.name = \"\\\\\"",
	    "fd.ip in (10.0.0.1)",
	    "fd.net intersects (10.0.0.0/8)",
	    "proc.apid in (1, 2)",
	    "evt.rawarg.res in (0, 1)",
	    "evt.outputtime startswith 03:",
	    "fd.sport = 70000",
	    "fd.sport = 4294967295",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct condition *c;
		struct error err = {0};

		if (check_text(cases[i], SOURCE_BIT(SOURCE_SYSCALL), a, NULL, NULL, &c, NULL,
			       &err) < 0)
			fail_msg("%s: %s", cases[i], err.message);
	}
}

static void what_cannot_be_compared_is_refused_where_it_stands(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *want; /* part of the message */
	} cases[] = {
	    {"foo.bar = 1", 0, "unknown field 'foo.bar'"},
	    {"evt.type = open and proc.nmae = x", 20, "did you mean 'proc.name'?"},
	    {"evt.arg = 1", 0, "needs an argument"},
	    {"proc.name[1] = x", 0, "takes no argument"},
	    {"amacro", 0, "neither a field nor a macro"},
	    {"evt.num = 1 and (a or b)", 17, "neither a field nor a macro"},
	    /* operators and types */
	    {"evt.around[5] > 1", 14, "'=' alone"},
	    {"evt.around[x] = 1", 0, "a time in nanoseconds"},
	    {"evt.around = 1", 0, "needs an argument"},
	    {"fd.num contains 1", 7, "'contains' does not go with fd.num (INT64)"},
	    {"evt.is_io > 1", 10, "these do: exists = != in intersects"},
	    {"fd.sip startswith 1", 7, "(IPADDR)"},
	    {"fd.name bcontains 00", 8, "'bcontains'"},
	    {"evt.buffer regex x", 11, "'regex'"},
	    {"fd.types = file", 9, "(list of CHARBUF)"},
	    {"len(fd.name) contains 1", 13, "len(fd.name) (UINT64)"},
	    {"fd.ip < 1", 6, "'<'"},
	    {"evt.rawarg.tuple > 0", 17, "(SOCKTUPLE)"},
	    {"fd.sip regex oneof (x)", 7, "'regex'"},
	    /* constants */
	    {"fd.num = abc", 9, "a whole decimal number, found 'abc'"},
	    {"fd.num < 1.5", 9, "a whole decimal number, found '1.5'"},
	    {"evt.rawarg.flags = 0x1F", 19, "found '0x1F' (that is 31)"},
	    {"user.uid in (0, x)", 16, "a whole decimal number"},
	    {"fd.num = \"\"", 9, "a whole decimal number"},
	    {"fd.num = \"1 \"", 9, "a whole decimal number"},
	    {"proc.fdusage > 1.5", 15, "a whole decimal number"},
	    {"fd.sport = nosuchservice", 11, "a port number or the name of a service"},
	    {"fd.sport = -1", 11, "a port number"},
	    {"fd.sport = 4294967296", 11, "a port number"},
	    {"fd.sport in (22, 99999999999999999999)", 17, "a port number"},
	    {"evt.is_io = yes", 12, "true or false, found 'yes'"},
	    {"fd.sip = 300.1.1.1", 9, "an IP address"},
	    {"fd.sip = localhost", 9, "an IP address"},
	    {"fd.sip = 10.0.0.0/8", 9, "an IP address"},
	    {"fd.snet = 10.0.0.1", 10, "a network like"},
	    {"fd.snet = 10.0.0/8", 10, "an address before the '/'"},
	    {"fd.snet = 10.0.0.0/33", 19, "a prefix length of 0 to 32"},
	    {"fd.snet = \"::/129\"", 13, "a prefix length of 1 to 128"},
	    {"fd.name = \"a\\x00b\"", 10, "no NUL byte"},
	    {"evt.buffer bcontains 123", 21, "an even number of hexadecimal digits"},
	    {"evt.buffer bcontains 1g", 21, "hexadecimal digits"},
	    {"fd.name regex \"(\"", 14, "is no regular expression"},
	    {"fd.name regex anyof (a, \"(\")", 24, "is no regular expression"},
	    {"evt.type = opeen", 11, "unknown event type 'opeen'; did you mean 'open'?"},
	    {"evt.type startswith op", 20, "unknown event type 'op'"},
	    {"evt.type in (open, nothing)", 19, "unknown event type"},
	    {"tolower(evt.type) = OPEN", 20, "unknown event type"},
	    /* expressions */
	    {"tolower(fd.num) = x", 8, "tolower() takes text"},
	    {"tolower(proc.aname) = x", 8, "proc.aname may not be wrapped"},
	    {"len(fd.num) = 1", 4, "text, a buffer or a list"},
	    {"tolower(fd.name, fd.name) = x", 0, "takes one argument"},
	    {"tolower(fd.name)[x] = y", 0, "takes no [argument]"},
	    {"concat(fd.name) = x", 0, "two arguments or more"},
	    {"concat(fd.name, len(fd.name)) = x", 16, "must be a text"},
	    {"join(\",\", fd.name) = x", 10, "must be a list"},
	    {"join((\"a\"), (\"b\")) = x", 5, "must be a text"},
	    {"join(\",\") = x", 0, "takes two arguments"},
	    {"getopt(fd.name, \"n\") intersects (n)", 7, "must be a list"},
	    {"getopt((\"a\"), \"n\", \"x\") intersects (n)", 0, "takes two arguments"},
	    {"getopt((\"a\"), \"n\")[nn] = x", 0, "one option character"},
	    {"getopt((\"a\"), \"n\") = x", 19, "(list of CHARBUF)"},
	    /* fields on the right */
	    {"fd.num = val(fd.name)", 9, "cannot be compared"},
	    {"fd.num = val(evt.num)", 9, "(INT64) cannot be compared with val(evt.num) (UINT64)"},
	    {"fd.name pmatch val(proc.cwd)", 15, "takes constants"},
	    {"fd.name regex val(proc.cwd)", 14, "takes constants"},
	    {"fd.snet = val(fd.sip)", 10, "constants only"},
	    {"proc.aname = val(proc.name)", 13, "constants only"},
	    {"fd.name = val(proc.aname)", 10, "may not stand on the right"},
	    {"fd.name = val(no.such)", 14, "unknown field"},
	    /* Upstream takes it; it never holds there. */
	    {"evt.arg[-1] = x", 0, "a position from 0 on, not '-1'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		const struct condition *failed = NULL;
		struct condition *c;
		struct error err = {0};

		check_i64(check_text(cases[i].text, 0, a, NULL, NULL, &c, &failed, &err) < 0, true,
			  cases[i].text);
		if (!strstr(err.message, cases[i].want))
			check_str(str_from(err.message), cases[i].want, cases[i].text);
		check_i64(err.offset, cases[i].offset, cases[i].text);
		check_i64(failed != NULL, true, cases[i].text);
	}
}

struct heard {
	char text[2000];
	size_t count;
};

static void hear(void *context, const struct condition *node, const char *code, const char *message)
{
	struct heard *h = context;
	size_t n = strlen(h->text);

	assert_non_null(node);
	snprintf(h->text + n, sizeof(h->text) - n, "%s: %s\n", code ? code : "-", message);
	h->count++;
}

static void doubtful_comparisons_are_warned_of(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		const char *want;
	} cases[] = {
	    {"evt.type = open and fd.name = /etc", 0, ""},
	    {"evt.dir = <", 1, "LOAD_DEPRECATED_ITEM: evt.dir"},
	    {"evt.latency > 1", 1, "LOAD_DEPRECATED_ITEM: evt.latency"},
	    {"tolower(evt.dir) = <", 1, "LOAD_DEPRECATED_ITEM"},
	    {"ka.verb = \"<NA>\"", 1, "LOAD_UNSAFE_NA_CHECK"},
	    {"ka.verb in (x, \"<NA>\")", 1, "LOAD_UNSAFE_NA_CHECK"},
	    {"ka.verb contains \"<NA>\"", 0, ""},
	    {"proc.name = \"<NA>\"", 0, ""},
	    {"fd.name regex abc", 1, "LOAD_COMPILE_CONDITION: the regular expression 'abc'"},
	    {"fd.name regex '^abc.*'", 1, "LOAD_COMPILE_CONDITION"},
	    {"fd.name regex '.*abc$'", 1, "LOAD_COMPILE_CONDITION"},
	    {"fd.name regex 'a[bc]'", 0, ""},
	    {"fd.name regex 'a.*c'", 0, ""},
	    {"proc.name = proc.pname", 1, "val(proc.pname)"},
	    {"proc.name = proc.aname[2]", 1, "val(proc.aname[2])"},
	    {"proc.name = proc.other", 0, ""},
	    {"proc.name = \"tolower(proc.pname)\"", 1, "would be a transformer"},
	    {"fd.sport = 70000", 1, "-: 70000: the number is too large"},
	    {"user.uid = -1", 0, ""},
	    {"fd.num > 9223372036854775808", 1, "too large"},
	    {"fd.name regex oneof (a, 'b[c]', d)", 2, "LOAD_COMPILE_CONDITION"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct condition *c;
		struct error err = {0};
		struct heard h = {.count = 0};

		if (check_text(cases[i].text, 0, a, hear, &h, &c, NULL, &err) < 0)
			check_str(str_from(err.message), "no error", cases[i].text);
		if (!strstr(h.text, cases[i].want))
			check_str(str_from(h.text), cases[i].want, cases[i].text);
		check_i64(h.count, cases[i].count, cases[i].text);
	}
}

static void fields_of_other_sources_are_refused(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	struct condition *c;
	struct error err = {0};

	(void)state;
	assert_true(check_text("ka.verb = get", SOURCE_BIT(SOURCE_SYSCALL), a, NULL, NULL, &c, NULL,
			       &err) < 0);
	assert_int_equal(check_text("ka.verb = get", SOURCE_BIT(SOURCE_K8S_AUDIT), a, NULL, NULL,
				    &c, NULL, &err),
			 0);
	/* Checked again as part of a rule of another source. */
	assert_true(condition_check(c, SOURCE_BIT(SOURCE_SYSCALL), a, NULL, NULL, NULL, &err) < 0);
	assert_int_equal(condition_check(c, SOURCES_ALL, a, NULL, NULL, NULL, &err), 0);
}

static void modifiers_become_plain_logic(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"fd.name = anyof (a, b)", "fd.name in (a, b)"},
	    {"fd.name = anyof (a)", "fd.name in (a)"},
	    {"fd.name = anyof ()", "false"},
	    {"fd.name contains anyof (a, b)", "fd.name contains a or fd.name contains b"},
	    {"fd.name != allof (a, b)", "fd.name != a and fd.name != b"},
	    {"fd.name contains oneof (a)", "fd.name contains a"},
	    {"fd.name contains oneof (a, b)",
	     "fd.name contains a and not fd.name contains b or fd.name contains b and not fd.name "
	     "contains a"},
	    {"not fd.name glob anyof (a, b) and evt.num = 1",
	     "not (fd.name glob a or fd.name glob b) and evt.num = 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		char memory[1000];
		struct buffer out = BUFFER(memory);
		struct condition *c;

		assert_int_equal(check_text(cases[i].text, 0, a, NULL, NULL, &c, NULL, NULL), 0);
		condition_print(c, &out);
		check_str(buffer_str(&out), cases[i].want, cases[i].text);
	}
}

/* Names of the kinds that are in the set, of those that the test asks about. */
static void event_kinds_are_neither_too_few_nor_too_many(void **state)
{
	static const char *const asked[] = {"open", "openat", "execve", "connect", "acct"};
	static const struct {
		const char *text;
		bool is_restricted;
		const char *want; /* of the asked ones, a letter each */
	} cases[] = {
	    {"evt.type = open", true, "o...."},
	    {"evt.type != open", true, ".pxca"},
	    {"evt.type in (open, openat)", true, "op..."},
	    {"evt.type = acct", true, "....a"},
	    {"not evt.type in (open, openat)", true, "..xca"},
	    {"evt.type = open or evt.type = connect", true, "o..c."},
	    {"evt.type = open and evt.type = connect", true, "....."},
	    {"evt.type = open and fd.name = x", true, "o...."},
	    {"evt.type = open or fd.name = x", false, "opxca"},
	    {"not (evt.type = open or fd.name = x)", true, ".pxca"},
	    {"not (evt.type = open and fd.name = x)", false, "opxca"},
	    {"not (evt.type != open and evt.type != execve)", true, "o.x.."},
	    {"not not evt.type = open", true, "o...."},
	    {"fd.name = x", false, "opxca"},
	    {"evt.type exists", false, "opxca"},
	    {"not evt.type exists", true, "....."},
	    {"evt.type contains open", true, "op..."},
	    {"evt.type startswith open", true, "op..."},
	    {"evt.type endswith openat", true, ".p..."},
	    {"evt.type glob open", true, "o...."},
	    {"evt.type intersects (open, acct)", true, "o...a"},
	    {"evt.type = anyof (open, acct)", true, "o...a"},
	    {"evt.type != allof (open, acct)", true, ".pxc."},
	    {"evt.type = oneof (open, acct)", true, "o...a"},
	    {"evt.type contains oneof (open, openat)", true, "o...."},
	    {"tolower(evt.type) = open", false, "opxca"},
	    {"evt.type = val(proc.name)", false, "opxca"},
	    {"syscall.type = open", true, "o...."},
	    {"syscall.type in (open, acct)", true, "o...a"},
	    {"(evt.type = open and fd.name = x) or (evt.type = execve and proc.name = y)", true,
	     "o.x.."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		uint64_t *kinds = calloc(BITSET_WORDS((size_t)event_kind_count), sizeof(*kinds));
		char got[sizeof(asked) / sizeof(asked[0]) + 1] = ".....";
		struct condition *c;
		struct error err = {0};

		if (check_text(cases[i].text, 0, a, NULL, NULL, &c, NULL, &err) < 0)
			check_str(str_from(err.message), "no error", cases[i].text);
		check_i64(condition_event_kinds(c, kinds), cases[i].is_restricted, cases[i].text);
		for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
			int kind = event_kind_by_name(str_from(asked[k]));

			assert_true(kind >= 0);
			if (bitset_has(kinds, (size_t)kind))
				got[k] = "opxca"[k];
		}
		check_str(str_from(got), cases[i].want, cases[i].text);
		free(kinds);
	}
}

static void a_negated_syscall_type_keeps_events_that_are_no_calls(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	uint64_t *kinds = calloc(BITSET_WORDS((size_t)event_kind_count), sizeof(*kinds));
	struct condition *c;

	(void)state;
	assert_int_equal(check_text("not syscall.type exists", 0, a, NULL, NULL, &c, NULL, NULL),
			 0);
	condition_event_kinds(c, kinds);
	assert_true(bitset_has(kinds, (size_t)event_kind_by_name(STR("procexit"))));
	assert_false(bitset_has(kinds, (size_t)event_kind_by_name(STR("open"))));
	free(kinds);
}

static void large_conditions_are_checked_in_reasonable_time(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	enum { ITEMS = 200000 };
	char *text = malloc(ITEMS * 12 + 100);
	size_t n = (size_t)sprintf(text, "proc.name in (");
	struct condition *c;
	char memory[64];
	struct arena scratch;
	struct field_context ctx = {.scratch = &scratch};
	struct value v = value_str(STR("n199998"));

	(void)state;
	for (int i = 0; i < ITEMS; i++)
		n += (size_t)sprintf(text + n, "%sn%d", i ? "," : "", i);
	sprintf(text + n, ")");
	arena_fixed(&scratch, memory, sizeof(memory));
	assert_int_equal(check_text(text, 0, a, NULL, NULL, &c, NULL, NULL), 0);
	assert_true(comparison_holds_for(c->comparison, &ctx, true, &v));

	memcpy(text, "proc.name contains oneof (", 26);
	n = 26;
	for (int i = 0; i < 5000; i++)
		n += (size_t)sprintf(text + n, "%sn%d", i ? "," : "", i);
	sprintf(text + n, ")");
	assert_int_equal(check_text(text, 0, a, NULL, NULL, &c, NULL, NULL), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_authors_mean_is_taken),
	    cmocka_unit_test(what_cannot_be_compared_is_refused_where_it_stands),
	    cmocka_unit_test(doubtful_comparisons_are_warned_of),
	    cmocka_unit_test(fields_of_other_sources_are_refused),
	    cmocka_unit_test(modifiers_become_plain_logic),
	    cmocka_unit_test(event_kinds_are_neither_too_few_nor_too_many),
	    cmocka_unit_test(a_negated_syscall_type_keeps_events_that_are_no_calls),
	    cmocka_unit_test(large_conditions_are_checked_in_reasonable_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

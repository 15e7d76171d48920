/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "condition/condition.h"

#include <arpa/inet.h>

static char scratch_memory[1 << 16];
static struct arena scratch;
static struct field_context ctx = {.scratch = &scratch};

static struct condition *checked(const char *text, struct arena *a)
{
	struct condition *c;
	struct error err = {0};

	if (condition_parse(str_from(text), a, &c, &err) < 0 ||
	    condition_check(c, 0, a, NULL, NULL, NULL, &err) < 0) {
		fprintf(stderr, "%s: %s\n", text, err.message);
		fail();
	}
	arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
	return c;
}

/* A comparison, or what a modifier made of one, for a value on the left. */
static bool holds_for(const struct condition *c, const struct value *v)
{
	switch (c->kind) {
	case CONDITION_COMPARE:
		return comparison_holds_for(c->comparison, &ctx, v != NULL, v);
	case CONDITION_NOT:
		return !holds_for(c->children[0], v);
	case CONDITION_AND:
		for (size_t i = 0; i < c->child_count; i++)
			if (!holds_for(c->children[i], v))
				return false;
		return true;
	case CONDITION_OR:
		for (size_t i = 0; i < c->child_count; i++)
			if (holds_for(c->children[i], v))
				return true;
		return false;
	default:
		return c->kind == CONDITION_TRUE;
	}
}

static bool holds(const char *text, const struct value *v)
{
	CLEANUP_ARENA struct arena *a = arena_new();

	return holds_for(checked(text, a), v);
}

static void texts_compare_as_falco_compares_them(void **state)
{
	static const struct {
		const char *condition, *value;
		bool want;
	} cases[] = {
	    {"fd.name exists", "", true},
	    {"fd.name = /etc/passwd", "/etc/passwd", true},
	    {"fd.name = /etc/passwd", "/etc/passw", false},
	    {"fd.name = \"\"", "", true},
	    {"fd.name != x", "y", true},
	    {"fd.name != x", "x", false},
	    {"fd.name < 2", "10", true}, /* byte by byte */
	    {"fd.name >= 2", "10", false},
	    {"fd.name > -1", "a", true},
	    {"fd.name <= 1", "1", true},
	    {"fd.name contains c/p", "/etc/passwd", true},
	    {"fd.name contains C/p", "/etc/passwd", false},
	    {"fd.name contains \"\"", "", true},
	    {"fd.name contains xx", "x", false},
	    {"fd.name icontains C/P", "/etc/passwd", true},
	    {"fd.name icontains \"\"", "", true},
	    {"fd.name icontains aab", "AAAB", true},
	    {"fd.name icontains aba", "abcabab", true},
	    {"fd.name icontains abab", "abaabaa", false},
	    {"fd.name startswith /etc", "/etc/x", true},
	    {"fd.name startswith /etc/x/", "/etc/x", false},
	    {"fd.name startswith \"\"", "", true},
	    {"fd.name endswith .so", "libc.so", true},
	    {"fd.name endswith .so", "so", false},
	    {"fd.name glob /usr/*", "/usr/lib/x", true},
	    {"fd.name glob /USR/*", "/usr/lib/x", false},
	    {"fd.name iglob /USR/*", "/usr/lib/x", true},
	    {"fd.name regex '/usr/(lib|bin)/.*'", "/usr/lib/x", true},
	    {"fd.name regex lib", "/usr/lib/x", false},
	    {"fd.name regex '.*l.b'",
	     "\xff/usr/l\xe2\x82"
	     "b",
	     true},
	    {"fd.name regex 'a.b'",
	     "a\xf0\x9f\x98"
	     "b",
	     true},
	    {"fd.name regex 'a.b'",
	     "a\xff\xff"
	     "b",
	     false},
	    {"fd.name regex 'a..b'",
	     "a\xff\xff"
	     "b",
	     true},
	    {"fd.name in (a, b)", "b", true},
	    {"fd.name in (a, b)", "c", false},
	    {"fd.name in ()", "", false},
	    {"fd.name in (a, bb, ccc, dddd, eeeee, ffffff)", "dddd", true},
	    {"fd.name in (a, bb, ccc, dddd, eeeee, ffffff)", "ddde", false},
	    {"fd.name in (a, bb, ccc, dddd, eeeee, ffffff)", "", false},
	    {"fd.name in (a, bb, ccc, dddd, eeeee, \"\")", "", true},
	    {"fd.name in (a, a, a, a, a, a, b)", "b", true},
	    {"fd.name intersects (a, b)", "b", true},
	    {"fd.name pmatch (/usr/bin, /etc)", "/etc/x", true},
	    {"fd.name pmatch (/usr/bin, /etc)", "/etcx", false},
	    {"fd.name pmatch ()", "/", false},
	    {"fd.name = anyof (a, b)", "b", true},
	    {"fd.name = anyof ()", "b", false},
	    {"fd.name contains anyof (a, b)", "xbx", true},
	    {"fd.name contains anyof (a, b)", "xcx", false},
	    {"fd.name contains allof (a, b)", "ab", true},
	    {"fd.name contains allof (a, b)", "a", false},
	    {"fd.name contains allof ()", "a", false},
	    {"fd.name contains oneof (a, b, c)", "a", true},
	    {"fd.name contains oneof (a, b, c)", "c", true},
	    {"fd.name contains oneof (a, b, c)", "ac", false},
	    {"fd.name contains oneof (a, b, c)", "d", false},
	    {"fd.name contains oneof (a, a)", "a", false},
	    {"fd.name contains oneof (a)", "a", true},
	    {"fd.name != allof (a, b)", "c", true},
	    {"fd.name != allof (a, b)", "a", false},
	    {"fd.name != anyof (a, b)", "a", true},
	    {"fd.name regex anyof ('a+', 'b+')", "bb", true},
	    {"fd.name startswith oneof (/etc, /etc/x)", "/etc/y", true},
	    {"fd.name startswith oneof (/etc, /etc/x)", "/etc/x", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value v = value_str(str_from(cases[i].value));

		check_i64(holds(cases[i].condition, &v), cases[i].want, cases[i].condition);
	}
}

static void numbers_compare_by_value_and_constants_by_their_type(void **state)
{
	static const struct {
		const char *condition;
		struct value value;
		bool want;
	} cases[] = {
	    {"fd.num = 3", {.type = VALUE_I64, .i64 = 3}, true},
	    {"fd.num = -1", {.type = VALUE_I64, .i64 = -1}, true},
	    {"fd.num < 3", {.type = VALUE_I64, .i64 = -1}, true},
	    {"fd.num > 3", {.type = VALUE_I64, .i64 = -1}, false},
	    {"fd.num != 3", {.type = VALUE_I64, .i64 = 4}, true},
	    {"fd.num in (1, 2, 3, 4, 5, 6, 7)", {.type = VALUE_I64, .i64 = 7}, true},
	    {"fd.num in (1, 2, 3, 4, 5, 6, 7)", {.type = VALUE_I64, .i64 = 8}, false},
	    {"fd.num intersects (1, 2)", {.type = VALUE_I64, .i64 = 2}, true},
	    {"fd.num = \" 3\"", {.type = VALUE_I64, .i64 = 3}, true},
	    {"fd.num = +3", {.type = VALUE_I64, .i64 = 3}, true},
	    {"user.uid = -1", {.type = VALUE_U64, .u64 = UINT32_MAX}, true},
	    {"user.uid = 4294967295", {.type = VALUE_U64, .u64 = UINT32_MAX}, true},
	    {"user.uid >= 1000", {.type = VALUE_U64, .u64 = 999}, false},
	    {"evt.rawtime > 10887059683854775807",
	     {.type = VALUE_ABSTIME, .u64 = 10887059683854775808u},
	     true},
	    {"evt.num = 99999999999999999999999", {.type = VALUE_U64, .u64 = UINT64_MAX}, true},
	    {"fd.sport = 80", {.type = VALUE_U64, .u64 = 80}, true},
	    {"fd.sport = 65616", {.type = VALUE_U64, .u64 = 80}, true},
	    {"fd.sport = http", {.type = VALUE_U64, .u64 = 80}, true},
	    {"fd.sport in (ssh, https, 8080)", {.type = VALUE_U64, .u64 = 443}, true},
	    {"proc.fdusage > 1", {.type = VALUE_DOUBLE, .real = 1.5}, true},
	    {"proc.fdusage = 1", {.type = VALUE_DOUBLE, .real = 1.0}, true},
	    {"evt.is_io = true", {.type = VALUE_BOOL, .u64 = 1}, true},
	    {"evt.is_io != true", {.type = VALUE_BOOL, .u64 = 0}, true},
	    {"evt.is_io in (true, false)", {.type = VALUE_BOOL, .u64 = 0}, true},
	    {"len(proc.name) > 3", {.type = VALUE_U64, .u64 = 4}, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_i64(holds(cases[i].condition, &cases[i].value), cases[i].want,
			  cases[i].condition);
}

static void lists_compare_by_any_or_all_of_their_items(void **state)
{
	static const struct {
		const char *condition;
		const char *items[4];
		bool want;
	} cases[] = {
	    {"ka.user.groups in (a, b, c)", {"a", "b"}, true},
	    {"ka.user.groups in (a, b, c)", {"a", "x"}, false},
	    {"ka.user.groups intersects (a, b, c)", {"x", "b"}, true},
	    {"ka.user.groups intersects (a, b, c)", {"x", "y"}, false},
	    {"ka.user.groups exists", {"x"}, true},
	    {"not ka.user.groups in (a)", {"a", "b"}, true},
	    {"ka.req.pod.volumes.hostpath pmatch (/etc, /root)", {"/data", "/etc/x"}, true},
	    {"ka.req.pod.volumes.hostpath pmatch (/etc, /root)", {"/data", "//root"}, true},
	    {"ka.req.pod.volumes.hostpath pmatch (/etc, /root)", {"/data", "/etcx"}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value items[4];
		struct value v = {.type = VALUE_STRING, .is_list = true, .list = items};

		for (; v.count < 4 && cases[i].items[v.count]; v.count++)
			items[v.count] = value_str(str_from(cases[i].items[v.count]));
		check_i64(holds(cases[i].condition, &v), cases[i].want, cases[i].condition);
	}
}

static struct value address(const char *text)
{
	struct value v = {.type = VALUE_IP, .ip.size = strchr(text, '.') ? 4 : 16};

	inet_pton(v.ip.size == 4 ? AF_INET : AF_INET6, text, v.ip.bytes);
	return v;
}

static void addresses_and_networks_of_either_family_compare(void **state)
{
	static const struct {
		const char *condition, *value;
		bool want;
	} cases[] = {
	    {"fd.sip = 10.0.0.1", "10.0.0.1", true},
	    {"fd.sip = 10.0.0.1", "10.0.0.2", false},
	    {"fd.sip = 10.0.0.1", "::1", false},
	    {"fd.sip != 10.0.0.1", "::1", true},
	    {"fd.sip = \"::1\"", "0:0::1", true},
	    {"fd.sip in (10.0.0.1, \"::1\")", "::1", true},
	    {"fd.sip in (1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4, 5.5.5.5, \"::1\")", "::1", true},
	    {"fd.sip in (1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4, 5.5.5.5)", "5.5.5.6", false},
	    {"fd.snet = 10.0.0.0/8", "10.200.3.4", true},
	    {"fd.snet = 10.1.2.3/8", "10.200.3.4", true},
	    {"fd.snet = 10.0.0.0/8", "11.0.0.0", false},
	    {"fd.snet = 0.0.0.0/0", "11.0.0.0", true},
	    {"fd.snet = 0.0.0.0/0", "::1", false},
	    {"fd.snet = 10.0.0.1/32", "10.0.0.1", true},
	    {"fd.snet = 192.168.128.0/17", "192.168.129.1", true},
	    {"fd.snet = 192.168.128.0/17", "192.168.1.1", false},
	    {"fd.snet != 10.0.0.0/8", "11.0.0.0", true},
	    {"fd.snet != 10.0.0.0/8", "::1", true},
	    {"fd.snet in (10.0.0.0/8, \"fd00::/8\")", "fd12::1", true},
	    {"fd.snet in (10.0.0.0/8, \"fd00::/8\")", "fe80::1", false},
	    {"fd.snet = \"2001:db8::/33\"", "2001:db8:7fff::", true},
	    {"fd.snet = \"2001:db8::/33\"", "2001:db8:8000::", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value v = address(cases[i].value);

		check_i64(holds(cases[i].condition, &v), cases[i].want, cases[i].condition);
	}
}

static void buffers_compare_bytes(void **state)
{
	static const struct {
		const char *condition;
		struct str value;
		bool want;
	} cases[] = {
	    {"evt.buffer contains GET", {"\0GET \xff", 6}, true},
	    {"evt.buffer bcontains 00474554", {"x\0GET", 5}, true},
	    {"evt.buffer bcontains FFfe", {"\xff\xfe", 2}, true},
	    {"evt.buffer bcontains \"\"", {"", 0}, true},
	    {"evt.buffer bstartswith 12ab", {"\x12\xab\x01", 3}, true},
	    {"evt.buffer bstartswith 12ab", {"\x12", 1}, false},
	    {"evt.buffer startswith ab", {"abc", 3}, true},
	    {"evt.buffer endswith \"\\x00\"", {"ab\0", 3}, true},
	    {"evt.buffer = \"a\\x00b\"", {"a\0b", 3}, true},
	    {"evt.buffer in (a, b, c, d, e, f)", {"f", 1}, true},
	    {"evt.buffer bcontains anyof (00, 01)", {"a\x01", 2}, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value v = {.type = VALUE_BYTES, .str = cases[i].value};

		check_i64(holds(cases[i].condition, &v), cases[i].want, cases[i].condition);
	}
}

static void several_values_compare_as_falco_means_them(void **state)
{
	static const struct {
		const char *condition;
		const char *values[4];
		bool want;
	} cases[] = {
	    /* a list: in wants all, intersects any */
	    {"fd.types in (file, ipv4)", {"file", "ipv4"}, true},
	    {"fd.types in (file, ipv4)", {"file", "unix"}, false},
	    {"fd.types in (file, ipv4)", {NULL}, true},
	    {"fd.types intersects (file, ipv4)", {"unix", "ipv4"}, true},
	    {"fd.types intersects (file, ipv4)", {"unix"}, false},
	    {"fd.types intersects (file, ipv4)", {NULL}, false},
	    {"fd.types exists", {NULL}, true},
	    /* any ancestor will do, for != too */
	    {"proc.aname = bash", {"ls", "bash"}, true},
	    {"proc.aname != bash", {"ls", "bash"}, true},
	    {"proc.aname != bash", {"bash", "bash"}, false},
	    {"proc.aname in (a, b)", {"x", "b"}, true},
	    {"proc.aname contains as", {"x", "bash"}, true},
	    {"proc.aname regex 'b.*'", {"x", "bash"}, true},
	    {"proc.aname exists", {"x"}, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value items[4], v = {.type = VALUE_STRING, .is_list = true, .list = items};

		for (; v.count < 4 && cases[i].values[v.count]; v.count++)
			items[v.count] = value_str(str_from(cases[i].values[v.count]));
		check_i64(holds(cases[i].condition, &v), cases[i].want, cases[i].condition);
	}

	/* Either end of a socket will do, but != means neither. */
	static const struct {
		const char *condition;
		bool want;
	} ends[] = {
	    {"fd.ip = 10.0.0.1", true},
	    {"fd.ip = 10.0.0.2", true},
	    {"fd.ip = 10.0.0.3", false},
	    {"fd.ip != 10.0.0.1", false},
	    {"fd.ip != 10.0.0.3", true},
	    {"fd.ip in (10.0.0.3, 10.0.0.2)", true},
	    {"fd.net = 10.0.0.2/31", true},
	    {"fd.net != 10.0.0.2/31", false},
	    {"fd.net in (11.0.0.0/8, 10.0.0.1/32)", true},
	};
	struct value pair[2] = {address("10.0.0.1"), address("10.0.0.2")};
	struct value both = {.type = VALUE_IP, .is_list = true, .count = 2, .list = pair};
	struct value neither = {.type = VALUE_IP, .is_list = true};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		check_i64(holds(ends[i].condition, &both), ends[i].want, ends[i].condition);
	check_i64(holds("fd.ip != 10.0.0.1", &neither), false, "!= of no address");
	check_i64(holds("fd.ip exists", &neither), true, "exists of no address");
}

static void an_absent_value_fits_no_comparison(void **state)
{
	static const char *const conditions[] = {
	    "fd.name exists",
	    "fd.name = x",
	    "fd.name != x",
	    "fd.name contains \"\"",
	    "fd.name in (x)",
	    "fd.num < 1",
	    "fd.num >= 1",
	    "fd.sip != 1.1.1.1",
	    "fd.name pmatch (/)",
	    "fd.name regex '.*'",
	    "fd.name glob *",
	    "fd.types in (x)",
	    "fd.name != allof (a, b)",
	    "fd.name = oneof (a, b)",
	    "proc.aname != x",
	    "fd.ip != 1.1.1.1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		check_i64(holds(conditions[i], NULL), false, conditions[i]);
}

static void values_of_another_type_than_expected_fit_nothing(void **state)
{
	struct value number = {.type = VALUE_U64, .u64 = 5};
	struct value text = value_str(STR("5"));

	(void)state;
	check_i64(holds("fd.name contains 5", &number), false, "contains");
	check_i64(holds("fd.name = 5", &number), false, "=");
	check_i64(holds("fd.name != 5", &number), false, "!=");
	check_i64(holds("fd.name pmatch (5)", &number), false, "pmatch");
	check_i64(holds("fd.num = 5", &text), false, "number = text");
	check_i64(holds("fd.num in (1, 2, 3, 4, 5, 6)", &text), false, "number in text");
	check_i64(holds("fd.sip != 1.1.1.1", &text), false, "address != text");
	check_i64(holds("fd.num = 5", &number), true, "unsigned for signed");
}

static void the_right_side_may_be_an_expression(void **state)
{
	static const struct {
		const char *condition, *left;
		bool want;
	} cases[] = {
	    {"fd.name = tolower(\"ABC\")", "abc", true},
	    {"fd.name = toupper(\"abc\")", "abc", false},
	    {"fd.name startswith concat(\"/e\", \"tc\")", "/etc/x", true},
	    {"fd.name icontains tolower(\"ABC\")", "xABCx", true},
	    {"fd.name icontains tolower(\"ABC\")", "xABDx", false},
	    {"fd.name glob concat(\"*\", \"x\")", "abx", true},
	    {"fd.name in basename(\"/a/b\")", "b", true},
	    {"fd.name = join(\"-\", (\"a\", 1))", "a-1", true},
	    {"fd.name != b64(\"!!\")", "x", false}, /* absent */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value v = value_str(str_from(cases[i].left));

		check_i64(holds(cases[i].condition, &v), cases[i].want, cases[i].condition);
	}
}

static void conditions_without_events_follow_logic(void **state)
{
	static const struct {
		const char *condition;
		bool want;
	} cases[] = {
	    {"len(\"abc\") = 3", true},
	    {"len(\"abc\") = 3 and tolower(\"A\") = a", true},
	    {"len(\"abc\") = 3 and tolower(\"A\") = A", false},
	    {"len(\"abc\") = 4 or tolower(\"A\") = a", true},
	    {"not len(\"abc\") = 4", true},
	    {"not (len(\"abc\") = 3 or len(\"a\") = 2)", false},
	    {"getopt((\"-n\", \"x\"), \"n\") intersects (\"n\")", true},
	    {"not b64(\"!\") exists", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();

		check_i64(condition_holds(checked(cases[i].condition, a), &ctx), cases[i].want,
			  cases[i].condition);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_compare_as_falco_compares_them),
	    cmocka_unit_test(numbers_compare_by_value_and_constants_by_their_type),
	    cmocka_unit_test(lists_compare_by_any_or_all_of_their_items),
	    cmocka_unit_test(addresses_and_networks_of_either_family_compare),
	    cmocka_unit_test(buffers_compare_bytes),
	    cmocka_unit_test(several_values_compare_as_falco_means_them),
	    cmocka_unit_test(an_absent_value_fits_no_comparison),
	    cmocka_unit_test(values_of_another_type_than_expected_fit_nothing),
	    cmocka_unit_test(the_right_side_may_be_an_expression),
	    cmocka_unit_test(conditions_without_events_follow_logic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

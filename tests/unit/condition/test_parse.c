/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "condition/condition.h"

static char printed[4096];

static struct str parse_and_print(struct str text, struct arena *a)
{
	struct buffer out = BUFFER(printed);
	struct condition *c;
	struct error err = {0};

	if (condition_parse(text, a, &c, &err) < 0)
		buffer_printf(&out, "error: %s", err.message);
	else
		condition_print(c, &out);
	return buffer_str(&out);
}

static void conditions_mean_what_falco_reads_in_them(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"a", "a"},
	    {"  a ", "a"},
	    {"(a)", "a"},
	    {"((a))", "a"},
	    {"a and b and c", "a and b and c"},
	    {"a or b or(c)", "a or b or c"},
	    {"(a)and(b)and(c)", "a and b and c"},
	    {"a and b or c and d", "a and b or c and d"},
	    {"a and (b or c)", "a and (b or c)"},
	    {"(a or b) and c", "(a or b) and c"},
	    {"not a", "not a"},
	    {"not not a", "a"},
	    {"not not not a", "not a"},
	    {"not(a)and(not(b))", "not a and not b"},
	    {"not (a and b)", "not (a and b)"},
	    {"not a and b", "not a and b"},
	    {"not (not (a))", "not (not a)"},
	    {"macro and not_macro", "macro and not_macro"},
	    {"macro and and_macro or or_macro", "macro and and_macro or or_macro"},
	    {"notz and a", "notz and a"},
	    {"a\nand\tb\r\nor\bc", "a and b or c"},
	    {"a.b exists", "a.b exists"},
	    {"a.b exists and c", "a.b exists and c"},
	    {"not a.b exists", "not a.b exists"},
	    {"a.b = bla", "a.b = bla"},
	    {"a.b=bla", "a.b = bla"},
	    {"a.b==bla", "a.b = bla"},
	    {"a.b !=bla", "a.b != bla"},
	    {"a.b = 'bla'", "a.b = \"bla\""},
	    {"a.b = not", "a.b = not"},
	    {"a.b = exists", "a.b = exists"},
	    {"a.b = and and a.c = or", "a.b = and and a.c = or"},
	    {"a.b = a.a", "a.b = a.a"},
	    {"a.b = 0a!@#456:/\\.;!$%^&*[]{}|", "a.b = 0a!@#456:/\\.;!$%^&*[]{}|"},
	    {"fd.name=*.log", "fd.name = *.log"},
	    {"a.b = \"\"", "a.b = \"\""},
	    {"a.b contains x", "a.b contains x"},
	    {"a.b icontains 'x y'", "a.b icontains \"x y\""},
	    {"a.b startswith x", "a.b startswith x"},
	    {"a.b endswith x", "a.b endswith x"},
	    {"a.b glob /usr/*", "a.b glob /usr/*"},
	    {"a.b iglob /usr/*", "a.b iglob /usr/*"},
	    {"a.b regex '^x.*'", "a.b regex \"^x.*\""},
	    {"a.b bcontains 48545450", "a.b bcontains 48545450"},
	    {"a.b bstartswith 12ab001fc5", "a.b bstartswith 12ab001fc5"},
	    {"a.b > 1000", "a.b > 1000"},
	    {"a.b<+1", "a.b < +1"},
	    {"a.b >= -1", "a.b >= -1"},
	    {"a.b <= 0x12345", "a.b <= 0x12345"},
	    {"a.b > -0.1222e+10", "a.b > -0.1222e+10"},
	    {"a.b in ()", "a.b in ()"},
	    {"a.b in()", "a.b in ()"},
	    {"a.b in (a)", "a.b in (a)"},
	    {"a.b in (a,b , 'c d')", "a.b in (a, b, \"c d\")"},
	    {"a.b in ( a )", "a.b in (a)"},
	    {"a.b in list", "a.b in (list)"},
	    {"a.b inlist", "a.b in (list)"},
	    {"a.b existsand c", "a.b exists and c"},
	    {"a.b intersects (a, b)", "a.b intersects (a, b)"},
	    {"a.b pmatch (/usr, /etc)", "a.b pmatch (/usr, /etc)"},
	    {"a.b = anyof (a, b)", "a.b = anyof (a, b)"},
	    {"a.b contains allof (a, b)", "a.b contains allof (a, b)"},
	    {"a.b regex oneof (a, b)", "a.b regex oneof (a, b)"},
	    {"a.b startswith anyof list", "a.b startswith anyof (list)"},
	    {"a.b = anyof and c", "a.b = \"anyof\" and c"},
	    {"a.b = oneof", "a.b = \"oneof\""},
	    {"evt.arg[0] contains /bin", "evt.arg[0] contains /bin"},
	    {"evt.arg['a aa'] = b", "evt.arg['a aa'] = b"},
	    {"evt.arg[0a!@#456:/\\.;!$%^&*(){}|] = b", "evt.arg[0a!@#456:/\\.;!$%^&*(){}|] = b"},
	    {"tolower(proc.name) = x", "tolower(proc.name) = x"},
	    {"tolower( toupper(proc.name) ) = x", "tolower( toupper(proc.name) ) = x"},
	    {"join(\",\", (a.b, 'c', 1)) = x", "join(\",\", (a.b, 'c', 1)) = x"},
	    {"getopt(proc.args, \"nt:\")[t] = x", "getopt(proc.args, \"nt:\")[t] = x"},
	    {"a.b = val(c.d)", "a.b = val(c.d)"},
	    {"a.b in val(c.d)", "a.b in val(c.d)"},
	    {"a.b > len(c.d) and e", "a.b > len(c.d) and e"},
	    {"a.b != toupper(c.d)", "a.b != toupper(c.d)"},
	    /* escapes */
	    {"a.b = \"x \\\" y\"", "a.b = \"x \\\" y\""},
	    {"a.b = 'x \\' y'", "a.b = \"x ' y\""},
	    {"a.b = 'x \\' \\\\''", "a.b = \"x ' \\\\'\""},
	    {"a.b = \"tab\\there\"", "a.b = \"tab\\x09here\""},
	    {"a.b = \"\\x41\\x00\"", "a.b = \"A\\x00\""},
	    {"a.b = \"bad escape \\ \"", "a.b = \"bad escape \\x5c\""},
	    {"a.b = \"ends in \\\\\"", "a.b = \"ends in \\x5c\""},
	    {"a.b = \"\\/\"", "a.b = \"/\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct str got = parse_and_print(str_from(cases[i].text), a);
		char again[sizeof(printed)];

		check_str(got, cases[i].want, cases[i].text);
		memcpy(again, got.p, got.n);
		again[got.n] = '\0';
		check_str(parse_and_print(str_from(again), a), cases[i].want,
			  "printed and read again");
	}
}

static void broken_conditions_are_refused_where_they_break(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *want; /* part of the message */
	} cases[] = {
	    {"", 0, "found the end of the condition"},
	    {"  ", 2, "found the end of the condition"},
	    {"a andb", 2 + 3, "a blank or '(' after 'and'"},
	    {"aand b", 5, "'and', 'or' or the end"},
	    {"a and b and", 11, "a blank or '(' after 'and'"},
	    {"a and b and ", 12, "found the end"},
	    {"a or b or", 9, "a blank or '(' after 'or'"},
	    {"a and b not", 8, "found 'not'"},
	    {"and a", 0, "found 'and'"},
	    {"a not b", 2, "found 'not'"},
	    {"a notb", 2, "found 'notb'"},
	    {"(a)andnot(b)", 6, "a blank or '('"},
	    {"a and or b", 6, "found 'or'"},
	    {"(a", 2, "the ')' for the '(' at offset 0"},
	    {"a and (b or c", 13, "the ')' for the '(' at offset 6"},
	    {"a)", 1, "found ')'"},
	    {"()", 1, "found ')'"},
	    {"a.b", 3, "an operator"},
	    {"a.b invalid x", 12, "found 'x'"},
	    {"a.b containsx", 4, "an operator"},
	    {"macro > 12", 6, "found '>'"},
	    {"a.b = ", 6, "a value"},
	    {"a.b = a,", 7, "found ','"},
	    {"a.b = a=", 7, "found '='"},
	    {"a.b = b = 1", 8, "found '='"},
	    {"a.b = (a)", 6, "a value"},
	    {"a.b contains (a)", 13, "a value"},
	    {"a.b > a", 6, "a number"},
	    {"a.b > (1)", 6, "a number"},
	    {"a.b < 0xAAA.1", 11, "found '.1'"},
	    {"a.b >= 0aaa", 8, "found 'aaa'"},
	    {"a.b in", 6, "a list"},
	    {"a.b in (", 8, "a value in the list"},
	    {"a.b in (a,)", 10, "a value in the list"},
	    {"a.b in (,)", 8, "a value in the list"},
	    {"a.b in ('x)", 8, "has no end"},
	    {"a.b = 'x", 6, "has no end"},
	    {"a.b = \"x'", 6, "has no end"},
	    {"a.b = \"x\"\"", 9, "found '\"'"},
	    {"a.b = \"x \\' y\"", 9, "needs no backslash"},
	    {"a.b = \"\\q\"", 7, "unknown escape \\q"},
	    {"a.b = \"\\x4\"", 7, "two hexadecimal digits"},
	    {"a.b[] = x", 4, "a field's argument"},
	    {"a.b[ x ] = x", 4, "a field's argument"},
	    {"a.b[\"x\" = y", 7, "']'"},
	    {"a.b[x = y", 5, "']'"},
	    {"tolower(a) = x", 8, "a field, transformer"},
	    {"tolower(a.b = x", 12, "')'"},
	    {"tolower() = x", 8, "a field, transformer"},
	    {"upside(a.b) = x", 0, "unknown transformer 'upside'"},
	    {"tolowr(a.b) = x", 0, "did you mean 'tolower'?"},
	    {"a.b = val(x)", 10, "a field within val()"},
	    {"a.b = val(x.y", 13, "')'"},
	    {"val(a.b) = x", 0, "unknown transformer 'val'"},
	    {"proc.name oneof (a, b)", 10, "an operator"},
	    {"#a and b", 0, "a comparison"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct condition *c;
		struct error err = {0};

		check_i64(condition_parse(str_from(cases[i].text), a, &c, &err) < 0, true,
			  cases[i].text);
		if (!strstr(err.message, cases[i].want))
			check_str(str_from(err.message), cases[i].want, cases[i].text);
		check_i64(err.offset, cases[i].offset, cases[i].text);
	}
}

static char *repeat(const char *head, const char *part, size_t times, const char *tail)
{
	size_t h = strlen(head), n = strlen(part), t = strlen(tail);
	char *p = malloc(h + n * times + t + 1);

	memcpy(p, head, h);
	for (size_t i = 0; i < times; i++)
		memcpy(p + h + i * n, part, n);
	memcpy(p + h + n * times, tail, t + 1);
	return p;
}

static void deep_and_long_conditions_neither_crash_nor_hang(void **state)
{
	static const struct {
		const char *head, *part;
		size_t times;
		const char *tail;
		bool is_good;
	} cases[] = {
	    {"", "(", 10000, "a", false},
	    {"", "(", 1000000, "", false},
	    {"", "not (a and ", 10000, "b", false},
	    {"", "not ", 100001, "a", true},
	    {"a", " and a", 100000, "", true},
	    {"a.b in (a", ", abcdefgh", 1000000, ")", true},
	    {"a.b = ", "tolower(", 10000, "", false},
	    {"len(", "(", 10000, "", false},
	    {"a.b = \"", "\\\\", 1000000, "\"", true},
	    {"", "a.b = \"x\\\\\" or ", 20000, "c", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		char *text = repeat(cases[i].head, cases[i].part, cases[i].times, cases[i].tail);
		struct condition *c;

		check_i64(condition_parse(str_from(text), a, &c, NULL) == 0, cases[i].is_good,
			  cases[i].part);
		free(text);
	}

	/* The depth that is promised is accepted. */
	CLEANUP_ARENA struct arena *a = arena_new();
	char brackets[2 * CONDITION_DEPTH_MAX + 2];
	struct condition *c;

	memset(brackets, '(', CONDITION_DEPTH_MAX);
	brackets[CONDITION_DEPTH_MAX] = 'a';
	memset(brackets + CONDITION_DEPTH_MAX + 1, ')', CONDITION_DEPTH_MAX);
	brackets[2 * CONDITION_DEPTH_MAX + 1] = '\0';
	check_i64(condition_parse(str_from(brackets), a, &c, NULL), 0, "brackets");
}

static void nodes_know_where_they_stand(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	const char *text = "  a.b = x and not ( c in_list or d.e in (1, zz) ) ";
	const char *good = "  a.b = x and not ( cmacro or d.e in (1, zz) ) ";
	struct condition *c;

	(void)state;
	assert_true(condition_parse(str_from(text), a, &c, NULL) < 0);
	assert_int_equal(condition_parse(str_from(good), a, &c, NULL), 0);
	check_i64(c->kind, CONDITION_AND, "kind");
	check_str(str_slice(str_from(good), c->offset, c->offset + c->length),
		  "a.b = x and not ( cmacro or d.e in (1, zz) )", "and");

	const struct condition *first = c->children[0];
	const struct condition * or = c->children[1]->children[0];
	const struct condition *in = or->children[1];

	check_str(str_slice(str_from(good), first->offset, first->offset + first->length),
		  "a.b = x", "first");
	check_str(str_slice(str_from(good), or->offset, or->offset + or->length),
		  "cmacro or d.e in (1, zz)", "or");
	check_str(str_slice(str_from(good), in->offset, in->offset + in->length), "d.e in (1, zz)",
		  "in");
	check_str(str_slice(str_from(good), in->comparison->operands[1].offset,
			    in->comparison->operands[1].offset + 2),
		  "zz", "operand");
	assert_true(in->comparison->operands[1].is_list_name);
	check_i64(good[in->comparison->operator_offset], 'i', "operator");
	check_i64(good[in->comparison->right_offset], '(', "right side");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions_mean_what_falco_reads_in_them),
	    cmocka_unit_test(broken_conditions_are_refused_where_they_break),
	    cmocka_unit_test(deep_and_long_conditions_neither_crash_nor_hang),
	    cmocka_unit_test(nodes_know_where_they_stand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

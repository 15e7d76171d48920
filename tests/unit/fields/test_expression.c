/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "fields/expression.h"

static char scratch_memory[1 << 16];
static struct arena scratch;
static struct field_context ctx = {.scratch = &scratch};

static void expressions_end_where_their_last_bracket_closes(void **state)
{
	static const struct {
		const char *text;
		size_t end;
		const char *type;
		bool is_list;
	} cases[] = {
	    {"proc.name = x", 9, "CHARBUF", false},
	    {"proc.aname[2] = x", 13, "CHARBUF", false},
	    {"proc.env['A B'] = x", 15, "CHARBUF", false},
	    {"evt.arg.flags contains x", 13, "CHARBUF", false},
	    {"evt.rawarg.flags = 1", 16, "FLAGS32", false},
	    {"fd.num > 1", 6, "INT64", false},
	    {"fd.types intersects (file)", 8, "CHARBUF", true},
	    {"tolower(proc.name)=x", 18, "CHARBUF", false},
	    {"tolower(toupper( proc.name ))", 29, "CHARBUF", false},
	    {"len(proc.name) > 3", 14, "UINT64", false},
	    {"len(fd.types) > 3", 13, "UINT64", false},
	    {"toupper(fd.types)", 17, "CHARBUF", true},
	    {"b64(evt.buffer)", 15, "BYTEBUF", false},
	    {"len(evt.buffer)", 15, "UINT64", false},
	    {"val(fd.num)", 11, "INT64", false},
	    {"join(\",\", (proc.name, \"x\", 12, len(fd.name)))", 45, "CHARBUF", false},
	    {"concat(proc.name, \"x\", 5)", 25, "CHARBUF", false},
	    {"getopt((\"-n\"), \"n:\")", 20, "CHARBUF", true},
	    {"getopt((\"-n\"), \"n:\")[n]", 23, "CHARBUF", false},
	    {"getopt((\"-n\"), \"n:\")[\"n\"]", 25, "CHARBUF", false},
	    {"len(getopt((\"-n\"), \"n:\"))", 25, "UINT64", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct expression x;
		struct error err = {0};
		size_t at = 0, skipped = 0;

		if (expression_parse(str_from(cases[i].text), &at, 0, a, &x, &err) < 0)
			check_str(str_from(err.message), "no error", cases[i].text);
		check_i64(at, cases[i].end, cases[i].text);
		check_i64(x.length, cases[i].end, cases[i].text);
		check_str(str_from(x.type_name), cases[i].type, cases[i].text);
		check_i64(x.is_list, cases[i].is_list, cases[i].text);
		check_i64(expression_skip(str_from(cases[i].text), &skipped, a, NULL), 0,
			  cases[i].text);
		check_i64(skipped, at, cases[i].text);
	}
}

/* Texts in quotes, lists as (a|b), numbers as digits, absent ones as "absent". */
static void print_value(bool has, const struct value *v, struct buffer *out)
{
	if (!has) {
		buffer_put(out, STR("absent"));
	} else if (v->is_list) {
		for (uint32_t i = 0; i < v->count; i++) {
			buffer_putc(out, i ? '|' : '(');
			buffer_put(out, v->list[i].str);
		}
		buffer_put(out, v->count ? STR(")") : STR("()"));
	} else if (v->type == VALUE_STRING) {
		buffer_put(out, v->str);
	} else {
		buffer_put_u64(out, v->u64);
	}
}

static void transformers_give_what_their_names_say(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"tolower(\"ABC xyz \\xc3\\x84\")", "abc xyz \xc3\x84"},
	    {"toupper(\"ABC xyz @[`{\")", "ABC XYZ @[`{"},
	    {"tolower(\"\")", ""},
	    {"tolower(toupper(\"aB\"))", "ab"},
	    {"basename(\"/usr/bin/ls\")", "ls"},
	    {"basename(\"ls\")", "ls"},
	    {"basename(\"/usr/\")", ""},
	    {"basename(\"\")", ""},
	    {"len(\"\")", "0"},
	    {"len(\"abc\")", "3"},
	    {"len(\"\\xc3\\x84\")", "2"},
	    {"len((\"a\", \"b\"))", "2"},
	    {"len(())", "0"},
	    {"b64(\"\")", ""},
	    {"b64(\"aGVsbG8=\")", "hello"},
	    {"b64(\"aGVsbG8\")", "hello"},
	    {"b64(\"aGVsbA==\")", "hell"},
	    {"b64(\"aGVsbA\")", "hell"},
	    {"b64(\"aGVs\")", "hel"},
	    {"b64(\"+/+/\")", "\xfb\xff\xbf"},
	    {"b64(\"aGVsbB==\")", "absent"},
	    {"b64(\"a\")", "absent"},
	    {"b64(\"aGVs=bG8\")", "absent"},
	    {"b64(\"aGV sbG8\")", "absent"},
	    {"b64(\"=\")", "absent"},
	    {"b64(\"==\")", "absent"},
	    {"b64(\"===\")", "absent"},
	    {"toupper((\"a\", \"b\"))", "(A|B)"},
	    {"basename((\"/a/b\", \"c\"))", "(b|c)"},
	    {"join(\",\", (\"a\", \"b\", 3))", "a,b,3"},
	    {"join(\"\", (\"a\", \"b\"))", "ab"},
	    {"join(\", \", ())", ""},
	    {"join(\",\", (\"a\"))", "a"},
	    {"join(\",\", (\"a\", len(\"xyz\"), tolower(\"B\")))", "a,3,b"},
	    {"join(\"-\", toupper((\"a\", \"b\")))", "A-B"},
	    {"concat(\"a\", \"\", 0x1F)", "a0x1F"},
	    {"concat(\"a\", b64(\"!\"))", "absent"},
	    {"getopt((\"-n\", \"\"), \"n\")", "(n)"},
	    {"getopt((\"-t\", \"hello\"), \"t:\")", "(t|hello)"},
	    {"getopt((\"-nt\", \"hello\"), \"nt:\")", "(n|t|hello)"},
	    {"getopt((\"-thello\"), \"t:\")", "(t|hello)"},
	    {"getopt((\"-n\", \"--\", \"-t\"), \"nt:\")", "(n)"},
	    {"getopt((\"-x\", \"-n\"), \"n\")", "(?|n)"},
	    {"getopt((\"-l\", \"-p\", \"8080\", \"-e\", \"/bin/sh\"), \"lp:e:\")",
	     "(l|p|8080|e|/bin/sh)"},
	    {"getopt((\"-lpe\", \"/bin/sh\"), \"lp:e:\")", "(l|p|e)"},
	    {"getopt((\"--exec\", \"-n\"), \"n\")", "(n)"},
	    {"getopt((\"-n\", \"-t\"), \"\")", "(?|?)"},
	    {"getopt((\"arg\", \"-n\"), \"n\")", "()"},
	    {"getopt((\"-\", \"-n\"), \"n\")", "()"},
	    {"getopt((\"\", \"-n\"), \"n\")", "()"},
	    {"getopt((\"-t\"), \"t:\")", "()"},
	    {"getopt((\"-:\"), \":\")", "(?)"},
	    {"getopt((\"-t\", \"a\", \"-tb\"), \"t:\")[t]", "b"},
	    {"getopt((\"-n\", \"-t\", \"x\"), \"nt:\")[n]", "n"},
	    {"getopt((\"-n\"), \"nt:\")[t]", "absent"},
	    {"getopt((\"-t\"), \"t:\")[t]", ""},
	    {"len(getopt((\"-n\", \"-t\"), \"nt\"))", "2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		char memory[256];
		struct buffer out = BUFFER(memory);
		struct expression x;
		struct error err = {0};
		struct value v = {0};
		size_t at = 0;

		if (expression_parse(str_from(cases[i].text), &at, 0, a, &x, &err) < 0)
			check_str(str_from(err.message), "no error", cases[i].text);
		arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
		bool has = expression_evaluate(&ctx, &x, &v);
		print_value(has, &v, &out);
		/* One empty text in a list prints like no item at all. */
		check_str(buffer_str(&out), cases[i].want, cases[i].text);
	}
}

static void a_full_scratch_arena_makes_values_absent(void **state)
{
	static const char *const texts[] = {
	    "tolower(\"ABCDEFGHIJ\")",        "b64(\"aGVsbG8gd29ybGQ=\")",
	    "concat(\"abcdef\", \"ghijkl\")", "join(\",\", (\"abcdef\", \"ghijkl\"))",
	    "getopt((\"-n\"), \"n\")",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		char memory[8];
		struct expression x;
		struct value v;
		size_t at = 0;

		assert_int_equal(expression_parse(str_from(texts[i]), &at, 0, a, &x, NULL), 0);
		arena_fixed(&scratch, memory, sizeof(memory));
		check_i64(expression_evaluate(&ctx, &x, &v), false, texts[i]);
		check_i64(scratch.overflow_count > 0, true, texts[i]);
	}
}

static void an_expression_sums_up_what_its_fields_are(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	struct expression x, field;
	bool has_transformer;
	size_t at = 0;

	(void)state;
	assert_int_equal(expression_parse(STR("concat(fd.name, tolower(proc.name), \"x\")"), &at, 0,
					  a, &x, NULL),
			 0);
	at = 0;
	assert_int_equal(expression_parse(STR("fd.name"), &at, 0, a, &field, NULL), 0);
	check_i64(expression_scope(&x), SCOPE_EVENT, "scope");
	check_i64(expression_facts(&x) & field.use.facts, field.use.facts, "facts");
	assert_null(expression_field(&x, NULL));
	at = 0;
	assert_int_equal(expression_parse(STR("tolower(proc.name)"), &at, 0, a, &x, NULL), 0);
	check_i64(expression_scope(&x), SCOPE_PROCESS, "scope");
	assert_string_equal(expression_field(&x, &has_transformer)->field->name, "proc.name");
	assert_true(has_transformer);
}

static void deep_transformers_are_refused(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	char text[8 * 100000 + 1];
	struct expression x;
	struct error err = {0};
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		memcpy(text + i * 8, "tolower(", 9);
	assert_true(expression_parse(str_from(text), &at, 0, a, &x, &err) < 0);
	assert_non_null(strstr(err.message, "nest deeper"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(expressions_end_where_their_last_bracket_closes),
	    cmocka_unit_test(transformers_give_what_their_names_say),
	    cmocka_unit_test(a_full_scratch_arena_makes_values_absent),
	    cmocka_unit_test(an_expression_sums_up_what_its_fields_are),
	    cmocka_unit_test(deep_transformers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

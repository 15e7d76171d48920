/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "base/cleanup.h"
#include "base/yaml.h"

#include <math.h>
#include <time.h>

static int parse(struct yaml_file *file, struct arena *a, const char *text, struct error *err)
{
	return yaml_parse(file, "t.yaml", str_from(text), a, err);
}

static void test_nodes_stand_where_they_are_written(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena *a = arena_new();
	struct yaml_file f;
	const char *text = "- rule: \xc3\xa4\xc3\xb6 x\n"
			   "  tags: [a, &q 'b c', *q]\r\n"
			   "  desc: ~\n"
			   "---\n"
			   "{}\n";

	check_i64(parse(&f, a, text, NULL), 0, "parse");
	check_i64(f.document_count, 2, "documents");

	struct yaml_node *item = f.documents[0]->items[0];
	struct yaml_node *tags = yaml_get(item, "tags");

	check_str(yaml_get(item, "rule")->text, "\xc3\xa4\xc3\xb6 x", "rule");
	check_i64(tags->count, 3, "tags");
	check_str(tags->items[1]->text, "b c", "quoted");
	assert_true(tags->items[1] == tags->items[2]);
	check_i64(yaml_locate(&f, tags->items[1]->offset).line, 2, "line");
	check_i64(yaml_locate(&f, tags->items[1]->offset).column, 16, "column, behind the anchor");
	check_i64(yaml_locate(&f, yaml_find(item, "desc")->key->offset).line, 3, "after CRLF");
	check_i64(yaml_locate(&f, yaml_find(item, "desc")->key->offset).column, 3, "column");
	assert_true(yaml_is_null(yaml_get(item, "desc")));
	check_str(yaml_line(&f, 2), "  tags: [a, &q 'b c', *q]", "line without its end");
	check_i64(f.documents[1]->kind, YAML_MAPPING, "second document");
	assert_null(yaml_get(item, "nothing"));
}

static void test_bad_files_are_refused_where_they_are_bad(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t line, column;
		const char *says;
	} cases[] = {
	    {"- rule: r\n\tdesc: d\n", 2, 1, "tab"},
	    {"a: b: c\n", 1, 5, "mapping values"},
	    {"- a\n- \"b\n", 3, 1, "end of stream"},
	    {"- [a, b\n", 2, 1, "expected"},
	    {"- a\n- \xff\n", 2, 3, "not UTF-8"},
	    {"\xff\xfe-\0", 1, 1, "UTF-16"},
	    {"- a\x01\n", 1, 4, "control"},
	    {"- *x\n", 1, 3, "no anchor"},
	    {"- &x [*x]\n", 1, 7, "own anchor"},
	    {"- {a: &x {b: *x}}\n", 1, 14, "own anchor"},
	    {"a: 1\n b: 2\n", 2, 3, "mapping values"},
	    {"- %foo\n", 1, 3, "token"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct yaml_file f;
		struct error err = {0};

		assert_true(parse(&f, a, cases[i].text, &err) < 0);
		check_i64(err.line, cases[i].line, cases[i].text);
		check_i64(err.column, cases[i].column, cases[i].text);
		if (!strstr(err.message, cases[i].says))
			fail_msg("%s: says \"%s\", want \"%s\"", cases[i].text, err.message,
				 cases[i].says);
		assert_true(f.is_broken);
	}
}

static void test_empty_files_are_no_error(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "", "\n\n", "# comment\n", "\xef\xbb\xbf", "---\n...\n", "---\n---\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct yaml_file f;

		check_i64(parse(&f, a, texts[i], NULL), 0, texts[i]);
		for (size_t d = 0; d < f.document_count; d++)
			assert_true(yaml_is_null(f.documents[d]));
	}
}

static void test_a_byte_order_mark_moves_no_position(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena *a = arena_new();
	struct yaml_file f;

	check_i64(parse(&f, a, "\xef\xbb\xbf- a\n- bc\n", NULL), 0, "parse");
	check_i64(yaml_locate(&f, f.documents[0]->items[1]->offset).line, 2, "line");
	check_i64(yaml_locate(&f, f.documents[0]->items[1]->offset).column, 3, "column");
	check_i64(f.text.p[f.documents[0]->items[0]->offset], 'a', "first");
}

static void test_what_was_complete_before_an_error_stays(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena *a = arena_new();
	struct yaml_file f;
	struct error err = {0};

	assert_true(parse(&f, a, "- a: 1\n- b: 2\n- c: [\n", &err) < 0);
	check_i64(f.document_count, 1, "documents");
	check_i64(f.documents[0]->count, 2, "complete items");
	check_str(yaml_get(f.documents[0]->items[1], "b")->text, "2", "value");
}

static void test_duplicate_keys_are_told_and_the_first_counts(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena *a = arena_new();
	struct yaml_file f;

	check_i64(parse(&f, a, "{a: 1, b: 2, a: 3}\n", NULL), 0, "parse");
	check_i64(f.duplicate_count, 1, "duplicates");
	check_i64(yaml_locate(&f, f.duplicates[0]->offset).column, 14, "column");
	check_str(yaml_get(f.documents[0], "a")->text, "1", "value");
}

/* Each case marks one character of the text; it must be found at the same mark in the file. */
static void test_text_offsets_lead_back_to_the_file(void **state)
{
	(void)state;
	static const char *const files[] = {
	    "a: one X two\n",
	    "a: one\n  two X\n  three\n",
	    "a: one\n\n\n  two X\n",
	    "a: 'it''s X'\n",
	    "a: 'one \n   two''s\n\n   X'\n",
	    "a: \"tab\\t\\x41\\u00e4\\u20ac X\"\n",
	    "a: \"one \\\n   two X\"\n",
	    "a: \"one   \n\n   two X\"\n",
	    "a: \"\\N\\_\\L X\"\n",
	    "a: >\n  one\n  two X\n  three\n",
	    "a: >-\n  one\n\n\n  two\n    more\n   X\n",
	    "a: >\n    one\n      more\n    X\n\n",
	    "a: |\n  one\n  two X\n",
	    "a: |2\n    one\n  X\n",
	    "a: |\n\n\n  one\n   \n  X\n",
	    "a: >\r\n  one\r\n  two X\r\n",
	    "a: > # comment\n  one\n\n  two X\n",
	    "a: &anchor !!str one X\n",
	    "a: >\n  one  \n  two X\n",
	    "a: >\n  \n  one\n  \n  \n  X\n",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct yaml_file f;

		check_i64(parse(&f, a, files[i], NULL), 0, files[i]);

		struct yaml_node *n = yaml_get(f.documents[0], "a");
		size_t in_text = str_find_byte(n->text, 'X', 0);

		assert_true(in_text < n->text.n);
		check_i64(yaml_scalar_offset(&f, n, in_text), str_find_byte(f.text, 'X', 0),
			  files[i]);
		check_i64(yaml_scalar_offset(&f, n, 0) <= str_find_byte(f.text, 'X', 0), true,
			  files[i]);
		/* The end, and any offset behind it, is a place in the scalar. */
		assert_true(yaml_scalar_offset(&f, n, n->text.n + 9) <= f.text.n);
	}
}

static void test_scalars_read_as_booleans_and_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int is_bool; /* -1: none */
		long long number;
	} cases[] = {
	    {"true", 1, -1},  {"No", 0, -1},     {"ON", 1, -1},   {"'off'", 0, -1},
	    {"tRUE", -1, -1}, {"maybe", -1, -1}, {"12", -1, 12},  {"\"0x10\"", -1, 16},
	    {"-1", -1, -1},   {"1.5", -1, -1},   {"[1]", -1, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct yaml_file f;
		bool b = false;
		uint64_t u = 0;

		check_i64(parse(&f, a, cases[i].text, NULL), 0, cases[i].text);
		check_i64(yaml_bool(f.documents[0], &b) ? b : -1, cases[i].is_bool, cases[i].text);
		check_i64(yaml_u64(f.documents[0], &u) ? (long long)u : -1, cases[i].number,
			  cases[i].text);
	}
}

static void test_scalars_read_as_decimal_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double want; /* NAN: none */
	} cases[] = {
	    {"0.5", 0.5},    {".5", 0.5},    {"-2", -2},    {"1e3", 1000},  {"'3'", 3},
	    {"inf", NAN},    {"nan", NAN},   {"0x10", NAN}, {"1.2.3", NAN}, {"1e999", NAN},
	    {"twenty", NAN}, {"[1.5]", NAN}, {"''", NAN},   {"-", NAN},     {"1 2", NAN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct yaml_file f;
		double v = 0;

		check_i64(parse(&f, a, cases[i].text, NULL), 0, cases[i].text);
		check_i64(yaml_real(f.documents[0], &v), !isnan(cases[i].want), cases[i].text);
		if (!isnan(cases[i].want) && (v < cases[i].want || v > cases[i].want))
			fail_msg("%s: got %g, want %g", cases[i].text, v, cases[i].want);
	}
}

static char *repeat(const char *piece, size_t count, const char *tail)
{
	size_t n = strlen(piece);
	char *text = malloc(n * count + strlen(tail) + 1);

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * n, piece, n);
	memcpy(text + n * count, tail, strlen(tail) + 1);
	return text;
}

static void test_hostile_shapes_end_in_errors_soon(void **state)
{
	(void)state;
	static const struct {
		const char *piece;
		size_t count;
		const char *tail, *says;
	} cases[] = {
	    {"[", 10000, "", "deeper"},
	    {"{a: ", 10000, "", "deeper"},
	    {"- ", 10000, "x", "deeper"},
	    {"? ", 10000, "x", "deeper"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		CLEANUP_FREE char *text = repeat(cases[i].piece, cases[i].count, cases[i].tail);
		struct yaml_file f;
		struct error err = {0};

		assert_true(parse(&f, a, text, &err) < 0);
		if (!strstr(err.message, cases[i].says))
			fail_msg("%s...: %s", cases[i].piece, err.message);
	}

	CLEANUP_ARENA struct arena *a = arena_new();
	struct yaml_file f;
	struct error err = {0};

	assert_true(parse(&f, a,
			  "- &a [x,x,x,x,x,x,x,x,x,x]\n- &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
			  "- &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n- &d [*c,*c,*c,*c,*c,*c,*c,*c]\n"
			  "- &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n- &f [*e,*e,*e,*e,*e,*e,*e,*e]\n"
			  "- [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
			  &err) < 0);
	assert_non_null(strstr(err.message, "expand"));
}

static double seconds_for(const char *piece, size_t count, const char *tail)
{
	CLEANUP_FREE char *text = repeat(piece, count, tail);
	CLEANUP_ARENA struct arena *a = arena_new();
	struct yaml_file f;
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	check_i64(parse(&f, a, text, NULL), 0, piece);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void test_time_grows_with_the_size_alone(void **state)
{
	(void)state;
	static const struct {
		const char *piece, *tail;
	} cases[] = {
	    {"- \xc3\xa4\n", ""},
	    {"k: v\n", ""},
	    {"\n", "- x\n"},
	    {"---\n", "x\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double small = seconds_for(cases[i].piece, 20000, cases[i].tail);
		double large = seconds_for(cases[i].piece, 160000, cases[i].tail);

		/* 8 times the size: 64 times the time would be quadratic. */
		if (large > 32 * small + 0.05)
			fail_msg("\"%s\": %.3f s for 20,000, %.3f s for 160,000", cases[i].piece,
				 small, large);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nodes_stand_where_they_are_written),
	    cmocka_unit_test(test_bad_files_are_refused_where_they_are_bad),
	    cmocka_unit_test(test_empty_files_are_no_error),
	    cmocka_unit_test(test_a_byte_order_mark_moves_no_position),
	    cmocka_unit_test(test_what_was_complete_before_an_error_stays),
	    cmocka_unit_test(test_duplicate_keys_are_told_and_the_first_counts),
	    cmocka_unit_test(test_text_offsets_lead_back_to_the_file),
	    cmocka_unit_test(test_scalars_read_as_booleans_and_numbers),
	    cmocka_unit_test(test_scalars_read_as_decimal_numbers),
	    cmocka_unit_test(test_hostile_shapes_end_in_errors_soon),
	    cmocka_unit_test(test_time_grows_with_the_size_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

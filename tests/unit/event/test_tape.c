/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is read to a tape: what is taken, what is refused, what is found and how it prints. */
#include "../unit.h"
#include "event/tape.h"

#include <errno.h>

static struct tape *tape;
static char scratch_memory[64 * 1024];

static int make_tape(void **state)
{
	(void)state;
	tape = tape_new(1 << 20);
	return tape ? 0 : -1;
}

static int drop_tape(void **state)
{
	(void)state;
	tape_free(tape);
	return 0;
}

/* In memory of exactly its size, so that a read behind it is seen. */
static int read_text(struct str text, struct error *err)
{
	static char *memory;

	free(memory);
	memory = malloc(text.n ? text.n : 1);
	assert_non_null(memory);
	if (text.n)
		memcpy(memory, text.p, text.n);
	return tape_read(tape, (struct str){memory, text.n}, err);
}

static void what_json_is_is_taken(void **state)
{
	static const char *const good[] = {
	    "null",
	    "true",
	    "false",
	    "0",
	    "-0",
	    "12",
	    "-1.5e+10",
	    "1E5",
	    "0.25",
	    "\"\"",
	    "\"a\"",
	    "[]",
	    "{}",
	    "[ ]",
	    "{ }",
	    " \t\r\n[1 , 2]\n",
	    "{\"a\":{\"b\":[1,{\"c\":null}]}}",
	    "[[[]]]",
	    "{\"\":\"\"}",
	    "\"\\u00e4\\n\\/\\\"\\\\\"",
	    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
	    "\"sixteen plain by\"",
	    "\"more than sixteen plain bytes, and then \\u0041\"",
	    "123456789012345678901234567890123456789012345678901234567890",
	    "1e999999",
	    "{\"a\":1,\"a\":2}",
	    "\"\\ud800\"",
	    "\"\x7f\"",
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		check_i64(read_text(str_from(good[i]), &err), 0, good[i]);
}

static void what_json_is_not_is_refused_where_it_goes_wrong(void **state)
{
	static const struct {
		const char *text;
		int offset;
	} bad[] = {
	    {"", 0},
	    {" ", 1},
	    {"[", 1},
	    {"{", 1},
	    {"]", 0},
	    {"[1", 2},
	    {"[1,", 3},
	    {"[1,]", 3},
	    {"[,1]", 1},
	    {"{\"a\"}", 4},
	    {"{\"a\":}", 5},
	    {"{\"a\":1,}", 7},
	    {"{a:1}", 1},
	    {"{1:1}", 1},
	    {"[1}", 2},
	    {"{\"a\":1]", 6},
	    {"01", 1},
	    {"-", 1},
	    {"+1", 0},
	    {".5", 0},
	    {"1.", 2},
	    {"1e", 2},
	    {"1e+", 3},
	    {"tru", 3},
	    {"nul]", 3},
	    {"True", 0},
	    {"\"", 1},
	    {"\"a", 2},
	    {"\"\\", 2},
	    {"\"\\x\"", 2},
	    {"\"\\u12g4\"", 5},
	    {"\"a\nb\"", 2},
	    {"\"\x01\"", 1},
	    {"1 2", 2},
	    {"{} {}", 3},
	    {"\"\xff\"", 1},
	    {"\"\xc3\"", 1},
	    {"\"\xc0\xaf\"", 1},
	    {"\"\xed\xa0\x80\"", 1},
	    {"\"\xf4\x90\x80\x80\"", 1},
	    {"'a'", 0},
	    {"[1]//", 3},
	    {"NaN", 0},
	    {"Infinity", 0},
	    {"\xef\xbb\xbf{}", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = {0};

		check_i64(read_text(str_from(bad[i].text), &err), -EBADMSG, bad[i].text);
		check_i64(err.offset, bad[i].offset, bad[i].text);
		check_i64(tape->count, 0, bad[i].text);
	}
}

static void nesting_has_a_bound_and_costs_no_stack(void **state)
{
	static char text[200000];
	struct error err = {0};

	(void)state;
	memset(text, '[', 100000);
	memset(text + 100000, ']', 100000);
	check_i64(read_text((struct str){text, sizeof(text)}, &err), -EBADMSG, "100000 deep");
	check_i64(err.offset, TAPE_DEPTH_MAX, "where it is refused");
	assert_non_null(strstr(err.message, "nested deeper"));
	check_i64(read_text((struct str){text + 100000 - TAPE_DEPTH_MAX, 2 * TAPE_DEPTH_MAX}, &err),
		  0, "as deep as allowed");
}

static void a_text_larger_than_the_tape_is_refused(void **state)
{
	struct tape *small = tape_new(8);
	struct error err;

	(void)state;
	assert_non_null(small);
	check_i64(tape_read(small, STR("[0,0,0]"), &err), 0, "as large as it was made for");
	check_i64(small->count, 4, "values");
	check_i64(tape_read(small, STR("[[[[[[[["), &err), -EBADMSG, "lists that are never closed");
	check_i64(tape_read(small, STR("[0,0,0,0,0]"), &err), -E2BIG, "larger");
	tape_free(small);
}

static void values_end_where_they_end(void **state)
{
	static const struct {
		const char *text;
		int status, start, end;
	} cases[] = {
	    {" {\"a\":1} {\"b\":2}", 0, 1, 8},
	    {"[1]x", 0, 0, 3},
	    {"\"a\"", 0, 0, 3},
	    {"12 ", 0, 0, 2},
	    {"12", -ENODATA, 0, 2},
	    {"{\"a\":", -ENODATA, 0, 5},
	    {"\"\xe2\x82", -ENODATA, 0, 3},
	    {"", -ENODATA, 0, 0},
	    {"{\"a\" 1}", -EBADMSG, 0, 5},
	    {"tr", -ENODATA, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err;
		size_t start, end;

		check_i64(tape_skip(str_from(cases[i].text), 0, &start, &end, &err),
			  cases[i].status, cases[i].text);
		check_i64(start, cases[i].start, cases[i].text);
		check_i64(end, cases[i].end, cases[i].text);
	}
}

static const char document[] =
    "{ \"a\" : {\"b\":[10,{\"c\":\"x\\u00e9\\ny\"},[ ]]}, \"k/1\":1, \"k~2\": 2,\"\":\"empty\", "
    "\"e\\u0073c\":\"\\ud83d\\ude00\\/\", \"big\":123456789012345678901234567890, \"t\":true, "
    "\"n\":null, \"a\":\"second\", \"lone\":\"\\udc00\", \"o\":{ } }";

static struct str found(const char *pointer)
{
	static struct arena arena;
	const struct tape_node *node = tape_pointer(tape, str_from(pointer));
	struct str out;

	arena_fixed(&arena, scratch_memory, sizeof(scratch_memory));
	if (!node || !tape_text(tape, node, &arena, &out))
		return STR("(absent)");
	return out;
}

static void values_are_found_by_pointer(void **state)
{
	static const struct {
		const char *pointer, *want;
	} cases[] = {
	    {"/a/b/0", "10"},
	    {"a/b/0", "10"},
	    {"/a/b/1/c", "x\xc3\xa9\ny"},
	    {"/a/b/1", "{\"c\":\"x\xc3\xa9\\ny\"}"},
	    {"/a/b", "[10,{\"c\":\"x\xc3\xa9\\ny\"},[]]"},
	    {"/a/b/2", "[]"},
	    {"/a/b/3", "(absent)"},
	    {"/a/b/01", "(absent)"},
	    {"/a/b/-", "(absent)"},
	    {"/a/b/99999999999999999999", "(absent)"},
	    {"/k~11", "1"},
	    {"/k~02", "2"},
	    {"/", "empty"},
	    {"/esc", "\xf0\x9f\x98\x80/"},
	    {"/big", "123456789012345678901234567890"},
	    {"/t", "true"},
	    {"/n", "null"},
	    {"/lone", "\xef\xbf\xbd"},
	    {"/o", "{}"},
	    {"/x", "(absent)"},
	    {"/t/x", "(absent)"},
	    {"/a/b/1/c/0", "(absent)"},
	};
	struct error err;

	(void)state;
	check_i64(read_text(STR(document), &err), 0, document);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_str(found(cases[i].pointer), cases[i].want, cases[i].pointer);
}

static void values_print_as_json(void **state)
{
	struct buffer out = BUFFER(scratch_memory);
	struct error err;

	(void)state;
	check_i64(read_text(STR("{\"a\":[1,{\"b\":\"\\u003c\\\"\\u0001\\b\"},[]],\"c\":{}}"), &err),
		  0, "document");
	tape_print(tape, tape->nodes, 0, &out);
	check_str(buffer_str(&out), "{\"a\":[1,{\"b\":\"<\\\"\\u0001\\b\"},[]],\"c\":{}}",
		  "compact");
	out.n = 0;
	tape_print(tape, tape->nodes, 2, &out);
	check_str(
	    buffer_str(&out),
	    "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"<\\\"\\u0001\\b\"\n    },\n    []\n  "
	    "],\n  \"c\": {}\n}",
	    "indented");
}

static void text_is_never_longer_than_it_was_written(void **state)
{
	struct arena arena;
	struct error err;
	struct str out;

	(void)state;
	check_i64(
	    read_text(STR("[\"\\b\\f\\n\\r\\t\\/\\\\\\\"\\u0000\\u001f\\u0022\\ud800x\"]"), &err),
	    0, "document");
	/* Exactly as much as the text takes, and no more. */
	arena_fixed(&arena, scratch_memory, tape->text.n);
	assert_true(tape_text(tape, tape->nodes, &arena, &out));
	check_str(out, "[\"\\b\\f\\n\\r\\t/\\\\\\\"\\u0000\\u001f\\\"\xef\xbf\xbdx\"]", "text");
}

static void a_full_arena_is_said(void **state)
{
	struct arena arena;
	struct error err;
	struct str out;

	(void)state;
	check_i64(read_text(STR("[1, 2]"), &err), 0, "document");
	arena_fixed(&arena, scratch_memory, 2);
	assert_false(tape_text(tape, tape->nodes, &arena, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_json_is_is_taken),
	    cmocka_unit_test(what_json_is_not_is_refused_where_it_goes_wrong),
	    cmocka_unit_test(nesting_has_a_bound_and_costs_no_stack),
	    cmocka_unit_test(a_text_larger_than_the_tape_is_refused),
	    cmocka_unit_test(values_end_where_they_end),
	    cmocka_unit_test(values_are_found_by_pointer),
	    cmocka_unit_test(values_print_as_json),
	    cmocka_unit_test(text_is_never_longer_than_it_was_written),
	    cmocka_unit_test(a_full_arena_is_said),
	};

	return cmocka_run_group_tests(tests, make_tape, drop_tape);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

static void numbers_are_read_whole_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		bool is_number;
		int64_t value;
	} cases[] = {
	    {"0", true, 0},
	    {"42", true, 42},
	    {"-42", true, -42},
	    {"0x1F", true, 31},
	    {"-0x10", true, -16},
	    {"0644", true, 0644},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"", false, 0},
	    {"-", false, 0},
	    {"0x", false, 0},
	    {"12a", false, 0},
	    {"08", false, 0},
	    {" 1", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t v = 0;

		check_i64(str_to_i64(str_from(cases[i].text), &v), cases[i].is_number,
			  cases[i].text);
		if (cases[i].is_number)
			check_i64(v, cases[i].value, cases[i].text);
	}
}

static void nearest_name_is_suggested_only_when_near(void **state)
{
	static const char *const names[] = {"proc.name", "proc.pname", "fd.name", "evt.type"};

	(void)state;
	assert_string_equal(str_nearest(STR("proc.nmae"), names, 4), "proc.name");
	assert_string_equal(str_nearest(STR("evt.typ"), names, 4), "evt.type");
	assert_null(str_nearest(STR("completely.else"), names, 4));
	assert_null(str_nearest(STR(""), names, 4));
}

static void distance_counts_edits_and_transpositions(void **state)
{
	(void)state;
	check_i64(str_distance(STR("kitten"), STR("sitting"), 9), 3, "kitten, sitting");
	check_i64(str_distance(STR("ab"), STR("ba"), 9), 1, "ab, ba");
	check_i64(str_distance(STR(""), STR("abc"), 9), 3, "empty, abc");
	check_i64(str_distance(STR("abcdef"), STR("uvwxyz"), 2), 3, "cap");
}

static void trim_and_slice_stay_inside(void **state)
{
	(void)state;
	check_str(str_trim(STR(" \t a b\r\n")), "a b", "trim");
	check_str(str_trim(STR("  ")), "", "blanks");
	check_str(str_slice(STR("abc"), 1, 99), "bc", "slice past the end");
	check_str(str_slice(STR("abc"), 5, 2), "", "slice from past the end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
	    cmocka_unit_test(nearest_name_is_suggested_only_when_near),
	    cmocka_unit_test(distance_counts_edits_and_transpositions),
	    cmocka_unit_test(trim_and_slice_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "base/utf8.h"

static void only_well_formed_characters_count(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
	    {"a", 1},
	    {"\xc3\xa9", 2},
	    {"\xe2\x82\xac", 3},
	    {"\xf0\x9f\x90\xa6", 4},
	    {"\xc0\x80", 0},
	    {"\xe0\x80\x80", 0},
	    {"\xed\xa0\x80", 0},
	    {"\xf4\x90\x80\x80", 0},
	    {"\x80", 0},
	    {"\xc3", 0},
	    {"\xe2\x82", 0},
	    {"\xff", 0},
	    {"\xf5\x80\x80\x80", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_i64(utf8_character(str_from(cases[i].text)), cases[i].length, cases[i].text);
	check_i64(utf8_valid_prefix(STR("ab\xc3\xa9\xff z")), 4, "prefix");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_well_formed_characters_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

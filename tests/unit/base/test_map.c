/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "base/map.h"

/* Ten thousand random puts and removes beside a plain array that says what must be there. */
static void map_agrees_with_an_array(void **state)
{
	enum { KEYS = 512, STEPS = 10000 };
	static int marks[KEYS];
	void *expected[KEYS] = {0};
	struct u64map m = {0};
	unsigned seed = 1;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		unsigned key = (unsigned)rand_r(&seed) % KEYS;

		if (rand_r(&seed) % 2) {
			assert_ptr_equal(u64map_put(&m, key, &marks[key]), expected[key]);
			expected[key] = &marks[key];
		} else {
			assert_ptr_equal(u64map_remove(&m, key), expected[key]);
			expected[key] = NULL;
		}
	}
	size_t count = 0;
	for (unsigned key = 0; key < KEYS; key++) {
		assert_ptr_equal(u64map_get(&m, key), expected[key]);
		count += expected[key] != NULL;
	}
	check_i64(m.count, count, "count");
	u64map_free(&m);
}

static void strings_are_found_after_others_are_removed(void **state)
{
	enum { KEYS = 300 };
	static char names[KEYS][16];
	struct strmap m = {0};

	(void)state;
	for (int i = 0; i < KEYS; i++) {
		snprintf(names[i], sizeof(names[i]), "key-%d", i);
		assert_null(strmap_put(&m, str_from(names[i]), names[i]));
	}
	for (int i = 0; i < KEYS; i += 3)
		assert_ptr_equal(strmap_remove(&m, str_from(names[i])), names[i]);
	for (int i = 0; i < KEYS; i++)
		assert_ptr_equal(strmap_get(&m, str_from(names[i])), i % 3 ? names[i] : NULL);
	assert_null(strmap_get(&m, STR("key-")));
	strmap_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(map_agrees_with_an_array),
	    cmocka_unit_test(strings_are_found_after_others_are_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "base/arena.h"

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	char *before = NULL;

	(void)state;
	for (size_t size = 1; size < 5000; size += 37) {
		char *p = arena_alloc(a, size);

		assert_int_equal((uintptr_t)p % _Alignof(uint64_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0x5a, size);
		assert_ptr_not_equal(p, before);
		before = p;
	}
	assert_non_null(arena_alloc(a, 3000000));
	check_str(arena_printf(a, "%s-%d", "x", 7), "x-7", "printf");
}

static void a_full_scratch_arena_says_no_and_counts(void **state)
{
	char memory[64];
	struct arena a;

	(void)state;
	arena_fixed(&a, memory, sizeof(memory));
	assert_non_null(arena_bytes(&a, 60));
	assert_null(arena_bytes(&a, 5));
	assert_null(arena_alloc_array(&a, SIZE_MAX / 2, 4));
	check_i64(a.overflow_count, 2, "overflow_count");
	arena_reset_to(&a, memory);
	assert_non_null(arena_bytes(&a, 64));
}

static char released[8];

static void release_letter(void *object)
{
	strncat(released, object, 1);
}

static void what_objects_hold_is_released_last_first(void **state)
{
	struct arena *a = arena_new();
	char letters[] = "abc";

	(void)state;
	for (size_t i = 0; i < 3; i++)
		arena_on_free(a, release_letter, &letters[i]);
	arena_free(a);
	check_str(str_from(released), "cba", "order of release");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
	    cmocka_unit_test(a_full_scratch_arena_says_no_and_counts),
	    cmocka_unit_test(what_objects_hold_is_released_last_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

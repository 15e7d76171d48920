/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/tracepoint.h"

#include "../unit.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

/* Types as a kernel has them: two functions, a type of the same name as one that is none. */
static void *make_types(uint32_t *size)
{
	struct btf *btf = btf__new_empty();
	const void *raw;
	void *copy;

	assert_non_null(btf);
	int number = btf__add_int(btf, "int", 4, 0);
	int prototype = btf__add_func_proto(btf, number);

	assert_true(btf__add_func_param(btf, "context", number) == 0);
	assert_true(btf__add_func_param(btf, "value", number) == 0);
	assert_int_equal(btf__add_struct(btf, "security_path_unlink", 4), 3);
	assert_int_equal(btf__add_func(btf, "security_path_unlink", BTF_FUNC_STATIC, prototype), 4);
	assert_int_equal(btf__add_func(btf, "security_path_unlinked", BTF_FUNC_STATIC, prototype),
			 5);
	assert_int_equal(btf__add_func(btf, "security_path_chmod", BTF_FUNC_STATIC, prototype), 6);
	int pointer = btf__add_ptr(btf, prototype);

	assert_true(btf__add_typedef(btf, "btf_trace_sys_exit", pointer) > 0);
	raw = btf__raw_data(btf, size);
	copy = malloc(*size);
	memcpy(copy, raw, *size);
	btf__free(btf);
	return copy;
}

static const char *const names[] = {"security_path_chmod", "security_path", "security_path_unlink"};
enum { NAMES = 3 };

static void test_functions_are_found_by_their_whole_name(void **state)
{
	uint32_t size;
	void *types = make_types(&size);
	int ids[NAMES] = {7, 7, 7};

	(void)state;
	kernel_functions(types, size, names, ids, NAMES);
	assert_int_equal(ids[0], 6);
	assert_int_equal(ids[1], 0);
	assert_int_equal(ids[2], 4);
	assert_int_equal(tracepoint_arguments(types, size, "sys_exit"), 1);
	assert_int_equal(tracepoint_arguments(types, size, "sys_enter"), -1);
	free(types);
}

/* Each byte on the way is another one: what is found may be wrong, what is read stays within. */
static void test_broken_types_do_no_harm(void **state)
{
	uint32_t size;
	uint8_t *types = make_types(&size);
	int ids[NAMES];

	(void)state;
	for (uint32_t n = 0; n <= size; n++) {
		uint8_t *part = malloc(n + 1);

		memcpy(part, types, n);
		part = realloc(part, n ? n : 1);
		kernel_functions(part, n, names, ids, NAMES);
		tracepoint_arguments(part, n, "sys_exit");
		free(part);
	}
	for (uint32_t n = 0; n < size; n++) {
		for (int bit = 0; bit < 8; bit++) {
			types[n] ^= (uint8_t)(1 << bit);
			kernel_functions(types, size, names, ids, NAMES);
			tracepoint_arguments(types, size, "sys_exit");
			types[n] ^= (uint8_t)(1 << bit);
		}
	}
	kernel_functions(NULL, 0, names, ids, NAMES);
	assert_int_equal(ids[0], 0);
	free(types);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_functions_are_found_by_their_whole_name),
	    cmocka_unit_test(test_broken_types_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

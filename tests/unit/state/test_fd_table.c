/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "state/fd_table.h"

#include <stdlib.h>

enum { NUMS = 300, STEPS = 20000, FAR = 5000 };

/* Low numbers are found another way than high ones. */
static int64_t num_of(unsigned i)
{
	return i < NUMS / 2 ? i : (int64_t)i * FAR;
}

static void check_table(const struct fd_table *t, const bool *is_there)
{
	unsigned count = 0, seen = 0;

	for (unsigned i = 0; i < NUMS; i++) {
		const struct fd_entry *e = fd_table_find(t, num_of(i));
		char name[32];

		snprintf(name, sizeof(name), "/file/%u", i);
		count += is_there[i];
		assert_int_equal(e != NULL, is_there[i]);
		if (!e)
			continue;
		check_i64(e->num, num_of(i), "number");
		check_str(fd_text_str(e->name), name, "name");
		check_str(fd_text_str(e->name_raw), name, "name as it was given");
	}
	for (const struct fd_entry *e = fd_table_next(t, NULL); e; e = fd_table_next(t, e))
		seen++;
	check_i64(t->count, count, "count");
	check_i64(seen, count, "entries in the list");
	assert_null(fd_table_find(t, -1));
	assert_null(fd_table_find(t, INT64_MAX));
}

static void tables_hold_what_was_put_in(void **state)
{
	struct block_pool blocks = {0};
	struct fd_store store;
	struct fd_table table = {0}, copy = {0};
	bool is_there[NUMS] = {0};
	unsigned random = 1;

	(void)state;
	fd_store_init(&store, &blocks);
	for (unsigned step = 0; step < STEPS; step++) {
		random = random * 1103515245 + 12345;
		unsigned i = random / 65536 % NUMS;
		struct fd_entry *e = fd_table_find(&table, num_of(i));
		char name[32];

		/* It grows and shrinks in turns. */
		if (e && step / 1000 % 2) {
			fd_table_remove(&store, &table, e);
			is_there[i] = false;
		} else {
			e = fd_table_add(&store, &table, num_of(i));
			assert_non_null(e);
			assert_null(e->name);
			snprintf(name, sizeof(name), "/file/%u", i);
			fd_set_name(&store, e, str_from(name));
			fd_set_name_raw(&store, e, str_from(name));
			is_there[i] = true;
		}
		if (step % 500 == 0) {
			check_table(&table, is_there);
			fd_table_clone(&store, &copy, &table);
			check_table(&copy, is_there);
		}
	}
	fd_table_clear(&store, &table);
	memset(is_there, 0, sizeof(is_there));
	check_table(&table, is_there);
	fd_table_clear(&store, &copy);
	check_i64((int64_t)store.count, 0, "entries that are left");
	check_i64((int64_t)store.text_bytes, 0, "bytes of names that are left");
	check_i64((int64_t)store.refused, 0, "refused");
	fd_store_release(&store);
	block_pool_release(&blocks);
}

static void names_change_without_leaving_others_behind(void **state)
{
	struct block_pool blocks = {0};
	struct fd_store store;
	struct fd_table table = {0};
	struct fd_entry *e;

	(void)state;
	fd_store_init(&store, &blocks);
	e = fd_table_add(&store, &table, 3);
	fd_set_name(&store, e, STR("/a"));
	fd_set_name_raw(&store, e, STR("/a"));
	check_i64((int64_t)store.text_bytes, 2, "bytes of one name");
	fd_set_name(&store, e, STR("/other"));
	check_str(fd_text_str(e->name), "/other", "name");
	check_str(fd_text_str(e->name_raw), "/a", "name as it was given");
	fd_set_name_raw(&store, e, STR("/other"));
	fd_set_name_raw(&store, e, STR(""));
	check_str(fd_text_str(e->name_raw), "", "name as it was given");
	check_str(fd_text_str(e->name), "/other", "name");
	fd_table_clear(&store, &table);
	fd_store_release(&store);
	block_pool_release(&blocks);
}

/* Few bytes of a capture can make long names: relative ones in a deep directory. */
static void there_is_an_end_to_names(void **state)
{
	struct block_pool blocks = {0};
	struct fd_store store;
	struct fd_table table = {0};
	struct fd_entry *e;

	(void)state;
	fd_store_init(&store, &blocks);
	store.text_bytes = FD_TEXTS_MAX - 4;
	e = fd_table_add(&store, &table, 3);
	fd_set_name(&store, e, STR("/four"));
	check_str(fd_text_str(e->name), "", "too long");
	check_i64((int64_t)store.refused, 1, "refused");
	fd_set_name(&store, e, STR("/abc"));
	check_str(fd_text_str(e->name), "/abc", "the last that fits");
	for (int64_t num = 0; num < FD_TABLE_MAX; num++)
		fd_table_add(&store, &table, num);
	assert_null(fd_table_add(&store, &table, FD_TABLE_MAX));
	check_i64((int64_t)store.refused, 2, "refused");
	fd_table_clear(&store, &table);
	fd_store_release(&store);
	block_pool_release(&blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables_hold_what_was_put_in),
	    cmocka_unit_test(names_change_without_leaving_others_behind),
	    cmocka_unit_test(there_is_an_end_to_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is told of a thread, read while it is written: old and new words side by side. */
#include "../unit.h"
#include "event/discard_table.h"

enum { WORDS = sizeof(struct discard_process) / sizeof(uint64_t) };

/* Two threads whose numbers share a place, and one of them under another name and program. */
static const struct discard_process threads[] = {
    {1000, 1, 70, {0x746163, 0}, 42, 1, 0x5, 0},
    {2000, 1, 70, {0x746163, 0}, 42 + DISCARD_PROCESSES, 1, 0x6, 0},
    {1000, 2, 70, {0x6873, 0}, 42, 1, 0x9, 0},
    {1000, 1, 71, {0x746163, 0}, 42, 1, 0xa, 0},
    {1000, 1, 70, {0x746163, 0}, 42, 2, 0xc, 0},
};

enum { THREADS = sizeof(threads) / sizeof(threads[0]) };

static struct discard_process told(size_t i)
{
	struct discard_process p = threads[i];

	p.seal = discard_seal(&p, p.clauses);
	return p;
}

static void what_was_told_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		struct discard_process p = told(i);

		assert_true(p.seal == discard_seal(&threads[i], p.clauses));
	}
}

/* A reader who is one of the threads sees any mixture of two entries' words. */
static void no_mixture_passes_for_a_thread(void **state)
{
	(void)state;
	for (size_t me = 0; me < THREADS; me++)
		for (size_t other = 0; other < THREADS; other++)
			for (unsigned mixture = 0; mixture < 1u << WORDS; mixture++) {
				const struct discard_process mine = told(me), next = told(other);
				struct discard_process seen = mine;

				for (unsigned word = 0; word < WORDS; word++)
					if (mixture >> word & 1)
						memcpy((uint64_t *)&seen + word,
						       (const uint64_t *)&next + word,
						       sizeof(uint64_t));
				/* As the probe compares: with what the thread is. */
				if (seen.seal == discard_seal(&threads[me], seen.clauses))
					assert_true(seen.clauses == mine.clauses);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_told_is_found),
	    cmocka_unit_test(no_mixture_passes_for_a_thread),
	};

	return cmocka_run_group_tests_name("event/discard_table", tests, NULL, NULL);
}

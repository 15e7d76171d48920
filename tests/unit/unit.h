/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes: cmocka and checks that show both values. */
#ifndef SAKER_TESTS_UNIT_H
#define SAKER_TESTS_UNIT_H

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static inline void check_str_at(struct str got, const char *want, const char *what,
				const char *file, int line)
{
	if (str_equal_c(got, want))
		return;
	fprintf(stderr, "%s: got \"%.*s\", want \"%s\"\n", what, STR_ARG(got), want);
	_fail(file, line);
}

static inline void check_i64_at(long long got, long long want, const char *what, const char *file,
				int line)
{
	if (got == want)
		return;
	fprintf(stderr, "%s: got %lld, want %lld\n", what, got, want);
	_fail(file, line);
}

/* `what` names the case: the row of a table, the text that was parsed. */
#define check_str(got, want, what) check_str_at((got), (want), (what), __FILE__, __LINE__)
#define check_i64(got, want, what)                                                                 \
	check_i64_at((long long)(got), (long long)(want), (what), __FILE__, __LINE__)

#endif

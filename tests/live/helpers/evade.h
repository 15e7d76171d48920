/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs that try to slip by have in common: each is a table of ways, and is run as
 * `PROGRAM WAY [ARGUMENT...]`. Exit status 0: done; 1: the system refused it (the reason is
 * printed); 2: wrong use; 77: this kernel has no such thing.
 */
#ifndef SAKER_TESTS_EVADE_H
#define SAKER_TESTS_EVADE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ABSENT = 77 };

struct way {
	const char *name;
	int arguments; /* at least */
	int (*go)(char **arg);
};

static inline int refused(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return errno == ENOSYS || errno == EOPNOTSUPP || errno == EAFNOSUPPORT ||
		       errno == EPROTONOSUPPORT
		   ? ABSENT
		   : 1;
}

static inline int check(long answer, const char *what)
{
	return answer < 0 ? refused(what) : 0;
}

static inline int go(const struct way *ways, size_t count, int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < count; i++)
		if (strcmp(argv[1], ways[i].name) == 0 && argc - 2 >= ways[i].arguments)
			return ways[i].go(argv + 2);
	fprintf(stderr, "%s: no such way, or too few arguments\n", argc > 1 ? argv[1] : "");
	return 2;
}

#endif

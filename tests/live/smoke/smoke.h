/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The diary of the smoke test: a child does things and notes what their events must hold; the
 * parent keeps the events, and compares them with it.
 */
#ifndef SAKER_TESTS_SMOKE_H
#define SAKER_TESTS_SMOKE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { EXPECTATIONS_MAX = 1024, VALUE_MAX = 600 };

/* One line of what the child did. param empty: the next event of that name begins; of ~NAME: one
 * anywhere. */
struct expectation {
	char event[24];
	char param[24]; /* "@task.pid" and the like: of the record; "annex:KIND": an annex item */
	char value[VALUE_MAX];
};

struct diary {
	int n;
	struct expectation lines[EXPECTATIONS_MAX];
};

extern struct diary *diary; /* shared with the child */
extern char work[64];       /* a directory of the test's own */

void note(const char *event, const char *param, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define EVENT(name) note(name, "", "%s", "")
#define IS(param, ...) note("", param, __VA_ARGS__)

/* A path in work; good until the eighth call after this one. */
const char *in_work(const char *name);
/* The result, of which is told where it is a failure. */
long must(long result, const char *what);
#define MUST(call) must((call), #call)

/* What the child does, a family of calls each. */
void do_files(void);
void do_network(void);
void do_security(void);
void do_compat(void);
void do_processes(void);

/* Copies a record; they may come in any order. */
void kept_add(const void *record, size_t size);
int kept_count(void);
/* Prints what is not as it was done, and answers how many that are. */
int kept_compare(void);
void kept_free(void);

#endif

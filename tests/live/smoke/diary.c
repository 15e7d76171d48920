/* SPDX-License-Identifier: Apache-2.0 */
/* What the smoke test's child writes down, and small things that all it does stands on. */
#include "smoke.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diary *diary;
char work[64];

void note(const char *event, const char *param, const char *format, ...)
{
	struct expectation *x = &diary->lines[diary->n];
	va_list args;
	if (diary->n >= EXPECTATIONS_MAX)
		abort();
	snprintf(x->event, sizeof(x->event), "%s", event);
	snprintf(x->param, sizeof(x->param), "%s", param);
	va_start(args, format);
	vsnprintf(x->value, sizeof(x->value), format, args);
	va_end(args);
	diary->n++;
}

const char *in_work(const char *name)
{
	static char paths[8][256];
	static int next;
	char *path = paths[next++ & 7];
	snprintf(path, sizeof(paths[0]), "%s/%s", work, name);
	return path;
}

long must(long result, const char *what)
{
	if (result < 0)
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return result;
}

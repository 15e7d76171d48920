/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of facts beside the project (SAKER_SHARED), read by tests that compare with them. */
#ifndef SAKER_TESTS_TSV_H
#define SAKER_TESTS_TSV_H

#include "unit.h"

#include <stdbool.h>
#include <string.h>

enum { TSV_CELLS = 16 };

struct tsv {
	FILE *file;
	char *line;
	size_t room;
	const char *cells[TSV_CELLS]; /* never NULL: missing ones are empty */
	int count;
};

/* Skips the test, or in CI fails it, where the table is not there. Reads over the title row. */
static inline void tsv_open(struct tsv *t, const char *name)
{
	const char *folder = getenv("SAKER_SHARED");
	const char *ci = getenv("CI");
	char path[4096];

	*t = (struct tsv){0};
	snprintf(path, sizeof(path), "%s/reference/%s", folder ? folder : "../shared", name);
	t->file = fopen(path, "r");
	if (t->file)
		return;
	if (ci && strcmp(ci, "true") == 0)
		fail_msg("%s is missing", path);
	fprintf(stderr, "SKIP: %s is missing\n", path);
	skip();
}

static inline void tsv_close(struct tsv *t)
{
	fclose(t->file);
	free(t->line);
}

/* The next row that is neither a comment nor the title. */
static inline bool tsv_next(struct tsv *t, const char *title)
{
	for (;;) {
		char *rest;
		ssize_t n = getline(&t->line, &t->room, t->file);

		if (n < 0)
			return false;
		t->line[strcspn(t->line, "\n")] = '\0';
		if (t->line[0] == '#')
			continue;
		rest = t->line;
		t->count = 0;
		for (int i = 0; i < TSV_CELLS; i++) {
			char *cell = rest ? strsep(&rest, "\t") : NULL;

			t->cells[i] = cell ? cell : "";
			t->count += cell != NULL;
		}
		if (strcmp(t->cells[0], title) != 0)
			return true;
	}
}

#endif

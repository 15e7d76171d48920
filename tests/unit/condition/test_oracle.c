/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Falco says of 700 conditions: those that it refuses must be refused, all others accepted.
 * The file is read where it is (SAKER_SHARED); a checkout without it skips the test.
 */
#include "../unit.h"
#include "base/cleanup.h"
#include "condition/condition.h"

static FILE *open_oracle(void)
{
	const char *shared = getenv("SAKER_SHARED");
	const char *ci = getenv("CI");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/upstream/captures/host_activity.conditions.tsv",
		 shared ? shared : "../shared");
	f = fopen(path, "re");
	if (f)
		return f;
	if (ci && strcmp(ci, "true") == 0) {
		fprintf(stderr, "%s is missing\n", path);
		fail();
	}
	fprintf(stderr, "SKIP: %s is missing\n", path);
	skip();
	return NULL;
}

static void conditions_are_accepted_exactly_where_falco_accepts_them(void **state)
{
	CLEANUP_FCLOSE FILE *f = open_oracle();
	CLEANUP_FREE char *line = NULL;
	size_t room = 0, count = 0, wrong = 0;
	ssize_t n;

	(void)state;
	while ((n = getline(&line, &room, f)) > 0) {
		char *tab = strchr(line, '\t');

		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (!tab || strncmp(line, "result\t", 7) == 0)
			continue;
		*tab = '\0';

		CLEANUP_ARENA struct arena *a = arena_new();
		struct str text = str_from(tab + 1);
		struct condition *c;
		struct error err = {0};
		bool accepted =
		    condition_parse(text, a, &c, &err) == 0 &&
		    condition_check(c, SOURCE_BIT(SOURCE_SYSCALL), a, NULL, NULL, NULL, &err) == 0;

		count++;
		if (accepted != (strcmp(line, "LOAD_ERR_COMPILE_CONDITION") != 0)) {
			wrong++;
			fprintf(stderr, "%s: %s\n  Falco: %s\n  here: %s\n",
				accepted ? "accepted" : "refused", tab + 1, line, err.message);
		}
	}
	check_i64(wrong, 0, "conditions judged otherwise");
	check_i64(count, 700, "conditions");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions_are_accepted_exactly_where_falco_accepts_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

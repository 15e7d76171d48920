/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Falco says of 700 conditions on a capture: those that it refuses are refused, all others
 * hold for as many of the replayed events. Differences on purpose are rows of one table.
 */
#include "oracle.h"

#include "base/cleanup.h"
#include "condition/condition.h"

struct difference {
	const char *field; /* that the condition has; a trailing * stands for any ending */
	const char *reason;
	size_t count;
};

/* Those of test_fields.c that conditions of the file come across. */
static struct difference differences[] = {
    {"evt.deltatime*", "there it is the time since the condition last asked for it", 0},
    {"proc.exe_ino.ctime_duration_*",
     "uninitialised memory where an image's or a start's time is unknown", 0},
    {"proc.ppid.duration",
     "that of a parent whose start nobody saw is another value there: its descriptors' number", 0},
    {"fs.path.source",
     "names are looked up by the number of a directory that the event does not have", 0},
    {"fd.containername", "that run had no plugin to find containers: their ids are empty there", 0},
};

enum { CONDITIONS_MAX = 1024, SCRATCH_SIZE = 1 << 20 };

struct judged {
	struct str text;
	uint64_t want;
	size_t got;
	struct condition *condition;
};

struct judgement {
	struct judged conditions[CONDITIONS_MAX];
	size_t count;
	struct arena *arena;
	char *scratch;
	uint64_t first_time, previous_time;
};

static void read_conditions(struct judgement *j)
{
	ORACLE_CLOSE FILE *f = oracle_open("host_activity.conditions.tsv", "cat");
	CLEANUP_FREE char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, f)) > 0) {
		struct str all = str_trim((struct str){line, (size_t)n});
		size_t tab = str_find_byte(all, '\t', 0);
		struct judged *c = &j->conditions[j->count];
		struct error err = {0};

		if (!str_to_u64(str_slice(all, 0, tab), &c->want))
			continue; /* what is refused is test_oracle's of condition/ */
		assert_true(++j->count < CONDITIONS_MAX);
		c->text = arena_str(j->arena, str_slice(all, tab + 1, all.n));
		if (condition_parse(c->text, j->arena, &c->condition, &err) < 0 ||
		    condition_check(c->condition, SOURCE_BIT(SOURCE_SYSCALL), j->arena, NULL, NULL,
				    NULL, &err) < 0) {
			fprintf(stderr, "%.*s: %s\n", STR_ARG(c->text), err.message);
			fail();
		}
	}
}

static void judge_event(void *context, struct state *state, struct event *e)
{
	struct judgement *j = context;
	struct arena scratch;
	struct field_context ctx = {.event = e, .state = state, .scratch = &scratch};

	if (!j->first_time && !(e->schema->flags & EVENT_META))
		j->first_time = e->time;
	ctx.first_event_time = j->first_time;
	ctx.previous_event_time = j->previous_time;
	ctx.hostname = "";
	j->previous_time = e->time;
	for (size_t i = 0; i < j->count; i++) {
		arena_fixed(&scratch, j->scratch, SCRATCH_SIZE);
		j->conditions[i].got += condition_holds(j->conditions[i].condition, &ctx);
	}
}

static bool has_field(struct str condition, const char *field)
{
	size_t n = strlen(field);

	if (field[n - 1] == '*')
		n--;
	return memmem(condition.p, condition.n, field, n);
}

static struct difference *find_difference(struct str condition)
{
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
		if (has_field(condition, differences[i].field))
			return &differences[i];
	return NULL;
}

static void conditions_hold_for_as_many_events_as_falco_says(void **state)
{
	static struct judgement j;
	size_t differed = 0;

	(void)state;
	oracle_close(&(FILE *){oracle_open("host_activity.scap", "cat")});
	j.arena = arena_new();
	j.scratch = malloc(SCRATCH_SIZE);
	read_conditions(&j);
	oracle_replay("host_activity.scap", judge_event, &j);
	for (size_t i = 0; i < j.count; i++) {
		const struct judged *c = &j.conditions[i];
		struct difference *d;

		if (c->got == c->want)
			continue;
		d = find_difference(c->text);
		if (d) {
			d->count++;
			continue;
		}
		differed++;
		fprintf(stderr, "%.*s\n  Falco: %llu events, here: %zu\n", STR_ARG(c->text),
			(unsigned long long)c->want, c->got);
	}
	fprintf(stderr, "%zu conditions\n", j.count);
	free(j.scratch);
	arena_free(j.arena);
	check_i64(differed, 0, "conditions that hold for other events");
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
		if (!differences[i].count) {
			fprintf(stderr, "%s: no difference any more: %s\n", differences[i].field,
				differences[i].reason);
			fail();
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions_hold_for_as_many_events_as_falco_says),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many events of a capture one core replays, and where the time goes:
 *
 *   bench_replay [--runs=N] CAPTURE [RULES_FILE...]
 *
 * The capture is read anew for each stage and run, each stage doing all that those before it do;
 * of several runs the quickest counts. Times are those of the thread, system time included.
 */
#include "engine/plan.h"
#include "rules/loader.h"
#include "source/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MATCHES = 64, MAX_THREADS = 131072 };

enum stage { STAGE_READ, STAGE_DECODE, STAGE_BIND, STAGE_JUDGE, STAGE_PASS, STAGE_COUNT };

/* Wanted: as the program does it, which passes over events that no rule wants. */
static const char *const stage_names[STAGE_COUNT] = {"read", "decoded", "bound", "judged",
						     "wanted"};

struct replayed {
	enum stage stage;
	struct state *state;
	struct evaluator *ev; /* NULL: no rules were given */
	uint64_t events, passed, matches;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(const void *p, const struct error *err)
{
	if (p)
		return;
	fprintf(stderr, "bench_replay: %s\n", err->message);
	exit(1);
}

static void on_event(void *context, struct event *e)
{
	struct replayed *r = context;
	struct match matches[MATCHES];

	r->events++;
	if (r->stage == STAGE_DECODE)
		return;
	state_bind(r->state, e);
	if (r->stage >= STAGE_JUDGE && !(e->record->flags & RECORD_STATE_ONLY))
		r->matches += evaluator_judge(r->ev, e, matches, MATCHES);
}

static void on_passed_event(void *context, const struct event_header *header)
{
	struct replayed *r = context;

	r->events++;
	r->passed++;
	state_pass(r->state, header);
	evaluator_pass(r->ev, event_schema_get(header->type), header->ts);
}

static double read_blocks(const char *path, struct replayed *r)
{
	struct error err = {0};
	struct capture *c = capture_open(path, &err);
	struct capture_item item;
	double start = now(), took;

	must(c, &err);
	while (capture_next(c, &item, &err) > 0)
		r->events += item.kind == CAPTURE_EVENT;
	took = now() - start;
	capture_close(c);
	return took;
}

static double replay(const char *path, const struct plan *plan, struct replayed *r)
{
	struct error err = {0};
	struct source *source;
	double start, took;

	r->state = state_new(&(struct state_options){.max_threads = MAX_THREADS}, &err);
	must(r->state, &err);
	if (r->stage >= STAGE_JUDGE)
		r->ev = evaluator_new(plan, r->state, "");
	source = source_capture_new(path, r->state, &err);
	must(source, &err);
	if (r->stage == STAGE_PASS)
		source_capture_pass(source, plan_needs(plan)->kinds, on_passed_event);
	start = now();
	while (source_poll(source, -1, on_event, r) > 0)
		;
	took = now() - start;
	if (*source_error(source)->message)
		fprintf(stderr, "bench_replay: %s\n", source_error(source)->message);
	source_free(source);
	evaluator_free(r->ev);
	state_free(r->state);
	return took;
}

static struct plan *compile(const char *const *files, size_t count, struct rule_set **set)
{
	struct rules_options options = {.least_priority = SEVERITY_DEBUG,
					.sources = SOURCE_BIT(SOURCE_SYSCALL)};
	struct error err = {0};
	struct plan *plan;

	*set = rules_load(files, count, &options);
	if ((*set)->error_count) {
		fprintf(stderr, "bench_replay: the rules have %zu errors\n", (*set)->error_count);
		exit(1);
	}
	plan = plan_compile(*set, &(struct plan_options){0}, &err);
	must(plan, &err);
	return plan;
}

int main(int argc, char **argv)
{
	int runs = 3, at = 1;
	struct rule_set *set = NULL;
	struct plan *plan = NULL;
	double before = 0;

	if (argc > at && strncmp(argv[at], "--runs=", 7) == 0)
		runs = atoi(argv[at++] + 7);
	if (argc <= at) {
		fputs("usage: bench_replay [--runs=N] CAPTURE [RULES_FILE...]\n", stderr);
		return 2;
	}
	const char *path = argv[at++];
	if (argc > at)
		plan = compile((const char *const *)argv + at, (size_t)(argc - at), &set);

	for (enum stage stage = STAGE_READ; stage < (plan ? STAGE_COUNT : STAGE_JUDGE); stage++) {
		struct replayed r;
		double best = 1e18;

		for (int i = 0; i < runs; i++) {
			r = (struct replayed){.stage = stage};
			double took =
			    stage == STAGE_READ ? read_blocks(path, &r) : replay(path, plan, &r);

			best = took < best ? took : best;
		}
		double each = best / (double)(r.events ? r.events : 1) * 1e9;
		printf("%-8s %10llu events %8.2f M/s %7.1f ns/event (%+.1f) %8llu passed over "
		       "%8llu matches\n",
		       stage_names[stage], (unsigned long long)r.events, 1e3 / each, each,
		       each - before, (unsigned long long)r.passed, (unsigned long long)r.matches);
		fflush(stdout);
		before = each;
	}
	if (plan)
		plan_free(plan);
	if (set)
		rules_free(set);
	return 0;
}

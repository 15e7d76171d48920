/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many events a second one core judges, from memory: record → event → bound → verdict.
 *
 *   bench_engine [--only=WORD] [--kinds] [RULES_FILE...]
 *
 * With the given files as one set, with upstream's rules where SAKER_SHARED has them, and with
 * generated rules in growing numbers. Ratios are against the reference evaluator in the same run.
 * --only: just the sets with that word in their name. --kinds: of each set also what the events of
 * each kind cost.
 */
#include "base/cleanup.h"
#include "engine/plan.h"
#include "engine_events.h"
#include "reference/generate.h"
#include "reference/reference.h"
#include "reference/set.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 100000, MATCHES = 64, GENERATED_MOST = 10000 };

/* Of this thread: what else the machine does is not counted. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct state *new_state(void)
{
	struct state *s = state_new(
	    &(struct state_options){.host_root = "/nonexistent", .max_threads = 4096}, NULL);

	if (!s)
		abort();
	return s;
}

enum stage { STAGE_DECODE, STAGE_BIND, STAGE_JUDGE, STAGE_REFERENCE };

struct judges {
	const struct rule_set *set;
	struct evaluator *ev;
	struct state *state;
	uint64_t number, matches;
	uint64_t kinds; /* of decoded events, so that decoding has a use */
};

/* One pass over the first count records of the stream, up to the stage. */
static void pass(struct judges *j, const struct stream *s, size_t count, enum stage stage)
{
	struct match matches[MATCHES];

	for (size_t i = 0; i < count; i++) {
		struct event e;

		if (event_decode(&e, s->memory + s->offsets[i], s->sizes[i], NULL))
			continue;
		e.number = ++j->number;
		if (stage == STAGE_DECODE) {
			j->kinds += e.kind + e.nparams;
			continue;
		}
		state_bind(j->state, &e);
		if (stage == STAGE_JUDGE) {
			j->matches += evaluator_judge(j->ev, &e, matches, MATCHES);
		} else if (stage == STAGE_REFERENCE) {
			struct field_context *ctx = evaluator_context(j->ev);

			j->matches += reference_judge(j->set, false, ctx, &e, matches, MATCHES);
		}
	}
}

/* Nanoseconds per event of the quickest of several runs of at least that long. */
static double measure(struct judges *j, const struct stream *s, size_t count, enum stage stage,
		      double seconds)
{
	double best = 1e18;

	for (int run = 0; run < 5; run++) {
		double start = now(), took;
		uint64_t passes = 0;

		do {
			pass(j, s, count, stage);
			passes++;
			took = now() - start;
		} while (took < seconds / 5);
		if (took / (double)passes < best)
			best = took / (double)passes;
	}
	return best / (double)count * 1e9;
}

/* The events of one kind out of the stream, back to back, and what each of them costs. */
static void measure_kind(struct judges *j, const struct stream *all, uint16_t kind)
{
	struct stream s = {.memory = aligned_alloc(8, all->size + 8),
			   .offsets = calloc(all->count, sizeof(size_t)),
			   .sizes = calloc(all->count, sizeof(size_t))};

	if (!s.memory || !s.offsets || !s.sizes)
		abort();
	for (size_t i = 0; i < all->count; i++) {
		const char *record = all->memory + all->offsets[i];
		struct event e;

		if (event_decode(&e, record, all->sizes[i], NULL) || e.kind != kind)
			continue;
		memcpy(s.memory + s.size, record, all->sizes[i]);
		s.offsets[s.count] = s.size;
		s.sizes[s.count++] = all->sizes[i];
		s.size += (all->sizes[i] + 7) & ~(size_t)7;
	}
	if (s.count) {
		double bind = measure(j, &s, s.count, STAGE_BIND, 0.1);
		double judge = measure(j, &s, s.count, STAGE_JUDGE, 0.2);

		printf("%-18s %5.1f %% %-10s decode and bind %7.1f ns, verdict %7.1f ns\n", "",
		       (double)s.count * 100 / (double)all->count, event_kind_name(kind), bind,
		       judge - bind);
	}
	stream_free(&s);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

struct bench {
	const char *only; /* in argv; NULL: all */
	bool with_kinds;
	struct stream stream;
};

static void bench_set(const struct bench *bench, const char *name, struct rule_set *set,
		      double load_seconds, size_t before, bool with_reference)
{
	const struct stream *stream = &bench->stream;
	struct error err = {0};
	double start = now();
	struct plan *plan = plan_compile(set, &(struct plan_options){0}, &err);
	double compile_seconds = now() - start;

	if (!plan) {
		printf("%s: %s\n", name, err.message);
		return;
	}
	struct plan_statistics n = plan_statistics(plan);

	rules_forget_sources(set);
	size_t bytes = heap_bytes() - before;
	struct judges j = {.set = set, .state = new_state()};

	j.ev = evaluator_new(plan, j.state, "host");
	pass(&j, stream, stream->count, STAGE_JUDGE);

	uint64_t matches = j.matches;
	double decode = measure(&j, stream, stream->count, STAGE_DECODE, 0.5);
	double bind = measure(&j, stream, stream->count, STAGE_BIND, 0.5);
	double judge = measure(&j, stream, stream->count, STAGE_JUDGE, 1.0);

	printf("%-18s %6zu rules %7zu atoms %7zu nodes  load %6.0f ms, compile %5.0f ms, "
	       "%.1f MB (plan %.1f)\n",
	       name, n.rules, n.atoms, n.nodes, load_seconds * 1e3, compile_seconds * 1e3,
	       (double)bytes / 1e6, (double)n.bytes / 1e6);
	printf("%-18s %6.2f M events/s  %6.1f ns/event (decode %.1f, bind %.1f, verdict %.1f), "
	       "%llu of %zu matched\n",
	       "", 1e3 / judge, judge, decode, bind - decode, judge - bind,
	       (unsigned long long)matches, stream->count);
	printf("%-18s %6.2f M events/s from the decoded record on\n", "", 1e3 / (judge - decode));
	if (with_reference) {
		size_t count = stream->count < 10000 ? stream->count : 10000;
		double reference = measure(&j, stream, count, STAGE_REFERENCE, 0.5);
		double same = measure(&j, stream, count, STAGE_JUDGE, 0.5);
		double same_bind = measure(&j, stream, count, STAGE_BIND, 0.5);

		printf("%-18s %.0f times as fast as the reference evaluator (verdict alone: %.0f "
		       "times)\n",
		       "", reference / same,
		       (reference - same_bind) / (same > same_bind ? same - same_bind : 0.1));
	}
	for (uint16_t kind = 0; bench->with_kinds && kind < event_kind_count; kind++)
		measure_kind(&j, stream, kind);
	fflush(stdout);
	evaluator_free(j.ev);
	state_free(j.state);
	plan_free(plan);
}

static void tell_error(const char *name, const struct rule_set *set)
{
	char message[2048];
	struct buffer b = BUFFER(message);

	for (size_t i = 0; i < set->diagnostic_count; i++) {
		if (set->diagnostics[i].level != DIAGNOSTIC_ERROR)
			continue;
		diagnostic_print(&set->diagnostics[i], &b);
		break;
	}
	printf("%s: %zu errors\n%.*s\n", name, set->error_count, STR_ARG(buffer_str(&b)));
}

static bool is_wanted(const struct bench *b, const char *name)
{
	return !b->only || strstr(name, b->only);
}

static void bench_files(const struct bench *bench, const char *name, const char *const *files,
			size_t count)
{
	size_t before = heap_bytes();
	double start = now();
	struct rules_options options = {.least_priority = SEVERITY_DEBUG,
					.sources = SOURCE_BIT(SOURCE_SYSCALL)};
	struct rule_set *set = rules_load(files, count, &options);
	double took = now() - start;

	if (set->error_count)
		tell_error(name, set);
	else
		bench_set(bench, name, set, took, before, true);
	rules_free(set);
}

/* Generated rules in the style of those that people write. */

static void put_exceptions(FILE *out, unsigned i)
{
	fprintf(out, "  exceptions:\n    - name: known\n      fields: [proc.name, fd.name]\n"
		     "      comps: [=, startswith]\n      values:\n");
	for (unsigned v = 0; v < 5; v++)
		fprintf(out, "        - [tool%u_%u, /opt/vendor%u/cache%u]\n", i, v, i, v);
}

static void put_rule(FILE *out, unsigned i)
{
	fprintf(out,
		"- rule: generated %u\n  desc: one of many\n  priority: NOTICE\n"
		"  output: it happened (user=%%user.name command=%%proc.cmdline "
		"file=%%fd.name)\n  condition: >\n    ",
		i);
	switch (i % 8) {
	case 0:
		fprintf(out,
			"open_write and fd.name startswith /srv/app%u/config/ and not "
			"proc.name in (app%u, deploy%u)\n",
			i, i, i);
		break;
	case 1:
		fprintf(out,
			"open_read and (fd.name = /etc/service%u/secret.key or fd.name "
			"startswith /var/lib/vault%u) and not proc.name in (vault, "
			"service%u)\n",
			i, i, i);
		break;
	case 2:
		fprintf(out, "spawned and proc.name in (tool%u, helper%u, scan%u)\n", i, i, i);
		break;
	case 3:
		fprintf(out,
			"spawned and proc.cmdline contains \"--exploit-%u\" and not "
			"proc.pname = installer%u\n",
			i, i);
		break;
	case 4:
		fprintf(out,
			"outbound and fd.sport in (%u, %u) and not proc.name in "
			"(client%u, curl)\n",
			10000 + i, 30000 + i, i);
		break;
	case 5:
		fprintf(out,
			"outbound and (fd.snet in (\"172.%u.%u.0/24\") or fd.sip = "
			"\"192.0.2.%u\") and user.name != svc%u\n",
			16 + i % 16, i / 16 % 256, i % 256, i);
		break;
	case 6:
		fprintf(out,
			"evt.type in (unlink, unlinkat, rename, renameat2) and "
			"evt.arg.name startswith /data/tenant%u/ and user.name != tenant%u\n",
			i, i);
		break;
	default:
		fprintf(out,
			"open_write and fd.name endswith \".ext%u\" and fd.directory != "
			"/tmp/d%u\n",
			i, i);
		put_exceptions(out, i);
		break;
	}
}

static void bench_generated(const struct bench *bench, const char *name, unsigned count,
			    bool with_reference)
{
	CLEANUP_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	fputs("- macro: open_write\n  condition: evt.type in (open, openat, openat2) and "
	      "evt.is_open_write = true and fd.num >= 0\n"
	      "- macro: open_read\n  condition: evt.type in (open, openat, openat2) and "
	      "evt.is_open_read = true and fd.num >= 0\n"
	      "- macro: spawned\n  condition: evt.type in (execve, execveat)\n"
	      "- macro: outbound\n  condition: evt.type = connect and fd.type in (ipv4, ipv6)\n",
	      out);
	for (unsigned i = 0; i < count; i++)
		put_rule(out, i);
	fclose(out);

	struct rules_text file = {"generated", {text, size}};
	struct rules_options options = {.least_priority = SEVERITY_DEBUG,
					.sources = SOURCE_BIT(SOURCE_SYSCALL)};
	size_t before = heap_bytes();
	double start = now();
	struct rule_set *set = rules_load_texts(&file, 1, &options);
	double took = now() - start;

	if (set->error_count)
		tell_error(name, set);
	else
		bench_set(bench, name, set, took, before, with_reference);
	rules_free(set);
}

/*
 * Values chosen by an attacker: file names of one letter, and patterns that nearly match them in
 * very many ways. The time must grow with the length, not faster.
 */
static const char *const hostile_conditions[] = {
    "evt.type = openat and fd.name contains aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "evt.type = openat and fd.name icontains AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
    "evt.type = openat and fd.name endswith baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "evt.type = openat and fd.name glob \"*a*a*a*a*a*a*a*a*b\"",
    "evt.type = openat and fd.name regex \"(a*)*(a|aa)*(a+)+b\"",
};

static double hostile_time(const char *condition, size_t length)
{
	enum { ROOM = 16384 };
	struct rule_set set = set_new(1);
	struct hostile_record {
		_Alignas(8) char memory[ROOM];
	} *record = calloc(1, sizeof(*record));
	char *path = malloc(length + 1);
	struct task_facts task = {.start_time = 1, .pid = 2, .tid = 2, .ppid = 1};
	struct record_builder b;
	double took = 0;

	if (!record || !path || !set_add_rule(&set, str_from(condition)))
		abort();
	memset(path, 'a', length);
	path[0] = '/';
	path[length] = '\0';
	record_begin(&b, record->memory, ROOM, (uint16_t)event_code_by_name(STR("openat")), 1000,
		     &task, 3);
	record_param_int(&b, 3);
	record_param_int(&b, -100);
	record_param_str(&b, str_from(path));
	for (int i = 0; i < 4; i++)
		record_param_int(&b, 0);

	struct stream stream = {record->memory, record_end(&b), &(size_t){0}, &(size_t){0}, 1};
	struct plan *plan = plan_compile(&set, &(struct plan_options){0}, NULL);
	struct judges j = {.set = &set, .state = new_state()};

	stream.sizes[0] = stream.size;
	j.ev = evaluator_new(plan, j.state, "host");
	took = measure(&j, &stream, 1, STAGE_JUDGE, 0.1) - measure(&j, &stream, 1, STAGE_BIND, 0.1);
	evaluator_free(j.ev);
	state_free(j.state);
	plan_free(plan);
	set_free(&set);
	free(record);
	free(path);
	return took;
}

static void bench_hostile(void)
{
	printf("hostile values     ns per verdict on names of 64, 512, 4096 bytes\n");
	for (size_t i = 0; i < sizeof(hostile_conditions) / sizeof(*hostile_conditions); i++) {
		printf("%-18s", "");
		for (size_t length = 64; length <= 4096; length *= 8)
			printf(" %7.0f", hostile_time(hostile_conditions[i], length));
		printf("  %s\n", hostile_conditions[i] + sizeof("evt.type = openat and fd.name"));
	}
}

int main(int argc, char **argv)
{
	struct bench bench = {.stream = stream_new(EVENTS, 7)};
	const char *shared = getenv("SAKER_SHARED");

	for (; argc > 1 && strncmp(argv[1], "--", 2) == 0; argv++, argc--) {
		if (strncmp(argv[1], "--only=", 7) == 0)
			bench.only = argv[1] + 7;
		else if (strcmp(argv[1], "--kinds") == 0)
			bench.with_kinds = true;
		else
			return fprintf(stderr, "unknown option: %s\n", argv[1]), 2;
	}
	if (argc > 1 && is_wanted(&bench, "given"))
		bench_files(&bench, "given rules", (const char *const *)argv + 1, (size_t)argc - 1);
	if (shared && is_wanted(&bench, "upstream")) {
		static const char *const names[] = {
		    "falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"};
		char paths[3][1024];
		const char *files[3];
		bool is_there = true;

		for (int i = 0; i < 3; i++) {
			snprintf(paths[i], sizeof(paths[i]), "%s/upstream/rules/%s", shared,
				 names[i]);
			files[i] = paths[i];
			is_there = is_there && access(paths[i], R_OK) == 0;
		}
		if (is_there)
			bench_files(&bench, "upstream's rules", files, 3);
	}
	for (unsigned count = 10; count <= GENERATED_MOST; count *= 10) {
		char name[32];

		snprintf(name, sizeof(name), "generated %u", count);
		if (is_wanted(&bench, name))
			bench_generated(&bench, name, count, count <= 100);
	}
	if (is_wanted(&bench, "hostile"))
		bench_hostile();
	stream_free(&bench.stream);
	return 0;
}

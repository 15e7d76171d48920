/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/agreement.h"

#include "base/bitset.h"
#include "base/cleanup.h"
#include "reference/generate.h"
#include "reference/reference.h"
#include "reference/set.h"

/* More rules than a small table has, now and then. */
enum { RULES = 40, MANY_RULES = 160, EVENTS = 300, RECORD_ROOM = 16384, MATCHES = MANY_RULES + 1 };

static bool matches_differ(const struct match *a, size_t a_count, const struct match *b,
			   size_t b_count, size_t *at)
{
	for (*at = 0; *at < a_count && *at < b_count; ++*at)
		if (a[*at].rule != b[*at].rule || a[*at].name_view != b[*at].name_view)
			return true;
	return a_count != b_count;
}

static void describe(const struct event *e, const struct match *got, size_t got_count,
		     const struct match *want, size_t want_count, size_t at, struct buffer *out)
{
	buffer_printf(out, "event %s pid %d, fd \"%.*s\" / \"%.*s\": ", event_kind_name(e->kind),
		      e->record->task.pid, STR_ARG(e->fd.path), STR_ARG(e->fd.path_resolved));
	if (at < got_count)
		buffer_printf(out, "the plan says (view %d): %.*s; ", got[at].name_view,
			      STR_ARG(got[at].rule->condition_text));
	if (at < want_count)
		buffer_printf(out, "the reference says (view %d): %.*s", want[at].name_view,
			      STR_ARG(want[at].rule->condition_text));
}

static bool check_events(struct generator *g, const struct rule_set *set, bool all_matches,
			 struct agreement_counts *counts, struct buffer *out)
{
	struct plan *plan =
	    plan_compile(set, &(struct plan_options){.all_matches = all_matches}, NULL);
	struct state *state = state_new(
	    &(struct state_options){.host_root = "/nonexistent", .max_threads = 64}, NULL);
	struct evaluator *ev = evaluator_new(plan, state, "host");
	CLEANUP_FREE char *memory = malloc(RECORD_ROOM);
	CLEANUP_FREE char *scratch_memory = malloc(1 << 20);
	struct arena scratch;
	bool is_same = true;

	for (int i = 0; i < EVENTS && is_same; i++) {
		struct match got[MATCHES], want[MATCHES];
		struct event e;
		size_t size = generate_event(g, memory, RECORD_ROOM), at;

		if (!size || event_decode(&e, memory, size, NULL))
			continue;
		e.number = (uint64_t)i + 1;
		state_bind(state, &e);

		size_t got_count = evaluator_judge(ev, &e, got, MATCHES);
		struct field_context ctx = *evaluator_context(ev);

		arena_fixed(&scratch, scratch_memory, 1 << 20);
		ctx.scratch = &scratch;

		size_t want_count = reference_judge(set, all_matches, &ctx, &e, want, MATCHES);

		counts->events++;
		counts->matches += want_count;
		if (matches_differ(got, got_count, want, want_count, &at)) {
			describe(&e, got, got_count, want, want_count, at, out);
			is_same = false;
		}
	}
	evaluator_free(ev);
	state_free(state);
	plan_free(plan);
	return is_same;
}

bool agreement_check(uint64_t seed, struct str condition, struct agreement_counts *counts,
		     char *message, size_t room)
{
	struct generator g = generator_new(seed);
	struct buffer out = {.p = message, .room = room - 1};
	struct rule_set set = set_new(MANY_RULES + 1);
	int rules = seed % 8 == 3 || seed % 8 == 6 ? MANY_RULES : RULES;
	bool is_same;

	for (int i = 0; i < rules; i++) {
		char text[4096];
		struct buffer b = BUFFER(text);

		generate_condition(&g, &b);
		if (!b.is_truncated)
			set_add_rule(&set, buffer_str(&b));
	}
	if (condition.n)
		set_add_rule(&set, condition);
	counts->rules += set.rule_count;
	buffer_printf(&out, "seed %llu, ", (unsigned long long)seed);
	is_same = check_events(&g, &set, seed % 2, counts, &out);
	message[out.n] = '\0';
	set_free(&set);
	return is_same;
}

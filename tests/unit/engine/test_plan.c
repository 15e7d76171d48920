/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "base/bitset.h"
#include "engine/plan.h"
#include "reference/set.h"

enum { ROOM = 8192, MATCHES = 8 };

struct fixture {
	struct rule_set set;
	struct plan *plan;
	struct state *state;
	struct evaluator *ev;
	uint64_t number;
	_Alignas(8) char memory[ROOM];
};

static void start(struct fixture *x, const char *const *conditions, bool all_matches)
{
	size_t count = 0;

	memset(x, 0, sizeof(*x));
	while (conditions[count])
		count++;
	x->set = set_new(count);
	for (size_t i = 0; i < count; i++)
		if (!set_add_rule(&x->set, str_from(conditions[i])))
			fail_msg("not valid: %s", conditions[i]);
	x->plan = plan_compile(&x->set, &(struct plan_options){.all_matches = all_matches}, NULL);
	assert_non_null(x->plan);
	x->state = state_new(
	    &(struct state_options){.host_root = "/nonexistent", .max_threads = 4096}, NULL);
	x->ev = evaluator_new(x->plan, x->state, "host");
}

static void stop(struct fixture *x)
{
	evaluator_free(x->ev);
	state_free(x->state);
	plan_free(x->plan);
	set_free(&x->set);
}

static struct task_facts task(const char *comm, uint64_t exec_id)
{
	struct task_facts t = {.start_time = 77,
			       .pid = 500,
			       .tid = 500,
			       .ppid = 1,
			       .exec_id = exec_id,
			       .loginuid = UINT32_MAX};

	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	return t;
}

static size_t judge(struct fixture *x, struct record_builder *b, struct match *matches)
{
	struct event e;
	size_t size = record_end(b);

	assert_true(size > 0);
	assert_int_equal(event_decode(&e, x->memory, size, NULL), 0);
	e.number = ++x->number;
	state_bind(x->state, &e);
	return evaluator_judge(x->ev, &e, matches, MATCHES);
}

static size_t judge_open_by(struct fixture *x, struct task_facts t, const char *path,
			    const char *resolved, struct match *matches)
{
	struct record_builder b;

	record_begin(&b, x->memory, ROOM, (uint16_t)event_code_by_name(STR("openat")), 1000, &t, 3);
	record_param_int(&b, 3);
	record_param_int(&b, -100);
	record_param_str(&b, str_from(path));
	record_param_int(&b, 1);
	record_param_int(&b, 0);
	record_param_int(&b, 0);
	record_param_int(&b, 0);
	if (resolved)
		record_annex(&b, ANNEX_PATH_RESOLVED, 2, str_from(resolved));
	return judge(x, &b, matches);
}

static size_t judge_open(struct fixture *x, const char *comm, const char *path,
			 const char *resolved, struct match *matches)
{
	return judge_open_by(x, task(comm, 1), path, resolved, matches);
}

static void equal_parts_of_rules_are_one(void **state)
{
	static const struct {
		const char *conditions[3];
		size_t comparisons, atoms;
	} cases[] = {
	    {{"fd.name = /a and proc.name = b", "proc.name = b or fd.name = /a"}, 4, 2},
	    {{"not (fd.name = /a)", "fd.name = /a"}, 2, 1},
	    {{"proc.name in (a, b)", "proc.name in (b, a)"}, 2, 2},
	    /* != shares the answer of =, and asks besides whether there is a value. */
	    {{"fd.name != /a", "fd.name = /a"}, 2, 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture x;

		start(&x, cases[i].conditions, false);
		check_i64(plan_statistics(x.plan).comparisons, cases[i].comparisons,
			  cases[i].conditions[0]);
		check_i64(plan_statistics(x.plan).atoms, cases[i].atoms, cases[i].conditions[0]);
		stop(&x);
	}
}

static void only_kinds_that_a_rule_can_match_are_wanted(void **state)
{
	static const char *const conditions[] = {
	    "evt.type = openat and fd.name = /a",
	    "evt.type in (read, write) and not evt.type = write",
	    "evt.type = chmod and evt.type = mkdir", NULL};
	static const struct {
		const char *name;
		bool is_wanted;
	} cases[] = {{"openat", true}, {"read", true},   {"write", false},
		     {"open", false},  {"chmod", false}, {"mkdir", false}};
	struct fixture x;
	(void)state;
	start(&x, conditions, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int kind = event_kind_by_name(str_from(cases[i].name));

		check_i64(bitset_has(plan_needs(x.plan)->kinds, (size_t)kind), cases[i].is_wanted,
			  cases[i].name);
	}
	stop(&x);
}

static void the_first_rule_in_order_is_the_verdict(void **state)
{
	static const char *const conditions[] = {"evt.type = openat and fd.name startswith /etc/s",
						 "evt.type = openat and fd.name = /etc/shadow",
						 "evt.type = openat", NULL};
	struct fixture x;
	struct match m[MATCHES];
	(void)state;
	for (int all = 0; all < 2; all++) {
		start(&x, conditions, all);
		check_i64(judge_open(&x, "cat", "/etc/shadow", NULL, m), all ? 3 : 1, "shadow");
		check_i64(m[0].rule->id, 0, "shadow");
		check_i64(judge_open(&x, "cat", "/etc/ssh", NULL, m), all ? 2 : 1, "ssh");
		check_i64(m[0].rule->id, 0, "ssh");
		check_i64(judge_open(&x, "cat", "/tmp/x", NULL, m), 1, "tmp");
		check_i64(m[0].rule->id, 2, "tmp");
		check_i64(evaluator_match_counts(x.ev)[2], all ? 3 : 1, "count");
		stop(&x);
	}
}

static void a_rule_fires_under_either_name_but_not_by_mixing_them(void **state)
{
	static const char *const conditions[] = {
	    "evt.type = openat and fd.name = /etc/shadow and not fd.name startswith /tmp",
	    "evt.type = openat and fd.name = /etc/passwd and not proc.name = cat", NULL};
	static const struct {
		const char *comm, *given, *resolved;
		int rule, view; /* -1: none */
	} cases[] = {
	    {"cat", "/etc/shadow", NULL, 0, NAME_GIVEN},
	    {"cat", "/tmp/link", "/etc/shadow", 0, NAME_RESOLVED},
	    {"cat", "/etc/shadow", "/tmp/copy", 0, NAME_GIVEN},
	    {"cat", "/tmp/link", "/tmp/copy", -1, 0},
	    {"cat", "/tmp/link", "/etc/passwd", -1, 0},
	    {"less", "/tmp/link", "/etc/passwd", 1, NAME_RESOLVED},
	};
	struct match m[MATCHES];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture x;

		start(&x, conditions, false);
		size_t n = judge_open(&x, cases[i].comm, cases[i].given, cases[i].resolved, m);

		check_i64(n ? (int)m[0].rule->id : -1, cases[i].rule, cases[i].given);
		if (n)
			check_i64(m[0].name_view, cases[i].view, cases[i].given);
		stop(&x);
	}
}

static void disabled_rules_never_match(void **state)
{
	static const char *const conditions[] = {"evt.type = openat", NULL};
	struct fixture x;
	struct match m[MATCHES];
	(void)state;
	start(&x, conditions, false);
	evaluator_free(x.ev);
	plan_free(x.plan);
	x.set.rules[0].is_enabled = false;
	x.plan = plan_compile(&x.set, &(struct plan_options){0}, NULL);
	x.ev = evaluator_new(x.plan, x.state, "host");
	check_i64(judge_open(&x, "cat", "/etc/shadow", NULL, m), 0, "matches");
	stop(&x);
}

static void what_is_known_of_a_process_ends_with_its_exec(void **state)
{
	static const char *const conditions[] = {
	    "evt.type = openat and proc.name = cat and user.uid = 0", NULL};
	struct fixture x;
	struct match m[MATCHES];
	struct record_builder b;
	(void)state;
	start(&x, conditions, false);
	check_i64(judge_open(&x, "sh", "/a", NULL, m), 0, "before");

	struct task_facts t = task("cat", 2);

	record_begin(&b, x.memory, ROOM, (uint16_t)event_code_by_name(STR("execve")), 2000, &t, 0);
	for (unsigned i = 0; i < b.schema->nparams; i++) {
		if (strcmp(b.schema->params[i].name, "comm") == 0 ||
		    strcmp(b.schema->params[i].name, "exe") == 0)
			record_param_str(&b, STR("cat"));
		else if (strcmp(b.schema->params[i].name, "pid") == 0 ||
			 strcmp(b.schema->params[i].name, "tid") == 0)
			record_param_int(&b, 500);
		else
			record_param(&b, (struct str){0});
	}
	judge(&x, &b, m);
	t = task("cat", 2);
	record_begin(&b, x.memory, ROOM, (uint16_t)event_code_by_name(STR("openat")), 3000, &t, 3);
	record_param_int(&b, 3);
	record_param_int(&b, -100);
	record_param_str(&b, STR("/a"));
	for (int i = 0; i < 4; i++)
		record_param_int(&b, 0);
	check_i64(judge(&x, &b, m), 1, "after");
	stop(&x);
}

/* Alternating and-or of a depth near the limit, and an or of very many. */
static void threads_of_a_process_have_names_of_their_own(void **state)
{
	static const char *const conditions[] = {"evt.type = openat and proc.name = worker",
						 "evt.type = openat and proc.name = main", NULL};
	struct fixture x;
	struct match m[MATCHES];
	struct task_facts main = task("main", 1), worker = task("worker", 1);
	(void)state;
	start(&x, conditions, false);
	worker.tid = worker.vtid = 501;
	/* Again and again: what is asked of those that come again is remembered. */
	for (int i = 0; i < 4; i++) {
		check_i64(judge_open_by(&x, main, "/a", NULL, m), 1, "the main thread");
		check_i64(m[0].rule - x.set.rules, 1, "by its name");
		check_i64(judge_open_by(&x, worker, "/a", NULL, m), 1, "the other thread");
		check_i64(m[0].rule - x.set.rules, 0, "by its name");
	}
	snprintf(worker.comm, sizeof(worker.comm), "idle");
	check_i64(judge_open_by(&x, worker, "/a", NULL, m), 0, "renamed");
	check_i64(judge_open_by(&x, main, "/a", NULL, m), 1, "the main thread as before");
	stop(&x);
}

static void deep_and_wide_conditions_compile(void **state)
{
	enum { DEPTH = 480, WIDTH = 20000, ROOM_FOR_TEXT = 2 * 1024 * 1024 };
	char *text = malloc(ROOM_FOR_TEXT);
	const char *conditions[] = {text, NULL};
	struct fixture x;
	struct match m[MATCHES];
	struct buffer b = {.p = text, .room = ROOM_FOR_TEXT - 1};
	(void)state;

	assert_non_null(text);
	buffer_put(&b, STR("evt.type = openat and "));
	for (int i = 0; i < DEPTH; i++)
		buffer_printf(&b, "(fd.name = /d%d %s ", i, i % 2 ? "and" : "or");
	buffer_put(&b, STR("fd.name = /deepest"));
	for (int i = 0; i < DEPTH; i++)
		buffer_putc(&b, ')');
	text[b.n] = '\0';
	start(&x, conditions, false);
	check_i64(judge_open(&x, "cat", "/d0", NULL, m), 1, "deep");
	check_i64(judge_open(&x, "cat", "/deepest", NULL, m), 0, "deep");
	stop(&x);

	b.n = 0;
	buffer_put(&b, STR("evt.type = openat and (fd.name = /w"));
	for (int i = 0; i < WIDTH; i++)
		buffer_printf(&b, " or (fd.name startswith /w%d/ and proc.name = p%d)", i, i);
	buffer_putc(&b, ')');
	assert_false(b.is_truncated);
	text[b.n] = '\0';
	start(&x, conditions, false);
	check_i64(judge_open(&x, "p777", "/w777/x", NULL, m), 1, "wide");
	check_i64(judge_open(&x, "p778", "/w777/x", NULL, m), 0, "wide");
	stop(&x);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_parts_of_rules_are_one),
	    cmocka_unit_test(only_kinds_that_a_rule_can_match_are_wanted),
	    cmocka_unit_test(the_first_rule_in_order_is_the_verdict),
	    cmocka_unit_test(a_rule_fires_under_either_name_but_not_by_mixing_them),
	    cmocka_unit_test(disabled_rules_never_match),
	    cmocka_unit_test(what_is_known_of_a_process_ends_with_its_exec),
	    cmocka_unit_test(threads_of_a_process_have_names_of_their_own),
	    cmocka_unit_test(deep_and_wide_conditions_compile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

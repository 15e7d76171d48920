/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts of containers wait for what is told of them, and for nothing else. */
#include "../state/world.h"
#include "app/containers.h"

#include <unistd.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char rules_text[] =
    "- rule: Any exec\n"
    "  desc: x\n"
    "  condition: evt.type = execve and container.id != host and proc.name = any\n"
    "  output: \"any %container.name %proc.name %proc.pname\"\n"
    "  priority: NOTICE\n"
    "- rule: Of the box\n"
    "  desc: x\n"
    "  condition: evt.type = execve and container.image.repository = box and proc.name = sh\n"
    "  output: \"box %container.name %proc.name\"\n"
    "  priority: NOTICE\n"
    "- rule: Not of the box\n"
    "  desc: x\n"
    "  condition: evt.type = execve and not container.image.repository = box and proc.name = sh\n"
    "  output: \"other %container.name %proc.name\"\n"
    "  priority: NOTICE\n";

struct scene {
	struct world *w;
	struct config *config;
	struct policy *policy;
	struct waiting *waiting;
	struct judge *judge;
	char path[64]; /* of the rules */
	struct outputs *outputs;
	unsigned late; /* events that were judged late */
	size_t late_matches;
};

static uint32_t ask(void *context, const struct container *c)
{
	(void)context;
	(void)c;
	return 1;
}

static void judged(void *context, struct judge *j, struct event *e)
{
	struct scene *s = context;

	(void)e;
	s->late++;
	s->late_matches += j->match_count;
}

static struct scene *scene_new(size_t bytes)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct error err = {0};
	struct rules_options rules_options = {.least_priority = SEVERITY_DEBUG,
					      .sources = SOURCE_BIT(SOURCE_SYSCALL)};
	struct outputs_options outputs_options = {0};
	const char *paths[1];
	FILE *f;
	int fd;

	snprintf(s->path, sizeof(s->path), "/tmp/saker-rules-XXXXXX");
	fd = mkstemp(s->path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	fputs(rules_text, f);
	fclose(f);
	paths[0] = s->path;
	s->w = world_new(1000);
	s->config = calloc(1, sizeof(*s->config));
	s->config->rule_matching = MATCH_ALL;
	s->policy = policy_new(s->config, rules_load(paths, 1, &rules_options), &err);
	if (!s->policy)
		fail_msg("%s", err.message);
	s->outputs = outputs_new(&outputs_options, &err);
	assert_non_null(s->outputs);
	container_set_ask(state_containers(s->w->state), &(struct container_asker){.ask = ask});
	s->waiting = waiting_new(s->w->state, bytes, judged, s);
	waiting_set_patience(s->waiting, UINT64_C(3600000000000));
	s->judge = judge_new(SOURCE_SYSCALL, s->w->state, "host");
	s->judge->waiting = s->waiting;
	s->judge->terms = judge_terms_new(s->judge, s->policy, s->outputs, "host", &err);
	assert_non_null(s->judge->terms);
	return s;
}

static void scene_free(struct scene *s)
{
	judge_free(s->judge);
	waiting_free(s->waiting);
	outputs_free(s->outputs);
	policy_release(s->policy);
	world_free(s->w);
	unlink(s->path);
	free(s->config);
	free(s);
}

static void exec(struct scene *s, int32_t pid, const char *name)
{
	struct task_facts f = task(pid, 70, 1, 0, name);
	struct event *e = SEND(s->w, "execve", &f, NUMBER("res", 0), TEXT("exe", name),
			       BYTES("cgroups", "cpu=/docker/" ID "\0io=/docker/" ID "\0"));

	judge_handle(s->judge, e);
}

static void tell(struct scene *s, const char *repository)
{
	container_inbox_put_info(
	    container_set_inbox(state_containers(s->w->state)),
	    container_info_new(&(struct container_info){.type = CONTAINER_DOCKER,
							.full_id = STR(ID),
							.name = STR("web"),
							.image_repository = str_from(repository)}),
	    true);
}

static uint64_t alerts(const struct scene *s)
{
	return s->judge->counters.alerts;
}

static uint64_t matches(const struct scene *s, const char *rule)
{
	const struct rule_set *rules = s->policy->rules;

	for (size_t i = 0; i < rules->rule_count; i++)
		if (str_equal_c(rules->rules[i].name, rule))
			return evaluator_match_counts(s->judge->terms->evaluator)[i];
	fail_msg("no rule %s", rule);
	return 0;
}

static void an_alert_waits_until_the_container_is_told_of(void **state)
{
	struct scene *s = scene_new(WAITING_BYTES);

	(void)state;
	exec(s, 40, "any");
	check_i64(alerts(s), 0, "before");
	assert_true(waiting_has_any(s->waiting));
	tell(s, "box");
	waiting_look(s->waiting, s->judge);
	check_i64(alerts(s), 1, "after");
	assert_false(waiting_has_any(s->waiting));
	exec(s, 41, "any");
	check_i64(alerts(s), 2, "the next one does not wait");
	check_i64(s->late, 1, "judged late");
	scene_free(s);
}

static void rules_on_what_is_told_are_judged_by_it(void **state)
{
	struct scene *s = scene_new(WAITING_BYTES);

	(void)state;
	exec(s, 40, "sh");
	check_i64(matches(s, "Of the box") + matches(s, "Not of the box"), 0, "before");
	tell(s, "box");
	waiting_look(s->waiting, s->judge);
	check_i64(matches(s, "Of the box"), 1, "of the box");
	check_i64(matches(s, "Not of the box"), 0, "not of the box");
	scene_free(s);
}

static void what_no_rule_can_want_does_not_wait(void **state)
{
	struct scene *s = scene_new(WAITING_BYTES);

	(void)state;
	exec(s, 40, "unwanted");
	assert_false(waiting_has_any(s->waiting));
	check_i64(waiting_counters(s->waiting).waited, 0, "waited");
	scene_free(s);
}

static void who_waits_too_long_is_judged_without_and_counted(void **state)
{
	struct scene *s = scene_new(WAITING_BYTES);

	(void)state;
	exec(s, 40, "any");
	exec(s, 41, "sh");
	waiting_set_patience(s->waiting, 0);
	waiting_look(s->waiting, s->judge);
	check_i64(alerts(s), 2, "alerts");
	check_i64(matches(s, "Not of the box"), 1, "as if there were no image");
	check_i64(waiting_counters(s->waiting).incomplete, 2, "incomplete");
	scene_free(s);
}

static void a_full_memory_judges_at_once(void **state)
{
	struct scene *s = scene_new(16384);
	struct waiting_counters c;

	(void)state;
	for (int32_t i = 0; i < 200; i++)
		exec(s, 40 + i, "any");
	c = waiting_counters(s->waiting);
	assert_true(c.waited > 0 && c.full > 0);
	check_i64(c.waited + c.full, 200, "all of them");
	check_i64(alerts(s), c.full, "judged at once");
	tell(s, "box");
	waiting_look(s->waiting, s->judge);
	check_i64(alerts(s), 200, "then all");
	/* The ring goes round many times. */
	for (int round_trip = 0; round_trip < 50; round_trip++) {
		exec(s, 300 + round_trip, "any");
		assert_false(waiting_has_any(s->waiting));
	}
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_alert_waits_until_the_container_is_told_of),
	    cmocka_unit_test(rules_on_what_is_told_are_judged_by_it),
	    cmocka_unit_test(what_no_rule_can_want_does_not_wait),
	    cmocka_unit_test(who_waits_too_long_is_judged_without_and_counted),
	    cmocka_unit_test(a_full_memory_judges_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

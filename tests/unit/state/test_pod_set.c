/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes says of pods, whenever it says it. */
#include "../unit.h"
#include "state/container_set.h"

#include <time.h>

#define UID "3d1c5c2f-9a5b-4f5e-8a43-8f5a37b2f0a1"
#define IN_CGROUP "3d1c5c2f_9a5b_4f5e_8a43_8f5a37b2f0a1"
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct scene {
	struct container_set *set;
	struct pod_set *pods;
	bool will_answer;
	unsigned asked;
};

static bool ask(void *context, struct str key)
{
	struct scene *s = context;

	check_str(key, UID, "asked for");
	s->asked++;
	return s->will_answer;
}

static struct scene *scene_new(bool will_answer)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->set = container_set_new();
	s->pods = container_set_pods(s->set);
	s->will_answer = will_answer;
	pod_set_ask(s->pods, &(struct pod_asker){s, ask});
	return s;
}

static void scene_free(struct scene *s)
{
	container_set_free(s->set);
	free(s);
}

static const struct container *take(struct scene *s)
{
	return container_set_take(s->set, &(struct container){.type = CONTAINER_CRI,
							      .full_id = STR(ID),
							      .id = STR("0123456789ab"),
							      .pod_uid = STR(IN_CGROUP)});
}

static void say(struct scene *s, const char *name, bool is_complete)
{
	pod_inbox_put(pod_set_inbox(s->pods),
		      pod_info_new(&(struct pod_info){
			  .key = STR(UID), .name = str_from(name), .is_complete = is_complete}));
}

static void what_was_told_before_is_there_at_once(void **state)
{
	struct scene *s = scene_new(true);
	const struct container *c;

	(void)state;
	say(s, "web", true);
	assert_false(container_set_update(s->set)); /* nobody has looked yet */
	c = take(s);
	assert_false(container_is_awaited(c));
	check_str(c->pod->info->name, "web", "name");
	check_i64(s->asked, 0, "asked");
	container_set_give(s->set, c);
	check_i64(pod_set_counters(s->pods).known, 1, "known");
	scene_free(s);
}

static void a_pod_is_awaited_until_all_is_told(void **state)
{
	struct scene *s = scene_new(true);
	const struct container *c = take(s);
	uint64_t generation = container_set_generation(s->set);

	(void)state;
	assert_true(container_is_awaited(c));
	say(s, "web", false);
	assert_true(container_set_update(s->set));
	assert_true(container_is_awaited(c));
	check_str(c->pod->info->name, "web", "name");
	say(s, "web", true);
	assert_true(container_set_update(s->set));
	assert_false(container_is_awaited(c));
	assert_true(container_set_generation(s->set) != generation);
	check_i64(pod_set_counters(s->pods).told, 1, "told");
	scene_free(s);
}

static void nobody_waits_where_nobody_will_answer(void **state)
{
	struct scene *s = scene_new(false);
	const struct container *c = take(s);

	(void)state;
	check_i64(s->asked, 1, "asked");
	assert_false(container_is_awaited(c));
	/* It may be told all the same. */
	say(s, "web", true);
	assert_true(container_set_update(s->set));
	check_str(c->pod->info->name, "web", "name");
	scene_free(s);
}

static void patience_ends(void **state)
{
	struct scene *s = scene_new(true);
	const struct container *c = take(s);

	(void)state;
	assert_false(container_set_expire(s->set, 60 * UINT64_C(1000000000)));
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	assert_true(container_set_expire(s->set, 1000000));
	assert_false(container_is_awaited(c));
	assert_true(container_pod_is_late(c));
	say(s, "web", true);
	assert_true(container_set_update(s->set));
	assert_false(container_pod_is_late(c));
	check_i64(pod_set_counters(s->pods).late, 1, "late");
	scene_free(s);
}

static void a_pod_that_is_gone_stays_for_its_containers(void **state)
{
	struct scene *s = scene_new(true);
	const struct container *c = take(s);

	(void)state;
	say(s, "web", true);
	pod_inbox_put_gone(pod_set_inbox(s->pods), STR(UID));
	container_set_update(s->set);
	check_str(c->pod->info->name, "web", "name");
	/* And is back, as one of a relist may be. */
	say(s, "web-2", true);
	container_set_update(s->set);
	check_str(c->pod->info->name, "web-2", "name");
	scene_free(s);
}

static void containers_of_one_pod_share_it(void **state)
{
	struct scene *s = scene_new(true);
	const struct container *a = take(s);
	const struct container *b =
	    container_set_take(s->set, &(struct container){.type = CONTAINER_RUNC,
							   .full_id = STR("other"),
							   .id = STR("other"),
							   .pod_uid = STR(UID)});

	(void)state;
	assert_ptr_equal(a->pod, b->pod);
	check_i64(s->asked, 1, "asked");
	container_set_give(s->set, a);
	assert_true(container_is_awaited(b));
	container_set_give(s->set, b);
	check_i64(pod_set_counters(s->pods).known, 0, "known");
	scene_free(s);
}

static void what_there_is_no_room_for_is_counted(void **state)
{
	struct scene *s = scene_new(true);
	char key[24];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "pod-%d", i);
		pod_set_learn(s->pods, pod_info_new(&(struct pod_info){.key = str_from(key)}));
	}
	check_i64(pod_set_counters(s->pods).known, 4096, "known");
	check_i64(pod_set_counters(s->pods).refused, 5000 - 4096, "refused");
	/* What is known already may change. */
	assert_false(pod_set_learn(
	    s->pods, pod_info_new(&(struct pod_info){.key = STR("pod-7"), .name = STR("x")})));
	check_i64(pod_set_counters(s->pods).refused, 5000 - 4096, "refused");
	scene_free(s);
}

static void of_many_that_are_gone_the_last_are_kept(void **state)
{
	struct scene *s = scene_new(true);
	char key[24];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "pod-%d", i);
		pod_set_learn(s->pods, pod_info_new(&(struct pod_info){.key = str_from(key)}));
		pod_set_forget(s->pods, str_from(key));
	}
	check_i64(pod_set_counters(s->pods).known, 512, "known");
	check_i64(pod_set_counters(s->pods).refused, 0, "refused");
	s->will_answer = false;
	pod_set_ask(s->pods, &(struct pod_asker){0});
	assert_non_null(pod_set_take(s->pods, STR("pod-4999"))->info);
	assert_null(pod_set_take(s->pods, STR("pod-4000"))->info);
	scene_free(s);
}

static void uids_that_cannot_be_are_of_no_pod(void **state)
{
	struct scene *s = scene_new(true);
	char text[POD_KEY_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_null(pod_set_take(s->pods, STR("")));
	assert_null(pod_set_take(s->pods, (struct str){text, sizeof(text)}));
	pod_set_learn(s->pods, pod_info_new(&(struct pod_info){.name = STR("no key")}));
	check_i64(pod_set_counters(s->pods).refused, 1, "refused");
	scene_free(s);
}

static void infos_that_say_the_same_are_equal(void **state)
{
	static const struct container_label labels[] = {{{"b", 1}, {"1", 1}}, {{"a", 1}, {"2", 1}}};
	static const struct container_label others[] = {{{"a", 1}, {"2", 1}}, {{"b", 1}, {"2", 1}}};
	struct pod_info draft = {.key = STR("k"), .labels = labels, .label_count = 2};
	struct pod_info *a = pod_info_new(&draft), *b = pod_info_new(a), *c;

	(void)state;
	draft.labels = others;
	c = pod_info_new(&draft);
	assert_true(pod_info_equal(a, b));
	assert_false(pod_info_equal(a, c));
	pod_info_release(a);
	pod_info_release(b);
	pod_info_release(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_told_before_is_there_at_once),
	    cmocka_unit_test(a_pod_is_awaited_until_all_is_told),
	    cmocka_unit_test(nobody_waits_where_nobody_will_answer),
	    cmocka_unit_test(patience_ends),
	    cmocka_unit_test(a_pod_that_is_gone_stays_for_its_containers),
	    cmocka_unit_test(containers_of_one_pod_share_it),
	    cmocka_unit_test(what_there_is_no_room_for_is_counted),
	    cmocka_unit_test(of_many_that_are_gone_the_last_are_kept),
	    cmocka_unit_test(uids_that_cannot_be_are_of_no_pod),
	    cmocka_unit_test(infos_that_say_the_same_are_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

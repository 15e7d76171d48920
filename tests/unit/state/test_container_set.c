/* SPDX-License-Identifier: Apache-2.0 */
/* What runtimes say of containers, whenever they say it. */
#include "../unit.h"
#include "state/container_set.h"
#include "state/user.h"

#include <string.h>
#include <time.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static uint32_t ask(void *context, const struct container *c)
{
	(void)c;
	return *(uint32_t *)context;
}

struct scene {
	struct container_set *set;
	uint32_t answers; /* that are promised */
	uint32_t asked_users;
	bool refuses_users;
};

static bool ask_users(void *context, const struct container *c, bool is_young)
{
	struct scene *s = (struct scene *)((char *)context - offsetof(struct scene, answers));

	(void)c;
	(void)is_young;
	s->asked_users++;
	return !s->refuses_users;
}

static void say_users(struct scene *s, const struct container *c, enum container_users what)
{
	struct user_table *users = what == CONTAINER_USERS_OWN ? user_table_new() : NULL;

	if (users)
		user_table_parse(users, STR("app:x:10:10::/:/bin/sh\n"), STR("app:x:10:\n"));
	container_inbox_put_users(container_set_inbox(s->set), c, what, users, 40);
	container_set_update(s->set);
}

static struct scene *scene_new(uint32_t answers)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->set = container_set_new();
	s->answers = answers;
	container_set_ask(s->set, &(struct container_asker){&s->answers, ask, NULL});
	return s;
}

static void scene_free(struct scene *s)
{
	container_set_free(s->set);
	free(s);
}

static const struct container *take(struct scene *s, enum container_type type, const char *id)
{
	struct container c = {.type = type, .full_id = str_from(id)};

	c.id = container_short_id(c.full_id);
	return container_set_take(s->set, &c);
}

static struct container_info *info(enum container_type type, const char *id, const char *name)
{
	return container_info_new(&(struct container_info){
	    .type = type, .full_id = str_from(id), .name = str_from(name)});
}

static void say(struct scene *s, enum container_type type, const char *id, const char *name,
		bool is_answer)
{
	container_inbox_put_info(container_set_inbox(s->set), info(type, id, name), is_answer);
}

static void what_was_told_before_is_there_at_once(void **state)
{
	struct scene *s = scene_new(1);
	const struct container *c;

	(void)state;
	say(s, CONTAINER_DOCKER, ID, "web", false);
	container_set_update(s->set);
	c = take(s, CONTAINER_DOCKER, ID);
	check_i64(c->metadata, CONTAINER_TOLD, "metadata");
	check_str(c->info->name, "web", "name");
	check_i64(container_set_counters(s->set).asked, 0, "asked");
	container_set_give(s->set, c);
	scene_free(s);
}

static void an_answer_settles_what_was_asked(void **state)
{
	struct scene *s = scene_new(2);
	const struct container *c = take(s, CONTAINER_DOCKER, ID);
	const struct container *other = take(s, CONTAINER_DOCKER, OTHER);

	(void)state;
	check_i64(c->metadata, CONTAINER_ASKED, "before");
	check_i64(container_set_pending(s->set), 2, "pending");
	say(s, CONTAINER_DOCKER, ID, "web", true);
	container_inbox_put(container_set_inbox(s->set), CONTAINER_NOT_HERE, str_from(OTHER));
	assert_true(container_set_update(s->set));
	check_i64(c->metadata, CONTAINER_TOLD, "told");
	check_i64(other->metadata, CONTAINER_ASKED, "one of two has answered");
	container_inbox_put(container_set_inbox(s->set), CONTAINER_NOT_HERE, str_from(OTHER));
	assert_true(container_set_update(s->set));
	check_i64(other->metadata, CONTAINER_UNTOLD, "both have");
	check_i64(container_set_pending(s->set), 0, "pending");
	container_set_give(s->set, c);
	container_set_give(s->set, other);
	scene_free(s);
}

static void of_two_runtimes_with_one_id_the_cgroups_is_believed(void **state)
{
	struct scene *s = scene_new(2);
	const struct container *c = take(s, CONTAINER_DOCKER, ID);
	const struct container *bare;

	(void)state;
	say(s, CONTAINER_CONTAINERD, ID, "below", true);
	container_set_update(s->set);
	check_i64(c->metadata, CONTAINER_ASKED, "the other may yet answer");
	say(s, CONTAINER_DOCKER, ID, "web", true);
	container_set_update(s->set);
	check_str(c->info->name, "web", "name");
	bare = take(s, CONTAINER_CONTAINERD, ID);
	check_str(bare->info->name, "below", "the same id in the other one's cgroup");
	container_set_give(s->set, c);
	container_set_give(s->set, bare);
	scene_free(s);
}

static void who_is_late_is_given_up_and_may_come_after_all(void **state)
{
	struct scene *s = scene_new(1);
	const struct container *c = take(s, CONTAINER_PODMAN, ID);

	(void)state;
	assert_false(container_set_expire(s->set, UINT64_C(3600000000000)));
	assert_true(container_set_expire(s->set, 0));
	check_i64(c->metadata, CONTAINER_LATE, "metadata");
	check_i64(container_set_counters(s->set).late, 1, "counted");
	say(s, CONTAINER_PODMAN, ID, "slow", true);
	assert_true(container_set_update(s->set));
	check_i64(c->metadata, CONTAINER_TOLD, "after all");
	container_set_give(s->set, c);
	scene_free(s);
}

static void nobody_to_ask_is_not_waited_for(void **state)
{
	struct scene *s = scene_new(0);
	const struct container *c = take(s, CONTAINER_RUNC, ID);

	(void)state;
	check_i64(c->metadata, CONTAINER_UNASKED, "metadata");
	check_i64(container_set_pending(s->set), 0, "pending");
	container_set_give(s->set, c);
	scene_free(s);
}

static void what_is_gone_is_known_for_a_while(void **state)
{
	struct scene *s = scene_new(1);
	const struct container *c;

	(void)state;
	say(s, CONTAINER_DOCKER, ID, "short", false);
	container_inbox_put(container_set_inbox(s->set), CONTAINER_GONE, str_from(ID));
	container_set_update(s->set);
	c = take(s, CONTAINER_DOCKER, ID);
	check_str(c->info->name, "short", "name");
	container_set_give(s->set, c);
	scene_free(s);
}

static void captures_that_tell_the_short_id_are_understood(void **state)
{
	struct scene *s = scene_new(0);
	const struct container *before = take(s, CONTAINER_DOCKER, ID), *after;

	(void)state;
	container_set_learn(s->set, info(CONTAINER_DOCKER, "0123456789ab", "old"));
	check_str(before->info->name, "old", "seen before");
	after = take(s, CONTAINER_RUNC, ID);
	check_str(after->info->name, "old", "seen after");
	container_set_give(s->set, before);
	container_set_give(s->set, after);
	scene_free(s);
}

static void nothing_outlives_its_bounds(void **state)
{
	struct scene *s = scene_new(0);
	char *large = malloc(100000), id[65];
	struct container_label labels[600];
	struct container_info draft = {.full_id = {id, 64}, .labels = labels, .label_count = 600};
	struct container_counters counters;
	struct container_info *one;

	(void)state;
	memset(large, 'x', 100000);
	for (int i = 0; i < 600; i++)
		labels[i] = (struct container_label){{large, 100000}, {large, 100000}};
	snprintf(id, sizeof(id), "%064x", 1);
	one = container_info_new(&draft);
	check_i64(one->label_count, 1, "labels of one key");
	check_i64(one->labels[0].value.n, CONTAINER_TEXT_MAX, "a text");
	container_info_release(one);
	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "%064x", i);
		container_set_learn(s->set, container_info_new(&draft));
	}
	counters = container_set_counters(s->set);
	assert_true(counters.known_bytes <= 64 * 1024 * 1024);
	assert_true(counters.refused > 0);
	free(large);
	scene_free(s);
}

static void labels_are_sorted_and_found(void **state)
{
	struct container_label labels[] = {
	    {STR("b"), STR("2")}, {STR("a"), STR("1")}, {STR("c"), STR("")}};
	struct container_info *i =
	    container_info_new(&(struct container_info){.labels = labels, .label_count = 3});
	struct str value;

	(void)state;
	check_str(i->labels[0].key, "a", "first");
	assert_true(container_label_find(i->labels, i->label_count, STR("b"), &value));
	check_str(value, "2", "b");
	assert_true(container_label_find(i->labels, i->label_count, STR("c"), &value));
	assert_false(container_label_find(i->labels, i->label_count, STR("d"), &value));
	container_info_release(i);
}

static void images_are_taken_apart(void **state)
{
	static const struct {
		const char *image, *repository, *tag;
	} rows[] = {
	    {"registry.example:5000/a/b:v1@sha256:00", "registry.example:5000/a/b", "v1"},
	    {"registry.example:5000/a/b@sha256:00", "registry.example:5000/a/b", ""},
	    {"registry.example:5000/a/b", "registry.example:5000/a/b", ""},
	    {"a/b:v", "a/b", "v"},
	    {"a:v", "a", "v"},
	    {"a", "a", ""},
	    {"", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str repository, tag;

		container_image_split(str_from(rows[i].image), &repository, &tag);
		check_str(repository, rows[i].repository, rows[i].image);
		check_str(tag, rows[i].tag, rows[i].image);
	}
}

static struct scene *scene_with_users(uint32_t answers)
{
	struct scene *s = scene_new(answers);

	container_set_ask(s->set, &(struct container_asker){&s->answers, ask, ask_users});
	return s;
}

static void users_are_waited_for_as_runtimes_are(void **state)
{
	struct scene *s = scene_with_users(1);
	const struct container *c = take(s, CONTAINER_DOCKER, ID);
	const struct container *bare;

	(void)state;
	check_i64(c->users, CONTAINER_USERS_ASKED, "users");
	say(s, CONTAINER_DOCKER, ID, "web", true);
	container_set_update(s->set);
	check_i64(c->metadata, CONTAINER_ASKED, "the users may yet come");
	check_str(c->info->name, "web", "name");
	say_users(s, c, CONTAINER_USERS_OWN);
	check_i64(c->metadata, CONTAINER_TOLD, "all is told");
	check_str(user_find(c->own_users, 10)->name, "app", "user");

	s->answers = 0;
	bare = take(s, CONTAINER_RUNC, OTHER);
	check_i64(bare->metadata, CONTAINER_ASKED, "no runtime, but users");
	say_users(s, bare, CONTAINER_USERS_HOSTS);
	check_i64(bare->metadata, CONTAINER_UNASKED, "nobody else to wait for");
	check_i64(bare->users, CONTAINER_USERS_HOSTS, "users");
	check_i64(container_set_counters(s->set).asked, 1, "runtimes asked");
	check_i64(container_set_counters(s->set).untold, 0, "untold");
	check_i64(container_set_pending(s->set), 0, "pending");
	container_set_give(s->set, c);
	container_set_give(s->set, bare);
	scene_free(s);
}

static void users_are_asked_for_until_they_are_told(void **state)
{
	struct scene *s = scene_with_users(0);
	const struct container *c = take(s, CONTAINER_RUNC, ID);

	(void)state;
	container_set_made(s->set, c, 42);
	check_i64(s->asked_users, 2, "the next process, too");
	say_users(s, c, CONTAINER_USERS_UNKNOWN);
	check_i64(c->users, CONTAINER_USERS_ASKED, "one of two has gone");
	say_users(s, c, CONTAINER_USERS_HOSTS);
	check_i64(c->users, CONTAINER_USERS_HOSTS, "the other has the host's root");
	check_i64(c->metadata, CONTAINER_UNASKED, "nobody is waited for");
	container_set_made(s->set, c, 43);
	check_i64(s->asked_users, 2, "and what it makes, likewise");
	container_set_executed(s->set, c, 43, 0);
	check_i64(c->metadata, CONTAINER_ASKED, "it may have left the host's root");
	container_set_made(s->set, c, 44);
	say_users(s, c, CONTAINER_USERS_OWN);
	check_i64(c->users, CONTAINER_USERS_OWN, "users");
	check_i64(c->metadata, CONTAINER_UNASKED, "the others are not waited for");
	say_users(s, c, CONTAINER_USERS_UNKNOWN);
	check_i64(c->users, CONTAINER_USERS_OWN, "what is known stays");
	check_i64(s->asked_users, 4, "asked");
	container_set_made(s->set, c, 45);
	container_set_executed(s->set, c, 44, 10);
	container_set_executed(s->set, c, 44, 11);
	check_i64(s->asked_users, 4, "not at once for one that it has not");
	container_set_give(s->set, c);

	c = take(s, CONTAINER_RUNC, OTHER);
	for (int i = 0; i < 1000; i++)
		container_set_made(s->set, c, i);
	assert_true(s->asked_users < 20);
	container_set_give(s->set, c);

	s->refuses_users = true;
	c = take(s, CONTAINER_RUNC, OTHER);
	check_i64(c->users, CONTAINER_USERS_UNKNOWN, "not the host's");
	check_i64(c->metadata, CONTAINER_UNASKED, "nobody is waited for");
	container_set_give(s->set, c);
	scene_free(s);
}

static void users_that_never_come_are_given_up(void **state)
{
	struct scene *s = scene_with_users(0);
	const struct container *c = take(s, CONTAINER_RUNC, ID);

	(void)state;
	assert_true(container_set_expire(s->set, 0));
	check_i64(c->users, CONTAINER_USERS_UNKNOWN, "users");
	check_i64(c->metadata, CONTAINER_UNASKED, "metadata");
	check_i64(container_set_counters(s->set).late, 0, "no runtime was late");
	say_users(s, c, CONTAINER_USERS_OWN);
	check_i64(c->users, CONTAINER_USERS_OWN, "after all");
	container_set_give(s->set, c);
	scene_free(s);
}

static void cgroups_are_what_the_configuration_makes_of_them(void **state)
{
	struct scene *s = scene_new(0);
	struct container c;
	const struct container *taken;

	(void)state;
	assert_true(container_set_find(s->set, STR("/lxc/web"), &c));
	assert_true(container_set_find(s->set, STR("/docker/" ID), &c));
	container_set_ignore(s->set, 1u << CONTAINER_LXC);
	assert_false(container_set_find(s->set, STR("/lxc/web"), &c));
	assert_true(container_set_find(s->set, STR("/docker/" ID), &c));
	container_set_fix(s->set, info(CONTAINER_STATIC, "one", "for all"));
	assert_true(container_set_find(s->set, STR("/"), &c));
	check_str(c.id, "one", "id");
	check_str(str_from(container_type_name(c.type)), "static", "type");
	taken = container_set_take(s->set, &c);
	check_i64(taken->metadata, CONTAINER_TOLD, "metadata");
	check_str(taken->info->name, "for all", "name");
	container_set_give(s->set, taken);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cgroups_are_what_the_configuration_makes_of_them),
	    cmocka_unit_test(users_are_waited_for_as_runtimes_are),
	    cmocka_unit_test(users_are_asked_for_until_they_are_told),
	    cmocka_unit_test(users_that_never_come_are_given_up),
	    cmocka_unit_test(what_was_told_before_is_there_at_once),
	    cmocka_unit_test(an_answer_settles_what_was_asked),
	    cmocka_unit_test(of_two_runtimes_with_one_id_the_cgroups_is_believed),
	    cmocka_unit_test(who_is_late_is_given_up_and_may_come_after_all),
	    cmocka_unit_test(nobody_to_ask_is_not_waited_for),
	    cmocka_unit_test(what_is_gone_is_known_for_a_while),
	    cmocka_unit_test(captures_that_tell_the_short_id_are_understood),
	    cmocka_unit_test(nothing_outlives_its_bounds),
	    cmocka_unit_test(labels_are_sorted_and_found),
	    cmocka_unit_test(images_are_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

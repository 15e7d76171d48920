/* SPDX-License-Identifier: Apache-2.0 */
/* What recordings keep of containers is what is known again when they are read. */
#include "../unit.h"
#include "state/container_event.h"
#include "state/user.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct container_info *info_new(void)
{
	static const struct container_label labels[] = {{{"app", 3}, {"shop", 4}},
							{{"io.kubernetes.pod.uid", 21}, {"u", 1}}};
	static const struct container_label pod_labels[] = {{{"tier", 4}, {"front", 5}}};
	static const struct container_mount mounts[] = {
	    {{"/a", 2}, {"/b", 2}, {"z", 1}, {"rslave", 6}, true}};

	return container_info_new(&(struct container_info){
	    .type = CONTAINER_CONTAINERD,
	    .full_id = STR(ID),
	    .name = STR("web"),
	    .image = STR("r/box:v1"),
	    .image_repository = STR("r/box"),
	    .image_tag = STR("v1"),
	    .image_digest = STR("sha256:11"),
	    .ip = STR("10.0.0.1"),
	    .sandbox_id = STR("aa"),
	    .is_privileged = true,
	    .is_host_network = true,
	    .labels = labels,
	    .label_count = 2,
	    .pod_labels = pod_labels,
	    .pod_label_count = 1,
	    .mounts = mounts,
	    .mount_count = 1,
	});
}

static struct user_table *users_new(void)
{
	struct user_table *users = user_table_new();

	user_table_parse(users, STR("root:x:0:0::/root:/bin/sh\napp:x:7:8::/app:/bin/ash\n"),
			 STR("staff:x:8:\n"));
	return users;
}

static const struct container *take(struct container_set *set, const struct container *c)
{
	return container_set_take(
	    set, &(struct container){.type = c->type, .full_id = c->full_id, .id = c->id});
}

static uint32_t ask(void *context, const struct container *c)
{
	(void)context;
	(void)c;
	return 1;
}

static struct container_set *recorded_set(void)
{
	struct container_set *set = container_set_new();

	container_set_ask(set, &(struct container_asker){.ask = ask});
	return set;
}

static void what_was_known_is_known_again(void **state)
{
	struct container_info *info = info_new();
	struct user_table *users = users_new();
	struct container c = {
	    .type = CONTAINER_CRI,
	    .full_id = STR(ID),
	    .id = container_short_id(STR(ID)),
	    .metadata = CONTAINER_TOLD,
	    .info = info,
	    .users = CONTAINER_USERS_OWN,
	    .own_users = users,
	};
	char *text = container_event_text(&c, 65536);
	struct container_set *set = recorded_set();
	const struct container *again;
	struct str label;

	(void)state;
	/* Before its first event, and after it. */
	for (int i = 0; i < 2; i++) {
		if (i)
			assert_true(container_event_take(set, str_from(text)));
		again = take(set, &c);
		if (!i) {
			check_i64(again->metadata, CONTAINER_ASKED, "the event is to come");
			assert_true(container_event_take(set, str_from(text)));
		}
		check_i64(again->metadata, CONTAINER_TOLD, "metadata");
		check_str(again->info->name, "web", "name");
		check_str(again->info->image_tag, "v1", "tag");
		check_i64(again->info->type, CONTAINER_CONTAINERD, "the runtime's type");
		check_i64(again->info->is_privileged, true, "privileged");
		check_i64(again->info->is_host_pid, false, "host's pids");
		assert_true(container_label_find(again->info->labels, again->info->label_count,
						 STR("app"), &label));
		check_str(label, "shop", "label");
		check_str(again->info->pod_labels[0].value, "front", "pod's label");
		check_str(again->info->mounts[0].propagation, "rslave", "mount");
		check_i64(again->users, CONTAINER_USERS_OWN, "users");
		check_str(user_find(again->own_users, 7)->shell, "/bin/ash", "user");
		check_str(group_find(again->own_users, 8)->name, "staff", "group");
		container_set_give(set, again);
	}
	free(text);
	container_set_free(set);
	container_info_release(info);
	user_table_free(users);
}

static void that_nothing_was_known_is_kept_too(void **state)
{
	static const enum container_metadata kinds[] = {CONTAINER_UNASKED, CONTAINER_UNTOLD,
							CONTAINER_LATE};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct container c = {
		    .type = CONTAINER_LXC,
		    .full_id = STR("box"),
		    .id = STR("box"),
		    .metadata = kinds[i],
		    .users = CONTAINER_USERS_UNKNOWN,
		};
		char *text = container_event_text(&c, 65536);
		struct container_set *set = recorded_set();
		const struct container *again = take(set, &c);

		assert_true(container_event_take(set, str_from(text)));
		check_i64(again->metadata, kinds[i], "metadata");
		check_i64(again->users, CONTAINER_USERS_UNKNOWN, "users");
		assert_null(again->info);
		check_i64(container_set_pending(set), 0, "pending");
		container_set_give(set, again);
		free(text);
		container_set_free(set);
	}
}

static void that_it_was_asked_for_again_is_kept(void **state)
{
	struct container c = {.type = CONTAINER_LXC,
			      .full_id = STR("box"),
			      .id = STR("box"),
			      .metadata = CONTAINER_UNTOLD};
	char *untold = container_event_text(&c, 65536), *asked;
	struct container_set *set = recorded_set();
	const struct container *again;

	(void)state;
	c.metadata = CONTAINER_ASKED;
	c.users = CONTAINER_USERS_ASKED;
	asked = container_event_text(&c, 65536);
	container_event_take(set, str_from(asked)); /* of one that nobody is in: nothing */
	check_i64(container_set_pending(set), 0, "pending");
	again = take(set, &c);
	assert_true(container_event_take(set, str_from(untold)));
	check_i64(again->metadata, CONTAINER_UNTOLD, "metadata");
	assert_true(container_event_take(set, str_from(asked)));
	check_i64(again->metadata, CONTAINER_ASKED, "once more");
	check_i64(container_set_pending(set), 1, "pending");
	assert_true(container_event_take(set, str_from(untold)));
	check_i64(again->metadata, CONTAINER_UNTOLD, "in the end");
	check_i64(container_set_pending(set), 0, "pending");
	container_set_give(set, again);
	free(untold);
	free(asked);
	container_set_free(set);
}

static void what_is_too_large_is_left_out(void **state)
{
	struct container_info *info = info_new();
	struct user_table *users = users_new();
	struct container c = {.type = CONTAINER_CRI,
			      .full_id = STR(ID),
			      .id = container_short_id(STR(ID)),
			      .metadata = CONTAINER_TOLD,
			      .info = info,
			      .users = CONTAINER_USERS_OWN,
			      .own_users = users};
	char *all = container_event_text(&c, 65536), *less, *least;

	(void)state;
	less = container_event_text(&c, strlen(all));
	assert_non_null(less);
	assert_null(strstr(less, "staff"));
	assert_non_null(strstr(less, "shop"));
	least = container_event_text(&c, strlen(less));
	assert_non_null(least);
	assert_null(strstr(least, "shop"));
	assert_non_null(strstr(least, "r/box"));
	assert_null(container_event_text(&c, 16));
	free(all);
	free(less);
	free(least);
	container_info_release(info);
	user_table_free(users);
}

static void broken_ones_are_refused(void **state)
{
	static const char *const texts[] = {
	    "",
	    "{",
	    "[]",
	    "{}",
	    "{\"container\":7,\"saker\":{}}",
	    "{\"container\":{},\"saker\":{}}",
	    "{\"container\":{\"id\":\"b\",\"full_id\":\"a\"},\"saker\":{\"metadata\":\"told\"}}",
	};
	struct container_set *set = recorded_set();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(container_event_take(set, str_from(texts[i])));
	assert_true(container_event_take(
	    set, STR("{\"container\":{\"id\":\"a\",\"full_id\":\"a\"},\"saker\":{\"cgroup\":-7,"
		     "\"users\":\"own\",\"passwd\":[7,[],[\"x\",{},3,4,5]],\"group\":{}}}")));
	container_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_known_is_known_again),
	    cmocka_unit_test(that_nothing_was_known_is_kept_too),
	    cmocka_unit_test(that_it_was_asked_for_again_is_kept),
	    cmocka_unit_test(what_is_too_large_is_left_out),
	    cmocka_unit_test(broken_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

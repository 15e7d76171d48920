/* SPDX-License-Identifier: Apache-2.0 */
/* Users of containers, read below a /proc of the test's own making. */
#include "../unit.h"
#include "metadata/users_reader.h"
#include "state/user.h"

#include <ftw.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { PATIENCE_MS = 8000, PID = 77, NOBODY = 78 };

struct scene {
	char root[64];
	struct container_inbox inbox;
	struct users_reader *reader;
};

static void write_text(const struct scene *s, const char *path, const char *text)
{
	char whole[256];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", s->root, path);
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_directory(const struct scene *s, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", s->root, path);
	assert_int_equal(mkdir(whole, 0755), 0);
}

static void make_link(const struct scene *s, const char *to, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", s->root, path);
	unlink(whole);
	assert_int_equal(symlink(to, whole), 0);
}

static struct scene *scene_new(void)
{
	static const char *const directories[] = {"proc",    "proc/1",     "proc/77",    "inside",
						  "outside", "inside/etc", "outside/etc"};
	struct scene *s = calloc(1, sizeof(*s));
	struct error err;

	snprintf(s->root, sizeof(s->root), "/tmp/saker-users-XXXXXX");
	assert_non_null(mkdtemp(s->root));
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		make_directory(s, directories[i]);
	make_link(s, "../../outside", "proc/1/root");
	make_link(s, "../../inside", "proc/77/root");
	write_text(s, "outside/etc/passwd", "host:x:0:0::/:/bin/sh\n");
	write_text(s, "inside/etc/passwd",
		   "# comment\nadmin:x:0:0::/admin:/bin/ash\napp:x:1000:1000::/app:/bin/sh");
	write_text(s, "inside/etc/group", "wheel:x:0:\nbroken\n:::\nstaff:x:1000:app\n");
	s->reader = users_reader_start(s->root, &s->inbox, &err);
	assert_non_null(s->reader);
	return s;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static void scene_free(struct scene *s)
{
	users_reader_stop(s->reader);
	nftw(s->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
}

/* Asks, and waits for what is said; the caller frees it. */
static struct container_news *ask_of(struct scene *s, int32_t pid, bool is_young)
{
	struct container c = {.type = CONTAINER_DOCKER, .full_id = str_from(ID), .pid = pid};
	struct container_news *news = NULL;

	assert_true(users_reader_ask(s->reader, &c, is_young));
	for (int i = 0; i < PATIENCE_MS && !news; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		news = container_inbox_take(&s->inbox);
	}
	assert_non_null(news);
	check_i64(news->kind, CONTAINER_USERS, "kind");
	check_i64(news->type, CONTAINER_DOCKER, "type");
	check_str(news->id, ID, "id");
	return news;
}

static struct container_news *ask(struct scene *s, int32_t pid)
{
	return ask_of(s, pid, true);
}

static void names_are_those_of_the_process_root(void **state)
{
	struct scene *s = scene_new();
	struct container_news *news = ask(s, PID);
	const struct user *u;

	(void)state;
	check_i64(news->users, CONTAINER_USERS_OWN, "users");
	u = user_find(news->own_users, 0);
	check_str(u->name, "admin", "user 0");
	check_str(u->home, "/admin", "home");
	check_str(u->shell, "/bin/ash", "shell");
	check_str(user_find(news->own_users, 1000)->name, "app", "the last line has no end");
	check_str(group_find(news->own_users, 1000)->name, "staff", "group");
	container_news_free(news);
	scene_free(s);
}

static void ids_of_a_user_namespace_are_the_hosts(void **state)
{
	struct scene *s = scene_new();
	struct container_news *news;

	(void)state;
	write_text(s, "proc/77/uid_map",
		   "         0       1001          1\n         1     100000      500\n");
	write_text(s, "proc/77/gid_map", "         0       2001          1\n");
	news = ask(s, PID);
	check_str(user_find(news->own_users, 1001)->name, "admin", "user 0 of the container");
	assert_null(user_find(news->own_users, 0));
	assert_null(user_find(news->own_users, 1000)); /* no process can have that one */
	check_str(group_find(news->own_users, 2001)->name, "wheel", "group 0 of the container");
	container_news_free(news);
	scene_free(s);
}

static void a_process_that_is_gone_tells_nothing(void **state)
{
	struct scene *s = scene_new();
	struct container_news *news = ask(s, NOBODY);

	(void)state;
	check_i64(news->users, CONTAINER_USERS_UNKNOWN, "users");
	container_news_free(news);
	scene_free(s);
}

static void in_the_hosts_root_users_are_the_hosts(void **state)
{
	struct scene *s = scene_new();
	struct container_news *news;

	(void)state;
	make_link(s, "../../outside", "proc/77/root");
	news = ask(s, PID);
	check_i64(news->users, CONTAINER_USERS_HOSTS, "users");
	assert_null(news->own_users);
	container_news_free(news);
	news = ask_of(s, PID, false);
	check_i64(news->users, CONTAINER_USERS_HOSTS, "of an old process");
	container_news_free(news);
	scene_free(s);
}

static void a_young_process_may_leave_the_hosts_root(void **state)
{
	struct scene *s = scene_new();
	struct container c = {.type = CONTAINER_DOCKER, .full_id = str_from(ID), .pid = PID};
	struct container_news *news = NULL;

	(void)state;
	make_link(s, "../../outside", "proc/77/root");
	assert_true(users_reader_ask(s->reader, &c, true));
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	make_link(s, "../../inside", "proc/77/root");
	for (int i = 0; i < PATIENCE_MS && !news; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		news = container_inbox_take(&s->inbox);
	}
	assert_non_null(news);
	container_news_free(news);
	scene_free(s);
}

/* Files that lead out of the container, never end, or are none. */
static void containers_are_not_trusted(void **state)
{
	struct scene *s = scene_new();
	struct container_news *news;
	char path[128], *line;
	FILE *f;

	(void)state;
	make_link(s, "../../outside/etc/passwd", "inside/etc/passwd");
	news = ask(s, PID);
	assert_null(user_find(news->own_users, 0));
	container_news_free(news);

	snprintf(path, sizeof(path), "%s/outside/etc/passwd", s->root);
	make_link(s, path, "inside/etc/passwd");
	news = ask(s, PID);
	assert_null(user_find(news->own_users, 0));
	container_news_free(news);

	snprintf(path, sizeof(path), "%s/inside/etc/passwd", s->root);
	unlink(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	news = ask(s, PID);
	check_i64(news->users, CONTAINER_USERS_OWN, "a pipe");
	assert_null(user_find(news->own_users, 0));
	container_news_free(news);

	unlink(path);
	f = fopen(path, "w");
	fputs("first:x:0:0::/:/bin/sh\n", f);
	line = calloc(1, 1000000);
	memset(line, 'x', 999999);
	fputs(line, f);
	free(line);
	fclose(f);
	news = ask(s, PID);
	check_str(user_find(news->own_users, 0)->name, "first", "before what is too much");
	assert_true(news->users_bytes < 1000000);
	container_news_free(news);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_those_of_the_process_root),
	    cmocka_unit_test(ids_of_a_user_namespace_are_the_hosts),
	    cmocka_unit_test(a_process_that_is_gone_tells_nothing),
	    cmocka_unit_test(in_the_hosts_root_users_are_the_hosts),
	    cmocka_unit_test(a_young_process_may_leave_the_hosts_root),
	    cmocka_unit_test(containers_are_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

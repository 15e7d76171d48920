/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "state/user.h"

#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/saker-user-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/etc/%s", root, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void files_are_read_below_the_host_root(void **state)
{
	struct user_table *t = user_table_new();
	struct error err;

	(void)state;
	write_file("passwd", "root:x:0:0:root:/root:/bin/bash\n"
			     "# a comment\n"
			     "toor:x:0:0::/toor:/bin/sh\n"
			     "\n"
			     "+::::::\n"
			     "broken\n"
			     "noid:x::5::/:\n"
			     "big:x:4294967296:5::/:\n"
			     "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
			     "last:x:1000:1000:No newline,,,:/home/last:");
	write_file("group", "root:x:0:\nadm:x:4:syslog,last\nbroken:x\n::7:\nlast:x:1000:");
	check_i64(user_table_read(t, root, &err), 0, "read");

	const struct user *u = user_find(t, 0);
	assert_non_null(u);
	check_str(u->name, "root", "the first line of an id counts");
	check_str(u->home, "/root", "home");
	check_str(u->shell, "/bin/bash", "shell");
	u = user_find(t, 1000);
	assert_non_null(u);
	check_str(u->name, "last", "no newline at the end");
	check_str(u->shell, "", "empty shell");
	check_i64(u->gid, 1000, "gid");
	assert_null(user_find(t, 1));
	assert_null(user_find(t, UINT32_MAX));

	const struct group *g = group_find(t, 4);
	assert_non_null(g);
	check_str(g->name, "adm", "group");
	assert_null(group_find(t, 7));

	/* A changed file replaces all; a missing one changes nothing. */
	write_file("passwd", "new:x:7:7::/new:/bin/sh\n");
	check_i64(user_table_read(t, root, &err), 0, "read again");
	assert_null(user_find(t, 33));
	check_str(user_find(t, 7)->name, "new", "new user");
	assert_true(user_table_read(t, "/nonexistent", &err) < 0);
	assert_non_null(strstr(err.message, "/nonexistent/etc/passwd"));
	check_str(user_find(t, 7)->name, "new", "kept");
	user_table_free(t);
}

static void added_users_replace_known_ones(void **state)
{
	struct user_table *t = user_table_new();

	(void)state;
	for (int i = 0; i < 3; i++) {
		user_table_add_user(t, &(struct user){.uid = UINT32_MAX, .name = STR("nobody")});
		user_table_add_group(t, &(struct group){.gid = 0, .name = STR("root")});
	}
	check_str(user_find(t, UINT32_MAX)->name, "nobody", "highest id");
	user_table_add_user(t, &(struct user){.uid = UINT32_MAX, .name = STR("other")});
	user_table_add_group(t, &(struct group){.gid = 0, .name = STR("wheel")});
	check_str(user_find(t, UINT32_MAX)->name, "other", "replaced");
	check_str(group_find(t, 0)->name, "wheel", "replaced");
	user_table_free(t);
}

static int set_up(void **state)
{
	char path[128];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/etc", root);
	return mkdir(path, 0700);
}

static int tear_down(void **state)
{
	static const char *const names[] = {"/etc/passwd", "/etc/group"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", root, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/etc", root);
	rmdir(path);
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_are_read_below_the_host_root),
	    cmocka_unit_test(added_users_replace_known_ones),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

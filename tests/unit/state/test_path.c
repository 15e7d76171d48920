/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "state/path.h"

static void join_normalises(void **state)
{
	static const struct {
		const char *base, *name, *want;
	} cases[] = {
	    {"/home/user", "file", "/home/user/file"},
	    {"/home/user/", "file", "/home/user/file"},
	    {"/home/user", "/etc/passwd", "/etc/passwd"},
	    {"/home/user", "../../etc/passwd", "/etc/passwd"},
	    {"/home/user", "../../../../../etc/passwd", "/etc/passwd"},
	    {"/home/user", ".", "/home/user"},
	    {"/home/user", "", "/home/user"},
	    {"/home/user", "./a/./b/.", "/home/user/a/b"},
	    {"/home/user", "a//b///c/", "/home/user/a/b/c"},
	    {"/home/user", "a/../b", "/home/user/b"},
	    {"/home/user", "a/..", "/home/user"},
	    {"/", "x", "/x"},
	    {"/", "..", "/"},
	    {"/", "", "/"},
	    {"", "/", "/"},
	    {"", "//", "/"},
	    {"", "///etc//shadow", "/etc/shadow"},
	    {"", "/..", "/"},
	    {"", "/../..", "/"},
	    {"", "/.", "/"},
	    {"", "/a/b/../../c", "/c"},
	    {"", "/a/b/../../../c", "/c"},
	    {"", "/etc/../etc/./shadow", "/etc/shadow"},
	    {"", "/...", "/..."},
	    {"", "/.hidden/..x/x..", "/.hidden/..x/x.."},
	    {"", "", ""},
	    {"", ".", ""},
	    {"", "a", "a"},
	    {"", "./a", "a"},
	    {"", "..", ".."},
	    {"", "../..", "../.."},
	    {"", "../a/../..", "../.."},
	    {"", "../a/b/..", "../a"},
	    {"", "a/..", ""},
	    {"", "a/../..", ".."},
	    {"", "a/../b", "b"},
	    {"rel", "../x", "x"},
	    {"rel", "../../x", "../x"},
	    {"/a/../b", "c", "/b/c"},
	    {"/proc/self/root", "../../1", "/proc/1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char memory[128];
		struct buffer out = BUFFER(memory);

		path_join(&out, str_from(cases[i].base), str_from(cases[i].name));
		check_str(buffer_str(&out), cases[i].want, cases[i].name);

		bool is_same = cases[i].name[0] == '/' && !strcmp(cases[i].name, cases[i].want);
		check_i64(path_is_normal(str_from(cases[i].name)), is_same, cases[i].name);
	}
}

static void join_appends_to_what_is_there(void **state)
{
	char memory[128];
	struct buffer out = BUFFER(memory);

	(void)state;
	buffer_put(&out, STR("a/b/"));
	path_join(&out, STR("x"), STR("../../../y"));
	check_str(buffer_str(&out), "a/b/../../y", "after other text");
}

static void join_cuts_where_there_is_no_room(void **state)
{
	char memory[8];

	(void)state;
	for (size_t room = 0; room <= sizeof(memory); room++) {
		struct buffer out = {.p = memory, .room = room};

		path_join(&out, STR("/abc/def"), STR("ghi/../../x"));
		assert_true(out.n <= room);
		assert_true(out.is_truncated);
	}
}

/* A megabyte of the worst there is: a quadratic join would not end within the tests' time. */
static void join_is_linear(void **state)
{
	enum { COUNT = 1 << 18 };
	char *name = malloc(COUNT * 5 + 1);
	char *memory = malloc(COUNT * 5 + 2);
	struct buffer out = {.p = memory, .room = COUNT * 5 + 2};

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		memcpy(name + i * 2, "a/", 2);
	for (size_t i = 0; i < COUNT; i++)
		memcpy(name + COUNT * 2 + i * 3, "../", 3);
	path_join(&out, STR("/x"), (struct str){name, COUNT * 5});
	check_str(buffer_str(&out), "/x", "many up");
	free(name);
	free(memory);
}

static void only_absolute_normal_paths_are_normal(void **state)
{
	static const struct {
		const char *path;
		bool want;
	} cases[] = {
	    {"/", true},        {"/etc/shadow", true}, {"/a.b/..c/.d", true}, {"/...", true},
	    {"", false},        {"etc", false},        {"/etc/", false},      {"//", false},
	    {"//etc", false},   {"/etc//x", false},    {"/.", false},         {"/..", false},
	    {"/a/.", false},    {"/a/..", false},      {"/./a", false},       {"/../a", false},
	    {"/a/../b", false}, {"/a/.../b", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_i64(path_is_normal(str_from(cases[i].path)), cases[i].want, cases[i].path);
}

/* Names are looked at in pieces: nothing may be missed where two meet, or at the end. */
static void no_place_in_a_name_is_overlooked(void **state)
{
	char name[64];

	(void)state;
	for (size_t n = 4; n < sizeof(name); n++) {
		for (size_t at = 2; at + 1 < n; at++) {
			struct str path = {name, n};

			memset(name, 'a', sizeof(name));
			name[0] = '/';
			check_i64(path_is_normal(path), true, "normal");
			check_i64(path_has_double_slash(path), false, "single slash");
			name[at] = name[at + 1] = '/';
			check_i64(path_is_normal(path), false, "double slash");
			check_i64(path_has_double_slash(path), true, "double slash");
			name[at + 1] = '.';
			check_i64(path_is_normal(path), at + 2 < n, "a dot begins or is a name");
			check_i64(path_has_double_slash(path), false, "slash and dot");
		}
	}
}

static void directory_and_basename_split_at_the_last_slash(void **state)
{
	static const struct {
		const char *path, *directory, *basename;
	} cases[] = {
	    {"/etc/shadow", "/etc", "shadow"},
	    {"/x", "/", "x"},
	    {"/", "/", ""},
	    {"x", "", "x"},
	    {"", "", ""},
	    {"a/b", "a", "b"},
	    {"/a/b/", "/a/b", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_str(path_directory(str_from(cases[i].path)), cases[i].directory,
			  cases[i].path);
		check_str(path_basename(str_from(cases[i].path)), cases[i].basename, cases[i].path);
	}
}

/* Component by component, as path_join does it where a name needs that. */
static void join_slowly(struct str base, struct str name, char *out)
{
	const char *parts[128];
	size_t sizes[128], count = 0, floor = 0;
	bool is_absolute = name.p[0] == '/' || base.p[0] == '/';
	struct str sources[2] = {name.p[0] == '/' ? STR("") : base, name};

	for (int i = 0; i < 2; i++) {
		for (size_t at = 0; at < sources[i].n;) {
			size_t end = str_find_byte(sources[i], '/', at), n = end - at;
			const char *p = sources[i].p + at;

			at = end + 1;
			if (n == 0 || (n == 1 && p[0] == '.'))
				continue;
			if (n == 2 && p[0] == '.' && p[1] == '.') {
				if (count > floor) {
					count--;
					continue;
				}
				if (is_absolute)
					continue;
				floor = count + 1;
			}
			parts[count] = p;
			sizes[count++] = n;
		}
	}
	*out = '\0';
	for (size_t i = 0; i < count; i++)
		sprintf(out + strlen(out), "%s%.*s", i || is_absolute ? "/" : "", (int)sizes[i],
			parts[i]);
	if (is_absolute && !count)
		strcpy(out, "/");
}

static void names_that_need_nothing_come_out_as_any_other(void **state)
{
	enum { TIMES = 200000, LONGEST = 40 };
	unsigned random = 1;

	(void)state;
	for (int i = 0; i < TIMES; i++) {
		char text[2][LONGEST + 1], memory[4 * LONGEST], want[4 * LONGEST];
		struct buffer out = BUFFER(memory);
		struct str s[2];

		for (int j = 0; j < 2; j++) {
			random = random * 1103515245 + 12345;
			s[j] = (struct str){text[j], random / 65536 % LONGEST};
			for (size_t k = 0; k < s[j].n; k++) {
				random = random * 1103515245 + 12345;
				/* Mostly letters: names that are plain shall be met, too. */
				text[j][k] = "abc/abcdefghi.jk"[random / 65536 % 16];
			}
			text[j][s[j].n] = '\0';
		}
		path_join(&out, s[0], s[1]);
		join_slowly(s[0], s[1], want);
		if (!str_equal_c(buffer_str(&out), want))
			fprintf(stderr, "%s and %s\n", text[0], text[1]);
		check_str(buffer_str(&out), want, "joined");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(join_normalises),
	    cmocka_unit_test(join_appends_to_what_is_there),
	    cmocka_unit_test(join_cuts_where_there_is_no_room),
	    cmocka_unit_test(join_is_linear),
	    cmocka_unit_test(only_absolute_normal_paths_are_normal),
	    cmocka_unit_test(no_place_in_a_name_is_overlooked),
	    cmocka_unit_test(directory_and_basename_split_at_the_last_slash),
	    cmocka_unit_test(names_that_need_nothing_come_out_as_any_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "condition/glob.h"
#include "condition/path_set.h"
#include "condition/regex.h"

#include <fnmatch.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void globs_match_what_fnmatch_matches(void **state)
{
	static const char *const patterns[] = {
	    "",
	    "*",
	    "**",
	    "?",
	    "a",
	    "a*",
	    "*a",
	    "*a*",
	    "a?c",
	    "a*b*c",
	    "[abc]",
	    "[a-c]",
	    "[!a-c]",
	    "[^a-c]",
	    "[]a]",
	    "[!]a]",
	    "[a-]",
	    "[-a]",
	    "[",
	    "[a",
	    "a[",
	    "[]",
	    "[!",
	    "[!]",
	    "\\*",
	    "\\a",
	    "a\\",
	    "\\",
	    "[\\]]",
	    "[\\a-c]",
	    "[a\\]",
	    "[[:alpha:]]",
	    "[[:digit:]x]",
	    "[![:space:]]",
	    "[[:alpha:]-z]",
	    "[[:upper:]]",
	    "[[.a.]]",
	    "[[=a=]]",
	    "[[.a.]-c]",
	    "[c-a]",
	    "[A-C]",
	    "ABC",
	    "*.[ch]",
	    "/usr/*/bin",
	    "*[0-9]*",
	    "a[*]b",
	    "a[?]b",
	    "[[]",
	    "[a[]",
	    "[[:lower:]]",
	    "[z-a]*",
	    "?*?",
	    "*?",
	    "[[:xdigit:]]",
	};
	static const char *const texts[] = {
	    "",
	    "a",
	    "b",
	    "c",
	    "A",
	    "abc",
	    "aXc",
	    "ABC",
	    "aabbcc",
	    "a*b",
	    "a?b",
	    "]",
	    "-",
	    "[",
	    "[a",
	    "a[",
	    "\\",
	    "*",
	    "\\a",
	    "a\\",
	    "x.c",
	    "x.o",
	    "1",
	    "x1y",
	    "/usr/local/bin",
	    "/usr/bin",
	    "[]",
	    "[!",
	    "[!]",
	    " ",
	    "z",
	    ":",
	    "[:",
	    "\xff",
	    ("a\xff"
	     "c"),
	    "Z",
	    "g",
	    "ac",
	    "[x",
	    "=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			/* Folding of [.a.] is what glibc has of its own. */
			int most = strstr(patterns[i], "[.") || strstr(patterns[i], "[=") ? 1 : 2;
			for (int folds = 0; folds < most; folds++) {
				bool want =
				    fnmatch(patterns[i], texts[j], folds ? FNM_CASEFOLD : 0) == 0;
				char what[100];

				snprintf(what, sizeof(what), "%s against %s%s", patterns[i],
					 texts[j], folds ? ", folded" : "");
				check_i64(
				    glob_matches(str_from(patterns[i]), str_from(texts[j]), folds),
				    want, what);
			}
		}
	}
}

static void random_globs_match_what_fnmatch_matches(void **state)
{
	static const char pattern_bytes[] = "ab*?[]!-^\\.:cA";
	static const char text_bytes[] = "ab[]!-\\cA*";
	unsigned seed = 12345;

	(void)state;
	for (int round = 0; round < 300000; round++) {
		char pattern[9], text[9];
		size_t p = (size_t)rand_r(&seed) % sizeof(pattern);
		size_t t = (size_t)rand_r(&seed) % sizeof(text);
		bool folds = rand_r(&seed) % 2;

		for (size_t i = 0; i < p; i++)
			pattern[i] =
			    pattern_bytes[(size_t)rand_r(&seed) % (sizeof(pattern_bytes) - 1)];
		for (size_t i = 0; i < t; i++)
			text[i] = text_bytes[(size_t)rand_r(&seed) % (sizeof(text_bytes) - 1)];
		pattern[p] = text[t] = '\0';

		char what[64];

		snprintf(what, sizeof(what), "%s against %s%s", pattern, text,
			 folds ? ", folded" : "");
		check_i64(glob_matches(str_from(pattern), str_from(text), folds),
			  fnmatch(pattern, text, folds ? FNM_CASEFOLD : 0) == 0, what);
	}
}

static void path_sets_cover_by_whole_components(void **state)
{
	static const struct {
		const char *prefixes[4];
		const char *path;
		bool want;
	} cases[] = {
	    {{"/usr/bin"}, "/usr/bin", true},
	    {{"/usr/bin"}, "/usr/bin/ls", true},
	    {{"/usr/bin"}, "/usr/bins", false},
	    {{"/usr/bin"}, "/usr", false},
	    {{"/usr/bin"}, "/", false},
	    {{"/usr/bin"}, "", false},
	    {{"/usr/bin/"}, "/usr/bin", true},
	    {{"usr//bin"}, "/usr/bin/ls", true},
	    {{"/usr/bin"}, "usr/bin/ls", true},
	    {{"/usr/bin"}, "//usr///bin//ls", true},
	    {{"/"}, "/x", true},
	    {{"/"}, "", true},
	    {{""}, "x", true},
	    {{"/etc", "/usr/lib", "/usr"}, "/usr/libexec", true},
	    {{"/etc", "/usr/lib", "/var/run"}, "/var/run/docker", true},
	    {{"/etc", "/usr/lib", "/var/run"}, "/var/lib/messages", false},
	    {{"/etc", "/usr/lib", "/var/run"}, "/var", false},
	    {{"/home/*/.ssh"}, "/home/joe/.ssh/id", true},
	    {{"/home/*/.ssh"}, "/home/joe/x/.ssh", false},
	    {{"/home/*/.ssh"}, "/home/.ssh", false},
	    {{"/ho?e", "/x*"}, "/xyz/a", true},
	    {{"/h[a-p]me"}, "/home", true},
	    {{NULL}, "/", false},
	    {{NULL}, "", false},
	    {{"bash"}, "bash", true},
	    {{":/usr"}, ":/usr/share", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct str prefixes[4];
		size_t n = 0;

		for (; n < 4 && cases[i].prefixes[n]; n++)
			prefixes[n] = str_from(cases[i].prefixes[n]);
		check_i64(path_set_covers(path_set_new(a, prefixes, n), str_from(cases[i].path)),
			  cases[i].want, cases[i].path);
	}
}

static void large_path_sets_answer_as_one_by_one(void **state)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	struct str prefixes[2000];

	(void)state;
	for (size_t i = 0; i < 2000; i++)
		prefixes[i] =
		    arena_printf(a, "/a%zu/b%zu%s", i % 37, i * 7 % 101, i % 3 ? "" : "/c");

	const struct path_set *set = path_set_new(a, prefixes, 2000);

	for (size_t i = 0; i < 5000; i++) {
		struct str path =
		    arena_printf(a, "/a%zu/b%zu/%s", i % 41, i % 103, i % 2 ? "c" : "d");
		bool want = false;

		for (size_t k = 0; k < 2000; k++)
			want |= path_is_prefix(prefixes[k], path);
		check_i64(path_set_covers(set, path), want, path.p);
	}
}

static void regexes_match_whole_values_in_posix_syntax(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} cases[] = {
	    {"a", "a", true},
	    {"a", "ab", false},
	    {"a", "ba", false},
	    {"a.*", "abc", true},
	    {"^a$", "a", true},
	    {".*\\.sh", "x.sh", true},
	    {"[[:alpha:]]+", "abc", true},
	    {"[[:alpha:]]+", "ab1", false},
	    {"(a|b)+", "abba", true},
	    {"", "", true},
	    {"", "a", false},
	    {"a{2,3}", "aaaa", false},
	    {".", "\xc3\xa9", true},
	};
	static const char *const broken[] = {"(", "[a", "*a", "a{2,1}", "\\d+", "(?i)abc"};
	char message[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct regex *r =
		    regex_new(cases[i].pattern, strlen(cases[i].pattern), message, sizeof(message));

		if (!r)
			check_str(str_from(message), "no error", cases[i].pattern);
		check_i64(regex_matches(r, cases[i].text, strlen(cases[i].text)), cases[i].want,
			  cases[i].pattern);
		regex_free(r);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct regex *r = regex_new(broken[i], strlen(broken[i]), message, sizeof(message));

		check_i64(r != NULL, false, broken[i]);
		check_i64(message[0] != '\0', true, broken[i]);
	}
}

static void hostile_patterns_and_values_take_bounded_time(void **state)
{
	static char value[4097];
	static const char *const globs[] = {
	    "*a*a*a*a*a*a*a*a*a*a*a*a*b",
	    "*?*?*?*?*?*?*?*?*?*b",
	    "*[ab]*[ab]*[ab]*[ab]*[c]",
	};
	static const char *const regexes[] = {"(a*)*b", "(a|aa)+b", "(.*)(.*)(.*)(.*)(.*)b",
					      "a{1,100}a{1,100}b"};
	char message[200];
	double start = now();

	(void)state;
	memset(value, 'a', 4096);
	for (int round = 0; round < 10; round++) {
		for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++)
			assert_false(glob_matches(str_from(globs[i]), str_from(value), false));
	}
	for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
		struct regex *r =
		    regex_new(regexes[i], strlen(regexes[i]), message, sizeof(message));

		assert_non_null(r);
		for (int round = 0; round < 10; round++)
			assert_false(regex_matches(r, value, 4096));
		regex_free(r);
	}
	/* Backtracking would take years; sanitizers and a busy machine a second at most. */
	assert_true(now() - start < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(globs_match_what_fnmatch_matches),
	    cmocka_unit_test(random_globs_match_what_fnmatch_matches),
	    cmocka_unit_test(path_sets_cover_by_whole_components),
	    cmocka_unit_test(large_path_sets_answer_as_one_by_one),
	    cmocka_unit_test(regexes_match_whole_values_in_posix_syntax),
	    cmocka_unit_test(hostile_patterns_and_values_take_bounded_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

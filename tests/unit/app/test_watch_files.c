/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are watched: every way in which they may change is seen, and nothing else. */
#include "app/watch_files.h"

#include "../unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The test stands in a directory of its own:
 *   file  link -> dir/target  dir/target  rules.d/1.yaml  volume/..data -> ..1  volume/..1/file
 *   volume/file -> ..data/file; nothing is at missing/file
 */
static char place[] = "/tmp/saker-test-XXXXXX";

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static int make_place(void **state)
{
	(void)state;
	if (!mkdtemp(place) || chdir(place) < 0)
		return -1;
	put("file");
	mkdir("dir", 0700);
	put("dir/target");
	assert_int_equal(symlink("dir/target", "link"), 0);
	mkdir("rules.d", 0700);
	put("rules.d/1.yaml");
	mkdir("volume", 0700);
	mkdir("volume/..1", 0700);
	mkdir("volume/..2", 0700);
	put("volume/..1/file");
	put("volume/..2/file");
	assert_int_equal(symlink("..1", "volume/..data"), 0);
	assert_int_equal(symlink("..data/file", "volume/file"), 0);
	return 0;
}

static int remove_place(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", place);
	return chdir("/") < 0 || system(command) != 0;
}

static struct watch_files *watch_all(void)
{
	static const char *const files[] = {"file", "link", "volume/file", "missing/file"};
	struct watch_files *w = watch_files_new(NULL);
	struct error err = {0};

	assert_non_null(w);
	watch_files_begin(w);
	for (size_t i = 0; i < 4; i++)
		if (watch_files_add(w, files[i], &err) < 0)
			fail_msg("%s: %s", files[i], err.message);
	assert_int_equal(watch_files_add_directory(w, "rules.d", &err), 0);
	watch_files_end(w);
	return w;
}

static void write_file(void)
{
	put("file");
}

static void rename_over_file(void)
{
	put("file.new");
	assert_int_equal(rename("file.new", "file"), 0);
}

static void remove_file(void)
{
	assert_int_equal(unlink("file"), 0);
}

static void make_file_again(void)
{
	put("file");
}

static void write_target(void)
{
	put("dir/target");
}

static void point_link_elsewhere(void)
{
	assert_int_equal(symlink("file", "link.new"), 0);
	assert_int_equal(rename("link.new", "link"), 0);
}

static void swap_volume(void)
{
	assert_int_equal(symlink("..2", "volume/..tmp"), 0);
	assert_int_equal(rename("volume/..tmp", "volume/..data"), 0);
}

static void make_missing_directory(void)
{
	assert_int_equal(mkdir("missing", 0700), 0);
}

static void put_missing(void)
{
	put("missing/file");
}

static void add_rules(void)
{
	put("rules.d/2.yaml");
}

static void remove_rules(void)
{
	assert_int_equal(unlink("rules.d/2.yaml"), 0);
}

static void read_file(void)
{
	int fd = open("file", O_RDONLY | O_CLOEXEC);
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
}

static void write_others(void)
{
	put("other");
	put("dir/other");
	put("volume/other");
	unlink("other");
}

static void every_change_is_seen_and_nothing_else(void **state)
{
	static const struct {
		const char *what;
		void (*act)(void);
		bool concerns;
	} cases[] = {
	    {"written in place", write_file, true},
	    {"read", read_file, false},
	    {"others", write_others, false},
	    {"renamed over", rename_over_file, true},
	    {"removed", remove_file, true},
	    {"made again", make_file_again, true},
	    {"a link's target", write_target, true},
	    {"a link", point_link_elsewhere, true},
	    {"a link on the way", swap_volume, true},
	    {"a directory that was missing", make_missing_directory, true},
	    {"a file that was missing", put_missing, true},
	    {"one more in a directory", add_rules, true},
	    {"one less in a directory", remove_rules, true},
	};
	struct watch_files *w = watch_all();
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_false(watch_files_take(w));
		cases[i].act();
		if (watch_files_take(w) != cases[i].concerns)
			fail_msg("%s: %s", cases[i].what,
				 cases[i].concerns ? "not seen" : "should not matter");
		if (!cases[i].concerns)
			continue;
		/* As a reload does: ways may lead elsewhere now. */
		watch_files_free(w);
		w = watch_all();
	}
	watch_files_free(w);
}

static void what_is_named_no_more_is_forgotten(void **state)
{
	struct watch_files *w = watch_all();
	(void)state;

	watch_files_begin(w);
	assert_int_equal(watch_files_add(w, "dir/target", NULL), 0);
	watch_files_end(w);
	put("file");
	assert_int_equal(mkdir("rules.d/more", 0700), 0);
	assert_false(watch_files_take(w));
	put("dir/target");
	assert_true(watch_files_take(w));
	watch_files_free(w);
}

/* Nobody watched while it was read. */
static void a_change_since_then_is_known(void **state)
{
	struct watch_files *w = watch_all();
	struct timespec ts;
	uint64_t now;
	(void)state;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	put("file");
	now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	assert_true(watch_files_has_changed(w, now));
	assert_false(watch_files_has_changed(w, now + 1000000000));
	watch_files_free(w);
}

/* Links in a circle and names without end are no trouble. */
static void ways_that_lead_nowhere_end(void **state)
{
	static char name[8192];
	struct watch_files *w = watch_files_new(NULL);
	struct error err = {0};
	(void)state;

	assert_int_equal(symlink("circle", "circle"), 0);
	watch_files_begin(w);
	assert_int_equal(watch_files_add(w, "circle", &err), 0);
	assert_int_equal(watch_files_add(w, "circle/more", &err), 0);
	assert_int_equal(watch_files_add(w, "../././..//../", &err), 0);
	memset(name, 'a', sizeof(name) - 1);
	assert_true(watch_files_add(w, name, &err) < 0);
	for (size_t i = 0; i + 1 < sizeof(name); i += 2)
		memcpy(name + i, "./", 2);
	name[4000] = '\0';
	watch_files_add(w, name, &err);
	watch_files_end(w);
	watch_files_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_change_is_seen_and_nothing_else),
	    cmocka_unit_test(what_is_named_no_more_is_forgotten),
	    cmocka_unit_test(a_change_since_then_is_known),
	    cmocka_unit_test(ways_that_lead_nowhere_end),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}

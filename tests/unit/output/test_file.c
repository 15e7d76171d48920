/* SPDX-License-Identifier: Apache-2.0 */
/* The file output: what is in it, whatever happens to the file and the disk. */
#include "outputs_unit.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static struct outputs_options file_options(const char *path, bool keep_alive)
{
	return (struct outputs_options){
	    .file = {.is_enabled = true, .path = path, .keep_alive = keep_alive}};
}

static void lines_are_appended(void **state)
{
	(void)state;
	for (int keep_alive = 0; keep_alive < 2; keep_alive++) {
		const char *path = in_directory(keep_alive ? "kept" : "reopened");
		struct outputs_options options = file_options(path, keep_alive);
		FILE *f = fopen(path, "we");
		struct outputs *o;

		fputs("before\n", f);
		fclose(f);
		o = outputs_or_fail(&options);
		send_text(o, SEVERITY_WARNING, "first");
		/* At once, without a drain. */
		WAIT_UNTIL(strcmp(text_of(path), "before\nfirst\n") == 0);
		send_text(o, SEVERITY_WARNING, "second");
		send_text(o, SEVERITY_WARNING, "third");
		outputs_drain(o, PATIENCE_MS);
		check_str(str_from(text_of(path)), "before\nfirst\nsecond\nthird\n", "file");
		check_i64(counters_of(o).sent, 3, "sent");
		outputs_free(o);
	}
}

static void a_line_end_in_an_alert_does_not_make_two_lines(void **state)
{
	const char *path = in_directory("one-line");
	struct outputs_options options = file_options(path, true);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "a\nb\n");
	outputs_drain(o, PATIENCE_MS);
	check_str(str_from(text_of(path)), "a b \n", "file");
	outputs_free(o);
}

static void a_moved_file_is_made_anew_when_asked(void **state)
{
	const char *path = in_directory("rotated"), *moved = in_directory("rotated.1");
	struct outputs_options options = file_options(path, true);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "old");
	WAIT_UNTIL(counters_of(o).sent == 1);
	assert_int_equal(rename(path, moved), 0);
	outputs_reopen(o);
	/* Without an alert: who rotates waits for the new file. */
	WAIT_UNTIL(access(path, F_OK) == 0);
	send_text(o, SEVERITY_WARNING, "new");
	outputs_drain(o, PATIENCE_MS);
	check_str(str_from(text_of(moved)), "old\n", "moved");
	check_str(str_from(text_of(path)), "new\n", "new");
	outputs_free(o);
}

static void a_moved_file_is_noticed_without_being_told(void **state)
{
	const char *path = in_directory("noticed"), *moved = in_directory("noticed.1");
	struct outputs_options options = file_options(path, true);
	struct outputs *o = outputs_or_fail(&options);
	unsigned sent = 1;
	(void)state;

	send_text(o, SEVERITY_WARNING, "line");
	WAIT_UNTIL(counters_of(o).sent == 1);
	assert_int_equal(rename(path, moved), 0);
	while (access(path, F_OK) != 0) {
		send_text(o, SEVERITY_WARNING, "line");
		sent++;
		WAIT_UNTIL(counters_of(o).sent == sent);
		poll(NULL, 0, 20);
		assert_true(sent < 500);
	}
	outputs_free(o);
}

static void a_file_that_cannot_be_opened_is_tried_again(void **state)
{
	const char *path = in_directory("later/file");
	struct outputs_options options = file_options(path, true);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "waits");
	send_text(o, SEVERITY_WARNING, "waits too");
	WAIT_UNTIL(counters_of(o).retries >= 1);
	check_i64(counters_of(o).failed, 0, "none is given up");
	assert_int_equal(mkdir(in_directory("later"), 0755), 0);
	WAIT_UNTIL(counters_of(o).sent == 2);
	check_str(str_from(text_of(path)), "waits\nwaits too\n", "file");
	outputs_free(o);
}

static void what_cannot_be_written_until_the_end_is_counted(void **state)
{
	struct outputs_options options = file_options("/dev/full", true);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	for (int i = 0; i < 10; i++)
		send_text(o, SEVERITY_WARNING, "lost");
	outputs_drain(o, 200);
	check_i64(counters_of(o).failed, 10, "failed");
	check_i64(counters_of(o).sent, 0, "sent");
	outputs_free(o);
}

/* A disk of our own, which is full soon. */
static bool mount_small_disk(const char *path)
{
	mkdir(path, 0755);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", path, "tmpfs", 0, "size=64k") == 0;
}

static void check_whole_lines(const char *path, unsigned count)
{
	const char *at = text_of(path);
	char want[1100];

	for (unsigned i = 0; i < count; i++) {
		int n = sprintf(want, "%04u %01000d\n", i, 0);

		if (strncmp(at, want, (size_t)n) != 0)
			fail_msg("line %u is \"%.40s...\"", i, at);
		at += n;
	}
	assert_int_equal(*at, '\0');
}

static void a_full_disk_costs_no_line_and_leaves_no_part_of_one(void **state)
{
	const char *disk = in_directory("disk"), *path = in_directory("disk/file"),
		   *filler = in_directory("disk/filler");
	struct outputs_options options = file_options(path, true);
	static char block[48 * 1024];
	struct outputs *o;
	const char *text;
	char line[1100];
	FILE *f;
	(void)state;

	if (!mount_small_disk(disk)) {
		if (getenv("CI"))
			fail_msg("cannot mount a small disk: needs root");
		fprintf(stderr, "# SKIP: cannot mount a small disk\n");
		skip();
	}
	f = fopen(filler, "we");
	assert_int_equal(fwrite(block, sizeof(block), 1, f), 1);
	fclose(f);
	o = outputs_or_fail(&options);
	for (int i = 0; i < 40; i++) {
		sprintf(line, "%04d %01000d", i, 0);
		send_text(o, SEVERITY_WARNING, line);
	}
	WAIT_UNTIL(counters_of(o).retries >= 2);
	text = text_of(path);
	assert_true(text[0] && text[strlen(text) - 1] == '\n');
	assert_true(counters_of(o).sent > 0 && counters_of(o).sent < 40);
	check_i64(counters_of(o).failed, 0, "failed");
	unlink(filler);
	WAIT_UNTIL(counters_of(o).sent == 40);
	check_whole_lines(path, 40);
	outputs_free(o);
	umount(disk);
}

static void a_named_pipe_that_nobody_reads_holds_nobody(void **state)
{
	const char *path = in_directory("pipe");
	struct outputs_options options = file_options(path, true);
	struct outputs *o;
	char text[64] = "";
	int fd;
	(void)state;

	assert_int_equal(mkfifo(path, 0600), 0);
	o = outputs_or_fail(&options);
	send_text(o, SEVERITY_WARNING, "early");
	WAIT_UNTIL(counters_of(o).retries >= 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 6);
	assert_string_equal(text, "early\n");
	close(fd);
	outputs_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_appended),
	    cmocka_unit_test(a_line_end_in_an_alert_does_not_make_two_lines),
	    cmocka_unit_test(a_moved_file_is_made_anew_when_asked),
	    cmocka_unit_test(a_moved_file_is_noticed_without_being_told),
	    cmocka_unit_test(a_file_that_cannot_be_opened_is_tried_again),
	    cmocka_unit_test(what_cannot_be_written_until_the_end_is_counted),
	    cmocka_unit_test(a_full_disk_costs_no_line_and_leaves_no_part_of_one),
	    cmocka_unit_test(a_named_pipe_that_nobody_reads_holds_nobody),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

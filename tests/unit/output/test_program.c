/* SPDX-License-Identifier: Apache-2.0 */
/* The program output: what programs read, and what becomes of those that do not do well. */
#include "outputs_unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static char command[512];

static struct outputs_options program_options(bool keep_alive, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct outputs_options program_options(bool keep_alive, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return (struct outputs_options){
	    .timeout_ms = 200,
	    .program = {.is_enabled = true, .command = command, .keep_alive = keep_alive}};
}

static void check_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void one_program_an_alert(void **state)
{
	const char *path = in_directory("once");
	struct outputs_options options = program_options(false, "(cat; echo end) >> '%s'", path);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	options.timeout_ms = PATIENCE_MS;
	send_text(o, SEVERITY_WARNING, "first");
	send_text(o, SEVERITY_WARNING, "second");
	WAIT_UNTIL(counters_of(o).sent == 2);
	check_str(str_from(text_of(path)), "first\nend\nsecond\nend\n", "file");
	outputs_free(o);
	check_no_children();
}

static void one_program_for_all_alerts(void **state)
{
	const char *path = in_directory("kept");
	struct outputs_options options = program_options(true, "(cat; echo end) >> '%s'", path);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "first");
	WAIT_UNTIL(text_of(path) && strcmp(text_of(path), "first\n") == 0);
	send_text(o, SEVERITY_WARNING, "second");
	outputs_drain(o, PATIENCE_MS);
	check_str(str_from(text_of(path)), "first\nsecond\nend\n", "file");
	check_i64(counters_of(o).sent, 2, "sent");
	outputs_free(o);
	check_no_children();
}

static void a_program_is_started_anew_when_asked(void **state)
{
	const char *path = in_directory("again");
	struct outputs_options options = program_options(true, "(cat; echo end) >> '%s'", path);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "first");
	WAIT_UNTIL(counters_of(o).sent == 1);
	outputs_reopen(o);
	WAIT_UNTIL(text_of(path) && strcmp(text_of(path), "first\nend\n") == 0);
	send_text(o, SEVERITY_WARNING, "second");
	outputs_drain(o, PATIENCE_MS);
	check_str(str_from(text_of(path)), "first\nend\nsecond\nend\n", "file");
	outputs_free(o);
	check_no_children();
}

static void a_program_that_fails_has_failed_its_alert(void **state)
{
	struct outputs_options options = program_options(false, "grep -q good");
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "good");
	send_text(o, SEVERITY_WARNING, "bad");
	WAIT_UNTIL(counters_of(o).sent + counters_of(o).failed == 2);
	check_i64(counters_of(o).failed, 1, "failed");
	outputs_free(o);
}

static void a_program_need_not_read(void **state)
{
	struct outputs_options options = program_options(false, "exec <&-");
	struct outputs *o;
	static char text[200000];
	(void)state;

	memset(text, 'x', sizeof(text) - 1);
	options.timeout_ms = PATIENCE_MS;
	o = outputs_or_fail(&options);
	send_text(o, SEVERITY_WARNING, text);
	WAIT_UNTIL(counters_of(o).sent == 1);
	outputs_free(o);
}

/* Each reads one line to its end and dies: the next one gets all that is left. */
static void lines_that_a_dead_program_had_not_read_go_to_the_next(void **state)
{
	const char *path = in_directory("relay");
	struct outputs_options options =
	    program_options(true, "read line; echo \"$line\" >> '%s'", path);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	for (int i = 0; i < 5; i++) {
		char text[16];

		sprintf(text, "line %d", i);
		send_text(o, SEVERITY_WARNING, text);
	}
	outputs_drain(o, PATIENCE_MS);
	outputs_free(o);
	check_str(str_from(text_of(path)), "line 0\nline 1\nline 2\nline 3\nline 4\n", "file");
	check_no_children();
}

static void a_program_that_dies_is_started_again_ever_later(void **state)
{
	const char *path = in_directory("starts");
	struct outputs_options options = program_options(true, "echo x >> '%s'; exit 3", path);
	struct outputs *o = outputs_or_fail(&options);
	int64_t start = worker_now();
	size_t starts;
	(void)state;

	for (int i = 0; i < 100; i++)
		send_text(o, SEVERITY_WARNING, "never read");
	WAIT_UNTIL(counters_of(o).retries >= 4);
	/* 50 ms, 100, 200, 400, less a fifth. */
	assert_true(worker_now() - start >= INT64_C(500000000));
	outputs_drain(o, 100);
	starts = strlen(text_of(path)) / 2;
	assert_true(starts >= 4 && starts <= 7);
	check_i64(counters_of(o).sent, 0, "sent");
	check_i64(counters_of(o).failed, 100, "failed");
	outputs_free(o);
	check_no_children();
}

static bool is_alive(const char *pid_file)
{
	const char *text = text_of(pid_file);

	return text && *text && kill(atoi(text), 0) == 0;
}

static void a_program_that_reads_nothing_is_killed_with_its_children(void **state)
{
	const char *path = in_directory("pid");
	(void)state;

	for (int keep_alive = 0; keep_alive < 2; keep_alive++) {
		struct outputs_options options =
		    program_options(keep_alive, "sleep 1000 & echo $! > '%s'; wait", path);
		static char text[200000];
		struct outputs *o = outputs_or_fail(&options);

		memset(text, 'x', sizeof(text) - 1);
		send_text(o, SEVERITY_WARNING, text);
		WAIT_UNTIL(counters_of(o).failed == 1);
		WAIT_UNTIL(!is_alive(path));
		outputs_free(o);
		check_no_children();
	}
}

static void a_slow_program_is_not_killed(void **state)
{
	const char *path = in_directory("slow");
	struct outputs_options options = program_options(
	    true, "while read line; do sleep 0.05; echo \"${line%%%% *}\"; done >> '%s'", path);
	char text[8000], want[400] = "";
	struct outputs *o;
	(void)state;

	/* It must get at the processor in between, however busy that is. */
	options.timeout_ms = 600;
	o = outputs_or_fail(&options);
	/* Much more than a pipe takes, and 600 ms do not suffice for half of it. */
	for (int i = 0; i < 30; i++) {
		sprintf(text, "%d %07000d", i, 0);
		send_text(o, SEVERITY_WARNING, text);
		sprintf(want + strlen(want), "%d\n", i);
	}
	outputs_drain(o, PATIENCE_MS);
	check_i64(counters_of(o).sent, 30, "sent");
	check_str(str_from(text_of(path)), want, "file");
	outputs_free(o);
}

static void what_a_program_left_unread_at_the_end_is_counted(void **state)
{
	struct outputs_options options = program_options(true, "read line; exec sleep 1000");
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	for (int i = 0; i < 10; i++)
		send_text(o, SEVERITY_WARNING, "line");
	WAIT_UNTIL(counters_of(o).queued == 0);
	outputs_drain(o, 500);
	check_i64(counters_of(o).sent, 1, "sent");
	check_i64(counters_of(o).failed, 9, "failed");
	outputs_free(o);
	check_no_children();
}

static void signals_and_descriptors_of_ours_are_not_the_programs(void **state)
{
	const char *path = in_directory("inherited"), *own = in_directory("own"), *ignored;
	struct outputs_options options = program_options(
	    false, "(grep -E 'Sig(Blk|Ign)' /proc/self/status; ls -l /proc/self/fd) > '%s'", path);
	int fd = open(own, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "x");
	WAIT_UNTIL(counters_of(o).sent == 1);
	assert_non_null(strstr(text_of(path), "SigBlk:\t0000000000000000\n"));
	/* The C library keeps two after SIGSYS, the last of the classic ones, to itself. */
	ignored = strstr(text_of(path), "SigIgn:");
	assert_non_null(ignored);
	check_i64(strtoull(ignored + 7, NULL, 16) & 0x7fffffff, 0, "ignored signals");
	assert_null(strstr(text_of(path), own));
	assert_null(strstr(text_of(path), "eventfd"));
	outputs_free(o);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_program_an_alert),
	    cmocka_unit_test(one_program_for_all_alerts),
	    cmocka_unit_test(a_program_is_started_anew_when_asked),
	    cmocka_unit_test(a_program_that_fails_has_failed_its_alert),
	    cmocka_unit_test(a_program_need_not_read),
	    cmocka_unit_test(lines_that_a_dead_program_had_not_read_go_to_the_next),
	    cmocka_unit_test(a_program_that_dies_is_started_again_ever_later),
	    cmocka_unit_test(a_program_that_reads_nothing_is_killed_with_its_children),
	    cmocka_unit_test(a_slow_program_is_not_killed),
	    cmocka_unit_test(what_a_program_left_unread_at_the_end_is_counted),
	    cmocka_unit_test(signals_and_descriptors_of_ours_are_not_the_programs),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The queue and the outputs' threads; runs under ThreadSanitizer as well. */
#include "output/queue.h"
#include "outputs_unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PRODUCERS = 4, ITEMS = 20000 };

struct producer {
	struct queue *queue;
	uintptr_t number;
	size_t refused;
};

static void *produce(void *argument)
{
	struct producer *p = argument;

	for (uintptr_t i = 1; i <= ITEMS; i++) {
		while (!queue_push(p->queue, (void *)(p->number << 32 | i))) {
			p->refused++;
			sched_yield();
		}
	}
	return NULL;
}

static void everything_comes_once_and_in_each_producers_order(void **state)
{
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	uintptr_t last[PRODUCERS] = {0};
	struct queue queue;
	size_t count = 0;
	(void)state;

	assert_int_equal(queue_init(&queue, 64), 0);
	for (uintptr_t i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){&queue, i, 0};
		pthread_create(&threads[i], NULL, produce, &producers[i]);
	}
	while (count < PRODUCERS * ITEMS) {
		uintptr_t item = (uintptr_t)queue_pop(&queue);

		if (!item) {
			/* Long enough that a lost wake shows as a test that takes for ever. */
			queue_wait(&queue, -1, 60000);
			continue;
		}
		check_i64(item & UINT32_MAX, last[item >> 32] + 1, "order");
		last[item >> 32]++;
		count++;
	}
	for (size_t i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	assert_null(queue_pop(&queue));
	queue_release(&queue);
}

static void a_full_queue_refuses(void **state)
{
	struct queue queue;
	char items[5];
	(void)state;

	assert_int_equal(queue_init(&queue, 4), 0);
	for (int i = 0; i < 4; i++)
		assert_true(queue_push(&queue, &items[i]));
	assert_false(queue_push(&queue, &items[4]));
	assert_ptr_equal(queue_pop(&queue), &items[0]);
	assert_true(queue_push(&queue, &items[4]));
	for (int i = 1; i < 5; i++)
		assert_ptr_equal(queue_pop(&queue), &items[i]);
	assert_null(queue_pop(&queue));
	queue_release(&queue);
}

static size_t read_all(int fd, char *to, size_t room)
{
	size_t n = 0;
	ssize_t got;

	while (n < room && (got = read(fd, to + n, room - n)) > 0)
		n += (size_t)got;
	return n;
}

static void send_line(struct outputs *o, enum severity priority, struct str line)
{
	struct alert alert = {.priority = priority, .line = line};

	outputs_send(o, &alert);
}

static void a_line_comes_at_once(void **state)
{
	struct outputs_options options = {.to_stdout = true};
	struct outputs *o;
	char text[64] = "";
	int fds[2];
	(void)state;

	assert_int_equal(pipe(fds), 0);
	options.stdout_fd = fds[1];
	o = outputs_new(&options, NULL);
	send_line(o, SEVERITY_WARNING, STR("one line"));
	/* Blocks until the worker has written; nobody drains. */
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 9);
	assert_string_equal(text, "one line\n");
	outputs_free(o);
	close(fds[0]);
	close(fds[1]);
}

static void a_reader_that_does_not_read_delays_nobody(void **state)
{
	struct outputs_options options = {.to_stdout = true, .queue_capacity = 16};
	struct channel_counters counters;
	char line[8000];
	struct outputs *o;
	int fds[2];
	(void)state;

	memset(line, 'x', sizeof(line));
	assert_int_equal(pipe(fds), 0);
	options.stdout_fd = fds[1];
	o = outputs_new(&options, NULL);
	for (int i = 0; i < 1000; i++)
		send_line(o, SEVERITY_WARNING, (struct str){line, sizeof(line)});
	outputs_drain(o, 100);
	assert_int_equal(outputs_counters(o, &counters, 1), 1);
	check_i64(counters.sent + counters.dropped + counters.failed, 1000, "all are counted");
	assert_true(counters.dropped > 900);
	outputs_free(o);
	close(fds[0]);
	close(fds[1]);
}

static void what_is_queued_is_delivered_at_the_end(void **state)
{
	for (int is_buffered = 0; is_buffered < 2; is_buffered++) {
		struct outputs_options options = {.to_stdout = true, .is_buffered = is_buffered};
		char path[] = "/tmp/saker-test-XXXXXX", text[256], want[64];
		static char long_line[100000], all[4 * 1000 * 1000];
		struct channel_counters counters;
		struct outputs *o;
		size_t n, at = 0;
		(void)state;

		options.stdout_fd = mkstemp(path);
		assert_true(options.stdout_fd >= 0);
		o = outputs_new(&options, NULL);
		memset(long_line, 'y', sizeof(long_line));
		for (int i = 0; i < 5000; i++)
			send_line(o, SEVERITY_WARNING,
				  (struct str){text, (size_t)sprintf(text, "line %d", i)});
		send_line(o, SEVERITY_WARNING, (struct str){long_line, sizeof(long_line)});
		send_line(o, SEVERITY_WARNING, STR("last"));
		outputs_drain(o, 10000);
		outputs_counters(o, &counters, 1);
		check_i64(counters.sent, 5002, "sent");
		check_i64(counters.dropped + counters.failed, 0, "lost");
		outputs_free(o);
		lseek(options.stdout_fd, 0, SEEK_SET);
		n = read_all(options.stdout_fd, all, sizeof(all));
		for (int i = 0; i < 5000; i++) {
			size_t length = (size_t)sprintf(want, "line %d\n", i);

			assert_memory_equal(all + at, want, length);
			at += length;
		}
		assert_memory_equal(all + at, long_line, sizeof(long_line));
		at += sizeof(long_line);
		assert_memory_equal(all + at, "\nlast\n", 6);
		check_i64(n, at + 6, "size");
		close(options.stdout_fd);
		unlink(path);
	}
}

/* As a reload does: what is the same goes on, with what it has counted; the rest is new or ends. */
static void outputs_whose_options_are_the_same_are_taken_over(void **state)
{
	char first_path[] = "/tmp/saker-test-XXXXXX", second_path[] = "/tmp/saker-test-XXXXXX";
	int first_fd = mkstemp(first_path), second_fd = mkstemp(second_path), fds[2];
	struct outputs_options options = {.to_stdout = true}, changed;
	struct channel_counters counters[CHANNELS_MAX];
	struct outputs *old, *o;
	char text[64] = "";
	(void)state;

	assert_int_equal(pipe(fds), 0);
	options.stdout_fd = fds[1];
	options.file.is_enabled = true;
	options.file.path = first_path;
	changed = options;
	changed.file.path = second_path;
	old = outputs_new(&options, NULL);
	send_line(old, SEVERITY_WARNING, STR("before"));
	o = outputs_renew(old, &options, &changed, NULL);
	assert_non_null(o);
	check_i64(outputs_counters(o, counters, CHANNELS_MAX), 2, "channels");
	assert_true(counters[0].is_shared);
	assert_false(counters[1].is_shared);
	outputs_drain(old, 10000);
	assert_true(outputs_is_drained(old));
	outputs_counters(old, counters, CHANNELS_MAX);
	check_i64(counters[1].sent, 1, "sent by the old file");
	outputs_free(old);
	send_line(o, SEVERITY_WARNING, STR("after"));
	outputs_drain(o, 10000);
	outputs_counters(o, counters, CHANNELS_MAX);
	assert_string_equal(counters[0].name, "stdout");
	check_i64(counters[0].sent, 2, "sent by what was taken over");
	check_i64(counters[1].sent, 1, "sent by the new file");
	assert_false(counters[0].is_shared);
	outputs_free(o);
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 13);
	assert_string_equal(text, "before\nafter\n");
	check_i64(read_all(first_fd, text, sizeof(text)), 7, "the old file");
	check_i64(read_all(second_fd, text, sizeof(text)), 6, "the new file");
	close(fds[0]);
	close(fds[1]);
	close(first_fd);
	close(second_fd);
	unlink(first_path);
	unlink(second_path);
}

/* Each of these makes a channel another one. */
static void other_options_make_other_outputs(void **state)
{
	struct outputs_options a = {.to_stdout = true, .stdout_fd = STDERR_FILENO}, b;
	const struct outputs_options changes[] = {
	    {.to_stdout = true, .stdout_fd = STDERR_FILENO, .is_buffered = true},
	    {.to_stdout = true, .stdout_fd = STDERR_FILENO, .queue_capacity = 7},
	    {.to_stdout = true, .stdout_fd = STDERR_FILENO, .recovery = RECOVERY_EXIT},
	    {.to_stdout = true, .stdout_fd = STDERR_FILENO, .timeout_ms = 5},
	    {.to_stdout = true, .stdout_fd = STDOUT_FILENO},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct outputs *old = outputs_new(&a, NULL), *o;
		struct channel_counters counters;

		b = changes[i];
		o = outputs_renew(old, &a, &b, NULL);
		outputs_counters(o, &counters, 1);
		assert_false(counters.is_shared);
		outputs_free(old);
		outputs_free(o);
	}
}

static void a_closed_pipe_is_counted(void **state)
{
	struct outputs_options options = {.to_stdout = true};
	struct channel_counters counters;
	struct outputs *o;
	int fds[2];
	(void)state;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	options.stdout_fd = fds[1];
	o = outputs_new(&options, NULL);
	for (int i = 0; i < 10; i++)
		send_line(o, SEVERITY_WARNING, STR("lost"));
	outputs_drain(o, 1000);
	outputs_counters(o, &counters, 1);
	check_i64(counters.failed, 10, "failed");
	outputs_free(o);
	close(fds[1]);
}

/* All that the worker still writes, when the reader begins to read. */
static const char *delivered_by(struct outputs *o, int fd)
{
	static char all[1 << 20];
	size_t n = 0;

	outputs_begin_drain(o, PATIENCE_MS);
	for (bool is_last = false; !is_last;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};

		is_last = outputs_is_drained(o);
		while (poll(&wait, 1, 10) > 0)
			n += (size_t)read(fd, all + n, sizeof(all) - n - 1);
	}
	all[n] = '\0';
	outputs_drain(o, 0);
	return all;
}

/* Nobody reads: what becomes of alerts for which there is no room. */
static void a_full_queue_does_what_is_configured(void **state)
{
	static const struct {
		enum outputs_recovery recovery;
		bool must_exit, last_is_kept;
	} rows[] = {{RECOVERY_CONTINUE, false, false},
		    {RECOVERY_EXIT, true, false},
		    {RECOVERY_EMPTY, false, true}};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct outputs_options options = {
		    .to_stdout = true, .queue_capacity = 4, .recovery = rows[i].recovery};
		struct channel_counters counters;
		struct outputs *o;
		char text[32], filler[70000];
		const char *all;
		int fds[2];

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		options.stdout_fd = fds[1];
		o = outputs_or_fail(&options);
		memset(filler, 'x', sizeof(filler));
		/* More than the pipe takes, so that the worker waits with it. */
		for (int k = 0; k < 2; k++)
			send_line(o, SEVERITY_WARNING, (struct str){filler, sizeof(filler)});
		WAIT_UNTIL(counters_of(o).queued <= 1);
		assert_false(outputs_must_exit(o));
		for (int k = 0; k < 10; k++)
			send_line(o, SEVERITY_WARNING,
				  (struct str){text, (size_t)sprintf(text, "alert %d", k)});
		counters = counters_of(o);
		assert_true(counters.queued <= 4);
		assert_true(counters.dropped >= 6);
		assert_int_equal(outputs_must_exit(o), rows[i].must_exit);
		all = delivered_by(o, fds[0]);
		assert_int_equal(strstr(all, "alert 9\n") != NULL, rows[i].last_is_kept);
		counters = counters_of(o);
		check_i64(counters.sent + counters.dropped + counters.failed, 12, "all counted");
		check_i64(counters.failed, 0, "failed");
		outputs_free(o);
		close(fds[0]);
		close(fds[1]);
	}
}

static void send_numbered(struct outputs *o, enum severity priority, const char *what, int count)
{
	char text[32];

	for (int i = 0; i < count; i++)
		send_line(o, priority, (struct str){text, (size_t)sprintf(text, "%s %d", what, i)});
}

/* Nobody reads, and there are more of the others than there is room for, before and after. */
static void a_flood_keeps_no_urgent_alert_out(void **state)
{
	enum { URGENT = QUEUE_RESERVE_LEAST, FLOOD = 1000 };
	static const struct {
		enum outputs_recovery recovery;
		enum severity urgent;
		int count, kept;
	} rows[] = {
	    {RECOVERY_CONTINUE, SEVERITY_CRITICAL, URGENT, URGENT},
	    {RECOVERY_CONTINUE, SEVERITY_EMERGENCY, URGENT, URGENT},
	    {RECOVERY_EMPTY, SEVERITY_CRITICAL, URGENT, URGENT},
	    /* No more than there is room for. */
	    {RECOVERY_CONTINUE, SEVERITY_CRITICAL, URGENT + 3, URGENT},
	    /* Errors are not among them. */
	    {RECOVERY_CONTINUE, SEVERITY_ERROR, URGENT, 0},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct outputs_options options = {
		    .to_stdout = true, .queue_capacity = 40, .recovery = rows[i].recovery};
		struct channel_counters c;
		struct outputs *o;
		char filler[70000];
		const char *all;
		int fds[2], came = 0;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		options.stdout_fd = fds[1];
		o = outputs_or_fail(&options);
		memset(filler, 'x', sizeof(filler));
		for (int k = 0; k < 2; k++)
			send_line(o, SEVERITY_WARNING, (struct str){filler, sizeof(filler)});
		WAIT_UNTIL(counters_of(o).queued <= 1);
		send_numbered(o, SEVERITY_NOTICE, "before", FLOOD);
		send_numbered(o, rows[i].urgent, "urgent", rows[i].count);
		send_numbered(o, SEVERITY_NOTICE, "after", FLOOD);
		c = counters_of(o);
		assert_true(c.queued <= 40 + QUEUE_RESERVE_LEAST);
		all = delivered_by(o, fds[0]);
		for (const char *at = all; (at = strstr(at, "urgent ")); at++) {
			check_i64(atoi(at + strlen("urgent ")), came, "in their order");
			came++;
		}
		check_i64(came, rows[i].kept, "urgent ones that came");
		c = counters_of(o);
		check_i64(c.sent + c.dropped + c.failed, 2 + 2 * FLOOD + rows[i].count,
			  "all are counted");
		check_i64(c.dropped_urgent,
			  rows[i].urgent == SEVERITY_ERROR ? 0 : rows[i].count - came,
			  "urgent drops");
		check_i64(c.drops[OUTPUT_DROP_FULL] + c.drops[OUTPUT_DROP_EMPTIED], c.dropped,
			  "by cause");
		assert_int_equal(c.drops[OUTPUT_DROP_EMPTIED] > 0,
				 rows[i].recovery == RECOVERY_EMPTY);
		outputs_free(o);
		close(fds[0]);
		close(fds[1]);
	}
}

/* With the setting that drops what waits, urgent ones make room for their own alone. */
static void urgent_alerts_make_room_for_urgent_ones(void **state)
{
	enum { ROOM = 40 + QUEUE_RESERVE_LEAST };
	struct outputs_options options = {
	    .to_stdout = true, .queue_capacity = 40, .recovery = RECOVERY_EMPTY};
	struct channel_counters c;
	struct outputs *o;
	char filler[70000];
	const char *all;
	int fds[2];
	(void)state;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	options.stdout_fd = fds[1];
	o = outputs_or_fail(&options);
	memset(filler, 'x', sizeof(filler));
	send_line(o, SEVERITY_WARNING, (struct str){filler, sizeof(filler)});
	WAIT_UNTIL(counters_of(o).queued == 0);
	send_numbered(o, SEVERITY_CRITICAL, "old", ROOM);
	send_numbered(o, SEVERITY_NOTICE, "other", 1);
	check_i64(counters_of(o).dropped, 1, "an ordinary one is what is dropped");
	send_numbered(o, SEVERITY_CRITICAL, "new", 1);
	c = counters_of(o);
	check_i64(c.dropped_urgent, ROOM, "the old ones made room");
	all = delivered_by(o, fds[0]);
	assert_non_null(strstr(all, "new 0\n"));
	assert_null(strstr(all, "old "));
	outputs_free(o);
	close(fds[0]);
	close(fds[1]);
}

struct sender {
	struct outputs *outputs;
	int number;
};

static void *send_many(void *argument)
{
	const struct sender *s = argument;
	char text[64];

	for (int i = 0; i < 500; i++)
		send_line(s->outputs, SEVERITY_WARNING,
			  (struct str){text, (size_t)sprintf(text, "%d %d", s->number, i)});
	return NULL;
}

/* What a reload does: new outputs to the same file, while the old ones still have alerts. */
static void replaced_outputs_lose_nothing_and_write_no_line_twice(void **state)
{
	const char *path = in_directory("reloads");
	struct outputs_options options = {
	    .file = {.is_enabled = true, .path = path, .keep_alive = true}};
	enum { ROUNDS = 20, SENDERS = 2 };
	static unsigned seen[ROUNDS * SENDERS][500];
	struct outputs *old[ROUNDS];
	struct channel_counters counters;
	const char *at;
	(void)state;

	for (int round = 0; round < ROUNDS; round++) {
		struct sender senders[SENDERS];
		pthread_t threads[SENDERS];

		options.file.keep_alive = round % 2;
		old[round] = outputs_or_fail(&options);
		if (round > 0)
			outputs_begin_drain(old[round - 1], PATIENCE_MS);
		for (int i = 0; i < SENDERS; i++) {
			senders[i] = (struct sender){old[round], round * SENDERS + i};
			pthread_create(&threads[i], NULL, send_many, &senders[i]);
		}
		for (int i = 0; i < SENDERS; i++)
			pthread_join(threads[i], NULL);
		/* Rotations in between do no harm. */
		outputs_reopen(old[round]);
	}
	for (int round = 0; round < ROUNDS; round++) {
		outputs_drain(old[round], PATIENCE_MS);
		assert_true(outputs_is_drained(old[round]));
		counters = counters_of(old[round]);
		check_i64(counters.sent, SENDERS * 500, "sent");
		outputs_free(old[round]);
	}
	for (at = text_of(path); *at; at = strchr(at, '\n') + 1) {
		int number, i;

		assert_int_equal(sscanf(at, "%d %d", &number, &i), 2);
		seen[number][i]++;
	}
	for (int n = 0; n < ROUNDS * SENDERS; n++)
		for (int i = 0; i < 500; i++)
			check_i64(seen[n][i], 1, "times a line is in the file");
}

static void no_outputs_are_fine(void **state)
{
	struct outputs_options options = {.queue_capacity = 0};
	struct outputs *o = outputs_or_fail(&options);
	struct channel_counters counters;
	(void)state;

	send_line(o, SEVERITY_WARNING, STR("to nobody"));
	outputs_reopen(o);
	check_i64(outputs_counters(o, &counters, 1), 0, "channels");
	outputs_drain(o, PATIENCE_MS);
	outputs_free(o);
	outputs_free(NULL);
	outputs_reopen(NULL);
	outputs_check(NULL);
	assert_false(outputs_must_exit(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everything_comes_once_and_in_each_producers_order),
	    cmocka_unit_test(a_full_queue_refuses),
	    cmocka_unit_test(a_line_comes_at_once),
	    cmocka_unit_test(a_reader_that_does_not_read_delays_nobody),
	    cmocka_unit_test(what_is_queued_is_delivered_at_the_end),
	    cmocka_unit_test(outputs_whose_options_are_the_same_are_taken_over),
	    cmocka_unit_test(other_options_make_other_outputs),
	    cmocka_unit_test(a_closed_pipe_is_counted),
	    cmocka_unit_test(a_full_queue_does_what_is_configured),
	    cmocka_unit_test(a_flood_keeps_no_urgent_alert_out),
	    cmocka_unit_test(urgent_alerts_make_room_for_urgent_ones),
	    cmocka_unit_test(replaced_outputs_lose_nothing_and_write_no_line_twice),
	    cmocka_unit_test(no_outputs_are_fine),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

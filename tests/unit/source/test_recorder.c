/* SPDX-License-Identifier: Apache-2.0 */
/* What has threads: the queue, the recorder, the ring of captures. Runs under TSan, too. */
#include "recorded.h"

#include "source/capture_files.h"
#include "source/capture_ring.h"
#include "source/record_queue.h"
#include "source/recorder.h"
#include "state/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

enum { ROOM = 8192, PUSHED = 20000 };

_Alignas(8) static uint8_t memory[ROOM];

static void *push_all(void *argument)
{
	struct record_queue *q = argument;
	_Alignas(8) uint8_t own[ROOM];
	struct task_facts task = recorded_task(5, 5);
	uint64_t refused = 0;

	for (uint64_t i = 0; i < PUSHED; i++) {
		char name[64];

		/* Records of all sizes. */
		snprintf(name, sizeof(name), "/%0*d", (int)(1 + i % 50), 0);
		recorded_open(own, sizeof(own), &task, name, NULL);
		while (!record_queue_push(q, (const struct record *)own, (struct str){"", 0}, i, 1,
					  false))
			refused++;
	}
	return (void *)(uintptr_t)refused;
}

static void records_come_out_as_they_went_in(void **unused)
{
	struct record_queue q;
	uint64_t at = 0, count = 0;
	pthread_t thread;

	(void)unused;
	assert_int_equal(record_queue_init(&q, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, push_all, &q), 0);
	while (count < PUSHED) {
		const struct queued_record *r = record_queue_at(&q, &at);

		if (!r) {
			record_queue_wait(&q, 1);
			continue;
		}
		struct event e;
		check_i64(r->time, count, "the next record");
		assert_int_equal(event_decode(&e, r + 1, r->size - sizeof(*r), NULL), 0);
		check_i64(e.params[2].n, 3 + count % 50, "its name");
		at += r->size;
		count++;
		if (count % 16 == 0)
			record_queue_release(&q, at);
	}
	pthread_join(thread, NULL);
	record_queue_free(&q);
}

static void a_full_queue_refuses_and_an_annex_is_added(void **unused)
{
	struct record_queue q;
	struct task_facts task = recorded_task(5, 5);
	const struct record *r = recorded_open(memory, ROOM, &task, "/x", NULL);
	struct {
		struct annex_item item;
		char text[8];
	} annex = {{.kind = ANNEX_CGROUPS, .size = 5, .subject = ANNEX_OF_TASK}, "cpu=/"};
	uint64_t at = 0, count = 0;
	struct event e;

	(void)unused;
	assert_int_equal(record_queue_init(&q, 0), 0);
	while (record_queue_push(&q, r, (struct str){(const char *)&annex, sizeof(annex)}, 1, 1,
				 false))
		count++;
	assert_in_range(count, q.size / 1000, q.size / 100);
	const struct queued_record *first = record_queue_at(&q, &at);
	assert_int_equal(event_decode(&e, first + 1, first->size - sizeof(*first), NULL), 0);
	const struct annex_item *found = event_annex_find(&e, ANNEX_CGROUPS, -1);
	assert_non_null(found);
	check_str(annex_str(found), "cpu=/", "the annex");
	record_queue_release(&q, at + first->size);
	assert_true(record_queue_push(&q, r, (struct str){"", 0}, 1, 1, false));
	record_queue_free(&q);
}

static struct event made_event(const char *name, uint64_t time, uint64_t number)
{
	static struct task_facts task;
	struct event e;

	task = recorded_task(5, 5);
	recorded_open(memory, ROOM, &task, name, NULL);
	assert_int_equal(event_decode(&e, memory, ROOM, NULL), 0);
	e.time = time;
	e.number = number;
	return e;
}

static void what_is_pushed_is_in_the_file(void **unused)
{
	struct capture_write_options options = {.has_enter_events = true};
	struct recorder_options recorder_options = {0};
	char path[256];
	struct capture_writer *w =
	    capture_writer_open(recorded_path(path, sizeof(path), "recorder"), &options, NULL);
	struct recorder *r = recorder_new(w, &recorder_options, NULL);

	(void)unused;
	assert_non_null(r);
	for (unsigned i = 0; i < 1000; i++) {
		struct event e = made_event("/x", i, i);

		recorder_push(r, &e, (struct str){"", 0}, 1, false);
	}
	recorder_stop(r);
	check_i64(recorder_counters(r).recorded + recorder_counters(r).dropped, 1000, "counted");
	check_i64(recorder_counters(r).dropped, 0, "dropped");
	recorder_free(r);
	unlink(path);
}

static unsigned events_of(const char *path)
{
	struct capture *c = capture_open(path, NULL);
	struct capture_item item;
	unsigned n = 0;

	assert_non_null(c);
	while (capture_next(c, &item, NULL) == 1)
		n += item.kind == CAPTURE_EVENT && item.event.recorded.is_there;
	capture_close(c);
	return n;
}

/* The only file of a directory, or how many there are. */
static unsigned files_of(const char *directory, char *path, size_t room)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, room, "%s/%s", directory, entry->d_name);
		n++;
	}
	closedir(dir);
	return n;
}

static void remove_all(const char *directory)
{
	char path[512];

	while (files_of(directory, path, sizeof(path)))
		unlink(path);
	rmdir(directory);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct capture_ring *open_ring(const char *prefix, uint64_t max_file_bytes)
{
	struct state *state = state_new(&(struct state_options){.max_threads = 100}, NULL);
	struct capture_ring_options options = {
	    .path_prefix = prefix,
	    .before_bytes = 1 << 20,
	    .max_file_bytes = max_file_bytes,
	    .max_threads = 100,
	    .host = {.host_root = "", .hostname = STR("host")},
	};

	state_become_recorded(state);
	struct capture_ring *r = capture_ring_new(&options, state, NULL);
	assert_non_null(r);
	state_free(state);
	return r;
}

static void push(struct capture_ring *r, struct event *e)
{
	capture_ring_push(r, e, (struct str){"", 0}, 1);
}

static void a_capture_has_what_came_before_and_after(void **unused)
{
	char directory[256], prefix[300], path[600];
	uint64_t time = now();

	(void)unused;
	assert_int_equal(mkdir(recorded_path(directory, sizeof(directory), "ring"), 0700), 0);
	snprintf(prefix, sizeof(prefix), "%s/c", directory);
	struct capture_ring *r = open_ring(prefix, 0);
	for (unsigned i = 0; i < 10; i++) {
		struct event e = made_event("/before", time + i, i);
		push(r, &e);
	}
	struct event alert = made_event("/alert", time + 10, 10);
	push(r, &alert);
	assert_false(capture_ring_is_active(r, &alert));
	capture_ring_alert(r, &alert, 100);
	assert_true(capture_ring_is_active(r, &alert));
	for (unsigned i = 0; i < 5; i++) {
		struct event e = made_event("/after", time + 11 + i, 11 + i);
		push(r, &e);
	}
	struct event late = made_event("/late", time + 111, 20);
	push(r, &late);
	assert_false(capture_ring_is_active(r, &late));
	capture_ring_stop(r);
	check_i64(capture_ring_counters(r).captures, 1, "captures");
	check_i64(capture_ring_counters(r).events, 16, "events");
	capture_ring_free(r);
	check_i64(files_of(directory, path, sizeof(path)), 1, "files");
	check_i64(events_of(path), 16, "events in the file");
	remove_all(directory);
}

static void an_event_ends_a_capture_and_an_alert_begins_the_next(void **unused)
{
	char directory[256], prefix[300], path[600];
	uint64_t time = now();

	(void)unused;
	assert_int_equal(mkdir(recorded_path(directory, sizeof(directory), "ring"), 0700), 0);
	snprintf(prefix, sizeof(prefix), "%s/c", directory);
	struct capture_ring *r = open_ring(prefix, 0);
	struct event e = made_event("/alert", time, 1);
	push(r, &e);
	capture_ring_alert(r, &e, UINT64_C(1000000000000));
	struct event stop = made_event("/stop", time + 1, 2);
	push(r, &stop);
	capture_ring_end(r, &stop);
	struct event other = made_event("/other", time + 2, 3);
	push(r, &other);
	e = made_event("/alert", time + 3, 4);
	push(r, &e);
	capture_ring_alert(r, &e, UINT64_C(1000000000000));
	capture_ring_stop(r);
	check_i64(capture_ring_counters(r).captures, 2, "captures");
	check_i64(capture_ring_counters(r).events, 4, "events");
	capture_ring_free(r);
	check_i64(files_of(directory, path, sizeof(path)), 2, "files");
	remove_all(directory);
}

static void captures_that_cannot_be_made_are_counted(void **unused)
{
	struct capture_ring *r = open_ring("/nowhere/at/all", 0);
	struct event e = made_event("/alert", now(), 1);

	(void)unused;
	push(r, &e);
	capture_ring_alert(r, &e, 1);
	capture_ring_stop(r);
	check_i64(capture_ring_counters(r).captures, 0, "captures");
	check_i64(capture_ring_counters(r).failed, 1, "failed");
	capture_ring_free(r);
}

static void make_file(const char *prefix, uint64_t time, size_t bytes)
{
	char path[512];

	assert_true(capture_file_name(path, sizeof(path), prefix, time, 7));
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < bytes; i++)
		fputc('x', f);
	fclose(f);
}

static void the_oldest_files_are_removed(void **unused)
{
	static const struct {
		size_t max_files;
		uint64_t max_bytes;
		size_t left;
	} cases[] = {{0, 0, 5}, {3, 0, 3}, {10, 0, 5}, {0, 250, 2}, {4, 250, 2}, {0, 1, 0}};
	char directory[256], prefix[300], path[600], name[64];

	(void)unused;
	capture_file_name(name, sizeof(name), "p", 12, 34);
	assert_string_equal(name, "p_00000000000000000012_00000000000000000034.scap");
	assert_false(capture_file_name(name, 20, "p", 12, 34));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(mkdir(recorded_path(directory, sizeof(directory), "files"), 0700),
				 0);
		snprintf(prefix, sizeof(prefix), "%s/c", directory);
		for (uint64_t t = 1; t <= 5; t++)
			make_file(prefix, t, 100);
		/* Somebody else's, whose name only looks alike. */
		snprintf(path, sizeof(path), "%s/c_mine.scap", directory);
		fclose(fopen(path, "w"));
		capture_files_limit(prefix, cases[i].max_files, cases[i].max_bytes);
		check_i64(files_of(directory, path, sizeof(path)), cases[i].left + 1, "files left");
		remove_all(directory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_come_out_as_they_went_in),
	    cmocka_unit_test(a_full_queue_refuses_and_an_annex_is_added),
	    cmocka_unit_test(what_is_pushed_is_in_the_file),
	    cmocka_unit_test(a_capture_has_what_came_before_and_after),
	    cmocka_unit_test(an_event_ends_a_capture_and_an_alert_begins_the_next),
	    cmocka_unit_test(captures_that_cannot_be_made_are_counted),
	    cmocka_unit_test(the_oldest_files_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

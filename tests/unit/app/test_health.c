/* SPDX-License-Identifier: Apache-2.0 */
/* What a monitor tells of itself, second by second: lost events, missing heartbeats, silence. */
#include "app/event_drops.h"
#include "app/heart.h"

#include "../unit.h"

#include <sys/syscall.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

/* A judge whose alerts go into a pipe. */
struct place {
	struct config config;
	struct policy policy;
	struct judge_terms terms;
	struct judge judge;
	struct counts counts;
	int fds[2];
	char line[ALERT_LINE_MAX];
	unsigned beats;
};

static struct place *place_new(void)
{
	struct place *p = calloc(1, sizeof(*p));
	struct outputs_options options = {.to_stdout = true};

	assert_int_equal(pipe(p->fds), 0);
	options.stdout_fd = p->fds[1];
	p->config.drops = (struct config_drops){
	    .threshold = 0.1, .actions = DROP_ALERT, .rate = 1.0 / 30, .max_burst = 2};
	p->config.event_timeouts_max = 1000;
	p->policy.config = &p->config;
	p->terms.policy = &p->policy;
	p->terms.outputs = outputs_new(&options, NULL);
	p->terms.alert_options = (struct alert_options){.is_json = true, .hostname = "host"};
	p->judge.terms = &p->terms;
	p->judge.line = p->line;
	p->counts.source_count = 1;
	return p;
}

/* All that was told; how often `what` is in it. */
static unsigned place_free(struct place *p, const char *what, char *text, size_t room)
{
	unsigned count = 0;
	ssize_t n, at = 0;

	outputs_free(p->terms.outputs);
	close(p->fds[1]);
	while ((n = read(p->fds[0], text + at, room - 1 - (size_t)at)) > 0)
		at += n;
	text[at] = '\0';
	close(p->fds[0]);
	for (const char *found = text; (found = strstr(found, what)); found++)
		count++;
	free(p);
	return count;
}

static void beat(void *context)
{
	((struct place *)context)->beats++;
}

static void hear(struct heart *h)
{
	struct record record = {.syscall_nr = SYS_chdir}, other = {.syscall_nr = SYS_openat};
	struct event e = {.record = &other};

	assert_false(heart_hears(h, &e));
	e.record = &record;
	assert_true(heart_hears(h, &e));
}

static void a_heart_that_is_heard_is_well(void **state)
{
	static char text[65536];
	struct place *p = place_new();
	struct heart h;
	unsigned beats;
	(void)state;

	heart_init(&h, beat, p);
	for (uint64_t second = 1; second < 100; second++) {
		beats = p->beats;
		heart_look(&h, &p->judge, second, 0, second * SECOND);
		/* Heard before the next look, or only after it. */
		if (h.is_awaited && (second % 2 || beats == p->beats))
			hear(&h);
	}
	check_i64(p->beats, 20, "beats");
	check_i64(h.lost, 0, "lost");
	check_i64(place_free(p, "\"rule\"", text, sizeof(text)), 0, text);
}

static void missed_beats_are_told_until_one_is_heard(void **state)
{
	static char text[65536];
	struct place *p = place_new();
	struct heart h;
	(void)state;

	heart_init(&h, beat, p);
	for (uint64_t second = 1; second <= 80; second++) {
		heart_look(&h, &p->judge, second, 0, second * SECOND);
		check_i64(h.is_blind, second >= 8, "after the second that was missed");
	}
	/* The next beat. */
	while (!h.is_awaited)
		heart_look(&h, &p->judge, 100, 0, (81 + p->beats) * SECOND);
	hear(&h);
	heart_look(&h, &p->judge, 200, 0, 200 * SECOND);
	assert_false(h.is_blind);
	check_i64(place_free(p, "Saker internal: events do not arrive\"", text, sizeof(text)), 2,
		  text);
}

static void a_beat_that_may_have_been_lost_is_not_missed(void **state)
{
	static char text[65536];
	struct place *p = place_new();
	struct heart h;
	(void)state;

	heart_init(&h, beat, p);
	for (uint64_t second = 1; second < 100; second++)
		heart_look(&h, &p->judge, second, second * 10, second * SECOND);
	assert_false(h.is_blind);
	check_i64(place_free(p, "\"rule\"", text, sizeof(text)), 0, text);
}

static void a_monitor_that_was_held_up_says_so(void **state)
{
	static char text[65536];
	struct place *p = place_new();
	struct heart h;
	(void)state;

	heart_init(&h, beat, p);
	/* The first look may be as late as it likes; nine seconds are a busy machine. */
	for (uint64_t second = 1000; second < 1100; second += 9) {
		heart_look(&h, &p->judge, second, 0, second * SECOND);
		if (h.is_awaited)
			hear(&h);
	}
	check_i64(h.held_up, 0, "nine seconds");
	heart_look(&h, &p->judge, 2000, 0, 2000 * SECOND);
	heart_look(&h, &p->judge, 2001, 0, 2001 * SECOND);
	check_i64(h.held_up, 1, "nine hundred");
	check_i64(place_free(p, "Saker internal: held up. For 901 seconds", text, sizeof(text)), 1,
		  text);
	assert_non_null(strstr(text, "\"seconds\":901"));
}

static void silence_is_told_as_falco_does(void **state)
{
	static char text[65536];
	struct place *p = place_new();
	struct heart h;
	(void)state;

	heart_init(&h, beat, p);
	/* 1000 waits of 30 ms. */
	for (uint64_t second = 1; second <= 65; second++) {
		if (h.is_awaited)
			hear(&h);
		heart_look(&h, &p->judge, 7, 0, second * SECOND);
	}
	check_i64(place_free(p,
			     "Falco internal: timeouts notification. 1000 consecutive timeouts "
			     "without event.",
			     text, sizeof(text)),
		  2, text);
	assert_non_null(strstr(text, "{\"last_event_time\":\"none\"}"));
	assert_non_null(strstr(text, "\"priority\":\"Debug\""));
}

/* Each second so many events and losses; how many alerts that gives. */
static void lost_events_are_told_above_the_threshold_and_not_too_often(void **state)
{
	static const struct {
		const char *what;
		unsigned seconds;
		uint64_t events, dropped;
		double threshold;
		bool simulates;
		int64_t alerts;
	} cases[] = {
	    {"none is lost", 100, 1000, 0, 0, false, 0},
	    {"as many as the threshold", 100, 90, 10, 0.1, false, 0},
	    {"more", 2, 90, 11, 0.1, false, 2},
	    {"the burst is used up", 20, 90, 11, 0.1, false, 2},
	    {"one more in thirty seconds", 62, 90, 11, 0.1, false, 4},
	    {"a threshold of all", 100, 0, 100, 1, false, 0},
	    {"simulated", 2, 1000, 0, 1, true, 2},
	};
	static char text[65536];
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct place *p = place_new();
		struct event_drops d;

		p->config.drops.threshold = cases[i].threshold;
		p->config.drops.simulate_drops = cases[i].simulates;
		event_drops_init(&d, NULL, &p->config);
		for (uint64_t second = 1; second <= cases[i].seconds + 1; second++) {
			p->counts.sources[0].read += cases[i].events;
			p->counts.sources[0].dropped += cases[i].dropped;
			assert_true(event_drops_look(&d, &p->judge, &p->counts, second * SECOND));
		}
		check_i64(place_free(p, "\"rule\":\"Falco internal: syscall event drop\"", text,
				     sizeof(text)),
			  cases[i].alerts, cases[i].what);
	}
}

static void lost_events_end_the_program_where_that_is_configured(void **state)
{
	static char text[65536];
	struct place *p = place_new();
	struct event_drops d;
	(void)state;

	p->config.drops.actions = DROP_EXIT;
	event_drops_init(&d, NULL, &p->config);
	assert_true(event_drops_look(&d, &p->judge, &p->counts, SECOND));
	p->counts.sources[0].dropped = 5;
	assert_false(event_drops_look(&d, &p->judge, &p->counts, 2 * SECOND));
	check_i64(place_free(p, "rule", text, sizeof(text)), 0, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_heart_that_is_heard_is_well),
	    cmocka_unit_test(missed_beats_are_told_until_one_is_heard),
	    cmocka_unit_test(a_beat_that_may_have_been_lost_is_not_missed),
	    cmocka_unit_test(a_monitor_that_was_held_up_says_so),
	    cmocka_unit_test(silence_is_told_as_falco_does),
	    cmocka_unit_test(lost_events_are_told_above_the_threshold_and_not_too_often),
	    cmocka_unit_test(lost_events_end_the_program_where_that_is_configured),
	};

	log_configure(SEVERITY_EMERGENCY, 0, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

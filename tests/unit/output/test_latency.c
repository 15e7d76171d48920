/* SPDX-License-Identifier: Apache-2.0 */
#include "outputs_unit.h"

#include <time.h>

#define MS UINT64_C(1000000)

static void times_fall_into_the_bucket_that_holds_them(void **state)
{
	struct latency l = {0};

	(void)state;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		latency_add(&l, latency_bound(i));
		latency_add(&l, latency_bound(i) + 1);
	}
	check_i64(l.counts[0], 1, "the first");
	for (size_t i = 1; i < LATENCY_BUCKETS; i++)
		check_i64(l.counts[i], 2, "a bucket");
	check_i64(l.counts[LATENCY_BUCKETS], 1, "beyond the last");
	check_i64(latency_count(&l), 2 * LATENCY_BUCKETS, "all");
	for (size_t i = 1; i < LATENCY_BUCKETS; i++)
		assert_true(latency_bound(i) > latency_bound(i - 1));
}

static void quantiles_are_bounds_of_buckets(void **state)
{
	static const struct {
		uint64_t fast, slow, endless; /* how many took 1 ms, 25 ms, hours */
		double share;
		uint64_t want;
	} cases[] = {
	    {0, 0, 0, 0.99, 0},        {1, 0, 0, 0.99, MS},           {99, 1, 0, 0.99, MS},
	    {98, 2, 0, 0.99, 25 * MS}, {98, 2, 0, 0.5, MS},           {0, 0, 1, 0.99, UINT64_MAX},
	    {99, 0, 1, 0.99, MS},      {99, 0, 1, 0.999, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct latency l = {0};

		for (uint64_t k = 0; k < cases[i].fast; k++)
			latency_add(&l, MS);
		for (uint64_t k = 0; k < cases[i].slow; k++)
			latency_add(&l, 25 * MS);
		for (uint64_t k = 0; k < cases[i].endless; k++)
			latency_add(&l, 3600 * 1000 * MS);
		check_i64(latency_quantile(&l, cases[i].share), cases[i].want, "quantile");
	}
}

static void sums_are_of_both(void **state)
{
	struct latency a = {0}, b = {0};

	(void)state;
	latency_add(&a, MS);
	latency_add(&b, MS);
	latency_add(&b, 1000 * MS);
	latency_merge(&a, &b);
	check_i64(latency_count(&a), 3, "count");
	check_i64(a.sum, 1002 * MS, "sum");
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec;
}

/* Alerts whose events were so long ago; with none of those that have no time. */
static struct channel_counters deliver(bool is_buffered, unsigned timed, unsigned untimed,
				       uint64_t ago)
{
	struct outputs_options options = {
	    .is_buffered = is_buffered,
	    .queue_capacity = 8192,
	    .file = {.is_enabled = true, .path = "/dev/null", .keep_alive = true},
	};
	struct outputs *o = outputs_or_fail(&options);
	struct channel_counters counters;
	uint64_t time = now() - ago;

	for (unsigned i = 0; i < timed + untimed; i++) {
		struct alert alert = {.time = i < timed ? time : 0, .line = STR("line")};

		outputs_send(o, &alert);
	}
	outputs_drain(o, PATIENCE_MS);
	counters = counters_of(o);
	outputs_free(o);
	check_i64(counters.sent, timed + untimed, "sent");
	return counters;
}

static void every_alert_with_a_time_is_measured(void **state)
{
	struct channel_counters counters = deliver(false, 200, 50, 0);

	(void)state;
	check_i64(latency_count(&counters.latency), 200, "measured");
	counters = deliver(false, 20, 0, 70 * 1000 * MS);
	check_i64(counters.latency.counts[LATENCY_BUCKETS], 20, "over a minute");
	assert_true(counters.latency.sum >= 20 * 70 * 1000 * MS);
	/* A clock that was set back. */
	counters = deliver(false, 20, 0, (uint64_t)-3600 * 1000 * MS);
	check_i64(counters.latency.counts[0], 20, "from the future");
}

static void alerts_that_a_channel_keeps_are_measured_when_they_go(void **state)
{
	struct channel_counters counters = deliver(true, 400, 0, 0);

	(void)state;
	check_i64(latency_count(&counters.latency), 400, "measured");
	/* Of more than there is room for some are not measured, and none twice. */
	counters = deliver(true, 8000, 0, 0);
	assert_in_range(latency_count(&counters.latency), PENDING_MAX, 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_fall_into_the_bucket_that_holds_them),
	    cmocka_unit_test(quantiles_are_bounds_of_buckets),
	    cmocka_unit_test(sums_are_of_both),
	    cmocka_unit_test(every_alert_with_a_time_is_measured),
	    cmocka_unit_test(alerts_that_a_channel_keeps_are_measured_when_they_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The ring reader over rings in memory that the test fills as the kernel would. */
#include "../unit.h"
#include "source/ring.h"

enum { RING_BYTES = 4096, RINGS = 3, HEADER = 8, ALL = 1 << 20 };
#define BUSY (1u << 31)
#define DISCARD (1u << 30)

struct fake_ring {
	unsigned long consumer, producer;
	_Alignas(8) uint8_t data[RING_BYTES];
};

struct scene {
	struct fake_ring memory[RINGS];
	struct ring rings[RINGS];
	size_t count;
	struct buffer_of_times {
		uint64_t times[ALL / 64];
		uint32_t sizes[ALL / 64];
		size_t count;
	} got;
};

static struct scene *scene_new(size_t rings, unsigned long start)
{
	struct scene *s = test_calloc(1, sizeof(*s));

	s->count = rings;
	for (size_t i = 0; i < rings; i++) {
		s->memory[i].consumer = s->memory[i].producer = start;
		ring_attach(&s->rings[i], &s->memory[i].consumer, &s->memory[i].producer,
			    s->memory[i].data, RING_BYTES);
	}
	return s;
}

static void scene_free(struct scene *s)
{
	for (size_t i = 0; i < s->count; i++)
		ring_unmap(&s->rings[i]);
	test_free(s);
}

static void put(struct fake_ring *r, uint64_t position, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		r->data[(position + i) % RING_BYTES] = ((const uint8_t *)from)[i];
}

/* Writes a record whose payload begins with its time and goes on with a pattern; false: no room. */
static bool produce(struct fake_ring *r, uint64_t time, uint32_t size, uint32_t flags)
{
	uint32_t header[2] = {size | flags, 0};
	unsigned long total = (size + HEADER + 7) & ~7ul;

	if (r->producer + total - r->consumer > RING_BYTES)
		return false;
	put(r, r->producer, header, sizeof(header));
	for (uint32_t i = 8; i < size; i++) {
		uint8_t pattern = (uint8_t)(time + i);

		put(r, r->producer + HEADER + i, &pattern, 1);
	}
	put(r, r->producer + HEADER, &time, size < 8 ? size : 8);
	r->producer += total;
	return true;
}

static void commit(struct fake_ring *r, unsigned long position, uint32_t size)
{
	put(r, position, &size, sizeof(size));
}

static bool time_of(const struct ring *r, uint64_t payload, uint32_t size, uint64_t *time)
{
	if (size < sizeof(*time))
		return false;
	ring_copy(r, payload, time, sizeof(*time));
	return true;
}

static void remember(void *context, const void *payload, uint32_t size)
{
	struct scene *s = context;
	uint64_t time;

	memcpy(&time, payload, sizeof(time));
	for (uint32_t i = 8; i < size; i++)
		if (((const uint8_t *)payload)[i] != (uint8_t)(time + i))
			fail_msg("record %llu: byte %u is damaged", (unsigned long long)time, i);
	s->got.times[s->got.count] = time;
	s->got.sizes[s->got.count++] = size;
}

static size_t merge(struct scene *s, uint64_t now)
{
	return ring_merge(s->rings, s->count, now, time_of, remember, s);
}

/* Checks the times that came since the last check. */
static void check_times(struct scene *s, const char *want, const char *what)
{
	char text[1024] = "";
	size_t n = 0;

	for (size_t i = 0; i < s->got.count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%llu", i ? " " : "",
				      (unsigned long long)s->got.times[i]);
	check_str(str_from(text), want, what);
	s->got.count = 0;
}

/*
 * Rows: what is in the rings, as "ring:time" with ! for busy and - for discarded, and in which
 * order it must come out at time 100.
 */
static const struct {
	const char *what, *records, *want;
} orders[] = {
    {"nothing", "", ""},
    {"one ring keeps its order", "0:1 0:2 0:3", "1 2 3"},
    {"two rings are merged by time", "0:1 1:2 0:4 1:3 2:5", "1 2 3 4 5"},
    {"runs of one ring", "1:10 1:11 1:12 0:13 0:14", "10 11 12 13 14"},
    {"equal times: no one is lost", "0:1 1:1 2:1", "1 1 1"},
    {"discarded records are skipped", "0:1 0:2- 0:3", "1 3"},
    {"only discarded ones", "0:1- 0:2-", ""},
    {"a busy record stops its ring", "0:1 0:2! 0:3", "1"},
    {"and holds back what is later than those behind it", "0:1 0:2! 0:5 1:4 1:6", "1 4"},
    {"but nothing where it hides nothing", "0:1 0:2! 1:4 1:6", "1 4 6"},
    {"hidden ones may be busy or discarded", "0:2! 0:3! 0:5- 1:4 1:6", "4 6"},
    {"times out of order in a ring: the earliest first", "0:30 0:10 1:20", "10 20 30"},
    {"later than now waits", "0:99 0:100 0:101 1:102", "99 100"},
    {"behind one that waits, an earlier one comes alone", "0:101 0:50", "50"},
};

static void merge_keeps_the_order_of_causes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		struct scene *s = scene_new(RINGS, 8 * i);
		const char *p = orders[i].records;

		while (*p) {
			char *end;
			unsigned long ring = strtoul(p, &end, 10),
				      time = strtoul(end + 1, &end, 10);
			uint32_t flags = *end == '!' ? BUSY : *end == '-' ? DISCARD : 0;

			p = flags ? end + 1 : end;
			p += strspn(p, " ");
			assert_true(produce(&s->memory[ring], time, 24, flags));
		}
		merge(s, 100);
		check_times(s, orders[i].want, orders[i].what);
		scene_free(s);
	}
}

static void busy_records_come_when_they_are_committed(void **state)
{
	(void)state;
	struct scene *s = scene_new(2, 0);

	produce(&s->memory[0], 1, 16, BUSY);
	produce(&s->memory[0], 2, 16, 0);
	produce(&s->memory[1], 3, 16, 0);
	merge(s, 100);
	check_times(s, "", "busy");
	check_i64(s->memory[0].consumer, 0, "nothing is released");
	commit(&s->memory[0], 0, 16);
	merge(s, 100);
	check_times(s, "1 2 3", "committed");
	check_i64(s->memory[0].consumer, s->memory[0].producer, "all is released");
	scene_free(s);
}

static void what_is_later_than_now_comes_next_time(void **state)
{
	(void)state;
	struct scene *s = scene_new(1, 0);

	produce(&s->memory[0], 10, 16, 0);
	produce(&s->memory[0], 20, 16, 0);
	merge(s, 15);
	check_times(s, "10", "first");
	check_i64(s->memory[0].consumer, 24, "released up to it");
	merge(s, 15);
	check_times(s, "", "again");
	merge(s, 20);
	check_times(s, "20", "second");
	scene_free(s);
}

static void damaged_records_are_counted_and_passed(void **state)
{
	(void)state;
	struct scene *s = scene_new(2, 0);

	/* Too short to have a time. */
	produce(&s->memory[0], 1, 4, 0);
	produce(&s->memory[0], 2, 0, 0);
	produce(&s->memory[0], 3, 16, 0);
	merge(s, 100);
	check_times(s, "3", "short records");
	check_i64(s->rings[0].damaged, 2, "short records");

	/* A length that reaches beyond the producer: nothing can be found behind it. */
	produce(&s->memory[0], 4, 16, 0);
	commit(&s->memory[0], s->memory[0].producer - 24, 3000);
	produce(&s->memory[0], 5, 16, 0);
	produce(&s->memory[1], 6, 16, 0);
	merge(s, 100);
	check_times(s, "6", "long length");
	check_i64(s->rings[0].damaged, 3, "long length");
	check_i64(s->memory[0].consumer, s->memory[0].producer, "given up up to the producer");
	produce(&s->memory[0], 7, 16, 0);
	merge(s, 100);
	check_times(s, "7", "goes on");

	/* The same behind a busy record. */
	unsigned long busy = s->memory[0].producer;

	produce(&s->memory[0], 8, 16, BUSY);
	produce(&s->memory[0], 9, 16, 0);
	commit(&s->memory[0], s->memory[0].producer - 24, 0x3fffffff);
	merge(s, 100);
	check_times(s, "", "hidden");
	commit(&s->memory[0], busy, 16);
	merge(s, 100);
	check_times(s, "8", "committed");
	scene_free(s);
}

/* Random sizes, times and rounds: everything comes once, in order, whole, however it wraps. */
static void nothing_is_lost_over_many_rounds(void **state)
{
	(void)state;
	struct scene *s = scene_new(RINGS, (unsigned long)-4096 * 3);
	uint64_t time = 0, seed = 1, next = 0;

	for (unsigned round = 0; round < 20000; round++) {
		unsigned records = (unsigned)(seed >> 40) % 40;

		for (unsigned i = 0; i < records; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			if (produce(&s->memory[(seed >> 33) % RINGS], time,
				    8 + (uint32_t)(seed >> 35) % (i % 8 ? 100 : 1500), 0))
				time++;
		}
		merge(s, time);
		for (size_t i = 0; i < s->got.count; i++)
			if (s->got.times[i] != next++)
				fail_msg("round %u: got %llu, want %llu", round,
					 (unsigned long long)s->got.times[i],
					 (unsigned long long)next - 1);
		s->got.count = 0;
	}
	check_i64(next, time, "all came");
	scene_free(s);
}

/* More records than the window holds, and than the slack allows to be out of order. */
static void windows_are_refilled(void **state)
{
	(void)state;
	enum { RECORDS = 3000, BYTES = 128 * 1024 };
	struct scene *s = scene_new(0, 0);
	unsigned long consumer = 0, producer = 0;
	uint8_t *data = test_calloc(1, BYTES);
	struct ring *r = test_calloc(1, sizeof(*r));

	ring_attach(r, &consumer, &producer, data, BYTES);
	for (uint64_t i = 0; i < RECORDS; i++) {
		uint32_t length = 16;
		uint64_t time = i;

		memcpy(data + producer, &length, sizeof(length));
		memcpy(data + producer + HEADER, &time, sizeof(time));
		for (uint32_t b = 8; b < length; b++)
			data[producer + HEADER + b] = (uint8_t)(time + b);
		producer += 24;
	}
	check_i64(ring_merge(r, 1, RECORDS, time_of, remember, s), RECORDS, "records");
	for (uint64_t i = 0; i < RECORDS; i++)
		if (s->got.times[i] != i)
			fail_msg("at %llu: got %llu", (unsigned long long)i,
				 (unsigned long long)s->got.times[i]);
	check_i64(consumer, producer, "released");
	ring_unmap(r);
	test_free(r);
	test_free(data);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(merge_keeps_the_order_of_causes),
	    cmocka_unit_test(busy_records_come_when_they_are_committed),
	    cmocka_unit_test(what_is_later_than_now_comes_next_time),
	    cmocka_unit_test(damaged_records_are_counted_and_passed),
	    cmocka_unit_test(nothing_is_lost_over_many_rounds),
	    cmocka_unit_test(windows_are_refilled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

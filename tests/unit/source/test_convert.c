/* SPDX-License-Identifier: Apache-2.0 */
#include "made_capture.h"
#include "source/convert.h"

struct conversion {
	struct converter *converter;
	struct made_capture *made;
	size_t at; /* of the next event in made */
	struct record record;
	uint8_t bytes[RECORD_SIZE_MAX];
	struct event event;
};

static struct conversion *conversion_new(void)
{
	struct conversion *c = calloc(1, sizeof(*c));

	c->converter = converter_new();
	c->made = made_new();
	c->at = c->made->n;
	return c;
}

static void conversion_free(struct conversion *c)
{
	converter_free(c->converter);
	free(c->made);
	free(c);
}

/* Converts the event that was made last. nparams: how many of its parameters were written. */
static int convert_short(struct conversion *c, uint32_t nparams)
{
	enum { IN_BLOCK = 10, BLOCK_END = 4 };
	static uint8_t bytes[RECORD_SIZE_MAX];
	struct capture_event in = {.bytes = bytes, .has_nparams = true};
	struct event_header h;
	struct str out;
	size_t lengths = 0;
	int got;

	memcpy(&h, c->made->bytes + c->at + IN_BLOCK, sizeof(h));
	lengths = nparams < h.nparams ? (h.nparams - nparams) * sizeof(uint16_t) : 0;
	memcpy(bytes, c->made->bytes + c->at + IN_BLOCK, h.len);
	/* Parameters that were not written have no bytes, only lengths to be left out. */
	if (lengths) {
		size_t end = sizeof(h) + h.nparams * sizeof(uint16_t);

		memmove(bytes + end - lengths, bytes + end, h.len - end);
		h.len -= (uint32_t)lengths;
		h.nparams = nparams;
		memcpy(bytes, &h, sizeof(h));
	}
	in.size = h.len;
	c->at = c->made->n;
	got = converter_event(c->converter, &in, &out, NULL);
	if (got != CONVERT_EVENT)
		return got;
	/* The next event is put where this one came from. */
	memcpy(c->bytes, out.p, out.n);
	out.p = (const char *)c->bytes;
	assert_int_equal(event_decode_apart(&c->event, &c->record, out, NULL), 0);
	return got;
}

static int convert(struct conversion *c)
{
	return convert_short(c, UINT32_MAX);
}

static int64_t number(const struct conversion *c, const char *name)
{
	int i = event_schema_param(c->event.schema, str_from(name));
	int64_t v = INT64_MIN;

	assert_true(i >= 0);
	event_param_i64(&c->event, (unsigned)i, &v);
	return v;
}

static struct str text(const struct conversion *c, const char *name)
{
	int i = event_schema_param(c->event.schema, str_from(name));
	struct str v = {NULL, 0};

	assert_true(i >= 0);
	event_param_str(&c->event, (unsigned)i, &v);
	return v;
}

static void arguments_of_the_enter_event_join_its_exit(void **state)
{
	struct conversion *c = conversion_new();

	(void)state;
	MADE_CODE(c->made, 4, 7, NUMBER("fd", 3));
	assert_int_equal(convert(c), CONVERT_REMEMBERED);
	MADE_CODE(c->made, 5, 7, NUMBER("res", -9));
	assert_int_equal(convert_short(c, 1), CONVERT_EVENT);
	check_i64(number(c, "res"), -9, "res");
	check_i64(number(c, "fd"), 3, "fd");
	check_i64(c->event.header->tid, 7, "tid");
	/* It serves but one exit; a number that nobody told is 0. */
	MADE_CODE(c->made, 5, 7, NUMBER("res", 0));
	assert_int_equal(convert_short(c, 1), CONVERT_EVENT);
	check_i64(number(c, "fd"), 0, "fd");
	conversion_free(c);
}

static void enters_of_other_calls_and_threads_are_no_part_of_it(void **state)
{
	struct conversion *c = conversion_new();

	(void)state;
	MADE_CODE(c->made, 4, 7, NUMBER("fd", 3));
	convert(c);
	MADE_CODE(c->made, 5, 8, NUMBER("res", 0));
	convert_short(c, 1);
	check_i64(number(c, "fd"), 0, "another thread's");
	MADE_CODE(c->made, 21, 7, NUMBER("res", 0), BYTES("addr", "\x01/s\0"));
	convert_short(c, 2);
	check_i64(number(c, "fd"), 0, "another call's");
	conversion_free(c);
}

static void an_exit_of_its_own_form_wins_over_the_enter(void **state)
{
	struct conversion *c = conversion_new();

	(void)state;
	MADE_CODE(c->made, 4, 7, NUMBER("fd", 3));
	convert(c);
	MADE_CODE(c->made, 5, 7, NUMBER("res", 0), NUMBER("fd", 4));
	convert(c);
	check_i64(number(c, "fd"), 4, "fd");
	conversion_free(c);
}

static void old_events_become_those_of_today(void **state)
{
	struct conversion *c = conversion_new();

	(void)state;
	/* The first openat: its name and flags stood in the enter event alone. */
	MADE_CODE(c->made, 102, 7, NUMBER("dirfd", -100), TEXT("name", "etc/passwd"),
		  NUMBER("flags", 1));
	assert_int_equal(convert(c), CONVERT_REMEMBERED);
	MADE_CODE(c->made, 103, 7, NUMBER("fd", 5));
	assert_int_equal(convert(c), CONVERT_EVENT);
	check_i64(c->event.header->type, 307, "code");
	check_i64(number(c, "fd"), 5, "fd");
	check_i64(number(c, "dirfd"), -100, "dirfd");
	check_str(text(c, "name"), "etc/passwd", "name");
	check_i64(number(c, "flags"), 1, "flags");
	/* A first clone had neither counters nor namespaces; those of today's follow by name. */
	MADE_CODE(c->made, 15, 7, NUMBER("res", 9), TEXT("exe", "/bin/a"), NUMBER("flags", 3),
		  NUMBER("uid", 10), NUMBER("gid", 20));
	assert_int_equal(convert(c), CONVERT_EVENT);
	check_i64(c->event.header->type, 223, "code");
	check_i64(number(c, "res"), 9, "res");
	check_str(text(c, "exe"), "/bin/a", "exe");
	check_i64(number(c, "flags"), 3, "flags");
	check_i64(number(c, "gid"), 20, "gid");
	assert_null(text(c, "comm").p);
	conversion_free(c);
}

static void enters_with_a_name_or_an_address_have_numbers(void **state)
{
	struct conversion *c = conversion_new();

	(void)state;
	MADE_CODE(c->made, 306, 7, NUMBER("dirfd", -100), TEXT("name", "a"));
	assert_int_equal(convert(c), CONVERT_NUMBERED);
	MADE_CODE(c->made, 22, 7, NUMBER("fd", 3));
	assert_int_equal(convert(c), CONVERT_NUMBERED);
	MADE_CODE(c->made, 6, 7, NUMBER("fd", 3));
	assert_int_equal(convert(c), CONVERT_REMEMBERED);
	conversion_free(c);
}

static void headers_without_a_count_are_read(void **state)
{
	struct conversion *c = conversion_new();
	struct event_header h = {.ts = 1, .tid = 7, .type = 4};
	uint8_t bytes[64];
	size_t n = sizeof(h) - sizeof(h.nparams);
	struct str out;
	int64_t fd = 3;

	(void)state;
	h.len = (uint32_t)(n + sizeof(uint16_t) + sizeof(fd));
	memcpy(bytes, &h, n);
	memcpy(bytes + n, &(uint16_t){sizeof(fd)}, sizeof(uint16_t));
	memcpy(bytes + n + sizeof(uint16_t), &fd, sizeof(fd));
	struct capture_event in = {.bytes = bytes, .size = h.len};
	assert_int_equal(converter_event(c->converter, &in, &out, NULL), CONVERT_REMEMBERED);
	MADE_CODE(c->made, 5, 7, NUMBER("res", 0));
	convert_short(c, 1);
	check_i64(number(c, "fd"), 3, "fd");
	conversion_free(c);
}

/* Those that are of today's form already by who decodes them. */
static int convert_bytes(struct conversion *c, const struct capture_event *in, struct error *err)
{
	struct str out;
	int got = converter_event(c->converter, in, &out, err);

	return got == CONVERT_EVENT ? event_decode_apart(&c->event, &c->record, out, err) : got;
}

static void damaged_events_are_refused(void **state)
{
	/* The enter event of close, its exit event, and that of an old form of openat. */
	static const uint16_t codes[] = {4, 5, 103};
	struct conversion *c = conversion_new();
	uint8_t bytes[128] = {0};
	struct capture_event in = {.bytes = bytes, .has_nparams = true};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint8_t nparams = event_schema_get(codes[i])->nparams;
		struct event_header h = {.ts = 1, .tid = 7, .type = codes[i], .nparams = nparams};
		size_t whole = sizeof(h) + nparams * sizeof(uint16_t);

		for (in.size = 0; in.size < whole; in.size++) {
			h.len = (uint32_t)in.size;
			memcpy(bytes, &h, sizeof(h));
			assert_true(convert_bytes(c, &in, &err) < 0);
		}
		h.len = in.size = sizeof(bytes);
		memcpy(bytes, &h, sizeof(h));
		memcpy(bytes + sizeof(h), &(uint16_t){200}, sizeof(uint16_t));
		assert_true(convert_bytes(c, &in, &err) < 0);
		assert_non_null(strstr(err.message, "longer than the event"));
		memset(bytes + sizeof(h), 0, sizeof(uint16_t));
		h.type = UINT16_MAX;
		memcpy(bytes, &h, sizeof(h));
		assert_true(convert_bytes(c, &in, &err) < 0);
		assert_non_null(strstr(err.message, "not known"));
	}
	conversion_free(c);
}

static void the_first_container_events_become_json(void **state)
{
	enum { FIRST_CONTAINER = 228 };
	struct conversion *c = conversion_new();

	(void)state;
	MADE_CODE(c->made, FIRST_CONTAINER, 7, TEXT("id", "0123"), NUMBER("type", 1),
		  TEXT("name", "web"), TEXT("image", "nginx:1"));
	assert_int_equal(convert(c), CONVERT_EVENT);
	check_str(str_from(c->event.schema->name), "container", "name");
	check_str(text(c, "json"),
		  "{\"id\":\"0123\",\"type\":1,\"name\":\"web\",\"image\":\"nginx:1\"}", "json");
	conversion_free(c);
}

/* Parameters of one name that mean two things, or that stay empty in an event as short as that. */
static void not_all_that_an_enter_tells_is_the_exits(void **state)
{
	enum { EXECVEAT_ENTER = 330, EXECVEAT = 331, CONNECT_ENTER = 22, CONNECT = 23 };
	static const char address[] = "\x02\x0a\0\0\x01\x90\x1f";
	struct conversion *c = conversion_new();
	const struct event_enter *enter;

	(void)state;
	MADE_CODE(c->made, EXECVEAT_ENTER, 7, NUMBER("dirfd", 3), TEXT("pathname", "a"),
		  NUMBER("flags", 1));
	convert(c);
	MADE_CODE(c->made, EXECVEAT, 7, NUMBER("res", 0), TEXT("exe", "a"));
	assert_int_equal(convert_short(c, 19), CONVERT_EVENT);
	assert_int_equal(c->event.params[19].n, 0);
	enter = converter_enter(c->converter);
	assert_non_null(enter);
	check_str(str_from(enter->params[1].p), "a", "pathname");
	MADE_CODE(c->made, CONNECT_ENTER, 7, NUMBER("fd", 3), BYTES("addr", address));
	convert(c);
	MADE_CODE(c->made, CONNECT, 7, NUMBER("res", 0));
	convert_short(c, 2);
	check_i64(number(c, "fd"), 3, "fd");
	assert_int_equal(c->event.params[3].n, 0);
	assert_non_null(converter_enter(c->converter));
	/* It serves one event. */
	MADE_CODE(c->made, CONNECT, 7, NUMBER("res", 0));
	convert(c);
	assert_null(converter_enter(c->converter));
	conversion_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arguments_of_the_enter_event_join_its_exit),
	    cmocka_unit_test(enters_of_other_calls_and_threads_are_no_part_of_it),
	    cmocka_unit_test(an_exit_of_its_own_form_wins_over_the_enter),
	    cmocka_unit_test(old_events_become_those_of_today),
	    cmocka_unit_test(enters_with_a_name_or_an_address_have_numbers),
	    cmocka_unit_test(not_all_that_an_enter_tells_is_the_exits),
	    cmocka_unit_test(the_first_container_events_become_json),
	    cmocka_unit_test(headers_without_a_count_are_read),
	    cmocka_unit_test(damaged_events_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

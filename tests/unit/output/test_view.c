/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of events and tables of sums, to the byte. */
#include "../unit.h"
#include "base/arena.h"
#include "output/view.h"
#include "output/view_top.h"
#include "state/state.h"

#include <time.h>

#define TIME UINT64_C(1795552045022996337)

struct scene {
	struct arena *arena;
	struct state *state;
	struct field_context ctx;
	struct event event;
	char scratch_memory[65536];
	struct arena scratch;
	_Alignas(8) uint8_t record[8192];
	char line[65536];
	struct buffer out;
};

static struct scene *scene_of(struct str path, int64_t result)
{
	struct scene *s = test_calloc(1, sizeof(*s));
	struct state_options options = {.host_root = ""};
	struct task_facts task = {
	    .pid = 7, .tid = 8, .loginuid = UINT32_MAX, .start_time = 1000, .comm = "tool"};
	struct record_builder b;
	struct error err;
	size_t size;

	setenv("TZ", "UTC", 1);
	tzset();
	s->arena = arena_new();
	s->state = state_new(&options, &err);
	record_begin(&b, s->record, sizeof(s->record), (uint16_t)event_code_by_name(STR("rmdir")),
		     TIME, &task, result);
	record_param_int(&b, result);
	record_param_str(&b, path);
	size = record_end(&b);
	assert_int_equal(event_decode(&s->event, s->record, size, &err), 0);
	s->event.time = TIME;
	s->event.number = 12;
	state_bind(s->state, &s->event);
	arena_fixed(&s->scratch, s->scratch_memory, sizeof(s->scratch_memory));
	s->ctx = (struct field_context){.event = &s->event,
					.state = s->state,
					.scratch = &s->scratch,
					.hostname = "vm",
					.first_event_time = TIME - 1500000000};
	return s;
}

static void free_scene(struct scene *s)
{
	state_free(s->state);
	arena_free(s->arena);
	test_free(s);
}

static struct view view_of(struct scene *s, const char *format)
{
	struct view v;
	struct error err = {0};

	if (view_parse(&v, str_from(format), s->arena, &err) < 0)
		fail_msg("%s: %s", format, err.message);
	return v;
}

static struct str line_of(struct scene *s, struct view *v, uint64_t duration)
{
	s->out = (struct buffer)BUFFER(s->line);
	return view_format(v, &s->ctx, duration, &s->out) ? buffer_str(&s->out) : STR("(none)");
}

static void a_line_is_what_the_format_says(void **state)
{
	static const struct {
		const char *format, *want;
	} rows[] = {
	    {VIEW_USUAL_FORMAT, "12 20:27:25.022996337 0 tool (8) < rmdir res=0 path=/a\\nb\n"},
	    {"%evt.type of %proc.name", "rmdir of tool\n"},
	    {"%8proc.name|%2evt.type|", "tool    |rm|\n"},
	    {"%proc.name %fd.name", "(none)\n" /* cut below: absent */},
	    {"*%proc.name %fd.name 100%%", "tool <NA> 100%\n"},
	    {"", "\n"},
	};
	struct scene *s = scene_of(STR("/a\nb"), 0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct view v = view_of(s, rows[i].format);
		struct str line = line_of(s, &v, 0);

		check_str(line, str_equal_c(line, "(none)") ? "(none)" : rows[i].want,
			  rows[i].format);
		assert_int_equal(str_equal_c(line, "(none)"), i == 3);
	}
	free_scene(s);
}

static void the_time_has_five_forms(void **state)
{
	static const struct {
		const char *letter, *want;
	} rows[] = {
	    {"h", "20:27:25.022996337\n"}, {"a", "1795552045.022996337\n"}, {"r", "1.500000000\n"},
	    {"d", "0.000000250\n"},        {"D", "2.000000001\n"},
	};
	struct scene *s = scene_of(STR("/a"), 0);
	enum view_time none;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct view v = view_of(s, "%evt.outputtime");

		assert_true(view_time_by_letter(rows[i].letter, &v.time));
		v.previous_time = TIME - 250;
		check_str(line_of(s, &v, 2000000001), rows[i].want, rows[i].letter);
		check_i64(v.previous_time, TIME, "the event is the one before the next");
	}
	assert_false(view_time_by_letter("x", &none));
	free_scene(s);
}

static void colours_stand_around_values_alone(void **state)
{
	struct scene *s = scene_of(STR("/a"), 0), *failed = scene_of(STR("/a"), -2);
	struct view v = view_of(s, "x %proc.name, %evt.type %evt.arg.res");

	(void)state;
	v.is_coloured = true;
	check_str(line_of(s, &v, 0), "x \033[36mtool\033[0m, \033[33mrmdir\033[0m 0\n", "success");
	check_str(line_of(failed, &v, 0), "x \033[36mtool\033[0m, \033[1;31mrmdir\033[0m ENOENT\n",
		  "failure");
	free_scene(failed);
	free_scene(s);
}

static void json_has_the_formats_fields(void **state)
{
	struct scene *s = scene_of(STR("/a\n\xff"), 0);
	struct view v = view_of(s, "*%evt.num %proc.name %fd.name %evt.arg.path %evt.outputtime "
				   "%evt.failed %toupper(proc.name)");

	(void)state;
	v.is_json = true;
	check_str(line_of(s, &v, 0),
		  "{\"evt.num\":12,\"proc.name\":\"tool\",\"fd.name\":null,"
		  "\"evt.arg.path\":\"/a\\n\xef\xbf\xbd\",\"evt.outputtime\":1795552045022996337,"
		  "\"evt.failed\":false}\n",
		  "with an asterisk");
	v.keeps_absent = false;
	check_str(line_of(s, &v, 0), "(none)", "without");
	free_scene(s);
}

static void mistakes_in_formats_have_their_place(void **state)
{
	static const struct {
		const char *format;
		size_t offset;
	} rows[] = {{"%proc.nam", 1}, {"a %proc.name %nothing", 14}, {"%", 0}};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};
		struct view v;

		assert_true(view_parse(&v, str_from(rows[i].format), arena, &err) < 0);
		check_i64(err.offset, rows[i].offset, rows[i].format);
	}
	arena_free(arena);
}

static void keys_are_values_with_commas(void **state)
{
	struct scene *s = scene_of(STR("/a"), 0);
	struct view v = view_of(s, "%proc.name %evt.type"), none = view_of(s, "%fd.name");

	(void)state;
	s->out = (struct buffer)BUFFER(s->line);
	assert_true(view_key(&v, &s->ctx, &s->out));
	check_str(buffer_str(&s->out), "tool, rmdir", "two fields");
	assert_false(view_key(&none, &s->ctx, &s->out));
	free_scene(s);
}

static struct str print(struct view_top *t, size_t rows, bool is_json, char *text, size_t room)
{
	FILE *out;

	text[0] = '\0';
	out = fmemopen(text, room, "w");
	assert_non_null(out);
	(is_json ? view_top_print_json : view_top_print)(t, rows, out);
	fclose(out);
	return str_from(text);
}

static void tables_have_most_first(void **state)
{
	static const struct {
		enum view_by by;
		const char *want;
	} rows[] = {
	    {VIEW_BY_COUNT, "     EVENTS  SHARE  fd.name\n"
			    "          2  50.0%  b\n"
			    "          1  25.0%  a\n"},
	    {VIEW_BY_BYTES, "      BYTES      EVENTS  SHARE  fd.name\n"
			    "      3.00K           1  75.0%  c\\n\n"
			    "       512B           1  12.5%  a\n"},
	    {VIEW_BY_TIME, "       TIME      EVENTS  SHARE  fd.name\n"
			   "     1.50ms           1  75.0%  a\n"
			   "   500.00us           2  25.0%  b\n"},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct view_top *t = view_top_new("fd.name", rows[i].by);

		view_top_add(t, STR("a"), &(struct view_amount){{1, 512, 1500000}});
		view_top_add(t, STR("b"), &(struct view_amount){{1, 512, 500000}});
		view_top_add(t, STR("c\n"), &(struct view_amount){{1, 3072, 0}});
		view_top_add(t, STR("b"), &(struct view_amount){{1, 0, 0}});
		check_str(print(t, 2, false, text, sizeof(text)), rows[i].want, rows[i].want);
		view_top_free(t);
	}
}

static void tables_come_as_json_too(void **state)
{
	struct view_top *t = view_top_new("proc.name", VIEW_BY_COUNT);
	char text[1024];

	(void)state;
	check_str(print(t, 5, true, text, sizeof(text)), "", "nothing yet");
	view_top_add(t, STR("a\""), &(struct view_amount){{3, 20, 1}});
	check_str(print(t, 5, true, text, sizeof(text)),
		  "{\"proc.name\":\"a\\\"\",\"count\":3,\"bytes\":20,\"time\":1}\n", "one row");
	view_top_free(t);
}

static void keys_without_number_take_bounded_memory(void **state)
{
	struct view_top *t = view_top_new("k", VIEW_BY_COUNT);
	struct view_amount one = {{1, 0, 0}};
	char text[256], key[16];

	(void)state;
	for (int i = 0; i < VIEW_TOP_KEYS_MAX + 3; i++) {
		snprintf(key, sizeof(key), "%d", i);
		view_top_add(t, str_from(key), &one);
	}
	check_str(print(t, 1, false, text, sizeof(text)),
		  "     EVENTS  SHARE  k\n"
		  "          1   0.0%  0\n"
		  "          3   0.0%  (others)\n",
		  "one row and the rest");
	view_top_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_is_what_the_format_says),
	    cmocka_unit_test(the_time_has_five_forms),
	    cmocka_unit_test(colours_stand_around_values_alone),
	    cmocka_unit_test(json_has_the_formats_fields),
	    cmocka_unit_test(mistakes_in_formats_have_their_place),
	    cmocka_unit_test(keys_are_values_with_commas),
	    cmocka_unit_test(tables_have_most_first),
	    cmocka_unit_test(tables_come_as_json_too),
	    cmocka_unit_test(keys_without_number_take_bounded_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

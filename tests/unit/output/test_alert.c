/* SPDX-License-Identifier: Apache-2.0 */
/* Alert lines to the byte: against what Falco printed (alert_samples.txt) and for hostile names. */
#include "../unit.h"
#include "output/alert.h"
#include "output/json.h"
#include "rules/ruleset.h"
#include "state/state.h"

#include <time.h>

#define TIME UINT64_C(1795552045022996337)

static const char rules_text[] =
    "- rule: Symlink created\n"
    "  desc: of a test\n"
    "  condition: evt.type in (symlink, symlinkat)\n"
    "  output: Link made | user=%user.name proc=%proc.name parent=%proc.pname args=%evt.args "
    "fd=%fd.name num=%evt.num tty=%proc.tty anc=%proc.aname[2]\n"
    "  priority: WARNING\n"
    "  tags: [host, filesystem, T1036]\n"
    "- rule: Types\n"
    "  desc: of a test\n"
    "  condition: evt.type = symlink\n"
    "  output: t=%evt.time.s f=%evt.failed n=%proc.pid n=%proc.pid r=%evt.rawres "
    "c=%proc.cmdnargs a=%proc.name e=%evt.arg.target l=%fd.types\n"
    "  priority: informational\n"
    "- rule: Bare\n"
    "  desc: of a test\n"
    "  condition: evt.type = symlink\n"
    "  output: \"nothing \\u00e4\\t50%%\"\n"
    "  priority: EMERGENCY\n"
    "  tags: [b, a, b]\n";

struct scene {
	struct rule_set *set;
	struct plan *plan;
	struct state *state;
	struct evaluator *evaluator;
	struct event event;
	_Alignas(8) uint8_t record[70000];
	char line[ALERT_LINE_MAX];
};

static struct scene *scene_with(struct str target, const struct rules_append *append)
{
	struct scene *s = test_calloc(1, sizeof(*s));
	struct rules_text text = {"test.yaml", STR(rules_text)};
	struct rules_options rules = {.least_priority = SEVERITY_DEBUG,
				      .sources = SOURCES_ALL,
				      .appends = append,
				      .append_count = append != NULL};
	struct plan_options plan = {.all_matches = true};
	struct state_options state = {.host_root = ""};
	struct task_facts task = {.pid = 4484,
				  .tid = 4484,
				  .vpid = 4484,
				  .vtid = 4484,
				  .loginuid = UINT32_MAX,
				  .start_time = 1000,
				  .comm = "python3"};
	struct record_builder b;
	struct match matches[4];
	struct error err;
	size_t size;

	s->set = rules_load_texts(&text, 1, &rules);
	for (size_t i = 0; i < s->set->diagnostic_count; i++)
		if (s->set->diagnostics[i].level == DIAGNOSTIC_ERROR)
			fail_msg("%.*s", STR_ARG(s->set->diagnostics[i].message));
	s->plan = plan_compile(s->set, &plan, &err);
	assert_non_null(s->plan);
	s->state = state_new(&state, &err);
	assert_non_null(s->state);
	user_table_add_user(state_users(s->state), &(struct user){.name = STR("root")});
	s->evaluator = evaluator_new(s->plan, s->state, "vm");

	record_begin(&b, s->record, sizeof(s->record), (uint16_t)event_code_by_name(STR("symlink")),
		     TIME, &task, 0);
	record_param_int(&b, 0);
	record_param_str(&b, target);
	record_param_str(&b, STR("/tmp/wa/sl4484"));
	size = record_end(&b);
	assert_true(size > 0);
	if (event_decode(&s->event, s->record, size, &err) < 0)
		fail_msg("%s", err.message);
	s->event.time = TIME;
	s->event.number = 2483;
	state_bind(s->state, &s->event);
	assert_true(evaluator_judge(s->evaluator, &s->event, matches, 4) >= 1);
	return s;
}

static struct scene *scene_new(struct str target)
{
	return scene_with(target, NULL);
}

/* What the samples' appended output shows of the process that made the event. */
static struct scene *scene_appended(void)
{
	static const struct rules_extra_field exepath[] = {{"proc.exepath", NULL}};
	static const struct rules_append append = {
	    .format = "extra:%proc.pid", .extra_fields = exepath, .extra_field_count = 1};
	struct scene *s = scene_with(STR("x"), &append);

	s->event.process->program->exepath = STR("/usr/bin/python3.11");
	return s;
}

static void scene_free(struct scene *s)
{
	evaluator_free(s->evaluator);
	state_free(s->state);
	plan_free(s->plan);
	rules_free(s->set);
	test_free(s);
}

static struct str format(struct scene *s, const struct alert_options *options, size_t rule,
			 size_t room)
{
	struct buffer line = {.p = s->line, .room = room};

	alert_format(options, &s->set->rules[rule], evaluator_context(s->evaluator), &line);
	return buffer_str(&line);
}

static const struct alert_options text_options = {.hostname = "vm"};
static const struct alert_options json_options = {.is_json = true,
						  .include_output = true,
						  .include_output_fields = true,
						  .include_tags = true,
						  .hostname = "vm"};

static void set_time_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void samples_are_matched_to_the_byte(void **state)
{
	const char *shared = getenv("SAKER_SHARED");
	struct alert_options options = json_options;
	struct scene *s = scene_new(STR("x")), *appended = scene_appended(), *at = s;
	char path[1024], line[8192];
	unsigned compared = 0;
	FILE *f;
	(void)state;

	snprintf(path, sizeof(path), "%s/upstream/alert_samples.txt",
		 shared ? shared : "../shared");
	f = fopen(path, "re");
	if (!f) {
		scene_free(s);
		scene_free(appended);
		if (getenv("CI"))
			fail_msg("%s is not there: set SAKER_SHARED", path);
		fprintf(stderr, "# SKIP: %s is not there\n", path);
		skip();
	}
	set_time_zone("UTC");
	while (fgets(line, sizeof(line), f)) {
		struct str got, want = str_trim(str_from(line));

		if (line[0] == '#') {
			options = json_options;
			options.is_json = strstr(line, "json_output=true") != NULL;
			options.include_output = !strstr(line, "include_output_property=false");
			options.include_message = strstr(line, "include_message_property=true");
			options.include_tags = !strstr(line, "include_tags_property=false");
			options.include_output_fields =
			    !strstr(line, "include_output_fields_property=false");
			options.iso_8601 = strstr(line, "iso_8601=true") != NULL;
			if (strstr(line, "append_output"))
				at = appended;
			continue;
		}
		/* The sample's second event is the one that is built here. */
		if (!strstr(line, "num=2483") && !strstr(line, "\"evt.num\":2483"))
			continue;
		got = format(at, &options, 0, sizeof(at->line));
		if (!str_equal(got, want))
			fail_msg("got  %.*s\nwant %.*s", STR_ARG(got), STR_ARG(want));
		compared++;
	}
	fclose(f);
	check_i64(compared, 9, "samples");
	scene_free(appended);
	scene_free(s);
}

static void times_are_local_in_text_and_utc_in_json(void **state)
{
	struct scene *s = scene_new(STR("x"));
	struct alert_options iso = text_options;
	(void)state;

	set_time_zone("XYZ-05:30");
	check_str(format(s, &text_options, 2, sizeof(s->line)),
		  "01:57:25.022996337: Emergency nothing \u00e4\t50%", "text");
	iso.iso_8601 = true;
	check_str(format(s, &iso, 2, sizeof(s->line)),
		  "2026-11-25T01:57:25.022996337+0530: Emergency nothing \u00e4\t50%", "ISO");
	check_str(format(s, &json_options, 2, sizeof(s->line)),
		  "{\"hostname\":\"vm\",\"output\":\"01:57:25.022996337: Emergency nothing "
		  "\u00e4\\t50%\",\"output_fields\":{\"evt.time\":1795552045022996337},"
		  "\"priority\":\"Emergency\",\"rule\":\"Bare\",\"source\":\"syscall\","
		  "\"tags\":[\"a\",\"b\"],\"time\":\"2026-11-24T20:27:25.022996337Z\"}",
		  "JSON; tags once each");
	set_time_zone("XYZ+03");
	check_str(format(s, &iso, 2, sizeof(s->line)),
		  "2026-11-24T17:27:25.022996337-0300: Emergency nothing \u00e4\t50%", "west");
	set_time_zone("UTC");
	scene_free(s);
}

static void added_texts_stand_under_names_of_their_own(void **state)
{
	static const struct rules_extra_field fields[] = {
	    {"who", "%proc.name-%evt.type \"%proc.aname[2]\""}, {"evt.num", NULL}, {"a", "%%"}};
	static const struct rules_append append = {
	    .rule = "Bare", .extra_fields = fields, .extra_field_count = 3};
	struct scene *s = scene_with(STR("x"), &append);
	(void)state;

	check_str(format(s, &json_options, 2, sizeof(s->line)),
		  "{\"hostname\":\"vm\",\"output\":\"20:27:25.022996337: Emergency nothing "
		  "\u00e4\\t50%\",\"output_fields\":{\"a\":\"%\",\"evt.num\":2483,"
		  "\"evt.time\":1795552045022996337,\"who\":\"python3-symlink \\\"<NA>\\\"\"},"
		  "\"priority\":\"Emergency\",\"rule\":\"Bare\",\"source\":\"syscall\","
		  "\"tags\":[\"a\",\"b\"],\"time\":\"2026-11-24T20:27:25.022996337Z\"}",
		  "added");
	check_str(s->set->rules[0].output.fields[s->set->rules[0].output.field_count - 1].name,
		  "proc.aname[2]", "last field of a rule that is not meant");
	scene_free(s);
}

static void json_fields_have_their_types(void **state)
{
	struct scene *s = scene_new(STR("x"));
	struct alert_options options = json_options;
	(void)state;

	options.include_output = false;
	check_str(format(s, &options, 1, sizeof(s->line)),
		  "{\"hostname\":\"vm\",\"output_fields\":{\"evt.arg.target\":\"x\","
		  "\"evt.failed\":false,\"evt.rawres\":0,\"evt.time\":1795552045022996337,"
		  "\"evt.time.s\":1795552045022996337,\"fd.types\":null,\"proc.cmdnargs\":0,"
		  "\"proc.name\":\"python3\",\"proc.pid\":4484},\"priority\":\"Informational\","
		  "\"rule\":\"Types\",\"source\":\"syscall\",\"tags\":[],"
		  "\"time\":\"2026-11-24T20:27:25.022996337Z\"}",
		  "types");
	scene_free(s);
}

static void hostile_names_make_one_safe_line(void **state)
{
	struct scene *s = scene_new(STR("a\nb\x1b[2J\x7f\xff\"\\\tz"));
	struct str text = format(s, &text_options, 0, sizeof(s->line)), json;
	(void)state;

	assert_non_null(memmem(text.p, text.n, "target=a\\nb\\x1b[2J", 18));
	for (size_t i = 0; i < text.n; i++)
		assert_true((uint8_t)text.p[i] >= 0x20 || text.p[i] == '\t');
	json = format(s, &json_options, 0, sizeof(s->line));
	for (size_t i = 0; i < json.n; i++)
		assert_true((uint8_t)json.p[i] >= 0x20);
	scene_free(s);
}

static void json_is_whole_however_little_room_there_is(void **state)
{
	char target[4000];

	memset(target, '\n', sizeof(target));
	struct scene *s = scene_new((struct str){target, sizeof(target)});
	(void)state;

	for (size_t room = 64; room < 60000; room += room / 7) {
		struct str json = format(s, &json_options, 0, room);

		assert_true(json.n == 0 || (json.p[0] == '{' && json.p[json.n - 1] == '}'));
		assert_true(json.n <= room);
		/* The fields without long values never need more than that. */
		if (room > 3000)
			assert_true(json.n > 0);
	}
	scene_free(s);
}

static void json_strings_are_escaped(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"", "\"\""},
	    {"plain /etc/passwd", "\"plain /etc/passwd\""},
	    {"\"\\/", "\"\\\"\\\\/\""},
	    {"\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\""},
	    {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
	    {"\u00e4\u20ac\U0001f600", "\"\u00e4\u20ac\U0001f600\""},
	    {"\xff", "\"\xef\xbf\xbd\""},
	    {"a\xe2\x82z", "\"a\xef\xbf\xbdz\""}, /* one cut character */
	    {"\xc3", "\"\xef\xbf\xbd\""},         /* at the end */
	    {"\xf0\x9f\x98", "\"\xef\xbf\xbd\""}, /* likewise, three of four */
	    {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* surrogate */
	    {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
	    {"\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	char memory[256];
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buffer b = BUFFER(memory);

		json_put_string(&b, str_from(rows[i].text), SIZE_MAX);
		check_str(buffer_str(&b), rows[i].want, rows[i].text);
	}
	for (size_t most = 0; most < 4; most++) {
		static const char *const cut[] = {"\"\"", "\"a\"", "\"a\"", "\"a\""};
		struct buffer b = BUFFER(memory);

		json_put_string(&b, STR("a\u20acb"), most);
		check_str(buffer_str(&b), cut[most], "cut between characters");
	}
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
	static const struct {
		double v;
		const char *want;
	} rows[] = {
	    {0, "0.0"},
	    {0.1, "0.1"},
	    {0.08544921875, "0.08544921875"},
	    {-2.5, "-2.5"},
	    {100, "100.0"},
	    {1.0 / 3, "0.3333333333333333"},
	    {1e300, "1e+300"},
	    {__builtin_inf(), "null"},
	    {__builtin_nan(""), "null"},
	};
	char memory[64];
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buffer b = BUFFER(memory);

		json_put_double(&b, rows[i].v);
		check_str(buffer_str(&b), rows[i].want, rows[i].want);
	}
}

static void what_the_program_tells_of_itself_has_falcos_form(void **state)
{
	struct alert_fact facts[] = {{STR("n_drops"), STR("12")},
				     {STR("evt.source"), STR("\"syscall\"")}};
	struct str rule = STR("Falco internal: syscall event drop"),
		   message = STR("It was \"much\"");
	struct alert_options json = json_options;
	char memory[512];
	struct buffer line = BUFFER(memory);
	(void)state;

	set_time_zone("UTC");
	/* Properties that can be left out of rules' alerts are always there. */
	json.include_output = json.include_output_fields = false;
	alert_format_internal(&json, TIME, SEVERITY_DEBUG, rule, message, facts, 2, &line);
	check_str(buffer_str(&line),
		  "{\"hostname\":\"vm\",\"output\":\"It was \\\"much\\\"\",\"output_fields\":"
		  "{\"evt.source\":\"syscall\",\"n_drops\":12},\"priority\":\"Debug\","
		  "\"rule\":\"Falco internal: syscall event drop\",\"source\":\"internal\","
		  "\"time\":\"2026-11-24T20:27:25.022996337Z\"}",
		  "JSON");
	line.n = 0;
	alert_format_internal(&text_options, TIME, SEVERITY_DEBUG, rule, message, facts, 2, &line);
	check_str(buffer_str(&line),
		  "20:27:25.022996337: Debug It was \"much\" (evt.source=\"syscall\" n_drops=12)",
		  "text");
	line.n = 0;
	alert_format_internal(&text_options, TIME, SEVERITY_DEBUG, rule, STR("x"), NULL, 0, &line);
	check_str(buffer_str(&line), "20:27:25.022996337: Debug x ()", "no facts");
	line = (struct buffer){.p = memory, .room = 100};
	alert_format_internal(&json, TIME, SEVERITY_DEBUG, rule, message, facts, 2, &line);
	assert_true(line.is_truncated && line.n == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(samples_are_matched_to_the_byte),
	    cmocka_unit_test(times_are_local_in_text_and_utc_in_json),
	    cmocka_unit_test(added_texts_stand_under_names_of_their_own),
	    cmocka_unit_test(json_fields_have_their_types),
	    cmocka_unit_test(what_the_program_tells_of_itself_has_falcos_form),
	    cmocka_unit_test(hostile_names_make_one_safe_line),
	    cmocka_unit_test(json_is_whole_however_little_room_there_is),
	    cmocka_unit_test(json_strings_are_escaped),
	    cmocka_unit_test(numbers_are_the_shortest_that_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

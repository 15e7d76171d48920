/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every value of every field on every event of captures, as Falco prints it in JSON: what it has
 * must be the same here, and what it leaves out must be absent. Differences on purpose are rows of
 * one table, each with its reason; a row that no longer explains anything is an error too.
 */
#include "oracle.h"

#include "base/cleanup.h"
#include "fields/field.h"
#include "output/alert.h"

#include <jansson.h>

struct difference {
	const char *field; /* a trailing * stands for any ending */
	/* NULL: all that differs is meant. */
	bool (*is_meant)(const struct event *e, const json_t *got, const json_t *want);
	const char *reason;
	size_t count;
};

#define DELTA_REASON "the time since it was last asked for there, and printing asks for it twice: 0"
#define GARBAGE_REASON "uninitialised memory where an image's or a start's time is unknown"
#define CONTAINER_REASON "that run had no plugin to find containers: their ids are empty there"
#define PATH_REASON "names are looked up by the number of a directory that the event does not have"

static bool is_absent(const struct event *e, const json_t *got, const json_t *want)
{
	(void)e;
	return !got && json_is_integer(want);
}

static bool is_garbage(const struct event *e, const json_t *got, const json_t *want)
{
	(void)e, (void)want;
	return !got;
}

static bool is_zero_wanted(const struct event *e, const json_t *got, const json_t *want)
{
	(void)e;
	return got && json_is_integer(want) && json_integer_value(want) == 0;
}

/* But for the id before the colon. */
static bool has_container_more(const struct event *e, const json_t *got, const json_t *want)
{
	const char *g = json_string_value(got), *w = json_string_value(want);

	(void)e;
	return g && w && w[0] == ':' && strlen(g) > strlen(w) &&
	       strcmp(g + strlen(g) - strlen(w), w) == 0;
}

static bool is_path_found(const struct event *e, const json_t *got, const json_t *want)
{
	const char *g = json_string_value(got), *w = json_string_value(want);

	(void)e;
	return g && g[0] == '/' && w && strncmp(w, "<UNKNOWN>", 9) == 0;
}

static bool is_empty_data(const struct event *e, const json_t *got, const json_t *want)
{
	const char *w = json_string_value(want);
	int data = event_schema_param(e->schema, STR("data"));

	return data >= 0 && e->params[data].n == 0 && json_is_string(got) &&
	       json_string_length(got) == 0 && w && strncmp(w, "NULL", 4) == 0;
}

static bool is_number_traced(const struct event *e, const json_t *got, const json_t *want)
{
	(void)want;
	return !got && strcmp(event_kind_name(e->kind), "ptrace") == 0;
}

static struct difference differences[] = {
    {"evt.deltatime", is_zero_wanted, DELTA_REASON, 0},
    {"evt.deltatime.s", is_zero_wanted, DELTA_REASON, 0},
    {"evt.deltatime.ns", is_zero_wanted, DELTA_REASON, 0},
    {"proc.ppid.duration", is_absent,
     "that of a parent whose start nobody saw is another value there: its descriptors' number", 0},
    {"proc.exe_ino.ctime_duration_proc_start", is_garbage, GARBAGE_REASON, 0},
    {"proc.exe_ino.ctime_duration_pidns_start", is_garbage, GARBAGE_REASON, 0},
    {"fd.containername", has_container_more, CONTAINER_REASON, 0},
    {"fd.containerdirectory", has_container_more, CONTAINER_REASON, 0},
    {"fs.path.name", is_path_found, PATH_REASON, 0},
    {"fs.path.source", is_path_found, PATH_REASON, 0},
    {"evt.buffer", is_empty_data, "no data is NULL there, and what memory has behind that", 0},
    {"evt.buffer", is_number_traced, "ptrace's data is a number, not bytes", 0},
};

enum { FIELDS_MAX = 512, LINE_SIZE = 4 * ALERT_LINE_MAX };

struct field_result {
	char name[64];
	size_t agreed, differed, meant;
	char example[512];
};

struct agreement {
	const char *capture;
	FILE *expected;
	char *line;
	size_t line_room;
	struct rule rules[4]; /* whose outputs hold all fields, 250 each */
	size_t rule_count;
	char *json;
	struct arena scratch;
	char *scratch_memory;
	uint64_t first_time, previous_time;
	size_t events, unexpected;
};

static struct field_result results[FIELDS_MAX];
static size_t result_count;

static struct field_result *result_of(const char *name)
{
	for (size_t i = 0; i < result_count; i++)
		if (strcmp(results[i].name, name) == 0)
			return &results[i];
	assert_true(result_count < FIELDS_MAX);
	snprintf(results[result_count].name, sizeof(results[0].name), "%s", name);
	return &results[result_count++];
}

/* jansson has no numbers of 64 bits without sign: larger ones become texts. */
static json_t *read_json(const char *text)
{
	CLEANUP_FREE char *fixed = calloc(2, strlen(text) + 1);
	json_error_t error;
	char *out = fixed;
	bool in_text = false;
	json_t *json;

	for (const char *p = text; *p;) {
		size_t digits = in_text ? 0 : strspn(p, "0123456789");

		if (digits >= 19)
			*out++ = '"';
		memcpy(out, p, digits);
		out += digits;
		p += digits;
		if (digits >= 19)
			*out++ = '"';
		if (digits)
			continue;
		if (*p == '"')
			in_text = !in_text;
		if (*p == '\\')
			*out++ = *p++;
		*out++ = *p++;
	}
	json = json_loads(fixed, 0, &error);
	if (!json)
		fprintf(stderr, "%s\n%s\n", error.text, text);
	assert_non_null(json);
	return json;
}

static bool is_same(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

static struct difference *find_difference(const char *field, const struct event *e,
					  const json_t *got, const json_t *want)
{
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
		struct difference *d = &differences[i];
		size_t n = strlen(d->field);
		bool is_named = d->field[n - 1] == '*' ? strncmp(d->field, field, n - 1) == 0
						       : strcmp(d->field, field) == 0;

		if (is_named && (!d->is_meant || d->is_meant(e, got, want)))
			return d;
	}
	return NULL;
}

static void describe(char *out, size_t room, const struct agreement *c, const struct event *e,
		     const json_t *got, const json_t *want)
{
	CLEANUP_FREE char *g = got ? json_dumps(got, JSON_ENCODE_ANY) : NULL;
	CLEANUP_FREE char *w = want ? json_dumps(want, JSON_ENCODE_ANY) : NULL;

	snprintf(out, room, "%s event %llu (%s) of %d: got %.180s, want %.180s", c->capture,
		 (unsigned long long)e->number, event_kind_name(e->kind), (int)e->header->tid,
		 g ? g : "nothing", w ? w : "nothing");
}

static void compare_value(const struct agreement *c, const struct event *e, const char *field,
			  const json_t *got, const json_t *want)
{
	struct field_result *r = result_of(field);
	struct difference *d;

	if (json_is_null(got))
		got = NULL;
	if ((!got && !want) || (got && want && is_same(got, want))) {
		r->agreed += want != NULL;
		return;
	}
	d = find_difference(field, e, got, want);
	if (d) {
		d->count++;
		r->meant++;
		return;
	}
	if (!r->differed++)
		describe(r->example, sizeof(r->example), c, e, got, want);
}

static void compare_event(void *context, struct state *state, struct event *e)
{
	struct agreement *c = context;
	struct field_context ctx = {.event = e, .state = state, .scratch = &c->scratch};
	ssize_t n = getline(&c->line, &c->line_room, c->expected);
	json_t *want;
	const char *key;
	json_t *value;

	if (n <= 0) {
		if (!c->unexpected++)
			fprintf(stderr, "%s: event %llu (%s) is one too many\n", c->capture,
				(unsigned long long)e->number, event_kind_name(e->kind));
		return;
	}
	want = read_json(c->line);
	if (!c->first_time && !(e->schema->flags & EVENT_META))
		c->first_time = e->time;
	ctx.first_event_time = c->first_time;
	ctx.previous_event_time = c->previous_time;
	c->previous_time = e->time;
	ctx.hostname = "";
	c->events++;
	for (size_t i = 0; i < c->rule_count; i++) {
		struct alert_options options = {
		    .is_json = true, .include_output_fields = true, .hostname = ""};
		struct buffer line = {.p = c->json, .room = LINE_SIZE - 1};
		json_t *alert, *got;

		arena_fixed(&c->scratch, c->scratch_memory, 1 << 22);
		alert_format(&options, &c->rules[i], &ctx, &line);
		line.p[line.n] = '\0';
		alert = read_json(line.p);
		got = json_object_get(alert, "output_fields");
		/* Every alert has its time. */
		if (i > 0)
			json_object_del(got, "evt.time");
		json_object_foreach(got, key, value)
		{
			compare_value(c, e, key, value, json_object_get(want, key));
			json_object_del(want, key);
		}
		json_decref(alert);
	}
	json_object_foreach(want, key, value) compare_value(c, e, key, NULL, value);
	json_decref(want);
}

/* All fields that need no argument, and those with the arguments that the values were printed for.
 */
static size_t all_fields(struct str *out, struct arena *a)
{
	static const char *const with_arguments[] = {
	    "evt.arg[0]",       "evt.arg[1]",     "evt.arg[2]",       "evt.arg[3]",
	    "evt.arg[4]",       "evt.arg[5]",     "proc.acmdline[1]", "proc.aexe[1]",
	    "proc.aexepath[1]", "proc.aname[1]",  "proc.aname[2]",    "proc.apid[1]",
	    "proc.args[0]",     "proc.env[PATH]", "fd.types",
	};
	size_t count = 0;

	for (size_t i = 0; i < field_count; i++) {
		const struct field *f = &field_catalogue[i];
		bool is_metadata = strncmp(f->name, "container.", 10) == 0 ||
				   strncmp(f->name, "k8s.", 4) == 0 ||
				   strncmp(f->name, "proc.is_container", 17) == 0;

		if (f->sources & SOURCE_BIT(SOURCE_SYSCALL) && f->argument == ARGUMENT_NONE &&
		    !(f->flags & (FIELD_OURS | FIELD_FILTER_ONLY)) && !is_metadata)
			out[count++] = str_from(f->name);
	}
	for (size_t i = 0; i < sizeof(with_arguments) / sizeof(with_arguments[0]); i++)
		out[count++] = str_from(with_arguments[i]);
	(void)a;
	return count;
}

static void make_rules(struct agreement *c, struct arena *a)
{
	enum { FIELDS_OF_RULE = 200 };
	struct str fields[FIELDS_MAX];
	size_t count = all_fields(fields, a);
	struct error err;

	for (size_t i = 0; i < count; i += FIELDS_OF_RULE) {
		struct rule *rule = &c->rules[c->rule_count++];
		char *text = arena_bytes(a, FIELDS_OF_RULE * 80);
		struct buffer out = {.p = text, .room = FIELDS_OF_RULE * 80};

		for (size_t k = i; k < count && k < i + FIELDS_OF_RULE; k++) {
			buffer_put(&out, STR("%"));
			buffer_put(&out, fields[k]);
			buffer_putc(&out, ' ');
		}
		rule->name = STR("all fields");
		rule->priority = SEVERITY_INFORMATIONAL;
		assert_int_equal(template_parse(buffer_str(&out), SOURCE_BIT(SOURCE_SYSCALL), a,
						&rule->output, &err),
				 0);
	}
}

static void compare_capture(const char *name)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	CLEANUP_FREE char *json = malloc(LINE_SIZE);
	CLEANUP_FREE char *scratch = malloc(1 << 22);
	struct agreement c = {.capture = name, .json = json, .scratch_memory = scratch};
	char file[128];

	snprintf(file, sizeof(file), "%s.fields.jsonl.gz", name);
	c.expected = oracle_open(file, "gzip -dc");
	make_rules(&c, a);
	snprintf(file, sizeof(file), "%s.scap", name);
	oracle_replay(file, compare_event, &c);
	check_i64(getline(&c.line, &c.line_room, c.expected), -1, "events that are missing here");
	oracle_close(&c.expected);
	free(c.line);
	fprintf(stderr, "%s: %zu events\n", name, c.events);
	check_i64(c.unexpected, 0, "events that Falco does not have");
}

static void demand_files(const char *name)
{
	char file[128], path[512];

	snprintf(file, sizeof(file), "%s.scap", name);
	oracle_path(file, path, sizeof(path));
	snprintf(file, sizeof(file), "%s.fields.jsonl.gz", name);
	oracle_path(file, path, sizeof(path));
}

static int by_differences(const void *a, const void *b)
{
	const struct field_result *x = a, *y = b;

	if (x->differed != y->differed)
		return x->differed < y->differed ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void every_field_has_the_value_that_falco_prints(void **state)
{
	static const char *const captures[] = {
	    "cat_write",     "connect_localhost",   "curl_google",
	    "host_activity", "open-multiple-files", "test_ipv6_client",
	};
	size_t differed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++)
		demand_files(captures[i]);
	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++)
		compare_capture(captures[i]);
	qsort(results, result_count, sizeof(results[0]), by_differences);
	for (size_t i = 0; i < result_count; i++) {
		const struct field_result *r = &results[i];

		differed += r->differed;
		if (r->differed)
			fprintf(stderr, "%6zu differ, %6zu agree, %6zu meant: %s: %s\n",
				r->differed, r->agreed, r->meant, r->name, r->example);
	}
	fprintf(stderr, "fields without a value on any event:");
	for (size_t i = 0; i < result_count; i++)
		if (!results[i].agreed && !results[i].differed && !results[i].meant)
			fprintf(stderr, " %s", results[i].name);
	fprintf(stderr, "\n");
	check_i64(differed, 0, "values that differ");
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
		if (!differences[i].count) {
			fprintf(stderr, "%s: no difference any more: %s\n", differences[i].field,
				differences[i].reason);
			fail();
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_field_has_the_value_that_falco_prints),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Falco says of 700 conditions on a capture: those that it refuses must be refused, all others
 * accepted, and hold for as many events. The events are the values that Falco prints for them, so
 * that conditions are put to the test without captures, state and extractors. The files are read
 * where they are (SAKER_SHARED); a checkout without them skips the test.
 */
#include "../unit.h"
#include "base/cleanup.h"
#include "condition/condition.h"
#include "replace.h"

#include <arpa/inet.h>
#include <jansson.h>

static FILE *open_file(const char *name, const char *filter)
{
	const char *shared = getenv("SAKER_SHARED");
	const char *ci = getenv("CI");
	char path[4096], command[4200];

	snprintf(path, sizeof(path), "%s/upstream/captures/%s", shared ? shared : "../shared",
		 name);
	snprintf(command, sizeof(command), "%s '%s'", filter, path);
	if (access(path, R_OK) == 0)
		return popen(command, "re");
	if (ci && strcmp(ci, "true") == 0) {
		fprintf(stderr, "%s is missing\n", path);
		fail();
	}
	fprintf(stderr, "SKIP: %s is missing\n", path);
	skip();
	return NULL;
}

static void close_file(FILE **f)
{
	if (*f)
		pclose(*f);
}

struct judged {
	struct str result; /* a count or LOAD_ERR_... */
	struct str text;
};

/* The next line of the conditions' file; false at the end. The views live until the next. */
static bool next_condition(FILE *f, char **line, size_t *room, struct judged *out)
{
	ssize_t n;

	while ((n = getline(line, room, f)) > 0) {
		struct str all = {*line, (size_t)n - ((*line)[n - 1] == '\n')};
		size_t tab = str_find_byte(all, '\t', 0);

		out->result = str_slice(all, 0, tab);
		out->text = str_slice(all, tab + 1, all.n);
		if (tab < all.n && !str_equal_c(out->result, "result"))
			return true;
	}
	return false;
}

static int read_condition(struct str text, struct arena *a, struct condition **c, struct error *err)
{
	int r = condition_parse(text, a, c, err);

	return r < 0 ? r
		     : condition_check(*c, SOURCE_BIT(SOURCE_SYSCALL), a, NULL, NULL, NULL, err);
}

static void conditions_are_accepted_exactly_where_falco_accepts_them(void **state)
{
	__attribute__((cleanup(close_file))) FILE *f =
	    open_file("host_activity.conditions.tsv", "cat");
	CLEANUP_FREE char *line = NULL;
	size_t room = 0, count = 0, wrong = 0;
	struct judged j;

	(void)state;
	while (next_condition(f, &line, &room, &j)) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct condition *c;
		struct error err = {0};
		bool accepted = read_condition(j.text, a, &c, &err) == 0;

		count++;
		if (accepted != !str_equal_c(j.result, "LOAD_ERR_COMPILE_CONDITION")) {
			wrong++;
			fprintf(stderr, "%s: %.*s\n  Falco: %.*s\n  here: %s\n",
				accepted ? "accepted" : "refused", STR_ARG(j.text),
				STR_ARG(j.result), err.message);
		}
	}
	check_i64(wrong, 0, "conditions judged otherwise");
	check_i64(count, 700, "conditions");
}

/* An event as Falco printed it. Extractors are replaced by look-ups in it. */
struct printed_event {
	struct field_context ctx; /* first: what extractors are given */
	json_t *values;
};

/*
 * Values that are not printed as they are compared: a condition on them is left out. (evt.deltatime
 * is the time since it was last asked for, and printing asks for it more than once.)
 */
static bool is_unprintable(const struct field_use *use, const json_t *v)
{
	return str_starts_with(use->text, STR("evt.deltatime")) || use->type == VALUE_BYTES ||
	       (use->type == VALUE_STRING && !json_is_string(v));
}

static bool from_text(const struct field_use *use, const char *text, struct value *out)
{
	char *end;

	switch (use->type) {
	case VALUE_STRING:
		out->str = str_from(text);
		return true;
	case VALUE_IP:
		out->ip.size = strchr(text, '.') ? 4 : 16;
		return inet_pton(strchr(text, '.') ? AF_INET : AF_INET6, text, out->ip.bytes) == 1;
	default:
		out->u64 = strtoull(text, &end, use->field->flags & FIELD_HEX ? 16 : 10);
		return *end == '\0';
	}
}

static bool extract_printed(struct field_context *ctx, const struct field_use *use,
			    struct value *out)
{
	char key[256];
	const json_t *v;

	snprintf(key, sizeof(key), "%.*s", STR_ARG(use->text));
	v = json_object_get(((struct printed_event *)ctx)->values, key);
	*out = (struct value){.type = use->type};
	if (json_is_array(v)) {
		struct value *items = ARENA_ARRAY(ctx->scratch, struct value, json_array_size(v));

		for (size_t i = 0; i < json_array_size(v); i++)
			items[i] = value_str(str_from(json_string_value(json_array_get(v, i))));
		out->is_list = true;
		out->count = (uint32_t)json_array_size(v);
		out->list = items;
		return true;
	}
	if (json_is_string(v))
		return from_text(use, json_string_value(v), out);
	if (json_is_integer(v))
		out->i64 = json_integer_value(v);
	else if (json_is_boolean(v))
		out->u64 = json_is_true(v);
	else if (json_is_real(v))
		out->real = json_real_value(v);
	if (json_is_integer(v) && use->type == VALUE_DOUBLE)
		out->real = (double)json_integer_value(v);
	return v && !json_is_null(v);
}

enum { EVENTS_MAX = 4096 };
static json_t *events[EVENTS_MAX];

/* jansson has no numbers of 64 bits without sign: larger ones become texts. */
static json_t *read_event(const char *line)
{
	CLEANUP_FREE char *fixed = calloc(2, strlen(line) + 1);
	char *out = fixed;
	bool in_text = false;

	for (const char *p = line; *p;) {
		size_t digits = in_text ? 0 : strspn(p, "0123456789");

		if (digits >= 19)
			*out++ = '"';
		if (digits) {
			memcpy(out, p, digits);
			out += digits;
			p += digits;
			if (digits >= 19)
				*out++ = '"';
			continue;
		}
		if (*p == '"')
			in_text = !in_text;
		if (*p == '\\')
			*out++ = *p++;
		*out++ = *p++;
	}
	return json_loads(fixed, 0, NULL);
}

static size_t read_events(void)
{
	__attribute__((cleanup(close_file))) FILE *f =
	    open_file("host_activity.fields.jsonl.gz", "gzip -dc");
	CLEANUP_FREE char *line = NULL;
	size_t room = 0, count = 0;

	while (getline(&line, &room, f) > 0 && count < EVENTS_MAX) {
		events[count] = read_event(line);
		assert_non_null(events[count]);
		count++;
	}
	return count;
}

static void find_unprintable(const struct field_use *use, void *context)
{
	bool *found = context;
	char key[256];

	snprintf(key, sizeof(key), "%.*s", STR_ARG(use->text));
	for (size_t i = 0; events[i]; i++) {
		const json_t *v = json_object_get(events[i], key);

		*found |= v && is_unprintable(use, v);
	}
}

static bool has_unprintable(const struct condition *c)
{
	bool found = false;

	if (c->kind == CONDITION_COMPARE) {
		expression_visit(c->comparison->left, find_unprintable, &found);
		if (c->comparison->right)
			expression_visit(c->comparison->right, find_unprintable, &found);
		return found;
	}
	for (size_t i = 0; c->kind <= CONDITION_NOT && i < c->child_count; i++)
		found |= has_unprintable(c->children[i]);
	return found;
}

static size_t count_events(const struct condition *c)
{
	static char memory[1 << 20];
	struct arena scratch;
	struct printed_event e = {.ctx.scratch = &scratch};
	size_t count = 0;

	for (size_t i = 0; events[i]; i++) {
		arena_fixed(&scratch, memory, sizeof(memory));
		e.values = events[i];
		count += condition_holds(c, &e.ctx);
	}
	return count;
}

static void conditions_hold_for_as_many_events_as_falco_says(void **state)
{
	size_t event_count = read_events();
	__attribute__((cleanup(close_file))) FILE *f =
	    open_file("host_activity.conditions.tsv", "cat");
	CLEANUP_FREE char *line = NULL;
	size_t room = 0, wrong = 0, compared = 0;
	struct judged j;

	(void)state;
	while (next_condition(f, &line, &room, &j)) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct condition *c;
		uint64_t want;

		if (!str_to_u64(j.result, &want) || read_condition(j.text, a, &c, NULL) < 0 ||
		    has_unprintable(c))
			continue;
		replace_all_extractors(c, extract_printed, a);

		size_t got = count_events(c);

		compared++;
		if (got != want) {
			wrong++;
			fprintf(stderr, "%.*s\n  Falco: %llu events, here: %zu\n", STR_ARG(j.text),
				(unsigned long long)want, got);
		}
	}
	for (size_t i = 0; i < event_count; i++)
		json_decref(events[i]);
	fprintf(stderr, "%zu events, %zu conditions\n", event_count, compared);
	check_i64(wrong, 0, "conditions that hold for other events");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions_are_accepted_exactly_where_falco_accepts_them),
	    cmocka_unit_test(conditions_hold_for_as_many_events_as_falco_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

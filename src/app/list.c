/* SPDX-License-Identifier: Apache-2.0 */
#include "app/list.h"

#include "event/schema.h"
#include "fields/field.h"

#include <jansson.h>
#include <stdlib.h>

enum { TEXT_INDENT = 30, TEXT_WIDTH = 120 };

const char *event_source_name(int source)
{
	static const char *const names[SOURCE_COUNT] = {
	    [SOURCE_SYSCALL] = "syscall",
	    [SOURCE_K8S_AUDIT] = "k8s_audit",
	};

	return names[source];
}

/* "evt" of evt.num. */
static struct str class_of(const char *name)
{
	struct str s = str_from(name);

	return str_slice(s, 0, str_find_byte(s, '.', 0));
}

static void print_wrapped(FILE *out, const char *text)
{
	int used = 0;

	for (const char *p = text; *p;) {
		int n = (int)strcspn(p, " \n");

		if (used + n + 1 > TEXT_WIDTH - TEXT_INDENT && used > 0) {
			fprintf(out, "\n%*s", TEXT_INDENT, "");
			used = 0;
		}
		fprintf(out, "%.*s ", n, p);
		used += n + 1;
		p += n + (p[n] != '\0');
	}
	fputc('\n', out);
}

/* What a reader must know to use it, in words for pages and as Falco's tags for text. */
static const struct {
	uint32_t flag;
	const char *words, *tag;
} notes[] = {
    {FIELD_FILTER_ONLY, "not in outputs", "FILTER_ONLY"},
    {FIELD_PRINT_ONLY, "meant for outputs", "PRINT_ONLY"},
    {FIELD_DEPRECATED, "deprecated", "EPF_DEPRECATED"},
    {FIELD_NO_RHS, "not on the right of an operator", "EPF_NO_RHS"},
    {FIELD_NO_TRANSFORMER, "not in a transformer", "EPF_NO_TRANSFORMER"},
    {FIELD_LIST, "list", "EPF_IS_LIST"},
    {FIELD_OURS, "not a field of Falco's", "OURS"},
};

static void describe_use(const struct field *f, bool as_tags, char *text, size_t room)
{
	static const char *const forms[] = {"index", "key", "index or key"};
	static const char *const form_tags[] = {"ARG_INDEX", "ARG_KEY", "ARG_INDEX,ARG_KEY"};
	bool is_required = f->argument == ARGUMENT_REQUIRED;
	size_t n = 0;

	text[0] = '\0';
	if (f->argument != ARGUMENT_NONE && as_tags)
		n += (size_t)snprintf(text, room, "%s,%s",
				      is_required ? "ARG_REQUIRED" : "ARG_ALLOWED",
				      form_tags[f->argument_form]);
	else if (f->argument != ARGUMENT_NONE)
		n += (size_t)snprintf(text, room, "%s[%s]", is_required ? "needs " : "takes ",
				      forms[f->argument_form]);
	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes) && n < room; i++)
		if (f->flags & notes[i].flag)
			n += (size_t)snprintf(text + n, room - n, "%s%s",
					      n == 0    ? ""
					      : as_tags ? ","
							: ", ",
					      as_tags ? notes[i].tag : notes[i].words);
}

/* Bars would end a table's cell. */
static void print_cell(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\%c" : "%c", *text == '\n' ? ' ' : *text);
}

static void print_sources(FILE *out, uint32_t sources)
{
	for (int i = 0; i < SOURCE_COUNT; i++)
		if (sources & SOURCE_BIT(i))
			fprintf(out, "%s ", event_source_name(i));
}

static void print_class(FILE *out, struct str class, uint32_t sources, bool is_page)
{
	if (is_page) {
		fprintf(out, "\n## Field Class: %.*s\n\nEvent Sources: ", STR_ARG(class));
		print_sources(out, sources);
		fputs("\n\nName | Type | Use | Description\n:----|:-----|:----|:-----------\n",
		      out);
	} else {
		fprintf(out, "-------------------------------\n%-*s%.*s\n%-*s", TEXT_INDENT,
			"Field Class:", STR_ARG(class), TEXT_INDENT, "Event Sources:");
		print_sources(out, sources);
		fputs("\n\n", out);
	}
}

static void print_field(FILE *out, const struct field *f, const struct list_options *options)
{
	char use[256], text[4096];
	bool is_page = options->format == LIST_MARKDOWN;

	describe_use(f, !is_page, use, sizeof(use));
	if (is_page) {
		fprintf(out, "`%s` | %s | %s | ", f->name, f->type_name, use);
		print_cell(out, f->description);
		fputc('\n', out);
		return;
	}
	if (strlen(f->name) >= TEXT_INDENT)
		fprintf(out, "%s\n%*s", f->name, TEXT_INDENT, "");
	else
		fprintf(out, "%-*s", TEXT_INDENT, f->name);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", options->is_verbose ? "(Type: " : "",
		 options->is_verbose ? f->type_name : "", options->is_verbose ? ") " : "",
		 use[0] ? "(" : "", use, use[0] ? ") " : "", f->description);
	print_wrapped(out, text);
}

static json_t *json_of_field(const struct field *f)
{
	json_t *argument = json_null();

	if (f->argument != ARGUMENT_NONE) {
		json_t *types = json_array();

		if (f->argument_form != ARGUMENT_KEY)
			json_array_append_new(types, json_string("INDEX"));
		if (f->argument_form != ARGUMENT_INDEX)
			json_array_append_new(types, json_string("KEY"));
		argument = json_pack("{s:b, s:o}", "required", f->argument == ARGUMENT_REQUIRED,
				     "type", types);
	}
	return json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", f->name, "type", f->type_name, "desc",
			 f->description, "is_list", !!(f->flags & FIELD_LIST), "argument",
			 argument);
}

static json_t *json_of_class(struct str class, uint32_t sources)
{
	json_t *names = json_array();

	for (int i = 0; i < SOURCE_COUNT; i++)
		if (sources & SOURCE_BIT(i))
			json_array_append_new(names, json_string(event_source_name(i)));
	return json_pack("{s:s%, s:o, s:[]}", "name", class.p, class.n, "event_sources", names,
			 "fields");
}

static void print_json(FILE *out, json_t *json)
{
	json_dumpf(json, out, JSON_INDENT(2) | JSON_SORT_KEYS);
	fputc('\n', out);
	json_decref(json);
}

static bool is_listed(const struct field *f, const struct list_options *options)
{
	/* Names are for what is written today; tables tell of older fields, too. */
	return f->sources & options->sources &&
	       !(f->flags & FIELD_DEPRECATED &&
		 (options->names_only || options->format == LIST_JSON));
}

void list_fields(FILE *out, const struct list_options *options)
{
	bool is_json = options->format == LIST_JSON;
	json_t *list = json_array(), *fields = NULL;
	struct str class = {0};

	if (options->format == LIST_MARKDOWN && !options->names_only)
		fputs("# Fields\n\nMade by `make docs` from the program's own catalogue.\n", out);
	for (size_t i = 0; i < field_count; i++) {
		const struct field *f = &field_catalogue[i];

		if (!is_listed(f, options))
			continue;
		if (options->names_only) {
			if (is_json)
				json_array_append_new(list, json_string(f->name));
			else
				fprintf(out, "%s\n", f->name);
			continue;
		}
		if (!str_equal(class, class_of(f->name))) {
			class = class_of(f->name);
			if (is_json) {
				json_t *json = json_of_class(class, f->sources & options->sources);

				fields = json_object_get(json, "fields");
				json_array_append_new(list, json);
			} else {
				if (options->format == LIST_TEXT && i)
					fputc('\n', out);
				print_class(out, class, f->sources & options->sources,
					    options->format == LIST_MARKDOWN);
			}
		}
		if (is_json)
			json_array_append_new(fields, json_of_field(f));
		else
			print_field(out, f, options);
	}
	if (is_json)
		print_json(
		    out,
		    json_pack("{s:O}", options->names_only ? "fieldnames" : "fieldclasses", list));
	json_decref(list);
}

/* In the order in which they are printed. */
enum event_group { GROUP_SYSCALL, GROUP_TRACEPOINT, GROUP_PLUGIN, GROUP_META, GROUP_COUNT };

static const char *const group_names[GROUP_COUNT] = {"Syscall events", "Tracepoint events",
						     "Plugin events", "Metaevents"};

static enum event_group group_of(const struct event_schema *schema)
{
	if (schema->flags & EVENT_SYSCALL)
		return GROUP_SYSCALL;
	if (schema->flags & EVENT_META)
		return GROUP_META;
	return strcmp(schema->name, "pluginevent") == 0 ? GROUP_PLUGIN : GROUP_TRACEPOINT;
}

static const char *direction_of(const struct event_schema *schema)
{
	return schema->flags & EVENT_ENTER ? ">" : "<";
}

static void print_params(FILE *out, const struct event_schema *schema, bool is_page)
{
	for (unsigned i = 0; i < schema->nparams; i++) {
		const struct param_schema *param = &schema->params[i];

		fprintf(out, "%s%s **%s**", i ? ", " : "", param_type_name(param->type),
			param->name);
		for (unsigned k = 0; param->flags && k < param->flags->count; k++)
			fprintf(out, is_page ? "%s*%s*" : "%s%s", k ? ", " : ": ",
				param->flags->flags[k].name);
	}
}

static json_t *json_of_event(const struct event_schema *schema, const char *name)
{
	json_t *params = json_array();

	for (unsigned i = 0; i < schema->nparams; i++) {
		const struct param_schema *param = &schema->params[i];
		json_t *json = json_pack("{s:s, s:s}", "name", param->name, "type",
					 param_type_name(param->type));
		json_t *flags = json_array();

		for (unsigned k = 0; param->flags && k < param->flags->count; k++)
			json_array_append_new(flags, json_string(param->flags->flags[k].name));
		if (param->flags)
			json_object_set(json, "flags", flags);
		json_decref(flags);
		json_array_append_new(params, json);
	}
	return json_pack("{s:s, s:s, s:b, s:o}", "name", name, "dir", direction_of(schema),
			 "available", 1, "params", params);
}

static void print_event(FILE *out, const struct event_schema *schema, const char *name,
			const struct list_options *options, json_t *list)
{
	if (options->format == LIST_JSON) {
		json_array_append_new(list, options->names_only ? json_string(name)
								: json_of_event(schema, name));
	} else if (options->names_only) {
		fprintf(out, "%s\n", name);
	} else if (options->format == LIST_MARKDOWN) {
		fprintf(out, "Yes | `%s` | `%s` | ", direction_of(schema), name);
		print_params(out, schema, true);
		fputc('\n', out);
	} else {
		fprintf(out, "%s %s(", direction_of(schema), name);
		print_params(out, schema, false);
		fputs(")\n", out);
	}
}

/* Of calls it is today's exit events that are made; what is no call is written as an enter event.
 */
static bool is_event_listed(const struct event_schema *schema, uint16_t code)
{
	bool is_of_call = schema && schema->flags & EVENT_SYSCALL;

	return schema && code > 1 && !(schema->flags & (EVENT_UNUSED | EVENT_OLD_VERSION)) &&
	       !(is_of_call && schema->flags & EVENT_ENTER) &&
	       event_code_by_name(str_from(schema->name)) == code;
}

/* Those of a group; system calls without an event of their own behind the others. */
static void print_group(FILE *out, enum event_group group, const struct list_options *options,
			json_t *list)
{
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		if (is_event_listed(schema, code) && group_of(schema) == group)
			print_event(out, schema, schema->name, options, list);
	}
	for (uint16_t nr = 0; group == GROUP_SYSCALL && nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		if (s && s->code == 1)
			print_event(out, event_schema_of_generic(s->kind), s->name, options, list);
	}
}

void list_events(FILE *out, const struct list_options *options)
{
	bool is_page = options->format == LIST_MARKDOWN, is_json = options->format == LIST_JSON;
	json_t *all = json_pack("{s:s}", "schema_version", EVENT_SCHEMA_VERSION);

	if (is_page)
		fputs("# Events\n\nMade by `make docs` from the program's own schema.\n\n", out);
	if (!is_json && !options->names_only)
		fputs("The events below are valid for *Schema Version*: " EVENT_SCHEMA_VERSION "\n",
		      out);
	for (int group = 0; group < GROUP_COUNT; group++) {
		json_t *list = json_array();

		if (!is_json && !options->names_only)
			fprintf(out, "%s## %s\n\n%s", is_page ? "\n" : "", group_names[group],
				is_page ? "Default | Dir | Name | Params \n"
					  ":-------|:----|:-----|:-----\n"
					: "");
		print_group(out, (enum event_group)group, options, list);
		if (options->format == LIST_TEXT && !options->names_only)
			fputc('\n', out);
		json_object_set_new(all, group_names[group], list);
	}
	if (is_json)
		print_json(out, json_incref(all));
	json_decref(all);
}

/*
 * Falco leaves out what reads and writes, because it collects by call. Here the rules decide, and
 * the kernel discards what none of them can match: nothing is left out that a rule asks for.
 */
void list_ignored_events(FILE *out)
{
	fputs("Ignored syscall(s):\n\n", out);
}

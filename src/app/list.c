/* SPDX-License-Identifier: Apache-2.0 */
#include "app/list.h"

#include "event/schema.h"
#include "fields/field.h"

enum { NAME_WIDTH = 34, TEXT_WIDTH = 100 };

/* "evt" of evt.num. */
static struct str class_of(const char *name)
{
	struct str s = str_from(name);

	return str_slice(s, 0, str_find_byte(s, '.', 0));
}

static void print_wrapped(FILE *out, const char *text, int indent)
{
	int column = indent;

	for (const char *p = text; *p;) {
		int n = (int)strcspn(p, " \n");

		if (column + n > TEXT_WIDTH && column > indent) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		}
		fprintf(out, "%.*s ", n, p);
		column += n + 1;
		p += n + (p[n] != '\0');
	}
	fputc('\n', out);
}

/* What a reader must know to use it: "list", "[index]", "not in outputs". */
static void describe_use(const struct field *f, char *text, size_t room)
{
	static const char *const forms[] = {"index", "key", "index or key"};
	static const struct {
		uint32_t flag;
		const char *text;
	} notes[] = {
	    {FIELD_LIST, "list"},
	    {FIELD_FILTER_ONLY, "not in outputs"},
	    {FIELD_PRINT_ONLY, "not in conditions"},
	    {FIELD_NO_RHS, "not on the right of an operator"},
	    {FIELD_NO_TRANSFORMER, "not in a transformer"},
	    {FIELD_DEPRECATED, "deprecated"},
	    {FIELD_OURS, "not a field of Falco's"},
	};
	size_t n = 0;

	text[0] = '\0';
	if (f->argument != ARGUMENT_NONE)
		n += (size_t)snprintf(text, room, "%s[%s]",
				      f->argument == ARGUMENT_REQUIRED ? "needs " : "takes ",
				      forms[f->argument_form]);
	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes) && n < room; i++)
		if (f->flags & notes[i].flag)
			n += (size_t)snprintf(text + n, room - n, "%s%s", n ? ", " : "",
					      notes[i].text);
}

/* Bars would end a table's cell. */
static void print_cell(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\%c" : "%c", *text == '\n' ? ' ' : *text);
}

void list_fields(FILE *out, const struct list_options *options)
{
	struct str class = {0};

	if (options->markdown)
		fputs("# Fields\n\nMade by `make docs` from the program's own catalogue.\n", out);
	for (size_t i = 0; i < field_count; i++) {
		const struct field *f = &field_catalogue[i];
		char use[256];

		if (!(f->sources & options->sources))
			continue;
		if (options->names_only) {
			fprintf(out, "%s\n", f->name);
			continue;
		}
		describe_use(f, use, sizeof(use));
		if (!str_equal(class, class_of(f->name))) {
			class = class_of(f->name);
			if (options->markdown)
				fprintf(out,
					"\n## %.*s\n\n| field | type | use | meaning "
					"|\n|---|---|---|---|\n",
					STR_ARG(class));
			else
				fprintf(out, "%s%.*s\n", i ? "\n" : "", STR_ARG(class));
		}
		if (options->markdown) {
			fprintf(out, "| `%s` | %s | %s | ", f->name, f->type_name, use);
			print_cell(out, f->description);
			fputs(" |\n", out);
			continue;
		}
		fprintf(out, "  %-*s (%s%s%s)\n%*s", NAME_WIDTH - 2, f->name, f->type_name,
			use[0] ? "; " : "", use, NAME_WIDTH, "");
		print_wrapped(out, f->description, NAME_WIDTH);
	}
}

void list_events(FILE *out, const struct list_options *options)
{
	if (options->markdown)
		fputs("# Events\n\nMade by `make docs` from the program's own schema. System "
		      "calls that are not listed are events too: of one parameter, their number.\n"
		      "\n| event | category | parameters |\n|---|---|---|\n",
		      out);
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);

		if (!schema || schema->flags & (EVENT_UNUSED | EVENT_OLD_VERSION | EVENT_ENTER) ||
		    event_code_by_name(str_from(schema->name)) != code)
			continue;
		if (options->names_only) {
			fprintf(out, "%s\n", schema->name);
			continue;
		}
		if (options->markdown)
			fprintf(out, "| `%s` | %s | ", schema->name,
				event_category_name(schema->category));
		else
			fprintf(out, "%s(", schema->name);
		for (unsigned i = 0; i < schema->nparams; i++)
			fprintf(out, "%s%s", i ? ", " : "", schema->params[i].name);
		fputs(options->markdown ? " |\n" : ")\n", out);
	}
}

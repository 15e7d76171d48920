/* SPDX-License-Identifier: Apache-2.0 */
/* What a load gave, for people and (in the shape of Falco's -V with JSON output) for programs. */
#include "base/utf8.h"
#include "rules/loader.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* A problem that concerns no file is told with the first. */
static bool is_of_file(const struct rule_set *set, const struct diagnostic *d, size_t file)
{
	return strcmp(d->file, set->files[file].path) == 0 || (!d->file[0] && file == 0);
}

static size_t count_of_file(const struct rule_set *set, size_t file, enum diagnostic_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < set->diagnostic_count; i++)
		n += set->diagnostics[i].level == level &&
		     is_of_file(set, &set->diagnostics[i], file);
	return n;
}

static void print_diagnostics(FILE *out, const struct rule_set *set, size_t file,
			      enum diagnostic_level level)
{
	for (size_t i = 0; i < set->diagnostic_count; i++) {
		const struct diagnostic *d = &set->diagnostics[i];
		char memory[4096];
		struct buffer b = BUFFER(memory);

		if (d->level != level || !is_of_file(set, d, file))
			continue;
		diagnostic_print(d, &b);
		fwrite(b.p, 1, b.n, out);
		if (b.is_truncated)
			fputc('\n', out);
	}
}

static void print_file(FILE *out, const struct rule_set *set, size_t file, bool with_warnings)
{
	size_t errors = count_of_file(set, file, DIAGNOSTIC_ERROR);
	size_t warnings = count_of_file(set, file, DIAGNOSTIC_WARNING);
	size_t schema = count_of_file(set, file, DIAGNOSTIC_SCHEMA);

	fprintf(out, "%s: %s%s\n", set->files[file].path, errors ? "Invalid" : "Ok",
		!errors && warnings ? ", with warnings" : "");
	if (schema) {
		fprintf(out, "%zu Schema warning%s:\n", schema, schema == 1 ? "" : "s");
		print_diagnostics(out, set, file, DIAGNOSTIC_SCHEMA);
	}
	if (errors) {
		fprintf(out, "%zu Error%s:\n", errors, errors == 1 ? "" : "s");
		print_diagnostics(out, set, file, DIAGNOSTIC_ERROR);
	}
	if (warnings && with_warnings) {
		fprintf(out, "%zu Warning%s:\n", warnings, warnings == 1 ? "" : "s");
		print_diagnostics(out, set, file, DIAGNOSTIC_WARNING);
	}
}

char *rules_report_text(const struct rule_set *set, bool with_warnings)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < set->file_count; i++)
		print_file(out, set, i, with_warnings);

	size_t hidden =
	    set->error_count + set->warning_count + set->schema_count - set->diagnostic_count;

	if (hidden)
		fprintf(out, "%zu further problems are not shown.\n", hidden);
	fclose(out);
	return text;
}

/* Messages and snippets may have been cut inside a character. */
static json_t *json_text(struct str s)
{
	return json_stringn(s.p ? s.p : "", utf8_valid_prefix(s));
}

static json_t *json_location(const char *type, struct str name, const char *file, uint32_t line,
			     uint32_t column, uint32_t offset)
{
	return json_pack("{s:s, s:o, s:{s:s, s:i, s:i, s:i}}", "item_type", type, "item_name",
			 json_text(name), "position", "name", file, "line", (int)line, "column",
			 (int)column, "offset", (int)offset);
}

static json_t *json_locations(const struct diagnostic *d)
{
	json_t *all = json_array();
	bool is_at_item = d->item_line == d->line && d->item_column == d->column;

	json_array_append_new(all, json_location("rules content", STR(""), d->file, 0, 0, 0));
	if (d->item_line)
		json_array_append_new(all,
				      json_location(d->item_type, d->item_name, d->file,
						    d->item_line, d->item_column, d->item_offset));
	if (d->line && (!d->item_line || !is_at_item || d->part[0]))
		json_array_append_new(all, json_location(d->part[0]     ? d->part
							 : d->item_line ? "value for"
									: "rules content item",
							 d->part_name, d->file, d->line, d->column,
							 d->offset));
	return all;
}

static json_t *json_diagnostic(const struct diagnostic *d)
{
	char memory[1024];
	struct buffer b = BUFFER(memory);

	if (d->snippet.n) {
		buffer_put(&b, d->snippet);
		buffer_putc(&b, '\n');
		for (uint32_t i = 0; i < d->snippet_caret && i < d->snippet.n; i++)
			if ((d->snippet.p[i] & 0xc0) != 0x80)
				buffer_putc(&b, ' ');
		buffer_put(&b, STR("^\n"));
	}
	return json_pack("{s:{s:o, s:o}, s:s, s:s, s:o}", "context", "locations", json_locations(d),
			 "snippet", json_text(buffer_str(&b)), "code", d->code, "codedesc",
			 diagnostic_title(d->code), "message", json_text(d->message));
}

static json_t *json_file(const struct rule_set *set, size_t file)
{
	json_t *errors = json_array(), *warnings = json_array(), *schema = json_array();
	bool is_valid;

	for (size_t i = 0; i < set->diagnostic_count; i++) {
		const struct diagnostic *d = &set->diagnostics[i];

		if (!is_of_file(set, d, file))
			continue;
		if (d->level != DIAGNOSTIC_SCHEMA)
			json_array_append_new(d->level == DIAGNOSTIC_ERROR ? errors : warnings,
					      json_diagnostic(d));
		if (d->is_of_schema)
			json_array_append_new(schema, json_text(d->message));
	}
	is_valid = json_array_size(schema) == 0;
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o}", "name", set->files[file].path,
			 "successful", json_array_size(errors) == 0, "schema_valid", is_valid,
			 "schema_warnings", schema, "errors", errors, "warnings", warnings);
}

char *rules_report_json(const struct rule_set *set)
{
	json_t *all = json_array();
	char *text;

	for (size_t i = 0; i < set->file_count; i++)
		json_array_append_new(all, json_file(set, i));
	text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(all);
	return text;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/loader.h"

#include <stdio.h>
#include <stdlib.h>

/* The codes, and upstream's words for them. */
static const struct {
	const char *code, *title;
} titles[] = {
    {"LOAD_ERR_FILE_READ", "File read error"},
    {"LOAD_ERR_YAML_PARSE", "YAML parse error"},
    {"LOAD_ERR_YAML_VALIDATE", "Error validating internal structure of YAML file"},
    {"LOAD_ERR_COMPILE_CONDITION", "Error compiling condition"},
    {"LOAD_ERR_COMPILE_OUTPUT", "Error compiling output"},
    {"LOAD_ERR_VALIDATE", "Error validating rule/macro/list/exception objects"},
    {"LOAD_ERR_EXTENSION", "Error in extension item"},
    {"LOAD_UNKNOWN_SOURCE", "Unknown event source"},
    {"LOAD_UNSAFE_NA_CHECK", "Unsafe <NA> comparison in condition"},
    {"LOAD_NO_EVTTYPE", "Condition has no event-type restriction"},
    {"LOAD_UNKNOWN_FILTER", "Unknown field or event-type in condition or output"},
    {"LOAD_UNUSED_MACRO", "Unused macro"},
    {"LOAD_UNUSED_LIST", "Unused list"},
    {"LOAD_UNKNOWN_ITEM", "Unknown rules file item"},
    {"LOAD_DEPRECATED_ITEM", "Used deprecated item"},
    {"LOAD_WARNING_EXTENSION", "Warning in extension item"},
    {"LOAD_APPEND_NO_VALUES", "Overriding/appending with no values"},
    {"LOAD_EXCEPTION_NAME_NOT_UNIQUE", "Multiple exceptions defined with the same name"},
    {"LOAD_INVALID_MACRO_NAME", "Invalid macro name"},
    {"LOAD_INVALID_LIST_NAME", "Invalid list name"},
    {"LOAD_COMPILE_CONDITION", "Warning in rule condition"},
    {"LOAD_UNKNOWN_KEY", "Unknown key in item definition"},
};

const char *diagnostic_title(const char *code)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (strcmp(titles[i].code, code) == 0)
			return titles[i].title;
	return "";
}

static bool is_utf8_inside(struct str line, size_t at)
{
	return at < line.n && (line.p[at] & 0xc0) == 0x80;
}

/* The line, or of a long one the part around the place: lists of a thousand names stand on one. */
static void cut_snippet(struct diagnostic *d, struct str line, struct arena *arena)
{
	enum { BEFORE = 80, AFTER = 80 };
	size_t at = d->column ? d->column - 1 : 0;

	if (at > line.n)
		at = line.n;
	size_t from = at > BEFORE ? at - BEFORE : 0;
	size_t to = line.n - at > AFTER ? at + AFTER : line.n;

	while (from > 0 && is_utf8_inside(line, from))
		from--;
	while (is_utf8_inside(line, to))
		to++;
	d->snippet = arena_printf(arena, "%s%.*s%s", from ? "..." : "", (int)(to - from),
				  line.p + from, to < line.n ? "..." : "");
	d->snippet_caret = (uint32_t)(at - from + (from ? 3 : 0));
}

/* What stands in a macro is met again with each rule that uses it, and told once. */
static bool was_told(struct loader *l, const char *code, const struct place *at, struct str message)
{
	uint64_t key = str_hash(message) ^ hash_u64(at->offset) ^
		       hash_u64((uintptr_t)at->file + str_hash(str_from(code)));

	return u64map_put(&l->told, key, l) != NULL;
}

static bool is_of_schema(enum diagnostic_level level, const char *code)
{
	return level == DIAGNOSTIC_SCHEMA || strcmp(code, "LOAD_ERR_YAML_VALIDATE") == 0 ||
	       strcmp(code, "LOAD_UNKNOWN_KEY") == 0 || strcmp(code, "LOAD_UNKNOWN_ITEM") == 0;
}

void diagnose(struct loader *l, enum diagnostic_level level, const char *code,
	      const struct place *at, const char *format, ...)
{
	struct arena *arena = l->set->arena;
	struct diagnostic d = {
	    .level = level, .code = code, .file = "", .item_type = "", .part = ""};
	char message[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (was_told(l, code, at, str_from(message)))
		return;
	if (level == DIAGNOSTIC_ERROR)
		l->set->error_count++;
	else if (level == DIAGNOSTIC_WARNING)
		l->set->warning_count++;
	else
		l->set->schema_count++;
	if (l->diagnostics.count >= DIAGNOSTICS_MAX)
		return;
	d.message = arena_str(arena, str_from(message));
	d.is_of_schema = is_of_schema(level, code) && !at->is_beyond_schema;
	if (at->item) {
		struct yaml_position p = yaml_locate(at->item->at.file, at->item->at.node->offset);

		d.item_type = at->item->type;
		d.item_name = arena_str(arena, at->item->name);
		d.item_offset = at->item->at.node->offset;
		d.item_line = p.line;
		d.item_column = p.column;
	}
	if (at->part) {
		d.part = at->part;
		d.part_name = arena_str(arena, at->part_name);
	}
	if (at->file)
		d.file = arena_cstr(arena, str_from(at->file->name));
	if (at->file && at->file->line_count) {
		struct yaml_position p = yaml_locate(at->file, at->offset);

		d.offset = (uint32_t)at->offset;
		d.line = p.line;
		d.column = p.column;
		cut_snippet(&d, yaml_line(at->file, p.line), arena);
	}
	VEC_PUSH(&l->diagnostics, d);
}

/*
 *   rules.yaml:4:30: error: unknown field 'foo.bar' [LOAD_ERR_COMPILE_CONDITION]
 *     in rule 'r', rule condition
 *       condition: evt.type=open and foo.bar=1
 *                                    ^
 */
void diagnostic_print(const struct diagnostic *d, struct buffer *out)
{
	buffer_put(out, str_from(d->file));
	if (d->line)
		buffer_printf(out, ":%u:%u", d->line, d->column);
	buffer_put(out, d->level == DIAGNOSTIC_ERROR ? STR(": error: ") : STR(": warning: "));
	buffer_put(out, d->message);
	buffer_printf(out, d->code[0] ? " [%s]\n" : "\n", d->code);
	if (d->item_type[0]) {
		buffer_printf(out, "  in %s", d->item_type);
		if (d->item_name.n)
			buffer_printf(out, " '%.*s'", STR_ARG(d->item_name));
		if (d->part[0])
			buffer_printf(out, ", %s", d->part);
		if (d->part[0] && d->part_name.n)
			buffer_printf(out, " '%.*s'", STR_ARG(d->part_name));
		buffer_putc(out, '\n');
	}
	if (!d->snippet.n)
		return;
	buffer_put(out, STR("    "));
	buffer_put(out, d->snippet);
	buffer_put(out, STR("\n    "));
	/* Tabs stay tabs, and the bytes of one character count once, so that the caret fits. */
	for (uint32_t i = 0; i < d->snippet_caret && i < d->snippet.n; i++)
		if ((d->snippet.p[i] & 0xc0) != 0x80)
			buffer_putc(out, d->snippet.p[i] == '\t' ? '\t' : ' ');
	buffer_put(out, STR("^\n"));
}

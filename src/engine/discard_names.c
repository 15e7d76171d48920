/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons of a file's name, its directory or its last component → patterns of whole, normal
 * names: absolute, components separated by single slashes, none of them "." or "..".
 */
#include "engine/discard.h"

#include "condition/glob.h"
#include "engine/name_automaton.h"
#include "fields/extractors.h"

/* What of the name a field shows. */
enum name_part { PART_WHOLE, PART_DIRECTORY, PART_LAST };

static enum name_part part_of(const struct field *field, enum discard_file file)
{
	if (field->extract != field_fd)
		return PART_WHOLE;
	if (field->selector == FDV_FILENAME)
		return PART_LAST;
	/* A directory is its own. */
	return file == DISCARD_FILE_DIRECTORY ? PART_WHOLE : PART_DIRECTORY;
}

static bool has_slash(struct str text)
{
	return str_find_byte(text, '/', 0) < text.n;
}

/* The last component, of which something was said before: the rest of it. */
static void end_component(struct name_patterns *p)
{
	name_pattern_some(p, NAME_BYTES_NO_SLASH);
}

/* "/" and the last component, whatever it is. */
static void add_last(struct name_patterns *p)
{
	name_pattern_text(p, STR("/"));
	name_pattern_one(p, NAME_BYTES_NO_SLASH);
	end_component(p);
}

/*
 * What cannot be said: what the root directory, whose name alone ends with a slash, may be with
 * others, last components with a slash in them, of which there are none, and sets of bytes.
 */
static bool can_be_said(enum name_part part, enum operator op, struct str text)
{
	bool ends_with_slash = text.n && text.p[text.n - 1] == '/';
	bool is_prefix = op == OP_STARTSWITH || op == OP_PMATCH;

	if (text.n == 0 || ((op == OP_GLOB || op == OP_PMATCH) && !name_glob_is_plain(text)))
		return false;
	if (op == OP_PMATCH && memchr(text.p, '/', text.n) == text.p && text.n == 1)
		return false;
	switch (part) {
	case PART_WHOLE:
		return true;
	case PART_DIRECTORY:
		if (op == OP_EQ || op == OP_IN)
			return true;
		if (op == OP_GLOB)
			return !ends_with_slash && !glob_matches(text, STR("/"), false);
		return is_prefix ? text.n > 1 : !ends_with_slash;
	default:
		return !has_slash(text) && op != OP_PMATCH;
	}
}

/* The components of a prefix of paths, each with its slash. */
static void add_components(struct name_patterns *p, struct str prefix)
{
	for (size_t at = 0, end; at < prefix.n; at = end + 1) {
		end = str_find_byte(prefix, '/', at);
		if (end == at)
			continue;
		name_pattern_text(p, STR("/"));
		name_pattern_glob(p, str_slice(prefix, at, end), NAME_BYTES_NO_SLASH);
	}
}

/* The prefix itself, or anything below it. */
static void add_path(struct name_patterns *p, uint32_t label, enum name_part part, struct str text)
{
	if (part == PART_WHOLE) {
		name_pattern_begin(p, label);
		add_components(p, text);
		name_pattern_end(p);
	}
	name_pattern_begin(p, label);
	add_components(p, text);
	name_pattern_text(p, STR("/"));
	name_pattern_some(p, NAME_BYTES_ANY);
	name_pattern_end(p);
}

static void add_operand(struct name_patterns *p, uint32_t label, enum name_part part,
			enum operator op, struct str text)
{
	bool is_last = part == PART_LAST;
	bool begins_open = op == OP_ENDSWITH || op == OP_CONTAINS;
	bool ends_open = op == OP_STARTSWITH || op == OP_CONTAINS;
	enum name_bytes bytes = is_last ? NAME_BYTES_NO_SLASH : NAME_BYTES_ANY;

	if (op == OP_PMATCH) {
		add_path(p, label, part, text);
		return;
	}
	if (part == PART_DIRECTORY && (op == OP_EQ || op == OP_IN) && text.p[text.n - 1] == '/') {
		if (text.n > 1)
			return; /* no directory is called so */
		text.n = 0;     /* the root: nothing before the last slash */
	}
	name_pattern_begin(p, label);
	if (is_last) {
		name_pattern_some(p, NAME_BYTES_ANY);
		name_pattern_text(p, STR("/"));
	}
	if (begins_open)
		name_pattern_some(p, bytes);
	if (op == OP_GLOB)
		name_pattern_glob(p, text, bytes);
	else
		name_pattern_text(p, text);
	if (ends_open)
		name_pattern_some(p, bytes);
	if (part == PART_DIRECTORY)
		add_last(p);
	name_pattern_end(p);
}

static bool has_form(const struct comparison *c)
{
	switch (c->operator) {
	case OP_IN:
	case OP_PMATCH:
		return c->operand_count > 0;
	case OP_EQ:
	case OP_STARTSWITH:
	case OP_ENDSWITH:
	case OP_CONTAINS:
	case OP_GLOB:
		return c->operand_count == 1;
	default:
		return false;
	}
}

bool discard_name_can(const struct formula *f, const struct atom *a, enum discard_file file)
{
	const struct expression *x = f->subjects.items[a->subject].expression;
	const struct comparison *c = a->comparison;

	if (a->form != ATOM_COMPARISON || x->type != VALUE_STRING || x->is_list || !has_form(c))
		return false;
	for (size_t i = 0; i < c->operand_count; i++)
		if (c->operands[i].value.type != VALUE_STRING ||
		    !can_be_said(part_of(x->use.field, file), c->operator,
				 c->operands[i].value.str))
			return false;
	return true;
}

void discard_name_add(const struct formula *f, const struct atom *a, enum discard_file file,
		      struct name_patterns *patterns, uint32_t label)
{
	const struct expression *x = f->subjects.items[a->subject].expression;
	const struct comparison *c = a->comparison;

	for (size_t i = 0; i < c->operand_count; i++)
		add_operand(patterns, label, part_of(x->use.field, file), c->operator,
			    c->operands[i].value.str);
}

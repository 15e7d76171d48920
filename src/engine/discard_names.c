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
 * others, and last components with a slash in them, of which there are none.
 */
static bool can_be_said(enum name_part part, enum operator op, struct str text)
{
	if (text.n == 0)
		return false;
	switch (part) {
	case PART_WHOLE:
		return true;
	case PART_DIRECTORY:
		if (op == OP_EQ || op == OP_IN)
			return true;
		if (op == OP_GLOB)
			return text.p[text.n - 1] != '/' && !glob_matches(text, STR("/"), false);
		return op == OP_STARTSWITH || op == OP_PMATCH ? text.n > 1
							      : text.p[text.n - 1] != '/';
	default:
		return !has_slash(text) && op != OP_PMATCH;
	}
}

/* The components of a prefix of paths, each with its slash. False: none, or such that ask more. */
static bool add_components(struct name_patterns *p, struct str prefix)
{
	size_t at = 0;
	bool has_any = false;

	while (at < prefix.n) {
		size_t end = str_find_byte(prefix, '/', at);
		struct str component = str_slice(prefix, at, end);

		at = end + 1;
		if (component.n == 0)
			continue;
		name_pattern_text(p, STR("/"));
		if (!name_pattern_glob(p, component, NAME_BYTES_NO_SLASH))
			return false;
		has_any = true;
	}
	return has_any;
}

/* "prefix" itself, or anything below it. */
static bool add_path(struct name_patterns *p, uint32_t label, enum name_part part, struct str text)
{
	if (part == PART_WHOLE) {
		name_pattern_begin(p, label);
		if (!add_components(p, text))
			return false;
		name_pattern_end(p);
	}
	name_pattern_begin(p, label);
	if (!add_components(p, text))
		return false;
	name_pattern_text(p, STR("/"));
	name_pattern_some(p, NAME_BYTES_ANY);
	name_pattern_end(p);
	return true;
}

static bool add_operand(struct name_patterns *p, uint32_t label, enum name_part part,
			enum operator op, struct str text)
{
	bool is_last = part == PART_LAST, ends_open = false;

	if (op == OP_PMATCH)
		return add_path(p, label, part, text);
	if (part == PART_DIRECTORY && (op == OP_EQ || op == OP_IN) && text.p[text.n - 1] == '/') {
		if (text.n > 1)
			return true; /* no directory is called so */
		text.n = 0;          /* the root */
	}
	name_pattern_begin(p, label);
	if (is_last) {
		name_pattern_some(p, NAME_BYTES_ANY);
		name_pattern_text(p, STR("/"));
	}
	switch (op) {
	case OP_EQ:
	case OP_IN:
		name_pattern_text(p, text);
		break;
	case OP_STARTSWITH:
		name_pattern_text(p, text);
		ends_open = true;
		break;
	case OP_ENDSWITH:
		name_pattern_some(p, is_last ? NAME_BYTES_NO_SLASH : NAME_BYTES_ANY);
		name_pattern_text(p, text);
		break;
	case OP_CONTAINS:
		name_pattern_some(p, is_last ? NAME_BYTES_NO_SLASH : NAME_BYTES_ANY);
		name_pattern_text(p, text);
		ends_open = true;
		break;
	case OP_GLOB:
		if (!name_pattern_glob(p, text, is_last ? NAME_BYTES_NO_SLASH : NAME_BYTES_ANY))
			return false;
		break;
	default:
		return false;
	}
	if (ends_open)
		name_pattern_some(p, is_last ? NAME_BYTES_NO_SLASH : NAME_BYTES_ANY);
	if (part == PART_DIRECTORY)
		add_last(p);
	name_pattern_end(p);
	return true;
}

bool discard_name_patterns(const struct formula *f, const struct atom *a, enum discard_file file,
			   struct name_patterns *patterns, uint32_t label)
{
	const struct subject *s = &f->subjects.items[a->subject];
	const struct comparison *c = a->comparison;
	enum name_part part = part_of(s->expression->use.field, file);
	struct name_patterns *to = patterns ? patterns : name_patterns_new();
	bool can = a->form == ATOM_COMPARISON && s->expression->type == VALUE_STRING &&
		   !s->expression->is_list && c->operand_count > 0;

	if (c->operator!= OP_IN && c->operator!= OP_PMATCH && c->operand_count != 1)
		can = false;
	for (size_t i = 0; can && i < c->operand_count; i++)
		can = c->operands[i].value.type == VALUE_STRING &&
		      can_be_said(part, c->operator, c->operands[i].value.str) &&
		      add_operand(to, label, part, c->operator, c->operands[i].value.str);
	if (!patterns)
		name_patterns_free(to);
	return can;
}

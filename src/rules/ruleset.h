/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules files → a checked, resolved rule set. All problems of all files are found in one go and
 * told with file, line, column and a snippet; a set is usable only where there was no error, and
 * nothing is half loaded.
 *
 * What a name means is settled after the last file is read: order within and between files only
 * decides what overrides what.
 */
#ifndef SAKER_RULES_RULESET_H
#define SAKER_RULES_RULESET_H

#include "base/log.h"
#include "base/map.h"
#include "condition/condition.h"
#include "fields/template.h"

#include <stdio.h>

struct source_position {
	const char *file;
	uint32_t line;
	uint32_t column;
};

struct rule {
	uint32_t id; /* index in rule_set.rules */
	struct str name, desc, output_text;
	enum severity priority;
	enum event_source source;
	struct str *tags;
	size_t tag_count;
	bool is_enabled;
	bool warn_evttypes;
	bool skip_if_unknown_filter;
	bool is_capture;
	uint32_t capture_duration_ms;
	struct str condition_text;   /* as written, after appends */
	struct condition *condition; /* resolved and checked, exceptions included */
	struct template output;
	struct source_position position; /* of the item */
	uint64_t *event_kinds;           /* BITSET of event_kind_count */
};

/*
 * DIAGNOSTIC_SCHEMA: what is written is not what the schema of rules files allows, but has no
 * meaning either; upstream's loader says nothing of it and its schema does.
 */
enum diagnostic_level { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING, DIAGNOSTIC_SCHEMA };

struct diagnostic {
	enum diagnostic_level level;
	const char *code; /* LOAD_ERR_VALIDATE, LOAD_UNUSED_MACRO, ...: upstream's; of schemas "" */
	struct str message;
	const char *file;
	uint32_t line, column;
	const char *item_type; /* "rule", "macro", "list", ... or "" */
	struct str item_name;
	struct str snippet;     /* the offending line; of a long one the part around the place */
	uint32_t snippet_caret; /* offset of the place in the snippet */
	uint32_t offset;        /* of the place in the file, in bytes from 0 */
	uint32_t item_line, item_column, item_offset; /* where the item begins; line 0: no item */
	bool is_of_schema; /* the schema of rules files refuses it, too */
	const char *part;  /* of the item: "rule condition", "exception", ...; or "" */
	struct str part_name;
};

struct loader;

struct rule_set {
	struct arena *arena;
	struct loader *loader; /* the files and definitions; see rules_forget_sources */
	struct rule *rules;    /* in the order of their first definition */
	size_t rule_count;
	size_t macro_count, list_count;
	struct diagnostic *diagnostics;
	size_t diagnostic_count;
	size_t error_count, warning_count, schema_count;
	/* What each file brought, for the start-up messages. */
	struct rules_file {
		const char *path;
		size_t rules, macros, lists;
	} * files;
	size_t file_count;
};

/*
 * One entry of the `rules:` configuration: enables or disables the rules whose name matches the
 * pattern (* stands for any text) or that have the tag. Applied in order, the last one decides.
 */
struct rules_selection {
	bool enable;
	const char *rule; /* pattern, NULL: by tag */
	const char *tag;
};

/* A key for output_fields of JSON: a field, or a text with fields in it under a name of its own. */
struct rules_extra_field {
	const char *name;
	const char *format; /* NULL: the name is the field */
};

/* One entry of `append_output`: additions to the outputs of rules that fit all that is given. */
struct rules_append {
	const char *format;      /* text; NULL: none */
	const char *rule;        /* exact name, NULL: any */
	const char *source;      /* NULL: any */
	const char *const *tags; /* the rule must have all of them */
	size_t tag_count;
	const struct rules_extra_field *extra_fields; /* in output_fields alone */
	size_t extra_field_count;
};

/* One of `static_fields`: what static.NAME is. */
struct rules_static_field {
	const char *name, *value;
};

struct rules_options {
	enum severity least_priority; /* rules below it are not loaded */
	uint32_t sources;             /* event sources that run: rules of others are not loaded */
	/* Appended to every output, NULL: nothing. */
	const char *append_output;
	const struct rules_append *appends;
	size_t append_count;
	const struct rules_selection *selections;
	size_t selection_count;
	const struct rules_static_field *static_fields;
	size_t static_field_count;
};

/*
 * Loads the files, in order. Always answers a set (never NULL); look at error_count. Files that
 * cannot be read are errors in it.
 */
struct rule_set *rules_load(const char *const *paths, size_t count,
			    const struct rules_options *options);
/* The same from memory, for tests and fuzzing. */
struct rules_text {
	const char *name;
	struct str text;
};
struct rule_set *rules_load_texts(const struct rules_text *texts, size_t count,
				  const struct rules_options *options);
void rules_free(struct rule_set *set);

/*
 * Gives the memory of the YAML files and definitions back: for a program that goes on to run. After
 * it rules_describe_* answer nothing, and conditions' origins must not be followed.
 */
void rules_forget_sources(struct rule_set *set);

/*
 * What a load gave, file by file, as people read it: "FILE: Ok", "FILE: Ok, with warnings" or
 * "FILE: Invalid" and then the diagnostics. As JSON it is the value of upstream's
 * "falco_load_results". The caller frees both.
 */
char *rules_report_text(const struct rule_set *set, bool with_warnings);
char *rules_report_json(const struct rule_set *set);

/*
 * What a set's rules, macros and lists are: as JSON in the shape of Falco's -L (all) and -l RULE
 * (one), as text a table of rules and descriptions. rule NULL: all. NULL, with the error set, where
 * there is no such rule; the caller frees. Needs the sources, see rules_forget_sources.
 */
char *rules_describe_json(struct rule_set *set, const char *rule, struct error *err);
char *rules_describe_text(struct rule_set *set, const char *rule, struct error *err);

/*
 * A rule's condition with its macros and exceptions as a tree, a line a node. With a context of an
 * event each line says whether that part is true, and comparisons what the value was. Long lists
 * are cut but where all is wanted (in_full).
 */
void rules_explain_condition(const struct rule *rule, struct field_context *ctx, bool in_full,
			     FILE *out);
/*
 * The same as JSON, whole: {"operator": "and", "of": [...]} or {"comparison": "..."}; each with
 * "macro" or "exception" where it comes from one, and with a context with "holds" and, of
 * comparisons, "value" (null: absent). The caller owns it.
 */
struct json_t *rules_explain_json(const struct rule *rule, struct field_context *ctx);
/*
 * What keeps a rule from holding for an event: each part of it that would have to be true and is
 * not, on a line that begins with indent; of alternatives the one that lacks least. Nothing where
 * the rule holds.
 */
void rules_explain_failure(const struct rule *rule, struct field_context *ctx, const char *indent,
			   FILE *out);

/* The JSON schema of rules files, for editors: the keys that the loader knows. The caller frees. */
char *rules_schema_json(void);

/* `*` stands for any text, also for none; everything else for itself. Linear in the text. */
bool rule_name_matches(struct str name, struct str pattern);

/* One diagnostic as people read it: several lines, with the snippet and a caret. */
void diagnostic_print(const struct diagnostic *d, struct buffer *out);

/* Severity by its name, in any case ("INFO" too); -1 for none. And the printed form: "Warning". */
int severity_by_name(struct str name);
const char *severity_name(enum severity s);

#endif

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

enum diagnostic_level { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

struct diagnostic {
	enum diagnostic_level level;
	const char *code; /* LOAD_ERR_VALIDATE, LOAD_UNUSED_MACRO, ...: upstream's */
	struct str message;
	const char *file;
	uint32_t line, column;
	const char *item_type; /* "rule", "macro", "list", ... or "" */
	struct str item_name;
	struct str snippet; /* the offending line */
};

struct rule_set {
	struct arena *arena;
	struct rule *rules; /* in the order of their first definition */
	size_t rule_count;
	size_t macro_count, list_count;
	struct diagnostic *diagnostics;
	size_t diagnostic_count;
	size_t error_count, warning_count;
	/* What each file brought, for the start-up messages. */
	struct rules_file {
		const char *path;
		size_t rules, macros, lists;
	} * files;
	size_t file_count;
};

struct rules_options {
	enum severity least_priority; /* rules below it are not loaded */
	uint32_t sources;             /* event sources that run: rules of others are not loaded */
	/* Appended to every output, NULL: nothing. */
	const char *append_output;
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

/* One diagnostic as people read it: several lines, with the snippet and a caret. */
void diagnostic_print(const struct diagnostic *d, struct buffer *out);

/* Severity by its name, in any case ("INFO" too); -1 for none. And the printed form: "Warning". */
int severity_by_name(struct str name);
const char *severity_name(enum severity s);

#endif

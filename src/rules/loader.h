/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of rules/: what the loader's steps share.
 *
 *   items.c, rule_item.c   YAML nodes → definitions, later ones override or extend earlier ones
 *   exceptions.c           exceptions of a rule → condition texts
 *   resolve.c              macros' and lists' names → trees and values
 *   compile_rule.c         definitions → checked rules
 *   output.c               their outputs
 *   load.c                 files → rule set, all steps
 *   diagnostic.c           what is wrong, and where
 *
 * Definitions refer to nodes of the YAML files and live with them in loader.arena; what a rule set
 * keeps lives in its own.
 */
#ifndef SAKER_RULES_LOADER_H
#define SAKER_RULES_LOADER_H

#include "base/vec.h"
#include "base/yaml.h"
#include "rules/ruleset.h"

/* The version of the rules language that rules files may ask for, Falco's engine version. */
enum { ENGINE_VERSION_MAJOR = 0, ENGINE_VERSION_MINOR = 63, ENGINE_VERSION_PATCH = 0 };

struct loader;

enum {
	DIAGNOSTICS_MAX = 1000,             /* further ones are counted only */
	RESOLVED_VALUES_MAX = 16 * 1000000, /* that lists' names stand for, in all */
	RESOLVED_NODES_MAX = 16 * 1000000,  /* of all rules, macros copied into them */
	LIST_DEPTH_MAX = 100,               /* lists in lists */
};

/* A node in a file. */
struct written {
	const struct yaml_file *file;
	const struct yaml_node *node;
};
typedef VEC(struct written) written_vec;

/* What messages name: "rule 'x'". */
struct item {
	const char *type;
	struct str name;
	struct written at;
};

/* Where something is wrong. */
struct place {
	const struct yaml_file *file; /* NULL: no file is concerned */
	size_t offset;
	const struct item *item; /* NULL: outside of all */
	const char *part;        /* "rule condition", "exception" ..., or NULL */
	struct str part_name;
	bool is_beyond_schema; /* what is wrong there no schema could tell */
};

/*
 * A text that was put together from scalars of files (a condition and what was appended to it) and
 * glue; knows where each byte was written.
 */
struct text_piece {
	uint32_t from;     /* in the text */
	bool is_verbatim;  /* the scalar's own text; else the piece as a whole is from it */
	struct written at; /* node NULL: glue */
};
struct source_text {
	struct str text;
	struct text_piece *pieces;
	size_t piece_count;
	const struct item *item;
	const char *part;
	struct str part_name;
};
struct text_builder {
	VEC(char) bytes;
	VEC(struct text_piece) pieces;
};
void text_glue(struct text_builder *b, struct str text);
void text_verbatim(struct text_builder *b, struct written scalar);
/* Text that stands for the scalar but is not its own. */
void text_for(struct text_builder *b, struct str text, struct written scalar);
/* The finished text; the builder is empty again. The set keeps the bytes, the loader the rest. */
struct source_text *text_finish(struct text_builder *b, struct loader *l, const struct item *item,
				const char *part, struct str part_name);
/* A scalar's text as it is, not copied: for what the set does not keep. */
struct source_text *text_of(struct written scalar, struct loader *l, const struct item *item,
			    const char *part);
/* All the scalars, with a blank between them. */
struct source_text *text_join(const written_vec *scalars, struct loader *l, const struct item *item,
			      const char *part);
struct place source_text_place(const struct source_text *t, size_t offset);

enum resolve_state { RESOLVE_NEW, RESOLVE_ACTIVE, RESOLVE_DONE };

struct list_value {
	struct str text;
	bool is_quoted; /* the item itself had quotes of the condition language */
};

struct list_definition {
	struct item item;
	written_vec items;
	bool is_broken; /* an error has been told; uses of it are no further ones */
	bool is_used;
	enum resolve_state state;
	struct list_value *values; /* with those of lists named in it */
	size_t value_count;
};

/* What a tree would be if macros' trees were copied into it. */
struct tree_size {
	uint32_t height;
	uint64_t nodes;   /* values of comparisons included */
	bool is_too_deep; /* it was not looked at whole */
};

struct macro_definition {
	struct item item;
	written_vec condition;
	bool is_broken;
	bool is_used;
	enum resolve_state state;
	struct source_text *text;
	struct condition *tree; /* shared by all that name the macro; NULL: there is none */
	struct tree_size size;
	VEC(const struct condition *) names; /* that stand in it */
};

struct exception_definition {
	struct str name;
	struct written at;
	struct written fields, comps; /* node NULL: not given */
	written_vec values;
};

struct rule_definition {
	struct item item;
	written_vec condition, output;
	struct str desc;
	enum severity priority;
	struct str source; /* name as written */
	struct written source_at;
	VEC(struct str) tags;
	VEC(struct exception_definition) exceptions;
	bool is_enabled, warn_evttypes, skip_if_unknown_filter, is_capture;
	bool is_broken;
	bool is_source_unknown;
	uint64_t capture_duration_ms;
	struct source_text *condition_text, *output_text;
	const struct rule *rule; /* what became of it; NULL: nothing */
};

struct plugin_requirement {
	struct str name, version;
	size_t alternative_count; /* that follow in the array */
};

struct loader {
	struct rule_set *set;
	const struct rules_options *options;
	struct arena *arena; /* files and definitions */
	VEC(struct yaml_file *) files;
	VEC(struct diagnostic) diagnostics;
	VEC(struct rule_definition *) rules; /* in the order of first definition */
	VEC(struct macro_definition *) macros;
	VEC(struct list_definition *) lists;
	VEC(struct plugin_requirement) plugins;
	struct strmap rules_by_name, macros_by_name, lists_by_name;
	uint32_t engine_version[3]; /* the highest that was asked for */
	/* A file could not be read to its end: what is not defined may stand there. */
	bool is_incomplete;
	size_t resolved_values;
	uint64_t resolved_nodes;
	struct expression_pool expressions; /* of all conditions and outputs */
	struct strmap outputs;              /* struct shared_output by its text */
	struct u64map told; /* diagnostics by what they say and where, so that none is told twice */
};

void diagnose(struct loader *l, enum diagnostic_level level, const char *code,
	      const struct place *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
#define fail(l, code, at, ...) diagnose((l), DIAGNOSTIC_ERROR, (code), (at), __VA_ARGS__)
#define warn(l, code, at, ...) diagnose((l), DIAGNOSTIC_WARNING, (code), (at), __VA_ARGS__)
#define warn_of_schema(l, at, ...) diagnose((l), DIAGNOSTIC_SCHEMA, "", (at), __VA_ARGS__)
/* Upstream's words for a code: "Error compiling condition". */
const char *diagnostic_title(const char *code);

static inline struct place place_node(const struct yaml_file *file, const struct yaml_node *node,
				      const struct item *item)
{
	return (struct place){.file = file, .offset = node->offset, .item = item};
}

/* items.c: all items of all documents of a file. */
void read_items(struct loader *l, struct rules_file *counts, const struct yaml_file *file);

/* Helpers for reading an item's keys. Each tells its error and answers false. */
struct reading {
	struct loader *l;
	const struct yaml_file *file;
	const struct yaml_node *node; /* the mapping */
	const struct item *item;
};
bool read_text(const struct reading *r, const char *key, struct yaml_node **out);
bool read_bool(const struct reading *r, const char *key, bool *out);
/* `override`: sets bits, by the index of the key in keys. */
struct override_key {
	const char *name;
	bool can_append;
};
bool read_override(const struct reading *r, const struct override_key *keys, size_t count,
		   uint32_t *appended, uint32_t *replaced);
/* `append: true`, with upstream's warning. */
bool read_append(const struct reading *r, bool has_override, bool *append);

/* schema.c: which keys an item has. */
enum item_keys {
	KEYS_OF_RULE = 1 << 0,
	KEYS_OF_MACRO = 1 << 1,
	KEYS_OF_LIST = 1 << 2,
	KEYS_OF_ENGINE_VERSION = 1 << 3,
	KEYS_OF_PLUGIN_VERSIONS = 1 << 4,
	KEYS_OF_ITEMS = (1 << 5) - 1, /* of any item of a file */
	KEYS_OF_EXCEPTION = 1 << 5,
	KEYS_OF_PLUGIN = 1 << 6,
	KEYS_OF_ALTERNATIVE = 1 << 7,
};
void warn_of_unknown_keys(const struct reading *r, uint32_t of);

/* rule_item.c */
size_t rule_override_keys(const struct override_key **keys);
void read_rule(struct loader *l, struct rules_file *counts, const struct yaml_file *file,
	       const struct yaml_node *node);

/* Frees what the definition holds, not itself. */
void rule_definition_free(struct rule_definition *rule);

/* exceptions.c */
bool read_exceptions(const struct reading *r, struct rule_definition *rule, bool is_append);
/* Sets *out to the text that the rule's condition is negated with; NULL: no values. False: error.
 */
bool exception_text(struct loader *l, const struct rule_definition *rule,
		    const struct exception_definition *e, struct source_text **out);
void exception_free(struct exception_definition *e);

/* resolve.c */
/* Lists' items and macros' trees, with the names in them replaced. */
void resolve_lists(struct loader *l);
void resolve_macros(struct loader *l);
/* Parses a text and sets the origin of all nodes; NULL: an error was told. */
struct condition *parse_text(struct loader *l, const struct source_text *text);
/*
 * Replaces macros' names by their trees, which all that name a macro share, and lists' names by
 * their values. False where an error was told, here or when the macro was resolved; the tree then
 * is what could be resolved, with names left in it, or NULL where looking at it would cost too
 * much.
 */
bool resolve_condition(struct loader *l, struct condition **tree);

#endif

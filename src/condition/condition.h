/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The condition language. Three steps, so that rules files can be checked before they are compiled:
 *
 *   condition_parse    text → tree; names of macros and lists stand unresolved
 *   (rules/ replaces macro names by their trees and list names by their items)
 *   condition_check    resolves fields, chooses comparisons, converts constants once
 *
 * After the check a tree is immutable and can be evaluated; engine/ compiles it into something
 * faster that must give the same answers as condition_holds.
 *
 * All offsets are bytes from the start of the text that was parsed. Nesting is limited
 * (CONDITION_DEPTH_MAX), deeper text is an error, and no function recurses deeper than that.
 */
#ifndef SAKER_CONDITION_CONDITION_H
#define SAKER_CONDITION_CONDITION_H

#include "fields/expression.h"

enum { CONDITION_DEPTH_MAX = 1000 };

enum operator{
	OP_EXISTS,
	OP_EQ, /* = and == */
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_CONTAINS,
	OP_ICONTAINS,
	OP_BCONTAINS,
	OP_STARTSWITH,
	OP_BSTARTSWITH,
	OP_ENDSWITH,
	OP_GLOB,
	OP_IGLOB,
	OP_REGEX,
	OP_IN,
	OP_INTERSECTS,
	OP_PMATCH,
	OP_COUNT
};

/*
 * Words between an operator and a list: `contains anyof (a, b)`. condition_check replaces such a
 * comparison by the and, or, not of plain ones, so that nothing behind it meets a modifier.
 */
enum comparison_modifier {
	MODIFIER_NONE,
	MODIFIER_ONEOF, /* exactly one of the values */
	MODIFIER_ANYOF,
	MODIFIER_ALLOF,
	MODIFIER_COUNT
};

enum condition_kind {
	CONDITION_AND,
	CONDITION_OR,
	CONDITION_NOT,
	CONDITION_COMPARE,
	CONDITION_NAME, /* a macro's name; gone after resolution */
	CONDITION_TRUE, /* made by checks and by exceptions without values */
	CONDITION_FALSE,
};

/* A constant as written, and as the check converted it to the left side's type. */
struct operand {
	struct str text;
	uint32_t offset;
	bool is_quoted;
	bool is_list_name; /* a bare word, that may name a list; rules/ resolves those it knows */
	bool is_phrase;    /* several bare words, that must name one */
	struct value value;
};

/* Why a check refused a comparison: rules that share it are told without looking again. */
struct refusal {
	int result;
	uint32_t sources; /* of the check */
	size_t offset;
	struct str message;
};

struct matcher; /* compiled regex, glob, searcher, prefix set...: condition/matcher.h */

struct comparison {
	enum operator operator: 8;
	enum comparison_modifier modifier : 8; /* MODIFIER_NONE after the check */
	bool is_list;         /* the right side was written in brackets or names a list */
	bool is_double_equal; /* OP_EQ was written == */
	uint32_t operator_offset;
	uint32_t right_offset;    /* where the right side begins */
	struct str left_text;     /* as parsed: the expression on the left */
	struct expression *left;  /* set by the check */
	struct str right_text;    /* where the right side is an expression (field or transformer) */
	struct expression *right; /* set by the check; NULL: constants */
	struct operand *operands;
	size_t operand_count;
	const struct matcher *matcher; /* set by the check where the operator has one */
	const struct refusal *refusal; /* set by a check that failed: the first problem */
};

struct condition {
	enum condition_kind kind;
	uint32_t offset;
	uint32_t length;
	/* Where the text came from, set by rules/ (macros bring trees of other texts). */
	const void *origin;
	/* The comparison with a modifier that the check put this node in the place of, or NULL. */
	const struct comparison *whole;
	union {
		struct {
			struct condition **children;
			size_t child_count;
		};
		struct comparison *comparison;
		struct str name;
	};
};

int condition_parse(struct str text, struct arena *arena, struct condition **out,
		    struct error *err);

/*
 * Told of what is legal but doubtful (a constant that can never match, evt.dir, an unsafe
 * comparison ...), with a code of upstream's (LOAD_...) or NULL.
 */
typedef void condition_warn_fn(void *context, const struct condition *node, const char *code,
			       const char *message);
/*
 * Told of what is wrong: result is -ENOENT where a field or a type of event is unknown, -EINVAL or
 * -E2BIG for anything else. err has the message and the offset in the text of the node's origin.
 */
typedef void condition_fail_fn(void *context, const struct condition *node, int result,
			       const struct error *err);

struct condition_checks {
	uint32_t sources; /* which event sources' fields are acceptable */
	struct arena *arena;
	/* Expressions shared with other conditions of the same sources and arena; may be NULL. */
	struct expression_pool *pool;
	/* Macros' names that are left in the tree are no problem: someone told of them already. */
	bool names_are_told;
	condition_warn_fn *warn; /* may be NULL */
	condition_fail_fn *fail; /* may be NULL */
	void *context;           /* for both */
};

/*
 * Tells of all that is wrong with a tree, each problem once and without those that only follow from
 * another; answers 0 or the first one's result. A tree may be checked again, for other sources or
 * as part of another rule: what is converted stays.
 */
int condition_check_all(struct condition *c, const struct condition_checks *how);

/* The same, but stops telling at the first problem; *failed (may be NULL) is set to its node. */
int condition_check(struct condition *c, uint32_t sources, struct arena *arena,
		    condition_warn_fn *warn, void *warn_context, const struct condition **failed,
		    struct error *err);

/* Evaluates a checked tree plainly. */
bool condition_holds(const struct condition *c, struct field_context *ctx);
/* One comparison, with the left value already extracted (has_left false: absent). */
bool comparison_holds(const struct comparison *c, struct field_context *ctx);
bool comparison_holds_for(const struct comparison *c, struct field_context *ctx, bool has_left,
			  const struct value *left);

/* The tree as text, with all brackets that matter: for explanations, tests and error messages. */
void condition_print(const struct condition *c, struct buffer *out);

const char *operator_name(enum operator op);
const char *modifier_name(enum comparison_modifier modifier);

/*
 * Which kinds of events (event/schema.h) a checked tree can hold for, going by its comparisons of
 * evt.type and syscall.type: a set of event_kind_count bits that the caller owns. The set is never
 * too small. Answers false where nothing in the tree restricts it (all bits are set then).
 */
bool condition_event_kinds(const struct condition *c, uint64_t *kinds);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conditions of all rules in one shared form: negation normal form, hash-consed, so that equal
 * subtrees of any rules are one node. Used while compiling; the plan keeps what it needs of it.
 *
 *   subject   an expression (field or transformer) that values come from
 *   atom      a comparison of a subject with operands: what a leaf asks
 *   node      a literal (an atom or its negation), or an AND or OR of nodes
 *
 * "x != y" on a single string or number is taken apart into "x has a value and not x = y", so that
 * it shares the answer of x = y.
 */
#ifndef SAKER_ENGINE_FORMULA_H
#define SAKER_ENGINE_FORMULA_H

#include "base/map.h"
#include "base/vec.h"
#include "condition/condition.h"

enum formula_flag {
	FORMULA_PROCESS = 1 << 0, /* fixed while the process' scope_generation stands */
	FORMULA_PATH = 1 << 1,    /* differs between the two name views */
	FORMULA_KIND = 1 << 2,    /* an atom in it is decided by the event's kind */
};

struct subject {
	const struct expression *expression;
	uint64_t hash;
	uint32_t facts;
	uint8_t flags;  /* FORMULA_PROCESS, FORMULA_PATH */
	bool is_scalar; /* neither a list nor several values that stand for one */
	bool is_any_of; /* several values stand for one */
};

enum atom_form {
	ATOM_COMPARISON, /* what comparison_holds_for says */
	ATOM_PRESENT,    /* the subject has a value */
};

struct atom {
	const struct comparison *comparison;
	uint64_t hash;
	uint32_t subject;
	uint32_t facts;
	uint32_t literal; /* the node; its negation is the next */
	uint8_t form;
	uint8_t flags;
};

enum node_kind { NODE_FALSE, NODE_TRUE, NODE_LITERAL, NODE_AND, NODE_OR };

struct node {
	uint64_t hash;
	uint8_t kind;
	uint8_t flags;
	bool is_negated; /* of a literal */
	uint32_t first;  /* of children in formula.children; of a literal its atom */
	uint32_t count;  /* of children */
	uint32_t facts;
};

enum { NODE_ID_FALSE, NODE_ID_TRUE };

/* Hash table of ids whose hashes stand with what they name. */
struct id_table {
	uint32_t *ids; /* id + 1 */
	size_t size, count;
};

struct formula {
	struct arena *arena;
	VEC(struct subject) subjects;
	VEC(struct atom) atoms;
	VEC(struct node) nodes;
	VEC(uint32_t) children;
	struct id_table subject_table, atom_table, node_table;
	struct u64map atom_of_comparison; /* by address: trees that macros share are seen once */
	size_t comparison_count;          /* seen, before sharing */
	bool assume_metadata;             /* see struct plan_options */
	bool has_metadata;                /* a comparison asks for it */
	/* For formula_for_kind: what became of a node, valid where the round is the current one. */
	VEC(uint32_t) kind_results;
	VEC(uint32_t) kind_rounds;
	uint32_t kind_round;
};

void formula_init(struct formula *f, struct arena *arena);
void formula_free(struct formula *f);

/* Adds a checked tree; answers its node, or a negative errno where it is nested too deeply. */
int formula_add(struct formula *f, const struct condition *c, uint32_t *node, struct error *err);

/* AND or OR of nodes. */
uint32_t formula_join(struct formula *f, enum node_kind kind, const uint32_t *ids, size_t count);

/* Fewer, more telling nodes: the node as it is for events of one kind. */
void formula_begin_kind(struct formula *f);
uint32_t formula_for_kind(struct formula *f, uint32_t node, uint16_t kind);

#endif

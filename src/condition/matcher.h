/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a checked comparison was made ready with: everything that depends on its constants alone.
 * Lives in the arena that condition_check was given.
 */
#ifndef SAKER_CONDITION_MATCHER_H
#define SAKER_CONDITION_MATCHER_H

#include "condition/condition.h"
#include "condition/glob.h"
#include "condition/path_set.h"
#include "condition/regex.h"

/* What it means that the left side may have several values. */
enum quantifier {
	QUANTIFY_LIST, /* a list: in holds where all items are members, intersects where any is */
	QUANTIFY_ANY,  /* stands for each of its values (proc.aname): any that fits will do */
	QUANTIFY_ANY_BUT_NE, /* the same (fd.ip), but != means none of them */
};

struct value_set;

struct matcher {
	enum quantifier quantifier;
	const struct value_set *set;  /* of in, intersects; NULL where they are few: compare each */
	const struct path_set *paths; /* of pmatch */
	const struct regex *regex;
	struct str folded;       /* of icontains: the text in lower case ... */
	const uint32_t *failure; /* ... and where to go on after a mismatch, for each byte of it */
};

/* Builds c->matcher from operands that are converted. */
int matcher_build(struct comparison *c, struct arena *arena, struct error *err);

#endif

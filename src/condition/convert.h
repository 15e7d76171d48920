/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types that can be compared, as --list names them, with the operators that go with them, and
 * the conversion of constants to them.
 */
#ifndef SAKER_CONDITION_CONVERT_H
#define SAKER_CONDITION_CONVERT_H

#include "condition/condition.h"

enum comparable {
	COMPARABLE_NOT, /* only by exists */
	COMPARABLE_NUMBER,
	COMPARABLE_BOOL,
	COMPARABLE_TEXT,
	COMPARABLE_BYTES,
	COMPARABLE_ADDRESS, /* and networks */
	COMPARABLE_COUNT
};

struct comparable_type {
	const char *name;
	enum comparable class;
	uint8_t bits; /* of numbers */
	bool is_signed;
	bool may_be_list;
};

/* The type of that name; one that is not comparable where there is none. */
const struct comparable_type *comparable_type_find(const char *name);

/* A set of OP_ bits. */
uint32_t comparable_operators(const struct comparable_type *type, bool is_list);

/*
 * Converts o->text to o->value. value_type is how values of the type are held; the memory of
 * converted bytes comes from the arena. *note (NULL: nothing) says what is doubtful about it.
 */
int operand_convert(struct operand *o, const struct comparable_type *type,
		    enum value_type value_type, enum operator op, struct arena *arena,
		    const char **note, struct error *err);

#endif

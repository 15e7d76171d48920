/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values given for fields: for rule tests and explanations, whose events are made of a few fields.
 * Where a context has some, what they say stands, whatever the event itself would; everything else
 * is extracted as ever. So the same engine judges made events and real ones.
 */
#ifndef SAKER_FIELDS_GIVEN_H
#define SAKER_FIELDS_GIVEN_H

#include "fields/field.h"

struct given_field {
	const struct field *field;
	struct str key; /* the argument; empty: none */
	bool has_value; /* false: given as absent */
	struct value value;
};

struct given_fields {
	const struct given_field *items;
	size_t count;
};

/* The one that is given for that use, or NULL. */
const struct given_field *given_find(const struct given_fields *given, const struct field_use *use);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of rules/: what the steps from a definition to a checked rule share. */
#ifndef SAKER_RULES_COMPILATION_H
#define SAKER_RULES_COMPILATION_H

#include "rules/loader.h"

/* One rule on its way from definition to rule. */
struct compilation {
	struct loader *l;
	struct rule_definition *definition;
	struct rule *rule;
	enum event_source declared;
	uint32_t sources; /* that have all fields of the condition and, later, the output */
	/* A field of the condition that the declared source lacks, and where it stands. */
	const struct field_use *foreign;
	const struct condition *foreign_node;
	const struct condition *node;   /* while its fields are visited */
	const struct field_use *native; /* a field that only the declared source has */
	const struct field_use *last;   /* the field that left no source */
	/* static.NAME without such a name, and where it stands; node NULL: in the output. */
	const struct field_use *unbound;
	const struct condition *unbound_node;
	bool has_failed;                /* the condition has an error */
	bool is_skipped;                /* it names what there is not, and the rule allows that */
};

bool definition_has_tag(const struct rule_definition *d, const char *tag);

/* compile_rule.c: makes rules of all definitions; d->rule says what became of each. */
void compile_rules(struct loader *l);

/*
 * output.c: sets the rule's output and its text. OUTPUT_SKIPS: it names what there is not, and the
 * rule says that it is to be left out then; a warning was told.
 */
enum output_result { OUTPUT_GOOD, OUTPUT_BAD, OUTPUT_SKIPS };
enum output_result check_output(struct compilation *c);

#endif

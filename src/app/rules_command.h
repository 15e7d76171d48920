/* SPDX-License-Identifier: Apache-2.0 */
/* `saker rules explain`: what a rule asks, what it costs, and what of it is true for an event. */
#ifndef SAKER_APP_RULES_COMMAND_H
#define SAKER_APP_RULES_COMMAND_H

#include "rules/ruleset.h"

struct explain_options {
	const char *rule;
	const char *event_file; /* YAML: fields of an event; NULL: none */
	bool in_full;
	bool is_json;
};

/* The set must still have its sources. 0, or a negative errno with what is wrong. */
int rules_explain(struct rule_set *set, const struct explain_options *options, FILE *out,
		  struct error *err);

#endif

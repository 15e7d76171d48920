/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A condition of the command line made into a rule set of one rule: the condition means what it
 * would mean in a rule, and may name the macros and lists of rules files.
 */
#ifndef SAKER_APP_VIEW_FILTER_H
#define SAKER_APP_VIEW_FILTER_H

#include "app/config.h"

/*
 * filter empty: every event. *rule is the one rule, whose output the caller may set before a plan
 * is made. NULL: an error, whose offset is that in the filter where err.file is empty, or whose
 * place is one in a rules file. Warnings of the filter go to the log.
 */
struct rule_set *view_filter_load(struct str filter, const struct string_list *rules,
				  struct rule **rule, struct error *err);

/* The error with the text under it and a caret where it is, for stderr. */
void view_print_error(const char *what, struct str text, const struct error *err, FILE *out);

#endif

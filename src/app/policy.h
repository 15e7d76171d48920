/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy: all that files decide, in the form in which it is used: configuration, rules and the
 * plan made of them. It is immutable, shared by reference, and replaced as a whole: a start loads
 * one, and every reload another one beside the one that is in use.
 *
 * One plan serves all event sources: it keeps its tables by source, and an evaluator is told whose
 * events it judges, so that an event meets the rules of its source alone.
 */
#ifndef SAKER_APP_POLICY_H
#define SAKER_APP_POLICY_H

#include "app/cli.h"
#include "app/config.h"
#include "engine/plan.h"

struct policy {
	const struct config *config;
	const struct rule_set *rules;
	const struct plan *plan;
	uint64_t loaded_at; /* ns since the epoch */
	/* What might hold, whatever runtimes tell of containers; the plan, if that is no matter. */
	const struct plan *perhaps_plan;
	/* Use the functions below for these. */
	_Atomic uint32_t references;
	struct config *own_config; /* NULL: the configuration is another's */
	struct rule_set *own_rules;
	struct plan *own_plan, *own_perhaps_plan;
};

/*
 * Compiles rules. Takes them over in any case; the configuration outlives the policy. The caller
 * has the first reference. NULL with the reason.
 */
struct policy *policy_new(const struct config *config, struct rule_set *rules, struct error *err);

/*
 * Loads the rules that the command line or the configuration names, and compiles them. What there
 * is to tell of them is told: reports go to stderr, at a start; the rest is logged. NULL where
 * there are errors, which have been logged.
 */
enum policy_occasion { POLICY_START, POLICY_RELOAD };
struct policy *policy_load(const struct cli *cli, struct config *config,
			   enum policy_occasion occasion);

/* Files and directories (is_directory: all that is in them) that a policy comes from. */
typedef void policy_file_fn(void *context, const char *path, bool is_directory);
void policy_each_file(const struct cli *cli, const struct config *config, policy_file_fn *visit,
		      void *context);

/*
 * Reads the configuration anew and loads a policy by it, which owns it. NULL where anything has
 * errors, which have been logged. In any case visit is told which files were read or looked for.
 */
struct policy *policy_reload(const struct cli *cli, policy_file_fn *visit, void *context);

struct policy *policy_keep(struct policy *p); /* answers p */
void policy_release(struct policy *p);        /* NULL is fine */

/* The steps of it, for commands that need rules alone. */
struct rules_options policy_rules_options(const struct config *config);
/* The files that are named; their strings are the configuration's. */
int policy_find_rules(const struct cli *cli, struct config *config, struct string_list *paths,
		      struct error *err);
/* NULL: the rules have errors, which have been told. */
struct rule_set *policy_load_rules(const struct cli *cli, struct config *config,
				   enum policy_occasion occasion);
/* The log as a configuration wants it; where it goes to is the start's to say. */
void policy_set_log(const struct cli *cli, const struct config *start, const struct config *config);
/* Says what is to be said of a configuration, in the log that it asks for. False: it has errors. */
bool policy_tell_config(const struct cli *cli, const struct config *config);

#endif

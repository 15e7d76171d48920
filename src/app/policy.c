/* SPDX-License-Identifier: Apache-2.0 */
#include "app/policy.h"

#include "app/cli_config.h"
#include "app/rules_paths.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "output/system_log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

static void log_to_syslog(enum severity severity, const char *text)
{
	system_log_send(SYSTEM_LOG_SOCKET, severity, str_from(text));
}

static enum severity least_of(const struct cli *cli, const struct config *config)
{
	return cli->verbosity > 1 ? SEVERITY_DEBUG : (enum severity)config->log_level;
}

void policy_set_log(const struct cli *cli, const struct config *start, const struct config *config)
{
	log_configure(least_of(cli, config), start->log_stderr || start->error_count,
		      start->log_syslog ? log_to_syslog : NULL);
	log_times_iso_8601(config->time_iso_8601);
}

bool policy_tell_config(const struct cli *cli, const struct config *config)
{
	policy_set_log(cli, config, config);
	if (cli->print)
		log_warning("-p is an older form of append_output");
	for (size_t i = 0; i < config->message_count; i++)
		log_line(config->messages[i].severity, "%.*s", STR_ARG(config->messages[i].text));
	return config->error_count == 0;
}

struct rules_options policy_rules_options(const struct config *c)
{
	return (struct rules_options){
	    .least_priority = (enum severity)c->priority,
	    .sources = c->sources,
	    .appends = c->appends,
	    .append_count = c->append_count,
	    .selections = c->selections,
	    .selection_count = c->selection_count,
	    .static_fields = c->static_fields,
	    .static_field_count = c->static_field_count,
	};
}

int policy_find_rules(const struct cli *cli, struct config *config, struct string_list *paths,
		      struct error *err)
{
	bool is_given = cli->rules.count > 0;
	size_t count = is_given ? cli->rules.count : config->rules_files.count;

	for (size_t i = 0; i < count; i++) {
		const char *path = is_given ? cli->rules.items[i] : config->rules_files.items[i];
		int status = rules_paths_add(paths, path, !is_given, config->arena, err);

		if (status < 0)
			return status;
	}
	if (paths->count > 0)
		return 0;
	if (!is_given && count > 0)
		return error_set(err, -ENOENT,
				 "there are no rules files: rules_files of the configuration "
				 "(%s%s) leads to none; name some there or with -r",
				 config->rules_files.items[0], count > 1 ? ", ..." : "");
	return error_set(err, -ENOENT,
			 "there are no rules files: name some with -r or in rules_files of the "
			 "configuration");
}

/* At a reload nobody may be there to read stderr. */
static void log_errors(const struct rule_set *set)
{
	for (size_t i = 0; i < set->diagnostic_count; i++) {
		const struct diagnostic *d = &set->diagnostics[i];

		if (d->level == DIAGNOSTIC_ERROR)
			log_error("rules: %s:%u:%u: %.*s", d->file ? d->file : "", d->line,
				  d->column, STR_ARG(d->message));
	}
}

struct rule_set *policy_load_rules(const struct cli *cli, struct config *config,
				   enum policy_occasion occasion)
{
	struct rules_options options = policy_rules_options(config);
	struct string_list paths = {0};
	struct rule_set *set;
	struct error err;

	if (policy_find_rules(cli, config, &paths, &err) < 0) {
		log_error("%s", err.message);
		return NULL;
	}
	set = rules_load(paths.items, paths.count, &options);
	if (occasion == POLICY_RELOAD) {
		log_errors(set);
	} else if (set->error_count || (cli->verbosity && set->warning_count)) {
		CLEANUP_FREE char *report = rules_report_text(set, true);

		fputs(report, stderr);
	}
	if (set->error_count) {
		log_error("rules: %zu errors; nothing was loaded", set->error_count);
		rules_free(set);
		return NULL;
	}
	for (size_t i = 0; i < set->file_count; i++)
		log_info("rules: %s: %zu rules, %zu macros, %zu lists", set->files[i].path,
			 set->files[i].rules, set->files[i].macros, set->files[i].lists);
	if (set->warning_count && !cli->verbosity)
		log_warning("rules: %zu warnings; saker -V FILE shows them", set->warning_count);
	return set;
}

struct policy *policy_new(const struct config *config, struct rule_set *rules, struct error *err)
{
	struct plan_options options = {.all_matches = config->rule_matching == MATCH_ALL,
				       .want_discards = config->discard_in_kernel &&
							config->engine_kind != ENGINE_REPLAY};
	struct policy *p = calloc(1, sizeof(*p));

	if (!p) {
		error_set(err, -ENOMEM, "no memory for the rules");
		rules_free(rules);
		return NULL;
	}
	atomic_init(&p->references, 1);
	p->loaded_at = clock_realtime_ns();
	p->config = config;
	p->rules = p->own_rules = rules;
	p->plan = p->own_plan = plan_compile(rules, &options, err);
	p->perhaps_plan = p->plan;
	if (p->plan && plan_needs(p->plan)->has_metadata) {
		options.assume_metadata = true;
		options.want_discards = false;
		p->perhaps_plan = p->own_perhaps_plan = plan_compile(rules, &options, err);
	}
	if (p->perhaps_plan)
		return p;
	policy_release(p);
	return NULL;
}

struct policy *policy_load(const struct cli *cli, struct config *config,
			   enum policy_occasion occasion)
{
	struct rule_set *set = policy_load_rules(cli, config, occasion);
	struct plan_statistics statistics;
	struct error err = {0};
	struct policy *p;

	if (!set)
		return NULL;
	/* Before the plan takes its memory, so that it can be this. */
	rules_forget_sources(set);
	p = policy_new(config, set, &err);
	if (!p) {
		log_error("rules: %s", err.message);
		return NULL;
	}
	statistics = plan_statistics(p->plan);
	log_info("plan: %zu rules are active; %zu comparisons, of which %zu differ",
		 statistics.rules, statistics.comparisons, statistics.atoms);
	return p;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void policy_each_file(const struct cli *cli, const struct config *c, policy_file_fn *visit,
		      void *context)
{
	bool is_given = cli->rules.count > 0;
	size_t count = is_given ? cli->rules.count : c->rules_files.count;

	for (size_t i = 0; i < c->files.count; i++)
		visit(context, c->files.items[i], false);
	for (size_t i = 0; i < c->directories.count; i++)
		visit(context, c->directories.items[i], true);
	for (size_t i = 0; i < count; i++) {
		const char *path = is_given ? cli->rules.items[i] : c->rules_files.items[i];
		struct string_list paths = {0};
		struct arena *arena = arena_new();

		visit(context, path, is_directory(path));
		/* A link in the directory may lead to a file elsewhere. */
		if (is_directory(path) && rules_paths_add(&paths, path, true, arena, NULL) == 0)
			for (size_t k = 0; k < paths.count; k++)
				visit(context, paths.items[k], false);
		arena_free(arena);
	}
}

struct policy *policy_reload(const struct cli *cli, policy_file_fn *visit, void *context)
{
	struct error err = {0};
	struct config *config = cli_config_new(cli, &err);
	struct policy *p = NULL;

	if (!config) {
		if (err.file[0])
			visit(context, err.file, false);
		if (err.file[0] && err.line)
			log_error("%s:%u:%u: %s", err.file, err.line, err.column, err.message);
		else
			log_error("%s", err.message);
		return NULL;
	}
	policy_each_file(cli, config, visit, context);
	for (size_t i = 0; i < config->message_count; i++)
		log_line(config->messages[i].severity, "%.*s", STR_ARG(config->messages[i].text));
	if (config->error_count)
		log_error("the configuration has errors");
	else
		p = policy_load(cli, config, POLICY_RELOAD);
	if (p)
		p->own_config = config;
	else
		config_free(config);
	return p;
}

struct policy *policy_keep(struct policy *p)
{
	atomic_fetch_add(&p->references, 1);
	return p;
}

void policy_release(struct policy *p)
{
	if (!p || atomic_fetch_sub(&p->references, 1) != 1)
		return;
	plan_free(p->own_plan);
	plan_free(p->own_perhaps_plan);
	rules_free(p->own_rules);
	config_free(p->own_config);
	free(p);
}

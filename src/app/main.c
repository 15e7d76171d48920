/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"
#include "app/cli_config.h"
#include "app/config.h"
#include "app/info_command.h"
#include "app/list.h"
#include "app/metrics.h"
#include "app/monitor.h"
#include "app/pidfile.h"
#include "app/policy.h"
#include "app/privileges.h"
#include "app/record_command.h"
#include "app/rule_test.h"
#include "app/rules_command.h"
#include "app/rules_paths.h"
#include "app/versions.h"
#include "app/view_command.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>

static void print_error(const struct error *err)
{
	if (err->file[0] && err->line)
		fprintf(stderr, "saker: %s:%u:%u: %s\n", err->file, err->line, err->column,
			err->message);
	else if (err->file[0])
		fprintf(stderr, "saker: %s: %s\n", err->file, err->message);
	else
		fprintf(stderr, "saker: %s\n", err->message);
}

static int validate(const struct cli *cli, struct config *config)
{
	struct rules_options options = policy_rules_options(config);
	struct string_list paths = {0};
	struct rule_set *set;
	struct error err;
	CLEANUP_FREE char *report = NULL;
	CLEANUP_FREE char *description = NULL;
	int status;

	/* Rules of every source and priority are checked, whatever would run. */
	options.sources = SOURCES_ALL;
	options.least_priority = SEVERITY_DEBUG;
	VEC_FOREACH (path, &cli->validate) {
		if (rules_paths_add(&paths, *path, false, config->arena, &err) < 0) {
			print_error(&err);
			return 1;
		}
	}
	set = rules_load(paths.items, paths.count, &options);
	status = set->error_count ? 1 : 0;
	if (cli->describe && status == 0) {
		description = (config->json_output ? rules_describe_json
						   : rules_describe_text)(set, cli->rule, &err);
		if (!description) {
			print_error(&err);
			status = 1;
		}
	}
	if (config->json_output) {
		report = rules_report_json(set);
		printf("{%s%s%s\"falco_load_results\":%s}\n",
		       description ? "\"falco_describe_results\":" : "",
		       description ? description : "", description ? "," : "", report);
	} else {
		report = rules_report_text(set, true);
		fputs(report, stdout);
		if (description)
			printf("\n%s\n", description);
	}
	rules_free(set);
	return status;
}

static int describe_rules(const struct cli *cli, struct config *config)
{
	struct rule_set *set;
	struct error err = {0};
	CLEANUP_FREE char *text = NULL;

	/* The description is what is asked for; the files' counts are not. */
	log_configure(SEVERITY_WARNING, 1, NULL);
	set = policy_load_rules(cli, config, POLICY_START);
	if (!set)
		return 1;
	text =
	    (config->json_output ? rules_describe_json : rules_describe_text)(set, cli->rule, &err);
	if (text)
		puts(text);
	else
		print_error(&err);
	rules_free(set);
	return text ? 0 : 1;
}

static int test_rules(const struct cli *cli, struct config *config)
{
	struct string_list files = {(const char **)cli->arguments.items, cli->arguments.count};
	struct rule_test_options options = {
	    .rules_options = policy_rules_options(config),
	    .is_json = config->json_output,
	    .is_verbose = cli->verbosity > 0,
	};
	struct string_list *paths = cli->rules.count ? &options.rules : &options.default_rules;
	struct error err;

	/* Events are made, of whatever source rules are for. */
	options.rules_options.sources = SOURCES_ALL;
	/* Where neither the flags nor the configuration name any, the tests' file does. */
	if ((cli->rules.count || config->rules_files.count) &&
	    policy_find_rules(cli, config, paths, &err) < 0 && cli->rules.count) {
		print_error(&err);
		return 2;
	}
	return rule_test_run(&files, &options, stdout);
}

static int explain_rule(const struct cli *cli, struct config *config)
{
	struct explain_options options = {
	    .rule = cli->arguments.items[0],
	    .event_file = cli->event,
	    .in_full = cli->verbosity > 0,
	    .is_json = config->json_output,
	};
	struct rule_set *set;
	struct error err = {0};
	int status;

	log_configure(SEVERITY_WARNING, 1, NULL);
	config->sources = SOURCES_ALL;
	set = policy_load_rules(cli, config, POLICY_START);
	if (!set)
		return 1;
	status = rules_explain(set, &options, stdout, &err);
	if (status < 0)
		print_error(&err);
	rules_free(set);
	return status < 0 ? 1 : 0;
}

/* The captures that are to be replayed. */
static struct string_list captures_of(const struct cli *cli, struct config *config)
{
	struct string_list given = {(const char **)cli->captures.items, cli->captures.count};

	if (cli->action == ACTION_REPLAY)
		given =
		    (struct string_list){(const char **)cli->arguments.items, cli->arguments.count};
	if (given.count == 0 && config->engine_kind == ENGINE_REPLAY)
		given = (struct string_list){&config->capture_file, 1};
	return given;
}

/* The macros and lists that a filter may name are those of -r, never the configuration's. */
static int view(const struct cli *cli, struct config *config)
{
	struct string_list rules = {0};
	struct error err = {0};

	log_configure(cli->verbosity ? SEVERITY_DEBUG : SEVERITY_WARNING, 1, NULL);
	VEC_FOREACH (path, &cli->rules) {
		if (rules_paths_add(&rules, *path, false, config->arena, &err) < 0) {
			print_error(&err);
			return 1;
		}
	}
	return (cli->action == ACTION_RECORD ? record_run : view_run)(cli, config, &rules);
}

static bool has_output(const struct config *c)
{
	return c->stdout_enabled || c->syslog_enabled || c->file_output.enabled ||
	       c->program_output.enabled || c->http_output.enabled;
}

static void drop_privileges(const struct cli *cli, const struct config *config)
{
	const char *writes[] = {
	    config->file_output.enabled ? config->file_output.filename : NULL,
	    config->metrics.enabled ? config->metrics.output_file : NULL,
	    config->capture.enabled ? config->capture.path_prefix : NULL,
	    cli->record.path,
	};
	struct privileges_options options = {
	    .config = config,
	    .has_probe = config->engine_kind != ENGINE_REPLAY &&
			 config->engine_kind != ENGINE_NODRIVER &&
			 config->sources & SOURCE_BIT(SOURCE_SYSCALL),
	    .writes = writes,
	    .write_count = sizeof(writes) / sizeof(*writes),
	};

	privileges_drop(&options);
}

/* When the program began, by two clocks. */
struct start {
	uint64_t monotonic;
	uint64_t file_time; /* as the kernel would have stamped files then */
};

static int run(const struct cli *cli, struct config *config, const struct start *start)
{
	struct string_list captures;
	struct policy *policy;
	struct utsname system;
	int status = 0;

	uname(&system);
	log_info("saker %s, Linux %s on %s", program_version(), system.release, system.machine);
	cli_config_log(cli, config);
	captures = captures_of(cli, config);
	if (!has_output(config)) {
		log_error("no output is enabled: there is nowhere to send alerts to");
		return 1;
	}
	policy = policy_load(cli, config, POLICY_START);
	if (!policy)
		return 1;
	if (!cli->dry_run)
		drop_privileges(cli, config);
	if (cli->dry_run) {
		log_info("dry run: configuration and rules are right");
	} else {
		struct recording recording = {.options = {.path = cli->record.path}};
		struct monitor_options options = {
		    .policy = policy,
		    .reloads = cli,
		    .captures = captures,
		    .recording = cli->record.path ? &recording : NULL,
		    .seconds = cli->seconds,
		    .started_at = start->monotonic,
		    .started_time = start->file_time,
		};

		status = monitor_run(&options);
	}
	policy_release(policy);
	return status;
}

static int probe_info(const struct config *config)
{
	struct probe_options options = {
	    .ring_bytes = config_ring_bytes(config),
	    .critical_ring_bytes = 1024 * 1024,
	    .cpus_per_ring = (uint32_t)config->cpus_for_each_buffer,
	    .snaplen = (uint32_t)config->snaplen,
	};
	char memory[16384];
	struct buffer text = BUFFER(memory);
	struct error err = {0};
	struct probe *probe = probe_open(&options, &err);

	if (!probe) {
		print_error(&err);
		return 1;
	}
	probe_describe(probe, &text);
	probe_describe_programs(probe, &text);
	fwrite(text.p, 1, text.n, stdout);
	probe_close(probe);
	return 0;
}

static bool list_options_of(const struct cli *cli, struct list_options *options)
{
	*options = (struct list_options){
	    .sources = SOURCES_ALL,
	    .names_only = cli->names_only,
	    .is_verbose = cli->verbosity > 0,
	    .format = cli->format,
	};
	if (!cli->source)
		return true;
	for (int i = 0; i < SOURCE_COUNT; i++) {
		if (strcmp(cli->source, event_source_name(i)) == 0) {
			options->sources = SOURCE_BIT(i);
			return true;
		}
	}
	fprintf(stderr, "saker: no such event source: %s; there are syscall and k8s_audit\n",
		cli->source);
	return false;
}

/* Flags that only print something of the program's own; -1: not one of them. */
static int print_facts(const struct cli *cli)
{
	struct list_options options;
	char *schema;

	if (cli->markdown)
		fputs("saker: --markdown is an older form of --format markdown\n", stderr);
	switch (cli->action) {
	case ACTION_HELP:
		cli_print_help(stdout);
		return 0;
	case ACTION_LIST_FLAGS:
		cli_print_markdown(stdout);
		return 0;
	case ACTION_PAGE_SIZE:
		printf("%ld\n", sysconf(_SC_PAGESIZE));
		return 0;
	case ACTION_CONFIG_SCHEMA:
		(cli->format == LIST_MARKDOWN ? config_print_markdown
					      : config_print_schema)(stdout);
		return 0;
	case ACTION_LIST_METRICS:
		(cli->format == LIST_MARKDOWN ? metrics_print_markdown : metrics_print)(stdout);
		return 0;
	case ACTION_RULE_SCHEMA:
		schema = rules_schema_json();
		puts(schema);
		free(schema);
		return 0;
	case ACTION_IGNORED_EVENTS:
		list_ignored_events(stdout);
		return 0;
	case ACTION_LIST_FIELDS:
	case ACTION_LIST_EVENTS:
		if (!list_options_of(cli, &options))
			return 1;
		(cli->action == ACTION_LIST_FIELDS ? list_fields : list_events)(stdout, &options);
		return 0;
	default:
		return -1;
	}
}

/* A broken configuration keeps nobody from asking for the version. */
static int print_version(const struct cli *cli)
{
	struct error err;
	struct config *config = cli_config_new(cli, &err);
	json_t *json;
	char *text;

	if (config && config->json_output) {
		json = versions_json();
		text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
		puts(text);
		free(text);
		json_decref(json);
	} else {
		versions_print(stdout);
	}
	config_free(config);
	return 0;
}

static int support(const struct cli *cli, struct config *config, int argc, char **argv)
{
	struct string_list paths = {0};
	struct error err;

	log_configure(SEVERITY_WARNING, 1, NULL);
	if (policy_find_rules(cli, config, &paths, &err) < 0)
		log_warning("%s", err.message);
	print_support(config, argc, argv, &paths, stdout);
	return 0;
}

static int plugin_info(const struct cli *cli, const struct config *config)
{
	if (print_plugin_info(config, cli->plugin, stdout))
		return 0;
	fprintf(stderr, "saker: the configuration has no plugin of that name: %s\n", cli->plugin);
	return 1;
}

static int write_pid_file(const struct cli *cli)
{
	struct error err;

	if (!cli->pid_file || cli->dry_run)
		return 0;
	if (pidfile_write(cli->pid_file, &err) == 0)
		return 0;
	log_error("%s", err.message);
	return -1;
}

/* What needs the configuration; the exit status. */
static int act(const struct cli *cli, struct config *config, int argc, char **argv,
	       const struct start *start)
{
	int status = 1;

	switch (cli->action) {
	case ACTION_VALIDATE:
		return validate(cli, config);
	case ACTION_DESCRIBE_RULES:
		return describe_rules(cli, config);
	case ACTION_SUPPORT:
		return support(cli, config, argc, argv);
	case ACTION_LIST_PLUGINS:
		print_plugins(config, stdout);
		return 0;
	case ACTION_PLUGIN_INFO:
		return plugin_info(cli, config);
	case ACTION_RULES_TEST:
		return test_rules(cli, config);
	case ACTION_RULES_EXPLAIN:
		return explain_rule(cli, config);
	case ACTION_READ:
	case ACTION_WATCH:
	case ACTION_RECORD:
		return view(cli, config);
	case ACTION_PROBE_INFO:
		return probe_info(config);
	default:
		if (write_pid_file(cli) == 0) {
			status = run(cli, config, start);
			if (cli->pid_file && !cli->dry_run)
				pidfile_remove(cli->pid_file);
		}
		return status;
	}
}

int main(int argc, char **argv)
{
	struct start start = {clock_monotonic_ns(), clock_ns(CLOCK_REALTIME_COARSE)};
	struct config *config;
	struct error err = {0};
	struct cli cli;
	int status;

	/* What rules' files take while they load goes back to the system when they are forgotten.
	 */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	tzset();
	if (cli_parse(&cli, argc, argv, &err) < 0) {
		print_error(&err);
		cli_release(&cli);
		return 1;
	}
	status = cli.action == ACTION_VERSION ? print_version(&cli) : print_facts(&cli);
	if (status >= 0) {
		cli_release(&cli);
		return status;
	}
	config = cli_config_new(&cli, &err);
	status = 1;
	if (!config)
		print_error(&err);
	else if (!policy_tell_config(&cli, config))
		log_error("the configuration has errors");
	else
		status = act(&cli, config, argc, argv, &start);
	config_free(config);
	cli_release(&cli);
	return status;
}

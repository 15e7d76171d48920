/* SPDX-License-Identifier: Apache-2.0 */
#include "app/record_command.h"

#include "app/monitor.h"
#include "app/recording.h"
#include "app/view_filter.h"
#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>

/* The words of the command line as one text. */
static struct str filter_text(const struct cli *cli, struct arena *arena)
{
	struct str text = {"", 0};

	VEC_FOREACH (word, &cli->arguments)
		text = arena_printf(arena, "%.*s%s%s", STR_ARG(text), text.n ? " " : "", *word);
	return text;
}

static bool show_nothing(void *context, const struct monitor_event *e)
{
	(void)context, (void)e;
	return true;
}

struct record_limit {
	const struct recording *recording;
	uint64_t most; /* events; 0: no limit */
};

static bool go_on(void *context, bool is_end)
{
	const struct record_limit *limit = context;
	struct recorder_counters c;

	(void)is_end;
	if (!limit->recording->recorder)
		return true;
	c = recorder_counters(limit->recording->recorder);
	/* Whoever reads what is written has gone. */
	if (c.last_error == -EPIPE)
		return false;
	return !limit->most || c.recorded < limit->most;
}

/* Takes the rules over. */
static int run_plan(const struct cli *cli, const struct config *config, struct rule_set *set,
		    struct recording *recording)
{
	struct record_limit limit = {.recording = recording, .most = cli->record.most};
	struct monitor_view view = {.context = &limit, .show = show_nothing, .pause = go_on};
	struct error err = {0};
	struct policy *policy = policy_new(config, set, &err);
	struct monitor_options options = {
	    .policy = policy,
	    .seconds = cli->seconds,
	    .view = &view,
	    .recording = recording,
	};
	int status;

	if (!policy) {
		fprintf(stderr, "saker: %s\n", err.message);
		return 1;
	}
	status = monitor_run(&options);
	policy_release(policy);
	return status;
}

int record_run(const struct cli *cli, struct config *config, const struct string_list *rules)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct str filter = filter_text(cli, arena);
	struct recording recording = {.options = {
					  .path = cli->record.path,
					  .is_compressed = cli->record.is_compressed,
					  .is_exit_only = cli->record.is_exit_only,
					  .is_filtered = str_trim(filter).n > 0,
				      }};
	struct rule_set *set;
	struct rule *rule = NULL;
	struct error err = {0};

	if (!cli->record.path) {
		fputs("saker: record needs -w FILE: where to write\n", stderr);
		return 1;
	}
	config->engine_kind = ENGINE_MODERN_EBPF;
	if (cli->record.snaplen)
		config->snaplen = cli->record.snaplen;
	/* Nobody who asks for nothing wants each change of a CPU from one thread to another. */
	if (!recording.options.is_filtered)
		filter = STR("not evt.type in (switch, page_fault)");
	set = view_filter_load(filter, rules, &rule, &err);
	if (!set) {
		view_print_error("filter", filter, &err, stderr);
		return 1;
	}
	return run_plan(cli, config, set, &recording);
}

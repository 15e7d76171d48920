/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. One table (cli.c) of flags, under the names that users of Falco know, is what
 * parsing, --help and the reference page are made from.
 */
#ifndef SAKER_APP_CLI_H
#define SAKER_APP_CLI_H

#include "app/list.h"
#include "base/error.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * What the program is to do; without one of the other flags it watches. Of several the first in
 * this order is done.
 */
enum cli_action {
	ACTION_HELP,
	ACTION_LIST_FLAGS, /* --help --format markdown */
	ACTION_CONFIG_SCHEMA,
	ACTION_RULE_SCHEMA,
	ACTION_IGNORED_EVENTS, /* -i */
	ACTION_LIST_EVENTS,
	ACTION_VERSION,
	ACTION_PAGE_SIZE,
	ACTION_PLUGIN_INFO,
	ACTION_LIST_PLUGINS,
	ACTION_LIST_METRICS,
	ACTION_LIST_FIELDS,
	ACTION_PROBE_INFO,
	ACTION_VALIDATE,       /* -V, with -L or -l the rules' description behind it */
	ACTION_DESCRIBE_RULES, /* -L, -l NAME */
	ACTION_SUPPORT,
	ACTION_RULES_TEST,    /* rules test FILE... */
	ACTION_RULES_EXPLAIN, /* rules explain RULE */
	ACTION_REPLAY,        /* replay FILE... */
	ACTION_READ,          /* read FILE [FILTER] */
	ACTION_RECORD,        /* record -w FILE [FILTER] */
	ACTION_WATCH,         /* watch [FILTER] */
	ACTION_RUN,
};

/* Flags of read and watch. */
struct cli_view {
	const char *format; /* -p, NULL: the usual line */
	const char *time;   /* -t, NULL: time of day */
	const char *colour; /* --color, NULL: on a terminal */
	const char *top;    /* --top, NULL: lines */
	const char *by;     /* --by, NULL: count */
	uint64_t most;      /* -n; 0: no limit */
	bool is_json;
};

struct cli {
	enum cli_action action;
	const char *config; /* -c, NULL: not given */
	VEC(const char *) rules;
	VEC(const char *) validate;
	VEC(const char *) options;        /* -o */
	VEC(const char *) enable_sources; /* only one of the two has any */
	VEC(const char *) disable_sources;
	const char *source;          /* --list SOURCE */
	const char *rule;            /* -l */
	const char *plugin;          /* --plugin-info */
	const char *print;           /* -p */
	VEC(const char *) arguments; /* of a command: what is no flag */
	const char *event;           /* --event */
	VEC(const char *) captures;  /* -e */
	struct cli_view view;
	struct cli_record {
		const char *path; /* -w; NULL: nothing is recorded */
		bool is_compressed;
		bool is_exit_only;
		uint64_t snaplen; /* 0: as configured */
		uint64_t most;    /* events; 0: no limit */
	} record;
	const char *pid_file;
	enum list_format format; /* --format, --markdown */
	unsigned seconds;        /* -M; 0: no limit */
	unsigned verbosity;
	bool all_syscalls; /* -A */
	bool describe;     /* -L or -l */
	bool dry_run;
	bool names_only;
	bool has_format, markdown;
	bool unbuffered;
};

/* 0, or -EINVAL with what is wrong. The strings are argv's. */
int cli_parse(struct cli *cli, int argc, char **argv, struct error *err);
void cli_release(struct cli *cli);

void cli_print_help(FILE *out);
void cli_print_markdown(FILE *out);

#endif

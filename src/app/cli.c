/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>

enum flag_kind { FLAG_PLAIN, FLAG_VALUE, FLAG_OPTIONAL_VALUE };

struct flag {
	char short_name; /* 0: none */
	const char *long_name;
	const char *value; /* its name in the help, NULL: takes none */
	enum flag_kind kind;
	int (*take)(struct cli *cli, const char *value, struct error *err);
	const char *description;
};

#define SET(name, member)                                                                          \
	static int name(struct cli *cli, const char *value, struct error *err)                     \
	{                                                                                          \
		(void)value, (void)err;                                                            \
		cli->member;                                                                       \
		return 0;                                                                          \
	}

static void choose(struct cli *cli, enum cli_action action)
{
	if (action < cli->action)
		cli->action = action;
}

#define CHOOSE(name, which)                                                                        \
	static int name(struct cli *cli, const char *value, struct error *err)                     \
	{                                                                                          \
		(void)value, (void)err;                                                            \
		choose(cli, which);                                                                \
		return 0;                                                                          \
	}

#define COLLECT(name, list)                                                                        \
	static int name(struct cli *cli, const char *value, struct error *err)                     \
	{                                                                                          \
		(void)err;                                                                         \
		VEC_PUSH(&cli->list, value);                                                       \
		return 0;                                                                          \
	}

CHOOSE(take_help, ACTION_HELP)
CHOOSE(take_version, ACTION_VERSION)
CHOOSE(take_schema, ACTION_CONFIG_SCHEMA)
CHOOSE(take_rule_schema, ACTION_RULE_SCHEMA)
CHOOSE(take_ignored, ACTION_IGNORED_EVENTS)
CHOOSE(take_events, ACTION_LIST_EVENTS)
CHOOSE(take_plugins, ACTION_LIST_PLUGINS)
CHOOSE(take_metrics, ACTION_LIST_METRICS)
CHOOSE(take_probe_info, ACTION_PROBE_INFO)
CHOOSE(take_page_size, ACTION_PAGE_SIZE)
CHOOSE(take_support, ACTION_SUPPORT)
SET(take_config, config = value)
SET(take_print, print = value)
COLLECT(take_rules, rules)
COLLECT(take_option, options)
COLLECT(take_enable, enable_sources)
COLLECT(take_disable, disable_sources)
SET(take_dry_run, dry_run = true)
SET(take_all, all_syscalls = true)
SET(take_names, names_only = true)
SET(take_markdown, markdown = true)
SET(take_unbuffered, unbuffered = true)
SET(take_verbose, verbosity++)
SET(take_pid_file, pid_file = value)
SET(take_event, event = value)
SET(take_view_format, view.format = value)
SET(take_time, view.time = value)
SET(take_colour, view.colour = value)
SET(take_top, view.top = value)
SET(take_by, view.by = value)
SET(take_json, view.is_json = true)

static int take_validate(struct cli *cli, const char *value, struct error *err)
{
	(void)err;
	choose(cli, ACTION_VALIDATE);
	VEC_PUSH(&cli->validate, value);
	return 0;
}

static int take_describe(struct cli *cli, const char *value, struct error *err)
{
	(void)err;
	choose(cli, ACTION_DESCRIBE_RULES);
	cli->describe = true;
	cli->rule = value;
	return 0;
}

static int take_list(struct cli *cli, const char *value, struct error *err)
{
	(void)err;
	choose(cli, ACTION_LIST_FIELDS);
	cli->source = value;
	return 0;
}

static int take_plugin_info(struct cli *cli, const char *value, struct error *err)
{
	(void)err;
	choose(cli, ACTION_PLUGIN_INFO);
	cli->plugin = value;
	return 0;
}

static int take_format(struct cli *cli, const char *value, struct error *err)
{
	static const char *const formats[] = {
	    [LIST_TEXT] = "text", [LIST_MARKDOWN] = "markdown", [LIST_JSON] = "json"};

	cli->has_format = true;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (!str_equal_nocase(str_from(value), str_from(formats[i])))
			continue;
		cli->format = (enum list_format)i;
		return 0;
	}
	return error_set(err, -EINVAL, "--format %s: expected text, markdown or json", value);
}

static int take_seconds(struct cli *cli, const char *value, struct error *err)
{
	uint64_t seconds;

	if (!str_to_u64(str_from(value), &seconds) || seconds > 1000000000)
		return error_set(err, -EINVAL, "-M %s: expected a number of seconds", value);
	cli->seconds = (unsigned)seconds;
	return 0;
}

static int take_most(struct cli *cli, const char *value, struct error *err)
{
	if (!str_to_u64(str_from(value), &cli->view.most) || cli->view.most == 0)
		return error_set(err, -EINVAL, "-n %s: expected a number from 1", value);
	return 0;
}

SET(take_write, record.path = value)
SET(take_compress, record.is_compressed = true)
SET(take_exit_only, record.is_exit_only = true)

static int take_snaplen(struct cli *cli, const char *value, struct error *err)
{
	if (!str_to_u64(str_from(value), &cli->record.snaplen) || cli->record.snaplen == 0 ||
	    cli->record.snaplen > UINT16_MAX)
		return error_set(err, -EINVAL, "-s %s: expected a number from 1 to %d", value,
				 UINT16_MAX);
	return 0;
}

static int take_most_recorded(struct cli *cli, const char *value, struct error *err)
{
	if (!str_to_u64(str_from(value), &cli->record.most) || cli->record.most == 0)
		return error_set(err, -EINVAL, "-n %s: expected a number from 1", value);
	return 0;
}

static int take_capture(struct cli *cli, const char *value, struct error *err)
{
	(void)err;
	VEC_PUSH(&cli->captures, value);
	return 0;
}

static const struct flag flags[] = {
    {'h', "help", NULL, FLAG_PLAIN, take_help, "Print this list and exit."},
    {'c', NULL, "FILE", FLAG_VALUE, take_config,
     "Configuration file; else /etc/saker/saker.yaml or, where that is missing, "
     "/etc/falco/falco.yaml, if one is there."},
    {0, "config-schema", NULL, FLAG_PLAIN, take_schema,
     "Print the JSON schema of the configuration and exit."},
    {0, "rule-schema", NULL, FLAG_PLAIN, take_rule_schema,
     "Print the JSON schema of rules files and exit."},
    {0, "disable-source", "SOURCE", FLAG_VALUE, take_disable,
     "Leave an event source out: syscall, or that of a plugin. May be repeated, but one must "
     "remain; not with --enable-source; without effect on captures."},
    {0, "dry-run", NULL, FLAG_PLAIN, take_dry_run,
     "Do everything but watch: shows whether configuration and rules are right."},
    {'e', NULL, "FILE", FLAG_VALUE, take_capture,
     "Judge the events of a capture, as replay does; may be repeated."},
    {0, "enable-source", "SOURCE", FLAG_VALUE, take_enable,
     "Use only the event sources that are named so. May be repeated; not with --disable-source; "
     "without effect on captures."},
    {'i', NULL, NULL, FLAG_PLAIN, take_ignored,
     "Print the system calls that are left out unless asked for and exit: none, the rules decide."},
    {'L', NULL, NULL, FLAG_PLAIN, take_describe,
     "Describe all rules and exit; with json_output=true in detail, macros and lists too."},
    {'l', NULL, "RULE", FLAG_VALUE, take_describe, "Describe one rule and exit."},
    {0, "list", "SOURCE", FLAG_OPTIONAL_VALUE, take_list,
     "Print all fields, or those of one event source (syscall, k8s_audit), and exit."},
    {0, "list-events", NULL, FLAG_PLAIN, take_events, "Print all events and exit."},
    {0, "list-plugins", NULL, FLAG_PLAIN, take_plugins,
     "Print the plugins of the configuration and exit."},
    {0, "list-metrics", NULL, FLAG_PLAIN, take_metrics, "Print the metrics there are and exit."},
    {'M', NULL, "SECONDS", FLAG_VALUE, take_seconds, "Stop after that time."},
    {0, "markdown", NULL, FLAG_PLAIN, take_markdown, "Older form of --format markdown."},
    {0, "format", "FORMAT", FLAG_VALUE, take_format,
     "With --list and --list-events: text, markdown or json; with --config-schema, "
     "--list-metrics and --help: markdown is the reference page."},
    {'N', NULL, NULL, FLAG_PLAIN, take_names, "With --list: names only."},
    {'o', "option", "KEY=VALUE", FLAG_VALUE, take_option,
     "Set a key of the configuration: json_output=true, engine.kind=modern_ebpf, "
     "rules_files[0]=x.yaml, rules_files[]=x.yaml; \\. \\[ \\] \\\\ for these characters in a "
     "name. May be repeated."},
    {0, "plugin-info", "NAME", FLAG_VALUE, take_plugin_info,
     "Print what is known of a plugin of the configuration and exit."},
    {'p', "print", "FORMAT", FLAG_VALUE, take_print,
     "Text, with fields, that is added to all outputs; container (c) and kubernetes (k) stand for "
     "what is known of these. Older form of append_output."},
    {'P', "pidfile", "FILE", FLAG_VALUE, take_pid_file,
     "Write the process id to a file, which is removed at the end."},
    {'r', "rules", "FILE", FLAG_VALUE, take_rules,
     "Rules file, or directory of *.yaml files; may be repeated, later ones override earlier ones. "
     "Replaces rules_files of the configuration."},
    {0, "support", NULL, FLAG_PLAIN, take_support,
     "Print what a report of a problem should tell, as JSON, and exit: versions, system, "
     "configuration, rules files."},
    {'U', "unbuffered", NULL, FLAG_PLAIN, take_unbuffered,
     "Write every alert at once, whatever buffered_outputs says."},
    {'w', "write", "FILE", FLAG_VALUE, take_write,
     "Record what the system does in a capture, all of it, while the rules judge it; compressed "
     "where the name ends with .gz."},
    {'V', "validate", "FILE", FLAG_VALUE, take_validate,
     "Check rules files, print all problems and exit: status 1 if there is an error. May be "
     "repeated; the files are read together."},
    {'v', "verbose", NULL, FLAG_PLAIN, take_verbose,
     "Say more: warnings of rules files in full, fields with their types; debug messages when "
     "given twice."},
    {0, "version", NULL, FLAG_PLAIN, take_version,
     "Print versions and exit; with json_output=true as JSON."},
    {0, "page-size", NULL, FLAG_PLAIN, take_page_size, "Print the system's page size and exit."},
    {'A', NULL, NULL, FLAG_PLAIN, take_all,
     "Collect all system calls that have an event, needed or not."},
    {0, "event", "FILE", FLAG_VALUE, take_event,
     "With rules explain: the fields of an event, in YAML, to tell for what is true of the rule."},
    {0, "probe-info", NULL, FLAG_PLAIN, take_probe_info,
     "Print what the probe can do on this kernel and exit."},
};

enum { FLAG_COUNT = sizeof(flags) / sizeof(*flags) };

/* Of read and watch alone; with these they come before the flags of the same letter. */
static const struct flag view_flags[] = {
    {'p', "print", "FORMAT", FLAG_VALUE, take_view_format,
     "What to print of an event: text with %fields. Events that lack one of the fields are left "
     "out, but where the format begins with an asterisk: then <NA> stands for it."},
    {'j', "json", NULL, FLAG_PLAIN, take_json,
     "Print the format's fields as one JSON object a line."},
    {'t', "time", "FORM", FLAG_VALUE, take_time,
     "What %evt.outputtime and the usual line show: h time of day, a seconds since 1970, r since "
     "the first event, d since the event before, D duration of the call."},
    {'n', "count", "N", FLAG_VALUE, take_most,
     "Stop after N events that were printed; with --top the number of rows."},
    {0, "top", "FIELD", FLAG_VALUE, take_top,
     "Instead of events the most frequent values of a field (or of fields with commas between)."},
    {0, "by", "WHAT", FLAG_VALUE, take_by,
     "What --top adds up: count (of events), bytes (that were read and written) or time (that "
     "calls took; captures with enter and exit events only)."},
    {0, "color", "WHEN", FLAG_VALUE, take_colour,
     "auto (on a terminal; the default), always or never."},
};

enum { VIEW_FLAG_COUNT = sizeof(view_flags) / sizeof(*view_flags) };

static const struct flag record_flags[] = {
    {'z', "compress", NULL, FLAG_PLAIN, take_compress,
     "Compress with gzip, as is done for names that end with .gz."},
    {'s', "snaplen", "BYTES", FLAG_VALUE, take_snaplen,
     "How much to record of the data that calls read and write."},
    {'n', "count", "N", FLAG_VALUE, take_most_recorded,
     "Stop soon after N events are in the file."},
    {0, "exit-only", NULL, FLAG_PLAIN, take_exit_only,
     "Leave out the enter events, which this program and Falco do not need, but sysdig does: "
     "smaller, and faster to read."},
};

enum { RECORD_FLAG_COUNT = sizeof(record_flags) / sizeof(*record_flags) };

/* What the program does beside watching, under names of its own. */
static const struct command {
	const char *group, *name; /* name NULL: of one word */
	const char *arguments;
	enum cli_action action;
	size_t least, most; /* arguments */
	const char *description;
	const struct flag *flags; /* of its own */
	size_t flag_count;
} commands[] = {
    {"replay", NULL, "FILE...", ACTION_REPLAY, 1, SIZE_MAX,
     "Judge the events of captures, one after the other, instead of the system's. - is standard "
     "input.",
     NULL, 0},
    {"read", NULL, "FILE [FILTER]", ACTION_READ, 1, SIZE_MAX,
     "Print the events of a capture, or those for which a condition holds. With -r the condition "
     "may name the macros and lists of rules files.",
     view_flags, VIEW_FLAG_COUNT},
    {"record", NULL, "-w FILE [FILTER]", ACTION_RECORD, 0, SIZE_MAX,
     "Record what the system does in a capture, or that for which a condition holds, until "
     "Ctrl-C. What is recorded means the same when it is replayed; sysdig and Stratoshark read "
     "it, too.",
     record_flags, RECORD_FLAG_COUNT},
    {"watch", NULL, "[FILTER]", ACTION_WATCH, 0, SIZE_MAX,
     "The same of what happens on the system: what a rule with that condition would see.",
     view_flags, VIEW_FLAG_COUNT},
    {"rules", "test", "FILE...", ACTION_RULES_TEST, 1, SIZE_MAX,
     "Run tests of rules: events, and which rules must or must not fire for them. Exit status 1 if "
     "one fails. With json_output=true the report is JSON.",
     NULL, 0},
    {"rules", "explain", "RULE", ACTION_RULES_EXPLAIN, 1, 1,
     "Show a rule's condition with macros and exceptions, the events it listens to and what it "
     "costs; with --event which parts are true for an event. With json_output=true as JSON.",
     NULL, 0},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(*commands) };

static const char *command_name(const struct command *c, char *text, size_t room)
{
	snprintf(text, room, "%s%s%s", c->group, c->name ? " " : "", c->name ? c->name : "");
	return text;
}

static const struct flag *find_short(const struct command *command, char c)
{
	for (size_t i = 0; command && i < command->flag_count; i++)
		if (command->flags[i].short_name == c)
			return &command->flags[i];
	for (size_t i = 0; i < FLAG_COUNT; i++)
		if (flags[i].short_name == c)
			return &flags[i];
	return NULL;
}

static const struct flag *find_long(const struct command *command, struct str name)
{
	for (size_t i = 0; command && i < command->flag_count; i++)
		if (str_equal_c(name, command->flags[i].long_name))
			return &command->flags[i];
	for (size_t i = 0; i < FLAG_COUNT; i++)
		if (flags[i].long_name && str_equal_c(name, flags[i].long_name))
			return &flags[i];
	return NULL;
}

static int unknown_long(const struct command *command, struct str name, struct error *err)
{
	const char *names[FLAG_COUNT + VIEW_FLAG_COUNT + RECORD_FLAG_COUNT], *nearest;
	size_t n = 0;

	for (size_t i = 0; command && i < command->flag_count; i++)
		names[n++] = command->flags[i].long_name;
	for (size_t i = 0; i < FLAG_COUNT; i++)
		if (flags[i].long_name)
			names[n++] = flags[i].long_name;
	nearest = str_nearest(name, names, n);
	if (nearest)
		return error_set(err, -EINVAL, "no such flag: --%.*s; did you mean --%s?",
				 STR_ARG(name), nearest);
	return error_set(err, -EINVAL, "no such flag: --%.*s; see --help", STR_ARG(name));
}

/* `rest` is what stands behind the flag in its own argument, NULL: nothing. */
static int take_flag(struct cli *cli, const struct flag *flag, const char *given, const char *rest,
		     int *next, int argc, char **argv, struct error *err)
{
	const char *value = rest;

	if (flag->kind == FLAG_PLAIN && rest)
		return error_set(err, -EINVAL, "%s takes no value", given);
	if (flag->kind == FLAG_VALUE && !value) {
		if (*next >= argc)
			return error_set(err, -EINVAL, "%s needs a value: %s", given, flag->value);
		value = argv[(*next)++];
	}
	if (flag->kind == FLAG_OPTIONAL_VALUE && !value && *next < argc && argv[*next][0] != '-')
		value = argv[(*next)++];
	return flag->take(cli, value, err);
}

/* A command is one word or two, the first that are no flags; *next is moved behind it. */
static int take_command(struct cli *cli, int *next, int argc, char **argv,
			const struct command **out, struct error *err)
{
	const char *first = argv[*next];

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const char *second = commands[i].name;

		if (strcmp(first, commands[i].group) != 0 ||
		    (second && (*next + 1 >= argc || strcmp(argv[*next + 1], second) != 0)))
			continue;
		choose(cli, commands[i].action);
		*next += second ? 2 : 1;
		*out = &commands[i];
		return 0;
	}
	if (strcmp(first, "rules") == 0)
		return error_set(err, -EINVAL, "expected rules test or rules explain; see --help");
	return error_set(err, -EINVAL, "\"%s\" is no flag; see --help", first);
}

static int check_together(struct cli *cli, const struct command *command, struct error *err)
{
	char name[64];

	if (cli->markdown && cli->has_format)
		return error_set(err, -EINVAL, "--markdown and --format do not go together");
	if (cli->markdown)
		cli->format = LIST_MARKDOWN;
	if (cli->action == ACTION_HELP && cli->format == LIST_MARKDOWN)
		cli->action = ACTION_LIST_FLAGS;
	if (cli->enable_sources.count && cli->disable_sources.count)
		return error_set(err, -EINVAL,
				 "--enable-source and --disable-source do not go together");
	if (!command || cli->action != command->action)
		return 0;
	if (cli->arguments.count < command->least || cli->arguments.count > command->most)
		return error_set(err, -EINVAL, "expected %s %s",
				 command_name(command, name, sizeof(name)), command->arguments);
	return 0;
}

int cli_parse(struct cli *cli, int argc, char **argv, struct error *err)
{
	const struct command *command = NULL;
	int next = 1, status = 0;

	*cli = (struct cli){.action = ACTION_RUN};
	while (next < argc && status == 0) {
		const char *given = argv[next++];

		if (command && (given[0] != '-' || !given[1])) {
			VEC_PUSH(&cli->arguments, given);
			continue;
		}
		/* -V *.yaml, as a shell expands it. */
		if (cli->validate.count > 0 && given[0] != '-') {
			VEC_PUSH(&cli->validate, given);
			continue;
		}
		if (given[0] != '-' || given[1] == '\0') {
			next--;
			status = take_command(cli, &next, argc, argv, &command, err);
			continue;
		}
		if (given[1] == '-') {
			const char *equals = strchr(given, '=');
			struct str name = {given + 2, equals ? (size_t)(equals - given - 2)
							     : strlen(given + 2)};
			const struct flag *flag = find_long(command, name);

			if (!flag)
				return unknown_long(command, name, err);
			status = take_flag(cli, flag, given, equals ? equals + 1 : NULL, &next,
					   argc, argv, err);
			continue;
		}
		/* -Av, -cFILE */
		for (const char *p = given + 1; *p && status == 0; p++) {
			const struct flag *flag = find_short(command, *p);
			char name[] = {'-', *p, '\0'};

			if (!flag)
				return error_set(err, -EINVAL, "no such flag: -%c; see --help", *p);
			if (flag->kind == FLAG_PLAIN) {
				status = flag->take(cli, NULL, err);
				continue;
			}
			status =
			    take_flag(cli, flag, name, p[1] ? p + 1 : NULL, &next, argc, argv, err);
			break;
		}
	}
	return status == 0 ? check_together(cli, command, err) : status;
}

void cli_release(struct cli *cli)
{
	VEC_FREE(&cli->rules);
	VEC_FREE(&cli->validate);
	VEC_FREE(&cli->options);
	VEC_FREE(&cli->enable_sources);
	VEC_FREE(&cli->disable_sources);
	VEC_FREE(&cli->arguments);
	VEC_FREE(&cli->captures);
}

static void describe(const struct flag *flag, char *text, size_t room)
{
	char short_part[8] = "    ", long_part[64] = "";

	if (flag->short_name)
		snprintf(short_part, sizeof(short_part), "-%c%s", flag->short_name,
			 flag->long_name ? ", " : "");
	if (flag->long_name)
		snprintf(long_part, sizeof(long_part), "--%s", flag->long_name);
	if (flag->kind == FLAG_OPTIONAL_VALUE)
		snprintf(text, room, "%s%s [%s]", short_part, long_part, flag->value);
	else
		snprintf(text, room, "%s%s%s%s", short_part, long_part, flag->value ? " " : "",
			 flag->value ? flag->value : "");
}

enum { HELP_INDENT = 28, HELP_WIDTH = 92 };

static void print_row(const char *name, const char *description, FILE *out)
{
	int column = HELP_INDENT;

	fprintf(out, "  %-*s", HELP_INDENT - 2, name);
	if (strlen(name) > HELP_INDENT - 4)
		fprintf(out, "\n%*s", HELP_INDENT, "");
	for (const char *p = description; *p;) {
		size_t n = strcspn(p, " ");

		if (column + (int)n > HELP_WIDTH) {
			fprintf(out, "\n%*s", HELP_INDENT, "");
			column = HELP_INDENT;
		}
		fprintf(out, "%.*s ", (int)n, p);
		column += (int)n + 1;
		p += n + (p[n] == ' ');
	}
	fputc('\n', out);
}

static void print_own_flags(const char *of, const struct flag *own, size_t count, FILE *out)
{
	char name[96];

	fprintf(out, "\n%s:\n", of);
	for (size_t i = 0; i < count; i++) {
		describe(&own[i], name, sizeof(name));
		print_row(name, own[i].description, out);
	}
}

void cli_print_help(FILE *out)
{
	char name[96];

	fputs("saker watches what a Linux system does and tells of what its rules describe.\n\n"
	      "Usage: saker [FLAGS]\n"
	      "       saker COMMAND [FLAGS]\n\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		command_name(&commands[i], name, sizeof(name));
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " %s",
			 commands[i].arguments);
		print_row(name, commands[i].description, out);
	}
	print_own_flags("Of read and watch", view_flags, VIEW_FLAG_COUNT, out);
	print_own_flags("Of record", record_flags, RECORD_FLAG_COUNT, out);
	fputc('\n', out);
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		describe(&flags[i], name, sizeof(name));
		print_row(name, flags[i].description, out);
	}
}

static void print_flags_markdown(const struct flag *rows, size_t count, FILE *out)
{
	char name[96];

	fputs("\n| flag | meaning |\n|---|---|\n", out);
	for (size_t i = 0; i < count; i++) {
		describe(&rows[i], name, sizeof(name));
		fprintf(out, "| `%s` | %s |\n", name + strspn(name, " "), rows[i].description);
	}
}

void cli_print_markdown(FILE *out)
{
	char name[64];

	fputs("# Flags\n\nMade by `make docs` from the program's own table.\n\n"
	      "| command | meaning |\n|---|---|\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "| `%s %s` | %s |\n", command_name(&commands[i], name, sizeof(name)),
			commands[i].arguments, commands[i].description);
	print_flags_markdown(flags, FLAG_COUNT, out);
	fputs("\n## Of `read` and `watch`\n", out);
	print_flags_markdown(view_flags, VIEW_FLAG_COUNT, out);
	fputs("\n## Of `record`\n", out);
	print_flags_markdown(record_flags, RECORD_FLAG_COUNT, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/view_command.h"

#include "app/monitor.h"
#include "app/view_filter.h"
#include "base/cleanup.h"
#include "output/alert.h"
#include "output/view.h"
#include "output/view_top.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

enum {
	TOP_ROWS = 20,
	HEAD_ROWS = 3,      /* of a screen that are no rows of the table */
	REFRESH_PAUSES = 4, /* a table on a terminal is printed anew once a second */
};

struct viewing {
	const struct cli_view *options;
	bool is_live, has_filter;
	struct view view;
	struct view_top *top; /* NULL: lines */
	enum view_by by;
	struct expression *is_io;
	uint64_t shown;
	bool has_durations;
	unsigned pauses;
	bool is_screen; /* the table is on a terminal and printed anew */
	char line[ALERT_LINE_MAX];
};

/* The words of the command line behind the file, as one text. */
static struct str filter_text(const struct cli *cli, size_t first, struct arena *arena)
{
	struct str text = {"", 0};

	for (size_t i = first; i < cli->arguments.count; i++)
		text = arena_printf(arena, "%.*s%s%s", STR_ARG(text), text.n ? " " : "",
				    cli->arguments.items[i]);
	return text;
}

/* "a,join(x,y)" → "%a %join(x,y)": commas outside of brackets part fields. */
static struct str top_format(const char *fields, struct arena *arena)
{
	struct str s = str_from(fields), format = {"", 0};
	size_t from = 0;
	int depth = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && (s.p[i] == '(' || s.p[i] == '['))
			depth++;
		if (i < s.n && (s.p[i] == ')' || s.p[i] == ']'))
			depth--;
		if (i < s.n && (s.p[i] != ',' || depth > 0))
			continue;
		format = arena_printf(arena, "%.*s%s%%%.*s", STR_ARG(format), from ? " " : "",
				      STR_ARG(str_trim(str_slice(s, from, i))));
		from = i + 1;
	}
	return format;
}

static uint64_t bytes_of(struct viewing *v, struct field_context *ctx)
{
	struct value is_io;
	int64_t result;

	if (!expression_evaluate(ctx, v->is_io, &is_io) || !is_io.u64 ||
	    !event_result(ctx->event, &result) || result < 0)
		return 0;
	return (uint64_t)result;
}

static bool show_in_top(struct viewing *v, const struct monitor_event *e)
{
	struct buffer key = BUFFER(v->line);
	struct view_amount amount = {.of = {1, 0, 0}};

	v->has_durations |= e->duration != 0;
	if (!view_key(&v->view, e->context, &key))
		return true;
	amount.of[VIEW_BY_BYTES] = bytes_of(v, e->context);
	amount.of[VIEW_BY_TIME] = e->duration;
	view_top_add(v->top, buffer_str(&key), &amount);
	return true;
}

/* False: whoever reads us has gone; that is no error. */
static bool can_write(void)
{
	return !ferror(stdout);
}

static bool show(void *context, const struct monitor_event *e)
{
	struct viewing *v = context;
	struct buffer line = BUFFER(v->line);

	/* What a capture's writer noted for itself: unless it is asked for, nobody wants it. */
	if (!v->has_filter && e->context->event->schema->category == CATEGORY_INTERNAL)
		return true;
	if (v->top)
		return show_in_top(v, e);
	if (!view_format(&v->view, e->context, e->duration, &line))
		return true;
	fwrite(line.p, 1, line.n, stdout);
	v->shown++;
	return can_write() && (!v->options->most || v->shown < v->options->most);
}

static void print_top(struct viewing *v)
{
	size_t rows = v->options->most ? v->options->most : TOP_ROWS;
	struct winsize size;

	if (v->is_screen) {
		fputs("\033[H\033[J", stdout);
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > HEAD_ROWS &&
		    rows > (size_t)(size.ws_row - HEAD_ROWS))
			rows = size.ws_row - HEAD_ROWS;
	}
	(v->view.is_json ? view_top_print_json : view_top_print)(v->top, rows, stdout);
}

static bool on_pause(void *context, bool is_end)
{
	struct viewing *v = context;

	v->pauses++;
	if (v->top && (is_end || (v->is_screen && v->pauses % REFRESH_PAUSES == 0)))
		print_top(v);
	fflush(stdout);
	return can_write();
}

static bool parse_options(struct viewing *v, struct arena *arena, struct str *format,
			  struct error *err)
{
	const struct cli_view *o = v->options;
	bool is_terminal = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;

	*format = o->top ? top_format(o->top, arena) : str_from(o->format);
	if (!o->top && !o->format)
		*format = STR(VIEW_USUAL_FORMAT);
	if (o->top && o->format) {
		error_set(err, -EINVAL, "--top prints a table, so there is nothing for -p");
		return false;
	}
	if (o->by && !o->top) {
		error_set(err, -EINVAL, "--by needs --top: by what its rows are sorted");
		return false;
	}
	if (o->by && !view_by_name(o->by, &v->by)) {
		error_set(err, -EINVAL, "--by %s: expected count, bytes or time", o->by);
		return false;
	}
	if (v->by == VIEW_BY_TIME && v->is_live) {
		error_set(err, -EINVAL,
			  "--by time needs the beginning and the end of calls, which old captures "
			  "have; live there is but the end");
		return false;
	}
	if (o->time && !view_time_by_letter(o->time, &v->view.time)) {
		error_set(err, -EINVAL, "-t %s: expected h, a, r, d or D", o->time);
		return false;
	}
	if (!o->colour || strcmp(o->colour, "auto") == 0)
		v->view.is_coloured = is_terminal;
	else if (strcmp(o->colour, "always") == 0)
		v->view.is_coloured = true;
	else if (strcmp(o->colour, "never") != 0) {
		error_set(err, -EINVAL, "--color %s: expected auto, always or never", o->colour);
		return false;
	}
	v->view.is_json = o->is_json;
	v->is_screen = o->top && !o->is_json && isatty(STDOUT_FILENO);
	return true;
}

/* The rule's output is what the plan collects for. */
static int parse_format(struct viewing *v, struct str format, struct rule_set *set,
			struct rule *rule, struct error *err)
{
	struct view parsed;
	int status = view_parse(&parsed, format, set->arena, err);

	if (status < 0)
		return status;
	v->view.format = parsed.format;
	v->view.keeps_absent = parsed.keeps_absent;
	rule->output = parsed.format;
	if (v->options->top) {
		v->top = view_top_new(v->options->top, v->by);
		status = expression_shared(NULL, STR("evt.is_io"), SOURCE_BIT(SOURCE_SYSCALL),
					   set->arena, &v->is_io, err);
	}
	return status;
}

/* Takes the rules over. */
static int run_plan(struct viewing *v, const struct cli *cli, const struct config *config,
		    struct rule_set *set)
{
	struct monitor_view view = {.context = v, .show = show, .pause = on_pause};
	struct error err = {0};
	struct policy *policy = policy_new(config, set, &err);
	struct monitor_options options = {
	    .policy = policy,
	    .seconds = cli->seconds,
	    .view = &view,
	};
	int status;

	if (!policy) {
		fprintf(stderr, "saker: %s\n", err.message);
		return 1;
	}
	if (!v->is_live)
		options.captures = (struct string_list){(const char **)cli->arguments.items, 1};
	status = monitor_run(&options);
	if (v->by == VIEW_BY_TIME && !v->has_durations)
		fputs("saker: how long calls took is not known: the capture has no enter events\n",
		      stderr);
	policy_release(policy);
	return status;
}

int view_run(const struct cli *cli, struct config *config, const struct string_list *rules)
{
	CLEANUP_FREE struct viewing *v = calloc(1, sizeof(*v));
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct rule_set *set;
	struct rule *rule = NULL;
	struct str filter, format;
	struct error err = {0};
	int status = 1;

	if (!v)
		abort();
	v->options = &cli->view;
	v->is_live = cli->action == ACTION_WATCH;
	config->engine_kind = v->is_live ? ENGINE_MODERN_EBPF : ENGINE_REPLAY;
	if (!parse_options(v, arena, &format, &err)) {
		fprintf(stderr, "saker: %s\n", err.message);
		return 1;
	}
	filter = filter_text(cli, v->is_live ? 0 : 1, arena);
	v->has_filter = str_trim(filter).n > 0;
	/* Nobody who asks for nothing wants each change of a CPU from one thread to another. */
	if (v->is_live && !v->has_filter)
		filter = STR("not evt.type in (switch, page_fault)");
	set = view_filter_load(filter, rules, &rule, &err);
	if (!set) {
		view_print_error("filter", filter, &err, stderr);
		return 1;
	}
	if (parse_format(v, format, set, rule, &err) < 0) {
		view_print_error("format", format, &err, stderr);
		rules_free(set);
	} else {
		status = run_plan(v, cli, config, set);
	}
	view_top_free(v->top);
	return status;
}

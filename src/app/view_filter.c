/* SPDX-License-Identifier: Apache-2.0 */
#include "app/view_filter.h"

#include "base/cleanup.h"

#include <errno.h>

/* Names that no rules file has. */
static const char text_name[] = "\x01 filter", rule_name[] = "\x01 view";
static const char before[] = "- rule: \"\\x01 view\"\n  desc: \"-\"\n  priority: DEBUG\n"
			     "  output: \"-\"\n  condition: '";

/* The rules file that holds the filter: single quotes are doubled, lines become one. */
static struct str write_rule(struct str filter, struct arena *arena)
{
	char *text = arena_bytes(arena, sizeof(before) + 2 * filter.n + 2), *out = text;

	memcpy(out, before, sizeof(before) - 1);
	out += sizeof(before) - 1;
	for (size_t i = 0; i < filter.n; i++) {
		char c = filter.p[i];

		if (c == '\'')
			*out++ = c;
		*out++ = c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
	}
	*out++ = '\'';
	*out++ = '\n';
	return (struct str){text, (size_t)(out - text)};
}

/* The way back: from an offset in the rules file to one in the filter. */
static size_t filter_offset(struct str filter, size_t offset)
{
	size_t at = sizeof(before) - 1;

	for (size_t i = 0; i < filter.n; i++) {
		at += filter.p[i] == '\'' ? 2 : 1;
		if (at > offset)
			return i;
	}
	return filter.n;
}

/* False where a text cannot be read, with the error set. */
static bool read_texts(const struct string_list *rules, struct arena *arena,
		       struct rules_text *texts, struct error *err)
{
	for (size_t i = 0; i < rules->count; i++) {
		texts[i].name = rules->items[i];
		if (yaml_read_file(rules->items[i], arena, &texts[i].text, err) < 0)
			return false;
	}
	return true;
}

static bool has_error(const struct rule_set *set, struct str filter, struct error *err)
{
	for (size_t i = 0; i < set->diagnostic_count; i++) {
		const struct diagnostic *d = &set->diagnostics[i];
		bool is_own = strcmp(d->file, text_name) == 0;

		if (d->level != DIAGNOSTIC_ERROR) {
			/* That it sees all kinds of events is what somebody who looks wants. */
			if (is_own && strcmp(d->code, "LOAD_NO_EVTTYPE") != 0)
				log_warning("filter: %.*s", STR_ARG(d->message));
			continue;
		}
		error_set_at(err, -EINVAL, is_own ? filter_offset(filter, d->offset) : d->offset,
			     "%.*s", STR_ARG(d->message));
		if (!is_own)
			error_locate(err, d->file, d->line, d->column);
		return true;
	}
	return false;
}

struct rule_set *view_filter_load(struct str filter, const struct string_list *rules,
				  struct rule **rule, struct error *err)
{
	static const struct rules_selection only_it[] = {
	    {.enable = false, .rule = "*"},
	    {.enable = true, .rule = rule_name},
	};
	struct rules_options options = {
	    .least_priority = SEVERITY_DEBUG,
	    .sources = SOURCE_BIT(SOURCE_SYSCALL),
	    .selections = only_it,
	    .selection_count = 2,
	};
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct rules_text *texts = ARENA_ARRAY(arena, struct rules_text, rules->count + 1);
	struct rule_set *set;

	if (!read_texts(rules, arena, texts, err))
		return NULL;
	if (memchr(filter.p, '\0', filter.n)) {
		error_set(err, -EINVAL, "a NUL byte");
		return NULL;
	}
	texts[rules->count] = (struct rules_text){
	    .name = text_name,
	    .text = write_rule(str_trim(filter).n ? filter : STR("evt.num exists"), arena),
	};
	set = rules_load_texts(texts, rules->count + 1, &options);
	if (has_error(set, filter, err)) {
		rules_free(set);
		return NULL;
	}
	/* The arena of the texts goes. */
	rules_forget_sources(set);
	for (size_t i = 0; i < set->rule_count; i++)
		if (str_equal_c(set->rules[i].name, rule_name))
			*rule = &set->rules[i];
	return set;
}

void view_print_error(const char *what, struct str text, const struct error *err, FILE *out)
{
	size_t from = 0, to = text.n, at = err->offset < text.n ? err->offset : text.n;

	if (err->file[0]) {
		fprintf(out, "saker: %s:%u:%u: %s\n", err->file, err->line, err->column,
			err->message);
		return;
	}
	/* The line of it alone. */
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '\n')
			continue;
		if (i < at)
			from = i + 1;
		else if (to == text.n)
			to = i;
	}
	fprintf(out, "saker: %s:%zu: %s\n    %.*s\n    %*s^\n", what, at + 1, err->message,
		STR_ARG(str_slice(text, from, to)), (int)(at - from), "");
}

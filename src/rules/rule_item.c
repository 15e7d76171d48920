/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: a definition, what is appended to it, what overrides it. */
#include "rules/loader.h"

#include <stdio.h>
#include <stdlib.h>

enum rule_key {
	KEY_CONDITION,
	KEY_OUTPUT,
	KEY_DESC,
	KEY_TAGS,
	KEY_EXCEPTIONS,
	KEY_PRIORITY,
	KEY_CAPTURE,
	KEY_CAPTURE_DURATION,
	KEY_ENABLED,
	KEY_WARN_EVTTYPES,
	KEY_SKIP_IF_UNKNOWN_FILTER,
	KEY_COUNT
};

static const struct override_key overridable[KEY_COUNT] = {
    [KEY_CONDITION] = {"condition", true},
    [KEY_OUTPUT] = {"output", true},
    [KEY_DESC] = {"desc", true},
    [KEY_TAGS] = {"tags", true},
    [KEY_EXCEPTIONS] = {"exceptions", true},
    [KEY_PRIORITY] = {"priority", false},
    [KEY_CAPTURE] = {"capture", false},
    [KEY_CAPTURE_DURATION] = {"capture_duration", false},
    [KEY_ENABLED] = {"enabled", false},
    [KEY_WARN_EVTTYPES] = {"warn_evttypes", false},
    [KEY_SKIP_IF_UNKNOWN_FILTER] = {"skip-if-unknown-filter", false},
};

size_t rule_override_keys(const struct override_key **keys)
{
	*keys = overridable;
	return KEY_COUNT;
}

void rule_definition_free(struct rule_definition *rule)
{
	VEC_FREE(&rule->condition);
	VEC_FREE(&rule->output);
	VEC_FREE(&rule->tags);
	VEC_FOREACH (e, &rule->exceptions)
		exception_free(e);
	VEC_FREE(&rule->exceptions);
}

static bool read_priority(const struct reading *r, enum severity *out)
{
	struct yaml_node *value;
	int severity;

	if (!read_text(r, "priority", &value))
		return false;
	if (!value)
		return true;
	severity = severity_by_name(value->text);
	if (severity < 0) {
		const char *names[SEVERITY_COUNT];
		struct place at = place_node(r->file, value, r->item);
		char lower[32] = "";

		for (int i = 0; i < SEVERITY_COUNT; i++)
			names[i] = severity_name((enum severity)i);
		for (size_t i = 0; i < value->text.n && i < sizeof(lower) - 1; i++) {
			char c = value->text.p[i];

			lower[i] = c >= 'A' && c <= 'Z' && i ? (char)(c | 0x20) : c;
			if (c >= 'a' && c <= 'z' && !i)
				lower[i] = (char)(c & ~0x20);
		}
		const char *nearest = str_nearest(str_from(lower), names, SEVERITY_COUNT);

		at.part = "rule priority";
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "'%.*s' is no priority: EMERGENCY, ALERT, CRITICAL, ERROR, WARNING, NOTICE, "
		     "INFORMATIONAL and DEBUG are%s%s%s",
		     STR_ARG(value->text), nearest ? "; did you mean " : "", nearest ? nearest : "",
		     nearest ? "?" : "");
		return false;
	}
	*out = (enum severity)severity;
	return true;
}

static bool read_duration(const struct reading *r, uint64_t *out)
{
	struct yaml_node *value;

	if (!read_text(r, "capture_duration", &value))
		return false;
	if (value && (!yaml_u64(value, out) || *out > UINT32_MAX)) {
		struct place at = place_node(r->file, value, r->item);

		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "the value of 'capture_duration' is '%.*s' where milliseconds are wanted",
		     STR_ARG(value->text));
		return false;
	}
	return true;
}

/* Tags are a set, kept in order of their bytes, as alerts show them. */
static void add_tag(struct rule_definition *rule, struct str tag)
{
	size_t i = 0;

	while (i < rule->tags.count && str_compare(rule->tags.items[i], tag) < 0)
		i++;
	if (i < rule->tags.count && str_equal(rule->tags.items[i], tag))
		return;
	VEC_PUSH(&rule->tags, tag);
	memmove(&rule->tags.items[i + 1], &rule->tags.items[i],
		(rule->tags.count - 1 - i) * sizeof(tag));
	rule->tags.items[i] = tag;
}

static bool read_tags(const struct reading *r, struct rule_definition *rule)
{
	enum { TAGS_MAX = 1000 }; /* they are kept sorted by insertion */
	struct yaml_node *tags = yaml_get(r->node, "tags");
	bool is_good = true;

	if (!tags)
		return true;
	if (tags->kind != YAML_SEQUENCE) {
		struct place at = place_node(r->file, tags, r->item);

		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "the value of 'tags' is not a list");
		return false;
	}
	for (uint32_t i = 0; i < tags->count; i++) {
		struct place at = place_node(r->file, tags->items[i], r->item);

		if (tags->items[i]->kind != YAML_SCALAR || yaml_is_null(tags->items[i])) {
			fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "a tag must be a text");
			is_good = false;
		} else if (rule->tags.count == TAGS_MAX) {
			fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "a rule has no more than %d tags",
			     TAGS_MAX);
			return false;
		} else {
			add_tag(rule, tags->items[i]->text);
		}
	}
	return is_good;
}

static bool read_scalar_into(const struct reading *r, const char *key, written_vec *out,
			     bool is_append)
{
	struct yaml_node *value;

	if (!read_text(r, key, &value))
		return false;
	if (!is_append)
		out->count = 0;
	if (value)
		VEC_PUSH(out, (struct written){r->file, value});
	return true;
}

static bool read_desc(const struct reading *r, struct rule_definition *rule, bool is_append)
{
	struct yaml_node *value;

	if (!read_text(r, "desc", &value))
		return false;
	if (value && is_append)
		rule->desc = arena_printf(r->l->arena, "%.*s %.*s", STR_ARG(rule->desc),
					  STR_ARG(value->text));
	else if (value)
		rule->desc = value->text;
	return true;
}

/* One key's value over or behind what the rule has. */
static bool read_key(const struct reading *r, struct rule_definition *rule, enum rule_key key,
		     bool is_append)
{
	switch (key) {
	case KEY_CONDITION:
		return read_scalar_into(r, "condition", &rule->condition, is_append);
	case KEY_OUTPUT:
		return read_scalar_into(r, "output", &rule->output, is_append);
	case KEY_DESC:
		return read_desc(r, rule, is_append);
	case KEY_TAGS:
		if (!is_append)
			rule->tags.count = 0;
		return read_tags(r, rule);
	case KEY_EXCEPTIONS:
		return read_exceptions(r, rule, is_append);
	case KEY_PRIORITY:
		return read_priority(r, &rule->priority);
	case KEY_CAPTURE:
		return read_bool(r, "capture", &rule->is_capture);
	case KEY_CAPTURE_DURATION:
		return read_duration(r, &rule->capture_duration_ms);
	case KEY_ENABLED:
		return read_bool(r, "enabled", &rule->is_enabled);
	case KEY_WARN_EVTTYPES:
		return read_bool(r, "warn_evttypes", &rule->warn_evttypes);
	case KEY_SKIP_IF_UNKNOWN_FILTER:
		return read_bool(r, "skip-if-unknown-filter", &rule->skip_if_unknown_filter);
	case KEY_COUNT:
		break;
	}
	return true;
}

/*
 * False: the rule was defined for another source than the item says. source: as the item has it;
 * "" where it does not say.
 */
static bool check_source(const struct reading *r, const struct rule_definition *rule,
			 struct str source)
{
	const struct yaml_node *written = yaml_get(r->node, "source");

	if (!rule || !source.n || !rule->source.n || str_equal(source, rule->source))
		return true;

	struct place at = place_node(r->file, written ? written : r->node, r->item);

	fail(r->l, "LOAD_ERR_VALIDATE", &at,
	     "the rule was defined for the source '%.*s' and cannot change it to '%.*s'",
	     STR_ARG(rule->source), STR_ARG(source));
	return false;
}

/* `source:` of an item that extends a rule may have no value. */
static bool read_source(const struct reading *r, struct str *out)
{
	struct yaml_node *source = yaml_get(r->node, "source");

	*out = STR("");
	if (!source || yaml_is_null(source))
		return true;
	if (source->kind == YAML_SCALAR && !source->text.n)
		return true;
	if (!read_text(r, "source", &source))
		return false;
	*out = source->text;
	return true;
}

static void fail_without_rule(const struct reading *r, const char *what)
{
	struct place at = place_node(r->file, r->node, r->item);
	VEC(const char *) names = {0};

	VEC_FOREACH (known, &r->l->rules)
		VEC_PUSH(&names, arena_cstr(r->l->arena, (*known)->item.name));

	const char *nearest = str_nearest(r->item->name, names.items, names.count);

	fail(r->l, "LOAD_ERR_VALIDATE", &at,
	     "there is no rule '%.*s' before this that could be %s%s%s%s", STR_ARG(r->item->name),
	     what, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	VEC_FREE(&names);
}

/* The keys that `override` names; rule NULL: only looks at them. */
static bool read_overridden(const struct reading *r, struct rule_definition *rule,
			    uint32_t appended, uint32_t replaced)
{
	struct rule_definition nobody = {0};
	struct place at = place_node(r->file, r->node, r->item);
	bool is_good = true;

	for (int key = 0; key < KEY_COUNT; key++) {
		bool is_append = appended >> key & 1, is_replace = replaced >> key & 1;

		if (!is_append && !is_replace)
			continue;
		if (is_append && is_replace)
			is_append = false; /* the replacement comes last */
		if (!yaml_find(r->node, overridable[key].name)) {
			at.is_beyond_schema = true;
			fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
			     "'override' says '%s: %s' but the item has no key '%s'",
			     overridable[key].name, is_append ? "append" : "replace",
			     overridable[key].name);
			is_good = false;
		} else if (rule) {
			is_good &= read_key(r, rule, (enum rule_key)key, is_append);
		} else if (key != KEY_EXCEPTIONS) {
			is_good &= read_key(r, &nobody, (enum rule_key)key, is_append);
		}
	}
	rule_definition_free(&nobody);
	return is_good;
}

static bool refuse_other_keys(const struct reading *r, uint32_t overridden)
{
	bool is_good = true;

	for (int key = 0; key < KEY_COUNT; key++) {
		struct yaml_pair *pair = yaml_find(r->node, overridable[key].name);

		if (!pair || overridden >> key & 1)
			continue;

		struct place at = place_node(r->file, pair->key, r->item);

		at.is_beyond_schema = true;
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "the key '%s' has no entry under 'override' that says what to do with it",
		     overridable[key].name);
		is_good = false;
	}
	return is_good;
}

static bool apply_overrides(const struct reading *r, struct rule_definition *rule,
			    struct str source, uint32_t appended, uint32_t replaced)
{
	bool names_condition = (appended | replaced) >> KEY_CONDITION & 1;
	bool is_good = read_overridden(r, rule, appended, replaced);

	if (!rule) {
		if (is_good)
			fail_without_rule(r, appended ? "appended to" : "overridden");
		return false;
	}
	if (names_condition)
		is_good &= check_source(r, rule, source);
	return refuse_other_keys(r, appended | replaced) && is_good;
}

static bool apply_append(const struct reading *r, struct rule_definition *rule, struct str source)
{
	struct place at = place_node(r->file, r->node, r->item);
	struct rule_definition nobody = {0};

	if (!rule) {
		if (read_key(r, &nobody, KEY_CONDITION, true))
			fail_without_rule(r, "appended to");
		rule_definition_free(&nobody);
		return false;
	}
	if (!check_source(r, rule, source))
		return false;
	if (!yaml_get(r->node, "condition") && !yaml_get(r->node, "exceptions")) {
		fail(r->l, "LOAD_ERR_VALIDATE", &at,
		     "a rule with 'append: true' needs a condition or exceptions to append");
		return false;
	}

	bool is_good = read_key(r, rule, KEY_CONDITION, true);

	return read_key(r, rule, KEY_EXCEPTIONS, true) && is_good;
}

static void reset_rule(struct rule_definition *rule)
{
	rule->condition.count = rule->output.count = rule->tags.count = 0;
	VEC_FOREACH (e, &rule->exceptions)
		exception_free(e);
	rule->exceptions.count = 0;
	rule->desc = STR("");
	rule->source = STR("syscall");
	rule->source_at = (struct written){0};
	rule->priority = SEVERITY_DEBUG;
	rule->is_enabled = rule->warn_evttypes = true;
	rule->skip_if_unknown_filter = rule->is_capture = rule->is_broken = false;
	rule->is_source_unknown = false;
	rule->capture_duration_ms = 0;
}

static bool is_known_source(struct str name)
{
	return str_equal(name, STR("syscall")) || str_equal(name, STR("k8s_audit"));
}

static bool define(const struct reading *r, struct rule_definition *rule)
{
	static const char *const required[] = {"condition", "output", "desc", "priority"};
	struct place at = place_node(r->file, r->node, r->item);
	char missing[80] = "";
	struct yaml_node *source;
	bool is_good = true;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		size_t n = strlen(missing);

		if (!yaml_get(r->node, required[i]))
			snprintf(missing + n, sizeof(missing) - n, "%s'%s'", n ? ", " : "",
				 required[i]);
	}
	if (missing[0]) {
		at.is_beyond_schema = true;
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "the rule lacks %s", missing);
		is_good = false;
	}
	reset_rule(rule);
	rule->item.at = (struct written){r->file, r->node};
	if (!read_text(r, "source", &source))
		is_good = false;
	if (source) {
		rule->source = source->text;
		rule->source_at = (struct written){r->file, source};
	}
	if (!is_known_source(rule->source)) {
		static const char *const names[] = {"syscall", "k8s_audit"};
		const char *nearest = str_nearest(rule->source, names, 2);
		struct place at_source = place_node(r->file, source, r->item);

		rule->is_source_unknown = true;
		warn(r->l, "LOAD_UNKNOWN_SOURCE", &at_source,
		     "the source '%.*s' is unknown, so the rule is not loaded%s%s%s",
		     STR_ARG(rule->source), nearest ? "; did you mean '" : "",
		     nearest ? nearest : "", nearest ? "'?" : "");
	}
	for (int key = 0; key < KEY_COUNT; key++)
		is_good &= read_key(r, rule, (enum rule_key)key, false);
	return is_good;
}

/* The old form that only sets `enabled` of an earlier rule. */
static bool enable(const struct reading *r, struct rule_definition *rule)
{
	struct place at = place_node(r->file, r->node, r->item);

	if (!yaml_get(r->node, "enabled")) {
		at.is_beyond_schema = true;
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "the rule has neither a condition, output, desc and priority nor 'enabled'");
		return false;
	}

	bool is_enabled = true, is_good = read_bool(r, "enabled", &is_enabled);

	warn(r->l, "LOAD_DEPRECATED_ITEM", &at,
	     "'enabled' alone is deprecated: add 'override: {enabled: replace}'");
	if (!rule) {
		fail_without_rule(r, "enabled or disabled");
		return false;
	}
	if (is_good)
		rule->is_enabled = is_enabled;
	return is_good;
}

static struct rule_definition *new_rule(struct loader *l, const struct item *item)
{
	struct rule_definition *rule = ARENA_NEW(l->arena, struct rule_definition);

	reset_rule(rule);
	rule->item = *item;
	strmap_put(&l->rules_by_name, item->name, rule);
	VEC_PUSH(&l->rules, rule);
	return rule;
}

static bool has_definition(const struct yaml_node *node)
{
	return yaml_get(node, "condition") || yaml_get(node, "output") || yaml_get(node, "desc") ||
	       yaml_get(node, "priority");
}

void read_rule(struct loader *l, struct rules_file *counts, const struct yaml_file *file,
	       const struct yaml_node *node)
{
	struct item item = {.type = "rule", .name = STR(""), .at = {file, node}};
	struct reading r = {l, file, node, &item};
	struct yaml_node *name;
	struct str source;
	uint32_t appended = 0, replaced = 0;
	bool append = false;

	if (!read_text(&r, "rule", &name) || !name)
		return;
	item.name = name->text;

	struct rule_definition *rule = strmap_get(&l->rules_by_name, item.name);
	bool is_good = read_override(&r, overridable, KEY_COUNT, &appended, &replaced);
	bool has_override = appended || replaced;

	is_good &= read_append(&r, has_override, &append);
	is_good &= read_source(&r, &source);
	warn_of_unknown_keys(&r, KEYS_OF_RULE);

	if (has_override || append) {
		if (is_good)
			is_good = has_override
				      ? apply_overrides(&r, rule, source, appended, replaced)
				      : apply_append(&r, rule, source);
	} else if (!has_definition(node) && is_good) {
		is_good = enable(&r, rule);
	} else if (!check_source(&r, rule, source.n ? source : STR("syscall"))) {
		is_good = false;
	} else if (is_good || !rule) {
		counts->rules += rule == NULL;
		if (!rule)
			rule = new_rule(l, &item);
		is_good &= define(&r, rule);
	}
	/* A broken item also stands for its name, so that what refers to it is no further error. */
	if (!is_good && !rule)
		rule = new_rule(l, &item);
	if (rule)
		rule->is_broken |= !is_good;
}

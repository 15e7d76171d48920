/* SPDX-License-Identifier: Apache-2.0 */
/* A definition → a checked rule: condition with exceptions, source, event types. */
#include "base/bitset.h"
#include "rules/compilation.h"

#include <errno.h>

/* Upstream warns of rules that more event codes than this can match. */
enum { EVENT_CODES_MANY = 100 };

static const char *const source_names[SOURCE_COUNT] = {
    [SOURCE_SYSCALL] = "syscall",
    [SOURCE_K8S_AUDIT] = "k8s_audit",
};

static struct condition *not_node(struct loader *l, struct condition *child)
{
	struct condition *c = ARENA_NEW(l->set->arena, struct condition);

	c->kind = CONDITION_NOT;
	c->origin = child->origin;
	c->offset = child->offset;
	c->length = child->length;
	c->children = ARENA_ARRAY(l->set->arena, struct condition *, 1);
	c->children[0] = child;
	c->child_count = 1;
	return c;
}

static struct condition *and_node(struct loader *l, struct condition *const *parts, size_t count)
{
	struct condition *all = ARENA_NEW(l->set->arena, struct condition);

	*all = (struct condition){.kind = CONDITION_AND,
				  .origin = parts[0]->origin,
				  .offset = parts[0]->offset,
				  .length = parts[0]->length};
	all->children = ARENA_ARRAY(l->set->arena, struct condition *, count);
	memcpy(all->children, parts, count * sizeof(struct condition *));
	all->child_count = count;
	return all;
}

/*
 * The rule's own condition, and not the exceptions'. False: a problem was told; *out is what could
 * be read nevertheless, to look for further ones in it, or NULL.
 */
static bool build_condition(struct compilation *c, struct condition **out)
{
	struct loader *l = c->l;
	struct rule_definition *d = c->definition;
	VEC(struct condition *) parts = {0};
	struct condition *part;
	bool is_good;

	d->condition_text = text_join(&d->condition, l, &d->item, "rule condition");
	part = parse_text(l, d->condition_text);
	is_good = part != NULL;
	if (part)
		VEC_PUSH(&parts, part);
	VEC_FOREACH (e, &d->exceptions) {
		struct source_text *text;

		if (!exception_text(l, d, e, &text)) {
			is_good = false;
			continue;
		}
		if (!text)
			continue;
		part = parse_text(l, text);
		is_good &= part != NULL;
		if (part)
			VEC_PUSH(&parts, not_node(l, part));
	}
	*out = NULL;
	if (parts.count) {
		*out = parts.count == 1 ? parts.items[0] : and_node(l, parts.items, parts.count);
		is_good &= resolve_condition(l, out);
	}
	VEC_FREE(&parts);
	return is_good;
}

static struct place place_in_condition(const struct compilation *c, const struct condition *node,
				       size_t offset)
{
	return source_text_place(node->origin ? node->origin : c->definition->condition_text,
				 offset);
}

static void tell_of_condition(void *context, const struct condition *node, const char *code,
			      const char *message)
{
	struct compilation *c = context;
	struct place at = place_in_condition(c, node, node->offset);

	warn(c->l, code ? code : "LOAD_COMPILE_CONDITION", &at, "%s", message);
}

/* A rule that may be left out goes by its first problem: the others are none any more. */
static void fail_of_condition(void *context, const struct condition *node, int result,
			      const struct error *err)
{
	struct compilation *c = context;
	struct place at = place_in_condition(c, node, err->offset);

	if (c->is_skipped)
		return;
	c->is_skipped =
	    result == -ENOENT && c->definition->skip_if_unknown_filter && !c->has_failed;
	c->has_failed = true;
	if (c->is_skipped)
		warn(c->l, "LOAD_UNKNOWN_FILTER", &at, "%s; the rule is not loaded", err->message);
	else
		fail(c->l, "LOAD_ERR_COMPILE_CONDITION", &at, "%s", err->message);
}

static bool check_condition(struct compilation *c, struct condition *tree)
{
	struct condition_checks how = {.sources = SOURCES_ALL,
				       .arena = c->l->set->arena,
				       .pool = &c->l->expressions,
				       .names_are_told = true,
				       .warn = tell_of_condition,
				       .fail = fail_of_condition,
				       .context = c};

	return condition_check_all(tree, &how) == 0;
}

/* What static.NAME says is known here and not when an event comes. */
static void bind_static_field(struct compilation *c, struct field_use *use)
{
	const struct rules_options *o = c->l->options;

	for (size_t i = 0; i < o->static_field_count; i++) {
		const struct rules_static_field *f = &o->static_fields[i];

		if (!str_equal_c(use->key, f->name))
			continue;
		if (!use->constant.p)
			use->constant = arena_str(c->l->set->arena, str_from(f->value));
		return;
	}
	if (c->unbound)
		return;
	c->unbound = use;
	c->unbound_node = c->node;
}

static bool tell_unbound(struct compilation *c)
{
	struct rule_definition *d = c->definition;
	struct place at;
	struct error err;

	if (!c->unbound)
		return true;
	error_set(&err, -ENOENT,
		  "unknown field '%.*s': static_fields of the configuration has no "
		  "such name",
		  STR_ARG(c->unbound->text));
	if (c->unbound_node) {
		err.offset = c->unbound_node->offset;
		fail_of_condition(c, c->unbound_node, -ENOENT, &err);
		return false;
	}
	at = source_text_place(d->output_text, 0);
	if (d->skip_if_unknown_filter)
		warn(c->l, "LOAD_UNKNOWN_FILTER", &at, "%s; the rule is not loaded", err.message);
	else
		fail(c->l, "LOAD_ERR_COMPILE_OUTPUT", &at, "%s", err.message);
	return false;
}

static void visit_field(const struct field_use *use, void *context)
{
	struct compilation *c = context;
	uint32_t sources = use->field->sources;

	if (field_is_static(use->field))
		bind_static_field(c, (struct field_use *)(uintptr_t)use);
	if (c->sources && !(c->sources & sources))
		c->last = use;
	c->sources &= sources;
	if (!(sources & SOURCE_BIT(c->declared)) && !c->foreign) {
		c->foreign = use;
		c->foreign_node = c->node;
	}
	if (sources == SOURCE_BIT(c->declared) && !c->native)
		c->native = use;
}

static void visit_condition(struct compilation *c, const struct condition *node)
{
	if (node->kind == CONDITION_AND || node->kind == CONDITION_OR ||
	    node->kind == CONDITION_NOT) {
		for (size_t i = 0; i < node->child_count; i++)
			visit_condition(c, node->children[i]);
	} else if (node->kind == CONDITION_COMPARE) {
		c->node = node;
		if (node->comparison->left)
			expression_visit(node->comparison->left, visit_field, c);
		if (node->comparison->right)
			expression_visit(node->comparison->right, visit_field, c);
	}
}

static enum event_source first_source(uint32_t sources)
{
	return (enum event_source)__builtin_ctz(sources);
}

/*
 * Which source's events the rule judges. Users write a source above fields of another; what the
 * rule can mean decides then.
 */
static bool choose_source(struct compilation *c)
{
	const struct rule_definition *d = c->definition;
	struct place at = place_node(d->item.at.file, d->item.at.node, &d->item);
	uint32_t of_condition;

	c->sources = SOURCES_ALL;
	visit_condition(c, c->rule->condition);
	of_condition = c->sources;
	c->node = NULL;
	if (of_condition)
		template_visit(&c->rule->output, visit_field, c);
	if (!tell_unbound(c))
		return false;
	if (of_condition && !c->sources) {
		at = source_text_place(d->output_text, 0);
		fail(c->l, "LOAD_ERR_COMPILE_OUTPUT", &at,
		     "the output's field '%.*s' is of the source %s, but the condition's fields "
		     "are of the source %s",
		     STR_ARG(c->last->text), source_names[first_source(c->last->field->sources)],
		     source_names[first_source(of_condition)]);
		return false;
	}
	if (!c->sources) {
		const struct condition *node = c->foreign_node;

		at = source_text_place(node->origin, node->offset);
		fail(c->l, "LOAD_ERR_COMPILE_CONDITION", &at,
		     "the field '%.*s' is of the source %s, but the rule's source is %s%s%.*s%s",
		     STR_ARG(c->foreign->text),
		     source_names[first_source(c->foreign->field->sources)],
		     source_names[c->declared], c->native ? " and it also uses '" : "",
		     STR_ARG(c->native ? c->native->text : STR("")), c->native ? "'" : "");
		return false;
	}
	c->rule->source = c->declared;
	if (c->sources & SOURCE_BIT(c->declared))
		return true;
	c->rule->source = first_source(c->sources);
	if (d->source_at.node)
		at = place_node(d->source_at.file, d->source_at.node, &d->item);
	warn(c->l, "LOAD_UNKNOWN_SOURCE", &at,
	     "the rule's source is %s, but its fields are of the source %s ('%.*s'): it is loaded "
	     "for that",
	     source_names[c->declared], source_names[c->rule->source], STR_ARG(c->foreign->text));
	return true;
}

bool definition_has_tag(const struct rule_definition *d, const char *tag)
{
	for (size_t i = 0; i < d->tags.count; i++)
		if (str_equal_c(d->tags.items[i], tag))
			return true;
	return false;
}

/* How many event codes, enter and exit and old versions, have one of the kinds. */
static size_t count_event_codes(const uint64_t *kinds)
{
	size_t n = 0;

	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *s = event_schema_get(code);

		n += s && s->kind < event_kind_count && bitset_has(kinds, s->kind);
	}
	return n;
}

static void find_event_kinds(struct compilation *c)
{
	struct rule *rule = c->rule;
	const struct rule_definition *d = c->definition;
	struct place at = place_node(d->item.at.file, d->item.at.node, &d->item);
	bool is_restricted;

	rule->event_kinds =
	    ARENA_ARRAY(c->l->set->arena, uint64_t, BITSET_WORDS((size_t)event_kind_count));
	is_restricted = condition_event_kinds(rule->condition, rule->event_kinds);
	if (rule->source != SOURCE_SYSCALL || !rule->warn_evttypes)
		return;
	if (!is_restricted || count_event_codes(rule->event_kinds) > EVENT_CODES_MANY)
		warn(c->l, "LOAD_NO_EVTTYPE", &at,
		     "the condition matches too many types of events, which costs time on each of "
		     "them: restrict it by evt.type");
}

static bool is_selected(const struct rules_options *o, const struct rule_definition *d)
{
	bool is_enabled = d->is_enabled;

	for (size_t i = 0; i < o->selection_count; i++) {
		const struct rules_selection *s = &o->selections[i];

		if (s->rule ? rule_name_matches(d->item.name, str_from(s->rule))
			    : s->tag && definition_has_tag(d, s->tag))
			is_enabled = s->enable;
	}
	return is_enabled;
}

static void fill_rule(struct compilation *c)
{
	struct arena *arena = c->l->set->arena;
	const struct rule_definition *d = c->definition;
	struct yaml_position at = yaml_locate(d->item.at.file, d->item.at.node->offset);
	struct rule *rule = c->rule;

	rule->name = arena_str(arena, d->item.name);
	rule->desc = arena_str(arena, d->desc);
	rule->priority = d->priority;
	rule->tags = ARENA_ARRAY(arena, struct str, d->tags.count);
	for (size_t i = 0; i < d->tags.count; i++)
		rule->tags[i] = arena_str(arena, d->tags.items[i]);
	rule->tag_count = d->tags.count;
	rule->is_enabled = is_selected(c->l->options, d);
	rule->warn_evttypes = d->warn_evttypes;
	rule->skip_if_unknown_filter = d->skip_if_unknown_filter;
	rule->is_capture = d->is_capture;
	rule->capture_duration_ms = (uint32_t)d->capture_duration_ms;
	rule->position = (struct source_position){
	    arena_cstr(arena, str_from(d->item.at.file->name)), at.line, at.column};
}

static void compile_rule(struct loader *l, struct rule_definition *d, struct rule *rule)
{
	struct compilation c = {.l = l, .definition = d, .rule = rule};
	enum output_result output;
	struct condition *tree;
	bool is_good;

	if (d->is_broken || d->is_source_unknown)
		return;
	if (str_equal_c(d->source, source_names[SOURCE_K8S_AUDIT]))
		c.declared = SOURCE_K8S_AUDIT;
	fill_rule(&c);
	output = check_output(&c);
	if (output == OUTPUT_SKIPS)
		return;
	is_good = build_condition(&c, &tree);
	if (tree)
		is_good &= check_condition(&c, tree);
	rule->condition = tree;
	if (!is_good || output != OUTPUT_GOOD || !choose_source(&c))
		return;
	rule->condition_text = d->condition_text->text;
	find_event_kinds(&c);
	d->rule = rule;
}

static bool is_wanted(const struct rules_options *o, const struct rule *rule)
{
	return rule->priority <= o->least_priority && (o->sources & SOURCE_BIT(rule->source));
}

void compile_rules(struct loader *l)
{
	struct rule_set *set = l->set;

	set->rules = ARENA_ARRAY(set->arena, struct rule, l->rules.count);
	VEC_FOREACH (d, &l->rules) {
		struct rule *rule = &set->rules[set->rule_count];

		*rule = (struct rule){.id = (uint32_t)set->rule_count};
		compile_rule(l, *d, rule);
		if ((*d)->rule && is_wanted(l->options, rule))
			set->rule_count++;
		else if ((*d)->rule)
			(*d)->rule = memcpy(ARENA_NEW(l->arena, struct rule), rule, sizeof(*rule));
	}
}

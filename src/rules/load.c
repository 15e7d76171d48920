/* SPDX-License-Identifier: Apache-2.0 */
/* From files to a rule set: reads all, resolves all, then checks each rule. */
#include "base/bitset.h"
#include "rules/loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Upstream warns of rules that more event codes than this can match. */
enum { EVENT_CODES_MANY = 100 };

static const char *const source_names[SOURCE_COUNT] = {
    [SOURCE_SYSCALL] = "syscall",
    [SOURCE_K8S_AUDIT] = "k8s_audit",
};

/* One rule on its way from definition to rule. */
struct compilation {
	struct loader *l;
	struct rule_definition *definition;
	struct rule *rule;
	enum event_source declared;
	uint32_t sources; /* that have all fields of the condition and, later, the output */
	/* A field of the condition that the declared source lacks, and where it stands. */
	const struct field_use *foreign;
	const struct condition *foreign_node;
	const struct condition *node;   /* while its fields are visited */
	const struct field_use *native; /* a field that only the declared source has */
	const struct field_use *last;   /* the field that left no source */
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

/* The rule's own condition, and not the exceptions'. */
static struct condition *build_condition(struct compilation *c)
{
	struct loader *l = c->l;
	struct rule_definition *d = c->definition;
	VEC(struct condition *) parts = {0};
	struct condition *tree;
	bool is_good;

	d->condition_text = text_join(&d->condition, l, &d->item, "rule condition");
	tree = parse_text(l, d->condition_text);
	is_good = tree != NULL;
	VEC_PUSH(&parts, tree);
	VEC_FOREACH (e, &d->exceptions) {
		struct source_text *text;
		struct condition *part;

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
	if (is_good && parts.count > 1) {
		struct condition *all = ARENA_NEW(l->set->arena, struct condition);

		*all = (struct condition){.kind = CONDITION_AND,
					  .origin = tree->origin,
					  .offset = tree->offset,
					  .length = tree->length};
		all->children = ARENA_ARRAY(l->set->arena, struct condition *, parts.count);
		memcpy(all->children, parts.items, parts.count * sizeof(*parts.items));
		all->child_count = parts.count;
		tree = all;
	}
	VEC_FREE(&parts);
	return is_good && resolve_condition(l, &tree) ? tree : NULL;
}

static void tell_of_condition(void *context, const struct condition *node, const char *code,
			      const char *message)
{
	struct compilation *c = context;
	const struct source_text *text =
	    node->origin ? node->origin : c->definition->condition_text;
	struct place at = source_text_place(text, node->offset);

	warn(c->l, code ? code : "LOAD_COMPILE_CONDITION", &at, "%s", message);
}

static bool check_condition(struct compilation *c)
{
	const struct condition *failed = NULL;
	struct error err = {0};
	int r = condition_check_shared(c->rule->condition, SOURCES_ALL, c->l->set->arena,
				       &c->l->expressions, tell_of_condition, c, &failed, &err);

	if (r == 0)
		return true;

	const struct source_text *text =
	    failed && failed->origin ? failed->origin : c->definition->condition_text;
	struct place at = source_text_place(text, err.offset);

	if (r == -ENOENT && c->definition->skip_if_unknown_filter)
		warn(c->l, "LOAD_UNKNOWN_FILTER", &at, "%s; the rule is not loaded", err.message);
	else
		fail(c->l, "LOAD_ERR_COMPILE_CONDITION", &at, "%s", err.message);
	return false;
}

static void visit_field(const struct field_use *use, void *context)
{
	struct compilation *c = context;
	uint32_t sources = use->field->sources;

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
	if (of_condition)
		template_visit(&c->rule->output, visit_field, c);
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

static bool has_tag(const struct rule_definition *d, const char *tag)
{
	for (size_t i = 0; i < d->tags.count; i++)
		if (str_equal_c(d->tags.items[i], tag))
			return true;
	return false;
}

static bool is_append_for(const struct rules_append *a, const struct rule_definition *d)
{
	if (a->rule && !str_equal_c(d->item.name, a->rule))
		return false;
	if (a->source && !str_equal_c(d->source, a->source))
		return false;
	for (size_t i = 0; i < a->tag_count; i++)
		if (!has_tag(d, a->tags[i]))
			return false;
	return true;
}

/* Fields that say nothing any more since events are exits only. */
static void warn_of_deprecated_fields(struct loader *l, const struct rule_definition *d,
				      const struct template *output, struct str text)
{
	for (size_t i = 0; i < output->count; i++) {
		const struct expression *x = output->parts[i].expression;

		if (!x || x->transformer != TRANSFORM_NONE || x->is_literal ||
		    !(x->use.field->flags & FIELD_DEPRECATED))
			continue;

		struct place at =
		    source_text_place(d->output_text, (size_t)(output->parts[i].name.p - text.p));

		warn(l, "LOAD_DEPRECATED_ITEM", &at,
		     "the field '%s' is deprecated: events are completed calls, so it says nothing",
		     x->use.field->name);
	}
}

/* Outputs are often alike: rules with equal ones share what was made of it. */
struct shared_output {
	struct str text;
	struct template output;
};

/*
 * The scalars of the output as they are written. A single one is not copied: what the set keeps is
 * the text without %container.info, which stood for fields that are named since.
 */
static struct source_text *output_text(struct compilation *c)
{
	static const char info[] = "%container.info";
	struct rule_definition *d = c->definition;
	struct loader *l = c->l;
	struct source_text *t = d->output.count == 1
				    ? text_of(d->output.items[0], l, &d->item, "rule output")
				    : text_join(&d->output, l, &d->item, "rule output");
	const char *hit = t->text.n ? memmem(t->text.p, t->text.n, info, sizeof(info) - 1) : NULL;

	if (hit) {
		struct place at = source_text_place(t, (size_t)(hit - t->text.p));

		warn(l, "LOAD_DEPRECATED_ITEM", &at,
		     "%%container.info is deprecated and stands for nothing: name the fields");
	}
	return t;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '[';
}

/* The text that is parsed: %container.info left out, what the configuration appends added. */
static void put_final_output(struct compilation *c, const struct source_text *text,
			     struct text_builder *b)
{
	static const char info[] = "%container.info";
	const struct rules_options *o = c->l->options;
	struct str s = str_trim(text->text);

	for (size_t i = 0; i < s.n;) {
		struct str rest = str_slice(s, i, s.n);

		if (str_starts_with(rest, STR("%container.info")) &&
		    !(rest.n >= sizeof(info) && is_name_byte(rest.p[sizeof(info) - 1]))) {
			i += sizeof(info) - 1;
			continue;
		}
		size_t next = str_find_byte(s, '%', i + 1);

		text_glue(b, str_slice(s, i, next));
		i = next;
	}
	if (o->append_output && o->append_output[0]) {
		text_glue(b, STR(" "));
		text_glue(b, str_from(o->append_output));
	}
	for (size_t i = 0; i < o->append_count; i++)
		if (o->appends[i].format && is_append_for(&o->appends[i], c->definition)) {
			text_glue(b, STR(" "));
			text_glue(b, str_from(o->appends[i].format));
		}
}

/* What is added to output_fields alone: `extra_fields` of one entry of append_output. */
static int add_extra_fields(struct loader *l, const struct rules_append *append,
			    struct template *output, struct error *err)
{
	struct arena *arena = l->set->arena;
	struct template_field *fields = ARENA_ARRAY(
	    arena, struct template_field, output->field_count + append->extra_field_count);
	size_t n = output->field_count;

	if (n)
		memcpy(fields, output->fields, n * sizeof(*fields));
	for (size_t i = 0; i < append->extra_field_count; i++) {
		const struct rules_extra_field *extra = &append->extra_fields[i];
		struct template_field f = {.name = arena_str(arena, str_from(extra->name))};
		bool is_new = true;
		int r;

		if (extra->format) {
			struct template *text = ARENA_NEW(arena, struct template);

			r = template_parse_shared(arena_str(arena, str_from(extra->format)),
						  SOURCES_ALL, arena, &l->expressions, text, err);
			f.text = text;
		} else {
			struct expression *x;

			r = expression_shared(&l->expressions, f.name, SOURCES_ALL, arena, &x, err);
			f.expression = x;
		}
		if (r < 0)
			return r;
		for (size_t k = 0; k < n && is_new; k++)
			is_new = !str_equal(fields[k].name, f.name);
		if (is_new)
			fields[n++] = f;
	}
	output->fields = fields;
	output->field_count = n;
	return 0;
}

/* Which entries add fields is part of what makes outputs equal. */
static void put_extra_key(struct compilation *c, struct text_builder *b)
{
	const struct rules_options *o = c->l->options;

	for (size_t i = 0; i < o->append_count; i++)
		if (o->appends[i].extra_field_count && is_append_for(&o->appends[i], c->definition))
			text_glue(b, (struct str){(const char *)&i, sizeof(i)});
}

static int add_all_extra_fields(struct compilation *c, struct template *output, struct error *err)
{
	const struct rules_options *o = c->l->options;
	int r = 0;

	for (size_t i = 0; i < o->append_count && r == 0; i++)
		if (o->appends[i].extra_field_count && is_append_for(&o->appends[i], c->definition))
			r = add_extra_fields(c->l, &o->appends[i], output, err);
	return r;
}

/* Sets the rule's output and its text; a negative errno where it has an error. */
static int parse_output(struct compilation *c, struct error *err)
{
	struct loader *l = c->l;
	struct text_builder b = {0};
	struct shared_output *shared;
	struct str key;
	size_t length;
	int r = 0;

	put_final_output(c, c->definition->output_text, &b);
	length = b.bytes.count;
	put_extra_key(c, &b);
	key = (struct str){b.bytes.items, b.bytes.count};
	shared = strmap_get(&l->outputs, key);
	if (!shared) {
		shared = ARENA_NEW(l->arena, struct shared_output);
		key = arena_str(l->set->arena, key);
		shared->text = str_slice(key, 0, length);
		r = template_parse_shared(shared->text, SOURCES_ALL, l->set->arena, &l->expressions,
					  &shared->output, err);
		if (r == 0) {
			r = add_all_extra_fields(c, &shared->output, err);
			err->offset = 0;
		}
		if (r == 0)
			strmap_put(&l->outputs, key, shared);
	}
	c->rule->output_text = shared->text;
	c->rule->output = shared->output;
	VEC_FREE(&b.bytes);
	return r;
}

static bool check_output(struct compilation *c)
{
	struct rule_definition *d = c->definition;
	struct error err = {0};
	int r;

	d->output_text = output_text(c);
	r = parse_output(c, &err);
	if (r == 0) {
		warn_of_deprecated_fields(c->l, d, &c->rule->output, c->rule->output_text);
		return true;
	}

	/* Where something was cut out before it the place is that of the text as a whole. */
	bool is_same = c->rule->output_text.n == d->output_text->text.n ||
		       memcmp(c->rule->output_text.p, d->output_text->text.p,
			      err.offset < d->output_text->text.n ? err.offset : 0) == 0;
	struct place at = source_text_place(d->output_text, is_same ? err.offset : 0);

	if (r == -ENOENT && d->skip_if_unknown_filter)
		warn(c->l, "LOAD_UNKNOWN_FILTER", &at, "%s; the rule is not loaded", err.message);
	else
		fail(c->l, "LOAD_ERR_COMPILE_OUTPUT", &at, "%s", err.message);
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
			    : s->tag && has_tag(d, s->tag))
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
	bool is_good;

	if (d->is_broken || d->is_source_unknown)
		return;
	if (str_equal_c(d->source, source_names[SOURCE_K8S_AUDIT]))
		c.declared = SOURCE_K8S_AUDIT;
	fill_rule(&c);
	is_good = check_output(&c);
	rule->condition = build_condition(&c);
	if (!rule->condition || !check_condition(&c) || !is_good || !choose_source(&c))
		return;
	rule->condition_text = d->condition_text->text;
	find_event_kinds(&c);
	d->rule = rule;
}

static bool is_wanted(const struct rules_options *o, const struct rule *rule)
{
	return rule->priority <= o->least_priority && (o->sources & SOURCE_BIT(rule->source));
}

static void compile_rules(struct loader *l)
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

static void warn_of_unused(struct loader *l)
{
	VEC_FOREACH (m, &l->macros) {
		struct place at = place_node((*m)->item.at.file, (*m)->item.at.node, &(*m)->item);

		if (!(*m)->is_used)
			warn(l, "LOAD_UNUSED_MACRO", &at, "no rule and no macro uses this macro");
	}
	VEC_FOREACH (list, &l->lists) {
		struct place at =
		    place_node((*list)->item.at.file, (*list)->item.at.node, &(*list)->item);

		if (!(*list)->is_used)
			warn(l, "LOAD_UNUSED_LIST", &at,
			     "no rule, no macro and no list uses this list");
	}
}

static struct loader *loader_new(const struct rules_options *options, size_t file_count)
{
	struct arena *arena = arena_new(), *own = arena_new();
	struct rule_set *set = ARENA_NEW(arena, struct rule_set);
	struct loader *l = ARENA_NEW(own, struct loader);

	set->arena = arena;
	set->loader = l;
	set->files = ARENA_ARRAY(arena, struct rules_file, file_count);
	l->set = set;
	l->options = options;
	l->arena = own;
	return l;
}

/* What is kept when all is done. */
static struct rule_set *finish(struct loader *l)
{
	struct rule_set *set = l->set;

	set->diagnostic_count = l->diagnostics.count;
	set->diagnostics = ARENA_ARRAY(set->arena, struct diagnostic, l->diagnostics.count);
	if (l->diagnostics.count)
		memcpy(set->diagnostics, l->diagnostics.items,
		       l->diagnostics.count * sizeof(*set->diagnostics));
	VEC_FREE(&l->diagnostics);
	set->macro_count = l->macros.count;
	set->list_count = l->lists.count;
	if (set->error_count)
		set->rule_count = 0;
	u64map_free(&l->told);
	l->options = NULL;
	return set;
}

static void load_file(struct loader *l, const char *name, struct str text)
{
	struct yaml_file *file = ARENA_NEW(l->arena, struct yaml_file);
	struct rules_file *counts = &l->set->files[l->set->file_count++];
	struct error err = {0};

	*counts = (struct rules_file){.path = arena_cstr(l->set->arena, str_from(name))};
	VEC_PUSH(&l->files, file);
	if (yaml_parse(file, counts->path, text, l->arena, &err) < 0) {
		struct place at = {.file = file, .offset = err.offset};

		l->is_incomplete = true;
		fail(l, "LOAD_ERR_YAML_PARSE", &at, "%s", err.message);
	}
	read_items(l, counts, file);
}

static struct rule_set *resolve_and_compile(struct loader *l)
{
	resolve_lists(l);
	resolve_macros(l);
	compile_rules(l);
	if (!l->set->error_count)
		warn_of_unused(l);
	return finish(l);
}

struct rule_set *rules_load_texts(const struct rules_text *texts, size_t count,
				  const struct rules_options *options)
{
	struct loader *l = loader_new(options, count);

	for (size_t i = 0; i < count; i++)
		load_file(l, texts[i].name, texts[i].text);
	return resolve_and_compile(l);
}

struct rule_set *rules_load(const char *const *paths, size_t count,
			    const struct rules_options *options)
{
	struct loader *l = loader_new(options, count);

	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		struct str text;

		if (yaml_read_file(paths[i], l->arena, &text, &err) < 0) {
			struct yaml_file *file = ARENA_NEW(l->arena, struct yaml_file);
			struct place at = {.file = file};

			file->name = arena_cstr(l->set->arena, str_from(paths[i]));
			l->set->files[l->set->file_count++].path = file->name;
			l->is_incomplete = true;
			fail(l, "LOAD_ERR_FILE_READ", &at, "%s", err.message);
			continue;
		}
		load_file(l, paths[i], text);
	}
	return resolve_and_compile(l);
}

static void free_rule_definition(struct rule_definition *d)
{
	VEC_FREE(&d->condition);
	VEC_FREE(&d->output);
	VEC_FREE(&d->tags);
	VEC_FOREACH (e, &d->exceptions)
		exception_free(e);
	VEC_FREE(&d->exceptions);
}

void rules_forget_sources(struct rule_set *set)
{
	struct loader *l = set->loader;

	if (!l)
		return;
	VEC_FOREACH (d, &l->rules)
		free_rule_definition(*d);
	VEC_FOREACH (m, &l->macros) {
		VEC_FREE(&(*m)->condition);
		VEC_FREE(&(*m)->names);
	}
	VEC_FOREACH (list, &l->lists)
		VEC_FREE(&(*list)->items);
	VEC_FREE(&l->rules);
	VEC_FREE(&l->macros);
	VEC_FREE(&l->lists);
	VEC_FREE(&l->files);
	VEC_FREE(&l->plugins);
	expression_pool_free(&l->expressions);
	strmap_free(&l->outputs);
	strmap_free(&l->rules_by_name);
	strmap_free(&l->macros_by_name);
	strmap_free(&l->lists_by_name);
	set->loader = NULL;
	arena_free(l->arena);
}

void rules_free(struct rule_set *set)
{
	if (!set)
		return;
	rules_forget_sources(set);
	arena_free(set->arena);
}

bool rule_name_matches(struct str name, struct str pattern)
{
	size_t n = 0, p = 0, star = SIZE_MAX, resume = 0;

	/* Only the last star met needs to be tried again: what comes before it stays matched. */
	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			resume = n;
		} else if (p < pattern.n && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

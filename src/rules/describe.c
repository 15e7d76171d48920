/* SPDX-License-Identifier: Apache-2.0 */
/* What rules, macros and lists are, for -L and -l: definitions and what the loader made of them. */
#include "base/bitset.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "rules/loader.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Names that are told once each, in order. */
typedef VEC(struct str) name_vec;

static int compare_names(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static json_t *json_text(struct str s)
{
	return json_stringn(s.p ? s.p : "", utf8_valid_prefix(s));
}

static json_t *json_names(name_vec *names)
{
	json_t *all = json_array();

	if (names->count)
		qsort(names->items, names->count, sizeof(*names->items), compare_names);
	for (size_t i = 0; i < names->count; i++)
		if (!i || !str_equal(names->items[i - 1], names->items[i]))
			json_array_append_new(all, json_text(names->items[i]));
	VEC_FREE(names);
	return all;
}

struct condition_details {
	struct loader *l;
	name_vec fields, operators; /* of the tree with all names resolved */
	name_vec macros, lists;     /* named in the text itself */
};

static void take_field(const struct field_use *use, void *context)
{
	struct condition_details *d = context;

	VEC_PUSH(&d->fields, use->text);
}

/* The comparison as it is written: modifiers are checked as what they stand for. */
static const struct comparison *written_comparison(const struct condition *c)
{
	if (c->whole)
		return c->whole;
	return c->kind == CONDITION_COMPARE ? c->comparison : NULL;
}

static void put_operator(const struct comparison *c, struct buffer *out)
{
	buffer_put(out, c->is_double_equal ? STR("==") : str_from(operator_name(c->operator)));
	if (c->modifier != MODIFIER_NONE)
		buffer_printf(out, " %s", modifier_name(c->modifier));
}

static bool has_children(const struct condition *c)
{
	return c->kind == CONDITION_AND || c->kind == CONDITION_OR || c->kind == CONDITION_NOT;
}

static void take_resolved(struct condition_details *d, const struct condition *c)
{
	const struct comparison *comparison = written_comparison(c);
	char memory[64];
	struct buffer operator= BUFFER(memory);

	if (!comparison && has_children(c))
		for (size_t i = 0; i < c->child_count; i++)
			take_resolved(d, c->children[i]);
	if (!comparison)
		return;
	put_operator(comparison, &operator);
	VEC_PUSH(&d->operators, arena_str(d->l->arena, buffer_str(&operator)));
	if (comparison->left)
		expression_visit(comparison->left, take_field, d);
	else
		VEC_PUSH(&d->fields, comparison->left_text);
	if (comparison->right)
		expression_visit(comparison->right, take_field, d);
}

static void take_named(struct condition_details *d, const struct condition *c)
{
	if (has_children(c)) {
		for (size_t i = 0; i < c->child_count; i++)
			take_named(d, c->children[i]);
	} else if (c->kind == CONDITION_NAME) {
		VEC_PUSH(&d->macros, c->name);
	} else if (c->kind == CONDITION_COMPARE) {
		for (size_t i = 0; i < c->comparison->operand_count; i++) {
			const struct operand *o = &c->comparison->operands[i];

			if (o->is_list_name && strmap_get(&d->l->lists_by_name, o->text))
				VEC_PUSH(&d->lists, o->text);
		}
	}
}

static void take_text(struct condition_details *d, struct str text)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct condition *tree = NULL;

	if (condition_parse(text, arena, &tree, NULL) < 0)
		return;
	take_named(d, tree);
}

/* A value in Falco's form: in quotes where it holds one of some characters. */
static void put_value(struct str text, struct buffer *out)
{
	static const char special[] = "\b\f\n\r\t =\\\"'", escaped[] = "bfnrt";
	bool is_quoted = text.n && memchr(text.p, '\0', text.n);

	for (size_t i = 0; i < text.n && !is_quoted; i++)
		is_quoted = strchr(special, text.p[i]) != NULL;
	if (!is_quoted) {
		buffer_put(out, text);
		return;
	}
	buffer_putc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		const char *known = c ? strchr(special, c) : NULL;

		if (known && known - special < 5) {
			buffer_putc(out, '\\');
			c = escaped[known - special];
		} else if (c == '\\' || c == '"') {
			buffer_putc(out, '\\');
		}
		buffer_putc(out, c);
	}
	buffer_putc(out, '"');
}

/* Without the blanks between a transformer's arguments. */
static void put_expression(struct str text, struct arena *arena, struct buffer *out)
{
	struct scanner s = {text, 0};
	struct str literal;

	while (!scan_at_end(&s)) {
		if (scan_blank(&s))
			continue;
		if (scan_quoted(&s, arena, &literal, NULL) > 0)
			put_value(literal, out);
		else
			buffer_putc(out, text.p[s.at++]);
	}
}

static void put_comparison(const struct comparison *c, struct arena *arena, struct buffer *out)
{
	bool in_brackets =
	    c->operator== OP_IN || c->operator== OP_INTERSECTS || c->operator== OP_PMATCH ||
	    c->modifier != MODIFIER_NONE;

	put_expression(c->left_text, arena, out);
	buffer_putc(out, ' ');
	put_operator(c, out);
	if (c->operator== OP_EXISTS)
		return;
	buffer_putc(out, ' ');
	if (c->right_text.n) {
		put_expression(c->right_text, arena, out);
		return;
	}
	if (in_brackets)
		buffer_putc(out, '(');
	for (size_t i = 0; i < c->operand_count; i++) {
		if (i)
			buffer_put(out, STR(", "));
		put_value(c->operands[i].text, out);
	}
	if (in_brackets)
		buffer_putc(out, ')');
}

/* With brackets around every and, or: Falco's form. */
static void print_tree(const struct condition *c, struct arena *arena, struct buffer *out)
{
	const struct comparison *comparison = written_comparison(c);

	if (comparison) {
		put_comparison(comparison, arena, out);
		return;
	}
	switch (c->kind) {
	case CONDITION_AND:
	case CONDITION_OR:
		buffer_putc(out, '(');
		for (size_t i = 0; i < c->child_count; i++) {
			if (i)
				buffer_put(out,
					   c->kind == CONDITION_AND ? STR(" and ") : STR(" or "));
			print_tree(c->children[i], arena, out);
		}
		buffer_putc(out, ')');
		break;
	case CONDITION_NOT:
		buffer_put(out, STR("not "));
		print_tree(c->children[0], arena, out);
		break;
	default:
		condition_print(c, out);
	}
}

static json_t *json_tree(const struct condition *c)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	size_t room = 4096;

	for (;;) {
		char *memory = malloc(room);
		struct buffer b = {.p = memory, .room = room};

		if (!memory)
			return json_string("");
		print_tree(c, arena, &b);

		json_t *text = b.is_truncated ? NULL : json_text(buffer_str(&b));

		free(memory);
		if (text)
			return text;
		room *= 2;
	}
}

/* kinds NULL: events of a source that has no kinds. */
static json_t *json_events(const uint64_t *kinds)
{
	name_vec names = {0};

	VEC_PUSH(&names, STR("asyncevent"));
	if (!kinds) {
		VEC_PUSH(&names, STR("pluginevent"));
		return json_names(&names);
	}
	for (uint16_t k = 0; k < event_kind_count; k++)
		if (bitset_has(kinds, k))
			VEC_PUSH(&names, str_from(event_kind_name(k)));
	return json_names(&names);
}

static json_t *json_output_fields(const struct template *output)
{
	json_t *all = json_array();

	for (size_t i = 0; i < output->field_count; i++)
		if (output->fields[i].added.p)
			json_array_append_new(all, json_text(output->fields[i].added));
	for (size_t i = 0; i < output->count; i++)
		if (output->parts[i].expression)
			json_array_append_new(all, json_text(output->parts[i].name));
	return all;
}

/* As upstream: there only where the configuration adds texts under names of their own. */
static void add_formatted_fields(json_t *details, const struct template *output)
{
	json_t *all = json_object();

	for (size_t i = 0; i < output->field_count; i++) {
		const struct template_field *f = &output->fields[i];

		if (f->text)
			json_object_setn_new(all, f->name.p, f->name.n, json_text(f->added));
	}
	if (json_object_size(all))
		json_object_set(details, "extra_output_formatted_fields", all);
	json_decref(all);
}

static void take_entries(name_vec *names, const struct yaml_node *node)
{
	if (!node)
		return;
	if (node->kind == YAML_SCALAR)
		VEC_PUSH(names, str_trim(node->text));
	else if (node->kind == YAML_SEQUENCE)
		for (uint32_t i = 0; i < node->count; i++)
			take_entries(names, node->items[i]);
}

static void add_exceptions(json_t *details, const struct rule_definition *d)
{
	name_vec fields = {0}, names = {0}, operators = {0};

	for (size_t i = 0; i < d->exceptions.count; i++) {
		const struct exception_definition *e = &d->exceptions.items[i];

		VEC_PUSH(&names, e->name);
		if (e->values.count)
			take_entries(&fields, e->fields.node);
		if (e->comps.node)
			take_entries(&operators, e->comps.node);
		else
			VEC_PUSH(&operators,
				 e->fields.node->kind == YAML_SCALAR ? STR("in") : STR("="));
	}
	json_object_set_new(details, "exception_fields", json_names(&fields));
	json_object_set_new(details, "exception_names", json_names(&names));
	json_object_set_new(details, "exception_operators", json_names(&operators));
}

static void add_condition(json_t *details, struct condition_details *d)
{
	json_object_set_new(details, "condition_fields", json_names(&d->fields));
	json_object_set_new(details, "condition_operators", json_names(&d->operators));
	json_object_set_new(details, "macros", json_names(&d->macros));
	json_object_set_new(details, "lists", json_names(&d->lists));
}

static json_t *describe_rule(struct loader *l, const struct rule_definition *d)
{
	const struct rule *rule = d->rule;
	bool is_syscall = rule->source == SOURCE_SYSCALL;
	struct condition_details conditions = {.l = l};
	json_t *tags = json_array(), *details = json_object(), *info;

	for (size_t i = 0; i < rule->tag_count; i++)
		json_array_append_new(tags, json_text(rule->tags[i]));
	info = json_pack(
	    "{s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:b, s:i, s:o}", "name", json_text(rule->name),
	    "condition", json_text(rule->condition_text), "output", json_text(d->output_text->text),
	    "description", json_text(rule->desc), "priority", severity_name(rule->priority),
	    "source", is_syscall ? "syscall" : "k8s_audit", "enabled", rule->is_enabled, "capture",
	    rule->is_capture, "capture_duration", (int)rule->capture_duration_ms, "tags", tags);
	take_text(&conditions, rule->condition_text);
	take_resolved(&conditions, rule->condition);
	add_condition(details, &conditions);
	add_exceptions(details, d);
	json_object_set_new(details, "condition_compiled", json_tree(rule->condition));
	json_object_set_new(details, "output_compiled", json_text(rule->output_text));
	json_object_set_new(details, "output_fields", json_output_fields(&rule->output));
	add_formatted_fields(details, &rule->output);
	json_object_set_new(details, "events", json_events(is_syscall ? rule->event_kinds : NULL));
	json_object_set_new(details, "plugins", json_array());
	return json_pack("{s:o, s:o}", "info", info, "details", details);
}

static json_t *describe_macro(struct loader *l, const struct macro_definition *m)
{
	struct condition_details conditions = {.l = l};
	json_t *details = json_object();
	size_t words = BITSET_WORDS((size_t)event_kind_count);
	uint64_t *kinds = ARENA_ARRAY(l->arena, uint64_t, words);
	struct condition_checks how = {
	    .sources = SOURCES_ALL, .arena = l->set->arena, .pool = &l->expressions};

	/* A macro that no rule uses was never checked, and may name fields that there are not. */
	if (condition_check_all(m->tree, &how) == 0)
		condition_event_kinds(m->tree, kinds);
	else
		memset(kinds, 0xff, words * sizeof(*kinds));
	take_text(&conditions, m->text->text);
	take_resolved(&conditions, m->tree);
	add_condition(details, &conditions);
	json_object_set_new(details, "used", json_boolean(m->is_used));
	json_object_set_new(details, "condition_compiled", json_tree(m->tree));
	json_object_set_new(details, "events", json_events(kinds));
	json_object_set_new(details, "plugins", json_array());
	return json_pack("{s:{s:o, s:o}, s:o}", "info", "name", json_text(m->item.name),
			 "condition", json_text(m->text->text), "details", details);
}

static json_t *describe_list(struct loader *l, const struct list_definition *list)
{
	json_t *items = json_array(), *compiled = json_array();
	name_vec lists = {0};

	for (size_t i = 0; i < list->items.count; i++) {
		struct str text = list->items.items[i].node->text;

		if (strmap_get(&l->lists_by_name, text) && !str_equal(text, list->item.name))
			VEC_PUSH(&lists, text);
		else
			json_array_append_new(items, json_text(text));
	}
	for (size_t i = 0; i < list->value_count; i++)
		json_array_append_new(compiled, json_text(list->values[i].text));
	return json_pack("{s:{s:o, s:o}, s:{s:b, s:o, s:o, s:[]}}", "info", "name",
			 json_text(list->item.name), "items", items, "details", "used",
			 list->is_used, "lists", json_names(&lists), "items_compiled", compiled,
			 "plugins");
}

static json_t *json_requirement(const struct plugin_requirement *p)
{
	return json_pack("{s:o, s:o}", "name", json_text(p->name), "version",
			 json_text(p->version));
}

static json_t *describe_plugins(const struct loader *l)
{
	json_t *all = json_array();

	for (size_t i = 0; i < l->plugins.count;) {
		const struct plugin_requirement *p = &l->plugins.items[i++];
		json_t *one = json_requirement(p), *others = json_array();

		for (size_t k = 0; k < p->alternative_count; k++)
			json_array_append_new(others, json_requirement(&l->plugins.items[i++]));
		json_object_set_new(one, "alternatives", others);
		json_array_append_new(all, one);
	}
	return all;
}

static const struct rule_definition *find_rule(const struct rule_set *set, const char *name,
					       struct error *err)
{
	const struct rule_definition *d =
	    set->loader ? strmap_get(&set->loader->rules_by_name, str_from(name)) : NULL;

	if (d && d->rule)
		return d;
	error_set(err, -ENOENT, "Rule \"%s\" is not loaded", name);
	return NULL;
}

char *rules_describe_json(struct rule_set *set, const char *rule, struct error *err)
{
	struct loader *l = set->loader;
	json_t *all = json_object(), *rules = json_array();
	const struct rule_definition *one = rule ? find_rule(set, rule, err) : NULL;
	char *text = NULL;

	json_object_set_new(all, "rules", rules);
	if (one) {
		json_array_append_new(rules, describe_rule(l, one));
	} else if (!rule && l) {
		json_t *macros = json_array(), *lists = json_array();
		char version[64];

		VEC_FOREACH (d, &l->rules)
			if ((*d)->rule)
				json_array_append_new(rules, describe_rule(l, *d));
		VEC_FOREACH (m, &l->macros)
			if ((*m)->tree && !(*m)->is_broken)
				json_array_append_new(macros, describe_macro(l, *m));
		VEC_FOREACH (list, &l->lists)
			json_array_append_new(lists, describe_list(l, *list));
		snprintf(version, sizeof(version), "%u.%u.%u", l->engine_version[0],
			 l->engine_version[1], l->engine_version[2]);
		json_object_set_new(all, "macros", macros);
		json_object_set_new(all, "lists", lists);
		json_object_set_new(all, "required_engine_version", json_string(version));
		json_object_set_new(all, "required_plugin_versions", describe_plugins(l));
	}
	if (one || !rule)
		text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(all);
	return text;
}

/* Words of the description in lines of bounded width, behind the column of names. */
static void print_wrapped(FILE *out, struct str text, int indent, int width)
{
	int column = indent;
	size_t at = 0;

	while (at < text.n) {
		size_t end = at;

		while (end < text.n && !strchr(" \t\r\n", text.p[end]))
			end++;
		if (end == at) {
			at++;
			continue;
		}
		if (column > indent && column + 1 + (int)(end - at) > width) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text.p + at, 1, end - at, out);
		column += (int)(end - at);
		at = end;
	}
	fputs("\n\n", out);
}

static void print_rule(FILE *out, const struct rule_definition *d)
{
	enum { NAMES = 50, WIDTH = 110 };

	fprintf(out, "%.*s%*s ", STR_ARG(d->rule->name),
		d->rule->name.n < NAMES ? (int)(NAMES - d->rule->name.n) : 0, "");
	print_wrapped(out, d->rule->desc, NAMES + 1, WIDTH);
}

char *rules_describe_text(struct rule_set *set, const char *rule, struct error *err)
{
	const struct rule_definition *one = rule ? find_rule(set, rule, err) : NULL;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (rule && !one)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "%-50s %s\n%-50s %s\n", "Rule", "Description", "----", "-----------");
	if (one)
		print_rule(out, one);
	else if (set->loader)
		VEC_FOREACH (d, &set->loader->rules)
			if ((*d)->rule)
				print_rule(out, *d);
	fclose(out);
	return text;
}

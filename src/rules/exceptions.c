/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions: `fields`, `comps` and `values` of a rule become a condition that the rule's own is
 * negated with. Lists of fields take lists of values, one for each field:
 *
 *     fields: [f1, f2], comps: [=, in], values: [[a, [b, c]], ...]   (f1 = a and f2 in (b, c)) or
 * ... fields: f, comps: in, values: [a, b]                           f in (a, b)
 */
#include "rules/loader.h"

#include <stdlib.h>

void exception_free(struct exception_definition *e)
{
	VEC_FREE(&e->values);
}

static bool is_list_operator(struct str op)
{
	return str_equal_c(op, "in") || str_equal_c(op, "intersects") || str_equal_c(op, "pmatch");
}

/* "startswith oneof": an operator on strings and how the values of a list count together. */
static bool has_modifier(struct str op)
{
	static const char *const modifiers[] = {"oneof", "anyof", "allof"};
	static const char *const operators[] = {
	    "=",          "==",          "!=",       "contains", "icontains", "bcontains",
	    "startswith", "bstartswith", "endswith", "glob",     "iglob",     "regex"};
	size_t blank = 0;

	while (blank < op.n && op.p[blank] != ' ' && op.p[blank] != '\t')
		blank++;

	struct str first = str_slice(op, 0, blank), rest = str_trim(str_slice(op, blank, op.n));
	bool is_operator = false, is_modifier = false;

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		is_operator |= str_equal_c(first, operators[i]);
	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++)
		is_modifier |= str_equal_c(rest, modifiers[i]);
	return is_operator && is_modifier;
}

static bool is_operator(struct str op)
{
	for (int i = 0; i < OP_COUNT; i++)
		if (str_equal_c(op, operator_name((enum operator)i)))
			return true;
	return str_equal_c(op, "==") || has_modifier(op);
}

static struct place place_exception(const struct exception_definition *e, struct written at,
				    const struct item *item)
{
	struct place p = place_node(at.file, at.node, item);

	p.part = "exception";
	p.part_name = e->name;
	return p;
}

static size_t entry_count(struct written w)
{
	return w.node->kind == YAML_SEQUENCE ? w.node->count : 1;
}

static struct written entry_at(struct written w, size_t i)
{
	if (w.node->kind == YAML_SEQUENCE)
		w.node = w.node->items[i];
	return w;
}

/* `fields` and `comps`: a text or a list of texts. */
static bool check_entry(const struct reading *r, const struct exception_definition *e,
			const char *key, struct written w)
{
	struct place at = place_exception(e, w, r->item);

	if (w.node->kind == YAML_MAPPING || yaml_is_null(w.node)) {
		fail(r->l, "LOAD_ERR_VALIDATE", &at,
		     "the value of '%s' is neither a text nor a list of texts", key);
		return false;
	}
	for (size_t i = 0; i < entry_count(w); i++) {
		struct written one = entry_at(w, i);
		bool is_scalar = one.node->kind == YAML_SCALAR && !yaml_is_null(one.node);

		if (is_scalar && one.node->text.n)
			continue;
		at = place_exception(e, one, r->item);
		fail(r->l, is_scalar ? "LOAD_ERR_YAML_VALIDATE" : "LOAD_ERR_VALIDATE", &at,
		     "a part of '%s' is %s", key, is_scalar ? "empty" : "no text");
		return false;
	}
	return true;
}

/* No value may be empty, however deep it stands. */
static bool check_value(const struct reading *r, const struct exception_definition *e,
			struct written value, unsigned depth)
{
	bool is_good = true;

	if (value.node->kind == YAML_SCALAR && !yaml_is_null(value.node) && !value.node->text.n) {
		struct place at = place_exception(e, value, r->item);

		at.part = "exception value";
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "a value of an exception is empty");
		return false;
	}
	/* Deeper ones are refused when the condition is made. */
	for (size_t i = 0; value.node->kind == YAML_SEQUENCE && depth < 3 && i < value.node->count;
	     i++)
		is_good &= check_value(r, e, entry_at(value, i), depth + 1);
	return is_good;
}

static bool check_field(const struct reading *r, const struct exception_definition *e,
			struct written field)
{
	struct place at = place_exception(e, field, r->item);
	struct expression x = {0};
	struct error err = {0};
	size_t offset = 0;
	struct str text = field.node->text;
	int failed = expression_parse(text, &offset, SOURCES_ALL, r->l->arena, &x, &err);

	if (failed < 0)
		fail(r->l, "LOAD_ERR_VALIDATE", &at, "%s", err.message);
	else if (str_trim(str_slice(text, offset, text.n)).n)
		fail(r->l, "LOAD_ERR_VALIDATE", &at, "'%.*s' is no field", STR_ARG(text));
	else
		return true;
	return false;
}

static bool check_list_form(const struct reading *r, const struct exception_definition *e)
{
	struct place at;

	if (!e->comps.node)
		return true;
	at = place_exception(e, e->comps, r->item);
	if (e->comps.node->kind != YAML_SEQUENCE || e->comps.node->count != e->fields.node->count) {
		fail(r->l, "LOAD_ERR_VALIDATE", &at,
		     "'comps' must have one operator for each of the %u fields",
		     e->fields.node->count);
		return false;
	}
	for (size_t i = 0; i < entry_count(e->comps); i++) {
		struct written comp = entry_at(e->comps, i);

		if (is_operator(str_trim(comp.node->text)))
			continue;
		at = place_exception(e, comp, r->item);

		const char *names[OP_COUNT];

		for (int op = 0; op < OP_COUNT; op++)
			names[op] = operator_name((enum operator)op);

		const char *nearest = str_nearest(comp.node->text, names, OP_COUNT);

		fail(r->l, "LOAD_ERR_VALIDATE", &at, "'%.*s' is no operator%s%s%s",
		     STR_ARG(comp.node->text), nearest ? "; did you mean '" : "",
		     nearest ? nearest : "", nearest ? "'?" : "");
		return false;
	}
	return true;
}

static bool check_single_form(const struct reading *r, const struct exception_definition *e)
{
	struct place at;
	struct str op;

	if (!e->comps.node)
		return true;
	at = place_exception(e, e->comps, r->item);
	if (e->comps.node->kind != YAML_SCALAR) {
		fail(r->l, "LOAD_ERR_VALIDATE", &at,
		     "'fields' is a single field, so 'comps' must be a single operator");
		return false;
	}
	op = str_trim(e->comps.node->text);
	if (is_list_operator(op) || has_modifier(op))
		return true;
	fail(
	    r->l, "LOAD_ERR_VALIDATE", &at,
	    "with a single field 'comps' must be in, pmatch, intersects or an operator with oneof, "
	    "anyof or allof, not '%.*s'",
	    STR_ARG(op));
	return false;
}

/* What a whole exception must be: on definition, or when it is the first of its name. */
static bool check_exception(const struct reading *r, const struct exception_definition *e,
			    bool is_source_unknown)
{
	bool is_good =
	    e->fields.node->kind == YAML_SEQUENCE ? check_list_form(r, e) : check_single_form(r, e);

	for (size_t i = 0; !is_source_unknown && i < entry_count(e->fields); i++)
		is_good &= check_field(r, e, entry_at(e->fields, i));
	return is_good;
}

static bool is_nothing(const struct yaml_node *node)
{
	return node->kind == YAML_MAPPING || yaml_is_null(node);
}

static bool read_one(const struct reading *r, struct exception_definition *e, bool is_append)
{
	const struct yaml_node *node = e->at.node;
	struct place at = place_node(r->file, node, r->item);
	struct yaml_node *name, *values;
	bool is_good = true;

	at.part = "exception";
	if (node->kind != YAML_MAPPING) {
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "an exception is a mapping with 'name', 'fields', 'comps' and 'values'");
		return false;
	}

	struct reading inner = {r->l, r->file, node, r->item};

	if (!read_text(&inner, "name", &name))
		return false;
	if (!name) {
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "the exception lacks the key 'name'");
		return false;
	}
	e->name = at.part_name = name->text;
	warn_of_unknown_keys(&inner, KEYS_OF_EXCEPTION);
	e->fields = (struct written){r->file, yaml_get(node, "fields")};
	e->comps = (struct written){r->file, yaml_get(node, "comps")};
	/* What is neither a text nor a list counts as not given where it may be left out. */
	if (is_append && e->fields.node && is_nothing(e->fields.node))
		e->fields.node = NULL;
	if (e->comps.node && is_nothing(e->comps.node))
		e->comps.node = NULL;
	values = yaml_get(node, "values");
	if (!e->fields.node && !is_append) {
		at.is_beyond_schema = true;
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "the exception lacks the key 'fields'");
		is_good = false;
	}
	if (e->fields.node)
		is_good &= check_entry(r, e, "fields", e->fields);
	if (e->comps.node)
		is_good &= check_entry(r, e, "comps", e->comps);
	if (values && values->kind != YAML_SEQUENCE) {
		at = place_exception(e, (struct written){r->file, values}, r->item);
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "the value of 'values' is not a list");
		return false;
	}
	if (!values && is_append)
		warn(r->l, "LOAD_APPEND_NO_VALUES", &at,
		     "the exception has no 'values', so nothing is appended");
	for (uint32_t i = 0; values && i < values->count; i++) {
		struct written value = {r->file, values->items[i]};

		is_good &= check_value(r, e, value, 0);
		VEC_PUSH(&e->values, value);
	}
	return is_good;
}

static struct exception_definition *exception_named(struct rule_definition *rule, struct str name)
{
	VEC_FOREACH (e, &rule->exceptions) {
		if (str_equal(e->name, name))
			return e;
	}
	return NULL;
}

static bool append_exception(const struct reading *r, struct rule_definition *rule,
			     struct exception_definition *e)
{
	struct exception_definition *before = exception_named(rule, e->name);
	struct place at = place_exception(e, e->at, r->item);

	if (!before) {
		if (!e->fields.node || !e->values.count) {
			fail(r->l, "LOAD_ERR_VALIDATE", &at,
			     "the rule has no exception '%.*s' yet, so it needs 'fields' and "
			     "'values'",
			     STR_ARG(e->name));
			exception_free(e);
			return false;
		}
		bool is_good = check_exception(r, e, rule->is_source_unknown);

		VEC_PUSH(&rule->exceptions, *e);
		return is_good;
	}
	if (e->fields.node || e->comps.node) {
		at = place_exception(e, e->fields.node ? e->fields : e->comps, r->item);
		fail(r->l, "LOAD_ERR_VALIDATE", &at,
		     "the rule has an exception '%.*s' already: only values can be appended to it",
		     STR_ARG(e->name));
		exception_free(e);
		return false;
	}
	VEC_FOREACH (v, &e->values)
		VEC_PUSH(&before->values, *v);
	exception_free(e);
	return true;
}

bool read_exceptions(const struct reading *r, struct rule_definition *rule, bool is_append)
{
	enum { EXCEPTIONS_MAX = 10000 }; /* names are compared with each other */
	struct yaml_node *list = yaml_get(r->node, "exceptions");
	struct strmap names = {0};
	bool is_good = true;

	if (!is_append) {
		VEC_FOREACH (e, &rule->exceptions)
			exception_free(e);
		rule->exceptions.count = 0;
	}
	if (!list || yaml_is_null(list))
		return true;

	struct place at = place_node(r->file, list, r->item);

	at.part = "exceptions";
	if (list->kind != YAML_SEQUENCE) {
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at,
		     "the value of 'exceptions' is not a list");
		return false;
	}
	if (list->count + rule->exceptions.count > EXCEPTIONS_MAX) {
		fail(r->l, "LOAD_ERR_YAML_VALIDATE", &at, "a rule has no more than %d exceptions",
		     EXCEPTIONS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		struct exception_definition e = {.at = {r->file, list->items[i]}};

		if (!read_one(r, &e, is_append)) {
			exception_free(&e);
			is_good = false;
			continue;
		}
		if (strmap_put(&names, e.name, (void *)e.at.node)) {
			at = place_exception(&e, e.at, r->item);
			warn(r->l, "LOAD_EXCEPTION_NAME_NOT_UNIQUE", &at,
			     "the rule has several exceptions of the name '%.*s'", STR_ARG(e.name));
		}
		if (is_append) {
			is_good &= append_exception(r, rule, &e);
		} else {
			is_good &= check_exception(r, &e, rule->is_source_unknown);
			VEC_PUSH(&rule->exceptions, e);
		}
	}
	strmap_free(&names);
	return is_good;
}

/* A value that is to be read as the language's own syntax: quoted, or an expression. */
static bool is_syntax(struct str s)
{
	size_t n = 0;

	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
		return true;
	/* As upstream does: with a blank in it it is a text. */
	if (s.n < 3 || s.p[s.n - 1] != ')' || memchr(s.p, ' ', s.n))
		return false;
	while (n < s.n && s.p[n] != '(')
		n++;
	for (int t = TRANSFORM_NONE + 1; t < TRANSFORM_COUNT; t++)
		if (str_equal_c(str_slice(s, 0, n), transformer_name((enum transformer)t)))
			return true;
	return false;
}

static bool is_bare(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("()\"'=, \t\r\n\v\f", s.p[i]))
			return false;
	return s.n > 0;
}

/* Values keep every character, whatever it means in a condition. */
static void put_value(struct text_builder *b, struct written value)
{
	struct str s = value.node->text;

	if (is_bare(s) || is_syntax(s)) {
		text_verbatim(b, value);
		return;
	}
	text_for(b, STR("\""), value);
	for (size_t i = 0; i < s.n; i++) {
		struct str one = str_slice(s, i, i + 1);

		switch (s.p[i]) {
		case '"':
			text_glue(b, STR("\\\""));
			break;
		case '\\':
			text_glue(b, STR("\\\\"));
			break;
		case '\n':
			text_glue(b, STR("\\n"));
			break;
		case '\r':
			text_glue(b, STR("\\r"));
			break;
		case '\t':
			text_glue(b, STR("\\t"));
			break;
		default:
			text_glue(b, one);
		}
	}
	text_glue(b, STR("\""));
}

static bool put_scalar_value(struct loader *l, const struct rule_definition *rule,
			     const struct exception_definition *e, struct text_builder *b,
			     struct written value)
{
	struct place at = place_exception(e, value, &rule->item);

	if (value.node->kind == YAML_SCALAR && !yaml_is_null(value.node)) {
		put_value(b, value);
		return true;
	}
	at.part = "exception value";
	fail(l, "LOAD_ERR_VALIDATE", &at, "a value of an exception must be a text%s",
	     value.node->kind == YAML_SEQUENCE ? ", not a list here" : "");
	return false;
}

static bool put_comparison(struct loader *l, const struct rule_definition *rule,
			   const struct exception_definition *e, struct text_builder *b, size_t i,
			   struct written value)
{
	struct written field = entry_at(e->fields, i);
	struct str op = STR("=");

	text_for(b, str_trim(field.node->text), field);
	text_glue(b, STR(" "));
	if (e->comps.node) {
		op = str_trim(entry_at(e->comps, i).node->text);
		text_for(b, op, entry_at(e->comps, i));
	} else {
		text_for(b, op, value);
	}
	text_glue(b, STR(" "));
	if (value.node->kind == YAML_SEQUENCE) {
		text_for(b, STR("("), value);
		for (uint32_t k = 0; k < value.node->count; k++) {
			if (k)
				text_glue(b, STR(", "));
			if (!put_scalar_value(l, rule, e, b,
					      (struct written){value.file, value.node->items[k]}))
				return false;
		}
		text_for(b, STR(")"), value);
		return true;
	}

	bool wants_list = is_list_operator(op) || has_modifier(op);
	struct str s = value.node->kind == YAML_SCALAR ? str_trim(value.node->text) : STR("");

	if (wants_list && s.n > 1 && s.p[0] == '(' && s.p[s.n - 1] == ')') {
		text_verbatim(b, value); /* a list written as one text: "(a, b)" */
		return true;
	}
	if (wants_list)
		text_for(b, STR("("), value);
	if (!put_scalar_value(l, rule, e, b, value))
		return false;
	if (wants_list)
		text_for(b, STR(")"), value);
	return true;
}

/* One entry of `values` of an exception with a list of fields. */
static bool put_alternative(struct loader *l, const struct rule_definition *rule,
			    const struct exception_definition *e, struct text_builder *b,
			    struct written values)
{
	uint32_t wanted = e->fields.node->count;
	uint32_t count = values.node->kind == YAML_SEQUENCE ? values.node->count : 1;

	if (values.node->kind != YAML_SEQUENCE || count != wanted) {
		struct place at = place_exception(e, values, &rule->item);

		at.part = "exception value";
		fail(l, "LOAD_ERR_VALIDATE", &at,
		     "the exception has %u field%s, so this must be a list of %u value%s", wanted,
		     wanted == 1 ? "" : "s", wanted, wanted == 1 ? "" : "s");
		return false;
	}
	text_for(b, STR("("), values);
	for (uint32_t i = 0; i < wanted; i++) {
		if (i)
			text_glue(b, STR(" and "));
		if (!put_comparison(l, rule, e, b, i,
				    (struct written){values.file, values.node->items[i]}))
			return false;
	}
	text_glue(b, STR(")"));
	return true;
}

static bool put_single(struct loader *l, const struct rule_definition *rule,
		       const struct exception_definition *e, struct text_builder *b)
{
	text_for(b, str_trim(e->fields.node->text), e->fields);
	text_glue(b, STR(" "));
	if (e->comps.node)
		text_for(b, str_trim(e->comps.node->text), e->comps);
	else
		text_glue(b, STR("in"));
	text_glue(b, STR(" ("));
	for (size_t i = 0; i < e->values.count; i++) {
		if (i)
			text_glue(b, STR(", "));
		if (!put_scalar_value(l, rule, e, b, e->values.items[i]))
			return false;
	}
	text_glue(b, STR(")"));
	return true;
}

bool exception_text(struct loader *l, const struct rule_definition *rule,
		    const struct exception_definition *e, struct source_text **out)
{
	struct text_builder b = {0};
	bool is_good = true;

	*out = NULL;
	if (!e->values.count)
		return true;
	if (e->fields.node->kind == YAML_SCALAR)
		is_good = put_single(l, rule, e, &b);
	else
		for (size_t i = 0; i < e->values.count && is_good; i++) {
			if (i)
				text_glue(&b, STR(" or "));
			is_good = put_alternative(l, rule, e, &b, e->values.items[i]);
		}

	struct source_text *text = text_finish(&b, l, &rule->item, "exception", e->name);

	if (is_good)
		*out = text;
	return is_good;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "condition/condition.h"
#include "condition/convert.h"
#include "condition/matcher.h"
#include "condition/modifier.h"

#include <errno.h>
#include <stdio.h>

enum { DEPRECATED_MAX = 8 };

struct checker {
	const struct condition_checks *how;
	bool is_quiet; /* no warnings: they were given for the whole */
	bool warned_of_na;
	const struct field *deprecated[DEPRECATED_MAX]; /* that were warned of */
	/* What is wrong with the comparison that is looked at, until it is told. */
	struct error err;
	int first; /* result of the first problem */
};

static void keep_refusal(struct checker *k, struct comparison *c, int result)
{
	struct refusal *refusal;

	if (c->refusal)
		return;
	refusal = ARENA_NEW(k->how->arena, struct refusal);
	*refusal = (struct refusal){result, k->how->sources, k->err.offset,
				    arena_str(k->how->arena, str_from(k->err.message))};
	c->refusal = refusal;
}

/* Tells of the problem in k->err. */
static int tell(struct checker *k, const struct condition *node, int result)
{
	if (node->kind == CONDITION_COMPARE)
		keep_refusal(k, node->comparison, result);
	if (k->how->fail)
		k->how->fail(k->how->context, node, result, &k->err);
	if (!k->first)
		k->first = result;
	return result;
}

static void warn(struct checker *k, const struct condition *node, const char *code,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
static void warn(struct checker *k, const struct condition *node, const char *code,
		 const char *format, ...)
{
	char message[300];
	va_list args;

	if (!k->how->warn || k->is_quiet)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	k->how->warn(k->how->context, node, code, message);
}

/* What a comparison is in, for the visitors of its fields. */
struct visited {
	struct checker *checker;
	const struct condition *node;
	const struct field *refused;
};

/* Once a condition: false where it was told. */
static bool take_deprecated(struct checker *k, const struct field *field)
{
	size_t i = 0;

	while (i < DEPRECATED_MAX && k->deprecated[i] && k->deprecated[i] != field)
		i++;
	if (i == DEPRECATED_MAX || k->deprecated[i])
		return false;
	k->deprecated[i] = field;
	return true;
}

static void warn_deprecated(const struct field_use *use, void *context)
{
	const struct visited *v = context;
	struct str name = str_from(use->field->name);

	if (!(use->field->flags & FIELD_DEPRECATED) || !str_starts_with(name, STR("evt.")) ||
	    !take_deprecated(v->checker, use->field))
		return;
	if (str_equal(name, STR("evt.dir")))
		warn(v->checker, v->node, "LOAD_DEPRECATED_ITEM",
		     "evt.dir is deprecated: every event is a completed call, so 'evt.dir = <' is "
		     "always true and 'evt.dir = >' never; leave the comparison out");
	else
		warn(v->checker, v->node, "LOAD_DEPRECATED_ITEM",
		     "%s is deprecated: without enter events it has no meaning", use->field->name);
}

static void find_foreign(const struct field_use *use, void *context)
{
	struct visited *v = context;

	if (v->checker->how->sources && !(use->field->sources & v->checker->how->sources))
		v->refused = use->field;
}

static void visit_fields(const struct comparison *c,
			 void (*visit)(const struct field_use *use, void *context), void *context)
{
	expression_visit(c->left, visit, context);
	if (c->right)
		expression_visit(c->right, visit, context);
}

static int parse_side(struct checker *k, struct str text, uint32_t offset, struct expression **out)
{
	int r = expression_shared(k->how->pool, text, k->how->sources, k->how->arena, out, &k->err);

	if (r < 0)
		k->err.offset += offset;
	return r;
}

static void list_operators(uint32_t operators, struct buffer *out)
{
	for (enum operator op = 0; op < OP_COUNT; op++)
		if (operators >> op & 1)
			buffer_printf(out, " %s", operator_name(op));
}

static int check_operator(struct checker *k, const struct comparison *c,
			  const struct comparable_type *type)
{
	const struct expression *left = c->left;
	uint32_t operators = comparable_operators(type, left->is_list);
	char text[200];
	struct buffer b = BUFFER(text);

	if (operators >> c->operator& 1)
		return 0;
	list_operators(operators, &b);
	return error_set_at(
	    &k->err, -EINVAL, c->operator_offset,
	    "operator '%s' does not go with %.*s (%s%s); these do:%.*s", operator_name(c->operator),
	    (int)(c->left_text.n > 60 ? 60 : c->left_text.n), c->left_text.p,
	    left->is_list ? "list of " : "", left->type_name, STR_ARG(buffer_str(&b)));
}

/* evt.around[T]=D asks for what is near, not for one distance. */
static int check_around(struct checker *k, struct comparison *c)
{
	const struct expression *left = c->left;

	if (left->transformer != TRANSFORM_NONE || !left->use.field ||
	    !field_is_around(left->use.field))
		return 0;
	if (c->operator!= OP_EQ && c->operator!= OP_LE)
		return error_set_at(&k->err, -EINVAL, c->operator_offset,
				    "evt.around goes with '=' alone");
	c->operator= OP_LE;
	return 0;
}

static bool has_no_rhs(const struct expression *x)
{
	const struct field_use *use = expression_field(x, NULL);

	return use && use->field->flags & FIELD_NO_RHS;
}

static int check_right_expression(struct checker *k, const struct comparison *c)
{
	const struct expression *left = c->left, *right = c->right;

	if (c->operator== OP_PMATCH || c->operator== OP_REGEX)
		return error_set_at(&k->err, -EINVAL, c->right_offset,
				    "operator '%s' takes constants on its right, not a field",
				    operator_name(c->operator));
	if (left->type == VALUE_NET || has_no_rhs(left))
		return error_set_at(&k->err, -EINVAL, c->right_offset,
				    "%.*s can be compared with constants only",
				    STR_ARG(c->left_text));
	if (has_no_rhs(right))
		return error_set_at(&k->err, -EINVAL, c->right_offset,
				    "%.*s may not stand on the right of an operator",
				    STR_ARG(c->right_text));
	if (strcmp(left->type_name, right->type_name) != 0 || left->is_list != right->is_list)
		return error_set_at(&k->err, -EINVAL, c->right_offset,
				    "%.*s (%s%s) cannot be compared with %.*s (%s%s)",
				    STR_ARG(c->left_text), left->is_list ? "list of " : "",
				    left->type_name, STR_ARG(c->right_text),
				    right->is_list ? "list of " : "", right->type_name);
	return 0;
}

static int check_event_type(struct checker *k, const struct operand *o)
{
	struct str text = o->text;

	/* Upstream takes an empty text, which is in every name and the name of none. */
	if (text.n == 0 || event_kind_by_name(text) >= 0)
		return 0;

	const char **names = ARENA_ARRAY(k->how->arena, const char *, event_kind_count);
	for (uint16_t kind = 0; kind < event_kind_count; kind++)
		names[kind] = event_kind_name(kind);
	const char *nearest = str_nearest(text, names, event_kind_count);
	return error_set_at(&k->err, -ENOENT, o->offset, "unknown event type '%.*s'%s%s%s",
			    (int)(text.n > 60 ? 60 : text.n), text.p,
			    nearest ? "; did you mean '" : "", nearest ? nearest : "",
			    nearest ? "'?" : "");
}

/* Whether a pattern has nothing that needs one but at its ends, where other operators would do. */
static bool is_simple_regex(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool is_start = i == 0, is_end = i + 1 == v.n;

		if ((is_start && c == '^') || (is_end && c == '$'))
			continue;
		if (((is_start && v.n > 1) || i + 2 == v.n) && c == '.' &&
		    memchr("+*?", v.p[i + 1], 3)) {
			i++;
			continue;
		}
		if (memchr(".+*?^$()[]{}|\\", c, 14))
			return false;
	}
	return true;
}

/* A constant that looks like something that was meant to be evaluated. */
static void warn_operand(struct checker *k, const struct condition *node, const struct operand *o)
{
	struct scanner s = {o->text, 0};
	struct str name;

	if (node->comparison->operator== OP_REGEX && is_simple_regex(o->text))
		warn(k, node, "LOAD_COMPILE_CONDITION",
		     "the regular expression '%.*s' could be one of the cheaper operators =, "
		     "contains, startswith, endswith",
		     (int)(o->text.n > 80 ? 80 : o->text.n), o->text.p);
	if (o->text.n > 200)
		return;
	scan_blank(&s);
	if (expression_scan_transformer(&s) != TRANSFORM_NONE &&
	    str_ends_with(str_trim(o->text), STR(")"))) {
		warn(k, node, "LOAD_COMPILE_CONDITION",
		     "'%.*s' is taken for a text; without quotes it would be a transformer",
		     STR_ARG(o->text));
	} else if (scan_field_name(&s, &name) && field_find(name)) {
		scan_blank(&s);
		if (scan_at_end(&s) || scan_peek(&s) == '[')
			warn(k, node, "LOAD_COMPILE_CONDITION",
			     "'%.*s' is taken for a text; to compare with the field write "
			     "val(%.*s)",
			     STR_ARG(o->text), STR_ARG(o->text));
	}
}

static bool is_of_plugin_event(const struct expression *left)
{
	const struct field_use *use = expression_field(left, NULL);
	struct str name = str_from(use ? use->field->name : "");

	return str_starts_with(name, STR("ka.")) || str_starts_with(name, STR("jevt."));
}

static void warn_comparison(struct checker *k, const struct condition *node)
{
	const struct comparison *c = node->comparison;
	struct visited v = {.checker = k, .node = node};
	bool is_equality = c->operator== OP_EQ || c->operator== OP_NE || c->operator== OP_IN ||
			   c->
			   operator== OP_INTERSECTS || c->
			   operator== OP_PMATCH;
	bool has_na = false;

	if (!k->how->warn || k->is_quiet)
		return;
	visit_fields(c, warn_deprecated, &v);
	for (size_t i = 0; i < c->operand_count; i++) {
		warn_operand(k, node, &c->operands[i]);
		has_na |= str_equal(c->operands[i].text, STR("<NA>"));
	}
	if (!has_na || !is_equality || !is_of_plugin_event(c->left) || k->warned_of_na)
		return;
	k->warned_of_na = true;
	warn(k, node, "LOAD_UNSAFE_NA_CHECK",
	     "%.*s is never \"<NA>\": a value that is not there fits no comparison; use "
	     "'exists'",
	     STR_ARG(c->left_text));
}

static int refuse_phrase(struct checker *k, const struct operand *o)
{
	size_t at = 0;

	while (o->text.p[at] != ' ' && !memchr("\t\r\n\b", o->text.p[at], 4))
		at++;
	while (o->text.p[at] == ' ' || memchr("\t\r\n\b", o->text.p[at], 4))
		at++;
	return error_set_at(&k->err, -EINVAL, o->offset + at,
			    "expected ',' or ')' in the list, found '%.*s'",
			    (int)(o->text.n - at > 32 ? 32 : o->text.n - at), o->text.p + at);
}

/* Tells of every value that is none for the type. */
static int convert_operands(struct checker *k, const struct condition *node,
			    const struct comparable_type *type)
{
	struct comparison *c = node->comparison;
	const struct field_use *use = expression_field(c->left, NULL);
	bool is_event_type =
	    use && str_equal_c(STR("evt.type"), use->field->name) && c->left->type == VALUE_STRING;
	int failed = 0;

	for (size_t i = 0; i < c->operand_count; i++) {
		const char *note = NULL;
		int r = c->operands[i].is_phrase
			    ? refuse_phrase(k, &c->operands[i])
			    : operand_convert(&c->operands[i], type, c->left->type, c->operator,
					      k->how->arena, &note, &k->err);

		if (r == 0 && is_event_type)
			r = check_event_type(k, &c->operands[i]);
		if (r < 0 && !failed)
			failed = r;
		if (r < 0)
			tell(k, node, r);
		else if (note)
			warn(k, node, NULL, "%.*s: %s", STR_ARG(c->operands[i].text), note);
	}
	return failed;
}

/* How many values the operator takes; more can come from a list's name in their place. */
static int check_count(struct checker *k, const struct comparison *c)
{
	bool takes_list =
	    c->operator== OP_IN || c->operator== OP_INTERSECTS || c->operator== OP_PMATCH ||
	    c->modifier != MODIFIER_NONE;

	if (takes_list || c->right || c->operator== OP_EXISTS || c->operand_count == 1)
		return 0;
	return error_set_at(&k->err, -EINVAL, c->right_offset,
			    "operator '%s' takes one value, found a list of %zu; 'in' takes lists",
			    operator_name(c->operator), c->operand_count);
}

/*
 * Parses and checks both sides, and tells of what is wrong with them. Leaves the matcher to the
 * caller: it is made once the modifier is gone.
 */
static int check_sides(struct checker *k, const struct condition *node)
{
	struct comparison *c = node->comparison;
	struct expression *ignored;
	int r = parse_side(k, c->left_text, node->offset, &c->left);

	if (r < 0) {
		tell(k, node, r);
		/* What the right side has to be is unknown now; a field of it may be unknown too.
		 */
		if (c->right_text.n &&
		    (r = parse_side(k, c->right_text, c->right_offset, &ignored)) < 0)
			tell(k, node, r);
		return -EINVAL;
	}

	const struct comparable_type *type = comparable_type_find(c->left->type_name);

	r = check_operator(k, c, type);
	if (r == 0)
		r = check_around(k, c);
	if (r == 0 && c->right_text.n) {
		r = parse_side(k, c->right_text, c->right_offset, &c->right);
		if (r == 0)
			r = check_right_expression(k, c);
	} else if (r == 0) {
		r = check_count(k, c);
		if (r == 0 && convert_operands(k, node, type) < 0)
			return -EINVAL;
	}
	if (r < 0)
		return tell(k, node, r);
	return 0;
}

/* Of a comparison that an earlier check made ready: only what depends on the sources. */
static void check_again(struct checker *k, const struct condition *node)
{
	struct visited v = {.checker = k, .node = node};

	visit_fields(node->comparison, find_foreign, &v);
	if (v.refused)
		tell(k, node,
		     error_set_at(&k->err, -ENOENT, node->offset,
				  "%s is no field of this rule's source", v.refused->name));
	else
		warn_comparison(k, node);
}

static void check_node(struct checker *k, struct condition *node, unsigned depth);

static void check_comparison(struct checker *k, struct condition *node, unsigned depth)
{
	const struct refusal *refusal = node->comparison->refusal;
	bool was_quiet = k->is_quiet;
	int r;

	if (refusal && refusal->sources == k->how->sources) {
		error_set_at(&k->err, refusal->result, refusal->offset, "%.*s",
			     STR_ARG(refusal->message));
		tell(k, node, refusal->result);
		return;
	}
	if (node->comparison->matcher) {
		check_again(k, node);
		return;
	}
	if (check_sides(k, node) < 0)
		return;
	warn_comparison(k, node);
	if (node->comparison->modifier != MODIFIER_NONE)
		modifier_expand(k->how->arena, node);
	if (node->kind == CONDITION_COMPARE) {
		r = matcher_build(node->comparison, k->how->arena, &k->err);
		if (r < 0)
			tell(k, node, r);
	} else if (node->kind != CONDITION_FALSE) {
		/* The parts are made ready without saying again what was just said of the whole. */
		k->is_quiet = true;
		for (size_t i = 0; i < node->child_count; i++)
			check_node(k, node->children[i], depth + 1);
		k->is_quiet = was_quiet;
	}
}

static void check_node(struct checker *k, struct condition *node, unsigned depth)
{
	if (depth > CONDITION_DEPTH_MAX) {
		tell(k, node,
		     error_set_at(&k->err, -E2BIG, node->offset,
				  "the condition nests deeper than %d", CONDITION_DEPTH_MAX));
		return;
	}
	switch (node->kind) {
	case CONDITION_COMPARE:
		check_comparison(k, node, depth);
		break;
	case CONDITION_NAME:
		if (!k->how->names_are_told)
			tell(k, node,
			     error_set_at(&k->err, -ENOENT, node->offset,
					  "'%.*s' is neither a field nor a macro",
					  STR_ARG(node->name)));
		break;
	case CONDITION_TRUE:
	case CONDITION_FALSE:
		break;
	case CONDITION_AND:
	case CONDITION_OR:
	case CONDITION_NOT:
		for (size_t i = 0; i < node->child_count; i++)
			check_node(k, node->children[i], depth + 1);
		break;
	}
}

int condition_check_all(struct condition *c, const struct condition_checks *how)
{
	struct checker k = {.how = how};

	check_node(&k, c, 1);
	return k.first;
}

/* What condition_check answers: the first problem. */
struct first_problem {
	condition_warn_fn *warn;
	void *warn_context;
	const struct condition **failed;
	struct error *err;
	bool was_told;
};

static void pass_warning(void *context, const struct condition *node, const char *code,
			 const char *message)
{
	struct first_problem *first = context;

	if (first->warn && !first->was_told)
		first->warn(first->warn_context, node, code, message);
}

static void take_first(void *context, const struct condition *node, int result,
		       const struct error *err)
{
	struct first_problem *first = context;

	(void)result;
	if (first->was_told)
		return;
	first->was_told = true;
	if (first->failed)
		*first->failed = node;
	if (first->err)
		*first->err = *err;
}

int condition_check(struct condition *c, uint32_t sources, struct arena *arena,
		    condition_warn_fn *warn_fn, void *warn_context, const struct condition **failed,
		    struct error *err)
{
	struct first_problem first = {
	    .warn = warn_fn, .warn_context = warn_context, .failed = failed, .err = err};
	struct condition_checks how = {.sources = sources,
				       .arena = arena,
				       .warn = pass_warning,
				       .fail = take_first,
				       .context = &first};

	if (failed)
		*failed = NULL;
	return condition_check_all(c, &how);
}

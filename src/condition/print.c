/* SPDX-License-Identifier: Apache-2.0 */
#include "condition/condition.h"

/*
 * Tight enough to be read back as one value: all that a bare word may hold, and no modifier's name,
 * which would be taken for one before a list.
 */
static bool is_bare(struct str text)
{
	struct scanner s = {text, 0};

	if (!scan_bare(&s, NULL) || !scan_at_end(&s))
		return false;
	for (unsigned m = MODIFIER_NONE + 1; m < MODIFIER_COUNT; m++)
		if (str_equal_c(text, modifier_name(m)))
			return false;
	return true;
}

static void print_quoted(struct str text, struct buffer *out)
{
	buffer_putc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		/* A backslash before the closing quote would be read as escaping it. */
		if (c < 0x20 || c == 0x7f || (c == '\\' && i + 1 == text.n)) {
			buffer_printf(out, "\\x%02x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			buffer_putc(out, '\\');
		buffer_putc(out, (char)c);
	}
	buffer_putc(out, '"');
}

static void print_operand(const struct operand *o, struct buffer *out)
{
	if (o->is_quoted || !is_bare(o->text))
		print_quoted(o->text, out);
	else
		buffer_put(out, o->text);
}

static void print_comparison(const struct comparison *c, struct buffer *out)
{
	bool in_brackets =
	    c->operator== OP_IN || c->operator== OP_INTERSECTS || c->operator== OP_PMATCH ||
	    c->modifier != MODIFIER_NONE ||(c->operand_count != 1 && c->operator!= OP_EXISTS);

	buffer_put(out, c->left_text);
	buffer_printf(out, " %s", operator_name(c->operator));
	if (c->operator== OP_EXISTS)
		return;
	buffer_putc(out, ' ');
	if (c->right_text.n) {
		buffer_put(out, c->right_text);
		return;
	}
	if (c->modifier != MODIFIER_NONE)
		buffer_printf(out, "%s ", modifier_name(c->modifier));
	if (in_brackets)
		buffer_putc(out, '(');
	for (size_t i = 0; i < c->operand_count; i++) {
		if (i > 0)
			buffer_put(out, STR(", "));
		print_operand(&c->operands[i], out);
	}
	if (in_brackets)
		buffer_putc(out, ')');
}

/* Whether c needs brackets as a child of parent. */
static bool needs_brackets(const struct condition *c, enum condition_kind parent)
{
	if (c->kind == CONDITION_OR)
		return parent != CONDITION_OR;
	return (c->kind == CONDITION_AND || c->kind == CONDITION_NOT) && parent == CONDITION_NOT;
}

static void print_child(const struct condition *c, enum condition_kind parent, struct buffer *out)
{
	bool brackets = needs_brackets(c, parent);

	if (brackets)
		buffer_putc(out, '(');
	condition_print(c, out);
	if (brackets)
		buffer_putc(out, ')');
}

void condition_print(const struct condition *c, struct buffer *out)
{
	switch (c->kind) {
	case CONDITION_AND:
	case CONDITION_OR:
		for (size_t i = 0; i < c->child_count; i++) {
			if (i > 0)
				buffer_put(out,
					   c->kind == CONDITION_AND ? STR(" and ") : STR(" or "));
			print_child(c->children[i], c->kind, out);
		}
		break;
	case CONDITION_NOT:
		buffer_put(out, STR("not "));
		print_child(c->children[0], CONDITION_NOT, out);
		break;
	case CONDITION_COMPARE:
		print_comparison(c->comparison, out);
		break;
	case CONDITION_NAME:
		buffer_put(out, c->name);
		break;
	case CONDITION_TRUE:
		buffer_put(out, STR("true"));
		break;
	case CONDITION_FALSE:
		buffer_put(out, STR("false"));
		break;
	}
}

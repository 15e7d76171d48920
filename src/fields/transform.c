/* SPDX-License-Identifier: Apache-2.0 */
/* Values of expressions. All results live in the event's scratch arena or are views. */
#include "base/bitset.h"
#include "fields/expression.h"

static struct str fold(struct arena *scratch, struct str s, char first, char last)
{
	size_t at = 0;

	while (at < s.n && (s.p[at] < first || s.p[at] > last))
		at++;
	if (at == s.n)
		return s;

	char *p = arena_bytes(scratch, s.n);

	if (!p)
		return (struct str){NULL, 0};
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= first && s.p[i] <= last ? s.p[i] ^ 0x20 : s.p[i];
	return (struct str){p, s.n};
}

static struct str basename_of(struct str s)
{
	const char *slash = s.n ? memrchr(s.p, '/', s.n) : NULL;

	return slash ? str_slice(s, (size_t)(slash - s.p) + 1, s.n) : s;
}

static int base64_digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 with or without padding; the bits that the last digit has too many must be zero. */
static bool decode_base64(struct arena *scratch, struct str s, struct str *out)
{
	size_t n = s.n;

	if (n > 0 && s.p[n - 1] == '=')
		n--;
	if (n > 0 && n < s.n && s.p[n - 1] == '=')
		n--;
	if (n == 0) {
		*out = (struct str){"", 0};
		return s.n == 0;
	}
	if (n % 4 == 1)
		return false;

	char *p = arena_bytes(scratch, n / 4 * 3 + 2);
	size_t length = 0;
	uint32_t bits = 0;
	unsigned have = 0;

	if (!p)
		return false;
	for (size_t i = 0; i < n; i++) {
		int digit = base64_digit((unsigned char)s.p[i]);

		if (digit < 0)
			return false;
		bits = (bits << 6 | (unsigned)digit) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			p[length++] = (char)(bits >> have);
		}
	}
	*out = (struct str){p, length};
	return (bits & ((1u << have) - 1)) == 0;
}

static bool transform_text(struct arena *scratch, enum transformer t, struct str s, struct str *out)
{
	switch (t) {
	case TRANSFORM_TOUPPER:
		*out = fold(scratch, s, 'a', 'z');
		return out->n == s.n;
	case TRANSFORM_TOLOWER:
		*out = fold(scratch, s, 'A', 'Z');
		return out->n == s.n;
	case TRANSFORM_BASENAME:
		*out = basename_of(s);
		return true;
	case TRANSFORM_B64:
		return decode_base64(scratch, s, out);
	default:
		return false;
	}
}

static bool is_text(const struct value *v)
{
	return !v->is_list && (v->type == VALUE_STRING || v->type == VALUE_BYTES);
}

static bool transform_single(struct arena *scratch, enum transformer t, struct value *v)
{
	if (!is_text(v))
		return false;
	if (t == TRANSFORM_LEN) {
		*v = value_u64(v->str.n);
		return true;
	}
	return transform_text(scratch, t, v->str, &v->str);
}

/* A transformer of one argument: on a list it works item by item, but for the list's length. */
static bool transform_value(struct arena *scratch, const struct expression *x, struct value *v)
{
	if (x->transformer == TRANSFORM_VAL)
		return true;
	if (x->transformer == TRANSFORM_LEN && x->arguments[0]->is_list) {
		*v = value_u64(v->is_list ? v->count : 1);
		return true;
	}
	if (!v->is_list)
		return transform_single(scratch, x->transformer, v);

	struct value *items = ARENA_ARRAY(scratch, struct value, v->count);

	if (!items)
		return false;
	for (uint32_t i = 0; i < v->count; i++) {
		items[i] = v->list[i];
		if (!transform_single(scratch, x->transformer, &items[i]))
			return false;
	}
	v->list = items;
	v->type = x->type;
	return true;
}

/* An argument that is to be one text: of a list the first. */
static bool evaluate_text(struct field_context *ctx, const struct expression *x, struct str *out)
{
	struct value v;

	if (!expression_evaluate(ctx, x, &v))
		return false;
	if (v.is_list && v.count == 0)
		return false;
	if (v.is_list)
		v = v.list[0];
	if (!is_text(&v))
		return false;
	*out = v.str;
	return true;
}

/* An argument that is to be a list of texts. */
static bool evaluate_texts(struct field_context *ctx, const struct expression *x, struct value *out)
{
	if (!expression_evaluate(ctx, x, out) || !out->is_list)
		return false;
	for (uint32_t i = 0; i < out->count; i++)
		if (!is_text(&out->list[i]))
			return false;
	return true;
}

/* A single value as a text, for items of lists that are no texts. */
static bool text_of(struct field_context *ctx, const struct expression *x, const struct value *v,
		    struct value *out)
{
	if (v->type == VALUE_STRING || v->type == VALUE_BYTES) {
		*out = value_str(v->str);
		return true;
	}

	char memory[128];
	struct buffer b = BUFFER(memory);
	const struct field_use *use = expression_field(x, NULL);

	if (x->transformer == TRANSFORM_LEN || !use)
		buffer_put_u64(&b, v->u64);
	else
		value_print(v, use->field, &b);

	char *p = arena_bytes(ctx->scratch, b.n);

	if (!p)
		return false;
	memcpy(p, b.p, b.n);
	*out = value_str((struct str){p, b.n});
	return true;
}

static void make_list(struct value *out, const struct value *items, size_t count)
{
	*out = (struct value){
	    .type = VALUE_STRING, .is_list = true, .count = (uint32_t)count, .list = items};
}

static bool evaluate_list(struct field_context *ctx, const struct expression *x, struct value *out)
{
	struct value *lists = ARENA_ARRAY(ctx->scratch, struct value, x->argument_count);
	size_t count = 0;

	if (!lists)
		return false;
	for (unsigned i = 0; i < x->argument_count; i++) {
		if (!expression_evaluate(ctx, x->arguments[i], &lists[i]))
			return false;
		count += lists[i].is_list ? lists[i].count : 1;
	}

	struct value *items = ARENA_ARRAY(ctx->scratch, struct value, count);

	if (!items)
		return false;
	count = 0;
	for (unsigned i = 0; i < x->argument_count; i++) {
		const struct value *from = lists[i].is_list ? lists[i].list : &lists[i];
		size_t n = lists[i].is_list ? lists[i].count : 1;

		for (size_t k = 0; k < n; k++)
			if (!text_of(ctx, x->arguments[i], &from[k], &items[count++]))
				return false;
	}
	make_list(out, items, count);
	return true;
}

static bool join(struct field_context *ctx, const struct str *separator, const struct value *items,
		 size_t count, struct value *out)
{
	size_t size = count > 1 ? separator->n * (count - 1) : 0;

	for (size_t i = 0; i < count; i++)
		size += items[i].str.n;

	char *p = arena_bytes(ctx->scratch, size);
	size_t n = 0;

	if (!p)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && separator->n) {
			memcpy(p + n, separator->p, separator->n);
			n += separator->n;
		}
		if (items[i].str.n)
			memcpy(p + n, items[i].str.p, items[i].str.n);
		n += items[i].str.n;
	}
	*out = value_str((struct str){p, n});
	return true;
}

static bool evaluate_concat(struct field_context *ctx, const struct expression *x,
			    struct value *out)
{
	struct value *items = ARENA_ARRAY(ctx->scratch, struct value, x->argument_count);

	if (!items)
		return false;
	for (unsigned i = 0; i < x->argument_count; i++) {
		struct str text;

		if (!evaluate_text(ctx, x->arguments[i], &text))
			return false;
		items[i] = value_str(text);
	}
	return join(ctx, &(struct str){"", 0}, items, x->argument_count, out);
}

struct option_string {
	uint64_t known[BITSET_WORDS(256)];
	uint64_t takes_value[BITSET_WORDS(256)];
};

static struct option_string parse_option_string(struct str s)
{
	struct option_string o = {0};

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == ':')
			continue;
		bitset_add(o.known, c);
		if (i + 1 < s.n && s.p[i + 1] == ':')
			bitset_add(o.takes_value, c);
	}
	return o;
}

/* Results of getopt: all in order, or the last of the one option that is selected. */
struct options {
	struct value *items;
	size_t count;
	int selected; /* -1: all */
	bool has_selected;
	struct str selected_value;
};

static void add_option(struct options *o, struct str name, const struct str *value)
{
	if (o->selected >= 0) {
		o->selected_value = value ? *value : name;
		o->has_selected = true;
		return;
	}
	o->items[o->count++] = value_str(name);
	if (value)
		o->items[o->count++] = value_str(*value);
}

/* The options of one word "-abc", whose values may be its rest or the next word. */
static void read_word(struct options *o, const struct option_string *s, const struct value *words,
		      size_t count, size_t *at)
{
	struct str word = words[*at].str;

	for (size_t i = 1; i < word.n; i++) {
		unsigned char c = (unsigned char)word.p[i];
		bool is_wanted = o->selected < 0 || o->selected == c;
		struct str value;

		if (c == ':' || !bitset_has(s->known, c)) {
			if (o->selected < 0)
				add_option(o, STR("?"), NULL);
			continue;
		}
		if (!bitset_has(s->takes_value, c)) {
			if (is_wanted)
				add_option(o, str_slice(word, i, i + 1), NULL);
			continue;
		}
		if (i + 1 < word.n) {
			value = str_slice(word, i + 1, word.n);
		} else if (*at + 1 < count) {
			value = words[++*at].str;
		} else {
			/* An option whose value is missing counts as an empty value. */
			if (is_wanted)
				add_option(o, STR(""), NULL);
			return;
		}
		if (is_wanted)
			add_option(o, str_slice(word, i, i + 1), &value);
		return;
	}
}

static bool evaluate_getopt(struct field_context *ctx, const struct expression *x,
			    struct value *out)
{
	struct str option_string;
	struct value words;

	if (!evaluate_text(ctx, x->arguments[1], &option_string) ||
	    !evaluate_texts(ctx, x->arguments[0], &words))
		return false;

	struct option_string s = parse_option_string(option_string);
	struct options o = {
	    .selected = x->argument_count > 2 ? (unsigned char)x->arguments[2]->literal.p[0] : -1};
	size_t most = 0; /* every character gives one result, a value one more */

	for (uint32_t i = 0; i < words.count; i++)
		most += words.list[i].str.n + 1;
	if (o.selected < 0) {
		o.items = ARENA_ARRAY(ctx->scratch, struct value, most);
		if (!o.items)
			return false;
	}
	for (size_t at = 0; at < words.count; at++) {
		struct str word = words.list[at].str;

		if (word.n < 2 || word.p[0] != '-' || str_equal(word, STR("--")))
			break;
		if (word.p[1] == '-')
			continue; /* long options are none of getopt's */
		read_word(&o, &s, words.list, words.count, &at);
	}
	if (o.selected < 0)
		make_list(out, o.items, o.count);
	else
		*out = value_str(o.selected_value);
	return o.selected < 0 || o.has_selected;
}

bool expression_evaluate(struct field_context *ctx, const struct expression *x, struct value *out)
{
	struct str separator;
	struct value list;

	switch (x->transformer) {
	case TRANSFORM_NONE:
		if (!x->is_literal)
			return field_extract(ctx, &x->use, out);
		*out = value_str(x->literal);
		return true;
	case TRANSFORM_LIST:
		return evaluate_list(ctx, x, out);
	case TRANSFORM_CONCAT:
		return evaluate_concat(ctx, x, out);
	case TRANSFORM_GETOPT:
		return evaluate_getopt(ctx, x, out);
	case TRANSFORM_JOIN:
		return evaluate_text(ctx, x->arguments[0], &separator) &&
		       evaluate_texts(ctx, x->arguments[1], &list) &&
		       join(ctx, &separator, list.list, list.count, out);
	default:
		return expression_evaluate(ctx, x->arguments[0], out) &&
		       transform_value(ctx->scratch, x, out);
	}
}

bool expression_evaluate_printed(struct field_context *ctx, const struct expression *x,
				 struct value *out)
{
	if (!expression_evaluate(ctx, x, out))
		return false;
	if (ctx->buffers_base64 && out->type == VALUE_BYTES && !out->is_list &&
	    strcmp(x->type_name, "BYTEBUF") == 0)
		return answer_str(out, value_base64(ctx->scratch, out->str));
	return true;
}

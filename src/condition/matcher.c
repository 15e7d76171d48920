/* SPDX-License-Identifier: Apache-2.0 */
#include "condition/matcher.h"

#include "base/utf8.h"

#include <errno.h>

enum { SET_LEAST = 5 }; /* fewer constants are compared one by one */

/* Constants by hash, as indices into the comparison's operands. */
struct value_set {
	size_t mask;
	size_t shortest, longest; /* of texts: what lies outside is no member */
	struct set_slot {
		uint32_t hash;
		uint32_t operand; /* index + 1; 0: free */
	} slots[];
};

static bool holds_text(enum value_type type)
{
	return type == VALUE_STRING || type == VALUE_BYTES;
}

static uint64_t hash_value(const struct value *v)
{
	if (holds_text(v->type))
		return str_hash(v->str);
	if (v->type == VALUE_IP)
		return str_hash((struct str){(const char *)v->ip.bytes, v->ip.size});
	return hash_u64(v->u64);
}

/*
 * Values of one class can be compared. evt.rawarg's is known only with each event: one that is of
 * another class than the constants fits no comparison.
 */
static unsigned class_of(enum value_type type)
{
	if (holds_text(type))
		return 0;
	return type == VALUE_IP || type == VALUE_NET ? 1 : 2;
}

static bool network_has(const struct ip_network *net, const struct ip_address *address)
{
	unsigned whole = net->prefix / 8, rest = net->prefix % 8;

	if (address->size != net->address.size)
		return false;
	if (memcmp(address->bytes, net->address.bytes, whole) != 0)
		return false;
	return rest == 0 || (address->bytes[whole] ^ net->address.bytes[whole]) >> (8 - rest) == 0;
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static double as_real(const struct value *v)
{
	return v->type == VALUE_DOUBLE ? v->real
	       : v->type == VALUE_I64  ? (double)v->i64
				       : (double)v->u64;
}

static int compare_numbers(const struct value *a, const struct value *b)
{
	bool a_negative = a->type == VALUE_I64 && a->i64 < 0;
	bool b_negative = b->type == VALUE_I64 && b->i64 < 0;

	if (a->type == VALUE_DOUBLE || b->type == VALUE_DOUBLE) {
		double x = as_real(a), y = as_real(b);

		return x < y ? -1 : x > y;
	}
	if (a_negative != b_negative)
		return a_negative ? -1 : 1;
	return order(a->u64, b->u64);
}

/* b is the constant, or what the right side's expression gave. */
static bool equal(const struct value *a, const struct value *b)
{
	if (holds_text(b->type))
		return holds_text(a->type) && str_equal(a->str, b->str);
	if (b->type == VALUE_NET)
		return network_has(&b->net, &a->ip);
	if (b->type == VALUE_IP)
		return a->ip.size == b->ip.size &&
		       memcmp(a->ip.bytes, b->ip.bytes, b->ip.size) == 0;
	return compare_numbers(a, b) == 0;
}

static int compare(const struct value *a, const struct value *b)
{
	return holds_text(b->type) ? str_compare(a->str, b->str) : compare_numbers(a, b);
}

static bool is_member(const struct comparison *c, const struct value *v)
{
	const struct value_set *set = c->matcher->set;

	if (!set) {
		for (size_t i = 0; i < c->operand_count; i++)
			if (equal(v, &c->operands[i].value))
				return true;
		return false;
	}
	if (holds_text(v->type) && (v->str.n < set->shortest || v->str.n > set->longest))
		return false;

	uint64_t hash = hash_value(v);

	for (size_t i = hash & set->mask; set->slots[i].operand; i = (i + 1) & set->mask)
		if (set->slots[i].hash == (uint32_t)(hash >> 32) &&
		    equal(v, &c->operands[set->slots[i].operand - 1].value))
			return true;
	return false;
}

static void build_set(struct comparison *c, struct matcher *m, struct arena *arena)
{
	enum value_type type = c->operand_count ? c->operands[0].value.type : VALUE_NET;
	size_t size = 8;

	if (c->operand_count < SET_LEAST || c->operand_count > UINT32_MAX / 4 ||
	    type == VALUE_NET || type == VALUE_DOUBLE)
		return;
	while (size < c->operand_count * 2)
		size *= 2;

	struct value_set *set = arena_alloc(arena, sizeof(*set) + size * sizeof(struct set_slot));

	set->mask = size - 1;
	set->shortest = SIZE_MAX;
	for (size_t i = 0; i < c->operand_count; i++) {
		const struct value *v = &c->operands[i].value;
		uint64_t hash = hash_value(v);
		size_t at = hash & set->mask;
		bool is_new = true;

		if (holds_text(type) && v->str.n < set->shortest)
			set->shortest = v->str.n;
		if (holds_text(type) && v->str.n > set->longest)
			set->longest = v->str.n;
		for (; is_new && set->slots[at].operand; at = (at + 1) & set->mask)
			is_new = !(set->slots[at].hash == (uint32_t)(hash >> 32) &&
				   equal(v, &c->operands[set->slots[at].operand - 1].value));
		if (is_new)
			set->slots[at] = (struct set_slot){(uint32_t)(hash >> 32), (uint32_t)i + 1};
	}
	m->set = set;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Knuth, Morris and Pratt: no character of the value is looked at twice after a mismatch. */
static void build_folded(struct matcher *m, struct str text, struct arena *arena)
{
	char *p = arena_bytes(arena, text.n + 1);
	uint32_t *failure = ARENA_ARRAY(arena, uint32_t, text.n + 1);

	for (size_t i = 0; i < text.n; i++)
		p[i] = lower(text.p[i]);
	for (size_t i = 1, k = 0; i < text.n; i++) {
		while (k > 0 && p[i] != p[k])
			k = failure[k - 1];
		k += p[i] == p[k];
		failure[i] = (uint32_t)k;
	}
	m->folded = (struct str){p, text.n};
	m->failure = failure;
}

static bool contains_folded(const struct matcher *m, struct str text)
{
	const char *p = m->folded.p;
	size_t n = m->folded.n;

	if (n == 0)
		return true;
	for (size_t i = 0, k = 0; i < text.n; i++) {
		char c = lower(text.p[i]);

		while (k > 0 && c != p[k])
			k = m->failure[k - 1];
		k += c == p[k];
		if (k == n)
			return true;
	}
	return false;
}

/* The same for a text that is known only now; strcasestr is linear but wants NULs. */
static bool contains_nocase(struct arena *scratch, struct str text, struct str part)
{
	char *mark = scratch->next;
	char *a = arena_bytes(scratch, text.n + 1);
	char *b = arena_bytes(scratch, part.n + 1);
	bool found = false;

	if (a && b) {
		for (size_t i = 0; i < text.n; i++)
			a[i] = lower(text.p[i]);
		for (size_t i = 0; i < part.n; i++)
			b[i] = lower(part.p[i]);
		found = memmem(a, text.n, b, part.n) != NULL;
	}
	arena_reset_to(scratch, mark);
	return found;
}

static bool contains(struct str text, struct str part)
{
	return part.n == 0 || (text.n >= part.n && memmem(text.p, text.n, part.p, part.n) != NULL);
}

/* Length of the ill-formed bytes at the start of s that one replacement character stands for. */
static size_t broken_length(struct str s)
{
	/* The longest beginning of a character: shorten what follows until a tail completes it. */
	static const char *const tails[] = {"\x80", "\x80\x80"};

	for (size_t n = s.n < 3 ? s.n : 3; n > 1; n--) {
		for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
			char memory[8];
			size_t tail = strlen(tails[i]);

			memcpy(memory, s.p, n);
			memcpy(memory + n, tails[i], tail);
			if (utf8_character((struct str){memory, n + tail}) == n + tail)
				return n;
		}
	}
	return 1;
}

/*
 * RE2 reads UTF-8 only, and file names hold any bytes: what is no character is seen as U+FFFD, so
 * that a stray byte in a name hides nothing from a pattern.
 */
static bool matches_regex(const struct regex *regex, struct arena *scratch, struct str text)
{
	size_t valid = utf8_valid_prefix(text);

	if (valid == text.n)
		return regex_matches(regex, text.p ? text.p : "", text.n);

	char *mark = scratch->next;
	char *p = arena_bytes(scratch, text.n * 3);
	size_t n = valid;

	if (!p)
		return false;
	memcpy(p, text.p, valid);
	for (size_t i = valid; i < text.n;) {
		struct str rest = str_slice(text, i, text.n);
		size_t length = utf8_character(rest);

		if (length) {
			memcpy(p + n, rest.p, length);
			n += length;
		} else {
			length = broken_length(rest);
			memcpy(p + n, "\xef\xbf\xbd", 3);
			n += 3;
		}
		i += length;
	}
	bool found = regex_matches(regex, p, n);
	arena_reset_to(scratch, mark);
	return found;
}

/* One value on the left, one on the right. */
static bool holds_single(const struct comparison *c, struct field_context *ctx,
			 const struct value *left, const struct value *right)
{
	switch (c->operator) {
	case OP_EQ:
	case OP_IN:
	case OP_INTERSECTS:
		return equal(left, right);
	case OP_NE:
		return !equal(left, right);
	case OP_LT:
		return compare(left, right) < 0;
	case OP_LE:
		return compare(left, right) <= 0;
	case OP_GT:
		return compare(left, right) > 0;
	case OP_GE:
		return compare(left, right) >= 0;
	case OP_CONTAINS:
	case OP_BCONTAINS:
		return contains(left->str, right->str);
	case OP_ICONTAINS:
		return c->right ? contains_nocase(ctx->scratch, left->str, right->str)
				: contains_folded(c->matcher, left->str);
	case OP_STARTSWITH:
	case OP_BSTARTSWITH:
		return str_starts_with(left->str, right->str);
	case OP_ENDSWITH:
		return str_ends_with(left->str, right->str);
	case OP_GLOB:
		return glob_matches(right->str, left->str, false);
	case OP_IGLOB:
		return glob_matches(right->str, left->str, true);
	case OP_REGEX:
		return matches_regex(c->matcher->regex, ctx->scratch, left->str);
	default:
		return false;
	}
}

/* One value on the left, all that is on the right. right is NULL: the constants. */
static bool holds_value(const struct comparison *c, struct field_context *ctx,
			const struct value *left, const struct value *right)
{
	if (left->type != c->left->type && class_of(left->type) != class_of(c->left->type))
		return false;
	if (right && right->is_list) {
		for (uint32_t i = 0; i < right->count; i++)
			if (holds_single(c, ctx, left, &right->list[i]))
				return true;
		return false;
	}
	if (right)
		return holds_single(c, ctx, left, right);
	if (c->operator== OP_PMATCH)
		return path_set_covers(c->matcher->paths, left->str);
	if (c->operator== OP_IN || c->operator== OP_INTERSECTS)
		return is_member(c, left);
	return c->operand_count == 1 && holds_single(c, ctx, left, &c->operands[0].value);
}

bool comparison_holds_for(const struct comparison *c, struct field_context *ctx, bool has_left,
			  const struct value *left)
{
	enum quantifier quantifier = c->matcher->quantifier;
	struct value value, *right = NULL;

	if (!has_left)
		return false;
	if (c->operator== OP_EXISTS)
		return true;
	if (c->right) {
		if (!expression_evaluate(ctx, c->right, &value))
			return false;
		right = &value;
	}
	if (right && class_of(right->is_list && right->count ? right->list[0].type : right->type) !=
			 class_of(c->left->type))
		return false;
	if (!left->is_list)
		return holds_value(c, ctx, left, right);

	bool wants_all = (quantifier == QUANTIFY_LIST && c->operator== OP_IN) ||
			 (quantifier == QUANTIFY_ANY_BUT_NE && c->operator== OP_NE);

	for (uint32_t i = 0; i < left->count; i++)
		if (holds_value(c, ctx, &left->list[i], right) != wants_all)
			return !wants_all;
	/* A list without items is within any list; a value that stands for none fits nothing. */
	return wants_all && (left->count > 0 || quantifier == QUANTIFY_LIST);
}

bool comparison_holds(const struct comparison *c, struct field_context *ctx)
{
	struct value left;
	bool has_left = expression_evaluate(ctx, c->left, &left);

	return comparison_holds_for(c, ctx, has_left, &left);
}

bool condition_holds(const struct condition *c, struct field_context *ctx)
{
	switch (c->kind) {
	case CONDITION_AND:
	case CONDITION_OR:
		for (size_t i = 0; i < c->child_count; i++)
			if (condition_holds(c->children[i], ctx) == (c->kind == CONDITION_OR))
				return c->kind == CONDITION_OR;
		return c->kind == CONDITION_AND;
	case CONDITION_NOT:
		return !condition_holds(c->children[0], ctx);
	case CONDITION_COMPARE:
		return comparison_holds(c->comparison, ctx);
	default:
		return c->kind == CONDITION_TRUE;
	}
}

static void release_regex(void *regex)
{
	regex_free(regex);
}

static int build_regex(struct comparison *c, struct matcher *m, struct arena *arena,
		       struct error *err)
{
	const struct operand *o = &c->operands[0];
	char message[256];
	struct regex *regex = regex_new(o->value.str.p ? o->value.str.p : "", o->value.str.n,
					message, sizeof(message));

	if (!regex)
		return error_set_at(err, -EINVAL, o->offset, "'%.*s' is no regular expression: %s",
				    (int)(o->text.n > 80 ? 80 : o->text.n), o->text.p, message);
	arena_on_free(arena, release_regex, regex);
	m->regex = regex;
	return 0;
}

static void build_paths(struct comparison *c, struct matcher *m, struct arena *arena)
{
	struct str *prefixes = ARENA_ARRAY(arena, struct str, c->operand_count);

	for (size_t i = 0; i < c->operand_count; i++)
		prefixes[i] = c->operands[i].value.str;
	m->paths = path_set_new(arena, prefixes, c->operand_count);
}

static enum quantifier quantifier_of(const struct expression *left)
{
	const struct field_use *use = expression_field(left, NULL);

	if (!use || !(use->field->flags & FIELD_ANY_OF))
		return QUANTIFY_LIST;
	/* Both ends of a socket are meant by !=, but any ancestor: Falco's reading of either. */
	return str_starts_with(str_from(use->field->name), STR("fd.")) ? QUANTIFY_ANY_BUT_NE
								       : QUANTIFY_ANY;
}

int matcher_build(struct comparison *c, struct arena *arena, struct error *err)
{
	/* What most comparisons have, which need nothing made ready. */
	static const struct matcher plain[] = {
	    [QUANTIFY_LIST] = {.quantifier = QUANTIFY_LIST},
	    [QUANTIFY_ANY] = {.quantifier = QUANTIFY_ANY},
	    [QUANTIFY_ANY_BUT_NE] = {.quantifier = QUANTIFY_ANY_BUT_NE},
	};
	struct matcher m = {.quantifier = quantifier_of(c->left)}, *kept;
	int r = 0;

	switch (c->right ? OP_EXISTS : c->operator) {
	case OP_IN:
	case OP_INTERSECTS:
		build_set(c, &m, arena);
		break;
	case OP_PMATCH:
		build_paths(c, &m, arena);
		break;
	case OP_ICONTAINS:
		build_folded(&m, c->operands[0].value.str, arena);
		break;
	case OP_REGEX:
		r = build_regex(c, &m, arena, err);
		break;
	default:
		break;
	}
	if (r < 0)
		return r;
	if (!m.set && !m.paths && !m.regex && !m.folded.p) {
		c->matcher = &plain[m.quantifier];
		return 0;
	}
	kept = ARENA_NEW(arena, struct matcher);
	*kept = m;
	c->matcher = kept;
	return 0;
}

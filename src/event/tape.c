/* SPDX-License-Identifier: Apache-2.0 */
#include "event/tape.h"

#include "base/bytes16.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>

/*
 * "[0,0,": no value takes less than two bytes, but for the first, and for lists that are open and
 * whose end may never come.
 */
static uint32_t most_nodes(size_t size)
{
	return (uint32_t)(size / 2 + TAPE_DEPTH_MAX + 2);
}

struct tape *tape_new(size_t size)
{
	struct tape *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->room = most_nodes(size);
	/* Pages that no event ever needs are not there. */
	t->nodes = malloc(t->room * sizeof(*t->nodes));
	if (!t->nodes) {
		free(t);
		return NULL;
	}
	return t;
}

void tape_free(struct tape *t)
{
	if (t)
		free(t->nodes);
	free(t);
}

/* Reading */

struct scan {
	const char *p;
	size_t n;
	size_t i;
	struct tape *tape; /* NULL: it is only checked */
	struct error *err;
};

static __attribute__((cold, noinline)) int wrong(struct scan *s, const char *what)
{
	if (s->i >= s->n)
		return error_set_at(s->err, -ENODATA, s->n, "the JSON ends too early: %s expected",
				    what);
	return error_set_at(s->err, -EBADMSG, s->i, "%s expected at byte %zu of the JSON", what,
			    s->i);
}

static inline void skip_blanks(struct scan *s)
{
	while (s->i < s->n) {
		char c = s->p[s->i];

		if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
			break;
		s->i++;
	}
}

static inline struct tape_node *add(struct scan *s, enum tape_kind kind, size_t at)
{
	struct tape *t = s->tape;
	struct tape_node *node;

	if (!t)
		return NULL;
	node = &t->nodes[t->count++];
	*node = (struct tape_node){.at = (uint32_t)at, .next = t->count, .kind = (uint8_t)kind};
	return node;
}

/* Passes over what needs no look: no quote, backslash, control character or byte of many. */
static inline void skip_plain(struct scan *s)
{
	while (s->n - s->i >= 16) {
		bytes16 v = bytes16_load(s->p + s->i);
		/* Added, 0x20 .. 0x7f become 0 .. 0x5f. */
		bytes16 special = (bytes16)((v - bytes16_all(0x20)) > bytes16_all(0x5f)) |
				  bytes16_equal(v, bytes16_all('"')) |
				  bytes16_equal(v, bytes16_all('\\'));
		uint64_t halves[2];

		memcpy(halves, &special, sizeof(halves));
		if (halves[0]) {
			s->i += (size_t)__builtin_ctzll(halves[0]) / 8;
			return;
		}
		if (halves[1]) {
			s->i += 8 + (size_t)__builtin_ctzll(halves[1]) / 8;
			return;
		}
		s->i += 16;
	}
	while (s->i < s->n) {
		uint8_t c = (uint8_t)s->p[s->i];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			return;
		s->i++;
	}
}

static inline bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int read_escape(struct scan *s)
{
	if (++s->i >= s->n)
		return wrong(s, "an escape");
	if (s->p[s->i] != 'u') {
		if (!memchr("\"\\/bfnrt", s->p[s->i], 8))
			return wrong(s, "an escape");
		s->i++;
		return 0;
	}
	s->i++;
	for (int i = 0; i < 4; i++, s->i++)
		if (s->i >= s->n || !is_hex(s->p[s->i]))
			return wrong(s, "four hexadecimal digits");
	return 0;
}

/* At the opening quote. */
static inline int read_string(struct scan *s)
{
	struct tape_node *node = add(s, TAPE_STRING, s->i + 1);
	bool is_escaped = false;
	int status;

	for (s->i++;;) {
		skip_plain(s);
		if (s->i >= s->n)
			return wrong(s, "the end of a string");
		uint8_t c = (uint8_t)s->p[s->i];

		if (c == '"')
			break;
		if (c == '\\') {
			is_escaped = true;
			status = read_escape(s);
			if (status < 0)
				return status;
		} else if (c < 0x20) {
			return wrong(s, "an escape in place of a control character");
		} else {
			struct str rest = {s->p + s->i, s->n - s->i};
			size_t size = utf8_character(rest);

			if (size == 0 && rest.n < 4) {
				/* A character that more bytes may complete. */
				size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

				if (c >= 0xc2 && c <= 0xf4 && rest.n < want) {
					s->i = s->n;
					return wrong(s, "the rest of a character");
				}
			}
			if (size == 0)
				return wrong(s, "UTF-8");
			s->i += size;
		}
	}
	if (node) {
		node->size = (uint32_t)(s->i - node->at);
		node->is_escaped = is_escaped;
	}
	s->i++;
	return 0;
}

static inline bool is_digit(const struct scan *s)
{
	return s->i < s->n && s->p[s->i] >= '0' && s->p[s->i] <= '9';
}

static int read_digits(struct scan *s)
{
	if (!is_digit(s))
		return wrong(s, "a digit");
	while (is_digit(s))
		s->i++;
	return 0;
}

static inline int read_number(struct scan *s)
{
	struct tape_node *node = add(s, TAPE_NUMBER, s->i);
	size_t start = s->i;
	int status = 0;

	if (s->p[s->i] == '-')
		s->i++;
	if (s->i < s->n && s->p[s->i] == '0')
		s->i++;
	else
		status = read_digits(s);
	if (status == 0 && s->i < s->n && s->p[s->i] == '.') {
		s->i++;
		status = read_digits(s);
	}
	if (status == 0 && s->i < s->n && (s->p[s->i] | 0x20) == 'e') {
		s->i++;
		if (s->i < s->n && (s->p[s->i] == '+' || s->p[s->i] == '-'))
			s->i++;
		status = read_digits(s);
	}
	if (node)
		node->size = (uint32_t)(s->i - start);
	return status;
}

static int read_word(struct scan *s, const char *word, size_t size, enum tape_kind kind)
{
	struct tape_node *node = add(s, kind, s->i);

	for (size_t k = 0; k < size; k++, s->i++)
		if (s->i >= s->n || s->p[s->i] != word[k])
			return wrong(s, "a value");
	if (node)
		node->size = (uint32_t)size;
	return 0;
}

/* A name and the colon behind it. */
static inline int read_name(struct scan *s)
{
	int status;

	skip_blanks(s);
	if (s->i >= s->n || s->p[s->i] != '"')
		return wrong(s, "a name in quotes");
	status = read_string(s);
	if (status < 0)
		return status;
	skip_blanks(s);
	if (s->i >= s->n || s->p[s->i] != ':')
		return wrong(s, "':'");
	s->i++;
	return 0;
}

static inline int read_scalar(struct scan *s, char c)
{
	switch (c) {
	case '"':
		return read_string(s);
	case 't':
		return read_word(s, "true", 4, TAPE_TRUE);
	case 'f':
		return read_word(s, "false", 5, TAPE_FALSE);
	case 'n':
		return read_word(s, "null", 4, TAPE_NULL);
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return wrong(s, "a value");
		return read_number(s);
	}
}

static inline __attribute__((always_inline)) int read_value(struct scan *s)
{
	uint32_t open[TAPE_DEPTH_MAX]; /* nodes that are not closed yet */
	char ends[TAPE_DEPTH_MAX];     /* what closes them */
	unsigned depth = 0;
	int status;

	for (;;) {
		skip_blanks(s);
		if (s->i >= s->n)
			return wrong(s, "a value");
		char c = s->p[s->i];

		if (c == '{' || c == '[') {
			if (depth == TAPE_DEPTH_MAX)
				return error_set_at(s->err, -EBADMSG, s->i,
						    "the JSON is nested deeper than %d",
						    TAPE_DEPTH_MAX);
			if (s->tape)
				open[depth] = s->tape->count;
			add(s, c == '{' ? TAPE_OBJECT : TAPE_ARRAY, s->i);
			ends[depth++] = c == '{' ? '}' : ']';
			s->i++;
			skip_blanks(s);
			if (s->i >= s->n)
				return wrong(s, "a value");
			if (s->p[s->i] != ends[depth - 1]) {
				if (c == '{') {
					status = read_name(s);
					if (status < 0)
						return status;
				}
				continue;
			}
		} else {
			status = read_scalar(s, c);
			if (status < 0)
				return status;
		}
		/* Behind a value, or before the end of an empty one. */
		for (;;) {
			if (depth == 0)
				return 0;
			skip_blanks(s);
			if (s->i >= s->n)
				return wrong(s, "',' or the end of a list");
			c = s->p[s->i];
			if (c == ',') {
				s->i++;
				if (ends[depth - 1] == '}') {
					status = read_name(s);
					if (status < 0)
						return status;
				}
				break;
			}
			if (c != ends[depth - 1])
				return wrong(s,
					     ends[depth - 1] == '}' ? "',' or '}'" : "',' or ']'");
			s->i++;
			depth--;
			if (s->tape) {
				struct tape_node *node = &s->tape->nodes[open[depth]];

				node->size = (uint32_t)(s->i - node->at);
				node->next = s->tape->count;
			}
		}
	}
}

int tape_read(struct tape *t, struct str text, struct error *err)
{
	struct scan s = {.p = text.p, .n = text.n, .tape = t, .err = err};
	int status;

	t->text = text;
	t->count = 0;
	if (most_nodes(text.n) > t->room)
		return error_set(err, -E2BIG, "the JSON is too long");
	status = read_value(&s);
	if (status == 0) {
		skip_blanks(&s);
		if (s.i < s.n)
			status = wrong(&s, "nothing more");
	}
	if (status < 0) {
		t->count = 0;
		return -EBADMSG;
	}
	return 0;
}

int tape_skip(struct str text, size_t from, size_t *start, size_t *end, struct error *err)
{
	struct scan s = {.p = text.p, .n = text.n, .i = from, .err = err};
	int status;

	skip_blanks(&s);
	*start = s.i;
	status = read_value(&s);
	*end = s.i;
	/* More digits may follow. */
	if (status == 0 && s.i == s.n && *start < s.n && strchr("-0123456789", text.p[*start]))
		return -ENODATA;
	return status;
}

size_t tape_skip_blanks(struct str text, size_t from)
{
	struct scan s = {.p = text.p, .n = text.n, .i = from};

	skip_blanks(&s);
	return s.i;
}

/* Strings */

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static size_t put_utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

enum { REPLACEMENT = 0xfffd };

/* \uXXXX at p, which has been checked; half a pair of surrogates becomes U+FFFD. */
static uint32_t read_unicode(const char *p, const char *end, size_t *size)
{
	uint32_t c = hex4(p + 2);

	*size = 6;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
		uint32_t low = hex4(p + 8);

		if (low >= 0xdc00 && low <= 0xdfff) {
			*size = 12;
			return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	return REPLACEMENT;
}

/* One character of a string's text: answers how much of the text it takes. */
static size_t decode(const char *p, const char *end, char *out, size_t *out_size)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	size_t size;

	if (*p != '\\') {
		*out = *p;
		*out_size = 1;
		return 1;
	}
	if (p[1] == 'u') {
		*out_size = put_utf8(read_unicode(p, end, &size), out);
		return size;
	}
	*out = values[strchr(names, p[1]) - names];
	*out_size = 1;
	return 2;
}

/* Never longer than the text. */
static size_t unescape(struct str text, char *out)
{
	const char *end = text.p + text.n;
	size_t n = 0;

	for (const char *p = text.p; p < end;) {
		size_t size;

		p += decode(p, end, out + n, &size);
		n += size;
	}
	return n;
}

static bool equals_escaped(struct str text, struct str wanted)
{
	const char *end = text.p + text.n;
	size_t n = 0;

	for (const char *p = text.p; p < end;) {
		char c[4];
		size_t size;

		p += decode(p, end, c, &size);
		if (size > wanted.n - n || memcmp(c, wanted.p + n, size) != 0)
			return false;
		n += size;
	}
	return n == wanted.n;
}

bool tape_string_is(struct str text, size_t at, struct str wanted)
{
	size_t end = at + 1;

	while (end < text.n && text.p[end] != '"')
		end += text.p[end] == '\\' ? 2 : 1;
	return equals_escaped(str_slice(text, at + 1, end), wanted);
}

/* Finding */

static inline bool name_is(const struct tape *t, const struct tape_node *node, struct str name)
{
	if (__builtin_expect(node->is_escaped, 0))
		return equals_escaped(tape_raw(t, node), name);
	return node->size == name.n && memcmp(t->text.p + node->at, name.p, name.n) == 0;
}

const struct tape_node *tape_get(const struct tape *t, const struct tape_node *object,
				 struct str name)
{
	const struct tape_node *end, *member;

	if (!object || object->kind != TAPE_OBJECT)
		return NULL;
	end = t->nodes + object->next;
	for (member = object + 1; member < end; member = t->nodes + member[1].next)
		if (name_is(t, member, name))
			return member + 1;
	return NULL;
}

static const struct tape_node *item_at(const struct tape *t, const struct tape_node *array,
				       struct str index)
{
	const struct tape_node *item = tape_first(t, array);
	uint64_t n;

	if ((index.n > 1 && index.p[0] == '0') || !index.n || index.p[0] < '0' ||
	    index.p[0] > '9' || !str_to_u64(index, &n))
		return NULL;
	for (; item && n > 0; n--)
		item = tape_next(t, item, array);
	return item;
}

/* A token of a pointer: ~1 means /, ~0 means ~. It is not longer than the token. */
static struct str pointer_name(struct str token, char *memory)
{
	size_t n = 0;

	for (size_t i = 0; i < token.n; i++) {
		char c = token.p[i];

		if (c == '~' && i + 1 < token.n && (token.p[i + 1] == '0' || token.p[i + 1] == '1'))
			c = token.p[++i] == '0' ? '~' : '/';
		memory[n++] = c;
	}
	return (struct str){memory, n};
}

const struct tape_node *tape_pointer(const struct tape *t, struct str pointer)
{
	const struct tape_node *node = t->count ? t->nodes : NULL;
	size_t at = pointer.n && pointer.p[0] == '/';

	if (!pointer.n)
		return node;
	while (node) {
		size_t end = str_find_byte(pointer, '/', at);
		struct str token = str_slice(pointer, at, end);
		char memory[1024];

		if (memchr(token.p, '~', token.n)) {
			if (token.n > sizeof(memory))
				return NULL;
			token = pointer_name(token, memory);
		}
		node =
		    node->kind == TAPE_ARRAY ? item_at(t, node, token) : tape_get(t, node, token);
		if (end >= pointer.n)
			break;
		at = end + 1;
	}
	return node;
}

/* As text */

static void put_escaped(struct str text, struct buffer *out)
{
	const char *end = text.p + text.n;

	buffer_putc(out, '"');
	for (const char *p = text.p; p < end;) {
		char c[4];
		size_t size;

		p += decode(p, end, c, &size);
		if (size > 1) {
			buffer_put(out, (struct str){c, size});
			continue;
		}
		switch (c[0]) {
		case '"':
		case '\\':
			buffer_putc(out, '\\');
			buffer_putc(out, c[0]);
			break;
		case '\n':
			buffer_put(out, STR("\\n"));
			break;
		case '\r':
			buffer_put(out, STR("\\r"));
			break;
		case '\t':
			buffer_put(out, STR("\\t"));
			break;
		case '\b':
			buffer_put(out, STR("\\b"));
			break;
		case '\f':
			buffer_put(out, STR("\\f"));
			break;
		default:
			if ((uint8_t)c[0] < 0x20)
				buffer_printf(out, "\\u%04x", (unsigned)c[0]);
			else
				buffer_putc(out, c[0]);
		}
	}
	buffer_putc(out, '"');
}

static void put_scalar(const struct tape *t, const struct tape_node *node, struct buffer *out)
{
	if (node->kind != TAPE_STRING) {
		buffer_put(out, tape_raw(t, node));
	} else if (node->is_escaped) {
		put_escaped(tape_raw(t, node), out);
	} else {
		buffer_putc(out, '"');
		buffer_put(out, tape_raw(t, node));
		buffer_putc(out, '"');
	}
}

static void new_line(struct buffer *out, unsigned indent, unsigned depth)
{
	if (!indent)
		return;
	buffer_putc(out, '\n');
	for (unsigned i = 0; i < indent * depth; i++)
		buffer_putc(out, ' ');
}

/* A list that is open while its members are printed. */
struct open_list {
	uint32_t end;
	bool is_object, is_first, is_at_name;
};

static void put_separator(struct open_list *list, unsigned indent, unsigned depth,
			  struct buffer *out)
{
	if (list->is_object && !list->is_at_name) {
		buffer_put(out, indent ? STR(": ") : STR(":"));
	} else {
		if (!list->is_first)
			buffer_putc(out, ',');
		new_line(out, indent, depth);
	}
	list->is_first = false;
	list->is_at_name = !list->is_at_name;
}

void tape_print(const struct tape *t, const struct tape_node *node, unsigned indent,
		struct buffer *out)
{
	struct open_list open[TAPE_DEPTH_MAX];
	unsigned depth = 0;

	for (uint32_t i = (uint32_t)(node - t->nodes); !out->is_truncated; i++) {
		const struct tape_node *n = &t->nodes[i];

		while (depth && i == open[depth - 1].end) {
			depth--;
			new_line(out, indent, depth);
			buffer_putc(out, open[depth].is_object ? '}' : ']');
		}
		if (i >= node->next)
			break;
		if (depth)
			put_separator(&open[depth - 1], indent, depth, out);
		if (n->kind < TAPE_ARRAY) {
			put_scalar(t, n, out);
			continue;
		}
		buffer_putc(out, n->kind == TAPE_OBJECT ? '{' : '[');
		if (n->next == i + 1)
			buffer_putc(out, n->kind == TAPE_OBJECT ? '}' : ']');
		else
			open[depth++] = (struct open_list){.end = n->next,
							   .is_object = n->kind == TAPE_OBJECT,
							   .is_first = true,
							   .is_at_name = true};
	}
}

/* No list is longer as compact JSON than it is written: escapes are only ever made shorter. */
bool tape_text(const struct tape *t, const struct tape_node *node, struct arena *scratch,
	       struct str *out)
{
	struct str raw = tape_raw(t, node);
	struct buffer text = {.room = raw.n};

	if (node->kind < TAPE_STRING || (node->kind == TAPE_STRING && !node->is_escaped)) {
		*out = raw;
		return true;
	}
	text.p = arena_bytes(scratch, raw.n ? raw.n : 1);
	if (!text.p)
		return false;
	if (node->kind == TAPE_STRING)
		text.n = unescape(raw, text.p);
	else
		tape_print(t, node, 0, &text);
	*out = buffer_str(&text);
	return true;
}

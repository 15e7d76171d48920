/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/scan.h"

#include <errno.h>

enum char_class {
	CHAR_BLANK = 1 << 0,
	CHAR_ALPHA = 1 << 1,
	CHAR_DIGIT = 1 << 2,
	CHAR_HEX = 1 << 3,
	CHAR_UNDERSCORE = 1 << 4,
	CHAR_NOT_BARE = 1 << 5,
	CHAR_NOT_ARGUMENT = 1 << 6,
};

static unsigned class_of(char c)
{
	unsigned class = 0;

	switch (c) {
	case 'a' ... 'f':
	case 'A' ... 'F':
		return CHAR_ALPHA | CHAR_HEX;
	case 'g' ... 'z':
	case 'G' ... 'Z':
		return CHAR_ALPHA;
	case '0' ... '9':
		return CHAR_DIGIT | CHAR_HEX;
	case '_':
		return CHAR_UNDERSCORE;
	case '\b':
		return CHAR_BLANK;
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		class = CHAR_BLANK;
		/* fall through */
	case '\v':
	case '\f':
	case '"':
	case '\'':
		return class | CHAR_NOT_BARE | CHAR_NOT_ARGUMENT;
	case '(':
	case ')':
	case '=':
	case ',':
		return CHAR_NOT_BARE;
	case '[':
	case ']':
		return CHAR_NOT_ARGUMENT;
	default:
		return 0;
	}
}

/* Length of the run at `from` of characters that have one of `wanted` and none of `unwanted`. */
static size_t run(const struct scanner *s, size_t from, unsigned wanted, unsigned unwanted)
{
	size_t i = from;

	while (i < s->text.n) {
		unsigned class = class_of(s->text.p[i]);

		if ((wanted && !(class & wanted)) || class & unwanted)
			break;
		i++;
	}
	return i - from;
}

static bool take(struct scanner *s, size_t n, struct str *out)
{
	if (n == 0)
		return false;
	if (out)
		*out = str_slice(s->text, s->at, s->at + n);
	s->at += n;
	return true;
}

bool scan_blank(struct scanner *s)
{
	return take(s, run(s, s->at, CHAR_BLANK, 0), NULL);
}

bool scan_text(struct scanner *s, const char *text)
{
	size_t n = strlen(text);

	if (n > s->text.n - s->at || memcmp(s->text.p + s->at, text, n) != 0)
		return false;
	s->at += n;
	return true;
}

static size_t identifier_length(const struct scanner *s, size_t from)
{
	if (run(s, from, CHAR_ALPHA, 0) == 0)
		return 0;
	return run(s, from, CHAR_ALPHA | CHAR_DIGIT | CHAR_UNDERSCORE, 0);
}

bool scan_identifier(struct scanner *s, struct str *out)
{
	return take(s, identifier_length(s, s->at), out);
}

bool scan_field_name(struct scanner *s, struct str *out)
{
	size_t n = identifier_length(s, s->at);
	size_t dots = 0;

	while (n > 0 && s->at + n < s->text.n && s->text.p[s->at + n] == '.') {
		size_t next = identifier_length(s, s->at + n + 1);

		if (next == 0)
			break;
		n += 1 + next;
		dots++;
	}
	return dots > 0 && take(s, n, out);
}

bool scan_bare(struct scanner *s, struct str *out)
{
	return take(s, run(s, s->at, 0, CHAR_NOT_BARE), out);
}

bool scan_bare_argument(struct scanner *s, struct str *out)
{
	return take(s, run(s, s->at, 0, CHAR_NOT_ARGUMENT), out);
}

bool scan_number(struct scanner *s, struct str *out)
{
	struct scanner look = *s;
	size_t n = 0;

	if (scan_text(&look, "0x") || scan_text(&look, "0X")) {
		n = run(&look, look.at, CHAR_HEX, 0);
		if (n > 0)
			return take(s, 2 + n, out);
		look.at = s->at;
	}
	if (scan_peek(&look) == '+' || scan_peek(&look) == '-')
		look.at++;
	n = run(&look, look.at, CHAR_DIGIT, 0);
	if (n == 0)
		return false;
	look.at += n;
	if (scan_peek(&look) == '.') {
		look.at++;
		look.at += run(&look, look.at, CHAR_DIGIT, 0);
	}
	if (scan_peek(&look) == 'e' || scan_peek(&look) == 'E') {
		struct scanner exponent = {look.text, look.at + 1};

		/* The language wants the exponent's sign written. */
		if (scan_peek(&exponent) == '+' || scan_peek(&exponent) == '-') {
			exponent.at++;
			n = run(&exponent, exponent.at, CHAR_DIGIT, 0);
			if (n > 0)
				look.at = exponent.at + n;
		}
	}
	return take(s, look.at - s->at, out);
}

/*
 * The closing quote's position, or text.n. In Falco's reading a quote behind a backslash never
 * closes, even where that backslash is itself escaped; rules in the wild depend on it. Where that
 * reading finds no end the usual one is tried, so that "ends in a backslash\\" can be written.
 */
static size_t find_close(struct str text, size_t open)
{
	char quote = text.p[open];

	for (size_t i = open + 1; i < text.n; i++) {
		if (text.p[i] == quote && text.p[i - 1] != '\\')
			return i;
	}
	for (size_t i = open + 1; i < text.n; i++) {
		if (text.p[i] == '\\')
			i++;
		else if (text.p[i] == quote)
			return i;
	}
	return text.n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Replaces the escapes of raw, whose first byte is at `offset` of the parsed text. */
static int unescape(struct str raw, char quote, size_t offset, struct arena *arena, struct str *out,
		    struct error *err)
{
	char *p = arena_bytes(arena, raw.n + 1);
	size_t n = 0;

	if (!p)
		return error_set_at(err, -ENOMEM, offset, "out of memory");
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] != '\\') {
			p[n++] = raw.p[i];
			continue;
		}
		size_t at = i++;
		char c = i < raw.n ? raw.p[i] : '\0';
		static const char plain[][2] = {{'b', '\b'},  {'f', '\f'}, {'n', '\n'},
						{'r', '\r'},  {'t', '\t'}, {'/', '/'},
						{'\\', '\\'}, {' ', '\\'}};
		size_t k = 0;

		while (k < sizeof(plain) / sizeof(plain[0]) && plain[k][0] != c)
			k++;
		if (k < sizeof(plain) / sizeof(plain[0])) {
			p[n++] = plain[k][1];
		} else if (c == quote) {
			p[n++] = quote;
		} else if (c == '"' || c == '\'') {
			return error_set_at(
			    err, -EINVAL, offset + at,
			    "%c needs no backslash between %c quotes, and may have none", c, quote);
		} else if (c == 'x') {
			int high = i + 1 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
			int low = i + 2 < raw.n ? hex_digit(raw.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return error_set_at(err, -EINVAL, offset + at,
						    "expected two hexadecimal digits after \\x");
			p[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			return error_set_at(err, -EINVAL, offset + at,
					    "unknown escape \\%c; a backslash is written \\\\", c);
		}
	}
	p[n] = '\0';
	*out = (struct str){p, n};
	return 0;
}

int scan_quoted(struct scanner *s, struct arena *arena, struct str *out, struct error *err)
{
	char quote = scan_peek(s);

	if (quote != '"' && quote != '\'')
		return 0;

	size_t close = find_close(s->text, s->at);

	if (close == s->text.n)
		return error_set_at(err, -EINVAL, s->at, "the %c quote that begins here has no end",
				    quote);

	struct str raw = str_slice(s->text, s->at + 1, close);

	if (str_find_byte(raw, '\\', 0) < raw.n) {
		int r = unescape(raw, quote, s->at + 1, arena, out, err);

		if (r < 0)
			return r;
	} else {
		*out = raw;
	}
	s->at = close + 1;
	return 1;
}

struct str scan_found(const struct scanner *s)
{
	size_t n = 0;

	while (s->at + n < s->text.n && n < 32 && !(class_of(s->text.p[s->at + n]) & CHAR_BLANK))
		n++;
	return str_slice(s->text, s->at, s->at + n);
}

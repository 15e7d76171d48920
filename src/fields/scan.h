/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that conditions and outputs are made of. Each function tries to read one kind of word
 * at the scanner's position: where it is there, the position moves behind it; else nothing changes.
 * None looks further back than the position, and all are linear in what they read.
 *
 * The kinds are those of Falco's filter language:
 *
 *   blank       blanks, tabs, backspaces, line ends
 *   identifier  a letter, then letters, digits and _
 *   field name  two or more identifiers joined by dots
 *   bare        one or more of anything but ( ) " ' = , and white space
 *   number      0x and hexadecimal digits, or a decimal number with sign, fraction and exponent
 *   quoted      between two " or two ', with the escapes of scan_quoted
 */
#ifndef SAKER_FIELDS_SCAN_H
#define SAKER_FIELDS_SCAN_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct scanner {
	struct str text;
	size_t at;
};

static inline bool scan_at_end(const struct scanner *s)
{
	return s->at >= s->text.n;
}

/* The next byte, or NUL at the end (a NUL in the text is no word's beginning either). */
static inline char scan_peek(const struct scanner *s)
{
	return s->at < s->text.n ? s->text.p[s->at] : '\0';
}

bool scan_blank(struct scanner *s);
/* Exactly these characters, whatever follows. */
bool scan_text(struct scanner *s, const char *text);
bool scan_identifier(struct scanner *s, struct str *out);
bool scan_field_name(struct scanner *s, struct str *out);
bool scan_bare(struct scanner *s, struct str *out);
/* What may stand unquoted between the [ and ] of a field. */
bool scan_bare_argument(struct scanner *s, struct str *out);
bool scan_number(struct scanner *s, struct str *out);

/*
 * 1: read, *out is the text without quotes and with its escapes replaced (a view where there are
 * none, else in the arena). 0: no quoted text begins here. Negative: it begins but is broken, see
 * err. Escapes: \b \f \n \r \t \\ \/ \xHH and the quote itself; "\ " stands for a backslash.
 */
int scan_quoted(struct scanner *s, struct arena *arena, struct str *out, struct error *err);

/* The word at the position, for "expected ..., found ..." messages; at most 32 bytes of it. */
struct str scan_found(const struct scanner *s);

#endif

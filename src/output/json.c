/* SPDX-License-Identifier: Apache-2.0 */
#include "output/json.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes of the ill-formed start of s that could have begun a character: at least one. */
static size_t broken_length(struct str s)
{
	/* The longest prefix that some continuation bytes would complete. */
	for (size_t n = s.n < 3 ? s.n : 3; n > 1; n--) {
		for (unsigned missing = 1; n + missing <= 4; missing++) {
			for (unsigned fill = 0x80; fill <= 0xbf; fill += 0x3f) {
				char whole[4];

				memcpy(whole, s.p, n);
				memset(whole + n, (int)fill, missing);
				if (utf8_character((struct str){whole, n + missing}) == n + missing)
					return n;
			}
		}
	}
	return 1;
}

static void put_escaped(struct buffer *out, uint8_t c)
{
	static const char short_form[32] = {
	    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

	if (c == '"' || c == '\\') {
		buffer_putc(out, '\\');
		buffer_putc(out, (char)c);
	} else if (short_form[c]) {
		buffer_putc(out, '\\');
		buffer_putc(out, short_form[c]);
	} else {
		buffer_printf(out, "\\u%04x", c);
	}
}

void json_put_string(struct buffer *out, struct str s, size_t most)
{
	size_t plain = 0, i = 0;

	if (s.n > most) {
		s.n = most;
		/* Not through a character. */
		while (s.n > 0 && most - s.n < 4 && ((uint8_t)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
	}
	buffer_putc(out, '"');
	while (i < s.n) {
		uint8_t c = (uint8_t)s.p[i];
		size_t n;

		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			i++;
			continue;
		}
		n = c < 0x80 ? 0 : utf8_character(str_slice(s, i, s.n));
		if (n > 0) {
			i += n;
			continue;
		}
		buffer_put(out, str_slice(s, plain, i));
		if (c < 0x80) {
			put_escaped(out, c);
			i++;
		} else {
			buffer_put(out, STR("\xef\xbf\xbd"));
			i += broken_length(str_slice(s, i, s.n));
		}
		plain = i;
	}
	buffer_put(out, str_slice(s, plain, s.n));
	buffer_putc(out, '"');
}

void json_put_double(struct buffer *out, double v)
{
	char text[40];

	if (!isfinite(v)) {
		buffer_put(out, STR("null"));
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buffer_put(out, str_from(text));
	if (!strpbrk(text, ".e"))
		buffer_put(out, STR(".0"));
}

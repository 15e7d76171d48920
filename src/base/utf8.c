/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

size_t utf8_character(struct str s)
{
	const uint8_t *b = (const uint8_t *)s.p;
	uint8_t least = 0x80, most = 0xbf; /* bounds of the second byte */
	size_t n;

	if (s.n == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		n = 2;
	else if ((b[0] & 0xf0) == 0xe0)
		n = 3;
	else if (b[0] >= 0xf0 && b[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (b[0] == 0xe0)
		least = 0xa0;
	else if (b[0] == 0xed)
		most = 0x9f;
	else if (b[0] == 0xf0)
		least = 0x90;
	else if (b[0] == 0xf4)
		most = 0x8f;
	if (s.n < n || b[1] < least || b[1] > most)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t utf8_valid_prefix(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t n = utf8_character(str_slice(s, i, s.n));

		if (n == 0)
			break;
		i += n;
	}
	return i;
}

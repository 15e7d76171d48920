/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes in an alert: JSON can be parsed and, where they are UTF-8, gives them back; text is one
 * line that no terminal minds. The first byte is the limit of strings.
 */
#include "base/utf8.h"
#include "output/alert.h"
#include "output/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 20 };

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static json_t *parse(const struct buffer *line)
{
	json_t *value = json_loadb(line->p, line->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	require(value, "no JSON");
	return value;
}

static void check_string(struct str text, size_t most)
{
	static char memory[ROOM];
	struct buffer line = BUFFER(memory);
	struct str got;
	json_t *value;

	json_put_string(&line, text, most);
	require(!line.is_truncated, "longer than six times the text");
	value = parse(&line);
	got = (struct str){json_string_value(value), json_string_length(value)};
	if (utf8_valid_prefix(text) == text.n) {
		require(str_starts_with(text, got), "another text");
		require(got.n == text.n || got.n <= most, "longer than its limit");
		require(got.n + 4 > (most < text.n ? most : text.n), "shorter than its limit");
	}
	json_decref(value);
}

static void check_lines(struct str text)
{
	static char memory[ROOM];
	struct alert_options options = {.hostname = "host"};
	struct alert_fact facts[] = {{STR("b"), STR("1")}, {STR("a"), STR("\"x\"")}};

	for (int is_json = 0; is_json < 2; is_json++) {
		struct buffer line = BUFFER(memory);

		options.is_json = is_json;
		/* Text has names as they are; jansson takes no NUL in them. */
		facts[1].name = is_json && str_find_byte(text, '\0', 0) == text.n ? text : STR("a");
		alert_format_internal(&options, 0, SEVERITY_DEBUG, text, text, facts, 2, &line);
		for (size_t i = 0; i < line.n; i++)
			require((uint8_t)line.p[i] >= 0x20 || line.p[i] == '\t',
				"a control character");
		if (is_json)
			json_decref(parse(&line));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text;

	if (size == 0 || size > ROOM / 64)
		return 0;
	text = (struct str){(const char *)data + 1, size - 1};
	check_string(text, SIZE_MAX);
	check_string(text, data[0]);
	check_lines(text);
	return 0;
}

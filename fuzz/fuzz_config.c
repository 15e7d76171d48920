/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between NULs: a configuration file, assignments (one a line), a further file (its first byte
 * chooses the strategy), what the environment says of FUZZ_A and FUZZ_B, and text of -p.
 */
#include "app/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str next_part(struct str *rest)
{
	size_t end = str_find_byte(*rest, '\0', 0);
	struct str part = str_slice(*rest, 0, end);

	*rest = str_slice(*rest, end + 1, rest->n);
	return part;
}

static char *copy(struct str text)
{
	char *c = malloc(text.n + 1);

	if (!c)
		abort();
	if (text.n)
		memcpy(c, text.p, text.n);
	c[text.n] = '\0';
	return c;
}

static void set_variable(const char *name, struct str value)
{
	char *text = copy(value);

	setenv(name, text, 1);
	free(text);
}

static void set_all(struct config *c, struct str lines)
{
	struct error err;

	while (lines.n > 0) {
		size_t n = str_find_byte(lines, '\n', 0);
		char *line = copy(str_slice(lines, 0, n));

		config_set(c, line, &err);
		free(line);
		lines = str_slice(lines, n + 1, lines.n);
	}
}

static void count_key(const char *key, void *to)
{
	if (!*key)
		abort();
	++*(size_t *)to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct str main = next_part(&rest), assignments = next_part(&rest),
		   further = next_part(&rest), a = next_part(&rest), b = next_part(&rest),
		   more = next_part(&rest);
	struct config *c = config_new(), *defaults = config_new();
	size_t told = 0;
	struct error err;
	char *text;

	set_variable("FUZZ_A", a);
	set_variable("FUZZ_B", b);
	config_read_text(c, "fuzz.yaml", main, &err);
	if (further.n > 0)
		config_merge_text(c, "more.yaml", str_slice(further, 1, further.n),
				  (enum merge_strategy)((uint8_t)further.p[0] % 3), &err);
	set_all(c, assignments);
	if (config_finish(c) == 0 && c->buf_size_preset > 10)
		abort();
	text = copy(more);
	config_print_more(c, text);
	free(config_dump(c));
	config_finish(defaults);
	if (config_restart_keys(defaults, c, count_key, &told) != told)
		abort();
	free(text);
	config_free(defaults);
	config_free(c);
	return 0;
}

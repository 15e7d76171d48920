/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file and, behind the first NUL, assignments, one a line. */
#include "app/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size};
	size_t end = str_find_byte(all, '\0', 0);
	struct str rest = str_slice(all, end + 1, size);
	struct config *c = config_new();
	struct error err;

	config_read_text(c, "fuzz.yaml", str_slice(all, 0, end), &err);
	while (rest.n > 0) {
		size_t n = str_find_byte(rest, '\n', 0);
		char *line = malloc(n + 1);

		if (!line)
			abort();
		memcpy(line, rest.p, n);
		line[n] = '\0';
		config_set(c, line, &err);
		free(line);
		rest = str_slice(rest, n + 1, rest.n);
	}
	if (config_finish(c) == 0 && c->buf_size_preset > 10)
		abort();
	config_free(c);
	return 0;
}

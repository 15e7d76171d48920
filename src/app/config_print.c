/* SPDX-License-Identifier: Apache-2.0 */
/* The table of configuration keys as a page of documentation; a configuration as one line. */
#include "app/config_schema.h"
#include "base/cleanup.h"
#include "output/json.h"

#include <stdlib.h>

/* Every scalar in double quotes, whose escapes are those of JSON. */
static void dump(FILE *out, const struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR) {
		size_t room = 6 * node->text.n + 16;
		CLEANUP_FREE char *memory = malloc(room);
		struct buffer b = {.p = memory, .room = room};

		if (!memory)
			abort();
		if (yaml_is_null(node)) {
			fputs("null", out);
			return;
		}
		json_put_string(&b, node->text, SIZE_MAX);
		fwrite(b.p, 1, b.n, out);
		return;
	}
	fputc(node->kind == YAML_MAPPING ? '{' : '[', out);
	for (uint32_t i = 0; i < node->count; i++) {
		fputs(i ? ", " : "", out);
		if (node->kind == YAML_SEQUENCE) {
			dump(out, node->items[i]);
		} else {
			dump(out, node->pairs[i].key);
			fputs(": ", out);
			dump(out, node->pairs[i].value);
		}
	}
	fputc(node->kind == YAML_MAPPING ? '}' : ']', out);
}

char *config_dump(const struct config *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	dump(out, c->root);
	if (fclose(out) != 0)
		abort();
	return text;
}

void config_print_markdown(FILE *out)
{
	fputs("# Configuration\n\nMade by `make docs` from the program's own table. Any key can be "
	      "set on the command line, too: `-o engine.modern_ebpf.buf_size_preset=5`.\n\n"
	      "| key | type | default | meaning |\n|---|---|---|---|\n",
	      out);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->is_later || row->why)
			continue;
		fprintf(out, "| `%s` | %s", row->key, config_type_name(row->type));
		for (size_t k = 0; row->choices && row->choices[k]; k++)
			fprintf(out, "%s `%s`", k ? "," : ":", row->choices[k]);
		if (row->type == CONFIG_NUMBER)
			fprintf(out, " from %llu to %llu", (unsigned long long)row->least,
				(unsigned long long)row->most);
		fprintf(out, " | `%s` | %s |\n", row->fallback, row->description);
	}
	fputs("\n## Read, checked, without effect in this version\n\n"
	      "Files that users have hold these keys. They are accepted; one that is set to "
	      "something else than its default is named in a warning at the start.\n\n"
	      "| key | default |\n|---|---|\n",
	      out);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!(row->is_later || row->why))
			continue;
		fprintf(out, "| `%s` | `", row->key);
		for (const char *p = row->fallback; *p; p++)
			fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
		fputs("` |\n", out);
	}
}

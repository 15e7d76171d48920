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

/* Bars would end a table's cell, and a code span cannot be empty. */
static void print_code(FILE *out, const char *text)
{
	fputs(*text ? "`" : "", out);
	for (const char *p = text; *p; p++)
		fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
	fputs(*text ? "`" : "empty", out);
}

static void print_row(FILE *out, const struct config_row *row)
{
	fprintf(out, "| `%s` | %s", row->key, config_type_name(row->type));
	for (size_t k = 0; row->choices && row->choices[k]; k++)
		fprintf(out, "%s `%s`", k ? "," : ":", row->choices[k]);
	if (row->type == CONFIG_NUMBER || row->type == CONFIG_REAL)
		fprintf(out, " from %llu to %llu", (unsigned long long)row->least,
			(unsigned long long)row->most);
	fputs(" | ", out);
	print_code(out, row->fallback);
	fprintf(out, " | %s%s |\n", row->description,
		row->at_start_only ? " A change takes effect at the next start." : "");
}

void config_print_markdown(FILE *out)
{
	fputs("# Configuration\n\nMade by `make docs` from the program's own table; "
	      "[how it is read](../configuration.md). Any key can be set on the command line, too: "
	      "`-o engine.modern_ebpf.buf_size_preset=5`.\n\n"
	      "| key | type | default | meaning |\n|---|---|---|---|\n",
	      out);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!row->why && !row->current)
			print_row(out, row);
	}
	fputs(
	    "\n## Older names\n\nThey are read as the newer ones, with a warning; only one of the "
	    "two may be set.\n\n| key | newer name |\n|---|---|\n",
	    out);
	for (size_t i = 0; i < config_row_count; i++)
		if (config_rows[i].current)
			fprintf(out, "| `%s` | `%s` |\n", config_rows[i].key,
				config_rows[i].current);
	fputs("\n## Without effect\n\nFiles that users have hold these keys. They are accepted and "
	      "checked; where one is set to something else than its default, a warning says why it "
	      "has no effect.\n\n| key | default | why |\n|---|---|---|\n",
	      out);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!row->why)
			continue;
		fprintf(out, "| `%s` | ", row->key);
		print_code(out, row->fallback);
		fprintf(out, " | %s |\n", row->why);
	}
}

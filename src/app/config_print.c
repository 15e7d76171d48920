/* SPDX-License-Identifier: Apache-2.0 */
/* The table of configuration keys as JSON schema and as a page of documentation. */
#include "app/config_schema.h"
#include "base/cleanup.h"
#include "output/json.h"

#include <stdlib.h>

static void print_string(FILE *out, const char *text)
{
	char memory[4096];
	struct buffer b = BUFFER(memory);

	json_put_string(&b, str_from(text), SIZE_MAX);
	fwrite(b.p, 1, b.n, out);
}

static void print_type(FILE *out, const struct config_row *row)
{
	switch (row->type) {
	case CONFIG_BOOL:
		fprintf(out, "\"type\":\"boolean\",\"default\":%s", row->fallback);
		break;
	case CONFIG_NUMBER:
		fprintf(out, "\"type\":\"integer\",\"default\":%s,\"minimum\":%llu", row->fallback,
			(unsigned long long)row->least);
		if (row->most != UINT64_MAX)
			fprintf(out, ",\"maximum\":%llu", (unsigned long long)row->most);
		break;
	case CONFIG_REAL:
		fprintf(out, "\"type\":\"number\",\"default\":%s", row->fallback);
		break;
	case CONFIG_DURATION:
	case CONFIG_STRING:
		fputs("\"type\":\"string\",\"default\":", out);
		print_string(out, row->fallback);
		break;
	case CONFIG_STRINGS:
		fputs("\"type\":[\"array\",\"string\"],\"items\":{\"type\":\"string\"}", out);
		break;
	case CONFIG_CHOICE:
	case CONFIG_SEVERITY:
		fputs("\"type\":\"string\",\"default\":", out);
		print_string(out, row->fallback);
		fputs(",\"enum\":[", out);
		for (size_t i = 0; row->choices[i]; i++) {
			fputs(i ? "," : "", out);
			print_string(out, row->choices[i]);
		}
		fputc(']', out);
		break;
	case CONFIG_CHOICES:
		fputs("\"type\":[\"array\",\"string\"],\"items\":{\"enum\":[", out);
		for (size_t i = 0; row->choices[i]; i++) {
			fputs(i ? "," : "", out);
			print_string(out, row->choices[i]);
		}
		fputs("]}", out);
		break;
	case CONFIG_MAP:
	case CONFIG_LIST:
		fputs("\"type\":[\"object\",\"array\"]", out);
		break;
	}
	fputs(",\"description\":", out);
	print_string(out, row->description);
}

static bool is_below(const struct config_row *row, struct str prefix)
{
	return str_starts_with(str_from(row->key), prefix);
}

/* The members of the map whose keys begin with prefix ("", "engine.", "plugins[]."). */
static void print_members(FILE *out, struct str prefix)
{
	bool is_first = true;

	fputs("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{", out);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		struct str rest, name, below;
		bool is_known = false;

		if (!is_below(row, prefix))
			continue;
		rest = str_slice(str_from(row->key), prefix.n, SIZE_MAX);
		name = str_slice(rest, 0, str_find_byte(rest, '.', 0));
		if (str_ends_with(name, STR("[]")))
			continue; /* printed with the list itself */
		below = (struct str){row->key, prefix.n + name.n};
		for (size_t k = 0; k < i && !is_known; k++)
			is_known = is_below(&config_rows[k], below) &&
				   (config_rows[k].key[below.n] == '.' ||
				    config_rows[k].key[below.n] == '\0');
		if (is_known)
			continue;
		fputs(is_first ? "" : ",", out);
		is_first = false;
		fprintf(out, "\"%.*s\":", STR_ARG(name));
		if (name.n < rest.n) {
			print_members(out, (struct str){below.p, below.n + 1});
		} else if (row->type == CONFIG_LIST) {
			char items[96];

			snprintf(items, sizeof(items), "%s[].", row->key);
			fputs("{\"type\":\"array\",\"items\":", out);
			print_members(out, str_from(items));
			fputs(",\"description\":", out);
			print_string(out, row->description);
			fputc('}', out);
		} else {
			fputc('{', out);
			print_type(out, row);
			fputc('}', out);
		}
	}
	fputs("}}", out);
}

void config_print_schema(FILE *out)
{
	print_members(out, STR(""));
	fputc('\n', out);
}

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

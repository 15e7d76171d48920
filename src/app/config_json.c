/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of configuration keys as JSON schema. It says what the checks say of values in their
 * plain form; beside that they take numbers in quotes and names in any case.
 */
#include "app/config_schema.h"

#include <jansson.h>

#define SCALARS "string", "number", "boolean"
#define TRUTH "^([yY]|[yY]es|YES|[tT]rue|TRUE|[oO]n|ON|[nN]|[nN]o|NO|[fF]alse|FALSE|[oO]ff|OFF)$"
#define DURATION                                                                                   \
	"^([0-9]{1,10}y)?([0-9]{1,10}w)?([0-9]{1,10}d)?([0-9]{1,10}h)?([0-9]{1,10}m)?"             \
	"([0-9]{1,10}s)?([0-9]{1,10}ms)?$"

static json_t *choices_of(const struct config_row *row)
{
	json_t *choices = json_array();

	for (size_t i = 0; row->choices[i]; i++)
		json_array_append_new(choices, json_string(row->choices[i]));
	return choices;
}

/* A choice among words, or nothing. */
static json_t *choice_schema(const struct config_row *row)
{
	json_t *choices = choices_of(row);

	json_array_append_new(choices, json_null());
	return json_pack("{s:o}", "enum", choices);
}

static json_t *type_schema(const struct config_row *row)
{
	switch (row->type) {
	case CONFIG_BOOL:
		return json_pack("{s:[sss], s:s}", "type", "boolean", "string", "null", "pattern",
				 TRUTH);
	case CONFIG_NUMBER:
		return json_pack("{s:[ss], s:I, s:I}", "type", "integer", "null", "minimum",
				 (json_int_t)row->least, "maximum", (json_int_t)row->most);
	case CONFIG_REAL:
		return json_pack("{s:[ss], s:I, s:I}", "type", "number", "null", "minimum",
				 (json_int_t)row->least, "maximum", (json_int_t)row->most);
	case CONFIG_DURATION:
		return json_pack("{s:[sss], s:s, s:i, s:I}", "type", "string", "integer", "null",
				 "pattern", DURATION, "minLength", 2, "minimum",
				 (json_int_t)row->least);
	case CONFIG_STRING:
		return json_pack("{s:[ssss]}", "type", SCALARS, "null");
	case CONFIG_STRINGS:
		return json_pack("{s:[sssss], s:{s:[ssss]}}", "type", "array", SCALARS, "null",
				 "items", "type", SCALARS, "null");
	case CONFIG_CHOICE:
	case CONFIG_SEVERITY:
		return choice_schema(row);
	case CONFIG_CHOICES:
		return json_pack("{s:[{s:s, s:{s:o}}, o]}", "anyOf", "type", "array", "items",
				 "enum", choices_of(row), choice_schema(row));
	case CONFIG_MAP:
	case CONFIG_LIST:
		break;
	}
	return row->schema ? json_loads(row->schema, 0, NULL) : json_object();
}

static void add_default(json_t *schema, const struct config_row *row)
{
	json_t *value = NULL;

	if (row->current || row->type == CONFIG_MAP || row->type == CONFIG_LIST)
		return;
	if (row->type == CONFIG_BOOL || row->type == CONFIG_NUMBER || row->type == CONFIG_REAL)
		value = json_loads(row->fallback, JSON_DECODE_ANY, NULL);
	else if (row->type != CONFIG_STRINGS && row->type != CONFIG_CHOICES)
		value = json_string(row->fallback);
	if (value)
		json_object_set_new(schema, "default", value);
}

static json_t *row_schema(const struct config_row *row)
{
	json_t *schema = type_schema(row);
	const char *text = row->why ? row->why : row->description;

	json_object_set_new(schema, "description",
			    row->why ? json_sprintf("No effect: %s.", text) : json_string(text));
	add_default(schema, row);
	return schema;
}

/* The map whose keys begin with prefix ("", "engine.", "plugins[]."). */
static json_t *map_schema(struct str prefix)
{
	json_t *properties = json_object(), *required = json_array(), *schema;

	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		struct str key = str_from(row->key), rest, name;
		char text[96];

		if (!str_starts_with(key, prefix))
			continue;
		rest = str_slice(key, prefix.n, key.n);
		name = str_slice(rest, 0, str_find_byte(rest, '.', 0));
		snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
		/* Items are printed with the list itself. */
		if (str_ends_with(name, STR("[]")) || json_object_get(properties, text))
			continue;
		if (name.n < rest.n) {
			json_object_set_new(properties, text,
					    map_schema(str_slice(key, 0, prefix.n + name.n + 1)));
			continue;
		}
		schema = row_schema(row);
		if (row->type == CONFIG_LIST) {
			char items[96];

			snprintf(items, sizeof(items), "%s[].", row->key);
			json_object_set_new(schema, "type", json_pack("[ss]", "array", "null"));
			json_object_set_new(schema, "items", map_schema(str_from(items)));
		}
		json_object_set_new(properties, text, schema);
		if (row->is_required)
			json_array_append_new(required, json_string(text));
	}
	/* A map may be left empty, an item of a list may not. */
	schema = json_pack("{s:o, s:b, s:o}", "type",
			   prefix.n > 3 && str_ends_with(prefix, STR("[]."))
			       ? json_string("object")
			       : json_pack("[ss]", "object", "null"),
			   "additionalProperties", 0, "properties", properties);
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}

void config_print_schema(FILE *out)
{
	json_t *schema = map_schema(STR(""));

	json_object_set_new(schema, "$schema",
			    json_string("http://json-schema.org/draft-06/schema#"));
	json_object_set_new(schema, "title", json_string("Configuration"));
	json_dumpf(schema, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(schema);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Those keys of the configuration that are lists of maps, or maps of any keys. */
#include "app/config_schema.h"
#include "app/config_tree.h"

#include "app/list.h"
#include "base/cleanup.h"
#include "fields/field.h"
#include "fields/scan.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static const char *text_of(struct config *c, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);

	if (!node || node->kind != YAML_SCALAR || yaml_is_null(node))
		return NULL;
	return arena_cstr(c->arena, node->text);
}

static void take_selections(struct config *c, const struct yaml_node *list)
{
	c->selections = ARENA_ARRAY(c->arena, struct rules_selection, 2 * list->count);
	c->selection_count = 0;
	for (uint32_t i = 0; i < list->count; i++) {
		for (int enable = 1; enable >= 0; enable--) {
			const char *key = enable ? "enable" : "disable";
			const struct yaml_node *what = yaml_get(list->items[i], key);
			struct rules_selection selection = {.enable = enable};

			if (!what)
				continue;
			selection.rule = text_of(c, what, "rule");
			selection.tag = text_of(c, what, "tag");
			if (selection.rule || selection.tag)
				c->selections[c->selection_count++] = selection;
			else
				config_say(c, SEVERITY_ERROR, what,
					   "rules[].%s: expected `rule: NAME` or `tag: TAG`", key);
		}
	}
}

/* Entries are names of fields, or maps of a name to a text with fields. */
static void take_extra_fields(struct config *c, const struct yaml_node *list,
			      struct rules_append *append)
{
	struct rules_extra_field *fields;
	size_t most = 0, n = 0;

	if (!list || yaml_is_null(list))
		return;
	for (uint32_t i = 0; list->kind == YAML_SEQUENCE && i < list->count; i++)
		most += list->items[i]->kind == YAML_MAPPING ? list->items[i]->count : 1;
	fields = ARENA_ARRAY(c->arena, struct rules_extra_field, most);
	for (uint32_t i = 0; list->kind == YAML_SEQUENCE && i < list->count; i++) {
		const struct yaml_node *item = list->items[i];

		if (item->kind == YAML_SCALAR)
			fields[n++].name = arena_cstr(c->arena, item->text);
		for (uint32_t k = 0; item->kind == YAML_MAPPING && k < item->count; k++) {
			const struct yaml_pair *pair = &item->pairs[k];

			if (pair->key->kind == YAML_SCALAR && pair->value->kind == YAML_SCALAR)
				fields[n++] = (struct rules_extra_field){
				    arena_cstr(c->arena, pair->key->text),
				    arena_cstr(c->arena, pair->value->text)};
			else
				config_say_expected(c, "append_output[].extra_fields", pair->value,
						    "`NAME: TEXT`");
		}
		if (item->kind == YAML_SEQUENCE)
			config_say_expected(c, "append_output[].extra_fields", item,
					    "a field, or `NAME: TEXT`");
	}
	if (list->kind != YAML_SEQUENCE)
		config_say_expected(c, "append_output[].extra_fields", list, "a list");
	append->extra_fields = fields;
	append->extra_field_count = n;
}

static void take_appends(struct config *c, const struct yaml_node *list)
{
	c->appends = ARENA_ARRAY(c->arena, struct rules_append, list->count);
	c->append_count = 0;
	c->append_suggests = ARENA_ARRAY(c->arena, bool, list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct yaml_node *match = yaml_get(list->items[i], "match"), *tags,
				       *suggested;
		bool flag, suggests;
		struct rules_append append = {.format = text_of(c, list->items[i], "extra_output")};

		if (match) {
			struct string_list wanted = {0};

			append.rule = text_of(c, match, "rule");
			append.source = text_of(c, match, "source");
			tags = yaml_get(match, "tags");
			if (tags)
				config_take_strings(c, "append_output[].match.tags", tags, &wanted);
			append.tags = wanted.items;
			append.tag_count = wanted.count;
		}
		take_extra_fields(c, yaml_get(list->items[i], "extra_fields"), &append);
		if (append.rule && append.tag_count)
			config_say(
			    c, SEVERITY_WARNING, match,
			    "append_output[].match: the rule \"%s\" gets this only if it has "
			    "all of the tags",
			    append.rule);
		suggested = yaml_get(list->items[i], "suggested_output");
		suggests = suggested && yaml_bool(suggested, &flag) && flag;
		if (append.format || append.extra_field_count || suggests) {
			c->append_suggests[c->append_count] = suggests;
			c->appends[c->append_count++] = append;
		}
	}
}

/* As what stands behind "static." in conditions and outputs. */
static bool is_part_of_field(struct str name)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct scanner s = {.text = arena_printf(arena, "static.%.*s", STR_ARG(name))};
	struct str field;

	return scan_field_name(&s, &field) && field.n == s.text.n;
}

static void take_static_fields(struct config *c, const struct yaml_node *map)
{
	if (map->kind != YAML_MAPPING) {
		config_say_expected(c, "static_fields", map, "a map of names and values");
		return;
	}
	c->static_fields = ARENA_ARRAY(c->arena, struct rules_static_field, map->count);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct yaml_pair *pair = &map->pairs[i];

		if (!is_part_of_field(pair->key->text))
			config_say_expected(c, "static_fields", pair->key,
					    "a name of letters, digits, dots and underscores that "
					    "begins with a letter");
		else if (pair->key->kind == YAML_SCALAR && pair->value->kind == YAML_SCALAR)
			c->static_fields[c->static_field_count++] =
			    (struct rules_static_field){arena_cstr(c->arena, pair->key->text),
							arena_cstr(c->arena, pair->value->text)};
		else
			config_say_expected(c, "static_fields", pair->value, "a string");
	}
}

/* As a plugin gets it: numbers and truth values as such, everything else as strings. */
static json_t *json_of(const struct yaml_node *node)
{
	json_t *json;
	int64_t number;
	double real;
	bool flag;

	switch (node->kind) {
	case YAML_MAPPING:
		json = json_object();
		for (uint32_t i = 0; i < node->count; i++)
			if (node->pairs[i].key->kind == YAML_SCALAR)
				json_object_set_new_nocheck(json, node->pairs[i].key->text.p,
							    json_of(node->pairs[i].value));
		return json;
	case YAML_SEQUENCE:
		json = json_array();
		for (uint32_t i = 0; i < node->count; i++)
			json_array_append_new(json, json_of(node->items[i]));
		return json;
	}
	if (yaml_is_null(node))
		return json_null();
	if (node->style == YAML_PLAIN && str_to_i64(node->text, &number))
		return json_integer(number);
	if (node->style == YAML_PLAIN && yaml_real(node, &real))
		return json_real(real);
	if (node->style == YAML_PLAIN && yaml_bool(node, &flag))
		return json_boolean(flag);
	return json_stringn_nocheck(node->text.p, node->text.n);
}

static const char *json_text_of(struct config *c, const char *key, const struct yaml_node *node)
{
	const char *kept;
	json_t *json;
	char *text;

	if (!node || yaml_is_null(node))
		return "";
	if (node->kind == YAML_SCALAR)
		return arena_cstr(c->arena, node->text);
	if (node->kind == YAML_SEQUENCE) {
		config_say_expected(c, key, node, "a map or a string");
		return "";
	}
	json = json_of(node);
	text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	kept = text ? arena_cstr(c->arena, str_from(text)) : "";
	if (!text)
		config_say(c, SEVERITY_ERROR, node, "%s: is not UTF-8", key);
	free(text);
	json_decref(json);
	return kept;
}

static void take_plugins(struct config *c, const struct yaml_node *list)
{
	c->plugins = ARENA_ARRAY(c->arena, struct config_plugin, list->count);
	c->plugin_count = 0;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct yaml_node *item = list->items[i];
		struct config_plugin plugin = {
		    .name = text_of(c, item, "name"),
		    .library_path = text_of(c, item, "library_path"),
		    .init_config =
			json_text_of(c, "plugins[].init_config", yaml_get(item, "init_config")),
		};
		const char *params = text_of(c, item, "open_params");

		if (item->kind != YAML_MAPPING)
			continue;
		plugin.open_params = params ? arena_cstr(c->arena, str_trim(str_from(params))) : "";
		if (!plugin.name || !plugin.library_path)
			config_say(c, SEVERITY_ERROR, item, "plugins[]: %s is missing",
				   plugin.name ? "library_path" : "name");
		else
			c->plugins[c->plugin_count++] = plugin;
	}
}

/* What is known of a plugin without its library. */
static void tell_of_plugin(struct config *c, const struct config_plugin *plugin,
			   const struct yaml_node *where)
{
	static const char *const built_in[] = {"container", "k8saudit", "k8smeta", "json"};

	for (size_t i = 0; i < sizeof(built_in) / sizeof(*built_in); i++)
		if (strcmp(plugin->name, built_in[i]) == 0)
			return;
	config_say(c, SEVERITY_WARNING, where,
		   "plugin %s is not loaded: libraries of plugins cannot be; rules for its events "
		   "are left out",
		   plugin->name);
}

/* What the container plugin suggests for the outputs of rules for system calls. */
static const char container_output[] = "container_id=%container.id container_name=%container.name "
				       "container_image_repository=%container.image.repository "
				       "container_image_tag=%container.image.tag";
static const char kubernetes_output[] = "k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name";
/* What the plugin k8smeta does. */
static const char k8smeta_output[] =
    "k8smeta_pod_name=%k8smeta.pod.name k8smeta_ns_name=%k8smeta.ns.name";

static bool has_plugin(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->plugin_count; i++)
		if (strcmp(c->plugins[i].name, name) == 0)
			return true;
	return false;
}

/* static_NAME=%static.NAME of all static fields; NULL: there are none. */
static const char *static_output(struct config *c)
{
	struct str text = {NULL, 0};

	for (size_t i = 0; i < c->static_field_count; i++) {
		const char *name = c->static_fields[i].name;
		struct str as_key = arena_str(c->arena, str_from(name));
		char *dot = (char *)(uintptr_t)as_key.p;

		while ((dot = strchr(dot, '.')))
			*dot = '_';
		text = arena_printf(c->arena, "%.*s%sstatic_%s=%%static.%s", STR_ARG(text),
				    text.n ? " " : "", as_key.p, name);
	}
	return text.p;
}

static void add_suggestion(struct rules_append *to, size_t *count, const struct rules_append *of,
			   const char *format, const char *source)
{
	struct rules_append append = *of;

	if (!format || (append.source && source && strcmp(append.source, source) != 0))
		return;
	append.format = format;
	if (source)
		append.source = source;
	append.extra_field_count = 0;
	to[(*count)++] = append;
}

void config_suggest_outputs(struct config *c)
{
	bool suggests_alone = true;
	const char *of_statics = static_output(c), *of_container = NULL, *of_pods = NULL;
	struct rules_append alone = {0}, *appends;
	size_t count = 0;

	if (has_plugin(c, "container"))
		of_container =
		    arena_printf(c->arena, "%s %s", container_output, kubernetes_output).p;
	if (has_plugin(c, "k8smeta"))
		of_pods = k8smeta_output;
	if (!of_container && !of_pods && !of_statics)
		return;
	if (!config_find(c, "append_output")) {
		c->appends = &alone;
		c->append_suggests = &suggests_alone;
		c->append_count = 1;
	}
	appends = ARENA_ARRAY(c->arena, struct rules_append, 4 * c->append_count);
	for (size_t i = 0; i < c->append_count; i++) {
		const struct rules_append *append = &c->appends[i];

		appends[count++] = *append;
		if (!c->append_suggests[i])
			continue;
		add_suggestion(appends, &count, append, of_statics, NULL);
		add_suggestion(appends, &count, append, of_container, "syscall");
		add_suggestion(appends, &count, append, of_pods, "syscall");
	}
	c->appends = appends;
	c->append_suggests = NULL;
	c->append_count = count;
}

void config_print_more(struct config *c, const char *what)
{
	bool is_kubernetes = strcmp(what, "k") == 0 || strcmp(what, "kubernetes") == 0;
	bool is_container = strcmp(what, "c") == 0 || strcmp(what, "container") == 0;
	struct rules_append *appends =
	    ARENA_ARRAY(c->arena, struct rules_append, c->append_count + 1);
	struct rules_append append = {.format = what};

	if (c->append_count)
		memcpy(appends, c->appends, c->append_count * sizeof(*appends));
	if (is_container || is_kubernetes) {
		/* The plugin has said it already. */
		if (has_plugin(c, "container"))
			return;
		append.source = "syscall";
		append.format =
		    arena_printf(c->arena, "%s%s%s", container_output, is_kubernetes ? " " : "",
				 is_kubernetes ? kubernetes_output : "")
			.p;
	}
	appends[c->append_count++] = append;
	c->appends = appends;
}

uint32_t config_loaded_sources(const struct config *c)
{
	return SOURCE_BIT(SOURCE_SYSCALL) |
	       (has_plugin(c, "k8saudit") ? SOURCE_BIT(SOURCE_K8S_AUDIT) : 0);
}

static int sources_by_name(const struct config *c, const struct string_list *names,
			   const char *verb, uint32_t *out, struct error *err)
{
	*out = 0;
	for (size_t i = 0; i < names->count; i++) {
		uint32_t bit = 0;

		for (int k = 0; k < SOURCE_COUNT; k++)
			if (strcmp(names->items[i], event_source_name(k)) == 0)
				bit = SOURCE_BIT(k);
		if (!(bit & config_loaded_sources(c)))
			return error_set(err, -EINVAL,
					 "%s: there is no event source of that name: %s", verb,
					 names->items[i]);
		*out |= bit;
	}
	return 0;
}

int config_choose_sources(struct config *c, const struct string_list *enable,
			  const struct string_list *disable, struct error *err)
{
	uint32_t named;
	int status;

	/* Of a capture, all events are judged. */
	if (c->engine_kind == ENGINE_REPLAY)
		return 0;
	status =
	    sources_by_name(c, enable->count ? enable : disable,
			    enable->count ? "--enable-source" : "--disable-source", &named, err);
	if (status < 0)
		return status;
	c->sources = enable->count ? named : c->sources & ~named;
	if (!c->sources)
		return error_set(err, -EINVAL, "--disable-source: one event source must remain");
	return 0;
}

void config_choose_plugins(struct config *c)
{
	const struct yaml_node *wanted = config_find(c, "load_plugins");
	struct string_list names = {0};
	struct config_plugin *chosen;
	size_t count = 0;

	if (!wanted) {
		for (size_t i = 0; i < c->plugin_count; i++)
			tell_of_plugin(c, &c->plugins[i], config_find_key(c, "plugins"));
		return;
	}
	if (!yaml_is_null(wanted) && !config_take_strings(c, "load_plugins", wanted, &names))
		return;
	chosen = ARENA_ARRAY(c->arena, struct config_plugin, names.count);
	for (size_t i = 0; i < names.count; i++) {
		const struct config_plugin *plugin = NULL;

		for (size_t k = 0; k < c->plugin_count && !plugin; k++)
			if (strcmp(c->plugins[k].name, names.items[i]) == 0)
				plugin = &c->plugins[k];
		if (plugin) {
			chosen[count++] = *plugin;
			tell_of_plugin(c, plugin, wanted);
		} else {
			config_say(c, SEVERITY_ERROR, wanted,
				   "load_plugins: there is no entry of that name in plugins: %s",
				   names.items[i]);
		}
	}
	c->plugins = chosen;
	c->plugin_count = count;
}

static void take_container_engines(struct config *c, const struct yaml_node *node)
{
	bool is_map = node->kind == YAML_MAPPING;

	if (yaml_is_null(node))
		return;
	for (uint32_t i = 0; is_map && i < node->count; i++)
		is_map = node->pairs[i].value->kind == YAML_MAPPING;
	if (is_map)
		c->container_engines = json_text_of(c, "container_engines", node);
	else
		config_say_expected(c, "container_engines", node,
				    "a map of engines, which are maps");
}

void config_take_list(struct config *c, const char *key, const struct yaml_node *node)
{
	static const struct {
		const char *key;
		void (*take)(struct config *c, const struct yaml_node *node);
	} lists[] = {
	    {"rules", take_selections},
	    {"append_output", take_appends},
	    {"plugins", take_plugins},
	    {"static_fields", take_static_fields},
	    {"container_engines", take_container_engines},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (strcmp(lists[i].key, key) == 0)
			lists[i].take(c, node);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of what was read (config_tree.c) taken over along the table. */
#include "app/config.h"

#include "app/config_schema.h"
#include "app/config_tree.h"
#include "app/container_options.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

void config_say_expected(struct config *c, const char *key, const struct yaml_node *node,
			 const char *expected)
{
	if (node->kind == YAML_SCALAR)
		config_say(c, SEVERITY_ERROR, node, "%s: found \"%.*s\", expected %s", key,
			   STR_ARG(node->text), expected);
	else
		config_say(c, SEVERITY_ERROR, node, "%s: found a %s, expected %s", key,
			   node->kind == YAML_MAPPING ? "map" : "list", expected);
}

bool config_take_strings(struct config *c, const char *key, const struct yaml_node *node,
			 struct string_list *out)
{
	struct string_list list = {0};

	if (node->kind == YAML_MAPPING) {
		config_say_expected(c, key, node, "a list of strings");
		return false;
	}
	if (node->kind == YAML_SCALAR && !yaml_is_null(node)) {
		string_list_add(&list, c->arena, arena_cstr(c->arena, node->text));
	} else if (node->kind == YAML_SEQUENCE) {
		for (uint32_t i = 0; i < node->count; i++) {
			if (node->items[i]->kind == YAML_SCALAR)
				string_list_add(&list, c->arena, node->items[i]->text.p);
			else
				config_say_expected(c, key, node->items[i], "a string");
		}
	}
	*out = list;
	return true;
}

static void take_number(struct config *c, const struct config_row *row,
			const struct yaml_node *node, uint64_t *out)
{
	char expected[96];
	uint64_t v;

	if (row->most == UINT64_MAX)
		snprintf(expected, sizeof(expected), "a number");
	else
		snprintf(expected, sizeof(expected), "a number from %llu to %llu",
			 (unsigned long long)row->least, (unsigned long long)row->most);
	if (!yaml_u64(node, &v) || v < row->least || v > row->most)
		config_say_expected(c, row->key, node, expected);
	else if (out)
		*out = v;
}

static void take_choice(struct config *c, const struct config_row *row,
			const struct yaml_node *node, unsigned *out)
{
	char expected[256] = "one of";
	size_t n = strlen(expected);

	for (unsigned i = 0; row->choices[i]; i++) {
		if (node->kind == YAML_SCALAR &&
		    str_equal_nocase(node->text, str_from(row->choices[i]))) {
			if (out)
				*out = row->type == CONFIG_SEVERITY
					   ? (unsigned)severity_by_name(node->text)
					   : i;
			return;
		}
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s %s", i ? "," : "",
				      row->choices[i]);
	}
	config_say_expected(c, row->key, node, expected);
}

static void take_real(struct config *c, const struct config_row *row, const struct yaml_node *node,
		      double *out)
{
	char expected[96];
	double v;

	snprintf(expected, sizeof(expected), "a number from %llu to %llu",
		 (unsigned long long)row->least, (unsigned long long)row->most);
	if (!yaml_real(node, &v) || !(v >= (double)row->least && v <= (double)row->most))
		config_say_expected(c, row->key, node, expected);
	else if (out)
		*out = v;
}

/* Units largest first, each at most once: 1d12h, 500ms. */
static bool duration_from(struct str text, uint64_t *out)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"y", 31536000000}, {"w", 604800000}, {"d", 86400000}, {"h", 3600000},
		     {"m", 60000},       {"s", 1000},      {"ms", 1}};
	size_t next = 0, count = sizeof(units) / sizeof(*units), i = 0;
	uint64_t sum = 0, part;

	if (str_to_u64(text, out))
		return true;
	while (i < text.n) {
		size_t from = i, unit;

		while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
			i++;
		unit = i;
		while (i < text.n && (text.p[i] < '0' || text.p[i] > '9'))
			i++;
		while (next < count && !str_equal_c(str_slice(text, unit, i), units[next].unit))
			next++;
		if (next == count || unit == from || unit - from > 10 ||
		    __builtin_mul_overflow(strtoull(text.p + from, NULL, 10), units[next].ms,
					   &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return false;
		next++;
	}
	*out = sum;
	return text.n > 0;
}

static void take_duration(struct config *c, const struct config_row *row,
			  const struct yaml_node *node, uint64_t *out)
{
	uint64_t v;

	if (node->kind != YAML_SCALAR || !duration_from(node->text, &v))
		config_say_expected(c, row->key, node, "a duration, as in 30s or 1h30m");
	else if (v < row->least)
		config_say(c, SEVERITY_ERROR, node, "%s: found \"%.*s\", expected at least %llums",
			   row->key, STR_ARG(node->text), (unsigned long long)row->least);
	else if (out)
		*out = v;
}

static void take_choices(struct config *c, const struct config_row *row,
			 const struct yaml_node *node, unsigned *out)
{
	const struct yaml_node *alone[] = {node};
	const struct yaml_node *const *items =
	    node->kind == YAML_SEQUENCE ? (const struct yaml_node *const *)node->items : alone;
	uint32_t count = node->kind == YAML_SEQUENCE ? node->count : !yaml_is_null(node);
	struct config_row one = *row;
	unsigned bits = 0;

	one.type = CONFIG_CHOICE;
	for (uint32_t i = 0; i < count; i++) {
		unsigned index = UINT_MAX;

		take_choice(c, &one, items[i], &index);
		if (index != UINT_MAX)
			bits |= 1u << index;
	}
	if (out)
		*out = bits;
}

/* Checks a value and, unless the key has no effect, stores it. */
static void take(struct config *c, const struct config_row *row, const struct yaml_node *node)
{
	/* Nothing that is set lies at the start: rows without a place have the offset 0. */
	void *at = row->offset ? (char *)c + row->offset : NULL;
	struct string_list unused;
	bool flag;

	switch (row->type) {
	case CONFIG_BOOL:
		if (!yaml_bool(node, &flag))
			config_say_expected(c, row->key, node, "true or false");
		else if (at)
			*(bool *)at = flag;
		break;
	case CONFIG_NUMBER:
		take_number(c, row, node, at);
		break;
	case CONFIG_REAL:
		take_real(c, row, node, at);
		break;
	case CONFIG_DURATION:
		take_duration(c, row, node, at);
		break;
	case CONFIG_CHOICES:
		take_choices(c, row, node, at);
		break;
	case CONFIG_STRING:
		/* Those without a place of their own belong to lists, which are read as a whole. */
		if (node->kind != YAML_SCALAR)
			config_say_expected(c, row->key, node, "a string");
		else if (at)
			*(const char **)at = arena_cstr(c->arena, node->text);
		break;
	case CONFIG_STRINGS:
		config_take_strings(c, row->key, node, at ? at : &unused);
		break;
	case CONFIG_CHOICE:
	case CONFIG_SEVERITY:
		take_choice(c, row, node, at);
		break;
	case CONFIG_MAP:
		config_take_list(c, row->key, node);
		break;
	case CONFIG_LIST:
		break;
	}
}

static bool has_keys_below(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < config_row_count; i++)
		if (strncmp(config_rows[i].key, key, n) == 0 && config_rows[i].key[n] == '.')
			return true;
	return false;
}

/* The nearest of the rows' keys and of the maps they are in. */
static const char *nearest_key(struct config *c, const char *key)
{
	const char **names;
	size_t room = 0, n = 0;

	for (size_t i = 0; i < config_row_count; i++)
		for (const char *p = config_rows[i].key; p; p = strchr(p + 1, '.'))
			room++;
	names = ARENA_ARRAY(c->arena, const char *, room);
	for (size_t i = 0; i < config_row_count; i++) {
		const char *row = config_rows[i].key;

		names[n++] = row;
		for (const char *dot = strchr(row, '.'); dot; dot = strchr(dot + 1, '.'))
			names[n++] = arena_cstr(c->arena, (struct str){row, (size_t)(dot - row)});
	}
	return str_nearest(str_from(key), names, n);
}

static void say_unknown(struct config *c, const struct yaml_node *node, const char *key)
{
	/* Further messages are only counted. */
	const char *nearest = c->message_count < CONFIG_MESSAGES_MAX ? nearest_key(c, key) : NULL;

	if (nearest)
		config_say(c, SEVERITY_WARNING, node, "%s: no such key; did you mean %s?", key,
			   nearest);
	else
		config_say(c, SEVERITY_WARNING, node, "%s: no such key", key);
}

static void walk(struct config *c, const char *prefix, const struct yaml_node *map, unsigned depth);

static void walk_list(struct config *c, const struct config_row *row, const struct yaml_node *list,
		      unsigned depth)
{
	const char *key = arena_printf(c->arena, "%s[]", row->key).p;

	if (yaml_is_null(list))
		return;
	if (list->kind != YAML_SEQUENCE) {
		config_say_expected(c, row->key, list, "a list of maps");
		return;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i]->kind != YAML_MAPPING)
			config_say_expected(c, row->key, list->items[i], "a map");
		else
			walk(c, key, list->items[i], depth + 1);
	}
	config_take_list(c, row->key, list);
}

static void walk(struct config *c, const char *prefix, const struct yaml_node *map, unsigned depth)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct yaml_node *key = map->pairs[i].key, *value = map->pairs[i].value;
		const struct config_row *row;
		const char *path;

		if (key->kind != YAML_SCALAR) {
			config_say(c, SEVERITY_ERROR, key, "a key must be a word");
			continue;
		}
		path = arena_printf(c->arena, "%s%s%.*s", prefix, *prefix ? "." : "",
				    STR_ARG(key->text))
			   .p;
		row = config_row_find(str_from(path));
		if (row && row->type == CONFIG_LIST)
			walk_list(c, row, value, depth);
		else if (row && (!yaml_is_null(value) || row->type == CONFIG_STRINGS))
			take(c, row, value);
		else if (row)
			continue;
		else if (!has_keys_below(path))
			say_unknown(c, key, path);
		else if (value->kind == YAML_MAPPING)
			walk(c, path, value, depth + 1);
		else if (!yaml_is_null(value))
			config_say_expected(c, path, value, "a map");
	}
}

/* The default as a node; of keys that take one value it is that value's text. */
static struct yaml_node *fallback_of(struct config *c, const struct config_row *row)
{
	struct yaml_node *node;

	switch (row->type) {
	case CONFIG_STRINGS:
	case CONFIG_CHOICES:
	case CONFIG_MAP:
	case CONFIG_LIST:
		return config_parse_value(c, row->key, str_from(row->fallback));
	default:
		node = ARENA_NEW(c->arena, struct yaml_node);
		node->text = str_from(row->fallback);
		return node;
	}
}

struct config *config_new(void)
{
	struct arena *arena = arena_new();
	struct config *c = ARENA_NEW(arena, struct config);

	c->arena = arena;
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!row->offset || row->current)
			continue;
		take(c, row, fallback_of(c, row));
	}
	c->root = ARENA_NEW(arena, struct yaml_node);
	c->root->kind = YAML_MAPPING;
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	u64map_free(&c->origins);
	free(c->messages);
	arena_free(c->arena);
}

static bool is_same_scalar(const struct yaml_node *a, const struct yaml_node *b)
{
	double x, y;
	bool f, g;

	if (yaml_real(a, &x) && yaml_real(b, &y))
		return memcmp(&x, &y, sizeof(x)) == 0;
	if (yaml_bool(a, &f) && yaml_bool(b, &g))
		return f == g;
	return str_equal_nocase(a->text, b->text);
}

/* Lists by their items, maps by whether there is anything in them. */
static bool is_default(struct config *c, const struct config_row *row, const struct yaml_node *node)
{
	const struct yaml_node *fallback = fallback_of(c, row);

	if (yaml_is_null(node))
		return true;
	if (node->kind != fallback->kind)
		return false;
	if (node->kind == YAML_SCALAR)
		return is_same_scalar(node, fallback);
	if (node->count != fallback->count)
		return false;
	for (uint32_t i = 0; node->kind == YAML_SEQUENCE && i < node->count; i++)
		if (node->items[i]->kind != YAML_SCALAR ||
		    fallback->items[i]->kind != YAML_SCALAR ||
		    !str_equal(node->items[i]->text, fallback->items[i]->text))
			return false;
	return true;
}

/* Keys that are set to something else than their default, and do nothing. */
static void say_what_has_no_effect(struct config *c)
{
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		const struct yaml_node *node;

		if (!row->why || strchr(row->key, '['))
			continue;
		node = config_find(c, row->key);
		if (node && !is_default(c, row, node))
			config_say(c, SEVERITY_WARNING, config_find_key(c, row->key),
				   "%s has no effect: %s", row->key, row->why);
	}
}

static void say_old_names(struct config *c)
{
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!row->current || !config_find(c, row->key))
			continue;
		if (config_find(c, row->current))
			config_say(c, SEVERITY_ERROR, config_find_key(c, row->key),
				   "%s is an older name of %s: only one of them may be set",
				   row->key, row->current);
		else
			config_say(c, SEVERITY_WARNING, config_find_key(c, row->key),
				   "%s is an older name of %s", row->key, row->current);
	}
}

/* What no value says alone. */
/* It is tried again with each alert, but the first may come long after anybody looked at the log.
 */
static void check_file_output(struct config *c)
{
	const char *path = c->file_output.filename, *slash = strrchr(path, '/');
	const char *directory = ".";
	struct stat st;

	if (!c->file_output.enabled || !*path)
		return;
	if (slash)
		directory = slash == path
				? "/"
				: arena_printf(c->arena, "%.*s", (int)(slash - path), path).p;
	if (stat(directory, &st) < 0 || !S_ISDIR(st.st_mode))
		config_say(
		    c, SEVERITY_WARNING, config_find(c, "file_output.filename"),
		    "file_output.filename: there is no directory %s; alerts wait until there is",
		    directory);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		config_say(c, SEVERITY_WARNING, config_find(c, "file_output.filename"),
			   "file_output.filename: %s is a directory, not a file", path);
}

static void check_together(struct config *c)
{
	const struct {
		bool enabled;
		const char *value, *key;
	} outputs[] = {
	    {c->file_output.enabled, c->file_output.filename, "file_output.filename"},
	    {c->program_output.enabled, c->program_output.program, "program_output.program"},
	    {c->http_output.enabled, c->http_output.url, "http_output.url"},
	};
	unsigned char address[sizeof(struct in6_addr)];
	const char *listen = arena_cstr(c->arena, str_trim(str_from(c->webserver.listen_address)));

	for (size_t i = 0; i < sizeof(outputs) / sizeof(*outputs); i++)
		if (outputs[i].enabled && !*outputs[i].value)
			config_say(c, SEVERITY_ERROR, config_find(c, outputs[i].key),
				   "%s: the output is enabled, but this is empty", outputs[i].key);
	if (inet_pton(AF_INET, listen, address) != 1 && inet_pton(AF_INET6, listen, address) != 1)
		config_say(c, SEVERITY_ERROR, config_find(c, "webserver.listen_address"),
			   "webserver.listen_address: \"%s\" is no IP address", listen);
	c->webserver.listen_address = listen;
	if (c->drops.actions & DROP_IGNORE && c->drops.actions & (DROP_LOG | DROP_ALERT))
		config_say(c, SEVERITY_ERROR, config_find(c, "syscall_event_drops.actions"),
			   "syscall_event_drops.actions: ignore does not go with log or alert");
	if (c->engine_kind == ENGINE_KMOD || c->engine_kind == ENGINE_EBPF)
		config_say(c, SEVERITY_WARNING, config_find(c, "engine.kind"),
			   "engine.kind: there is no such driver; modern_ebpf is used");
	else if (c->engine_kind == ENGINE_REPLAY && !*c->capture_file)
		config_say(c, SEVERITY_ERROR, config_find(c, "engine.kind"),
			   "engine.kind: to replay a capture, engine.replay.capture_file must "
			   "name it");
}

static void check_containers(struct config *c)
{
	struct container_options unused;
	struct error err;

	if (container_options(c, c->arena, &unused, &err) < 0)
		config_say(c, SEVERITY_ERROR,
			   config_find_key(c, str_starts_with(str_from(err.message), STR("plugins"))
						  ? "plugins"
						  : "container_engines"),
			   "%s", err.message);
}

size_t config_finish(struct config *c)
{
	walk(c, "", c->root, 0);
	say_old_names(c);
	config_choose_plugins(c);
	config_suggest_outputs(c);
	c->sources = config_loaded_sources(c);
	check_together(c);
	check_file_output(c);
	check_containers(c);
	say_what_has_no_effect(c);
	config_say_rest(c);
	return c->error_count;
}

static bool is_same_value(const struct config_row *row, const void *a, const void *b)
{
	const struct string_list *x = a, *y = b;

	switch (row->type) {
	case CONFIG_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case CONFIG_NUMBER:
	case CONFIG_DURATION:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	case CONFIG_REAL:
		return memcmp(a, b, sizeof(double)) == 0;
	case CONFIG_STRING:
		return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
	case CONFIG_CHOICE:
	case CONFIG_CHOICES:
	case CONFIG_SEVERITY:
		return *(const unsigned *)a == *(const unsigned *)b;
	case CONFIG_STRINGS:
		for (size_t i = 0; x->count == y->count && i < x->count; i++)
			if (strcmp(x->items[i], y->items[i]) != 0)
				return false;
		return x->count == y->count;
	case CONFIG_MAP:
	case CONFIG_LIST:
		break;
	}
	return true;
}

static bool are_same_plugins(const struct config *a, const struct config *b)
{
	for (size_t i = 0; a->plugin_count == b->plugin_count && i < a->plugin_count; i++) {
		const struct config_plugin *x = &a->plugins[i], *y = &b->plugins[i];

		if (strcmp(x->name, y->name) != 0 ||
		    strcmp(x->library_path, y->library_path) != 0 ||
		    strcmp(x->init_config, y->init_config) != 0 ||
		    strcmp(x->open_params, y->open_params) != 0)
			return false;
	}
	return a->plugin_count == b->plugin_count;
}

size_t config_restart_keys(const struct config *old, const struct config *new,
			   void (*tell)(const char *key, void *to), void *to)
{
	size_t count = 0;

	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!row->at_start_only || !row->offset || row->current ||
		    is_same_value(row, (const char *)old + row->offset,
				  (const char *)new + row->offset))
			continue;
		tell(row->key, to);
		count++;
	}
	if (!are_same_plugins(old, new)) {
		tell("plugins", to);
		count++;
	}
	if (strcmp(old->container_engines ? old->container_engines : "",
		   new->container_engines ? new->container_engines : "") != 0) {
		tell("container_engines", to);
		count++;
	}
	return count;
}

uint32_t config_ring_bytes(const struct config *c)
{
	return UINT32_C(1) << (19 + c->buf_size_preset);
}

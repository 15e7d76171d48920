/* SPDX-License-Identifier: Apache-2.0 */
#include "app/container_options.h"

#include <errno.h>
#include <jansson.h>

#define PLUGIN "container"

/* While they are read. */
struct reading {
	struct container_options *out;
	struct arena *arena;
	struct error *err;
};

enum naming { ENGINE_OF_SOCKETS, ENGINE_OF_CGROUPS, ENGINE_STATIC };

static const struct engine {
	const char *name;
	enum naming kind;
	int which; /* enum metadata_engine, or enum container_type */
} engines[] = {
    {"docker", ENGINE_OF_SOCKETS, METADATA_DOCKER},
    {"podman", ENGINE_OF_SOCKETS, METADATA_PODMAN},
    {"containerd", ENGINE_OF_SOCKETS, METADATA_CONTAINERD},
    {"cri", ENGINE_OF_SOCKETS, METADATA_CRI},
    {"lxc", ENGINE_OF_CGROUPS, CONTAINER_LXC},
    {"libvirt_lxc", ENGINE_OF_CGROUPS, CONTAINER_LIBVIRT_LXC},
    {"bpm", ENGINE_OF_CGROUPS, CONTAINER_BPM},
    {"static", ENGINE_STATIC, 0},
};

static int fail(struct reading *r, const char *key, const char *expected)
{
	return error_set(r->err, -EINVAL, "%s: expected %s", key, expected);
}

static void has_no_effect(struct reading *r, const char *key)
{
	const char *before = r->out->no_effect;

	r->out->no_effect = arena_printf(r->arena, "%s%s%s", before, *before ? ", " : "", key).p;
}

static int take_sockets(struct reading *r, const char *engine, const json_t *list,
			struct metadata_engine_options *out)
{
	const char *key = arena_printf(r->arena, "engines.%s.sockets", engine).p;
	size_t count = json_array_size(list);
	const char **paths;

	if (!json_is_array(list))
		return fail(r, key, "a list of paths");
	if (count > METADATA_SOCKETS_MOST)
		return error_set(r->err, -E2BIG, "%s: %d at most", key, METADATA_SOCKETS_MOST);
	paths = ARENA_ARRAY(r->arena, const char *, count);
	for (size_t i = 0; i < count; i++) {
		const char *path = json_string_value(json_array_get(list, i));

		if (!path || !*path)
			return fail(r, key, "a list of paths");
		paths[i] = arena_cstr(r->arena, str_from(path));
	}
	out->sockets = paths;
	out->socket_count = count;
	return 0;
}

static int take_static(struct reading *r, const char *key, const json_t *v)
{
	const struct {
		const char *key, **out;
	} texts[] = {
	    {"container_id", &r->out->static_id},
	    {"container_name", &r->out->static_name},
	    {"container_image", &r->out->static_image},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (strcmp(texts[i].key, key) != 0)
			continue;
		if (!json_string_length(v))
			return fail(r, arena_printf(r->arena, "engines.static.%s", key).p,
				    "a string that is not empty");
		*texts[i].out = arena_cstr(r->arena, str_from(json_string_value(v)));
		return 0;
	}
	return error_set(r->err, -EINVAL, "unknown key 'engines.static.%s'", key);
}

static int take_engine_key(struct reading *r, const struct engine *e, const char *key,
			   const json_t *v)
{
	if (e->kind == ENGINE_STATIC)
		return take_static(r, key, v);
	if (e->kind == ENGINE_OF_SOCKETS && strcmp(key, "sockets") == 0)
		return take_sockets(r, e->name, v, &r->out->metadata.engines[e->which]);
	/* Of the older key: nobody waits for runtimes here but alerts. */
	if (e->which == METADATA_CRI && e->kind == ENGINE_OF_SOCKETS &&
	    strcmp(key, "disable_async") == 0) {
		has_no_effect(r, "cri.disable_async");
		return 0;
	}
	return error_set(r->err, -EINVAL, "unknown key 'engines.%s.%s'", e->name, key);
}

static int take_engine(struct reading *r, const struct engine *e, const json_t *v)
{
	const json_t *enabled = json_object_get(v, "enabled");
	bool is_enabled = enabled ? json_is_true(enabled) : e->kind != ENGINE_STATIC;
	const char *name = arena_printf(r->arena, "engines.%s", e->name).p, *key;
	int status = 0;
	json_t *value;

	if (!json_is_object(v))
		return fail(r, name, "a map");
	if (enabled && !json_is_boolean(enabled))
		return fail(r, arena_printf(r->arena, "%s.enabled", name).p, "true or false");
	json_object_foreach((json_t *)(uintptr_t)v, key, value)
	{
		if (status == 0 && strcmp(key, "enabled") != 0)
			status = take_engine_key(r, e, key, value);
	}
	if (status < 0)
		return status;
	if (e->kind == ENGINE_OF_SOCKETS)
		r->out->metadata.engines[e->which].is_disabled = !is_enabled;
	else if (e->kind == ENGINE_OF_CGROUPS)
		r->out->ignored |= is_enabled ? 0 : 1u << e->which;
	else if (!is_enabled)
		r->out->static_id = r->out->static_name = r->out->static_image = NULL;
	else if (!r->out->static_id || !r->out->static_name || !r->out->static_image)
		return fail(r, name, "container_id, container_name and container_image");
	return 0;
}

static int take_engines(struct reading *r, const json_t *map)
{
	const char *key;
	int status = 0;
	json_t *v;

	if (!json_is_object(map))
		return fail(r, "engines", "a map");
	json_object_foreach((json_t *)(uintptr_t)map, key, v)
	{
		const struct engine *e = engines, *end = e + sizeof(engines) / sizeof(*engines);

		while (e < end && strcmp(e->name, key) != 0)
			e++;
		if (status == 0)
			status = e < end
				     ? take_engine(r, e, v)
				     : error_set(r->err, -EINVAL, "unknown key 'engines.%s'", key);
	}
	return status;
}

static int take_hooks(struct reading *r, const json_t *hooks)
{
	struct metadata_options *out = &r->out->metadata;

	if (!json_is_array(hooks))
		return fail(r, "hooks", "a list of create and start");
	out->skip_create = true;
	for (size_t i = 0; i < json_array_size(hooks); i++) {
		const char *name = json_string_value(json_array_get(hooks, i));

		if (name && strcmp(name, "create") == 0)
			out->skip_create = false;
		else if (name && strcmp(name, "start") == 0)
			out->with_start = true;
		else
			return error_set(r->err, -EINVAL,
					 "hooks: expected create or start, found '%s'",
					 name ? name : "no string");
	}
	return 0;
}

static int take_label_max(struct reading *r, const json_t *v)
{
	if (!json_is_integer(v) || json_integer_value(v) <= 0 ||
	    json_integer_value(v) > CONTAINER_TEXT_MAX)
		return error_set(r->err, -EINVAL, "label_max_len: expected a number from 1 to %d",
				 CONTAINER_TEXT_MAX);
	r->out->metadata.label_max = (uint32_t)json_integer_value(v);
	return 0;
}

/* No field tells the size of a container. */
static int take_with_size(struct reading *r, const json_t *v)
{
	if (!json_is_boolean(v))
		return fail(r, "with_size", "true or false");
	if (json_is_true(v))
		has_no_effect(r, "with_size");
	return 0;
}

static int take_log_level(struct reading *r, const json_t *v)
{
	if (!json_is_string(v))
		return fail(r, "log_level", "a string");
	has_no_effect(r, "log_level (log_level of the configuration itself counts)");
	return 0;
}

static const struct {
	const char *key;
	int (*take)(struct reading *r, const json_t *v);
} keys[] = {
    {"label_max_len", take_label_max}, {"with_size", take_with_size}, {"hooks", take_hooks},
    {"log_level", take_log_level},     {"engines", take_engines},
};

static int take_init_config(struct reading *r, const json_t *root)
{
	const char *key;
	int status = 0;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)root, key, v)
	{
		size_t i = 0, count = sizeof(keys) / sizeof(*keys);

		while (i < count && strcmp(keys[i].key, key) != 0)
			i++;
		if (status == 0)
			status = i < count ? keys[i].take(r, v)
					   : error_set(r->err, -EINVAL, "unknown key '%s'", key);
	}
	return status;
}

static int take_text(struct reading *r, const char *text, const char *where,
		     int (*take)(struct reading *r, const json_t *v))
{
	struct error reason = {0}, *err = r->err;
	json_error_t why;
	json_t *root = json_loads(text, 0, &why);
	int status;

	r->err = &reason;
	if (!json_is_object(root))
		status = error_set(&reason, -EINVAL, "expected a map%s%s", root ? "" : ": ",
				   root ? "" : why.text);
	else
		status = take(r, root);
	json_decref(root);
	r->err = err;
	return status < 0 ? error_set(err, status, "%s: %s", where, reason.message) : 0;
}

static const char *init_config_of(const struct config *config)
{
	for (size_t i = 0; i < config->plugin_count; i++)
		if (strcmp(config->plugins[i].name, PLUGIN) == 0)
			return str_trim(str_from(config->plugins[i].init_config)).n
				   ? config->plugins[i].init_config
				   : NULL;
	return NULL;
}

int container_options(const struct config *config, struct arena *arena,
		      struct container_options *out, struct error *err)
{
	const char *init_config = init_config_of(config);
	struct reading r = {out, arena, err};
	int status = 0;

	*out = (struct container_options){.no_effect = ""};
	if (config->container_engines && *config->container_engines)
		status =
		    take_text(&r, config->container_engines, "container_engines", take_engines);
	/* What both say, the plugin says. */
	if (status == 0 && init_config)
		status = take_text(&r, init_config, "plugins: " PLUGIN ": init_config",
				   take_init_config);
	return status;
}

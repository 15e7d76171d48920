/* SPDX-License-Identifier: Apache-2.0 */
#include "app/containers.h"

#include "base/log.h"

#include <errno.h>
#include <jansson.h>

enum { LOOK_MS = 3, CLIENTS_MOST = METADATA_ENGINES * METADATA_SOCKETS_MOST };

struct containers {
	struct state *state;
	struct metadata *metadata;
	struct waiting *waiting;
	struct kubernetes *kubernetes; /* NULL: it is not asked */
};

static const char *const engine_names[METADATA_ENGINES] = {
    [METADATA_DOCKER] = "docker",
    [METADATA_PODMAN] = "podman",
    [METADATA_CONTAINERD] = "containerd",
    [METADATA_CRI] = "cri",
};

static bool take_engine(const json_t *v, const char *name, struct arena *arena,
			struct metadata_engine_options *out, struct error *err)
{
	const json_t *enabled = json_object_get(v, "enabled");
	const json_t *sockets = json_object_get(v, "sockets");
	size_t count = json_array_size(sockets);
	const char **paths;

	if (v && !json_is_object(v)) {
		error_set(err, -EINVAL, "engines.%s: expected a map", name);
		return false;
	}
	if (enabled && !json_is_boolean(enabled)) {
		error_set(err, -EINVAL, "engines.%s.enabled: expected true or false", name);
		return false;
	}
	if (sockets && !json_is_array(sockets)) {
		error_set(err, -EINVAL, "engines.%s.sockets: expected a list of paths", name);
		return false;
	}
	if (count > METADATA_SOCKETS_MOST) {
		error_set(err, -E2BIG, "engines.%s.sockets: %d at most", name,
			  METADATA_SOCKETS_MOST);
		return false;
	}
	paths = ARENA_ARRAY(arena, const char *, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *path = json_array_get(sockets, i);

		if (!json_is_string(path)) {
			error_set(err, -EINVAL, "engines.%s.sockets: expected a list of paths",
				  name);
			return false;
		}
		paths[i] = arena_cstr(arena, str_from(json_string_value(path)));
	}
	out->is_disabled = json_is_false(enabled);
	out->sockets = paths;
	out->socket_count = count;
	return true;
}

static bool take_hooks(const json_t *hooks, struct metadata_options *out, struct error *err)
{
	if (!hooks)
		return true;
	out->skip_create = true;
	for (size_t i = 0; i < json_array_size(hooks); i++) {
		const char *name = json_string_value(json_array_get(hooks, i));

		if (name && strcmp(name, "create") == 0) {
			out->skip_create = false;
		} else if (name && strcmp(name, "start") == 0) {
			out->with_start = true;
		} else {
			error_set(err, -EINVAL, "hooks: expected create or start, found '%s'",
				  name ? name : "no string");
			return false;
		}
	}
	return true;
}

static bool take_options(const json_t *root, struct arena *arena, struct metadata_options *out,
			 struct error *err)
{
	static const char *const known[] = {"label_max_len", "with_size", "hooks", "log_level",
					    "engines"};
	const json_t *engines = json_object_get(root, "engines");
	const json_t *label_max = json_object_get(root, "label_max_len");
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)root, key, v)
	{
		size_t i = 0;

		while (i < sizeof(known) / sizeof(*known) && strcmp(known[i], key) != 0)
			i++;
		if (i == sizeof(known) / sizeof(*known)) {
			error_set(err, -EINVAL, "unknown key '%s'", key);
			return false;
		}
	}
	if (label_max && (!json_is_integer(label_max) || json_integer_value(label_max) <= 0 ||
			  json_integer_value(label_max) > CONTAINER_TEXT_MAX)) {
		error_set(err, -EINVAL, "label_max_len: expected a number from 1 to %d",
			  CONTAINER_TEXT_MAX);
		return false;
	}
	out->label_max = label_max ? (uint32_t)json_integer_value(label_max) : 0;
	for (int e = 0; e < METADATA_ENGINES; e++)
		if (!take_engine(json_object_get(engines, engine_names[e]), engine_names[e], arena,
				 &out->engines[e], err))
			return false;
	return take_hooks(json_object_get(root, "hooks"), out, err);
}

bool containers_options(const char *init_config, struct arena *arena, struct metadata_options *out,
			struct error *err)
{
	struct str text = str_trim(str_from(init_config));
	json_error_t why;
	json_t *root;
	bool is_good;

	*out = (struct metadata_options){0};
	if (!text.n)
		return true;
	root = json_loadb(text.p, text.n, 0, &why);
	if (!json_is_object(root)) {
		error_set(err, -EINVAL, "expected a map%s%s", root ? "" : ": ",
			  root ? "" : why.text);
		json_decref(root);
		return false;
	}
	is_good = take_options(root, arena, out, err);
	json_decref(root);
	return is_good;
}

static const char *init_config_of(const struct config *config)
{
	for (size_t i = 0; i < config->plugin_count; i++)
		if (strcmp(config->plugins[i].name, "container") == 0)
			return config->plugins[i].init_config;
	return "";
}

struct containers *containers_new(const struct config *config, struct state *state,
				  waiting_judged_fn *judged, void *context, struct error *err)
{
	struct containers *c = calloc(1, sizeof(*c));

	if (c)
		c->waiting = waiting_new(state, WAITING_BYTES, judged, context);
	if (!c || !c->waiting) {
		free(c);
		error_set(err, -ENOMEM, "no memory for events that wait");
		return NULL;
	}
	c->state = state;
	waiting_set_patience(c->waiting, config->container_wait_ms * 1000000);
	return c;
}

int containers_start(struct containers *c, const struct config *config, const char *host_root,
		     const char *hostname, struct error *err)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct container_asker asker = {.ask = metadata_ask, .ask_users = metadata_ask_users};
	struct metadata_options options;
	struct error why;

	if (!containers_options(init_config_of(config), arena, &options, &why))
		return error_set(err, -EINVAL, "plugins: container: init_config: %s", why.message);
	options.host_root = host_root;
	c->metadata =
	    metadata_start(&options, container_set_inbox(state_containers(c->state)), err);
	if (!c->metadata)
		return -EINVAL;
	asker.context = c->metadata;
	container_set_ask(state_containers(c->state), &asker);
	return kubernetes_start(config, hostname, container_set_pods(state_containers(c->state)),
				&c->kubernetes, err);
}

struct waiting *containers_waiting(const struct containers *c)
{
	return c->waiting;
}

int containers_look(struct containers *c, struct judge *j)
{
	waiting_look(c->waiting, j);
	return waiting_has_any(c->waiting) ? LOOK_MS : -1;
}

void containers_finish(struct containers *c, struct judge *j)
{
	waiting_finish(c->waiting, j);
}

void containers_free(struct containers *c)
{
	if (!c)
		return;
	if (c->metadata)
		container_set_ask(state_containers(c->state), &(struct container_asker){0});
	metadata_stop(c->metadata);
	kubernetes_stop(c->kubernetes);
	waiting_free(c->waiting);
	free(c);
}

struct kube_counters containers_kubernetes(const struct containers *c)
{
	return kubernetes_counters(c->kubernetes);
}

void containers_print(const struct containers *c)
{
	struct container_counters counters = container_set_counters(state_containers(c->state));
	struct waiting_counters waiting = waiting_counters(c->waiting);
	struct metadata_counters clients[CLIENTS_MOST];
	size_t count = c->metadata ? metadata_counters(c->metadata, clients, CLIENTS_MOST) : 0;

	if (counters.asked)
		fprintf(stderr,
			"Containers: %llu asked for, %llu told of, %llu known to no runtime, %llu "
			"told of too late\n",
			(unsigned long long)counters.asked, (unsigned long long)counters.told,
			(unsigned long long)counters.untold, (unsigned long long)counters.late);
	if (counters.refused)
		fprintf(stderr, "Containers that could not be remembered: %llu\n",
			(unsigned long long)counters.refused);
	if (waiting.waited)
		fprintf(stderr, "Events that waited for a container: %llu; judged without: %llu\n",
			(unsigned long long)waiting.waited, (unsigned long long)waiting.incomplete);
	if (waiting.full)
		fprintf(stderr, "Events that could not wait for a container: %llu\n",
			(unsigned long long)waiting.full);
	for (size_t i = 0; i < count && i < CLIENTS_MOST; i++)
		if (clients[i].errors)
			fprintf(stderr, "Runtime %s at %s: %llu errors\n", clients[i].engine,
				clients[i].socket, (unsigned long long)clients[i].errors);
	if (c->kubernetes)
		kubernetes_print(c->kubernetes);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "app/container_options.h"

/* What init_config or container_engines says, and what comes of it, as text; or the error. */
static const struct {
	const char *what, *init_config, *container_engines, *want;
} rows[] = {
    {"nothing", "", "", "docker podman containerd cri hooks=create"},
    {"all that there is",
     "{\"label_max_len\":7,\"with_size\":true,\"hooks\":[\"start\"],\"log_level\":\"info\","
     "\"engines\":{\"docker\":{\"enabled\":true,\"sockets\":[\"/a\",\"/b\"]},\"podman\":"
     "{\"enabled\":false},\"cri\":{\"enabled\":true,\"sockets\":[\"/c\"]},\"containerd\":"
     "{\"enabled\":false},\"lxc\":{\"enabled\":false},\"libvirt_lxc\":{\"enabled\":true},"
     "\"bpm\":{\"enabled\":false},\"static\":{\"enabled\":false}}}",
     "",
     "docker:/a,/b cri:/c hooks=start label_max=7 ignored=lxc,bpm without=with_size, log_level "
     "(log_level of the configuration itself counts)"},
    {"one container for all",
     "{\"engines\":{\"static\":{\"enabled\":true,\"container_id\":\"i\",\"container_name\":\"n\","
     "\"container_image\":\"r:t\"}}}",
     "", "docker podman containerd cri hooks=create static=i,n,r:t"},
    {"the older key", "",
     "{\"docker\":{\"enabled\":false},\"cri\":{\"sockets\":[\"/c\"],\"disable_async\":true},"
     "\"bpm\":{\"enabled\":false}}",
     "podman containerd cri:/c hooks=create ignored=bpm without=cri.disable_async"},
    {"both: the plugin's counts", "{\"engines\":{\"cri\":{\"sockets\":[\"/new\"]}}}",
     "{\"cri\":{\"sockets\":[\"/old\"]},\"docker\":{\"enabled\":false}}",
     "podman containerd cri:/new hooks=create"},
    {"no map", "7", "",
     "plugins: container: init_config: expected a map: '[' or '{' expected near '7'"},
    {"an unknown key", "{\"label_max\":7}", "",
     "plugins: container: init_config: unknown key 'label_max'"},
    {"an unknown engine", "{\"engines\":{\"rkt\":{}}}", "",
     "plugins: container: init_config: unknown key 'engines.rkt'"},
    {"an unknown key of an engine", "{\"engines\":{\"docker\":{\"socket\":\"/a\"}}}", "",
     "plugins: container: init_config: unknown key 'engines.docker.socket'"},
    {"sockets of an engine that has none", "{\"engines\":{\"lxc\":{\"sockets\":[]}}}", "",
     "plugins: container: init_config: unknown key 'engines.lxc.sockets'"},
    {"sockets that are no list", "{\"engines\":{\"cri\":{\"sockets\":\"/a\"}}}", "",
     "plugins: container: init_config: engines.cri.sockets: expected a list of paths"},
    {"a socket without a name", "{\"engines\":{\"cri\":{\"sockets\":[\"\"]}}}", "",
     "plugins: container: init_config: engines.cri.sockets: expected a list of paths"},
    {"enabled or not", "{\"engines\":{\"bpm\":{\"enabled\":1}}}", "",
     "plugins: container: init_config: engines.bpm.enabled: expected true or false"},
    {"half a container", "{\"engines\":{\"static\":{\"enabled\":true,\"container_id\":\"i\"}}}", "",
     "plugins: container: init_config: engines.static: expected container_id, container_name and "
     "container_image"},
    {"a hook that there is not", "{\"hooks\":[\"stop\"]}", "",
     "plugins: container: init_config: hooks: expected create or start, found 'stop'"},
    {"a length that is none", "{\"label_max_len\":0}", "",
     "plugins: container: init_config: label_max_len: expected a number from 1 to 4096"},
    {"the older key, wrong", "", "{\"docker\":7}",
     "container_engines: engines.docker: expected a map"},
};

static void put_list(struct buffer *b, const char *name, const char *value, unsigned i)
{
	buffer_printf(b, "%s%s", i ? "," : name, value);
}

static void print(const struct container_options *o, struct buffer *b)
{
	static const char *const names[] = {"docker", "podman", "containerd", "cri"};
	unsigned ignored = 0;

	for (int e = 0; e < METADATA_ENGINES; e++) {
		const struct metadata_engine_options *engine = &o->metadata.engines[e];

		if (engine->is_disabled)
			continue;
		buffer_printf(b, "%s%s", b->n ? " " : "", names[e]);
		for (unsigned i = 0; i < engine->socket_count; i++)
			put_list(b, ":", engine->sockets[i], i);
	}
	buffer_printf(b, " hooks=%s%s", o->metadata.skip_create ? "" : "create",
		      o->metadata.with_start ? "start" : "");
	if (o->metadata.label_max)
		buffer_printf(b, " label_max=%u", o->metadata.label_max);
	for (unsigned type = 0; type < 32; type++)
		if (o->ignored >> type & 1)
			put_list(b, " ignored=", container_type_name(type), ignored++);
	if (*o->no_effect)
		buffer_printf(b, " without=%s", o->no_effect);
	if (o->static_id)
		buffer_printf(b, " static=%s,%s,%s", o->static_id, o->static_name, o->static_image);
}

static void what_is_configured_is_understood_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config_plugin plugin = {.name = "container",
					       .init_config = rows[i].init_config};
		struct config config = {.plugins = &plugin,
					.plugin_count = 1,
					.container_engines = rows[i].container_engines};
		struct arena *arena = arena_new();
		struct container_options options;
		struct error err = {0};
		char memory[1024];
		struct buffer text = BUFFER(memory);

		if (container_options(&config, arena, &options, &err) == 0)
			print(&options, &text);
		else
			buffer_put(&text, str_from(err.message));
		check_str(buffer_str(&text), rows[i].want, rows[i].what);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_configured_is_understood_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

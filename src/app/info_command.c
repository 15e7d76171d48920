/* SPDX-License-Identifier: Apache-2.0 */
#include "app/info_command.h"

#include "app/versions.h"
#include "base/cleanup.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <sys/utsname.h>

/* JSON knows no bytes that are no characters: U+FFFD stands for them. */
static json_t *json_of_text(struct str text)
{
	struct str rest = text;
	char *copy, *to;
	json_t *json;

	if (utf8_valid_prefix(text) == text.n)
		return json_stringn_nocheck(text.p, text.n);
	copy = to = malloc(3 * text.n);
	if (!copy)
		abort();
	while (rest.n > 0) {
		size_t n = utf8_character(rest);

		to = mempcpy(to, n ? rest.p : "\xef\xbf\xbd", n ? n : 3);
		rest = str_slice(rest, n ? n : 1, rest.n);
	}
	json = json_stringn_nocheck(copy, (size_t)(to - copy));
	free(copy);
	return json;
}

static json_t *json_of_file(const char *path)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct error err = {0};
	struct str text;

	if (yaml_read_file(path, arena, &text, &err) < 0)
		text = str_from(err.message);
	return json_pack("{s:o, s:[{s:o}]}", "name", json_of_text(str_from(path)), "variants",
			 "content", json_of_text(text));
}

void print_support(const struct config *c, int argc, char **argv,
		   const struct string_list *rules_files, FILE *out)
{
	CLEANUP_FREE char *config = config_dump(c);
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct str command = {0};
	json_t *files = json_array(), *support;
	struct utsname system;

	uname(&system);
	for (int i = 0; i < argc; i++)
		command = arena_printf(arena, "%.*s%s%s", STR_ARG(command), i ? " " : "", argv[i]);
	for (size_t i = 0; i < rules_files->count; i++)
		json_array_append_new(files, json_of_file(rules_files->items[i]));
	support = json_pack("{s:s, s:o, s:o, s:o, s:o, s:{s:s, s:s, s:s, s:s, s:s}}", "version",
			    program_version(), "engine_info", versions_json(), "cmdline",
			    json_of_text(command), "config", json_of_text(str_from(config)),
			    "rules_files", files, "system_info", "sysname", system.sysname,
			    "nodename", system.nodename, "release", system.release, "version",
			    system.version, "machine", system.machine);
	json_dumpf(support, out, JSON_COMPACT | JSON_SORT_KEYS);
	fputc('\n', out);
	json_decref(support);
}

static const struct built_in {
	const char *name, *description, *capabilities;
} built_ins[] = {
    {"container", "Containers and pods of processes; part of the program",
     "  - Field Extraction\n  - Event Parsing\n"},
    {"k8saudit", "Kubernetes audit events, posted or from files; part of the program",
     "  - Event Sourcing (ID=1, source='k8s_audit')\n  - Field Extraction\n"},
    {"k8smeta", "What Kubernetes knows of the pods of processes; part of the program",
     "  - Field Extraction\n"},
    {"json", "Values of events that are JSON; part of the program", "  - Field Extraction\n"},
};

static void print_plugin(const struct config_plugin *plugin, FILE *out)
{
	const struct built_in *known = NULL;

	for (size_t i = 0; i < sizeof(built_ins) / sizeof(*built_ins); i++)
		if (strcmp(built_ins[i].name, plugin->name) == 0)
			known = &built_ins[i];
	if (known)
		fprintf(out, "Name: %s\nDescription: %s\nVersion: %s\nCapabilities: \n%s",
			plugin->name, known->description, program_version(), known->capabilities);
	else
		fprintf(out,
			"Name: %s\nDescription: not loaded, libraries of plugins cannot be\n"
			"Library: %s\nCapabilities: \n",
			plugin->name, plugin->library_path);
}

void print_plugins(const struct config *c, FILE *out)
{
	fprintf(out, "%zu Plugins Loaded:\n\n", c->plugin_count);
	for (size_t i = 0; i < c->plugin_count; i++) {
		print_plugin(&c->plugins[i], out);
		fputc('\n', out);
	}
	fputc('\n', out);
}

bool print_plugin_info(const struct config *c, const char *name, FILE *out)
{
	for (size_t i = 0; i < c->plugin_count; i++) {
		const struct config_plugin *plugin = &c->plugins[i];

		if (strcmp(plugin->name, name) != 0 && strcmp(plugin->library_path, name) != 0)
			continue;
		print_plugin(plugin, out);
		fprintf(out, "\nInit config: %s\nOpen params: %s\n",
			*plugin->init_config ? plugin->init_config : "none",
			*plugin->open_params ? plugin->open_params : "none");
		return true;
	}
	return false;
}

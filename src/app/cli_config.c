/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli_config.h"

#include <unistd.h>

static const char *const default_paths[] = {"/etc/saker/saker.yaml", "/etc/falco/falco.yaml"};

static const char *path_of(const struct cli *cli)
{
	if (cli->config)
		return cli->config;
	for (size_t i = 0; i < sizeof(default_paths) / sizeof(*default_paths); i++)
		if (access(default_paths[i], F_OK) == 0)
			return default_paths[i];
	return NULL;
}

/* Flags that stand for keys, and those that choose from what was read. */
static int apply_flags(const struct cli *cli, struct config *c, struct error *err)
{
	struct string_list enable = {(const char **)cli->enable_sources.items,
				     cli->enable_sources.count};
	struct string_list disable = {(const char **)cli->disable_sources.items,
				      cli->disable_sources.count};

	if (cli->unbuffered)
		c->buffered_outputs = false;
	if (cli->all_syscalls)
		c->base_syscalls_all = true;
	if (cli->captures.count || cli->action == ACTION_REPLAY)
		c->engine_kind = ENGINE_REPLAY;
	if (cli->print)
		config_print_more(c, cli->print);
	return config_choose_sources(c, &enable, &disable, err);
}

struct config *cli_config_new(const struct cli *cli, struct error *err)
{
	struct config *c = config_new();

	if (config_load(c, path_of(cli), cli->options.items, cli->options.count, err) == 0) {
		config_finish(c);
		if (apply_flags(cli, c, err) == 0)
			return c;
	}
	config_free(c);
	return NULL;
}

void cli_config_log(const struct cli *cli, const struct config *c)
{
	if (!c->path)
		log_info("configuration: defaults, no file");
	else if (!cli->config && strcmp(c->path, default_paths[0]) != 0)
		log_info("configuration: %s is not there; Falco's own is read", default_paths[0]);
	for (size_t i = 0; i < c->files.count; i++)
		log_info("configuration: %s", c->files.items[i]);
	VEC_FOREACH (option, &cli->options)
		log_info("configuration: -o %s", *option);
}

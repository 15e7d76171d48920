/* SPDX-License-Identifier: Apache-2.0 */
#include "app/versions.h"

#include "app/list.h"
#include "rules/loader.h"

#include <stdlib.h>

/* Libraries of plugins cannot be loaded, so there is no interface to them. */
#define PLUGIN_API_VERSION "0.0.0"

const char *program_version(void)
{
	return SAKER_VERSION;
}

static void print_engine_version(char *text, size_t room)
{
	snprintf(text, room, "%d.%d.%d", ENGINE_VERSION_MAJOR, ENGINE_VERSION_MINOR,
		 ENGINE_VERSION_PATCH);
}

/* The probe and what reads it are built together: they have one version. */
void versions_print(FILE *out)
{
	char engine[32];

	print_engine_version(engine, sizeof(engine));
	fprintf(out,
		"Saker version: %s\nFalco version: %s\nLibs version:  %s\nPlugin API:    %s\n"
		"Engine:        %s\nDriver:\n  API version:    %s\n  Schema version: %s\n"
		"  Default driver: %s\n",
		SAKER_VERSION, FALCO_VERSION, SAKER_VERSION, PLUGIN_API_VERSION, engine,
		SAKER_VERSION, EVENT_SCHEMA_VERSION, SAKER_VERSION);
}

json_t *versions_json(void)
{
	char engine[32], minor[16];

	print_engine_version(engine, sizeof(engine));
	snprintf(minor, sizeof(minor), "%d", ENGINE_VERSION_MINOR);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "saker_version",
			 SAKER_VERSION, "falco_version", FALCO_VERSION, "libs_version",
			 SAKER_VERSION, "plugin_api_version", PLUGIN_API_VERSION,
			 "driver_api_version", SAKER_VERSION, "driver_schema_version",
			 EVENT_SCHEMA_VERSION, "default_driver_version", SAKER_VERSION,
			 "engine_version", minor, "engine_version_semver", engine);
}

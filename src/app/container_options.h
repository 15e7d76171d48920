/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration says of containers: init_config of the plugin container, or the older key
 * container_engines, which has the same engines.
 */
#ifndef SAKER_APP_CONTAINER_OPTIONS_H
#define SAKER_APP_CONTAINER_OPTIONS_H

#include "app/config.h"
#include "metadata/metadata.h"

struct container_options {
	struct metadata_options metadata;
	uint32_t ignored; /* 1 << enum container_type that no process is taken to be in */
	/* Every process is taken to be in this one; NULL: they are where their cgroups say. */
	const char *static_id, *static_name, *static_image;
	const char *no_effect; /* names of keys that are there and change nothing; "" */
};

/* Strings are of the arena. A negative errno with the reason, which names the key. */
int container_options(const struct config *config, struct arena *arena,
		      struct container_options *out, struct error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The table of configuration keys, for the sources of the configuration alone. */
#ifndef SAKER_APP_CONFIG_SCHEMA_H
#define SAKER_APP_CONFIG_SCHEMA_H

#include "app/config.h"

enum config_type {
	CONFIG_BOOL,     /* bool */
	CONFIG_NUMBER,   /* uint64_t, between least and most */
	CONFIG_REAL,     /* double, likewise */
	CONFIG_DURATION, /* uint64_t, milliseconds: "1h30m", "500ms", a number */
	CONFIG_STRING,   /* const char * */
	CONFIG_STRINGS,  /* struct string_list; one string stands for a list of one */
	CONFIG_CHOICE,   /* unsigned: index in choices, in any case */
	CONFIG_CHOICES,  /* unsigned: bits by index in choices */
	CONFIG_SEVERITY, /* unsigned: enum severity, by name */
	CONFIG_MAP,      /* anything: read by a function of its own */
	CONFIG_LIST,     /* a list of maps, whose keys are rows "key[].x" */
};

struct config_row {
	const char *key; /* "engine.kind", "plugins[].name" */
	enum config_type type;
	const char *fallback; /* the default, as YAML; of strings, as it is */
	const char *description;
	size_t offset;              /* in struct config; 0: part of a list, or kept nowhere */
	const char *const *choices; /* ends with NULL */
	uint64_t least, most;
	const char *schema;  /* of a CONFIG_MAP: what it takes, as JSON schema */
	const char *current; /* the key that this is an older name of */
	const char *why;     /* the key has no effect: the reason */
	bool is_required;    /* in an item of a list */
	bool at_start_only;  /* a reload does not change it: needs a restart */
};

extern const struct config_row config_rows[];
extern const size_t config_row_count;

const struct config_row *config_row_find(struct str key);
const char *config_type_name(enum config_type type);

#endif

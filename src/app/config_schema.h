/* SPDX-License-Identifier: Apache-2.0 */
/* The table of configuration keys, for the sources of the configuration alone. */
#ifndef SAKER_APP_CONFIG_SCHEMA_H
#define SAKER_APP_CONFIG_SCHEMA_H

#include "app/config.h"

enum config_type {
	CONFIG_BOOL,     /* bool */
	CONFIG_NUMBER,   /* uint64_t, between least and most */
	CONFIG_REAL,     /* not kept: keys with it have no effect yet */
	CONFIG_STRING,   /* const char * */
	CONFIG_STRINGS,  /* struct string_list; one string stands for a list of one */
	CONFIG_CHOICE,   /* unsigned: index in choices, in any case */
	CONFIG_SEVERITY, /* unsigned: enum severity, by name */
	CONFIG_MAP,      /* anything: not looked into, or by a function of its own */
};

enum config_flag {
	CONFIG_IGNORED = 1 << 0, /* no effect in this version */
	CONFIG_LIST = 1 << 1,    /* the key is a list of maps, whose keys are rows "key[].x" */
	CONFIG_ALIAS = 1 << 2,   /* another name of a key: has no default of its own */
};

struct config_row {
	const char *key; /* "engine.kind", "plugins[].name" */
	enum config_type type;
	unsigned flags;
	const char *fallback; /* the default, as YAML */
	const char *description;
	size_t offset;              /* in struct config; unused with CONFIG_IGNORED */
	const char *const *choices; /* ends with NULL */
	uint64_t least, most;
};

extern const struct config_row config_rows[];
extern const size_t config_row_count;

const struct config_row *config_row_find(struct str key);
const char *config_type_name(enum config_type type);

#endif

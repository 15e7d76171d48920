/* SPDX-License-Identifier: Apache-2.0 */
/* The tree that files and assignments make, for the sources of the configuration alone. */
#ifndef SAKER_APP_CONFIG_TREE_H
#define SAKER_APP_CONFIG_TREE_H

#include "app/config.h"

/* Where a node of the tree comes from: a file, or an assignment's text. */
struct config_origin {
	const struct yaml_file *file; /* NULL: of an assignment */
	const char *assignment;
};

enum { CONFIG_MESSAGES_MAX = 200 };

/* Keeps a message (further ones than so many are counted), with the place of the node (NULL: none)
 * before it. */
__attribute__((format(printf, 4, 5))) void config_say(struct config *c, enum severity severity,
						      const struct yaml_node *node,
						      const char *format, ...);

/* The node of a key with dots; NULL: not set. */
const struct yaml_node *config_find(const struct config *c, const char *key);
/* The same with the place of the key itself. */
const struct yaml_node *config_find_key(const struct config *c, const char *key);

/* The first pair of a map with that key; NULL: none. */
struct yaml_pair *config_find_pair(const struct yaml_node *map, struct str key);
/* A list of the one value, as where one rules file is written without a list. */
struct yaml_node *config_as_list(struct config *c, struct yaml_node *value);
/* Everything in a value of -o, so that messages name the assignment instead of a file. */
void config_mark_assigned(struct config *c, struct yaml_node *node, const char *assignment);

/* Parses a default or a value of an assignment; NULL where it is no YAML. */
struct yaml_node *config_parse_value(struct config *c, const char *name, struct str text);

/* That there were more, if so; last. */
void config_say_rest(struct config *c);

/* "KEY: found ..., expected ...", with the node's place. */
void config_say_expected(struct config *c, const char *key, const struct yaml_node *node,
			 const char *expected);
/* A list of strings, or one string. False where it is neither; what is no string is told. */
bool config_take_strings(struct config *c, const char *key, const struct yaml_node *node,
			 struct string_list *out);

/* Lists of maps, and maps of any keys: rules, append_output, plugins, static_fields. */
void config_take_list(struct config *c, const char *key, const struct yaml_node *node);
/* Which of the plugins are to be loaded; when both lists have been read. */
void config_choose_plugins(struct config *c);
/* Those that there are: syscall, and those of the chosen plugins. */
uint32_t config_loaded_sources(const struct config *c);
/* append_output[].suggested_output: what the chosen plugins suggest. */
void config_suggest_outputs(struct config *c);

void string_list_add(struct string_list *list, struct arena *arena, const char *item);

#endif

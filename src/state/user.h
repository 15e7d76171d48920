/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and groups by id. Live: the host's passwd and group files, read whole at start and again
 * when they changed (noticed by a timer of the app, never by the event path). In replay: what the
 * capture says.
 */
#ifndef SAKER_STATE_USER_H
#define SAKER_STATE_USER_H

#include "base/error.h"
#include "base/str.h"

struct user {
	uint32_t uid;
	uint32_t gid;
	struct str name, home, shell;
};

struct group {
	uint32_t gid;
	struct str name;
};

struct user_table;

struct user_table *user_table_new(void);
void user_table_free(struct user_table *t);
/* Reads host_root/etc/passwd and group; 0, or a negative errno with what was known kept. */
int user_table_read(struct user_table *t, const char *host_root, struct error *err);
/* Adds what is written in files of that form, of which some may be empty. */
void user_table_parse(struct user_table *t, struct str passwd, struct str group);
void user_table_add_user(struct user_table *t, const struct user *u);
void user_table_add_group(struct user_table *t, const struct group *g);
void user_table_remove_user(struct user_table *t, uint32_t uid);
void user_table_remove_group(struct user_table *t, uint32_t gid);
/* All of them, in no order. */
void user_table_each_user(const struct user_table *t,
			  void (*visit)(void *context, const struct user *u), void *context);
void user_table_each_group(const struct user_table *t,
			   void (*visit)(void *context, const struct group *g), void *context);
const struct user *user_find(const struct user_table *t, uint32_t uid);
const struct group *group_find(const struct user_table *t, uint32_t gid);

#endif

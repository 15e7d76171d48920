/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rules_paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static void add(struct string_list *list, const char *path, struct arena *arena)
{
	const char **items = ARENA_ARRAY(arena, const char *, list->count + 1);

	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	items[list->count] = arena_cstr(arena, str_from(path));
	list->items = items;
	list->count++;
}

static int is_rules_file(const struct dirent *entry)
{
	struct str name = str_from(entry->d_name);

	return entry->d_name[0] != '.' &&
	       (str_ends_with(name, STR(".yaml")) || str_ends_with(name, STR(".yml")));
}

int rules_paths_add(struct string_list *list, const char *path, bool may_be_missing,
		    struct arena *arena, struct error *err)
{
	struct dirent **entries;
	struct stat st;
	int count;

	if (stat(path, &st) < 0) {
		if (!may_be_missing)
			add(list, path, arena);
		return 0;
	}
	if (!S_ISDIR(st.st_mode)) {
		add(list, path, arena);
		return 0;
	}
	count = scandir(path, &entries, is_rules_file, alphasort);
	if (count < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		add(list, arena_printf(arena, "%s/%s", path, entries[i]->d_name).p, arena);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

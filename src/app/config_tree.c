/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files made into one tree, into which config_set.c puts assignments: what is in `<<`, what the
 * environment says, which of two equal keys holds, what a further file adds to what was there.
 *
 * Only keys of the top level are merged between files, as in Falco; below them a later value
 * replaces the earlier one as a whole.
 */
#include "app/config_tree.h"

#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	MERGED_PAIRS_MAX = 100000,       /* that `<<` may add in a file */
	EXPANDED_MAX = 16 * 1024 * 1024, /* bytes of values with variables in a file */
	EXPANSIONS_MAX = 10000,          /* variables in a value: one may name another */
};

void config_say(struct config *c, enum severity severity, const struct yaml_node *node,
		const char *format, ...)
{
	char text[1024], place[512] = "";
	const struct config_origin *origin = u64map_get(&c->origins, (uintptr_t)node);
	va_list args;

	if (severity <= SEVERITY_ERROR)
		c->error_count++;
	if (c->message_count >= CONFIG_MESSAGES_MAX) {
		c->messages_left_out++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (origin && origin->assignment) {
		snprintf(place, sizeof(place), "-o %s: ", origin->assignment);
	} else if (origin) {
		struct yaml_position at = yaml_locate(origin->file, node->offset);

		snprintf(place, sizeof(place), "%s:%u:%u: ", origin->file->name, at.line,
			 at.column);
	}
	if (c->message_count == c->message_room)
		c->messages = vec_grow(c->messages, &c->message_room, sizeof(*c->messages));
	c->messages[c->message_count++] =
	    (struct config_message){severity, arena_printf(c->arena, "%s%s", place, text)};
}

void config_say_rest(struct config *c)
{
	struct config_message *last;

	if (!c->messages_left_out)
		return;
	last = &c->messages[c->message_count - 1];
	*last = (struct config_message){
	    c->error_count ? SEVERITY_ERROR : SEVERITY_WARNING,
	    arena_printf(c->arena, "%zu further messages of this kind are left out",
			 c->messages_left_out + 1)};
}

void string_list_add(struct string_list *list, struct arena *arena, const char *item)
{
	/* Powers of two: adding is linear in all. */
	if ((list->count & (list->count - 1)) == 0) {
		const char **items =
		    ARENA_ARRAY(arena, const char *, list->count ? 2 * list->count : 1);

		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
	}
	list->items[list->count++] = arena_cstr(arena, str_from(item));
}

struct yaml_pair *config_find_pair(const struct yaml_node *map, struct str key)
{
	for (uint32_t i = 0; map->kind == YAML_MAPPING && i < map->count; i++)
		if (map->pairs[i].key->kind == YAML_SCALAR &&
		    str_equal(map->pairs[i].key->text, key))
			return &map->pairs[i];
	return NULL;
}

static const struct yaml_pair *find_path(const struct config *c, const char *key)
{
	const struct yaml_node *node = c->root;
	const struct yaml_pair *pair = NULL;

	while (node && *key) {
		size_t n = strcspn(key, ".");

		pair = config_find_pair(node, (struct str){key, n});
		node = pair ? pair->value : NULL;
		key += n + (key[n] == '.');
	}
	return node ? pair : NULL;
}

const struct yaml_node *config_find(const struct config *c, const char *key)
{
	const struct yaml_pair *pair = find_path(c, key);

	return pair ? pair->value : NULL;
}

const struct yaml_node *config_find_key(const struct config *c, const char *key)
{
	const struct yaml_pair *pair = find_path(c, key);

	return pair ? pair->key : NULL;
}

struct yaml_node *config_parse_value(struct config *c, const char *name, struct str text)
{
	struct yaml_file file;
	struct error err;

	if (yaml_parse(&file, name, arena_str(c->arena, text), c->arena, &err) < 0 ||
	    file.document_count != 1)
		return NULL;
	return file.documents[0];
}

/* What goes over a tree that was read, and what it has used up. */
struct reading {
	struct config *c;
	struct config_origin *origin;
	size_t merged, expanded;
	bool failed;
};

static void fail(struct reading *r, const struct yaml_node *node, const char *message)
{
	if (!r->failed)
		config_say(r->c, SEVERITY_ERROR, node, "%s", message);
	r->failed = true;
}

/*
 * ${NAME} is the environment's value, nothing where there is none; what such a value names is
 * looked up, too. $${NAME} is ${NAME}. Another $ ends the search: the rest stays as it is. This is
 * what Falco does with configurations, to the byte.
 */
static void expand(struct reading *r, struct yaml_node *node)
{
	char *text = NULL;
	size_t size = 0, at = 0;
	unsigned count = 0;

	if (!memmem(node->text.p, node->text.n, "${", 2) ||
	    memchr(node->text.p, '\0', node->text.n))
		return;
	text = strndup(node->text.p, node->text.n);
	if (!text)
		abort();
	while (!r->failed) {
		char *dollar = strchr(text + at, '$'), *end, *next;
		const char *value;

		if (!dollar)
			break;
		at = (size_t)(dollar - text);
		end = strchr(dollar, '}');
		if (!end)
			break;
		if (dollar[1] == '$' && dollar[2] == '{') {
			memmove(dollar, dollar + 1, strlen(dollar));
			at++;
			continue;
		}
		if (dollar[1] != '{')
			break;
		*end = '\0';
		value = getenv(dollar + 2);
		if (!value)
			config_say(r->c, SEVERITY_WARNING, node,
				   "the environment has no %s; there is nothing in its place",
				   dollar + 2);
		size = at + strlen(value ? value : "") + strlen(end + 1) + 1;
		r->expanded += size;
		if (++count > EXPANSIONS_MAX || r->expanded > EXPANDED_MAX) {
			*end = '}';
			fail(r, node,
			     "variables of the environment make this value too long, or "
			     "name each other without an end");
			break;
		}
		next = malloc(size);
		if (!next)
			abort();
		memcpy(next, text, at);
		snprintf(next + at, size - at, "%s%s", value ? value : "", end + 1);
		free(text);
		text = next;
	}
	node->text = arena_str(r->c->arena, str_from(text));
	free(text);
}

static void add_missing_pairs(struct reading *r, struct yaml_node *map, struct strmap *names,
			      const struct yaml_node *source, size_t *room)
{
	for (uint32_t i = 0; i < source->count && !r->failed; i++) {
		const struct yaml_pair *pair = &source->pairs[i];

		if (pair->key->kind == YAML_SCALAR &&
		    strmap_put(names, pair->key->text, (void *)pair))
			continue;
		if (++r->merged > MERGED_PAIRS_MAX) {
			fail(r, source, "<<: merges make the file too large");
			return;
		}
		if (map->count == *room) {
			struct yaml_pair *pairs =
			    ARENA_ARRAY(r->c->arena, struct yaml_pair, 2 * *room + 8);

			if (map->count)
				memcpy(pairs, map->pairs, map->count * sizeof(*pairs));
			map->pairs = pairs;
			*room = 2 * *room + 8;
		}
		map->pairs[map->count++] = *pair;
	}
}

static bool is_merge_key(const struct yaml_node *key)
{
	return key->kind == YAML_SCALAR && key->style == YAML_PLAIN && !key->has_tag &&
	       str_equal(key->text, STR("<<"));
}

/* The last one of equal keys holds; then come those of `<<` that the map itself does not have. */
static void settle_keys(struct reading *r, struct yaml_node *map)
{
	struct strmap names = {0};
	uint32_t kept = map->count;
	size_t room = map->count, merges = 0;
	struct yaml_node **sources = ARENA_ARRAY(r->c->arena, struct yaml_node *, map->count + 1);

	for (uint32_t i = map->count; i-- > 0;) {
		struct yaml_pair pair = map->pairs[i];

		if (is_merge_key(pair.key))
			sources[merges++] = pair.value;
		else if (pair.key->kind != YAML_SCALAR ||
			 !strmap_put(&names, pair.key->text, pair.key))
			map->pairs[--kept] = pair;
	}
	map->count -= kept;
	memmove(map->pairs, map->pairs + kept, map->count * sizeof(*map->pairs));
	while (merges-- > 0) {
		const struct yaml_node *source = sources[merges];
		bool is_list = source->kind == YAML_SEQUENCE;

		for (uint32_t k = 0; k < (is_list ? source->count : 1); k++) {
			const struct yaml_node *one = is_list ? source->items[k] : source;

			if (one->kind == YAML_MAPPING)
				add_missing_pairs(r, map, &names, one, &room);
			else
				config_say(r->c, SEVERITY_ERROR, one,
					   "<<: expected a map, or a list of maps");
		}
	}
	strmap_free(&names);
}

/* Every node once, however many aliases share it; what is inside first. */
static void prepare(struct reading *r, struct yaml_node *node, bool is_value)
{
	/* The depth of a tree that was read is limited. */
	if (u64map_put(&r->c->origins, (uintptr_t)node, r->origin))
		return;
	if (node->kind == YAML_SCALAR) {
		if (is_value && r->origin->file)
			expand(r, node);
		return;
	}
	for (uint32_t i = 0; i < node->count; i++) {
		if (node->kind == YAML_SEQUENCE) {
			prepare(r, node->items[i], true);
		} else {
			prepare(r, node->pairs[i].key, false);
			prepare(r, node->pairs[i].value, true);
		}
	}
	if (node->kind == YAML_MAPPING && node->count > 0)
		settle_keys(r, node);
}

/* A map of a file, ready to be merged, in *root; NULL where the file is empty. */
static int read_text(struct config *c, const char *name, struct str text, struct yaml_node **root,
		     struct error *err)
{
	struct yaml_file *file = ARENA_NEW(c->arena, struct yaml_file);
	struct reading r = {.c = c, .origin = ARENA_NEW(c->arena, struct config_origin)};
	int status = yaml_parse(file, arena_cstr(c->arena, str_from(name)), text, c->arena, err);

	*root = NULL;
	if (status < 0)
		return status;
	r.origin->file = file;
	if (file->document_count == 0 || yaml_is_null(file->documents[0]))
		return 0;
	if (file->documents[0]->kind != YAML_MAPPING) {
		error_set(err, -EINVAL, "a configuration is a map of keys and values");
		error_locate(err, name, 1, 1);
		return -EINVAL;
	}
	prepare(&r, file->documents[0], true);
	if (file->document_count > 1) {
		u64map_put(&c->origins, (uintptr_t)file->documents[1], r.origin);
		config_say(c, SEVERITY_WARNING, file->documents[1],
			   "only the first document of the file is read");
	}
	for (size_t i = 0; i < file->duplicate_count; i++)
		if (u64map_get(&c->origins, (uintptr_t)file->duplicates[i]) &&
		    !is_merge_key(file->duplicates[i]))
			config_say(c, SEVERITY_WARNING, file->duplicates[i],
				   "%.*s: stands here a second time; the last one holds",
				   STR_ARG(file->duplicates[i]->text));
	*root = file->documents[0];
	return 0;
}

static struct yaml_node *joined(struct config *c, const struct yaml_node *first,
				const struct yaml_node *second)
{
	struct yaml_node *list = ARENA_NEW(c->arena, struct yaml_node);

	*list = *first;
	list->count = first->count + second->count;
	list->items = ARENA_ARRAY(c->arena, struct yaml_node *, list->count + 1);
	if (first->count)
		memcpy(list->items, first->items, first->count * sizeof(*list->items));
	if (second->count)
		memcpy(list->items + first->count, second->items,
		       second->count * sizeof(*list->items));
	u64map_put(&c->origins, (uintptr_t)list, u64map_get(&c->origins, (uintptr_t)first));
	return list;
}

struct yaml_node *config_as_list(struct config *c, struct yaml_node *value)
{
	struct yaml_node *list = ARENA_NEW(c->arena, struct yaml_node);

	list->kind = YAML_SEQUENCE;
	list->offset = value->offset;
	if (!yaml_is_null(value)) {
		list->items = ARENA_ARRAY(c->arena, struct yaml_node *, 1);
		list->items[list->count++] = value;
	}
	u64map_put(&c->origins, (uintptr_t)list, u64map_get(&c->origins, (uintptr_t)value));
	return list;
}

/* One value of a further file over the one that was there. */
static void merge_value(struct config *c, struct yaml_pair *slot, const struct yaml_pair *pair,
			enum merge_strategy strategy)
{
	if (strategy == MERGE_ADD_ONLY)
		return;
	if (strategy == MERGE_OVERRIDE || pair->value->kind != YAML_SEQUENCE) {
		*slot = *pair;
		return;
	}
	if (slot->value->kind == YAML_SCALAR)
		slot->value = config_as_list(c, slot->value);
	if (slot->value->kind == YAML_SEQUENCE)
		slot->value = joined(c, slot->value, pair->value);
	else
		config_say(c, SEVERITY_ERROR, pair->value,
			   "%.*s: a list cannot be appended to a map", STR_ARG(pair->key->text));
}

static void merge(struct config *c, const struct yaml_node *map, enum merge_strategy strategy)
{
	struct yaml_node *root = c->root;
	struct yaml_pair *pairs = ARENA_ARRAY(c->arena, struct yaml_pair, root->count + map->count);
	struct strmap names = {0};

	if (root->count)
		memcpy(pairs, root->pairs, root->count * sizeof(*pairs));
	root->pairs = pairs;
	for (uint32_t i = 0; i < root->count; i++)
		strmap_put(&names, pairs[i].key->text, &pairs[i]);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct yaml_pair *pair = &map->pairs[i];
		struct yaml_pair *slot;

		if (pair->key->kind != YAML_SCALAR) {
			config_say(c, SEVERITY_ERROR, pair->key, "a key must be a word");
			continue;
		}
		slot = strmap_get(&names, pair->key->text);
		if (slot)
			merge_value(c, slot, pair, strategy);
		else
			pairs[root->count++] = *pair;
	}
	strmap_free(&names);
}

int config_read_text(struct config *c, const char *name, struct str text, struct error *err)
{
	struct yaml_node *map;
	int status = read_text(c, name, text, &map, err);

	if (map)
		merge(c, map, MERGE_OVERRIDE);
	return status;
}

int config_merge_text(struct config *c, const char *name, struct str text,
		      enum merge_strategy strategy, struct error *err)
{
	struct yaml_node *map;
	const struct yaml_pair *nested;
	int status = read_text(c, name, text, &map, err);

	if (!map)
		return status;
	nested = config_find_pair(map, STR("config_files"));
	if (nested) {
		const struct config_origin *origin =
		    u64map_get(&c->origins, (uintptr_t)nested->key);
		struct yaml_position at = yaml_locate(origin->file, nested->key->offset);

		error_set(err, -EINVAL,
			  "config_files: only the main file may name further ones%s%s",
			  c->path ? ": " : "", c->path ? c->path : "");
		error_locate(err, name, at.line, at.column);
		return -EINVAL;
	}
	merge(c, map, strategy);
	return 0;
}

int config_read(struct config *c, const char *path, struct error *err)
{
	struct str text;
	int status = yaml_read_file(path, c->arena, &text, err);

	if (status < 0)
		return status;
	c->path = arena_cstr(c->arena, str_from(path));
	string_list_add(&c->files, c->arena, path);
	return config_read_text(c, path, text, err);
}

static int merge_file(struct config *c, const char *path, enum merge_strategy strategy,
		      struct error *err)
{
	struct str text;
	int status;

	if (c->path && strcmp(path, c->path) == 0)
		return error_set(err, -EINVAL, "config_files: %s names itself", path);
	status = yaml_read_file(path, c->arena, &text, err);
	if (status < 0)
		return status;
	string_list_add(&c->files, c->arena, path);
	return config_merge_text(c, path, text, strategy, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int merge_directory(struct config *c, const char *path, enum merge_strategy strategy,
			   struct error *err)
{
	struct dirent **entries;
	int status = 0, count = scandir(path, &entries, NULL, by_name);

	if (count < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	string_list_add(&c->directories, c->arena, path);
	for (int i = 0; i < count; i++) {
		const char *file = arena_printf(c->arena, "%s/%s", path, entries[i]->d_name).p;
		struct stat st;

		if (status == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
			status = merge_file(c, file, strategy, err);
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* An entry of config_files: a path, or `path` with a `strategy`. False where it is neither. */
static bool take_entry(struct config *c, const struct yaml_node *entry, const char **path,
		       enum merge_strategy *strategy)
{
	static const char *const names[] = {"append", "override", "add-only"};
	const struct yaml_node *how;

	*strategy = MERGE_APPEND;
	if (entry->kind == YAML_MAPPING) {
		how = yaml_get(entry, "strategy");
		for (uint32_t i = 0; i < entry->count; i++)
			if (entry->pairs[i].value != how &&
			    !str_equal(entry->pairs[i].key->text, STR("path")))
				config_say(c, SEVERITY_WARNING, entry->pairs[i].key,
					   "config_files[].%.*s: no such key; there are path and "
					   "strategy",
					   STR_ARG(entry->pairs[i].key->text));
		if (how && !yaml_is_null(how)) {
			bool is_known = false;

			for (unsigned i = 0; i < 3 && how->kind == YAML_SCALAR; i++) {
				if (!str_equal_c(how->text, names[i]))
					continue;
				*strategy = (enum merge_strategy)i;
				is_known = true;
			}
			if (!is_known) {
				config_say_expected(c, "config_files[].strategy", how,
						    "append, override or add-only");
				return false;
			}
		}
		entry = yaml_get(entry, "path");
	}
	if (!entry || entry->kind != YAML_SCALAR)
		return false;
	*path = arena_cstr(c->arena, entry->text);
	return true;
}

int config_merge_files(struct config *c, struct error *err)
{
	const struct yaml_pair *pair = config_find_pair(c->root, STR("config_files"));
	struct yaml_node *list;
	int status = 0;

	if (!pair || yaml_is_null(pair->value))
		return 0;
	list = pair->value->kind == YAML_SEQUENCE ? pair->value : config_as_list(c, pair->value);
	for (uint32_t i = 0; i < list->count && status == 0; i++) {
		enum merge_strategy strategy;
		const char *path;
		struct stat st;

		if (!take_entry(c, list->items[i], &path, &strategy))
			config_say_expected(c, "config_files", list->items[i],
					    "a path, or `path` with a `strategy`");
		else if (stat(path, &st) < 0)
			continue;
		else if (S_ISDIR(st.st_mode))
			status = merge_directory(c, path, strategy, err);
		else
			status = merge_file(c, path, strategy, err);
	}
	return status;
}

void config_mark_assigned(struct config *c, struct yaml_node *node, const char *assignment)
{
	struct reading r = {.c = c, .origin = ARENA_NEW(c->arena, struct config_origin)};

	r.origin->assignment = assignment;
	prepare(&r, node, true);
}

int config_load(struct config *c, const char *path, const char *const *assignments, size_t count,
		struct error *err)
{
	static const char config_files[] = "config_files";
	int status = path ? config_read(c, path, err) : 0;

	/* What says which files there are comes before them, everything else after them. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < count && status == 0; i++) {
			bool is_files =
			    strncmp(assignments[i], config_files, strlen(config_files)) == 0;

			if (is_files == (pass == 0))
				status = config_set(c, assignments[i], err);
		}
		if (pass == 0 && status == 0)
			status = config_merge_files(c, err);
	}
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From files to a rule set: reads all, resolves all, then checks each rule. */
#include "rules/compilation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void warn_of_unused(struct loader *l)
{
	VEC_FOREACH (m, &l->macros) {
		struct place at = place_node((*m)->item.at.file, (*m)->item.at.node, &(*m)->item);

		if (!(*m)->is_used)
			warn(l, "LOAD_UNUSED_MACRO", &at, "no rule and no macro uses this macro");
	}
	VEC_FOREACH (list, &l->lists) {
		struct place at =
		    place_node((*list)->item.at.file, (*list)->item.at.node, &(*list)->item);

		if (!(*list)->is_used)
			warn(l, "LOAD_UNUSED_LIST", &at,
			     "no rule, no macro and no list uses this list");
	}
}

static struct loader *loader_new(const struct rules_options *options, size_t file_count)
{
	struct arena *arena = arena_new(), *own = arena_new();
	struct rule_set *set = ARENA_NEW(arena, struct rule_set);
	struct loader *l = ARENA_NEW(own, struct loader);

	set->arena = arena;
	set->loader = l;
	set->files = ARENA_ARRAY(arena, struct rules_file, file_count);
	l->set = set;
	l->options = options;
	l->arena = own;
	return l;
}

/* What is kept when all is done. */
static struct rule_set *finish(struct loader *l)
{
	struct rule_set *set = l->set;

	set->diagnostic_count = l->diagnostics.count;
	set->diagnostics = ARENA_ARRAY(set->arena, struct diagnostic, l->diagnostics.count);
	if (l->diagnostics.count)
		memcpy(set->diagnostics, l->diagnostics.items,
		       l->diagnostics.count * sizeof(*set->diagnostics));
	VEC_FREE(&l->diagnostics);
	set->macro_count = l->macros.count;
	set->list_count = l->lists.count;
	if (set->error_count)
		set->rule_count = 0;
	u64map_free(&l->told);
	l->options = NULL;
	return set;
}

static void load_file(struct loader *l, const char *name, struct str text)
{
	struct yaml_file *file = ARENA_NEW(l->arena, struct yaml_file);
	struct rules_file *counts = &l->set->files[l->set->file_count++];
	struct error err = {0};

	*counts = (struct rules_file){.path = arena_cstr(l->set->arena, str_from(name))};
	VEC_PUSH(&l->files, file);
	if (yaml_parse(file, counts->path, text, l->arena, &err) < 0) {
		struct place at = {.file = file, .offset = err.offset};

		l->is_incomplete = true;
		fail(l, "LOAD_ERR_YAML_PARSE", &at, "%s", err.message);
	}
	read_items(l, counts, file);
}

static struct rule_set *resolve_and_compile(struct loader *l)
{
	resolve_lists(l);
	resolve_macros(l);
	compile_rules(l);
	if (!l->set->error_count)
		warn_of_unused(l);
	return finish(l);
}

struct rule_set *rules_load_texts(const struct rules_text *texts, size_t count,
				  const struct rules_options *options)
{
	struct loader *l = loader_new(options, count);

	for (size_t i = 0; i < count; i++)
		load_file(l, texts[i].name, texts[i].text);
	return resolve_and_compile(l);
}

struct rule_set *rules_load(const char *const *paths, size_t count,
			    const struct rules_options *options)
{
	struct loader *l = loader_new(options, count);

	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		struct str text;

		if (yaml_read_file(paths[i], l->arena, &text, &err) < 0) {
			struct yaml_file *file = ARENA_NEW(l->arena, struct yaml_file);
			struct place at = {.file = file};

			file->name = arena_cstr(l->set->arena, str_from(paths[i]));
			l->set->files[l->set->file_count++].path = file->name;
			l->is_incomplete = true;
			fail(l, "LOAD_ERR_FILE_READ", &at, "%s", err.message);
			continue;
		}
		load_file(l, paths[i], text);
	}
	return resolve_and_compile(l);
}

void rules_forget_sources(struct rule_set *set)
{
	struct loader *l = set->loader;

	if (!l)
		return;
	VEC_FOREACH (d, &l->rules)
		rule_definition_free(*d);
	VEC_FOREACH (m, &l->macros) {
		VEC_FREE(&(*m)->condition);
		VEC_FREE(&(*m)->names);
	}
	VEC_FOREACH (list, &l->lists)
		VEC_FREE(&(*list)->items);
	VEC_FREE(&l->rules);
	VEC_FREE(&l->macros);
	VEC_FREE(&l->lists);
	VEC_FREE(&l->files);
	VEC_FREE(&l->plugins);
	expression_pool_free(&l->expressions);
	strmap_free(&l->outputs);
	strmap_free(&l->rules_by_name);
	strmap_free(&l->macros_by_name);
	strmap_free(&l->lists_by_name);
	set->loader = NULL;
	arena_free(l->arena);
}

void rules_free(struct rule_set *set)
{
	if (!set)
		return;
	rules_forget_sources(set);
	arena_free(set->arena);
}

bool rule_name_matches(struct str name, struct str pattern)
{
	size_t n = 0, p = 0, star = SIZE_MAX, resume = 0;

	/* Only the last star met needs to be tried again: what comes before it stays matched. */
	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			resume = n;
		} else if (p < pattern.n && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

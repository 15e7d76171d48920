/* SPDX-License-Identifier: Apache-2.0 */
#include "state/user.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* passwd(5) and group(5) of directories with very many users; larger files are refused. */
enum { USER_FILE_MAX = 256 * 1024 * 1024 };

struct user_table {
	struct u64map users;  /* uid + 1 -> struct user */
	struct u64map groups; /* gid + 1 -> struct group */
	struct arena *arena;  /* holds them and their strings */
};

struct user_table *user_table_new(void)
{
	struct user_table *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->arena = arena_new();
	return t;
}

static void release(struct user_table *t)
{
	u64map_free(&t->users);
	u64map_free(&t->groups);
	arena_free(t->arena);
}

void user_table_free(struct user_table *t)
{
	if (!t)
		return;
	release(t);
	free(t);
}

void user_table_add_user(struct user_table *t, const struct user *u)
{
	struct user *known = u64map_get(&t->users, (uint64_t)u->uid + 1);

	/* Captures repeat users; only what is new takes memory. */
	if (known && known->gid == u->gid && str_equal(known->name, u->name) &&
	    str_equal(known->home, u->home) && str_equal(known->shell, u->shell))
		return;

	struct user *copy = ARENA_NEW(t->arena, struct user);

	*copy = (struct user){
	    .uid = u->uid,
	    .gid = u->gid,
	    .name = arena_str(t->arena, u->name),
	    .home = arena_str(t->arena, u->home),
	    .shell = arena_str(t->arena, u->shell),
	};
	u64map_put(&t->users, (uint64_t)u->uid + 1, copy);
}

void user_table_add_group(struct user_table *t, const struct group *g)
{
	struct group *known = u64map_get(&t->groups, (uint64_t)g->gid + 1);

	if (known && str_equal(known->name, g->name))
		return;

	struct group *copy = ARENA_NEW(t->arena, struct group);

	*copy = (struct group){.gid = g->gid, .name = arena_str(t->arena, g->name)};
	u64map_put(&t->groups, (uint64_t)g->gid + 1, copy);
}

void user_table_remove_user(struct user_table *t, uint32_t uid)
{
	u64map_remove(&t->users, (uint64_t)uid + 1);
}

void user_table_remove_group(struct user_table *t, uint32_t gid)
{
	u64map_remove(&t->groups, (uint64_t)gid + 1);
}

/* Comments, and what stands for users of other services. */
static bool is_skipped(struct str line)
{
	return line.n == 0 || line.p[0] == '#' || line.p[0] == '+' || line.p[0] == '-';
}

/* Cuts the first field off a line. */
static struct str next_field(struct str *line)
{
	size_t end = str_find_byte(*line, ':', 0);
	struct str field = str_slice(*line, 0, end);

	*line = str_slice(*line, end + 1, line->n);
	return field;
}

static bool parse_id(struct str text, uint32_t *out)
{
	uint64_t v;

	if (!str_to_u64(text, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static void parse_passwd_line(struct user_table *t, struct str line)
{
	struct user u = {.name = {"", 0}};

	if (is_skipped(line))
		return;
	u.name = next_field(&line);
	next_field(&line); /* password */
	struct str uid = next_field(&line);
	struct str gid = next_field(&line);
	next_field(&line); /* full name */
	u.home = next_field(&line);
	u.shell = next_field(&line);
	/* As with getpwuid(3), the first line of an id counts. */
	if (u.name.n && parse_id(uid, &u.uid) && parse_id(gid, &u.gid) && !user_find(t, u.uid))
		user_table_add_user(t, &u);
}

static void parse_group_line(struct user_table *t, struct str line)
{
	struct group g = {.name = {"", 0}};

	if (is_skipped(line))
		return;
	g.name = next_field(&line);
	next_field(&line); /* password */
	if (g.name.n && parse_id(next_field(&line), &g.gid) && !group_find(t, g.gid))
		user_table_add_group(t, &g);
}

static int read_file(struct user_table *t, const char *host_root, const char *name,
		     void (*parse)(struct user_table *t, struct str line), struct error *err)
{
	char path[PATH_MAX];
	CLEANUP_FCLOSE FILE *f = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t room = 0;
	size_t total = 0;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s%s", host_root ? host_root : "", name) >=
	    (int)sizeof(path))
		return error_set(err, -ENAMETOOLONG, "path too long: %s%s", host_root, name);
	f = fopen(path, "re");
	if (!f) {
		int code = -errno;

		return error_set(err, code, "cannot read %s: %s", path, strerror(-code));
	}
	while ((n = getline(&text, &room, f)) > 0) {
		struct str line = str_trim((struct str){text, (size_t)n});

		total += (size_t)n;
		if (total > USER_FILE_MAX)
			return error_set(err, -EFBIG, "%s is larger than %d bytes", path,
					 USER_FILE_MAX);
		parse(t, line);
	}
	return ferror(f) ? error_set(err, -EIO, "cannot read %s", path) : 0;
}

static void parse_text(struct user_table *t, struct str text,
		       void (*parse)(struct user_table *t, struct str line))
{
	while (text.n) {
		size_t end = str_find_byte(text, '\n', 0);

		parse(t, str_trim(str_slice(text, 0, end)));
		text = str_slice(text, end + 1, text.n);
	}
}

void user_table_parse(struct user_table *t, struct str passwd, struct str group)
{
	parse_text(t, passwd, parse_passwd_line);
	parse_text(t, group, parse_group_line);
}

int user_table_read(struct user_table *t, const char *host_root, struct error *err)
{
	struct user_table fresh = {.arena = arena_new()};
	int code = read_file(&fresh, host_root, "/etc/passwd", parse_passwd_line, err);

	if (code == 0)
		code = read_file(&fresh, host_root, "/etc/group", parse_group_line, err);
	if (code == 0) {
		release(t);
		*t = fresh;
	} else {
		release(&fresh);
	}
	return code;
}

const struct user *user_find(const struct user_table *t, uint32_t uid)
{
	return u64map_get(&t->users, (uint64_t)uid + 1);
}

const struct group *group_find(const struct user_table *t, uint32_t gid)
{
	return u64map_get(&t->groups, (uint64_t)gid + 1);
}

void user_table_each_user(const struct user_table *t,
			  void (*visit)(void *context, const struct user *u), void *context)
{
	for (size_t i = 0; i < t->users.size; i++)
		if (t->users.entries[i].value)
			visit(context, t->users.entries[i].value);
}

void user_table_each_group(const struct user_table *t,
			   void (*visit)(void *context, const struct group *g), void *context)
{
	for (size_t i = 0; i < t->groups.size; i++)
		if (t->groups.entries[i].value)
			visit(context, t->groups.entries[i].value);
}

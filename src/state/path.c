/* SPDX-License-Identifier: Apache-2.0 */
#include "state/path.h"

/* Where the output began, and whether it is absolute: ".." never leaves that. */
struct joining {
	struct buffer *out;
	size_t start;
	size_t floor; /* below this no component may be taken back */
};

static void take_back(struct joining *j)
{
	size_t n = j->out->n;

	while (n > j->floor && j->out->p[n - 1] != '/')
		n--;
	if (n > j->floor) /* the slash before it */
		n--;
	j->out->n = n;
}

static void add_component(struct joining *j, struct str c)
{
	bool is_relative_start = j->out->n == j->start;

	if (!is_relative_start && j->out->p[j->out->n - 1] != '/')
		buffer_putc(j->out, '/');
	buffer_put(j->out, c);
}

static void add_path(struct joining *j, struct str path, bool is_absolute)
{
	for (size_t at = 0; at < path.n;) {
		size_t end = str_find_byte(path, '/', at);
		struct str c = str_slice(path, at, end);

		at = end + 1;
		/* What was cut has no components that ".." could take back. */
		if (c.n == 0 || str_equal(c, STR(".")) || j->out->is_truncated)
			continue;
		if (!str_equal(c, STR(".."))) {
			add_component(j, c);
		} else if (j->out->n > j->floor) {
			take_back(j);
		} else if (!is_absolute) {
			add_component(j, c);
			j->floor = j->out->n;
		}
	}
}

void path_join(struct buffer *out, struct str base, struct str name)
{
	bool is_name_absolute = name.n && name.p[0] == '/';
	bool is_absolute = is_name_absolute || (base.n && base.p[0] == '/');
	struct joining j = {.out = out, .start = out->n};

	if (is_absolute)
		buffer_putc(out, '/');
	j.floor = out->n;
	if (!is_name_absolute)
		add_path(&j, base, is_absolute);
	add_path(&j, name, is_absolute);
}

bool path_is_normal(struct str path)
{
	if (path.n == 0 || path.p[0] != '/')
		return false;
	if (path.n == 1)
		return true;
	/* memchr finds the few dots and slashes faster than a loop over bytes would. */
	for (size_t at = 1; at <= path.n;) {
		const char *c = path.p + at;
		size_t left = path.n - at;
		const char *slash = left ? memchr(c, '/', left) : NULL;
		size_t n = slash ? (size_t)(slash - c) : left;

		if (n == 0 || (c[0] == '.' && (n == 1 || (n == 2 && c[1] == '.'))))
			return false;
		at += n + 1;
	}
	return true;
}

/* Behind the last slash; 0 where there is none. */
static size_t basename_start(struct str path)
{
	size_t n = path.n;

	while (n && path.p[n - 1] != '/')
		n--;
	return n;
}

struct str path_directory(struct str path)
{
	size_t start = basename_start(path);

	return str_slice(path, 0, start > 1 ? start - 1 : start);
}

struct str path_basename(struct str path)
{
	return str_slice(path, basename_start(path), path.n);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "state/path.h"

#include "base/bytes16.h"

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

/* Which bytes of x are zero: their highest bit. */
static uint64_t zero_bytes(uint64_t x)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);

	return ~(((x & low) + low) | x | low);
}

/*
 * Whether a slash is followed by another or by a dot, whose code is that of a slash less one; only
 * such a name can have something to take out. Eight characters at a time.
 */
static bool has_slash_with_dot_or_slash(struct str s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t at = 0;

	for (; at + sizeof(uint64_t) < s.n; at += sizeof(uint64_t)) {
		uint64_t these, next;

		memcpy(&these, s.p + at, sizeof(these));
		memcpy(&next, s.p + at + 1, sizeof(next));
		if (zero_bytes(these ^ ones * '/') & zero_bytes((next | ones) ^ ones * '/'))
			return true;
	}
	for (; at + 1 < s.n; at++)
		if (s.p[at] == '/' && (s.p[at + 1] | 1) == '/')
			return true;
	return false;
}

/* Absolute, and certainly as it would come out; a slash at the end may be allowed. */
static bool is_plain(struct str path)
{
	return path.n > 1 && path.p[0] == '/' && !has_slash_with_dot_or_slash(path);
}

/* Most names need nothing. */
static bool join_plain(struct buffer *out, struct str base, struct str name)
{
	if (!name.n || name.p[name.n - 1] == '/')
		return false;
	if (name.p[0] == '/') {
		if (!is_plain(name))
			return false;
		buffer_put(out, name);
		return true;
	}
	if (name.p[0] == '.' || !is_plain(base) || has_slash_with_dot_or_slash(name))
		return false;
	buffer_put(out, base);
	if (base.p[base.n - 1] != '/')
		buffer_putc(out, '/');
	buffer_put(out, name);
	return true;
}

void path_join(struct buffer *out, struct str base, struct str name)
{
	bool is_name_absolute = name.n && name.p[0] == '/';
	bool is_absolute = is_name_absolute || (base.n && base.p[0] == '/');
	struct joining j = {.out = out, .start = out->n};

	if (join_plain(out, base, name))
		return;
	if (is_absolute)
		buffer_putc(out, '/');
	j.floor = out->n;
	if (!is_name_absolute)
		add_path(&j, base, is_absolute);
	add_path(&j, name, is_absolute);
}

static bool has_slash_before(struct str path, char one, char other)
{
	const bytes16 slashes = bytes16_all('/');
	const bytes16 ones = bytes16_all((uint8_t)one), others = bytes16_all((uint8_t)other);

	for (size_t i = 0; i + 1 < path.n;) {
		if (path.n < sizeof(bytes16) + 1) {
			if (path.p[i] == '/' && (path.p[i + 1] == one || path.p[i + 1] == other))
				return true;
			i++;
			continue;
		}
		/* The last sixteen overlap those before them. */
		if (i > path.n - sizeof(bytes16) - 1)
			i = path.n - sizeof(bytes16) - 1;
		bytes16 behind = bytes16_load(path.p + i + 1);

		if (bytes16_any(bytes16_equal(bytes16_load(path.p + i), slashes) &
				(bytes16_equal(behind, ones) | bytes16_equal(behind, others))))
			return true;
		i += sizeof(bytes16);
	}
	return false;
}

bool path_has_double_slash(struct str path)
{
	return has_slash_before(path, '/', '/');
}

bool path_is_normal(struct str path)
{
	if (path.n == 0 || path.p[0] != '/')
		return false;
	if (path.n == 1)
		return true;
	/* Most are without doubt, which is found out in a third of the time. */
	if (!has_slash_before(path, '/', '.'))
		return path.p[path.n - 1] != '/';
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

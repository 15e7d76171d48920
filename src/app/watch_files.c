/* SPDX-License-Identifier: Apache-2.0 */
#include "app/watch_files.h"

#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MOST = 40 };
#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |   \
	 IN_MOVE_SELF)

/* A name in a watched directory; NULL: all of them. */
struct watched_name {
	int wd;
	char *name;
	char *directory;
	bool is_used; /* named since watch_files_begin */
};

struct watch_files {
	int fd;
	VEC(struct watched_name) names;
	VEC(char *) files; /* for watch_files_has_changed, of this round */
};

struct watch_files *watch_files_new(struct error *err)
{
	struct watch_files *w = calloc(1, sizeof(*w));

	if (!w) {
		error_set(err, -ENOMEM, "no memory");
		return NULL;
	}
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd >= 0)
		return w;
	error_set(err, -errno, "inotify: %s", strerror(errno));
	free(w);
	return NULL;
}

static void free_name(struct watched_name *n)
{
	free(n->name);
	free(n->directory);
}

static void forget_files(struct watch_files *w)
{
	VEC_FOREACH (file, &w->files)
		free(*file);
	w->files.count = 0;
}

void watch_files_free(struct watch_files *w)
{
	if (!w)
		return;
	VEC_FOREACH (n, &w->names)
		free_name(n);
	VEC_FREE(&w->names);
	forget_files(w);
	VEC_FREE(&w->files);
	close(w->fd);
	free(w);
}

int watch_files_fd(const struct watch_files *w)
{
	return w->fd;
}

static char *copy(const char *text)
{
	char *s = strdup(text);

	if (!s)
		abort();
	return s;
}

static bool is_same_name(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int watch_name(struct watch_files *w, const char *directory, const char *name,
		      struct error *err)
{
	int wd = inotify_add_watch(w->fd, directory, EVENTS | IN_ONLYDIR);

	if (wd < 0)
		return error_set(err, -errno, "%s: cannot be watched: %s", directory,
				 strerror(errno));
	VEC_FOREACH (n, &w->names) {
		if (n->wd == wd && is_same_name(n->name, name)) {
			n->is_used = true;
			return 0;
		}
	}
	VEC_PUSH(&w->names, ((struct watched_name){
				.wd = wd,
				.name = name ? copy(name) : NULL,
				.directory = copy(directory),
				.is_used = true,
			    }));
	return 0;
}

/* The way to a path: rest is looked up from directory. */
struct way {
	char directory[PATH_MAX]; /* no symbolic link in it; ends with a slash */
	char rest[PATH_MAX];
};

/* Takes the next name off the rest; false: there is none. */
static bool next_name(struct way *way, char name[NAME_MAX + 1])
{
	char *from = way->rest + strspn(way->rest, "/");
	size_t n = strcspn(from, "/");

	if (n == 0 || n > NAME_MAX)
		return false;
	memcpy(name, from, n);
	name[n] = 0;
	memmove(way->rest, from + n, strlen(from + n) + 1);
	return true;
}

static bool is_last(const struct way *way)
{
	return way->rest[strspn(way->rest, "/")] == 0;
}

/* Puts a link's target before the rest. */
static bool follow(struct way *way, const char *link)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = 0;
	if (target[0] == '/')
		memcpy(way->directory, "/", 2);
	if (snprintf(rest, sizeof(rest), "%s/%s", target, way->rest) >= (int)sizeof(rest))
		return false;
	memcpy(way->rest, rest, strlen(rest) + 1);
	return true;
}

static int watch_way(struct watch_files *w, struct way *way, struct error *err)
{
	char name[NAME_MAX + 1], at[PATH_MAX];
	unsigned links = 0;

	while (next_name(way, name)) {
		struct stat st;
		bool exists;

		if (snprintf(at, sizeof(at), "%s%s", way->directory, name) >= (int)sizeof(at) - 1)
			return error_set(err, -ENAMETOOLONG, "%s%s: too long a path",
					 way->directory, name);
		exists = lstat(at, &st) == 0;
		if (!exists || S_ISLNK(st.st_mode) || is_last(way)) {
			int status = watch_name(w, way->directory, name, err);

			if (status < 0 || !exists)
				return status;
		}
		if (S_ISLNK(st.st_mode)) {
			if (++links > LINKS_MOST || !follow(way, at))
				return 0;
			continue;
		}
		if (is_last(way))
			return 0;
		memcpy(way->directory, at, strlen(at));
		memcpy(way->directory + strlen(at), "/", 2);
	}
	return 0;
}

void watch_files_begin(struct watch_files *w)
{
	VEC_FOREACH (n, &w->names)
		n->is_used = false;
	forget_files(w);
}

int watch_files_add(struct watch_files *w, const char *path, struct error *err)
{
	struct way way = {.directory = "/"};

	VEC_PUSH(&w->files, copy(path));
	if (path[0] != '/') {
		if (!getcwd(way.directory, sizeof(way.directory) - 1))
			return error_set(err, -errno, "%s: %s", path, strerror(errno));
		strcat(way.directory, way.directory[1] ? "/" : "");
	}
	if (snprintf(way.rest, sizeof(way.rest), "%s", path) >= (int)sizeof(way.rest))
		return error_set(err, -ENAMETOOLONG, "%s: too long a path", path);
	return watch_way(w, &way, err);
}

int watch_files_add_directory(struct watch_files *w, const char *path, struct error *err)
{
	int status = watch_files_add(w, path, err);

	/* One that is not there is watched for where it would appear. */
	if (status < 0 || access(path, F_OK) < 0)
		return status;
	return watch_name(w, path, NULL, err);
}

static bool is_watched(const struct watch_files *w, int wd)
{
	VEC_FOREACH (n, &w->names)
		if (n->wd == wd && n->is_used)
			return true;
	return false;
}

void watch_files_end(struct watch_files *w)
{
	size_t kept = 0;

	VEC_FOREACH (n, &w->names)
		if (!n->is_used && !is_watched(w, n->wd))
			inotify_rm_watch(w->fd, n->wd);
	for (size_t i = 0; i < w->names.count; i++) {
		if (w->names.items[i].is_used)
			w->names.items[kept++] = w->names.items[i];
		else
			free_name(&w->names.items[i]);
	}
	w->names.count = kept;
}

/* A file that has just been made is told of again when it has been written. */
static bool is_unfinished(const struct watched_name *n, const struct inotify_event *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (!(e->mask & IN_CREATE) || e->mask & IN_ISDIR ||
	    snprintf(path, sizeof(path), "%s/%s", n->directory, e->name) >= (int)sizeof(path))
		return false;
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static bool concerns(const struct watch_files *w, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		return true;
	VEC_FOREACH (n, &w->names) {
		if (n->wd != e->wd)
			continue;
		if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
			return true;
		if (e->len && (!n->name || strcmp(n->name, e->name) == 0) && !is_unfinished(n, e))
			return true;
	}
	return false;
}

bool watch_files_take(struct watch_files *w)
{
	_Alignas(struct inotify_event) char events[16384];
	bool has_changed = false;
	ssize_t n;

	while ((n = read(w->fd, events, sizeof(events))) > 0) {
		const struct inotify_event *e;

		for (char *at = events; at < events + n; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)at;
			has_changed |= concerns(w, e);
		}
	}
	return has_changed;
}

static bool is_newer(const char *path, uint64_t since)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec >= since ||
	       (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec >= since;
}

bool watch_files_has_changed(const struct watch_files *w, uint64_t since)
{
	VEC_FOREACH (file, &w->files)
		if (is_newer(*file, since))
			return true;
	return false;
}

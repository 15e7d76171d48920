/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit events from files: all that stands in a file or in those of a directory, or what is added
 * to one from now on, through rotation and truncation. One JSON value follows the other, usually a
 * line each; what is none is passed over up to the next line.
 */
#include "source/audit_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_ROOM = 256 * 1024, BATCHES_MAX = 64 };

struct file {
	char *path;
	struct timespec modified;
};

struct files_source {
	struct audit_source audit; /* first */
	VEC(struct file) files;
	size_t next;
	int fd, inotify;
	bool is_first_open; /* FOLLOW: what is there already is not new */
	char *buffer;
	size_t room, start, end;
	bool is_skipping; /* up to the end of the line */
	bool is_at_end;   /* of the file that is open */
	bool is_left;     /* FOLLOW: another has taken its name */
	struct audit_batch batch;
	atomic_bool is_closed;
};

static int by_age(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->modified.tv_sec != y->modified.tv_sec)
		return x->modified.tv_sec < y->modified.tv_sec ? -1 : 1;
	if (x->modified.tv_nsec != y->modified.tv_nsec)
		return x->modified.tv_nsec < y->modified.tv_nsec ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int add_file(struct files_source *s, const char *directory, const char *name,
		    struct error *err)
{
	struct stat st;
	char *path;

	if (asprintf(&path, "%s%s%s", directory, name ? "/" : "", name ? name : "") < 0)
		return error_set(err, -ENOMEM, "no memory for the names of files");
	if (stat(path, &st) < 0 || S_ISDIR(st.st_mode)) {
		free(path);
		return 0;
	}
	VEC_PUSH(&s->files, (struct file){path, st.st_mtim});
	return 0;
}

static int list_files(struct files_source *s, struct error *err)
{
	const char *path = s->audit.options.path;
	struct stat st;
	int status = 0;
	DIR *d;

	if (stat(path, &st) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return add_file(s, path, NULL, err);
	d = opendir(path);
	if (!d)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	for (struct dirent *entry = readdir(d); entry && status == 0; entry = readdir(d))
		status = add_file(s, path, entry->d_name, err);
	closedir(d);
	if (s->files.count)
		qsort(s->files.items, s->files.count, sizeof(*s->files.items), by_age);
	return status;
}

static int watch_directory(struct files_source *s, struct error *err)
{
	char path[sizeof(s->audit.options.path)];

	s->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->inotify < 0)
		return error_set(err, -errno, "inotify: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s", s->audit.options.path);
	if (inotify_add_watch(s->inotify, dirname(path),
			      IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static void close_file(struct files_source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->start = s->end = 0;
	s->is_skipping = false;
}

static int open_file(struct files_source *s, const char *path)
{
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		return error_set(&s->audit.error, -errno, "%s: %s", path, strerror(errno));
	s->is_at_end = false;
	return 0;
}

/* FOLLOW: whether the file that is open is the one of that name still; a cut one is begun anew. */
static bool is_current(struct files_source *s)
{
	struct stat ours, theirs;
	off_t at = lseek(s->fd, 0, SEEK_CUR);

	if (fstat(s->fd, &ours) < 0 || stat(s->audit.options.path, &theirs) < 0)
		return true;
	if (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
		return false;
	if (ours.st_size < at) {
		lseek(s->fd, 0, SEEK_SET);
		s->start = s->end = 0;
		s->is_skipping = false;
		s->is_at_end = false;
	}
	return true;
}

/* More of the file behind what is there; is_at_end where there is no more. */
static int read_more(struct files_source *s)
{
	ssize_t n;

	if (s->start > 0) {
		memmove(s->buffer, s->buffer + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	if (s->end == s->room) {
		size_t room = s->room ? s->room * 2 : FIRST_ROOM;
		size_t most = s->audit.options.max_batch_size;
		char *grown;

		if (room > most && most >= FIRST_ROOM)
			room = most;
		if (room <= s->room) {
			audit_refuse(&s->audit, AUDIT_BODY_TOO_BIG, 1,
				     "webhookMaxBatchSize says how long a line may be");
			s->start = s->end = 0;
			s->is_skipping = true;
		} else {
			grown = realloc(s->buffer, room);
			if (!grown)
				return error_set(&s->audit.error, -ENOMEM, "no memory for events");
			s->buffer = grown;
			s->room = room;
		}
	}
	do
		n = read(s->fd, s->buffer + s->end, s->room - s->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set(&s->audit.error, -errno, "%s: %s",
				 s->audit.options.way == AUDIT_WAY_FOLLOW
				     ? s->audit.options.path
				     : s->files.items[s->next - 1].path,
				 strerror(errno));
	s->end += (size_t)n;
	s->is_at_end = n == 0;
	return 0;
}

static void skip_line(struct files_source *s)
{
	const char *from = s->buffer + s->start;
	const char *newline = memchr(from, '\n', s->end - s->start);

	s->is_skipping = !newline;
	s->start = newline ? (size_t)(newline + 1 - s->buffer) : s->end;
}

static int give_batch(struct files_source *s, struct str text, source_event_fn *handle,
		      void *context)
{
	int count = 0;

	for (size_t i = 0; i < s->batch.items.count; i++) {
		struct audit_item item = s->batch.items.items[i];

		count += audit_give(&s->audit, (struct str){text.p + item.at, item.size}, handle,
				    context);
	}
	if (s->batch.bad)
		audit_refuse(&s->audit, AUDIT_WRONG_KIND, s->batch.bad, "");
	return count;
}

/* The next value of what has been read. -ENODATA: more must be read. */
static int next_value(struct files_source *s, source_event_fn *handle, void *context)
{
	bool is_whole = s->is_at_end && s->audit.options.way == AUDIT_WAY_FILES;
	struct error err = {0};
	struct str text;
	size_t end;
	int status;

	if (s->is_skipping)
		skip_line(s);
	text = (struct str){s->buffer, s->end};
	s->start = tape_skip_blanks(text, s->start);
	if (s->start == s->end)
		return -ENODATA;
	s->batch.items.count = 0;
	s->batch.bad = 0;
	status = audit_batch_read(&s->batch, text, s->start, &end, &err);
	if (status == -ENODATA && !is_whole)
		return -ENODATA;
	if (status == -EPROTO) {
		audit_refuse(&s->audit, AUDIT_WRONG_KIND, 1, err.message);
		s->start = end;
		return 0;
	}
	if (status < 0) {
		audit_refuse(&s->audit, AUDIT_NOT_JSON, 1, err.message);
		skip_line(s);
		return 0;
	}
	s->start = end;
	return give_batch(s, text, handle, context);
}

/* Opens what is to be read next. -ENODATA: that was all; -EAGAIN: not yet there. */
static int open_next(struct files_source *s)
{
	int status;

	if (s->audit.options.way == AUDIT_WAY_FILES) {
		if (s->next == s->files.count)
			return -ENODATA;
		return open_file(s, s->files.items[s->next++].path);
	}
	status = open_file(s, s->audit.options.path);
	if (status == -ENOENT)
		status = -EAGAIN;
	if (status == 0 && s->is_first_open)
		lseek(s->fd, 0, SEEK_END);
	s->is_first_open = false;
	return status;
}

/* FOLLOW: what comes in is read up to its end; then there is something, or nothing, to wait for. */
static int wait_for_more(struct files_source *s, int timeout_ms)
{
	char events[4096];
	int status = audit_wait(&s->audit, s->inotify, timeout_ms);

	if (status <= 0)
		return status;
	while (read(s->inotify, events, sizeof(events)) > 0)
		;
	s->is_at_end = false;
	return 1;
}

static int files_poll(struct source *source, int timeout_ms, source_event_fn *handle, void *context)
{
	struct files_source *s = (struct files_source *)source;
	bool is_follow = s->audit.options.way == AUDIT_WAY_FOLLOW;
	int count = 0, status = audit_wait(&s->audit, -1, 0);

	if (status < 0)
		return status;
	if (atomic_load(&s->is_closed))
		return -ENODATA;
	s->is_at_end = s->is_at_end && !is_follow;
	for (int turns = 0; turns < BATCHES_MAX;) {
		if (s->fd < 0) {
			status = open_next(s);
			if (status == -EAGAIN) {
				if (count)
					return count;
				status = wait_for_more(s, timeout_ms);
				if (status <= 0)
					return status;
				continue;
			}
			if (status < 0)
				return count ? count : status;
		}
		status = next_value(s, handle, context);
		if (status >= 0) {
			count += status;
			turns++;
			continue;
		}
		if (!s->is_at_end) {
			status = read_more(s);
			if (status < 0)
				return status;
			if (!s->is_at_end)
				continue;
			if (!is_follow)
				continue; /* once more, for a last value without an end */
		}
		if (!is_follow) {
			close_file(s);
			continue;
		}
		if (!is_current(s)) {
			/* What was added before it lost its name. */
			if (s->is_left)
				close_file(s);
			else
				s->is_at_end = false;
			s->is_left = !s->is_left;
			continue;
		}
		if (!s->is_at_end)
			continue;
		if (count)
			return count;
		status = wait_for_more(s, timeout_ms);
		if (status <= 0)
			return status;
	}
	return count;
}

static int files_fd(const struct source *source)
{
	return ((const struct files_source *)source)->inotify;
}

static struct source_counters files_counters(const struct source *source)
{
	const struct audit_source *s = (const struct audit_source *)source;
	struct source_counters c = {.events = atomic_load(&s->events)};

	for (int i = 0; i < AUDIT_REFUSAL_COUNT; i++)
		c.damaged += atomic_load(&s->refused[i]);
	return c;
}

static void files_close(struct source *source)
{
	atomic_store(&((struct files_source *)source)->is_closed, true);
}

static void files_free(struct source *source)
{
	struct files_source *s = (struct files_source *)source;

	close_file(s);
	if (s->inotify >= 0)
		close(s->inotify);
	VEC_FOREACH (file, &s->files)
		free(file->path);
	VEC_FREE(&s->files);
	VEC_FREE(&s->batch.items);
	free(s->buffer);
	audit_source_release(&s->audit);
	free(s);
}

static const struct source_ops ops = {
    .poll = files_poll,
    .fd = files_fd,
    .watch = audit_watch,
    .counters = files_counters,
    .error = audit_error,
    .close = files_close,
    .free = files_free,
};

struct source *audit_files_new(const struct audit_options *options, struct error *err)
{
	struct files_source *s = calloc(1, sizeof(*s));
	int status;

	if (!s) {
		error_set(err, -ENOMEM, "no memory for the event source");
		return NULL;
	}
	s->fd = s->inotify = -1;
	s->is_first_open = true;
	status = audit_source_init(&s->audit, &ops, options, err);
	if (status == 0)
		status =
		    options->way == AUDIT_WAY_FILES ? list_files(s, err) : watch_directory(s, err);
	/* What is added from now on counts, not from the first poll on. */
	if (status == 0 && options->way == AUDIT_WAY_FOLLOW) {
		status = open_next(s);
		if (status == -EAGAIN)
			status = 0;
		else if (status < 0 && err)
			*err = s->audit.error;
	}
	if (status < 0) {
		files_free(&s->audit.source);
		return NULL;
	}
	return &s->audit.source;
}

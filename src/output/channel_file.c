/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file to which lines are appended. A line is in it as a whole or not at all: what a full disk
 * took of one is cut off again. Lines that cannot be written stay here and are tried again until
 * they can, or the outputs end; meanwhile the queue fills.
 *
 * The file is the one that has its name: where that was moved or removed, it is made anew.
 */
#include "output/channel.h"
#include "output/line_buffer.h"
#include "output/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_MOST_MS = 1000 };
#define LOOK_NS INT64_C(1000000000) /* how often a file that stays open is looked for */

struct file_channel {
	char *path;
	bool keep_alive;
	int fd; /* -1: closed */
	bool may_block;
	bool is_torn; /* the file ends with a part of a line that could not be cut off */
	int64_t looked_at;
	struct stat st; /* of fd */
	struct line_buffer buffer;
};

void *channel_file_open(const char *path, bool keep_alive)
{
	struct file_channel *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	c->path = strdup(path);
	if (!c->path) {
		free(c);
		return NULL;
	}
	c->keep_alive = keep_alive;
	c->fd = -1;
	c->is_torn = false;
	line_buffer_clear(&c->buffer);
	return c;
}

static void close_file(struct file_channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static int open_file(struct file_channel *c)
{
	/* Of a named pipe that nobody reads it must not wait for a reader. */
	c->fd =
	    open(c->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (c->fd < 0)
		return -errno;
	if (fstat(c->fd, &c->st) < 0)
		return -errno;
	c->may_block = !S_ISREG(c->st.st_mode);
	c->looked_at = worker_now();
	return 0;
}

static void close_if_moved(struct file_channel *c)
{
	struct stat st;
	int64_t now;

	if (c->fd < 0)
		return;
	now = worker_now();
	if (now - c->looked_at < LOOK_NS)
		return;
	c->looked_at = now;
	if (stat(c->path, &st) < 0 || st.st_dev != c->st.st_dev || st.st_ino != c->st.st_ino)
		close_file(c);
}

/* Cuts off what was written of a line; somebody else may have appended after it. */
static bool cut_back(const struct file_channel *c, size_t partial)
{
	off_t end = lseek(c->fd, 0, SEEK_CUR);
	struct stat st;

	if (c->may_block || end < 0 || fstat(c->fd, &st) < 0 || st.st_size != end)
		return false;
	return ftruncate(c->fd, end - (off_t)partial) == 0;
}

/* One attempt; *lines begins afterwards with the first line that is not in the file. */
static int try_write(struct file_channel *c, struct worker *w, struct str *lines)
{
	size_t written = 0, whole;
	int status = c->fd < 0 ? open_file(c) : 0;

	if (status == 0 && c->is_torn) {
		status = worker_write(w, c->fd, c->may_block, STR("\n"), &written);
		c->is_torn = status != 0;
	}
	if (status == 0) {
		status = worker_write(w, c->fd, c->may_block, *lines, &written);
		for (whole = written; whole > 0 && lines->p[whole - 1] != '\n';)
			whole--;
		if (whole < written && !cut_back(c, written - whole))
			c->is_torn = true;
		worker_sent(w, count_lines(str_slice(*lines, 0, whole)));
		*lines = str_slice(*lines, whole, lines->n);
	}
	if (status < 0 || !c->keep_alive)
		close_file(c);
	return status;
}

static void write_lines(struct file_channel *c, struct worker *w, struct str lines)
{
	unsigned backoff = 0;
	int status;

	close_if_moved(c);
	for (;;) {
		status = try_write(c, w, &lines);
		if (status == 0)
			break;
		worker_complain(w, "%s: %s", c->path, strerror(-status));
		if (!worker_pause(w, channel_backoff(&backoff, RETRY_MOST_MS))) {
			worker_lost(w, count_lines(lines));
			return;
		}
		worker_retried(w);
	}
	worker_works(w);
}

static void file_flush(void *context, struct worker *w)
{
	struct file_channel *c = context;

	if (c->buffer.lines)
		write_lines(c, w, line_buffer_str(&c->buffer));
	line_buffer_clear(&c->buffer);
}

static void file_deliver(void *context, struct worker *w, const struct channel_line *line)
{
	struct file_channel *c = context;

	if (!line_buffer_fits(&c->buffer, line->text))
		file_flush(c, w);
	if (line_buffer_fits(&c->buffer, line->text))
		line_buffer_add(&c->buffer, line->text);
	else
		write_lines(c, w, line->text);
}

/* Opened at once: who moved the file waits for the new one. */
static void file_reopen(void *context, struct worker *w)
{
	struct file_channel *c = context;
	int status;

	file_flush(c, w);
	close_file(c);
	status = open_file(c);
	if (status < 0)
		worker_complain(w, "%s: %s", c->path, strerror(-status));
	if (status < 0 || !c->keep_alive)
		close_file(c);
}

static void file_close(void *context)
{
	struct file_channel *c = context;

	close_file(c);
	free(c->path);
	free(c);
}

const struct channel_type channel_file = {
    .name = "file",
    .deliver = file_deliver,
    .flush = file_flush,
    .reopen = file_reopen,
    .close = file_close,
};

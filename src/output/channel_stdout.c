/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output. It waits for who reads it as long as it must; what its queue cannot take
 * meanwhile is counted there.
 */
#include "output/channel.h"
#include "output/line_buffer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct stdout_channel {
	int fd;
	bool may_block; /* no regular file */
	struct line_buffer buffer;
};

void *channel_stdout_open(int fd)
{
	struct stdout_channel *c = malloc(sizeof(*c));
	struct stat st;

	if (!c)
		return NULL;
	c->fd = fd;
	c->may_block = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
	line_buffer_clear(&c->buffer);
	return c;
}

static void write_lines(struct stdout_channel *c, struct worker *w, struct str lines, size_t count)
{
	size_t written;
	int status = worker_write(w, c->fd, c->may_block, lines, &written);

	if (status == 0) {
		worker_works(w);
		worker_sent(w, count);
		return;
	}
	worker_complain(w, "%s", strerror(-status));
	worker_sent(w, count_lines(str_slice(lines, 0, written)));
	worker_lost(w, count - count_lines(str_slice(lines, 0, written)));
}

static void stdout_flush(void *context, struct worker *w)
{
	struct stdout_channel *c = context;

	if (c->buffer.lines)
		write_lines(c, w, line_buffer_str(&c->buffer), c->buffer.lines);
	line_buffer_clear(&c->buffer);
}

static void stdout_deliver(void *context, struct worker *w, const struct channel_line *line)
{
	struct stdout_channel *c = context;

	if (!line_buffer_fits(&c->buffer, line->text))
		stdout_flush(c, w);
	if (line_buffer_fits(&c->buffer, line->text))
		line_buffer_add(&c->buffer, line->text);
	else
		write_lines(c, w, line->text, 1);
}

const struct channel_type channel_stdout = {
    .name = "stdout",
    .deliver = stdout_deliver,
    .flush = stdout_flush,
    .close = free,
};

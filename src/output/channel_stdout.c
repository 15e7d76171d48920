/* SPDX-License-Identifier: Apache-2.0 */
#include "output/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct stdout_channel {
	int fd;
	bool may_block; /* no regular file: writes must be small enough to fit when poll says so */
	size_t lines;   /* in the buffer */
	size_t n;
	char buffer[64 * 1024];
};

void *channel_stdout_open(int fd)
{
	struct stdout_channel *c = malloc(sizeof(*c));
	struct stat st;

	if (!c)
		return NULL;
	c->fd = fd;
	c->may_block = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
	c->lines = c->n = 0;
	return c;
}

static int write_all(const struct stdout_channel *c, const struct channel_clock *clock,
		     struct str bytes)
{
	while (bytes.n > 0) {
		size_t size = c->may_block && bytes.n > PIPE_BUF ? PIPE_BUF : bytes.n;

		if (c->may_block) {
			struct pollfd fd = {.fd = c->fd, .events = POLLOUT};
			int left = channel_time_left(clock);
			/* A limit may be set while we wait: look again now and then. */
			int ready = poll(&fd, 1, left < 0 || left > 50 ? 50 : left);

			if (ready < 0 && errno != EINTR)
				return -errno;
			if (ready <= 0) {
				if (channel_time_left(clock) == 0)
					return -ETIMEDOUT;
				continue;
			}
		}

		ssize_t n = write(c->fd, bytes.p, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0)
			bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return 0;
}

static int stdout_flush(void *context, const struct channel_clock *clock)
{
	struct stdout_channel *c = context;
	size_t lines = c->lines;
	int status = write_all(c, clock, (struct str){c->buffer, c->n});

	c->lines = c->n = 0;
	return status < 0 ? status : (int)lines;
}

static int stdout_deliver(void *context, const struct channel_clock *clock, enum severity priority,
			  struct str line)
{
	struct stdout_channel *c = context;
	int delivered = 0, status;

	(void)priority;
	if (line.n > sizeof(c->buffer) - c->n) {
		delivered = stdout_flush(c, clock);
		if (delivered < 0)
			return delivered;
	}
	if (line.n > sizeof(c->buffer)) {
		status = write_all(c, clock, line);
		return status < 0 ? status : delivered + 1;
	}
	memcpy(c->buffer + c->n, line.p, line.n);
	c->n += line.n;
	c->lines++;
	return delivered;
}

static size_t stdout_kept(const void *context)
{
	return ((const struct stdout_channel *)context)->lines;
}

static void stdout_close(void *context)
{
	free(context);
}

const struct channel_type channel_stdout = {
    .name = "stdout",
    .deliver = stdout_deliver,
    .flush = stdout_flush,
    .kept = stdout_kept,
    .close = stdout_close,
};

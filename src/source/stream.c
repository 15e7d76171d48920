/* SPDX-License-Identifier: Apache-2.0 */
#include "source/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
	IN_SIZE = 64 * 1024,
	WATCHED_MAX = 8,
	GZIP_WINDOW = 15 + 16, /* zlib's: the largest window, a gzip header */
};

enum form { FORM_UNKNOWN, FORM_PLAIN, FORM_GZIP };

struct stream {
	struct pollfd polled[1 + WATCHED_MAX]; /* the first is the stream's own */
	nfds_t polled_count;
	int timeout_ms;
	enum form form;
	bool is_end;
	uint64_t position;
	z_stream z; /* its next_in and avail_in tell what is unread, of plain bytes too */
	uint8_t in[IN_SIZE];
};

struct stream *stream_new(int fd)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->polled[0] = (struct pollfd){.fd = fd, .events = POLLIN};
	s->polled_count = 1;
	s->timeout_ms = -1;
	s->z.next_in = s->in;
	return s;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	if (s->form == FORM_GZIP)
		inflateEnd(&s->z);
	close(s->polled[0].fd);
	free(s);
}

void stream_wait(struct stream *s, const struct pollfd *watched, size_t count, int timeout_ms)
{
	if (count > WATCHED_MAX)
		count = WATCHED_MAX;
	if (count)
		memcpy(s->polled + 1, watched, count * sizeof(*watched));
	s->polled_count = 1 + count;
	s->timeout_ms = timeout_ms;
}

static int wait_for_bytes(struct stream *s)
{
	int ready = poll(s->polled, s->polled_count, s->timeout_ms);

	if (ready < 0)
		return -errno;
	for (nfds_t i = 1; i < s->polled_count; i++)
		if (s->polled[i].revents)
			return -EINTR;
	return s->polled[0].revents ? 0 : -EAGAIN;
}

/* Adds what there is to the unread bytes; sets is_end where nothing more will come. */
static int take_bytes(struct stream *s)
{
	ssize_t n;
	int status = wait_for_bytes(s);

	if (status < 0)
		return status;
	if (s->z.avail_in)
		memmove(s->in, s->z.next_in, s->z.avail_in);
	s->z.next_in = s->in;
	n = read(s->polled[0].fd, s->in + s->z.avail_in, IN_SIZE - s->z.avail_in);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	s->is_end = n == 0;
	s->z.avail_in += (uInt)n;
	s->position += (uint64_t)n;
	return 0;
}

static int find_form(struct stream *s)
{
	while (s->z.avail_in < 2 && !s->is_end) {
		int status = take_bytes(s);

		if (status < 0)
			return status;
	}
	s->form = FORM_PLAIN;
	if (s->z.avail_in >= 2 && s->z.next_in[0] == 0x1f && s->z.next_in[1] == 0x8b) {
		if (inflateInit2(&s->z, GZIP_WINDOW) != Z_OK)
			return -ENOMEM;
		s->form = FORM_GZIP;
	}
	return 0;
}

static size_t copy(struct stream *s, void *out, size_t room)
{
	size_t n = s->z.avail_in < room ? s->z.avail_in : room;

	memcpy(out, s->z.next_in, n);
	s->z.next_in += n;
	s->z.avail_in -= (uInt)n;
	return n;
}

static size_t expand(struct stream *s, void *out, size_t room)
{
	uInt most = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
	int status;

	s->z.next_out = out;
	s->z.avail_out = most;
	status = inflate(&s->z, Z_NO_FLUSH);
	/* Another one may follow: files that were put together. */
	if (status == Z_STREAM_END)
		status = inflateReset(&s->z);
	if (status != Z_OK && status != Z_BUF_ERROR) {
		s->is_end = true;
		s->z.avail_in = 0;
	}
	return most - s->z.avail_out;
}

ssize_t stream_read(struct stream *s, void *out, size_t room)
{
	int status = s->form == FORM_UNKNOWN ? find_form(s) : 0;

	while (status == 0) {
		size_t n = 0;

		if (s->z.avail_in)
			n = (s->form == FORM_GZIP ? expand : copy)(s, out, room);
		if (n || s->is_end)
			return (ssize_t)n;
		status = take_bytes(s);
	}
	return status;
}

uint64_t stream_position(const struct stream *s)
{
	return s->position;
}

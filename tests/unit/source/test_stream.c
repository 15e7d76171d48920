/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes through a pipe: in pieces of any size, plain and compressed, whole and cut off. */
#include "../unit.h"
#include "source/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

enum { ROOM = 4096 };

struct pipe_ends {
	struct stream *stream;
	int to;
};

static struct pipe_ends open_pipe(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct pipe_ends p = {stream_new(ends[0]), ends[1]};
	stream_wait(p.stream, NULL, 0, 0);
	return p;
}

static void close_pipe(struct pipe_ends *p)
{
	stream_free(p->stream);
	if (p->to >= 0)
		close(p->to);
}

static size_t compress_text(const char *text, uint8_t *out, size_t room)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text;
	z.avail_in = (uInt)strlen(text);
	z.next_out = out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

/* Sends bytes `step` at a time and reads after each; answers all that came. */
static struct str send_all(struct pipe_ends *p, const uint8_t *bytes, size_t n, size_t step,
			   char *out)
{
	size_t got = 0;
	ssize_t more;

	for (size_t i = 0; i < n; i += step) {
		size_t piece = n - i < step ? n - i : step;

		assert_int_equal(write(p->to, bytes + i, piece), piece);
		while ((more = stream_read(p->stream, out + got, ROOM - got)) > 0)
			got += (size_t)more;
		check_i64(more, -EAGAIN, "between the pieces");
	}
	close(p->to);
	p->to = -1;
	while ((more = stream_read(p->stream, out + got, ROOM - got)) > 0)
		got += (size_t)more;
	check_i64(more, 0, "the end");
	check_i64(stream_position(p->stream), n, "position");
	return (struct str){out, got};
}

static void bytes_come_as_they_are_sent(void **state)
{
	static const size_t steps[] = {1, 2, 7, ROOM};
	uint8_t packed[512];
	char out[ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct pipe_ends plain = open_pipe(), gzip = open_pipe(), two = open_pipe();
		const char *text = "a text of some length, of some length, of some length";
		size_t n = compress_text(text, packed, sizeof(packed));

		check_str(send_all(&plain, (const uint8_t *)text, strlen(text), steps[i], out),
			  text, "plain");
		check_str(send_all(&gzip, packed, n, steps[i], out), text, "gzip");
		n = compress_text("one ", packed, sizeof(packed));
		n += compress_text("two", packed + n, sizeof(packed) - n);
		check_str(send_all(&two, packed, n, steps[i], out), "one two", "two members");
		close_pipe(&plain);
		close_pipe(&gzip);
		close_pipe(&two);
	}
}

static void what_is_cut_off_or_broken_ends(void **state)
{
	struct pipe_ends cut = open_pipe(), broken = open_pipe(), tiny = open_pipe();
	uint8_t packed[512];
	char out[ROOM];
	size_t n = compress_text("a text", packed, sizeof(packed));

	(void)state;
	send_all(&cut, packed, n - 9, 1, out);
	check_str(send_all(&tiny, (const uint8_t *)"\x1f", 1, 1, out), "\x1f", "one byte");
	memset(packed + 10, 0xff, n - 10);
	assert_int_equal(write(broken.to, packed, n), n);
	check_i64(stream_read(broken.stream, out, ROOM), 0, "broken bytes are the end");
	check_i64(stream_read(broken.stream, out, ROOM), 0, "and stay it");
	close_pipe(&cut);
	close_pipe(&broken);
	close_pipe(&tiny);
}

static void a_wait_ends_for_others(void **state)
{
	struct pipe_ends p = open_pipe();
	struct pollfd watched = {.events = POLLIN};
	int other[2];
	char out[ROOM];

	(void)state;
	assert_int_equal(pipe2(other, O_CLOEXEC), 0);
	watched.fd = other[0];
	stream_wait(p.stream, &watched, 1, 1);
	check_i64(stream_read(p.stream, out, ROOM), -EAGAIN, "nothing in time");
	assert_int_equal(write(other[1], "x", 1), 1);
	stream_wait(p.stream, &watched, 1, -1);
	check_i64(stream_read(p.stream, out, ROOM), -EINTR, "the other is readable");
	close(other[0]);
	close(other[1]);
	close_pipe(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_come_as_they_are_sent),
	    cmocka_unit_test(what_is_cut_off_or_broken_ends),
	    cmocka_unit_test(a_wait_ends_for_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

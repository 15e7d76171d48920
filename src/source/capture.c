/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capture.h"

#include "source/capture_entries.h"
#include "source/capture_format.h"
#include "source/cursor.h"
#include "source/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
	/* What is read at once stays in the processor's cache until it has been looked at. */
	BUFFER_START = 256 * 1024,
	GZIP_BUFFER = 64 * 1024, /* less than half of it: plain files are read past zlib's own */
	BLOCK_MAX = 256 * 1024 * 1024, /* no writer makes larger ones: a damaged length */
};

struct capture {
	gzFile file;           /* NULL: a stream, or bytes in memory */
	struct stream *stream; /* of what is no regular file; NULL: it is */
	bool needs_section;    /* the header has not been read yet */
	int paused;            /* -EINTR or -EAGAIN: the stream has no more now; else 0 */
	uint64_t file_size;
	uint8_t *buffer;
	size_t room, start, end; /* unread bytes are buffer[start, end) */
	bool is_file_end;
	uint64_t offset; /* of buffer[start] in the file, after decompression */
	/* The block whose entries are being handed out. */
	uint32_t block_type;
	uint64_t block_offset;
	struct cursor entries;
	int64_t fd_owner;
	struct capture_counters counters;
};

/* The value of the option that our own recordings have behind an event. */
static void read_recorded(struct cursor c, struct capture_recorded *out)
{
	while (c.left >= 2 * sizeof(uint16_t)) {
		uint16_t code = read_u16(&c);
		struct str value = read_string(&c);
		struct recorded_event own;

		if (c.is_short || code == 0)
			return;
		read_view(&c, -value.n & 3);
		if (code != OPTION_RECORDED || value.n < sizeof(own))
			continue;
		memcpy(&own, value.p, sizeof(own));
		value = str_slice(value, sizeof(own), value.n);
		uint64_t boot_time = 0;
		if (own.boot_time_size > value.n)
			return;
		memcpy(&boot_time, value.p,
		       own.boot_time_size < sizeof(boot_time) ? own.boot_time_size
							      : sizeof(boot_time));
		value = str_slice(value, own.boot_time_size, value.n);
		if (own.slot >= RECORDED_SLOT_LIMIT ||
		    (size_t)own.task_size + own.rest_size > value.n ||
		    own.rest_count * sizeof(uint16_t) > own.rest_size)
			return;
		*out = (struct capture_recorded){
		    .is_there = true,
		    .ret = own.ret,
		    .flags = own.flags,
		    .syscall_nr = own.syscall_nr,
		    .slot = own.slot,
		    .boot_time = boot_time,
		    .task = str_slice(value, 0, own.task_size),
		    .rest_first = own.rest_first,
		    .rest_count = own.rest_count,
		    .rest = str_slice(value, own.task_size, own.task_size + own.rest_size),
		    .annex = str_slice(value, own.task_size + own.rest_size, value.n),
		};
		return;
	}
}

/* What stands behind an event: options, from a multiple of 4 on as counted from the block's start.
 */
static inline void read_options(struct cursor *c, size_t at, struct capture_recorded *out)
{
	out->is_there = false;
	if (c->left < 4)
		return;
	read_view(c, -at & 3);
	read_recorded(*c, out);
}

static bool read_event(struct cursor *c, bool has_flags, bool has_nparams, struct capture_event *e)
{
	const uint8_t *body = c->p;
	size_t least = sizeof(struct event_header) - (has_nparams ? 0 : sizeof(uint32_t));
	uint32_t length;

	*e = (struct capture_event){.has_nparams = has_nparams};
	e->cpu = read_u16(c);
	if (has_flags)
		e->flags = read_u32(c);
	if (c->is_short || c->left < least)
		return false;
	memcpy(&length, c->p + offsetof(struct event_header, len), sizeof(length));
	if (length < least || length > c->left)
		return false;
	e->bytes = c->p;
	e->size = length;
	read_view(c, length);
	read_options(c, (size_t)(c->p - body), &e->recorded);
	return true;
}

/* What our own recordings list; false: nothing that we know. */
static bool read_own(struct cursor *block, struct capture_item *item)
{
	uint32_t kind = read_u32(block), value = read_u32(block);

	item->kind = kind == RECORDED_PROCESS ? CAPTURE_SNAPSHOT : CAPTURE_RECORDING;
	if (kind == RECORDED_PROCESS)
		item->snapshot = read_view(block, value);
	bool is_known =
	    !block->is_short &&
	    (kind == RECORDED_PROCESS || (kind == RECORDED_HEADER && value == RECORDED_VERSION));
	block->left = 0;
	return is_known;
}

/* Makes at least n unread bytes available, or as many as there are; answers how many. */
static size_t fill(struct capture *c, size_t n, struct error *err)
{
	c->paused = 0;
	if (c->end - c->start >= n || c->is_file_end)
		return c->end - c->start;
	if (c->start) {
		memmove(c->buffer, c->buffer + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (c->room < n) {
		uint8_t *bigger = realloc(c->buffer, n);

		if (!bigger) {
			error_set(err, -ENOMEM, "out of memory for a block of %zu bytes", n);
			return 0;
		}
		c->buffer = bigger;
		c->room = n;
	}
	while (c->end < n) {
		ssize_t got =
		    c->stream ? stream_read(c->stream, c->buffer + c->end, c->room - c->end)
			      : gzread(c->file, c->buffer + c->end, (unsigned)(c->room - c->end));

		if (got == -EINTR || got == -EAGAIN) {
			c->paused = (int)got;
			break;
		}
		if (got <= 0) {
			/* A truncated gzip stream gives what it has; the blocks say what is
			 * missing. */
			c->is_file_end = true;
			break;
		}
		c->end += (size_t)got;
		c->counters.bytes += (uint64_t)got;
	}
	return c->end - c->start;
}

static int damaged(struct error *err, uint64_t offset, const char *what)
{
	return error_set_at(err, -EBADMSG, (size_t)offset, "%s at byte %llu", what,
			    (unsigned long long)offset);
}

/* Takes the next block from the file into c->entries. */
static int next_block(struct capture *c, struct error *err)
{
	size_t have = fill(c, 8, err);
	uint32_t type, length, again;

	if (have < 8 && c->paused)
		return c->paused;
	if (have == 0)
		return 0;
	if (have < 8)
		return damaged(err, c->offset, "the capture ends within the header of a block");
	memcpy(&type, c->buffer + c->start, sizeof(type));
	memcpy(&length, c->buffer + c->start + 4, sizeof(length));
	if (length < BLOCK_FRAME || length > BLOCK_MAX)
		return damaged(err, c->offset, "a block has an impossible length");
	if (fill(c, length, err) < length)
		return c->paused ? c->paused
				 : damaged(err, c->offset, "the capture ends within a block");
	memcpy(&again, c->buffer + c->start + length - 4, sizeof(again));
	if (again != length)
		return damaged(err, c->offset, "a block's two lengths differ");
	c->block_type = type;
	c->block_offset = c->offset;
	c->entries = (struct cursor){c->buffer + c->start + 8, length - BLOCK_FRAME, false};
	c->start += length;
	c->offset += length;
	return 1;
}

static int read_section(struct capture *c, struct error *err)
{
	uint32_t magic = read_u32(&c->entries);
	uint16_t major = read_u16(&c->entries);

	if (magic == SECTION_MAGIC_SWAPPED)
		return error_set(err, -ENOTSUP, "the capture is in the other byte order");
	if (c->entries.is_short || magic != SECTION_MAGIC)
		return damaged(err, c->block_offset, "the section header is damaged");
	if (major != SECTION_VERSION_MAJOR)
		return error_set(err, -ENOTSUP, "the capture has version %u, known is %d", major,
				 SECTION_VERSION_MAJOR);
	return 0;
}

static int open_section(struct capture *c, struct error *err)
{
	struct error why = {0};
	int got = next_block(c, &why);

	if (got < 0 && c->paused)
		return got;
	if (got <= 0 || c->block_type != BLOCK_SECTION)
		return error_set(err, -EBADMSG, "this is no scap capture%s%s", got < 0 ? ": " : "",
				 got < 0 ? why.message : "");
	got = read_section(c, err);
	c->entries.left = 0;
	return got;
}

struct capture *capture_open(const char *path, struct error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	/* Nobody needs to write to a named pipe yet. */
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool is_regular;

	if (fd < 0) {
		error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
		return NULL;
	}
	struct capture *c = calloc(1, sizeof(*c));
	is_regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (c)
		c->buffer = malloc(BUFFER_START);
	if (c && c->buffer && is_regular)
		c->file = gzdopen(fd, "rb");
	else if (c && c->buffer)
		c->stream = stream_new(fd);
	if (!c || (!c->file && !c->stream)) {
		error_set(err, -ENOMEM, "out of memory for reading %s", path);
		close(fd);
		capture_close(c);
		return NULL;
	}
	c->room = BUFFER_START;
	if (c->stream) {
		c->needs_section = true;
		return c;
	}
	c->file_size = (uint64_t)st.st_size;
	gzbuffer(c->file, GZIP_BUFFER);
	if (open_section(c, err) < 0) {
		error_locate(err, path, 0, 0);
		capture_close(c);
		return NULL;
	}
	return c;
}

struct capture *capture_open_bytes(struct str bytes, struct error *err)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (c)
		c->buffer = malloc(bytes.n ? bytes.n : 1);
	if (!c || !c->buffer) {
		error_set(err, -ENOMEM, "out of memory");
		capture_close(c);
		return NULL;
	}
	if (bytes.n)
		memcpy(c->buffer, bytes.p, bytes.n);
	c->room = c->end = bytes.n;
	c->counters.bytes = bytes.n;
	c->is_file_end = true;
	if (open_section(c, err) < 0) {
		capture_close(c);
		return NULL;
	}
	return c;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->file)
		gzclose_r(c->file);
	stream_free(c->stream);
	free(c->buffer);
	free(c);
}

/* Hands out the next entry of the current block: 1, 0 where the block has no more, or an error. */
static int next_entry(struct capture *c, struct capture_item *item, struct error *err)
{
	struct cursor *block = &c->entries;
	unsigned version = entry_processes_version(c->block_type);
	bool is_whole = true, is_group = false;

	/* Entries end where only padding (up to 3 bytes) is left. */
	if (block->left < 4)
		return 0;
	if (version) {
		item->kind = CAPTURE_PROCESS;
		is_whole = entry_read_process(block, version, &item->process);
		return is_whole ? 1
				: damaged(err, c->block_offset, "a list of processes is damaged");
	}
	switch (c->block_type) {
	case BLOCK_EVENT:
	case BLOCK_EVENT_INT:
	case BLOCK_EVENT_FLAGS:
	case BLOCK_EVENT_V2:
	case BLOCK_EVENT_FLAGS_V2:
	case BLOCK_EVENT_V2_LARGE:
	case BLOCK_EVENT_FLAGS_V2_LARGE: {
		uint32_t t = c->block_type;
		bool has_flags = t == BLOCK_EVENT_FLAGS || t == BLOCK_EVENT_FLAGS_V2 ||
				 t == BLOCK_EVENT_FLAGS_V2_LARGE;

		item->kind = CAPTURE_EVENT;
		is_whole =
		    read_event(block, has_flags,
			       t != BLOCK_EVENT && t != BLOCK_EVENT_INT && t != BLOCK_EVENT_FLAGS,
			       &item->event);
		block->left = 0;
		return is_whole ? 1 : damaged(err, c->block_offset, "an event is damaged");
	}
	case BLOCK_FDS:
	case BLOCK_FDS_INT:
	case BLOCK_FDS_V2:
		item->kind = CAPTURE_FD;
		is_whole =
		    entry_read_fd(block, c->block_type == BLOCK_FDS_V2, c->fd_owner, &item->fd);
		return is_whole ? 1
				: damaged(err, c->block_offset, "a list of descriptors is damaged");
	case BLOCK_USERS:
	case BLOCK_USERS_INT:
	case BLOCK_USERS_V2:
		is_whole =
		    entry_read_user(block, c->block_type == BLOCK_USERS_V2, &item->user, &is_group);
		item->kind = is_group ? CAPTURE_GROUP : CAPTURE_USER;
		return is_whole ? 1 : damaged(err, c->block_offset, "a list of users is damaged");
	case BLOCK_INTERFACES:
	case BLOCK_INTERFACES_INT:
	case BLOCK_INTERFACES_V2:
		item->kind = CAPTURE_INTERFACE;
		is_whole = entry_read_interface(block, c->block_type == BLOCK_INTERFACES_V2,
						&item->interface);
		return is_whole ? 1
				: damaged(err, c->block_offset, "a list of interfaces is damaged");
	case BLOCK_MACHINE:
	case BLOCK_MACHINE_INT:
		item->kind = CAPTURE_MACHINE;
		is_whole = entry_read_machine(block, &item->machine);
		block->left = 0;
		return is_whole ? 1
				: damaged(err, c->block_offset, "the machine's facts are damaged");
	case BLOCK_SECTION:
		/* Captures may be joined end to end. */
		item->kind = CAPTURE_SECTION;
		is_whole = read_section(c, err) == 0;
		block->left = 0;
		return is_whole ? 1 : -EBADMSG;
	case BLOCK_RECORDED:
		if (read_own(block, item))
			return 1;
		/* fallthrough */
	default:
		c->counters.blocks_skipped++;
		block->left = 0;
		return 0;
	}
}

/*
 * The short way of nearly all blocks of a large capture: an event of today's form that is in the
 * buffer as a whole. False where there is none, or something may be wrong with it.
 */
static bool take_event(struct capture *c, struct capture_item *item)
{
	const uint8_t *block = c->buffer + c->start;
	size_t have = c->end - c->start, head = BLOCK_FRAME - sizeof(uint32_t) + sizeof(uint16_t);
	uint32_t type, length, again, event_length;

	if (c->entries.left >= 4 || have < BLOCK_FRAME)
		return false;
	memcpy(&type, block, sizeof(type));
	memcpy(&length, block + 4, sizeof(length));
	item->event.flags = 0;
	if (type == BLOCK_EVENT_FLAGS_V2 || type == BLOCK_EVENT_FLAGS_V2_LARGE)
		head += sizeof(uint32_t);
	else if (type != BLOCK_EVENT_V2 && type != BLOCK_EVENT_V2_LARGE)
		return false;
	if (length > have || length < head + sizeof(struct event_header) + sizeof(again))
		return false;
	memcpy(&again, block + length - sizeof(again), sizeof(again));
	memcpy(&event_length, block + head + offsetof(struct event_header, len),
	       sizeof(event_length));
	if (again != length || event_length < sizeof(struct event_header) ||
	    event_length > length - sizeof(again) - head)
		return false;
	item->kind = CAPTURE_EVENT;
	memcpy(&item->event.cpu, block + 8, sizeof(item->event.cpu));
	if (head > 10)
		memcpy(&item->event.flags, block + 10, sizeof(item->event.flags));
	item->event.has_nparams = true;
	item->event.bytes = block + head;
	item->event.size = event_length;
	read_options(
	    &(struct cursor){block + head + event_length, length - 4 - head - event_length, false},
	    head + event_length, &item->event.recorded);
	c->start += length;
	c->offset += length;
	return true;
}

static __attribute__((noinline)) int next_of_any_kind(struct capture *c, struct capture_item *item,
						      struct error *err)
{
	if (c->needs_section) {
		int got = open_section(c, err);

		if (got < 0)
			return got;
		c->needs_section = false;
	}
	for (;;) {
		int got = next_entry(c, item, err);

		if (got < 0)
			c->entries.left = 0; /* the next call goes on with the next block */
		if (got)
			return got;
		got = next_block(c, err);
		if (got < 0 && c->paused)
			return got;
		if (got <= 0) {
			/* After a broken frame nothing behind it can be found. */
			c->start = c->end;
			c->is_file_end = true;
			return got;
		}
		if (c->block_type == BLOCK_FDS || c->block_type == BLOCK_FDS_INT ||
		    c->block_type == BLOCK_FDS_V2)
			c->fd_owner = (int64_t)read_u64(&c->entries);
	}
}

int capture_next(struct capture *c, struct capture_item *item, struct error *err)
{
	return take_event(c, item) ? 1 : next_of_any_kind(c, item, err);
}

struct capture_counters capture_counters(const struct capture *c)
{
	return c->counters;
}

void capture_wait(struct capture *c, const struct pollfd *watched, size_t count, int timeout_ms)
{
	if (c->stream)
		stream_wait(c->stream, watched, count, timeout_ms);
}

struct capture_position capture_position(const struct capture *c)
{
	if (c->stream)
		return (struct capture_position){stream_position(c->stream), 0};

	z_off_t at = c->file ? gzoffset(c->file) : (z_off_t)c->counters.bytes;

	return (struct capture_position){at < 0 ? 0 : (uint64_t)at, c->file_size};
}

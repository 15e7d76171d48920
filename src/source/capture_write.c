/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capture_write.h"
#include "base/map.h"
#include "base/vec.h"
#include "source/capture_format.h"
#include "source/enter_event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
	CHUNK_SIZE = 256 * 1024,
	BLOCK_LIMIT = 1024 * 1024, /* of a list; then another block is begun */
	/* What sysdig's buffer takes of a block that is not marked as large. */
	SMALL_BLOCK_LIMIT = 64 * 1024,
	/* What libscap's readers take of an entry's strings; at one more they refuse the whole
	   file. */
	LIST_NAME_MAX = 1023,      /* names, paths */
	LIST_ARGUMENTS_MAX = 4096, /* arguments, environments, cgroups; zero bytes included */
	LIST_CREDENTIAL_MAX = 255, /* of a user or group */
	COMPRESSION_LEVEL = 1,     /* a live system writes faster than higher ones compress */
	GZIP_WINDOW = 15 + 16,     /* zlib's code for gzip framing */
};

struct capture_writer {
	int fd;
	bool is_compressed;
	bool is_seekable; /* a failed write can be cut off again */
	struct enter_rules *enters;
	VEC(uint8_t) chunk;
	uint8_t *compressed; /* as large as a chunk may become */
	size_t compressed_room;
	z_stream stream;
	/* The block that entries are being added to; 0: none. */
	uint32_t block_type;
	size_t block_start;
	int64_t fd_owner;
	/* tid -> its slot + 1, and what was last written of each slot. */
	struct u64map slots;
	struct task_facts *facts;
	uint64_t *slot_tids;
	uint32_t next_slot;
	uint64_t boot_time, boot_time_told;
	uint64_t chunk_events, chunk_for_state;
	struct capture_write_counters counters;
	int status; /* of the last flush that failed since somebody asked */
};

/* Bytes */

static void put(struct capture_writer *w, const void *bytes, size_t n)
{
	while (w->chunk.room - w->chunk.count < n)
		w->chunk.items = vec_grow(w->chunk.items, &w->chunk.room, 1);
	if (n)
		memcpy(w->chunk.items + w->chunk.count, bytes, n);
	w->chunk.count += n;
}

#define PUT(w, type, value) put((w), &(type){(type)(value)}, sizeof(type))

static void put_string(struct capture_writer *w, struct str s)
{
	uint16_t n = s.n > UINT16_MAX ? UINT16_MAX : (uint16_t)s.n;

	put(w, &n, sizeof(n));
	put(w, s.p, n);
}

static void put_cut(struct capture_writer *w, struct str s, size_t most)
{
	put_string(w, (struct str){s.p, s.n < most ? s.n : most});
}

/* Strings that each end with a zero byte: so does the one that had to be cut. */
static void put_cut_strings(struct capture_writer *w, struct str s)
{
	put_cut(w, s, LIST_ARGUMENTS_MAX);
	if (s.n > LIST_ARGUMENTS_MAX)
		w->chunk.items[w->chunk.count - 1] = '\0';
}

static void put_padding(struct capture_writer *w, size_t since)
{
	static const char zeros[4];

	put(w, zeros, -(w->chunk.count - since) & 3);
}

static void set_u32(struct capture_writer *w, size_t at, uint32_t v)
{
	memcpy(w->chunk.items + at, &v, sizeof(v));
}

static void block_end(struct capture_writer *w)
{
	uint32_t length;

	if (!w->block_type)
		return;
	put_padding(w, w->block_start);
	length = (uint32_t)(w->chunk.count - w->block_start + sizeof(length));
	set_u32(w, w->block_start + 4, length);
	put(w, &length, sizeof(length));
	w->block_type = 0;
}

static void block_begin(struct capture_writer *w, uint32_t type)
{
	block_end(w);
	w->block_type = type;
	w->block_start = w->chunk.count;
	PUT(w, uint32_t, type);
	PUT(w, uint32_t, 0);
}

/* Goes on with a list's block, or begins one; answers whether it is a new one. */
static bool list_begin(struct capture_writer *w, uint32_t type)
{
	if (w->block_type == type && w->chunk.count - w->block_start < BLOCK_LIMIT)
		return false;
	block_end(w);
	if (w->chunk.count >= CHUNK_SIZE)
		capture_writer_flush(w);
	block_begin(w, type);
	return true;
}

/* Entries that begin with their own length, which counts itself. */
static size_t entry_begin(struct capture_writer *w)
{
	PUT(w, uint32_t, 0);
	return w->chunk.count - sizeof(uint32_t);
}

static void entry_end(struct capture_writer *w, size_t start)
{
	set_u32(w, start, (uint32_t)(w->chunk.count - start));
}

/* The file */

static int write_all(int fd, const uint8_t *bytes, size_t n, size_t *written)
{
	*written = 0;
	while (*written < n) {
		ssize_t got = write(fd, bytes + *written, n - *written);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENOSPC;
		*written += (size_t)got;
	}
	return 0;
}

/* The chunk as a gzip stream of its own, in w->compressed; its size, 0: it cannot be done. */
static size_t compress_chunk(struct capture_writer *w)
{
	size_t bound = deflateBound(&w->stream, w->chunk.count);

	if (bound > w->compressed_room) {
		uint8_t *bigger = realloc(w->compressed, bound);

		if (!bigger)
			return 0;
		w->compressed = bigger;
		w->compressed_room = bound;
	}
	deflateReset(&w->stream);
	w->stream.next_in = w->chunk.items;
	w->stream.avail_in = (unsigned)w->chunk.count;
	w->stream.next_out = w->compressed;
	w->stream.avail_out = (unsigned)w->compressed_room;
	if (deflate(&w->stream, Z_FINISH) != Z_STREAM_END)
		return 0;
	return w->compressed_room - w->stream.avail_out;
}

/* Everything has to be told anew to who reads on behind a gap. */
static void forget_slots(struct capture_writer *w)
{
	u64map_free(&w->slots);
	w->boot_time_told = 0;
	w->next_slot = 0;
	memset(w->slot_tids, 0xff, RECORDED_SLOT_LIMIT * sizeof(*w->slot_tids));
}

static int write_chunk(struct capture_writer *w)
{
	const uint8_t *bytes = w->chunk.items;
	size_t n = w->chunk.count, written = 0;
	int status;

	if (w->is_compressed) {
		n = compress_chunk(w);
		bytes = w->compressed;
		if (n == 0)
			return -ENOMEM;
	}
	status = write_all(w->fd, bytes, n, &written);
	if (status == 0) {
		w->counters.bytes += n;
		return 0;
	}
	/* Half a block would hide all behind it. */
	if (written && w->is_seekable && ftruncate(w->fd, (off_t)w->counters.bytes) == 0)
		lseek(w->fd, (off_t)w->counters.bytes, SEEK_SET);
	return status;
}

int capture_writer_flush(struct capture_writer *w)
{
	int status = 0;

	block_end(w);
	if (w->chunk.count)
		status = write_chunk(w);
	if (status < 0) {
		w->counters.lost += w->chunk_events;
		w->status = status;
		forget_slots(w);
	} else {
		w->counters.events += w->chunk_events;
		w->counters.for_state += w->chunk_for_state;
	}
	w->chunk_events = w->chunk_for_state = 0;
	w->chunk.count = 0;
	status = w->status;
	w->status = 0;
	return status;
}

/* A flush because of the amount; what it answers is told by the next one that is asked for. */
static void flush_if_full(struct capture_writer *w)
{
	if (w->chunk.count >= CHUNK_SIZE)
		w->status = capture_writer_flush(w);
}

struct capture_write_counters capture_writer_counters(const struct capture_writer *w)
{
	return w->counters;
}

static void begin_section(struct capture_writer *w)
{
	block_begin(w, BLOCK_SECTION);
	PUT(w, uint32_t, SECTION_MAGIC);
	PUT(w, uint16_t, SECTION_VERSION_MAJOR);
	PUT(w, uint16_t, SECTION_VERSION_MINOR);
	PUT(w, uint64_t, UINT64_MAX); /* of a length that is not known yet */
	block_end(w);
}

static void writer_free(struct capture_writer *w)
{
	if (w->is_compressed)
		deflateEnd(&w->stream);
	enter_rules_free(w->enters);
	u64map_free(&w->slots);
	VEC_FREE(&w->chunk);
	free(w->compressed);
	free(w->facts);
	free(w->slot_tids);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

struct capture_writer *capture_writer_over(int fd, const struct capture_write_options *options,
					   struct error *err)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	struct stat st;

	if (!w) {
		close(fd);
		error_set(err, -ENOMEM, "no memory for writing a capture");
		return NULL;
	}
	w->fd = fd;
	w->is_seekable = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	w->facts = calloc(RECORDED_SLOT_LIMIT, sizeof(*w->facts));
	w->slot_tids = calloc(RECORDED_SLOT_LIMIT, sizeof(*w->slot_tids));
	if (options->has_enter_events)
		w->enters = enter_rules_new();
	if (options->is_compressed)
		w->is_compressed = deflateInit2(&w->stream, COMPRESSION_LEVEL, Z_DEFLATED,
						GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK;
	if (!w->facts || !w->slot_tids || (options->has_enter_events && !w->enters) ||
	    w->is_compressed != options->is_compressed) {
		writer_free(w);
		error_set(err, -ENOMEM, "no memory for writing a capture");
		return NULL;
	}
	forget_slots(w);
	begin_section(w);
	return w;
}

struct capture_writer *capture_writer_open(const char *path,
					   const struct capture_write_options *options,
					   struct error *err)
{
	bool is_stdout = strcmp(path, "-") == 0;
	int fd = is_stdout ? dup(STDOUT_FILENO)
			   : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0) {
		error_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
		return NULL;
	}
	return capture_writer_over(fd, options, err);
}

int capture_writer_close(struct capture_writer *w)
{
	int status;

	if (!w)
		return 0;
	status = capture_writer_flush(w);
	if (close(w->fd) < 0 && status == 0)
		status = -errno;
	w->fd = -1;
	writer_free(w);
	return status;
}

/* Lists */

void capture_write_header(struct capture_writer *w)
{
	struct recorded_header h = {.kind = RECORDED_HEADER, .version = RECORDED_VERSION};

	block_begin(w, BLOCK_RECORDED);
	put(w, &h, sizeof(h));
	block_end(w);
}

void capture_write_snapshot(struct capture_writer *w, struct str process)
{
	block_begin(w, BLOCK_RECORDED);
	PUT(w, uint32_t, RECORDED_PROCESS);
	PUT(w, uint32_t, process.n);
	put(w, process.p, process.n);
	block_end(w);
	flush_if_full(w);
}

void capture_write_machine(struct capture_writer *w, const struct capture_machine *m)
{
	char hostname[MACHINE_HOSTNAME_SIZE] = "";

	block_begin(w, BLOCK_MACHINE);
	memcpy(hostname, m->hostname.p,
	       m->hostname.n < sizeof(hostname) ? m->hostname.n : sizeof(hostname) - 1);
	PUT(w, uint32_t, m->cpu_count);
	PUT(w, uint64_t, m->memory_bytes);
	PUT(w, uint64_t, m->max_pid);
	put(w, hostname, sizeof(hostname));
	PUT(w, uint64_t, m->boot_time);
	PUT(w, uint64_t, 0);
	PUT(w, uint64_t, 0);
	PUT(w, uint64_t, 0);
	block_end(w);
}

void capture_write_interface(struct capture_writer *w, const struct listed_interface *i)
{
	uint8_t broadcast[16];

	list_begin(w, BLOCK_INTERFACES_V2);
	for (size_t b = 0; b < sizeof(broadcast); b++)
		broadcast[b] = (uint8_t)(i->address[b] | ~i->netmask[b]);
	/* This length does not count itself. */
	PUT(w, uint32_t, 2 + 2 + 3 * i->size + 8 + i->name.n);
	PUT(w, uint16_t, i->size == 4 ? INTERFACE_IPV4 : INTERFACE_IPV6);
	PUT(w, uint16_t, i->name.n);
	put(w, i->address, i->size);
	put(w, i->netmask, i->size);
	put(w, broadcast, i->size);
	PUT(w, uint64_t, 0); /* the link's speed */
	put(w, i->name.p, i->name.n);
}

void capture_write_user(struct capture_writer *w, const struct user *u)
{
	list_begin(w, BLOCK_USERS_V2);

	size_t start = entry_begin(w);
	PUT(w, uint8_t, 0);
	PUT(w, uint32_t, u->uid);
	PUT(w, uint32_t, u->gid);
	put_cut(w, u->name, LIST_CREDENTIAL_MAX);
	put_cut(w, u->home, LIST_CREDENTIAL_MAX);
	put_cut(w, u->shell, LIST_CREDENTIAL_MAX);
	entry_end(w, start);
}

void capture_write_group(struct capture_writer *w, const struct group *g)
{
	list_begin(w, BLOCK_USERS_V2);

	size_t start = entry_begin(w);
	PUT(w, uint8_t, 1);
	PUT(w, uint32_t, g->gid);
	put_cut(w, g->name, LIST_CREDENTIAL_MAX);
	entry_end(w, start);
}

/*
 * Today's entries go on with facts that Debian's sysdig would take for others: those up to the
 * capabilities stand in the same place for all readers, and what an own recording's replay knows
 * of a process comes from its snapshot.
 */
void capture_write_process(struct capture_writer *w, const struct listed_process *p)
{
	list_begin(w, BLOCK_PROCESSES_V9);

	size_t start = entry_begin(w);
	PUT(w, int64_t, p->tid);
	PUT(w, int64_t, p->pid);
	PUT(w, int64_t, p->ptid);
	PUT(w, int64_t, p->sid);
	PUT(w, int64_t, p->vpgid);
	put_cut(w, p->comm, LIST_NAME_MAX);
	put_cut(w, p->exe, LIST_NAME_MAX);
	put_cut(w, p->exepath, LIST_NAME_MAX);
	put_cut_strings(w, p->args);
	put_cut(w, p->cwd, LIST_NAME_MAX);
	PUT(w, uint64_t, p->fdlimit);
	PUT(w, uint32_t, p->flags);
	PUT(w, uint32_t, p->uid);
	PUT(w, uint32_t, p->gid);
	PUT(w, uint32_t, p->vm_size_kb);
	PUT(w, uint32_t, p->vm_rss_kb);
	PUT(w, uint32_t, p->vm_swap_kb);
	PUT(w, uint64_t, p->pgft_maj);
	PUT(w, uint64_t, p->pgft_min);
	put_cut_strings(w, p->env);
	PUT(w, int64_t, p->vtid);
	PUT(w, int64_t, p->vpid);
	put_cut_strings(w, p->cgroups);
	put_cut(w, p->root, LIST_NAME_MAX);
	PUT(w, uint32_t, p->loginuid);
	PUT(w, uint8_t, p->exe_writable);
	PUT(w, uint64_t, p->cap_inheritable);
	PUT(w, uint64_t, p->cap_permitted);
	PUT(w, uint64_t, p->cap_effective);
	entry_end(w, start);
}

static void put_fd(struct capture_writer *w, const struct listed_fd *fd, uint8_t type)
{
	size_t size = type == LISTED_FD_IPV4 || type == LISTED_FD_IPV4_SERVER ? 4 : 16;

	switch (type) {
	case LISTED_FD_IPV4:
	case LISTED_FD_IPV6:
		put(w, fd->local, size);
		put(w, fd->remote, size);
		PUT(w, uint16_t, fd->local_port);
		PUT(w, uint16_t, fd->remote_port);
		PUT(w, uint8_t, fd->l4proto);
		break;
	case LISTED_FD_IPV4_SERVER:
	case LISTED_FD_IPV6_SERVER:
		put(w, fd->local, size);
		PUT(w, uint16_t, fd->local_port);
		PUT(w, uint8_t, fd->l4proto);
		break;
	case LISTED_FD_UNIX:
		PUT(w, uint64_t, fd->unix_source);
		PUT(w, uint64_t, fd->unix_destination);
		put_cut(w, fd->name, LIST_NAME_MAX);
		break;
	case LISTED_FD_FILE_V2:
		PUT(w, uint32_t, fd->open_flags);
		put_cut(w, fd->name, LIST_NAME_MAX);
		PUT(w, uint32_t, fd->dev);
		break;
	default:
		put_cut(w, fd->name, LIST_NAME_MAX);
	}
}

void capture_write_fd(struct capture_writer *w, const struct listed_fd *fd)
{
	/* A type that it does not know makes Debian's sysdig refuse the whole file. */
	uint8_t type = fd->type > LISTED_FD_FILE_V2 ? LISTED_FD_UNSUPPORTED : fd->type;

	if (type == LISTED_FD_UNKNOWN)
		return;
	if (w->block_type == BLOCK_FDS_V2 && w->fd_owner != fd->tid)
		block_end(w);
	if (list_begin(w, BLOCK_FDS_V2)) {
		w->fd_owner = fd->tid;
		PUT(w, int64_t, fd->tid);
	}

	size_t start = entry_begin(w);
	PUT(w, int64_t, fd->num);
	PUT(w, uint64_t, fd->ino);
	PUT(w, uint8_t, type);
	put_fd(w, fd, type);
	entry_end(w, start);
}

/* Events */

/* The thread's slot; *is_told: its facts are those that were last written there. */
static uint16_t slot_of(struct capture_writer *w, const struct task_facts *f, bool *is_told)
{
	uint64_t tid = (uint32_t)f->tid;
	uintptr_t known = (uintptr_t)u64map_get(&w->slots, tid);
	uint32_t slot = (uint32_t)known - 1;

	*is_told = known && memcmp(&w->facts[slot], f, sizeof(*f)) == 0;
	if (!known) {
		/* Whoever had it last has to be told anew. */
		slot = w->next_slot++ % RECORDED_SLOT_LIMIT;
		if (w->slot_tids[slot] != UINT64_MAX)
			u64map_remove(&w->slots, w->slot_tids[slot]);
		w->slot_tids[slot] = tid;
		u64map_put(&w->slots, tid, (void *)(uintptr_t)(slot + 1));
	}
	if (!*is_told)
		w->facts[slot] = *f;
	return (uint16_t)slot;
}

/* The parameters from `first` on: their lengths, then their data; the size of both. */
static size_t rest_size(const struct event *e, unsigned first)
{
	size_t size = 0;

	for (unsigned i = first; i < e->nparams; i++)
		size += sizeof(uint16_t) + e->params[i].n;
	return size;
}

static void put_rest(struct capture_writer *w, const struct event *e, unsigned first)
{
	for (unsigned i = first; i < e->nparams; i++)
		PUT(w, uint16_t, e->params[i].n);
	for (unsigned i = first; i < e->nparams; i++)
		put(w, e->params[i].p, e->params[i].n);
}

/* first: the first parameter that the event was not written with. */
static void put_option(struct capture_writer *w, const struct event *e, unsigned first)
{
	const struct record *r = e->record;
	bool is_told, has_boot_time = w->boot_time != w->boot_time_told;
	struct recorded_event own = {
	    .ret = r->ret,
	    .flags = r->flags,
	    .syscall_nr = r->syscall_nr,
	    .slot = slot_of(w, &r->task, &is_told),
	    .task_size = is_told ? 0 : sizeof(r->task),
	    .rest_first = (uint16_t)first,
	    .rest_count = (uint16_t)(e->nparams - first),
	    .rest_size = (uint16_t)rest_size(e, first),
	    .boot_time_size = has_boot_time ? sizeof(w->boot_time) : 0,
	};
	size_t annex = r->size - r->annex_offset;

	PUT(w, uint16_t, OPTION_RECORDED);
	PUT(w, uint16_t, sizeof(own) + own.boot_time_size + own.task_size + own.rest_size + annex);
	put(w, &own, sizeof(own));
	put(w, &w->boot_time, own.boot_time_size);
	w->boot_time_told = w->boot_time;
	put(w, &r->task, own.task_size);
	put_rest(w, e, first);
	put(w, (const uint8_t *)r + r->annex_offset, annex);
}

/* An event with its first parameters. */
static void put_event(struct capture_writer *w, const struct event *e, unsigned params,
		      uint64_t time)
{
	size_t width = e->schema->flags & EVENT_LARGE_PAYLOAD ? sizeof(uint32_t) : sizeof(uint16_t);
	size_t size = sizeof(struct event_header) + params * width, bytes = 0;
	struct event_header h = *e->header;

	for (unsigned i = 0; i < params; i++)
		bytes += e->params[i].n;
	h.ts = time;
	h.len = (uint32_t)(size + bytes);
	h.nparams = params;
	put(w, &h, sizeof(h));
	put(w, e->header + 1, params * width);
	if (bytes)
		put(w, e->params[0].p, bytes);
}

void capture_write_boot_time(struct capture_writer *w, uint64_t boot_time)
{
	w->boot_time = boot_time;
}

static void event_begin(struct capture_writer *w, uint16_t cpu, size_t size, bool is_for_state)
{
	bool is_large = size > SMALL_BLOCK_LIMIT;

	if (is_for_state)
		block_begin(w, is_large ? BLOCK_EVENT_FLAGS_V2_LARGE : BLOCK_EVENT_FLAGS_V2);
	else
		block_begin(w, is_large ? BLOCK_EVENT_V2_LARGE : BLOCK_EVENT_V2);
	PUT(w, uint16_t, cpu);
	if (is_for_state)
		PUT(w, uint32_t, EVENT_BLOCK_STATE_ONLY);
}

static void put_enter(struct capture_writer *w, const struct event *e, uint64_t time,
		      bool is_for_state)
{
	uint8_t bytes[RECORD_PATH_MAX + 1024];
	size_t n = enter_event_make(w->enters, e, time, bytes, sizeof(bytes));

	if (n == 0)
		return;
	event_begin(w, e->cpu, n, is_for_state);
	put(w, bytes, n);
	block_end(w);
}

void capture_write_record(struct capture_writer *w, const struct record *r, uint64_t time,
			  bool is_for_state)
{
	static const char zeros[sizeof(uint64_t)];
	struct event e, shown;
	unsigned params, first;
	uint64_t nr;

	if (event_decode(&e, r, r->size, NULL) < 0)
		return;
	shown = e;
	first = params = e.nparams;
	/* What the generic event has beyond scap's two parameters is ours alone. */
	if (e.schema->code == 1 && params > event_schema_get(1)->nparams)
		first = params = event_schema_get(1)->nparams;
	if (w->enters) {
		unsigned known = enter_known_params(w->enters, e.header->type);

		if (known < params)
			first = params = known;
		/* A number that is not in its table is its end, too; 0 is that of any call. */
		if (e.schema->code == 1 && params && event_param_u64(&e, 0, &nr) &&
		    !enter_knows_syscall(nr)) {
			shown.params[0] = (struct str){zeros, e.params[0].n};
			first = 0;
		}
		put_enter(w, &shown, time, is_for_state);
	}
	/* The block's frame and what stands before the event, the padding, and the option. */
	event_begin(w, r->cpu, BLOCK_FRAME + 16 + r->size + sizeof(struct recorded_event),
		    is_for_state);
	put_event(w, &shown, params, time);
	put_padding(w, w->block_start);
	put_option(w, &e, first);
	block_end(w);
	w->chunk_events++;
	w->chunk_for_state += is_for_state;
	flush_if_full(w);
}

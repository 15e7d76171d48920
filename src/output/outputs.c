/* SPDX-License-Identifier: Apache-2.0 */
#include "output/outputs.h"

#include "output/channel.h"
#include "output/worker.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

struct outputs {
	struct worker *workers[CHANNELS_MAX];
	size_t count;
};

static bool is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void *open_stdout(const struct outputs_options *o)
{
	return channel_stdout_open(o->stdout_fd ? o->stdout_fd : STDOUT_FILENO);
}

static bool is_same_stdout(const struct outputs_options *a, const struct outputs_options *b)
{
	return a->stdout_fd == b->stdout_fd;
}

static void *open_file(const struct outputs_options *o)
{
	return channel_file_open(o->file.path, o->file.keep_alive);
}

static bool is_same_file(const struct outputs_options *a, const struct outputs_options *b)
{
	return is_same(a->file.path, b->file.path) && a->file.keep_alive == b->file.keep_alive;
}

static void *open_syslog(const struct outputs_options *o)
{
	return channel_syslog_open(o->syslog.journal_socket, o->syslog.socket);
}

static bool is_same_syslog(const struct outputs_options *a, const struct outputs_options *b)
{
	return is_same(a->syslog.journal_socket, b->syslog.journal_socket) &&
	       is_same(a->syslog.socket, b->syslog.socket);
}

static void *open_program(const struct outputs_options *o)
{
	return channel_program_open(o->program.command, o->program.keep_alive);
}

static bool is_same_program(const struct outputs_options *a, const struct outputs_options *b)
{
	return is_same(a->program.command, b->program.command) &&
	       a->program.keep_alive == b->program.keep_alive;
}

static void *open_http(const struct outputs_options *o)
{
	return channel_http_open(&o->http, o->is_json);
}

static bool is_same_http(const struct outputs_options *a, const struct outputs_options *b)
{
	const struct http_options *x = &a->http, *y = &b->http;

	return a->is_json == b->is_json && is_same(x->url, y->url) &&
	       is_same(x->user_agent, y->user_agent) && x->is_insecure == y->is_insecure &&
	       is_same(x->ca_cert, y->ca_cert) && is_same(x->ca_bundle, y->ca_bundle) &&
	       is_same(x->ca_path, y->ca_path) && x->is_mutual == y->is_mutual &&
	       is_same(x->client_cert, y->client_cert) && is_same(x->client_key, y->client_key) &&
	       x->keep_alive == y->keep_alive && x->compress == y->compress && x->echo == y->echo &&
	       x->max_consecutive_timeouts == y->max_consecutive_timeouts;
}

static const struct channel_row {
	const struct channel_type *type;
	size_t is_enabled; /* offset of the bool in struct outputs_options */
	void *(*open)(const struct outputs_options *options);
	/* What is the channel's own is the same in both. */
	bool (*is_same)(const struct outputs_options *a, const struct outputs_options *b);
} channel_rows[] = {
#define ENABLED(member) offsetof(struct outputs_options, member)
    {&channel_stdout, ENABLED(to_stdout), open_stdout, is_same_stdout},
    {&channel_file, ENABLED(file.is_enabled), open_file, is_same_file},
    {&channel_syslog, ENABLED(syslog.is_enabled), open_syslog, is_same_syslog},
    {&channel_program, ENABLED(program.is_enabled), open_program, is_same_program},
    {&channel_http, ENABLED(http.is_enabled), open_http, is_same_http},
};

/* What all channels have. */
static bool is_same_for_all(const struct outputs_options *a, const struct outputs_options *b)
{
	return a->is_buffered == b->is_buffered && a->queue_capacity == b->queue_capacity &&
	       a->recovery == b->recovery && a->timeout_ms == b->timeout_ms;
}

static bool is_enabled(const struct channel_row *row, const struct outputs_options *options)
{
	return *(const bool *)((const char *)options + row->is_enabled);
}

static int add_new(struct outputs *o, const struct channel_row *row,
		   const struct outputs_options *options, struct error *err)
{
	struct worker *w = aligned_alloc(_Alignof(struct worker), sizeof(*w));
	int status;

	if (!w)
		return error_set(err, -ENOMEM, "output %s: no memory", row->type->name);
	memset(w, 0, sizeof(*w));
	atomic_init(&w->holders, 1);
	status = worker_start(w, row->type, row->open(options), options, err);
	if (status == 0)
		o->workers[o->count++] = w;
	else
		free(w);
	return status;
}

/* NULL: it has none of that type. */
static struct worker *worker_of(const struct outputs *o, const struct channel_type *type)
{
	for (size_t i = 0; o && i < o->count; i++)
		if (o->workers[i]->type == type)
			return o->workers[i];
	return NULL;
}

struct outputs *outputs_renew(struct outputs *old, const struct outputs_options *old_options,
			      const struct outputs_options *options, struct error *err)
{
	struct outputs *o = calloc(1, sizeof(*o));
	int status = 0;

	if (!o) {
		error_set(err, -ENOMEM, "no memory for the outputs");
		return NULL;
	}
	for (size_t i = 0; status == 0 && i < sizeof(channel_rows) / sizeof(*channel_rows); i++) {
		const struct channel_row *row = &channel_rows[i];
		struct worker *w = worker_of(old, row->type);

		if (!is_enabled(row, options))
			continue;
		if (w && is_same_for_all(old_options, options) &&
		    row->is_same(old_options, options)) {
			atomic_fetch_add(&w->holders, 1);
			o->workers[o->count++] = w;
		} else {
			status = add_new(o, row, options, err);
		}
	}
	if (status == 0)
		return o;
	outputs_free(o);
	return NULL;
}

struct outputs *outputs_new(const struct outputs_options *options, struct error *err)
{
	return outputs_renew(NULL, NULL, options, err);
}

void outputs_send(struct outputs *o, const struct alert *alert)
{
	struct shared_line *l;

	if (o->count == 0)
		return;
	l = shared_line_new(alert, (unsigned)o->count);
	for (size_t i = 0; i < o->count; i++) {
		if (l)
			worker_push(o->workers[i], l);
		else
			worker_count_dropped(o->workers[i], alert->priority, OUTPUT_DROP_MEMORY);
	}
}

void outputs_reopen(struct outputs *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		worker_reopen(o->workers[i]);
}

void outputs_check(struct outputs *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		worker_check(o->workers[i]);
}

bool outputs_must_exit(const struct outputs *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		if (atomic_load(&o->workers[i]->must_exit))
			return true;
	return false;
}

/* Others hold it still: it goes on. */
static bool is_shared(const struct worker *w)
{
	return atomic_load(&w->holders) > 1;
}

void outputs_begin_drain(struct outputs *o, int timeout_ms)
{
	int64_t deadline = worker_now() + (int64_t)timeout_ms * 1000000;

	for (size_t i = 0; i < o->count; i++)
		if (!is_shared(o->workers[i]))
			worker_begin_stop(o->workers[i], deadline);
}

bool outputs_is_drained(const struct outputs *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (!is_shared(o->workers[i]) && !atomic_load(&o->workers[i]->is_done))
			return false;
	return true;
}

void outputs_drain(struct outputs *o, int timeout_ms)
{
	outputs_begin_drain(o, timeout_ms);
	for (size_t i = 0; i < o->count; i++)
		if (!is_shared(o->workers[i]))
			worker_join(o->workers[i]);
}

void outputs_free(struct outputs *o)
{
	if (!o)
		return;
	outputs_drain(o, 0);
	for (size_t i = 0; i < o->count; i++) {
		if (atomic_fetch_sub(&o->workers[i]->holders, 1) > 1)
			continue;
		worker_release(o->workers[i]);
		free(o->workers[i]);
	}
	free(o);
}

const char *outputs_drop_name(enum outputs_drop why)
{
	static const char *const names[OUTPUT_DROP_COUNT] = {
	    [OUTPUT_DROP_FULL] = "queue_full",
	    [OUTPUT_DROP_BYTES] = "queue_too_large",
	    [OUTPUT_DROP_EMPTIED] = "queue_emptied",
	    [OUTPUT_DROP_MEMORY] = "no_memory",
	};

	return names[why];
}

size_t outputs_counters(const struct outputs *o, struct channel_counters *counters, size_t room)
{
	size_t n = o->count < room ? o->count : room;

	for (size_t i = 0; i < n; i++) {
		const struct worker *w = o->workers[i];

		counters[i] = (struct channel_counters){
		    .name = w->type->name,
		    .sent = atomic_load(&w->sent),
		    .dropped_urgent = atomic_load(&w->dropped_urgent),
		    .failed = atomic_load(&w->failed),
		    .retries = atomic_load(&w->retries),
		    .queued = atomic_load(&w->queued),
		    .capacity = w->capacity,
		    .latency = latency_read(&w->latency),
		    .is_shared = is_shared(w),
		};
		for (size_t why = 0; why < OUTPUT_DROP_COUNT; why++) {
			counters[i].drops[why] = atomic_load(&w->drops[why]);
			counters[i].dropped += counters[i].drops[why];
		}
	}
	return n;
}

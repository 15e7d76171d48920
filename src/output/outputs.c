/* SPDX-License-Identifier: Apache-2.0 */
#include "output/outputs.h"

#include "output/channel.h"
#include "output/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct outputs {
	struct worker workers[CHANNELS_MAX];
	size_t count;
};

static int add(struct outputs *o, const struct channel_type *type, void *context,
	       const struct outputs_options *options, struct error *err)
{
	int status = worker_start(&o->workers[o->count], type, context, options, err);

	if (status == 0)
		o->count++;
	return status;
}

static int open_channels(struct outputs *o, const struct outputs_options *options,
			 struct error *err)
{
	int status = 0;

	if (options->to_stdout) {
		int fd = options->stdout_fd ? options->stdout_fd : STDOUT_FILENO;

		status = add(o, &channel_stdout, channel_stdout_open(fd), options, err);
	}
	if (status == 0 && options->file.is_enabled)
		status = add(o, &channel_file,
			     channel_file_open(options->file.path, options->file.keep_alive),
			     options, err);
	if (status == 0 && options->syslog.is_enabled)
		status =
		    add(o, &channel_syslog,
			channel_syslog_open(options->syslog.journal_socket, options->syslog.socket),
			options, err);
	if (status == 0 && options->program.is_enabled)
		status =
		    add(o, &channel_program,
			channel_program_open(options->program.command, options->program.keep_alive),
			options, err);
	if (status == 0 && options->http.is_enabled)
		status = add(o, &channel_http, channel_http_open(&options->http, options->is_json),
			     options, err);
	return status;
}

struct outputs *outputs_new(const struct outputs_options *options, struct error *err)
{
	struct outputs *o = aligned_alloc(_Alignof(struct outputs), sizeof(*o));

	if (!o) {
		error_set(err, -ENOMEM, "no memory for the outputs");
		return NULL;
	}
	memset(o, 0, sizeof(*o));
	if (open_channels(o, options, err) < 0) {
		outputs_free(o);
		return NULL;
	}
	return o;
}

void outputs_send(struct outputs *o, const struct alert *alert)
{
	struct shared_line *l;

	if (o->count == 0)
		return;
	l = shared_line_new(alert, (unsigned)o->count);
	for (size_t i = 0; i < o->count; i++) {
		if (l)
			worker_push(&o->workers[i], l);
		else
			worker_count_dropped(&o->workers[i]);
	}
}

void outputs_reopen(struct outputs *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		worker_reopen(&o->workers[i]);
}

void outputs_check(struct outputs *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		worker_check(&o->workers[i]);
}

bool outputs_must_exit(const struct outputs *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		if (atomic_load(&o->workers[i].must_exit))
			return true;
	return false;
}

void outputs_begin_drain(struct outputs *o, int timeout_ms)
{
	int64_t deadline = worker_now() + (int64_t)timeout_ms * 1000000;

	for (size_t i = 0; i < o->count; i++)
		worker_begin_stop(&o->workers[i], deadline);
}

bool outputs_is_drained(const struct outputs *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (!atomic_load(&o->workers[i].is_done))
			return false;
	return true;
}

void outputs_drain(struct outputs *o, int timeout_ms)
{
	outputs_begin_drain(o, timeout_ms);
	for (size_t i = 0; i < o->count; i++)
		worker_join(&o->workers[i]);
}

void outputs_free(struct outputs *o)
{
	if (!o)
		return;
	outputs_drain(o, 0);
	for (size_t i = 0; i < o->count; i++)
		worker_release(&o->workers[i]);
	free(o);
}

size_t outputs_counters(const struct outputs *o, struct channel_counters *counters, size_t room)
{
	size_t n = o->count < room ? o->count : room;

	for (size_t i = 0; i < n; i++) {
		const struct worker *w = &o->workers[i];

		counters[i] = (struct channel_counters){
		    .name = w->type->name,
		    .sent = atomic_load(&w->sent),
		    .dropped = atomic_load(&w->dropped),
		    .failed = atomic_load(&w->failed),
		    .retries = atomic_load(&w->retries),
		    .queued = atomic_load(&w->queued),
		    .capacity = w->capacity,
		};
	}
	return n;
}

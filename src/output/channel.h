/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an output channel is, between the workers and the channels: a channel is told lines and
 * counts what became of each, exactly once, with worker_sent and worker_lost. Everything here
 * happens on the thread of the channel's worker but open and close.
 */
#ifndef SAKER_OUTPUT_CHANNEL_H
#define SAKER_OUTPUT_CHANNEL_H

#include "output/outputs.h"

struct worker;

/* An alert on its way. Texts live until deliver returns. */
struct channel_line {
	uint64_t time; /* of the event, 0: none */
	enum severity priority;
	struct str text; /* with its line end */
	struct str rule, source;
	struct str tags; /* each followed by a line end */
};

struct channel_type {
	const char *name;
	/* Its thread is not confined (output/confine.h): it starts programs, which would be, too.
	 */
	bool runs_programs;
	/* Delivers a line; may keep a copy until flush. */
	void (*deliver)(void *context, struct worker *w, const struct channel_line *line);
	/* Delivers what was kept; called where no line waits and outputs are not buffered, and when
	 * what is watched is readable. NULL: nothing is ever kept. */
	void (*flush)(void *context, struct worker *w);
	/* A descriptor to watch while no line waits; -1: none. NULL: never one. */
	int (*watched)(const void *context);
	/* Closes what is to be opened anew; NULL: nothing is. */
	void (*reopen)(void *context, struct worker *w);
	/* The last call on the thread: delivers or gives up what is kept. NULL: flush does it. */
	void (*finish)(void *context, struct worker *w);
	void (*close)(void *context);
};

void worker_sent(struct worker *w, uint64_t lines);
void worker_lost(struct worker *w, uint64_t lines);
void worker_took_back(struct worker *w, uint64_t lines); /* counted as sent, and now lost */
void worker_retried(struct worker *w);

/*
 * How long a channel may still try, in ms; -1: no end yet. Whatever can block (a pipe that nobody
 * reads, a server) asks in between, at least every WORKER_SLICE_MS, and gives up where it is 0.
 */
enum { WORKER_SLICE_MS = 50 };
int worker_time_left(const struct worker *w);
/* Limits that from now on, until the call of the channel ends; 0: no longer. */
void worker_limit(struct worker *w, unsigned ms);
unsigned worker_timeout(const struct worker *w); /* configured for one alert, ms */

/* Sleeps; false: there is no time left. */
bool worker_pause(struct worker *w, unsigned ms);
/* Waits until fd is ready for events (POLLIN, POLLOUT): 1, 0 where there is no time left, -errno */
int worker_await(struct worker *w, int fd, short events);
/* Writes until all is written, waiting where fd is not ready. 0, -ETIMEDOUT or another error;
 * *written: how far it came. */
int worker_write(struct worker *w, int fd, bool may_block, struct str bytes, size_t *written);

/*
 * Says in the log what does not work: at first, and then once a minute while nothing works;
 * worker_works says that it works again. What goes up and down is told of a few times a minute.
 */
void worker_complain(struct worker *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void worker_works(struct worker *w);

/* Next waiting time of a retry: twice the last, from 50 ms up to most, a fifth more or less. */
unsigned channel_backoff(unsigned *last_ms, unsigned most_ms);

/* The channels. Each copies what it is given; NULL only without memory. */
extern const struct channel_type channel_stdout, channel_file, channel_syslog, channel_program,
    channel_http;
void *channel_stdout_open(int fd);
void *channel_file_open(const char *path, bool keep_alive);
void *channel_syslog_open(const char *journal_socket, const char *socket);
void *channel_program_open(const char *command, bool keep_alive);
void *channel_http_open(const struct http_options *options, bool is_json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program, run by a shell, that reads alerts from its standard input: one for each alert, or one
 * that is kept running for all.
 *
 * Each is a process group of its own, so that nothing of a pipeline is left over when it has to be
 * killed. One that is kept running and ends is started again, later each time that it ends soon;
 * lines that it had not read then are given to the next one.
 */
#include "output/channel.h"
#include "output/line_buffer.h"
#include "output/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	RESTART_MOST_MS = 30000,
	STEADY_MS = 10000, /* who ran for so long is started again at once */
	PATIENCE = 10,     /* times the time limit: how long one may run for one alert */
	TERM_MS = 200,     /* from the friendly signal to the other */
};

extern char **environ;

struct program_channel {
	char *command;
	bool keep_alive;
	pid_t pid; /* 0: none runs */
	int pid_fd;
	int input; /* what we write into; not blocking */
	int64_t started_at;
	unsigned backoff;
	/* Of keep_alive: the lines that the program may not have read to their end yet. */
	char *unread;
	size_t unread_n, unread_room;
	size_t given; /* bytes of them that the pipe took from us */
};

void *channel_program_open(const char *command, bool keep_alive)
{
	struct program_channel *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->command = strdup(command);
	c->keep_alive = keep_alive;
	c->pid_fd = c->input = -1;
	if (c->command)
		return c;
	free(c);
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int spawn(struct program_channel *c, int input)
{
	char sh[] = "sh", flag[] = "-c", *arguments[] = {sh, flag, c->command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	int status;

	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						  POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	status = posix_spawn(&c->pid, "/bin/sh", &actions, &attributes, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (status != 0)
		c->pid = 0;
	return -status;
}

static int start(struct program_channel *c)
{
	int fds[2], status;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	status = spawn(c, fds[0]);
	close(fds[0]);
	if (status < 0) {
		close(fds[1]);
		return status;
	}
	c->input = fds[1];
	fcntl(c->input, F_SETFL, O_NONBLOCK);
	c->pid_fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	c->started_at = worker_now();
	return 0;
}

/* Whether it has ended, within ms; it stays to be reaped. */
static bool has_ended(const struct program_channel *c, unsigned ms)
{
	siginfo_t info = {0};

	if (c->pid_fd >= 0)
		poll(&(struct pollfd){.fd = c->pid_fd, .events = POLLIN}, 1, (int)ms);
	else if (ms)
		poll(NULL, 0, (int)ms);
	return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == c->pid;
}

/* Takes its status, as that of wait(2). It has ended. */
static int reap(struct program_channel *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	close_fd(&c->pid_fd);
	close_fd(&c->input);
	return status;
}

/* The group is told while its leader is not reaped, so that it can be no other one. */
static void kill_group(struct program_channel *c)
{
	kill(-c->pid, SIGTERM);
	has_ended(c, TERM_MS);
	kill(-c->pid, SIGKILL);
	while (!has_ended(c, WORKER_SLICE_MS))
		;
	reap(c);
}

/* Closes its input and waits for its end. False: that took too long, and it was killed. */
static bool end_program(struct program_channel *c, struct worker *w, int *status)
{
	worker_limit(w, PATIENCE * worker_timeout(w));
	close_fd(&c->input);
	while (!has_ended(c, WORKER_SLICE_MS)) {
		if (worker_time_left(w) == 0) {
			kill_group(c);
			return false;
		}
	}
	*status = reap(c);
	return true;
}

static void complain_of_status(struct worker *w, int status)
{
	if (WIFSIGNALED(status))
		worker_complain(w, "the program was ended by signal %d", WTERMSIG(status));
	else
		worker_complain(w, "the program ended with status %d", WEXITSTATUS(status));
}

static void run_once(struct program_channel *c, struct worker *w, struct str line)
{
	int status = worker_time_left(w) == 0 ? -ETIMEDOUT : start(c), ended = 0;
	size_t written;

	if (status < 0) {
		worker_lost(w, 1);
		worker_complain(w, "cannot start a program: %s", strerror(-status));
		return;
	}
	worker_limit(w, worker_timeout(w));
	status = worker_write(w, c->input, true, line, &written);
	if (status == -ETIMEDOUT) {
		kill_group(c);
		worker_lost(w, 1);
		worker_complain(w, "the program did not read an alert within %u ms and was killed",
				worker_timeout(w));
		return;
	}
	/* One that ends well without having read all has seen what it wanted. */
	if (!end_program(c, w, &ended)) {
		worker_lost(w, 1);
		worker_complain(w, "the program did not end and was killed");
	} else if (ended != 0) {
		worker_lost(w, 1);
		complain_of_status(w, ended);
	} else {
		worker_sent(w, 1);
		worker_works(w);
	}
}

static size_t bytes_in(int pipe)
{
	int n = 0;

	if (pipe >= 0)
		ioctl(pipe, FIONREAD, &n);
	return (size_t)n;
}

/* Forgets the lines that were read to their ends; pipe: one of its ends. */
static void forget_read(struct program_channel *c, int pipe)
{
	size_t left = bytes_in(pipe), from = left < c->given ? c->given - left : 0;

	while (from > 0 && c->unread[from - 1] != '\n')
		from--;
	if (from == 0)
		return;
	memmove(c->unread, c->unread + from, c->unread_n - from);
	c->unread_n -= from;
	c->given -= from;
}

static bool remember(struct program_channel *c, struct str line)
{
	if (c->unread_n + line.n > c->unread_room) {
		size_t room = 2 * (c->unread_n + line.n);
		char *unread = realloc(c->unread, room);

		if (!unread)
			return false;
		c->unread = unread;
		c->unread_room = room;
	}
	memcpy(c->unread + c->unread_n, line.p, line.n);
	c->unread_n += line.n;
	return true;
}

static void lose(struct program_channel *c, struct worker *w, size_t bytes)
{
	if (bytes == 0)
		return;
	worker_took_back(w, count_lines((struct str){c->unread, bytes}));
	memmove(c->unread, c->unread + bytes, c->unread_n - bytes);
	c->unread_n -= bytes;
	c->given = 0;
}

/* The program has ended or does not go on: the next one gets the lines that it had not read. */
static void bury(struct program_channel *c, struct worker *w)
{
	forget_read(c, c->input);
	c->given = 0;
	if (worker_now() - c->started_at >= (int64_t)STEADY_MS * 1000000)
		c->backoff = 0;
	if (has_ended(c, TERM_MS))
		complain_of_status(w, reap(c));
	else
		kill_group(c);
}

/* False: there is no time left. */
static bool ensure_running(struct program_channel *c, struct worker *w)
{
	if (c->pid && has_ended(c, 0))
		bury(c, w);
	while (!c->pid) {
		int status;

		if (c->started_at) {
			if (!worker_pause(w, channel_backoff(&c->backoff, RESTART_MOST_MS)))
				return false;
			worker_retried(w);
		}
		status = start(c);
		c->started_at = worker_now();
		if (status < 0)
			worker_complain(w, "cannot start a program: %s", strerror(-status));
	}
	return true;
}

/* Gives the running program what it was not given yet. */
static void feed(struct program_channel *c, struct worker *w)
{
	while (c->given < c->unread_n) {
		size_t written, before;
		int status;

		worker_limit(w, 0);
		if (!ensure_running(c, w)) {
			lose(c, w, c->unread_n);
			return;
		}
		before = bytes_in(c->input);
		worker_limit(w, worker_timeout(w));
		status = worker_write(w, c->input, true,
				      (struct str){c->unread + c->given, c->unread_n - c->given},
				      &written);
		c->given += written;
		/* It is slow, but it reads. */
		if (status == -ETIMEDOUT && bytes_in(c->input) < before + written) {
			worker_limit(w, 0);
			if (worker_time_left(w) != 0)
				continue;
		}
		if (status == 0) {
			if (worker_now() - c->started_at >= (int64_t)STEADY_MS * 1000000)
				worker_works(w);
			continue;
		}
		if (status == -ETIMEDOUT)
			worker_complain(w, "the program read nothing for %u ms and is killed",
					worker_timeout(w));
		bury(c, w);
		/* The line at which it hung is not given to the next one as well. */
		if (status == -ETIMEDOUT && c->unread_n)
			lose(c, w,
			     str_find_byte((struct str){c->unread, c->unread_n}, '\n', 0) + 1);
	}
}

static void program_deliver(void *context, struct worker *w, const struct channel_line *line)
{
	struct program_channel *c = context;

	if (!c->keep_alive) {
		run_once(c, w, line->text);
		return;
	}
	forget_read(c, c->input);
	if (!remember(c, line->text)) {
		worker_lost(w, 1);
		return;
	}
	/* Until it turns out that it was not read. */
	worker_sent(w, 1);
	feed(c, w);
}

/* It has ended while no alert came: what it had not read goes to the next one. */
static void program_flush(void *context, struct worker *w)
{
	struct program_channel *c = context;

	if (!c->pid || !has_ended(c, 0))
		return;
	bury(c, w);
	feed(c, w);
}

static int program_watched(const void *context)
{
	return ((const struct program_channel *)context)->pid_fd;
}

/* Lets the program read what it has and end. False: it had to be killed. */
static bool stop(struct program_channel *c, struct worker *w)
{
	char path[32];
	int status, pipe;
	bool ended;

	/* A reading end of ours, so that it can be told what is left in the pipe. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->input);
	pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ended = end_program(c, w, &status);
	if (!ended)
		worker_complain(w, "the program did not end and was killed");
	worker_limit(w, 0);
	forget_read(c, pipe);
	c->given = 0;
	close_fd(&pipe);
	return ended;
}

static void program_reopen(void *context, struct worker *w)
{
	struct program_channel *c = context;

	if (!c->pid)
		return;
	stop(c, w);
	c->started_at = 0;
	c->backoff = 0;
	ensure_running(c, w);
	feed(c, w);
}

static void program_finish(void *context, struct worker *w)
{
	struct program_channel *c = context;

	do {
		feed(c, w);
		if (c->pid && !stop(c, w))
			lose(c, w, c->unread_n);
	} while (c->unread_n > 0);
}

static void program_close(void *context)
{
	struct program_channel *c = context;

	free(c->unread);
	free(c->command);
	free(c);
}

const struct channel_type channel_program = {
    .name = "program",
    .runs_programs = true,
    .deliver = program_deliver,
    .flush = program_flush,
    .watched = program_watched,
    .reopen = program_reopen,
    .finish = program_finish,
    .close = program_close,
};

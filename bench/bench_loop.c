/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop of system calls on one CPU; bench/run runs it under each kind of monitor.
 *
 *   bench_loop LOOP CPU CHUNKS COUNT PATH
 *
 *   getppid  a call that does next to nothing
 *   open     open and close of PATH
 *   rw       a read and a write of 4 KiB of PATH, a file of 1 MiB
 *   connect  a TCP connection over loopback, made, accepted and closed
 *   pipe     a byte to a child over a pipe, and back over another
 *   exec     fork, exec of PATH, wait
 *
 * Prints a line for each of CHUNKS chunks of COUNT turns: nanoseconds per turn of this process's
 * (and its children's) processor time, and of the clock. Processor time is what a monitor in the
 * kernel adds to, and is not what others on the machine take away.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What the loops keep from turn to turn. */
struct loop_state {
	const char *path;
	int from, to; /* descriptors that are read and written; or 0 and a listening socket */
	unsigned turns;
	struct sockaddr_in address;
	pid_t child;
};

/* Of children that have ended, and of the one that has not. */
static double children_seconds(const struct loop_state *s)
{
	struct rusage u;
	clockid_t clock;
	double running = 0;

	if (s->child && clock_getcpuclockid(s->child, &clock) == 0)
		running = seconds_of(clock);
	getrusage(RUSAGE_CHILDREN, &u);
	return running + (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void turn_getppid(struct loop_state *s)
{
	(void)s;
	syscall(SYS_getppid);
}

static void turn_open(struct loop_state *s)
{
	int fd = open(s->path, O_RDONLY);

	if (fd < 0)
		fail(s->path);
	close(fd);
}

enum { BLOCK = 4096, BLOCKS = 256 };

static void begin_rw(struct loop_state *s)
{
	s->from = open(s->path, O_RDONLY);
	s->to = open(s->path, O_WRONLY);
	if (s->from < 0 || s->to < 0)
		fail(s->path);
}

static void turn_rw(struct loop_state *s)
{
	char block[BLOCK];

	if (s->turns++ % BLOCKS == 0) {
		lseek(s->from, 0, SEEK_SET);
		lseek(s->to, 0, SEEK_SET);
	}
	if (read(s->from, block, BLOCK) != BLOCK || write(s->to, block, BLOCK) != BLOCK)
		fail(s->path);
}

static void begin_connect(struct loop_state *s)
{
	socklen_t size = sizeof(s->address);

	s->to = socket(AF_INET, SOCK_STREAM, 0);
	s->address.sin_family = AF_INET;
	s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s->to < 0 || bind(s->to, (struct sockaddr *)&s->address, size) < 0 ||
	    listen(s->to, 8) < 0 || getsockname(s->to, (struct sockaddr *)&s->address, &size) < 0)
		fail("listen");
}

static void turn_connect(struct loop_state *s)
{
	/* Reset at the end, so that no ports are kept for a minute. */
	struct linger at_once = {.l_onoff = 1};
	int near = socket(AF_INET, SOCK_STREAM, 0), far;

	if (near < 0 || connect(near, (struct sockaddr *)&s->address, sizeof(s->address)) < 0)
		fail("connect");
	far = accept(s->to, NULL, NULL);
	if (far < 0 || setsockopt(near, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0)
		fail("accept");
	close(near);
	close(far);
}

static void begin_pipe(struct loop_state *s)
{
	int there[2], back[2];
	char byte;

	if (pipe(there) < 0 || pipe(back) < 0)
		fail("pipe");
	s->child = fork();
	if (s->child < 0)
		fail("fork");
	if (s->child == 0) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				break;
		_exit(0);
	}
	close(there[0]);
	s->to = there[1];
	s->from = back[0];
}

static void turn_pipe(struct loop_state *s)
{
	char byte = 0;

	if (write(s->to, &byte, 1) != 1 || read(s->from, &byte, 1) != 1)
		fail("pipe");
}

static void turn_exec(struct loop_state *s)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		execl(s->path, s->path, (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail(s->path);
}

static const struct loop {
	const char *name;
	void (*begin)(struct loop_state *s);
	void (*turn)(struct loop_state *s);
} loops[] = {
    {"getppid", NULL, turn_getppid}, {"open", NULL, turn_open},
    {"rw", begin_rw, turn_rw},       {"connect", begin_connect, turn_connect},
    {"pipe", begin_pipe, turn_pipe}, {"exec", NULL, turn_exec},
};

int main(int argc, char **argv)
{
	const struct loop *loop = NULL;
	struct loop_state state = {0};
	cpu_set_t cpus;

	for (size_t i = 0; argc == 6 && i < sizeof(loops) / sizeof(*loops); i++)
		if (strcmp(argv[1], loops[i].name) == 0)
			loop = &loops[i];
	if (!loop) {
		fputs("usage: bench_loop LOOP CPU CHUNKS COUNT PATH\n", stderr);
		return 2;
	}
	int cpu = atoi(argv[2]), chunks = atoi(argv[3]), count = atoi(argv[4]);

	CPU_ZERO(&cpus);
	CPU_SET((unsigned)cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		fail("sched_setaffinity");
	state.path = argv[5];
	if (loop->begin)
		loop->begin(&state);
	for (int chunk = 0; chunk < chunks; chunk++) {
		double own = seconds_of(CLOCK_PROCESS_CPUTIME_ID),
		       others = children_seconds(&state);
		double clock = seconds_of(CLOCK_MONOTONIC);

		for (int i = 0; i < count; i++)
			loop->turn(&state);
		clock = seconds_of(CLOCK_MONOTONIC) - clock;
		own =
		    seconds_of(CLOCK_PROCESS_CPUTIME_ID) - own + children_seconds(&state) - others;
		printf("%.1f %.1f\n", own / count * 1e9, clock / count * 1e9);
	}
	return 0;
}

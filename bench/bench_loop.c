/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop of system calls on one CPU; bench/run runs it under each kind of monitor.
 *
 *   bench_loop getppid|open|exec CPU CHUNKS COUNT PATH
 *
 * Prints a line for each of CHUNKS chunks of COUNT turns: nanoseconds per turn of this process's
 * (and its children's) processor time, and of the clock. Processor time is what a monitor in the
 * kernel adds to, and is not what others on the machine take away.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

static double children_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void turn_getppid(const char *path)
{
	(void)path;
	syscall(SYS_getppid);
}

static void turn_open(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		fail(path);
	close(fd);
}

static void turn_exec(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail(path);
}

static const struct loop {
	const char *name;
	void (*turn)(const char *path);
} loops[] = {{"getppid", turn_getppid}, {"open", turn_open}, {"exec", turn_exec}};

int main(int argc, char **argv)
{
	const struct loop *loop = NULL;
	cpu_set_t cpus;

	for (size_t i = 0; argc == 6 && i < sizeof(loops) / sizeof(*loops); i++)
		if (strcmp(argv[1], loops[i].name) == 0)
			loop = &loops[i];
	if (!loop) {
		fputs("usage: bench_loop getppid|open|exec CPU CHUNKS COUNT PATH\n", stderr);
		return 2;
	}
	int cpu = atoi(argv[2]), chunks = atoi(argv[3]), count = atoi(argv[4]);

	CPU_ZERO(&cpus);
	CPU_SET((unsigned)cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		fail("sched_setaffinity");
	for (int chunk = 0; chunk < chunks; chunk++) {
		double own = seconds_of(CLOCK_PROCESS_CPUTIME_ID), others = children_seconds();
		double clock = seconds_of(CLOCK_MONOTONIC);

		for (int i = 0; i < count; i++)
			loop->turn(argv[5]);
		clock = seconds_of(CLOCK_MONOTONIC) - clock;
		own = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - own + children_seconds() - others;
		printf("%.1f %.1f\n", own / count * 1e9, clock / count * 1e9);
	}
	return 0;
}

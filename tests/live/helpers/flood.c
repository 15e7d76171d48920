/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the same again and again, in so many threads, until standard input ends; then prints how
 * often in a second, all together: `flood WHAT THREADS`. For each line until then it prints how
 * often they did so far.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64, BATCH = 16 };

static atomic_bool ends;
static atomic_long done;

static void open_file(void)
{
	close(open("/dev/null", O_RDONLY));
}

/* Of this thread alone, which the C library's function would not leave it at. */
static void set_user(void)
{
	syscall(SYS_setuid, getuid());
}

static void trace_nobody(void)
{
	ptrace(PTRACE_ATTACH, -1, NULL, NULL);
}

static void have_child(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static const struct deed {
	const char *name;
	void (*act)(void);
} deeds[] = {
    {"open", open_file},
    {"setuid", set_user},
    {"ptrace", trace_nobody},
    {"fork", have_child},
};

static void *go_on(void *of)
{
	const struct deed *deed = of;

	while (!ends) {
		for (int i = 0; i < BATCH; i++)
			deed->act();
		done += BATCH;
	}
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;
	const struct deed *deed = deeds;
	pthread_t threads[THREADS_MAX];
	double start = now();
	char byte;

	if (count < 1 || count > THREADS_MAX)
		return 2;
	while (strcmp(deed->name, argv[1]) != 0)
		if (++deed == deeds + sizeof(deeds) / sizeof(*deeds))
			return 2;
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, go_on, (void *)(uintptr_t)deed))
			return 1;
	while (read(0, &byte, 1) > 0)
		dprintf(1, "%ld\n", done);
	ends = true;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%.0f\n", (double)done / (now() - start));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens a file again and again, in so many threads, until standard input ends; then prints how
 * often in a second, all together: `flood THREADS`.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

static atomic_bool ends;
static atomic_long opened;

static void *open_again(void *nothing)
{
	long count = 0;

	while (!ends) {
		close(open("/dev/null", O_RDONLY));
		count++;
	}
	opened += count;
	return nothing;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int count = argc == 2 ? atoi(argv[1]) : 0;
	pthread_t threads[THREADS_MAX];
	double start = now();
	char byte;

	if (count < 1 || count > THREADS_MAX)
		return 2;
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, open_again, NULL))
			return 1;
	while (read(0, &byte, 1) > 0)
		;
	ends = true;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%.0f\n", (double)opened / (now() - start));
	return 0;
}

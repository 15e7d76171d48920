/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second thread changes what names lead to while files are opened by them: WAY COUNT DIRECTORY.
 * Prints how often it was the first file, and how often the second.
 */
#include "evade.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Where a machine has other things to do, fewer rounds have to do. */
enum { SECONDS_AT_MOST = 10 };

static atomic_bool is_over;
static int directory;
static const char *exchanged[2];

static void *exchange_forever(void *context)
{
	(void)context;
	while (!atomic_load_explicit(&is_over, memory_order_relaxed))
		if (renameat2(directory, exchanged[0], directory, exchanged[1], RENAME_EXCHANGE) <
		    0)
			abort();
	return NULL;
}

static int by_openat(const char *name)
{
	return openat(directory, name, O_RDONLY);
}

static int by_openat2(const char *name)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};

	return (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
}

static int by_openat2_in_root(const char *name)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_XDEV};

	return (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
}

static int race(char **arg, const char *first, const char *name, int (*opener)(const char *name))
{
	unsigned long count = strtoul(arg[0], NULL, 10), times[2] = {0};
	struct timespec start, now;
	struct stat one, opened;
	pthread_t thread;

	directory = open(arg[1], O_PATH | O_DIRECTORY);
	if (fstatat(directory, first, &one, 0) < 0)
		return refused(first);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (pthread_create(&thread, NULL, exchange_forever, NULL) != 0)
		return refused("thread");
	for (unsigned long i = 0; i < count; i++) {
		int fd = opener(name);

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= start.tv_sec + SECONDS_AT_MOST)
			count = i;
		/* The kernel may have to give up a walk that others disturb. */
		if (fd < 0 && errno == EAGAIN)
			continue;
		if (fd < 0 || fstat(fd, &opened) < 0)
			return refused("open");
		times[opened.st_ino != one.st_ino]++;
		close(fd);
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	printf("%lu %lu\n", times[0], times[1]);
	return 0;
}

#define WAY(name, from, to, first, path, opener)                                                   \
	static int name(char **arg)                                                                \
	{                                                                                          \
		exchanged[0] = from;                                                               \
		exchanged[1] = to;                                                                 \
		return race(arg, first, path, opener);                                             \
	}
WAY(links_openat, "1link", "2link", "1file", "1link", by_openat)
WAY(links_openat2, "1link", "2link", "1file", "1link", by_openat2)
WAY(links_openat2_in_root, "1link", "2link", "1file", "1link", by_openat2_in_root)
WAY(parents_openat, "1parent", "2parent", "1file", "1parent/file", by_openat)
WAY(directories_openat, "1directory", "2directory", "1directory/file", "1directory/file", by_openat)
WAY(directories_openat2, "1directory", "2directory", "1directory/file", "1directory/file",
    by_openat2)

static const struct way ways[] = {
    {"links-openat", 2, links_openat},
    {"links-openat2", 2, links_openat2},
    {"links-openat2-in-root", 2, links_openat2_in_root},
    {"parents-openat", 2, parents_openat},
    {"directories-openat", 2, directories_openat},
    {"directories-openat2", 2, directories_openat2},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second thread rewrites what a system call was given, while it runs: WAY COUNT ... Each way
 * prints what the calls in truth did, which the caller compares with what was seen.
 */
#include "evade.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Where a machine has other things to do, fewer calls have to do. */
enum { SECONDS_AT_MOST = 10 };

static atomic_bool is_over;

static bool is_late(unsigned long calls)
{
	static struct timespec end;
	struct timespec now;

	if (calls % 256)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!calls)
		end.tv_sec = now.tv_sec + SECONDS_AT_MOST;
	return now.tv_sec >= end.tv_sec;
}

struct flip {
	volatile char *at; /* one byte, which is now one and now the other */
	char values[2];
};

static void *flip_forever(void *context)
{
	struct flip *f = context;
	unsigned n = 0;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		*f->at = f->values[n++ & 1];
		/* As long as a call takes, more or less: both names must have their turn. */
		for (volatile unsigned i = 0; i < n % 512; i++)
			;
	}
	return NULL;
}

static int (*opener)(const char *path);

static int by_openat(const char *path)
{
	return openat(AT_FDCWD, path, O_RDONLY);
}

static int by_open(const char *path)
{
	return (int)syscall(SYS_open, path, O_RDONLY);
}

static int by_openat2(const char *path)
{
	struct open_how how = {.flags = O_RDONLY};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static int by_creat(const char *path)
{
	return creat(path, 0644);
}

/*
 * COUNT DIRECTORY NAME: opens DIRECTORY/1NAME, whose first letter becomes 2 and 1 again, by turns.
 * NAME is opened relative to DIRECTORY where that is so written. Prints how often it was which.
 */
static int open_names(char **arg)
{
	unsigned long count = strtoul(arg[0], NULL, 10), times[2] = {0};
	const char *is_relative = getenv("RELATIVE");
	char path[4096];
	struct stat one, now;
	pthread_t thread;

	snprintf(path, sizeof(path), "%s/1%s", arg[1], arg[2]);
	if (stat(path, &one) < 0 || chdir(arg[1]) < 0)
		return refused(path);
	if (is_relative)
		snprintf(path, sizeof(path), "1%s", arg[2]);
	struct flip flip = {.at = path + (is_relative ? 0 : strlen(arg[1]) + 1),
			    .values = {'1', '2'}};
	if (pthread_create(&thread, NULL, flip_forever, &flip) != 0)
		return refused("thread");
	for (unsigned long i = 0; i < count && !is_late(i); i++) {
		int fd = opener(path);

		if (fd < 0 || fstat(fd, &now) < 0)
			return refused("open");
		times[now.st_ino != one.st_ino]++;
		close(fd);
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	printf("%lu %lu\n", times[0], times[1]);
	return 0;
}

#define OPENING(name)                                                                              \
	static int open_##name(char **arg)                                                         \
	{                                                                                          \
		opener = by_##name;                                                                \
		return open_names(arg);                                                            \
	}
OPENING(openat)
OPENING(open)
OPENING(openat2)
OPENING(creat)

/* COUNT PORT: UDP "connections" to 127.0.0.1 or 127.0.0.2, as the last byte happens to be. */
static int connect_addresses(char **arg)
{
	unsigned long count = strtoul(arg[0], NULL, 10), times[2] = {0};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(arg[1])),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct flip flip = {.at = (char *)&address.sin_addr + 3, .values = {1, 2}};
	pthread_t thread;

	if (pthread_create(&thread, NULL, flip_forever, &flip) != 0)
		return refused("thread");
	for (unsigned long i = 0; i < count && !is_late(i); i++) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		    getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
			return refused("connect");
		times[ntohl(peer.sin_addr.s_addr) != INADDR_LOOPBACK]++;
		close(fd);
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	printf("%lu %lu\n", times[0], times[1]);
	return 0;
}

static const struct way ways[] = {
    {"open", 3, open_open},   {"openat", 3, open_openat},        {"openat2", 3, open_openat2},
    {"creat", 3, open_creat}, {"connect", 2, connect_addresses},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

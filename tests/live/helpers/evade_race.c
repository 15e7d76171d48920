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

/*
 * Calls that open nothing. Of DIRECTORY/1/name and DIRECTORY/2/name each can be done to the first
 * one alone: what is there, or what is not. What was done is undone by names that nobody rewrites.
 */
static char first[4200], second[4200], kept[4200], other[4200];

#define DOING(name, ...)                                                                           \
	static long do_##name(const char *path)                                                    \
	{                                                                                          \
		return syscall(SYS_##name, __VA_ARGS__);                                           \
	}
#ifdef SYS_unlink
DOING(unlink, path)
DOING(rmdir, path)
DOING(mkdir, path, 0700)
DOING(symlink, "target", path)
DOING(rename, path, other)
DOING(link, path, other)
DOING(chmod, path, 0644)
DOING(chown, path, -1, -1)
DOING(lchown, path, -1, -1)
#endif
DOING(unlinkat, AT_FDCWD, path, 0)
DOING(mkdirat, AT_FDCWD, path, 0700)
DOING(symlinkat, "target", AT_FDCWD, path)
DOING(renameat2, AT_FDCWD, path, AT_FDCWD, other, 0)
DOING(linkat, AT_FDCWD, path, AT_FDCWD, other, 0)
DOING(fchmodat, AT_FDCWD, path, 0644)
DOING(fchownat, AT_FDCWD, path, -1, -1, AT_SYMLINK_NOFOLLOW)
DOING(utimensat, AT_FDCWD, path, NULL, 0)
DOING(truncate, path, 0)

/* Another value each time: the same one is no change. */
static long do_setxattr(const char *path)
{
	static unsigned n;

	n++;
	return syscall(SYS_setxattr, path, "user.race", &n, sizeof(n), 0);
}

static long rename_there(const char *path)
{
	return syscall(SYS_renameat2, AT_FDCWD, kept, AT_FDCWD, path, 1 /* RENAME_NOREPLACE */);
}

static long link_there(const char *path)
{
	return syscall(SYS_linkat, AT_FDCWD, kept, AT_FDCWD, path, 0);
}

static void unlink_first(void)
{
	unlink(first);
}

static void rmdir_first(void)
{
	rmdir(first);
}

static void link_first(void)
{
	if (link(kept, first) < 0)
		unlink(first);
}

static void mkdir_first(void)
{
	mkdir(first, 0700);
}

static void move_back(void)
{
	rename(other, first);
}

static void move_away(void)
{
	rename(first, kept);
}

static void unlink_other(void)
{
	unlink(other);
}

static void leave(void)
{
}

static const struct deed {
	const char *name;
	long (*call)(const char *path);
	void (*undo)(void);
	enum { OF_FILE, OF_DIRECTORY, OF_NOTHING } acts; /* on what */
} deeds[] = {
#ifdef SYS_unlink
    {"unlink", do_unlink, link_first, OF_FILE},
    {"rmdir", do_rmdir, mkdir_first, OF_DIRECTORY},
    {"mkdir", do_mkdir, rmdir_first, OF_NOTHING},
    {"symlink", do_symlink, unlink_first, OF_NOTHING},
    {"rename", do_rename, move_back, OF_FILE},
    {"link", do_link, unlink_other, OF_FILE},
    {"chmod", do_chmod, leave, OF_FILE},
    {"chown", do_chown, leave, OF_FILE},
    {"lchown", do_lchown, leave, OF_FILE},
#endif
    {"unlinkat", do_unlinkat, link_first, OF_FILE},
    {"mkdirat", do_mkdirat, rmdir_first, OF_NOTHING},
    {"symlinkat", do_symlinkat, unlink_first, OF_NOTHING},
    {"renameat2", do_renameat2, move_back, OF_FILE},
    {"linkat", do_linkat, unlink_other, OF_FILE},
    {"fchmodat", do_fchmodat, leave, OF_FILE},
    {"fchownat", do_fchownat, leave, OF_FILE},
    {"utimensat", do_utimensat, leave, OF_FILE},
    {"truncate", do_truncate, leave, OF_FILE},
    {"setxattr", do_setxattr, leave, OF_FILE},
    {"rename-there", rename_there, move_away, OF_NOTHING},
    {"link-there", link_there, unlink_first, OF_NOTHING},
};

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? refused(path) : close(fd);
}

static const struct deed *deed_find(const char *name, const char *directory)
{
	snprintf(first, sizeof(first), "%s/1/name", directory);
	snprintf(second, sizeof(second), "%s/2/name", directory);
	snprintf(kept, sizeof(kept), "%s/kept", directory);
	snprintf(other, sizeof(other), "%s/1/other", directory);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++)
		if (strcmp(deeds[i].name, name) == 0)
			return &deeds[i];
	return NULL;
}

/* CALL DIRECTORY: what `do` needs there; the folders 1 and 2 are there. */
static int prepare_deeds(char **arg)
{
	const struct deed *deed = deed_find(arg[0], arg[1]);
	const char *names[] = {first, second, other, kept};

	if (!deed)
		return ABSENT;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (unlink(names[i]) < 0)
			rmdir(names[i]);
	if (make_file(kept) || (deed->acts == OF_NOTHING && make_file(second)) ||
	    (deed->acts == OF_FILE && link(kept, first) < 0) ||
	    (deed->acts == OF_DIRECTORY && mkdir(first, 0700) < 0))
		return refused("files");
	return 0;
}

/* CALL COUNT DIRECTORY. Prints how often it was done, and how often it could not. */
static int do_deeds(char **arg)
{
	const struct deed *deed = deed_find(arg[0], arg[2]);
	unsigned long count = strtoul(arg[1], NULL, 10), times[2] = {0};
	char path[4200];
	pthread_t thread;

	if (!deed)
		return ABSENT;
	snprintf(path, sizeof(path), "%s", first);
	struct flip flip = {.at = path + strlen(arg[2]) + 1, .values = {'1', '2'}};
	if (pthread_create(&thread, NULL, flip_forever, &flip) != 0)
		return refused("thread");
	for (unsigned long i = 0; i < count && !is_late(i); i++) {
		long answer = deed->call(path);

		times[answer < 0]++;
		if (answer >= 0)
			deed->undo();
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	printf("%lu %lu\n", times[0], times[1]);
	return 0;
}

static const struct way ways[] = {
    {"prepare", 2, prepare_deeds},     {"do", 3, do_deeds},          {"open", 3, open_open},
    {"openat", 3, open_openat},        {"openat2", 3, open_openat2}, {"creat", 3, open_creat},
    {"connect", 2, connect_addresses},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

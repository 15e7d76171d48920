/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that open nothing, and what they in truth did.
 *
 * through LINK DIRECTORY: every one, by names through a symbolic link in /tmp that leads to the
 * directory. Prints those that worked.
 *
 * race ROUNDS DIRECTORY: some, while a second thread changes the name from 1file to 2file and back.
 * Prints how often it was which.
 *
 * module PARAMETERS FILE: loads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *link_name, *directory;

static const char *in(const char *folder, const char *name)
{
	static char paths[4][512];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
	return paths[turn];
}
/* The name by which it is called, and where it is. */
#define NAME(name) in(link_name, name)
#define THERE(name) in(directory, name)

static void told(const char *call, long result)
{
	if (result == 0)
		printf("acted %s %s\n", directory, call);
}
#define ACT(call, ...) told(#call, syscall(SYS_##call, __VA_ARGS__))

static void make_file(const char *name)
{
	close(open(THERE(name), O_CREAT | O_WRONLY, 0600));
}

static int act_through_link(void)
{
	const char *files[] = {"unlink", "unlinkat", "rename",  "renameat", "renameat2",
			       "link",   "linkat",   "chmod",   "fchmodat", "chown",
			       "lchown", "fchownat", "truncate"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		make_file(files[i]);
	mkdir(THERE("rmdir"), 0700);
	mkdir(THERE("mount"), 0700);
	mkdir(THERE("umount2"), 0700);

	int at = open("/tmp", O_PATH);
	const char *relative = link_name + strlen("/tmp/");

#ifdef SYS_unlink
	ACT(unlink, NAME("unlink"));
	ACT(rmdir, NAME("rmdir"));
	ACT(mkdir, NAME("mkdir"), 0700);
	ACT(rename, NAME("rename"), NAME("rename-new"));
	ACT(link, NAME("link"), NAME("link-new"));
	ACT(symlink, "nowhere", NAME("symlink"));
	ACT(chmod, NAME("chmod"), 0640);
	ACT(chown, NAME("chown"), 1, 1);
	ACT(lchown, NAME("lchown"), 1, 1);
#endif
	ACT(unlinkat, at, in(relative, "unlinkat"), 0);
	ACT(mkdirat, at, in(relative, "mkdirat"), 0700);
	ACT(renameat, at, in(relative, "renameat"), at, in(relative, "renameat-new"));
	ACT(renameat2, at, in(relative, "renameat2"), at, in(relative, "renameat2-new"), 0);
	ACT(linkat, at, in(relative, "linkat"), at, in(relative, "linkat-new"), 0);
	ACT(symlinkat, "nowhere", at, in(relative, "symlinkat"));
	ACT(fchmodat, at, in(relative, "fchmodat"), 0640);
	ACT(fchownat, at, in(relative, "fchownat"), 1, 1, 0);
	ACT(truncate, NAME("truncate"), 0);
	ACT(mount, "none", NAME("mount"), "tmpfs", 0, "");
	mount("none", THERE("umount2"), "tmpfs", 0, "");
	ACT(umount2, NAME("umount2"), 0);
	umount2(THERE("mount"), 0);
	return 0;
}

static char raced[512];
static volatile char *flipped;
static atomic_bool is_over;

static void *flip_forever(void *unused)
{
	for (unsigned n = 0; !is_over; n++) {
		*flipped = n & 1 ? '1' : '2';
		for (volatile unsigned i = 0; i < n % 512; i++)
			;
	}
	return unused;
}

static bool is_there(const char *name)
{
	return faccessat(AT_FDCWD, THERE(name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(const char *name)
{
	struct stat st = {0};

	stat(THERE(name), &st);
	return st.st_mode & 07777;
}

/* Each answers whether it was the first file, and puts things right again. */
static bool race_unlink(unsigned round)
{
	(void)round;
	syscall(SYS_unlinkat, AT_FDCWD, raced, 0);
	bool is_first = !is_there("1file");
	make_file(is_first ? "1file" : "2file");
	return is_first;
}

static bool race_rename(unsigned round)
{
	(void)round;
	renameat(AT_FDCWD, raced, AT_FDCWD, THERE("moved"));
	bool is_first = !is_there("1file");
	renameat(AT_FDCWD, THERE("moved"), AT_FDCWD, THERE(is_first ? "1file" : "2file"));
	return is_first;
}

static bool race_chmod(unsigned round)
{
	mode_t mode = round & 1 ? 0600 : 0700, before = mode_of("1file");

	/* Of both files the mode is the last round's. */
	syscall(SYS_fchmodat, AT_FDCWD, raced, mode);
	bool is_first = mode_of("1file") != before;
	int fd = open(THERE(is_first ? "2file" : "1file"), O_RDONLY);
	fchmod(fd, mode);
	close(fd);
	return is_first;
}

/*
 * Calls that say by their result which of the two it was: 1only is a directory with something in
 * it, 2only is not there. Most of them fail, or ask the kernel's security modules nothing.
 */
static int result_faccessat(void)
{
	return faccessat(AT_FDCWD, raced, F_OK, 0);
}

static int result_utimensat(void)
{
	return utimensat(AT_FDCWD, raced, NULL, 0);
}

static int result_setxattr(void)
{
	return (int)syscall(SYS_setxattr, raced, "user.race", "x", 1, 0);
}

static int result_readlinkat(void)
{
	char target[16];

	return (int)readlinkat(AT_FDCWD, raced, target, sizeof(target));
}

static int result_unlinkat(void)
{
	return unlinkat(AT_FDCWD, raced, 0);
}

static int result_renameat(void)
{
	return renameat(AT_FDCWD, raced, AT_FDCWD, THERE("1file"));
}

static int result_open_tree(void)
{
	return close((int)syscall(SYS_open_tree, AT_FDCWD, raced, 0));
}

static int result_chdir(void)
{
	return chdir(raced);
}

static int race_results(unsigned rounds)
{
	static const struct {
		const char *name;
		int (*call)(void);
	} calls[] = {{"faccessat", result_faccessat}, {"utimensat", result_utimensat},
		     {"setxattr", result_setxattr},   {"readlinkat", result_readlinkat},
		     {"unlinkat", result_unlinkat},   {"renameat", result_renameat},
		     {"open_tree", result_open_tree}, {"chdir", result_chdir}};

	mkdir(THERE("1only"), 0700);
	make_file("1only/file");
	snprintf(raced, sizeof(raced), "%s", THERE("1only"));
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		unsigned times[2] = {0};

		for (unsigned n = 0; n < rounds || (n < 20 * rounds && (!times[0] || !times[1]));
		     n++) {
			errno = 0;
			times[calls[i].call() < 0 && (errno == ENOENT || errno == EBADF)]++;
		}
		printf("answered %s %u %u\n", calls[i].name, times[0], times[1]);
	}
	return 0;
}

static int race(unsigned rounds)
{
	static const struct {
		const char *name;
		bool (*round)(unsigned);
	} races[] = {
	    {"unlinkat", race_unlink}, {"renameat", race_rename}, {"fchmodat", race_chmod}};
	pthread_t thread;

	make_file("1file");
	make_file("2file");
	snprintf(raced, sizeof(raced), "%s", THERE("1file"));
	flipped = raced + strlen(directory) + 1;
	if (pthread_create(&thread, NULL, flip_forever, NULL) != 0)
		return 1;
	for (size_t i = 0; i < sizeof(races) / sizeof(*races); i++) {
		unsigned times[2] = {0};

		/* Longer, where one of the two never had its turn. */
		for (unsigned n = 0; n < rounds || (n < 20 * rounds && (!times[0] || !times[1]));
		     n++)
			times[!races[i].round(n)]++;
		printf("raced %s %u %u\n", races[i].name, times[0], times[1]);
	}
	race_results(rounds);
	is_over = true;
	pthread_join(thread, NULL);
	return 0;
}

static int load_module(const char *parameters, const char *file)
{
	long result = syscall(SYS_finit_module, open(file, O_RDONLY), parameters, 0);

	printf("module %s %ld\n", file, result);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	if (strcmp(argv[1], "module") == 0)
		return load_module(argv[2], argv[3]);
	directory = argv[3];
	if (strcmp(argv[1], "race") == 0)
		return race((unsigned)atoi(argv[2]));
	link_name = argv[2];
	return act_through_link();
}

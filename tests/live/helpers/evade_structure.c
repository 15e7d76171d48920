/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second thread rewrites a structure or a text that a call was given, all the time: WAY COUNT
 * SECONDS [DIRECTORY]. Of each call that succeeded a line says what the kernel took.
 */
#include "evade_rewrite.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct open_how how = {.flags = O_RDONLY};
static char opened[4096], made[4096];

static void rewrite_how(uint32_t *random)
{
	static const uint64_t flags[] = {
	    O_RDONLY,          O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_RDONLY | O_NONBLOCK,
	    O_RDWR | O_APPEND};

	*(volatile uint64_t *)&how.flags =
	    flags[next_random(random) % (sizeof(flags) / sizeof(*flags))];
}

/* For what it was opened. */
static int open_once(void)
{
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, opened, &how, sizeof(how));

	if (fd < 0)
		return fd;
	int flags = fcntl(fd, F_GETFL);
	printf("%d %d %d\n", (flags & O_ACCMODE) != O_WRONLY, (flags & O_ACCMODE) != O_RDONLY,
	       (flags & O_APPEND) != 0);
	return close(fd);
}

static void rewrite_mode(uint32_t *random)
{
	static const uint64_t modes[] = {0600, 0644, 04755, 02755, 0700, 06711};

	*(volatile uint64_t *)&how.mode =
	    modes[next_random(random) % (sizeof(modes) / sizeof(*modes))];
}

/* Which of the bits of set-id it got. */
static int make_once(void)
{
	struct stat st;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, made, &how, sizeof(how));

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	printf("%d %d\n", (st.st_mode & S_ISUID) != 0, (st.st_mode & S_ISGID) != 0);
	return close(fd) < 0 ? -1 : unlink(made);
}

static struct clone_args child = {.exit_signal = SIGCHLD};

static void rewrite_child(uint32_t *random)
{
	static const uint64_t flags[] = {0, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUTS | CLONE_NEWIPC,
					 CLONE_NEWNS | CLONE_NEWUTS};

	*(volatile uint64_t *)&child.flags =
	    flags[next_random(random) % (sizeof(flags) / sizeof(*flags))];
}

static bool is_new(const char *path, ino_t old)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino != old;
}

/* Which of its namespaces are its own. */
static int clone_once(void)
{
	static ino_t old[3];
	static const char *const paths[] = {"/proc/self/ns/uts", "/proc/self/ns/ipc",
					    "/proc/self/ns/mnt"};
	struct stat st;
	int status;

	for (int i = 0; i < 3 && !old[i]; i++)
		old[i] = stat(paths[i], &st) < 0 ? 0 : st.st_ino;
	long pid = syscall(SYS_clone3, &child, sizeof(child));
	if (pid == 0) {
		int is = 0;

		for (int i = 0; i < 3; i++)
			is |= is_new(paths[i], old[i]) << i;
		_exit(is);
	}
	if (pid < 0 || waitpid((pid_t)pid, &status, 0) < 0)
		return -1;
	int is = WEXITSTATUS(status);
	printf("%d %d %d\n", is & 1, is >> 1 & 1, is >> 2 & 1);
	return 0;
}

static char name[16] = "name-0000";

static void rewrite_name(uint32_t *random)
{
	for (int i = 5; i < 9; i++)
		((volatile char *)name)[i] = (char)('a' + next_random(random) % 26);
}

static int name_once(void)
{
	char is[16];

	if (prctl(PR_SET_NAME, name) < 0 || prctl(PR_GET_NAME, is) < 0)
		return -1;
	printf("%s\n", is);
	return 0;
}

static int memory_once(void)
{
	char link[64], is[128];
	int fd = (int)syscall(SYS_memfd_create, name, 0);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t size = fd < 0 ? -1 : readlink(link, is, sizeof(is) - 1);
	if (size < 0)
		return -1;
	is[size] = 0;
	char *end = strstr(is, " (deleted)");
	if (end)
		*end = 0;
	printf("%s\n", strchr(is, ':') + 1);
	return close(fd);
}

#define WAY(name, rewrite)                                                                         \
	static int go_##name(char **arg)                                                           \
	{                                                                                          \
		return make_calls(arg, rewrite, name##_once);                                      \
	}
WAY(clone, rewrite_child)
WAY(name, rewrite_name)
WAY(memory, rewrite_name)

static int go_open(char **arg)
{
	snprintf(opened, sizeof(opened), "%s/opened", arg[2]);
	close(open(opened, O_CREAT | O_WRONLY, 0600));
	return make_calls(arg, rewrite_how, open_once);
}

static int go_make(char **arg)
{
	snprintf(made, sizeof(made), "%s/made", arg[2]);
	umask(0);
	how = (struct open_how){.flags = O_CREAT | O_EXCL | O_RDWR};
	return make_calls(arg, rewrite_mode, make_once);
}

static const struct way ways[] = {
    {"open", 3, go_open}, {"make", 3, go_make},     {"clone", 2, go_clone},
    {"name", 2, go_name}, {"memory", 2, go_memory},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

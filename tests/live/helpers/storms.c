/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes of several containers, which take each other's numbers: WAY DIRECTORY COUNT CGROUP
 * CGROUP, where a cgroup is a file of processes to be written to. A deed is the opening of
 * DIRECTORY/CHILD.PARENT.GRANDPARENT.NUMBER, whose names are those of the processes and whose
 * number is that of the cgroup (0 or 1), so that whoever sees it can tell whether it was told
 * right.
 */
#include "evade.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME_BYTES = 24 }; /* the kernel keeps 15 of them */

static const char *directory, *cgroups[2];

static int deed(const char *child, const char *parent, const char *grandparent, int number)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.%s.%s.%d", directory, child, parent, grandparent,
		 number);
	prctl(PR_SET_NAME, child);
	return check(open(path, O_CREAT | O_WRONLY, 0600), path);
}

static int join(int number)
{
	int fd = open(cgroups[number], O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		return refused(cgroups[number]);
	return close(fd);
}

static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
	    .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};

	return pid ? (pid_t)syscall(SYS_clone3, &args, sizeof(args)) : fork();
}

/* 0, or what went wrong with it. */
static int ended(pid_t child)
{
	int status = 0;

	if (child < 0)
		return refused("fork");
	return waitpid(child, &status, 0) != child || status != 0;
}

/* A number that is free now; others may take it. */
static pid_t number(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static const char *name(char to[NAME_BYTES], const char *kind, int i)
{
	snprintf(to, NAME_BYTES, "%s%d", kind, i);
	return to;
}

/* A generation: one that joins a cgroup, its child and its grandchild, both with given numbers. */
static int generation(int i, pid_t middle, pid_t last)
{
	char mother[NAME_BYTES], child[NAME_BYTES], grandchild[NAME_BYTES];

	prctl(PR_SET_NAME, name(mother, "mother", i));
	if (join(i % 2))
		return 1;
	pid_t first = fork_as(middle);
	if (first == 0) {
		prctl(PR_SET_NAME, name(child, "child", i));
		pid_t second = fork_as(last);
		if (second == 0)
			_exit(deed(name(grandchild, "grand", i), child, mother, i % 2));
		_exit(ended(second));
	}
	return ended(first);
}

static void begin(char **arg)
{
	directory = arg[0];
	cgroups[0] = arg[2];
	cgroups[1] = arg[3];
}

/* One number for all children, and one for all grandchildren. Prints how many there were. */
static int reuse(char **arg)
{
	int count = atoi(arg[1]), done = 0;
	pid_t middle = number(), last = number();

	begin(arg);
	for (int i = 0; i < count; i++) {
		pid_t mother = fork();

		if (mother == 0)
			_exit(generation(i, middle, last));
		done += ended(mother) == 0;
	}
	printf("%d %d %d\n", middle, last, done);
	return done == 0;
}

/* Two at a time, with what numbers there are. */
static int storm(char **arg)
{
	int count = atoi(arg[1]), failed = 0;

	begin(arg);
	for (int i = 0; i < count; i += 2) {
		pid_t mothers[2];

		for (int k = 0; k < 2; k++) {
			mothers[k] = fork();
			if (mothers[k] == 0)
				_exit(generation(i + k, 0, 0));
		}
		failed |= ended(mothers[0]) | ended(mothers[1]);
	}
	return failed;
}

/* The program that "programs" runs: its mother's name and number. */
static int program(char **arg)
{
	int i = atoi(arg[1]);
	char mother[NAME_BYTES], own[NAME_BYTES];

	directory = arg[0];
	return deed(name(own, "program", i), name(mother, "mother", i), arg[2], i % 2);
}

/* Programs that are executed by processes that have just joined. */
static int programs(char **arg)
{
	int count = atoi(arg[1]), failed = 0;

	begin(arg);
	prctl(PR_SET_NAME, "origin");
	for (int i = 0; i < count; i++) {
		pid_t mother = fork();
		char own[NAME_BYTES], text[16];

		if (mother == 0) {
			prctl(PR_SET_NAME, name(own, "mother", i));
			if (join(i % 2))
				_exit(1);
			pid_t child = fork();
			snprintf(text, sizeof(text), "%d", i);
			if (child == 0) {
				execl("/proc/self/exe", "program", "program", directory, text,
				      "origin", NULL);
				_exit(refused("exec"));
			}
			_exit(ended(child));
		}
		failed |= ended(mother);
	}
	return failed;
}

static const struct way ways[] = {
    {"reuse", 4, reuse},
    {"storm", 4, storm},
    {"programs", 4, programs},
    {"program", 3, program},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that come and go quickly, that take the numbers of others, or change whose children
 * they are: WAY DIRECTORY COUNT. A process of name N that does its deed opens DIRECTORY/N, so that
 * whoever sees it can tell whether it was told the right name; after the name, where it matters,
 * stands a full stop and its parent's.
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

static const char *directory;

static int deed(const char *name, const char *more)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s%s", directory, name, more);
	prctl(PR_SET_NAME, name);
	return check(open(path, O_CREAT | O_WRONLY, 0600), path);
}

/* As many children as can be, each with a name of its own. */
static int storm(char **arg)
{
	int count = atoi(arg[1]), status, failed = 0;

	directory = arg[0];
	prctl(PR_SET_NAME, "mother");
	for (int i = 0; i < count; i++) {
		pid_t child = i % 2 ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		char name[16];

		if (child == 0) {
			snprintf(name, sizeof(name), "kid%d", i);
			_exit(deed(name, ".mother"));
		}
		/* There are no more numbers: one has to be given back. */
		if (child < 0 && errno == EAGAIN && waitpid(-1, &status, 0) > 0)
			i--;
		else if (child < 0)
			return refused("fork");
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}

static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
	    .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/*
 * One pid for all: of each generation the name is another, and of every second the parent. Prints
 * the pid.
 */
static int reuse(char **arg)
{
	int count = atoi(arg[1]), done = 0;
	pid_t pid = fork();

	directory = arg[0];
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	prctl(PR_SET_NAME, "first");
	for (int i = 0; i < count; i++) {
		char name[16];
		pid_t middle = i % 2 ? fork() : 0;
		int status;

		if (middle != 0) {
			waitpid(middle, &status, 0);
			done += status == 0;
			continue;
		}
		const char *parent = "first";
		if (i % 2) {
			parent = "second";
			prctl(PR_SET_NAME, parent);
		}
		pid_t child = fork_as(pid);
		if (child == 0) {
			char more[16];

			snprintf(name, sizeof(name), "twin%d", i);
			snprintf(more, sizeof(more), ".%s", parent);
			_exit(deed(name, more));
		}
		if (child < 0)
			status = refused("clone3");
		else
			waitpid(child, &status, 0);
		if (i % 2)
			_exit(status != 0);
		done += status == 0;
	}
	printf("%d %d\n", pid, done);
	return done == 0;
}

/* Twice forked, and the one between is gone. Prints who took the orphan. */
static int orphan(char **arg)
{
	int ends[2];
	char line[64] = "";

	directory = arg[0];
	if (pipe(ends) < 0)
		return refused("pipe");
	pid_t middle = fork();
	if (middle == 0) {
		pid_t before = getpid();

		setsid();
		if (fork() == 0) {
			while (getppid() == before)
				usleep(1000);
			deed("orphan", "");
			dprintf(ends[1], "%d %d", getppid(), before);
			_exit(0);
		}
		_exit(0);
	}
	close(ends[1]);
	waitpid(middle, NULL, 0);
	if (read(ends[0], line, sizeof(line) - 1) <= 0)
		return refused("orphan");
	puts(line);
	return 0;
}

/* The nearest process that asked for it takes the orphan. */
static int subreaper(char **arg)
{
	directory = arg[0];
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, "reaper");
	return orphan(arg) || wait(NULL) < 0;
}

/* Waits for a line, and then does it: for what begins later. */
static int later(char **arg)
{
	char line[16];

	directory = arg[0];
	puts("ready");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) ? deed("later", "") : 1;
}

static const struct way ways[] = {
    {"storm", 2, storm},         {"reuse", 2, reuse}, {"orphan", 1, orphan},
    {"subreaper", 1, subreaper}, {"later", 1, later},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes what has no call of its own happen: signals, page faults, switches, ends of processes. Says
 * what must be reported of it, a line each: KEY VALUE
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void ignore(int number)
{
	(void)number;
}

/* A page that is there after the first byte was written. */
static void fault(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p =
	    mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	*(volatile char *)(p + 5) = 1;
	printf("fault %lX\n", (unsigned long)(uintptr_t)(p + 5));
}

/* Runs in a child; the parent has its end. */
static pid_t child(void (*act)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		act();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return pid;
}

static void end_with_status(void)
{
	_exit(42);
}

static void end_by_kill(void)
{
	raise(SIGKILL);
}

static void end_by_abort(void)
{
	struct rlimit none = {0};

	setrlimit(RLIMIT_CORE, &none);
	abort();
}

/* Ends before its own child does: somebody else must take that one. */
static void orphan(void)
{
	int gate[2];
	char byte;

	if (pipe(gate) != 0)
		exit(1);
	if (fork() == 0) {
		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	_exit(3);
}

int main(void)
{
	char line[16];

	signal(SIGUSR1, ignore);
	signal(SIGCHLD, ignore);
	signal(SIGRTMIN + 1, ignore);
	printf("self %d\n", getpid());
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 7});
	fault();
	usleep(1000);
	printf("status %d\n", child(end_with_status));
	printf("killed %d\n", child(end_by_kill));
	printf("aborted %d\n", child(end_by_abort));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	printf("orphan %d\n", child(orphan));
	fflush(stdout);
	/* Until nobody needs it any more. */
	(void)!read(0, line, sizeof(line));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that begin, become other programs and end, and signals. */
#include "smoke.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void heed(int signal)
{
	(void)signal;
}

void do_processes(void)
{
	/* A child of its own, which executes. */
	int ready[2];
	if (pipe(ready))
		return;
	pid_t child = (pid_t)syscall(SYS_fork);
	if (!child) {
		const char *argv[] = {"/bin/true", "one", "two words", NULL};
		const char *envp[] = {"A=1", "B=2", NULL};
		syscall(SYS_execve, "/no/such/program", argv, envp);
		setsid();
		syscall(SYS_execve, "/bin/true", argv, envp);
		_exit(9);
	}
	struct stat st;
	stat("/bin/true", &st);
	char resolved[4096];
	realpath("/bin/true", resolved);
	int status;
	waitpid(child, &status, 0);
	EVENT("fork"); /* the child's side comes first: before it runs */
	IS("res", "0");
	IS("pid", "%d", child);
	IS("tid", "%d", child);
	IS("ptid", "%d", getpid());
	IS("@pid", "%d", child);
	IS("@ppid", "%d", getpid());
	EVENT("execve");
	IS("@pid", "%d", child);
	IS("res", "%d", -ENOENT);
	IS("exe", "/bin/true");
	IS("args", "one|two words|");
	IS("env", "A=1|B=2|");
	IS("filename", "/no/such/program");
	EVENT("setsid");
	IS("@sid", "%d", child);
	EVENT("execve");
	IS("res", "0");
	IS("exe", "/bin/true");
	IS("args", "one|two words|");
	IS("env", "A=1|B=2|");
	IS("comm", "true");
	IS("pid", "%d", child);
	IS("ptid", "%d", getpid());
	IS("trusted_exepath", "%s", resolved);
	IS("filename", "/bin/true");
	IS("exe_ino", "%lu", (unsigned long)st.st_ino);
	IS("exe_ino_ctime", "%lu",
	   (unsigned long)st.st_ctim.tv_sec * 1000000000UL + (unsigned long)st.st_ctim.tv_nsec);
	IS("exe_ino_mtime", "%lu",
	   (unsigned long)st.st_mtim.tv_sec * 1000000000UL + (unsigned long)st.st_mtim.tv_nsec);
	IS("flags", "1");
	IS("uid", "0");
	IS("annex:cwd", "/");
	EVENT("procexit");
	IS("@pid", "%d", child);
	IS("status", "0");
	EVENT("~fork"); /* the parent's side, whenever it came to run */
	IS("res", "%d", child);

	int memory = memfd_create("from memory", MFD_CLOEXEC);
	int from = open("/bin/true", O_RDONLY);
	char block[65536];
	for (ssize_t n; (n = read(from, block, sizeof(block))) > 0;)
		if (write(memory, block, (size_t)n) != n)
			return;
	child = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_FS, 0, 0, 0, 0);
	if (!child) {
		const char *argv[] = {"ghost", NULL};
		syscall(SYS_execveat, memory, "", argv, (const char *[]){NULL}, AT_EMPTY_PATH);
		_exit(9);
	}
	waitpid(child, &status, 0);
	EVENT("clone");
	IS("res", "0");
	IS("flags", "2");
	IS("@pid", "%d", child);
	EVENT("execve");
	IS("exe", "ghost");
	IS("args", "-");
	IS("flags", "5"); /* writable, from a memfd */
	IS("trusted_exepath", "memfd:from memory");
	child = fork();
	if (!child) {
		signal(SIGTERM, heed);
		kill(getpid(), SIGTERM);
		kill(getpid(), SIGKILL);
		_exit(0);
	}
	waitpid(child, &status, 0);
	EVENT("signaldeliver");
	IS("@pid", "%d", child);
	IS("spid", "%d", child);
	IS("sig", "%d", SIGTERM);
	EVENT("procexit");
	IS("@pid", "%d", child);
	IS("sig", "9");
}

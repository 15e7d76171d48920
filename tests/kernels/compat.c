/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a 32-bit program that 64-bit ones on arm64 do not have: `saker-compat DIRECTORY`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *directory;

/* A few texts that stay. */
static const char *at(const char *name)
{
	static char texts[4][256];
	static unsigned next;
	char *text = texts[next++ % 4];

	snprintf(text, sizeof(texts[0]), "%s/%s", directory, name);
	return text;
}

static long must(const char *what, long answer)
{
	if (answer < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
	return answer;
}

int main(int argc, char **argv)
{
	struct pollfd nothing = {.fd = -1};
	int ends[2];
	long fd, child;

	if (argc != 2)
		return argc == 3 ? 0 : 2;
	directory = argv[1];
	must("mkdir", syscall(SYS_mkdir, directory, 0700));
	fd = must("open", syscall(SYS_open, at("opened"), O_CREAT | O_WRONLY, 0600));
	must("dup2", syscall(SYS_dup2, fd, 77));
	must("creat", syscall(SYS_creat, at("created"), 0600));
	must("chmod", syscall(SYS_chmod, at("opened"), 0755));
	must("link", syscall(SYS_link, at("opened"), at("linked")));
	must("symlink", syscall(SYS_symlink, "target", at("symlink")));
	must("rename", syscall(SYS_rename, at("linked"), at("renamed")));
	must("unlink", syscall(SYS_unlink, at("renamed")));
	must("access", syscall(SYS_access, at("opened"), R_OK));
	must("pipe", syscall(SYS_pipe, ends));
	must("poll", syscall(SYS_poll, &nothing, 1, 0));
	must("shadow", syscall(SYS_open, "/etc/shadow", O_RDONLY));
	child = must("fork", syscall(SYS_fork));
	if (child == 0) {
		execl("/proc/self/exe", "saker-compat", "executed", "again", NULL);
		_exit(127);
	}
	waitpid((pid_t)child, NULL, 0);
	puts("compat done");
	return 0;
}

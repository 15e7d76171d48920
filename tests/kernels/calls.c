/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose collectors differ most, so that a kernel's verifier and structures are all met. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	int memory = memfd_create("program", 0), program = open("/root/calls-true", O_RDONLY);
	char bytes[65536];
	ssize_t n;

	inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	connect(s, (struct sockaddr *)&to, sizeof(to));
	close(s);
	/* A program run from memory: an alert of its own. */
	while ((n = read(program, bytes, sizeof(bytes))) > 0)
		if (write(memory, bytes, (size_t)n) != n)
			return 1;
	if (fork() == 0) {
		char *argv[] = {"hidden", "in", "memory", NULL}, *envp[] = {NULL};

		syscall(SYS_execveat, memory, "", argv, envp, AT_EMPTY_PATH);
		_exit(127);
	}
	wait(NULL);
	mkdir("/tmp/deep", 0700);
	rename("/tmp/deep", "/tmp/deeper");
	rmdir("/tmp/deeper");
	unshare(CLONE_NEWNS);
	syscall(SYS_init_module, bytes, 1, "");
	return 0;
}

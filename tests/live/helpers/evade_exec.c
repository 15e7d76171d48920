/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to run a program that hide which: WAY PROGRAM SCRATCH. Each runs PROGRAM, which ends at once
 * and does nothing, or a copy of it.
 */
#include "evade.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 65536, LONG_ARGUMENTS = 300, LONG_ARGUMENT = 100 };

extern char **environ;

static int ran(pid_t child, const char *what)
{
	int status;

	if (child < 0 || waitpid(child, &status, __WALL) < 0)
		return refused(what);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int copy_to(int out, const char *program)
{
	struct stat file;
	int in = open(program, O_RDONLY);

	if (in < 0 || fstat(in, &file) < 0 ||
	    sendfile(out, in, NULL, (size_t)file.st_size) != file.st_size)
		return -1;
	close(in);
	return 0;
}

static char *copied(char **arg, const char *name)
{
	char *path = malloc(4096);
	int out;

	snprintf(path, 4096, "%s/%s", arg[1], name);
	out = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	if (copy_to(out, arg[0]) < 0)
		abort();
	close(out);
	return path;
}

static int plain(char **arg)
{
	execl(arg[0], arg[0], (char *)NULL);
	return refused("exec");
}

static int other_name(char **arg)
{
	execl(arg[0], "/usr/sbin/sshd", "-D", (char *)NULL);
	return refused("exec");
}

static int no_name(char **arg)
{
	char *none[] = {NULL};

	execve(arg[0], none, environ);
	return refused("exec");
}

static int by_link(char **arg)
{
	char link[4096];

	snprintf(link, sizeof(link), "%s/innocent", arg[1]);
	if (symlink(arg[0], link) < 0)
		return refused("symlink");
	execl(link, link, (char *)NULL);
	return refused("exec");
}

static int by_descriptor(char **arg)
{
	int fd = open(arg[0], O_RDONLY);
	char *argv[] = {"descriptor", NULL};

	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return refused("execveat");
}

static int by_directory(char **arg)
{
	char *slash = strrchr(arg[0], '/');
	char *argv[] = {"directory", NULL};
	int fd;

	*slash = '\0';
	fd = open(arg[0], O_PATH | O_DIRECTORY);
	syscall(SYS_execveat, fd, slash + 1, argv, environ, 0);
	return refused("execveat");
}

static int by_proc(char **arg)
{
	char path[64];
	int fd = open(arg[0], O_PATH);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execl(path, "proc", (char *)NULL);
	return refused("exec");
}

static int from_memory(char **arg)
{
	int fd = (int)syscall(SYS_memfd_create, "hidden", 0);
	char *argv[] = {"memory", NULL};

	if (fd < 0 || copy_to(fd, arg[0]) < 0)
		return refused("memfd");
	fexecve(fd, argv, environ);
	return refused("fexecve");
}

static int deleted(char **arg)
{
	char *path = copied(arg, "deleted");
	int fd = open(path, O_RDONLY);
	char *argv[] = {"gone", NULL};

	unlink(path);
	fexecve(fd, argv, environ);
	return refused("fexecve");
}

static int unnamed(char **arg)
{
	char path[64];
	int out = open(arg[1], O_TMPFILE | O_RDWR, 0755), fd;
	char *argv[] = {"unnamed", NULL};

	if (out < 0 || copy_to(out, arg[0]) < 0)
		return refused("O_TMPFILE");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
	fd = open(path, O_RDONLY);
	close(out);
	fexecve(fd, argv, environ);
	return refused("fexecve");
}

static int script(char **arg)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/script", arg[1]);
	fd = open(path, O_CREAT | O_WRONLY, 0755);
	if (dprintf(fd, "#!%s\n", arg[0]) < 0)
		return refused("script");
	close(fd);
	execl(path, path, (char *)NULL);
	return refused("exec");
}

/* Each is the interpreter of the one before: as many as kernels take. */
static int interpreter_chain(char **arg)
{
	enum { CHAIN = 4 };
	char path[4096], interpreter[4096];

	snprintf(interpreter, sizeof(interpreter), "%s", arg[0]);
	for (int i = CHAIN; i > 0; i--) {
		snprintf(path, sizeof(path), "%s/script%d", arg[1], i);
		int fd = open(path, O_CREAT | O_WRONLY, 0755);

		if (dprintf(fd, "#!%s\n", interpreter) < 0)
			return refused("script");
		close(fd);
		snprintf(interpreter, sizeof(interpreter), "%s", path);
	}
	execl(path, path, (char *)NULL);
	return refused("exec");
}

/* A script whose descriptor is gone when its interpreter would read it. */
static int script_by_closed_descriptor(char **arg)
{
	char path[4096], *argv[] = {"script", NULL};
	int fd;

	snprintf(path, sizeof(path), "%s/script", arg[1]);
	fd = open(path, O_CREAT | O_WRONLY, 0755);
	if (dprintf(fd, "#!%s\n", arg[0]) < 0)
		return refused("script");
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return errno == ENOENT ? 0 : refused("execveat");
}

/* COUNT texts of 100,000 bytes as arguments, or as environment. */
static int large(char **arg, int arguments, int variables)
{
	enum { BYTES = 100000, MOST = 24 };
	char *text = malloc(BYTES + 1), *argv[MOST + 2] = {arg[0]}, *envp[MOST + 1] = {NULL};

	memset(text, 'x', BYTES);
	memcpy(text, "LARGE=", 6);
	text[BYTES] = '\0';
	for (int i = 0; i < arguments; i++)
		argv[i + 1] = text;
	for (int i = 0; i < variables; i++)
		envp[i] = text;
	execve(arg[0], argv, envp);
	return refused("exec");
}

static int large_arguments(char **arg)
{
	struct rlimit stack = {.rlim_cur = 64 << 20, .rlim_max = RLIM_INFINITY};

	setrlimit(RLIMIT_STACK, &stack);
	return large(arg, 21, 0);
}

static int large_environment(char **arg)
{
	return large(arg, 0, 1);
}

static int unshared(char **arg)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_FS |
		    CLONE_FILES) < 0)
		return refused("unshare");
	return plain(arg);
}

/* The dynamic loader is the program, and the file its argument. */
static int by_loader(char **arg)
{
	execl("/lib64/ld-linux-x86-64.so.2", "ld.so", arg[0], (char *)NULL);
	return refused("exec");
}

static int renamed(char **arg)
{
	prctl(PR_SET_NAME, "kworker/0:0");
	return plain(arg);
}

/* The name is given after the exec, and then the deed: WAY PROGRAM SCRATCH FILE */
static int read_under_name(char **arg)
{
	prctl(PR_SET_NAME, "sshd");
	return check(open(arg[2], O_RDONLY), arg[2]);
}

/* Arguments are overwritten, as ps shows them. */
static int read_under_arguments(char **arg)
{
	char *file = strdup(arg[2]);

	memset(arg[0], 'x', strlen(arg[0]));
	memset(arg[2], 'x', strlen(arg[2]));
	return check(open(file, O_RDONLY), file);
}

static int by_vfork(char **arg)
{
	pid_t child = vfork();

	if (child == 0) {
		execl(arg[0], arg[0], (char *)NULL);
		_exit(1);
	}
	return ran(child, "vfork");
}

static int run_child(void *context)
{
	char **arg = context;

	return plain(arg);
}

static int by_clone(char **arg, int flags)
{
	char *stack = malloc(STACK);

	return ran(clone(run_child, stack + STACK, flags, arg), "clone");
}

static int by_clone_vm(char **arg)
{
	return by_clone(arg, CLONE_VM | CLONE_VFORK | SIGCHLD);
}

/* Its parent is ours, not we. */
static int by_clone_parent(char **arg)
{
	pid_t middle = fork();

	if (middle == 0) {
		if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL) == 0)
			_exit(plain(arg));
		_exit(0);
	}
	waitpid(middle, NULL, 0);
	return wait(NULL) < 0 ? refused("clone") : 0;
}

static void *exec_in_thread(void *context)
{
	char **arg = context;

	execl(arg[0], arg[0], (char *)NULL);
	return NULL;
}

/* All other threads end, the one that calls becomes the process. */
static int by_thread(char **arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exec_in_thread, arg) != 0)
		return refused("thread");
	pthread_join(thread, NULL);
	return 1;
}

static int by_orphan(char **arg)
{
	pid_t middle = fork();

	if (middle == 0) {
		setsid();
		if (fork() == 0) {
			while (getppid() == 0)
				;
			_exit(plain(arg));
		}
		_exit(0);
	}
	return ran(middle, "fork");
}

static int in_user_namespace(char **arg)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0)
		return refused("unshare");
	pid_t child = fork();
	if (child == 0)
		_exit(plain(arg));
	return ran(child, "fork");
}

static int chrooted(char **arg)
{
	char *path = copied(arg, "inside");

	(void)path;
	if (chroot(arg[1]) < 0 || chdir("/") < 0)
		return refused("chroot");
	execl("/inside", "/inside", (char *)NULL);
	return refused("exec");
}

/* A copy of the program is mounted over a file, in namespaces that anybody may make, and run as
 * that. */
static int mounted_over(char **arg, const char *place, char *const *argv)
{
	char *copy = copied(arg, "copy");

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(copy, place, NULL, MS_BIND, NULL) < 0)
		return refused("mount");
	execv(place, argv);
	return refused("exec");
}

static int over_another(char **arg)
{
	char place[4096], *argv[] = {place, NULL};

	snprintf(place, sizeof(place), "%s/innocent", arg[1]);
	close(open(place, O_CREAT | O_WRONLY, 0755));
	return mounted_over(arg, place, argv);
}

/* As a program that may read what others may not: WAY PROGRAM SCRATCH FILE */
static int read_over_trusted(char **arg)
{
	char *argv[] = {"chage", "read-under-name", arg[0], arg[1], arg[2], NULL};

	return mounted_over(arg, "/usr/bin/chage", argv);
}

/* 30,000 bytes of arguments, and of environment. */
static int long_arguments(char **arg)
{
	static char texts[LONG_ARGUMENTS][LONG_ARGUMENT + 1];
	char *argv[LONG_ARGUMENTS + 2] = {arg[0]}, *envp[LONG_ARGUMENTS + 1] = {NULL};

	for (int i = 0; i < LONG_ARGUMENTS; i++) {
		memset(texts[i], 'a' + i % 26, LONG_ARGUMENT);
		argv[i + 1] = envp[i] = texts[i];
	}
	execve(arg[0], argv, envp);
	return refused("exec");
}

static int chain(char **arg)
{
	char *first = copied(arg, "first"), *second = copied(arg, "second");
	pid_t child = fork();

	/* Three programs in one process, as quickly as can be. */
	if (child == 0) {
		char *argv[] = {first, "exec", second, "exec", arg[0], NULL};

		execv(first, argv);
		_exit(1);
	}
	return ran(child, "fork");
}

static const struct way ways[] = {
    {"plain", 2, plain},
    {"other-name", 2, other_name},
    {"no-name", 2, no_name},
    {"link", 2, by_link},
    {"descriptor", 2, by_descriptor},
    {"directory", 2, by_directory},
    {"proc", 2, by_proc},
    {"memory", 2, from_memory},
    {"deleted", 2, deleted},
    {"unnamed", 2, unnamed},
    {"script", 2, script},
    {"interpreter-chain", 2, interpreter_chain},
    {"script-by-closed-descriptor", 2, script_by_closed_descriptor},
    {"large-arguments", 2, large_arguments},
    {"large-environment", 2, large_environment},
    {"unshared", 2, unshared},
    {"loader", 2, by_loader},
    {"renamed", 2, renamed},
    {"read-under-name", 3, read_under_name},
    {"read-under-arguments", 3, read_under_arguments},
    {"vfork", 2, by_vfork},
    {"clone-vm", 2, by_clone_vm},
    {"clone-parent", 2, by_clone_parent},
    {"thread", 2, by_thread},
    {"orphan", 2, by_orphan},
    {"user-namespace", 2, in_user_namespace},
    {"chrooted", 2, chrooted},
    {"over-another", 2, over_another},
    {"read-over-trusted", 3, read_over_trusted},
    {"long", 2, long_arguments},
    {"chain", 2, chain},
};

int main(int argc, char **argv)
{
	/* As a link of the chain: the rest is a command. */
	if (argc > 2 && strcmp(argv[1], "exec") == 0) {
		execv(argv[2], argv + 2);
		return 1;
	}
	return argc < 3 ? 0 : go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

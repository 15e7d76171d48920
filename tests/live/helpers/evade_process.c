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
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
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

static int write_name(const char *path, const char *name)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, name, strlen(name));

	return n < 0 ? refused(path) : close(fd);
}

/* The main thread's name, by another one. */
static void *name_main_thread(void *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", getpid());
	return write_name(path, name) ? "" : NULL;
}

static int rename_self(const char *how, const char *name)
{
	pthread_t thread;
	void *failed;

	if (strcmp(how, "prctl") == 0)
		return check(prctl(PR_SET_NAME, name), "prctl");
	if (strcmp(how, "file") == 0)
		return write_name("/proc/self/comm", name);
	if (pthread_create(&thread, NULL, name_main_thread, (void *)(uintptr_t)name))
		return refused("thread");
	pthread_join(thread, &failed);
	return failed != NULL;
}

/*
 * DIRECTORY HOW: a child's deed, when its parent and that one's parent have got other names since
 * they had it, and have done nothing else.
 */
static int renamed(char **arg)
{
	int named[2], go_on[2], status;
	char byte;

	directory = arg[0];
	if (pipe(named) < 0 || pipe(go_on) < 0)
		return refused("pipe");
	pid_t parent = fork();
	if (parent == 0) {
		pid_t child = fork();
		if (child == 0)
			_exit(read(go_on[0], &byte, 1) != 1 || deed("child", ".parent.elder"));
		if (rename_self(arg[1], "parent") || write(named[1], "n", 1) != 1)
			_exit(1);
		_exit(waitpid(child, &status, 0) != child || status != 0);
	}
	close(named[1]);
	if (read(named[0], &byte, 1) != 1 || rename_self(arg[1], "elder") ||
	    write(go_on[1], "g", 1) != 1)
		return 1;
	return waitpid(parent, &status, 0) != parent || status != 0;
}

/*
 * DIRECTORY WHO: in a pid namespace of its own, of which alone it is the end, its first process
 * (init) or another one restarts the machine. Never where the numbers say that it is the first
 * namespace, whose process 2 is the kernel's.
 */
static int restart(char **arg)
{
	bool is_init = strcmp(arg[1], "init") == 0;
	int status;

	if (unshare(CLONE_NEWPID) < 0)
		return refused("pid namespace");
	pid_t first = fork();
	if (first == 0) {
		pid_t who = is_init ? 0 : fork();

		if (who == 0) {
			prctl(PR_SET_NAME, "restarter");
			/* What fails is told as ever. */
			syscall(SYS_reboot, 0, 0, RB_AUTOBOOT, 0);
			if (getpid() != (is_init ? 1 : 2))
				_exit(3);
			reboot(RB_AUTOBOOT);
			_exit(4);
		}
		waitpid(who, &status, 0);
		pause();
	}
	if (waitpid(first, &status, 0) != first)
		return refused("wait");
	/* How an init ends that restarted. */
	return !WIFSIGNALED(status) || WTERMSIG(status) != SIGHUP;
}

/*
 * DIRECTORY COUNT OTHER: one deed, then the other program, which is a copy, in the same process;
 * that does the same, and so on.
 */
static int alternate(char **arg)
{
	static char self[4096], count[16];
	char name[16], path[4096];
	int left = atoi(arg[1]);

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return refused("/proc/self/exe");
	snprintf(path, sizeof(path), "%s/%s.%d", arg[0], strrchr(self, '/') + 1, left);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	if (fd < 0)
		return refused(path);
	close(fd);
	if (!left)
		return 0;
	snprintf(count, sizeof(count), "%d", left - 1);
	snprintf(name, sizeof(name), "%s", strrchr(arg[2], '/') + 1);
	execl(arg[2], name, "alternate", arg[0], count, self, (char *)NULL);
	return refused("exec");
}

/* DIRECTORY CGROUP: a child that is born in another cgroup. */
static int into_cgroup(char **arg)
{
	enum { INTO_CGROUP = 1 };
	int fd = open(arg[1], O_PATH | O_DIRECTORY), status;
	struct clone_args args = {
	    .exit_signal = SIGCHLD, .flags = (uint64_t)INTO_CGROUP << 33, .cgroup = (uint64_t)fd};
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	directory = arg[0];
	if (child == 0)
		_exit(deed("inside", ""));
	if (child < 0)
		return refused("clone3");
	waitpid(child, &status, 0);
	return status != 0 || deed("outside", "");
}

/* What the kernel says of this process's memory, in a user namespace where it may be changed. */
static int own_memory(struct prctl_mm_map *map)
{
	unsigned long f[53] = {0};
	char line[4096], *at;
	FILE *stat = fopen("/proc/self/stat", "r");

	if (unshare(CLONE_NEWUSER) < 0 || !stat || !fgets(line, sizeof(line), stat))
		return refused("user namespace");
	at = strrchr(line, ')') + 2;
	for (int i = 3; i < 53; i++) {
		f[i] = strtoul(at, &at, 10);
		/* The third is a letter. */
		if (i == 3)
			at++;
	}
	*map = (struct prctl_mm_map){.start_code = f[26],
				     .end_code = f[27],
				     .start_stack = f[28],
				     .start_data = f[45],
				     .end_data = f[46],
				     .start_brk = f[47],
				     .brk = (uintptr_t)sbrk(0),
				     .arg_start = f[48],
				     .arg_end = f[49],
				     .env_start = f[50],
				     .env_end = f[51],
				     .exe_fd = (uint32_t)-1};
	return 0;
}

/* Its arguments are elsewhere, for whoever asks /proc. */
static int other_arguments(char **arg)
{
	static char lie[] = "/usr/sbin/sshd\0-D";
	struct prctl_mm_map map;

	directory = arg[0];
	if (own_memory(&map))
		return 1;
	map.arg_start = (uintptr_t)lie;
	map.arg_end = map.arg_start + sizeof(lie);
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0)
		return errno == EINVAL ? ABSENT : refused("prctl");
	return deed("liar", "");
}

/* A child of a process that has written something else over its arguments, as many servers do. */
static int forked_title(char **arg)
{
	static char place[4096];

	snprintf(place, sizeof(place), "%s", arg[0]);
	directory = place;
	memset(arg[0], 'x', strlen(arg[0]));
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(deed("titled", ""));
	return child < 0 ? refused("fork") : waitpid(child, &status, 0) < 0 || status != 0;
}

/* The arguments of another process, as they stand in its memory. */
static size_t arguments_of(pid_t pid, char *to, size_t room)
{
	char path[64];
	size_t size = 0;
	FILE *file = (snprintf(path, sizeof(path), "/proc/%d/cmdline", pid), fopen(path, "r"));

	if (file) {
		size = fread(to, 1, room, file);
		fclose(file);
	}
	return size;
}

/*
 * Writes the arguments of its parent over its own, of which it makes as many bytes first, and makes
 * a child that is its parent's, too (CLONE_PARENT). By what can be read in memory that one is a
 * copy of its parent.
 */
static int as_parent(char **arg)
{
	char theirs[8192], mine[8192];
	size_t size = arguments_of(getppid(), theirs, sizeof(theirs) - 1);

	if (!getenv("AGAIN")) {
		/* Program, way and directory stay; the last argument is as long as it takes. */
		size_t own =
		    strlen(program_invocation_name) + strlen("as-parent") + strlen(arg[0]) + 4;
		if (size <= own)
			return refused("the parent has too few arguments");
		memset(mine, 'x', size - own);
		mine[size - own] = 0;
		setenv("AGAIN", "1", 1);
		execl("/proc/self/exe", program_invocation_name, "as-parent", arg[0], mine,
		      (char *)NULL);
		return refused("exec");
	}
	static char place[4096];
	char *start = arg[0] - strlen("as-parent") - strlen(program_invocation_name) - 2;

	snprintf(place, sizeof(place), "%s", arg[0]);
	directory = place;
	memcpy(start, theirs, size);
	if (arguments_of(getpid(), mine, sizeof(mine)) != size || memcmp(mine, theirs, size) != 0) {
		fputs("the arguments are not those of the parent\n", stderr);
		return 1;
	}
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(deed("copy", ""));
	return check(child, "clone");
}

#if defined(__x86_64__)
/* What a copy of other_file_code works with, from memory that is no part of the program. */
struct other_file {
	unsigned long maps[16][2];
	unsigned long count;
	struct prctl_mm_map memory; /* with a file that is to be taken for the program */
	char path[4096];
};

static inline long call(long nr, long a, long b, long c, long d, long e)
{
	register long four __asm__("r10") = d, five __asm__("r8") = e;
	long answer;

	__asm__ volatile("syscall"
			 : "=a"(answer)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(four), "r"(five)
			 : "rcx", "r11", "memory");
	return answer;
}

/* Unmaps the program, names another file as the program, and does the deed. */
__attribute__((noinline, section("moved_code"),
	       optimize("no-tree-loop-distribute-patterns"))) static void
other_file_code(struct other_file *o)
{
	for (unsigned long i = 0; i < o->count; i++)
		call(SYS_munmap, (long)o->maps[i][0], (long)(o->maps[i][1] - o->maps[i][0]), 0, 0,
		     0);
	long answer =
	    call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&o->memory, sizeof(o->memory), 0);
	if (answer == 0)
		answer = call(SYS_openat, AT_FDCWD, (long)o->path, O_CREAT | O_WRONLY, 0600, 0);
	call(SYS_exit_group, answer == -EINVAL ? ABSENT : answer < 0, 0, 0, 0, 0);
}
extern const char __start_moved_code[], __stop_moved_code[];

static int other_file(char **arg)
{
	size_t size = (size_t)(__stop_moved_code - __start_moved_code);
	struct other_file *o =
	    mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *code = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char self[4096] = "", line[8192];
	void (*run)(struct other_file *);

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return refused("/proc/self/exe");
	memcpy(code, __start_moved_code, size);
	if (own_memory(&o->memory))
		return 1;
	o->memory.exe_fd = (uint32_t)open("/bin/true", O_RDONLY);
	snprintf(o->path, sizeof(o->path), "%s/unmapped", arg[0]);
	prctl(PR_SET_NAME, "unmapped");
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, self) && o->count < 16) {
			sscanf(line, "%lx-%lx", &o->maps[o->count][0], &o->maps[o->count][1]);
			o->count++;
		}
	void *start = code + ((const char *)(uintptr_t)other_file_code - __start_moved_code);
	memcpy(&run, &start, sizeof(run));
	run(o);
	return 1;
}
#else
static int other_file(char **arg)
{
	(void)arg;
	errno = ENOSYS;
	return refused("not written for this processor");
}
#endif

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
    {"storm", 2, storm},
    {"reuse", 2, reuse},
    {"orphan", 1, orphan},
    {"subreaper", 1, subreaper},
    {"later", 1, later},
    {"alternate", 3, alternate},
    {"renamed", 2, renamed},
    {"restart", 2, restart},
    {"into-cgroup", 2, into_cgroup},
    {"other-arguments", 1, other_arguments},
    {"other-file", 1, other_file},
    {"forked-title", 1, forked_title},
    {"as-parent", 1, as_parent},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

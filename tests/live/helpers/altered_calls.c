/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that become others on their way, or end otherwise than they say: by tracers, by filters and
 * by signals. WAY DIRECTORY: opens DIRECTORY/WAY, or does not, as the test knows.
 */
#include "evade.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[4096];

static const char *file_of(const char *directory, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static int create(const char *directory, const char *name)
{
	int fd = creat(file_of(directory, name), 0600);

	return fd < 0 ? refused("creat") : close(fd);
}

/* Programs of other kinds have flags and limits of their own. */
static int other_personality(char **arg)
{
	if (personality(PER_LINUX32 | ADDR_COMPAT_LAYOUT | READ_IMPLIES_EXEC) < 0)
		return refused("personality");
	return check(open(file_of(arg[0], "personality"), O_CREAT | O_WRONLY, 0600), "open");
}

#ifdef __x86_64__

/* The same name where 32 bits suffice to point to it. */
static const char *low_name(const char *directory, const char *name)
{
	char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		return NULL;
	return strcpy(low, file_of(directory, name));
}

static int by_int80(char **arg)
{
	enum { OPEN_32 = 5 };
	const char *low = low_name(arg[0], "int80");
	long answer = OPEN_32;

	__asm__ volatile("int $0x80"
			 : "+a"(answer)
			 : "b"(low), "c"(O_CREAT | O_WRONLY), "d"(0600)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-answer;
	return check(answer, "int 0x80");
}

static int by_x32(char **arg)
{
	enum { X32_BIT = 0x40000000 };

	return check(syscall(X32_BIT | SYS_open, file_of(arg[0], "x32"), O_CREAT | O_WRONLY, 0600),
		     "x32");
}

/* A child that asks to be traced and stops; what both know must be there before. */
static pid_t traced(int (*act)(void), long options)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(refused("PTRACE_TRACEME"));
		raise(SIGSTOP);
		_exit(act());
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, child, 0,
		   options | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		return -1;
	return child;
}

/* Lets it go on to the next stop of that kind (a status without its lowest byte). */
static int until(pid_t child, int request, int stop)
{
	int status;

	do {
		if (ptrace(request, child, 0, 0) < 0 || waitpid(child, &status, __WALL) < 0 ||
		    !WIFSTOPPED(status))
			return refused("the tracee's stop");
	} while (status >> 8 != stop);
	return 0;
}

enum { STOP_CALL = SIGTRAP | 0x80 };
#define STOP_EVENT(event) (SIGTRAP | (event) << 8)

static int until_call(pid_t child, unsigned long long number, struct user_regs_struct *regs)
{
	do {
		if (until(child, PTRACE_SYSCALL, STOP_CALL) ||
		    ptrace(PTRACE_GETREGS, child, 0, regs) < 0)
			return 1;
	} while (regs->orig_rax != number);
	return 0;
}

static int ends(pid_t child, int request)
{
	int status = 0;

	ptrace(request, child, 0, 0);
	while (waitpid(child, &status, __WALL) == child && !WIFEXITED(status) &&
	       !WIFSIGNALED(status))
		ptrace(request, child, 0, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int get_nothing(void)
{
	/* What the call becomes is none of the child's business. */
	return syscall(SYS_getppid) == -EIO;
}

/* Of a harmless call its tracer makes an opening, and afterwards again what it was. */
static int number_at_entry(char **arg)
{
	struct user_regs_struct regs, before;
	pid_t child;

	file_of(arg[0], "number-at-entry");
	child = traced(get_nothing, 0);
	if (child < 0 || until_call(child, SYS_getppid, &regs))
		return refused("ptrace");
	before = regs;
	regs.orig_rax = SYS_openat;
	regs.rdi = (unsigned long long)AT_FDCWD;
	regs.rsi = (unsigned long long)path;
	regs.rdx = O_CREAT | O_WRONLY;
	regs.r10 = 0600;
	if (ptrace(PTRACE_SETREGS, child, 0, &regs) < 0 || until(child, PTRACE_SYSCALL, STOP_CALL))
		return refused("ptrace");
	before.rax = 1;
	ptrace(PTRACE_SETREGS, child, 0, &before);
	return ends(child, PTRACE_CONT);
}

static int open_path(void)
{
	return open(path, O_CREAT | O_WRONLY, 0600) < 0 ? 0 : 1;
}

/* To the caller the call failed; it did not. */
static int result_at_exit(char **arg)
{
	struct user_regs_struct regs;
	pid_t child;

	file_of(arg[0], "result-at-exit");
	child = traced(open_path, 0);
	if (child < 0 || until_call(child, SYS_openat, &regs) ||
	    until(child, PTRACE_SYSCALL, STOP_CALL) || ptrace(PTRACE_GETREGS, child, 0, &regs) < 0)
		return refused("ptrace");
	regs.rax = (unsigned long long)-ENOENT;
	regs.orig_rax = SYS_getppid;
	ptrace(PTRACE_SETREGS, child, 0, &regs);
	return ends(child, PTRACE_CONT);
}

/* An opening that never takes place, for its tracer makes another call of it. */
static int never_made(char **arg)
{
	struct user_regs_struct regs;
	pid_t child;

	file_of(arg[0], "never-made");
	child = traced(open_path, 0);
	if (child < 0 || until_call(child, SYS_openat, &regs))
		return refused("ptrace");
	regs.orig_rax = SYS_getppid;
	if (ptrace(PTRACE_SETREGS, child, 0, &regs) < 0 || until(child, PTRACE_SYSCALL, STOP_CALL))
		return refused("ptrace");
	return ends(child, PTRACE_CONT) != 1;
}

static int fork_and_open(void)
{
	int status = 1;
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0) {
		prctl(PR_SET_NAME, "grandchild");
		_exit(open(path, O_CREAT | O_WRONLY, 0600) < 0);
	}
	while (wait(&status) > 0)
		;
	return status != 0;
}

/* While clone waits for its tracer, it is made to look like another call. */
static int number_in_fork(char **arg)
{
	struct user_regs_struct regs;
	unsigned long born;
	pid_t child;

	file_of(arg[0], "number-in-fork");
	child = traced(fork_and_open, PTRACE_O_TRACEFORK);
	if (child < 0 || until(child, PTRACE_CONT, STOP_EVENT(PTRACE_EVENT_FORK)) ||
	    ptrace(PTRACE_GETREGS, child, 0, &regs) < 0)
		return refused("ptrace");
	regs.orig_rax = SYS_getppid;
	/* The one that was born is traced, too. */
	if (ptrace(PTRACE_SETREGS, child, 0, &regs) < 0 ||
	    ptrace(PTRACE_GETEVENTMSG, child, 0, &born) < 0 ||
	    waitpid((pid_t)born, NULL, __WALL) < 0 || ptrace(PTRACE_DETACH, born, 0, 0) < 0)
		return refused("ptrace");
	return ends(child, PTRACE_CONT);
}

static char *const *program;

static int run_program(void)
{
	execv(program[0], program);
	return refused(program[0]);
}

/* The same of execve, by which itself is run once more. */
static int number_in_exec(char **arg)
{
	char *const again[] = {"/proc/self/exe", "made", arg[0], "number-in-exec", NULL};
	struct user_regs_struct regs;
	pid_t child;

	program = again;
	child = traced(run_program, PTRACE_O_TRACEEXEC);
	if (child < 0 || until(child, PTRACE_CONT, STOP_EVENT(PTRACE_EVENT_EXEC)) ||
	    ptrace(PTRACE_GETREGS, child, 0, &regs) < 0)
		return refused("ptrace");
	regs.orig_rax = SYS_getppid;
	ptrace(PTRACE_SETREGS, child, 0, &regs);
	return ends(child, PTRACE_CONT);
}

#endif

static int made(char **arg)
{
	return create(arg[0], arg[1]);
}

/* What becomes of openat, of all calls of the caller's from now on. */
static int filter_opens(unsigned answer, unsigned flags)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, answer),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog all = {sizeof(code) / sizeof(*code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &all);
}

/* A filter refuses it. */
static int filter_refuses(char **arg)
{
	file_of(arg[0], "filter-refuses");
	if (filter_opens(SECCOMP_RET_ERRNO | EACCES, 0) < 0)
		return refused("seccomp");
	return open(path, O_CREAT | O_WRONLY, 0600) >= 0 || errno != EACCES;
}

/* A filter says that it went well (and answers standard input), and yet nothing was opened. */
static int filter_pretends(char **arg)
{
	file_of(arg[0], "filter-pretends");
	if (filter_opens(SECCOMP_RET_ERRNO | 0, 0) < 0)
		return refused("seccomp");
	return open(path, O_CREAT | O_WRONLY, 0600) != 0;
}

/*
 * A supervisor answers an opening of NAME: 'c' lets it go on, 'a' hands in a descriptor of the file
 * "handed-in" instead. It is a child, and its ward the caller, so that the filter is there first.
 */
static int supervised(const char *directory, const char *name, char way)
{
	int listener, in = -1, fd, status;
	pid_t supervisor;

	if (way == 'a') {
		in = open(file_of(directory, "handed-in"), O_CREAT | O_RDWR, 0600);
		if (in < 0)
			return refused("open");
	}
	file_of(directory, name);
	listener = filter_opens(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (listener < 0)
		return refused("seccomp");
	supervisor = fork();
	if (supervisor == 0) {
		struct seccomp_notif asked = {0};
		struct seccomp_notif_resp answer = {0};
		struct seccomp_notif_addfd add = {0};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
			_exit(refused("receive"));
		add.id = answer.id = asked.id;
		if (way == 'a') {
			add.srcfd = (unsigned)in;
			add.flags = SECCOMP_ADDFD_FLAG_SEND;
			_exit(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? refused("add")
										   : 0);
		}
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		_exit(check(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), "answer"));
	}
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	waitpid(supervisor, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	return check(fd, "open");
}

static int supervisor_lets(char **arg)
{
	return supervised(arg[0], "supervisor-lets", 'c');
}

static int supervisor_hands_in(char **arg)
{
	return supervised(arg[0], "supervisor-hands-in", 'a');
}

static void nothing(int number)
{
	(void)number;
}

/* Waits until that process sleeps in a call. */
static void until_asleep(pid_t pid)
{
	char file[64], state = 0;

	snprintf(file, sizeof(file), "/proc/%d/stat", pid);
	for (int i = 0; i < 10000 && state != 'S' && state != 'T'; i++) {
		FILE *stat = fopen(file, "re");

		usleep(1000);
		if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (stat)
			fclose(stat);
	}
}

/* Opens a pipe nobody reads, is interrupted, and the kernel begins the call anew. */
static int restarted(char **arg)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	int status;
	pid_t child;

	if (mkfifo(file_of(arg[0], "restarted"), 0600) < 0)
		return refused("mkfifo");
	sigaction(SIGUSR1, &action, NULL);
	child = fork();
	if (child == 0)
		_exit(check(open(path, O_WRONLY), "open"));
	for (int i = 0; i < 3; i++) {
		until_asleep(child);
		kill(child, SIGUSR1);
	}
	until_asleep(child);
	/* Of the test's files the reader's must not be taken for the child's. */
	if (open(path, O_RDONLY) < 0 || waitpid(child, &status, 0) < 0)
		return refused("the reader");
	return status != 0;
}

/* Sleeps, is stopped and goes on: by another call than the one that it made. Prints who slept. */
static int restart_syscall(char **arg)
{
	int status;
	pid_t child = fork();

	(void)arg;
	if (child == 0) {
		struct timespec time = {0, 400000000};

		_exit(syscall(SYS_nanosleep, &time, NULL) != 0);
	}
	until_asleep(child);
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	printf("%d\n", child);
	return status != 0;
}

/* Is killed while it opens. Prints who was. */
static int killed(char **arg)
{
	int status;
	pid_t child;

	if (mkfifo(file_of(arg[0], "killed"), 0600) < 0)
		return refused("mkfifo");
	child = fork();
	if (child == 0)
		_exit(check(open(path, O_WRONLY), "open"));
	until_asleep(child);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	printf("%d\n", child);
	return !WIFSIGNALED(status);
}

static const struct way ways[] = {
    {"made", 2, made},
    {"personality", 1, other_personality},
    {"filter-refuses", 1, filter_refuses},
    {"filter-pretends", 1, filter_pretends},
    {"supervisor-lets", 1, supervisor_lets},
    {"supervisor-hands-in", 1, supervisor_hands_in},
    {"restarted", 1, restarted},
    {"restart-syscall", 1, restart_syscall},
    {"killed", 1, killed},
#ifdef __x86_64__
    {"int80", 1, by_int80},
    {"x32", 1, by_x32},
    {"number-at-entry", 1, number_at_entry},
    {"result-at-exit", 1, result_at_exit},
    {"never-made", 1, never_made},
    {"number-in-fork", 1, number_in_fork},
    {"number-in-exec", 1, number_in_exec},
#endif
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

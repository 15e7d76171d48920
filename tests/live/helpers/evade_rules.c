/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to change files without opening them for it, to have the kernel do it, or to open them as if
 * it were harmless: WAY DIRECTORY. All of it happens in a mount namespace whose root is a file
 * system in memory, mounted on the directory, with nothing but what `prepare` makes.
 */
#include "evade.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIGURATION "/etc/evade.conf"
#define JOB "/etc/cron.d/evade"
#define LOGIN "/etc/sudoers"
#define PROGRAM "/usr/local/bin/evade"
#define LOG "/var/log/evade.log"
#define EVIL "/evil"

enum { RWF_WITHOUT_APPEND = 0x20, SET_SYSCALL_INFO = 0x4212 };

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? refused(path) : 0;
}

static int prepare(const char *place)
{
	static const char *const directories[] = {
	    "etc", "etc/cron.d", "usr", "usr/local", "usr/local/bin", "var", "var/log"};
	static const char *const files[] = {CONFIGURATION, JOB, LOGIN, PROGRAM, LOG};

	if (check(unshare(CLONE_NEWNS), "unshare") ||
	    check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private") ||
	    check(mount("none", place, "tmpfs", 0, NULL), "tmpfs") || check(chdir(place), "chdir"))
		return 1;
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		if (check(mkdir(directories[i], 0755), directories[i]))
			return 1;
	if (check(syscall(SYS_pivot_root, ".", "."), "pivot_root") ||
	    check(umount2(".", MNT_DETACH), "umount") || check(chdir("/"), "chdir"))
		return 1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (write_file(files[i], "as it was before"))
			return 1;
	return write_file(EVIL, "evil");
}

/* Whether the file begins by now as the trick wanted it to. */
static int begins(const char *path, const char *wanted)
{
	char text[5] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, 4);

	close(fd);
	if (n >= 0 && strcmp(text, wanted) == 0)
		return 0;
	fprintf(stderr, "%s begins with \"%s\"\n", path, text);
	return 1;
}

/* Files */

/* The protected name stands where that of the file that is moved away usually does. */
static int exchange(const char *path)
{
	long answer = syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, EVIL, 2);

	return check(answer, "renameat2") || begins(path, "evil");
}

static int second_name(const char *path)
{
	return check(link(path, "/link"), "link") || write_file("/link", "evil") ||
	       begins(path, "evil");
}

static int cover(const char *path)
{
	return check(mount(EVIL, path, NULL, MS_BIND, NULL), "mount") || begins(path, "evil");
}

/* The kernel binds, and does not look at the other flag. */
static int cover_as_private(const char *path)
{
	return check(mount(EVIL, path, NULL, MS_BIND | MS_PRIVATE, NULL), "mount") ||
	       begins(path, "evil");
}

/* By descriptors, without any name. */
static int cover_by_descriptor(const char *path)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, EVIL, 1);
	int on = open(path, O_PATH);

	if (tree < 0)
		return refused("open_tree");
	return check(syscall(SYS_move_mount, tree, "", on, "",
			     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
		     "move_mount") ||
	       begins(path, "evil");
}

static int cut(const char *path)
{
	return check(truncate(path, 0), "truncate") || begins(path, "");
}

/* From now on the kernel writes there whenever a process ends. */
static int account(const char *path)
{
	if (syscall(SYS_acct, path) < 0)
		return refused("acct");
	syscall(SYS_acct, NULL);
	return 0;
}

static int open_plainly(const char *path)
{
	return write_file(path, "evil");
}

/* A process that dies where jobs are read leaves its memory there, with what it wants to say in it.
 */
static int core(const char *path)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	int status;
	pid_t child;

	(void)path;
	setrlimit(RLIMIT_CORE, &all);
	if (check(chdir("/etc/cron.d"), "chdir"))
		return 1;
	child = fork();
	if (child == 0)
		abort();
	waitpid(child, &status, 0);
	return !WCOREDUMP(status);
}

static int setuid_node(const char *path)
{
	(void)path;
	return check(mknod("/usr/node", S_IFREG | 04755, 0), "mknod");
}

static int setuid_mode(const char *path)
{
	(void)path;
	return write_file("/usr/node", "") || check(chmod("/usr/node", 04755), "chmod");
}

/* Logs that are opened to append */

static int emptied(const char *path)
{
	return check(open(path, O_WRONLY | O_APPEND | O_TRUNC), path) || begins(path, "");
}

static int appending(const char *path, int mode)
{
	int fd = open(path, mode | O_APPEND);

	return fd < 0 ? (refused(path), exit(1), -1) : fd;
}

static int flags_changed(const char *path)
{
	int fd = appending(path, O_WRONLY);

	return check(fcntl(fd, F_SETFL, 0), "fcntl") || check(pwrite(fd, "evil", 4, 0), "pwrite") ||
	       begins(path, "evil");
}

static int mapped(const char *path)
{
	int fd = appending(path, O_RDWR);
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return refused("mmap");
	memcpy(memory, "evil", 4);
	return begins(path, "evil");
}

static int flag_ignored(const char *path)
{
	int fd = appending(path, O_WRONLY);
	struct iovec bytes = {(char[]){"evil"}, 4};

	if (syscall(SYS_pwritev2, fd, &bytes, 1, 0, 0, RWF_WITHOUT_APPEND) < 0)
		return refused("pwritev2");
	return begins(path, "evil");
}

/* What nobody but a logger does. */
static int appended(const char *path)
{
	int fd = appending(path, O_WRONLY);

	return check(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK), "fcntl") ||
	       check(write(fd, "more", 4), "write");
}

/* Files that others open */

/* The kernel hands over a descriptor, here one for writing, of each file that somebody opens. */
static int handed_over(const char *path)
{
	struct fanotify_event_metadata event;
	int group = fanotify_init(FAN_CLASS_NOTIF, O_RDWR), status;
	pid_t child;

	if (group < 0)
		return refused("fanotify_init");
	if (check(fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, path), "fanotify_mark"))
		return 1;
	child = fork();
	if (child == 0)
		_exit(open(path, O_RDONLY) < 0);
	waitpid(child, &status, 0);
	if (read(group, &event, sizeof(event)) != sizeof(event) || event.fd < 0)
		return refused("fanotify");
	return check(pwrite(event.fd, "evil", 4, 0), "pwrite") || begins(path, "evil");
}

/* Names alone, by handles: what indexers of files do. */
static int watched(const char *path)
{
	int group = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);

	(void)path;
	return group < 0 ? refused("fanotify_init") : 0;
}

/* Other processes */

/* A call of a child is made another one by the request that came last. */
static int call_changed(const char *path)
{
	struct __ptrace_syscall_info call;
	static const char *opened;
	int status;
	pid_t child = fork();

	opened = CONFIGURATION;
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		for (;;)
			close(openat(AT_FDCWD, path, O_RDONLY));
	}
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	do {
		ptrace(PTRACE_SYSCALL, child, 0, 0);
		waitpid(child, &status, 0);
		if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(call), &call) < 0)
			return refused("ptrace");
	} while (call.op != PTRACE_SYSCALL_INFO_ENTRY);
	call.entry.args[1] = (unsigned long)opened;
	if (syscall(SYS_ptrace, SET_SYSCALL_INFO, child, sizeof(call), &call) < 0) {
		kill(child, SIGKILL);
		return errno == EIO ? ABSENT : refused("ptrace");
	}
	kill(child, SIGKILL);
	return 0;
}

static const struct {
	const char *way;
	int (*go)(const char *path);
} deeds[] = {
    {"plain", open_plainly},
    {"exchange", exchange},
    {"second-name", second_name},
    {"cover", cover},
    {"cover-as-private", cover_as_private},
    {"cover-by-descriptor", cover_by_descriptor},
    {"cut", cut},
    {"account", account},
    {"core", core},
    {"setuid-node", setuid_node},
    {"setuid-mode", setuid_mode},
    {"emptied", emptied},
    {"flags-changed", flags_changed},
    {"mapped", mapped},
    {"flag-ignored", flag_ignored},
    {"appended", appended},
    {"handed-over", handed_over},
    {"watched", watched},
    {"call-changed", call_changed},
};

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	if (prepare(argv[2]))
		return 1;
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++)
		if (strcmp(argv[1], deeds[i].way) == 0)
			return deeds[i].go(argv[3]);
	return 2;
}

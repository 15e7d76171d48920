/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to a file that do not say its name: WAY TARGET SCRATCH, where TARGET is an absolute path and
 * SCRATCH a directory of the test's own. Each opens TARGET for reading once, but for those whose
 * table says otherwise.
 */
#include "evade.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of <sys/mount.h> only this, for it and <linux/mount.h> define the same. */
extern int mount(const char *, const char *, const char *, unsigned long, const void *);
#ifndef MS_BIND
enum { MS_BIND = 4096, MS_REC = 16384, MS_PRIVATE = 1 << 18 };
#endif

enum { TEXT = 8192 };

static char *text(const char *format, const char *a, const char *b)
{
	char *out = malloc(TEXT);

	if (!out)
		abort();
	snprintf(out, TEXT, format, a, b);
	return out;
}

static char *directory_of(const char *path)
{
	char *out = strdup(path);

	*strrchr(out, '/') = '\0';
	return out;
}

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int opened_for(int fd, const char *what)
{
	char byte;

	if (fd < 0)
		return refused(what);
	if (read(fd, &byte, 1) < 0)
		return refused("read");
	close(fd);
	return 0;
}

static int reads(const char *path)
{
	return opened_for(open(path, O_RDONLY), path);
}

static int plain(char **arg)
{
	return reads(arg[0]);
}

/* One link to the next, as many as the kernel follows. */
static int link_chain(char **arg)
{
	char *last = arg[0];

	for (int i = 0; i < 39; i++) {
		char *next = malloc(TEXT);

		snprintf(next, TEXT, "%s/chain%d", arg[1], i);
		if (symlink(last, next) < 0)
			return refused("symlink");
		last = next;
	}
	return reads(last);
}

static int relative_link(char **arg)
{
	char *to = text("../../../../../../..%s%s", directory_of(arg[0]), "");
	char *at = text("%s/%s", arg[1], "up");

	return check(symlink(to, at), "symlink") || reads(text("%s/./%s", at, name_of(arg[0])));
}

static int self_root(char **arg)
{
	return reads(text("/proc/self/root%s%s", arg[0], ""));
}

static int thread_self_root(char **arg)
{
	return reads(text("/proc/thread-self/root/../..%s%s", arg[0], ""));
}

static int self_cwd(char **arg)
{
	return check(chdir(directory_of(arg[0])), "chdir") ||
	       reads(text("/proc/self/cwd/%s%s", name_of(arg[0]), ""));
}

/* The directory, then a name behind the descriptor's link. */
static int descriptor_link(char **arg)
{
	char number[16];
	int fd = open(directory_of(arg[0]), O_PATH | O_DIRECTORY);

	snprintf(number, sizeof(number), "%d", fd);
	return reads(text("/proc/self/fd/%s/%s", number, name_of(arg[0])));
}

/* O_PATH opens nothing for reading; reopening its link does. */
static int path_reopened(char **arg)
{
	char number[16];
	int fd = open(arg[0], O_PATH);

	snprintf(number, sizeof(number), "%d", fd);
	return reads(text("/dev/fd/%s%s", number, ""));
}

static int directory_descriptor(char **arg)
{
	int fd = open(directory_of(arg[0]), O_PATH | O_DIRECTORY);

	return opened_for(openat(fd, name_of(arg[0]), O_RDONLY), "openat");
}

static int in_root(char **arg)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
	int fd = open(directory_of(arg[0]), O_PATH | O_DIRECTORY);
	char *name = text("/../../%s%s", name_of(arg[0]), "");

	return opened_for((int)syscall(SYS_openat2, fd, name, &how, sizeof(how)), "openat2");
}

/* A child that waits in the given directory, holding it as descriptor 9. */
static pid_t child_in(const char *directory)
{
	int ready[2];
	char byte;
	pid_t child;

	if (pipe(ready) < 0 || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		int fd = open(directory, O_PATH | O_DIRECTORY);

		if (chdir(directory) < 0 || dup2(fd, 9) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	return read(ready[0], &byte, 1) == 1 ? child : -1;
}

static int end(pid_t child, int answer)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return answer;
}

static int by_child(char **arg, const char *format)
{
	pid_t child = child_in(directory_of(arg[0]));
	char number[16];

	if (child < 0)
		return refused("child");
	snprintf(number, sizeof(number), "%d", child);
	return end(child, reads(text(format, number, name_of(arg[0]))));
}

static int other_cwd(char **arg)
{
	return by_child(arg, "/proc/%s/cwd/%s");
}

static int other_descriptor(char **arg)
{
	return by_child(arg, "/proc/%s/fd/9/%s");
}

static int other_root(char **arg)
{
	pid_t child = child_in("/");
	char number[16];

	snprintf(number, sizeof(number), "%d", child);
	return end(child, reads(text("/proc/%s/root%s", number, arg[0])));
}

static int chrooted(char **arg)
{
	return check(chroot(directory_of(arg[0])), "chroot") ||
	       reads(text("/%s%s", name_of(arg[0]), ""));
}

static int chrooted_and_moved(char **arg)
{
	return check(chroot(directory_of(arg[0])), "chroot") || check(chdir("/"), "chdir") ||
	       reads(name_of(arg[0]));
}

/* A classic: the working directory stays outside of the new root. */
static int out_of_chroot(char **arg)
{
	return check(chdir(directory_of(arg[0])), "chdir") || check(chroot(arg[1]), "chroot") ||
	       reads(name_of(arg[0]));
}

static int own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return refused("mount namespace");
	return 0;
}

static char *made(const char *scratch, const char *name)
{
	char *path = text("%s/%s", scratch, name);

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		abort();
	return path;
}

static int bound_directory(char **arg)
{
	char *place = made(arg[1], "bound");

	return own_mounts() ||
	       check(mount(directory_of(arg[0]), place, NULL, MS_BIND, NULL), "mount") ||
	       reads(text("%s/%s", place, name_of(arg[0])));
}

/* All of the file system, so that nothing in it tells the one mount from the other. */
static int bind_root(char **arg, unsigned long flags)
{
	char *place = made(arg[1], "root");

	return own_mounts() || check(mount("/", place, NULL, MS_BIND | flags, NULL), "mount") ||
	       reads(text("%s%s", place, arg[0]));
}

static int bound_root(char **arg)
{
	return bind_root(arg, 0);
}

static int bound_root_with_mounts(char **arg)
{
	return bind_root(arg, MS_REC);
}

static int root_tree_clone(char **arg)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE);

	return fd < 0 ? refused("open_tree")
		      : opened_for(openat(fd, arg[0] + 1, O_RDONLY), "openat");
}

static int bound_file(char **arg)
{
	char *place = text("%s/%s", arg[1], "boundfile");

	close(open(place, O_CREAT | O_WRONLY, 0644));
	return own_mounts() || check(mount(arg[0], place, NULL, MS_BIND, NULL), "mount") ||
	       reads(place);
}

static int bound_twice(char **arg)
{
	char *first = made(arg[1], "first"), *second = made(arg[1], "second");

	return own_mounts() || check(mount("/", first, NULL, MS_BIND, NULL), "mount") ||
	       check(mount(text("%s%s", first, directory_of(arg[0])), second, NULL, MS_BIND, NULL),
		     "mount") ||
	       reads(text("%s/%s", second, name_of(arg[0])));
}

static int bound_and_chrooted(char **arg)
{
	char *place = made(arg[1], "jail");

	return own_mounts() ||
	       check(mount(directory_of(arg[0]), place, NULL, MS_BIND, NULL), "mount") ||
	       check(chroot(place), "chroot") || reads(text("/%s%s", name_of(arg[0]), ""));
}

static int pivoted(char **arg)
{
	char *root = made(arg[1], "newroot");

	return own_mounts() ||
	       check(mount(directory_of(arg[0]), root, NULL, MS_BIND, NULL), "mount") ||
	       check(chdir(root), "chdir") ||
	       check(syscall(SYS_pivot_root, ".", "."), "pivot_root") ||
	       reads(text("/%s%s", name_of(arg[0]), ""));
}

/* A copy of the tree that is mounted nowhere. */
static int tree_clone(char **arg)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, directory_of(arg[0]), OPEN_TREE_CLONE);

	return fd < 0 ? refused("open_tree")
		      : opened_for(openat(fd, name_of(arg[0]), O_RDONLY), "openat");
}

static int tree_moved(char **arg)
{
	char *place = made(arg[1], "moved");
	int fd;

	if (own_mounts())
		return 1;
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, directory_of(arg[0]), OPEN_TREE_CLONE);
	if (fd < 0 || syscall(SYS_move_mount, fd, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return refused("move_mount");
	return reads(text("%s/%s", place, name_of(arg[0])));
}

/* The directory as the lower layer of an overlay. */
static int overlaid(char **arg)
{
	char *scratch = made(arg[1], "layers");
	char *options = malloc(TEXT);

	if (own_mounts() || mount("none", scratch, "tmpfs", 0, NULL) < 0)
		return refused("tmpfs");
	snprintf(options, TEXT, "lowerdir=%s,upperdir=%s,workdir=%s", directory_of(arg[0]),
		 made(scratch, "upper"), made(scratch, "work"));
	if (mount("overlay", made(scratch, "all"), "overlay", 0, options) < 0)
		return errno == ENODEV ? ABSENT : refused("overlay");
	return reads(text("%s/all/%s", scratch, name_of(arg[0])));
}

/* The same by the new calls, mounted nowhere. */
static int overlay_unmounted(char **arg)
{
	char *scratch = made(arg[1], "lower");
	int fs = (int)syscall(SYS_fsopen, "overlay", 0), fd;

	if (fs < 0)
		return errno == ENODEV ? ABSENT : refused("fsopen");
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir",
		    text("%s:%s", directory_of(arg[0]), scratch), 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return refused("fsconfig");
	fd = (int)syscall(SYS_fsmount, fs, 0, 0);
	return fd < 0 ? refused("fsmount")
		      : opened_for(openat(fd, name_of(arg[0]), O_RDONLY), "openat");
}

struct handle {
	struct file_handle head;
	unsigned char bytes[MAX_HANDLE_SZ];
};

static int by_handle(char **arg)
{
	struct handle handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount_id, top = open("/", O_RDONLY | O_DIRECTORY);

	if (name_to_handle_at(AT_FDCWD, arg[0], &handle.head, &mount_id, 0) < 0)
		return refused("name_to_handle_at");
	return opened_for(open_by_handle_at(top, &handle.head, O_RDONLY), "open_by_handle_at");
}

static int by_directory_handle(char **arg)
{
	struct handle handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount_id, top = open("/", O_RDONLY | O_DIRECTORY), fd;

	if (name_to_handle_at(AT_FDCWD, directory_of(arg[0]), &handle.head, &mount_id, 0) < 0)
		return refused("name_to_handle_at");
	fd = open_by_handle_at(top, &handle.head, O_PATH | O_DIRECTORY);
	return opened_for(openat(fd, name_of(arg[0]), O_RDONLY), "openat");
}

/* Descriptors that came from elsewhere */

static int sent(int socket_fd, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return (int)sendmsg(socket_fd, &message, 0);
}

static int received(int socket_fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(socket_fd, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* A child opens, the parent gets the descriptor. */
static int passed(char **arg, const char *path, int flags)
{
	int ends[2], fd;
	pid_t child;

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0 || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		close(ends[0]);
		sent(ends[1], open(path, flags));
		_exit(0);
	}
	fd = received(ends[0]);
	waitpid(child, NULL, 0);
	return fd;
}

static int passed_directory(char **arg)
{
	int fd = passed(arg, directory_of(arg[0]), O_PATH | O_DIRECTORY);

	return opened_for(openat(fd, name_of(arg[0]), O_RDONLY), "openat");
}

/* Of what follows the reading is what counts: it is no longer the process that opened. */
static int passed_file(char **arg)
{
	return opened_for(passed(arg, arg[0], O_RDONLY), "passed");
}

static int taken_file(char **arg)
{
	int ready[2], fd, pidfd;
	char byte;
	pid_t child;

	if (pipe(ready) < 0 || (child = fork()) < 0)
		return refused("child");
	if (child == 0) {
		if (dup2(open(arg[0], O_RDONLY), 9) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		return refused("child");
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, 9, 0);
	return end(child, opened_for(fd, "pidfd_getfd"));
}

/* Over a descriptor that was another file before. */
static int duplicated(char **arg)
{
	int null = open("/dev/null", O_RDONLY);

	if (dup2(null, 7) < 0 || dup2(open(arg[0], O_RDONLY), 7) < 0)
		return refused("dup2");
	return opened_for(7, "read");
}

static int duplicated_by_fcntl(char **arg)
{
	int fd = fcntl(open(arg[0], O_RDONLY), F_DUPFD, 100);

	return opened_for(fd, "F_DUPFD");
}

/* All are closed at once, and the number is another file's then. */
static int after_close_range(char **arg)
{
	if (dup2(open("/dev/null", O_RDONLY), 7) < 0 || syscall(SYS_close_range, 3, ~0U, 0) < 0 ||
	    dup2(open(arg[0], O_RDONLY), 7) < 0)
		return refused("close_range");
	return opened_for(7, "read");
}

/* Descriptors are shared with a child, which changes what the number means. */
static int changed_by_clone(char **arg)
{
	pid_t child;

	if (dup2(open("/dev/null", O_RDONLY), 7) < 0)
		return refused("dup2");
	child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0)
		_exit(dup2(open(arg[0], O_RDONLY), 7) < 0);
	waitpid(child, NULL, 0);
	return opened_for(7, "read");
}

/* Ways to read what was opened before: WAY TARGET SCRATCH */

static int out_pipe(void)
{
	int ends[2];

	return pipe(ends) < 0 ? -1 : ends[1];
}

#define READING(name, expression)                                                                  \
	static int name(char **arg)                                                                \
	{                                                                                          \
		char byte[8] = {0};                                                                \
		struct iovec iov = {byte, 1};                                                      \
		int fd = open(arg[0], O_RDONLY), out = out_pipe();                                 \
		(void)out;                                                                         \
		(void)iov;                                                                         \
		return fd < 0 ? refused(arg[0]) : check((long)(expression), #name);                \
	}
READING(by_pread, pread(fd, byte, 1, 0))
READING(by_readv, readv(fd, &iov, 1))
READING(by_preadv, preadv(fd, &iov, 1, 0))
READING(by_splice, splice(fd, NULL, out, NULL, 1, 0))
READING(by_mmap, mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0)

static const struct way ways[] = {
    {"plain", 2, plain},
    {"link-chain", 2, link_chain},
    {"relative-link", 2, relative_link},
    {"self-root", 2, self_root},
    {"thread-self-root", 2, thread_self_root},
    {"self-cwd", 2, self_cwd},
    {"descriptor-link", 2, descriptor_link},
    {"path-reopened", 2, path_reopened},
    {"directory-descriptor", 2, directory_descriptor},
    {"in-root", 2, in_root},
    {"other-cwd", 2, other_cwd},
    {"other-descriptor", 2, other_descriptor},
    {"other-root", 2, other_root},
    {"chrooted", 2, chrooted},
    {"chrooted-and-moved", 2, chrooted_and_moved},
    {"out-of-chroot", 2, out_of_chroot},
    {"bound-directory", 2, bound_directory},
    {"bound-file", 2, bound_file},
    {"bound-root", 2, bound_root},
    {"bound-root-with-mounts", 2, bound_root_with_mounts},
    {"root-tree-clone", 2, root_tree_clone},
    {"bound-twice", 2, bound_twice},
    {"bound-and-chrooted", 2, bound_and_chrooted},
    {"pivoted", 2, pivoted},
    {"tree-clone", 2, tree_clone},
    {"tree-moved", 2, tree_moved},
    {"overlaid", 2, overlaid},
    {"overlay-unmounted", 2, overlay_unmounted},
    {"handle", 2, by_handle},
    {"directory-handle", 2, by_directory_handle},
    {"passed-directory", 2, passed_directory},
    {"passed-file", 2, passed_file},
    {"taken-file", 2, taken_file},
    {"duplicated", 2, duplicated},
    {"duplicated-by-fcntl", 2, duplicated_by_fcntl},
    {"after-close-range", 2, after_close_range},
    {"changed-by-clone", 2, changed_by_clone},
    {"pread", 2, by_pread},
    {"readv", 2, by_readv},
    {"preadv", 2, by_preadv},
    {"splice", 2, by_splice},
    {"mmap", 2, by_mmap},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Files, directories and what else has descriptors without a socket. */
#include "event/event.h"
#include "smoke.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

static uint32_t encoded(dev_t dev)
{
	uint32_t minor_part = minor(dev);
	return (minor_part & 0xff) | (uint32_t)major(dev) << 8 | (minor_part & ~0xffu) << 12;
}

void do_files(void)
{
	struct stat st;
	char path[256];
	snprintf(path, sizeof(path), "%s", in_work("file"));
	int fd = (int)MUST(syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0640));
	fstat(fd, &st);
	EVENT("openat");
	IS("fd", "%d", fd);
	IS("dirfd", "-100");
	IS("name", "%s", path);
	IS("flags", "%d", 0x1000 | 0x4 | 0x3 | 0x4000);
	IS("mode", "%d", 0640);
	IS("dev", "%u", encoded(st.st_dev));
	IS("ino", "%lu", (unsigned long)st.st_ino);
	IS("annex:resolved", "%s", path);

	/* Through a symbolic link, relative to a descriptor, with .. on the way. */
	int dir = open(work, O_PATH | O_DIRECTORY);
	symlink("file", in_work("link"));
	mkdir(in_work("below"), 0755);
	int linked = (int)MUST(syscall(SYS_openat, dir, "below/../link", O_RDONLY));
	EVENT("openat");
	EVENT("symlink");
	IS("target", "file");
	IS("linkpath", "%s", in_work("link"));
	EVENT("mkdir");
	IS("res", "0");
	IS("path", "%s", in_work("below"));
	IS("mode", "%d", 0755);
	EVENT("openat");
	IS("fd", "%d", linked);
	IS("dirfd", "%d", dir);
	IS("name", "below/../link");
	IS("flags", "1");
	IS("mode", "0");
	IS("annex:resolved", "%s", path);
	IS("annex:base", "%s", work);

	MUST(syscall(SYS_open, path, O_WRONLY | O_APPEND));
	EVENT("open");
	IS("name", "%s", path);
	IS("flags", "%d", 0x2 | 0x8);

	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS};
	int how_fd = (int)MUST(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
	EVENT("openat2");
	IS("fd", "%d", how_fd);
	IS("name", "%s", path);
	IS("flags", "1");
	IS("resolve", "8");
	IS("ino", "%lu", (unsigned long)st.st_ino);

	MUST(syscall(SYS_creat, in_work("made"), 0600));
	EVENT("creat");
	IS("name", "%s", in_work("made"));
	IS("mode", "%d", 0600);

	syscall(SYS_openat, AT_FDCWD, "/no/such/file", O_RDONLY);
	EVENT("openat");
	IS("fd", "%d", -ENOENT);
	IS("name", "/no/such/file");
	IS("dev", "0");
	syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY);
	EVENT("openat");
	IS("fd", "%d", -EFAULT);
	IS("name", "-");

	MUST(syscall(SYS_rename, in_work("made"), in_work("moved")));
	EVENT("rename");
	IS("oldpath", "%s", in_work("made"));
	IS("newpath", "%s", in_work("moved"));
	MUST(syscall(SYS_renameat, dir, "moved", AT_FDCWD, in_work("moved2")));
	EVENT("renameat");
	IS("olddirfd", "%d", dir);
	IS("oldpath", "moved");
	IS("newdirfd", "-100");
	IS("newpath", "%s", in_work("moved2"));
	IS("annex:base", "%s", work);
	MUST(syscall(SYS_renameat2, AT_FDCWD, in_work("moved2"), dir, "moved3", 1));
	EVENT("renameat2");
	IS("newdirfd", "%d", dir);
	IS("newpath", "moved3");
	IS("flags", "1");
	MUST(syscall(SYS_link, in_work("moved3"), in_work("hard")));
	EVENT("link");
	IS("oldpath", "%s", in_work("moved3"));
	IS("newpath", "%s", in_work("hard"));
	MUST(syscall(SYS_linkat, dir, "hard", dir, "hard2", 0));
	EVENT("linkat");
	IS("olddir", "%d", dir);
	IS("oldpath", "hard");
	IS("newpath", "hard2");
	IS("flags", "0");
	MUST(syscall(SYS_symlinkat, "target", dir, "soft"));
	EVENT("symlinkat");
	IS("target", "target");
	IS("linkdirfd", "%d", dir);
	IS("linkpath", "soft");
	MUST(syscall(SYS_chmod, path, 04755));
	EVENT("chmod");
	IS("filename", "%s", path);
	IS("mode", "%d", 04755);
	MUST(syscall(SYS_fchmod, fd, 0600));
	EVENT("fchmod");
	IS("fd", "%d", fd);
	IS("mode", "%d", 0600);
	IS("annex:resolved", "%s", path);
	MUST(syscall(SYS_fchmodat, dir, "file", 0644));
	EVENT("fchmodat");
	IS("filename", "file");
	IS("mode", "%d", 0644);
	MUST(syscall(SYS_chown, path, 1, 2));
	EVENT("chown");
	IS("path", "%s", path);
	IS("uid", "1");
	IS("gid", "2");
	MUST(syscall(SYS_fchownat, dir, "soft", 3, 4, AT_SYMLINK_NOFOLLOW));
	EVENT("fchownat");
	IS("pathname", "soft");
	IS("uid", "3");
	MUST(syscall(SYS_mkdirat, dir, "sub", 0700));
	EVENT("mkdirat");
	IS("dirfd", "%d", dir);
	IS("path", "sub");
	IS("mode", "%d", 0700);
	MUST(syscall(SYS_rmdir, in_work("sub")));
	EVENT("rmdir");
	IS("path", "%s", in_work("sub"));
	MUST(syscall(SYS_mknodat, dir, "node", S_IFIFO | 0600, 0));
	EVENT("mknodat");
	IS("path", "node");
	IS("mode", "%d", S_IFIFO | 0600);
	MUST(syscall(SYS_unlink, in_work("hard")));
	EVENT("unlink");
	IS("path", "%s", in_work("hard"));
	MUST(syscall(SYS_unlinkat, dir, "below", AT_REMOVEDIR));
	EVENT("unlinkat");
	IS("dirfd", "%d", dir);
	IS("name", "below");
	IS("flags", "512");
	MUST(syscall(SYS_chdir, work));
	EVENT("chdir");
	IS("path", "%s", work);
	IS("annex:cwd", "%s", work);
	MUST(syscall(SYS_openat, AT_FDCWD, "file", O_RDONLY));
	EVENT("openat");
	IS("name", "file");
	IS("annex:base", "%s", work);
	IS("annex:resolved", "%s", path);
	int root = open("/", O_PATH);
	MUST(syscall(SYS_fchdir, root));
	EVENT("fchdir");
	IS("fd", "%d", root);
	IS("annex:cwd", "/");

	char text[] = "seventeen letters";
	MUST(syscall(SYS_write, fd, text, 17));
	EVENT("write");
	IS("res", "17");
	IS("data", "seventeen letters");
	IS("fd", "%d", fd);
	IS("size", "17");
	IS("annex:resolved", "%s", path);
	IS("annex:file.ino", "%lu", (unsigned long)st.st_ino);
	IS("annex:file.type", "%d", FD_FILE);
	char back[64];
	MUST(syscall(SYS_pread64, fd, back, 9, 0L));
	EVENT("pread");
	IS("res", "9");
	IS("data", "seventeen");
	IS("pos", "0");
	struct iovec parts[2] = {{text, 9}, {text + 10, 7}};
	MUST(syscall(SYS_writev, fd, parts, 2));
	EVENT("writev");
	IS("res", "16");
	IS("data", "seventeenletters");
	IS("size", "16");
	MUST(syscall(SYS_dup, fd));
	EVENT("dup");
	IS("oldfd", "%d", fd);
	MUST(syscall(SYS_dup2, fd, 60));
	EVENT("dup2");
	IS("res", "60");
	IS("oldfd", "%d", fd);
	IS("newfd", "60");
	MUST(syscall(SYS_dup3, fd, 61, O_CLOEXEC));
	EVENT("dup3");
	IS("newfd", "61");
	IS("flags", "%d", 0x1000);
	MUST(syscall(SYS_close, 61));
	EVENT("close");
	IS("fd", "61");
	MUST(syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 70));
	EVENT("fcntl");
	IS("cmd", "26");
	IS("arg", "70");

	int pipes[2];
	MUST(syscall(SYS_pipe2, pipes, O_CLOEXEC));
	fstat(pipes[0], &st);
	EVENT("pipe2");
	IS("fd1", "%d", pipes[0]);
	IS("fd2", "%d", pipes[1]);
	IS("ino", "%lu", (unsigned long)st.st_ino);
	IS("flags", "%d", 0x1000);
	MUST(syscall(SYS_write, pipes[1], "x", 1));
	EVENT("write");
	IS("annex:file.type", "%d", FD_PIPE);
	int event = eventfd(0, 0);
	uint64_t one = 1;
	MUST(syscall(SYS_write, event, &one, 8));
	EVENT("write");
	IS("annex:file.type", "%d", FD_EVENT);
	int memory = (int)MUST(syscall(SYS_memfd_create, "hidden", MFD_CLOEXEC));
	EVENT("memfd_create");
	IS("fd", "%d", memory);
	IS("name", "hidden");
	IS("flags", "1");
	MUST(syscall(SYS_write, memory, "x", 1));
	EVENT("write");
	IS("annex:file.type", "%d", FD_MEMFD);
	IS("annex:resolved", "memfd:hidden");

	/* Deleted files and mount points. */
	int gone = open(in_work("gone"), O_CREAT | O_RDWR, 0600);
	unlink(in_work("gone"));
	EVENT("openat");
	IS("name", "%s", in_work("gone"));
	MUST(syscall(SYS_write, gone, "x", 1));
	EVENT("write");
	IS("annex:resolved", "%s", in_work("gone"));
	IS("annex:deleted", "1");
	int proc = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/stat", O_RDONLY);
	EVENT("openat");
	IS("fd", "%d", proc);
	IS("name", "/proc/self/stat");
	IS("annex:resolved", "/proc/%d/stat", (int)getpid());
}

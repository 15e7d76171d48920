/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe says what was done: a child makes one call of each family and writes down what its
 * event must hold; the parent reads the rings and compares. Needs root; skipped without, failed
 * without where CI=true.
 */
#include "base/buffer.h"
#include "event/event.h"
#include "probe/probe.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXPECTATIONS_MAX = 1024, RECORDS_MAX = 8192, VALUE_MAX = 600 };

/* One line of what the child did. param empty: the next event of that name begins; of ~NAME: one
 * anywhere. */
struct expectation {
	char event[24];
	char param[24]; /* "@task.pid" and the like: of the record; "annex:KIND": an annex item */
	char value[VALUE_MAX];
};

struct diary {
	int n;
	struct expectation lines[EXPECTATIONS_MAX];
};

static struct diary *diary; /* shared with the child */

static void note(const char *event, const char *param, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void note(const char *event, const char *param, const char *format, ...)
{
	struct expectation *x = &diary->lines[diary->n];
	va_list args;
	if (diary->n >= EXPECTATIONS_MAX)
		abort();
	snprintf(x->event, sizeof(x->event), "%s", event);
	snprintf(x->param, sizeof(x->param), "%s", param);
	va_start(args, format);
	vsnprintf(x->value, sizeof(x->value), format, args);
	va_end(args);
	diary->n++;
}
#define EVENT(name) note(name, "", "%s", "")
#define IS(param, ...) note("", param, __VA_ARGS__)

static char work[64]; /* a directory of the test's own */

static const char *in_work(const char *name)
{
	static char paths[8][256];
	static int next;
	char *path = paths[next++ & 7];
	snprintf(path, sizeof(paths[0]), "%s/%s", work, name);
	return path;
}

static long must(long result, const char *what)
{
	if (result < 0)
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return result;
}
#define MUST(call) must((call), #call)

static uint32_t encoded(dev_t dev)
{
	uint32_t minor_part = minor(dev);
	return (minor_part & 0xff) | (uint32_t)major(dev) << 8 | (minor_part & ~0xffu) << 12;
}

static void do_files(void)
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

static void do_network(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	int listener = (int)MUST(syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	EVENT("socket");
	IS("fd", "%d", listener);
	IS("domain", "2");
	IS("type", "%d", SOCK_STREAM | SOCK_CLOEXEC);
	IS("proto", "0");
	IS("flags", "%d", 0x1000);
	MUST(syscall(SYS_bind, listener, &a, sizeof(a)));
	EVENT("bind");
	IS("res", "0");
	IS("addr", "2 127.0.0.1 0");
	IS("fd", "%d", listener);
	MUST(syscall(SYS_listen, listener, 5));
	getsockname(listener, (struct sockaddr *)&a, &size);
	EVENT("listen");
	IS("backlog", "5");
	int port = ntohs(a.sin_port);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	MUST(syscall(SYS_connect, client, &a, sizeof(a)));
	struct sockaddr_in own;
	size = sizeof(own);
	getsockname(client, (struct sockaddr *)&own, &size);
	int own_port = ntohs(own.sin_port);
	EVENT("connect");
	IS("res", "0");
	IS("tuple", "2 127.0.0.1 %d 127.0.0.1 %d", own_port, port);
	IS("fd", "%d", client);
	IS("addr", "2 127.0.0.1 %d", port);
	IS("annex:socket", "127.0.0.1 %d 127.0.0.1 %d", own_port, port);
	IS("annex:role", "2");
	int served = (int)MUST(syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC));
	EVENT("accept4");
	IS("fd", "%d", served);
	IS("tuple", "2 127.0.0.1 %d 127.0.0.1 %d", own_port, port);
	IS("queuemax", "5");
	IS("annex:socket", "127.0.0.1 %d 127.0.0.1 %d", port, own_port);
	IS("annex:role", "1");
	MUST(syscall(SYS_sendto, client, "hello", 5, 0, NULL, 0));
	EVENT("sendto");
	IS("res", "5");
	IS("data", "hello");
	IS("size", "5");
	IS("tuple", "2 127.0.0.1 %d 127.0.0.1 %d", own_port, port);
	char back[16];
	MUST(syscall(SYS_recvfrom, served, back, 16, 0, NULL, NULL));
	EVENT("recvfrom");
	IS("res", "5");
	IS("data", "hello");
	IS("tuple", "2 127.0.0.1 %d 127.0.0.1 %d", own_port, port);
	struct iovec part = {(void *)"again", 5};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	MUST(syscall(SYS_sendmsg, client, &message, 0));
	EVENT("sendmsg");
	IS("data", "again");
	IS("size", "5");
	IS("tuple", "2 127.0.0.1 %d 127.0.0.1 %d", own_port, port);
	part.iov_base = back;
	MUST(syscall(SYS_recvmsg, served, &message, 0));
	EVENT("recvmsg");
	IS("size", "5");
	IS("data", "again");

	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	MUST(syscall(SYS_sendto, udp, "u", 1, 0, &a, sizeof(a)));
	EVENT("sendto");
	size = sizeof(own);
	getsockname(udp, (struct sockaddr *)&own, &size);
	IS("tuple", "2 0.0.0.0 %d 127.0.0.1 %d", ntohs(own.sin_port), port);

	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int six_listener = socket(AF_INET6, SOCK_STREAM, 0);
	if (!bind(six_listener, (struct sockaddr *)&six, sizeof(six))) {
		EVENT("bind");
		IS("addr", "10 ::1 0");
		listen(six_listener, 1);
		size = sizeof(six);
		getsockname(six_listener, (struct sockaddr *)&six, &size);
		int six_client = socket(AF_INET6, SOCK_STREAM, 0);
		MUST(syscall(SYS_connect, six_client, &six, sizeof(six)));
		struct sockaddr_in6 six_own;
		size = sizeof(six_own);
		getsockname(six_client, (struct sockaddr *)&six_own, &size);
		EVENT("connect");
		IS("tuple", "10 ::1 %d ::1 %d", ntohs(six_own.sin6_port), ntohs(six.sin6_port));
		IS("addr", "10 ::1 %d", ntohs(six.sin6_port));
		IS("annex:socket", "::1 %d ::1 %d", ntohs(six_own.sin6_port), ntohs(six.sin6_port));
	}

	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_work("socket"));
	int un_listener = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(syscall(SYS_bind, un_listener, &un, sizeof(un)));
	EVENT("bind");
	IS("addr", "1 %s", un.sun_path);
	listen(un_listener, 1);
	int un_client = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(syscall(SYS_connect, un_client, &un, sizeof(un)));
	EVENT("connect");
	IS("tuple", "1 %s", un.sun_path);
	IS("addr", "1 %s", un.sun_path);
	IS("annex:unix", "%s", un.sun_path);
	int un_served = (int)MUST(syscall(SYS_accept, un_listener, NULL, NULL));
	EVENT("accept");
	IS("fd", "%d", un_served);
	IS("tuple", "1 %s", un.sun_path);

	int pair[2];
	MUST(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
	EVENT("socketpair");
	IS("fd1", "%d", pair[0]);
	IS("fd2", "%d", pair[1]);
	IS("domain", "1");
	int on = 1;
	MUST(syscall(SYS_setsockopt, client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	EVENT("setsockopt");
	IS("level", "1");
	IS("optname", "9");
	IS("val", "2 u32 1");
	IS("optlen", "4");
	struct mmsghdr many[2] = {0};
	struct iovec one = {(void *)"datagram", 8}, two = {(void *)"other", 5};
	many[0].msg_hdr = (struct msghdr){
	    .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &one, .msg_iovlen = 1};
	many[1].msg_hdr = (struct msghdr){
	    .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &two, .msg_iovlen = 1};
	MUST(syscall(SYS_sendmmsg, udp, many, 2, 0));
	EVENT("sendmmsg");
	IS("res", "8");
	IS("size", "8");
	IS("data", "datagram");
	syscall(SYS_shutdown, client, SHUT_WR);
	EVENT("shutdown");
	IS("how", "1");
	a.sin_port = htons(1); /* nobody listens there */
	int refused = socket(AF_INET, SOCK_STREAM, 0);
	syscall(SYS_connect, refused, &a, sizeof(a));
	EVENT("connect");
	IS("res", "%d", -ECONNREFUSED);
	IS("tuple", "-");
	IS("addr", "2 127.0.0.1 1");
}

static void do_security(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC));
	EVENT("mprotect");
	IS("addr", "%lu", (unsigned long)page);
	IS("length", "4096");
	IS("prot", "5");
	MUST(syscall(SYS_prctl, PR_SET_NAME, "renamed", 0, 0, 0));
	EVENT("prctl");
	IS("option", "15");
	IS("arg2_str", "renamed");
	IS("@comm", "renamed");
	MUST(syscall(SYS_kill, getpid(), 0));
	EVENT("kill");
	IS("pid", "%d", getpid());
	IS("sig", "0");
	MUST(syscall(SYS_tgkill, getpid(), getpid(), 0));
	EVENT("tgkill");
	IS("tid", "%d", getpid());
	MUST(syscall(SYS_tkill, getpid(), 0));
	EVENT("tkill");
	IS("tid", "%d", getpid());
	syscall(SYS_ptrace, PTRACE_ATTACH, 999999999, 0L, 0L);
	EVENT("ptrace");
	IS("res", "%d", -ESRCH);
	IS("request", "11");
	IS("pid", "999999999");
	MUST(syscall(SYS_unshare, CLONE_NEWNS | CLONE_NEWUTS));
	EVENT("unshare");
	IS("flags", "%d", 0x20 | 0x80);
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	EVENT("mount");
	MUST(syscall(SYS_mount, "none", work, "tmpfs", MS_NOSUID, NULL));
	EVENT("mount");
	IS("dev", "none");
	IS("dir", "%s", work);
	IS("type", "tmpfs");
	IS("flags", "2");
	MUST(syscall(SYS_openat, AT_FDCWD, in_work("mounted"), O_CREAT | O_RDWR, 0600));
	EVENT("openat");
	IS("annex:resolved", "%s", in_work("mounted"));
	MUST(syscall(SYS_umount2, work, MNT_DETACH));
	EVENT("umount2");
	IS("name", "%s", work);
	IS("flags", "2");
	syscall(SYS_setns, -1, CLONE_NEWNET);
	EVENT("setns");
	IS("res", "%d", -EBADF);
	IS("nstype", "%d", 0x10);
	syscall(SYS_pivot_root, "/no/such", "/no/such");
	EVENT("syscall");
	IS("ID", "137");
	IS("nativeID", "155");
	syscall(SYS_init_module, "image", 5UL, "args");
	EVENT("init_module");
	IS("img", "image");
	IS("length", "5");
	IS("uargs", "args");
	syscall(SYS_finit_module, -1, "args", 0);
	EVENT("finit_module");
	IS("fd", "-1");
	syscall(SYS_delete_module, "no_such_module", O_NONBLOCK);
	EVENT("delete_module");
	IS("name", "no_such_module");
	IS("flags", "2");
	syscall(SYS_bpf, 9999, NULL, 0);
	EVENT("bpf");
	IS("cmd", "9999");
	syscall(SYS_keyctl, 1, "ring", 0, 0, 0);
	EVENT("keyctl");
	IS("operation", "1");
	IS("arg2", "1 ring");
	IS("arg3", "0 0");
	int user = (int)syscall(SYS_userfaultfd, 0);
	EVENT("userfaultfd");
	IS("res", "%d", user < 0 ? -errno : user);
	struct io_uring_params uring = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &uring);
	EVENT("io_uring_setup");
	IS("res", "%d", ring < 0 ? -errno : ring);
	IS("entries", "4");
	if (ring >= 0)
		IS("sq_entries", "%u", uring.sq_entries);
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2];
	syscall(SYS_capget, &header, caps);
	MUST(syscall(SYS_capset, &header, caps));
	EVENT("capset");
	IS("cap_effective", "%llu",
	   (unsigned long long)caps[1].effective << 32 | caps[0].effective);
	MUST(syscall(SYS_setpgid, 0, 0));
	EVENT("setpgid");
	IS("pid", "0");
	MUST(syscall(SYS_setresgid, -1, 7, -1));
	EVENT("setresgid");
	IS("rgid", "%u", ~0u);
	IS("egid", "7");
	IS("@gid", "7");
	MUST(syscall(SYS_setregid, 0, 0));
	EVENT("setregid");
	IS("egid", "0");
	MUST(syscall(SYS_setgid, 0));
	EVENT("setgid");
	IS("gid", "0");
	MUST(syscall(SYS_setresuid, -1, 65534, -1));
	EVENT("setresuid");
	IS("euid", "65534");
	IS("@uid", "65534");
	IS("@ruid", "0");
	MUST(syscall(SYS_setreuid, 0, 0));
	EVENT("setreuid");
	MUST(syscall(SYS_setuid, 0));
	EVENT("setuid");
	IS("uid", "0");
	MUST(syscall(SYS_chroot, "/"));
	EVENT("chroot");
	IS("path", "/");
	/* The generic event. */
	syscall(SYS_sched_yield);
	EVENT("syscall");
	IS("ID", "99");
	IS("nativeID", "24");
}

#ifdef __x86_64__
static long call_32(long nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	long result;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* 32-bit calls of a 64-bit process: another table of numbers, other registers. */
static void do_compat(void)
{
	enum { OPENAT_32 = 295, SOCKETCALL_32 = 102, SETUID_32 = 213, WRITEV_32 = 146 };
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return;
	strcpy(low, "/etc/hostname");
	long fd = call_32(OPENAT_32, (unsigned)AT_FDCWD, (unsigned long)low, O_RDONLY, 0);
	if (fd == -ENOSYS)
		return; /* built without it */
	EVENT("openat");
	IS("fd", "%ld", fd);
	IS("dirfd", "-100");
	IS("name", "/etc/hostname");
	IS("annex:resolved", "/etc/hostname");
	IS("@compat", "1");
	fd = call_32(OPENAT_32, (unsigned)AT_FDCWD, 0, O_RDONLY, 0);
	EVENT("openat");
	IS("fd", "%d", -EFAULT);
	call_32(SETUID_32, 0, 0, 0, 0);
	EVENT("setuid");
	IS("uid", "0");
	IS("@compat", "1");
	unsigned *words = (unsigned *)(low + 64);
	words[0] = AF_INET;
	words[1] = SOCK_DGRAM;
	words[2] = 0;
	fd = call_32(SOCKETCALL_32, 1, (unsigned long)words, 0, 0);
	EVENT("socket");
	IS("fd", "%ld", fd);
	IS("domain", "2");
	IS("type", "%d", SOCK_DGRAM);
	struct sockaddr_in *to = (struct sockaddr_in *)(low + 128);
	*to = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	words[0] = (unsigned)fd;
	words[1] = (unsigned)(unsigned long)to;
	words[2] = sizeof(*to);
	call_32(SOCKETCALL_32, 3, (unsigned long)words, 0, 0);
	EVENT("connect");
	IS("res", "0");
	IS("addr", "2 127.0.0.1 9");
	int out = open("/dev/null", O_WRONLY);
	words[0] = (unsigned)(unsigned long)low;
	words[1] = 4;
	words[2] = (unsigned)(unsigned long)(low + 5);
	words[3] = 4;
	call_32(WRITEV_32, (unsigned)out, (unsigned long)words, 2, 0);
	EVENT("writev");
	IS("res", "8");
	IS("data", "/etchost");
}
#else
static void do_compat(void)
{
}
#endif

static void heed(int signal)
{
	(void)signal;
}

static void do_processes(void)
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

/* ---- the reading half ---- */

struct kept {
	uint8_t *bytes;
	size_t size;
};
static struct kept kept[RECORDS_MAX];
static int nkept;

static int keep(void *context, void *record, size_t size)
{
	const struct record *r = record;
	const pid_t *child = context;
	/* The rest of the machine goes on meanwhile. */
	if (r->task.pid != *child && r->task.ppid != *child)
		return 0;
	if (nkept < RECORDS_MAX) {
		kept[nkept].bytes = malloc(size);
		memcpy(kept[nkept].bytes, record, size);
		kept[nkept++].size = size;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct event_header *x =
	    (const void *)(((const struct kept *)a)->bytes + sizeof(struct record));
	const struct event_header *y =
	    (const void *)(((const struct kept *)b)->bytes + sizeof(struct record));
	return x->ts < y->ts ? -1 : x->ts > y->ts;
}

static void put_address(struct buffer *out, const uint8_t *bytes, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";
	inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
	buffer_printf(out, "%s", text);
}

static void put_port(struct buffer *out, const char *bytes)
{
	uint16_t port;
	memcpy(&port, bytes, sizeof(port));
	buffer_printf(out, " %u", port);
}

/* Family, then addresses and ports (of a tuple two), or the path. */
static void put_addresses(struct buffer *out, struct str v, bool is_tuple)
{
	size_t size = v.p[0] == AF_INET ? 4 : 16;
	buffer_printf(out, "%d", v.p[0]);
	if (v.p[0] == AF_UNIX) {
		size_t at = is_tuple ? 17 : 1;
		buffer_printf(out, " %s", v.n > at ? v.p + at : "");
		return;
	}
	for (size_t at = 1; at + size + 2 <= v.n; at += size + 2) {
		buffer_putc(out, ' ');
		put_address(out, (const uint8_t *)v.p + at, size);
		put_port(out, v.p + at + size);
	}
}

static void put_param(struct buffer *out, const struct event *e, unsigned i)
{
	int64_t value;
	uint64_t unsigned_value;
	struct str v = e->params[i];
	if (!v.n) {
		buffer_putc(out, '-');
		return;
	}
	switch (e->schema->params[i].type) {
	case PARAM_SOCKADDR:
		put_addresses(out, v, false);
		return;
	case PARAM_SOCKTUPLE:
		put_addresses(out, v, true);
		return;
	case PARAM_DYN:
		buffer_printf(out, "%d ", v.p[0]);
		if (v.n == 5) {
			uint32_t word;
			memcpy(&word, v.p + 1, 4);
			buffer_printf(out, "u32 %u", word);
		} else if (v.n == 9) {
			memcpy(&value, v.p + 1, 8);
			buffer_put_i64(out, value);
		} else {
			buffer_put(out, (struct str){v.p + 1, v.n - 2});
		}
		return;
	case PARAM_BYTEBUF:
		for (size_t k = 0; k < v.n; k++)
			buffer_putc(out, v.p[k] ? v.p[k] : '|');
		return;
	default:
		break;
	}
	if (event_param_str(e, i, &v))
		buffer_put(out, v);
	else if (event_param_u64(e, i, &unsigned_value) &&
		 e->schema->params[i].type != PARAM_INT64 &&
		 e->schema->params[i].type != PARAM_FD && e->schema->params[i].type != PARAM_PID &&
		 e->schema->params[i].type != PARAM_ERRNO)
		buffer_put_u64(out, unsigned_value);
	else if (event_param_i64(e, i, &value))
		buffer_put_i64(out, value);
	else
		buffer_printf(out, "?");
}

static const struct annex_item *annex_of(const struct event *e, enum annex_kind kind)
{
	const struct annex_item *item = NULL;
	while ((item = event_annex_next(e, item)))
		if (item->kind == kind)
			return item;
	return NULL;
}

static void put_annex(struct buffer *out, const struct event *e, const char *what)
{
	const struct annex_item *item;
	static const struct {
		const char *name;
		enum annex_kind kind;
	} texts[] = {{"resolved", ANNEX_PATH_RESOLVED},
		     {"base", ANNEX_PATH_BASE},
		     {"cwd", ANNEX_CWD},
		     {"unix", ANNEX_UNIX_PATH}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(what, texts[i].name)) {
			item = annex_of(e, texts[i].kind);
			if (!item)
				buffer_printf(out, "(none)");
			else {
				struct str s = annex_str(item);
				if (s.n && !s.p[s.n - 1])
					s.n = strnlen(s.p, s.n);
				buffer_put(out, s);
			}
			return;
		}
	if (!strcmp(what, "deleted")) {
		item = annex_of(e, ANNEX_PATH_RESOLVED);
		buffer_printf(out, "%d", item && item->flags & ANNEX_DELETED ? 1 : 0);
	} else if (!strncmp(what, "file.", 5)) {
		struct annex_file file = {0};
		item = annex_of(e, ANNEX_FILE);
		if (item)
			memcpy(&file, item + 1, sizeof(file));
		buffer_put_u64(out, !strcmp(what, "file.ino") ? file.ino : file.type);
	} else if (!strcmp(what, "role")) {
		struct annex_socket socket = {0};
		item = annex_of(e, ANNEX_SOCKET);
		if (item)
			memcpy(&socket, item + 1, sizeof(socket));
		buffer_put_u64(out, socket.is_server);
	} else if (!strcmp(what, "socket")) {
		struct annex_socket socket = {0};
		item = annex_of(e, ANNEX_SOCKET);
		if (item)
			memcpy(&socket, item + 1, sizeof(socket));
		size_t size = socket.family == AF_INET ? 4 : 16;
		put_address(out, socket.local, size);
		buffer_printf(out, " %u ", socket.local_port);
		put_address(out, socket.remote, size);
		buffer_printf(out, " %u", socket.remote_port);
	}
}

static void put_task(struct buffer *out, const struct record *record, const char *what)
{
	const struct task_facts *t = &record->task;
	const struct {
		const char *name;
		int64_t value;
	} facts[] = {{"pid", t->pid}, {"ppid", t->ppid},
		     {"sid", t->sid}, {"uid", t->uid},
		     {"gid", t->gid}, {"ruid", t->ruid},
		     {"tid", t->tid}, {"compat", !!(record->flags & RECORD_COMPAT)}};
	if (!strcmp(what, "comm"))
		buffer_printf(out, "%.16s", t->comm);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (!strcmp(what, facts[i].name))
			buffer_put_i64(out, facts[i].value);
}

static void value_of(struct buffer *out, const struct event *e, const char *param)
{
	if (param[0] == '@')
		put_task(out, e->record, param + 1);
	else if (!strncmp(param, "annex:", 6))
		put_annex(out, e, param + 6);
	else {
		int i = event_schema_param(e->schema, str_from(param));
		if (i < 0)
			buffer_printf(out, "(no parameter %s)", param);
		else
			put_param(out, e, (unsigned)i);
	}
}

static bool is_same(const struct event *e, const struct expectation *x)
{
	char memory[8192];
	struct buffer got = BUFFER(memory);
	value_of(&got, e, x->param);
	return got.n == strlen(x->value) && !memcmp(got.p, x->value, got.n);
}

static void print_event(const struct event *e)
{
	char memory[16384];
	struct buffer out = BUFFER(memory);
	buffer_printf(&out, "  %s", e->schema->name);
	for (unsigned i = 0; i < e->nparams; i++) {
		buffer_printf(&out, " %s=", e->schema->params[i].name);
		put_param(&out, e, i);
	}
	fprintf(stderr, "%.*s\n", (int)out.n, out.p);
}

/*
 * Each expected event must be found, in the order of the diary; of several of that name the one
 * that agrees in all counts, and the first of them is shown where none does.
 */
static int compare(void)
{
	int failed = 0, checked = 0, at = 0, undecoded = 0;
	qsort(kept, (size_t)nkept, sizeof(kept[0]), by_time);
	for (int i = 0; i < diary->n;) {
		int end = i + 1;
		while (end < diary->n && diary->lines[end].param[0])
			end++;
		const char *name = diary->lines[i].event;
		bool is_anywhere = name[0] == '~';
		name += is_anywhere;
		int first = -1, match = -1;
		for (int k = is_anywhere ? 0 : at; k < nkept && match < 0; k++) {
			struct event e;
			struct error err = {0};
			if (event_decode(&e, kept[k].bytes, kept[k].size, &err)) {
				if (!undecoded++)
					fprintf(stderr, "not ok: a record does not decode: %s\n",
						err.message);
				continue;
			}
			if (strcmp(e.schema->name, name))
				continue;
			if (first < 0)
				first = k;
			match = k;
			for (int j = i + 1; j < end; j++)
				if (!is_same(&e, &diary->lines[j]))
					match = -1;
		}
		checked++;
		if (match >= 0) {
			at = is_anywhere ? at : match + 1;
		} else {
			failed++;
			fprintf(stderr, "not ok: no %s as it was done:", name);
			for (int j = i + 1; j < end; j++)
				fprintf(stderr, " %s=%s", diary->lines[j].param,
					diary->lines[j].value);
			fprintf(stderr, "\n");
			if (first >= 0) {
				struct event e;
				struct error err;
				event_decode(&e, kept[first].bytes, kept[first].size, &err);
				print_event(&e);
				for (int j = i + 1; j < end; j++) {
					char memory[8192];
					struct buffer got = BUFFER(memory);
					value_of(&got, &e, diary->lines[j].param);
					if (!is_same(&e, &diary->lines[j]))
						fprintf(stderr, "    %s: got \"%.*s\"\n",
							diary->lines[j].param, (int)got.n, got.p);
				}
			} else {
				fprintf(stderr, "  there is none after the one before\n");
			}
		}
		i = end;
	}
	printf("%d events expected, %d as they were done, %d not; %d records\n", checked,
	       checked - failed, failed, nkept);
	return failed + undecoded;
}

static int tasks_seen, own_seen;
static void see_task(void *context, const void *record, size_t size)
{
	struct event e;
	struct error err = {0};
	(void)context;
	tasks_seen++;
	if (event_decode(&e, record, size, &err)) {
		fprintf(stderr, "not ok: a task's record does not decode: %s\n", err.message);
		own_seen = -1000;
		return;
	}
	int exe = event_schema_param(e.schema, str_from("exe"));
	struct str text;
	if (e.record->task.pid == getpid() && event_param_str(&e, (unsigned)exe, &text) &&
	    memmem(text.p, text.n, "probe_smoke", 11))
		own_seen++;
}

int main(void)
{
	struct error err = {0};
	struct probe_options options = {.ring_bytes = 4 << 20,
					.critical_ring_bytes = 4 << 20,
					.snaplen = 80,
					.cpus_per_ring = 1};
	bool is_ci = getenv("CI") && !strcmp(getenv("CI"), "true");
	struct probe *probe = probe_open(&options, &err);
	if (!probe) {
		fprintf(stderr, "%s: %s\n", is_ci ? "FAIL" : "SKIP", err.message);
		return is_ci ? 1 : 77;
	}
	diary =
	    mmap(NULL, sizeof(*diary), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(work, sizeof(work), "/var/tmp/saker-probe-XXXXXX");
	if (diary == MAP_FAILED || !mkdtemp(work)) {
		perror("set-up");
		return 1;
	}
	struct probe_ring rings[64];
	size_t nrings = probe_rings(probe, rings, 64);
	struct ring_buffer *reader = NULL;
	pid_t child = -1;
	for (size_t i = 0; i < nrings; i++) {
		if (!reader)
			reader = ring_buffer__new(rings[i].fd, keep, &child, NULL);
		else
			ring_buffer__add(reader, rings[i].fd, keep, &child);
	}
	struct probe_wants wants = {.signals = true};
	for (int nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		wants.wanted[nr] = syscall_schema_get((uint16_t)nr) != NULL;
		wants.facts[nr] =
		    FACT_RESOLVED_PATH | FACT_BASE_PATH | FACT_FD | FACT_FD_PATH | FACT_BUFFER;
	}
	int go[2];
	if (pipe(go))
		return 1;
	child = fork();
	if (!child) {
		char c;
		close(go[1]);
		if (read(go[0], &c, 1) != 0)
			_exit(1);
		do_files();
		do_network();
		do_security();
		do_compat();
		do_processes();
		_exit(0);
	}
	probe_set_wants(probe, &wants, &err);
	close(go[1]);
	int status;
	while (!waitpid(child, &status, WNOHANG)) {
		ring_buffer__poll(reader, 5);
		ring_buffer__consume(reader);
	}
	memset(&wants, 0, sizeof(wants));
	probe_set_wants(probe, &wants, &err);
	/* A record that another CPU is still writing hides those behind it for a moment. */
	struct kept *last = NULL;
	while (last != kept + nkept || !last) {
		last = kept + nkept;
		ring_buffer__poll(reader, 20);
		ring_buffer__consume(reader);
	}
	int failed = compare();
	if (status) {
		fprintf(stderr, "not ok: the child ended with status %d\n", status);
		failed++;
	}
	struct probe_counters counters = probe_counters(probe);
	for (int cause = 0; cause < DROP_CAUSE_COUNT; cause++)
		if (counters.drops[cause]) {
			fprintf(stderr, "not ok: %lu events dropped for cause %d\n",
				(unsigned long)counters.drops[cause], cause);
			failed++;
		}
	int r = probe_iterate_tasks(probe, see_task, NULL, &err);
	printf("%d tasks\n", tasks_seen);
	if (r ? r != -EOPNOTSUPP : own_seen != 1) {
		fprintf(stderr, "not ok: iterating tasks: %s; own process seen %d times\n",
			err.message, own_seen);
		failed++;
	}
	for (int i = 0; i < nkept; i++)
		free(kept[i].bytes);
	ring_buffer__free(reader);
	probe_close(probe);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", work);
	if (system(command))
		fprintf(stderr, "cannot remove %s\n", work);
	return failed ? 1 : 0;
}

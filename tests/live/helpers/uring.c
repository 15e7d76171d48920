/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does one thing by io_uring or, as the control, by the plain call:
 *
 *     uring WAY OPERATION DIRECTORY
 *
 * WAY is "plain", or what a ring is to be like, joined by commas: ring, async (workers do it),
 * sqpoll (the kernel's thread takes it from the ring), fixed (on a registered file), direct (what
 * is opened goes to the ring's table), deferred (completions are posted by the task itself), quiet
 * (no word on a success), full (completions have no room), disabled (made so, then enabled), bare
 * (without an array of indexes), linked (behind another request), drained (behind all others),
 * personality (with the rights that were registered before the process gave its own up).
 *
 * Prints the result. Exit status 0: done; 1: refused; 3: this kernel has no such operation or way.
 * Only kernel interfaces, so that it needs no library and runs anywhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Younger than the headers that this may be built with. */
enum {
	OP_READ_MULTISHOT = 49,
	OP_FIXED_FD_INSTALL = 54,
	OP_FTRUNCATE = 55,
	OP_BIND = 56,
	OP_LISTEN = 57,
	OP_EPOLL_WAIT = 59,
	OP_READV_FIXED = 60,
	OP_PIPE = 62,
	SETUP_SINGLE_ISSUER = 1 << 12,
	SETUP_DEFER_TASKRUN = 1 << 13,
	SETUP_NO_SQARRAY = 1 << 16,
	OP_MSG_RING = 40,
	MSG_SEND_FD = 1,
	NOBODY = 65534,
	REQUEST_IS_QUIET = 1 << 6,
	FILE_ANY = ~0u,
	SOCKET_INQ = 0,
};

enum { ENTRIES = 8, NO_SUCH_THING = 3, BYTES = 64 };

static bool is_plain, is_async, is_sqpoll, is_fixed, is_direct, is_deferred, is_quiet, is_full,
    is_disabled, is_bare, is_linked, is_drained, is_borrowed;

static struct ring {
	int fd;
	struct io_uring_params params;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqes;
} ring;

static const char *directory;
static char bytes[BYTES] = "written by the ring";
static struct iovec vector = {bytes, 16};

static void give_up(const char *what)
{
	bool is_missing = errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP;

	fprintf(stderr, "uring: %s: %s\n", what, strerror(errno));
	exit(is_missing ? NO_SUCH_THING : 1);
}

static long must(long answer, const char *what)
{
	if (answer < 0)
		give_up(what);
	return answer;
}

static const char *path(const char *name)
{
	char *whole;

	must(asprintf(&whole, "%s/%s", directory, name), name);
	return whole;
}

static int file(const char *name)
{
	int fd = (int)must(open(path(name), O_RDWR | O_CREAT, 0644), name);

	must(pwrite(fd, "0123456789abcdef", 16, 0), name);
	return fd;
}

static void ring_start(void)
{
	struct io_uring_params *p = &ring.params;

	p->flags = (is_sqpoll ? IORING_SETUP_SQPOLL : 0) |
		   (is_deferred ? SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN : 0) |
		   (is_disabled ? IORING_SETUP_R_DISABLED : 0) | (is_bare ? SETUP_NO_SQARRAY : 0);
	p->sq_thread_idle = 2000;
	ring.fd =
	    (int)must(syscall(SYS_io_uring_setup, is_full ? 1 : ENTRIES, p), "io_uring_setup");
	size_t cq_size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	ring.sq = mmap(NULL, p->sq_off.array + p->sq_entries * sizeof(unsigned),
		       PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.cq =
	    mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_CQ_RING);
	ring.sqes = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			 MAP_SHARED, ring.fd, IORING_OFF_SQES);
	if (ring.sq == MAP_FAILED || ring.cq == MAP_FAILED || ring.sqes == MAP_FAILED)
		give_up("mmap");
	if (is_disabled)
		must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0),
		     "io_uring_register");
}

static unsigned *sq_word(unsigned offset)
{
	return (unsigned *)(ring.sq + offset);
}

static unsigned *cq_word(unsigned offset)
{
	return (unsigned *)(ring.cq + offset);
}

/* Submits so many; waits for so many completions to be there. */
static void enter_all(unsigned count, unsigned wait)
{
	unsigned flags = wait ? IORING_ENTER_GETEVENTS : 0;

	if (is_sqpoll)
		flags |= IORING_ENTER_SQ_WAKEUP;
	while (syscall(SYS_io_uring_enter, ring.fd, count, wait, flags, NULL, 0) < 0)
		if (errno != EINTR)
			give_up("io_uring_enter");
}

static void enter(unsigned wait)
{
	enter_all(1, wait);
}

static void push(const struct io_uring_sqe *sqe)
{
	unsigned *tail = sq_word(ring.params.sq_off.tail);
	unsigned index = *tail & *sq_word(ring.params.sq_off.ring_mask);

	ring.sqes[index] = *sqe;
	if (!is_bare)
		sq_word(ring.params.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

static bool pop(struct io_uring_cqe *cqe)
{
	unsigned *head = cq_word(ring.params.cq_off.head);

	if (*head == __atomic_load_n(cq_word(ring.params.cq_off.tail), __ATOMIC_ACQUIRE))
		return false;
	*cqe = ((struct io_uring_cqe *)(ring.cq +
					ring.params.cq_off
					    .cqes))[*head & *cq_word(ring.params.cq_off.ring_mask)];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return true;
}

/* What does nothing, and is known by its number. */
static void push_nop(unsigned number)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_NOP, .user_data = number};

	push(&sqe);
}

static long take(void)
{
	struct io_uring_cqe cqe;

	for (;;) {
		while (!pop(&cqe))
			enter_all(0, 1);
		if (cqe.user_data != 0)
			return cqe.res;
	}
}

static void register_files(const int *fds, unsigned count)
{
	must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, fds, count),
	     "io_uring_register");
}

/* On a registered file instead. */
static void fix(struct io_uring_sqe *sqe)
{
	register_files(&sqe->fd, 1);
	sqe->fd = 0;
	sqe->flags |= IOSQE_FIXED_FILE;
}

static void start(struct io_uring_sqe *sqe)
{
	if (is_fixed)
		fix(sqe);
	push(sqe);
	enter(0);
}

/* The request as the way wants it; its descriptor is registered where it has one. */
static long request(struct io_uring_sqe sqe, bool has_fd)
{
	bool is_open = sqe.opcode == IORING_OP_OPENAT || sqe.opcode == IORING_OP_OPENAT2 ||
		       sqe.opcode == IORING_OP_ACCEPT || sqe.opcode == IORING_OP_SOCKET;

	if (is_async)
		sqe.flags |= IOSQE_ASYNC;
	if (is_quiet)
		sqe.flags |= REQUEST_IS_QUIET;
	if (is_fixed && has_fd)
		fix(&sqe);
	if (is_direct && is_open) {
		int none[2] = {-1, -1};

		register_files(none, 2);
		sqe.file_index = 2;
	}
	sqe.user_data = 77;
	/* Two completions fit; they stay where they are. */
	for (int i = 0; is_full && i < 2; i++) {
		push_nop(0);
		enter(0);
	}
	if (is_drained)
		sqe.flags |= IOSQE_IO_DRAIN;
	if (is_borrowed) {
		sqe.personality = (uint16_t)must(
		    syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0),
		    "io_uring_register");
		must(syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY), "setresuid");
	}
	if (is_linked) {
		struct io_uring_sqe nop = {.opcode = IORING_OP_NOP, .flags = IOSQE_IO_LINK};

		push(&nop);
		push(&sqe);
		enter_all(2, 2);
		return take();
	}
	/* What is linked to it begins when it has ended well. */
	if (is_quiet)
		sqe.flags |= IOSQE_IO_LINK;
	push(&sqe);
	if (is_quiet) {
		push_nop(78);
		enter_all(2, 1);
		return take();
	}
	enter(is_full ? 0 : 1);
	return take();
}

/* An operation: the call, and the request. */
struct action {
	long nr;
	long arguments[6];
	bool has_fd;
	struct io_uring_sqe sqe;
};

static long perform(const struct action *a)
{
	if (!is_plain)
		return request(a->sqe, a->has_fd);
	long answer = syscall(a->nr, a->arguments[0], a->arguments[1], a->arguments[2],
			      a->arguments[3], a->arguments[4], a->arguments[5]);
	return answer < 0 ? -errno : answer;
}

#define P(pointer) ((long)(uintptr_t)(pointer))
#define DO(...) perform(&(struct action){__VA_ARGS__})

static long do_openat(void)
{
	const char *name = path("target");

	return DO(SYS_openat, {AT_FDCWD, P(name), O_RDWR | O_CREAT, 0640}, false,
		  {.opcode = IORING_OP_OPENAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)name,
		   .open_flags = O_RDWR | O_CREAT,
		   .len = 0640});
}

static long do_openat_failing(void)
{
	const char *name = path("missing");

	return DO(SYS_openat, {AT_FDCWD, P(name), O_RDONLY, 0}, false,
		  {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)name});
}

/* Through a symbolic link: the kernel's name of the file is another one. */
static long do_openat_link(void)
{
	const char *name = path("link");

	close(file("target"));
	must(symlink(path("target"), name), name);
	return DO(SYS_openat, {AT_FDCWD, P(name), O_RDONLY, 0}, false,
		  {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)name});
}

static long do_openat_relative(void)
{
	int at = (int)must(open(directory, O_DIRECTORY | O_RDONLY), directory);

	close(file("target"));
	return DO(SYS_openat, {at, P("target"), O_RDONLY, 0}, false,
		  {.opcode = IORING_OP_OPENAT, .fd = at, .addr = (uintptr_t) "target"});
}

static long do_openat2(void)
{
	const char *name = path("target");
	struct open_how how = {.flags = O_RDWR | O_CREAT, .mode = 0600};

	return DO(SYS_openat2, {AT_FDCWD, P(name), P(&how), sizeof(how)}, false,
		  {.opcode = IORING_OP_OPENAT2,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)name,
		   .off = (uintptr_t)&how,
		   .len = sizeof(how)});
}

static long do_close(void)
{
	int fd = file("target");

	is_fixed = false;
	return DO(SYS_close, {fd}, false, {.opcode = IORING_OP_CLOSE, .fd = fd});
}

static long do_io(uint8_t opcode, long nr, bool is_vector)
{
	int fd = file("target");
	const void *what = is_vector ? (void *)&vector : bytes;
	unsigned size = is_vector ? 1 : 16;

	if (!is_plain && (opcode == IORING_OP_READ_FIXED || opcode == IORING_OP_WRITE_FIXED))
		must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS,
			     &(struct iovec){bytes, BYTES}, 1),
		     "io_uring_register");
	return DO(nr, {fd, P(what), size}, true,
		  {.opcode = opcode, .fd = fd, .addr = (uintptr_t)what, .len = size});
}

static long do_read(void)
{
	return do_io(IORING_OP_READ, SYS_read, false);
}
static long do_write(void)
{
	return do_io(IORING_OP_WRITE, SYS_write, false);
}
static long do_readv(void)
{
	return do_io(IORING_OP_READV, SYS_readv, true);
}
static long do_writev(void)
{
	return do_io(IORING_OP_WRITEV, SYS_writev, true);
}
static long do_read_fixed(void)
{
	return do_io(IORING_OP_READ_FIXED, SYS_read, false);
}
static long do_write_fixed(void)
{
	return do_io(IORING_OP_WRITE_FIXED, SYS_write, false);
}

static long do_fsync(void)
{
	int fd = file("target");

	return DO(SYS_fsync, {fd}, true, {.opcode = IORING_OP_FSYNC, .fd = fd});
}

static long do_fallocate(void)
{
	int fd = file("target");

	return DO(SYS_fallocate, {fd, 0, 0, 4096}, true,
		  {.opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = 4096});
}

static long do_ftruncate(void)
{
	int fd = file("target");

	return DO(SYS_ftruncate, {fd, 5}, true, {.opcode = OP_FTRUNCATE, .fd = fd, .off = 5});
}

static long do_fadvise(void)
{
	int fd = file("target");

	return DO(SYS_fadvise64, {fd, 0, 16, POSIX_FADV_WILLNEED}, true,
		  {.opcode = IORING_OP_FADVISE,
		   .fd = fd,
		   .len = 16,
		   .fadvise_advice = POSIX_FADV_WILLNEED});
}

static long do_madvise(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return DO(SYS_madvise, {P(page), 4096, MADV_NORMAL}, false,
		  {.opcode = IORING_OP_MADVISE,
		   .fd = -1,
		   .addr = (uintptr_t)page,
		   .len = 4096,
		   .fadvise_advice = MADV_NORMAL});
}

static long do_statx(void)
{
	static struct statx facts;
	const char *name = path("target");

	close(file("target"));
	return DO(SYS_statx, {AT_FDCWD, P(name), 0, STATX_ALL, P(&facts)}, false,
		  {.opcode = IORING_OP_STATX,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)name,
		   .len = STATX_ALL,
		   .off = (uintptr_t)&facts});
}

static long do_unlinkat(void)
{
	const char *name = path("target");

	close(file("target"));
	return DO(SYS_unlinkat, {AT_FDCWD, P(name), 0}, false,
		  {.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)name});
}

static long do_unlinkat_relative(void)
{
	int at = (int)must(open(directory, O_DIRECTORY | O_RDONLY), directory);

	close(file("target"));
	return DO(SYS_unlinkat, {at, P("target"), 0}, false,
		  {.opcode = IORING_OP_UNLINKAT, .fd = at, .addr = (uintptr_t) "target"});
}

static long do_renameat(void)
{
	const char *from = path("target"), *to = path("renamed");

	close(file("target"));
	return DO(SYS_renameat, {AT_FDCWD, P(from), AT_FDCWD, P(to)}, false,
		  {.opcode = IORING_OP_RENAMEAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)from,
		   .len = (unsigned)AT_FDCWD,
		   .off = (uintptr_t)to});
}

static long do_renameat2(void)
{
	const char *from = path("target"), *to = path("renamed");

	close(file("target"));
	return DO(SYS_renameat2, {AT_FDCWD, P(from), AT_FDCWD, P(to), RENAME_NOREPLACE}, false,
		  {.opcode = IORING_OP_RENAMEAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)from,
		   .len = (unsigned)AT_FDCWD,
		   .off = (uintptr_t)to,
		   .rename_flags = RENAME_NOREPLACE});
}

static long do_mkdirat(void)
{
	const char *name = path("made");

	return DO(
	    SYS_mkdirat, {AT_FDCWD, P(name), 0750}, false,
	    {.opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = (uintptr_t)name, .len = 0750});
}

static long do_symlinkat(void)
{
	const char *name = path("made");

	return DO(SYS_symlinkat, {P("/target/of/it"), AT_FDCWD, P(name)}, false,
		  {.opcode = IORING_OP_SYMLINKAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t) "/target/of/it",
		   .off = (uintptr_t)name});
}

static long do_linkat(void)
{
	const char *from = path("target"), *to = path("made");

	close(file("target"));
	return DO(SYS_linkat, {AT_FDCWD, P(from), AT_FDCWD, P(to), 0}, false,
		  {.opcode = IORING_OP_LINKAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)from,
		   .len = (unsigned)AT_FDCWD,
		   .off = (uintptr_t)to});
}

static long do_fsetxattr(void)
{
	int fd = file("target");

	return DO(SYS_fsetxattr, {fd, P("user.ring"), P("v"), 1, 0}, true,
		  {.opcode = IORING_OP_FSETXATTR,
		   .fd = fd,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t) "v",
		   .len = 1});
}

static long do_setxattr(void)
{
	const char *name = path("target");

	close(file("target"));
	return DO(SYS_setxattr, {P(name), P("user.ring"), P("v"), 1, 0}, false,
		  {.opcode = IORING_OP_SETXATTR,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t) "v",
		   .addr3 = (uintptr_t)name,
		   .len = 1});
}

static long do_fgetxattr(void)
{
	int fd = file("target");

	must(fsetxattr(fd, "user.ring", "v", 1, 0), "fsetxattr");
	return DO(SYS_fgetxattr, {fd, P("user.ring"), P(bytes), BYTES}, true,
		  {.opcode = IORING_OP_FGETXATTR,
		   .fd = fd,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t)bytes,
		   .len = BYTES});
}

static long do_getxattr(void)
{
	const char *name = path("target");

	must(fsetxattr(file("target"), "user.ring", "v", 1, 0), "fsetxattr");
	return DO(SYS_getxattr, {P(name), P("user.ring"), P(bytes), BYTES}, false,
		  {.opcode = IORING_OP_GETXATTR,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t)bytes,
		   .addr3 = (uintptr_t)name,
		   .len = BYTES});
}

/* Sockets: on the loopback interface. */

static struct sockaddr_in own = {.sin_family = AF_INET};
static socklen_t own_size = sizeof(own);

static int bound(int type)
{
	int fd = (int)must(socket(AF_INET, type, 0), "socket");

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(bind(fd, (struct sockaddr *)&own, sizeof(own)), "bind");
	must(getsockname(fd, (struct sockaddr *)&own, &own_size), "getsockname");
	return fd;
}

static int listening(void)
{
	int fd = bound(SOCK_STREAM);

	must(listen(fd, 5), "listen");
	return fd;
}

static int connected(int listener, int *other)
{
	int fd = (int)must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	must(connect(fd, (struct sockaddr *)&own, sizeof(own)), "connect");
	*other = listener < 0 ? -1 : (int)must(accept4(listener, NULL, NULL, 0), "accept4");
	return fd;
}

static long do_socket(void)
{
	return DO(SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}, false,
		  {.opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM | SOCK_CLOEXEC});
}

static long do_bind(void)
{
	int fd = (int)must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return DO(SYS_bind, {fd, P(&own), sizeof(own)}, true,
		  {.opcode = OP_BIND, .fd = fd, .addr = (uintptr_t)&own, .addr2 = sizeof(own)});
}

static long do_listen(void)
{
	int fd = bound(SOCK_STREAM);

	return DO(SYS_listen, {fd, 7}, true, {.opcode = OP_LISTEN, .fd = fd, .len = 7});
}

static long do_connect(void)
{
	listening();
	int fd = (int)must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	printf("port %d\n", ntohs(own.sin_port));
	return DO(
	    SYS_connect, {fd, P(&own), sizeof(own)}, true,
	    {.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&own, .off = sizeof(own)});
}

/* Nobody is there. */
static long do_connect_failing(void)
{
	int fd = (int)must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	own.sin_port = htons(1);
	return DO(
	    SYS_connect, {fd, P(&own), sizeof(own)}, true,
	    {.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&own, .off = sizeof(own)});
}

static long accepted(unsigned flags)
{
	int listener = listening(), other;

	connected(-1, &other);
	printf("port %d\n", ntohs(own.sin_port));
	return DO(flags ? SYS_accept4 : SYS_accept, {listener, 0, 0, flags}, true,
		  {.opcode = IORING_OP_ACCEPT, .fd = listener, .accept_flags = flags});
}

static long do_accept(void)
{
	return accepted(0);
}
static long do_accept4(void)
{
	return accepted(SOCK_CLOEXEC);
}

static long do_send(void)
{
	int other, fd = connected(listening(), &other);

	printf("port %d\n", ntohs(own.sin_port));
	return DO(SYS_sendto, {fd, P(bytes), 16, 0, 0, 0}, true,
		  {.opcode = IORING_OP_SEND, .fd = fd, .addr = (uintptr_t)bytes, .len = 16});
}

static long do_recv(void)
{
	int other, fd = connected(listening(), &other);

	printf("port %d\n", ntohs(own.sin_port));
	must(write(fd, "0123456789", 10), "write");
	return DO(SYS_recvfrom, {other, P(bytes), BYTES, 0, 0, 0}, true,
		  {.opcode = IORING_OP_RECV, .fd = other, .addr = (uintptr_t)bytes, .len = BYTES});
}

static struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

static long do_sendmsg(void)
{
	int other, fd = connected(listening(), &other);

	printf("port %d\n", ntohs(own.sin_port));
	return DO(SYS_sendmsg, {fd, P(&message), 0}, true,
		  {.opcode = IORING_OP_SENDMSG, .fd = fd, .addr = (uintptr_t)&message, .len = 1});
}

/* A datagram, to where the message says. */
static long do_sendmsg_datagram(void)
{
	bound(SOCK_DGRAM);
	int fd = (int)must(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	printf("port %d\n", ntohs(own.sin_port));
	message.msg_name = &own;
	message.msg_namelen = sizeof(own);
	return DO(SYS_sendmsg, {fd, P(&message), 0}, true,
		  {.opcode = IORING_OP_SENDMSG, .fd = fd, .addr = (uintptr_t)&message, .len = 1});
}

static long do_recvmsg(void)
{
	int other, fd = connected(listening(), &other);

	printf("port %d\n", ntohs(own.sin_port));
	must(write(fd, "0123456789", 10), "write");
	return DO(
	    SYS_recvmsg, {other, P(&message), 0}, true,
	    {.opcode = IORING_OP_RECVMSG, .fd = other, .addr = (uintptr_t)&message, .len = 1});
}

static long do_shutdown(void)
{
	int other, fd = connected(listening(), &other);

	printf("port %d\n", ntohs(own.sin_port));
	return DO(SYS_shutdown, {fd, SHUT_WR}, true,
		  {.opcode = IORING_OP_SHUTDOWN, .fd = fd, .len = SHUT_WR});
}

static long do_splice(void)
{
	int ends[2], fd = file("target");
	loff_t offset = 0;

	must(pipe(ends), "pipe");
	is_fixed = false;
	return DO(SYS_splice, {fd, P(&offset), ends[1], 0, 10, 0}, false,
		  {.opcode = IORING_OP_SPLICE,
		   .fd = ends[1],
		   .off = (uint64_t)-1,
		   .splice_fd_in = fd,
		   .splice_off_in = 0,
		   .len = 10});
}

static long do_tee(void)
{
	int from[2], to[2];

	must(pipe(from), "pipe");
	must(pipe(to), "pipe");
	must(write(from[1], "0123456789", 10), "write");
	is_fixed = false;
	return DO(SYS_tee, {from[0], to[1], 10, 0}, false,
		  {.opcode = IORING_OP_TEE, .fd = to[1], .splice_fd_in = from[0], .len = 10});
}

static long do_epoll_ctl(void)
{
	int ends[2], fd = (int)must(epoll_create1(0), "epoll_create1");
	static struct epoll_event event = {.events = EPOLLIN};

	must(pipe(ends), "pipe");
	is_fixed = false;
	return DO(SYS_epoll_ctl, {fd, EPOLL_CTL_ADD, ends[0], P(&event)}, false,
		  {.opcode = IORING_OP_EPOLL_CTL,
		   .fd = fd,
		   .addr = (uintptr_t)&event,
		   .len = EPOLL_CTL_ADD,
		   .off = (unsigned)ends[0]});
}

static long do_pipe2(void)
{
	static int ends[2];

	return DO(SYS_pipe2, {P(ends), O_CLOEXEC}, false,
		  {.opcode = OP_PIPE, .addr = (uintptr_t)ends, .rw_flags = O_CLOEXEC});
}

/* How much waits to be read of a socket. */
static long do_uring_cmd(void)
{
	static int waiting;
	int other, fd = connected(listening(), &other);

	return DO(SYS_ioctl, {fd, FIONREAD, P(&waiting)}, true,
		  {.opcode = IORING_OP_URING_CMD, .fd = fd, .cmd_op = SOCKET_INQ});
}

/* One request, several completions: each waited for before the next is caused. */

static long do_accept_again(void)
{
	enum { IS_REPEATED = 1, TIMES = 3 };
	int listener = listening(), other;
	struct io_uring_sqe sqe = {
	    .opcode = IORING_OP_ACCEPT, .fd = listener, .ioprio = IS_REPEATED, .user_data = 77};
	long result = 0;

	printf("port %d\n", ntohs(own.sin_port));
	if (!is_plain)
		start(&sqe);
	for (int i = 0; i < TIMES && result >= 0; i++) {
		connected(-1, &other);
		result = is_plain ? accept(listener, NULL, NULL) : take();
		printf("result%d %ld\n", i, result);
	}
	return result;
}

static long do_recv_again(void)
{
	enum { IS_REPEATED = 2, TIMES = 3, GROUP = 1 };
	int other, fd = connected(listening(), &other);
	static char rooms[TIMES][BYTES];
	struct io_uring_sqe give = {.opcode = IORING_OP_PROVIDE_BUFFERS,
				    .fd = TIMES,
				    .addr = (uintptr_t)rooms,
				    .len = BYTES,
				    .buf_group = GROUP,
				    .user_data = 78},
			    sqe = {.opcode = IORING_OP_RECV,
				   .fd = other,
				   .ioprio = IS_REPEATED,
				   .flags = IOSQE_BUFFER_SELECT,
				   .buf_group = GROUP,
				   .user_data = 77};
	long result = 0;

	printf("port %d\n", ntohs(own.sin_port));
	if (!is_plain) {
		push(&give);
		enter(1);
		if (take() < 0)
			return -EINVAL;
		start(&sqe);
	}
	for (int i = 0; i < TIMES && result >= 0; i++) {
		must(write(fd, "0123456789", 10), "write");
		result = is_plain ? recv(other, bytes, BYTES, 0) : take();
		printf("result%d %ld\n", i, result);
	}
	return result;
}

/* Makes a descriptor of a registered file. */
static long do_install(void)
{
	int fd = file("target");

	if (is_plain)
		return DO(SYS_dup, {fd}, false, {});
	is_fixed = true;
	return DO(SYS_dup, {fd}, true, {.opcode = OP_FIXED_FD_INSTALL, .fd = fd});
}

/* A file that another ring puts into this one's table. */
static long do_read_passed_by_ring(void)
{
	static const int none[2] = {-1, -1};
	int fd = file("target");
	struct ring first = ring;

	if (is_plain)
		return DO(SYS_read, {fd, P(bytes), 16}, false, {});
	ring_start();
	register_files(none, 2);
	struct ring second = ring;
	ring = first;
	register_files(&fd, 1);
	must(request((struct io_uring_sqe){.opcode = OP_MSG_RING,
					   .fd = second.fd,
					   .addr = MSG_SEND_FD,
					   .off = 0,
					   .addr3 = 0,
					   .file_index = 2},
		     false),
	     "msg_ring");
	ring = second;
	return request((struct io_uring_sqe){.opcode = IORING_OP_READ,
					     .fd = 1,
					     .flags = IOSQE_FIXED_FILE,
					     .addr = (uintptr_t)bytes,
					     .len = 16},
		       false);
}

/* A descriptor that comes by SCM_RIGHTS. */
static long do_read_passed_by_message(void)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct iovec byte = {bytes, 1};
	struct msghdr message = {.msg_iov = &byte,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int ends[2], fd = file("target");

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	must(DO(SYS_sendmsg, {ends[0], P(&message), 0}, false,
		{.opcode = IORING_OP_SENDMSG, .fd = ends[0], .addr = (uintptr_t)&message}),
	     "sendmsg");
	close(fd);
	must(DO(SYS_recvmsg, {ends[1], P(&message), 0}, false,
		{.opcode = IORING_OP_RECVMSG, .fd = ends[1], .addr = (uintptr_t)&message}),
	     "recvmsg");
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return DO(SYS_read, {fd, P(bytes), 16}, false,
		  {.opcode = IORING_OP_READ, .fd = fd, .addr = (uintptr_t)bytes, .len = 16});
}

static const struct {
	const char *name;
	long (*act)(void);
} operations[] = {
    {"passed-by-ring", do_read_passed_by_ring},
    {"passed-by-message", do_read_passed_by_message},
    {"openat", do_openat},
    {"openat-failing", do_openat_failing},
    {"openat-link", do_openat_link},
    {"openat-relative", do_openat_relative},
    {"openat2", do_openat2},
    {"close", do_close},
    {"read", do_read},
    {"write", do_write},
    {"readv", do_readv},
    {"writev", do_writev},
    {"read-fixed", do_read_fixed},
    {"write-fixed", do_write_fixed},
    {"fsync", do_fsync},
    {"fallocate", do_fallocate},
    {"ftruncate", do_ftruncate},
    {"fadvise", do_fadvise},
    {"madvise", do_madvise},
    {"statx", do_statx},
    {"unlinkat", do_unlinkat},
    {"unlinkat-relative", do_unlinkat_relative},
    {"renameat", do_renameat},
    {"renameat2", do_renameat2},
    {"mkdirat", do_mkdirat},
    {"symlinkat", do_symlinkat},
    {"linkat", do_linkat},
    {"fsetxattr", do_fsetxattr},
    {"setxattr", do_setxattr},
    {"fgetxattr", do_fgetxattr},
    {"getxattr", do_getxattr},
    {"socket", do_socket},
    {"bind", do_bind},
    {"listen", do_listen},
    {"connect", do_connect},
    {"connect-failing", do_connect_failing},
    {"accept", do_accept},
    {"accept4", do_accept4},
    {"send", do_send},
    {"recv", do_recv},
    {"sendmsg", do_sendmsg},
    {"sendmsg-datagram", do_sendmsg_datagram},
    {"recvmsg", do_recvmsg},
    {"shutdown", do_shutdown},
    {"splice", do_splice},
    {"tee", do_tee},
    {"epoll_ctl", do_epoll_ctl},
    {"pipe2", do_pipe2},
    {"uring_cmd", do_uring_cmd},
    {"install", do_install},
    {"accept-again", do_accept_again},
    {"recv-again", do_recv_again},
};

static void read_way(char *way)
{
	const struct {
		const char *name;
		bool *is_set;
	} ways[] = {
	    {"plain", &is_plain},          {"async", &is_async},
	    {"sqpoll", &is_sqpoll},        {"fixed", &is_fixed},
	    {"direct", &is_direct},        {"deferred", &is_deferred},
	    {"quiet", &is_quiet},          {"full", &is_full},
	    {"disabled", &is_disabled},    {"bare", &is_bare},
	    {"linked", &is_linked},        {"drained", &is_drained},
	    {"personality", &is_borrowed},
	};

	for (char *word = strtok(way, ","); word; word = strtok(NULL, ","))
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			if (strcmp(word, ways[i].name) == 0)
				*ways[i].is_set = true;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: uring WAY OPERATION DIRECTORY\n");
		return 2;
	}
	read_way(argv[1]);
	directory = argv[3];
	if (!is_plain)
		ring_start();
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(argv[2], operations[i].name) != 0)
			continue;
		long result = operations[i].act();

		printf("result %ld\n", result);
		return result == -EINVAL || result == -EBADF || result == -EOPNOTSUPP ||
			       result == -ENOSYS
			   ? NO_SUCH_THING
			   : 0;
	}
	fprintf(stderr, "uring: no operation is named %s\n", argv[2]);
	return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of the asked kind, and one request or call by it. */
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct way way;
struct ring ring;
const char *directory;
char bytes[BYTES] = "written by the ring";

void give_up(const char *what)
{
	bool is_missing = errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP;

	fprintf(stderr, "uring: %s: %s\n", what, strerror(errno));
	exit(is_missing ? NO_SUCH_THING : 1);
}

long must(long answer, const char *what)
{
	if (answer < 0)
		give_up(what);
	return answer;
}

const char *path(const char *name)
{
	char *whole;

	must(asprintf(&whole, "%s/%s", directory, name), name);
	return whole;
}

int file(const char *name)
{
	int fd = (int)must(open(path(name), O_RDWR | O_CREAT, 0644), name);

	must(pwrite(fd, "0123456789abcdef", 16, 0), name);
	return fd;
}

void ring_start(void)
{
	struct io_uring_params *p = &ring.params;

	p->flags = (way.is_sqpoll ? IORING_SETUP_SQPOLL : 0) |
		   (way.is_deferred ? SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN : 0) |
		   (way.is_disabled ? IORING_SETUP_R_DISABLED : 0) |
		   (way.is_bare ? SETUP_NO_SQARRAY : 0);
	p->sq_thread_idle = 2000;
	ring.fd =
	    (int)must(syscall(SYS_io_uring_setup, way.is_full ? 1 : QUEUED, p), "io_uring_setup");
	size_t cq_size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	ring.sq = mmap(NULL, p->sq_off.array + p->sq_entries * sizeof(unsigned),
		       PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.cq =
	    mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_CQ_RING);
	ring.sqes = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			 MAP_SHARED, ring.fd, IORING_OFF_SQES);
	if (ring.sq == MAP_FAILED || ring.cq == MAP_FAILED || ring.sqes == MAP_FAILED)
		give_up("mmap");
	if (way.is_disabled)
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

void ring_enter_all(unsigned count, unsigned wait)
{
	unsigned flags = wait ? IORING_ENTER_GETEVENTS : 0;

	if (way.is_urgent)
		must(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 50}),
		     "sched_setscheduler");
	if (way.is_sqpoll)
		flags |= IORING_ENTER_SQ_WAKEUP;
	while (syscall(SYS_io_uring_enter, ring.fd, count, wait, flags, NULL, 0) < 0)
		if (errno != EINTR)
			give_up("io_uring_enter");
}

void ring_enter(unsigned wait)
{
	ring_enter_all(1, wait);
}

void ring_push(const struct io_uring_sqe *sqe)
{
	unsigned *tail = sq_word(ring.params.sq_off.tail);
	unsigned index = *tail & *sq_word(ring.params.sq_off.ring_mask);

	ring.sqes[index] = *sqe;
	if (!way.is_bare)
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

	ring_push(&sqe);
}

long ring_take(void)
{
	struct io_uring_cqe cqe;

	for (;;) {
		while (!pop(&cqe))
			ring_enter_all(0, 1);
		if (cqe.user_data != 0)
			return cqe.res;
	}
}

void ring_register_files(const int *fds, unsigned count)
{
	must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, fds, count),
	     "io_uring_register");
}

/* On a registered file instead. */
static void fix(struct io_uring_sqe *sqe)
{
	ring_register_files(&sqe->fd, 1);
	sqe->fd = 0;
	sqe->flags |= IOSQE_FIXED_FILE;
}

void ring_begin(struct io_uring_sqe *sqe)
{
	if (way.is_fixed)
		fix(sqe);
	ring_push(sqe);
	ring_enter(0);
}

long ring_request(struct io_uring_sqe sqe, bool has_fd)
{
	bool is_open = sqe.opcode == IORING_OP_OPENAT || sqe.opcode == IORING_OP_OPENAT2 ||
		       sqe.opcode == IORING_OP_ACCEPT || sqe.opcode == IORING_OP_SOCKET;

	if (way.is_async)
		sqe.flags |= IOSQE_ASYNC;
	if (way.is_quiet)
		sqe.flags |= REQUEST_IS_QUIET;
	if (way.is_fixed && has_fd)
		fix(&sqe);
	if (way.is_direct && is_open) {
		int none[2] = {-1, -1};

		ring_register_files(none, 2);
		sqe.file_index = 2;
	}
	sqe.user_data = 77;
	/* Two completions fit; they stay where they are. */
	for (int i = 0; way.is_full && i < 2; i++) {
		push_nop(0);
		ring_enter(0);
	}
	if (way.is_drained)
		sqe.flags |= IOSQE_IO_DRAIN;
	if (way.is_borrowed) {
		sqe.personality = (uint16_t)must(
		    syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0),
		    "io_uring_register");
		must(syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY), "setresuid");
	}
	if (way.is_linked) {
		struct io_uring_sqe nop = {.opcode = IORING_OP_NOP, .flags = IOSQE_IO_LINK};

		ring_push(&nop);
		ring_push(&sqe);
		ring_enter_all(2, 2);
		return ring_take();
	}
	/* What is linked to it begins when it has ended well. */
	if (way.is_quiet)
		sqe.flags |= IOSQE_IO_LINK;
	ring_push(&sqe);
	if (way.is_quiet) {
		push_nop(78);
		ring_enter_all(2, 1);
		return ring_take();
	}
	ring_enter(way.is_full ? 0 : 1);
	return ring_take();
}

long perform(const struct action *a)
{
	if (!way.is_plain)
		return ring_request(a->sqe, a->has_fd);
	long answer = syscall(a->nr, a->arguments[0], a->arguments[1], a->arguments[2],
			      a->arguments[3], a->arguments[4], a->arguments[5]);
	return answer < 0 ? -errno : answer;
}

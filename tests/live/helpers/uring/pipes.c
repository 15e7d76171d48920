/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to pipes and to descriptors that wait for others. */
#include "ring.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static long do_splice(void)
{
	int ends[2], fd = file("target");
	loff_t offset = 0;

	must(pipe(ends), "pipe");
	way.is_fixed = false;
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
	way.is_fixed = false;
	return DO(SYS_tee, {from[0], to[1], 10, 0}, false,
		  {.opcode = IORING_OP_TEE, .fd = to[1], .splice_fd_in = from[0], .len = 10});
}

static long do_epoll_ctl(void)
{
	int ends[2], fd = (int)must(epoll_create1(0), "epoll_create1");
	static struct epoll_event event = {.events = EPOLLIN};

	must(pipe(ends), "pipe");
	way.is_fixed = false;
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

const struct operation pipe_operations[] = {
    {"splice", do_splice}, {"tee", do_tee}, {"epoll_ctl", do_epoll_ctl},
    {"pipe2", do_pipe2},   {NULL, NULL},
};

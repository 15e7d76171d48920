/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that come by another way than a call that opens: no name was given for them. */
#include "ring.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Makes a descriptor of a registered file. */
static long do_install(void)
{
	int fd = file("target");

	if (way.is_plain)
		return DO(SYS_dup, {fd}, false, {});
	way.is_fixed = true;
	return DO(SYS_dup, {fd}, true, {.opcode = OP_FIXED_FD_INSTALL, .fd = fd});
}

/* A file that another ring puts into this one's table. */
static long do_read_passed_by_ring(void)
{
	static const int none[2] = {-1, -1};
	int fd = file("target");
	struct ring first = ring;

	if (way.is_plain)
		return DO(SYS_read, {fd, P(bytes), 16}, false, {});
	ring_start();
	ring_register_files(none, 2);
	struct ring second = ring;
	ring = first;
	ring_register_files(&fd, 1);
	must(ring_request((struct io_uring_sqe){.opcode = OP_MSG_RING,
						.fd = second.fd,
						.addr = MSG_SEND_FD,
						.off = 0,
						.addr3 = 0,
						.file_index = 2},
			  false),
	     "msg_ring");
	ring = second;
	return ring_request((struct io_uring_sqe){.opcode = IORING_OP_READ,
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

const struct operation passed_operations[] = {
    {"passed-by-ring", do_read_passed_by_ring},
    {"passed-by-message", do_read_passed_by_message},
    {"install", do_install},
    {NULL, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to sockets, on the loopback interface; their port is printed. */
#include "ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct iovec vector = {bytes, 16};
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
	if (!way.is_plain)
		ring_begin(&sqe);
	for (int i = 0; i < TIMES && result >= 0; i++) {
		connected(-1, &other);
		result = way.is_plain ? accept(listener, NULL, NULL) : ring_take();
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
	if (!way.is_plain) {
		ring_push(&give);
		ring_enter(1);
		if (ring_take() < 0)
			return -EINVAL;
		ring_begin(&sqe);
	}
	for (int i = 0; i < TIMES && result >= 0; i++) {
		must(write(fd, "0123456789", 10), "write");
		result = way.is_plain ? recv(other, bytes, BYTES, 0) : ring_take();
		printf("result%d %ld\n", i, result);
	}
	return result;
}

const struct operation socket_operations[] = {
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
    {"uring_cmd", do_uring_cmd},
    {"accept-again", do_accept_again},
    {"recv-again", do_recv_again},
    {NULL, NULL},
};

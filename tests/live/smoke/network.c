/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of all families that events tell the ends of. */
#include "smoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

void do_network(void)
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

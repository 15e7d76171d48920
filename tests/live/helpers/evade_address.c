/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second thread rewrites the address that a call was given, all the time: WAY COUNT SECONDS. Of
 * each call that succeeded a line says which address the kernel took: ADDRESS PORT.
 */
#include "evade_rewrite.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 20100, PORTS = 4, BATCH = 4 };

/* What is rewritten: addresses, and the headers of messages that lead to them. */
static struct scene {
	int family;
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addresses[2 * BATCH];
	struct mmsghdr messages[BATCH];
	bool has_any_port; /* port 0 as well */
} scene;

static void rewrite(uint32_t *random)
{
	for (int i = 0; i < 2 * BATCH; i++) {
		uint32_t r = next_random(random), which = r >> 24 & (PORTS - 1);
		uint16_t port = htons((uint16_t)(PORT + which));

		if (scene.has_any_port && !which)
			port = 0;
		if (scene.family == AF_INET) {
			volatile struct sockaddr_in *to = &scene.addresses[i].v4;

			to->sin_addr.s_addr = htonl(0x7f000001 | (r & 0xffffff));
			to->sin_port = port;
		} else {
			volatile struct sockaddr_in6 *to = &scene.addresses[i].v6;

			((volatile uint16_t *)&to->sin6_addr)[7] = (uint16_t)(r | 1);
			to->sin6_port = port;
		}
		if (i < BATCH)
			*(void *volatile *)&scene.messages[i].msg_hdr.msg_name =
			    r & 1 << 23 ? &scene.addresses[i] : &scene.addresses[i + BATCH];
	}
}

static void tell(const void *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(scene.family, address, text, sizeof(text));
	printf("%s %u\n", text, ntohs(port));
}

static int socket_new(void)
{
	return socket(scene.family, SOCK_DGRAM, 0);
}

static socklen_t address_size(void)
{
	return scene.family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* Once; 0: all is well. */
static int connect_once(void)
{
	int fd = socket_new();
	struct sockaddr_in6 peer;
	socklen_t size = sizeof(peer);

	if (connect(fd, (struct sockaddr *)&scene.addresses[0], address_size()) == 0 &&
	    getpeername(fd, (struct sockaddr *)&peer, &size) == 0) {
		struct sockaddr_in *in = (struct sockaddr_in *)&peer;

		tell(scene.family == AF_INET ? (void *)&in->sin_addr : &peer.sin6_addr,
		     in->sin_port);
	}
	return close(fd);
}

static int bind_once(void)
{
	int fd = socket_new(), yes = 1;
	struct sockaddr_in6 own;
	socklen_t size = sizeof(own);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (scene.family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&scene.addresses[0], address_size()) == 0 &&
	    getsockname(fd, (struct sockaddr *)&own, &size) == 0) {
		struct sockaddr_in *in = (struct sockaddr_in *)&own;

		tell(scene.family == AF_INET ? (void *)&in->sin_addr : &own.sin6_addr,
		     in->sin_port);
	}
	return close(fd);
}

static int receivers[PORTS], sender;

static int receivers_open(void)
{
	int yes = 1;

	sender = socket_new();
	for (int i = 0; i < PORTS; i++) {
		struct sockaddr_in6 own = {.sin6_family = AF_INET6};
		struct sockaddr_in *in = (struct sockaddr_in *)&own;

		in->sin_family = (sa_family_t)scene.family;
		in->sin_port = htons((uint16_t)(PORT + i));
		receivers[i] = socket(scene.family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (bind(receivers[i], (struct sockaddr *)&own, address_size()) < 0)
			return refused("bind of a receiver");
		if (scene.family == AF_INET)
			setsockopt(receivers[i], IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
		else
			setsockopt(receivers[i], IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
	}
	return 0;
}

/* Where each message went that came: by its content, which is its number. */
static void receive(int count)
{
	struct {
		uint8_t address[16];
		uint16_t port;
		bool has_come;
	} came[BATCH] = {0};
	int left = count;

	/* What the kernel puts off comes a little later. */
	for (int try = 0; try < PORTS * 10000 && left > 0; try++) {
		int port = try % PORTS;
		uint8_t number = 0, control[256];
		struct iovec bytes = {&number, 1};
		struct msghdr message = {.msg_iov = &bytes,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control)};

		while (recvmsg(receivers[port], &message, 0) == 1) {
			struct cmsghdr *c = CMSG_FIRSTHDR(&message);
			const uint8_t *address =
			    scene.family == AF_INET
				? (void *)&((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr
				: (void *)&((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr;

			memcpy(came[number].address, address, scene.family == AF_INET ? 4 : 16);
			came[number].port = htons((uint16_t)(PORT + port));
			came[number].has_come = true;
			message.msg_controllen = sizeof(control);
			left--;
		}
	}
	for (int i = 0; i < count; i++)
		if (came[i].has_come)
			tell(came[i].address, came[i].port);
		else
			printf("nothing came\n");
}

static int sendto_once(void)
{
	const char number = 0;

	if (sendto(sender, &number, 1, 0, (struct sockaddr *)&scene.addresses[0], address_size()) ==
	    1)
		receive(1);
	return 0;
}

static uint8_t numbers[BATCH] = {0, 1, 2, 3};
static struct iovec contents[BATCH];

static int sendmsg_once(void)
{
	if (sendmsg(sender, &scene.messages[0].msg_hdr, 0) == 1)
		receive(1);
	return 0;
}

static int sendmmsg_once(void)
{
	int sent = sendmmsg(sender, scene.messages, BATCH, 0);

	if (sent > 0)
		receive(sent);
	return 0;
}

/* A network namespace of our own, where fd00::/64 is this machine. */
static int own_network(void)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr to;
		uint8_t prefix[16];
		struct rtattr by;
		int interface;
	} request = {
	    .head = {sizeof(request), RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 1, 0},
	    .route = {.rtm_family = AF_INET6,
		      .rtm_dst_len = 64,
		      .rtm_table = RT_TABLE_LOCAL,
		      .rtm_protocol = RTPROT_STATIC,
		      .rtm_scope = RT_SCOPE_HOST,
		      .rtm_type = RTN_LOCAL},
	    .to = {sizeof(struct rtattr) + 16, RTA_DST},
	    .prefix = {0xfd},
	    .by = {sizeof(struct rtattr) + sizeof(int), RTA_OIF},
	    .interface = 1,
	};
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char more[512];
	} answer;

	if (unshare(CLONE_NEWNET) < 0 ||
	    ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo) < 0)
		return refused("network namespace");
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (send(fd, &request, sizeof(request), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return refused("netlink");
	errno = -answer.error.error;
	return errno ? refused("route") : close(fd);
}

static int go_on(char **arg, int family, int (*once)(void))
{
	int status = family == AF_INET6 ? own_network() : 0;

	scene.family = family;
	scene.has_any_port = once == bind_once;
	for (int i = 0; i < 2 * BATCH; i++)
		if (family == AF_INET)
			scene.addresses[i].v4 =
			    (struct sockaddr_in){.sin_family = AF_INET,
						 .sin_port = htons(PORT),
						 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		else
			scene.addresses[i].v6 =
			    (struct sockaddr_in6){.sin6_family = AF_INET6,
						  .sin6_port = htons(PORT),
						  .sin6_addr = {{{0xfd, [15] = 1}}}};
	for (int i = 0; i < BATCH; i++) {
		contents[i] = (struct iovec){&numbers[i], 1};
		scene.messages[i].msg_hdr = (struct msghdr){.msg_name = &scene.addresses[i],
							    .msg_namelen = address_size(),
							    .msg_iov = &contents[i],
							    .msg_iovlen = 1};
	}
	if (!status && once != connect_once && once != bind_once)
		status = receivers_open();
	return status ? status : make_calls(arg, rewrite, once);
}

#define WAY(name, family, once)                                                                    \
	static int name(char **arg)                                                                \
	{                                                                                          \
		return go_on(arg, family, once);                                                   \
	}
WAY(connect4, AF_INET, connect_once)
WAY(connect6, AF_INET6, connect_once)
WAY(bind4, AF_INET, bind_once)
WAY(bind6, AF_INET6, bind_once)
WAY(sendto4, AF_INET, sendto_once)
WAY(sendto6, AF_INET6, sendto_once)
WAY(sendmsg4, AF_INET, sendmsg_once)
WAY(sendmsg6, AF_INET6, sendmsg_once)
WAY(sendmmsg4, AF_INET, sendmmsg_once)
WAY(sendmmsg6, AF_INET6, sendmmsg_once)

static const struct way ways[] = {
    {"connect4", 2, connect4},   {"connect6", 2, connect6}, {"bind4", 2, bind4},
    {"bind6", 2, bind6},         {"sendto4", 2, sendto4},   {"sendto6", 2, sendto6},
    {"sendmsg4", 2, sendmsg4},   {"sendmsg6", 2, sendmsg6}, {"sendmmsg4", 2, sendmmsg4},
    {"sendmmsg6", 2, sendmmsg6},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

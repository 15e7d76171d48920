/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to move bytes, to reach into other processes and to talk, beside read, write and connect:
 * WAY SCRATCH PORT. All traffic is to this machine's own addresses.
 */
#include "evade.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/userfaultfd.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *file_in(const char *directory, const char *name)
{
	char *path = malloc(4096);

	snprintf(path, 4096, "%s/%s", directory, name);
	return path;
}

/* Writing without write: the opening for writing is what counts. */
static int by_mmap(char **arg)
{
	int fd = open(file_in(arg[0], "written"), O_RDWR | O_CREAT, 0644);
	char *memory;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return refused("open");
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return refused("mmap");
	memory[0] = 'x';
	return check(munmap(memory, 4096), "munmap");
}

/* Requests that the kernel takes up for later (AIO), as many as `count` in one call. */
static int submit(struct iocb *requests, int count)
{
	struct iocb *each[64];
	aio_context_t context = 0;

	for (int i = 0; i < count && i < 64; i++)
		each[i] = &requests[i];
	if (syscall(SYS_io_setup, 64, &context) < 0)
		return refused("io_setup");
	if (syscall(SYS_io_submit, context, count, each) != count)
		return refused("io_submit");
	return 0;
}

/* Of each kind one; and more than the monitor looks at in one go. */
static int aio(char **arg)
{
	enum { MANY = 40 };
	static char bytes[] = "hello";
	struct iovec parts = {bytes, 5};
	int fd = open(file_in(arg[0], "asked"), O_RDWR | O_CREAT, 0644);
	struct iocb requests[MANY];

	if (fd < 0)
		return refused("open");
	for (int i = 0; i < MANY; i++)
		requests[i] = (struct iocb){.aio_lio_opcode = IOCB_CMD_PWRITE,
					    .aio_fildes = (uint32_t)fd,
					    .aio_buf = (uintptr_t)bytes,
					    .aio_nbytes = 5};
	requests[0].aio_lio_opcode = IOCB_CMD_PREAD;
	requests[1].aio_lio_opcode = IOCB_CMD_PREADV;
	requests[2].aio_lio_opcode = IOCB_CMD_PWRITEV;
	requests[1].aio_buf = requests[2].aio_buf = (uintptr_t)&parts;
	requests[1].aio_nbytes = requests[2].aio_nbytes = 1;
	return submit(requests, MANY);
}

/* The control of the same. */
static int plain_io(char **arg)
{
	static char bytes[] = "hello";
	struct iovec parts = {bytes, 5};
	int fd = open(file_in(arg[0], "asked"), O_RDWR | O_CREAT, 0644);

	return fd < 0 || write(fd, bytes, 5) < 0 || read(fd, bytes, 5) < 0 ||
	       writev(fd, &parts, 1) < 0 || readv(fd, &parts, 1) < 0;
}

static struct sockaddr_in loopback(const char *port, uint32_t last)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)atoi(port)),
				    .sin_addr.s_addr = htonl((127U << 24) | last)};
}

static int tcp_connect(char **arg)
{
	struct sockaddr_in to = loopback(arg[1], 1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return check(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
}

static int tcp_mapped(char **arg)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)atoi(arg[1]))};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.sin6_addr);
	return check(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
}

/* Connected by the first bytes that are sent, without connect. */
static int tcp_fast_open(char **arg)
{
	struct sockaddr_in to = loopback(arg[1], 1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return check(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to)),
		     "sendto");
}

static int tcp_not_waiting(char **arg)
{
	struct sockaddr_in to = loopback(arg[1], 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		return refused("connect");
	return 0;
}

static void on_alarm(int number)
{
	(void)number;
}

/*
 * A connect that waits, since the server has no room yet, and is interrupted by a signal: it goes
 * on by itself. The socket has number 20, those that take the room have others.
 */
static int tcp_interrupted(char **arg)
{
	enum { WAITING = 20, ROOM = 2 };
	struct sockaddr_in to = loopback(arg[1], 2);
	struct itimerval soon = {.it_value = {.tv_usec = 50000}, .it_interval = {.tv_usec = 50000}};
	struct sigaction act = {.sa_handler = on_alarm};
	struct pollfd wait_for = {.fd = WAITING, .events = POLLOUT};
	int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(server, 0) < 0)
		return refused("listen");
	for (int i = 0; i < ROOM; i++)
		connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&to,
			sizeof(to));
	if (dup2(socket(AF_INET, SOCK_STREAM, 0), WAITING) < 0)
		return refused("socket");
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	if (connect(WAITING, (struct sockaddr *)&to, sizeof(to)) == 0 || errno != EINTR) {
		fputs("it was not interrupted\n", stderr);
		return 1;
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	for (int i = 0; i < ROOM; i++)
		accept(server, NULL, NULL);
	/* The kernel tries again after a second. */
	return poll(&wait_for, 1, 20000) != 1 || check(write(WAITING, "x", 1), "write");
}

static int tcp_inherited(char **arg)
{
	struct sockaddr_in to = loopback(arg[1], 1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0);
	return waitpid(child, &status, 0) < 0 || status;
}

/* Whether bytes are sent counts by the sending: WAY SCRATCH PORT */
static int udp_sendto(char **arg)
{
	struct sockaddr_in to = loopback(arg[1], 2);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return check(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), "sendto");
}

static int udp_sendmsg(char **arg)
{
	struct sockaddr_in to = loopback(arg[1], 2);
	struct iovec iov = {"x", 1};
	struct msghdr message = {
	    .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1};

	return check(sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &message, 0), "sendmsg");
}

static int udp_sendmmsg(char **arg)
{
	struct sockaddr_in first = loopback("9", 1), to = loopback(arg[1], 2);
	struct iovec iov = {"x", 1};
	struct mmsghdr messages[] = {
	    {.msg_hdr = {&first, sizeof(first), &iov, 1, NULL, 0, 0}},
	    {.msg_hdr = {&to, sizeof(to), &iov, 1, NULL, 0, 0}},
	};

	return check(sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), messages, 2, 0), "sendmmsg");
}

static int udp_connected(char **arg)
{
	struct sockaddr_in to = loopback(arg[1], 2);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return refused("connect");
	return check(send(fd, "x", 1, 0), "send");
}

/* Connected once to somewhere else, and then to where it goes. */
static int udp_connected_twice(char **arg)
{
	struct sockaddr_in first = loopback("9", 1), to = loopback(arg[1], 2);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (connect(fd, (struct sockaddr *)&first, sizeof(first)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return refused("connect");
	return check(send(fd, "x", 1, 0), "send");
}

/* Connected to somewhere else; each datagram goes where it says. */
static int udp_connected_elsewhere(char **arg)
{
	struct sockaddr_in other = loopback("9", 1), to = loopback(arg[1], 2);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct iovec text = {"x", 1};
	struct msghdr message = {
	    .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &text, .msg_iovlen = 1};

	if (connect(fd, (struct sockaddr *)&other, sizeof(other)) < 0 ||
	    sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return refused("sendto");
	return check(sendmsg(fd, &message, 0), "sendmsg");
}

/* A name without a length, which the kernel passes over. */
static int udp_connected_no_name(char **arg)
{
	struct sockaddr_in other = loopback("9", 1), to = loopback(arg[1], 2);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct iovec text = {"x", 1};
	struct msghdr message = {.msg_name = &other, .msg_iov = &text, .msg_iovlen = 1};

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return refused("connect");
	return check(sendmsg(fd, &message, 0), "sendmsg");
}

static int unix_abstract(char **arg)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "saker-%s", arg[1]);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0)
		return refused("bind");
	return check(connect(fd, (struct sockaddr *)&address, length), "connect");
}

static int family_packet(char **arg)
{
	(void)arg;
	return check(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), "packet socket");
}

static int family_vsock(char **arg)
{
	(void)arg;
	return check(socket(AF_VSOCK, SOCK_STREAM, 0), "vsock");
}

static int family_alg(char **arg)
{
	(void)arg;
	return check(socket(AF_ALG, SOCK_SEQPACKET, 0), "crypto socket");
}

static int family_netlink(char **arg)
{
	(void)arg;
	return check(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
}

static int family_raw(char **arg)
{
	(void)arg;
	return check(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), "raw socket");
}

/* Other processes */

static volatile long word = 1;

static pid_t waiting_child(void)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	return child;
}

static int end(pid_t child, int answer)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return answer;
}

static int poke(char **arg)
{
	pid_t child = waiting_child();

	(void)arg;
	if (ptrace(PTRACE_ATTACH, child, NULL, NULL) < 0)
		return end(child, refused("attach"));
	waitpid(child, NULL, 0);
	return end(child, check(ptrace(PTRACE_POKEDATA, child, &word, 7), "poke"));
}

static int seize(char **arg)
{
	pid_t child = waiting_child();

	(void)arg;
	return end(child, check(ptrace(PTRACE_SEIZE, child, NULL, NULL), "seize"));
}

static int vm_write(char **arg)
{
	pid_t child = waiting_child();
	long value = 7;
	struct iovec here = {&value, sizeof(value)}, there = {(void *)&word, sizeof(word)};

	(void)arg;
	return end(child, check(process_vm_writev(child, &here, 1, &there, 1, 0), "writev"));
}

static int memory_file(char **arg)
{
	pid_t child = waiting_child();
	char path[64];

	(void)arg;
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	return end(child, check(open(path, O_RDWR), path));
}

/* By its directory, and by its only thread's. */
static int memory_file_at(char **arg)
{
	pid_t child = waiting_child();
	char path[64];
	int fd;

	(void)arg;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", child, child);
	fd = open(path, O_PATH | O_DIRECTORY);
	return end(child, check(openat(fd, "mem", O_RDWR), path));
}

/* Under another name, in a mount namespace of its own: the file, or its directory. */
static int memory_bound(char **arg, bool is_file)
{
	pid_t child = waiting_child();
	char path[64], name[4096];
	const char *place = arg[0];

	snprintf(path, sizeof(path), is_file ? "/proc/%d/mem" : "/proc/%d", child);
	snprintf(name, sizeof(name), is_file ? "%s/bound-file" : "%s/bound", place);
	if (is_file)
		close(open(name, O_CREAT | O_WRONLY, 0600));
	else
		mkdir(name, 0700);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, name, NULL, MS_BIND, NULL) < 0)
		return end(child, refused("mount"));
	if (!is_file)
		strcat(name, "/mem");
	return end(child, check(open(name, O_RDWR), name));
}

static int memory_file_bound(char **arg)
{
	return memory_bound(arg, true);
}

static int memory_directory_bound(char **arg)
{
	return memory_bound(arg, false);
}

/* Memory that is not there: the name's page comes when the kernel asks for it. */

static void *serve_fault(void *context)
{
	int fd = *(int *)context;
	static char page[4096] __attribute__((aligned(4096)));
	struct uffd_msg message;
	struct uffdio_copy copy = {.src = (uintptr_t)page, .len = sizeof(page)};

	strcpy(page, "/etc/shadow");
	if (read(fd, &message, sizeof(message)) != sizeof(message))
		return NULL;
	copy.dst = message.arg.pagefault.address & ~4095ULL;
	ioctl(fd, UFFDIO_COPY, &copy);
	return NULL;
}

static int fault_of_user(char **arg)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register wanted = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	char *name = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	(void)arg;
	wanted.range.start = (uintptr_t)name;
	wanted.range.len = 4096;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &wanted) < 0)
		return refused("userfaultfd");
	if (pthread_create(&thread, NULL, serve_fault, &fd) != 0)
		return refused("thread");
	return check(open(name, O_RDONLY), "open");
}

/* Taken away by another thread, or by itself, as soon as the kernel has read it. */
static void *take_away(void *context)
{
	char *volatile *name = context;

	for (;;) {
		char *page = *name;

		if (page)
			madvise(page, 4096, MADV_DONTNEED);
	}
	return NULL;
}

static int page_taken_away(char **arg)
{
	char *volatile name =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int opened = 0;

	(void)arg;
	if (pthread_create(&thread, NULL, take_away, (void *)&name) != 0)
		return refused("thread");
	for (int i = 0; i < 20000; i++) {
		strcpy(name, "/etc/shadow");
		int fd = open(name, O_RDONLY);

		if (fd >= 0) {
			opened++;
			close(fd);
		}
	}
	return opened ? 0 : 1;
}

/* A page of a file that was never read, which only a sleeping read could bring in. */
static int page_of_file(char **arg)
{
	int fd = open(file_in(arg[0], "name"), O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *name;

	if (write(fd, "/etc/shadow", 12) != 12 || fsync(fd) < 0 ||
	    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		return refused("file");
	name = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	return check(open(name, O_RDONLY), "open");
}

static const struct way ways[] = {
    {"mmap", 1, by_mmap},
    {"tcp", 2, tcp_connect},
    {"tcp-mapped", 2, tcp_mapped},
    {"tcp-fast-open", 2, tcp_fast_open},
    {"aio", 2, aio},
    {"plain-io", 2, plain_io},
    {"tcp-not-waiting", 2, tcp_not_waiting},
    {"tcp-interrupted", 2, tcp_interrupted},
    {"tcp-inherited", 2, tcp_inherited},
    {"udp-sendto", 2, udp_sendto},
    {"udp-sendmsg", 2, udp_sendmsg},
    {"udp-sendmmsg", 2, udp_sendmmsg},
    {"udp-connected", 2, udp_connected},
    {"udp-connected-twice", 2, udp_connected_twice},
    {"udp-connected-elsewhere", 2, udp_connected_elsewhere},
    {"udp-connected-no-name", 2, udp_connected_no_name},
    {"unix-abstract", 2, unix_abstract},
    {"packet", 0, family_packet},
    {"vsock", 0, family_vsock},
    {"alg", 0, family_alg},
    {"netlink", 0, family_netlink},
    {"raw", 0, family_raw},
    {"poke", 0, poke},
    {"seize", 0, seize},
    {"vm-write", 0, vm_write},
    {"memory-file", 0, memory_file},
    {"memory-file-at", 0, memory_file_at},
    {"memory-file-bound", 1, memory_file_bound},
    {"memory-directory-bound", 1, memory_directory_bound},
    {"fault-of-user", 0, fault_of_user},
    {"page-taken-away", 0, page_taken_away},
    {"page-of-file", 1, page_of_file},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit calls of a 64-bit process: another table of numbers, other registers. Only x86 has them.
 */
#include "smoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

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

void do_compat(void)
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
void do_compat(void)
{
}
#endif

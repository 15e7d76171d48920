/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls whose arguments lie in memory that is not there when they begin: CALL HOW DIRECTORY
 * PORT. HOW: fault (another thread brings the page when the kernel asks for it), file (a page of a
 * file that was never read), away (another thread takes it away again and again: prints how often
 * the call was done nevertheless).
 */
#include "evade.h"

#include <arpa/inet.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, SECOND = 1024, THIRD = 2048, ROUNDS = 3000 };

static char content[PAGE] __attribute__((aligned(PAGE)));
static const char *directory;
static int is_taken_away;

/* Where the kernel asks for it, the page is given. */
static void *serve_fault(void *context)
{
	int fd = *(int *)context;
	struct uffd_msg message;

	while (read(fd, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_copy copy = {.src = (uintptr_t)content,
					   .dst = message.arg.pagefault.address & ~(PAGE - 1ULL),
					   .len = PAGE};

		ioctl(fd, UFFDIO_COPY, &copy);
	}
	return NULL;
}

static char *by_fault(char *page)
{
	static int fd;
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register wanted = {.range = {(uintptr_t)page, PAGE},
					 .mode = UFFDIO_REGISTER_MODE_MISSING};
	pthread_t thread;

	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &wanted) < 0 ||
	    pthread_create(&thread, NULL, serve_fault, &fd) != 0)
		return NULL;
	return page;
}

static char *by_file(char *page)
{
	char path[PAGE];
	int fd;

	snprintf(path, sizeof(path), "%s/page", directory);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, content, PAGE) != PAGE || fsync(fd) < 0 ||
	    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		return NULL;
	page = mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	return page == MAP_FAILED ? NULL : page;
}

static void *take_away(void *context)
{
	for (unsigned n = 0;; n++) {
		madvise(context, PAGE, MADV_DONTNEED);
		for (volatile unsigned i = 0; i < n % 2048; i++)
			;
	}
	return NULL;
}

static char *by_taking_away(char *page)
{
	pthread_t thread;

	is_taken_away = 1;
	return pthread_create(&thread, NULL, take_away, page) == 0 ? page : NULL;
}

/* The page that the content is, or will be, in. Its address is known before, for what points into
 * it. */
static char *at;

static char *hide(const char *how)
{
	return strcmp(how, "fault") == 0  ? by_fault(at)
	       : strcmp(how, "file") == 0 ? by_file(at)
	       : strcmp(how, "away") == 0 ? by_taking_away(at)
					  : memcpy(at, content, PAGE);
}

static void put(size_t offset, const char *format)
{
	snprintf(content + offset, SECOND, format, directory);
}

/* The call; what it needs to be there each time; and what the page holds. */

static void make(const char *name)
{
	char path[PAGE];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void unlink_page(void)
{
	put(0, "%s/unlinked");
}

static void unlink_before(void)
{
	make("unlinked");
}

static long unlink_call(void)
{
	return syscall(SYS_unlinkat, AT_FDCWD, at, 0);
}

static void rename_page(void)
{
	put(0, "%s/old");
	put(SECOND, "%s/new");
}

static void rename_before(void)
{
	make("old");
}

static long rename_call(void)
{
	return syscall(SYS_renameat2, AT_FDCWD, at, AT_FDCWD, at + SECOND, 0);
}

static void truncate_page(void)
{
	put(0, "%s/cut");
}

static void truncate_before(void)
{
	make("cut");
}

static long truncate_call(void)
{
	return syscall(SYS_truncate, at, 1);
}

static void mount_page(void)
{
	put(0, "%s/source");
	put(SECOND, "%s/target");
	memcpy(content + THIRD, "none", 5);
}

static void mount_before(void)
{
	char path[PAGE];

	make("source");
	make("target");
	snprintf(path, sizeof(path), "%s/target", directory);
	while (umount2(path, MNT_DETACH) == 0)
		;
}

static long mount_call(void)
{
	return syscall(SYS_mount, at, at + SECOND, at + THIRD, MS_BIND, NULL);
}

static int port;

static void connect_page(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	memcpy(content, &address, sizeof(address));
}

static int peer = -1;

static void connect_before(void)
{
	close(peer);
	peer = socket(AF_INET, SOCK_DGRAM, 0);
}

static long connect_call(void)
{
	return syscall(SYS_connect, peer, at, sizeof(struct sockaddr_in));
}

static void bpf_page(void)
{
	union bpf_attr attr = {
	    .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	memcpy(content, &attr, sizeof(attr));
}

static long bpf_call(void)
{
	long fd = syscall(SYS_bpf, BPF_MAP_CREATE, at, sizeof(union bpf_attr));

	close((int)fd);
	return fd;
}

static pid_t traced;

/* Of a child that waits to be traced; its registers are given back as they are. */
static void ptrace_page(void)
{
	static struct user_regs_struct registers;
	struct iovec whole = {&registers, sizeof(registers)};

	traced = fork();
	if (traced == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(traced, NULL, 0);
	ptrace(PTRACE_GETREGSET, traced, (void *)NT_PRSTATUS, &whole);
	memcpy(content, &whole, sizeof(whole));
}

static long ptrace_call(void)
{
	return syscall(SYS_ptrace, PTRACE_SETREGSET, traced, NT_PRSTATUS, at);
}

/* The program, which is this one, ends at once where it is told so. */
static void exec_page(void)
{
	char **argv = (char **)(content + THIRD);

	if (readlink("/proc/self/exe", content, SECOND) < 0)
		abort();
	memcpy(content + SECOND, "hidden-argument", 16);
	argv[0] = at;
	argv[1] = at + SECOND;
	argv[2] = NULL;
}

static long exec_call(void)
{
	return syscall(SYS_execve, at, at + THIRD, NULL);
}

static void nothing(void)
{
}

static const struct act {
	const char *name;
	void (*page)(void), (*before)(void);
	long (*call)(void);
} acts[] = {
    {"unlink", unlink_page, unlink_before, unlink_call},
    {"rename", rename_page, rename_before, rename_call},
    {"truncate", truncate_page, truncate_before, truncate_call},
    {"mount", mount_page, mount_before, mount_call},
    {"connect", connect_page, connect_before, connect_call},
    {"bpf", bpf_page, nothing, bpf_call},
    {"ptrace", ptrace_page, nothing, ptrace_call},
    {"exec", exec_page, nothing, exec_call},
};

static int perform(const struct act *act, const char *how)
{
	int done = 0;

	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	act->page();
	act->before();
	if (!hide(how))
		return refused(how);
	if (!is_taken_away)
		return check(act->call(), act->name);
	for (int i = 0; i < ROUNDS; i++) {
		act->before();
		memcpy(at, content, PAGE);
		done += act->call() >= 0;
	}
	printf("%d\n", done);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "hidden-argument") == 0)
		return 0;
	if (argc < 5)
		return 2;
	directory = argv[3];
	if (chdir("/") < 0)
		return refused("/");
	port = atoi(argv[4]);
	if (strcmp(argv[1], "mount") == 0 &&
	    (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		return refused("unshare");
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		if (strcmp(argv[1], acts[i].name) == 0)
			return perform(&acts[i], argv[2]);
	return 2;
}

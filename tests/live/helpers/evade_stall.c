/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that keep whoever reads them waiting for ever, by a file system of their own that
 * answers no read: WAY DIRECTORY. The file system is mounted there. Prints the process to look at;
 * lives until standard input ends.
 */
#include "evade.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOT = 1, FILE_NODE = 2, FILE_SIZE = 65536, REQUEST_ROOM = 1 << 20 };

static int device = -1;

static void answer(uint64_t unique, int error, const void *body, size_t size)
{
	char memory[4096];
	struct fuse_out_header header = {
	    .len = (uint32_t)(sizeof(header) + size), .error = error, .unique = unique};

	memcpy(memory, &header, sizeof(header));
	if (size)
		memcpy(memory + sizeof(header), body, size);
	if (write(device, memory, header.len) < 0)
		perror("answer");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
	    .ino = node,
	    .mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0755,
	    .nlink = 1,
	    .size = node == ROOT ? 0 : FILE_SIZE,
	    .blksize = 4096,
	};
}

static void serve(void)
{
	char *memory = malloc(REQUEST_ROOM);
	struct fuse_in_header *request = (void *)memory;

	while (read(device, memory, REQUEST_ROOM) > 0) {
		switch (request->opcode) {
		case FUSE_INIT: {
			struct fuse_init_out out = {.major = 7, .minor = 31, .max_write = 4096};

			answer(request->unique, 0, &out, sizeof(out));
			break;
		}
		case FUSE_LOOKUP: {
			struct fuse_entry_out out = {.nodeid = FILE_NODE,
						     .attr = attributes(FILE_NODE)};

			answer(request->unique, 0, &out, sizeof(out));
			break;
		}
		case FUSE_GETATTR: {
			struct fuse_attr_out out = {.attr = attributes(request->nodeid)};

			answer(request->unique, 0, &out, sizeof(out));
			break;
		}
		case FUSE_OPEN: {
			struct fuse_open_out out = {.fh = 1};

			answer(request->unique, 0, &out, sizeof(out));
			break;
		}
		case FUSE_READ: /* the trick */
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			break;
		default:
			answer(request->unique, -ENOSYS, NULL, 0);
		}
	}
}

static void *map_file(const char *path, void *where)
{
	int fd = open(path, O_RDONLY);
	void *memory = mmap(where, 4096, PROT_READ, MAP_PRIVATE | (where ? MAP_FIXED : 0), fd, 0);

	close(fd);
	return memory;
}

static void wait_for_ever(void)
{
	/* Without a word more than the number: this may have no stack that was there before. */
	for (;;)
		syscall(SYS_pause);
}

/* The page in which the arguments stand is one of the file. */
static void in_arguments(const char *path, char *arguments)
{
	uintptr_t page = (uintptr_t)arguments & ~(uintptr_t)4095;

	if (map_file(path, (void *)page) != MAP_FAILED)
		wait_for_ever();
}

/* A thread waits for such a page with the lock of the memory, and another one to change it. */
static void *hold_lock(void *memory)
{
	int fd = open("/proc/self/mem", O_RDONLY);
	char byte;

	return pread(fd, &byte, 1, (off_t)(uintptr_t)memory) == 1 ? memory : NULL;
}

static void *change_memory(void *context)
{
	for (;;) {
		munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
		usleep(1000);
	}
	return context;
}

static void behind_lock(const char *path, char *arguments)
{
	pthread_t holder, writer;
	void *memory = map_file(path, NULL);

	(void)arguments;
	if (pthread_create(&writer, NULL, change_memory, NULL) == 0 &&
	    pthread_create(&holder, NULL, hold_lock, memory) == 0)
		wait_for_ever();
}

static int stall(char **arg, void (*trick)(const char *path, char *arguments))
{
	char options[128], path[4096], byte;
	pid_t server, process;

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return ABSENT;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 device);
	if (mount("stall", arg[0], "fuse.stall", MS_NODEV, options) < 0)
		return refused("mount");
	server = fork();
	if (server == 0) {
		serve();
		_exit(0);
	}
	snprintf(path, sizeof(path), "%s/file", arg[0]);
	process = fork();
	if (process == 0) {
		close(device);
		trick(path, arg[-2]);
		_exit(1);
	}
	close(device);
	printf("%d\n", process);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	/* With its server the file system ends, and with that what waits for it. */
	kill(server, SIGKILL);
	kill(process, SIGKILL);
	waitpid(server, NULL, 0);
	waitpid(process, NULL, 0);
	return check(umount2(arg[0], MNT_DETACH), "umount");
}

static int arguments(char **arg)
{
	return stall(arg, in_arguments);
}

static int lock(char **arg)
{
	return stall(arg, behind_lock);
}

static const struct way ways[] = {
    {"arguments", 1, arguments},
    {"lock", 1, lock},
};

int main(int argc, char **argv)
{
	return go(ways, sizeof(ways) / sizeof(*ways), argc, argv);
}

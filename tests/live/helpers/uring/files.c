/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to files, in the directory that the helper was given. */
#include "ring.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct iovec vector = {bytes, 16};

static long do_openat(void)
{
	const char *name = path("target");

	return DO(SYS_openat, {AT_FDCWD, P(name), O_RDWR | O_CREAT, 0640}, false,
		  {.opcode = IORING_OP_OPENAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)name,
		   .open_flags = O_RDWR | O_CREAT,
		   .len = 0640});
}

static long do_openat_failing(void)
{
	const char *name = path("missing");

	return DO(SYS_openat, {AT_FDCWD, P(name), O_RDONLY, 0}, false,
		  {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)name});
}

/* Through a symbolic link: the kernel's name of the file is another one. */
static long do_openat_link(void)
{
	const char *name = path("link");

	close(file("target"));
	must(symlink(path("target"), name), name);
	return DO(SYS_openat, {AT_FDCWD, P(name), O_RDONLY, 0}, false,
		  {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)name});
}

static long do_openat_relative(void)
{
	int at = (int)must(open(directory, O_DIRECTORY | O_RDONLY), directory);

	close(file("target"));
	return DO(SYS_openat, {at, P("target"), O_RDONLY, 0}, false,
		  {.opcode = IORING_OP_OPENAT, .fd = at, .addr = (uintptr_t) "target"});
}

static long do_openat2(void)
{
	const char *name = path("target");
	struct open_how how = {.flags = O_RDWR | O_CREAT, .mode = 0600};

	return DO(SYS_openat2, {AT_FDCWD, P(name), P(&how), sizeof(how)}, false,
		  {.opcode = IORING_OP_OPENAT2,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)name,
		   .off = (uintptr_t)&how,
		   .len = sizeof(how)});
}

static long do_close(void)
{
	int fd = file("target");

	way.is_fixed = false;
	return DO(SYS_close, {fd}, false, {.opcode = IORING_OP_CLOSE, .fd = fd});
}

static long do_io(uint8_t opcode, long nr, bool is_vector)
{
	int fd = file("target");
	const void *what = is_vector ? (void *)&vector : bytes;
	unsigned size = is_vector ? 1 : 16;

	if (!way.is_plain && (opcode == IORING_OP_READ_FIXED || opcode == IORING_OP_WRITE_FIXED))
		must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS,
			     &(struct iovec){bytes, BYTES}, 1),
		     "io_uring_register");
	return DO(nr, {fd, P(what), size}, true,
		  {.opcode = opcode, .fd = fd, .addr = (uintptr_t)what, .len = size});
}

static long do_read(void)
{
	return do_io(IORING_OP_READ, SYS_read, false);
}
static long do_write(void)
{
	return do_io(IORING_OP_WRITE, SYS_write, false);
}
static long do_readv(void)
{
	return do_io(IORING_OP_READV, SYS_readv, true);
}
static long do_writev(void)
{
	return do_io(IORING_OP_WRITEV, SYS_writev, true);
}
static long do_read_fixed(void)
{
	return do_io(IORING_OP_READ_FIXED, SYS_read, false);
}
static long do_write_fixed(void)
{
	return do_io(IORING_OP_WRITE_FIXED, SYS_write, false);
}

static long do_fsync(void)
{
	int fd = file("target");

	return DO(SYS_fsync, {fd}, true, {.opcode = IORING_OP_FSYNC, .fd = fd});
}

static long do_fallocate(void)
{
	int fd = file("target");

	return DO(SYS_fallocate, {fd, 0, 0, 4096}, true,
		  {.opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = 4096});
}

static long do_ftruncate(void)
{
	int fd = file("target");

	return DO(SYS_ftruncate, {fd, 5}, true, {.opcode = OP_FTRUNCATE, .fd = fd, .off = 5});
}

static long do_fadvise(void)
{
	int fd = file("target");

	return DO(SYS_fadvise64, {fd, 0, 16, POSIX_FADV_WILLNEED}, true,
		  {.opcode = IORING_OP_FADVISE,
		   .fd = fd,
		   .len = 16,
		   .fadvise_advice = POSIX_FADV_WILLNEED});
}

static long do_madvise(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return DO(SYS_madvise, {P(page), 4096, MADV_NORMAL}, false,
		  {.opcode = IORING_OP_MADVISE,
		   .fd = -1,
		   .addr = (uintptr_t)page,
		   .len = 4096,
		   .fadvise_advice = MADV_NORMAL});
}

static long do_statx(void)
{
	static struct statx facts;
	const char *name = path("target");

	close(file("target"));
	return DO(SYS_statx, {AT_FDCWD, P(name), 0, STATX_ALL, P(&facts)}, false,
		  {.opcode = IORING_OP_STATX,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)name,
		   .len = STATX_ALL,
		   .off = (uintptr_t)&facts});
}

static long do_unlinkat(void)
{
	const char *name = path("target");

	close(file("target"));
	return DO(SYS_unlinkat, {AT_FDCWD, P(name), 0}, false,
		  {.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)name});
}

static long do_unlinkat_relative(void)
{
	int at = (int)must(open(directory, O_DIRECTORY | O_RDONLY), directory);

	close(file("target"));
	return DO(SYS_unlinkat, {at, P("target"), 0}, false,
		  {.opcode = IORING_OP_UNLINKAT, .fd = at, .addr = (uintptr_t) "target"});
}

static long do_renameat(void)
{
	const char *from = path("target"), *to = path("renamed");

	close(file("target"));
	return DO(SYS_renameat, {AT_FDCWD, P(from), AT_FDCWD, P(to)}, false,
		  {.opcode = IORING_OP_RENAMEAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)from,
		   .len = (unsigned)AT_FDCWD,
		   .off = (uintptr_t)to});
}

static long do_renameat2(void)
{
	const char *from = path("target"), *to = path("renamed");

	close(file("target"));
	return DO(SYS_renameat2, {AT_FDCWD, P(from), AT_FDCWD, P(to), RENAME_NOREPLACE}, false,
		  {.opcode = IORING_OP_RENAMEAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)from,
		   .len = (unsigned)AT_FDCWD,
		   .off = (uintptr_t)to,
		   .rename_flags = RENAME_NOREPLACE});
}

static long do_mkdirat(void)
{
	const char *name = path("made");

	return DO(
	    SYS_mkdirat, {AT_FDCWD, P(name), 0750}, false,
	    {.opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = (uintptr_t)name, .len = 0750});
}

/* Many at once: the answer is the last one's. */
static long do_mkdirat_again(void)
{
	const char *names[QUEUED];
	long result = 0;

	for (int i = 0; i < QUEUED; i++) {
		char name[] = "made0";

		name[4] += (char)i;
		names[i] = path(name);
		if (way.is_plain)
			result = must(mkdirat(AT_FDCWD, names[i], 0750), names[i]);
		else
			ring_push(&(struct io_uring_sqe){
			    .opcode = IORING_OP_MKDIRAT,
			    .flags = way.is_async ? IOSQE_ASYNC : 0,
			    .fd = AT_FDCWD,
			    .addr = (uintptr_t)names[i],
			    .len = 0750,
			    .user_data = 77,
			});
	}
	if (way.is_plain)
		return result;
	ring_enter_all(QUEUED, QUEUED);
	for (int i = 0; i < QUEUED && result == 0; i++)
		result = ring_take();
	return result;
}

static long do_symlinkat(void)
{
	const char *name = path("made");

	return DO(SYS_symlinkat, {P("/target/of/it"), AT_FDCWD, P(name)}, false,
		  {.opcode = IORING_OP_SYMLINKAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t) "/target/of/it",
		   .off = (uintptr_t)name});
}

static long do_linkat(void)
{
	const char *from = path("target"), *to = path("made");

	close(file("target"));
	return DO(SYS_linkat, {AT_FDCWD, P(from), AT_FDCWD, P(to), 0}, false,
		  {.opcode = IORING_OP_LINKAT,
		   .fd = AT_FDCWD,
		   .addr = (uintptr_t)from,
		   .len = (unsigned)AT_FDCWD,
		   .off = (uintptr_t)to});
}

static long do_fsetxattr(void)
{
	int fd = file("target");

	return DO(SYS_fsetxattr, {fd, P("user.ring"), P("v"), 1, 0}, true,
		  {.opcode = IORING_OP_FSETXATTR,
		   .fd = fd,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t) "v",
		   .len = 1});
}

static long do_setxattr(void)
{
	const char *name = path("target");

	close(file("target"));
	return DO(SYS_setxattr, {P(name), P("user.ring"), P("v"), 1, 0}, false,
		  {.opcode = IORING_OP_SETXATTR,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t) "v",
		   .addr3 = (uintptr_t)name,
		   .len = 1});
}

static long do_fgetxattr(void)
{
	int fd = file("target");

	must(fsetxattr(fd, "user.ring", "v", 1, 0), "fsetxattr");
	return DO(SYS_fgetxattr, {fd, P("user.ring"), P(bytes), BYTES}, true,
		  {.opcode = IORING_OP_FGETXATTR,
		   .fd = fd,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t)bytes,
		   .len = BYTES});
}

static long do_getxattr(void)
{
	const char *name = path("target");

	must(fsetxattr(file("target"), "user.ring", "v", 1, 0), "fsetxattr");
	return DO(SYS_getxattr, {P(name), P("user.ring"), P(bytes), BYTES}, false,
		  {.opcode = IORING_OP_GETXATTR,
		   .addr = (uintptr_t) "user.ring",
		   .addr2 = (uintptr_t)bytes,
		   .addr3 = (uintptr_t)name,
		   .len = BYTES});
}

const struct operation file_operations[] = {
    {"openat", do_openat},
    {"openat-failing", do_openat_failing},
    {"openat-link", do_openat_link},
    {"openat-relative", do_openat_relative},
    {"openat2", do_openat2},
    {"close", do_close},
    {"read", do_read},
    {"write", do_write},
    {"readv", do_readv},
    {"writev", do_writev},
    {"read-fixed", do_read_fixed},
    {"write-fixed", do_write_fixed},
    {"fsync", do_fsync},
    {"fallocate", do_fallocate},
    {"ftruncate", do_ftruncate},
    {"fadvise", do_fadvise},
    {"madvise", do_madvise},
    {"statx", do_statx},
    {"unlinkat", do_unlinkat},
    {"unlinkat-relative", do_unlinkat_relative},
    {"renameat", do_renameat},
    {"renameat2", do_renameat2},
    {"mkdirat", do_mkdirat},
    {"mkdirat-again", do_mkdirat_again},
    {"symlinkat", do_symlinkat},
    {"linkat", do_linkat},
    {"fsetxattr", do_fsetxattr},
    {"setxattr", do_setxattr},
    {"fgetxattr", do_fgetxattr},
    {"getxattr", do_getxattr},
    {NULL, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program that does, by name, the things that rules look for and that no shell command does
 * alone: `act ACTION [ARGUMENT...]`. Each action is a row of one table. Exit status 0: done;
 * 1: the system refused it (the reason is printed); 2: wrong use.
 *
 * Built statically by the fixture, so that it also runs in a container with nothing else in it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static int refused(const char *what)
{
	fprintf(stderr, "act: %s: %s\n", what, strerror(errno));
	return 1;
}

static int check(long answer, const char *what)
{
	return answer < 0 ? refused(what) : 0;
}

static int opened(int fd, const char *path)
{
	if (fd < 0)
		return refused(path);
	close(fd);
	return 0;
}

static int act_noop(char **arg)
{
	(void)arg;
	return 0;
}

/* Until standard input ends: something to attach to. */
static int act_wait(char **arg)
{
	char byte;

	(void)arg;
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

static int act_read(char **arg)
{
	return opened(open(arg[0], O_RDONLY), arg[0]);
}

static int act_write(char **arg)
{
	return opened(open(arg[0], O_WRONLY | O_CREAT, 0644), arg[0]);
}

static int act_append(char **arg)
{
	return opened(open(arg[0], O_WRONLY | O_CREAT | O_APPEND, 0644), arg[0]);
}

static int act_truncate(char **arg)
{
	return opened(open(arg[0], O_WRONLY | O_TRUNC), arg[0]);
}

static int act_create(char **arg)
{
	return opened(open(arg[0], O_WRONLY | O_CREAT | O_TRUNC, 0644), arg[0]);
}

static int act_creat(char **arg)
{
	return opened(creat(arg[0], 0644), arg[0]);
}

/* read-at DIRECTORY NAME: a name relative to a descriptor. */
static int act_read_at(char **arg)
{
	int dir = open(arg[0], O_PATH | O_DIRECTORY);

	if (dir < 0)
		return refused(arg[0]);
	return opened(openat(dir, arg[1], O_RDONLY), arg[1]);
}

static int act_read_openat2(char **arg)
{
	struct open_how how = {.flags = O_RDONLY};

	return opened((int)syscall(SYS_openat2, AT_FDCWD, arg[0], &how, sizeof(how)), arg[0]);
}

/* read-in DIRECTORY NAME: a name relative to the working directory. */
static int act_read_in(char **arg)
{
	if (chdir(arg[0]) < 0)
		return refused(arg[0]);
	return act_read(arg + 1);
}

/* By a handle, without any name. */
static int act_read_handle(char **arg)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[MAX_HANDLE_SZ];
	} file = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount_id, mount_fd = open("/", O_RDONLY | O_DIRECTORY);

	if (name_to_handle_at(AT_FDCWD, arg[0], &file.handle, &mount_id, 0) < 0)
		return refused("name_to_handle_at");
	return opened(open_by_handle_at(mount_fd, &file.handle, O_RDONLY), arg[0]);
}

static int private_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return refused("private mount namespace");
	return 0;
}

/* mount-bind FILE PLACE, in a mount namespace of our own. */
static int act_mount_bind(char **arg)
{
	return private_mounts() || check(mount(arg[0], arg[1], NULL, MS_BIND, NULL), "bind mount");
}

static int act_read_bind(char **arg)
{
	return act_mount_bind(arg) || act_read(arg + 1);
}

static int act_mount(char **arg)
{
	return check(mount("none", arg[0], "tmpfs", 0, NULL), "mount");
}

/* The same by the newer calls, as mount(8) makes them. */
static int act_mount_new(char **arg)
{
	enum { NR_MOVE_MOUNT = 429, NR_FSOPEN, NR_FSCONFIG, NR_FSMOUNT };
	enum { CREATE = 6, FROM_EMPTY = 4 };
	long context = syscall(NR_FSOPEN, "tmpfs", 0), tree;

	if (context < 0 || syscall(NR_FSCONFIG, context, CREATE, NULL, NULL, 0) < 0)
		return refused("fsopen");
	tree = syscall(NR_FSMOUNT, context, 0, 0);
	return check(syscall(NR_MOVE_MOUNT, tree, "", AT_FDCWD, arg[0], FROM_EMPTY), "move_mount");
}

/* A shell as a child; before it a call by which a monitor learns what we are called by now. */
static int act_shell(char **arg)
{
	(void)arg;
	return check(chdir("/"), "chdir") || system("true");
}

static int act_mount_private(char **arg)
{
	return private_mounts() || act_mount(arg);
}

/* A memory file with a copy of this program in it. */
static int memory_copy(void)
{
	struct stat file;
	int from = open("/proc/self/exe", O_RDONLY);
	int fd = (int)syscall(SYS_memfd_create, "act", 0);

	if (from < 0 || fd < 0 || fstat(from, &file) < 0 ||
	    sendfile(fd, from, NULL, (size_t)file.st_size) != file.st_size)
		return -1;
	return fd;
}

static int act_memfd(char **arg)
{
	(void)arg;
	return opened(memory_copy(), "memfd");
}

static int act_memfd_exec(char **arg)
{
	char *argv[] = {"act", "noop", NULL}, *envp[] = {NULL};
	int fd = memory_copy();

	(void)arg;
	if (fd >= 0)
		fexecve(fd, argv, envp);
	return refused("memfd-exec");
}

static int act_attach(char **arg)
{
	pid_t pid = atoi(arg[0]);

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
		return refused("ptrace");
	waitpid(pid, NULL, 0);
	return check(ptrace(PTRACE_DETACH, pid, NULL, NULL), "ptrace");
}

static int act_traceme(char **arg)
{
	(void)arg;
	return check(ptrace(PTRACE_TRACEME, 0, NULL, NULL), "ptrace");
}

static int act_memory_write(char **arg)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mem", arg[0]);
	return opened(open(path, O_RDWR), path);
}

static int act_memory_read(char **arg)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mem", arg[0]);
	return opened(open(path, O_RDONLY), path);
}

/* Nothing is changed: no process has memory at that address. */
static int act_memory_vm_write(char **arg)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {(void *)8, 1};

	return check(process_vm_writev(atoi(arg[0]), &here, 1, &there, 1, 0), "process_vm_writev");
}

static int act_memory_vm_read(char **arg)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {(void *)arg[0], 1};
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	long answer = process_vm_readv(strcmp(arg[0], "self") == 0 ? getpid() : child, &here, 1,
				       &there, 1, 0);
	kill(child, SIGKILL);
	return check(answer, "process_vm_readv");
}

/* The process's standard output, by its pidfd. */
static int act_take_descriptor(char **arg)
{
	int pidfd = (int)syscall(SYS_pidfd_open, atoi(arg[0]), 0);

	return check(syscall(SYS_pidfd_getfd, pidfd, 1, 0), "pidfd_getfd");
}

/* Nothing is loaded: there is no such file. */
static int act_kexec(char **arg)
{
	(void)arg;
	return check(syscall(SYS_kexec_file_load, -1, -1, 1, "", 0), "kexec_file_load");
}

static int act_make_device(char **arg)
{
	mode_t type = strcmp(arg[1], "disk") == 0 ? S_IFBLK : S_IFIFO;

	return check(mknod(arg[0], type | 0600, makedev(254, 200)), "mknod");
}

/* cut WAY FILE: by its name, or by a descriptor that only appends. */
static int act_cut(char **arg)
{
	int fd;

	if (strcmp(arg[0], "name") == 0)
		return check(truncate(arg[1], 0), "truncate");
	fd = open(arg[1], O_WRONLY | O_APPEND);
	return check(strcmp(arg[0], "hole") == 0
			 ? fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)
		     : strcmp(arg[0], "room") == 0 ? fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096)
						   : ftruncate(fd, 0),
		     arg[0]);
}

static int act_setns(char **arg)
{
	int fd = open(arg[0], O_RDONLY);

	return check(fd < 0 ? -1 : setns(fd, 0), "setns");
}

static int act_unshare_mounts(char **arg)
{
	(void)arg;
	return check(unshare(CLONE_NEWNS), "unshare");
}

static int act_unshare_files(char **arg)
{
	(void)arg;
	return check(unshare(CLONE_FILES | CLONE_FS), "unshare");
}

static int act_clone_user(char **arg)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	(void)arg;
	if (child == 0)
		_exit(0);
	return child < 0 ? refused("clone") : waitpid(child, NULL, 0) != child;
}

/* Two ends of a TCP connection over loopback. */
static int tcp_pair(int ends[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    connect(ends[1], (struct sockaddr *)&address, size) < 0)
		return -1;
	ends[0] = accept(listener, NULL, NULL);
	return ends[0] < 0 ? -1 : 0;
}

/* dup-tcp NUMBER: a connection becomes that descriptor. */
static int act_dup_tcp(char **arg)
{
	int ends[2];

	if (tcp_pair(ends) < 0)
		return refused("loopback");
	return check(dup2(ends[1], atoi(arg[0])), "dup2");
}

/* fcntl-tcp NUMBER: the same, where that descriptor is free. */
static int act_fcntl_tcp(char **arg)
{
	int ends[2], number = atoi(arg[0]);

	if (tcp_pair(ends) < 0)
		return refused("loopback");
	close(number);
	return check(fcntl(ends[1], F_DUPFD, number), "fcntl");
}

static int act_dup3_tcp(char **arg)
{
	int ends[2];

	if (tcp_pair(ends) < 0)
		return refused("loopback");
	return check(dup3(ends[1], atoi(arg[0]), O_CLOEXEC), "dup3");
}

static int act_dup_unix(char **arg)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return refused("socketpair");
	return check(dup2(ends[1], atoi(arg[0])), "dup2");
}

/* connect ADDRESS PORT */
static int act_connect(char **arg)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(arg[1]))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, arg[0], &address.sin_addr);
	return check(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
}

static int userfault(void)
{
	enum { USER_MODE_ONLY = 1 };

	return check(syscall(SYS_userfaultfd, O_CLOEXEC | USER_MODE_ONLY), "userfaultfd");
}

static int act_userfault_root(char **arg)
{
	(void)arg;
	return userfault();
}

static int act_userfault_nobody(char **arg)
{
	(void)arg;
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return refused("setresuid");
	return userfault();
}

/* Neither file is a module, so that the kernel refuses it in any case. */
static int act_init_module(char **arg)
{
	(void)arg;
	return check(syscall(SYS_init_module, "no module", 9, ""), "init_module");
}

static int act_finit_module(char **arg)
{
	int fd = open(arg[0], O_RDONLY);

	return check(syscall(SYS_finit_module, fd, "", 0), "finit_module");
}

static int act_delete_module(char **arg)
{
	return check(syscall(SYS_delete_module, arg[0], O_NONBLOCK), "delete_module");
}

static int act_become_root(char **arg)
{
	(void)arg;
	if (setresuid(NOBODY, NOBODY, 0) < 0)
		return refused("setresuid");
	return check(setresuid(0, 0, 0), "setresuid");
}

/* As make and services do it. */
static int act_effective_root(char **arg)
{
	(void)arg;
	return seteuid(NOBODY) || check(seteuid(0), "seteuid");
}

static int act_setuid(char **arg)
{
	return check(setuid((uid_t)atoi(arg[0])), "setuid");
}

static int act_chmod(char **arg)
{
	return check(chmod(arg[0], (mode_t)strtoul(arg[1], NULL, 8)), "chmod");
}

static int act_fchmod(char **arg)
{
	int fd = open(arg[0], O_RDONLY);

	return check(fchmod(fd, (mode_t)strtoul(arg[1], NULL, 8)), "fchmod");
}

static int act_fchmodat2(char **arg)
{
	enum { NR_FCHMODAT2 = 452 };

	return check(syscall(NR_FCHMODAT2, AT_FDCWD, arg[0], (mode_t)strtoul(arg[1], NULL, 8), 0),
		     "fchmodat2");
}

/* The one to bind low ports, which is of no use to a file that is no program. */
static int act_give_capability(char **arg)
{
	struct vfs_cap_data caps = {.magic_etc = VFS_CAP_REVISION_2,
				    .data = {{.permitted = 1 << CAP_NET_BIND_SERVICE}}};

	return check(setxattr(arg[0], "security.capability", &caps, sizeof(caps), 0), "setxattr");
}

static int act_give_attribute(char **arg)
{
	return check(setxattr(arg[0], "user.saker", "v", 1, 0), "setxattr");
}

static int act_create_mode(char **arg)
{
	return opened(open(arg[0], O_WRONLY | O_CREAT, (mode_t)strtoul(arg[1], NULL, 8)), arg[0]);
}

/* A program that answers 0, for sockets: needs no privilege beyond CAP_BPF. */
static int act_bpf_program(char **arg)
{
	struct bpf_insn code[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	    {.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			       .insn_cnt = 2,
			       .insns = (uintptr_t)code,
			       .license = (uintptr_t) "GPL"};

	(void)arg;
	return check(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)), "bpf");
}

static int act_bpf_map(char **arg)
{
	union bpf_attr attr = {
	    .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	(void)arg;
	return check(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)), "bpf");
}

/* The name that a process gives itself must not count: rename, then act. */
static int act_named(char **arg);

static const struct action {
	const char *name;
	int arguments;
	int (*run)(char **arg);
} actions[] = {
    {"append", 1, act_append},
    {"attach", 1, act_attach},
    {"become-root", 0, act_become_root},
    {"bpf-map", 0, act_bpf_map},
    {"bpf-program", 0, act_bpf_program},
    {"chmod", 2, act_chmod},
    {"clone-user", 0, act_clone_user},
    {"connect", 2, act_connect},
    {"creat", 1, act_creat},
    {"cut", 2, act_cut},
    {"create", 1, act_create},
    {"create-mode", 2, act_create_mode},
    {"delete-module", 1, act_delete_module},
    {"dup-tcp", 1, act_dup_tcp},
    {"dup-unix", 1, act_dup_unix},
    {"dup3-tcp", 1, act_dup3_tcp},
    {"effective-root", 0, act_effective_root},
    {"fchmod", 2, act_fchmod},
    {"fchmodat2", 2, act_fchmodat2},
    {"fcntl-tcp", 1, act_fcntl_tcp},
    {"finit-module", 1, act_finit_module},
    {"give-attribute", 1, act_give_attribute},
    {"give-capability", 1, act_give_capability},
    {"init-module", 0, act_init_module},
    {"kexec", 0, act_kexec},
    {"make-device", 2, act_make_device},
    {"memfd", 0, act_memfd},
    {"memfd-exec", 0, act_memfd_exec},
    {"memory-read", 1, act_memory_read},
    {"memory-vm-read", 1, act_memory_vm_read},
    {"memory-vm-write", 1, act_memory_vm_write},
    {"memory-write", 1, act_memory_write},
    {"mount", 1, act_mount},
    {"mount-bind", 2, act_mount_bind},
    {"mount-new", 1, act_mount_new},
    {"mount-private", 1, act_mount_private},
    {"named", 2, act_named},
    {"noop", 0, act_noop},
    {"read", 1, act_read},
    {"read-at", 2, act_read_at},
    {"read-bind", 2, act_read_bind},
    {"read-handle", 1, act_read_handle},
    {"read-in", 2, act_read_in},
    {"read-openat2", 1, act_read_openat2},
    {"setns", 1, act_setns},
    {"setuid", 1, act_setuid},
    {"shell", 0, act_shell},
    {"take-descriptor", 1, act_take_descriptor},
    {"traceme", 0, act_traceme},
    {"truncate", 1, act_truncate},
    {"unshare-files", 0, act_unshare_files},
    {"unshare-mounts", 0, act_unshare_mounts},
    {"userfault-nobody", 0, act_userfault_nobody},
    {"userfault-root", 0, act_userfault_root},
    {"wait", 0, act_wait},
    {"write", 1, act_write},
};

static int act(int count, char **arg)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(arg[0], actions[i].name) == 0 && count > actions[i].arguments)
			return actions[i].run(arg + 1);
	}
	fprintf(stderr, "act: no action \"%s\" with %d arguments\n", arg[0], count - 1);
	return 2;
}

static int act_named(char **arg)
{
	int count = 0;
	int fd = open("/proc/self/comm", O_WRONLY);

	if (fd < 0 || write(fd, arg[0], strlen(arg[0])) < 0)
		return refused("comm");
	while (arg[1 + count])
		count++;
	return act(count, arg + 1);
}

int main(int argc, char **argv)
{
	return argc < 2 ? act(1, (char *[]){"", NULL}) : act(argc - 1, argv + 1);
}

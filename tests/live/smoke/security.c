/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that change rights, watch others or load code. */
#include "smoke.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

void do_security(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC));
	EVENT("mprotect");
	IS("addr", "%lu", (unsigned long)page);
	IS("length", "4096");
	IS("prot", "5");
	MUST(syscall(SYS_prctl, PR_SET_NAME, "renamed", 0, 0, 0));
	EVENT("prctl");
	IS("option", "15");
	IS("arg2_str", "renamed");
	IS("@comm", "renamed");
	MUST(syscall(SYS_kill, getpid(), 0));
	EVENT("kill");
	IS("pid", "%d", getpid());
	IS("sig", "0");
	MUST(syscall(SYS_tgkill, getpid(), getpid(), 0));
	EVENT("tgkill");
	IS("tid", "%d", getpid());
	MUST(syscall(SYS_tkill, getpid(), 0));
	EVENT("tkill");
	IS("tid", "%d", getpid());
	syscall(SYS_ptrace, PTRACE_ATTACH, 999999999, 0L, 0L);
	EVENT("ptrace");
	IS("res", "%d", -ESRCH);
	IS("request", "11");
	IS("pid", "999999999");
	MUST(syscall(SYS_unshare, CLONE_NEWNS | CLONE_NEWUTS));
	EVENT("unshare");
	IS("flags", "%d", 0x20 | 0x80);
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	EVENT("mount");
	MUST(syscall(SYS_mount, "none", work, "tmpfs", MS_NOSUID, NULL));
	EVENT("mount");
	IS("dev", "none");
	IS("dir", "%s", work);
	IS("type", "tmpfs");
	IS("flags", "2");
	MUST(syscall(SYS_openat, AT_FDCWD, in_work("mounted"), O_CREAT | O_RDWR, 0600));
	EVENT("openat");
	IS("annex:resolved", "%s", in_work("mounted"));
	MUST(syscall(SYS_umount2, work, MNT_DETACH));
	EVENT("umount2");
	IS("name", "%s", work);
	IS("flags", "2");
	syscall(SYS_setns, -1, CLONE_NEWNET);
	EVENT("setns");
	IS("res", "%d", -EBADF);
	IS("nstype", "%d", 0x10);
	syscall(SYS_pivot_root, "/no/such", "/no/such");
	EVENT("pivot_root");
	IS("ID", "137");
	IS("nativeID", "155");
	IS("newroot", "/no/such");
	IS("putold", "/no/such");
	syscall(SYS_init_module, "image", 5UL, "args");
	EVENT("init_module");
	IS("img", "image");
	IS("length", "5");
	IS("uargs", "args");
	syscall(SYS_finit_module, -1, "args", 0);
	EVENT("finit_module");
	IS("fd", "-1");
	syscall(SYS_delete_module, "no_such_module", O_NONBLOCK);
	EVENT("delete_module");
	IS("name", "no_such_module");
	IS("flags", "2");
	syscall(SYS_bpf, 9999, NULL, 0);
	EVENT("bpf");
	IS("cmd", "9999");
	syscall(SYS_keyctl, 1, "ring", 0, 0, 0);
	EVENT("keyctl");
	IS("operation", "1");
	IS("arg2", "1 ring");
	IS("arg3", "0 0");
	int user = (int)syscall(SYS_userfaultfd, 0);
	EVENT("userfaultfd");
	IS("res", "%d", user < 0 ? -errno : user);
	struct io_uring_params uring = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &uring);
	EVENT("io_uring_setup");
	IS("res", "%d", ring < 0 ? -errno : ring);
	IS("entries", "4");
	if (ring >= 0)
		IS("sq_entries", "%u", uring.sq_entries);
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2];
	syscall(SYS_capget, &header, caps);
	MUST(syscall(SYS_capset, &header, caps));
	EVENT("capset");
	IS("cap_effective", "%llu",
	   (unsigned long long)caps[1].effective << 32 | caps[0].effective);
	MUST(syscall(SYS_setpgid, 0, 0));
	EVENT("setpgid");
	IS("pid", "0");
	MUST(syscall(SYS_setresgid, -1, 7, -1));
	EVENT("setresgid");
	IS("rgid", "%u", ~0u);
	IS("egid", "7");
	IS("@gid", "7");
	MUST(syscall(SYS_setregid, 0, 0));
	EVENT("setregid");
	IS("egid", "0");
	MUST(syscall(SYS_setgid, 0));
	EVENT("setgid");
	IS("gid", "0");
	MUST(syscall(SYS_setresuid, -1, 65534, -1));
	EVENT("setresuid");
	IS("euid", "65534");
	IS("@uid", "65534");
	IS("@ruid", "0");
	MUST(syscall(SYS_setreuid, 0, 0));
	EVENT("setreuid");
	MUST(syscall(SYS_setuid, 0));
	EVENT("setuid");
	IS("uid", "0");
	MUST(syscall(SYS_chroot, "/"));
	EVENT("chroot");
	IS("path", "/");
	/* The generic event. */
	syscall(SYS_sched_yield);
	EVENT("syscall");
	IS("ID", "99");
	IS("nativeID", "24");
}

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The few kernel structures that the programs read, with the few members that are read. Offsets
 * are those of the running kernel: libbpf relocates every access (preserve_access_index), so the
 * order and size here mean nothing. A structure whose member changed between 5.8 and today has
 * flavours (name___era), of which the one that fits is chosen when the programs are loaded.
 */
#ifndef SAKER_PROBE_KERNEL_H
#define SAKER_PROBE_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#define KERNEL_STRUCT __attribute__((preserve_access_index))

typedef struct {
	__u32 val;
} kuid_t;
typedef struct {
	__u32 val;
} kgid_t;

#if defined(__TARGET_ARCH_arm64)
struct thread_info {
	unsigned long flags; /* TIF_32BIT: a 32-bit program's */
} KERNEL_STRUCT;

struct pt_regs {
	__u64 regs[31];
	__u64 pc, orig_x0;
	__s32 syscallno;
} KERNEL_STRUCT;
#else
struct thread_info {
	unsigned int status; /* TS_COMPAT: in a 32-bit call */
} KERNEL_STRUCT;

struct pt_regs {
	unsigned long r10, r9, r8, bp, bx, cx, dx, si, di, orig_ax, ax, ip;
} KERNEL_STRUCT;
#endif

struct ns_common {
	unsigned int inum;
	__u64 ns_id; /* since 6.18 */
} KERNEL_STRUCT;

struct uid_gid_extent {
	__u32 first, lower_first, count;
} KERNEL_STRUCT;
struct uid_gid_map {
	__u32 nr_extents;
	struct uid_gid_extent extent[5];
} KERNEL_STRUCT;
struct user_namespace {
	struct ns_common ns;
	struct uid_gid_map uid_map, gid_map;
} KERNEL_STRUCT;
struct mount;
struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
	__u64 event; /* changes with each mount */
} KERNEL_STRUCT;
struct net {
	struct ns_common ns;
} KERNEL_STRUCT;
struct task_struct;
struct pid_namespace {
	struct ns_common ns;
	struct task_struct *child_reaper;
	unsigned int level;
} KERNEL_STRUCT;
struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
} KERNEL_STRUCT;

struct upid {
	int nr;
	struct pid_namespace *ns;
} KERNEL_STRUCT;
struct hlist_node {
	struct hlist_node *next;
} KERNEL_STRUCT;
struct hlist_head {
	struct hlist_node *first;
} KERNEL_STRUCT;
struct pid {
	unsigned int level;
	struct hlist_head tasks[1];
	struct upid numbers[1];
} KERNEL_STRUCT;
/* Values are those of every kernel since 4.19. */
enum { PIDTYPE_TGID_ = 1, PIDTYPE_PGID_, PIDTYPE_SID_, PIDTYPE_COUNT_ };

struct tty_driver {
	int major, minor_start;
} KERNEL_STRUCT;
struct tty_struct {
	struct tty_driver *driver;
	int index;
} KERNEL_STRUCT;

struct list_head {
	struct list_head *next, *prev;
} KERNEL_STRUCT;

struct rlimit {
	unsigned long rlim_cur, rlim_max;
} KERNEL_STRUCT;
struct signal_struct {
	struct pid *pids[PIDTYPE_COUNT_];
	struct tty_struct *tty;
	struct rlimit rlim[16];
	struct task_struct *group_exit_task;
	unsigned int is_child_subreaper : 1, has_child_subreaper : 1;
	struct list_head thread_head;
} KERNEL_STRUCT;

/* Until 6.2 two 32-bit words, low one first: the same eight bytes on a little-endian machine. */
typedef struct {
	__u64 val;
} kernel_cap_t;
struct group_info {
	int ngroups;
	kgid_t gid[1];
} KERNEL_STRUCT;
struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
} KERNEL_STRUCT;

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
} KERNEL_STRUCT;

struct qstr {
	__u32 hash, len;
	const unsigned char *name;
} KERNEL_STRUCT;
struct file_system_type {
	const char *name;
} KERNEL_STRUCT;
struct dentry;
struct super_block {
	struct dentry *s_root;
	__u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	void *s_fs_info;
	struct mount *s_mounts; /* since 6.18 */
} KERNEL_STRUCT;
struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
} KERNEL_STRUCT;
typedef struct {
	long counter;
} atomic_long_t;
struct rw_semaphore {
	atomic_long_t owner; /* the task that has it for writing; not in kernels that preempt all */
} KERNEL_STRUCT;
struct inode {
	__u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned int i_flags;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	char *i_link;
	struct hlist_head i_dentry;
	struct rw_semaphore i_rwsem;
	__u32 i_rdev;
	__s64 i_mtime_sec, i_ctime_sec;
	__u32 i_mtime_nsec, i_ctime_nsec;
} KERNEL_STRUCT;
struct proc_inode {
	struct pid *pid;
	unsigned int fd;
	struct inode vfs_inode;
} KERNEL_STRUCT;
struct proc_fs_info {
	struct pid_namespace *pid_ns;
} KERNEL_STRUCT;
struct inode___until_6_5 {
	struct timespec64 i_mtime, i_ctime;
} KERNEL_STRUCT;
struct inode___6_6 {
	struct timespec64 i_mtime, __i_mtime, __i_ctime;
} KERNEL_STRUCT;
struct dentry {
	unsigned int d_flags;
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[32]; /* until 6.13; then: */
	struct super_block *d_sb;
	struct hlist_node d_sib; /* since 6.8 */
	union {
		struct hlist_node d_alias;
	} d_u;
	struct hlist_head d_children;
} KERNEL_STRUCT;
union shortname_store {
	unsigned char string[32];
} KERNEL_STRUCT;
struct dentry___6_14 {
	union shortname_store d_shortname;
} KERNEL_STRUCT;
struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
} KERNEL_STRUCT;
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct list_head mnt_mounts, mnt_child;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	struct mount *mnt_next_for_sb; /* since 6.18 */
} KERNEL_STRUCT;
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} KERNEL_STRUCT;
/* The kernel's copy of a name, and where it was. */
struct filename {
	const char *name;
	const char *uptr;
} KERNEL_STRUCT;
struct file_operations;
struct file {
	struct path f_path;
	struct inode *f_inode;
	const struct file_operations *f_op;
	unsigned int f_flags;
	unsigned int f_mode;
	void *private_data;
} KERNEL_STRUCT;
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} KERNEL_STRUCT;
struct files_struct {
	struct fdtable *fdt;
} KERNEL_STRUCT;
struct fs_struct {
	struct path root, pwd;
} KERNEL_STRUCT;

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	__u64 id;
} KERNEL_STRUCT;
struct kernfs_node___6_15 {
	struct kernfs_node *__parent;
} KERNEL_STRUCT;
struct cgroup {
	struct kernfs_node *kn;
} KERNEL_STRUCT;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
} KERNEL_STRUCT;
/* Which numbers the controllers have is each kernel's configuration: read with bpf_core_enum_value.
 */
enum cgroup_subsys_id {
	cpuset_cgrp_id,
	cpu_cgrp_id,
	cpuacct_cgrp_id,
	io_cgrp_id,
	memory_cgrp_id,
	devices_cgrp_id,
	freezer_cgrp_id,
	pids_cgrp_id,
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
} KERNEL_STRUCT;

struct percpu_counter {
	__s64 count;
} KERNEL_STRUCT;
struct mm_rss_stat {
	atomic_long_t count[4];
} KERNEL_STRUCT;
struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	unsigned long total_vm;
	struct file *exe_file;
	struct percpu_counter rss_stat[4];
} KERNEL_STRUCT;
struct mm_struct___until_6_1 {
	struct mm_rss_stat rss_stat;
} KERNEL_STRUCT;

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	unsigned int flags;
	struct mm_struct *mm;
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct list_head children, thread_node;
	struct pid *thread_pid;
	struct hlist_node pid_links[1];
	__u64 start_time, start_boottime;
	unsigned long min_flt, maj_flt;
	const struct cred *real_cred, *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	__u64 self_exec_id;
	struct css_set *cgroups;
} KERNEL_STRUCT;

struct kernel_siginfo {
	int si_signo, si_errno, si_code;
	union {
		struct {
			int _pid;
		} _kill, _rt, _sigchld;
	} _sifields;
} KERNEL_STRUCT;

struct linux_binprm {
	const char *filename;
	const char *interp;
	const char *fdpath;
} KERNEL_STRUCT;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__u32 u6_addr32[4];
	} in6_u;
} KERNEL_STRUCT;
typedef struct {
	struct net *net;
} possible_net_t;
struct sock_common {
	__u32 skc_daddr, skc_rcv_saddr;
	__u16 skc_dport, skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
} KERNEL_STRUCT;
struct socket;
struct sock {
	struct sock_common __sk_common;
	__u16 sk_type, sk_protocol;
	__u32 sk_ack_backlog, sk_max_ack_backlog;
	__u8 sk_userlocks : 4; /* a whole byte since 6.8 */
	struct socket *sk_socket;
} KERNEL_STRUCT;
struct ipv6_pinfo {
	struct in6_addr saddr;
} KERNEL_STRUCT;
struct inet_sock {
	struct ipv6_pinfo *pinet6;
	__u32 inet_saddr;
	__u16 inet_sport;
} KERNEL_STRUCT;
enum socket_state___probe { SOCKET_CONNECTING = 2 };
struct socket {
	enum socket_state___probe state;
	short type;
	struct file *file;
	struct sock *sk;
} KERNEL_STRUCT;
struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
} KERNEL_STRUCT;
struct unix_address {
	int len;
	struct sockaddr_un name[1];
} KERNEL_STRUCT;
struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
} KERNEL_STRUCT;

/* What a route is looked up for. Ports are as packets have them. */
struct flowi_common {
	__u8 flowic_proto;
} KERNEL_STRUCT;
union flowi_uli {
	struct {
		__u16 dport, sport;
	} ports;
} KERNEL_STRUCT;
struct flowi4 {
	struct flowi_common __fl_common;
	__u32 daddr;
	union flowi_uli uli;
} KERNEL_STRUCT;
struct flowi6 {
	struct flowi_common __fl_common;
	struct in6_addr daddr;
	union flowi_uli uli;
} KERNEL_STRUCT;

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
} KERNEL_STRUCT;
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} KERNEL_STRUCT;

/* kernel/include/uapi and arch values that never change. */
enum {
	TS_COMPAT_ = 0x0002,
	TIF_32BIT_ = 22,
	PF_EXITING_ = 0x4,
	PF_KTHREAD_ = 0x00200000,
	FMODE_CREATED_ = 0x100000,
	SB_RDONLY_ = 1,
	S_IMMUTABLE_ = 8,
	OVERLAYFS_MAGIC_ = 0x794c7630,
	SOCKFS_MAGIC_ = 0x534f434b,
	PIPEFS_MAGIC_ = 0x50495045,
	ANON_INODE_MAGIC_ = 0x09041934,
	TMPFS_MAGIC_ = 0x01021994,
	EXT4_MAGIC_ = 0xef53,
	XFS_MAGIC_ = 0x58465342,
	BTRFS_MAGIC_ = 0x9123683e,
	F2FS_MAGIC_ = 0xf2f52010,
	PROC_MAGIC_ = 0x9fa0,
	HUGETLBFS_MAGIC_ = 0x958458f6,
	AF_UNIX_ = 1,
	AF_INET_ = 2,
	AF_INET6_ = 10,
	AF_NETLINK_ = 16,
	IPPROTO_TCP_ = 6,
	AF_PACKET_ = 17,
};

#endif

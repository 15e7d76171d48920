/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What most calls are on a machine that does the same over and over: files that are opened once
 * more under their own names (known.bpf.h). Those that no rule can hold for end here.
 */
#ifndef SAKER_PROBE_DISCARD_OPENED_BPF_H
#define SAKER_PROBE_DISCARD_OPENED_BPF_H

#include "probe/discard_verdict.bpf.h"
#include "probe/known.bpf.h"

/*
 * Whether the name that the call was given is these bytes. Of a longer one only so many are read;
 * of a shorter one more, which are not the name's, but differ.
 */
static __always_inline bool given_is(const struct known_path *path, __u32 size, __u64 pointer)
{
	__u8 given[KNOWN_TEXT_ROOM];

	size = INDEX(size, KNOWN_TEXT_ROOM);
	if (bpf_probe_read_user(given, size + 1, (const void *)pointer))
		return false;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < KNOWN_WORDS; i++) {
		__u32 done = i * WORD;
		/* The zero at its end belongs to it. */
		if (done > size)
			break;
		__u64 differs = *(__u64 *)(given + done) ^ *(const __u64 *)(path->text + done);
		if (differs & word_mask(size + 1 - done))
			return false;
	}
	return true;
}

/*
 * Whether this is an opening of the known file under its own name, so that what is known of its
 * path is all. What most openings are on a machine that does the same over and over, so that it
 * goes without what others need: a slot, and a copy of the path.
 */
static __always_inline bool known_is_opened(const struct known_path *path, __u64 dentry, __u64 mnt,
					    __u64 name, bool known, struct task_struct *task)
{
	__u32 size = path->size;

	if (size > KNOWN_TEXT || !READ(dentry, dentry, d_hash.pprev))
		return false;
	struct fs_struct *fs = FOLLOW(known, task, fs);
	if (!fs)
		return false;
	__u64 end_mnt = origin_mount(known, task), end_dentry;
	if (end_mnt) {
		end_dentry = NUMBER_AT(end_mnt + bpf_core_field_offset(struct vfsmount, mnt_root));
	} else {
		__u64 root = (__u64)fs + bpf_core_field_offset(struct fs_struct, root);

		end_mnt = NUMBER_AT(root + bpf_core_field_offset(struct path, mnt));
		end_dentry = NUMBER_AT(root + bpf_core_field_offset(struct path, dentry));
	}
	__u64 sb = (__u64)READ(dentry, dentry, d_sb);
	if (READ(super_block, sb, s_magic) == OVERLAYFS_MAGIC_ &&
	    sb != (__u64)READ(vfsmount, end_mnt, mnt_sb))
		return false;
	return given_is(path, size, name) &&
	       known_is_there(known_index(dentry, KNOWN_FILE), dentry, mnt, end_dentry, end_mnt);
}

enum {
	OPEN_WRITE_ONLY = 1,
	OPEN_CREAT = 0x40,
#if defined(__TARGET_ARCH_arm64)
	OPEN_DIRECTORY = 0x4000,
#else
	OPEN_DIRECTORY = 0x10000,
#endif
};

/* Of what DISCARD_OPEN's numbers are made of: how the file was opened. */
static __always_inline __u32 opened_facts(__u64 file, __u32 flags)
{
	__u32 access = flags & OPEN_ACCESS, facts = 0;

	if (access != OPEN_WRITE_ONLY)
		facts |= DISCARD_OPEN_READ;
	if (access == OPEN_WRITE_ONLY || access == 2)
		facts |= DISCARD_OPEN_WRITE;
	if (flags & OPEN_CREAT)
		facts |= DISCARD_OPEN_MAY_CREATE;
	if (READ(file, file, f_mode) & FMODE_CREATED_)
		facts |= DISCARD_OPEN_CREATED;
	/* It is a part of O_TMPFILE, and shown as that. */
	if (flags & OPEN_DIRECTORY)
		facts |= DISCARD_OPEN_MAY_CREATE | DISCARD_OPEN_CREATED;
	return facts;
}

/* Whether what is known tells that no rule can hold for this opening. */
static __always_inline bool opened_is_out(struct pt_regs *regs, __u32 nr,
					  const struct collect_row *row, __s64 ret, bool known,
					  struct task_struct *trusted, struct task_struct *task)
{
	bool at = row->path_dir[0] != COLLECT_NONE;
	const struct discard_table *t = discard_table_get();
	__u64 to_path = bpf_core_field_offset(struct file, f_path);

	if (!t || t->shape[INDEX(nr, DISCARD_CALLS)] != DISCARD_OPEN)
		return false;
	__u64 file = file_of_fd(known, task, ret);
	if (!file)
		return false;
	__u64 mnt = NUMBER_AT(file + to_path + bpf_core_field_offset(struct path, mnt));
	__u64 dentry = NUMBER_AT(file + to_path + bpf_core_field_offset(struct path, dentry));
	const struct known_path *path = known_get(dentry, KNOWN_FILE);
	if (!path)
		return false;
	__u32 version = known_version(path);
	if (version & 1 || path->dentry != dentry || path->mnt != mnt || path->number != t->number)
		return false;
	__u64 inode = (__u64)READ(file, file, f_inode);
	if ((READ(inode, inode, i_mode) & MODE_TYPE) != MODE_PLAIN)
		return false;
	__u64 name = at ? ARGUMENT(regs, false, 1) : ARGUMENT(regs, false, 0);
	__u32 flags = at ? ARGUMENT(regs, false, 2) : ARGUMENT(regs, false, 1);
	__u32 facts = opened_facts(file, flags) | DISCARD_FILE_PLAIN << DISCARD_FILE_SHIFT |
		      (ret <= 2 ? DISCARD_LOW : DISCARD_HIGH);
	__u32 verdict = t->verdicts[INDEX(t->first[INDEX(nr, DISCARD_CALLS)] + ANY_NUMBER(facts),
					  DISCARD_VERDICTS)];
	if (verdict == DISCARD_KEEP)
		return false;
	__u64 clauses = t->clauses[INDEX(verdict, DISCARD_SETS)] & (path->may_hold | ~t->named);
	if (clauses & t->of_process)
		clauses &= process_clauses(t, known, trusted, task);
	return !clauses && known_is_opened(path, dentry, mnt, name, known, task) &&
	       version == path->version;
}

/* The dispatcher's way for calls that open files; they go on by call_wanted where they are others.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(discard_opened, struct pt_regs *regs, long ret)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	struct task_struct *task = known ? task_plain(trusted) : trusted;
	__u32 nr = CALL_NUMBER(true, regs);

	if (nr >= PROBE_SYSCALLS)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	if (ret >= 0 && !is_compat(known, trusted) &&
	    (FOLLOW(known, trusted, tgid) != own_tgid || reports_own) &&
	    opened_is_out(regs, nr, row, ret, known, trusted, task))
		discard_end(ctx, nr, row, true);
	else
		bpf_tail_call(ctx, &families, FAMILY_WANTED);
	return 0;
}

#endif
